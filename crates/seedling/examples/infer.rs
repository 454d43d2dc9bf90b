//! Evaluates a model.
use std::{path::PathBuf, sync::Arc, time::Instant};
use samara_seedling::{*, evaluate::*};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = PathBuf::from(&args[1]);
    let weights = Weights::read(&folder).unwrap();
    let tokenizer = Tokenizer::read(&folder.join("tokenizer.json")).unwrap();
    let engine = Engine::start(Arc::new(Model::new(&weights)), Arc::new(tokenizer), EngineSettings::default());
    let t = Instant::now();
    let n = args[2].parse().unwrap();
    let r = evaluate(&engine, &EvaluationSettings { completions: n, judged: n, seed: 1 }).unwrap();
    println!("{r:#?}\n{:.1} s", t.elapsed().as_secs_f64());
}
