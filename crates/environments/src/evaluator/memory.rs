//! What an island remembers while it evolves a program: a fold over its settled candidates.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
};

use samara_search::{Artifact, Candidate, Fate, Genome, Parent, Score};

use super::{
    Program,
    gp::{Edit, Numbers},
    operators::{Operator, Operators},
};

/// Genomes of candidates that entered the archive or improved something, kept to know their children's steps.
const KEPT: usize = 512;
/// Steps that improved a program, kept to be carried over.
const STEPS: usize = 48;
/// Evaluated programs whose numbers are kept, to learn which step of them promises most.
const SAMPLES: usize = 512;
/// Failed candidates, kept to be repaired.
const FAILURES: usize = 4;
/// How often a failed candidate is tried to be repaired.
const REPAIRS: u32 = 2;
/// The patience is this part of an island's candidates at least.
const PART: u64 = 8;
/// How far ancestry is followed.
const ANCESTRY: usize = 128;
/// Candidates before the best whose steps may still be carried over to it, beside twice the window.
const BESIDE: u64 = 4;

/// Whether a program has more lines than another: a step of numbers leaves them, a doubled statement does not.
fn is_longer(one: &Genome, other: &Genome) -> bool {
    let lines = |genome: &Genome| genome.text().lines().count();
    lines(one) > lines(other)
}

/// A step that made a program better.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub from: Arc<Genome>,
    pub to: Parent,
}

/// A program that was evaluated, as numbers.
#[derive(Debug, Clone)]
struct Sample {
    id: u64,
    numbers: Numbers,
    objective: f64,
}

/// A candidate without a score that a model may repair.
#[derive(Debug, Clone)]
struct Failure {
    parent: Parent,
    tried: u32,
}

/// A climb from another place, while the best can't be improved.
#[derive(Debug, Clone)]
struct Restart {
    /// Where it stands.
    at: Parent,
    objective: f64,
    /// Whether nothing has been accepted since it began.
    fresh: bool,
}

/// The memory of an island.
#[derive(Debug)]
pub(super) struct Memory {
    program: Arc<Program>,
    pub operators: Operators,
    /// The best so far; of equals the latest, so that a climber drifts.
    climber: Option<(Parent, f64)>,
    best: Option<f64>,
    /// Settled candidates of the island without a better best.
    stagnant: u64,
    /// Settled candidates of the island.
    settled: u64,
    patience: u64,
    objectives: HashMap<u64, f64>,
    /// What candidates descend from: their first parent, and of merges all whose steps they took over.
    descent: HashMap<u64, Vec<u64>>,
    /// How many candidates were planned after what the latest one knew: the window, once it is full.
    lag: u64,
    genomes: HashMap<u64, Arc<Genome>>,
    kept: VecDeque<u64>,
    steps: VecDeque<Step>,
    samples: VecDeque<Sample>,
    failures: VecDeque<Failure>,
    restart: Option<Restart>,
    restarts: u64,
    /// How long the best had stagnated when the last climb from elsewhere began.
    restarted: u64,
    /// Whether the candidate that settled last is the best, and better than its parent: of the candidates that are planned
    /// from here on, the first goes on with its step.
    is_fresh: bool,
    /// The least and greatest value of every number that settled, by name.
    scales: BTreeMap<String, [f64; 2]>,
    /// The names of the numbers whose scales matter.
    scaled: Vec<String>,
}

impl Memory {
    /// Before the first candidate of an island.
    pub(super) fn new(
        operators: Operators,
        program: &Arc<Program>,
        patience: u64,
        scaled: Vec<String>,
    ) -> Self {
        Self {
            program: Arc::clone(program),
            operators,
            climber: None,
            best: None,
            stagnant: 0,
            settled: 0,
            patience,
            objectives: HashMap::new(),
            descent: HashMap::new(),
            lag: 0,
            genomes: HashMap::from([(0, Arc::clone(&program.initial))]),
            kept: VecDeque::new(),
            steps: VecDeque::new(),
            samples: VecDeque::new(),
            failures: VecDeque::new(),
            restart: None,
            restarts: 0,
            restarted: 0,
            is_fresh: false,
            scales: BTreeMap::new(),
            scaled,
        }
    }

    /// The best so far; of equals the latest.
    pub(super) fn climber(&self) -> Option<&Parent> {
        self.climber.as_ref().map(|(parent, _)| parent)
    }

    /// Whether a larger change is worth asking for.
    pub(super) fn stagnates(&self) -> bool {
        self.patience > 0 && self.stagnant >= self.patience()
    }

    /// The patience by now: improvements grow rare in a long run, and that is no stagnation yet.
    fn patience(&self) -> u64 {
        self.patience.max(self.settled / PART)
    }

    /// The candidate that a climb from elsewhere stands at, and whether it has only begun.
    pub(super) fn restart(&self) -> Option<(&Parent, bool)> {
        self.restart.as_ref().map(|restart| (&restart.at, restart.fresh))
    }

    /// The scales of the numbers that measures are made of.
    pub(super) fn scales(&self) -> &BTreeMap<String, [f64; 2]> {
        &self.scales
    }

    /// The failed candidates that may still be repaired, each with what is known of its failure as artifacts.
    pub(super) fn failures(&self) -> Vec<&Parent> {
        self.failures
            .iter()
            .filter(|failure| failure.tried < REPAIRS)
            .map(|failure| &failure.parent)
            .collect()
    }

    /// The step that has just led to the best, while it is worth going on.
    pub(super) fn fresh_step(&self) -> Option<&Step> {
        let best = self.climber()?.id;
        self.steps.back().filter(|step| self.is_fresh && step.to.id == best)
    }

    /// The steps that led to a candidate, the latest first.
    pub(super) fn steps_to(&self, id: u64) -> Vec<&Step> {
        let ancestry = self.ancestry(id);
        self.steps.iter().rev().filter(|step| ancestry.contains(&step.to.id)).take(8).collect()
    }

    /// The steps that did not lead to a candidate, though they were found at about the same time; the latest first.
    /// Older ones belong to programs that it has left behind.
    pub(super) fn steps_beside(&self, id: u64) -> Vec<&Step> {
        let ancestry = self.ancestry(id);
        let since = id.saturating_sub(2 * self.lag + BESIDE);
        let beside = |step: &&Step| step.to.id >= since && !ancestry.contains(&step.to.id);
        self.steps.iter().rev().filter(beside).collect()
    }

    /// Whether enough is known to say which step of a candidate's numbers promises most.
    pub(super) fn tells(&self, id: u64) -> bool {
        let own = self.samples.iter().rev().find(|sample| sample.id == id);
        own.is_some_and(|own| {
            let alike = self.samples.iter().filter(|sample| sample.numbers.is_like(&own.numbers));
            alike.count() >= Numbers::FEWEST
        })
    }

    /// The numbers and objectives of what was evaluated, the oldest first.
    pub(super) fn samples(&self) -> impl Iterator<Item = (&Numbers, f64)> {
        self.samples.iter().map(|sample| (&sample.numbers, sample.objective))
    }

    fn ancestry(&self, id: u64) -> Vec<u64> {
        let mut ancestry = vec![id];
        let mut place = 0;
        while let Some(id) = ancestry.get(place).copied()
            && ancestry.len() < ANCESTRY
        {
            for parent in self.descent.get(&id).into_iter().flatten() {
                if !ancestry.contains(parent) {
                    ancestry.push(*parent);
                }
            }
            place += 1;
        }
        ancestry
    }

    /// Hears of a settled candidate of the island.
    pub(super) fn learn(&mut self, candidate: &Candidate) {
        self.stagnant += 1;
        self.settled += 1;
        let objective = candidate.objective();
        self.is_fresh = false;
        self.note_operator(candidate, objective);
        self.note_failure(candidate);
        self.lag = candidate.index.saturating_sub(candidate.horizon);
        let merged = operator_of(candidate) == Some(Operator::Gp(Edit::Merge));
        let taken = if merged { candidate.parents.len() } else { 1 };
        self.descent.insert(candidate.index, candidate.parents.iter().copied().take(taken).collect());
        if let (Some(objective), Some(genome), Some(score)) = (objective, &candidate.genome, &candidate.score)
        {
            let own =
                Parent { id: candidate.index, genome: Arc::clone(genome), score: Some(Arc::clone(score)) };
            self.note_scored(candidate, own, objective);
            self.note_scales(score);
        }
        self.note_restart();
    }

    /// What the candidate gained over its first parent pays its operator. A parent from another island counts as the
    /// island's best.
    fn note_operator(&mut self, candidate: &Candidate, objective: Option<f64>) {
        let Some(operator) = operator_of(candidate) else { return };
        let known = candidate.parents.first().and_then(|parent| self.objectives.get(parent).copied());
        let gain = match (objective, known.or(self.best)) {
            (Some(objective), Some(parent)) => objective - parent,
            // A repaired program had no score before.
            (Some(_), None) | (None, _) => 0.0,
        };
        self.operators.learn(operator, gain);
    }

    fn note_scored(&mut self, candidate: &Candidate, own: Parent, objective: f64) {
        self.objectives.insert(own.id, objective);
        self.note_numbers(&own, objective);
        let from = candidate.parents.first().and_then(|parent| {
            let before = self.objectives.get(parent)?;
            (objective > *before).then(|| self.genomes.get(parent).cloned()).flatten()
        });
        let improved = from.is_some();
        if let Some(from) = from {
            self.steps.push_back(Step { from, to: own.clone() });
            if self.steps.len() > STEPS {
                self.steps.pop_front();
            }
        }
        if improved || candidate.fate.entered() {
            self.keep(&own);
        }
        self.move_restart(candidate, &own, objective);
        let takes_over = |(climber, best): &(Parent, f64)| {
            // Of equals the later one, so that level ground is walked over; but not where it only grew.
            objective > *best || (objective == *best && !is_longer(&own.genome, &climber.genome))
        };
        if self.climber.as_ref().is_none_or(takes_over) {
            self.climber = Some((own, objective));
            self.is_fresh = improved;
        }
        if self.best.is_none_or(|best| objective > best) {
            self.best = Some(objective);
            self.stagnant = 0;
            self.restarted = 0;
            self.restart = None;
        }
    }

    fn note_numbers(&mut self, own: &Parent, objective: f64) {
        if !self.operators.uses(Edit::Surrogate) {
            return;
        }
        if let Some(numbers) = Numbers::of(&self.program, &own.genome) {
            self.samples.push_back(Sample { id: own.id, numbers, objective });
            if self.samples.len() > SAMPLES {
                self.samples.pop_front();
            }
        }
    }

    fn keep(&mut self, own: &Parent) {
        self.genomes.insert(own.id, Arc::clone(&own.genome));
        self.kept.push_back(own.id);
        if self.kept.len() > KEPT
            && let Some(oldest) = self.kept.pop_front()
            && oldest != 0
        {
            self.genomes.remove(&oldest);
        }
    }

    /// A failed candidate may be repaired; one whose repair failed, once more.
    fn note_failure(&mut self, candidate: &Candidate) {
        let repaired = operator_of(candidate) == Some(Operator::Fix);
        if repaired {
            let mended = candidate.objective().is_some();
            for failure in &mut self.failures {
                if candidate.parents.first() == Some(&failure.parent.id) {
                    failure.tried = if mended { REPAIRS } else { failure.tried + 1 };
                }
            }
            return;
        }
        let (Fate::Invalid { why } | Fate::Failed { why }, Some(genome)) =
            (&candidate.fate, &candidate.genome)
        else {
            return;
        };
        // One that was never evaluated has nothing to repair, and a random edit no idea that is worth it.
        let written = operator_of(candidate).is_none_or(Operator::asks);
        if candidate.artifacts.is_empty() || !written {
            return;
        }
        let artifacts =
            [Artifact::text("error", why)].into_iter().chain(candidate.artifacts.iter().cloned()).collect();
        let score = Score { objective: f64::NAN, artifacts, ..Score::default() };
        let parent = Parent { id: candidate.index, genome: Arc::clone(genome), score: Some(Arc::new(score)) };
        self.failures.push_back(Failure { parent, tried: 0 });
        if self.failures.len() > FAILURES {
            self.failures.pop_front();
        }
    }

    /// A climb from elsewhere begins after twice the patience, and gives way to another one after as long again.
    fn note_restart(&mut self) {
        let wait = 2 * self.patience();
        let since = self.stagnant - self.restarted.min(self.stagnant);
        if self.patience == 0 || since < wait {
            return;
        }
        self.restarted = self.stagnant;
        let best = self.climber.as_ref().map(|(parent, _)| parent.id);
        let others: Vec<u64> =
            std::iter::once(0).chain(self.kept.iter().copied()).filter(|id| Some(*id) != best).collect();
        // The golden ratio spreads the places well.
        let place = (self.restarts as f64 * 0.618_033_988_749_895).fract() * others.len() as f64;
        self.restarts += 1;
        let chosen = others.get(place as usize).and_then(|id| {
            let (genome, objective) = (self.genomes.get(id)?, self.objectives.get(id)?);
            Some(Restart {
                at: Parent { id: *id, genome: Arc::clone(genome), score: None },
                objective: *objective,
                fresh: true,
            })
        });
        self.restart = chosen;
    }

    /// A child of where a climb from elsewhere stands is its next place, if it is not worse; the first one in any case:
    /// it is what leads away.
    fn move_restart(&mut self, candidate: &Candidate, own: &Parent, objective: f64) {
        let Some(restart) = &mut self.restart else { return };
        if candidate.parents.first() == Some(&restart.at.id)
            && (restart.fresh || objective >= restart.objective)
        {
            *restart = Restart { at: own.clone(), objective, fresh: false };
        }
    }

    fn note_scales(&mut self, score: &Score) {
        for name in &self.scaled {
            let value = if name == "score" { Some(&score.objective) } else { score.metrics.get(name) };
            let Some(value) = value.copied().filter(|value| value.is_finite()) else { continue };
            let scale = self.scales.entry(name.clone()).or_insert([value, value]);
            *scale = [scale[0].min(value), scale[1].max(value)];
        }
    }
}

/// The operator that made a candidate; `None` for a seed.
fn operator_of(candidate: &Candidate) -> Option<Operator> {
    Operator::of_plan(&candidate.operator).map(|(operator, _)| operator)
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
