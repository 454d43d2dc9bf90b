//! Evaluators of every protocol in the sandbox of evaluators, through what the environment offers to the engine.

#![cfg(target_os = "linux")]

use std::{path::PathBuf, sync::Arc};

use samara_engine::{Abort, Bench, EvaluatorSlots, Programs, Reason, SandboxSettings};
use samara_environments::{
    Inputs,
    evaluator::evaluation::{Evaluation, ProgramInfo},
};
use samara_sandbox::EvaluatorOptions;
use samara_search::{Files, Genome, Score};

/// Whether this machine can have the sandbox of evaluators; a word on stderr if it can't and need not.
fn is_possible() -> bool {
    let options =
        EvaluatorOptions { slots: 1, ..EvaluatorOptions::new("def evaluate(request): return 1", "/usr") };
    match EvaluatorSlots::start(&options) {
        Ok(_) => true,
        Err(error) => {
            samara_testing::tiers::missing("jail", &error.to_string());
            false
        }
    }
}

struct Started {
    evaluation: Evaluation,
    bench: Bench,
    runtime: tokio::runtime::Runtime,
}

/// The evaluator of `tests/evaluators` of this name, in one slot.
fn start(name: &str, settings: &str) -> Started {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evaluators").join(name);
    let settings = format!("evaluator = 'evaluator.py'\nslots = 1\n{settings}");
    // A command stands alone.
    let settings = settings.replace("evaluator = 'evaluator.py'\nslots = 1\ncommand", "slots = 1\ncommand");
    let program = ProgramInfo {
        main: "program.py".to_owned(),
        language: "python".to_owned(),
        setting: "program.py".to_owned(),
        axes: Vec::new(),
    };
    let settings = toml::from_str(&settings).expect("settings");
    let evaluation = Evaluation::new(settings, &program, &Inputs::in_folder(folder)).expect("an evaluation");
    let slots = EvaluatorSlots::start(&evaluation.options()).expect("a started evaluator");
    let programs = evaluation
        .is_hidden()
        .then(|| Programs::start(&SandboxSettings::default()).expect("the sandbox of programs"));
    let bench = Bench::new(programs, 7).with_evaluators(Some(slots));
    Started { evaluation, bench, runtime: tokio::runtime::Runtime::new().expect("threads") }
}

impl Started {
    fn evaluate(&mut self, program: &str) -> Result<Score, Abort> {
        self.runtime.block_on(self.evaluation.evaluate(&genome(program), &mut self.bench))
    }

    fn score(&mut self, program: &str) -> Score {
        self.evaluate(program).unwrap_or_else(|abort| panic!("{abort:?}"))
    }

    fn invalid(&mut self, program: &str) -> Reason {
        match self.evaluate(program) {
            Err(Abort::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }
}

fn genome(program: &str) -> Genome {
    let files = [("program.py".to_owned(), Arc::from(program))].into();
    Genome::Files(Files::new(files).expect("a file"))
}

#[test]
fn every_protocol_works_in_the_sandbox() {
    if !is_possible() {
        return;
    }
    let echo = "def run():\n    print('hello')\n    return {'combined_score': 0.5, 'ok': True}\n";
    let score = start("echo", "").score(echo);
    assert_eq!((score.objective, score.metrics["ok"]), (0.5, 1.0));
    assert_eq!(score.artifacts[0].as_text(), Some("hello\n"));
    assert_eq!(start("results", "").score("").objective, 1.0);
    assert_eq!(start("asynchronous", "").score("").objective, 3.0);
    assert_eq!(start("alphaevolve", "").score("SCORES = {'a': 2}\n").objective, 2.0);
    let tell =
        "def tell(scale):\n    return {'metrics': {'combined_score': scale}, 'correct': {'correct': True}}\n";
    assert_eq!(start("shinka", "arguments = { scale = 2.5 }").score(tell).objective, 2.5);
    let command = "command = 'sh -c \"cat $0\" {program}'";
    assert_eq!(start("echo", command).score("{\"a\": 4}").objective, 4.0);
}

#[test]
fn nothing_of_one_evaluation_reaches_the_next() {
    if !is_possible() {
        return;
    }
    let mut helper = start("helper", "");
    let calls: Vec<f64> = (0..3).map(|_| helper.score("").metrics["calls"]).collect();
    assert_eq!(calls, [1.0; 3]);
}

#[test]
fn a_stage_that_hangs_is_ended_and_leaves_the_score_before_it() {
    if !is_possible() {
        return;
    }
    let mut hangs = start("hangs", "timeout_s = 1.5");
    let score = hangs.score("pass\n");
    assert_eq!((score.objective, score.stage), (0.6, Some(2)));
    assert_eq!((score.metrics["stage2_passed"], score.metrics["timeout"]), (0.0, 1.0));
    let reason = hangs.invalid("# hang at once\n");
    assert_eq!(reason.why, "took longer than 1.5 s (environment.evaluation.timeout_s)");
}

#[test]
fn repeats_give_the_mean_and_the_spread_and_the_same_ones_again() {
    if !is_possible() {
        return;
    }
    let mut chance = start("chance", "repeats = 4");
    let score = chance.score("");
    assert!(score.metrics["spread"] > 0.0, "{score:?}");
    assert_eq!(score.objective, score.metrics["combined_score"]);
    assert_eq!(chance.score(""), score);
}

#[test]
fn a_hidden_evaluator_calls_a_candidate_that_can_not_see_it() {
    if !is_possible() {
        return;
    }
    let mut hidden = start("hidden", "hidden = true");
    let program = "def square(x):\n    return x * x if x != 3 else 8\n\n\n\
                   def look():\n    import evaluation_module\n    return evaluation_module.ANSWERS\n";
    let score = hidden.score(program);
    assert_eq!(score.objective, 2.0 / 3.0);
    let refused = score.artifacts.iter().find(|artifact| artifact.name == "refused").expect("an error");
    assert!(refused.as_text().expect("a text").contains("evaluation_module"), "{refused:?}");
    assert!(hidden.invalid("def square(x):\n    return undefined\n").why.contains("undefined"));
}

#[test]
fn what_is_wrong_is_said_before_anything_is_paid_for() {
    if !is_possible() {
        return;
    }
    let preflight = |name: &str, settings: &str, program: &str| {
        let Started { evaluation, mut bench, runtime } = start(name, settings);
        let checked = runtime.block_on(evaluation.preflight(&genome(program), &mut bench));
        checked.expect("a sandbox").map_err(|invalid| (invalid.what, invalid.hint))
    };
    let (what, hint) = preflight("lazy", "", "").expect_err("a missing module");
    assert!(what.contains("no score: raised ModuleNotFoundError") && what.contains("line 5"), "{what}");
    assert!(hint.contains("environment.evaluation.python"), "{hint}");
    let (what, hint) = preflight("echo", "", "def run():\n    return {}\n").expect_err("no number");
    assert!(
        what.ends_with("no score: the evaluator gave no number") && hint.contains("combined_score"),
        "{what} {hint}"
    );
    let (what, _) = preflight("echo", "", "def run():\n    return 3\n").expect_err("no result");
    assert!(what.contains("returned int"), "{what}");
    let variables = "variables = ['SAMARA_TEST_VARIABLE_THAT_IS_NOT_SET']";
    assert!(preflight("echo", variables, "").expect_err("not set").0.contains("which is not set"));
    let fine = preflight("echo", "", "def run():\n    return {'a': 2}\n").expect("a score");
    assert_eq!(fine.objective, 2.0);
}

#[test]
fn a_broken_evaluator_does_not_start() {
    if !is_possible() {
        return;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evaluators/ambiguous");
    let program = ProgramInfo {
        main: "program.py".to_owned(),
        language: "python".to_owned(),
        setting: "program.py".to_owned(),
        axes: Vec::new(),
    };
    let settings = toml::from_str("evaluator = 'evaluator.py'\nslots = 1").expect("settings");
    let evaluation = Evaluation::new(settings, &program, &Inputs::in_folder(folder)).expect("an evaluation");
    let error = EvaluatorSlots::start(&evaluation.options()).expect_err("two protocols").to_string();
    assert!(error.contains("could speak `shinka`") && !error.contains("<harness>"), "{error}");
}

/// Directories of others are no part of the project: a file says where they are, a line each: the evaluator, the initial
/// program, its score. `SAMARA_SANDBOX_PYTHON` has the packages that they need.
#[test]
#[ignore = "needs SAMARA_EVALUATORS, a file of lines EVALUATOR PROGRAM SCORE"]
fn evaluators_of_others_give_the_scores_that_are_known() {
    let list = std::env::var("SAMARA_EVALUATORS").expect("SAMARA_EVALUATORS names a file");
    let python = std::env::var("SAMARA_SANDBOX_PYTHON").expect("SAMARA_SANDBOX_PYTHON names an interpreter");
    let mut wrong = Vec::new();
    for line in std::fs::read_to_string(list).expect("a file").lines() {
        let [evaluator, path, known] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let settings = format!(
            "evaluator = '{evaluator}'\npython = '{python}'\nslots = 1\ncascade = true\nthresholds = [0.0]"
        );
        let program = ProgramInfo {
            main: "program.py".to_owned(),
            language: "python".to_owned(),
            setting: path.to_owned(),
            axes: Vec::new(),
        };
        let settings = toml::from_str(&settings).expect("settings");
        let evaluation = Evaluation::new(settings, &program, &Inputs::in_folder("/")).expect("an evaluation");
        let slots = EvaluatorSlots::start(&evaluation.options()).expect("a started evaluator");
        let bench = Bench::new(None, 7).with_evaluators(Some(slots));
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let mut started = Started { evaluation, bench, runtime };
        let text = std::fs::read_to_string(path).expect("a program");
        let began = std::time::Instant::now();
        let found = started.evaluate(&text).map(|score| score.objective);
        eprintln!("{evaluator}: {found:?} in {:?}", began.elapsed());
        let known: f64 = known.parse().expect("a score");
        if !found.is_ok_and(|found| (found - known).abs() <= 1e-9) {
            wrong.push(line.to_owned());
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
