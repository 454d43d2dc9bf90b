//! `samara rl`: a writer that is told what to write for, by reinforcement learning.
//!
//! ```text
//! offline     every program that the runs admitted is evaluated on every condition
//! first step  finetuning: condition -> the programs that do well on it
//! policy      sample -> evaluate -> reward -> one step, again and again
//! ```
//!
//! [`settings`] is what was asked for and the folder that keeps it, [`conditions`] what is written for, [`offline`] and
//! [`first`] come before the first sample; [`rollouts`] are samples, [`rewards`] what they count, [`recorded`] the run,
//! [`curves`] a row an iteration, [`report`] how it ended, [`evaluate`] the other command. After a kill the checkpoint on
//! disk is whole, and going on from it gives the same run and the same weights.

mod conditions;
mod curves;
mod evaluate;
mod first;
mod offline;
mod picture;
mod recorded;
mod report;
mod rewards;
mod rollouts;
mod settings;

use std::{path::Path, time::Instant};

use samara_journal::{CallKind, Life, ModelCall};
use samara_search::{Charge, Finished, Ticket};
use samara_seedling::train::{
    Corpus,
    policy::{LogProbabilities, Policy, PolicySettings},
    tune::Base,
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::watch};

use crate::{
    args::{self, Format, RlCommand, RlLearn},
    checkpoints::{self, write},
    exit::{self, Exit, Failure, print, print_json, remark},
    session,
};

use conditions::{Conditions, Evaluated};
use curves::{Group, Row};
use recorded::Recorded;
use report::Report;
use rewards::Leash;
use rollouts::Written;
use settings::{Folder, Settings};

/// In a checkpoint: how far it has come beside the policy itself.
const STATE: &str = "rl.json";

pub(crate) fn rl(args: &args::Rl) -> Result<Exit, Failure> {
    let runtime = session::runtime()?;
    let interrupt = runtime.block_on(async { session::interrupts() });
    let _entered = runtime.enter();
    let handle = runtime.handle().clone();
    if let Some(RlCommand::Evaluate(args)) = &args.command {
        return evaluate::evaluate(args, handle, &interrupt);
    }
    let args = &args.learn;
    // Without the other command it is required.
    let folder =
        args.out.as_deref().ok_or_else(|| Failure::usage("name a folder: -o DIR\nhint: samara rl --help"))?;
    let folder = Folder::new(folder);
    let Some((report, seconds)) = learn(args, folder.clone(), (handle, interrupt))? else {
        return Ok(Exit::Interrupted);
    };
    match args.output.format {
        Format::Human => print(&report.to_text(&folder, seconds))?,
        Format::Json => print_json(&report)?,
    }
    Ok(Exit::Ok)
}

/// A learning of this process.
struct Session<'a> {
    args: &'a RlLearn,
    folder: Folder,
    settings: Settings,
    conditions: Conditions,
    recorded: Recorded,
    policy: Policy,
    state: State,
    interrupt: watch::Receiver<bool>,
    threads: usize,
}

/// How far it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    leash: Leash,
    rows: Vec<Row>,
}

/// Everything to its end, and how many seconds it took; `None` if it was interrupted.
fn learn(
    args: &RlLearn,
    folder: Folder,
    (runtime, interrupt): (Handle, watch::Receiver<bool>),
) -> Result<Option<(Report, f64)>, Failure> {
    let started = Instant::now();
    let settings = if args.resume { folder.read("rl.json")? } else { Settings::of(args)? };
    let threads = super::model::evaluate::threads(args.threads);
    let (base, file) = settings.base()?;
    let experiment = settings.experiment((&base, &file))?;
    let mut conditions = Conditions::new(&base, (&settings.conditions, &file), threads, runtime)?;
    let from = first::base(&settings)?;
    if !args.resume {
        folder.begin(&settings)?;
    }
    let (policy, state) = match folder.checkpoint()? {
        Some(checkpoint) => (Policy::resume(&checkpoint, threads)?, read_state(&checkpoint)?),
        None => {
            let making =
                first::Making { folder: &folder, settings: &settings, threads, quiet: args.output.quiet };
            let Some(model) = first::step(&making, from, (&experiment, &mut conditions), &interrupt)? else {
                return Ok(None);
            };
            let policy = begin(&settings, model, threads)?;
            let learning = &settings.learning;
            let leash = Leash { weight: learning.kl, target: learning.kl_target };
            (policy, State { leash, rows: Vec::new() })
        }
    };
    let settled = policy.step_number() * settings.batch() as u64;
    let recorded = Recorded::open(&experiment, &folder.path, settled)?;
    let mut session =
        Session { args, folder, settings, conditions, recorded, policy, state, interrupt, threads };
    session.save()?;
    if !session.run()? {
        return Ok(None);
    }
    Ok(Some((session.report()?, started.elapsed().as_secs_f64())))
}

fn begin(settings: &Settings, model: Base, threads: usize) -> Result<Policy, Failure> {
    let learning_rate = settings.learning.learning_rate;
    let policy = PolicySettings { learning_rate, ..PolicySettings::of(Corpus::Walkers) };
    Policy::new(policy, model, threads).map_err(Failure::usage)
}

fn read_state(checkpoint: &Path) -> Result<State, Failure> {
    Folder::new(checkpoint).read(STATE)
}

impl Session<'_> {
    /// Iterates to the end or to the first Ctrl-C; whether it came to the end.
    fn run(&mut self) -> Result<bool, Failure> {
        let names = self.names();
        let iterations = self.settings.learning.iterations;
        let bar = report::Progress::new(self.policy.step_number(), iterations, self.args.output.quiet);
        while self.policy.step_number() < iterations {
            if *self.interrupt.borrow() {
                self.save()?;
                self.recorded.finish("interrupted")?;
                bar.end();
                let (step, go_on) = (self.policy.step_number(), self.folder.resume());
                if !self.args.output.quiet {
                    remark(&format!("stopped after iteration {step} of {iterations}: `{go_on}` goes on"));
                }
                return Ok(false);
            }
            let row = self.iterate()?;
            bar.hear(
                row.iteration,
                &curves::told(&row, &names.iter().map(String::as_str).collect::<Vec<_>>()),
            );
            let due = row.iteration.is_multiple_of(self.args.checkpoint_every) || row.iteration == iterations;
            self.state.rows.push(row);
            if due {
                self.save()?;
            }
        }
        bar.end();
        self.recorded.finish("completed")?;
        Ok(true)
    }

    fn names(&self) -> Vec<String> {
        self.settings.conditions.iter().map(|condition| condition.name.clone()).collect()
    }

    /// One batch of samples, and one step of the policy.
    fn iterate(&mut self) -> Result<Row, Failure> {
        let tickets = self.recorded.tickets(self.settings.batch())?;
        let written = self.sample(&tickets)?;
        let groups: Vec<usize> = tickets.iter().map(|ticket| ticket.island as usize).collect();
        let asked: Vec<_> =
            groups.iter().zip(&written).map(|(group, one)| (*group, one.program.clone())).collect();
        let evaluated = self.conditions.evaluate(&asked)?;
        let objectives: Vec<Option<f64>> = evaluated.iter().map(Evaluated::objective).collect();
        let rewards = rewards::of_batch(&objectives, self.settings.learning.scale);
        let rollouts: Vec<_> = written.iter().map(|one| one.rollout.clone()).collect();
        let told = self.policy.log_probabilities(&rollouts);
        let aim = self.settings.learning.objective;
        let advantages = rewards::advantages(&groups, &rewards, &told, (&self.state.leash, aim));
        let step = self.policy.step(&rollouts, &advantages)?;
        self.record(tickets, &written, (&evaluated, &rewards, &told))?;
        let (kl, entropy) = curves::distances(&written, &told);
        let kl_weight = self.state.leash.weight;
        self.state.leash.follow(kl);
        let of =
            |group| Group::of(evaluated.iter().zip(&groups).filter(|(_, g)| **g == group).map(|(e, _)| e));
        Ok(Row {
            iteration: step.step,
            samples: step.step * written.len() as u64,
            reward: rewards.iter().sum::<f64>() / rewards.len().max(1) as f64,
            kl,
            entropy,
            kl_weight,
            norm: step.norm,
            distinct: curves::distinct(&written),
            groups: (0..self.settings.conditions.len()).map(of).collect(),
        })
    }

    /// What the policy as it is writes for each ticket: its condition is its island, its seed follows from its stream.
    fn sample(&self, tickets: &[Ticket]) -> Result<Vec<Written>, Failure> {
        let engine = rollouts::start(&self.policy.weights(), self.policy.tokenizer(), self.threads);
        let asked = tickets.iter().map(|ticket| {
            let condition = &self.settings.conditions[ticket.island as usize];
            (rollouts::prompt(&condition.name), ticket.stream.clone().next_u64())
        });
        rollouts::written(&engine, asked, 1.0)
    }

    /// Records samples with how likely they were, by the policy and by the first step's model; those that have a score also
    /// with their reward and with their distance in nats. The others' reward is a little below the worst of the batch.
    fn record(
        &mut self,
        tickets: Vec<Ticket>,
        written: &[Written],
        (evaluated, rewards, told): (&[Evaluated], &[f64], &[LogProbabilities]),
    ) -> Result<(), Failure> {
        let mut made = Vec::with_capacity(tickets.len());
        for (at, ticket) in tickets.into_iter().enumerate() {
            let (one, came_to) = (&written[at], &evaluated[at]);
            let call = call(one, told[at]);
            let charge = Charge { calls: 1, tokens: call.tokens_in + call.tokens_out, money: 0.0 };
            let apart = told[at].policy - told[at].reference;
            let outcome = came_to.outcome(one.program.clone(), &[("reward", rewards[at]), ("kl", apart)]);
            let finished = Finished { index: ticket.index, outcome, charge, model_ms: 0.0 };
            let isolation = came_to.isolation.clone();
            made.push((finished, Life { calls: vec![call], isolation, ..Life::default() }));
        }
        self.recorded.settle(made)
    }

    fn save(&self) -> Result<(), Failure> {
        checkpoints::replace(&self.folder.path, |next| {
            self.policy.save(next)?;
            write(&next.join(STATE), &exit::json(&self.state))
        })
    }

    /// Writes the finished model, curves and report.
    fn report(&mut self) -> Result<Report, Failure> {
        self.policy.write_model(&self.folder.model())?;
        let names = self.names();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        write(&self.folder.file("curves.csv"), &curves::to_csv(&self.state.rows, &names))?;
        let known: Vec<offline::Known> = self.folder.read("offline.json")?;
        write(&self.folder.file("curves.svg"), &picture::draw(&self.state.rows, &known))?;
        let report = Report::new(&self.settings, known, &self.state.rows, self.recorded.archive_hash());
        self.folder.write("report.json", &report)?;
        Ok(report)
    }
}

/// A sample as the journal has it. Its log-probabilities are those of the whole completion: by the policy that wrote it,
/// and by the first step's model.
fn call(one: &Written, told: LogProbabilities) -> ModelCall {
    ModelCall {
        role: "generator".to_owned(),
        kind: CallKind::Complete,
        model: "policy".to_owned(),
        prompt: one.prompt.clone(),
        answer: one.completion.clone(),
        log_probabilities: vec![told.policy, told.reference],
        method: None,
        tokens_in: one.rollout.prompt.len() as u64,
        tokens_out: one.rollout.written.len() as u64,
        cost: 0.0,
        price: None,
        latency_ms: 0.0,
        attempts: 1,
        seed: one.seed,
        error: None,
    }
}
