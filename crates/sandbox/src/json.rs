//! Values and verdicts as JSON.
//!
//! What JSON has is itself. What it lacks is an object with one key that begins with `$`: `{"$int": "123"}` beyond 64
//! bits, `{"$float": "nan"}`, `{"$str": [code points]}` with lone surrogates, `{"$bytes": "hex"}`,
//! `{"$tuple": [...]}`, `{"$dict": [[key, value], ...]}` unless all keys are text without a leading `$`,
//! `{"$array": {"dtype", "shape", "data": "hex"}}`.

use crate::value::{Array, Dtype, Int, Value};
use crate::verdict::{Clock, Ending, Verdict};
use serde_json::{Map, Value as Json, json};

/// A value as JSON.
pub fn from_value(value: &Value) -> Json {
    let all = |values: &[Value]| Json::Array(values.iter().map(from_value).collect());
    match value {
        Value::None => Json::Null,
        Value::Bool(truth) => json!(truth),
        Value::Int(int) => {
            int.to_i64().map_or_else(|| json!({ "$int": int.to_string() }), |small| json!(small))
        }
        Value::Float(float) if float.is_finite() => json!(float),
        Value::Float(float) if float.is_nan() => json!({ "$float": "nan" }),
        Value::Float(float) => json!({ "$float": if *float > 0.0 { "inf" } else { "-inf" } }),
        Value::Str(text) => json!(text),
        Value::Surrogates(points) => json!({ "$str": points }),
        Value::Bytes(bytes) => json!({ "$bytes": hex(bytes) }),
        Value::List(values) => all(values),
        Value::Tuple(values) => json!({ "$tuple": all(values) }),
        Value::Dict(pairs) => from_pairs(pairs),
        Value::Array(array) => {
            let name = String::from_utf8_lossy(array.dtype().name()).into_owned();
            json!({ "$array": { "dtype": name, "shape": array.shape(), "data": hex(array.data()) } })
        }
    }
}

fn from_pairs(pairs: &[(Value, Value)]) -> Json {
    let plain = |(key, value): &(Value, Value)| match key {
        Value::Str(key) if !key.starts_with('$') => Some((key.clone(), from_value(value))),
        _ => None,
    };
    match pairs.iter().map(plain).collect::<Option<Map<_, _>>>() {
        Some(map) => Json::Object(map),
        None => {
            let pairs: Vec<Json> =
                pairs.iter().map(|(key, value)| json!([from_value(key), from_value(value)])).collect();
            json!({ "$dict": pairs })
        }
    }
}

/// A value from JSON.
///
/// # Errors
/// If an object with a `$` is none of those above.
pub fn to_value(json: &Json) -> Result<Value, String> {
    let all = |values: &[Json]| values.iter().map(to_value).collect::<Result<Vec<_>, _>>();
    match json {
        Json::Null => Ok(Value::None),
        Json::Bool(truth) => Ok(Value::Bool(*truth)),
        Json::Number(number) => match number.as_i64() {
            Some(small) => Ok(small.into()),
            None if number.is_u64() => {
                Int::parse(&number.to_string()).map(Value::Int).ok_or_else(|| number.to_string())
            }
            None => number.as_f64().map(Value::Float).ok_or_else(|| format!("{number} is no number")),
        },
        Json::String(text) => Ok(Value::Str(text.clone())),
        Json::Array(values) => all(values).map(Value::List),
        Json::Object(map) => match map.iter().next() {
            Some((key, inner)) if map.len() == 1 && key.starts_with('$') => {
                tagged(key, inner).ok_or_else(|| format!("{json} is no value"))
            }
            _ => {
                let pairs = map.iter().map(|(key, value)| Ok((Value::from(key.as_str()), to_value(value)?)));
                pairs.collect::<Result<_, String>>().map(Value::Dict)
            }
        },
    }
}

fn tagged(key: &str, inner: &Json) -> Option<Value> {
    let list = || inner.as_array()?.iter().map(|json| to_value(json).ok()).collect::<Option<Vec<_>>>();
    Some(match key {
        "$int" => Value::Int(Int::parse(inner.as_str()?)?),
        "$float" => Value::Float(match inner.as_str()? {
            "nan" => f64::NAN,
            "inf" => f64::INFINITY,
            "-inf" => f64::NEG_INFINITY,
            _ => return None,
        }),
        "$str" => {
            let points = inner.as_array()?.iter().map(|point| u32::try_from(point.as_u64()?).ok());
            Value::Surrogates(points.collect::<Option<_>>()?)
        }
        "$bytes" => Value::Bytes(unhex(inner.as_str()?)?),
        "$tuple" => Value::Tuple(list()?),
        "$dict" => {
            let pair = |value| match value {
                Value::List(pair) => <[Value; 2]>::try_from(pair).ok().map(|[key, value]| (key, value)),
                _ => None,
            };
            Value::Dict(list()?.into_iter().map(pair).collect::<Option<_>>()?)
        }
        "$array" => {
            let dtype = Dtype::named(inner["dtype"].as_str()?.as_bytes())?;
            let shape = inner["shape"].as_array()?.iter().map(Json::as_u64).collect::<Option<_>>()?;
            Value::Array(Array::new(dtype, shape, unhex(inner["data"].as_str()?)?)?)
        }
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits =
        text.chars().map(|digit| digit.to_digit(16).map(|digit| digit as u8)).collect::<Option<Vec<_>>>()?;
    let pairs = digits.chunks(2).map(|pair| (pair.len() == 2).then(|| pair[0] << 4 | pair[1]));
    pairs.collect()
}

/// A verdict as JSON: the ending's name, who says so, what belongs to it, what was used, and the isolation.
pub fn from_verdict(verdict: &Verdict) -> Json {
    let detail = match &verdict.ending {
        Ending::Ok { value } => json!({ "value": from_value(value) }),
        Ending::Syntax { message } => json!({ "message": message }),
        Ending::Exception { kind, message } => json!({ "kind": kind, "message": message }),
        Ending::Timeout { clock: Clock::Cpu } => json!({ "clock": "cpu" }),
        Ending::Timeout { clock: Clock::Wall } => json!({ "clock": "wall" }),
        Ending::Crash { signal } => json!({ "signal": signal }),
        Ending::Forbidden { syscall } => json!({ "syscall": syscall }),
        Ending::NoResult { exit } => json!({ "exit": exit }),
        Ending::Failed { why } => json!({ "why": why }),
        Ending::ResultLimit { bound, .. } => json!({ "limit": bound.name() }),
        Ending::Memory { .. } | Ending::OutputLimit | Ending::BadFrame => json!({}),
    };
    let mut all = json!({
        "outcome": verdict.ending.name(),
        "source": verdict.ending.source().name(),
        "cpu_seconds": verdict.cpu.as_secs_f64(),
        "wall_seconds": verdict.wall.as_secs_f64(),
        "peak_memory_bytes": verdict.peak_memory,
        "scratch_bytes": verdict.scratch_bytes,
        "stdout": verdict.stdout,
        "isolation": { "tier": verdict.isolation.tier, "python": &*verdict.isolation.python },
    });
    if let (Json::Object(all), Json::Object(detail)) = (&mut all, detail) {
        all.extend(detail);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_comes_back_from_json() {
        let array = Array::new(Dtype::F32, vec![1], vec![0, 0, 128, 63]).unwrap();
        let all = Value::List(vec![
            Value::None,
            Value::Bool(true),
            Value::from(-3),
            Value::Int(Int::parse("123456789012345678901234567890").unwrap()),
            Value::Int(Int::parse("18446744073709551615").unwrap()),
            Value::Float(2.0),
            Value::Float(f64::NEG_INFINITY),
            "text".into(),
            Value::Surrogates(vec![0xd800, 97]),
            Value::Bytes(vec![0, 255]),
            Value::Tuple(vec![Value::None]),
            Value::Dict(vec![("a".into(), 1.into())]),
            Value::Dict(vec![("$int".into(), 1.into())]),
            Value::Dict(vec![(Value::Tuple(vec![1.into()]), 2.into())]),
            Value::Array(array),
        ]);
        let text = from_value(&all).to_string();
        assert_eq!(to_value(&serde_json::from_str(&text).unwrap()), Ok(all), "{text}");
        assert!(to_value(&json!({ "$nothing": 1 })).is_err());
    }
}
