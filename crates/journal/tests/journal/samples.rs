//! Records to write: a fixed one for each index, and arbitrary ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use samara_journal::{
    CallKind, Cells, Contents, Control, Event, EventKind, Header, Input, Journal, JournalError, Life,
    ModelCall, Reader,
};
use samara_qd::{Axis, Cvt, Grid, Tessellation};
use samara_search::{
    Artifact, ArtifactKind, Candidate, Charge, Fate, Files, Genome, Migration, Move, Score, artifact,
};

pub(crate) fn header() -> Header {
    Header {
        id: "0123456789abcdef0123456789abcdef".into(),
        config: "[search]\nseed = 18446744073709551615\n".into(),
        experiment: "poetry".into(),
        environment: "lmx".into(),
        seed: u64::MAX,
        samara: "0.1.0".into(),
        created: "2026-01-02T03:04:05Z".into(),
    }
}

pub(crate) fn contents() -> Contents {
    let grid =
        Grid::new(vec![Axis::bins("x", 0.0, 1.0, 20).unwrap(), Axis::ticks("y", vec![0.1, 0.2]).unwrap()]);
    let cvt = Cvt::from_centroids(vec![vec![0.25, 0.1], vec![1.0 / 3.0, -0.0]]);
    let cells = |island, from_index, tessellation| Cells { island, from_index, tessellation };
    Contents {
        inputs: vec![
            Input::new("environment.prompt_pool_path", "/home/me/pool.txt", "A pool.\nA second one.\n"),
            Input::new("environment.seed_path", "/home/me/seed.py", "a line of a program\n".repeat(200)),
            Input::new("environment.picture", "", vec![0, 0xff, 0xfe, b'x']),
        ],
        tessellations: vec![
            cells(0, 0, Tessellation::Grid(grid.unwrap())),
            cells(1, 0, Tessellation::Cvt(cvt.unwrap())),
        ],
    }
}

/// The candidate that every test records at this index.
pub(crate) fn sample(index: u64) -> Candidate {
    let text = text(index);
    let (genome, fate) = match index % 6 {
        0 => (Some(Genome::text_of(text.as_str())), Fate::New),
        1 => (Some(Genome::Vector(vec![index as f64 / 3.0, -0.0])), Fate::Improved),
        2 => {
            let examples = vec!["an example".into(), text.as_str().into()];
            (Some(Genome::FewShot { examples, text: text.as_str().into() }), Fate::NotBetter)
        }
        3 => (None, Fate::Invalid { why: "nothing was written".into() }),
        4 => {
            (Some(Genome::text_of("loop {}")), Fate::Failed { why: format!("timeout, \"{index}\"\nkilled") })
        }
        _ => {
            let files = BTreeMap::from([
                ("a.py".to_owned(), text.as_str().into()),
                ("b/c.py".to_owned(), "x".into()),
            ]);
            (Some(Genome::Files(Files::new(files).unwrap())), Fate::NotBetter)
        }
    };
    let stderr = Artifact::text("stderr", &format!("line {index} of a trace\n").repeat(index as usize % 60));
    let picture = Artifact::blob("picture", ArtifactKind::Png, vec![0x89, 0xff, index as u8]).unwrap();
    let scored = matches!(index % 6, 0 | 1 | 2 | 5);
    let value = index as f64 / 7.0;
    let score = Score {
        objective: -value,
        measures: vec![value, 0.25],
        metrics: BTreeMap::from([("length".to_owned(), 1.0 / (index + 1) as f64), ("-0".to_owned(), -0.0)]),
        artifacts: if index.is_multiple_of(5) { vec![stderr.clone(), picture] } else { vec![] },
        stage: index.is_multiple_of(2).then_some(index as u32 % 3),
    };
    Candidate {
        index,
        island: index as u32 % 2,
        horizon: index.saturating_sub(4),
        operator: if index.is_multiple_of(3) { "crossover".into() } else { String::new() },
        parents: (index.saturating_sub(2)..index).collect(),
        generator: (index % 4 == 3).then_some(1),
        genome: genome.map(Arc::new),
        score: scored.then(|| Arc::new(score)),
        fate,
        cell: scored.then_some(index % 60),
        rank: (index % 6 == 1).then_some(2),
        copy_of: (index % 6 == 4 && index > 4).then_some(4),
        artifacts: if index % 6 == 4 { vec![stderr] } else { vec![] },
        charge: Charge { calls: 2, tokens: 350 + index, money: 0.1 + index as f64 / 3.0 },
        model_ms: 400.0 + 1e-3,
    }
}

fn text(index: u64) -> String {
    format!("candidate {index}: {}", "a suspicious spy meets a rich politician. ".repeat(index as usize % 30))
}

/// How the sample at this index was lived.
pub(crate) fn life(index: u64) -> Life {
    let text = text(index);
    Life {
        calls: vec![generator(index, &text), judge(index, &text)],
        live_ms: 12.5,
        isolation: (index % 6 == 4).then(|| "namespaces".into()),
        model: (!index.is_multiple_of(3)).then(|| "seedling".into()),
        evaluator: (index % 6 == 5).then(|| "0f".repeat(16)),
        worker: (index % 7 == 6).then(|| "host-2".into()),
    }
}

/// What happened after the sample at this index.
pub(crate) fn events(index: u64) -> Vec<Event> {
    let after = index + 1;
    let moves = vec![Move { candidate: index, from: 0, to: 1, fate: Fate::New, displaced: Some(index / 2) }];
    if after.is_multiple_of(4) {
        vec![Event { after, kind: EventKind::Migration(Migration { after, moves }) }]
    } else {
        vec![]
    }
}

pub(crate) fn control(after: u64) -> Event {
    Event { after, kind: EventKind::Control(Control::of(vec!["search.total_steps=200".into()])) }
}

/// Begins a journal with the samples' header and contents.
pub(crate) fn create(path: &Path) -> Result<Journal, JournalError> {
    Journal::create(path, &header(), &contents())
}

/// Appends the sample at this index.
pub(crate) fn append(journal: &mut Journal, index: u64) -> Result<(), JournalError> {
    journal.append(&sample(index), &life(index), &events(index))
}

pub(crate) fn generator(index: u64, text: &str) -> ModelCall {
    ModelCall {
        role: "generator".into(),
        kind: CallKind::Complete,
        model: "seedling".into(),
        prompt: format!(
            "{}\nNow number {index}:",
            "Here is a random example of a fantasy story. ".repeat(20)
        ),
        answer: text.into(),
        log_probabilities: vec![],
        method: None,
        tokens_in: 200 + index,
        tokens_out: 50,
        cost: 0.25,
        price: None,
        latency_ms: 400.0,
        attempts: 1,
        seed: u64::MAX - index,
        error: None,
    }
}

pub(crate) fn judge(index: u64, text: &str) -> ModelCall {
    ModelCall {
        role: "judge".into(),
        kind: CallKind::Score,
        model: "seedling".into(),
        prompt: format!("Is this a story?\n{text}"),
        answer: "[\"yes\",\"no\"]".into(),
        log_probabilities: vec![-0.1, -2.5],
        method: Some("log_probabilities".into()),
        tokens_in: 100,
        tokens_out: 0,
        cost: 0.0,
        price: None,
        latency_ms: 1e-3,
        attempts: 3,
        seed: index,
        error: (index % 7 == 6).then(|| "429 too many requests".into()),
    }
}

/// A closed journal with the samples below `count`, in this directory.
pub(crate) fn written(directory: &Path, count: u64) -> PathBuf {
    let path = directory.join("run.db");
    let mut journal = create(&path).unwrap();
    (0..count).for_each(|index| append(&mut journal, index).unwrap());
    path
}

/// Checks that a reader gives exactly the samples below `count`, in every way it can.
pub(crate) fn assert_samples(reader: &Reader, count: u64) {
    let mut next = 0;
    reader
        .fold(&mut |candidate| {
            assert_eq!(exactly(&candidate), exactly(&sample(next)));
            next += 1;
            Ok::<(), JournalError>(())
        })
        .unwrap();
    assert_eq!((next, reader.len().unwrap()), (count, count));
    for index in 0..count {
        assert_eq!(reader.candidate(index).unwrap().unwrap(), (sample(index), life(index)));
    }
    assert_eq!(reader.totals().unwrap().calls, 2 * count);
    assert_eq!(reader.events().unwrap(), (0..count).flat_map(events).collect::<Vec<_>>());
    assert_eq!(reader.inputs().unwrap(), contents().inputs);
    assert_eq!(reader.tessellations().unwrap(), contents().tessellations);
    assert_eq!(reader.header(), &header());
}

/// Debug text tells -0.0 from 0.0, which comparing doesn't.
pub(crate) fn exactly(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("with\0NUL\0".to_owned()),
        any::<String>(),
        "[a-z ]{0,40}",
        ("\\PC{1,20}", 1..300_usize).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn any_number() -> impl Strategy<Value = f64> {
    use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![
        4 => NORMAL | SUBNORMAL | ZERO | POSITIVE | NEGATIVE,
        1 => prop_oneof![Just(-0.0), Just(f64::MAX), Just(f64::MIN), Just(5e-324), Just(0.1 + 0.2), Just(1e15)],
    ]
}

/// Prices and times: a sum of some of them stays finite, and -0.0 has no meaning.
fn any_amount() -> impl Strategy<Value = f64> {
    any_number().prop_map(|number| (number % 1e200) + 0.0)
}

fn any_genome() -> impl Strategy<Value = Genome> {
    let files = proptest::collection::btree_map("[a-c]{1,2}(/d)?\\.py", any_text(), 1..4);
    prop_oneof![
        files.prop_map(|files| {
            let files = files.into_iter().map(|(path, text)| (path, text.into())).collect();
            Genome::Files(Files::new(files).unwrap())
        }),
        any_text().prop_map(|text| Genome::Text(text.into())),
        proptest::collection::vec(any_number(), 0..5).prop_map(Genome::Vector),
        (proptest::collection::vec(any_text(), 0..4), any_text()).prop_map(|(examples, text)| {
            Genome::FewShot { examples: examples.into_iter().map(Into::into).collect(), text: text.into() }
        }),
    ]
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        Just(Fate::New),
        Just(Fate::Improved),
        Just(Fate::NotBetter),
        any_text().prop_map(|why| Fate::Invalid { why }),
        any_text().prop_map(|why| Fate::Failed { why }),
    ]
}

pub(crate) fn any_call() -> impl Strategy<Value = ModelCall> {
    let kind = prop_oneof![Just(CallKind::Complete), Just(CallKind::Score), Just(CallKind::Embed)];
    let words = (any_text(), any_text(), any_text(), any_text());
    let scores = (proptest::collection::vec(any_number(), 0..4), proptest::option::of(any_text()));
    let numbers = (0..1_u64 << 50, 0..1_u64 << 50, any_amount(), any_amount(), any::<u32>(), any::<u64>());
    (words, kind, scores, numbers, proptest::option::of(any_text())).prop_map(
        |(words, kind, scores, numbers, error)| ModelCall {
            role: words.0,
            kind,
            model: words.1,
            prompt: words.2,
            answer: words.3,
            log_probabilities: scores.0.clone(),
            method: scores.1,
            tokens_in: numbers.0,
            tokens_out: numbers.1,
            cost: numbers.2,
            price: scores.0.first().map(|price| price.abs() % 1e9),
            latency_ms: numbers.3,
            attempts: numbers.4,
            seed: numbers.5,
            error,
        },
    )
}

pub(crate) fn any_artifacts() -> impl Strategy<Value = Vec<Artifact>> {
    let kind = (0..ArtifactKind::ALL.len()).prop_map(|at| ArtifactKind::ALL[at]);
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..900),
        any_text().prop_map(|text| text.into_bytes()),
    ];
    let one = (any_text(), kind, body).prop_map(|(name, kind, body)| Artifact { name, kind, body });
    proptest::collection::vec(one, 0..4).prop_map(artifact::fitting)
}

fn any_score() -> impl Strategy<Value = Score> {
    use proptest::collection::{btree_map, vec};
    let numbers = (any_number(), vec(any_number(), 0..4), btree_map(any_text(), any_number(), 0..4));
    (numbers, any_artifacts(), proptest::option::of(any::<u32>())).prop_map(
        |((objective, measures, metrics), artifacts, stage)| Score {
            objective,
            measures,
            metrics,
            artifacts,
            stage,
        },
    )
}

/// A candidate without its index, which is where it is appended.
pub(crate) fn any_candidate() -> impl Strategy<Value = Candidate> {
    use proptest::collection::vec;
    use proptest::option::of;
    let whole = 0..=i64::MAX as u64;
    let genome = of(any_genome().prop_map(Arc::new));
    let score = of(any_score().prop_map(Arc::new));
    let found = (genome, score, any_fate(), any_artifacts());
    let place = (of(whole.clone()), of(any::<u32>()), of(whole.clone()), any::<u32>(), whole.clone());
    let made = (any_text(), vec(any::<u64>(), 0..4), of(any::<u32>()));
    let spent = (whole.clone(), whole, any_amount(), any_amount());
    (found, place, made, spent).prop_map(
        |(
            (genome, score, fate, artifacts),
            (cell, rank, copy_of, island, horizon),
            (operator, parents, generator),
            (calls, tokens, money, model_ms),
        )| {
            // A score is of something; and who has one keeps its artifacts there.
            let score = score.filter(|_| genome.is_some());
            let artifacts = if score.is_some() { vec![] } else { artifacts };
            let charge = Charge { calls, tokens, money };
            Candidate {
                index: 0,
                island,
                horizon,
                operator,
                parents,
                generator,
                genome,
                score,
                fate,
                cell,
                rank,
                copy_of,
                artifacts,
                charge,
                model_ms,
            }
        },
    )
}

pub(crate) fn any_life() -> impl Strategy<Value = Life> {
    use proptest::option::of;
    let words = (of(any_text()), of(any_text()), of(any_text()), of(any_text()));
    (proptest::collection::vec(any_call(), 0..4), any_amount(), words).prop_map(
        |(calls, live_ms, (isolation, model, evaluator, worker))| Life {
            calls,
            live_ms,
            isolation,
            model,
            evaluator,
            worker,
        },
    )
}
