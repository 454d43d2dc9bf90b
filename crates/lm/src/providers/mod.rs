//! The providers of answers: what is particular to each, and nothing of how requests are sent.
//!
//! A provider is a file here with a static [`Provider`] (`facts.rs`), its `mod` line, and one line of the list in
//! `provider_name.rs`. What providers share in reading replies is in `json.rs`.

mod aleph_alpha;
mod anthropic;
pub(crate) mod embedded;
pub(crate) mod facts;
mod gguf;
pub(crate) mod json;
mod llama_server;
mod ollama;
mod openai;
pub(crate) mod scripted;
mod sglang;
mod strings;
mod tgi;
pub(crate) mod triton;

use crate::provider_name::{ProviderName, each_provider};
use facts::Provider;

macro_rules! facts {
    ($($(#[$what:meta])* $variant:ident = $provider:path;)*) => {
        impl ProviderName {
            /// What is known of it before it is asked.
            pub(crate) fn facts(self) -> &'static Provider {
                match self {
                    $(Self::$variant => &$provider,)*
                }
            }
        }
    };
}
each_provider!(facts);
