//! A run on a thread of its own, while Python listens, or does something else.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::Duration,
};

use pyo3::prelude::*;
use samara::embedded::{
    self, Done, Event, Evolution, Hearing, Own, OwnEnvironment, Program, Rating, Stopped,
};
use tokio::sync::watch;

use crate::{errors, evaluating::Function, hosting::Hosted};

/// Events that are handed over at once at most.
const AT_ONCE: usize = 1000;

/// A candidate that has settled: index, fate, objective, measures, operator, filled cells, coverage, QD score, best.
type Told = (u64, &'static str, Option<f64>, Option<Vec<f64>>, String, usize, f64, f64, Option<f64>);

/// Candidates that have settled, and at the end the run's folder and why it ended.
type News = (Vec<Told>, Option<(PathBuf, &'static str)>);

enum Message {
    Settled(Box<Told>),
    Ended(Result<Done, Stopped>),
}

/// A run that is under way.
#[pyclass(frozen, module = "samara._samara")]
pub(crate) struct Running {
    interrupt: watch::Sender<bool>,
    messages: Mutex<Receiver<Message>>,
    /// How it ended, when that was heard together with the last candidates.
    ended: Mutex<Option<Result<Done, Stopped>>>,
}

/// What a run begins with.
enum Beginning {
    New { experiment: String, out: Option<PathBuf> },
    Hosted { name: String, environment: Arc<dyn OwnEnvironment>, out: Option<PathBuf> },
    Recorded { folder: PathBuf, own: Option<Own> },
    Evolving(Box<Evolution>),
}

/// What `samara.evolve` was given.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Evolve {
    name: String,
    program: Given,
    rating: Rated,
    iterations: Option<u64>,
    models: Vec<String>,
    preset: Option<String>,
    set: Vec<String>,
    out: Option<PathBuf>,
}

/// The initial program: files' texts by their paths, or a path.
#[derive(FromPyObject)]
enum Given {
    Files(BTreeMap<String, String>),
    Path(PathBuf),
}

/// What evaluates: a function's name, its text and what calls it; the text of an evaluator's file; or its path.
#[derive(FromPyObject)]
enum Rated {
    Function((String, String, Py<PyAny>)),
    Text((String,)),
    Path(PathBuf),
}

/// What a run goes on with: a function's text and what calls it, or the host of a class.
#[derive(FromPyObject)]
enum Owned<'py> {
    Function((String, Bound<'py, PyAny>)),
    Host(Bound<'py, PyAny>),
}

impl Owned<'_> {
    fn read(self) -> PyResult<Own> {
        Ok(match self {
            Self::Function((text, caller)) => {
                Own::Function { text, evaluator: Arc::new(Function::new(&caller)?) }
            }
            Self::Host(host) => Own::Environment(Arc::new(Hosted::new(&host)?)),
        })
    }
}

impl Evolve {
    fn read(self, py: Python<'_>) -> PyResult<Evolution> {
        let Self { name, program, rating, iterations, models, preset, set, out } = self;
        let program = match program {
            Given::Files(files) => Program::Files(files),
            Given::Path(path) => Program::Path(path),
        };
        let rating = match rating {
            Rated::Path(path) => Rating::Path(path),
            Rated::Text((text,)) => Rating::Text(text),
            Rated::Function((name, text, caller)) => {
                Rating::Function { name, text, evaluator: Arc::new(Function::new(caller.bind(py))?) }
            }
        };
        Ok(Evolution { name, program, rating, iterations, models, preset, set, out })
    }
}

#[pymethods]
impl Running {
    /// Begins an experiment; `heard` says whether anybody wants to hear of candidates.
    #[staticmethod]
    fn run(experiment: String, set: Vec<String>, out: Option<PathBuf>, heard: bool) -> PyResult<Self> {
        start(Beginning::New { experiment, out }, set, heard)
    }

    /// Begins a run of a class of Python, which is called by its host.
    #[staticmethod]
    fn host(
        name: String,
        host: &Bound<'_, PyAny>,
        set: Vec<String>,
        out: Option<PathBuf>,
        heard: bool,
    ) -> PyResult<Self> {
        let environment = Arc::new(Hosted::new(host)?);
        start(Beginning::Hosted { name, environment, out }, set, heard)
    }

    /// Evolves a program.
    #[staticmethod]
    fn evolve(py: Python<'_>, options: Evolve, heard: bool) -> PyResult<Self> {
        start(Beginning::Evolving(Box::new(options.read(py)?)), Vec::new(), heard)
    }

    /// Goes on with a run; `own` is the text of the function that evaluates and what calls it, or the host of the class that
    /// is evolved, where the run has either.
    #[staticmethod]
    fn resume(folder: PathBuf, set: Vec<String>, own: Option<Owned<'_>>, heard: bool) -> PyResult<Self> {
        let own = own.map(Owned::read).transpose()?;
        start(Beginning::Recorded { folder, own }, set, heard)
    }

    /// Asks the run to finish what is alive and end.
    fn interrupt(&self) {
        // Nobody listens any more if it has just ended.
        let _ = self.interrupt.send(true);
    }

    /// Waits up to so many seconds for news: candidates that have settled, and at the end the folder and why it ended.
    fn poll(&self, py: Python<'_>, seconds: f64) -> PyResult<News> {
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let (told, ended) = py.detach(|| self.news(wait));
        match ended {
            None => Ok((told, None)),
            Some(Ok(Done { folder, ending })) => Ok((told, Some((folder, ending)))),
            Some(Err(stopped)) => Err(errors::of(&stopped)),
        }
    }
}

impl Running {
    fn news(&self, wait: Duration) -> (Vec<Told>, Option<Result<Done, Stopped>>) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = ended.take() {
            return (Vec::new(), Some(ended));
        }
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        let mut next = messages.recv_timeout(wait);
        loop {
            match next {
                Ok(Message::Settled(one)) => told.push(*one),
                Ok(Message::Ended(how)) if told.is_empty() => return (told, Some(how)),
                Ok(Message::Ended(how)) => {
                    *ended = Some(how);
                    return (told, None);
                }
                Err(RecvTimeoutError::Timeout) => return (told, None),
                Err(RecvTimeoutError::Disconnected) => {
                    let message = "the run has ended already, or its thread broke off".to_owned();
                    return (told, Some(Err(Stopped { code: 1, message })));
                }
            }
            if told.len() == AT_ONCE {
                return (told, None);
            }
            next = messages.try_recv().map_err(|error| match error {
                std::sync::mpsc::TryRecvError::Empty => RecvTimeoutError::Timeout,
                std::sync::mpsc::TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
            });
        }
    }
}

fn start(beginning: Beginning, set: Vec<String>, heard: bool) -> PyResult<Running> {
    let (interrupt, interrupted) = watch::channel(false);
    let (sender, messages) = channel();
    std::thread::Builder::new().name("samara run".to_owned()).spawn(move || {
        let mut hear = |event: Event<'_>| {
            if let (true, Some(told)) = (heard, told(&event)) {
                // A listener that went away does not end the run.
                let _ = sender.send(Message::Settled(Box::new(told)));
            }
        };
        let hearing = Hearing { interrupt: interrupted, hear: &mut hear };
        let ended = match beginning {
            Beginning::New { experiment, out } => embedded::run(&experiment, &set, out.as_deref(), hearing),
            Beginning::Evolving(evolution) => embedded::evolve(&evolution, hearing),
            Beginning::Hosted { name, environment, out } => {
                embedded::host(&name, environment, (&set, out.as_deref()), hearing)
            }
            Beginning::Recorded { folder, own } => embedded::resume(&folder, &set, own, hearing),
        };
        let _ = sender.send(Message::Ended(ended));
    })?;
    Ok(Running { interrupt, messages: Mutex::new(messages), ended: Mutex::new(None) })
}

fn told(event: &Event<'_>) -> Option<Told> {
    let Event::Settled { candidate, search, .. } = event else { return None };
    let stats = search.population().overall().archive().stats();
    let measures = candidate.measures().map(<[f64]>::to_vec);
    let (fate, operator) = (candidate.fate.name(), candidate.operator.clone());
    let state = (stats.cells_filled, stats.coverage, stats.qd_score, stats.best);
    let (filled, coverage, qd_score, best) = state;
    Some((candidate.index, fate, candidate.objective(), measures, operator, filled, coverage, qd_score, best))
}
