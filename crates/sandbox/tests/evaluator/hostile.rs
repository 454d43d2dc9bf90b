//! Evaluators and candidates that mean harm, or do it: each ends in its right fate, and nothing is left behind.

use crate::common::{Bed, alive, bed, descendants, job, options, returned, shown, start, until};
use samara_sandbox::EvaluatorOptions;
use std::time::Duration;

/// Python text of an `evaluate` with these lines.
fn text(lines: &str) -> String {
    let lines = lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "import ctypes, os, signal, socket, subprocess, sys, time\nlibc = ctypes.CDLL(None, use_errno=True)\ndef evaluate(request):\n{lines}"
    )
}

fn fate(bed: &Bed, lines: &str) -> String {
    shown(&bed.run_text(&text(lines)).ending)
}

/// Text that tries something and returns the exception's name, or what came of it.
fn attempt(bed: &Bed, expression: &str) -> String {
    let lines =
        format!("try: return repr({expression})\nexcept OSError as error: return type(error).__name__");
    returned(bed.run_text(&text(&lines))).trim_matches('"').to_owned()
}

#[test]
fn processes_that_leave_the_session_end_with_the_evaluation() {
    let Some(bed) = bed() else { return };
    let daemon = "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1000)\n    os._exit(0)\nos.wait()\nreturn 'gone on'";
    assert_eq!(fate(&bed, daemon), "returned \"gone on\"");
    let nohup = "subprocess.Popen('trap \"\" TERM HUP INT; nohup setsid sleep 1000 & sleep 1000', shell=True, start_new_session=True)\nreturn 1";
    assert_eq!(fate(&bed, nohup), "returned 1");
    let mut late = job(&text(
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1000)\ntime.sleep(1000)",
    ));
    late.limits.wall = Duration::from_secs(1);
    assert_eq!(shown(&bed.run(&late).ending), "time wall");
}

#[test]
fn threads_that_go_on_end_with_the_evaluation() {
    let Some(bed) = bed() else { return };
    let lines = "import threading\nfor _ in range(4): threading.Thread(target=time.sleep, args=(1000,)).start()\nreturn 'left running'";
    assert_eq!(fate(&bed, lines), "returned \"left running\"");
}

#[test]
fn an_exit_and_a_signal_are_what_they_are() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "os._exit(7)"), "exited 7");
    assert_eq!(fate(&bed, "os._exit(0)"), "exited 0");
    assert_eq!(fate(&bed, "os.kill(os.getpid(), signal.SIGKILL)"), "crashed 9");
    assert_eq!(fate(&bed, "os.abort()"), "crashed 6");
    assert_eq!(fate(&bed, "ctypes.string_at(0)"), "crashed 11");
}

#[test]
fn process_one_can_not_be_ended_stopped_or_looked_into() {
    let Some(bed) = bed() else { return };
    let all = "for number in range(1, 65):\n    if number not in (32, 33):\n        for target in (1, os.getppid()):\n            try: os.kill(target, number)\n            except OSError: pass\ntime.sleep(0.2)\nreturn os.getppid()";
    assert_eq!(fate(&bed, all), "returned 1");
    let all = "try: os.kill(-1, signal.SIGKILL)\nexcept ProcessLookupError: return 'nobody'";
    assert_eq!(fate(&bed, all), "returned \"nobody\"");
    assert_eq!(attempt(&bed, "open('/proc/1/mem', 'rb')"), "PermissionError");
    assert_eq!(attempt(&bed, "os.listdir('/proc/1/fd')"), "PermissionError");
    assert_eq!(attempt(&bed, "open('/proc/1/environ').read()"), "PermissionError");
    assert_eq!(attempt(&bed, "libc.ptrace(16, 1, 0, 0)"), "-1");
    let pidfd = "(f := os.pidfd_open(1)) and libc.syscall(438, f, 3, 0)";
    assert_eq!(attempt(&bed, pidfd), "-1");
    for change in [
        "resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))",
        "os.sched_setaffinity(1, {0})",
        "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
        "os.setpriority(os.PRIO_PROCESS, 1, 19)",
        "os.setpriority(os.PRIO_USER, 0, 19)",
    ] {
        assert_eq!(
            attempt(&bed, &format!("exec('import resource; {change}')")),
            "PermissionError",
            "{change}"
        );
    }
    let own = "(resource := __import__('resource')).prlimit(os.getpid(), resource.RLIMIT_CPU) and (before := os.nice(0)) < 20 and os.nice(1) == min(before + 1, 19)";
    assert_eq!(attempt(&bed, own), "True");
}

#[test]
fn only_the_processes_of_the_evaluation_are_seen() {
    let Some(bed) = bed() else { return };
    assert_eq!(
        attempt(&bed, "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())"),
        "[1, 2]"
    );
}

#[test]
fn closing_every_descriptor_leaves_an_exit_without_a_result() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "os.closerange(0, 1024)\nreturn 1"), "exited 0");
}

#[test]
fn descriptors_of_the_sandbox_are_not_among_those_of_an_evaluation() {
    let Some(bed) = bed() else { return };
    // Null, output, errors, the link, and the one that lists them.
    let seen = attempt(&bed, "sorted(os.listdir('/proc/self/fd'))");
    assert!(seen.matches(',').count() == 4, "{seen}");
    let children = "subprocess.check_output('ls /proc/self/fd | wc -l', shell=True, text=True).strip()";
    // A started program has three, and the one that lists them.
    assert_eq!(attempt(&bed, children), "'4'");
}

#[test]
fn nothing_of_the_host_can_be_written() {
    let Some(bed) = bed() else { return };
    let folder = bed.folder.path().display().to_string();
    for path in [
        format!("{folder}/new"),
        format!("{folder}/data.txt"),
        "/usr/x".to_owned(),
        "/usr/bin/python3".to_owned(),
        "/etc/passwd".to_owned(),
        "/etc/x".to_owned(),
        "/x".to_owned(),
        "/dev/x".to_owned(),
    ] {
        for how in [
            "open('{}', 'w')",
            "open('{}', 'a')",
            "os.mkdir('{}/d')",
            "os.remove('{}')",
            "os.chmod('{}', 0o777)",
            "os.truncate('{}', 0)",
            "os.utime('{}')",
            "os.symlink('/', '{}')",
        ] {
            let said = attempt(&bed, &how.replace("{}", &path));
            assert!(
                [
                    "OSError",
                    "PermissionError",
                    "FileNotFoundError",
                    "FileExistsError",
                    "IsADirectoryError",
                    "NotADirectoryError"
                ]
                .contains(&&*said),
                "{how} {path}: {said}"
            );
        }
    }
    let said = attempt(&bed, "open(os.path.realpath(sys.executable), 'r+b')");
    // Of another user, or on a file system that is read-only here.
    assert!(["PermissionError", "OSError"].contains(&&*said), "{said}");
}

#[test]
fn what_a_mount_shows_can_not_be_made_writable_or_taken_away() {
    let Some(bed) = bed() else { return };
    for call in [
        "libc.mount(None, b'/usr', None, 32 | 4096, None)",
        "libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None)",
        "libc.umount2(b'/tmp', 2)",
        "libc.umount2(b'/proc', 2)",
        "libc.unshare(0x10000000)",
        "libc.unshare(0x20000)",
        "libc.setns(0, 0)",
        "libc.chroot(b'/tmp')",
        "libc.syscall(56, 0x10000011, 0, 0, 0, 0)",
        "libc.syscall(435, 0, 0)",
        "libc.syscall(442, -100, b'/usr', 0, 0, 0)",
        "libc.syscall(321, 0, 0, 0)",
        "libc.syscall(425, 1, 0)",
        "libc.syscall(250, 0, 0, 0)",
        "libc.syscall(298, 0, 0, -1, -1, 0)",
        "libc.syscall(467, 0, 0, 0, 0, 0)",
        "libc.syscall(0x40000000 | 165, 0, 0, 0, 0, 0)",
    ] {
        if call.contains("syscall") && !cfg!(target_arch = "x86_64") {
            continue;
        }
        let lines = format!("done = {call}\nreturn [done, ctypes.get_errno() in (1, 38)]");
        assert_eq!(fate(&bed, &lines), "returned [-1, true]", "{call}");
    }
    let status = "[line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapPrm', 'NoNewPrivs', 'Seccomp:'))]";
    assert_eq!(attempt(&bed, status), "['0000000000000000', '0000000000000000', '1', '2']");
}

#[test]
fn the_host_s_files_are_not_there() {
    let Some(bed) = bed() else { return };
    for path in [
        "/etc/shadow",
        "/etc/hostname",
        "/home",
        "/var",
        "/boot",
        "/run",
        "/sys",
        "/etc/ssh",
        "/root/.ssh",
        "/root/.bashrc",
        "/dev/sda",
        "/dev/mem",
        "/dev/tty",
        "/dev/fuse",
    ] {
        assert_eq!(attempt(&bed, &format!("os.path.lexists('{path}')")), "False", "{path}");
    }
    assert_eq!(
        attempt(&bed, "[line for line in open('/etc/passwd')]"),
        "['evaluator:x:1000:1000:evaluator:/tmp:/bin/sh\\\\n']"
    );
    // Beside the evaluator's folder there may be others.
    let parent = bed.folder.path().parent().unwrap().display().to_string();
    let name = bed.folder.path().file_name().unwrap().to_str().unwrap();
    let beside = format!("[name for name in os.listdir('{parent}') if name not in ('candidate', '{name}')]");
    assert_eq!(attempt(&bed, &beside), "[]");
}

#[test]
fn no_variable_of_the_host_is_there_but_those_that_were_named() {
    let Some(bed) = bed() else { return };
    let seen = attempt(&bed, "sorted(os.environ)");
    let names = seen.trim_matches(['[', ']']).split(", ").map(|name| name.trim_matches('\''));
    // The folders of the user's packages and compilers, if there are any.
    let folders = ["PYTHONUSERBASE", "RUSTUP_HOME"];
    let names: Vec<&str> =
        names.filter(|name| !folders.contains(name) && !name.ends_with("_NUM_THREADS")).collect();
    let known = [
        "HOME",
        "LANG",
        "MPLCONFIGDIR",
        "NUMBA_CACHE_DIR",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "PYTHONIOENCODING",
        "PYTHONUTF8",
        "TMPDIR",
        "USER",
    ];
    assert_eq!(names, known);
    let environment = [("MY_DATA".to_owned(), "here".to_owned())].into();
    let more = EvaluatorOptions { environment, ..options(crate::common::HARNESS, bed.folder.path()) };
    let evaluators = start(&more).unwrap();
    let named = job("import os\ndef evaluate(request): return os.environ['MY_DATA']");
    assert_eq!(returned(evaluators.run(&named, &mut crate::common::no_calls).unwrap()), "\"here\"");
}

#[test]
fn there_is_no_network_unless_it_was_asked_for() {
    let Some(bed) = bed() else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!(
        "import socket\ndef evaluate(request):\n    try: return socket.create_connection(('127.0.0.1', {port}), 20).fileno() > 0\n    except OSError as error: return type(error).__name__"
    );
    assert_eq!(returned(bed.run_text(&connect)), "\"PermissionError\"");
    assert_eq!(attempt(&bed, "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"), "PermissionError");
    assert_eq!(attempt(&bed, "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"), "PermissionError");
    assert_eq!(attempt(&bed, "socket.socket(socket.AF_UNIX) and socket.socketpair() and 'local'"), "'local'");
    let networked = EvaluatorOptions { network: true, ..options(crate::common::HARNESS, bed.folder.path()) };
    let evaluators = start(&networked).unwrap();
    assert_eq!(returned(evaluators.run(&job(&connect), &mut crate::common::no_calls).unwrap()), "true");
}

#[test]
fn an_abstract_socket_of_the_host_is_not_reached() {
    let Some(bed) = bed() else { return };
    use std::os::linux::net::SocketAddrExt;
    let name = format!("samara-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    assert_eq!(
        attempt(&bed, &format!("socket.socket(socket.AF_UNIX).connect('\\0{name}')")),
        "ConnectionRefusedError"
    );
}

#[test]
fn a_process_that_was_forked_has_nothing_to_say_to_the_host() {
    let Some(bed) = bed() else { return };
    let twice =
        "pid = os.fork()\nif pid == 0: return 'from the child'\nos.waitpid(pid, 0)\nreturn 'from the parent'";
    assert_eq!(fate(&bed, twice), "returned \"from the parent\"");
}

#[test]
fn a_result_is_no_result_if_its_process_does_not_exit_well() {
    let Some(bed) = bed() else { return };
    let forged = "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Link': os.write(one.file, b'R\\x01\\0\\0\\0' + b'1')\n";
    assert_eq!(fate(&bed, &format!("{forged}os.kill(2, 9)")), "crashed 9");
    assert_eq!(fate(&bed, &format!("{forged}os._exit(4)")), "exited 4");
    let mut late = job(&text(&format!("{forged}time.sleep(1000)")));
    late.limits.wall = Duration::from_secs(1);
    assert_eq!(shown(&bed.run(&late).ending), "time wall");
}

#[test]
fn words_that_are_no_frames_end_in_no_result() {
    let Some(bed) = bed() else { return };
    for frame in [
        "b'?\\x01\\0\\0\\0x'",
        "b'R\\x01\\0\\0\\0\\xff'",
        "b'E\\x02\\0\\0\\0[]'",
        "b'R\\xff'",
        "b'C\\x01\\0\\0\\0?'",
    ] {
        let lines = format!(
            "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ == 'Link': os.write(one.file, {frame})\nos._exit(0)"
        );
        assert_eq!(fate(&bed, &lines), "exited 0", "{frame}");
    }
}

#[test]
fn an_exception_whose_text_is_hostile_is_still_an_exception() {
    let Some(bed) = bed() else { return };
    let lines = "class Hostile(Exception):\n    def __str__(self): raise SystemExit(5)\nraise Hostile";
    assert_eq!(fate(&bed, lines), "raised Hostile");
    assert_eq!(fate(&bed, "raise ValueError('x' * 10000000)"), "raised ValueError");
}

#[test]
fn programs_with_rights_of_their_own_give_none() {
    let Some(bed) = bed() else { return };
    let lines = "mounts = [line.split()[3].split(',') for line in open('/proc/self/mounts')]\nreturn all('nosuid' in options for options in mounts)";
    assert_eq!(fate(&bed, lines), "returned true");
}

#[test]
fn the_tree_ends_with_its_host() {
    let exe = std::env::current_exe().unwrap();
    let mut host = std::process::Command::new(exe)
        .args(["--exact", "hostile::be_a_host_that_is_killed", "--ignored", "--nocapture"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(host.stdout.take().unwrap()));
    let Some(server) = lines.find_map(|line| line.ok()?.strip_prefix("SERVER ").map(str::to_owned)) else {
        host.wait().unwrap();
        return samara_testing::tiers::skipped("evaluators can't be isolated here");
    };
    let server: u32 = server.trim().parse().unwrap();
    // The supervisor, the evaluation, and what it has started.
    until("the tree is there", || descendants(server).len() >= 3);
    let all = descendants(server);
    host.kill().unwrap();
    host.wait().unwrap();
    until("nothing outlives the host", || !all.iter().chain([&server]).any(|pid| alive(*pid)));
}

#[test]
#[ignore = "a child process of the_tree_ends_with_its_host"]
fn be_a_host_that_is_killed() {
    let Some(bed) = bed() else { return };
    println!("\nSERVER {}", bed.evaluators.servers()[0]);
    bed.run_text(&text("subprocess.run(['setsid', 'sleep', '1000'])"));
}
