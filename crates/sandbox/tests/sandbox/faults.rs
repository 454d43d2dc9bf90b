//! Fork servers that die, at any moment.

use crate::common::{self, CONFINED, shown};
use samara_sandbox::{Outcome, Sandbox};
use std::process::Command;
use std::time::{Duration, Instant};

fn kill(pid: u32, signal: &str) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).output().unwrap();
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_idle_fork_server_that_was_killed_is_replaced_unnoticed() {
    common::on_tiers(&CONFINED, |sandbox| {
        let server = sandbox.servers()[0];
        kill(server, "-KILL");
        assert_eq!(shown(&common::run(sandbox, "def main(): return 1").outcome), "ok 1");
        assert_ne!(sandbox.servers(), [server]);
    });
}

#[test]
fn a_fork_server_killed_at_any_moment_costs_nothing_but_time() {
    common::on_tiers(&CONFINED, |sandbox| {
        for delay in [0, 1, 2, 3, 5, 8, 13, 50] {
            let server = sandbox.servers()[0];
            let killer = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(delay));
                kill(server, "-KILL");
            });
            let verdict =
                common::run(sandbox, "import time\ndef main():\n    time.sleep(0.02)\n    return 7");
            assert_eq!(shown(&verdict.outcome), "ok 7");
            killer.join().unwrap();
        }
    });
}

#[test]
fn a_program_whose_fork_servers_all_die_has_failed_and_the_next_one_runs() {
    common::on_tiers(&CONFINED, |sandbox| {
        let outcome = std::thread::scope(|scope| {
            let run = scope.spawn(|| common::run(sandbox, "import time\ndef main(): time.sleep(3)").outcome);
            while !run.is_finished() {
                for server in sandbox.servers().into_iter().filter(|server| !children(*server).is_empty()) {
                    kill(server, "-KILL");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            run.join().unwrap()
        });
        assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
        assert_eq!(shown(&common::run(sandbox, "def main(): return 1").outcome), "ok 1");
    });
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let pids = lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>());
    pids.collect()
}

#[test]
fn a_child_ends_with_its_fork_server() {
    common::on_tiers(&CONFINED, |sandbox| {
        let server = sandbox.servers()[0];
        std::thread::scope(|scope| {
            let run = scope.spawn(|| common::run(sandbox, "import time\ndef main(): time.sleep(1)\n"));
            let begin = Instant::now();
            let child = loop {
                if let Some(child) = children(server).first() {
                    break *child;
                }
                assert!(begin.elapsed() < Duration::from_secs(5));
            };
            std::thread::sleep(Duration::from_millis(100));
            kill(server, "-KILL");
            let begin = Instant::now();
            while alive(child) {
                assert!(begin.elapsed() < Duration::from_secs(2), "the child outlives its server");
            }
            run.join().unwrap();
        });
    });
}

#[test]
fn dropping_a_sandbox_ends_its_servers() {
    for tier in CONFINED {
        let Some(sandbox) = common::sandbox(tier) else { continue };
        let servers = sandbox.servers();
        drop(sandbox);
        assert!(servers.iter().all(|server| !alive(*server)));
    }
}

#[test]
fn servers_end_when_the_host_is_killed() {
    let exe = std::env::current_exe().unwrap();
    let mut host = Command::new(exe)
        .args(["--exact", "faults::be_a_host_that_is_killed", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(host.stdout.take().unwrap()));
    let servers = lines.find_map(|line| line.unwrap().strip_prefix("SERVERS").map(str::to_owned)).unwrap();
    let servers: Vec<u32> = servers.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    std::thread::sleep(Duration::from_millis(300));
    let children: Vec<u32> = servers.iter().flat_map(|server| children(*server)).collect();
    assert_eq!(children.len(), servers.len(), "each server has a program at work");
    host.kill().unwrap();
    host.wait().unwrap();
    let begin = Instant::now();
    while servers.iter().chain(&children).any(|pid| alive(*pid)) {
        assert!(begin.elapsed() < Duration::from_secs(5), "something outlives the host");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "a child process of servers_end_when_the_host_is_killed"]
fn be_a_host_that_is_killed() {
    let sandboxes: Vec<Sandbox> = CONFINED.iter().filter_map(|tier| common::sandbox(*tier)).collect();
    let servers: Vec<String> =
        sandboxes.iter().flat_map(|sandbox| sandbox.servers()).map(|pid| pid.to_string()).collect();
    std::thread::scope(|scope| {
        for sandbox in &sandboxes {
            scope.spawn(|| common::run(sandbox, "import time\ndef main(): time.sleep(1000)"));
        }
        println!("\nSERVERS {}", servers.join(" "));
    });
}
