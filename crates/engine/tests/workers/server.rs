//! A NATS server of a test, which it can kill and start again. `.ci/nats` installs one and names it in a variable.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Duration,
};

/// The variable that names the program.
const VARIABLE: &str = "SAMARA_NATS_SERVER";

/// The program, where there is one.
pub(crate) fn program() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// Whether there is no server to test with, which is said.
pub(crate) fn is_missing() -> bool {
    let missing = program().is_none();
    if missing {
        // Not by a macro: the harness keeps what those print to itself.
        std::io::stderr().write_all(b"SKIPPED: no NATS server; .ci/nats installs one\n").unwrap();
    }
    missing
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server with its store.
pub(crate) struct Server {
    port: u16,
    folder: tempfile::TempDir,
    settings: String,
    running: Mutex<Option<Child>>,
}

impl Server {
    /// A server with JetStream and more settings, on a port of its own.
    pub(crate) fn start(settings: &str) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let server = Self { port, folder, settings: settings.to_owned(), running: Mutex::default() };
        server.begin();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn begin(&self) {
        let store = self.folder.path().join("store");
        let config = self.folder.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: {:?} }}\n{}\n",
            self.port, store, self.settings
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(program().unwrap());
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        *self.running.lock().unwrap() = Some(command.spawn().unwrap());
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it as the kernel does, and deletes all that it kept.
    pub(crate) fn lose_everything(&self) {
        if let Some(mut child) = self.running.lock().unwrap().take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let _ = std::fs::remove_dir_all(self.folder.path().join("store"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lose_everything();
    }
}
