//! What looks like a key is taken out of artifacts before a prompt shows them.
//!
//! The sandbox gives an evaluator no keys of ours, but it may print its own: what is not shown can't leak to a model's
//! server. Found by form: well-known beginnings, `name = value` where the name says secret, `Bearer`, PEM blocks.

/// What stands where a secret stood.
const BLOT: &str = "***";
/// Beginnings of keys, each followed by at least [`LEAST`] characters of a key.
const BEGINNINGS: [&str; 16] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "pk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AIza",
    "AKIA",
    "hf_",
];
/// Characters behind the beginning of a key at least.
const LEAST: usize = 12;
/// Words that a name has whose value is secret.
const NAMES: [&str; 9] =
    ["api_key", "apikey", "api-key", "secret", "token", "password", "passwd", "authorization", "credential"];
/// The shortest value that is taken out behind such a name.
const LEAST_VALUE: usize = 8;

/// The text with everything that looks like a secret blotted out.
pub(super) fn filtered(text: &str) -> String {
    let mut inside_key = false;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        if line.contains("-----BEGIN") && line.contains("KEY-----") {
            inside_key = true;
            lines.push(BLOT.to_owned());
        }
        if !inside_key {
            lines.push(line_of(line));
        }
        if line.contains("-----END") {
            inside_key = false;
        }
    }
    lines.join("\n")
}

fn is_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+' | '=' | '~')
}

/// Keys go first: the name before a value is kept, and may hold one.
fn line_of(line: &str) -> String {
    blotted(&blotted(line, key), named)
}

/// How much of a text's beginning is a secret, with what says so: the bytes that stay, and those up to its end.
type Found = Option<(usize, usize)>;

fn blotted(line: &str, secret: fn(&str) -> Found) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some(first) = line[at..].chars().next() {
        let rest = &line[at..];
        // A key begins where a word does.
        let begins = !text.ends_with(|c: char| c.is_ascii_alphanumeric());
        let found = if begins { secret(rest) } else { None };
        if let Some((kept, length)) = found {
            text += &rest[..kept];
            text += BLOT;
            at += length;
        } else {
            text.push(first);
            at += first.len_utf8();
        }
    }
    text
}

/// The bytes from a place on that a key could consist of.
fn run(rest: &str, from: usize) -> usize {
    rest[from..].len() - rest[from..].trim_start_matches(is_key).len()
}

/// A key by its own form, or behind `Bearer`.
fn key(rest: &str) -> Found {
    if let Some(beginning) = BEGINNINGS.iter().find(|beginning| rest.starts_with(**beginning)) {
        let length = run(rest, 0);
        return (length >= beginning.len() + LEAST).then_some((0, length));
    }
    let bearer = "bearer ";
    if !rest.get(..bearer.len()).is_some_and(|start| start.eq_ignore_ascii_case(bearer)) {
        return None;
    }
    let length = run(rest, bearer.len());
    (length >= LEAST_VALUE).then_some((bearer.len(), bearer.len() + length))
}

/// A value whose name says that it is secret.
fn named(rest: &str) -> Found {
    let word = rest.len()
        - rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).len();
    let name = rest[..word].to_ascii_lowercase();
    if !NAMES.iter().any(|known| name.contains(known)) {
        return None;
    }
    let gap: usize = rest[word..].chars().take_while(|c| matches!(c, '"' | '\'' | ' ' | ':' | '=')).count();
    let assigned = rest[word..word + gap].contains([':', '=']);
    let length = run(rest, word + gap);
    (assigned && length >= LEAST_VALUE).then_some((word + gap, word + gap + length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_blotted_out_in_every_form() {
        for (text, expected) in [
            ("key sk-abcdefghijklmnop1234 used", "key *** used"),
            ("OPENAI_API_KEY=abcdefgh1234", "OPENAI_API_KEY=***"),
            ("{\"password\": \"hunter2hunter2\"}", "{\"password\": \"***\"}"),
            ("Authorization: Bearer abc.def-ghi_jkl", "Authorization: Bearer ***"),
            ("a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb", "a\n***\nb"),
            ("ghp_0123456789abcdefghij", "***"),
            ("my-sk-abcdefghijklmnop-token=abcdefgh", "my-***"),
            ("my-sk-abcdefghijklmnop token=abcdefgh", "my-*** token=***"),
            ("ask-sk-sk-sk-token=sk-token=", "ask-***"),
        ] {
            assert_eq!(filtered(text), expected);
        }
    }

    #[test]
    fn ordinary_text_stays() {
        for text in [
            "task-force sk-1",
            "tokens: 12",
            "error at line 3: token ')' expected",
            "risk-averse-and-so-on-and-on",
            "sha256: abcdef0123456789",
        ] {
            assert_eq!(filtered(text), text);
        }
    }

    proptest! {
        #[test]
        fn filtering_never_panics_and_twice_is_once(text in "(\\PC|\n|token=|Bearer |sk-){0,60}") {
            let once = filtered(&text);
            prop_assert_eq!(filtered(&once), once);
        }
    }
}
