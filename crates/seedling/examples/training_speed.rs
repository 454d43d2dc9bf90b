//! Speed of training: `training_speed THREADS [STEPS]` trains a new model of size `small` on the corpus and prints JSON.
//!
//! A step is all that `samara model train` does between two reports: writing and encoding the documents, the gradient,
//! and the optimiser. Tokenizer and first weights are made before the clock starts.
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use std::{error::Error, time::Instant};

use samara_seedling::train::{TrainSettings, Trainer};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let threads: usize = arguments.next().ok_or("usage: training_speed THREADS [STEPS]")?.parse()?;
    let steps: u64 = arguments.next().map_or(Ok(20), |steps| steps.parse())?;
    let mut trainer = Trainer::new(TrainSettings::default(), threads)?;
    // The first steps reserve memory.
    trainer.step(false)?;
    let mut before = trainer.step(false)?.tokens;
    let (mut best, mut tokens, mut wall) = (0.0_f64, 0, 0.0);
    for _ in 0..steps {
        let started = Instant::now();
        let after = trainer.step(false)?.tokens;
        let seconds = started.elapsed().as_secs_f64();
        best = best.max((after - before) as f64 / seconds);
        tokens += after - before;
        wall += seconds;
        before = after;
    }
    let figures = serde_json::json!({
        "threads": threads,
        "parameters": trainer.weights().parameters(),
        "tokens": tokens,
        "tokens_per_s": tokens as f64 / wall,
        "best_step_tokens_per_s": best,
    });
    println!("{figures}");
    Ok(())
}
