//! Running the binary as a person would, in a folder of its own.

#![expect(clippy::unwrap_used, reason = "what a test expects to work must work")]
#![allow(dead_code, clippy::allow_attributes, reason = "each test uses its own part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub(crate) mod browser;

/// A folder that vanishes with the test.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
}

/// A script like that of the environments' `experiments/scripts`, with simulated latency and faults.
pub(crate) fn script(extra: &str) -> String {
    let base = samara_testing::workspace_file("crates/environments/experiments/scripts/opinions.toml");
    format!("{base}\n{extra}\n")
}

/// The reply to a request of a path at an address, with further header lines.
pub(crate) fn got(address: &str, path: &str, headers: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// Looks until something is so, which it must be after some ten thousand looks.
pub(crate) fn seen(is_so: impl Fn() -> bool) {
    let look = |_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        is_so()
    };
    assert!((0..10_000).any(look), "it never came to be so");
}

/// Where a line says that figures are served, without the rest of the URL.
pub(crate) fn figures_of(line: &str) -> Option<String> {
    let url = line.trim().strip_prefix("figures: http://")?;
    url.strip_suffix("/metrics").map(str::to_owned)
}

/// Looks at the figures of a run that waits for workers: who has no token hears only that it lives.
pub(crate) fn look_at_figures(address: &str, token: &str) {
    assert!(got(address, "/health", "").starts_with("HTTP/1.1 200"));
    for other in ["", "Authorization: Bearer 0123456789abcdef\r\n"] {
        for path in ["/metrics", "/ready"] {
            assert!(got(address, path, other).starts_with("HTTP/1.1 401"), "{path}");
        }
    }
    let own = format!("Authorization: Bearer {token}\r\n");
    let figures = got(address, "/metrics", &own);
    assert!(figures.starts_with("HTTP/1.1 200") && figures.contains("samara_workers_live 0"), "{figures}");
    assert!(!figures.contains(token));
    assert!(got(address, "/ready", &own).starts_with("HTTP/1.1 503"), "nobody has come yet");
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    /// The binary with these arguments, not yet started; no variable of the caller's reaches it, and what it notes of
    /// its user stays in this place.
    pub(crate) fn samara(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_samara"));
        command.args(arguments).current_dir(self.folder.path()).env("XDG_STATE_HOME", self.path("state"));
        for variable in [
            "OPENAI_BASE_URL",
            "OPENAI_API_BASE",
            "OPENAI_API_KEY",
            "COLUMNS",
            "COMPLETE",
            "_SAMARA_COMPLETE",
            "RUST_LOG",
        ] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.samara(arguments).output().unwrap()
    }

    /// Arguments that run `opinions` against a script.
    pub(crate) fn opinions(&self, script: &str, out: &str, more: &[&str]) -> Vec<String> {
        let models = ["generator", "judge"].map(|role| format!("models.{role}=scripted:{script}"));
        let mut arguments: Vec<String> = ["run", "opinions", "--quiet", "--format", "json", "--out", out]
            .into_iter()
            .map(str::to_owned)
            .collect();
        for set in &models {
            arguments.extend(["--set".to_owned(), set.clone()]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        arguments
    }

    pub(crate) fn run_all(&self, arguments: &[String]) -> Output {
        self.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The JSON that a successful command prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        parse(&self.run(arguments))
    }
}

/// Whether programs can be isolated here; said aloud if not.
pub(crate) fn isolated() -> bool {
    static WORKS: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let why = WORKS.get_or_init(|| {
        let output = Place::new().run(&["sandbox", "doctor"]);
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    if let Some(why) = why {
        samara_testing::tiers::none_isolates(why);
    }
    why.is_none()
}

pub(crate) fn parse(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", error(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether any file below a folder holds these bytes.
pub(crate) fn holds(folder: &Path, needle: &str) -> bool {
    std::fs::read_dir(folder).unwrap().flatten().any(|entry| {
        if entry.path().is_dir() {
            return holds(&entry.path(), needle);
        }
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
    })
}
