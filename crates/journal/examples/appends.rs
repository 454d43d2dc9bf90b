//! How fast appending, opening and folding are, and how large a journal gets; prints JSON.
//!
//! `cargo run --release -p samara-journal --example appends -- [CANDIDATES] [DIRECTORY]` (100,000; a temporary
//! directory). A candidate is like one of QDAIF: a text, a completion and two scores with prompts of about 1 KB, all
//! different. CPU time is that of the main thread, which does it all (Linux: /proc/self/schedstat).

use std::path::Path;
use std::time::{Duration, Instant};

use samara_journal::{
    CallKind, Cells, Contents, Header, Journal, JournalError, Life, ModelCall, Reader, RunView,
};
use samara_qd::{Cvt, Tessellation};
use samara_search::{AxisSettings, Candidate, Charge, Fate, Genome, Replay, Score, SearchSettings};

const WORDS: &[&str] = &[
    "spy",
    "politician",
    "letter",
    "the",
    "a",
    "of",
    "and",
    "garden",
    "winter",
    "betrays",
    "finds",
    "forgives",
    "old",
    "harbour",
    "train",
    "under",
    "before",
    "nobody",
    "knew",
    "that",
    "seed",
    "wind",
    "carried",
    "over",
    "roofs",
    "quiet",
    "promise",
    "kept",
    "lost",
    "again",
    "bright",
    "coat",
    "with",
    "was",
    "her",
    "his",
    "their",
    "river",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let candidates = arguments.next().map_or(100_000, |text| text.parse().expect("a number of candidates"));
    let directory = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let directory = directory.join(format!("samara-appends-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory that can be written");
    let report = measure(candidates, &directory.join("run.db"));
    std::fs::remove_dir_all(&directory).expect("the directory is ours");
    #[expect(clippy::print_stdout, reason = "the report is this program's output")]
    match report {
        Ok(report) => println!("{report:#}"),
        Err(error) => panic!("{error}"),
    }
}

fn measure(candidates: u64, path: &Path) -> Result<serde_json::Value, JournalError> {
    let appends = append_all(candidates, path)?;
    let size = std::fs::metadata(path).map_or(0, |data| data.len());
    let (wall, cpu) = (Instant::now(), cpu_time());
    let reader = Reader::open(path)?;
    let mut characters = 0;
    reader.fold(&mut |candidate: Candidate| {
        characters += candidate.genome.map_or(0, |genome| genome.text().len());
        Ok::<(), JournalError>(())
    })?;
    let fold = serde_json::json!({
        "seconds": wall.elapsed().as_secs_f64(), "cpu_seconds": (cpu_time() - cpu).as_secs_f64(),
        "genome_bytes": characters,
    });
    let totals = Instant::now();
    reader.totals()?;
    Ok(serde_json::json!({
        "candidates": candidates, "appends": appends, "bytes_per_candidate": size / candidates.max(1),
        "open_and_fold": fold, "totals_us": totals.elapsed().as_secs_f64() * 1e6,
        "view": view(&path.with_file_name("view.db"))?, "peak_resident_mb": peak_resident_mb(),
    }))
}

/// How long it takes to open a run with a CVT of 5,000 cells, as whoever shows it does.
fn view(path: &Path) -> Result<serde_json::Value, JournalError> {
    const CELLS: u32 = 5000;
    const CANDIDATES: u64 = 2000;
    let axes = ["x", "y"].map(|name| AxisSettings::even(name, [0.0, 1.0], 20));
    let table = |axis: &AxisSettings| toml::Value::try_from(axis).expect("settings have a TOML form");
    let config =
        toml::Table::from_iter([("axes".to_owned(), axes.iter().map(table).collect::<Vec<_>>().into())]);
    let place = |i: u32, step: f64| (f64::from(i) * step).fract();
    let centroids = (0..CELLS).map(|i| vec![place(i, 0.618_033_988_7), place(i, 0.754_877_666_2)]).collect();
    let tessellation = Tessellation::Cvt(Cvt::from_centroids(centroids).expect("finite centroids"));
    let mut replay = Replay::new(&SearchSettings::default(), tessellation.clone()).expect("default rules");
    let cells = Cells { island: 0, from_index: 0, tessellation };
    let contents = Contents { inputs: vec![], tessellations: vec![cells] };
    let mut journal = Journal::create(path, &Header { config: config.to_string(), ..header() }, &contents)?;
    let mut state = 1;
    for index in 0..CANDIDATES {
        let (mut candidate, life) = candidate(index, &mut state);
        let (placement, _) = replay.settle(&candidate);
        (candidate.fate, candidate.cell) = (placement.fate, placement.cell.map(|cell| cell as u64));
        journal.append(&candidate, &life, &[])?;
    }
    drop(journal);
    let (wall, cpu) = (Instant::now(), cpu_time());
    let view = RunView::open(path)?;
    Ok(serde_json::json!({
        "cells": CELLS, "candidates": view.totals.candidates,
        "seconds": wall.elapsed().as_secs_f64(), "cpu_seconds": (cpu_time() - cpu).as_secs_f64(),
    }))
}

fn header() -> Header {
    Header {
        id: "0".repeat(32),
        config: "[search]\ntotal_steps = 2000\n".repeat(20),
        experiment: "appends".into(),
        environment: "none".into(),
        seed: 1,
        samara: env!("CARGO_PKG_VERSION").into(),
        created: "2026-01-01T00:00:00Z".into(),
    }
}

/// CPU and wall time an append, for each stretch that ends at 1k, 10k, ... candidates.
fn append_all(candidates: u64, path: &Path) -> Result<Vec<serde_json::Value>, JournalError> {
    let mut journal = Journal::create(path, &header(), &Contents::default())?;
    let (mut state, mut begin, mut end, mut stretches) = (1, 0, 1000.min(candidates), Vec::new());
    while begin < candidates {
        let (mut cpu, mut wall) = (Duration::ZERO, Duration::ZERO);
        for block in (begin..end).step_by(500) {
            let made: Vec<_> =
                (block..end.min(block + 500)).map(|index| candidate(index, &mut state)).collect();
            let before = (cpu_time(), Instant::now());
            for (candidate, life) in &made {
                journal.append(candidate, life, &[])?;
            }
            cpu += cpu_time() - before.0;
            wall += before.1.elapsed();
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / (end - begin) as f64;
        stretches.push(serde_json::json!({"until": end, "cpu_us": each(cpu), "wall_us": each(wall)}));
        (begin, end) = (end, (end * 10).min(candidates));
    }
    Ok(stretches)
}

fn candidate(index: u64, state: &mut u64) -> (Candidate, Life) {
    let story = words(60, state);
    let examples = words(100, state);
    let prompt =
        format!("Here is a random example of a fantasy story:\n{examples}\n{}\n###\n", words(60, state));
    let judged = |question: &str| {
        format!(
            "### Instruction:\n{question} {}\n\n### Input:\n{story}\n\n### Response:",
            "Answer with one of the answers that follow, and nothing else. ".repeat(6)
        )
    };
    let calls = vec![
        call("generator", CallKind::Complete, prompt, story.clone(), index * 3),
        call(
            "judge",
            CallKind::Score,
            judged("Is it a good story?"),
            "[\"yes\",\"no\"]".into(),
            index * 3 + 1,
        ),
        call("judge", CallKind::Score, judged("What is its genre?"), "[\"a\",\"b\"]".into(), index * 3 + 2),
    ];
    let measure = (index % 977) as f64 / 977.0;
    let life =
        Life { calls, live_ms: 812.5 + measure, model: Some("luminous-base".into()), ..Life::default() };
    let candidate = Candidate {
        index,
        island: 0,
        horizon: index.saturating_sub(32),
        operator: "crossover".into(),
        parents: (index.saturating_sub(3)..index).collect(),
        generator: None,
        genome: Some(Genome::text_of(story.as_str()).into()),
        score: Some(Score::new(measure.sqrt(), vec![measure, 1.0 - measure]).into()),
        fate: Fate::NotBetter,
        cell: Some(index % 400),
        rank: None,
        copy_of: None,
        artifacts: vec![],
        charge: Charge { calls: 3, tokens: 960, money: 0.000_96 },
        model_ms: 1206.75,
    };
    (candidate, life)
}

fn call(role: &str, kind: CallKind, prompt: String, answer: String, number: u64) -> ModelCall {
    let is_score = kind == CallKind::Score;
    ModelCall {
        role: role.into(),
        kind,
        model: "luminous-base".into(),
        prompt,
        answer,
        log_probabilities: if is_score {
            vec![-0.105_360_515_657_826_28, -2.302_585_092_994_045_5]
        } else {
            vec![]
        },
        method: is_score.then(|| "log_probabilities".into()),
        tokens_in: 250,
        tokens_out: 70,
        cost: 0.000_32,
        price: None,
        latency_ms: 402.25,
        attempts: 1,
        seed: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        error: None,
    }
}

fn words(count: usize, state: &mut u64) -> String {
    let mut text = String::with_capacity(count * 7);
    for _ in 0..count {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(WORDS[(*state >> 33) as usize % WORDS.len()]);
        text.push(' ');
    }
    text
}

/// CPU time of this process, user and system: the first field of schedstat is nanoseconds on a CPU.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn peak_resident_mb() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim_end_matches("kB").trim().parse().unwrap_or(0.0) / 1024.0
}
