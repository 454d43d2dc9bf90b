//! Artifacts: what an evaluation leaves beside numbers, for prompts and people. Typed, and bounded in size.
//!
//! Prompts show artifacts, so they must not depend on where and when an evaluation ran: in texts, absolute paths
//! become the names they end with, and times, durations and addresses are replaced by a word ([`Artifact::text`]).

use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
use serde::{Deserialize, Serialize};

/// Bytes of one artifact at most; a longer text is cut, a longer picture is left out.
pub const MAX_BYTES: usize = 64 << 10;
/// Bytes of a candidate's artifacts together at most; those past it are left out.
pub const MAX_TOTAL_BYTES: usize = 256 << 10;
/// Artifacts of a candidate at most.
pub const MAX_COUNT: usize = 64;
/// Characters of a name at most.
const MAX_NAME: usize = 100;

/// What an artifact's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactKind {
    /// UTF-8.
    Text,
    /// A JSON document.
    Json,
    /// A picture as SVG.
    Svg,
    /// A picture as PNG.
    Png,
    /// Anything else.
    Bytes,
}

impl ArtifactKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Text, Self::Json, Self::Svg, Self::Png, Self::Bytes];

    /// The name that the journal writes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Bytes => "bytes",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A named text, picture or other blob.
///
/// Written as `{name, kind, text}` if its bytes are UTF-8 and meant to be, else as `{name, kind, base64}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Artifact {
    /// Its name, such as `stderr`; unique within a candidate.
    pub name: String,
    /// What the bytes are.
    pub kind: ArtifactKind,
    /// The bytes, [`MAX_BYTES`] at most.
    pub body: Vec<u8>,
}

impl Artifact {
    /// A text as prompts may show it: without absolute paths, clocks and addresses, and cut in the middle (a program's
    /// first and last words say most) where it is longer than [`MAX_BYTES`].
    pub fn text(name: impl Into<String>, text: &str) -> Self {
        let body = cut(&normalise(text)).into_bytes();
        Self { name: name_of(&name.into()), kind: ArtifactKind::Text, body }
    }

    /// Anything but a text; `None` if it is larger than [`MAX_BYTES`], since half a picture is none.
    pub fn blob(name: impl Into<String>, kind: ArtifactKind, body: Vec<u8>) -> Option<Self> {
        (body.len() <= MAX_BYTES).then(|| Self { name: name_of(&name.into()), kind, body })
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self.kind {
            ArtifactKind::Text | ArtifactKind::Json | ArtifactKind::Svg => {
                std::str::from_utf8(&self.body).ok()
            }
            ArtifactKind::Png | ArtifactKind::Bytes => None,
        }
    }
}

/// An artifact as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    kind: ArtifactKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<Artifact> for Written {
    fn from(artifact: Artifact) -> Self {
        let text = artifact.as_text().map(str::to_owned);
        let base64 = text.is_none().then(|| BASE64.encode(&artifact.body));
        Self { name: artifact.name, kind: artifact.kind, text, base64 }
    }
}

impl TryFrom<Written> for Artifact {
    type Error = String;

    fn try_from(Written { name, kind, text, base64 }: Written) -> Result<Self, String> {
        let body = match (text, base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => {
                BASE64.decode(base64).map_err(|error| format!("the artifact `{name}`: {error}"))?
            }
            _ => return Err(format!("the artifact `{name}` has neither a text nor base64, or both")),
        };
        Ok(Self { name, kind, body })
    }
}

/// Artifacts in their order as far as they fit: the first of each name, [`MAX_COUNT`] and [`MAX_TOTAL_BYTES`] at most.
/// Names are cut to 100 characters, without control characters.
pub fn fitting(artifacts: Vec<Artifact>) -> Vec<Artifact> {
    let mut kept: Vec<Artifact> = Vec::new();
    let mut bytes = 0;
    for mut artifact in artifacts {
        artifact.name = name_of(&artifact.name);
        let fits = artifact.body.len() <= MAX_BYTES && bytes + artifact.body.len() <= MAX_TOTAL_BYTES;
        if fits && kept.len() < MAX_COUNT && kept.iter().all(|other| other.name != artifact.name) {
            bytes += artifact.body.len();
            kept.push(artifact);
        }
    }
    kept
}

fn name_of(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

fn cut(text: &str) -> String {
    const MARK: &str = "\n[...]\n";
    if text.len() <= MAX_BYTES {
        return text.to_owned();
    }
    let half = (MAX_BYTES - MARK.len()) / 2;
    let head = floor(text, half);
    let tail = ceil(text, text.len() - half);
    format!("{}{MARK}{}", &text[..head], &text[tail..])
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// A text without what differs from machine to machine and from one time to the next.
pub fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let at_word = before.is_none_or(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '/')));
        let (taken, put) = match c {
            '/' if at_word => path(rest),
            '0'..='9' if at_word => number(rest),
            _ => (c.len_utf8(), &rest[..c.len_utf8()]),
        };
        out.push_str(put);
        before = rest[..taken].chars().next_back();
        rest = &rest[taken..];
    }
    out
}

/// How much of the text an absolute path takes, and what is left of it: the name it ends with.
fn path(text: &str) -> (usize, &str) {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | '~' | '@' | '%');
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let whole = text[..end].trim_end_matches('/');
    match whole.rsplit_once('/') {
        // One part is as likely a fraction or a word, such as "/s".
        Some((folders, name)) if !folders.is_empty() && !name.is_empty() => (whole.len(), name),
        _ => (1, "/"),
    }
}

/// The same for what begins with a digit: an address, a time of day or a duration.
fn number(text: &str) -> (usize, &str) {
    let bytes = text.as_bytes();
    let digits =
        |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
    if text.starts_with("0x") {
        let hex = bytes[2..].iter().take_while(|b| b.is_ascii_hexdigit()).count();
        return if hex >= 6 { (2 + hex, "<address>") } else { keep(text, 2 + hex) };
    }
    let timed = date_and_time(text);
    if timed > 0 {
        return (timed, "<time>");
    }
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    let blank = usize::from(bytes.get(end) == Some(&b' '));
    for unit in ["seconds", "second", "secs", "sec", "ms", "us", "µs", "ns", "s"] {
        let after = &text[end + blank..];
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if after.strip_prefix(unit).is_some_and(ends) {
            return (end + blank + unit.len(), "<duration>");
        }
    }
    keep(text, end)
}

/// A number that stays as it is.
fn keep(text: &str, len: usize) -> (usize, &str) {
    (len, &text[..len])
}

/// The length of `YYYY-MM-DD[T ]hh:mm:ss[.fff][Z]` or `hh:mm:ss[.fff]` at the start of a text, else 0.
fn date_and_time(text: &str) -> usize {
    let bytes = text.as_bytes();
    let fits = |at: usize, pattern: &[u8]| {
        bytes.len() >= at + pattern.len()
            && pattern.iter().zip(&bytes[at..]).all(|(wanted, found)| match wanted {
                b'd' => found.is_ascii_digit(),
                b'T' => matches!(found, b'T' | b' '),
                other => other == found,
            })
    };
    let start = match () {
        () if fits(0, b"dddd-dd-ddTdd:dd:dd") => 19,
        () if fits(0, b"dd:dd:dd") => 8,
        () => return 0,
    };
    let mut end = start;
    if bytes.get(end).is_some_and(|b| matches!(b, b'.' | b',')) {
        let digits = bytes[end + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        end += if digits > 0 { 1 + digits } else { 0 };
    }
    end + usize::from(bytes.get(end) == Some(&b'Z'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn where_and_when_an_evaluation_ran_does_not_show() {
        for (text, shown) in [
            ("File \"/tmp/tmpa1b2/program.py\", line 3", "File \"program.py\", line 3"),
            ("/root/run/evaluator.py:12: error", "evaluator.py:12: error"),
            ("<object at 0x7f3a9c0d1e50>", "<object at <address>>"),
            ("3 passed in 0.12s", "3 passed in <duration>"),
            ("took 35 ms, then 2.5 seconds", "took <duration>, then <duration>"),
            ("2026-11-28 01:13:05,123 INFO start", "<time> INFO start"),
            ("at 2026-11-28T01:13:05Z or 01:13:05.5", "at <time> or <time>"),
        ] {
            assert_eq!(normalise(text), shown, "{text}");
        }
    }

    #[test]
    fn numbers_and_words_that_are_no_clocks_stay() {
        for text in [
            "score 0.75",
            "a/b and 3/4",
            "12 sets, 3 s1",
            "0xff",
            "x = 1.5e3",
            "v1.2.3",
            "5 km/s",
            "naïve 1,000",
        ] {
            assert_eq!(normalise(text), text);
        }
    }

    #[test]
    fn a_long_text_keeps_its_first_and_last_words() {
        let text = format!("begin {} end", "ä".repeat(MAX_BYTES));
        let artifact = Artifact::text("stdout", &text);
        let kept = artifact.as_text().expect("text");
        assert!(kept.len() <= MAX_BYTES && kept.starts_with("begin ä") && kept.ends_with("ä end"));
    }

    #[test]
    fn a_text_is_written_as_a_text_and_other_bytes_as_base64() {
        let text = Artifact::text("stderr", "a\nb");
        let picture = Artifact::blob("picture", ArtifactKind::Png, vec![0x89, b'P']).expect("small");
        for (artifact, written) in [
            (text, r#"{"name":"stderr","kind":"text","text":"a\nb"}"#),
            (picture, r#"{"name":"picture","kind":"png","base64":"iVA="}"#),
        ] {
            assert_eq!(serde_json::to_string(&artifact).expect("JSON"), written);
            assert_eq!(serde_json::from_str::<Artifact>(written).expect("an artifact"), artifact);
        }
        for bad in [r#"{"name":"x","kind":"text"}"#, r#"{"name":"x","kind":"png","base64":"?"}"#] {
            assert!(serde_json::from_str::<Artifact>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let blob = |name: &str, bytes: usize| Artifact {
            name: name.to_owned(),
            kind: ArtifactKind::Bytes,
            body: vec![0; bytes],
        };
        let given = vec![blob("a", MAX_BYTES), blob("a", 1), blob("b", MAX_BYTES + 1), blob("c", MAX_BYTES)];
        let names: Vec<String> = fitting(given).into_iter().map(|artifact| artifact.name).collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(fitting((0..9).map(|i| blob(&i.to_string(), MAX_BYTES)).collect()).len(), 4);
        assert!(Artifact::blob("picture", ArtifactKind::Png, vec![0; MAX_BYTES + 1]).is_none());
    }

    /// Artifacts of few different names, some of them too long, and bodies of all sizes.
    fn artifacts() -> impl Strategy<Value = Vec<Artifact>> {
        let name = prop_oneof!["[ab\u{1b}]{0,2}", "c{99,102}", "[a-z]{3}"];
        let size = prop_oneof![4 => 0..9_usize, 1 => MAX_BYTES - 2..MAX_BYTES + 3, 1 => 0..MAX_BYTES];
        let kind = prop::sample::select(ArtifactKind::ALL.to_vec());
        let artifact =
            (name, kind, size).prop_map(|(name, kind, size)| Artifact { name, kind, body: vec![0; size] });
        prop::collection::vec(artifact, 0..100)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn whatever_is_left_is_bounded(artifacts in artifacts()) {
            let kept = fitting(artifacts.clone());
            prop_assert!(kept.len() <= MAX_COUNT);
            prop_assert!(kept.iter().map(|artifact| artifact.body.len()).sum::<usize>() <= MAX_TOTAL_BYTES);
            let names: std::collections::BTreeSet<&str> = kept.iter().map(|artifact| &*artifact.name).collect();
            prop_assert_eq!(names.len(), kept.len(), "names are unique");
            for artifact in &kept {
                prop_assert!(artifact.body.len() <= MAX_BYTES);
                prop_assert!(artifact.name.chars().count() <= MAX_NAME);
                prop_assert!(!artifact.name.contains(char::is_control));
            }
            prop_assert_eq!(fitting(kept.clone()), kept, "what fits still fits");
        }

        #[test]
        fn what_fits_is_kept(artifacts in artifacts()) {
            let kept = fitting(artifacts.clone());
            let bytes: usize = kept.iter().map(|artifact| artifact.body.len()).sum();
            for artifact in artifacts.iter().filter(|artifact| artifact.body.len() <= MAX_BYTES) {
                let known = kept.iter().any(|other| other.name == name_of(&artifact.name));
                prop_assert!(known || kept.len() == MAX_COUNT || bytes + artifact.body.len() > MAX_TOTAL_BYTES);
            }
        }

        #[test]
        fn a_text_is_bounded_whatever_it_is(text in "\\PC{0,40}", times in 1..9000_usize) {
            let artifact = Artifact::text("stdout", &text.repeat(times.min(4 * MAX_BYTES / text.len().max(1))));
            prop_assert!(artifact.body.len() <= MAX_BYTES);
            prop_assert!(artifact.as_text().is_some());
        }
    }

    proptest! {
        #[test]
        fn normalising_never_breaks_and_is_stable(text in "[ /0-9a-z.:x\u{e4}µ-]{0,40}") {
            let once = normalise(&text);
            let twice = normalise(&once);
            prop_assert_eq!(normalise(&twice), twice);
        }
    }
}
