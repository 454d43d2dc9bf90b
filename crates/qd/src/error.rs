//! What an archive refuses. Every error names the value.

use std::fmt;

/// A value or a description that can't be used. The archive is as it was before.
#[derive(Debug, Clone, PartialEq)]
pub enum QdError {
    /// A measure is NaN or infinite.
    Measure {
        /// Position of the measure.
        position: usize,
        /// The value.
        value: f64,
    },
    /// An objective is NaN or infinite.
    Objective(f64),
    /// The number of measures is not the number of axes.
    Dimensions {
        /// Of the tessellation.
        expected: usize,
        /// Of the measures given.
        given: usize,
    },
    /// An axis, grid or CVT that can't exist.
    Tessellation(String),
    /// Rules that contradict each other.
    Rules(String),
    /// A snapshot that is no archive.
    Snapshot(String),
}

impl fmt::Display for QdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measure { position, value } => {
                write!(f, "measure {position} is {value}, not a finite number")
            }
            Self::Objective(value) => write!(f, "the objective is {value}, not a finite number"),
            Self::Dimensions { expected, given } => {
                write!(f, "{given} measures were given to an archive of {expected} dimensions")
            }
            Self::Tessellation(what) | Self::Rules(what) | Self::Snapshot(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for QdError {}
