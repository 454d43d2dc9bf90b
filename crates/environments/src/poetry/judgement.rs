//! What a judge's answer in words says: a category, a rating. Pure functions of texts.

use crate::answer;

/// The lowest and the highest rating.
pub const RATINGS: [f64; 2] = [1.0, 10.0];

/// The category that an answer names: that of its first line that names just one, as whole words in any case. `None` of
/// an answer without such a line.
pub fn category(answer: &str, categories: &[String]) -> Option<usize> {
    let answer = answer::text(answer);
    answer.lines().find_map(|line| {
        let mut named = named(line, categories).into_iter();
        named.next().filter(|_| named.next().is_none())
    })
}

/// The categories that a line names. One whose words are part of a longer one that is named there is not: `dark comedy` is
/// not `dark`.
fn named(line: &str, categories: &[String]) -> Vec<usize> {
    let line = words(line);
    let mut places: Vec<(usize, usize, usize)> = Vec::new();
    for (i, category) in categories.iter().enumerate() {
        let category = words(category);
        if category.is_empty() {
            continue;
        }
        let found = line.windows(category.len()).enumerate().filter(|(_, window)| *window == category);
        places.extend(found.map(|(at, _)| (i, at, at + category.len())));
    }
    let inside = |(i, from, to): &(usize, usize, usize)| {
        let longer = |(j, a, b): &(usize, usize, usize)| j != i && a <= from && to <= b && b - a > to - from;
        places.iter().any(longer)
    };
    let mut named: Vec<usize> = places.iter().filter(|place| !inside(place)).map(|(i, ..)| *i).collect();
    named.sort_unstable();
    named.dedup();
    named
}

/// The rating of an answer: the number of a JSON object's only numeric field, or the first number from 1 to 10 of the first
/// line that has one. What a number is out of (`8/10`, `8 out of 10`) is no rating.
pub fn rating(answer: &str) -> Option<f64> {
    let answer = answer::text(answer);
    json(&answer).or_else(|| answer.lines().find_map(|line| numbers(line).into_iter().find(in_range)))
}

fn in_range(rating: &f64) -> bool {
    (RATINGS[0]..=RATINGS[1]).contains(rating)
}

fn json(answer: &str) -> Option<f64> {
    let (from, to) = (answer.find('{')?, answer.rfind('}')?);
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(answer.get(from..=to)?).ok()?;
    let number = |value: &serde_json::Value| {
        value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
    };
    let mut found = object.values().filter_map(number);
    found.next().filter(|rating| in_range(rating) && found.next().is_none())
}

/// The numbers of a line.
fn numbers(line: &str) -> Vec<f64> {
    let parts = line.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'));
    parts.filter_map(|part| part.trim_matches('.').parse().ok()).collect()
}

fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn genre(answer: &str) -> Option<&'static str> {
        const GENRES: [&str; 4] = ["haiku", "free verse", "verse", "hymn"];
        category(answer, &GENRES.map(str::to_owned)).map(|i| GENRES[i])
    }

    #[test]
    fn a_category_is_read_out_of_what_stands_around_it() {
        for (answer, found) in [
            ("haiku", Some("haiku")),
            ("The genre is **Haiku**.", Some("haiku")),
            ("Hmm, a haiku or a hymn?\nI say: hymn!", Some("hymn")),
            ("free verse", Some("free verse")),
            ("It is verse.", Some("verse")),
            ("free verse, not verse", None),
            ("haikus", None),
            ("sonnet", None),
            ("", None),
        ] {
            assert_eq!(genre(answer), found, "{answer:?}");
        }
    }

    #[test]
    fn a_rating_is_a_number_from_1_to_10_or_in_an_object() {
        for (answer, found) in [
            ("7", Some(7.0)),
            ("{\"rating\": 8.5}", Some(8.5)),
            ("Here it is: {\"reason\": \"3 lines\", \"rating\": \"9\"}", Some(9.0)),
            ("Rating: 8/10", Some(8.0)),
            ("I give it 6 out of 10.", Some(6.0)),
            ("The 17 syllables are good.\nSo: 4.", Some(4.0)),
            ("0", None),
            ("11", None),
            ("-5", None),
            ("nan", None),
            ("good", None),
        ] {
            assert_eq!(rating(answer), found, "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_answered_a_rating_is_in_its_range_and_a_category_exists(answer in "(\\PC|\n|7|haiku| |\\{|\\}|\"|:|-|\\.){0,30}") {
            prop_assert!(rating(&answer).is_none_or(|rating| in_range(&rating)));
            prop_assert!(category(&answer, &["haiku".into(), "ode".into()]).is_none_or(|i| i < 2));
        }
    }
}
