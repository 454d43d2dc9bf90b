//! `samara worker`: evaluates candidates and asks models for runs on other machines, until a signal ends it.

mod asking;

use futures_util::future::join_all;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use samara_engine::{
    Bench, EvaluatorSlots, EvaluatorSpec, Programs, SandboxSettings,
    workers::{
        Done, Duty, Equip, Equipped, Heard, HttpLink, Link, Me, NatsLink, Tally, Task, cache::Cache,
        task::ProgramLimits, token_of_questions, work,
    },
};
use samara_environments::{InputFile, Inputs};
use samara_lm::ModelSettings;
use samara_sandbox::Tier;
use samara_serve::watch::Watched;
use tokio::sync::watch;
use toml::Table;

use crate::{
    args::workers::Worker,
    exit::{Exit, Failure, one_line, printable, remark},
    session, trust,
    workers::{broker, cpus, figures, token},
};

/// Questions at once of a worker that has models.
const QUESTIONS: u32 = 16;

pub(crate) fn worker(args: &Worker) -> Result<Exit, Failure> {
    let token = token::given(args.token_file.as_deref())?.ok_or_else(|| {
        Failure::usage(format!(
            "no token: the run asks for one\nhint: --token-file FILE, or the variable {}",
            token::VARIABLE
        ))
    })?;
    let models = args.models.as_deref().map(asking::models).transpose()?;
    let jobs = jobs(args, &token, models.as_deref())?;
    let watched = args.metrics.map(|address| figures::listen(address, "--metrics")).transpose()?;
    let folder = args.cache.clone().map_or_else(cache_folder, Ok)?;
    let cache = Cache::open(&folder)
        .map_err(|error| Failure::usage(format!("--cache {}: {error}", folder.display())))?;
    let own =
        Arc::new(Own(jobs.iter().map(|job| (job.trade, Arc::clone(&job.me.tally), job.me.slots)).collect()));
    let quiet = args.quiet;
    let runtime = session::runtime()?;
    let done = runtime.block_on(async {
        let stop = session::interrupts();
        if let Some(listener) = watched {
            figures::serve(listener, own, None);
        }
        all_done(jobs, &cache, stop, quiet).await
    });
    // What nobody waits for ends with this process.
    runtime.shutdown_background();
    match done {
        Done::Stopped | Done::GaveUp => Ok(Exit::Ok),
        Done::Refused(why) => {
            Err(Failure { exit: Exit::Usage, message: format!("no tickets: {}", printable(&why)) })
        }
        Done::Broken(why) => Err(Failure { exit: Exit::Sandbox, message: printable(&why) }),
    }
}

/// What a worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trade {
    /// It evaluates drafts.
    Evaluate,
    /// It asks models.
    Ask,
}

/// One thing that this worker does, at its own desk of a run.
struct Job {
    trade: Trade,
    link: Arc<dyn Link>,
    me: Me,
    equip: Arc<dyn Equip>,
}

fn jobs(args: &Worker, token: &str, models: Option<&[ModelSettings]>) -> Result<Vec<Job>, Failure> {
    let slots = args.slots.map_or_else(|| u32::try_from(cpus()).unwrap_or(1), u32::from);
    let questions = args.questions.map_or(if models.is_some() { QUESTIONS } else { 0 }, u32::from);
    let me = |slots| Me {
        name: args.name.clone().unwrap_or_else(own_name),
        slots,
        labels: args.labels.clone(),
        samara: env!("CARGO_PKG_VERSION").to_owned(),
        give_up: args.give_up.map(Duration::from_secs_f64),
        tally: Arc::default(),
    };
    let mut jobs = Vec::new();
    if slots > 0 {
        let link = link(&args.connect, token, Trade::Evaluate)?;
        let equip = Arc::new(Kit { args: args.clone() });
        jobs.push(Job { trade: Trade::Evaluate, link, me: me(slots), equip });
    }
    if questions > 0 {
        let link = link(&args.connect, token, Trade::Ask)?;
        let equip = Arc::new(asking::Kit { models: models.unwrap_or_default().to_vec() });
        jobs.push(Job { trade: Trade::Ask, link, me: me(questions), equip });
    }
    if jobs.is_empty() {
        return Err(Failure::usage(
            "--slots 0: there is nothing left to do\nhint: --questions N, or --models FILE",
        ));
    }
    Ok(jobs)
}

/// How long a job whose coordinator has nothing for it rests while others of this worker go on.
const REST: Duration = Duration::from_millis(200);

/// Does all jobs until each has ended. One that can't be done ends the others, which finish what they have begun.
async fn all_done(jobs: Vec<Job>, cache: &Cache, mut stop: watch::Receiver<bool>, quiet: bool) -> Done {
    let (halt, _) = watch::channel(false);
    let idle = Idle(jobs.iter().map(|job| (AtomicBool::new(false), Arc::clone(&job.me.tally))).collect());
    let working = jobs.iter().enumerate().map(|(number, job)| {
        let (halt, idle) = (&halt, &idle);
        async move {
            let done = job.done(cache, halt.subscribe(), quiet, || idle.all_are(number)).await;
            if matches!(done, Done::Refused(_) | Done::Broken(_)) {
                halt.send_replace(true);
            }
            done
        }
    });
    let mut working = std::pin::pin!(join_all(working));
    let done = tokio::select! {
        done = &mut working => done,
        _ = stop.wait_for(|stop| *stop) => {
            halt.send_replace(true);
            working.await
        }
    };
    let failed = done.iter().find(|done| matches!(done, Done::Refused(_) | Done::Broken(_)));
    failed.or(done.first()).cloned().unwrap_or(Done::Stopped)
}

/// Which jobs have found nothing to do for as long as the user lets them wait, and what each does now.
struct Idle(Vec<(AtomicBool, Arc<Tally>)>);

impl Idle {
    /// Notes that a job is idle; whether all are. A run's desks open one after the other, so that one job may have to wait for
    /// what another has begun.
    fn all_are(&self, number: usize) -> bool {
        self.0[number].0.store(true, Relaxed);
        let mut others = self.0.iter().enumerate().filter(|(other, _)| *other != number);
        others.all(|(_, (idle, tally))| idle.load(Relaxed) && !tally.is_working())
    }
}

impl Job {
    /// Works until it is told to stop, can't go on, or this worker has nothing to do any more.
    async fn done(
        &self,
        cache: &Cache,
        halted: watch::Receiver<bool>,
        quiet: bool,
        all_are_idle: impl Fn() -> bool,
    ) -> Done {
        let last = Arc::new(Mutex::new(String::new()));
        let trade = self.trade;
        loop {
            let (link, equip, last) = (Arc::clone(&self.link), Arc::clone(&self.equip), Arc::clone(&last));
            let hear = Arc::new(move |heard: Heard| tell(&heard, trade, &last, quiet));
            let done = work(link, &self.me, (cache, equip), halted.clone(), hear).await;
            if done != Done::GaveUp || all_are_idle() {
                return done;
            }
            tokio::time::sleep(REST).await;
        }
    }
}

/// The way to whoever coordinates at an address.
fn link(address: &str, token: &str, trade: Trade) -> Result<Arc<dyn Link>, Failure> {
    if broker::is_meant(address) {
        let server = broker::broker(address, "--connect")?;
        let link = match trade {
            Trade::Evaluate => NatsLink::new(server, token),
            Trade::Ask => NatsLink::new(server, &token_of_questions(token)),
        };
        let link = link.map_err(|why| Failure::usage(format!("--connect {address}: {why}")))?;
        return Ok(Arc::new(link));
    }
    let link = HttpLink::new(address, token).map_err(|why| {
        Failure::usage(format!(
            "--connect {address}: {why}\nhint: write http://HOST:7000, or nats://HOST:4222"
        ))
    })?;
    Ok(match trade {
        Trade::Evaluate => Arc::new(link),
        Trade::Ask => Arc::new(link.to_questions()),
    })
}

/// What this worker tells operators.
struct Own(Vec<(Trade, Arc<Tally>, u32)>);

impl Watched for Own {
    fn figures(&self) -> String {
        let figures = |(trade, tally, slots): &(Trade, Arc<Tally>, u32)| match trade {
            Trade::Evaluate => tally.figures(*slots),
            Trade::Ask => tally.figures_of_questions(*slots),
        };
        self.0.iter().map(figures).collect()
    }

    fn is_ready(&self) -> bool {
        self.0.iter().any(|(_, tally, _)| tally.is_working())
    }
}

/// Tells a person; the same trouble once.
fn tell(heard: &Heard, trade: Trade, last: &Mutex<String>, quiet: bool) {
    let (whose, done) = match trade {
        Trade::Evaluate => ("", "evaluations"),
        Trade::Ask => ("models: ", "answers"),
    };
    let told = match heard {
        // Questions have a desk before the run has its id.
        Heard::Begun { isolation: Some(models), .. } if trade == Trade::Ask => {
            format!("{whose}working for a run: {}", one_line(models))
        }
        Heard::Begun { run, isolation: Some(isolation) } => {
            format!("{whose}working for run {}: {}", one_line(run), one_line(isolation))
        }
        Heard::Begun { run, isolation: None } => format!("{whose}working for run {}", one_line(run)),
        Heard::Waiting { why } => format!("{whose}waiting: {}", one_line(why)),
        Heard::Over { evaluated } => format!("{whose}the run is over: {evaluated} {done}"),
        Heard::Draining { running } => {
            format!("{whose}stopping: {running} {done} end first (again to stop at once)")
        }
    };
    tracing::info!(told, "worker");
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    if !quiet && *last != told {
        remark(&told);
    }
    *last = told;
}

/// Makes what evaluates a run's drafts on this machine.
struct Kit {
    args: Worker,
}

impl Equip for Kit {
    fn equip(&self, task: &Task, folder: &Path, slots: u32) -> Result<Equipped, String> {
        let Duty::Evaluate { spec, limits, minimum_tier, python } = &task.duty else {
            return Err("models are asked at this desk of the run".to_owned());
        };
        let environment = samara_environments::evaluating(spec, &Inputs::recorded(inputs(task, folder)?))
            .map_err(|invalid| invalid.to_string())?;
        let evaluator = environment.evaluator().ok_or("its evaluations ask models")?;
        let sandbox = self.sandbox(limits, *minimum_tier, slots);
        self.check_trust(spec, &sandbox)?;
        let mut isolation = None;
        let mut programs = None;
        if environment.roles().sandbox {
            sandbox.validate().map_err(|invalid| invalid.to_string())?;
            let started = Programs::start(&sandbox).map_err(|error| error.to_string())?;
            isolation = Some(started.isolation());
            programs = Some(started);
        }
        let mut evaluators = None;
        if let Some(mut options) = environment.evaluator_options() {
            options.slots = slots as usize;
            if let Some(python) = &self.args.python {
                options.python = Some(python.clone());
            }
            let started = EvaluatorSlots::start(&options).map_err(|error| error.to_string())?;
            isolation = started.isolation();
            evaluators = Some(started);
        }
        let isolation = isolation.map(|isolation| told(&isolation, python));
        let bench = Box::new(Bench::new(programs, 0).with_evaluators(evaluators));
        Ok(Equipped::Evaluator { evaluator, bench, isolation })
    }
}

impl Kit {
    /// The run's limits with this machine's isolation, which is never weaker than either side wants.
    fn sandbox(&self, limits: &ProgramLimits, least: Tier, slots: u32) -> SandboxSettings {
        let own = if self.args.trust_code { Tier::Process } else { Tier::Landlock };
        limits.over(SandboxSettings {
            tier: self.args.tier,
            minimum_tier: least.max(own),
            trust_code: self.args.trust_code,
            python: self.args.python.clone(),
            servers: Some(slots as usize),
            ..SandboxSettings::default()
        })
    }

    /// Refuses a run whose settings want more of this machine than to compute, unless the user trusts it.
    fn check_trust(&self, spec: &EvaluatorSpec, sandbox: &SandboxSettings) -> Result<(), String> {
        if sandbox.tier.is_some_and(|tier| tier < sandbox.minimum_tier) {
            return Err(format!("--tier is weaker than the run wants: {}", sandbox.minimum_tier));
        }
        if self.args.trust_run {
            return Ok(());
        }
        let mut naming = Table::new();
        naming.insert("environment".to_owned(), spec.environment.clone().into());
        let settings = Table::from_iter([
            ("experiment".to_owned(), naming.into()),
            ("environment".to_owned(), spec.section.clone().into()),
        ]);
        // The evaluator sees what has travelled with it, and the user has named an interpreter.
        let own = |key: &str| {
            key == "environment.evaluation.evaluator"
                || (key == "environment.evaluation.python" && self.args.python.is_some())
        };
        let wants: Vec<String> =
            trust::reasons(&settings).into_iter().filter(|(key, _)| !own(key)).map(|(_, why)| why).collect();
        if wants.is_empty() {
            return Ok(());
        }
        Err(format!("the run's settings would {}; --trust-run allows it", wants.join(", ")))
    }
}

/// The isolation for people. Another Python may give other scores.
fn told(isolation: &samara_sandbox::Isolation, there: &str) -> String {
    let other = if there.is_empty() || there == &*isolation.python {
        String::new()
    } else {
        format!(" (the run has {there}, which may give other scores)")
    };
    format!("{}, Python {}{other}", isolation.tier, isolation.python)
}

/// The files that the environment reads, where they lie here.
fn inputs(task: &Task, folder: &Path) -> Result<Vec<InputFile>, String> {
    let input = |file: &samara_engine::workers::TaskFile| {
        let path = folder.join(&file.path);
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = String::from_utf8(bytes).map_err(|_| format!("{} is no text", file.path))?;
        Ok(InputFile { key: file.key.clone(), path, text })
    };
    task.files.iter().filter(|file| !file.key.is_empty()).map(input).collect()
}

/// `samara/worker` in the user's cache.
fn cache_folder() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    cache
        .map(|cache| cache.join("samara/worker"))
        .ok_or_else(|| Failure::usage("neither XDG_CACHE_HOME nor HOME is set\nhint: --cache DIR"))
}

/// The host's name and the process's number.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let host = host.trim();
    format!("{}-{}", if host.is_empty() { "worker" } else { host }, std::process::id())
}
