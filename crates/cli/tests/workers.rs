//! Runs whose candidates workers evaluate, as processes that a person starts and kills.
//!
//! Where the variable SAMARA_NATS_SERVER names a NATS server (`.ci/nats`) they meet there, too. No test waits for a time: processes are waited for, and what is killed is killed when the journal has grown.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
};

use common::{Place, error, holds, isolated, parse};
use samara_journal::Reader;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A run that listens for workers.
struct Coordinator {
    child: Child,
    address: String,
    stderr: BufReader<std::process::ChildStderr>,
    /// Where its figures are, if it says so.
    figures: Option<String>,
}

impl Coordinator {
    fn start(mut command: Command) -> Self {
        command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut said, mut figures) = (String::new(), None);
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended: {said}");
            if let Some(address) = line.trim().strip_prefix("workers: listening on ") {
                break address.to_owned();
            }
            if let Some(place) = line.trim().strip_prefix("workers: meeting at ") {
                break place.split(' ').next().unwrap().to_owned();
            }
            figures = figures.or(common::figures_of(&line));
            said += &line;
        };
        Self { child, address, stderr, figures }
    }

    /// Waits for its end; the JSON that it prints.
    fn json(mut self) -> serde_json::Value {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        let mut output = self.child.wait_with_output().unwrap();
        output.stderr = said.into_bytes();
        parse(&output)
    }
}

fn worker(place: &Place, address: &str, more: &[&str]) -> Child {
    let cache = place.path("cache").display().to_string();
    let mut arguments =
        vec!["worker", "--connect", address, "--slots", "2", "--give-up", "0", "--cache", &cache];
    arguments.extend(more);
    let mut command = place.samara(&arguments);
    command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Arguments of a run of vectors, that listens for workers.
fn function<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments =
        vec!["run", "function", "--set", "search.total_steps=600", "--out", out, "--format", "json"];
    arguments.extend(more);
    arguments
}

fn expected(place: &Place) -> serde_json::Value {
    place.json(&function("alone", &["--quiet"]))["archive_hash"].clone()
}

#[test]
fn a_run_with_workers_has_the_archive_of_a_run_without_and_names_them_in_the_journal() {
    let place = Place::new();
    let expected = expected(&place);
    for (workers, slots) in [(0, "2"), (1, "0"), (3, "0")] {
        let out = format!("run-{workers}");
        let more = ["--workers", "http://127.0.0.1:0", "--local-slots", slots, "--verify", "0.1"];
        let run = Coordinator::start(place.samara(&function(&out, &more)));
        let all: Vec<Child> = (0..workers)
            .map(|number| worker(&place, &run.address, &["--name", &format!("w{number}")]))
            .collect();
        assert_eq!(run.json()["archive_hash"], expected, "{workers} workers");
        for mut worker in all {
            assert!(worker.wait().unwrap().success());
        }
        let reader = Reader::open(&place.path(&out)).unwrap();
        let lives = (0..600).map(|index| reader.candidate(index).unwrap().unwrap().1);
        let named =
            lives.filter(|life| life.worker.as_deref().is_some_and(|name| name.starts_with('w'))).count();
        assert_eq!(named, if workers == 0 { 0 } else { 600 });
        assert!(!holds(&place.path(&out), TOKEN), "no token is in the run");
    }
}

#[test]
fn workers_that_are_killed_at_drawn_moments_cost_time_and_never_the_run() {
    let place = Place::new();
    let expected = expected(&place);
    let more = [
        "--workers",
        "http://127.0.0.1:0",
        "--local-slots",
        "0",
        "--worker-lease",
        "0.5",
        "--worker-losses",
        "1000000",
    ];
    let run = Coordinator::start(place.samara(&function("killed", &more)));
    let address = run.address.clone();
    let settled = || Reader::open(&place.path("killed")).map_or(0, |reader| reader.len().unwrap_or(0));
    // Drawn once and for all.
    for count in [7, 31, 90, 128, 301, 377, 590] {
        let mut workers = [worker(&place, &address, &[]), worker(&place, &address, &[])];
        while settled() < count {
            std::thread::yield_now();
        }
        for worker in &mut workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
    }
    let mut last = worker(&place, &address, &[]);
    assert_eq!(run.json()["archive_hash"], expected);
    last.wait().unwrap();
}

#[test]
fn a_coordinator_that_is_killed_and_resumed_finds_its_workers_again() {
    let place = Place::new();
    let expected = expected(&place);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let with = ["--workers", &url, "--local-slots", "0"];
    let mut run = Coordinator::start(place.samara(&function("resumed", &with)));
    let cache = place.path("cache").display().to_string();
    let stays = ["worker", "--connect", &url, "--slots", "2", "--cache", &cache, "--quiet"];
    let mut worker = place.samara(&stays);
    let mut worker = worker.env("SAMARA_WORKER_TOKEN", TOKEN).spawn().unwrap();
    while Reader::open(&place.path("resumed")).map_or(0, |reader| reader.len().unwrap_or(0)) < 200 {
        std::thread::yield_now();
    }
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    let mut resume = vec!["resume", "resumed", "--format", "json"];
    resume.extend(with);
    let run = Coordinator::start(place.samara(&resume));
    assert_eq!(run.json()["archive_hash"], expected);
    // It would wait for the next run.
    worker.kill().unwrap();
    worker.wait().unwrap();
}

#[test]
fn a_users_evaluator_and_what_lies_beside_it_travel() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    std::fs::create_dir(place.path("task")).unwrap();
    place.write("task/initial_program.py", "# EVOLVE-BLOCK-START\nX = 1.5\nY = 3\n# EVOLVE-BLOCK-END\n");
    place.write("task/wanted.txt", "4.25");
    place.write("task/helper.py", "def near(x, y, wanted):\n    return -abs(x * y - wanted)\n");
    let evaluator = "import os, runpy\nfrom helper import near\nHERE = os.path.dirname(os.path.abspath(__file__))\n\
                     def evaluate(path):\n    made = runpy.run_path(path)\n    \
                     wanted = float(open(os.path.join(HERE, 'wanted.txt')).read())\n    \
                     return {'combined_score': near(made['X'], made['Y'], wanted)}\n";
    place.write("task/evaluator.py", evaluator);
    let arguments = |out: &'static str| {
        vec!["evolve", "task", "-i", "40", "--out", out, "--format", "json", "--set", "search.window=8"]
    };
    let mut quiet = arguments("alone");
    quiet.push("--quiet");
    let output = place.run(&quiet);
    if error(&output).contains("evaluators can't be isolated") {
        samara_testing::tiers::missing("jail", &error(&output));
        return;
    }
    let expected = parse(&output)["archive_hash"].clone();
    let mut with = arguments("with");
    with.extend(["--workers", "http://127.0.0.1:0", "--local-slots", "0", "--worker-metrics", "0"]);
    let run = Coordinator::start(place.samara(&with));
    common::look_at_figures(run.figures.as_ref().unwrap(), TOKEN);
    let mut worker = worker(&place, &run.address, &[]);
    assert_eq!(run.json()["archive_hash"], expected);
    assert!(worker.wait().unwrap().success());
}

#[test]
fn what_can_not_be_done_is_said_before_anything_is_recorded() {
    let place = Place::new();
    let refused = |arguments: &[&str], why: &str| {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(why), "{}", error(&output));
    };
    refused(&function("no", &["--workers", "https://127.0.0.1:0"]), "a proxy");
    refused(&function("no", &["--workers", "127.0.0.1:0"]), "no address of HTTP");
    refused(
        &["run", "opinions", "--out", "no", "--workers", "http://127.0.0.1:0"],
        "evaluates nothing without models",
    );
    let short = place.write("short", "secret");
    let file = ["--workers", "http://127.0.0.1:0", "--worker-token-file", &short];
    refused(&function("no", &file), "holds no token");
    refused(&["worker", "--connect", "http://127.0.0.1:9"], "no token");
    assert!(!place.path("no").exists());
}

/// Sends a process the signal that asks it to end.
fn terminate(child: &Child) {
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_worker_that_is_asked_to_end_reports_what_it_has_begun_and_loses_nothing() {
    let place = Place::new();
    let expected = expected(&place);
    let more = ["--workers", "http://127.0.0.1:0", "--local-slots", "0"];
    let run = Coordinator::start(place.samara(&function("drained", &more)));
    let address = run.address.clone();
    let settled = || Reader::open(&place.path("drained")).map_or(0, |reader| reader.len().unwrap_or(0));
    for count in [40, 200] {
        let mut leaving = worker(&place, &address, &[]);
        while settled() < count {
            std::thread::yield_now();
        }
        terminate(&leaving);
        assert!(leaving.wait().unwrap().success(), "it ends by itself");
    }
    let mut last = worker(&place, &address, &["--name", "last"]);
    let summary = run.json();
    assert_eq!(summary["archive_hash"], expected);
    last.wait().unwrap();
    let shown = place.json(&["show", "drained", "--format", "json"]);
    let workers = shown["workers"].as_array().unwrap();
    let evaluated: u64 = workers.iter().map(|worker| worker["evaluated"].as_u64().unwrap()).sum();
    assert_eq!((workers.len(), evaluated), (3, 600), "the journal knows who has evaluated what: {workers:?}");
    assert!(workers.iter().all(|worker| worker["longest"].as_f64() <= worker["seconds"].as_f64()));
}

#[test]
fn what_a_worker_does_can_be_watched() {
    let place = Place::new();
    let more = ["--workers", "http://127.0.0.1:0", "--local-slots", "0"];
    let run = Coordinator::start(place.samara(&function("watched", &more)));
    let cache = place.path("cache").display().to_string();
    let mut arguments = vec!["worker", "--connect", &run.address, "--slots", "2", "--cache", &cache];
    arguments.extend(["--metrics", "127.0.0.1:0"]);
    let mut command = place.samara(&arguments);
    command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let address = common::figures_of(&line).unwrap();
    let get = |path: &str| common::got(&address, path, "");
    assert!(get("/health").starts_with("HTTP/1.1 200"));
    run.json();
    // The run has ended; the worker hears of it when it asks the next time.
    common::seen(|| get("/ready").starts_with("HTTP/1.1 503"));
    common::seen(|| get("/metrics").contains("samara_worker_reported_total 600"));
    let figures = get("/metrics");
    assert!(figures.contains("samara_worker_slots 2") && !figures.contains(TOKEN), "{figures}");
    assert!(get("/nothing").starts_with("HTTP/1.1 404"));
    terminate(&child);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_runs_figures_have_a_port_of_their_own_where_one_is_named() {
    let place = Place::new();
    let expected = expected(&place);
    for (out, more) in
        [("option", ["--worker-metrics", "0"]), ("settings", ["--set", "workers.metrics=127.0.0.1:0"])]
    {
        let mut with = vec!["--workers", "http://127.0.0.1:0", "--local-slots", "0"];
        with.extend(more);
        let run = Coordinator::start(place.samara(&function(out, &with)));
        let figures = run.figures.clone().unwrap();
        assert!(figures.starts_with("127.0.0.1:"), "{figures}");
        common::look_at_figures(&figures, TOKEN);
        let mut worker = worker(&place, &run.address, &[]);
        assert_eq!(run.json()["archive_hash"], expected);
        worker.wait().unwrap();
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let with = ["--workers", "http://127.0.0.1:0", "--worker-metrics", &taken];
    let output = place.run(&function("no", &with));
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(error(&output).contains("--worker-metrics 127.0.0.1:"), "{}", error(&output));
    assert!(!place.path("no").exists());
}

#[test]
fn settings_may_say_where_workers_are_and_the_command_line_goes_over_them() {
    let place = Place::new();
    let expected = expected(&place);
    let set = ["--set", "workers.address=http://127.0.0.1:0", "--set", "workers.local_slots=0"];
    let run = Coordinator::start(place.samara(&function("set", &set)));
    let mut worker = worker(&place, &run.address, &[]);
    assert_eq!(run.json()["archive_hash"], expected);
    worker.wait().unwrap();
    let output = place.run(&function("no", &["--verify", "0.5"]));
    assert!(error(&output).contains("--workers URL"), "{}", error(&output));
}

/// A model that errs now and then: a question is asked again of any worker.
const SCRIPT: &str = "
faults = [{ kind = \"rate_limit\", rate = 0.1, retry_after_ms = 1 }]
complete = [{ answers = [\"I love it.\", \"I hate it.\", \"It is fine.\", \"It was late.\", \"Nobody knows.\"] }]
score = [{ noise = 3.0 }]
";

/// A worker that evaluates nothing and has the model of a script.
fn asking(place: &Place, address: &str, script: &str) -> Child {
    // Nothing of the run's own section leads to a model, so the worker's does.
    let models =
        place.write("models.toml", &format!("[models.mine]\nprovider = \"scripted\"\nscript = \"{script}\""));
    let cache = place.path("cache").display().to_string();
    let mut arguments = vec!["worker", "--connect", address, "--slots", "0", "--give-up", "0"];
    arguments.extend(["--cache", &cache, "--models", &models, "--questions", "3"]);
    let mut command = place.samara(&arguments);
    command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Arguments of a run whose models workers ask, without those that name the models.
const REMOTE: [&str; 8] = [
    "--workers",
    "http://127.0.0.1:0",
    "--worker-write",
    "remote",
    "--worker-lease",
    "0.5",
    "--worker-losses",
    "1000000",
];

#[test]
fn a_run_whose_models_workers_ask_has_the_archive_of_one_that_asks_them_itself() {
    let place = Place::new();
    let script = place.write("script.toml", SCRIPT);
    let steps = ["--set", "search.total_steps=150"];
    let expected = parse(&place.run_all(&place.opinions(&script, "alone", &steps)));
    let more = [&steps[..], &REMOTE].concat();
    let arguments: Vec<String> = place.opinions(&script, "run", &more);
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--quiet").collect();
    let run = Coordinator::start(place.samara(&arguments));
    let address = run.address.clone();
    assert!(!place.path("run").join("run.db").exists(), "nothing is recorded before there is a model");
    let settled = || Reader::open(&place.path("run")).map_or(0, |reader| reader.len().unwrap_or(0));
    for count in [10, 60, 110] {
        let mut workers = [asking(&place, &address, "script.toml"), asking(&place, &address, "script.toml")];
        while settled() < count {
            std::thread::yield_now();
        }
        for worker in &mut workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
    }
    let mut last = asking(&place, &address, "script.toml");
    let found = run.json();
    assert_eq!(found["archive_hash"], expected["archive_hash"]);
    assert_eq!((&found["calls"], &found["tokens"]), (&expected["calls"], &expected["tokens"]));
    last.wait().unwrap();
    assert!(!holds(&place.path("run"), TOKEN), "no token is in the run");
}

#[test]
fn workers_may_ask_models_and_evaluate_and_a_run_of_both_is_resumed() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let run = ["run", "sodarace", "--seed", "3", "--set", "search.total_steps=24", "--format", "json"];
    let expected = place.json(&[&run[..], &["--out", "alone", "--quiet"]].concat());
    let with = [&REMOTE[..], &["--local-slots", "0"]].concat();
    let mut killed = Coordinator::start(place.samara(&[&run[..], &["--out", "run"], &with].concat()));
    let questions = ["--questions", "4"];
    let mut first = worker(&place, &killed.address, &questions);
    while Reader::open(&place.path("run")).map_or(0, |reader| reader.len().unwrap_or(0)) < 8 {
        std::thread::yield_now();
    }
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    // The settings may say it, too.
    let with = ["--workers", "http://127.0.0.1:0", "--local-slots", "0", "--set", "workers.write=remote"];
    let resumed = [&["resume", "run", "--format", "json", "--worker-metrics", "0"][..], &with].concat();
    let resumed = Coordinator::start(place.samara(&resumed));
    let own = format!("Authorization: Bearer {TOKEN}\r\n");
    let figures = common::got(resumed.figures.as_ref().unwrap(), "/metrics", &own);
    assert!(figures.contains("samara_model_workers_live 0"), "they are there while it waits: {figures}");
    let mut second = worker(&place, &resumed.address, &questions);
    assert_eq!(resumed.json()["archive_hash"], expected["archive_hash"]);
    assert!(second.wait().unwrap().success());
    let reader = Reader::open(&place.path("run")).unwrap();
    let evaluated = (0..24).filter_map(|index| reader.candidate(index).unwrap().unwrap().1.worker).count();
    assert!(evaluated > 0, "drafts went to workers, too");
}

#[test]
fn what_keeps_workers_from_asking_a_runs_models_is_said() {
    let place = Place::new();
    let refused = |arguments: &[&str], why: &str| {
        let mut command = place.samara(arguments);
        let output = command.env("SAMARA_WORKER_TOKEN", TOKEN).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(why), "{}", error(&output));
    };
    refused(&function("no", &REMOTE), "asks no model");
    refused(&["run", "opinions", "--out", "no", "--worker-write", "remote"], "--workers URL");
    let remote = ["opinions", "--set", "workers.write=remote"];
    refused(&[&["try"], &remote[..]].concat(), "meets no workers");
    refused(&[&["compare"], &remote[..], &["--out", "no", "--seeds", "1"]].concat(), "meets no workers");
    let worker = ["worker", "--connect", "http://127.0.0.1:9"];
    refused(&[&worker[..], &["--slots", "0"]].concat(), "nothing left to do");
    for (text, why) in [
        ("", "names no model"),
        ("[model]\nprovider = \"openai\"", "says nothing of models"),
        ("[models.a]\nprovider = \"openay\"", "models.a"),
        ("[models.a]\nprovider = \"scripted\"", "script"),
    ] {
        let file = place.write("models.toml", text);
        refused(&[&worker[..], &["--models", &file]].concat(), why);
    }
    // A worker that does not have the run's model ends, and says which one that is.
    let script = place.write("script.toml", SCRIPT);
    let arguments = place.opinions(&script, "no", &REMOTE);
    let arguments: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|word| *word != "--quiet").collect();
    let mut run = Coordinator::start(place.samara(&arguments));
    let cache = place.path("cache").display().to_string();
    let alone = ["worker", "--connect", &run.address, "--slots", "0", "--questions", "1", "--cache", &cache];
    refused(&alone, "it does not have the run's generator, scripted: --models FILE");
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    assert!(!place.path("no").exists());
}
