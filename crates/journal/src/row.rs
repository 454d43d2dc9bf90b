//! Rows back into records, checked against their checksums.
//!
//! Knows no files and decides nothing: a value that no writer writes is an error.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, ValueRef};
use rusqlite::{Connection, Error, Row};
use samara_search::{Artifact, ArtifactKind, Candidate, Charge, Fate, Files, Genome, Score, artifact};
use serde::de::DeserializeOwned;

use crate::checksum::{Checksum, Digest};
use crate::columns::{CALL, CANDIDATE, at};
use crate::fault::{Fault, wrong};
use crate::record::{CallKind, ModelCall};
use crate::texts::{Content, Texts};

/// What a candidate's row holds beside the search's record.
pub(crate) struct LifeColumns {
    pub(crate) live_ms: f64,
    pub(crate) cost: f64,
    /// The name of the model that wrote it.
    pub(crate) model: Option<String>,
    /// What kept its evaluation apart.
    pub(crate) isolation: Option<String>,
    /// Over the calls; `None` if there are none.
    pub(crate) calls_checksum: Option<Digest>,
}

/// Where values of a row come from.
pub(crate) trait Values {
    /// A value as it is stored.
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Fault>;
    /// A value as what it stands for.
    fn read<T: FromSql>(&self, column: usize) -> Result<T, Fault>;
}

impl Values for Row<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Fault> {
        Ok(self.get_ref(column)?)
    }

    fn read<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        Ok(self.get(column)?)
    }
}

/// The values of a candidate's row, each asked for once: asking costs more than what is done with most of them.
struct Asked<'a>([ValueRef<'a>; at::END]);

impl<'a> Asked<'a> {
    fn of(row: &'a Row<'_>) -> Result<Self, Fault> {
        let mut values = [ValueRef::Null; at::END];
        for (column, value) in values.iter_mut().enumerate() {
            *value = row.get_ref(column)?;
        }
        Ok(Self(values))
    }
}

impl Values for Asked<'_> {
    fn value(&self, column: usize) -> Result<ValueRef<'_>, Fault> {
        self.0.get(column).copied().ok_or(Fault::Sql(Error::InvalidColumnIndex(column)))
    }

    fn read<T: FromSql>(&self, column: usize) -> Result<T, Fault> {
        let value = self.value(column)?;
        let name = || CANDIDATE.get(column).map_or("", |column| column.name).to_owned();
        T::column_result(value).map_err(|error| {
            Fault::Sql(match error {
                FromSqlError::InvalidType => Error::InvalidColumnType(column, name(), value.data_type()),
                FromSqlError::OutOfRange(number) => Error::IntegralValueOutOfRange(column, number),
                other => Error::FromSqlConversionFailure(column, value.data_type(), Box::new(other)),
            })
        })
    }
}

/// Reads the rows of one format.
pub(crate) struct Rows<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) texts: &'a mut Texts,
    /// Whether the rows have checksums.
    pub(crate) checked: bool,
}

impl Rows<'_> {
    /// A candidate without its calls.
    pub(crate) fn candidate(&mut self, row: &Row<'_>) -> Result<(Candidate, LifeColumns), Fault> {
        let row = &Asked::of(row)?;
        let mut sum = Checksum::of_candidate();
        row.0[..CANDIDATE.len()].iter().for_each(|value| sum.value(*value));
        let text = self.texts.content(row, at::TEXT_BODY)?;
        refers(row, at::TEXT, text.is_some())?;
        let why = self.texts.content(row, at::WHY_BODY)?;
        refers(row, at::WHY, why.is_some())?;
        sum.digest(text.as_ref().map(|content| &content.digest));
        sum.digest(why.as_ref().map(|content| &content.digest));
        let genome = self.genome(row, text, &mut sum)?;
        let index = integer(row, at::ID)?;
        let artifacts = self.artifacts(index, row.read(at::ARTIFACTS)?, &mut sum)?;
        if self.checked && checksum(row, at::CHECKSUM)? != Some(sum.end()) {
            return Err(wrong("it is not what was recorded: its checksum differs"));
        }
        let why = why.map(Content::text).transpose()?;
        let candidate = candidate(row, index, genome, why, artifacts)?;
        let lived = LifeColumns {
            live_ms: finite(row, at::LIVE_MS)?,
            cost: finite(row, at::COST)?,
            model: row.read(at::MODEL)?,
            isolation: row.read(at::ISOLATION)?,
            calls_checksum: checksum(row, at::CALLS_CHECKSUM)?,
        };
        Ok((candidate, lived))
    }

    fn genome(
        &mut self,
        row: &impl Values,
        text: Option<Content>,
        sum: &mut Checksum,
    ) -> Result<Option<Genome>, Fault> {
        let written = |text: Option<Content>| text.ok_or_else(|| wrong("its text is missing"))?.text();
        Ok(Some(match string(row, at::GENOME)? {
            None => return Ok(None),
            Some("text") => Genome::Text(written(text)?.into()),
            Some("vector") => {
                Genome::Vector(json(row, at::VECTOR)?.ok_or_else(|| wrong("its vector is missing"))?)
            }
            Some("few_shot") => {
                let ids: Vec<i64> =
                    json(row, at::EXAMPLES)?.ok_or_else(|| wrong("its examples are missing"))?;
                let examples = ids.into_iter().map(|id| self.find(id, sum)).collect::<Result<_, _>>()?;
                Genome::FewShot { examples, text: written(text)?.into() }
            }
            Some("files") => {
                let ids: BTreeMap<String, i64> =
                    json(row, at::FILES)?.ok_or_else(|| wrong("its files are missing"))?;
                let mut files = BTreeMap::new();
                for (path, id) in ids {
                    sum.text(&path);
                    let text = self.find(id, sum)?;
                    files.insert(path, text);
                }
                Genome::Files(Files::new(files).map_err(|error| wrong(error.to_string()))?)
            }
            Some(_) => return Err(wrong("there is no such kind of genome")),
        }))
    }

    fn find(&mut self, id: i64, sum: &mut Checksum) -> Result<Arc<str>, Fault> {
        let (text, digest) = self.texts.find(self.connection, id)?;
        sum.digest(Some(&digest));
        Ok(text)
    }

    fn artifacts(&mut self, index: u64, count: i64, sum: &mut Checksum) -> Result<Vec<Artifact>, Fault> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let select = "SELECT a.name, a.kind, t.codec, t.size, t.body, t.digest FROM artifacts a \
                      LEFT JOIN texts t ON t.id = a.text WHERE a.candidate = ?1 ORDER BY a.position LIMIT ?2";
        let mut statement = self.connection.prepare_cached(select)?;
        let index = i64::try_from(index).map_err(|_| wrong("its index is too large"))?;
        let mut rows = statement.query([index, artifact::MAX_COUNT as i64 + 1])?;
        let mut artifacts = Vec::new();
        while let Some(row) = rows.next()? {
            let content = self.texts.content(row, 2)?.ok_or_else(|| wrong("an artifact is missing"))?;
            let (name, kind): (String, &str) = (row.get(0)?, string(row, 1)?.unwrap_or_default());
            sum.text(&name);
            sum.text(kind);
            sum.digest(Some(&content.digest));
            let kind = ArtifactKind::named(kind).ok_or_else(|| wrong("there is no such kind of artifact"))?;
            artifacts.push(Artifact { name, kind, body: content.bytes });
        }
        if usize::try_from(count) != Ok(artifacts.len()) || artifacts.len() > artifact::MAX_COUNT {
            return Err(wrong("it has not as many artifacts as it should"));
        }
        Ok(artifacts)
    }

    /// The calls that a statement of [`crate::columns::select_calls`] finds, and their checksum.
    pub(crate) fn calls(
        &mut self,
        rows: &mut rusqlite::Rows<'_>,
    ) -> Result<(Vec<ModelCall>, Option<Digest>), Fault> {
        let (mut calls, mut sum) = (Vec::new(), Checksum::default());
        while let Some(row) = rows.next()? {
            calls.push(self.call(row, &mut sum)?);
        }
        Ok((calls, (!sum.is_empty()).then(|| sum.end())))
    }

    fn call(&mut self, row: &Row<'_>, sum: &mut Checksum) -> Result<ModelCall, Fault> {
        const PROMPT: usize = CALL.len();
        const ANSWER: usize = PROMPT + 4;
        const ERROR: usize = ANSWER + 4;
        for column in 0..CALL.len() {
            sum.value(row.get_ref(column)?);
        }
        let missing = || wrong("a call's text is missing");
        let prompt = self.texts.content(row, PROMPT)?.ok_or_else(missing)?;
        let answer = self.texts.content(row, ANSWER)?.ok_or_else(missing)?;
        let error = self.texts.content(row, ERROR)?;
        refers(row, ERROR + 4, error.is_some())?;
        sum.digest(Some(&prompt.digest));
        sum.digest(Some(&answer.digest));
        sum.digest(error.as_ref().map(|content| &content.digest));
        let kind = CallKind::from_name(string(row, 1)?.unwrap_or_default());
        Ok(ModelCall {
            role: row.get(0)?,
            kind: kind.ok_or_else(|| wrong("there is no such kind of call"))?,
            model: row.get(2)?,
            prompt: prompt.text()?,
            answer: answer.text()?,
            log_probabilities: json(row, 3)?.unwrap_or_default(),
            method: row.get(4)?,
            tokens_in: integer(row, 5)?,
            tokens_out: integer(row, 6)?,
            cost: finite(row, 7)?,
            latency_ms: finite(row, 8)?,
            attempts: row.get(9)?,
            seed: seed(row, 10)?,
            price: optional_finite(row, 11)?,
            error: error.map(Content::text).transpose()?,
        })
    }
}

fn candidate(
    row: &impl Values,
    index: u64,
    genome: Option<Genome>,
    why: Option<String>,
    artifacts: Vec<Artifact>,
) -> Result<Candidate, Fault> {
    let fate = string(row, at::FATE)?.unwrap_or_default();
    let fate = Fate::from_parts(fate, why).ok_or_else(|| wrong("there is no such fate"))?;
    let (score, artifacts) = score(row, artifacts)?;
    Ok(Candidate {
        index,
        island: row.read(at::ISLAND)?,
        horizon: integer(row, at::HORIZON)?,
        operator: row.read(at::OPERATOR)?,
        parents: json(row, at::PARENTS)?.ok_or_else(|| wrong("its parents are missing"))?,
        generator: row.read(at::GENERATOR)?,
        genome: genome.map(Arc::new),
        score: score.map(Arc::new),
        fate,
        cell: optional_integer(row, at::CELL)?,
        rank: row.read(at::RANK)?,
        copy_of: optional_integer(row, at::COPY_OF)?,
        artifacts,
        charge: charge(row)?,
        // Format 1 didn't record it.
        model_ms: optional_finite(row, at::MODEL_MS)?.unwrap_or_default(),
    })
}

/// The score with the artifacts, or the artifacts alone.
fn score(row: &impl Values, artifacts: Vec<Artifact>) -> Result<(Option<Score>, Vec<Artifact>), Fault> {
    let objective = match row.read::<Option<i64>>(at::NEGATIVE_ZERO)? {
        None | Some(0) => optional_finite(row, at::OBJECTIVE)?,
        Some(_) => Some(-0.0),
    };
    let measures: Option<Vec<f64>> = json(row, at::MEASURES)?;
    let metrics: Option<BTreeMap<String, f64>> = json(row, at::METRICS)?;
    let stage: Option<u32> = row.read(at::STAGE)?;
    match (objective, measures) {
        (Some(objective), Some(measures)) => {
            let metrics = metrics.unwrap_or_default();
            Ok((Some(Score { objective, measures, metrics, artifacts, stage }), Vec::new()))
        }
        (None, None) if metrics.is_none() && stage.is_none() => Ok((None, artifacts)),
        _ => Err(wrong("it has half a score")),
    }
}

fn charge(row: &impl Values) -> Result<Charge, Fault> {
    let sum = integer(row, at::TOKENS_IN)?.checked_add(integer(row, at::TOKENS_OUT)?);
    let tokens = match optional_integer(row, at::TOKENS)? {
        Some(tokens) => tokens,
        None => sum
            .filter(|tokens| i64::try_from(*tokens).is_ok())
            .ok_or_else(|| wrong("its token counts are too large"))?,
    };
    let money = match optional_finite(row, at::PRICE)? {
        Some(price) => price,
        None => finite(row, at::COST)?,
    };
    Ok(Charge { calls: integer(row, at::CALLS)?, tokens, money })
}

/// Refuses a reference to a text that isn't there.
fn refers(row: &impl Values, reference: usize, found: bool) -> Result<(), Fault> {
    let refers = !matches!(row.value(reference)?, ValueRef::Null);
    if refers == found { Ok(()) } else { Err(wrong("a text is missing")) }
}

/// A checksum, if the row has one.
pub(crate) fn checksum(row: &impl Values, column: usize) -> Result<Option<Digest>, Fault> {
    row.read(column)
}

/// A seed: decimal text.
pub(crate) fn seed(row: &impl Values, column: usize) -> Result<u64, Fault> {
    let text = string(row, column)?.unwrap_or_default();
    text.parse().map_err(|_| wrong("there is no such seed"))
}

/// A text, or `None` for NULL.
pub(crate) fn string(row: &impl Values, column: usize) -> Result<Option<&str>, Fault> {
    let value = row.value(column)?;
    value.as_str_or_null().map_err(|error| wrong(format!("column {column}: {error}")))
}

/// An integer that is never negative.
pub(crate) fn integer(row: &impl Values, column: usize) -> Result<u64, Fault> {
    optional_integer(row, column)?.ok_or_else(|| wrong("a number is missing"))
}

fn optional_integer(row: &impl Values, column: usize) -> Result<Option<u64>, Fault> {
    let Some(value) = row.read::<Option<i64>>(column)? else { return Ok(None) };
    u64::try_from(value).map(Some).map_err(|_| wrong(format!("it holds the negative number {value}")))
}

/// A number that is neither infinite nor missing.
pub(crate) fn finite(row: &impl Values, column: usize) -> Result<f64, Fault> {
    optional_finite(row, column)?.ok_or_else(|| wrong("a number is missing"))
}

fn optional_finite(row: &impl Values, column: usize) -> Result<Option<f64>, Fault> {
    match row.read::<Option<f64>>(column)? {
        Some(number) if !number.is_finite() => Err(wrong("it holds a number that is not finite")),
        number => Ok(number),
    }
}

/// The value of a JSON text; `None` for NULL.
fn json<T: DeserializeOwned>(row: &impl Values, column: usize) -> Result<Option<T>, Fault> {
    let Some(text) = string(row, column)? else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| wrong(format!("it holds JSON that is none: {error}")))
}
