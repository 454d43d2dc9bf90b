//! What a log holds, what it never holds, and where it is never written.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

mod common;

use common::{Place, error, holds, parse, script};
use samara_testing::server::{Action, Server, sound};

/// A run of 40 candidates against a server.
fn against(url: &str, out: &str, log: &str) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["run", "opinions", "--quiet", "--format", "json", "--out", out, "--log", log]
            .map(str::to_owned)
            .to_vec();
    for role in ["generator", "judge"] {
        for set in ["=openai:", &format!(".base_url={url}")] {
            arguments.extend(["--set".to_owned(), format!("models.{role}{set}")]);
        }
    }
    arguments.extend(["--set".to_owned(), "search.total_steps=40".to_owned()]);
    arguments
}

fn read(place: &Place, log: &str) -> String {
    std::fs::read_to_string(place.path(log)).unwrap()
}

#[test]
fn a_log_says_what_a_run_did_and_the_next_session_is_appended() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[[faults]]\nkind = \"rate_limit\"\nrate = 0.1\n"));
    let islands = ["--set", "search.islands.count=2", "--set", "search.islands.migration_interval=20"];
    let more = [&["--log", "log", "--set", "search.total_steps=80"][..], &islands].concat();
    let run = parse(&place.run_all(&place.opinions(&script, "out", &more)));
    let log = read(&place, "log");
    let line = |with: &[&str]| {
        let found = log.lines().find(|line| with.iter().all(|part| line.contains(part)));
        found.unwrap_or_else(|| panic!("no line with {with:?} in\n{log}"))
    };
    line(&[
        "INFO samara::session: session run=\"out/run.db\"",
        "experiment=\"opinions\"",
        "settings=\"",
        "samara=\"",
    ]);
    line(&["model role=\"judge\""]);
    line(&["search started settled=0 total=80", "islands=2"]);
    line(&["candidate{index=", "request provider=\"scripted\"", "status=\"ok\"", "latency_ms="]);
    line(&["candidate{index=", "status=\"overloaded\""]);
    line(&["WARN", "retry", "why=\"overloaded\"", "wait_ms="]);
    line(&["migration after=20"]);
    line(&["search ended ending=\"completed\" settled=80 session=80"]);
    line(&["end code=0"]);
    assert!(!log.contains("DEBUG"), "candidates are logged at debug only");
    assert_eq!(run["candidates"], 80);

    let resumed = place
        .samara(&["resume", "out", "--quiet", "--set", "search.total_steps=90", "--log", "log"])
        .env("RUST_LOG", "samara_engine=debug,info")
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{}", error(&resumed));
    let both = read(&place, "log");
    let added = both.strip_prefix(&log).unwrap();
    assert!(added.contains("search resumed settled=80 total=90"), "{added}");
    assert_eq!(added.matches("DEBUG samara_engine::log: settled index=").count(), 10, "{added}");
}

#[test]
fn no_log_changes_a_result() {
    let place = Place::new();
    let script = place.write("script.toml", &script("[[faults]]\nkind = \"empty\"\nrate = 0.1\n"));
    let arguments = |out| place.opinions(&script, out, &["--set", "search.total_steps=60"]);
    let silent = parse(&place.run_all(&arguments("silent")));
    let mut logged = arguments("logged");
    logged.extend(["--log".to_owned(), "log".to_owned()]);
    let logged: Vec<&str> = logged.iter().map(String::as_str).collect();
    let logged = parse(&place.samara(&logged).env("RUST_LOG", "trace").output().unwrap());
    assert!(!read(&place, "log").is_empty());
    assert_eq!(silent["archive_hash"], logged["archive_hash"]);
}

#[test]
fn neither_a_key_nor_a_header_is_logged_even_at_trace() {
    const CANARY: &str = "sk-canary-4f0d21";
    let place = Place::new();
    // The server quotes the key and the header in its errors, as some do.
    let server = Server::start(|request| {
        assert!(request.head.contains(CANARY), "the key is sent");
        if request.number % 7 == 6 {
            return Action::Reply(400, String::new(), format!("{{\"error\": \"bad key {CANARY}\"}}"));
        }
        sound(request)
    });
    let arguments = against(&server.url, "out", "log");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output =
        place.samara(&arguments).env("OPENAI_API_KEY", CANARY).env("RUST_LOG", "trace").output().unwrap();
    parse(&output);
    let log = read(&place, "log");
    assert!(log.contains("TRACE samara_lm::log: HTTP request path="), "{log}");
    assert!(log.contains("http=400") && log.contains("bad key ***"), "{log}");
    assert!(!holds(place.folder.path(), CANARY));
    let lower = log.to_lowercase();
    assert!(!lower.contains("bearer") && !lower.contains("authorization") && !lower.contains("content-type"));
}

#[test]
fn no_prompt_is_logged_at_info_even_if_the_server_quotes_it() {
    const PROMPT: &str = "Determine the sentiment";
    let place = Place::new();
    let server = Server::start(|request| match request.body["prompt"].as_str() {
        Some(prompt) if prompt.contains(PROMPT) && request.number % 5 == 0 => {
            Action::Reply(400, String::new(), format!("{{\"error\": \"can't score: {PROMPT}\"}}"))
        }
        _ => sound(request),
    });
    let run = parse(&place.run_all(&against(&server.url, "out", "log")));
    assert!(run["fates"]["failed"].as_u64().unwrap() > 0, "some prompts were quoted: {run}");
    let log = read(&place, "log");
    assert!(log.contains("why=\"invalid\"") && log.contains("http=400"), "{log}");
    assert!(!log.contains(PROMPT), "{log}");
}

#[test]
fn a_log_is_written_over_nothing() {
    let place = Place::new();
    let small = ["--quiet", "--set", "search.total_steps=200", "--out", "out"];
    let run = |log: &str| place.run(&[&["run", "function", "--log", log][..], &small].concat());
    std::fs::create_dir(place.path("out")).unwrap();
    for log in ["out/run.db", "out/run.db-wal", "out/run.lock"] {
        let refused = run(log);
        assert_eq!(refused.status.code(), Some(2), "{log}: {}", error(&refused));
        assert!(error(&refused).contains("belongs to a run"), "{}", error(&refused));
    }
    place.write("notes.txt", "do not lose this");
    assert_eq!(run("notes.txt").status.code(), Some(2));
    assert_eq!(read(&place, "notes.txt"), "do not lose this");
    assert!(run("log").status.success());
    // Nor does a result go over the log.
    let refused = place.run(&["export", "out", "-o", "log", "--log", "log"]);
    assert_eq!(refused.status.code(), Some(2), "{}", error(&refused));
    assert!(read(&place, "log").contains("search ended"));
}

#[test]
fn the_variable_alone_logs_to_stderr_and_a_filter_that_is_none_is_refused() {
    let place = Place::new();
    let run = ["run", "function", "--quiet", "--set", "search.total_steps=200", "--out", "out"];
    let logged = place.samara(&run).env("RUST_LOG", "info").output().unwrap();
    assert!(logged.status.success() && error(&logged).contains("search ended"), "{}", error(&logged));
    let silent = place.run(&["show", "out"]);
    assert_eq!(error(&silent), "");
    let refused = place.samara(&["show", "out"]).env("RUST_LOG", "samara=loud").output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(error(&refused).contains("RUST_LOG=samara=loud"), "{}", error(&refused));
}
