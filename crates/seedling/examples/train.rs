//! Trains a model: cargo run --release --example train -- FOLDER TOKENS
use samara_seedling::train::{TrainSettings, Trainer, Size};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let folder = std::path::PathBuf::from(&args[1]);
    let get = |name: &str, default: f64| std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default);
    let settings = TrainSettings { tokens: args[2].parse().unwrap(), learning_rate: get("LR", 3e-3), answer_weight: get("AW", 16.0) as f32, batch_tokens: get("BT", 2048.0) as usize, vocab_size: get("VOCAB", 4096.0) as usize, size: if std::env::var("SIZE").as_deref() == Ok("tiny") { Size::Tiny } else { Size::Small }, ..Default::default() };
    let threads = get("THREADS", 2.0) as usize;
    let mut trainer = Trainer::new(settings, threads).unwrap();
    println!("vocab {} params {}", trainer.tokenizer().vocab_size(), trainer.weights().parameters());
    let mut smooth = 0.0;
    while !trainer.finished() {
        let next = trainer.step(false).unwrap();
        smooth = if smooth == 0.0 { next.loss } else { 0.95 * smooth + 0.05 * next.loss };
        if next.step % 100 == 0 || trainer.finished() { 
            let h = trainer.held_out();
            println!("step {} tokens {} loss {:.4} norm {:.3} held-out {:.4} {:.4} rate {:.0}", next.step, next.tokens, smooth, next.norm, h.0, h.1, next.rate);
        }
        if next.step % 250 == 0 { trainer.save(&folder).unwrap(); }
    }
    trainer.save(&folder).unwrap();
}
