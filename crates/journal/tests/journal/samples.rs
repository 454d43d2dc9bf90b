//! Records to write: a fixed one for each index, and arbitrary ones.

use proptest::prelude::*;
use samara_journal::{CallKind, Candidate, Fate, Genome, Header, Journal, ModelCall, Reader};
use std::path::{Path, PathBuf};

pub(crate) fn header() -> Header {
    Header {
        config: "[search]\nseed = 18446744073709551615\n".into(),
        experiment: "poetry".into(),
        environment: "lmx".into(),
        seed: u64::MAX,
        samara: "0.1.0".into(),
        created: "2026-01-02T03:04:05Z".into(),
    }
}

/// The candidate that every test records at this index.
pub(crate) fn sample(index: u64) -> Candidate {
    let text = format!(
        "candidate {index}: {}",
        "a suspicious spy meets a rich politician. ".repeat(index as usize % 30)
    );
    let (genome, fate) = match index % 5 {
        0 => (Some(Genome::Text(text.as_str().into())), Fate::New),
        1 => (Some(Genome::Vector(vec![index as f64 / 3.0, -0.0])), Fate::Improved),
        2 => {
            let examples = vec!["an example".into(), text.as_str().into()];
            (Some(Genome::FewShot { examples, text: text.as_str().into() }), Fate::NotBetter)
        }
        3 => (None, Fate::Invalid { why: "nothing was written".into() }),
        _ => (
            Some(Genome::Text("loop {}".into())),
            Fate::Failed { why: format!("timeout, \"{index}\"\nkilled") },
        ),
    };
    let evaluated = index % 5 < 3;
    let value = index as f64 / 7.0;
    Candidate {
        index,
        parents: (index.saturating_sub(2)..index).collect(),
        genome,
        measures: evaluated.then(|| vec![value, 0.25]),
        objective: evaluated.then_some(-value),
        fate,
        cell: evaluated.then_some(index % 400),
        rank: (index % 5 == 1).then_some(2),
        live_ms: 12.5,
        isolation: (index % 5 == 4).then(|| "namespaces".into()),
        arm: None,
        calls: vec![generator(index, &text), judge(index, &text)],
    }
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
    let mut journal = Journal::create(&path, &header()).unwrap();
    (0..count).for_each(|index| journal.append(&sample(index)).unwrap());
    path
}

/// Checks that a reader gives exactly the samples below `count`, in every way it can.
pub(crate) fn assert_samples(reader: &Reader, count: u64) {
    let mut next = 0;
    reader
        .fold(&mut |settled| {
            assert_eq!(settled.genome, sample(next).genome);
            assert_eq!((settled.index, settled.calls), (next, 2));
            next += 1;
            Ok::<(), samara_journal::JournalError>(())
        })
        .unwrap();
    assert_eq!((next, reader.len().unwrap()), (count, count));
    for index in 0..count {
        assert_eq!(reader.candidate(index).unwrap().unwrap(), sample(index));
    }
    assert_eq!(reader.totals().unwrap().calls, 2 * count);
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
    prop_oneof![
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

/// A candidate without its index, which is where it is appended.
pub(crate) fn any_candidate() -> impl Strategy<Value = Candidate> {
    use proptest::collection::vec;
    use proptest::option::of;
    let found = (of(any_genome()), of(vec(any_number(), 0..4)), of(any_number()), any_fate());
    let place = (of(0..=i64::MAX as u64), of(any::<u32>()), vec(any::<u64>(), 0..4));
    (found, place, any_amount(), of(any_text()), vec(any_call(), 0..4)).prop_map(
        |((genome, measures, objective, fate), (cell, rank, parents), live_ms, isolation, calls)| Candidate {
            index: 0,
            parents,
            genome,
            measures,
            objective,
            fate,
            cell,
            rank,
            live_ms,
            isolation,
            arm: rank,
            calls,
        },
    )
}
