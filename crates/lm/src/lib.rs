//! Asking language models: complete, score, embed.
//!
//! A [`LanguageModel`] is opened from [`ModelSettings`]. The crate is in layers, each of which knows only those before it
//! (`tests/layers.rs` holds that):
//!
//! 1. [`types`], [`error`], `operation.rs`: what is asked and what is answered.
//! 2. [`settings`], and `provider_name.rs`, the list of providers.
//! 3. `providers/`: what is particular to each, a file each; encoding and decoding are pure.
//! 4. `channel/`: one operation through the run's budget, the server's limit of requests in flight, attempts and
//!    transport.
//! 5. [`cache`]: answers that are there already.
//! 6. [`client`]: requests become operations, and what must be known of a server is found out.
//! 7. [`mod@check`]: what `samara model check` shows.
//!
//! A model that others have is asked through the same layers down to the attempt, which travels (`question.rs`); a
//! [`Respondent`] makes it there.
//!
//! Knows nothing of archives or of what prompts mean. Keys come from the environment only and are redacted by type
//! ([`Secret`]).

pub mod cache;
mod channel;
pub mod check;
pub mod client;
mod digest;
pub mod error;
mod hub;
mod log;
mod model_string;
mod operation;
mod provider_name;
mod providers;
mod question;
mod reach;
mod reading;
mod respondent;
pub mod secret;
pub mod settings;
mod store;
pub mod types;
mod validation;

pub use cache::AnswerCache;
pub use channel::{
    Elsewhere,
    budget::{Budget, Limits, Spent},
};
pub use check::{CheckReport, Step, check, check_aloud};
pub use client::{LanguageModel, Reply, open, open_elsewhere, open_with};
pub use error::{ErrorKind, InvalidSetting, LmError};
pub use provider_name::ProviderName;
pub use question::{Carried, Carrier, Carrying, Introduction, Question, Said};
pub use respondent::Respondent;
pub use samara_seedling::files;
pub use secret::Secret;
pub use settings::{Api, ModelSettings, Representation, Scoring};
pub use types::{
    Capabilities, Completion, CompletionRequest, EmbedRequest, Embeddings, Finish, Needs, Penalties,
    Sampling, Score, ScoreMethod, ScoreRequest, Speciality, Usage,
};
