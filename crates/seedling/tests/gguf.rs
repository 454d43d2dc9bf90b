//! GGUF files: what is right is read, and what lies is an error that names the file.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod gguf_file;

use std::{io::Read, path::Path};

use gguf_file::{File, string, value};
use proptest::prelude::*;
use samara_seedling::{
    Gguf, SeedlingError,
    gguf::{Encoding, Header},
};

const ORIGIN: &str = "folder/model.gguf";

/// A list of one of GGUF's types.
fn list(kind: u32, count: u64, bytes: &[u8]) -> Vec<u8> {
    value(9, &[&kind.to_le_bytes()[..], &count.to_le_bytes()[..], bytes].concat())
}

fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn file() -> File {
    File::new()
        .set("general.architecture", value(8, &string("llama")))
        .set("llama.block_count", value(4, &2_u32.to_le_bytes()))
        .set("llama.eps", value(6, &1e-5_f32.to_le_bytes()))
        .set("offset", value(5, &(-3_i32).to_le_bytes()))
        .set("add_bos", value(7, &[1]))
        .set("tokens", list(8, 2, &[string("<s>"), string("Ġa")].concat()))
        .set("scores", list(6, 2, &floats(&[0.5, f32::NEG_INFINITY])))
        .set("types", list(5, 2, &[1_i32.to_le_bytes(), (-1_i32).to_le_bytes()].concat()))
        .tensor("a", &[2, 3], 0, floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
        .tensor("b", &[32], 8, vec![7; 34])
}

fn read(bytes: &[u8]) -> Result<Header, SeedlingError> {
    Header::read(&mut &bytes[..], bytes.len() as u64, Path::new(ORIGIN))
}

#[track_caller]
fn refused(bytes: &[u8], told: &str) {
    let text = read(bytes).unwrap_err().to_string();
    assert!(text.contains(told) && text.starts_with(ORIGIN) && text.contains("\nhint: "), "{told}: {text}");
}

#[test]
fn metadata_tensors_and_their_numbers_are_read_in_versions_2_and_3() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    for version in [2, 3] {
        std::fs::write(&path, File { version, ..file() }.bytes()).unwrap();
        let model = Gguf::open(&path).unwrap();
        let metadata = model.metadata();
        assert_eq!(metadata.text("general.architecture").unwrap(), Some("llama"));
        assert_eq!(metadata.unsigned("llama.block_count").unwrap(), Some(2));
        assert_eq!(metadata.number("llama.eps").unwrap(), Some(f64::from(1e-5_f32)));
        assert_eq!(metadata.number("offset").unwrap(), Some(-3.0));
        assert_eq!(metadata.flag("add_bos").unwrap(), Some(true));
        assert_eq!(metadata.texts("tokens").unwrap().unwrap(), ["<s>", "Ġa"]);
        assert_eq!(metadata.floats("scores").unwrap().unwrap(), [0.5, f32::NEG_INFINITY]);
        assert_eq!(metadata.integers("types").unwrap().unwrap(), [1, -1]);
        assert_eq!(metadata.text("missing").unwrap(), None);
        assert_eq!(model.read("a").unwrap(), floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        assert_eq!(model.read("b").unwrap(), [7; 34]);
        let b = model.tensor("b").unwrap();
        assert_eq!(b.encoding, Encoding { id: 8, name: "Q8_0", block: 32, block_bytes: 34 });
        assert_eq!(model.tensors().count(), 2);
    }
}

#[test]
fn a_value_of_another_kind_is_an_error_that_names_the_key() {
    let metadata = read(&file().bytes()).unwrap().metadata;
    let wrong = [
        metadata.text("add_bos").unwrap_err(),
        metadata.unsigned("offset").unwrap_err(),
        metadata.flag("tokens").unwrap_err(),
        metadata.texts("scores").unwrap_err(),
        metadata.floats("types").unwrap_err(),
        metadata.integers("general.architecture").unwrap_err(),
    ];
    let keys = ["add_bos", "offset", "tokens", "scores", "types", "general.architecture"];
    for (error, key) in wrong.iter().zip(keys) {
        assert!(error.to_string().contains(&format!("{key} is ")), "{error}");
    }
}

#[test]
fn other_formats_versions_and_byte_orders_are_named() {
    refused(b"{\"a\": 1}", "not a GGUF file");
    refused(b"", "cut off");
    refused(&File { version: 1, ..file() }.bytes(), "version 1");
    refused(&File { version: 4, ..file() }.bytes(), "version 4");
    refused(&File { version: 3_u32.swap_bytes(), ..file() }.bytes(), "big-endian");
}

#[test]
fn counts_and_lengths_that_lie_are_refused_before_memory_is_taken() {
    let bytes = file().bytes();
    for (at, told) in [(8, "tensors"), (16, "pieces of metadata"), (24, "text of"), (24 + 32, "text of")] {
        for lie in [u64::MAX, 1 << 62, 1 << 40] {
            let mut bytes = bytes.clone();
            bytes[at..at + 8].copy_from_slice(&lie.to_le_bytes());
            refused(&bytes, told);
        }
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&4000_u64.to_le_bytes());
        read(&bytes).unwrap_err();
    }
    for lie in [u64::MAX, 1 << 62, 1 << 40, 1 << 20] {
        for kind in [0, 4, 6, 7, 8, 10, 12] {
            refused(&File::new().set("x", list(kind, lie, &[0; 64])).bytes(), "elements of x");
        }
    }
}

#[test]
fn a_file_that_is_longer_than_its_bytes_takes_no_memory_for_the_rest() {
    // As a file full of holes: said to be of 2^62 bytes, with a list of 2^40 elements that would fit in.
    let bytes = File::new().set("x", list(0, 1 << 40, &[])).bytes();
    let error = Header::read(&mut bytes.chain(std::io::repeat(0)), 1 << 62, Path::new(ORIGIN)).unwrap_err();
    assert!(error.to_string().contains("elements of x"), "{error}");
    let text = File::new().set("x", value(8, &(1_u64 << 40).to_le_bytes())).bytes();
    let error = Header::read(&mut text.chain(std::io::repeat(0)), 1 << 62, Path::new(ORIGIN)).unwrap_err();
    assert!(error.to_string().contains("a text of 1099511627776 bytes"), "{error}");
}

#[test]
fn doubled_keys_and_tensors_nested_lists_and_unknown_types_are_refused() {
    refused(&file().set("offset", value(7, &[0])).bytes(), "there twice");
    refused(&file().tensor("a", &[1], 0, floats(&[1.0])).bytes(), "the tensor a is in the table twice");
    refused(&file().set("x", list(9, 1, &list(4, 0, &[]))).bytes(), "an array of arrays");
    refused(&file().set("x", list(77, 1, &[0; 8])).bytes(), "type 77");
    refused(&file().set("x", value(77, &[0; 8])).bytes(), "type 77");
    refused(&file().set("x", value(7, &[2])).bytes(), "where 0 (no) or 1 (yes)");
    refused(&file().set("x", value(8, &[2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])).bytes(), "not UTF-8");
    refused(&file().set("x\u{1b}]0;", value(7, &[0])).bytes(), "is no name");
    refused(&file().tensor("c", &[1], 99, vec![0; 4]).bytes(), "stored as type 99");
}

#[test]
fn shapes_and_places_that_make_no_sense_are_refused() {
    let with = |shape: &[u64], kind: u32| file().tensor("c", shape, kind, vec![0; 64]).bytes();
    refused(&with(&[0], 0), "shape [0]");
    refused(&with(&[u64::MAX, u64::MAX], 0), "doesn't lie inside");
    refused(&with(&[1 << 62, 4], 0), "doesn't lie inside");
    refused(&with(&[1 << 62], 0), "doesn't lie inside");
    refused(&with(&[33], 8), "blocks of 32");
    refused(&with(&[1; 5], 0), "5 dimensions");
    refused(&with(&[], 0), "0 dimensions");
    let file = file();
    for (offsets, told) in [
        ([0, 0], "overlap"),
        ([32, 0], "overlap"),
        ([1, 32], "multiple of 32"),
        ([0, 1 << 40], "doesn't lie inside"),
        ([0, u64::MAX - 31], "doesn't lie inside"),
    ] {
        refused(&file.bytes_with(&offsets), told);
    }
    for bad in [0_u32, 3, 1 << 31] {
        let value = value(4, &bad.to_le_bytes());
        refused(&file.clone().set("general.alignment", value).bytes(), "general.alignment");
    }
}

#[test]
fn another_alignment_is_followed() {
    let mut file = file().set("general.alignment", value(4, &128_u32.to_le_bytes()));
    file.alignment = 128;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, file.bytes()).unwrap();
    assert_eq!(Gguf::open(&path).unwrap().read("b").unwrap(), [7; 34]);
}

#[test]
fn every_truncation_is_refused() {
    let bytes = file().bytes();
    for cut in 0..bytes.len() {
        let error = read(&bytes[..cut]).unwrap_err();
        assert!(error.to_string().starts_with(ORIGIN), "{cut}: {error}");
    }
}

#[test]
fn a_split_model_is_read_whole_from_its_first_file() {
    let folder = tempfile::tempdir().unwrap();
    let part = |number: u16, file: File| {
        let path = folder.path().join(format!("model-{:05}-of-00002.gguf", number + 1));
        let file = file
            .set("split.no", value(2, &number.to_le_bytes()))
            .set("split.count", value(2, &2_u16.to_le_bytes()));
        std::fs::write(&path, file.bytes()).unwrap();
        path
    };
    let first = part(0, file());
    let error = Gguf::open(&first).unwrap_err().to_string();
    assert!(error.contains("model-00002-of-00002.gguf") && error.contains("can't be read"), "{error}");
    let second = part(1, File::new().tensor("c", &[2], 0, floats(&[8.0, 9.0])));
    let model = Gguf::open(&first).unwrap();
    assert_eq!(model.read("c").unwrap(), floats(&[8.0, 9.0]));
    assert_eq!(model.read("b").unwrap(), [7; 34]);
    let error = Gguf::open(&second).unwrap_err().to_string();
    assert!(error.contains("hint: give model-00001-of-00002.gguf"), "{error}");
    part(1, File::new().tensor("a", &[2], 0, floats(&[8.0, 9.0])));
    assert!(Gguf::open(&first).unwrap_err().to_string().contains("in another file"));
    std::fs::write(&second, file().bytes()).unwrap();
    assert!(Gguf::open(&first).unwrap_err().to_string().contains("not a part of the same model"));
    let renamed = folder.path().join("model.gguf");
    std::fs::rename(&first, &renamed).unwrap();
    assert!(Gguf::open(&renamed).unwrap_err().to_string().contains("its name doesn't say so"));
}

#[cfg(unix)]
#[test]
fn folders_devices_and_fifos_are_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo.gguf");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [folder.path(), Path::new("/dev/zero"), &fifo] {
        let error = Gguf::open(path).unwrap_err().to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }
    let none = Gguf::open(&folder.path().join("none.gguf")).unwrap_err().to_string();
    assert!(none.contains("can't be read"), "{none}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), magic in any::<bool>()) {
        let bytes = if magic { [b"GGUF\x03\0\0\0".as_slice(), &bytes].concat() } else { bytes };
        if let Err(error) = read(&bytes) {
            prop_assert!(error.to_string().starts_with(ORIGIN));
        }
    }

    #[test]
    fn changed_bytes_are_read_or_refused(changes in prop::collection::vec((0..700_usize, any::<u8>()), 1..6)) {
        let mut bytes = file().bytes();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        match read(&bytes) {
            Err(error) => prop_assert!(error.to_string().starts_with(ORIGIN)),
            Ok(header) => for tensor in header.tensors {
                prop_assert!(tensor.start + tensor.bytes <= bytes.len() as u64);
            },
        }
    }

    #[test]
    fn whole_numbers_of_a_header_changed_to_any_other_are_read_or_refused(at in 0..600_usize, number in any::<u64>(), shift in 0..64_u32) {
        let mut bytes = file().bytes();
        let at = at % (bytes.len() - 8);
        bytes[at..at + 8].copy_from_slice(&(number >> shift).to_le_bytes());
        if let Err(error) = read(&bytes) {
            prop_assert!(error.to_string().starts_with(ORIGIN));
        }
    }
}
