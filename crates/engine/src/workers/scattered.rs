//! An evaluator that evaluates in free slots here, and by the workers of a desk elsewhere.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use samara_search::{Genome, Score};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Answer, Desk, Outcome, PROTOCOL, Ticket, Work,
    desk::{Answered, Waiting},
    message::tame,
};
use crate::{Abort, Bench, EngineError, Evaluator, Future, Reason};

/// Characters of a worker's reason at most.
const MOST_WHY: usize = 20_000;

/// Evaluates here and elsewhere. Where a draft is evaluated changes nothing, so that a run with workers comes to the
/// archive of a run without.
#[derive(Clone)]
pub struct Scattered {
    here: Arc<dyn Evaluator>,
    desk: Arc<Desk>,
    /// Places for evaluations here, as many as there are slots for them.
    slots: Arc<Semaphore>,
    has_slots: bool,
    /// Places for checks of results.
    checks: Arc<Semaphore>,
    /// The share of results that are checked.
    verify: f64,
    /// Which ones: no worker can know.
    drawn: RandomState,
}

impl fmt::Debug for Scattered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scattered").field("verify", &self.verify).finish_non_exhaustive()
    }
}

impl Scattered {
    /// Evaluates in `slots` places here by `here`, and elsewhere by the workers of a desk. `verify` is the share of their
    /// results that are evaluated again here, 0 to 1.
    pub fn new(here: Arc<dyn Evaluator>, desk: Arc<Desk>, slots: usize, verify: f64) -> Self {
        Self {
            here,
            desk,
            slots: Arc::new(Semaphore::new(slots)),
            has_slots: slots > 0,
            checks: Arc::new(Semaphore::new(slots.max(1))),
            verify,
            drawn: RandomState::new(),
        }
    }

    /// The desk whose workers it has.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    async fn evaluate_somewhere(
        &self,
        draft: &Genome,
        thresholds: &BTreeMap<String, f64>,
        bench: &mut Bench,
    ) -> Result<Score, Abort> {
        let Some(candidate) = bench.candidate() else {
            // What is no candidate, such as the initial program before the search, is evaluated here.
            return self.here.evaluate(draft, thresholds, bench).await;
        };
        let mut waiting = self.desk.offer(Ticket {
            protocol: PROTOCOL,
            run: self.desk.run().to_owned(),
            id: candidate,
            task: self.desk.digest().to_owned(),
            work: Arc::new(Work::Draft {
                draft: draft.clone(),
                thresholds: thresholds.clone(),
                seed: bench.seed(),
            }),
        });
        let place = self.place(&mut waiting).await?;
        // Nobody else gets it from here on.
        drop(waiting);
        let Answered { answer, worker } = match place {
            Place::There(answered) => *answered,
            Place::Here(_slot) => return self.here.evaluate(draft, thresholds, bench).await,
        };
        if self.is_drawn(candidate) {
            self.check(&answer, &worker, (draft, thresholds), bench.clone()).await?;
        }
        bench.note_isolation(answer.isolation.as_deref().map(tame));
        bench.note_worker(Some((worker, answer.ms)));
        scored(answer.outcome)
    }

    /// Where a draft is evaluated: in the first slot that is free for it.
    async fn place(&self, waiting: &mut Waiting) -> Result<Place, EngineError> {
        loop {
            tokio::select! {
                biased;
                answered = waiting.answered() => return answered.map(|answered| Place::There(Box::new(answered))),
                slot = Arc::clone(&self.slots).acquire_owned(), if self.has_slots => {
                    let slot = slot.map_err(|error| EngineError::Internal(error.to_string()))?;
                    if waiting.take_back() {
                        return Ok(Place::Here(slot));
                    }
                }
            }
            // A worker holds it. If that one loses it, it may be evaluated here after all.
            let mut given_back = std::pin::pin!(self.desk.given_back());
            given_back.as_mut().enable();
            if waiting.is_free() {
                continue;
            }
            tokio::select! {
                biased;
                answered = waiting.answered() => return answered.map(|answered| Place::There(Box::new(answered))),
                () = given_back => {}
            }
        }
    }

    /// Whether the result of a candidate is checked.
    fn is_drawn(&self, candidate: u64) -> bool {
        // 53 bits, as many as a number between 0 and 1 has.
        let drawn = (self.drawn.hash_one(candidate) >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.verify
    }

    /// Evaluates again here what a worker has evaluated.
    async fn check(
        &self,
        answer: &Answer,
        worker: &str,
        (draft, thresholds): (&Genome, &BTreeMap<String, f64>),
        mut bench: Bench,
    ) -> Result<(), Abort> {
        let internal = |error: tokio::sync::AcquireError| EngineError::Internal(error.to_string());
        let _slot = self.checks.acquire().await.map_err(internal)?;
        let here = match self.here.evaluate(draft, thresholds, &mut bench).await {
            Err(stop @ Abort::Run(_)) => return Err(stop),
            evaluated => Outcome::from(evaluated),
        };
        if agree(&here, &answer.outcome) {
            return Ok(());
        }
        let candidate = answer.id;
        let why = format!(
            "worker {worker} says of candidate {candidate} that {}, and evaluated here {}\nhint: the worker lies or \
             differs, or the evaluator is not deterministic; --verify 0 checks nothing",
            brief(&answer.outcome),
            brief(&here)
        );
        Err(EngineError::Workers(why).into())
    }
}

/// Where a draft is evaluated.
enum Place {
    /// A worker has done it.
    There(Box<Answered>),
    /// Here, in this slot.
    Here(OwnedSemaphorePermit),
}

impl Evaluator for Scattered {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        thresholds: &'a BTreeMap<String, f64>,
        bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(self.evaluate_somewhere(draft, thresholds, bench))
    }
}

fn scored(outcome: Outcome) -> Result<Score, Abort> {
    let reason = |why: String, artifacts| Reason { why: why.chars().take(MOST_WHY).collect(), artifacts };
    match outcome {
        Outcome::Scored(score) => Ok(score),
        Outcome::Invalid { why, artifacts } => Err(Abort::Invalid(reason(why, artifacts))),
        Outcome::Failed { why, artifacts } => Err(Abort::Failed(reason(why, artifacts))),
        // The desk keeps these to itself.
        Outcome::Said(_) => {
            Err(EngineError::Internal("a model has spoken where a draft was evaluated".to_owned()).into())
        }
        Outcome::Trouble { why } => Err(EngineError::Workers(why).into()),
    }
}

/// Whether two evaluations of a draft came to the same. Reasons and artifacts may tell of clocks.
fn agree(one: &Outcome, other: &Outcome) -> bool {
    let number = |one: f64, other: f64| one.to_bits() == other.to_bits() || (one.is_nan() && other.is_nan());
    match (one, other) {
        (Outcome::Scored(one), Outcome::Scored(other)) => {
            number(one.objective, other.objective)
                && one.measures.len() == other.measures.len()
                && one.measures.iter().zip(&other.measures).all(|(one, other)| number(*one, *other))
                && one.metrics.len() == other.metrics.len()
                && one
                    .metrics
                    .iter()
                    .zip(&other.metrics)
                    .all(|((name, one), (named, other))| name == named && number(*one, *other))
                && one.stage == other.stage
        }
        (Outcome::Invalid { .. }, Outcome::Invalid { .. })
        | (Outcome::Failed { .. }, Outcome::Failed { .. }) => true,
        _ => false,
    }
}

fn brief(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Scored(score) => format!("its objective is {}", score.objective),
        Outcome::Invalid { why, .. } => format!("it is invalid ({})", tame(why)),
        Outcome::Failed { why, .. } | Outcome::Trouble { why } => format!("it failed ({})", tame(why)),
        Outcome::Said(_) => "a model has spoken".to_owned(),
    }
}
