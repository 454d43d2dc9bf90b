//! What holds over every transport: the archive of a run with workers is that of a run without.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use samara_engine::{
    Abort, Bench, Control, EngineError, Environment as _, Evaluator, EvaluatorSpec, Event, Future,
    SandboxSettings,
    workers::{
        Answer, Desk, Done, Duty, Equip, Equipped, Heard, Link, Me, Outcome, PROTOCOL, Patience, Scattered,
        Task, TaskFile, Ticket,
        cache::Cache,
        task::{ProgramLimits, digest_of},
        work,
    },
};
use samara_search::{Genome, Score};
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    numbers::{Numbers, TO_THE_END, settings},
    transports::{Transport, all},
};

pub(crate) const VERSION: &str = "1.2.3";

/// So patient that no load of the machine counts as a loss.
pub(crate) fn patient() -> Patience {
    let long = Duration::from_secs(3600);
    Patience { lease: long, deadline: long, poll: Duration::from_secs(5), ..Patience::default() }
}

/// A desk whose task has two files, one of them longer than a piece, and a run's evaluator with so many slots here.
pub(crate) fn desk(patience: Patience) -> Arc<Desk> {
    desk_of("0123456789abcdef0123456789abcdef", patience)
}

/// The same of a run with an id.
pub(crate) fn desk_of(run: &str, patience: Patience) -> Arc<Desk> {
    let texts = [vec![b'x'; 1_300_000], b"def f(): pass\n".to_vec()];
    let file = |key: &str, path: &str, bytes: &[u8]| TaskFile {
        key: key.to_owned(),
        path: path.to_owned(),
        digest: digest_of(bytes),
        bytes: bytes.len() as u64,
        executable: false,
    };
    let files = vec![file("k", "a/long.txt", &texts[0]), file("", "b.py", &texts[1])];
    let spec = EvaluatorSpec {
        environment: "numbers".to_owned(),
        section: toml::Table::new(),
        axes: Vec::new(),
        operator: None,
        inputs: BTreeMap::from([("k".to_owned(), files[0].digest.clone())]),
    };
    let task = Task {
        samara: VERSION.to_owned(),
        duty: Duty::Evaluate {
            spec,
            limits: ProgramLimits::of(&SandboxSettings::default()),
            minimum_tier: samara_sandbox::Tier::Landlock,
            python: String::new(),
        },
        files,
        labels: vec!["big".to_owned()],
    };
    let bytes = texts.into_iter().map(|bytes| (digest_of(&bytes), bytes.into())).collect();
    Desk::new(run, task, bytes, patience).0
}

/// Makes a worker's evaluator: that of the numbers, once the files lie where they should.
pub(crate) struct Kit {
    pub(crate) numbers: Numbers,
    pub(crate) made: AtomicUsize,
    pub(crate) refuses: bool,
}

impl Kit {
    pub(crate) fn of(numbers: &Numbers) -> Arc<Self> {
        Arc::new(Self { numbers: numbers.clone(), made: AtomicUsize::new(0), refuses: false })
    }
}

impl Equip for Kit {
    fn equip(&self, task: &Task, folder: &Path, _slots: u32) -> Result<Equipped, String> {
        self.made.fetch_add(1, Ordering::Relaxed);
        if self.refuses {
            return Err("it has no GPU".to_owned());
        }
        for file in &task.files {
            let bytes = std::fs::read(folder.join(&file.path)).map_err(|error| error.to_string())?;
            assert_eq!(digest_of(&bytes), file.digest);
        }
        let evaluator = self.numbers.evaluator().unwrap();
        Ok(Equipped::Evaluator { evaluator, bench: Box::default(), isolation: Some("jail".to_owned()) })
    }
}

/// A worker in this process.
pub(crate) struct Worker {
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) working: JoinHandle<Done>,
}

impl Worker {
    pub(crate) fn start(link: Arc<dyn Link>, kit: Arc<dyn Equip>, cache: &Path, slots: u32) -> Self {
        Self::heard(link, kit, cache, (slots, Some(Duration::ZERO)), Arc::new(|_| ()))
    }

    /// One that waits for the next run after the last.
    pub(crate) fn staying(link: Arc<dyn Link>, kit: Arc<dyn Equip>, cache: &Path, slots: u32) -> Self {
        Self::heard(link, kit, cache, (slots, None), Arc::new(|_| ()))
    }

    pub(crate) fn heard(
        link: Arc<dyn Link>,
        kit: Arc<dyn Equip>,
        cache: &Path,
        (slots, give_up): (u32, Option<Duration>),
        hear: Arc<dyn Fn(Heard) + Send + Sync>,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let cache = Cache::open(cache).unwrap();
        let me = Me {
            name: "a worker".to_owned(),
            slots,
            labels: vec!["big".to_owned(), "gpu".to_owned()],
            samara: VERSION.to_owned(),
            give_up,
            tally: Arc::default(),
        };
        let working = tokio::spawn(async move { work(link, &me, (&cache, kit), stopped, hear).await });
        Self { stop, working }
    }
}

/// What a worker reports of a ticket.
pub(crate) fn answer_to(ticket: &Ticket, outcome: Outcome) -> Answer {
    Answer {
        protocol: PROTOCOL,
        run: ticket.run.clone(),
        id: ticket.id,
        task: ticket.task.clone(),
        work: ticket.work.digest(),
        outcome,
        isolation: None,
        ms: 1.0,
    }
}

/// The run of 120 numbers with a desk's workers and so many slots here: the archive's hash, and who has evaluated.
pub(crate) async fn run(
    numbers: &Numbers,
    desk: &Arc<Desk>,
    slots: usize,
    verify: f64,
) -> (Result<String, EngineError>, Vec<Option<String>>) {
    run_of(16, numbers, desk, slots, verify).await
}

/// The same with so many candidates alive at once.
pub(crate) async fn run_of(
    alive: usize,
    numbers: &Numbers,
    desk: &Arc<Desk>,
    slots: usize,
    verify: f64,
) -> (Result<String, EngineError>, Vec<Option<String>>) {
    let folder = tempfile::tempdir().unwrap();
    let mut run = numbers.run(&settings(120, alive, 2), folder.path());
    let own = numbers.evaluator().unwrap();
    run.tools.scattered = Some(Scattered::new(own, Arc::clone(desk), slots, verify));
    let (_sender, interrupt) = watch::channel(false);
    let mut workers = Vec::new();
    let ended = run
        .run(Control::interrupt(interrupt), &mut |event| {
            if let Event::Settled { life, .. } = event {
                workers.push(life.worker.clone());
            }
        })
        .await;
    desk.close();
    (ended.map(|ended| ended.search.population().archive_hash()), workers)
}

/// Numbers of which some are invalid and some fail, with thresholds.
pub(crate) fn numbers() -> Numbers {
    let mut numbers = Numbers::below(400);
    numbers.thresholds = true;
    numbers.verdict = |number| match number % 7 {
        0 => Err(Abort::invalid(format!("{number} is a multiple of 7"))),
        1 => Err(Abort::failed("it is one more")),
        _ => Ok(number as f64 / 3.0),
    };
    numbers
}

/// The archive of a run without workers.
pub(crate) async fn expected() -> String {
    let folder = tempfile::tempdir().unwrap();
    numbers().go(&settings(120, 16, 2), folder.path(), TO_THE_END).await.hash()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_archive_is_the_same_with_any_number_of_workers_and_slots_here() {
    let expected = expected().await;
    for transport in all() {
        for (workers, here) in [(0, 2), (1, 0), (3, 0), (3, 1)] {
            let desk = desk(patient());
            let way = Transport::open(transport, &desk).await;
            let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
            let kit = Kit::of(&numbers);
            let all: Vec<Worker> = (0..workers)
                .map(|_| Worker::start(way.link(), Arc::clone(&kit) as _, cache.path(), 3))
                .collect();
            let (hash, lived) = run(&numbers, &desk, here, 0.0).await;
            assert_eq!(hash.unwrap(), expected, "{transport}, {workers} workers, {here} slots here");
            if here == 0 {
                let named = lived.iter().filter(|worker| worker.as_deref() == Some("a worker")).count();
                assert_eq!(named, 120, "the journal knows who has evaluated");
            }
            if workers == 0 {
                assert!(lived.iter().all(Option::is_none));
            }
            assert_eq!(desk.census().lost, 0);
            way.close().await;
            for worker in all {
                assert_eq!(worker.working.await.unwrap(), Done::GaveUp, "the run is over");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_of_honest_workers_stand_when_all_are_checked() {
    let expected = expected().await;
    for transport in all() {
        let desk = desk(patient());
        let way = Transport::open(transport, &desk).await;
        let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
        let _worker = Worker::start(way.link(), Kit::of(&numbers), cache.path(), 4);
        let (hash, _) = run(&numbers, &desk, 0, 1.0).await;
        assert_eq!(hash.unwrap(), expected);
        way.close().await;
    }
}

/// Gives every draft a better score than it has.
struct Boaster(Arc<dyn Evaluator>);

impl Evaluator for Boaster {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        thresholds: &'a BTreeMap<String, f64>,
        bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(async move {
            let mut score = self.0.evaluate(draft, thresholds, bench).await?;
            score.objective += 1.0;
            Ok(score)
        })
    }
}

struct Boasting(Numbers);

impl Equip for Boasting {
    fn equip(&self, _task: &Task, _folder: &Path, _slots: u32) -> Result<Equipped, String> {
        let evaluator = Arc::new(Boaster(self.0.evaluator().unwrap()));
        Ok(Equipped::Evaluator { evaluator, bench: Box::default(), isolation: None })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_lies_about_scores_is_found_out_and_named() {
    for transport in all() {
        let desk = desk(patient());
        let way = Transport::open(transport, &desk).await;
        let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
        let _worker = Worker::start(way.link(), Arc::new(Boasting(numbers.clone())), cache.path(), 4);
        let (hash, _) = run(&numbers, &desk, 0, 1.0).await;
        let why = hash.unwrap_err().to_string();
        assert!(why.contains("a worker says of candidate") && why.contains("hint: "), "{why}");
        way.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_drains_when_it_is_told_to_stop_and_others_go_on() {
    let expected = expected().await;
    for transport in all() {
        let desk = desk(patient());
        let way = Transport::open(transport, &desk).await;
        let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
        let kit = Kit::of(&numbers);
        let first = Worker::start(way.link(), Arc::clone(&kit) as _, cache.path(), 2);
        let (watched, link, folder) = (Arc::clone(&desk), way.link(), cache.path().to_owned());
        let changing = tokio::spawn(async move {
            while watched.census().evaluated < 20 {
                tokio::task::yield_now().await;
            }
            first.stop.send(true).unwrap();
            assert_eq!(first.working.await.unwrap(), Done::Stopped);
            assert_eq!(watched.census().held, 0, "it has reported all, and given back what was on its way");
            Worker::start(link, kit, &folder, 2)
        });
        let (hash, _) = run(&numbers, &desk, 0, 0.0).await;
        assert_eq!(hash.unwrap(), expected);
        assert_eq!((desk.census().lost, desk.census().late), (0, 0));
        way.close().await;
        assert_eq!(changing.await.unwrap().working.await.unwrap(), Done::GaveUp);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_can_not_evaluate_says_why_and_takes_none() {
    for transport in all() {
        let desk = desk(patient());
        let way = Transport::open(transport, &desk).await;
        let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
        let kit = Kit { refuses: true, numbers: numbers.clone(), made: AtomicUsize::new(0) };
        let worker = Worker::start(way.link(), Arc::new(kit), cache.path(), 2);
        assert_eq!(worker.working.await.unwrap(), Done::Refused("it has no GPU".to_owned()));
        assert_eq!(desk.census().workers, 0);
        desk.close();
        way.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_worker_has_set_up_serves_the_coordinator_that_goes_on() {
    // The coordinator ends and begins again, as it does after a kill: the worker finds a desk that does not know it.
    let expected = expected().await;
    let (numbers, cache) = (numbers(), tempfile::tempdir().unwrap());
    let kit = Kit::of(&numbers);
    let (one, two) = (desk(patient()), desk(patient()));
    let link = Arc::new(Changing { now: std::sync::Mutex::new(Arc::clone(&one)) });
    let (stop, stopped) = watch::channel(false);
    let me = Me {
        name: "a worker".to_owned(),
        slots: 2,
        labels: vec!["big".to_owned()],
        samara: VERSION.to_owned(),
        give_up: None,
        tally: Arc::default(),
    };
    let (seen, way, opened) = (Arc::clone(&kit), Arc::clone(&link), Cache::open(cache.path()).unwrap());
    let working =
        tokio::spawn(async move { work(way, &me, (&opened, seen), stopped, Arc::new(|_| ())).await });
    while one.census().workers == 0 {
        tokio::task::yield_now().await;
    }
    *link.now.lock().unwrap() = Arc::clone(&two);
    one.close();
    let (hash, _) = run(&numbers, &two, 0, 0.0).await;
    assert_eq!(hash.unwrap(), expected);
    assert_eq!(kit.made.load(Ordering::Relaxed), 1);
    stop.send(true).unwrap();
    assert_eq!(working.await.unwrap(), Done::Stopped);
}

/// A link whose desk changes.
struct Changing {
    now: std::sync::Mutex<Arc<Desk>>,
}

impl Link for Changing {
    fn ask<'a>(
        &'a self,
        request: &'a samara_engine::workers::Request,
    ) -> samara_engine::workers::link::Replied<'a> {
        let desk = Arc::clone(&self.now.lock().unwrap());
        Box::pin(async move { samara_engine::workers::Local(desk).ask(request).await })
    }
}
