//! A run that workers work for: where they are met, the token, and what travels.
//!
//! [`Listening`] is there before anything is recorded, [`Staff`] once the run has an id, [`Working`] while it goes. What
//! workers do is evaluating drafts and, with `workers.write = "remote"`, asking models ([`questions`]).

pub(crate) mod broker;
mod door;
pub(crate) mod figures;
mod files;
mod questions;
pub(crate) mod settings;
pub(crate) mod token;

use std::{net::TcpListener, sync::Arc, time::Duration};

use samara_engine::{
    Evaluator, Tools,
    workers::{Census, Desk, Duty, Patience, Scattered, Task, task::ProgramLimits},
};
use samara_environments::continued;
use samara_journal::Journal;
use tokio::{sync::mpsc, task::JoinHandle};

use self::{
    door::{Desks, Door, Serving},
    questions::Questions,
    settings::{WorkerSettings, Write},
};
use crate::{
    args::Workers,
    config::Experiment,
    exit::{Failure, remark},
    models::Elsewhere,
};

/// A run that listens for workers, before it is recorded.
pub(crate) struct Listening {
    door: Door,
    desks: Arc<Desks>,
    serving: Serving,
    /// Where figures are served, until they are.
    figures: Option<TcpListener>,
    /// What serves them.
    watching: Option<JoinHandle<()>>,
    token: String,
    /// Whether the token was made for this session.
    is_made: bool,
    /// `None` where evaluations ask models.
    evaluator: Option<Arc<dyn Evaluator>>,
    questions: Option<Questions>,
    settings: WorkerSettings,
    quiet: bool,
}

impl Listening {
    /// Takes the port, or finds the server, if the user wants workers.
    ///
    /// # Errors
    /// An address or a token that can't be used; an environment whose evaluations ask models, unless workers are to ask
    /// them.
    pub(crate) async fn begin(
        args: &Workers,
        experiment: &Experiment,
        quiet: bool,
    ) -> Result<Option<Self>, Failure> {
        let settings = experiment.workers.clone().with(args);
        let Some(address) = settings.address.clone() else {
            return if args.is_default() && settings.write == Write::Local {
                Ok(None)
            } else {
                Err(Failure::usage(
                    "what is said of workers needs to know where they are\nhint: --workers URL",
                ))
            };
        };
        let evaluator = evaluator(experiment, settings.write)?;
        let (token, is_made) = match token::given(args.worker_token_file.as_deref())? {
            Some(token) => (token, false),
            None => (token::made()?, true),
        };
        let door = Door::open(&address, &token).await?;
        let (desks, serving) = (Arc::<Desks>::default(), Serving::default());
        let figures = settings.metrics.as_deref().map(figures_at).transpose()?;
        let mut listening = Self {
            door,
            desks,
            serving,
            figures,
            watching: None,
            token,
            is_made,
            evaluator,
            questions: None,
            settings,
            quiet,
        };
        if listening.settings.write == Write::Remote {
            listening.questions = Some(listening.ask(experiment).await?);
        }
        Ok(Some(listening))
    }

    /// Opens the desk of questions, which is served from now on.
    async fn ask(&mut self, experiment: &Experiment) -> Result<Questions, Failure> {
        let questions = Questions::new(experiment, &self.settings)?;
        let desk = self.desks.questions.get_or_init(|| Arc::clone(&questions.desk));
        let told = self.serving.add(&mut self.door, &self.token, desk, &self.desks).await?;
        self.tell(told);
        self.watch();
        Ok(questions)
    }

    /// Serves figures from now on: there is a desk.
    fn watch(&mut self) {
        if let Some(listener) = self.figures.take() {
            let (desks, token) = (Arc::<Desks>::clone(&self.desks), self.token.clone());
            self.watching = Some(figures::serve(listener, desks, Some(token)));
        }
    }

    /// Says where workers find the run. A token that was made now is known from here alone; what is said here is in no log.
    fn tell(&mut self, told: Option<String>) {
        let Some(told) = told else { return };
        let is_new = std::mem::take(&mut self.is_made);
        let said = if is_new { format!(", token {}", self.token) } else { String::new() };
        if is_new || !self.quiet {
            remark(&format!("{told}{said}"));
        }
    }

    /// Waits for a worker that has the run's models; `None` where this machine asks them.
    pub(crate) async fn models(&mut self) -> Option<Elsewhere> {
        let questions = self.questions.as_mut()?;
        Some(questions.met(self.quiet).await)
    }

    /// Opens the desk of a run that is recorded.
    ///
    /// # Errors
    /// Files beside the evaluator that can't travel.
    pub(crate) async fn open(
        mut self,
        experiment: &Experiment,
        tools: &Tools,
        journal: &Journal,
    ) -> Result<Staff, Failure> {
        let slots = self.settings.local_slots.map_or_else(cpus, usize::from);
        let mut drafts = None;
        if let Some(evaluator) = self.evaluator.take() {
            let (task, bytes) = task(experiment, tools, &self.settings)?;
            let id = journal.reader()?.header().id.clone();
            let (desk, news) = Desk::new(id, task, bytes, patience(&self.settings));
            let desk = self.desks.drafts.get_or_init(|| desk);
            let told = self.serving.add(&mut self.door, &self.token, desk, &self.desks).await?;
            let scattered = Scattered::new(evaluator, Arc::clone(desk), slots, self.settings.verify);
            self.tell(told);
            self.watch();
            drafts = Some(Drafts { scattered, news, slots });
        }
        let Self { desks, serving, watching: figures, questions, .. } = self;
        let questions = questions.map(|questions| questions.news);
        Ok(Staff { desks, serving, figures, drafts, questions })
    }
}

/// What evaluates drafts, if workers are to help: an environment whose evaluations ask models has none, which is refused
/// unless workers ask them.
fn evaluator(experiment: &Experiment, write: Write) -> Result<Option<Arc<dyn Evaluator>>, Failure> {
    if experiment.sandbox.server.is_some() && experiment.environment.roles().sandbox {
        return Err(Failure::usage(
            "--workers: sandbox.server runs the programs already\nhint: leave out one of the two",
        ));
    }
    match experiment.environment.evaluator() {
        None if write == Write::Local => {
            Err(samara_environments::asks_models(&experiment.naming.environment).into())
        }
        evaluator => Ok(evaluator),
    }
}

/// Refuses an experiment whose models workers are to ask, for a command that meets none.
///
/// # Errors
/// The experiment's settings say so.
pub(crate) fn asks_models_here(experiment: &Experiment, command: &str) -> Result<(), Failure> {
    match experiment.workers.write {
        Write::Local => Ok(()),
        Write::Remote => Err(Failure::usage(format!(
            "workers.write = \"remote\": `samara {command}` meets no workers\nhint: --set workers.write=local asks the \
             models from here"
        ))),
    }
}

/// What workers need to evaluate a run's drafts, with the files by their digests.
fn task(
    experiment: &Experiment,
    tools: &Tools,
    settings: &WorkerSettings,
) -> Result<(Task, files::Bytes), Failure> {
    let mut spec = experiment.evaluator.clone().ok_or_else(|| Failure::internal("no evaluator"))?;
    // What a run begins with is no part of an evaluation.
    spec.inputs.remove(continued::KEY);
    let (files, bytes) = files::gather(experiment)?;
    let isolation = tools.programs.as_ref().map(|programs| programs.isolation());
    let isolation = isolation.or(tools.evaluators.as_ref().and_then(|evaluators| evaluators.isolation()));
    let python = isolation.map_or(String::new(), |isolation| isolation.python.to_string());
    let limits = ProgramLimits::of(&experiment.sandbox);
    let duty = Duty::Evaluate { spec, limits, minimum_tier: experiment.sandbox.minimum_tier, python };
    let samara = env!("CARGO_PKG_VERSION").to_owned();
    let task = Task { samara, duty, files, labels: settings.labels.clone() };
    task.check()
        .map_err(|why| Failure::usage(format!("--workers: what evaluations need can't travel: {why}")))?;
    Ok((task, bytes))
}

/// The desk of drafts.
struct Drafts {
    scattered: Scattered,
    news: mpsc::UnboundedReceiver<String>,
    /// Evaluations at once here.
    slots: usize,
}

/// A run's desks, whose workers wait.
pub(crate) struct Staff {
    desks: Arc<Desks>,
    serving: Serving,
    figures: Option<JoinHandle<()>>,
    drafts: Option<Drafts>,
    questions: Option<mpsc::UnboundedReceiver<String>>,
}

impl Staff {
    /// The desk whose workers are shown: that of drafts, if there is one.
    pub(crate) fn desk(&self) -> Option<Arc<Desk>> {
        self.desks.all().next().map(Arc::clone)
    }

    /// Works with workers from now on; what evaluates with their help, if they evaluate. `tell` says a remark; without it
    /// nothing is said.
    pub(crate) fn serve(
        self,
        window: usize,
        tell: Option<impl Fn(&str) + Clone + Send + 'static>,
    ) -> (Option<Scattered>, Working) {
        let Self { desks, serving, figures, drafts, questions } = self;
        let mut telling = Vec::new();
        let mut scattered = None;
        if let Some(drafts) = drafts {
            let desk = Arc::clone(drafts.scattered.desk());
            let census = move || desk.census();
            telling.push(tokio::spawn(told_of(
                drafts.news,
                census,
                Some((window, drafts.slots)),
                tell.clone(),
            )));
            scattered = Some(drafts.scattered);
        }
        if let Some(news) = questions {
            telling.push(tokio::spawn(told_of(news, Census::default, None, tell)));
        }
        (scattered, Working { desks, serving, telling, figures })
    }
}

/// Says what happens with workers, and once if they have more slots than candidates can live.
async fn told_of(
    mut news: mpsc::UnboundedReceiver<String>,
    census: impl Fn() -> Census,
    window: Option<(usize, usize)>,
    tell: Option<impl Fn(&str)>,
) {
    let mut warned = false;
    while let Some(line) = news.recv().await {
        let Some(tell) = &tell else { continue };
        tell(&line);
        let Some((window, here)) = window else { continue };
        let slots = census().slots + here;
        if slots > window && !warned {
            warned = true;
            tell(&format!(
                "there are {slots} slots, and search.window lets {window} candidates live at once: the other slots stay \
                 idle\nhint: begin a run with --set search.window={slots}"
            ));
        }
    }
}

/// Workers that are served.
pub(crate) struct Working {
    desks: Arc<Desks>,
    serving: Serving,
    telling: Vec<JoinHandle<()>>,
    figures: Option<JoinHandle<()>>,
}

impl Working {
    /// Tells workers that the run is over, and closes the port.
    pub(crate) async fn end(self) {
        let Self { desks, serving, telling, figures } = self;
        desks.all().for_each(|desk| desk.close());
        serving.end().await;
        for task in telling.into_iter().chain(figures) {
            task.abort();
        }
    }
}

/// Takes the port of figures.
fn figures_at(text: &str) -> Result<TcpListener, Failure> {
    const OPTION: &str = "--worker-metrics";
    let address = figures::address(text).map_err(|why| Failure::usage(format!("{OPTION} {text}: {why}")))?;
    figures::listen(address, OPTION)
}

fn patience(settings: &WorkerSettings) -> Patience {
    Patience {
        lease: Duration::from_secs_f64(settings.lease_s),
        deadline: Duration::from_secs_f64(settings.deadline_s),
        losses: settings.losses,
        ..Patience::default()
    }
}

pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
