//! OpenELM's three routes: what its environments post, and what they read.

use crate::job::{MOST_CPU, Text, number, seconds};
use crate::walker;
use samara_sandbox::json::{Meter, Seed};
use samara_sandbox::text::Repr;
use samara_sandbox::{Ending, Job, Limits, Value};
use samara_sodarace::Walker;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

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

/// A request, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The programs, as they were posted.
    pub codes: Vec<String>,
    /// Whether they were posted as a list, and are answered as one.
    pub list: bool,
    /// The function to call, if the request names it.
    function: Option<String>,
    limits: Limits,
}

/// Seconds if a client gives none, as in OpenELM.
const TIMEOUT: f64 = 5.0;

/// Reads a request's body, with so many programs at most. What it takes is counted by the meter before it is taken.
///
/// # Errors
/// What is wrong with it, as the client is told.
pub fn read(route: Route, body: &[u8], list: usize, meter: &Meter<'_>) -> Result<Request, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let posted = Posted(meter, list).deserialize(&mut deserializer);
    let posted = posted.and_then(|posted| deserializer.end().map(|()| posted));
    let (codes, func_name, timeout) = posted.map_err(|error| error.to_string())?;
    // OpenELM's clients wait this long and no longer: a program that sleeps must be answered by then.
    let time = seconds(timeout.unwrap_or(TIMEOUT), MOST_CPU)?;
    if route == Route::Image && func_name.is_none() {
        return Err("func_name is missing".to_owned());
    }
    let (codes, list) = match codes {
        Codes::One(code) => (vec![code], false),
        Codes::Many(codes) => (codes, true),
    };
    let limits = Limits { cpu: time, wall: time, ..Limits::default() };
    Ok(Request { codes, list, function: func_name, limits })
}

enum Codes {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy)]
struct Posted<'a, 'm>(&'a Meter<'m>, usize);

impl<'de> DeserializeSeed<'de> for Posted<'_, '_> {
    type Value = (Codes, Option<String>, Option<f64>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        // Not as a map: then a text would be repeated in the error.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Posted<'_, '_> {
    type Value = (Codes, Option<String>, Option<f64>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with code")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let (mut code, mut name, mut timeout) = (None, None, None);
        // Clients send more than this, such as a seed: it is not read.
        while let Some(key) = entries.next_key_seed(Text(self.0, 1000, "a key"))? {
            match key.as_str() {
                "code" if code.is_some() => return Err(A::Error::duplicate_field("code")),
                "code" => code = Some(entries.next_value_seed(Programs(self))?),
                "func_name" => name = entries.next_value_seed(Name(self.0))?,
                "timeout" => {
                    timeout = match entries.next_value_seed(Seed(self.0))? {
                        Value::None => None,
                        value => Some(number(&value, "timeout").map_err(A::Error::custom)?),
                    }
                }
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok((code.ok_or_else(|| A::Error::missing_field("code"))?, name, timeout))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        // What a client sent is not repeated: it may be long.
        Err(E::custom("a text, expected an object with code"))
    }
}

/// A program or a list of them.
struct Programs<'a, 'm>(Posted<'a, 'm>);

impl<'de> DeserializeSeed<'de> for Programs<'_, '_> {
    type Value = Codes;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Codes, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// What a program is called in errors. Their length is checked where they are run, so that one that is too long costs a
/// list only its own entry.
const PROGRAM: &str = "a program";

impl<'de> Visitor<'de> for Programs<'_, '_> {
    type Value = Codes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("code, a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Codes, E> {
        Text(self.0.0, usize::MAX, PROGRAM).visit_str(text).map(Codes::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Codes, A::Error> {
        let Posted(meter, most) = self.0;
        let mut codes = Vec::new();
        while let Some(code) = items.next_element_seed(Text(meter, usize::MAX, PROGRAM))? {
            if codes.len() == most {
                return Err(A::Error::custom(format_args!("more than {most} programs in a list")));
            }
            codes.push(code);
        }
        Ok(Codes::Many(codes))
    }
}

/// A function's name, or null.
struct Name<'a, 'm>(&'a Meter<'m>);

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Name<'_, '_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("func_name, a text")
    }

    fn visit_unit<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Option<String>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<String>, D::Error> {
        Text(self.0, 1000, "func_name").deserialize(deserializer).map(Some)
    }
}

/// Defines the builder of walkers for walker programs and makes plain data of what they return.
const WALKER: &str = include_str!("walker.py");

/// Calls the function of a program whose value is shown.
const CALL: &str = include_str!("call.py");

impl Request {
    /// The job that one of its programs is.
    pub(crate) fn job(&self, route: Route, code: &str) -> Job {
        let job = match route {
            Route::Racer => {
                Job::new(format!("SOURCE = {}\n{WALKER}", Repr(&Value::from(code))), "samara_make_walker")
            }
            Route::Image | Route::Puzzle => {
                let function = self.function.as_deref().unwrap_or_else(|| solution(code));
                let prelude = format!("SAMARA_FUNCTION = {}\n{CALL}", Repr(&Value::from(function)));
                Job { prelude, ..Job::new(code, "samara_call") }
            }
        };
        Job { limits: self.limits, ..job }
    }
}

/// The function of a puzzle's solution that a client means without naming it: `g6_2` beside a new puzzle, else `g6`.
fn solution(code: &str) -> &'static str {
    if code.contains("def g6_2(") { "g6_2" } else { "g6" }
}

/// What a client reads of one program.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    code: &'a str,
    result: Outcome<'a>,
}

#[derive(Debug)]
enum Outcome<'a> {
    Walker(Walker),
    Text(&'a Value),
    /// A walker that OpenELM does not accept.
    Invalid(Walker),
    Error(Fault),
    /// It was not run, or its answer is not given, for this reason.
    Not(&'a str),
}

/// Why a program has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It runs, and what it gives is not this.
    Untrue(&'static str),
    /// OpenELM has a name for it.
    Named(&'static str),
    /// Anything else.
    Other,
}

impl<'a> Reply<'a> {
    /// The reply to a program that ended so. This looks at the whole value.
    pub(crate) fn new(route: Route, code: &'a str, ending: &'a Ending) -> Self {
        let result = match ending {
            Ending::Ok { value } => answered(route, value),
            _ => Outcome::Error(fault(ending)),
        };
        Self { code, result }
    }

    /// The entry of a list for a program that has no answer of its own.
    pub(crate) fn none(code: &'a str, why: &'a str) -> Self {
        Self { code, result: Outcome::Not(why) }
    }

    /// Whether the program is valid.
    pub(crate) fn valid(&self) -> bool {
        matches!(self.result, Outcome::Walker(_) | Outcome::Text(_))
    }
}

/// What a value is to a route.
fn answered(route: Route, value: &Value) -> Outcome<'_> {
    match (route, value) {
        (Route::Racer, value) => match walker::of(value) {
            Some(walker) if walker.validate() => Outcome::Walker(walker),
            Some(walker) => Outcome::Invalid(walker),
            None => Outcome::Error(Fault::Untrue("Not walker")),
        },
        (Route::Image, Value::List(_) | Value::Tuple(_) | Value::Array(_)) | (Route::Puzzle, _) => {
            Outcome::Text(value)
        }
        (Route::Image, _) => Outcome::Error(Fault::Untrue("Not image")),
    }
}

impl Serialize for Reply<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("program_str", self.code)?;
        match &self.result {
            Outcome::Walker(walker) => map.serialize_entry("result_obj", walker)?,
            Outcome::Text(value) => map.serialize_entry("result_obj", &Shown(value))?,
            Outcome::Invalid(walker) => {
                Fault::Untrue("Invalid walker").serialize(&mut map)?;
                map.serialize_entry("walker", walker)?;
            }
            Outcome::Error(fault) => fault.serialize(&mut map)?,
            Outcome::Not(why) => {
                Fault::Other.serialize(&mut map)?;
                map.serialize_entry("error", why)?;
            }
        }
        map.end()
    }
}

impl Fault {
    /// A message, and a code: a name where OpenELM's server gives a name, and its number where that gives a number.
    fn serialize<M: SerializeMap>(self, map: &mut M) -> Result<(), M::Error> {
        const CODE: &str = "unsafe_execute_error_code";
        match self {
            Self::Untrue(what) => {
                map.serialize_entry("message", what)?;
                map.serialize_entry(CODE, &1)
            }
            Self::Named(name) => {
                map.serialize_entry("message", "Failed sandbox_unsafe_execute")?;
                map.serialize_entry(CODE, name)
            }
            Self::Other => {
                map.serialize_entry("message", "Failed to execute code")?;
                map.serialize_entry(CODE, &6)
            }
        }
    }
}

/// A value, written as the text that Python would show.
struct Shown<'a>(&'a Value);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Repr(self.0))
    }
}

fn fault(ending: &Ending) -> Fault {
    match ending {
        Ending::Timeout { .. } => Fault::Named("TIMEOUT_EXCEPTION"),
        Ending::Syntax { .. } => Fault::Named("SYNTAX_ERROR"),
        Ending::Exception { kind, .. } => Fault::Named(match kind.as_str() {
            // Walker programs are compiled inside another one.
            "SyntaxError" | "IndentationError" | "TabError" => "SYNTAX_ERROR",
            "TypeError" => "TYPE_ERROR",
            _ => "EXCEPTION",
        }),
        _ => Fault::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(route: Route, body: &str) -> Result<Request, String> {
        read(route, body.as_bytes(), 3, &Meter::new(100, &|_, _| true))
    }

    #[test]
    fn what_openelm_posts_is_read_and_what_else_it_sends_is_not() {
        let request = asked(
            Route::Puzzle,
            r#"{"code": "p", "func_name": "g", "timeout": 3, "processes": 1, "debug": [{}], "seed": null}"#,
        )
        .unwrap();
        assert_eq!((request.codes.as_slice(), request.list), (&["p".to_owned()][..], false));
        assert_eq!(request.function.as_deref(), Some("g"));
        let three = std::time::Duration::from_secs(3);
        assert_eq!(
            (request.limits.cpu, request.limits.wall),
            (three, three),
            "who sleeps is waited for as long"
        );
        let list =
            asked(Route::Racer, r#"{"code": ["a", "b"], "func_name": null, "timeout": null}"#).unwrap();
        assert_eq!((list.codes.len(), list.list, list.limits.cpu.as_secs()), (2, true, 5));
        assert_eq!(
            asked(Route::Image, r#"{"code": "", "func_name": null}"#).unwrap_err(),
            "func_name is missing"
        );
    }

    #[test]
    fn a_puzzles_solution_is_called_though_nobody_names_it() {
        let called = |body: &str| {
            let request = asked(Route::Puzzle, body).unwrap();
            request
                .job(Route::Puzzle, &request.codes[0])
                .prelude
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(called(r#"{"code": "def g6(): pass"}"#), "SAMARA_FUNCTION = 'g6'");
        assert_eq!(called(r#"{"code": "def g6_2(): pass"}"#), "SAMARA_FUNCTION = 'g6_2'");
        assert_eq!(called(r#"{"code": "", "func_name": "a'b\n"}"#), r#"SAMARA_FUNCTION = "a'b\n""#);
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for (body, why) in [
            ("{", "EOF"),
            ("[]", "an object with code"),
            ("{}", "missing field `code`"),
            (r#"{"code": 1}"#, "code, a text or a list of texts"),
            (r#"{"code": [1]}"#, "a program, a text"),
            (r#"{"code": ["", "", "", ""]}"#, "more than 3 programs in a list"),
            (r#"{"code": "", "code": ""}"#, "duplicate field `code`"),
            (r#"{"code": "", "timeout": "5"}"#, "timeout is no number"),
            (r#"{"code": "", "timeout": 61}"#, "at most 60"),
        ] {
            let error = asked(Route::Racer, body).unwrap_err();
            assert!(error.contains(why), "{body}: {error}");
        }
        for body in [r#""LONG""#, r#"{"code": "", "timeout": "LONG"}"#, r#"{"LONG": 1}"#] {
            let error = asked(Route::Racer, &body.replace("LONG", &"long".repeat(100_000))).unwrap_err();
            assert!(error.len() < 1000, "what was sent is not repeated: {}", error.len());
        }
    }

    #[test]
    fn replies_are_written_as_clients_read_them() {
        let reply = |ending: &Ending| {
            let reply = Reply::new(Route::Puzzle, "p", ending);
            (reply.valid(), serde_json::to_string(&reply).unwrap())
        };
        let value = Value::Tuple(vec!["it's".into(), Value::Bytes(vec![0])]);
        let (valid, text) = reply(&Ending::Ok { value });
        assert!(valid);
        assert_eq!(text, r#"{"program_str":"p","result_obj":"(\"it's\", b'\\x00')"}"#);
        assert_eq!(
            reply(&Ending::OutputLimit),
            (
                false,
                r#"{"program_str":"p","message":"Failed to execute code","unsafe_execute_error_code":6}"#
                    .to_owned()
            )
        );
        let kind = "TypeError".to_owned();
        assert_eq!(
            reply(&Ending::Exception { kind, message: String::new() }).1,
            r#"{"program_str":"p","message":"Failed sandbox_unsafe_execute","unsafe_execute_error_code":"TYPE_ERROR"}"#
        );
        assert_eq!(
            serde_json::to_string(&Reply::none("p", "no room")).unwrap(),
            r#"{"program_str":"p","message":"Failed to execute code","unsafe_execute_error_code":6,"error":"no room"}"#
        );
    }
}
