//! OpenEvolve's checkpoints: a run written as one, and the programs of one read to begin with.
//!
//! The layout is that of its version 0.4.1:
//!
//! ```text
//! OUT/checkpoints/checkpoint_N/metadata.json             who is where: islands, their maps, the archive, the best
//!                              programs/ID.json          a program each
//!                              best_program.ENDING, best_program_info.json
//! OUT/best/best_program.ENDING, best_program_info.json
//! ```

mod read;
mod write;

pub(crate) use read::programs;
pub(crate) use write::write;
