//! The functions on which quality-diversity algorithms are compared: vectors of any length, measured by projections onto
//! two axes.
//!
//! Sphere and Rastrigin are those of Fontaine et al. 2020 (CMA-ME, arXiv 1912.02400): their optimum lies away from the
//! centre, and a measure is the sum of half of the coordinates, of which those beyond 5.12 count less and less. So the
//! corners of the archive need every coordinate near the border, and random vectors stay in the middle. The arm is the one
//! of Cully et al. 2015 and Vassiliades & Mouret 2018. Objectives are scaled to 0 at the worst and 100 at the best point of
//! the box. Needs no model.

use std::{collections::BTreeMap, f64::consts::PI, sync::Arc};

use samara_engine::{Abort, Bench, Context, Environment, Evaluator, Future};
use samara_qd::emitters::Space;
use samara_search::{
    EmitterKind, EmitterSettings, Emitting, Genome, Invalid, Plan, Proposer, Score, SearchSettings, schema,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::{Source, expect_axes, expect_no_operator};

/// Its name in `experiment.environment`.
pub const NAME: &str = "functions";

/// What a created candidate's operator is called.
const CREATED: &str = "sample";
/// Half the width of the box of sphere and Rastrigin.
const HALF: f64 = 5.12;
/// Every coordinate of the optimum of sphere and Rastrigin.
const SHIFT: f64 = 0.4 * HALF;

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The squared distance to the optimum, 2.048 in every coordinate. Measures: the sums of the first and of the second
    /// half of the coordinates, each within `dimensions` x 2.56 of 0.
    #[default]
    Sphere,
    /// The same with waves: about 10 local optima in every coordinate. The same measures.
    Rastrigin,
    /// The angles of an arm's joints, in radians, whose links have the length 1: 100 for equal angles, less the more they
    /// differ, and 0 if half of them are minus pi and half pi (100 minus 100 times their variance over pi squared).
    /// Measures: where the arm ends, each within `dimensions` of 0.
    Arm,
}

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "functions", transform = samara_search::schema::in_order::<Self>)]
pub struct FunctionsSettings {
    /// Which function. Default `sphere`.
    pub function: Kind,
    /// Length of the vectors, 2 to 10,000. Default 20.
    #[schemars(range(min = 2, max = 10000))]
    pub dimensions: usize,
    /// What every coordinate is at first: where emitters begin. Default 0.
    #[schemars(range(min = -1e6, max = 1e6))]
    pub start: f64,
    /// Lowest and highest value of every coordinate. Default: none for sphere and Rastrigin, whose measures have bounds
    /// anyway, and from minus pi to pi for the arm.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(inner(range(min = -1e6, max = 1e6)))]
    pub range: Option<[f64; 2]>,
}

impl Default for FunctionsSettings {
    fn default() -> Self {
        Self { function: Kind::Sphere, dimensions: 20, start: 0.0, range: None }
    }
}

struct Functions {
    settings: FunctionsSettings,
    emitting: Emitting,
}

/// Builds it.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: FunctionsSettings = schema::read(source.section, "environment")?;
    let bad =
        |key: &str, what: String, hint: &str| Err(Invalid::new(format!("environment.{key}"), what, hint));
    if let Some([lo, hi]) = settings.range
        && !(lo.is_finite() && hi.is_finite() && lo < hi)
    {
        return bad("range", format!("[{lo}, {hi}] is no range"), "two finite numbers, the lower first");
    }
    if let Some([lo, hi]) = settings.bounds()
        && !(lo..=hi).contains(&settings.start)
    {
        let what = format!("is {}, outside the range from {lo} to {hi}", settings.start);
        return bad("start", what, "0 is the default");
    }
    expect_axes(source.axes, 2, "environment.function")?;
    let emitting = emitting(source.search, &settings)?;
    Ok(Arc::new(Functions { settings, emitting }))
}

/// The emitters that the search names, or steps from elites.
pub(crate) fn emitting(search: &SearchSettings, settings: &FunctionsSettings) -> Result<Emitting, Invalid> {
    let space = Space { start: vec![settings.start; settings.dimensions], bounds: settings.bounds() };
    let default = EmitterSettings::new(EmitterKind::Gaussian);
    Emitting::new(search, &default, space, CREATED)
}

impl FunctionsSettings {
    fn bounds(&self) -> Option<[f64; 2]> {
        self.range.or((self.function == Kind::Arm).then_some([-PI, PI]))
    }

    /// Where created candidates lie.
    fn domain(&self) -> [f64; 2] {
        self.bounds().unwrap_or([-HALF, HALF])
    }
}

impl Kind {
    /// The objective and the two measures of a vector.
    pub fn score(self, vector: &[f64]) -> (f64, [f64; 2]) {
        let (first, second) = vector.split_at(vector.len() / 2);
        match self {
            Self::Sphere => (scaled(vector, square), [projection(first), projection(second)]),
            Self::Rastrigin => (scaled(vector, wave), [projection(first), projection(second)]),
            Self::Arm => (level(vector), end(vector)),
        }
    }
}

fn square(x: f64) -> f64 {
    (x - SHIFT) * (x - SHIFT)
}

fn wave(x: f64) -> f64 {
    10.0 + square(x) - 10.0 * libm::cos(2.0 * PI * (x - SHIFT))
}

/// 100 at the optimum, 0 where every coordinate is at the border that is farthest from it.
fn scaled(vector: &[f64], cost: impl Fn(f64) -> f64) -> f64 {
    let worst = vector.len() as f64 * cost(-HALF);
    let total: f64 = vector.iter().map(|x| cost(*x)).sum();
    100.0 * ((worst - total) / worst)
}

/// The sum of coordinates, of which one beyond the box counts the less the farther away it is.
fn projection(vector: &[f64]) -> f64 {
    vector.iter().map(|x| if x.abs() <= HALF { *x } else { HALF / x }).sum()
}

/// 100 for angles that are all the same, 0 for the largest variance of angles from minus pi to pi.
fn level(angles: &[f64]) -> f64 {
    let n = angles.len() as f64;
    let mean = angles.iter().sum::<f64>() / n;
    let variance = angles.iter().map(|angle| (angle - mean) * (angle - mean)).sum::<f64>() / n;
    100.0 * (1.0 - variance / (PI * PI))
}

/// Where the arm ends that begins at the origin; every angle is counted from the link before.
fn end(angles: &[f64]) -> [f64; 2] {
    let (mut direction, mut place) = (0.0, [0.0, 0.0]);
    for angle in angles {
        direction += angle;
        place[0] += libm::cos(direction);
        place[1] += libm::sin(direction);
    }
    place
}

impl Environment for Functions {
    fn name(&self) -> &str {
        NAME
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(self.emitting.clone())
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        let genome = match plan.material.first().map(|genome| &**genome) {
            Some(Genome::Vector(vector)) => Genome::Vector(vector.clone()),
            _ => {
                let [lo, hi] = self.settings.domain();
                let stream = &mut context.stream;
                Genome::Vector((0..self.settings.dimensions).map(|_| stream.uniform(lo, hi)).collect())
            }
        };
        Box::pin(async { Ok(genome) })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(Yardstick { kind: self.settings.function, dimensions: self.settings.dimensions }))
    }
}

struct Yardstick {
    kind: Kind,
    dimensions: usize,
}

impl Evaluator for Yardstick {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        _bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        let result = match draft {
            Genome::Vector(vector) if vector.len() == self.dimensions => {
                let (objective, measures) = self.kind.score(vector);
                Ok(Score::new(objective, measures.to_vec()))
            }
            // One that was taken over from a history.
            _ => Err(Abort::invalid(format!("it is no vector of {} numbers", self.dimensions))),
        };
        Box::pin(async { result })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_optimum_scores_100_and_the_farthest_corner_of_the_box_nothing() {
        for kind in [Kind::Sphere, Kind::Rastrigin] {
            assert_eq!(kind.score(&[SHIFT; 6]).0, 100.0);
            assert!(kind.score(&[-HALF; 6]).0.abs() < 1e-12);
        }
        // One of two coordinates at the worst value costs half of it.
        assert!((Kind::Sphere.score(&[SHIFT, -HALF]).0 - 50.0).abs() < 1e-12);
    }

    #[test]
    fn a_measure_is_the_sum_of_half_of_the_coordinates_and_far_ones_hardly_count() {
        assert_eq!(Kind::Sphere.score(&[1.0, 2.0, -3.0, 4.0]).1, [3.0, 1.0]);
        assert_eq!(Kind::Sphere.score(&[10.24, 1.0, -5.12, -51.2]).1, [1.5, -5.12 - 0.1]);
        assert_eq!(
            Kind::Rastrigin.score(&[1.0, 2.0, 4.0]).1,
            [1.0, 6.0],
            "the second half is the longer one"
        );
    }

    #[test]
    fn an_arm_of_equal_angles_scores_100_and_ends_where_its_links_lead() {
        let (objective, [x, y]) = Kind::Arm.score(&[PI / 2.0; 2]);
        assert_eq!(objective, 100.0);
        assert!((x + 1.0).abs() < 1e-15 && (y - 1.0).abs() < 1e-15, "up, then back: {x} {y}");
        assert_eq!(Kind::Arm.score(&[0.0; 7]), (100.0, [7.0, 0.0]));
        let differing = Kind::Arm.score(&[1.0, -1.0]).0;
        assert!((differing - 100.0 * (1.0 - 1.0 / (PI * PI))).abs() < 1e-12, "a variance of 1");
        assert!(Kind::Arm.score(&[PI, -PI]).0.abs() < 1e-12, "none is larger");
    }

    #[test]
    fn the_sphere_is_that_of_cma_me_written_out() {
        let vector: Vec<f64> = (0..10).map(|i| f64::from(i) * 1.5 - 6.0).collect();
        let (objective, [x, y]) = Kind::Sphere.score(&vector);
        let raw: f64 = vector.iter().map(|x| (x - 2.048) * (x - 2.048)).sum();
        assert!((objective - 100.0 * (1.0 - raw / (10.0 * 7.168 * 7.168))).abs() < 1e-12);
        assert!((x - (5.12 / -6.0 - 4.5 - 3.0 - 1.5)).abs() < 1e-12);
        assert!((y - (1.5 + 3.0 + 4.5 + 5.12 / 6.0 + 5.12 / 7.5)).abs() < 1e-12);
    }
}
