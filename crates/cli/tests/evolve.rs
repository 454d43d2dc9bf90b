//! `samara evolve`, from a directory to the best program.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::path::Path;

use common::{Place, error, holds, isolated, parse};
use samara_testing::server::{Action, Request, Server, ok};
use serde_json::{Value, json};

/// A program of three numbers, and an evaluator that wants others.
const PROGRAM: &str = "# EVOLVE-BLOCK-START\nNUMBERS = [1.0, 2.0, 3.0]\n# EVOLVE-BLOCK-END\n\n\ndef numbers():\n    return NUMBERS\n";
const EVALUATOR: &str = "\
import importlib.util

def evaluate(path):
    spec = importlib.util.spec_from_file_location('program', path)
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    numbers = program.numbers()
    if len(numbers) != 3:
        raise ValueError('three numbers are wanted')
    distance = sum(abs(number - wanted) for number, wanted in zip(numbers, [0.5, 4.0, -1.0]))
    return {'combined_score': -distance, 'largest': max(numbers)}
";

/// A place with a directory `work`.
fn place() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path("work")).unwrap();
    place.write("work/initial_program.py", PROGRAM);
    place.write("work/evaluator.py", EVALUATOR);
    place
}

/// Evolves `work` into the run `out`.
fn evolve(place: &Place, out: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["evolve", "work", "--quiet", "--format", "json", "--out", out];
    arguments.extend(more);
    parse(&place.run(&arguments))
}

fn read(place: &Place, path: &str) -> String {
    std::fs::read_to_string(place.path(path)).unwrap()
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What a refused command says on stderr, in which the place has no name of its own.
fn refused(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", error(&output));
    error(&output).replace(&place.folder.path().display().to_string(), "@")
}

#[test]
fn the_best_program_is_kept_in_the_runs_folder_also_after_a_resume() {
    if !isolated() {
        return;
    }
    let place = place();
    let summary = evolve(&place, "run", &["--iterations", "40"]);
    assert_eq!((&summary["candidates"], &summary["ended"]), (&41.into(), &"completed".into()), "{summary}");
    let islands = evolve(&place, "islands", &["--iterations", "4", "--set", "search.islands.count=3"]);
    assert_eq!(islands["candidates"], 7, "every island begins with the initial program: {islands}");
    let best = read_json(&place.path("run/best/best.json"));
    assert_eq!(best["objective"], summary["best"]);
    assert!(best["objective"].as_f64().unwrap() > -6.5, "better than the seed: {best}");
    assert!(best["lineage"].as_u64().unwrap() > 1, "{best}");
    let shown = place.json(&["show", "run", "--best", "1", "--format", "json"]);
    assert_eq!(read(&place, "run/best/initial_program.py"), shown["elites"][0]["text"].as_str().unwrap());
    std::fs::remove_dir_all(place.path("run/best")).unwrap();
    let resumed = parse(&place.run(&[
        "resume",
        "run",
        "--quiet",
        "--format",
        "json",
        "--set",
        "search.total_steps=60",
    ]));
    assert_eq!(resumed["candidates"], 60);
    assert_eq!(read_json(&place.path("run/best/best.json"))["objective"], resumed["best"]);
    let more = parse(&place.run(&["resume", "run", "-i", "3", "--quiet", "--format", "json"]));
    assert_eq!(more["candidates"], 63);
    let negative = refused(&place, &["evolve", "work", "-i", "-1"]);
    assert!(negative.contains("'-1'") && !negative.contains("-- -1"), "{negative}");
}

#[test]
fn a_run_is_the_same_at_any_concurrency_and_longer_or_shorter() {
    if !isolated() {
        return;
    }
    let place = place();
    let with = |out: &str, iterations: &str, concurrency: &str| {
        let concurrency = format!("search.concurrency={concurrency}");
        let set = ["--set", "search.window=4", "--set", &concurrency, "--iterations", iterations];
        evolve(&place, out, &set)["archive_hash"].clone()
    };
    let whole = with("a", "30", "1");
    assert_eq!(with("b", "30", "4"), whole);
    assert_ne!(with("c", "12", "2"), whole);
    let resumed =
        parse(&place.run(&["resume", "c", "--quiet", "--format", "json", "--set", "search.total_steps=31"]));
    assert_eq!(resumed["archive_hash"], whole);
}

#[test]
fn a_run_ends_at_its_target_and_goes_on_with_another() {
    if !isolated() {
        return;
    }
    let place = place();
    let summary = evolve(&place, "run", &["--iterations", "300", "--target-score", "-6.0"]);
    assert_eq!(summary["ended"], "target");
    assert!(
        summary["best"].as_f64().unwrap() >= -6.0 && summary["candidates"].as_u64().unwrap() < 200,
        "{summary}"
    );
    let set = ["--set", "search.target_score=100", "--set", "search.total_steps=210"];
    let mut arguments = vec!["resume", "run", "--quiet", "--format", "json"];
    arguments.extend(set);
    assert_eq!(parse(&place.run(&arguments))["ended"], "completed");
}

#[test]
fn what_the_best_changed_and_where_it_comes_from_is_shown() {
    if !isolated() {
        return;
    }
    let place = place();
    evolve(&place, "run", &["--iterations", "40"]);
    let shown = place.json(&["show", "run", "--diff", "--lineage", "--format", "json"]);
    let lineage = shown["lineage"].as_array().unwrap();
    assert_eq!(lineage[0]["candidate"], 0);
    assert_eq!(lineage.last().unwrap()["candidate"], shown["candidate"]);
    assert_eq!(shown["steps"]["all"].as_u64().unwrap(), lineage.len() as u64 - 1);
    let last = shown["diffs"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(last["from"], 0);
    let diff = last["diff"].as_str().unwrap();
    assert!(diff.contains("\n-NUMBERS = [1.0, 2.0, 3.0]\n"), "{diff}");
    let text = String::from_utf8(place.run(&["show", "run", "--diff", "--lineage"]).stdout).unwrap();
    assert!(text.contains("over the first of its ancestors, candidate 0\n--- candidate 0"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    let best = String::from_utf8(place.run(&["show", "run", "--best", "1"]).stdout).unwrap();
    assert!(best.contains("\nmade by     ") && best.contains("\nmetrics     "), "{best}");
    assert!(best.contains(", largest "), "{best}");
}

#[test]
fn a_run_is_written_as_a_checkpoint_from_which_another_begins() {
    if !isolated() {
        return;
    }
    let place = place();
    let summary = evolve(&place, "run", &["--iterations", "30"]);
    let exported = place.run(&["export", "run", "--as", "openevolve", "--out", "oe"]);
    assert!(exported.status.success(), "{}", error(&exported));
    let checkpoint = place.path("oe/checkpoints/checkpoint_30");
    let metadata = read_json(&checkpoint.join("metadata.json"));
    assert_eq!(metadata["last_iteration"], 30);
    let program = |id: &Value| read_json(&checkpoint.join(format!("programs/{}.json", id.as_str().unwrap())));
    let best = program(&metadata["best_program_id"]);
    assert_eq!(best["metrics"]["combined_score"], summary["best"]);
    assert_eq!(
        (&best["language"], best["code"].as_str().unwrap()),
        (&"python".into(), &*read(&place, "run/best/initial_program.py"))
    );
    assert_eq!(read(&place, "oe/best/best_program.py"), read(&place, "run/best/initial_program.py"));
    let mut parents = 0;
    for id in metadata["islands"].as_array().unwrap().iter().flat_map(|island| island.as_array().unwrap()) {
        let program = program(id);
        if !program["parent_id"].is_null() {
            parents += 1;
            assert!(
                checkpoint
                    .join(format!("programs/{}.json", program["parent_id"].as_str().unwrap()))
                    .is_file()
            );
        }
    }
    assert!(parents > 0);
    for (cell, id) in metadata["island_feature_maps"][0].as_object().unwrap() {
        assert_eq!(cell.split('-').count(), 2);
        program(id);
    }
    let second = evolve(&place, "second", &["--iterations", "20", "--checkpoint", "oe"]);
    assert!(second["best"].as_f64() >= summary["best"].as_f64(), "it begins with the best");
    let seeds = std::fs::read_dir(place.path("second/seeds")).unwrap().count();
    assert_eq!(second["candidates"], 21 + seeds, "iterations are new programs");
    assert_eq!(read(&place, "second/seeds/seed-001.py"), read(&place, "run/best/initial_program.py"));
    assert!(
        refused(&place, &["export", "run", "--as", "openevolve", "--out", "oe"]).contains("oe is not empty")
    );
    assert!(
        refused(&place, &["export", "run", "--as", "openevolve"]).contains("hint: name it with --out DIR")
    );
}

#[test]
fn settings_are_explained_with_what_has_no_effect_and_run_as_they_are_printed() {
    let place = place();
    place.write(
        "work/config.yaml",
        "max_iterations: 20\nlog_level: DEBUG\nrandom_sed: 3\nllm:\n  primary_model: m\n  api_key: \"${SOME_KEY}\"\nevaluator:\n  timeout: 20\n",
    );
    let explained = |more: &[&str]| {
        let mut arguments = vec!["evolve", "work", "--explain"];
        arguments.extend(more);
        let output = place.run(&arguments);
        assert!(output.status.success(), "{}", error(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    insta::assert_snapshot!(explained(&["--set", "search.seed=4"]));
    assert!(!place.path("runs").exists(), "nothing ran");
    if isolated() {
        place.write("mine.toml", &explained(&["--model", "none", "--set", "search.window=2"]));
        let run = |arguments: &[&str]| parse(&place.run(arguments))["archive_hash"].clone();
        let same = ["--quiet", "--format", "json", "--set", "search.total_steps=12", "--out"];
        let ran = run(&[&["run", "mine.toml"], &same[..], &["a"]].concat());
        let evolved =
            run(&[&["evolve", "work", "--model", "none", "--set", "search.window=2"], &same[..], &["b"]]
                .concat());
        assert_eq!(ran, evolved);
    }
}

#[test]
fn an_evaluator_that_does_not_work_is_found_before_anything_is_recorded() {
    if !isolated() {
        return;
    }
    let place = place();
    let faults = [
        (
            "def evaluate(path):\n    raise RuntimeError('no data')\n",
            ["RuntimeError: no data", concat!("@/", "work/evaluator.py")],
        ),
        (
            "import no_such_module\ndef evaluate(path):\n    return 1\n",
            ["no_such_module", "environment.evaluation.python"],
        ),
        ("def score(path):\n    return 1\n", ["evaluate(program_path)", "evaluator.py defines no function"]),
        ("def evaluate(path):\n    return {'note': 'fine'}\n", ["no number", "combined_score"]),
    ];
    for (text, parts) in faults {
        place.write("work/evaluator.py", text);
        let message = refused(&place, &["evolve", "work", "--iterations", "5", "--out", "run"]);
        for part in parts.into_iter().chain(["\nhint: "]) {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert!(!place.path("run").exists(), "nothing is left behind: {message}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_at_once_while_the_initial_program_is_evaluated() {
    use std::{
        io::{BufRead as _, BufReader},
        process::Stdio,
    };
    if !isolated() {
        return;
    }
    let place = place();
    // It would take until its limit, which no test waits for.
    place.write(
        "work/evaluator.py",
        "import time\n\ndef evaluate(path):\n    time.sleep(3000)\n    return 1.0\n",
    );
    let arguments = ["evolve", "work", "--out", "run", "--set", "environment.evaluation.timeout_s=3000"];
    let mut child = place.samara(&arguments).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let begun = told.by_ref().find(|line| line.starts_with("evaluating the initial program"));
    assert!(begun.is_some());
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rest: Vec<String> = told.collect();
    assert!(
        rest.iter().any(|line| line.contains("interrupted") && line.contains("nothing is recorded")),
        "{rest:?}"
    );
    assert!(!place.path("run").exists());
}

#[test]
fn the_best_is_looked_at_again_where_the_evaluator_has_a_stricter_eye() {
    if !isolated() {
        return;
    }
    let place = place();
    let strict = "\ndef strict(path):\n    score = evaluate(path)['combined_score']\n    return {'combined_score': score - 100.0}\n";
    let refusing = "\ndef strict(path):\n    raise ValueError('not exactly')\n";
    let set = ["--iterations", "5", "--set", "environment.evaluation.recheck=strict"];
    place.write("work/evaluator.py", &format!("{EVALUATOR}{strict}"));
    let summary = evolve(&place, "a", &set);
    let best = summary["best"].as_f64().unwrap();
    assert_eq!(summary["rechecked"]["objective"].as_f64().unwrap(), best - 100.0, "{summary}");
    let numbers: Value = serde_json::from_str(&read(&place, "a/best/best.json")).unwrap();
    assert_eq!(numbers["rechecked"], summary["rechecked"]);
    place.write("work/evaluator.py", &format!("{EVALUATOR}{refusing}"));
    let output = place.run(&["evolve", "work", "--out", "b", "--iterations", "5", set[2], set[3]]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\nrechecked   candidate ") && text.contains("not exactly"), "{text}");
}

#[test]
fn an_error_that_the_evaluator_caught_is_told_and_an_axis_that_it_lacks_is_refused() {
    if !isolated() {
        return;
    }
    let place = place();
    let caught =
        "def evaluate(path):\n    return {'combined_score': 0.0, 'error': \"No module named 'jax'\"}\n";
    place.write("work/evaluator.py", caught);
    let output = place.run(&["evolve", "work", "--iterations", "2", "--out", "a"]);
    let told = "the initial program scores 0, and the evaluator left: error: No module named 'jax'\n";
    assert!(output.status.success() && error(&output).contains(told), "{}", error(&output));
    let sections = "[experiment]\nname = \"a\"\nenvironment = \"evaluator\"\n[environment]\nprogram = \"initial_program.py\"\n";
    let axes =
        "[environment.evaluation]\nevaluator = \"evaluator.py\"\n[[axes]]\nname = \"speed\"\nbins = 4\n";
    place.write("work/axes.toml", &format!("{sections}{axes}"));
    let message = refused(&place, &["evolve", "work/axes.toml", "--iterations", "2", "--out", "b"]);
    assert!(message.contains("`speed`") && message.contains("combined_score"), "{message}");
}

#[test]
fn programs_that_come_with_samara_run_by_their_names() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let output = place.run(&["evolve", "heilbronn", "--iterations", "6", "--out", "run"]);
    assert!(output.status.success(), "{}", error(&output));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    for part in [
        "initial program",
        "\ncandidates  7 (",
        "\nended       all 7 candidates are made\n",
        "\nbest        run/best\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.starts_with("score       best "), "{text}");
    assert!(error(&output).contains("no model: programs are varied by samara's own edits alone"));
    assert!(place.path("run/program/evaluator.py").is_file());
    let resumed = place.run(&["resume", "run", "--quiet", "--set", "search.total_steps=9"]);
    assert!(resumed.status.success(), "{}", error(&resumed));
}

#[test]
fn prompts_are_shown_without_a_run() {
    let place = place();
    let shown = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", error(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let of_work =
        shown(&["evolve", "work", "--show-prompt", "rewrite", "--set", "environment.task=Find them."]);
    assert!(
        of_work.starts_with("=== rewrite: instructions\n") && of_work.contains("Find them."),
        "{of_work}"
    );
    assert!(of_work.contains("NUMBERS = [1.0, 2.0, 3.0]"), "{of_work}");
    let all = shown(&["evolve", "--show-prompt"]);
    assert!(all.matches("\n=== ").count() > 5, "{all}");
    assert!(
        refused(&place, &["evolve", "--show-prompt", "rewrit"]).contains("hint: did you mean `rewrite`?")
    );
}

/// A chat model that halves the last line of numbers that it is shown, in a SEARCH/REPLACE block.
fn halving(request: &Request) -> Action {
    match request.path.as_str() {
        "/v1/models" => ok(&json!({"data": [{"id": "halving"}]})),
        "/v1/chat/completions" => {
            let told =
                request.body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap();
            let line = told
                .lines()
                .rfind(|line| line.starts_with("NUMBERS = ["))
                .unwrap_or("NUMBERS = [8.0, 4.0, -8.0]");
            let numbers = line.trim_start_matches("NUMBERS = [").trim_end_matches(']').split(", ");
            let halves: Vec<String> =
                numbers.map(|number| format!("{:?}", number.parse::<f64>().unwrap() / 2.0)).collect();
            let answer = format!(
                "Smaller is better.\n<<<<<<< SEARCH\n{line}\n=======\nNUMBERS = [{}]\n>>>>>>> REPLACE\n",
                halves.join(", ")
            );
            let message =
                json!({"message": {"role": "assistant", "content": answer}, "finish_reason": "stop"});
            ok(&json!({"choices": [message], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}))
        }
        _ => Action::Reply(404, String::new(), "{\"error\": \"no such route\"}".to_owned()),
    }
}

#[test]
fn a_model_of_a_configuration_writes_programs_with_a_key_that_is_kept_nowhere() {
    if !isolated() {
        return;
    }
    let place = place();
    let server = Server::start(|request| match &*request.path {
        "/v1/chat/completions" if !request.head.contains("Bearer open-sesame") => {
            Action::Reply(401, String::new(), "{\"error\": \"who are you\"}".to_owned())
        }
        _ => halving(request),
    });
    let config = format!(
        "max_iterations: 6\nllm:\n  primary_model: halving\n  api_base: {}\n  api_key: \"${{EVOLVE_KEY}}\"\nfull_rewrite_probability: 0\n",
        server.url
    );
    place.write("work/config.yaml", &config);
    let none = ["crossover", "fix", "gp", "carry"].map(|name| format!("environment.variation.{name}=0"));
    let mut arguments =
        vec!["evolve", "work", "--quiet", "--format", "json", "--out", "run", "--model-latency", "0.1"];
    none.iter().for_each(|set| arguments.extend(["--set", set]));
    let output = place.samara(&arguments).env("EVOLVE_KEY", "open-sesame").output().unwrap();
    let summary = parse(&output);
    assert_eq!(summary["candidates"], 7);
    assert!(summary["calls"].as_u64().unwrap() >= 1, "{summary}");
    let best = place.path("run/best/initial_program.py");
    let text = std::fs::read_to_string(best).unwrap();
    assert!(text.contains("NUMBERS = [0.5, 1.0, 1.5]"), "{text}");
    assert!(!holds(&place.path("run"), "open-sesame"));
}

#[test]
fn a_working_directory_is_written_to_begin_with() {
    let place = Place::new();
    let output = place.run(&["new", "mine", "--from", "evaluator"]);
    assert!(output.status.success(), "{}", error(&output));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "mine/initial_program.py\nmine/evaluator.py\nmine/experiment.toml\n"
    );
    assert!(refused(&place, &["new", "mine", "--from", "evaluator"]).contains("hint: choose another folder"));
    if isolated() {
        let arguments =
            ["evolve", "mine", "--iterations", "60", "--quiet", "--format", "json", "--out", "run"];
        let summary = parse(&place.run(&arguments));
        assert!(summary["best"].as_f64().unwrap() > 0.6, "the seed has 0.567: {summary}");
    }
}

#[test]
fn somebody_elses_run_names_what_its_evaluator_may_do() {
    if !isolated() {
        return;
    }
    let place = place();
    evolve(&place, "run", &["--iterations", "5", "--set", "environment.evaluation.variables=[\"HOME\"]"]);
    let output = place
        .samara(&["resume", "run", "--set", "search.total_steps=9"])
        .env("XDG_STATE_HOME", place.path("other"))
        .output()
        .unwrap();
    let message = error(&output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    let folder = format!("which reads all of {}", place.path("work").canonicalize().unwrap().display());
    for part in [
        "the run was not begun here",
        "run the evaluator ",
        &*folder,
        "environment variables HOME",
        "--trust-run",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn journals_in_the_evaluators_folder_are_not_seen_by_evaluations() {
    if !isolated() {
        return;
    }
    let place = place();
    std::fs::create_dir_all(place.path("runs/other")).unwrap();
    place.write("runs/other/run.db", "of a neighbour");
    place.write("initial_program.py", PROGRAM);
    let look = "import os\n\ndef evaluate(path):\n    here = os.path.dirname(os.path.abspath(__file__))\n    found = [os.path.join(at, name) for at, _, names in os.walk(here) for name in names if name.startswith('run.')]\n    folders = sum(os.path.isdir(os.path.join(here, name)) for name in ('runs', 'out', 'work'))\n    return {'combined_score': len(found), 'folders': folders}\n";
    place.write("evaluator.py", look);
    let run = ["evolve", "initial_program.py", "evaluator.py", "--quiet", "--format", "json"];
    // In the folder of all runs, and in one of its own.
    for more in [&["--iterations", "3"][..], &["--iterations", "3", "--out", "out"][..]] {
        let arguments = [&run[..], more].concat();
        let summary = parse(&place.run(&arguments));
        let folder = summary["folder"].as_str().unwrap().to_owned();
        assert!(place.path(&folder).join("run.db").exists(), "{summary}");
        let best = read_json(&place.path(&folder).join("best/best.json"));
        assert!(best.to_string().contains("\"folders\":"), "{best}");
        assert_eq!(best["objective"], 0.0, "{best}");
    }
}

#[test]
fn an_evaluator_that_does_not_start_leaves_no_folder() {
    if !isolated() {
        return;
    }
    let place = place();
    place.write("work/evaluator.py", "import no_such_module\n\ndef evaluate(path):\n    return 1\n");
    let output = place.run(&["evolve", "work", "--quiet", "--out", "new/run"]);
    assert_ne!(output.status.code(), Some(0), "{}", error(&output));
    assert!(!place.path("new").exists());
}
