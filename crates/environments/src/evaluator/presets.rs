//! Presets: tables of defaults over the sections of an experiment, filled in where a file says nothing.

use samara_search::{Invalid, nearest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose defaults hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Chosen on tasks other than those that samara's benchmarks report.
    #[default]
    Samara,
    /// OpenEvolve 0.4.1's: five islands, ratios of 0.2 and 0.7, a grid of complexity and diversity.
    Openevolve,
    /// ShinkaEvolve's: two islands, diffs, rewrites and crossover at 0.6, 0.3 and 0.1, near duplicates written anew.
    Shinka,
    /// LEVI's: four diverse seeds, a CVT of 50 cells over features of the syntax.
    Levi,
}

const SAMARA: &str = r#"
[search]
init_steps = 0
duplicates = "rewrite"
total_steps = 400
window = 4
concurrency = 4
max_failures = 50
[[axes]]
name = "complexity"
bins = 10
[[axes]]
name = "diversity"
bins = 10
"#;

const OPENEVOLVE: &str = r#"
[environment.variation]
diff = 1.0
rewrite = 0.0
crossover = 0.0
fix = 0.0
gp = 0.0
carry = 0.0
tune = 0.0
choice = "weights"
[environment.selection]
exploitation = 0.7
exploration = 0.2
top_programs = 3
inspirations = 2
patience = 0
[search]
init_steps = 0
duplicates = "rewrite"
total_steps = 100
window = 4
concurrency = 4
max_failures = 50
[search.islands]
count = 5
migration_interval = 50
migrants = 2
[[axes]]
name = "complexity"
bins = 10
[[axes]]
name = "diversity"
bins = 10
"#;

const SHINKA: &str = r#"
[environment.variation]
diff = 0.6
rewrite = 0.3
crossover = 0.1
fix = 0.1
gp = 0.0
carry = 0.0
tune = 0.0
choice = "weights"
[environment.selection]
exploitation = 0.3
exploration = 0.2
top_programs = 2
inspirations = 4
patience = 0
[environment.screening]
similarity = 0.995
[search]
init_steps = 0
duplicates = "rewrite"
total_steps = 100
window = 4
concurrency = 4
max_failures = 50
[search.islands]
count = 2
migration_interval = 20
migrants = 1
[[axes]]
name = "complexity"
bins = 10
[[axes]]
name = "diversity"
bins = 10
"#;

const LEVI: &str = r#"
[environment.variation]
diff = 0.3
rewrite = 0.5
crossover = 0.2
fix = 0.1
gp = 0.0
carry = 0.0
tune = 0.0
choice = "weights"
[environment.selection]
exploitation = 0.3
exploration = 0.5
top_programs = 1
inspirations = 2
patience = 40
[search]
algorithm = "cvt_map_elites"
init_steps = 4
duplicates = "rewrite"
total_steps = 200
window = 4
concurrency = 4
max_failures = 50
[search.cvt]
cells = 50
samples = 5000
[[axes]]
name = "loops"
[[axes]]
name = "branches"
[[axes]]
name = "depth"
[[axes]]
name = "operators"
"#;

impl Preset {
    /// All presets.
    pub const ALL: [Self; 4] = [Self::Samara, Self::Openevolve, Self::Shinka, Self::Levi];

    /// Its name in `environment.preset`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Samara => "samara",
            Self::Openevolve => "openevolve",
            Self::Shinka => "shinka",
            Self::Levi => "levi",
        }
    }

    /// Its defaults, as the TOML of an experiment without `[experiment]`. What it does not name has the section's own
    /// default.
    ///
    /// # Panics
    /// Never: the tables are constants, and each is read by a test.
    pub fn table(self) -> toml::Table {
        let text = match self {
            Self::Samara => SAMARA,
            Self::Openevolve => OPENEVOLVE,
            Self::Shinka => SHINKA,
            Self::Levi => LEVI,
        };
        text.parse().expect("a preset is TOML")
    }
}

/// Fills what an experiment of this environment leaves out with its preset's defaults: keys of tables one by one, lists
/// (the axes) as a whole. Filling twice is filling once.
///
/// # Errors
/// `environment.preset` names none.
pub fn fill(config: &mut toml::Table) -> Result<(), Invalid> {
    let named =
        config.get("environment").and_then(|section| section.get("preset")).and_then(toml::Value::as_str);
    let preset = match named {
        None => Preset::default(),
        Some(name) => Preset::ALL.into_iter().find(|preset| preset.name() == name).ok_or_else(|| {
            let known = Preset::ALL.map(Preset::name);
            let what = format!("`{name}` is not one of its values");
            Invalid::new("environment.preset", what, nearest(name, &known))
        })?,
    };
    let mut defaults = preset.table();
    let window =
        config.get("search").and_then(|search| search.get("window")).and_then(toml::Value::as_integer);
    // A window without a concurrency is meant to be used, and neither may be the larger.
    if let (Some(window), Some(toml::Value::Table(search))) = (window, defaults.get_mut("search")) {
        search.insert("concurrency".into(), window.into());
    }
    fill_table(config, defaults);
    Ok(())
}

fn fill_table(into: &mut toml::Table, defaults: toml::Table) {
    for (key, default) in defaults {
        match (into.get_mut(&key), default) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(defaults)) => fill_table(inner, defaults),
            (Some(_), _) => {}
            (None, default) => {
                into.insert(key, default);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_says_stays_and_the_rest_is_the_presets() {
        let text = "[environment]\npreset = \"openevolve\"\n[environment.variation]\ngp = 0.5\n[search]\nwindow = 9\n";
        let mut config: toml::Table = text.parse().expect("TOML");
        fill(&mut config).expect("a preset");
        let variation = &config["environment"]["variation"];
        assert_eq!((variation["gp"].as_float(), variation["diff"].as_float()), (Some(0.5), Some(1.0)));
        assert_eq!(config["search"]["window"].as_integer(), Some(9));
        assert_eq!(config["search"]["concurrency"].as_integer(), Some(9));
        assert_eq!(config["search"]["islands"]["count"].as_integer(), Some(5));
        assert_eq!(config["axes"].as_array().map(Vec::len), Some(2));
        let once = config.clone();
        fill(&mut config).expect("a preset");
        assert_eq!(config, once);
    }

    #[test]
    fn axes_of_a_file_are_not_mixed_with_the_presets() {
        let mut config: toml::Table = "[[axes]]\nname = \"score\"\nbins = 3\n".parse().expect("TOML");
        fill(&mut config).expect("a preset");
        assert_eq!(config["axes"].as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn a_preset_that_is_none_is_refused_with_the_nearest() {
        let mut config: toml::Table = "[environment]\npreset = \"openevolv\"\n".parse().expect("TOML");
        let error = fill(&mut config).expect_err("no preset");
        assert_eq!(error.key, "environment.preset");
        assert!(error.hint.contains("openevolve"), "{error}");
    }

    #[test]
    fn every_preset_is_a_search_that_validates() {
        for preset in Preset::ALL {
            let table = preset.table();
            let search: samara_search::SearchSettings =
                samara_search::schema::read(table["search"].as_table().expect("a table"), "search")
                    .expect("settings");
            search.validate().expect("it is valid");
        }
    }
}
