//! What the walkers' weights write runs in Python, and takes after what it was shown.

use std::sync::Arc;

use samara_seedling::{
    Engine, EngineSettings,
    evaluate::walkers::{FORMATS, WalkerSettings, ask},
    shipped,
    train::Corpus,
    walkers::{Body, interpret},
};

use crate::run::run;

fn engine() -> Engine {
    let (model, tokenizer) = shipped::model(Corpus::Walkers).unwrap();
    let settings = EngineSettings { threads: 2, ..EngineSettings::default() };
    Engine::start(Arc::new(model), Arc::new(tokenizer), settings)
}

/// Completions of a format that are programs of valid walkers in Python, and how many were asked for.
fn valid(engine: &Engine, format: &str, settings: &WalkerSettings) -> (Vec<String>, usize) {
    let (answered, _) = ask(engine, format, settings).unwrap();
    let asked = answered.len();
    let ran = answered.into_iter().filter_map(|answered| {
        let text = answered.written?;
        let body = run(&text).ok().filter(Body::is_valid);
        let read = interpret(&text).filter(Body::is_valid);
        assert!(read.is_none() || body.is_some(), "Python refuses what the interpreter accepts:\n{text}");
        body.map(|_| text)
    });
    (ran.collect(), asked)
}

#[test]
fn most_programs_of_the_shipped_model_are_valid_walkers_in_every_format_but_diffs() {
    let engine = engine();
    let settings = WalkerSettings { completions: 40, ..WalkerSettings::default() };
    for format in FORMATS.into_iter().filter(|format| *format != "diff") {
        let (valid, asked) = valid(&engine, format, &settings);
        assert!(valid.len() * 10 >= asked * 6, "{format}: {} of {asked}", valid.len());
    }
}

#[test]
#[ignore = "measures: prints shares of valid programs for the model's card, at SAMPLES completions a format"]
fn measure() {
    let engine = engine();
    let completions = std::env::var("SAMPLES").ok().and_then(|count| count.parse().ok()).unwrap_or(300);
    for temperature in [0.5, 0.6, 0.7, 0.8, 1.0] {
        for format in FORMATS {
            let (valid, asked) =
                valid(&engine, format, &WalkerSettings { completions, temperature, seed: 1 });
            println!("{temperature} {format}: {:.3} valid in Python", valid.len() as f64 / asked as f64);
        }
    }
}
