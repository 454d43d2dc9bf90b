//! Asking language models: complete, score, embed.
//!
//! A [`LanguageModel`] is opened from [`ModelSettings`]. Behind it, [`client`] turns requests into single operations,
//! all of which pass through the same layers: the [`cache`] first, which may have the answer already, then the run's
//! [`budget`], the endpoint's [`limiter`] (adaptive concurrency) and bounded [`retry`]. Providers only make one
//! attempt: `provider/openai.rs` (encode and decode, pure, over [`transport`]; other kinds of servers beside it, one
//! file each) and `provider/scripted.rs` (answers from a file). [`mod@check`] is what `samara model check` shows.
//!
//! Knows nothing of archives or of what prompts mean. Keys come from the environment only and are redacted by type
//! ([`Secret`]).

pub mod budget;
pub mod cache;
pub mod check;
pub mod client;
mod concurrency;
pub mod error;
mod hub;
pub mod limiter;
mod log;
mod model_string;
mod probe;
pub mod provider;
mod rating;
#[cfg_attr(not(test), expect(dead_code, reason = "the client is not wired to it yet"))]
mod reading;
pub mod retry;
mod score;
pub mod secret;
pub mod settings;
mod store;
pub mod transport;
pub mod types;
mod vendor;

pub use budget::{Budget, Limits, Spent};
pub use cache::AnswerCache;
pub use check::{CheckReport, check};
pub use client::{LanguageModel, Reply, open, open_with};
pub use error::{ErrorKind, InvalidSetting, LmError};
pub use secret::Secret;
pub use settings::{Api, ModelSettings, ProviderName, Scoring};
pub use types::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, Needs, Sampling, Score,
    ScoreMethod, ScoreRequest, Usage,
};
