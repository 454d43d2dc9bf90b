//! What a writer refuses, and that a refusal changes nothing: gaps, wrong numbers, full disks, read-only places.

use crate::child;
use crate::samples::{append, assert_samples, create, events, generator, life, sample, written};
use samara_journal::{Event, Journal, JournalError, Life, Reader};
use samara_search::{Candidate, Charge, Genome, Score};
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

#[test]
fn an_existing_file_is_not_overwritten() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 2);
    assert!(matches!(create(&path), Err(JournalError::Exists { .. })));
    assert!(matches!(create(directory.path()), Err(JournalError::Exists { .. })));
    assert_samples(&Reader::open(&path).unwrap(), 2);
}

#[test]
fn what_a_killed_creation_left_is_begun_anew_unless_another_is_at_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    std::fs::write(&path, "").unwrap();
    let mut journal = create(&path).unwrap();
    assert!(matches!(create(&path), Err(JournalError::Exists { .. })));
    append(&mut journal, 0).unwrap();
    assert_samples(&journal.reader().unwrap(), 1);
    // While another process holds the lock, even an empty file is its own.
    let other = directory.path().join("other.db");
    std::fs::write(&other, "").unwrap();
    let lock = std::fs::File::create(directory.path().join("other.lock")).unwrap();
    lock.lock().unwrap();
    assert!(matches!(create(&other), Err(JournalError::InUse { .. })));
    assert!(other.exists());
}

#[test]
fn a_gap_or_a_repeat_is_refused() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 3);
    let mut journal = Journal::open(&path).unwrap();
    for wrong in [0, 2, 4, u64::MAX] {
        let candidate = Candidate { index: wrong, ..sample(3) };
        let error = journal.append(&candidate, &life(3), &[]).unwrap_err();
        assert!(error.to_string().contains(&format!("the next candidate is 3, not {wrong}")), "{error}");
    }
    append(&mut journal, 3).unwrap();
    assert_samples(&journal.reader().unwrap(), 4);
}

#[test]
fn a_second_or_late_set_up_is_refused() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    journal.set_up(&["a".into()], &[]).unwrap();
    assert!(matches!(journal.set_up(&["b".into()], &[]), Err(JournalError::LateSetUp { .. })));
    assert_eq!(journal.reader().unwrap().pool().unwrap(), Some(vec!["a".to_owned()]));
    drop(journal);
    let mut journal = Journal::open(directory.path()).unwrap();
    assert!(matches!(journal.set_up(&[], &[]), Err(JournalError::LateSetUp { .. })), "after a resume too");
    let other = tempdir().unwrap();
    let mut journal = Journal::open(&written(other.path(), 1)).unwrap();
    assert!(matches!(journal.set_up(&[], &[]), Err(JournalError::LateSetUp { .. })));
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let directory = tempdir().unwrap();
    let mut journal = Journal::open(&written(directory.path(), 5)).unwrap();
    let call = |change: &dyn Fn(&mut samara_journal::ModelCall)| {
        let mut call = generator(5, "text");
        change(&mut call);
        (sample(5), Life { calls: vec![call], ..life(5) })
    };
    let scored = |change: &dyn Fn(&mut Score)| {
        let mut score = Score::new(1.0, vec![0.5]);
        change(&mut score);
        (Candidate { score: Some(score.into()), ..sample(5) }, life(5))
    };
    let spent = |change: &dyn Fn(&mut Candidate)| {
        let mut candidate = sample(5);
        change(&mut candidate);
        (candidate, life(5))
    };
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (candidate, life) in [
            scored(&|score| score.measures.push(bad)),
            scored(&|score| score.objective = bad),
            scored(&|score| _ = score.metrics.insert("bad".into(), bad)),
            spent(&|candidate| candidate.genome = Some(Genome::Vector(vec![bad]).into())),
            spent(&|candidate| candidate.charge.money = bad),
            spent(&|candidate| candidate.model_ms = bad),
            (sample(5), Life { live_ms: bad, ..life(5) }),
            call(&|call| call.cost = bad),
            call(&|call| call.price = Some(bad)),
            call(&|call| call.latency_ms = bad),
            call(&|call| call.log_probabilities = vec![bad]),
        ] {
            let error = journal.append(&candidate, &life, &events(5)).unwrap_err();
            assert!(matches!(error, JournalError::NotFinite { .. }), "{error}");
        }
    }
    append(&mut journal, 5).unwrap();
    assert_samples(&journal.reader().unwrap(), 6);
}

#[test]
fn integers_and_sums_beyond_sqlite_are_refused() {
    let directory = tempdir().unwrap();
    let mut journal = Journal::open(&written(directory.path(), 5)).unwrap();
    let tokens = |numbers: &[u64]| {
        let calls = numbers.iter().map(|tokens_in| {
            let mut call = generator(5, "text");
            call.tokens_in = *tokens_in;
            call
        });
        (sample(5), Life { calls: calls.collect(), ..life(5) })
    };
    let large = i64::MAX as u64;
    let charge = |calls, tokens| Charge { calls, tokens, money: 0.0 };
    let too_large = [
        tokens(&[large + 1]),
        tokens(&[large, large]),
        tokens(&[large]),
        tokens(&[large - 100]),
        (Candidate { cell: Some(large + 1), ..sample(5) }, life(5)),
        (Candidate { horizon: large + 1, ..sample(5) }, life(5)),
        (Candidate { copy_of: Some(large + 1), ..sample(5) }, life(5)),
        (Candidate { charge: charge(large + 1, 0), ..sample(5) }, life(5)),
        (Candidate { charge: charge(0, large + 1), ..sample(5) }, life(5)),
    ];
    for (candidate, life) in too_large {
        let result = journal.append(&candidate, &life, &events(5));
        assert!(matches!(result, Err(JournalError::TooLarge { .. })));
    }
    append(&mut journal, 5).unwrap();
    assert_samples(&journal.reader().unwrap(), 6);
}

#[test]
fn a_text_or_an_artifact_beyond_its_limit_is_refused() {
    let directory = tempdir().unwrap();
    let mut journal = Journal::open(&written(directory.path(), 5)).unwrap();
    let genome = Genome::text_of(" ".repeat((64 << 20) + 1));
    let artifacts = vec![samara_search::Artifact {
        name: "a".into(),
        kind: samara_search::ArtifactKind::Bytes,
        body: vec![0; samara_search::artifact::MAX_TOTAL_BYTES + 1],
    }];
    for candidate in [
        Candidate { genome: Some(genome.into()), ..sample(5) },
        Candidate { score: None, artifacts: artifacts.clone(), ..sample(5) },
    ] {
        let result = journal.append(&candidate, &life(5), &events(5));
        assert!(matches!(result, Err(JournalError::TooLarge { .. })), "{result:?}");
    }
    let both = Candidate { artifacts: vec![], ..sample(5) };
    let both = Candidate { artifacts: sample(10).all_artifacts().to_vec(), ..both };
    let result = journal.append(&both, &life(5), &events(5));
    assert!(matches!(result, Err(JournalError::Contradiction { .. })), "{result:?}");
    let mut header = crate::samples::header();
    header.config = "a = 1\n".repeat(1 << 18);
    let path = directory.path().join("other.db");
    let result = Journal::create(&path, &header, &samara_journal::Contents::default());
    assert!(matches!(result, Err(JournalError::TooLarge { .. })) && !path.exists());
    append(&mut journal, 5).unwrap();
    assert_samples(&journal.reader().unwrap(), 6);
}

#[test]
fn an_event_is_recorded_at_its_moment_only() {
    let directory = tempdir().unwrap();
    let mut journal = Journal::open(&written(directory.path(), 3)).unwrap();
    let control = crate::samples::control;
    for after in [0, 2, 4, u64::MAX] {
        assert!(matches!(journal.note(&control(after)), Err(JournalError::EventOrder { expected: 3, .. })));
    }
    for after in [3, 5] {
        let result = journal.append(&sample(3), &life(3), &[control(after)]);
        assert!(matches!(result, Err(JournalError::EventOrder { expected: 4, .. })));
    }
    journal.note(&control(3)).unwrap();
    append(&mut journal, 3).unwrap();
    let recorded: Vec<Event> = [control(3)].into_iter().chain(events(3)).collect();
    assert_eq!(journal.reader().unwrap().events().unwrap(), recorded);
}

#[test]
fn a_full_disk_leaves_the_journal_as_it_was() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 5);
    let mut journal = Journal::open(&path).unwrap();
    let pages = (std::fs::metadata(&path).unwrap().len() / 4096) as u32;
    journal.limit_pages(pages + 4).unwrap();
    let full = (5..).find_map(|index| append(&mut journal, index).err().map(|error| (index, error)));
    let (settled, error) = full.unwrap();
    assert!(matches!(error, JournalError::Full { .. }), "{error:?}");
    assert!(error.to_string().starts_with("no space left to write ") && error.hint().is_some());
    assert!(matches!(append(&mut journal, settled), Err(JournalError::Full { .. })), "it stays full");
    assert_samples(&journal.reader().unwrap(), settled);
    // With space again the same journal goes on, and so does the next process.
    journal.limit_pages(u32::MAX - 1).unwrap();
    append(&mut journal, settled).unwrap();
    drop(journal);
    let mut journal = Journal::open(&path).unwrap();
    append(&mut journal, settled + 1).unwrap();
    assert_samples(&journal.reader().unwrap(), settled + 2);
}

#[test]
fn a_file_size_limit_leaves_the_journal_as_it_was() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 5);
    let program = std::env::current_exe().unwrap();
    let child = child::command(&program, "append_until_it_fails", &path);
    // Writing beyond the limit then fails with EFBIG instead of killing the process.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1200; exec \"$0\" \"$@\""]);
    limited.arg(child.get_program()).args(child.get_args());
    limited.envs(child.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut journal = Journal::open(&path).unwrap();
    let settled = journal.totals().candidates;
    assert!(settled > 5);
    append(&mut journal, settled).unwrap();
    assert_samples(&journal.reader().unwrap(), settled + 1);
}

#[cfg(unix)]
#[test]
fn a_read_only_directory_is_read_but_not_written() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    const NOBODY: u32 = 65_534;
    let directory = tempdir().unwrap();
    let set =
        |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    let run = directory.path().join("a run? 100%");
    std::fs::create_dir(&run).unwrap();
    let path = written(&run, 5);
    std::fs::remove_file(path.with_extension("lock")).unwrap();
    set(&path, 0o444);
    set(&run, 0o555);
    set(directory.path(), 0o755);
    let is_root = std::fs::write(run.join("probe"), "").is_ok();
    if is_root {
        // Permissions don't bind root: a child without its rights, from a place that others may read.
        std::fs::remove_file(run.join("probe")).unwrap();
        let program = directory.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let mut child = child::command(&program, "meet_a_read_only_directory", &path);
        let output = child.uid(NOBODY).current_dir("/").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    } else {
        check_read_only(&path);
    }
    set(&run, 0o755);
}

/// What a user meets who may only read this journal.
pub(crate) fn check_read_only(path: &Path) {
    assert_samples(&Reader::open(path).unwrap(), 5);
    let error = Journal::open(path).err().unwrap();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("can't be written") && error.hint().is_some());
    let error = create(&path.with_file_name("new.db")).err().unwrap();
    assert!(matches!(error, JournalError::ReadOnly { .. }), "{error:?}");
}

#[test]
fn a_directory_that_does_not_exist_is_named() {
    let directory = tempdir().unwrap();
    let error = create(&directory.path().join("nowhere/run.db")).err().unwrap();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_creation_that_fails_leaves_no_file() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    // A directory where SQLite needs its WAL.
    std::fs::create_dir(directory.path().join("run.db-wal")).unwrap();
    assert!(create(&path).is_err());
    assert!(!path.exists());
    std::fs::remove_dir(directory.path().join("run.db-wal")).unwrap();
    create(&path).unwrap();
}
