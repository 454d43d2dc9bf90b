//! Which weights the models of a run have: recorded in its settings when it begins, compared when it goes on.
//!
//! The digest is a setting of the model (`models.judge.digest`), so whatever keeps settings keeps it: the run's header, the
//! event of a session that changed them, an exported experiment.

use std::collections::BTreeSet;

use samara_journal::{EventKind, Reader};
use toml::Value;

use crate::{
    config,
    exit::{Failure, one_line},
    models::Checks,
};

/// The weights of one model of the settings.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// Where the settings name the model, such as `models.generator.ensemble.0`.
    pub key: String,
    /// What it is called.
    pub label: String,
    /// The digest that the settings have.
    pub recorded: Option<String>,
    /// That of the files as they are.
    pub now: String,
}

/// Settings of a model that say which it is: with one of them in a session's `--set`, the user chose the model anew.
const NAMING: [&str; 4] = ["provider", "model", "folder", "file"];

/// Refuses weights that are not those that the settings have; with `--anyway` that is a warning. What is then to be
/// recorded: each model whose settings have no digest or another one.
///
/// # Errors
/// Other weights.
pub(crate) fn check(found: &[Weights], checks: &Checks) -> Result<Vec<Weights>, Failure> {
    let mut told = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    for weights in found.iter().filter(|weights| !chosen_anew(&weights.key, &checks.set)) {
        match &weights.recorded {
            Some(recorded) if *recorded == weights.now => {}
            // Roles that share a model are one complaint.
            Some(recorded) if told.insert((&weights.label, recorded)) => {
                checks.stop(&changed(weights, recorded, checks.goes_on), &hint(weights, checks.goes_on))?;
            }
            None if checks.goes_on => drop(unknown.insert(named(&weights.label))),
            _ => {}
        }
    }
    if !unknown.is_empty() {
        let models: Vec<String> = unknown.into_iter().collect();
        checks.warn(&format!(
            "the run was begun by an earlier version, which did not record the weights of {}: whether they are the \
             same can't be known",
            models.join(", ")
        ));
    }
    let unrecorded = |weights: &&Weights| weights.recorded.as_ref() != Some(&weights.now);
    Ok(found.iter().filter(unrecorded).cloned().collect())
}

/// Refuses to put runs side by side that were made with different weights: those of a run on disk, and those of the models
/// as they are. A run without digests is passed over.
///
/// # Errors
/// Other weights, or a run that can't be read.
pub(crate) fn check_run(reader: &Reader, found: &[Weights], checks: &Checks) -> Result<(), Failure> {
    let place = reader.path().parent().unwrap_or(reader.path());
    let settings = Value::Table(config::stored(&reader.header().config, place, &changes(reader)?)?);
    for weights in found {
        let mut parts = weights.key.split('.').chain(["digest"]);
        let recorded = parts.try_fold(&settings, at).and_then(Value::as_str);
        if let Some(recorded) = recorded.filter(|recorded| *recorded != weights.now) {
            let what = changed(weights, recorded, true);
            let hint = "choose another --out, or --anyway to put runs of different weights side by side";
            return checks.stop(&format!("{}: {what}", place.display()), hint);
        }
    }
    Ok(())
}

/// The changes of settings that earlier sessions of a run made.
///
/// # Errors
/// A run that can't be read.
pub(crate) fn changes(reader: &Reader) -> Result<Vec<String>, Failure> {
    let settings = |event: samara_journal::Event| match event.kind {
        EventKind::Control(control) => control.settings,
        EventKind::Migration(_) => Vec::new(),
    };
    Ok(reader.events()?.into_iter().flat_map(settings).collect())
}

impl Weights {
    /// The setting that records them, as `--set` would.
    pub(crate) fn setting(&self) -> String {
        format!("{}.digest={}", self.key, Value::from(self.now.as_str()))
    }
}

/// Takes the digests out of a model's settings, those of an ensemble too.
pub(crate) fn forget(model: &mut Value) {
    match model {
        Value::Table(table) => {
            table.remove("digest");
            table.iter_mut().filter(|(key, _)| *key == "ensemble").for_each(|(_, list)| forget(list));
        }
        Value::Array(list) => list.iter_mut().for_each(forget),
        _ => {}
    }
}

fn at<'a>(value: &'a Value, part: &str) -> Option<&'a Value> {
    match value {
        Value::Table(table) => table.get(part),
        Value::Array(list) => list.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Whether one of these changes says which model a role has.
fn chosen_anew(key: &str, set: &[String]) -> bool {
    set.iter().filter_map(|change| change.split('=').next()).map(str::trim).any(|changed| {
        let (place, last) = changed.rsplit_once('.').unwrap_or(("", changed));
        let whole = key == changed || key.starts_with(&format!("{changed}."));
        whole || (place == key && NAMING.contains(&last))
    })
}

fn changed(weights: &Weights, recorded: &str, goes_on: bool) -> String {
    let (model, then, now) = (named(&weights.label), short(recorded), short(&weights.now));
    if goes_on {
        return format!(
            "this run was made with other weights of {model} (digest {then}, now {now}): what comes will not be what \
             it would have been"
        );
    }
    format!("the settings are of other weights of {model} (digest {then}, now {now}; {}.digest)", weights.key)
}

fn hint(weights: &Weights, goes_on: bool) -> String {
    let key = &weights.key;
    if goes_on {
        return format!("--anyway goes on with them; --set {key}=MODEL with another model");
    }
    format!("--anyway runs with the weights as they are, and so it does without {key}.digest")
}

fn named(label: &str) -> String {
    match label {
        "embedded" => "the embedded model".to_owned(),
        other => format!("the model {}", one_line(other)),
    }
}

/// As much of a digest as tells two apart for a person.
fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(key: &str, recorded: Option<&str>, now: &str) -> Weights {
        let recorded = recorded.map(str::to_owned);
        Weights { key: key.to_owned(), label: "embedded".to_owned(), recorded, now: now.to_owned() }
    }

    fn checks(set: &[&str]) -> Checks {
        let set = set.iter().map(|change| (*change).to_owned()).collect();
        Checks { goes_on: true, set, quiet: true, ..Checks::default() }
    }

    fn recorded(found: &[Weights], checks: &Checks) -> Vec<String> {
        check(found, checks).expect("may go on").iter().map(Weights::setting).collect()
    }

    #[test]
    fn weights_that_are_recorded_as_they_are_are_neither_told_nor_recorded_again() {
        assert_eq!(recorded(&[weights("models.judge", Some("a"), "a")], &checks(&[])), [""; 0]);
    }

    #[test]
    fn other_weights_are_refused_with_both_digests_and_recorded_if_that_is_wanted() {
        let found = [weights("models.judge", Some("abc"), "def")];
        let refused = check(&found, &checks(&[])).expect_err("other weights").message;
        assert!(
            refused.contains("digest abc, now def") && refused.contains("the embedded model"),
            "{refused}"
        );
        let anyway = Checks { anyway: true, ..checks(&[]) };
        assert_eq!(recorded(&found, &anyway), ["models.judge.digest=\"def\""]);
    }

    #[test]
    fn a_model_that_the_user_names_anew_is_recorded_unasked() {
        let found = [weights("models.judge", Some("abc"), "def")];
        for set in ["models.judge=embedded", "models.judge.folder=/x", "models={}"] {
            assert_eq!(recorded(&found, &checks(&[set])).len(), 1, "{set}");
        }
        for set in ["models.generator=embedded", "models.judge.threads=1", "models.judge.digest=abc"] {
            assert!(check(&found, &checks(&[set])).is_err(), "{set}");
        }
    }

    #[test]
    fn weights_that_nobody_recorded_are_from_now_on() {
        let found = [weights("models.generator.ensemble.1", None, "def")];
        assert_eq!(recorded(&found, &checks(&[])), ["models.generator.ensemble.1.digest=\"def\""]);
    }
}
