//! The model that a finetuning begins with, and whether it can learn from the runs.

use std::path::{Path, PathBuf};

use samara_engine::About;
use samara_environments::Inputs;
use samara_journal::Reader;
use samara_seedling::{
    Tokenizer, Weights, shipped,
    train::{Corpus, kind, tune::Base},
};

use crate::{
    commands::run::recorded_inputs,
    config::{self, Fresh},
    exit::Failure,
};

/// What trains models that samara can't.
const ELSEWHERE: &str =
    "`samara export RUN --as sft` writes samples to train it elsewhere (docs/guides/train-elsewhere.md)";

/// A model to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum From {
    /// One that comes with samara.
    Shipped(Corpus),
    /// One in a folder.
    Folder(PathBuf),
}

impl From {
    /// As `--from` and model strings name it.
    pub(in crate::commands) fn parse(text: &str) -> Result<Self, Failure> {
        if let Some((provider, rest)) = text.split_once(':')
            && !Path::new(text).is_dir()
        {
            if provider == "embedded" && !rest.is_empty() {
                return Ok(Self::Folder(rest.into()));
            }
            return Err(Failure::usage(format!(
                "--from {text}: samara finetunes its own small models alone\nhint: use embedded, embedded#walkers or a \
                 folder that samara wrote; {ELSEWHERE}"
            )));
        }
        match text {
            "embedded" | "embedded#texts" => Ok(Self::Shipped(Corpus::Texts)),
            "embedded#walkers" => Ok(Self::Shipped(Corpus::Walkers)),
            folder if Path::new(folder).is_dir() => Ok(Self::Folder(folder.into())),
            _ => Err(Failure::usage(format!(
                "--from {text}: there is no such model\nhint: use embedded, embedded#walkers or a folder with \
                 config.json, model.safetensors and tokenizer.json"
            ))),
        }
    }

    /// As [`Self::parse`] reads it.
    pub(in crate::commands) fn text(&self) -> String {
        match self {
            Self::Shipped(Corpus::Walkers) => "embedded#walkers".to_owned(),
            Self::Shipped(_) => "embedded".to_owned(),
            Self::Folder(folder) => format!("embedded:{}", folder.display()),
        }
    }

    /// Its weights and tokenizer, and the corpus that it was trained on.
    pub(in crate::commands) fn open(&self) -> Result<(Base, Corpus), Failure> {
        match self {
            Self::Shipped(corpus) => {
                let base =
                    Base { weights: shipped::weights(*corpus)?, tokenizer: shipped::tokenizer(*corpus)? };
                Ok((base, *corpus))
            }
            Self::Folder(folder) => {
                let unusable = |error: samara_seedling::SeedlingError| Failure::usage(error);
                let weights = Weights::read(folder).map_err(unusable)?;
                let tokenizer = Tokenizer::read(&folder.join("tokenizer.json")).map_err(unusable)?;
                let corpus = match kind::read(folder).map_err(unusable)? {
                    Some(corpus) => corpus,
                    None => of_vocabulary(&tokenizer, folder)?,
                };
                Ok((Base { weights, tokenizer }, corpus))
            }
        }
    }
}

/// The corpus of a folder that does not name it: that of the shipped model with the same vocabulary.
fn of_vocabulary(tokenizer: &Tokenizer, folder: &Path) -> Result<Corpus, Failure> {
    for corpus in Corpus::SHIPPED {
        if shipped::tokenizer(corpus)?.to_json() == tokenizer.to_json() {
            return Ok(corpus);
        }
    }
    Err(Failure::usage(format!(
        "{}: has another vocabulary than samara's models, and does not say what it has learnt to write\nhint: begin with \
         embedded, embedded#walkers or a model of `samara model train`; {ELSEWHERE}",
        folder.display()
    )))
}

/// What the models of these runs are asked for.
pub(super) fn about(reader: &Reader) -> Result<About, Failure> {
    let tessellation = reader.tessellations()?.into_iter().next().map(|cells| cells.tessellation);
    let inputs =
        if reader.verifiable() { Inputs::recorded(recorded_inputs(reader)?) } else { Inputs::in_folder(".") };
    let fresh = Fresh { inputs, tessellation, own: None };
    let experiment = config::reload(&reader.header().config, reader.path(), (&[], &[]), fresh)?;
    Ok(experiment.environment.about())
}

/// The embedded model of what runs evolve.
///
/// # Errors
/// Runs of which samara has no model.
pub(super) fn default(about: &About, environment: &str) -> Result<From, Failure> {
    match about {
        About::Walkers => Ok(From::Shipped(Corpus::Walkers)),
        About::Texts { .. } => Ok(From::Shipped(Corpus::Texts)),
        About::Programs { .. } | About::Nothing => Err(Failure::usage(format!(
            "samara has no model of its own that writes what `{environment}` evolves\nhint: {ELSEWHERE}"
        ))),
    }
}

/// Refuses a model whose vocabulary and corpus are of another kind than what the runs evolve.
pub(super) fn check(from: &From, corpus: Corpus, about: &About, environment: &str) -> Result<(), Failure> {
    let (knows, instead) = match (about, corpus) {
        (About::Walkers, Corpus::Walkers)
        | (About::Texts { .. }, Corpus::Texts | Corpus::Written)
        | (About::Nothing, _) => return Ok(()),
        (About::Walkers, _) => ("texts", "--from embedded#walkers"),
        (About::Texts { .. }, Corpus::Walkers) => ("walker programs", "--from embedded"),
        (About::Programs { .. }, Corpus::Walkers) => ("walker programs", ELSEWHERE),
        (About::Programs { .. }, _) => ("texts", ELSEWHERE),
    };
    Err(Failure::usage(format!(
        "--from {}: has the vocabulary of a model of {knows}, and the runs are of `{environment}`\nhint: {instead}",
        from.text()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_named_as_runs_name_them_and_others_are_refused_with_what_to_do() {
        for text in ["embedded", "embedded#walkers", "embedded:some/folder"] {
            assert_eq!(From::parse(text).expect("a model").text(), text);
        }
        for text in ["openai:gpt", "gguf:x.gguf", "nowhere", "embedded:"] {
            let failure = From::parse(text).expect_err(text);
            assert!(failure.message.contains("hint: "), "{}", failure.message);
        }
    }

    #[test]
    fn a_model_of_another_vocabulary_is_refused() {
        let from = From::Shipped(Corpus::Texts);
        assert!(check(&from, Corpus::Texts, &About::Walkers, "sodarace").is_err());
        assert!(check(&from, Corpus::Walkers, &About::Walkers, "sodarace").is_ok());
        assert!(default(&About::Programs { without: "" }, "p3").is_err());
    }
}
