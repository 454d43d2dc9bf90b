//! Exports against the files in tests/data; `UPDATE_GOLDEN=1 cargo test` writes them anew.

use crate::samples::{any_candidate, any_life, create, generator, header, judge, life, sample, written};
use proptest::prelude::*;
use samara_journal::{Contents, Header, Journal, JournalError, Life, Reader, export, history, same_file};
use samara_search::commanding::commands;
use samara_search::{AxisSettings, Candidate, Fate, Genome, Score};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use tempfile::tempdir;

fn golden(name: &str, found: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(String::from_utf8_lossy(found), expected, "{name}");
}

fn axis(name: &str) -> AxisSettings {
    AxisSettings::even(name, [0.0, 1.0], 1)
}

/// A run with one of everything that exports treat differently.
fn small_run(directory: &Path) -> Reader {
    let path = directory.join("run.db");
    let mut journal = create(&path).unwrap();
    journal.set_up(&["a pool".into()], &[]).unwrap();
    let text = "A \"spy\", a politician;\nthe end \u{e9}\u{1f331}\t\u{1}\\ /";
    let mut all: Vec<Candidate> = (0..6).map(sample).collect();
    all[0].genome = Some(Genome::text_of(text).into());
    let score = Score::new(-0.0, vec![1e300, -5e-324]);
    all[1].score = Some(Score { metrics: [("=1+1".to_owned(), 0.5)].into(), ..score }.into());
    all[2].genome =
        Some(Genome::FewShot { examples: vec!["one".into(), "two".into()], text: "three".into() }.into());
    all[2].fate = Fate::Improved;
    for candidate in &all {
        let mut lived = Life { calls: vec![], ..life(candidate.index) };
        if candidate.index == 0 {
            lived.calls = vec![generator(0, "short"), judge(0, "short")];
            lived.calls[0].prompt = "Write:".into();
        }
        journal.append(candidate, &lived, &[]).unwrap();
    }
    journal.reader().unwrap()
}

#[test]
fn a_run_as_openelm_history() {
    let directory = tempdir().unwrap();
    let mut out = Vec::new();
    export::openelm(&small_run(directory.path()), None, &mut out).unwrap();
    golden("history.jsonl", &out);
}

#[test]
fn an_empty_text_has_a_null_on_every_axis_and_is_read_back_as_invalid() {
    let directory = tempdir().unwrap();
    let axis = |name: &str| format!("[[axes]]\nname = \"{name}\"\nrange = [0.0, 1.0]\nbins = 2\n");
    let header = Header { config: axis("x") + &axis("y"), ..header() };
    let mut journal =
        Journal::create(&directory.path().join("run.db"), &header, &Contents::default()).unwrap();
    journal.set_up(&[], &[]).unwrap();
    let mut empty = sample(3);
    empty.index = 0;
    empty.genome = Some(Genome::text_of(" \n").into());
    journal.append(&empty, &Life { calls: vec![], ..life(0) }, &[]).unwrap();
    let mut out = Vec::new();
    export::openelm(&journal.reader().unwrap(), None, &mut out).unwrap();
    let line = String::from_utf8(out.clone()).unwrap();
    assert_eq!(
        line,
        "{\"genotype\": \" \\n\", \"phenotype\": [null, null], \"fitness\": null, \"num_gens_current\": 0}\n"
    );
    let path = directory.path().join("history.jsonl");
    std::fs::write(&path, out).unwrap();
    let rows: Vec<_> = history::read(&path).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(rows.len() == 1 && rows[0].genotype.is_none() && rows[0].problem.is_none(), "{rows:?}");
}

#[test]
fn a_run_as_csv() {
    let directory = tempdir().unwrap();
    let reader = small_run(directory.path());
    let (mut plain, mut named) = (Vec::new(), Vec::new());
    export::csv(&reader, &[], None, &mut plain).unwrap();
    golden("run.csv", &plain);
    export::csv(&reader, &["genre, ending", "tone", "length"].map(axis), None, &mut named).unwrap();
    let header = String::from_utf8(named).unwrap();
    assert!(header.starts_with("index,fate,why,objective,\"genre, ending\",tone,length,cell,"), "{header}");
}

#[test]
fn a_csv_names_categories_and_leaves_what_is_none_a_number() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    let mut candidate = sample(0);
    candidate.score = Some(Score::new(1.0, vec![1.0, 1.0, 7.5]).into());
    journal.append(&candidate, &life(0), &[]).unwrap();
    let axes = [
        AxisSettings::named("genre", ["ode", "=hymn"]),
        axis("x"),
        AxisSettings::named("tone", ["dark", "happy"]),
    ];
    let mut table = Vec::new();
    export::csv(&journal.reader().unwrap(), &axes, None, &mut table).unwrap();
    let mut rows = csv::Reader::from_reader(&*table);
    let row = rows.records().next().unwrap().unwrap();
    assert_eq!([&row[4], &row[5], &row[6]], ["'=hymn", "1.0", "7.5"]);
}

#[test]
fn a_run_as_jsonl() {
    let directory = tempdir().unwrap();
    let mut out = Vec::new();
    export::jsonl(&small_run(directory.path()), None, &mut out).unwrap();
    golden("run.jsonl", &out);
}

#[test]
fn an_empty_run_exports_nothing_but_a_header() {
    let directory = tempdir().unwrap();
    let reader = Reader::open(&written(directory.path(), 0)).unwrap();
    let (mut lines, mut table) = (Vec::new(), Vec::new());
    export::openelm(&reader, None, &mut lines).unwrap();
    export::jsonl(&reader, None, &mut lines).unwrap();
    export::csv(&reader, &[axis("a")], None, &mut table).unwrap();
    assert_eq!(lines, b"");
    let header = "index,fate,why,objective,a,cell,rank,parents,text,calls,tokens,cost,ms,price,model_ms,island,operator,\
                  model,stage,horizon,copy_of,isolation\r\n";
    assert_eq!(String::from_utf8(table).unwrap(), header);
}

#[test]
fn a_destination_that_fails_is_an_error() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let directory = tempdir().unwrap();
    let reader = Reader::open(&written(directory.path(), 3)).unwrap();
    for result in [
        export::openelm(&reader, None, &mut Broken),
        export::csv(&reader, &[], None, &mut Broken),
        export::jsonl(&reader, None, &mut Broken),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, JournalError::Export { .. }), "{error:?}");
    }
    assert_eq!(reader.len().unwrap(), 3, "the reader can be used again");
}

#[test]
fn an_export_of_some_candidates_holds_no_others() {
    let directory = tempdir().unwrap();
    let reader = small_run(directory.path());
    let only = BTreeSet::from([1, 5, 17]);
    let (mut history, mut table, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    export::openelm(&reader, Some(&only), &mut history).unwrap();
    export::csv(&reader, &[], Some(&only), &mut table).unwrap();
    export::jsonl(&reader, Some(&only), &mut whole).unwrap();
    let lines = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (history, table, whole) = (lines(&history), lines(&table), lines(&whole));
    assert_eq!((history.len(), whole.len()), (2, 2));
    assert!(
        history[0].ends_with("\"num_gens_current\": 1}") && history[1].ends_with("\"num_gens_current\": 5}")
    );
    assert!(
        table[1].starts_with("1,improved,") && table.iter().any(|line| line.starts_with("5,not_better,"))
    );
    assert!(!table.iter().any(|line| line.starts_with("0,") || line.starts_with("2,")));
    assert!(whole[0].starts_with("{\"index\":1,") && whole[1].starts_with("{\"index\":5,"));
}

#[test]
fn no_character_of_an_export_controls_a_terminal() {
    let directory = tempdir().unwrap();
    let escape = "=\u{1b}]0;title\u{7}\u{9b}5n\u{7f}\u{202e}\u{2066}\u{61c}";
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    let mut candidate = Candidate { genome: Some(Genome::text_of(escape).into()), ..sample(0) };
    candidate.operator = escape.into();
    candidate.fate = Fate::Failed { why: escape.into() };
    let lived = Life { model: Some(escape.into()), worker: Some(escape.into()), ..life(0) };
    journal.append(&candidate, &lived, &[]).unwrap();
    let reader = journal.reader().unwrap();
    let mut out = Vec::new();
    export::csv(&reader, &[axis(escape)], None, &mut out).unwrap();
    export::jsonl(&reader, None, &mut out).unwrap();
    export::openelm(&reader, None, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let control = text.chars().find(|c| commands(*c) && !matches!(c, '\r' | '\n'));
    assert_eq!(control, None, "{text}");
    assert!(!text.contains(",=") && text.contains(",\'=\\u001b]0;title"), "{text}");
}

#[test]
fn an_output_that_would_be_the_run_itself_is_known_by_any_name() {
    let directory = tempdir().unwrap();
    let run = directory.path().join("run");
    std::fs::create_dir(&run).unwrap();
    let path = written(&run, 1);
    std::fs::hard_link(&path, directory.path().join("hard.csv")).unwrap();
    std::os::unix::fs::symlink(&path, directory.path().join("soft.csv")).unwrap();
    std::fs::write(directory.path().join("other.csv"), "").unwrap();
    for (name, is_run) in [
        ("run/run.db", true),
        ("run/../run/run.db", true),
        ("hard.csv", true),
        ("soft.csv", true),
        ("run/run.lock", true),
        ("run/run.db-wal", true),
        ("run/run.db-shm", true),
        ("other.csv", false),
        ("run/run.csv", false),
        ("new.csv", false),
        ("nowhere/run.db-wal", false),
    ] {
        let found =
            [same_file(&directory.path().join(name), &run), same_file(&directory.path().join(name), &path)];
        assert_eq!(found, [is_run; 2], "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn exports_read_back_give_the_run(mut records in proptest::collection::vec((any_candidate(), any_life()), 1..5)) {
        let directory = tempdir().unwrap();
        let mut journal = create(&directory.path().join("run.db")).unwrap();
        for (index, (candidate, life)) in (0..).zip(&mut records) {
            candidate.index = index;
            journal.append(candidate, life, &[]).unwrap();
        }
        let (reader, path) = (journal.reader().unwrap(), directory.path().join("history.jsonl"));
        export::openelm(&reader, None, &mut std::fs::File::create(&path).unwrap()).unwrap();
        let mut lines = Vec::new();
        export::jsonl(&reader, None, &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let rows: Vec<_> = history::read(&path).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!((rows.len(), lines.lines().count()), (records.len(), records.len()));
        for (((candidate, life), line), row) in records.iter().zip(lines.lines()).zip(rows) {
            let (back, lived): (Candidate, Life) =
                (serde_json::from_str(line).unwrap(), serde_json::from_str(line).unwrap());
            prop_assert_eq!(format!("{back:?} {lived:?}"), format!("{candidate:?} {life:?}"));
            let text = candidate.genome.as_ref().map(|genome| genome.text().into_owned());
            // A history's row has all of it or nothing.
            let whole = candidate.fate.why().is_none() && candidate.score.is_some();
            prop_assert_eq!(row.genotype, text.filter(|_| whole));
            prop_assert_eq!(row.phenotype.as_deref(), candidate.measures().filter(|_| whole));
            prop_assert_eq!(row.fitness, candidate.objective().filter(|_| whole));
            prop_assert_eq!(row.num_gens_current, candidate.index);
        }
    }
}
