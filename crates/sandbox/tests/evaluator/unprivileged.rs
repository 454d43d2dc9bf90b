//! The same tests as an ordinary user: root starts this program again as nobody.

use samara_testing::tiers::skipped;
use std::process::Command;

/// Runs tests of this program as a user without rights; says so if that can't be done.
fn as_anybody(filter: &str) {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        return skipped("not root, so every test has run unprivileged already");
    }
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "1234", "--regid", "1234", "--clear-groups"]).arg(&exe);
    let output = match command.args([filter, "--nocapture", "--test-threads", "2"]).current_dir("/").output()
    {
        Ok(output) => output,
        Err(error) => return skipped(&format!("setpriv can't be run: {error}")),
    };
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(126)
        || text.contains("Permission denied (os error 13)") && text.contains("setpriv")
    {
        return skipped(&format!("others can't run {}", exe.display()));
    }
    text.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")).for_each(skipped);
    assert!(output.status.success(), "as anybody:\n{text}");
}

#[test]
fn evaluators_are_the_same_for_an_unprivileged_host() {
    as_anybody("honest::");
    as_anybody("kernel::");
    as_anybody("limits::");
    as_anybody("hostile::");
    as_anybody("start::");
    as_anybody("apart::");
}
