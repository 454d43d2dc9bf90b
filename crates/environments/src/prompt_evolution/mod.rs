//! `prompt_evolution`: instructions, evolved for how well a model follows them on the items of a data set.
//!
//! After the prompt-evolution environment of OpenELM, whose tasks are those of instruction induction (Honovich et al.
//! 2022, arXiv 2205.10782) and chain of thought. The flow is in this file; [`data`] reads data sets, [`prompts`] writes
//! prompts, [`answers`] says what is right, [`race`] when a prompt is stopped early, `memory` plans, [`settings`] is the
//! section of the experiment.

pub mod answers;
pub mod data;
mod memory;
pub mod prompts;
pub mod race;
pub mod settings;

use std::sync::Arc;

use samara_engine::{Abort, About, Context, Environment, Future, Roles};
use samara_lm::{Completion, CompletionRequest, Penalties, Sampling};
use samara_qd::Tessellation;
use samara_search::{Genome, Invalid, Plan, Proposer, Score, schema};

use crate::{
    answer,
    lmx::{prompt, read::Reader},
    source::{Source, expect_no_operator},
};
use answers::Answer;
use data::Item;
use memory::{INDUCE, INITIAL, Memory};
use prompts::fill;
use race::{Race, share};
use settings::{Items, Mutation, PromptSettings, has_bars};

/// Its name in `experiment.environment`.
pub const NAME: &str = "prompt_evolution";

/// The metric of an instruction on the items that are kept for a test (`environment.test_share`).
pub const TEST_SHARE: &str = "test_share";

/// Where an instruction ends: at a blank line, or where a prompt would go on.
const CUTS: [&str; 4] = ["\n\n", "###", "@@@", "\nInput:"];
/// Stop sequences of requests for an instruction, four at most since many servers take no more.
const STOPS: [&str; 3] = ["\n###", "@@@", "\nInput:"];
/// The most characters of an instruction; a longer one is none.
const LONGEST: usize = 4000;

struct Prompts {
    settings: PromptSettings,
    axes: Vec<String>,
    items: Items,
    choices: Vec<String>,
    reader: Reader,
    /// The cells, where it counts what a prompt must do better than.
    cells: Option<Tessellation>,
}

/// Builds it, reading the data sets.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: PromptSettings = schema::read(source.section, "environment")?;
    settings.validate(source)?;
    let items = settings.read(source.inputs)?;
    let choices = settings.choices(&items)?;
    let has_bars = has_bars(source.search) && (settings.race.enabled || !items.tested.is_empty());
    let cells = if has_bars { Some(source.search.tessellation(source.axes)?) } else { None };
    let reader = Reader::new("Instruction:", CUTS.map(str::to_owned).to_vec());
    let axes = source.axes.iter().map(|axis| axis.name.clone()).collect();
    Ok(Arc::new(Prompts { settings, axes, items, choices, reader, cells }))
}

impl Environment for Prompts {
    fn name(&self) -> &str {
        NAME
    }

    fn roles(&self) -> Roles {
        let chooses = self.settings.answer == Answer::Choice;
        Roles {
            generator: true,
            judge: chooses || self.measures("sentiment"),
            answers: !chooses,
            embedder: self.measures("embedding"),
            ..Roles::default()
        }
    }

    /// The subject is named by the instructions that a run begins with, of which one is enough: they are to be improved.
    /// Without any, and for what rewrites them, the generator must be able to follow a template.
    fn about(&self) -> About {
        let settings = &self.settings;
        let empty = [("examples", ""), ("instruction", "")];
        let mut generator = Vec::new();
        let mut judge = Vec::new();
        if settings.initial_instructions.is_empty() {
            generator.push(vec![fill(&settings.templates.induce, &empty)]);
        } else {
            judge.push(settings.initial_instructions.clone());
        }
        if settings.mutations.contains(&Mutation::Rewrite) {
            generator.push(vec![fill(&settings.templates.rewrite, &empty)]);
        }
        if self.measures("sentiment") {
            judge.push(vec![settings.sentiment_prompt.clone()]);
        }
        About::Texts { generator, judge }
    }

    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async move {
            if !self.settings.initial_instructions.is_empty() {
                return Ok(self.settings.initial_instructions.clone());
            }
            let mut pool = Vec::new();
            for _ in 0..self.settings.initial {
                let request = self.request(self.induce(context));
                let written = self.write_instruction("", request, context).await?;
                pool.push(written.map_err(|last| {
                    let why = answer::reason(self.settings.attempts, "held no instruction", last.as_ref());
                    Abort::failed(format!("the generator wrote no initial instruction: {why}"))
                })?);
            }
            Ok(pool)
        })
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Memory {
            pool: pool.iter().map(|text| text.as_str().into()).collect(),
            induces: self.settings.initial_instructions.is_empty(),
            mutations: self.settings.mutations.clone(),
            few_shot: self.settings.few_shot,
            has_bars: self.cells.is_some(),
        })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            let sources: Vec<String> =
                plan.sources().iter().map(|genome| genome.text().into_owned()).collect();
            if let (INITIAL, Some(text)) = (&*plan.operator, sources.first()) {
                return Ok(Genome::text_of(text.as_str()));
            }
            if plan.operator == Mutation::Splice.name() {
                return Ok(Genome::text_of(splice(&sources, context)));
            }
            let (beginning, prompt) = self.prompt(&plan.operator, &sources, context);
            match self.write_instruction(&beginning, self.request(prompt), context).await? {
                Ok(text) => Ok(Genome::text_of(text)),
                Err(last) => {
                    Err(answer::nothing(self.settings.attempts, "held no instruction", last.as_ref()))
                }
            }
        })
    }

    fn judge<'a>(&'a self, draft: &'a Genome, _score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move {
            let instruction = draft.text();
            let measures = self.measure(&instruction, context).await?;
            let bar = self.bar(&measures, context);
            self.score(&instruction, measures, bar, context).await
        })
    }
}

/// How an instruction did on the items that it was asked.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    right: usize,
    answered: usize,
    stopped: bool,
}

impl Prompts {
    fn measures(&self, name: &str) -> bool {
        self.axes.iter().any(|axis| axis == name)
    }

    /// The prompt of an operator on these instructions, and what the new instruction begins with.
    fn prompt(&self, operator: &str, sources: &[String], context: &mut Context) -> (String, String) {
        let templates = &self.settings.templates;
        let first = sources.first().map_or("", String::as_str);
        if operator == INDUCE {
            (String::new(), self.induce(context))
        } else if operator == Mutation::Crossover.name() {
            let list: Vec<&str> = sources.iter().map(String::as_str).collect();
            (String::new(), fill(&templates.crossover, &[("instructions", &prompts::list(&list))]))
        } else if operator == Mutation::Continue.name() {
            let beginning = beginning(first, context);
            let prompt = fill(&templates.finish, &[("beginning", &beginning)]);
            (beginning, prompt)
        } else {
            let texts = [("instruction", first), ("examples", &*self.drawn(context))];
            (String::new(), fill(&templates.rewrite, &texts))
        }
    }

    fn induce(&self, context: &mut Context) -> String {
        fill(&self.settings.templates.induce, &[("examples", &self.drawn(context))])
    }

    /// The items that are shown, in an order of the candidate's own.
    fn drawn(&self, context: &mut Context) -> String {
        let shown = &self.items.shown;
        let order = context.stream.distinct(shown.len(), shown.len());
        prompts::examples(&order.into_iter().map(|i| &shown[i]).collect::<Vec<_>>())
    }

    fn request(&self, prompt: String) -> CompletionRequest {
        let settings = &self.settings;
        let instructions = &settings.templates.instructions;
        CompletionRequest {
            prompt,
            instructions: (!instructions.is_empty()).then(|| instructions.clone()),
            sampling: Sampling {
                max_tokens: settings.gen_max_len,
                temperature: settings.temperature,
                top_p: settings.top_p,
                stop: STOPS.map(str::to_owned).to_vec(),
                seed: 0,
                penalties: Penalties::default(),
            },
        }
    }

    /// An instruction that begins so; the last answer if no attempt held one.
    async fn write_instruction(
        &self,
        beginning: &str,
        request: CompletionRequest,
        context: &mut Context,
    ) -> Result<Result<String, Option<Completion>>, Abort> {
        let mut last = None;
        for _ in 0..self.settings.attempts {
            let completion = context.complete(request.clone()).await?;
            let text = self.reader.read(&format!("{beginning}{}", completion.text));
            if !text.is_empty() && text.chars().count() <= LONGEST {
                return Ok(Ok(text));
            }
            last = Some(completion);
        }
        Ok(Err(last))
    }

    async fn measure(&self, instruction: &str, context: &mut Context) -> Result<Vec<f64>, Abort> {
        let mut measures = Vec::new();
        for axis in &self.axes {
            measures.push(match axis.as_str() {
                "sentiment" => self.sentiment(instruction, context).await?,
                "embedding" => self.similarity(instruction, context).await?,
                _ => length(instruction),
            });
        }
        Ok(measures)
    }

    /// P(first answer) to the question about an instruction.
    async fn sentiment(&self, instruction: &str, context: &mut Context) -> Result<f64, Abort> {
        let settings = &self.settings;
        let (asked, answers) = (&settings.sentiment_prompt, &settings.sentiment_answers);
        let prompt = prompt::feedback(prompt::FEEDBACK, asked, instruction, answers);
        let question = answers::question(prompt, &settings.answer_prefix, &settings.sentiment_answers);
        let scores = context.score(vec![question]).await?;
        Ok(scores.first().and_then(|score| score.normalised().first().copied()).unwrap_or(f64::NAN))
    }

    async fn similarity(&self, instruction: &str, context: &mut Context) -> Result<f64, Abort> {
        let vectors = context.embed(vec![instruction.to_owned(), self.settings.reference.clone()]).await?;
        match &vectors[..] {
            [a, b] => crate::lmx::cosine(a, b).ok_or_else(|| Abort::failed("an embedding has no direction")),
            _ => Err(Abort::failed(format!("the embedder gave {} vectors for 2 texts", vectors.len()))),
        }
    }

    /// What the objective must exceed to enter the cell of these measures, as it was when the prompt was planned; `None`
    /// where the cell had room.
    fn bar(&self, measures: &[f64], context: &Context) -> Option<f64> {
        let cells = self.cells.as_ref().filter(|_| measures.iter().all(|x| x.is_finite()))?;
        context.scales().get(&memory::cell_name(cells.cell(measures))).map(|[bar, _]| *bar)
    }

    /// Asks the items batch by batch, as long as the instruction may beat the bar.
    async fn score(
        &self,
        instruction: &str,
        measures: Vec<f64>,
        bar: Option<f64>,
        context: &mut Context,
    ) -> Result<Score, Abort> {
        let (section, all) = (&self.settings.race, &self.items.scored);
        let race = bar.filter(|_| section.enabled);
        let race = race.map(|bar| Race::new(all.len(), section.batch, bar, section.risk));
        let order = context.stream.distinct(all.len(), all.len());
        let mut tally = Tally::default();
        for batch in order.chunks(section.batch) {
            let items: Vec<&Item> = batch.iter().map(|i| &all[*i]).collect();
            tally.right += self.right(instruction, &items, context).await?;
            tally.answered += items.len();
            let left = tally.answered < all.len();
            if left && race.is_some_and(|race| race.stops(tally.right, tally.answered)) {
                tally.stopped = true;
                break;
            }
        }
        let mut score = scored(tally, measures, bar);
        if !tally.stopped && bar.is_none_or(|bar| score.objective > bar) {
            score.metrics.extend(self.test(instruction, context).await?);
        }
        Ok(score)
    }

    /// The metric of an instruction on the items that nothing is selected by, if there are any. They come last, so that
    /// a candidate is what it would be without them.
    async fn test(&self, instruction: &str, context: &mut Context) -> Result<Option<(String, f64)>, Abort> {
        let tested = &self.items.tested;
        let mut right = 0;
        for batch in tested.chunks(self.settings.race.batch) {
            right += self.right(instruction, &batch.iter().collect::<Vec<_>>(), context).await?;
        }
        let share = share(right, tested.len());
        Ok((!tested.is_empty()).then(|| (TEST_SHARE.to_owned(), share)))
    }

    /// How many of the items are answered right.
    async fn right(&self, instruction: &str, items: &[&Item], context: &mut Context) -> Result<usize, Abort> {
        let template = self.settings.templates.item_of(self.settings.answer);
        let prompt = |item: &&Item| fill(template, &[("instruction", instruction), ("input", &item.input)]);
        if self.settings.answer == Answer::Choice {
            let prefix = &self.settings.answer_prefix;
            let questions = items.iter().map(|item| answers::question(prompt(item), prefix, &self.choices));
            let scores = context.score(questions.collect()).await?;
            let chosen = scores.iter().map(|score| {
                answers::most_probable(&score.log_probabilities).and_then(|choice| self.choices.get(choice))
            });
            let right = items.iter().zip(chosen).filter(|(item, choice)| {
                choice.is_some_and(|choice| Answer::Exact.accepts(choice, &item.outputs))
            });
            return Ok(right.count());
        }
        let requests = items.iter().map(|item| self.asked(prompt(item))).collect();
        let completions = context.answer(requests).await?;
        let right = items.iter().zip(&completions);
        Ok(right.filter(|(item, answer)| self.settings.answer.accepts(&answer.text, &item.outputs)).count())
    }

    fn asked(&self, prompt: String) -> CompletionRequest {
        let settings = &self.settings;
        let sampling = Sampling {
            max_tokens: settings.answer_max_len,
            temperature: 0.0,
            top_p: 1.0,
            stop: settings.answer_stop.clone(),
            seed: 0,
            penalties: Penalties::default(),
        };
        CompletionRequest { prompt, instructions: None, sampling }
    }
}

/// The score of a tally. That of a stopped prompt is its share so far, and never above the bar: it must not enter.
fn scored(tally: Tally, measures: Vec<f64>, bar: Option<f64>) -> Score {
    let measured = share(tally.right, tally.answered);
    let objective = match bar.filter(|_| tally.stopped) {
        Some(bar) => measured.min(bar),
        None => measured,
    };
    let metrics = [
        ("answered", tally.answered as f64),
        ("right", tally.right as f64),
        ("stopped", f64::from(u8::from(tally.stopped))),
    ];
    let metrics = metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Score { metrics, ..Score::new(objective, measures) }
}

/// The binary logarithm of the number of words: 0 for one word or none.
fn length(instruction: &str) -> f64 {
    libm::log2(instruction.split_whitespace().count().max(1) as f64)
}

/// The beginning of one of two instructions, before a drawn word, and the end of the other from a drawn word on; of a
/// single one both. Each gives a word at least, and the whole is cut at the longest length.
fn splice(sources: &[String], context: &mut Context) -> String {
    let list: Vec<Vec<&str>> = sources.iter().map(|text| text.split_whitespace().collect()).collect();
    let first = context.stream.index(list.len().max(1));
    let (Some(head), Some(tail)) = (list.get(first), list.get((first + 1) % list.len().max(1))) else {
        return String::new();
    };
    let kept = 1 + context.stream.index(head.len().max(1));
    let dropped = context.stream.index(tail.len().max(1));
    let words: Vec<&str> = head.iter().take(kept).chain(tail.iter().skip(dropped)).copied().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

/// An instruction up to a drawn word, which may be its first.
fn beginning(instruction: &str, context: &mut Context) -> String {
    let words: Vec<&str> = instruction.split_whitespace().collect();
    let kept = context.stream.index(words.len().max(1));
    words[..kept].join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_prompt_has_its_share_so_far_and_never_enters() {
        let score = |right, answered, stopped| {
            scored(Tally { right, answered, stopped }, vec![1.0], Some(0.5)).objective
        };
        assert_eq!((score(1, 10, true), score(6, 10, true), score(6, 10, false)), (0.1, 0.5, 0.6));
    }

    #[test]
    fn length_counts_words_by_doubling() {
        assert_eq!((length(""), length("one"), length("one two"), length("a b c d")), (0.0, 0.0, 1.0, 2.0));
    }
}
