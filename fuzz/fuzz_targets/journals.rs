//! Runs in which bytes or values are changed.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samara_fuzz::journals::check(data));
