//! Values and verdicts as JSON, read and written without a tree in between.
//!
//! What JSON has is itself. What it lacks is an object with one key that begins with `$`: `{"$int": "123"}` beyond 64
//! bits, `{"$float": "nan"}`, `{"$str": [code points]}` with lone surrogates, `{"$bytes": "hex"}`,
//! `{"$tuple": [...]}`, `{"$dict": [[key, value], ...]}` unless all keys are text without a leading `$`,
//! `{"$array": {"dtype", "shape", "data": "hex"}}`.
//!
//! Reading is linear, and a [`Meter`] counts what it will take before it is taken. Writing takes no memory of its own:
//! [`Plain`] and [`Told`] are written piece by piece to wherever a serializer writes.

use crate::value::{Array, Dtype, Int, MAX_DECIMAL_DIGITS, Value};
use crate::verdict::{Clock, Ending, Verdict};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value as Json;
use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

/// Counts what reading values takes, before it is taken.
pub struct Meter<'a> {
    nodes: Cell<u32>,
    most: u32,
    take: &'a dyn Fn(usize, usize) -> bool,
    refused: Cell<bool>,
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// Bytes that a value takes at most while it is read, without its text: its place in a vector that grows (the old one
/// and the new one, with room to spare), a key's place in the set that finds keys that stand twice, and the blocks of
/// its own.
pub const NODE: usize = 4 * size_of::<Value>() + 64;

impl<'a> Meter<'a> {
    /// A meter for at most so many values, nested ones and keys included. `take` is told how many more values ([`NODE`]
    /// bytes each) and bytes of text are about to be taken, and says whether that is allowed.
    pub fn new(nodes: u32, take: &'a dyn Fn(usize, usize) -> bool) -> Self {
        Self { nodes: Cell::new(nodes), most: nodes, take, refused: Cell::new(false) }
    }

    /// Whether an error was because the meter's bytes ran out, and not because of what was read.
    pub fn refused(&self) -> bool {
        self.refused.get()
    }

    /// Counts a text of so many bytes.
    ///
    /// # Errors
    /// If the bytes are not there.
    pub fn text<E: Error>(&self, length: usize) -> Result<(), E> {
        self.count(0, length)
    }

    fn count<E: Error>(&self, nodes: usize, text: usize) -> Result<(), E> {
        if (self.take)(nodes, text) {
            return Ok(());
        }
        self.refused.set(true);
        Err(E::custom("there is not enough memory left for it"))
    }

    fn node<E: Error>(&self) -> Result<(), E> {
        let left = self.nodes.get().checked_sub(1);
        let left = left.ok_or_else(|| E::custom(format_args!("more than {} values", self.most)))?;
        self.nodes.set(left);
        self.count(1, 0)
    }
}

/// Reads one value from any of serde's formats, JSON above all.
#[derive(Debug, Clone, Copy)]
pub struct Seed<'a, 'm>(pub &'a Meter<'m>);

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.node()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        match i64::try_from(number) {
            Ok(number) => Ok(number.into()),
            Err(_) => whole(&number.to_string()).map(Value::Int).map_err(E::custom),
        }
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text.len())?;
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(self)? {
            values.push(value);
        }
        values.shrink_to_fit();
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = entries.next_key_seed(Key(self.0))? {
            pairs.push((Value::Str(key), entries.next_value_seed(self)?));
        }
        if let [(Value::Str(key), _)] = pairs.as_slice()
            && key.starts_with('$')
            && let Some((Value::Str(key), inner)) = pairs.pop()
        {
            return tagged(&key, inner).map_err(A::Error::custom);
        }
        pairs.shrink_to_fit();
        let mut seen = HashSet::with_capacity(pairs.len());
        match pairs.iter().find(|(key, _)| !seen.insert(as_text(key))) {
            Some((key, _)) => {
                let key: String = as_text(key).chars().take(100).collect();
                Err(A::Error::custom(format_args!("{key:?} stands twice in an object")))
            }
            None => Ok(Value::Dict(pairs)),
        }
    }
}

fn as_text(value: &Value) -> &str {
    if let Value::Str(text) = value { text } else { "" }
}

/// A key of an object, counted as the value that it becomes.
struct Key<'a, 'm>(&'a Meter<'m>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        self.0.node()?;
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        self.0.text(key.len())?;
        Ok(key.to_owned())
    }
}

/// Reads a value from a JSON text that is all of the bytes.
///
/// # Errors
/// If it is no JSON or no value, or the meter does not allow it.
pub fn read(text: &[u8], meter: &Meter<'_>) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Seed(meter).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value from JSON that has been read already.
///
/// # Errors
/// If an object with a `$` is none of those above.
pub fn to_value(json: &Json) -> Result<Value, String> {
    let meter = Meter::new(u32::MAX, &|_, _| true);
    Seed(&meter).deserialize(json).map_err(|error| error.to_string())
}

/// The value that an object with this one key stands for.
fn tagged(key: &str, inner: Value) -> Result<Value, String> {
    let expected = match key {
        "$int" => "a text of digits",
        "$float" => "\"nan\", \"inf\" or \"-inf\"",
        "$str" => "a list of code points",
        "$bytes" => "a text of two hexadecimal digits for each byte",
        "$tuple" => "a list",
        "$dict" => "a list of pairs",
        _ => "dtype, shape and data that fit together",
    };
    let value = match (key, inner) {
        ("$int", Value::Str(digits)) => return whole(&digits).map(Value::Int),
        ("$float", Value::Str(name)) => match name.as_str() {
            "nan" => Some(Value::Float(f64::NAN)),
            "inf" => Some(Value::Float(f64::INFINITY)),
            "-inf" => Some(Value::Float(f64::NEG_INFINITY)),
            _ => None,
        },
        ("$str", Value::List(points)) => numbers::<u32>(&points).map(Value::Surrogates),
        ("$bytes", Value::Str(text)) => unhex(&text).map(Value::Bytes),
        ("$tuple", Value::List(values)) => Some(Value::Tuple(values)),
        ("$dict", Value::List(pairs)) => {
            let pair = |value| match value {
                Value::List(pair) => <[Value; 2]>::try_from(pair).ok().map(|[key, value]| (key, value)),
                _ => None,
            };
            pairs.into_iter().map(pair).collect::<Option<_>>().map(Value::Dict)
        }
        ("$array", Value::Dict(parts)) => array(&parts).map(Value::Array),
        ("$int" | "$float" | "$str" | "$bytes" | "$tuple" | "$dict" | "$array", _) => None,
        _ => {
            let key: String = key.chars().take(100).collect();
            return Err(format!(
                "{key:?} is no kind of value (those are $int, $float, $str, $bytes, $tuple, $dict and $array)"
            ));
        }
    };
    value.ok_or_else(|| format!("{key:?} holds something other than {expected}"))
}

/// A whole number. [`Int::parse`] bounds its decimal digits, because reading them takes time that grows with their square.
fn whole(digits: &str) -> Result<Int, String> {
    let hexadecimal = digits.trim_start_matches('-').starts_with("0x");
    if !hexadecimal && digits.len() > MAX_DECIMAL_DIGITS {
        return Err(format!(
            "a number of {} decimal digits is longer than {MAX_DECIMAL_DIGITS}; write it in hexadecimal, after 0x",
            digits.len()
        ));
    }
    Int::parse(digits).ok_or_else(|| {
        let beginning: String = digits.chars().take(40).collect();
        format!("{beginning:?} is no whole number")
    })
}

fn numbers<T: TryFrom<i64>>(values: &[Value]) -> Option<Vec<T>> {
    let number = |value: &Value| match value {
        Value::Int(int) => T::try_from(int.to_i64()?).ok(),
        _ => None,
    };
    values.iter().map(number).collect()
}

fn array(parts: &[(Value, Value)]) -> Option<Array> {
    let part = |name: &str| parts.iter().find(|(key, _)| as_text(key) == name).map(|(_, value)| value);
    let (Value::Str(dtype), Value::List(shape), Value::Str(data)) =
        (part("dtype")?, part("shape")?, part("data")?)
    else {
        return None;
    };
    Array::new(Dtype::named(dtype.as_bytes())?, numbers(shape)?, unhex(data)?)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

/// Shows bytes as hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // By pieces: each one is a call through two layers of writers.
        for bytes in self.0.chunks(64) {
            let mut digits = [0; 128];
            for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
                pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
            f.write_str(str::from_utf8(&digits[..2 * bytes.len()]).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Something that is written as its text.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A value, to be written as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a>(pub &'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::None => serializer.serialize_unit(),
            Value::Bool(truth) => serializer.serialize_bool(*truth),
            Value::Int(int) => match int.to_i64() {
                Some(small) => serializer.serialize_i64(small),
                None => one(serializer, "$int", &Text(int)),
            },
            Value::Float(float) if float.is_finite() => serializer.serialize_f64(*float),
            Value::Float(float) if float.is_nan() => one(serializer, "$float", "nan"),
            Value::Float(float) => one(serializer, "$float", if *float > 0.0 { "inf" } else { "-inf" }),
            Value::Str(text) => serializer.serialize_str(text),
            Value::Surrogates(points) => one(serializer, "$str", points),
            Value::Bytes(bytes) => one(serializer, "$bytes", &Text(Hex(bytes))),
            Value::List(values) => Plains(values).serialize(serializer),
            Value::Tuple(values) => one(serializer, "$tuple", &Plains(values)),
            Value::Dict(pairs) => written_pairs(serializer, pairs),
            Value::Array(array) => one(serializer, "$array", &ArrayParts(array)),
        }
    }
}

/// An object with one key.
fn one<S: Serializer, T: Serialize + ?Sized>(serializer: S, key: &str, inner: &T) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, inner)?;
    map.end()
}

fn written_pairs<S: Serializer>(serializer: S, pairs: &[(Value, Value)]) -> Result<S::Ok, S::Error> {
    let plain = |(key, _): &(Value, Value)| matches!(key, Value::Str(key) if !key.starts_with('$'));
    if !pairs.iter().all(plain) {
        return one(serializer, "$dict", &Pairs(pairs));
    }
    let mut map = serializer.serialize_map(Some(pairs.len()))?;
    for (key, value) in pairs {
        map.serialize_entry(as_text(key), &Plain(value))?;
    }
    map.end()
}

struct Plains<'a>(&'a [Value]);

impl Serialize for Plains<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Plain))
    }
}

struct Pairs<'a>(&'a [(Value, Value)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = serializer.serialize_seq(Some(self.0.len()))?;
        for (key, value) in self.0 {
            all.serialize_element(&[Plain(key), Plain(value)])?;
        }
        all.end()
    }
}

struct ArrayParts<'a>(&'a Array);

impl Serialize for ArrayParts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("dtype", &String::from_utf8_lossy(self.0.dtype().name()))?;
        map.serialize_entry("shape", self.0.shape())?;
        map.serialize_entry("data", &Text(Hex(self.0.data())))?;
        map.end()
    }
}

/// A verdict, to be written as JSON: the ending's name, who says so, what belongs to it, what was used, and the isolation.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a>(pub &'a Verdict);

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(verdict) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("outcome", verdict.ending.name())?;
        map.serialize_entry("source", verdict.ending.source().name())?;
        match &verdict.ending {
            Ending::Ok { value } => map.serialize_entry("value", &Plain(value))?,
            Ending::Syntax { message } => map.serialize_entry("message", message)?,
            Ending::Exception { kind, message } => {
                map.serialize_entry("kind", kind)?;
                map.serialize_entry("message", message)?;
            }
            Ending::Timeout { clock: Clock::Cpu } => map.serialize_entry("clock", "cpu")?,
            Ending::Timeout { clock: Clock::Wall } => map.serialize_entry("clock", "wall")?,
            Ending::Crash { signal } => map.serialize_entry("signal", signal)?,
            Ending::Forbidden { syscall } => map.serialize_entry("syscall", syscall)?,
            Ending::NoResult { exit } => map.serialize_entry("exit", exit)?,
            Ending::Failed { why } => map.serialize_entry("why", why)?,
            Ending::ResultLimit { bound, .. } => map.serialize_entry("limit", bound.name())?,
            Ending::Memory { .. } | Ending::OutputLimit | Ending::BadFrame => {}
        }
        map.serialize_entry("cpu_seconds", &verdict.cpu.as_secs_f64())?;
        map.serialize_entry("wall_seconds", &verdict.wall.as_secs_f64())?;
        map.serialize_entry("peak_memory_bytes", &verdict.peak_memory)?;
        map.serialize_entry("scratch_bytes", &verdict.scratch_bytes)?;
        map.serialize_entry("stdout", &verdict.stdout)?;
        map.serialize_entry("isolation", &IsolationParts(verdict))?;
        map.end()
    }
}

struct IsolationParts<'a>(&'a Verdict);

impl Serialize for IsolationParts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let isolation = &self.0.isolation;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("tier", &isolation.tier)?;
        map.serialize_entry("python", &*isolation.python)?;
        map.end()
    }
}

/// A value as a tree of JSON, for those that look into it. It takes far more memory than the value: where values come
/// from programs, write a [`Plain`] instead.
pub fn from_value(value: &Value) -> Json {
    // Only keys that are no text and writers can fail; there are none of either.
    serde_json::to_value(Plain(value)).unwrap_or_default()
}

/// A verdict as a tree of JSON; see [`from_value`] and [`Told`].
pub fn from_verdict(verdict: &Verdict) -> Json {
    serde_json::to_value(Told(verdict)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            Value::Bytes((0..=255).collect()),
            Value::Tuple(vec![Value::None]),
            Value::Dict(vec![("b".into(), 1.into()), ("a".into(), 2.into())]),
            Value::Dict(vec![("$int".into(), 1.into())]),
            Value::Dict(vec![(Value::Tuple(vec![1.into()]), 2.into())]),
            Value::Array(array),
        ]);
        let text = serde_json::to_string(&Plain(&all)).unwrap();
        assert_eq!(read(text.as_bytes(), &Meter::new(100, &|_, _| true)).ok(), Some(all.clone()), "{text}");
        assert!(text.contains(r#"{"b":1,"a":2}"#), "dicts keep their order: {text}");
        assert_eq!(to_value(&from_value(&Value::List(vec![]))), Ok(Value::List(vec![])));
    }

    #[test]
    fn what_is_no_value_is_refused_with_what_it_is() {
        let cases = [
            (json!({ "$nothing": 1 }), "\"$nothing\" is no kind of value"),
            (json!({ "$tuple": 1 }), "\"$tuple\" holds something other than a list"),
            (json!({ "$bytes": "0" }), "\"$bytes\" holds something other than a text of two"),
            (json!({ "$bytes": "é" }), "\"$bytes\" holds something other than a text of two"),
            (json!({ "$str": [-1] }), "\"$str\" holds something other than a list of code"),
            (
                json!({ "$array": { "dtype": "u01", "shape": [2], "data": "00" } }),
                "\"$array\" holds something other than dtype, shape",
            ),
            (json!({ "$int": "12x" }), "\"12x\" is no whole number"),
            (json!({ "$int": "9".repeat(4301) }), "write it in hexadecimal"),
        ];
        for (json, why) in cases {
            let error = to_value(&json).unwrap_err();
            assert!(error.contains(why), "{json}: {error}");
        }
        let twice = read(br#"{"a": 1, "b": 2, "a": 3}"#, &Meter::new(100, &|_, _| true)).unwrap_err();
        assert!(twice.to_string().contains("\"a\" stands twice"), "{twice}");
        assert!(read(b"[1] 2", &Meter::new(100, &|_, _| true)).is_err());
    }

    #[test]
    fn an_object_of_several_keys_is_a_dict_whatever_they_begin_with() {
        let read = read(br#"{"$int": "1", "b": 2}"#, &Meter::new(100, &|_, _| true)).unwrap();
        assert_eq!(read, Value::Dict(vec![("$int".into(), "1".into()), ("b".into(), 2.into())]));
    }

    #[test]
    fn values_and_bytes_beyond_the_meter_are_refused_before_they_are_taken() {
        let text = format!("[{}0]", "0,".repeat(99));
        assert!(read(text.as_bytes(), &Meter::new(101, &|_, _| true)).is_ok());
        let meter = Meter::new(100, &|_, _| true);
        let error = read(text.as_bytes(), &meter).unwrap_err().to_string();
        assert!(error.contains("more than 100 values") && !meter.refused(), "{error}");
        let taken = Cell::new(0);
        let take = |nodes, _| {
            taken.set(taken.get() + nodes);
            taken.get() <= 10
        };
        let meter = Meter::new(1000, &take);
        assert!(read(text.as_bytes(), &meter).is_err() && meter.refused());
        assert_eq!(taken.get(), 11, "nothing is asked for after the refusal");
        let meter = Meter::new(1000, &|_, text| text <= 10);
        assert!(read(br#"{"a key of some length": 1}"#, &meter).is_err());
        assert!(meter.refused(), "keys are counted too");
    }
}
