//! What this program does when a test starts it again as a child process.

use crate::samples::append;
use samara_journal::Journal;
use std::path::PathBuf;
use std::process::Command;

/// The journal's path, set only for a child.
const PATH: &str = "SAMARA_JOURNAL_TEST_PATH";

/// The command that runs one of the functions below in a process of its own.
pub(crate) fn command(program: &std::path::Path, name: &str, path: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", &format!("child::{name}"), "--ignored", "--nocapture"]).env(PATH, path);
    command
}

fn path() -> Option<PathBuf> {
    std::env::var_os(PATH).map(PathBuf::from)
}

#[test]
#[ignore = "a child process of processes::a_killed_writer_leaves_a_prefix_of_whole_candidates"]
fn append_forever() {
    let Some(path) = path() else { return };
    let mut journal = Journal::open(&path).unwrap();
    for index in journal.totals().candidates.. {
        append(&mut journal, index).unwrap();
    }
}

#[test]
#[ignore = "a child process of refusals::a_file_size_limit_leaves_the_journal_as_it_was"]
fn append_until_it_fails() {
    let Some(path) = path() else { return };
    let mut journal = Journal::open(&path).unwrap();
    let first = journal.totals().candidates;
    let failed = (first..first + 100_000).find(|index| append(&mut journal, *index).is_err());
    let settled = failed.expect("the limit is smaller than 100,000 candidates");
    assert!(append(&mut journal, settled).is_err(), "the limit still holds");
    crate::samples::assert_samples(&journal.reader().unwrap(), settled);
    // Not closed in order: a process whose disk is full is often killed.
    std::process::exit(0);
}

#[test]
#[ignore = "a child process of refusals::a_read_only_directory_is_read_but_not_written"]
fn meet_a_read_only_directory() {
    if let Some(path) = path() {
        crate::refusals::check_read_only(&path);
    }
}
