//! Every instruction set that this machine has gives the same bits, and those of plain sums over decoded weights nearly.

use super::{super::format::PIECE, *};
use crate::Stream;

/// Blocks with random codes, and factors that are finite and of ordinary size.
fn random_matrix(format: Format, rows: usize, columns: usize, stream: &mut Stream) -> Vec<u8> {
    let blocks = rows * columns / format.block_weights();
    let mut bytes = Vec::new();
    for _ in 0..blocks {
        let mut block: Vec<u8> = (0..format.block_bytes()).map(|_| (stream.unit() * 256.0) as u8).collect();
        let half = |stream: &mut Stream| half::f16::from_f64((stream.unit() - 0.5) / 16.0).to_le_bytes();
        match format {
            Format::F32 => block.copy_from_slice(&((stream.unit() - 0.5) as f32).to_le_bytes()),
            Format::F16 => block.copy_from_slice(&half(stream)),
            Format::Bf16 => {
                block.copy_from_slice(&half::bf16::from_f64(stream.unit() - 0.5).to_le_bytes());
            }
            Format::Q6K => block[208..].copy_from_slice(&half(stream)),
            _ => {
                block[..2].copy_from_slice(&half(stream));
                if Layout::of(format).is_some_and(|layout| layout.offset) {
                    block[2..4].copy_from_slice(&half(stream));
                }
            }
        }
        bytes.extend(block);
    }
    bytes
}

fn random_rows(count: usize, stream: &mut Stream) -> Vec<f32> {
    (0..count).map(|_| ((stream.unit() - 0.5) * 8.0) as f32).collect()
}

/// A product on one set of lanes.
fn product(machine: Machine, x: &[f32], rows: usize, b: &Quantised, threads: usize) -> Vec<f32> {
    let mut activations = Activations::default();
    activations.read(x, b.columns());
    let left = Left { x, columns: b.columns(), activations: &activations };
    let mut output = vec![0.0; rows * b.rows()];
    for task in &mut tasks(b, &mut output, b.rows(), rows, threads) {
        machine.run(Block { left: &left, write: Write::Set, task });
    }
    output
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn every_instruction_set_and_every_number_of_rows_give_the_same_bits() {
    let mut stream = Stream::new(7, 0);
    for format in Format::ALL {
        // Groups of 256 columns, and of fewer where blocks are smaller.
        let columns = if format.block_weights() > PIECE { [256, 768] } else { [320, 768] };
        for columns in columns {
            let bytes = random_matrix(format, 37, columns, &mut stream);
            let matrix = Quantised::new(format, 37, columns, &bytes).unwrap();
            let x = random_rows(15 * columns, &mut stream);
            let one_by_one: Vec<f32> =
                x.chunks(columns).flat_map(|row| product(Machine::Plain, row, 1, &matrix, 1)).collect();
            assert!(one_by_one.iter().all(|x| x.is_finite()), "{}", format.name());
            for machine in Machine::all() {
                for rows in [3, MANY - 1, MANY, 15] {
                    let together = product(machine, &x[..rows * columns], rows, &matrix, 3);
                    let expected = &one_by_one[..rows * 37];
                    assert_eq!(bits(&together), bits(expected), "{}, {rows} on {machine:?}", format.name());
                }
            }
        }
    }
}

#[test]
fn the_largest_codes_and_multiples_are_summed_without_overflow() {
    for format in Format::ALL.into_iter().filter(|format| Layout::of(*format).is_some()) {
        for byte in [0xff, 0x7f, 0x80, 0x00] {
            let mut block = vec![byte; format.block_bytes()];
            // The factors alone are of ordinary size; those of Q6_K stand at the end.
            let at = if format == Format::Q6K { 208 } else { 0 };
            block[at..at + 2].copy_from_slice(&half::f16::from_f32(0.01).to_le_bytes());
            if format == Format::Q6K {
                // Its largest multiple is negative.
                block[192..208].fill(0x80);
            }
            if Layout::of(format).is_some_and(|layout| layout.offset) {
                block[2..4].copy_from_slice(&half::f16::from_f32(0.02).to_le_bytes());
            }
            let bytes = block.repeat(16 * 256 / format.block_weights());
            let mut weights = vec![0.0; 256];
            format.decode(&bytes[..format.bytes(256).unwrap()], &mut weights).unwrap();
            let matrix = Quantised::new(format, 16, 256, &bytes).unwrap();
            for sign in [1.0, -1.0] {
                let x = vec![sign; MANY * 256];
                let exact = f64::from(sign) * weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
                let size: f64 = weights.iter().map(|weight| f64::from(weight.abs())).sum();
                for (machine, rows) in Machine::all().flat_map(|machine| [(machine, 1), (machine, MANY)]) {
                    for found in product(machine, &x[..rows * 256], rows, &matrix, 1) {
                        let off = (f64::from(found) - exact).abs();
                        assert!(off <= 1e-5 * size, "{} of {byte} on {machine:?}: {found}", format.name());
                    }
                }
            }
        }
    }
}

#[test]
fn products_are_those_of_the_decoded_weights() {
    let mut stream = Stream::new(8, 0);
    for format in Format::ALL {
        let columns = if format.block_weights() == 256 { 512 } else { 576 };
        let bytes = random_matrix(format, 24, columns, &mut stream);
        let mut weights = vec![0.0; 24 * columns];
        format.decode(&bytes, &mut weights).unwrap();
        let matrix = Quantised::new(format, 24, columns, &bytes).unwrap();
        let x = random_rows(3 * columns, &mut stream);
        let mut output = vec![1.0; 3 * 30];
        multiply_quantised(&x, 3, &matrix, &mut output, 30, Write::Add, &mut Scratch::default());
        for (x, output) in x.chunks(columns).zip(output.chunks(30)) {
            let size: f64 = x.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            for (row, output) in weights.chunks(columns).zip(output) {
                let exact: f64 = row.iter().zip(x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                let norm: f64 = row.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>().sqrt();
                let error = (f64::from(*output) - 1.0 - exact).abs() / (size * norm);
                assert!(error < 3e-6, "{}: {output} instead of {exact}", format.name());
            }
            assert!(output[24..].iter().all(|x| *x == 1.0), "what lies behind a row was written to");
        }
    }
}

#[test]
fn rows_come_out_of_a_stack_as_they_went_in() {
    let mut stream = Stream::new(9, 0);
    let mut parts = Vec::new();
    let mut expected = Vec::new();
    for format in Format::ALL {
        let bytes = random_matrix(format, 19, 512, &mut stream);
        let start = expected.len();
        expected.resize(start + 19 * 512, 0.0);
        format.decode(&bytes, &mut expected[start..]).unwrap();
        parts.push(Quantised::new(format, 19, 512, &bytes).unwrap());
    }
    let stack = Quantised::stack(parts).unwrap();
    let mut row = vec![0.0; 512];
    for (number, expected) in expected.chunks(512).enumerate() {
        stack.decode_row(number, &mut row);
        assert_eq!(bits(&row), bits(expected), "row {number}");
    }
    assert_eq!(stack.rows() * 512, expected.len());
}

#[test]
fn what_is_not_finite_in_a_row_is_not_finite_in_its_outputs() {
    let mut stream = Stream::new(10, 0);
    let bytes = random_matrix(Format::Q4_1, 16, 512, &mut stream);
    let matrix = Quantised::new(Format::Q4_1, 16, 512, &bytes).unwrap();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = random_rows(512, &mut stream);
        x[300] = bad;
        let mut output = vec![0.0; 16];
        multiply_quantised(&x, 1, &matrix, &mut output, 16, Write::Set, &mut Scratch::default());
        assert!(output.iter().all(|x| x.is_nan()), "{output:?}");
    }
}
