//! How a candidate did: objective, measures, named numbers and what a person or a prompt may want to see.
//!
//! Pure data. What numbers mean is the environment's business; artifacts are in [`crate::artifact`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Artifact, number};

/// How a candidate did.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Higher is better.
    #[serde(with = "number::one")]
    pub objective: f64,
    /// One number per axis of the archive, in the order of the axes.
    #[serde(with = "number::list")]
    pub measures: Vec<f64>,
    /// Named numbers beside them, such as the parts of the objective. They never decide anything by themselves.
    #[serde(default, with = "number::named", skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Named texts and pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
    /// The last stage of a cascade that it reached, from 1; `None` where evaluation has no stages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<u32>,
}

impl Score {
    /// A score of an objective and measures alone.
    pub fn new(objective: f64, measures: Vec<f64>) -> Self {
        Self { objective, measures, ..Self::default() }
    }
}
