//! A model of written texts on the blind held-out set: texts by somebody who has not seen the corpus.

use serde::{Deserialize, Serialize};

use crate::{
    Engine, SeedlingError,
    corpus::Domain,
    written::{Property, compose::axes},
};

use super::{
    area_under_curve,
    written::{in_wordings, prompts_known},
};

/// A text of the set with its labels.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    text: String,
    kind: Kind,
    #[serde(default)]
    sentiment: i8,
    #[serde(default)]
    friendship: i8,
    #[serde(default)]
    ending: i8,
    #[serde(default)]
    genre: i8,
}

/// What a text is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Good,
    Weak,
    OffTopic,
    Repetitive,
    Broken,
    Nonsense,
}

/// What a domain's judge makes of the set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlindReport {
    /// The domain's name.
    pub domain: String,
    /// For every axis, and topic and quality: the area under the ROC curve. Texts on neither side are left out, and for
    /// quality those that are good texts about something else.
    pub areas: Vec<(String, f64)>,
    /// Share of pairs of nonsense and a good text that quality puts in the right order.
    pub nonsense_below_good: f64,
}

/// What the model makes of the set's prompts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlindPrompts {
    /// Prompts about other subjects that it refuses, of how many.
    pub foreign_refused: (usize, usize),
    /// Prompts about its own domains that it refuses, of how many.
    pub own_refused: (usize, usize),
}

fn texts(domain: Domain) -> Result<Vec<Line>, SeedlingError> {
    let file = match domain {
        Domain::Opinions => include_str!("../written/held-out/opinions.jsonl"),
        Domain::ShortStory => include_str!("../written/held-out/short-story.jsonl"),
        Domain::MovieReviews => include_str!("../written/held-out/movie-reviews.jsonl"),
    };
    let read = |line| {
        serde_json::from_str(line)
            .map_err(|error| SeedlingError::setting("held-out set", error.to_string(), "restore the file"))
    };
    file.lines().map(read).collect()
}

impl Line {
    fn label(&self, property: Property) -> i8 {
        match property {
            Property::Sentiment => self.sentiment,
            Property::Friendship => self.friendship,
            Property::Ending => self.ending,
            Property::Romance => self.genre,
            Property::Topic => {
                if self.kind == Kind::OffTopic {
                    -1
                } else {
                    1
                }
            }
            Property::Quality | Property::Rating => match self.kind {
                Kind::Good => 1,
                Kind::OffTopic => 0,
                Kind::Weak | Kind::Repetitive | Kind::Broken | Kind::Nonsense => -1,
            },
            Property::Length | Property::Formality => 0,
        }
    }
}

/// Evaluates one domain.
///
/// # Errors
/// A model that can't take the prompts.
pub fn evaluate(engine: &Engine, domain: Domain, seed: u64) -> Result<BlindReport, SeedlingError> {
    let lines = texts(domain)?;
    let texts: Vec<String> = lines.iter().map(|line| line.text.clone()).collect();
    let mut areas = Vec::new();
    let mut nonsense_below_good = f64::NAN;
    for property in axes(domain).iter().chain([&Property::Topic, &Property::Quality]) {
        let guesses = in_wordings(engine, domain, *property, &texts, seed, false)?;
        let sided = lines.iter().zip(&guesses).filter(|(line, _)| line.label(*property) != 0);
        let (sure, labels): (Vec<f64>, Vec<bool>) =
            sided.map(|(line, guess)| (*guess, line.label(*property) > 0)).unzip();
        areas.push((format!("{property:?}").to_lowercase(), area_under_curve(&sure, &labels)));
        if *property == Property::Quality {
            let of = |kind| lines.iter().zip(&guesses).filter(move |(line, _)| line.kind == kind);
            let (sure, labels): (Vec<f64>, Vec<bool>) = of(Kind::Good)
                .map(|(_, guess)| (*guess, true))
                .chain(of(Kind::Nonsense).map(|(_, guess)| (*guess, false)))
                .unzip();
            // The area under the curve is the share of pairs in the right order.
            nonsense_below_good = area_under_curve(&sure, &labels);
        }
    }
    Ok(BlindReport { domain: domain.name().to_owned(), areas, nonsense_below_good })
}

/// Asks whether the set's prompts are about the model's subjects.
///
/// # Errors
/// A model that can't take the prompts.
pub fn prompts(engine: &Engine) -> Result<BlindPrompts, SeedlingError> {
    let refused = |file: &str| -> Result<(usize, usize), SeedlingError> {
        let prompts: Vec<String> = file.lines().map(str::to_owned).collect();
        let known = prompts_known(engine, &prompts)?;
        Ok((known.iter().filter(|known| **known < 0.5).count(), prompts.len()))
    };
    Ok(BlindPrompts {
        foreign_refused: refused(include_str!("../written/held-out/foreign.txt"))?,
        own_refused: refused(include_str!("../written/held-out/own.txt"))?,
    })
}
