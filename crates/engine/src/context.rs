//! One candidate's access to the world: its random stream, the language models and the sandbox.
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
use samara_sandbox::{Job, Outcome as Ending, SandboxError, Verdict};

use crate::{Charge, EngineError, Programs, Roles, Trouble};

/// The models of a run, by role. A role that the environment does not need may be absent.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Write the variation: one model, or those of an ensemble.
    pub generator: Vec<Arc<dyn LanguageModel>>,
    /// Judges by the log-probabilities of answers.
    pub judge: Option<Arc<dyn LanguageModel>>,
    /// Embeds texts.
    pub embedder: Option<Arc<dyn LanguageModel>>,
}

impl Models {
    /// The first role that is needed and absent.
    pub fn missing(&self, roles: Roles) -> Option<&'static str> {
        let wanted = [
            ("generator", roles.generator, !self.generator.is_empty()),
            ("judge", roles.judge, self.judge.is_some()),
            ("embedder", roles.embedder, self.embedder.is_some()),
        ];
        wanted.into_iter().find(|(_, needed, there)| *needed && !there).map(|(name, ..)| name)
    }
}

/// What candidates live with: the models, and the sandbox if programs are to run.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The models, by role.
    pub models: Models,
    /// The sandbox. Absent unless the environment's roles name it.
    pub programs: Option<Programs>,
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
    /// Which of the generators writes.
    arm: usize,
    programs: Option<Programs>,
    seeds: Stream,
    calls: Vec<ModelCall>,
    isolation: Option<String>,
}

impl Context {
    /// The context of candidate `index`, whose plan was drawn from `stream`, and which generator `arm` writes.
    pub(crate) fn candidate(tools: Tools, seed: u64, index: u64, stream: Stream, arm: usize) -> Self {
        let seeds = Stream::named(seed, &format!("calls of candidate {index}"));
        Self { arm, ..Self::new(tools, stream, seeds) }
    }

    /// The context of the setup, before candidate 0. Of an ensemble the first model writes.
    pub(crate) fn setup(tools: Tools, seed: u64) -> Self {
        Self::new(tools, Stream::named(seed, "setup"), Stream::named(seed, "calls of the setup"))
    }

    fn new(tools: Tools, stream: Stream, seeds: Stream) -> Self {
        let Tools { models, programs } = tools;
        Self { stream, models, arm: 0, programs, seeds, calls: Vec::new(), isolation: None }
    }

    /// The calls made so far, and the isolation of the programs that ran, if any did.
    pub(crate) fn into_record(self) -> (Vec<ModelCall>, Option<String>) {
        (self.calls, self.isolation)
    }

    /// A call of `entry` in `program` under the run's limits, for [`Context::execute`]. Its seed is 0: the same
    /// program gives the same answer in every candidate.
    pub fn job(&self, program: impl Into<String>, entry: impl Into<String>) -> Result<Job, Trouble> {
        Ok(self.programs()?.job(program, entry))
    }

    /// Runs a program in the sandbox. What the program does is in the verdict; a verdict of
    /// [`Ending::Failed`], which is about the sandbox, fails the candidate.
    pub async fn execute(&mut self, job: Job) -> Result<Verdict, Trouble> {
        match self.programs()?.run(job).await {
            Ok(verdict) => {
                let isolation = &verdict.isolation;
                self.isolation = Some(format!("{}, Python {}", isolation.tier, isolation.python));
                match verdict.outcome {
                    Ending::Failed { why } => Err(Trouble::Candidate(format!("the sandbox: {why}"))),
                    _ => Ok(verdict),
                }
            }
            Err(error @ SandboxError::Job(_)) => Err(Trouble::Candidate(format!("the sandbox: {error}"))),
            Err(error) => Err(Trouble::Run(EngineError::Sandbox(error))),
        }
    }

    /// Computes something that takes longer than a worker may block, such as a simulation. It must depend on nothing
    /// but its captures.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| {
            Trouble::Run(EngineError::Internal(format!("a computation did not end well: {error}")))
        })
    }

    fn programs(&self) -> Result<&Programs, Trouble> {
        let missing = "the environment runs programs, which its roles don't name";
        self.programs.as_ref().ok_or_else(|| Trouble::Run(EngineError::Internal(missing.to_owned())))
    }

    /// Completes a prompt with the generator. The seed in `sampling` is replaced by the call's own.
    pub async fn complete(&mut self, prompt: String, sampling: Sampling) -> Result<Completion, Trouble> {
        let model = role(self.models.generator.get(self.arm), "generator")?;
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
        let model = role(self.models.judge.as_ref(), "judge")?;
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
        let model = role(self.models.embedder.as_ref(), "embedder")?;
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

/// What a list of calls cost. Found answers are charged at their price: a cache must not change where a budget ends a
/// run.
pub(crate) fn charge_of(calls: &[ModelCall]) -> Charge {
    let mut charge = Charge::default();
    for call in calls {
        let money = call.price.unwrap_or(call.cost);
        charge += Charge { calls: 1, tokens: call.tokens_in + call.tokens_out, money };
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
        | ErrorKind::Budget
        | ErrorKind::Missing
        | ErrorKind::Storage => Trouble::Run(EngineError::Model { role, error }),
    }
}

fn role(
    model: Option<&Arc<dyn LanguageModel>>,
    name: &'static str,
) -> Result<Arc<dyn LanguageModel>, Trouble> {
    model.cloned().ok_or_else(|| {
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
        price: None,
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
    call.price = (usage.price != usage.cost).then_some(usage.price);
    call.latency_ms = usage.latency_ms;
    call.attempts = usage.attempts;
}
