//! Other systems' configurations, translated into samara's settings: what every translation shares.
//!
//! A system's keys stand in a table: each becomes a setting, or is accepted without an effect, which is told with the
//! reason ([`Effect`]). A key that isn't there is unknown and told with the nearest one that is.

use samara_search::{Invalid, nearest};
use serde_json::{Map, Value as Yaml};
use toml::{Table, Value};

use crate::exit::{Failure, remark};

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It becomes a setting of samara's.
    Translated,
    /// It is accepted and changes nothing, for this reason.
    Idle(&'static str),
}

/// The keys of a system, in their sections.
pub(crate) type Keys = [(&'static str, Effect)];

/// What became of a configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Translation {
    /// The settings that it says, and no others.
    pub settings: Table,
    /// Keys without an effect, each with the reason.
    pub idle: Vec<(String, &'static str)>,
    /// Keys that the system does not have, each with a hint.
    pub unknown: Vec<(String, String)>,
    /// What else is to be told.
    pub remarks: Vec<String>,
}

/// Unknown keys that are named at most.
const MOST_NAMED: usize = 20;

impl Translation {
    /// What of a configuration is not done, as comments above settings in TOML.
    pub(crate) fn comments(&self) -> String {
        let mut text = String::new();
        for (key, why) in &self.idle {
            text += &format!("# without effect: {key}: {why}\n");
        }
        let (named, more) = self.named_unknown();
        for (key, hint) in named {
            text += &format!("# unknown: {key} ({hint})\n");
        }
        if more > 0 {
            text += &format!("# unknown: {more} more keys\n");
        }
        for told in &self.remarks {
            text += &format!("# {told}\n");
        }
        text
    }

    /// Says what of a system's configuration is not done.
    pub(crate) fn tell(&self, system: &str) {
        let (named, more) = self.named_unknown();
        for (key, hint) in named {
            remark(&format!("{key}: {system} has no such key, and it is left out ({hint})"));
        }
        if more > 0 {
            remark(&format!("{system} has none of {more} more keys, which are left out"));
        }
        self.remarks.iter().for_each(|told| remark(told));
        if !self.idle.is_empty() {
            let keys: Vec<&str> = self.idle.iter().map(|(key, _)| key.as_str()).collect();
            remark(&format!("without effect: {} (--explain says why)", keys.join(", ")));
        }
    }

    /// The first unknown keys with their hints, and how many there are beside them.
    pub(crate) fn named_unknown(&self) -> (&[(String, String)], usize) {
        let named = self.unknown.len().min(MOST_NAMED);
        (&self.unknown[..named], self.unknown.len() - named)
    }
}

/// Sorts keys into those without an effect and those that nobody knows. `inner` looks into the value of a translated key.
pub(crate) fn sort(
    map: &Map<String, Yaml>,
    prefix: &str,
    known: &Keys,
    translation: &mut Translation,
    inner: &dyn Fn(&str, &Yaml, &mut Translation),
) {
    for (name, value) in map {
        let key = format!("{prefix}{name}");
        let effect = known.iter().find(|(name, _)| *name == key).map(|(_, effect)| *effect);
        match (effect, value) {
            (Some(Effect::Idle(why)), _) => translation.idle.push((key, why)),
            (Some(Effect::Translated), value) => inner(&key, value, translation),
            (None, Yaml::Object(section)) if is_section(&key, known) => {
                sort(section, &format!("{key}."), known, translation, inner);
            }
            (None, Yaml::Null) if is_section(&key, known) => {}
            (None, _) => {
                let hint = like(&key, known);
                translation.unknown.push((key, hint));
            }
        }
    }
}

fn is_section(key: &str, known: &Keys) -> bool {
    known.iter().any(|(name, _)| name.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
}

/// What may be meant by a key that nobody knows: one that is called so in another section, or one that is much like it.
pub(crate) fn like(key: &str, known: &Keys) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    if let Some((name, _)) = known.iter().find(|(name, _)| last(name) == last(key)) {
        return format!("did you mean `{name}`?");
    }
    let all: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    let hint = nearest(key, &all);
    // A list of all keys helps nobody.
    if hint.starts_with("did you mean") { hint } else { "no key is like it".to_owned() }
}

/// Settings in the making, by their dotted names.
#[derive(Default)]
pub(crate) struct Settings(pub Table);

impl Settings {
    pub(crate) fn put(&mut self, key: &str, value: impl Into<Value>) {
        let mut parts: Vec<&str> = key.split('.').collect();
        let last = parts.pop().unwrap_or_default();
        let mut table = &mut self.0;
        for part in parts {
            let entry = table.entry(part).or_insert_with(|| Value::Table(Table::new()));
            table = entry.as_table_mut().expect("sections are tables");
        }
        table.insert(last.to_owned(), value.into());
    }

    pub(crate) fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }
}

/// A table of the configuration, read by dotted names. What is null is not there.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub map: &'a Map<String, Yaml>,
}

impl<'a> Source<'a> {
    pub(crate) fn find(&self, key: &str) -> Option<&'a Yaml> {
        let mut parts = key.split('.');
        let first = self.map.get(parts.next().unwrap_or_default());
        parts.fold(first, |value, part| value?.get(part)).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&'a str>, Invalid> {
        self.read(key, Yaml::as_str, "a text")
    }

    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, Invalid> {
        let read = |value: &'a Yaml| match value.as_str() {
            // YAML 1.1, which upstream reads, has more words for these.
            Some("yes" | "Yes" | "YES" | "on" | "On" | "ON") => Some(true),
            Some("no" | "No" | "NO" | "off" | "Off" | "OFF") => Some(false),
            _ => value.as_bool(),
        };
        self.read(key, read, "true or false")
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<f64>, Invalid> {
        self.read(key, |value| value.as_f64().filter(|number| number.is_finite()), "a finite number")
    }

    pub(crate) fn whole(&self, key: &str) -> Result<Option<i64>, Invalid> {
        // 1e4 is a whole number, too.
        let whole = |number: f64| (number.fract() == 0.0 && number.abs() < 1e15).then_some(number as i64);
        self.read(key, |value| value.as_i64().or_else(|| value.as_f64().and_then(whole)), "a whole number")
    }

    pub(crate) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(&'a Yaml) -> Option<T>,
        wanted: &str,
    ) -> Result<Option<T>, Invalid> {
        let Some(value) = self.find(key) else { return Ok(None) };
        let bad = || Invalid::new(key, format!("is {}", shortened(value)), format!("write {wanted}"));
        read(value).map(Some).ok_or_else(bad)
    }
}

/// A value as JSON, of which no more is shown than fits a line.
fn shortened(value: &Yaml) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A value in TOML; nulls, which TOML lacks, are left out.
pub(crate) fn toml_of(value: &Yaml) -> Option<Value> {
    Some(match value {
        Yaml::Null => return None,
        Yaml::Bool(flag) => Value::Boolean(*flag),
        Yaml::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Float(number.as_f64()?),
        },
        Yaml::String(text) => Value::String(text.clone()),
        Yaml::Array(items) => Value::Array(items.iter().filter_map(toml_of).collect()),
        Yaml::Object(map) => {
            Value::Table(map.iter().filter_map(|(key, value)| Some((key.clone(), toml_of(value)?))).collect())
        }
    })
}

/// The sections of an experiment in the order in which they are best read; others follow.
const SECTIONS: [&str; 5] = ["experiment", "environment", "models", "search", "axes"];

/// Settings as TOML, a blank line before each section.
pub(crate) fn written(mut table: Table) -> Result<String, Failure> {
    let first = SECTIONS.iter().filter_map(|name| table.remove_entry(*name));
    let ordered: Vec<(String, Value)> = first.collect();
    let mut text = String::new();
    for section in ordered.into_iter().chain(table) {
        let written = toml::to_string_pretty(&Table::from_iter([section]))
            .map_err(|error| Failure::internal(format!("settings that can't be written: {error}")))?;
        text += &format!("\n{written}");
    }
    Ok(text)
}
