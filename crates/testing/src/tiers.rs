//! Tests that need a way of isolating programs: they are left out, aloud, where a machine can't have it, and fail where
//! it must be there.
//!
//! `SAMARA_EXPECT_TIERS`, such as `jail,landlock`, names the tiers that must work. `.ci/run` sets it, so that a machine
//! that has lost one is noticed.

use std::io::Write as _;

/// The environment variable that names the tiers which must work.
pub const EXPECTED: &str = "SAMARA_EXPECT_TIERS";

/// Whether a tier must work here.
///
/// # Panics
/// If the variable names what is no tier: a slip of the keyboard would expect nothing.
pub fn expects(tier: &str) -> bool {
    named(&std::env::var(EXPECTED).unwrap_or_default()).iter().any(|expected| expected == tier)
}

fn named(list: &str) -> Vec<String> {
    let names: Vec<String> =
        list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    for name in &names {
        assert!(
            ["jail", "landlock", "process"].contains(&&**name),
            "{EXPECTED} names `{name}`, which is no tier"
        );
    }
    names
}

/// Says that this machine can't have a tier, and why.
///
/// # Panics
/// If the tier must work here.
pub fn missing(tier: &str, why: &str) {
    assert!(!expects(tier), "{EXPECTED} names {tier}, which does not work here: {why}");
    skipped(&format!("tier {tier} does not work here: {why}"));
}

/// Says that this machine can't isolate programs at all, and why.
///
/// # Panics
/// If a tier that isolates must work here.
pub fn none_isolates(why: &str) {
    for tier in ["jail", "landlock"] {
        assert!(!expects(tier), "{EXPECTED} names {tier}, but no tier that isolates works here: {why}");
    }
    skipped(&format!("no tier that isolates programs works here: {why}"));
}

/// Says what was left out, past the harness, which shows only what failing tests print.
pub fn skipped(why: &str) {
    // Nobody is left to tell if that fails.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_named_in_a_list() {
        assert_eq!(named(""), [""; 0]);
        assert_eq!(named("jail, landlock,"), ["jail", "landlock"]);
    }

    #[test]
    #[should_panic(expected = "names `jial`, which is no tier")]
    fn a_slip_of_the_keyboard_does_not_expect_nothing() {
        named("jial");
    }
}
