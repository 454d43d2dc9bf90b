//! The pool: warm servers of an evaluator, lent to one evaluation at a time and replaced when they break.

use super::interpreter::Interpreter;
use super::{
    CandidateCall, CandidateReply, EvaluationEnding, EvaluationJob, EvaluationVerdict, EvaluatorOptions,
    start, watch,
};
use crate::error::SandboxError;
use crate::server::{Broken, Server};
use crate::tier::Tier;
use crate::verdict::Isolation;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a server is started while no other evaluation runs, before that it can't be is believed; and how long to
/// wait in between. What a tree held of the host is given back a moment after its end.
const STARTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Runs evaluations. Share it between threads: each call of [`Evaluators::run`] takes one server.
#[derive(Debug)]
pub struct Evaluators {
    options: EvaluatorOptions,
    interpreter: Interpreter,
    version: Arc<str>,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Server>,
    /// Process numbers of servers that have an evaluation.
    busy: Vec<u32>,
    /// Servers that have not been started yet, or have broken and not been replaced.
    missing: usize,
}

impl Evaluators {
    /// Starts the first server, which runs the harness; the others start when they are needed.
    ///
    /// # Errors
    /// If namespaces can't be used here (a tree of processes can't be ended whole without them), with how to get them;
    /// or if the harness does not come to its end, with its traceback.
    pub fn start(options: &EvaluatorOptions) -> Result<Self, SandboxError> {
        if options.slots == 0 {
            return Err(SandboxError::Setting("an evaluator needs at least one slot".to_owned()));
        }
        let interpreter = Interpreter::find(options.python.as_deref())?;
        let first = start::start(options, &interpreter)?.ready(options.patience)?;
        let version = first.python.clone();
        let pool = Pool { idle: vec![first], missing: options.slots - 1, ..Pool::default() };
        Ok(Self {
            options: options.clone(),
            interpreter,
            version,
            pool: Mutex::new(pool),
            returned: Condvar::new(),
        })
    }

    /// Runs an evaluation, waiting for a server if all are busy. If the server breaks meanwhile, it is run once more on a
    /// new one; if that breaks too, the ending is [`EvaluationEnding::Failed`]. `calls` runs the candidate apart, for
    /// evaluators that ask for it.
    ///
    /// # Errors
    /// If the job can't be sent, or no server can be started any more though no evaluation runs.
    pub fn run(
        &self,
        job: &EvaluationJob,
        calls: &mut dyn FnMut(CandidateCall) -> CandidateReply,
    ) -> Result<EvaluationVerdict, SandboxError> {
        job.check()?;
        let mut why = String::new();
        for _ in 0..2 {
            let server = self.take()?;
            let pid = server.process.pid;
            match watch::run(&server, job, calls) {
                Ok(verdict) => {
                    self.give_back(pid, Some(server));
                    return Ok(verdict);
                }
                Err(Broken(reason)) => {
                    tracing::warn!(pid, why = reason.as_str(), "an evaluator's server broke");
                    drop(server);
                    self.give_back(pid, None);
                    why = reason;
                }
            }
        }
        Ok(EvaluationVerdict {
            ending: EvaluationEnding::Failed { why },
            stdout: String::new(),
            stderr: String::new(),
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            peak_memory: 0,
            isolation: self.isolation(),
        })
    }

    /// The isolation that evaluations run in.
    pub fn isolation(&self) -> Isolation {
        Isolation { tier: Tier::Jail, python: self.version.clone() }
    }

    /// Evaluations at once.
    pub fn slots(&self) -> usize {
        self.options.slots
    }

    /// Process numbers of the servers that have been started.
    pub fn servers(&self) -> Vec<u32> {
        let pool = self.pool();
        pool.idle.iter().map(|server| server.process.pid).chain(pool.busy.iter().copied()).collect()
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic elsewhere can't leave the pool inconsistent.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Server, SandboxError> {
        let mut pool = self.pool();
        let mut failures = 0;
        loop {
            if let Some(server) = pool.idle.pop() {
                if !server.is_silent() {
                    tracing::warn!(pid = server.process.pid, "an evaluator's server died while idle");
                    pool.missing += 1;
                    continue;
                }
                pool.busy.push(server.process.pid);
                return Ok(server);
            }
            if pool.missing > 0 {
                pool.missing -= 1;
                drop(pool);
                let started = start::start(&self.options, &self.interpreter);
                let started = started.and_then(|server| server.ready(self.options.patience));
                pool = self.pool();
                match started {
                    Ok(server) => {
                        pool.busy.push(server.process.pid);
                        return Ok(server);
                    }
                    Err(error) => {
                        pool.missing += 1;
                        if !pool.busy.is_empty() {
                            // An evaluation may hold what a server needs; its own server is free when it ends.
                            tracing::warn!(why = error.why(), "a slot for evaluations waits for another one");
                        } else if failures < STARTS {
                            failures += 1;
                            drop(pool);
                            std::thread::sleep(PAUSE);
                            pool = self.pool();
                            continue;
                        } else {
                            drop(pool);
                            self.returned.notify_one();
                            return Err(error);
                        }
                    }
                }
            }
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The server of this process number is idle again, or gone.
    fn give_back(&self, pid: u32, server: Option<Server>) {
        let mut pool = self.pool();
        pool.busy.retain(|busy| *busy != pid);
        match server {
            Some(server) => pool.idle.push(server),
            None => pool.missing += 1,
        }
        drop(pool);
        self.returned.notify_one();
    }
}
