//! `samara try`: the first candidate of an experiment, call by call, before a search is paid for.
//!
//! The candidate is made twice. First by a stand-in that answers nothing, which shows every prompt and how many calls
//! there are; then, if that is wanted, by the models, as a search would make it with the same seed. Nothing is kept.

use std::{collections::BTreeMap, io::IsTerminal as _, path::Path, sync::Arc};

use samara_engine::{Models, Programs, Roles, Tools};
use samara_journal::{CallKind, ModelCall, Reader};
use samara_lm::{
    Budget, Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, LanguageModel,
    Limits, Needs, Reply, Score, ScoreMethod, ScoreRequest, Spent, Usage,
};
use samara_search::{Candidate, Fate};
use serde_json::{Value, json};

use crate::{
    args::{Format, Try},
    config::{self, Experiment},
    controls::Steered,
    exit::{self, Exit, Failure, one_line, print, print_json, printable},
    models::{self, Checks, Shared},
    session::{self, Opened},
    workers,
};
use samara_view::numbers::number;

/// What the stand-in writes.
const PLACE: &str = "(the text that the generator writes)";

/// Before the lines of prompts and texts.
const INDENTATION: &str = "    ";

pub(crate) fn try_it(args: &Try) -> Result<Exit, Failure> {
    let mut set = args.set.clone();
    set.push("search.total_steps=1".to_owned());
    let experiment = config::load(&args.experiment, &set)?;
    workers::asks_models_here(&experiment, "try")?;
    let roles = experiment.environment.roles();
    if !roles.generator && !roles.judge {
        let what = format!("the environment `{}` asks no model here", experiment.naming.environment);
        let hint = "hint: there is nothing to pay for: `samara run` it";
        return Err(Failure::usage(format!("{}: {what}\n{hint}", args.experiment)));
    }
    let runtime = session::runtime()?;
    let done = runtime.block_on(tried(experiment, args, roles));
    // Abandoned candidates may still wait for their models; their answers would have nowhere to go.
    runtime.shutdown_background();
    done
}

async fn tried(experiment: Experiment, args: &Try, roles: Roles) -> Result<Exit, Failure> {
    let quiet = args.output.quiet;
    let human = args.output.format == Format::Human;
    let budget = &experiment.search.budget;
    let limits = Limits { calls: None, tokens: budget.tokens, money: budget.money };
    let cache = session::cache(&experiment)?;
    let checks = Checks { anyway: args.anyway, quiet, ..Checks::default() };
    let mut shared = Shared { budget: Budget::new(limits, Spent::default()), cache, checks, elsewhere: None };
    // Prompts that mean nothing to the models are not worth looking at.
    models::look(&experiment.models, experiment.environment.as_ref(), &shared).await?;
    shared.checks.looked = true;
    let dry = made(experiment.clone(), stand_ins(&experiment, roles)?).await?;
    if human {
        print(&dry.prompts())?;
    }
    if !agreed(args.yes, human)? {
        if !human {
            print_json(&dry.json(false))?;
        }
        return Ok(Exit::Ok);
    }
    let folder = folder()?;
    let Opened { tools, .. } = session::open(&experiment, folder.path(), &shared, (quiet, None)).await?;
    let real = made(experiment, tools).await?;
    if human {
        print(&real.answers())?;
    } else {
        print_json(&real.json(true))?;
    }
    Ok(Exit::Ok)
}

/// Whether the calls may be made: `--yes`, or a person says so.
fn agreed(yes: bool, human: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !human || !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        if human {
            print("\nnothing was asked: --yes makes these calls\n")?;
        }
        return Ok(false);
    }
    let answer = exit::ask("\nmake these calls? [y/N]")?;
    Ok(matches!(&*answer, "y" | "Y" | "yes"))
}

/// The first candidate, with what was asked for it.
struct Made {
    set_up: Vec<ModelCall>,
    calls: Vec<ModelCall>,
    candidate: Candidate,
    axes: Vec<String>,
}

fn folder() -> Result<tempfile::TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("samara-try-").tempdir();
    made.map_err(|error| Failure::internal(format!("a temporary folder can't be made: {error}")))
}

/// Makes the first candidate in a run that is thrown away.
async fn made(experiment: Experiment, tools: Tools) -> Result<Made, Failure> {
    let folder = folder()?;
    let place = folder.path().join("run");
    let axes = experiment.axes.iter().map(|axis| axis.name.clone()).collect();
    let journal = session::create_unknown(&experiment, &place)?;
    let steered = Steered::by(session::interrupts(), &experiment);
    session::search(experiment, tools, journal, steered, (true, None), &mut |_| {}).await?;
    read(&place, axes)
}

fn read(place: &Path, axes: Vec<String>) -> Result<Made, Failure> {
    let reader = Reader::open(place)?;
    let made = reader.candidate(0)?;
    let (candidate, life) = made.ok_or_else(|| Failure::internal("no candidate was made"))?;
    Ok(Made { set_up: reader.set_up_calls()?, calls: life.calls, candidate, axes })
}

impl Made {
    fn all(&self) -> impl Iterator<Item = &ModelCall> {
        self.set_up.iter().chain(&self.calls)
    }

    /// How many calls each role is asked for, in words.
    fn counts(&self) -> String {
        let mut counts = BTreeMap::new();
        for call in self.all() {
            *counts.entry(&*call.role).or_insert(0_u32) += 1;
        }
        let parts: Vec<String> =
            counts.iter().map(|(role, count)| format!("{count} of the {role}")).collect();
        if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
    }

    /// Every prompt, with a stand-in for what is not known yet.
    fn prompts(&self) -> String {
        let mut text = String::new();
        let mut calls = self.all().peekable();
        while let Some(call) = calls.next() {
            let mut times = 1;
            let is_alike = |next: &&ModelCall| {
                (&next.role, &next.prompt, &next.answer) == (&call.role, &call.prompt, &call.answer)
            };
            while calls.next_if(is_alike).is_some() {
                times += 1;
            }
            let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
            text += &format!("{}{times}\n{}\n", asked(call), indented(&call.prompt));
            if call.kind == CallKind::Score {
                let answers: Vec<String> = answers(call).iter().map(|answer| shown(answer)).collect();
                text += &format!("  answers   {}\n\n", answers.join(", "));
            }
        }
        let more = "more if an answer holds no text";
        text + &format!("calls       {} ({more})\n", self.counts())
    }

    /// What was answered, and what became of it.
    fn answers(&self) -> String {
        let mut text = String::new();
        for call in self.all() {
            text += &format!("{}\n", asked(call));
            text += &match (&call.error, call.kind) {
                (Some(error), _) => format!("  failed    {}\n\n", one_line(error)),
                (None, CallKind::Complete) => format!("{}\n", indented(&call.answer)),
                (None, CallKind::Score) => scored(call),
                (None, CallKind::Embed) => format!("  numbers   {}\n\n", one_line(&call.answer)),
            };
        }
        if let Some(genome) = &self.candidate.genome {
            text += &format!("the text that counts\n{}\n", indented(&genome.text()));
        }
        text + &self.fate()
    }

    fn fate(&self) -> String {
        let mut text = match &self.candidate.fate {
            Fate::Invalid { why } => format!("invalid     {}\n", one_line(why)),
            Fate::Failed { why } => format!("failed      {}\n", one_line(why)),
            _ => String::new(),
        };
        text += &self
            .candidate
            .objective()
            .map(|value| format!("objective   {}\n", number(value)))
            .unwrap_or_default();
        for (axis, measure) in self.axes.iter().zip(self.candidate.measures().unwrap_or_default()) {
            text += &format!("{:<11} {}\n", one_line(axis), number(*measure));
        }
        let (tokens_in, tokens_out) =
            self.all().fold((0, 0), |(read, wrote), call| (read + call.tokens_in, wrote + call.tokens_out));
        let cost: f64 = self.all().map(|call| call.cost).sum();
        let cost = if cost > 0.0 { format!(", cost {}", number(cost)) } else { String::new() };
        text + &format!(
            "calls       {}; {tokens_in} tokens read, {tokens_out} written{cost}\n",
            self.counts()
        )
    }

    /// The same for programs. `asked` is false if the stand-in answered: then prompts are all there is.
    fn json(&self, asked: bool) -> Value {
        let mut object = json!({ "asked": asked, "set_up": self.set_up, "calls": self.calls });
        if asked {
            object["candidate"] = serde_json::to_value(&self.candidate).unwrap_or_default();
        }
        object
    }
}

/// Who is asked, and for what.
fn asked(call: &ModelCall) -> String {
    let what = match call.kind {
        CallKind::Complete => "completes",
        CallKind::Score => "judges",
        CallKind::Embed => "embeds",
    };
    let model = if call.model.is_empty() { String::new() } else { format!(" ({})", one_line(&call.model)) };
    format!("the {}{model} {what}", call.role)
}

/// A score's answers with their probabilities among them and their log-probabilities.
fn scored(call: &ModelCall) -> String {
    let score = Score {
        log_probabilities: call.log_probabilities.clone(),
        method: ScoreMethod::Echo,
        usage: Usage::default(),
    };
    let numbers = score.normalised().into_iter().zip(&call.log_probabilities);
    let mut text = String::new();
    for (answer, (probability, log)) in answers(call).iter().zip(numbers) {
        let (probability, log) = (number(probability), number(*log));
        text += &format!("  {:<9} {probability} of the answers, log-probability {log}\n", shown(answer));
    }
    let method = call.method.as_deref().unwrap_or("unknown");
    text + &format!("  scored by {}\n\n", one_line(method))
}

fn answers(call: &ModelCall) -> Vec<String> {
    serde_json::from_str(&call.answer).unwrap_or_default()
}

/// An answer without the blanks that stand before it.
fn shown(answer: &str) -> String {
    one_line(answer.trim())
}

fn indented(text: &str) -> String {
    let lines = printable(text);
    lines.trim_end().lines().map(|line| format!("{INDENTATION}{line}").trim_end().to_owned() + "\n").collect()
}

/// Tools whose models answer nothing of their own and cost nothing.
fn stand_ins(experiment: &Experiment, roles: Roles) -> Result<Tools, Failure> {
    let model = || Arc::new(StandIn) as Arc<dyn LanguageModel>;
    let members = experiment.models.generator.as_ref().map_or(1, |generator| generator.members.len());
    let models = Models {
        generator: if roles.generator { (0..members).map(|_| model()).collect() } else { Vec::new() },
        judge: roles.judge.then(model),
        embedder: roles.embedder.then(model),
    };
    let programs = if roles.sandbox { Some(Programs::start(&experiment.sandbox)?) } else { None };
    Ok(Tools { models, programs, ..Tools::default() })
}

/// A model that says nothing.
#[derive(Debug)]
struct StandIn;

impl LanguageModel for StandIn {
    fn complete<'a>(&'a self, _: &'a CompletionRequest) -> Reply<'a, Completion> {
        let completion = Completion { text: PLACE.to_owned(), finish: Finish::Stop, usage: Usage::default() };
        Box::pin(async { Ok(completion) })
    }

    fn score<'a>(&'a self, request: &'a ScoreRequest) -> Reply<'a, Score> {
        let equal = -(request.answers.len().max(1) as f64).ln();
        let log_probabilities = vec![equal; request.answers.len()];
        Box::pin(async {
            Ok(Score { log_probabilities, method: ScoreMethod::Echo, usage: Usage::default() })
        })
    }

    fn embed<'a>(&'a self, request: &'a EmbedRequest) -> Reply<'a, Embeddings> {
        let vectors = vec![vec![1.0]; request.texts.len()];
        Box::pin(async { Ok(Embeddings { vectors, usage: Usage::default() }) })
    }

    fn probe(&self, _: Needs) -> Reply<'_, Capabilities> {
        let (model, api) = (String::new(), "none".to_owned());
        Box::pin(async { Ok(Capabilities { model, api, score: None, embed: None, notes: Vec::new() }) })
    }

    fn label(&self) -> &str {
        ""
    }

    fn asked(&self, request: &CompletionRequest) -> String {
        match &request.instructions {
            // Only a chat model is told them; which one this is becomes known when it is asked.
            Some(instructions) => format!("[to a chat model: {instructions}]\n\n{}", request.prompt),
            None => request.prompt.clone(),
        }
    }
}
