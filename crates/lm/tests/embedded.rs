//! The model that comes with samara, used through the same client as any server.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]

use std::sync::Arc;

use samara_lm::{
    Budget, CompletionRequest, EmbedRequest, ErrorKind, Finish, LanguageModel, ModelSettings, Needs,
    Sampling, ScoreMethod, ScoreRequest, Speciality, open,
};
use samara_seedling::{
    Dtype, shipped,
    train::{Corpus, checkpoint::write_model},
    written::documents::{SUBJECT_ANSWERS, subject_frame},
};

fn model(threads: usize) -> Arc<dyn LanguageModel> {
    let settings = ModelSettings { threads: Some(threads), ..ModelSettings::parse("embedded").unwrap() };
    open(&settings, Budget::unlimited()).unwrap()
}

fn request(prompt: &str, seed: u64) -> CompletionRequest {
    let stop = vec!["###".into(), "\n#".into()];
    let sampling =
        Sampling { max_tokens: 50, temperature: 1.0, top_p: 1.0, stop, seed, penalties: Default::default() };
    CompletionRequest { prompt: prompt.into(), instructions: None, sampling }
}

const TEMPLATE: &str = "Here is a random opinion piece about eating vegetables and plant-based foods:";

fn judgement(text: &str) -> ScoreRequest {
    let instruction = "Determine the sentiment of the input opinion about vegetables and plant-based foods. If the \
                       opinion is positive, answer \"positive\". If it is negative, answer \"negative\".";
    ScoreRequest {
        prompt: format!("### Instruction:\n{instruction}\n\n### Input:\n{text}\n\n### Response:"),
        answers: vec!["\npositive".into(), "\nnegative".into()],
        seed: 0,
    }
}

#[tokio::test]
async fn it_is_there_without_a_server_and_tells_what_it_can_do() {
    let found = model(1).probe(Needs { complete: true, score: true, embed: true }).await.unwrap();
    assert_eq!((&*found.model, &*found.api), ("embedded", "embedded"));
    assert_eq!(found.score, Some(ScoreMethod::Embedded));
    assert_eq!(found.embed, Some(128));
}

#[tokio::test]
async fn it_writes_an_item_and_stops_and_the_seed_decides_which() {
    let model = model(2);
    let one = model.complete(&request(TEMPLATE, 1)).await.unwrap();
    assert_eq!(one.finish, Finish::Stop);
    assert!(one.text.trim().split(' ').count() > 5, "{one:?}");
    assert!(one.usage.tokens_in > 0 && one.usage.tokens_out > 0 && !one.usage.estimated);
    assert_eq!(model.complete(&request(TEMPLATE, 1)).await.unwrap().text, one.text);
    assert_ne!(model.complete(&request(TEMPLATE, 2)).await.unwrap().text, one.text);
}

#[tokio::test]
async fn it_tells_praise_from_blame() {
    let model = model(1);
    let mut positive = Vec::new();
    for text in [
        "My older friends love fresh carrots, because they find them truly delicious.",
        "My older friends detest boiled carrots, because they find them truly disgusting.",
    ] {
        let score = model.score(&judgement(text)).await.unwrap();
        assert!(score.log_probabilities.iter().all(|l| l.is_finite() && *l <= 0.0));
        positive.push(score.normalised()[0]);
    }
    assert!(positive[0] > 0.8 && positive[1] < 0.2, "{positive:?}");
}

#[tokio::test]
async fn embeddings_are_finite_and_nearer_for_texts_that_are_alike() {
    let texts = ["I love fresh carrots.", "I love fresh peas.", "The spy shadowed the mayor at a gate."];
    let request = EmbedRequest { texts: texts.map(str::to_owned).to_vec(), queries: Vec::new() };
    let vectors = model(1).embed(&request).await.unwrap().vectors;
    let cosine = |a: &[f64], b: &[f64]| {
        let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
    };
    assert!(vectors.iter().flatten().all(|x| x.is_finite()));
    assert!(cosine(&vectors[0], &vectors[1]) > cosine(&vectors[0], &vectors[2]));
}

#[tokio::test]
async fn a_prompt_longer_than_the_context_is_an_error_of_the_request() {
    let error = model(1).complete(&request(&"peas ".repeat(3000), 1)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.message.contains("context"), "{error}");
}

#[test]
fn a_folder_without_a_model_is_an_error_of_the_settings_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ModelSettings::parse(&format!("embedded:{}", folder.path().display())).unwrap();
    let error = open(&settings, Budget::unlimited()).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Configuration);
    assert!(error.message.contains(&folder.path().display().to_string()) && error.hint.is_some(), "{error}");
}

#[tokio::test]
async fn the_walkers_model_is_there_beside_the_texts_model() {
    let settings = ModelSettings { threads: Some(1), ..ModelSettings::parse("embedded#walkers").unwrap() };
    let model = open(&settings, Budget::unlimited()).unwrap();
    let found = model.probe(Needs { complete: true, score: true, embed: true }).await.unwrap();
    assert_eq!(&*found.model, "embedded#walkers");
    let sampling = Sampling {
        max_tokens: 320,
        temperature: 0.7,
        top_p: 1.0,
        stop: vec!["\n\n".into()],
        seed: 1,
        penalties: Default::default(),
    };
    let request = CompletionRequest { prompt: "def make_walker():\n".into(), instructions: None, sampling };
    let answer = model.complete(&request).await.unwrap();
    assert_eq!(answer.finish, Finish::Stop);
    assert!(answer.text.starts_with("    wc = walker_creator()\n"), "{}", answer.text);
    assert!(answer.text.trim_end().ends_with("    return wc.get_walker()"), "{}", answer.text);
}

/// The shipped model of texts in a folder, marked as one that can say whether it knows a prompt, or not.
fn in_folder(folder: &std::path::Path, subjects: bool) -> Arc<dyn LanguageModel> {
    let (_, tokenizer) = shipped::model(Corpus::Texts).unwrap();
    let mut weights = shipped::weights(Corpus::Texts).unwrap();
    weights.config.subjects = subjects;
    write_model(folder, &weights, &tokenizer, Dtype::F16).unwrap();
    let settings = ModelSettings::parse(&format!("embedded:{}", folder.display())).unwrap();
    open(&settings, Budget::unlimited()).unwrap()
}

#[tokio::test]
async fn a_model_that_was_trained_to_is_asked_in_the_frame_of_its_training_what_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let model = in_folder(folder.path(), true);
    assert_eq!(model.speciality(), Some(Speciality::Texts));
    let prompts = [TEMPLATE.to_owned(), "Here is a poem about trains:".to_owned()];
    let known = model.known(&prompts).await.unwrap().expect("it can say");
    let (before, behind) = subject_frame();
    for (prompt, known) in prompts.iter().zip(&known) {
        let prompt = format!("{before}{prompt}{behind}");
        let answers = SUBJECT_ANSWERS.map(str::to_owned).to_vec();
        let score = model.score(&ScoreRequest { prompt, answers, seed: 0 }).await.unwrap();
        assert_eq!(score.normalised()[0], *known);
    }
    assert_eq!(known.len(), 2);
    assert!(known.iter().all(|known| (0.0..=1.0).contains(known)), "{known:?}");
}

#[tokio::test]
async fn a_model_without_the_mark_is_not_asked_what_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let unmarked = in_folder(folder.path(), false);
    assert_eq!((unmarked.known(&[TEMPLATE.to_owned()]).await.unwrap(), unmarked.speciality()), (None, None));
    let walkers = open(&ModelSettings::parse("embedded#walkers").unwrap(), Budget::unlimited()).unwrap();
    assert_eq!(walkers.known(&[TEMPLATE.to_owned()]).await.unwrap(), None);
    assert_eq!(walkers.speciality(), Some(Speciality::Walkers));
    assert_eq!(model(1).speciality(), Some(Speciality::Texts));
}

#[test]
fn the_digest_of_weights_follows_their_files() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let digest = |model: &Arc<dyn LanguageModel>| model.weights().unwrap().expect("it has weights");
    let (first, second) = (in_folder(one.path(), false), in_folder(other.path(), false));
    assert_eq!((digest(&first).len(), digest(&first)), (64, digest(&second)));
    assert_ne!(digest(&in_folder(other.path(), true)), digest(&first));
    assert_ne!(digest(&model(1)), digest(&first));
}
