//! A user's evaluator on a bench: slots, seeds, and candidates that run apart from it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Barrier},
};

use samara_engine::{Abort, Bench, EvaluatorSlots, OwnEvaluator, Programs, SandboxSettings};
use samara_sandbox::{
    EvaluationEnding, EvaluationJob, EvaluationLimits, EvaluationVerdict, EvaluatorOptions, Isolation,
    SandboxError, Tier,
};

/// Scores a candidate by what its function makes of hidden numbers, which is called apart.
const HARNESS: &str = r#"
import os, random, time
HIDDEN = [3, 1, 2]
def evaluate(request):
    if request.get("chance"): return random.random()
    if request.get("pid"):
        time.sleep(0.05)
        return os.getpid()
    try: return {"sorted": candidate_call("f", [HIDDEN])}
    except CandidateError as error: return {"kind": error.kind, "message": error.message}
"#;

/// A bench whose evaluator has so many slots; none and a word on stderr where nothing can be isolated.
fn bench(slots: usize) -> Option<(tempfile::TempDir, Bench)> {
    let folder = tempfile::tempdir().unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let sandbox = SandboxSettings { wall_s: 120.0, servers: Some(1), ..SandboxSettings::default() };
    let options = EvaluatorOptions { slots, ..EvaluatorOptions::new(HARNESS, folder.path()) };
    let started =
        Programs::start(&sandbox).and_then(|programs| Ok((programs, EvaluatorSlots::start(&options)?)));
    match started {
        Ok((programs, evaluators)) => {
            Some((folder, Bench::new(Some(programs), 7).with_evaluators(Some(evaluators))))
        }
        Err(error) if is_about_isolation(&error) => {
            samara_testing::tiers::missing("jail", &error.to_string());
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn is_about_isolation(error: &SandboxError) -> bool {
    use SandboxError::{Evaluator, NotLinux, Step, Tier};
    matches!(error, Tier { .. } | Step { .. } | Evaluator(_) | NotLinux)
}

fn job(request: &str, seed: u64) -> EvaluationJob {
    // No clock that a busy machine could reach.
    let limits =
        EvaluationLimits { wall: std::time::Duration::from_secs(300), ..EvaluationLimits::default() };
    EvaluationJob { request: request.to_owned(), limits, seed, ..EvaluationJob::new(Vec::new()) }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

fn json(ending: &EvaluationEnding) -> &str {
    match ending {
        EvaluationEnding::Returned { json } => json,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_candidate_that_runs_apart_is_called_with_values_and_sees_nothing_else() {
    let Some((_folder, mut bench)) = bench(1) else { return };
    let mut call = |program: &str| {
        let verdict = run(bench.evaluate_apart(job("{}", 0), program)).unwrap();
        serde_json::from_str::<BTreeMap<String, serde_json::Value>>(json(&verdict.ending)).unwrap()
    };
    assert_eq!(call("def f(numbers): return sorted(numbers)")["sorted"], serde_json::json!([1, 2, 3]));
    for (program, kind) in [
        ("def f(numbers): return 1 / 0", "ZeroDivisionError"),
        ("def f(", "SyntaxError"),
        ("def g(): pass", "NameError"),
        ("import ctypes\ndef f(numbers): ctypes.CDLL(None).ptrace(0, 0, 0, 0)", "forbidden"),
        ("def f(numbers): open('/tmp/candidate')", "FileNotFoundError"),
        ("import os\ndef f(numbers): os._exit(3)", "no_result"),
    ] {
        assert_eq!(call(program)["kind"], kind, "{program}");
    }
    assert!(bench.isolation().is_some_and(|isolation| isolation.contains("Python")));
}

#[test]
fn without_a_candidate_apart_a_call_is_an_error_that_the_evaluator_sees() {
    let Some((_folder, mut bench)) = bench(1) else { return };
    let verdict = run(bench.evaluate(job("{}", 0))).unwrap();
    assert!(json(&verdict.ending).contains("NotApart"), "{verdict:?}");
}

#[test]
fn equal_seeds_get_equal_chance_and_repetitions_others() {
    let Some((_folder, mut bench)) = bench(2) else { return };
    let mut chance = |seed| {
        let verdict = run(bench.evaluate(job(r#"{"chance": true}"#, seed))).unwrap();
        json(&verdict.ending).to_owned()
    };
    assert_eq!(chance(0), chance(0));
    assert_ne!(chance(0), chance(1));
}

#[test]
fn more_evaluations_than_slots_wait_for_their_turn() {
    let Some((_folder, bench)) = bench(2) else { return };
    let all = run(async {
        let one = || {
            let mut bench = bench.clone();
            async move { bench.evaluate(job(r#"{"pid": true}"#, 0)).await }
        };
        futures_util::future::join_all((0..12).map(|_| one())).await
    });
    assert!(all.iter().all(|verdict| json(&verdict.as_ref().unwrap().ending) == "2"));
}

#[test]
fn a_bench_without_an_evaluator_says_so() {
    let error = run(Bench::default().evaluate(job("{}", 0))).unwrap_err();
    assert!(matches!(error, Abort::Run(_)), "{error:?}");
}

/// Answers with the seed, once as many evaluate as the barrier waits for; `fail` and `stop` are what they say.
struct Own(Barrier);

impl OwnEvaluator for Own {
    fn isolation(&self) -> String {
        "thread, of this program".to_owned()
    }

    fn run(&self, job: &EvaluationJob) -> Result<EvaluationVerdict, SandboxError> {
        self.0.wait();
        let ending = match job.request.as_str() {
            "stop" => return Err(SandboxError::Harness("it has stopped".to_owned())),
            "fail" => EvaluationEnding::Failed { why: "it has failed".to_owned() },
            _ => EvaluationEnding::Returned { json: job.seed.to_string() },
        };
        Ok(EvaluationVerdict {
            ending,
            stdout: String::new(),
            stderr: String::new(),
            cpu: Default::default(),
            wall: Default::default(),
            peak_memory: 0,
            isolation: Isolation { tier: Tier::Process, python: Arc::from("") },
        })
    }
}

#[test]
fn an_evaluator_of_the_program_itself_evaluates_in_its_slots_and_is_told_apart_in_the_record() {
    let slots = EvaluatorSlots::own(Arc::new(Own(Barrier::new(2))), 2);
    assert_eq!((slots.slots(), slots.isolation()), (2, None));
    let bench = || Bench::new(None, 7).with_evaluators(Some(slots.clone()));
    let (mut first, mut second) = (bench(), bench());
    let both = async { tokio::join!(first.evaluate(job("{}", 1)), second.evaluate(job("{}", 2))) };
    let (one, two) = run(both);
    assert_eq!((json(&one.unwrap().ending), json(&two.unwrap().ending)), ("8", "9"));
    assert_eq!(first.isolation(), Some("thread, of this program"));
}

#[test]
fn a_failure_of_an_evaluator_of_the_program_itself_is_one_candidates_and_a_stop_the_runs() {
    let slots = EvaluatorSlots::own(Arc::new(Own(Barrier::new(1))), 1);
    let mut bench = Bench::new(None, 0).with_evaluators(Some(slots));
    let failed = run(bench.evaluate(job("fail", 0)));
    assert!(matches!(failed, Err(Abort::Failed(reason)) if reason.why == "the sandbox: it has failed"));
    assert!(matches!(run(bench.evaluate(job("stop", 0))), Err(Abort::Run(_))));
}
