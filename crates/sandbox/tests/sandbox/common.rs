//! What the tests share: sandboxes of each tier, short limits, outcomes as text.

use samara_sandbox::{Clock, Job, Limits, Outcome, Sandbox, SandboxError, Settings, Tier, Value, Verdict};
use std::time::Duration;

/// An interpreter or virtual environment for the tests: one with numpy tests more.
const PYTHON: &str = "SAMARA_SANDBOX_PYTHON";

/// Settings of a tier with one fork server.
pub(crate) fn settings(tier: Tier) -> Settings {
    let python = std::env::var_os(PYTHON).map(Into::into);
    Settings { tier: Some(tier), minimum: Tier::Process, servers: 1, python, ..Settings::default() }
}

/// A sandbox of this tier, or none with the reason in the test's output, if this machine can't have it.
pub(crate) fn sandbox(tier: Tier) -> Option<Sandbox> {
    match Sandbox::start(&settings(tier)) {
        Ok(sandbox) => Some(sandbox),
        Err(error @ SandboxError::Tier { .. }) => {
            println!("SKIPPED: tier {tier} does not work here: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// Runs `test` on every tier of these that works here.
pub(crate) fn on_tiers(tiers: &[Tier], test: impl Fn(&Sandbox)) {
    tiers.iter().filter_map(|tier| sandbox(*tier)).for_each(|sandbox| test(&sandbox));
}

/// The tiers that promise security.
pub(crate) const CONFINED: [Tier; 2] = [Tier::Jail, Tier::Landlock];

/// A job with limits that tests don't wait long for.
pub(crate) fn job(program: &str) -> Job {
    let limits = Limits {
        cpu: Duration::from_millis(400),
        wall: Duration::from_secs(12),
        memory: 128 << 20,
        ..Limits::default()
    };
    Job { limits, ..Job::new(program, "main") }
}

/// Runs a program whose sandbox must not fail.
pub(crate) fn run(sandbox: &Sandbox, program: &str) -> Verdict {
    sandbox.run(&job(program)).unwrap()
}

/// An outcome as the corpus writes it.
pub(crate) fn shown(outcome: &Outcome) -> String {
    let detail = match outcome {
        Outcome::Ok { value } => text(value),
        Outcome::Exception { kind, .. } => kind.clone(),
        Outcome::Timeout { clock: Clock::Cpu } => "cpu".to_owned(),
        Outcome::Timeout { clock: Clock::Wall } => "wall".to_owned(),
        Outcome::Crash { signal } => signal.to_string(),
        Outcome::Forbidden { syscall } => syscall.clone(),
        Outcome::NoResult { exit } => exit.to_string(),
        Outcome::Failed { why } => why.clone(),
        _ => String::new(),
    };
    format!("{} {detail}", outcome.name()).trim_end().to_owned()
}

fn text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        Value::Int(int) => int.to_string(),
        Value::List(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

/// Whether an outcome is one of `a | b c | d`: its name, and its detail if one is given.
pub(crate) fn matches(outcome: &Outcome, expected: &str) -> bool {
    let shown = shown(outcome);
    expected.split('|').map(str::trim).any(|one| shown == one || one == outcome.name())
}
