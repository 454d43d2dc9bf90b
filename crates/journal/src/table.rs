//! A run as CSV: one line a candidate, one column a thing to know.
//!
//! Columns are told apart by their names, and no name is taken twice whatever axes and metrics are called; no field is a
//! formula when a spreadsheet opens the file, and none controls a terminal that shows it.

use std::collections::{BTreeSet, HashSet};
use std::io::Write;

use samara_search::{AxisSettings, Candidate, commanding::escaped, number_list};

use crate::error::JournalError;
use crate::reader::Reader;
use crate::row::LifeColumns;
use crate::wanted::{Only, broken, is_wanted};

/// Columns before the measures.
const BEFORE: [&str; 4] = ["index", "fate", "why", "objective"];
/// Columns behind the measures, and before the metrics.
const BEHIND: [&str; 17] = [
    "cell",
    "rank",
    "parents",
    "text",
    "calls",
    "tokens",
    "cost",
    "ms",
    "price",
    "model_ms",
    "island",
    "operator",
    "model",
    "stage",
    "horizon",
    "copy_of",
    "isolation",
];
/// Columns of measures, and of metrics, at most.
const MOST: usize = 1000;

/// Writes a CSV (RFC 4180: lines end with CR LF) with a header line and a line for each candidate: `index`, `fate`,
/// `why`, `objective`, one column for each measure, `cell`, `rank`, `parents` (separated by spaces), `text`, `calls`,
/// `tokens`, `cost` (spent), `ms`, `price` (what its calls cost when none is found in a cache), `model_ms`, `island`,
/// `operator`, `model`, `stage`, `horizon`, `copy_of`, `isolation`, and one column for each metric, in alphabetical order.
/// What a candidate doesn't have is empty.
///
/// A measure's column has the name of its axis in `axes`, those beyond it `m` and their number, from 0; on an axis of
/// categories it holds their names. A metric's column has `metric.` and its name. Where a name is taken already, it gets `_2`, or `_3`, and so on: an axis called `objective`
/// is the column `objective_2`.
///
/// A text (names of columns included) that begins with `=`, `+`, `-`, `@`, TAB or CR gets a `\'` before it, so that no
/// spreadsheet takes it for a formula; a number stays a number. What commands a terminal or turns the direction of reading, but TAB, CR and
/// LF, is written as `\u` and four hex digits.
///
/// # Errors
/// If the journal can't be read, has more than 1,000 measures or metrics, or `out` can't be written.
pub fn csv(
    reader: &Reader,
    axes: &[AxisSettings],
    only: Only<'_>,
    out: &mut dyn Write,
) -> Result<(), JournalError> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    reader.snapshot(|| {
        let (width, metrics) = breadth(reader, axes, only)?;
        table.write_record(names(width, axes, &metrics)).map_err(failed)?;
        reader.fold_lived(0, &mut |candidate, lived| {
            if !is_wanted(only, candidate.index) {
                return Ok(());
            }
            let line = fields(&candidate, &lived, (width, axes), &metrics);
            table.write_record(line).map_err(failed)
        })
    })?;
    table.flush().map_err(broken)
}

fn failed(error: csv::Error) -> JournalError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => broken(error),
        other => broken(std::io::Error::other(format!("{other:?}"))),
    }
}

/// How many measures there are, and the names of all metrics.
pub(crate) fn breadth(
    reader: &Reader,
    axes: &[AxisSettings],
    only: Only<'_>,
) -> Result<(usize, BTreeSet<String>), JournalError> {
    let (mut width, mut metrics) = (axes.len(), BTreeSet::new());
    reader.fold(&mut |candidate| {
        if let Some(score) = candidate.score.as_ref().filter(|_| is_wanted(only, candidate.index)) {
            width = width.max(score.measures.len());
            for name in score.metrics.keys().filter(|name| !metrics.contains(*name)).collect::<Vec<_>>() {
                metrics.insert(name.clone());
            }
        }
        if width > MOST || metrics.len() > MOST {
            let detail = format!("it has more than {MOST} measures or metrics");
            return Err(JournalError::TooWide { detail });
        }
        Ok(())
    })?;
    Ok((width, metrics))
}

/// The names of the columns, each once.
pub(crate) fn names(width: usize, axes: &[AxisSettings], metrics: &BTreeSet<String>) -> Vec<String> {
    let mut taken: HashSet<String> = BEFORE.into_iter().chain(BEHIND).map(str::to_owned).collect();
    let mut free = |name: String| {
        let name = text(&name);
        let mut found = name.clone();
        let mut number = 2_u64;
        while !taken.insert(found.clone()) {
            found = format!("{name}_{number}");
            number += 1;
        }
        found
    };
    let measures = (0..width).map(|i| axes.get(i).map_or_else(|| format!("m{i}"), |axis| axis.name.clone()));
    let measures: Vec<String> = measures.map(&mut free).collect();
    let metrics: Vec<String> = metrics.iter().map(|name| free(format!("metric.{name}"))).collect();
    let fixed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    [fixed(&BEFORE), measures, fixed(&BEHIND), metrics].concat()
}

fn fields(
    candidate: &Candidate,
    lived: &LifeColumns,
    (width, axes): (usize, &[AxisSettings]),
    metrics: &BTreeSet<String>,
) -> Vec<String> {
    let optional = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let mut fields = vec![
        candidate.index.to_string(),
        candidate.fate.name().to_owned(),
        text(candidate.fate.why().unwrap_or_default()),
        candidate.objective().map(number).unwrap_or_default(),
    ];
    let measures = candidate.measures().unwrap_or_default();
    let told = |i: usize| {
        let measure = *measures.get(i)?;
        let category = axes.get(i).and_then(|axis| axis.category(measure));
        Some(category.map_or_else(|| number(measure), text))
    };
    fields.extend((0..width).map(|i| told(i).unwrap_or_default()));
    let parents: Vec<String> = candidate.parents.iter().map(u64::to_string).collect();
    let score = candidate.score.as_deref();
    fields.extend([
        optional(candidate.cell),
        optional(candidate.rank.map(u64::from)),
        parents.join(" "),
        text(candidate.genome.as_ref().map(|genome| genome.text()).as_deref().unwrap_or_default()),
        candidate.charge.calls.to_string(),
        candidate.charge.tokens.to_string(),
        number(lived.cost),
        number(lived.live_ms),
        number(candidate.charge.money),
        number(candidate.model_ms),
        candidate.island.to_string(),
        text(&candidate.operator),
        text(lived.model.as_deref().unwrap_or_default()),
        optional(score.and_then(|score| score.stage).map(u64::from)),
        candidate.horizon.to_string(),
        optional(candidate.copy_of),
        text(lived.isolation.as_deref().unwrap_or_default()),
    ]);
    let metric = |name| score.and_then(|score| score.metrics.get(name)).copied();
    fields.extend(metrics.iter().map(|name| metric(name).map(number).unwrap_or_default()));
    fields
}

/// The shortest text that gives the same number again.
fn number(value: f64) -> String {
    let list = number_list(&[value]);
    list[1..list.len() - 1].to_owned()
}

/// A text that is no formula and controls nothing.
fn text(text: &str) -> String {
    let quote = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "\'" } else { "" };
    format!("{quote}{}", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_columns_have_one_name_whatever_axes_and_metrics_are_called() {
        let axes = ["objective", "objective", "m3", "metric.x", "cell_2", "cell", "=a", "\'=a", ""];
        let axes = axes.map(|name| AxisSettings::even(name, [0.0, 1.0], 1));
        let metrics = ["x", "objective", "x_2"].into_iter().map(str::to_owned).collect();
        let found = names(11, &axes, &metrics);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len(), "{found:?}");
        assert_eq!(
            found[4..15],
            [
                "objective_2",
                "objective_3",
                "m3",
                "metric.x",
                "cell_2",
                "cell_3",
                "\'=a",
                "\'=a_2",
                "",
                "m9",
                "m10"
            ]
        );
        assert_eq!(found[32..], ["metric.objective", "metric.x_2", "metric.x_2_2"]);
    }

    #[test]
    fn formulas_and_control_characters_are_told_apart_from_texts() {
        for (given, written) in [
            ("=HYPERLINK(\"x\")", "\'=HYPERLINK(\"x\")"),
            ("-1 is less", "\'-1 is less"),
            ("@a", "\'@a"),
            ("\tx", "\'\tx"),
            ("a = b", "a = b"),
            ("two\nlines", "two\nlines"),
            ("\u{1b}[2J\u{9b}5n\0", "\\u001b[2J\\u009b5n\\u0000"),
        ] {
            assert_eq!(text(given), written);
        }
    }
}
