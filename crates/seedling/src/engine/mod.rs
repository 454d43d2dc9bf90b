//! The inference engine: requests in, replies out, many at once.
//!
//! A worker runs a continuous batch: at each pass it takes in waiting requests, runs the next tokens of all its
//! sequences together, and answers those that are done. Of a small model every thread is a worker of its own. A model
//! that no cache holds has one worker with one large batch, and the threads share its passes: reading the weights is
//! what takes the time, and so they are read once for all sequences. Prompts with a common beginning share its pages
//! (`prefix.rs`). None of that shows in a reply: the model is batch-invariant, and a request's randomness comes from
//! its own seed.

mod prefix;
mod queue;
mod request;
mod run;
mod sample;
mod worker;

use std::{
    sync::{Arc, Condvar, Mutex},
    thread::JoinHandle,
};

use crate::{Model, SeedlingError, Tokenizer, kernel::Threads, model::PageShape};

use prefix::Prefixes;
use queue::{Shared, lock};
use run::Run;

pub use queue::EngineSettings;
pub use request::{End, Given, Listener, Penalties, Reply, Request, Sampling};

/// How many workers a model gets, and the threads that share each one's passes.
fn plan(model: &Model, settings: EngineSettings) -> (usize, Threads) {
    let threads = settings.threads.max(1);
    if model.kept_bytes() == 0 || model.kept_bytes() < settings.shared_from {
        return (threads, Threads::default());
    }
    let team = Threads::new(threads).unwrap_or_else(|error| panic!("{error}"));
    (1, team)
}

/// A running engine; dropping it lets the workers finish what they have taken in, and discards what waits.
#[derive(Debug)]
pub struct Engine {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Engine {
    /// Starts the workers.
    ///
    /// # Panics
    /// If the system refuses to start a thread.
    pub fn start(model: Arc<Model>, tokenizer: Arc<Tokenizer>, settings: EngineSettings) -> Self {
        let pages = settings.prefix_bytes / PageShape::new(model.config()).bytes().max(1);
        let (workers, team) = plan(&model, settings);
        let shared = Arc::new(Shared {
            model,
            tokenizer,
            workers,
            batch: settings.batch.max(1) * settings.threads.max(1) / workers,
            team,
            queue: Mutex::default(),
            changed: Condvar::new(),
            prefixes: Mutex::new(Prefixes::new(pages)),
        });
        let workers = (0..workers)
            .map(|_| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || worker::work(&shared))
            })
            .collect();
        Self { shared, workers }
    }

    /// Submits a request; the listener is called with the reply.
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
