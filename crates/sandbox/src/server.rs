//! One fork server: a warm interpreter in its confinement that forks a child per program.
//!
//! The host trusts what it says about how a child ended, and nothing else: every wait here has an end, and a server
//! that is late or gone is replaced. The Python side is `server.py`.

use crate::bpf;
use crate::codec::{self, Budget};
use crate::error::SandboxError;
use crate::job::{ARGUMENTS, Job, Limits, MAX_PROGRAM};
use crate::launch::{self, Launch, Started};
use crate::plan::{self, Jail};
use crate::python::Python;
use crate::sys::Strings;
use crate::tier::Tier;
use crate::value::Value;
use crate::verdict::Outcome;
use crate::watch::{self, Broken};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server may take to start, and to answer when it has something to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Threads and processes of one server.
const PROCESSES: u32 = 64;

const SERVER: &str = include_str!("server.py");

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

impl Drop for Server {
    fn drop(&mut self) {
        launch::kill(&self.process.pidfd);
    }
}

/// A server that has been started but may not be ready.
pub(crate) struct Starting(Server);

/// A packet's bytes and the descriptors that came with it.
pub(crate) type Packet = (Vec<u8>, Vec<OwnedFd>);

impl Server {
    /// Starts the interpreter; [`Starting::ready`] waits for it.
    pub(crate) fn start(python: &Python, tier: Tier) -> Result<Starting, SandboxError> {
        let here = |error: Errno| SandboxError::Server(error.to_string());
        let flags = SocketFlags::CLOEXEC;
        let (socket, inner) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(here)?;
        let rules = rules(python, tier)?;
        let landlock = rules.is_some();
        let executable = plan::executable(python, tier);
        // The interpreter finds its library from its first argument.
        let arguments =
            [executable.as_os_str().as_bytes(), b"-S", b"-s", b"-c", SERVER.as_bytes()].map(plan::c_string);
        let environment = plan::environment(python, tier).into_iter();
        let environment =
            environment.map(|(name, value)| plan::c_string(format!("{name}={value}").as_bytes()));
        let launch = Launch {
            program: plan::c_string(executable.as_os_str().as_bytes())?,
            arguments: Strings::new(arguments.into_iter().collect::<Result<_, _>>()?),
            environment: Strings::new(environment.collect::<Result<_, _>>()?),
            jail: (tier == Tier::Jail).then(|| Jail::new(python)).transpose()?,
            drop_root: tier > Tier::Process && rustix::process::geteuid().is_root(),
            socket: inner,
            rules,
        };
        let process = launch::launch(&launch)?;
        let server =
            Self { socket, listener: None, process, python: "".into(), address_space: 0, resident: 0 };
        server.send(&setup(python, tier, landlock, launch.drop_root), &[]).map_err(here)?;
        Ok(Starting(server))
    }

    /// Whether it lives and has said nothing that it was not asked for: it can take a job.
    pub(crate) fn is_silent(&self) -> bool {
        readable(&self.socket, Instant::now()) == Ok(false)
    }

    fn send(&self, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(&self.socket, &[IoSlice::new(bytes)], &mut control, flags)?;
        Ok(())
    }

    /// A packet that is there; an empty one if the server has gone.
    pub(crate) fn receive(&self) -> Result<Packet, Errno> {
        let mut bytes = vec![0; 2048];
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
        let text = rustix::fs::memfd_create(c"job", MemfdFlags::CLOEXEC)?;
        let mut file = std::fs::File::from(text);
        file.write_all(&body(job)).map_err(|_| Errno::IO)?;
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
        let header: Vec<u8> = [cpu, memory, limits.scratch_bytes, limits.scratch_files]
            .iter()
            .flat_map(|n| n.to_ne_bytes())
            .collect();
        self.send(&header, &[file.as_fd(), output_in.as_fd(), result_in.as_fd()])?;
        Ok((output, result))
    }
}

/// The Landlock rules for a tier. A jail is one without them too.
fn rules(python: &Python, tier: Tier) -> Result<Option<OwnedFd>, SandboxError> {
    match tier {
        Tier::Process => Ok(None),
        Tier::Landlock => plan::rules(python, tier).map(Some),
        Tier::Jail => Ok(plan::rules(python, tier).ok()),
    }
}

const JAIL: u32 = 1;
const FILTER: u32 = 2;
const LANDLOCK: u32 = 4;
const NUMPY: u32 = 8;

/// The first packet to a server.
fn setup(python: &Python, tier: Tier, landlock: bool, drop_root: bool) -> Vec<u8> {
    let (watched, policy) = (bpf::watched(), bpf::policy());
    let flags = [
        (tier == Tier::Jail, JAIL),
        (tier != Tier::Process, FILTER),
        (landlock, LANDLOCK),
        (!python.packages.is_empty(), NUMPY),
    ];
    let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
    let processes = match tier {
        Tier::Jail => PROCESSES,
        // The limit counts all processes of the user, so those that are there already have to be added.
        Tier::Landlock => PROCESSES.saturating_mul(4).saturating_add(tasks_of_user(drop_root)),
        Tier::Process => 0,
    };
    let words = [flags, libc::SYS_seccomp as u32, processes, watched.len() as u32, policy.len() as u32];
    let mut packet: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    packet.extend(watched);
    packet.extend(policy);
    packet
}

/// Threads of the user that programs run as.
fn tasks_of_user(drop_root: bool) -> u32 {
    let user = if drop_root { launch::NOBODY } else { rustix::process::getuid().as_raw() };
    let tasks = |entry: std::fs::DirEntry| {
        let owner = std::os::unix::fs::MetadataExt::uid(&entry.metadata().ok()?);
        if owner != user || !entry.file_name().as_bytes()[0].is_ascii_digit() {
            return None;
        }
        let status = std::fs::read_to_string(entry.path().join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse::<u32>().ok()
    };
    std::fs::read_dir("/proc").map_or(0, |all| all.flatten().filter_map(tasks).sum())
}

/// What a child reads: seed, the budget of its result, program, entry, and the arguments, encoded.
fn body(job: &Job) -> Vec<u8> {
    let Budget { bytes, nodes, depth } = job.limits.result;
    let mut body = job.seed.to_ne_bytes().to_vec();
    let (program, entry) = (job.program.as_bytes(), job.entry.as_bytes());
    let words = [bytes, nodes, depth.min(codec::MAX_DEPTH), program.len() as u32, entry.len() as u32];
    body.extend(words.iter().flat_map(|word| word.to_ne_bytes()));
    body.extend([program, entry].concat());
    body.extend(codec::write(&Value::List(job.arguments.clone())));
    body
}

/// Refuses a job that can't be sent.
pub(crate) fn check(job: &Job) -> Result<(), SandboxError> {
    if job.program.len() > MAX_PROGRAM {
        let length = job.program.len();
        return Err(SandboxError::Job(format!("a program of {length} bytes is longer than {MAX_PROGRAM}")));
    }
    if job.entry.len() > 1000 {
        return Err(SandboxError::Job("the entry's name is longer than 1,000 bytes".to_owned()));
    }
    codec::encode(&Value::List(job.arguments.clone()), ARGUMENTS)
        .map(drop)
        .map_err(|error| SandboxError::Job(format!("the arguments can't be passed on: {error}")))
}

impl Starting {
    /// Waits until it takes programs.
    pub(crate) fn ready(self, tier: Tier) -> Result<Server, SandboxError> {
        let Self(mut server) = self;
        let deadline = Instant::now() + PATIENCE;
        let failed = |why: String| SandboxError::Server(why);
        if !readable(&server.socket, deadline).map_err(|error| failed(error.to_string()))? {
            return Err(failed(format!("it said nothing for {} s", PATIENCE.as_secs())));
        }
        let (bytes, mut descriptors) = match server.receive() {
            Err(Errno::CONNRESET) => (Vec::new(), Vec::new()),
            packet => packet.map_err(|error| failed(error.to_string()))?,
        };
        match bytes.split_first() {
            Some((b'R', version)) => server.python = String::from_utf8_lossy(version).into(),
            Some((b'X', why)) => return Err(failed(String::from_utf8_lossy(why).into_owned())),
            Some(_) => return Err(failed("it said something else".to_owned())),
            None => return Err(failed("the interpreter ended at once".to_owned())),
        }
        server.listener = descriptors.pop();
        server.address_space = address_space(server.process.pid).unwrap_or(256 << 20);
        self_test(&mut server, tier)?;
        Ok(server)
    }
}

/// Runs a first program: it shows that a child can be confined, and what one uses that does nothing.
fn self_test(server: &mut Server, tier: Tier) -> Result<(), SandboxError> {
    let job = Job {
        limits: Limits { wall: PATIENCE, ..Limits::default() },
        ..Job::new("def ready(): pass", "ready")
    };
    let verdict = watch::run(server, &job, tier).map_err(|Broken(why)| SandboxError::Server(why))?;
    server.resident = verdict.peak_memory;
    match verdict.outcome {
        Outcome::Ok { value: Value::None } => Ok(()),
        outcome => Err(SandboxError::Server(format!("its first program ended with {outcome:?}"))),
    }
}

/// Bytes of address space of a process.
fn address_space(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

fn readable(socket: &OwnedFd, deadline: Instant) -> Result<bool, Errno> {
    let left = deadline.saturating_duration_since(Instant::now());
    let mut descriptors = [PollFd::new(socket, PollFlags::IN)];
    let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    Ok(rustix::io::retry_on_intr(|| poll(&mut descriptors, Some(&timeout)))? > 0)
}
