//! Words and marks: how a list of tokens becomes a line of text and back. Knows nothing of grammars.

use super::grammar::MARKS;

/// Writes tokens as sentences: marks lean on the word before, sentences begin with a capital, `a` becomes `an`.
pub(super) fn render<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let tokens: Vec<&str> = tokens.into_iter().collect();
    let mut text = String::new();
    let mut start = true;
    for (at, &token) in tokens.iter().enumerate() {
        let mark = is_mark(token);
        if !mark && !text.is_empty() {
            text.push(' ');
        }
        let token =
            if token == "a" && tokens.get(at + 1).is_some_and(|next| takes_an(next)) { "an" } else { token };
        let mut letters = token.chars();
        match letters.next() {
            Some(letter) if start => {
                text.push(letter.to_ascii_uppercase());
                text.push_str(letters.as_str());
            }
            _ => text.push_str(token),
        }
        start = ends_sentence(token);
    }
    text
}

/// Reads a line as sentences of tokens, with `an` as `a` and capitals kept. None if it is no run of sentences, each
/// with a capital and a closing mark, single spaces between, and `a` and `an` in their places.
pub(super) fn sentences(text: &str) -> Option<Vec<Vec<&str>>> {
    let mut sentences = Vec::new();
    let mut sentence: Vec<&str> = Vec::new();
    for chunk in text.split(' ') {
        let word = chunk.trim_end_matches(MARKS);
        let mark = &chunk[word.len()..];
        if word.is_empty() || mark.len() > 1 {
            return None;
        }
        if sentence.is_empty() && word.starts_with(|letter: char| letter.is_ascii_lowercase()) {
            return None;
        }
        sentence.push(word);
        if !mark.is_empty() {
            sentence.push(mark);
        }
        if ends_sentence(mark) {
            sentences.push(std::mem::take(&mut sentence));
        }
    }
    if !sentence.is_empty() || sentences.is_empty() {
        return None;
    }
    sentences.iter_mut().all(|sentence| articles(sentence)).then_some(sentences)
}

/// Turns `an` to `a`; false if either stands before the wrong letter.
fn articles(sentence: &mut [&str]) -> bool {
    for at in 0..sentence.len() {
        let an = sentence[at].eq_ignore_ascii_case("an");
        if !an && !sentence[at].eq_ignore_ascii_case("a") {
            continue;
        }
        if sentence.get(at + 1).is_none_or(|next| takes_an(next) != an) {
            return false;
        }
        sentence[at] = if at == 0 { "A" } else { "a" };
    }
    true
}

fn takes_an(word: &str) -> bool {
    let exception = ["one", "once", "useful", "used", "usual", "unicorn", "union", "European"];
    let honest = word.starts_with("hour") || word.starts_with("honest");
    honest
        || (word.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U'])
            && !exception.contains(&word))
}

pub(super) fn is_mark(token: &str) -> bool {
    token.len() == 1 && token.starts_with(MARKS)
}

pub(super) fn ends_sentence(token: &str) -> bool {
    matches!(token, "." | "!" | "?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_read_is_the_line_written() {
        let text = render(["a", "apple", ",", "a", "pea", ".", "I", "eat", "!"]);
        assert_eq!(text, "An apple, a pea. I eat!");
        assert_eq!(sentences(&text).map(|list| list.concat().len()), Some(9));
    }

    #[test]
    fn a_wrong_article_or_an_open_end_is_refused() {
        for text in ["A apple.", "An pea.", "peas.", "Peas", "Peas..", "Peas  are.", ""] {
            assert_eq!(sentences(text), None, "{text}");
        }
    }
}
