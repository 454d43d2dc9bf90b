//! A world to search in: drawn settings, a proposer, and outcomes that follow from the ticket alone.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use proptest::{prelude::*, strategy::Strategy as Draw};
use samara_qd::{Archive, Stream, Tessellation};
use samara_search::{
    Algorithm, Artifact, AxisSettings, BudgetSettings, Candidate, Charge, Choose, CostUnit, CvtSection,
    DominatedNoveltySection, Ensemble, EnsembleSettings, Finished, Genome, IslandSettings,
    LocalCompetitionSection, Outcome, Plan, Proposer, Replay, Score, Search, SearchSettings, Setup, Strategy,
    Ticket, Unscored, View,
};

/// A search to run.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) settings: SearchSettings,
    pub(crate) axes: Vec<AxisSettings>,
    pub(crate) choose: EnsembleSettings,
    /// The weights of the ensemble's models; none without an ensemble.
    pub(crate) weights: Vec<f64>,
}

impl Case {
    pub(crate) fn tessellation(&self) -> Tessellation {
        self.settings.tessellation(&self.axes).expect("cells")
    }

    pub(crate) fn search(&self) -> Search {
        self.settings.validate().expect("settings");
        let proposers = (0..self.settings.islands.count).map(|_| Box::new(Breeder::default()) as _).collect();
        let setup = Setup {
            settings: self.settings.clone(),
            tessellation: self.tessellation(),
            ensemble: Ensemble::new(self.choose, self.weights.clone()),
            proposers,
        };
        Search::new(setup).expect("a search")
    }

    pub(crate) fn replay(&self) -> Replay {
        Replay::new(&self.settings, self.tessellation()).expect("a fold")
    }

    /// The horizon of a candidate by definition.
    pub(crate) fn horizon(&self, index: u64) -> u64 {
        (index + 1).saturating_sub(self.settings.window as u64)
    }
}

/// Searches of all kinds, of up to 90 candidates.
pub(crate) fn cases() -> impl Draw<Value = Case> {
    let sizes = (1_usize..=64, 1_u64..=90, 0_u64..=15, any::<u32>());
    (sizes, strategies(), cells(), keeping(), islands(), (budgets(), stops()), ensembles()).prop_map(
        |(
            (window, total_steps, init_steps, seed),
            strategy,
            cells,
            keeping,
            islands,
            (budget, (target_score, patience, patience_margin)),
            (choose, weights),
        )| {
            let (algorithm, cvt, axes) = cells;
            // Without cells one elite has a place, and nothing has a threshold.
            let crowded = is_crowded(algorithm);
            let (depth, soft) = if crowded { (1, None) } else { keeping };
            let settings = SearchSettings {
                algorithm,
                cvt,
                dominated_novelty: DominatedNoveltySection { places: 9, neighbours: 2 },
                local_competition: LocalCompetitionSection { places: 9, neighbours: 2, threshold: 0.2 },
                strategy,
                window,
                total_steps,
                init_steps,
                depth,
                islands,
                budget,
                target_score,
                patience,
                patience_margin,
                concurrency: 1,
                seed: u64::from(seed),
                learning_rate: soft,
                threshold_min: soft.map(|_| -1.5),
                ..SearchSettings::default()
            };
            Case { settings, axes, choose, weights }
        },
    )
}

/// The same with nothing to limit or end them early.
pub(crate) fn unlimited() -> impl Draw<Value = Case> {
    cases().prop_map(|mut case| {
        case.settings.budget = BudgetSettings::default();
        case.settings.target_score = None;
        case.settings.patience = None;
        case
    })
}

/// A target, a patience and its margin; mostly none.
pub(crate) fn stops() -> impl Draw<Value = (Option<f64>, Option<u64>, f64)> {
    prop_oneof![
        4 => Just((None, None, 0.0)),
        1 => (-2.0..2.0_f64).prop_map(|target| (Some(target), None, 0.0)),
        1 => (1_u64..40, prop_oneof![Just(0.0), 0.0..0.5_f64])
            .prop_map(|(patience, margin)| (None, Some(patience), margin)),
        1 => (-2.0..2.0_f64, 1_u64..40).prop_map(|(target, patience)| (Some(target), Some(patience), 0.0)),
    ]
}

/// Only searches with several islands.
pub(crate) fn archipelagos() -> impl Draw<Value = Case> {
    (cases(), 2_u32..=4, 1_u64..=12, 0_usize..=4).prop_map(
        |(mut case, count, migration_interval, migrants)| {
            case.settings.islands = IslandSettings { count, migration_interval, migrants };
            // Cells of several elites more often: only the best of a cell migrate.
            let crowded = is_crowded(case.settings.algorithm);
            if case.settings.learning_rate.is_none() && migrants % 2 == 1 && !crowded {
                case.settings.depth = 3;
            }
            case
        },
    )
}

fn strategies() -> impl Draw<Value = Strategy> {
    prop_oneof![
        6 => Just(Strategy::Qdaif),
        1 => Just(Strategy::RandomSearch),
        1 => Just(Strategy::Own("a_baseline".to_owned())),
    ]
}

/// Whether it has no cells.
fn is_crowded(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::DominatedNovelty | Algorithm::LocalCompetition)
}

fn cells() -> impl Draw<Value = (Algorithm, CvtSection, Vec<AxisSettings>)> {
    let axis = |name, bins| AxisSettings::even(name, [0.0, 1.0], bins);
    let cvt = CvtSection { cells: 9, samples: 60, max_iterations: 5 };
    let ticks = AxisSettings { bins: None, ticks: Some(vec![0.2, 0.5, 0.6]), ..axis("x", 1) };
    prop_oneof![
        3 => Just((Algorithm::MapElites, cvt, vec![axis("x", 4), axis("y", 4)])),
        1 => Just((Algorithm::MapElites, cvt, vec![ticks, axis("y", 3)])),
        1 => Just((Algorithm::MapElites, cvt, vec![AxisSettings::named("x", ["ode", "hymn"]), axis("y", 4)])),
        1 => Just((Algorithm::CvtMapElites, cvt, vec![axis("x", 1), axis("y", 1)])),
        1 => Just((Algorithm::DominatedNovelty, cvt, vec![axis("x", 1), axis("y", 1)])),
        1 => Just((Algorithm::LocalCompetition, cvt, vec![axis("x", 1), axis("y", 1)])),
    ]
}

/// The depth, and the learning rate of a soft archive.
fn keeping() -> impl Draw<Value = (usize, Option<f64>)> {
    prop_oneof![3 => Just((1, None)), 1 => Just((3, None)), 1 => Just((1, Some(0.0))), 1 => Just((1, Some(0.3)))]
}

fn islands() -> impl Draw<Value = IslandSettings> {
    let several = (1_u32..=4, 1_u64..=20, 0_usize..=3).prop_map(|(count, migration_interval, migrants)| {
        IslandSettings { count, migration_interval, migrants }
    });
    prop_oneof![1 => Just(IslandSettings::default()), 1 => several]
}

pub(crate) fn budgets() -> impl Draw<Value = BudgetSettings> {
    let none = BudgetSettings::default();
    prop_oneof![
        4 => Just(none),
        1 => (1_u64..200).prop_map(move |calls| BudgetSettings { calls: Some(calls), ..none }),
        1 => (1_u64..8000).prop_map(move |tokens| BudgetSettings { tokens: Some(tokens), ..none }),
        1 => (0.1..8.0_f64).prop_map(move |money| BudgetSettings { money: Some(money), ..none }),
    ]
}

fn ensembles() -> impl Draw<Value = (EnsembleSettings, Vec<f64>)> {
    let weights = prop::collection::vec(0.5..4.0_f64, 0..4);
    let per = prop_oneof![Just(CostUnit::Money), Just(CostUnit::Tokens), Just(CostUnit::Seconds)];
    (weights, prop_oneof![Just(Choose::Weights), Just(Choose::Bandit)], per).prop_map(
        |(weights, choose, per)| {
            (
                EnsembleSettings { choose, per: Some(per), memory: 20.0, ..EnsembleSettings::default() },
                weights,
            )
        },
    )
}

/// A proposer whose plans say, as their operator, which archive and which memory they were drawn from.
#[derive(Debug, Default)]
struct Breeder {
    /// Everything it heard of, in order.
    heard: u64,
}

impl Proposer for Breeder {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        Plan::fresh(saw(view.archive(), self.heard), vec![Arc::new(Genome::Vector(founder(stream)))])
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let elites = view.archive().select_near(stream, 2)?;
        let parents = elites.iter().map(|elite| view.parent(elite)).collect();
        let mut plan = Plan::varied(saw(view.archive(), self.heard), parents);
        plan.thresholds.extend(view.archive().stats().best.map(|best| ("best".to_owned(), best)));
        Some(plan)
    }

    fn learn(&mut self, candidate: &Candidate) {
        self.heard = hear(self.heard, candidate);
    }
}

/// What is left in the memory of an island that hears of another candidate.
pub(crate) fn hear(heard: u64, candidate: &Candidate) -> u64 {
    hash(&(heard, format!("{candidate:?}")))
}

/// What a plan says that was drawn from this archive and this memory.
pub(crate) fn saw(archive: &Archive, heard: u64) -> String {
    format!("{} {heard:016x}", digest(archive))
}

fn hash(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// All that an archive holds.
fn digest(archive: &Archive) -> String {
    let entries: Vec<_> = archive
        .iter()
        .map(|elite| {
            (elite.cell, elite.id, elite.objective.to_bits(), archive.threshold(elite.cell).map(f64::to_bits))
        })
        .collect();
    format!("{:016x}", hash(&(entries, archive.stats().best_id)))
}

/// A candidate that is created.
pub(crate) fn founder(stream: &mut Stream) -> Vec<f64> {
    vec![stream.unit(), stream.unit()]
}

/// What becomes of a ticket: a function of it alone.
pub(crate) fn finish(ticket: &Ticket) -> Finished {
    let mut stream = ticket.stream.clone();
    let sources: Vec<&[f64]> = ticket.plan.sources().into_iter().map(|genome| numbers(genome)).collect();
    let outcome = live(&sources, ticket.generator, &mut stream);
    let (calls, tokens) = (1 + stream.below(4), stream.below(400));
    // Whole multiples of a power of two, so that sums are exact.
    let charge = Charge { calls, tokens, money: stream.below(400) as f64 / 1024.0 };
    Finished { index: ticket.index, outcome, charge, model_ms: 1000.0 * stream.unit() }
}

/// The life of a candidate made from `sources`: a draft between them, and often a score.
pub(crate) fn live(sources: &[&[f64]], generator: Option<u32>, stream: &mut Stream) -> Outcome {
    let mut between = |axis: usize| {
        let mean = sources.iter().map(|source| source[axis]).sum::<f64>() / sources.len() as f64;
        // Of few different values, so that equal genomes are common, and without a second zero.
        ((mean + 0.2 * stream.normal()) * 8.0).round() / 8.0 + 0.0
    };
    let (x, y) = (between(0), between(1));
    let genome = Arc::new(Genome::Vector(vec![x, y]));
    let unscored = |genome, why: &str| Unscored { genome, why: why.to_owned(), artifacts: leftovers() };
    let mut score = Score::new(objective(x, y, generator, stream), vec![x, y]);
    score.metrics = BTreeMap::from([("x".to_owned(), x), ("nothing".to_owned(), f64::NAN)]);
    score.artifacts = leftovers();
    match stream.below(20) {
        0 => return Outcome::Invalid(unscored(None, "silence")),
        1 => return Outcome::Invalid(unscored(Some(genome), "a refusal")),
        2 => return Outcome::Failed(unscored(Some(genome), "out of memory")),
        3 => score.objective = f64::NAN,
        4 => score.measures[1] = f64::INFINITY,
        5 => score.measures.truncate(1),
        _ => {}
    }
    Outcome::Scored { genome, score }
}

/// Of few different values, so that ties are common.
fn objective(x: f64, y: f64, generator: Option<u32>, stream: &mut Stream) -> f64 {
    let hill = 1.0 - (x - 0.3).abs() - (y - 0.6).abs();
    hill + (f64::from(generator.unwrap_or(0)) + stream.below(4) as f64) / 8.0
}

/// Artifacts, one of which doesn't fit beside the others.
fn leftovers() -> Vec<Artifact> {
    ["stdout", "stderr", "stdout"].map(|name| Artifact::text(name, "some words")).to_vec()
}

pub(crate) fn numbers(genome: &Genome) -> &[f64] {
    match genome {
        Genome::Vector(numbers) => numbers,
        _ => unreachable!("this world is made of vectors"),
    }
}
