//! Programs on a server that has OpenELM's routes and no others.
//!
//! Its route for puzzles runs a function without arguments and answers with the text of its value. The function that is
//! sent runs the program as our sandbox would and returns the verdict as hexadecimal digits, so that every value comes
//! back as it was; what the server itself says is a timeout, or what kept the function from its end.

use reqwest::StatusCode;
use samara_sandbox::{Clock, Ending, Job, Value, json::to_value, text::Repr};
use serde_json::{Value as Json, json};

use super::{Trouble, brief, no_answer, refused};

/// Runs a program and tells what became of it.
const TELLS: &str = include_str!("tells.py");

/// The function in it.
const ENTRY: &str = "samara_tells";

/// The request: seconds on the clock, since such a server has no other.
pub(super) fn asked(job: &Job) -> Json {
    let text = |text: &str| Repr(&Value::from(text)).to_string();
    let code = format!(
        "SAMARA_PRELUDE = {}\nSAMARA_PROGRAM = {}\nSAMARA_ENTRY = {}\nSAMARA_SEED = {}\nnan, inf = float('nan'), \
         float('inf')\nSAMARA_ARGUMENTS = {}\n{TELLS}",
        text(&job.prelude),
        text(&job.program),
        text(&job.entry),
        job.seed,
        Repr(&Value::List(job.arguments.clone())),
    );
    json!({ "code": code, "func_name": ENTRY, "timeout": job.limits.cpu.as_secs_f64() })
}

/// What became of the program.
pub(super) fn ending(status: StatusCode, answer: &[u8]) -> Result<Ending, Trouble> {
    let parsed: Result<Json, _> = serde_json::from_slice(answer);
    match status {
        StatusCode::OK => {
            let json = parsed.map_err(|_| no_answer("it is no JSON"))?;
            let result = json.get("result_obj").and_then(Json::as_str);
            told(result.ok_or_else(|| no_answer("it has no result_obj"))?).map_err(no_answer)
        }
        StatusCode::INTERNAL_SERVER_ERROR => {
            let json = parsed.map_err(|_| no_answer("it is no JSON"))?;
            named(json.get("unsafe_execute_error_code").unwrap_or(&Json::Null))
        }
        _ => Err(refused(status, None)),
    }
}

/// The ending that the function tells, from the text of its value: a quoted word of hexadecimal digits.
fn told(result: &str) -> Result<Ending, &'static str> {
    let digits = result.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let bytes = digits.and_then(unhex).ok_or("its result is not what was asked for")?;
    let json: Json = serde_json::from_slice(&bytes).map_err(|_| "its result is no JSON")?;
    let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
    if let Some(value) = json.get("value") {
        return to_value(value).map(|value| Ending::Ok { value }).map_err(|_| "its result is no value");
    }
    if let Some(message) = text("syntax") {
        return Ok(Ending::Syntax { message });
    }
    match (text("kind"), text("message")) {
        (Some(kind), Some(message)) => Ok(Ending::Exception { kind, message }),
        _ => Err("its result tells nothing"),
    }
}

/// The ending that an error's code names.
fn named(code: &Json) -> Result<Ending, Trouble> {
    match code.as_str() {
        Some("TIMEOUT_EXCEPTION") => Ok(Ending::Timeout { clock: Clock::Wall }),
        Some(name) => Ok(Ending::Exception { kind: brief(name), message: "as the server says".to_owned() }),
        None if code.is_number() => Ok(Ending::NoResult { exit: 1 }),
        None => Err(no_answer("it names no error")),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(json: &str) -> String {
        let digits: String = json.bytes().map(|byte| format!("{byte:02x}")).collect();
        serde_json::json!({ "program_str": "", "result_obj": format!("'{digits}'") }).to_string()
    }

    #[test]
    fn what_the_function_tells_is_the_ending() {
        let ending = |json: &str| ending(StatusCode::OK, answered(json).as_bytes()).ok();
        assert_eq!(ending(r#"{"value": {"$tuple": [1, 0.5]}}"#), {
            let value = Value::Tuple(vec![1.into(), 0.5.into()]);
            Some(Ending::Ok { value })
        });
        assert_eq!(ending(r#"{"syntax": "x"}"#), Some(Ending::Syntax { message: "x".into() }));
        let kind = Ending::Exception { kind: "KeyError".into(), message: "3".into() };
        assert_eq!(ending(r#"{"kind": "KeyError", "message": "3"}"#), Some(kind));
        assert_eq!(ending("{}"), None);
    }

    #[test]
    fn what_is_no_answer_fails_the_program() {
        for (status, body) in [
            (200, ""),
            (200, "{}"),
            (200, r#"{"result_obj": "'7'"}"#),
            (200, r#"{"result_obj": "[1, 2]"}"#),
            (200, r#"{"result_obj": "'zz'"}"#),
            (500, "<html>"),
            (500, "{}"),
            (404, "{}"),
        ] {
            let ended = ending(StatusCode::from_u16(status).unwrap_or_default(), body.as_bytes());
            assert!(matches!(ended, Err(Trouble::Answer(_))), "{status} {body}");
        }
        let timeout = br#"{"unsafe_execute_error_code": "TIMEOUT_EXCEPTION"}"#;
        let ended = ending(StatusCode::INTERNAL_SERVER_ERROR, timeout);
        assert!(matches!(ended, Ok(Ending::Timeout { clock: Clock::Wall })));
    }
}
