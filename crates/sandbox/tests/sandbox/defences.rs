//! Walls taken down one by one: every hostile program that says which walls stop it must succeed without them.
//!
//! A program names them in its head: `# defence: seccomp root` in a jail, `# defence landlock: seccomp landlock` under
//! Landlock. All that are named are taken down at once, since most programs meet more than one. What it then gives is
//! `ok`, or what `# without:` says, and never what is expected of it behind its walls. Where no wall is named there is
//! none to take down: what holds is a limit of the interpreter, permissions of files, or the host's own reading.
//!
//! Nothing is harmed by it: namespaces of processes stay up (where they do not, under Landlock, only walls around files
//! are taken down), and what is written goes to a canary's folder, or has a name that is removed here.

use crate::common::{self, matches, shown};
use crate::hostile::{Canary, Hostile, corpus};
use samara_sandbox::defence::{self, Defence};
use samara_sandbox::{Ending, Limits, Sandbox, SandboxError, Tier};
use std::time::Duration;

/// Limits that a program's head may name, taken away by asking for more.
const LIMITS: [&str; 6] = ["cpu", "wall", "memory", "output", "result", "scratch"];

/// Short clocks: no program here waits for anything but its limit.
fn limits() -> Limits {
    Limits { cpu: Duration::from_secs(20), wall: Duration::from_secs(100), ..common::job("").limits }
}

fn without_limit(limits: &mut Limits, name: &str) {
    match name {
        "cpu" => (limits.cpu, limits.wall) = (Duration::from_secs(1000), Duration::from_secs(2)),
        "wall" => limits.wall = Duration::from_secs(100),
        "memory" => (limits.memory, limits.cpu) = (8 << 30, limits.cpu.min(Duration::from_secs(5))),
        "output" => limits.output = 1 << 20,
        "result" => (limits.result.bytes, limits.result.nodes) = (16 << 20, 2_000_000),
        "scratch" => (limits.scratch_bytes, limits.scratch_files) = (1 << 30, 100_000),
        other => panic!("{other} is no limit"),
    }
}

/// The walls that a head names: those of the tier, and limits.
fn walls(text: &str) -> (Vec<Defence>, Vec<&str>) {
    let (mut walls, mut limits) = (Vec::new(), Vec::new());
    for name in text.split_whitespace() {
        match Defence::ALL.into_iter().find(|wall| wall.name() == name) {
            Some(wall) => walls.push(wall),
            None if LIMITS.contains(&name) => limits.push(name),
            None => panic!("{name} is no wall"),
        }
    }
    (walls, limits)
}

/// Runs a program without its walls; says what is wrong with what it gave.
fn succeeds(hostile: &Hostile, named: &str, tier: Tier) -> Result<(), String> {
    let (walls, raised) = walls(named);
    let sandbox = defence::without(&walls, || common::sandbox(tier)).ok_or("the tier does not work here")?;
    let expected = hostile.expected_in(tier);
    let mut job =
        common::job(&hostile.program.replace("ESCAPED", "REACHED").replace("samara_left", "samara_reached"));
    job.limits = limits();
    if expected.contains("timeout wall") {
        job.limits.wall = Duration::from_millis(500);
    } else if expected.contains("timeout") || hostile.name.contains("memory") {
        job.limits.cpu = Duration::from_millis(400);
    }
    let without = hostile.head_in("without", tier).unwrap_or("ok");
    if without.contains("timeout wall") {
        job.limits.wall = Duration::from_secs(2);
    }
    let behind = job.limits;
    raised.iter().for_each(|name| without_limit(&mut job.limits, name));
    assert!(raised.is_empty() || job.limits != behind);
    // A server that it breaks is replaced by one that lacks the same walls.
    let ending = defence::without(&walls, || sandbox.run(&job)).map_err(|error| error.to_string())?.ending;
    match matches(&ending, without) && !matches(&ending, expected) {
        true => Ok(()),
        false => Err(format!("{}: {ending:?} without {named}, not {without}", hostile.name)),
    }
}

/// Runs all programs that name walls of a tier; returns how many there are.
fn all_succeed(tier: Tier) -> Option<usize> {
    common::sandbox(tier)?;
    let (mut wrong, mut count) = (Vec::new(), 0);
    for index in 0.. {
        let canary = Canary::new();
        let corpus = corpus(canary.directory.path());
        let Some(hostile) = corpus.get(index) else { break };
        let Some(named) = hostile.head_in("defence", tier) else { continue };
        count += 1;
        wrong.extend(succeeds(hostile, named, tier).err());
    }
    for place in [
        "/tmp/REACHED_23",
        "/tmp/REACHED_30",
        "/tmp/REACHED_31",
        "/dev/shm/REACHED_dev_shm",
        "/dev/shm/samara_reached",
    ] {
        // It is not there where it could not be written.
        let _ = std::fs::remove_file(place);
    }
    assert!(wrong.is_empty(), "tier {tier}:\n{}", wrong.join("\n"));
    Some(count)
}

#[test]
fn hostile_programs_succeed_in_a_jail_without_the_walls_that_stop_them() {
    assert!(all_succeed(Tier::Jail).is_none_or(|count| count >= 205));
}

#[test]
fn hostile_programs_succeed_under_landlock_without_the_walls_that_stop_them() {
    assert!(all_succeed(Tier::Landlock).is_none_or(|count| count >= 35));
}

/// Programs that change a file of the host, whoever may write it.
fn changing_files(canary: &Canary) -> Vec<Hostile> {
    let all = corpus(canary.directory.path()).into_iter();
    all.filter(|one| one.program.contains(canary.directory.path().to_str().unwrap())).collect()
}

#[test]
fn files_of_the_host_are_safe_on_every_version_of_landlock() {
    for version in 1..=6 {
        let Some(sandbox) = on_landlock(version) else { continue };
        let canary = Canary::new();
        for hostile in changing_files(&canary) {
            let ending = common::run(&sandbox, &hostile.program).ending;
            let expected = hostile.expected_in(Tier::Landlock);
            assert!(matches(&ending, expected), "Landlock {version}: {}: {ending:?}", hostile.name);
        }
        canary.check();
    }
}

/// A sandbox of the tier `landlock` on a kernel of this version of Landlock; none if this kernel's is older.
fn on_landlock(version: u32) -> Option<Sandbox> {
    match defence::on_landlock(version, || Sandbox::start(&common::options(Tier::Landlock))) {
        Ok(sandbox) => Some(sandbox),
        Err(error) => {
            samara_testing::tiers::skipped(&format!("Landlock {version} is not to be had here: {error}"));
            None
        }
    }
}

#[test]
fn an_old_landlock_alone_does_not_keep_files_from_being_truncated() {
    let program = "import os\ndef main():\n    os.truncate('@CANARY@/secret', 0)\n    return 'cut'";
    for (version, expected) in [(2, "ok cut"), (3, "exception PermissionError")] {
        let sandbox = defence::without(&[Defence::Seccomp], || on_landlock(version));
        let Some(sandbox) = sandbox else { continue };
        let canary = Canary::new();
        let program = program.replace("@CANARY@", canary.directory.path().to_str().unwrap());
        assert_eq!(shown(&common::run(&sandbox, &program).ending), expected, "Landlock {version}");
    }
}

#[test]
fn without_landlock_its_tier_is_refused_and_a_jail_is_one_all_the_same() {
    let start = |tier| defence::on_landlock(0, || Sandbox::start(&common::options(tier)));
    let Err(SandboxError::Tier { tried, .. }) = start(Tier::Landlock) else { panic!("it started") };
    assert!(matches!(tried[0].1, SandboxError::Landlock(_)), "{tried:?}");
    if common::sandbox(Tier::Jail).is_some() {
        let ending = common::run(&start(Tier::Jail).unwrap(), "def main(): return 1").ending;
        assert_eq!(ending, Ending::Ok { value: 1.into() });
    }
}
