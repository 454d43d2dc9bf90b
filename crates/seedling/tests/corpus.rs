//! Laws of training documents: they are the prompts of a search, in the words of its experiments, and what is held out
//! is in none that is trained on.

use std::collections::HashMap;

use proptest::prelude::*;
use samara_seedling::{
    Stream,
    corpus::{Domain, LIMIT, Question, Split, feedback_frame, feedback_prompt, few_shot_prompt, probability},
    evaluate::spearman,
    train::{Corpus, data},
    written::{
        Mood, Property, compose,
        compose::{axes, held_out},
        documents::{few_shot_document, few_shot_texts, own, question},
        faults::{Fault, spoil},
    },
};

fn any_domain() -> impl Strategy<Value = Domain> {
    prop::sample::select(Domain::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_few_shot_document_is_the_prompt_of_its_texts(domain in any_domain(), seed: u64) {
        let document = few_shot_document(domain, Split::Train, &mut Stream::new(seed, 2));
        prop_assert!(document.answer.is_none());
        let (templates, texts): (Vec<_>, Vec<_>) =
            document.segments.chunks(2).map(|pair| (pair[0].text.as_str(), pair[1].text.as_str())).unzip();
        prop_assert!((1..=5).contains(&texts.len()));
        prop_assert!(templates.iter().all(|template| *template == templates[0]));
        let examples: Option<Vec<&str>> =
            texts.iter().map(|text| text.strip_prefix('\n')?.strip_suffix("\n###\n")).collect();
        // Some prompts begin their texts on the template's line.
        if let Some(examples) = examples {
            let prompt = few_shot_prompt(templates[0], &examples);
            prop_assert_eq!(document.text() + templates[0], prompt);
        }
    }

    #[test]
    fn a_text_of_a_prompt_is_one_clean_paragraph_of_its_split(domain in any_domain(), seed: u64, held: bool) {
        let split = if held { Split::HeldOut } else { Split::Train };
        for text in few_shot_texts(domain, split, &mut Stream::new(seed, 3)) {
            prop_assert_eq!(held_out(&text.text), held, "{}", text.text);
            prop_assert!(!text.text.contains(['\n', '#', '@', '{', '}']), "{}", text.text);
            prop_assert!(!text.text.contains("Here is a random"), "{}", text.text);
            prop_assert!(text.odds.iter().all(|odds| odds.abs() <= LIMIT));
        }
    }
}

/// The built-in question in a prompt.
fn asked_in(domain: Domain, before: &str) -> Option<&'static Question> {
    domain.questions().iter().find(|question| feedback_frame(question.instruction).0 == before)
}

#[test]
fn questions_without_variety_are_those_of_the_experiments() {
    for domain in Domain::ALL {
        let mut met = HashMap::new();
        for number in 0..400 {
            let group = question(domain, 0.0, Split::Train, &mut Stream::new(3, number));
            assert!(group.texts.iter().all(|(_, first)| (0.0..=1.0).contains(first)));
            let Some(question) = asked_in(domain, &group.before) else { continue };
            assert_eq!(group.answers, question.answers.map(|answer| format!("\n{answer}")));
            let prompt = format!("{}{}{}", group.before, group.texts[0].0, group.behind);
            assert_eq!(prompt, feedback_prompt(question.instruction, &group.texts[0].0));
            *met.entry(question.name).or_insert(0) += 1;
        }
        assert_eq!(met.len(), domain.questions().len(), "{met:?}");
    }
}

#[test]
fn every_axis_and_quality_of_an_experiment_have_a_question_of_their_own() {
    for domain in Domain::ALL {
        let about_form = [Property::Quality, Property::Topic];
        let asked: Vec<String> = axes(domain)
            .iter()
            .chain(&about_form)
            .map(|property| own(domain, *property))
            .inspect(|asked| assert!(!asked.reversed && asked.answers[0] != asked.answers[1]))
            .map(|asked| asked.instruction)
            .collect();
        for question in domain.questions() {
            assert!(asked.iter().any(|instruction| instruction == question.instruction), "{question:?}");
        }
    }
}

#[test]
fn a_document_as_one_text_holds_its_question_and_a_soft_answer() {
    let documents: Vec<_> =
        (0..600).map(|number| data::document(Corpus::Texts, 3, Split::Train, number)).collect();
    let answers: Vec<f64> =
        documents.iter().filter_map(|document| Some(document.answer.as_ref()?.first)).collect();
    assert!((200..340).contains(&answers.len()), "{} of 600 are questions", answers.len());
    assert!(answers.iter().all(|first| (0.0..=1.0).contains(first)));
    let judged = documents.iter().filter(|document| document.answer.is_some());
    assert!(judged.flat_map(|document| &document.segments).all(|segment| segment.weight == 0.0));
}

#[test]
fn the_last_text_of_a_prompt_takes_after_those_before_it() {
    for domain in Domain::ALL {
        let groups: Vec<_> = (0..1000)
            .map(|number| few_shot_texts(domain, Split::Train, &mut Stream::new(12, number)))
            .filter(|texts| texts.len() >= 3)
            .collect();
        for axis in axes(domain) {
            let (before, after): (Vec<f64>, Vec<f64>) = groups
                .iter()
                .filter_map(|texts| {
                    let (last, rest) = texts.split_last()?;
                    let mean = rest.iter().map(|text| text.of(*axis)).sum::<f64>() / rest.len() as f64;
                    Some((mean, last.of(*axis)))
                })
                .unzip();
            let correlation = spearman(&before, &after);
            assert!(correlation >= 0.5, "{domain:?} {axis:?}: {correlation}");
        }
    }
}

#[test]
fn faults_lower_quality_and_leave_one_paragraph() {
    for domain in Domain::ALL {
        for fault in Fault::ALL {
            let mut stream = Stream::new(15, fault as u64);
            for _ in 0..100 {
                let mood = Mood { weak: 0.0, ..Mood::draw(domain, &mut stream) };
                let text = compose(domain, None, &mood, Split::Train, &mut stream);
                let spoiled = spoil(domain, fault, &text, Split::Train, &mut stream);
                assert!(spoiled.quality < text.quality && spoiled.topic < text.topic, "{fault:?}");
                assert!(!spoiled.text.is_empty() && !spoiled.text.contains('\n'), "{}", spoiled.text);
            }
        }
    }
}

#[test]
fn probabilities_follow_from_log_odds() {
    assert_eq!(probability(0.0), 0.5);
    assert!((probability(2.0) + probability(-2.0) - 1.0).abs() < 1e-15);
    assert!(probability(LIMIT) > 0.995 && probability(-LIMIT) < 0.005, "the outermost cells are reached");
}
