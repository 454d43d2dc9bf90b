//! What an evaluator is made from, as data: whoever has it and the inputs it names can evaluate as we do.

use std::collections::BTreeMap;

use samara_search::{AxisSettings, Operator};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What an evaluator is made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluatorSpec {
    /// The environment's name.
    pub environment: String,
    /// Its section.
    pub section: toml::Table,
    /// The archive's axes.
    pub axes: Vec<AxisSettings>,
    /// `search.operator`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// The SHA-256 of every file that the section names, in hexadecimal digits, by the setting's key.
    pub inputs: BTreeMap<String, String>,
}

impl EvaluatorSpec {
    /// The SHA-256 of its JSON, in hexadecimal digits: two evaluators with the same digest give the same scores.
    pub fn digest(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(json).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
