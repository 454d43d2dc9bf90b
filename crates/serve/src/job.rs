//! The request of `/v1/run`: a job as JSON, with limits that no client can raise beyond a ceiling.

use samara_sandbox::job::MAX_PROGRAM;
use samara_sandbox::json::{Meter, Seed};
use samara_sandbox::{Job, Limits, Value};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::time::Duration;

const KEYS: [&str; 6] = ["program", "entry", "arguments", "seed", "limits", "prelude"];
const LIMITS: [&str; 5] = ["cpu_seconds", "wall_seconds", "memory_bytes", "output_bytes", "scratch_bytes"];

/// Longest CPU time that a request may ask for, in seconds.
pub(crate) const MOST_CPU: f64 = 60.0;
const MOST_WALL: f64 = 300.0;
const MOST_MEMORY: u64 = 4 << 30;
const MOST_OUTPUT: u32 = 4 << 20;
const MOST_SCRATCH: u64 = 256 << 20;

/// Reads a job from a request's body. What it takes is counted by the meter before it is taken.
///
/// # Errors
/// What is wrong with it, as the client is told.
pub fn read(body: &[u8], meter: &Meter<'_>) -> Result<Job, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Run(meter).deserialize(&mut deserializer).and_then(|job| deserializer.end().map(|()| job));
    read.map_err(|error| format!("no job: {error}"))
}

/// A text that is counted, and refused if it is longer than so many bytes.
pub(crate) struct Text<'a, 'm>(pub(crate) &'a Meter<'m>, pub(crate) usize, pub(crate) &'static str);

impl<'de> DeserializeSeed<'de> for Text<'_, '_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_, '_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, a text", self.2)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        let Self(meter, most, what) = self;
        if text.len() > most {
            let length = text.len();
            return Err(E::custom(format_args!("{what} of {length} bytes is longer than {most}")));
        }
        meter.text(text.len())?;
        Ok(text.to_owned())
    }
}

struct Run<'a, 'm>(&'a Meter<'m>);

impl<'de> DeserializeSeed<'de> for Run<'_, '_> {
    type Value = Job;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Job, D::Error> {
        // Not as a map: then a text would be repeated in the error.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Run<'_, '_> {
    type Value = Job;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with program and entry")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Job, A::Error> {
        let (mut program, mut entry, mut arguments, mut seed, mut limits) = (None, None, None, None, None);
        let mut prelude = None;
        while let Some(key) = entries.next_key_seed(Text(self.0, 1000, "a key"))? {
            let key = KEYS
                .iter()
                .find(|known| **known == key)
                .ok_or_else(|| A::Error::unknown_field(&key, &KEYS))?;
            let twice = match *key {
                "program" => {
                    let text = Text(self.0, MAX_PROGRAM, "program");
                    program.replace(entries.next_value_seed(text)?).is_some()
                }
                "prelude" => {
                    let text = Text(self.0, MAX_PROGRAM, "prelude");
                    prelude.replace(entries.next_value_seed(text)?).is_some()
                }
                "entry" => entry.replace(entries.next_value_seed(Text(self.0, 1000, "entry"))?).is_some(),
                "arguments" => arguments.replace(entries.next_value_seed(Seed(self.0))?).is_some(),
                "seed" => seed.replace(entries.next_value_seed(Seed(self.0))?).is_some(),
                _ => limits.replace(entries.next_value_seed(Seed(self.0))?).is_some(),
            };
            if twice {
                return Err(A::Error::duplicate_field(key));
            }
        }
        let program = program.ok_or_else(|| A::Error::missing_field("program"))?;
        let entry = entry.ok_or_else(|| A::Error::missing_field("entry"))?;
        let arguments = match arguments {
            Some(Value::List(arguments)) => arguments,
            None => Vec::new(),
            Some(_) => return Err(A::Error::custom("arguments are no list")),
        };
        let seed = seed.map_or(Ok(0), |seed| whole(&seed, u64::MAX, "seed")).map_err(A::Error::custom)?;
        let limits = limits.map_or(Ok(Limits::default()), wanted).map_err(A::Error::custom)?;
        Ok(Job { arguments, limits, seed, prelude: prelude.unwrap_or_default(), ..Job::new(program, entry) })
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Job, E> {
        // What a client sent is not repeated: it may be long.
        Err(E::custom("a text, expected an object with program and entry"))
    }
}

/// The limits that a request asks for.
fn wanted(limits: Value) -> Result<Limits, String> {
    let mut all = Limits::default();
    let Value::Dict(pairs) = limits else { return Err("limits are no object".to_owned()) };
    let mut wall_given = None;
    for (name, value) in &pairs {
        let Value::Str(name) = name else { return Err("limits are no object".to_owned()) };
        match name.as_str() {
            _ if *value == Value::None => {}
            "cpu_seconds" => all.cpu = seconds(number(value, name)?, MOST_CPU)?,
            "wall_seconds" => wall_given = Some(seconds(number(value, name)?, MOST_WALL)?),
            "memory_bytes" => all.memory = whole(value, MOST_MEMORY, name)?,
            "output_bytes" => all.output = whole(value, MOST_OUTPUT, name)?,
            "scratch_bytes" => all.scratch_bytes = whole(value, MOST_SCRATCH, name)?,
            _ => {
                let name: String = name.chars().take(100).collect();
                return Err(format!("limits have no {name:?}, only {}", LIMITS.join(", ")));
            }
        }
    }
    all.wall = wall_given.unwrap_or_else(|| wall(all.cpu));
    Ok(all)
}

/// A whole number from 0 to `most`.
fn whole<T: Copy + Into<u64> + TryFrom<u64>>(value: &Value, most: T, name: &str) -> Result<T, String> {
    let Value::Int(int) = value else { return Err(format!("{name} is no whole number")) };
    // Larger ones are longer than they need to be shown.
    let number = if int.as_bytes().len() > 9 { None } else { int.to_string().parse::<u64>().ok() };
    let fitting = number.filter(|number| *number <= most.into()).and_then(|number| T::try_from(number).ok());
    fitting.ok_or_else(|| format!("{name} is not from 0 to {}", most.into()))
}

/// A number.
pub(crate) fn number(value: &Value, name: &str) -> Result<f64, String> {
    match value {
        Value::Float(float) => Ok(*float),
        Value::Int(int) if int.to_i64().is_some() => Ok(int.to_i64().unwrap_or_default() as f64),
        _ => Err(format!("{name} is no number")),
    }
}

/// The wall time that goes with a CPU time if a request gives none: five times as much, and 10 s at least, so that a
/// short limit is not met by a program that only waits for its turn on a busy machine.
pub(crate) fn wall(cpu: Duration) -> Duration {
    (cpu * 5).max(Duration::from_secs(10))
}

/// A time limit from a request.
pub(crate) fn seconds(wanted: f64, most: f64) -> Result<Duration, String> {
    if wanted > 0.0 && wanted <= most {
        Ok(Duration::from_secs_f64(wanted))
    } else {
        Err(format!("a time of {wanted} s is not above 0 and at most {most}"))
    }
}

/// The job that takes the most memory to run.
#[cfg(test)]
pub(crate) fn dearest() -> Job {
    let limits = Limits { output: MOST_OUTPUT, ..Limits::default() };
    Job { limits, ..Job::new("#".repeat(MAX_PROGRAM), "f") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Result<Job, String> {
        read(body.as_bytes(), &Meter::new(100, &|_, _| true))
    }

    #[test]
    fn a_job_is_read_with_its_arguments_seed_and_limits() {
        let job = asked(
            r#"{"limits": {"cpu_seconds": 1, "output_bytes": 7}, "arguments": [1, {"$tuple": []}],
               "seed": 18446744073709551615, "entry": "f", "program": "p"}"#,
        )
        .unwrap();
        let limits = Limits { cpu: Duration::from_secs(1), output: 7, ..Limits::default() };
        let arguments = vec![1.into(), Value::Tuple(vec![])];
        assert_eq!(job, Job { arguments, seed: u64::MAX, limits, ..Job::new("p", "f") });
        assert_eq!(asked(r#"{"program": "p", "entry": "f"}"#), Ok(Job::new("p", "f")));
    }

    #[test]
    fn what_can_not_be_asked_is_named_with_what_can() {
        for (body, why) in [
            ("", "no job: EOF"),
            ("[]", "expected an object with program and entry"),
            (r#"{"entry": "f"}"#, "missing field `program`"),
            (r#"{"program": 1, "entry": "f"}"#, "expected program, a text"),
            (
                r#"{"program": "", "entry": "f", "args": []}"#,
                "unknown field `args`, expected one of `program`, `entry`",
            ),
            (
                r#"{"program": "", "entry": "f", "limits": {"cpu": 1}}"#,
                "limits have no \"cpu\", only cpu_seconds, wall",
            ),
            (r#"{"program": "", "entry": "f", "seed": "3"}"#, "seed is no whole number"),
            (r#"{"program": "", "entry": "f", "seed": -1}"#, "seed is not from 0 to 18446744073709551615"),
            (r#"{"program": "", "entry": "f", "limits": []}"#, "limits are no object"),
            (r#"{"program": "", "entry": "f", "limits": {"cpu_seconds": {"$float": "nan"}}}"#, "not above 0"),
            (r#"{"program": "", "program": "", "entry": "f"}"#, "duplicate field `program`"),
            (r#"{"program": "", "entry": "f", "arguments": {}}"#, "arguments are no list"),
            (r#"{"program": "", "entry": "f", "limits": {"cpu_seconds": 1e9}}"#, "at most 60"),
            (r#"{"program": "", "entry": "f", "limits": {"cpu_seconds": -1}}"#, "not above 0"),
            (
                r#"{"program": "", "entry": "f", "limits": {"memory_bytes": 99999999999}}"#,
                "memory_bytes is not from 0 to 4294967296",
            ),
            (r#"{"program": "", "entry": "f"} 1"#, "trailing characters"),
        ] {
            let error = asked(body).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        }
        for body in [r#""LONG""#, r#"{"seed": "LONG"}"#, r#"{"limits": {"LONG": 1}}"#, r#"{"LONG": 1}"#] {
            let error = asked(&body.replace("LONG", &"long".repeat(100_000))).unwrap_err();
            assert!(error.len() < 1000, "what was sent is not repeated: {}", error.len());
        }
        let long = format!(r#"{{"program": "{}", "entry": "f"}}"#, "#".repeat(MAX_PROGRAM + 1));
        assert!(asked(&long).unwrap_err().contains("longer than 1048576"));
        let many = format!(r#"{{"program": "", "entry": "f", "arguments": [{}0]}}"#, "0,".repeat(100));
        assert!(asked(&many).unwrap_err().contains("more than 100 values"));
    }
}
