//! How a session ends: at limits of time that are none, at errors, at failures in a row.

use samara_engine::{Abort, Ending, EngineError};
use samara_journal::Reader;

use crate::numbers::{Numbers, TO_THE_END, number, settings};

#[tokio::test(flavor = "multi_thread")]
async fn a_wall_time_beyond_all_clocks_is_no_limit() {
    for seconds in [1e10, 1e20, f64::MAX] {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(40, 8, 1);
        settings.budget.wall_time_s = Some(seconds);
        settings.validate().unwrap();
        let ended = Numbers::below(60).go(&settings, folder.path(), TO_THE_END).await.ended.unwrap();
        assert_eq!(ended.ending, Ending::Completed, "{seconds}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_stops_the_run_before_the_same_candidate_at_any_concurrency() {
    let sound = tempfile::tempdir().unwrap();
    let numbers = Numbers::below(60);
    let all = numbers.go(&settings(150, 8, 1), sound.path(), TO_THE_END).await.candidates;
    let first = all.iter().find(|one| number(one.genome.as_ref().unwrap()) == 17).unwrap().index;
    assert!((1..140).contains(&first), "the test needs one in the middle: {first}");
    for concurrency in [1, 4, 32] {
        let (mut broken, folder) = (Numbers::below(60), tempfile::tempdir().unwrap());
        broken.verdict = |number| match number {
            17 => Err(Abort::Run(EngineError::Internal("the evaluator broke".to_owned()))),
            number => Ok((number * 7919 % 101) as f64),
        };
        let ran = broken.go(&settings(150, concurrency, 1), folder.path(), TO_THE_END).await;
        assert!(ran.ended.is_err_and(|error| error.to_string().contains("the evaluator broke")));
        assert_eq!(ran.candidates, all[..first as usize], "concurrency {concurrency}");
        let reader = Reader::open(folder.path()).unwrap();
        assert_eq!(reader.len().unwrap(), first);
        assert!(reader.sessions().unwrap()[0].reason.starts_with("stopped: internal error"));
        drop(reader);
        // Mended, it goes on as if nothing had been.
        let hash = numbers.go(&settings(150, concurrency, 1), folder.path(), TO_THE_END).await.hash();
        let whole = tempfile::tempdir().unwrap();
        assert_eq!(hash, numbers.go(&settings(150, 8, 1), whole.path(), TO_THE_END).await.hash());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_in_a_row_stop_the_run_at_the_same_candidate_at_any_concurrency() {
    for concurrency in [1, 32] {
        let (mut numbers, folder) = (Numbers::below(60), tempfile::tempdir().unwrap());
        numbers.verdict = |_| Err(Abort::failed("no luck"));
        let mut settings = settings(150, concurrency, 1);
        settings.max_failures = 7;
        let ran = numbers.go(&settings, folder.path(), TO_THE_END).await;
        assert!(matches!(ran.ended, Err(EngineError::Failures { count: 7, last }) if last == "no luck"));
        assert_eq!(ran.candidates.len(), 7);
    }
}
