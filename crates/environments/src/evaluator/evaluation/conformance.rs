//! The rules of OpenEvolve 0.4.1's evaluators, one row each, and those of the other protocols. The harness runs as a
//! plain script, without a sandbox; the evaluators are in `tests/evaluators`.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use samara_engine::{Abort, Reason};
use samara_sandbox::{EvaluationEnding, EvaluationVerdict, Isolation, Tier};
use samara_search::Score;

use super::{
    Evaluation, EvaluationSettings, FIRST, HARNESS, Loss, Outcome, ProgramInfo, Reply, cascade::Progress,
};
use crate::Inputs;

/// An evaluator of `tests/evaluators`, with `settings` beside it.
fn evaluation(name: &str, settings: &str) -> Evaluation {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/evaluators").join(name);
    let mut settings: EvaluationSettings = toml::from_str(settings).expect("settings");
    if settings.command.is_none() {
        settings.evaluator = Some("evaluator.py".to_owned());
    }
    let program = ProgramInfo {
        main: "program.py".to_owned(),
        language: "python".to_owned(),
        setting: "program.py".to_owned(),
        axes: vec!["length".to_owned()],
    };
    Evaluation::new(settings, &program, &Inputs::in_folder(folder)).expect("an evaluation")
}

/// What the warm server is for the sandbox, as a process: one stage of an evaluator. `Err` is the last line of its
/// standard error if the evaluator can't be used.
fn run(evaluation: &Evaluation, program: &str, stage: &str) -> Result<Result<Reply, Loss>, String> {
    let place = tempfile::tempdir().expect("a folder");
    let candidate = place.path().join("candidate");
    std::fs::create_dir(&candidate).expect("a folder");
    let path = candidate.join("program.py");
    std::fs::write(&path, program).expect("a file");
    let harness = place.path().join("harness.py");
    std::fs::write(&harness, HARNESS).expect("a file");
    let request = serde_json::json!({
        "stage": stage, "program": path, "folder": candidate, "several": false,
    });
    let told: String = evaluation.config.trim_start_matches("SAMARA_CONFIG = ").to_owned();
    let told: String = serde_json::from_str(told.trim_end()).expect("a string");
    let answer = place.path().join("answer.json");
    let mut child = Command::new("python3")
        .arg(harness)
        .arg(told)
        .arg(&evaluation.files.folder)
        .arg(&answer)
        .env_remove("ENABLE_ARTIFACTS")
        .envs(variables(evaluation))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    child.stdin.take().expect("a pipe").write_all(request.to_string().as_bytes()).expect("a request");
    let output = child.wait_with_output().expect("an end");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !answer.exists() {
        return Err(text(&output.stderr).trim_end().lines().last().unwrap_or_default().to_owned());
    }
    let json = std::fs::read_to_string(answer).expect("an answer");
    let verdict = EvaluationVerdict {
        ending: EvaluationEnding::Returned { json },
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        cpu: Duration::ZERO,
        wall: Duration::ZERO,
        peak_memory: 0,
        isolation: Isolation { tier: Tier::Process, python: Arc::from("3") },
    };
    Ok(super::fate::read(&verdict, &evaluation.settings))
}

/// Variables that a test wants: those that `environment.evaluation.variables` names are `false`.
fn variables(evaluation: &Evaluation) -> BTreeMap<String, String> {
    evaluation.settings.variables.iter().map(|name| (name.clone(), "false".to_owned())).collect()
}

/// The score of a program, by all stages that it reaches.
fn measured(evaluation: &Evaluation, program: &str) -> Result<Score, Abort> {
    let stage = |name: &str| run(evaluation, program, name).expect("an evaluator that can be used");
    let mut progress = Progress::new(stage(FIRST).map_err(Loss::abort)?);
    while let Some(next) = progress.next(&evaluation.settings.thresholds) {
        progress.add(stage(&next));
    }
    evaluation.outcome(progress).map(Outcome::score).map_err(Loss::abort)
}

fn score(name: &str, settings: &str, program: &str) -> Score {
    let score = measured(&evaluation(name, settings), program);
    score.unwrap_or_else(|abort| panic!("{name}: {program}: {abort:?}"))
}

/// Why a candidate is invalid.
fn invalid(name: &str, settings: &str, program: &str) -> Reason {
    match measured(&evaluation(name, settings), program) {
        Err(Abort::Invalid(reason)) => reason,
        other => panic!("{name}: {program}: {other:?}"),
    }
}

/// Why an evaluator can't be used.
fn unusable(name: &str, settings: &str) -> String {
    run(&evaluation(name, settings), "", FIRST).expect_err("an evaluator that can't be used")
}

fn returning(value: &str) -> String {
    format!("def run():\n    return {value}\n")
}

fn artifact<'a>(artifacts: &'a [samara_search::Artifact], name: &str) -> Option<&'a str> {
    artifacts.iter().find(|artifact| artifact.name == name)?.as_text()
}

#[test]
fn what_an_evaluator_returns_is_scored_by_the_rules_of_openevolve() {
    for (value, expected) in [
        ("{'combined_score': 0.25, 'other': 9}", 0.25),
        ("{'a': 1, 'b': 2.0}", 1.5),
        ("{'a': 1, 'b': 2.0, 'length': 300}", 1.5),
        ("{'length': 300}", 300.0),
        ("{'a': 1, 'ok': True, 'note': 'x', 'none': None, 'nested': {'b': 5}}", 1.0),
        ("{'a': 1, 'b': float('nan')}", 1.0),
        ("{'combined_score': 'high', 'a': 4}", 4.0),
        ("{'combined_score': '0.5', 'a': 4}", 0.5),
        ("{'combined_score': True}", 1.0),
        ("{'combined_score': 2, 'error': 'slow'}", 2.0),
        ("{'a': 10 ** 400, 'b': 1}", 1.0),
    ] {
        assert_eq!(score("echo", "", &returning(value)).objective, expected, "{value}");
    }
}

#[test]
fn what_is_no_score_is_invalid_and_says_why() {
    for (value, why) in [
        ("{}", "the evaluator gave no number"),
        ("{'ok': True, 'note': 'x'}", "the evaluator gave no number"),
        ("{'error': 0.0}", "the evaluator reports an error and gave no score"),
        ("{'error': 'no module'}", "the evaluator gave no score: no module"),
        ("{'error': 0.0, 'timeout': True}", "the evaluator says that it ran out of time"),
        ("{'combined_score': float('nan')}", "`combined_score` is nan"),
        ("{'combined_score': float('-inf'), 'a': 1}", "`combined_score` is -inf"),
        ("{'a': float('inf')}", "every metric is NaN or infinite"),
        ("1 / 0", "raised ZeroDivisionError: division by zero"),
        ("exit(3)", "raised SystemExit: 3"),
    ] {
        assert_eq!(invalid("echo", "", &returning(value)).why, why, "{value}");
    }
}

#[test]
fn what_is_no_result_at_all_is_the_evaluators_fault() {
    for value in ["None", "0.5", "[1, 2]", "'text'"] {
        let abort = measured(&evaluation("echo", ""), &returning(value)).expect_err("no result");
        assert!(
            matches!(&abort, Abort::Failed(reason) if reason.why.contains("neither a dict")),
            "{abort:?}"
        );
    }
}

#[test]
fn an_exception_leaves_its_traceback_and_what_was_printed() {
    let program =
        "import sys\ndef run():\n    print('begun')\n    print('oh', file=sys.stderr)\n    return missing\n";
    let reason = invalid("echo", "", program);
    let told = |name: &str| artifact(&reason.artifacts, name).unwrap_or_default();
    assert_eq!((told("stdout"), told("stderr")), ("begun\n", "oh\n"));
    assert_eq!(told("error"), "raised NameError: name 'missing' is not defined");
    assert!(told("traceback").contains("line 5, in run") && !told("traceback").contains("harness"));
}

#[test]
fn metrics_that_are_no_numbers_are_shown_and_nested_artifacts_are_artifacts() {
    let value = "{'combined_score': 1, 'ok': True, 'note': 'x', 'deep': {'b': [1]}, 'far': float('inf'), \
                 'artifacts': {'log': 'line', 'blob': b'\\xff\\x00'}}";
    let score = score("echo", "", &returning(value));
    assert_eq!(score.metrics, BTreeMap::from([("combined_score".to_owned(), 1.0), ("ok".to_owned(), 1.0)]));
    let told = |name: &str| artifact(&score.artifacts, name);
    assert_eq!((told("note"), told("deep"), told("far")), (Some("x"), Some("{\"b\": [1]}"), Some("inf")));
    assert_eq!((told("log"), told("blob")), (Some("line"), None));
    assert!(score.artifacts.iter().any(|artifact| artifact.name == "blob" && artifact.body == [0xff, 0]));
    assert_eq!((score.measures.len(), score.stage), (0, None));
}

#[test]
fn an_evaluation_result_does_what_upstreams_does() {
    let score = score("results", "", "");
    assert_eq!(score.objective, 1.0);
    let names: Vec<&str> = score.artifacts.iter().map(|artifact| &*artifact.name).collect();
    assert_eq!(names, ["text", "bytes", "other"]);
}

/// Three stages, of which those not given fail.
fn staged(stages: &[&str]) -> String {
    let stage = |(place, value): (usize, &&str)| format!("def stage{}():\n    return {value}\n", place + 1);
    stages.iter().enumerate().map(stage).collect()
}

#[test]
fn a_cascade_goes_on_while_the_score_reaches_the_threshold() {
    for (stages, settings, objective, stage) in [
        (&["{'combined_score': 0.4}"][..], "", 0.4, 1),
        (&["{'combined_score': 0.5}", "{'combined_score': 0.7}"], "", 0.7, 2),
        (&["{'combined_score': 1}", "{'combined_score': 1}", "{'combined_score': 7}"], "", 7.0, 3),
        (&["{'combined_score': 1}", "{'combined_score': 1}"], "thresholds = [0.5]", 1.0, 2),
        (&["{'combined_score': 1}"], "thresholds = [1.5, 0.1]", 1.0, 1),
        // The mean leaves out `error` and flags.
        (&["{'a': 0.6, 'error': 0.0, 'ok': True}", "{'b': 0.2}"], "", 0.4, 2),
        (&["{'a': 0.4, 'ok': True}"], "", 0.4, 1),
        (&["{'combined_score': '1', 'a': 0.1}"], "", 1.0, 1),
    ] {
        let score = score("cascade", settings, &staged(stages));
        assert_eq!((score.objective, score.stage), (objective, Some(stage)), "{stages:?} {settings}");
    }
}

#[test]
fn a_merge_keeps_numbers_and_flags_and_joins_artifacts() {
    let stages = [
        "{'combined_score': 0.6, 'ok': True, 'note': 'x', 'error': 0.0, 'artifacts': {'a': '1', 'b': '1'}}",
        "{'combined_score': 0.7, 'fast': False, 'artifacts': {'b': '2'}}",
    ];
    let score = score("cascade", "", &staged(&stages));
    let names: Vec<(&str, f64)> = score.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(names, [("combined_score", 0.7), ("fast", 0.0), ("ok", 1.0)]);
    let told: Vec<(&str, &str)> =
        score.artifacts.iter().map(|a| (&*a.name, a.as_text().expect("a text"))).collect();
    assert_eq!(told, [("a", "1"), ("b", "2")], "texts among the metrics of a stage don't survive");
}

#[test]
fn a_later_stage_that_fails_keeps_the_earlier_score_and_the_first_one_leaves_none() {
    let kept = score("cascade", "", &staged(&["{'combined_score': 0.6}", "1 / 0"]));
    assert_eq!((kept.objective, kept.stage, kept.metrics["stage2_passed"]), (0.6, Some(2), 0.0));
    assert_eq!(artifact(&kept.artifacts, "failure_stage"), Some("stage2"));
    assert!(
        artifact(&kept.artifacts, "stage2_traceback").expect("a traceback").contains("ZeroDivisionError")
    );
    let third = ["{'combined_score': 0.6}", "{'combined_score': 0.8}", "None"];
    let kept = score("cascade", "", &staged(&third));
    assert_eq!((kept.objective, kept.metrics["stage3_passed"]), (0.8, 0.0), "no result is a failure");
    assert_eq!(invalid("cascade", "", &staged(&["1 / 0"])).why, "raised ZeroDivisionError: division by zero");
}

#[test]
fn without_a_first_stage_or_a_cascade_the_whole_evaluation_runs() {
    assert_eq!(score("two-stages", "", "").objective, 100.0);
    assert_eq!(score("cascade", "cascade = false", "").objective, 100.0);
}

#[test]
fn a_coroutine_is_awaited() {
    assert_eq!(score("asynchronous", "", "").objective, 3.0);
}

#[test]
fn arguments_are_those_of_the_whole_evaluation_and_are_checked_before_any() {
    assert_eq!(score("arguments", "cascade = false\narguments = { weight = 4.5 }", "").objective, 4.5);
    assert_eq!(score("arguments", "thresholds = [90]\narguments = { weight = 4.5 }", "").objective, 10.0);
    assert_eq!(score("anything", "arguments = { a = 1, b = 'x', c = [1] }", "").objective, 3.0);
    for (name, argument, why) in [
        ("arguments", "height", "it has no parameter height"),
        ("arguments", "program_path", "multiple values for argument"),
        ("anything", "program_path", "multiple values for argument"),
    ] {
        let said = unusable(name, &format!("arguments = {{ {argument} = 1 }}"));
        assert!(said.contains(why) && said.contains("environment.evaluation.arguments"), "{said}");
    }
}

#[test]
fn artifacts_are_left_out_where_the_variable_or_the_setting_says_so() {
    let program = returning("{'combined_score': 1, 'artifacts': {'a': '1'}} if print('x') is None else None");
    assert_eq!(score("echo", "", &program).artifacts.len(), 2);
    assert_eq!(score("echo", "variables = ['ENABLE_ARTIFACTS']", &program).artifacts.len(), 0);
    assert_eq!(score("echo", "artifacts = false", &program).artifacts.len(), 0);
}

#[test]
fn a_metric_can_be_chosen_and_turned_round() {
    let program = returning("{'combined_score': 1, 'cost': 3}");
    assert_eq!(score("echo", "score = 'cost'\nminimise = true", &program).objective, -3.0);
    let reason = invalid("echo", "score = 'price'", &program);
    assert!(reason.why.contains("no metric `price`, but combined_score, cost"), "{}", reason.why);
}

#[test]
fn modules_beside_the_evaluator_are_imported_and_a_changed_one_is_refused() {
    let mut evaluation = evaluation("helper", "");
    assert_eq!(measured(&evaluation, "").expect("a score").metrics["calls"], 1.0);
    let digest = evaluation.files.digests["helper.py"].clone();
    evaluation.config = evaluation.config.replace(&digest, &"0".repeat(64));
    let said = run(&evaluation, "", FIRST).expect_err("another file");
    assert!(said.contains("helper.py is not what the run has recorded"), "{said}");
}

#[test]
fn alphaevolves_scores_and_insights_are_read() {
    let one = score("alphaevolve", "score = 'area'", "SCORES = {'area': 2, 'other': 5.0}\n");
    assert_eq!((one.objective, one.metrics["other"]), (2.0, 5.0));
    assert_eq!(artifact(&one.artifacts, "shape"), Some("square"));
    assert_eq!(score("alphaevolve", "", "SCORES = {'area': 2, 'other': 5.0}\n").objective, 3.5);
    for bad in ["None", "-1e12", "float('nan')"] {
        let reason = invalid("alphaevolve", "", &format!("SCORES = {{'area': {bad}}}\n"));
        assert_eq!(reason.why, "the evaluator gave no score for area", "{bad}");
    }
    let abort = measured(&evaluation("alphaevolve", ""), "SCORES = {}\n").expect_err("no score");
    assert!(matches!(&abort, Abort::Failed(reason) if reason.why.contains("scores.scores")), "{abort:?}");
}

#[test]
fn shinkas_two_files_are_read() {
    let tell = |metrics: &str, correct: &str| {
        format!("def tell(scale):\n    return {{'metrics': {metrics}, 'correct': {correct}}}\n")
    };
    let metrics =
        "{'combined_score': scale, 'public': {'size': 3}, 'private': {'seed': 4}, 'text_feedback': 'good'}";
    let program = tell(metrics, "{'correct': True, 'error': None}");
    let told = score("shinka", "arguments = { scale = 2.5 }", &program);
    assert_eq!((told.objective, told.metrics["size"], told.metrics["private.seed"]), (2.5, 3.0, 4.0));
    assert_eq!(artifact(&told.artifacts, "text_feedback"), Some("good"));
    assert_eq!(artifact(&told.artifacts, "stdout"), Some("measured\n"));
    let wrong = tell(metrics, "{'correct': False, 'error': 'overlap'}");
    assert_eq!(invalid("shinka", "", &wrong).why, "incorrect: overlap");
    let nan = tell("{'combined_score': float('nan')}", "{'correct': True}");
    assert_eq!(invalid("shinka", "", &nan).why, "`combined_score` is nan");
    let silent = invalid("shinka", "", "def tell(scale):\n    return {}\n");
    assert_eq!(silent.why, "the evaluator wrote no metrics.json");
    let crashed = invalid("shinka", "", "1 / 0\n");
    assert_eq!(crashed.why, "the evaluator wrote no metrics.json and ended with exit code 1");
    assert!(artifact(&crashed.artifacts, "stderr").expect("an error").contains("ZeroDivisionError"));
}

#[test]
fn a_commands_last_line_is_its_score() {
    let settings = |script: &str| format!("command = \"sh -c '{script}' {{program}}\"");
    assert_eq!(score("echo", &settings("echo more; cat $0"), "0.5\n").objective, 0.5);
    let told = score("echo", &settings("cat $0"), "{\"a\": 2, \"artifacts\": {\"b\": \"c\"}}\n\n");
    assert_eq!((told.objective, artifact(&told.artifacts, "b")), (2.0, Some("c")));
    let failed = invalid("echo", &settings("echo no >&2; exit 3"), "");
    assert_eq!(failed.why, "the command ended with exit code 3");
    assert_eq!(artifact(&failed.artifacts, "stderr"), Some("no\n"));
    for (program, why) in [("", "it printed nothing"), ("true\n", "its last line is 'true'"), ("x\n", "'x'")]
    {
        let reason = invalid("echo", &settings("cat $0"), program);
        assert!(reason.why.ends_with(why), "{}", reason.why);
    }
    assert!(unusable("echo", "command = './none {program}'").contains("there is no command `./none`"));
}

#[test]
fn an_evaluator_that_speaks_no_protocol_or_two_is_refused_with_both() {
    let said = unusable("ambiguous", "");
    assert!(
        said.contains("`shinka`") && said.contains("`openevolve`") && said.contains("protocol"),
        "{said}"
    );
    assert_eq!(score("ambiguous", "protocol = 'openevolve'", "").objective, 1.0);
    let said = unusable("echo", "recheck = 'evaluate_exactly'");
    assert!(said.contains("defines no function evaluate_exactly"), "{said}");
}

#[test]
fn a_second_function_checks_again() {
    let strict = evaluation("recheck", "recheck = 'evaluate_strict'");
    let again = |program: &str| run(&strict, program, "evaluate_strict").expect("an evaluator");
    assert!(measured(&strict, "RADIUS = 0.6\n").is_ok() && again("RADIUS = 0.5\n").is_ok());
    assert_eq!(again("RADIUS = 0.6\n").expect_err("refused").why, "raised ValueError: 0.6 is more than 0.5");
}

#[test]
fn built_in_programs_have_scores_and_leave_room() {
    for (name, seed, best) in [
        ("circle-packing", 2.149_129_092_327_781_3, 2.635_983),
        ("function-minimization", 0.401_418_044_321_887_8, 1.0),
        ("heilbronn", 0.004_999_999_999_999_985, 0.037_038),
        ("symbolic-regression", -0.414_997_978, 12.0),
        ("sorting", 0.375_219_077_617_729_9, 1.0),
    ] {
        let program = super::programs::program(name).expect("a program");
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in program.files {
            std::fs::write(folder.path().join(path), text).expect("a file");
        }
        let found = measured(&builtin(folder.path()), program.files[1].1).expect("a score").objective;
        assert!((found - seed).abs() < 1e-6 && found < best, "{name}: {found}");
    }
}

fn builtin(folder: &Path) -> Evaluation {
    let toml = std::fs::read_to_string(folder.join("experiment.toml")).expect("an experiment");
    let table: toml::Table = toml.parse().expect("TOML");
    let section = table["environment"]["evaluation"].clone();
    let setting = table["environment"]["program"].as_str().expect("a program").to_owned();
    let program = ProgramInfo {
        main: setting.clone(),
        language: "python".to_owned(),
        setting,
        axes: vec!["complexity".to_owned(), "diversity".to_owned()],
    };
    let settings = section.try_into().expect("settings");
    Evaluation::new(settings, &program, &Inputs::in_folder(folder)).expect("an evaluation")
}

#[test]
fn built_in_evaluators_accept_no_cheat() {
    let circles = |text: &str| format!("def pack():\n    return {text}\n");
    let points = |text: &str| format!("def points():\n    return {text}\n");
    for (name, program, why) in [
        ("circle-packing", circles("[(float('nan'), 0.5, 1.0)] * 26"), "is not finite"),
        ("circle-packing", circles("[(0.5, 0.5, 0.1)] * 25"), "there are 25 circles"),
        ("circle-packing", circles("[(0.1, 0.5, 0.1 + 1e-16)] * 26"), "is not within the square"),
        ("circle-packing", circles("[(0.5, 0.5, 0.0)] * 25 + [(0.5, 0.5, 1e-300)]"), "overlap"),
        ("circle-packing", circles("[(0.5, 0.5, -0.1)] * 26"), "has the radius"),
        ("heilbronn", points("[(0.5, float('nan'))] * 11"), "is no point of the unit square"),
        ("heilbronn", points("[(0.5, 1.0000000000000002)] * 11"), "is no point of the unit square"),
        ("heilbronn", points("[]"), "there are 0 points"),
        ("symbolic-regression", "def predict(x, y):\n    return float('nan')\n".to_owned(), "is nan"),
        ("sorting", "def sort(items):\n    return sorted(items)\n".to_owned(), "uses sorted"),
        ("sorting", "def sort(items):\n    return items\n".to_owned(), "unsorted"),
        ("sorting", "def sort(items):\n    return items[:1]\n".to_owned(), "gave back others"),
        ("sorting", "def sort(items):\n    return items[0]._key\n".to_owned(), "uses ._key"),
        (
            "function-minimization",
            "def search(f, low, high, budget, random):\n    return [f(low) for _ in range(budget + 1)]\n"
                .to_owned(),
            "called more than 150 times",
        ),
        (
            "function-minimization",
            "def search(f, low, high, budget, random):\n    return [9.0] * len(low)\n".to_owned(),
            "is no point between",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in super::programs::program(name).expect("a program").files {
            std::fs::write(folder.path().join(path), text).expect("a file");
        }
        match measured(&builtin(folder.path()), &program) {
            Err(Abort::Invalid(reason)) => assert!(reason.why.contains(why), "{name}: {}", reason.why),
            other => panic!("{name}: {program}: {other:?}"),
        }
    }
}

#[test]
fn an_evaluator_is_started_with_what_its_section_names_and_no_more() {
    let settings = "python = 'evaluator.py'\nmounts = ['../data', '/data']\ndevices = ['/dev/null']\n\
                    variables = ['PATH', 'SAMARA_TEST_VARIABLE_THAT_IS_NOT_SET']\nnetwork = true\nslots = 3";
    let evaluation = evaluation("echo", settings);
    let options = evaluation.options();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evaluators/echo");
    assert_eq!(options.python, Some(folder.join("evaluator.py")), "a name beside the experiment");
    assert_eq!(options.mounts, [folder.join("../data"), PathBuf::from("/data")]);
    assert_eq!(options.environment.keys().collect::<Vec<_>>(), ["PATH"]);
    assert_eq!((options.network, options.slots, options.devices.len()), (true, 3, 1));
    assert_eq!(evaluation.missing_variable(), Some("SAMARA_TEST_VARIABLE_THAT_IS_NOT_SET"));
    let plain = self::evaluation("echo", "python = 'python3.11'").options();
    assert_eq!((plain.python, plain.network), (Some(PathBuf::from("python3.11")), false));
    assert!(plain.environment.is_empty() && plain.mounts.is_empty() && plain.devices.is_empty());
}

#[test]
fn equal_settings_and_files_make_an_equal_evaluator() {
    let config = |settings| evaluation("helper", settings).config;
    assert_eq!(config(""), config("timeout_s = 5"), "what the harness runs");
    assert_ne!(config(""), config("cascade = false"));
}
