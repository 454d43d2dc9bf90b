//! The list of providers, and the names that follow from it.
//!
//! A provider is a file of `providers/` and one line here: its name in settings, model strings and the schema is the
//! variant's, and `providers` takes from the same line where its facts are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Hands the list to another macro: what a provider is, its variant, and its [`Provider`](crate::providers::Provider).
macro_rules! each_provider {
    ($then:ident) => {
        $then! {
            /// Any server that speaks OpenAI's HTTP interface.
            #[default]
            Openai = openai::PROVIDER;
            /// llama.cpp's own server, by its native interface.
            LlamaServer = llama_server::PROVIDER;
            /// Ollama.
            Ollama = ollama::PROVIDER;
            /// SGLang, by its native interface.
            Sglang = sglang::PROVIDER;
            /// Hugging Face's Text Generation Inference; for embeddings, its Text Embeddings Inference.
            Tgi = tgi::PROVIDER;
            /// Anthropic's messages.
            Anthropic = anthropic::PROVIDER;
            /// Aleph Alpha.
            AlephAlpha = aleph_alpha::PROVIDER;
            /// NVIDIA Triton over HTTP.
            Triton = triton::PROVIDER;
            /// NVIDIA Triton over gRPC; only in a build with the feature `triton-grpc`.
            TritonGrpc = triton::GRPC_PROVIDER;
            /// A script: answers from a TOML file.
            Scripted = scripted::PROVIDER;
            /// A small model that runs inside samara: one of those that come with it, or one from a folder.
            Embedded = embedded::PROVIDER;
            /// A model of Hugging Face's hub, or of a folder in its layout, that runs inside samara in the same way.
            Huggingface = embedded::HUB_PROVIDER;
            /// A GGUF file, of this machine or of the hub, that runs inside samara in the same way.
            Gguf = gguf::PROVIDER;
        }
    };
}
pub(crate) use each_provider;

macro_rules! names {
    ($($(#[$what:meta])* $variant:ident = $provider:path;)*) => {
        /// Who answers.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum ProviderName {
            $($(#[$what])* $variant,)*
        }

        impl ProviderName {
            /// All of them, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}
each_provider!(names);
