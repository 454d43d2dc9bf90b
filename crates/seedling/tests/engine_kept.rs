//! Threads that share the passes of a model with quantised weights answer what one thread answers.

mod gguf_file;

use std::sync::Arc;

use gguf_file::{File, string, value};
use samara_seedling::{
    Engine, EngineSettings, Model, Reply, Request, Sampling, Stream, Tokenizer,
    quant::Format,
    train::{Corpus, data},
};

const HIDDEN: usize = 256;
const FFN: usize = 512;

/// Random codes; every 16-bit number made of such bytes is a small one.
fn codes(format: Format, weights: usize, stream: &mut Stream) -> Vec<u8> {
    (0..format.bytes(weights).expect("whole blocks")).map(|_| (stream.unit() * 40.0) as u8).collect()
}

/// A Llama with a matrix of every kind, large enough for products to be shared.
fn model(vocab: usize, folder: &std::path::Path) -> Model {
    let number = |x: usize| value(4, &(x as u32).to_le_bytes());
    let mut file = File::new()
        .set("general.architecture", value(8, &string("llama")))
        .set("llama.context_length", number(256))
        .set("llama.embedding_length", number(HIDDEN))
        .set("llama.block_count", number(2))
        .set("llama.feed_forward_length", number(FFN))
        .set("llama.attention.head_count", number(8))
        .set("llama.attention.head_count_kv", number(4))
        .set("llama.attention.layer_norm_rms_epsilon", value(6, &1e-5_f32.to_le_bytes()));
    let mut stream = Stream::new(3, 0);
    let mut matrix = |file: File, name: &str, rows: usize, columns: usize, format: Format| {
        let numbers = codes(format, rows * columns, &mut stream);
        file.tensor(name, &[columns as u64, rows as u64], format.id(), numbers)
    };
    let norm = |file: File, name: &str| {
        let ones: Vec<u8> = std::iter::repeat_n(1.0_f32.to_le_bytes(), HIDDEN).flatten().collect();
        file.tensor(name, &[HIDDEN as u64], 0, ones)
    };
    file = matrix(file, "token_embd.weight", vocab, HIDDEN, Format::Q6K);
    file = matrix(file, "output.weight", vocab, HIDDEN, Format::Q8_0);
    file = norm(file, "output_norm.weight");
    for layer in 0..2 {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        file = matrix(file, &name("attn_q"), HIDDEN, HIDDEN, Format::Q4K);
        file = matrix(file, &name("attn_k"), HIDDEN / 2, HIDDEN, Format::Q5_0);
        file = matrix(file, &name("attn_v"), HIDDEN / 2, HIDDEN, Format::Q6K);
        file = matrix(file, &name("attn_output"), HIDDEN, HIDDEN, Format::Q4_0);
        file = matrix(file, &name("ffn_gate"), FFN, HIDDEN, Format::Q5K);
        file = matrix(file, &name("ffn_up"), FFN, HIDDEN, Format::Q5_1);
        file = matrix(file, &name("ffn_down"), HIDDEN, FFN, Format::Q4_1);
        file = norm(file, &name("attn_norm"));
        file = norm(file, &name("ffn_norm"));
    }
    let path = folder.join("kept.gguf");
    std::fs::write(&path, file.bytes()).expect("a folder to write to");
    Model::open(&path).expect("a model")
}

fn requests() -> Vec<Request> {
    let shared =
        "### Instruction:\nDetermine whether the text is a good one. Answer yes or no.\n\n### Input:\n";
    let request = |i: u64| {
        let text =
            format!("{shared}Text {i} speaks of {} beans{}", i * i, " and peas".repeat(i as usize % 5));
        let sampling = Sampling {
            max_tokens: 3 + i as usize,
            temperature: 1.0,
            top_p: 0.95,
            stop: Vec::new(),
            seed: i,
            penalties: Default::default(),
        };
        let answers = vec!["\nyes".into(), "\nno".into(), "\nyes, a bit".into()];
        [
            Request::Complete { prompt: text.clone().into(), sampling },
            Request::Score { prompt: text.clone().into(), answers },
            Request::Embed { text },
        ]
    };
    (0..8).flat_map(request).collect()
}

#[test]
fn replies_of_kept_weights_are_equal_to_the_bit_alone_and_on_threads_that_share_passes() {
    let texts = (0..200)
        .map(|number| data::document(Corpus::Texts, 7, samara_seedling::corpus::Split::Train, number).text());
    let tokenizer = Arc::new(Tokenizer::train(texts, 400, &[data::END]));
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(model(tokenizer.vocab_size(), folder.path()));
    assert!(model.kept_bytes() > 500_000, "{}", model.kept_bytes());
    let engine = |threads, batch, shared_from| {
        let settings = EngineSettings { threads, batch, shared_from, ..EngineSettings::default() };
        Engine::start(Arc::clone(&model), Arc::clone(&tokenizer), settings)
    };
    let alone = engine(1, 1, usize::MAX);
    let expected: Vec<Reply> = requests().into_iter().map(|request| alone.ask(request).unwrap()).collect();
    for (threads, batch, shared_from) in [(2, 32, 0), (3, 5, 0), (4, 1, 0), (1, 32, 0), (2, 7, usize::MAX)] {
        let replies: Vec<Reply> =
            engine(threads, batch, shared_from).ask_all(requests()).into_iter().map(Result::unwrap).collect();
        assert_eq!(replies, expected, "{threads} threads, {batch} together, shared from {shared_from}");
    }
}
