//! An environment that lives in the program that samara is part of, such as a class of Python.
//!
//! Its functions block, each on a thread of its own, and ask models by an [`Asker`]: the candidate's [`Context`] answers
//! one question after the other, so that every call has its seed and its record as those of other environments.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use samara_lm::{Completion, CompletionRequest, Score};
use samara_search::{Genome, Plan, Proposer};
use tokio::sync::{mpsc, oneshot};

use crate::{Abort, Context, EngineError, Future, Question};

/// An environment of the program that samara is part of. What it does must follow from its arguments and from what the
/// [`Asker`] answers; then its runs are reproducible at any concurrency.
pub trait OwnEnvironment: Send + Sync {
    /// Its text, for the record: a run goes on with the same text only.
    fn text(&self) -> String;

    /// Makes the initial prompt pool, once, before candidate 0.
    ///
    /// # Errors
    /// Why no run can begin.
    fn set_up(&self, asker: &Asker) -> Result<Vec<String>, Abort>;

    /// Plans and memory of an island before candidate 0.
    fn proposer(&self, pool: &[String]) -> Box<dyn Proposer>;

    /// Writes a draft, on a thread that may block.
    ///
    /// # Errors
    /// Why there is none.
    fn write(&self, plan: &Plan, asker: &Asker) -> Result<Genome, Abort>;

    /// Evaluates a draft, on a thread that may block: what an evaluator's harness would answer, as JSON.
    ///
    /// # Errors
    /// Why there is no answer.
    fn evaluate(&self, draft: &Genome, asker: &Asker) -> Result<String, Abort>;
}

/// Why a question has no answer. What to do about it is for who asked: a candidate that can't do without fails. If the
/// run can't go on, it ends whatever is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered(pub String);

/// What a [`Context`] is asked to do, and to say what came of it.
type Task = Box<
    dyn for<'a> FnOnce(&'a mut Context) -> Pin<Box<dyn std::future::Future<Output = ()> + Send + 'a>> + Send,
>;

/// A candidate's access to models from a thread that blocks. Not to be used on a thread of the runtime.
#[derive(Debug, Clone)]
pub struct Asker {
    tasks: mpsc::UnboundedSender<Task>,
    /// Why the run can't go on, once that is so.
    stop: Arc<Mutex<Option<EngineError>>>,
    seed: u64,
}

impl Asker {
    /// A number of the candidate's random stream, another one in every conversation.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// As [`Context::complete`].
    ///
    /// # Errors
    /// There is no completion.
    pub fn complete(&self, request: CompletionRequest) -> Result<Completion, Unanswered> {
        self.ask(move |context: &mut Context| Box::pin(context.complete(request)))
    }

    /// As [`Context::answer`].
    ///
    /// # Errors
    /// One of the completions is missing.
    pub fn answer(&self, requests: Vec<CompletionRequest>) -> Result<Vec<Completion>, Unanswered> {
        self.ask(move |context: &mut Context| Box::pin(context.answer(requests)))
    }

    /// As [`Context::score`].
    ///
    /// # Errors
    /// One of the scores is missing.
    pub fn score(&self, questions: Vec<Question>) -> Result<Vec<Score>, Unanswered> {
        self.ask(move |context: &mut Context| Box::pin(context.score(questions)))
    }

    /// As [`Context::embed`].
    ///
    /// # Errors
    /// There are no vectors.
    pub fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f64>>, Unanswered> {
        self.ask(move |context: &mut Context| Box::pin(context.embed(texts)))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl for<'a> FnOnce(&'a mut Context) -> Future<'a, T> + Send + 'static,
    ) -> Result<T, Unanswered> {
        let gone = || Unanswered("nobody waits for this candidate any more".to_owned());
        let (reply, answer) = oneshot::channel();
        let stop = Arc::clone(&self.stop);
        let task: Task = Box::new(move |context| {
            Box::pin(async move {
                let answer = question(context).await.map_err(|abort| match abort {
                    Abort::Invalid(reason) | Abort::Failed(reason) => reason.why,
                    Abort::Run(error) => {
                        let why = error.to_string();
                        stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        why
                    }
                });
                // Whoever asked may have been left behind.
                let _ = reply.send(answer);
            })
        });
        self.tasks.send(task).map_err(|_| gone())?;
        answer.blocking_recv().map_err(|_| gone())?.map_err(Unanswered)
    }
}

/// How a conversation ended.
#[derive(Debug)]
pub enum Talked<T> {
    /// Its function has returned.
    Through(Result<T, Abort>),
    /// Its function took longer than it may; it is left behind.
    Late,
}

impl Context {
    /// Runs a function on a thread that may block, and answers what it asks meanwhile. `limit` is how long it may take
    /// beside the time in which it waits for answers.
    ///
    /// # Errors
    /// The run can't go on: a model that can't be reached, or a function that panicked.
    pub async fn converse<T: Send + 'static>(
        &mut self,
        limit: Option<Duration>,
        function: impl FnOnce(&Asker) -> Result<T, Abort> + Send + 'static,
    ) -> Result<Talked<T>, Abort> {
        let (tasks, mut asked) = mpsc::unbounded_channel::<Task>();
        let stop = Arc::new(Mutex::new(None));
        let asker = Asker { tasks, stop: Arc::clone(&stop), seed: self.stream.next_u64() };
        let mut talking = tokio::task::spawn_blocking(move || function(&asker));
        let mut left = limit;
        let done = loop {
            let since = Instant::now();
            let task = tokio::select! {
                biased;
                Some(task) = asked.recv() => task,
                done = &mut talking => break done,
                () = out_of_time(left) => return Ok(Talked::Late),
            };
            left = left.map(|left| left.saturating_sub(since.elapsed()));
            task(self).await;
            // Whatever the function makes of that.
            if let Some(error) = stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Err(Abort::Run(error));
            }
        };
        let broken = |error: tokio::task::JoinError| {
            EngineError::Internal(format!("a function of the environment broke off: {error}"))
        };
        done.map(Talked::Through).map_err(|error| broken(error).into())
    }
}

/// Ends when the time is up, which it never is without a limit.
async fn out_of_time(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}
