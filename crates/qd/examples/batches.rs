//! Speed of batches on one thread, as JSON: candidates per second of five batches of 10,000 into a fresh grid of 20 x 20, as
//! entries that are made for it and as columns. The measures are normal and clipped, as in `benchmarks/python/archives.py`.

use std::time::Instant;

use samara_qd::{Archive, Axis, Entry, Grid, Rules, Stream, Tessellation};

const BATCHES: usize = 5;
const SIZE: usize = 10_000;

/// Adds a batch: its first id, its objectives and its measures.
type Adds<'a> = &'a dyn Fn(&mut Archive, u64, &[f64], &[f64]);

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() {
    let mut stream = Stream::new(1, 0);
    let measures: Vec<f64> = (0..2 * BATCHES * SIZE).map(|_| stream.normal().clamp(-1.0, 1.0)).collect();
    let objectives: Vec<f64> = (0..BATCHES * SIZE).map(|_| -stream.unit()).collect();
    let axes = ["x", "y"].map(|name| Axis::bins(name, -1.0, 1.0, 20).expect("a valid axis"));
    let grid = Tessellation::Grid(Grid::new(axes.to_vec()).expect("a valid grid"));
    let batches = || objectives.chunks(SIZE).zip(measures.chunks(2 * SIZE)).zip(0_u64..);
    let rate = |add: Adds<'_>| {
        let pass = || {
            let mut archive = Archive::new(grid.clone(), Rules::default()).expect("valid rules");
            let started = Instant::now();
            for ((objectives, measures), batch) in batches() {
                add(&mut archive, batch * SIZE as u64, objectives, measures);
            }
            (BATCHES * SIZE) as f64 / started.elapsed().as_secs_f64()
        };
        // Other work on the machine only ever slows one down.
        (0..50).map(|_| pass()).fold(0.0, f64::max)
    };
    let entries = rate(&|archive, first, objectives, measures| {
        let rows = objectives.iter().zip(measures.chunks(2)).zip(first..);
        let entries: Vec<Entry> = rows
            .map(|((objective, measures), id)| Entry {
                id,
                objective: *objective,
                measures: measures.to_vec(),
            })
            .collect();
        std::hint::black_box(archive.add_batch(&entries)).expect("finite");
    });
    let columns = rate(&|archive, first, objectives, measures| {
        std::hint::black_box(archive.add_columns(first, objectives, measures)).expect("finite");
    });
    println!("{{\"entries_per_s\": {entries:.0}, \"columns_per_s\": {columns:.0}}}");
}
