//! `lmx_generation`: texts evolved by language-model crossover and judged by AI feedback.
//!
//! Variation is a few-shot prompt (Meyerson et al. 2023, LMX, arXiv 2302.12170): the model continues a list of
//! examples, and so crosses them. Measures and objective are a judge's answer probabilities (Bradley et al. 2023,
//! QDAIF, arXiv 2310.13032). The flow is in this file; [`prompt`] writes prompts and cuts completions, [`settings`]
//! is the section of the experiment.

pub mod prompt;
pub mod settings;

use std::sync::Arc;

use samara_engine::{
    Context, Environment, Future, Invalid, Outcome, Plan, Question, Roles, State, Trouble, decode,
};
use samara_journal::Genome;
use samara_lm::{Sampling, Score};
use samara_qd::Stream;

use crate::{Parts, expect_no_operator};
use settings::{Mutation, PoolOrigin, Quality, Settings};

/// Its name in `experiment.environment`.
pub const NAME: &str = "lmx_generation";

/// How many texts a `generated` pool starts with (the reference system's number).
const GENERATED_POOL: usize = 5;

struct Lmx {
    settings: Settings,
    /// The seed texts; empty if the pool is generated.
    seeds: Vec<String>,
}

/// Builds it, reading the seed pool.
pub(crate) fn build(parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(parts)?;
    let settings: Settings = decode(parts.section, "environment")?;
    settings.validate(parts.axes)?;
    let seeds = settings.read_pool(parts.folder)?;
    Ok(Arc::new(Lmx { settings, seeds }))
}

impl Environment for Lmx {
    fn name(&self) -> &'static str {
        NAME
    }

    fn roles(&self) -> Roles {
        let embedder = self.settings.quality == Quality::Embedding;
        Roles { generator: true, judge: true, embedder, ..Roles::default() }
    }

    fn set_up<'a>(&'a self, context: &'a mut Context) -> Future<'a, Vec<String>> {
        Box::pin(async move {
            match self.settings.solution_init_method {
                PoolOrigin::Seed => Ok(self.seeds.clone()),
                PoolOrigin::Generated => self.generate_pool(context).await,
            }
        })
    }

    fn feeds_pool(&self) -> bool {
        self.settings.mutation_method == Mutation::Replace
    }

    fn draws_examples(&self) -> bool {
        true
    }

    fn create(&self, state: &State, stream: &mut Stream) -> Plan {
        let examples = state.examples().draw(self.settings.few_shot, stream);
        let parents = examples.iter().filter_map(|example| example.candidate).collect();
        let material = examples.into_iter().map(|example| Genome::Text(example.text)).collect();
        Plan { fresh: true, parents, material }
    }

    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        match self.settings.mutation_method {
            Mutation::LmxNear => self.near(state, stream),
            Mutation::Replace => replace(state, stream),
        }
    }

    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome> {
        Box::pin(async move {
            let examples: Vec<Arc<str>> = plan.material.iter().map(|genome| genome.text().into()).collect();
            let prompt = prompt::few_shot(&self.settings.prompt_template, &examples);
            let Some(text) = self.write(prompt, context).await? else {
                let why = format!("{} completions in a row held no text", self.settings.attempts);
                return Ok(Outcome::Invalid { genome: None, why });
            };
            let genome = Genome::FewShot { examples, text: text.into() };
            match self.judge(&genome.text(), context).await {
                Ok((measures, objective)) => Ok(Outcome::Scored { genome, measures, objective }),
                Err(Trouble::Candidate(why)) => Ok(Outcome::Failed { genome: Some(genome), why }),
                Err(stop) => Err(stop),
            }
        })
    }
}

impl Lmx {
    /// Fills the pool with zero-shot completions of the template.
    async fn generate_pool(&self, context: &mut Context) -> Result<Vec<String>, Trouble> {
        let mut pool = Vec::new();
        for _ in 0..GENERATED_POOL.max(self.settings.few_shot) {
            let prompt = prompt::few_shot(&self.settings.prompt_template, &[]);
            let text = self.write(prompt, context).await?.ok_or_else(|| {
                let attempts = self.settings.attempts;
                Trouble::Candidate(format!(
                    "the generator wrote no text for the prompt pool in {attempts} attempts"
                ))
            })?;
            pool.push(text);
        }
        Ok(pool)
    }

    /// A completion, cut and closed; `None` if every attempt was empty.
    async fn write(&self, prompt: String, context: &mut Context) -> Result<Option<String>, Trouble> {
        for _ in 0..self.settings.attempts {
            let sampling = Sampling {
                max_tokens: self.settings.gen_max_len,
                temperature: self.settings.temperature,
                top_p: self.settings.top_p,
                stop: prompt::SERVER_STOPS.iter().map(|stop| (*stop).to_owned()).collect(),
                seed: 0,
            };
            let completion = context.complete(prompt.clone(), sampling).await?;
            let text = prompt::tidy(&completion.text);
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Measures (one per diversity question) and objective of a text.
    async fn judge(&self, text: &str, context: &mut Context) -> Result<(Vec<f64>, f64), Trouble> {
        let settings = &self.settings;
        let mut questions: Vec<Question> = settings
            .diversity
            .iter()
            .map(|axis| self.question(&axis.instruction_prompt, &axis.answers, text))
            .collect();
        if settings.quality == Quality::AiFeedback {
            questions.push(self.question(&settings.quality_feedback_prompt, &settings.quality_answers, text));
        }
        let scores = context.score(questions).await?;
        let mut measures: Vec<f64> = scores.iter().map(first_answer).collect();
        let objective = match settings.quality {
            Quality::AiFeedback => measures.pop().unwrap_or(f64::NAN),
            Quality::Embedding => self.similarity(text, context).await?,
        };
        Ok((measures, objective))
    }

    fn question(&self, instruction: &str, answers: &[String], text: &str) -> Question {
        Question {
            prompt: prompt::feedback(instruction, &self.settings.instruction_suffix, text),
            answers: answers
                .iter()
                .map(|answer| format!("{}{answer}", self.settings.answer_prefix))
                .collect(),
        }
    }

    /// Cosine similarity of the text's embedding to the reference sentence's, -1 to 1.
    async fn similarity(&self, text: &str, context: &mut Context) -> Result<f64, Trouble> {
        let vectors = context.embed(vec![text.to_owned(), self.settings.reference.clone()]).await?;
        match &vectors[..] {
            [a, b] => cosine(a, b).ok_or_else(|| Trouble::Candidate("an embedding has no direction".into())),
            _ => Err(Trouble::Candidate(format!("the embedder gave {} vectors for 2 texts", vectors.len()))),
        }
    }

    /// `lmx_near`: elites of cells near a uniformly chosen one are the examples.
    fn near(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        let elites = state.archive().select_near(stream, self.settings.few_shot)?;
        let material = elites.iter().map(|elite| text_of(state.genome(elite))).collect();
        Some(Plan::varied(elites.iter().map(|elite| elite.id).collect(), material))
    }
}

/// `replace`: a uniformly chosen elite's examples, with one position replaced by a pool item. The child gets its own
/// list.
fn replace(state: &State, stream: &mut Stream) -> Option<Plan> {
    let elite = state.archive().select(stream)?;
    let mut examples: Vec<Genome> =
        state.genome(&elite).examples().iter().cloned().map(Genome::Text).collect();
    let pool = state.pool();
    if examples.is_empty() || pool.is_empty() {
        return None;
    }
    let place = stream.index(examples.len());
    examples[place] = Genome::Text(Arc::clone(pool.get(stream.index(pool.len()))));
    Some(Plan::varied(vec![elite.id], examples))
}

fn text_of(genome: &Genome) -> Genome {
    match genome {
        Genome::FewShot { text, .. } | Genome::Text(text) => Genome::Text(Arc::clone(text)),
        Genome::Vector(_) => Genome::Text(genome.text().into()),
    }
}

/// P(first answer), normalised over the answers.
fn first_answer(score: &Score) -> f64 {
    score.normalised().first().copied().unwrap_or(f64::NAN)
}

fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let norms = libm::sqrt(dot(a, a)) * libm::sqrt(dot(b, b));
    (norms > 0.0 && norms.is_finite() && a.len() == b.len()).then(|| (dot(a, b) / norms).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::cosine;

    #[test]
    fn similarity_ignores_length_and_refuses_what_has_no_direction() {
        assert_eq!(cosine(&[1.0, 0.0], &[5.0, 0.0]), Some(1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 2.0]), Some(0.0));
        assert_eq!(cosine(&[0.0, 0.0], &[0.0, 2.0]), None);
        assert_eq!(cosine(&[1.0], &[1.0, 2.0]), None);
    }
}
