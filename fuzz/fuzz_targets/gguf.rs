//! Headers of model files: any bytes are refused or read, and what is read lies inside the file and apart.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use samara_seedling::gguf::Header;

fuzz_target!(|data: &[u8]| {
    let length = data.len() as u64;
    let Ok(header) = Header::read(&mut &data[..], length, Path::new("model.gguf")) else { return };
    let mut spans: Vec<(u64, u64)> =
        header.tensors.iter().map(|tensor| (tensor.start, tensor.start + tensor.bytes)).collect();
    spans.sort_unstable();
    assert!(spans.iter().all(|(start, end)| start < end && *end <= length));
    assert!(spans.windows(2).all(|pair| pair[0].1 <= pair[1].0));
});
