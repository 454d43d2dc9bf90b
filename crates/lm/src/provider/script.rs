//! The format of scripts: what a file may hold, and what is refused about it. What rules answer is in `scripted.rs`.
//!
//! Strict: an unknown key, a number out of range or a word that can never match is an error that names the file and
//! the key, since a rule that silently never fits would look like a model's opinion.
//!
//! ```toml
//! name = "example"                       # shown as the model's name; default the file's
//!
//! [latency]
//! ms = [50.0, 200.0]                     # an attempt's duration, uniform; default 0: at once
//!
//! [[faults]]                             # struck attempts are retried like a server's
//! kind = "rate_limit"                    # or server_error, reset, stall, truncated, nan, null, empty, huge
//! rate = 0.05                            # part of the attempts, 0 to 1
//! retry_after_ms = 100                   # for rate_limit alone
//!
//! [[complete]]                           # the first rule whose `contains` is in the prompt answers
//! contains = "Name a colour"
//! answers = ["red", "green", "blue"]     # one of these, by prompt and seed
//!
//! [[complete]]                           # without `contains`: any prompt
//! [complete.recombine]                   # crosses the sentences of the prompt's few-shot examples
//! separator = "\n###\n"                  # what stands between examples (the default)
//! mutate = 0.25                          # chance that a sentence comes from `sentences` instead
//! length = 3                             # most sentences of a completion; default 3
//! sentences = ["I love peas.", "I hate kale."]
//!
//! [[score]]
//! contains = "Is it positive?"
//! bias = -0.5                            # the first answer's log-odds before any word; default 0
//! noise = 0.5                            # half width of a disturbance, fixed for a text; default 0
//! lexicon = { love = 2.0, hate = -2.0 }  # added for each occurrence of a word
//!
//! [embed]
//! dimensions = 64                        # hashed bags of words; default 64
//! ```

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use crate::{ErrorKind, LmError};

/// An attempt's longest latency, in milliseconds: a day.
const LONGEST_MS: f64 = 86_400_000.0;
/// Longest embeddings.
const MOST_DIMENSIONS: usize = 65_536;

/// A script file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    /// Shown as the model's name. Default: the file's.
    #[serde(default)]
    pub name: String,
    /// How long an attempt takes.
    #[serde(default)]
    pub latency: Latency,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// Rules for completions; the first that fits the prompt answers.
    #[serde(default)]
    pub complete: Vec<CompleteRule>,
    /// Rules for scores; the first that fits the prompt answers.
    #[serde(default)]
    pub score: Vec<ScoreRule>,
    /// Embeddings: hashed bags of words.
    #[serde(default)]
    pub embed: EmbedRule,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Latency {
    /// Shortest and longest, in milliseconds.
    pub ms: (f64, f64),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    /// Part of the attempts that it strikes, 0 to 1.
    pub rate: f64,
    /// For `rate_limit`: when to come back.
    #[serde(default)]
    pub retry_after_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FaultKind {
    /// HTTP 429.
    #[serde(alias = "429")]
    RateLimit,
    /// HTTP 500.
    #[serde(alias = "500")]
    ServerError,
    /// A connection that breaks.
    Reset,
    /// No answer, ever.
    Stall,
    /// A reply that ends early.
    Truncated,
    /// A log-probability that is NaN; an unusable reply to other requests.
    Nan,
    /// A log-probability that is null; an unusable reply to other requests.
    Null,
    /// A completion without text; scores and embeddings are spared.
    Empty,
    /// A reply over the size limit.
    Huge,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompleteRule {
    /// What the prompt must contain. Default: anything.
    #[serde(default)]
    pub contains: String,
    /// One of these, by the seed.
    #[serde(default)]
    pub answers: Vec<String>,
    /// Or a crossing of the prompt's examples.
    pub recombine: Option<Recombine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recombine {
    /// What stands between examples.
    #[serde(default = "separator")]
    pub separator: String,
    /// Chance that a sentence is replaced by one of `sentences`, 0 to 1.
    pub mutate: f64,
    /// New material.
    pub sentences: Vec<String>,
    /// Most sentences of a completion.
    #[serde(default = "three")]
    pub length: usize,
}

fn separator() -> String {
    "\n###\n".into()
}
fn three() -> usize {
    3
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScoreRule {
    /// What the prompt must contain. Default: anything.
    #[serde(default)]
    pub contains: String,
    /// The first answer's log-odds before any word.
    #[serde(default)]
    pub bias: f64,
    /// Half the width of a uniform disturbance of the log-odds, fixed for a text.
    #[serde(default)]
    pub noise: f64,
    /// What each occurrence of a word adds to the log-odds.
    #[serde(default)]
    pub lexicon: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmbedRule {
    pub dimensions: usize,
}

impl Default for EmbedRule {
    fn default() -> Self {
        Self { dimensions: 64 }
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The file can't be read, or what it holds can't be used.
    pub(crate) fn read(path: &Path) -> Result<Self, LmError> {
        let bad = |what: String| {
            LmError::new(ErrorKind::Configuration, format!("script {}: {what}", path.display()))
        };
        let text = std::fs::read_to_string(path).map_err(|error| {
            bad(format!("can't be read: {error}")).hint("a path starts at the working directory")
        })?;
        let mut script = Self::parse(&text).map_err(bad)?;
        if script.name.is_empty() {
            script.name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        }
        Ok(script)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let script: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let (lo, hi) = script.latency.ms;
        if !(0.0 <= lo && lo <= hi && hi <= LONGEST_MS) {
            return Err(format!("`latency.ms`: [{lo}, {hi}] is no range of milliseconds"));
        }
        script.faults.iter().try_for_each(Fault::validate)?;
        script.complete.iter().try_for_each(CompleteRule::validate)?;
        script.score.iter().try_for_each(ScoreRule::validate)?;
        if !(1..=MOST_DIMENSIONS).contains(&script.embed.dimensions) {
            let dimensions = script.embed.dimensions;
            return Err(format!("`embed.dimensions`: {dimensions} is not 1 to {MOST_DIMENSIONS}"));
        }
        Ok(script)
    }
}

impl Fault {
    fn validate(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(format!("`faults.rate`: {} is not between 0 and 1", self.rate));
        }
        if self.retry_after_ms.is_some() && self.kind != FaultKind::RateLimit {
            return Err("`faults.retry_after_ms`: belongs to kind = \"rate_limit\"".into());
        }
        Ok(())
    }
}

impl CompleteRule {
    fn validate(&self) -> Result<(), String> {
        match (&self.recombine, self.answers.is_empty()) {
            (None, false) => Ok(()),
            (Some(recombine), true) => recombine.validate(),
            _ => Err("`complete`: a rule has either answers or recombine".into()),
        }
    }
}

impl Recombine {
    fn validate(&self) -> Result<(), String> {
        let bad = |key: &str, what: &str| Err(format!("`complete.recombine.{key}`: {what}"));
        if !(0.0..=1.0).contains(&self.mutate) {
            return bad("mutate", &format!("{} is not between 0 and 1", self.mutate));
        }
        if self.length == 0 {
            return bad("length", "is 0");
        }
        if self.separator.is_empty() {
            return bad("separator", "is empty");
        }
        if self.sentences.is_empty() {
            return bad("sentences", "is empty: a prompt without examples would get no text");
        }
        Ok(())
    }
}

impl ScoreRule {
    fn validate(&self) -> Result<(), String> {
        if !self.bias.is_finite() {
            return Err(format!("`score.bias`: {} is not finite", self.bias));
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return Err(format!("`score.noise`: {} is not 0 or more", self.noise));
        }
        for (word, weight) in &self.lexicon {
            if !weight.is_finite() {
                return Err(format!("`score.lexicon.{word}`: {weight} is not finite"));
            }
            if !words(word).eq([word.clone()]) {
                let what = "is not one word in lower case, and would match no text";
                return Err(format!("`score.lexicon`: {word:?} {what}"));
            }
        }
        Ok(())
    }
}

/// A text's words in lower case: runs of letters and digits.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_a_script() {
        let lines = include_str!("script.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let example = lines
            .skip_while(|line| line.trim() != "```toml")
            .skip(1)
            .take_while(|line| line.trim() != "```")
            .collect::<Vec<_>>()
            .join("\n");
        let script = Script::parse(&example).expect("the example is valid");
        assert_eq!((script.complete.len(), script.score.len(), script.faults.len()), (2, 1, 1));
    }

    #[test]
    fn what_a_script_may_not_hold_is_refused_by_its_key() {
        for (text, key) in [
            ("nmae = \"x\"", "nmae"),
            ("[[complete]]\nanswer = [\"a\"]", "answer"),
            ("[[complete]]\ncontains = \"x\"", "complete"),
            ("[[complete]]\nanswers = [\"a\"]\nrecombine = {mutate = 0.5, sentences = [\"a\"]}", "complete"),
            ("[[complete]]\nrecombine = {mutate = 1.5, sentences = [\"a\"]}", "mutate"),
            ("[[complete]]\nrecombine = {mutate = 0.5, sentences = []}", "sentences"),
            ("[[complete]]\nrecombine = {mutate = 0.5, sentences = [\"a\"], separator = \"\"}", "separator"),
            ("[[score]]\nlexicon = {Love = 1.0}", "Love"),
            ("[[score]]\nlexicon = {\"two words\" = 1.0}", "two words"),
            ("[[score]]\nlexicon = {love = nan}", "love"),
            ("[[score]]\nbias = inf", "bias"),
            ("[[score]]\nnoise = -1.0", "noise"),
            ("[[faults]]\nkind = \"flood\"\nrate = 0.1", "flood"),
            ("[[faults]]\nkind = \"reset\"\nrate = 1.1", "rate"),
            ("[[faults]]\nkind = \"reset\"\nrate = 0.1\nretry_after_ms = 5", "retry_after_ms"),
            ("latency.ms = [5.0, 1.0]", "latency"),
            ("latency.ms = [0.0, 1e300]", "latency"),
            ("embed.dimensions = 0", "dimensions"),
        ] {
            let refusal = Script::parse(text).expect_err(text);
            assert!(refusal.contains(key), "{refusal}");
        }
    }

    #[test]
    fn an_error_names_the_file_and_the_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bad.toml");
        std::fs::write(&path, "[[score]]\nbais = 1.0\n").expect("written");
        let error = Script::read(&path).expect_err("an unknown key");
        assert_eq!(error.kind, ErrorKind::Configuration);
        assert!(error.message.contains("bad.toml") && error.message.contains("bais"), "{error}");
        let missing = Script::read(&folder.path().join("none.toml")).expect_err("no file");
        assert!(missing.message.contains("none.toml"), "{missing}");
    }
}
