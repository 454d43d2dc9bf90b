//! Bringing a warm server of an evaluator up: from an interpreter to a harness that has run.

use super::EvaluatorOptions;
use super::interpreter::Interpreter;
use super::plan::{self, Plan};
use crate::bpf;
use crate::error::{SandboxError, Step};
use crate::launch::{self, Launch};
use crate::plan::c_string;
use crate::python;
use crate::server::{self, Server};
use crate::sys::Strings;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use serde::Deserialize;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

/// What the interpreter is told to run: the server's text, which is the first packet.
const RUN: &str = "import os\nexec(compile(os.read(3, 1 << 20), '<evaluator>', 'exec'))";
const SERVER: &str = include_str!("evaluator.py");
/// Where the encoding of values stands in the text of the server of programs, and where it goes in this one.
const VALUES: [&str; 3] = [
    "# --- Values: the same layout as codec.rs ---\n",
    "# --- What the same seed makes the same ---\n",
    "# <values>\n",
];
/// The longest answer to the harness, in bytes: a traceback may be in it.
const ANSWER: usize = 256 << 10;

/// How long to wait before descriptors that were not let through are sent again.
const AGAIN: Duration = Duration::from_millis(20);

/// A server that has been started but may not be ready.
pub(super) struct Starting(Server);

/// What an exception says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) traceback: String,
}

/// The server's text, with the encoding of values that both servers share.
fn text() -> Result<String, SandboxError> {
    let [begin, end, place] = VALUES;
    let values = python::SERVER.split_once(begin).and_then(|(_, rest)| rest.split_once(end));
    let (values, _) = values.ok_or_else(|| SandboxError::Server("its text lacks the values".to_owned()))?;
    Ok(SERVER.replacen(place, values, 1))
}

/// Puts bytes into a file in memory, for what is too long for a packet.
pub(super) fn in_memory(bytes: &[u8]) -> Result<OwnedFd, Errno> {
    let mut file = std::fs::File::from(rustix::fs::memfd_create(c"evaluation", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(file.into())
}

/// Sends descriptors, waiting if it must. Those that are on their way to somebody are counted for the user, on a host
/// without rights, and evaluations can have so many of them that no more are let through until their trees have ended.
pub(super) fn send(
    server: &Server,
    bytes: &[u8],
    descriptors: &[BorrowedFd<'_>],
    patience: Duration,
) -> Result<(), Errno> {
    let deadline = Instant::now() + patience;
    loop {
        match server.send(bytes, descriptors) {
            Err(Errno::TOOMANYREFS) if Instant::now() < deadline => std::thread::sleep(AGAIN),
            sent => return sent,
        }
    }
}

/// Starts the interpreter; [`Starting::ready`] waits for it.
pub(super) fn start(options: &EvaluatorOptions, interpreter: &Interpreter) -> Result<Starting, SandboxError> {
    let here = |error: Errno| SandboxError::Server(error.to_string());
    let kind = SocketType::SEQPACKET;
    let (socket, inner) =
        rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).map_err(here)?;
    let Plan { jail, below_tmp } = Plan::new(options, interpreter)?;
    let executable = interpreter.executable.as_os_str().as_bytes();
    let arguments = [executable, b"-c", RUN.as_bytes()].map(c_string);
    let environment = plan::environment(options, interpreter).into_iter();
    let environment = environment.map(|(name, value)| c_string(format!("{name}={value}").as_bytes()));
    let launch = Launch {
        program: c_string(executable)?,
        arguments: Strings::new(arguments.into_iter().collect::<Result<_, _>>()?),
        environment: Strings::new(environment.collect::<Result<_, _>>()?),
        jail: Some(jail),
        drop_root: rustix::process::geteuid().is_root(),
        socket: inner,
        rules: None,
        own_name: true,
        may_mount: false,
        host_network: options.network,
    };
    let process = launch::launch(&launch).map_err(needs_processes)?;
    let server = Server { socket, listener: None, process, python: "".into(), address_space: 0, resident: 0 };
    server.send(text()?.as_bytes(), &[]).map_err(here)?;
    let network = options.network;
    let harness = in_memory(options.harness.as_bytes()).map_err(here)?;
    let folder = std::path::absolute(&options.folder).unwrap_or_else(|_| options.folder.clone());
    let hex: String = bpf::evaluators(network, !options.devices.is_empty())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let setup = serde_json::json!({
        "clone": libc::SYS_clone,
        "folder": folder,
        "below_tmp": below_tmp,
        "devices": !options.devices.is_empty(),
        "network": network,
        "filter": hex,
    });
    send(&server, setup.to_string().as_bytes(), &[harness.as_fd()], options.patience).map_err(here)?;
    Ok(Starting(server))
}

/// An evaluator's jail needs more than that of programs: a view of its own processes.
fn needs_processes(error: SandboxError) -> SandboxError {
    match error {
        SandboxError::Step { step: Step::Mount, errno: libc::EPERM } => SandboxError::Evaluator(
            "a private root with processes of its own can't be built: Operation not permitted".to_owned(),
        ),
        other => other,
    }
}

impl Starting {
    /// Waits until the harness has run.
    pub(super) fn ready(self, patience: Duration) -> Result<Server, SandboxError> {
        let Self(mut server) = self;
        let failed = |why: String| SandboxError::Server(why);
        let broken = |error: Errno| failed(error.to_string());
        if !server::readable(&server.socket, Instant::now() + patience).map_err(broken)? {
            let seconds = patience.as_secs_f64();
            return Err(SandboxError::Harness(format!(
                "it did not come to its end in {seconds} s; environment.evaluation.timeout_s gives it more"
            )));
        }
        let (bytes, _) = match server.receive_up_to(ANSWER) {
            Err(Errno::CONNRESET) => (Vec::new(), Vec::new()),
            packet => packet.map_err(broken)?,
        };
        match bytes.split_first() {
            Some((b'R', version)) => server.python = String::from_utf8_lossy(version).into(),
            Some((b'X', said)) => return Err(raised(said)),
            Some((b'U', why)) => {
                let why = String::from_utf8_lossy(why);
                return Err(SandboxError::Evaluator(format!("an evaluation can't be confined: {why}")));
            }
            Some(_) => return Err(failed("its first packet is of no known kind".to_owned())),
            None => {
                return Err(SandboxError::Harness("it ended the interpreter that ran it".to_owned()));
            }
        }
        server.address_space = crate::start::address_space(server.process.pid).unwrap_or(1 << 30);
        Ok(server)
    }
}

fn raised(said: &[u8]) -> SandboxError {
    match serde_json::from_slice::<Said>(said) {
        // A harness that ends itself with a text has said all.
        Ok(Said { kind, message, .. }) if kind == "SystemExit" && message.contains(' ') => {
            SandboxError::Harness(message)
        }
        Ok(Said { kind, message, traceback }) => {
            SandboxError::Harness(format!("{kind}: {message}\n{}", traceback.trim_end()))
        }
        Err(_) => SandboxError::Server(String::from_utf8_lossy(said).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_text_has_the_encoding_of_values_in_it() {
        let text = text().unwrap();
        assert!(
            text.contains("\ndef encode(") && text.contains("\ndef decode(") && !text.contains(VALUES[2])
        );
    }
}
