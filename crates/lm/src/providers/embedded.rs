//! The model that runs inside samara: no server, no key, no network.
//!
//! Its weights come with the binary (those for texts, or those for walker programs), or from a folder in the Hugging
//! Face layout, which may be that of a model on the hub (`hub.rs`). Answers are a function of the weights and the
//! request alone, seeds included; batching is the engine's (`samara_seedling::engine`).

use std::{path::Path, sync::Arc};

use samara_seedling::{
    ChatTemplate, End, Engine, EngineSettings, Gguf, Given, Message, Model, Penalties, Reply, Request, Role,
    Sampling, SeedlingError, Tokenizer, check_tokenizer, shipped,
    train::{Corpus, kind},
    written::subjects,
};
use tokio::sync::oneshot;

use super::{
    facts::{Interfaces, Kind, LocalAttempt, LocalKnown, LocalModel, Provider},
    strings,
};
use crate::{
    digest::{digest_of_bytes, digest_of_folder},
    error::{AttemptError, ErrorKind, InvalidSetting, LmError},
    hub::Name,
    operation::{Answer, Operation, Value},
    provider_name::ProviderName,
    settings::ModelSettings,
    types::{Finish, ScoreMethod, Speciality},
};

/// A model that comes with samara, or one of a folder.
pub(super) static PROVIDER: Provider = Provider {
    name: "embedded",
    forms: &["embedded", "embedded#walkers"],
    schemes: &["embedded"],
    read: |_, rest| match rest.strip_prefix('#') {
        Some(name) => {
            Some(ModelSettings { model: Some(strings::filled(name)?), ..strings::of(ProviderName::Embedded) })
        }
        None => {
            let folder = strings::filled(rest).map(Into::into);
            Some(ModelSettings { folder, ..strings::of(ProviderName::Embedded) })
        }
    },
    check,
    kind: Kind::Local(open, ScoreMethod::Embedded),
    own_settings: &["folder", "threads", "digest"],
    interfaces: Interfaces::Either,
    digest: Some(digest),
    ..Provider::PLAIN
};

/// A model of the hub, by its name or in a folder.
pub(super) static HUB_PROVIDER: Provider = Provider {
    name: "huggingface",
    forms: &["huggingface:ORG/NAME", "huggingface:FOLDER"],
    schemes: &["huggingface"],
    read: |_, rest| {
        let settings = strings::of(ProviderName::Huggingface);
        Some(if is_folder(rest) {
            ModelSettings { folder: Some(rest.into()), ..settings }
        } else {
            ModelSettings { model: strings::filled(rest), ..settings }
        })
    },
    check: check_hub,
    kind: Kind::Local(open, ScoreMethod::Embedded),
    own_settings: &["folder", "threads", "digest"],
    interfaces: Interfaces::Either,
    digest: Some(digest),
    ..Provider::PLAIN
};

/// Whether a text means a folder rather than a name on the hub: it is one, or begins as only a path can.
fn is_folder(text: &str) -> bool {
    ["/", "./", "../"].iter().any(|start| text.starts_with(start)) || Path::new(text).is_dir()
}

fn invalid(problem: impl Into<String>, hint: &'static str) -> Result<(), InvalidSetting> {
    Err(InvalidSetting { key: "model", problem: problem.into(), hint })
}

fn check(settings: &ModelSettings) -> Result<(), InvalidSetting> {
    let Some(model) = &settings.model else { return Ok(()) };
    if settings.folder.is_some() {
        let problem = "names a model that comes with samara, and `folder` names another";
        return invalid(problem, "remove one of them");
    }
    match shipped_corpus(settings) {
        Some(_) => Ok(()),
        None => invalid(
            format!("names no embedded model: `{model}`"),
            "the embedded models are texts and walkers",
        ),
    }
}

fn check_hub(settings: &ModelSettings) -> Result<(), InvalidSetting> {
    let hint = "write model = \"ORG/NAME\", ORG/NAME@REVISION, or folder = \"FOLDER\"";
    match (&settings.model, &settings.folder) {
        (None, None) => invalid("is missing for provider = \"huggingface\"", hint),
        (Some(_), Some(_)) => invalid("and `folder` name two models", "remove one of them"),
        (Some(model), None) if Name::parse(model).is_none() => {
            invalid(format!("is not the name of a model on the Hugging Face hub: `{model}`"), hint)
        }
        _ => Ok(()),
    }
}

pub(super) fn open(settings: &ModelSettings) -> Result<Box<dyn LocalModel>, LmError> {
    Ok(Box::new(Embedded::open(settings)?))
}

/// The digest of the weights, those that come with samara included.
fn digest(settings: &ModelSettings) -> Result<String, LmError> {
    match &settings.folder {
        Some(folder) => digest_of_folder(folder, &["json", "safetensors"]),
        None => shipped::files(shipped_corpus(settings).unwrap_or_default()).map(digest_of_bytes).map_err(
            |error| {
                let (message, hint) = message_and_hint(&error);
                LmError::new(ErrorKind::Configuration, message).hint(hint)
            },
        ),
    }
}

/// A running engine.
#[derive(Debug)]
struct Embedded {
    engine: Engine,
    name: String,
    /// How the model reads a chat, if it was trained for one.
    template: Option<ChatTemplate>,
    /// Strings at which the model's own texts end, besides those of a request.
    stops: &'static [&'static str],
    speciality: Option<Speciality>,
    /// Whether it was trained to say if it knows the subject of a prompt.
    tells_subjects: bool,
}

/// Where the walkers' programs end: at a blank line, a remark, another function or a tag, none of which stands in one.
const STOPS_OF_WALKERS: &[&str] = &["\n\n", "\n#", "\ndef", "\n<"];

impl LocalModel for Embedded {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        self.name.clone()
    }

    fn chats(&self) -> bool {
        self.template.is_some()
    }

    fn speciality(&self) -> Option<Speciality> {
        self.speciality
    }

    fn known<'a>(&'a self, prompts: &'a [String]) -> LocalKnown<'a> {
        Box::pin(self.subjects_known(prompts))
    }

    fn attempt<'a>(&'a self, operation: &'a Operation<'a>, _: u32) -> LocalAttempt<'a> {
        Box::pin(self.answer(operation))
    }
}

impl Embedded {
    /// Reads the weights and starts the engine.
    fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        let Loaded { model, tokenizer, template } = load(settings).map_err(|error| {
            let (message, hint) = message_and_hint(&error);
            LmError::new(ErrorKind::Configuration, message).hint(hint)
        })?;
        let name = name(settings);
        let tells_subjects = model.config().subjects;
        let defaults = EngineSettings::default();
        let threads = settings.threads.unwrap_or(defaults.threads);
        let engine =
            Engine::start(Arc::new(model), Arc::new(tokenizer), EngineSettings { threads, ..defaults });
        let corpus = match (shipped_model(settings), &settings.folder) {
            (None, Some(folder)) => kind::read(folder).map_err(|error| {
                let (message, hint) = message_and_hint(&error);
                LmError::new(ErrorKind::Configuration, message).hint(hint)
            })?,
            (shipped, _) => shipped,
        };
        let speciality = match corpus {
            Some(Corpus::Walkers) => Some(Speciality::Walkers),
            Some(_) => Some(Speciality::Texts),
            None => tells_subjects.then_some(Speciality::Texts),
        };
        let stops = if speciality == Some(Speciality::Walkers) { STOPS_OF_WALKERS } else { &[] };
        Ok(Self { engine, name, template, stops, speciality, tells_subjects })
    }

    /// How probable it is that each prompt is about a subject of the model: all are asked at once.
    async fn subjects_known(&self, prompts: &[String]) -> Result<Option<Vec<f64>>, AttemptError> {
        if !self.tells_subjects {
            return Ok(None);
        }
        let asked = prompts.iter().map(|prompt| self.ask(subjects::question(prompt)));
        let replies = futures_util::future::try_join_all(asked).await?;
        Ok(Some(replies.iter().map(first_of).collect()))
    }

    async fn answer(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        match operation {
            Operation::Models => {
                Ok(Answer { value: Value::Models(vec![self.name.clone()]), tokens: Some((0, 0)) })
            }
            Operation::Complete { request, how } => {
                let prompt = if how.chat { self.chat(request.message())? } else { (&*request.prompt).into() };
                let sampling = Sampling {
                    max_tokens: request.sampling.max_tokens as usize,
                    temperature: request.sampling.temperature,
                    top_p: request.sampling.top_p,
                    stop: self.stops_of(&request.sampling.stop),
                    seed: request.sampling.seed,
                    penalties: Penalties {
                        frequency: request.sampling.penalties.frequency,
                        presence: request.sampling.penalties.presence,
                    },
                };
                self.ask(Request::Complete { prompt, sampling }).await.map(answer)
            }
            Operation::Labels { request, how } => {
                self.score(&request.prompt, &request.answers, how.chat).await
            }
            Operation::LogProbability { prompt, answer, how, .. } => {
                self.score(prompt, &[(*answer).to_owned()], how.chat).await
            }
            Operation::Several { .. } => {
                let message = "the embedded model writes one completion at a time";
                Err(AttemptError::permanent(ErrorKind::Unsupported, message))
            }
            Operation::Embed { texts, .. } => self.embed(texts).await,
        }
    }

    /// A chat in which this is what the user says.
    fn chat(&self, said: String) -> Result<Given, AttemptError> {
        let Some(template) = &self.template else {
            return Err(AttemptError::permanent(
                ErrorKind::Unsupported,
                "the model has no template for chats",
            ));
        };
        let rendered = template.render(&[Message::new(Role::User, said)], true, self.engine.tokenizer());
        rendered.map(Given::Chat).map_err(|error| refused(&error))
    }

    async fn score(&self, prompt: &str, answers: &[String], chat: bool) -> Result<Answer, AttemptError> {
        // What answers begin with sets them off from a prompt that they continue; a chat's answer stands by itself.
        let score = if chat {
            let answers = answers.iter().map(|answer| answer.trim().to_owned()).collect();
            Request::Score { prompt: self.chat(prompt.to_owned())?, answers }
        } else {
            Request::Score { prompt: prompt.into(), answers: answers.to_vec() }
        };
        self.ask(score).await.map(answer)
    }

    fn stops_of(&self, asked: &[String]) -> Vec<String> {
        let own = self.stops.iter().map(|stop| (*stop).to_owned());
        asked.iter().cloned().chain(own.filter(|own| !asked.contains(own))).collect()
    }

    async fn embed(&self, texts: &[String]) -> Result<Answer, AttemptError> {
        let asked = texts.iter().map(|text| self.ask(Request::Embed { text: text.clone() }));
        let (mut vectors, mut count) = (Vec::new(), 0);
        for reply in futures_util::future::try_join_all(asked).await? {
            if let Reply::Vector { vector, tokens } = reply {
                vectors.push(vector);
                count += tokens as u64;
            }
        }
        Ok(Answer { value: Value::Vectors(vectors), tokens: Some((count, 0)) })
    }

    async fn ask(&self, request: Request) -> Result<Reply, AttemptError> {
        let (sender, receiver) = oneshot::channel();
        // A caller that no longer waits has dropped its receiver.
        self.engine.submit(request, Box::new(move |reply| drop(sender.send(reply))));
        match receiver.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(refused(&error)),
            Err(_) => Err(AttemptError::permanent(ErrorKind::Unreachable, "the embedded model has stopped")),
        }
    }
}

/// Which of the models that come with samara is asked; `None` if it is another one.
fn shipped_model(settings: &ModelSettings) -> Option<Corpus> {
    let own = settings.provider == ProviderName::Embedded && settings.folder.is_none();
    own.then(|| shipped_corpus(settings)).flatten()
}

/// The probability of the first answer among all that were scored.
fn first_of(reply: &Reply) -> f64 {
    let Reply::Scores { log_probabilities, .. } = reply else { return f64::NAN };
    let highest = log_probabilities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = log_probabilities.iter().map(|log| (log - highest).exp()).collect();
    weights.first().map_or(f64::NAN, |first| first / weights.iter().sum::<f64>())
}

/// Which of the models that come with samara the settings name.
fn shipped_corpus(settings: &ModelSettings) -> Option<Corpus> {
    match &settings.model {
        None => Some(Corpus::Texts),
        Some(model) => Corpus::SHIPPED.into_iter().find(|corpus| corpus.name() == model),
    }
}

/// The model string that gives these settings.
fn name(settings: &ModelSettings) -> String {
    let scheme = match settings.provider {
        ProviderName::Huggingface => Some("huggingface"),
        ProviderName::Gguf => Some("gguf"),
        _ => None,
    };
    if let Some(scheme) = scheme {
        let place = settings.folder.as_deref().or(settings.file.as_deref());
        let place = place.map(|place| place.display().to_string());
        return format!("{scheme}:{}", settings.model.clone().or(place).unwrap_or_default());
    }
    match (&settings.folder, &settings.model) {
        (Some(folder), _) => format!("embedded:{}", folder.display()),
        (None, Some(model)) if shipped_corpus(settings) != Some(Corpus::Texts) => format!("embedded#{model}"),
        (None, _) => "embedded".to_owned(),
    }
}

/// A model, how it reads texts, and how it reads chats, if it was trained for them.
struct Loaded {
    model: Model,
    tokenizer: Tokenizer,
    template: Option<ChatTemplate>,
}

fn load(settings: &ModelSettings) -> Result<Loaded, SeedlingError> {
    let (model, tokenizer, template) = match (&settings.file, &settings.folder) {
        (Some(file), _) => {
            let gguf = Gguf::open(file)?;
            let tokenizer = Tokenizer::from_gguf(gguf.metadata())?;
            (Model::open(file)?, tokenizer, ChatTemplate::from_gguf(gguf.metadata())?)
        }
        (None, Some(folder)) => {
            let tokenizer = Tokenizer::read(&folder.join("tokenizer.json"))?;
            (Model::open(folder)?, tokenizer, ChatTemplate::in_folder(folder)?)
        }
        (None, None) => {
            let (model, tokenizer) = shipped::model(shipped_corpus(settings).unwrap_or_default())?;
            return Ok(Loaded { model, tokenizer, template: None });
        }
    };
    check_tokenizer(&tokenizer, model.config())?;
    Ok(Loaded { model, tokenizer, template })
}

fn refused(error: &SeedlingError) -> AttemptError {
    let (message, hint) = message_and_hint(error);
    AttemptError::permanent(ErrorKind::Invalid, format!("{message} ({hint})"))
}

/// What went wrong, and what to do.
fn message_and_hint(error: &SeedlingError) -> (String, String) {
    let text = error.to_string();
    let (message, hint) = text.split_once("\nhint: ").unwrap_or((&text, ""));
    (message.to_owned(), hint.to_owned())
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Text { text, end, tokens, .. } => {
            let finish = match end {
                End::Stop => Finish::Stop,
                End::Length => Finish::Length,
            };
            Answer { value: Value::Text(text, finish), tokens: Some((tokens.0 as u64, tokens.1 as u64)) }
        }
        Reply::Scores { log_probabilities, tokens } => {
            Answer { value: Value::LogProbabilities(log_probabilities), tokens: Some((tokens as u64, 0)) }
        }
        Reply::Vector { vector, tokens } => {
            Answer { value: Value::Vectors(vec![vector]), tokens: Some((tokens as u64, 0)) }
        }
    }
}
