//! Emitters on the 100-dimensional sphere of CMA-ME (Fontaine et al. 2020), as JSON: evaluations per CPU second and the
//! QD score. `emitters ALGORITHM GENERATIONS SEED [batch]`; `benchmarks/emitters` runs it beside pyribs.
//!
//! 15 emitters of 36 candidates each fill a grid of 100 x 100. With `batch` a generation is judged against the archive as
//! it was before (pyribs' default); without it every candidate against the archive that the one before left, as runs of
//! samara do. What the function itself costs is not counted.

use std::{env::args, sync::Arc};

use rustix::time::{ClockId, clock_gettime};
use samara_qd::{
    Archive, Axis, Entry, Grid, QdError, Rules, Soft, Status, Stream, Tessellation,
    emitters::{Elites, Emitter, EvolutionRules, Parents, Ranking, Restart, Scheduler, Shape, Space, Trial},
};

const DIMS: usize = 100;
const CELLS: usize = 100;
const EMITTERS: usize = 15;
const BATCH: usize = 36;
const HALF: f64 = 5.12;
const SHIFT: f64 = 0.4 * HALF;

/// An archive with the vectors of its elites: an elite's id is its cell.
struct World {
    archive: Archive,
    vectors: Vec<Vec<f64>>,
    /// What the run has found, where the archive is soft.
    found: Option<Archive>,
}

impl Elites for World {
    fn archive(&self) -> &Archive {
        &self.archive
    }

    fn vector(&self, id: u64) -> Option<&[f64]> {
        self.vectors.get(id as usize).map(Vec::as_slice)
    }
}

fn grid(soft: Option<Soft>) -> Result<Archive, QdError> {
    let end = DIMS as f64 / 2.0 * HALF;
    let axes = ["x", "y"].map(|name| Axis::bins(name, -end, end, CELLS));
    let axes = axes.into_iter().collect::<Result<Vec<_>, _>>()?;
    Archive::new(Tessellation::Grid(Grid::new(axes)?), Rules { soft, ..Rules::default() })
}

impl World {
    /// Offers a generation; what became of each.
    fn offer(
        &mut self,
        entries: &[Entry],
        vectors: &[Vec<f64>],
        together: bool,
    ) -> Result<Vec<Trial>, QdError> {
        let mut added = Vec::with_capacity(entries.len());
        if together {
            added = self.archive.add_batch(entries)?;
        } else {
            for entry in entries {
                added.push(self.archive.add(entry.id, entry.objective, &entry.measures)?);
            }
        }
        let mut trials = Vec::with_capacity(entries.len());
        for ((entry, vector), added) in entries.iter().zip(vectors).zip(added) {
            if added.rank.is_some() && added.status != Status::NotAdded {
                self.vectors[added.cell].clone_from(vector);
            }
            if let Some(found) = &mut self.found {
                found.add(entry.id, entry.objective, &entry.measures)?;
            }
            let (status, value) = (added.status, added.value);
            trials.push(Trial { vector: vector.clone(), objective: entry.objective, status, value });
        }
        Ok(trials)
    }
}

/// The emitter of an algorithm, with the settings of the papers and of pyribs' example.
fn emitter(algorithm: &str) -> Result<(Emitter, Option<Soft>), QdError> {
    let space = Arc::new(Space { start: vec![0.0; DIMS], bounds: None });
    let strategy = |shape, ranking, parents, restart| {
        Emitter::evolution(
            &space,
            EvolutionRules { shape, sigma: 0.5, batch: BATCH, ranking, parents, restart },
        )
    };
    let me = |shape| strategy(shape, Ranking::TwoStage, Parents::Accepted, Restart::NoImprovement);
    let soft = Soft { learning_rate: 0.01, threshold_min: 0.0 };
    Ok(match algorithm {
        "map_elites" => (Emitter::gaussian(&space, 0.5, BATCH)?, None),
        "line" => (Emitter::iso_line(&space, (0.1, 0.2), BATCH)?, None),
        "cma_me" => (me(Shape::Full)?, None),
        "sep" => (me(Shape::Diagonal)?, None),
        "cma_mae" => {
            let emitter = strategy(Shape::Full, Ranking::Improvement, Parents::Half, Restart::Convergence)?;
            (emitter, Some(soft))
        }
        other => return Err(QdError::Rules(format!("there is no algorithm {other}"))),
    })
}

/// Objective and measures of a vector.
fn sphere(vector: &[f64]) -> (f64, [f64; 2]) {
    let worst = vector.len() as f64 * (HALF + SHIFT) * (HALF + SHIFT);
    let raw: f64 = vector.iter().map(|x| (x - SHIFT) * (x - SHIFT)).sum();
    let side = |half: &[f64]| half.iter().map(|x| if x.abs() <= HALF { *x } else { HALF / x }).sum();
    let (first, second) = vector.split_at(vector.len() / 2);
    (100.0 * (worst - raw) / worst, [side(first), side(second)])
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn number(arguments: &[String], position: usize, what: &str) -> Result<u64, QdError> {
    let given = arguments.get(position).and_then(|text| text.parse().ok());
    given.ok_or_else(|| QdError::Rules(format!("the {what} is missing or no number")))
}

#[expect(clippy::print_stdout, reason = "an example that prints its result")]
fn main() -> Result<(), QdError> {
    let arguments: Vec<String> = args().skip(1).collect();
    let algorithm = arguments.first().map_or("cma_me", String::as_str);
    let (generations, seed) =
        (number(&arguments, 1, "number of generations")?, number(&arguments, 2, "seed")?);
    let together = arguments.get(3).is_some_and(|mode| mode == "batch");
    let system = if together { "samara-batch" } else { "samara" };
    let (emitter, soft) = emitter(algorithm)?;
    let mut scheduler = Scheduler::new(vec![emitter; EMITTERS], None)?;
    let found = soft.map(|_| grid(None)).transpose()?;
    let mut world = World { archive: grid(soft)?, vectors: vec![Vec::new(); CELLS * CELLS], found };
    let mut stream = Stream::new(seed, 0);
    let (begun, mut evaluating) = (cpu_seconds(), 0.0);
    for _ in 0..generations {
        let size = scheduler.size();
        let vectors: Vec<Vec<f64>> =
            (0..size).map(|place| scheduler.propose(place, &world, &mut stream).vector).collect();
        let before = cpu_seconds();
        let scores: Vec<(f64, [f64; 2])> = vectors.iter().map(|vector| sphere(vector)).collect();
        evaluating += cpu_seconds() - before;
        let entry = |(objective, measures): &(f64, [f64; 2])| Entry {
            id: world.archive.tessellation().cell(measures) as u64,
            objective: *objective,
            measures: measures.to_vec(),
        };
        let entries: Vec<Entry> = scores.iter().map(entry).collect();
        for (place, trial) in world.offer(&entries, &vectors, together)?.into_iter().enumerate() {
            scheduler.tell(place, Some(trial));
        }
        scheduler.advance(&world, &mut stream);
    }
    let seconds = cpu_seconds() - begun - evaluating;
    let stats = world.found.as_ref().unwrap_or(&world.archive).stats();
    let restarts: u64 = scheduler.emitters().iter().filter_map(Emitter::restarts).sum();
    println!(
        "{{\"system\": \"{system}\", \"algorithm\": \"{algorithm}\", \"generations\": {generations}, \"seed\": {seed}, \
         \"per_cpu_s\": {:.0}, \"qd_score\": {:.1}, \"coverage\": {:.4}, \"restarts\": {restarts}}}",
        (generations * scheduler.size() as u64) as f64 / seconds,
        stats.qd_score,
        stats.coverage,
    );
    Ok(())
}
