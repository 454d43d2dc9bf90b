//! Speed of a model from a file: `model_speed MODEL WORK_FILE` prints JSON. The work file holds token numbers (see
//! `benchmarks/quantised.py`, which gives llama.cpp the same work).
#![expect(clippy::print_stdout, reason = "an example prints its findings")]

use std::{error::Error, path::Path, time::Instant};

use samara_seedling::{
    Model,
    kernel::Threads,
    model::{Cache, Span, Workspace},
};
use serde_json::{Value, json};

/// Passes per figure, of which the best counts.
const PASSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(work)) = (arguments.next(), arguments.next()) else {
        return Err("usage: model_speed MODEL WORK_FILE".into());
    };
    let started = Instant::now();
    let model = Model::open(Path::new(&model))?;
    let loaded = started.elapsed().as_secs_f64();
    let after_loading = megabytes("VmRSS");
    let work: Value = serde_json::from_str(&std::fs::read_to_string(work)?)?;
    let (mut decode, mut score) = (Vec::new(), Vec::new());
    for threads in lists(&work["threads"]).concat() {
        let team = Threads::new(threads as usize)?;
        for batch in lists(&work["batches"]).concat() {
            let figure = team.enter(|| decoded(&model, &work, batch as usize, &team));
            decode.push(figure);
        }
        score.push(team.enter(|| scored(&model, &work["judged"], &team)));
    }
    let figures = json!({
        "load_s": loaded,
        "loaded_mb": after_loading,
        "peak_mb": megabytes("VmHWM"),
        "kept_mb": model.kept_bytes() >> 20,
        "decode": decode,
        "score": score,
    });
    println!("{figures}");
    Ok(())
}

/// Lists of numbers, or a list of numbers as one list.
fn lists(value: &Value) -> Vec<Vec<u32>> {
    let number = |value: &Value| value.as_u64().unwrap_or_default() as u32;
    let list = |value: &Value| {
        value.as_array().map_or_else(|| vec![number(value)], |list| list.iter().map(number).collect())
    };
    value.as_array().map(|values| values.iter().map(list).collect()).unwrap_or_default()
}

/// Continues prompts greedily, all together; prompts are computed before the clock starts.
fn decoded(model: &Model, work: &Value, batch: usize, team: &Threads) -> Value {
    let prompts = lists(&work["prompts"]);
    let written = work["written"].as_u64().unwrap_or(2);
    let mut memory = Workspace::with_threads(team.clone());
    let begun: Vec<(Cache, u32)> =
        prompts[..batch].iter().map(|prompt| begin(model, prompt, &mut memory)).collect();
    let time = best(|| {
        let mut sequences = begun.clone();
        Timer::time(|| {
            for _ in 1..written {
                let mut spans: Vec<Span<'_>> = sequences
                    .iter_mut()
                    .map(|(cache, last)| Span { cache, tokens: std::slice::from_ref(last), outputs_from: 0 })
                    .collect();
                model.pass(&mut spans, true, &mut memory);
                for ((_, last), logits) in
                    sequences.iter_mut().zip(memory.logits.chunks_exact(model.config().vocab_size))
                {
                    *last = most_probable(logits);
                }
            }
        })
    });
    time.rate(team, batch, batch * (written as usize - 1))
}

/// Scorings of prompts that begin alike; the beginning was seen before.
fn scored(model: &Model, judged: &Value, team: &Threads) -> Value {
    let prompts = lists(&judged["prompts"]);
    let shared = judged["shared"].as_u64().unwrap_or_default() as usize;
    let mut memory = Workspace::with_threads(team.clone());
    let (trunk, _) = begin(model, &prompts[0][..shared], &mut memory);
    let batch = 8;
    let time = best(|| {
        Timer::time(|| {
            for prompts in prompts.chunks(batch) {
                let mut caches = vec![trunk.clone(); prompts.len()];
                let mut spans: Vec<Span<'_>> = caches
                    .iter_mut()
                    .zip(prompts)
                    .map(|(cache, prompt)| Span {
                        cache,
                        tokens: &prompt[shared..],
                        outputs_from: prompt.len() - shared - 1,
                    })
                    .collect();
                model.pass(&mut spans, true, &mut memory);
            }
        })
    });
    time.rate(team, batch, prompts.len())
}

fn begin(model: &Model, prompt: &[u32], memory: &mut Workspace) -> (Cache, u32) {
    let mut cache = model.cache();
    model.pass(
        &mut [Span { cache: &mut cache, tokens: prompt, outputs_from: prompt.len() - 1 }],
        true,
        memory,
    );
    (cache, most_probable(&memory.logits))
}

fn most_probable(logits: &[f32]) -> u32 {
    (0..).zip(logits).max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(token, _)| token)
}

struct Timer {
    wall: f64,
    cpu: f64,
}

impl Timer {
    fn time(work: impl FnOnce()) -> Self {
        let (started, cpu) = (Instant::now(), cpu_seconds());
        work();
        Self { wall: started.elapsed().as_secs_f64(), cpu: cpu_seconds() - cpu }
    }

    fn rate(&self, team: &Threads, batch: usize, count: usize) -> Value {
        json!({
            "threads": team.count(),
            "batch": batch,
            "count": count,
            "per_s": count as f64 / self.wall,
            "wall_s": self.wall,
            "cpu_s": self.cpu,
        })
    }
}

fn best(pass: impl FnMut() -> Timer) -> Timer {
    let passes = std::iter::repeat_with(pass).take(PASSES);
    passes
        .reduce(|best, next| if next.wall < best.wall { next } else { best })
        .unwrap_or(Timer { wall: 0.0, cpu: 0.0 })
}

/// CPU seconds of this process, in steps of 10 ms; 0 where `/proc` is missing.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

/// Memory of this process as `/proc` names it; 0 where that is missing.
fn megabytes(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    number.unwrap_or_default() / 1024.0
}
