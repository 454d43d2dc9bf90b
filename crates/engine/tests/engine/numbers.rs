//! An environment of numbers below a limit, written as texts: small enough that candidates are often equal. It counts
//! what it writes and what it evaluates.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use samara_engine::{
    Abort, Bench, Context, Control, Ended, EngineError, Environment, Evaluator, Event, Future, Run, Tools,
};
use samara_journal::{Cells, Contents, Header, Journal};
use samara_qd::Stream;
use samara_search::{AxisSettings, Candidate, Ensemble, Genome, Plan, Proposer, Score, SearchSettings, View};
use tokio::sync::{Semaphore, watch};

/// The environment. Clones share what they counted.
#[derive(Clone)]
pub(crate) struct Numbers {
    /// How many there are.
    pub(crate) many: usize,
    /// Whether plans carry a threshold that follows from the archive.
    pub(crate) thresholds: bool,
    /// What an evaluation comes to.
    pub(crate) verdict: fn(u64) -> Result<f64, Abort>,
    /// Each evaluation takes one; none is ever given back.
    pub(crate) permits: Arc<Semaphore>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
pub(crate) struct Counts {
    /// Drafts that were written.
    pub(crate) written: usize,
    /// Evaluations of each number under each threshold.
    pub(crate) evaluated: BTreeMap<(u64, Option<u64>), usize>,
}

impl Numbers {
    /// Numbers below `many`, of which every one has a score.
    pub(crate) fn below(many: usize) -> Self {
        Self {
            many,
            thresholds: false,
            verdict: |number| Ok((number * 7919 % 101) as f64),
            permits: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            counts: Arc::default(),
        }
    }

    /// What it has counted so far.
    pub(crate) fn counted<T>(&self, look: impl FnOnce(&Counts) -> T) -> T {
        look(&self.counts.lock().unwrap())
    }

    /// The run with this environment, begun or gone on with in a folder.
    pub(crate) fn run(&self, settings: &SearchSettings, folder: &Path) -> Run {
        let axes = [AxisSettings::even("size", [0.0, 1.0], 10)];
        let tessellation = settings.tessellation(&axes).unwrap();
        let path = folder.join("run.db");
        let journal = if path.exists() {
            Journal::open(&path).unwrap()
        } else {
            let cells = Cells { island: 0, from_index: 0, tessellation: tessellation.clone() };
            let contents = Contents { inputs: Vec::new(), tessellations: vec![cells] };
            Journal::create(&path, &header(settings.seed), &contents).unwrap()
        };
        Run {
            settings: settings.clone(),
            tessellation,
            environment: Arc::new(self.clone()),
            evaluator: None,
            tools: Tools::default(),
            ensemble: Ensemble::default(),
            journal,
            controls: Vec::new(),
        }
    }

    /// Runs to the end, or to an interrupt once `until` candidates are settled.
    pub(crate) async fn go(&self, settings: &SearchSettings, folder: &Path, until: u64) -> Ran {
        let (sender, interrupt) = watch::channel(false);
        let mut candidates = Vec::new();
        let ended = self
            .run(settings, folder)
            .run(Control::interrupt(interrupt), &mut |event| {
                if let Event::Settled { candidate, .. } = event {
                    candidates.push(candidate.clone());
                    if candidate.index + 1 == until {
                        sender.send(true).unwrap();
                    }
                }
            })
            .await;
        Ran { ended, candidates }
    }
}

/// What a session came to.
pub(crate) struct Ran {
    pub(crate) ended: Result<Ended, EngineError>,
    /// Those that it settled.
    pub(crate) candidates: Vec<Candidate>,
}

impl Ran {
    /// The archive's hash of a session that ended well.
    pub(crate) fn hash(self) -> String {
        self.ended.unwrap_or_else(|error| panic!("{error}")).search.population().archive_hash()
    }
}

/// Never, for [`Numbers::go`].
pub(crate) const TO_THE_END: u64 = 0;

/// A search of this many candidates.
pub(crate) fn settings(total_steps: u64, concurrency: usize, islands: u32) -> SearchSettings {
    let mut settings =
        SearchSettings { total_steps, concurrency, window: 32, seed: 9, ..SearchSettings::default() };
    settings.init_steps = total_steps / 4;
    (settings.islands.count, settings.islands.migration_interval) = (islands, 40);
    settings.validate().unwrap();
    settings
}

/// The number that a draft is.
pub(crate) fn number(genome: &Genome) -> u64 {
    genome.text().parse().unwrap()
}

pub(crate) fn header(seed: u64) -> Header {
    Header {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        config: String::new(),
        experiment: "numbers".to_owned(),
        environment: "numbers".to_owned(),
        seed,
        samara: String::new(),
        created: String::new(),
    }
}

struct Plans {
    thresholds: bool,
}

impl Plans {
    fn with_threshold(&self, view: &View<'_>, plan: Plan) -> Plan {
        let bar = (view.archive().stats().cells_filled / 4) as f64;
        let thresholds = self.thresholds.then(|| ("bar".to_owned(), bar)).into_iter().collect();
        Plan { thresholds, ..plan }
    }
}

impl Proposer for Plans {
    fn create(&self, view: &View<'_>, _stream: &mut Stream) -> Plan {
        self.with_threshold(view, Plan::fresh("draw", Vec::new()))
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let parent = view.archive().select(stream)?;
        Some(self.with_threshold(view, Plan::varied("step", vec![view.parent(&parent)])))
    }
}

impl Environment for Numbers {
    fn name(&self) -> &str {
        "numbers"
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Plans { thresholds: self.thresholds })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            self.counts.lock().unwrap().written += 1;
            // So that candidates come back in another order than they went out.
            tokio::time::sleep(Duration::from_micros(context.stream.index(2000) as u64)).await;
            let from = plan.parents.first().map(|parent| number(&parent.genome) as usize);
            let drawn = match from {
                Some(from) => (from + context.stream.index(7)) % self.many,
                None => context.stream.index(self.many),
            };
            Ok(Genome::text_of(drawn.to_string()))
        })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(self.clone()))
    }
}

impl Evaluator for Numbers {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        thresholds: &'a BTreeMap<String, f64>,
        _bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        Box::pin(async move {
            let number = number(draft);
            let bar = thresholds.get("bar").copied();
            let key = (number, bar.map(f64::to_bits));
            *self.counts.lock().unwrap().evaluated.entry(key).or_default() += 1;
            self.permits.acquire().await.unwrap().forget();
            let objective = (self.verdict)(number)? + bar.unwrap_or(0.0);
            Ok(Score::new(objective, vec![number as f64 / self.many as f64]))
        })
    }
}
