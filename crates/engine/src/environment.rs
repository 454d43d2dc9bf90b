//! What is evolved: the [`Environment`] and [`Evaluator`] traits.
//!
//! An environment has no state of its own. What changes during a run is in the search: the archives, and the memory of
//! the environment's [`Proposer`]. A candidate's life begins with a [`Plan`] that no longer depends on either; that
//! split is what lets a run be the same at any concurrency.

use std::{collections::BTreeMap, future::Future as StdFuture, pin::Pin, sync::Arc};

use samara_sandbox::EvaluatorOptions;
use samara_search::{Genome, Index, Plan, Proposer, Score, Ticket};

use crate::{Abort, Bench, Context, Roles};

/// A boxed future of a stage's result, so that environments can be used as trait objects.
pub type Future<'a, T> = Pin<Box<dyn StdFuture<Output = Result<T, Abort>> + Send + 'a>>;

/// What a screen makes of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// It is evaluated.
    Pass,
    /// It is written anew, up to three times, and is invalid for this reason if that does not help.
    Rewrite(String),
    /// It is invalid, for this reason.
    Refuse(String),
}

/// What an environment asks its models about. Small models know few things, and can be asked whether they know these
/// before anything is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum About {
    /// Nothing that a model would have to know.
    #[default]
    Nothing,
    /// Texts. Each entry is prompts of one kind, of which a model must know one: what names the subject in them, without
    /// the texts that are put in.
    Texts {
        /// What the generator is asked.
        generator: Vec<Vec<String>>,
        /// What the judge is asked.
        judge: Vec<Vec<String>>,
    },
    /// Programs that build walkers.
    Walkers,
    /// Other programs.
    Programs {
        /// What varies them without a model, as a hint says it.
        without: &'static str,
    },
}

/// Something that can be evolved: how candidates are planned, written, screened, evaluated and judged.
///
/// All randomness must come from the given streams and all model calls must go through the [`Context`]; then a
/// candidate is a function of (plan, stream, model answers) and runs are reproducible. Every stage may be left out.
pub trait Environment: Send + Sync {
    /// Its name in `experiment.environment`.
    fn name(&self) -> &str;

    /// Which models it asks, and whether it runs programs; the others need not be configured.
    fn roles(&self) -> Roles {
        Roles::default()
    }

    /// What its models are asked about.
    fn about(&self) -> About {
        About::Nothing
    }

    /// The user's evaluator, if there is one: it is started before the first candidate, and [`Bench::evaluate`] runs it.
    fn evaluator_options(&self) -> Option<EvaluatorOptions> {
        None
    }

    /// The name of what evaluates in the user's evaluator's place, if anything does: something of the program that samara
    /// is part of, such as a function of Python. That program gives it ([`crate::EvaluatorSlots::own`]); of the options
    /// of the evaluator the slots count then.
    fn own_evaluator(&self) -> Option<&str> {
        None
    }

    /// Points around which measures are likely to lie, for the cells of a CVT; the same for the same seed. None by
    /// default: measures may lie anywhere.
    fn likely_measures(&self, _seed: u64) -> Vec<Vec<f64>> {
        Vec::new()
    }

    /// What a person should know before the search begins: a line or more each. Complete once it is set up.
    fn remarks(&self) -> Vec<String> {
        Vec::new()
    }

    /// Makes the initial prompt pool, once, before candidate 0. What it returns is written to the journal and
    /// never made again, not even on resume.
    fn set_up<'a>(&'a self, _context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Plans and memory of an island before candidate 0; `pool` is what [`Environment::set_up`] made.
    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer>;

    /// Writes a draft. Models may be asked.
    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome>;

    /// Looks at a draft before anything costly runs. `index` must be asked as of the ticket's horizon. Models may be
    /// asked. (`search.duplicates` has been seen to.)
    fn screen<'a>(
        &'a self,
        _draft: &'a Genome,
        _ticket: &'a Ticket,
        _index: &'a Index,
        _context: &'a mut Context,
    ) -> Future<'a, Screen> {
        Box::pin(async { Ok(Screen::Pass) })
    }

    /// What evaluates drafts without asking a model; `None` if nothing does.
    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        None
    }

    /// Completes the score of an evaluated draft, or makes it where there is no evaluator (`score` is empty then).
    /// Models may be asked.
    fn judge<'a>(&'a self, _draft: &'a Genome, score: Score, _context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async { Ok(score) })
    }
}

/// Evaluates drafts without asking a model: a function of (draft, thresholds), so that it can run anywhere and equal
/// drafts share one evaluation. Made from serialisable settings and input digests ([`crate::EvaluatorSpec`]).
pub trait Evaluator: Send + Sync {
    /// The score of a draft, as far as no model is needed for it.
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        thresholds: &'a BTreeMap<String, f64>,
        bench: &'a mut Bench,
    ) -> Future<'a, Score>;
}
