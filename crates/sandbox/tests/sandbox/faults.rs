//! Fork servers that die, at any moment.

use crate::common::{self, CONFINED, shown, until};
use rustix::process::{Pid, Signal, kill_process};
use samara_sandbox::{Ending, Sandbox, SandboxOptions};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Kills a process; it may have gone already.
fn kill(pid: u32) {
    let _ = kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL);
}

fn alive(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn an_idle_fork_server_that_was_killed_is_replaced_unnoticed() {
    common::on_tiers(&CONFINED, |sandbox| {
        let server = sandbox.servers()[0];
        kill(server);
        assert_eq!(shown(&common::run(sandbox, "def main(): return 1").ending), "ok 1");
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
                kill(server);
            });
            let verdict =
                common::run(sandbox, "import time\ndef main():\n    time.sleep(0.02)\n    return 7");
            assert_eq!(shown(&verdict.ending), "ok 7");
            killer.join().unwrap();
        }
    });
}

#[test]
fn servers_killed_at_random_under_many_callers_cost_their_own_programs_at_most_and_the_pool_heals() {
    for tier in CONFINED {
        let options = SandboxOptions { servers: 2, ..common::options(tier) };
        let Some(sandbox) = common::sandbox_of(&options, tier) else { continue };
        let done = AtomicBool::new(false);
        let program = "import time\ndef main(who):\n    time.sleep(0.01)\n    return who";
        let (kills, failed) = std::thread::scope(|scope| {
            let killer = scope.spawn(|| {
                let (mut kills, mut random) = (0, 12345_u32);
                while !done.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    std::thread::sleep(Duration::from_millis(u64::from(random >> 24)));
                    let servers = sandbox.servers();
                    if let Some(server) = servers.get((random >> 8) as usize % 2) {
                        kill(*server);
                        kills += 1;
                    }
                }
                kills
            });
            let caller = |who: i64| {
                let sandbox = &sandbox;
                move || {
                    let mut job = common::job(program);
                    job.arguments = vec![who.into()];
                    let endings = (0..5).map(|_| sandbox.run(&job).unwrap().ending);
                    let wrong = endings.filter(|ending| *ending != Ending::Ok { value: who.into() });
                    wrong.map(|one| assert!(matches!(one, Ending::Failed { .. }), "{one:?}")).count()
                }
            };
            let callers: Vec<_> = (0..4).map(|who| scope.spawn(caller(who))).collect();
            let failed: usize = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
            done.store(true, Ordering::Relaxed);
            (killer.join().unwrap(), failed)
        });
        // A program fails if both of its servers died.
        assert!(kills > 0 && 2 * failed <= kills, "{failed} failed by {kills} kills");
        for _ in 0..4 {
            assert_eq!(shown(&common::run(&sandbox, "def main(): return 1").ending), "ok 1");
        }
    }
}

#[test]
fn a_program_whose_fork_servers_all_die_has_failed_and_the_next_one_runs() {
    common::on_tiers(&CONFINED, |sandbox| {
        let ending = std::thread::scope(|scope| {
            let run = scope.spawn(|| common::run(sandbox, "import time\ndef main(): time.sleep(100)").ending);
            while !run.is_finished() {
                for server in sandbox.servers().into_iter().filter(|server| !children(*server).is_empty()) {
                    kill(server);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            run.join().unwrap()
        });
        assert!(matches!(ending, Ending::Failed { .. }), "{ending:?}");
        assert_eq!(shown(&common::run(sandbox, "def main(): return 1").ending), "ok 1");
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
            until("a program runs", || !children(server).is_empty());
            let child = children(server)[0];
            kill(server);
            until("the child has gone with its server", || !alive(child));
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
    let all = || servers.iter().flat_map(|server| children(*server)).collect::<Vec<u32>>();
    until("each server has a program at work", || all().len() == servers.len());
    let children = all();
    host.kill().unwrap();
    host.wait().unwrap();
    until("nothing outlives the host", || !servers.iter().chain(&children).any(|pid| alive(*pid)));
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

#[test]
fn a_program_that_is_stopped_before_it_began_is_not_taken_for_the_next_one() {
    let hostile = "import ctypes\ndef main(): ctypes.CDLL(None).ptrace(0, 0, 0, 0)";
    common::on_tiers(&CONFINED, |sandbox| {
        for round in 0..60 {
            let mut stopped = common::job(hostile);
            // From before the child exists to after it has ended.
            stopped.limits.wall = Duration::from_micros(10 << (round % 10));
            sandbox.run(&stopped).unwrap();
            assert_eq!(shown(&common::run(sandbox, "def main(): return 'honest'").ending), "ok honest");
        }
    });
}
