//! What an archive refuses. Every error names the value.

/// A value or a description that can't be used. The archive is as it was before.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QdError {
    /// A measure is NaN or infinite.
    #[error("measure {position} is {value:?}, not a finite number")]
    Measure {
        /// Position of the measure, from 0.
        position: usize,
        /// The value.
        value: f64,
    },
    /// An objective is NaN or infinite.
    #[error("the objective is {0}, not a finite number")]
    Objective(f64),
    /// The number of measures is not the number of axes.
    #[error("{given} measures were given to an archive of {expected} dimensions")]
    Dimensions {
        /// Of the tessellation.
        expected: usize,
        /// Of the measures given.
        given: usize,
    },
    /// An axis, grid or CVT that can't exist.
    #[error("{0}")]
    Tessellation(String),
    /// Rules that contradict each other.
    #[error("{0}")]
    Rules(String),
    /// A snapshot that is no archive.
    #[error("not a snapshot of an archive: {0}")]
    Snapshot(&'static str),
    /// A serialised random stream that is none.
    #[error("not a random stream: {0}")]
    Stream(&'static str),
}
