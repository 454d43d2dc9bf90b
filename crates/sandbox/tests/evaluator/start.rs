//! Evaluators that do not start, and say why.

use crate::common::{folder, options, start};
use samara_sandbox::{EvaluationJob, EvaluatorOptions, Evaluators, SandboxError};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What starting this harness says; none where evaluators can't be isolated.
fn said(harness: &str) -> Option<String> {
    let folder = folder();
    drop(start(&options("def evaluate(request): pass", folder.path()))?);
    let error = Evaluators::start(&options(harness, folder.path())).unwrap_err();
    assert!(matches!(error, SandboxError::Harness(_)), "{error:?}");
    Some(error.to_string())
}

#[test]
fn a_harness_that_raises_is_shown_with_its_traceback() {
    let Some(said) = said("def inner():\n    import no_such_module\ninner()\n") else { return };
    for part in ["ModuleNotFoundError", "no_such_module", "line 2, in inner", "hint: "] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_harness_that_is_no_python_or_defines_nothing_is_refused() {
    let Some(syntax) = said("def evaluate(") else { return };
    assert!(syntax.contains("SyntaxError"), "{syntax}");
    let nothing = said("x = 1").unwrap();
    assert!(nothing.contains("does not define evaluate"), "{nothing}");
    let exit = said("import sys; sys.exit(3)").unwrap();
    assert!(exit.contains("SystemExit: 3"), "{exit}");
}

#[test]
fn a_harness_that_ends_itself_with_a_text_has_said_all_and_knows_its_hint() {
    let Some(said) = said("raise SystemExit('e.py, line 2: no\\nhint: mend it')") else { return };
    assert!(said.ends_with("the evaluator did not start: e.py, line 2: no\nhint: mend it"), "{said}");
}

#[test]
fn a_harness_that_ends_its_interpreter_is_told_from_one_that_never_ends() {
    let Some(ended) = said("import os; os._exit(1)") else { return };
    assert!(ended.contains("it ended the interpreter"), "{ended}");
    let folder = folder();
    let patience = Duration::from_millis(500);
    let options = EvaluatorOptions { patience, ..options("while True: pass", folder.path()) };
    let error = Evaluators::start(&options).unwrap_err().to_string();
    assert!(error.contains("did not come to its end in 0.5 s; environment.evaluation.timeout_s"), "{error}");
}

#[test]
fn what_is_named_and_not_there_is_named_again() {
    let folder = folder();
    let good = options("def evaluate(request): pass", folder.path());
    let refused = |options: EvaluatorOptions, name: &str| {
        let error = Evaluators::start(&options).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("\nhint: "), "{error}");
    };
    refused(EvaluatorOptions { folder: "/no/such/folder".into(), ..good.clone() }, "/no/such/folder");
    refused(EvaluatorOptions { mounts: vec!["/no/such/mount".into()], ..good.clone() }, "/no/such/mount");
    refused(
        EvaluatorOptions { devices: vec!["/dev/no-such-device".into()], ..good.clone() },
        "/dev/no-such-device",
    );
    refused(EvaluatorOptions { devices: vec!["/etc/shadow".into()], ..good.clone() }, "/etc/shadow");
    refused(EvaluatorOptions { python: Some("/no/such/python".into()), ..good.clone() }, "/no/such/python");
    refused(EvaluatorOptions { slots: 0, ..good }, "slot");
}

#[test]
fn mounts_are_seen_where_they_are_below_tmp_or_not() {
    let (folder, other) = (folder(), folder());
    std::fs::create_dir(other.path().join("inner")).unwrap();
    std::fs::write(other.path().join("inner/file"), "seen").unwrap();
    crate::common::open(&other.path().join("inner"));
    let single: PathBuf = other.path().join("inner/file");
    let harness = format!("def evaluate(request): return open({:?}).read()", single.display().to_string());
    for mounts in [vec![other.path().to_owned()], vec![single]] {
        let options = EvaluatorOptions { mounts, ..options(&harness, folder.path()) };
        let Some(evaluators) = start(&options) else { return };
        let verdict = evaluators.run(&EvaluationJob::new(Vec::new()), &mut crate::common::no_calls).unwrap();
        assert_eq!(crate::common::returned(verdict), "\"seen\"");
    }
}

#[test]
fn jobs_that_can_not_be_sent_are_refused() {
    let folder = folder();
    let Some(evaluators) = start(&options("def evaluate(request): return 1", folder.path())) else { return };
    let run = |job: &EvaluationJob| evaluators.run(job, &mut crate::common::no_calls);
    for path in ["", "/etc/x", "../x", "a/../../x", "a//b", "./a", "a\0b"] {
        let job = EvaluationJob::new(vec![(path.to_owned(), Vec::new())]);
        assert!(matches!(run(&job), Err(SandboxError::Job(_))), "{path:?}");
    }
    let twice = EvaluationJob::new(vec![("a".to_owned(), Vec::new()), ("a".to_owned(), Vec::new())]);
    assert!(matches!(run(&twice), Err(SandboxError::Job(_))));
    for request in ["", "[]", "{"] {
        let job = EvaluationJob { request: request.to_owned(), ..EvaluationJob::new(Vec::new()) };
        assert!(matches!(run(&job), Err(SandboxError::Job(_))), "{request:?}");
    }
    assert_eq!(crate::common::returned(run(&EvaluationJob::new(Vec::new())).unwrap()), "1");
}

#[test]
fn the_doctor_says_whether_evaluators_can_be_run() {
    let folder = folder();
    let works = start(&options("def evaluate(request): pass", folder.path())).is_some();
    let report = samara_sandbox::doctor::examine(&samara_sandbox::SandboxOptions::default());
    assert_eq!(report.evaluators.is_ok(), works, "{report}");
    let said = if works { "evaluators can be run\n" } else { "evaluators can't be run: " };
    assert!(report.to_string().contains(said), "{report}");
}

/// Runs an ignored test of this program as a user in namespaces in which `prepare` has been done by their root.
fn in_namespaces(prepare: &str, test: &str) {
    let inner = format!("{prepare} && exec unshare --user --map-user=1234 --map-group=1234 \"$@\"");
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--mount", "--map-root-user", "sh", "-c", &inner, "sh"]).arg(&exe);
    let output = match command.args(["--exact", test, "--ignored", "--nocapture"]).output() {
        Ok(output) => output,
        Err(error) => return samara_testing::tiers::skipped(&format!("unshare can't be run: {error}")),
    };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if !text.contains("running 1 test") {
        return samara_testing::tiers::skipped(&format!("namespaces can't be nested for this test: {text}"));
    }
    assert!(output.status.success(), "{text}");
}

#[test]
fn where_an_evaluation_can_not_have_namespaces_of_its_own_nothing_starts() {
    // A jail is one user namespace below the two of this test, and an evaluation would be another one.
    in_namespaces("echo 2 > /proc/sys/user/max_user_namespaces", "start::be_a_host_of_few_namespaces");
}

#[test]
#[ignore = "a child process of where_an_evaluation_can_not_have_namespaces_of_its_own_nothing_starts"]
fn be_a_host_of_few_namespaces() {
    let folder = folder();
    let error = Evaluators::start(&options("def evaluate(request): pass", folder.path())).unwrap_err();
    let SandboxError::Evaluator(why) = &error else { panic!("{error}") };
    assert!(why.contains("new namespaces in a jail: No space left on device"), "{why}");
    assert!(error.hint().contains("user.max_user_namespaces"), "{error}");
}

#[test]
fn where_no_view_of_processes_can_be_had_as_in_a_container_nothing_starts() {
    in_namespaces("mount -t tmpfs none /proc/irq", "start::be_a_host_with_a_masked_proc");
}

#[test]
#[ignore = "a child process of where_no_view_of_processes_can_be_had_as_in_a_container_nothing_starts"]
fn be_a_host_with_a_masked_proc() {
    let folder = folder();
    let error = Evaluators::start(&options("def evaluate(request): pass", folder.path())).unwrap_err();
    assert!(matches!(error, SandboxError::Evaluator(_)), "{error}");
    assert!(error.hint().contains("systempaths=unconfined"), "{error}");
}

#[test]
fn what_a_harness_writes_while_it_starts_is_there_for_every_evaluation_as_it_was() {
    let folder = folder();
    let harness = "
import os, tempfile
own = tempfile.mkdtemp()
os.makedirs(own + '/inner')
with open(own + '/inner/file', 'w') as file: file.write('seen')
os.chmod(own + '/inner/file', 0o755)
os.symlink('inner/file', own + '/link')
os.mkfifo(own + '/pipe')
with open('/tmp/large', 'wb') as file: file.write(bytes(3 << 20))
def evaluate(request):
    seen = [sorted(os.listdir(own)), open(own + '/link').read(), os.access(own + '/inner/file', os.X_OK)]
    open(own + '/new', 'w').close()
    return seen
";
    let Some(evaluators) = start(&options(harness, folder.path())) else { return };
    let mut job = EvaluationJob::new(Vec::new());
    job.limits.scratch_bytes = 1 << 20;
    for _ in 0..2 {
        let verdict = evaluators.run(&job, &mut crate::common::no_calls).unwrap();
        assert_eq!(crate::common::returned(verdict), r#"[["inner", "link"], "seen", true]"#);
    }
}

/// Runs an ignored test of this program with another home.
fn at_home(home: &std::path::Path, test: &str) {
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new(exe);
    command.args(["--exact", test, "--ignored", "--nocapture"]).env("HOME", home);
    for outer in ["PYTHONUSERBASE", "RUSTUP_HOME", "CARGO_HOME"] {
        command.env_remove(outer);
    }
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    text.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")).for_each(samara_testing::tiers::skipped);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// A home with keys, and with packages and a compiler of the user's own.
fn home() -> tempfile::TempDir {
    let home = folder();
    let version = Command::new("python3")
        .args(["-c", "import sys; print('python%d.%d' % sys.version_info[:2])"])
        .output()
        .unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let packages = home.path().join(format!(".local/lib/{}/site-packages", version.trim()));
    std::fs::create_dir_all(&packages).unwrap();
    std::fs::create_dir_all(home.path().join(".local/share/keyrings")).unwrap();
    std::fs::create_dir_all(home.path().join("work")).unwrap();
    std::fs::write(packages.join("of_mine.py"), "x = 'mine'").unwrap();
    std::fs::create_dir_all(home.path().join(".cargo/bin")).unwrap();
    std::fs::create_dir_all(home.path().join(".rustup")).unwrap();
    std::fs::write(home.path().join(".cargo/credentials.toml"), "key").unwrap();
    let compiler = home.path().join(".cargo/bin/compiler-of-mine");
    std::fs::write(&compiler, "#!/bin/sh\nls -d \"$RUSTUP_HOME\"").unwrap();
    crate::common::open(&compiler);
    std::fs::write(home.path().join(".local/share/keyrings/login"), "key").unwrap();
    home
}

#[test]
fn of_a_home_packages_and_compilers_are_seen_and_nothing_else() {
    let home = home();
    at_home(home.path(), "start::be_a_host_at_home");
}

#[test]
#[ignore = "a child process of of_a_home_packages_and_compilers_are_seen_and_nothing_else"]
fn be_a_host_at_home() {
    let home = PathBuf::from(std::env::var("HOME").unwrap());
    let shared = format!(
        "def evaluate(request):\n    import os, subprocess, of_mine\n    inner = [sorted(os.listdir({home:?} + at)) for at in ('', '/.local', '/.cargo')]\n    return [of_mine.x, *inner, subprocess.check_output('compiler-of-mine', text=True)[-8:]]"
    );
    // A virtual environment has no packages of the user.
    let options = |folder: &std::path::Path| EvaluatorOptions { python: None, ..options(&shared, folder) };
    let Some(evaluators) = start(&options(&home.join("work"))) else { return };
    let verdict = evaluators.run(&EvaluationJob::new(Vec::new()), &mut crate::common::no_calls).unwrap();
    assert_eq!(
        crate::common::returned(verdict),
        r#"["mine", [".cargo", ".local", ".rustup", "work"], ["lib"], ["bin"], ".rustup\n"]"#
    );
    for folder in [&*home, home.parent().unwrap()].into_iter().filter(|folder| *folder != "/tmp") {
        let error = Evaluators::start(&options(folder)).unwrap_err().to_string();
        assert!(error.contains("holds your home") && error.contains(folder.to_str().unwrap()), "{error}");
    }
}
