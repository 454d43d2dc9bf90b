//! The laws of archives, as properties.

#![expect(clippy::unwrap_used, reason = "a description that the test itself wrote is valid")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use samara_qd::{Archive, Axis, Cvt, CvtSettings, Elite, Grid, Rules, Soft, Status, Stream, Tessellation};

fn grid(bins: &[usize]) -> Tessellation {
    let axes =
        bins.iter().enumerate().map(|(i, n)| Axis::bins(format!("m{i}"), 0.0, 1.0, *n).unwrap()).collect();
    Tessellation::Grid(Grid::new(axes).unwrap())
}

fn archive(depth: usize) -> Archive {
    Archive::new(grid(&[4, 3]), Rules { depth, ..Rules::default() }).unwrap()
}

/// Candidates with few different objectives, so that ties are common.
fn candidates() -> impl Strategy<Value = Vec<(f64, [f64; 2])>> {
    let candidate =
        (0_i32..20, 0.0_f64..1.0, 0.0_f64..1.0).prop_map(|(o, x, y)| (f64::from(o) / 4.0, [x, y]));
    prop::collection::vec(candidate, 0..80)
}

fn fill(mut archive: Archive, candidates: &[(f64, [f64; 2])]) -> Archive {
    for (id, (objective, measures)) in candidates.iter().enumerate() {
        archive.add(id as u64, *objective, measures).unwrap();
    }
    archive
}

fn held(archive: &Archive) -> Vec<(usize, usize, u64, u64)> {
    archive.iter().map(|e| (e.cell, e.rank, e.objective.to_bits(), e.measures[0].to_bits())).collect()
}

fn genomes(id: u64) -> Vec<u8> {
    id.to_le_bytes().to_vec()
}

proptest! {
    #[test]
    fn the_order_of_distinct_objectives_does_not_matter(measures in prop::collection::vec((0.0..1.0, 0.0..1.0), 1..60), depth in 1_usize..4, seed: u64) {
        let all: Vec<(f64, [f64; 2])> = measures.iter().enumerate().map(|(i, (x, y))| (i as f64, [*x, *y])).collect();
        let order = Stream::new(seed, 0).distinct(all.len(), all.len());
        let shuffled: Vec<_> = order.iter().map(|i| all[*i]).collect();
        let (a, b) = (fill(archive(depth), &all), fill(archive(depth), &shuffled));
        prop_assert_eq!(held(&a), held(&b));
        prop_assert_eq!(a.digest(&mut |_| Vec::new()), b.digest(&mut |_| Vec::new()));
    }

    #[test]
    fn a_deep_cell_is_the_stable_sorted_list_of_its_candidates(candidates in candidates(), depth in 1_usize..6) {
        let archive = fill(archive(depth), &candidates);
        let mut cells: BTreeMap<usize, Vec<(f64, u64)>> = BTreeMap::new();
        for (id, (objective, measures)) in candidates.iter().enumerate() {
            cells.entry(archive.tessellation().cell(measures)).or_default().push((*objective, id as u64));
        }
        for (cell, mut list) in cells {
            list.sort_by(|a, b| b.0.total_cmp(&a.0));
            list.truncate(depth);
            prop_assert_eq!(archive.elites(cell).map(|e| (e.objective, e.id)).collect::<Vec<_>>(), list);
        }
    }

    #[test]
    fn coverage_never_falls_and_an_improvement_raises_the_qd_score(candidates in candidates(), depth in 1_usize..4) {
        let mut archive = archive(depth);
        for (id, (objective, measures)) in candidates.iter().enumerate() {
            let before = archive.stats();
            let added = archive.add(id as u64, *objective, measures).unwrap();
            let after = archive.stats();
            prop_assert!(after.coverage >= before.coverage);
            prop_assert!(after.qd_score >= before.qd_score, "objectives are not negative");
            prop_assert!(after.best >= before.best);
            prop_assert_eq!(after.cells_filled > before.cells_filled, added.status == Status::New);
            prop_assert_eq!(after.qd_score > before.qd_score, added.rank == Some(0) && added.value > 0.0);
        }
    }

    #[test]
    fn statistics_equal_a_recount(candidates in candidates(), depth in 1_usize..4) {
        let archive = fill(archive(depth), &candidates);
        let best: Vec<Elite<'_>> = archive.iter().filter(|e| e.rank == 0).collect();
        let sum: f64 = best.iter().map(|e| e.objective).sum();
        let stats = archive.stats();
        prop_assert_eq!(stats.cells_filled, best.len());
        prop_assert_eq!(stats.qd_score, sum);
        prop_assert_eq!(stats.mean, (!best.is_empty()).then(|| sum / best.len() as f64));
        prop_assert_eq!(stats.best, best.iter().map(|e| e.objective).reduce(f64::max));
    }

    #[test]
    fn displaced_ids_are_exactly_those_that_left(candidates in candidates(), depth in 1_usize..4) {
        let mut archive = archive(depth);
        let mut inside = std::collections::BTreeSet::new();
        for (id, (objective, measures)) in candidates.iter().enumerate() {
            let added = archive.add(id as u64, *objective, measures).unwrap();
            if added.status != Status::NotAdded { inside.insert(id as u64); }
            if let Some(gone) = added.displaced { prop_assert!(inside.remove(&gone)); }
            prop_assert_eq!(archive.iter().map(|e| e.id).collect::<std::collections::BTreeSet<_>>(), inside.clone());
        }
    }

    #[test]
    fn what_is_not_finite_changes_nothing(candidates in candidates(), bad in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY])) {
        let mut archive = fill(archive(2), &candidates);
        let before = archive.clone();
        prop_assert!(archive.add(999, bad, &[0.5, 0.5]).is_err());
        prop_assert!(archive.add(999, 1.0, &[0.5, bad]).is_err());
        prop_assert!(archive.add(999, 1.0, &[0.5]).is_err());
        prop_assert_eq!(archive, before);
    }

    #[test]
    fn a_cell_is_the_number_of_edges_at_or_below(lo in -1e6_f64..1e6, width in 1e-3_f64..1e6, bins in 1_usize..200, x in -2e6_f64..2e6, edge in 0_usize..200) {
        let axis = Axis::bins("m", lo, lo + width, bins).unwrap();
        let on_edge = axis.edges().get(edge).copied().unwrap_or(x);
        for x in [x, on_edge, on_edge.next_up(), on_edge.next_down()] {
            prop_assert_eq!(axis.cell(x), axis.edges().iter().filter(|e| **e <= x).count());
        }
    }

    #[test]
    fn a_category_is_the_cell_of_its_index_and_one_step_from_every_other(counts in prop::collection::vec(1_usize..6, 1..4), a: u64, b: u64) {
        let names = |count: usize| (0..count).map(|i| format!("c{i}")).collect();
        let axes = counts.iter().enumerate().map(|(i, count)| Axis::categories(format!("m{i}"), names(*count)).unwrap());
        let grid = Grid::new(axes.collect()).unwrap();
        prop_assert_eq!(grid.cells(), counts.iter().product::<usize>());
        let [a, b] = [a, b].map(|cell| (cell % grid.cells() as u64) as usize);
        let [x, y] = [a, b].map(|cell| grid.unravel(cell));
        let measures: Vec<f64> = x.iter().map(|index| *index as f64).collect();
        prop_assert_eq!(grid.cell(&measures), a);
        let different = x.iter().zip(&y).filter(|(x, y)| x != y).count();
        prop_assert_eq!(grid.distance(a, b), (different as f64).sqrt());
        let text = serde_json::to_string(&grid).unwrap();
        prop_assert_eq!(serde_json::from_str::<Grid>(&text).unwrap(), grid);
    }

    #[test]
    fn the_nearest_centroid_is_that_of_a_scan(lattice in prop::collection::vec(prop::collection::vec(0_i8..6, 3), 1..200), dims in 1_usize..=3, query in prop::collection::vec(-1.0_f64..7.0, 3), snap: bool) {
        // A coarse lattice makes ties common.
        let mut taken = std::collections::BTreeSet::new();
        let centroids: Vec<Vec<f64>> = lattice.iter().filter(|c| taken.insert(c[..dims].to_vec()))
            .map(|c| c[..dims].iter().map(|x| f64::from(*x)).collect()).collect();
        let query: Vec<f64> = query[..dims].iter().map(|x| if snap { x.round() / 2.0 } else { *x }).collect();
        let squared = |c: &[f64]| c.iter().zip(&query).fold(0.0, |s, (a, b)| s + (a - b) * (a - b));
        let scan = (0..centroids.len()).fold(0, |best, i| if squared(&centroids[i]) < squared(&centroids[best]) { i } else { best });
        prop_assert_eq!(Cvt::from_centroids(centroids).unwrap().cell(&query), scan);
    }

    #[test]
    fn the_best_are_those_of_a_sorted_list(candidates in candidates(), depth in 1_usize..4, count in 0_usize..15, seed: u64) {
        let whole = fill(archive(depth), &candidates);
        let mut list: Vec<Elite<'_>> = whole.iter().filter(|e| e.rank == 0).collect();
        list.sort_by(|a, b| b.objective.total_cmp(&a.objective).then(a.id.cmp(&b.id)));
        list.truncate(count);
        prop_assert_eq!(whole.best_of(count), list);
        // One id in all cells, and the cells filled in another order.
        let refill = |order: Vec<usize>| {
            let mut archive = archive(depth);
            order.into_iter().for_each(|cell| if let Some(e) = whole.elite(cell) { archive.add(7, e.objective, e.measures).unwrap(); });
            archive
        };
        let (a, b) = (refill((0..12).collect()), refill(Stream::new(seed, 0).distinct(12, 12)));
        prop_assert_eq!(a.best_of(count), b.best_of(count));
        let best = a.best_of(count);
        prop_assert!(best.windows(2).all(|p| p[0].objective > p[1].objective || (p[0].objective == p[1].objective && p[0].cell < p[1].cell)));
    }

    #[test]
    fn a_snapshot_restores_the_archive(candidates in candidates(), depth in 1_usize..4, soft: bool) {
        let rules = if soft {
            Rules { soft: Some(Soft { learning_rate: 0.3, threshold_min: -1.0 }), ..Rules::default() }
        } else {
            Rules { depth, ..Rules::default() }
        };
        let before = fill(Archive::new(grid(&[4, 3]), rules).unwrap(), &candidates);
        let text = serde_json::to_string(&before).unwrap();
        let after: Archive = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&after, &before);
        prop_assert_eq!(after.digest(&mut genomes), before.digest(&mut genomes));
    }

    #[test]
    fn a_soft_archive_of_learning_rate_one_is_a_flat_archive(candidates in candidates()) {
        let rules = Rules { soft: Some(Soft { learning_rate: 1.0, threshold_min: -1.0 }), ..Rules::default() };
        let soft = fill(Archive::new(grid(&[4, 3]), rules).unwrap(), &candidates);
        prop_assert_eq!(held(&soft), held(&fill(archive(1), &candidates)));
    }
}

#[test]
fn categories_that_are_none_or_not_told_apart_make_no_axis() {
    for names in [&[][..], &["a", "a"], &["a", ""]] {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        assert!(Axis::categories("m", names).is_err());
    }
    let read = |text: &str| serde_json::from_str::<Grid>(text);
    assert!(read(r#"[{"name": "m", "categories": ["a", "b"]}]"#).is_ok());
    assert!(read(r#"[{"name": "m", "categories": ["a", "b"], "ticks": [0.5]}]"#).is_err());
    assert!(read(r#"[{"name": "m", "categories": ["a", "b"], "bins": 2, "range": [0.0, 1.0]}]"#).is_err());
}

#[test]
fn a_tie_keeps_the_first_elite() {
    let archive = fill(archive(1), &[(1.0, [0.1, 0.1]), (1.0, [0.1, 0.1])]);
    assert_eq!(archive.iter().map(|e| e.id).collect::<Vec<_>>(), [0]);
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let good = serde_json::to_value(fill(archive(2), &[(1.0, [0.1, 0.1]), (2.0, [0.1, 0.1])])).unwrap();
    let entries = |value: &mut serde_json::Value, i: usize| value["cells"][0]["entries"][i].clone();
    let mut swapped = good.clone();
    let (first, second) = (entries(&mut swapped, 0), entries(&mut swapped, 1));
    swapped["cells"][0]["entries"] = serde_json::json!([second, first]);
    let mut twice = good.clone();
    twice["cells"] = serde_json::json!([good["cells"][0], good["cells"][0]]);
    let mut empty = good.clone();
    empty["cells"][0]["entries"] = serde_json::json!([]);
    let mut best = good.clone();
    best["best"] = serde_json::json!([123.0, 77]);
    let mut id = good.clone();
    id["best"] = serde_json::json!([2.0, 77]);
    for damaged in [swapped, twice, empty, best, id] {
        assert!(serde_json::from_value::<Archive>(damaged).is_err());
    }
}

#[test]
fn near_cells_are_drawn_by_their_weights() {
    let mut row = Archive::new(grid(&[3]), Rules::default()).unwrap();
    for (id, x) in [0.1, 0.5, 0.9].into_iter().enumerate() {
        row.add(id as u64, 0.0, &[x]).unwrap();
    }
    // The centre is uniform; the first draw has weight 1 for itself, 1/2 at distance 1 and 1/9 at distance 2.
    let (edge, middle) = (1.0 + 0.5 + 1.0 / 9.0, 0.5 + 1.0 + 0.5);
    let expected = [
        (1.0 / edge + 0.5 / middle + 1.0 / 9.0 / edge) / 3.0,
        (0.5 / edge + 1.0 / middle + 0.5 / edge) / 3.0,
        (1.0 / 9.0 / edge + 0.5 / middle + 1.0 / edge) / 3.0,
    ];
    let n = 60_000_u32;
    let mut counts = [0_u32; 3];
    for i in 0..n {
        let drawn = row.select_near(&mut Stream::new(1, u64::from(i)), 3).unwrap();
        let mut cells: Vec<usize> = drawn.iter().map(|e| e.cell).collect();
        counts[cells[0]] += 1;
        cells.sort_unstable();
        assert_eq!(cells, [0, 1, 2], "without replacement");
    }
    for (count, expected) in counts.iter().zip(expected) {
        assert!((f64::from(*count) / f64::from(n) - expected).abs() < 0.01, "{counts:?} against {expected}");
    }
    assert!(row.select_near(&mut Stream::new(0, 0), 4).is_none(), "only three cells are filled");
}

#[test]
fn selection_is_uniform_over_cells_and_then_over_a_cells_entries() {
    let archive = fill(archive(2), &[(1.0, [0.1, 0.1]), (2.0, [0.1, 0.1]), (1.0, [0.9, 0.9])]);
    let mut counts = [0_u32; 3];
    for i in 0..40_000 {
        counts[archive.select(&mut Stream::new(2, i)).unwrap().id as usize] += 1;
    }
    for (count, expected) in counts.iter().zip([0.25, 0.25, 0.5]) {
        assert!((f64::from(*count) / 40_000.0 - expected).abs() < 0.01, "{counts:?}");
    }
}

#[test]
fn kmeans_gives_the_same_even_cells_for_the_same_seed() {
    let ranges = vec![(-3.0, 5.0), (0.0, 0.1)];
    let settings = CvtSettings { cells: 50, samples: 5000, ranges: ranges.clone(), ..CvtSettings::default() };
    let cvt = Cvt::kmeans(&settings, 4).unwrap();
    assert_eq!(cvt, Cvt::kmeans(&settings, 4).unwrap());
    assert_ne!(cvt, Cvt::kmeans(&settings, 5).unwrap());
    let mut stream = Stream::new(0, 0);
    let mut counts = vec![0_u32; 50];
    for _ in 0..50_000 {
        let point: Vec<f64> = ranges.iter().map(|(lo, hi)| stream.uniform(*lo, *hi)).collect();
        counts[cvt.cell(&point)] += 1;
    }
    assert!(
        counts.iter().all(|count| (400..2200).contains(count)),
        "cells of about equal volume: {counts:?}"
    );
    for cell in 0..50 {
        assert!(cvt.centroid(cell).iter().zip(&ranges).all(|(x, (lo, hi))| lo <= x && x <= hi));
    }
}

#[test]
fn cells_around_points_are_small_where_these_lie_and_everywhere_else_there_are_some() {
    let ranges = vec![(0.0, 10.0), (0.0, 1.0)];
    let settings = CvtSettings { cells: 50, samples: 5000, ranges, ..CvtSettings::default() };
    // Whole numbers, few of them different.
    let points: Vec<Vec<f64>> = (0..100).map(|at| vec![f64::from(at % 3), 0.5]).collect();
    let cvt = Cvt::kmeans_around(&points, &settings, 4).unwrap();
    assert_eq!(cvt, Cvt::kmeans_around(&points, &settings, 4).unwrap());
    let near = |cell: &usize| points.iter().any(|point| (cvt.centroid(*cell)[0] - point[0]).abs() < 0.3);
    let many = (0..50).filter(near).count();
    assert!((25..50).contains(&many), "{many} of 50 cells are near the points");
    assert!(cvt.cell(&[1.0, 0.5]) != cvt.cell(&[2.0, 0.5]));
    for bad in [vec![], vec![vec![1.0]], vec![vec![f64::NAN, 0.5]]] {
        assert!(Cvt::kmeans_around(&bad, &settings, 4).is_err());
    }
}

#[test]
fn kmeans_keeps_every_cell_when_there_are_as_many_as_samples() {
    let settings =
        CvtSettings { cells: 300, samples: 300, ranges: vec![(0.0, 1.0)], ..CvtSettings::default() };
    assert_eq!(Cvt::kmeans(&settings, 0).unwrap().cells(), 300);
    assert!(Cvt::kmeans(&CvtSettings { samples: 299, ..settings }, 0).is_err());
}

#[test]
fn descriptions_that_cannot_be_are_refused() {
    for axis in [
        Axis::bins("m", 0.0, 1.0, 0),
        Axis::bins("m", 1.0, 1.0, 3),
        Axis::bins("m", f64::NAN, 1.0, 3),
        Axis::bins("m", 0.0, f64::INFINITY, 3),
        Axis::bins("m", 1.0, 1.0_f64.next_up(), 10),
        Axis::ticks("m", vec![]),
        Axis::ticks("m", vec![0.2, 0.1]),
        Axis::ticks("m", vec![0.1, 0.1]),
        Axis::ticks("m", vec![f64::NAN]),
    ] {
        assert!(axis.is_err());
    }
    let rules = |rules| Archive::new(grid(&[2]), rules).is_err();
    let soft = |learning_rate, threshold_min| Some(Soft { learning_rate, threshold_min });
    assert!(rules(Rules { depth: 0, ..Rules::default() }));
    assert!(rules(Rules { depth: 2, soft: soft(0.1, 0.0), ..Rules::default() }));
    assert!(rules(Rules { soft: soft(1.1, 0.0), ..Rules::default() }));
    assert!(rules(Rules { soft: soft(0.1, f64::NAN), ..Rules::default() }));
    assert!(rules(Rules { qd_offset: f64::INFINITY, ..Rules::default() }));
}

#[test]
fn a_cvt_restores_from_its_serialised_form() {
    let settings =
        CvtSettings { cells: 20, samples: 500, ranges: vec![(-3.0, 5.0)], ..CvtSettings::default() };
    let cvt = Cvt::kmeans(&settings, 1).unwrap();
    let restored: Cvt = serde_json::from_str(&serde_json::to_string(&cvt).unwrap()).unwrap();
    assert_eq!(restored, cvt);
    assert!((0..1000).all(|i| {
        let x = Stream::new(0, i).uniform(-4.0, 6.0);
        restored.cell(&[x]) == cvt.cell(&[x])
    }));
}
