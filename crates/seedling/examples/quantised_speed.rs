//! Speed of products with quantised weights: `quantised_speed [THREADS]` multiplies matrices with the shapes of a model of 1.5
//! billion parameters (Qwen2.5's) and random codes, and prints a line of JSON for every format and number of rows.
//!
//! A pass takes the matrices of as many layers as make 200 MB at least, so that weights come from memory.
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use std::error::Error;

use samara_seedling::{
    Stream,
    kernel::{Threads, Write},
    quant::{Format, Quantised, Scratch, multiply_quantised},
};
use serde_json::json;

/// Outputs and inputs of a layer's matrices.
const SHAPES: [(usize, usize); 4] = [(2048, 1536), (1536, 1536), (17920, 1536), (1536, 8960)];
const LEAST_BYTES: usize = 200 << 20;
/// CPU time of a figure.
const LEAST_SECONDS: f64 = 0.6;
const ROWS: [usize; 6] = [1, 4, 8, 16, 32, 128];

fn main() -> Result<(), Box<dyn Error>> {
    let threads = std::env::args().nth(1).map_or(Ok(1), |count| count.parse())?;
    let only = std::env::args().nth(2);
    let team = Threads::new(threads)?;
    let mut scratch = Scratch::new(team.clone());
    for format in
        Format::ALL.into_iter().filter(|format| only.as_ref().is_none_or(|name| name == format.name()))
    {
        let matrices = matrices(format)?;
        let bytes: usize = matrices.iter().map(Quantised::bytes).sum();
        let weights: usize = matrices.iter().map(|matrix| matrix.rows() * matrix.columns()).sum();
        for rows in ROWS {
            let x: Vec<f32> = (0..rows * 8960).map(|i| (i % 37) as f32 - 18.0).collect();
            let mut output = vec![0.0; rows * 17920];
            let mut passes = 0;
            let started = cpu_seconds();
            while cpu_seconds() < started + LEAST_SECONDS {
                passes += 1;
                team.enter(|| {
                    for matrix in &matrices {
                        let x = &x[..rows * matrix.columns()];
                        let stride = matrix.rows();
                        multiply_quantised(x, rows, matrix, &mut output, stride, Write::Set, &mut scratch);
                    }
                });
            }
            let seconds = (cpu_seconds() - started) / f64::from(passes);
            let figures = json!({
                "format": format.name(),
                "threads": threads,
                "rows": rows,
                "gb_per_cpu_s": bytes as f64 / seconds / 1e9,
                "giga_macs_per_cpu_s": (weights * rows) as f64 / seconds / 1e9,
            });
            println!("{figures}");
        }
    }
    Ok(())
}

/// CPU seconds of this process, in steps of 10 ms; 0 where `/proc` is missing.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn matrices(format: Format) -> Result<Vec<Quantised>, Box<dyn Error>> {
    let mut stream = Stream::new(1, 0);
    let mut matrices: Vec<Quantised> = Vec::new();
    while matrices.iter().map(Quantised::bytes).sum::<usize>() < LEAST_BYTES {
        for (rows, columns) in SHAPES {
            let bytes = format.bytes(rows * columns).ok_or("no whole number of blocks")?;
            // Any codes will do; every 16-bit number made of such bytes is finite.
            let codes: Vec<u8> = (0..bytes).map(|_| (stream.unit() * 60.0) as u8).collect();
            matrices.push(Quantised::new(format, rows, columns, &codes)?);
        }
    }
    Ok(matrices)
}
