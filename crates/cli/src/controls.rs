//! What may be asked of a run while it goes on, and what another run was asked: the way from the socket in its folder to
//! the engine.

use std::path::Path;

use samara_engine::{Command, Control};
use samara_journal::{Event, Reader, controls};
use samara_lm::Budget;
use samara_search::{BudgetSettings, Limits};
use tokio::sync::{mpsc, watch};

use crate::{args::Watch, config::Experiment, exit::Failure};

/// What a session is asked, has been asked, and how far it may go.
pub(crate) struct Steered {
    pub control: Control,
    /// What another run was asked.
    pub given: Vec<Event>,
    /// The limits that it goes on with.
    pub limits: Limits,
}

impl Steered {
    /// A session of which nothing is asked but to end.
    pub(crate) fn by(interrupt: watch::Receiver<bool>, experiment: &Experiment) -> Self {
        let control = Control::interrupt(interrupt);
        Self { control, given: Vec::new(), limits: Limits::of(&experiment.search) }
    }
}

/// How far a run may go and what it was asked, before it goes on.
#[derive(Clone)]
pub(crate) struct Known {
    pub given: Vec<Event>,
    pub limits: Limits,
}

impl Known {
    /// Of a run with these events, `[]` for a new one.
    ///
    /// # Errors
    /// The run of `--controls-of` can't be read.
    pub(crate) fn of(
        watch: &Watch,
        experiment: &Experiment,
        mut events: Vec<Event>,
    ) -> Result<Self, Failure> {
        let given = match &watch.controls_of {
            Some(run) => Reader::open(run)?.events()?.into_iter().filter(controls::is_live).collect(),
            None => Vec::new(),
        };
        events.extend(given.iter().filter(|event| !events.contains(event)).cloned().collect::<Vec<_>>());
        let limits = controls::limits(&events, Limits::of(&experiment.search));
        Ok(Self { given, limits })
    }
}

/// The client's hard limits. Calls are the search's to count: to the client a score is several.
pub(crate) fn backstop(budget: &BudgetSettings) -> samara_lm::Limits {
    samara_lm::Limits { calls: None, tokens: budget.tokens, money: budget.money }
}

/// Lets the client spend what the search may.
pub(crate) fn hear(event: &samara_engine::Event<'_>, budget: &Budget) {
    if let samara_engine::Event::Ordered { search, .. } = event {
        budget.limit(backstop(&search.settings().budget));
    }
}

/// What takes orders in a run's folder; it is gone when this is dropped. A folder that takes no sockets is told in the
/// log: the run goes on without.
#[cfg(unix)]
pub(crate) fn open(
    folder: &Path,
) -> (Option<samara_serve::control::Socket>, Option<mpsc::Receiver<Command>>) {
    let (commands, orders) = mpsc::channel(16);
    let follow = move |order| {
        let commands = commands.clone();
        async move {
            let ended = || "the run has ended".to_owned();
            let (reply, told) = tokio::sync::oneshot::channel();
            commands.send(Command { order, reply }).await.map_err(|_| ended())?;
            told.await.map_err(|_| ended())?
        }
    };
    match samara_serve::control::Socket::open(folder, follow) {
        Ok(socket) => (Some(socket), Some(orders)),
        Err(error) => {
            tracing::warn!(%error, "nothing can be asked of this run: its folder takes no socket");
            (None, None)
        }
    }
}

/// There are no sockets here: nothing can be asked.
#[cfg(not(unix))]
pub(crate) fn open(_folder: &Path) -> (Option<()>, Option<mpsc::Receiver<Command>>) {
    (None, None)
}
