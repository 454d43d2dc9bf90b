//! Bad texts made of good ones, in the ways that a search and a small writer go wrong.

use crate::{
    Stream,
    corpus::{Domain, Split, damage},
};

use super::{
    compose::{Mood, Written, compose},
    wordings::Foreign,
};

/// A way to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A text of another domain, or about something else altogether.
    OffTopic,
    /// A sentence repeated, once or more.
    Repeated,
    /// The words of a sentence, or of all, shuffled.
    Shuffled,
    /// Cut off in the middle of a sentence.
    Truncated,
    /// A title in front.
    Title,
    /// A link at the end.
    Link,
    /// A word repeated over and over.
    Stuck,
    /// Words that carry the sense swapped with those of other texts: grammatical nonsense.
    Nonsense,
    /// Sentences of several threads in one text: people and places change between them.
    Mixed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::OffTopic,
        Self::Repeated,
        Self::Shuffled,
        Self::Truncated,
        Self::Title,
        Self::Link,
        Self::Stuck,
        Self::Nonsense,
        Self::Mixed,
    ];

    /// What quality and topic lose in log-odds, and how much of the other odds is left.
    fn costs(self) -> (f64, f64, f64) {
        match self {
            Self::OffTopic => (9.0, 9.0, 0.0),
            Self::Repeated => (6.0, 2.5, 1.0),
            Self::Shuffled => (8.0, 4.0, 0.7),
            Self::Truncated => (3.5, 0.5, 1.0),
            Self::Title => (3.5, 0.5, 1.0),
            Self::Link => (4.5, 1.5, 1.0),
            Self::Stuck => (8.0, 4.0, 0.7),
            Self::Nonsense => (8.0, 6.0, 0.5),
            Self::Mixed => (3.0, 1.0, 1.0),
        }
    }
}

/// A text of a domain gone wrong.
pub fn spoil(domain: Domain, fault: Fault, text: &Written, split: Split, stream: &mut Stream) -> Written {
    let parts: Vec<&str> = text.text.split_inclusive(['.', '!', '?']).map(str::trim).collect();
    let spoiled = match fault {
        Fault::OffTopic => off_topic(domain, split, stream),
        Fault::Repeated => repeated(parts, stream),
        Fault::Shuffled => damage::shuffled(&parts, stream),
        Fault::Truncated => damage::truncated(&text.text, stream),
        Fault::Title => format!("{} {}", stream.choose(damage::titles(domain)), text.text),
        Fault::Link => format!("{} {}", text.text, stream.choose(&damage::LINKS)),
        Fault::Stuck => damage::stuck(&text.text, stream),
        Fault::Nonsense => nonsense(&text.text, &other(domain, split, stream), stream),
        Fault::Mixed => mixed(&parts, &other(domain, split, stream), stream),
    };
    let (quality, topic, kept) = fault.costs();
    Written {
        text: spoiled,
        thread: None,
        odds: text.odds.map(|odds| kept * odds),
        quality: (text.quality.min(4.0) - quality).max(-6.0),
        topic: (text.topic - topic).max(-6.0),
    }
}

/// Another text of the domain.
fn other(domain: Domain, split: Split, stream: &mut Stream) -> String {
    compose(domain, None, &Mood::draw(domain, stream), split, stream).text
}

fn off_topic(domain: Domain, split: Split, stream: &mut Stream) -> String {
    let foreign = &Foreign::all().texts;
    if stream.chance(0.4) && !foreign.is_empty() {
        return stream.choose(foreign).clone();
    }
    let others: Vec<Domain> = Domain::ALL.into_iter().filter(|other| *other != domain).collect();
    other(*stream.choose(&others), split, stream)
}

fn repeated(mut parts: Vec<&str>, stream: &mut Stream) -> String {
    let again = *stream.choose(&parts);
    for _ in 0..=stream.below(3) {
        parts.insert(1 + stream.below(parts.len()), again);
    }
    parts.join(" ")
}

/// Sentences of two texts, one after the other in turn.
fn mixed(parts: &[&str], other: &str, stream: &mut Stream) -> String {
    let others: Vec<&str> = other.split_inclusive(['.', '!', '?']).map(str::trim).collect();
    let mut out = vec![*stream.choose(&others)];
    for part in parts {
        out.push(*part);
        if stream.chance(0.5) {
            out.push(*stream.choose(&others));
        }
    }
    out.join(" ")
}

/// The text with every second word that carries sense taken from another text.
fn nonsense(text: &str, other: &str, stream: &mut Stream) -> String {
    let carries = |word: &&str| word.trim_matches(|c: char| !c.is_alphanumeric()).len() > 3;
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let others: Vec<String> = other.split(' ').filter(carries).map(bare).collect();
    let share = stream.uniform(0.3, 0.8);
    let swap = |word: &str, stream: &mut Stream| {
        if others.is_empty() || !carries(&word) || !stream.chance(share) {
            return word.to_owned();
        }
        let end = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        let new = stream.choose(&others).clone() + &word[end.len()..];
        match word.chars().next() {
            Some(first) if first.is_uppercase() => {
                let mut letters = new.chars();
                letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect())
            }
            _ => new,
        }
    };
    text.split(' ').map(|word| swap(word, stream)).collect::<Vec<_>>().join(" ")
}
