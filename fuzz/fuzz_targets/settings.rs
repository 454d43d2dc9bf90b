//! Settings in TOML, as `resume` reads those of a run.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| samara_fuzz::settings::check(text));
