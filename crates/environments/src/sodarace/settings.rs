//! The `[environment]` section of `sodarace`, and the programs that a search begins with.

use std::sync::Arc;

use samara_search::{Invalid, nearest};
use samara_sodarace::{Law, Terrain, constants::MAX_MS};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::programs::{SEEDS, seed};
use crate::{Inputs, program::WritingSettings, source::MOST_TEXTS};

/// Simulated milliseconds of an evaluation, if nothing else is set.
pub const DEFAULT_MS: u32 = 10_000;

/// Height, width and mass.
pub(super) const SHAPE: usize = 3;

/// Terrains of a run at most.
const MOST_TERRAINS: usize = 10;

/// One terrain or several.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Terrains {
    /// One.
    One(Terrain),
    /// Several, in the order in which axes and metrics have them.
    Several(#[schemars(length(min = 1, max = MOST_TERRAINS))] Vec<Terrain>),
}

/// Terrains that have a name.
const NAMED: [&str; 7] = ["flat", "left_wall", "right_wall", "tunnel", "bumps", "hills", "rough"];

impl<'de> Deserialize<'de> for Terrains {
    /// By hand, so that a mistyped name is told with those that there are.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = match toml::Value::deserialize(deserializer)? {
            toml::Value::Array(list) => {
                list.into_iter().map(terrain).collect::<Result<_, _>>().map(Self::Several)
            }
            one => terrain(one).map(Self::One),
        };
        read.map_err(D::Error::custom)
    }
}

fn terrain(value: toml::Value) -> Result<Terrain, String> {
    let told = value.to_string();
    value.try_into().map_err(|_| {
        format!(
            "{told} is no terrain; there are {}, and tables such as {{ kind = \"tunnel\", height = 60 }} or \
             {{ custom = [[[x, y], ...]] }}",
            NAMED.join(", ")
        )
    })
}

impl Default for Terrains {
    fn default() -> Self {
        Self::One(Terrain::Flat)
    }
}

impl Terrains {
    /// All of them.
    pub fn all(&self) -> &[Terrain] {
        match self {
            Self::One(terrain) => std::slice::from_ref(terrain),
            Self::Several(terrains) => terrains,
        }
    }
}

/// What a creature's distances over several terrains come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverTerrains {
    /// The objective is their mean.
    #[default]
    Mean,
    /// The objective is the least of them.
    Worst,
    /// The objective is their mean, and each distance is a measure behind height, width and mass: an axis for each
    /// terrain.
    Axes,
}

impl OverTerrains {
    fn is_mean(&self) -> bool {
        *self == Self::Mean
    }
}

/// The section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "sodarace", transform = samara_search::schema::in_order::<Self>)]
pub struct SodaraceSettings {
    /// Which rules hold. Default `paper`.
    pub law: Law,
    /// What the ground looks like, for the law `paper`: a name, `{ kind = "tunnel", height = 60 }`, `{ custom = [[[x, y],
    /// ...]] }`, or a list of up to ten of them, over each of which every creature walks. Default `flat`.
    pub terrain: Terrains,
    /// What several terrains come to. Default `mean`.
    #[serde(skip_serializing_if = "OverTerrains::is_mean")]
    pub over_terrains: OverTerrains,
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
            terrain: Terrains::default(),
            over_terrains: OverTerrains::Mean,
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
        let terrains = self.terrain.all();
        if !(1..=MOST_TERRAINS).contains(&terrains.len()) {
            let what = format!("has {} terrains", terrains.len());
            return Err(Invalid::new("environment.terrain", what, "name one, or up to ten in a list"));
        }
        if self.law == Law::OpenElm && terrains != [Terrain::Flat] {
            let hint = "remove it, or use the law paper";
            return Err(Invalid::new("environment.terrain", "the law openelm knows flat ground only", hint));
        }
        // A creature would only find out one by one.
        if let Some(fault) = terrains.iter().find_map(Terrain::fault) {
            return Err(Invalid::new("environment.terrain", fault, "change its points, or name a terrain"));
        }
        Ok(())
    }

    /// How many measures a creature has.
    pub(super) fn measures(&self) -> usize {
        let own = if self.over_terrains == OverTerrains::Axes { self.terrain.all().len() } else { 0 };
        SHAPE + own
    }

    /// What the simulation is told, for each terrain.
    pub(super) fn physics(&self) -> Vec<samara_sodarace::Conditions> {
        let on = |terrain: &Terrain| samara_sodarace::Conditions {
            law: self.law,
            terrain: terrain.clone(),
            ..samara_sodarace::Conditions::default()
        };
        self.terrain.all().iter().map(on).collect()
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

#[cfg(test)]
mod terrain_tests {
    use super::*;

    fn read(text: &str) -> Result<SodaraceSettings, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn every_named_terrain_is_read_alone_and_in_lists() {
        for name in NAMED {
            let one = read(&format!("terrain = \"{name}\"")).expect("a terrain").terrain;
            assert_eq!(one.all()[0].name(), name);
        }
        let several = read("terrain = [\"flat\", { kind = \"tunnel\", height = 60 }]").expect("two").terrain;
        assert!(matches!(&several, Terrains::Several(list) if list.len() == 2));
    }

    #[test]
    fn a_mistyped_terrain_is_told_with_those_that_there_are() {
        for (text, named) in [
            ("terrain = \"tunel\"", "\"tunel\" is no terrain"),
            ("terrain = [\"flat\", 3]", "3 is no terrain"),
        ] {
            let told = read(text).expect_err("no terrain");
            assert!(told.contains(named) && told.contains("left_wall, right_wall, tunnel"), "{told}");
        }
    }
}
