//! One environment for all tasks of programs: the writer writes, the task evaluates and judges.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{About, Bench, Context, Environment, Evaluator, Future, Roles};
use samara_qd::Stream;
use samara_search::{Candidate, Genome, Plan, Proposer, Score, View};

use super::{mix::Mix, writer::Writer};

/// What programs are evolved for.
pub(crate) trait Task: Send + Sync + 'static {
    /// The environment's name.
    const NAME: &'static str;
    /// Whether [`Task::evaluate`] does something: an evaluation without models, which equal programs share.
    const EVALUATES: bool = true;

    /// Which models it asks beside the writer.
    fn roles(&self, writer: Roles) -> Roles {
        writer
    }

    /// What its programs are.
    fn about(&self) -> About {
        About::Programs { without: "let samara vary them (--set search.operator=gp)" }
    }

    /// Runs and measures a program, without a model.
    fn evaluate<'a>(&'a self, _program: &'a str, _bench: &'a mut Bench) -> Future<'a, Score> {
        Box::pin(async { Ok(Score::default()) })
    }

    /// Completes the score, with models.
    fn judge<'a>(&'a self, _program: &'a str, score: Score, _context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async { Ok(score) })
    }
}

/// The environment of a task.
pub(crate) struct Programs<T> {
    pub task: Arc<T>,
    pub writer: Arc<Writer>,
    /// What a search begins with; may be empty if the writer can begin from nothing.
    pub seeds: Arc<[Arc<Genome>]>,
}

impl<T: Task> Programs<T> {
    /// The environment of a task whose programs begin with these.
    pub(crate) fn new(task: T, writer: Arc<Writer>, seeds: impl IntoIterator<Item = Arc<str>>) -> Arc<Self> {
        let seeds = seeds.into_iter().map(|seed| Arc::new(Genome::Text(seed))).collect();
        Arc::new(Self { task: Arc::new(task), writer, seeds })
    }
}

impl<T: Task> Environment for Programs<T> {
    fn name(&self) -> &str {
        T::NAME
    }

    fn roles(&self) -> Roles {
        self.task.roles(self.writer.roles())
    }

    fn about(&self) -> About {
        self.task.about()
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        let mix = self.writer.mix().clone();
        Box::new(Plans { writer: Arc::clone(&self.writer), seeds: Arc::clone(&self.seeds), mix })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move { Ok(Genome::text_of(self.writer.write(plan, context).await?)) })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        T::EVALUATES.then(|| Arc::new(Evaluates(Arc::clone(&self.task))) as Arc<dyn Evaluator>)
    }

    fn judge<'a>(&'a self, draft: &'a Genome, score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move { self.task.judge(&draft.text(), score, context).await })
    }
}

struct Evaluates<T>(Arc<T>);

impl<T: Task> Evaluator for Evaluates<T> {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(async move { self.0.evaluate(&draft.text(), bench).await })
    }
}

/// Plans of programs remember nothing but what each operator of a mix has brought.
struct Plans {
    writer: Arc<Writer>,
    seeds: Arc<[Arc<Genome>]>,
    mix: Mix,
}

impl Proposer for Plans {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        // Every island begins with all of them.
        let place = view.index() / (view.islands().max(1) as u64);
        self.writer.seeded(&self.seeds, place, stream)
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        self.writer.varied(&self.mix, view, stream)
    }

    fn learn(&mut self, candidate: &Candidate) {
        self.mix.learn(candidate);
    }
}
