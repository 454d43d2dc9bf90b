//! A run on disk: one SQLite file, the only truth of a run, readable while the run goes on.
//!
//! # Map
//! - [`record`]: the plain records (candidates, genomes, fates, model calls) that the engine uses too;
//! - [`journal`]: the writer, one transaction for each settled candidate; it writes rows with `store`;
//! - [`reader`]: folds over a run, single candidates, totals; it reads rows with `row`;
//! - [`schema`]: the tables, the views for people, the format version and its migrations;
//! - `file`: what is checked before SQLite sees a file, the writer's lock, how connections are set; `wal`: the log beside it;
//! - `text`: how long texts are packed; `check`: what a record must be;
//! - [`export`]: a run as OpenELM's history, CSV or JSONL; [`history`]: OpenELM's histories, read;
//! - [`error`]: what can go wrong, each with its message and hint.
//!
//! # What it must not know
//! Language models, sandboxes, archives: it records what others decided.
//!
//! # The file
//! `run.db` with its companions `run.db-wal`, `run.db-shm` (SQLite's) and `run.lock` (the writer's). To copy a run
//! that goes on, use `sqlite3 run.db ".backup copy.db"`. Any SQLite tool reads it: begin with `candidates_view` and
//! `calls_view`. A text is plain where its `codec` is 0 and a zlib stream where it is 1:
//!
//! ```python
//! import sqlite3, zlib
//! for codec, body in sqlite3.connect("run.db").execute("SELECT text_codec, text FROM candidates_view"):
//!     print(zlib.decompress(body).decode() if codec == 1 else body)
//! ```

mod check;
pub mod error;
pub mod export;
mod file;
pub mod history;
pub mod journal;
pub mod reader;
pub mod record;
mod row;
pub mod schema;
mod store;
mod text;
mod wal;

pub use error::JournalError;
pub use file::FILE_NAME;
pub use journal::Journal;
pub use reader::Reader;
pub use record::{
    CallKind, Candidate, Fate, FateCounts, Genome, Header, ModelCall, SessionEnd, Settled, Totals,
};
