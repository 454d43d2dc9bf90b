//! Verdicts as JSON, read: what [`crate::json::Told`] has written on another machine.

use crate::codec::Bound;
use crate::json::to_value;
use crate::tier::Tier;
use crate::verdict::{Clock, Ending, Isolation, Source, Verdict};
use serde_json::Value as Json;
use std::time::Duration;

/// The verdict that a tree of JSON tells.
///
/// # Errors
/// What is missing or can't be understood, without a word of what was sent.
pub fn to_verdict(json: &Json) -> Result<Verdict, String> {
    let seconds = |key: &str| {
        let number = json.get(key).and_then(Json::as_f64).unwrap_or(0.0);
        Duration::try_from_secs_f64(number).map_err(|_| format!("{key} is no time"))
    };
    let whole = |key: &str| json.get(key).and_then(Json::as_u64).unwrap_or(0);
    Ok(Verdict {
        ending: ending(json)?,
        cpu: seconds("cpu_seconds")?,
        wall: seconds("wall_seconds")?,
        peak_memory: whole("peak_memory_bytes"),
        scratch_bytes: whole("scratch_bytes"),
        stdout: text(json, "stdout").unwrap_or_default(),
        isolation: isolation(json.get("isolation").ok_or("it has no isolation")?)?,
    })
}

/// The isolation that an object with `tier` and `python` names.
///
/// # Errors
/// If there is no such tier.
pub fn isolation(json: &Json) -> Result<Isolation, String> {
    let tier = json.get("tier").and_then(Json::as_str).and_then(|name| name.parse::<Tier>().ok());
    let python = json.get("python").and_then(Json::as_str).unwrap_or("unknown");
    // A version, not a letter from a stranger.
    let python: String = python.chars().filter(char::is_ascii_graphic).take(60).collect();
    Ok(Isolation { tier: tier.ok_or("it names no tier")?, python: python.into() })
}

fn text(json: &Json, key: &str) -> Result<String, String> {
    json.get(key).and_then(Json::as_str).map(str::to_owned).ok_or_else(|| format!("it has no {key}"))
}

fn number(json: &Json, key: &str) -> Result<i32, String> {
    let number = json.get(key).and_then(Json::as_i64).and_then(|number| i32::try_from(number).ok());
    number.ok_or_else(|| format!("it has no {key}"))
}

fn ending(json: &Json) -> Result<Ending, String> {
    let source = match json.get("source").and_then(Json::as_str) {
        Some("program") => Source::Program,
        _ => Source::Host,
    };
    Ok(match text(json, "outcome")?.as_str() {
        "ok" => {
            let value = json.get("value").ok_or("it has no value")?;
            Ending::Ok { value: to_value(value).map_err(|_| "its value is none".to_owned())? }
        }
        "syntax" => Ending::Syntax { message: text(json, "message")? },
        "exception" => Ending::Exception { kind: text(json, "kind")?, message: text(json, "message")? },
        "timeout" => match text(json, "clock")?.as_str() {
            "wall" => Ending::Timeout { clock: Clock::Wall },
            _ => Ending::Timeout { clock: Clock::Cpu },
        },
        "memory" => Ending::Memory { source },
        "output_limit" => Ending::OutputLimit,
        "result_limit" => {
            let name = text(json, "limit")?;
            let bound = Bound::named(&name).ok_or("it names no limit")?;
            Ending::ResultLimit { bound, source }
        }
        "crash" => Ending::Crash { signal: number(json, "signal")? },
        "forbidden" => Ending::Forbidden { syscall: text(json, "syscall")? },
        "no_result" => Ending::NoResult { exit: number(json, "exit")? },
        "bad_frame" => Ending::BadFrame,
        "failed" => Ending::Failed { why: text(json, "why")? },
        _ => return Err("its outcome is unknown".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::from_verdict;
    use crate::value::Value;

    fn verdict(ending: Ending) -> Verdict {
        Verdict {
            ending,
            cpu: Duration::from_millis(250),
            wall: Duration::from_millis(500),
            peak_memory: 1 << 20,
            scratch_bytes: 7,
            stdout: "said".to_owned(),
            isolation: Isolation { tier: Tier::Jail, python: "3.12.1".into() },
        }
    }

    #[test]
    fn every_verdict_comes_back_from_json() {
        let text = || "text".to_owned();
        for ending in [
            Ending::Ok { value: Value::Tuple(vec![Value::Float(f64::INFINITY), Value::Bytes(vec![1])]) },
            Ending::Syntax { message: text() },
            Ending::Exception { kind: text(), message: text() },
            Ending::Timeout { clock: Clock::Cpu },
            Ending::Timeout { clock: Clock::Wall },
            Ending::Memory { source: Source::Program },
            Ending::Memory { source: Source::Host },
            Ending::OutputLimit,
            Ending::Crash { signal: 11 },
            Ending::Forbidden { syscall: text() },
            Ending::NoResult { exit: 3 },
            Ending::BadFrame,
            Ending::Failed { why: text() },
        ] {
            let told = verdict(ending);
            assert_eq!(to_verdict(&from_verdict(&told)), Ok(told));
        }
        for bound in Bound::ALL {
            let told = verdict(Ending::ResultLimit { bound, source: Source::Program });
            assert_eq!(to_verdict(&from_verdict(&told)), Ok(told));
        }
    }

    #[test]
    fn what_is_no_verdict_is_refused_without_repeating_it() {
        for bad in [
            serde_json::json!({}),
            serde_json::json!([]),
            serde_json::json!({"outcome": "SECRET", "isolation": {"tier": "jail"}}),
            serde_json::json!({"outcome": "ok", "value": {"$int": "SECRET"}, "isolation": {"tier": "jail"}}),
            serde_json::json!({"outcome": "output_limit", "cpu_seconds": -1, "isolation": {"tier": "jail"}}),
            serde_json::json!({"outcome": "output_limit", "isolation": {"tier": "SECRET"}}),
            serde_json::json!({"outcome": "result_limit", "limit": "SECRET", "isolation": {"tier": "jail"}}),
        ] {
            let why = to_verdict(&bad).expect_err("no verdict");
            assert!(!why.contains("SECRET"), "{why}");
        }
    }
}
