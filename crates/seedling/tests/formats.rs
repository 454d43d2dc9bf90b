//! Formats of weights against the reference's blocks (`data/formats.py`), and against bytes of any kind.

use proptest::prelude::*;
use samara_seedling::quant::{Format, Quantised};
use serde_json::Value;

fn bytes_of(hexadecimal: &Value) -> Vec<u8> {
    let text = hexadecimal.as_str().expect("a text").as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit") as u8;
    text.as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) << 4 | digit(*low)).collect()
}

#[test]
fn blocks_of_every_format_mean_what_the_reference_says_bit_for_bit() {
    let golden: Value = serde_json::from_str(include_str!("data/formats.json")).unwrap();
    let formats = golden["formats"].as_array().unwrap();
    assert_eq!(formats.len(), Format::ALL.len());
    for golden in formats {
        let format = Format::from_id(golden["id"].as_u64().unwrap() as u32).unwrap();
        assert_eq!(golden["name"], format.name());
        let bytes = bytes_of(&golden["bytes"]);
        let expected: Vec<u32> = bytes_of(&golden["weights"])
            .chunks(4)
            .map(|four| u32::from_le_bytes(four.try_into().unwrap()))
            .collect();
        let mut weights = vec![0.0; expected.len()];
        format.decode(&bytes, &mut weights).unwrap();
        let bits: Vec<u32> = weights.iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits, expected, "{}", format.name());
    }
}

#[test]
fn sizes_that_do_not_fit_are_errors() {
    for format in Format::ALL {
        let (weights, size) = (format.block_weights(), format.block_bytes());
        let block = vec![0; size];
        assert!(Quantised::new(format, 1, weights, &block).is_ok());
        for (rows, columns) in
            [(0, weights), (1, 0), (2, weights), (1, 2 * weights), (usize::MAX, weights), (1, usize::MAX)]
        {
            let error = Quantised::new(format, rows, columns, &block).unwrap_err().to_string();
            assert!(error.contains("bytes can't be") && error.contains(format.name()), "{error}");
        }
        assert!(Quantised::new(format, 1, weights, &block[1..]).is_err());
        assert!(format.decode(&block, &mut vec![0.0; weights + 1]).is_err());
        if weights > 1 {
            assert_eq!(format.bytes(weights + 1), None);
        }
    }
    assert_eq!(Format::F32.bytes(usize::MAX), None);
    assert_eq!(Format::from_id(10), None, "Q2_K isn't read");
}

proptest! {
    #[test]
    fn any_bits_are_harmless(seed in proptest::collection::vec(any::<u8>(), 210), which in 0..Format::ALL.len()) {
        let format = Format::ALL[which];
        let block: Vec<u8> = seed.iter().copied().cycle().take(format.block_bytes()).collect();
        let mut weights = vec![0.0; format.block_weights()];
        format.decode(&block, &mut weights).unwrap();
        let finite = weights.iter().all(|x| x.is_finite());
        match Quantised::new(format, 1, weights.len(), &block) {
            Ok(matrix) => {
                let mut row = vec![0.0; weights.len()];
                matrix.decode_row(0, &mut row);
                prop_assert!(finite);
                prop_assert!(row.iter().zip(&weights).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
            Err(error) => prop_assert!(error.to_string().contains("not finite")),
        }
    }
}
