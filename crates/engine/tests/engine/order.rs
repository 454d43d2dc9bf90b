//! The same archive at any concurrency, and after any interrupt.

use crate::numbers::{Numbers, TO_THE_END, settings};

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_is_equal_for_any_concurrency_with_one_island_and_with_four() {
    let mut archives = Vec::new();
    for islands in [1, 4] {
        let mut hashes = Vec::new();
        for concurrency in [1, 4, 16, 32] {
            let folder = tempfile::tempdir().unwrap();
            let settings = settings(200, concurrency, islands);
            hashes.push(Numbers::below(60).go(&settings, folder.path(), TO_THE_END).await.hash());
        }
        hashes.dedup();
        assert_eq!(hashes.len(), 1, "{islands} islands");
        archives.append(&mut hashes);
    }
    assert_ne!(archives[0], archives[1], "four islands are another search");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_interrupted_at_drawn_counts_ends_in_the_same_archive() {
    for islands in [1, 4] {
        let numbers = Numbers::below(60);
        let whole = tempfile::tempdir().unwrap();
        let expected = numbers.go(&settings(240, 8, islands), whole.path(), TO_THE_END).await.hash();
        let stopped = tempfile::tempdir().unwrap();
        let mut before = 0;
        // Some of them inside the window of the first candidates, some about a migration.
        for (more, concurrency) in [(1, 1), (4, 32), (3, 4), (1, 1), (2, 16), (30, 32), (20, 1)] {
            let settings = settings(240, concurrency, islands);
            let ran = numbers.go(&settings, stopped.path(), before + more).await;
            let settled = ran.candidates.last().map_or(before, |last| last.index + 1);
            assert!(before + more <= settled && settled < 240, "{settled} after {before} + {more}");
            assert_eq!(ran.candidates[0].index, before, "none is lost");
            before = settled;
            ran.hash();
        }
        let ran = numbers.go(&settings(240, 8, islands), stopped.path(), TO_THE_END).await;
        assert_eq!(ran.hash(), expected, "{islands} islands");
    }
}
