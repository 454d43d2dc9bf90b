//! The search: ask for candidates, tell what became of them.
//!
//! ```text
//! ask    the next ticket: its plan was drawn from the state as candidate i - window had left it
//! tell   in any order; results settle in index order: archive -> fate, charge, memory, ensemble, migration
//! ```
//!
//! Candidate i is planned from the state exactly as candidate i - window left it (or a later one, if its proposer waits
//! for a generation to be complete: `Proposer::is_ready`), by its own random stream, and results settle in index order. So the archive is a function of (settings, seed, outcomes), whatever the order in
//! which they are told, and however often the search was stopped and folded again ([`Search::refold`]).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use samara_qd::{Stream, Tessellation};

use crate::{
    Artifact, Candidate, Change, Charge, Ensemble, Fate, Finished, FoldError, Gain, Genome, Index, Invalid,
    Limits, Migration, Order, Outcome, Placement, Plan, Population, Proposer, Scheduled, Score,
    SearchSettings, Spending, Ticket, Trial, Unscored, View, artifact, control::Stand, stops::Stops,
};

/// The answer to [`Search::ask`].
#[derive(Debug)]
pub enum Ask {
    /// A candidate to make.
    Ticket(Box<Ticket>),
    /// No candidate until the result of one that is out is told.
    Wait,
    /// No further candidate, and none is out.
    Ended(End),
}

/// Why a search has no further candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `search.total_steps` candidates are settled.
    Completed,
    /// The budget of calls, tokens or money allows no further candidate.
    Budget,
    /// An objective has reached `search.target_score`.
    Target,
    /// `search.patience` scored candidates in a row improved nothing.
    Patience,
}

/// A candidate that has just settled, and what followed from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The candidate with its fate.
    pub candidate: Candidate,
    /// The exchange between islands that was due after it.
    pub migration: Option<Migration>,
}

/// What a search is made of.
pub struct Setup {
    /// The `[search]` section, validated.
    pub settings: SearchSettings,
    /// The archives' cells.
    pub tessellation: Tessellation,
    /// The generator's ensemble; the default where there is nothing to choose.
    pub ensemble: Ensemble,
    /// The environment's plans and memory: one for each island.
    pub proposers: Vec<Box<dyn Proposer>>,
}

/// What is remembered of a ticket until its candidate settles.
#[derive(Debug)]
struct Out {
    horizon: u64,
    operator: String,
    parents: Vec<u64>,
    generator: Option<u32>,
}

/// The search. It owns all state; workers own nothing.
pub struct Search {
    settings: SearchSettings,
    population: Population,
    proposers: Vec<Box<dyn Proposer>>,
    ensemble: Ensemble,
    spending: Spending,
    stops: Stops,
    index: Index,
    /// How many candidates are settled: the index of the next one to settle.
    settled: u64,
    /// How many candidates are recorded and settle by [`Search::refold`].
    recorded: u64,
    /// The index of the next candidate to plan.
    next: u64,
    /// Planned and not yet asked for, in index order.
    planned: VecDeque<Ticket>,
    /// Asked for and not yet settled.
    out: BTreeMap<u64, Out>,
    /// Told, and waiting for their turn.
    told: BTreeMap<u64, Finished>,
    /// Set when no further candidate may be planned.
    closed: Option<End>,
    /// Changes that were recorded and have not been come to, in their order.
    scheduled: VecDeque<Scheduled>,
}

impl Search {
    /// The search before candidate 0.
    ///
    /// # Errors
    /// Settings that contradict the cells.
    ///
    /// # Panics
    /// If there isn't one proposer for each island.
    pub fn new(setup: Setup) -> Result<Self, Invalid> {
        let population = Population::new(&setup.settings, setup.tessellation)?;
        assert_eq!(setup.proposers.len(), population.islands().len(), "one proposer for each island");
        Ok(Self {
            settings: setup.settings,
            population,
            proposers: setup.proposers,
            ensemble: setup.ensemble,
            spending: Spending::default(),
            stops: Stops::default(),
            index: Index::default(),
            settled: 0,
            recorded: 0,
            next: 0,
            planned: VecDeque::new(),
            out: BTreeMap::new(),
            told: BTreeMap::new(),
            closed: None,
            scheduled: VecDeque::new(),
        })
    }

    /// Charges calls that belong to no candidate (the setup's). To be called before [`Search::resume`] and before the
    /// first [`Search::ask`].
    pub fn charge_setup(&mut self, charge: Charge) {
        self.spending.total += charge;
    }

    /// Announces changes that were recorded, in their order: each comes again after the candidate that it came after. To be
    /// called before [`Search::resume`] and before the first [`Search::ask`].
    pub fn schedule(&mut self, changes: impl IntoIterator<Item = Scheduled>) {
        self.scheduled.extend(changes);
    }

    /// What an order would come to at this moment.
    ///
    /// # Errors
    /// It would change nothing, or could not be kept: why.
    pub fn weigh(&self, order: &Order) -> Result<Change, String> {
        let begun = self.planned.front().map_or(self.next, |ticket| ticket.index);
        order.change(&self.settings, Stand { settled: self.settled, begun, planned: self.next })
    }

    /// Goes on under other limits. Candidates that are planned, were not asked for and lie beyond them are dropped; those
    /// that they allow anew are planned from the state as it is.
    pub fn limit(&mut self, limits: Limits) {
        (self.settings.total_steps, self.settings.budget) = (limits.total_steps, limits.budget);
        while self.planned.back().is_some_and(|last| last.index >= limits.total_steps) {
            self.next = self.planned.pop_back().map_or(self.next, |last| last.index);
        }
        if self.closed == Some(End::Budget) {
            self.closed = None;
        }
        self.plan_due();
    }

    /// Announces that `recorded` candidates will be [`Search::refold`]ed before anything is asked, so that those after
    /// them are planned from the very states that they were first planned from.
    ///
    /// # Panics
    /// If a candidate was asked for or refolded already.
    pub fn resume(&mut self, recorded: u64) {
        assert_eq!(self.next, 0, "a search is resumed before anything else");
        self.recorded = recorded;
        self.next = recorded;
        self.advance();
    }

    /// The settings.
    pub fn settings(&self) -> &SearchSettings {
        &self.settings
    }

    /// The archives.
    pub fn population(&self) -> &Population {
        &self.population
    }

    /// What settled candidates and the setup have spent.
    pub fn spending(&self) -> &Spending {
        &self.spending
    }

    /// The generator's ensemble and what is known of it.
    pub fn ensemble(&self) -> &Ensemble {
        &self.ensemble
    }

    /// How many candidates are settled.
    pub fn settled(&self) -> u64 {
        self.settled
    }

    /// How many candidates were asked for and are neither settled nor told.
    pub fn in_flight(&self) -> usize {
        self.out.len() - self.told.len()
    }

    /// What workers may ask about settled candidates.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The next candidate to make. Under a budget of calls, tokens or money the first one is made alone: nobody knows
    /// yet what a candidate costs, and many at once could overdraw the budget.
    pub fn ask(&mut self) -> Ask {
        if self.next == 0 {
            self.advance();
        }
        let blind = self.settled == 0 && self.settings.budget.limits_spending() && !self.out.is_empty();
        if blind {
            return Ask::Wait;
        }
        // Where a recorded change is still to come, whatever it was for had not been asked for before it.
        let ahead = |change: &Scheduled, next: &Ticket| next.index >= change.change.first.max(change.after);
        let held = self
            .scheduled
            .front()
            .zip(self.planned.front())
            .is_some_and(|(change, next)| ahead(change, next));
        if held {
            return Ask::Wait;
        }
        let Some(ticket) = self.planned.pop_front() else {
            return if self.out.is_empty() { Ask::Ended(self.end()) } else { Ask::Wait };
        };
        self.out.insert(ticket.index, Out::new(&ticket));
        Ask::Ticket(Box::new(ticket))
    }

    /// Why there is no further candidate. A target that one of the last candidates reached is worth more than whatever
    /// else had ended the run.
    fn end(&self) -> End {
        if self.stops.reached(&self.settings) {
            return End::Target;
        }
        self.closed.unwrap_or(End::Completed)
    }

    /// Takes a result, in any order, and settles every candidate whose turn has come. A result that nobody asked for,
    /// or the second one of a candidate, is ignored: a worker that was given up may still answer.
    pub fn tell(&mut self, finished: Finished) -> Vec<Settled> {
        if self.out.contains_key(&finished.index) {
            self.told.entry(finished.index).or_insert(finished);
        }
        let mut settled = Vec::new();
        while let Some(finished) = self.told.remove(&self.settled) {
            let out = self.out.remove(&finished.index).expect("what was told had been asked for");
            settled.push(self.settle(out, finished));
            self.advance();
        }
        settled
    }

    /// Settles a recorded candidate again. The migration that follows from it is returned, for the caller to compare
    /// with the recorded one. After an error the search is of no further use.
    ///
    /// # Errors
    /// Folding gives another island, fate or cell than was recorded, or it is not this candidate's turn.
    ///
    /// # Panics
    /// If [`Search::resume`] announced fewer candidates.
    pub fn refold(&mut self, recorded: Candidate) -> Result<Option<Migration>, FoldError> {
        if recorded.index != self.settled {
            return Err(FoldError::Order { expected: self.settled, found: recorded.index });
        }
        assert!(recorded.index < self.recorded, "a search is resumed before candidates are refolded");
        let (index, island, fate, cell) =
            (recorded.index, recorded.island, recorded.fate.clone(), recorded.cell);
        let (out, finished) = taken_apart(recorded);
        let Settled { candidate, migration } = self.settle(out, finished);
        let folded = (candidate.island, &candidate.fate, candidate.cell);
        FoldError::check(index, (island, &fate, cell), folded)?;
        self.advance();
        Ok(migration)
    }

    fn settle(&mut self, out: Out, finished: Finished) -> Settled {
        let Finished { index, outcome, charge, model_ms } = finished;
        let island = self.population.island_of(index);
        self.settled += 1;
        self.spending.charge(charge);
        let mut candidate = Candidate {
            index,
            island,
            horizon: out.horizon,
            operator: out.operator,
            parents: out.parents,
            generator: out.generator,
            genome: None,
            score: None,
            fate: Fate::NotBetter,
            cell: None,
            rank: None,
            copy_of: None,
            artifacts: Vec::new(),
            charge,
            model_ms,
        };
        let value = self.place(&mut candidate, outcome);
        self.stops.learn(&self.settings, &candidate);
        let view = View::new(&self.population, index);
        self.proposers[island as usize].settle(&candidate, value, &view);
        if let Some(generator) = candidate.generator {
            self.ensemble.learn(&Trial { generator, charge, model_ms }, Gain::of(&candidate.fate));
        }
        let migration = self.population.migrate(self.settled).map(|(migration, moved)| {
            self.index.note_migration(&migration, &moved);
            migration
        });
        self.index.forget_before(self.settled.saturating_sub(self.settings.window as u64));
        Settled { candidate, migration }
    }

    /// Offers an outcome to the archive and notes what it became; the improvement value, if it was offered.
    fn place(&mut self, candidate: &mut Candidate, outcome: Outcome) -> Option<f64> {
        let mut value = None;
        match outcome {
            Outcome::Scored { genome, score } => value = self.place_scored(candidate, genome, score),
            Outcome::Invalid(unscored) => place_unscored(candidate, unscored, |why| Fate::Invalid { why }),
            Outcome::Failed(unscored) => place_unscored(candidate, unscored, |why| Fate::Failed { why }),
        }
        if let Some(genome) = &candidate.genome {
            let first = self.index.note_content(genome.digest(), candidate.index);
            candidate.copy_of = (first != candidate.index).then_some(first);
        }
        value
    }

    fn place_scored(
        &mut self,
        candidate: &mut Candidate,
        genome: Arc<Genome>,
        mut score: Score,
    ) -> Option<f64> {
        score.artifacts = artifact::fitting(std::mem::take(&mut score.artifacts));
        score.metrics.retain(|_, value| value.is_finite());
        let score = Arc::new(score);
        let Placement { fate, cell, rank, displaced, value } =
            self.population.offer(candidate.index, &genome, &score);
        if fate.entered() {
            let elite = (candidate.index, &genome, &score);
            self.index.note_elite(candidate.island, self.settled, elite, displaced);
        }
        candidate.genome = Some(genome);
        if cell.is_some() {
            candidate.score = Some(score);
        } else {
            // Numbers that an archive can't hold are no score, but what the evaluation left may say why.
            candidate.artifacts = Arc::unwrap_or_clone(score).artifacts;
        }
        candidate.fate = fate;
        candidate.cell = cell.map(|cell| cell as u64);
        candidate.rank = rank.map(|rank| rank as u32);
        value
    }

    /// Plans what is due, and comes to the changes that were recorded here.
    fn advance(&mut self) {
        self.plan_due();
        while let Some(change) = self.scheduled.pop_front_if(|change| change.after <= self.settled) {
            self.limit(change.change.limits);
        }
    }

    /// Plans every candidate that is due: those below settled + window. While a record is folded, the candidates it
    /// holds are passed over; the others are planned from the very states that they were first planned from. A candidate
    /// whose proposer is not ready for it waits, and all after it.
    fn plan_due(&mut self) {
        if self.settled == 1 {
            self.drop_unaffordable();
        }
        let due = self.settled + self.settings.window as u64;
        while self.next < due.min(self.settings.total_steps) && self.closed.is_none() {
            let index = self.next;
            if !self.is_ready(index) {
                return;
            }
            let in_flight = index - self.settled;
            let spent = !self.spending.allows(&self.settings.budget, in_flight);
            self.closed = self.stops.end(&self.settings).or(spent.then_some(End::Budget));
            if self.closed.is_some() {
                return;
            }
            self.planned.push_back(self.ticket(index));
            self.next += 1;
        }
    }

    /// Once the first candidate has shown what one costs: drops the last of those planned before that, as far as the
    /// budget would not have allowed them. None of them was handed out, since the first one is made alone.
    fn drop_unaffordable(&mut self) {
        while let Some(last) = self.planned.back() {
            let in_flight = last.index - self.settled;
            if self.spending.allows(&self.settings.budget, in_flight) {
                return;
            }
            // It may be allowed later: `Search::limit`.
            self.next = last.index;
            self.planned.pop_back();
            self.closed = Some(End::Budget);
        }
    }

    fn ticket(&self, index: u64) -> Ticket {
        let island = self.population.island_of(index);
        let mut stream = Stream::new(self.settings.seed, index);
        let plan = self.plan(index, island as usize, &mut stream);
        let generator = self.ensemble.choose(&mut stream);
        let (seed, horizon) = (self.settings.seed, self.settled);
        Ticket { index, seed, horizon, island, generator, plan, stream }
    }

    /// Whether a candidate may be planned: its proposer is ready for it, and those of the other islands for the candidates
    /// just before it, since candidates are planned in their order, recorded ones too.
    fn is_ready(&self, index: u64) -> bool {
        let others = self.population.islands().len() as u64 - 1;
        (index.saturating_sub(others)..=index).all(|index| {
            let proposer = &self.proposers[self.population.island_of(index) as usize];
            self.is_fresh(index) || proposer.is_ready(&View::new(&self.population, index))
        })
    }

    /// Whether a candidate is created, whatever the archive holds.
    fn is_fresh(&self, index: u64) -> bool {
        index < self.settings.init_steps || !self.settings.strategy.varies()
    }

    fn plan(&self, index: u64, island: usize, stream: &mut Stream) -> Plan {
        let view = View::new(&self.population, index);
        let proposer = &self.proposers[island];
        let varied = if self.is_fresh(index) { None } else { proposer.vary(&view, stream) };
        varied.unwrap_or_else(|| proposer.create(&view, stream))
    }
}

impl Out {
    fn new(ticket: &Ticket) -> Self {
        Self {
            horizon: ticket.horizon,
            operator: ticket.plan.operator.clone(),
            parents: ticket.plan.parents.iter().map(|parent| parent.id).collect(),
            generator: ticket.generator,
        }
    }
}

fn place_unscored(candidate: &mut Candidate, unscored: Unscored, fate: impl FnOnce(String) -> Fate) {
    candidate.genome = unscored.genome;
    candidate.fate = fate(unscored.why);
    candidate.artifacts = artifact::fitting(unscored.artifacts);
}

/// What had been asked for and told when a candidate settled.
fn taken_apart(candidate: Candidate) -> (Out, Finished) {
    let Candidate { index, horizon, operator, parents, generator, genome, score, fate, .. } = candidate;
    let outcome = match (genome, score) {
        (Some(genome), Some(score)) => Outcome::Scored { genome, score: Arc::unwrap_or_clone(score) },
        (genome, _) => outcome_without_score(fate, genome, candidate.artifacts),
    };
    let out = Out { horizon, operator, parents, generator };
    (out, Finished { index, outcome, charge: candidate.charge, model_ms: candidate.model_ms })
}

fn outcome_without_score(fate: Fate, genome: Option<Arc<Genome>>, artifacts: Vec<Artifact>) -> Outcome {
    let unscored = |why| Unscored { genome, why, artifacts };
    match fate.without_score() {
        Fate::Invalid { why } => Outcome::Invalid(unscored(why)),
        Fate::Failed { why } => Outcome::Failed(unscored(why)),
        fate => unreachable!("{} needs a score", fate.name()),
    }
}
