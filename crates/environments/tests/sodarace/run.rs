//! Runs walker programs in the sandbox and reads what comes out.

use std::sync::LazyLock;

use samara_environments::sodarace::{ENTRY, preamble};
use samara_sandbox::{Ending, Job, Sandbox, SandboxOptions, Tier, Value};
use samara_seedling::walkers::{Body, Muscle};

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    // The programs are the project's own or its model's: a machine without Landlock can run this test as well.
    let settings =
        SandboxOptions { minimum: Tier::Process, numpy: false, servers: 2, ..SandboxOptions::default() };
    Sandbox::start(&settings).unwrap()
});

/// What a program did in Python: a walker, or why not.
pub(crate) fn run(program: &str) -> Result<Body, String> {
    let verdict = SANDBOX.run(&Job { prelude: preamble(), ..Job::new(program, ENTRY) }).unwrap();
    match verdict.ending {
        Ending::Ok { value } => body(&value).ok_or_else(|| format!("no walker: {value:?}")),
        other => Err(format!("{other:?}")),
    }
}

fn body(value: &Value) -> Option<Body> {
    let Value::Tuple(parts) = value else { return None };
    let [Value::List(joints), Value::List(muscles)] = parts.as_slice() else { return None };
    let joint = |value: &Value| match numbers(value)?.as_slice() {
        [x, y] => Some((*x, *y)),
        _ => None,
    };
    let muscle = |value: &Value| match numbers(value)?.as_slice() {
        [from, to, amplitude, phase] => {
            let end = |number: f64| number as usize;
            Some(Muscle { from: end(*from), to: end(*to), amplitude: *amplitude, phase: *phase })
        }
        _ => None,
    };
    Some(Body {
        joints: joints.iter().map(joint).collect::<Option<_>>()?,
        muscles: muscles.iter().map(muscle).collect::<Option<_>>()?,
    })
}

fn numbers(value: &Value) -> Option<Vec<f64>> {
    let Value::List(values) = value else { return None };
    let number = |value: &Value| match value {
        Value::Float(number) => Some(*number),
        Value::Int(number) => number.to_string().parse().ok(),
        _ => None,
    };
    values.iter().map(number).collect()
}
