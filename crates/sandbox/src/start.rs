//! Bringing a fork server up: from an interpreter to a first program that ran.

use crate::access_times;
use crate::bpf;
use crate::defence::{self, Defence};
use crate::error::SandboxError;
use crate::job::{Job, Limits};
use crate::launch::{self, Launch};
use crate::plan::{self, Jail};
use crate::python::Python;
use crate::server::{self, ANSWER_TIMEOUT, Broken, Server};
use crate::sys::Strings;
use crate::tier::Tier;
use crate::value::Value;
use crate::verdict::Ending;
use crate::watch;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

/// Threads and processes of one server.
const PROCESSES: u32 = 64;

/// What the interpreter is told to run: the server's code, which is the first packet.
const RUN: &str = "import marshal, os\nexec(marshal.loads(os.read(3, 1 << 20)))";

/// A server that has been started but may not be ready.
pub(crate) struct Starting(Server);

/// Starts the interpreter; [`Starting::ready`] waits for it.
pub(crate) fn start(python: &Python, tier: Tier, niceness: u8) -> Result<Starting, SandboxError> {
    let here = |error: Errno| SandboxError::Server(error.to_string());
    let flags = SocketFlags::CLOEXEC;
    let (socket, inner) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(here)?;
    let rules = rules(python, tier)?;
    if tier == Tier::Landlock {
        access_times::settle(python);
    }
    let landlock = rules.is_some();
    let executable = plan::executable(python, tier);
    // The interpreter finds its library from its first argument.
    let arguments =
        [executable.as_os_str().as_bytes(), b"-S", b"-s", b"-c", RUN.as_bytes()].map(plan::c_string);
    let environment = plan::environment(python, tier).into_iter();
    let environment = environment.map(|(name, value)| plan::c_string(format!("{name}={value}").as_bytes()));
    let launch = Launch {
        program: plan::c_string(executable.as_os_str().as_bytes())?,
        arguments: Strings::new(arguments.into_iter().collect::<Result<_, _>>()?),
        environment: Strings::new(environment.collect::<Result<_, _>>()?),
        jail: (tier == Tier::Jail).then(|| Jail::new(python)).transpose()?,
        drop_root: tier > Tier::Process && rustix::process::geteuid().is_root(),
        socket: inner,
        rules,
        own_name: defence::holds(Defence::Name),
        may_mount: true,
        host_network: false,
    };
    let process = launch::launch(&launch)?;
    stand_back(process.pid, niceness).map_err(here)?;
    let server = Server { socket, listener: None, process, python: "".into(), address_space: 0, resident: 0 };
    server.send(&python.server_code(), &[]).map_err(here)?;
    server.send(&setup(python, tier, landlock, launch.drop_root), &[]).map_err(here)?;
    Ok(Starting(server))
}

/// Sets how much a server and the programs that it forks stand back behind other processes.
fn stand_back(server: u32, niceness: u8) -> Result<(), Errno> {
    if niceness == 0 {
        return Ok(());
    }
    let server = i32::try_from(server).ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::setpriority_process(Some(server.ok_or(Errno::INVAL)?), i32::from(niceness.min(19)))
}

/// The Landlock rules for a tier. In the tier `landlock` they are the wall. In a jail they are a second one, which holds
/// nothing that namespaces and the list of system calls do not: a kernel without Landlock can have a jail (the doctor
/// says so), but where the kernel has it, it is used, or the jail is refused.
fn rules(python: &Python, tier: Tier) -> Result<Option<OwnedFd>, SandboxError> {
    if tier == Tier::Process || !defence::holds(Defence::Landlock) {
        return Ok(None);
    }
    match (plan::landlock()?, tier) {
        (Some(version), _) => plan::rules(python, tier, version).map(Some),
        (None, Tier::Jail) => Ok(None),
        (None, _) => Err(SandboxError::Landlock("the kernel has none, or has it switched off".to_owned())),
    }
}

/// The filters of a tier: of calls that the host is told of, and of those that are allowed.
fn filters(tier: Tier) -> (Vec<u8>, Vec<u8>) {
    #[cfg(feature = "isolation-tests")]
    if !defence::holds(Defence::Seccomp) {
        return (bpf::open(), bpf::open());
    }
    (bpf::watched(), bpf::policy(tier))
}

const JAIL: u32 = 1;
const FILTER: u32 = 2;
const LANDLOCK: u32 = 4;
const NUMPY: u32 = 8;

/// The first packet to a server.
fn setup(python: &Python, tier: Tier, landlock: bool, drop_root: bool) -> Vec<u8> {
    let (watched, policy) = filters(tier);
    let flags = [
        (tier == Tier::Jail, JAIL),
        (tier != Tier::Process, FILTER),
        (landlock, LANDLOCK),
        (!python.packages.is_empty(), NUMPY),
    ];
    let flags = flags.iter().filter(|(set, _)| *set).fold(0, |all, (_, flag)| all | flag);
    let processes = match tier {
        _ if !defence::holds(Defence::Threads) => 0,
        Tier::Jail => PROCESSES,
        // The limit counts all processes of the user, so those that are there already have to be added.
        Tier::Landlock => PROCESSES.saturating_mul(4).saturating_add(tasks_of_user(drop_root)),
        Tier::Process => 0,
    };
    let calls = [libc::SYS_seccomp, libc::SYS_clone, libc::SYS_waitid].map(|call| call as u32);
    let lengths = [watched.len() as u32, policy.len() as u32];
    let words = [&[flags], &calls[..], &[processes], &lengths].concat();
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

impl Starting {
    /// Waits until it can take programs.
    pub(crate) fn ready(self, tier: Tier) -> Result<Server, SandboxError> {
        let Self(mut server) = self;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let failed = |why: String| SandboxError::Server(why);
        if !server::readable(&server.socket, deadline).map_err(|error| failed(error.to_string()))? {
            return Err(failed(format!("it said nothing for {} s", ANSWER_TIMEOUT.as_secs())));
        }
        let (bytes, mut descriptors) = match server.receive() {
            Err(Errno::CONNRESET) => (Vec::new(), Vec::new()),
            packet => packet.map_err(|error| failed(error.to_string()))?,
        };
        match bytes.split_first() {
            Some((b'R', version)) => server.python = String::from_utf8_lossy(version).into(),
            Some((b'X', why)) => return Err(failed(String::from_utf8_lossy(why).into_owned())),
            Some(_) => return Err(failed("its first packet is of no known kind".to_owned())),
            None => return Err(failed("the interpreter ended at once".to_owned())),
        }
        server.listener = descriptors.pop();
        server.address_space = address_space(server.process.pid).unwrap_or(256 << 20);
        self_test(&mut server, tier)?;
        Ok(server)
    }
}

/// Runs a first program: it shows that a child can be confined, and how much memory a child uses that does nothing.
fn self_test(server: &mut Server, tier: Tier) -> Result<(), SandboxError> {
    let job = Job {
        limits: Limits { wall: ANSWER_TIMEOUT, ..Limits::default() },
        ..Job::new("def ready(): pass", "ready")
    };
    let verdict = watch::run(server, &job, tier).map_err(|Broken(why)| SandboxError::Server(why))?;
    server.resident = verdict.peak_memory;
    match verdict.ending {
        Ending::Ok { value: Value::None } => Ok(()),
        ending => Err(SandboxError::Server(format!("its first program ended with {ending:?}"))),
    }
}

/// Bytes of address space of a process.
pub(crate) fn address_space(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().next()?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
