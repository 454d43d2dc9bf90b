//! Files that are cut off, damaged or of somebody else: a clear error each, never a panic.

use crate::samples::{assert_samples, header, sample, written};
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
    reader.sessions()?;
    export::jsonl(&reader, &mut std::io::sink())?;
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
    let mut journal = Journal::create(&path, &header()).unwrap();
    (0..30).for_each(|index| journal.append(&sample(index)).unwrap());
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
    journal.append(&sample(20)).unwrap();
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
        let _ = Journal::open(&path).map(|mut journal| journal.append(&sample(21)));
    }
    assert!(errors >= 20, "pages that neither file has are missed: {errors}");
}

#[test]
fn changed_bytes_never_panic() {
    let directory = tempdir().unwrap();
    let whole = std::fs::read(written(directory.path(), 15)).unwrap();
    let path = directory.path().join("changed.db");
    let mut damaged = 0;
    for (position, change) in (0..whole.len()).step_by(313).zip([0xff, 0x01, 0x80].into_iter().cycle()) {
        let mut bytes = whole.clone();
        bytes[position] ^= change;
        std::fs::write(&path, &bytes).unwrap();
        damaged += u32::from(read_all(&path).is_err());
        let _ = Journal::open(&path).map(|mut journal| journal.append(&sample(15)));
        for ending in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(directory.path().join(format!("changed.db{ending}")));
        }
    }
    assert!(damaged > 10, "{damaged}");
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
        assert!(matches!(error, JournalError::Newer { found: 7, known: 2, .. }), "{error:?}");
        assert!(error.to_string().contains("has format version 7, and this samara knows versions up to 2"));
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

#[test]
fn a_journal_of_version_1_is_brought_up_to_date_and_read_as_before() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 7);
    let old = "ALTER TABLE calls DROP COLUMN price; ALTER TABLE candidates DROP COLUMN price; \
               ALTER TABLE candidates DROP COLUMN arm; ALTER TABLE candidates DROP COLUMN model_ms; \
               PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    assert!(matches!(reader_error(&path), JournalError::Older { found: 1, .. }));
    drop(Journal::open(&path).unwrap());
    assert_samples(&Reader::open(&path).unwrap(), 7);
    Reader::open(&path)
        .unwrap()
        .fold(&mut |settled| {
            assert_eq!((settled.price, settled.arm), (settled.cost, None));
            Ok::<(), JournalError>(())
        })
        .unwrap();
}
