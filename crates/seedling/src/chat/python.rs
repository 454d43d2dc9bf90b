//! What chat templates expect beyond Jinja: methods of Python's texts and maps, and a few functions.

use minijinja::{
    Environment, Error, ErrorKind, State, Value,
    value::{Kwargs, Rest, ValueKind, from_args},
};

/// How deep a value may be nested that is written as JSON.
const MAX_DEPTH: usize = 32;

/// Adds all of it.
pub(super) fn add(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(method);
    environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    environment.add_function("strftime_now", |format: String| date(&format));
    environment.add_filter("tojson", to_json);
}

type Answer = Result<Value, Error>;

fn method(state: &mut State, value: &Value, name: &str, arguments: &[Value]) -> Answer {
    match value.kind() {
        ValueKind::String => text_method(state, value.as_str().unwrap_or_default(), name, arguments),
        ValueKind::Map => match name {
            "items" => state.apply_filter("items", std::slice::from_ref(value)),
            "keys" => value.try_iter().map(Iterator::collect),
            "values" => {
                let keys = value.try_iter()?;
                keys.map(|key| value.get_item(&key)).collect::<Result<Vec<_>, _>>().map(Value::from)
            }
            "get" => {
                let (key, default) = from_args::<(Value, Option<Value>)>(arguments)?;
                let found = value.get_item(&key)?;
                Ok(if found.is_undefined() { default.unwrap_or(Value::from(())) } else { found })
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        },
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn text_method(state: &State, text: &str, name: &str, arguments: &[Value]) -> Answer {
    // Each looks at the text once or makes another of its length; what may be longer pays for itself.
    state.consume_fuel(text.len() as u64 / 64)?;
    Ok(match name {
        "strip" | "lstrip" | "rstrip" => Value::from(strip(text, name, arguments)?),
        "split" | "rsplit" => split(text, name == "rsplit", arguments)?,
        "splitlines" => {
            from_args::<()>(arguments)?;
            text.lines().map(Value::from).collect()
        }
        "startswith" => affix(arguments, |affix| text.starts_with(affix))?,
        "endswith" => affix(arguments, |affix| text.ends_with(affix))?,
        "removeprefix" => Value::from(text.strip_prefix(one(arguments)?).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(one(arguments)?).unwrap_or(text)),
        "find" => position(text, text.find(one(arguments)?)),
        "rfind" => position(text, text.rfind(one(arguments)?)),
        "count" => Value::from(match one(arguments)? {
            "" => text.chars().count() + 1,
            part => text.matches(part).count(),
        }),
        "replace" => Value::from(replace(state, text, arguments)?),
        "join" => Value::from(join(state, text, arguments)?),
        _ => {
            from_args::<()>(arguments)?;
            plain_method(text, name)?
        }
    })
}

/// A method without arguments.
fn plain_method(text: &str, name: &str) -> Answer {
    let every = |is: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(is));
    Ok(match name {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "capitalize" => Value::from(capitalized(text)),
        "title" => {
            let mut words = text.split_inclusive(|c: char| !c.is_alphabetic());
            Value::from(words.by_ref().map(capitalized).collect::<String>())
        }
        "isspace" => every(is_blank),
        "isdigit" => every(char::is_numeric),
        "isalpha" => every(char::is_alphabetic),
        "isalnum" => every(char::is_alphanumeric),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect()
    })
}

/// What Python takes for a blank.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}')
}

fn one(arguments: &[Value]) -> Result<&str, Error> {
    from_args::<(&str,)>(arguments).map(|(text,)| text)
}

fn strip<'a>(text: &'a str, name: &str, arguments: &[Value]) -> Result<&'a str, Error> {
    let (set,) = from_args::<(Option<&str>,)>(arguments)?;
    let is = |c: char| set.map_or_else(|| is_blank(c), |set| set.contains(c));
    Ok(match name {
        "strip" => text.trim_matches(is),
        "lstrip" => text.trim_start_matches(is),
        _ => text.trim_end_matches(is),
    })
}

fn split(text: &str, from_end: bool, arguments: &[Value]) -> Answer {
    let (by, most, named) = from_args::<(Option<&str>, Option<i64>, Kwargs)>(arguments)?;
    let most = most.map_or_else(|| named.get::<Option<i64>>("maxsplit"), |most| Ok(Some(most)))?;
    let by = by.map_or_else(|| named.get::<Option<&str>>("sep"), |by| Ok(Some(by)))?;
    named.assert_all_used()?;
    let pieces =
        most.and_then(|most| usize::try_from(most).ok()).map_or(usize::MAX, |most| most.saturating_add(1));
    let values = |parts: Vec<&str>| parts.into_iter().map(Value::from).collect();
    Ok(match (by, from_end) {
        (Some(""), _) => return Err(Error::new(ErrorKind::InvalidOperation, "empty separator")),
        (Some(by), false) => values(text.splitn(pieces, by).collect()),
        (Some(by), true) => {
            let mut parts = text.rsplitn(pieces, by).collect::<Vec<_>>();
            parts.reverse();
            values(parts)
        }
        (None, _) if pieces == usize::MAX => {
            values(text.split(is_blank).filter(|part| !part.is_empty()).collect())
        }
        (None, false) => values(words(text.trim_start_matches(is_blank), pieces)),
        (None, true) => {
            let message = "rsplit by blanks with a limit is not supported";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    })
}

/// The first words, and the rest as it is.
fn words(mut rest: &str, pieces: usize) -> Vec<&str> {
    let mut words = Vec::new();
    while !rest.is_empty() {
        match rest.split_once(is_blank).filter(|_| words.len() + 1 < pieces) {
            Some((word, after)) => {
                words.push(word);
                rest = after.trim_start_matches(is_blank);
            }
            None => {
                words.push(rest);
                break;
            }
        }
    }
    words
}

/// Whether a text begins or ends with one of those given.
fn affix(arguments: &[Value], is: impl Fn(&str) -> bool) -> Answer {
    let (given,) = from_args::<(Value,)>(arguments)?;
    match given.as_str() {
        Some(affix) => Ok(Value::from(is(affix))),
        None => {
            let mut any = given.try_iter()?;
            Ok(Value::from(any.any(|affix| affix.as_str().is_some_and(&is))))
        }
    }
}

/// A position in characters, or -1.
fn position(text: &str, byte: Option<usize>) -> Value {
    byte.map_or(Value::from(-1), |byte| Value::from(text[..byte].chars().count()))
}

fn replace(state: &State, text: &str, arguments: &[Value]) -> Result<String, Error> {
    let (from, to, most) = from_args::<(&str, &str, Option<i64>)>(arguments)?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let count = text.matches(from).count().min(most);
    state.consume_fuel((count as u64).saturating_mul(to.len() as u64) / 64)?;
    Ok(text.replacen(from, to, count))
}

fn join(state: &State, between: &str, arguments: &[Value]) -> Result<String, Error> {
    let (parts,) = from_args::<(Value,)>(arguments)?;
    let mut joined = String::new();
    for (at, part) in parts.try_iter()?.enumerate() {
        let wrong = || Error::new(ErrorKind::InvalidOperation, "only texts can be joined");
        let part = part.to_str().ok_or_else(wrong)?;
        state.consume_fuel(1 + (between.len() + part.len()) as u64 / 64)?;
        if at > 0 {
            joined.push_str(between);
        }
        joined.push_str(&part);
    }
    Ok(joined)
}

/// 26 July 2024, a Friday, at midnight: the day that Llama's templates take where there is no clock.
fn date(format: &str) -> Result<String, Error> {
    let mut written = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            written.push(c);
            continue;
        }
        written.push_str(match rest.next() {
            Some('d') => "26",
            Some('m') => "07",
            Some('Y') => "2024",
            Some('y') => "24",
            Some('b' | 'h') => "Jul",
            Some('B') => "July",
            Some('a') => "Fri",
            Some('A') => "Friday",
            Some('j') => "208",
            Some('H' | 'M' | 'S') => "00",
            Some('I') => "12",
            Some('p') => "AM",
            Some('F') => "2024-07-26",
            Some('T') => "00:00:00",
            Some('%') => "%",
            other => {
                let message =
                    format!("strftime_now knows no %{}", other.map_or_else(String::new, String::from));
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
        });
    }
    Ok(written)
}

/// JSON as Python writes it, unescaped beyond what JSON asks for.
#[expect(clippy::needless_pass_by_value, reason = "what Jinja hands to a filter")]
fn to_json(state: &State, value: &Value, rest: Rest<Value>, named: Kwargs) -> Result<Value, Error> {
    let indent = rest.first().cloned().or(named.get::<Option<Value>>("indent")?);
    // Python's other arguments change nothing about what templates write: text stays as it is, keys are in order.
    for unused in ["ensure_ascii", "separators", "sort_keys"] {
        let _: Option<Value> = named.get(unused)?;
    }
    named.assert_all_used()?;
    let indent = indent.filter(|indent| !indent.is_none());
    let indent = indent.map(usize::try_from).transpose()?.map(|indent| indent.min(16));
    let mut written = String::new();
    write_json(state, value, indent, 0, &mut written)?;
    Ok(Value::from(written))
}

fn write_json(
    state: &State,
    value: &Value,
    indent: Option<usize>,
    depth: usize,
    into: &mut String,
) -> Result<(), Error> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    if depth > MAX_DEPTH {
        return Err(wrong(format!("nested deeper than {MAX_DEPTH}")));
    }
    state.consume_fuel(4 + value.as_str().map_or(0, str::len) as u64 / 16)?;
    let items = match value.kind() {
        ValueKind::None => return push(into, "null"),
        ValueKind::Bool => return push(into, if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => return push(into, &value.to_string()),
        ValueKind::String => return push(into, &quoted(value)),
        ValueKind::Map => {
            let keys = value.try_iter()?;
            keys.map(|key| Ok((value.get_item(&key)?, Some(key)))).collect::<Result<Vec<_>, Error>>()?
        }
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.map(|item| (item, None)).collect(),
        kind => return Err(wrong(format!("{kind} can't be written as JSON"))),
    };
    let (open, close) = if value.kind() == ValueKind::Map { ('{', '}') } else { ('[', ']') };
    into.push(open);
    let line = |depth: usize| indent.map(|indent| format!("\n{}", " ".repeat(indent * depth)));
    for (at, (item, key)) in items.iter().enumerate() {
        if at > 0 {
            into.push_str(if indent.is_some() { "," } else { ", " });
        }
        into.push_str(&line(depth + 1).unwrap_or_default());
        if let Some(key) = key {
            into.push_str(&quoted(key));
            into.push_str(": ");
        }
        write_json(state, item, indent, depth + 1, into)?;
    }
    if !items.is_empty() {
        into.push_str(&line(depth).unwrap_or_default());
    }
    into.push(close);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "ends a function that can fail")]
fn push(into: &mut String, text: &str) -> Result<(), Error> {
    into.push_str(text);
    Ok(())
}

fn quoted(value: &Value) -> String {
    let text = value.to_str().map_or_else(|| value.to_string(), |text| text.to_string());
    serde_json::Value::String(text).to_string()
}
