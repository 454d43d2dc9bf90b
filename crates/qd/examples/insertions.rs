//! Archive speed on one thread, as JSON: insertions per second and the CPU seconds of k-means.

use std::time::Instant;

use samara_qd::{Archive, Axis, Cvt, CvtSettings, Grid, Rules, Stream, Tessellation};

const N: usize = 1_000_000;

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() {
    let mut stream = Stream::new(1, 0);
    let rows: Vec<([f64; 2], f64)> =
        (0..N).map(|_| ([stream.unit(), stream.unit()], stream.unit() * stream.unit())).collect();
    let axes = ["x", "y"].map(|name| Axis::bins(name, 0.0, 1.0, 20).expect("a valid axis"));
    let grid = Tessellation::Grid(Grid::new(axes.to_vec()).expect("a valid grid"));
    let cvt = |cells, samples| {
        let settings = CvtSettings { cells, samples, ranges: vec![(0.0, 1.0); 2], ..CvtSettings::default() };
        Cvt::kmeans(&settings, 0).expect("a valid CVT")
    };
    let grid = best_rate(&grid, &rows);
    let thousand = best_rate(&Tessellation::Cvt(cvt(1000, 25_000)), &rows);
    let started = Instant::now();
    let cells = cvt(10_000, 100_000).cells();
    let kmeans = started.elapsed().as_secs_f64();
    println!(
        "{{\"grid_20x20_per_s\": {grid:.0}, \"cvt_1000_per_s\": {thousand:.0}, \"cvt_{cells}_of_100000_s\": {kmeans:.3}}}"
    );
}

/// The best of seven passes over a fresh archive: other work on the machine only ever slows one down.
fn best_rate(tessellation: &Tessellation, rows: &[([f64; 2], f64)]) -> f64 {
    let pass = || {
        let mut archive = Archive::new(tessellation.clone(), Rules::default()).expect("valid rules");
        let started = Instant::now();
        for (id, (measures, objective)) in rows.iter().enumerate() {
            std::hint::black_box(archive.add(id as u64, *objective, measures)).expect("finite");
        }
        rows.len() as f64 / started.elapsed().as_secs_f64()
    };
    (0..7).map(|_| pass()).fold(0.0, f64::max)
}
