//! A function of Python in an evaluator's place: the engine asks, Python answers as the harness of the sandbox would.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use pyo3::prelude::*;
use samara::embedded::OwnEvaluator;
use samara_sandbox::{
    Clock, EvaluationEnding, EvaluationJob, EvaluationVerdict, Isolation, SandboxError, Tier,
};

/// What calls the function: `samara.evaluators` has one for every kind of isolation.
///
/// It is called with the request (JSON), the candidate's files by their paths, the seed, the seconds that the function
/// may take and the bytes that are kept of what it prints, and returns an [`Answer`].
pub(crate) struct Function {
    caller: Py<PyAny>,
    isolation: String,
}

/// How an evaluation ended, what is to be said of that (the harness's JSON, an exit code, a signal's number), and what was
/// printed to standard output and standard error.
type Answer = (String, String, String, String);

impl Function {
    /// The function behind a caller, which says in `isolation` how it keeps evaluations apart.
    pub(crate) fn new(caller: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self { isolation: caller.getattr("isolation")?.extract()?, caller: caller.clone().unbind() })
    }

    fn call(&self, py: Python<'_>, job: &EvaluationJob) -> PyResult<Answer> {
        let files: BTreeMap<&str, String> = job
            .files
            .iter()
            .map(|(path, body)| (path.as_str(), String::from_utf8_lossy(body).into_owned()))
            .collect();
        let arguments = (&job.request, files, job.seed, job.limits.wall.as_secs_f64(), job.limits.output);
        self.caller.call1(py, arguments)?.extract(py)
    }
}

impl OwnEvaluator for Function {
    fn isolation(&self) -> String {
        self.isolation.clone()
    }

    fn run(&self, job: &EvaluationJob) -> Result<EvaluationVerdict, SandboxError> {
        let broken = |why: String| SandboxError::Harness(format!("the function can't be called: {why}"));
        let started = Instant::now();
        let answered = Python::try_attach(|py| self.call(py, job));
        let answered = answered.ok_or_else(|| broken("Python is ending".to_owned()))?;
        let (ending, what, stdout, stderr) = answered.map_err(|error| broken(error.to_string()))?;
        let ending = ended(&ending, what).map_err(broken)?;
        let wall = started.elapsed();
        // What is recorded of isolation is what `isolation` says; to the sandbox this is code that is trusted.
        let isolation = Isolation { tier: Tier::Process, python: Arc::from(self.isolation.as_str()) };
        Ok(EvaluationVerdict {
            ending,
            stdout,
            stderr,
            cpu: Default::default(),
            wall,
            peak_memory: 0,
            isolation,
        })
    }
}

fn ended(name: &str, what: String) -> Result<EvaluationEnding, String> {
    let number = |what: &str| what.parse().map_err(|_| format!("{name} with {what:?}"));
    Ok(match name {
        "returned" => EvaluationEnding::Returned { json: what },
        "late" => EvaluationEnding::Time { clock: Clock::Wall },
        "exited" => EvaluationEnding::Exited { code: number(&what)? },
        "crashed" => EvaluationEnding::Crashed { signal: number(&what)? },
        "failed" => EvaluationEnding::Failed { why: what },
        other => return Err(format!("an ending {other:?}")),
    })
}
