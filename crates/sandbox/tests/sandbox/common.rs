//! What the tests share: sandboxes of each tier, limits that don't depend on how busy the machine is, outcomes as text.

use samara_sandbox::{Clock, Job, Limits, Outcome, Sandbox, SandboxError, Settings, Tier, Value, Verdict};
use std::io::Write;
use std::time::{Duration, Instant};

/// An interpreter or virtual environment for the tests: one with numpy tests more.
const PYTHON: &str = "SAMARA_SANDBOX_PYTHON";

/// How long tests wait for what must happen at once: only a machine that does nothing else needs so long.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Says what this machine can't test, past the harness, which shows only what failing tests print.
#[expect(clippy::explicit_write, reason = "eprintln is what the harness captures")]
pub(crate) fn skipped(why: &str) {
    writeln!(std::io::stderr(), "SKIPPED: {why}").unwrap();
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Settings of a tier with one fork server.
pub(crate) fn settings(tier: Tier) -> Settings {
    let python = std::env::var_os(PYTHON).map(Into::into);
    Settings { tier: Some(tier), minimum: Tier::Process, servers: 1, python, ..Settings::default() }
}

/// A sandbox of this tier, or none and a word on stderr, if this machine can't have it.
pub(crate) fn sandbox(tier: Tier) -> Option<Sandbox> {
    sandbox_of(&settings(tier), tier)
}

/// The same with other settings.
pub(crate) fn sandbox_of(settings: &Settings, tier: Tier) -> Option<Sandbox> {
    match Sandbox::start(settings) {
        Ok(sandbox) => Some(sandbox),
        Err(error @ SandboxError::Tier { .. }) => {
            skipped(&format!("tier {tier} does not work here: {error}"));
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

/// A job whose time no program uses up that means to end, however busy the machine is.
pub(crate) fn job(program: &str) -> Job {
    let limits = Limits {
        cpu: Duration::from_secs(20),
        wall: Duration::from_secs(200),
        memory: 128 << 20,
        ..Limits::default()
    };
    Job { limits, ..Job::new(program, "main") }
}

/// Runs a program of which this is expected: a clock that it is expected to run out of is short, the other is not.
pub(crate) fn run_expecting(sandbox: &Sandbox, program: &str, expected: &str) -> Verdict {
    let mut job = job(program);
    if expected.contains("timeout wall") {
        job.limits.wall = Duration::from_secs(1);
    } else if expected.contains("timeout") {
        job.limits.cpu = Duration::from_millis(400);
    }
    sandbox.run(&job).unwrap()
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
