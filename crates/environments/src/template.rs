//! Templates of prompts: texts with `{placeholders}`. Pure functions of strings.

/// The first word in braces of a template that is none of its placeholders. Braces around anything but a word are text.
pub(crate) fn unknown<'a>(template: &'a str, known: &[&str]) -> Option<&'a str> {
    placeholders(template).into_iter().map(|(_, _, name)| name).find(|name| !known.contains(name))
}

/// Whether a template has a placeholder of this name.
pub(crate) fn has(template: &str, name: &str) -> bool {
    placeholders(template).iter().any(|(_, _, word)| *word == name)
}

/// The words in braces of a template: where each begins and ends, and the word.
pub(crate) fn placeholders(template: &str) -> Vec<(usize, usize, &str)> {
    let opens = template.match_indices('{').map(|(at, _)| at);
    opens
        .filter_map(|at| {
            let inner = &template[at + 1..];
            let end = inner.find('}')?;
            let word = &inner[..end];
            let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            is_word.then_some((at, at + end + 2, word))
        })
        .collect()
}

/// A template with its placeholders filled, once: what fills them is never read as a template.
pub(crate) fn filled<'v>(template: &str, value: impl Fn(&str) -> &'v str) -> String {
    let (mut text, mut at) = (String::new(), 0);
    for (start, end, name) in placeholders(template) {
        text += &template[at..start];
        text += value(name);
        at = end;
    }
    text + &template[at..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fills_a_placeholder_is_never_read_as_a_template() {
        let text = filled("{a} and {b}{a}, {not one} {}", |name| if name == "a" { "{b}" } else { "2" });
        assert_eq!(text, "{b} and 2{b}, {not one} {}");
    }

    #[test]
    fn a_word_in_braces_that_is_no_placeholder_is_found() {
        assert_eq!(unknown("{a} {not one} {b}", &["a"]), Some("b"));
        assert_eq!(unknown("{a} {not one} {}", &["a"]), None);
        assert!(has("x {a}", "a") && !has("x {a}", "b"));
    }
}
