//! What a line of the material says about a text: a whole number from -3 to 3 for each property.

/// What can be asked about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Property {
    /// For (+) or against (-) what it is about.
    Sentiment,
    /// Friendship (+) or conflict (-) of the two characters.
    Friendship,
    /// A happy (+) or a tragic (-) ending.
    Ending,
    /// Romance (+) or horror (-).
    Romance,
    /// A good text of its kind (+), or a bad one.
    Quality,
    /// About what it should be about.
    Topic,
    /// Long (+) or short.
    Length,
    /// Formal (+) or casual.
    Formality,
    /// A rating from 1 to 10: quality in other words.
    Rating,
}

impl Property {
    /// Those that lines are labelled with, in the order of [`Labels`].
    pub const LABELLED: [Self; 5] =
        [Self::Sentiment, Self::Friendship, Self::Ending, Self::Romance, Self::Quality];

    /// The letter of a label.
    const LETTERS: [char; 5] = ['a', 'f', 'e', 'g', 'q'];

    /// The name in the material's files.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "sentiment" => Self::Sentiment,
            "relationship" => Self::Friendship,
            "ending" => Self::Ending,
            "genre" => Self::Romance,
            "quality" => Self::Quality,
            "topic" => Self::Topic,
            "length" => Self::Length,
            "formality" => Self::Formality,
            "rating" => Self::Rating,
            _ => return None,
        })
    }
}

/// The labels of a line: sentiment, friendship, ending, romance, quality; 0 where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Labels([i8; 5]);

impl Labels {
    /// Reads labels such as `f+2 e-1`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut labels = Self::default();
        for part in text.split_whitespace() {
            let mut chars = part.chars();
            let letter = chars.next().unwrap_or(' ');
            let Some(at) = Property::LETTERS.iter().position(|known| *known == letter) else {
                return Err(format!("`{part}` begins with none of a, f, e, g, q"));
            };
            labels.0[at] = match chars.as_str().parse::<i8>() {
                Ok(value) if (-3..=3).contains(&value) => value,
                _ => return Err(format!("`{part}` is not a whole number from -3 to 3")),
            };
        }
        Ok(labels)
    }

    /// The label of a property that lines have one of.
    pub fn of(self, property: Property) -> i8 {
        Property::LABELLED.iter().position(|known| *known == property).map_or(0, |at| self.0[at])
    }
}
