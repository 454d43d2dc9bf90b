//! `search.duplicates`: what becomes of a draft that an earlier candidate was already, as of its horizon.

use samara_search::{Candidate, Duplicates, Fate};

use crate::numbers::{Numbers, Ran, TO_THE_END, number, settings};

async fn run(numbers: &Numbers, duplicates: Duplicates, concurrency: usize) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let settings = samara_search::SearchSettings { duplicates, ..settings(150, concurrency, 1) };
    numbers.go(&settings, folder.path(), TO_THE_END).await
}

/// The first candidate below the horizon of this one that is the same.
fn known_before(candidate: &Candidate, all: &[Candidate]) -> Option<u64> {
    let of = |candidate: &Candidate| number(candidate.genome.as_ref().unwrap());
    all.iter()
        .take(candidate.horizon as usize)
        .find(|other| of(other) == of(candidate))
        .map(|other| other.index)
}

/// Candidates that were caught; checks that these are the very ones that were known at their horizons.
fn caught(candidates: &[Candidate]) -> usize {
    let mut caught = 0;
    for candidate in candidates {
        let expected = known_before(candidate, candidates);
        if let Some(first) = expected {
            let why = format!("it equals candidate {first} (search.duplicates)");
            assert_eq!(candidate.fate, Fate::Invalid { why }, "candidate {}", candidate.index);
            caught += 1;
        } else {
            assert!(candidate.score.is_some(), "candidate {}: {:?}", candidate.index, candidate.fate);
        }
    }
    caught
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_duplicate_is_invalid_and_names_the_first_of_its_kind() {
    let numbers = Numbers::below(60);
    let ran = run(&numbers, Duplicates::Refuse, 16).await;
    assert!(caught(&ran.candidates) > 20);
    numbers.counted(|counts| {
        assert_eq!(counts.written, 150, "each is written once");
        assert!(counts.evaluated.values().all(|times| *times == 1));
    });
    assert_eq!(ran.hash(), run(&numbers, Duplicates::Refuse, 1).await.hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_written_anew_up_to_three_times() {
    let (refusing, rewriting) = (Numbers::below(60), Numbers::below(60));
    let refused = caught(&run(&refusing, Duplicates::Refuse, 16).await.candidates);
    let ran = run(&rewriting, Duplicates::Rewrite, 16).await;
    let left = caught(&ran.candidates);
    assert!(left < refused, "{left} of {refused}");
    let written = rewriting.counted(|counts| counts.written);
    // Those that stayed duplicates were written four times, some others more than once.
    assert!(written > 150 + 3 * left && written <= 4 * 150, "{written} drafts, {left} caught");
    assert_eq!(ran.hash(), run(&rewriting, Duplicates::Rewrite, 1).await.hash());
    let hopeless = Numbers::below(1);
    let ran = run(&hopeless, Duplicates::Rewrite, 1).await;
    let left = caught(&ran.candidates);
    assert_eq!(left, 150 - 32, "those of the first window know of nobody");
    assert_eq!(hopeless.counted(|counts| counts.written), 150 + 3 * left);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_a_duplicate_is_a_candidate_like_any_other() {
    let ran = run(&Numbers::below(60), Duplicates::Evaluate, 16).await;
    assert!(ran.candidates.iter().all(|candidate| candidate.score.is_some()));
    assert!(ran.candidates.iter().any(|candidate| candidate.copy_of.is_some()));
}
