//! The HTTP server: what OpenELM's environments post and read, our own route, and clients that misbehave.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use samara_sandbox::http::{App, Bounds, serve};
use samara_sandbox::{Sandbox, SandboxOptions, Tier};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server in the best tier that there is.
fn server(bounds: Bounds, token: Option<&str>) -> SocketAddr {
    let options = SandboxOptions { servers: 2, minimum: Tier::Process, ..SandboxOptions::default() };
    let app = Arc::new(App::new(Sandbox::start(&options).unwrap(), bounds, token.map(str::to_owned)));
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            serve(listener, app, std::future::pending()).await;
        });
    });
    address.recv().unwrap()
}

/// Sends bytes and reads all that comes back.
fn raw(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // The server may have answered and closed before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()))
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into()
}

fn post(address: SocketAddr, path: &str, body: &Json) -> (u16, Json) {
    let (status, body) =
        raw(address, &request("POST", path, "Content-Type: application/json\r\n", &body.to_string()));
    (status, serde_json::from_str(&body).unwrap_or(Json::Null))
}

const WALKER: &str = "
from walk_creator import walker_creator
def make_walker():
    wc = walker_creator()
    ids = [wc.add_joint(x, y) for x, y in [(0, 0), (0, 10), (10, 10), (10, 0)]]
    for i in range(4):
        wc.add_muscle(ids[i], ids[(i + 1) % 4])
    wc.add_muscle(ids[0], ids[2], False, 5.0, 0.5)
    return wc.get_walker()
";

#[test]
fn a_walker_program_gives_a_walker() {
    let address = server(Bounds::default(), None);
    let (status, body) = post(address, "/gen_racer", &json!({ "code": WALKER, "timeout": 5.0 }));
    assert_eq!((status, &body["program_str"]), (200, &json!(WALKER)), "{body}");
    assert_eq!(body["result_obj"]["joints"][2], json!([10.0 * 0.22, -10.0 * 0.22]));
    assert_eq!(
        body["result_obj"]["muscles"][4],
        json!([0, 2, { "type": "muscle", "amplitude": 5.0, "phase": 0.5 }])
    );
    assert_eq!(
        body["result_obj"]["muscles"][0],
        json!([0, 1, { "type": "distance", "amplitude": 0.0, "phase": 0.0 }])
    );
}

#[test]
fn what_is_no_walker_has_its_code() {
    let address = server(Bounds::default(), None);
    let empty = "def make_walker():\n    return walker_creator().get_walker()";
    let nan = "def make_walker():\n    w = walker_creator()\n    w.add_joint(float('nan'), 0)\n    return w.get_walker()";
    let cases = [
        (empty, 1, "TEST_FAILED"),
        (nan, 1, "TEST_FAILED"),
        ("def make_walker(): return 3", 1, "TEST_FAILED"),
        ("def make_walker():\n    while True: pass", 2, "TIMEOUT_EXCEPTION"),
        ("def make_walker(", 3, "SYNTAX_ERROR"),
        ("def make_walker(): return 1 + 'a'", 4, "TYPE_ERROR"),
        ("def make_walker(): return {}['a']", 5, "EXCEPTION"),
        ("import os\ndef make_walker(): os._exit(0)", 6, "OTHER"),
    ];
    for (code, error, name) in cases {
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 0.5 }));
        assert_eq!(status, 500, "{code}: {body}");
        assert_eq!(
            (&body["unsafe_execute_error_code"], &body["message"]),
            (&json!(error), &json!(name)),
            "{code}"
        );
    }
    let codes: Vec<&str> = [WALKER].into_iter().chain(cases.iter().map(|(code, ..)| *code)).collect();
    let (status, body) = post(address, "/gen_racer", &json!({ "code": codes, "timeout": 0.5 }));
    assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(9)));
    assert!(body[0]["result_obj"]["joints"].is_array());
    assert_eq!(body[4]["message"], "TIMEOUT_EXCEPTION");
}

#[test]
fn images_and_puzzles_come_back_as_python_writes_them() {
    let address = server(Bounds::default(), None);
    let image =
        json!({ "code": "def draw(): return [[[0, 1, 2]] * 2] * 2", "func_name": "draw", "timeout": 5 });
    let (status, body) = post(address, "/eval_imageoptim_func", &image);
    assert_eq!(
        (status, &body["result_obj"]),
        (200, &json!("[[[0, 1, 2], [0, 1, 2]], [[0, 1, 2], [0, 1, 2]]]"))
    );
    let puzzle = json!({ "code": "def g6(): return ['a', 1.0, True, None, (1,), {'x': b'y'}]", "func_name": "g6", "timeout": 5 });
    let (status, body) = post(address, "/eval_p3_solution", &puzzle);
    assert_eq!((status, &body["result_obj"]), (200, &json!("['a', 1.0, True, None, (1,), {'x': b'y'}]")));
    let not_image = json!({ "code": "def draw(): return 5", "func_name": "draw", "timeout": 5 });
    let (status, body) = post(address, "/eval_imageoptim_func", &not_image);
    assert_eq!((status, &body["unsafe_execute_error_code"]), (500, &json!(1)));
}

#[test]
fn our_own_route_returns_the_verdict() {
    let address = server(Bounds::default(), None);
    let job = json!({ "program": "def add(a, b):\n    print('adding')\n    return a + b", "entry": "add", "arguments": [1, 2] });
    let (status, body) = post(address, "/v1/run", &job);
    assert_eq!(
        (status, &body["outcome"], &body["value"], &body["stdout"]),
        (200, &json!("ok"), &json!(3), &json!("adding\n"))
    );
    assert!(body["cpu_seconds"].as_f64().unwrap() > 0.0 && body["isolation"]["tier"].is_string(), "{body}");
    let slow = json!({ "program": "def f():\n    while True: pass", "entry": "f", "limits": { "cpu_seconds": 0.2, "wall_seconds": 200 } });
    let (status, body) = post(address, "/v1/run", &slow);
    assert_eq!((status, &body["outcome"], &body["clock"]), (200, &json!("timeout"), &json!("cpu")));
    let (status, text) = raw(address, &request("GET", "/metrics", "", ""));
    assert!(status == 200 && text.contains("samara_sandbox_programs_total{outcome=\"ok\"} 1"), "{text}");
    let (status, text) = raw(address, &request("GET", "/health", "", ""));
    assert!(status == 200 && text.contains("\"ok\""), "{text}");
}

#[test]
fn requests_that_are_none_are_refused_and_never_hang() {
    let bounds = Bounds { body: 10_000, read_timeout: Duration::from_secs(60), ..Bounds::default() };
    let address = server(bounds, None);
    let typed = "Content-Type: application/json\r\n";
    let run = |body: &str| raw(address, &request("POST", "/v1/run", typed, body)).0;
    assert_eq!(run("{"), 400);
    assert_eq!(run("{\"program\": 1, \"entry\": \"f\"}"), 400);
    assert_eq!(run("{\"program\": \"\", \"entry\": \"f\", \"unknown\": 1}"), 400);
    assert_eq!(run("{\"program\": \"\", \"entry\": \"f\", \"limits\": {\"cpu_seconds\": 1e9}}"), 400);
    assert_eq!(run("{\"program\": \"\", \"entry\": \"f\", \"limits\": {\"cpu_seconds\": -1}}"), 400);
    assert_eq!(run(&"[".repeat(9000)), 400);
    assert_eq!(run(&format!("{{\"program\": \"{}\"}}", "x".repeat(20_000))), 413);
    assert_eq!(raw(address, &request("POST", "/v1/run", "", "{}")).0, 415);
    assert_eq!(raw(address, &request("GET", "/v1/run", "", "")).0, 405);
    assert_eq!(raw(address, &request("POST", "/nowhere", typed, "{}")).0, 404);
    assert_eq!(raw(address, &request("POST", "/eval_p3_solution", typed, "{\"code\": \"\"}")).0, 400);
    assert_eq!(raw(address, b"nonsense\r\n\r\n").0, 400);
    // The connection is closed while the head still comes: the answer may be lost on its way.
    let long = request("POST", "/v1/run", &format!("X: {}\r\n", "x".repeat(300_000)), "");
    assert!(matches!(raw(address, &long).0, 0 | 431));
    let lies = format!("POST /v1/run HTTP/1.1\r\nHost: x\r\n{typed}Content-Length: 99999999999\r\n\r\n{{");
    assert_eq!(raw(address, lies.as_bytes()).0, 413);
}

#[test]
fn clients_that_are_slow_are_sent_away() {
    let typed = "Content-Type: application/json\r\n";
    let bounds = Bounds { read_timeout: Duration::from_millis(500), ..Bounds::default() };
    let address = server(bounds, None);
    let slow = format!(
        "POST /v1/run HTTP/1.1\r\nHost: x\r\n{typed}Content-Length: 100\r\nConnection: close\r\n\r\n{{"
    );
    assert_eq!(raw(address, slow.as_bytes()).0, 408);
    // A head that never ends: hyper closes the connection, or answers 408.
    assert!(matches!(raw(address, b"GET /health HTTP/1.1\r\nHost:").0, 0 | 408));
    // A body that drips: its whole must be there in time, not its next byte.
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST /v1/run HTTP/1.1\r\nHost: x\r\n{typed}Content-Length: 100000\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let begin = Instant::now();
    while stream.write_all(b" ").is_ok() {
        assert!(begin.elapsed() < Duration::from_secs(60), "a body may drip for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn without_the_token_only_health_is_answered() {
    let address = server(Bounds::default(), Some("secret"));
    let with = |token: &str| {
        let headers = format!("Content-Type: application/json\r\nAuthorization: Bearer {token}\r\n");
        raw(
            address,
            &request("POST", "/v1/run", &headers, "{\"program\": \"def f(): return 1\", \"entry\": \"f\"}"),
        )
        .0
    };
    assert_eq!([with("secret"), with("wrong!"), with(""), with("secrets")], [200, 401, 401, 401]);
    assert_eq!(raw(address, &request("GET", "/metrics", "", "")).0, 401);
    assert_eq!(raw(address, &request("GET", "/health", "", "")).0, 200);
}

#[test]
fn many_clients_that_come_and_go_are_answered_or_told_to_wait() {
    let address = server(Bounds { queue: 8, ..Bounds::default() }, None);
    let job = json!({ "program": "import time\ndef f():\n    time.sleep(0.02)\n    return 1", "entry": "f" })
        .to_string();
    let bytes = request("POST", "/v1/run", "Content-Type: application/json\r\n", &job);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let client = |number: usize| {
            let bytes = bytes.clone();
            move || {
                (0..5)
                    .filter_map(|turn| {
                        if (number + turn).is_multiple_of(3) {
                            // Goes away in the middle of its request, or right after it.
                            let mut stream = TcpStream::connect(address).unwrap();
                            let _ = stream.write_all(&bytes[..if turn % 2 == 0 { bytes.len() } else { 60 }]);
                            return None;
                        }
                        Some(raw(address, &bytes).0)
                    })
                    .collect::<Vec<_>>()
            }
        };
        let clients: Vec<_> = (0..64).map(|number| scope.spawn(client(number))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    // All places are free again.
    until_in_queue(address, 0);
    assert_eq!(raw(address, &bytes).0, 200);
}

/// Stops a server while a program sleeps for so long; the client's status, and whether all requests were answered.
fn stopped(sleep: f64, grace: Duration) -> (u16, bool) {
    let options = SandboxOptions { servers: 1, minimum: Tier::Process, ..SandboxOptions::default() };
    let bounds = Bounds { grace, ..Bounds::default() };
    let app = Arc::new(App::new(Sandbox::start(&options).unwrap(), bounds, None));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, told) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(serve(listener, app, async { drop(told.await) }));
    let program = format!("import time\ndef f(): time.sleep({sleep})");
    let job = json!({ "program": program, "entry": "f", "limits": { "wall_seconds": 100.0 } });
    let client = std::thread::spawn(move || post(address, "/v1/run", &job).0);
    while !raw(address, &request("GET", "/metrics", "", "")).1.contains("samara_sandbox_queue 1") {
        std::thread::sleep(Duration::from_millis(10));
    }
    stop.send(()).unwrap();
    let all = runtime.block_on(serving).unwrap();
    assert!(TcpStream::connect(address).is_err(), "nobody is let in any more");
    runtime.shutdown_background();
    (client.join().unwrap(), all)
}

#[test]
fn a_server_that_stops_answers_what_has_begun_and_gives_up_what_does_not_end() {
    assert_eq!(stopped(2.0, Duration::from_secs(60)), (200, true));
    let begin = Instant::now();
    assert_eq!(stopped(50.0, Duration::from_millis(100)), (0, false));
    assert!(begin.elapsed() < Duration::from_secs(45));
}

/// Waits until so many programs run or wait.
fn until_in_queue(address: SocketAddr, count: usize) {
    let begin = Instant::now();
    let line = format!("samara_sandbox_queue {count}\n");
    while !raw(address, &request("GET", "/metrics", "", "")).1.contains(&line) {
        assert!(begin.elapsed() < Duration::from_secs(60));
    }
}

#[test]
fn a_full_queue_is_answered_at_once_and_a_client_that_goes_away_frees_no_slot_early() {
    let address = server(Bounds { queue: 1, ..Bounds::default() }, None);
    let program = |body: &str| json!({ "program": format!("import time\ndef f(): {body}"), "entry": "f" });
    let slow = program("time.sleep(2)").to_string();
    let slow = request("POST", "/v1/run", "Content-Type: application/json\r\n", &slow);
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(&slow).unwrap();
    until_in_queue(address, 1);
    drop(client);
    assert_eq!(post(address, "/v1/run", &program("return 1")).0, 429);
    until_in_queue(address, 0);
    assert_eq!(post(address, "/v1/run", &program("return 1")).0, 200);
}

#[test]
fn walker_programs_may_call_the_builder_as_known_variants_do() {
    let address = server(Bounds::default(), None);
    for (call, amplitude, phase) in [
        ("0, 1", 0.0, 0.0),
        ("0, 1, 5, 0.5", 5.0, 0.5),
        ("0, 1, True, 5.0, 0.5", 5.0, 0.5),
        ("0, 1, 5.0", 5.0, 0.0),
        ("0, 1, amplitude=5.0, phase=0.5", 5.0, 0.5),
        ("joint0=0, joint1=1, phase=0.5, amplitude=Fraction(5)", 5.0, 0.5),
    ] {
        let code = format!(
            "from fractions import Fraction\nfrom openelm.environments.sodaracer.walker.walk_creator import walker_creator\ndef make_walker():\n    w = walker_creator()\n    w.add_joint(0, 0)\n    w.add_joint(1, 1)\n    w.add_muscle({call})\n    return w.get_walker()"
        );
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 5.0 }));
        assert_eq!(status, 200, "{call}: {body}");
        let muscle = &body["result_obj"]["muscles"][0];
        assert_eq!(
            (muscle[2]["amplitude"].as_f64(), muscle[2]["phase"].as_f64()),
            (Some(amplitude), Some(phase)),
            "{call}"
        );
    }
}
