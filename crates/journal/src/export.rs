//! A run as other files: OpenELM's history, CSV and JSONL, each written candidate by candidate.
//!
//! Reads through [`Reader`] only. OpenELM's histories are read back by [`crate::history`].

use crate::error::JournalError;
use crate::reader::Reader;
use crate::record::{Fate, Settled, number_list};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io::{self, BufWriter, Write};

/// One line of OpenELM's history, with its keys in OpenELM's order.
#[derive(Serialize)]
struct HistoryLine<'a> {
    genotype: Option<&'a str>,
    phenotype: Option<&'a [f64]>,
    fitness: Option<f64>,
    num_gens_current: u64,
}

/// Writes OpenELM's `history.jsonl`: a line for each candidate with the keys `genotype` (the genome's text),
/// `phenotype` (the measures), `fitness` (the objective) and `num_gens_current` (the index), spaced and escaped as
/// Python's `json.dumps` does. The first three are null for an invalid or failed candidate.
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn openelm(reader: &Reader, out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    reader.fold(&mut |settled| openelm_line(&settled, &mut out).map_err(broken))?;
    out.flush().map_err(broken)
}

fn openelm_line(settled: &Settled, out: &mut dyn Write) -> io::Result<()> {
    let valid = !matches!(settled.fate, Fate::Invalid { .. } | Fate::Failed { .. });
    let text = settled.genome.as_ref().map(|genome| genome.text());
    let line = HistoryLine {
        genotype: text.as_deref().filter(|_| valid),
        phenotype: settled.measures.as_deref().filter(|_| valid),
        fitness: settled.objective.filter(|_| valid),
        num_gens_current: settled.index,
    };
    line.serialize(&mut Serializer::with_formatter(&mut *out, PythonStyle))?;
    out.write_all(b"\n")
}

/// JSON as Python's `json.dumps` writes it: a space after commas and colons, all of it ASCII.
struct PythonStyle;

impl Formatter for PythonStyle {
    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.is_ascii() {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if c.is_ascii() {
                out.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, out: &mut W, escape: CharEscape) -> io::Result<()> {
        use CharEscape::{
            AsciiControl, Backspace, CarriageReturn, FormFeed, LineFeed, Quote, ReverseSolidus, Solidus, Tab,
        };
        let escaped: &[u8] = match escape {
            Quote => b"\\\"",
            ReverseSolidus => b"\\\\",
            Solidus => b"/",
            Backspace => b"\\b",
            FormFeed => b"\\f",
            LineFeed => b"\\n",
            CarriageReturn => b"\\r",
            Tab => b"\\t",
            AsciiControl(byte) => return write!(out, "\\u{byte:04x}"),
        };
        out.write_all(escaped)
    }
}

/// Writes a CSV (RFC 4180: lines end with CR LF) with a header line and a line for each candidate: `index`, `fate`,
/// `why`, `objective`, one column for each measure, `cell`, `rank`, `parents` (separated by spaces), `text`,
/// `calls`, `tokens`, `cost` and `ms`. The measures' columns are named by `axes`; those beyond it `m` and their
/// number, from 0. What a candidate doesn't have is empty.
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn csv(reader: &Reader, axes: &[String], out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    reader.snapshot(|| {
        let width = reader.measure_count()?.max(axes.len());
        csv_header(width, axes, &mut out).map_err(broken)?;
        reader.fold(&mut |settled| csv_line(&settled, width, &mut out).map_err(broken))
    })?;
    out.flush().map_err(broken)
}

fn csv_header(width: usize, axes: &[String], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"index,fate,why,objective,")?;
    for i in 0..width {
        let name = axes.get(i).cloned().unwrap_or_else(|| format!("m{i}"));
        field(&name, out)?;
        out.write_all(b",")?;
    }
    out.write_all(b"cell,rank,parents,text,calls,tokens,cost,ms\r\n")
}

fn csv_line(settled: &Settled, width: usize, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{},{},", settled.index, settled.fate.name())?;
    field(settled.fate.why().unwrap_or_default(), out)?;
    write!(out, ",{},", settled.objective.map(number).unwrap_or_default())?;
    let measures = settled.measures.as_deref().unwrap_or_default();
    for i in 0..width {
        write!(out, "{},", measures.get(i).copied().map(number).unwrap_or_default())?;
    }
    let cell = settled.cell.map(|cell| cell.to_string()).unwrap_or_default();
    let rank = settled.rank.map(|rank| rank.to_string()).unwrap_or_default();
    let parents: Vec<String> = settled.parents.iter().map(u64::to_string).collect();
    write!(out, "{cell},{rank},{},", parents.join(" "))?;
    field(settled.genome.as_ref().map(|genome| genome.text()).as_deref().unwrap_or_default(), out)?;
    let (cost, ms) = (number(settled.cost), number(settled.live_ms));
    write!(out, ",{},{},{cost},{ms}\r\n", settled.calls, settled.tokens)
}

/// The shortest text that gives the same number again.
fn number(value: f64) -> String {
    let list = number_list(&[value]);
    list[1..list.len() - 1].to_owned()
}

/// A field in quotes, if it needs them.
fn field(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if !text.contains(['"', ',', '\r', '\n']) {
        return out.write_all(text.as_bytes());
    }
    write!(out, "\"{}\"", text.replace('"', "\"\""))
}

/// Writes everything about every candidate, its model calls included, one JSON object a line: the fields of
/// [`Candidate`](crate::Candidate).
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn jsonl(reader: &Reader, out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    reader.snapshot(|| {
        for index in 0..reader.len()? {
            let candidate = reader.candidate(index)?.ok_or_else(|| {
                JournalError::damaged(reader.path(), format!("candidate {index} is missing"))
            })?;
            serde_json::to_writer(&mut out, &candidate).map_err(|error| broken(error.into()))?;
            out.write_all(b"\n").map_err(broken)?;
        }
        Ok(())
    })?;
    out.flush().map_err(broken)
}

fn broken(source: io::Error) -> JournalError {
    JournalError::Export { source }
}
