//! The phrases by which chat models announce a text and take leave of it. Data, and whether a line is one.
//!
//! A line is taken for an announcement on evidence alone: that it begins with "Here" or "Sure" is none. The rules are
//! written down in `docs/concepts/answers.md`; `wrapping_tests.rs` holds real answers and texts that look like them.

use std::collections::HashSet;

/// Longest line in bytes that may be more than a text's own.
pub const LONGEST: usize = 300;

/// Assent, before an announcement or alone.
const ASSENT: [&str; 31] = [
    "sure thing",
    "sure",
    "certainly",
    "of course",
    "absolutely",
    "definitely",
    "okay",
    "ok",
    "alright",
    "all right",
    "got it",
    "understood",
    "no problem",
    "gladly",
    "with pleasure",
    "my pleasure",
    "great question",
    "good question",
    "happy to help",
    "i'd be happy to help you with that",
    "i'd be happy to help with that",
    "i'd be happy to help",
    "i would be happy to help",
    "i'd be glad to help",
    "thank you for asking",
    "thanks for asking",
    "as an ai language model",
    "as an ai",
    "as a language model",
    "i don't have personal opinions",
    "while i don't have personal opinions",
];

/// Offers, before an announcement or instead of one.
const OFFERS: [&str; 5] =
    ["i'd be happy to ", "i would be happy to ", "i'd be glad to ", "i'd love to ", "i can certainly "];

/// What such an offer is about.
const DEEDS: [&str; 12] = [
    "help", "write", "share", "create", "provide", "come", "continue", "add", "generate", "compose", "craft",
    "assist",
];

/// How a line begins that announces a text, or names one by a noun of [`NOUNS`], and ends with a colon.
const BEGINNINGS: [&str; 22] = [
    "here is",
    "here's",
    "here are",
    "here you go",
    "here it is",
    "here goes",
    "below is",
    "the following is",
    "i've written",
    "i have written",
    "i wrote",
    "i've come up with",
    "i came up with",
    "i'd suggest",
    "i suggest",
    "how about",
    "let me offer",
    "as requested",
    "as you requested",
    "per your request",
    "this is a",
    "this is another",
];

/// The same in other languages, where a colon at the end is enough.
const ELSEWHERE: [&str; 26] = [
    "voici",
    "bien sûr",
    "hier ist",
    "natürlich",
    "gerne",
    "selbstverständlich",
    "aquí tienes",
    "aquí está",
    "claro",
    "por supuesto",
    "ecco",
    "certo",
    "certamente",
    "aqui está",
    "com certeza",
    "вот",
    "конечно",
    "以下是",
    "当然",
    "好的",
    "这是",
    "以下は",
    "もちろん",
    "承知しました",
    "はい、",
    "물론입니다",
];

/// What texts are called.
const NOUNS: [&str; 52] = [
    "answer",
    "article",
    "attempt",
    "comment",
    "completion",
    "continuation",
    "contribution",
    "description",
    "dialogue",
    "entry",
    "essay",
    "example",
    "fable",
    "haiku",
    "headline",
    "idea",
    "item",
    "joke",
    "letter",
    "limerick",
    "line",
    "lyrics",
    "one",
    "opinion",
    "output",
    "paragraph",
    "passage",
    "perspective",
    "piece",
    "poem",
    "post",
    "prompt",
    "proposal",
    "quote",
    "reply",
    "response",
    "review",
    "rhyme",
    "sample",
    "scene",
    "script",
    "sentence",
    "song",
    "sonnet",
    "story",
    "suggestion",
    "tale",
    "text",
    "tweet",
    "verse",
    "version",
    "view",
];

/// What stands before such a noun in a label: "Another short opinion piece:".
const MODIFIERS: [&str; 22] = [
    "a",
    "an",
    "the",
    "another",
    "new",
    "next",
    "second",
    "final",
    "random",
    "short",
    "brief",
    "sample",
    "generated",
    "fictional",
    "movie",
    "film",
    "personal",
    "possible",
    "revised",
    "updated",
    "one",
    "more",
];

/// How a line begins that takes leave.
const LEAVES: [&str; 50] = [
    "let me know if you'd like",
    "let me know if you would like",
    "let me know if you want",
    "let me know if you need",
    "let me know if you have any",
    "let me know if you'd prefer",
    "let me know if there's any",
    "let me know if there is any",
    "let me know if this",
    "let me know if that works",
    "let me know what you think",
    "please let me know if",
    "i hope this helps",
    "hope this helps",
    "i hope that helps",
    "i hope this meets",
    "i hope this captures",
    "i hope you enjoy",
    "hope you enjoy",
    "i hope you like it",
    "hope you like it",
    "i hope you like this",
    "would you like me to",
    "would you like another",
    "would you like more",
    "would you like a different",
    "would you like any changes",
    "would you like to see another",
    "would you like additional",
    "do you want me to",
    "want me to",
    "shall i write",
    "shall i continue",
    "should i write",
    "should i continue",
    "feel free to ask",
    "feel free to let me know",
    "feel free to modify",
    "feel free to adjust",
    "feel free to use",
    "feel free to request",
    "feel free to tweak",
    "feel free to edit",
    "is there anything else i can",
    "if you'd like me to",
    "if you'd like another",
    "if you'd like more",
    "if you need further",
    "if you have any other questions",
    "don't hesitate to",
];

/// What a remark says that a text does: "This poem captures ..."
const REMARKS: [&str; 22] = [
    "aims",
    "captures",
    "celebrates",
    "combines",
    "conveys",
    "describes",
    "emphasizes",
    "explores",
    "expresses",
    "follows",
    "has been",
    "highlights",
    "incorporates",
    "is intended",
    "is meant",
    "is written",
    "maintains",
    "provides",
    "reflects",
    "tries",
    "uses",
    "was written",
];

/// The words by which an experiment's texts are called: the usual nouns, and those of its template.
#[derive(Debug)]
pub struct Words(HashSet<String>);

impl Words {
    /// Those of a template.
    pub fn of(template: &str) -> Self {
        let own = words(&plain(template))
            .filter(|word| word.chars().count() > 4)
            .map(str::to_owned)
            .collect::<Vec<_>>();
        Self(NOUNS.iter().map(|noun| (*noun).to_owned()).chain(own).collect())
    }

    fn among(&self, line: &str) -> bool {
        words(line).any(|word| {
            self.0.contains(word) || word.strip_suffix('s').is_some_and(|one| self.0.contains(one))
        })
    }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty())
}

/// A line in small letters, with plain apostrophes and without Markdown's marks around it; empty for one that is too
/// long to be looked at.
pub fn plain(line: &str) -> String {
    let line = line.trim();
    if line.len() > LONGEST {
        return String::new();
    }
    let bare =
        line.trim_matches(|c: char| matches!(c, '*' | '_' | '#' | '>' | '(' | ')' | '[' | ']') || c == ' ');
    bare.replace('\u{2019}', "'").to_lowercase()
}

/// What a line begins with, if a word ends there: the rest behind marks and blanks.
fn behind<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(start)?;
    let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '\'');
    ends.then(|| rest.trim_start_matches(|c: char| !c.is_alphanumeric()))
}

/// The rest of a line behind an assent at its beginning.
fn behind_assent(line: &str) -> Option<&str> {
    ASSENT.iter().find_map(|assent| behind(line, assent))
}

/// Whether a plain line is an assent and nothing else.
pub fn is_assent(line: &str) -> bool {
    behind_assent(line).is_some_and(|rest| rest.is_empty() || behind_assent(rest).is_some_and(str::is_empty))
}

/// Whether a plain line announces what stands below it, and ends with a colon.
pub fn is_announcement(line: &str, words: &Words) -> bool {
    let Some(said) = line.strip_suffix([':', '：']) else { return false };
    announces(said, words) || ELSEWHERE.iter().any(|start| said.starts_with(start))
}

/// Whether what stands before a colon announces a text.
pub fn announces(said: &str, words: &Words) -> bool {
    if behind_assent(said).is_some_and(presents) {
        return true;
    }
    // "That sounds fun! Here's a poem"
    let last = said.rsplit(['!', '.']).next().unwrap_or_default().trim_start();
    begins(last) && words.among(last)
}

/// Whether a plain line is an assent that goes on, without a colon, in one sentence: "Sure, here's a poem."
pub fn is_assent_that_presents(line: &str) -> bool {
    let offers = |rest: &str| {
        let deed = OFFERS.iter().find_map(|start| rest.strip_prefix(start));
        deed.is_some_and(|deed| {
            is_sentence(deed) && words(deed).next().is_some_and(|word| DEEDS.contains(&word))
        })
    };
    let presents = |rest: &str| presents(rest) && is_sentence(rest);
    offers(line) || behind_assent(line).is_some_and(|rest| offers(rest) || presents(rest))
}

/// Whether a line has no second sentence, and nothing behind a colon.
fn is_sentence(line: &str) -> bool {
    !line.trim_end_matches(['.', '!', '?', ':']).contains(['.', '!', '?', ':'])
}

/// How long the beginning of a line is that announces the text behind it: an assent and an announcement that
/// names a text, before a colon: "Sure! Here's one: I like peas."
pub fn announced_inline(line: &str, words: &Words) -> Option<usize> {
    let colon = line.find(": ")?;
    let said = plain(&line[..colon]);
    (behind_assent(&said).is_some_and(presents) && words.among(&said)).then_some(colon + 1)
}

fn begins(said: &str) -> bool {
    BEGINNINGS.iter().any(|start| behind(said, start).is_some())
}

/// Whether words behind an assent present something.
fn presents(rest: &str) -> bool {
    ["here's", "here is", "here are", "here you go", "below is"]
        .iter()
        .any(|start| rest.match_indices(start).any(|(at, _)| at == 0 || rest[..at].ends_with(' ')))
        || begins(rest)
}

/// How long the label is that a line begins with, its colon and marks included: "Opinion:", "**Example 4:**",
/// "Another short poem about peas:" (the last only if it is the whole line).
pub fn label(line: &str) -> Option<usize> {
    let colon = line.find(':').filter(|colon| *colon <= 80)?;
    let marks = |c: char| matches!(c, '*' | '_' | ' ');
    let behind = &line[colon + 1..];
    let end = line.len() - behind.trim_start_matches(marks).len();
    let said = plain(&line[..colon]);
    let whole = behind.chars().all(marks);
    let mut named = false;
    for word in said.split([' ', '#']).filter(|word| !word.is_empty()) {
        let number = word.bytes().all(|byte| byte.is_ascii_digit());
        if named && whole && matches!(word, "about" | "on" | "of" | "for" | "from") {
            break;
        }
        let noun = NOUNS.contains(&word) && (whole || word != "one");
        let belongs = noun || if named { number } else { MODIFIERS.contains(&word) };
        if !belongs {
            return None;
        }
        named |= noun;
    }
    named.then_some(end)
}

/// Whether a plain line takes leave or offers more.
pub fn takes_leave(line: &str) -> bool {
    LEAVES.iter().any(|start| behind(line, start).is_some())
}

/// Whether a plain line is a remark about the text above it.
pub fn is_remark(line: &str, words: &Words) -> bool {
    let counted = line
        .strip_prefix("word count")
        .is_some_and(|rest| rest.trim_start().starts_with([':', '=']))
        || line.strip_suffix(" words").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let about = |rest: &str| {
        let mut parts = rest.splitn(2, ' ');
        let (noun, said) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // "This opinion piece reflects"
        let said = said.strip_prefix("piece ").unwrap_or(said);
        words.among(noun) && REMARKS.iter().any(|verb| said.starts_with(verb))
    };
    let noted = line.strip_prefix("note:").is_some_and(|rest| words.among(rest));
    counted
        || noted
        || line.strip_prefix("this ").is_some_and(about)
        || line.strip_prefix("the ").is_some_and(about)
}

/// Whether a plain line begins an explanation of the text above it.
pub fn is_explanation(line: &str) -> bool {
    ["explanation:", "explanation of", "rationale:", "analysis:", "why this works:"]
        .iter()
        .any(|start| line.starts_with(start))
}
