//! What a provider is: facts about a kind of server, and how operations become its requests.
//!
//! A provider's file holds one static [`Provider`]; fields that it leaves out are [`Provider::PLAIN`]'s.

use std::{fmt, fmt::Debug, future::Future, pin::Pin};

use reqwest::header::HeaderName;
use serde_json::Value as Json;

use crate::{
    error::{AttemptError, InvalidSetting, LmError},
    operation::{Answer, Operation},
    settings::{ModelSettings, Scoring},
    types::{ScoreMethod, Speciality},
};
/// A kind of server, or of model that needs none.
pub(crate) struct Provider {
    /// Its name in settings and model strings.
    pub name: &'static str,
    /// The model strings that mean it, as a hint shows them.
    pub forms: &'static [&'static str],
    /// The words before the first colon of a model string that mean it.
    pub schemes: &'static [&'static str],
    /// The settings of a model string, from its scheme and the rest; `None` if it names no model of this provider.
    pub read: fn(&str, &str) -> Option<ModelSettings>,
    /// Checks what only this provider can: which model its settings name.
    pub check: fn(&ModelSettings) -> Result<(), InvalidSetting>,
    /// Who answers.
    pub kind: Kind,
    /// Settings that it has and most others don't.
    pub own_settings: &'static [&'static str],
    /// Where it listens unless told otherwise.
    pub base_url: &'static str,
    /// The variable that its own tools read the address from, and how they read it.
    pub base_variable: Option<&'static str>,
    pub read_address: fn(&str) -> String,
    /// Its endpoints, longest first: an address that ends with one means what stands before it.
    pub endpoints: &'static [&'static str],
    /// Whether its address ends with a version such as `/v1`, which people leave out.
    pub has_version: bool,
    /// Fields of its requests that it can do without, by their names; `options.seed` stands within a table. The first
    /// one that may be meant is left out first.
    pub optional: &'static [&'static str],
    /// Variables that may hold its key; the first that is set counts.
    pub keys: &'static [&'static str],
    /// The header for the key; none is `authorization: Bearer KEY`.
    pub key_header: Option<HeaderName>,
    /// Headers that every request carries.
    pub headers: &'static [(&'static str, &'static str)],
    /// How its model is named.
    pub naming: Naming,
    /// Scoring methods to try, best first, before answers are sampled.
    pub methods: &'static [ScoreMethod],
    /// Which interfaces write completions.
    pub interfaces: Interfaces,
    /// Which penalties of repeats it takes, by their names in settings; those that its models say themselves are all.
    pub penalties: &'static [&'static str],
    /// Whether one request may ask for several completions.
    pub several: bool,
    /// The digest of the files that decide what it answers, where an address does not.
    pub digest: Option<Digest>,
}

/// Reads the files that settings name, or those that come with samara, and gives their digest.
pub(crate) type Digest = fn(&ModelSettings) -> Result<String, LmError>;

/// Who answers.
pub(crate) enum Kind {
    /// A server over HTTP that is asked in JSON.
    Http(Protocol),
    /// Triton over HTTP, whose models say themselves what they take.
    Triton,
    /// Triton over gRPC.
    TritonGrpc,
    /// No server, with the one way in which it scores.
    Local(fn(&ModelSettings) -> Result<Box<dyn LocalModel>, LmError>, ScoreMethod),
}

/// What answers without a server.
pub(crate) trait LocalModel: Debug + Send + Sync {
    /// What it is, to be shown to a person.
    fn name(&self) -> &str;
    /// The model string that means it.
    fn label(&self) -> String;
    /// Whether it was trained to answer in a chat, and is asked so unless the settings say otherwise.
    fn chats(&self) -> bool {
        false
    }
    /// What it was made for, if that is little.
    fn speciality(&self) -> Option<Speciality> {
        None
    }
    /// How probable it is that the model knows the subject of each prompt, as it says itself; `None` of a model that was
    /// never taught to say so.
    fn known<'a>(&'a self, _prompts: &'a [String]) -> LocalKnown<'a> {
        Box::pin(async { Ok(None) })
    }
    /// One attempt, the `number`-th (from 1) of its operation.
    fn attempt<'a>(&'a self, operation: &'a Operation<'a>, number: u32) -> LocalAttempt<'a>;
}

/// An answer in the making.
pub(crate) type LocalAttempt<'a> = Pin<Box<dyn Future<Output = Result<Answer, AttemptError>> + Send + 'a>>;

/// Probabilities in the making, one for each prompt.
pub(crate) type LocalKnown<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Vec<f64>>, AttemptError>> + Send + 'a>>;

/// Where the name of a server's model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    /// From the settings, else the first that the server lists.
    Listed,
    /// From the settings: the first of a vendor's list is nobody's choice.
    Required,
    /// The server runs one model and says which.
    Served,
}

/// Which interfaces a server's completions may go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interfaces {
    /// Plain completions alone.
    Completions,
    /// A chat alone.
    Chat,
    /// Plain completions, or a chat if the settings say so.
    Either,
    /// Some servers have plain completions, others a chat, many both: it is found out.
    Unknown,
}

/// How operations become requests and replies become answers: pure functions.
#[derive(Debug)]
pub(crate) enum Protocol {
    /// One request for each operation.
    Once {
        /// The request.
        encode: fn(&Operation<'_>) -> Result<Call, AttemptError>,
        /// The answer in the reply.
        decode: fn(&Operation<'_>, &Json) -> Result<Answer, AttemptError>,
    },
    /// Several requests, one after the other.
    Steps {
        /// The next request after so many replies; `None` when no more is needed.
        encode: fn(&Operation<'_>, usize) -> Result<Option<Call>, AttemptError>,
        /// The answer in all replies.
        decode: fn(&Operation<'_>, &[Json]) -> Result<Answer, AttemptError>,
    },
}

/// One request: a path below the server's address, and what is posted there; without a body it is a GET.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub path: &'static str,
    pub body: Option<Json>,
}

impl Call {
    pub(crate) fn get(path: &'static str) -> Self {
        Self { path, body: None }
    }

    pub(crate) fn post(path: &'static str, body: Json) -> Self {
        Self { path, body: Some(body) }
    }
}

impl Protocol {
    /// The next request of an operation after so many replies; `None` when no more is needed.
    pub(crate) fn encode(
        &self,
        operation: &Operation<'_>,
        replies: usize,
    ) -> Result<Option<Call>, AttemptError> {
        match self {
            Self::Once { .. } if replies > 0 => Ok(None),
            Self::Once { encode, .. } => encode(operation).map(Some),
            Self::Steps { encode, .. } => encode(operation, replies),
        }
    }

    /// The answer in the replies to all requests.
    pub(crate) fn decode(&self, operation: &Operation<'_>, replies: &[Json]) -> Result<Answer, AttemptError> {
        match self {
            Self::Once { decode, .. } => decode(operation, replies.last().unwrap_or(&Json::Null)),
            Self::Steps { decode, .. } => decode(operation, replies),
        }
    }
}

impl Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Provider {
    /// What most servers are like, without a name and a protocol.
    pub(crate) const PLAIN: Self = Self {
        name: "",
        forms: &[],
        schemes: &[],
        read: |_, _| None,
        check: |_| Ok(()),
        kind: Kind::Triton,
        own_settings: &[],
        base_url: "",
        base_variable: None,
        read_address: str::to_owned,
        endpoints: &[],
        has_version: false,
        optional: &[],
        keys: &[],
        key_header: None,
        headers: &[],
        naming: Naming::Listed,
        methods: &[],
        interfaces: Interfaces::Completions,
        penalties: &["frequency_penalty", "presence_penalty"],
        several: false,
        digest: None,
    };

    /// Whether the files that decide what it answers are weights, which a run keeps the digest of.
    pub(crate) fn has_weights(&self) -> bool {
        self.own_settings.contains(&"digest")
    }

    /// How it scores if it needs no server; servers are probed.
    pub(crate) fn local_method(&self) -> Option<ScoreMethod> {
        match self.kind {
            Kind::Local(_, method) => Some(method),
            _ => None,
        }
    }

    /// Whether it is a server that has an address.
    pub(crate) fn is_server(&self) -> bool {
        self.local_method().is_none()
    }

    /// Whether answers can be scored so.
    pub(crate) fn scores_by(&self, scoring: Scoring) -> bool {
        match scoring.method() {
            None | Some(ScoreMethod::Sampling | ScoreMethod::Rating) => true,
            Some(method) => self.methods.contains(&method),
        }
    }
}
