//! Rows back into records: what each column of [`crate::schema`] means.
//!
//! Knows no files and decides nothing: a value that no writer writes is an error.

use crate::record::{CallKind, Fate, Genome, ModelCall, Settled};
use crate::text::Unpacker;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Error, Result, Row};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The columns that [`settled`] reads, in their order.
pub(crate) const SETTLED_COLUMNS: &str = "c.id, c.parents, c.genome, c.vector, c.examples, c.measures, c.objective, \
    c.negative_zero, c.fate, c.cell, c.rank, c.live_ms, c.calls, c.tokens_in, c.tokens_out, c.cost, c.isolation, \
    t.codec, t.size, t.body, w.codec, w.size, w.body, c.arm, coalesce(c.price, c.cost), coalesce(c.model_ms, 0.0) \
    FROM candidates c LEFT JOIN texts t ON t.id = c.text LEFT JOIN texts w ON w.id = c.why";

/// The columns that [`call`] reads, in their order.
pub(crate) const CALL_COLUMNS: &str = "k.role, k.kind, k.model, k.log_probabilities, k.method, k.tokens_in, \
    k.tokens_out, k.cost, k.latency_ms, k.attempts, k.seed, p.codec, p.size, p.body, a.codec, a.size, a.body, \
    e.codec, e.size, e.body, k.price FROM calls k JOIN texts p ON p.id = k.prompt JOIN texts a ON a.id = k.answer \
    LEFT JOIN texts e ON e.id = k.error";

/// Where `isolation` is among [`SETTLED_COLUMNS`]; only a whole candidate has it.
pub(crate) const ISOLATION: usize = 16;

/// Finds a few-shot example by the id of its text.
pub(crate) type FindText<'a> = &'a mut dyn FnMut(i64) -> Result<Arc<str>>;

/// A candidate without its calls.
pub(crate) fn settled(row: &Row<'_>, unpacker: &mut Unpacker, find: FindText<'_>) -> Result<Settled> {
    let objective: Option<f64> = row.get(6)?;
    let negative_zero: Option<bool> = row.get(7)?;
    let why = text(row, 20, unpacker)?;
    let tokens =
        integer(row, 13)?.checked_add(integer(row, 14)?).ok_or_else(|| wrong(13, "too many tokens"))?;
    Ok(Settled {
        index: integer(row, 0)?,
        parents: json(row, 1)?.ok_or_else(|| wrong(1, "no parents"))?,
        genome: genome(row, unpacker, find)?,
        measures: json(row, 5)?,
        objective: if negative_zero == Some(true) { Some(-0.0) } else { objective },
        fate: Fate::from_parts(string(row, 8)?, why).ok_or_else(|| wrong(8, "no such fate"))?,
        cell: row.get::<_, Option<i64>>(9)?.map(|_| integer(row, 9)).transpose()?,
        rank: row.get(10)?,
        live_ms: row.get(11)?,
        tokens,
        cost: row.get(15)?,
        price: row.get(24)?,
        model_ms: row.get(25)?,
        calls: row.get(12)?,
        arm: row.get(23)?,
    })
}

fn genome(row: &Row<'_>, unpacker: &mut Unpacker, find: FindText<'_>) -> Result<Option<Genome>> {
    let mut written = || text(row, 17, unpacker)?.ok_or_else(|| wrong(17, "a genome without its text"));
    Ok(Some(match row.get_ref(2)?.as_str_or_null()? {
        None => return Ok(None),
        Some("text") => Genome::Text(written()?.into()),
        Some("vector") => {
            Genome::Vector(json(row, 3)?.ok_or_else(|| wrong(3, "a genome without its vector"))?)
        }
        Some("few_shot") => {
            let ids: Vec<i64> = json(row, 4)?.ok_or_else(|| wrong(4, "a genome without its examples"))?;
            let text = written()?.into();
            Genome::FewShot { examples: ids.into_iter().map(find).collect::<Result<_>>()?, text }
        }
        Some(_) => return Err(wrong(2, "no such kind of genome")),
    }))
}

/// A model call.
pub(crate) fn call(row: &Row<'_>, unpacker: &mut Unpacker) -> Result<ModelCall> {
    let mut stored =
        |column| text(row, column, unpacker)?.ok_or_else(|| wrong(column, "a call without a text"));
    let (prompt, answer) = (stored(11)?, stored(14)?);
    Ok(ModelCall {
        role: row.get(0)?,
        kind: CallKind::from_name(string(row, 1)?).ok_or_else(|| wrong(1, "no such kind of call"))?,
        model: row.get(2)?,
        prompt,
        answer,
        log_probabilities: json(row, 3)?.unwrap_or_default(),
        method: row.get(4)?,
        tokens_in: integer(row, 5)?,
        tokens_out: integer(row, 6)?,
        cost: row.get(7)?,
        price: row.get(20)?,
        latency_ms: row.get(8)?,
        attempts: row.get(9)?,
        seed: seed(row, 10)?,
        error: text(row, 17, unpacker)?,
    })
}

/// The text whose codec, size and body begin at this column; `None` if there is none.
pub(crate) fn text(row: &Row<'_>, column: usize, unpacker: &mut Unpacker) -> Result<Option<String>> {
    let Some(codec) = row.get::<_, Option<u32>>(column)? else { return Ok(None) };
    let body = column + 2;
    match (codec, row.get_ref(body)?) {
        (0, plain @ ValueRef::Text(_)) => Ok(Some(plain.as_str()?.to_owned())),
        (1, ValueRef::Blob(packed)) => {
            let size: u32 = row.get(column + 1)?;
            unpacker.unpack(packed, size as usize).map(Some).map_err(|what| wrong(body, what))
        }
        _ => Err(wrong(body, "no such codec of a text")),
    }
}

/// A seed: decimal text.
pub(crate) fn seed(row: &Row<'_>, column: usize) -> Result<u64> {
    string(row, column)?.parse().map_err(|_| wrong(column, "no such seed"))
}

fn string<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// An integer that is never negative.
pub(crate) fn integer(row: &Row<'_>, column: usize) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

/// The value of a JSON text; `None` for NULL.
fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let fail = |error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error));
    serde_json::from_str(text).map(Some).map_err(fail)
}

/// A value that no journal's writer writes.
fn wrong(column: usize, what: &'static str) -> Error {
    Error::FromSqlConversionFailure(column, Type::Null, what.into())
}
