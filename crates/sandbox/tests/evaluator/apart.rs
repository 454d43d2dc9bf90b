//! Evaluators that call a candidate which runs somewhere else.

use crate::common::{bed, folder, job, options, returned, shown, start};
use samara_sandbox::{CandidateCall, CandidateReply, Value};

const HARNESS: &str = "
import sys
def evaluate(request):
    space = {'candidate_call': candidate_call, 'CandidateError': CandidateError}
    exec(open('/tmp/candidate/main.py').read(), space)
    return space['evaluate'](request)
";

/// Runs an evaluator's text with this candidate; none where evaluators can't be isolated.
fn run(text: &str, calls: &mut dyn FnMut(CandidateCall) -> CandidateReply) -> Option<String> {
    let folder = folder();
    let evaluators = start(&options(HARNESS, folder.path()))?;
    Some(shown(&evaluators.run(&job(text), calls).unwrap().ending))
}

fn echo(call: CandidateCall) -> CandidateReply {
    CandidateReply::Value(Value::List(vec![Value::Str(call.entry), Value::List(call.arguments)]))
}

#[test]
fn values_go_to_a_candidate_and_come_back() {
    let text = "def evaluate(request): return [candidate_call('f', [1, 'é', None, 2.5, [True], {'a': 1}]), candidate_call('g')]";
    let Some(shown) = run(text, &mut echo) else { return };
    assert_eq!(shown, r#"returned [["f", [1, "\u00e9", null, 2.5, [true], {"a": 1}]], ["g", []]]"#);
}

#[test]
fn large_values_pass_in_both_directions() {
    let text = "def evaluate(request):\n    x = candidate_call('f', ['x' * 5000000])\n    return [x[0], len(x[1][0])]";
    let Some(shown) = run(text, &mut echo) else { return };
    assert_eq!(shown, r#"returned ["f", 5000000]"#);
}

#[test]
fn what_goes_wrong_with_a_candidate_is_an_exception_of_its_own() {
    let text = "def evaluate(request):\n    try: candidate_call('f', [])\n    except CandidateError as error: return [error.kind, error.message, str(error)]";
    let mut fail =
        |_| CandidateReply::Error { kind: "ZeroDivisionError".to_owned(), message: "by zero".to_owned() };
    let Some(shown) = run(text, &mut fail) else { return };
    assert_eq!(shown, r#"returned ["ZeroDivisionError", "by zero", "ZeroDivisionError: by zero"]"#);
    assert_eq!(
        run("def evaluate(request): candidate_call('f')", &mut fail).unwrap(),
        "raised CandidateError"
    );
}

#[test]
fn calls_from_threads_get_their_own_answers() {
    let text = "
import concurrent.futures
def evaluate(request):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda n: candidate_call('f', [n])[1][0], range(40))) == list(range(40))";
    let Some(shown) = run(text, &mut echo) else { return };
    assert_eq!(shown, "returned true");
}

#[test]
fn what_can_not_be_passed_on_is_the_evaluator_s_exception() {
    let text = "def evaluate(request): candidate_call('f', [object()])";
    let Some(shown) = run(text, &mut echo) else { return };
    assert_eq!(shown, "raised TypeError");
    let forked = "
import os
def evaluate(request):
    if os.fork() == 0:
        try: candidate_call('f')
        except RuntimeError: os._exit(5)
    return os.waitstatus_to_exitcode(os.wait()[1])";
    assert_eq!(run(forked, &mut echo).unwrap(), "returned 5");
}

#[test]
fn an_evaluator_whose_candidate_is_not_apart_hears_so() {
    let Some(bed) = bed() else { return };
    let text = "import harness\ndef evaluate(request):\n    try: harness.candidate_call('f')\n    except harness.CandidateError as error: return error.kind";
    assert_eq!(returned(bed.run_text(text)), "\"Test\"");
}
