//! Criterion benchmarks of insertion and of k-means.

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

criterion_group!(benches, insertion, kmeans);
criterion_main!(benches);
