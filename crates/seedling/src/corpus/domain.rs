//! The three domains: their prompts, and what is asked about their texts.

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
}
