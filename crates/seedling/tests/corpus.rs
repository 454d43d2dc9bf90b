//! Laws of the corpus: what is written can be read, is as it was asked to be, and is never the same twice.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use samara_seedling::{
    Stream,
    corpus::{
        Damage, Document, Domain, LIMIT, Latents, Split, ambiguities, document, feedback_prompt,
        few_shot_document, few_shot_prompt, few_shot_texts, judge_document, parse, probability, spoil,
        write_text,
    },
};

/// The ticks of the experiments' axes.
const TICKS: [f64; 19] = [
    0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.10, 0.20, 0.50, 0.80, 0.90, 0.95, 0.96, 0.97, 0.98, 0.985,
    0.99, 0.995,
];

fn text_of(domain: Domain, split: Split, stream: &mut Stream) -> (Latents, samara_seedling::corpus::Text) {
    let latents = Latents::draw(domain, stream);
    let text = write_text(domain, &latents, split, stream);
    (latents, text)
}

fn any_domain() -> impl Strategy<Value = Domain> {
    prop::sample::select(Domain::ALL.to_vec())
}

/// Tokens as the corpus counts them: words and marks.
fn tokens(text: &str) -> usize {
    text.split(' ').count() + text.matches([',', '.', ';', ':', '!', '?']).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_with_the_same_odds(
        domain in any_domain(), seed: u64, care in -1.5..6.0_f64, held_out: bool,
    ) {
        let mut stream = Stream::new(seed, 0);
        let split = if held_out { Split::HeldOut } else { Split::Train };
        let latents = Latents { care, ..Latents::draw(domain, &mut stream) };
        let text = write_text(domain, &latents, split, &mut stream);
        let parsed = parse(domain, &text.text);
        prop_assert!(parsed.is_some(), "{}", text.text);
        let parsed = parsed.unwrap();
        prop_assert_eq!(&parsed.odds, &text.odds, "{}", text.text);
        prop_assert_eq!(parsed.held_out, held_out, "{}", text.text);
        prop_assert_eq!(parsed.tokens, tokens(&text.text));
        prop_assert_eq!(ambiguities(domain, &text.text), 0, "{}", text.text);
    }

    #[test]
    fn every_text_is_one_clean_paragraph_of_the_length_its_domain_allows(domain in any_domain(), seed: u64) {
        let (_, text) = text_of(domain, Split::Train, &mut Stream::new(seed, 1));
        let most = if domain == Domain::ShortStory { 88 } else { 46 };
        prop_assert!(tokens(&text.text) <= most, "{}", text.text);
        prop_assert!(text.text.is_ascii() && !text.text.contains(['\n', '#', '@']), "{}", text.text);
        prop_assert!(!text.text.contains("Here is") && !text.text.contains("  "), "{}", text.text);
        prop_assert!(text.text.ends_with('.') && text.text.starts_with(|c: char| !c.is_lowercase()), "{}", text.text);
    }

    #[test]
    fn the_same_stream_writes_the_same_document(seed: u64, number: u64) {
        let write = || document(Split::Train, &mut Stream::new(seed, number));
        prop_assert_eq!(write(), write());
    }

    #[test]
    fn a_few_shot_document_is_the_prompt_of_its_texts(domain in any_domain(), seed: u64) {
        let texts = few_shot_texts(domain, Split::Train, &mut Stream::new(seed, 2));
        let examples: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
        let document = few_shot_document(domain, Split::Train, &mut Stream::new(seed, 2));
        prop_assert_eq!(document.text() + domain.template(), few_shot_prompt(domain.template(), &examples));
        prop_assert!((1..=5).contains(&texts.len()));
        prop_assert!(document.answer.is_none());
    }
}

#[test]
fn a_judge_document_asks_a_question_of_its_domain_and_has_a_soft_answer() {
    for domain in Domain::ALL {
        for number in 0..300 {
            let document = judge_document(domain, Split::Train, &mut Stream::new(3, number));
            let answer = document.answer.as_ref().expect("an answer");
            let question = domain.questions().iter().find(|question| {
                question
                    .answers
                    .iter()
                    .zip(&answer.texts)
                    .all(|(answer, text)| *text == format!("\n{answer}"))
                    && document.text().contains(question.instruction)
            });
            let prompt = document.text();
            let text =
                prompt.split("### Input:\n").nth(1).and_then(|rest| rest.strip_suffix("\n\n### Response:"));
            let (question, text) = (question.expect("a question"), text.expect("a text"));
            assert_eq!(prompt, feedback_prompt(question.instruction, text));
            assert!((0.0..=1.0).contains(&answer.first));
            assert!(document.segments.iter().all(|segment| segment.weight == 0.0));
        }
    }
}

#[test]
fn the_texts_of_every_axis_reach_all_bins_of_the_experiments() {
    for domain in Domain::ALL {
        let mut stream = Stream::new(4, 0);
        let mut bins = vec![[0; TICKS.len() + 1]; domain.axes()];
        for _ in 0..5000 {
            let (_, text) = text_of(domain, Split::Train, &mut stream);
            for (bins, &odds) in bins.iter_mut().zip(&text.odds) {
                assert!(odds.abs() <= LIMIT);
                bins[TICKS.iter().filter(|&&tick| probability(odds) >= tick).count()] += 1;
            }
        }
        for bins in bins {
            assert!(bins.iter().all(|&count| count >= 20), "{domain:?}: {bins:?}");
        }
    }
}

#[test]
fn odds_are_near_those_asked_for() {
    for domain in Domain::ALL {
        let mut stream = Stream::new(5, 0);
        let mut misses = vec![Vec::new(); domain.axes()];
        for _ in 0..1000 {
            let (latents, text) = text_of(domain, Split::Train, &mut stream);
            for (axis, misses) in misses.iter_mut().enumerate() {
                misses.push((text.odds[axis] - latents.odds[axis]).abs());
            }
        }
        for mut misses in misses {
            misses.sort_by(f64::total_cmp);
            assert!(misses[500] < 0.3 && misses[950] < 1.0, "{domain:?}: {} {}", misses[500], misses[950]);
        }
    }
}

#[test]
fn clean_texts_vary_in_quality() {
    for domain in Domain::ALL {
        let mut stream = Stream::new(6, 0);
        let mut quality: Vec<f64> = (0..1000)
            .map(|_| probability(text_of(domain, Split::Train, &mut stream).1.odds[domain.axes()]))
            .collect();
        quality.sort_by(f64::total_cmp);
        assert!(quality[50] < 0.4 && quality[950] > 0.97, "{domain:?}: {} {}", quality[50], quality[950]);
    }
}

#[test]
fn no_two_documents_are_alike() {
    let texts: HashSet<String> =
        (0..20_000).map(|number| document(Split::Train, &mut Stream::new(8, number)).text()).collect();
    assert_eq!(texts.len(), 20_000);
}

#[test]
fn most_runs_of_three_words_are_met_once() {
    for domain in Domain::ALL {
        let mut stream = Stream::new(9, 0);
        let (mut runs, mut all) = (HashSet::new(), 0);
        for _ in 0..1000 {
            let (_, text) = text_of(domain, Split::Train, &mut stream);
            let text = text.text.to_lowercase().replace([',', '.'], "");
            let words: Vec<&str> = text.split(' ').collect();
            all += words.len() - 2;
            runs.extend(words.windows(3).map(|run| run.join(" ")));
        }
        let share = runs.len() as f64 / f64::from(u32::try_from(all).unwrap());
        assert!(share >= 0.6, "{domain:?}: {share}");
    }
}

#[test]
fn the_vocabulary_stays_small() {
    let mut words = HashSet::new();
    for domain in Domain::ALL {
        let mut stream = Stream::new(10, 0);
        for _ in 0..2000 {
            let (_, text) = text_of(domain, Split::Train, &mut stream);
            words.extend(text.text.to_lowercase().split([' ', ',', '.']).map(str::to_owned));
        }
    }
    assert!((1200..=2000).contains(&words.len()), "{}", words.len());
}

/// Spearman's rank correlation, ties in any order.
fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let ranks = |values: Vec<f64>| {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut ranks = vec![0.0; values.len()];
        order.iter().enumerate().for_each(|(rank, &at)| ranks[at] = rank as f64);
        ranks
    };
    let (x, y) =
        (ranks(pairs.iter().map(|pair| pair.0).collect()), ranks(pairs.iter().map(|pair| pair.1).collect()));
    let count = pairs.len() as f64;
    let distance: f64 = x.iter().zip(&y).map(|(x, y)| (x - y) * (x - y)).sum();
    1.0 - 6.0 * distance / (count * (count * count - 1.0))
}

#[test]
fn the_last_text_of_a_prompt_takes_after_those_before_it() {
    for domain in Domain::ALL {
        let groups: Vec<_> = (0..1500)
            .map(|number| few_shot_texts(domain, Split::Train, &mut Stream::new(12, number)))
            .filter(|texts| texts.len() >= 3)
            .collect();
        for question in 0..domain.questions().len() {
            let pairs: Vec<(f64, f64)> = groups
                .iter()
                .filter_map(|texts| {
                    let (last, rest) = texts.split_last()?;
                    let mean = rest.iter().map(|text| text.odds[question]).sum::<f64>() / rest.len() as f64;
                    Some((mean, last.odds[question]))
                })
                .collect();
            let least = if question < domain.axes() { 0.9 } else { 0.7 };
            assert!(spearman(&pairs) >= least, "{domain:?} {question}: {}", spearman(&pairs));
        }
    }
}

#[test]
fn sentences_are_rarely_copied_within_a_prompt() {
    let (mut copied, mut all) = (0, 0);
    for domain in Domain::ALL {
        for number in 0..300 {
            let texts = few_shot_texts(domain, Split::Train, &mut Stream::new(13, number));
            let mut seen: HashMap<String, usize> = HashMap::new();
            for (at, text) in texts.iter().enumerate() {
                for sentence in text.text.split_inclusive('.').filter(|sentence| sentence.len() > 40) {
                    all += 1;
                    copied += usize::from(*seen.entry(sentence.trim().to_owned()).or_insert(at) != at);
                }
            }
        }
    }
    assert!(copied * 50 < all, "{copied} of {all}");
}

#[test]
fn held_out_combinations_are_in_all_held_out_texts_and_in_no_other() {
    for domain in Domain::ALL {
        for number in 0..500 {
            for split in [Split::Train, Split::HeldOut] {
                for text in few_shot_texts(domain, split, &mut Stream::new(14, number)) {
                    let parsed = parse(domain, &text.text).expect("a text of the grammar");
                    assert_eq!(parsed.held_out, split == Split::HeldOut, "{}", text.text);
                }
            }
        }
    }
}

#[test]
fn damage_lowers_quality() {
    for domain in Domain::ALL {
        for damage in Damage::ALL {
            let mut stream = Stream::new(15, damage as u64);
            let (mut before, mut after) = (0.0, 0.0);
            for _ in 0..200 {
                let (_, text) = text_of(domain, Split::Train, &mut stream);
                let spoiled = spoil(domain, damage, &text, Split::Train, &mut stream);
                let quality = domain.axes();
                let readable = parse(domain, &spoiled.text).is_some();
                let lower = spoiled.odds[quality] <= text.odds[quality].max(-5.0);
                assert!(readable || lower, "{damage:?} {}", spoiled.text);
                assert!(!spoiled.text.contains(['\n', '#', '@']), "{}", spoiled.text);
                assert_eq!(spoiled.odds.len(), text.odds.len());
                before += text.odds[quality];
                after += spoiled.odds[quality];
            }
            assert!(after < before - 200.0, "{domain:?} {damage:?}: {before} {after}");
        }
    }
}

#[test]
fn what_is_no_sentence_of_the_grammar_is_not_read() {
    for (domain, text) in [
        (Domain::Opinions, "I love carrots"),
        (Domain::Opinions, "Carrots is a joy for me."),
        (Domain::Opinions, "To me, carrots are a insult."),
        (Domain::ShortStory, "The spy trusted."),
        (Domain::MovieReviews, "\"Die Hard\" are good."),
        (Domain::MovieReviews, ""),
    ] {
        assert_eq!(parse(domain, text), None, "{text}");
    }
    assert!(parse(Domain::Opinions, "To me, carrots are an insult.").is_some());
}

#[test]
fn the_seed_pools_are_of_the_grammar_and_leave_a_search_a_way_to_go() {
    for domain in Domain::ALL {
        let path = format!("crates/environments/experiments/pools/{}.txt", domain.name());
        let pool = samara_testing::workspace_file(&path);
        assert!((6..=8).contains(&pool.lines().count()));
        for line in pool.lines() {
            let parsed = parse(domain, line).unwrap_or_else(|| panic!("not of the grammar: {line}"));
            let (quality, axes) = parsed.odds.split_last().expect("odds");
            assert!(axes.iter().all(|odds| odds.abs() <= 2.25), "{axes:?} {line}");
            assert!((0.4..=0.8).contains(&probability(*quality)), "{quality} {line}");
            assert!(!parsed.held_out, "{line}");
        }
    }
}

#[test]
fn documents_are_of_both_kinds() {
    let documents: Vec<Document> =
        (0..1000).map(|number| document(Split::Train, &mut Stream::new(16, number))).collect();
    let judged = documents.iter().filter(|document| document.answer.is_some()).count();
    assert!((480..620).contains(&judged), "{judged}");
}
