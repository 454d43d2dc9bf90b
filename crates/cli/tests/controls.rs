//! What is asked of a run while it goes on, from a shell and from its dashboard: it ends where it was asked to, in the
//! archive of a run that was to be so long, also when it is killed and resumed.
//!
//! Nothing here is a matter of time: the runs would go on for hours, and end because they are asked to.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    process::{Child, Stdio},
    time::Duration,
};

use common::{Place, error};

/// More than any machine makes while a test runs.
const ENDLESS: &str = "search.total_steps=1000000000";

/// Looks at something that is to come about, after which it is taken not to: many more than any machine needs.
const LOOKS: usize = 200_000;

fn begin(place: &Place, out: &str, more: &[&str]) -> Child {
    let run =
        ["run", "function", "--quiet", "--seed", "5", "--out", out, "--set", ENDLESS, "--format", "json"];
    let mut child = place
        .samara(&[&run[..], more].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..LOOKS {
        if place.path(out).join("control.sock").exists() {
            return child;
        }
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be asked");
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    panic!("after {LOOKS} looks the run has no socket");
}

fn ended(child: Child) -> serde_json::Value {
    common::parse(&child.wait_with_output().unwrap())
}

/// The hash of a run that is to have so many candidates.
fn alone(place: &Place, candidates: u64) -> serde_json::Value {
    let (out, steps) = (format!("alone-{candidates}"), format!("search.total_steps={candidates}"));
    let run =
        ["run", "function", "--quiet", "--seed", "5", "--out", &out, "--set", &steps, "--format", "json"];
    place.json(&run)["archive_hash"].clone()
}

#[test]
fn a_run_ends_where_it_is_asked_to_and_another_that_is_asked_the_same_is_equal() {
    let place = Place::new();
    let child = begin(&place, "run", &[]);
    let mode = std::fs::symlink_metadata(place.path("run/control.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let refused = place.run(&["control", "run", "budget", "calls", "5"]);
    assert!(error(&refused).contains("search.budget.calls is not limited"), "{}", error(&refused));
    let note = place.run(&["control", "run", "note", "rhyme"]);
    assert!(error(&note).contains("no model of this run is told instructions"), "{}", error(&note));
    let told = place.json(&["control", "run", "stop-after", "300", "--format", "json"]);
    let total = told["first"].as_u64().unwrap();
    assert!(total >= 300, "{told}");
    let run = ended(child);
    assert_eq!((run["candidates"].as_u64(), run["ended"].as_str()), (Some(total), Some("completed")));
    assert!(!place.path("run/control.sock").exists(), "only while it lives");
    assert_eq!(run["archive_hash"], alone(&place, total));
    let shown = place.json(&["show", "run", "--format", "json"]);
    assert_eq!(shown["archive_hash"], run["archive_hash"]);
    assert_eq!(
        (&shown["controls"][0]["first"], &shown["controls"][0]["asked"]),
        (&told["first"], &told["asked"])
    );
    let words = String::from_utf8(place.run(&["show", "run"]).stdout).unwrap();
    assert!(words.contains("stop after 300 more: the run ends after"), "{words}");
    let again = ["run", "function", "--quiet", "--seed", "5", "--out", "again", "--set", ENDLESS];
    let again = place.json(&[&again[..], &["--controls-of", "run", "--format", "json"]].concat());
    assert_eq!((&again["candidates"], &again["archive_hash"]), (&run["candidates"], &run["archive_hash"]));
    let over = place.run(&["control", "run", "finish"]);
    assert!(over.status.code() == Some(2) && error(&over).contains("does not go on"), "{}", error(&over));
}

#[test]
fn a_run_that_is_killed_after_it_was_asked_is_resumed_to_the_end_that_it_was_asked_for() {
    let place = Place::new();
    let mut child = begin(&place, "run", &[]);
    let told = place.json(&["control", "run", "stop-after", "20000", "--format", "json"]);
    child.kill().unwrap();
    let killed = !child.wait().unwrap().success();
    assert_eq!(place.path("run/control.sock").exists(), killed, "nobody was there to remove it");
    let over = place.run(&["control", "run", "finish"]);
    assert!(
        error(&over).contains("does not go on") && error(&over).contains("samara resume"),
        "{}",
        error(&over)
    );
    assert!(!place.path("run/control.sock").exists(), "what is stale is removed");
    let resumed = place.json(&["resume", "run", "--quiet", "--format", "json"]);
    assert_eq!(resumed["candidates"], told["first"]);
    let total = told["first"].as_u64().unwrap();
    assert_eq!(resumed["archive_hash"], alone(&place, total));
    let longer = place.json(&["resume", "run", "--quiet", "-i", "70", "--format", "json"]);
    assert_eq!(longer["candidates"].as_u64(), Some(total + 70));
}

/// A request to a dashboard: the answer.
fn request(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_dashboard_along_with_a_run_asks_it_to_finish_and_ends_with_it() {
    let place = Place::new();
    let mut child = begin(&place, "run", &["--serve", "--control"]);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    let (address, token) =
        line.trim().strip_prefix("dashboard: http://").unwrap().split_once("/?token=").unwrap();
    let head = format!("HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    let entered = request(address, &format!("GET /?token={token} {head}\r\n"));
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let page = request(address, &format!("GET /run/run {head}Cookie: {cookie}\r\n\r\n"));
    assert!(page.contains("running: ") && page.contains("Ask of this run"), "{page}");
    let secret = page.split("name=\"secret\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = format!("run=run&secret={secret}&what=finish");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let asked = format!(
        "POST /ask {head}Cookie: {cookie}\r\nOrigin: http://{address}\r\n{kind}\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = request(address, &asked);
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /run/run"), "{answer}");
    let run = ended(child);
    assert!(
        TcpStream::connect(address).is_err(),
        "the dashboard ends with the run where nobody sits at a terminal"
    );
    let total = run["candidates"].as_u64().unwrap();
    assert_eq!(run["archive_hash"], alone(&place, total));
    assert_eq!(place.json(&["show", "run", "--format", "json"])["controls"][0]["asked"], "finish");
}

#[test]
fn what_is_no_address_is_said_before_anything_is_made() {
    let place = Place::new();
    for (arguments, told) in [
        (&["run", "--serve", "function"][..], "what is run stands before --serve"),
        (&["run", "function", "--control"], "--serve"),
        (&["control", "nowhere", "finish"], "there is no run here"),
    ] {
        let output = place.run(arguments);
        assert!(output.status.code() == Some(2) && error(&output).contains(told), "{}", error(&output));
    }
    assert!(!place.path("runs").exists());
}
