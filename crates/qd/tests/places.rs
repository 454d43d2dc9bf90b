//! The laws of archives without cells (Dominated Novelty Search), as properties.

#![expect(clippy::unwrap_used, reason = "a description that the test itself wrote is valid")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use samara_qd::{Archive, Entry, Places, Rules, Soft, Status, Stream, Tessellation};

fn archive(places: usize, neighbours: usize) -> Archive {
    let places = Places::new(places, neighbours, vec![1.0, 2.0]).unwrap();
    Archive::new(Tessellation::Places(places), Rules::default()).unwrap()
}

/// Candidates with few different objectives and measures, so that ties and copies are common.
fn candidates() -> impl Strategy<Value = Vec<Entry>> {
    let measure = || prop_oneof![(-3..3_i32).prop_map(f64::from), -3.0..3.0_f64];
    let candidate = (0..8_i32, measure(), measure());
    prop::collection::vec(candidate, 0..60).prop_map(|all| {
        let entry = |(i, (objective, x, y)): (usize, (i32, f64, f64))| Entry {
            id: i as u64,
            objective: f64::from(objective),
            measures: vec![x, y],
        };
        all.into_iter().enumerate().map(entry).collect()
    })
}

fn fill(mut archive: Archive, candidates: &[Entry]) -> Archive {
    for entry in candidates {
        archive.add(entry.id, entry.objective, &entry.measures).unwrap();
    }
    archive
}

/// The paper's fitness, word by word: the mean distance to the k nearest that are fitter.
fn dominated_novelty(one: &Entry, all: &[Entry], neighbours: usize) -> f64 {
    let is_fitter = |other: &&Entry| {
        other.objective > one.objective || (other.objective == one.objective && other.id < one.id)
    };
    let distance = |other: &Entry| {
        let (x, y) = (other.measures[0] - one.measures[0], (other.measures[1] - one.measures[1]) / 2.0);
        (x * x + y * y).sqrt()
    };
    let mut distances: Vec<f64> = all.iter().filter(is_fitter).map(distance).collect();
    distances.sort_by(f64::total_cmp);
    distances.truncate(neighbours);
    if distances.is_empty() { f64::INFINITY } else { distances.iter().sum::<f64>() / distances.len() as f64 }
}

/// Who stays of these: the best by dominated novelty, then objective, then the lower id.
fn survivors(mut all: Vec<Entry>, places: usize, neighbours: usize) -> Vec<Entry> {
    let mut keyed: Vec<(f64, Entry)> =
        all.iter().map(|one| (dominated_novelty(one, &all, neighbours), one.clone())).collect();
    keyed.sort_by(|(a, x), (b, y)| {
        b.total_cmp(a).then(y.objective.total_cmp(&x.objective)).then(x.id.cmp(&y.id))
    });
    keyed.truncate(places);
    all = keyed.into_iter().map(|(_, one)| one).collect();
    all.sort_by_key(|one| one.id);
    all
}

fn held(archive: &Archive) -> Vec<Entry> {
    let entry = |elite: samara_qd::Elite<'_>| Entry {
        id: elite.id,
        objective: elite.objective,
        measures: elite.measures.to_vec(),
    };
    let mut all: Vec<Entry> = archive.iter().map(entry).collect();
    all.sort_by_key(|one| one.id);
    all
}

proptest! {
    #[test]
    fn one_by_one_the_least_of_all_leaves_each_time(candidates in candidates(), places in 1_usize..20, neighbours in 1_usize..5) {
        let (mut archive, mut expected) = (archive(places, neighbours), Vec::new());
        for entry in candidates {
            let added = archive.add(entry.id, entry.objective, &entry.measures).unwrap();
            expected.push(entry.clone());
            let novelty = dominated_novelty(&entry, &expected, neighbours);
            prop_assert_eq!(added.value, novelty.min(f64::MAX));
            let before = expected.clone();
            expected = survivors(expected, places, neighbours);
            prop_assert_eq!(held(&archive), expected.clone());
            let left = before.iter().find(|one| !expected.contains(one)).map(|one| one.id);
            prop_assert_eq!(added.status == Status::NotAdded, left == Some(entry.id));
            prop_assert_eq!(added.displaced, left.filter(|id| *id != entry.id));
            prop_assert_eq!(added.status == Status::New, left.is_none());
        }
        for elite in archive.iter() {
            let one = Entry { id: elite.id, objective: elite.objective, measures: elite.measures.to_vec() };
            prop_assert_eq!(archive.dominated_novelty(elite.cell), Some(dominated_novelty(&one, &expected, neighbours)));
        }
    }

    #[test]
    fn a_batch_is_a_generation_in_which_the_best_of_all_have_the_places(candidates in candidates(), batch in 1_usize..12, places in 1_usize..20, neighbours in 1_usize..5, seed: u64) {
        let (mut one, mut other) = (archive(places, neighbours), archive(places, neighbours));
        let mut expected = Vec::new();
        for generation in candidates.chunks(batch) {
            let added = one.add_batch(generation).unwrap();
            expected.extend_from_slice(generation);
            expected = survivors(expected, places, neighbours);
            prop_assert_eq!(held(&one), expected.clone());
            for (entry, added) in generation.iter().zip(added) {
                prop_assert_eq!(added.status == Status::NotAdded, !expected.contains(entry));
                prop_assert_eq!(added.rank.is_some(), one.elite(added.cell).unwrap().id == entry.id);
            }
            // The order within a generation does not matter.
            let order = Stream::new(seed, 0).distinct(generation.len(), generation.len());
            other.add_batch(&order.into_iter().map(|i| generation[i].clone()).collect::<Vec<_>>()).unwrap();
            let genome = |id: u64| id.to_le_bytes().to_vec();
            prop_assert_eq!(one.digest(&mut { genome }), other.digest(&mut { genome }));
        }
    }

    #[test]
    fn the_best_is_never_lost_and_statistics_are_a_recount(candidates in candidates(), places in 1_usize..20) {
        let archive = fill(archive(places, 3), &candidates);
        let (stats, all) = (archive.stats(), held(&archive));
        let best = candidates.iter().map(|one| one.objective).reduce(f64::max);
        prop_assert_eq!(stats.best, best);
        prop_assert_eq!(all.iter().map(|one| one.objective).reduce(f64::max), best);
        prop_assert_eq!(stats.cells_filled, candidates.len().min(places));
        prop_assert_eq!(stats.cells_total, places);
        prop_assert_eq!(stats.qd_score, all.iter().map(|one| one.objective).sum::<f64>());
    }

    #[test]
    fn an_archive_that_is_read_again_goes_on_as_the_one_that_was_written(candidates in candidates(), more in candidates(), places in 1_usize..20, neighbours in 1_usize..5) {
        let mut archive = fill(archive(places, neighbours), &candidates);
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
    fn measures_need_no_bounds_and_only_their_units_count(candidates in candidates(), places in 1_usize..20, power in -40..40_i32) {
        let scaled: Vec<Entry> = candidates
            .iter()
            .map(|one| {
                let measures = one.measures.iter().map(|x| x * 2_f64.powi(power)).collect();
                Entry { measures, ..one.clone() }
            })
            .collect();
        let units = vec![2_f64.powi(power), 2_f64.powi(power + 1)];
        let cells = Tessellation::Places(Places::new(places, 3, units).unwrap());
        let scaled = fill(Archive::new(cells, Rules::default()).unwrap(), &scaled);
        let ids = |archive: &Archive| archive.iter().map(|elite| elite.id).collect::<Vec<_>>();
        prop_assert_eq!(ids(&fill(archive(places, 3), &candidates)), ids(&scaled));
    }

    #[test]
    fn every_elite_is_drawn_near_some_other_and_the_cell_of_its_measures_holds_as_near_a_one(candidates in candidates(), places in 1_usize..20, seed: u64) {
        let archive = fill(archive(places, 3), &candidates);
        let mut drawn: BTreeMap<u64, usize> = BTreeMap::new();
        let count = archive.occupied().len();
        if let Some(near) = archive.select_near(&mut Stream::new(seed, 0), count) {
            near.iter().for_each(|elite| *drawn.entry(elite.id).or_default() += 1);
        }
        prop_assert_eq!(drawn.len(), count);
        prop_assert!(drawn.values().all(|times| *times == 1));
        for elite in archive.iter() {
            let cell = archive.cell_of(elite.measures).unwrap();
            prop_assert_eq!(archive.elite(cell).unwrap().measures, elite.measures);
        }
    }
}

#[test]
fn an_example_worked_out_by_hand() {
    // One measure, two neighbours, three places.
    let places = Places::new(3, 2, vec![1.0]).unwrap();
    let mut archive = Archive::new(Tessellation::Places(places), Rules::default()).unwrap();
    assert_eq!(archive.cell_of(&[0.0]), None);
    for (id, objective, x) in [(0, 5.0, 0.0), (1, 4.0, 1.0), (2, 3.0, 6.0)] {
        assert_eq!(archive.add(id, objective, &[x]).unwrap().status, Status::New);
    }
    let novelties: Vec<_> = (0..3).map(|place| archive.dominated_novelty(place).unwrap()).collect();
    // 1 from the best; 6 and 5 from the two that are fitter.
    assert_eq!(novelties, [f64::INFINITY, 1.0, 5.5]);
    // Worse than all and near the best: 0.25 and 0.75 away.
    let added = archive.add(3, 1.0, &[0.25]).unwrap();
    assert_eq!((added.status, added.value, added.cell), (Status::NotAdded, 0.5, 0));
    // Worse than all and far from all: the one that is 1 from the best leaves.
    let added = archive.add(4, 1.0, &[-10.0]).unwrap();
    assert_eq!((added.status, added.value, added.displaced), (Status::Improved, 10.5, Some(1)));
    // The next nearest of the newcomer is now the one at 6.
    assert_eq!(archive.dominated_novelty(1), Some(13.0));
    assert_eq!(archive.cell_of(&[-7.0]), Some(1));
}

#[test]
fn what_can_be_no_archive_is_refused() {
    for (places, neighbours, units) in [
        (0, 3, vec![1.0]),
        ((1 << 16) + 1, 3, vec![1.0]),
        (5, 0, vec![1.0]),
        (5, 1001, vec![1.0]),
        (5, 3, Vec::new()),
        (5, 3, vec![0.0]),
        (5, 3, vec![f64::NAN]),
        (5, 3, vec![f64::INFINITY]),
    ] {
        assert!(Places::new(places, neighbours, units.clone()).is_err(), "{places} {neighbours} {units:?}");
    }
    let cells = || Tessellation::Places(Places::new(5, 3, vec![1.0]).unwrap());
    let soft = Some(Soft { learning_rate: 0.5, threshold_min: 0.0 });
    assert!(Archive::new(cells(), Rules { depth: 2, ..Rules::default() }).is_err());
    assert!(Archive::new(cells(), Rules { soft, ..Rules::default() }).is_err());
    let text = "{\"places\": {\"places\": 5, \"neighbours\": 3, \"units\": [-1.0]}}";
    assert!(serde_json::from_str::<Tessellation>(text).is_err());
}
