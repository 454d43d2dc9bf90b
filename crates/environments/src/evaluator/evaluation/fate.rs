//! What the end of a stage means for a candidate: a measurement, or why there is none, and what could be done about it.
//!
//! What a candidate may have done (an exception, a limit, a crash) makes it invalid. An evaluator that returns what is no
//! result has failed.

use samara_engine::{Abort, Reason};
use samara_sandbox::{Clock, EvaluationEnding, EvaluationVerdict};
use samara_search::Artifact;

use super::{
    reply::{End, Exception, Reply},
    settings::EvaluationSettings,
};

/// Characters of a reason.
const MOST_OF_A_LINE: usize = 300;

/// A stage without a measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Loss {
    /// For a person, a line.
    pub(super) why: String,
    /// What to do if this happens to the initial program.
    pub(super) hint: String,
    /// Whether it is the evaluator's fault and not the candidate's.
    pub(super) by_evaluator: bool,
    /// Whether the time was up.
    pub(super) late: bool,
    /// The traceback of an exception.
    pub(super) traceback: Option<String>,
    /// What it left.
    pub(super) artifacts: Vec<Artifact>,
}

impl Loss {
    pub(super) fn of_candidate(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            why: line(&why.into()),
            hint: hint.into(),
            by_evaluator: false,
            late: false,
            traceback: None,
            artifacts: Vec::new(),
        }
    }

    pub(super) fn of_evaluator(why: impl Into<String>) -> Self {
        let hint = "make it return a dict such as {\"combined_score\": 0.5}";
        Self { by_evaluator: true, ..Self::of_candidate(why, hint) }
    }

    /// The same with artifacts before its own.
    pub(super) fn after(mut self, mut earlier: Vec<Artifact>) -> Self {
        earlier.append(&mut self.artifacts);
        self.artifacts = earlier;
        self
    }

    /// What becomes of the candidate.
    pub(super) fn abort(self) -> Abort {
        let error = Artifact::text("error", &self.why);
        let traceback = self.traceback.map(|text| Artifact::text("traceback", &text));
        let artifacts = [error].into_iter().chain(traceback).chain(self.artifacts).collect();
        let reason = Reason { why: self.why, artifacts };
        if self.by_evaluator { Abort::Failed(reason) } else { Abort::Invalid(reason) }
    }
}

/// What a verdict says: the harness's answer if it measured.
pub(super) fn read(verdict: &EvaluationVerdict, settings: &EvaluationSettings) -> Result<Reply, Loss> {
    let printed = || printed(verdict, settings.artifacts);
    let mut reply = match &verdict.ending {
        EvaluationEnding::Returned { json } => Reply::read(json)
            .map_err(|why| Loss::of_candidate(why, "don't replace what the evaluator runs in")),
        ending => Err(ended(ending, settings)),
    }
    .map_err(|loss| loss.after(printed()))?;
    if reply.wants_artifacts && settings.artifacts {
        reply.artifacts.extend(printed());
    } else {
        reply.artifacts.clear();
    }
    measured(reply)
}

/// An answer that has measured.
pub(super) fn measured(reply: Reply) -> Result<Reply, Loss> {
    let lost = |loss: Loss, reply: Reply| Err(loss.after(reply.artifacts));
    match reply.end.clone() {
        End::Measured => Ok(reply),
        End::Refused(why) => {
            lost(Loss::of_candidate(why, "begin with a program that the evaluator accepts"), reply)
        }
        End::Trouble(why) => lost(Loss::of_evaluator(why), reply),
        End::Raised(exception) => lost(of_exception(exception), reply),
    }
}

/// Standard output and error as artifacts.
fn printed(verdict: &EvaluationVerdict, wanted: bool) -> Vec<Artifact> {
    let streams = [("stdout", &verdict.stdout), ("stderr", &verdict.stderr)];
    let streams = streams.into_iter().filter(|(_, text)| wanted && !text.trim().is_empty());
    streams.map(|(name, text)| Artifact::text(name, text)).collect()
}

fn of_exception(exception: Exception) -> Loss {
    let Exception { kind, message, traceback, hint } = exception;
    let hint = if hint.is_empty() {
        "call the evaluator by hand on the initial program, or let it catch what programs raise".to_owned()
    } else {
        line(&hint)
    };
    let why = if message.is_empty() { kind } else { format!("{kind}: {message}") };
    Loss { traceback: Some(traceback), ..Loss::of_candidate(format!("raised {why}"), hint) }
}

/// An end that the host saw, with the setting that allows more.
fn ended(ending: &EvaluationEnding, settings: &EvaluationSettings) -> Loss {
    let limit = |what: String, key: &str| {
        Loss::of_candidate(
            format!("{what} (environment.evaluation.{key})"),
            format!("raise environment.evaluation.{key}, or begin with a program that needs less"),
        )
    };
    match ending {
        EvaluationEnding::Returned { .. } => Loss::of_candidate("returned", ""),
        EvaluationEnding::Raised { kind, message, traceback } => of_exception(Exception {
            kind: kind.clone(),
            message: message.clone(),
            traceback: traceback.clone(),
            hint: String::new(),
        }),
        EvaluationEnding::Exited { code } => Loss::of_candidate(
            format!("ended its process with exit code {code}"),
            "let neither the evaluator nor the program call os._exit()",
        ),
        EvaluationEnding::Crashed { signal } => Loss::of_candidate(
            format!("was ended by signal {signal}"),
            "find out what crashes by calling the evaluator by hand",
        ),
        EvaluationEnding::Time { clock: Clock::Wall } => {
            Loss { late: true, ..limit(format!("took longer than {} s", settings.timeout_s), "timeout_s") }
        }
        EvaluationEnding::Time { clock: Clock::Cpu } => {
            let seconds = settings.limits().cpu.as_secs_f64();
            Loss { late: true, ..limit(format!("used more than {seconds} s of CPU time"), "cpu_s") }
        }
        EvaluationEnding::Memory => {
            limit(format!("used more than {} MiB of memory", settings.memory_mb), "memory_mb")
        }
        EvaluationEnding::Output => {
            limit(format!("printed more than {} KiB", settings.output_kb), "output_kb")
        }
        EvaluationEnding::Processes => {
            limit(format!("had more than {} processes and threads", settings.processes), "processes")
        }
        EvaluationEnding::Result => Loss::of_candidate(
            format!("returned more than {} MiB", settings.limits().result >> 20),
            "return fewer or smaller artifacts",
        ),
        EvaluationEnding::Failed { why } => Loss::of_evaluator(format!("the sandbox: {why}")),
    }
}

/// The first line of a text, cut.
fn line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(MOST_OF_A_LINE).collect()
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use samara_sandbox::{Isolation, Tier};

    use super::*;

    fn verdict(ending: EvaluationEnding) -> EvaluationVerdict {
        EvaluationVerdict {
            ending,
            stdout: "out".to_owned(),
            stderr: " \n".to_owned(),
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            peak_memory: 0,
            isolation: Isolation { tier: Tier::Jail, python: Arc::from("3") },
        }
    }

    #[test]
    fn every_limit_names_the_setting_that_raises_it() {
        let settings = EvaluationSettings { timeout_s: 2.0, cpu_s: Some(1.0), ..Default::default() };
        for (ending, why, key) in [
            (EvaluationEnding::Time { clock: Clock::Wall }, "took longer than 2 s", "timeout_s"),
            (EvaluationEnding::Time { clock: Clock::Cpu }, "used more than 1 s of CPU time", "cpu_s"),
            (EvaluationEnding::Memory, "used more than 4096 MiB of memory", "memory_mb"),
            (EvaluationEnding::Output, "printed more than 1024 KiB", "output_kb"),
            (EvaluationEnding::Processes, "had more than 256 processes and threads", "processes"),
        ] {
            let loss = read(&verdict(ending), &settings).expect_err("a limit");
            assert_eq!(loss.why, format!("{why} (environment.evaluation.{key})"));
            assert!(loss.hint.contains(&format!("raise environment.evaluation.{key}")), "{}", loss.hint);
            assert!(!loss.by_evaluator);
        }
    }

    #[test]
    fn what_a_candidate_may_have_done_is_invalid_and_what_the_evaluator_returns_is_failed() {
        let settings = EvaluationSettings::default();
        let abort = |ending| read(&verdict(ending), &settings).expect_err("no measurement").abort();
        let raised = EvaluationEnding::Raised {
            kind: "ValueError".to_owned(),
            message: "x\ny".to_owned(),
            traceback: "Traceback".to_owned(),
        };
        for ending in [
            raised,
            EvaluationEnding::Exited { code: 3 },
            EvaluationEnding::Crashed { signal: 11 },
            EvaluationEnding::Result,
            EvaluationEnding::Returned { json: "[]".to_owned() },
        ] {
            let Abort::Invalid(reason) = abort(ending.clone()) else { panic!("{ending:?}") };
            let names: Vec<&str> = reason.artifacts.iter().map(|artifact| &*artifact.name).collect();
            assert_eq!(names.first(), Some(&"error"), "{reason:?}");
            assert!(names.contains(&"stdout") && !names.contains(&"stderr"), "{names:?}");
        }
        let json = r#"{"ran": "evaluate", "stages": [], "wants_artifacts": true, "trouble": "it is a list"}"#;
        let trouble = abort(EvaluationEnding::Returned { json: json.to_owned() });
        assert!(matches!(trouble, Abort::Failed(reason) if reason.why == "it is a list"));
    }

    #[test]
    fn what_the_harness_knows_to_do_about_an_exception_is_the_hint() {
        let hint = |more: &str| {
            let json = format!(
                r#"{{"ran": "evaluate", "stages": [], "wants_artifacts": true, "raised":
                {{"kind": "OSError", "message": "m", "traceback": "T"{more}}}}}"#
            );
            let ending = EvaluationEnding::Returned { json };
            let loss = read(&verdict(ending), &EvaluationSettings::default()).expect_err("an exception");
            assert_eq!(loss.why, "raised OSError: m");
            loss.hint
        };
        assert_eq!(hint(r#", "hint": "add it to mounts""#), "add it to mounts");
        assert!(hint("").contains("call the evaluator by hand"));
    }

    #[test]
    fn artifacts_that_nobody_wants_are_dropped() {
        let json = |wants: bool| {
            format!(
                r#"{{"ran": "evaluate", "stages": [], "wants_artifacts": {wants}, "artifacts": [["a", {{"text": "x"}}]]}}"#
            )
        };
        let left = |settings: &EvaluationSettings, wants| {
            let ending = EvaluationEnding::Returned { json: json(wants) };
            read(&verdict(ending), settings).expect("a measurement").artifacts.len()
        };
        let settings = EvaluationSettings::default();
        assert_eq!((left(&settings, true), left(&settings, false)), (2, 0));
        assert_eq!(left(&EvaluationSettings { artifacts: false, ..settings }, true), 0);
    }
}
