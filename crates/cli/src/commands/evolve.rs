//! `samara evolve`: anybody's program against anybody's evaluator.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use samara_engine::{EvaluatorSlots, Prepared, Tools, prepare};
use samara_search::nearest;
use toml::{Table, Value};

use super::run;
use crate::{
    args::Evolve,
    config::{self, Experiment},
    embedded::{Evolution, Program, Rating},
    evolve::{
        assemble::{self, Assembled},
        builtin, checkpoint, servers,
        window::{MODEL_S, Pace},
    },
    exit::{Exit, Failure, print, remark},
    session,
    translation::written,
};

pub(crate) fn evolve(args: &Evolve) -> Result<Exit, Failure> {
    if let Some(name) = &args.show_prompt {
        return show_prompt(args, name);
    }
    let mut assembled = assemble::assemble(args)?;
    if args.explain {
        count_beginning(&mut assembled, args)?;
        return explain(&assembled, args);
    }
    let folder = match &args.out {
        Some(folder) => folder.clone(),
        None => session::free_folder(name(&assembled.table)),
    };
    run::refuse_recorded(&folder)?;
    let mut placed = Placed { run: &folder, folders: Vec::new(), made: !folder.exists() };
    placed.place(&mut assembled, args)?;
    count_beginning(&mut assembled, args)?;
    if !args.output.quiet {
        tell(&assembled, args);
    }
    refuse_missing_key(&assembled, args)?;
    let trial = Trial { assembled: &assembled, args };
    let experiment = trial.experiment(&[])?;
    run::begin(
        experiment,
        &folder,
        (&args.recording, &args.output, args.anyway),
        (Some(&trial), &args.watch, &args.workers),
    )
}

/// The folder, in a run's, that what was given as texts is written into.
const GIVEN: &str = "program";

/// Begins a run for another program, which prints nothing, and says in which folder it is: the same as the command line
/// with the files that are written first.
pub(crate) fn evolved(
    mut args: Evolve,
    evolution: &Evolution,
    hearing: run::Hearing<'_>,
) -> Result<(run::Driven, PathBuf), Failure> {
    let folder = args.out.clone().unwrap_or_else(|| session::free_folder(&evolution.name));
    run::refuse_recorded(&folder)?;
    let mut placed = Placed { run: &folder, folders: Vec::new(), made: !folder.exists() };
    placed.write(&mut args, evolution)?;
    let mut assembled = assemble::assemble(&args)?;
    assemble::put(&mut assembled.table, "experiment.name", evolution.name.as_str().into());
    let mut own = None;
    if let Rating::Function { name, evaluator, .. } = &evolution.rating {
        assemble::put(&mut assembled.table, "environment.evaluation.function", name.as_str().into());
        own = Some(Arc::clone(evaluator));
    }
    placed.place(&mut assembled, &args)?;
    count_beginning(&mut assembled, &args)?;
    refuse_missing_key(&assembled, &args)?;
    let trial = Trial { assembled: &assembled, args: &args };
    let experiment = trial.experiment(&[])?;
    // Who hears lives longer than what is tried here.
    let run::Hearing { quiet, interrupt, hear } = hearing;
    let mut hear = |event: samara_engine::Event<'_>| hear(event);
    let hearing = run::Hearing { quiet, interrupt, hear: &mut hear };
    let (watch, workers) = (args.watch.clone(), args.workers.clone());
    let way = run::Way { trial: Some(&trial), watch, workers, hearing, own };
    let driven = run::begun(experiment, &folder, (&args.recording, args.anyway), way)?;
    drop(placed);
    Ok((driven, folder))
}

fn name(table: &Table) -> &str {
    let name = table.get("experiment").and_then(|section| section.get("name"));
    name.and_then(Value::as_str).unwrap_or("evolve")
}

/// Adds what a run begins with to a number of iterations, which counts new programs alone: the initial program is a
/// candidate of every island, and seeds are candidates, too. (One initial program is counted already.)
fn count_beginning(assembled: &mut Assembled, args: &Evolve) -> Result<(), Failure> {
    let in_config = assembled.translation.settings.get("search");
    let counted =
        args.iterations.is_some() || in_config.is_some_and(|search| search.get("total_steps").is_some());
    if !counted {
        return Ok(());
    }
    let whole = config::filled(assembled.table.clone(), &assembled.origin, &args.set)?;
    let search = |key: &str| whole.get("search").and_then(|search| search.get(key));
    let islands = search("islands").and_then(|islands| islands.get("count")).and_then(Value::as_integer);
    let seeds = whole.get("environment").and_then(|section| section.get("seeds")).and_then(Value::as_array);
    let more = islands.unwrap_or(1).max(1) - 1 + seeds.map_or(0, |seeds| seeds.len() as i64);
    let own = assembled.table.get("search").and_then(|search| search.get("total_steps"));
    if let Some(steps) = own.and_then(Value::as_integer) {
        assemble::put(&mut assembled.table, "search.total_steps", steps.saturating_add(more).into());
    }
    Ok(())
}

/// Files that a run's folder holds beside the journal: a built-in program, texts from Python, and the seeds of a checkpoint. They go again
/// if the run does not begin.
struct Placed<'a> {
    run: &'a Path,
    folders: Vec<PathBuf>,
    /// Whether the run's folder was not there before.
    made: bool,
}

impl Placed<'_> {
    /// Writes what another program has given as texts, and names the files as arguments.
    fn write(&mut self, args: &mut Evolve, evolution: &Evolution) -> Result<(), Failure> {
        let run = std::path::absolute(self.run)
            .map_err(|error| Failure::usage(format!("{}: {error}", self.run.display())))?;
        let given = run.join(GIVEN);
        self.folders.push(given.clone());
        match &evolution.program {
            Program::Path(path) => args.what = Some(path.to_string_lossy().into_owned()),
            Program::Files(files) => {
                let folder = given.join("initial");
                let texts: Vec<(&str, &str)> =
                    files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
                if texts.is_empty() {
                    return Err(Failure::usage("the initial program has no files\nhint: give one at least"));
                }
                texts.iter().try_for_each(|(path, _)| plain_path(path))?;
                builtin::write_files(&texts, &folder)?;
                // A folder is a program of several files.
                let what = if let [(path, _)] = texts[..] { folder.join(path) } else { folder };
                args.what = Some(what.to_string_lossy().into_owned());
            }
        }
        args.evaluator = Some(match &evolution.rating {
            Rating::Path(path) => path.clone(),
            Rating::Text(text) | Rating::Function { text, .. } => {
                builtin::write_files(&[("evaluator.py", text)], &given)?;
                given.join("evaluator.py")
            }
        });
        Ok(())
    }

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
            if !args.output.quiet {
                let place = checkpoint.display();
                remark(&format!(
                    "{} programs of {place} are evaluated first, and the run begins anew",
                    texts.len()
                ));
            }
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

/// Refuses a path that could lead out of the folder that it belongs into.
fn plain_path(path: &str) -> Result<(), Failure> {
    let plain = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\0', '\\']);
    if plain {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the initial program's file {path:?} is no plain relative path\nhint: write names such as program.py or lib/part.py"
    )))
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

/// Refuses a configuration that names a variable for a key which is not set: a call without it would be refused later.
fn refuse_missing_key(assembled: &Assembled, args: &Evolve) -> Result<(), Failure> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|key| !key.is_empty());
    // A recording answers without a key.
    if args.recording.replay.is_some() || !assembled.translation.settings.contains_key("models") {
        return Ok(());
    }
    match servers::missing_key(&assembled.table, is_set) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "llm.api_key: the environment variable {name} is not set\nhint: set it to the server's key, or take the \
             line out of the configuration for a server that wants none"
        ))),
    }
}

/// Says what of the user's settings is not done.
fn tell(assembled: &Assembled, args: &Evolve) {
    assembled.translation.tell("OpenEvolve");
    if !assemble::has_model(&assembled.table, &args.set) {
        remark(
            "no model: programs are varied by samara's own edits alone (--primary-model NAME asks one of OpenAI's, \
             --model ollama:NAME one on this machine)",
        );
    }
}

/// The settings as TOML, behind comments on what of a configuration is not done.
fn explain(assembled: &Assembled, args: &Evolve) -> Result<Exit, Failure> {
    if assembled.builtin.is_none() {
        // What could not run is told here, too.
        config::of_table(assembled.table.clone(), (&assembled.origin, &assembled.folder), &args.set)?;
    }
    let mut table = config::filled(assembled.table.clone(), &assembled.origin, &args.set)?;
    let mut text = assembled.translation.comments();
    if !assemble::has_model(&table, &args.set) {
        text += "# no model: programs are varied by samara's own edits alone\n";
    }
    if !sets(assembled, args, "search.window") {
        let search = table.get_mut("search").and_then(Value::as_table_mut);
        search.into_iter().for_each(|search| {
            search.remove("window");
            search.remove("concurrency");
        });
        text += "# search.window and search.concurrency: chosen by how long the first evaluation takes\n";
    }
    text += &written(table)?;
    print(text.trim_start_matches('\n'))?;
    Ok(Exit::Ok)
}

/// Whether a setting of the section `search` is set by the user.
fn sets(assembled: &Assembled, args: &Evolve, key: &str) -> bool {
    let name = key.trim_start_matches("search.");
    let in_table = assembled.table.get("search").is_some_and(|search| search.get(name).is_some());
    let named = |set: &String| set.split('=').next().is_some_and(|set| set.trim() == key);
    in_table || args.set.iter().any(named)
}

/// A program to show prompts with, where none is named.
const EXAMPLE: &str = "function-minimization";

/// Prints prompts as models would be asked.
fn show_prompt(args: &Evolve, name: &str) -> Result<Exit, Failure> {
    let mut args = args.clone();
    args.what.get_or_insert_with(|| EXAMPLE.to_owned());
    let mut assembled = assemble::assemble(&args)?;
    let scratch = std::env::temp_dir().join(format!("samara-prompts-{}", std::process::id()));
    if let Some(program) = assembled.builtin {
        builtin::write(program, &scratch)?;
        assembled.folder.clone_from(&scratch);
    }
    let prompts = config::prompts(assembled.table.clone(), (&assembled.origin, &assembled.folder), &args.set);
    // What can't be removed is a few kilobytes in a folder for such things.
    let _ = std::fs::remove_dir_all(&scratch);
    let prompts = prompts?;
    let names: Vec<&str> = prompts.iter().map(|(name, _)| *name).collect();
    let shown: Vec<String> = prompts
        .iter()
        .filter(|(known, _)| name.is_empty() || *known == name)
        .map(|(name, prompt)| {
            format!(
                "=== {name}: instructions\n{}\n=== {name}: prompt\n{}\n",
                prompt.instructions, prompt.text
            )
        })
        .collect();
    if shown.is_empty() {
        let hint = nearest(name, &names);
        return Err(Failure::usage(format!("--show-prompt {name}: there is no such prompt\nhint: {hint}")));
    }
    print(&shown.join("\n"))?;
    Ok(Exit::Ok)
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

    /// Sets the experiment up, for which the initial program is evaluated, and chooses the window, unless it is set.
    ///
    /// # Errors
    /// The evaluator has no score for the initial program: nothing would come of the run.
    pub(crate) async fn pass(
        &self,
        experiment: Experiment,
        tools: &Tools,
        quiet: bool,
    ) -> Result<(Experiment, Option<Prepared>), Failure> {
        let prepared =
            prepare(experiment.environment.as_ref(), tools.clone(), experiment.search.seed).await?;
        if self.sets("search.window") {
            return Ok((experiment, Some(prepared)));
        }
        let asks = assemble::has_model(&self.assembled.table, &self.args.set);
        let pace = Pace {
            model_s: self.args.model_latency.unwrap_or(if asks { MODEL_S } else { 0.0 }),
            evaluation_s: self.args.evaluation_latency.unwrap_or(prepared.seconds),
            is_told: self.args.model_latency.is_some() || self.args.evaluation_latency.is_some(),
            slots: tools.evaluators.as_ref().map_or(1, EvaluatorSlots::slots),
            steps: experiment.search.total_steps,
        };
        if !quiet {
            remark(&pace.told());
        }
        let window = pace.window();
        let own = self.sets("search.concurrency").then_some(experiment.search.concurrency);
        let concurrency = own.map_or(window, |own| own.min(window));
        let chosen = [format!("search.window={window}"), format!("search.concurrency={concurrency}")];
        Ok((self.experiment(&chosen)?, Some(prepared)))
    }

    /// Whether the user's settings or options say this.
    fn sets(&self, key: &str) -> bool {
        sets(self.assembled, self.args, key)
    }
}
