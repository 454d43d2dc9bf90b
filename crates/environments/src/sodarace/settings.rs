//! The `[environment]` section of `sodarace`, and the programs that a search begins with.

use std::sync::Arc;

use samara_search::{Invalid, nearest};
use samara_sodarace::{Law, Terrain, constants::MAX_MS};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::programs::{SEEDS, seed};
use crate::{Inputs, program::WritingSettings, source::MOST_TEXTS};

/// Simulated milliseconds of an evaluation, if nothing else is set.
pub const DEFAULT_MS: u32 = 10_000;

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "sodarace", transform = samara_search::schema::in_order::<Self>)]
pub struct SodaraceSettings {
    /// Which rules hold. Default `paper`.
    pub law: Law,
    /// What the ground looks like, for the law `paper`. Default `flat`.
    pub terrain: Terrain,
    /// Simulated milliseconds, 1 to 3,600,000. Default 10,000.
    #[schemars(range(min = 1, max = MAX_MS))]
    pub ms: u32,
    /// Whether creatures beyond OpenELM's limits (an amplitude above 10, more than 10 connections at a joint, joints
    /// closer than 0.003) are invalid. Default true.
    pub validate: bool,
    /// The programs to begin with: names of seeds that come with samara, or files that end with `.py`; a relative
    /// path starts at the experiment's file. A hundred at most. Default: `square`, `radial`, `wheel`, `cppn_fixed` and `cppn_mutable`.
    #[schemars(length(min = 1, max = MOST_TEXTS))]
    pub seeds: Vec<String>,
    /// How the generator is asked for programs.
    pub writing: WritingSettings,
}

impl Default for SodaraceSettings {
    fn default() -> Self {
        let examples = SEEDS.iter().filter(|seed| seed.is_example).map(|seed| seed.name.to_owned());
        Self {
            law: Law::Paper,
            terrain: Terrain::Flat,
            ms: DEFAULT_MS,
            validate: true,
            seeds: examples.collect(),
            writing: WritingSettings::default(),
        }
    }
}

impl SodaraceSettings {
    /// Checks all but the seeds.
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        if !(1..=MAX_MS).contains(&self.ms) {
            let hint = "set it from 1 to 3600000; 10000 is the default";
            return Err(Invalid::new("environment.ms", format!("is {}", self.ms), hint));
        }
        if self.law == Law::OpenElm && self.terrain != Terrain::Flat {
            let hint = "remove it, or use the law paper";
            return Err(Invalid::new("environment.terrain", "the law openelm knows flat ground only", hint));
        }
        // A creature would only find out one by one.
        if let Some(fault) = self.terrain.fault() {
            return Err(Invalid::new("environment.terrain", fault, "change its points, or name a terrain"));
        }
        Ok(())
    }

    /// What the simulation is told.
    pub(super) fn physics(&self) -> samara_sodarace::Conditions {
        samara_sodarace::Conditions {
            law: self.law,
            terrain: self.terrain.clone(),
            ..samara_sodarace::Conditions::default()
        }
    }

    /// The texts of the seeds.
    pub(super) fn read_seeds(&self, inputs: &Inputs) -> Result<Vec<Arc<str>>, Invalid> {
        if self.seeds.is_empty() {
            let hint = "name at least one, such as square";
            return Err(Invalid::new("environment.seeds", "is empty", hint));
        }
        self.seeds.iter().enumerate().map(|(place, name)| read_seed(place, name, inputs)).collect()
    }
}

fn read_seed(place: usize, name: &str, inputs: &Inputs) -> Result<Arc<str>, Invalid> {
    let key = format!("environment.seeds[{place}]");
    if let Some(seed) = seed(name) {
        // What the library has need not stand in a prompt.
        return Ok(if seed.is_example { seed.function() } else { seed.program }.into());
    }
    if !name.ends_with(".py") {
        let names: Vec<&str> = SEEDS.iter().map(|seed| seed.name).collect();
        let hint = format!("{}; a file with a program ends with .py", nearest(name, &names));
        return Err(Invalid::new(key, format!("there is no seed `{name}`"), hint));
    }
    let text = inputs.text(&key, name, "a relative path starts at the experiment's file")?;
    if text.contains("def make_walker(") {
        return Ok(text.into());
    }
    Err(Invalid::new(
        key,
        format!("{name} does not define make_walker()"),
        "write `def make_walker():` in it",
    ))
}
