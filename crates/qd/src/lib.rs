//! Quality-diversity archives: what is kept, where, and what is chosen from it.
//!
//! - [`axis`], [`grid`], [`cvt`], [`tessellation`]: how measure space is cut into cells;
//! - [`archive`]: the elites, the add status, the statistics; [`sum`]: exact sums for them; [`select`]: choosing
//!   among elites; [`places`], [`novelty`]: archives without cells;
//! - [`emitters`]: what proposes vectors (Gaussian, lines, CMA-ES), and generations of them;
//! - [`snapshot`]: an archive as data (serde); [`digest`]: an archive as a hash;
//! - [`stream`]: counter-based random streams, the project's only source of randomness.
//!
//! No I/O, no clocks, no async, no language models.

pub mod archive;
pub mod axis;
pub mod cvt;
pub mod digest;
pub mod emitters;
pub mod error;
pub mod grid;
mod kdtree;
pub mod novelty;
pub mod places;
pub mod select;
pub mod snapshot;
pub mod stream;
pub mod sum;
mod symmetric;
pub mod tessellation;

pub use archive::{Added, Archive, Elite, Entry, Rules, Soft, Stats, Status};
pub use axis::Axis;
pub use cvt::{Cvt, CvtSettings};
pub use error::QdError;
pub use grid::Grid;
pub use novelty::Novelty;
pub use places::Places;
pub use stream::Stream;
pub use sum::ExactSum;
pub use tessellation::Tessellation;
