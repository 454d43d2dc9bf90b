//! Evaluating walkers, one alone or several side by side, and what an evaluation finds.
//!
//! A step is one long chain: nearly every joint waits for the one before it, so that a processor has little to do at
//! any moment (`schedule`). Several creatures' chains don't wait for each other: taken in turns on one thread they
//! finish sooner than one after the other, each with the bits that it would have alone.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::constants::MAX_MS;
use crate::law::Law;
use crate::morphology::Morphology;
use crate::walker::{Rejection, Walker};
use crate::world::{Settling, World, step_side_by_side};

/// How an evaluation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// With a fitness.
    Scored,
    /// The creature did not come to rest (`Law::Paper`).
    Unsettled,
    /// A position or velocity became infinite or not a number.
    NotFinite,
    /// Nothing is connected, which OpenELM scores as minus infinity (`Law::OpenElm`; the corrected law scores 0).
    NoConnections,
}

/// What an evaluation found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The law whose fitness this is.
    pub law: Law,
    /// How it ended.
    pub verdict: Verdict,
    /// The fitness in metres, always finite; present if and only if the verdict is `Scored`.
    pub fitness: Option<f64>,
    /// How far the centre of mass went to the right in metres, from the moment the muscles were started; present if
    /// and only if the fitness is.
    pub displacement: Option<f64>,
    /// Whether the creature came to rest before its muscles were started (always true under `Law::OpenElm`).
    pub settled: bool,
    /// Steps of 1/60 s that it took to come to rest.
    pub settling_steps: u32,
    /// Steps of 1/60 s with driven muscles.
    pub steps: u32,
    /// The creature's shape.
    pub morphology: Morphology,
    /// Whether [`Walker::validate`](crate::Walker::validate) accepts the walker.
    pub valid: bool,
}

/// How many creatures take turns on one thread.
const SIDE_BY_SIDE: usize = 4;

/// An evaluation under way.
struct Simulation {
    world: World,
    conditions: Conditions,
    valid: bool,
    settling: Settling,
    /// Driven steps: all of them, and those still to make. Not known before the creature has settled.
    steps: Option<(u32, u32)>,
    ms: u32,
}

impl Simulation {
    fn new(walker: &Walker, conditions: &Conditions, ms: u32) -> Result<Self, Rejection> {
        if ms > MAX_MS {
            return Err(Rejection::Conditions("an evaluation may take an hour at most"));
        }
        let world = World::new(walker, conditions)?;
        let conditions = conditions.clone();
        Ok(Self { world, conditions, valid: walker.validate(), settling: Settling::new(), steps: None, ms })
    }

    /// Whether the creature is scored, given how settling went.
    fn is_scored(&self) -> bool {
        self.settling.settled || self.conditions.score_unsettled
    }

    /// Whether there is another step to make, which is then counted.
    fn needs_step(&mut self) -> bool {
        if self.world.needs_settling_step(&mut self.settling) {
            return true;
        }
        let scored = self.is_scored();
        let (_, left) = self.steps.get_or_insert_with(|| {
            let steps = if scored { self.world.steps_in(self.ms) } else { 0 };
            (steps, steps)
        });
        let more = *left > 0;
        *left = left.saturating_sub(1);
        more
    }

    fn evaluation(self) -> Evaluation {
        let (world, law) = (&self.world, self.conditions.law);
        let fitness = world.fitness();
        let verdict = if !world.is_finite() || fitness.is_some_and(|fitness| !fitness.is_finite()) {
            Verdict::NotFinite
        } else if !self.is_scored() {
            Verdict::Unsettled
        } else if fitness.is_none() {
            Verdict::NoConnections
        } else {
            Verdict::Scored
        };
        let scored = verdict == Verdict::Scored;
        Evaluation {
            law,
            verdict,
            fitness: fitness.filter(|_| scored),
            displacement: scored.then(|| world.displacement()),
            settled: self.settling.settled,
            settling_steps: self.settling.steps,
            steps: self.steps.map_or(0, |(all, _)| all),
            morphology: *world.morphology(),
            valid: self.valid,
        }
    }
}

/// Evaluates a walker for a time in milliseconds: of simulated time after settling (`Law::Paper`), or as OpenELM counts
/// it (`Law::OpenElm`: 21 steps for every whole 350 ms).
///
/// # Errors
/// [`Rejection`] if the walker cannot be simulated under these conditions, or the time is longer than [`MAX_MS`].
pub fn evaluate(walker: &Walker, conditions: &Conditions, ms: u32) -> Result<Evaluation, Rejection> {
    let mut simulation = Simulation::new(walker, conditions, ms)?;
    while simulation.needs_step() {
        simulation.world.step();
    }
    Ok(simulation.evaluation())
}

/// Evaluates a walker as [`evaluate`] does, with the same result, and shows its world to `watch` at so many moments (2 or
/// more) at equal distances in time: first as its muscles are started, last at the end. A creature that is not let walk
/// is never shown.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_watched(
    walker: &Walker,
    conditions: &Conditions,
    ms: u32,
    moments: u32,
    mut watch: impl FnMut(&World),
) -> Result<Evaluation, Rejection> {
    let mut simulation = Simulation::new(walker, conditions, ms)?;
    let gaps = u64::from(moments.saturating_sub(1).max(1));
    while simulation.needs_step() {
        if simulation.steps.is_some_and(|(all, left)| left + 1 == all) {
            watch(&simulation.world);
        }
        simulation.world.step();
        if let Some((all, left)) = simulation.steps {
            let due = |step: u32| u64::from(step) * gaps / u64::from(all);
            if due(all - left) > due(all - left - 1) {
                watch(&simulation.world);
            }
        }
    }
    Ok(simulation.evaluation())
}

/// Evaluates each walker for its time, as [`evaluate`] does and with the same results in the same order, on this
/// thread. That takes about half the time of one after the other.
///
/// # Errors
/// Of each walker, as [`evaluate`].
pub fn evaluate_all(
    walkers: &[(&Walker, u32)],
    conditions: &Conditions,
) -> Vec<Result<Evaluation, Rejection>> {
    let mut results: Vec<Option<Result<Evaluation, Rejection>>> = vec![None; walkers.len()];
    // Neighbours take turns, so they should have about as much to do.
    let mut order: Vec<usize> = (0..walkers.len()).collect();
    order.sort_by_key(|at| Reverse(walkers[*at].0.muscles.len()));
    let mut waiting = order.into_iter();
    let mut running: Vec<(usize, Simulation)> = Vec::with_capacity(SIDE_BY_SIDE);
    loop {
        for at in (0..running.len()).rev() {
            if !running[at].1.needs_step() {
                let (walker, simulation) = running.swap_remove(at);
                results[walker] = Some(Ok(simulation.evaluation()));
            }
        }
        while running.len() < SIDE_BY_SIDE
            && let Some(at) = waiting.next()
        {
            let (walker, ms) = walkers[at];
            let mut next = Simulation::new(walker, conditions, ms);
            if next.as_mut().is_ok_and(Simulation::needs_step) {
                running.extend(next.ok().map(|simulation| (at, simulation)));
            } else {
                results[at] = Some(next.map(Simulation::evaluation));
            }
        }
        if running.is_empty() {
            return results.into_iter().flatten().collect();
        }
        let mut worlds: Vec<&mut World> =
            running.iter_mut().map(|(_, simulation)| &mut simulation.world).collect();
        step_side_by_side(&mut worlds);
    }
}
