//! Somebody else's run is data: whatever is in the file, it is an error or a run, never a panic, a hang or a program.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use samara_journal::{Journal, JournalError, Reader, RunView, export};
use tempfile::tempdir;

const FORMATS: [&str; 3] = ["opinions-1", "opinions-2", "opinions-3"];

/// A run of each format with this done to it. The last format's is the second's, brought up to date.
fn changed(name: &str, directory: &Path, change: impl FnOnce(&Connection)) -> PathBuf {
    let path = directory.join("run.db");
    let source = name.replace("opinions-3", "opinions-2");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{source}.db")), &path)
        .unwrap();
    if name == "opinions-3" {
        drop(Journal::open(&path).unwrap());
    }
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    change(&connection);
    path
}

fn read_all(path: &Path) -> Result<(), JournalError> {
    let reader = Reader::open(path)?;
    reader.methods()?;
    reader.pool()?;
    export::jsonl(&reader, None, &mut std::io::sink())?;
    export::csv(&reader, &[], None, &mut std::io::sink())?;
    RunView::of(&reader).map(|_| ())
}

#[test]
fn a_schema_that_is_not_ours_is_refused_before_anything_is_read() {
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for name in FORMATS {
        for change in [
            &format!(
                "ALTER TABLE texts RENAME TO t0; CREATE VIEW texts AS SELECT * FROM t0 \
                 WHERE (SELECT count(*) FROM ({ENDLESS})) >= 0"
            ),
            &format!(
                "ALTER TABLE totals RENAME TO t0; CREATE VIEW totals AS SELECT * FROM t0, ({ENDLESS} LIMIT 1)"
            ),
            "CREATE TRIGGER e AFTER INSERT ON candidates BEGIN DELETE FROM texts; END",
            "CREATE INDEX e ON candidates (abs(objective))",
            "CREATE TABLE e (x CHECK (x > 0))",
            "DROP VIEW pool_view; CREATE VIEW pool_view AS SELECT 1",
        ] {
            let directory = tempdir().unwrap();
            let path = changed(name, directory.path(), |db| db.execute_batch(change).unwrap());
            for error in [Reader::open(&path).err().unwrap(), Journal::open(&path).err().unwrap()] {
                assert!(matches!(error, JournalError::Altered { .. }), "{name} {change}: {error:?}");
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let packed = packed_zeros(60 << 20);
    for name in FORMATS {
        for (size, cut) in
            [(65 << 20, 0), (i64::MAX, 0), (u32::MAX.into(), 0), (-1, 0), (1000, 0), (1 << 20, 30)]
        {
            let directory = tempdir().unwrap();
            let body = &packed[cut..];
            let path = changed(name, directory.path(), |db| {
                let values = rusqlite::params![size, body];
                db.execute("UPDATE texts SET codec = 1, size = ?1, body = ?2", values).unwrap();
            });
            let error = read_all(&path).unwrap_err();
            assert!(matches!(error, JournalError::Damaged { .. }), "{name} {size}: {error:?}");
        }
    }
}

/// The zlib stream of that many zeros, as a journal packs them.
fn packed_zeros(count: usize) -> Vec<u8> {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = crate::samples::create(&path).unwrap();
    journal.set_up(&["\0".repeat(count)], &[]).unwrap();
    drop(journal);
    let select = "SELECT body FROM texts WHERE codec = 1 ORDER BY size DESC LIMIT 1";
    Connection::open(&path).unwrap().query_row(select, [], |row| row.get(0)).unwrap()
}

#[test]
fn no_value_of_any_column_panics_or_hangs_a_reader_or_a_writer() {
    let values = [
        "NULL",
        "-1",
        "0",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308 * 10",
        "-1e308",
        "'x'",
        "''",
        "'NaN'",
        "'[1e999]'",
        "'[null]'",
        "'[99999999999999999999]'",
        "'{}'",
        "x'ff'",
        "zeroblob(200)",
        "'99999999999999999999999'",
        "'[' || replace(hex(zeroblob(3000)), '0', '[')",
    ];
    let mut turn = 0;
    for name in FORMATS {
        let directory = tempdir().unwrap();
        let path = changed(name, directory.path(), |_| {});
        let whole = std::fs::read(&path).unwrap();
        for (table, column) in columns(&path) {
            // Every third value of each column, others in the next format: a third of the time, and each kind of value
            // meets each kind of column.
            turn += 1;
            for value in values.iter().skip(turn % 3).step_by(3) {
                std::fs::write(&path, &whole).unwrap();
                let connection = Connection::open(&path).unwrap();
                connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF").unwrap();
                // What a column refuses is no danger.
                let _ = connection.execute(&format!("UPDATE {table} SET {column} = {value}"), []);
                drop(connection);
                let read = read_all(&path);
                // Whatever it is, it is an error that a person can read.
                assert!(read.err().is_none_or(|error| !error.to_string().is_empty()));
                let _ = Journal::open(&path).and_then(|mut journal| crate::samples::append(&mut journal, 30));
                for ending in ["db-wal", "db-shm", "lock"] {
                    let _ = std::fs::remove_file(path.with_extension(ending));
                }
            }
        }
    }
}

fn columns(path: &Path) -> Vec<(String, String)> {
    let connection = Connection::open(path).unwrap();
    let select =
        "SELECT m.name, p.name FROM sqlite_schema m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'";
    let mut statement = connection.prepare(select).unwrap();
    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_configuration_that_asks_for_too_much_is_refused_at_once() {
    let config = |text: &str| {
        let directory = tempdir().unwrap();
        let path = changed("opinions-2", directory.path(), |db| {
            db.execute("UPDATE run SET config = ?1", [text]).unwrap();
        });
        RunView::open(&path).map(|_| ()).unwrap_err()
    };
    let axes = |count: usize, bins: &str| format!("[[axes]]\nname = \"a\"\nbins = {bins}\n").repeat(count);
    let large = |text: &str| matches!(config(text), JournalError::TooBigToRead { .. });
    assert!(large(&axes(1, "4000000000")) && large(&axes(1, "400000000")) && large(&axes(2000, "16777216")));
    assert!(large(&format!("[search]\ndepth = 100000000\n{}", axes(1, "20"))));
    assert!(large(&format!("[search.islands]\ncount = 1000\n{}", axes(2, "200"))));
    let cvt = |cells: &str, samples: &str| {
        format!(
            "[search]\nalgorithm = \"cvt_map_elites\"\n[search.cvt]\ncells = {cells}\nsamples = {samples}\n{}",
            axes(1, "20")
        )
    };
    assert!(
        large(&cvt("1000000", "4000000000")) && large(&cvt("9000000000000000000", "9000000000000000000"))
    );
    assert!(matches!(config(&"a = 1\n".repeat(10_000_000)), JournalError::Damaged { .. }));
    for nested in [format!("a = {}", "[".repeat(200_000)), format!("a{} = 1", ".a".repeat(200_000))] {
        assert!(matches!(config(&nested), JournalError::Settings { .. }), "{}", &nested[..9]);
    }
    let error = config("[search]\ntotal_step = 3\n");
    assert!(error.to_string().contains("`search.total_step`: there is no such key"), "{error}");
}

#[test]
fn only_regular_files_are_opened() {
    let directory = tempdir().unwrap();
    let is_refused = |path: &Path| {
        let read = matches!(Reader::open(path), Err(JournalError::NotAFile { .. }));
        read && matches!(Journal::open(path), Err(JournalError::NotAFile { .. }))
    };
    assert!(is_refused(Path::new("/dev/zero")) && is_refused(Path::new("/dev/null")));
    let fifo = directory.path().join("run.db");
    make_fifo(&fifo);
    assert!(is_refused(&fifo) && is_refused(directory.path()));
    std::fs::remove_file(&fifo).unwrap();
    std::fs::create_dir(&fifo).unwrap();
    assert!(is_refused(directory.path()));
    std::fs::remove_dir(&fifo).unwrap();
    // The same beside a journal; a link would make SQLite write somewhere else.
    let path = changed("opinions-2", directory.path(), |_| {});
    let victim = directory.path().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    for beside in ["run.db-wal", "run.db-shm", "run.db-journal", "run.lock"] {
        let beside = directory.path().join(beside);
        make_fifo(&beside);
        assert!(is_refused(&path), "{beside:?}");
        std::fs::remove_file(&beside).unwrap();
        std::os::unix::fs::symlink(&victim, &beside).unwrap();
        assert!(is_refused(&path), "{beside:?}");
        std::fs::remove_file(&beside).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    let link = directory.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    Reader::open(&link).unwrap();
}

fn make_fifo(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}
