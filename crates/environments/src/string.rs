//! String matching: words over an alphabet, measured by their letters, that approach a target.
//!
//! Needs no model; its measures have one axis per letter, so it shows archives of more than two axes.

use std::{collections::BTreeMap, sync::Arc};

use samara_engine::{Abort, Bench, Context, Environment, Evaluator, Future};
use samara_qd::Stream;
use samara_search::{Genome, Invalid, Plan, Proposer, Score, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    simple::Simple,
    source::{Source, expect_axes, expect_no_operator},
};

/// Its name in `experiment.environment`.
pub const NAME: &str = "string";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "string", transform = samara_search::schema::in_order::<Self>)]
pub struct StringSettings {
    /// The word to approach; its letters must be in the alphabet, one axis each. Default `elm`.
    #[schemars(length(min = 1))]
    pub target: String,
    /// The letters; a letter's measure is its position here. Default: `a` to `z`.
    pub alphabet: String,
}

impl Default for StringSettings {
    fn default() -> Self {
        Self { target: "elm".into(), alphabet: ('a'..='z').collect() }
    }
}

#[derive(Clone)]
struct Letters {
    target: Vec<usize>,
    alphabet: Vec<char>,
}

/// Builds it.
pub(crate) fn build(source: &Source<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(source)?;
    let settings: StringSettings = schema::read(source.section, "environment")?;
    let alphabet: Vec<char> = settings.alphabet.chars().collect();
    if let Some(twice) = alphabet.iter().enumerate().find(|(i, c)| alphabet[..*i].contains(c)) {
        let what = format!("holds `{}` twice", twice.1);
        return Err(Invalid::new("environment.alphabet", what, "write each letter once"));
    }
    let position = |letter: char| {
        alphabet.iter().position(|c| *c == letter).ok_or_else(|| {
            let what = format!("`{letter}` is not in the alphabet");
            Invalid::new("environment.target", what, "add it to environment.alphabet")
        })
    };
    let target = settings.target.chars().map(position).collect::<Result<Vec<_>, _>>()?;
    if target.is_empty() {
        return Err(Invalid::new("environment.target", "is empty", "write the word to approach"));
    }
    expect_axes(source.axes, target.len(), "environment.target")?;
    Ok(Arc::new(Letters { target, alphabet }))
}

impl Letters {
    fn positions(&self, word: &str) -> Vec<usize> {
        word.chars().filter_map(|letter| self.alphabet.iter().position(|c| *c == letter)).collect()
    }

    fn write(&self, plan: &Plan, stream: &mut Stream) -> Vec<usize> {
        let letters = self.alphabet.len();
        match plan.parents.first().map(|parent| &*parent.genome) {
            // One that was taken over from a history may be any text.
            Some(Genome::Text(parent)) if self.positions(parent).len() == self.target.len() => {
                let mut word = self.positions(parent);
                let place = stream.index(word.len());
                word[place] = stream.index(letters);
                word
            }
            _ => (0..self.target.len()).map(|_| stream.index(letters)).collect(),
        }
    }
}

impl Environment for Letters {
    fn name(&self) -> &str {
        NAME
    }

    fn proposer(&self, _pool: &[String]) -> Box<dyn Proposer> {
        Box::new(Simple { created: "sample", varied: "letter" })
    }

    fn write<'a>(&'a self, plan: &'a Plan, context: &'a mut Context) -> Future<'a, Genome> {
        let word = self.write(plan, &mut context.stream);
        let text: String = word.iter().map(|position| self.alphabet[*position]).collect();
        Box::pin(async { Ok(Genome::text_of(text)) })
    }

    fn evaluator(&self) -> Option<Arc<dyn Evaluator>> {
        Some(Arc::new(self.clone()))
    }
}

impl Evaluator for Letters {
    fn evaluate<'a>(
        &'a self,
        draft: &'a Genome,
        _thresholds: &'a BTreeMap<String, f64>,
        _bench: &'a mut Bench,
    ) -> Future<'a, Score> {
        let word = self.positions(&draft.text());
        if word.len() != self.target.len() {
            let why = format!("it has {} letters, and the target has {}", word.len(), self.target.len());
            return Box::pin(async { Err(Abort::invalid(why)) });
        }
        let distance: usize = word.iter().zip(&self.target).map(|(a, b)| a.abs_diff(*b)).sum();
        // Written so that a hit is 0 and not -0.
        let objective = 0.0 - distance as f64;
        let score = Score::new(objective, word.iter().map(|position| *position as f64).collect());
        Box::pin(async { Ok(score) })
    }
}
