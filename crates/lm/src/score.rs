//! A score from operations: one per answer, one for all answers, or samples that are counted.

use futures_util::future::{join_all, try_join_all};

use crate::{
    CompletionRequest, ErrorKind, LmError, Sampling, ScoreMethod, ScoreRequest, Usage,
    client::{Answer, Client, Endpoint, LanguageModel, Operation, Value, unexpected},
    retry::carry,
};

impl Client {
    /// The answers' log-probabilities by one method.
    pub(crate) async fn weigh(
        &self,
        request: &ScoreRequest,
        method: ScoreMethod,
    ) -> Result<(Vec<f64>, Usage), LmError> {
        let how = self.endpoint().await?;
        match method {
            ScoreMethod::Echo | ScoreMethod::PromptLogprobs => self.weigh_each(request, method, how).await,
            ScoreMethod::TopLogprobs | ScoreMethod::Scripted | ScoreMethod::Embedded => {
                let (answer, usage) = carry(self, &Operation::Labels { request, how }).await?;
                Ok((log_probabilities(answer)?, usage))
            }
            ScoreMethod::Sampling => self.sample(request, how).await,
        }
    }

    async fn weigh_each(
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
        for (answer, took) in try_join_all(operations.iter().map(|operation| carry(self, operation))).await? {
            usage.join(&took);
            scores.extend(log_probabilities(answer)?);
        }
        Ok((scores, usage))
    }

    /// Laplace-smoothed frequencies of short answers at temperature 1.
    async fn sample(&self, request: &ScoreRequest, how: &Endpoint) -> Result<(Vec<f64>, Usage), LmError> {
        let requests: Vec<CompletionRequest> = (0..u64::from(self.settings.score_samples))
            .map(|sample| {
                // Seeds of one request must differ, and stay below 2^31.
                let seed = (request.seed.wrapping_mul(31).wrapping_add(sample)) & 0x7fff_ffff;
                let sampling =
                    Sampling { max_tokens: 8, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed };
                CompletionRequest { prompt: request.prompt.clone(), sampling }
            })
            .collect();
        let operations: Vec<Operation<'_>> =
            requests.iter().map(|request| Operation::Complete { request, how }).collect();
        let mut usage = Usage::default();
        let mut counts = vec![1.0; request.answers.len()];
        for sampled in join_all(operations.iter().map(|operation| carry(self, operation))).await {
            let (answer, took) = sampled?;
            usage.join(&took);
            if let Value::Text(text, _) = &answer.value
                && let Some(label) = label_of(text, &request.answers)
            {
                counts[label] += 1.0;
            }
        }
        let total: f64 = counts.iter().sum();
        if total == counts.len() as f64 {
            // Equal values for every question would look like an undecided judge.
            let message = format!(
                "{}: none of {} sampled answers begins with one of {:?}",
                self.label(),
                requests.len(),
                request.answers
            );
            return Err(
                LmError::new(ErrorKind::Malformed, message).hint("ask for a one-word answer in the prompt")
            );
        }
        Ok((counts.iter().map(|count| (count / total).ln()).collect(), usage))
    }
}

/// The answer that a sampled text begins with; of several, the longest.
fn label_of(text: &str, answers: &[String]) -> Option<usize> {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let begins = |answer: &String| {
        // "nothing" does not begin with the answer "no".
        let rest = text.strip_prefix(&answer.trim().to_lowercase());
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    (0..answers.len()).filter(|i| begins(&answers[*i])).max_by_key(|i| answers[*i].trim().len())
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
            ("nothing of the kind", None),
            ("I say no", None),
            ("", None),
        ] {
            assert_eq!(label_of(text, &answers), label, "{text:?}");
        }
    }
}
