//! One candidate's life, and the loop that runs many: propose, live, settle.
//!
//! ```text
//! propose  (owner)   check the budget; draw plan and writer from the state with the candidate's own stream
//! live     (worker)  write and evaluate: only here are language models asked
//! settle   (owner)   offer to the archive -> fate; charge; append to the journal; tell the observer
//! ```
//!
//! Candidate i is proposed from the state exactly as candidate i - window left it, and results settle in index
//! order. So the archive is a function of (settings, seed, model answers), whatever the concurrency, and however
//! often the run was killed: a resumed run folds the journal through the same [`State::settle`] and goes on.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use samara_journal::{Candidate, Genome, Journal, ModelCall, Settled};
use samara_lm::{ErrorKind, LmError};
use samara_qd::Stream;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    AxisSettings, Charge, Context, Ended, Ending, EngineError, Ensemble, Environment, Event, Examples,
    Outcome, Plan, Pool, Pull, SearchSettings, Session, State, Tools, Trouble, context::charge_of,
    state::Settlement,
};

/// Everything a run is made of.
pub struct Search {
    /// The `[search]` section.
    pub settings: SearchSettings,
    /// The `[[axes]]`.
    pub axes: Vec<AxisSettings>,
    /// What is evolved.
    pub environment: Arc<dyn Environment>,
    /// Whom to ask, and where to run programs.
    pub tools: Tools,
    /// How the writer is chosen if `tools` holds several generators; else the default.
    pub ensemble: Ensemble,
    /// Where it is recorded; a journal with candidates is resumed.
    pub journal: Journal,
}

/// The user's hold on a running search.
#[derive(Debug, Clone)]
pub struct Control {
    /// Turns true when the search should finish what is alive and end.
    pub interrupt: watch::Receiver<bool>,
}

/// What a worker brings back.
struct Lived {
    index: u64,
    arm: Option<u32>,
    result: Result<Outcome, EngineError>,
    calls: Vec<ModelCall>,
    isolation: Option<String>,
    parents: Vec<u64>,
    milliseconds: f64,
}

impl Search {
    /// Runs to the end, the budget or the interrupt, and returns the state it left.
    ///
    /// # Errors
    /// See [`EngineError`]. Whatever was settled before is in the journal.
    pub async fn run(
        mut self,
        mut control: Control,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Ended, EngineError> {
        let started = Instant::now();
        self.settings.strategy.check(self.environment.as_ref())?;
        self.check_ensemble()?;
        let Some(pool) = self.pool(&mut control).await? else {
            let state = State::new(self.settings.archive(&self.axes)?, Examples::default());
            return Ok(Ended { ending: Ending::Interrupted, state, session: Session::default() });
        };
        let mut owner = Owner::new(self, pool)?;
        owner.fold_journal()?;
        let resumed_from = owner.state.settled();
        observer(Event::Started { settled: resumed_from, state: &owner.state });
        let result = owner.search(&mut control, started, observer).await;
        let ending = match &result {
            Ok(ending) => ending.name().to_owned(),
            Err(error) => format!("stopped: {error}"),
        };
        // A journal that can't be written must not hide why the run stopped.
        let noted = owner.journal.finish(&ending);
        let ending = result?;
        noted?;
        let settled = owner.state.settled() - resumed_from;
        let session = Session { resumed_from, settled, seconds: started.elapsed().as_secs_f64() };
        Ok(Ended { ending, state: owner.state, session })
    }

    fn check_ensemble(&self) -> Result<(), EngineError> {
        match (self.ensemble.len(), self.tools.models.generator.len()) {
            (0, 0 | 1) => Ok(()),
            (known, opened) if known == opened => Ok(()),
            (known, opened) => {
                Err(EngineError::Internal(format!("{opened} generators for an ensemble of {known}")))
            }
        }
    }

    /// The initial prompt pool: from the journal if the run has begun, else made and recorded. `None` if the user
    /// interrupted.
    async fn pool(&mut self, control: &mut Control) -> Result<Option<SetUp>, EngineError> {
        let reader = self.journal.reader()?;
        if let Some(texts) = reader.pool()? {
            let charge = charge_of(&reader.set_up_calls()?);
            return Ok(Some(SetUp { pool: Pool::new(texts), charge }));
        }
        let mut context = Context::setup(self.tools.clone(), self.settings.seed);
        let made = tokio::select! {
            made = self.environment.set_up(&mut context) => made,
            () = interrupted(control) => return Ok(None),
        };
        let texts = made.map_err(|trouble| match trouble {
            Trouble::Run(error) => error,
            Trouble::Candidate(why) => {
                EngineError::Failures { count: 1, last: format!("in the setup, {why}") }
            }
        })?;
        let (calls, _) = context.into_record();
        self.journal.set_up(&texts, &calls)?;
        Ok(Some(SetUp { pool: Pool::new(texts), charge: charge_of(&calls) }))
    }
}

/// The initial pool and what it cost.
struct SetUp {
    pool: Pool,
    charge: Charge,
}

/// A candidate that was proposed and has not started to live.
struct Proposal {
    index: u64,
    plan: Plan,
    stream: Stream,
    /// Its writer's position in the ensemble, if there is one.
    arm: Option<u32>,
}

/// The one owner of state. Workers own nothing.
struct Owner {
    settings: SearchSettings,
    environment: Arc<dyn Environment>,
    tools: Tools,
    journal: Journal,
    state: State,
    /// Candidates proposed and not yet started, in index order.
    proposed: VecDeque<Proposal>,
    /// The index of the next proposal.
    next: u64,
    /// Set when no further candidate may be proposed.
    closed: Option<Ending>,
    /// Workers.
    alive: JoinSet<Lived>,
    /// Results that wait for their turn.
    waiting: BTreeMap<u64, Lived>,
    /// Failed candidates in a row, in this session.
    failures: u64,
}

impl Owner {
    fn new(search: Search, setup: SetUp) -> Result<Self, EngineError> {
        let archive = search.settings.archive(&search.axes)?;
        let feeds_pool = search.environment.feeds_pool();
        let examples = Examples::new(setup.pool, &search.settings, &search.axes, feeds_pool);
        let mut state = State::new(archive, examples).with_ensemble(search.ensemble);
        state.charge_setup(setup.charge);
        Ok(Self {
            settings: search.settings,
            environment: search.environment,
            tools: search.tools,
            journal: search.journal,
            state,
            proposed: VecDeque::new(),
            next: 0,
            closed: None,
            alive: JoinSet::new(),
            waiting: BTreeMap::new(),
            failures: 0,
        })
    }

    /// Settles every candidate of the journal again, proposing those that were in flight when it ended from the
    /// states that they were first proposed from.
    fn fold_journal(&mut self) -> Result<(), EngineError> {
        let reader = self.journal.reader()?;
        self.next = reader.len()?;
        self.propose();
        reader.fold(&mut |settled: Settled| {
            self.state.refold(settled)?;
            self.propose();
            Ok::<(), EngineError>(())
        })
    }

    /// The loop: start what is proposed, wait for something to happen, settle what has its turn.
    async fn search(
        &mut self,
        control: &mut Control,
        started: Instant,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Ending, EngineError> {
        let wall_time = self.settings.budget.wall_time_s.map_or(FAR_FUTURE, Duration::from_secs_f64);
        let wall_time = tokio::time::sleep_until((started + wall_time.min(FAR_FUTURE)).into());
        tokio::pin!(wall_time);
        loop {
            self.start_proposed();
            if self.alive.is_empty() {
                return Ok(self.closed.unwrap_or(Ending::Completed));
            }
            let closing = self.closing();
            tokio::select! {
                lived = self.alive.join_next() => self.receive(lived)?,
                () = interrupted(control), if !closing => self.close(Ending::Interrupted, observer),
                () = &mut wall_time, if !closing => self.close(Ending::WallTime, observer),
            }
            while let Some(lived) = self.waiting.remove(&self.state.settled()) {
                match self.settle(lived, observer)? {
                    None => self.propose(),
                    Some(ending) => return Ok(ending),
                }
            }
        }
    }

    /// Proposes every candidate whose time has come: those below settled + window. While the journal is folded, those
    /// it holds are passed over; the others find the very state that they were first proposed from.
    fn propose(&mut self) {
        if self.state.settled() == 1 {
            self.drop_unaffordable();
        }
        let horizon = self.state.settled() + self.settings.window as u64;
        while self.next < horizon.min(self.settings.total_steps) && self.closed.is_none() {
            let index = self.next;
            let in_flight = index - self.state.settled();
            if !self.state.spending().allows(&self.settings.budget, in_flight) {
                self.closed = Some(Ending::Budget);
                return;
            }
            let mut stream = Stream::new(self.settings.seed, index);
            let plan = self.plan(index, &mut stream);
            let arm = self.state.ensemble().choose(&mut stream);
            self.proposed.push_back(Proposal { index, plan, stream, arm });
            self.next += 1;
        }
    }

    /// The first candidate has said what one costs: of those that were proposed before that was known, and that did not
    /// start for that reason, the last go that the budget would not have allowed.
    fn drop_unaffordable(&mut self) {
        while let Some(last) = self.proposed.back() {
            let in_flight = last.index - self.state.settled();
            if self.state.spending().allows(&self.settings.budget, in_flight) {
                return;
            }
            self.next = last.index;
            self.proposed.pop_back();
            self.closed = Some(Ending::Budget);
        }
    }

    fn plan(&self, index: u64, stream: &mut Stream) -> Plan {
        let fresh = index < self.settings.init_steps || !self.settings.strategy.varies();
        let varied = if fresh { None } else { self.environment.vary(&self.state, stream) };
        varied.unwrap_or_else(|| self.environment.create(&self.state, stream))
    }

    /// Fills the free places among the living. Under a budget of calls, tokens or money the first candidate lives
    /// alone, since nobody knows yet what one costs, and all at once could overdraw the budget.
    fn start_proposed(&mut self) {
        let blind = self.state.settled() == 0 && self.settings.budget.limits_spending();
        let places = if blind { 1 } else { self.settings.concurrency };
        while self.alive.len() < places && !self.closing() {
            let Some(proposal) = self.proposed.pop_front() else { return };
            self.alive.spawn(live(
                Arc::clone(&self.environment),
                proposal,
                self.tools.clone(),
                self.settings.seed,
            ));
        }
    }

    /// Whether proposed candidates must not start any more. (A spent budget only ends proposals.)
    fn closing(&self) -> bool {
        matches!(self.closed, Some(Ending::Interrupted | Ending::WallTime))
    }

    fn close(&mut self, ending: Ending, observer: &mut (dyn FnMut(Event<'_>) + Send)) {
        self.closed = Some(ending);
        observer(Event::Closing { ending, waiting: self.alive.len() });
    }

    fn receive(&mut self, lived: Option<Result<Lived, tokio::task::JoinError>>) -> Result<(), EngineError> {
        match lived {
            Some(Ok(lived)) => {
                self.waiting.insert(lived.index, lived);
                Ok(())
            }
            Some(Err(error)) => Err(EngineError::Internal(format!("a worker did not end well: {error}"))),
            None => Ok(()),
        }
    }

    /// Settles the next candidate. `Some` if the run ends here because the hard budget refused one of its calls.
    fn settle(
        &mut self,
        lived: Lived,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Option<Ending>, EngineError> {
        let outcome = match lived.result {
            Ok(outcome) => outcome,
            Err(EngineError::Model { error: LmError { kind: ErrorKind::Budget, .. }, .. }) => {
                return Ok(Some(Ending::Budget));
            }
            Err(error) => return Err(error),
        };
        let index = lived.index;
        let charge = charge_of(&lived.calls);
        let pull = lived.arm.map(|arm| Pull { arm, charge, model_ms: model_ms(&lived.calls) });
        let settlement = self.state.settle(outcome, charge, pull);
        let made = Made {
            parents: lived.parents,
            live_ms: lived.milliseconds,
            isolation: lived.isolation,
            arm: lived.arm,
        };
        let candidate = record(index, made, lived.calls, settlement);
        self.journal.append(&candidate)?;
        debug_assert_eq!(index + 1, self.state.settled());
        observer(Event::Settled { candidate: &candidate, state: &self.state });
        self.count_failures(&candidate)?;
        Ok(None)
    }

    fn count_failures(&mut self, candidate: &Candidate) -> Result<(), EngineError> {
        match &candidate.fate {
            samara_journal::Fate::Failed { why } => {
                self.failures += 1;
                if self.failures >= self.settings.max_failures {
                    return Err(EngineError::Failures { count: self.failures, last: why.clone() });
                }
            }
            _ => self.failures = 0,
        }
        Ok(())
    }
}

/// Longer than any run; `Instant` can't hold the largest `Duration`.
const FAR_FUTURE: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Resolves when the user interrupts, and never if that has become impossible.
async fn interrupted(control: &mut Control) {
    if control.interrupt.wait_for(|interrupted| *interrupted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// A worker: lives one candidate.
async fn live(environment: Arc<dyn Environment>, proposal: Proposal, tools: Tools, seed: u64) -> Lived {
    let started = Instant::now();
    let Proposal { index, plan, stream, arm } = proposal;
    let mut context = Context::candidate(tools, seed, index, stream, arm.unwrap_or(0) as usize);
    let parents = plan.parents.clone();
    let result = match environment.live(plan, &mut context).await {
        Ok(outcome) => Ok(outcome),
        Err(Trouble::Candidate(why)) => Ok(Outcome::Failed { genome: None, why }),
        Err(Trouble::Run(error)) => Err(error),
    };
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let (calls, isolation) = context.into_record();
    Lived { index, arm, result, calls, isolation, parents, milliseconds }
}

/// How long the models took: as the journal sums it, to the last bit.
fn model_ms(calls: &[ModelCall]) -> f64 {
    calls.iter().fold(0.0, |sum, call| sum + call.latency_ms)
}

/// How a candidate came about, for its record.
struct Made {
    parents: Vec<u64>,
    live_ms: f64,
    isolation: Option<String>,
    arm: Option<u32>,
}

fn record(index: u64, made: Made, calls: Vec<ModelCall>, settlement: Settlement) -> Candidate {
    Candidate {
        index,
        parents: made.parents,
        genome: settlement.genome.map(|genome| Genome::clone(&genome)),
        measures: settlement.measures,
        objective: settlement.objective,
        fate: settlement.fate,
        cell: settlement.cell.map(|cell| cell as u64),
        rank: settlement.rank.map(|rank| rank as u32),
        live_ms: made.live_ms,
        isolation: made.isolation,
        arm: made.arm,
        calls,
    }
}
