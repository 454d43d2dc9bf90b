//! A request in progress: what it still has to feed to the model, and what it has so far.

use std::collections::BTreeMap;

use crate::{
    Model, SeedlingError, Stream, Tokenizer,
    model::{Cache, PAGE},
};

use super::{
    prefix::{Key, Prefixes},
    request::{End, Given, Listener, Penalties, Reply, Request, Sampling},
    sample::{draw, log_normaliser},
};

/// A request in progress.
pub(super) struct Run {
    /// What the model remembers of it.
    pub cache: Cache,
    /// Tokens to feed: the prompt, then one token at a time, or an answer.
    feed: Vec<u32>,
    /// How many of the feed the cache holds.
    fed: usize,
    /// How many tokens of the prompt can be shared with other prompts.
    sharable: usize,
    /// The number of the last kept page, and how many pages of the prompt are kept.
    kept: (u64, usize),
    task: Task,
    prompt_tokens: usize,
    /// Hears the reply.
    pub listener: Option<Listener>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("fed", &self.fed).field("task", &self.task).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Task {
    Complete(Box<Writing>),
    Score(Box<Scoring>),
    Embed { sum: Vec<f64> },
}

#[derive(Debug)]
struct Writing {
    sampling: Sampling,
    stream: Stream,
    written: Vec<u8>,
    tokens: usize,
    /// How often each token was written; not counted where nothing depends on it.
    counts: BTreeMap<u32, u32>,
}

#[derive(Debug)]
struct Scoring {
    answers: Vec<Vec<u32>>,
    /// Tokens that all answers begin with; they are fed behind the prompt.
    common: usize,
    sums: Vec<f64>,
    /// The answer that is fed now, if any.
    branch: Option<usize>,
    /// The cache behind the common tokens.
    trunk: Option<Cache>,
}

/// Where a run stands after a step.
#[derive(Debug)]
pub(super) enum Step {
    Continues,
    Done(Reply),
}

fn refuse(what: String, hint: &str) -> SeedlingError {
    SeedlingError::request(what, hint)
}

impl Run {
    /// Encodes a request.
    pub(super) fn new(request: Request, model: &Model, tokenizer: &Tokenizer) -> Result<Self, SeedlingError> {
        let (given, task) = match request {
            Request::Complete { prompt, sampling } => (prompt, Task::Complete(Box::new(writing(sampling)?))),
            Request::Score { prompt, answers } => {
                (prompt, Task::Score(Box::new(scoring(&answers, tokenizer)?)))
            }
            Request::Embed { text } => {
                (text.into(), Task::Embed { sum: vec![0.0; model.config().hidden_size] })
            }
        };
        let mut feed = match given {
            Given::Text(text) => tokenizer.bos().into_iter().chain(tokenizer.encode(&text)).collect(),
            Given::Chat(chat) => tokenizer.encode_prompt(&chat),
        };
        if feed.is_empty() {
            return Err(refuse("the prompt is empty".into(), "ask with at least one character"));
        }
        let prompt_tokens = feed.len();
        let room = match &task {
            Task::Complete(_) => 1,
            Task::Score(scoring) => scoring.answers.iter().map(Vec::len).max().unwrap_or(0) - 1,
            Task::Embed { .. } => 0,
        };
        if feed.len() + room > model.context() {
            let what = format!(
                "the prompt has {prompt_tokens} tokens and needs {room} more, but the model's context ends at {}",
                model.context()
            );
            return Err(refuse(what, "shorten the prompt, or show fewer examples"));
        }
        // What the first output needs can't come from the kept pages, and embeddings need all.
        let mut sharable = prompt_tokens - 1;
        match &task {
            Task::Complete(_) => {}
            Task::Score(scoring) => feed.extend(&scoring.answers[0][..scoring.common]),
            Task::Embed { .. } => sharable = 0,
        }
        let cache = model.cache();
        Ok(Self { cache, feed, fed: 0, sharable, kept: (0, 0), task, prompt_tokens, listener: None })
    }

    /// Takes over the kept pages of its prompt. False if another run is computing the next one: try again later.
    pub(super) fn share(&mut self, prefixes: &mut Prefixes) -> bool {
        while let Some(key) = self.next_key() {
            match prefixes.find(&key) {
                Some((number, page)) => {
                    self.cache.share(page);
                    self.fed += PAGE;
                    self.kept = (number, self.kept.1 + 1);
                }
                None => return !prefixes.is_coming(&key),
            }
        }
        true
    }

    /// The key of the first page of the prompt that is not known to be kept.
    fn next_key(&self) -> Option<Key> {
        let first = self.kept.1 * PAGE;
        let tokens = self.feed.get(first..first + PAGE).filter(|_| first + PAGE <= self.sharable)?;
        Some((self.kept.0, tokens.try_into().ok()?))
    }

    /// Lets others share the pages of its prompt that are full.
    pub(super) fn keep(&mut self, prefixes: &mut Prefixes) {
        while let Some(key) = self.next_key() {
            let Some(page) = self.cache.full().get(self.kept.1) else { return };
            self.kept = (prefixes.keep(key, page), self.kept.1 + 1);
        }
    }

    /// Whether pages of its prompt are still to be kept.
    pub(super) fn keeps(&self) -> bool {
        self.next_key().is_some()
    }

    /// The cache, the next tokens (at most `most`), and from which of them on outputs are wanted.
    pub(super) fn next(&mut self, most: usize) -> (&mut Cache, &[u32], usize) {
        let end = self.feed.len().min(self.fed + most);
        let wanted_from = match &self.task {
            Task::Complete(_) => self.feed.len() - 1,
            Task::Score(scoring) if scoring.branch.is_none() => self.prompt_tokens - 1,
            Task::Score(_) | Task::Embed { .. } => self.fed,
        };
        (&mut self.cache, &self.feed[self.fed..end], wanted_from.max(self.fed) - self.fed)
    }

    /// How many rows of outputs the next `count` tokens give.
    pub(super) fn rows(&mut self, count: usize) -> usize {
        let (_, _, from) = self.next(count);
        count - from.min(count)
    }

    /// Whether logits are wanted, rather than hidden states.
    pub(super) fn wants_logits(&self) -> bool {
        !matches!(self.task, Task::Embed { .. })
    }

    /// Takes in the outputs of `count` tokens that were fed: rows of logits, or of hidden states.
    pub(super) fn take(
        &mut self,
        count: usize,
        outputs: &[f32],
        model: &Model,
        tokenizer: &Tokenizer,
        scratch: &mut Vec<f32>,
    ) -> Step {
        let first = self.fed;
        self.fed += count;
        match &mut self.task {
            Task::Embed { sum } => {
                for row in outputs.chunks_exact(sum.len()) {
                    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
                }
                if self.fed < self.feed.len() {
                    return Step::Continues;
                }
                let vector = sum.iter().map(|sum| sum / self.prompt_tokens as f64).collect();
                Step::Done(Reply::Vector { vector, tokens: self.prompt_tokens })
            }
            Task::Complete(_) if self.fed < self.feed.len() => Step::Continues,
            Task::Complete(writing) => {
                let penalised = writing.penalised(outputs);
                let token = draw(
                    penalised.as_deref().unwrap_or(outputs),
                    writing.sampling.temperature,
                    writing.sampling.top_p,
                    &mut writing.stream,
                    scratch,
                );
                let full = self.fed + 1 > model.context();
                let ended = writing.write(token, full, model, tokenizer);
                self.feed.push(token);
                match ended {
                    Some((text, end)) => {
                        let tokens = (self.prompt_tokens, writing.tokens);
                        let drawn = self.feed.split_off(self.prompt_tokens);
                        Step::Done(Reply::Text { text, end, tokens, drawn })
                    }
                    None => Step::Continues,
                }
            }
            Task::Score(_) => self.score(first, outputs, model, scratch),
        }
    }

    /// Adds up the log-probabilities that the outputs give.
    fn score(&mut self, first: usize, outputs: &[f32], model: &Model, scratch: &mut Vec<f32>) -> Step {
        let Task::Score(scoring) = &mut self.task else { return Step::Continues };
        let width = model.config().vocab_size;
        let from = first.max(if scoring.branch.is_none() { self.prompt_tokens - 1 } else { first });
        for (position, logits) in (from..).zip(outputs.chunks_exact(width)) {
            let normaliser = log_normaliser(logits, scratch);
            // The output at a position scores the token after it.
            let next = match scoring.branch {
                None => position + 1 - self.prompt_tokens,
                Some(_) => scoring.common + position + 1 - (self.prompt_tokens + scoring.common),
            };
            for (i, answer) in scoring.answers.iter().enumerate() {
                let counts = scoring.branch.is_none_or(|branch| branch == i);
                if let Some(token) = answer.get(next).filter(|_| counts) {
                    scoring.sums[i] += (f64::from(logits[*token as usize]) - normaliser).min(0.0);
                }
            }
        }
        if self.fed < self.feed.len() {
            return Step::Continues;
        }
        let start = scoring.branch.map_or(0, |branch| branch + 1);
        let long = |i: &usize| scoring.answers[*i].len() > scoring.common + 1;
        let Some(branch) = (start..scoring.answers.len()).find(long) else {
            let log_probabilities = std::mem::take(&mut scoring.sums);
            let answers: usize = scoring.answers.iter().map(Vec::len).sum();
            return Step::Done(Reply::Scores { log_probabilities, tokens: self.prompt_tokens + answers });
        };
        let trunk = scoring.trunk.get_or_insert_with(|| self.cache.clone());
        // An answer with more tokens is fed up to its last token but one, from where all answers diverge.
        self.cache = trunk.clone();
        scoring.branch = Some(branch);
        let answer = &scoring.answers[branch];
        self.feed.truncate(self.prompt_tokens + scoring.common);
        self.fed = self.feed.len();
        self.feed.extend(&answer[scoring.common..answer.len() - 1]);
        Step::Continues
    }
}

fn writing(sampling: Sampling) -> Result<Writing, SeedlingError> {
    let fine = sampling.temperature.is_finite() && sampling.temperature >= 0.0;
    let Penalties { frequency, presence } = sampling.penalties;
    if !(frequency.is_finite() && presence.is_finite()) {
        return Err(refuse("a penalty is no finite number".into(), "write -2 to 2; 0 is none"));
    }
    if sampling.max_tokens == 0 || !fine || !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
        let what = "max_tokens is 0, the temperature is not 0 or more, or top_p is not above 0 to 1";
        return Err(refuse(what.into(), "see the settings of the sampling"));
    }
    let stream = Stream::new(sampling.seed, 0);
    Ok(Writing { sampling, stream, written: Vec::new(), tokens: 0, counts: BTreeMap::new() })
}

fn scoring(answers: &[String], tokenizer: &Tokenizer) -> Result<Scoring, SeedlingError> {
    let answers: Vec<Vec<u32>> = answers.iter().map(|answer| tokenizer.encode(answer)).collect();
    if answers.is_empty() || answers.iter().any(Vec::is_empty) {
        return Err(refuse(
            "there is no answer, or an empty one".into(),
            "give answers of one character or more",
        ));
    }
    let agree = |at: usize| answers.iter().all(|answer| answer.get(at) == answers[0].get(at));
    let shortest = answers.iter().map(Vec::len).min().unwrap_or(0);
    // The last token of an answer is scored, never fed.
    let common = (0..shortest - 1).take_while(|at| agree(*at)).count();
    Ok(Scoring { sums: vec![0.0; answers.len()], answers, common, branch: None, trunk: None })
}

impl Writing {
    /// The logits less what repeats cost; `None` where they cost nothing, or nothing was written yet.
    fn penalised(&self, logits: &[f32]) -> Option<Vec<f32>> {
        if self.counts.is_empty() {
            return None;
        }
        let Penalties { frequency, presence } = self.sampling.penalties;
        let mut logits = logits.to_vec();
        for (token, count) in &self.counts {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit -= (frequency * f64::from(*count) + presence) as f32;
            }
        }
        Some(logits)
    }

    /// Appends a token; the text and why it ended, if it has.
    fn write(
        &mut self,
        token: u32,
        full: bool,
        model: &Model,
        tokenizer: &Tokenizer,
    ) -> Option<(String, End)> {
        self.tokens += 1;
        if !self.sampling.penalties.are_none() {
            *self.counts.entry(token).or_default() += 1;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if model.config().eos.contains(&token) || tokenizer.ends().contains(&token) {
            return Some((text(&self.written), End::Stop));
        }
        let before = self.written.len();
        self.written.extend_from_slice(tokenizer.token_bytes(token));
        if let Some(at) = self.stop(before) {
            return Some((text(&self.written[..at]), End::Stop));
        }
        (full || self.tokens >= self.sampling.max_tokens).then(|| (text(&self.written), End::Length))
    }

    /// Where the first stop string begins that the last token completed.
    fn stop(&self, before: usize) -> Option<usize> {
        let stops = self.sampling.stop.iter().map(String::as_bytes).filter(|stop| !stop.is_empty());
        let found = stops.filter_map(|stop| {
            let from = before.saturating_sub(stop.len() - 1);
            let at = self.written[from..].windows(stop.len()).position(|window| window == stop)?;
            Some(from + at)
        });
        found.min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_written_loses_the_presence_once_and_the_frequency_every_time() {
        let penalties = Penalties { frequency: 0.5, presence: 0.25 };
        let sampling =
            Sampling { max_tokens: 1, temperature: 1.0, top_p: 1.0, stop: Vec::new(), seed: 1, penalties };
        let mut writing = writing(sampling).expect("valid");
        assert_eq!(writing.penalised(&[1.0, 2.0, 3.0]), None, "nothing was written");
        writing.counts = BTreeMap::from([(0, 1), (2, 3)]);
        assert_eq!(writing.penalised(&[1.0, 2.0, 3.0]), Some(vec![0.25, 2.0, 1.25]));
    }
}
