//! Speed of inference: `inference_speed MODEL_FOLDER [WORK_FILE]` prints JSON, and writes what was asked as token numbers
//! to the work file, so that other engines can do the same work.
//!
//! Completions have the length that was asked for: the model's end of text is taken away. Every figure is the best of
//! several passes, each with a new engine, since an engine keeps the prompts it has seen.
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use std::{
    error::Error,
    hint::black_box,
    path::Path,
    sync::{Arc, Barrier},
    time::Instant,
};

use pulp::{Simd, WithSimd};
use samara_seedling::{
    Engine, EngineSettings, Model, Reply, Request, Sampling, Stream, Tokenizer, Weights, check_tokenizer,
    corpus::{self, Domain, Split},
    kernel::{Packed, View, Write, multiply_packed},
    model::{Cache, Span, Workspace},
};
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// Passes per figure, of which the best counts.
const PASSES: usize = 3;
/// Tokens of a completion.
const WRITTEN: usize = 50;
/// Prompts of completions.
const PROMPTS: usize = 128;
/// Texts that are judged in a pass.
const JUDGED: usize = 256;
/// Tokens of a completion's prompt, and of a judge's: within this of the second number.
const LENGTHS: [(usize, usize); 2] = [(10, 250), (5, 300)];
const DOMAIN: Domain = Domain::Opinions;
const BATCHES: [usize; 3] = [1, 16, 32];
const THREADS: [usize; 2] = [1, 2];
/// Times that a batch is continued while the clock runs.
const ROUNDS: usize = 4;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: inference_speed MODEL_FOLDER [WORK_FILE]")?;
    let bench = Bench::read(Path::new(&folder))?;
    if let Some(file) = arguments.next() {
        std::fs::write(file, bench.work()?.to_string())?;
    }
    let mut generate = Vec::new();
    let mut decode = Vec::new();
    for threads in THREADS {
        for batch in BATCHES {
            generate.push(bench.generate(threads, batch, 0.0)?);
            decode.push(bench.decode(threads, batch));
        }
    }
    let sampled = bench.generate(2, 32, 1.0)?;
    let mut score = Vec::new();
    for threads in THREADS {
        score.push(bench.score("300_tokens", &bench.long, threads)?);
        score.push(bench.score("built_in", &bench.short, threads)?);
    }
    let figures = json!({
        "parameters": bench.parameters,
        "flop_per_token": bench.flop_per_token(),
        "generate": generate,
        "generate_sampled": sampled,
        "decode": decode,
        "score": score,
        "peak": peak(),
    });
    println!("{figures}");
    Ok(())
}

/// A model and what it is asked.
struct Bench {
    model: Arc<Model>,
    tokenizer: Arc<Tokenizer>,
    parameters: usize,
    /// Few-shot prompts.
    prompts: Vec<String>,
    /// Judges' prompts: long ones behind a long instruction, and those of the built-in experiments.
    long: Judged,
    short: Judged,
}

/// Prompts that begin alike.
struct Judged {
    /// The beginning.
    instruction: String,
    prompts: Vec<String>,
    answers: Vec<String>,
}

/// Best of several passes.
struct Best {
    wall: f64,
    cpu: f64,
}

impl Best {
    fn of(mut pass: impl FnMut() -> Result<Self, Failure>) -> Result<Self, Failure> {
        let mut best = pass()?;
        for _ in 1..PASSES {
            let next = pass()?;
            best = if next.wall < best.wall { next } else { best };
        }
        Ok(best)
    }

    /// Times `work`.
    fn time<R>(work: impl FnOnce() -> R) -> (R, Self) {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        let result = work();
        (result, Self { wall: started.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu })
    }
}

/// CPU seconds of this process, in steps of 10 ms; 0 where `/proc` is missing.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

impl Bench {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let mut weights = Weights::read(folder)?;
        let path = folder.join("tokenizer.json");
        // No token ends a text: by its number in the configuration, and by its name in the tokenizer.
        weights.config.eos.clear();
        let json = std::fs::read_to_string(&path)?.replace("<|endoftext|>", "<|no end|>");
        let tokenizer = Tokenizer::from_json(json.as_bytes(), &path)?;
        check_tokenizer(&tokenizer, &weights.config)?;
        let parameters = weights.parameters();
        let model = Arc::new(Model::new(&weights));
        let prompts = few_shot_prompts(&tokenizer);
        let (long, short) = (Judged::long(&tokenizer), Judged::built_in());
        Ok(Self { model, tokenizer: Arc::new(tokenizer), parameters, prompts, long, short })
    }

    /// All that is asked, as token numbers, and what the model says to it: greedy continuations and scores.
    fn work(&self) -> Result<Value, Failure> {
        let prompts = self.encode(&self.prompts);
        let greedy: Vec<Vec<u32>> = prompts[..8].iter().map(|prompt| self.greedy(prompt)).collect();
        Ok(json!({
            "written": WRITTEN,
            "prompts": prompts,
            "greedy": greedy,
            "300_tokens": self.judged(&self.long)?,
            "built_in": self.judged(&self.short)?,
        }))
    }

    fn judged(&self, judged: &Judged) -> Result<Value, Failure> {
        let instruction = self.tokenizer.encode(&judged.instruction);
        let prompts = self.encode(&judged.prompts);
        let alike = |prompt: &Vec<u32>| prompt.iter().zip(&instruction).take_while(|(a, b)| a == b).count();
        let mut scores = Vec::new();
        for reply in self.engine(1, 32).ask_all(judged.requests()) {
            match reply? {
                Reply::Scores { log_probabilities, .. } => scores.push(log_probabilities),
                other => return Err(format!("no scores: {other:?}").into()),
            }
        }
        Ok(json!({
            "shared": prompts.iter().map(alike).min(),
            "prompts": prompts,
            "answers": self.encode(&judged.answers),
            "scores": scores,
        }))
    }

    fn encode(&self, texts: &[String]) -> Vec<Vec<u32>> {
        texts.iter().map(|text| self.tokenizer.encode(text)).collect()
    }

    fn engine(&self, threads: usize, batch: usize) -> Engine {
        let settings =
            EngineSettings { threads, batch: batch.div_ceil(threads), ..EngineSettings::default() };
        Engine::start(Arc::clone(&self.model), Arc::clone(&self.tokenizer), settings)
    }

    /// Completions through the engine, `batch` at once on all threads together; their prompts are computed as well.
    fn generate(&self, threads: usize, batch: usize, temperature: f64) -> Result<Value, Failure> {
        let asked = &self.prompts[..(4 * batch).clamp(8, PROMPTS)];
        let best = Best::of(|| {
            let requests = (0..).zip(asked).map(|(seed, prompt)| {
                let sampling = Sampling {
                    max_tokens: WRITTEN,
                    temperature,
                    top_p: 1.0,
                    stop: Vec::new(),
                    seed,
                    penalties: Default::default(),
                };
                Request::Complete { prompt: prompt.clone().into(), sampling }
            });
            let (engine, requests) = (self.engine(threads, batch), requests.collect());
            let (replies, time) = Best::time(|| engine.ask_all(requests));
            for reply in replies {
                match reply? {
                    Reply::Text { tokens: (_, WRITTEN), .. } => {}
                    other => return Err(format!("not {WRITTEN} tokens: {other:?}").into()),
                }
            }
            Ok(time)
        })?;
        Ok(best.rate(threads, batch, asked.len() * WRITTEN))
    }

    /// The tokens behind the first, greedily, `batch` sequences at once dealt to the threads; prompts are computed before the
    /// clock starts.
    fn decode(&self, threads: usize, batch: usize) -> Value {
        let workers = threads.min(batch);
        let pass = || {
            let barrier = Barrier::new(workers + 1);
            std::thread::scope(|scope| {
                for asked in self.prompts[..batch].chunks(batch.div_ceil(workers)) {
                    let (barrier, asked) = (&barrier, asked);
                    scope.spawn(move || {
                        let begun: Vec<Sequence> = asked
                            .iter()
                            .map(|prompt| Sequence::new(&self.model, &self.tokenizer.encode(prompt)))
                            .collect();
                        let mut work = Workspace::default();
                        barrier.wait();
                        for _ in 0..ROUNDS {
                            let mut sequences = begun.clone();
                            for _ in 1..WRITTEN {
                                step(&self.model, &mut sequences, &mut work);
                            }
                        }
                        barrier.wait();
                    });
                }
                barrier.wait();
                let (_, time) = Best::time(|| barrier.wait());
                Ok(time)
            })
        };
        Best::of(pass).map_or(Value::Null, |best| best.rate(threads, batch, ROUNDS * batch * (WRITTEN - 1)))
    }

    /// A prompt's continuation.
    fn greedy(&self, prompt: &[u32]) -> Vec<u32> {
        let (mut sequence, mut work) = (Sequence::new(&self.model, prompt), Workspace::default());
        let mut written = vec![sequence.last];
        while written.len() < WRITTEN {
            step(&self.model, std::slice::from_mut(&mut sequence), &mut work);
            written.push(sequence.last);
        }
        written
    }

    /// Scorings through the engine; the instruction was seen before, the texts were not.
    fn score(&self, name: &str, judged: &Judged, threads: usize) -> Result<Value, Failure> {
        let batch = 32 * threads;
        let best = Best::of(|| {
            let engine = self.engine(threads, batch);
            engine.ask(judged.request(&judged.instruction))?;
            let requests = judged.requests();
            let (replies, time) = Best::time(|| engine.ask_all(requests));
            replies.into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(time)
        })?;
        let mut figures = best.rate(threads, batch, judged.prompts.len());
        figures["prompts"] = json!(name);
        Ok(figures)
    }

    /// Multiplications and additions of the matrices for one token; attention is left out.
    fn flop_per_token(&self) -> usize {
        let config = self.model.config();
        let heads = (2 * config.heads + 2 * config.kv_heads) * config.head_dim;
        let layer = config.hidden_size * (heads + 3 * config.intermediate_size);
        2 * (config.layers * layer + config.vocab_size * config.hidden_size)
    }
}

impl Best {
    fn rate(&self, threads: usize, batch: usize, count: usize) -> Value {
        json!({
            "threads": threads,
            "batch": batch,
            "count": count,
            "per_s": count as f64 / self.wall,
            "wall_s": self.wall,
            "cpu_s": self.cpu,
        })
    }
}

/// A sequence and its last token, which the cache does not hold yet.
#[derive(Clone)]
struct Sequence {
    cache: Cache,
    last: u32,
}

impl Sequence {
    fn new(model: &Model, prompt: &[u32]) -> Self {
        let mut sequence = Self { cache: model.cache(), last: 0 };
        let mut work = Workspace::default();
        let span = Span { cache: &mut sequence.cache, tokens: prompt, outputs_from: prompt.len() - 1 };
        model.pass(&mut [span], true, &mut work);
        sequence.last = most_probable(&work.logits);
        sequence
    }
}

/// Feeds every sequence its last token, and takes the most probable next one.
fn step(model: &Model, sequences: &mut [Sequence], work: &mut Workspace) {
    let mut spans: Vec<Span<'_>> = sequences
        .iter_mut()
        .map(|Sequence { cache, last }| Span { cache, tokens: std::slice::from_ref(last), outputs_from: 0 })
        .collect();
    model.pass(&mut spans, true, work);
    let width = model.config().vocab_size;
    for (sequence, logits) in sequences.iter_mut().zip(work.logits.chunks_exact(width)) {
        sequence.last = most_probable(logits);
    }
}

fn most_probable(logits: &[f32]) -> u32 {
    let best = (0..).zip(logits).max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.map_or(0, |(token, _)| token)
}

/// Few-shot prompts of about equal length, all different.
fn few_shot_prompts(tokenizer: &Tokenizer) -> Vec<String> {
    let prompt = |number| {
        let mut stream = Stream::new(1, number);
        let mut texts = Vec::new();
        let mut prompt = String::new();
        while tokenizer.encode(&prompt).len() < LENGTHS[0].1 - LENGTHS[0].0 {
            texts.extend(corpus::few_shot_texts(DOMAIN, Split::HeldOut, &mut stream).into_iter().take(1));
            let examples: Vec<&str> = texts.iter().map(|text| &*text.text).collect();
            prompt = corpus::few_shot_prompt(DOMAIN.template(), &examples);
        }
        prompt
    };
    (0..).map(prompt).filter(|prompt| fits(tokenizer, prompt, LENGTHS[0])).take(PROMPTS).collect()
}

fn fits(tokenizer: &Tokenizer, prompt: &str, (within, tokens): (usize, usize)) -> bool {
    tokenizer.encode(prompt).len().abs_diff(tokens) <= within
}

fn judged_texts(first: u64) -> impl Iterator<Item = String> {
    (first..).map(|number| corpus::judged_text(DOMAIN, 0, Split::HeldOut, &mut Stream::new(2, number)).text)
}

impl Judged {
    fn request(&self, prompt: &str) -> Request {
        Request::Score { prompt: prompt.into(), answers: self.answers.clone() }
    }

    fn requests(&self) -> Vec<Request> {
        self.prompts.iter().map(|prompt| self.request(prompt)).collect()
    }

    /// A question as the built-in experiments ask it.
    fn built_in() -> Self {
        Self::new(corpus::feedback_frame(DOMAIN.questions()[0].instruction).0, |_| true)
    }

    /// A question with worked examples before it.
    fn long(tokenizer: &Tokenizer) -> Self {
        let question = &DOMAIN.questions()[0];
        let behind = corpus::feedback_frame(question.instruction).0;
        let typical =
            judged_texts(1 << 20).take(100).map(|text| tokenizer.encode(&text).len()).sum::<usize>() / 100;
        let mut examples = judged_texts(1 << 21);
        let mut before = String::new();
        // Sentences, until a typical text makes the length wanted.
        let mut words = Vec::new();
        while tokenizer.encode(&(before.clone() + &behind)).len() + typical + 8 < LENGTHS[1].1 {
            if words.is_empty() {
                let example =
                    corpus::feedback_prompt(question.instruction, &examples.next().unwrap_or_default());
                words = example.split_inclusive(' ').rev().map(str::to_owned).collect();
            }
            before.extend(words.pop());
        }
        Self::new(format!("{before}\n\n{behind}"), |prompt| fits(tokenizer, prompt, LENGTHS[1]))
    }

    fn new(instruction: String, wanted: impl Fn(&str) -> bool) -> Self {
        let question = &DOMAIN.questions()[0];
        let behind = corpus::feedback_frame(question.instruction).1;
        let prompts = judged_texts(0).map(|text| format!("{instruction}{text}{behind}"));
        let prompts = prompts.filter(|prompt| wanted(prompt)).take(JUDGED).collect();
        let answers = question.answers.iter().map(|answer| format!("\n{answer}")).collect();
        Self { instruction, prompts, answers }
    }
}

/// What one thread can do at most: fused multiply-adds in registers, and products with all panels in the caches.
fn peak() -> Value {
    let best = |flop: f64, work: &mut dyn FnMut()| {
        let pass = |()| {
            let ((), time) = Best::time(&mut *work);
            time.wall
        };
        let seconds = std::iter::repeat_n((), 30).map(pass).fold(f64::INFINITY, f64::min);
        flop / seconds / 1e9
    };
    let steps = 200_000;
    let lanes = pulp::Arch::new().dispatch(Registers { steps: 1 });
    let registers = best((2 * SUMS * lanes * steps) as f64, &mut || {
        black_box(pulp::Arch::new().dispatch(Registers { steps: black_box(steps) }));
    });
    let (rows, inner, columns) = (96, 256, 512);
    let (left, right) = (vec![0.5_f32; rows * inner], vec![0.25_f32; inner * columns]);
    let right = Packed::new(View::rows(&right, inner, columns, columns));
    let (mut output, mut scratch) = (vec![0.0_f32; rows * columns], Vec::new());
    let products = best((2 * rows * inner * columns) as f64, &mut || {
        let left = View::rows(black_box(&left), rows, inner, inner);
        multiply_packed(left, &right, &mut output, columns, Write::Set, &mut scratch);
    });
    json!({ "lanes": lanes, "registers_gflops": registers, "products_gflops": products })
}

/// Independent sums, enough to hide an addition's latency.
const SUMS: usize = 12;

/// Fused multiply-adds that touch no memory; returns the lanes of a vector.
struct Registers {
    steps: usize,
}

impl WithSimd for Registers {
    type Output = usize;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> usize {
        let factor = simd.splat_f32s(black_box(0.999));
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        for _ in 0..self.steps {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, factor, factor);
            }
        }
        let total = sums.into_iter().reduce(|a, b| simd.add_f32s(a, b)).unwrap_or(factor);
        black_box(simd.reduce_sum_f32s(total));
        S::F32_LANES
    }
}
