//! A run that begins with what another one found: its candidates come first, as they are, and then the environment's own.
//!
//! What is taken over is a text of the run's own ([`Beginning`], an input like the files that it read), so that a run needs
//! no other folder and resumes as any does. A candidate keeps its recorded score where both runs ask the same of the same
//! judges ([`Beginning::judged`]); otherwise it is evaluated and judged anew, as a candidate that was written.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{About, Context, Environment, Evaluator, Future, Roles, Screen};
use samara_qd::Stream;
use samara_sandbox::EvaluatorOptions;
use samara_search::{Candidate, Genome, Index, Plan, Proposer, Score, Ticket, View};
use serde::{Deserialize, Serialize};

/// The setting that names where candidates are taken from; their copy is kept under it.
pub const KEY: &str = "experiment.init_from";

/// How a candidate came about that was taken over, in the journal's word.
pub const OPERATOR: &str = "taken_over";

/// A candidate of another run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// What it is.
    pub genome: Arc<Genome>,
    /// How it did there.
    pub score: Arc<Score>,
}

/// The digests of the weights that gave a run's scores, by the setting that names the model, such as `models.judge`: all
/// that it had one after the other, `None` while they were not recorded.
pub type Judges = BTreeMap<String, Vec<Option<String>>>;

/// What a run begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beginning {
    /// What decides a score in the run that the candidates are from; `None` where nobody knows (a history), and scores are
    /// then kept.
    pub judged: Option<String>,
    /// Which weights gave the scores; empty of a history.
    #[serde(default, skip_serializing_if = "Judges::is_empty")]
    pub judges: Judges,
    /// Its initial prompt pool; `None` to make one as usual.
    pub pool: Option<Vec<String>>,
    /// Its candidates, in their order.
    pub candidates: Vec<Taken>,
}

impl Beginning {
    /// Whether scores are kept in a run whose scores `judged` decides.
    pub fn keeps_scores(&self, judged: &str) -> bool {
        self.judged.as_deref().is_none_or(|recorded| recorded == judged)
    }
}

/// The environment, begun with what was taken over; `judged` decides its scores, which have a measure for each of `axes`
/// axes.
pub fn begin(
    inner: Arc<dyn Environment>,
    beginning: Beginning,
    (judged, axes): (&str, usize),
) -> Arc<dyn Environment> {
    let keeps_scores = beginning.keeps_scores(judged);
    let Beginning { pool, candidates, .. } = beginning;
    let plan = |Taken { genome, score }: Taken| Plan {
        verbatim: true,
        // A copy that was edited may claim anything.
        scored: Some(score).filter(|score| keeps_scores && score.measures.len() == axes),
        ..Plan::fresh(OPERATOR, vec![genome])
    };
    Arc::new(Continued { inner, pool, plans: candidates.into_iter().map(plan).collect() })
}

struct Continued {
    inner: Arc<dyn Environment>,
    pool: Option<Vec<String>>,
    plans: Arc<[Plan]>,
}

impl Environment for Continued {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn roles(&self) -> Roles {
        self.inner.roles()
    }

    fn about(&self) -> About {
        self.inner.about()
    }

    fn own_evaluator(&self) -> Option<&str> {
        self.inner.own_evaluator()
    }

    fn evaluator_options(&self) -> Option<EvaluatorOptions> {
        self.inner.evaluator_options()
    }

    fn likely_measures(&self, seed: u64) -> Vec<Vec<f64>> {
        self.inner.likely_measures(seed)
    }

    fn remarks(&self) -> Vec<String> {
        let count = self.plans.len();
        let anew = self.plans.iter().any(|plan| plan.scored.is_none());
        let how = if anew { "and are judged anew" } else { "with their scores" };
        let mut remarks = vec![format!("{count} candidates are taken over {how}")];
        remarks.extend(self.inner.remarks());
        remarks
    }

    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        match &self.pool {
            Some(pool) => Box::pin(async { Ok(pool.clone()) }),
            None => self.inner.set_up(context),
        }
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Beginner { inner: self.inner.proposer(pool), plans: Arc::clone(&self.plans) })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        match &plan.material[..] {
            [genome] if plan.verbatim && plan.operator == OPERATOR => {
                Box::pin(async { Ok((**genome).clone()) })
            }
            _ => self.inner.write(plan, context),
        }
    }

    fn screen<'a>(
        &'a self,
        draft: &'a Genome,
        ticket: &'a Ticket,
        index: &'a Index,
        context: &'a mut Context,
    ) -> Future<'a, Screen> {
        self.inner.screen(draft, ticket, index, context)
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        self.inner.evaluator()
    }

    fn judge<'a>(&'a self, draft: &'a Genome, score: Score, context: &'a mut Context) -> Future<'a, Score> {
        self.inner.judge(draft, score, context)
    }
}

/// Plans what was taken over, and then what its island's own proposer does, which hears of all.
struct Beginner {
    inner: Box<dyn Proposer>,
    plans: Arc<[Plan]>,
}

impl Beginner {
    fn taken(&self, view: &View<'_>) -> Option<Plan> {
        self.plans.get(usize::try_from(view.index()).ok()?).cloned()
    }
}

impl Proposer for Beginner {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        self.taken(view).unwrap_or_else(|| self.inner.create(view, stream))
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        self.taken(view).or_else(|| self.inner.vary(view, stream))
    }

    fn is_ready(&self, view: &View<'_>) -> bool {
        self.taken(view).is_some() || self.inner.is_ready(view)
    }

    fn learn(&mut self, candidate: &Candidate) {
        self.inner.learn(candidate);
    }

    fn settle(&mut self, candidate: &Candidate, value: Option<f64>, view: &View<'_>) {
        self.inner.settle(candidate, value, view);
    }
}
