//! NVIDIA Triton (the KServe v2 protocol): what its models take and give, without a wire (`channel/triton.rs`).
//!
//! Two kinds of models: those that take token ids, as FasterTransformer exports do (`tokens.rs`; the tokenizer runs on
//! our side), and those that take text (`text.rs`). Which it is, and the names and datatypes of its tensors, is asked
//! of the server once: `/generate` ignores unknown names without an error.
//!
//! Triton can't score given answers, so they are sampled or rated, and it embeds no texts.

pub(crate) mod tensor;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod tokens;

use super::{
    facts::{Kind, Naming, Provider},
    strings,
};
use crate::{provider_name::ProviderName, settings::ModelSettings};

/// Triton over HTTP.
pub(super) static PROVIDER: Provider = Provider {
    name: "triton",
    forms: &["triton://host:8000/NAME"],
    schemes: &["triton", "tritons"],
    read: |scheme, rest| match rest.strip_prefix("//") {
        Some(rest) => at(ProviderName::Triton, if scheme == "tritons" { "https" } else { "http" }, rest),
        None if scheme == "triton" => strings::server(ProviderName::Triton, rest),
        None => None,
    },
    kind: Kind::Triton,
    own_settings: &["tokenizer"],
    base_url: "http://127.0.0.1:8000",
    naming: Naming::Required,
    ..Provider::PLAIN
};

/// Triton over gRPC.
pub(super) static GRPC_PROVIDER: Provider = Provider {
    name: "triton-grpc",
    schemes: &["triton-grpc"],
    read: |_, rest| match rest.strip_prefix("//") {
        Some(rest) => at(ProviderName::TritonGrpc, "http", rest),
        None => strings::server(ProviderName::TritonGrpc, rest),
    },
    kind: Kind::TritonGrpc,
    own_settings: &["tokenizer"],
    base_url: "http://127.0.0.1:8001",
    naming: Naming::Required,
    ..Provider::PLAIN
};

/// `host:port/NAME#TOKENIZER`; a prefix of the path may stand before the name.
fn at(provider: ProviderName, scheme: &str, rest: &str) -> Option<ModelSettings> {
    let (address, tokenizer) = rest.split_once('#').unwrap_or((rest, ""));
    let (host, name) = address.rsplit_once('/')?;
    Some(ModelSettings {
        base_url: Some(format!("{scheme}://{host}")),
        model: strings::filled(name),
        tokenizer: strings::filled(tokenizer).map(Into::into),
        ..strings::of(provider)
    })
}
