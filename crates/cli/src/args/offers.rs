//! What a shell offers for an argument: experiments, runs, files.

use std::{ffi::OsStr, path::Path};

use clap_complete::{CompletionCandidate, PathCompleter, engine::ValueCompleter};
use samara_environments::builtin;

/// Where runs are by default.
const RUNS: &str = "runs/";
/// A run's journal.
const JOURNAL: &str = "run.db";

/// The built-in experiments, and TOML files.
pub(crate) fn experiments_and_files(word: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = experiments(word);
    let toml = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    offered.extend(PathCompleter::any().filter(move |path| path.is_file() && toml(path)).complete(word));
    offered
}

/// The built-in programs, and anything that is on disk.
pub(crate) fn programs_and_paths(word: &OsStr) -> Vec<CompletionCandidate> {
    let begun = word.to_string_lossy();
    let programs = crate::evolve::builtin::all().filter(|(name, _)| name.starts_with(&*begun));
    let mut offered: Vec<CompletionCandidate> =
        programs.map(|(name, summary)| CompletionCandidate::new(name).help(Some(summary.into()))).collect();
    offered.extend(PathCompleter::any().complete(word));
    offered
}

/// The built-in experiments.
pub(crate) fn experiments(word: &OsStr) -> Vec<CompletionCandidate> {
    let begun = word.to_string_lossy();
    let names = builtin::EXPERIMENTS.iter().filter(|experiment| experiment.name.starts_with(&*begun));
    names
        .map(|experiment| CompletionCandidate::new(experiment.name).help(Some(experiment.summary.into())))
        .collect()
}

/// Folders of runs, those of the default place as soon as the word may mean them.
pub(crate) fn runs(word: &OsStr) -> Vec<CompletionCandidate> {
    let is_run = |path: &Path| path.join(JOURNAL).is_file();
    let paths = |word: &OsStr| PathCompleter::any().filter(is_run).complete(word);
    let begins = RUNS.starts_with(&*word.to_string_lossy());
    let inside = if begins { paths(OsStr::new(RUNS)) } else { Vec::new() };
    let mut offered = paths(word);
    if !inside.is_empty() {
        // The folder gives way to what is in it.
        offered.retain(|candidate| candidate.get_value() != RUNS);
        offered.extend(inside.into_iter().filter(|candidate| candidate.get_value() != RUNS));
    }
    offered.sort_by(|a, b| a.get_value().cmp(b.get_value()));
    offered.dedup_by(|a, b| a.get_value() == b.get_value());
    offered
}

/// Folders of runs, and histories.
pub(crate) fn runs_and_histories(word: &OsStr) -> Vec<CompletionCandidate> {
    let mut offered = runs(word);
    let history = |path: &Path| path.extension().is_some_and(|extension| extension == "jsonl");
    let files = PathCompleter::any().filter(move |path| path.is_file() && history(path)).complete(word);
    offered.extend(files.into_iter().filter(|file| !file.get_value().to_string_lossy().ends_with('/')));
    offered
}
