//! What an evaluator is given: a candidate, a request, limits; and the candidate's answers when it is called apart.

#[cfg(target_os = "linux")]
use crate::error::SandboxError;
use crate::value::Value;
use std::time::Duration;

/// One evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluationJob {
    /// The candidate's files, written below `/tmp/candidate`: relative paths and what is in them.
    pub files: Vec<(String, Vec<u8>)>,
    /// A JSON object: what `evaluate` is called with, as a dict.
    pub request: String,
    /// What it may use.
    pub limits: EvaluationLimits,
    /// Decides the `random` module's and numpy's default streams.
    pub seed: u64,
}

impl EvaluationJob {
    /// An evaluation of these files with an empty request under the default limits.
    pub fn new(files: Vec<(String, Vec<u8>)>) -> Self {
        Self { files, request: "{}".to_owned(), limits: EvaluationLimits::default(), seed: 0 }
    }

    /// Refuses a job that can't be sent: paths must be relative and without steps upwards, and each must be there once.
    #[cfg(target_os = "linux")]
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let mut seen = std::collections::BTreeSet::new();
        for (path, _) in &self.files {
            let plain = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0');
            if !plain || path.len() > 1000 || !seen.insert(path) {
                let what = if plain { "too long, or there twice" } else { "no plain relative path" };
                return Err(SandboxError::Job(format!("the candidate's file {path:?} is {what}")));
            }
        }
        let limits = &self.limits;
        if limits.wall.is_zero() || limits.cpu.is_zero() || limits.memory == 0 || limits.processes == 0 {
            return Err(SandboxError::Job("an evaluation without time, memory or processes".to_owned()));
        }
        match serde_json::from_str::<serde_json::Value>(&self.request) {
            Ok(serde_json::Value::Object(_)) => Ok(()),
            Ok(_) => Err(SandboxError::Job("the request is no JSON object".to_owned())),
            Err(error) => Err(SandboxError::Job(format!("the request is no JSON: {error}"))),
        }
    }
}

/// What an evaluation may use, with all processes that it starts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationLimits {
    /// Wall time. A call of a candidate that runs apart is waited for, so it can be exceeded by that call's own limit.
    /// Default 300 s.
    pub wall: Duration,
    /// CPU time. Sampled: it may be exceeded by a tenth of a second on each CPU. Default 600 s.
    pub cpu: Duration,
    /// Bytes of resident memory. Sampled, as CPU time is. Default 4 GiB.
    pub memory: u64,
    /// Processes and threads at once. Default 256.
    pub processes: u32,
    /// Bytes of standard output, and of standard error. Default 1 MiB.
    pub output: u32,
    /// Bytes of files in `/tmp`. Default 1 GiB.
    pub scratch_bytes: u64,
    /// Bytes of the result's JSON. Default 16 MiB.
    pub result: u32,
}

impl Default for EvaluationLimits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(300),
            cpu: Duration::from_secs(600),
            memory: 4 << 30,
            processes: 256,
            output: 1 << 20,
            scratch_bytes: 1 << 30,
            result: 16 << 20,
        }
    }
}

/// An evaluator wants the candidate to be run apart from it: `candidate_call(entry, arguments)`.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateCall {
    /// The name of the candidate's function.
    pub entry: String,
    /// What it is called with.
    pub arguments: Vec<Value>,
}

/// What became of a [`CandidateCall`].
#[derive(Debug, Clone, PartialEq)]
pub enum CandidateReply {
    /// What the function returned.
    Value(Value),
    /// It returned nothing: the evaluator sees a `CandidateError`.
    Error {
        /// The exception's type, or the limit's name.
        kind: String,
        /// What happened.
        message: String,
    },
}
