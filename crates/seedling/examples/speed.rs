//! Speed of a training step.
use samara_seedling::{ModelConfig, Stream, Weights, train::{attention::Rotary, layout::Layout, sequence::{Sequence, Target}, step}};
fn main() {
    let config = ModelConfig { vocab_size: 2048, hidden_size: 128, intermediate_size: 352, layers: 6, heads: 4, kv_heads: 2, head_dim: 32, max_positions: 512, rms_eps: 1e-5, rope_theta: 10_000.0, tied: true, attention_bias: false, bos: None, eos: vec![] };
    let layout = Layout::new(&config).unwrap();
    let mut stream = Stream::new(1, 0);
    let weights = Weights::initial(config.clone(), &mut stream);
    println!("{} parameters", layout.len);
    let flat = layout.flatten(&weights);
    let rotary = Rotary::new(&config, 512);
    let docs: Vec<Sequence> = (0..16).map(|_| { let tokens: Vec<u32> = (0..256).map(|_| stream.below(2048) as u32).collect(); let targets = (0..255).map(|i| Target{position:i, token: tokens[i+1], weight:1.0}).collect(); Sequence{tokens,targets,branches:vec![]}}).collect();
    for threads in [1, 2] {
        let mut ws: Vec<_> = (0..threads).map(|_| Default::default()).collect(); let t = std::time::Instant::now();
        let n = 5;
        for _ in 0..n { step::gradient(&config, &layout, &flat, &rotary, &docs, &mut ws); }
        let s = t.elapsed().as_secs_f64() / n as f64;
        println!("{threads} threads: {:.0} tokens/s, {:.1} GFLOPS", 4096.0 / s, 4096.0 / s * 6.0 * layout.len as f64 / 1e9);
    }
}
