//! What the bandits of a run have learnt, now and over the run: told again from its candidates, as whoever resumes it comes to
//! know it.
//!
//! A bandit over generators or over operators of programs is a fold over settled candidates
//! ([`samara_search::Ensemble`]), so a reader that knows its settings has its state. One over emitters is a fold over vectors
//! and archives: it is folded along with the run ([`samara_search::Replay::with_emitters`]), and here is noted how it went.

use samara_qd::emitters::Scheduler;
use samara_search::{Charge, Choose, CostUnit, Emitting, Ensemble, EnsembleSettings, Gain, Standing, Trial};
use toml::{Table, Value};

use crate::{
    book::{Became, Book},
    report::Run,
};

/// Moments of a run at which it is noted what was learnt, at most.
const MOST_MOMENTS: usize = 80;
/// Moments of one that is told again, and candidates between two of them at least.
const MOMENTS: u64 = 40;
const LEAST: u64 = 20;

/// What a run has learnt of what it can choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    /// A heading.
    pub title: &'static str,
    /// How it chooses, in words.
    pub chosen: &'static str,
    /// What costs are counted in, where they count.
    pub costs: Option<&'static str>,
    /// Whether what is hoped for decides.
    pub hopes: bool,
    /// What can be chosen.
    pub arms: Vec<Arm>,
    /// The same over the run.
    pub over: Vec<Moment>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// How often it is drawn against the others, where that is drawn.
    pub weight: Option<f64>,
    /// Its candidates; where older ones count less, so many as they count.
    pub trials: f64,
    /// The part of them that entered the archive; `None` before the first.
    pub entered: Option<f64>,
    /// The part that the bandit hopes for; `None` of an emitter before its first generation.
    pub hoped: Option<f64>,
    /// What a candidate costs, where that counts.
    pub cost: Option<f64>,
    /// Islands on which it proposes now, of how many.
    pub active: Option<[usize; 2]>,
}

/// What was known of everything that can be chosen after some candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// How many candidates.
    pub candidates: u64,
    /// Candidates of each since the beginning.
    pub made: Vec<u64>,
    /// What was hoped for of each.
    pub hoped: Vec<Option<f64>>,
}

/// How a bandit over emitters went, at some moments.
#[derive(Debug, Clone)]
pub struct Emitted {
    moments: Vec<Moment>,
    /// Every so many candidates.
    stride: u64,
}

impl Default for Emitted {
    fn default() -> Self {
        Self { moments: Vec::new(), stride: 1 }
    }
}

impl Emitted {
    /// Notes what the emitters of all islands know after so many candidates.
    pub(crate) fn follow(&mut self, candidates: u64, emitters: &[Emitting]) {
        if emitters.is_empty() || !candidates.is_multiple_of(self.stride) {
            return;
        }
        let arms = emitter_arms(emitters);
        let made = arms.iter().map(|arm| arm.trials as u64).collect();
        let hoped = arms.iter().map(|arm| arm.hoped).collect();
        self.moments.push(Moment { candidates, made, hoped });
        if self.moments.len() > MOST_MOMENTS {
            self.stride *= 2;
            let stride = self.stride;
            self.moments.retain(|moment| moment.candidates.is_multiple_of(stride));
        }
    }
}

/// All that the run has learnt; nothing where it has nothing to choose.
pub fn learnt(run: &Run, book: &Book) -> Vec<Learnt> {
    // The journal has read it before; of anything else nothing is told.
    let config: Table = run.view.header.config.parse().unwrap_or_default();
    let all = [generators(&config, book), operators(&config, book), emitters(run, book)];
    all.into_iter().flatten().collect()
}

/// The bandit over emitters.
fn emitters(run: &Run, book: &Book) -> Option<Learnt> {
    let emitters = run.view.replay.emitters();
    let chosen = "The bandit takes those with the most hope (UCB1) for the places that are free after a generation; counted are generations that are over.";
    emitters.first()?.scheduler().bandit().map(|_| Learnt {
        title: "What the emitters' choice has learnt",
        chosen,
        costs: None,
        hopes: true,
        arms: emitter_arms(emitters),
        over: book.emitted().moments.clone(),
    })
}

/// The emitters of all islands together, by their places. What is hoped for of one is the mean of the islands that know it.
fn emitter_arms(islands: &[Emitting]) -> Vec<Arm> {
    let Some(first) = islands.first() else { return Vec::new() };
    let mut arms: Vec<Arm> =
        emitter_names(first.scheduler()).into_iter().map(|name| Arm { name, ..Arm::default() }).collect();
    for (place, arm) in arms.iter_mut().enumerate() {
        let bandits = islands.iter().filter_map(|island| island.scheduler().bandit());
        let known: Vec<_> = bandits.filter_map(|bandit| bandit.standings().nth(place)).collect();
        let made: u64 = known.iter().map(|one| one.made).sum();
        let entered: u64 = known.iter().map(|one| one.entered).sum();
        let hopes: Vec<f64> = known.iter().map(|one| one.promise).filter(|hope| hope.is_finite()).collect();
        arm.trials = made as f64;
        arm.entered = (made > 0).then(|| entered as f64 / made as f64);
        arm.hoped = (!hopes.is_empty()).then(|| hopes.iter().sum::<f64>() / hopes.len() as f64);
        arm.active = Some([known.iter().filter(|one| one.active).count(), known.len()]);
    }
    arms
}

/// What emitters are called: those of a kind of which there are several, with a number.
fn emitter_names(scheduler: &Scheduler) -> Vec<String> {
    let kinds: Vec<&str> = scheduler.emitters().iter().map(|emitter| emitter.name()).collect();
    let count = |kinds: &[&str], kind: &str| kinds.iter().filter(|other| **other == kind).count();
    let name = |(place, kind): (usize, &&str)| match count(&kinds, kind) {
        1 => (*kind).to_owned(),
        _ => format!("{kind} {}", count(&kinds[..=place], kind)),
    };
    kinds.iter().enumerate().map(name).collect()
}

/// An ensemble that is told a run's candidates again.
struct Retold {
    ensemble: Ensemble,
    made: Vec<u64>,
    over: Vec<Moment>,
}

impl Retold {
    /// `trial` is what it learns of a candidate, and what became of it.
    fn of<'a>(
        ensemble: Ensemble,
        book: &'a Book,
        trial: impl Fn(&crate::book::Entry<'a>) -> Option<Trial>,
    ) -> Self {
        let mut told = Self { made: vec![0; ensemble.len()], ensemble, over: Vec::new() };
        let stride = book.len().div_ceil(MOMENTS).max(LEAST);
        for entry in book.entries() {
            if let Some(trial) = trial(&entry) {
                told.ensemble.learn(&trial, gain(entry.became));
                if let Some(made) = told.made.get_mut(trial.generator as usize) {
                    *made += 1;
                }
            }
            let candidates = entry.index + 1;
            if candidates.is_multiple_of(stride) || candidates == book.len() {
                let hoped = told.ensemble.standings().iter().map(|one| Some(one.hoped)).collect();
                told.over.push(Moment { candidates, made: told.made.clone(), hoped });
            }
        }
        told
    }

    fn learnt(
        self,
        title: &'static str,
        costs: &'static str,
        bandit: bool,
        names: impl Iterator<Item = String>,
    ) -> Learnt {
        let chosen = if bandit {
            "The bandit takes the one with the most hope for its cost; before the first candidate of each, they are drawn by their weights. Older candidates count less."
        } else {
            "They are drawn by their weights; what a bandit would know of them stands beside them. Older candidates count less."
        };
        let arm = |(name, standing): (String, Standing)| Arm {
            name,
            weight: Some(standing.weight),
            trials: standing.trials,
            entered: standing.entered,
            hoped: Some(standing.hoped),
            cost: standing.cost,
            active: None,
        };
        let arms = names.zip(self.ensemble.standings()).map(arm).collect();
        Learnt { title, chosen, costs: Some(costs), hopes: bandit, arms, over: self.over }
    }
}

fn within<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Table> {
    path.iter().try_fold(table, |table, key| table.get(*key)?.as_table())
}

/// The settings beside a list, as far as they are those of an ensemble.
fn settings(table: &Table) -> Option<EnsembleSettings> {
    let known = ["choose", "per", "exploration", "memory"];
    let own: Table = table
        .iter()
        .filter(|(key, _)| known.contains(&&***key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let settings: EnsembleSettings = Value::Table(own).try_into().ok()?;
    settings.validate().ok().map(|()| settings)
}

fn gain(became: Became) -> Gain {
    match became {
        Became::New | Became::Improved => Gain::Entered,
        Became::NotBetter => Gain::Scored,
        Became::Invalid | Became::Failed => Gain::Nothing,
    }
}

/// The ensemble of the generator.
fn generators(config: &Table, book: &Book) -> Option<Learnt> {
    let section = within(config, &["models", "generator"])?;
    let members = section.get("ensemble")?.as_array().filter(|members| members.len() > 1)?;
    let number = |member: &Value, key: &str| member.get(key).and_then(as_number);
    let positive = |member: &Value, key: &str| number(member, key).is_some_and(|price| price > 0.0);
    let priced = members.iter().any(|member| positive(member, "price_in") || positive(member, "price_out"));
    let default = if priced { CostUnit::Money } else { CostUnit::Tokens };
    let mut settings = settings(section)?;
    let per = settings.per.unwrap_or(default);
    settings.per = Some(per);
    let weights = members.iter().map(|member| number(member, "weight").unwrap_or(1.0).max(f64::MIN_POSITIVE));
    let told = Retold::of(Ensemble::new(settings, weights), book, crate::book::Entry::trial);
    let name = |member: &Value| {
        let text = |key: &str| member.get(key).and_then(Value::as_str);
        match (text("provider"), text("model")) {
            (Some(provider), Some(model)) => format!("{provider}:{model}"),
            (one, other) => one.or(other).unwrap_or("a model").to_owned(),
        }
    };
    let costs = match per {
        CostUnit::Money => "money",
        CostUnit::Tokens => "tokens",
        CostUnit::Seconds => "seconds",
    };
    let bandit = settings.choose == Choose::Bandit;
    let title = "What the generators' choice has learnt";
    Some(told.learnt(title, costs, bandit, members.iter().map(name)))
}

/// The mix of operators that write programs.
fn operators(config: &Table, book: &Book) -> Option<Learnt> {
    const OPERATORS: [(&str, f64); 5] =
        [("new", 1.0), ("prompt", 1.0), ("diff", 0.0), ("crossover", 0.0), ("gp", 0.0)];
    let operator = within(config, &["search"])?.get("operator")?.as_str()?;
    let mix = within(config, &["environment", "writing", "mix"]).filter(|_| operator == "mix")?;
    let weight =
        |(name, default): (&'static str, f64)| (name, mix.get(name).and_then(as_number).unwrap_or(default));
    let named: Vec<(&str, f64)> =
        OPERATORS.into_iter().map(weight).filter(|(_, weight)| *weight > 0.0).collect();
    let mut settings = settings(mix)?;
    settings.per = Some(CostUnit::Tokens);
    let ensemble = Ensemble::new(settings, named.iter().map(|(_, weight)| *weight));
    // What operators compete for are evaluations: each costs the same.
    let charge = Charge { calls: 1, tokens: 1, money: 0.0 };
    let told = Retold::of(ensemble, book, |entry| {
        let place = named.iter().position(|(name, _)| *name == entry.operator)?;
        Some(Trial { generator: place as u32, charge, model_ms: 0.0 })
    });
    let bandit = settings.choose == Choose::Bandit;
    let names = named.iter().map(|(name, _)| (*name).to_owned());
    Some(told.learnt("What the operators' choice has learnt", "evaluations", bandit, names))
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use samara_journal::run_view::Step;
    use samara_qd::emitters::Space;
    use samara_search::{
        BanditSettings, EmitterKind, EmitterSettings, Genome, Replay, ReselectName, SearchSettings,
    };

    use super::*;
    use crate::report::tests::{axes, made, some};

    const CONFIG: &str = "[models.generator]\nchoose = \"bandit\"\nexploration = 0.5\n\
        [[models.generator.ensemble]]\nprovider = \"openai\"\nmodel = \"a\"\nweight = 2.0\nprice_in = 0.5\n\
        [[models.generator.ensemble]]\nprovider = \"embedded\"\nweight = 1.0\n";

    fn told(config: &str) -> Vec<Learnt> {
        let mut candidates = some(1, 30);
        for candidate in &mut candidates {
            candidate.generator = Some(candidate.index as u32 % 2);
            candidate.charge.money = 0.25 * (candidate.index % 2) as f64;
            candidate.operator = ["prompt", "new"][candidate.index as usize % 2].into();
        }
        let (mut run, book) = made(axes(1), candidates).with_book();
        run.view.header.config = config.to_owned();
        learnt(&run, &book)
    }

    #[test]
    fn a_bandit_of_generators_is_told_as_the_search_had_it() {
        let [learnt] = &told(CONFIG)[..] else { panic!("one bandit") };
        assert_eq!((learnt.costs, learnt.hopes), (Some("money"), true));
        assert_eq!((&*learnt.arms[0].name, &*learnt.arms[1].name), ("openai:a", "embedded"));
        let settings = EnsembleSettings {
            choose: Choose::Bandit,
            per: Some(CostUnit::Money),
            exploration: 0.5,
            ..EnsembleSettings::default()
        };
        let mut ensemble = Ensemble::new(settings, [2.0, 1.0]);
        let mut made = made(axes(1), some(1, 30));
        for candidate in &mut made.candidates {
            candidate.charge.money = 0.25 * (candidate.index % 2) as f64;
        }
        let members = made.run().members;
        for (index, member) in members {
            let trial =
                Trial { generator: index as u32 % 2, charge: member.charge, model_ms: member.model_ms };
            ensemble.learn(&trial, Gain::of(&member.fate));
        }
        let told: Vec<_> =
            learnt.arms.iter().map(|arm| (arm.trials, arm.entered, arm.hoped, arm.cost)).collect();
        let standings = ensemble.standings();
        let known = standings.iter().map(|one| (one.trials, one.entered, Some(one.hoped), one.cost));
        assert_eq!(told, known.collect::<Vec<_>>());
        let [first, last] = &learnt.over[..] else { panic!("two moments") };
        assert_eq!((first.candidates, &first.made[..]), (20, &[10, 10][..]));
        assert_eq!((last.candidates, &last.made[..]), (30, &[15, 15][..]));
        assert_eq!(last.hoped, standings.iter().map(|one| Some(one.hoped)).collect::<Vec<_>>());
    }

    #[test]
    fn a_bandit_of_emitters_is_told_with_how_often_each_was_chosen_over_the_run() {
        let emitter = |kind| EmitterSettings { batch: 3, ..EmitterSettings::new(kind) };
        let mut made = made(axes(1), some(1, 30));
        made.settings = SearchSettings {
            init_steps: 0,
            emitters: vec![
                emitter(EmitterKind::IsoLine),
                emitter(EmitterKind::Gaussian),
                emitter(EmitterKind::Gaussian),
            ],
            bandit: Some(BanditSettings { active: 1, zeta: 0.1, reselect: ReselectName::All }),
            ..made.settings
        };
        let space = Space { start: vec![0.0], bounds: None };
        let emitting = Emitting::new(&made.settings, &emitter(EmitterKind::Gaussian), space, "sample");
        let cells = made.settings.tessellation(&made.axes).expect("cells");
        let replay = Replay::new(&made.settings, cells).expect("a fold");
        let mut replay = replay.with_emitters(emitting.expect("emitters"));
        let (candidates, mut book) = (made.candidates.clone(), Book::new());
        let (mut run, without) = made.with_book();
        assert!(learnt(&run, &without).is_empty());
        for candidate in candidates {
            let mut candidate = candidate;
            candidate.genome = Some(Arc::new(Genome::Vector(vec![0.5])));
            candidate.operator = "gaussian".into();
            candidate.fate = replay.settle(&candidate).0.fate;
            let last = candidate.index == 29;
            book.follow(Step { candidate: &candidate, model: None, live_ms: 1.0, replay: &replay, last });
        }
        run.view.replay = replay;
        let [learnt] = &learnt(&run, &book)[..] else { panic!("one bandit") };
        let names: Vec<&str> = learnt.arms.iter().map(|arm| &*arm.name).collect();
        assert_eq!(names, ["iso_line", "gaussian 1", "gaussian 2"]);
        assert_eq!(learnt.arms.iter().map(|arm| arm.trials).sum::<f64>(), 30.0);
        assert_eq!(learnt.arms.iter().filter(|arm| arm.active == Some([1, 1])).count(), 1);
        assert_eq!((learnt.costs, learnt.arms[0].weight), (None, None));
        let [first, .., last] = &learnt.over[..] else { panic!("moments") };
        assert_eq!((first.candidates, &first.made[..], &first.hoped[..]), (1, &[0; 3][..], &[None; 3][..]));
        assert_eq!((last.candidates, last.made.iter().sum::<u64>()), (30, 30));
        let page = crate::dashboard::operators::page(
            crate::dashboard::Shown { name: "r", run: &run, book: &book },
            crate::book::By::default(),
        );
        let page = page.whole();
        for told in ["gaussian 2", "proposes now", "<b>Chosen, %</b>", "<b>Hoped for, %</b>", "(UCB1)"] {
            assert!(page.contains(told), "{told}: {page}");
        }
        assert!(!page.contains("<th scope=\"col\" class=\"n\">weight"), "{page}");
    }

    #[test]
    fn a_mix_of_operators_counts_evaluations_and_other_settings_tell_nothing() {
        let mix = "[search]\noperator = \"mix\"\n[environment.writing.mix]\nchoose = \"bandit\"\n";
        let [learnt] = &told(mix)[..] else { panic!("one bandit") };
        assert_eq!(learnt.costs, Some("evaluations"));
        let arms: Vec<(&str, bool)> = learnt.arms.iter().map(|arm| (&*arm.name, arm.trials > 10.0)).collect();
        assert_eq!(arms, [("new", true), ("prompt", true)]);
        assert!(told("[").is_empty() && told("models = 3").is_empty());
        assert!(told("[models.generator]\nprovider = \"embedded\"\n").is_empty());
        assert!(told(&CONFIG.replace("exploration = 0.5", "exploration = -1.0")).is_empty());
    }
}
