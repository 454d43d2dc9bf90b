//! How candidates are proposed: by varying elites, or by a baseline to compare that with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How candidates are proposed. An archive records what every strategy finds; only `qdaif` proposes from it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(with = "String")]
#[serde(from = "String", into = "String")]
pub enum Strategy {
    /// Elites of the archive are varied, by the environment's own operators.
    #[default]
    Qdaif,
    /// Every candidate is created, none varied, nothing learnt. For every environment.
    RandomSearch,
    /// A baseline that an environment knows by this name; nothing is varied.
    Own(String),
}

impl Strategy {
    /// Its name in `search.strategy`.
    pub fn name(&self) -> &str {
        match self {
            Self::Qdaif => "qdaif",
            Self::RandomSearch => "random_search",
            Self::Own(name) => name,
        }
    }

    /// Whether candidates are varied from elites once `init_steps` are over.
    pub fn varies(&self) -> bool {
        *self == Self::Qdaif
    }
}

impl From<String> for Strategy {
    fn from(name: String) -> Self {
        match name.as_str() {
            "qdaif" => Self::Qdaif,
            "random_search" => Self::RandomSearch,
            _ => Self::Own(name),
        }
    }
}

impl From<Strategy> for String {
    fn from(strategy: Strategy) -> Self {
        strategy.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strategy_is_read_by_its_name_and_written_by_it() {
        for (name, strategy, varies) in [
            ("qdaif", Strategy::Qdaif, true),
            ("random_search", Strategy::RandomSearch, false),
            ("fixed_few_shot", Strategy::Own("fixed_few_shot".to_owned()), false),
        ] {
            let read: Strategy = serde_json::from_value(name.into()).expect("a name");
            assert_eq!((&read, read.varies(), read.name()), (&strategy, varies, name));
            assert_eq!(serde_json::to_value(read).expect("a name"), name);
        }
    }
}
