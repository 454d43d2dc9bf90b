//! Which runs a comparison consists of, and whether what is on disk is one of them.

use std::path::{Path, PathBuf};

use samara_environments::{Inputs, entry, program::FRESH};
use samara_search::{Strategy, nearest};
use toml::{Table, Value};

use crate::{
    args::Compare,
    config::{self, Experiment, Fresh},
    exit::Failure,
    session, weights,
};

/// One run of a comparison.
pub(crate) struct Planned {
    pub strategy: Strategy,
    pub experiment: Experiment,
}

/// Strategies that `--min-quality` is for.
const FILTERED: [&str; 2] = ["lmx_nsaif", "lmx_rouge_l"];

/// Settings that two runs of one outcome may differ in.
const FREE: [&str; 2] = ["concurrency", "max_failures"];

/// Every strategy with every seed, strategy by strategy; at least one.
///
/// # Errors
/// Settings that can't be used, or a strategy that the environment can't follow.
pub(crate) fn plan(args: &Compare) -> Result<Vec<Planned>, Failure> {
    let mut set = args.set.clone();
    set.extend(args.concurrency.map(|concurrency| format!("search.concurrency={concurrency}")));
    if let Some(change) = set.iter().find(|change| change.trim_start().starts_with("search.strategy")) {
        return Err(Failure::usage(format!(
            "--set {change}: name it in --strategies\nhint: --strategies a,b"
        )));
    }
    let base = config::load(&args.experiment, &set)?;
    if base.search.budget.wall_time_s.is_some() {
        return Err(Failure::usage(
            "`search.budget.wall_time_s`: ends runs at a moment, not at a candidate, and what is compared would \
             depend on the machine\nhint: remove it; total_steps, or a budget of calls or tokens, are fair",
        ));
    }
    let mut plan = Vec::new();
    for strategy in strategies(&args.strategies, &base)? {
        for offset in 0..u64::from(args.seeds) {
            let mut set = set.clone();
            // Beyond the last seed, the settings' own check says what is wrong.
            let seed = base.search.seed.saturating_add(offset);
            set.push(format!("search.seed={seed}"));
            set.push(format!("search.strategy={}", strategy.name()));
            let filter = args.min_quality.filter(|_| FILTERED.contains(&strategy.name()));
            set.extend(filter.map(|quality| format!("environment.novelty.min_quality={quality:?}")));
            let experiment = config::load(&args.experiment, &set)?;
            plan.push(Planned { strategy: strategy.clone(), experiment });
        }
    }
    Ok(plan)
}

/// The strategies of those names, each once; without names, all that the environment can follow.
fn strategies(names: &[String], base: &Experiment) -> Result<Vec<Strategy>, Failure> {
    let own = entry(&base.naming.environment)?.strategies;
    let known: Vec<&str> = ["qdaif"].iter().chain(own).chain(&["random_search"]).copied().collect();
    if names.is_empty() {
        // What a model writes from nothing needs one: experiments whose operator needs none may have named none.
        let writes = base.environment.roles().generator;
        let known = known.into_iter().filter(|name| writes || *name != FRESH);
        return Ok(known.map(|name| Strategy::from(name.to_owned())).collect());
    }
    let mut strategies = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        if !known.contains(&name) {
            let hint = nearest(name, &known);
            return Err(Failure::usage(format!(
                "--strategies {name}: the environment `{}` knows no such strategy\nhint: {hint}",
                base.naming.environment
            )));
        }
        let strategy = Strategy::from(name.to_owned());
        if !strategies.contains(&strategy) {
            strategies.push(strategy);
        }
    }
    Ok(strategies)
}

impl Planned {
    /// Its folder below that of the comparison.
    pub(crate) fn folder(&self, of_all: &Path) -> PathBuf {
        of_all.join(self.strategy.name()).join(format!("seed-{}", self.experiment.search.seed))
    }
}

/// Refuses a run in a folder that was begun with other settings than the experiment's.
pub(crate) fn check(experiment: &Experiment, folder: &Path) -> Result<(), Failure> {
    let Some(reader) = session::recorded(folder)? else { return Ok(()) };
    // Only the settings are compared: what they name is read from where it is now.
    let tessellation = Some(experiment.tessellation.clone());
    let fresh = Fresh { inputs: Inputs::in_folder("."), tessellation, own: None };
    let stored = config::reload(&reader.header().config, folder, (&[], &[]), fresh)?;
    let Some(key) = difference(&significant(&stored.resolved)?, &significant(&experiment.resolved)?) else {
        return Ok(());
    };
    Err(Failure::usage(format!(
        "{}: the run there has another `{key}`\nhint: choose another --out, or the settings it was begun with",
        folder.display()
    )))
}

/// Whether the experiment's run is in a folder and at its end.
pub(crate) fn is_done(experiment: &Experiment, folder: &Path) -> Result<bool, Failure> {
    let Some(reader) = session::recorded(folder)? else { return Ok(false) };
    let spent = reader.sessions()?.pop().is_some_and(|session| session.reason == "budget");
    Ok(spent || reader.len()? >= experiment.search.total_steps)
}

/// What decides a run's outcome.
fn significant(resolved: &str) -> Result<Value, Failure> {
    let mut table: Table = resolved.parse().map_err(|error: toml::de::Error| {
        Failure::internal(format!("settings that can't be read: {error}"))
    })?;
    // Where answers are cached changes none of them.
    table.remove("cache");
    table.remove("workers");
    // Weights are compared where models are opened: until then nobody knows which they are.
    if let Some(Value::Table(models)) = table.get_mut("models") {
        models.iter_mut().for_each(|(_, model)| weights::forget(model));
    }
    if let Some(Value::Table(search)) = table.get_mut("search") {
        search.retain(|key, _| !FREE.contains(&key));
    }
    Ok(Value::Table(table))
}

/// The dotted key of the first difference.
fn difference(a: &Value, b: &Value) -> Option<String> {
    let (Value::Table(a), Value::Table(b)) = (a, b) else {
        return (a != b).then(String::new);
    };
    let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
    for key in keys {
        let inner = match (a.get(key), b.get(key)) {
            (Some(a), Some(b)) => difference(a, b),
            _ => Some(String::new()),
        };
        if let Some(inner) = inner {
            return Some(if inner.is_empty() { key.clone() } else { format!("{key}.{inner}") });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_by_its_key_and_free_settings_are_none() {
        let value = |text: &str| significant(text).expect("TOML");
        let a = value("[search]\nseed = 1\nconcurrency = 4\n[search.budget]\ntokens = 3");
        let b = value("[search]\nseed = 1\nconcurrency = 9\n[search.budget]\ntokens = 4");
        assert_eq!(difference(&a, &b), Some("search.budget.tokens".into()));
        assert_eq!(difference(&a, &value("[search]\nseed = 1")), Some("search.budget".into()));
        let c = value("[search]\nseed = 1\nmax_failures = 9\n[search.budget]\ntokens = 3");
        assert_eq!(difference(&a, &c), None);
    }
}
