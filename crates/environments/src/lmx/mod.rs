//! `lmx_generation`: texts evolved by language-model crossover and judged by AI feedback.
//!
//! Variation is a few-shot prompt (Meyerson et al. 2023, LMX, arXiv 2302.12170): the model continues a list of
//! examples, and so crosses them. Measures and objective are a judge's answer probabilities (Bradley et al. 2023,
//! QDAIF, arXiv 2310.13032). The flow is in this file; [`prompt`] writes prompts, [`read`] makes
//! texts of answers (out of their [`wrapping`], by its [`phrases`], and [`closing`] their ends), `memory` plans and
//! remembers (the prompt [`pool`], under a [`strategy`], with its [`examples`], [`novelty`] and [`rouge`]), `near` keeps out
//! what is too like an elite, [`settings`] is the section of the experiment, with its [`seeds`].

pub mod closing;
pub mod examples;
mod memory;
mod near;
pub mod novelty;
pub mod phrases;
pub mod pool;
pub mod prompt;
pub mod read;
pub mod rouge;
pub mod seeds;
pub mod settings;
pub mod strategy;
pub mod wrapping;

use std::sync::Arc;

use samara_engine::{Abort, About, Context, Environment, Future, Question, Roles, Screen};
use samara_lm::{Completion, CompletionRequest, Penalties, Sampling, Score as Answered};
use samara_search::{AxisSettings, Genome, Index, Invalid, Plan, Proposer, Score, Strategy, Ticket, schema};

use crate::{
    answer,
    prompt_evolution::answers::most_probable,
    source::{Source, expect_cells, expect_no_operator},
};
use examples::Examples;
use memory::Memory;
use pool::Pool;
use read::Reader;
use settings::{LmxSettings, Measured, Mutation, PoolOrigin, Quality};

/// Its name in `experiment.environment`.
pub const NAME: &str = "lmx_generation";

struct Lmx {
    settings: LmxSettings,
    axes: Vec<AxisSettings>,
    strategy: Strategy,
    reader: Reader,
    /// The seed texts; empty if the pool is generated.
    seeds: Vec<String>,
}

/// Builds it, reading the seed pool.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: LmxSettings = schema::read(source.section, "environment")?;
    settings.validate(source.axes)?;
    if settings.mutation_method == Mutation::LmxNear {
        expect_cells(source, settings.few_shot, "environment.few_shot")?;
    }
    let seeds = settings.read_pool(source.inputs)?;
    let (axes, strategy) = (source.axes.to_vec(), source.search.strategy.clone());
    let reader = Reader::new(&settings.prompt_template, settings.cuts.clone());
    Ok(Arc::new(Lmx { settings, axes, strategy, reader, seeds }))
}

impl Environment for Lmx {
    fn name(&self) -> &str {
        NAME
    }

    fn roles(&self) -> Roles {
        let embedder = self.settings.quality == Quality::Embedding;
        Roles { generator: true, judge: true, embedder, ..Roles::default() }
    }

    fn about(&self) -> About {
        let settings = &self.settings;
        let mut judge: Vec<&String> =
            settings.diversity.iter().map(|axis| &axis.instruction_prompt).collect();
        if settings.quality == Quality::AiFeedback {
            judge.push(&settings.quality_feedback_prompt);
        }
        About::Texts {
            generator: vec![vec![settings.prompt_template.clone()]],
            judge: judge.into_iter().map(|instruction| vec![instruction.clone()]).collect(),
        }
    }

    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async move {
            match self.settings.solution_init_method {
                PoolOrigin::Seed => Ok(self.seeds.clone()),
                PoolOrigin::Generated => self.generate_pool(context).await,
            }
        })
    }

    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer> {
        let pool = Pool::new(self.settings.max_prompt_pool_size, pool.iter().cloned());
        let replaces = self.settings.mutation_method == Mutation::Replace;
        let joining = replaces.then_some(self.settings.joins_prompt_pool);
        let examples = Examples::new(pool, &self.strategy, &self.settings.novelty, &self.axes, joining);
        let (mutation, few_shot) = (self.settings.mutation_method, self.settings.few_shot);
        Box::new(Memory { examples, mutation, few_shot })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        Box::pin(async move {
            let examples: Vec<Arc<str>> = plan.sources().iter().map(|genome| genome.text().into()).collect();
            match self.complete(&examples, context).await? {
                Ok(text) => Ok(Genome::FewShot { examples, text: text.into() }),
                Err(last) => Err(answer::nothing(self.settings.attempts, "held no text", last.as_ref())),
            }
        })
    }

    fn screen<'a>(
        &'a self,
        draft: &'a Genome,
        ticket: &'a Ticket,
        index: &'a Index,
        _context: &'a mut Context,
    ) -> Future<'a, Screen> {
        Box::pin(async move { Ok(near::screen(self.settings.similarity, draft, ticket, index)) })
    }

    fn judge<'a>(&'a self, draft: &'a Genome, _score: Score, context: &'a mut Context) -> Future<'a, Score> {
        Box::pin(async move { self.judge_text(&draft.text(), context).await })
    }
}

impl Lmx {
    /// Fills the pool with zero-shot completions of the template.
    async fn generate_pool(&self, context: &mut Context) -> Result<Vec<String>, Abort> {
        let mut pool = Vec::new();
        for _ in 0..self.settings.initial_pool() {
            let text = self.complete(&[], context).await?.map_err(|last| {
                let why = answer::reason(self.settings.attempts, "held no text", last.as_ref());
                Abort::failed(format!("the generator wrote no text for the prompt pool: {why}"))
            })?;
            pool.push(text);
        }
        Ok(pool)
    }

    /// A text that goes on after these examples; the last answer if no attempt held one.
    async fn complete(
        &self,
        examples: &[Arc<str>],
        context: &mut Context,
    ) -> Result<Result<String, Option<Completion>>, Abort> {
        let request = self.request(examples);
        let mut last = None;
        for _ in 0..self.settings.attempts {
            let completion = context.complete(request.clone()).await?;
            let text = self.reader.read(&completion.text);
            if !text.is_empty() {
                return Ok(Ok(text));
            }
            last = Some(completion);
        }
        Ok(Err(last))
    }

    fn request(&self, examples: &[Arc<str>]) -> CompletionRequest {
        let settings = &self.settings;
        let usual = || prompt::instructions(examples.len()).to_owned();
        let instructions = settings.instructions.clone().unwrap_or_else(usual);
        CompletionRequest {
            prompt: prompt::few_shot(&settings.prompt_template, settings.template_joint.text(), examples),
            instructions: (!instructions.is_empty()).then_some(instructions),
            sampling: Sampling {
                max_tokens: settings.gen_max_len,
                temperature: settings.temperature,
                top_p: settings.top_p,
                stop: settings.stop.clone(),
                seed: 0,
                penalties: Penalties {
                    frequency: settings.frequency_penalty,
                    presence: settings.presence_penalty,
                },
            },
        }
    }

    /// Measures (one per diversity question) and objective of a text.
    async fn judge_text(&self, text: &str, context: &mut Context) -> Result<Score, Abort> {
        let settings = &self.settings;
        let mut questions: Vec<Question> = settings
            .diversity
            .iter()
            .map(|axis| {
                let template = settings.feedback_template(axis.feedback_prompt_template.as_ref());
                self.question(template, &axis.instruction_prompt, &axis.answers, text)
            })
            .collect();
        if settings.quality == Quality::AiFeedback {
            let template = settings.feedback_template(settings.quality_feedback_prompt_template.as_ref());
            let asked = &settings.quality_feedback_prompt;
            questions.push(self.question(template, asked, &settings.quality_answers, text));
        }
        let scores = context.score(questions).await?;
        let asked = settings.diversity.iter().zip(&scores);
        let measures = asked.map(|(axis, score)| measure(axis.measure, score)).collect();
        let objective = match settings.quality {
            Quality::AiFeedback => scores.last().map_or(f64::NAN, first_answer),
            Quality::Embedding => self.similarity(text, context).await?,
        };
        Ok(Score::new(objective, measures))
    }

    fn question(&self, template: &str, instruction: &str, answers: &[String], text: &str) -> Question {
        let instruction = format!("{instruction}{}", self.settings.instruction_suffix);
        Question {
            prompt: prompt::feedback(template, &instruction, text, answers),
            answers: answers
                .iter()
                .map(|answer| format!("{}{answer}", self.settings.answer_prefix))
                .collect(),
        }
    }

    /// Cosine similarity of the text's embedding to the reference sentence's, -1 to 1.
    async fn similarity(&self, text: &str, context: &mut Context) -> Result<f64, Abort> {
        let vectors = context.embed_for(vec![text.to_owned()], vec![self.settings.reference.clone()]).await?;
        match &vectors[..] {
            [a, b] => cosine(a, b).ok_or_else(|| Abort::failed("an embedding has no direction")),
            _ => Err(Abort::failed(format!("the embedder gave {} vectors for 2 texts", vectors.len()))),
        }
    }
}

/// The measure that the probabilities of a question's answers come to.
fn measure(measured: Measured, score: &Answered) -> f64 {
    match measured {
        Measured::First => first_answer(score),
        Measured::Expected => expected_place(&score.normalised()),
        Measured::MostProbable => {
            most_probable(&score.log_probabilities).map_or(f64::NAN, |place| place as f64)
        }
    }
}

/// Where among answers in an order a text is expected: 0 at the first, 1 at the last.
fn expected_place(probabilities: &[f64]) -> f64 {
    let last = probabilities.len().saturating_sub(1).max(1) as f64;
    let sum: f64 =
        probabilities.iter().enumerate().map(|(place, probability)| place as f64 * probability).sum();
    // What a hundred probabilities sum to may be a little more than one.
    if sum > last { 1.0 } else { sum / last }
}

/// P(first answer), normalised over the answers.
fn first_answer(score: &Answered) -> f64 {
    score.normalised().first().copied().unwrap_or(f64::NAN)
}

/// Cosine similarity, -1 to 1; `None` where one has no direction.
pub(crate) fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let norms = libm::sqrt(dot(a, a)) * libm::sqrt(dot(b, b));
    (norms > 0.0 && norms.is_finite() && a.len() == b.len()).then(|| (dot(a, b) / norms).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use samara_lm::{ScoreMethod, Usage};

    use super::*;

    #[test]
    fn a_measure_is_the_first_answers_probability_the_expected_place_or_the_most_probable_answer() {
        let of = |measured: Measured, probabilities: &[f64]| {
            let log_probabilities = probabilities.iter().map(|p| p.ln()).collect();
            measure(
                measured,
                &Answered { log_probabilities, method: ScoreMethod::Echo, usage: Usage::default() },
            )
        };
        for (probabilities, [first, expected, most_probable]) in [
            (&[1.0, 0.0, 0.0][..], [1.0, 0.0, 0.0]),
            (&[0.0, 0.0, 0.5], [0.0, 1.0, 2.0]),
            (&[0.2, 0.6, 0.2], [0.2, 0.5, 1.0]),
            (&[0.5, 0.0, 0.25, 0.25], [0.5, 5.0 / 12.0, 0.0]),
            (&[0.25, 0.75], [0.25, 0.75, 1.0]),
        ] {
            for (measured, number) in [
                (Measured::First, first),
                (Measured::Expected, expected),
                (Measured::MostProbable, most_probable),
            ] {
                let found = of(measured, probabilities);
                assert!((found - number).abs() < 1e-12, "{measured:?} of {probabilities:?}: {found}");
            }
        }
        assert!(of(Measured::Expected, &[f64::NAN, 0.5]).is_nan(), "no number is made of none");
    }

    #[test]
    fn similarity_ignores_length_and_refuses_what_has_no_direction() {
        assert_eq!(cosine(&[1.0, 0.0], &[5.0, 0.0]), Some(1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(cosine(&[0.0, 0.0], &[0.0, 2.0]), None);
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), None);
    }
}
