//! Scores by ratings: the model rates several times, on a scale from 1 to 10, how well an answer fits.
//!
//! For models without log-probabilities whose sampled answers are all alike: a mean of ratings is graded where the
//! frequency of a sure answer is not. The reader of ratings takes what chats write around a number.

use super::{Client, LanguageModel};
use crate::{
    error::{ErrorKind, LmError},
    operation::Endpoint,
    types::{ScoreRequest, Usage},
};

/// The ends of the scale.
const LOWEST: f64 = 1.0;
const HIGHEST: f64 = 10.0;

impl Client {
    /// The answers' weights from mean ratings. Of two answers one question is enough: the second one's rating is what
    /// the first leaves of the scale.
    pub(crate) async fn rate(
        &self,
        request: &ScoreRequest,
        how: &Endpoint,
    ) -> Result<(Vec<f64>, Usage), LmError> {
        let mut usage = Usage::default();
        let asked = if request.answers.len() == 2 { 1 } else { request.answers.len() };
        let mut shares = Vec::new();
        for answer in &request.answers[..asked] {
            let prompt = question(&request.prompt, answer, &request.answers);
            let (texts, took) = self.samples(&prompt, request.seed, how).await?;
            usage.join(&took);
            let ratings: Vec<f64> = texts.iter().filter_map(|text| read(text)).collect();
            if ratings.is_empty() {
                let message = format!("{}: none of the {} replies is a rating", self.label(), texts.len());
                let message = format!("{message}; the first is {:?}", texts.first().map_or("", |text| text));
                return Err(LmError::new(ErrorKind::Malformed, message).hint("use scoring = \"sampling\""));
            }
            shares.push(share(ratings.iter().sum::<f64>() / ratings.len() as f64));
        }
        if asked == 1 {
            shares.push(1.0 - shares[0]);
        }
        let sum: f64 = shares.iter().sum();
        Ok((shares.into_iter().map(|share| libm::log(share / sum)).collect(), usage))
    }
}

/// A rating as a share of certainty: the middle of its tenth, so that the ends stay off 0 and 1.
fn share(rating: f64) -> f64 {
    (rating - 0.5) / HIGHEST
}

fn question(prompt: &str, answer: &str, answers: &[String]) -> String {
    let answers: Vec<String> = answers.iter().map(|answer| format!("\"{}\"", answer.trim())).collect();
    format!(
        "{prompt}\n\nDo not give the answer itself. The possible answers are {}. On a scale from 1 to 10, how well does \
         the answer \"{}\" fit? 1 means that it is certainly wrong, 10 that it is certainly right. Reply with the number \
         alone.\nRating:",
        answers.join(", "),
        answer.trim()
    )
}

/// The rating that a text gives; `None` if it gives none, or several that differ.
///
/// A number of "N/10" or "N out of 10" counts before others; the scale itself ("1 to 10", "1-10") does not count. Words
/// ("seven") count where no digits stand.
fn read(text: &str) -> Option<f64> {
    let lower = text.to_lowercase().replace(['–', '—', '−'], "-");
    let words: Vec<String> = pieces(&lower);
    let number = |i: usize| words.get(i).and_then(|word| word.parse::<f64>().ok());
    let is = |i: usize, word: &str| words.get(i).is_some_and(|other| other == word);
    let scale = |i: usize| {
        number(i) == Some(LOWEST) && number(i + 2) == Some(HIGHEST) && (is(i + 1, "to") || is(i + 1, "-"))
    };
    let (mut of_ten, mut plain) = (Vec::new(), Vec::new());
    let mut i = 0;
    while i < words.len() {
        if scale(i) {
            i += 3;
            continue;
        }
        if let Some(rating) = number(i) {
            if is(i + 1, "/") && number(i + 2) == Some(HIGHEST) {
                of_ten.push(rating);
                i += 3;
                continue;
            }
            if is(i + 1, "out") && is(i + 2, "of") && number(i + 3) == Some(HIGHEST) {
                of_ten.push(rating);
                i += 4;
                continue;
            }
            let negative = i > 0 && is(i - 1, "-") && number(i.wrapping_sub(2)).is_none();
            plain.push(if negative { -rating } else { rating });
        }
        i += 1;
    }
    // In a sentence, "one" is hardly ever the number.
    let names = words.iter().filter(|word| *word != "one" || words.len() <= 2);
    let spelt: Vec<f64> = names.filter_map(|word| spelt(word)).collect();
    let found = [of_ten, plain, spelt].into_iter().find(|ratings| !ratings.is_empty())?;
    let first = found[0];
    let fits = found.iter().all(|other| *other == first) && (LOWEST..=HIGHEST).contains(&first);
    fits.then_some(first)
}

fn spelt(word: &str) -> Option<f64> {
    let names = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    names.iter().position(|name| *name == word).map(|i| i as f64 + 1.0)
}

/// Numbers, words and the signs between them. A decimal point or comma belongs to its number if a digit follows.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut pieces: Vec<String> = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let start = i;
        if chars[i].is_ascii_digit() {
            let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
            while digit(i) || (matches!(chars.get(i), Some('.' | ',')) && digit(i + 1)) {
                i += 1;
            }
            pieces.push(chars[start..i].iter().collect::<String>().replace(',', "."));
        } else if chars[i].is_alphabetic() {
            while chars.get(i).is_some_and(|c| c.is_alphabetic()) {
                i += 1;
            }
            pieces.push(chars[start..i].iter().collect());
        } else {
            if matches!(chars[i], '/' | '-') {
                pieces.push(chars[i].to_string());
            }
            i += 1;
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_rating_is_read_out_of_what_chats_write_around_it() {
        for (text, rating) in [
            ("8", Some(8.0)),
            (" 7.5\n", Some(7.5)),
            ("7,5", Some(7.5)),
            ("**9**/10", Some(9.0)),
            ("Rating: 10", Some(10.0)),
            ("10/10", Some(10.0)),
            ("I'd say 3 out of 10.", Some(3.0)),
            ("On a scale from 1 to 10, it is an 8.", Some(8.0)),
            ("(1–10): 6", Some(6.0)),
            ("Seven.", Some(7.0)),
            ("a solid six, I think: 6", Some(6.0)),
            ("4 of the 5 points hold, so 6/10", Some(6.0)),
            ("One", Some(1.0)),
            ("this one is bad", None),
            ("between 7 and 8", None),
            ("0", None),
            ("11", None),
            ("-3", None),
            ("positive", None),
            ("1.2.3", None),
            ("", None),
        ] {
            assert_eq!(read(text), rating, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_what_it_reads_is_on_the_scale(text: String, number in 0_u32..20) {
            for text in [text.clone(), format!("{text}{number}"), format!("{number}/10 {text}")] {
                if let Some(rating) = read(&text) {
                    prop_assert!((LOWEST..=HIGHEST).contains(&rating));
                    prop_assert!(share(rating) > 0.0 && share(rating) < 1.0);
                }
            }
        }

        #[test]
        fn every_number_of_the_scale_is_read_back(tenths in 10_u32..=100) {
            let rating = f64::from(tenths) / 10.0;
            for text in [format!("{rating}"), format!("{rating}/10"), format!("I rate it {rating} out of 10!")] {
                prop_assert_eq!(read(&text), Some(rating));
            }
        }
    }
}
