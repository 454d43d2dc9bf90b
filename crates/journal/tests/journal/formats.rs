//! Runs of older formats: read as they are, brought up to date when they go on. The files are runs of the versions that
//! wrote them: `function` and `opinions` (with the scripted model), the CVT by random search.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use samara_journal::{Journal, JournalError, Life, Reader, RunView, export};
use samara_search::Candidate;
use tempfile::tempdir;

/// Each run with the format that it was begun in, its candidates, calls, and the hash that its `samara run` printed.
const RUNS: [(&str, u32, u64, u64, &str); 5] = [
    ("function-1", 1, 60, 0, "2ad1289e23690a67d32905547f00e709"),
    ("opinions-1", 1, 30, 90, "003628e12741e553fba3b67d3aba78d2"),
    ("function-2", 2, 60, 0, "2ad1289e23690a67d32905547f00e709"),
    ("opinions-2", 2, 30, 90, "003628e12741e553fba3b67d3aba78d2"),
    ("cvt-2", 2, 40, 0, "bb4247377babfb292072a4f5cbab2782"),
];

fn copy(name: &str, directory: &Path) -> PathBuf {
    let path = directory.join("run.db");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.db")), &path)
        .unwrap();
    path
}

fn candidates(reader: &Reader) -> Vec<(Candidate, Life)> {
    (0..reader.len().unwrap()).map(|index| reader.candidate(index).unwrap().unwrap()).collect()
}

#[test]
fn an_older_run_is_read_in_place_and_nothing_is_written() {
    for (name, format, count, calls, hash) in RUNS {
        let directory = tempdir().unwrap();
        let path = copy(name, directory.path());
        let before = std::fs::read(&path).unwrap();
        let view = RunView::open(directory.path()).unwrap();
        assert_eq!(view.replay.population().archive_hash(), hash, "{name}");
        assert_eq!((view.totals.candidates, view.totals.calls), (count, calls));
        assert_eq!((view.verifiable, view.sessions.len(), view.controls.len()), (false, 1, 0));
        let reader = Reader::open(&path).unwrap();
        assert_eq!((reader.format(), reader.begun_format(), reader.verifiable()), (format, format, false));
        assert!(reader.inputs().unwrap().is_empty() && reader.header().id.is_empty());
        for (candidate, life) in candidates(&reader) {
            assert_eq!((candidate.island, candidate.horizon, &*candidate.operator), (0, 0, ""));
            assert_eq!(candidate.charge.calls, life.calls.len() as u64);
            let money = life.calls.iter().fold(0.0, |sum, call| sum + call.price.unwrap_or(call.cost));
            assert_eq!(candidate.charge.money, money);
        }
        export::jsonl(&reader, None, &mut std::io::sink()).unwrap();
        export::csv(&reader, &[], None, &mut std::io::sink()).unwrap();
        drop(reader);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let names: Vec<_> =
            std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["run.db"], "{name}: nothing lies beside it");
    }
}

#[test]
fn an_older_run_goes_on_in_the_current_format_with_all_it_had() {
    for (name, format, count, _, hash) in RUNS {
        let directory = tempdir().unwrap();
        let path = copy(name, directory.path());
        let old = Reader::open(&path).unwrap();
        let (had, pool, calls) = (candidates(&old), old.pool().unwrap(), old.set_up_calls().unwrap());
        let (totals, sessions) = (old.totals().unwrap(), old.sessions().unwrap());
        let (cached, methods) = (old.cached_calls().unwrap(), old.methods().unwrap());
        drop(old);
        let mut journal = Journal::open(&path).unwrap();
        journal.note(&crate::samples::control(count)).unwrap();
        journal.finish("completed").unwrap();
        drop(journal);
        let reader = Reader::open(&path).unwrap();
        assert_eq!((reader.format(), reader.begun_format(), reader.verifiable()), (3, format, false));
        assert_eq!(candidates(&reader)[..count as usize], had, "{name}");
        assert_eq!((reader.pool().unwrap(), reader.set_up_calls().unwrap()), (pool, calls));
        assert_eq!(reader.sessions().unwrap()[..1], sessions);
        assert_eq!(reader.sessions().unwrap().len(), 2);
        assert_eq!(reader.totals().unwrap().candidates, totals.candidates);
        assert_eq!((reader.cached_calls().unwrap(), reader.methods().unwrap()), (cached, methods));
        let view = RunView::of(&reader).unwrap();
        assert_eq!(view.replay.population().archive_hash(), hash);
        assert_eq!((view.verifiable, view.controls.len()), (false, 1));
    }
}

#[test]
fn a_run_brought_up_to_date_is_checked_like_any_other() {
    for change in [
        "UPDATE candidates SET objective = objective + 1e-9 WHERE id = 7",
        "UPDATE calls SET tokens_in = tokens_in + 1 WHERE candidate = 7",
        "UPDATE sessions SET candidates = 3",
        "UPDATE run SET seed = '8'",
        "UPDATE totals SET cached = 1",
    ] {
        let directory = tempdir().unwrap();
        let path = copy("opinions-2", directory.path());
        drop(Journal::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let read = || {
            let reader = Reader::open(&path)?;
            reader.sessions()?;
            reader.cached_calls()?;
            export::jsonl(&reader, None, &mut std::io::sink())
        };
        let error = read().expect_err(change);
        assert!(matches!(error, JournalError::Damaged { .. }), "{change}: {error}");
    }
}

#[test]
fn a_run_that_cannot_be_brought_up_to_date_stays_as_it_was() {
    let directory = tempdir().unwrap();
    let path = copy("opinions-1", directory.path());
    let change =
        "UPDATE texts SET digest = zeroblob(16) WHERE id = (SELECT text FROM candidates WHERE id = 20)";
    Connection::open(&path).unwrap().execute_batch(change).unwrap();
    let error = Journal::open(&path).err().unwrap();
    assert!(error.to_string().contains("candidate 20: a text is not the one that was recorded"), "{error}");
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.format(), reader.len().unwrap()), (1, 30));
    assert!(reader.candidate(19).unwrap().is_some() && reader.candidate(20).is_err());
}

#[test]
fn an_older_run_is_not_brought_up_to_date_under_its_reader() {
    let directory = tempdir().unwrap();
    let path = copy("function-2", directory.path());
    std::fs::write(directory.path().join("run.lock"), "").unwrap();
    let reader = Reader::open(&path).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::InUse { .. })));
    drop(reader);
    // Without a file to lock, the reader notices.
    std::fs::remove_file(directory.path().join("run.lock")).unwrap();
    let reader = Reader::open(&path).unwrap();
    drop(Journal::open(&path).unwrap());
    let result = reader.fold(&mut |_| Ok::<(), JournalError>(()));
    assert!(result.is_err(), "it was read while it changed");
}

#[test]
fn a_run_of_a_later_format_has_its_own_error() {
    let directory = tempdir().unwrap();
    let path = copy("function-2", directory.path());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    for error in [Reader::open(&path).err().unwrap(), Journal::open(&path).err().unwrap()] {
        assert!(matches!(error, JournalError::Newer { found: 4, known: 3, .. }), "{error:?}");
    }
}
