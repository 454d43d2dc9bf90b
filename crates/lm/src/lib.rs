//! Asking language models: complete, score, embed.
//!
//! A [`LanguageModel`] is opened from [`ModelSettings`]. Under it, [`client`] turns requests into single operations and
//! carries each through the same layers: the run's [`budget`], the endpoint's [`gate`] (adaptive concurrency) and
//! bounded [`retry`]; [`recall`] stands before them all and finds answers that were given before. Providers only do one
//! attempt: `provider/openai.rs` (encode and decode, pure, over [`transport`]; other kinds of servers beside it, one
//! file each) and `provider/scripted.rs` (answers from a file). [`mod@check`] is what `samara model check` shows.
//!
//! Knows nothing of archives or of what prompts mean. Keys come from the environment only and are redacted by type
//! ([`Secret`]).

pub mod budget;
pub mod check;
pub mod client;
pub mod error;
pub mod gate;
mod hub;
mod model_string;
mod pace;
mod probe;
pub mod provider;
mod rating;
pub mod recall;
pub mod retry;
mod score;
pub mod secret;
#[cfg(test)]
#[path = "../tests/server/mod.rs"]
mod server;
pub mod settings;
mod store;
pub mod transport;
pub mod types;
mod vendor;

pub use budget::{Budget, Limits, Spent};
pub use check::{CheckReport, check};
pub use client::{LanguageModel, Reply, open, open_with};
pub use error::{ErrorKind, LmError};
pub use recall::Exchanges;
pub use secret::Secret;
pub use settings::{Api, ModelSettings, ProviderName, Scoring};
pub use types::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, Needs, Sampling, Score,
    ScoreMethod, ScoreRequest, Usage,
};
