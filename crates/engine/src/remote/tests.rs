//! Servers that are down, slow, busy, wrong, or say too much.

use samara_testing::server::{Action, Request, Server, ok};

use super::*;

fn verdict() -> Json {
    json!({"outcome": "ok", "source": "program", "value": [1, {"$float": "nan"}], "isolation": {"tier": "jail"}})
}

fn health() -> Action {
    ok(&json!({"status": "ok", "tier": "jail", "python": "3.12"}))
}

fn reply(status: u16, body: &str) -> Action {
    Action::Reply(status, String::new(), body.to_owned())
}

/// A client of a server that greets, and answers programs so.
fn remote(behave: impl Fn(&Request) -> Action + Send + Sync + 'static) -> (Remote, Server) {
    let server = Server::start(
        move |request| if request.path.ends_with("/health") { health() } else { behave(request) },
    );
    let remote = Remote::start(&server.url, Some("TOKEN"), 4).expect("a server");
    (Remote { first_wait: Duration::from_millis(1), ..remote }, server)
}

fn run(remote: &Remote) -> Result<Verdict, SandboxError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(remote.run(&Job::new("def f(): pass", "f")))
}

#[test]
fn addresses_are_of_http_and_hold_no_password() {
    for good in ["http://127.0.0.1:5000", "https://box.example/sandbox/", "http://[::1]:1/"] {
        assert!(address(good).is_ok(), "{good}");
    }
    for bad in ["", "localhost:5000", "ftp://x", "http://", "http://me:secret@x"] {
        let why = address(bad).expect_err(bad);
        assert!(!why.contains("secret"), "{why}");
    }
    let base = address("http://x/sandbox/").expect("an address");
    assert_eq!(join(&base, "v1/run").as_str(), "http://x/sandbox/v1/run");
}

#[test]
fn what_a_server_says_can_not_command_a_terminal() {
    assert_eq!(brief("no\u{1b}[2J \u{202e}room"), "no[2J room");
    assert_eq!(brief(&"x".repeat(1000)).len(), 200);
}

#[test]
fn a_job_is_sent_whole_and_its_verdict_comes_back() {
    let (remote, _server) = remote(|request| {
        let body = &request.body;
        assert!(
            request.path.ends_with("/v1/run") && request.head.contains("Bearer TOKEN"),
            "{}",
            request.head
        );
        assert_eq!((&body["entry"], &body["seed"]), (&json!("f"), &json!(0)));
        assert_eq!(body["limits"]["cpu_seconds"], json!(2.0));
        ok(&verdict())
    });
    let ran = run(&remote).expect("a verdict");
    assert!(matches!(ran.ending, Ending::Ok { .. }), "{ran:?}");
    assert_eq!(ran.isolation.tier, Tier::Jail);
    assert!(!format!("{remote:?}").contains("TOKEN"));
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let error = Remote::start(&url, None, 1).expect_err("nobody is there").to_string();
    assert!(error.contains("can't be reached") && error.contains("\nhint: "), "{error}");
}

#[test]
fn what_is_no_sandbox_server_is_told_from_one() {
    for status in [200, 500] {
        let server = Server::start(move |_| reply(status, "{}"));
        let error = Remote::start(&server.url, None, 1).expect_err("no sandbox server").to_string();
        assert!(error.contains("is no sandbox server"), "{error}");
    }
    let openelm = Server::start(|_| reply(404, "<html>"));
    let remote = Remote::start(&openelm.url, None, 1).expect("OpenELM's routes");
    assert_eq!((remote.kind, remote.isolation().tier), (Kind::OpenElm, Tier::Process));
}

#[test]
fn a_busy_or_broken_connection_is_tried_again() {
    let (remote, server) = remote(|request| match request.number {
        1 => reply(429, r#"{"error": "the queue is full"}"#),
        2 => Action::Reset,
        3 => Action::Truncate(verdict().to_string()),
        4 => reply(503, ""),
        _ => ok(&verdict()),
    });
    assert!(matches!(run(&remote).expect("a verdict").ending, Ending::Ok { .. }));
    assert_eq!(server.seen.load(std::sync::atomic::Ordering::SeqCst), 6);
}

#[test]
fn a_server_that_stays_busy_ends_the_run() {
    let (remote, server) = remote(|_| reply(503, r#"{"error": "no memory\u001b[2J"}"#));
    let error = run(&remote).expect_err("busy").to_string();
    assert!(error.contains("asked 6 times") && error.contains("no memory[2J"), "{error:?}");
    assert_eq!(server.seen.load(std::sync::atomic::Ordering::SeqCst), 1 + ATTEMPTS as usize);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let (remote, _server) = remote(|_| Action::Stall);
    let job = Job::new("def f(): pass", "f");
    let limits = samara_sandbox::Limits { wall: Duration::from_millis(10), ..job.limits };
    let job = Job { limits, ..job };
    let remote = Remote { patience: Duration::from_millis(10), ..remote };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = runtime.block_on(remote.run(&job)).expect_err("silent").to_string();
    assert!(error.contains("in time"), "{error}");
}

#[test]
fn a_server_that_lets_nobody_in_ends_the_run_at_once() {
    let (remote, server) = remote(|_| reply(401, r#"{"error": "a bearer token is needed"}"#));
    let error = run(&remote).expect_err("refused").to_string();
    assert!(error.contains("sandbox.token_env") && !error.contains("TOKEN"), "{error}");
    assert_eq!(server.seen.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[test]
fn what_is_no_verdict_fails_the_program_alone() {
    for body in ["", "garbage", "{}", "[[[[", r#"{"outcome": "ok", "isolation": {"tier": "jail"}}"#] {
        let (remote, _server) = remote(move |_| reply(200, body));
        let ran = run(&remote).expect("a verdict of its own");
        assert!(
            matches!(&ran.ending, Ending::Failed { why } if why.contains("no verdict")),
            "{body}: {ran:?}"
        );
    }
    let (remote, _server) = remote(|_| reply(400, r#"{"error": "no job: x"}"#));
    let ran = run(&remote).expect("a verdict of its own");
    assert!(matches!(&ran.ending, Ending::Failed { why } if why.contains("no job: x")), "{ran:?}");
}

#[test]
fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let (remote, _server) = remote(|_| reply(200, &" ".repeat(MOST_ANSWER + 1)));
    let ran = run(&remote).expect("a verdict of its own");
    assert!(matches!(&ran.ending, Ending::Failed { why } if why.contains("longer than 48 MiB")), "{ran:?}");
}
