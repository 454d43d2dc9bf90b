//! What the tests share: sandboxes of each tier, limits that don't depend on how busy the machine is, endings as text.

use samara_sandbox::{
    Clock, Ending, Job, Limits, Sandbox, SandboxError, SandboxOptions, Tier, Value, Verdict,
};
use std::time::{Duration, Instant};

/// An interpreter or virtual environment for the tests: one with numpy tests more.
const PYTHON: &str = "SAMARA_SANDBOX_PYTHON";

/// How long tests wait for what must happen at once: only a machine that does nothing else needs so long.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// SandboxOptions of a tier with one fork server.
pub(crate) fn options(tier: Tier) -> SandboxOptions {
    let python = std::env::var_os(PYTHON).map(Into::into);
    SandboxOptions {
        tier: Some(tier),
        minimum: Tier::Process,
        servers: 1,
        python,
        ..SandboxOptions::default()
    }
}

/// A sandbox of this tier, or none and a word on stderr, if this machine can't have it and need not.
pub(crate) fn sandbox(tier: Tier) -> Option<Sandbox> {
    sandbox_of(&options(tier), tier)
}

/// The same with other options.
pub(crate) fn sandbox_of(options: &SandboxOptions, tier: Tier) -> Option<Sandbox> {
    match Sandbox::start(options) {
        Ok(sandbox) => Some(sandbox),
        Err(error @ SandboxError::Tier { .. }) => {
            samara_testing::tiers::missing(tier.name(), &error.to_string());
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

/// An ending as the corpus writes it.
pub(crate) fn shown(ending: &Ending) -> String {
    let detail = match ending {
        Ending::Ok { value } => text(value),
        Ending::Exception { kind, .. } => kind.clone(),
        Ending::Timeout { clock: Clock::Cpu } => "cpu".to_owned(),
        Ending::Timeout { clock: Clock::Wall } => "wall".to_owned(),
        Ending::Crash { signal } => signal.to_string(),
        Ending::Forbidden { syscall } => syscall.clone(),
        Ending::NoResult { exit } => exit.to_string(),
        Ending::Failed { why } => why.clone(),
        Ending::Memory { source } => source.name().to_owned(),
        Ending::ResultLimit { bound, source } => format!("{bound} {}", source.name()),
        _ => String::new(),
    };
    format!("{} {detail}", ending.name()).trim_end().to_owned()
}

fn text(value: &Value) -> String {
    match value {
        Value::Str(text) => text.clone(),
        Value::Int(int) => int.to_string(),
        Value::List(values) => format!("[{}]", values.iter().map(text).collect::<Vec<_>>().join(", ")),
        other => format!("{other:?}"),
    }
}

/// Whether an ending is one of `a | b c | d`: its name, and its detail if one is given.
pub(crate) fn matches(ending: &Ending, expected: &str) -> bool {
    let shown = shown(ending);
    expected.split('|').map(str::trim).any(|one| shown == one || one == ending.name())
}
