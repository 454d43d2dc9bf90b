//! Tessellations as data: they come back bit for bit, and what can't be one is refused before it costs much.

#![expect(clippy::unwrap_used, reason = "a description that the test itself wrote is valid")]

use proptest::prelude::*;
use samara_qd::{Archive, Axis, Cvt, CvtSettings, Grid, Stream, Tessellation};

fn again(tessellation: &Tessellation) -> Tessellation {
    let text = serde_json::to_string(tessellation).unwrap();
    let read: Tessellation = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
    read
}

fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

fn finite() -> impl Strategy<Value = f64> {
    let anything = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
    prop_oneof![anything, -1.0..1.0, prop::sample::select(vec![0.0, -0.0, 5e-324, 0.1])]
}

proptest! {
    #[test]
    fn grids_come_back_bit_for_bit(mut ticks in prop::collection::vec(finite(), 1..40), lo in -1e9..1e9, width in 1e-3..1e9, bins in 1_usize..60) {
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let axes = vec![Axis::ticks("a", ticks).unwrap(), Axis::bins("b", lo, lo + width, bins).unwrap()];
        let grid = Grid::new(axes).unwrap();
        let Tessellation::Grid(read) = again(&Tessellation::Grid(grid.clone())) else { panic!("a grid") };
        prop_assert_eq!(&read, &grid);
        for (a, b) in read.axes().iter().zip(grid.axes()) {
            prop_assert_eq!(bits(a.edges()), bits(b.edges()));
            prop_assert_eq!(a.range(), b.range());
        }
    }

    #[test]
    fn cvts_come_back_bit_for_bit(centroids in prop::collection::vec(prop::collection::vec(-1e100..1e100, 2), 1..60), seed: u64, ranges in prop::collection::vec((-1e6..1e6, 1e-3..1e6), 1..4)) {
        let given = Cvt::from_centroids(centroids).unwrap();
        let ranges: Vec<(f64, f64)> = ranges.into_iter().map(|(lo, width)| (lo, lo + width)).collect();
        let settings = CvtSettings { cells: 30, samples: 200, ranges: ranges.clone(), ..CvtSettings::default() };
        let mut stream = Stream::new(seed, 0);
        for cvt in [given, Cvt::kmeans(&settings, seed).unwrap()] {
            let Tessellation::Cvt(read) = again(&Tessellation::Cvt(cvt.clone())) else { panic!("a CVT") };
            prop_assert_eq!(&read, &cvt);
            for cell in 0..cvt.cells() {
                prop_assert_eq!(bits(read.centroid(cell)), bits(cvt.centroid(cell)));
                prop_assert_eq!(read.distance(0, cell).to_bits(), cvt.distance(0, cell).to_bits());
            }
            for _ in 0..50 {
                let measures: Vec<f64> = (0..cvt.dims()).map(|axis| {
                    let (lo, hi) = ranges.get(axis).copied().unwrap_or((-1.0, 1.0));
                    stream.uniform(lo - 1.0, hi + 1.0)
                }).collect();
                prop_assert_eq!(read.cell(&measures), cvt.cell(&measures));
            }
        }
    }

    #[test]
    fn what_lies_in_an_interval_belongs_to_its_cell(lo in -1e6..1e6, width in 1e-3..1e6, cells in 1_usize..60, seed: u64) {
        let settings = CvtSettings { cells, samples: 300, ranges: vec![(lo, lo + width)], ..CvtSettings::default() };
        let cvt = Cvt::kmeans(&settings, seed).unwrap();
        intervals_hold(&cvt, (lo, lo + width), seed);
    }

    #[test]
    fn given_centroids_have_intervals_without_ends(lattice in prop::collection::btree_set(-40_i32..40, 1..30), seed: u64) {
        // In an order of their own, so that ties go now up and now down.
        let places: Vec<f64> = lattice.into_iter().map(|x| f64::from(x) / 8.0).collect();
        let order = Stream::new(seed, 0).distinct(places.len(), places.len());
        let cvt = Cvt::from_centroids(order.iter().map(|i| vec![places[*i]]).collect()).unwrap();
        intervals_hold(&cvt, (f64::NEG_INFINITY, f64::INFINITY), seed);
    }
}

fn intervals_hold(cvt: &Cvt, ends: (f64, f64), seed: u64) {
    let intervals = cvt.intervals().unwrap();
    let mut cells: Vec<usize> = intervals.iter().map(|(cell, ..)| *cell).collect();
    assert_eq!((intervals[0].1, intervals[intervals.len() - 1].2), ends);
    assert!(intervals.windows(2).all(|pair| pair[0].2 == pair[1].1 && pair[0].1 < pair[0].2), "end to end");
    let mut stream = Stream::new(seed, 1);
    for (cell, lo, hi) in intervals {
        let centroid = cvt.centroid(cell)[0];
        assert!(lo <= centroid && centroid <= hi);
        // A few units in the last place of the larger end.
        let rounding = 4.0 * f64::EPSILON * centroid.abs().max(lo.abs().min(1e9)).max(hi.abs().min(1e9));
        let (from, to) = (lo.max(-1e9) + rounding, hi.min(1e9) - rounding);
        let drawn = (0..20).map(|_| stream.uniform(from, to)).collect::<Vec<f64>>();
        for x in [from, to, centroid].into_iter().chain(drawn) {
            assert_eq!(cvt.cell(&[x]), cell, "{x} in ({lo}, {hi})");
        }
    }
    cells.sort_unstable();
    assert_eq!(cells, (0..cvt.cells()).collect::<Vec<_>>());
}

#[test]
fn intervals_meet_half_way_between_centroids() {
    let cvt = Cvt::from_centroids(vec![vec![1.0], vec![-1.0], vec![0.25]]).unwrap();
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    assert_eq!(cvt.intervals().unwrap(), [(1, low, -0.375), (2, -0.375, 0.625), (0, 0.625, high)]);
}

#[test]
fn only_one_dimension_has_intervals() {
    assert!(Cvt::from_centroids(vec![vec![0.0, 1.0]]).unwrap().intervals().is_none());
}

fn refusal(text: &str) -> String {
    serde_json::from_str::<Tessellation>(text).map(|read| format!("{read:?}")).unwrap_err().to_string()
}

#[test]
fn grids_that_cannot_be_are_refused() {
    let axis = |name: &str, bins: &str| format!(r#"{{"name":"{name}","range":[0,1],"bins":{bins}}}"#);
    let grid = |axes: &[String]| format!(r#"{{"grid":[{}]}}"#, axes.join(","));
    // Each alone could be; together they would take terabytes.
    let wide: Vec<String> = (0..20_000).map(|i| axis(&format!("m{i}"), "16777216")).collect();
    let with_none: Vec<String> = std::iter::once(axis("none", "0")).chain(wide.iter().cloned()).collect();
    for (text, why) in [
        (grid(&[]), "needs an axis"),
        (grid(&wide), "more than 16777216 cells"),
        (grid(&with_none), "more than 16777216 cells"),
        (grid(&[axis("m", "2"), axis("m", "3")]), "two axes are called `m`"),
        (grid(&[axis("m", "0")]), "0 bins"),
        (grid(&[axis("m", "18446744073709551615")]), "more than 16777216 cells"),
        (grid(&[axis("m", "-1")]), "invalid value"),
        (grid(&[axis("m", "1e30")]), "invalid type"),
        (grid(&[r#"{"name":"m","range":[0,null],"bins":2}"#.into()]), "null"),
        (grid(&[r#"{"name":"m","range":[0,1e999],"bins":2}"#.into()]), "out of range"),
        (grid(&[r#"{"name":"m","range":[1,1],"bins":2}"#.into()]), "no finite range"),
        (grid(&[r#"{"name":"m","ticks":[]}"#.into()]), "0 ticks"),
        (grid(&[r#"{"name":"m","ticks":[1,1]}"#.into()]), "increase strictly"),
        (
            grid(&[r#"{"name":"m","ticks":[1],"bins":3}"#.into()]),
            "needs a range with bins, ticks, or categories",
        ),
        (grid(&[r#"{"name":"m","categories":[]}"#.into()]), "0 categories"),
        (grid(&[r#"{"name":"m","categories":["a","b","a"]}"#.into()]), "two categories are called `a`"),
        (grid(&[r#"{"name":"m","ticks":[1],"categories":["a"]}"#.into()]), "ticks, or categories"),
        (r#"{"grid":[],"cvt":{}}"#.into(), "needs an axis"),
    ] {
        let said = refusal(&text);
        assert!(said.contains(why), "{}: {said}", &text[..text.len().min(100)]);
    }
}

#[test]
fn cvts_that_cannot_be_are_refused() {
    let all_at_one_place = vec!["[1,2]"; 100_000].join(",");
    for (centroids, rest, why) in [
        ("", r#""scale":[1]"#, "0 centroids of 1 dimensions"),
        ("[]", r#""scale":[]"#, "1 centroids of 0 dimensions"),
        ("[1],[2,3]", r#""scale":[1]"#, "the same length"),
        ("[1],[2]", r#""scale":[1,1]"#, "the same length"),
        ("[1],[null]", r#""scale":[1]"#, "null"),
        ("[1],[1e999]", r#""scale":[1]"#, "out of range"),
        ("[1],[-1e308]", r#""scale":[1]"#, "too far away"),
        ("[1],[1e100]", r#""scale":[1e300]"#, "too far away"),
        ("[1],[2]", r#""scale":[0]"#, "scaled by 0"),
        ("[1],[2]", r#""scale":[-1]"#, "scaled by -1"),
        ("[0],[1],[-0.0]", r#""scale":[1]"#, "centroids 0 and 2 are at one place"),
        ("[1e-200],[2e-200]", r#""scale":[1]"#, "centroids 0 and 1 are at one place"),
        (&all_at_one_place, r#""scale":[1,1]"#, "at one place"),
        ("[1],[2]", r#""scale":[1],"ranges":[]"#, "not that of its ranges"),
        ("[1],[2]", r#""scale":[0.5],"ranges":[[1,2]]"#, "not that of its ranges"),
        ("[1],[3]", r#""scale":[1],"ranges":[[1,2]]"#, "outside its range"),
        ("[1],[2]", r#""scale":[1],"ranges":[[2,1]]"#, "no finite range"),
        ("[1],[2]", r#""scale":[1],"seed":3"#, "unknown field"),
    ] {
        let said = refusal(&format!(r#"{{"cvt":{{"centroids":[{centroids}],{rest}}}}}"#));
        assert!(said.contains(why), "{}: {said}", &centroids[..centroids.len().min(100)]);
    }
}

#[test]
fn a_cvt_without_ranges_is_read() {
    let cvt: Cvt = serde_json::from_str(r#"{"centroids":[[1.0],[2.0]],"scale":[0.25]}"#).unwrap();
    assert_eq!((cvt.cell(&[1.4]), cvt.cell(&[1.6])), (0, 1));
    assert_eq!(serde_json::to_string(&cvt).unwrap(), r#"{"centroids":[[1.0],[2.0]],"scale":[0.25]}"#);
}

#[test]
fn ranges_that_hold_no_cvt_are_refused() {
    let kmeans = |ranges: Vec<(f64, f64)>, samples| {
        let settings = CvtSettings { cells: 50, samples, ranges, ..CvtSettings::default() };
        Cvt::kmeans(&settings, 0).map(|cvt| cvt.cells()).map_err(|error| error.to_string())
    };
    assert!(kmeans(vec![(0.0, 1e-310)], 500).unwrap_err().contains("no finite range"));
    assert!(kmeans(vec![(f64::MIN, f64::MAX)], 500).unwrap_err().contains("no finite range"));
    assert!(kmeans(vec![(1e15, 1e15 + 4.0)], 500).unwrap_err().contains("at one place"));
    assert!(kmeans(vec![(0.0, 1.0)], usize::MAX).unwrap_err().contains("don't fit"));
    assert_eq!(kmeans(vec![(1e15, 1e15 + 4.0), (0.0, 1.0)], 500), Ok(50));
}

#[test]
fn snapshots_that_ask_for_too_much_are_refused() {
    let axes: Vec<String> =
        (0..1000).map(|i| format!(r#"{{"name":"m{i}","range":[0,1],"bins":1}}"#)).collect();
    for depth in ["67108864", "67108865", "18446744073709551615"] {
        let text = format!(
            r#"{{"tessellation":{{"grid":[{}]}},"rules":{{"depth":{depth},"soft":null,"qd_offset":0}},"cells":[],"best":null}}"#,
            axes.join(",")
        );
        let error = serde_json::from_str::<Archive>(&text).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("more than fit"), "{error}");
    }
}
