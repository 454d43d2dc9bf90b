//! A score from operations: one per answer, one for all answers, or samples that are counted.

use std::sync::atomic::Ordering;

use futures_util::future::{join_all, try_join_all};

use super::{Client, LanguageModel, unexpected};
use crate::{
    error::{ErrorKind, LmError},
    operation::{Answer, Endpoint, Operation, Value},
    types::{CompletionRequest, Sampling, ScoreMethod, ScoreRequest, Usage},
};

/// Most tokens of a sampled answer, and of one of a model that thinks first.
pub(super) const SAMPLE_TOKENS: u32 = 8;
const SAMPLE_TOKENS_OF_THINKERS: u32 = 2048;

impl Client {
    /// The answers' log-probabilities by one method.
    pub(crate) async fn score_by(
        &self,
        request: &ScoreRequest,
        method: ScoreMethod,
    ) -> Result<(Vec<f64>, Usage), LmError> {
        let how = self.endpoint().await?;
        match method {
            ScoreMethod::Echo
            | ScoreMethod::PromptLogprobs
            | ScoreMethod::Grammar
            | ScoreMethod::Evaluate
            | ScoreMethod::InputLogprobs
            | ScoreMethod::Prefill => self.score_each(request, method, how).await,
            ScoreMethod::TopLogprobs | ScoreMethod::Scripted | ScoreMethod::Embedded => {
                let (answer, usage) = self.perform(&Operation::Labels { request, how }).await?;
                Ok((log_probabilities(answer)?, usage))
            }
            ScoreMethod::Sampling => self.sample(request, how).await,
            ScoreMethod::Rating => self.rate(request, how).await,
        }
    }

    async fn score_each(
        &self,
        request: &ScoreRequest,
        method: ScoreMethod,
        how: &Endpoint,
    ) -> Result<(Vec<f64>, Usage), LmError> {
        let operations: Vec<Operation<'_>> = request
            .answers
            .iter()
            .map(|answer| Operation::LogProbability { prompt: &request.prompt, answer, method, how })
            .collect();
        let mut usage = Usage::default();
        let mut scores = Vec::new();
        for (answer, took) in try_join_all(operations.iter().map(|operation| self.perform(operation))).await?
        {
            usage.join(&took);
            scores.extend(log_probabilities(answer)?);
        }
        Ok((scores, usage))
    }

    /// Smoothed frequencies of short answers at temperature 1.
    async fn sample(&self, request: &ScoreRequest, how: &Endpoint) -> Result<(Vec<f64>, Usage), LmError> {
        let (texts, usage) = self.samples(&request.prompt, request.seed, how).await?;
        let mut counts = vec![0; request.answers.len()];
        for label in texts.iter().filter_map(|text| label_of(text, &request.answers)) {
            counts[label] += 1;
        }
        if counts.iter().all(|count| *count == 0) {
            // Equal values for every question would look like a judge that is undecided.
            let message = format!(
                "{}: none of {} sampled answers begins with one of {:?}",
                self.label(),
                texts.len(),
                request.answers
            );
            return Err(
                LmError::new(ErrorKind::Malformed, message).hint("ask for a one-word answer in the prompt")
            );
        }
        Ok((smoothed(&counts, self.settings.score_smoothing), usage))
    }

    /// `score_samples` short texts after a prompt at temperature 1, each with a seed of its own; longer ones from a model
    /// that thinks before it answers, once that is found.
    pub(crate) async fn samples(
        &self,
        prompt: &str,
        seed: u64,
        how: &Endpoint,
    ) -> Result<(Vec<String>, Usage), LmError> {
        let tokens = self.sample_tokens.load(Ordering::Relaxed);
        match self.samples_of(tokens, prompt, seed, how).await {
            Err(error) if error.kind == ErrorKind::OnlyThoughts && tokens < SAMPLE_TOKENS_OF_THINKERS => {
                let sampled = self.samples_of(SAMPLE_TOKENS_OF_THINKERS, prompt, seed, how).await;
                if sampled.is_ok() {
                    self.sample_tokens.store(SAMPLE_TOKENS_OF_THINKERS, Ordering::Relaxed);
                }
                sampled
            }
            sampled => sampled,
        }
    }

    /// The same of a length. A server that can is asked for all at once; what it does not give is asked for one by one.
    async fn samples_of(
        &self,
        max_tokens: u32,
        prompt: &str,
        seed: u64,
        how: &Endpoint,
    ) -> Result<(Vec<String>, Usage), LmError> {
        let count = self.settings.score_samples;
        let request = |sample: u64| {
            // Seeds of one request must differ, and stay below 2^31.
            let seed = (seed.wrapping_mul(31).wrapping_add(sample)) & 0x7fff_ffff;
            let sampling = Sampling {
                max_tokens,
                temperature: 1.0,
                top_p: 1.0,
                stop: Vec::new(),
                seed,
                penalties: Default::default(),
            };
            CompletionRequest { prompt: prompt.to_owned(), instructions: None, sampling }
        };
        let (mut texts, mut usage) = (Vec::new(), Usage::default());
        if count > 1 && self.facts().several && !self.single.load(Ordering::Relaxed) {
            match self.perform(&Operation::Several { request: &request(0), count, how }).await {
                Ok((Answer { value: Value::Texts(several), .. }, took)) => {
                    // A server that gives only one, whatever was asked for, need not be asked again.
                    self.single.store(several.len() < 2, Ordering::Relaxed);
                    texts = several;
                    usage.join(&took);
                }
                Ok((other, _)) => return Err(unexpected(&other.value)),
                Err(error) if error.kind == ErrorKind::Invalid => self.single.store(true, Ordering::Relaxed),
                Err(error) => return Err(error),
            }
        }
        let missing: Vec<CompletionRequest> = (texts.len() as u64..u64::from(count)).map(request).collect();
        let operations: Vec<Operation<'_>> =
            missing.iter().map(|request| Operation::Complete { request, how }).collect();
        let mut thought = None;
        for sampled in join_all(operations.iter().map(|operation| self.perform(operation))).await {
            match sampled {
                Ok((Answer { value: Value::Text(text, _), .. }, took)) => {
                    usage.join(&took);
                    texts.push(text);
                }
                Ok((other, _)) => return Err(unexpected(&other.value)),
                // Others may have come to an answer.
                Err(error) if error.kind == ErrorKind::OnlyThoughts => thought = Some(error),
                Err(error) => return Err(error),
            }
        }
        match thought {
            Some(error) if texts.iter().all(|text| text.trim().is_empty()) => Err(error),
            _ => Ok((texts, usage)),
        }
    }
}

/// Logarithms of frequencies after `smoothing` was added to each count (Lidstone; Laplace with 1).
///
/// Of k samples of which a fraction p names an answer, the estimate's standard deviation is at most sqrt(p (1 - p) /
/// k), so 0.125 for 16 samples, and its bias towards equal values n smoothing / (k + n smoothing) of the distance for n
/// answers, so a ninth for 16 samples of two.
fn smoothed(counts: &[u32], smoothing: f64) -> Vec<f64> {
    let total: f64 = counts.iter().map(|count| f64::from(*count) + smoothing).sum();
    counts.iter().map(|count| libm::log((f64::from(*count) + smoothing) / total)).collect()
}

/// What chats write in front of an answer, in small letters, longer ones before their own endings: "**Answer:** yes",
/// `{"answer": "yes"}`, `<answer>yes`, `\boxed{\text{yes}}`.
const LEADS: &[&str] = &[
    "the final answer is",
    "the correct answer is",
    "the answer is",
    "my answer is",
    "final answer",
    "answer",
    "response",
    "verdict",
    "label",
    "boxed",
    "text",
];

/// The answer that a sampled text begins with, or has behind words that only lead to it; of several, the longest.
fn label_of(text: &str, answers: &[String]) -> Option<usize> {
    let text = text.to_lowercase();
    let mut rest = word_at_start(&text);
    // Each turn takes a lead away: two or three are as many as there are.
    for _ in 0..4 {
        let begins = |answer: &String| behind_words(rest, &answer.trim().to_lowercase()).is_some();
        let found = (0..answers.len()).filter(|i| begins(&answers[*i]));
        if let Some(label) = found.max_by_key(|i| answers[*i].trim().len()) {
            return Some(label);
        }
        rest = word_at_start(LEADS.iter().find_map(|lead| behind_words(rest, lead))?);
    }
    None
}

/// A text from its first letter or digit on.
fn word_at_start(text: &str) -> &str {
    text.trim_start_matches(|c: char| !c.is_alphanumeric())
}

/// What follows words that a text begins with: "nothing" does not begin with "no".
fn behind_words<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    text.strip_prefix(words).filter(|rest| !rest.starts_with(char::is_alphanumeric))
}

fn log_probabilities(answer: Answer) -> Result<Vec<f64>, LmError> {
    match answer.value {
        Value::LogProbabilities(values) => Ok(values),
        other => Err(unexpected(&other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampled_text_names_the_answer_that_it_begins_with_as_a_word() {
        let answers = ["no", "yes", "yes and no"].map(str::to_owned);
        for (text, label) in [
            (" No.", Some(0)),
            ("**Yes**, clearly", Some(1)),
            ("yes and no: it depends", Some(2)),
            ("YES", Some(1)),
            ("Answer: no", Some(0)),
            ("**Final answer:** No.", Some(0)),
            ("The answer is yes, not no.", Some(1)),
            ("{\"answer\": \"yes\"}", Some(1)),
            ("<answer>no</answer>", Some(0)),
            ("$\\boxed{\\text{Yes}}$", Some(1)),
            ("Response: yes and no", Some(2)),
            ("The answer is not yes", None),
            ("Answers: yes", None),
            ("answer answer answer answer answer yes", None),
            ("nothing of the kind", None),
            ("I say no", None),
            ("", None),
        ] {
            assert_eq!(label_of(text, &answers), label, "{text:?}");
        }
    }

    /// Of k samples, how probable it is that exactly `named` name an answer of probability p.
    fn binomial(k: u32, named: u32, p: f64) -> f64 {
        let ways: f64 = (0..named).map(|i| f64::from(k - i) / f64::from(i + 1)).product();
        ways * p.powi(named as i32) * (1.0 - p).powi((k - named) as i32)
    }

    proptest::proptest! {
        #[test]
        fn sampled_frequencies_are_calibrated_as_documented(k in 1_u32..64, smoothing in 0.1..4.0, p in 0.0..1.0_f64) {
            let estimate = |named: u32| smoothed(&[named, k - named], smoothing)[0].exp();
            let over = |f: &dyn Fn(f64) -> f64| -> f64 {
                (0..=k).map(|named| binomial(k, named, p) * f(estimate(named))).sum()
            };
            let mean = over(&|q| q);
            let pull = 2.0 * smoothing / (f64::from(k) + 2.0 * smoothing);
            proptest::prop_assert!((mean - (p + pull * (0.5 - p))).abs() < 1e-9);
            let deviation = over(&|q| (q - mean) * (q - mean)).max(0.0).sqrt();
            proptest::prop_assert!(deviation <= (p * (1.0 - p) / f64::from(k)).sqrt() + 1e-9);
        }
    }
}
