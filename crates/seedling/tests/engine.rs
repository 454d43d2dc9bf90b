//! What the inference engine answers never depends on what else is asked, in which order, or on how many threads.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use samara_seedling::{
    End, Engine, EngineSettings, Model, Penalties, Reply, Request, Sampling, SeedlingError, Stream,
    Tokenizer, Weights,
    train::{Corpus, Size, data},
};

/// A small model with random weights, large enough that its answers differ from prompt to prompt.
fn parts() -> &'static (Arc<Model>, Arc<Tokenizer>) {
    static PARTS: OnceLock<(Arc<Model>, Arc<Tokenizer>)> = OnceLock::new();
    PARTS.get_or_init(|| {
        let texts = (0..200).map(|number| {
            data::document(Corpus::Texts, 7, samara_seedling::corpus::Split::Train, number).text()
        });
        let tokenizer = Tokenizer::train(texts, 400, &[data::END]);
        let mut config = Size::Tiny.config(tokenizer.vocab_size());
        config.max_positions = 256;
        let mut weights = Weights::initial(config, &mut Stream::new(1, 0));
        for (_, shape, numbers) in weights.tensors_mut() {
            if shape.len() == 2 {
                numbers.iter_mut().for_each(|x| *x *= 6.0);
            }
        }
        (Arc::new(Model::new(&weights)), Arc::new(tokenizer))
    })
}

fn engine(threads: usize, batch: usize, prefix_bytes: usize) -> Engine {
    let (model, tokenizer) = parts();
    let settings = EngineSettings { threads, batch, prefix_bytes, ..EngineSettings::default() };
    Engine::start(Arc::clone(model), Arc::clone(tokenizer), settings)
}

fn complete(prompt: &str, seed: u64, max_tokens: usize) -> Request {
    let sampling = Sampling {
        max_tokens,
        temperature: 1.0,
        top_p: 0.95,
        stop: vec!["\n#".into()],
        seed,
        penalties: Default::default(),
    };
    Request::Complete { prompt: prompt.into(), sampling }
}

fn score(prompt: &str, answers: &[&str]) -> Request {
    Request::Score { prompt: prompt.into(), answers: answers.iter().map(|answer| (*answer).into()).collect() }
}

/// Requests of every kind, many with a common beginning.
fn requests() -> Vec<Request> {
    let shared =
        "### Instruction:\nDetermine whether the text is a good one. Answer yes or no.\n\n### Input:\n";
    let mut requests = Vec::new();
    for i in 0..12_u64 {
        let text =
            format!("{shared}Text {i} speaks of {} beans{}", i * i, " and peas".repeat(i as usize % 5));
        requests.push(complete(&text, i, 3 + 7 * (i as usize % 4)));
        requests.push(score(&text, &["\nyes", "\nno", "\nyes, and happily so", "\nyes, a bit"]));
        requests.push(Request::Embed { text: text.clone() });
        requests.push(complete(shared, i, 20));
    }
    requests
}

fn ask(engine: &Engine, requests: Vec<Request>) -> Vec<Reply> {
    engine.ask_all(requests).into_iter().map(|reply| reply.expect("a reply")).collect()
}

#[test]
fn replies_are_equal_to_the_bit_alone_in_any_batch_and_on_any_number_of_threads() {
    let alone = engine(1, 1, 0);
    let expected: Vec<Reply> =
        requests().into_iter().map(|request| alone.ask(request).expect("a reply")).collect();
    for (threads, batch, prefix_bytes) in [(1, 32, 1 << 22), (2, 5, 1 << 22), (4, 32, 1 << 16), (3, 7, 0)] {
        let engine = engine(threads, batch, prefix_bytes);
        assert_eq!(ask(&engine, requests()), expected, "{threads} threads, {batch} together");
        // Again, with the prefixes warm, in another order.
        let mut backwards = requests();
        backwards.reverse();
        let mut replies = ask(&engine, backwards);
        replies.reverse();
        assert_eq!(replies, expected, "{threads} threads, {batch} together, warm");
    }
}

#[test]
fn an_answer_scores_the_same_beside_any_others() {
    let engine = engine(1, 8, 1 << 20);
    let scores = |answers: &[&str]| match engine.ask(score("Is it good?", answers)) {
        Ok(Reply::Scores { log_probabilities, .. }) => log_probabilities,
        other => panic!("{other:?}"),
    };
    let together = scores(&["\nyes", "\nyes, and happily so", "\nno", " quite", "\nyes and no"]);
    for (i, answer) in ["\nyes", "\nyes, and happily so", "\nno", " quite", "\nyes and no"].iter().enumerate()
    {
        assert_eq!(scores(&[answer]), [together[i]], "{answer:?}");
    }
    assert!(together.iter().all(|log_probability| log_probability.is_finite() && *log_probability <= 0.0));
    assert!(together[1] < together[0], "a continuation is less probable than its beginning");
}

#[test]
fn the_probabilities_of_all_tokens_sum_to_one() {
    let engine = engine(1, 8, 1 << 20);
    let tokenizer = engine.tokenizer();
    let all: Vec<String> = (0..tokenizer.vocab_size() as u32)
        .filter(|id| tokenizer.encode(&tokenizer.decode(&[*id])) == [*id])
        .map(|id| tokenizer.decode(&[id]))
        .collect();
    let Ok(Reply::Scores { log_probabilities, .. }) =
        engine.ask(Request::Score { prompt: "Peas".into(), answers: all })
    else {
        panic!("no scores")
    };
    let sum: f64 = log_probabilities.iter().map(|log_probability| log_probability.exp()).sum();
    assert!(sum <= 1.0 + 1e-5, "{sum}");
}

#[test]
fn a_completion_ends_before_its_stop_string_even_if_that_spans_tokens() {
    let engine = engine(1, 8, 1 << 20);
    let text = |stop: Vec<String>, seed: u64| {
        let sampling = Sampling {
            max_tokens: 60,
            temperature: 1.0,
            top_p: 1.0,
            stop,
            seed,
            penalties: Default::default(),
        };
        match engine.ask(Request::Complete { prompt: "Here is".into(), sampling }) {
            Ok(Reply::Text { text, end, tokens, .. }) => (text, end, tokens.1),
            other => panic!("{other:?}"),
        }
    };
    // A model of random weights ends some texts by itself.
    let (seed, free) = (0..20)
        .find_map(|seed| match text(Vec::new(), seed) {
            (free, End::Length, 60) => Some((seed, free)),
            _ => None,
        })
        .expect("a text that goes on");
    // Bytes that are no text show as replacement characters; a stop string can't name them.
    let characters: Vec<char> = free.chars().collect();
    let stops: Vec<String> = characters
        .windows(3)
        .filter(|window| window.iter().all(|c| *c != char::REPLACEMENT_CHARACTER))
        .map(|window| window.iter().collect())
        .collect();
    assert!(stops.len() > 10, "{free:?}");
    for stop in stops.iter().step_by(stops.len() / 7) {
        let (cut, end, _) = text(vec!["never there".into(), stop.clone()], seed);
        assert_eq!(end, End::Stop);
        assert_eq!(cut, free[..free.find(&**stop).expect("it is there")]);
    }
}

#[test]
fn a_request_that_the_model_can_not_serve_is_refused_with_a_reason() {
    let engine = engine(1, 8, 1 << 20);
    let long = "peas ".repeat(2000);
    for (request, why) in [
        (complete(&long, 1, 5), "context"),
        (score(&long, &["a", "b"]), "context"),
        (Request::Embed { text: long.clone() }, "context"),
        (complete("", 1, 5), "empty"),
        (complete("peas", 1, 0), "max_tokens"),
        (score("peas", &[]), "no answer"),
        (score("peas", &["yes", ""]), "empty"),
    ] {
        match engine.ask(request.clone()) {
            Err(SeedlingError::Request { what, hint }) => {
                assert!(what.contains(why) && !hint.is_empty(), "{what}");
            }
            other => panic!("{request:?}: {other:?}"),
        }
    }
}

#[test]
fn what_repeats_cost_shows_in_what_is_written_and_never_depends_on_the_company() {
    let written = |engine: &Engine, penalties| {
        let sampling =
            Sampling { max_tokens: 80, temperature: 0.0, top_p: 1.0, stop: Vec::new(), seed: 1, penalties };
        match engine.ask(Request::Complete { prompt: "peas and".into(), sampling }) {
            Ok(Reply::Text { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    let (alone, crowd) = (engine(1, 1, 0), engine(3, 8, 1 << 20));
    let plain = written(&alone, Penalties::default());
    for penalties in
        [Penalties { frequency: 2.0, presence: 0.0 }, Penalties { frequency: 0.0, presence: 2.0 }]
    {
        let text = written(&alone, penalties);
        assert_ne!(text, plain, "{penalties:?}");
        assert_eq!(written(&crowd, penalties), text);
    }
    let hostile = Penalties { frequency: f64::NAN, presence: 0.0 };
    let sampling = Sampling {
        max_tokens: 1,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 1,
        penalties: hostile,
    };
    assert!(alone.ask(Request::Complete { prompt: "peas".into(), sampling }).is_err());
}

#[test]
fn writing_stops_at_the_end_of_the_context() {
    let engine = engine(1, 8, 1 << 20);
    let sampling = Sampling {
        max_tokens: 10_000,
        temperature: 1.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 1,
        penalties: Default::default(),
    };
    match engine.ask(Request::Complete { prompt: "peas".into(), sampling }) {
        Ok(Reply::Text { end: End::Length | End::Stop, tokens, .. }) => {
            assert!(tokens.0 + tokens.1 <= engine.model().context() + 1, "{tokens:?}");
        }
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_can_be_asked_and_no_special_token_hides_in_it(prompt in "\\PC{1,80}", seed in 0_u64..1000) {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let engine = ENGINE.get_or_init(|| engine(1, 4, 1 << 20));
        let tokens = engine.tokenizer().encode(&format!("{prompt}{}", data::END));
        prop_assert!(!tokens.contains(&0), "the end token can't be written as text");
        prop_assert!(engine.ask(complete(&prompt, seed, 4)).is_ok());
    }
}

/// A check against a foreign model, where one lies: SAMARA_STORIES260K names the folder of a Llama of 260,000
/// parameters (https://huggingface.co/karpathy/tinyllamas) in the Hugging Face layout.
#[test]
fn a_foreign_model_continues_as_other_engines_do() {
    let Some(folder) = std::env::var_os("SAMARA_STORIES260K").map(std::path::PathBuf::from) else {
        eprintln!("skipped: SAMARA_STORIES260K names no folder");
        return;
    };
    let model = Model::new(&Weights::read(&folder).expect("weights"));
    let tokenizer = Tokenizer::read(&folder.join("tokenizer.json")).expect("a tokenizer");
    let engine = Engine::start(Arc::new(model), Arc::new(tokenizer), EngineSettings::default());
    let sampling = Sampling {
        max_tokens: 58,
        temperature: 0.0,
        top_p: 1.0,
        stop: Vec::new(),
        seed: 0,
        penalties: Default::default(),
    };
    let reply =
        engine.ask(Request::Complete { prompt: "Once upon a time".into(), sampling }).expect("a reply");
    let Reply::Text { text, .. } = reply else { panic!("{reply:?}") };
    let expected = ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw \
                    a big, red ball. She wanted to play with it, but it was too high.";
    assert!(text.starts_with(expected), "{text}");
}
