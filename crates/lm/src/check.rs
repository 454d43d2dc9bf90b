//! What `samara model check` shows: whether a model is there, what it can do, and how fast it is.

use std::time::Instant;

use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    Budget, CompletionRequest, EmbedRequest, ErrorKind, LanguageModel, LmError, ModelSettings, Needs,
    Sampling, ScoreMethod, client::Client,
};

/// The findings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckReport {
    /// The model, as the settings name it.
    pub model: String,
    /// `completions`, `chat` or `scripted`.
    pub api: String,
    /// What was tried: completions, stop strings, seeds, every scoring method, embeddings.
    pub findings: Vec<Finding>,
    /// The scoring method that a run would use.
    pub scoring: Option<ScoreMethod>,
    /// Completions of 16 tokens at growing concurrency.
    pub speed: Vec<Speed>,
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
    /// Completions per second.
    pub per_second: f64,
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
    if found.api == "scripted" {
        scoring = score_by_script(&client, &mut findings).await;
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
    let mut speed = Vec::new();
    for concurrency in [1, 2, 4, 8] {
        speed.push(measure(&client, concurrency).await?);
    }
    Ok(CheckReport { model: client.label().to_owned(), api: found.api, findings, scoring, speed })
}

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

async fn score_by_script(client: &Client, findings: &mut Vec<Finding>) -> Option<ScoreMethod> {
    let tried = client.probe(Needs { score: true, ..Needs::default() }).await;
    let method = tried.as_ref().ok().and_then(|found| found.score);
    findings.push(finding("score", tried.map(|_| "by the script's rules".to_owned())));
    method
}

async fn measure(client: &Client, concurrency: usize) -> Result<Speed, LmError> {
    let requests: Vec<CompletionRequest> =
        (0..2 * concurrency as u64).map(|seed| request("Once upon a time", 16, &[], seed)).collect();
    let started = Instant::now();
    let mut latencies = Vec::new();
    for wave in requests.chunks(concurrency) {
        for reply in join_all(wave.iter().map(|request| client.complete(request))).await {
            latencies.push(reply?.usage.latency_ms);
        }
    }
    latencies.sort_by(f64::total_cmp);
    let per_second = latencies.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Speed { concurrency, median_ms: latencies[latencies.len() / 2], per_second })
}
