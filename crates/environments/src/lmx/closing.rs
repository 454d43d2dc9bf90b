//! How a text's end is closed, by the rules of its script. Pure functions of strings.
//!
//! A full stop is added only to a text that ends in the middle of nothing: in a script that has one, without a closing
//! mark, and not to verse or code.

/// Marks that close a sentence, or break it off on purpose, in any script.
const MARKS: &str = ".!?…‥。！？．｡؟۔।॥։՜՞።፧፨។៕၊။།༎‼⁇⁈⁉‽⸮᙮᠃꓿";

/// What may stand behind a closing mark.
const BEHIND: &str = "\"'”’»›“‘«‹)]）］】〉》」』*_~";

/// The text, closed.
pub fn closed(text: String) -> String {
    match missing(&text) {
        Some(mark) => text + mark,
        None => text,
    }
}

/// The full stop that a text lacks; `None` if it needs none.
fn missing(text: &str) -> Option<&'static str> {
    let text = text.trim_end();
    if is_closed(text) || is_code(text) || is_name(text) {
        return None;
    }
    // Lines that are not all sentences are verse, a list or a dialogue, and end as they do.
    let mut above = text.lines().rev().skip(1).filter(|line| !line.trim().is_empty());
    if !above.all(|line| is_closed(line.trim_end())) {
        return None;
    }
    text.chars().rev().find(|c| c.is_alphabetic()).and_then(full_stop)
}

fn is_closed(text: &str) -> bool {
    let inner = text.trim_end_matches(|c| BEHIND.contains(c));
    inner.ends_with(|c| MARKS.contains(c) || is_picture(c))
}

/// Emoji and what modifies them.
fn is_picture(c: char) -> bool {
    matches!(
        c,
        '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{fe0f}' | '\u{200d}' | '\u{20e3}'
    )
}

fn is_code(text: &str) -> bool {
    text.ends_with([';', '}', '`', '>'])
}

/// Whether it ends with an address or a tag, which a full stop would change.
fn is_name(text: &str) -> bool {
    let word = text.rsplit(char::is_whitespace).next().unwrap_or_default();
    word.starts_with(['#', '@']) || word.contains("://")
}

/// The full stop of a letter's script; `None` for scripts that end sentences by a space or not at all (Thai, Lao,
/// Khmer, Burmese, Tibetan and the like, which use marks for paragraphs), and for scripts not known here.
fn full_stop(letter: char) -> Option<&'static str> {
    match letter as u32 {
        // Latin, Greek, Cyrillic.
        0x0041..=0x052f
        | 0x1c80..=0x1c8f
        | 0x1d00..=0x1fff
        | 0x2c60..=0x2c7f
        | 0xa640..=0xa69f
        | 0xa720..=0xa7ff => Some("."),
        0x0531..=0x058f => Some("։"),
        // Hebrew, Arabic.
        0x0590..=0x06ff | 0x0750..=0x077f | 0x08a0..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff => Some("."),
        // Devanagari, Bengali, Gurmukhi; Oriya.
        0x0900..=0x0a7f | 0x0b00..=0x0b7f => Some("।"),
        // Gujarati; Tamil, Telugu, Kannada, Malayalam.
        0x0a80..=0x0aff | 0x0b80..=0x0d7f => Some("."),
        // Georgian; Korean.
        0x10a0..=0x11ff | 0x2d00..=0x2d2f | 0x3130..=0x318f | 0xac00..=0xd7af => Some("."),
        0x1200..=0x139f => Some("።"),
        // Kana, Bopomofo, Han.
        0x3005..=0x312f
        | 0x31a0..=0x31ff
        | 0x3400..=0x9fff
        | 0xf900..=0xfaff
        | 0xff66..=0xff9d
        | 0x20000..=0x3ffff => Some("。"),
        // Full-width Latin.
        0xff21..=0xff5a => Some("。"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_stop_is_that_of_the_script() {
        for (text, end) in [
            ("I like peas", "."),
            ("Мне нравится горох", "."),
            ("Μου αρέσουν", "."),
            ("私は豆が好きです", "。"),
            ("我喜欢豌豆", "。"),
            ("나는 콩을 좋아한다", "."),
            ("أحب البازلاء", "."),
            ("אני אוהב אפונה", "."),
            ("मुझे मटर पसंद है", "।"),
            ("আমি মটর পছন্দ করি", "।"),
            ("எனக்கு பட்டாணி பிடிக்கும்", "."),
            ("Ես սիրում եմ", "։"),
            ("አተር እወዳለሁ", "።"),
            ("I like all 7", "."),
            ("peas (and beans)", "."),
            ("she said \"peas\"", "."),
            ("One line.\n\nAnother one", "."),
        ] {
            assert_eq!(closed(text.to_owned()), format!("{text}{end}"), "{text:?}");
        }
    }

    #[test]
    fn what_is_closed_or_has_no_full_stop_stays_as_it_is() {
        for text in [
            "",
            "I like peas.",
            "Peas!",
            "Peas?!",
            "Peas…",
            "Peas...",
            "she said \"peas.\"",
            "„Erbsen.“",
            "«Petits pois !»",
            "(Peas.)",
            "**Peas.**",
            "豆が好きです。",
            "「豆が好きです。」",
            "豆が好き！",
            "هل تحب البازلاء؟",
            "مجھے مٹر پسند ہیں۔",
            "मुझे मटर पसंद है।",
            "ฉันชอบถั่ว",
            "ខ្ញុំចូលចិត្តសណ្តែក",
            "ຂ້ອຍມັກຖົ່ວ",
            "ကျွန်တော်ပဲကြိုက်တယ်",
            "I like peas 🌱",
            "I like peas ❤️",
            "Peas are #green",
            "See https://example.org/peas",
            "let x = 1;",
            "```\nx\n```",
            "The fields are green\nthe day is long",
            "old pond\na frog leaps in\nwater's sound",
            "- peas\n- beans",
            "12 + 7",
        ] {
            assert_eq!(closed(text.to_owned()), text);
        }
    }

    proptest! {
        #[test]
        fn closing_twice_changes_nothing(text in "(\\PC|\n|[a-z.!?]){0,40}") {
            let once = closed(text.clone());
            prop_assert!(once.starts_with(&text));
            prop_assert_eq!(closed(once.clone()), once);
        }
    }
}
