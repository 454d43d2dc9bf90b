//! Files that are cut off, damaged or of somebody else: a clear error each, never a panic.

use crate::samples::{append, assert_samples, create, exactly, written};
use rusqlite::Connection;
use samara_journal::{Journal, JournalError, Reader, export};
use std::path::Path;
use tempfile::tempdir;

fn reader_error(path: &Path) -> JournalError {
    Reader::open(path).err().expect("it can't be read")
}

/// Reads all there is, in every way; how many candidates there were.
fn read_all(path: &Path) -> Result<u64, JournalError> {
    let reader = Reader::open(path)?;
    let mut count = 0;
    reader.fold(&mut |_| {
        count += 1;
        Ok::<(), JournalError>(())
    })?;
    reader.pool()?;
    reader.set_up_calls()?;
    reader.sessions()?;
    reader.events()?;
    reader.inputs()?;
    reader.tessellations()?;
    reader.methods()?;
    reader.asked()?;
    export::jsonl(&reader, None, &mut std::io::sink())?;
    Ok(count)
}

#[test]
fn a_file_cut_off_anywhere_says_so() {
    let directory = tempdir().unwrap();
    let whole = std::fs::read(written(directory.path(), 40)).unwrap();
    let cut = directory.path().join("cut.db");
    for length in (1..100).chain((100..whole.len()).step_by(1361)).chain([whole.len() - 1]) {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let error = reader_error(&cut);
        assert!(matches!(error, JournalError::Truncated { .. }), "{length}: {error}");
        assert!(matches!(Journal::open(&cut).err().unwrap(), JournalError::Truncated { .. }), "{length}");
    }
    std::fs::write(&cut, &whole).unwrap();
    assert_eq!(read_all(&cut).unwrap(), 40);
    let message = JournalError::Truncated { path: "run.db".into(), expected: 8192, found: 5000 }.to_string();
    assert!(
        message.starts_with("run.db is cut off: 5000 of 8192 bytes are left\nhint: copy it again"),
        "{message}"
    );
}

#[test]
fn a_wal_cut_off_anywhere_leaves_a_prefix() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = create(&path).unwrap();
    (0..30).for_each(|index| append(&mut journal, index).unwrap());
    let (main, wal) =
        (std::fs::read(&path).unwrap(), std::fs::read(directory.path().join("run.db-wal")).unwrap());
    drop(journal);
    let mut most = 0;
    for length in (0..wal.len()).step_by(wal.len() / 40).chain([wal.len()]) {
        let copy = tempdir().unwrap();
        let path = copy.path().join("run.db");
        std::fs::write(&path, &main).unwrap();
        std::fs::write(copy.path().join("run.db-wal"), &wal[..length]).unwrap();
        match Journal::open(&path) {
            Ok(journal) => {
                let settled = journal.totals().candidates;
                assert!(settled >= most);
                assert_samples(&journal.reader().unwrap(), settled);
                most = settled;
            }
            Err(error) => assert!(matches!(error, JournalError::Empty { .. }) && most == 0, "{error}"),
        }
    }
    assert_eq!(most, 30);
}

#[test]
fn a_cut_off_file_beside_a_wal_never_panics() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 20);
    let mut journal = Journal::open(&path).unwrap();
    append(&mut journal, 20).unwrap();
    let (main, wal) =
        (std::fs::read(&path).unwrap(), std::fs::read(directory.path().join("run.db-wal")).unwrap());
    drop(journal);
    let mut errors = 0;
    for length in (0..main.len()).step_by(main.len() / 30) {
        let copy = tempdir().unwrap();
        let path = copy.path().join("run.db");
        std::fs::write(&path, &main[..length]).unwrap();
        std::fs::write(copy.path().join("run.db-wal"), &wal).unwrap();
        match read_all(&path) {
            // The WAL has all pages that the file lacks: then nothing is lost.
            Ok(settled) => assert_samples(&Reader::open(&path).unwrap(), settled.max(21)),
            Err(_) => errors += 1,
        }
        let _ = Journal::open(&path).map(|mut journal| append(&mut journal, 21));
    }
    assert!(errors >= 20, "pages that neither file has are missed: {errors}");
}

/// Everything that a reader hands over, as text.
fn everything(path: &Path) -> Result<String, JournalError> {
    let reader = Reader::open(path)?;
    let mut all = Vec::new();
    reader.fold(&mut |candidate| {
        all.push(exactly(&candidate));
        Ok::<(), JournalError>(())
    })?;
    for index in 0..all.len() as u64 + 1 {
        all.push(exactly(&reader.candidate(index)?));
    }
    all.push(exactly(&(reader.header(), reader.begun_format(), reader.pool()?, reader.set_up_calls()?)));
    all.push(exactly(&(reader.sessions()?, reader.events()?, reader.inputs()?, reader.tessellations()?)));
    all.push(exactly(&(reader.totals()?, reader.methods()?, reader.cached_calls()?)));
    Ok(all.join("\n"))
}

#[test]
fn a_flipped_bit_anywhere_is_an_error_or_changes_nothing_that_is_read() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = create(&path).unwrap();
    journal.set_up(&["a pool".into(), "a second text".into()], &crate::samples::life(1).calls).unwrap();
    (0..12).for_each(|index| append(&mut journal, index).unwrap());
    journal.note(&crate::samples::control(12)).unwrap();
    journal.finish("done").unwrap();
    drop(journal);
    let whole = std::fs::read(&path).unwrap();
    let expected = everything(&path).unwrap();
    let flipped = directory.path().join("flipped.db");
    let (mut errors, mut unread) = (0, 0);
    // A prime step, so that every place of a page is met somewhere; the header, where each byte means something, whole.
    for position in (0..100).chain((100..whole.len()).step_by(29)) {
        let mut bytes = whole.clone();
        bytes[position] ^= 1 << (position % 8);
        std::fs::write(&flipped, &bytes).unwrap();
        match everything(&flipped) {
            Ok(found) => {
                assert_eq!(found, expected, "byte {position} changes what is read");
                unread += 1;
            }
            Err(error) => {
                errors += 1;
                let known = matches!(
                    error,
                    JournalError::Damaged { .. }
                        | JournalError::Altered { .. }
                        | JournalError::NotSqlite { .. }
                        | JournalError::Foreign { .. }
                        | JournalError::Newer { .. }
                        | JournalError::Truncated { .. }
                        | JournalError::Sqlite { .. }
                );
                assert!(known, "byte {position}: {error:?}");
            }
        }
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("flipped.db{ending}")));
        }
    }
    assert!(errors > 500 && unread > 100, "{errors} errors, {unread} bytes that nobody reads");
}

#[test]
fn a_damaged_candidate_is_named() {
    for (change, named) in [
        ("UPDATE candidates SET objective = objective + 1 WHERE id = 2", "candidate 2: "),
        ("UPDATE candidates SET price = price * 2 WHERE id = 2", "candidate 2: "),
        (
            "UPDATE candidates SET metrics = replace(metrics, 'length', 'lengtH') WHERE id = 2",
            "candidate 2: ",
        ),
        (
            "UPDATE candidates SET text = (SELECT text FROM candidates WHERE id = 0) WHERE id = 2",
            "candidate 2: ",
        ),
        ("UPDATE candidates SET examples = '[1]' WHERE id = 2", "candidate 2: "),
        ("UPDATE candidates SET horizon = 1 WHERE id = 3", "candidate 3: "),
        ("UPDATE artifacts SET name = 'stdout' WHERE candidate = 4", "candidate 4: "),
        ("DELETE FROM artifacts WHERE candidate = 4", "candidate 4: "),
        ("DELETE FROM calls WHERE candidate = 2 AND role = 'judge'", "candidate 2: its calls"),
        ("UPDATE calls SET latency_ms = 1 WHERE candidate = 2 AND role = 'judge'", "candidate 2: its calls"),
        ("UPDATE totals SET cost = 1", "its totals"),
        ("UPDATE sessions SET reason = 'another'", "a session's end"),
        ("DELETE FROM sessions", "its ends of sessions"),
        ("DELETE FROM events", "its events"),
        ("UPDATE events SET after = after + 1", "an event"),
        ("UPDATE inputs SET key = 'another' WHERE position = 0", "the input file `another`"),
        ("DELETE FROM inputs WHERE position = 2", "its input files"),
        ("UPDATE tessellations SET island = 7", "its cells"),
        ("UPDATE run SET config = ''", "what it says of the run"),
        ("UPDATE run SET begun = 1", "what it says of the run"),
        ("DELETE FROM candidates WHERE id = 5", "candidate 5 is missing"),
    ] {
        let directory = tempdir().unwrap();
        let path = written(directory.path(), 6);
        let mut journal = Journal::open(&path).unwrap();
        journal.finish("done").unwrap();
        drop(journal);
        let change = format!("PRAGMA foreign_keys = OFF; {change}");
        Connection::open(&path).unwrap().execute_batch(&change).unwrap();
        let error = everything(&path).expect_err(&change).to_string();
        assert!(error.contains(&format!("run.db is damaged: {named}")), "{change}: {error}");
    }
}

#[test]
fn changed_bytes_never_panic_a_writer() {
    let directory = tempdir().unwrap();
    let whole = std::fs::read(written(directory.path(), 15)).unwrap();
    let path = directory.path().join("changed.db");
    let mut refused = 0;
    for (position, change) in (0..whole.len()).step_by(313).zip([0xff, 0x01, 0x80].into_iter().cycle()) {
        let mut bytes = whole.clone();
        bytes[position] ^= change;
        std::fs::write(&path, &bytes).unwrap();
        let appended = Journal::open(&path).and_then(|mut journal| append(&mut journal, 15));
        refused += u32::from(appended.is_err());
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("changed.db{ending}")));
        }
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_damaged_page_is_called_damaged() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 40);
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[4096..end].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    let error = read_all(&path).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("is damaged: ") && error.hint().is_some());
}

#[test]
fn values_that_no_writer_writes_are_called_damaged() {
    for change in [
        "UPDATE candidates SET fate = 'elite' WHERE id = 2",
        "UPDATE candidates SET measures = '[1,' WHERE id = 2",
        "UPDATE candidates SET cell = -1 WHERE id = 2",
        "UPDATE candidates SET checksum = NULL WHERE id = 2",
        "UPDATE candidates SET genome = 'tree' WHERE id = 2",
        "UPDATE candidates SET text = 999 WHERE id = 2",
        "UPDATE candidates SET examples = '[999]' WHERE id = 2",
        "UPDATE calls SET seed = '-1' WHERE candidate = 2",
        "UPDATE calls SET kind = 'sing' WHERE candidate = 2",
        "UPDATE texts SET codec = 2",
        "UPDATE texts SET size = 4294967295 WHERE codec = 1",
        "UPDATE texts SET body = zeroblob(30) WHERE codec = 1",
        "UPDATE totals SET candidates = -1",
        "DELETE FROM candidates WHERE id = 2",
        "DELETE FROM run",
    ] {
        let directory = tempdir().unwrap();
        let path = written(directory.path(), 4);
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {change}")).unwrap();
        drop(connection);
        let error = read_all(&path).expect_err(change);
        assert!(matches!(error, JournalError::Damaged { .. }), "{change}: {error:?}");
    }
}

#[test]
fn totals_that_disagree_with_the_candidates_stop_a_writer() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 4);
    Connection::open(&path).unwrap().execute_batch("UPDATE totals SET candidates = 3").unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Damaged { .. })));
}

#[test]
fn a_newer_version_asks_for_an_update() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 1);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    for error in [reader_error(&path), Journal::open(&path).err().unwrap()] {
        assert!(matches!(error, JournalError::Newer { found: 7, known: 3, .. }), "{error:?}");
        assert!(error.to_string().contains("has format version 7, and this samara knows versions up to 3"));
        assert!(error.hint().unwrap().starts_with("update samara"));
    }
}

#[test]
fn a_journal_without_a_version_is_damaged() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 1);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 0).unwrap();
    assert!(matches!(reader_error(&path), JournalError::Damaged { .. }));
}

#[test]
fn a_file_of_somebody_else_is_refused_and_left_alone() {
    let directory = tempdir().unwrap();
    let foreign = directory.path().join("foreign.db");
    let connection = Connection::open(&foreign).unwrap();
    connection
        .execute_batch("PRAGMA application_id = 0x12345678; CREATE TABLE t (x); PRAGMA user_version = 1")
        .unwrap();
    drop(connection);
    let text = directory.path().join("text.db");
    std::fs::write(&text, "not a database ".repeat(1000)).unwrap();
    let before = std::fs::read(&foreign).unwrap();
    assert!(matches!(reader_error(&foreign), JournalError::Foreign { application: 0x1234_5678, .. }));
    assert!(matches!(Journal::open(&foreign), Err(JournalError::Foreign { .. })));
    assert!(matches!(reader_error(&text), JournalError::NotSqlite { .. }));
    assert!(matches!(Journal::open(&text), Err(JournalError::NotSqlite { .. })));
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside them");
}

#[test]
fn a_missing_or_empty_file_is_told_apart() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    for missing in [&path, &directory.path().to_owned()] {
        assert!(matches!(reader_error(missing), JournalError::Missing { .. }));
        assert!(matches!(Journal::open(missing), Err(JournalError::Missing { .. })));
    }
    std::fs::write(&path, "").unwrap();
    assert!(matches!(reader_error(&path), JournalError::Empty { .. }));
    assert!(matches!(Journal::open(&path), Err(JournalError::Empty { .. })));
    // What a kill between a file's first page and its tables leaves.
    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
    assert!(matches!(reader_error(&path), JournalError::Empty { .. }));
}
