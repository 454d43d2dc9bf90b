//! Why a recorded run can't be folded.

use crate::Fate;

/// A recorded candidate or migration that folding the run does not give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Candidates come in index order.
    #[error("candidate {found} comes where candidate {expected} should")]
    Order {
        /// The next index.
        expected: u64,
        /// The index that came.
        found: u64,
    },
    /// Another fate, cell or island.
    #[error("candidate {index} is recorded as {recorded}, but folding the run gives {folded}")]
    Candidate {
        /// The candidate.
        index: u64,
        /// What the record says.
        recorded: String,
        /// What folding gives.
        folded: String,
    },
    /// Another migration, or none.
    #[error("the migration after {after} candidates is not the one that folding the run gives")]
    Migration {
        /// How many candidates were settled.
        after: u64,
    },
}

/// What the archive made of a candidate: on which island, and the cell.
pub(crate) type Made<'a> = (u32, &'a Fate, Option<u64>);

impl FoldError {
    /// Refuses an island, a fate or a cell that is not the recorded one.
    pub(crate) fn check(index: u64, recorded: Made<'_>, folded: Made<'_>) -> Result<(), Self> {
        if recorded == folded {
            return Ok(());
        }
        let said = |(island, fate, cell): Made<'_>| {
            let cell = cell.map_or(String::new(), |cell| format!(" in cell {cell}"));
            let on = if recorded.0 == folded.0 { String::new() } else { format!(" on island {island}") };
            format!("{}{cell}{on}", fate.name())
        };
        Err(Self::Candidate { index, recorded: said(recorded), folded: said(folded) })
    }
}
