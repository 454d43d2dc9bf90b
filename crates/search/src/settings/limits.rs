//! What settings may ask for at most.

/// The largest window: a candidate waiting in the reorder buffer holds its genome and its calls in memory.
pub(super) const MAX_WINDOW: usize = 65_536;
/// The most candidates, calls or tokens of a run: floats count them without a gap.
pub(crate) const MOST_STEPS: u64 = 1_000_000_000_000_000;
/// The largest size of an objective or a measure that a setting names: sums, squares and differences of such are numbers.
pub(crate) const MOST: f64 = 1e100;
/// The most cells of an axis or a CVT; an archive allocates all of its cells.
pub(super) const MOST_CELLS: usize = 1 << 24;
/// The most elites of a cell, in an archive of one cell.
pub(super) const MOST_DEPTH: usize = MOST_PLACES;
/// The most places for elites in all archives of a run, cells times depth: a search allocates them, a reader takes on as
/// many.
pub const MOST_PLACES: usize = 1 << 24;
/// The most elites of an archive without cells.
pub(super) const MOST_CROWD: usize = samara_qd::places::MOST_PLACES;
/// The most neighbours that count there.
pub(super) const MOST_NEIGHBOURS: usize = samara_qd::places::MOST_NEIGHBOURS;
/// The most steps of k-means, samples times iterations: some minutes.
pub(super) const MOST_KMEANS: usize = 1 << 32;
/// The most axes of an archive.
pub const MOST_AXES: usize = 100;
/// The most ticks of an axis.
pub(super) const MOST_TICKS: usize = 10_000;
/// The most categories of an axis.
pub(super) const MOST_CATEGORIES: usize = 1000;
/// The most characters of a name: of an experiment, of an axis.
pub const MOST_NAME: usize = 200;
/// The most samples of k-means, on one axis.
pub(super) const MOST_SAMPLES: usize = 1 << 28;
/// SQLite and most servers count in signed 64-bit integers.
pub(super) const MAX_SEED: u64 = i64::MAX as u64;
