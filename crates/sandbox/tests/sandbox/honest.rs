//! Programs that behave: values, limits that name themselves, reproducibility, refusals.

use crate::common::{self, CONFINED, matches, shown};
use proptest::prelude::*;
use samara_sandbox::codec::{Budget, encode};
use samara_sandbox::value::{Array, Dtype, Int};
use samara_sandbox::{Ending, Job, Sandbox, SandboxError, SandboxOptions, Tier, Value};
use samara_testing::tiers;
use std::time::Duration;

const ALL: [Tier; 3] = Tier::ALL;

#[test]
fn an_honest_program_gets_its_arguments_and_returns_its_value() {
    common::on_tiers(&ALL, |sandbox| {
        let mut job =
            common::job("def join(words, by):\n    print('joining', len(words))\n    return by.join(words)");
        job.entry = "join".to_owned();
        job.arguments = vec![Value::List(vec!["a".into(), "b".into()]), "-".into()];
        let verdict = sandbox.run(&job).unwrap();
        assert_eq!(verdict.ending, Ending::Ok { value: "a-b".into() });
        assert_eq!(verdict.stdout, "joining 2\n");
        assert!(verdict.cpu > Duration::ZERO && verdict.wall >= verdict.cpu / 2);
        assert!(!verdict.isolation.python.is_empty());
    });
}

#[test]
fn limits_hold_and_are_named_on_every_tier() {
    common::on_tiers(&ALL, |sandbox| {
        for (program, expected) in [
            ("def main():\n    while True: pass", "timeout cpu"),
            ("import time\ndef main(): time.sleep(100)", "timeout wall"),
            ("def main():\n    x = []\n    while True: x.append(bytearray(1 << 20))", "memory"),
            ("def main():\n    while True: print('x' * 100)", "output_limit"),
            ("def main(): return 'x' * (5 << 20)", "result_limit"),
            ("def main(): return [0] * 300000", "result_limit"),
            ("import os\ndef main(): os._exit(3)", "no_result 3"),
            ("import ctypes\ndef main(): ctypes.string_at(0)", "crash 11"),
            ("def main(:", "syntax"),
            ("def main(): return {}['x']", "exception KeyError"),
        ] {
            let verdict = common::run_expecting(sandbox, program, expected);
            assert!(
                matches(&verdict.ending, expected),
                "{}: {program}: {:?}",
                sandbox.tier(),
                verdict.ending
            );
        }
    });
}

#[test]
fn a_verdict_says_how_much_was_used() {
    common::on_tiers(&CONFINED, |sandbox| {
        let busy = common::run_expecting(sandbox, "def main():\n    while True: pass", "timeout cpu");
        // Beyond two seconds the kernel would have ended it, even if the host had no time to look.
        let within = Duration::from_millis(400)..Duration::from_millis(2500);
        assert!(within.contains(&busy.cpu), "{:?}", busy.cpu);
        let asleep = common::run(sandbox, "import time\ndef main(): time.sleep(0.3)");
        assert!(asleep.wall >= Duration::from_millis(300) && asleep.cpu < asleep.wall);
        let large = common::run(sandbox, "def main(): return len(bytearray(b'x') * (50 << 20))");
        assert!(large.peak_memory > 45 << 20 && large.peak_memory < 80 << 20, "{}", large.peak_memory);
    });
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let verdict = common::run(sandbox, "def main(): return open('f', 'w').write('x' * 100000)");
        assert_eq!((verdict.scratch_bytes, shown(&verdict.ending)), (102_400, "ok 100000".to_owned()));
        assert_eq!(common::run(sandbox, "def main(): return 1").scratch_bytes, 0);
    });
}

#[test]
fn the_same_seed_gives_the_same_result_on_any_server_and_another_seed_another() {
    let program = "import random\ndef main():\n    return [random.random(), list({'a', 'b', 'c', 'd', 'e'}), hash('x')]";
    let mut seen = Vec::new();
    for _ in 0..2 {
        common::on_tiers(&[Tier::Jail], |sandbox| {
            for seed in [1, u64::MAX, 1] {
                let job = Job { seed, ..common::job(program) };
                assert!(matches(&sandbox.run(&job).unwrap().ending, "ok"));
            }
        });
        let Some(sandbox) = common::sandbox(Tier::Jail) else { return };
        for seed in [1, 1, 2] {
            seen.push(shown(&sandbox.run(&Job { seed, ..common::job(program) }).unwrap().ending));
        }
    }
    assert_eq!([&seen[0], &seen[0]], [&seen[1], &seen[3]]);
    assert_ne!(seen[0], seen[2]);
}

#[test]
fn a_prelude_is_run_in_front_and_the_lines_of_errors_are_the_programs() {
    common::on_tiers(&CONFINED, |sandbox| {
        let ending = |prelude: &str, program: &str| {
            let job = Job { prelude: prelude.to_owned(), ..common::job(program) };
            sandbox.run(&job).unwrap().ending
        };
        let prelude = "import math\n\ndef half(x):\n    return x / 2\n";
        assert_eq!(shown(&ending(prelude, "def main(): return str(half(math.floor(7.5)))")), "ok 3.5");
        assert_eq!(
            shown(&ending(prelude, "from __future__ import annotations\ndef main(): return 1")),
            "ok 1"
        );
        let Ending::Syntax { message } = ending(prelude, "def main():\n    x = 1\n    oops oops\n") else {
            panic!("no syntax error")
        };
        assert_eq!(message, "invalid syntax (<program>, line 3)");
        let at = "import sys\ndef main():\n    return sys._getframe().f_lineno";
        assert_eq!(shown(&ending(prelude, at)), "ok 3");
        assert!(matches(
            &ending("raise ValueError('early')", "def main(): return 1"),
            "exception ValueError"
        ));
    });
}

#[test]
fn modules_of_the_standard_library_can_be_imported() {
    common::on_tiers(&CONFINED, |sandbox| {
        let program = "def main():\n    import bisect, bz2, collections, dataclasses, datetime, decimal, enum, fractions, hashlib, heapq, lzma, queue, statistics, string, textwrap, threading, uuid, zlib\n    @dataclasses.dataclass\n    class P:\n        x: int\n    return [str(decimal.Decimal(1) / 4), P(3).x, hashlib.sha256(b'').hexdigest()[:4]]";
        assert_eq!(shown(&common::run(sandbox, program).ending), "ok [0.25, 3, e3b0]");
    });
}

#[test]
fn arrays_travel_both_ways_if_there_is_numpy() {
    common::on_tiers(&ALL, |sandbox| {
        if !sandbox.isolation().python.contains("numpy") {
            return tiers::skipped(&format!("no numpy in {}", sandbox.isolation().python));
        }
        for (dtype, name, size) in Dtype::ALL {
            let data: Vec<u8> =
                (0..6 * size as u8).map(|byte| if dtype == Dtype::Bool { byte & 1 } else { byte }).collect();
            let array = Value::Array(Array::new(dtype, vec![2, 3], data).unwrap());
            let mut job = common::job("def main(x): return x.T.T[:, ::1], str(x.dtype), x[::-1][::-1]");
            job.arguments = vec![array.clone()];
            let verdict = sandbox.run(&job).unwrap();
            let Ending::Ok { value: Value::Tuple(values) } = &verdict.ending else {
                panic!("{name:?}: {:?}", verdict.ending)
            };
            assert_eq!((&values[0], &values[2]), (&array, &array));
        }
    });
}

fn plain() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "\\PC{0,5}".prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(Value::Bytes),
    ];
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(|n| Value::Int(Int::parse(&n.to_string()).unwrap())),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        any::<String>().prop_map(Value::Str),
        prop::collection::vec(0xd800_u32..0xe000, 1..5).prop_map(Value::Surrogates),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|mut pairs| {
                pairs.sort_by_key(|(key, _)| format!("{key:?}"));
                pairs.dedup_by_key(|(key, _)| format!("{key:?}"));
                Value::Dict(pairs)
            }),
        ]
    })
}

#[test]
fn any_plain_value_comes_back_from_python_bit_for_bit() {
    common::on_tiers(&[Tier::Jail, Tier::Landlock], |sandbox| {
        let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
        proptest!(config, |(value in plain())| {
            let mut job = common::job("def main(x): return x");
            job.arguments = vec![value.clone()];
            let ending = sandbox.run(&job).unwrap().ending;
            let Ending::Ok { value: back } = ending else { panic!("{value:?}: {ending:?}") };
            // NaN differs from itself: their bytes are compared.
            prop_assert_eq!(encode(&back, Budget::default()), encode(&value, Budget::default()));
        });
    });
}

#[test]
fn a_tier_below_the_minimum_is_refused_and_says_why() {
    let options = SandboxOptions { tier: Some(Tier::Process), ..SandboxOptions::default() };
    let error = Sandbox::start(&options).unwrap_err().to_string();
    assert!(error.contains("weaker than the minimum, landlock") && error.contains("hint: "), "{error}");
}

#[test]
fn a_path_that_is_no_python_is_refused_and_named() {
    let options = SandboxOptions { python: Some("/nowhere/python".into()), ..SandboxOptions::default() };
    let error = Sandbox::start(&options).unwrap_err();
    assert!(matches!(error, SandboxError::Tier { .. }));
    assert!(
        error.to_string().contains("/nowhere/python: ") && error.to_string().contains("hint: "),
        "{error}"
    );
}

#[test]
fn jobs_that_can_not_be_sent_are_refused() {
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let long = Job::new("x".repeat((1 << 20) + 1), "main");
        assert!(matches!(sandbox.run(&long), Err(SandboxError::Job(_))));
        let mut unhashable = common::job("");
        unhashable.arguments = vec![Value::Dict(vec![(Value::List(vec![]), Value::None)])];
        assert!(matches!(sandbox.run(&unhashable), Err(SandboxError::Job(_))));
    });
}

#[test]
fn the_strongest_tier_that_works_is_taken() {
    let sandbox = match Sandbox::start(&SandboxOptions { servers: 1, ..SandboxOptions::default() }) {
        Ok(sandbox) => sandbox,
        Err(error) => return tiers::none_isolates(&error.to_string()),
    };
    assert!(sandbox.tier() >= Tier::Landlock);
    assert_eq!(sandbox.tier() == Tier::Jail, common::sandbox(Tier::Jail).is_some());
}

#[test]
fn the_doctor_says_of_every_tier_whether_it_works_or_how_to_get_it() {
    let report = samara_sandbox::doctor::examine(&common::options(Tier::Jail));
    let text = report.to_string();
    for (tier, found) in &report.tiers {
        assert!(text.contains(tier.name()) && (found.is_ok() || text.contains("hint: ")), "{text}");
        assert_eq!(found.is_ok(), common::sandbox(*tier).is_some());
    }
}

#[test]
fn a_scratch_of_no_bytes_takes_none() {
    let program = "def main():\n    try: open('/scratch/a', 'wb').write(bytes(1 << 20))\n    except OSError as error: return error.errno";
    common::on_tiers(&[Tier::Jail], |sandbox| {
        let mut job = common::job(program);
        job.limits.scratch_bytes = 0;
        assert_eq!(shown(&sandbox.run(&job).unwrap().ending), "ok 30");
        job.limits.scratch_bytes = 1;
        assert_eq!(shown(&sandbox.run(&job).unwrap().ending), "ok 28", "less than a page is a page");
    });
}

#[test]
fn programs_stand_back_as_far_as_the_sandbox_is_told() {
    for tier in CONFINED {
        let options = SandboxOptions { niceness: 7, ..common::options(tier) };
        let Some(sandbox) = common::sandbox_of(&options, tier) else { continue };
        for server in sandbox.servers() {
            let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).unwrap();
            // The 19th word, counted behind the name, which may hold blanks.
            let nice = stat.rsplit(") ").next().and_then(|words| words.split(' ').nth(16)).unwrap();
            assert_eq!(nice, "7");
        }
    }
}
