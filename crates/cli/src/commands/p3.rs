//! `samara p3`: many programming puzzles, so many solutions written of each, and what share of them is solved.
//!
//! Every puzzle is a run of its own in a folder of all, with the files that it needs and no others. What is done is kept:
//! the same command goes on where it was stopped, and the results are made from the journals alone.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use samara_environments::{
    Inputs,
    p3::{passes::pass_at_k, problem, puzzle, puzzle::Puzzle},
};
use samara_journal::{JournalError, Reader};
use samara_search::Operator;
use serde::Serialize;

use super::compare::{Several, plan, run_to_end};
use crate::{
    args::{Format, P3},
    config::{self, Experiment},
    exit::{Exit, Failure, one_line, print, print_json, remark},
    models::Checks,
    session,
};
use samara_view::numbers::{number, percent};

/// Solved puzzles that a puzzle's file holds beside it: the examples of prompts, and what operators without a model
/// begin with.
const BESIDE: usize = 20;

/// The results' file in the folder: a line of JSON for each puzzle.
const RESULTS: &str = "p3.jsonl";

/// One puzzle to be solved.
struct Planned {
    number: usize,
    name: String,
    folder: PathBuf,
    experiment: Experiment,
}

/// What became of a puzzle.
#[derive(Debug, Clone, Serialize)]
struct Solved {
    /// Its number in the file, from 0.
    number: usize,
    name: String,
    /// Solutions written.
    samples: usize,
    /// How many of them are right.
    solved: usize,
    /// The unbiased estimate of pass@k for each k.
    pass_at_k: Vec<PassAtK>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct PassAtK {
    k: usize,
    /// 0 to 1.
    estimate: f64,
}

/// All of them.
#[derive(Debug, Serialize)]
struct Report {
    puzzles: usize,
    /// Puzzles with a right solution.
    solved: usize,
    /// The mean over the puzzles.
    pass_at_k: Vec<PassAtK>,
    folder: String,
}

pub(crate) fn p3(args: &P3) -> Result<Exit, Failure> {
    if let Some(k) = args.k.iter().find(|k| **k > args.samples) {
        let samples = args.samples;
        return Err(Failure::usage(format!(
            "--k {k}: pass@k needs k solutions at least, and --samples is {samples}\nhint: write more samples"
        )));
    }
    let folder = args.out.clone().unwrap_or_else(|| session::free_folder("p3"));
    let plan = planned(args, &folder)?;
    let runtime = session::runtime()?;
    let done = runtime.block_on(run_all(&plan, &folder, args));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    let goes_on = format!("what is done is kept: the same command with --out {} goes on", folder.display());
    let done = done.map_err(|mut failure| {
        if failure.exit == Exit::Usage {
            // The same command would be refused again.
            return failure;
        }
        failure.message += &format!("\n{goes_on}");
        failure
    })?;
    let Some(solved) = done else {
        remark(&format!("interrupted: {goes_on}"));
        return Ok(Exit::Interrupted);
    };
    let report = Report::new(&solved, &folder);
    write(&solved, &folder.join(RESULTS))?;
    match args.output.format {
        Format::Json => print_json(&report)?,
        Format::Human => print(&report.to_text())?,
    }
    Ok(Exit::Ok)
}

/// The puzzles that are asked for, each with its experiment. Writes the file of each.
fn planned(args: &P3, folder: &Path) -> Result<Vec<Planned>, Failure> {
    let puzzles = puzzle::read(&args.puzzles, &Inputs::in_folder("."))
        .map_err(|invalid| Failure::usage(format!("{}: {invalid}", args.puzzles)))?;
    let wanted = numbers(args.only.as_deref(), puzzles.len())?;
    wanted.map(|number| plan_one(args, &puzzles, number, folder)).collect()
}

/// `FIRST-LAST` or one number, of so many puzzles.
fn numbers(only: Option<&str>, count: usize) -> Result<RangeInclusive<usize>, Failure> {
    let last = count - 1;
    let Some(only) = only else { return Ok(0..=last) };
    let (from, to) = only.split_once('-').unwrap_or((only, only));
    match (from.trim().parse::<usize>(), to.trim().parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to && to <= last => Ok(from..=to),
        _ => Err(Failure::usage(format!(
            "--only {only}: these are no numbers of puzzles\nhint: write 3, or 0-9; the last one is {last}"
        ))),
    }
}

fn plan_one(args: &P3, puzzles: &[Puzzle], number: usize, of_all: &Path) -> Result<Planned, Failure> {
    let puzzle = &puzzles[number];
    let folder = of_all.join(format!("{number:04}"));
    let file = folder.join("puzzles.json");
    let others = puzzles.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
    let beside =
        others.filter(|other| !other.sol_bodies.is_empty() && other.name != puzzle.name).take(BESIDE);
    let beside: Vec<&Puzzle> = beside.collect();
    if beside.is_empty() {
        refuse_without_solutions(args, &puzzle.name)?;
    }
    let text = serde_json::to_string(&std::iter::once(puzzle).chain(beside).collect::<Vec<_>>());
    let text = text.map_err(|error| Failure::internal(error.to_string()))?;
    let failed =
        |error: std::io::Error| Failure::internal(format!("{} can't be written: {error}", file.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    std::fs::write(&file, text).map_err(failed)?;
    let mut set = changes(args);
    let path = std::path::absolute(&file).map_err(failed)?;
    set.push(format!("environment.puzzles={}", toml::Value::String(path.display().to_string())));
    set.push("environment.puzzle=0".to_owned());
    set.push("environment.keep_unsolved=false".to_owned());
    // Every solution is one of its own: none is varied from another.
    set.push(format!("search.total_steps={}", args.samples));
    set.push(format!("search.init_steps={}", args.samples));
    let experiment = config::load(&args.from, &set)?;
    if experiment.naming.environment != problem::NAME {
        let (from, other) = (&args.from, &experiment.naming.environment);
        return Err(Failure::usage(format!(
            "--from {from}: its environment is `{other}`\nhint: name an experiment of `{}`, such as p3",
            problem::NAME
        )));
    }
    Ok(Planned { number, name: puzzle.name.clone(), folder, experiment })
}

/// The settings that the user gives.
fn changes(args: &P3) -> Vec<String> {
    let mut set = args.set.clone();
    if let Some(generator) = &args.generator {
        set.push(format!("models.generator={}", toml::Value::String(generator.clone())));
        set.push("search.operator=prompt".to_owned());
    }
    set
}

/// Refuses a puzzle beside which no other has a solution, if programs begin with such solutions.
fn refuse_without_solutions(args: &P3, name: &str) -> Result<(), Failure> {
    // The experiment as it is without these puzzles.
    let operator = config::load(&args.from, &changes(args))?.search.operator;
    if !matches!(operator, Some(Operator::Gp | Operator::Diff)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{}: programs begin with solutions of other puzzles (`sol_bodies`), and beside `{}` no puzzle has one\n\
         hint: --generator MODEL has a model write solutions, such as --generator openai:NAME",
        args.puzzles,
        one_line(name)
    )))
}

/// Every puzzle to its end, one after the other; `None` if the user interrupted.
async fn run_all(plan: &[Planned], folder: &Path, args: &P3) -> Result<Option<Vec<Solved>>, Failure> {
    // What is there must be ours, before anything is asked.
    for planned in plan {
        plan::check(&planned.experiment, &planned.folder)?;
    }
    let interrupt = session::interrupts();
    let mut opened = None;
    let checks = Checks { anyway: args.anyway, quiet: args.output.quiet, ..Checks::default() };
    let runs: Vec<PathBuf> = plan.iter().map(|planned| planned.folder.clone()).collect();
    let all = Several { folder, runs: &runs, checks: &checks };
    let mut solved = Vec::with_capacity(plan.len());
    for planned in plan {
        let Planned { experiment, folder: run_folder, .. } = planned;
        let reused = plan::is_done(experiment, run_folder)?;
        // A bar for each puzzle would be of no use to anybody.
        if !reused && !run_to_end(experiment, run_folder, (&mut opened, &all), true, &interrupt).await? {
            return Ok(None);
        }
        let one = read(planned, &args.k)?;
        if !args.output.quiet {
            remark(&format!("{}{}", one.to_line(), if reused { ", reused" } else { "" }));
        }
        solved.push(one);
    }
    Ok(Some(solved))
}

/// What a puzzle's journal tells.
fn read(planned: &Planned, ks: &[u64]) -> Result<Solved, Failure> {
    let (mut samples, mut solved) = (0, 0);
    Reader::open(&planned.folder)?.fold(&mut |candidate| {
        samples += 1;
        solved += usize::from(candidate.objective() == Some(1.0));
        Ok::<(), JournalError>(())
    })?;
    // A budget may have ended a run before all were written.
    let passes = ks.iter().map(|k| *k as usize).filter(|k| *k <= samples);
    let pass_at_k = passes.map(|k| PassAtK { k, estimate: pass_at_k(samples, solved, k) }).collect();
    Ok(Solved { number: planned.number, name: planned.name.clone(), samples, solved, pass_at_k })
}

impl Solved {
    fn to_line(&self) -> String {
        let Self { number, name, samples, solved, .. } = self;
        format!("{number}  {}: {solved} of {samples} solve it{}", one_line(name), estimates(&self.pass_at_k))
    }
}

/// The estimates behind a line.
fn estimates(passes: &[PassAtK]) -> String {
    passes.iter().map(|pass| format!(", pass@{} {}", pass.k, number(pass.estimate))).collect()
}

impl Report {
    fn new(solved: &[Solved], folder: &Path) -> Self {
        let mut ks: Vec<usize> = solved.iter().flat_map(|one| &one.pass_at_k).map(|pass| pass.k).collect();
        ks.sort_unstable();
        ks.dedup();
        let mean = |k: usize| {
            let all = solved.iter().flat_map(|one| &one.pass_at_k).filter(|pass| pass.k == k);
            let (sum, count) = all.fold((0.0, 0_u32), |(sum, count), pass| (sum + pass.estimate, count + 1));
            PassAtK { k, estimate: sum / f64::from(count.max(1)) }
        };
        Self {
            puzzles: solved.len(),
            solved: solved.iter().filter(|one| one.solved > 0).count(),
            pass_at_k: ks.into_iter().map(mean).collect(),
            folder: folder.display().to_string(),
        }
    }

    fn to_text(&self) -> String {
        let Self { puzzles, solved, folder, .. } = self;
        let mut text =
            format!("solved      {solved} of {puzzles} puzzles ({}\u{a0}%)\n", percent(*solved, *puzzles));
        for pass in &self.pass_at_k {
            text += &format!("{:<11} {}\n", format!("pass@{}", pass.k), number(pass.estimate));
        }
        text + &format!("written     {folder}/{RESULTS}\n")
    }
}

fn write(solved: &[Solved], path: &Path) -> Result<(), Failure> {
    let line = |one: &Solved| serde_json::to_string(one).map(|line| line + "\n");
    let lines = solved.iter().map(line).collect::<Result<String, _>>();
    let lines = lines.map_err(|error| Failure::internal(error.to_string()))?;
    std::fs::write(path, lines)
        .map_err(|error| Failure::internal(format!("{} can't be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puzzles_are_chosen_by_number() {
        assert_eq!(numbers(None, 5).ok(), Some(0..=4));
        assert_eq!(numbers(Some("3"), 5).ok(), Some(3..=3));
        assert_eq!(numbers(Some("1-4"), 5).ok(), Some(1..=4));
        for bad in ["5", "4-1", "0-5", "", "a", "-1"] {
            assert!(numbers(Some(bad), 5).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_report_has_the_share_of_solved_puzzles_and_the_mean_of_pass_at_k() {
        let one = |number, solved, estimate| Solved {
            number,
            name: "P\u{1b}[2J".into(),
            samples: 4,
            solved,
            pass_at_k: vec![PassAtK { k: 1, estimate }],
        };
        let solved = [one(0, 2, 0.5), one(1, 0, 0.0)];
        let report = Report::new(&solved, Path::new("runs/p3-1"));
        assert_eq!((report.puzzles, report.solved), (2, 1));
        assert_eq!(report.pass_at_k, [PassAtK { k: 1, estimate: 0.25 }]);
        assert!(report.to_text().starts_with("solved      1 of 2 puzzles (50"), "{}", report.to_text());
        assert!(!solved[0].to_line().contains('\u{1b}'));
    }
}
