//! A run folded into its archives, by whoever reads it.

use std::path::Path;
use std::sync::Arc;

use samara_journal::{
    Cells, Contents, Event, EventKind, Header, Journal, JournalError, Life, Reader, RunView,
};
use samara_qd::Tessellation;
use samara_search::{
    AxisSettings, Candidate, Charge, Fate, FoldError, Genome, IslandSettings, Replay, Score, SearchSettings,
};
use tempfile::tempdir;

fn settings() -> SearchSettings {
    let islands = IslandSettings { count: 3, migration_interval: 10, migrants: 2 };
    SearchSettings { islands, init_steps: 5, total_steps: 60, ..SearchSettings::default() }
}

fn axes() -> Vec<AxisSettings> {
    vec![AxisSettings::even("x", [0.0, 1.0], 4), AxisSettings::even("y", [0.0, 1.0], 5)]
}

fn config() -> String {
    let mut table = toml::Table::new();
    table.insert("search".into(), toml::Value::try_from(settings()).unwrap());
    table.insert("axes".into(), toml::Value::try_from(axes()).unwrap());
    table.to_string()
}

/// A run of islands whose candidates are numbers; the archives as they were when it was written.
fn written(path: &Path, cells: Vec<Cells>) -> String {
    let tessellation = settings().tessellation(&axes()).unwrap();
    let mut replay = Replay::new(&settings(), tessellation).unwrap();
    let header = Header { config: config(), ..crate::samples::header() };
    let mut journal =
        Journal::create(path, &header, &Contents { inputs: vec![], tessellations: cells }).unwrap();
    for index in 0..60 {
        let at = |multiple: u64| ((index * multiple) % 101) as f64 / 101.0;
        let mut candidate = Candidate {
            index,
            island: (index % 3) as u32,
            horizon: index.saturating_sub(32),
            operator: "vary".into(),
            parents: vec![],
            generator: None,
            genome: Some(Arc::new(Genome::Vector(vec![at(7)]))),
            score: Some(Arc::new(Score::new(at(53), vec![at(7), at(31)]))),
            fate: Fate::NotBetter,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: vec![],
            charge: Charge::default(),
            model_ms: 0.0,
        };
        let (placement, migration) = replay.settle(&candidate);
        candidate.fate = placement.fate;
        candidate.cell = placement.cell.map(|cell| cell as u64);
        candidate.rank = placement.rank.map(|rank| rank as u32);
        let event = |migration| Event { after: index + 1, kind: EventKind::Migration(migration) };
        let events: Vec<Event> = migration.map(event).into_iter().collect();
        assert_eq!(events.len(), usize::from((index + 1) % 10 == 0));
        journal.append(&candidate, &Life::default(), &events).unwrap();
    }
    journal.finish("completed").unwrap();
    replay.population().archive_hash()
}

fn cells(tessellation: &Tessellation, from_index: u64) -> Vec<Cells> {
    (0..3).map(|island| Cells { island, from_index, tessellation: tessellation.clone() }).collect()
}

fn grid() -> Tessellation {
    settings().tessellation(&axes()).unwrap()
}

#[test]
fn a_run_of_islands_is_folded_with_its_migrations() {
    let directory = tempdir().unwrap();
    let hash = written(&directory.path().join("run.db"), cells(&grid(), 0));
    let view = RunView::open(directory.path()).unwrap();
    assert_eq!(view.replay.population().archive_hash(), hash);
    assert_eq!((&view.settings, &view.axes, &view.tessellation), (&settings(), &axes(), &grid()));
    assert_eq!((view.totals.candidates, view.replay.settled(), view.sessions.len()), (60, 60, 1));
    assert_eq!(*view.replay.fates(), view.totals.fates);
    assert!(view.verifiable && view.controls.is_empty());
}

#[test]
fn controls_are_handed_over_in_their_order() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    written(&path, cells(&grid(), 0));
    let mut journal = Journal::open(&path).unwrap();
    journal.note(&crate::samples::control(60)).unwrap();
    journal.note(&crate::samples::control(60)).unwrap();
    drop(journal);
    let view = RunView::open(&path).unwrap();
    assert_eq!(view.controls, [crate::samples::control(60), crate::samples::control(60)]);
}

#[test]
fn a_migration_that_folding_does_not_give_is_an_error() {
    for (fate, after) in [(Fate::Improved, 10), (Fate::NotBetter, 30)] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("run.db");
        let mut journal = Journal::create(
            &path,
            &Header { config: config(), ..crate::samples::header() },
            &Contents { inputs: vec![], tessellations: cells(&grid(), 0) },
        )
        .unwrap();
        let whole = tempdir().unwrap();
        written(&whole.path().join("run.db"), cells(&grid(), 0));
        let reader = Reader::open(whole.path()).unwrap();
        let mut events = reader.events().unwrap();
        for event in events.iter_mut().filter(|event| event.after == after) {
            let EventKind::Migration(migration) = &mut event.kind else { continue };
            let moved = migration.moves.iter_mut().find(|moved| moved.fate != fate).unwrap();
            moved.fate = fate.clone();
        }
        for index in 0..60 {
            let (candidate, life) = reader.candidate(index).unwrap().unwrap();
            let due: Vec<Event> = events.iter().filter(|event| event.after == index + 1).cloned().collect();
            journal.append(&candidate, &life, &due).unwrap();
        }
        let error = RunView::open(&path).err().unwrap();
        let JournalError::Fold { source, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*source, FoldError::Migration { after });
    }
}

#[test]
fn cells_that_are_missing_or_change_are_an_error_and_not_another_archive() {
    let mut changing = cells(&grid(), 0);
    changing.extend(cells(&grid(), 30));
    let other = SearchSettings::default().tessellation(&[AxisSettings::even("x", [0.0, 1.0], 20)]).unwrap();
    let mut different = cells(&grid(), 0);
    different[2].tessellation = other;
    for (stored, what) in
        [(vec![], "it has no cells"), (changing, "change in mid-run"), (different, "different cells")]
    {
        let directory = tempdir().unwrap();
        written(&directory.path().join("run.db"), stored);
        let error = RunView::open(directory.path()).err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[test]
fn a_run_of_no_candidates_is_an_empty_archive() {
    let directory = tempdir().unwrap();
    let contents = Contents { inputs: vec![], tessellations: cells(&grid(), 0) };
    let header = Header { config: config(), ..crate::samples::header() };
    Journal::create(&directory.path().join("run.db"), &header, &contents).unwrap();
    let view = RunView::open(directory.path()).unwrap();
    assert_eq!(view.replay.population().overall().archive().stats().cells_filled, 0);
}

#[test]
fn whoever_follows_a_fold_sees_every_candidate_with_the_archives_behind_it() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let hash = written(&path, cells(&grid(), 0));
    let (mut next, mut last) = (0, String::new());
    let view = RunView::following(&Reader::open(&path).unwrap(), &mut |step| {
        assert_eq!((step.candidate.index, step.replay.settled(), step.model), (next, next + 1, None));
        next += 1;
        last = step.replay.population().archive_hash();
    });
    assert_eq!((next, last), (60, hash));
    assert_eq!(view.unwrap().replay.settled(), 60);
}

#[test]
fn a_view_that_goes_on_with_a_run_comes_to_what_the_whole_run_gives() {
    let whole = tempdir().unwrap();
    written(&whole.path().join("run.db"), cells(&grid(), 0));
    let source = Reader::open(whole.path()).unwrap();
    let events = source.events().unwrap();
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let header = Header { config: config(), ..crate::samples::header() };
    let contents = Contents { inputs: vec![], tessellations: cells(&grid(), 0) };
    let mut journal = Journal::create(&path, &header, &contents).unwrap();
    let mut view = RunView::open(&path).unwrap();
    let mut seen = Vec::new();
    let mut sums = samara_journal::AskedSums::default();
    for index in 0..60 {
        let (mut candidate, mut life) = source.candidate(index).unwrap().unwrap();
        if index % 9 == 4 {
            (candidate.score, candidate.cell, candidate.rank) = (None, None, None);
            candidate.fate = Fate::Failed { why: format!("reason {}", index % 2) };
        }
        // Candidates that have failed change what follows, so the archives are folded anew.
        let mut replay = RunView::open(&path).unwrap().replay;
        let (placement, migration) = replay.settle(&candidate);
        candidate.fate = placement.fate;
        candidate.cell = placement.cell.map(|cell| cell as u64);
        candidate.rank = placement.rank.map(|rank| rank as u32);
        life.calls = crate::samples::life(index).calls;
        let due =
            migration.map(|migration| Event { after: index + 1, kind: EventKind::Migration(migration) });
        journal.append(&candidate, &life, &due.into_iter().collect::<Vec<_>>()).unwrap();
        if index % 7 == 3 || index % 10 == 9 {
            let reader = Reader::open(&path).unwrap();
            assert!(view.go_on(&reader, &mut |step| seen.push(step.candidate.index)).unwrap());
            reader.asked_since(&mut sums).unwrap();
            assert_eq!(sums.told(), reader.asked().unwrap());
            let anew = RunView::of(&reader).unwrap();
            assert_eq!(view.replay.population().archive_hash(), anew.replay.population().archive_hash());
            assert_eq!((view.totals, &view.reasons), (anew.totals, &anew.reasons));
        }
    }
    assert_eq!((seen, events.len()), ((0..60).collect(), 6));
    journal.note(&crate::samples::control(60)).unwrap();
    journal.finish("completed").unwrap();
    let reader = Reader::open(&path).unwrap();
    assert!(view.go_on(&reader, &mut |_| panic!("nothing is new")).unwrap());
    assert_eq!((view.sessions.len(), view.controls.len()), (1, 1));
}

#[test]
fn a_view_does_not_go_on_with_another_run_or_a_shorter_one() {
    let (one, other) = (tempdir().unwrap(), tempdir().unwrap());
    written(&one.path().join("run.db"), cells(&grid(), 0));
    let header = Header { config: config(), ..crate::samples::header() };
    let contents = |tessellations| Contents { inputs: vec![], tessellations };
    let begun = other.path().join("begun.db");
    drop(Journal::create(&begun, &header, &contents(cells(&grid(), 0))).unwrap());
    let mut view = RunView::open(one.path()).unwrap();
    assert!(!view.go_on(&Reader::open(&begun).unwrap(), &mut |_| ()).unwrap(), "it is shorter");
    let another = other.path().join("another.db");
    let header = Header { seed: 1, ..header };
    drop(Journal::create(&another, &header, &contents(cells(&grid(), 0))).unwrap());
    let mut view = RunView::open(&begun).unwrap();
    assert!(!view.go_on(&Reader::open(&another).unwrap(), &mut |_| ()).unwrap(), "it is another run");
}
