//! The pool: warm fork servers, lent to one job at a time and replaced when they break.

use crate::error::SandboxError;
use crate::job::Job;
use crate::options::SandboxOptions;
use crate::python::Python;
use crate::server::{self, Broken, Server};
use crate::start;
use crate::tier::Tier;
use crate::verdict::{Ending, Isolation, Verdict};
use crate::watch;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Runs untrusted programs. Share it between threads: each call of [`Sandbox::run`] takes one fork server.
#[derive(Debug)]
pub struct Sandbox {
    python: Python,
    tier: Tier,
    version: Arc<str>,
    niceness: u8,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Server>,
    /// Process numbers of servers that have a program.
    busy: Vec<u32>,
    /// Servers that have broken and not been replaced yet.
    missing: usize,
}

impl Sandbox {
    /// Starts the fork servers in the strongest tier that works here, or in the one that the options name.
    ///
    /// # Errors
    /// If no acceptable tier works, with what each lacks and how to get it.
    pub fn start(options: &SandboxOptions) -> Result<Self, SandboxError> {
        let wanted =
            |tier: &Tier| options.tier.is_none_or(|wanted| wanted == *tier) && *tier >= options.minimum;
        if options.servers == 0 {
            return Err(SandboxError::Setting("a sandbox needs at least one fork server".to_owned()));
        }
        let mut tried = Vec::new();
        for tier in Tier::ALL.into_iter().filter(wanted) {
            match Self::start_tier(options, tier) {
                Ok(sandbox) => return Ok(sandbox),
                Err(error) => tried.push((tier, error)),
            }
        }
        let minimum = options.minimum;
        match options.tier {
            Some(tier) if tier < minimum => Err(SandboxError::Setting(format!(
                "the tier {tier} is weaker than the minimum, {minimum}; lower the minimum only for code that you trust"
            ))),
            _ => Err(SandboxError::Tier { minimum, tried }),
        }
    }

    fn start_tier(options: &SandboxOptions, tier: Tier) -> Result<Self, SandboxError> {
        let by_others = tier == Tier::Landlock && rustix::process::geteuid().is_root();
        let python = Python::find(options.python.as_deref(), options.numpy, by_others)?;
        let starting = (0..options.servers)
            .map(|_| start::start(&python, tier, options.niceness))
            .collect::<Result<Vec<_>, _>>()?;
        let idle = starting.into_iter().map(|server| server.ready(tier)).collect::<Result<Vec<_>, _>>()?;
        let version = idle.first().map_or_else(|| "".into(), |server| server.python.clone());
        Ok(Self {
            python,
            tier,
            version,
            niceness: options.niceness,
            pool: Mutex::new(Pool { idle, ..Pool::default() }),
            returned: Condvar::new(),
        })
    }

    /// The tier that programs run in.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The isolation that programs run in.
    pub fn isolation(&self) -> Isolation {
        Isolation { tier: self.tier, python: self.version.clone() }
    }

    /// The interpreter that runs programs, as the host sees it.
    pub fn interpreter(&self) -> &Path {
        &self.python.executable
    }

    /// Process numbers of the fork servers.
    pub fn servers(&self) -> Vec<u32> {
        let pool = self.pool();
        pool.idle.iter().map(|server| server.process.pid).chain(pool.busy.iter().copied()).collect()
    }

    /// Runs a program, waiting for a fork server if all are busy. If the server breaks meanwhile, the program is run
    /// once more on a new one; if that breaks too, the ending is [`Ending::Failed`].
    ///
    /// # Errors
    /// If the job can't be sent, or no fork server can be started any more.
    pub fn run(&self, job: &Job) -> Result<Verdict, SandboxError> {
        server::check(job)?;
        let mut why = String::new();
        for _ in 0..2 {
            let server = self.take()?;
            match watch::run(&server, job, self.tier) {
                Ok(verdict) => {
                    self.give_back(server.process.pid, Some(server));
                    return Ok(verdict);
                }
                Err(Broken(reason)) => {
                    let pid = server.process.pid;
                    tracing::warn!(pid, why = reason.as_str(), "a fork server broke");
                    drop(server);
                    self.give_back(pid, None);
                    why = reason;
                }
            }
        }
        Ok(Verdict {
            ending: Ending::Failed { why },
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            peak_memory: 0,
            scratch_bytes: 0,
            stdout: String::new(),
            isolation: self.isolation(),
        })
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic elsewhere can't leave the pool inconsistent.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Server, SandboxError> {
        let mut pool = self.pool();
        loop {
            if let Some(server) = pool.idle.pop() {
                if !server.is_silent() {
                    // It died while idle: that must not count as one of a program's two attempts.
                    tracing::warn!(pid = server.process.pid, "a fork server died while idle");
                    pool.missing += 1;
                    continue;
                }
                pool.busy.push(server.process.pid);
                return Ok(server);
            }
            if pool.missing > 0 {
                pool.missing -= 1;
                drop(pool);
                return match start::start(&self.python, self.tier, self.niceness)
                    .and_then(|server| server.ready(self.tier))
                {
                    Ok(server) => {
                        tracing::info!(
                            pid = server.process.pid,
                            "a fork server was started as a replacement"
                        );
                        self.pool().busy.push(server.process.pid);
                        Ok(server)
                    }
                    Err(error) => {
                        self.give_back(0, None);
                        Err(error)
                    }
                };
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
