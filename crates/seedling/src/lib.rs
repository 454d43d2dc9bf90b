//! Language models inside: a small transformer of the Llama family that samara trains itself, and a user's own models, from
//! GGUF files and from Hugging Face's folders.
//!
//! Knows nothing of the network, of archives or of what prompts mean to a search.

pub mod chat;
pub mod config;
pub mod corpus;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod files;
pub mod gguf;
pub mod kernel;
pub mod model;
pub mod quant;
pub mod random;
pub mod rope;
pub mod shipped;
pub mod tokenizer;
pub mod train;
pub mod walkers;
pub mod weights;
pub mod written;

pub use chat::{ChatTemplate, Message, Prompt, Role};
pub use config::ModelConfig;
pub use engine::{End, Engine, EngineSettings, Given, Penalties, Reply, Request, Sampling};
pub use error::SeedlingError;
pub use gguf::Gguf;
pub use model::Model;
pub use random::Stream;
pub use rope::RopeScaling;
pub use tokenizer::Tokenizer;
pub use weights::{Dtype, LayerWeights, Weights, check_tokenizer};
