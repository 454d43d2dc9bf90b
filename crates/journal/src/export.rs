//! A run as other files: OpenELM's history, CSV and JSONL, each written candidate by candidate.
//!
//! Reads through [`Reader`] only. OpenELM's histories are read back by [`crate::history`]; how a CSV is laid out is in
//! `table`. Every export can be limited to some candidates, such as the elites.

use std::io::{self, BufWriter, Write};

use samara_search::{Candidate, Charge, Fate, FateCounts, commanding::escaped};
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};

use crate::error::JournalError;
use crate::reader::Reader;
use crate::record::Life;
use crate::run_view::{RunView, search_of};
use crate::wanted::{broken, is_wanted};

pub use crate::table::csv;
pub use crate::typed::parquet;
pub use crate::wanted::Only;

/// One line of OpenELM's history, with its keys in OpenELM's order.
#[derive(Serialize)]
struct HistoryLine<'a> {
    genotype: Option<&'a str>,
    phenotype: Option<&'a [Option<f64>]>,
    fitness: Option<f64>,
    num_gens_current: u64,
}

/// Writes OpenELM's `history.jsonl`: a line for each candidate with the keys `genotype` (the genome's text),
/// `phenotype` (the measures), `fitness` (the objective) and `num_gens_current` (the index), spaced and escaped as
/// Python's `json.dumps` does. The first three are null for an invalid or failed candidate; for one whose text is empty
/// the phenotype is a null for each axis, as OpenELM writes it.
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn openelm(reader: &Reader, only: Only<'_>, out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    // A run whose settings can't be read any more is written all the same.
    let axes = search_of(&reader.header().config, reader.begun_format()).map_or(0, |(_, axes)| axes.len());
    reader.fold(&mut |candidate| {
        if is_wanted(only, candidate.index) {
            openelm_line(&candidate, axes, &mut out).map_err(broken)?;
        }
        Ok::<(), JournalError>(())
    })?;
    out.flush().map_err(broken)
}

fn openelm_line(candidate: &Candidate, axes: usize, out: &mut dyn Write) -> io::Result<()> {
    let valid = !matches!(candidate.fate, Fate::Invalid { .. } | Fate::Failed { .. });
    let text = candidate.genome.as_ref().map(|genome| genome.text());
    let empty = !valid && text.as_deref().is_some_and(|text| text.trim().is_empty());
    let measures = candidate.measures().filter(|_| valid);
    let phenotype: Option<Vec<Option<f64>>> = match measures {
        Some(measures) => Some(measures.iter().copied().map(Some).collect()),
        None => (empty && axes > 0).then(|| vec![None; axes]),
    };
    let line = HistoryLine {
        genotype: text.as_deref().filter(|_| valid || empty),
        phenotype: phenotype.as_deref(),
        fitness: candidate.objective().filter(|_| valid),
        num_gens_current: candidate.index,
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

/// A line of the JSONL: all that is known of a candidate.
#[derive(Serialize)]
struct WholeLine<'a> {
    #[serde(flatten)]
    candidate: &'a Candidate,
    #[serde(flatten)]
    life: &'a Life,
}

/// Writes everything about every candidate, its model calls included, one JSON object a line: the fields of
/// [`Candidate`] and those of [`Life`] side by side. What commands a terminal or turns the direction of
/// reading is escaped: a terminal that shows the file does nothing else.
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn jsonl(reader: &Reader, only: Only<'_>, out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    reader.snapshot(|| {
        let wanted = (0..reader.len()?).filter(|index| is_wanted(only, *index));
        for index in wanted {
            let (candidate, life) = reader.candidate(index)?.ok_or_else(|| {
                JournalError::damaged(reader.path(), format!("candidate {index} is missing"))
            })?;
            let line = WholeLine { candidate: &candidate, life: &life };
            line.serialize(&mut Serializer::with_formatter(&mut out, Compact))
                .map_err(|error| broken(error.into()))?;
            out.write_all(b"\n").map_err(broken)?;
        }
        Ok::<(), JournalError>(())
    })?;
    out.flush().map_err(broken)
}

/// A point of a run's curves, as Weights & Biases and MLflow log them: a step and numbers by their names.
#[derive(Serialize)]
struct CurvePoint {
    /// Settled candidates.
    step: u64,
    qd_score: f64,
    coverage: f64,
    cells_filled: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    best: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean: Option<f64>,
    new: u64,
    improved: u64,
    not_better: u64,
    invalid: u64,
    failed: u64,
    calls: u64,
    tokens: u64,
    money: f64,
}

/// Writes a run's curves: a line of JSON after every candidate, with `step` (settled candidates) and what holds then:
/// `qd_score`, `coverage`, `cells_filled`, `best` and `mean` (absent while the archive is empty), the candidates by fate,
/// and `calls`, `tokens` and `money` as budgets count them.
///
/// # Errors
/// If the journal can't be read or `out` not written.
pub fn curves(reader: &Reader, out: &mut dyn Write) -> Result<(), JournalError> {
    let mut out = BufWriter::new(out);
    let (mut fates, mut spent) = (FateCounts::default(), Charge::default());
    // What can't be written any more stops the writing, and is told behind the last candidate.
    let mut failed = None;
    RunView::following(reader, &mut |step| {
        fates.count(&step.candidate.fate);
        spent += step.candidate.charge;
        if failed.is_some() {
            return;
        }
        let stats = step.replay.population().overall().archive().stats();
        let point = CurvePoint {
            step: step.replay.settled(),
            qd_score: stats.qd_score,
            coverage: stats.coverage,
            cells_filled: stats.cells_filled,
            best: stats.best,
            mean: stats.mean,
            new: fates.new,
            improved: fates.improved,
            not_better: fates.not_better,
            invalid: fates.invalid,
            failed: fates.failed,
            calls: spent.calls,
            tokens: spent.tokens,
            money: spent.money,
        };
        let written = serde_json::to_writer(&mut out, &point).map_err(io::Error::from);
        failed = written.and_then(|()| out.write_all(b"\n")).err();
    })?;
    match failed {
        Some(error) => Err(broken(error)),
        None => out.flush().map_err(broken),
    }
}

/// JSON without spaces, in which no character controls a terminal.
struct Compact;

impl Formatter for Compact {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        out.write_all(escaped(fragment).as_bytes())
    }
}
