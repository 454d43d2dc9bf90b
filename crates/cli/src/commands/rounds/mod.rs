//! `samara loop`: evolve, finetune the model on what was admitted, evolve with that, round after round, in one run; and
//! beside it the same evaluations without finetuning, and as many fresh samples.
//!
//! [`plan`] is what was asked for, [`told`] what came of a round, [`table`] all of them beside each other. Everything is on
//! disk: the same command goes on with whatever a kill left.

mod plan;
mod table;
mod told;

use std::path::{Path, PathBuf};

use samara_environments::program::FRESH;
use tokio::sync::watch;

use super::finetune;
use crate::{
    args::{self, Format, Output},
    checkpoints::{broken, write},
    embedded,
    exit::{self, Exit, Failure, print, print_json, remark},
    session,
};

use plan::Plan;
use table::Table;

/// What is done, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With finetuning between the rounds.
    Loop,
    /// The same experiment without.
    Plain,
    /// Every candidate from nothing.
    Fresh,
}

impl Kind {
    /// Its folder in that of all.
    fn folder(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Plain => "plain",
            Self::Fresh => "fresh",
        }
    }
}

/// The command, as it goes on.
struct Circle<'a> {
    args: &'a args::Loop,
    plan: Plan,
    interrupt: watch::Receiver<bool>,
}

pub(crate) fn rounds(args: &args::Loop) -> Result<Exit, Failure> {
    let runtime = session::runtime()?;
    let interrupt = runtime.block_on(async { session::interrupts() });
    let circle = Circle { args, plan: Plan::new(args)?, interrupt };
    circle.plan.keep(&args.out)?;
    let done = circle.run();
    runtime.shutdown_background();
    let Some(table) = done? else {
        remark("interrupted: the same command goes on");
        return Ok(Exit::Interrupted);
    };
    write(&args.out.join("loop.csv"), &table.to_csv())?;
    write(&args.out.join("loop.json"), &(exit::json(&table) + "\n"))?;
    match args.output.format {
        Format::Human => print(&table.to_text())?,
        Format::Json => print_json(&table)?,
    }
    Ok(Exit::Ok)
}

impl Circle<'_> {
    /// Everything to its end; `None` if it was interrupted.
    fn run(&self) -> Result<Option<Table>, Failure> {
        std::fs::create_dir_all(&self.args.out).map_err(|error| broken(&self.args.out, "made", &error))?;
        let mut model = None;
        for round in 1..=self.plan.rounds {
            let total = round * self.plan.evaluations;
            if !self.evolve(Kind::Loop, total, model.as_deref())? {
                return Ok(None);
            }
            if round < self.plan.rounds {
                match self.finetune(round)? {
                    Some(finished) => model = Some(finished),
                    None => return Ok(None),
                }
            }
        }
        let mut kinds = vec![Kind::Loop];
        if !self.args.alone {
            kinds.extend([Kind::Plain, Kind::Fresh]);
        }
        for kind in &kinds[1..] {
            if !self.evolve(*kind, self.plan.rounds * self.plan.evaluations, None)? {
                return Ok(None);
            }
        }
        let told = kinds.into_iter().map(|kind| {
            let told = told::rounds(&self.folder(kind), self.plan.rounds, self.plan.evaluations)?;
            Ok((kind.folder(), told))
        });
        Ok(Some(Table::new(&self.plan, told.collect::<Result<Vec<_>, Failure>>()?)))
    }

    fn folder(&self, kind: Kind) -> PathBuf {
        self.args.out.join(kind.folder())
    }

    fn tell(&self, text: &str) {
        if !self.args.output.quiet {
            remark(text);
        }
    }

    /// Brings a run to so many candidates, from then on with a model if one is named; whether it came there.
    fn evolve(&self, kind: Kind, total: u64, model: Option<&Path>) -> Result<bool, Failure> {
        let folder = self.folder(kind);
        let made = match session::recorded(&folder)? {
            Some(reader) => Some(reader.len()?),
            None => None,
        };
        if made.is_some_and(|made| made >= total) {
            return Ok(true);
        }
        let with = model.map_or(String::new(), |model| format!(" with {}", model.display()));
        self.tell(&format!("{}: to {total} candidates{with}", kind.folder()));
        let hearing = embedded::Hearing { interrupt: self.interrupt.clone(), hear: &mut |_| {} };
        let mut set = vec![format!("search.total_steps={total}")];
        let done = if made.is_some() {
            set.extend(model.map(named).transpose()?);
            embedded::resumed(&folder, &set, None, hearing)
        } else {
            let mut all = self.plan.set.clone();
            all.extend(set);
            if kind == Kind::Fresh {
                all.push(format!("search.strategy={FRESH}"));
            }
            embedded::begun(&self.args.experiment, &all, Some(&folder), hearing)
        };
        match done?.ending {
            "completed" => Ok(true),
            "interrupted" => Ok(false),
            why => Err(Failure::usage(format!(
                "the run {} ended by its {why} before the round was over\nhint: rounds are counted in candidates: remove \
                 search.budget, search.target_score and search.patience",
                folder.display()
            ))),
        }
    }

    /// Finetunes on all that the run has admitted so far, always from the model that the first round began with: the
    /// finished model, or `None` if it was interrupted.
    fn finetune(&self, round: u64) -> Result<Option<PathBuf>, Failure> {
        let out = self.args.out.join(format!("model-{round}"));
        if let Some(model) = finetune::finished(&out) {
            return Ok(Some(model));
        }
        self.tell(&format!("finetuning after round {round}"));
        let resume = finetune::begun(&out);
        let args = args::Finetune {
            runs: if resume { Vec::new() } else { vec![self.folder(Kind::Loop)] },
            from: self.plan.from.clone(),
            out: out.clone(),
            resume,
            tuning: self.args.tuning.clone(),
            threads: self.args.threads,
            checkpoint_every: 50,
            evaluate: 0,
            output: Output { format: Format::Human, quiet: self.args.output.quiet },
        };
        let tuned = finetune::tuned(&args, self.interrupt.clone())?;
        Ok(tuned.and(finetune::finished(&out)))
    }
}

/// A model as a run is told to go on with it, by its whole path: a run may be gone on with from anywhere.
fn named(model: &Path) -> Result<String, Failure> {
    let path = model.canonicalize().map_err(|error| broken(model, "found", &error))?;
    Ok(format!("models.generator=embedded:{}", path.display()))
}
