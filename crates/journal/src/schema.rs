//! The tables of a journal, the views for people, and the steps from one format version to the next.
//!
//! Only SQL and its application; what the columns mean for a record is in `row`. For readers with
//! other tools: a text is a row of `texts`, `codec` 0 is plain UTF-8, 1 is zlib (Python: `zlib.decompress`), 2 is plain
//! bytes.

use std::sync::OnceLock;

use rusqlite::Connection;

/// `PRAGMA application_id` of a journal: the bytes `SAMR`.
pub const APPLICATION_ID: u32 = u32::from_be_bytes(*b"SAMR");

/// `PRAGMA user_version` of the journals that this version writes.
pub const FORMAT_VERSION: u32 = MIGRATIONS.len() as u32;

/// Step i leads from format version i to i + 1. Steps are never changed, only added.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

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

/// What format version 3 adds: a run needs no file but its own, and what is read is checked. Where its rows come from is
/// in `store` (new ones) and `migrate` (those of older formats).
///
/// Checksums are described in `checksum`. texts: codec 2: body is the bytes themselves, which are no UTF-8. run.begun: the
/// format in which the run began. candidates: price and tokens (with calls): what the search was charged; cost, tokens_in
/// and tokens_out: sums over its calls; model: the generator's name; files: a JSON object of text ids by path; metrics: a
/// JSON object of numbers; artifacts: how many it has; calls_checksum: over its calls. totals: what no table can lose
/// unnoticed (how many rows the others have), and what a reader would have to go through all calls for.
const VERSION_3: &str = "
DROP VIEW candidates_view;
DROP VIEW calls_view;
ALTER TABLE run ADD COLUMN id TEXT NOT NULL DEFAULT '';
ALTER TABLE run ADD COLUMN begun INTEGER NOT NULL DEFAULT 3;
ALTER TABLE run ADD COLUMN checksum BLOB;
ALTER TABLE candidates RENAME COLUMN arm TO generator;
ALTER TABLE candidates ADD COLUMN tokens INTEGER;
ALTER TABLE candidates ADD COLUMN operator TEXT NOT NULL DEFAULT '';
ALTER TABLE candidates ADD COLUMN model TEXT;
ALTER TABLE candidates ADD COLUMN stage INTEGER;
ALTER TABLE candidates ADD COLUMN horizon INTEGER NOT NULL DEFAULT 0;
ALTER TABLE candidates ADD COLUMN island INTEGER NOT NULL DEFAULT 0;
ALTER TABLE candidates ADD COLUMN evaluator TEXT;
ALTER TABLE candidates ADD COLUMN worker TEXT;
ALTER TABLE candidates ADD COLUMN metrics TEXT;
ALTER TABLE candidates ADD COLUMN copy_of INTEGER;
ALTER TABLE candidates ADD COLUMN artifacts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE candidates ADD COLUMN files TEXT;
ALTER TABLE candidates ADD COLUMN calls_checksum BLOB;
ALTER TABLE candidates ADD COLUMN checksum BLOB;
ALTER TABLE totals ADD COLUMN cached INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN methods TEXT NOT NULL DEFAULT '[]';
ALTER TABLE totals ADD COLUMN inputs INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN tessellations INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN events INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN sessions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE totals ADD COLUMN pool_checksum BLOB;
ALTER TABLE totals ADD COLUMN set_up_checksum BLOB;
ALTER TABLE totals ADD COLUMN checksum BLOB;
ALTER TABLE sessions ADD COLUMN checksum BLOB;
-- The files that the run read. path: where they were; digest: the SHA-256 of the whole, in hex.
CREATE TABLE inputs (
    position INTEGER PRIMARY KEY, key TEXT NOT NULL, path TEXT NOT NULL, digest TEXT NOT NULL,
    text INTEGER NOT NULL REFERENCES texts (id), checksum BLOB NOT NULL
);
-- The archives' cells, as JSON: those of an island from a candidate on.
CREATE TABLE tessellations (
    position INTEGER PRIMARY KEY, island INTEGER NOT NULL, from_index INTEGER NOT NULL,
    text INTEGER NOT NULL REFERENCES texts (id), checksum BLOB NOT NULL
);
-- What happened between candidates, as JSON. kind: 'migration' or 'control'; after: how many candidates were settled.
CREATE TABLE events (
    position INTEGER PRIMARY KEY, after INTEGER NOT NULL, kind TEXT NOT NULL,
    text INTEGER NOT NULL REFERENCES texts (id), checksum BLOB NOT NULL
);
-- What evaluations left. kind: 'text', 'json', 'svg', 'png' or 'bytes'. Their candidate's checksum is over them.
CREATE TABLE artifacts (
    candidate INTEGER NOT NULL REFERENCES candidates (id), position INTEGER NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, text INTEGER NOT NULL REFERENCES texts (id), PRIMARY KEY (candidate, position)
) WITHOUT ROWID;

CREATE VIEW candidates_view AS
SELECT c.id AS candidate, c.island, c.operator, c.fate, w.body AS why, c.objective, c.measures, c.metrics, c.stage,
       c.cell, c.rank, c.parents, c.copy_of, c.genome, t.codec AS text_codec, coalesce(c.vector, t.body) AS text,
       c.model, c.calls, coalesce(c.tokens, c.tokens_in + c.tokens_out) AS tokens, c.cost,
       coalesce(c.price, c.cost) AS price, c.model_ms, c.live_ms, c.isolation, c.evaluator, c.worker, c.horizon
FROM candidates c LEFT JOIN texts t ON t.id = c.text LEFT JOIN texts w ON w.id = c.why;
CREATE VIEW calls_view AS
SELECT k.id AS call, k.candidate, k.role, k.kind, k.model, p.codec AS prompt_codec, p.body AS prompt,
       a.codec AS answer_codec, a.body AS answer, k.log_probabilities, k.method, k.tokens_in, k.tokens_out,
       k.cost, k.price, k.latency_ms, k.attempts, k.seed, e.body AS error
FROM calls k JOIN texts p ON p.id = k.prompt JOIN texts a ON a.id = k.answer LEFT JOIN texts e ON e.id = k.error;
CREATE VIEW artifacts_view AS
SELECT a.candidate, a.name, a.kind, t.codec AS body_codec, t.body FROM artifacts a JOIN texts t ON t.id = a.text;
CREATE VIEW inputs_view AS
SELECT i.key, i.path, i.digest, t.codec AS text_codec, t.body AS text FROM inputs i JOIN texts t ON t.id = i.text
ORDER BY i.position;
CREATE VIEW tessellations_view AS
SELECT c.island, c.from_index, t.codec AS text_codec, t.body AS text FROM tessellations c JOIN texts t ON t.id = c.text
ORDER BY c.position;
CREATE VIEW events_view AS
SELECT e.after, e.kind, t.codec AS text_codec, t.body AS text FROM events e JOIN texts t ON t.id = e.text
ORDER BY e.position;
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

/// One thing of a schema: type, name, table, SQL.
type Thing = (String, String, String, Option<String>);

/// What is in the schema and not of this format version, or missing from it; `None` if it is exactly as samara makes it.
/// What `ANALYZE` leaves is passed over.
pub(crate) fn stranger(connection: &Connection, version: u32) -> rusqlite::Result<Option<String>> {
    let found = things(connection)?;
    let known = made(version);
    let difference = found.iter().find(|thing| !known.contains(thing)).or_else(|| {
        // Nothing foreign; something may be missing.
        known.iter().find(|thing| !found.contains(thing))
    });
    Ok(match difference {
        Some((kind, name, ..)) => Some(format!("its {kind} `{name}` is not that of format {version}")),
        None if found.len() != known.len() => Some("its schema lists something twice".to_owned()),
        None => None,
    })
}

fn things(connection: &Connection) -> rusqlite::Result<Vec<Thing>> {
    /// More than this no version of samara makes.
    const MOST: usize = 100;
    let select = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_stat%' ESCAPE '\\'";
    let mut statement = connection.prepare(select)?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    statement.query_map([], read)?.take(MOST).collect()
}

/// What a format version's steps make.
fn made(version: u32) -> &'static [Thing] {
    static MADE: [OnceLock<Vec<Thing>>; MIGRATIONS.len()] = [const { OnceLock::new() }; MIGRATIONS.len()];
    let steps = &MIGRATIONS[..version as usize];
    MADE[steps.len() - 1].get_or_init(|| {
        let make = || {
            let connection = Connection::open_in_memory()?;
            apply(&connection, steps, 0)?;
            things(&connection)
        };
        make().expect("the schema of every format can be made in memory")
    })
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
    fn whatever_a_schema_has_beyond_its_format_is_named() {
        for change in [
            "CREATE TRIGGER e AFTER INSERT ON candidates BEGIN DELETE FROM texts; END",
            "CREATE VIEW extra AS SELECT 1",
            "ALTER TABLE texts RENAME TO t0; CREATE VIEW texts AS SELECT * FROM t0",
            "CREATE INDEX extra ON candidates (abs(objective))",
            "CREATE VIRTUAL TABLE extra USING fts5 (body)",
            "DROP INDEX calls_by_candidate",
            "ALTER TABLE totals ADD COLUMN more INTEGER AS (candidates + 1)",
        ] {
            for version in 1..=FORMAT_VERSION {
                let connection = Connection::open_in_memory().unwrap();
                apply(&connection, &MIGRATIONS[..version as usize], 0).unwrap();
                assert_eq!(stranger(&connection, version).unwrap(), None);
                if connection.execute_batch(change).is_err() {
                    // A SQLite without that kind of table, or a table that format's views need.
                    continue;
                }
                assert!(stranger(&connection, version).unwrap().is_some(), "{change} in format {version}");
            }
        }
    }

    #[test]
    fn statistics_are_no_strangers() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, 0).unwrap();
        connection
            .execute_batch("INSERT INTO sessions (ended, candidates, reason) VALUES ('', 0, ''); ANALYZE")
            .unwrap();
        assert_eq!(stranger(&connection, FORMAT_VERSION).unwrap(), None);
    }

    #[test]
    fn the_current_version_needs_no_step() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, 0).unwrap();
        migrate(&connection, FORMAT_VERSION).unwrap();
    }
}
