//! The run of a reinforcement learning: every sample is a candidate of the island of its condition.

use std::{path::Path, sync::Arc};

use samara_journal::{Journal, Life, Reader};
use samara_qd::Stream;
use samara_search::{Ask, Candidate, Finished, Plan, Proposer, Search, Ticket, View, search::Setup};

use crate::{config::Experiment, exit::Failure, session};

/// How samples are called in the journal.
const OPERATOR: &str = "policy";

/// The search and its journal, which may already hold what is about to be made once more.
pub(super) struct Recorded {
    search: Search,
    journal: Journal,
    /// For candidates that are in the journal.
    reader: Reader,
}

impl Recorded {
    /// Begins the run in its folder, or goes on with its first `settled` candidates.
    ///
    /// # Errors
    /// A run that can't be read, or that does not hold so many.
    pub(super) fn open(experiment: &Experiment, folder: &Path, settled: u64) -> Result<Self, Failure> {
        let journal = match session::recorded(folder)? {
            Some(reader) => session::reopen(reader, folder, &[])?,
            None => session::create(experiment, folder, &[])?,
        };
        let reader = journal.reader()?;
        let islands = experiment.search.islands.count as usize;
        let mut search = Search::new(Setup {
            settings: experiment.search.clone(),
            tessellation: experiment.tessellation.clone(),
            ensemble: samara_search::Ensemble::default(),
            proposers: (0..islands).map(|_| Box::new(Sampled) as Box<dyn Proposer>).collect(),
        })?;
        let held = journal.totals().candidates;
        if held < settled {
            let what = format!("{}: holds {held} samples, its checkpoint is of {settled}", folder.display());
            return Err(Failure::internal(format!("{what}\nhint: begin anew with another -o")));
        }
        search.resume(settled);
        refold(&mut search, &reader, settled)?;
        Ok(Self { search, journal, reader })
    }

    /// The next samples to make.
    ///
    /// # Errors
    /// The run is over, which its number of candidates says it is not.
    pub(super) fn tickets(&mut self, count: usize) -> Result<Vec<Ticket>, Failure> {
        (0..count)
            .map(|_| match self.search.ask() {
                Ask::Ticket(ticket) => Ok(*ticket),
                ended @ (Ask::Wait | Ask::Ended(_)) => {
                    Err(Failure::internal(format!("no further sample: {ended:?}")))
                }
            })
            .collect()
    }

    /// Settles samples in their order and records them. What the journal already holds must be the same.
    ///
    /// # Errors
    /// A journal that can't be written, or that holds something else.
    pub(super) fn settle(&mut self, made: Vec<(Finished, Life)>) -> Result<(), Failure> {
        for (finished, life) in made {
            for settled in self.search.tell(finished) {
                self.record(&settled.candidate, &life)?;
            }
        }
        Ok(())
    }

    fn record(&mut self, candidate: &Candidate, life: &Life) -> Result<(), Failure> {
        if candidate.index >= self.journal.totals().candidates {
            return Ok(self.journal.append(candidate, life, &[])?);
        }
        let digest = |candidate: &Candidate| candidate.genome.as_ref().map(|genome| genome.digest());
        let held = self.reader.candidate(candidate.index)?;
        if held.is_some_and(|(held, _)| digest(&held) == digest(candidate) && held.fate == candidate.fate) {
            return Ok(());
        }
        let what =
            format!("{}: sample {} came out otherwise", self.journal.path().display(), candidate.index);
        Err(Failure::internal(format!("{what} than before\nhint: was it begun on another kind of machine?")))
    }

    /// The digest of the archives.
    pub(super) fn archive_hash(&self) -> String {
        self.search.population().archive_hash()
    }

    /// Notes why the session has ended.
    pub(super) fn finish(&mut self, reason: &str) -> Result<(), Failure> {
        Ok(self.journal.finish(reason)?)
    }
}

/// Folds the first candidates of a journal again.
fn refold(search: &mut Search, reader: &Reader, settled: u64) -> Result<(), Failure> {
    for index in 0..settled {
        let missing = || Failure::internal(format!("{}: holds no sample {index}", reader.path().display()));
        let (candidate, _) = reader.candidate(index)?.ok_or_else(missing)?;
        search.refold(candidate)?;
    }
    Ok(())
}

/// Plans nothing: what a sample is made from is its condition, which is its island.
struct Sampled;

impl Proposer for Sampled {
    fn create(&self, _view: &View<'_>, _stream: &mut Stream) -> Plan {
        Plan::fresh(OPERATOR, Vec::<Arc<_>>::new())
    }

    fn vary(&self, _view: &View<'_>, _stream: &mut Stream) -> Option<Plan> {
        None
    }
}
