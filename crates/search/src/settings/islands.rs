//! The `[search.islands]` section.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::MOST_STEPS;
use crate::Invalid;

/// The `[search.islands]` section: populations that evolve side by side and exchange their best now and then.
/// Candidate i belongs to island i modulo `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct IslandSettings {
    /// How many, 1 to 1,000. Default 1: a single population.
    #[schemars(range(min = 1, max = 1000))]
    pub count: u32,
    /// Settled candidates from one migration to the next, 1 or more. Default 200.
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub migration_interval: u64,
    /// Elites that each island copies to the next one in the ring, its best first; 0 for no migration. Default 5.
    #[schemars(range(min = 0, max = 1000000))]
    pub migrants: usize,
}

impl Default for IslandSettings {
    fn default() -> Self {
        Self { count: 1, migration_interval: 200, migrants: 5 }
    }
}

impl IslandSettings {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        let bad = |key: &str, what: String, hint: &str| {
            Err(Invalid::new(format!("search.islands.{key}"), what, hint))
        };
        if !(1..=1000).contains(&self.count) {
            return bad(
                "count",
                format!("is {}", self.count),
                "set it from 1 to 1000; 1 is a single population",
            );
        }
        if self.migration_interval == 0 {
            return bad(
                "migration_interval",
                "is 0".into(),
                "200 is the default; migrants = 0 turns migration off",
            );
        }
        Ok(())
    }
}
