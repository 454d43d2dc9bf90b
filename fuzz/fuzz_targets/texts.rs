//! Texts of models, values of headers, addresses.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samara_fuzz::replies::text(data));
