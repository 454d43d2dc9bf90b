//! The first step, before any sample is drawn: every program that the runs admitted is evaluated on every condition, and
//! the model learns to write those that do well on one behind that condition's token.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use samara_qd::Tessellation;
use samara_search::Genome;
use samara_seedling::{train::tune::Sample, walkers::format::HEADER};
use serde::{Deserialize, Serialize};

use super::{
    conditions::{Condition, Conditions, Evaluated},
    rollouts::prompt,
};
use crate::{args::RlLearning, commands::sodarace::entered, exit::Failure};

/// One program of so many is held out.
const HELD_OUT: u64 = 20;
/// The least weight of a sample.
const LEAST_WEIGHT: f64 = 0.05;

/// What is known of the runs' programs on a condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    pub condition: String,
    /// Programs that have an objective there, and their mean.
    pub valid: usize,
    pub mean: f64,
    /// The best of them.
    pub best: f64,
    pub program: String,
    /// Programs that are learnt from.
    pub learnt: usize,
}

/// What the first step learns from.
pub(super) struct Lessons {
    pub train: Vec<Sample>,
    pub held_out: Vec<Sample>,
    pub known: Vec<Known>,
}

/// Every program that runs admitted, once, in the form that the model writes.
///
/// # Errors
/// Runs that can't be read, or that admitted nothing that can be learnt from.
pub(super) fn admitted(runs: &[PathBuf]) -> Result<Vec<Arc<Genome>>, Failure> {
    let (mut seen, mut programs) = (BTreeSet::new(), Vec::new());
    for run in runs {
        for (_, program) in entered(run)? {
            let program = Genome::text_of(program);
            if program.text().starts_with(HEADER) && seen.insert(*program.digest().as_bytes()) {
                programs.push(Arc::new(program));
            }
        }
    }
    if programs.is_empty() {
        return Err(Failure::usage(
            "the runs admitted no program that a model wrote\nhint: evolve longer first: `samara run sodarace`",
        ));
    }
    Ok(programs)
}

/// Which programs are learnt from on a condition.
pub(super) struct Choice<'a> {
    cells: &'a Tessellation,
    /// Those that go this part of the best of their cell.
    min_share: f64,
    /// Of them this part, the farthest first.
    farthest: f64,
}

impl<'a> Choice<'a> {
    pub(super) fn new(cells: &'a Tessellation, learning: &RlLearning) -> Self {
        Self { cells, min_share: learning.min_share, farthest: learning.farthest }
    }
}

/// Evaluates the programs everywhere and chooses what is learnt on each condition, weighed by what part of the condition's
/// best a program goes.
///
/// # Errors
/// No program has an objective above 0 on a condition.
pub(super) fn lessons(
    programs: &[Arc<Genome>],
    (conditions, evaluators): (&[Condition], &mut Conditions),
    choice: &Choice<'_>,
) -> Result<Lessons, Failure> {
    let mut lessons = Lessons { train: Vec::new(), held_out: Vec::new(), known: Vec::new() };
    for (number, condition) in conditions.iter().enumerate() {
        let asked: Vec<_> = programs.iter().map(|program| (number, Arc::clone(program))).collect();
        let evaluated = evaluators.evaluate(&asked)?;
        let rated: Vec<Rated> =
            programs.iter().zip(&evaluated).filter_map(|(p, e)| Rated::of(p, e, choice.cells)).collect();
        lessons.add(condition, &rated, choice)?;
    }
    Ok(lessons)
}

/// A program that has an objective on a condition.
struct Rated<'a> {
    program: &'a Arc<Genome>,
    objective: f64,
    cell: usize,
}

impl<'a> Rated<'a> {
    fn of(program: &'a Arc<Genome>, evaluated: &Evaluated, cells: &Tessellation) -> Option<Self> {
        let score = evaluated.result.as_ref().ok()?;
        // Axes beyond height, width and mass are distances over terrains, which a condition has none of.
        let measures = score.measures.get(..cells.dims())?;
        Some(Self { program, objective: score.objective, cell: cells.cell(measures) })
    }
}

impl Lessons {
    fn add(
        &mut self,
        condition: &Condition,
        rated: &[Rated<'_>],
        choice: &Choice<'_>,
    ) -> Result<(), Failure> {
        let best = rated.iter().max_by(|a, b| a.objective.total_cmp(&b.objective));
        let Some(best) = best.filter(|best| best.objective > 0.0) else {
            return Err(Failure::usage(format!(
                "no program of the runs gets anywhere on the condition {}\nhint: evolve on it first, such as by \
                 --set environment.terrain=..., or leave it out",
                condition.name
            )));
        };
        let mut of_cells: BTreeMap<usize, f64> = BTreeMap::new();
        for one in rated {
            let most = of_cells.entry(one.cell).or_insert(f64::NEG_INFINITY);
            *most = most.max(one.objective);
        }
        let good =
            |one: &&Rated<'_>| one.objective > 0.0 && one.objective >= choice.min_share * of_cells[&one.cell];
        let mut good: Vec<&Rated<'_>> = rated.iter().filter(good).collect();
        good.sort_by(|a, b| b.objective.total_cmp(&a.objective));
        good.truncate((good.len() as f64 * choice.farthest).ceil() as usize);
        let learnt = good.len();
        for one in good {
            let text = one.program.text();
            let sample = Sample {
                prompt: prompt(&condition.name),
                completion: text[HEADER.len()..].to_owned(),
                weight: (one.objective / best.objective).max(LEAST_WEIGHT) as f32,
            };
            // By its text, so that it is held out on every condition or on none.
            let held_out = one.program.digest().seed(0).is_multiple_of(HELD_OUT);
            if held_out { self.held_out.push(sample) } else { self.train.push(sample) }
        }
        self.known.push(Known {
            condition: condition.name.clone(),
            valid: rated.len(),
            mean: rated.iter().map(|one| one.objective).sum::<f64>() / rated.len() as f64,
            best: best.objective,
            program: best.program.text().into_owned(),
            learnt,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Vec<Arc<Genome>> {
        (0..5).map(|number| Arc::new(Genome::text_of(format!("{HEADER}    pass # {number}\n")))).collect()
    }

    /// What is learnt of programs with these objectives and cells, as (place, weight).
    fn learnt(rated: &[(f64, usize)], choice: &Choice<'_>) -> Result<Vec<(usize, f32)>, Failure> {
        let programs = programs();
        let rated: Vec<Rated<'_>> = programs
            .iter()
            .zip(rated)
            .map(|(program, (objective, cell))| Rated { program, objective: *objective, cell: *cell })
            .collect();
        let mut lessons = Lessons { train: Vec::new(), held_out: Vec::new(), known: Vec::new() };
        lessons.add(&Condition::terrain("rough"), &rated, choice)?;
        assert_eq!(lessons.known[0].learnt, lessons.train.len() + lessons.held_out.len());
        let mut all = Vec::new();
        for sample in lessons.train.iter().chain(&lessons.held_out) {
            assert_eq!(sample.prompt, format!("<rough>{HEADER}"));
            let place =
                programs.iter().position(|one| one.text() == format!("{HEADER}{}", sample.completion));
            all.extend(place.map(|place| (place, sample.weight)));
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all)
    }

    #[test]
    fn what_goes_far_for_its_cell_is_learnt_and_of_that_the_farthest_part() {
        let axis = samara_qd::Axis::bins("x", 0.0, 1.0, 2);
        let cells = Tessellation::Grid(samara_qd::Grid::new(vec![axis.expect("an axis")]).expect("a grid"));
        let rated = [(10.0, 0), (7.0, 0), (4.0, 1), (3.5, 1), (-1.0, 1)];
        let all = Choice { cells: &cells, min_share: 0.8, farthest: 1.0 };
        assert_eq!(learnt(&rated, &all).expect("lessons"), [(0, 1.0), (2, 0.4), (3, 0.35)]);
        let half = Choice { farthest: 0.5, ..all };
        assert_eq!(learnt(&rated, &half).expect("lessons"), [(0, 1.0), (2, 0.4)]);
        let told = learnt(&[(0.0, 0), (-1.0, 1)], &half).err().map(|failure| failure.message);
        assert!(told.is_some_and(|told| told.contains("rough") && told.contains("hint: ")));
    }
}
