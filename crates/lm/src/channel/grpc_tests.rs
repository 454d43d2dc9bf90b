//! A server that speaks gRPC by hand: frames of HTTP/2, so that our client is not tested against itself.

use std::{convert::Infallible, net::SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{HeaderMap, HeaderValue},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use proptest::prelude::*;
use prost::Message as _;

use super::{super::triton::Triton, *};
use crate::{
    error::{AttemptError, ErrorKind},
    operation::{Endpoint, Operation, Value},
    provider_name::ProviderName,
    settings::ModelSettings,
    types::{CompletionRequest, Finish, Sampling},
};

/// A reply, or a status with its message.
type Said = Result<Vec<u8>, (u8, &'static str)>;

async fn serve(behave: fn(&str, &[u8]) -> Said) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(move |request| answer(request, behave));
            tokio::spawn(
                http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    address
}

async fn answer(
    request: Request<Incoming>,
    behave: fn(&str, &[u8]) -> Said,
) -> Result<
    Response<
        http_body_util::combinators::WithTrailers<
            Full<Bytes>,
            std::future::Ready<Option<Result<HeaderMap, Infallible>>>,
        >,
    >,
    Infallible,
> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    // One byte says "not compressed", four the length.
    let said = behave(&path, body.get(5..).unwrap_or_default());
    let mut trailers = HeaderMap::new();
    let (code, message) = said.as_ref().err().copied().unwrap_or((0, ""));
    trailers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    trailers.insert("grpc-message", HeaderValue::from_static(message));
    let mut framed = Vec::new();
    if let Ok(reply) = said {
        framed.push(0);
        framed.extend((reply.len() as u32).to_be_bytes());
        framed.extend(reply);
    }
    let body = Full::new(Bytes::from(framed)).with_trailers(std::future::ready(Some(Ok(trailers))));
    Ok(Response::builder().header("content-type", "application/grpc").body(body).expect("valid"))
}

fn head(name: &str, datatype: &str, shape: &[i64]) -> TensorMetadata {
    TensorMetadata { name: name.into(), datatype: datatype.into(), shape: shape.to_vec() }
}

/// A model that writes the prompt, "!" and the seed.
fn echoing(path: &str, body: &[u8]) -> Said {
    if path.ends_with("/ModelMetadata") {
        let asked = MetadataRequest::decode(body).expect("a request");
        if asked.name != "m" {
            return Err((5, "Request for unknown model: 'x' is not found"));
        }
        let inputs = vec![
            head("text_input", "BYTES", &[-1, 1]),
            head("max_tokens", "INT32", &[-1, 1]),
            head("random_seed", "UINT64", &[-1, 1]),
            head("temperature", "FP32", &[-1, 1]),
        ];
        let reply = MetadataResponse { inputs, outputs: vec![head("text_output", "BYTES", &[-1, 1])] };
        return Ok(reply.encode_to_vec());
    }
    assert_eq!(path, "/inference.GRPCInferenceService/ModelInfer");
    let asked = InferRequest::decode(body).expect("a request");
    let raw = |name: &str| {
        let place = asked.inputs.iter().position(|input| input.name == name).expect(name);
        asked.raw_input_contents[place].clone()
    };
    assert_eq!(raw("max_tokens"), 8_i32.to_le_bytes());
    assert_eq!(raw("temperature"), 0.5_f32.to_le_bytes());
    let text = raw("text_input");
    assert_eq!(text[..4], 3_u32.to_le_bytes());
    let seed = u64::from_le_bytes(raw("random_seed").try_into().expect("8 bytes"));
    let written = format!("{}!{seed}", String::from_utf8_lossy(&text[4..]));
    let mut contents = (written.len() as u32).to_le_bytes().to_vec();
    contents.extend(written.bytes());
    let outputs = vec![head("text_output", "BYTES", &[1, 1])];
    Ok(InferResponse { outputs, raw_output_contents: vec![contents] }.encode_to_vec())
}

/// The same, but for inference there is nothing but a status.
fn failing(path: &str, body: &[u8], status: (u8, &'static str)) -> Said {
    if path.ends_with("/ModelMetadata") { echoing(path, body) } else { Err(status) }
}

async fn complete(address: SocketAddr, model: &str) -> Result<Value, AttemptError> {
    let settings = ModelSettings {
        provider: ProviderName::TritonGrpc,
        base_url: Some(format!("http://{address}")),
        model: Some(model.into()),
        ..ModelSettings::default()
    };
    let triton = Triton::open(&settings).expect("valid");
    let sampling = Sampling {
        max_tokens: 8,
        temperature: 0.5,
        top_p: 1.0,
        stop: vec!["#".into()],
        seed: 3,
        penalties: Default::default(),
    };
    let request = CompletionRequest { prompt: "Say".into(), instructions: None, sampling };
    let how = Endpoint { model: model.into(), chat: false, completion_tokens: false };
    triton.attempt(&Operation::Complete { request: &request, how: &how }).await.map(|answer| answer.value)
}

#[tokio::test]
async fn a_text_model_completes_over_grpc() {
    let address = serve(echoing).await;
    assert_eq!(complete(address, "m").await.expect("valid"), Value::Text("!3".into(), Finish::Other));
    assert_eq!(complete(address, "x").await.expect_err("unknown").kind, ErrorKind::Refused);
}

#[tokio::test]
async fn statuses_tell_what_may_pass_from_what_will_not() {
    let kind = async |behave: fn(&str, &[u8]) -> Said| {
        let error = complete(serve(behave).await, "m").await.expect_err("a failure");
        (error.kind, error.retryable)
    };
    let loading = kind(|path, body| failing(path, body, (14, "loading"))).await;
    assert_eq!(loading, (ErrorKind::Overloaded, true));
    let full = kind(|path, body| failing(path, body, (8, "queue is full"))).await;
    assert_eq!(full, (ErrorKind::Overloaded, true));
    let bad = kind(|path, body| failing(path, body, (3, "bad shape"))).await;
    assert_eq!(bad, (ErrorKind::Invalid, false));
    let stranger = kind(|path, body| failing(path, body, (16, "who?"))).await;
    assert_eq!(stranger, (ErrorKind::Refused, false));
    let unknown = kind(|path, body| failing(path, body, (12, "what?"))).await;
    assert_eq!(unknown, (ErrorKind::Unsupported, false));
    // Who asks for the metadata of a model names it and nothing else: that is what is wrong then.
    assert_eq!(kind(|_, _| Err((3, "bad name"))).await, (ErrorKind::Refused, false));
    let nobody =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let error = complete(nobody, "m").await.expect_err("nobody is there");
    assert_eq!(error.kind, ErrorKind::Unreachable, "{error:?}");
}

#[test]
fn grpc_over_tls_is_refused_rather_than_spoken_in_the_clear() {
    let settings = ModelSettings {
        provider: ProviderName::TritonGrpc,
        base_url: Some("https://h:1".into()),
        model: Some("m".into()),
        ..ModelSettings::default()
    };
    assert_eq!(Triton::open(&settings).expect_err("refused").kind, ErrorKind::Configuration);
}

proptest! {
    #[test]
    fn tensors_come_back_from_their_bytes(
        small in prop::collection::vec(0_i64..128, 0..5), signed: Vec<i32>, floats: Vec<f32>, flags: Vec<bool>, texts: Vec<String>,
    ) {
        let signed: Vec<i64> = signed.into_iter().map(i64::from).collect();
        let floats: Vec<f64> = floats.into_iter().filter(|x| x.is_finite()).map(f64::from).collect();
        let mut all = vec![("BOOL", Data::Flags(flags)), ("BYTES", Data::Texts(texts))];
        all.extend(["FP32", "FP64"].map(|datatype| (datatype, Data::Floats(floats.clone()))));
        all.extend(["INT32", "INT64"].map(|datatype| (datatype, Data::Integers(signed.clone()))));
        let narrow = ["UINT8", "INT8", "UINT16", "INT16", "UINT32", "UINT64"];
        all.extend(narrow.map(|datatype| (datatype, Data::Integers(small.clone()))));
        for (datatype, data) in all {
            let tensor = Tensor { name: "t".into(), datatype: datatype.into(), shape: vec![1, 1], data };
            let raw = to_raw(&tensor).expect("known");
            prop_assert_eq!(from_raw(head("t", datatype, &[1, 1]), &raw).expect("known"), tensor);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_tensors_panic(raw: Vec<u8>) {
        for datatype in ["BOOL", "BYTES", "FP16", "FP32", "FP64", "INT8", "INT16", "INT64", "UINT32", "UINT64", ""] {
            let _ = from_raw(head("t", datatype, &[1]), &raw);
        }
    }
}
