//! Models on NVIDIA Triton, over either wire: the model's tensors are asked for once, then completions.

use samara_seedling::Tokenizer;
use serde_json::{Map, Value as Json, json};
use tokio::sync::OnceCell;

#[cfg(feature = "triton-grpc")]
use super::grpc::Grpc;
use super::{http::extra, transport::Transport};
#[cfg(feature = "triton-grpc")]
use crate::providers::triton::tensor::{first_text, from_fields};
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    operation::{Answer, Operation, Value},
    providers::{
        facts::Kind,
        json,
        triton::{
            tensor::{Metadata, Tensor},
            text, tokens,
        },
    },
    settings::ModelSettings,
    types::CompletionRequest,
};

/// A model on a server.
#[derive(Debug)]
pub(crate) struct Triton {
    provider: &'static str,
    wire: Wire,
    model: String,
    tokenizer: Option<Tokenizer>,
    extra: Map<String, Json>,
    metadata: OnceCell<Metadata>,
}

/// How it is reached.
#[derive(Debug)]
enum Wire {
    Http(Box<Transport>),
    #[cfg(feature = "triton-grpc")]
    Grpc(Grpc),
}

impl Triton {
    pub(crate) fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        let wire = match settings.provider.facts().kind {
            #[cfg(feature = "triton-grpc")]
            Kind::TritonGrpc => Wire::Grpc(Grpc::new(settings)?),
            #[cfg(not(feature = "triton-grpc"))]
            Kind::TritonGrpc => {
                let message = "this build of samara does not support gRPC";
                let hint = "use triton over HTTP, or build with --features triton-grpc";
                return Err(LmError::new(ErrorKind::Configuration, message).hint(hint));
            }
            _ => Wire::Http(Box::new(Transport::new(settings)?)),
        };
        let tokenizer = settings.tokenizer.as_deref().map(Tokenizer::read).transpose().map_err(|error| {
            LmError::new(ErrorKind::Configuration, format!("the tokenizer can't be used: {error}"))
        })?;
        let model = settings.model.clone().unwrap_or_default();
        let provider = settings.provider.facts().name;
        Ok(Self { provider, wire, model, tokenizer, extra: extra(settings)?, metadata: OnceCell::new() })
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
            _ => Err(json::unsupported(self.provider, operation)),
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
                let body = Json::Object(fields);
                let reply = transport.exchange(&self.path("/generate"), Some(&body)).await?;
                text::decode(&reply["text_output"], request, metadata)
            }
            #[cfg(feature = "triton-grpc")]
            Wire::Grpc(_) => {
                let inputs = from_fields(&fields, metadata)?;
                let outputs = self.infer(&inputs, &["text_output"]).await?;
                text::decode(&first_text(&outputs, "text_output")?, request, metadata)
            }
        }
    }

    async fn describe(&self) -> Result<Metadata, AttemptError> {
        match &self.wire {
            Wire::Http(transport) => {
                let reply = transport.exchange(&self.path(""), None).await.map_err(unknown_model)?;
                Metadata::from_json(&reply)
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
                let body = json!({"inputs": inputs, "outputs": outputs});
                let reply = transport.exchange(&self.path("/infer"), Some(&body)).await?;
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

/// Nothing but the model's name can be wrong with a question about a model.
fn unknown_model(error: AttemptError) -> AttemptError {
    if error.kind == ErrorKind::Invalid {
        return AttemptError { kind: ErrorKind::Refused, ..error };
    }
    error
}
