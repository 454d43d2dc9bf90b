//! Writing a program from others: plans, and how each operator carries them out.

use std::sync::Arc;

use samara_engine::{Abort, Context, Roles};
use samara_lm::{Completion, CompletionRequest, Finish, Sampling};
use samara_qd::Stream;
use samara_search::{Genome, Invalid, Operator, Plan, View};

use super::{
    diff, gp,
    mix::{FRESH, Mix},
    prompt::{self, Format},
    read,
    settings::{Instruction, Neighbours, WritingSettings},
};
use crate::{
    answer,
    source::{Source, expect_cells},
};

/// Longest program, in bytes: a diff or a crossover that outgrows it is not worth its evaluation.
pub const MAX_BYTES: usize = 20_000;

/// How often a created candidate is a seed as it is; the others are varied from seeds.
const AS_IT_IS: f64 = 0.2;

/// How often the operator without a model crosses two elites.
const CROSSED: f64 = 0.3;

/// The operator of an experiment: `search.operator`, or `prompt`.
pub fn operator(source: &Source<'_>) -> Operator {
    source.search.operator.unwrap_or(Operator::Prompt)
}

/// Writes programs from others, by one operator.
pub struct Writer {
    operator: Operator,
    /// What the operator `mix` chooses from.
    mix: Mix,
    /// Whether every candidate is written from nothing, whatever the operator: the baseline `fresh`.
    from_nothing: bool,
    settings: WritingSettings,
    format: Format,
    gp: gp::Mutator,
}

impl Writer {
    /// A writer of programs of this format, by `search.operator` or the usual one.
    ///
    /// # Errors
    /// Settings out of their ranges, by their keys under `environment.writing`; an archive too small to cross elites.
    pub fn new(source: &Source<'_>, settings: WritingSettings, format: Format) -> Result<Self, Invalid> {
        settings.validate()?;
        let operator = operator(source);
        let mix = Mix::new(operator, &settings);
        if mix.has(Operator::Crossover) {
            expect_cells(source, 2, "search.operator")?;
        }
        let from_nothing = source.search.strategy.name() == FRESH;
        Ok(Self { operator, mix, from_nothing, settings, format, gp: gp::Mutator::default() })
    }

    /// The operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Its mutator without a model.
    pub fn mutator(&self) -> &gp::Mutator {
        &self.gp
    }

    /// Asks the generator for one program that has no parents; `None` if the completion holds none.
    pub async fn ask(&self, format: &Format, context: &mut Context) -> Result<Option<String>, Abort> {
        let prompt = prompt::ask(format, Instruction::Header, &[]);
        let request = self.request(prompt, prompt::instructions(format), &prompt::STOPS);
        let completion = context.complete(request).await?;
        Ok(program_of(format, Instruction::Header, &completion))
    }

    /// What it needs: the sandbox, and the generator for all operators but `gp`.
    pub fn roles(&self) -> Roles {
        let generator = self.from_nothing || self.mix.asks_a_model();
        Roles { generator, sandbox: true, ..Roles::default() }
    }

    /// What its operators are chosen by before anything is learnt.
    pub(super) fn mix(&self) -> &Mix {
        &self.mix
    }

    /// Plans the `place`th program that is made from seeds. With none, and under the baseline `fresh`, a model writes it
    /// from nothing. A mix with `new` begins with every seed as it is, and goes on from nothing: what is varied from so
    /// few programs is too much alike.
    pub fn seeded(&self, seeds: &[Arc<Genome>], place: u64, stream: &mut Stream) -> Plan {
        if self.from_nothing {
            return Plan::fresh(Operator::New.name(), Vec::new());
        }
        if self.operator == Operator::Mix && self.mix.has(Operator::New) {
            return match usize::try_from(place).ok().and_then(|place| seeds.get(place)) {
                Some(seed) => Plan { verbatim: true, ..Plan::fresh("seed", vec![Arc::clone(seed)]) },
                None => Plan::fresh(Operator::New.name(), Vec::new()),
            };
        }
        let wanted = if self.operator == Operator::Crossover { self.settings.few_shot } else { 1 };
        let drawn = stream.distinct(seeds.len(), wanted.min(seeds.len()));
        Plan::fresh("seed", drawn.into_iter().map(|place| Arc::clone(&seeds[place])).collect())
    }

    /// Plans a program varied from elites, by an operator of this mix; `None` if the archive holds too few.
    pub(super) fn varied(&self, mix: &Mix, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let archive = view.archive();
        let operator = mix.choose(stream);
        let elites = match operator {
            Operator::New | Operator::Mix => return Some(Plan::fresh(Operator::New.name(), Vec::new())),
            Operator::Prompt | Operator::Diff => vec![archive.select(stream)?],
            Operator::Gp if stream.unit() < CROSSED => vec![archive.select(stream)?, archive.select(stream)?],
            Operator::Gp => vec![archive.select(stream)?],
            Operator::Crossover => {
                let filled = archive.stats().cells_filled;
                let count = self.settings.few_shot.min(filled);
                if count < 2 {
                    return None;
                }
                match self.settings.neighbours {
                    Neighbours::Near => archive.select_near(stream, count)?,
                    Neighbours::Uniform => {
                        (0..count).map(|_| archive.select(stream)).collect::<Option<Vec<_>>>()?
                    }
                }
            }
        };
        let parents = elites.iter().map(|elite| view.parent(elite)).collect();
        Some(Plan::varied(operator.name(), parents))
    }

    /// Writes the planned program. A created one is now and then a seed as it is, so that seeds compete.
    pub async fn write(&self, plan: &Plan, context: &mut Context) -> Result<String, Abort> {
        let parents: Vec<String> = plan.sources().iter().map(|genome| genome.text().into_owned()).collect();
        if plan.fresh
            && let Some(seed) = parents.first()
            && (plan.verbatim || context.stream.unit() < AS_IT_IS)
        {
            return Ok(seed.clone());
        }
        let text = match self.mix.carried_out(plan, &mut context.stream) {
            Operator::New | Operator::Mix => self.write_program(&[], Instruction::Header, context).await?,
            Operator::Gp => {
                let names = &self.format.functions;
                let varied = self.gp.vary(&parents, names, 1, context).await?;
                let first = varied.into_iter().next().flatten();
                first.ok_or_else(|| Abort::invalid("no variation was found"))?
            }
            Operator::Diff => self.write_diff(&parents, context).await?,
            Operator::Prompt => self.write_program(&parents, Instruction::Fix, context).await?,
            Operator::Crossover => self.write_program(&parents, Instruction::Header, context).await?,
        };
        match text.len() {
            0..=MAX_BYTES => Ok(text),
            bytes => Err(Abort::invalid(format!("the program has {bytes} bytes, more than {MAX_BYTES}"))),
        }
    }

    /// Asks for a program after `parents`, up to `attempts` times until one is complete.
    async fn write_program(
        &self,
        parents: &[String],
        usual: Instruction,
        context: &mut Context,
    ) -> Result<String, Abort> {
        // Without parents there is nothing to fix or to combine.
        let instruction = match parents {
            [] => Instruction::Header,
            _ => self.settings.instruction.unwrap_or(usual),
        };
        let prompt = prompt::ask(&self.format, instruction, parents);
        let request = self.request(prompt, prompt::instructions(&self.format), &prompt::STOPS);
        let mut last = None;
        for _ in 0..self.settings.attempts {
            let completion = context.complete(request.clone()).await?;
            if let Some(program) = program_of(&self.format, instruction, &completion) {
                return Ok(program);
            }
            last = Some(completion);
        }
        Err(self.nothing("held no program", last.as_ref()))
    }

    /// Asks for a diff of the first parent, up to `attempts` times until one changes it.
    async fn write_diff(&self, parents: &[String], context: &mut Context) -> Result<String, Abort> {
        let parent = parents.first().map(String::as_str).unwrap_or_default();
        let messages = &self.format.messages;
        let message = messages.get(context.stream.index(messages.len().max(1)));
        let prompt = diff::ask(&self.format, parent, message.map_or("Change it.", String::as_str));
        let request = self.request(prompt, diff::INSTRUCTIONS.to_owned(), &diff::STOPS);
        let mut last = None;
        for _ in 0..self.settings.attempts {
            let completion = context.complete(request.clone()).await?;
            let changed = diff::apply(parent, &answer::text(&completion.text));
            if changed != parent {
                return Ok(changed);
            }
            last = Some(completion);
        }
        Err(self.nothing("held no hunk that applies", last.as_ref()))
    }

    fn nothing(&self, what: &str, last: Option<&Completion>) -> Abort {
        answer::nothing(self.settings.attempts, what, last)
    }

    /// A request; `usual` are the instructions and stop sequences unless settings give others.
    fn request(&self, prompt: String, usual: String, stops: &[&str]) -> CompletionRequest {
        let settings = &self.settings;
        let usual_stops = || stops.iter().map(|stop| (*stop).to_owned()).collect();
        let sampling = Sampling {
            max_tokens: settings.gen_max_len,
            temperature: settings.temperature,
            top_p: settings.top_p,
            stop: settings.stop.clone().unwrap_or_else(usual_stops),
            seed: 0,
            penalties: Default::default(),
        };
        let instructions = Some(settings.instructions.clone().unwrap_or(usual));
        CompletionRequest { prompt, instructions: instructions.filter(|text| !text.is_empty()), sampling }
    }
}

fn program_of(format: &Format, instruction: Instruction, completion: &Completion) -> Option<String> {
    let finished = completion.finish != Finish::Length;
    read::program(format, instruction, &completion.text, finished)
}
