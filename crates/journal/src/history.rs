//! OpenELM's `history.jsonl`, read: by people who bring their old runs, and for what [`crate::export`] wrote.
//!
//! Takes what OpenELM's versions really wrote, Python's `NaN` and `Infinity` included; anything else is an error
//! that names file and line.

use crate::error::JournalError;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

/// One candidate of a history.
///
/// One that was invalid has none of the first three; so has one with a number that isn't finite.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// The text, program or vector. What isn't a string in the file is its JSON text.
    pub genotype: Option<String>,
    /// The measures: one finite number an axis.
    pub phenotype: Option<Vec<f64>>,
    /// The objective, finite; higher is better.
    pub fitness: Option<f64>,
    /// The number of the candidate in its run; where the file has none, of the row in the file (0, 1, ...).
    pub num_gens_current: u64,
}

/// The rows of a history file.
pub struct History {
    lines: Lines,
    path: PathBuf,
    rows: u64,
}

/// How the file is laid out.
enum Lines {
    /// A JSON value a line; with the number of the last line read.
    Each(BufReader<File>, u64),
    /// One array of rows, with the line it begins on.
    Array(std::vec::IntoIter<Value>),
    /// After an error.
    Over,
}

/// Opens a history: a JSON object a line, or (read whole) one array of objects.
///
/// # Errors
/// If the file can't be opened, or is a damaged array.
pub fn read(path: &Path) -> Result<History, JournalError> {
    let fail = |error| JournalError::io(path, error);
    let mut file = BufReader::new(File::open(path).map_err(fail)?);
    let is_array = file.fill_buf().map_err(fail)?.trim_ascii_start().starts_with(b"[");
    let lines = if is_array { read_array(path, file)? } else { Lines::Each(file, 0) };
    Ok(History { lines, path: path.to_owned(), rows: 0 })
}

fn read_array(path: &Path, mut file: BufReader<File>) -> Result<Lines, JournalError> {
    let mut whole = Vec::new();
    file.read_to_end(&mut whole).map_err(|error| JournalError::io(path, error))?;
    let rows: Vec<Value> = parse(&whole).map_err(|(line, detail)| JournalError::History {
        path: path.to_owned(),
        line: line.max(1),
        detail,
    })?;
    Ok(Lines::Array(rows.into_iter()))
}

impl Iterator for History {
    type Item = Result<HistoryRow, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.next_value().map(|found| {
            let (line, value) = found?;
            row_of(value, self.rows).map_err(|detail| self.wrong(line, detail))
        })?;
        self.rows += 1;
        if row.is_err() {
            self.lines = Lines::Over;
        }
        Some(row)
    }
}

impl History {
    /// The next JSON value and its line, blank lines skipped. In an array the line is the row's number from 1.
    fn next_value(&mut self) -> Option<Result<(u64, Value), JournalError>> {
        let (file, line) = match &mut self.lines {
            Lines::Each(file, line) => (file, line),
            Lines::Array(rows) => return rows.next().map(|value| Ok((self.rows + 1, value))),
            Lines::Over => return None,
        };
        let mut text = Vec::new();
        loop {
            text.clear();
            *line += 1;
            match file.read_until(b'\n', &mut text) {
                Ok(0) => return None,
                Ok(_) if text.trim_ascii().is_empty() => {}
                Ok(_) => break,
                Err(error) => return Some(Err(JournalError::io(&self.path, error))),
            }
        }
        let line = *line;
        Some(parse(&text).map(|value| (line, value)).map_err(|(_, detail)| self.wrong(line, detail)))
    }

    fn wrong(&self, line: u64, detail: String) -> JournalError {
        JournalError::History { path: self.path.clone(), line, detail }
    }
}

/// Reads JSON in which Python may have written NaN, Infinity and -Infinity. An error has the line within the text.
fn parse<T: for<'a> Deserialize<'a>>(text: &[u8]) -> Result<T, (u64, String)> {
    let text = std::str::from_utf8(text).map_err(|_| (0, "it is not UTF-8".to_owned()))?;
    let first = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let detail = |error: serde_json::Error| (error.line() as u64, format!("it is not JSON: {error}"));
    match name_non_finite(text) {
        Some(replaced) => serde_json::from_str(&replaced).map_err(detail),
        None => Err(detail(first)),
    }
}

/// What stands for a number that isn't finite; no history has it.
const NON_FINITE: &str = "{\"non-finite\":0}";

/// The text with Python's NaN and infinities, outside of strings, made JSON; `None` if there are none.
fn name_non_finite(text: &str) -> Option<String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    let (mut in_string, mut any) = (false, false);
    while let Some(c) = rest.chars().next() {
        let token = if in_string { None } else { python_token(rest) };
        let taken = match token {
            Some(token) => {
                any = true;
                replaced.push_str(NON_FINITE);
                token.len()
            }
            // An escaped character of a string is taken together with its backslash.
            None => {
                let escaped = in_string && c == '\\';
                let next = if escaped { rest[1..].chars().next().map_or(0, char::len_utf8) } else { 0 };
                in_string ^= c == '"';
                replaced.push_str(&rest[..c.len_utf8() + next]);
                c.len_utf8() + next
            }
        };
        rest = &rest[taken..];
    }
    any.then_some(replaced)
}

fn python_token(rest: &str) -> Option<&'static str> {
    ["NaN", "Infinity", "-Infinity"].into_iter().find(|token| rest.starts_with(token))
}

/// A row as it stands in the file.
#[derive(Deserialize)]
struct RawRow {
    #[serde(default)]
    genotype: Option<Value>,
    #[serde(default)]
    phenotype: Option<Phenotype>,
    #[serde(default)]
    fitness: Option<Number>,
    #[serde(default)]
    num_gens_current: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "the phenotype is neither a number nor a list of numbers")]
enum Phenotype {
    Bare(Number),
    List(Vec<Number>),
}

/// A number; `None` if it isn't finite.
struct Number(Option<f64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_f64() {
            Some(number) => Ok(Self(Some(number))),
            None if value.get("non-finite").is_some() => Ok(Self(None)),
            None => Err(serde::de::Error::custom(format!("{value} is not a number"))),
        }
    }
}

fn row_of(value: Value, row: u64) -> Result<HistoryRow, String> {
    if !value.is_object() {
        return Err("it is not an object with genotype, phenotype and fitness".to_owned());
    }
    let raw: RawRow = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let phenotype = raw.phenotype.map(|phenotype| match phenotype {
        Phenotype::Bare(number) => number.0.map(|number| vec![number]),
        Phenotype::List(numbers) => numbers.into_iter().map(|number| number.0).collect(),
    });
    let fitness = raw.fitness.map(|fitness| fitness.0);
    let is_finite = phenotype.as_ref().is_none_or(Option::is_some) && fitness.is_none_or(|f| f.is_some());
    let genotype = raw.genotype.map(|genotype| match genotype {
        Value::String(text) => text,
        other => other.to_string(),
    });
    Ok(HistoryRow {
        genotype: genotype.filter(|_| is_finite),
        phenotype: phenotype.flatten().filter(|_| is_finite),
        fitness: fitness.flatten().filter(|_| is_finite),
        num_gens_current: raw.num_gens_current.unwrap_or(row),
    })
}
