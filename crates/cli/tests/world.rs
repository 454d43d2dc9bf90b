//! Runs against servers and disks that fail: candidates get a fate or the run stops clearly, and the journal opens.

mod common;

use common::{Place, error, holds, parse, script};
use samara_testing::server::{Action, Server, ok, sound};

fn against(url: &str, out: &str, more: &[&str]) -> Vec<String> {
    let models =
        |key: &str, value: &str| ["generator", "judge"].map(|role| format!("models.{role}.{key}={value}"));
    let mut arguments: Vec<String> =
        ["run", "opinions", "--quiet", "--format", "json", "--out", out].map(str::to_owned).to_vec();
    let server = ["generator", "judge"].map(|role| format!("models.{role}=openai:"));
    let settings = [server, models("base_url", url), models("timeout_s", "0.3"), models("deadline_s", "3")];
    for set in settings.into_iter().flatten() {
        arguments.extend(["--set".to_owned(), set]);
    }
    arguments.extend(["--set".to_owned(), "search.total_steps=80".to_owned()]);
    arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
    arguments
}

#[test]
fn a_sound_server_gives_the_same_archive_twice() {
    let (place, server) = (Place::new(), Server::start(sound));
    let run = |out: &str, concurrency: &str| {
        parse(&place.run_all(&against(&server.url, out, &["--concurrency", concurrency])))
    };
    let (a, b) = (run("a", "1"), run("b", "32"));
    assert_eq!(a["candidates"], 80);
    assert_eq!(a["calls"], 240);
    assert_eq!(a["archive_hash"], b["archive_hash"]);
    assert!(a["cells_filled"].as_u64().unwrap() >= 3, "{a}");
    assert_eq!(place.json(&["show", "a", "--format", "json"])["scoring"], "echo");
}

#[test]
fn every_candidate_meets_a_fate_however_the_server_misbehaves() {
    let place = Place::new();
    let server = Server::start(|request| {
        let probe = request.body["prompt"].as_str().is_some_and(|prompt| prompt.contains("1+1="));
        let echo = request.body["echo"] == serde_json::json!(true);
        let reply =
            |status: u16, headers: &str, body: &str| Action::Reply(status, headers.into(), body.into());
        match request.number % 19 {
            _ if probe => sound(request),
            1 => reply(429, "retry-after: 0\r\n", "{}"),
            3 => reply(500, "", "oops"),
            5 => Action::Reset,
            7 if request.number < 200 => Action::Stall,
            9 => Action::Truncate("{\"choices\": [{".into()),
            11 if echo => {
                reply(200, "", "{\"choices\": [{\"logprobs\": {\"token_logprobs\": [null, NaN]}}]}")
            }
            13 if echo => {
                ok(&serde_json::json!({"choices": [{"logprobs": {"token_logprobs": [null, null, null]}}]}))
            }
            15 if !echo => ok(&serde_json::json!({"choices": [{"text": ""}]})),
            17 if !echo => ok(&serde_json::json!({"choices": [{"text": "x".repeat(10 << 20)}]})),
            _ => sound(request),
        }
    });
    let summary = parse(&place.run_all(&against(&server.url, "out", &[])));
    assert_eq!(summary["candidates"], 80, "none is lost");
    let fates = &summary["fates"];
    let count = |fate: &str| fates[fate].as_u64().unwrap();
    let all = ["new", "improved", "not_better", "invalid", "failed"].map(count);
    assert_eq!(all.iter().sum::<u64>(), 80);
    assert!(count("failed") > 0, "a reply of 10 MB fails its candidate: {summary}");
    assert!(count("failed") < 40, "most faults are retried: {summary}");
}

#[test]
fn a_server_that_dies_stops_the_run_and_resume_goes_on() {
    let place = Place::new();
    let script_alive = place.write("script.toml", &script(""));
    let dead = script("[[faults]]\nkind = \"server_error\"\nrate = 1.0\n");
    let more = ["--set", "search.total_steps=100"];
    let whole = parse(&place.run_all(&place.opinions(&script_alive, "whole", &more)));
    parse(&place.run_all(&place.opinions(&script_alive, "part", &["--set", "search.total_steps=60"])));
    place.write("script.toml", &dead);
    let set = ["--set", "search.total_steps=100", "--set", "search.max_failures=1"];
    let fast = ["--set", "models.generator.max_attempts=1", "--set", "models.judge.max_attempts=1"];
    let mut resume = vec!["resume", "part", "--quiet", "--format", "json"];
    resume.extend(set.iter().chain(&fast));
    let stopped = place.run(&resume);
    assert_eq!(stopped.status.code(), Some(3));
    assert!(error(&stopped).contains("HTTP 500"), "{}", error(&stopped));
    assert!(error(&stopped).contains("samara resume"), "{}", error(&stopped));
    place.write("script.toml", &script(""));
    let resumed = parse(&place.run(&[
        "resume",
        "part",
        "--quiet",
        "--format",
        "json",
        "--set",
        "search.total_steps=100",
    ]));
    assert_eq!(resumed["candidates"], whole["candidates"]);
    assert_eq!(resumed["fates"]["failed"], 1);
}

#[test]
fn no_server_is_exit_code_three_and_leaves_nothing_behind() {
    let place = Place::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = place.run_all(&against(&format!("http://{free}/v1"), "out", &[]));
    assert_eq!(output.status.code(), Some(3));
    assert!(error(&output).contains("check that the server at"), "{}", error(&output));
    assert!(!place.path("out").exists());
}

#[test]
fn a_key_reaches_neither_disk_nor_output() {
    const CANARY: &str = "sk-canary-7b1e5d";
    let place = Place::new();
    // The server quotes the key in its errors, as some do.
    let server = Server::start(|request| {
        assert!(request.head.contains(CANARY), "the key is sent");
        if request.number % 7 == 6 {
            return Action::Reply(400, String::new(), format!("{{\"error\": \"bad key {CANARY}\"}}"));
        }
        sound(request)
    });
    let arguments = against(&server.url, "out", &["--set", "search.total_steps=40"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = place.samara(&arguments).env("OPENAI_API_KEY", CANARY).output().unwrap();
    assert!(parse(&output)["fates"]["failed"].as_u64().unwrap() > 0, "some errors were journalled");
    let exported = place.run(&["export", "out", "--as", "jsonl"]);
    for text in [&output.stdout, &output.stderr, &exported.stdout] {
        assert!(!String::from_utf8_lossy(text).contains(CANARY));
    }
    assert!(String::from_utf8_lossy(&exported.stdout).contains("bad key ***"));
    assert!(!holds(place.folder.path(), CANARY));
}

#[test]
fn a_server_can_not_command_the_terminal() {
    let place = Place::new();
    let server = Server::start(|request| {
        let probe = request.body["prompt"].as_str().is_some_and(|prompt| prompt.contains("1+1="));
        if probe {
            sound(request)
        } else {
            Action::Reply(400, String::new(), "\u{1b}]0;owned\u{7}".to_owned())
        }
    });
    let output = place.run_all(&against(&server.url, "out", &[]));
    assert_eq!(output.status.code(), Some(3));
    assert!(
        error(&output).contains("owned") && !error(&output).contains(['\u{1b}', '\u{7}']),
        "{}",
        error(&output)
    );
}

#[cfg(unix)]
#[test]
fn a_full_disk_stops_the_run_and_the_journal_opens() {
    let place = Place::new();
    let script = place.write("script.toml", &script(""));
    let arguments = place.opinions(&script, "out", &["--set", "search.total_steps=20000"]);
    // The largest file that the process may write stands for the disk; the signal it would get is ignored.
    let command = format!(
        "trap '' XFSZ; ulimit -f 1024; exec {} {}",
        env!("CARGO_BIN_EXE_samara"),
        arguments.iter().map(|argument| format!("'{argument}'")).collect::<Vec<_>>().join(" ")
    );
    let output = std::process::Command::new("bash")
        .args(["-c", &command])
        .current_dir(place.folder.path())
        .env("XDG_STATE_HOME", place.path("state"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", error(&output));
    assert!(error(&output).contains("samara resume"), "{}", error(&output));
    let kept = place.json(&["show", "out", "--format", "json"])["candidates"].as_u64().unwrap();
    assert!(kept > 10, "{kept}");
    let resumed =
        place.run(&["resume", "out", "--quiet", "--format", "json", "--set", "search.total_steps=1500"]);
    assert!(parse(&resumed)["candidates"].as_u64().unwrap() >= kept);
}

#[test]
fn the_export_has_the_four_keys_and_nulls_of_the_reference() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[[faults]]\nkind = \"empty\"\nrate = 0.9\n"));
    parse(&place.run_all(&place.opinions(&script, "out", &["--set", "search.total_steps=60"])));
    let history = String::from_utf8(place.run(&["export", "out"]).stdout).unwrap();
    assert_eq!(history.lines().count(), 60);
    let mut nulls = 0;
    for (number, line) in history.lines().enumerate() {
        let keys: Vec<usize> =
            ["{\"genotype\": ", ", \"phenotype\": ", ", \"fitness\": ", ", \"num_gens_current\": "]
                .iter()
                .map(|key| line.find(key).unwrap())
                .collect();
        assert!(keys.is_sorted() && keys[0] == 0, "{line}");
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(row.len(), 4);
        assert_eq!(row["num_gens_current"], number);
        let null = row["genotype"].is_null();
        assert_eq!((row["phenotype"].is_null(), row["fitness"].is_null()), (null, null));
        nulls += u32::from(null);
    }
    assert!(nulls > 0);
    place.write("history.jsonl", &history);
    let run = place.json(&["show", "out", "--format", "json"]);
    let edges =
        "0.005,0.01,0.015,0.02,0.03,0.04,0.05,0.10,0.20,0.50,0.80,0.90,0.95,0.96,0.97,0.98,0.985,0.99,0.995";
    let replayed = place.json(&["rebin", "history.jsonl", "--ticks", edges, "--format", "json"]);
    assert_eq!(replayed["archive_hash"], run["archive_hash"], "a replayed history gives the hash of its run");
}
