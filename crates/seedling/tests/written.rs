//! Laws of the written corpus: its files can be read, any choice makes a text that is worth what was asked for, and
//! every question can be asked.

use proptest::prelude::*;
use samara_seedling::{
    Stream,
    corpus::{Domain, Split},
    train::{Corpus, data},
    written::{
        Labels, Material, Mood, Property, compose,
        compose::{axes, held_out, longest},
        documents::{Chances, Drawn, draw, few_shot_texts, judged_text},
        wordings::{Foreign, Wordings},
    },
};

fn any_domain() -> impl Strategy<Value = Domain> {
    prop::sample::select(Domain::ALL.to_vec())
}

#[test]
fn every_domain_has_threads_pieces_people_and_faults() {
    for domain in Domain::ALL {
        let material = Material::of(domain);
        assert!(material.threads.len() >= 20, "{domain:?}: {} threads", material.threads.len());
        assert!(material.pieces.len() >= 200 && material.people.len() >= 200, "{domain:?}");
        assert!(material.faults.len() >= 150, "{domain:?}");
        let bad = material.faults.iter().find(|fault| fault.labels.of(Property::Quality) >= 0);
        assert_eq!(bad, None, "a fault without a negative quality");
        let names: std::collections::BTreeSet<&str> =
            material.threads.iter().map(|thread| thread.name.as_str()).collect();
        assert_eq!(names.len(), material.threads.len(), "two threads of {domain:?} have one name");
    }
}

#[test]
fn every_property_can_be_asked_about_and_every_domain_asked_for() {
    let wordings = Wordings::all();
    let mut stream = Stream::new(1, 0);
    for domain in Domain::ALL {
        let others =
            [Property::Quality, Property::Topic, Property::Rating, Property::Length, Property::Formality];
        for property in axes(domain).iter().chain(&others) {
            for _ in 0..50 {
                let asked = wordings.ask(domain, *property, &mut stream);
                assert!(!asked.instruction.contains(['{', '}']), "{}", asked.instruction);
                assert_ne!(asked.answers[0], asked.answers[1]);
            }
        }
        assert!(!wordings.template(domain, &mut stream).is_empty());
    }
    let foreign = Foreign::all();
    assert!(foreign.templates.len() >= 100 && foreign.questions.len() >= 100 && foreign.texts.len() >= 50);
}

#[test]
fn labels_are_read_by_their_letters() {
    let labels = Labels::parse("f+2 e-3 q-1").unwrap();
    let all = [Property::Friendship, Property::Ending, Property::Romance, Property::Quality];
    assert_eq!(all.map(|property| labels.of(property)), [2, -3, 0, -1]);
}

#[test]
fn moods_reach_both_ends_of_every_axis() {
    for domain in Domain::ALL {
        for (at, property) in
            Property::LABELLED[..4].iter().enumerate().filter(|(_, of)| axes(domain).contains(of))
        {
            for side in [-3.0, 3.0] {
                let mut wanted = [0.0; 4];
                wanted[at] = side;
                let mood = Mood { wanted, weak: 0.0, lines: 3 };
                let best = (0..200)
                    .map(|n| compose(domain, None, &mood, Split::Train, &mut Stream::new(3, n)))
                    .map(|text| text.of(*property) * side.signum())
                    .fold(f64::NEG_INFINITY, f64::max);
                assert!(best > 4.6, "{domain:?} {property:?} {side}: {best}");
            }
        }
    }
}

#[test]
fn documents_fit_the_context_of_the_model() {
    let tokenizer = data::tokenizer(Corpus::Written, 1, 600);
    let (texts, judges) = data::held_out(&tokenizer, (Corpus::Written, 1), 60);
    assert!(!texts.is_empty() && !judges.is_empty());
    let longest = texts.iter().chain(&judges).map(|sequence| sequence.context()).max();
    assert!(longest.is_some_and(|tokens| tokens <= 1024), "{longest:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_short_enough_of_their_split_and_on_the_side_that_was_asked_for(
        domain in any_domain(), seed: u64, held: bool,
    ) {
        let mut stream = Stream::new(seed, 0);
        let split = if held { Split::HeldOut } else { Split::Train };
        let mood = Mood { weak: 0.0, ..Mood::draw(domain, &mut stream) };
        let text = compose(domain, None, &mood, split, &mut stream);
        prop_assert!(text.text.split_whitespace().count() <= longest(domain), "{}", text.text);
        prop_assert_eq!(held_out(&text.text), held);
        prop_assert!(!text.text.contains("  ") && !text.text.contains('\n'));
        let again = compose(domain, None, &mood, split, &mut { let mut s = Stream::new(seed, 0); Mood::draw(domain, &mut s); s });
        prop_assert_eq!(text, again);
    }

    #[test]
    fn examples_of_a_prompt_are_different_and_alike(domain in any_domain(), seed: u64) {
        let texts = few_shot_texts(domain, Split::Train, &mut Stream::new(seed, 2));
        for (at, text) in texts.iter().enumerate() {
            prop_assert!(texts[..at].iter().all(|other| other.text != text.text));
            prop_assert!(text.quality > -1.5, "{}", text.text);
        }
    }

    #[test]
    fn documents_follow_from_their_number_alone(seed: u64, number in 0_u64..1000) {
        let draw = |split| draw(split, Chances { judged: 0.5, marks: 0.2, asks: 0.1, variety: 0.5 }, &mut Stream::new(seed, number));
        prop_assert_eq!(draw(Split::Train), draw(Split::Train));
        if let Drawn::Question(group) = draw(Split::HeldOut) {
            prop_assert!(group.texts.iter().all(|(_, first)| (0.0..=1.0).contains(first)));
            prop_assert_ne!(&group.answers[0], &group.answers[1]);
        }
    }
}

#[test]
fn questions_about_quality_are_asked_about_good_and_bad_texts() {
    for domain in Domain::ALL {
        let odds: Vec<f64> = (0..200)
            .map(|n| judged_text(domain, Property::Quality, Split::Train, &mut Stream::new(9, n)).quality)
            .collect();
        let good = odds.iter().filter(|odds| **odds > 0.5).count();
        let bad = odds.iter().filter(|odds| **odds < -1.0).count();
        assert!(good > 60 && bad > 60, "{domain:?}: {good} good, {bad} bad");
    }
}

#[test]
fn a_text_of_any_length_can_be_judged_and_spoiled() {
    for domain in Domain::ALL {
        for property in [Property::Quality, Property::Topic] {
            let text = |n| judged_text(domain, property, Split::Train, &mut Stream::new(4, n));
            assert!((0..30_000).map(text).all(|text| !text.text.is_empty() && text.of(property).is_finite()));
        }
    }
}
