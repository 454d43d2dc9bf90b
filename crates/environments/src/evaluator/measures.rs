//! Measures: what tells programs apart on the archive's axes.
//!
//! An axis names `complexity`, `diversity`, a feature of the syntax, `score`, or a metric of the evaluator; a metric of
//! the same name comes first. All are scaled to 0..1 by the least and the greatest value that had settled when the
//! candidate was planned (0.5 before two different ones had), and older candidates keep the cells that they were put in.

use std::collections::BTreeMap;

use samara_qd::Stream;
use samara_search::{AxisSettings, Genome, Score};

use super::{
    Program,
    gp::{self, Edit},
    lexer,
};
use crate::{program::features::Feature, shingles::Shingles};

/// What an axis measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Characters of all tokens: length without comments and layout.
    Complexity,
    /// How much of the tokens differs from the initial program, 0 to 1.
    Diversity,
    /// A feature of the syntax.
    Feature(Feature),
    /// The objective.
    Score,
    /// A metric of the evaluator.
    Metric,
}

/// The measures of an experiment's axes.
#[derive(Debug, Clone)]
pub struct Measures {
    axes: Vec<(String, Source)>,
    /// The shingles of the initial program.
    initial: Shingles,
}

/// Programs whose measures say where those of others are likely to lie, and how many edits they are away at most.
const LIKELY: u64 = 500;
const FURTHEST: usize = 16;

impl Measures {
    /// The measures that these axes name.
    pub fn new(axes: &[AxisSettings], program: &Program) -> Self {
        let source = |name: &str| match name {
            "complexity" => Source::Complexity,
            "diversity" => Source::Diversity,
            "score" => Source::Score,
            _ => Feature::named(name).map_or(Source::Metric, Source::Feature),
        };
        let axes = axes.iter().map(|axis| (axis.name.clone(), source(&axis.name))).collect();
        Self { axes, initial: shingles(program, &program.initial) }
    }

    /// The names of the numbers that are scaled.
    pub fn names(&self) -> Vec<String> {
        self.axes.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Fills a score's measures, and notes among its metrics what they were made of.
    ///
    /// # Errors
    /// The axis whose metric the evaluator did not give.
    pub fn fill(
        &self,
        program: &Program,
        genome: &Genome,
        score: &mut Score,
        scales: &BTreeMap<String, [f64; 2]>,
    ) -> Result<(), String> {
        let mut measures = Vec::with_capacity(self.axes.len());
        for (name, source) in &self.axes {
            let given = score.metrics.get(name).copied().filter(|value| value.is_finite());
            let value = match (given, source) {
                (Some(given), _) => given,
                (None, Source::Complexity) => complexity(program, genome),
                (None, Source::Diversity) => self.diversity(program, genome),
                (None, Source::Feature(feature)) => feature_of(*feature, program, genome),
                (None, Source::Score) => score.objective,
                (None, Source::Metric) => return Err(name.clone()),
            };
            if *source != Source::Score {
                score.metrics.insert(name.clone(), value);
            }
            measures.push(scaled(value, scales.get(name)));
        }
        score.measures = measures;
        Ok(())
    }

    /// The measures of programs that are up to `FURTHEST` edits away from the initial one, scaled to 0..1 by the least and
    /// the greatest of them. None if no axis follows from a program's text; where one does not, it is drawn evenly.
    pub fn likely(&self, program: &Program, seed: u64) -> Vec<Vec<f64>> {
        let from_text =
            |source: Source| matches!(source, Source::Complexity | Source::Diversity | Source::Feature(_));
        if !self.axes.iter().any(|(_, source)| from_text(*source)) {
            return Vec::new();
        }
        let mut points: Vec<Vec<f64>> = (0..LIKELY)
            .map(|index| {
                let mut stream = Stream::new(seed, index);
                let genome = wandered(program, &mut stream);
                let value = |source: Source| match source {
                    Source::Complexity => complexity(program, &genome),
                    Source::Diversity => self.diversity(program, &genome),
                    Source::Feature(feature) => feature_of(feature, program, &genome),
                    Source::Score | Source::Metric => stream.unit(),
                };
                self.axes.iter().map(|(_, source)| *source).map(value).collect()
            })
            .collect();
        for axis in 0..self.axes.len() {
            let values = || points.iter().map(|point| point[axis]);
            let scale = [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)];
            for point in &mut points {
                point[axis] = scaled(point[axis], Some(&scale));
            }
        }
        points
    }

    /// The distance from the initial program: 1 less the part of three tokens in a row that both have.
    fn diversity(&self, program: &Program, genome: &Genome) -> f64 {
        1.0 - self.initial.similarity(&shingles(program, genome))
    }
}

/// The initial program after some edits of every kind that needs no other program.
fn wandered(program: &Program, stream: &mut Stream) -> Genome {
    let mut genome = (*program.initial).clone();
    for _ in 0..1 + stream.index(FURTHEST) {
        let edit = [Edit::Step, Edit::Code, Edit::Statement, Edit::Statement][stream.index(4)];
        if let Ok(next) = gp::vary(program, edit, &genome, &[], false, stream) {
            genome = next;
        }
    }
    genome
}

/// Where a value lies between the least and the greatest, 0 to 1.
fn scaled(value: f64, scale: Option<&[f64; 2]>) -> f64 {
    match scale {
        Some([least, greatest]) if least < greatest => ((value - least) / (greatest - least)).clamp(0.0, 1.0),
        _ => 0.5,
    }
}

/// The characters of all tokens that may change.
fn complexity(program: &Program, genome: &Genome) -> f64 {
    let tokens = |part: &super::program::Part<'_>| {
        part.tokens(program.syntax()).iter().map(|token| token.end - token.start).sum::<usize>()
    };
    program.parts(genome).iter().map(tokens).sum::<usize>() as f64
}

/// Counts add up over files; the depth is that of the deepest.
fn feature_of(feature: Feature, program: &Program, genome: &Genome) -> f64 {
    let parts = program.parts(genome);
    let values =
        parts.iter().flat_map(|part| part.ranges.iter().map(|range| feature.of(&part.text[range.clone()])));
    if feature == Feature::Depth { values.fold(0.0, f64::max) } else { values.sum() }
}

/// Of the tokens that may change.
pub(super) fn shingles(program: &Program, genome: &Genome) -> Shingles {
    let mut shingles = Shingles::default();
    for part in program.parts(genome) {
        let tokens = lexer::tokens(part.text, program.syntax());
        let inside =
            tokens.iter().filter(|token| part.ranges.iter().any(|range| range.contains(&token.start)));
        shingles.add(inside.map(|token| token.of(part.text)));
    }
    shingles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(names: &[&str]) -> Vec<AxisSettings> {
        names.iter().map(|name| AxisSettings::even(*name, [0.0, 1.0], 10)).collect()
    }

    fn measured(text: &str, scales: &BTreeMap<String, [f64; 2]>) -> Score {
        let program = Program::of_text("a.py", "x = f(1, 2)\ny = 3\n");
        let measures = Measures::new(&axes(&["complexity", "diversity", "calls", "length"]), &program);
        let genome = Program::of_text("a.py", text).initial;
        let mut score = Score { metrics: BTreeMap::from([("length".to_owned(), 5.0)]), ..Score::default() };
        measures.fill(&program, &genome, &mut score, scales).expect("all are there");
        score
    }

    #[test]
    fn layout_and_comments_reach_no_other_cell() {
        let plain = measured("x = f(1, 2)\ny = 3\n", &BTreeMap::new());
        assert_eq!((plain.metrics["complexity"], plain.metrics["diversity"]), (11.0, 0.0));
        assert_eq!(measured("x  =  f(1, 2) # c\n\n\ny = 3\n", &BTreeMap::new()), plain);
    }

    #[test]
    fn another_program_is_as_different_as_its_tokens() {
        let other = |text| measured(text, &BTreeMap::new()).metrics["diversity"];
        assert!(other("x = f(1, 2)\ny = 4\n") > 0.0);
        assert!(other("x = f(1, 2)\ny = 4\n") < other("z = g(4)\n"));
        assert_eq!(other("while a: pass\n"), 1.0);
    }

    #[test]
    fn measures_are_scaled_by_what_had_settled() {
        let scales =
            BTreeMap::from([("complexity".to_owned(), [11.0, 21.0]), ("length".to_owned(), [0.0, 4.0])]);
        assert_eq!(measured("x = f(1, 2)\ny = 3\n", &scales).measures, [0.0, 0.5, 0.5, 1.0]);
    }

    #[test]
    fn an_axis_without_its_metric_is_named() {
        let program = Program::of_text("a.py", "x = 1\n");
        let measures = Measures::new(&axes(&["latency"]), &program);
        let result = measures.fill(&program, &program.initial, &mut Score::default(), &BTreeMap::new());
        assert_eq!(result, Err("latency".to_owned()));
    }

    #[test]
    fn likely_measures_are_those_of_edited_programs_and_fill_their_ranges() {
        let program = Program::of_text("a.py", "def f(a):\n    if a > 1:\n        a = a + 2\n    return a\n");
        let measures = Measures::new(&axes(&["complexity", "branches", "latency"]), &program);
        let points = measures.likely(&program, 1);
        assert_eq!(points, measures.likely(&program, 1));
        for axis in 0..3 {
            let values: Vec<f64> = points.iter().map(|point| point[axis]).collect();
            assert!(values.iter().all(|value| (0.0..=1.0).contains(value)), "axis {axis}");
            assert!(
                values.iter().any(|value| *value > values[0])
                    || values.iter().any(|value| *value < values[0])
            );
        }
        let branches: std::collections::BTreeSet<u64> =
            points.iter().map(|point| point[1].to_bits()).collect();
        assert!(branches.len() < 30, "whole numbers of branches: {}", branches.len());
        let of_metrics = Measures::new(&axes(&["latency", "score"]), &program);
        assert!(of_metrics.likely(&program, 1).is_empty(), "no text says anything of them");
    }
}
