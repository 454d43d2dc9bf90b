//! A worker's loop: take in, run a pass, answer.

use crate::{
    SeedlingError,
    model::{Span, Workspace},
};

use super::{
    queue::{Queue, Shared, lock},
    request::Reply,
    run::{Run, Step},
};

/// Tokens of one pass at most, and of one run in it: a long prompt must not hold up the others for long.
const PASS: usize = 512;
const CHUNK: usize = 128;

/// Runs until the engine closes.
pub(super) fn work(shared: &Shared) {
    let mut runs: Vec<Run> = Vec::new();
    let mut work = Workspace::with_threads(shared.team.clone());
    let mut scratch = Vec::new();
    while take_in(shared, &mut runs) {
        let fed = pass(shared, &mut runs, &mut work);
        let replies = advance(shared, &mut runs, &fed, &work, &mut scratch);
        if !replies.is_empty() {
            lock(&shared.queue).alive -= replies.len();
            // There is room again, and other workers may take their share of what waits.
            shared.changed.notify_all();
        }
        for (mut run, reply) in replies {
            if let Some(listener) = run.listener.take() {
                listener(reply);
            }
        }
    }
}

/// Takes runs in from the queue up to a fair share, waiting if there is nothing to do. False if the engine has closed.
fn take_in(shared: &Shared, runs: &mut Vec<Run>) -> bool {
    let mut queue = lock(&shared.queue);
    loop {
        if queue.closed && runs.is_empty() {
            return false;
        }
        let mut deferred = Vec::new();
        while runs.len() + deferred.len() < fair_share(shared, &queue) {
            let Some(mut run) = queue.waiting.pop_front() else { break };
            if run.share(&mut lock(&shared.prefixes)) {
                queue.alive += 1;
                runs.push(run);
            } else {
                deferred.push(run);
            }
        }
        let waits = !deferred.is_empty();
        for run in deferred.into_iter().rev() {
            queue.waiting.push_front(run);
        }
        if !runs.is_empty() {
            return true;
        }
        // A run that waits for another worker's page is woken when that worker has answered or kept it.
        queue = if waits {
            let pause = std::time::Duration::from_millis(1);
            shared
                .changed
                .wait_timeout(queue, pause)
                .map_or_else(|error| error.into_inner().0, |woken| woken.0)
        } else {
            shared.changed.wait(queue).unwrap_or_else(std::sync::PoisonError::into_inner)
        };
    }
}

/// How many runs a worker may hold: an equal part of all, so that no worker idles while another is full.
fn fair_share(shared: &Shared, queue: &Queue) -> usize {
    let all = queue.waiting.len() + queue.alive;
    all.div_ceil(shared.workers).min(shared.batch)
}

/// Runs the next tokens of all runs; how many of each were fed.
fn pass(shared: &Shared, runs: &mut [Run], work: &mut Workspace) -> Vec<usize> {
    let mut room = PASS;
    let logits = runs.iter().any(Run::wants_logits);
    let mut spans = Vec::with_capacity(runs.len());
    let mut fed = Vec::with_capacity(runs.len());
    for run in runs {
        // Every run gets a token at least.
        let (cache, tokens, outputs_from) = run.next(CHUNK.min(room).max(1));
        room = room.saturating_sub(tokens.len());
        fed.push(tokens.len());
        spans.push(Span { cache, tokens, outputs_from });
    }
    shared.team.enter(|| shared.model.pass(&mut spans, logits, work));
    fed
}

/// Hands every run its outputs, and takes out those that are done.
fn advance(
    shared: &Shared,
    runs: &mut Vec<Run>,
    fed: &[usize],
    work: &Workspace,
    scratch: &mut Vec<f32>,
) -> Vec<(Run, Result<Reply, SeedlingError>)> {
    let hidden = shared.model.config().hidden_size;
    let vocab = shared.model.config().vocab_size;
    let mut row = 0;
    let mut replies = Vec::new();
    let mut going = Vec::with_capacity(runs.len());
    for (mut run, count) in runs.drain(..).zip(fed) {
        let rows = run.rows(*count);
        let outputs = if run.wants_logits() {
            &work.logits[row * vocab..(row + rows) * vocab]
        } else {
            &work.hidden[row * hidden..(row + rows) * hidden]
        };
        row += rows;
        if run.keeps() {
            run.keep(&mut lock(&shared.prefixes));
        }
        match run.take(*count, outputs, &shared.model, &shared.tokenizer, scratch) {
            Step::Continues => going.push(run),
            Step::Done(reply) => replies.push((run, Ok(reply))),
        }
    }
    *runs = going;
    replies
}
