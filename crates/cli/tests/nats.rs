//! Runs and workers that meet at a NATS server, as processes that are killed at drawn moments. `.ci/nats` installs a server
//! and names it in a variable; without one nothing is tested here, which is said.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use common::{Place, error, holds, parse};
use samara_journal::Reader;
use samara_qd::Stream;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn program() -> Option<PathBuf> {
    let program = std::env::var_os("SAMARA_NATS_SERVER").map(PathBuf::from);
    if program.is_none() {
        // Not by a macro: the harness keeps what those print to itself.
        std::io::stderr().write_all(b"SKIPPED: no NATS server; .ci/nats installs one\n").unwrap();
    }
    program
}

/// A server with its store, which it loses with its life.
struct Server {
    program: PathBuf,
    port: u16,
    store: PathBuf,
    child: Option<Child>,
}

impl Server {
    fn start(place: &Place, program: PathBuf) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { program, port, store: place.path("nats"), child: None };
        server.begin();
        server
    }

    fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    fn begin(&mut self) {
        let mut command = std::process::Command::new(&self.program);
        command.args(["--addr", "127.0.0.1", "--port", &self.port.to_string(), "--jetstream", "--store_dir"]);
        let child = command.arg(&self.store).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.child = Some(child);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn lose_everything(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let _ = std::fs::remove_dir_all(&self.store);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lose_everything();
    }
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    let mut command = place.samara(arguments);
    command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn worker(place: &Place, url: &str) -> Child {
    let cache = place.path("cache").display().to_string();
    let arguments = ["worker", "--connect", url, "--slots", "2", "--cache", &cache, "--quiet"];
    let mut command = place.samara(&arguments);
    command.env("SAMARA_WORKER_TOKEN", TOKEN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Arguments of a run of vectors.
const RUN: [&str; 7] = ["run", "function", "--set", "search.total_steps=600", "--format", "json", "--quiet"];

fn expected(place: &Place) -> serde_json::Value {
    let mut arguments = RUN.to_vec();
    arguments.extend(["--out", "alone"]);
    place.json(&arguments)["archive_hash"].clone()
}

fn settled(place: &Place, run: &str) -> u64 {
    Reader::open(&place.path(run)).map_or(0, |reader| reader.len().unwrap_or(0))
}

/// What is said to a run that has workers at a server.
fn with(url: &str) -> [&str; 8] {
    ["--workers", url, "--local-slots", "0", "--worker-lease", "1", "--worker-losses", "1000000"]
}

/// Begins a run, or goes on with it where it has begun.
fn begin(place: &Place, out: &str, url: &str) -> Child {
    let mut arguments = if place.path(out).join("run.db").exists() {
        vec!["resume", out, "--format", "json", "--quiet"]
    } else {
        [&RUN[..], &["--out", out]].concat()
    };
    arguments.extend(with(url));
    start(place, &arguments)
}

/// A run ends by itself where it does not find its server when it begins, and the server may be dead just then. It may not
/// for any other reason.
fn must_have_found_nobody(code: Option<i32>, said: &str, round: u64) {
    assert!(code == Some(2) && said.contains("NATS server"), "round {round}: it ended, {code:?}: {said}");
}

#[test]
fn workers_broker_and_coordinator_are_killed_at_drawn_moments_and_the_archive_is_that_of_one_machine() {
    let Some(program) = program() else { return };
    let place = Place::new();
    let expected = expected(&place);
    // `SAMARA_CHAOS=100` for many rounds, `SAMARA_CHAOS_SEED` for others.
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("SAMARA_CHAOS_SEED").unwrap_or(0);
    for round in first..first + number("SAMARA_CHAOS").unwrap_or(2) {
        let mut drawn = Stream::named(round, "kills");
        let mut server = Server::start(&place, program.clone());
        let url = server.url();
        let out = format!("run-{round}");
        let mut run = begin(&place, &out, &url);
        let mut workers = vec![worker(&place, &url), worker(&place, &url)];
        let mut moments: Vec<(u64, usize)> =
            [0, 0, 1, 2, 2].map(|kind| (drawn.index(590) as u64, kind)).to_vec();
        moments.sort_unstable();
        for (moment, kind) in moments {
            while settled(&place, &out) < moment {
                if let Some(status) = run.try_wait().unwrap() {
                    let mut said = String::new();
                    run.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                    must_have_found_nobody(status.code(), &said, round);
                    run = begin(&place, &out, &url);
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            match kind {
                0 => {
                    server.lose_everything();
                    server.begin();
                }
                1 => {
                    run.kill().unwrap();
                    run.wait().unwrap();
                    run = begin(&place, &out, &url);
                }
                _ => {
                    let mut killed = workers.remove(0);
                    killed.kill().unwrap();
                    killed.wait().unwrap();
                    workers.push(worker(&place, &url));
                }
            }
        }
        let mut output = run.wait_with_output().unwrap();
        if !output.status.success() {
            must_have_found_nobody(output.status.code(), &error(&output), round);
            output = begin(&place, &out, &url).wait_with_output().unwrap();
        }
        assert_eq!(parse(&output)["archive_hash"], expected, "round {round}");
        for mut worker in workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
        eprintln!("round {round}: the same archive");
    }
}

#[test]
fn a_run_says_where_it_meets_its_workers_and_no_token_is_in_it() {
    let Some(program) = program() else { return };
    let place = Place::new();
    let expected = expected(&place);
    let server = Server::start(&place, program);
    let url = server.url();
    let mut arguments = RUN[..6].to_vec();
    arguments.extend(["--out", "told", "--workers", &url, "--local-slots", "0", "--verify", "0.1"]);
    let run = start(&place, &arguments);
    let mut working = worker(&place, &url);
    let output = run.wait_with_output().unwrap();
    assert!(error(&output).contains("workers: meeting at nats://127.0.0.1:"), "{}", error(&output));
    assert!(error(&output).contains("(stream samara-"), "{}", error(&output));
    assert_eq!(parse(&output)["archive_hash"], expected);
    assert!(!holds(&place.path("told"), TOKEN) && !error(&output).contains(TOKEN));
    working.kill().unwrap();
    working.wait().unwrap();
}

#[test]
fn models_are_asked_by_workers_that_are_met_at_a_server_and_killed() {
    let Some(program) = program() else { return };
    let place = Place::new();
    let script = "complete = [{ answers = [\"I love it.\", \"I hate it.\", \"It is fine.\"] }]\nscore = [{ noise = 3.0 }]";
    let script = place.write("script.toml", script);
    let steps = ["--set", "search.total_steps=100"];
    let expected = parse(&place.run_all(&place.opinions(&script, "alone", &steps)))["archive_hash"].clone();
    let server = Server::start(&place, program);
    let url = server.url();
    let with = with(&url);
    let more = [&steps[..], &with, &["--worker-write", "remote"]].concat();
    let arguments = place.opinions(&script, "run", &more);
    let run = start(&place, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let models = place.write("models.toml", "[models.a]\nprovider = \"scripted\"\nscript = \"script.toml\"");
    let cache = place.path("cache").display().to_string();
    let mut arguments = vec!["worker", "--connect", &url, "--slots", "0", "--models", &models];
    arguments.extend(["--cache", &cache, "--quiet"]);
    let worker = || start(&place, &arguments);
    for count in [5, 50] {
        let mut workers = [worker(), worker()];
        while settled(&place, "run") < count {
            std::thread::yield_now();
        }
        for worker in &mut workers {
            worker.kill().unwrap();
            worker.wait().unwrap();
        }
    }
    let mut last = worker();
    assert_eq!(parse(&run.wait_with_output().unwrap())["archive_hash"], expected);
    last.kill().unwrap();
    last.wait().unwrap();
}

#[test]
fn the_figures_of_a_run_at_a_server_have_a_port() {
    let Some(program) = program() else { return };
    let place = Place::new();
    let expected = expected(&place);
    let server = Server::start(&place, program);
    let url = server.url();
    let mut arguments = RUN[..6].to_vec();
    arguments.extend(["--out", "told", "--workers", &url, "--local-slots", "0", "--worker-metrics", "0"]);
    let mut run = start(&place, &arguments);
    let mut stderr = BufReader::new(run.stderr.take().unwrap());
    let figures = loop {
        let mut line = String::new();
        assert!(stderr.read_line(&mut line).unwrap() > 0, "it ended");
        if let Some(figures) = common::figures_of(&line) {
            break figures;
        }
    };
    // It is served once workers are met.
    common::look_at_figures(&figures, TOKEN);
    let mut working = worker(&place, &url);
    std::io::copy(&mut stderr, &mut std::io::sink()).unwrap();
    assert_eq!(parse(&run.wait_with_output().unwrap())["archive_hash"], expected);
    working.kill().unwrap();
    working.wait().unwrap();
}

#[test]
fn a_server_that_is_not_there_or_an_address_with_a_password_is_refused_before_anything_is_recorded() {
    let place = Place::new();
    for (url, why) in
        [("nats://127.0.0.1:9", "can't be reached"), ("nats://u:secret@127.0.0.1:9", "password")]
    {
        let mut arguments = RUN.to_vec();
        arguments.extend(["--out", "no", "--workers", url]);
        let output = place.run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(why), "{}", error(&output));
        assert!(!error(&output).contains("secret"), "it is not shown");
    }
    let output = place.run(&["worker", "--connect", "nats://u:secret@127.0.0.1:9"]);
    assert_eq!(output.status.code(), Some(2), "{}", error(&output));
    assert!(!place.path("no").exists());
}
