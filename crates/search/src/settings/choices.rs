//! The words that a search is told: which cells, how programs are written, what becomes of copies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// Dominated Novelty Search (Bahlous-Boldi et al. 2025, arXiv 2502.00593): no cells, but a number of places, which go to
    /// those who are far from all that are fitter. Measures need no bounds; the axes' ranges say what is far.
    DominatedNovelty,
    /// Novelty Search with Local Competition (Lehman & Stanley 2011): no cells, but a place for whoever lies far from all
    /// that is held; others compete with the elite nearest to them. Measures need no bounds; the axes' ranges say what is
    /// far.
    LocalCompetition,
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
    /// The generator writes a program from nothing, without a parent.
    New,
    /// One of the others for each candidate, by the weights or the bandit of `environment.writing.mix`.
    Mix,
}

impl Operator {
    /// Its name in `search.operator`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prompt => "prompt",
            Self::Diff => "diff",
            Self::Crossover => "crossover",
            Self::Gp => "gp",
            Self::New => "new",
            Self::Mix => "mix",
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
