//! Starting a fork server in its confinement: everything is prepared here, and [`inside`] only makes system calls.

use crate::defence::{self, Defence};
use crate::error::{SandboxError, Step};
use crate::plan::{Bind, Jail};
use crate::sys::{self, Forked, Strings};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{self, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags};
use rustix::thread::CapabilitySet;
use std::ffi::{CStr, CString};

/// The user and group of programs when the host is root: nobody.
pub(crate) const NOBODY: u32 = 65534;
/// The user and group inside a jail.
const INSIDE: u32 = 1000;

/// A fork server to start.
pub(crate) struct Launch {
    pub(crate) program: CString,
    pub(crate) arguments: Strings,
    pub(crate) environment: Strings,
    pub(crate) jail: Option<Jail>,
    /// Whether to become [`NOBODY`]: the host is root.
    pub(crate) drop_root: bool,
    /// The server's end of the socket.
    pub(crate) socket: OwnedFd,
    /// The Landlock rules that children enter.
    pub(crate) rules: Option<OwnedFd>,
    /// Whether a jail has a name of its own to give.
    pub(crate) own_name: bool,
    /// Whether the server keeps the right to mount in its jail.
    pub(crate) may_mount: bool,
    /// Whether it is in the host's network.
    pub(crate) host_network: bool,
}

/// A started process.
pub(crate) struct Started {
    pub(crate) pidfd: OwnedFd,
    pub(crate) pid: u32,
}

/// The first number above those of fixed descriptors.
const FREE: i32 = 16;
const SOCKET: i32 = 3;
const RULES: i32 = 4;

/// Descriptors of the child, moved out of the way of the fixed numbers.
struct Descriptors {
    socket: OwnedFd,
    null: OwnedFd,
    rules: Option<OwnedFd>,
    go: OwnedFd,
    failure: OwnedFd,
}

type Failure = (Step, Errno);

fn failed(step: Step, error: Errno) -> SandboxError {
    SandboxError::Step { step, errno: error.raw_os_error() }
}

/// Starts it; returns when it has become the interpreter.
pub(crate) fn launch(launch: &Launch) -> Result<Started, SandboxError> {
    let here = |error| failed(Step::Prepare, error);
    let away = |descriptor: BorrowedFd<'_>| rustix::io::fcntl_dupfd_cloexec(descriptor, FREE).map_err(here);
    let null = fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map_err(here)?;
    let (go_in, go) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(here)?;
    let (failure, failure_in) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(here)?;
    let inner = Descriptors {
        socket: away(launch.socket.as_fd())?,
        null: away(null.as_fd())?,
        rules: launch.rules.as_ref().map(|rules| away(rules.as_fd())).transpose()?,
        go: away(go_in.as_fd())?,
        failure: away(failure_in.as_fd())?,
    };
    drop((go_in, failure_in));
    let mut namespaces = if launch.jail.is_some() { namespaces() } else { 0 };
    if launch.host_network {
        namespaces &= !libc::CLONE_NEWNET;
    }
    let mut trees: Vec<Option<OwnedFd>> = Vec::new();
    trees.resize_with(launch.jail.as_ref().map_or(0, |jail| jail.binds.len()), || None);
    #[expect(unsafe_code, reason = "fork")]
    // SAFETY: in the child only `inside` runs, which makes system calls on what was prepared above, and exits.
    match unsafe { sys::fork(namespaces) } {
        Err(error) => Err(failed(Step::Namespaces, error)),
        Ok(Forked::Child) => {
            let (step, error) = inside(launch, &inner, &mut trees);
            let [a, b, c, d] = error.raw_os_error().to_ne_bytes();
            let _ = rustix::io::write(&inner.failure, &[step as u8, a, b, c, d]);
            sys::exit_now(71)
        }
        Ok(Forked::Parent { pidfd, pid }) => {
            drop(inner);
            let started = Started { pidfd, pid };
            release(launch, &started, &go, &failure).inspect_err(|_| kill(&started.pidfd))?;
            Ok(started)
        }
    }
}

/// The namespaces of a jail, each with the wall that it is.
const NAMESPACES: [(i32, Option<Defence>); 7] = [
    (libc::CLONE_NEWUSER, None),
    (libc::CLONE_NEWNS, None),
    (libc::CLONE_NEWCGROUP, None),
    (libc::CLONE_NEWPID, Some(Defence::Processes)),
    (libc::CLONE_NEWNET, Some(Defence::Network)),
    (libc::CLONE_NEWIPC, Some(Defence::Ipc)),
    (libc::CLONE_NEWUTS, Some(Defence::Name)),
];

fn namespaces() -> i32 {
    let standing = NAMESPACES.iter().filter(|(_, wall)| wall.is_none_or(defence::holds));
    standing.fold(0, |all, (flag, _)| all | flag)
}

/// Ends a process and waits for its end.
pub(crate) fn kill(pidfd: &OwnedFd) {
    let _ = rustix::process::pidfd_send_signal(pidfd, rustix::process::Signal::KILL);
    let _ = rustix::process::waitid(
        rustix::process::WaitId::PidFd(pidfd.as_fd()),
        rustix::process::WaitIdOptions::EXITED,
    );
}

/// Maps the child's user, lets it go on, and waits until it execs or says why it can't.
fn release(launch: &Launch, started: &Started, go: &OwnedFd, failure: &OwnedFd) -> Result<(), SandboxError> {
    if launch.jail.is_some() {
        map_user(started.pid, launch.drop_root)
            .map_err(|error| failed(Step::Map, Errno::from_io_error(&error).unwrap_or(Errno::INVAL)))?;
    }
    let here = |error| failed(Step::Prepare, error);
    rustix::io::write(go, b"g").map_err(here)?;
    let mut report = [0; 5];
    match rustix::io::retry_on_intr(|| rustix::io::read(failure, &mut report)).map_err(here)? {
        0 => Ok(()),
        5 => {
            let [step, a, b, c, d] = report;
            let error = Errno::from_raw_os_error(i32::from_ne_bytes([a, b, c, d]));
            Err(failed(Step::from_byte(step), error))
        }
        _ => Err(here(Errno::IO)),
    }
}

fn map_user(pid: u32, drop_root: bool) -> std::io::Result<()> {
    let write = |file: &str, text: String| std::fs::write(format!("/proc/{pid}/{file}"), text);
    let (user, group) = match drop_root {
        true => (NOBODY, NOBODY),
        false => (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
    };
    if !drop_root {
        write("setgroups", "deny".to_owned())?;
    }
    write("gid_map", format!("{INSIDE} {group} 1"))?;
    write("uid_map", format!("{INSIDE} {user} 1"))
}

/// The child's way from fork to exec. Returns only to say what failed.
fn inside(launch: &Launch, descriptors: &Descriptors, trees: &mut [Option<OwnedFd>]) -> Failure {
    match confine(launch, descriptors, trees) {
        Err(failure) => failure,
        Ok(()) => (Step::Exec, sys::exec(&launch.program, &launch.arguments, &launch.environment)),
    }
}

fn confine(launch: &Launch, descriptors: &Descriptors, trees: &mut [Option<OwnedFd>]) -> Result<(), Failure> {
    let at = |step: Step| move |error: Errno| (step, error);
    sys::forget_signals();
    // Where a container's own filter refuses this, addresses differ from server to server: the docs say so.
    let _ = sys::fix_addresses();
    let mut byte = [0];
    match rustix::io::read(&descriptors.go, &mut byte) {
        Ok(1) => {}
        _ => return Err((Step::Prepare, Errno::PIPE)),
    }
    // Away from the host's terminal and its signals.
    rustix::process::setsid().map_err(at(Step::Prepare))?;
    if let Some(jail) = &launch.jail {
        // The sources are opened with the host's rights, everything else is done with the program's.
        detach(jail, trees).map_err(at(Step::Open))?;
        become_user(INSIDE, launch.drop_root).map_err(at(Step::User))?;
        build(jail, trees).map_err(at(Step::Mount))?;
        if launch.own_name {
            rustix::system::sethostname(b"sandbox").map_err(at(Step::Host))?;
        }
        // Otherwise all rights go when the interpreter is executed.
        if launch.may_mount {
            keep_mount_right().map_err(at(Step::Capabilities))?;
        }
    } else if launch.drop_root {
        become_user(NOBODY, true).map_err(at(Step::User))?;
    }
    rustix::thread::set_no_new_privs(true).map_err(at(Step::Capabilities))?;
    rustix::process::chdir(c"/").map_err(at(Step::Prepare))?;
    for number in 0..SOCKET {
        sys::duplicate_to(descriptors.null.as_fd(), number).map_err(at(Step::Prepare))?;
    }
    sys::duplicate_to(descriptors.socket.as_fd(), SOCKET).map_err(at(Step::Prepare))?;
    if let Some(rules) = &descriptors.rules {
        sys::duplicate_to(rules.as_fd(), RULES).map_err(at(Step::Prepare))?;
    }
    let first = if descriptors.rules.is_some() { RULES + 1 } else { RULES };
    sys::close_from_on_exec(first as u32).map_err(at(Step::Prepare))
}

/// Becomes a user without groups. Inside a user namespace that does not map 0, no capability is lost by it.
fn become_user(user: u32, leave_groups: bool) -> Result<(), Errno> {
    let (uid, gid) = (rustix::process::Uid::from_raw(user), rustix::process::Gid::from_raw(user));
    if leave_groups {
        rustix::thread::set_thread_groups(&[])?;
    }
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)
}

/// Opens every source as a mount of its own, before the root is changed.
fn detach(jail: &Jail, trees: &mut [Option<OwnedFd>]) -> Result<(), Errno> {
    rustix::mount::mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    for (bind, tree) in jail.binds.iter().zip(trees) {
        let flags =
            OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
        *tree = Some(rustix::mount::open_tree(CWD, bind.source.as_c_str(), flags)?);
    }
    Ok(())
}

const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID;

/// Builds the root that a program sees, and moves there.
fn build(jail: &Jail, trees: &[Option<OwnedFd>]) -> Result<(), Errno> {
    let base = jail.base.as_c_str();
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    rustix::mount::mount(c"sandbox", base, c"tmpfs", flags, jail.room)?;
    rustix::process::chdir(base)?;
    for directory in &jail.directories {
        match fs::mkdir(directory.as_c_str(), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        // What lies in it comes after it.
        if let Some((scratch, room)) = jail.scratch.as_ref().filter(|(scratch, _)| scratch == directory) {
            rustix::mount::mount(c"sandbox", scratch.as_c_str(), c"tmpfs", flags, *room)?;
        }
    }
    for (bind, tree) in jail.binds.iter().zip(trees) {
        attach(bind, tree.as_ref().ok_or(Errno::BADF)?, jail.read_only)?;
    }
    for hidden in &jail.hidden {
        rustix::mount::mount(
            c"sandbox",
            hidden.as_c_str(),
            c"tmpfs",
            flags | MountFlags::RDONLY,
            c"size=4k,nr_inodes=1",
        )?;
    }
    furnish(jail)?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    rustix::process::chdir(c"/")?;
    if !jail.read_only {
        return Ok(());
    }
    let root = fs::open(c"/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    // Everything else that is mounted is read-only already, but for processes of its own.
    sys::mount_setattr(&root, READ_ONLY, !jail.processes)
}

/// Files and links of the jail's own, and its processes: these while the host's can be seen, or the kernel refuses them.
fn furnish(jail: &Jail) -> Result<(), Errno> {
    for (path, content) in &jail.files {
        let flags = OFlags::CREATE | OFlags::CLOEXEC | OFlags::WRONLY;
        let file = fs::openat(CWD, path.as_c_str(), flags, Mode::from_raw_mode(0o644))?;
        rustix::io::write(&file, content)?;
    }
    for (target, path) in &jail.links {
        fs::symlink(target.as_c_str(), path.as_c_str())?;
    }
    if jail.processes {
        let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
        rustix::mount::mount(c"proc", c"proc", c"proc", flags, None::<&CStr>)?;
    }
    Ok(())
}

fn attach(bind: &Bind, tree: &OwnedFd, read_only: bool) -> Result<(), Errno> {
    if read_only {
        let device = if bind.device { libc::MOUNT_ATTR_NOEXEC } else { libc::MOUNT_ATTR_NODEV };
        sys::mount_setattr(tree, READ_ONLY | device, true)?;
    }
    let target: &CStr = &bind.target;
    if !bind.directory {
        let flags = OFlags::CREATE | OFlags::CLOEXEC | OFlags::WRONLY;
        drop(fs::openat(CWD, target, flags, Mode::from_raw_mode(0o644))?);
    }
    rustix::mount::move_mount(tree, c"", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Keeps the one capability that mounting scratch needs, through exec; children give it up.
fn keep_mount_right() -> Result<(), Errno> {
    let only = CapabilitySet::SYS_ADMIN;
    let sets = rustix::thread::CapabilitySets { effective: only, permitted: only, inheritable: only };
    rustix::thread::set_capabilities(None, sets)?;
    rustix::thread::configure_capability_in_ambient_set(only, true)
}
