//! The three domains: their prompts and questions, their grammars, and what makes a text of each a good one.

use std::sync::OnceLock;

use super::grammar::Grammar;

const SHARED: &str = include_str!("tables/shared.txt");

/// What texts are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Opinion pieces about vegetables and plant-based foods.
    Opinions,
    /// Fantasy stories about a suspicious spy and a rich politician.
    ShortStory,
    /// Reviews of the movie "Die Hard".
    MovieReviews,
}

/// What a judge is asked about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Its short name.
    pub name: &'static str,
    /// What the judge is told.
    pub instruction: &'static str,
    /// The two answers.
    pub answers: [&'static str; 2],
}

static OPINIONS: [Question; 2] = [
    Question {
        name: "sentiment",
        instruction: "Determine the sentiment of the input opinion about vegetables and plant-based foods. If the \
                      opinion is positive, answer \"positive\". If it is negative, answer \"negative\".",
        answers: ["positive", "negative"],
    },
    Question {
        name: "quality",
        instruction: "Determine whether or not the input text is closely related to someone saying whether they \
                      like vegetables and plant-based foods, and why. If the input text is closely related to the \
                      topic, answer \"yes\". If the text is not about the topic, answer \"no\".",
        answers: ["yes", "no"],
    },
];

static STORIES: [Question; 3] = [
    Question {
        name: "friendship",
        instruction: "What is the relationship of the spy and the politician in the input text? If they become or \
                      are friends, answer \"friendship\". If they are in conflict, answer \"conflict\".",
        answers: ["friendship", "conflict"],
    },
    Question {
        name: "ending",
        instruction: "How does the story in the input text end? If it has a happy ending, answer \"happy\". If it \
                      has a tragic ending, answer \"tragic\".",
        answers: ["happy", "tragic"],
    },
    Question {
        name: "quality",
        instruction: "Determine if the input text is a high-quality short story about two characters, a suspicious \
                      spy and a rich politician. It should flow well, have an interesting plot, not repeat similar \
                      sentences, and hold no titles or URLs. Answer \"yes\" if it is, and \"no\" if it is not.",
        answers: ["yes", "no"],
    },
];

static REVIEWS: [Question; 2] = [
    Question {
        name: "sentiment",
        instruction: "Determine the sentiment of the input movie review. If the review is positive, answer \
                      \"positive\". If it is negative, answer \"negative\".",
        answers: ["positive", "negative"],
    },
    Question {
        name: "quality",
        instruction: "Determine if the input text is a review of the movie \"Die Hard\". Answer \"yes\" if it is, \
                      and \"no\" if it is not.",
        answers: ["yes", "no"],
    },
];

impl Domain {
    /// All domains.
    pub const ALL: [Self; 3] = [Self::Opinions, Self::ShortStory, Self::MovieReviews];

    /// The name of its experiment.
    pub fn name(self) -> &'static str {
        match self {
            Self::Opinions => "opinions",
            Self::ShortStory => "short-story",
            Self::MovieReviews => "movie-reviews",
        }
    }

    /// The line above every text in a few-shot prompt.
    pub fn template(self) -> &'static str {
        match self {
            Self::Opinions => "Here is a random opinion piece about eating vegetables and plant-based foods:",
            Self::ShortStory => {
                "Here is a random example of a fantasy story about a suspicious spy and a rich politician:"
            }
            Self::MovieReviews => "Here is a random example of a review for the movie \"Die Hard\":",
        }
    }

    /// What can be asked of its texts: the axes of diversity, then quality.
    pub fn questions(self) -> &'static [Question] {
        match self {
            Self::Opinions => &OPINIONS,
            Self::ShortStory => &STORIES,
            Self::MovieReviews => &REVIEWS,
        }
    }

    /// How many axes of diversity it has.
    pub fn axes(self) -> usize {
        self.questions().len() - 1
    }

    pub(super) fn rules(self) -> &'static Rules {
        static RULES: [OnceLock<Rules>; 3] = [const { OnceLock::new() }; 3];
        RULES[self as usize].get_or_init(|| match self {
            Self::Opinions => opinions(),
            Self::ShortStory => stories(),
            Self::MovieReviews => reviews(),
        })
    }
}

/// A domain's grammar, and what is asked of a whole text.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) grammar: Grammar,
    /// Any sentence.
    pub(super) sentence: usize,
    /// The sentences that open a text, continue it, turn it and close it.
    pub(super) plan: [usize; 4],
    pub(super) filler: usize,
    pub(super) off_topic: usize,
    /// Quality odds of a text about which nothing is known.
    pub(super) base: f64,
    /// Fewest and most sentences.
    pub(super) sentences: (usize, usize),
    /// Most tokens; a text below `short` loses quality, one above `ample` gains some.
    pub(super) most: usize,
    pub(super) short: usize,
    pub(super) ample: usize,
    /// Marks of which any one raises quality if present; quality is lower if none is.
    pub(super) presence: &'static [u64],
    /// Pairs of marks that are kept out of the training data.
    pub(super) held_out: &'static [u64],
}

fn opinions() -> Rules {
    const MARKED: [&str; 10] =
        ["roots", "leaves", "beans", "fruits", "makings", "smoky", "sour", "cool", "oily", "plain"];
    let grammar = Grammar::read(&[SHARED, include_str!("tables/opinions.txt")], &MARKED);
    Rules {
        sentence: grammar.symbol("sentence"),
        plan: ["open", "middle", "middle", "close"].map(|name| grammar.symbol(name)),
        filler: grammar.symbol("filler"),
        off_topic: grammar.symbol("offtopic"),
        base: 0.25,
        sentences: (2, 3),
        most: 46,
        short: 14,
        ample: 24,
        presence: &[0b1_1111],
        // Smoky roots, sour leaves, cool beans, oily fruits, plain makings.
        held_out: &[1 | 1 << 5, 1 << 1 | 1 << 6, 1 << 2 | 1 << 7, 1 << 3 | 1 << 8, 1 << 4 | 1 << 9],
        grammar,
    }
}

fn stories() -> Rules {
    const MARKED: [&str; 10] =
        ["spy", "pol", "north", "south", "east", "west", "jewels", "arms", "writings", "tools"];
    let mut grammar = Grammar::read(&[SHARED, include_str!("tables/stories.txt")], &MARKED);
    grammar.keep(&["spytrait", "spynoun", "poltrait", "polnoun"]);
    Rules {
        sentence: grammar.symbol("sentence"),
        plan: ["start", "meeting", "turn", "finish"].map(|name| grammar.symbol(name)),
        filler: grammar.symbol("filler"),
        off_topic: grammar.symbol("offtopic"),
        base: -4.5,
        sentences: (4, 6),
        most: 88,
        short: 30,
        ample: 45,
        presence: &[1, 1 << 1],
        // Arms and the north, writings and the south, jewels and the east.
        held_out: &[1 << 2 | 1 << 7, 1 << 3 | 1 << 8, 1 << 4 | 1 << 6],
        grammar,
    }
}

fn reviews() -> Rules {
    const MARKED: [&str; 7] = ["film", "hero", "villain", "helper", "heights", "machines", "grounds"];
    let grammar = Grammar::read(&[SHARED, include_str!("tables/reviews.txt")], &MARKED);
    Rules {
        sentence: grammar.symbol("sentence"),
        plan: ["open", "middle", "middle", "close"].map(|name| grammar.symbol(name)),
        filler: grammar.symbol("filler"),
        off_topic: grammar.symbol("offtopic"),
        base: -1.0,
        sentences: (2, 3),
        most: 46,
        short: 14,
        ample: 24,
        presence: &[1, 0b1110],
        // The hero and machines, the villain on heights, helpers on the grounds.
        held_out: &[1 << 1 | 1 << 5, 1 << 2 | 1 << 4, 1 << 3 | 1 << 6],
        grammar,
    }
}
