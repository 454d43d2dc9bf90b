//! What servers are asked for in the fields that only some of them have: penalties of repeats, and the two sides of an
//! embedder for search.

use samara_lm::{Budget, EmbedRequest, ErrorKind, LmError, ModelSettings, Penalties, open};
use serde_json::{Value as Json, json};

use super::{Reply, Server, models, request, writes};

/// A server of every kind that has one model and writes one text, in all of their words.
fn server() -> Server {
    Server::start(|request| match request.path.as_str() {
        "/v1/models" | "/api/tags" | "/models_available" => models(),
        "/get_model_info" | "/info" => Reply::json(&json!({"model_path": "m", "model_id": "m"})),
        "/v1/embeddings" => vectors(&request.body["input"], |vectors| {
            let data = vectors.iter().map(|vector| json!({"embedding": vector}));
            json!({"data": data.collect::<Vec<Json>>()})
        }),
        "/batch_semantic_embed" => {
            vectors(&request.body["prompts"], |vectors| json!({"embeddings": vectors}))
        }
        _ => {
            let mut reply = writes("beans", &Json::Null);
            for field in ["response", "content", "text", "generated_text"] {
                reply[field] = "beans".into();
            }
            reply["completions"] = json!([{"completion": "beans", "finish_reason": "end_of_text"}]);
            Reply::json(&reply)
        }
    })
}

/// A vector for each text: its length in bytes.
fn vectors(texts: &Json, form: impl Fn(&[Json]) -> Json) -> Reply {
    let texts = texts.as_array().cloned().unwrap_or_default();
    let vectors: Vec<Json> = texts.iter().map(|text| json!([text.as_str().map_or(0, str::len), 1])).collect();
    Reply::json(&form(&vectors))
}

fn settings(server: &Server, provider: &str, more: &str) -> ModelSettings {
    let mut section: toml::Table = toml::from_str(more).unwrap();
    let version = if provider == "openai" { "/v1" } else { "" };
    section.insert("base_url".into(), format!("{}{version}", server.address).into());
    section.insert("provider".into(), provider.into());
    if !matches!(provider, "tgi" | "sglang") {
        section.insert("model".into(), "m".into());
    }
    // A variable that is set everywhere and is no secret.
    section.insert("api_key_env".into(), "CARGO_PKG_NAME".into());
    section.try_into().unwrap()
}

/// The body of the completion that a provider is asked for with these penalties.
async fn asked(provider: &str, penalties: Penalties) -> Result<Json, LmError> {
    let server = server();
    let model = open(&settings(&server, provider, ""), Budget::unlimited()).unwrap();
    let mut wanted = request("beans", 50);
    wanted.sampling.penalties = penalties;
    model.complete(&wanted).await?;
    Ok(server.seen().last().unwrap().body.clone())
}

/// Where a provider's requests have what a completion is sampled by.
fn place(provider: &str) -> &'static str {
    match provider {
        "ollama" => "/options",
        "sglang" => "/sampling_params",
        "tgi" => "/parameters",
        _ => "",
    }
}

#[tokio::test]
async fn a_server_is_asked_for_penalties_that_are_set_and_never_for_others() {
    for provider in ["openai", "llama-server", "ollama", "sglang", "aleph-alpha", "tgi"] {
        let penalty = |body: &Json, name: &str| body.pointer(&format!("{}/{name}", place(provider))).cloned();
        let body = asked(provider, Penalties { frequency: 0.5, presence: 0.0 }).await.unwrap();
        assert_eq!(penalty(&body, "frequency_penalty"), Some(json!(0.5)), "{provider}: {body}");
        assert_eq!(penalty(&body, "presence_penalty"), None, "{provider}");
        let body = asked(provider, Penalties::default()).await.unwrap();
        assert_eq!(penalty(&body, "frequency_penalty"), None, "{provider}");
        if provider != "tgi" {
            let body = asked(provider, Penalties { frequency: 0.0, presence: -0.5 }).await.unwrap();
            assert_eq!(penalty(&body, "presence_penalty"), Some(json!(-0.5)), "{provider}: {body}");
        }
    }
}

#[tokio::test]
async fn who_takes_no_such_penalty_is_named_with_those_who_do() {
    let presence = Penalties { frequency: 0.0, presence: 0.5 };
    let frequency = Penalties { frequency: 0.5, presence: 0.0 };
    for (provider, penalties, what) in [
        ("tgi", presence, "tgi takes no presence_penalty"),
        ("anthropic", presence, "anthropic takes no presence_penalty"),
        ("anthropic", frequency, "anthropic takes no frequency_penalty"),
    ] {
        let error = asked(provider, penalties).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Configuration);
        assert!(error.to_string().contains(what), "{error}");
        let hint = error.hint.unwrap_or_default();
        assert!(hint.contains("openai") && !hint.contains(provider), "{hint}");
    }
    let error = asked("openai", Penalties { frequency: 2.5, presence: 0.0 }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid, "out of OpenAI's range");
}

#[tokio::test]
async fn texts_and_queries_stand_behind_their_prefixes_and_come_back_in_their_order() {
    let request = EmbedRequest { texts: vec!["beans".into(), "a".into()], queries: vec!["peas".into()] };
    for (more, sent, lengths) in [
        ("", json!(["beans", "a", "peas"]), [5.0, 1.0, 4.0]),
        (
            "query_prefix = \"query: \"\ndocument_prefix = \"passage: \"",
            json!(["passage: beans", "passage: a", "query: peas"]),
            [14.0, 10.0, 11.0],
        ),
    ] {
        let server = server();
        let model = open(&settings(&server, "openai", more), Budget::unlimited()).unwrap();
        let vectors = model.embed(&request).await.unwrap().vectors;
        assert_eq!(vectors.iter().map(|vector| vector[0]).collect::<Vec<f64>>(), lengths);
        assert_eq!(server.seen().last().unwrap().body["input"], sent);
    }
}

#[tokio::test]
async fn an_asymmetric_embedder_is_told_which_texts_are_queries() {
    let request = EmbedRequest { texts: vec!["beans".into()], queries: vec!["peas".into(), "a".into()] };
    let representations = |server: &Server| {
        let bodies = server.seen().into_iter().map(|request| request.body);
        bodies.filter_map(|body| Some(body["representation"].as_str()?.to_owned())).collect::<Vec<String>>()
    };
    for (more, expected) in
        [("", vec!["symmetric"]), ("representation = \"asymmetric\"", vec!["document", "query"])]
    {
        let server = server();
        let model = open(&settings(&server, "aleph-alpha", more), Budget::unlimited()).unwrap();
        let vectors = model.embed(&request).await.unwrap().vectors;
        assert_eq!(vectors.iter().map(|vector| vector[0]).collect::<Vec<f64>>(), [5.0, 4.0, 1.0]);
        assert_eq!(representations(&server), expected);
    }
    let server = server();
    let refused = settings(&server, "openai", "representation = \"asymmetric\"").validate().unwrap_err();
    assert_eq!(refused.key, "representation");
    let long = format!("query_prefix = \"{}\"", "q".repeat(1001));
    assert_eq!(settings(&server, "openai", &long).validate().unwrap_err().key, "query_prefix");
}
