//! Runs as somebody might edit them: small runs of the earlier formats in which bytes or values are changed. What is
//! brought up to date first has checksums that fit.

use std::path::Path;

use rusqlite::{Connection, types::Value};
use samara_journal::{Journal, JournalError, Reader, RunView, export};

const RUNS: [&[u8]; 5] = [
    include_bytes!("../../crates/journal/tests/data/function-1.db"),
    include_bytes!("../../crates/journal/tests/data/function-2.db"),
    include_bytes!("../../crates/journal/tests/data/opinions-1.db"),
    include_bytes!("../../crates/journal/tests/data/opinions-2.db"),
    include_bytes!("../../crates/journal/tests/data/cvt-2.db"),
];

/// Where a target's files are: memory, where there is such a folder.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// The first byte says what the rest is: a whole file, or changes to one of [`RUNS`].
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let folder = folder();
    let path = folder.path().join("run.db");
    match RUNS.get(usize::from(kind % 8)) {
        None => std::fs::write(&path, rest).expect("written"),
        Some(run) => {
            std::fs::write(&path, run).expect("written");
            let (bytes, values) = if kind & 64 == 0 { (rest, &[][..]) } else { (&[][..], rest) };
            change_bytes(&path, bytes);
            // What the file refuses is no danger.
            let _ = change_values(&path, values);
        }
    }
    said(read_all(&path));
    // A writer brings it up to date, if it is an earlier one's; it is read again then.
    if said(Journal::open(&path).map(drop)) {
        said(read_all(&path));
    }
}

/// Whether it went well; if not, the error is one that a person can read.
fn said(done: Result<(), JournalError>) -> bool {
    if let Err(error) = &done {
        assert!(!error.to_string().is_empty());
    }
    done.is_ok()
}

fn read_all(path: &Path) -> Result<(), JournalError> {
    let reader = Reader::open(path)?;
    reader.methods()?;
    reader.pool()?;
    let mut out = Vec::new();
    export::jsonl(&reader, None, &mut out)?;
    export::csv(&reader, &[], None, &mut out)?;
    export::openelm(&reader, None, &mut out)?;
    // Exports are UTF-8 without anything that commands a terminal.
    let text = String::from_utf8(out).expect("UTF-8");
    let told = |c: char| samara_search::commanding::commands(c) && !matches!(c, '\r' | '\n' | '\t');
    assert!(!text.contains(told));
    RunView::of(&reader).map(|_| ())
}

/// Each four bytes: a place (16 bits of it scaled to the file), a mask.
fn change_bytes(path: &Path, changes: &[u8]) {
    let mut file = std::fs::read(path).expect("the run");
    for change in changes.chunks_exact(4) {
        let place = u32::from_be_bytes([0, change[0], change[1], change[2]]) as usize;
        let length = file.len();
        file[place % length] ^= change[3];
    }
    std::fs::write(path, file).expect("written");
}

/// Each change: a column, a row, a kind of value, a length, the value's bytes.
fn change_values(path: &Path, mut changes: &[u8]) -> rusqlite::Result<()> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF")?;
    let columns: Vec<(String, String)> = connection
        .prepare(
            "SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    while let [column, row, kind, length, rest @ ..] = changes {
        let (bytes, left) = rest.split_at(rest.len().min(usize::from(*length)));
        changes = left;
        let Some((table, column)) = columns.get(usize::from(*column) % columns.len().max(1)) else { break };
        let mut number = [0; 8];
        number.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
        let value = match kind % 6 {
            0 => Value::Null,
            1 => Value::Integer(i64::from_le_bytes(number)),
            2 => Value::Real(f64::from_le_bytes(number)),
            3 => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            4 => Value::Blob(bytes.to_vec()),
            _ => Value::Integer(i64::from(number[0].cast_signed())),
        };
        let place = if *row == 255 {
            String::new()
        } else {
            format!(" WHERE rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET {row})")
        };
        // A constraint may refuse it.
        let _ = connection.execute(&format!("UPDATE {table} SET {column} = ?1{place}"), [value]);
    }
    Ok(())
}
