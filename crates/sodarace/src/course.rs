//! The course of an evaluation, step by step, and several of them side by side.
//!
//! A step is one long chain: nearly every joint waits for the one before it, so that a processor has little to do at
//! any moment (`schedule`). Several creatures' chains don't wait for each other: taken in turns on one thread they
//! finish sooner than one after the other, each with the bits that it would have alone.

use std::cmp::Reverse;

use crate::constants::MAX_MS;
use crate::evaluation::{Evaluation, Settings, Verdict};
use crate::walker::{Rejection, Walker};
use crate::world::{Settling, World, step_side_by_side};

/// How many creatures are simulated in turns.
const SIDE_BY_SIDE: usize = 4;

/// An evaluation under way.
struct Course {
    world: World,
    settings: Settings,
    valid: bool,
    settling: Settling,
    /// Driven steps: of all, and still to go. Not known before the creature has settled.
    steps: Option<(u32, u32)>,
    ms: u32,
}

impl Course {
    fn new(walker: &Walker, settings: &Settings, ms: u32) -> Result<Self, Rejection> {
        if ms > MAX_MS {
            return Err(Rejection::Settings("an evaluation may take an hour at most"));
        }
        let world = World::new(walker, settings)?;
        let settings = settings.clone();
        Ok(Self { world, settings, valid: walker.validate(), settling: Settling::begun(), steps: None, ms })
    }

    /// Whether a creature that is where it is now is scored.
    fn counts(&self) -> bool {
        self.settling.settled || self.settings.score_unsettled
    }

    /// Whether there is another step to make; counts it.
    fn goes_on(&mut self) -> bool {
        if self.world.settles_on(&mut self.settling) {
            return true;
        }
        let counts = self.counts();
        let (_, left) = self.steps.get_or_insert_with(|| {
            let steps = if counts { self.world.due(self.ms) } else { 0 };
            (steps, steps)
        });
        let more = *left > 0;
        *left = left.saturating_sub(1);
        more
    }

    fn evaluation(self) -> Evaluation {
        let (world, law) = (&self.world, self.settings.law);
        let fitness = world.fitness();
        let verdict = if !world.is_finite() || fitness.is_some_and(|fitness| !fitness.is_finite()) {
            Verdict::NotFinite
        } else if !self.counts() {
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
/// [`Rejection`] if walker or settings cannot be simulated, or the time is longer than [`MAX_MS`].
pub fn evaluate(walker: &Walker, settings: &Settings, ms: u32) -> Result<Evaluation, Rejection> {
    let mut course = Course::new(walker, settings, ms)?;
    while course.goes_on() {
        course.world.step();
    }
    Ok(course.evaluation())
}

/// Evaluates each walker for its time, as [`evaluate`] does and with the same results in the same order, on this
/// thread. That takes about half the time of one after the other.
///
/// # Errors
/// Of each walker, as [`evaluate`].
pub fn evaluate_all(walkers: &[(&Walker, u32)], settings: &Settings) -> Vec<Result<Evaluation, Rejection>> {
    let mut results: Vec<Option<Result<Evaluation, Rejection>>> = vec![None; walkers.len()];
    // Neighbours take turns, so they should have about as much to do.
    let mut order: Vec<usize> = (0..walkers.len()).collect();
    order.sort_by_key(|at| Reverse(walkers[*at].0.muscles.len()));
    let mut waiting = order.into_iter();
    let mut running: Vec<(usize, Course)> = Vec::with_capacity(SIDE_BY_SIDE);
    loop {
        for at in (0..running.len()).rev() {
            if !running[at].1.goes_on() {
                let (walker, course) = running.swap_remove(at);
                results[walker] = Some(Ok(course.evaluation()));
            }
        }
        while running.len() < SIDE_BY_SIDE
            && let Some(at) = waiting.next()
        {
            let (walker, ms) = walkers[at];
            let mut begun = Course::new(walker, settings, ms);
            if begun.as_mut().is_ok_and(Course::goes_on) {
                running.extend(begun.ok().map(|course| (at, course)));
            } else {
                results[at] = Some(begun.map(Course::evaluation));
            }
        }
        if running.is_empty() {
            return results.into_iter().flatten().collect();
        }
        let mut worlds: Vec<&mut World> = running.iter_mut().map(|(_, course)| &mut course.world).collect();
        step_side_by_side(&mut worlds);
    }
}
