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
    HistoryRow { genotype, phenotype, fitness: Some(fitness), num_gens_current, line: 0, problem: None }
}

fn invalid(num_gens_current: u64) -> HistoryRow {
    HistoryRow { genotype: None, phenotype: None, fitness: None, num_gens_current, line: 0, problem: None }
}

/// The rows without their lines and problems.
fn values(content: impl AsRef<[u8]>) -> Vec<HistoryRow> {
    let rows = read(content).unwrap().into_iter();
    rows.map(|row| HistoryRow { line: 0, problem: None, ..row }).collect()
}

/// The line and the problem of each row.
fn problems(content: impl AsRef<[u8]>) -> Vec<(u64, Option<String>)> {
    read(content).unwrap().into_iter().map(|row| (row.line, row.problem)).collect()
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
    assert_eq!(values(content), expected);
    let lines: Vec<u64> = problems(content).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 4, 5]);
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
        assert_eq!(values(line(phenotype, fitness)), [invalid(1)], "{phenotype} {fitness}");
    }
}

#[test]
fn an_empty_text_with_a_null_on_every_axis_is_invalid_without_a_fault() {
    for row in [
        r#"{"genotype": "", "phenotype": [null, null], "fitness": null, "num_gens_current": 0}"#,
        r#"{"genotype": "", "phenotype": [null, null], "fitness": 0.0, "num_gens_current": 0}"#,
        r#"{"phenotype": [null]}"#,
    ] {
        let file = format!("{row}\n{{\"genotype\": \"a\", \"phenotype\": [1, 2], \"fitness\": 2}}\n");
        assert_eq!(values(&file), [invalid(0), row_of_two()], "{row}");
        assert!(problems(&file).iter().all(|(_, problem)| problem.is_none()), "{row}");
    }
}

fn row_of_two() -> HistoryRow {
    row("a", &[1.0, 2.0], 2.0, 1)
}

#[test]
fn a_text_may_speak_of_nan() {
    let text =
        r#"{"genotype": "NaN \" -Infinity \\", "phenotype": [NaN], "fitness": 1, "num_gens_current": 0}"#;
    assert_eq!(values(text), [invalid(0)]);
    let text =
        r#"{"genotype": "NaN \" -Infinity \\", "phenotype": [1], "fitness": 1, "num_gens_current": 0}"#;
    assert_eq!(values(text), [row("NaN \" -Infinity \\", &[1.0], 1.0, 0)]);
}

#[test]
fn an_array_of_rows_is_read_too() {
    let content = "\n[\n {\"genotype\": \"a\", \"phenotype\": [1], \"fitness\": 2},\n {\"genotype\": [0.5, 1.5],\n \
                   \"phenotype\": [3, 4], \"fitness\": 5},\n {\"genotype\": \"n\", \"phenotype\": [NaN], \"fitness\": 1}]";
    assert_eq!(
        values(content),
        [row("a", &[1.0], 2.0, 0), row("[0.5,1.5]", &[3.0, 4.0], 5.0, 1), invalid(2)],
        "rows without a number get theirs"
    );
}

#[test]
fn a_bad_row_is_one_invalid_candidate_with_its_line() {
    let good = "{\"genotype\": \"a\", \"phenotype\": [1], \"fitness\": 2, \"num_gens_current\": 0}";
    for (bad, detail) in [
        ("{\"genotype\": ", "it is not JSON"),
        ("{\"phenotype\": [NaN, }", "it is not JSON"),
        ("7", "it is not an object"),
        ("null", "it is not an object"),
        (
            "{\"genotype\": \"b\", \"phenotype\": \"high\", \"fitness\": 1}",
            "phenotype is \"high\", not a number",
        ),
        (
            "{\"genotype\": \"b\", \"phenotype\": [[1], 2], \"fitness\": 1}",
            "phenotype[0] is [1], not a number",
        ),
        (
            "{\"genotype\": \"b\", \"phenotype\": [1, null], \"fitness\": 1}",
            "phenotype[1] is null, not a number",
        ),
        ("{\"genotype\": \"b\", \"phenotype\": [NaN], \"fitness\": 1}", "phenotype[0] is not finite"),
        ("{\"genotype\": \"b\", \"phenotype\": [1e999], \"fitness\": 1}", "number out of range"),
        ("{\"genotype\": \"b\", \"phenotype\": [1], \"fitness\": true}", "fitness is true, not a number"),
        ("{\"genotype\": \"b\", \"phenotype\": [1], \"fitness\": \"2\"}", "fitness is \"2\", not a number"),
        ("{\"genotype\": \"b\", \"phenotype\": [1]}", "it has no fitness"),
        ("{\"genotype\": \"b\", \"fitness\": 1}", "it has no phenotype"),
        ("{\"phenotype\": [1], \"fitness\": 1}", "it has no genotype"),
        ("{\"genotype\": \"\\ud800\", \"phenotype\": [1], \"fitness\": 1}", "a lone surrogate"),
        ("{\"solution\": \"b\", \"measures\": [1]}", "its keys are measures, solution"),
        ("{}", "it has no keys"),
    ] {
        let (lines, array) = (format!("{good}\n\n{bad}\n{good}\n"), format!("[\n{good},\n{bad},\n{good}\n]"));
        for content in [&lines, &array] {
            let unbalanced = ["{}", "[]"]
                .iter()
                .any(|pair| bad.matches(&pair[..1]).count() != bad.matches(&pair[1..]).count());
            if content == &array && unbalanced {
                // An object that doesn't end takes the rest of an array with it.
                continue;
            }
            let rows = read(content).unwrap();
            assert_eq!(
                (rows.len(), rows[0].problem.as_deref(), rows[2].problem.as_deref()),
                (3, None, None),
                "{bad}"
            );
            assert_eq!((rows[1].line, rows[1].num_gens_current), (3, 1), "{content}");
            assert_eq!((&rows[1].genotype, &rows[1].phenotype, rows[1].fitness), (&None, &None, None));
            let problem = rows[1].problem.as_deref().unwrap_or_default();
            assert!(problem.contains(detail), "{bad}: {problem}");
        }
    }
    let rows = read([good.as_bytes(), b"\n{\"genotype\": \"\xff\"}\n"].concat()).unwrap();
    assert_eq!(rows[1].problem.as_deref(), Some("it is not UTF-8"));
}

#[test]
fn the_number_of_a_candidate_is_whole_however_it_is_written() {
    let line = |number: &str| {
        format!(
            "{{\"genotype\": \"a\", \"phenotype\": [0.1], \"fitness\": 0.5, \"num_gens_current\": {number}}}\n"
        )
    };
    for (written, read_as) in [
        ("7", 7),
        ("7.0", 7),
        ("1e3", 1000),
        ("\"7\"", 7),
        ("18446744073709551615", u64::MAX),
        // What is no number of a candidate is no fault: the row's place says it.
        ("null", 0),
        ("-1", 0),
        ("0.5", 0),
        ("1e300", 0),
        ("NaN", 0),
        ("true", 0),
        ("[1]", 0),
    ] {
        assert_eq!(
            read(line(written)).unwrap(),
            [HistoryRow { line: 1, ..row("a", &[0.1], 0.5, read_as) }],
            "{written}"
        );
    }
}

#[test]
fn a_file_without_a_key_of_a_history_says_which_keys_are_missing() {
    for (content, line, first) in [
        (
            "\n{\"solution\": \"a\", \"measures\": [0.5], \"objective\": 0.5}\n",
            2,
            "its keys are measures, objective, solution",
        ),
        (
            "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1}\n",
            1,
            "its keys are a, b, c, d, e, f, ...;",
        ),
        ("index,fate\n0,new\n", 1, "it is not JSON"),
        ("[1, 2]", 1, "it is not an object"),
        ("[{\"genotype\": \"a\"", 1, "it is not JSON"),
    ] {
        let error = read(content).unwrap_err();
        assert!(matches!(error, JournalError::History { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("history.jsonl:{line}: ")) && text.contains(first), "{text}");
        assert!(text.contains("genotype, phenotype, fitness\nhint: "), "{text}");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let content = "{\"genotype\": \"a\", \"phenotype\": [0.5], \"fitness\": 0.5}";
    for content in [content.to_owned(), format!("[{content}]")] {
        assert_eq!(values(format!("\u{feff}{content}")), [row("a", &[0.5], 0.5, 0)]);
    }
}

#[test]
fn elements_of_an_array_are_told_apart_whatever_their_strings_hold() {
    let content = "[\n{\"genotype\": \"],}[{\\\"\\\\\", \"phenotype\": [1, 2], \"fitness\": 1}\n,\n oops ,{\"genotype\": \"b\",\n\
                   \"phenotype\": [3], \"fitness\": NaN}]\nthe end";
    let found = problems(content);
    let text = |at: usize| found[at].1.clone().unwrap_or_default();
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 4, 4, 6]);
    assert_eq!(found[0].1, None);
    assert!(
        text(1).contains("not JSON") && text(2).contains("not finite") && text(3).contains("not JSON"),
        "{found:?}"
    );
    assert_eq!(values(content)[0], row("],}[{\"\\", &[1.0, 2.0], 1.0, 0));
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
