//! OpenELM's histories, with what Python and time have done to them.

use samara_journal::history::{self, HistoryRow};
use samara_journal::{JournalError, Reader};
use tempfile::tempdir;

fn read(content: impl AsRef<[u8]>) -> Result<Vec<HistoryRow>, JournalError> {
    let directory = tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    std::fs::write(&path, content).unwrap();
    history::read(&path)?.collect()
}

fn row(genotype: &str, phenotype: &[f64], fitness: f64, num_gens_current: u64) -> HistoryRow {
    let (genotype, phenotype) = (Some(genotype.to_owned()), Some(phenotype.to_owned()));
    HistoryRow { genotype, phenotype, fitness: Some(fitness), num_gens_current }
}

fn invalid(num_gens_current: u64) -> HistoryRow {
    HistoryRow { genotype: None, phenotype: None, fitness: None, num_gens_current }
}

#[test]
fn lines_are_read_and_blank_ones_skipped() {
    let content = concat!(
        "{\"genotype\": \"a \\u00e9 text\", \"phenotype\": [0.5, 1], \"fitness\": 0.25, \"num_gens_current\": 3}\r\n",
        "\n   \n",
        "{\"genotype\": null, \"phenotype\": null, \"fitness\": null, \"num_gens_current\": 4}\n",
        "{\"genotype\": \"last\", \"phenotype\": 0.75, \"fitness\": -1, \"num_gens_current\": 5}",
    );
    let expected =
        vec![row("a \u{e9} text", &[0.5, 1.0], 0.25, 3), invalid(4), row("last", &[0.75], -1.0, 5)];
    assert_eq!(read(content).unwrap(), expected);
}

#[test]
fn rows_with_pythons_non_finite_numbers_are_invalid() {
    let line = |phenotype: &str, fitness: &str| {
        format!(
            "{{\"genotype\": \"x\", \"phenotype\": {phenotype}, \"fitness\": {fitness}, \"num_gens_current\": 1}}\n"
        )
    };
    for (phenotype, fitness) in [
        ("[NaN, 0.5]", "1.0"),
        ("[0.5]", "-Infinity"),
        ("NaN", "1"),
        ("[0.5]", "Infinity"),
        ("[Infinity]", "NaN"),
    ] {
        assert_eq!(read(line(phenotype, fitness)).unwrap(), [invalid(1)], "{phenotype} {fitness}");
    }
}

#[test]
fn a_text_may_speak_of_nan() {
    let text =
        r#"{"genotype": "NaN \" -Infinity \\", "phenotype": [NaN], "fitness": 1, "num_gens_current": 0}"#;
    assert_eq!(read(text).unwrap(), [invalid(0)]);
    let text =
        r#"{"genotype": "NaN \" -Infinity \\", "phenotype": [1], "fitness": 1, "num_gens_current": 0}"#;
    assert_eq!(read(text).unwrap(), [row("NaN \" -Infinity \\", &[1.0], 1.0, 0)]);
}

#[test]
fn an_array_of_rows_is_read_too() {
    let content = "\n[\n {\"genotype\": \"a\", \"phenotype\": [1], \"fitness\": 2},\n {\"genotype\": [0.5, 1.5],\n \
                   \"phenotype\": [3, 4], \"fitness\": 5},\n {\"genotype\": \"n\", \"phenotype\": [NaN], \"fitness\": 1}]";
    assert_eq!(
        read(content).unwrap(),
        [row("a", &[1.0], 2.0, 0), row("[0.5,1.5]", &[3.0, 4.0], 5.0, 1), invalid(2)],
        "rows without a number get theirs"
    );
}

#[test]
fn errors_name_file_and_line() {
    let good = "{\"genotype\": \"a\", \"phenotype\": [1], \"fitness\": 2, \"num_gens_current\": 0}\n\n";
    for (bad, detail) in [
        ("{\"genotype\": ", "it is not JSON"),
        ("{\"phenotype\": [NaN, }", "it is not JSON"),
        ("7", "it is not an object"),
        ("{\"phenotype\": \"high\"}", "neither a number nor a list"),
        ("{\"phenotype\": [[1], 2]}", "neither a number nor a list"),
        ("{\"fitness\": true}", "true is not a number"),
        ("{\"num_gens_current\": -1}", "expected u64"),
    ] {
        let error = read(format!("{good}{bad}\n{good}")).unwrap_err();
        assert!(matches!(error, JournalError::History { line: 3, .. }), "{bad}: {error:?}");
        let text = error.to_string();
        assert!(text.contains("history.jsonl:3: ") && text.contains(detail), "{text}");
    }
    let error = read(b"{\"genotype\": \"\xff\"}".as_slice()).unwrap_err();
    assert!(error.to_string().contains("history.jsonl:1: it is not UTF-8"), "{error}");
    let error = read("[\n{\"genotype\": 1},\n oops]").unwrap_err();
    assert!(error.to_string().contains("history.jsonl:3: it is not JSON"), "{error}");
}

#[test]
fn reading_ends_after_an_error() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("history.jsonl");
    std::fs::write(&path, "7\n{}\n").unwrap();
    let rows: Vec<_> = history::read(&path).unwrap().collect();
    assert_eq!(rows.len(), 1);
}

#[test]
fn an_empty_history_has_no_rows_and_a_missing_one_is_named() {
    assert_eq!(read("").unwrap(), []);
    let directory = tempdir().unwrap();
    let error = history::read(&directory.path().join("nothing.jsonl")).err().unwrap();
    assert!(matches!(error, JournalError::Missing { .. }) && error.to_string().contains("nothing.jsonl"));
    std::fs::write(directory.path().join("history.jsonl"), "{}\n").unwrap();
    assert!(matches!(
        Reader::open(&directory.path().join("history.jsonl")),
        Err(JournalError::NotSqlite { .. })
    ));
}
