//! `samara evolve`: anybody's program against anybody's evaluator.

use std::path::{Path, PathBuf};

use samara_engine::{Probe, Tools, probe};
use samara_search::{Artifact, ArtifactKind, Outcome, Unscored};
use toml::{Table, Value};

use super::run;
use crate::{
    args::Evolve,
    config::{self, Experiment},
    evolve::{
        assemble::{self, Assembled},
        builtin, checkpoint,
        window::{MODEL_S, Pace},
    },
    exit::{Exit, Failure, print, remark},
    session,
};

pub(crate) fn evolve(args: &Evolve) -> Result<Exit, Failure> {
    if let Some(name) = &args.show_prompt {
        return show_prompt(name);
    }
    let mut assembled = assemble::assemble(args)?;
    if args.explain {
        return explain(&assembled, args);
    }
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(name(&assembled.table)),
    };
    run::refuse_recorded(&folder)?;
    let mut placed = Placed { run: &folder, folders: Vec::new(), made: !folder.exists() };
    placed.place(&mut assembled, args)?;
    if !args.output.quiet {
        tell(&assembled);
    }
    let trial = Trial { assembled: &assembled, args };
    let experiment = trial.experiment(&[])?;
    run::begin(experiment, &folder, (&args.recording, &args.output), Some(&trial))
}

fn name(table: &Table) -> &str {
    let name = table.get("experiment").and_then(|section| section.get("name"));
    name.and_then(Value::as_str).unwrap_or("evolve")
}

/// Files that a run's folder holds beside the journal: a built-in program, and the seeds of a checkpoint. They go again
/// if the run does not begin.
struct Placed<'a> {
    run: &'a Path,
    folders: Vec<PathBuf>,
    /// Whether the run's folder was not there before.
    made: bool,
}

impl Placed<'_> {
    fn place(&mut self, assembled: &mut Assembled, args: &Evolve) -> Result<(), Failure> {
        let run = std::path::absolute(self.run)
            .map_err(|error| Failure::usage(format!("{}: {error}", self.run.display())))?;
        if let Some(name) = assembled.builtin {
            let folder = run.join("program");
            self.folders.push(folder.clone());
            builtin::write(name, &folder)?;
            assembled.folder = folder;
        }
        if let Some(checkpoint) = &args.checkpoint {
            let folder = run.join("seeds");
            let program = assembled.table.get("environment").and_then(|section| section.get("program"));
            let program = assembled.folder.join(program.and_then(Value::as_str).unwrap_or_default());
            if program.is_dir() {
                return Err(Failure::usage(
                    "--checkpoint: the initial program is a folder\nhint: checkpoints hold programs of a single file",
                ));
            }
            let texts = checkpoint::programs(checkpoint)?;
            self.folders.push(folder.clone());
            let ending = program.extension().and_then(|ending| ending.to_str()).unwrap_or("txt");
            let names: Vec<String> = (1..=texts.len()).map(|n| format!("seed-{n:03}.{ending}")).collect();
            let files: Vec<(&str, &str)> =
                names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
            builtin::write_files(&files, &folder)?;
            let paths =
                names.iter().map(|name| Value::from(folder.join(name).to_string_lossy().into_owned()));
            let seeds = paths.collect();
            assemble::put(&mut assembled.table, "environment.seeds", Value::Array(seeds));
        }
        Ok(())
    }
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        if !matches!(session::recorded(self.run), Ok(None)) {
            return;
        }
        for folder in &self.folders {
            // What can't be removed stands in nobody's way.
            let _ = std::fs::remove_dir_all(folder);
        }
        if self.made {
            let _ = std::fs::remove_dir(self.run);
        }
    }
}

/// Says what of the user's settings is not done.
fn tell(assembled: &Assembled) {
    let translation = &assembled.translation;
    for (key, hint) in &translation.unknown {
        remark(&format!("{key}: OpenEvolve has no such key, and it is left out ({hint})"));
    }
    if !translation.idle.is_empty() {
        let keys: Vec<&str> = translation.idle.iter().map(|(key, _)| key.as_str()).collect();
        remark(&format!("without effect: {} (--explain says why)", keys.join(", ")));
    }
    if !assemble::has_model(&assembled.table) {
        remark("no model: programs are varied by samara's own edits alone (--model openai:NAME asks one)");
    }
}

/// The settings as TOML, behind comments on what of a configuration is not done.
fn explain(assembled: &Assembled, args: &Evolve) -> Result<Exit, Failure> {
    if assembled.builtin.is_none() {
        // What could not run is told here, too.
        config::of_table(assembled.table.clone(), (&assembled.origin, &assembled.folder), &args.set)?;
    }
    let mut table = config::filled(assembled.table.clone(), &assembled.origin, &args.set)?;
    let mut text = String::new();
    let translation = &assembled.translation;
    for (key, why) in &translation.idle {
        text += &format!("# without effect: {key}: {why}\n");
    }
    for (key, hint) in &translation.unknown {
        text += &format!("# unknown: {key} ({hint})\n");
    }
    if !assemble::has_model(&table) {
        text += "# no model: programs are varied by samara's own edits alone\n";
    }
    if !sets_window(assembled, args) {
        let search = table.get_mut("search").and_then(Value::as_table_mut);
        search.into_iter().for_each(|search| {
            search.remove("window");
            search.remove("concurrency");
        });
        text += "# search.window and search.concurrency: chosen by how long the first evaluation takes\n";
    }
    let written = toml::to_string_pretty(&table)
        .map_err(|error| Failure::internal(format!("settings that can't be written: {error}")))?;
    if !text.is_empty() {
        text += "\n";
    }
    print(&(text + &written))?;
    Ok(Exit::Ok)
}

fn sets_window(assembled: &Assembled, args: &Evolve) -> bool {
    let in_table = assembled.table.get("search").is_some_and(|search| search.get("window").is_some());
    let named = |set: &String| set.split('=').next().is_some_and(|key| key.trim() == "search.window");
    in_table || args.set.iter().any(named)
}

fn show_prompt(_name: &str) -> Result<Exit, Failure> {
    Err(Failure::internal("prompts"))
}

/// What is tried before a run is recorded: the initial program against the evaluator. Its time decides the window.
pub(crate) struct Trial<'a> {
    assembled: &'a Assembled,
    args: &'a Evolve,
}

impl Trial<'_> {
    /// The experiment, with further changes.
    fn experiment(&self, more: &[String]) -> Result<Experiment, Failure> {
        let set: Vec<String> = self.args.set.iter().chain(more).cloned().collect();
        let Assembled { table, origin, folder, .. } = self.assembled;
        config::of_table(table.clone(), (origin, folder), &set)
    }

    /// Evaluates the initial program and chooses the window, unless it is set.
    ///
    /// # Errors
    /// The evaluator has no score for the initial program: nothing would come of the run.
    pub(crate) async fn pass(
        &self,
        experiment: Experiment,
        tools: &Tools,
        quiet: bool,
    ) -> Result<Experiment, Failure> {
        let Experiment { search, tessellation, environment, .. } = experiment.clone();
        let Probe { outcome, seconds } = probe(search, tessellation, environment, tools.clone()).await?;
        let score = match outcome {
            Outcome::Scored { score, .. } => score,
            Outcome::Invalid(unscored) | Outcome::Failed(unscored) => return Err(refused(&unscored)),
        };
        if !quiet {
            remark(&format!("initial program: {}", crate::numbers::number(score.objective)));
        }
        if sets_window(self.assembled, self.args) {
            return Ok(experiment);
        }
        let asks = assemble::has_model(&self.assembled.table);
        let pace = Pace {
            model_s: self.args.model_latency.unwrap_or(if asks { MODEL_S } else { 0.0 }),
            evaluation_s: self.args.evaluation_latency.unwrap_or(seconds),
            slots: tools.evaluators.as_ref().map_or(1, samara_engine::EvaluatorSlots::slots),
            steps: experiment.search.total_steps,
        };
        if !quiet {
            remark(&pace.told());
        }
        let window = pace.window();
        self.experiment(&[format!("search.window={window}"), format!("search.concurrency={window}")])
    }
}

/// Characters of an artifact that are told.
const MOST: usize = 2000;

/// Why there can be no run: what the evaluation of the initial program said.
fn refused(unscored: &Unscored) -> Failure {
    let mut message = format!("the evaluator gives the initial program no score: {}", unscored.why);
    for artifact in unscored.artifacts.iter().filter(|artifact| artifact.kind == ArtifactKind::Text) {
        let Artifact { name, body, .. } = artifact;
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        if text.is_empty() || unscored.why.contains(text) {
            continue;
        }
        // The last words of a program say what stopped it.
        let from = text.char_indices().rev().nth(MOST).map_or(0, |(at, _)| at);
        let told: String = text[from..].lines().map(|line| format!("\n  {line}")).collect();
        message += &format!("\n{name}:{told}");
    }
    if !message.contains("\nhint: ") {
        message += "\nhint: no model was asked; make the evaluator score the initial program first";
    }
    Failure::usage(message)
}
