//! What is evolved: the [`Environment`] trait and the plain data that passes between it and the loop.
//!
//! An environment has no state of its own. What changes during a run (archive, elites, prompt pool) is the owner's
//! [`State`]; an environment reads it while proposing, and lives candidates from a [`Plan`] that no longer depends on
//! it. That split is what lets a run be the same at any concurrency.

use std::pin::Pin;

use samara_journal::Genome;
use samara_qd::Stream;

use crate::{Context, EngineError, State};

/// A boxed future of an environment's answer, so that environments can be used as trait objects.
pub type Future<'a, T> = Pin<Box<dyn std::future::Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// What a candidate will be made from; drawn by the owner, carried out by a worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Whether the candidate is created from nothing (or from the pool) rather than varied from elites.
    pub fresh: bool,
    /// The candidates it descends from, by index: elites, or those whose texts a prompt will show.
    pub parents: Vec<u64>,
    /// The genomes it is made from: the parents', or the few-shot examples that a prompt will show.
    pub material: Vec<Genome>,
}

impl Plan {
    /// A candidate made without a parent, from `material` (often empty).
    pub fn fresh(material: Vec<Genome>) -> Self {
        Self { fresh: true, parents: Vec::new(), material }
    }

    /// A candidate that descends from `parents`.
    pub fn varied(parents: Vec<u64>, material: Vec<Genome>) -> Self {
        Self { fresh: false, parents, material }
    }
}

/// How a candidate's life went, before the archive has seen it.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was evaluated: one finite number per axis, and an objective (higher is better).
    Scored {
        /// What was evaluated.
        genome: Genome,
        /// One number per axis of the archive, in the order of the axes.
        measures: Vec<f64>,
        /// Higher is better.
        objective: f64,
    },
    /// Nothing usable was written.
    Invalid {
        /// What was written, if anything.
        genome: Option<Genome>,
        /// The reason, for a person.
        why: String,
    },
    /// It was written, but its evaluation went wrong.
    Failed {
        /// What was written, if known.
        genome: Option<Genome>,
        /// The reason, for a person.
        why: String,
    },
}

/// Why a life ended early.
#[derive(Debug)]
pub enum Trouble {
    /// This candidate fails (it becomes `Fate::Failed`); the run goes on.
    Candidate(String),
    /// The run can't go on; the candidate stays unsettled and will live again on resume.
    Run(EngineError),
}

/// Which models an environment asks, and whether it runs programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Needs `models.generator`, to complete prompts.
    pub generator: bool,
    /// Needs `models.judge`, to score answers.
    pub judge: bool,
    /// Needs `models.embedder`, to embed texts.
    pub embedder: bool,
    /// Needs the sandbox, to run programs.
    pub sandbox: bool,
}

/// Something that can be evolved.
///
/// All randomness must come from the given streams and all model calls must go through the [`Context`]; then a
/// candidate is a function of (plan, stream, model answers) and runs are reproducible.
pub trait Environment: Send + Sync {
    /// Its name in `experiment.environment`.
    fn name(&self) -> &'static str;

    /// Which models it asks, and whether it runs programs; the others need not be configured.
    fn roles(&self) -> Roles {
        Roles::default()
    }

    /// Makes the initial prompt pool, once, before candidate 0. What it returns is written to the journal and
    /// never made again, not even on resume.
    fn set_up<'a>(&'a self, _context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Whether texts that enter the archive join the prompt pool.
    fn feeds_pool(&self) -> bool {
        false
    }

    /// Whether candidates are created from examples of the prompt pool ([`State::examples`]), as the baselines of
    /// [`crate::Strategy`] need.
    fn draws_examples(&self) -> bool {
        false
    }

    /// Plans a candidate that is not varied from elites. Runs on the owner: must be fast and must not block.
    fn create(&self, state: &State, stream: &mut Stream) -> Plan;

    /// Plans a candidate that descends from elites; `None` when the archive holds too few for this operator,
    /// and the candidate is then created instead. Runs on the owner: must be fast and must not block.
    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan>;

    /// Writes the candidate and evaluates it. Runs on a worker.
    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome>;
}
