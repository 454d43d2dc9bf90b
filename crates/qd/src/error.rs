//! What can be wrong with what the crate is given. Nothing here is a bug of the caller's program: the values
//! come from configurations, stored archives and evaluations. Misuse that only a bug can cause panics instead,
//! and is listed under "Panics" where it can happen.

use std::fmt;

/// A value that the crate refuses. Displayed as a lower-case fragment that names the value, with a line
/// `hint: ...` where there is a next step.
#[derive(Clone, Debug, PartialEq)]
pub enum QdError {
    /// An objective that is NaN or infinite; the archive was not touched.
    NonFiniteObjective {
        /// The candidate's id.
        id: u64,
        /// The refused value.
        value: f64,
    },
    /// A measure that is NaN or infinite; the archive was not touched.
    NonFiniteMeasure {
        /// The candidate's id.
        id: u64,
        /// Position of the measure, from 0.
        dimension: usize,
        /// The refused value.
        value: f64,
    },
    /// A list of measures of the wrong length; the archive was not touched.
    WrongDimensions {
        /// The candidate's id.
        id: u64,
        /// Number of measures of the archive.
        expected: usize,
        /// Number of measures given.
        got: usize,
    },
    /// An axis that cannot be cut as asked.
    Axis {
        /// The axis's name.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Axes that make no grid together.
    Grid {
        /// What is wrong with them.
        problem: String,
    },
    /// Centroids, or settings for finding them, that make no tessellation.
    Cvt {
        /// What is wrong with them.
        problem: String,
    },
    /// Rules that no archive can follow.
    Rules {
        /// What is wrong with them.
        problem: String,
    },
    /// A stored archive that contradicts itself.
    Stored {
        /// Where, and what is wrong.
        problem: String,
    },
}

impl fmt::Display for QdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QdError::NonFiniteObjective { id, value } => {
                write!(f, "objective of candidate {id} is {value}, not a finite number")?;
                write!(f, "\nhint: record the candidate as failed instead of offering it")
            }
            QdError::NonFiniteMeasure { id, dimension, value } => {
                write!(f, "measure {dimension} of candidate {id} is {value}, not a finite number")?;
                write!(f, "\nhint: record the candidate as failed instead of offering it")
            }
            QdError::WrongDimensions { id, expected, got } => {
                write!(f, "candidate {id} has {got} measures, the archive has {expected}")
            }
            QdError::Axis { name, problem } => write!(f, "axis {name:?}: {problem}"),
            QdError::Grid { problem } => write!(f, "grid: {problem}"),
            QdError::Cvt { problem } => write!(f, "cvt: {problem}"),
            QdError::Rules { problem } => write!(f, "rules of the archive: {problem}"),
            QdError::Stored { problem } => {
                write!(f, "stored archive: {problem}\nhint: rebuild it from the run's candidates")
            }
        }
    }
}

impl std::error::Error for QdError {}
