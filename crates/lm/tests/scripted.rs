//! Scripts: replies depend on script, prompt and seed alone, and faults pass through the client's layers.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use proptest::prelude::*;
use samara_lm::{
    Budget, CompletionRequest, EmbedRequest, ErrorKind, Finish, LanguageModel, Limits, ModelSettings, Needs,
    ProviderName, Sampling, ScoreMethod, ScoreRequest, Spent, open,
};

const SCRIPT: &str = r#"
name = "peas"

[[complete]]
contains = "colour"
answers = ["red", "green", "blue"]

[[complete]]
[complete.recombine]
mutate = 0.2
sentences = ["I love peas.", "I hate kale.", "Beans are fine."]

[[score]]
contains = "Is it positive?"
noise = 0.5
lexicon = { love = 2.0, hate = -2.0 }
"#;

const FAULTS: [&str; 6] = ["rate_limit", "server_error", "reset", "truncated", "nan", "null"];

struct Scripts {
    folder: tempfile::TempDir,
}

impl Scripts {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn settings(&self, name: &str, text: &str) -> ModelSettings {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        ModelSettings {
            provider: ProviderName::Scripted,
            script: Some(path),
            timeout_s: 0.05,
            deadline_s: 20.0,
            ..ModelSettings::default()
        }
    }

    fn open(&self, text: &str) -> Arc<dyn LanguageModel> {
        open(&self.settings("script.toml", text), Budget::unlimited()).unwrap()
    }
}

fn faulty(kind: &str, rate: f64) -> String {
    format!("{SCRIPT}\n[[faults]]\nkind = \"{kind}\"\nrate = {rate}\n")
}

fn request(prompt: &str, seed: u64) -> CompletionRequest {
    let sampling = Sampling { max_tokens: 50, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed };
    CompletionRequest { prompt: prompt.into(), sampling }
}

fn prompts(count: u64) -> Vec<CompletionRequest> {
    let example =
        |n: u64| ["I like salad. It is green.", "I hate beans.", "Corn is sweet! I love it."][n as usize % 3];
    (0..count)
        .map(|n| {
            let prompt = format!("Opinion: {}\n###\nOpinion: {}\n###\nOpinion: ", example(n), example(n + 1));
            request(&prompt, n)
        })
        .collect()
}

fn judge(text: &str) -> ScoreRequest {
    ScoreRequest {
        prompt: format!("Is it positive?\n### Input:\n{text}\n\n### Response:"),
        answers: vec!["positive".into(), "negative".into()],
        seed: 1,
    }
}

async fn texts(model: &dyn LanguageModel, requests: &[CompletionRequest]) -> Vec<String> {
    join_all(requests.iter().map(|request| model.complete(request)))
        .await
        .into_iter()
        .map(|reply| reply.unwrap().text)
        .collect()
}

#[tokio::test]
async fn replies_depend_neither_on_order_nor_on_concurrency_nor_on_faults() {
    let scripts = Scripts::new();
    let requests = prompts(60);
    let expected = texts(scripts.open(SCRIPT).as_ref(), &requests).await;
    let distinct: std::collections::BTreeSet<&String> = expected.iter().collect();
    assert!(distinct.len() > 20, "a search needs variety: {}", distinct.len());
    let model = scripts.open(&format!("{SCRIPT}\n[latency]\nms = [0.0, 4.0]\n"));
    let mut backwards = Vec::new();
    for request in requests.iter().rev() {
        backwards.insert(0, model.complete(request).await.unwrap().text);
    }
    assert_eq!(backwards, expected);
    let again = scripts.open(&faulty("reset", 0.2));
    assert_eq!(texts(again.as_ref(), &requests).await, expected);
}

#[tokio::test]
async fn every_passing_fault_is_retried_and_counted() {
    let scripts = Scripts::new();
    let requests = prompts(12);
    for kind in FAULTS {
        let model = scripts.open(&faulty(kind, 0.25));
        let replies = join_all(requests.iter().map(|request| model.complete(request))).await;
        let good: Vec<u32> = replies.iter().flatten().map(|reply| reply.usage.attempts).collect();
        // Unusable replies are given up after three, so that a few may be lost.
        assert!(good.len() >= 10, "{kind}: {replies:?}");
        assert!(good.iter().any(|attempts| *attempts > 1), "{kind}: none was struck");
    }
}

#[tokio::test]
async fn faults_that_always_strike_end_in_their_kind_of_error_within_the_deadline() {
    let scripts = Scripts::new();
    let cases = [
        ("rate_limit", ErrorKind::Overloaded),
        ("server_error", ErrorKind::Overloaded),
        ("stall", ErrorKind::Timeout),
        ("nan", ErrorKind::Malformed),
        ("huge", ErrorKind::Malformed),
    ];
    for (kind, expected) in cases {
        let settings =
            ModelSettings { deadline_s: 1.0, ..scripts.settings("always.toml", &faulty(kind, 1.0)) };
        let model = open(&settings, Budget::unlimited()).unwrap();
        let started = Instant::now();
        assert_eq!(model.complete(&prompts(1)[0]).await.unwrap_err().kind, expected, "{kind}");
        assert!(started.elapsed() < Duration::from_secs(2), "{kind}");
    }
    let silent = scripts.open(&faulty("empty", 1.0));
    assert_eq!(silent.complete(&prompts(1)[0]).await.unwrap().text, "");
    assert!(silent.score(&judge("love")).await.is_ok(), "scores are spared");
}

#[tokio::test]
async fn completions_cross_the_examples_and_keep_to_stops_and_lengths() {
    let scripts = Scripts::new();
    let model = scripts.open(SCRIPT);
    let known =
        ["I like salad.", "It is green.", "I hate beans.", "I love peas.", "I hate kale.", "Beans are fine."];
    let crossing = |seed| request("A: I like salad. It is green.\n###\nA: I hate beans.\n###\nA: ", seed);
    for seed in 0..50 {
        let text = model.complete(&crossing(seed)).await.unwrap().text;
        let rest = known.iter().fold(text.clone(), |rest, sentence| rest.replace(sentence, ""));
        assert!(rest.trim().is_empty() && !text.is_empty(), "{text:?}");
    }
    let mut stopped = crossing(1);
    stopped.sampling.stop = vec![".".into(), "!".into()];
    let text = model.complete(&stopped).await.unwrap().text;
    assert!(!text.contains(['.', '!']) && !text.is_empty(), "{text:?}");
    let mut short = crossing(1);
    short.sampling.max_tokens = 1;
    let cut = model.complete(&short).await.unwrap();
    assert_eq!((cut.text.len(), cut.finish), (4, Finish::Length));
}

#[tokio::test]
async fn scores_follow_the_lexicon_and_a_prompt_without_a_rule_is_an_error() {
    let scripts = Scripts::new();
    let model = scripts.open(SCRIPT);
    let found = model.probe(Needs { complete: true, score: true, embed: true }).await.unwrap();
    assert_eq!((found.score, found.embed), (Some(ScoreMethod::Scripted), Some(64)));
    assert_eq!((found.api.as_str(), found.model.as_str()), ("scripted", "peas"));
    let positive = |text: &'static str| {
        let model = Arc::clone(&model);
        async move { model.score(&judge(text)).await.unwrap().normalised()[0] }
    };
    assert!(positive("I love it, LOVE it").await > 0.95);
    assert!(positive("I hate it").await < 0.25);
    assert!((0.35..0.65).contains(&positive("I eat it").await));
    assert_eq!(positive("I eat it").await, positive("I eat it").await);
    let other = ScoreRequest { prompt: "Is it long?".into(), ..judge("") };
    assert_eq!(model.score(&other).await.unwrap_err().kind, ErrorKind::Unsupported);
}

#[tokio::test]
async fn embeddings_have_length_one_and_texts_that_share_words_are_closer() {
    let model = Scripts::new().open("");
    let texts = ["I love green peas", "green peas I hate", "a red car sold", ""].map(str::to_owned).to_vec();
    let vectors = model.embed(&EmbedRequest { texts }).await.unwrap().vectors;
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    assert!((dot(&vectors[0], &vectors[0]) - 1.0).abs() < 1e-12);
    assert!(dot(&vectors[0], &vectors[1]) > dot(&vectors[0], &vectors[2]));
    assert_eq!(dot(&vectors[3], &vectors[3]), 0.0);
    assert!(model.embed(&EmbedRequest { texts: Vec::new() }).await.unwrap().vectors.is_empty());
}

#[tokio::test]
async fn requests_that_no_server_should_see_are_invalid() {
    let model = Scripts::new().open(SCRIPT);
    let with = |change: fn(&mut Sampling)| {
        let mut request = request("colour", 1);
        change(&mut request.sampling);
        request
    };
    for bad in [
        with(|sampling| sampling.max_tokens = 0),
        with(|sampling| sampling.temperature = f64::NAN),
        with(|sampling| sampling.top_p = 0.0),
        with(|sampling| sampling.stop = vec![String::new()]),
    ] {
        assert_eq!(model.complete(&bad).await.unwrap_err().kind, ErrorKind::Invalid);
    }
    for answers in [vec!["yes"], vec!["yes", " "]] {
        let answers = answers.into_iter().map(str::to_owned).collect();
        let bad = ScoreRequest { answers, ..judge("x") };
        assert_eq!(model.score(&bad).await.unwrap_err().kind, ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn a_dropped_call_gives_back_its_place_and_its_reservation() {
    let scripts = Scripts::new();
    let slow = format!("{SCRIPT}\n[latency]\nms = [60000.0, 60000.0]\n");
    let settings =
        ModelSettings { timeout_s: 60.0, max_concurrency: 2, ..scripts.settings("slow.toml", &slow) };
    let budget = Budget::new(Limits { calls: Some(4), ..Limits::default() }, Spent::default());
    let model = open(&settings, Arc::clone(&budget)).unwrap();
    let requests = prompts(4);
    for _ in 0..5 {
        let calls = join_all(requests.iter().map(|request| model.complete(request)));
        assert!(tokio::time::timeout(Duration::from_millis(20), calls).await.is_err(), "they are slow");
        assert_eq!(budget.spent(), Spent::default(), "two were in flight, two waited, none was spent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_side_by_side_never_overshoot_the_budget_together() {
    let scripts = Scripts::new();
    let settings = scripts.settings("script.toml", &format!("{SCRIPT}\n[latency]\nms = [0.0, 3.0]\n"));
    let limits = Limits { calls: Some(40), tokens: Some(2_000), money: Some(1e-3) };
    let settings = ModelSettings { price_in: 1.0, price_out: 2.0, ..settings };
    let budget = Budget::new(limits, Spent::default());
    let model = open(&settings, Arc::clone(&budget)).unwrap();
    let tasks: Vec<_> = prompts(200)
        .into_iter()
        .map(|request| {
            let (model, budget) = (Arc::clone(&model), Arc::clone(&budget));
            tokio::spawn(async move {
                let reply = model.complete(&request).await;
                let spent = budget.spent();
                assert!(spent.calls <= 40 && spent.tokens <= 2_000 && spent.money <= 1e-3 + 1e-12);
                reply
            })
        })
        .collect();
    let replies = join_all(tasks).await;
    let refused = |kind| matches!(kind, ErrorKind::Budget);
    let good = replies.iter().filter(|reply| reply.as_ref().unwrap().is_ok()).count() as u64;
    assert!((1..=40).contains(&good));
    assert_eq!(budget.spent().calls, good);
    assert!(replies.iter().flatten().flat_map(|reply| reply.as_ref().err()).all(|error| refused(error.kind)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_prompt_and_answers_get_log_probabilities_that_sum_to_at_most_one(text in ".{0,60}", more in 0_usize..4) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let scripts = Scripts::new();
        let model = scripts.open("[[score]]\nbias = 1e308\nlexicon = { a = 1e308, b = -1e308 }\n[[complete]]\n[complete.recombine]\nmutate = 0.5\nsentences = [\"x\"]\n");
        let mut answers = vec!["yes".to_owned(), "no".to_owned()];
        answers.extend((0..more).map(|n| n.to_string()));
        let score = runtime.block_on(model.score(&ScoreRequest { prompt: format!("{text}?"), answers, seed: 3 })).unwrap();
        prop_assert!(score.log_probabilities.iter().all(|value| value.is_finite() && *value <= 0.0));
        prop_assert!((score.normalised().iter().sum::<f64>() - 1.0).abs() < 1e-9);
        prop_assert!(runtime.block_on(model.complete(&request(&text, 1))).is_ok());
    }
}
