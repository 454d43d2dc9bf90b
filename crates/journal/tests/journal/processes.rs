//! Several processes and one journal: readers beside the writer, a second writer, a killed writer.

use crate::child;
use crate::samples::{append, assert_samples, create, exactly, sample, written};
use samara_journal::{Journal, JournalError, Reader};
use std::time::{Duration, Instant};
use tempfile::tempdir;

#[test]
fn readers_see_a_growing_prefix_while_a_writer_writes() {
    const LAST: u64 = 200;
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = create(&path).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let reader = Reader::open(&path).unwrap();
                let mut seen = 0;
                while seen < LAST {
                    let before = reader.len().unwrap();
                    let mut next = 0;
                    reader
                        .fold(&mut |candidate| {
                            assert_eq!(exactly(&candidate), exactly(&sample(next)));
                            next += 1;
                            Ok::<(), JournalError>(())
                        })
                        .unwrap();
                    assert!(before <= next && seen <= next && next <= reader.len().unwrap());
                    seen = next;
                }
            });
        }
        (0..LAST).for_each(|index| append(&mut journal, index).unwrap());
    });
}

#[test]
fn a_fold_sees_the_state_it_began_with() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    (0..5).for_each(|index| append(&mut journal, index).unwrap());
    let (reader, mut seen) = (journal.reader().unwrap(), 0);
    reader
        .fold(&mut |candidate| {
            seen += 1;
            append(&mut journal, 5 + candidate.index)
        })
        .unwrap();
    assert_eq!((seen, reader.len().unwrap()), (5, 10));
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 3);
    let first = Journal::open(&path).unwrap();
    let error = Journal::open(&path).err().unwrap();
    assert!(matches!(error, JournalError::InUse { .. }));
    assert!(error.to_string().contains("run is in use by another process\nhint: "), "{error}");
    assert_samples(&Reader::open(&path).unwrap(), 3);
    drop(first);
    Journal::open(&path).unwrap();
}

#[test]
fn a_killed_writer_leaves_a_prefix_of_whole_candidates() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 0);
    let mut settled = 0;
    for round in 1..=6_u64 {
        let program = std::env::current_exe().unwrap();
        let mut command = child::command(&program, "append_forever", &path);
        let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
        wait_for(&path, settled + 7 * round, &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        let known = Reader::open(&path).unwrap().len().unwrap();
        assert!(known >= settled + 7 * round, "what was seen as settled is kept");
        // Opening it to write takes the kill's traces away; what is settled stays.
        let mut journal = Journal::open(&path).unwrap();
        assert_samples(&journal.reader().unwrap(), known);
        append(&mut journal, known).unwrap();
        settled = known + 1;
    }
    assert_samples(&Reader::open(&path).unwrap(), settled);
}

/// Waits until this many candidates are settled.
fn wait_for(path: &std::path::Path, candidates: u64, child: &mut std::process::Child) {
    let reader = Reader::open(path).unwrap();
    let begun = Instant::now();
    while reader.len().unwrap() < candidates {
        assert_eq!(child.try_wait().unwrap(), None, "the child ended by itself");
        assert!(begun.elapsed() < Duration::from_secs(60), "the child doesn't append");
        std::thread::sleep(Duration::from_micros(300));
    }
}
