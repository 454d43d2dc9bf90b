//! The QD score and the mean follow from what an archive holds, and from nothing else.

#![expect(clippy::unwrap_used, reason = "a description that the test itself wrote is valid")]

use proptest::prelude::*;
use samara_qd::{Archive, Axis, Entry, ExactSum, Grid, Rules, Soft, Status, Tessellation};

fn row(cells: usize, rules: Rules) -> Archive {
    let axis = Axis::bins("m", 0.0, 1.0, cells).unwrap();
    Archive::new(Tessellation::Grid(Grid::new(vec![axis]).unwrap()), rules).unwrap()
}

fn rules(depth: usize, soft: bool, qd_offset: f64) -> Rules {
    if soft {
        // Accepts nearly all, so that better ones are often replaced by worse.
        let soft = Some(Soft { learning_rate: 0.01, threshold_min: -1.5e308 });
        return Rules { depth: 1, soft, qd_offset };
    }
    Rules { depth, soft: None, qd_offset }
}

/// Objectives of all sizes; penalties are common.
fn objective() -> impl Strategy<Value = f64> {
    let penalties =
        vec![-1e9, -1e12, -1e15, -9_223_372_036_854_775_807.0, -3.4e38, f64::MIN, f64::MAX, 0.0, -0.0];
    let anything = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
    prop_oneof![4 => -1.0..1.0, 2 => prop::sample::select(penalties), 1 => anything]
}

fn candidates() -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop::collection::vec((objective(), 0.0..1.0), 1..60)
}

/// What the statistics say, bit for bit.
fn said(archive: &Archive) -> (u64, Option<u64>) {
    let stats = archive.stats();
    assert!(stats.qd_score.is_finite() && stats.mean.is_none_or(f64::is_finite));
    (stats.qd_score.to_bits(), stats.mean.map(f64::to_bits))
}

/// An archive of the same rules that was offered nothing but what this one holds.
fn anew(archive: &Archive) -> Archive {
    let mut other =
        Archive::new(archive.tessellation().clone(), Rules { soft: None, ..*archive.rules() }).unwrap();
    for elite in archive.iter() {
        other.add(elite.id, elite.objective, elite.measures).unwrap();
    }
    other
}

proptest! {
    #[test]
    fn the_same_archive_has_the_same_statistics_whatever_it_went_through(candidates in candidates(), depth in 1_usize..4, soft: bool, qd_offset in objective()) {
        let mut archive = row(5, rules(depth, soft, qd_offset));
        for (id, (objective, measure)) in candidates.iter().enumerate() {
            let added = archive.add(id as u64, *objective, &[*measure]).unwrap();
            prop_assert!(added.value.is_finite());
            prop_assert_eq!(said(&archive), said(&anew(&archive)));
        }
        let restored: Archive = serde_json::from_str(&serde_json::to_string(&archive).unwrap()).unwrap();
        prop_assert_eq!(said(&restored), said(&archive));
        prop_assert_eq!(restored, archive);
    }

    #[test]
    fn batches_have_the_statistics_of_what_they_leave(candidates in candidates(), size in 1_usize..20, soft: bool) {
        let mut archive = row(5, rules(1, soft, 0.0));
        let entries: Vec<Entry> = candidates.iter().enumerate()
            .map(|(id, (objective, measure))| Entry { id: id as u64, objective: *objective, measures: vec![*measure] }).collect();
        for batch in entries.chunks(size) {
            let added = archive.add_batch(batch).unwrap();
            prop_assert!(added.iter().all(|added| added.value.is_finite()));
            prop_assert!((0..5).all(|cell| archive.threshold(cell).is_none_or(f64::is_finite)));
            prop_assert_eq!(said(&archive), said(&anew(&archive)));
        }
    }

    /// Batches are small or large beside the archive by turns, and each is sorted in one of two ways.
    #[test]
    fn of_a_batch_every_cell_takes_the_first_of_its_best(candidates in candidates(), cells in 1_usize..200, size in 1_usize..30) {
        let mut archive = row(cells, Rules::default());
        let mut columns = row(cells, Rules::default());
        let entries: Vec<Entry> = candidates.iter().enumerate()
            .map(|(id, (objective, measure))| Entry { id: id as u64, objective: *objective, measures: vec![*measure] }).collect();
        for batch in entries.chunks(size) {
            let before = archive.clone();
            let added = archive.add_batch(batch).unwrap();
            for (i, (entry, added)) in batch.iter().zip(&added).enumerate() {
                let held = before.elite(added.cell);
                let accepted = held.is_none_or(|held| entry.objective > held.objective);
                prop_assert_eq!(accepted, added.status != Status::NotAdded);
                let mut rivals = batch.iter().zip(0_usize..).filter(|(rival, _)| before.tessellation().cell(&rival.measures) == added.cell);
                let beaten = rivals.any(|(rival, at)| rival.objective > entry.objective || (rival.objective == entry.objective && at < i));
                prop_assert_eq!(added.rank, (accepted && !beaten).then_some(0));
                prop_assert_eq!(added.displaced, held.filter(|_| added.rank.is_some()).map(|held| held.id));
            }
            let objectives: Vec<f64> = batch.iter().map(|entry| entry.objective).collect();
            let measures: Vec<f64> = batch.iter().map(|entry| entry.measures[0]).collect();
            prop_assert_eq!(columns.add_columns(batch[0].id, &objectives, &measures).unwrap(), added);
            prop_assert_eq!(&columns, &archive);
        }
    }

    #[test]
    fn the_score_is_the_exact_sum_above_the_offset_rounded_once(candidates in candidates(), depth in 1_usize..4, qd_offset in objective()) {
        let mut archive = row(5, rules(depth, false, qd_offset));
        for (id, (objective, measure)) in candidates.iter().enumerate() {
            archive.add(id as u64, *objective, &[*measure]).unwrap();
        }
        let best: Vec<f64> = archive.iter().filter(|elite| elite.rank == 0).map(|elite| elite.objective).collect();
        let mut score: ExactSum = best.iter().copied().collect();
        best.iter().for_each(|_| score.subtract(qd_offset));
        prop_assert_eq!(archive.stats().qd_score, score.value());
        let (lowest, highest) = best.iter().fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(*x), hi.max(*x)));
        let mean = archive.stats().mean.unwrap();
        prop_assert!(lowest <= mean && mean <= highest);
    }
}

#[test]
fn a_penalty_that_was_replaced_leaves_no_trace() {
    for depth in [1, 3] {
        for penalty in
            [0.4, -1e9, -1e12, -1e15, -9_223_372_036_854_775_807.0, -3.402_823_466_385_288_6e38, f64::MIN]
        {
            let mut archive = row(2, rules(depth, false, 0.0));
            for (id, (objective, measure)) in
                [(penalty, 0.1), (0.123_456_789, 0.9), (0.5, 0.1)].into_iter().enumerate()
            {
                archive.add(id as u64, objective, &[measure]).unwrap();
            }
            let stats = archive.stats();
            assert_eq!((stats.qd_score, stats.mean), (0.623_456_789, Some(0.311_728_394_5)), "{penalty}");
        }
        let mut archive = row(2, rules(depth, false, 0.0));
        for (id, (objective, measure)) in
            [(f64::MIN, 0.1), (f64::MIN, 0.9), (0.5, 0.1), (0.5, 0.9)].into_iter().enumerate()
        {
            archive.add(id as u64, objective, &[measure]).unwrap();
        }
        assert_eq!((archive.stats().qd_score, archive.stats().mean), (1.0, Some(0.5)));
    }
}

#[test]
fn statistics_beyond_every_number_are_the_largest_one() {
    let mut archive = row(2, Rules::default());
    archive.add(0, 1e308, &[0.1]).unwrap();
    archive.add(1, 1e308, &[0.9]).unwrap();
    assert_eq!((archive.stats().qd_score, archive.stats().mean), (f64::MAX, Some(1e308)));
    let added = archive.add(2, f64::MIN, &[0.9]).unwrap();
    assert_eq!((added.status, added.value), (Status::NotAdded, f64::MIN));
    let mut offset = row(1, Rules { qd_offset: f64::MAX, ..Rules::default() });
    offset.add(0, f64::MIN, &[0.1]).unwrap();
    assert_eq!((offset.stats().qd_score, offset.stats().mean), (f64::MIN, Some(f64::MIN)));
}

#[test]
fn the_sum_of_an_old_snapshot_may_have_drifted_anywhere() {
    let with = |sum: &str| {
        format!(
            r#"{{"tessellation":{{"grid":[{{"name":"m","range":[0.0,1.0],"bins":2}}]}},
            "rules":{{"depth":1,"soft":null,"qd_offset":0.0}},
            "cells":[{{"entries":[[2,0.5,[0.1]]]}},{{"entries":[[1,0.123456789,[0.9]]]}}],"best":[0.5,2]{sum}}}"#
        )
    };
    for sum in [r#","sum":0.623456789"#, r#","sum":0.5"#, r#","sum":-4.1e21"#, r#","sum":null"#, ""] {
        let archive: Archive = serde_json::from_str(&with(sum)).unwrap();
        assert_eq!(archive.stats().qd_score, 0.623_456_789);
    }
    assert!(serde_json::from_str::<Archive>(&with(r#","total":1.0"#)).is_err());
}
