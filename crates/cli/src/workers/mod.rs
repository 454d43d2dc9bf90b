//! A run that workers evaluate for: the port that it listens on, the token, and what travels.
//!
//! [`Listening`] is there before anything is recorded, [`Staff`] once the run has an id, [`Working`] while it goes.

pub(crate) mod broker;
pub(crate) mod figures;
mod files;
pub(crate) mod settings;
pub(crate) mod token;

use std::{
    net::{TcpListener, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use samara_engine::{
    Evaluator, Tools,
    workers::{Broker, Desk, NatsDesk, Patience, Scattered, Task, task::ProgramLimits},
};
use samara_environments::continued;
use samara_journal::Journal;
use samara_serve::{
    Access,
    watch::Watched,
    workers::{Coordinator, Replied, coordinate},
};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use self::settings::WorkerSettings;
use crate::{
    args::Workers,
    config::Experiment,
    exit::{Failure, remark},
};

/// Where workers are met.
enum Door {
    /// They come to a port.
    Http(TcpListener),
    /// They and we come to a server.
    Nats(Box<Broker>),
}

/// A run that listens for workers, before it is recorded.
pub(crate) struct Listening {
    door: Door,
    /// Where figures are served.
    figures: Option<TcpListener>,
    token: String,
    /// Whether the token was made for this session.
    is_made: bool,
    evaluator: Arc<dyn Evaluator>,
    settings: WorkerSettings,
}

impl Listening {
    /// Takes the port, or finds the server, if the user wants workers.
    ///
    /// # Errors
    /// An address or a token that can't be used; an environment whose evaluations ask models.
    pub(crate) async fn begin(args: &Workers, experiment: &Experiment) -> Result<Option<Self>, Failure> {
        let settings = experiment.workers.clone().with(args);
        let Some(address) = settings.address.clone() else {
            return if args.is_default() {
                Ok(None)
            } else {
                Err(Failure::usage(
                    "what is said of workers needs to know where they are\nhint: --workers URL",
                ))
            };
        };
        let environment = &experiment.naming.environment;
        let evaluator = experiment
            .environment
            .evaluator()
            .ok_or_else(|| samara_environments::asks_models(environment))?;
        if experiment.sandbox.server.is_some() && experiment.environment.roles().sandbox {
            return Err(Failure::usage(
                "--workers: sandbox.server runs the programs already\nhint: leave out one of the two",
            ));
        }
        let (token, is_made) = match token::given(args.worker_token_file.as_deref())? {
            Some(token) => (token, false),
            None => (token::made()?, true),
        };
        let door = door(&address, &token).await?;
        let figures = settings.metrics.as_deref().map(figures_at).transpose()?;
        Ok(Some(Self { door, figures, token, is_made, evaluator, settings }))
    }

    /// Opens the desk of a run that is recorded.
    ///
    /// # Errors
    /// Files beside the evaluator that can't travel.
    pub(crate) async fn open(
        self,
        experiment: &Experiment,
        tools: &Tools,
        journal: &Journal,
    ) -> Result<Staff, Failure> {
        let Self { door, figures, token, is_made, evaluator, settings } = self;
        let mut spec = experiment.evaluator.clone().ok_or_else(|| Failure::internal("no evaluator"))?;
        // What a run begins with is no part of an evaluation.
        spec.inputs.remove(continued::KEY);
        let (files, bytes) = files::gather(experiment)?;
        let isolation = tools.programs.as_ref().map(|programs| programs.isolation());
        let isolation = isolation.or(tools.evaluators.as_ref().and_then(|evaluators| evaluators.isolation()));
        let python = isolation.map_or(String::new(), |isolation| isolation.python.to_string());
        let task = Task {
            samara: env!("CARGO_PKG_VERSION").to_owned(),
            spec,
            files,
            limits: ProgramLimits::of(&experiment.sandbox),
            minimum_tier: experiment.sandbox.minimum_tier,
            python,
            labels: settings.labels.clone(),
        };
        task.check()
            .map_err(|why| Failure::usage(format!("--workers: what evaluations need can't travel: {why}")))?;
        let id = journal.reader()?.header().id.clone();
        let (desk, news) = Desk::new(id, task, bytes, patience(&settings));
        let slots = settings.local_slots.map_or_else(cpus, usize::from);
        let scattered = Scattered::new(evaluator, Arc::clone(&desk), slots, settings.verify);
        let said = if is_made { format!(", token {token}") } else { String::new() };
        // A token that was made now is known from here alone; what is said here is in no log.
        let (place, told) = Place::take(door, &token, &desk).await?;
        Ok(Staff {
            place,
            figures,
            token,
            is_made,
            told: format!("{told}{said}"),
            desk,
            news,
            scattered,
            slots,
        })
    }
}

/// Where a desk is served.
enum Place {
    Http(TcpListener),
    Nats(Box<NatsDesk>),
}

impl Place {
    /// The place behind a door, and what a person is told of it.
    async fn take(door: Door, token: &str, desk: &Arc<Desk>) -> Result<(Self, String), Failure> {
        match door {
            Door::Http(listener) => {
                let address = listener.local_addr();
                let address = address.map_err(|error| Failure::internal(format!("--workers: {error}")))?;
                Ok((Self::Http(listener), format!("workers: listening on http://{address}")))
            }
            Door::Nats(server) => {
                let opened = NatsDesk::open(&server, token, Arc::clone(desk)).await;
                let opened = opened.map_err(|error| broker::unusable(&server.url, &error))?;
                let told = format!("workers: meeting at {} (stream {})", server.url, opened.stream());
                Ok((Self::Nats(Box::new(opened)), told))
            }
        }
    }

    async fn serve(self, desk: Arc<Desk>, token: String, stop: oneshot::Receiver<()>) {
        let stop = async {
            // Also if nobody is left to say it.
            let _ = stop.await;
        };
        match self {
            Self::Http(listener) => {
                let access = Access { token: Some(token), beyond_loopback: true, names: Vec::new() };
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                coordinate(listener, Arc::new(Served(desk)), access, stop).await;
            }
            Self::Nats(opened) => opened.serve(stop).await,
        }
    }
}

/// A run's desk, not yet served.
pub(crate) struct Staff {
    place: Place,
    figures: Option<TcpListener>,
    token: String,
    is_made: bool,
    told: String,
    desk: Arc<Desk>,
    news: mpsc::UnboundedReceiver<String>,
    scattered: Scattered,
    /// Evaluations at once here.
    slots: usize,
}

impl Staff {
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// Serves workers from now on. `tell` says a remark; without it nothing is said that need not be.
    pub(crate) fn serve(
        self,
        window: usize,
        tell: Option<impl Fn(&str) + Send + 'static>,
    ) -> (Scattered, Working) {
        let Self { place, figures, token, is_made, told, desk, news, scattered, slots } = self;
        if is_made || tell.is_some() {
            remark(&told);
        }
        let figures = figures.map(|listener| {
            figures::serve(listener, Arc::new(Served(Arc::clone(&desk))), Some(token.clone()))
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(place.serve(Arc::clone(&desk), token, stopped));
        let telling = tokio::spawn(told_of(news, Arc::clone(&desk), (window, slots), tell));
        (scattered, Working { desk, stop, serving, telling, figures })
    }
}

/// Says what happens with workers, and once if they have more slots than candidates can live.
async fn told_of(
    mut news: mpsc::UnboundedReceiver<String>,
    desk: Arc<Desk>,
    (window, here): (usize, usize),
    tell: Option<impl Fn(&str)>,
) {
    let mut warned = false;
    while let Some(line) = news.recv().await {
        let Some(tell) = &tell else { continue };
        tell(&line);
        let slots = desk.census().slots + here;
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
    desk: Arc<Desk>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    telling: JoinHandle<()>,
    figures: Option<JoinHandle<()>>,
}

impl Working {
    /// Tells workers that the run is over, and closes the port.
    pub(crate) async fn end(self) {
        let Self { desk, stop, serving, telling, figures } = self;
        desk.close();
        let _ = stop.send(());
        // It ends within moments, whatever workers do.
        let _ = serving.await;
        telling.abort();
        if let Some(figures) = figures {
            figures.abort();
        }
    }
}

struct Served(Arc<Desk>);

impl Coordinator for Served {
    fn reply(&self, message: Vec<u8>) -> Replied<'_> {
        Box::pin(async move { self.0.reply_to(&message).await })
    }

    fn figures(&self) -> String {
        self.0.figures()
    }
}

impl Watched for Served {
    fn figures(&self) -> String {
        self.0.figures()
    }

    fn is_ready(&self) -> bool {
        self.0.census().workers > 0
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

/// Takes a port or finds a server.
async fn door(address: &str, token: &str) -> Result<Door, Failure> {
    if !broker::is_meant(address) {
        return listen(address).map(Door::Http);
    }
    let server = broker::broker(address, "--workers")?;
    let checked = NatsDesk::check(&server, token).await;
    checked.map_err(|error| broker::unusable(address, &error))?;
    Ok(Door::Nats(Box::new(server)))
}

fn listen(url: &str) -> Result<TcpListener, Failure> {
    let wrong = |what: &str, hint: &str| Failure::usage(format!("--workers {url}: {what}\nhint: {hint}"));
    if url.starts_with("https://") {
        return Err(wrong("TLS is the business of a proxy", "listen on http:// behind one"));
    }
    let address = url.strip_prefix("http://").map(|address| address.trim_end_matches('/'));
    let address = address.ok_or_else(|| {
        wrong("it is no address of HTTP", "write http://127.0.0.1:7000, or nats://HOST:4222")
    })?;
    let found = address.to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
    if found.is_empty() {
        return Err(wrong(
            "there is no such address here",
            "http://127.0.0.1:7000 for this machine alone, http://0.0.0.0:7000 for all networks",
        ));
    }
    let bound = TcpListener::bind(&found[..]).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        wrong(&format!("can't be listened on: {error}"), "choose another port; 0 takes a free one")
    })
}
