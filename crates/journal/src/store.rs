//! Records into rows: the statements that a journal's writer runs inside its transactions.
//!
//! Neither begins nor ends a transaction: that is [`crate::journal`]. The way back is `row`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Params, params, params_from_iter};
use samara_search::{Candidate, Files, Genome, number_list};

use crate::check::{Sums, integer};
use crate::checksum::{Checksum, Digest, digest};
use crate::columns::{insert_call, insert_candidate};
use crate::error::JournalError;
use crate::ledger::Ledger;
use crate::record::{Life, ModelCall};
use crate::text::{MAX_TEXT, Packer};

/// The writer's connection and what it needs to store records.
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    packer: Packer,
    insert_candidate: String,
    insert_call: String,
}

/// A stored text.
#[derive(Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) id: i64,
    pub(crate) digest: Digest,
}

/// A genome as columns.
#[derive(Default)]
struct GenomeColumns {
    kind: Option<&'static str>,
    text: Option<Stored>,
    vector: Option<String>,
    /// Their ids, and the digests that the checksum is over.
    examples: Option<String>,
    files: Option<String>,
    /// What the checksum is over beside the text: paths and digests.
    parts: Vec<(Option<String>, Digest)>,
}

impl Store {
    pub(crate) fn new(connection: Connection, path: PathBuf) -> Self {
        let (insert_candidate, insert_call) = (insert_candidate(), insert_call());
        Self { connection, path, packer: Packer::new(), insert_candidate, insert_call }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Runs one statement of a few that are used again and again.
    pub(crate) fn execute(&self, sql: &str, values: impl Params) -> Result<(), JournalError> {
        let run = || self.connection.prepare_cached(sql)?.execute(values).map(|_| ());
        run().map_err(|error| self.fail(error))
    }

    pub(crate) fn fail(&self, error: rusqlite::Error) -> JournalError {
        JournalError::sqlite(&self.path, error)
    }

    /// Stores a text, if it is new.
    pub(crate) fn text(&mut self, text: &str) -> Result<Stored, JournalError> {
        self.bytes(text.as_bytes())
    }

    /// Stores bytes, if they are new.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<Stored, JournalError> {
        if bytes.len() > MAX_TEXT {
            return Err(JournalError::TooLarge { what: "a text" });
        }
        let digest = digest(bytes);
        if let Some(id) = self.find_text(&digest).map_err(|error| self.fail(error))? {
            return Ok(Stored { id, digest });
        }
        let insert = "INSERT INTO texts (digest, codec, size, body) VALUES (?1, ?2, ?3, ?4)";
        let size = bytes.len() as i64;
        let stored = self.connection.prepare_cached(insert).and_then(|mut insert| {
            match (self.packer.pack(bytes), std::str::from_utf8(bytes)) {
                (Some(packed), _) => insert.execute(params![digest, 1, size, packed]),
                (None, Ok(text)) => insert.execute(params![digest, 0, size, text]),
                (None, Err(_)) => insert.execute(params![digest, 2, size, bytes]),
            }
        });
        self.packer.trim();
        stored.map_err(|error| self.fail(error))?;
        Ok(Stored { id: self.connection.last_insert_rowid(), digest })
    }

    fn find_text(&self, key: &Digest) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT id FROM texts WHERE digest = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    fn optional_text(&mut self, text: Option<&str>) -> Result<Option<Stored>, JournalError> {
        text.map(|text| self.text(text)).transpose()
    }

    fn genome(&mut self, genome: Option<&Genome>) -> Result<GenomeColumns, JournalError> {
        let columns = GenomeColumns::default();
        Ok(match genome {
            None => columns,
            Some(Genome::Text(text)) => {
                GenomeColumns { kind: Some("text"), text: Some(self.text(text)?), ..columns }
            }
            Some(Genome::Vector(numbers)) => {
                GenomeColumns { kind: Some("vector"), vector: Some(number_list(numbers)), ..columns }
            }
            Some(Genome::FewShot { examples, text }) => self.few_shot(examples, text)?,
            Some(Genome::Files(files)) => self.files(files)?,
        })
    }

    fn few_shot(&mut self, examples: &[Arc<str>], text: &str) -> Result<GenomeColumns, JournalError> {
        let stored: Vec<Stored> =
            examples.iter().map(|example| self.text(example)).collect::<Result<_, _>>()?;
        let ids: Vec<i64> = stored.iter().map(|stored| stored.id).collect();
        Ok(GenomeColumns {
            kind: Some("few_shot"),
            text: Some(self.text(text)?),
            examples: Some(json(&ids)),
            parts: stored.into_iter().map(|stored| (None, stored.digest)).collect(),
            ..GenomeColumns::default()
        })
    }

    fn files(&mut self, files: &Files) -> Result<GenomeColumns, JournalError> {
        let mut ids = std::collections::BTreeMap::new();
        let mut parts = Vec::new();
        for (path, text) in files.iter() {
            let stored = self.text(text)?;
            ids.insert(path, stored.id);
            parts.push((Some(path.to_owned()), stored.digest));
        }
        Ok(GenomeColumns { kind: Some("files"), files: Some(json(&ids)), parts, ..GenomeColumns::default() })
    }

    /// Stores a candidate's row and its artifacts, in place of those it may have had; its calls are stored apart.
    pub(crate) fn candidate(
        &mut self,
        candidate: &Candidate,
        life: &Life,
        sums: &Sums,
        calls: Option<Digest>,
    ) -> Result<(), JournalError> {
        let genome = self.genome(candidate.genome.as_deref())?;
        let why = self.optional_text(candidate.fate.why())?;
        let texts = CandidateTexts::new(candidate);
        let mut values = candidate_values(candidate, life, sums, &genome, &texts, calls.as_ref())?;
        let mut sum = Checksum::default();
        values.iter().for_each(|value| sum.bound(value));
        sum.digest(genome.text.as_ref().map(|stored| &stored.digest));
        sum.digest(why.as_ref().map(|stored| &stored.digest));
        for (path, digest) in &genome.parts {
            if let Some(path) = path {
                sum.text(path);
            }
            sum.digest(Some(digest));
        }
        self.artifacts(candidate, &mut sum)?;
        let checksum = sum.end();
        values.extend([
            optional_integer(genome.text.map(|stored| stored.id)),
            optional_integer(why.map(|stored| stored.id)),
            optional_str(genome.examples.as_deref()),
            optional_str(genome.files.as_deref()),
            ToSqlOutput::Borrowed(ValueRef::Blob(&checksum)),
        ]);
        self.execute(&self.insert_candidate, params_from_iter(values))
    }

    fn artifacts(&mut self, candidate: &Candidate, sum: &mut Checksum) -> Result<(), JournalError> {
        let insert =
            "INSERT INTO artifacts (candidate, position, name, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)";
        for (position, artifact) in (0_i64..).zip(candidate.all_artifacts()) {
            let body = self.bytes(&artifact.body)?;
            sum.text(&artifact.name);
            sum.text(artifact.kind.name());
            sum.digest(Some(&body.digest));
            let index = integer("a candidate's index", candidate.index)?;
            self.execute(insert, params![index, position, artifact.name, artifact.kind.name(), body.id])?;
        }
        Ok(())
    }

    /// Stores the model calls of a candidate, or of the set-up; their checksum.
    pub(crate) fn calls(
        &mut self,
        candidate: Option<i64>,
        calls: &[ModelCall],
    ) -> Result<Option<Digest>, JournalError> {
        let mut sum = Checksum::default();
        for call in calls {
            self.call(candidate, call, &mut sum)?;
        }
        Ok((!sum.is_empty()).then(|| sum.end()))
    }

    fn call(
        &mut self,
        candidate: Option<i64>,
        call: &ModelCall,
        sum: &mut Checksum,
    ) -> Result<(), JournalError> {
        let prompt = self.text(&call.prompt)?;
        let answer = self.text(&call.answer)?;
        let error = self.optional_text(call.error.as_deref())?;
        let scores = (!call.log_probabilities.is_empty()).then(|| number_list(&call.log_probabilities));
        let seed = call.seed.to_string();
        let values = [
            str(&call.role),
            str(call.kind.name()),
            str(&call.model),
            optional_str(scores.as_deref()),
            optional_str(call.method.as_deref()),
            owned(integer("a token count", call.tokens_in)?),
            owned(integer("a token count", call.tokens_out)?),
            real(call.cost),
            real(call.latency_ms),
            owned(i64::from(call.attempts)),
            str(&seed),
            optional_real(call.price),
        ];
        values.iter().for_each(|value| sum.bound(value));
        sum.digest(Some(&prompt.digest));
        sum.digest(Some(&answer.digest));
        sum.digest(error.as_ref().map(|stored| &stored.digest));
        let references = [
            optional_integer(candidate),
            owned(prompt.id),
            owned(answer.id),
            optional_integer(error.map(|stored| stored.id)),
        ];
        self.execute(&self.insert_call, params_from_iter(references.into_iter().chain(values)))
    }

    /// Stores the run's sums.
    pub(crate) fn ledger(&self, ledger: &Ledger) -> Result<(), JournalError> {
        ledger.write(&self.connection).map_err(|fault| JournalError::fault(&self.path, None, fault))
    }
}

/// A candidate's columns that are JSON.
struct CandidateTexts {
    parents: String,
    measures: Option<String>,
    metrics: Option<String>,
}

impl CandidateTexts {
    fn new(candidate: &Candidate) -> Self {
        let metrics = candidate.score.as_ref().map(|score| &score.metrics);
        Self {
            parents: json(&candidate.parents),
            measures: candidate.measures().map(number_list),
            metrics: metrics.filter(|metrics| !metrics.is_empty()).map(json),
        }
    }
}

/// The values of [`crate::columns::CANDIDATE`].
fn candidate_values<'a>(
    candidate: &'a Candidate,
    life: &'a Life,
    sums: &Sums,
    genome: &'a GenomeColumns,
    texts: &'a CandidateTexts,
    calls: Option<&'a Digest>,
) -> Result<Vec<ToSqlOutput<'a>>, JournalError> {
    let negative_zero = candidate.objective().filter(|x| *x == 0.0 && x.is_sign_negative()).map(|_| 1);
    let optional = |what, value: Option<u64>| -> Result<_, JournalError> {
        Ok(optional_integer(value.map(|value| integer(what, value)).transpose()?))
    };
    let charge = candidate.charge;
    let mut values = Vec::with_capacity(36);
    values.extend([
        owned(integer("a candidate's index", candidate.index)?),
        str(&texts.parents),
        optional_str(genome.kind),
        optional_str(genome.vector.as_deref()),
        optional_str(texts.measures.as_deref()),
        optional_real(candidate.objective()),
        optional_integer(negative_zero),
        str(candidate.fate.name()),
        optional("a cell", candidate.cell)?,
        optional_integer(candidate.rank.map(i64::from)),
        real(life.live_ms),
        optional_str(life.isolation.as_deref()),
        owned(integer("a number of calls", charge.calls)?),
        owned(integer("a token count", sums.tokens_in)?),
        owned(integer("a token count", sums.tokens_out)?),
        real(sums.cost),
        real(charge.money),
        optional_integer(candidate.generator.map(i64::from)),
        real(candidate.model_ms),
        owned(integer("a token count", charge.tokens)?),
        str(&candidate.operator),
        optional_str(life.model.as_deref()),
        optional_integer(candidate.score.as_ref().and_then(|score| score.stage).map(i64::from)),
        owned(integer("a horizon", candidate.horizon)?),
        owned(i64::from(candidate.island)),
        optional_str(life.evaluator.as_deref()),
        optional_str(life.worker.as_deref()),
        optional_str(texts.metrics.as_deref()),
        optional("a candidate's index", candidate.copy_of)?,
        owned(candidate.all_artifacts().len() as i64),
        calls.map_or(NULL, |digest| ToSqlOutput::Borrowed(ValueRef::Blob(digest))),
    ]);
    Ok(values)
}

const NULL: ToSqlOutput<'static> = ToSqlOutput::Borrowed(ValueRef::Null);

fn str(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn optional_str(text: Option<&str>) -> ToSqlOutput<'_> {
    text.map_or(NULL, str)
}

fn owned(number: i64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Integer(number))
}

fn optional_integer(number: Option<i64>) -> ToSqlOutput<'static> {
    number.map_or(NULL, owned)
}

/// A number as SQLite keeps it: -0.0 as 0.0.
fn real(number: f64) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(Value::Real(number + 0.0))
}

fn optional_real(number: Option<f64>) -> ToSqlOutput<'static> {
    number.map_or(NULL, real)
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("numbers, lists and maps of texts always have a JSON text")
}
