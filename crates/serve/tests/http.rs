//! The HTTP server: what OpenELM's environments post and read, our own route, and clients that misbehave.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use samara_sandbox::{Sandbox, SandboxOptions, Tier};
use samara_serve::{Access, App, Bounds, serve};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A server in the best tier that there is.
fn server(bounds: Bounds, token: Option<&str>) -> SocketAddr {
    let access = Access { token: token.map(str::to_owned), ..Access::default() };
    server_for(bounds, access)
}

fn server_for(bounds: Bounds, access: Access) -> SocketAddr {
    let options = SandboxOptions { servers: 2, minimum: Tier::Process, ..SandboxOptions::default() };
    let app = Arc::new(App::new(Sandbox::start(&options).unwrap(), bounds, access).unwrap());
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
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    (status, if chunked { joined(body) } else { body.to_owned() })
}

/// A body that came in chunks, which must be whole.
fn joined(mut body: &str) -> String {
    let mut whole = String::new();
    loop {
        let (length, rest) = body.split_once("\r\n").unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole += &rest[..length];
        body = rest[length..].strip_prefix("\r\n").unwrap();
    }
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
    wc.add_muscle(ids[0], ids[2], 5.0, 0.5)
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
    let five = "def make_walker():\n    w = walker_creator()\n    a = w.add_joint(0, 0)\n    w.add_muscle(a, a, False, 5.0, 0.5)\n    return w.get_walker()";
    let nowhere = "def make_walker():\n    w = walker_creator()\n    w.add_muscle((0, 0), (1, 1))\n    return w.get_walker()";
    let named = |name: &str| (json!(name), "Failed sandbox_unsafe_execute");
    let cases = [
        (empty, (json!(1), "Invalid walker")),
        (nan, (json!(1), "Not walker")),
        ("def make_walker(): return 3", (json!(1), "Not walker")),
        ("def make_walker(", named("SYNTAX_ERROR")),
        ("def make_walker(): return 1 + 'a'", named("TYPE_ERROR")),
        (five, named("TYPE_ERROR")),
        ("def make_walker(): return {}['a']", named("EXCEPTION")),
        (nowhere, named("EXCEPTION")),
        ("import os\ndef make_walker(): os._exit(0)", (json!(6), "Failed to execute code")),
    ];
    for (code, (error, message)) in &cases {
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 60 }));
        assert_eq!(status, 500, "{code}: {body}");
        assert_eq!(
            (&body["unsafe_execute_error_code"], &body["message"]),
            (error, &json!(message)),
            "{code}"
        );
        assert_eq!(body.get("walker").is_some(), *message == "Invalid walker", "{body}");
    }
    let codes: Vec<&str> = [WALKER].into_iter().chain(cases.iter().map(|(code, ..)| *code)).collect();
    let (status, body) = post(address, "/gen_racer", &json!({ "code": codes, "timeout": 60 }));
    assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(10)));
    assert!(body[0]["result_obj"]["joints"].is_array());
    assert_eq!(body[4]["unsafe_execute_error_code"], "SYNTAX_ERROR");
}

#[test]
fn a_walker_that_is_not_accepted_is_in_the_answer() {
    let address = server(Bounds::default(), None);
    let strong = "def make_walker():\n    w = walker_creator()\n    w.add_muscle(w.add_joint(0, 0), w.add_joint(0, 5), 30, 0.5)\n    return w.get_walker()";
    let (status, body) = post(address, "/gen_racer", &json!({ "code": strong, "timeout": 60 }));
    let muscle = json!([0, 1, { "type": "muscle", "amplitude": 30.0, "phase": 0.5 }]);
    assert_eq!((status, &body["walker"]["muscles"][0]), (500, &muscle), "{body}");
}

#[test]
fn who_computes_or_sleeps_for_ever_is_answered_at_the_timeout() {
    let address = server(Bounds::default(), None);
    for code in
        ["def make_walker():\n    while True: pass", "def make_walker(): import time; time.sleep(1000)"]
    {
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 0.5 }));
        assert_eq!(
            (status, &body["unsafe_execute_error_code"]),
            (500, &json!("TIMEOUT_EXCEPTION")),
            "{code}"
        );
    }
}

#[test]
fn walkers_are_built_by_the_imports_and_helpers_of_openelm() {
    let address = server(Bounds::default(), None);
    let grid = "    connect = lambda x0, y0, x1, y1: x0 != x1 and y0 == y1\n    query_cppn(wc, 2, 2, 1, connect, lambda *ends: 1, lambda *ends: 0)\n";
    for (import, body) in [
        ("from openelm.environments.sodaracer.walker import query_cppn, walker_creator", grid),
        ("from openelm.environments.sodaracer.walker.walk_creator import walker_creator", grid),
        ("from .CPPN_mutable import query_cppn\nfrom .walk_creator import walker_creator", grid),
        ("", grid),
        (
            "",
            "    a, b, c, d = make_square(wc, 0, 0, 9, 9)\n    wc.add_muscle(a, b)\n    wc.add_muscle(c, d)\n",
        ),
        (
            "",
            "    a = make_sensor(wc, 0, 0, 9, 9, 4)\n    wc.add_muscle(a[0], a[1])\n    wc.add_muscle(a[2], a[4])\n",
        ),
        (
            "",
            "    a = make_circle(wc, 0, 0, 9, 4)\n    wc.add_muscle(a[0], a[1])\n    wc.add_muscle(a[1], a[2])\n",
        ),
    ] {
        let code = format!(
            "{import}\ndef make_walker():\n    wc = walker_creator()\n{body}    return wc.get_walker()"
        );
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 60 }));
        let muscles = body["result_obj"]["muscles"].as_array().map(Vec::len);
        assert_eq!((status, muscles), (200, Some(2)), "{code}: {body}");
    }
    let other = "from openelm.configs import P3Config\ndef make_walker(): pass";
    let (_, body) = post(address, "/gen_racer", &json!({ "code": other, "timeout": 60 }));
    assert_eq!(body["unsafe_execute_error_code"], "EXCEPTION");
}

#[test]
fn joints_at_one_place_are_one_to_muscles() {
    let address = server(Bounds::default(), None);
    let code = "def make_walker():\n    wc = walker_creator()\n    ids = [wc.add_joint(x, 0) for x in (0, 5, 0)]\n    wc.add_muscle(ids[1], ids[2])\n    return wc.get_walker()";
    let (_, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 60 }));
    assert_eq!(
        body["walker"]["muscles"][0],
        json!([1, 0, { "type": "distance", "amplitude": 0.0, "phase": 0.0 }])
    );
}

#[test]
fn what_has_items_and_no_length_comes_back_as_a_list() {
    let address = server(Bounds::default(), None);
    for (value, said) in [
        ("range(3)", "[0, 1, 2]"),
        ("(x * x for x in range(3))", "[0, 1, 4]"),
        ("map(str, [1])", "['1']"),
        ("'text'", "'text'"),
        ("(1, 2)", "(1, 2)"),
    ] {
        let puzzle = json!({ "code": format!("def g6(): return {value}"), "timeout": 60 });
        let (status, body) = post(address, "/eval_p3_solution", &puzzle);
        assert_eq!((status, &body["result_obj"]), (200, &json!(said)), "{value}");
    }
}

#[test]
fn a_hundred_and_fifty_single_posts_at_once_are_all_answered() {
    let address = server(Bounds::default(), None);
    let posts: Vec<_> = (0..150)
        .map(|number| {
            std::thread::spawn(move || {
                let code = format!("def g6(): return {number}");
                post(address, "/eval_p3_solution", &json!({ "code": code, "timeout": 60 }))
            })
        })
        .collect();
    for (number, posted) in posts.into_iter().enumerate() {
        let (status, body) = posted.join().unwrap();
        assert_eq!((status, &body["result_obj"]), (200, &json!(number.to_string())));
    }
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
fn no_character_that_commands_a_terminal_is_in_an_answer() {
    let address = server(Bounds::default(), None);
    let hostile = "\u{7f}\u{9b}31m\u{202e}\u{2066}\u{61c}\u{2028}";
    let quiet = |path: &str, body: &Json| {
        let (status, text) = raw(address, &request("POST", path, TYPED, &body.to_string()));
        assert!(!text.contains(samara_search::commanding::commands), "{text:?}");
        (status, serde_json::from_str::<Json>(&text).unwrap())
    };
    let program = format!("def f():\n    print('{hostile}')\n    return {{'{hostile}': '{hostile}'}}");
    let (status, body) = quiet("/v1/run", &json!({ "program": program, "entry": "f" }));
    assert_eq!(
        (status, &body["value"][hostile], &body["stdout"]),
        (200, &json!(hostile), &json!(format!("{hostile}\n")))
    );
    let raises = format!("def f(): raise ValueError('{hostile}')");
    let (status, body) = quiet("/v1/run", &json!({ "program": raises, "entry": "f" }));
    assert_eq!((status, &body["message"]), (200, &json!(hostile)), "{body}");
    let (status, body) = quiet("/v1/run", &json!({ "program": "", "entry": "f", hostile: 1 }));
    assert!(status == 400 && body["error"].as_str().unwrap().contains(hostile), "{body}");
    let (status, body) = quiet("/eval_p3_solution", &json!({ "code": program, "func_name": "f" }));
    assert_eq!((status, &body["program_str"]), (200, &json!(program)));
    let (status, body) = quiet("/eval_p3_solution", &json!({ "code": [program], "func_name": "f" }));
    assert_eq!((status, &body[0]["program_str"]), (200, &json!(program)));
}

#[test]
fn a_client_that_has_nothing_more_to_send_is_answered() {
    let address = server(Bounds::default(), None);
    let send = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let program = "import time\ndef f():\n    time.sleep(0.5)\n    return 'awake'";
    let job = json!({ "program": program, "entry": "f" }).to_string();
    let answer = send(&request("POST", "/v1/run", TYPED, &job));
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"awake\""), "{answer}");
    let list = json!({ "code": [program, program], "func_name": "f" }).to_string();
    let answer = send(&request("POST", "/eval_p3_solution", TYPED, &list));
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.matches("\"result_obj\":\"'awake'\"").count() == 2,
        "{answer}"
    );
    // Nothing waits for the rest of what is cut off, or for a next request.
    let whole = request("POST", "/v1/run", TYPED, &job);
    assert!(!send(&whole[..whole.len() - 1]).contains("awake"));
    let kept = String::from_utf8(whole).unwrap().replace("Connection: close\r\n", "");
    assert!(send(kept.as_bytes()).contains("awake"));
    assert_eq!(send(b""), "");
    until(address, "samara_sandbox_connections{state=\"served\"} 0");
}

#[test]
fn a_method_that_a_route_does_not_take_is_told_the_one_that_it_takes() {
    let address = server(Bounds::default(), None);
    for (method, path, takes) in [
        ("DELETE", "/metrics", "GET"),
        ("POST", "/metrics", "GET"),
        ("PUT", "/health", "GET"),
        ("POST", "/health", "GET"),
        ("GET", "/v1/run", "POST"),
        ("DELETE", "/gen_racer", "POST"),
        ("GET", "/eval_imageoptim_func", "POST"),
        ("PATCH", "/eval_p3_solution", "POST"),
    ] {
        let (status, body) = raw(address, &request(method, path, "", ""));
        let said = format!("{{\"error\":\"{path} takes {takes}\"}}");
        assert_eq!((status, body), (405, said), "{method} {path}");
    }
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
    let kind = "Content-Type: application/jsonx\r\n";
    assert_eq!(raw(address, &request("POST", "/v1/run", kind, "{}")).0, 415);
    let gzip = format!("{typed}Content-Encoding: gzip\r\n");
    assert_eq!(raw(address, &request("POST", "/v1/run", &gzip, "{}")).0, 415);
    assert_eq!(raw(address, &request("GET", "/v1/run", "", "")).0, 405);
    assert_eq!(raw(address, &request("POST", "/nowhere", typed, "{}")).0, 404);
    assert_eq!(raw(address, &request("POST", "/eval_imageoptim_func", typed, "{\"code\": \"\"}")).0, 400);
    assert_eq!(raw(address, b"nonsense\r\n\r\n").0, 400);
    // The connection is closed while the head still comes: the answer may be lost on its way.
    let long = request("POST", "/v1/run", &format!("X: {}\r\n", "x".repeat(300_000)), "");
    assert!(matches!(raw(address, &long).0, 0 | 431));
    let lies =
        format!("POST /v1/run HTTP/1.1\r\nHost: localhost\r\n{typed}Content-Length: 99999999999\r\n\r\n{{");
    assert_eq!(raw(address, lies.as_bytes()).0, 413);
}

#[test]
fn clients_that_are_slow_are_sent_away() {
    let typed = "Content-Type: application/json\r\n";
    let bounds = Bounds { read_timeout: Duration::from_millis(500), ..Bounds::default() };
    let address = server(bounds, None);
    let slow = format!(
        "POST /v1/run HTTP/1.1\r\nHost: localhost\r\n{typed}Content-Length: 100\r\nConnection: close\r\n\r\n{{"
    );
    assert_eq!(raw(address, slow.as_bytes()).0, 408);
    // A head that never ends: hyper closes the connection, or answers 408.
    assert!(matches!(raw(address, b"GET /health HTTP/1.1\r\nHost:").0, 0 | 408));
    // A body that drips: its whole must be there in time, not its next byte.
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("POST /v1/run HTTP/1.1\r\nHost: localhost\r\n{typed}Content-Length: 100000\r\n\r\n");
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

/// A server with one fork server, until the sender sends; then it tells whether all requests were answered.
fn stoppable(
    grace: Duration,
) -> (tokio::runtime::Runtime, SocketAddr, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<bool>) {
    let options = SandboxOptions { servers: 1, minimum: Tier::Process, ..SandboxOptions::default() };
    let bounds = Bounds { grace, ..Bounds::default() };
    let app = Arc::new(App::new(Sandbox::start(&options).unwrap(), bounds, Access::default()).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, told) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(serve(listener, app, async { drop(told.await) }));
    (runtime, address, stop, serving)
}

/// Stops a server while a program sleeps for so long; the client's status, and whether all requests were answered.
fn stopped(sleep: f64, grace: Duration) -> (u16, bool) {
    let (runtime, address, stop, serving) = stoppable(grace);
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
    assert_eq!(stopped(50.0, Duration::from_millis(100)), (0, false), "to wait would be (200, true)");
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
        ("0, 1, 5.0", 5.0, 0.0),
        ("0, 1, amplitude=5.0, phase=0.5", 5.0, 0.5),
        ("j0=0, j1=1, phase=0.5, amplitude=Fraction(5)", 5.0, 0.5),
    ] {
        let code = format!(
            "from fractions import Fraction\nfrom openelm.environments.sodaracer.walker.walk_creator import walker_creator\ndef make_walker():\n    w = walker_creator()\n    w.add_joint(0, 0)\n    w.add_joint(1, 1)\n    w.add_muscle({call})\n    return w.get_walker()"
        );
        let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 60 }));
        assert_eq!(status, 200, "{call}: {body}");
        let muscle = &body["result_obj"]["muscles"][0];
        assert_eq!(
            (muscle[2]["amplitude"].as_f64(), muscle[2]["phase"].as_f64()),
            (Some(amplitude), Some(phase)),
            "{call}"
        );
    }
}

const TYPED: &str = "Content-Type: application/json\r\n";

/// Waits until the server's metrics have a line.
fn until(address: SocketAddr, line: &str) {
    let begin = Instant::now();
    while !raw(address, &request("GET", "/metrics", "", "")).1.lines().any(|found| found == line) {
        assert!(begin.elapsed() < Duration::from_secs(60), "there is never {line}");
    }
}

fn healthy(address: SocketAddr) -> bool {
    raw(address, &request("GET", "/health", "", "")).0 == 200
}

/// A client that sends the head of a post with so many bytes of body, and then nothing.
fn unfinished(address: SocketAddr, headers: &str, length: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head =
        format!("POST /v1/run HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Whether the server closes a connection, whatever it says before.
fn closed(mut stream: TcpStream) -> bool {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest) {
        Ok(_) => true,
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_page_whose_name_was_made_to_lead_here_runs_nothing() {
    let access = Access { names: vec!["box.example".to_owned()], ..Access::default() };
    let address = server_for(Bounds::default(), access);
    let job = "{\"program\": \"def f(): return 1\", \"entry\": \"f\"}";
    let ask = |host: &str, headers: &str| {
        let length = job.len();
        raw(address, format!("POST /v1/run HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{TYPED}{headers}Content-Length: {length}\r\n\r\n{job}").as_bytes())
    };
    assert_eq!(ask("evil.example:5000", "Origin: http://evil.example:5000\r\n").0, 403);
    let (status, said) = ask("evil.example", "");
    assert!(status == 403 && said.contains("--host-name"), "{said}");
    assert_eq!(ask("localhost:5000", "Origin: http://evil.example\r\n").0, 403);
    assert_eq!(ask("localhost:5000", "Origin: null\r\n").0, 403);
    let both = "Origin: http://localhost:5000\r\nOrigin: http://evil.example\r\n";
    assert_eq!(ask("localhost:5000", both).0, 403);
    assert_eq!(ask("[127.0.0.1].evil.example", "").0, 403);
    assert_eq!(ask("localhost", "Host: localhost\r\n").0, 400);
    assert_eq!(ask("localhost:5000", "Origin: http://localhost:5000\r\n").0, 200);
    assert_eq!(ask("127.0.0.1", "").0, 200);
    assert_eq!(ask("[::1]:80", "").0, 200);
    assert_eq!(ask("box.example", "").0, 200);
}

#[test]
fn a_client_without_the_token_is_refused_before_its_body_is_read() {
    let bounds = Bounds { read_timeout: Duration::from_secs(600), connections: 1, ..Bounds::default() };
    let address = server(bounds, Some("secret"));
    let strangers: Vec<_> = (0..20).map(|_| unfinished(address, TYPED, 4 << 20)).collect();
    for mut stranger in strangers {
        let mut answer = [0; 12];
        stranger.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
        assert!(closed(stranger), "it holds no place");
    }
    assert!(healthy(address));
}

#[test]
fn idle_connections_make_room_for_those_that_come() {
    let bounds = Bounds { waiting: 4, read_timeout: Duration::from_secs(600), ..Bounds::default() };
    let address = server(bounds, None);
    let idle: Vec<_> = (0..20).map(|_| TcpStream::connect(address).unwrap()).collect();
    assert!(healthy(address));
    // The last of them may still be there.
    assert!(idle.into_iter().take(15).all(closed));
}

#[test]
fn requests_beyond_the_connections_that_are_served_are_refused_and_health_is_answered() {
    let bounds = Bounds { connections: 1, read_timeout: Duration::from_secs(600), ..Bounds::default() };
    let address = server(bounds, None);
    let held = unfinished(address, TYPED, 100);
    until(address, "samara_sandbox_connections{state=\"served\"} 1");
    let job = json!({ "program": "def f(): return 1", "entry": "f" });
    assert_eq!(post(address, "/v1/run", &job).0, 503);
    assert!(healthy(address));
    drop(held);
    until(address, "samara_sandbox_connections{state=\"served\"} 0");
    assert_eq!(post(address, "/v1/run", &job).0, 200);
}

#[test]
fn bodies_beyond_the_memory_budget_are_told_to_try_again() {
    let bounds = Bounds { read_timeout: Duration::from_secs(600), ..Bounds::default() };
    let address = server(bounds, None);
    // Three tenths of 256 MiB have room for 19.
    let held: Vec<_> = (0..19).map(|_| unfinished(address, TYPED, 4 << 20)).collect();
    until(address, &format!("samara_sandbox_memory_bytes{{pool=\"asked\"}} {}", 76 << 20));
    let job = json!({ "program": "def f(): return 1", "entry": "f" }).to_string();
    let mut stream = unfinished(address, &format!("{TYPED}Connection: close\r\n"), 1 << 20);
    // The whole of it, so that a client which does not look up while it sends sees its answer.
    stream.write_all(&vec![b' '; 1 << 20]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1"), "{answer}");
    assert!(healthy(address));
    drop(held);
    until(address, "samara_sandbox_memory_bytes{pool=\"asked\"} 0");
    assert_eq!(raw(address, &request("POST", "/v1/run", TYPED, &job)).0, 200);
}

#[test]
fn arguments_that_would_grow_beyond_their_bound_are_refused() {
    let address = server(Bounds::default(), None);
    for piece in ["0", "[]", "{\"a\":0}", "{\"$tuple\":[]}"] {
        let count = (4_000_000 / (piece.len() + 1)).min(1_000_000);
        let body = format!(
            "{{\"program\": \"\", \"entry\": \"f\", \"arguments\": [[{}{piece}]]}}",
            format!("{piece},").repeat(count)
        );
        let (status, said) = raw(address, &request("POST", "/v1/run", TYPED, &body));
        assert!(status == 400 && said.contains("more than 200000 values"), "{piece}: {status} {said}");
    }
    until(address, "samara_sandbox_memory_bytes{pool=\"asked\"} 0");
}

#[test]
fn a_list_is_answered_until_its_answers_are_too_long_and_the_rest_says_so() {
    let address = server(Bounds { output: 10_000, ..Bounds::default() }, None);
    let code = "def f(): return 'x' * 4000";
    let list = json!({ "code": [code, code, code, "def f(): return 1"], "func_name": "f" });
    let (status, body) = post(address, "/eval_p3_solution", &list);
    assert_eq!(status, 200);
    let results: Vec<bool> =
        body.as_array().unwrap().iter().map(|entry| entry["result_obj"].is_string()).collect();
    assert_eq!(results, [true, true, false, false]);
    let (rest, error) =
        (&body[3], "the answers to this list are longer than 10000 bytes: send shorter lists");
    assert_eq!((&rest["unsafe_execute_error_code"], &rest["error"]), (&json!(6), &json!(error)));
    assert_eq!(
        post(address, "/eval_p3_solution", &json!({ "code": [], "func_name": "f" })),
        (200, json!([]))
    );
    let long = json!({ "code": "def f(): return 'x' * 20000", "func_name": "f" });
    let (status, body) = post(address, "/eval_p3_solution", &long);
    assert_eq!((status, &body["unsafe_execute_error_code"]), (500, &json!(6)), "{body}");
    until(address, "samara_sandbox_memory_bytes{pool=\"answers\"} 0");
    until(address, "samara_sandbox_memory_bytes{pool=\"running\"} 0");
}

#[test]
fn a_program_that_can_not_be_sent_costs_a_list_only_its_own_entry() {
    let address = server(Bounds::default(), None);
    let long = "#".repeat((1 << 20) + 1);
    let list = json!({ "code": [long, "def f(): return 1"], "func_name": "f" });
    let (status, body) = post(address, "/eval_p3_solution", &list);
    assert_eq!((status, &body[1]["result_obj"]), (200, &json!("1")));
    assert!(body[0]["error"].as_str().unwrap().contains("longer than 1048576"), "{}", body[0]["error"]);
}

#[test]
fn clients_that_never_read_are_cut_and_what_they_held_comes_back() {
    let bounds = Bounds { write_timeout: Duration::from_millis(300), ..Bounds::default() };
    let address = server(bounds, None);
    let codes = vec!["def f(): return bytes(4_000_000)"; 8];
    let list = json!({ "code": codes, "func_name": "f" }).to_string();
    let deaf: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&request("POST", "/eval_p3_solution", TYPED, &list)).unwrap();
            stream
        })
        .collect();
    until(address, "samara_sandbox_queue 3");
    for zero in [
        "queue",
        "memory_bytes{pool=\"answers\"}",
        "memory_bytes{pool=\"running\"}",
        "memory_bytes{pool=\"asked\"}",
    ] {
        until(address, &format!("samara_sandbox_{zero} 0"));
    }
    drop(deaf);
}

#[test]
fn a_walker_of_tens_of_thousands_of_joints_is_none() {
    let address = server(Bounds::default(), None);
    let code = "
from walk_creator import walker_creator
def make_walker():
    w = walker_creator()
    w.joints = [(float(i % 300), float(i // 300)) for i in range(60000)]
    w.muscles = [(0, 1, 1.0, 1.0)]
    return w.get_walker()
";
    let (status, body) = post(address, "/gen_racer", &json!({ "code": code, "timeout": 60 }));
    assert_eq!((status, &body["message"]), (500, &json!("Not walker")));
}

#[test]
fn programs_that_wait_for_their_turn_are_refused_when_the_server_stops() {
    let (runtime, address, stop, serving) = stoppable(Duration::from_secs(600));
    let job =
        |program: &str| json!({ "program": program, "entry": "f", "limits": { "wall_seconds": 100.0 } });
    let slow = job("import time\ndef f(): time.sleep(6)");
    let first = std::thread::spawn(move || post(address, "/v1/run", &slow).0);
    until_in_queue(address, 1);
    let list = json!({ "code": vec!["def f(): return 1"; 200], "func_name": "f" });
    let list = std::thread::spawn(move || post(address, "/eval_p3_solution", &list));
    until_in_queue(address, 2);
    let quick = job("def f(): return 1");
    let waiting = std::thread::spawn(move || post(address, "/v1/run", &quick).0);
    until_in_queue(address, 3);
    stop.send(()).unwrap();
    assert!(runtime.block_on(serving).unwrap(), "all were answered");
    assert_eq!((first.join().unwrap(), waiting.join().unwrap()), (200, 503));
    let (status, entries) = list.join().unwrap();
    assert!(
        status == 200 && entries.as_array().unwrap().iter().all(|entry| entry["error"] == "the server stops")
    );
}
