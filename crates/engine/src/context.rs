//! One candidate's access to the world: its random stream and the language models.
//!
//! Every call gets a seed derived from (run seed, candidate, call number), and every call is recorded, the failed
//! ones too. What an answer means is the environment's business.

use std::sync::Arc;

use futures_util::future::join_all;
use samara_journal::{CallKind, ModelCall};
use samara_lm::{
    Completion, CompletionRequest, EmbedRequest, ErrorKind, LanguageModel, LmError, Sampling, Score,
    ScoreRequest, Usage,
};
use samara_qd::Stream;

use crate::{Charge, EngineError, Roles, Trouble};

/// The models of a run, by role. A role that the environment does not need may be absent.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Writes the variation.
    pub generator: Option<Arc<dyn LanguageModel>>,
    /// Judges by the log-probabilities of answers.
    pub judge: Option<Arc<dyn LanguageModel>>,
    /// Embeds texts.
    pub embedder: Option<Arc<dyn LanguageModel>>,
}

impl Models {
    /// The first role that is needed and absent.
    pub fn missing(&self, roles: Roles) -> Option<&'static str> {
        let wanted = [
            ("generator", roles.generator, &self.generator),
            ("judge", roles.judge, &self.judge),
            ("embedder", roles.embedder, &self.embedder),
        ];
        wanted.into_iter().find(|(_, needed, model)| *needed && model.is_none()).map(|(name, ..)| name)
    }
}

/// A question for the judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Everything before the answer.
    pub prompt: String,
    /// The possible answers, exactly as they would follow the prompt.
    pub answers: Vec<String>,
}

/// One candidate's access to the world.
#[derive(Debug)]
pub struct Context {
    /// The candidate's random stream, where its proposal left it.
    pub stream: Stream,
    models: Models,
    seeds: Stream,
    calls: Vec<ModelCall>,
}

impl Context {
    /// The context of candidate `index`, whose plan was drawn from `stream`.
    pub(crate) fn candidate(models: Models, seed: u64, index: u64, stream: Stream) -> Self {
        let seeds = Stream::named(seed, &format!("calls of candidate {index}"));
        Self { stream, models, seeds, calls: Vec::new() }
    }

    /// The context of the setup, before candidate 0.
    pub(crate) fn setup(models: Models, seed: u64) -> Self {
        let stream = Stream::named(seed, "setup");
        Self { stream, models, seeds: Stream::named(seed, "calls of the setup"), calls: Vec::new() }
    }

    /// The calls made so far.
    pub(crate) fn into_calls(self) -> Vec<ModelCall> {
        self.calls
    }

    /// Completes a prompt with the generator. The seed in `sampling` is replaced by the call's own.
    pub async fn complete(&mut self, prompt: String, sampling: Sampling) -> Result<Completion, Trouble> {
        let model = role(&self.models.generator, "generator")?;
        let seed = self.next_seed();
        let request = CompletionRequest { prompt, sampling: Sampling { seed, ..sampling } };
        let reply = model.complete(&request).await;
        let mut call = blank("generator", CallKind::Complete, model.label(), request.prompt, seed);
        if let Ok(completion) = &reply {
            call.answer.clone_from(&completion.text);
            note_usage(&mut call, &completion.usage);
        }
        self.record(call, reply)
    }

    /// Asks the judge all questions at once; one score per question, in their order.
    pub async fn score(&mut self, questions: Vec<Question>) -> Result<Vec<Score>, Trouble> {
        let model = role(&self.models.judge, "judge")?;
        let requests: Vec<ScoreRequest> = questions
            .into_iter()
            .map(|question| ScoreRequest {
                prompt: question.prompt,
                answers: question.answers,
                seed: self.next_seed(),
            })
            .collect();
        let replies = join_all(requests.iter().map(|request| model.score(request))).await;
        let mut scores = Vec::with_capacity(replies.len());
        let mut trouble = None;
        for (request, reply) in requests.into_iter().zip(replies) {
            let mut call = blank("judge", CallKind::Score, model.label(), request.prompt, request.seed);
            call.answer = serde_json::to_string(&request.answers).unwrap_or_default();
            if let Ok(score) = &reply {
                call.log_probabilities.clone_from(&score.log_probabilities);
                call.method = Some(score.method.name().to_owned());
                note_usage(&mut call, &score.usage);
            }
            match self.record(call, reply) {
                Ok(score) => scores.push(score),
                Err(first) => trouble = trouble.or(Some(first)),
            }
        }
        trouble.map_or(Ok(scores), Err)
    }

    /// Embeds texts; one vector per text, in their order.
    pub async fn embed(&mut self, texts: Vec<String>) -> Result<Vec<Vec<f64>>, Trouble> {
        let model = role(&self.models.embedder, "embedder")?;
        let request = EmbedRequest { texts };
        let reply = model.embed(&request).await;
        let prompt = serde_json::to_string(&request.texts).unwrap_or_default();
        let mut call = blank("embedder", CallKind::Embed, model.label(), prompt, 0);
        if let Ok(embeddings) = &reply {
            call.answer = embeddings.vectors.first().map_or(0, Vec::len).to_string();
            note_usage(&mut call, &embeddings.usage);
        }
        self.record(call, reply).map(|embeddings| embeddings.vectors)
    }

    /// Servers take seeds of 31 bits at least, so that is what they get.
    fn next_seed(&mut self) -> u64 {
        self.seeds.next_u64() >> 33
    }

    fn record<T>(&mut self, mut call: ModelCall, reply: Result<T, LmError>) -> Result<T, Trouble> {
        let role = call.role.as_ref();
        let result = reply.map_err(|error| {
            call.error = Some(error.to_string());
            trouble(role_name(role), error)
        });
        self.calls.push(call);
        result
    }
}

/// What a list of calls cost.
pub(crate) fn charge_of(calls: &[ModelCall]) -> Charge {
    let mut charge = Charge::default();
    for call in calls {
        charge += Charge { calls: 1, tokens: call.tokens_in + call.tokens_out, money: call.cost };
    }
    charge
}

/// Whether a failed call is the candidate's misfortune or the end of the session: a server that answers, however
/// badly, may have choked on this request; one that can't be reached or refuses us will do so for every other.
fn trouble(role: &'static str, error: LmError) -> Trouble {
    match error.kind {
        ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Malformed | ErrorKind::Invalid => {
            Trouble::Candidate(format!("the {role}: {error}"))
        }
        ErrorKind::Configuration
        | ErrorKind::Unreachable
        | ErrorKind::Refused
        | ErrorKind::Unsupported
        | ErrorKind::Budget => Trouble::Run(EngineError::Model { role, error }),
    }
}

fn role(
    model: &Option<Arc<dyn LanguageModel>>,
    name: &'static str,
) -> Result<Arc<dyn LanguageModel>, Trouble> {
    model.clone().ok_or_else(|| {
        Trouble::Run(EngineError::Internal(format!(
            "the environment asked the {name}, which its roles don't name"
        )))
    })
}

fn role_name(role: &str) -> &'static str {
    match role {
        "generator" => "generator",
        "judge" => "judge",
        _ => "embedder",
    }
}

fn blank(role: &str, kind: CallKind, model: &str, prompt: String, seed: u64) -> ModelCall {
    ModelCall {
        role: role.to_owned(),
        kind,
        model: model.to_owned(),
        prompt,
        answer: String::new(),
        log_probabilities: Vec::new(),
        method: None,
        tokens_in: 0,
        tokens_out: 0,
        cost: 0.0,
        latency_ms: 0.0,
        attempts: 0,
        seed,
        error: None,
    }
}

fn note_usage(call: &mut ModelCall, usage: &Usage) {
    call.tokens_in = usage.tokens_in;
    call.tokens_out = usage.tokens_out;
    call.cost = usage.cost;
    call.latency_ms = usage.latency_ms;
    call.attempts = usage.attempts;
}
