//! What an evaluator is told that runs into what the sandbox keeps from it, or that can't be imported: the real harness,
//! as a plain script.

use samara_search::Artifact;

use super::{
    Evaluation, EvaluationSettings, FIRST, Loss, ProgramInfo, conformance::run, last_words, metrics::Metric,
    reply::Reply,
};
use crate::Inputs;

/// The first stage of an evaluator with this text; `Err` if it can't be used.
fn first(name: &str, text: &str) -> Result<Result<Reply, Loss>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join(name), text).expect("a file");
    let program = ProgramInfo {
        main: "program.py".to_owned(),
        language: "python".to_owned(),
        setting: "program.py".to_owned(),
        axes: Vec::new(),
    };
    let settings = EvaluationSettings { evaluator: Some(name.to_owned()), ..Default::default() };
    let inputs = Inputs::in_folder(folder.path());
    let evaluation = Evaluation::new(settings, &program, &inputs).expect("an evaluation");
    run(&evaluation, "", FIRST)
}

/// The hint of an evaluator whose `evaluate` does this.
fn hint(body: &str) -> String {
    let text = format!("def evaluate(path):\n    {}\n", body.replace('\n', "\n    "));
    let reply = first("evaluator.py", &text);
    reply.expect("an evaluator").expect_err("an exception").hint
}

/// What is said of an evaluator that can't be used.
fn refused(name: &str, text: &str) -> String {
    first(name, text).expect_err("refused")
}

#[test]
fn what_the_sandbox_keeps_from_an_evaluator_is_named_with_its_setting() {
    for (body, told) in [
        (
            "import os\nreturn os.environ['SAMARA_NOT_SET']",
            "add SAMARA_NOT_SET to environment.evaluation.variables",
        ),
        ("import socket\nraise socket.gaierror(-3, 'no name')", "environment.evaluation.network = true"),
        (
            "import urllib.error\ntry:\n    raise ConnectionRefusedError(111, 'x')\nexcept OSError as e:\n    \
             raise urllib.error.URLError(e)",
            "environment.evaluation.network = true",
        ),
        ("open('../samara/none.txt')", "/samara/none.txt is there, add it to environment.evaluation.mounts"),
        (
            "import subprocess\nsubprocess.run(['no-such-compiler'])",
            "if `no-such-compiler` is installed, add its folder to environment.evaluation.mounts and PATH",
        ),
        ("raise OSError(30, 'Read-only file system', 'log.txt')", "write below tempfile.gettempdir()"),
        ("raise PermissionError(13, 'Permission denied', '/etc/x')", "write below tempfile.gettempdir()"),
        ("import no_such_module", "environment.evaluation.python to an interpreter"),
        (
            "import sys\nsys.path.insert(0, '/none/beside')\nimport no_such_module",
            "it is looked for in /none/beside, which the sandbox hides: add that to environment.evaluation.mounts",
        ),
    ] {
        let hint = hint(body);
        assert!(hint.contains(told), "{body}: {hint}");
    }
}

#[test]
fn exceptions_that_are_not_the_sandbox_s_doing_get_no_such_hint() {
    for body in ["return {}['a']", "open('none.txt')", "1 / 0", "raise OSError('full')"] {
        let hint = hint(body);
        assert!(!hint.contains("environment.evaluation"), "{body}: {hint}");
    }
}

#[test]
fn an_evaluator_that_does_not_compile_is_shown_by_its_line_and_nothing_of_ours() {
    let said = refused("evaluator.py", "import os\nx = {1: 2\n");
    assert_eq!(
        said,
        "evaluator.py, line 2: '{' was never closed\n    x = {1: 2\nhint: mend it; nothing has been evaluated yet"
    );
    let said = refused("score.sh", "#!/bin/sh\necho 3 | cat\n");
    assert!(said.contains("command = \"./score.sh {program}\""), "{said}");
}

#[test]
fn an_evaluator_that_fails_while_it_is_imported_says_where_and_what_to_do() {
    let said = refused("evaluator.py", "import os\n\ndef evaluate(p): pass\nS = os.environ['MY_SCALE']\n");
    assert!(said.starts_with("evaluator.py raises KeyError when it is imported: 'MY_SCALE'\n"), "{said}");
    assert!(said.contains("evaluator.py\", line 4"), "{said}");
    assert!(said.ends_with("add MY_SCALE to environment.evaluation.variables"), "{said}");
    assert!(!said.contains("harness") && !said.contains("importlib"), "{said}");
    let said = refused("evaluator.py", "import no_such_module\ndef evaluate(p): pass\n");
    assert!(said.starts_with("evaluator.py needs the module `no_such_module`, which "), "{said}");
    assert!(said.contains("\nhint: set environment.evaluation.python"), "{said}");
    let said = refused("evaluator.py", "def evaluate(p): pass\nraise SystemExit(2)\n");
    assert!(said.contains("raises SystemExit") && said.contains("__main__"), "{said}");
}

#[test]
fn what_is_printed_leaves_the_process_line_by_line() {
    let text =
        "import sys\ndef evaluate(path):\n    return {'combined_score': float(sys.stdout.line_buffering)}\n";
    let reply = first("evaluator.py", text).expect("an evaluator").expect("a measurement");
    assert_eq!(reply.metrics.get("combined_score"), Some(&Metric::Number(1.0)));
}

#[test]
fn what_was_printed_before_a_limit_is_told() {
    let loss = |artifacts: &[(&str, &str)]| {
        let artifacts = artifacts.iter().map(|(name, text)| Artifact::text(*name, text)).collect();
        Loss::of_candidate("took longer than 5 s", "").after(artifacts)
    };
    assert_eq!(last_words(&loss(&[("stdout", "starting\nthe thing\n")])), "\n  starting\n  the thing");
    assert_eq!(last_words(&loss(&[("stdout", "a"), ("stderr", "b"), ("error", "c")])), "\n  c");
    assert_eq!(last_words(&loss(&[])), "");
}

#[test]
fn integers_that_python_refuses_to_write_are_shown_by_their_size() {
    let text =
        "def evaluate(path):\n    return {'combined_score': 1, 'huge': 1 << 40000, 'in': [1 << 40000]}\n";
    let reply = first("evaluator.py", text).expect("an evaluator").expect("a measurement");
    let huge = Metric::Other("an int of 40001 bits".to_owned());
    assert_eq!(reply.metrics.get("huge"), Some(&huge));
    assert!(matches!(reply.metrics.get("in"), Some(Metric::Other(text)) if text.contains("list")));
}
