//! One fork server: a warm interpreter in its confinement that forks a child per program.
//!
//! The host believes what the server says about how a child ended, and nothing else: every wait here has a limit, and
//! a server that is late or gone is replaced. The Python side is `server.py`; `start` brings a server up.

use crate::codec::{self, Budget};
use crate::error::SandboxError;
use crate::job::{Job, MAX_PROGRAM};
use crate::launch::{self, Started};
use crate::value::Value;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server may take to start, and to answer.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The most that arguments may be, together.
const ARGUMENTS: Budget = Budget { bytes: 16 << 20, nodes: 1_000_000, depth: 64 };

/// The longest body, in bytes, that is sent with its job; a longer one is sent as a file.
const SHORT: usize = 64 << 10;

/// A running fork server. Dropping it ends it and all that it started.
pub(crate) struct Server {
    pub(crate) socket: OwnedFd,
    /// Tells of forbidden calls.
    pub(crate) listener: Option<OwnedFd>,
    pub(crate) process: Started,
    pub(crate) python: Arc<str>,
    /// What it uses when idle, in bytes.
    pub(crate) address_space: u64,
    /// What a child uses that does nothing, in bytes.
    pub(crate) resident: u64,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("pid", &self.process.pid).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        launch::kill(&self.process.pidfd);
    }
}

/// The server can't be used any more; its program's fate is unknown.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

impl From<Errno> for Broken {
    fn from(error: Errno) -> Self {
        Self(error.to_string())
    }
}

/// A packet's bytes and the descriptors that came with it.
pub(crate) type Packet = (Vec<u8>, Vec<OwnedFd>);

impl Server {
    /// Whether it is alive and has said nothing unasked: it can take a job.
    pub(crate) fn is_silent(&self) -> bool {
        readable(&self.socket, Instant::now()) == Ok(false)
    }

    pub(crate) fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, flags)?;
        Ok(())
    }

    /// The packet that has arrived; an empty one if the server is gone.
    pub(crate) fn receive(&self) -> Result<Packet, Errno> {
        self.receive_up_to(2048)
    }

    /// The same, of at most so many bytes.
    pub(crate) fn receive_up_to(&self, most: usize) -> Result<Packet, Errno> {
        let mut bytes = vec![0; most];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
        let got =
            rustix::net::recvmsg(&self.socket, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags)?;
        bytes.truncate(got.bytes);
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        Ok((bytes, descriptors))
    }

    /// Hands a job over. Returns where its output and its result will appear.
    pub(crate) fn submit(&self, job: &Job) -> Result<(OwnedFd, OwnedFd), Errno> {
        let flags = rustix::pipe::PipeFlags::CLOEXEC;
        let (output, output_in) = rustix::pipe::pipe_with(flags)?;
        let (result, result_in) = rustix::pipe::pipe_with(flags)?;
        for pipe in [&output, &result] {
            rustix::fs::fcntl_setfl(pipe, rustix::fs::OFlags::NONBLOCK)?;
        }
        let limits = &job.limits;
        // One second more than the host allows, rounded up: the host looks more closely, this holds if it can't.
        let cpu = limits.cpu.as_secs() + 2;
        let memory = self.address_space.saturating_add(limits.memory);
        let mut packet = b"J\0\0\0\0\0\0\0".to_vec();
        for number in [cpu, memory, limits.scratch_bytes, limits.scratch_files] {
            packet.extend(number.to_ne_bytes());
        }
        let body = body(job);
        if body.len() <= SHORT {
            packet.extend(body);
            self.send(&packet, &[output_in.as_fd(), result_in.as_fd()])?;
        } else {
            let file = rustix::fs::memfd_create(c"job", MemfdFlags::CLOEXEC)?;
            let mut file = std::fs::File::from(file);
            file.write_all(&body).map_err(|_| Errno::IO)?;
            self.send(&packet, &[output_in.as_fd(), result_in.as_fd(), file.as_fd()])?;
        }
        Ok((output, result))
    }
}

/// What a child reads: seed, the budget of its result, prelude, program, entry, and the arguments, encoded.
fn body(job: &Job) -> Vec<u8> {
    let Budget { bytes, nodes, depth } = job.limits.result;
    let mut body = job.seed.to_ne_bytes().to_vec();
    // A byte-order mark at the beginning is none of the program, as where Python reads a file.
    let program = job.program.strip_prefix('\u{feff}').unwrap_or(&job.program);
    let parts = [&*job.prelude, program, &*job.entry].map(str::as_bytes);
    let [prelude, program, entry] = parts.map(|part| part.len() as u32);
    let words = [bytes, nodes, depth.min(codec::MAX_DEPTH), prelude, program, entry];
    body.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    body.extend(parts.concat());
    body.extend(codec::write(&Value::List(job.arguments.clone())));
    body
}

/// Refuses a job that can't be sent.
pub(crate) fn check(job: &Job) -> Result<(), SandboxError> {
    let length = job.prelude.len() + job.program.len();
    if length > MAX_PROGRAM {
        return Err(SandboxError::Job(format!("a program of {length} bytes is longer than {MAX_PROGRAM}")));
    }
    if job.entry.len() > 1000 {
        return Err(SandboxError::Job("the entry's name is longer than 1,000 bytes".to_owned()));
    }
    codec::encode(&Value::List(job.arguments.clone()), ARGUMENTS)
        .map(drop)
        .map_err(|error| SandboxError::Job(format!("the arguments can't be passed on: {error}")))
}

/// Whether something can be read before the deadline.
pub(crate) fn readable(socket: &OwnedFd, deadline: Instant) -> Result<bool, Errno> {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut descriptors = [PollFd::new(socket, PollFlags::IN)];
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    Ok(rustix::io::retry_on_intr(|| poll(&mut descriptors, Some(&timeout)))? > 0)
}
