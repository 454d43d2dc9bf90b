//! `samara worker`: evaluates candidates for runs on other machines, until a signal ends it.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use samara_engine::{
    Bench, EvaluatorSlots, Programs, SandboxSettings,
    workers::{Done, Equip, Equipped, Heard, HttpLink, Link, Me, NatsLink, Tally, Task, cache::Cache, work},
};
use samara_environments::{InputFile, Inputs};
use samara_sandbox::Tier;
use samara_serve::watch::Watched;
use toml::Table;

use crate::{
    args::workers::Worker,
    exit::{Exit, Failure, one_line, printable, remark},
    session, trust,
    workers::{broker, cpus, figures, token},
};

pub(crate) fn worker(args: &Worker) -> Result<Exit, Failure> {
    let token = token::given(args.token_file.as_deref())?.ok_or_else(|| {
        Failure::usage(format!(
            "no token: the run asks for one\nhint: --token-file FILE, or the variable {}",
            token::VARIABLE
        ))
    })?;
    let link = link(&args.connect, &token)?;
    let watched = args.metrics.map(|address| figures::listen(address, "--metrics")).transpose()?;
    let folder = args.cache.clone().map_or_else(cache_folder, Ok)?;
    let cache = Cache::open(&folder)
        .map_err(|error| Failure::usage(format!("--cache {}: {error}", folder.display())))?;
    let me = Me {
        name: args.name.clone().unwrap_or_else(own_name),
        slots: args.slots.map_or_else(|| u32::try_from(cpus()).unwrap_or(1), u32::from),
        labels: args.labels.clone(),
        samara: env!("CARGO_PKG_VERSION").to_owned(),
        give_up: args.give_up.map(Duration::from_secs_f64),
        tally: Arc::default(),
    };
    let own = Arc::new(Own { tally: Arc::clone(&me.tally), slots: me.slots });
    let equip = Arc::new(Kit { args: args.clone() });
    let quiet = args.quiet;
    let last = Mutex::new(String::new());
    let hear = Arc::new(move |heard: Heard| tell(&heard, &last, quiet));
    let runtime = session::runtime()?;
    let done = runtime.block_on(async {
        let stop = session::interrupts();
        if let Some(listener) = watched {
            figures::serve(listener, own, None);
        }
        work(link, &me, (&cache, equip), stop, hear).await
    });
    // Evaluations that nobody waits for end with this process.
    runtime.shutdown_background();
    match done {
        Done::Stopped | Done::GaveUp => Ok(Exit::Ok),
        Done::Refused(why) => {
            Err(Failure { exit: Exit::Usage, message: format!("no tickets: {}", printable(&why)) })
        }
        Done::Broken(why) => Err(Failure { exit: Exit::Sandbox, message: printable(&why) }),
    }
}

/// The way to whoever coordinates at an address.
fn link(address: &str, token: &str) -> Result<Arc<dyn Link>, Failure> {
    if broker::is_meant(address) {
        let server = broker::broker(address, "--connect")?;
        let link = NatsLink::new(server, token);
        let link = link.map_err(|why| Failure::usage(format!("--connect {address}: {why}")))?;
        return Ok(Arc::new(link));
    }
    let link = HttpLink::new(address, token).map_err(|why| {
        Failure::usage(format!(
            "--connect {address}: {why}\nhint: write http://HOST:7000, or nats://HOST:4222"
        ))
    })?;
    Ok(Arc::new(link))
}

/// What this worker tells operators.
struct Own {
    tally: Arc<Tally>,
    slots: u32,
}

impl Watched for Own {
    fn figures(&self) -> String {
        self.tally.figures(self.slots)
    }

    fn is_ready(&self) -> bool {
        self.tally.is_working()
    }
}

/// Tells a person; the same trouble once.
fn tell(heard: &Heard, last: &Mutex<String>, quiet: bool) {
    let told = match heard {
        Heard::Begun { run, isolation: Some(isolation) } => {
            format!("working for run {}: {}", one_line(run), one_line(isolation))
        }
        Heard::Begun { run, isolation: None } => format!("working for run {}", one_line(run)),
        Heard::Waiting { why } => format!("waiting: {}", one_line(why)),
        Heard::Over { evaluated } => format!("the run is over: {evaluated} evaluations"),
        Heard::Draining { running } => {
            format!("stopping: {running} evaluations end first (again to stop at once)")
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
        let environment =
            samara_environments::evaluating(&task.spec, &Inputs::recorded(inputs(task, folder)?))
                .map_err(|invalid| invalid.to_string())?;
        let evaluator = environment.evaluator().ok_or("its evaluations ask models")?;
        let sandbox = self.sandbox(task, slots);
        self.check_trust(task, &sandbox)?;
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
        let isolation = isolation.map(|isolation| told(&isolation, &task.python));
        Ok(Equipped { evaluator, bench: Bench::new(programs, 0).with_evaluators(evaluators), isolation })
    }
}

impl Kit {
    /// The run's limits with this machine's isolation, which is never weaker than either side wants.
    fn sandbox(&self, task: &Task, slots: u32) -> SandboxSettings {
        let own = if self.args.trust_code { Tier::Process } else { Tier::Landlock };
        task.limits.over(SandboxSettings {
            tier: self.args.tier,
            minimum_tier: task.minimum_tier.max(own),
            trust_code: self.args.trust_code,
            python: self.args.python.clone(),
            servers: Some(slots as usize),
            ..SandboxSettings::default()
        })
    }

    /// Refuses a run whose settings want more of this machine than to compute, unless the user trusts it.
    fn check_trust(&self, task: &Task, sandbox: &SandboxSettings) -> Result<(), String> {
        if sandbox.tier.is_some_and(|tier| tier < sandbox.minimum_tier) {
            return Err(format!("--tier is weaker than the run wants: {}", sandbox.minimum_tier));
        }
        if self.args.trust_run {
            return Ok(());
        }
        let mut naming = Table::new();
        naming.insert("environment".to_owned(), task.spec.environment.clone().into());
        let settings = Table::from_iter([
            ("experiment".to_owned(), naming.into()),
            ("environment".to_owned(), task.spec.section.clone().into()),
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
