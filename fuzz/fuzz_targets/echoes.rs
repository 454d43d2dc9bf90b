//! Echoes of prompts, with any tokens, offsets and values.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| samara_fuzz::replies::echoed(data));
