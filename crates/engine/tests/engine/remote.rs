//! Programs on a server with OpenELM's routes end as they do here.

#![cfg(target_os = "linux")]

use samara_engine::{Bench, Programs, SandboxSettings};
use samara_sandbox::{Ending, Job, Sandbox, SandboxOptions, Tier, Value, text::Repr};
use samara_testing::server::{Action, Server, ok};
use serde_json::json;

/// A server that runs the function of a program, and shows its value as Python writes it.
fn openelm() -> Server {
    // The programs are this test's own: a machine without Landlock can run it as well.
    let options = SandboxOptions { minimum: Tier::Process, servers: 1, ..SandboxOptions::default() };
    let sandbox = Sandbox::start(&options).unwrap();
    Server::start(move |request| {
        let text = |key: &str| request.body[key].as_str().unwrap_or_default().to_owned();
        let reply = |status, body: String| Action::Reply(status, String::new(), body);
        if !request.path.ends_with("/eval_p3_solution") {
            return reply(404, "<html>".to_owned());
        }
        let seconds = request.body["timeout"].as_f64().unwrap();
        let mut job = Job::new(text("code"), text("func_name"));
        job.limits.cpu = std::time::Duration::from_secs_f64(seconds);
        match sandbox.run(&job).unwrap().ending {
            Ending::Ok { value } => ok(&json!({"program_str": "", "result_obj": Repr(&value).to_string()})),
            Ending::Timeout { .. } => {
                reply(500, json!({"unsafe_execute_error_code": "TIMEOUT_EXCEPTION"}).to_string())
            }
            _ => reply(500, json!({"unsafe_execute_error_code": 6}).to_string()),
        }
    })
}

fn ending(programs: &Programs, job: &Job) -> Ending {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut bench = Bench::new(Some(programs.clone()), 7);
    let Job { program, entry, prelude, arguments, .. } = job.clone();
    runtime.block_on(async {
        let job = Job { prelude, arguments, ..bench.job(program, entry).unwrap() };
        bench.execute(job).await.unwrap().ending
    })
}

#[test]
fn programs_on_a_server_with_openelms_routes_end_as_they_do_here() {
    let server = openelm();
    let settings = SandboxSettings {
        tier: None,
        minimum_tier: Tier::Process,
        trust_code: true,
        servers: Some(1),
        cpu_s: 20.0,
        ..SandboxSettings::default()
    };
    let here = Programs::start(&settings).unwrap();
    let there = Programs::start(&SandboxSettings { server: Some(server.url.clone()), ..settings }).unwrap();
    for program in [
        "def f(x): return x",
        "def f(x): return [1, 2.5, True, None, 'é\\'\\n', b'\\x00', (1,), {1: 'a', 'b': [-0.0]}, 10**30]",
        "def f(x): return float('nan') != float('nan'), float('inf'), HELPER",
        "import random\ndef f(x): return random.random()",
        "import collections\ndef f(x): return range(3), iter([1]), {1: 2}.values(), collections.Counter('aa')",
        "def f(x): return {}[x]",
        "def f(x): return 1 + 'a'",
        "def f(x): raise KeyError(3)",
        "def g(x): return x",
        "def f(",
        "x = 1 / 0\ndef f(x): return x",
    ] {
        let arguments = vec![Value::Tuple(vec![Value::from("it's"), Value::Float(f64::INFINITY)])];
        let job = Job { prelude: "HELPER = 3\n".to_owned(), arguments, ..Job::new(program, "f") };
        assert_eq!(ending(&there, &job), ending(&here, &job), "{program}");
    }
}
