//! The gRPC wire: the few messages of KServe v2's `GRPCInferenceService` that are needed, written down by hand.
//!
//! Tensors travel in `raw_input_contents`, little-endian, one entry each; an element of type BYTES is its length as a
//! u32 and its bytes. Connections are plain: there is no TLS.

use std::time::Duration;

use http::uri::PathAndQuery;
use tonic::{Code, Status, client::Grpc as Client, transport::Channel};
use tonic_prost::ProstCodec;

use crate::providers::triton::tensor::{Data, Metadata, Slot, Tensor};
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    settings::{ModelSettings, validate_url},
};

/// Asks what a model takes and gives.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetadataRequest {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// What a model takes and gives.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MetadataResponse {
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<TensorMetadata>,
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<TensorMetadata>,
}

/// A tensor's name, datatype and shape; also the head of one that is sent.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TensorMetadata {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
}

/// The name of an output that is wanted.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Wanted {
    #[prost(string, tag = "1")]
    pub name: String,
}

/// Tensors for a model.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferRequest {
    #[prost(string, tag = "1")]
    pub model_name: String,
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<TensorMetadata>,
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<Wanted>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub raw_input_contents: Vec<Vec<u8>>,
}

/// Tensors from a model.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InferResponse {
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<TensorMetadata>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub raw_output_contents: Vec<Vec<u8>>,
}

/// A server reached by gRPC.
#[derive(Debug)]
pub(super) struct Grpc {
    /// Connects when it is first used, and again after a connection broke.
    channel: Channel,
    address: String,
    max_bytes: usize,
}

impl Grpc {
    pub(super) fn new(settings: &ModelSettings) -> Result<Self, LmError> {
        let address = settings.address();
        let bad = |problem: String, hint: &str| {
            LmError::new(ErrorKind::Configuration, format!("`base_url` {problem}")).hint(hint)
        };
        validate_url(&address).map_err(|invalid| bad(invalid.problem, invalid.hint))?;
        if address.starts_with("https") {
            return Err(bad(
                "asks for TLS, which is not supported over gRPC".into(),
                "use triton over https",
            ));
        }
        let channel = Channel::from_shared(address.clone())
            .map_err(|error| {
                bad(format!("is not an address: {error}"), "write an address such as http://127.0.0.1:8001")
            })?
            .connect_timeout(Duration::from_secs_f64(settings.timeout_s.min(10.0)))
            .connect_lazy();
        Ok(Self { channel, address, max_bytes: settings.max_reply_bytes })
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) async fn metadata(&self, model: &str) -> Result<Metadata, AttemptError> {
        let request = MetadataRequest { name: model.to_owned() };
        let reply: MetadataResponse = self.ask("ModelMetadata", request).await?;
        let slots = |tensors: Vec<TensorMetadata>| {
            let slot = |t: TensorMetadata| Slot { rank: t.shape.len(), name: t.name, datatype: t.datatype };
            tensors.into_iter().map(slot).collect()
        };
        Ok(Metadata { inputs: slots(reply.inputs), outputs: slots(reply.outputs) })
    }

    pub(super) async fn infer(
        &self,
        model: &str,
        inputs: &[Tensor],
        outputs: &[&str],
    ) -> Result<Vec<Tensor>, AttemptError> {
        let head = |tensor: &Tensor| TensorMetadata {
            name: tensor.name.clone(),
            datatype: tensor.datatype.clone(),
            shape: tensor.shape.clone(),
        };
        let request = InferRequest {
            model_name: model.to_owned(),
            inputs: inputs.iter().map(head).collect(),
            outputs: outputs.iter().map(|name| Wanted { name: (*name).to_owned() }).collect(),
            raw_input_contents: inputs.iter().map(to_raw).collect::<Result<_, _>>()?,
        };
        let reply: InferResponse = self.ask("ModelInfer", request).await?;
        if reply.outputs.len() != reply.raw_output_contents.len() {
            return Err(AttemptError::malformed("the reply has a different number of tensors and contents"));
        }
        reply
            .outputs
            .into_iter()
            .zip(&reply.raw_output_contents)
            .map(|(head, raw)| from_raw(head, raw))
            .collect()
    }

    async fn ask<Q, A>(&self, method: &str, request: Q) -> Result<A, AttemptError>
    where
        Q: prost::Message + 'static,
        A: prost::Message + Default + 'static,
    {
        let mut client = Client::new(self.channel.clone()).max_decoding_message_size(self.max_bytes);
        client.ready().await.map_err(|error| {
            AttemptError::transient(ErrorKind::Unreachable, format!("no connection: {}", root_cause(&error)))
        })?;
        let path = PathAndQuery::try_from(format!("/inference.GRPCInferenceService/{method}"))
            .map_err(|error| AttemptError::permanent(ErrorKind::Invalid, error.to_string()))?;
        let codec: ProstCodec<Q, A> = ProstCodec::default();
        let reply = client.unary(tonic::Request::new(request), path, codec).await;
        reply.map(tonic::Response::into_inner).map_err(|status| failure(&status))
    }
}

/// What an error status means.
fn failure(status: &Status) -> AttemptError {
    let said: String = status.message().chars().take(300).collect();
    let message = format!("gRPC {:?}: {said}", status.code());
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied | Code::NotFound => {
            AttemptError::permanent(ErrorKind::Refused, message)
        }
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists => {
            AttemptError::permanent(ErrorKind::Invalid, message)
        }
        Code::Unimplemented => AttemptError::permanent(ErrorKind::Unsupported, message),
        Code::OutOfRange => AttemptError::permanent(
            ErrorKind::Malformed,
            format!("{message}; raise max_reply_bytes if the reply is larger than expected"),
        ),
        Code::DeadlineExceeded => {
            AttemptError { overloaded: true, ..AttemptError::transient(ErrorKind::Timeout, message) }
        }
        Code::ResourceExhausted => {
            AttemptError { overloaded: true, ..AttemptError::transient(ErrorKind::Overloaded, message) }
        }
        // A connection that could not be made is reported with this code, and with its cause.
        Code::Unavailable if std::error::Error::source(status).is_some() => {
            let cause = root_cause(status);
            AttemptError::transient(ErrorKind::Unreachable, format!("no connection: {cause}"))
        }
        Code::DataLoss => AttemptError::malformed(message),
        _ => AttemptError::transient(ErrorKind::Overloaded, message),
    }
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Bytes of an element; 0 for BYTES, whose elements say so themselves.
fn width(datatype: &str) -> Option<usize> {
    Some(match datatype {
        "BYTES" => 0,
        "BOOL" | "UINT8" | "INT8" => 1,
        "UINT16" | "INT16" => 2,
        "UINT32" | "INT32" | "FP32" => 4,
        "UINT64" | "INT64" | "FP64" => 8,
        _ => return None,
    })
}

fn to_raw(tensor: &Tensor) -> Result<Vec<u8>, AttemptError> {
    let unknown = || {
        let message = format!("input `{}` is of type {}, which is not known", tensor.name, tensor.datatype);
        AttemptError::permanent(ErrorKind::Unsupported, message)
    };
    let width = width(&tensor.datatype).ok_or_else(unknown)?;
    Ok(match &tensor.data {
        // The low bytes of a two's complement are those of every narrower width, signed or not.
        Data::Integers(values) => values.iter().flat_map(|x| x.to_le_bytes()[..width].to_vec()).collect(),
        Data::Floats(values) if width == 4 => values.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect(),
        Data::Floats(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::Flags(values) => values.iter().map(|flag| u8::from(*flag)).collect(),
        Data::Texts(values) => {
            let mut raw = Vec::new();
            for text in values {
                let length = u32::try_from(text.len()).map_err(|_| unknown())?;
                raw.extend(length.to_le_bytes());
                raw.extend(text.as_bytes());
            }
            raw
        }
    })
}

fn from_raw(head: TensorMetadata, raw: &[u8]) -> Result<Tensor, AttemptError> {
    let TensorMetadata { name, datatype, shape } = head;
    let bad = |what: &str| AttemptError::malformed(format!("output `{name}` of type {datatype} {what}"));
    let width = width(&datatype).ok_or_else(|| bad("can't be read"))?;
    if width > 0 && !raw.len().is_multiple_of(width) {
        return Err(bad("ends within an element"));
    }
    let bits = |chunk: &[u8]| {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(bytes)
    };
    let data = match &*datatype {
        "BYTES" => Data::Texts(texts(raw).ok_or_else(|| bad("ends within a text"))?),
        "BOOL" => Data::Flags(raw.iter().map(|byte| *byte != 0).collect()),
        "FP32" => Data::Floats(raw.chunks(4).map(|c| f64::from(f32::from_bits(bits(c) as u32))).collect()),
        "FP64" => Data::Floats(raw.chunks(8).map(|c| f64::from_bits(bits(c))).collect()),
        signed => {
            let shift = if signed.starts_with('I') { 64 - 8 * width as u32 } else { 0 };
            // Shifting up and down again extends the sign.
            Data::Integers(raw.chunks(width).map(|c| ((bits(c) << shift) as i64) >> shift).collect())
        }
    };
    Ok(Tensor { name, datatype, shape, data })
}

/// Texts with their lengths in front; bytes that are no text become marks.
fn texts(mut raw: &[u8]) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    while !raw.is_empty() {
        let (length, rest) = raw.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        texts.push(String::from_utf8_lossy(text).into_owned());
        raw = rest;
    }
    Some(texts)
}

#[cfg(test)]
#[path = "grpc_tests.rs"]
mod tests;
