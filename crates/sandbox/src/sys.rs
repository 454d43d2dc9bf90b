//! The system calls that no safe crate wraps, each with the reason why it is sound. Nothing here decides anything.

use rustix::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use rustix::io::Errno;
use std::ffi::{CString, c_char};
use std::time::Duration;

/// Where a process finds itself after [`fork`].
pub(crate) enum Forked {
    /// In the new process.
    Child,
    /// In the old one.
    Parent {
        /// The child, for waiting and killing.
        pidfd: OwnedFd,
        /// Its number here.
        pid: u32,
    },
}

fn result(returned: libc::c_long) -> Result<libc::c_long, Errno> {
    if returned < 0 { Err(last_error()) } else { Ok(returned) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// Forks into new namespaces (`CLONE_NEW*`, or none).
///
/// # Safety
/// The child is a copy of one thread of a process that may have others: until it execs it may only make system calls,
/// never allocate, lock or unwind, and it must not return from the function that called this.
#[expect(unsafe_code, reason = "fork is unsafe by nature; the caller's duty is above")]
pub(crate) unsafe fn fork(namespaces: i32) -> Result<Forked, Errno> {
    let mut pidfd: RawFd = -1;
    let flags = libc::c_long::from(namespaces | libc::CLONE_PIDFD | libc::SIGCHLD);
    let null = std::ptr::null_mut::<u8>();
    // SAFETY: without CLONE_VM this is fork: the child has its own copy of memory and stack (a null stack keeps it).
    // The kernel writes one int to `pidfd`, which is alive. The first three arguments have this order everywhere.
    let pid = result(unsafe { libc::syscall(libc::SYS_clone, flags, null, &raw mut pidfd, null, null) })?;
    if pid == 0 {
        return Ok(Forked::Child);
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows its number.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Forked::Parent { pidfd, pid: pid as u32 })
}

/// Strings as `execve` wants them: pointers into what is owned beside them.
pub(crate) struct Strings {
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    pub(crate) fn new(owned: Vec<CString>) -> Self {
        let pointers = owned.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Self { pointers, _owned: owned }
    }
}

/// Becomes another program; returns only the reason why not.
#[expect(unsafe_code, reason = "execve takes raw pointers")]
pub(crate) fn exec(program: &CString, arguments: &Strings, environment: &Strings) -> Errno {
    // SAFETY: three pointers to NUL-terminated strings, or null-terminated lists of such, that outlive the call.
    unsafe { libc::execve(program.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr()) };
    last_error()
}

/// Sets attributes (`MOUNT_ATTR_*`) of a mount, and of those in it if asked to.
#[expect(unsafe_code, reason = "rustix has no mount_setattr")]
pub(crate) fn mount_setattr(mount: impl AsFd, set: u64, inside: bool) -> Result<(), Errno> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = libc::AT_EMPTY_PATH | if inside { libc::AT_RECURSIVE } else { 0 };
    let size = size_of::<libc::mount_attr>();
    let mount = mount.as_fd().as_raw_fd();
    // SAFETY: an open descriptor, an empty string, and a structure that is alive, with its size.
    result(unsafe {
        libc::syscall(libc::SYS_mount_setattr, mount, c"".as_ptr(), flags, &raw const attributes, size)
    })?;
    Ok(())
}

/// Makes a copy of a descriptor at a fixed number that a new program inherits, whatever was there before.
#[expect(unsafe_code, reason = "the number is not owned by anybody, so no safe type describes it")]
pub(crate) fn duplicate_to(descriptor: BorrowedFd<'_>, number: RawFd) -> Result<(), Errno> {
    // SAFETY: only used in a new process that owns all its numbers and execs next.
    result(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }.into())?;
    Ok(())
}

/// Closes every descriptor from this number on when the process execs.
#[expect(unsafe_code, reason = "closing descriptors by number")]
pub(crate) fn close_from_on_exec(first: u32) -> Result<(), Errno> {
    // SAFETY: sets a flag, closes nothing now; only used in a new process that execs next.
    result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) })?;
    Ok(())
}

/// Lets the next program have the same addresses each time: what depends on them, such as the order of a set of
/// functions, is then the same. Against hostile programs chance in addresses protects nothing: they run code of their own.
#[expect(unsafe_code, reason = "rustix has no personality")]
pub(crate) fn fix_addresses() -> Result<(), Errno> {
    const ASK: libc::c_ulong = 0xffff_ffff;
    // SAFETY: reads flags of this process; no memory is involved.
    let now = result(unsafe { libc::personality(ASK) }.into())?;
    let wanted = now as libc::c_ulong | libc::ADDR_NO_RANDOMIZE as libc::c_ulong;
    // SAFETY: sets flags of this process that take effect when it execs; no memory is involved.
    result(unsafe { libc::personality(wanted) }.into())?;
    Ok(())
}

/// Blocks and ignores no signal: what the host blocks or ignores, or what it was started with (a shell lets background
/// commands ignore interrupts), is not a program's concern.
#[expect(unsafe_code, reason = "signal masks take pointers, and dispositions may be functions")]
pub(crate) fn forget_signals() {
    // SAFETY: an all-zero set is a valid empty one, and both pointers are valid or null. The default disposition is no
    // function, and this process is about to exec; what can't be changed stays as it is.
    unsafe {
        for signal in 1..=64 {
            libc::signal(signal, libc::SIG_DFL);
        }
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// The version of Landlock's interface that the kernel has; an error if it has none (`ENOSYS`: not built in,
/// `EOPNOTSUPP`: switched off).
#[expect(unsafe_code, reason = "the question is a system call that nothing wraps")]
pub(crate) fn landlock_version() -> Result<u32, Errno> {
    const VERSION: u32 = 1;
    let null = std::ptr::null::<u8>();
    // SAFETY: with this flag the kernel reads no memory: it demands a null pointer and a size of zero.
    let version =
        result(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, null, 0_usize, VERSION) })?;
    Ok(version as u32)
}

/// Ends this process at once.
#[expect(unsafe_code, reason = "_exit is an extern function")]
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: no memory is touched; nothing runs afterwards.
    unsafe { libc::_exit(code) }
}

/// Which system call a process under a listening filter wants to make; `None` if it has gone meanwhile.
#[expect(unsafe_code, reason = "an ioctl that fills a structure")]
pub(crate) fn notified_call(listener: impl AsFd) -> Result<Option<libc::c_long>, Errno> {
    const RECEIVE: libc::c_ulong = 0xc050_2100;
    let listener = listener.as_fd().as_raw_fd();
    // SAFETY: integers only, so zeros are valid; the kernel demands them.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request's size field says 80 bytes, which is the size of this structure (checked below).
    let returned = unsafe { libc::ioctl(listener, RECEIVE as _, &raw mut notification) };
    const { assert!(size_of::<libc::seccomp_notif>() == 80) };
    match result(returned.into()) {
        Ok(_) => Ok(Some(notification.data.nr.into())),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The CPU time of a process and its threads, if it is there.
#[expect(unsafe_code, reason = "clocks of other processes have no safe wrapper")]
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    // The kernel's encoding: the number's complement, and 2 for the scheduler's clock.
    let clock = (!(pid as libc::clockid_t) << 3) | 2;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec that is alive; an unknown clock is an error.
    let returned = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (returned == 0).then(|| Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_time_of_this_process_can_be_read_and_grows() {
        let before = cpu_time(std::process::id()).unwrap();
        while cpu_time(std::process::id()).unwrap() - before < Duration::from_millis(5) {}
        assert_eq!(cpu_time(u32::MAX >> 4), None);
    }
}
