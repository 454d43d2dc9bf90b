//! A run as Parquet: a row a candidate, in the columns of the CSV, each of its own type.

use std::collections::BTreeSet;
use std::io::Write;

use samara_search::{AxisSettings, Candidate};

use crate::error::JournalError;
use crate::parquet::{Column, Table, Values};
use crate::reader::Reader;
use crate::row::LifeColumns;
use crate::table::{breadth, names};
use crate::wanted::{Only, broken, is_wanted};

/// Rows of a group: what is held in memory at once.
const GROUP: usize = 10_000;

/// A value of a row.
enum Field {
    Whole(Option<u64>),
    Number(Option<f64>),
    Text(Option<String>),
    List(Vec<u64>),
}

/// Writes a Parquet file with a row for each candidate. Columns have the names that [`csv`](crate::export::csv) gives them:
/// whole numbers are INT64, numbers DOUBLE, texts UTF-8 as they are, `parents` a list of whole numbers; measures are
/// numbers, on an axis of categories their names. What a candidate doesn't have is null.
///
/// # Errors
/// If the journal can't be read, has more than 1,000 measures or metrics, or `out` can't be written.
pub fn parquet(
    reader: &Reader,
    axes: &[AxisSettings],
    only: Only<'_>,
    out: &mut dyn Write,
) -> Result<(), JournalError> {
    reader.snapshot(|| {
        let (width, metrics) = breadth(reader, axes, only)?;
        let names = names(width, axes, &metrics);
        let begin = |name: String, field: Field| Column { name, values: empty(&field) };
        // The types are those of any candidate's fields.
        let typed = fields(&blank(), None, (width, axes), &metrics);
        let columns = names.into_iter().zip(typed).map(|(name, field)| begin(name, field)).collect();
        let mut table = Table::begin(out, columns).map_err(broken)?;
        reader.fold_lived(0, &mut |candidate, lived| {
            if !is_wanted(only, candidate.index) {
                return Ok(());
            }
            let row = fields(&candidate, Some(&lived), (width, axes), &metrics);
            table.columns.iter_mut().zip(row).for_each(|(column, field)| push(&mut column.values, field));
            if table.held() >= GROUP { table.flush().map_err(broken) } else { Ok(()) }
        })?;
        table.finish().map_err(broken)
    })
}

fn empty(field: &Field) -> Values {
    match field {
        Field::Whole(_) => Values::Whole(Vec::new()),
        Field::Number(_) => Values::Number(Vec::new()),
        Field::Text(_) => Values::Text(Vec::new()),
        Field::List(_) => Values::Lists(Vec::new()),
    }
}

/// Numbers of a journal fit: it keeps them as the same kind.
fn push(values: &mut Values, field: Field) {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match (values, field) {
        (Values::Whole(all), Field::Whole(one)) => all.push(one.map(whole)),
        (Values::Number(all), Field::Number(one)) => all.push(one),
        (Values::Text(all), Field::Text(one)) => all.push(one),
        (Values::Lists(all), Field::List(one)) => all.push(one.into_iter().map(whole).collect()),
        _ => unreachable!("a column is of one type"),
    }
}

/// The fields of a row, in the order of the CSV's columns.
fn fields(
    candidate: &Candidate,
    lived: Option<&LifeColumns>,
    (width, axes): (usize, &[AxisSettings]),
    metrics: &BTreeSet<String>,
) -> Vec<Field> {
    let text = |text: &str| Field::Text(Some(text.to_owned()));
    let score = candidate.score.as_deref();
    let mut fields = vec![
        Field::Whole(Some(candidate.index)),
        text(candidate.fate.name()),
        Field::Text(candidate.fate.why().map(str::to_owned)),
        Field::Number(candidate.objective()),
    ];
    let measures = candidate.measures().unwrap_or_default();
    fields.extend((0..width).map(|place| measure(measures.get(place).copied(), axes.get(place))));
    fields.extend([
        Field::Whole(candidate.cell),
        Field::Whole(candidate.rank.map(u64::from)),
        Field::List(candidate.parents.clone()),
        Field::Text(candidate.genome.as_ref().map(|genome| genome.text().into_owned())),
        Field::Whole(Some(candidate.charge.calls)),
        Field::Whole(Some(candidate.charge.tokens)),
        Field::Number(lived.map(|lived| lived.cost)),
        Field::Number(lived.map(|lived| lived.live_ms)),
        Field::Number(Some(candidate.charge.money)),
        Field::Number(Some(candidate.model_ms)),
        Field::Whole(Some(candidate.island.into())),
        text(&candidate.operator),
        Field::Text(lived.and_then(|lived| lived.model.clone())),
        Field::Whole(score.and_then(|score| score.stage).map(u64::from)),
        Field::Whole(Some(candidate.horizon)),
        Field::Whole(candidate.copy_of),
        Field::Text(lived.and_then(|lived| lived.isolation.clone())),
    ]);
    let metric = |name| score.and_then(|score| score.metrics.get(name)).copied();
    fields.extend(metrics.iter().map(|name| Field::Number(metric(name))));
    fields
}

/// A measure: on an axis of categories its name, or the number where it has none.
fn measure(measure: Option<f64>, axis: Option<&AxisSettings>) -> Field {
    match axis.filter(|axis| axis.category(0.0).is_some()) {
        None => Field::Number(measure),
        Some(axis) => Field::Text(
            measure
                .map(|measure| axis.category(measure).map_or_else(|| format!("{measure:?}"), str::to_owned)),
        ),
    }
}

fn blank() -> Candidate {
    Candidate {
        index: 0,
        island: 0,
        horizon: 0,
        operator: String::new(),
        parents: Vec::new(),
        generator: None,
        genome: None,
        score: None,
        fate: samara_search::Fate::NotBetter,
        cell: None,
        rank: None,
        copy_of: None,
        artifacts: Vec::new(),
        charge: samara_search::Charge::default(),
        model_ms: 0.0,
    }
}
