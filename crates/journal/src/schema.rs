//! The tables of a journal, the views for people, and the steps from one format version to the next.
//!
//! Only SQL and its application; what the columns mean for a record is in `row`. For readers with
//! other tools: a text is a row of `texts`, `codec` 0 is plain UTF-8, 1 is zlib (Python: `zlib.decompress`).

use rusqlite::Connection;

/// `PRAGMA application_id` of a journal: the bytes `SAMR`.
pub const APPLICATION_ID: u32 = u32::from_be_bytes(*b"SAMR");

/// `PRAGMA user_version` of the journals that this version writes.
pub const FORMAT_VERSION: u32 = MIGRATIONS.len() as u32;

/// Step i leads from format version i to i + 1. Steps are never changed, only added.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2];

/// The tables and views of format version 1.
const VERSION_1: &str = "
-- What the run is: exactly one row. A seed is decimal text, since SQLite's integers end at 2^63 - 1.
CREATE TABLE run (
    config TEXT NOT NULL, experiment TEXT NOT NULL, environment TEXT NOT NULL,
    seed TEXT NOT NULL, samara TEXT NOT NULL, created TEXT NOT NULL
);
-- Every text once. digest: the first 16 bytes of the SHA-256 of its UTF-8; codec 0: body is the text itself,
-- 1: body is its zlib stream; size: its length in bytes.
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, digest BLOB NOT NULL, codec INTEGER NOT NULL, size INTEGER NOT NULL, body NOT NULL
);
CREATE UNIQUE INDEX texts_by_digest ON texts (digest);
-- The initial prompt pool.
CREATE TABLE pool (position INTEGER PRIMARY KEY, text INTEGER NOT NULL REFERENCES texts (id));
-- genome: 'text', 'vector', 'few_shot' or NULL; vector and measures: JSON arrays of numbers; examples: a JSON array
-- of text ids; parents: a JSON array of candidate ids; negative_zero: 1 if the objective is -0.0, which REAL keeps
-- as 0.0; calls to cost: sums over its calls.
CREATE TABLE candidates (
    id INTEGER PRIMARY KEY, parents TEXT NOT NULL,
    genome TEXT, text INTEGER REFERENCES texts (id), vector TEXT, examples TEXT,
    measures TEXT, objective REAL, negative_zero INTEGER, fate TEXT NOT NULL, why INTEGER REFERENCES texts (id),
    cell INTEGER, rank INTEGER, live_ms REAL NOT NULL, isolation TEXT,
    calls INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, cost REAL NOT NULL
);
-- One row a model call; candidate NULL: made for the initial pool. log_probabilities: a JSON array or NULL.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, candidate INTEGER REFERENCES candidates (id),
    role TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL,
    prompt INTEGER NOT NULL REFERENCES texts (id), answer INTEGER NOT NULL REFERENCES texts (id),
    log_probabilities TEXT, method TEXT, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    cost REAL NOT NULL, latency_ms REAL NOT NULL, attempts INTEGER NOT NULL, seed TEXT NOT NULL,
    error INTEGER REFERENCES texts (id)
);
CREATE INDEX calls_by_candidate ON calls (candidate);
-- Sums over the run, in one row: kept in the same transaction as what they sum.
CREATE TABLE totals (
    candidates INTEGER NOT NULL, calls INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    cost REAL NOT NULL, new INTEGER NOT NULL, improved INTEGER NOT NULL, not_better INTEGER NOT NULL,
    invalid INTEGER NOT NULL, failed INTEGER NOT NULL, set_up INTEGER NOT NULL
);
INSERT INTO totals VALUES (0, 0, 0, 0, 0.0, 0, 0, 0, 0, 0, 0);
-- One row for each ended session; a resumed run has several.
CREATE TABLE sessions (id INTEGER PRIMARY KEY, ended TEXT NOT NULL, candidates INTEGER NOT NULL, reason TEXT NOT NULL);

-- For people. text_codec says how to read text: 0 as it is, 1 with zlib.
CREATE VIEW candidates_view AS
SELECT c.id AS candidate, c.fate, w.body AS why, c.objective, c.measures, c.cell, c.rank, c.parents,
       c.genome, t.codec AS text_codec, coalesce(c.vector, t.body) AS text,
       c.calls, c.tokens_in + c.tokens_out AS tokens, c.cost, c.live_ms, c.isolation
FROM candidates c LEFT JOIN texts t ON t.id = c.text LEFT JOIN texts w ON w.id = c.why;
CREATE VIEW calls_view AS
SELECT k.id AS call, k.candidate, k.role, k.kind, k.model, p.codec AS prompt_codec, p.body AS prompt,
       a.codec AS answer_codec, a.body AS answer, k.log_probabilities, k.method, k.tokens_in, k.tokens_out,
       k.cost, k.latency_ms, k.attempts, k.seed, e.body AS error
FROM calls k JOIN texts p ON p.id = k.prompt JOIN texts a ON a.id = k.answer LEFT JOIN texts e ON e.id = k.error;
CREATE VIEW pool_view AS
SELECT p.position, t.codec AS text_codec, t.body AS text FROM pool p JOIN texts t ON t.id = p.text;
";

/// What format version 2 adds. price: what an answer costs when it is asked for, NULL if that is its cost (answers from
/// a cache have cost and attempts 0); a candidate's is the sum over its calls. arm: the position of its writer in the
/// generator's ensemble, NULL without one. model_ms: the sum of its calls' latencies.
const VERSION_2: &str = "
ALTER TABLE calls ADD COLUMN price REAL;
ALTER TABLE candidates ADD COLUMN price REAL;
ALTER TABLE candidates ADD COLUMN arm INTEGER;
ALTER TABLE candidates ADD COLUMN model_ms REAL;
";

/// Brings the tables from format version `from` to the current one. The caller holds the transaction.
pub(crate) fn migrate(connection: &Connection, from: u32) -> rusqlite::Result<()> {
    apply(connection, MIGRATIONS, from)
}

fn apply(connection: &Connection, steps: &[&str], from: u32) -> rusqlite::Result<()> {
    for step in steps.iter().skip(from as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", steps.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_version_runs_only_the_steps_it_lacks() {
        let steps = ["CREATE TABLE a (x)", "CREATE TABLE b (x)", "CREATE TABLE c (x)"];
        let connection = Connection::open_in_memory().unwrap();
        apply(&connection, &steps[..1], 0).unwrap();
        apply(&connection, &steps, 1).unwrap();
        let version: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        let tables: u32 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!((version, tables), (3, 3));
    }

    #[test]
    fn the_current_version_needs_no_step() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, 0).unwrap();
        migrate(&connection, FORMAT_VERSION).unwrap();
    }
}
