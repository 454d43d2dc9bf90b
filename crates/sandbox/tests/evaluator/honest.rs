//! What evaluators do that mean no harm, all of which must work.

use crate::common::{Bed, bed, folder, job, options, returned, shown, start};
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
