//! Programs as genomes: how new ones are written from old ones, run and described.
//!
//! A [`Writer`] carries out one of four operators (Lehman et al. 2022, ELM, arXiv 2206.08896, and the reference
//! system): the generator fixes a "bug" of the parent or continues it ([`prompt`]), writes a diff of it ([`diff`]),
//! continues a list of elites (few-shot crossover), or no model is asked and the parent's syntax tree is perturbed
//! ([`gp`]). What an environment of programs adds is a [`Format`], the words of its prompts, and the evaluation, by
//! [`run`]. [`features`] measures programs without running them.

pub mod diff;
pub mod features;
pub mod gp;
pub mod prompt;
pub mod run;
pub mod settings;

use std::sync::Arc;

use samara_engine::{Context, Invalid, Operator, Outcome, Plan, Roles, State, Trouble};
use samara_journal::Genome;
use samara_lm::{Finish, Sampling};
use samara_qd::Stream;

pub use prompt::{Format, Phrases};
pub use run::Bad;
pub use settings::WritingSettings;
use settings::{Instruction, Neighbours};

/// Longest program, in bytes: a diff or a crossover that outgrows it is not worth its evaluation.
pub const MAX_BYTES: usize = 20_000;

/// How often a created candidate is a seed as it is; the others are varied from seeds.
const AS_IT_IS: f64 = 0.2;

/// How often the operator without a model crosses two elites.
const CROSSED: f64 = 0.3;

/// Writes programs from others, by one operator.
pub struct Writer {
    operator: Operator,
    settings: WritingSettings,
    format: Format,
    gp: gp::Mutator,
}

impl Writer {
    /// A writer of programs of this format.
    ///
    /// # Errors
    /// Settings out of their ranges, by their keys under `environment.writing`.
    pub fn new(operator: Operator, settings: WritingSettings, format: Format) -> Result<Self, Invalid> {
        settings.validate()?;
        Ok(Self { operator, settings, format, gp: gp::Mutator::default() })
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
    pub async fn ask(&self, format: &Format, context: &mut Context) -> Result<Option<String>, Trouble> {
        let prompt = prompt::ask(format, Instruction::Header, &[]);
        let completion = context.complete(prompt, self.sampling(&prompt::STOPS)).await?;
        let finished = completion.finish != Finish::Length;
        Ok(prompt::program(format, Instruction::Header, &completion.text, finished))
    }

    /// What it needs: the sandbox, and the generator for all operators but `gp`.
    pub fn roles(&self) -> Roles {
        Roles { generator: self.operator != Operator::Gp, sandbox: true, ..Roles::default() }
    }

    /// Plans a program made from seeds. With none, a model writes it from nothing.
    pub fn seeded(&self, seeds: &[Arc<str>], stream: &mut Stream) -> Plan {
        let wanted = if self.operator == Operator::Crossover { self.settings.few_shot } else { 1 };
        let drawn = stream.distinct(seeds.len(), wanted.min(seeds.len()));
        Plan::fresh(drawn.into_iter().map(|place| Genome::Text(Arc::clone(&seeds[place]))).collect())
    }

    /// Plans a program varied from elites; `None` if the archive holds too few.
    pub fn varied(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        let archive = state.archive();
        let elites = match self.operator {
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
        let material = elites.iter().map(|elite| Genome::clone(state.genome(elite))).collect();
        Some(Plan::varied(elites.iter().map(|elite| elite.id).collect(), material))
    }

    /// Writes the planned program. A created one is now and then a seed as it is, so that seeds compete.
    pub async fn write(&self, plan: &Plan, context: &mut Context) -> Result<Result<String, Bad>, Trouble> {
        let parents: Vec<String> = plan.material.iter().map(|genome| genome.text().into_owned()).collect();
        if plan.fresh
            && let Some(seed) = parents.first()
            && context.stream.unit() < AS_IT_IS
        {
            return Ok(Ok(seed.clone()));
        }
        let written = match self.operator {
            Operator::Gp => {
                let names = &self.format.functions;
                let varied = self.gp.vary(&parents, names, 1, context).await?;
                varied.into_iter().next().flatten().ok_or_else(|| Bad::invalid("no variation was found"))
            }
            Operator::Diff => self.write_diff(&parents, context).await?,
            Operator::Prompt => self.write_program(&parents, Instruction::Fix, context).await?,
            Operator::Crossover => self.write_program(&parents, Instruction::Header, context).await?,
        };
        Ok(written.and_then(|text| match text.len() {
            0..=MAX_BYTES => Ok(text),
            bytes => Err(Bad::invalid(format!("the program has {bytes} bytes, more than {MAX_BYTES}"))),
        }))
    }

    /// Asks for a program after `parents`, up to `attempts` times until one is complete.
    async fn write_program(
        &self,
        parents: &[String],
        usual: Instruction,
        context: &mut Context,
    ) -> Result<Result<String, Bad>, Trouble> {
        // Without parents there is nothing to fix or to combine.
        let instruction = match parents {
            [] => Instruction::Header,
            _ => self.settings.instruction.unwrap_or(usual),
        };
        let prompt = prompt::ask(&self.format, instruction, parents);
        for _ in 0..self.settings.attempts {
            let completion = context.complete(prompt.clone(), self.sampling(&prompt::STOPS)).await?;
            let finished = completion.finish != Finish::Length;
            if let Some(program) = prompt::program(&self.format, instruction, &completion.text, finished) {
                return Ok(Ok(program));
            }
        }
        Ok(Err(self.nothing("hold no program")))
    }

    /// Asks for a diff of the first parent, up to `attempts` times until one changes it.
    async fn write_diff(
        &self,
        parents: &[String],
        context: &mut Context,
    ) -> Result<Result<String, Bad>, Trouble> {
        let parent = parents.first().map(String::as_str).unwrap_or_default();
        let messages = &self.format.messages;
        let message = messages.get(context.stream.index(messages.len().max(1)));
        let prompt = diff::ask(&self.format, parent, message.map_or("Change it.", String::as_str));
        for _ in 0..self.settings.attempts {
            let completion = context.complete(prompt.clone(), self.sampling(&diff::STOPS)).await?;
            let changed = diff::apply(parent, &completion.text);
            if changed != parent {
                return Ok(Ok(changed));
            }
        }
        Ok(Err(self.nothing("hold no hunk that applies")))
    }

    fn nothing(&self, what: &str) -> Bad {
        Bad::invalid(format!("{} completions in a row {what}", self.settings.attempts))
    }

    fn sampling(&self, usual: &[&str]) -> Sampling {
        Sampling {
            max_tokens: self.settings.gen_max_len,
            temperature: self.settings.temperature,
            top_p: self.settings.top_p,
            stop: match &self.format.stops[..] {
                [] => usual.iter().map(|stop| (*stop).to_owned()).collect(),
                stops => stops.to_vec(),
            },
            seed: 0,
        }
    }
}

/// Measures and objective of a program, or why it has none.
pub type Judged = Result<(Vec<f64>, f64), Bad>;

/// The outcome of a program that was judged.
pub fn outcome(text: String, judged: Judged) -> Outcome {
    match judged {
        Ok((measures, objective)) => {
            Outcome::Scored { genome: Genome::Text(text.into()), measures, objective }
        }
        Err(bad) => unscored(bad, Some(text)),
    }
}

/// A candidate's outcome where nothing could be scored.
pub fn unscored(bad: Bad, text: Option<String>) -> Outcome {
    let genome = text.map(|text| Genome::Text(text.into()));
    match bad {
        Bad::Invalid(why) => Outcome::Invalid { genome, why },
        Bad::Failed(why) => Outcome::Failed { genome, why },
    }
}
