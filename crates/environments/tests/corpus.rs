//! The embedded model was trained on the very prompts that the built-in experiments send.

use samara_environments::{
    builtin,
    lmx::{
        prompt,
        read::{CUTS, Reader},
    },
};
use samara_seedling::{
    Stream,
    corpus::{self, Domain, Split},
    evaluate::EvaluationSettings,
};
use toml::Value;

/// The built-in experiments with language models, and the domain of each.
const EXPERIMENTS: [(&str, Domain); 4] = [
    ("opinions", Domain::Opinions),
    ("short-story", Domain::ShortStory),
    ("short-story-2d", Domain::ShortStory),
    ("movie-reviews", Domain::MovieReviews),
];

fn environment(name: &str) -> toml::Table {
    let experiment = builtin::experiment(name).expect("an experiment of that name");
    let table: toml::Table = experiment.toml.parse().expect("TOML");
    table["environment"].as_table().expect("a section").clone()
}

#[test]
fn the_experiments_ask_what_the_corpus_teaches() {
    for (name, domain) in EXPERIMENTS {
        let section = environment(name);
        assert_eq!(section["prompt_template"].as_str(), Some(domain.template()));
        let evaluated = EvaluationSettings::default();
        assert_eq!(section["temperature"].as_float(), Some(evaluated.temperature));
        let quality = domain.questions().last().expect("questions");
        assert_eq!(section["quality_feedback_prompt"].as_str(), Some(quality.instruction));
        assert_eq!(quality.answers, ["yes", "no"], "the default of quality_answers");
        for axis in section["diversity"].as_array().expect("axes") {
            let question = domain
                .questions()
                .iter()
                .find(|question| axis["name"].as_str() == Some(question.name))
                .expect("a question of the axis' name");
            assert_eq!(axis["instruction_prompt"].as_str(), Some(question.instruction));
            let answers: Vec<Value> = question.answers.map(Value::from).to_vec();
            assert_eq!(axis["answers"].as_array(), Some(&answers));
        }
    }
}

#[test]
fn prompts_of_a_search_are_those_of_the_corpus() {
    let mut stream = Stream::new(1, 0);
    for domain in Domain::ALL {
        let texts = corpus::few_shot_texts(domain, Split::Train, &mut stream);
        let texts: Vec<&str> = texts.iter().map(|text| &*text.text).collect();
        let examples: Vec<std::sync::Arc<str>> = texts.iter().map(|text| (*text).into()).collect();
        assert_eq!(
            prompt::few_shot(domain.template(), "\n", &examples),
            corpus::few_shot_prompt(domain.template(), &texts)
        );
        for question in domain.questions() {
            assert_eq!(
                prompt::feedback(prompt::FEEDBACK, question.instruction, texts[0], &[]),
                corpus::feedback_prompt(question.instruction, texts[0])
            );
        }
        let reader = Reader::new(domain.template(), CUTS.map(str::to_owned).to_vec());
        for text in texts {
            assert_eq!(
                reader.read(&format!("\n{text}\n###\nHere")),
                text,
                "a text of the corpus is left as it is"
            );
        }
    }
}

#[test]
fn seed_pools_are_texts_of_the_corpus() {
    for domain in Domain::ALL {
        let pool = builtin::pool(domain.name()).expect("a pool");
        for text in pool.lines().filter(|line| !line.is_empty()) {
            assert!(corpus::parse(domain, text).is_some(), "{text}");
        }
    }
}
