//! Logs for an operator: what happened when, and how long it took.
//!
//! `--log FILE` appends to a file. `RUST_LOG` says what is logged (`info` if it says nothing), and without `--log` it
//! sends that to stderr. Logs never change a result. What samara's crates log holds no key, header, prompt or answer;
//! what their dependencies would log might, so that they are never listened to.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Write},
    path::{Path, PathBuf},
    sync::{Mutex, OnceLock},
};

use samara_search::commanding::escaped;
use tracing_subscriber::{
    filter::{FilterExt as _, LevelFilter, Targets, filter_fn},
    fmt::writer::BoxMakeWriter,
    layer::{Layer as _, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use crate::exit::Failure;

/// What is logged, in the form of `RUST_LOG` in other programs: levels, for all or for crates.
const VARIABLE: &str = "RUST_LOG";

/// Where logs go, once that is known.
#[derive(Debug)]
enum Sink {
    Stderr,
    File(PathBuf),
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Begins to log, if that is asked for.
///
/// # Errors
/// A file that can't be a log, or a filter that can't be read.
pub(crate) fn start(file: Option<&Path>) -> Result<(), Failure> {
    let filter = filter(std::env::var(VARIABLE).ok().as_deref())?;
    let (writer, sink) = match file {
        Some(path) => (BoxMakeWriter::new(Mutex::new(Escaping(open(path)?))), Sink::File(path.to_owned())),
        None if filter.is_none() => return Ok(()),
        None => (BoxMakeWriter::new(|| Escaping(io::stderr())), Sink::Stderr),
    };
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_writer(writer)
        .with_filter(filter.and(filter_fn(|metadata| is_own(metadata.target()))));
    tracing_subscriber::registry().with(layer).init();
    // Set once: this is called once.
    let _ = SINK.set(sink);
    Ok(())
}

/// Writes lines in which no character commands a terminal: servers, models and settings have a say in them. An event is
/// written at once, so that no character comes in two parts.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(escaped(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Whether logs go to stderr, where a progress bar would write over them.
pub(crate) fn on_stderr() -> bool {
    matches!(SINK.get(), Some(Sink::Stderr))
}

/// Whether a path is that of the log.
pub(crate) fn is_log(path: &Path) -> bool {
    match SINK.get() {
        Some(Sink::File(log)) => match (path.canonicalize(), log.canonicalize()) {
            (Ok(path), Ok(log)) => path == log,
            _ => false,
        },
        _ => false,
    }
}

/// Whether one of samara's crates logs under this name.
fn is_own(target: &str) -> bool {
    target.strip_prefix("samara").is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', ':']))
}

fn filter(variable: Option<&str>) -> Result<Option<Targets>, Failure> {
    let Some(text) = variable.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Failure::usage(format!(
            "{VARIABLE}={text}: that is no filter of logs\nhint: write a level (error, warn, info, debug or trace), or \
             levels of crates such as samara_lm=debug,info"
        ))
    })
}

/// Opens the file to append to. One that exists must be empty or a log already, so that a slip destroys nothing.
fn open(path: &Path) -> Result<File, Failure> {
    let refuse = |what: &str| {
        Err(Failure::usage(format!("--log {}: {what}\nhint: choose another file", path.display())))
    };
    if path.is_dir() {
        return refuse("that is a folder");
    }
    if belongs_to_a_run(path) {
        return refuse("that is the name of a file that belongs to a run");
    }
    if path.is_file() && !begins_like_a_log(path) {
        return refuse("the file exists and is no log, so nothing is appended to it");
    }
    OpenOptions::new().append(true).create(true).open(path).map_err(|error| {
        let hint = "its folder must exist, and you must be allowed to write there";
        Failure::usage(format!("--log {}: it can't be opened: {error}\nhint: {hint}", path.display()))
    })
}

/// Whether this is what a journal, its lock or SQLite's files beside it are called.
fn belongs_to_a_run(path: &Path) -> bool {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = place.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name == "run.db"
        || name == "run.lock"
        || ["-wal", "-shm", "-journal"].iter().any(|end| name.ends_with(end))
}

/// Whether a file is empty or begins with a time, as each line of a log does.
fn begins_like_a_log(path: &Path) -> bool {
    const TIME: &[u8] = b"0000-00-00T00:00:00";
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(TIME.len() as u64).read_to_end(&mut start));
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    read.is_ok() && (start.is_empty() || start.len() == TIME.len() && start.iter().zip(TIME).all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_samaras_own_crates_are_heard() {
        for own in ["samara", "samara::session", "samara_lm::log", "samara_engine"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["hyper_util::client", "h2", "samaritan", "reqwest::samara"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn no_character_of_a_log_commands_a_terminal() {
        let mut written = Vec::new();
        let line = "INFO model: a\u{1b}[2Jb\u{9b}31m\u{202e}c\u{7} é\n";
        Escaping(&mut written).write_all(line.as_bytes()).expect("written");
        let expected = "INFO model: a\\u001b[2Jb\\u009b31m\\u202ec\\u0007 é\n";
        assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
    }

    #[test]
    fn a_filter_is_levels_of_crates_and_anything_else_is_refused() {
        assert!(filter(None).expect("none").is_none());
        assert!(filter(Some(" ")).expect("none").is_none());
        let targets = filter(Some("samara_lm=debug,warn")).expect("a filter").expect("a filter");
        assert!(targets.would_enable("samara_lm::log", &tracing::Level::DEBUG));
        assert!(!targets.would_enable("samara_engine::log", &tracing::Level::INFO));
        let refused = filter(Some("samara_lm=loud")).expect_err("no level");
        assert!(refused.message.contains("samara_lm=loud"), "{}", refused.message);
    }

    #[test]
    fn nothing_but_a_log_is_appended_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("experiment.toml"), "[experiment]\nname = \"x\"\n").expect("written");
        std::fs::write(path("short"), "2026").expect("written");
        std::fs::write(path("run.lock"), "").expect("written");
        for name in
            ["experiment.toml", "short", "run.db", "run.db-wal", "run.lock", "RUN.DB", ".", "no/such/log"]
        {
            assert!(open(&path(name)).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(path("experiment.toml")).expect("a file").len(), 24);
        assert!(!path("run.db").exists());
        std::fs::write(path("log"), "2026-11-28T02:17:20.000000Z  INFO samara: x\n").expect("written");
        for name in ["log", "new"] {
            assert!(open(&path(name)).is_ok(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_run_is_no_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let run = folder.path().join("run.lock");
        std::fs::write(&run, "").expect("written");
        let link = folder.path().join("innocent");
        std::os::unix::fs::symlink(&run, &link).expect("linked");
        assert!(open(&link).is_err());
    }
}
