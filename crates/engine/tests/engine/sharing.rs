//! Equal drafts share one evaluation.

use std::sync::Arc;

use samara_engine::Abort;
use samara_search::Fate;
use tokio::sync::Semaphore;

use crate::numbers::{Numbers, TO_THE_END, number, settings};

#[tokio::test(flavor = "multi_thread")]
async fn equal_drafts_share_an_evaluation_at_any_concurrency() {
    for concurrency in [1, 4, 16, 32] {
        let (numbers, folder) = (Numbers::below(12), tempfile::tempdir().unwrap());
        let ran = numbers.go(&settings(150, concurrency, 1), folder.path(), TO_THE_END).await;
        assert_eq!(ran.candidates.len(), 150);
        numbers.counted(|counts| {
            assert_eq!(counts.written, 150);
            assert!((8..=12).contains(&counts.evaluated.len()), "{:?}", counts.evaluated);
            assert!(counts.evaluated.values().all(|times| *times == 1), "{:?}", counts.evaluated);
        });
        let copies = ran.candidates.iter().filter(|candidate| candidate.copy_of.is_some()).count();
        assert_eq!(copies, 150 - numbers.counted(|counts| counts.evaluated.len()));
        assert!(ran.candidates.iter().all(|candidate| candidate.score.is_some()), "copies have scores, too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_drafts_wait_for_the_evaluation_that_has_begun() {
    // No evaluation ends before all candidates are written, so that all are in flight.
    let (mut numbers, folder) = (Numbers::below(1), tempfile::tempdir().unwrap());
    numbers.permits = Arc::new(Semaphore::new(0));
    let (permits, watched) = (Arc::clone(&numbers.permits), numbers.clone());
    let opening = tokio::spawn(async move {
        while watched.counted(|counts| counts.written) < 16 {
            tokio::task::yield_now().await;
        }
        // Enough for all of them: what shares nothing is counted, and hangs nowhere.
        permits.add_permits(16);
    });
    let ran = numbers.go(&settings(16, 16, 1), folder.path(), TO_THE_END).await;
    opening.await.unwrap();
    assert_eq!(ran.candidates.len(), 16);
    numbers.counted(|counts| assert_eq!(counts.evaluated.values().collect::<Vec<_>>(), [&1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_is_part_of_what_an_evaluation_is_shared_by() {
    let (mut numbers, folder) = (Numbers::below(12), tempfile::tempdir().unwrap());
    numbers.thresholds = true;
    numbers.go(&settings(150, 16, 1), folder.path(), TO_THE_END).await.hash();
    numbers.counted(|counts| {
        assert!(counts.evaluated.values().all(|times| *times == 1), "{:?}", counts.evaluated);
        let of = |number: u64| counts.evaluated.keys().filter(|key| key.0 == number).count();
        assert!((0..12).any(|number| of(number) > 1), "{:?}", counts.evaluated);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_score_is_shared_as_well() {
    let (mut numbers, folder) = (Numbers::below(12), tempfile::tempdir().unwrap());
    numbers.verdict = |number| match number % 3 {
        0 => Err(Abort::invalid("it is a multiple of 3")),
        1 => Err(Abort::failed("it is one more")),
        _ => Ok(1.0),
    };
    let mut settings = settings(150, 16, 1);
    settings.max_failures = 151;
    let ran = numbers.go(&settings, folder.path(), TO_THE_END).await;
    assert_eq!(ran.candidates.len(), 150);
    for candidate in &ran.candidates {
        let why = |text: &str| text.to_owned();
        match number(candidate.genome.as_ref().unwrap()) % 3 {
            0 => assert_eq!(candidate.fate, Fate::Invalid { why: why("it is a multiple of 3") }),
            1 => assert_eq!(candidate.fate, Fate::Failed { why: why("it is one more") }),
            _ => assert!(candidate.score.is_some()),
        }
    }
    numbers.counted(|counts| assert!(counts.evaluated.values().all(|times| *times == 1)));
}
