//! Exports against the files in tests/data; `UPDATE_GOLDEN=1 cargo test` writes them anew.

use crate::samples::{any_candidate, generator, header, judge, sample, written};
use proptest::prelude::*;
use samara_journal::{Candidate, Fate, Genome, Journal, JournalError, Reader, export, history};
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

/// A run with one of everything that exports treat differently.
fn small_run(directory: &Path) -> Reader {
    let path = directory.join("run.db");
    let mut journal = Journal::create(&path, &header()).unwrap();
    journal.set_up(&["a pool".into()], &[]).unwrap();
    let text = "A \"spy\", a politician;\nthe end \u{e9}\u{1f331}\t\u{1}\\ /";
    let mut first = Candidate { genome: Some(Genome::Text(text.into())), ..sample(0) };
    first.calls = vec![generator(0, "short"), judge(0, "short")];
    first.calls[0].prompt = "Write:".into();
    let mut all = vec![first];
    all.extend((1..5).map(|index| Candidate { calls: vec![], ..sample(index) }));
    all[1].measures = Some(vec![1e300, -5e-324]);
    all[1].objective = Some(-0.0);
    all[2].genome =
        Some(Genome::FewShot { examples: vec!["one".into(), "two".into()], text: "three".into() });
    all[2].fate = Fate::Improved;
    all.iter().for_each(|candidate| journal.append(candidate).unwrap());
    journal.reader().unwrap()
}

#[test]
fn a_run_as_openelm_history() {
    let directory = tempdir().unwrap();
    let mut out = Vec::new();
    export::openelm(&small_run(directory.path()), &mut out).unwrap();
    golden("history.jsonl", &out);
}

#[test]
fn a_run_as_csv() {
    let directory = tempdir().unwrap();
    let reader = small_run(directory.path());
    let (mut plain, mut named) = (Vec::new(), Vec::new());
    export::csv(&reader, &[], &mut plain).unwrap();
    golden("run.csv", &plain);
    export::csv(&reader, &["genre, ending".into(), "tone".into(), "length".into()], &mut named).unwrap();
    let header = String::from_utf8(named).unwrap();
    assert!(header.starts_with("index,fate,why,objective,\"genre, ending\",tone,length,cell,"), "{header}");
}

#[test]
fn a_run_as_jsonl() {
    let directory = tempdir().unwrap();
    let mut out = Vec::new();
    export::jsonl(&small_run(directory.path()), &mut out).unwrap();
    golden("run.jsonl", &out);
}

#[test]
fn an_empty_run_exports_nothing_but_a_header() {
    let directory = tempdir().unwrap();
    let reader = Reader::open(&written(directory.path(), 0)).unwrap();
    let (mut lines, mut table) = (Vec::new(), Vec::new());
    export::openelm(&reader, &mut lines).unwrap();
    export::jsonl(&reader, &mut lines).unwrap();
    export::csv(&reader, &["a".into()], &mut table).unwrap();
    assert_eq!(lines, b"");
    assert_eq!(table, b"index,fate,why,objective,a,cell,rank,parents,text,calls,tokens,cost,ms\r\n");
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
        export::openelm(&reader, &mut Broken),
        export::csv(&reader, &[], &mut Broken),
        export::jsonl(&reader, &mut Broken),
    ] {
        let error = result.unwrap_err();
        assert!(matches!(error, JournalError::Export { .. }), "{error:?}");
    }
    assert_eq!(reader.len().unwrap(), 3, "the reader can be used again");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn exports_read_back_give_the_run(mut candidates in proptest::collection::vec(any_candidate(), 1..5)) {
        let directory = tempdir().unwrap();
        let mut journal = Journal::create(&directory.path().join("run.db"), &header()).unwrap();
        for (index, candidate) in (0..).zip(&mut candidates) {
            candidate.index = index;
            journal.append(candidate).unwrap();
        }
        let (reader, path) = (journal.reader().unwrap(), directory.path().join("history.jsonl"));
        export::openelm(&reader, &mut std::fs::File::create(&path).unwrap()).unwrap();
        let mut lines = Vec::new();
        export::jsonl(&reader, &mut lines).unwrap();
        let lines = String::from_utf8(lines).unwrap();
        let rows: Vec<_> = history::read(&path).unwrap().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!((rows.len(), lines.lines().count()), (candidates.len(), candidates.len()));
        for ((candidate, line), row) in candidates.iter().zip(lines.lines()).zip(rows) {
            let back: Candidate = serde_json::from_str(line).unwrap();
            prop_assert_eq!(format!("{back:?}"), format!("{candidate:?}"));
            let valid = candidate.fate.why().is_none();
            let text = candidate.genome.as_ref().map(|genome| genome.text().into_owned());
            prop_assert_eq!(row.genotype, text.filter(|_| valid));
            prop_assert_eq!(row.phenotype, candidate.measures.clone().filter(|_| valid));
            prop_assert_eq!(row.fitness, candidate.objective.filter(|_| valid));
            prop_assert_eq!(row.num_gens_current, candidate.index);
        }
    }
}
