//! A session of a run: one owner drives the search, workers make candidates, the journal keeps what settles.
//!
//! ```text
//! ask   the search for tickets, as long as there are places
//! make  each on a worker (`life`): only here are models asked and programs run
//! tell  the search, in whatever order they come back; append what settles to the journal; tell the observer
//! ```
//!
//! A resumed run folds its journal through the same search and goes on: there is no second code path.

mod orders;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use samara_journal::{EventKind, Journal, Life, Live, Reader};
use samara_lm::{ErrorKind, LmError};
use samara_qd::Tessellation;
use samara_search::{
    Ask, Charge, End, Ensemble, Fate, FoldError, Migration, Order, Search, SearchSettings, Settled, Setup,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tracing::Instrument as _;

use crate::{
    Ended, Ending, EngineError, Environment, EvaluatorSpec, Event, Prepared, Session, Tools,
    context::charge_of,
    evaluations::Evaluations,
    life::{Returned, Workshop},
    log,
    noting::Noting,
    prepare::prepare,
};

/// Everything a run is made of.
pub struct Run {
    /// The `[search]` section, validated.
    pub settings: SearchSettings,
    /// The archives' cells.
    pub tessellation: Tessellation,
    /// What is evolved.
    pub environment: Arc<dyn Environment>,
    /// What the environment's evaluator is made from, if it has one.
    pub evaluator: Option<EvaluatorSpec>,
    /// Whom to ask, and where to run programs.
    pub tools: Tools,
    /// How the generator is chosen if `tools` holds several; else the default.
    pub ensemble: Ensemble,
    /// Where it is recorded; a journal with candidates is resumed.
    pub journal: Journal,
    /// What was asked of another run while it went on, as its journal has it: a new run is asked the same at the same
    /// candidates. Empty for none; a run that is resumed has its own.
    pub controls: Vec<samara_journal::Event>,
}

/// The user's hold on a running search.
#[derive(Debug)]
pub struct Control {
    /// Turns true when the search should finish what is alive and end.
    pub interrupt: watch::Receiver<bool>,
    /// What is asked of the run while it goes on; `None` if nobody can.
    pub orders: Option<mpsc::Receiver<Command>>,
}

impl Control {
    /// One that can only interrupt.
    pub fn interrupt(interrupt: watch::Receiver<bool>) -> Self {
        Self { interrupt, orders: None }
    }
}

/// An order to a running search. It is recorded before it is followed, with the first candidate that it is for, so that
/// the run stays the same when it is resumed.
#[derive(Debug)]
pub struct Command {
    /// What is asked.
    pub order: Order,
    /// Hears what it came to, or why it is not followed. Dropped if the run ends before.
    pub reply: oneshot::Sender<Result<Live, String>>,
}

impl Run {
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
        let controls = std::mem::take(&mut self.controls);
        self.check_ensemble()?;
        let pool = self.pool(&mut control).await?;
        let interrupted = pool.is_none();
        let mut owner = Owner::new(self, &pool.unwrap_or_default())?;
        if interrupted {
            let (ending, search) = (Ending::Interrupted, owner.search);
            return Ok(Ended { ending, search, session: Session::default() });
        }
        owner.fold_journal(controls)?;
        let resumed_from = owner.search.settled();
        log::started(&owner.search);
        observer(Event::Started { search: &owner.search });
        let result = owner.run(&mut control, started, observer).await;
        let ending = match &result {
            Ok(ending) => ending.name().to_owned(),
            Err(error) => format!("stopped: {error}"),
        };
        log::ended(&result, owner.search.settled(), resumed_from, started.elapsed());
        // A journal that can't be written must not hide why the run stopped.
        let worked = owner.note_work();
        let noted = owner.journal.finish(&ending);
        let ending = result?;
        worked?;
        noted?;
        let settled = owner.search.settled() - resumed_from;
        let session = Session { resumed_from, settled, seconds: started.elapsed().as_secs_f64() };
        Ok(Ended { ending, search: owner.search, session })
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
    async fn pool(&mut self, control: &mut Control) -> Result<Option<InitialPool>, EngineError> {
        let reader = self.journal.reader()?;
        if let Some(texts) = reader.pool()? {
            let charge = charge_of(&reader.set_up_calls()?);
            return Ok(Some(InitialPool { texts, charge }));
        }
        let made = tokio::select! {
            made = prepare(self.environment.as_ref(), self.tools.clone(), self.settings.seed) => made,
            () = interrupted(&mut control.interrupt) => return Ok(None),
        };
        let Prepared { texts, calls, .. } = made?;
        self.journal.set_up(&texts, &calls)?;
        Ok(Some(InitialPool { texts, charge: charge_of(&calls) }))
    }
}

/// The initial prompt pool and what it cost.
#[derive(Default)]
struct InitialPool {
    texts: Vec<String>,
    charge: Charge,
}

/// The one owner of the search and the journal. Workers own nothing.
struct Owner {
    search: Search,
    workshop: Workshop,
    journal: Journal,
    /// Workers.
    alive: JoinSet<Returned>,
    /// How candidates were made that wait for their turn, and how long workers elsewhere took to evaluate them.
    lives: BTreeMap<u64, (Life, Option<f64>)>,
    /// What workers have evaluated that the journal has yet to be told.
    work: Noting,
    /// Candidates that stop the run once their turn comes.
    stops: BTreeMap<u64, EngineError>,
    /// Set when no further candidate may start.
    closing: Option<Ending>,
    /// Why the search has no further ticket.
    end: Option<End>,
    /// Failed candidates in a row, in this session.
    failures: u64,
    /// What was asked of another run, and comes yet.
    ahead: VecDeque<samara_journal::Event>,
}

impl Owner {
    fn new(run: Run, pool: &InitialPool) -> Result<Self, EngineError> {
        let duplicates = run.settings.duplicates;
        let islands = run.settings.islands.count;
        let mut search = Search::new(Setup {
            settings: run.settings,
            tessellation: run.tessellation,
            ensemble: run.ensemble,
            proposers: (0..islands).map(|_| run.environment.proposer(&pool.texts)).collect(),
        })?;
        search.charge_setup(pool.charge);
        let workshop = Workshop {
            evaluator: match run.tools.scattered.clone() {
                Some(scattered) => Some(Arc::new(scattered)),
                None => run.environment.evaluator(),
            },
            evaluator_digest: run.evaluator.map(|spec| spec.digest()),
            environment: run.environment,
            evaluations: Evaluations::default(),
            tools: run.tools,
            index: search.index().clone(),
            duplicates,
            notes: Arc::default(),
        };
        Ok(Self {
            search,
            workshop,
            journal: run.journal,
            alive: JoinSet::new(),
            lives: BTreeMap::new(),
            work: Noting::default(),
            stops: BTreeMap::new(),
            closing: None,
            end: None,
            failures: 0,
            ahead: VecDeque::new(),
        })
    }

    /// Tells the journal what it has not been told of workers' evaluations.
    fn note_work(&mut self) -> Result<(), EngineError> {
        if let Some(work) = self.work.rest() {
            let after = self.search.settled();
            self.journal.note(&samara_journal::Event { after, kind: EventKind::Work(work) })?;
        }
        Ok(())
    }

    /// Settles every candidate of the journal again, under what was asked of the run on the way. What was asked of another
    /// run (`given`) comes after them.
    fn fold_journal(&mut self, given: Vec<samara_journal::Event>) -> Result<(), EngineError> {
        let reader = self.journal.reader()?;
        let mut recorded = migrations(&reader)?;
        self.come_to(reader.len()?, reader.events()?, given)?;
        self.search.resume(reader.len()?);
        reader.fold(&mut |candidate| {
            let migration = self.search.refold(candidate)?;
            let after = self.search.settled();
            if migration != recorded.remove(&after) {
                return Err(FoldError::Migration { after }.into());
            }
            Ok::<(), EngineError>(())
        })?;
        match recorded.keys().next() {
            Some(after) => Err(FoldError::Migration { after: *after }.into()),
            None => Ok(()),
        }
    }

    /// The loop: start what may start, wait for something to happen, settle what has its turn.
    async fn run(
        &mut self,
        control: &mut Control,
        started: Instant,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Ending, EngineError> {
        let wall_time = tokio::time::sleep_until((started + self.wall_time()).into());
        tokio::pin!(wall_time);
        let calls = self.workshop.tools.calls_in_flight.clone();
        let Control { interrupt, orders } = control;
        loop {
            self.start();
            if self.alive.is_empty() {
                // What was asked by now counts: it may be what lets the run go on.
                if self.follow_waiting(orders, observer)? {
                    wall_time.as_mut().reset((started + self.wall_time()).into());
                    continue;
                }
                return Ok(self.closing.unwrap_or(match self.end {
                    Some(End::Budget) => Ending::Budget,
                    Some(End::Target) => Ending::Target,
                    Some(End::Patience) => Ending::Patience,
                    Some(End::Completed) | None => Ending::Completed,
                }));
            }
            let open = self.closing.is_none();
            tokio::select! {
                returned = self.alive.join_next() => {
                    if let Some(ending) = self.receive(returned, observer)? {
                        return Ok(ending);
                    }
                }
                // The places are counted anew.
                () = calls.ended(), if open => {}
                () = interrupted(interrupt), if open => self.close(Ending::Interrupted, observer),
                command = orders::next(orders) => {
                    self.follow(command, observer)?;
                    wall_time.as_mut().reset((started + self.wall_time()).into());
                }
                () = &mut wall_time, if open => self.close(Ending::WallTime, observer),
            }
        }
    }

    fn wall_time(&self) -> Duration {
        let limit = self.search.settings().budget.wall_time_s;
        let limit = limit.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(NO_LIMIT));
        limit.map_or(NO_LIMIT, |limit| limit.min(NO_LIMIT))
    }

    /// Whether one more candidate may live: there are fewer than `search.concurrency`, and hardly more ask models than
    /// these can answer at once. Where one would only wait, it begins later: those that have begun end sooner, and a run
    /// that is stopped has less to finish. How many live never changes the outcome.
    fn has_place(&self) -> bool {
        let tools = &self.workshop.tools;
        let room = tools.models.room();
        // A few wait at the door, so that no place stays empty while a candidate ends and the next one begins.
        let most = room.saturating_add(room / 4 + 1);
        self.alive.len() < self.search.settings().concurrency && tools.calls_in_flight.asking() < most
    }

    /// Fills the free places among the living.
    fn start(&mut self) {
        while self.closing.is_none() && self.has_place() {
            match self.search.ask() {
                Ask::Ticket(ticket) => {
                    // Requests and programs are logged with the candidate that they are for.
                    let span = tracing::info_span!("candidate", index = ticket.index);
                    self.alive.spawn(self.workshop.clone().make(*ticket).instrument(span));
                }
                Ask::Wait => return,
                Ask::Ended(end) => {
                    self.end = Some(end);
                    return;
                }
            }
        }
    }

    fn close(&mut self, ending: Ending, observer: &mut (dyn FnMut(Event<'_>) + Send)) {
        self.closing = Some(ending);
        log::closing(ending, self.alive.len());
        observer(Event::Closing { ending, waiting: self.alive.len() });
    }

    /// Takes what a worker brought back and settles what has its turn. `Some` if the run ends here because the hard
    /// budget refused a call.
    fn receive(
        &mut self,
        returned: Option<Result<Returned, tokio::task::JoinError>>,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<Option<Ending>, EngineError> {
        let Some(returned) = returned else { return Ok(None) };
        let Returned { index, finished, life, worker_ms } =
            returned.map_err(|error| EngineError::Internal(format!("a worker did not end well: {error}")))?;
        match finished {
            Ok(finished) => {
                self.lives.insert(index, (life, worker_ms));
                for settled in self.search.tell(finished) {
                    self.record(&settled, observer)?;
                }
            }
            Err(stop) => drop(self.stops.insert(index, stop)),
        }
        // A candidate stops the run when all before it are settled: which one does not depend on timing.
        match self.stops.remove(&self.search.settled()) {
            None => Ok(None),
            Some(EngineError::Model { error: LmError { kind: ErrorKind::Budget, .. }, .. }) => {
                Ok(Some(Ending::Budget))
            }
            Some(error) => Err(error),
        }
    }

    fn record(
        &mut self,
        settled: &Settled,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<(), EngineError> {
        let Settled { candidate, migration } = settled;
        let (life, worker_ms) = self.lives.remove(&candidate.index).unwrap_or_default();
        let after = candidate.index + 1;
        let migrated = |migration: &Migration| samara_journal::Event {
            after,
            kind: EventKind::Migration(migration.clone()),
        };
        let mut events: Vec<samara_journal::Event> = migration.iter().map(migrated).collect();
        events.extend(self.due(after));
        if let (Some(worker), Some(ms)) = (&life.worker, worker_ms) {
            self.work.add(worker, ms, candidate);
        }
        events
            .extend(self.work.due().map(|work| samara_journal::Event { after, kind: EventKind::Work(work) }));
        self.journal.append(candidate, &life, &events)?;
        log::settled(candidate, &life);
        if let Some(migration) = migration {
            log::migration(after, migration);
        }
        observer(Event::Settled { candidate, life: &life, search: &self.search });
        match &candidate.fate {
            Fate::Failed { why } => {
                self.failures += 1;
                if self.failures >= self.search.settings().max_failures {
                    return Err(EngineError::Failures { count: self.failures, last: why.clone() });
                }
            }
            _ => self.failures = 0,
        }
        Ok(())
    }
}

/// The recorded migrations, by the number of candidates that were settled.
fn migrations(reader: &Reader) -> Result<BTreeMap<u64, Migration>, EngineError> {
    let mut migrations = BTreeMap::new();
    for event in reader.events()? {
        if let EventKind::Migration(migration) = event.kind {
            migrations.insert(event.after, migration);
        }
    }
    Ok(migrations)
}

/// Longer than any run; `Instant` can't hold the largest `Duration`.
const NO_LIMIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Resolves when the user interrupts, and never if that has become impossible.
async fn interrupted(interrupt: &mut watch::Receiver<bool>) {
    if interrupt.wait_for(|interrupted| *interrupted).await.is_err() {
        std::future::pending::<()>().await;
    }
}
