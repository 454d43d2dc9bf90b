//! A run on disk: one SQLite file, the only truth of a run, readable while the run goes on.
//!
//! # Map
//! - [`record`]: the plain records beside the search's own: header, inputs, how a candidate was made, events;
//! - [`journal`]: the writer, one transaction for each settled candidate; it writes rows with `store`;
//! - [`reader`]: folds over a run, single candidates, totals; it reads rows with `row` (`ahead`: those of a long run by
//!   several threads), the rest with `contents`;
//!   [`run_view`]: a run folded into its archives, for whoever shows it;
//! - [`schema`]: the tables, the views for people, the format version and its steps; `migrate`: old rows into new ones;
//! - `columns`: a candidate's and a call's columns, for `store` and `row`; `ledger`: the totals; `asked`: sums over calls; `contents`: all else;
//! - `checksum`: what makes a flipped bit an error; `fault`: what is wrong with a row;
//! - `file`: what is checked before SQLite sees a file, the writer's lock, how connections are set; `wal`: the log beside it;
//! - `text`: how long texts are packed; `texts`: how they are read; `check`: what a record must be; `cells`: how many
//!   cells a reader takes on;
//! - [`export`]: a run as OpenELM's history, CSV (`table`) or JSONL, of the candidates that are `wanted`; [`history`]: OpenELM's histories, read;
//! - [`training`]: runs as data for training models elsewhere;
//! - [`error`]: what can go wrong, each with its message and hint.
//!
//! # What it must not know
//! Language models, sandboxes: it records what others decided.
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

mod ahead;
mod asked;
mod cells;
mod check;
mod checksum;
mod columns;
mod contents;
pub mod controls;
pub mod error;
pub mod export;
mod fault;
mod file;
pub mod history;
pub mod journal;
mod ledger;
mod migrate;
mod parquet;
pub mod reader;
pub mod record;
mod row;
pub mod run_view;
pub mod schema;
mod store;
mod table;
mod text;
mod texts;
pub mod training;
mod typed;
mod wal;
mod wanted;

pub use asked::{Asked, AskedSums};
pub use error::JournalError;
pub use file::{FILE_NAME, is_written, same_file};
pub use journal::Journal;
pub use reader::Reader;
pub use record::{
    CallKind, Cells, Contents, Control, Event, EventKind, Header, Input, Life, Live, ModelCall, SessionEnd,
    Totals, Work, Worked,
};
pub use run_view::RunView;
