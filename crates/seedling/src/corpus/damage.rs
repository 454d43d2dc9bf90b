//! Bad texts: good ones spoiled in the ways that a search meets, with the truth about the result.

use super::{
    domain::Domain,
    text::{Latents, Split, Text, parse, write_text},
    tokens,
};
use crate::Stream;

/// A way to spoil a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// A text of another domain, or about something else altogether.
    OffTopic,
    /// A sentence repeated, once or more.
    Repeated,
    /// The words of a sentence, or of all, shuffled.
    Shuffled,
    /// Cut off in the middle of a sentence.
    Truncated,
    /// Other characters, another movie, other food.
    Wrong,
    /// A title in front.
    Title,
    /// A link at the end.
    Link,
    /// A word repeated over and over.
    Stuck,
}

impl Damage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::OffTopic,
        Self::Repeated,
        Self::Shuffled,
        Self::Truncated,
        Self::Wrong,
        Self::Title,
        Self::Link,
        Self::Stuck,
    ];
}

/// A spoiled text of a domain.
pub fn spoil(domain: Domain, damage: Damage, text: &Text, split: Split, stream: &mut Stream) -> Text {
    let mut parts: Vec<&str> = text.text.split_inclusive(['.', '!', '?']).map(str::trim).collect();
    let spoiled = match damage {
        Damage::OffTopic => return off_topic(domain, split, stream),
        Damage::Repeated => {
            let again = *stream.choose(&parts);
            for _ in 0..=stream.below(3) {
                parts.insert(1 + stream.below(parts.len()), again);
            }
            parts.join(" ")
        }
        Damage::Shuffled => shuffled(&parts, stream),
        Damage::Truncated => truncated(&text.text, stream),
        Damage::Wrong => wrong(domain, &text.text, stream),
        Damage::Title => format!("{} {}", stream.choose(titles(domain)), text.text),
        Damage::Link => format!("{} {}", text.text, stream.choose(&LINKS)),
        Damage::Stuck => stuck(&text.text, stream),
    };
    judged(domain, damage, text, spoiled)
}

/// The truth about a spoiled text: what the grammar says if it can still read it.
fn judged(domain: Domain, damage: Damage, text: &Text, spoiled: String) -> Text {
    if let Some(parsed) = parse(domain, &spoiled) {
        return Text { text: spoiled, odds: parsed.odds };
    }
    let (penalty, kept) = match damage {
        Damage::OffTopic => (6.0, 0.0),
        Damage::Repeated => (3.0, 1.0),
        Damage::Shuffled => (4.5, 0.75),
        Damage::Truncated => (1.5, 1.0),
        Damage::Wrong => (4.0, 0.75),
        Damage::Title => (2.5, 1.0),
        Damage::Link => (3.0, 1.0),
        Damage::Stuck => (4.5, 0.75),
    };
    let axes = domain.axes();
    // What was cut off no longer counts.
    let whole = match damage {
        Damage::Truncated => spoiled.rfind(['.', '!', '?']).and_then(|_| {
            let end = spoiled.trim_end_matches('.').rfind(['.', '!', '?'])?;
            parse(domain, &spoiled[..=end]).map(|parsed| parsed.odds)
        }),
        _ => None,
    };
    let known = whole.as_ref().unwrap_or(&text.odds);
    let mut odds: Vec<f64> = known[..axes].iter().map(|odds| odds * kept).collect();
    odds.push((text.odds[axes].min(3.0) - penalty).clamp(-6.0, 6.0));
    Text { text: spoiled, odds }
}

fn off_topic(domain: Domain, split: Split, stream: &mut Stream) -> Text {
    let others: Vec<Domain> = Domain::ALL.into_iter().filter(|&other| other != domain).collect();
    let other = *stream.choose(&others);
    let latents = Latents::draw(other, stream);
    let text = write_text(other, &latents, split, stream);
    let mut odds = vec![0.0; domain.axes()];
    // Praise counts, whatever is praised.
    if other.axes() == 1 && domain.axes() == 1 {
        odds[0] = 0.5 * text.odds[0];
    }
    odds.push(stream.uniform(-6.0, -5.0));
    Text { text: text.text, odds }
}

pub(crate) fn shuffled(parts: &[&str], stream: &mut Stream) -> String {
    let all = stream.chance(0.4);
    let one = stream.below(parts.len());
    let mut out = Vec::new();
    for (at, part) in parts.iter().enumerate() {
        let mut words: Vec<&str> = part.split(' ').collect();
        if all || at == one {
            stream.shuffle(&mut words);
        }
        out.push(words.join(" "));
    }
    out.join(" ")
}

pub(crate) fn truncated(text: &str, stream: &mut Stream) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let keep = words.len() - (2 + stream.below(words.len() / 4 + 1)).min(words.len() - 2);
    let cut = words[..keep].join(" ");
    let cut = cut.trim_end_matches([',', '.', ';', ':', '!', '?']);
    // What a search makes of a text that ends open.
    if stream.chance(0.7) { format!("{cut}.") } else { cut.to_owned() }
}

/// The text with a word repeated in place of what follows it for a while.
pub(crate) fn stuck(text: &str, stream: &mut Stream) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let at = stream.below(words.len());
    let run = 3 + stream.below(8);
    for _ in 0..run {
        words.insert(at, words[at].trim_end_matches(['.', ',']));
    }
    words.truncate(words.len() - run.min(words.len() - 3));
    words.join(" ")
}

pub(crate) const LINKS: [&str; 6] = [
    "Read more at www.myblog.com.",
    "See http://www.stories.net for more.",
    "Visit www.reviews.org/page2.",
    "Click http://bit.ly/more.",
    "Source: www.news.com/daily.",
    "Follow us at www.share.com/now.",
];

pub(crate) fn titles(domain: Domain) -> &'static [&'static str] {
    match domain {
        Domain::Opinions => {
            &["My Opinion:", "Title: Vegetables.", "Food Blog, Part 2:", "Opinion Piece:", "Topic: Food."]
        }
        Domain::ShortStory => {
            &["Chapter 1:", "The Spy and the Politician:", "Chapter 3.", "Title: A Story.", "Part 2:"]
        }
        Domain::MovieReviews => {
            &["Review:", "Title: Die Hard.", "My Rating: 5/10.", "Movie Review, Part 1:", "Summary:"]
        }
    }
}

/// Swaps what a text is about for something else, word by word.
fn wrong(domain: Domain, text: &str, stream: &mut Stream) -> String {
    let swaps: Vec<(&[&str], &str)> = match domain {
        Domain::ShortStory => {
            let cast =
                [["baker", "king"], ["farmer", "queen"], ["teacher", "knight"], ["sailor", "princess"]];
            let [one, two] = *stream.choose(&cast);
            vec![
                (&["spy", "agent", "informer", "scout", "watcher"], one),
                (&["politician", "senator", "minister", "governor", "chancellor", "mayor", "councilor"], two),
            ]
        }
        Domain::MovieReviews => {
            let films =
                [["\"Star", "Wars\""], ["\"Moby", "Dick\""], ["\"Snow", "White\""], ["\"Blue", "Lagoon\""]];
            let [one, two] = *stream.choose(&films);
            let names = ["Peter", "Anna", "Captain", "Luke", "Maria"];
            vec![
                (&["\"Die"], one),
                (&["Hard\""], two),
                (
                    &["John", "Hans", "Alan", "Bruce", "Holly", "Argyle", "Ellis", "Theo"],
                    *stream.choose(&names),
                ),
                (&["McClane", "Gruber", "Rickman", "Willis", "Powell", "Takagi"], "Miller"),
            ]
        }
        Domain::Opinions => return wrong_food(text, stream),
    };
    let swap = |word: &str| {
        let bare = word.trim_end_matches(['.', ',', ';', '!', '?']).trim_end_matches("'s");
        let found = swaps.iter().find(|(from, _)| from.contains(&bare));
        found.map_or_else(|| word.to_owned(), |(_, to)| format!("{to}{}", &word[bare.len()..]))
    };
    text.split(' ').map(swap).collect::<Vec<_>>().join(" ")
}

/// Meat, sweets and tools in place of vegetables.
fn wrong_food(text: &str, stream: &mut Stream) -> String {
    const FOODS: [&str; 26] = [
        "carrots",
        "beets",
        "turnips",
        "radishes",
        "potatoes",
        "kale",
        "spinach",
        "cabbage",
        "lettuce",
        "broccoli",
        "lentils",
        "peas",
        "beans",
        "soybeans",
        "tomatoes",
        "peppers",
        "squash",
        "zucchini",
        "mushrooms",
        "corn",
        "tofu",
        "tempeh",
        "hummus",
        "greens",
        "vegetables",
        "leeks",
    ];
    const OTHERS: [&str; 8] =
        ["steaks", "sausages", "trucks", "shoes", "movies", "batteries", "candies", "songs"];
    let other = *stream.choose(&OTHERS);
    let mut tokens: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for token in &mut tokens {
        let bare = token.trim_end_matches(['.', ',']).to_ascii_lowercase();
        if FOODS.contains(&bare.as_str()) {
            *token = format!("{other}{}", &token[bare.len()..]);
        }
    }
    let whole = tokens.join(" ");
    if whole == text { format!("{whole} {}", tokens::render(["I", "prefer", other, "."])) } else { whole }
}
