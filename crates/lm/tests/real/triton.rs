//! NVIDIA Triton with a model that takes tokens and one that takes text, over HTTP and, with the feature, over gRPC.

use std::sync::Arc;

use samara_lm::{
    Budget, CompletionRequest, ErrorKind, Finish, LanguageModel, ModelSettings, Needs, ProviderName,
    Sampling, check, open,
};

use samara_testing::real_servers::RealServer;

/// The ways to a model, as settings.
fn ways(server: &RealServer, model: &str) -> Vec<ModelSettings> {
    let mut ways = vec![format!("triton://127.0.0.1:{}/{model}", server.ports[0])];
    if cfg!(feature = "triton-grpc") {
        ways.push(format!("triton-grpc://127.0.0.1:{}/{model}", server.ports[1]));
    }
    let tokenizer = samara_testing::workspace().join("crates/seedling/model/tokenizer.json");
    let tokenizer = tokenizer.display();
    ways.iter()
        .map(|way| match model {
            "tokens" => ModelSettings::parse(&format!("{way}#{tokenizer}")).unwrap(),
            _ => ModelSettings::parse(way).unwrap(),
        })
        .collect()
}

fn request(prompt: &str, max_tokens: u32, temperature: f64, seed: u64) -> CompletionRequest {
    let sampling = Sampling {
        max_tokens,
        temperature,
        top_p: 0.9,
        stop: Vec::new(),
        seed,
        penalties: Default::default(),
    };
    CompletionRequest { prompt: prompt.into(), instructions: None, sampling }
}

async fn written(model: &Arc<dyn LanguageModel>, request: &CompletionRequest) -> (String, Finish) {
    let completion = model.complete(request).await.unwrap();
    (completion.text, completion.finish)
}

#[tokio::test]
#[ignore = "a real server: run .ci/real_servers"]
async fn triton_writes_tokens_and_text_over_every_wire_as_it_is_told() {
    let Some(server) = RealServer::start("triton", 2, "/v2/models/text/ready") else { return };
    let prompt = "once upon a time in größer 四";
    for settings in ways(&server, "tokens") {
        let model = open(&settings, Budget::unlimited()).unwrap();
        let found = model.probe(Needs { complete: true, ..Needs::default() }).await.unwrap();
        assert_eq!(found.model, "tokens");
        // It repeats the prompt's tokens, from the one on that the seed names.
        let (text, finish) = written(&model, &request(prompt, 400, 0.0, 5)).await;
        assert!(text.starts_with(&format!("{prompt}{prompt}")), "{text:?}");
        assert_eq!(finish, Finish::Length);
        let (sampled, _) = written(&model, &request(prompt, 400, 1.0, 2)).await;
        assert!(
            !sampled.starts_with(prompt) && sampled.contains(&format!("{prompt}{prompt}")),
            "{sampled:?}"
        );
        assert_eq!(written(&model, &request(prompt, 400, 1.0, 2)).await.0, sampled);
        let mut stopped = request(prompt, 400, 0.0, 5);
        stopped.sampling.stop = vec!["größer".into()];
        assert_eq!(written(&model, &stopped).await, ("once upon a time in ".into(), Finish::Stop));
    }
    for settings in ways(&server, "text") {
        let model = open(&settings, Budget::unlimited()).unwrap();
        let (text, _) = written(&model, &request(prompt, 9, 0.0, 5)).await;
        assert_eq!(text, "upon a time in größer 四 once upon a");
        assert_eq!(written(&model, &request(prompt, 3, 1.0, 5)).await.0, "größer 四 once");
    }
}

#[tokio::test]
#[ignore = "a real server: run .ci/real_servers"]
async fn triton_is_checked_and_what_it_lacks_is_said() {
    let Some(server) = RealServer::start("triton", 2, "/v2/models/text/ready") else { return };
    for settings in ways(&server, "text") {
        let report = check(&settings).await.unwrap();
        let works = |what: &str| report.findings.iter().find(|finding| finding.what == what).unwrap().works;
        assert!(
            works("reachable") && works("complete") && works("seed") && !works("embeddings"),
            "{report:?}"
        );
        assert!(report.speed.iter().all(|speed| speed.per_second > 0.0));
    }
    for settings in ways(&server, "nobody") {
        let model = open(&settings, Budget::unlimited()).unwrap();
        let error = model.complete(&request("a", 3, 0.0, 1)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains("nobody"), "{error}");
    }
    let mut misled = ways(&server, "text").remove(0);
    misled.extra.insert("beam_width".into(), 4.into());
    assert_eq!(misled.provider, ProviderName::Triton);
    let error =
        open(&misled, Budget::unlimited()).unwrap().complete(&request("a", 3, 0.0, 1)).await.unwrap_err();
    assert!(error.to_string().contains("beam_width"), "{error}");
}
