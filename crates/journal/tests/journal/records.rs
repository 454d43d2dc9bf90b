//! What is recorded comes back, is stored once and can be read with other tools.

use crate::samples::{
    any_call, any_candidate, any_life, append, assert_samples, control, create, exactly, generator, header,
    life, sample, written,
};
use proptest::prelude::*;
use rusqlite::Connection;
use samara_journal::{Contents, Input, Journal, JournalError, Life, ModelCall, Reader};
use samara_search::{Candidate, Fate, Genome};
use std::process::Command;
use tempfile::tempdir;

fn folded(reader: &Reader) -> Vec<Candidate> {
    let mut all = Vec::new();
    reader
        .fold(&mut |candidate| {
            all.push(candidate);
            Ok::<(), JournalError>(())
        })
        .unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_record_comes_back_exactly(
        mut records in proptest::collection::vec((any_candidate(), any_life()), 1..6),
        pool in proptest::collection::vec(any::<String>(), 0..4),
        calls in proptest::collection::vec(any_call(), 0..3),
        inputs in proptest::collection::vec((any::<String>(), any::<Vec<u8>>()), 0..4),
    ) {
        let directory = tempdir().unwrap();
        let path = directory.path().join("run.db");
        let inputs: Vec<Input> = inputs.into_iter().map(|(key, bytes)| Input::new(key.clone(), format!("/{key}"), bytes)).collect();
        let contents = Contents { inputs: inputs.clone(), tessellations: vec![] };
        let mut journal = Journal::create(&path, &header(), &contents).unwrap();
        journal.set_up(&pool, &calls).unwrap();
        for (index, (candidate, life)) in (0..).zip(&mut records) {
            candidate.index = index;
            journal.append(candidate, life, &[control(index + 1)]).unwrap();
        }
        let totals = *journal.totals();
        drop(journal);
        let reader = Reader::open(directory.path()).unwrap();
        prop_assert_eq!(reader.header(), &header());
        prop_assert_eq!(reader.inputs().unwrap(), inputs);
        prop_assert_eq!(reader.pool().unwrap(), Some(pool));
        prop_assert_eq!(exactly(&reader.set_up_calls().unwrap()), exactly(&calls));
        prop_assert_eq!(reader.totals().unwrap(), totals);
        prop_assert_eq!(reader.events().unwrap(), (1..=records.len() as u64).map(control).collect::<Vec<_>>());
        let settled = folded(&reader);
        prop_assert_eq!(settled.len(), records.len());
        for ((candidate, life), settled) in records.iter().zip(&settled) {
            let back = reader.candidate(candidate.index).unwrap().unwrap();
            prop_assert_eq!(exactly(&back), exactly(&(candidate, life)));
            prop_assert_eq!(exactly(&reader.genome(candidate.index).unwrap()), exactly(&candidate.genome));
            prop_assert_eq!(exactly(settled), exactly(candidate));
        }
    }
}

#[test]
fn a_text_of_ten_megabytes_comes_back() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = create(&path).unwrap();
    let text: String = (0..1_300_000).map(|i| format!("{i:07} ")).collect();
    let mut candidate = sample(0);
    candidate.genome = Some(Genome::text_of(text.as_str()).into());
    journal.append(&candidate, &life(0), &[]).unwrap();
    assert_eq!(journal.reader().unwrap().candidate(0).unwrap().unwrap(), (candidate, life(0)));
    drop(journal);
    assert!(std::fs::metadata(&path).unwrap().len() < text.len() as u64 / 2, "it is compressed");
}

#[test]
fn a_text_is_stored_once_wherever_it_occurs() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = Journal::create(&path, &header(), &Contents::default()).unwrap();
    let text = "the same long text again, ".repeat(100);
    journal.set_up(std::slice::from_ref(&text), &[generator(0, &text)]).unwrap();
    for index in 0..10 {
        let mut candidate = sample(index);
        let examples = vec![text.as_str().into(); 3];
        candidate.genome = Some(Genome::FewShot { examples, text: text.as_str().into() }.into());
        candidate.fate = Fate::Failed { why: text.clone() };
        candidate.score = None;
        candidate.artifacts = vec![samara_search::Artifact::text("stdout", &text)];
        let mut call = generator(0, &text);
        call.prompt.clone_from(&text);
        call.error = Some(text.clone());
        journal.append(&candidate, &Life { calls: vec![call], ..Life::default() }, &[]).unwrap();
    }
    let count =
        |sql: &str| -> u32 { Connection::open(&path).unwrap().query_row(sql, [], |r| r.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM texts"), 2, "the text, and the prompt of the set-up's call");
    assert_eq!(count("SELECT count(*) FROM texts WHERE codec = 1 AND length(body) < size / 4"), 2);
}

#[test]
fn a_resumed_run_goes_on_where_it_was() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 7);
    let mut journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.totals().candidates, 7);
    (7..12).for_each(|index| append(&mut journal, index).unwrap());
    drop(journal);
    assert_samples(&Reader::open(&path).unwrap(), 12);
}

#[test]
fn calls_that_took_no_attempt_were_found_unless_they_failed() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    let found = ModelCall { attempts: 0, ..generator(0, "a pool") };
    let failed = ModelCall { attempts: 0, error: Some("not recorded".into()), ..generator(1, "a pool") };
    journal.set_up(&["a pool".into()], &[generator(2, "a pool"), found, failed]).unwrap();
    assert_eq!(journal.reader().unwrap().cached_calls().unwrap(), 1);
}

#[test]
fn the_methods_of_a_run_are_listed_once_each_and_calls_without_one_do_not_count() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    journal.set_up(&["a pool".into()], &[generator(0, "a pool")]).unwrap();
    assert!(journal.reader().unwrap().methods().unwrap().is_empty());
    (0..10).for_each(|index| append(&mut journal, index).unwrap());
    assert_eq!(journal.reader().unwrap().methods().unwrap(), ["log_probabilities"]);
}

#[test]
fn totals_are_the_sums_over_all_calls_and_fates() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("run.db");
    let mut journal = create(&path).unwrap();
    journal.set_up(&["a pool".into()], &[generator(0, "a pool")]).unwrap();
    (0..10).for_each(|index| append(&mut journal, index).unwrap());
    let totals = journal.reader().unwrap().totals().unwrap();
    assert_eq!(totals, *journal.totals());
    assert_eq!((totals.candidates, totals.calls), (10, 21));
    assert_eq!((totals.tokens_in, totals.tokens_out), (200 + 10 * 300 + 45, 11 * 50));
    assert_eq!(totals.cost, 11.0 * 0.25);
    let fates = totals.fates;
    assert_eq!([fates.new, fates.improved, fates.not_better, fates.invalid, fates.failed], [2, 2, 3, 2, 1]);
}

#[test]
fn each_session_leaves_a_note_of_its_end() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 1);
    for (reason, index) in [("interrupted", 1), ("all steps are done", 2)] {
        let mut journal = Journal::open(&path).unwrap();
        append(&mut journal, index).unwrap();
        journal.finish(reason).unwrap();
    }
    let sessions = Reader::open(&path).unwrap().sessions().unwrap();
    let ends: Vec<_> = sessions.iter().map(|end| (end.reason.as_str(), end.candidates)).collect();
    assert_eq!(ends, [("interrupted", 2), ("all steps are done", 3)]);
    assert!(sessions.iter().all(|end| end.ended.ends_with('Z') && end.ended.contains('T')), "{sessions:?}");
}

#[test]
fn a_run_that_was_not_set_up_has_no_pool() {
    let directory = tempdir().unwrap();
    let mut journal = create(&directory.path().join("run.db")).unwrap();
    assert_eq!(journal.reader().unwrap().pool().unwrap(), None);
    journal.set_up(&[], &[]).unwrap();
    assert_eq!(journal.reader().unwrap().pool().unwrap(), Some(vec![]));
}

#[test]
fn what_is_not_settled_is_not_there() {
    let directory = tempdir().unwrap();
    let reader = Reader::open(&written(directory.path(), 4)).unwrap();
    assert_eq!(reader.candidate(4).unwrap(), None);
    assert_eq!(reader.candidate(u64::MAX).unwrap(), None);
    assert_eq!(reader.genome(3).unwrap(), None, "an invalid one has no genome");
}

#[test]
fn the_views_show_what_was_recorded() {
    let directory = tempdir().unwrap();
    let connection = Connection::open(written(directory.path(), 10)).unwrap();
    let row = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        row(
            "SELECT json_array(candidate, fate, why, objective, parents, text) FROM candidates_view WHERE candidate = 4"
        ),
        r#"[4,"failed","timeout, \"4\"\nkilled",null,"[2,3]","loop {}"]"#
    );
    assert_eq!(row("SELECT text FROM candidates_view WHERE candidate = 1"), "[0.3333333333333333,-0.0]");
    assert_eq!(
        row("SELECT json_array(role, kind, answer, log_probabilities, seed) FROM calls_view WHERE call = 2"),
        r#"["judge","score","[\"yes\",\"no\"]","[-0.1,-2.5]","0"]"#
    );
    let calls = "SELECT count(*) FROM calls_view c JOIN candidates_view v ON v.candidate = c.candidate";
    assert_eq!(connection.query_row(calls, [], |row| row.get::<_, u32>(0)).unwrap(), 20);
}

#[test]
fn python_reads_every_text() {
    const SCRIPT: &str = "
import sqlite3, sys, zlib
for codec, body in sqlite3.connect(sys.argv[1]).execute(
        'SELECT prompt_codec, prompt FROM calls_view WHERE role = \"generator\" ORDER BY call'):
    text = zlib.decompress(body).decode() if codec == 1 else body
    sys.stdout.buffer.write(text.encode() + b'\\x00')
";
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 6);
    let output = match Command::new("python3").arg("-c").arg(SCRIPT).arg(&path).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: python3 can't be run: {error}");
            return;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: String = (0..6).map(|index| life(index).calls[0].prompt.clone() + "\0").collect();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}

#[test]
fn calls_are_summed_up_by_role_and_model_and_are_those_of_the_totals() {
    let directory = tempdir().unwrap();
    let path = written(directory.path(), 21);
    let asked = Reader::open(&path).unwrap().asked().unwrap();
    let told: Vec<_> = asked.iter().map(|sum| (&*sum.role, sum.kind.name(), &*sum.model)).collect();
    assert_eq!(told, [("generator", "complete", "seedling"), ("judge", "score", "seedling")]);
    let (generated, judged) = (&asked[0], &asked[1]);
    assert_eq!((generated.calls, generated.tokens_in, generated.tokens_out), (21, 21 * 200 + 210, 21 * 50));
    assert_eq!((generated.cost, generated.retries, generated.failed), (21.0 * 0.25, 0, 0));
    assert!(generated.median_ms.is_some_and(|ms| (ms / 400.0 - 1.0).abs() < 0.05));
    assert_eq!((judged.calls, judged.retries, judged.failed, judged.cached), (21, 42, 3, 0));
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE calls SET tokens_in = tokens_in + 1 WHERE id = 5", []).unwrap();
    let error = Reader::open(&path).unwrap().asked().unwrap_err();
    assert!(error.to_string().contains("its calls are not those of its totals"), "{error}");
}

#[test]
fn a_long_run_comes_in_its_order_whoever_read_its_parts_and_ends_before_the_first_that_is_damaged() {
    let directory = tempdir().unwrap();
    let count = 2100;
    let path = written(directory.path(), count);
    assert_samples(&Reader::open(&path).unwrap(), count);
    let damage = "UPDATE candidates SET operator = 'another' WHERE id IN (900, 905, 1700)";
    Connection::open(&path).unwrap().execute(damage, []).unwrap();
    let mut next = 0;
    let ended = Reader::open(&path).unwrap().fold(&mut |candidate| {
        assert_eq!(candidate.index, next);
        next += 1;
        Ok::<(), JournalError>(())
    });
    let message = ended.unwrap_err().to_string();
    assert!(next == 900 && message.contains("candidate 900"), "{next}: {message}");
}
