//! OpenELM's three routes: what its environments post, and what they read.

use super::job::{MOST_CPU, seconds, wall};
use crate::job::{Job, Limits};
use crate::text::Repr;
use crate::value::Value;
use crate::verdict::Ending;
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// One of the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// `make_walker()` -> a walker.
    Racer,
    /// A function that draws -> a nested list.
    Image,
    /// A function of a puzzle -> its value.
    Puzzle,
}

impl Route {
    pub(super) fn at(path: &str) -> Option<Self> {
        match path {
            "/gen_racer" => Some(Self::Racer),
            "/eval_imageoptim_func" => Some(Self::Image),
            "/eval_p3_solution" => Some(Self::Puzzle),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
struct Posted {
    code: Codes,
    #[serde(default)]
    func_name: Option<String>,
    #[serde(default)]
    timeout: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Codes {
    One(String),
    Many(Vec<String>),
}

/// A request, read.
pub(super) struct Request {
    pub(super) codes: Vec<String>,
    pub(super) list: bool,
    entry: String,
    limits: Limits,
}

/// Seconds of CPU time if a client gives none, as in OpenELM.
const TIMEOUT: f64 = 5.0;

pub(super) fn read(route: Route, body: &Json) -> Result<Request, String> {
    let posted = Posted::deserialize(body).map_err(|error| error.to_string())?;
    let cpu = seconds(posted.timeout.unwrap_or(TIMEOUT), MOST_CPU)?;
    let entry = match (route, posted.func_name) {
        (Route::Racer, _) => "samara_make_walker".to_owned(),
        (_, Some(name)) => name,
        (..) => return Err("func_name is missing".to_owned()),
    };
    let (codes, list) = match posted.code {
        Codes::One(code) => (vec![code], false),
        Codes::Many(codes) => (codes, true),
    };
    Ok(Request { codes, list, entry, limits: Limits { cpu, wall: wall(cpu), ..Limits::default() } })
}

/// Defines `walk_creator` for walker programs and makes plain data of what they return.
const WALKER: &str = include_str!("walker.py");

pub(super) fn job(route: Route, code: &str, request: &Request) -> Job {
    let program = match route {
        Route::Racer => format!("SOURCE = {}\n{WALKER}", Repr(&Value::from(code))),
        Route::Image | Route::Puzzle => code.to_owned(),
    };
    Job { limits: request.limits, ..Job::new(program, request.entry.clone()) }
}

/// Whether the program is valid, and what the client reads.
pub(super) fn reply(route: Route, code: &str, ending: &Ending) -> (bool, Json) {
    let result = match (route, ending) {
        (Route::Racer, Ending::Ok { value }) => walker(value),
        (
            Route::Image,
            Ending::Ok { value: value @ (Value::List(_) | Value::Tuple(_) | Value::Array(_)) },
        ) => Some(json!(Repr(value).to_string())),
        (Route::Puzzle, Ending::Ok { value }) => Some(json!(Repr(value).to_string())),
        _ => None,
    };
    match result {
        Some(result) => (true, json!({ "program_str": code, "result_obj": result })),
        None => {
            let (error, name) = error(ending);
            (false, json!({ "program_str": code, "message": name, "unsafe_execute_error_code": error }))
        }
    }
}

fn error(ending: &Ending) -> (u8, &'static str) {
    match ending {
        Ending::Ok { .. } => (1, "TEST_FAILED"),
        Ending::Timeout { .. } => (2, "TIMEOUT_EXCEPTION"),
        Ending::Syntax { .. } => (3, "SYNTAX_ERROR"),
        Ending::Exception { kind, .. } => match kind.as_str() {
            // Walker programs are compiled inside another one.
            "SyntaxError" | "IndentationError" | "TabError" => (3, "SYNTAX_ERROR"),
            "TypeError" => (4, "TYPE_ERROR"),
            _ => (5, "EXCEPTION"),
        },
        _ => (6, "OTHER"),
    }
}

/// A walker as the client reads it, if it is one that OpenELM's `validate` accepts and its numbers are finite.
fn walker(value: &Value) -> Option<Json> {
    let Value::Tuple(parts) = value else { return None };
    let [Value::List(joints), Value::List(muscles)] = parts.as_slice() else { return None };
    let joints = joints.iter().map(joint).collect::<Option<Vec<_>>>()?;
    let muscles = muscles.iter().map(|muscle| muscle_of(muscle, joints.len())).collect::<Option<Vec<_>>>()?;
    let near = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < 0.003;
    let close =
        joints.iter().enumerate().any(|(index, one)| joints[..index].iter().any(|other| near(one, other)));
    let ends =
        |joint: usize| muscles.iter().flat_map(|(a, b, ..)| [*a, *b]).filter(|end| *end == joint).count();
    let crowded = (0..joints.len()).any(|joint| ends(joint) > 10);
    let strong = muscles
        .iter()
        .any(|(.., amplitude, phase)| (*amplitude != 0.0 || *phase != 0.0) && *amplitude > 10.0);
    if close || crowded || strong || (joints.is_empty() && muscles.is_empty()) {
        return None;
    }
    let muscle = |(a, b, amplitude, phase): &(usize, usize, f64, f64)| {
        let kind = if *amplitude == 0.0 && *phase == 0.0 { "distance" } else { "muscle" };
        json!([a, b, { "type": kind, "amplitude": amplitude, "phase": phase }])
    };
    Some(json!({ "joints": joints, "muscles": muscles.iter().map(muscle).collect::<Vec<_>>() }))
}

fn joint(value: &Value) -> Option<[f64; 2]> {
    match value {
        Value::Tuple(pair) => Some([finite(pair.first()?)?, finite(pair.get(1)?)?]),
        _ => None,
    }
}

fn muscle_of(value: &Value, joints: usize) -> Option<(usize, usize, f64, f64)> {
    let Value::Tuple(parts) = value else { return None };
    let [a, b, amplitude, phase] = parts.as_slice() else { return None };
    let end = |value: &Value| match value {
        Value::Int(int) => usize::try_from(int.to_i64()?).ok().filter(|end| *end < joints),
        _ => None,
    };
    Some((end(a)?, end(b)?, finite(amplitude)?, finite(phase)?))
}

fn finite(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float).filter(|float| float.is_finite()),
        Value::Int(int) => int.to_i64().map(|small| small as f64),
        _ => None,
    }
}
