//! The laws of archives for whoever is novel (novelty search, and with local competition), as properties.

#![expect(clippy::unwrap_used, reason = "a description that the test itself wrote is valid")]

use proptest::prelude::*;
use samara_qd::{Archive, Entry, Novelty, Places, Rules, Status, Stream, Tessellation};

/// What an archive is made of.
#[derive(Debug, Clone, Copy)]
struct Kind {
    places: usize,
    neighbours: usize,
    rule: Novelty,
}

impl Kind {
    fn archive(self) -> Archive {
        let places = Places::new(self.places, self.neighbours, vec![1.0, 2.0]).unwrap();
        let places = places.for_the_novel(self.rule).unwrap();
        Archive::new(Tessellation::Places(places), Rules::default()).unwrap()
    }
}

fn kinds() -> impl Strategy<Value = Kind> {
    let thresholds = prop_oneof![Just(0.0), Just(1.0), 0.0..3.0_f64];
    (1_usize..20, 1_usize..5, thresholds, any::<bool>()).prop_map(
        |(places, neighbours, threshold, competes)| Kind {
            places,
            neighbours,
            rule: Novelty { threshold, competes },
        },
    )
}

/// Candidates with few different objectives and measures, so that ties and copies are common.
fn candidates() -> impl Strategy<Value = Vec<Entry>> {
    let measure = || prop_oneof![(-3..3_i32).prop_map(f64::from), -3.0..3.0_f64];
    prop::collection::vec((0..8_i32, measure(), measure()), 0..60).prop_map(|all| {
        let entry = |(i, (objective, x, y)): (usize, (i32, f64, f64))| Entry {
            id: i as u64,
            objective: f64::from(objective),
            measures: vec![x, y],
        };
        all.into_iter().enumerate().map(entry).collect()
    })
}

fn distance(a: &Entry, b: &Entry) -> f64 {
    let (x, y) = (a.measures[0] - b.measures[0], (a.measures[1] - b.measures[1]) / 2.0);
    (x * x + y * y).sqrt()
}

/// The rule, word by word, on elites that lie in the order of their places.
fn judged(kind: Kind, held: &[Entry], taken: usize, one: &Entry) -> (Status, f64, usize) {
    let mut near: Vec<(f64, usize)> =
        held.iter().enumerate().map(|(place, other)| (distance(other, one), place)).collect();
    near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    near.truncate(kind.neighbours);
    let novelty = match near.len() {
        0 => f64::INFINITY,
        count => near.iter().map(|(distance, _)| distance).sum::<f64>() / count as f64,
    };
    let Novelty { threshold, competes } = kind.rule;
    if novelty >= threshold && taken < kind.places {
        return (Status::New, if competes { one.objective } else { novelty.min(f64::MAX) }, taken);
    }
    let Some((_, nearest)) = near.first() else {
        return (Status::NotAdded, if competes { one.objective } else { f64::MAX }, kind.places - 1);
    };
    if !competes {
        return (Status::NotAdded, novelty, *nearest);
    }
    let gap = one.objective - held[*nearest].objective;
    (if gap > 0.0 { Status::Improved } else { Status::NotAdded }, gap, *nearest)
}

fn held(archive: &Archive) -> Vec<Entry> {
    let entry = |elite: samara_qd::Elite<'_>| Entry {
        id: elite.id,
        objective: elite.objective,
        measures: elite.measures.to_vec(),
    };
    archive.iter().map(entry).collect()
}

fn fill(kind: Kind, candidates: &[Entry]) -> Archive {
    let mut archive = kind.archive();
    for entry in candidates {
        archive.add(entry.id, entry.objective, &entry.measures).unwrap();
    }
    archive
}

proptest! {
    #[test]
    fn who_is_novel_gets_a_place_and_others_compete_with_the_nearest(kind in kinds(), candidates in candidates()) {
        let (mut archive, mut expected) = (kind.archive(), Vec::<Entry>::new());
        for entry in candidates {
            let (status, value, place) = judged(kind, &expected, expected.len(), &entry);
            let added = archive.add(entry.id, entry.objective, &entry.measures).unwrap();
            prop_assert_eq!((added.status, added.value, added.cell), (status, value, place));
            prop_assert_eq!(added.rank, (status != Status::NotAdded).then_some(0));
            let displaced = (status == Status::Improved).then(|| expected[place].id);
            prop_assert_eq!(added.displaced, displaced);
            match status {
                Status::New => expected.push(entry),
                Status::Improved => expected[place] = entry,
                Status::NotAdded => {}
            }
            prop_assert_eq!(held(&archive), expected.clone());
        }
        let stats = archive.stats();
        prop_assert_eq!(stats.cells_filled, expected.len());
        prop_assert_eq!(stats.qd_score, expected.iter().map(|one| one.objective).sum::<f64>());
    }

    #[test]
    fn a_batch_is_judged_against_the_archive_before_it(kind in kinds(), candidates in candidates(), batch in 1_usize..12) {
        let (mut archive, mut expected) = (kind.archive(), Vec::<Entry>::new());
        for batch in candidates.chunks(batch) {
            let (before, mut taken) = (expected.clone(), expected.len());
            let mut told = Vec::new();
            for entry in batch {
                let (status, value, place) = judged(kind, &before, taken, entry);
                taken += usize::from(status == Status::New);
                match status {
                    Status::New => expected.push(entry.clone()),
                    Status::Improved if entry.objective > expected[place].objective => expected[place] = entry.clone(),
                    Status::Improved | Status::NotAdded => {}
                }
                told.push((status, value, place));
            }
            let added = archive.add_batch(batch).unwrap();
            let answers: Vec<_> = added.iter().map(|added| (added.status, added.value, added.cell)).collect();
            prop_assert_eq!(answers, told);
            prop_assert_eq!(held(&archive), expected.clone());
            for (entry, added) in batch.iter().zip(&added) {
                prop_assert_eq!(added.rank.is_some(), expected.contains(entry) && added.status != Status::NotAdded);
            }
        }
    }

    #[test]
    fn with_local_competition_the_best_is_never_lost(kind in kinds(), candidates in candidates()) {
        prop_assume!(kind.rule.competes);
        let archive = fill(kind, &candidates);
        let best = candidates.iter().map(|one| one.objective).reduce(f64::max);
        prop_assert_eq!(archive.stats().best, best);
        prop_assert_eq!(held(&archive).iter().map(|one| one.objective).reduce(f64::max), best);
    }

    #[test]
    fn an_archive_that_is_read_again_goes_on_as_the_one_that_was_written(kind in kinds(), candidates in candidates(), more in candidates()) {
        let mut archive = fill(kind, &candidates);
        let text = serde_json::to_string(&archive).unwrap();
        let mut again: Archive = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&again, &archive);
        for entry in more {
            let added = archive.add(entry.id + 1000, entry.objective, &entry.measures).unwrap();
            prop_assert_eq!(again.add(entry.id + 1000, entry.objective, &entry.measures).unwrap(), added);
        }
        prop_assert_eq!(again, archive);
    }

    #[test]
    fn of_two_that_are_drawn_the_one_that_dominates_is_varied(kind in kinds(), candidates in candidates(), seed: u64) {
        let archive = fill(kind, &candidates);
        let Some(chosen) = archive.select(&mut Stream::new(seed, 0)) else {
            prop_assert!(candidates.is_empty());
            return Ok(());
        };
        let mut stream = Stream::new(seed, 0);
        let all = held(&archive);
        let first = stream.index(all.len());
        if !kind.rule.competes {
            prop_assert_eq!(chosen.cell, first);
            return Ok(());
        }
        let second = stream.index(all.len());
        // How novel, and how many of the nearest are worse, among the others.
        let worth = |place: usize| {
            let mut near: Vec<(f64, usize)> = (0..all.len())
                .filter(|other| *other != place)
                .map(|other| (distance(&all[other], &all[place]), other))
                .collect();
            near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.truncate(kind.neighbours);
            let mean = near.iter().map(|(distance, _)| distance).sum::<f64>() / near.len() as f64;
            let novelty = if near.is_empty() { f64::INFINITY } else { mean };
            (novelty, near.iter().filter(|(_, other)| all[*other].objective < all[place].objective).count())
        };
        let ((novel, beaten), (other_novel, other_beaten)) = (worth(first), worth(second));
        let dominates = other_novel >= novel && other_beaten >= beaten && (other_novel, other_beaten) != (novel, beaten);
        prop_assert_eq!(chosen.cell, if dominates { second } else { first });
    }
}

#[test]
fn what_can_be_no_such_archive_is_refused() {
    let places = || Places::new(5, 3, vec![1.0]).unwrap();
    for threshold in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(places().for_the_novel(Novelty { threshold, competes: true }).is_err(), "{threshold}");
    }
    let cells =
        || Tessellation::Places(places().for_the_novel(Novelty { threshold: 1.0, competes: true }).unwrap());
    assert!(Archive::new(cells(), Rules { depth: 2, ..Rules::default() }).is_err());
    let mut archive = Archive::new(cells(), Rules::default()).unwrap();
    assert!(archive.add(0, f64::NAN, &[1.0]).is_err() && archive.add(0, 1.0, &[f64::INFINITY]).is_err());
    assert!(archive.occupied().is_empty());
    // More elites than places are no snapshot.
    for id in 0..5 {
        archive.add(id, 1.0, &[10.0 * id as f64]).unwrap();
    }
    let text = serde_json::to_string(&archive).unwrap();
    assert!(text.contains("\"places\":5"));
    assert!(serde_json::from_str::<Archive>(&text.replace("\"places\":5", "\"places\":4")).is_err());
    let old = "{\"places\": {\"places\": 5, \"neighbours\": 3, \"units\": [1.0]}}";
    assert_eq!(serde_json::from_str::<Tessellation>(old).unwrap(), Tessellation::Places(places()));
}
