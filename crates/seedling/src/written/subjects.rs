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

/// Words, of each list of which a text about a domain's subject has one.
fn words_of(domain: Domain) -> &'static [&'static [&'static str]] {
    match domain {
        Domain::Opinions => &[&[
            "vegeta",
            "veg",
            "vegan",
            "plant",
            "green",
            "salad",
            "soup",
            "tofu",
            "tempeh",
            "soy",
            "oat",
            "bean",
            "lentil",
            "chickpea",
            "hummus",
            "pea",
            "carrot",
            "broccoli",
            "spinach",
            "kale",
            "cabbage",
            "potato",
            "tomato",
            "onion",
            "garlic",
            "corn",
            "beet",
            "mushroom",
            "cauliflower",
            "sprout",
            "zucchini",
            "courgette",
            "eggplant",
            "aubergine",
            "pepper",
            "cucumber",
            "lettuce",
            "celery",
            "leek",
            "pumpkin",
            "squash",
            "turnip",
            "radish",
            "asparagus",
            "parsnip",
            "meatless",
            "avocado",
        ]],
        Domain::ShortStory => &[
            &["spy", "spies", "agent", "informer", "watcher"],
            &[
                "politician",
                "senator",
                "minister",
                "mayor",
                "chancellor",
                "governor",
                "council",
                "deputy",
                "lord",
                "duke",
                "premier",
                "lawmaker",
                "statesman",
                "baron",
                "treasurer",
                "lady",
            ],
        ],
        Domain::MovieReviews => &[&[
            "die hard", "mcclane", "gruber", "hans", "rickman", "willis", "bruce", "nakatomi", "holly",
            "powell", "argyle", "ellis", "takagi",
        ]],
    }
}

/// Whether a text mentions what a domain's texts are about.
pub fn mentions(domain: Domain, text: &str) -> bool {
    let text = text.to_lowercase();
    words_of(domain).iter().all(|words| words.iter().any(|word| text.contains(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_a_domain_mentions_its_subject_and_one_about_something_else_does_not() {
        for (domain, own, other) in [
            (Domain::Opinions, "Carrots are fine.", "The hotel was loud."),
            (Domain::ShortStory, "The spy trusted Senator Gold.", "The spy trusted nobody."),
            (Domain::MovieReviews, "McClane is no hero of mine.", "The violin was lovely."),
        ] {
            assert!(mentions(domain, own), "{own}");
            assert!(!mentions(domain, other), "{other}");
        }
    }
}
