//! One candidate's access to the world: its random stream, the language models, and a [`Bench`] for programs.
//!
//! Every call gets a seed derived from (run seed, candidate, call number), and every call is recorded, the failed
//! ones too. What an answer means is the environment's business.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::join_all;
use samara_journal::{CallKind, ModelCall};
use samara_lm::{
    Completion, CompletionRequest, EmbedRequest, ErrorKind, LanguageModel, LmError, Score, ScoreRequest,
    Usage,
};
use samara_qd::Stream;
use samara_search::{Charge, Ticket};

use crate::{
    Abort, Bench, CallsInFlight, EngineError, EvaluatorSlots, Programs, in_flight::Asking, workers::Scattered,
};

/// Which models an environment asks, and whether it runs programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Roles {
    /// Needs `models.generator`, to complete prompts.
    pub generator: bool,
    /// Needs `models.judge`, to score answers.
    pub judge: bool,
    /// Needs `models.judge`, to write answers: it is probed for completions.
    pub answers: bool,
    /// Needs `models.embedder`, to embed texts.
    pub embedder: bool,
    /// Needs the sandbox, to run programs.
    pub sandbox: bool,
}

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
            ("judge", roles.judge || roles.answers, self.judge.is_some()),
            ("embedder", roles.embedder, self.embedder.is_some()),
        ];
        wanted.into_iter().find(|(_, needed, there)| *needed && !there).map(|(name, ..)| name)
    }

    /// How many calls are worth making at once at the moment, of all of them together.
    pub(crate) fn room(&self) -> usize {
        let all = self.generator.iter().chain(&self.judge).chain(&self.embedder);
        all.map(|model| model.room()).reduce(usize::saturating_add).unwrap_or(usize::MAX)
    }
}

/// What candidates are made with: the models, and the sandbox if programs are to run.
#[derive(Debug, Clone, Default)]
pub struct Tools {
    /// The models, by role.
    pub models: Models,
    /// The sandbox. Absent unless the environment's roles name it.
    pub programs: Option<Programs>,
    /// The user's evaluator. Absent unless the environment has options for one.
    pub evaluators: Option<EvaluatorSlots>,
    /// What evaluates drafts in place of the environment's own evaluator, if anything: that one with workers elsewhere.
    pub scattered: Option<Scattered>,
    /// Model calls that wait for their answers at this moment.
    pub calls_in_flight: Arc<CallsInFlight>,
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
    /// The candidate's random stream, where its plan left it.
    pub stream: Stream,
    /// Where programs run.
    pub bench: Bench,
    models: Models,
    /// The position of the generator that writes.
    generator: usize,
    seeds: Stream,
    calls: Vec<ModelCall>,
    in_flight: Arc<CallsInFlight>,
    /// While the candidate asks models, or will next.
    asking: Option<Asking>,
    scales: BTreeMap<String, [f64; 2]>,
    /// What a person has the generator told beside its instructions.
    note: Option<String>,
}

impl Context {
    /// The context of a ticket's candidate.
    pub(crate) fn candidate(tools: Tools, ticket: &Ticket) -> Self {
        let seeds = Stream::named(ticket.seed, &format!("calls of candidate {}", ticket.index));
        let generator = ticket.generator.unwrap_or(0) as usize;
        let asking = Some(tools.calls_in_flight.ask());
        let scales = ticket.plan.scales.clone();
        Self { generator, asking, scales, ..Self::new(tools, ticket.stream.clone(), seeds) }
    }

    /// The context of the setup, before candidate 0. Of an ensemble the first model writes.
    pub(crate) fn setup(tools: Tools, seed: u64) -> Self {
        Self::new(tools, Stream::named(seed, "setup"), Stream::named(seed, "calls of the setup"))
    }

    fn new(tools: Tools, stream: Stream, seeds: Stream) -> Self {
        let Tools { models, programs, evaluators, calls_in_flight: in_flight, scattered: _ } = tools;
        let bench = Bench::new(programs, 0).with_evaluators(evaluators);
        Self {
            stream,
            bench,
            models,
            generator: 0,
            seeds,
            calls: Vec::new(),
            in_flight,
            asking: None,
            scales: BTreeMap::new(),
            note: None,
        }
    }

    /// With a note below the instructions of everything that the generator is asked.
    pub(crate) fn with_note(mut self, note: Option<&str>) -> Self {
        self.note = note.map(str::to_owned);
        self
    }

    /// Whether the candidate asks models, or will next: not while it is evaluated.
    pub(crate) fn set_asking(&mut self, asking: bool) {
        self.asking = asking.then(|| self.in_flight.ask());
    }

    /// The plan's scales: the least and the greatest value of numbers that had settled at the horizon.
    pub fn scales(&self) -> &BTreeMap<String, [f64; 2]> {
        &self.scales
    }

    /// The calls made so far.
    pub(crate) fn into_calls(self) -> Vec<ModelCall> {
        self.calls
    }

    /// The name of the generator that writes; `None` if there is none.
    pub(crate) fn generator(&self) -> Option<&str> {
        self.models.generator.get(self.generator).map(|model| model.label())
    }

    /// Completes a prompt with the generator. The seed of the request is replaced by the call's own.
    pub async fn complete(&mut self, mut request: CompletionRequest) -> Result<Completion, Abort> {
        let model = role(self.models.generator.get(self.generator), "generator")?;
        let seed = self.next_seed();
        request.sampling.seed = seed;
        if let Some(note) = &self.note {
            let above = request.instructions.take().map_or(String::new(), |above| above + "\n\n");
            request.instructions = Some(above + note);
        }
        let reply = self.waiting(model.complete(&request)).await;
        let mut call = blank("generator", CallKind::Complete, model.label(), model.asked(&request), seed);
        if let Ok(completion) = &reply {
            call.answer.clone_from(&completion.text);
            note_usage(&mut call, &completion.usage);
        }
        self.record(call, reply)
    }

    /// Has the judge complete all prompts at once; one completion per request, in their order. The seeds of the requests
    /// are replaced by the calls' own.
    pub async fn answer(&mut self, requests: Vec<CompletionRequest>) -> Result<Vec<Completion>, Abort> {
        let model = role(self.models.judge.as_ref(), "judge")?;
        let seeded = |mut request: CompletionRequest| {
            request.sampling.seed = self.next_seed();
            request
        };
        let requests: Vec<CompletionRequest> = requests.into_iter().map(seeded).collect();
        let asked = requests.iter().map(|request| self.waiting(model.complete(request)));
        let replies = join_all(asked).await;
        let mut completions = Vec::with_capacity(replies.len());
        let mut abort = None;
        for (request, reply) in requests.iter().zip(replies) {
            let seed = request.sampling.seed;
            let mut call = blank("judge", CallKind::Complete, model.label(), model.asked(request), seed);
            if let Ok(completion) = &reply {
                call.answer.clone_from(&completion.text);
                note_usage(&mut call, &completion.usage);
            }
            match self.record(call, reply) {
                Ok(completion) => completions.push(completion),
                Err(first) => abort = abort.or(Some(first)),
            }
        }
        abort.map_or(Ok(completions), Err)
    }

    /// Asks the judge all questions at once; one score per question, in their order.
    pub async fn score(&mut self, questions: Vec<Question>) -> Result<Vec<Score>, Abort> {
        let model = role(self.models.judge.as_ref(), "judge")?;
        let requests: Vec<ScoreRequest> = questions
            .into_iter()
            .map(|question| ScoreRequest {
                prompt: question.prompt,
                answers: question.answers,
                seed: self.next_seed(),
            })
            .collect();
        let asked = requests.iter().map(|request| self.waiting(model.score(request)));
        let replies = join_all(asked).await;
        let mut scores = Vec::with_capacity(replies.len());
        let mut abort = None;
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
                Err(first) => abort = abort.or(Some(first)),
            }
        }
        abort.map_or(Ok(scores), Err)
    }

    /// Embeds texts; one vector per text, in their order.
    pub async fn embed(&mut self, texts: Vec<String>) -> Result<Vec<Vec<f64>>, Abort> {
        self.embed_for(texts, Vec::new()).await
    }

    /// Embeds texts and the queries that they are compared with, for a model that may make a difference; a vector per
    /// text, in their order, and then one per query.
    pub async fn embed_for(
        &mut self,
        texts: Vec<String>,
        queries: Vec<String>,
    ) -> Result<Vec<Vec<f64>>, Abort> {
        let model = role(self.models.embedder.as_ref(), "embedder")?;
        let request = EmbedRequest { texts, queries };
        let reply = self.waiting(model.embed(&request)).await;
        let all: Vec<&String> = request.texts.iter().chain(&request.queries).collect();
        let prompt = serde_json::to_string(&all).unwrap_or_default();
        let mut call = blank("embedder", CallKind::Embed, model.label(), prompt, 0);
        if let Ok(embeddings) = &reply {
            call.answer = embeddings.vectors.first().map_or(0, Vec::len).to_string();
            note_usage(&mut call, &embeddings.usage);
        }
        self.record(call, reply).map(|embeddings| embeddings.vectors)
    }

    /// Counts a call among those in flight while it waits, however it ends.
    async fn waiting<T>(&self, call: impl Future<Output = T>) -> T {
        let _counted = self.in_flight.begin();
        call.await
    }

    /// Servers take seeds of 31 bits at least, so that is what they get.
    fn next_seed(&mut self) -> u64 {
        self.seeds.next_u64() >> 33
    }

    fn record<T>(&mut self, mut call: ModelCall, reply: Result<T, LmError>) -> Result<T, Abort> {
        let role = call.role.as_ref();
        let result = reply.map_err(|error| {
            call.error = Some(error.to_string());
            abort(role_name(role), error)
        });
        self.calls.push(call);
        result
    }
}

/// What a list of calls cost. Cached answers are charged at their price: a cache must not change where a budget ends a
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
fn abort(role: &'static str, error: LmError) -> Abort {
    match error.kind {
        ErrorKind::Overloaded | ErrorKind::Timeout | ErrorKind::Malformed | ErrorKind::Invalid => {
            Abort::failed(format!("the {role}: {error}"))
        }
        ErrorKind::Configuration
        | ErrorKind::Unreachable
        | ErrorKind::Refused
        | ErrorKind::Unsupported
        | ErrorKind::OnlyThoughts
        | ErrorKind::Budget
        | ErrorKind::Missing
        | ErrorKind::Storage => Abort::Run(EngineError::Model { role, error }),
    }
}

fn role(model: Option<&Arc<dyn LanguageModel>>, name: &'static str) -> Result<Arc<dyn LanguageModel>, Abort> {
    model.cloned().ok_or_else(|| {
        Abort::Run(EngineError::Internal(format!(
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
