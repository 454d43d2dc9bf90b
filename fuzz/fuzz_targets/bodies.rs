//! Bodies of replies, framed and shaped in any way.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samara_fuzz::replies::body(data));
