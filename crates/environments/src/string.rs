//! String matching: words over an alphabet, measured by their letters, that approach a target.
//!
//! Needs no model; its measures have one axis per letter, so it shows archives of more than two axes.

use std::sync::Arc;

use samara_engine::{Context, Environment, Future, Invalid, Outcome, Plan, State, decode};
use samara_journal::Genome;
use samara_qd::Stream;
use serde::{Deserialize, Serialize};

use crate::{Parts, expect_axes, expect_no_operator};

/// Its name in `experiment.environment`.
pub const NAME: &str = "string";

/// The `[environment]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The word to approach; its letters must be in the alphabet. Default `elm`.
    pub target: String,
    /// The letters; a letter's measure is its position here. Default `a` to `z`.
    pub alphabet: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { target: "elm".into(), alphabet: ('a'..='z').collect() }
    }
}

struct Letters {
    target: Vec<usize>,
    alphabet: Vec<char>,
}

/// Builds it.
pub(crate) fn build(parts: &Parts<'_>) -> Result<Arc<dyn Environment>, Invalid> {
    expect_no_operator(parts)?;
    let settings: Settings = decode(parts.section, "environment")?;
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
    expect_axes(parts.axes, target.len(), "environment.target")?;
    Ok(Arc::new(Letters { target, alphabet }))
}

impl Letters {
    fn positions(&self, word: &str) -> Vec<usize> {
        word.chars().filter_map(|letter| self.alphabet.iter().position(|c| *c == letter)).collect()
    }

    fn write(&self, plan: &Plan, stream: &mut Stream) -> Vec<usize> {
        let letters = self.alphabet.len();
        match plan.material.first() {
            Some(Genome::Text(parent)) => {
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
    fn name(&self) -> &'static str {
        NAME
    }

    fn create(&self, _state: &State, _stream: &mut Stream) -> Plan {
        Plan::fresh(Vec::new())
    }

    fn vary(&self, state: &State, stream: &mut Stream) -> Option<Plan> {
        let parent = state.archive().select(stream)?;
        Some(Plan::varied(vec![parent.id], vec![Genome::clone(state.genome(&parent))]))
    }

    fn live<'a>(&'a self, plan: Plan, context: &'a mut Context) -> Future<'a, Outcome> {
        let word = self.write(&plan, &mut context.stream);
        let distance: usize = word.iter().zip(&self.target).map(|(a, b)| a.abs_diff(*b)).sum();
        let text: String = word.iter().map(|position| self.alphabet[*position]).collect();
        let outcome = Outcome::Scored {
            genome: Genome::Text(text.into()),
            measures: word.iter().map(|position| *position as f64).collect(),
            // Written so that a hit is 0 and not -0.
            objective: 0.0 - distance as f64,
        };
        Box::pin(async { Ok(outcome) })
    }
}
