//! What a model of this corpus is asked about a prompt before it is used: whether it knows its subject.
//!
//! It is the very question that [`super::documents::about_prompts`] trains. A model that was trained so is marked
//! ([`crate::ModelConfig::subjects`]); of any other the answer would mean nothing.

use crate::{Request, corpus::Domain};

use super::documents::{SUBJECT_ANSWERS, subject_frame};

/// What a model of this corpus knows, in words for a person.
pub const SUBJECTS: &str = "opinions on vegetables and plant-based foods, stories about a suspicious spy and a rich \
                            politician, and reviews of \"Die Hard\"";

/// The question about a prompt; the first answer is that it is known.
pub fn question(prompt: &str) -> Request {
    let (before, behind) = subject_frame();
    Request::Score {
        prompt: format!("{before}{prompt}{behind}").into(),
        answers: SUBJECT_ANSWERS.map(str::to_owned).to_vec(),
    }
}

/// How words begin by which a text shows what it is about, with bars between them.
const FOOD: &str = "vegeta|veg|vegan|plant|green|salad|soup|tofu|tempeh|soy|oats|bean|lentil|chickpea|hummus|peas|carrot|\
                    broccoli|spinach|kale|cabbage|potato|tomato|onion|garlic|sweetcorn|beet|mushroom|cauliflower|sprout|\
                    zucchini|courgette|eggplant|aubergine|pepper|cucumber|lettuce|celery|leek|pumpkin|squash|turnip|\
                    radish|asparagus|parsnip|meatless|avocado";
const SPIES: &str = "spy|spies|agent|informer|watcher";
const POLITICIANS: &str = "politician|senator|minister|mayor|chancellor|governor|council|deputy|lord|duke|premier|\
                           lawmaker|statesman|baron|treasurer|lady";
const FILM: &str =
    "die hard|mcclane|gruber|hans|rickman|willis|bruce|nakatomi|holly|powell|argyle|ellis|takagi";

/// Whether a text mentions what a domain's texts are about: both, if it is about two.
pub fn mentions(domain: Domain, text: &str) -> bool {
    let about: &[&str] = match domain {
        Domain::Opinions => &[FOOD],
        Domain::ShortStory => &[SPIES, POLITICIANS],
        Domain::MovieReviews => &[FILM],
    };
    let text = text.to_lowercase();
    let begins = |part: &str| {
        text.match_indices(part).any(|(at, _)| !text[..at].ends_with(|before: char| before.is_alphanumeric()))
    };
    about.iter().all(|words| words.split('|').any(begins))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_domain_mentions_its_subject_and_one_about_something_else_does_not() {
        for (domain, own, other) in [
            (Domain::Opinions, "Carrots are fine.", "The hotel was loud."),
            (Domain::ShortStory, "The spy trusted Senator Gold.", "The spy trusted nobody."),
            (Domain::Opinions, "I like peas.", "Peace on a boat."),
            (Domain::MovieReviews, "McClane is no hero of mine.", "The violin was lovely."),
        ] {
            assert!(mentions(domain, own), "{own}");
            assert!(!mentions(domain, other), "{other}");
        }
    }
}
