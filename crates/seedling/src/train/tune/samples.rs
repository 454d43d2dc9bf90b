//! Samples as tokens.

use serde::{Deserialize, Serialize};

use crate::{
    Tokenizer,
    train::{Corpus, data::push, sequence::Sequence},
};

/// A prompt, and what should follow it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// The whole prompt.
    pub prompt: String,
    /// What should follow, without what ends it.
    pub completion: String,
    /// How much its tokens count, above 0.
    pub weight: f32,
}

/// What a model of a corpus writes behind a text to end it, as its own documents have it.
pub(super) fn ending(corpus: Corpus, completion: &str) -> &'static str {
    match corpus {
        Corpus::Walkers if completion.ends_with('\n') => "\n",
        Corpus::Walkers => "\n\n",
        Corpus::Texts | Corpus::Written => "\n###\n",
    }
}

impl Sample {
    /// Its tokens. Prompt and completion are cut on their own, as at inference.
    pub(super) fn sequence(&self, tokenizer: &Tokenizer, corpus: Corpus, prompt_weight: f32) -> Sequence {
        let mut sequence = Sequence::default();
        push(&mut sequence, &tokenizer.encode(&self.prompt), prompt_weight * self.weight);
        let told = format!("{}{}", self.completion, ending(corpus, &self.completion));
        push(&mut sequence, &tokenizer.encode(&told), self.weight);
        sequence
    }
}
