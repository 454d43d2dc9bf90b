//! The proposer of vectors: the emitters of [`samara_qd::emitters`] within the search's window.
//!
//! Candidates take the places of a generation in the order of their indices. Where an emitter learns from generations, or
//! a bandit chooses among them, no candidate of the next generation is planned before the last of this one has settled;
//! within a generation the window is what it always is. So an evolution strategy proposes the same whatever the window,
//! and an emitter that only looks at the archive sees it as of candidate i - window, or the generation's beginning.
//!
//! What emitters know is a fold over settled candidates: a resumed run has it again.

use std::sync::Arc;

use samara_qd::{
    Archive, QdError, Status, Stream,
    emitters::{Bandit, Elites, Emitter, EvolutionRules, Scheduler, Shape, Space, Trial},
};

use crate::{
    Candidate, EmitterKind, EmitterSettings, Fate, Genome, Invalid, Plan, Proposer, SearchSettings, View,
};

/// The numbers of all full covariance matrices together at most: two gigabytes with their eigensystems.
const MOST_NUMBERS: usize = 1 << 27;

/// Plans vectors by emitters. A clone is another island's, as long as nothing has settled.
#[derive(Debug, Clone)]
pub struct Emitting {
    scheduler: Scheduler,
    dims: usize,
    seed: u64,
    /// Candidates that are created before the first generation.
    created: u64,
    /// The first candidate of the generation, counted among those of its island after the created ones.
    first: u64,
    /// What a created candidate's operator is called.
    operator: &'static str,
}

impl Emitting {
    /// The emitters of a search in a space; `default` where it names none. Created candidates have the operator
    /// `operator`.
    ///
    /// # Errors
    /// Emitters that can't work in this space, or would need too much memory.
    pub fn new(
        search: &SearchSettings,
        default: &EmitterSettings,
        space: Space,
        operator: &'static str,
    ) -> Result<Self, Invalid> {
        let given = if search.emitters.is_empty() { std::slice::from_ref(default) } else { &search.emitters };
        let dims = space.start.len();
        check_memory(given, dims)?;
        let scheduler = scheduler(search, given, &Arc::new(space)).map_err(|error| {
            Invalid::new("search.emitters", error.to_string(), "see the guide on emitters")
        })?;
        Ok(Self { scheduler, dims, seed: search.seed, created: search.init_steps, first: 0, operator })
    }

    /// The emitters, and what chooses among them.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// A candidate's number among those of its island that emitters propose; `None` of one that is created.
    fn number(&self, view: &View<'_>) -> Option<u64> {
        let islands = view.islands() as u64;
        view.index().checked_sub(self.created.next_multiple_of(islands)).map(|after| after / islands)
    }

    /// A candidate's place in this generation; `None` if it belongs to a later one.
    fn place(&self, number: u64) -> Option<usize> {
        let size = self.scheduler.size() as u64;
        let place = if self.scheduler.needs_generation() { number - self.first } else { number % size };
        usize::try_from(place).ok().filter(|place| *place < self.scheduler.size())
    }

    /// What emitters learn of a candidate; `None` of one that has no score, or that no emitter made.
    fn trial(&self, candidate: &Candidate, place: usize, value: Option<f64>) -> Option<Trial> {
        let vector = vector(candidate.genome.as_deref()?, self.dims)?;
        let status = match candidate.fate {
            Fate::New => Status::New,
            Fate::Improved => Status::Improved,
            Fate::NotBetter => Status::NotAdded,
            Fate::Invalid { .. } | Fate::Failed { .. } => return None,
        };
        if candidate.operator != self.scheduler.emitter(place).name() {
            return None;
        }
        Some(Trial { vector: vector.to_vec(), objective: candidate.objective()?, status, value: value? })
    }
}

impl Proposer for Emitting {
    fn create(&self, _view: &View<'_>, _stream: &mut Stream) -> Plan {
        Plan::fresh(self.operator, Vec::new())
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let place = self.place(self.number(view)?)?;
        let proposal = self.scheduler.propose(place, &Vectors(*view, self.dims), stream);
        let parents = proposal.parents.iter().filter_map(|id| view.parent_of(*id)).collect();
        let mut plan = Plan::varied(self.scheduler.emitter(place).name(), parents);
        plan.material = vec![Arc::new(Genome::Vector(proposal.vector))];
        Some(plan)
    }

    fn is_ready(&self, view: &View<'_>) -> bool {
        self.number(view).is_none_or(|number| number < self.first || self.place(number).is_some())
    }

    fn settle(&mut self, candidate: &Candidate, value: Option<f64>, view: &View<'_>) {
        if !self.scheduler.needs_generation() {
            return;
        }
        let Some(place) = self.number(view).and_then(|number| self.place(number)) else { return };
        let trial = self.trial(candidate, place, value);
        if self.scheduler.tell(place, trial) {
            self.first += self.scheduler.size() as u64;
            let mut stream = Stream::named(self.seed, &format!("emitters after {}", candidate.index));
            self.scheduler.advance(&Vectors(*view, self.dims), &mut stream);
        }
    }
}

/// The elites of an island as emitters see them.
struct Vectors<'a>(View<'a>, usize);

impl Elites for Vectors<'_> {
    fn archive(&self) -> &Archive {
        self.0.archive()
    }

    fn vector(&self, id: u64) -> Option<&[f64]> {
        vector(self.0.genome_of(id)?, self.1)
    }
}

/// A genome as a vector of this length.
fn vector(genome: &Genome, dims: usize) -> Option<&[f64]> {
    match genome {
        Genome::Vector(vector) if vector.len() == dims => Some(vector),
        _ => None,
    }
}

fn check_memory(emitters: &[EmitterSettings], dims: usize) -> Result<(), Invalid> {
    let of = |emitter: &EmitterSettings| match emitter.kind {
        EmitterKind::CmaEs => dims.checked_mul(dims)?.checked_mul(emitter.count),
        _ => Some(0),
    };
    let all = emitters.iter().try_fold(0_usize, |all, emitter| all.checked_add(of(emitter)?));
    if all.is_some_and(|all| all <= MOST_NUMBERS) {
        return Ok(());
    }
    let what = format!("the covariance matrices over {dims} coordinates would not fit into memory");
    let hint = "use fewer emitters of the kind `cma_es`, or `sep_cma_es`, whose covariance is a diagonal";
    Err(Invalid::new("search.emitters", what, hint))
}

fn scheduler(
    search: &SearchSettings,
    settings: &[EmitterSettings],
    space: &Arc<Space>,
) -> Result<Scheduler, QdError> {
    let mut emitters = Vec::new();
    for settings in settings {
        let one = emitter(settings, space)?;
        emitters.extend(std::iter::repeat_n(one, settings.count));
    }
    let bandit = search
        .bandit
        .as_ref()
        .map(|bandit| Bandit::new(emitters.len(), bandit.active, bandit.zeta, bandit.reselect.into()));
    Scheduler::new(emitters, bandit.transpose()?)
}

fn emitter(settings: &EmitterSettings, space: &Arc<Space>) -> Result<Emitter, QdError> {
    let EmitterSettings { batch, sigma, line_sigma, ranking, parents, .. } = *settings;
    let evolution = |shape| {
        let restart = settings.restart();
        let (ranking, parents) = (ranking.into(), parents.into());
        Emitter::evolution(space, EvolutionRules { shape, sigma, batch, ranking, parents, restart })
    };
    match settings.kind {
        EmitterKind::Gaussian => Emitter::gaussian(space, sigma, batch),
        EmitterKind::IsoLine => Emitter::iso_line(space, (sigma, line_sigma), batch),
        EmitterKind::CmaEs => evolution(Shape::Full),
        EmitterKind::SepCmaEs => evolution(Shape::Diagonal),
    }
}
