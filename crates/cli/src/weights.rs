//! Which weights the models of a run have: recorded in its settings when it begins, compared when it goes on.
//!
//! The digest is a setting of the model (`models.judge.digest`), so whatever keeps settings keeps it: the run's header, the
//! event of a session that changed them, an exported experiment.

use std::collections::BTreeSet;

use samara_environments::continued::Judges;
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

/// Refuses weights that are not those that the settings have; with `--anyway` that is a warning.
///
/// # Errors
/// Other weights.
pub(crate) fn check(found: &[Weights], checks: &Checks) -> Result<(), Failure> {
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
        checks.warn(&format!(
            "the run was begun by an earlier version, which did not record the weights of {}: whether they are the \
             same can't be known",
            all(unknown)
        ));
    }
    Ok(())
}

/// Settings that record each model whose recorded settings have no digest or another one.
pub(crate) fn unrecorded(found: &[Weights]) -> Vec<String> {
    let unrecorded = |weights: &&Weights| weights.recorded.as_ref() != Some(&weights.now);
    found.iter().filter(unrecorded).map(Weights::setting).collect()
}

/// Refuses to put runs side by side that were made with different weights: those of a run on disk, and those of the models
/// as they are. A run without digests is passed over.
///
/// # Errors
/// Other weights, or a run that can't be read.
pub(crate) fn check_run(reader: &Reader, found: &[Weights], checks: &Checks) -> Result<(), Failure> {
    let place = reader.path().parent().unwrap_or(reader.path());
    for weights in of_run(reader, found)? {
        if let Some(recorded) = weights.recorded.as_ref().filter(|recorded| **recorded != weights.now) {
            let what = changed(&weights, recorded, true);
            let hint = "choose another --out, or --anyway to put runs of different weights side by side";
            return checks.stop(&format!("{}: {what}", place.display()), hint);
        }
    }
    Ok(())
}

/// The weights of the models as they are, beside the digests that a run on disk has of them.
///
/// # Errors
/// A run that can't be read.
pub(crate) fn of_run(reader: &Reader, found: &[Weights]) -> Result<Vec<Weights>, Failure> {
    let states = states(reader)?;
    let recorded = |key: &str| states.last().and_then(|settings| digest(settings, key));
    Ok(found.iter().map(|weights| Weights { recorded: recorded(&weights.key), ..weights.clone() }).collect())
}

/// Which weights gave the scores of a run: for the judge and the embedder the digests that its settings had one after the
/// other, `None` where they had none.
///
/// # Errors
/// A run that can't be read.
pub(crate) fn of_scores(reader: &Reader) -> Result<Judges, Failure> {
    let states = states(reader)?;
    let digests = |key: &&str| {
        let mut digests: Vec<Option<String>> = states.iter().map(|settings| digest(settings, key)).collect();
        digests.dedup();
        ((*key).to_owned(), digests)
    };
    Ok(["models.judge", "models.embedder"].iter().map(digests).collect())
}

/// Refuses scores of another run that other weights gave than those that the models have; with `--anyway` that is a
/// warning. `from` is what the run is called.
///
/// # Errors
/// Other weights.
pub(crate) fn check_taken(
    (from, judges): (&str, &Judges),
    found: &[Weights],
    checks: &Checks,
) -> Result<(), Failure> {
    let mut unknown = BTreeSet::new();
    for weights in found {
        let digests = judges.get(&weights.key).map(Vec::as_slice).unwrap_or_default();
        let model = named(&weights.label);
        if let Some(then) = digests.iter().flatten().find(|digest| **digest != weights.now) {
            let (then, now) = (short(then), short(&weights.now));
            let what = format!(
                "--init-from {from}: its scores are of other weights of {model} (digest {then}, now {now}), and would \
                 stand beside scores that mean something else"
            );
            checks
                .stop(&what, "use the weights that it was made with, or --anyway to take its scores over")?;
        } else if digests.contains(&None) {
            unknown.insert(model);
        }
    }
    if !unknown.is_empty() {
        checks.warn(&format!(
            "--init-from {from}: an earlier version made that run, and did not record the weights of {}: whether its \
             scores are of the same can't be known",
            all(unknown)
        ));
    }
    Ok(())
}

/// The settings of a run as it began, and after each change that a session made.
fn states(reader: &Reader) -> Result<Vec<Value>, Failure> {
    let place = reader.path().parent().unwrap_or(reader.path());
    let mut settings = config::stored(&reader.header().config, place, &[])?;
    let mut states = vec![Value::Table(settings.clone())];
    for event in reader.events()? {
        if let EventKind::Control(control) = event.kind {
            settings = config::changed(settings, &control.settings)?;
            states.push(Value::Table(settings.clone()));
        }
    }
    Ok(states)
}

/// The digest that settings have of a model.
fn digest(settings: &Value, key: &str) -> Option<String> {
    let mut parts = key.split('.').chain(["digest"]);
    parts.try_fold(settings, at).and_then(Value::as_str).map(str::to_owned)
}

/// The changes of settings that earlier sessions of a run made.
///
/// # Errors
/// A run that can't be read.
pub(crate) fn changes(reader: &Reader) -> Result<Vec<String>, Failure> {
    let settings = |event: samara_journal::Event| match event.kind {
        // What was asked while the run went on holds from its place alone: the engine reads it.
        EventKind::Control(control) if control.live.is_none() => control.settings,
        EventKind::Control(_) | EventKind::Migration(_) | EventKind::Work(_) => Vec::new(),
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

fn all(models: BTreeSet<String>) -> String {
    models.into_iter().collect::<Vec<_>>().join(", ")
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
        check(found, checks).expect("may go on");
        unrecorded(found)
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

    #[test]
    fn scores_of_other_weights_are_refused_and_unknown_ones_are_told() {
        let judged = |digests: &[Option<&str>]| {
            let digests = digests.iter().map(|digest| digest.map(str::to_owned)).collect();
            Judges::from_iter([("models.judge".to_owned(), digests)])
        };
        let found = [weights("models.generator", None, "x"), weights("models.judge", Some("z"), "b")];
        let checked = |digests: &[Option<&str>], anyway: bool| {
            let checks = Checks { anyway, quiet: true, ..Checks::default() };
            check_taken(("runs/old", &judged(digests)), &found, &checks)
        };
        assert!(checked(&[Some("b")], false).is_ok() && checked(&[], false).is_ok());
        assert!(checked(&[None, Some("b")], false).is_ok(), "what is unknown is told alone");
        for digests in [&[Some("a")][..], &[Some("a"), Some("b")], &[None, Some("a")]] {
            let refused = checked(digests, false).expect_err("other weights").message;
            assert!(refused.contains("runs/old") && refused.contains("digest a, now b"), "{refused}");
            assert!(checked(digests, true).is_ok());
        }
    }
}
