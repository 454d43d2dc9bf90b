//! A model that answers from a file: for tests, demonstrations and trying an experiment without a server.
//!
//! A reply is a pure function of (script, prompt, seed): never of time, order or concurrency. Latency and faults are
//! simulated per attempt, so that a retry can succeed, and pass through the same layers as a real server's. The
//! format is in `docs/reference/scripts.md`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use samara_seedling::files;
use serde::Deserialize;

use super::{
    facts::{Kind, LocalAttempt, LocalModel, Provider},
    strings,
};
use crate::{
    digest::digest_of_files,
    error::{AttemptError, ErrorKind, InvalidSetting, LmError},
    operation::{Answer, Operation, Value},
    provider_name::ProviderName,
    settings::ModelSettings,
    types::{CompletionRequest, Finish, ScoreMethod, ScoreRequest},
};

/// A script.
pub(super) static PROVIDER: Provider = Provider {
    name: "scripted",
    forms: &["scripted:FILE"],
    schemes: &["scripted"],
    read: |_, rest| {
        let script = strings::filled(rest).filter(|rest| !rest.starts_with('#'))?;
        Some(ModelSettings { script: Some(script.into()), ..strings::of(ProviderName::Scripted) })
    },
    check,
    kind: Kind::Local(|settings| Ok(Box::new(Scripted::open(settings)?)), ScoreMethod::Scripted),
    own_settings: &["script"],
    digest: Some(|settings| digest_of_files(settings.script.as_slice())),
    ..Provider::PLAIN
};

fn check(settings: &ModelSettings) -> Result<(), InvalidSetting> {
    if settings.script.is_none() {
        let hint = "provider = \"scripted\" answers from a file: script = \"FILE\"";
        return Err(InvalidSetting { key: "script", problem: "is missing".into(), hint });
    }
    if settings.model.is_some() {
        let problem = "belongs to a provider with a server, or to \"embedded\"".into();
        return Err(InvalidSetting { key: "model", problem, hint: "remove it, or change the provider" });
    }
    Ok(())
}

/// A script file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// Shown as the model's name. Default: the file's.
    name: Option<String>,
    /// How long an attempt takes.
    #[serde(default)]
    latency: Latency,
    /// What goes wrong.
    #[serde(default)]
    faults: Vec<Fault>,
    /// Rules for completions; the first that fits the prompt answers.
    #[serde(default)]
    complete: Vec<CompleteRule>,
    /// Rules for scores; the first that fits the prompt answers.
    #[serde(default)]
    score: Vec<ScoreRule>,
    /// Embeddings: hashed bags of words.
    #[serde(default)]
    embed: EmbedRule,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    /// Shortest and longest, in milliseconds.
    ms: (f64, f64),
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    kind: FaultKind,
    /// Share of the attempts that it affects, 0 to 1.
    rate: f64,
    /// For `rate_limit`: when to try again.
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    /// HTTP 429.
    RateLimit,
    /// HTTP 500.
    ServerError,
    /// A connection that breaks.
    Reset,
    /// No answer, ever.
    Stall,
    /// A reply that ends early.
    Truncated,
    /// A NaN for a log-probability; an unusable reply to other requests.
    Nan,
    /// A completion without text; scores and embeddings are spared.
    Empty,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CompleteRule {
    /// What the prompt must contain. Default: anything.
    #[serde(default)]
    contains: String,
    /// One of these, by the seed.
    #[serde(default)]
    answers: Vec<String>,
    /// Or a crossing of the prompt's examples.
    recombine: Option<Recombine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recombine {
    /// What stands between examples.
    #[serde(default = "separator")]
    separator: String,
    /// Chance that a sentence is replaced by one of `sentences`, 0 to 1.
    mutate: f64,
    /// New material.
    sentences: Vec<String>,
    /// Most sentences of a completion.
    #[serde(default = "three")]
    length: usize,
}

fn separator() -> String {
    "\n###\n".into()
}
fn three() -> usize {
    3
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScoreRule {
    /// What the prompt must contain. Default: anything.
    #[serde(default)]
    contains: String,
    /// The first answer's log-odds before any word.
    #[serde(default)]
    bias: f64,
    /// Half the width of uniform noise on the log-odds, fixed for a text.
    #[serde(default)]
    noise: f64,
    /// What each occurrence of a word adds to the log-odds.
    #[serde(default)]
    lexicon: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbedRule {
    dimensions: usize,
}

impl Default for EmbedRule {
    fn default() -> Self {
        Self { dimensions: 64 }
    }
}

/// A script that was read.
#[derive(Debug)]
struct Scripted {
    script: Script,
    name: String,
}

impl LocalModel for Scripted {
    fn name(&self) -> &str {
        &self.name
    }

    fn label(&self) -> String {
        format!("scripted:{}", self.name)
    }

    fn attempt<'a>(&'a self, operation: &'a Operation<'a>, number: u32) -> LocalAttempt<'a> {
        Box::pin(self.answer(operation, number))
    }
}

/// A script at most, in bytes: 16 MiB.
const MOST_BYTES: u64 = 16 << 20;

impl Scripted {
    fn open(settings: &ModelSettings) -> Result<Self, LmError> {
        let path = settings.script.as_deref().unwrap_or(Path::new(""));
        let bad = |what: String| {
            LmError::new(ErrorKind::Configuration, format!("script {}: {what}", path.display()))
        };
        let text = files::read_text(path, MOST_BYTES).map_err(|error| {
            bad(format!("can't be read: {error}")).hint("relative paths start at the working directory")
        })?;
        let script: Script = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        validate(&script).map_err(bad)?;
        let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Ok(Self { name: script.name.clone().unwrap_or(file), script })
    }

    async fn answer(&self, operation: &Operation<'_>, number: u32) -> Result<Answer, AttemptError> {
        let (key, completes) = match operation {
            Operation::Complete { request, .. } | Operation::Several { request, .. } => {
                (hash(request.sampling.seed, &request.prompt), true)
            }
            Operation::Labels { request, .. } => (hash(request.seed, &request.prompt), false),
            Operation::LogProbability { prompt, answer, .. } => (hash(hash(0, answer), prompt), false),
            Operation::Embed { texts, .. } => (texts.iter().fold(0, |key, text| hash(key, text)), false),
            Operation::Models => (0, false),
        };
        let mut random = Random(key ^ (u64::from(number) << 48));
        self.wait(&mut random).await;
        let fault = self.script.faults.iter().find(|fault| random.unit() < fault.rate);
        if let Some(fault) = fault {
            match fault.kind {
                FaultKind::Empty if completes => return Ok(answer(Value::Text(String::new(), Finish::Stop))),
                FaultKind::Empty => {}
                FaultKind::Stall => std::future::pending().await,
                _ => return Err(failure(fault)),
            }
        }
        self.reply(operation)
    }

    async fn wait(&self, random: &mut Random) {
        let (lo, hi) = self.script.latency.ms;
        if hi > 0.0 {
            tokio::time::sleep(Duration::from_secs_f64((lo + (hi - lo) * random.unit()) / 1e3)).await;
        }
    }

    fn reply(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let no_rule = |what: &str| {
            AttemptError::permanent(
                ErrorKind::Unsupported,
                format!("the script has no [[{what}]] rule for this prompt"),
            )
        };
        match operation {
            Operation::Models => Ok(answer(Value::Models(vec![self.name.clone()]))),
            Operation::Complete { request, .. } => {
                let rule = self.script.complete.iter().find(|rule| request.prompt.contains(&rule.contains));
                Ok(answer(Value::Text(
                    write(rule.ok_or_else(|| no_rule("complete"))?, request),
                    Finish::Stop,
                )))
            }
            Operation::Labels { request, .. } => {
                let rule = self.script.score.iter().find(|rule| request.prompt.contains(&rule.contains));
                Ok(answer(Value::LogProbabilities(judge(rule.ok_or_else(|| no_rule("score"))?, request))))
            }
            Operation::Embed { texts, .. } => {
                let vectors =
                    texts.iter().map(|text| bag_of_words(text, self.script.embed.dimensions)).collect();
                Ok(answer(Value::Vectors(vectors)))
            }
            Operation::LogProbability { .. } => Err(no_rule("score")),
            Operation::Several { .. } => Err(no_rule("complete several times at once")),
        }
    }
}

fn validate(script: &Script) -> Result<(), String> {
    let (lo, hi) = script.latency.ms;
    if !(lo.is_finite() && hi.is_finite() && 0.0 <= lo && lo <= hi) {
        return Err(format!("`latency.ms`: [{lo}, {hi}] is not a range of milliseconds"));
    }
    if let Some(fault) = script.faults.iter().find(|fault| !(0.0..=1.0).contains(&fault.rate)) {
        return Err(format!("`faults.rate`: {} is not between 0 and 1", fault.rate));
    }
    for rule in &script.complete {
        match (&rule.recombine, rule.answers.is_empty()) {
            (None, true) | (Some(_), false) => {
                return Err("`complete`: a rule needs either answers or recombine, not both".into());
            }
            (Some(r), true)
                if !(0.0..=1.0).contains(&r.mutate) || r.sentences.is_empty() || r.length == 0 =>
            {
                return Err(
                    "`complete.recombine`: mutate must be 0 to 1, length 1 or more, and sentences not empty"
                        .into(),
                );
            }
            _ => {}
        }
    }
    let finite =
        |rule: &ScoreRule| [rule.bias, rule.noise].iter().chain(rule.lexicon.values()).all(|x| x.is_finite());
    if !script.score.iter().all(finite) {
        return Err("`score`: a number is not finite".into());
    }
    if script.embed.dimensions == 0 {
        return Err("`embed.dimensions`: is 0".into());
    }
    Ok(())
}

fn answer(value: Value) -> Answer {
    Answer { value, tokens: None }
}

fn failure(fault: &Fault) -> AttemptError {
    let simulated = |kind, message: &str| AttemptError::transient(kind, format!("simulated: {message}"));
    match fault.kind {
        FaultKind::RateLimit => AttemptError {
            retry_after: fault.retry_after_ms.map(Duration::from_millis),
            overloaded: true,
            ..simulated(ErrorKind::Overloaded, "HTTP 429")
        },
        FaultKind::ServerError => simulated(ErrorKind::Overloaded, "HTTP 500"),
        FaultKind::Reset => simulated(ErrorKind::Overloaded, "the connection broke"),
        FaultKind::Truncated => simulated(ErrorKind::Malformed, "the reply ends early"),
        FaultKind::Nan | FaultKind::Stall | FaultKind::Empty => {
            simulated(ErrorKind::Malformed, "NaN is no log-probability")
        }
    }
}

fn write(rule: &CompleteRule, request: &CompletionRequest) -> String {
    let mut random = Random(hash(request.sampling.seed, &request.prompt));
    let mut text = match &rule.recombine {
        None => random.choose(&rule.answers).cloned().unwrap_or_default(),
        Some(recombine) => cross(recombine, &request.prompt, &mut random),
    };
    let stops = request.sampling.stop.iter().filter(|stop| !stop.is_empty());
    text.truncate(stops.filter_map(|stop| text.find(&**stop)).min().unwrap_or(text.len()));
    text
}

/// Sentences of the prompt's examples, each drawn from a random example, some replaced by new ones.
fn cross(recombine: &Recombine, prompt: &str, random: &mut Random) -> String {
    let mut pieces: Vec<&str> = prompt.split(&recombine.separator).collect();
    let template = pieces.pop().unwrap_or_default();
    let examples: Vec<Vec<&str>> =
        pieces.iter().map(|piece| sentences(piece.strip_prefix(template).unwrap_or(piece))).collect();
    let length = 1 + random.below(recombine.length);
    let mut written: Vec<&str> = Vec::new();
    for _ in 0..length {
        let inherited = random.choose(&examples).and_then(|example| random.choose(example)).copied();
        let fresh = random.choose(&recombine.sentences).map(String::as_str);
        let sentence = if random.unit() < recombine.mutate { fresh } else { inherited.or(fresh) };
        written.extend(sentence.filter(|sentence| !written.contains(sentence)));
    }
    written.join(" ")
}

fn sentences(text: &str) -> Vec<&str> {
    text.split_inclusive(['.', '!', '?']).map(str::trim).filter(|sentence| sentence.len() > 1).collect()
}

fn judge(rule: &ScoreRule, request: &ScoreRequest) -> Vec<f64> {
    let text = judged_text(&request.prompt);
    let weight: f64 = words(text).map(|word| rule.lexicon.get(&word).copied().unwrap_or(0.0)).sum();
    let noise = rule.noise * (2.0 * Random(hash(rule.bias.to_bits(), text)).unit() - 1.0);
    let odds = rule.bias + weight + noise;
    // ln(1 / (1 + exp(-x))), without overflow at either end.
    let log_sigmoid = |x: f64| x.min(0.0) - (-x.abs()).exp().ln_1p();
    let others = (request.answers.len().saturating_sub(1)).max(1) as f64;
    let mut scores = vec![log_sigmoid(-odds) - others.ln(); request.answers.len()];
    if let Some(first) = scores.first_mut() {
        *first = log_sigmoid(odds);
    }
    scores
}

/// What a feedback prompt shows as its input; other prompts are judged whole.
fn judged_text(prompt: &str) -> &str {
    let input = prompt.split_once("### Input:\n").map_or(prompt, |(_, input)| input);
    input.split_once("\n\n### Response:").map_or(input, |(text, _)| text)
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

fn bag_of_words(text: &str, dimensions: usize) -> Vec<f64> {
    let mut vector = vec![0.0; dimensions];
    for word in words(text) {
        let index = Random(hash(0, &word)).below(dimensions);
        vector[index] += 1.0;
    }
    let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    vector.iter().map(|x| if norm > 0.0 { x / norm } else { 0.0 }).collect()
}

/// FNV-1a over the seed and the text, finished so that all bits count.
fn hash(seed: u64, text: &str) -> u64 {
    let bytes = seed.to_le_bytes();
    let folded = bytes.iter().chain(text.as_bytes()).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Random(folded).next()
}

/// SplitMix64 (Steele, Lea & Flood 2014): a tiny generator, made anew for every reply.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { Some(&from[self.below(from.len())]) }
    }
}
