//! Damage to the letters of a text: words in any order, cut off or stuck, and titles and links.

use crate::{Stream, corpus::Domain};

/// The words of a sentence in any order, or those of every sentence.
pub(super) fn shuffled(parts: &[&str], stream: &mut Stream) -> String {
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

/// The text cut off in the middle of a sentence.
pub(super) fn truncated(text: &str, stream: &mut Stream) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let keep = words.len() - (2 + stream.below(words.len() / 4 + 1)).min(words.len() - 2);
    let cut = words[..keep].join(" ");
    let cut = cut.trim_end_matches([',', '.', ';', ':', '!', '?']);
    // What a search makes of a text that ends open.
    if stream.chance(0.7) { format!("{cut}.") } else { cut.to_owned() }
}

/// The text with a word repeated in place of what follows it for a while.
pub(super) fn stuck(text: &str, stream: &mut Stream) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    let at = stream.below(words.len());
    let run = 3 + stream.below(8);
    for _ in 0..run {
        words.insert(at, words[at].trim_end_matches(['.', ',']));
    }
    words.truncate(words.len() - run.min(words.len() - 3));
    words.join(" ")
}

/// What stands at the end of a text that advertises.
pub(super) const LINKS: [&str; 6] = [
    "Read more at www.myblog.com.",
    "See http://www.stories.net for more.",
    "Visit www.reviews.org/page2.",
    "Click http://bit.ly/more.",
    "Source: www.news.com/daily.",
    "Follow us at www.share.com/now.",
];

/// What stands before a text that should have no title.
pub(super) fn titles(domain: Domain) -> &'static [&'static str] {
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
