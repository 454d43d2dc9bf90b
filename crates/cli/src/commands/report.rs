//! `samara report`: runs as one file to keep, to attach or to send. It reads journals and nothing else: no program runs,
//! no host is asked.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use samara_environments::entry;
use samara_journal::{Input, Reader, RunView};
use samara_view::{
    book::Book,
    report::{self, Given, Policy, Run, State},
    trace::Trace,
};

use super::ancestry::lineage_of;
use crate::{
    args::Report,
    exit::{Exit, Failure, print, print_drawn},
    output,
};

/// Environments whose genomes are programs.
pub(super) const PROGRAMS: [&str; 5] = ["evaluator", "image", "p3_problem", "p3_probsol", "sodarace"];

pub(crate) fn report(args: &Report) -> Result<Exit, Failure> {
    for (run, out) in args.runs.iter().filter_map(|run| Some((run, args.out.as_ref()?))) {
        output::refuse_run(out, Reader::open(run)?.path())?;
    }
    let file = of_runs(&args.runs, args.markdown)?;
    match &args.out {
        Some(out) => {
            output::write_text(out, &file)?;
            print(&format!("written: {}\n", out.display()))?;
        }
        // All that others wrote in it was made printable where it was escaped.
        None => print_drawn(&file)?,
    }
    Ok(Exit::Ok)
}

/// The report of some runs: a page, or Markdown.
pub(crate) fn of_runs(runs: &[PathBuf], markdown: bool) -> Result<String, Failure> {
    let runs = runs.iter().map(|run| read(run)).collect::<Result<Vec<Run>, Failure>>()?;
    Ok(if markdown { report::markdown(&runs) } else { report::page(&runs)? })
}

/// A run with all that a report tells of it.
fn read(path: &Path) -> Result<Run, Failure> {
    let reader = Reader::open(path)?;
    let running = samara_journal::is_written(reader.path());
    let mut trace = Trace::new();
    let (mut book, learns) = (Book::default(), Policy::is_of(&reader.header().config));
    let view = RunView::following(&reader, &mut |step| {
        trace.follow(step);
        if learns {
            book.follow(step);
        }
    })?;
    let environment = view.header.environment.clone();
    let programs = PROGRAMS.contains(&&*environment);
    let mut members = BTreeMap::new();
    let elites: Vec<u64> = report::told(&view).iter().map(|elite| elite.id).collect();
    for elite in elites {
        let Some((candidate, _)) = reader.candidate(elite)? else { continue };
        let parent =
            candidate.parents.first().copied().filter(|parent| programs && !members.contains_key(parent));
        if let Some((parent, _)) = parent.map(|parent| reader.candidate(parent)).transpose()?.flatten() {
            members.insert(parent.index, parent);
        }
        members.insert(elite, candidate);
    }
    let best = view.replay.population().overall().archive().stats().best_id;
    let given = |input: &Input| Given {
        key: input.key.clone(),
        path: input.path.clone(),
        bytes: input.bytes.len(),
        digest: input.digest(),
    };
    Ok(Run {
        name: path.display().to_string(),
        state: State::of(&view, running),
        trace,
        asked: reader.asked()?,
        methods: reader.methods()?,
        inputs: reader.inputs()?.iter().map(given).collect(),
        members,
        lineage: best.map(|best| lineage_of(&reader, best)).transpose()?,
        programs,
        policy: Policy::of(&view.header.config, &book),
        about: entry(&environment).map_or_else(|_| String::new(), |entry| entry.summary.to_owned()),
        view,
    })
}
