//! NVIDIA Triton (the KServe v2 protocol), over HTTP or gRPC.
//!
//! Two kinds of models: those that take token ids, as FasterTransformer exports do (`tokens.rs`; the tokenizer runs on
//! our side), and those that take text (`text.rs`). Which it is, and the names and datatypes of its tensors, is asked
//! of the server once: `/generate` ignores unknown names without an error.
//!
//! Triton can't score given answers, so they are sampled or rated, and it embeds no texts.

#[cfg(feature = "triton-grpc")]
mod grpc;
mod tensor;
#[cfg(test)]
mod tests;
mod text;
mod tokens;

use serde_json::{Map, Value as Json, json};
use tokio::sync::OnceCell;

use samara_seedling::Tokenizer;

use super::{http::extra, json};
use crate::{
    CompletionRequest, ErrorKind, LmError, ModelSettings, ProviderName,
    client::{Answer, Operation, Value},
    retry::AttemptError,
    transport::Transport,
};
use tensor::{Metadata, Tensor};

/// A model on a server.
#[derive(Debug)]
pub(crate) struct Triton {
    wire: Wire,
    model: String,
    tokenizer: Option<Tokenizer>,
    extra: Map<String, Json>,
    metadata: OnceCell<Metadata>,
}

/// How it is reached.
#[derive(Debug)]
enum Wire {
    Http(Transport),
    #[cfg(feature = "triton-grpc")]
    Grpc(grpc::Grpc),
}

impl Triton {
    pub(crate) fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        let wire = match settings.provider {
            #[cfg(feature = "triton-grpc")]
            ProviderName::TritonGrpc => Wire::Grpc(grpc::Grpc::new(settings)?),
            #[cfg(not(feature = "triton-grpc"))]
            ProviderName::TritonGrpc => {
                let message = "this build of samara does not support gRPC";
                let hint = "use triton over HTTP, or build with --features triton-grpc";
                return Err(LmError::new(ErrorKind::Configuration, message).hint(hint));
            }
            _ => Wire::Http(Transport::new(settings)?),
        };
        let tokenizer = settings.tokenizer.as_deref().map(Tokenizer::read).transpose().map_err(|error| {
            LmError::new(ErrorKind::Configuration, format!("the tokenizer can't be used: {error}"))
        })?;
        let model = settings.model.clone().unwrap_or_default();
        Ok(Self { wire, model, tokenizer, extra: extra(settings)?, metadata: OnceCell::new() })
    }

    pub(crate) fn address(&self) -> &str {
        match &self.wire {
            Wire::Http(transport) => transport.base(),
            #[cfg(feature = "triton-grpc")]
            Wire::Grpc(grpc) => grpc.address(),
        }
    }

    pub(crate) async fn attempt(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        match operation {
            Operation::Models => Ok(Answer { value: Value::Models(vec![self.model.clone()]), tokens: None }),
            Operation::Complete { request, .. } => self.complete(request).await,
            _ => Err(json::unsupported("triton", operation)),
        }
    }

    async fn complete(&self, request: &CompletionRequest) -> Result<Answer, AttemptError> {
        let metadata = self.metadata.get_or_try_init(|| self.describe()).await?;
        if metadata.takes("input_ids") {
            let tokenizer = self.tokenizer.as_ref().ok_or_else(|| {
                let message = format!("{} takes token ids: set tokenizer = \"tokenizer.json\"", self.model);
                AttemptError::permanent(ErrorKind::Configuration, message)
            })?;
            let prompt = tokenizer.encode_with_specials(&request.prompt);
            let inputs = tokens::encode(&prompt, &request.sampling, metadata, &self.extra)?;
            let outputs = self.infer(&inputs, &tokens::outputs(metadata)).await?;
            return tokens::decode(&outputs, &prompt, &request.sampling, tokenizer);
        }
        let fields = text::fields(request, metadata, &self.extra)?;
        match &self.wire {
            Wire::Http(transport) => {
                let body = Json::Object(fields).to_string().into_bytes();
                let reply = transport.exchange(&self.path("/generate"), Some(body)).await?;
                text::decode(&json::parse(&reply)?["text_output"], request, metadata)
            }
            #[cfg(feature = "triton-grpc")]
            Wire::Grpc(_) => {
                let inputs = tensor::from_fields(&fields, metadata)?;
                let outputs = self.infer(&inputs, &["text_output"]).await?;
                text::decode(&tensor::first_text(&outputs, "text_output")?, request, metadata)
            }
        }
    }

    async fn describe(&self) -> Result<Metadata, AttemptError> {
        match &self.wire {
            Wire::Http(transport) => {
                let reply = transport.exchange(&self.path(""), None).await.map_err(unknown_model)?;
                Metadata::from_json(&json::parse(&reply)?)
            }
            #[cfg(feature = "triton-grpc")]
            Wire::Grpc(grpc) => grpc.metadata(&self.model).await.map_err(unknown_model),
        }
    }

    async fn infer(&self, inputs: &[Tensor], outputs: &[&str]) -> Result<Vec<Tensor>, AttemptError> {
        match &self.wire {
            Wire::Http(transport) => {
                let inputs: Vec<Json> = inputs.iter().map(Tensor::to_json).collect();
                let outputs: Vec<Json> = outputs.iter().map(|name| json!({"name": name})).collect();
                let body = json!({"inputs": inputs, "outputs": outputs}).to_string().into_bytes();
                let reply = json::parse(&transport.exchange(&self.path("/infer"), Some(body)).await?)?;
                json::list(&reply["outputs"]).iter().map(Tensor::from_json).collect()
            }
            #[cfg(feature = "triton-grpc")]
            Wire::Grpc(grpc) => grpc.infer(&self.model, inputs, outputs).await,
        }
    }

    fn path(&self, operation: &str) -> String {
        format!("/v2/models/{}{operation}", self.model)
    }
}

/// An unknown model is reported as an invalid request.
fn unknown_model(error: AttemptError) -> AttemptError {
    if error.kind == ErrorKind::Invalid && error.message.contains("unknown model") {
        return AttemptError { kind: ErrorKind::Refused, ..error };
    }
    error
}
