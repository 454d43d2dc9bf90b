//! Function optimisation: vectors in a box, measured by themselves, that climb a negated Ackley function.
//!
//! Needs no model: a fast check that a search works, and the usual yardstick for archives.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{Bench, Context, Environment, Evaluator, Future};
use samara_qd::emitters::Space;
use samara_search::{
    EmitterKind, EmitterSettings, Emitting, Genome, Invalid, Plan, Proposer, Score, SearchSettings, schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    simple::Simple,
    source::{Source, expect_axes, expect_no_operator},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "function";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "function", transform = samara_search::schema::in_order::<Self>)]
pub struct FunctionSettings {
    /// Length of the vectors, 1 to 1,000; one axis each. Default 2.
    #[schemars(range(min = 1, max = 1000))]
    pub dimensions: usize,
    /// Lowest and highest value of every coordinate. Default `[-4, 4]`.
    #[schemars(inner(range(min = -1e100, max = 1e100)))]
    pub range: [f64; 2],
    /// Standard deviation of the Gaussian step that every coordinate takes in a mutation, above 0; without meaning where
    /// `search.emitters` are named. Default 0.5.
    #[schemars(range(max = 1e100), extend("exclusiveMinimum" = 0))]
    pub step: f64,
}

impl Default for FunctionSettings {
    fn default() -> Self {
        Self { dimensions: 2, range: [-4.0, 4.0], step: 0.5 }
    }
}

struct Function {
    settings: FunctionSettings,
    /// What proposes in place of its own steps.
    emitting: Option<Emitting>,
}

/// Builds it.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: FunctionSettings = schema::read(source.section, "environment")?;
    let [lo, hi] = settings.range;
    if !(lo.is_finite() && hi.is_finite() && lo < hi) {
        let what = format!("[{lo}, {hi}] is no range");
        return Err(Invalid::new("environment.range", what, "two finite numbers, the lower first"));
    }
    if !(settings.step.is_finite() && settings.step > 0.0) {
        return Err(Invalid::new("environment.step", "is not a positive number", "0.5 is the default"));
    }
    if settings.dimensions == 0 {
        return Err(Invalid::new("environment.dimensions", "is 0", "2 is the default"));
    }
    expect_axes(source.axes, settings.dimensions, "environment.dimensions")?;
    let emitting = emitting(source.search, &settings)?;
    Ok(Arc::new(Function { settings, emitting }))
}

/// The emitters that the search names: they begin in the middle of the range.
pub(crate) fn emitting(
    search: &SearchSettings,
    settings: &FunctionSettings,
) -> Result<Option<Emitting>, Invalid> {
    if search.emitters.is_empty() {
        return Ok(None);
    }
    let [lo, hi] = settings.range;
    let space = Space { start: vec![lo.midpoint(hi); settings.dimensions], bounds: Some(settings.range) };
    let default = EmitterSettings::new(EmitterKind::Gaussian);
    Emitting::new(search, &default, space, "sample").map(Some)
}

/// The Ackley function with a = 5, b = 0.1, c = 2 pi, negated: 0 at the origin, lower everywhere else
/// (Ackley 1987; the parameters are the reference system's). Portable: `libm`, not the platform's functions.
pub fn objective(vector: &[f64]) -> f64 {
    let (a, b, c) = (5.0, 0.1, std::f64::consts::TAU);
    let n = vector.len() as f64;
    let squares: f64 = vector.iter().map(|x| x * x).sum::<f64>() / n;
    let waves: f64 = vector.iter().map(|x| libm::cos(c * x)).sum::<f64>() / n;
    // Grouped so that the origin gives exactly 0.
    a * (libm::exp(-b * libm::sqrt(squares)) - 1.0) + (libm::exp(waves) - libm::exp(1.0))
}

/// Folds a value back into the range as a mirror would, so that the border is no trap.
fn reflect(x: f64, [lo, hi]: [f64; 2]) -> f64 {
    let width = hi - lo;
    let folded = (x - lo).rem_euclid(2.0 * width);
    let inside = if folded > width { 2.0 * width - folded } else { folded };
    (lo + inside).clamp(lo, hi)
}

impl Environment for Function {
    fn name(&self) -> &str {
        NAME
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        match &self.emitting {
            Some(emitting) => Box::new(emitting.clone()),
            None => Box::new(Simple { created: "sample", varied: "gaussian" }),
        }
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        let FunctionSettings { dimensions, range, step } = self.settings;
        if let Some(Genome::Vector(vector)) = plan.material.first().map(|genome| &**genome) {
            let proposed = Genome::Vector(vector.clone());
            return Box::pin(async { Ok(proposed) });
        }
        let stream = &mut context.stream;
        let vector: Vec<f64> = match plan.parents.first().map(|parent| &*parent.genome) {
            Some(Genome::Vector(parent)) => {
                parent.iter().map(|x| reflect(x + step * stream.normal(), range)).collect()
            }
            _ => (0..dimensions).map(|_| stream.uniform(range[0], range[1])).collect(),
        };
        Box::pin(async { Ok(Genome::Vector(vector)) })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(Ackley))
    }
}

struct Ackley;

impl Evaluator for Ackley {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        _bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        let vector = match draft {
            Genome::Vector(vector) => vector.clone(),
            _ => Vec::new(),
        };
        let score = Score::new(objective(&vector), vector);
        Box::pin(async { Ok(score) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_best_point_and_scores_zero() {
        assert_eq!(objective(&[0.0, 0.0]), 0.0);
        for point in [[0.5, 0.0], [1.0, 1.0], [-4.0, 4.0]] {
            assert!(objective(&point) < 0.0, "{point:?}");
        }
    }

    #[test]
    fn the_objective_matches_the_formula_worked_out_by_hand() {
        // At (1, 0): squares = 1/2, waves = 1, so 5 (exp(-0.1 sqrt(1/2)) - 1).
        let expected = 5.0 * ((-0.1 * 0.5_f64.sqrt()).exp() - 1.0);
        assert!((objective(&[1.0, 0.0]) - expected).abs() < 1e-12);
    }

    #[test]
    fn reflection_keeps_values_inside_and_inner_values_unchanged() {
        let range = [-4.0, 4.0];
        assert_eq!(reflect(1.5, range), 1.5);
        assert_eq!(reflect(5.0, range), 3.0);
        assert_eq!(reflect(-5.0, range), -3.0);
        assert!((-4.0..=4.0).contains(&reflect(1e9, range)));
    }
}
