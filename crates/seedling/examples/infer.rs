//! Continues a prompt greedily, and measures.
use std::{path::PathBuf, sync::Arc, time::Instant};
use samara_seedling::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = PathBuf::from(&args[1]);
    let weights = Weights::read(&folder).unwrap();
    let tokenizer = Tokenizer::read(&folder.join("tokenizer.json")).unwrap();
    let model = Arc::new(Model::new(&weights).unwrap());
    let tokenizer = Arc::new(tokenizer);
    let engine = Engine::start(model.clone(), tokenizer.clone(), EngineSettings::default());
    let ask = |seed, t, n| Request::Complete { prompt: args[2].clone(), sampling: Sampling { max_tokens: n, temperature: t, top_p: 1.0, stop: vec![], seed } };
    println!("{:?}", engine.ask(ask(1, 0.0, 60)).unwrap());
    println!("{:?}", engine.ask(Request::Score { prompt: args[2].clone(), answers: vec![", there was a".into(), ", there".into(), " zebra".into()] }));
    for (threads, n) in [(1, 16), (1, 32), (2, 32)] {
        let engine = Engine::start(model.clone(), tokenizer.clone(), EngineSettings { threads, ..Default::default() });
        let t = Instant::now();
        let mut tokens = 0;
        for round in 0..4 {
            for r in engine.ask_all((0..n).map(|s| ask(s + 100 * round, 1.0, 100)).collect()) { if let Reply::Text { tokens: (_, o), .. } = r.unwrap() { tokens += o; } }
        }
        println!("{threads} threads batch {n}: {:.0} tokens/s", tokens as f64 / t.elapsed().as_secs_f64());
    }
}
