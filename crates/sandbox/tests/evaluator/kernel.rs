//! What the kernel holds for an evaluation, or counts for the host's user: it is bounded, and the host is left with some.

use crate::common::{Bed, HARNESS, bed, folder, job, no_calls, options, returned, shown, start};
use samara_sandbox::{CandidateReply, EvaluatorOptions, Evaluators, Value};

/// Python text of an `evaluate` with these lines.
fn text(lines: &str) -> String {
    let lines = lines.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "import ctypes, fcntl, gc, mmap, os, signal, socket, time\nlibc = ctypes.CDLL(None, use_errno=True)\ndef evaluate(request):\n{lines}"
    )
}

fn fate(bed: &Bed, lines: &str, megabytes: u64) -> String {
    let mut job = job(&text(lines));
    job.limits.memory = megabytes << 20;
    shown(&bed.run(&job).ending)
}

#[test]
fn memory_that_is_shared_without_a_file_can_not_be_had_and_other_memory_can() {
    let Some(bed) = bed() else { return };
    assert_eq!(fate(&bed, "mmap.mmap(-1, 1 << 20)", 1000), "raised PermissionError");
    let zero = "with open('/dev/zero', 'rb') as file:\n    assert file.read(3) == bytes(3)\n    mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ)";
    assert_eq!(fate(&bed, zero, 1000), "raised OSError");
    let private = "m = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\nm[:2] = b'ok'\nwith open('/tmp/x', 'w+b') as file:\n    file.write(bytes(4096))\n    file.flush()\n    n = mmap.mmap(file.fileno(), 4096)\n    n[:2] = m[:2]\nreturn open('/tmp/x').read(2)";
    assert_eq!(fate(&bed, private, 1000), "returned \"ok\"");
    let processes = "import multiprocessing\nv = multiprocessing.Value('i', 1)\na = multiprocessing.Array('d', 10000)\ndef add():\n    with v.get_lock(): v.value += 1\n    a[9999] = 2.5\np = multiprocessing.get_context('fork').Process(target=add)\np.start()\np.join()\nreturn [v.value, a[9999]]";
    assert_eq!(fate(&bed, processes, 1000), "returned [2, 2.5]");
    let callback = "kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)\nreturn kind(lambda x: x + 1)(2)";
    assert_eq!(fate(&bed, callback, 1000), "returned 3");
}

#[test]
fn sockets_count_as_the_memory_that_they_may_hold() {
    let Some(bed) = bed() else { return };
    let open = "all = [socket.socketpair() for _ in range(150)]\ntime.sleep(1000)";
    assert_eq!(fate(&bed, open, 60), "memory");
    // Also if nobody has them any more but a message on its way.
    let sent = "x, y = socket.socketpair()\nfor _ in range(15):\n    pairs = [socket.socketpair() for _ in range(10)]\n    socket.send_fds(x, [b'x'], [one.fileno() for pair in pairs for one in pair])\ndel pairs\ngc.collect()\ntime.sleep(1000)";
    assert_eq!(fate(&bed, sent, 60), "memory");
    // Those that were closed do not count.
    let closed =
        "for _ in range(2000): [one.close() for one in socket.socketpair()]\ntime.sleep(0.2)\nreturn 1";
    assert_eq!(fate(&bed, closed, 60), "returned 1");
}

#[test]
fn buffers_can_not_be_made_larger() {
    let Some(bed) = bed() else { return };
    let sockets = "x, y = socket.socketpair()\nseen = []\nfor option in (socket.SO_SNDBUF, socket.SO_RCVBUF):\n    before = x.getsockopt(socket.SOL_SOCKET, option)\n    for size in (1 << 22, 5000):\n        x.setsockopt(socket.SOL_SOCKET, option, size)\n        seen.append(x.getsockopt(socket.SOL_SOCKET, option) == before)\nx.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)\nreturn seen + [x.getsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED)]";
    assert_eq!(fate(&bed, sockets, 1000), "returned [true, true, true, true, 1]");
    let pipe = "fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)";
    assert_eq!(fate(&bed, pipe, 1000), "raised PermissionError");
    let lease = "fcntl.fcntl(open('/tmp/candidate/main.py').fileno(), fcntl.F_SETLEASE, fcntl.F_RDLCK)";
    assert_eq!(fate(&bed, lease, 1000), "raised PermissionError");
}

#[test]
fn what_is_counted_for_the_host_s_user_is_not_used_up() {
    let Some(bed) = bed() else { return };
    let watches = "return [libc.inotify_init(), libc.inotify_init1(0), ctypes.get_errno()]";
    assert_eq!(fate(&bed, watches, 1000), "returned [-1, -1, 1]");
    let descriptors = "import resource\nreturn max(resource.getrlimit(resource.RLIMIT_NOFILE)) <= 512 and len([os.dup(0) for _ in range(200)])";
    assert_eq!(fate(&bed, descriptors, 1000), "returned 200");
    // Signals of a number above 31 wait in a queue.
    let signals = "signal.pthread_sigmask(signal.SIG_BLOCK, [40])\ninfo = (ctypes.c_int * 32)(40, 0, -1)\nsent = 0\nwhile sent < 100000 and libc.syscall(129, os.getpid(), 40, info) == 0: sent += 1\nreturn 500 < sent <= 1024";
    if cfg!(target_arch = "x86_64") {
        assert_eq!(fate(&bed, signals, 1000), "returned true");
    }
}

#[test]
fn descriptors_on_their_way_do_not_stop_other_evaluations() {
    let folder = folder();
    let harness = format!("{HARNESS}\nimport builtins\nbuiltins.tell = lambda: candidate_call('tell', [])\n");
    let two = EvaluatorOptions { slots: 2, ..options(&harness, folder.path()) };
    let Some(evaluators) = start(&two) else { return };
    let flood = "null = os.open('/dev/null', os.O_RDONLY)\nkeep = []\nsent = 0\ntry:\n    for _ in range(60):\n        x, y = socket.socketpair()\n        x.setblocking(False)\n        keep += [x, y]\n        for _ in range(4):\n            socket.send_fds(x, [b'x'], [null] * 250)\n            sent += 250\nexcept OSError: pass\ntell()\nreturn sent >= 250";
    let mut others = Vec::new();
    let verdict = evaluators.run(&job(&text(flood)), &mut |_| {
        // On a server that starts now, while all these are on their way.
        let other = evaluators.run(&job("def evaluate(request): return 'well'"), &mut no_calls);
        others.push(returned(other.unwrap()));
        CandidateReply::Value(Value::None)
    });
    assert_eq!(shown(&verdict.unwrap().ending), "returned true");
    assert_eq!(others, ["\"well\""]);
}

#[test]
fn calls_whose_answers_nobody_reads_end_the_evaluation() {
    let Some(bed) = bed() else { return };
    let find =
        "import gc, os, time\nlink = next(one for one in gc.get_objects() if type(one).__name__ == 'Link')";
    for flood in [
        "while True: os.write(link.file, b'C\\x01\\0\\0\\0?' * 1000)",
        "while True:\n    os.write(link.file, b'C\\x01\\0\\0\\0?')\n    time.sleep(0)",
        "os.write(link.file, b'C\\0\\0\\0\\0' * 40000)\ntime.sleep(1000)",
    ] {
        assert_eq!(fate(&bed, &format!("{find}\n{flood}"), 1000), "result", "{flood}");
    }
}

/// What an evaluation of this text returns from these evaluators.
fn value(evaluators: &Evaluators, lines: &str) -> String {
    returned(evaluators.run(&job(&text(lines)), &mut no_calls).unwrap())
}

#[test]
fn a_slot_that_can_not_start_waits_for_one_that_is_busy() {
    let folder = folder();
    let gate = folder.path().join("gate");
    let harness = format!(
        "{HARNESS}\nimport builtins, os\nbuiltins.tell = lambda: candidate_call('tell', [])\nif os.path.exists({gate:?}):\n    open({gate:?}).read()\n    raise OSError('no more of it')\n"
    );
    let two = EvaluatorOptions { slots: 2, ..options(&harness, folder.path()) };
    let Some(evaluators) = start(&two) else { return };
    assert!(std::process::Command::new("mkfifo").args(["-m", "644"]).arg(&gate).status().unwrap().success());
    std::thread::scope(|scope| {
        let mut other = None;
        let verdict = evaluators.run(&job(&text("tell()\nreturn 'first'")), &mut |_| {
            other = Some(scope.spawn(|| value(&evaluators, "return 'second'")));
            // Waits until the other server runs its harness, which fails then.
            drop(std::fs::OpenOptions::new().write(true).open(&gate).unwrap());
            CandidateReply::Value(Value::None)
        });
        assert_eq!(shown(&verdict.unwrap().ending), "returned \"first\"");
        std::fs::remove_file(&gate).unwrap();
        assert_eq!(other.unwrap().join().unwrap(), "\"second\"");
    });
}

#[test]
fn folders_that_must_not_be_seen_are_empty_wherever_they_are_shown() {
    let (folder, named) = (folder(), folder());
    let run = folder.path().join("runs/one");
    std::fs::create_dir_all(run.join("best")).unwrap();
    crate::common::open(&folder.path().join("runs"));
    crate::common::open(&run);
    std::fs::write(run.join("run.db"), "journal").unwrap();
    std::fs::write(folder.path().join("runs/other"), "seen").unwrap();
    let link = named.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).unwrap();
    let elsewhere = named.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let look = format!(
        "seen = []\nfor at in ({:?}, {link:?}):\n    seen += [os.listdir(at + '/runs/one'), open(at + '/runs/other').read()]\n    try: open(at + '/runs/one/new', 'w')\n    except OSError as error: seen.append(error.errno == 30)\nreturn seen",
        folder.path()
    );
    for (folder, run) in [(folder.path().to_owned(), run.clone()), (link.clone(), link.join("runs/one"))] {
        // The last one lies in one that is hidden already.
        let hidden = vec![run.join("best"), run, elsewhere.clone()];
        let options = EvaluatorOptions { hidden, mounts: vec![link.clone()], ..options(HARNESS, &folder) };
        let Some(evaluators) = start(&options) else { return };
        assert_eq!(value(&evaluators, &look), "[[], \"seen\", true, [], \"seen\", true]");
    }
    assert_eq!(std::fs::read_to_string(run.join("run.db")).unwrap(), "journal");
}

#[test]
fn what_can_not_be_hidden_is_refused_with_its_name() {
    let folder = folder();
    for (hidden, why) in [
        (folder.path().to_owned(), "is the evaluator's own"),
        (folder.path().join("data.txt"), "is no folder"),
        (folder.path().join("none"), "can't be hidden"),
    ] {
        let name = hidden.display().to_string();
        let options = EvaluatorOptions { hidden: vec![hidden], ..options(HARNESS, folder.path()) };
        let error = Evaluators::start(&options).unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains(why) && error.contains("\nhint: "), "{error}");
    }
}
