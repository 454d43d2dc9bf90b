//! Criterion benchmarks of insertion, of statistics, of k-means and of reading a CVT.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use samara_qd::{Archive, Axis, Cvt, CvtSettings, Grid, Rules, Stream, Tessellation};

fn insertion(criterion: &mut Criterion) {
    let mut stream = Stream::new(1, 0);
    let rows: Vec<([f64; 2], f64)> =
        (0..100_000).map(|_| ([stream.unit(), stream.unit()], stream.unit())).collect();
    let axes = ["x", "y"].map(|name| Axis::bins(name, 0.0, 1.0, 20).expect("a valid axis"));
    let settings = CvtSettings { ranges: vec![(0.0, 1.0); 2], ..CvtSettings::default() };
    let cells = [
        ("grid 20x20", Tessellation::Grid(Grid::new(axes.to_vec()).expect("a valid grid"))),
        ("cvt 1000", Tessellation::Cvt(Cvt::kmeans(&settings, 0).expect("a valid CVT"))),
    ];
    let mut group = criterion.benchmark_group("insertion");
    group.throughput(Throughput::Elements(rows.len() as u64));
    for (name, tessellation) in cells {
        group.bench_function(name, |bencher| {
            let empty = Archive::new(tessellation.clone(), Rules::default()).expect("valid rules");
            bencher.iter(|| {
                let mut archive = empty.clone();
                for (id, (measures, objective)) in rows.iter().enumerate() {
                    archive.add(id as u64, *objective, measures).expect("finite");
                }
                archive
            });
        });
    }
}

/// Every insertion is accepted; and what asking for the statistics costs.
fn accepted(criterion: &mut Criterion) {
    let axis = Axis::bins("x", 0.0, 1.0, 20).expect("a valid axis");
    let grid = Tessellation::Grid(Grid::new(vec![axis]).expect("a valid grid"));
    let mut archive = Archive::new(grid, Rules::default()).expect("valid rules");
    let mut id = 0_u64;
    criterion.bench_function("an accepted insertion", |bencher| {
        bencher.iter(|| {
            id += 1;
            archive.add(id, id as f64 / 7.0, &[(id % 20) as f64 / 20.0]).expect("finite")
        });
    });
    criterion.bench_function("statistics", |bencher| bencher.iter(|| archive.stats()));
}

fn kmeans(criterion: &mut Criterion) {
    let settings = CvtSettings {
        cells: 10_000,
        samples: 100_000,
        ranges: vec![(0.0, 1.0); 2],
        ..CvtSettings::default()
    };
    let mut group = criterion.benchmark_group("kmeans");
    group.sample_size(10);
    group.bench_function("10000 cells of 100000 samples", |bencher| {
        bencher.iter(|| Cvt::kmeans(&settings, 0));
    });
}

fn reading(criterion: &mut Criterion) {
    let settings = CvtSettings { cells: 5000, ranges: vec![(0.0, 1.0); 2], ..CvtSettings::default() };
    let cvt = Tessellation::Cvt(Cvt::kmeans(&settings, 0).expect("a valid CVT"));
    let text = serde_json::to_string(&cvt).expect("finite centroids");
    criterion.bench_function("read a CVT of 5000 cells", |bencher| {
        bencher.iter(|| serde_json::from_str::<Tessellation>(&text).expect("what was written"));
    });
}

criterion_group!(benches, insertion, accepted, kmeans, reading);
criterion_main!(benches);
