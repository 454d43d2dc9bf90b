//! What `samara model check` shows: whether a model is there, what it can do, and how fast it is.

use std::time::{Duration, Instant};

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

/// After this time no higher concurrency is tried.
const SPEED_TIME: Duration = Duration::from_secs(30);

/// Tries everything.
///
/// # Errors
/// The model is unreachable, refuses requests, or can neither complete nor embed.
pub async fn check(settings: &ModelSettings) -> Result<CheckReport, LmError> {
    let client = Client::new(settings, Budget::unlimited())?;
    let started = Instant::now();
    let probed = client.probe(Needs { complete: true, ..Needs::default() }).await;
    let took = started.elapsed().as_secs_f64() * 1e3;
    let mut report = CheckReport {
        model: client.label().to_owned(),
        api: String::new(),
        findings: Vec::new(),
        scoring: None,
        price: price(settings),
        speed: Vec::new(),
        score_speed: Vec::new(),
    };
    if settings.provider.facts().local_method().is_none() {
        report.findings.push(finding("reachable", Ok(format!("in {took:.0} ms"))));
    }
    match probed {
        Ok(found) => {
            report.api = found.api;
            report.findings.push(completes(&client).await?);
            report.findings.extend([stops(&client).await, repeats(&client).await]);
            report.findings.extend(several(&client).await);
            report.scoring = scores(&client, &mut report.findings).await;
            report.findings.push(embeds(&client).await);
            speeds(&client, &mut report).await?;
        }
        // An embedder may be unable to complete; a server that can't be reached can do nothing.
        Err(error)
            if matches!(error.kind, ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Overloaded) =>
        {
            return Err(error);
        }
        Err(error) => {
            let embeds = embeds(&client).await;
            if !embeds.works {
                return Err(error);
            }
            report.findings.extend([finding("complete", Err(error)), embeds]);
        }
    }
    Ok(report)
}

fn price(settings: &ModelSettings) -> Option<Price> {
    let price = Price { per_million_in: settings.price_in, per_million_out: settings.price_out };
    (price.per_million_in > 0.0 || price.per_million_out > 0.0).then_some(price)
}

/// Tries all scoring methods that the provider may support, and the expensive ones that work everywhere only if none of
/// them does.
async fn scores(client: &Client, findings: &mut Vec<Finding>) -> Option<ScoreMethod> {
    if client.settings.provider.facts().local_method().is_some() {
        return score_locally(client, findings).await;
    }
    let mut scoring = None;
    for method in client.facts().methods.iter().copied() {
        let tried = client.try_method(method).await;
        scoring = scoring.or(tried.is_ok().then_some(method));
        let told =
            |weakness: Option<String>| weakness.map_or("works".to_owned(), |why| format!("works, but {why}"));
        findings.push(finding(&format!("score by {}", method.name()), tried.map(told)));
    }
    if scoring.is_some() {
        return scoring;
    }
    let request = question(0);
    for method in [ScoreMethod::Sampling, ScoreMethod::Rating] {
        let tried = client.score_by(&request, method).await;
        scoring =
            scoring.or(tried.is_ok().then_some(method).filter(|method| *method == ScoreMethod::Sampling));
        let detail = |samples: u32| format!("works, with {samples} samples a question");
        let tried = tried.map(|_| detail(client.settings.score_samples));
        findings.push(finding(&format!("score by {}", method.name()), tried));
    }
    scoring
}

async fn embeds(client: &Client) -> Finding {
    let embedded = client.embed(&EmbedRequest { texts: vec!["a text".into()] }).await;
    let length = |vectors: &[Vec<f64>]| format!("{} dimensions", vectors.first().map_or(0, Vec::len));
    finding("embeddings", embedded.map(|embedded| length(&embedded.vectors)))
}

async fn speeds(client: &Client, report: &mut CheckReport) -> Result<(), LmError> {
    let started = Instant::now();
    // A score by samples or ratings is many completions: their speed is known already.
    let scored = report.scoring.is_some_and(|method| method != ScoreMethod::Sampling);
    for concurrency in CONCURRENCY {
        if started.elapsed() > SPEED_TIME {
            break;
        }
        report.speed.push(measure(client, concurrency).await?);
        if scored {
            report.score_speed.extend(measure_scores(client, concurrency).await.ok());
        }
    }
    Ok(())
}

fn finding(what: &str, result: Result<String, LmError>) -> Finding {
    let works = result.is_ok();
    let detail = result.unwrap_or_else(|error| error.message);
    Finding { what: what.to_owned(), works, detail }
}

fn request(prompt: &str, max_tokens: u32, stop: &[&str], seed: u64) -> CompletionRequest {
    let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
    let sampling = Sampling { max_tokens, temperature: 1.0, top_p: 1.0, stop, seed };
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
async fn several(client: &Client) -> Option<Finding> {
    if !client.facts().several {
        return None;
    }
    let request = request("Once upon a time", 8, &[], 3);
    let reply = async {
        let how = client.endpoint().await?;
        client.perform(&Operation::Several { request: &request, count: 2, how }).await
    };
    let judged = reply.await.and_then(|(answer, _)| match answer.value {
        Value::Texts(texts) if texts.len() == 2 => Ok("works".to_owned()),
        _ => Err(LmError::new(ErrorKind::Unsupported, "only one completion comes, whatever is asked for")),
    });
    Some(finding("several at once (n)", judged))
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

async fn score_locally(client: &Client, findings: &mut Vec<Finding>) -> Option<ScoreMethod> {
    let tried = client.score(&question(0)).await;
    let method = tried.as_ref().ok().map(|score| score.method);
    let how = match method {
        Some(ScoreMethod::Scripted) => "by the script's rules",
        _ => "by the model's own log-probabilities",
    };
    findings.push(finding("score", tried.map(|_| how.to_owned())));
    method
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
