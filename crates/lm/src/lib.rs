//! Asking language models: complete, score, embed.
//!
//! A [`LanguageModel`] is opened from [`ModelSettings`]. Under it, [`client`] turns requests into single operations
//! and carries each through the same layers: the run's [`budget`], the endpoint's [`gate`] (adaptive concurrency) and
//! bounded [`retry`]. Providers only do one attempt: `provider/openai.rs` (encode and decode, pure, over
//! [`transport`]) and `provider/scripted.rs` (answers from a file). [`mod@check`] is what `samara model check` shows.
//!
//! Knows nothing of archives or of what prompts mean. Keys come from the environment only and are redacted by type
//! ([`Secret`]).

pub mod budget;
pub mod check;
pub mod client;
pub mod error;
pub mod gate;
mod probe;
pub mod provider;
pub mod retry;
mod score;
pub mod secret;
pub mod settings;
pub mod transport;
pub mod types;

pub use budget::{Budget, Limits, Spent};
pub use check::{CheckReport, check};
pub use client::{LanguageModel, Reply, open};
pub use error::{ErrorKind, LmError};
pub use secret::Secret;
pub use settings::{Api, ModelSettings, ProviderName, Scoring};
pub use types::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, Needs, Sampling, Score,
    ScoreMethod, ScoreRequest, Usage,
};
