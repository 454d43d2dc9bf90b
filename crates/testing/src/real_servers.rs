//! Starting a server that `crates/lm/tests/real/prepare.py` has installed, and stopping it with all its children.

use std::{
    io::Write,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// The file in which `prepare.py` writes what it has installed.
fn list() -> PathBuf {
    crate::workspace().join("target/real-servers/ready.json")
}

/// What `prepare.py` has installed under a name. None if it can't be installed here, which is said.
fn prepared(name: &str) -> Option<Value> {
    let prepared = std::fs::read(list()).expect("prepared servers: run .ci/real_servers");
    let mut prepared: Value = serde_json::from_slice(&prepared).unwrap();
    if let Some(why) = prepared[name]["missing"].as_str() {
        // Not by a macro: the harness keeps what those print to itself.
        std::io::stderr().write_all(format!("SKIPPED: {name}: {why}\n").as_bytes()).unwrap();
        return None;
    }
    Some(prepared[name].take())
}

/// The file of a model that `prepare.py` has fetched. None if it can't be fetched here, which is said.
///
/// # Panics
/// If nothing was prepared.
pub fn prepared_model(name: &str) -> Option<String> {
    Some(prepared(name)?["model"].as_str().unwrap().to_owned())
}

/// A running server; it ends with this.
#[derive(Debug)]
pub struct RealServer {
    child: Child,
    /// Its ports on 127.0.0.1.
    pub ports: Vec<u16>,
}

impl RealServer {
    /// Starts a server with this many ports and waits until the first one answers with a success on this path. None if
    /// it can't be installed here, which is said.
    pub fn start(name: &str, ports: usize, ready: &str) -> Option<Self> {
        let file = list();
        let prepared = prepared(name)?;
        let command: Vec<&str> =
            prepared["command"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let ports = free(ports);
        let log = std::fs::File::create(file.with_file_name(format!("{name}-{}.log", ports[0]))).unwrap();
        let child = Command::new(command[0])
            .args(&command[1..])
            .args(ports.iter().map(u16::to_string))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            // Its children belong to its group, and go with it.
            .process_group(0)
            .spawn()
            .unwrap();
        let mut server = Self { child, ports };
        server.wait(ready);
        Some(server)
    }

    fn wait(&mut self, ready: &str) {
        let (url, started) = (self.url(ready), Instant::now());
        while !succeeds(&url) {
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended: see target/real-servers");
            assert!(started.elapsed() < PATIENCE, "the server does not answer on {url}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The address of a path on its first port.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.ports[0])
    }
}

impl Drop for RealServer {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        for signal in ["-TERM", "-KILL"] {
            let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
            let asked = Instant::now();
            while asked.elapsed() < Duration::from_secs(5) {
                if !matches!(self.child.try_wait(), Ok(None)) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let _ = self.child.wait();
    }
}

/// Ports that nobody listens on.
fn free(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// Whether a GET succeeds. By hand, so that no client's retries hide what the server does.
fn succeeds(url: &str) -> bool {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let Ok(mut stream) = std::net::TcpStream::connect(host) else { return false };
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let mut reply = String::new();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(request.as_bytes()).is_ok()
        && std::io::Read::read_to_string(&mut stream, &mut reply).is_ok()
        && reply.starts_with("HTTP/1.1 200")
}
