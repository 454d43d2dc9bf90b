//! What must be known of a server before it can be used: its model's name, its interface, the scoring method.
//!
//! Found by the start-up probe, or by the first request that needs it, once. Flags that a server ignores are noticed
//! here: an obvious question is scored, and a method that answers it with nonsense is ruled out. How a score is put
//! together is in `score.rs`.

use super::{Client, LanguageModel};
use crate::{
    error::{ErrorKind, LmError},
    operation::{Endpoint, Operation, Value},
    providers::facts::Interfaces,
    settings::Api,
    types::{Capabilities, CompletionRequest, EmbedRequest, Needs, Sampling, ScoreMethod, ScoreRequest},
};

/// Tokens that a first completion may have: some servers refuse fewer.
const TOKENS: u32 = 16;
/// The same for models that think before they answer.
const TOKENS_OF_THINKERS: u32 = 1024;

impl Client {
    /// Finds out what is needed, and no more.
    pub(crate) async fn explore(&self, needs: Needs) -> Result<Capabilities, LmError> {
        let mut found = Capabilities {
            model: self.model_name().await?.to_owned(),
            api: String::new(),
            score: None,
            embed: None,
            notes: Vec::new(),
        };
        if needs.complete || needs.score {
            found.api = match (self.facts().local_method(), self.endpoint().await?) {
                (Some(method), _) => method.name(),
                (None, Endpoint { chat: true, .. }) => "chat",
                (None, Endpoint { chat: false, .. }) => "completions",
            }
            .to_owned();
        }
        if needs.score {
            let (method, notes) = self.method().await?;
            found.score = Some(*method);
            found.notes.clone_from(notes);
        }
        if needs.embed {
            let embedded =
                self.embed(&EmbedRequest { texts: vec!["a probe".into()], queries: Vec::new() }).await?;
            found.embed = embedded.vectors.first().map(Vec::len);
        }
        found.notes.extend(self.channel.remarks());
        Ok(found)
    }

    /// The model's name: the settings', else the first that the server lists.
    pub(crate) async fn model_name(&self) -> Result<&str, LmError> {
        let find = || async {
            match &self.settings.model {
                _ if !self.facts().is_server() => Ok(self.channel.address().to_owned()),
                Some(model) => Ok(model.clone()),
                None => self.first_model().await,
            }
        };
        self.name.get_or_try_init(find).await.map(String::as_str)
    }

    pub(crate) async fn endpoint(&self) -> Result<&Endpoint, LmError> {
        self.endpoint.get_or_try_init(|| self.find_endpoint()).await
    }

    /// Whether a model without a server is asked in a chat.
    fn chats(&self) -> Result<bool, LmError> {
        match (self.settings.api, self.channel.chats()) {
            (Api::Completions, _) => Ok(false),
            (Api::Chat, false) => {
                let message = format!("{} has no template for chats", self.channel.label);
                Err(LmError::new(ErrorKind::Configuration, message)
                    .hint("write api = \"completions\", or leave it out"))
            }
            (_, chats) => Ok(chats),
        }
    }

    /// The model's name and interface. A server without `/completions` says so with a 404 or the like.
    async fn find_endpoint(&self) -> Result<Endpoint, LmError> {
        let model = self.model_name().await?;
        let endpoint = |chat| Endpoint { model: model.to_owned(), chat, completion_tokens: false };
        if self.facts().local_method().is_some() {
            return Ok(endpoint(self.chats()?));
        }
        match (self.settings.api, self.facts().interfaces) {
            (Api::Completions, _) => return Ok(endpoint(false)),
            (Api::Chat, Interfaces::Unknown) => return self.chat(endpoint(true)).await,
            (Api::Chat, _) => return Ok(endpoint(true)),
            (Api::Auto, Interfaces::Unknown) => {}
            (Api::Auto, interfaces) => {
                let only = endpoint(interfaces == Interfaces::Chat);
                self.try_completion(&only).await?;
                return Ok(only);
            }
        }
        let completions = match self.try_completion(&endpoint(false)).await {
            Ok(()) => return Ok(endpoint(false)),
            Err(error) => error,
        };
        let kinds = [ErrorKind::Refused, ErrorKind::Invalid, ErrorKind::Malformed, ErrorKind::Unsupported];
        if !kinds.contains(&completions.kind) {
            return Err(completions);
        }
        // Where both refuse, the chat says why: plain completions are missing from most servers. But a chat may be missing
        // too, and then what was said first counts.
        self.chat(endpoint(true)).await.map_err(|chat| match (chat.kind, completions.kind) {
            (ErrorKind::Refused | ErrorKind::Unsupported, ErrorKind::Invalid | ErrorKind::Malformed) => {
                completions
            }
            _ => chat,
        })
    }

    /// A chat, with the name that its model wants for the limit of tokens: some refuse the older one.
    async fn chat(&self, mut how: Endpoint) -> Result<Endpoint, LmError> {
        match self.try_completion(&how).await {
            Err(error) if error.kind == ErrorKind::Invalid => {
                how.completion_tokens = true;
                // A model that thinks first fails where a few tokens are allowed. If this is refused too, it was not the
                // name.
                let renamed = self.try_length(&how, TOKENS_OF_THINKERS).await;
                renamed.map(|()| how).map_err(|_| error)
            }
            other => other.map(|()| how),
        }
    }

    async fn first_model(&self) -> Result<String, LmError> {
        match self.perform(&Operation::Models).await?.0.value {
            Value::Models(names) if !names.is_empty() => Ok(names[0].clone()),
            _ => {
                let message = format!("{} lists no models", self.label());
                Err(LmError::new(ErrorKind::Refused, message).hint("name one: model = \"NAME\""))
            }
        }
    }

    /// Asks for a short completion. Recordings of older versions asked for a single token.
    pub(crate) async fn try_completion(&self, how: &Endpoint) -> Result<(), LmError> {
        match self.try_length(how, TOKENS).await {
            Err(error) if error.kind == ErrorKind::Missing => self.try_length(how, 1).await,
            tried => tried,
        }
    }

    /// Some models refuse any temperature but 1. A model that only thought has answered.
    async fn try_length(&self, how: &Endpoint, max_tokens: u32) -> Result<(), LmError> {
        let sampling = Sampling {
            max_tokens,
            temperature: 1.0,
            top_p: 1.0,
            stop: Vec::new(),
            seed: 1,
            penalties: Default::default(),
        };
        let request = CompletionRequest { prompt: "1+1=".into(), instructions: None, sampling };
        match self.perform(&Operation::Complete { request: &request, how }).await {
            Err(error) if error.kind != ErrorKind::OnlyThoughts => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) async fn method(&self) -> Result<&(ScoreMethod, Vec<String>), LmError> {
        self.method.get_or_try_init(|| self.find_method()).await
    }

    async fn find_method(&self) -> Result<(ScoreMethod, Vec<String>), LmError> {
        if let Some(method) = self.facts().local_method() {
            return Ok((method, Vec::new()));
        }
        let only = self.settings.scoring.method();
        let mut notes = Vec::new();
        let methods = match only {
            Some(ScoreMethod::Sampling) => &[],
            Some(ref method) => std::slice::from_ref(method),
            None => self.facts().methods,
        };
        for method in methods.iter().copied() {
            match self.try_method(method).await {
                Ok(weakness) => {
                    notes.extend(weakness.map(|why| format!("a weak judge by {}: {why}", method.name())));
                    return Ok((method, notes));
                }
                Err(error) => {
                    self.blame_the_method(&error).await?;
                    notes.push(format!("{}: {}", method.name(), error.message));
                }
            }
        }
        match only {
            Some(method) if method != ScoreMethod::Sampling => {
                let message =
                    format!("{} can't score by {}: {}", self.label(), method.name(), notes.join("; "));
                Err(LmError::new(ErrorKind::Unsupported, message).hint("use scoring = \"auto\""))
            }
            _ => Ok((ScoreMethod::Sampling, notes)),
        }
    }

    /// A method is ruled out only if the method itself fails: a server that is overloaded or gone for a moment
    /// must not decide how a whole run is scored.
    async fn blame_the_method(&self, error: &LmError) -> Result<(), LmError> {
        match error.kind {
            ErrorKind::Unreachable | ErrorKind::Budget => Err(error.clone()),
            ErrorKind::Overloaded | ErrorKind::Timeout => self.try_completion(self.endpoint().await?).await,
            _ => Ok(()),
        }
    }

    /// Scores two obvious questions by one method, the right answer once the shorter one and once the longer one. A
    /// server that ignores the request's flags gives zeros, nulls or equal values, one that counts from the wrong token
    /// prefers the shorter answer: they would judge at random without anybody noticing. `Some` warns of a model that gets
    /// one of them wrong.
    pub(crate) async fn try_method(&self, method: ScoreMethod) -> Result<Option<String>, LmError> {
        let [short, long] = questions(method);
        let first = self.is_right(&short, method).await?;
        let second = match self.is_right(&long, method).await {
            // A recording of an older version asked one question.
            Err(error) if error.kind == ErrorKind::Missing => return wrong(&[(&short, first)]),
            second => second?,
        };
        wrong(&[(&short, first), (&long, second)])
    }

    async fn is_right(&self, request: &ScoreRequest, method: ScoreMethod) -> Result<bool, LmError> {
        let (scores, _) = self.score_by(request, method).await?;
        let unusable = |why: &str| Err(LmError::new(ErrorKind::Unsupported, format!("{why}: {scores:?}")));
        match scores[..] {
            [right, wrong] if right == 0.0 || wrong == 0.0 => unusable("a log-probability is exactly 0"),
            [right, wrong] if right == wrong => unusable("different answers get equal values"),
            [right, wrong] => Ok(right > wrong),
            _ => unusable("there are not two values"),
        }
    }
}

/// Obvious questions; the first answer is right.
fn questions(method: ScoreMethod) -> [ScoreRequest; 2] {
    let ask = |prompt: &str, right: &str, wrong: &str| ScoreRequest {
        prompt: prompt.into(),
        answers: vec![right.into(), wrong.into()],
        seed: 1,
    };
    let long = match method {
        // Answers that differ in their first token, the right one in more letters.
        ScoreMethod::TopLogprobs => ask("Is fire hot? Answer \"yes\" or \"no\".\nAnswer:", " yes", " no"),
        // Answers of several tokens, the right one of more of them.
        _ => ask("1000001+1=", "1000002", "zebra"),
    };
    [ask("1+1=", "2", "zebra"), long]
}

/// What wrong answers mean: all of them, that the method is unusable; some, that the model is weak.
fn wrong(asked: &[(&ScoreRequest, bool)]) -> Result<Option<String>, LmError> {
    let wrong: Vec<&ScoreRequest> =
        asked.iter().filter(|(_, right)| !right).map(|(request, _)| *request).collect();
    let Some(first) = wrong.first() else { return Ok(None) };
    let (right, other) = (first.answers[0].trim(), first.answers[1].trim());
    let message = format!("after {:?} it prefers {other:?} to {right:?}", first.prompt);
    if wrong.len() == asked.len() {
        return Err(LmError::new(ErrorKind::Unsupported, message));
    }
    Ok(Some(message))
}
