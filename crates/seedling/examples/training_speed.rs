//! Speed of training steps of the small model on random documents, with one thread and with two:
//! `cargo run --release -p samara-seedling --example training_speed`.

use std::{error::Error, io::Write, time::Instant};

use samara_seedling::{
    Stream, Weights,
    train::{
        Size,
        attention::Rotary,
        layout::Layout,
        network::Workspace,
        sequence::{Sequence, Target},
        step,
    },
};

/// Entries of the vocabulary.
const VOCABULARY: usize = 4096;
/// Documents of a batch.
const DOCUMENTS: usize = 8;
/// Tokens of a document.
const LENGTH: usize = 256;
/// Batches that are timed.
const BATCHES: usize = 5;

fn document(stream: &mut Stream) -> Sequence {
    let tokens: Vec<u32> = (0..LENGTH).map(|_| stream.below(VOCABULARY) as u32).collect();
    let targets = (1..LENGTH)
        .map(|position| Target { position: position - 1, token: tokens[position], weight: 1.0 })
        .collect();
    Sequence { tokens, targets, ..Sequence::default() }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Size::Small.config(VOCABULARY);
    let layout = Layout::new(&config)?;
    let mut stream = Stream::new(1, 0);
    let parameters = layout.flatten(&Weights::initial(config.clone(), &mut stream));
    let rotary = Rotary::new(&config, LENGTH);
    let batch: Vec<Sequence> = (0..DOCUMENTS).map(|_| document(&mut stream)).collect();
    let mut out = std::io::stdout();
    writeln!(out, "{} parameters", layout.len)?;
    for threads in [1, 2] {
        let mut workspaces: Vec<Workspace<f32>> = (0..threads).map(|_| Workspace::default()).collect();
        // The first batch makes the workspaces.
        step::gradient(&config, &layout, &parameters, &rotary, &batch, &mut workspaces);
        let started = Instant::now();
        for _ in 0..BATCHES {
            step::gradient(&config, &layout, &parameters, &rotary, &batch, &mut workspaces);
        }
        let rate = (BATCHES * DOCUMENTS * LENGTH) as f64 / started.elapsed().as_secs_f64();
        // Forward, and backward twice that, at two operations a parameter and token.
        let giga = rate * 6.0 * layout.len as f64 / 1e9;
        writeln!(out, "{threads} threads: {rate:.0} tokens/s, {giga:.1} GFLOP/s")?;
    }
    Ok(())
}
