//! The two laws that a creature can live under.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which rules a creature is set down, driven and scored by. Results of different laws must not meet in one archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// The corrected law: the creature is set down and settles, amplitude is a share of a muscle's length and phase its
    /// place in the cycle, connections of type "distance" are bones, and fitness is how far the centre of mass moves
    /// in the simulated time.
    #[default]
    Paper,
    /// OpenELM's simulator bit for bit, with what it gets wrong: amplitude and phase are exchanged (the phase is a
    /// length in metres), 1,000 ms are 42 steps of falling from a height of 190 m, and fitness is where the creature's
    /// left end is, not how far it came.
    OpenElm,
}
