//! The `[search]` and `[[axes]]` sections of an experiment, and how they become an archive.
//!
//! Reading files and naming the file in an error is the command line's; here a section is checked and built.

use samara_qd::{Archive, Axis, Cvt, CvtSettings, Grid, Rules, Soft, Tessellation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BudgetSettings, Invalid, Strategy, budget, commanding::commands, schema, stops};

/// Which cells the archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// MAP-Elites (Mouret & Clune 2015, arXiv 1504.04909): a grid of the axes' bins or ticks.
    #[default]
    MapElites,
    /// CVT-MAP-Elites (Vassiliades et al. 2016, arXiv 1610.05729): the cells are a centroidal Voronoi tessellation of
    /// the axes' ranges.
    CvtMapElites,
}

/// How an environment of programs writes a new one from elites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// The generator is shown the parent as a program with a bug, and writes the fixed one (Lehman et al. 2022, ELM,
    /// arXiv 2206.08896; OpenELM's prompt mutation).
    Prompt,
    /// The generator writes a diff of the parent (ELM's diff models).
    Diff,
    /// The generator continues a list of elites (Meyerson et al. 2023, LMX, arXiv 2302.12170).
    Crossover,
    /// No model: numbers, loops and calls of the parent's syntax tree are perturbed. The ELM paper's baseline.
    Gp,
}

impl Operator {
    /// Its name in `search.operator`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Diff => "diff",
            Self::Crossover => "crossover",
            Self::Gp => "gp",
        }
    }
}

/// What becomes of a candidate whose genome is that of an earlier one, which had settled when it was planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// It is evaluated and judged like any other. (Where no model judges, equal genomes share one evaluation.)
    #[default]
    Evaluate,
    /// It is written anew, up to three times; if it is still a duplicate then, it is invalid.
    Rewrite,
    /// It is invalid.
    Refuse,
}

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
    fn validate(&self) -> Result<(), Invalid> {
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

/// The `[search]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct SearchSettings {
    /// Which cells the archive has. Default `map_elites`.
    pub algorithm: Algorithm,
    /// How candidates are proposed: `qdaif` (elites are varied), `random_search` (every candidate is created, none
    /// varied), or a baseline of the environment's own to compare it with. Default `qdaif`.
    pub strategy: Strategy,
    /// How programs are written from elites. Default: the environment's own; environments of other genomes have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// Candidates created before variation starts; baselines vary none. Default 50.
    #[schemars(range(min = 0, max = MOST_STEPS))]
    pub init_steps: u64,
    /// Candidates in total. Default 2,000.
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub total_steps: u64,
    /// Most candidates alive at once, 1 to `window`: fewer are while their models' servers have no room for more. Never
    /// changes the outcome. Default 16.
    #[schemars(range(min = 1, max = MAX_WINDOW))]
    pub concurrency: usize,
    /// Candidate i is proposed from the state after candidate i - window has settled. 1 is the sequential
    /// algorithm; a larger window keeps more model calls in flight, and proposes from an older archive. Default 32.
    #[schemars(range(min = 1, max = MAX_WINDOW))]
    pub window: usize,
    /// The run's seed, 0 to 2^63 - 1. Default 0.
    #[schemars(range(min = 0, max = MAX_SEED))]
    pub seed: u64,
    /// Elites kept per cell, best first. Default 1.
    #[schemars(range(min = 1, max = MOST_DEPTH))]
    pub depth: usize,
    /// Subtracted from each elite's objective in the QD score, so that negative objectives count. Default 0.
    #[schemars(range(min = -MOST, max = MOST))]
    pub qd_offset: f64,
    /// A soft archive (CMA-MAE, Fontaine & Nikolaidis 2023): how fast a cell's threshold follows what it accepts,
    /// 0 to 1. Needs `threshold_min`, and a depth of 1. Default: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub learning_rate: Option<f64>,
    /// A soft archive: the threshold of an empty cell. Needs `learning_rate`. Default: off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MOST, max = MOST))]
    pub threshold_min: Option<f64>,
    /// The run ends once an objective is as good as this; candidates that are planned by then are still made. Default:
    /// no target.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -MOST, max = MOST))]
    pub target_score: Option<f64>,
    /// Scored candidates in a row, none of them better than the best by more than `patience_margin`, after which the run
    /// ends; candidates that are planned by then are still made. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub patience: Option<u64>,
    /// By how much more than the best an objective must be for `patience` to begin anew, 0 or more. Default 0.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = MOST))]
    pub patience_margin: f64,
    /// Failed candidates in a row after which the run stops. Default 20.
    #[schemars(range(min = 1, max = MOST_STEPS))]
    pub max_failures: u64,
    /// What becomes of a candidate whose genome is that of an earlier one. Default `evaluate`.
    pub duplicates: Duplicates,
    /// The cells of `cvt_map_elites`.
    pub cvt: CvtSection,
    /// Several populations in place of one.
    pub islands: IslandSettings,
    /// What the run may spend.
    pub budget: BudgetSettings,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::MapElites,
            strategy: Strategy::Qdaif,
            operator: None,
            init_steps: 50,
            total_steps: 2000,
            concurrency: 16,
            window: 32,
            seed: 0,
            depth: 1,
            qd_offset: 0.0,
            learning_rate: None,
            threshold_min: None,
            target_score: None,
            patience: None,
            patience_margin: 0.0,
            max_failures: 20,
            duplicates: Duplicates::Evaluate,
            cvt: CvtSection::default(),
            islands: IslandSettings::default(),
            budget: BudgetSettings::default(),
        }
    }
}

/// The `[search.cvt]` section: the cells of `cvt_map_elites`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct CvtSection {
    /// Number of cells. Default 1,000.
    #[schemars(range(min = 1, max = MOST_CELLS))]
    pub cells: usize,
    /// Uniform samples of the measure space that k-means clusters, at least as many as cells. Default 25,000.
    #[schemars(range(min = 1, max = MOST_SAMPLES))]
    pub samples: usize,
    /// Most iterations of k-means. Default 100.
    #[schemars(range(min = 1, max = 1000000))]
    pub max_iterations: usize,
}

impl Default for CvtSection {
    fn default() -> Self {
        Self { cells: 1000, samples: 25_000, max_iterations: 100 }
    }
}

/// The largest window: a candidate waiting in the reorder buffer holds its genome and its calls in memory.
const MAX_WINDOW: usize = 65_536;
/// The most candidates, calls or tokens of a run: floats count them without a gap.
pub(crate) const MOST_STEPS: u64 = 1_000_000_000_000_000;
/// The largest size of an objective or a measure that a setting names: sums, squares and differences of such are numbers.
pub(crate) const MOST: f64 = 1e100;
/// The most cells of an axis or a CVT; an archive allocates all of its cells.
const MOST_CELLS: usize = 1 << 24;
/// The most elites of a cell, in an archive of one cell.
const MOST_DEPTH: usize = MOST_PLACES;
/// The most places for elites in all archives of a run, cells times depth: a search allocates them, a reader takes on as
/// many.
pub const MOST_PLACES: usize = 1 << 24;
/// The most steps of k-means, samples times iterations: some minutes.
const MOST_KMEANS: usize = 1 << 32;
/// The most axes of an archive.
pub const MOST_AXES: usize = 100;
/// The most ticks of an axis.
const MOST_TICKS: usize = 10_000;
/// The most categories of an axis.
const MOST_CATEGORIES: usize = 1000;
/// The most characters of a name: of an experiment, of an axis.
pub const MOST_NAME: usize = 200;
/// The most samples of k-means, on one axis.
const MOST_SAMPLES: usize = 1 << 28;
/// SQLite and most servers count in signed 64-bit integers.
const MAX_SEED: u64 = i64::MAX as u64;

impl SearchSettings {
    /// Checks every value that does not depend on the axes.
    pub fn validate(&self) -> Result<(), Invalid> {
        let bad =
            |key: &str, what: String, hint: &str| Err(Invalid::new(format!("search.{key}"), what, hint));
        if self.total_steps == 0 {
            return bad("total_steps", "is 0".into(), "a run needs at least one candidate");
        }
        if self.window == 0 || self.window > MAX_WINDOW {
            return bad("window", format!("is {}", self.window), "set it from 1 to 65536; 32 is the default");
        }
        if self.concurrency == 0 || self.concurrency > self.window {
            let what = format!("is {}, but search.window is {}", self.concurrency, self.window);
            return bad("concurrency", what, "set it from 1 to search.window, or widen the window");
        }
        if self.seed > MAX_SEED {
            return bad("seed", format!("is {}", self.seed), "seeds go from 0 to 2^63 - 1");
        }
        if self.max_failures == 0 {
            return bad("max_failures", "is 0".into(), "set it to 1 or more; 20 is the default");
        }
        if self.learning_rate.is_some() != self.threshold_min.is_some() {
            let what = "learning_rate and threshold_min only work together".to_owned();
            return bad("learning_rate", what, "set both for a soft archive, or neither");
        }
        self.islands.validate()?;
        stops::validate(self)?;
        budget::validate(&self.budget)
    }

    /// What the archive keeps.
    pub fn rules(&self) -> Rules {
        let soft = self
            .learning_rate
            .zip(self.threshold_min)
            .map(|(learning_rate, threshold_min)| Soft { learning_rate, threshold_min });
        Rules { depth: self.depth, soft, qd_offset: self.qd_offset }
    }

    /// The empty archive that these settings and axes describe.
    pub fn archive(&self, axes: &[AxisSettings]) -> Result<Archive, Invalid> {
        self.archive_of(self.tessellation(axes)?)
    }

    /// How many places for elites the archives of a run have, all islands' and the one of all that was found; `None` if
    /// they are beyond counting. `cells` are known of cells that are there; those of a grid follow from its axes.
    pub fn places(&self, axes: &[AxisSettings], cells: Option<usize>) -> Option<usize> {
        let cells = match (cells, self.algorithm) {
            (Some(cells), _) => cells,
            (None, Algorithm::CvtMapElites) => self.cvt.cells,
            (None, Algorithm::MapElites) => {
                axes.iter().try_fold(1_usize, |cells, axis| cells.checked_mul(axis.cells().max(1)))?
            }
        };
        let archives = match self.islands.count {
            0 | 1 => 1,
            count => count as usize + 1,
        };
        cells.checked_mul(self.depth.max(1))?.checked_mul(archives)
    }

    /// Refuses archives with more than [`MOST_PLACES`], before anything is allocated.
    fn check_places(&self, axes: &[AxisSettings], cells: Option<usize>) -> Result<(), Invalid> {
        if self.places(axes, cells).is_some_and(|places| places <= MOST_PLACES) {
            return Ok(());
        }
        let what = format!("the archives would have more than {MOST_PLACES} places for elites");
        Err(Invalid::new("axes", what, "use fewer bins, axes or islands, or a smaller search.depth"))
    }

    /// The empty archive with these cells.
    pub fn archive_of(&self, tessellation: Tessellation) -> Result<Archive, Invalid> {
        self.check_places(&[], Some(tessellation.cells()))?;
        Archive::new(tessellation, self.rules()).map_err(|error| {
            Invalid::new("search", error.to_string(), "see depth, learning_rate, threshold_min and qd_offset")
        })
    }

    /// The cells that these settings and axes describe. Those of a CVT are the work of k-means.
    pub fn tessellation(&self, axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
        self.tessellation_around(&[], axes)
    }

    /// The same, where measures are known to lie around these points: a CVT has small cells there. A grid's cells follow
    /// from its axes alone.
    pub fn tessellation_around(
        &self,
        points: &[Vec<f64>],
        axes: &[AxisSettings],
    ) -> Result<Tessellation, Invalid> {
        self.check_places(axes, None)?;
        match self.algorithm {
            Algorithm::CvtMapElites => self.cvt(points, axes),
            Algorithm::MapElites => grid(axes),
        }
    }

    fn cvt(&self, points: &[Vec<f64>], axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
        let steps = self.cvt.samples.checked_mul(self.cvt.max_iterations.max(1));
        if steps.is_none_or(|steps| steps > MOST_KMEANS) {
            let what = format!("samples times max_iterations is more than {MOST_KMEANS}");
            return Err(Invalid::new(
                "search.cvt",
                what,
                "k-means would not end; 25000 and 100 are the defaults",
            ));
        }
        if let Some(i) = axes.iter().position(|axis| axis.categories.is_some()) {
            return Err(Invalid::new(
                format!("axes[{i}].categories"),
                "categories have no distances that a CVT could be cut by",
                "use search.algorithm = \"map_elites\", which may have other axes beside this one",
            ));
        }
        let ranges = axes.iter().enumerate().map(|(i, axis)| axis.range(i)).collect::<Result<Vec<_>, _>>()?;
        let settings = CvtSettings {
            cells: self.cvt.cells,
            samples: self.cvt.samples,
            max_iterations: self.cvt.max_iterations,
            ranges,
            ..CvtSettings::default()
        };
        let made = if points.is_empty() {
            Cvt::kmeans(&settings, self.seed)
        } else {
            Cvt::kmeans_around(points, &settings, self.seed)
        };
        made.map(Tessellation::Cvt)
            .map_err(|error| Invalid::new("search.cvt", error.to_string(), "cells >= 1, samples >= cells"))
    }
}

fn grid(axes: &[AxisSettings]) -> Result<Tessellation, Invalid> {
    let built = axes.iter().enumerate().map(|(i, axis)| axis.build(i)).collect::<Result<Vec<_>, _>>()?;
    Grid::new(built)
        .map(Tessellation::Grid)
        .map_err(|error| Invalid::new("axes", error.to_string(), "use fewer bins or fewer axes"))
}

/// One `[[axes]]` entry: a measure and how it is cut into cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct AxisSettings {
    /// The measure's name, 200 characters at most. Axes stand in the order of the environment's measures; there are 100
    /// at most.
    #[schemars(length(max = MOST_NAME))]
    pub name: String,
    /// Lowest and highest value of even bins, or of a CVT; values outside go to the first and last cell.
    /// Default `[0, 1]`.
    #[serde(default = "unit_range")]
    #[schemars(inner(range(min = -MOST, max = MOST)))]
    pub range: [f64; 2],
    /// Number of even cells of a grid. Either this or `ticks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_CELLS))]
    pub bins: Option<usize>,
    /// Inner edges, strictly increasing: n ticks make n + 1 cells, and a value on a tick belongs to the cell above.
    /// 10,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TICKS), inner(range(min = -MOST, max = MOST)))]
    pub ticks: Option<Vec<f64>>,
    /// Named cells in place of bins and ticks: 2 to 1,000 different names, of 200 characters at most. The measure of a
    /// category is its index, 0 for the first. Categories have no order: for `lmx_near`, two different ones are one step
    /// apart. Not for a CVT, and only where the environment's measure is one of categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = MOST_CATEGORIES))]
    pub categories: Option<Vec<String>>,
}

/// The `[[axes]]` of an experiment.
///
/// # Errors
/// Names the axis and its key.
pub fn axes(sections: &[toml::Table]) -> Result<Vec<AxisSettings>, Invalid> {
    if sections.len() > MOST_AXES {
        let what = format!("there are {} axes", sections.len());
        return Err(Invalid::new(
            "axes",
            what,
            format!("use {MOST_AXES} at most; people look at one or two"),
        ));
    }
    let axis = |(i, section): (usize, &toml::Table)| {
        let axis: AxisSettings = schema::read(section, &format!("axes[{i}]"))?;
        plain_name(&axis.name, &format!("axes[{i}].name"))?;
        Ok(axis)
    };
    sections.iter().enumerate().map(axis).collect()
}

/// Refuses a name with characters that command a terminal instead of being shown, new lines included.
///
/// # Errors
/// Names the key.
pub fn plain_name(name: &str, key: &str) -> Result<(), Invalid> {
    match name.chars().find(|c| commands(*c)) {
        Some(c) => {
            let what = format!("holds the control character U+{:04X}", u32::from(c));
            Err(Invalid::new(key, what, "a name is made of characters that are shown"))
        }
        None => Ok(()),
    }
}

/// Stored settings that earlier versions wrote, in the words of this one: random search was an algorithm, and is a
/// strategy on the same grid.
pub fn translate(table: &mut toml::Table) {
    let Some(toml::Value::Table(search)) = table.get_mut("search") else { return };
    let random = Strategy::RandomSearch;
    if search.get("algorithm").and_then(toml::Value::as_str) == Some(random.name()) {
        search.insert("algorithm".into(), "map_elites".into());
        search.insert("strategy".into(), random.name().into());
    }
}

/// For a setting that is left out where it changes nothing: stored settings of earlier versions stay as they were.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

fn unit_range() -> [f64; 2] {
    [0.0, 1.0]
}

impl AxisSettings {
    /// An axis of `bins` even cells over `range`.
    pub fn even(name: impl Into<String>, range: [f64; 2], bins: usize) -> Self {
        Self { name: name.into(), range, bins: Some(bins), ticks: None, categories: None }
    }

    /// An axis with a cell for each of these categories.
    pub fn named(name: impl Into<String>, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let categories = Some(categories.into_iter().map(Into::into).collect());
        Self { bins: None, categories, ..Self::even(name, unit_range(), 1) }
    }

    /// The category that a measure of it is the index of; `None` on an axis without categories, and of a measure that is
    /// no category's.
    pub fn category(&self, measure: f64) -> Option<&str> {
        let categories = self.categories.as_ref()?;
        let named = categories.iter().enumerate().find(|(i, _)| *i as f64 == measure);
        named.map(|(_, name)| name.as_str())
    }

    /// How many cells it is cut into; nothing is checked.
    fn cells(&self) -> usize {
        let ticks = || self.ticks.as_ref().map_or(0, Vec::len) + 1;
        self.bins.unwrap_or_else(|| self.categories.as_ref().map_or_else(ticks, Vec::len))
    }

    fn range(&self, position: usize) -> Result<(f64, f64), Invalid> {
        let [lo, hi] = self.range;
        if lo.is_finite() && hi.is_finite() && lo < hi {
            return Ok((lo, hi));
        }
        let key = format!("axes[{position}].range");
        Err(Invalid::new(key, format!("[{lo}, {hi}] is no range"), "two finite numbers, the lower first"))
    }

    fn build(&self, position: usize) -> Result<Axis, Invalid> {
        let key = |field: &str| format!("axes[{position}].{field}");
        let (lo, hi) = self.range(position)?;
        if let Some(categories) = &self.categories {
            return self.of_categories(categories, position);
        }
        match (self.bins, &self.ticks) {
            (Some(bins), None) => Axis::bins(&*self.name, lo, hi, bins).map_err(|error| {
                Invalid::new(key("bins"), error.to_string(), "use 1 bin or more, such as bins = 20")
            }),
            (None, Some(ticks)) => Axis::ticks(&*self.name, ticks.clone()).map_err(|error| {
                Invalid::new(
                    key("ticks"),
                    error.to_string(),
                    "list the inner edges from low to high, each once",
                )
            }),
            (Some(_), Some(_)) => {
                Err(Invalid::new(key("ticks"), "bins and ticks are both set", "keep one of them"))
            }
            (None, None) => Err(Invalid::new(
                key("bins"),
                "neither bins nor ticks is set",
                "add bins = 20, or ticks = [..]",
            )),
        }
    }

    fn of_categories(&self, categories: &[String], position: usize) -> Result<Axis, Invalid> {
        let key = format!("axes[{position}].categories");
        if self.bins.is_some() || self.ticks.is_some() {
            let what = "bins or ticks are set beside categories";
            return Err(Invalid::new(key, what, "keep one of them: every category is a cell"));
        }
        if !(2..=MOST_CATEGORIES).contains(&categories.len()) {
            let what = format!("lists {} categories", categories.len());
            return Err(Invalid::new(key, what, format!("list 2 to {MOST_CATEGORIES}")));
        }
        for category in categories {
            plain_name(category, &key)?;
            if category.trim().is_empty() || category.chars().count() > MOST_NAME {
                let what = "holds a name that is empty or too long";
                return Err(Invalid::new(key, what, format!("a name has 1 to {MOST_NAME} characters")));
            }
        }
        Axis::categories(&*self.name, categories.to_vec())
            .map_err(|error| Invalid::new(key, error.to_string(), "give every category a name of its own"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(change: impl FnOnce(&mut SearchSettings)) -> String {
        let mut settings = SearchSettings::default();
        change(&mut settings);
        settings.validate().expect_err("must be refused").key
    }

    #[test]
    fn settings_that_contradict_each_other_name_their_key() {
        assert_eq!(key_of(|s| s.concurrency = 33), "search.concurrency");
        assert_eq!(key_of(|s| s.concurrency = 0), "search.concurrency");
        assert_eq!(key_of(|s| s.window = 0), "search.window");
        assert_eq!(key_of(|s| s.total_steps = 0), "search.total_steps");
        assert_eq!(key_of(|s| s.seed = u64::MAX), "search.seed");
        assert_eq!(key_of(|s| s.learning_rate = Some(0.1)), "search.learning_rate");
        assert_eq!(key_of(|s| s.budget.money = Some(f64::NAN)), "search.budget.money");
        assert_eq!(key_of(|s| s.max_failures = 0), "search.max_failures");
    }

    #[test]
    fn islands_are_one_to_a_thousand_and_exchange_after_a_candidate_or_more() {
        for count in [0, 1001, u32::MAX] {
            assert_eq!(key_of(|s| s.islands.count = count), "search.islands.count");
        }
        assert_eq!(key_of(|s| s.islands.migration_interval = 0), "search.islands.migration_interval");
        for count in [1, 1000] {
            let islands = IslandSettings { count, migration_interval: 1, migrants: 0 };
            let settings = SearchSettings { islands, ..SearchSettings::default() };
            settings.validate().expect("the least and the most");
        }
    }

    #[test]
    fn sections_left_out_are_the_defaults_and_every_setting_reads_as_it_is_written() {
        let read = |text: &str| toml::from_str::<SearchSettings>(text).expect("settings");
        assert_eq!(read(""), SearchSettings::default());
        let islands = read("[islands]\ncount = 4").islands;
        assert_eq!(islands, IslandSettings { count: 4, ..IslandSettings::default() });
        for (name, duplicates) in [
            ("evaluate", Duplicates::Evaluate),
            ("rewrite", Duplicates::Rewrite),
            ("refuse", Duplicates::Refuse),
        ] {
            let settings = read(&format!("duplicates = \"{name}\"\nlearning_rate = 0.5"));
            assert_eq!(settings.duplicates, duplicates);
            assert_eq!(read(&toml::to_string(&settings).expect("TOML")), settings);
        }
    }

    #[test]
    fn archives_and_cells_that_ask_for_too_much_are_refused_before_they_are_made() {
        let axis = |bins: usize| AxisSettings::even("x", [0.0, 1.0], bins);
        let key = |settings: &SearchSettings, axes: &[AxisSettings]| {
            settings.tessellation(axes).expect_err("must be refused").to_string()
        };
        let with = |change: fn(&mut SearchSettings)| {
            let mut settings = SearchSettings::default();
            change(&mut settings);
            settings
        };
        let grid = SearchSettings::default();
        for axes in
            [vec![axis(1 << 24); 2], vec![axis(2); 64], vec![axis(1000); 3], vec![axis(usize::MAX); 2]]
        {
            assert!(key(&grid, &axes).contains("more than 16777216 places"), "{}", axes.len());
        }
        let deep = with(|s| s.depth = (1 << 12) + 1);
        assert!(key(&deep, &[axis(1 << 12)]).contains("search.depth"));
        let many = with(|s| s.islands.count = 1000);
        assert!(key(&many, &[axis(1 << 15)]).contains("islands"));
        let long = with(|s| {
            s.algorithm = Algorithm::CvtMapElites;
            s.cvt.max_iterations = 1_000_000;
        });
        assert!(key(&long, &[axis(2)]).contains("samples times max_iterations"));
        let recorded = grid.tessellation(&[axis(1 << 12)]).expect("cells");
        assert!(deep.archive_of(recorded).is_err());
    }

    #[test]
    fn too_many_axes_and_names_that_command_a_terminal_are_refused() {
        let table = |name: &str| {
            toml::Table::from_iter([("name".to_owned(), name.into()), ("bins".into(), 1.into())])
        };
        let tables: Vec<toml::Table> = (0..101).map(|axis| table(&format!("x{axis}"))).collect();
        assert_eq!(axes(&tables).expect_err("too many").key, "axes");
        assert_eq!(axes(&tables[..100]).expect("the most").len(), 100);
        for name in ["a\u{1b}[31m", "a\u{9b}1m", "\u{202e}a", "a\nb", "\0"] {
            let error = axes(&[table("x"), table(name)]).expect_err("a control character");
            assert_eq!(error.key, "axes[1].name");
            assert!(!error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn rules_that_the_archive_refuses_name_the_section() {
        let soft = SearchSettings {
            depth: 2,
            learning_rate: Some(0.1),
            threshold_min: Some(0.0),
            ..SearchSettings::default()
        };
        let error = soft.archive(&[AxisSettings::even("x", [0.0, 1.0], 2)]).expect_err("must be refused");
        assert_eq!((&*error.key, &*error.what), ("search", "soft thresholds need a depth of 1"));
    }

    #[test]
    fn an_axis_that_cannot_be_cut_names_its_position_and_field() {
        let key = |axis: AxisSettings| {
            let axes = [AxisSettings::even("x", [0.0, 1.0], 2), axis];
            SearchSettings::default().archive(&axes).expect_err("must be refused").key
        };
        let axis = AxisSettings::even("y", [0.0, 1.0], 2);
        assert_eq!(key(AxisSettings { bins: Some(0), ..axis.clone() }), "axes[1].bins");
        assert_eq!(key(AxisSettings { bins: None, ..axis.clone() }), "axes[1].bins");
        assert_eq!(key(AxisSettings { range: [f64::NAN, 1.0], ..axis.clone() }), "axes[1].range");
        assert_eq!(key(AxisSettings { range: [1.0, 1.0], ..axis.clone() }), "axes[1].range");
        assert_eq!(key(AxisSettings { ticks: Some(vec![0.5]), ..axis.clone() }), "axes[1].ticks");
        assert_eq!(key(AxisSettings { bins: None, ticks: Some(vec![0.5, 0.5]), ..axis }), "axes[1].ticks");
    }

    #[test]
    fn categories_are_two_or_more_different_names_that_no_bins_and_no_cvt_cut() {
        let refused = |categories: &[&str]| {
            let axes = [AxisSettings::named("genre", categories.iter().copied())];
            SearchSettings::default().tessellation(&axes).expect_err("must be refused").key
        };
        for categories in [&[][..], &["ode"], &["ode", "ode"], &["ode", " "], &["ode", "a\u{1b}[31m"]] {
            assert_eq!(refused(categories), "axes[0].categories", "{categories:?}");
        }
        let axis = AxisSettings::named("genre", ["ode", "hymn"]);
        for both in [
            AxisSettings { bins: Some(2), ..axis.clone() },
            AxisSettings { ticks: Some(vec![0.5]), ..axis.clone() },
        ] {
            let error = SearchSettings::default().tessellation(&[both]).expect_err("must be refused");
            assert_eq!(error.key, "axes[0].categories");
        }
        let cvt = SearchSettings { algorithm: Algorithm::CvtMapElites, ..SearchSettings::default() };
        assert_eq!(
            cvt.tessellation(std::slice::from_ref(&axis)).expect_err("must be refused").key,
            "axes[0].categories"
        );
        let mixed = [AxisSettings::even("length", [0.0, 1.0], 3), axis];
        let cells = SearchSettings::default().tessellation(&mixed).expect("cells").cells();
        assert_eq!((cells, SearchSettings::default().places(&mixed, None)), (6, Some(6)));
    }

    #[test]
    fn an_axis_of_categories_is_read_as_it_is_written_and_others_stay_as_they_were() {
        let axis = AxisSettings::named("genre", ["ode", "hymn"]);
        let text = toml::to_string(&axis).expect("TOML");
        assert_eq!(toml::from_str::<AxisSettings>(&text).expect("an axis"), axis);
        let old = toml::to_string(&AxisSettings::even("x", [0.0, 1.0], 2)).expect("TOML");
        assert!(!old.contains("categories"), "{old}");
    }
}
