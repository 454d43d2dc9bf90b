//! Keys that a server quotes in any mix of codings.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samara_fuzz::replies::quoted(data));
