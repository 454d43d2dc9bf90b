//! The inference engine: requests in, replies out, many at once.
//!
//! Every worker thread runs its own continuous batch: at each pass it takes in waiting requests, runs the next tokens of
//! all its sequences together, and answers those that are done. Prompts with a common beginning share its pages
//! (`prefix.rs`). None of that shows in a reply: the model is batch-invariant, and a request's randomness comes from its
//! own seed.

mod prefix;
mod run;
mod sample;
mod worker;

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::JoinHandle,
};

use crate::{Model, SeedlingError, Tokenizer, model::PageShape};

use prefix::Prefixes;
use run::Run;

/// How to draw a completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Most tokens to write, 1 or more.
    pub max_tokens: usize,
    /// 0 is greedy, 1 the model's own distribution.
    pub temperature: f64,
    /// Nucleus (Holtzman et al. 2020, arXiv 1904.09751): the probability mass tokens are drawn from, above 0 to 1.
    pub top_p: f64,
    /// Strings that end the completion; they are not part of it.
    pub stop: Vec<String>,
    /// The request's seed.
    pub seed: u64,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// To continue a prompt.
    Complete {
        /// The prompt.
        prompt: String,
        /// How.
        sampling: Sampling,
    },
    /// The log-probabilities of answers, each of any number of tokens, after a prompt.
    Score {
        /// Everything before the answer.
        prompt: String,
        /// The answers, exactly as they would follow.
        answers: Vec<String>,
    },
    /// The mean of a text's last hidden states.
    Embed {
        /// The text.
        text: String,
    },
}

/// Why a completion ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At a stop string or the model's own end.
    Stop,
    /// At the most tokens, or the end of the context.
    Length,
}

/// What a request gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A completion.
    Text {
        /// What was written, without the stop string.
        text: String,
        /// Why it ended.
        end: End,
        /// Tokens of the prompt, and written.
        tokens: (usize, usize),
    },
    /// Log-probabilities.
    Scores {
        /// Natural logarithms, one per answer, at most 0.
        log_probabilities: Vec<f64>,
        /// Tokens of prompt and answers.
        tokens: usize,
    },
    /// An embedding.
    Vector {
        /// As many numbers as the model is wide.
        vector: Vec<f64>,
        /// Tokens of the text.
        tokens: usize,
    },
}

/// Hears the reply, once, on a worker thread; must not block.
pub type Listener = Box<dyn FnOnce(Result<Reply, SeedlingError>) + Send>;

/// Limits of the engine; none of them changes a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// Worker threads, 1 or more. Default: the machine's.
    pub threads: usize,
    /// Sequences that a worker runs together, 1 or more. Default 32.
    pub batch: usize,
    /// Memory for shared beginnings of prompts, in bytes. Default 64 MiB.
    pub prefix_bytes: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, batch: 32, prefix_bytes: 64 << 20 }
    }
}

/// A running engine; dropping it lets the workers finish what they have taken in, and drops what waits.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What workers share.
#[derive(Debug)]
struct Shared {
    model: Arc<Model>,
    tokenizer: Arc<Tokenizer>,
    settings: EngineSettings,
    queue: Mutex<Queue>,
    changed: Condvar,
    prefixes: Mutex<Prefixes>,
}

/// What waits.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Run>,
    /// Runs that workers have taken in and not answered.
    alive: usize,
    closed: bool,
}

/// A lock that outlives a panic of another holder: the queue's parts are valid at every moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Engine {
    /// Starts the workers.
    pub fn start(model: Arc<Model>, tokenizer: Arc<Tokenizer>, settings: EngineSettings) -> Self {
        let pages = settings.prefix_bytes / PageShape::new(model.config()).bytes().max(1);
        let shared = Arc::new(Shared {
            model,
            tokenizer,
            settings,
            queue: Mutex::default(),
            changed: Condvar::new(),
            prefixes: Mutex::new(Prefixes::new(pages)),
        });
        let workers = (0..settings.threads.max(1))
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || worker::work(&shared))
            })
            .collect();
        Self { shared, workers }
    }

    /// Asks; the listener hears the reply.
    pub fn submit(&self, request: Request, listener: Listener) {
        match Run::new(request, &self.shared.model, &self.shared.tokenizer) {
            Err(error) => listener(Err(error)),
            Ok(mut run) => {
                run.listener = Some(listener);
                lock(&self.shared.queue).waiting.push_back(run);
                self.shared.changed.notify_one();
            }
        }
    }

    /// Asks and waits.
    ///
    /// # Errors
    /// A request that the model can't serve.
    pub fn ask(&self, request: Request) -> Result<Reply, SeedlingError> {
        self.ask_all(vec![request]).remove(0)
    }

    /// Asks many at once and waits for all; replies in the order of the requests.
    pub fn ask_all(&self, requests: Vec<Request>) -> Vec<Result<Reply, SeedlingError>> {
        let receivers: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let (sender, receiver) = std::sync::mpsc::channel();
                // Nobody listens any more only if this thread has died.
                self.submit(request, Box::new(move |reply| drop(sender.send(reply))));
                receiver
            })
            .collect();
        let stopped = || Err(SeedlingError::request("the engine has stopped", "this is a bug: report it"));
        receivers.into_iter().map(|receiver| receiver.recv().unwrap_or_else(|_| stopped())).collect()
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.shared.tokenizer
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.shared.model
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.waiting.clear();
        drop(queue);
        self.shared.changed.notify_all();
        for worker in self.workers.drain(..) {
            // A worker that panicked has told so on stderr; its requests' listeners were dropped.
            let _ = worker.join();
        }
    }
}
