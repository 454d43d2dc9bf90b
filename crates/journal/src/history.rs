//! OpenELM's `history.jsonl`, read: by people who bring their old runs, and for what [`crate::export`] wrote.
//!
//! Takes what OpenELM's versions, pandas and time have really written. A row that can't be understood is one invalid
//! candidate, with its line and what is wrong with it; a file in which no row is one of a history is an error.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Error, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::error::JournalError;

/// One candidate of a history.
///
/// It has all of the first three, or none of them: one that was invalid, or whose row can't be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// The text, program or vector. What isn't a string in the file is its JSON text.
    pub genotype: Option<String>,
    /// The measures: one finite number an axis.
    pub phenotype: Option<Vec<f64>>,
    /// The objective, finite; higher is better.
    pub fitness: Option<f64>,
    /// The number of the candidate in its run; where the file has none that is whole, of the row in the file (0, 1, ...).
    pub num_gens_current: u64,
    /// The line of the file that the row begins on, from 1.
    pub line: u64,
    /// Why nothing of the row can be used; `None` for a row without a fault, such as one whose values are all null.
    pub problem: Option<String>,
}

/// The rows of a history file.
pub struct History {
    lines: Lines,
    path: PathBuf,
    rows: u64,
    /// Whether some row had one of a history's keys.
    is_history: bool,
    /// What was wrong with the first row.
    first_problem: Option<(u64, String)>,
    over: bool,
}

/// How the file is laid out.
enum Lines {
    /// A row a line; with the number of the last line read.
    Each(BufReader<File>, u64),
    /// One array of rows: the rows as they stand in the file, each with its line.
    Array(std::vec::IntoIter<(u64, Vec<u8>)>),
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a row at most: 64 MiB, as of a text in a journal.
const LONGEST_ROW: u64 = 64 << 20;
/// Bytes of an array of rows at most, which is read whole: 1 GiB.
const LONGEST_ARRAY: u64 = 1 << 30;
/// What makes a row one of a history.
const KEYS: [&str; 3] = ["genotype", "phenotype", "fitness"];

/// Opens a history: a JSON object a line, or (read whole) one array of objects. A byte-order mark is passed over.
///
/// # Errors
/// If the file can't be opened or read.
pub fn read(path: &Path) -> Result<History, JournalError> {
    let fail = |error| JournalError::io(path, error);
    // A FIFO would never answer, a device never end.
    if !std::fs::metadata(path).map_err(fail)?.is_file() {
        return Err(fail(Error::other("it is no regular file")));
    }
    let mut file = BufReader::new(File::open(path).map_err(fail)?);
    if file.fill_buf().map_err(fail)?.starts_with(BYTE_ORDER_MARK) {
        file.consume(BYTE_ORDER_MARK.len());
    }
    let is_array = file.fill_buf().map_err(fail)?.trim_ascii_start().starts_with(b"[");
    let lines = if is_array {
        let mut whole = Vec::new();
        file.take(LONGEST_ARRAY + 1).read_to_end(&mut whole).map_err(fail)?;
        if whole.len() as u64 > LONGEST_ARRAY {
            return Err(fail(Error::other("an array is longer than 1 GiB; write an object a line")));
        }
        Lines::Array(elements(&whole).into_iter())
    } else {
        Lines::Each(file, 0)
    };
    Ok(History { lines, path: path.to_owned(), rows: 0, is_history: false, first_problem: None, over: false })
}

impl Iterator for History {
    type Item = Result<HistoryRow, JournalError>;

    /// The last item is an error if the file ends and no row was one of a history.
    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        match self.next_text() {
            Ok(Some((line, text))) => Some(Ok(self.row(line, &text))),
            Ok(None) => {
                self.over = true;
                (self.rows > 0 && !self.is_history).then(|| Err(self.no_history()))
            }
            Err(error) => {
                self.over = true;
                Some(Err(error))
            }
        }
    }
}

impl History {
    /// The next row as it stands in the file, and its line; blank lines skipped.
    fn next_text(&mut self) -> Result<Option<(u64, Vec<u8>)>, JournalError> {
        let (file, line) = match &mut self.lines {
            Lines::Each(file, line) => (file, line),
            Lines::Array(rows) => return Ok(rows.next()),
        };
        let fail = |error| JournalError::io(&self.path, error);
        let mut text = Vec::new();
        loop {
            text.clear();
            *line += 1;
            let taken = file.by_ref().take(LONGEST_ROW).read_until(b'\n', &mut text).map_err(fail)?;
            if taken as u64 == LONGEST_ROW && text.last() != Some(&b'\n') {
                let (path, detail) = (self.path.clone(), "a row is longer than 64 MiB".to_owned());
                return Err(JournalError::History { path, line: *line, detail });
            }
            if taken == 0 {
                return Ok(None);
            }
            if !text.trim_ascii().is_empty() {
                return Ok(Some((*line, text)));
            }
        }
    }

    fn row(&mut self, line: u64, text: &[u8]) -> HistoryRow {
        let number = self.rows;
        self.rows += 1;
        let parsed = parse(text);
        let fields = parsed.as_ref().ok().and_then(Value::as_object);
        self.is_history |= fields.is_some_and(|fields| KEYS.iter().any(|key| fields.contains_key(*key)));
        let num_gens_current =
            fields.and_then(|fields| whole(fields.get("num_gens_current")?)).unwrap_or(number);
        let (values, problem) = match parsed.and_then(values_of) {
            Ok(values) => (values, None),
            Err(problem) => (None, Some(problem)),
        };
        if number == 0 {
            self.first_problem = problem.clone().map(|problem| (line, problem));
        }
        let (genotype, phenotype, fitness) =
            values.map_or((None, None, None), |(a, b, c)| (Some(a), Some(b), Some(c)));
        HistoryRow { genotype, phenotype, fitness, num_gens_current, line, problem }
    }

    fn no_history(&self) -> JournalError {
        let (line, problem) = self.first_problem.clone().unwrap_or((1, "it has no rows".to_owned()));
        let detail = format!(
            "{problem}; no row of the file has a key of a history: genotype, phenotype, fitness\nhint: write each \
             candidate as {{\"genotype\": ..., \"phenotype\": [...], \"fitness\": ...}}"
        );
        JournalError::History { path: self.path.clone(), line, detail }
    }
}

/// Genotype, phenotype and fitness.
type Values = (String, Vec<f64>, f64);

/// Whether a phenotype has a null on every axis: of an empty text, which nobody measures.
fn is_nowhere(phenotype: &Value) -> bool {
    phenotype.as_array().is_some_and(|axes| !axes.is_empty() && axes.iter().all(Value::is_null))
}

/// The three values of a row; `None` if all are null, or the phenotype is on every axis. An error says why none can be used.
fn values_of(value: Value) -> Result<Option<Values>, String> {
    let Value::Object(mut row) = value else {
        return Err("it is not an object with genotype, phenotype and fitness".to_owned());
    };
    if KEYS.iter().all(|key| !row.contains_key(*key)) {
        return Err(foreign(&row));
    }
    let mut take = |key| match row.remove(key) {
        None | Some(Value::Null) => None,
        Some(value) => Some(value),
    };
    let (genotype, phenotype, fitness) = (take(KEYS[0]), take(KEYS[1]), take(KEYS[2]));
    if phenotype.as_ref().is_some_and(is_nowhere) {
        return Ok(None);
    }
    if genotype.is_none() && phenotype.is_none() && fitness.is_none() {
        return Ok(None);
    }
    let missing = |key: &str| format!("it has no {key}");
    let genotype = match genotype.ok_or_else(|| missing(KEYS[0]))? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let phenotype = match phenotype.ok_or_else(|| missing(KEYS[1]))? {
        Value::Array(numbers) => {
            let measure = |(i, value): (usize, &Value)| {
                number(value).map_err(|what| format!("phenotype[{i}] is {what}"))
            };
            numbers.iter().enumerate().map(measure).collect::<Result<_, _>>()?
        }
        bare => vec![number(&bare).map_err(|what| format!("phenotype is {what}"))?],
    };
    let fitness = number(&fitness.ok_or_else(|| missing(KEYS[2]))?);
    Ok(Some((genotype, phenotype, fitness.map_err(|what| format!("fitness is {what}"))?)))
}

/// What a row has that has none of a history's keys.
fn foreign(row: &Map<String, Value>) -> String {
    const SHOWN: usize = 6;
    let keys: Vec<String> = row.keys().take(SHOWN).map(|key| brief(key)).collect();
    let more = if row.len() > SHOWN { ", ..." } else { "" };
    if keys.is_empty() {
        return "it has no keys".to_owned();
    }
    format!("its keys are {}{more}", keys.join(", "))
}

/// A finite number, or what the value is.
fn number(value: &Value) -> Result<f64, String> {
    match value {
        Value::Number(number) => number.as_f64().filter(|number| number.is_finite()),
        _ if value.get(NON_FINITE_KEY).is_some() => return Err("not finite".to_owned()),
        _ => None,
    }
    .ok_or_else(|| format!("{}, not a number", brief(&value.to_string())))
}

/// A whole number that is not negative, however it is written: 7, 7.0, 7e0, "7".
fn whole(value: &Value) -> Option<u64> {
    /// Numbers from here on are not all whole in floating point.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let number = number.as_f64()?;
            ((0.0..LIMIT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// The beginning of a text.
fn brief(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads JSON in which Python may have written NaN, Infinity and -Infinity.
fn parse(text: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8".to_owned())?;
    let first = match serde_json::from_str(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let detail = |error: serde_json::Error| {
        let what = error.to_string();
        if what.contains("surrogate") || what.contains("hex escape") {
            return "it holds half a character (a lone surrogate), which is no text".to_owned();
        }
        // A row is a line or begins on one: where it stands is known, the column within it says little.
        let what = what.split(" at line ").next().unwrap_or_default();
        format!("it is not JSON: {what}")
    };
    match name_non_finite(text) {
        Cow::Owned(replaced) => serde_json::from_str(&replaced).map_err(detail),
        Cow::Borrowed(_) => Err(detail(first)),
    }
}

/// What stands for a number that isn't finite; no history has it.
const NON_FINITE_KEY: &str = "non-finite";
const NON_FINITE: &str = "{\"non-finite\":0}";

/// The text with Python's NaN and infinities, outside of strings, made JSON.
fn name_non_finite(text: &str) -> Cow<'_, str> {
    let mut replaced = String::new();
    let (mut copied, mut at) = (0, 0);
    let mut in_string = false;
    while let Some(byte) = text.as_bytes().get(at) {
        let token = if in_string { None } else { python_token(&text.as_bytes()[at..]) };
        match (token, byte) {
            (Some(token), _) => {
                replaced += &text[copied..at];
                replaced += NON_FINITE;
                at += token;
                copied = at;
            }
            // An escaped character of a string is taken together with its backslash.
            (None, b'\\') if in_string => at += 2,
            (None, byte) => {
                in_string ^= *byte == b'"';
                at += 1;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    replaced += &text[copied..];
    Cow::Owned(replaced)
}

/// The length of what Python writes for a number that isn't finite, at the start of this.
fn python_token(rest: &[u8]) -> Option<usize> {
    [&b"NaN"[..], b"Infinity", b"-Infinity"]
        .into_iter()
        .find(|token| rest.starts_with(token))
        .map(<[u8]>::len)
}

/// The elements of a JSON array as they stand in the text, each with the line it begins on. Only brackets, strings and
/// commas are looked at, so that one bad element is no trouble to the others.
fn elements(text: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let (mut depth, mut in_string) = (0_i64, false);
    let (mut line, mut begin) = (1, None);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let between = depth == 1 && !in_string;
        let ends = between && matches!(byte, b',' | b']');
        if ends && let Some((line, begin)) = begin.take() {
            found.push((line, text[begin..at].trim_ascii_end().to_vec()));
        }
        if between && !ends && begin.is_none() && !byte.is_ascii_whitespace() {
            begin = Some((line, at));
        }
        match byte {
            b'\n' => line += 1,
            b'\\' if in_string => at += 1,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && byte == &b']' {
            break;
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    let gap = rest.len() - rest.trim_ascii_start().len();
    line += rest[..gap].iter().filter(|byte| **byte == b'\n').count() as u64;
    let rest = rest.trim_ascii();
    match begin {
        // The file ends in the middle of an element.
        Some((line, begin)) => found.push((line, text[begin..].to_vec())),
        // Something stands behind the array.
        None if !rest.is_empty() => found.push((line, rest.to_vec())),
        None => {}
    }
    found
}
