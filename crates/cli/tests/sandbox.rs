//! `samara sandbox` as people and clients use it. Without a tier that isolates, the tests that need one say so.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStderr, Output, Stdio},
    time::Duration,
};

use common::{Place, error, isolated, parse};
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const PROGRAM: &str = "\
import os, time

def main(*numbers):
    print('adding', len(numbers), 'numbers')
    return {'sum': sum(numbers), 'pair': (1, 2.5), 'text': \"it's\"}

def sleep(): time.sleep(60)
def leave(): os._exit(7)
def fail(): return {}['no such key']
def flood():
    while True: print('more')
def command(): print('a\\tb\\x1b[2J')
";

/// What is printed, without the numbers that differ from run to run.
fn steady(output: &Output) -> String {
    let used = |line: &str| ["  used", "  isolation"].iter().any(|name| line.starts_with(name));
    let printed = text(&output.stdout);
    let lines = printed.lines().map(|line| if used(line) { &line[..12] } else { line }.trim_end());
    format!("{}\nexit {}\n", lines.collect::<Vec<_>>().join("\n"), output.status.code().unwrap_or(-1))
}

#[test]
fn a_verdict_is_printed_for_people_and_whatever_it_is_the_code_is_0() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    place.write("program.py", PROGRAM);
    place.write("broken.py", "def main(:\n");
    let runs: [&[&str]; 8] = [
        &["program.py", "--args", "[1, 2, 3.5]"],
        &["program.py", "--entry", "sleep", "--timeout", "0.4"],
        &["program.py", "--entry", "leave"],
        &["program.py", "--entry", "fail"],
        &["program.py", "--entry", "flood"],
        &["program.py", "--entry", "command"],
        &["program.py", "--entry", "nothing"],
        &["broken.py"],
    ];
    let shown = runs.map(|run| {
        let output = place.run(&[&["sandbox", "run"], run].concat());
        assert_eq!(error(&output), "");
        format!("$ samara sandbox run {}\n{}", run.join(" "), steady(&output))
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_can_not_be_run_or_served_says_why_and_what_to_do() {
    let place = Place::new();
    place.write("program.py", PROGRAM);
    place.write("long.py", &"#".repeat((1 << 20) + 1));
    std::fs::write(place.path("bytes.py"), b"\xff\xfe").unwrap();
    let refused: [&[&str]; 12] = [
        &["run", "nowhere.py"],
        &["run", "long.py"],
        &["run", "bytes.py"],
        &["run", "program.py", "--args", "{}"],
        &["run", "program.py", "--args", "[{\"$tuple\": 1}]"],
        &["run", "program.py", "--timeout", "0"],
        &["run", "program.py", "--tier", "process"],
        &["run", "program.py", "--python", "nowhere/python"],
        &["serve", "--host", "0.0.0.0", "--port", "0"],
        &["serve", "--token-env", "SAMARA_TEST_UNSET"],
        &["serve", "--tier", "process", "--port", "0"],
        &["serve", "--allow-anyone", "--token-env", "SAMARA_TEST_UNSET"],
    ];
    let said = refused.map(|arguments| {
        let output = place.run(&[&["sandbox"], arguments].concat());
        let code = output.status.code().unwrap_or(-1);
        format!("$ samara sandbox {}\n{}exit {code}\n", arguments.join(" "), error(&output))
    });
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn isolation_that_can_not_be_given_is_code_4_with_the_reasons() {
    let place = Place::new();
    place.write("program.py", PROGRAM);
    for arguments in [
        &["run", "program.py", "--python", "/bin/false"][..],
        &["run", "program.py", "--python", "/bin/false", "--tier", "jail"],
        &["serve", "--python", "/bin/false", "--port", "0"],
    ] {
        let output = place.run(&[&["sandbox"], arguments].concat());
        let said = error(&output);
        assert_eq!(output.status.code(), Some(4), "{said}");
        assert!(
            said.contains("jail: no Python can be used: /bin/false") && said.contains("hint: "),
            "{said}"
        );
        assert_eq!(said.contains("landlock: "), !arguments.contains(&"jail"), "{said}");
    }
    let output = place.run(&["sandbox", "doctor", "--python", "/bin/false"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stdout).contains("programs are refused"), "{}", text(&output.stdout));
}

#[test]
fn code_that_is_trusted_needs_no_isolation() {
    let place = Place::new();
    place.write("program.py", PROGRAM);
    let run = ["sandbox", "run", "program.py", "--tier", "process", "--trust-code", "--format", "json"];
    let verdict = place.json(&run);
    assert_eq!((&verdict["outcome"], &verdict["isolation"]["tier"]), (&json!("ok"), &json!("process")));
}

#[test]
fn the_doctor_says_of_every_tier_whether_it_works() {
    let place = Place::new();
    let output = place.run(&["sandbox", "doctor", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tiers = report["tiers"].as_array().unwrap();
    assert_eq!(tiers.iter().map(|tier| &tier["tier"]).collect::<Vec<_>>(), ["jail", "landlock", "process"]);
    let human = place.run(&["sandbox", "doctor"]);
    for tier in tiers {
        let works = tier["works"].as_bool().unwrap();
        let mark = if works { "yes" } else { "no " };
        let line = format!("  {mark}  {:<9} ", tier["tier"].as_str().unwrap());
        assert!(text(&human.stdout).contains(&line), "{line}: {}", text(&human.stdout));
        assert!(if works { tier["start_seconds"].is_f64() } else { tier["hint"].is_string() }, "{tier}");
    }
    // Evaluators need what a jail needs, and more.
    let works = report["evaluators"]["works"].as_bool().unwrap();
    assert!(!works || tiers[0]["works"] == true, "{report}");
    let mark = if works { "yes" } else { "no " };
    assert!(text(&human.stdout).contains(&format!("  {mark}  evaluator ")), "{}", text(&human.stdout));
    let best = tiers.iter().find(|tier| tier["works"] == true && tier["isolates"] == true);
    assert_eq!(report["tier"], best.map_or(Value::Null, |best| best["tier"].clone()));
    let code = if best.is_some() { 0 } else { 4 };
    assert_eq!((output.status.code(), human.status.code()), (Some(code), Some(code)));
}

#[test]
fn a_program_can_come_from_standard_input_and_its_values_are_kept() {
    if !isolated() {
        return;
    }
    let arguments =
        r#"[{"$tuple": [1]}, {"$int": "123456789012345678901234567890"}, {"$float": "nan"}, "é"]"#;
    let run =
        ["sandbox", "run", "-", "--entry", "same", "--args", arguments, "--seed", "5", "--format", "json"];
    let place = Place::new();
    let ask = |program: &[u8]| {
        let mut command = place.samara(&run);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(program).unwrap();
        parse(&child.wait_with_output().unwrap())
    };
    let same = "\u{feff}import random\ndef same(*values): return list(values), random.random()";
    let verdict = ask(same.as_bytes());
    let given: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!((&verdict["outcome"], &verdict["value"]["$tuple"][0]), (&json!("ok"), &given));
    assert_eq!(ask(same.as_bytes())["value"], verdict["value"], "the same seed, the same numbers");
}

/// A server of the binary's, ended with the test.
struct Server {
    child: Child,
    said: BufReader<ChildStderr>,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const TOKEN: (&str, &str) = ("SAMARA_TEST_TOKEN", "correct-horse");

impl Server {
    /// Starts one on a free port and waits until it listens.
    fn start(place: &Place, more: &[&str]) -> Self {
        let mut command =
            place.samara(&[&["sandbox", "serve", "--port", "0", "--servers", "1"], more].concat());
        let mut child = command.env(TOKEN.0, TOKEN.1).stderr(Stdio::piped()).spawn().unwrap();
        let mut server =
            Self { said: BufReader::new(child.stderr.take().unwrap()), child, address: String::new() };
        server.address = server.wait_for("listening on http://");
        server
    }

    /// Reads what it says up to the line with this beginning; returns the rest of that line.
    fn wait_for(&mut self, beginning: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.said.read_line(&mut line).unwrap() > 0, "it ended without {beginning:?}: {all}");
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim_end().to_owned();
            }
            all += &line;
        }
    }

    fn send(&self, request: &str, token: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
        let head = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        stream
    }

    fn ask(&self, request: &str, token: &str, body: &str) -> (u16, String) {
        answer(self.send(request, token, body))
    }

    /// Sends a signal by its name.
    fn signal(&self, name: &str) {
        let kill = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }
}

fn answer(mut stream: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[test]
fn the_server_answers_as_the_command_does_and_ends_politely() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let program = place.write("program.py", PROGRAM);
    let mut server = Server::start(&place, &[]);
    assert!(server.address.starts_with("127.0.0.1:"), "{}", server.address);
    let (status, health) = server.ask("GET /health", "", "");
    assert!(status == 200 && health.contains("\"ok\""), "{health}");
    let job = json!({ "program": PROGRAM, "entry": "main", "arguments": [1, 2] }).to_string();
    let (status, served) = server.ask("POST /v1/run", "", &job);
    assert_eq!(status, 200, "{served}");
    let printed = place.json(&["sandbox", "run", &program, "--args", "[1, 2]", "--format", "json"]);
    let mut both = [serde_json::from_str::<Value>(&served).unwrap(), printed];
    for verdict in &mut both {
        for number in ["cpu_seconds", "wall_seconds", "peak_memory_bytes"] {
            assert!(verdict.as_object_mut().unwrap().remove(number).unwrap().is_number());
        }
    }
    assert_eq!(both[0], both[1]);
    let walker = json!({ "code": "def make_walker(): return 3", "timeout": 2.0 }).to_string();
    assert_eq!(server.ask("POST /gen_racer", "", &walker).0, 500, "OpenELM's routes are there");
    server.signal("-TERM");
    server.wait_for("stopped");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_with_a_token_runs_nothing_without_it() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&place, &["--token-env", TOKEN.0]);
    let look =
        json!({ "program": "import os\ndef main(): return list(os.environ.values())", "entry": "main" });
    let run = |token: &str| server.ask("POST /v1/run", token, &look.to_string());
    assert_eq!((run("").0, run("wrong").0), (401, 401));
    let (status, verdict) = run(TOKEN.1);
    assert!(status == 200 && !verdict.contains(TOKEN.1), "{verdict}");
    server.signal("-INT");
    server.wait_for("stopped");
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "Ctrl-C is how a server ends");
}

/// A program that runs for so many seconds, sent to a server that has certainly begun with it.
fn sleeping(server: &Server, seconds: u32) -> TcpStream {
    let program = format!("import time\ndef main():\n    time.sleep({seconds})\n    return 'awake'");
    let job = json!({ "program": program, "entry": "main", "limits": { "wall_seconds": 100.0 } }).to_string();
    let stream = server.send("POST /v1/run", "", &job);
    while !server.ask("GET /metrics", "", "").1.contains("samara_sandbox_queue 1") {
        std::thread::sleep(Duration::from_millis(10));
    }
    stream
}

#[test]
fn a_server_that_is_stopped_answers_what_has_begun_and_lets_nobody_in() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&place, &[]);
    let request = sleeping(&server, 3);
    server.signal("-TERM");
    server.wait_for("stopping: ");
    let (status, verdict) = answer(request);
    assert!(status == 200 && verdict.contains("awake"), "{verdict}");
    server.wait_for("stopped");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(&server.address).is_err());
}

#[test]
fn a_second_signal_ends_a_server_at_once() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let mut server = Server::start(&place, &[]);
    let _request = sleeping(&server, 90);
    server.signal("-INT");
    server.wait_for("stopping: ");
    server.signal("-INT");
    assert_eq!(server.child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = Place::new().run(&["sandbox", "serve", "--port", &address.port().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let said = error(&output);
    assert!(said.contains(&format!("{address} is in use")) && said.contains("hint: --port 0"), "{said}");
}

#[test]
fn a_run_whose_programs_run_on_a_server_finds_what_it_finds_here() {
    if !isolated() {
        return;
    }
    let place = Place::new();
    let server = Server::start(&place, &["--token-env", TOKEN.0]);
    let url = format!("sandbox.server=http://{}", server.address);
    let token = format!("sandbox.token_env={}", TOKEN.0);
    for experiment in ["image", "sodarace"] {
        let run = |out: &str, more: &[&str]| {
            let steps = ["--set", "search.total_steps=24", "--set", "search.init_steps=8", "--quiet"];
            let start = ["run", experiment, "--format", "json", "--out", out];
            let mut command = place.samara(&[&start, &steps[..], more].concat());
            let output = command.env(TOKEN.0, TOKEN.1).output().unwrap();
            parse(&output)
        };
        let here = run(&format!("{experiment}-here"), &[]);
        let there = run(&format!("{experiment}-there"), &["--set", &url, "--set", &token]);
        assert_eq!((&there["archive_hash"], &there["fates"]), (&here["archive_hash"], &here["fates"]));
        assert!(here["archive_hash"].is_string());
    }
    assert!(!common::holds(&place.path("image-there"), TOKEN.1), "the token is recorded nowhere");
    let output = place.run(&["run", "image", "--set", &url, "--quiet"]);
    assert!(!output.status.success() && error(&output).contains("sandbox.token_env"), "{}", error(&output));
}

#[test]
fn a_server_that_is_not_there_is_code_4_before_anything_is_made() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let place = Place::new();
    let set = format!("sandbox.server=http://{address}");
    let output = place.run(&["run", "image", "--set", &set, "--out", "r"]);
    assert_eq!(output.status.code(), Some(4), "{}", error(&output));
    assert!(
        error(&output).contains("can't be reached") && error(&output).contains("hint: "),
        "{}",
        error(&output)
    );
    assert!(!place.path("r").exists());
}
