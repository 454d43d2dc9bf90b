//! Quality-diversity archives: what the search has found, kept as the best candidates of each cell of a
//! space of measures. The crate does no I/O, knows no clock and no language model; genomes stay with the
//! caller, who knows them by id. Every number it draws comes from [`Stream`].
//!
//! A map, in reading order:
//!
//! | file | what it holds |
//! |---|---|
//! | `rng.rs` | [`Stream`]: counter-based random numbers, the project's only source |
//! | `axis.rs`, `grid.rs` | [`Axis`] and [`Grid`]: cells cut by edges, uniform bins or custom ticks |
//! | `cvt.rs`, `kmeans.rs`, `nearest.rs` | [`Cvt`]: cells around centroids, how centroids are made and found |
//! | `tessellation.rs` | [`Tessellation`]: either of the two; distances between cells |
//! | `entry.rs`, `rules.rs` | the plain values that go in and out; [`Rules`] of admission |
//! | `archive.rs` | [`Archive`]: how a candidate is offered, one at a time (start here) |
//! | `batch.rs` | offering many at once, all judged against the archive before the batch |
//! | `select.rs` | drawing parents |
//! | `digest.rs`, `stored.rs` | the archive's hash; its stored form and what is checked on reading it |
//! | `sum.rs` | the exact sum behind the QD score |
//!
//! ```
//! use samara_qd::{Archive, Axis, Grid, Rules, Status, Tessellation};
//! let axes = vec![Axis::bins("tone", 0.0, 1.0, 10)?, Axis::ticks("length", vec![10.0, 100.0])?];
//! let mut archive = Archive::new(Tessellation::Grid(Grid::new(axes)?), Rules::default())?;
//! let added = archive.add(7, 0.9, &[0.3, 55.0])?;
//! assert_eq!((added.status, added.cell), (Status::New, 2 * 3 + 1));
//! # Ok::<(), samara_qd::QdError>(())
//! ```

mod archive;
mod axis;
mod batch;
mod cvt;
mod digest;
mod entry;
mod error;
mod grid;
mod kmeans;
mod nearest;
mod rng;
mod rules;
mod select;
mod stored;
mod sum;
mod tessellation;

pub use archive::Archive;
pub use axis::Axis;
pub use cvt::Cvt;
pub use entry::{Added, Elite, Entry, Stats, Status};
pub use error::QdError;
pub use grid::{Grid, MAX_CELLS};
pub use kmeans::CvtSettings;
pub use rng::Stream;
pub use rules::{MAX_DEPTH, Rules, Soft};
pub use tessellation::Tessellation;
