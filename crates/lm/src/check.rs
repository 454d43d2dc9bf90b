//! What `samara model check` shows: whether a model is there, what it can do, and how fast it is.

use std::time::Instant;

use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    Budget, CompletionRequest, EmbedRequest, ErrorKind, LanguageModel, LmError, ModelSettings, Needs,
    Sampling, ScoreMethod, ScoreRequest, Usage, client::Client,
};

/// The findings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The model, as the settings name it.
    pub model: String,
    /// `completions`, `chat`, `scripted` or `embedded`.
    pub api: String,
    /// What was tried: completions, stop strings, seeds, every scoring method, embeddings.
    pub findings: Vec<Finding>,
    /// The scoring method that a run would use.
    pub scoring: Option<ScoreMethod>,
    /// Completions of 16 tokens at growing concurrency.
    pub speed: Vec<Speed>,
    /// Questions about texts of some 80 words, behind one instruction, at growing concurrency; empty if the model
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

/// Tries everything.
///
/// # Errors
/// The model is unreachable, refuses, or can't complete.
pub async fn check(settings: &ModelSettings) -> Result<CheckReport, LmError> {
    let client = Client::new(settings, Budget::unlimited())?;
    let found = client.probe(Needs { complete: true, ..Needs::default() }).await?;
    let mut findings = vec![completes(&client).await?, stops(&client).await, repeats(&client).await];
    let mut scoring = None;
    if settings.local_method().is_some() {
        scoring = score_locally(&client, &mut findings).await;
    } else {
        for method in [ScoreMethod::Echo, ScoreMethod::PromptLogprobs, ScoreMethod::TopLogprobs] {
            let tried = client.try_method(method).await;
            scoring = scoring.or(tried.is_ok().then_some(method));
            findings
                .push(finding(&format!("score by {}", method.name()), tried.map(|()| "works".to_owned())));
        }
        scoring = scoring.or(Some(ScoreMethod::Sampling));
    }
    let embedded = client.embed(&EmbedRequest { texts: vec!["a text".into()] }).await;
    let length = |vectors: &[Vec<f64>]| format!("{} dimensions", vectors.first().map_or(0, Vec::len));
    findings.push(finding("embeddings", embedded.map(|embedded| length(&embedded.vectors))));
    let (mut speed, mut score_speed) = (Vec::new(), Vec::new());
    for concurrency in CONCURRENCY {
        speed.push(measure(&client, concurrency).await?);
        if scoring.is_some() {
            score_speed.extend(measure_scores(&client, concurrency).await.ok());
        }
    }
    let model = client.label().to_owned();
    Ok(CheckReport { model, api: found.api, findings, scoring, speed, score_speed })
}

/// Requests in flight that the speed is measured at.
const CONCURRENCY: [usize; 5] = [1, 2, 4, 8, 16];

fn finding(what: &str, result: Result<String, LmError>) -> Finding {
    let works = result.is_ok();
    let detail = result.unwrap_or_else(|error| error.message);
    Finding { what: what.to_owned(), works, detail }
}

fn request(prompt: &str, max_tokens: u32, stop: &[&str], seed: u64) -> CompletionRequest {
    let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
    let sampling = Sampling { max_tokens, temperature: 1.0, top_p: 1.0, stop, seed };
    CompletionRequest { prompt: prompt.to_owned(), sampling }
}

async fn completes(client: &Client) -> Result<Finding, LmError> {
    let completion = client.complete(&request("Once upon a time", 16, &[], 1)).await?;
    let sample: String = completion.text.chars().take(60).collect();
    Ok(Finding { what: "complete".into(), works: true, detail: format!("{sample:?}") })
}

async fn stops(client: &Client) -> Finding {
    let reply = client.complete(&request("1 2 3 4 5 6 7 8", 32, &[" ", "\n"], 1)).await;
    let judged = reply.and_then(|reply| {
        if reply.text.trim().contains([' ', '\n']) {
            return Err(LmError::new(ErrorKind::Unsupported, "the server writes on past a stop string"));
        }
        Ok("works".to_owned())
    });
    finding("stop strings", judged)
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
            "the same seed gives different texts: runs won't repeat exactly",
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
