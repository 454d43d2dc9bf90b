//! One candidate's life, from a ticket to what a worker brings back: write, screen, evaluate, judge.
//!
//! ```text
//! write     models write the draft
//! screen    is it a duplicate, or too like an elite? -> written anew or refused before anything costly runs
//! evaluate  the evaluator, without models: programs, simulations; equal drafts share one evaluation
//! judge     models score what was evaluated
//! ```
//!
//! Any stage may be empty. What a candidate depends on is its ticket and the answers of models and programs.

use std::{sync::Arc, time::Instant};

use samara_journal::{
    Life,
    controls::{self, Note},
};
use samara_search::{Duplicates, Finished, Genome, Index, Outcome, Score, Ticket, Unscored};

use crate::{
    Abort, Context, EngineError, Environment, Evaluator, Reason, Screen, Tools, context::charge_of,
    evaluations::Evaluations,
};

/// How often a draft that a screen sends back is written anew.
const REWRITES: u32 = 3;

/// What every candidate of a session is made with. Clones share it.
#[derive(Clone)]
pub(crate) struct Workshop {
    pub environment: Arc<dyn Environment>,
    pub evaluator: Option<Arc<dyn Evaluator>>,
    /// The digest of what the evaluator is made from, for the record.
    pub evaluator_digest: Option<String>,
    pub evaluations: Evaluations,
    pub tools: Tools,
    pub index: Index,
    pub duplicates: Duplicates,
    /// What is put above prompts, and from which candidate on.
    pub notes: Arc<[Note]>,
}

/// What a worker brings back.
pub(crate) struct Returned {
    pub index: u64,
    /// The result, or why the run can't go on.
    pub finished: Result<Finished, EngineError>,
    pub life: Life,
    /// How long its worker took to evaluate it, in milliseconds; `None` if that was here.
    pub worker_ms: Option<f64>,
}

impl Workshop {
    /// Makes one candidate, which counts as alive from here on.
    pub(crate) fn make(self, ticket: Ticket) -> impl Future<Output = Returned> + Send {
        let note = controls::note_of(&self.notes, ticket.index);
        let context = Context::candidate(self.tools.clone(), &ticket).with_note(note);
        self.live(ticket, context)
    }

    async fn live(self, ticket: Ticket, mut context: Context) -> Returned {
        let started = Instant::now();
        let index = ticket.index;
        let model = context.generator().map(str::to_owned);
        let outcome = self.outcome(&ticket, &mut context).await;
        let isolation = context.bench.isolation().map(str::to_owned);
        let (worker, worker_ms) = context.bench.worker().cloned().unzip();
        let calls = context.into_calls();
        let finished = outcome.map(|outcome| Finished {
            index,
            outcome,
            charge: charge_of(&calls),
            model_ms: calls.iter().fold(0.0, |sum, call| sum + call.latency_ms),
        });
        let life = Life {
            calls,
            live_ms: started.elapsed().as_secs_f64() * 1e3,
            isolation,
            model,
            evaluator: self.evaluator_digest,
            worker,
        };
        Returned { index, finished, life, worker_ms }
    }

    async fn outcome(&self, ticket: &Ticket, context: &mut Context) -> Result<Outcome, EngineError> {
        if let (Some(score), [genome]) = (&ticket.plan.scored, &ticket.plan.material[..]) {
            return Ok(Outcome::Scored { genome: Arc::clone(genome), score: (**score).clone() });
        }
        let draft = match self.write(ticket, context).await {
            Ok(draft) => Arc::new(draft),
            Err((genome, abort)) => return unscored(genome, abort),
        };
        match self.score(&draft, ticket, context).await {
            Ok(score) => Ok(Outcome::Scored { genome: draft, score }),
            Err(abort) => unscored(Some(draft), abort),
        }
    }

    /// A draft that has passed the screens, or the last one and why it has not.
    async fn write(
        &self,
        ticket: &Ticket,
        context: &mut Context,
    ) -> Result<Genome, (Option<Arc<Genome>>, Abort)> {
        let mut rewrites = 0;
        loop {
            let draft = self.environment.write(&ticket.plan, context).await.map_err(|abort| (None, abort))?;
            if ticket.plan.verbatim {
                return Ok(draft);
            }
            let screened = match self.duplicate(&draft, ticket) {
                Screen::Pass => self.environment.screen(&draft, ticket, &self.index, context).await,
                caught => Ok(caught),
            };
            match screened {
                Ok(Screen::Pass) => return Ok(draft),
                Ok(Screen::Rewrite(_)) if rewrites < REWRITES => rewrites += 1,
                Ok(Screen::Rewrite(why) | Screen::Refuse(why)) => {
                    return Err((Some(Arc::new(draft)), Abort::invalid(why)));
                }
                Err(abort) => return Err((Some(Arc::new(draft)), abort)),
            }
        }
    }

    /// What `search.duplicates` makes of a draft.
    fn duplicate(&self, draft: &Genome, ticket: &Ticket) -> Screen {
        if self.duplicates == Duplicates::Evaluate {
            return Screen::Pass;
        }
        match self.index.find(&draft.digest(), ticket.horizon) {
            None => Screen::Pass,
            Some(first) => {
                let why = format!("it equals candidate {first} (search.duplicates)");
                if self.duplicates == Duplicates::Rewrite {
                    Screen::Rewrite(why)
                } else {
                    Screen::Refuse(why)
                }
            }
        }
    }

    async fn score(&self, draft: &Genome, ticket: &Ticket, context: &mut Context) -> Result<Score, Abort> {
        context.bench.assign(ticket.index, draft.digest().seed(0));
        let score = match &self.evaluator {
            None => Score::default(),
            Some(evaluator) => {
                let thresholds = &ticket.plan.thresholds;
                context.set_asking(false);
                let bench = &mut context.bench;
                let score = self.evaluations.evaluate(evaluator.as_ref(), draft, thresholds, bench).await?;
                context.set_asking(true);
                score
            }
        };
        self.environment.judge(draft, score, context).await
    }
}

fn unscored(genome: Option<Arc<Genome>>, abort: Abort) -> Result<Outcome, EngineError> {
    let told = |Reason { why, artifacts }| Unscored { genome, why, artifacts };
    match abort {
        Abort::Invalid(reason) => Ok(Outcome::Invalid(told(reason))),
        Abort::Failed(reason) => Ok(Outcome::Failed(told(reason))),
        Abort::Run(error) => Err(error),
    }
}
