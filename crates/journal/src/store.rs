//! Records into rows: the statements that a journal's writer runs inside its transactions.
//!
//! Neither begins nor ends a transaction: that is [`crate::journal`]. The way back is [`crate::row`].

use crate::check::integer;
use crate::error::JournalError;
use crate::record::{Candidate, Genome, ModelCall, Totals, number_list};
use crate::text::{Packer, digest};
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use std::path::{Path, PathBuf};

const INSERT_CANDIDATE: &str = "INSERT INTO candidates (id, parents, genome, text, vector, examples, measures, \
    objective, negative_zero, fate, why, cell, rank, live_ms, isolation, calls, tokens_in, tokens_out, cost, price, \
    arm, model_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
    ?21, ?22)";

const INSERT_CALL: &str = "INSERT INTO calls (candidate, role, kind, model, prompt, answer, log_probabilities, \
    method, tokens_in, tokens_out, cost, latency_ms, attempts, seed, error, price) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";

const UPDATE_TOTALS: &str = "UPDATE totals SET candidates = ?1, calls = ?2, tokens_in = ?3, tokens_out = ?4, \
    cost = ?5, new = ?6, improved = ?7, not_better = ?8, invalid = ?9, failed = ?10, set_up = ?11";

/// The writer's connection and what it needs to store records.
pub(crate) struct Store {
    connection: Connection,
    path: PathBuf,
    packer: Packer,
}

/// A genome as columns.
#[derive(Default)]
struct GenomeColumns {
    kind: Option<&'static str>,
    text: Option<i64>,
    vector: Option<String>,
    examples: Option<String>,
}

impl Store {
    pub(crate) fn new(connection: Connection, path: PathBuf) -> Self {
        Self { connection, path, packer: Packer::new() }
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

    /// The id of a text, which is stored if it is new.
    pub(crate) fn text(&mut self, text: &str) -> Result<i64, JournalError> {
        let key = digest(text);
        if let Some(id) = self.find_text(&key).map_err(|error| self.fail(error))? {
            return Ok(id);
        }
        let size = integer("a text", text.len() as u64)?;
        let insert = "INSERT INTO texts (digest, codec, size, body) VALUES (?1, ?2, ?3, ?4)";
        let stored =
            self.connection.prepare_cached(insert).and_then(|mut insert| match self.packer.pack(text) {
                Some(packed) => insert.execute(params![key, 1, size, packed]),
                None => insert.execute(params![key, 0, size, text]),
            });
        self.packer.trim();
        stored.map_err(|error| self.fail(error))?;
        Ok(self.connection.last_insert_rowid())
    }

    fn find_text(&self, key: &[u8; 16]) -> rusqlite::Result<Option<i64>> {
        self.connection
            .prepare_cached("SELECT id FROM texts WHERE digest = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    fn optional_text(&mut self, text: Option<&str>) -> Result<Option<i64>, JournalError> {
        text.map(|text| self.text(text)).transpose()
    }

    fn genome(&mut self, genome: Option<&Genome>) -> Result<GenomeColumns, JournalError> {
        Ok(match genome {
            None => GenomeColumns::default(),
            Some(Genome::Text(text)) => {
                GenomeColumns { kind: Some("text"), text: Some(self.text(text)?), ..Default::default() }
            }
            Some(Genome::Vector(numbers)) => GenomeColumns {
                kind: Some("vector"),
                vector: Some(number_list(numbers)),
                ..Default::default()
            },
            Some(Genome::FewShot { examples, text }) => {
                let ids: Vec<i64> =
                    examples.iter().map(|example| self.text(example)).collect::<Result<_, _>>()?;
                let examples = serde_json::to_string(&ids).expect("integers always have a JSON text");
                let text = Some(self.text(text)?);
                GenomeColumns { kind: Some("few_shot"), text, examples: Some(examples), vector: None }
            }
        })
    }

    /// Stores a candidate's row; `sums` are those of its calls.
    pub(crate) fn candidate(&mut self, candidate: &Candidate, sums: &Totals) -> Result<(), JournalError> {
        let genome = self.genome(candidate.genome.as_ref())?;
        let why = self.optional_text(candidate.fate.why())?;
        let parents = serde_json::to_string(&candidate.parents).expect("integers always have a JSON text");
        let negative_zero = candidate.objective.filter(|x| *x == 0.0 && x.is_sign_negative()).map(|_| 1);
        self.execute(
            INSERT_CANDIDATE,
            params![
                integer("a candidate's index", candidate.index)?,
                parents,
                genome.kind,
                genome.text,
                genome.vector,
                genome.examples,
                candidate.measures.as_deref().map(number_list),
                candidate.objective,
                negative_zero,
                candidate.fate.name(),
                why,
                candidate.cell.map(|cell| integer("a cell", cell)).transpose()?,
                candidate.rank,
                candidate.live_ms,
                candidate.isolation,
                integer("a number of calls", sums.calls)?,
                integer("a token count", sums.tokens_in)?,
                integer("a token count", sums.tokens_out)?,
                sums.cost,
                price_of(&candidate.calls)?,
                candidate.arm,
                model_ms(&candidate.calls)?,
            ],
        )
    }

    /// Stores a model call of a candidate, or of the set-up.
    pub(crate) fn call(&mut self, candidate: Option<i64>, call: &ModelCall) -> Result<(), JournalError> {
        let prompt = self.text(&call.prompt)?;
        let answer = self.text(&call.answer)?;
        let error = self.optional_text(call.error.as_deref())?;
        let scores = (!call.log_probabilities.is_empty()).then(|| number_list(&call.log_probabilities));
        self.execute(
            INSERT_CALL,
            params![
                candidate,
                call.role,
                call.kind.name(),
                call.model,
                prompt,
                answer,
                scores,
                call.method,
                integer("a token count", call.tokens_in)?,
                integer("a token count", call.tokens_out)?,
                call.cost,
                call.latency_ms,
                call.attempts,
                call.seed.to_string(),
                error,
                call.price,
            ],
        )
    }

    /// Stores the run's sums, and whether it was set up.
    pub(crate) fn totals(&self, totals: &Totals, set_up: bool) -> Result<(), JournalError> {
        let fates = &totals.fates;
        let count = |value| integer("a total", value);
        self.execute(
            UPDATE_TOTALS,
            params![
                count(totals.candidates)?,
                count(totals.calls)?,
                count(totals.tokens_in)?,
                count(totals.tokens_out)?,
                totals.cost,
                count(fates.new)?,
                count(fates.improved)?,
                count(fates.not_better)?,
                count(fates.invalid)?,
                count(fates.failed)?,
                set_up,
            ],
        )
    }
}

/// The sums over these calls. An error if they are beyond what a journal holds.
pub(crate) fn sums_of(calls: &[ModelCall]) -> Result<Totals, JournalError> {
    let mut sums = Totals { calls: calls.len() as u64, ..Totals::default() };
    for call in calls {
        sums.tokens_in = add("a token count", sums.tokens_in, call.tokens_in)?;
        sums.tokens_out = add("a token count", sums.tokens_out, call.tokens_out)?;
        sums.cost = add_cost(sums.cost, call.cost)?;
    }
    add("a token count", sums.tokens_in, sums.tokens_out)?;
    Ok(sums)
}

/// What these calls cost when all are asked for; `None` if that is what they cost.
fn price_of(calls: &[ModelCall]) -> Result<Option<f64>, JournalError> {
    if calls.iter().all(|call| call.price.is_none()) {
        return Ok(None);
    }
    let price = |call: &ModelCall| call.price.unwrap_or(call.cost);
    calls.iter().try_fold(0.0, |sum, call| add_cost(sum, price(call))).map(Some)
}

fn model_ms(calls: &[ModelCall]) -> Result<f64, JournalError> {
    let sum = calls.iter().fold(0.0, |sum, call| sum + call.latency_ms);
    if sum.is_finite() { Ok(sum) } else { Err(JournalError::TooLarge { what: "the latency" }) }
}

/// Adds the sums of some calls to a run's.
pub(crate) fn charge(totals: &mut Totals, sums: &Totals) -> Result<(), JournalError> {
    totals.calls += sums.calls;
    totals.tokens_in = add("the run's token count", totals.tokens_in, sums.tokens_in)?;
    totals.tokens_out = add("the run's token count", totals.tokens_out, sums.tokens_out)?;
    totals.cost = add_cost(totals.cost, sums.cost)?;
    Ok(())
}

fn add(what: &'static str, a: u64, b: u64) -> Result<u64, JournalError> {
    let sum = a.checked_add(b).ok_or(JournalError::TooLarge { what })?;
    integer(what, sum).map(|_| sum)
}

fn add_cost(a: f64, b: f64) -> Result<f64, JournalError> {
    let sum = a + b;
    if sum.is_finite() { Ok(sum) } else { Err(JournalError::TooLarge { what: "the cost" }) }
}
