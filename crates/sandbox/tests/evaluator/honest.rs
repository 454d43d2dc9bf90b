//! What evaluators do that mean no harm, all of which must work.

use crate::common::{Bed, alive, bed, folder, job, options, returned, shown, start, until};
use samara_sandbox::EvaluationEnding;

/// Python text that returns the value of an expression after some lines.
fn text(lines: &str, value: &str) -> String {
    let lines = lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!("def evaluate(request):\n{lines}    return {value}\n")
}

fn value(bed: &Bed, lines: &str, expression: &str) -> String {
    bed.value(&text(lines, expression))
}

#[test]
fn an_evaluation_gets_its_request_and_files_and_returns_json() {
    let Some(bed) = bed() else { return };
    let mut job = job(
        "import helper\ndef evaluate(request): return {'x': request['a'] + helper.ONE, 'nan': float('nan')}",
    );
    job.files.push(("pkg/deep/data.txt".to_owned(), b"deep".to_vec()));
    job.files
        .push(("helper.py".to_owned(), b"ONE = open('/tmp/candidate/pkg/deep/data.txt').read()".to_vec()));
    job.request = r#"{"a": "b-"}"#.to_owned();
    let harness = "import sys\nsys.path.insert(0, '/tmp/candidate')\ndef evaluate(request):\n    import main\n    return main.evaluate(request)";
    let evaluators = start(&options(harness, bed.folder.path())).unwrap();
    let verdict = evaluators.run(&job, &mut crate::common::no_calls).unwrap();
    assert_eq!(returned(verdict), r#"{"x": "b-deep", "nan": NaN}"#);
}

#[test]
fn processes_are_started_and_waited_for() {
    let Some(bed) = bed() else { return };
    let lines = "import subprocess, sys";
    assert_eq!(
        value(
            &bed,
            lines,
            "subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True).stdout"
        ),
        "\"42\\n\""
    );
}

#[test]
fn a_shell_and_its_pipes_work() {
    let Some(bed) = bed() else { return };
    let lines = "import subprocess";
    assert_eq!(
        value(&bed, lines, "subprocess.check_output('echo one two | wc -w', shell=True, text=True).strip()"),
        "\"2\""
    );
}

#[test]
fn a_started_interpreter_has_the_same_packages() {
    let Some(bed) = bed() else { return };
    let lines = "import subprocess, sys";
    assert_eq!(
        value(
            &bed,
            lines,
            "subprocess.run([sys.executable, '-c', 'import sys; print(sys.prefix)'], capture_output=True, text=True).stdout.strip() == sys.prefix"
        ),
        "true"
    );
}

#[test]
fn pools_of_processes_that_fork_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing",
        "with multiprocessing.get_context('fork').Pool(2) as pool:",
        "    squares = pool.map(abs, [-1, -2, -3])",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "squares"), "[1, 2, 3]");
}

#[test]
fn pools_of_processes_that_spawn_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing",
        "with multiprocessing.get_context('spawn').Pool(2) as pool:",
        "    squares = pool.map(abs, [-1, -2, -3])",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "squares"), "[1, 2, 3]");
}

#[test]
fn pools_of_a_fork_server_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing",
        "with multiprocessing.get_context('forkserver').Pool(2) as pool:",
        "    squares = pool.map(abs, [-1, -2, -3])",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "squares"), "[1, 2, 3]");
}

#[test]
fn queues_between_processes_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing",
        "c = multiprocessing.get_context('fork')",
        "queue = c.Queue()",
        "worker = c.Process(target=lambda: queue.put('from afar'))",
        "worker.start()",
        "words = queue.get()",
        "worker.join()",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "[words, worker.exitcode]"), "[\"from afar\", 0]");
}

#[test]
fn managers_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing",
        "with multiprocessing.Manager() as manager:",
        "    shared = manager.dict()",
        "    shared['a'] = 1",
        "    copy = dict(shared)",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "copy"), "{\"a\": 1}");
}

#[test]
fn memory_that_processes_share_works() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import multiprocessing, multiprocessing.shared_memory as m",
        "block = m.SharedMemory(create=True, size=100)",
        "block.buf[0] = 7",
        "again = m.SharedMemory(name=block.name)",
        "first = again.buf[0]",
        "again.close()",
        "block.close()",
        "block.unlink()",
        "value = multiprocessing.Value('i', 3)",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "[first, value.value]"), "[7, 3]");
}

#[test]
fn executors_of_processes_and_threads_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import concurrent.futures as f",
        "with f.ProcessPoolExecutor(2) as p, f.ThreadPoolExecutor(2) as t:",
        "    both = [list(p.map(abs, [-1, -2])), list(t.map(abs, [-3]))]",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "both"), "[[1, 2], [3]]");
}

#[test]
fn threads_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import threading",
        "found = []",
        "threads = [threading.Thread(target=found.append, args=(n,)) for n in range(8)]",
        "[t.start() for t in threads]",
        "[t.join() for t in threads]",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "sorted(found)"), "[0, 1, 2, 3, 4, 5, 6, 7]");
}

#[test]
fn coroutines_and_their_processes_work() {
    let Some(bed) = bed() else { return };
    let lines = ["import asyncio, sys", "async def main():", "    p = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(5)', stdout=asyncio.subprocess.PIPE)", "    out, _ = await p.communicate()", "    await asyncio.sleep(0.01)", "    return out.decode().strip()", "said = asyncio.run(main())"].join("\n");
    assert_eq!(value(&bed, &lines, "said"), "\"5\"");
}

#[test]
fn a_timeout_of_a_started_process_ends_it() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import subprocess, sys",
        "try:",
        "    subprocess.run([sys.executable, '-c', 'import time; time.sleep(1000)'], timeout=0.3)",
        "    how = 'ended'",
        "except subprocess.TimeoutExpired:",
        "    how = 'timeout'",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "how"), "\"timeout\"");
}

#[test]
fn temporary_files_work_and_are_programs_if_wanted() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import os, subprocess, tempfile",
        "with tempfile.TemporaryDirectory() as folder:",
        "    path = os.path.join(folder, 'run')",
        "    with open(path, 'w') as file:",
        "        file.write('#!/bin/sh\\necho ran\\n')",
        "    os.chmod(path, 0o700)",
        "    said = subprocess.check_output([path], text=True)",
        "with tempfile.NamedTemporaryFile('w', suffix='.py') as file:",
        "    name = file.name",
    ]
    .join("\n");
    assert_eq!(
        value(&bed, &lines, "[said, os.path.dirname(name), os.path.exists(folder)]"),
        "[\"ran\\n\", \"/tmp\", false]"
    );
}

#[test]
fn databases_in_files_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import sqlite3",
        "base = sqlite3.connect('/tmp/x.db')",
        "base.execute('create table t (a)')",
        "base.execute('insert into t values (5)')",
        "base.commit()",
        "rows = base.execute('select a from t').fetchall()",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "rows"), "[[5]]");
}

#[test]
fn an_evaluator_s_files_are_read_where_they_are() {
    let Some(bed) = bed() else { return };
    let lines = "import os";
    assert_eq!(
        value(&bed, lines, "[open('data.txt').read(), os.listdir('.')]"),
        "[\"data\\n\", [\"data.txt\"]]"
    );
}

#[test]
fn a_user_is_named_and_at_home_in_its_own_folder() {
    let Some(bed) = bed() else { return };
    let lines = "import getpass, os, pwd";
    assert_eq!(
        value(
            &bed,
            lines,
            "[getpass.getuser(), pwd.getpwuid(os.getuid()).pw_name, os.path.expanduser('~'), os.getpid()]"
        ),
        "[\"evaluator\", \"evaluator\", \"/tmp\", 2]"
    );
}

#[test]
fn signals_and_timers_work() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import signal, time",
        "heard = []",
        "signal.signal(signal.SIGALRM, lambda *a: heard.append(1))",
        "signal.setitimer(signal.ITIMER_REAL, 0.01)",
        "signal.pause()",
        "old = signal.getsignal(signal.SIGINT) is signal.default_int_handler",
    ]
    .join("\n");
    assert_eq!(value(&bed, &lines, "[heard, old]"), "[[1], true]");
}

#[test]
fn compilers_work_where_there_are_any() {
    let Some(bed) = bed() else { return };
    if !std::path::Path::new("/usr/bin/cc").exists() {
        return samara_testing::tiers::skipped("there is no C compiler here");
    }
    let lines = [
        "import ctypes, subprocess",
        "open('/tmp/x.c', 'w').write('#include <stdio.h>\\nint twice(int x) { return 2 * x; }\\nint main() { puts(\"ran\"); }')",
        "subprocess.check_call(['cc', '-shared', '-fPIC', '-o', '/tmp/x.so', '/tmp/x.c'])",
        "subprocess.check_call(['cc', '-o', '/tmp/x', '/tmp/x.c'])",
    ];
    let expression = "[ctypes.CDLL('/tmp/x.so').twice(21), subprocess.check_output(['/tmp/x'], text=True)]";
    assert_eq!(value(&bed, &lines.join("\n"), expression), r#"[42, "ran\n"]"#);
}

#[test]
fn numpy_works_where_it_is_installed() {
    let folder = folder();
    let harness = "
try:
    import numpy
except ImportError:
    numpy = None
def evaluate(request):
    if numpy is None: return None
    return [float(numpy.linalg.det(numpy.eye(3))), float(numpy.random.rand())]";
    let Some(evaluators) = start(&options(harness, folder.path())) else { return };
    let run = |seed| {
        let job = samara_sandbox::EvaluationJob { seed, ..job("") };
        returned(evaluators.run(&job, &mut crate::common::no_calls).unwrap())
    };
    if run(1) == "null" {
        return samara_testing::tiers::skipped("the interpreter has no numpy: set SAMARA_SANDBOX_PYTHON");
    }
    assert!(run(1).starts_with("[1.0, "));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_seed_decides_chance() {
    let Some(bed) = bed() else { return };
    let run = |seed| {
        let text = text("import random", "random.random()");
        returned(bed.run(&samara_sandbox::EvaluationJob { seed, ..job(&text) }))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn what_is_printed_is_captured_apart_and_with_what_started_processes_print() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import os, sys",
        "print('out')",
        "print('err', file=sys.stderr)",
        "os.system('echo more; echo worse >&2')",
        "print('no newline \\udcff', end='')",
    ];
    let verdict = bed.run_text(&text(&lines.join("\n"), "None"));
    assert_eq!(verdict.stdout, "out\nmore\nno newline \\udcff");
    assert_eq!(verdict.stderr, "err\nworse\n");
    assert_eq!(returned(verdict), "null");
}

#[test]
fn an_exception_comes_with_its_text_and_traceback() {
    let Some(bed) = bed() else { return };
    let verdict = bed.run_text(
        "def evaluate(request):\n    return inner()\ndef inner():\n    raise ValueError('é\\udcff')",
    );
    let EvaluationEnding::Raised { kind, message, traceback } = verdict.ending else { panic!("{verdict:?}") };
    assert_eq!((&*kind, &*message), ("ValueError", "é\\udcff"));
    assert!(
        traceback.contains("main.py\", line 4, in inner") && !traceback.contains("<evaluator>"),
        "{traceback}"
    );
    for (text, ending) in [
        ("import no_such_module", "raised ModuleNotFoundError"),
        ("def evaluate(", "raised SyntaxError"),
        ("def evaluate(request): import sys; sys.exit(3)", "raised SystemExit"),
        ("def evaluate(request): raise KeyboardInterrupt", "raised KeyboardInterrupt"),
        ("def evaluate(request): return {1, 2}", "raised TypeError"),
        ("def evaluate(request):\n    a = []; a.append(a)\n    return a", "raised ValueError"),
    ] {
        assert_eq!(shown(&bed.run_text(text).ending), ending, "{text}");
    }
}

#[test]
fn an_evaluator_with_threads_of_its_own_is_forked_all_the_same() {
    let folder = folder();
    let harness = "
import threading, time
threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
def evaluate(request): return [threading.active_count(), request]";
    let Some(evaluators) = start(&options(harness, folder.path())) else { return };
    for _ in 0..20 {
        let verdict = evaluators.run(&job(""), &mut crate::common::no_calls).unwrap();
        assert_eq!(returned(verdict), "[1, {}]");
    }
    let server = evaluators.servers()[0];
    until("the server has no children", || crate::common::descendants(server).is_empty());
}

#[test]
fn evaluations_see_nothing_of_each_other() {
    let Some(bed) = bed() else { return };
    let leave = "import os, sys\nos.mkdir('/tmp/left')\nopen('/dev/shm/left', 'w')\nsys.left = 1\nos.environ['LEFT'] = '1'";
    assert_eq!(
        value(&bed, leave, "sorted(name for name in os.listdir('/tmp') if name[0] != '.')"),
        r#"["candidate", "left"]"#
    );
    let look = "import os, sys";
    let seen = "[[name for name in os.listdir('/tmp') if name[0] != '.'], os.listdir('/dev/shm'), hasattr(sys, 'left'), 'LEFT' in os.environ]";
    assert_eq!(value(&bed, look, seen), r#"[["candidate"], [], false, false]"#);
}

#[test]
fn what_an_evaluation_used_is_measured_with_all_that_it_started() {
    let Some(bed) = bed() else { return };
    let lines = [
        "import subprocess, sys",
        "work = 'import time\\nx = bytearray(80 << 20)\\nwhile time.process_time() < 0.5: pass'",
        "subprocess.run([sys.executable, '-c', work], check=True)",
    ];
    let verdict = bed.run_text(&text(&lines.join("\n"), "None"));
    assert!(verdict.cpu.as_secs_f64() >= 0.5, "{verdict:?}");
    assert!(verdict.wall >= std::time::Duration::from_millis(400), "{verdict:?}");
    assert!(verdict.peak_memory >= 80 << 20, "{verdict:?}");
}

#[test]
fn slots_run_side_by_side_and_a_server_that_was_killed_is_replaced() {
    let folder = folder();
    let harness = "import os\ndef evaluate(request): return os.getpid()";
    let two = samara_sandbox::EvaluatorOptions { slots: 2, ..options(harness, folder.path()) };
    let Some(evaluators) = start(&two) else { return };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5 {
                    let verdict = evaluators.run(&job(""), &mut crate::common::no_calls).unwrap();
                    assert_eq!(returned(verdict), "2");
                }
            });
        }
    });
    assert!(evaluators.servers().len() <= 2);
    for server in evaluators.servers() {
        kill(server);
        until("the server has gone", || !alive(server));
    }
    let verdict = evaluators.run(&job(""), &mut crate::common::no_calls).unwrap();
    assert_eq!(returned(verdict), "2");
}

fn kill(pid: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_raw(pid as i32).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn many_evaluations_leave_no_descriptor_open() {
    let Some(bed) = bed() else { return };
    let server = bed.evaluators.servers()[0];
    let open = || std::fs::read_dir(format!("/proc/{server}/fd")).map_or(0, Iterator::count);
    assert_eq!(value(&bed, "", "1"), "1");
    let before = open();
    assert!(before > 3, "{before}");
    let mut late = job(&text("import time", "time.sleep(1000)"));
    late.limits.wall = std::time::Duration::from_millis(1);
    for _ in 0..50 {
        assert_eq!(value(&bed, "", "1"), "1");
        assert_eq!(shown(&bed.run(&late).ending), "time wall");
    }
    assert_eq!((open(), bed.evaluators.servers()), (before, vec![server]));
}
