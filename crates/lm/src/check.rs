//! What `samara model check` shows: whether a model is there, what it can do, and how fast it is.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    channel::budget::Budget,
    client::{Client, LanguageModel},
    error::{ErrorKind, LmError},
    operation::{Operation, Value},
    settings::ModelSettings,
    types::{CompletionRequest, EmbedRequest, Needs, Sampling, ScoreMethod, ScoreRequest, Usage},
};

/// The findings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The model, as the settings name it.
    pub model: String,
    /// `completions`, `chat`, `scripted` or `embedded`; empty if it only embeds.
    pub api: String,
    /// What was tried: reaching it, completions, stop strings, seeds, several at once, every scoring method,
    /// embeddings.
    pub findings: Vec<Finding>,
    /// The scoring method that a run would use.
    pub scoring: Option<ScoreMethod>,
    /// What it costs, if the settings say.
    pub price: Option<Price>,
    /// Completions of 16 tokens at increasing concurrency.
    pub speed: Vec<Speed>,
    /// Questions about texts of some 80 words, after one instruction, at increasing concurrency; empty if the model
    /// can't score.
    pub score_speed: Vec<Speed>,
    /// How many requests in flight are worth it: more gave hardly more a second.
    pub advised_concurrency: Option<usize>,
    /// What was not tried or not finished, because the minute was over.
    pub unfinished: Vec<String>,
}

/// What a check is at.
#[derive(Debug, Clone, Copy)]
pub enum Step<'a> {
    /// It waits for this.
    Trying(&'a str),
    /// It has found this.
    Found(&'a Finding),
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it works.
    pub works: bool,
    /// The reason or the result.
    pub detail: String,
}

/// What tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Price {
    /// Money per million prompt tokens.
    pub per_million_in: f64,
    /// Money per million written tokens.
    pub per_million_out: f64,
}

/// Speed at one concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speed {
    /// Requests in flight.
    pub concurrency: usize,
    /// Median latency, in milliseconds.
    pub median_ms: f64,
    /// Completions, or scores, per second.
    pub per_second: f64,
    /// Tokens written per second; 0 for scores.
    pub tokens_per_second: f64,
}

/// Numbers of requests in flight at which speed is measured.
const CONCURRENCY: [usize; 5] = [1, 2, 4, 8, 16];

/// How long a check takes at most; then it says how far it got.
const LONGEST: Duration = Duration::from_secs(60);

/// The share of the best throughput that is enough to be advised.
const ENOUGH: f64 = 0.9;

/// Tries everything.
///
/// # Errors
/// The model is unreachable, refuses requests, or can neither complete nor embed.
pub async fn check(settings: &ModelSettings) -> Result<CheckReport, LmError> {
    check_aloud(settings, &mut |_| ()).await
}

/// Tries everything and tells each step.
///
/// # Errors
/// As for [`check`].
pub async fn check_aloud(
    settings: &ModelSettings,
    hear: &mut dyn FnMut(Step<'_>),
) -> Result<CheckReport, LmError> {
    let client = Client::new(settings, None, Budget::unlimited())?;
    let report = CheckReport {
        model: client.label().to_owned(),
        api: String::new(),
        findings: Vec::new(),
        scoring: None,
        price: price(settings),
        speed: Vec::new(),
        score_speed: Vec::new(),
        advised_concurrency: None,
        unfinished: Vec::new(),
    };
    let mut checker = Checker { client: &client, started: Instant::now(), report, hear };
    checker.run().await?;
    Ok(checker.report)
}

/// A check under way.
struct Checker<'a> {
    client: &'a Client,
    started: Instant,
    report: CheckReport,
    hear: &'a mut dyn FnMut(Step<'_>),
}

impl Checker<'_> {
    async fn run(&mut self) -> Result<(), LmError> {
        let client = self.client;
        (self.hear)(Step::Trying("an answer"));
        // Not within the minute: a server may load its model first.
        let probed = client.probe(Needs { complete: true, ..Needs::default() }).await;
        let took = self.started.elapsed();
        self.started = Instant::now();
        if client.facts().is_server() && probed.is_ok() {
            self.tell(finding("reachable", Ok(format!("in {:.0} ms", took.as_secs_f64() * 1e3))));
        }
        match probed {
            Ok(found) => {
                self.report.api = found.api;
                for note in found.notes {
                    self.tell(Finding { what: "remark".into(), works: true, detail: note });
                }
                self.abilities().await?;
                self.speeds().await;
                self.report.advised_concurrency = advice(&self.report.speed);
                Ok(())
            }
            // An embedder may be unable to complete; a server that can't be reached can do nothing.
            Err(error)
                if matches!(
                    error.kind,
                    ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Overloaded
                ) =>
            {
                Err(error)
            }
            Err(error) => {
                let embeds = embeds(client).await;
                if !embeds.works {
                    return Err(error);
                }
                self.tell(finding("complete", Err(error)));
                self.tell(embeds);
                Ok(())
            }
        }
    }

    async fn abilities(&mut self) -> Result<(), LmError> {
        let client = self.client;
        if let Some(completes) = self.within("complete", completes(client)).await {
            let completes = completes?;
            self.tell(completes);
        }
        self.attempt("stop strings", stops(client)).await;
        self.attempt("seed", repeats(client)).await;
        if client.facts().several {
            self.attempt("several at once (n)", several(client)).await;
        }
        self.scores().await;
        self.attempt("embeddings", embeds(client)).await;
        Ok(())
    }

    fn tell(&mut self, finding: Finding) {
        (self.hear)(Step::Found(&finding));
        self.report.findings.push(finding);
    }

    /// Tries something and tells what was found.
    async fn attempt(&mut self, what: &str, trial: impl Future<Output = Finding>) {
        if let Some(finding) = self.within(what, trial).await {
            self.tell(finding);
        }
    }

    /// Something that is tried within the minute; `None` if that is over first.
    async fn within<T>(&mut self, what: &str, trial: impl Future<Output = T>) -> Option<T> {
        let left = LONGEST.saturating_sub(self.started.elapsed());
        if !left.is_zero() {
            (self.hear)(Step::Trying(what));
            if let Ok(tried) = tokio::time::timeout(left, trial).await {
                return Some(tried);
            }
        }
        self.report.unfinished.push(what.to_owned());
        None
    }

    /// Tries all scoring methods that the provider may support, and the expensive ones that work everywhere only if none
    /// of them does.
    async fn scores(&mut self) {
        let client = self.client;
        if !client.facts().is_server() {
            self.score_locally().await;
            return;
        }
        for method in client.facts().methods.iter().copied() {
            let what = format!("score by {}", method.name());
            let Some(tried) = self.within(&what, client.try_method(method)).await else { continue };
            let works = tried.is_ok();
            let told = |weakness: Option<String>| {
                weakness.map_or("works".to_owned(), |why| format!("works, but {why}"))
            };
            self.tell(finding(&what, tried.map(told)));
            self.report.scoring = self.report.scoring.or(works.then_some(method));
        }
        if self.report.scoring.is_some() {
            return;
        }
        let request = question(0);
        for method in [ScoreMethod::Sampling, ScoreMethod::Rating] {
            let what = format!("score by {}", method.name());
            let Some(tried) = self.within(&what, client.score_by(&request, method)).await else { continue };
            if tried.is_ok() && method == ScoreMethod::Sampling {
                self.report.scoring = Some(method);
            }
            let samples = client.settings.score_samples;
            self.tell(finding(&what, tried.map(|_| format!("works, with {samples} samples a question"))));
        }
    }

    async fn score_locally(&mut self) {
        let client = self.client;
        let request = question(0);
        let Some(tried) = self.within("score", client.score(&request)).await else { return };
        let method = tried.as_ref().ok().map(|score| score.method);
        let how = match method {
            Some(ScoreMethod::Scripted) => "by the script's rules",
            _ => "by the model's own log-probabilities",
        };
        self.tell(finding("score", tried.map(|_| how.to_owned())));
        self.report.scoring = method;
    }

    async fn speeds(&mut self) {
        let client = self.client;
        // A score by samples or ratings is many completions: their speed is known already.
        let scored = self.report.scoring.is_some_and(|method| method != ScoreMethod::Sampling);
        for concurrency in CONCURRENCY {
            let what = format!("the speed of completions with {concurrency} in flight");
            match self.within(&what, measure(client, concurrency)).await {
                Some(Ok(speed)) => self.report.speed.push(speed),
                Some(Err(error)) => {
                    self.tell(finding(&what, Err(error)));
                    return;
                }
                None => return,
            }
            if scored {
                let what = format!("the speed of scores with {concurrency} in flight");
                let measured = self.within(&what, measure_scores(client, concurrency)).await;
                self.report.score_speed.extend(measured.and_then(Result::ok));
            }
        }
    }
}

/// The fewest requests in flight that give nearly as much a second as any number that was tried.
fn advice(speeds: &[Speed]) -> Option<usize> {
    let best = speeds.iter().map(|speed| speed.per_second).fold(0.0, f64::max);
    speeds.iter().find(|speed| speed.per_second >= best * ENOUGH).map(|speed| speed.concurrency)
}

fn price(settings: &ModelSettings) -> Option<Price> {
    let price = Price { per_million_in: settings.price_in, per_million_out: settings.price_out };
    (price.per_million_in > 0.0 || price.per_million_out > 0.0).then_some(price)
}

async fn embeds(client: &Client) -> Finding {
    let embedded = client.embed(&EmbedRequest { texts: vec!["a text".into()], queries: Vec::new() }).await;
    let length = |vectors: &[Vec<f64>]| format!("{} dimensions", vectors.first().map_or(0, Vec::len));
    finding("embeddings", embedded.map(|embedded| length(&embedded.vectors)))
}

fn finding(what: &str, result: Result<String, LmError>) -> Finding {
    let works = result.is_ok();
    let detail = result.unwrap_or_else(|error| error.message);
    Finding { what: what.to_owned(), works, detail }
}

fn request(prompt: &str, max_tokens: u32, stop: &[&str], seed: u64) -> CompletionRequest {
    let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
    let sampling =
        Sampling { max_tokens, temperature: 1.0, top_p: 1.0, stop, seed, penalties: Default::default() };
    CompletionRequest { prompt: prompt.to_owned(), instructions: None, sampling }
}

async fn completes(client: &Client) -> Result<Finding, LmError> {
    let completion = client.complete(&request("Once upon a time", 16, &[], 1)).await?;
    let sample: String = completion.text.chars().take(60).collect();
    Ok(Finding { what: "complete".into(), works: true, detail: format!("{sample:?}") })
}

/// Whether the server itself respects stop strings; the client cuts the text in any case, but what is written after
/// them is paid for.
async fn stops(client: &Client) -> Finding {
    let request = request("1 2 3 4 5 6 7 8", 32, &[" ", "\n"], 1);
    let reply = async {
        let how = client.endpoint().await?;
        client.perform(&Operation::Complete { request: &request, how }).await
    };
    let judged = reply.await.and_then(|(answer, _)| match answer.value {
        Value::Text(text, _) if text.trim().contains([' ', '\n']) => Err(LmError::new(
            ErrorKind::Unsupported,
            "the server goes on after a stop string; samara cuts the text there",
        )),
        _ => Ok("works".to_owned()),
    });
    finding("stop strings", judged)
}

/// Whether one request can ask for two completions; only OpenAI's interface has that.
async fn several(client: &Client) -> Finding {
    let request = request("Once upon a time", 8, &[], 3);
    let reply = async {
        let how = client.endpoint().await?;
        client.perform(&Operation::Several { request: &request, count: 2, how }).await
    };
    let judged = reply.await.and_then(|(answer, _)| match answer.value {
        Value::Texts(texts) if texts.len() == 2 => Ok("works".to_owned()),
        _ => Err(LmError::new(ErrorKind::Unsupported, "only one completion comes, whatever is asked for")),
    });
    finding("several at once (n)", judged)
}

async fn repeats(client: &Client) -> Finding {
    let request = request("Once upon a time", 16, &[], 7);
    let texts = join_all([client.complete(&request), client.complete(&request)]).await;
    let judged = texts.into_iter().collect::<Result<Vec<_>, _>>().and_then(|texts| {
        if texts[0].text == texts[1].text {
            return Ok("the same seed gives the same text".to_owned());
        }
        Err(LmError::new(
            ErrorKind::Unsupported,
            "the same seed gives different texts: runs can't be repeated exactly",
        ))
    });
    finding("seed", judged)
}

/// A judge's question about text `number`, in the form of `lmx_generation`: the instruction is always the same.
fn question(number: usize) -> ScoreRequest {
    let words = ["fine", "dull", "warm", "bright", "salty", "plain", "sweet", "odd"];
    let text: Vec<&str> = (0..40).map(|i| words[(number * 7 + i * (number + 3)) % words.len()]).collect();
    let instruction = "Determine the sentiment of the input opinion about vegetables and plant-based foods. If the \
                       opinion is positive, answer \"positive\". If it is negative, answer \"negative\".";
    let input = format!("Text {number} finds beans {}.", text.join(" and "));
    ScoreRequest {
        prompt: format!("### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"),
        answers: vec!["\npositive".into(), "\nnegative".into()],
        seed: number as u64,
    }
}

async fn measure(client: &Client, concurrency: usize) -> Result<Speed, LmError> {
    let requests: Vec<CompletionRequest> =
        (0..2 * concurrency as u64).map(|seed| request("Once upon a time", 16, &[], seed)).collect();
    let started = Instant::now();
    let mut took = Vec::new();
    for wave in requests.chunks(concurrency) {
        for reply in join_all(wave.iter().map(|request| client.complete(request))).await {
            took.push(reply?.usage);
        }
    }
    Ok(speed(concurrency, &took, started))
}

async fn measure_scores(client: &Client, concurrency: usize) -> Result<Speed, LmError> {
    let requests: Vec<ScoreRequest> = (0..2 * concurrency).map(question).collect();
    let started = Instant::now();
    let mut took = Vec::new();
    for wave in requests.chunks(concurrency) {
        for reply in join_all(wave.iter().map(|request| client.score(request))).await {
            took.push(reply?.usage);
        }
    }
    Ok(speed(concurrency, &took, started))
}

fn speed(concurrency: usize, took: &[Usage], started: Instant) -> Speed {
    let seconds = started.elapsed().as_secs_f64();
    let mut latencies: Vec<f64> = took.iter().map(|usage| usage.latency_ms).collect();
    latencies.sort_by(f64::total_cmp);
    Speed {
        concurrency,
        median_ms: latencies[latencies.len() / 2],
        per_second: latencies.len() as f64 / seconds,
        tokens_per_second: took.iter().map(|usage| usage.tokens_out as f64).sum::<f64>() / seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fewest_requests_in_flight_that_are_nearly_as_fast_are_advised() {
        let speed = |(concurrency, per_second): (usize, f64)| Speed {
            concurrency,
            median_ms: 1.0,
            per_second,
            tokens_per_second: 1.0,
        };
        let of = |speeds: &[(usize, f64)]| advice(&speeds.iter().copied().map(speed).collect::<Vec<_>>());
        assert_eq!(of(&[(1, 10.0), (2, 19.0), (4, 30.0), (8, 31.0), (16, 29.0)]), Some(4));
        assert_eq!(of(&[(1, 0.1), (2, 0.1)]), Some(1), "one slot");
        assert_eq!(of(&[]), None);
    }
}
