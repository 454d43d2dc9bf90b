//! What single tokens say of a text, found by logistic regression before the training begins and put into the first
//! embeddings: a dimension for every property of a domain, and one for a property that several domains have.
//!
//! From random embeddings a judge has to find what thousands of words are worth at the same time as what to do with
//! it. With them it only has to find the dimension, which takes a few hundred steps.

use std::collections::BTreeMap;

use crate::{
    Stream, Tokenizer, Weights,
    corpus::{Domain, Split},
    weights::EMBEDDING_DEVIATION,
    written::{
        Property,
        compose::axes,
        documents::{Labelled, labelled_texts},
        wordings::{Answers, Block, Wordings},
    },
};

/// Passes over the texts.
const PASSES: u64 = 10;
/// The first step of a pass, which falls as one over the passes.
const RATE: f64 = 0.3;
/// How fast weights of tokens decay that say nothing.
const DECAY: f64 = 0.003;
/// Texts in which a token must occur.
const LEAST: usize = 2;
/// How much larger these dimensions are than the others, and the largest of them in deviations.
const SCALE: f64 = 4.0;
const MOST: f64 = 3.0;

/// A text as the tokens that occur in it, and whether its label is positive.
struct Bag {
    tokens: Vec<u32>,
    positive: bool,
}

/// Writes what tokens are worth into the first dimensions of a model's embeddings.
pub(super) fn inform(weights: &mut Weights, tokenizer: &Tokenizer, seed: u64) {
    let hidden = weights.config.hidden_size;
    for (at, (property, domains)) in dimensions().into_iter().enumerate().take(hidden / 4) {
        let bags: Vec<Bag> =
            domains.into_iter().flat_map(|domain| bags(tokenizer, domain, property, seed)).collect();
        let mut worth = standardised(regression(&bags, tokenizer.vocab_size()));
        for (token, side) in answers(tokenizer, property) {
            worth[token as usize] = MOST * side;
        }
        let embeddings = &mut weights.embedding;
        for (token, worth) in worth.into_iter().enumerate() {
            embeddings[token * hidden + at] = (SCALE * EMBEDDING_DEVIATION * worth) as f32;
        }
    }
}

/// What has a dimension, and the domains whose texts say what words are worth: liking is the same of food and of films.
fn dimensions() -> Vec<(Property, Vec<Domain>)> {
    let mut all: Vec<(Property, Vec<Domain>)> = Vec::new();
    for domain in Domain::ALL {
        for axis in axes(domain) {
            match all.iter_mut().find(|(property, _)| property == axis) {
                Some((_, domains)) => domains.push(domain),
                None => all.push((*axis, vec![domain])),
            }
        }
        all.push((Property::Topic, vec![domain]));
        all.push((Property::Quality, vec![domain]));
    }
    all
}

/// The tokens by which answers about a property begin, and their sides: those that no question has on the other side or
/// about another property, as `yes` and `no` are.
fn answers(tokenizer: &Tokenizer, property: Property) -> Vec<(u32, f64)> {
    let begins = |prefix: &str, word: &str| {
        // A line break is a token of its own, a blank is part of the word's.
        let before = if prefix == "\n" { tokenizer.encode(prefix).len() } else { 0 };
        tokenizer.encode(&format!("{prefix}{word}")).get(before).copied()
    };
    let mut sides: BTreeMap<u32, Vec<(Property, f64)>> = BTreeMap::new();
    for (property, word, side) in Wordings::all().questions.iter().flat_map(words_with_sides) {
        for token in ["\n", " ", ""].iter().filter_map(|prefix| begins(prefix, word)) {
            sides.entry(token).or_default().push((property, side));
        }
    }
    let told = |(token, all): (u32, Vec<(Property, f64)>)| {
        let (first, side) = all[0];
        (first == property && all.iter().all(|one| *one == (first, side))).then_some((token, side))
    };
    sides.into_iter().filter_map(told).collect()
}

/// The answers of a block of questions: 1 for the positive side, -1 for the other.
fn words_with_sides(block: &Block) -> impl Iterator<Item = (Property, &str, f64)> {
    block.answers.iter().flat_map(|Answers { words: [first, second], reversed }| {
        let side = if *reversed { -1.0 } else { 1.0 };
        [(block.property, first.as_str(), side), (block.property, second.as_str(), -side)]
    })
}

fn bags(tokenizer: &Tokenizer, domain: Domain, property: Property, seed: u64) -> Vec<Bag> {
    let mut stream = Stream::new(seed, u64::MAX - 1);
    labelled_texts(domain, property, Split::Train, &mut stream)
        .into_iter()
        .map(|Labelled { text, label }| {
            let mut tokens = tokenizer.encode(&text);
            tokens.sort_unstable();
            tokens.dedup();
            Bag { tokens, positive: label > 0 }
        })
        .filter(|bag| !bag.tokens.is_empty())
        .collect()
}

/// A weight for every token: their sum over a text, by the root of their number, is the log-odds of its label.
fn regression(bags: &[Bag], vocabulary: usize) -> Vec<f64> {
    let mut occurs = vec![0_usize; vocabulary];
    for token in bags.iter().flat_map(|bag| &bag.tokens) {
        occurs[*token as usize] += 1;
    }
    let (mut weights, mut bias) = (vec![0.0_f64; vocabulary], 0.0);
    let mut order: Vec<usize> = (0..bags.len()).collect();
    for pass in 0..PASSES {
        Stream::new(pass, 0).shuffle(&mut order);
        let rate = RATE / (1 + pass) as f64;
        for bag in order.iter().map(|at| &bags[*at]) {
            let share = 2.0 / libm::sqrt(bag.tokens.len() as f64);
            let sum: f64 = bag.tokens.iter().map(|token| weights[*token as usize]).sum();
            let guess = 1.0 / (1.0 + libm::exp(-(bias + share * sum)));
            let miss = rate * (f64::from(u8::from(bag.positive)) - guess);
            bias += 0.1 * miss;
            for token in &bag.tokens {
                let weight = &mut weights[*token as usize];
                *weight = *weight * (1.0 - DECAY * rate) + share * miss;
            }
        }
    }
    for (weight, occurs) in weights.iter_mut().zip(occurs) {
        if occurs < LEAST {
            *weight = 0.0;
        }
    }
    weights
}

/// The weights with a deviation of 1, none of them too large.
fn standardised(mut weights: Vec<f64>) -> Vec<f64> {
    let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
    let deviation = libm::sqrt(squares / weights.len().max(1) as f64).max(1e-9);
    for weight in &mut weights {
        *weight = (*weight / deviation).clamp(-MOST, MOST);
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(tokens: &[u32], positive: bool) -> Bag {
        Bag { tokens: tokens.to_vec(), positive }
    }

    #[test]
    fn a_token_is_worth_what_the_texts_are_that_have_it_and_nothing_if_only_one_has_it() {
        let mut bags = vec![bag(&[0, 4], true)];
        for _ in 0..20 {
            bags.extend([bag(&[0, 1], true), bag(&[0, 2], false)]);
        }
        let worth = regression(&bags, 6);
        assert!(worth[1] > 0.5 && worth[2] < -0.5, "{worth:?}");
        assert!(worth[0].abs() < 0.3, "what both have says little: {worth:?}");
        assert_eq!(worth[3..], [0.0; 3]);
        let standard = standardised(worth);
        assert!(standard[1] > 0.0 && standard.iter().all(|worth| worth.abs() <= MOST));
    }

    #[test]
    fn only_answers_that_are_always_on_one_side_of_one_property_are_told() {
        let words = "romance horror yes no\n".repeat(50);
        let tokenizer = Tokenizer::train([words].into_iter(), 300, &[]);
        let token = |word: &str| match tokenizer.encode(word)[..] {
            [token] => token,
            ref tokens => panic!("{word} is {} tokens", tokens.len()),
        };
        let told = answers(&tokenizer, Property::Romance);
        let side = |word: &str| told.iter().find(|(other, _)| *other == token(word)).map(|(_, side)| *side);
        assert_eq!((side("romance"), side(" horror")), (Some(1.0), Some(-1.0)));
        assert_eq!((side(" yes"), side(" no")), (None, None));
    }
}
