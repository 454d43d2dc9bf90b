//! What the bandits of a run have learnt: told again from its candidates, as whoever resumes it comes to know it.
//!
//! A bandit over generators or over operators of programs is a fold over settled candidates
//! ([`samara_search::Ensemble`]), so a reader that knows its settings has its state. That of emitters counts generations of
//! single emitters, which a journal doesn't name: of these the shares over the run are what is to be seen.

use samara_search::{Charge, CostUnit, Ensemble, EnsembleSettings, Gain, Standing, Trial};
use toml::{Table, Value};

use crate::{
    book::{Became, Book},
    report::Run,
};

/// What a run has learnt of what it can choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    /// A heading.
    pub title: String,
    /// What costs are counted in.
    pub costs: &'static str,
    /// Whether it is drawn by weights, without a bandit.
    pub weighed: bool,
    /// What can be chosen.
    pub arms: Vec<Arm>,
}

/// Something that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What is known of it.
    pub standing: Standing,
}

/// All that the run has learnt; nothing where it has nothing to choose.
pub fn learnt(run: &Run, book: &Book) -> Vec<Learnt> {
    // The journal has read it before; of anything else nothing is told.
    let config: Table = run.view.header.config.parse().unwrap_or_default();
    [generators(&config, book), operators(&config, book)].into_iter().flatten().collect()
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
    let mut ensemble = Ensemble::new(settings, weights);
    for entry in book.entries() {
        if let Some(trial) = entry.trial() {
            ensemble.learn(&trial, gain(entry.became));
        }
    }
    let name = |member: &Value| {
        let text = |key: &str| member.get(key).and_then(Value::as_str);
        match (text("provider"), text("model")) {
            (Some(provider), Some(model)) => format!("{provider}:{model}"),
            (one, other) => one.or(other).unwrap_or("a model").to_owned(),
        }
    };
    Some(Learnt {
        title: "What the generators' choice has learnt".to_owned(),
        costs: match per {
            CostUnit::Money => "money",
            CostUnit::Tokens => "tokens",
            CostUnit::Seconds => "seconds",
        },
        weighed: settings.choose == samara_search::Choose::Weights,
        arms: arms(members.iter().map(name), &ensemble),
    })
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
    let mut ensemble = Ensemble::new(settings, named.iter().map(|(_, weight)| *weight));
    // What operators compete for are evaluations: each costs the same.
    let charge = Charge { calls: 1, tokens: 1, money: 0.0 };
    for entry in book.entries() {
        if let Some(place) = named.iter().position(|(name, _)| *name == entry.operator) {
            let trial = Trial { generator: place as u32, charge, model_ms: 0.0 };
            ensemble.learn(&trial, gain(entry.became));
        }
    }
    Some(Learnt {
        title: "What the operators' choice has learnt".to_owned(),
        costs: "evaluations",
        weighed: settings.choose == samara_search::Choose::Weights,
        arms: arms(named.iter().map(|(name, _)| (*name).to_owned()), &ensemble),
    })
}

fn arms(names: impl Iterator<Item = String>, ensemble: &Ensemble) -> Vec<Arm> {
    names.zip(ensemble.standings()).map(|(name, standing)| Arm { name, standing }).collect()
}

fn as_number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

#[cfg(test)]
mod tests {
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
        assert_eq!((learnt.costs, learnt.weighed), ("money", false));
        assert_eq!((&*learnt.arms[0].name, &*learnt.arms[1].name), ("openai:a", "embedded"));
        let settings = EnsembleSettings {
            choose: samara_search::Choose::Bandit,
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
        let standings: Vec<Standing> = learnt.arms.iter().map(|arm| arm.standing).collect();
        assert_eq!(standings, ensemble.standings());
    }

    #[test]
    fn a_mix_of_operators_counts_evaluations_and_other_settings_tell_nothing() {
        let mix = "[search]\noperator = \"mix\"\n[environment.writing.mix]\nchoose = \"bandit\"\n";
        let [learnt] = &told(mix)[..] else { panic!("one bandit") };
        assert_eq!(learnt.costs, "evaluations");
        let arms: Vec<(&str, bool)> =
            learnt.arms.iter().map(|arm| (&*arm.name, arm.standing.trials > 10.0)).collect();
        assert_eq!(arms, [("new", true), ("prompt", true)]);
        assert!(told("[").is_empty() && told("models = 3").is_empty());
        assert!(told("[models.generator]\nprovider = \"embedded\"\n").is_empty());
        assert!(told(&CONFIG.replace("exploration = 0.5", "exploration = -1.0")).is_empty());
    }
}
