//! What evaluations on workers cost: a coordinator and workers as processes of their own, with evaluations that only wait.
//!
//! ```text
//! workers coordinator URL STEPS WINDOW MS      a run; URL is http://127.0.0.1:0, nats://HOST:PORT or `none`
//! workers worker URL SLOTS MS [COUNT]          COUNT workers in one process, each of so many slots
//! ```
//!
//! `benchmarks/workers/measure.py` starts them and adds up. Each prints what it took as a line of JSON.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use samara_engine::{
    Abort, Bench, Context, Control, Environment, Evaluator, EvaluatorSpec, Future, Run, SandboxSettings,
    Tools,
    workers::{
        Broker, Desk, Duty, Equip, Equipped, HttpLink, Link, Me, NatsDesk, NatsLink, Patience, Scattered,
        Task, cache::Cache, task::ProgramLimits, work,
    },
};
use samara_journal::{Cells, Contents, Header, Journal};
use samara_qd::Stream;
use samara_search::{AxisSettings, Ensemble, Genome, Plan, Proposer, Score, SearchSettings, View};
use samara_serve::{
    Access,
    workers::{Coordinator, Replied, coordinate},
};
use tokio::sync::watch;

const TOKEN: &str = "a-token-of-a-measurement";

/// Vectors of which an evaluation waits for a while.
#[derive(Clone)]
struct Waiting(Duration);

struct Plans;

impl Proposer for Plans {
    fn create(&self, _view: &View<'_>, _stream: &mut Stream) -> Plan {
        Plan::fresh("draw", Vec::new())
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let parent = view.archive().select(stream)?;
        Some(Plan::varied("step", vec![view.parent(&parent)]))
    }
}

impl Environment for Waiting {
    fn name(&self) -> &str {
        "waiting"
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Plans)
    }

    fn write<'a>(&'a self, _plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move { Ok(Genome::Vector((0..8).map(|_| context.stream.unit()).collect())) })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(self.clone()))
    }
}

impl Evaluator for Waiting {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        _bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(async move {
            if !self.0.is_zero() {
                tokio::time::sleep(self.0).await;
            }
            let Genome::Vector(numbers) = draft else { return Err(Abort::invalid("no vector")) };
            Ok(Score::new(numbers.iter().sum(), vec![numbers[0]]))
        })
    }
}

struct Kit(Duration);

impl Equip for Kit {
    fn equip(&self, _task: &Task, _folder: &Path, _slots: u32) -> Result<Equipped, String> {
        Ok(Equipped::Evaluator {
            evaluator: Arc::new(Waiting(self.0)),
            bench: Box::default(),
            isolation: None,
        })
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

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse::<u64>().ok());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let url = arguments.get(1).map(String::as_str).unwrap_or_default();
    runtime.block_on(async {
        match (arguments.first().map(String::as_str), number(2), number(3)) {
            (Some("coordinator"), Some(steps), Some(window)) => {
                coordinator(url, steps, window as usize, Duration::from_millis(number(4).unwrap_or(0))).await;
            }
            (Some("worker"), Some(slots), Some(ms)) => {
                workers(url, slots as u32, Duration::from_millis(ms), number(4).unwrap_or(1)).await;
            }
            _ => println!("workers coordinator URL STEPS WINDOW MS | workers worker URL SLOTS MS [COUNT]"),
        }
    });
    runtime.shutdown_background();
}

async fn coordinator(url: &str, steps: u64, window: usize, waits: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let settings = SearchSettings {
        total_steps: steps,
        init_steps: steps / 4,
        concurrency: window,
        window,
        seed: 9,
        ..SearchSettings::default()
    };
    let environment = Waiting(waits);
    let desk = Desk::new("0123456789abcdef0123456789abcdef", task(), BTreeMap::new(), Patience::default()).0;
    let mut tools = Tools::default();
    if url != "none" {
        serve(url, &desk).await;
        while desk.census().workers == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // All of them.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let here = Arc::new(environment.clone());
        tools.scattered = Some(Scattered::new(here, Arc::clone(&desk), 0, 0.0));
    }
    let (begun, before) = (Instant::now(), cpu());
    let slots = desk.census().slots;
    let run = run(settings, environment, tools, folder.path());
    let (_sender, interrupt) = watch::channel(false);
    let ended = run.run(Control::interrupt(interrupt), &mut |_| {}).await.unwrap();
    let (wall, cpu) = (begun.elapsed().as_secs_f64(), cpu() - before);
    let hash = ended.search.population().archive_hash();
    println!(
        "{{\"steps\": {steps}, \"slots\": {slots}, \"wall_s\": {wall:.3}, \"cpu_s\": {cpu:.3}, \"hash\": \"{hash}\"}}"
    );
    desk.close();
    tokio::time::sleep(Duration::from_secs(1)).await;
}

fn run(settings: SearchSettings, environment: Waiting, tools: Tools, folder: &Path) -> Run {
    let axes = [AxisSettings::even("size", [0.0, 1.0], 100)];
    let tessellation = settings.tessellation(&axes).unwrap();
    let header = Header {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        config: String::new(),
        experiment: "waiting".to_owned(),
        environment: "waiting".to_owned(),
        seed: settings.seed,
        samara: String::new(),
        created: String::new(),
    };
    let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
    let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
    let journal = Journal::create(&folder.join("run.db"), &header, &contents).unwrap();
    let (environment, ensemble) = (Arc::new(environment), Ensemble::default());
    Run {
        settings,
        tessellation,
        environment,
        evaluator: None,
        tools,
        ensemble,
        journal,
        controls: Vec::new(),
    }
}

fn task() -> Task {
    Task {
        samara: "0".to_owned(),
        duty: Duty::Evaluate {
            spec: EvaluatorSpec {
                environment: "waiting".to_owned(),
                section: toml::Table::new(),
                axes: Vec::new(),
                operator: None,
                inputs: BTreeMap::new(),
            },
            limits: ProgramLimits::of(&SandboxSettings::default()),
            minimum_tier: samara_sandbox::Tier::Landlock,
            python: String::new(),
        },
        files: Vec::new(),
        labels: Vec::new(),
    }
}

async fn serve(url: &str, desk: &Arc<Desk>) {
    if url.starts_with("nats://") {
        let broker = Broker { url: url.to_owned(), ..Default::default() };
        let there = NatsDesk::open(&broker, TOKEN, Arc::clone(desk)).await.unwrap();
        tokio::spawn(there.serve(std::future::pending()));
        println!("{url}");
        return;
    }
    let address = url.trim_start_matches("http://");
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    let access = Access { token: Some(TOKEN.to_owned()), ..Access::default() };
    tokio::spawn(coordinate(listener, Arc::new(Served(Arc::clone(desk))), access, std::future::pending()));
}

fn link(url: &str) -> Arc<dyn Link> {
    if url.starts_with("nats://") {
        let broker = Broker { url: url.to_owned(), ..Default::default() };
        return Arc::new(NatsLink::new(broker, TOKEN).unwrap());
    }
    Arc::new(HttpLink::new(url, TOKEN).unwrap())
}

async fn workers(url: &str, slots: u32, waits: Duration, count: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let mut working = tokio::task::JoinSet::new();
    for number in 0..count {
        let (link, stopped) = (link(url), stopped.clone());
        let cache = Cache::open(folder.path()).unwrap();
        let me = Me {
            name: format!("w{number}"),
            slots,
            labels: Vec::new(),
            samara: "0".to_owned(),
            give_up: Some(Duration::from_secs(3)),
            tally: Arc::default(),
        };
        working.spawn(async move {
            work(link, &me, (&cache, Arc::new(Kit(waits))), stopped, Arc::new(|_| ())).await
        });
    }
    while working.join_next().await.is_some() {}
    println!("{{\"cpu_s\": {:.3}}}", cpu());
}

/// CPU seconds of this process so far.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    // Behind the name: the 12th and 13th are user and system time, in ticks of which Linux has a hundred a second.
    (ticks(11) + ticks(12)) / 100.0
}
