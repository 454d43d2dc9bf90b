//! Every limit has a fate of its own, and nothing is left when it is reached.

use crate::common::{Bed, bed, job, shown};
use samara_sandbox::{EvaluationJob, EvaluationLimits, EvaluationVerdict};
use std::time::Duration;

/// Python text of an `evaluate` with these lines.
fn text(lines: &str) -> String {
    let lines = lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("import os, signal, subprocess, sys, time\ndef evaluate(request):\n{lines}")
}

fn run(bed: &Bed, lines: &str, change: impl FnOnce(&mut EvaluationLimits)) -> EvaluationVerdict {
    let mut job: EvaluationJob = job(&text(lines));
    change(&mut job.limits);
    bed.run(&job)
}

fn fate(bed: &Bed, lines: &str, change: impl FnOnce(&mut EvaluationLimits)) -> String {
    shown(&run(bed, lines, change).ending)
}

fn soon(limits: &mut EvaluationLimits) {
    limits.wall = Duration::from_secs(1);
}

fn little_cpu(limits: &mut EvaluationLimits) {
    limits.cpu = Duration::from_millis(300);
}

#[test]
fn one_that_sleeps_runs_out_of_time_on_the_wall() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "time.sleep(1000)", soon), "time wall");
    assert_eq!(fate(&bed, "subprocess.run(['sleep', '1000'])", soon), "time wall");
    assert_eq!(
        fate(&bed, "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 60)); time.sleep(1000)", soon),
        "time wall"
    );
}

#[test]
fn what_was_printed_before_the_limit_is_kept() {
    let Some(bed) = bed() else { return };
    let verdict = run(&bed, "print('so far')\nsubprocess.run(['sleep', '1000'])", soon);
    assert_eq!((&*shown(&verdict.ending), &*verdict.stdout), ("time wall", "so far\n"));
}

#[test]
fn one_that_hangs_runs_out_of_cpu_time() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "while True: pass", little_cpu), "time cpu");
}

#[test]
fn cpu_time_is_that_of_all_processes_waited_for_or_not() {
    let Some(bed) = bed() else { return };
    let burn = "[sys.executable, '-c', 'while True: pass']";
    assert_eq!(fate(&bed, &format!("subprocess.run({burn})"), little_cpu), "time cpu");
    assert_eq!(
        fate(
            &bed,
            &format!("for _ in range(3): subprocess.Popen({burn}, start_new_session=True)\ntime.sleep(1000)"),
            little_cpu
        ),
        "time cpu"
    );
    // Many short ones, which the evaluation waits for.
    let short = "[sys.executable, '-c', 'x = [i for i in range(100000)]']";
    assert_eq!(fate(&bed, &format!("while True: subprocess.run({short})"), little_cpu), "time cpu");
    // Many short ones, which nobody waits for.
    let short = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    if os.fork() == 0:\n        for _ in range(3000000): pass\n        os._exit(0)\n    time.sleep(0.1)";
    assert_eq!(fate(&bed, short, little_cpu), "time cpu");
    // Many short ones, whose parents leave them to process 1.
    let orphans = "while True:\n    if os.fork() == 0:\n        if os.fork() == 0:\n            for _ in range(300000): pass\n        os._exit(0)\n    os.wait()\n    time.sleep(0.01)";
    assert_eq!(fate(&bed, orphans, little_cpu), "time cpu");
}

#[test]
fn memory_is_that_of_all_processes() {
    let Some(bed) = bed() else { return };
    let less = |limits: &mut EvaluationLimits| limits.memory = 200 << 20;
    assert_eq!(fate(&bed, "x = bytearray(400 << 20)\ntime.sleep(1000)", less), "memory");
    let children = "for _ in range(4):\n    if os.fork() == 0:\n        x = bytearray(80 << 20)\n        time.sleep(1000)\ntime.sleep(1000)";
    assert_eq!(fate(&bed, children, less), "memory");
    let shared = "with open('/dev/shm/x', 'wb') as file:\n    for _ in range(190): file.write(bytes(1 << 20))\nx = bytearray(60 << 20)\ntime.sleep(1000)";
    assert_eq!(fate(&bed, shared, less), "memory");
    // Far more than there can be is refused at once.
    assert_eq!(fate(&bed, "x = bytearray(1 << 40)", less), "raised MemoryError");
}

#[test]
fn memory_that_processes_share_is_counted_once() {
    let Some(bed) = bed() else { return };
    let lines = "x = bytearray(120 << 20)\npids = []\nfor _ in range(4):\n    pid = os.fork()\n    if pid == 0:\n        time.sleep(0.5)\n        os._exit(0)\n    pids.append(pid)\nfor pid in pids: os.waitpid(pid, 0)\nreturn 'enough'";
    assert_eq!(fate(&bed, lines, |limits| limits.memory = 250 << 20), "returned \"enough\"");
}

#[test]
fn memory_that_belongs_to_no_process_can_not_be_had() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "os.memfd_create('x')", |_| ()), "raised PermissionError");
    let lines = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nreturn [libc.shmget(0, 1 << 20, 0o1600), ctypes.get_errno(), libc.msgget(0, 0o1600), ctypes.get_errno(), libc.semget(0, 9, 0o1600), ctypes.get_errno()]";
    assert_eq!(fate(&bed, lines, |_| ()), "returned [-1, 1, -1, 1, -1, 1]");
}

#[test]
fn a_fork_bomb_has_too_many_processes() {
    let Some(bed) = bed() else { return };
    let bomb = "while True:\n    try: os.fork()\n    except OSError: time.sleep(0.01)";
    assert_eq!(fate(&bed, bomb, |_| ()), "processes");
    let sessions =
        "while True:\n    try:\n        if os.fork() == 0: os.setsid()\n    except OSError: time.sleep(0.01)";
    assert_eq!(fate(&bed, sessions, |_| ()), "processes");
    let threads = "import threading\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n    except RuntimeError: time.sleep(0.01)";
    assert_eq!(fate(&bed, threads, |_| ()), "processes");
}

#[test]
fn as_many_processes_as_allowed_are_no_offence() {
    let Some(bed) = bed() else { return };
    let lines = "all = [subprocess.Popen(['sleep', '0.3']) for _ in range(19)]\n[one.wait() for one in all]\nreturn len(all)";
    assert_eq!(fate(&bed, lines, |limits| limits.processes = 20), "returned 19");
}

#[test]
fn one_that_prints_without_end_is_ended_by_its_output() {
    let Some(bed) = bed() else { return };
    let floods = [
        "line = 'x' * 99999\nfor _ in range(10000): print(line)",
        "line = 'x' * 99999\nfor _ in range(10000): print(line, file=sys.stderr)",
        "subprocess.run(['yes'])",
        "subprocess.Popen('yes >&2', shell=True, start_new_session=True)\ntime.sleep(1000)",
    ];
    for flood in floods {
        let verdict = run(&bed, flood, |_| ());
        assert_eq!(shown(&verdict.ending), "output", "{flood}");
        assert_eq!(verdict.stdout.len().max(verdict.stderr.len()), 64 << 10);
    }
    // As much as allowed, and one byte more.
    assert_eq!(fate(&bed, "print('x' * (1 << 16), end='')\nreturn 1", |_| ()), "returned 1");
    assert_eq!(fate(&bed, "print('x' * (1 << 16))\nreturn 1", |_| ()), "output");
}

#[test]
fn files_fill_their_own_disk_and_no_more() {
    let Some(bed) = bed() else { return };
    let fill = "try:\n    with open('/tmp/big', 'wb') as file:\n        while True: file.write(bytes(1 << 20))\nexcept OSError as error: how = error.errno\nreturn how in (27, 28)";
    assert_eq!(fate(&bed, fill, |_| ()), "returned true");
    let many = "try:\n    for n in range(1 << 20): open(f'/tmp/{n}', 'w').close()\nexcept OSError as error: how = error.errno\nreturn how";
    assert_eq!(fate(&bed, many, |_| ()), "returned 28");
    let fallocate = "f = os.open('/tmp/x', os.O_CREAT | os.O_RDWR)\ntry: os.posix_fallocate(f, 0, 1 << 40)\nexcept OSError as error: return error.errno in (27, 28)";
    assert_eq!(fate(&bed, fallocate, |_| ()), "returned true");
}

#[test]
fn a_result_that_is_too_large_is_told_from_one_that_is_not() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "return 'x' * (2 << 20)", |_| ()), "result");
    // It says that more will come than is allowed, past the harness.
    let forged = "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Link': os.write(one.file, b'R\\xff\\xff\\xff\\x7f' + b'x' * 1000)\ntime.sleep(1000)";
    assert_eq!(fate(&bed, forged, |_| ()), "result");
    let json = fate(&bed, "return 'x' * 1000000", |_| ());
    assert_eq!(json.len(), "returned ".len() + 1_000_002);
}
