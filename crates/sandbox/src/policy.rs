//! Which system calls a program may make, as data, each group with its reason.
//!
//! What is on no list is answered with EPERM, so that Python raises `PermissionError`. `clone3` is answered with
//! ENOSYS, so that the C library falls back to `clone`, whose flags a filter can read. How the lists become a filter
//! is in `crate::bpf`.
//!
//! Pipes are on no list: what is in them is memory of the kernel that RLIMIT_AS does not count, and how much one may
//! hold is counted for the user, so that programs at the same time would see each other by it.

use crate::tier::Tier;
use libc::c_long;

/// When a call on a list is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// Never.
    Never,
    /// If this argument has all of these bits, and none of those (in its low 32 bits).
    Bits {
        /// Position.
        argument: u8,
        /// All set.
        all: u32,
        /// None set.
        none: u32,
    },
    /// If this argument has all of these bits (in its low 32 bits); otherwise the answer is an error of its own.
    BitsOr {
        /// Position.
        argument: u8,
        /// All set.
        all: u32,
        /// The error's number.
        errno: i32,
    },
    /// Unless this argument has all of these bits (in its low 32 bits).
    NotAll {
        /// Position.
        argument: u8,
        /// Not all set.
        bits: u32,
    },
    /// If this argument, as 64 bits, is zero.
    Zero {
        /// Position.
        argument: u8,
    },
    /// If these two arguments are zero.
    BothZero {
        /// Position of one.
        first: u8,
        /// Position of the other.
        second: u8,
    },
    /// Unless the low 32 bits of this argument are one of these.
    Unless {
        /// Position.
        argument: u8,
        /// The values.
        values: &'static [u32],
    },
    /// If the low 32 bits of this argument are one of these.
    OneOf {
        /// Position.
        argument: u8,
        /// The values.
        values: &'static [u32],
    },
    /// Unless this argument has all bits of one of these (in its low 32 bits).
    NoneOf {
        /// Position.
        argument: u8,
        /// Each: not all set.
        masks: &'static [u32],
    },
    /// If the low 32 bits of these two arguments are not this value and one of those; otherwise nothing is done, and the
    /// answer is success.
    DoneUnless {
        /// Position of one.
        first: u8,
        /// Its value.
        value: u32,
        /// Position of the other.
        second: u8,
        /// Its values.
        values: &'static [u32],
    },
}

impl When {
    /// A socket of this machine alone.
    pub const LOCAL: Self = Self::OneOf { argument: 0, values: &[libc::AF_UNIX as u32] };
    /// A socket of the kinds that names and addresses of the network need.
    pub const NETWORK: Self = Self::OneOf {
        argument: 0,
        values: &[libc::AF_UNIX as u32, libc::AF_INET as u32, libc::AF_INET6 as u32, libc::AF_NETLINK as u32],
    };
}

impl When {
    /// Memory that belongs to one process, or to a file.
    pub const COUNTED: Self = Self::NoneOf { argument: 3, masks: &[SHARED_ALONE, libc::MAP_HUGETLB as u32] };
}

/// Memory that processes share and no file holds: a page that no process has mapped any more is still there.
const SHARED_ALONE: u32 = (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u32;

/// Calls that are allowed, under a condition, for a reason.
#[derive(Debug, Clone, Copy)]
pub struct Allow {
    /// The calls' numbers.
    pub calls: &'static [c_long],
    /// The condition.
    pub when: When,
    /// The reason.
    pub why: &'static str,
}

const fn always(calls: &'static [c_long], why: &'static str) -> Allow {
    Allow { calls, when: When::Always, why }
}

/// What every thread of a C library shares with its process. A thread with a descriptor table of its own would hold as
/// many descriptors again.
const THREAD: u32 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SETTLS) as u32;
/// What C libraries ask for beside that: numbers of threads in memory, and a flag that has no effect any more.
const THREAD_MAY: u32 = (libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_SETTID
    | libc::CLONE_CHILD_CLEARTID
    | libc::CLONE_DETACHED) as u32;
/// STATX_MNT_ID and STATX_MNT_ID_UNIQUE.
const MOUNT_NUMBERS: u32 = 0x1000 | 0x4000;
const WRITE_AND_EXECUTE: u32 = (libc::PROT_WRITE | libc::PROT_EXEC) as u32;
/// What opening a file for anything but reading asks for. A path alone (`O_PATH`) is no reading either, and Landlock
/// does not govern it.
const NOT_READING: u32 = (libc::O_WRONLY
    | libc::O_RDWR
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_APPEND
    | libc::O_PATH
    | (libc::O_TMPFILE & !libc::O_DIRECTORY)) as u32;

/// What may be said about memory: that it is not needed, large pages, filling it at once.
const ADVICE: &[u32] = &[
    libc::MADV_DONTNEED as u32,
    libc::MADV_FREE as u32,
    libc::MADV_HUGEPAGE as u32,
    libc::MADV_NOHUGEPAGE as u32,
    libc::MADV_POPULATE_READ as u32,
    libc::MADV_POPULATE_WRITE as u32,
];

/// What a program may do in this tier.
pub fn allowed(tier: Tier) -> impl Iterator<Item = &'static Allow> {
    ALLOWED.iter().chain(if tier == Tier::Landlock { READING } else { SCRATCH })
}

/// What a program may do with files where it has a scratch.
const SCRATCH: &[Allow] = &[
    always(
        &[libc::SYS_openat, libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_ftruncate],
        "scratch: everything else is read-only by mount. Calls that change modes, owners, times and attributes are on no \
         list",
    ),
    Allow {
        calls: &[libc::SYS_renameat2],
        when: When::Zero { argument: 4 },
        why: "renaming in scratch, without leaving a device of the kernel's (a whiteout) behind",
    },
    #[cfg(target_arch = "x86_64")]
    always(
        &[libc::SYS_open, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_unlink, libc::SYS_rename],
        "older forms of the above, which C libraries still use",
    ),
];

/// What a program may do with files where it has none: nothing is opened for writing, whatever of it the kernel's
/// Landlock governs (truncating: since Linux 6.2).
const READING: &[Allow] = &[
    Allow {
        calls: &[libc::SYS_openat],
        when: When::Bits { argument: 2, all: 0, none: NOT_READING },
        why: "reading the library",
    },
    #[cfg(target_arch = "x86_64")]
    Allow {
        calls: &[libc::SYS_open],
        when: When::Bits { argument: 1, all: 0, none: NOT_READING },
        why: "its older form",
    },
];

/// What a program may do in every tier.
const ALLOWED: &[Allow] = &[
    always(
        &[
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_readv,
            libc::SYS_writev,
            libc::SYS_pread64,
            libc::SYS_pwrite64,
            libc::SYS_lseek,
            libc::SYS_close,
            libc::SYS_close_range,
            libc::SYS_dup,
            libc::SYS_dup3,
            libc::SYS_ppoll,
            libc::SYS_pselect6,
        ],
        "input and output on descriptors that the program has: its result, its output, its scratch",
    ),
    always(
        &[
            libc::SYS_fstat,
            libc::SYS_newfstatat,
            libc::SYS_faccessat,
            libc::SYS_faccessat2,
            libc::SYS_getdents64,
            libc::SYS_getcwd,
        ],
        "import and scratch: which files there are is decided by the mount namespace or by Landlock",
    ),
    Allow {
        calls: &[libc::SYS_statx],
        when: When::Bits { argument: 3, all: 0, none: MOUNT_NUMBERS },
        why: "the same, but not the number of its mount, which the whole machine counts on",
    },
    always(&[libc::SYS_umask], "what would be a file's mode, in scratch"),
    always(&[libc::SYS_brk, libc::SYS_munmap, libc::SYS_mremap], "memory, bounded by RLIMIT_AS"),
    Allow {
        calls: &[libc::SYS_madvise],
        when: When::OneOf { argument: 2, values: ADVICE },
        why: "giving memory back, and its size of pages. Not sharing pages with other processes (how long a write takes \
              then tells what they hold), and not throwing out what others have in memory as well",
    },
    Allow {
        calls: &[libc::SYS_mmap],
        when: When::NotAll { argument: 2, bits: WRITE_AND_EXECUTE },
        why: "memory and shared libraries, but none that is written and executed",
    },
    Allow {
        calls: &[libc::SYS_mprotect],
        when: When::Bits { argument: 2, all: 0, none: libc::PROT_EXEC as u32 },
        why: "stacks of threads, and relocations: nothing that was written becomes code",
    },
    always(
        &[
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigprocmask,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
            libc::SYS_setitimer,
            libc::SYS_getitimer,
            libc::SYS_restart_syscall,
        ],
        "a program's own signals and timers. It can send none: kill, tgkill, rt_sigqueueinfo are on no list",
    ),
    Allow {
        calls: &[libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep],
        // 0 to 7: realtime, monotonic, own process, own thread, raw, coarse, boot. Negative ones are the clocks of other
        // processes: the CPU time of other programs.
        when: When::Bits { argument: 0, all: 0, none: !7 },
        why: "time, but not the CPU time of other processes",
    },
    always(
        &[
            libc::SYS_nanosleep,
            libc::SYS_gettimeofday,
            libc::SYS_times,
            libc::SYS_getrusage,
            libc::SYS_sched_yield,
        ],
        "time, and the program's own use of it",
    ),
    Allow {
        calls: &[libc::SYS_clone],
        when: When::Bits { argument: 0, all: THREAD, none: !(THREAD | THREAD_MAY) },
        why: "threads of this process, as C libraries make them: they end with it. Never a process or a namespace",
    },
    Allow {
        calls: &[libc::SYS_futex],
        // A lock that is not private lies in a file if its memory does: all programs have the library's files in
        // memory, and would wake each other through them. Only the C library's wait for a thread's end is made so, and
        // that asks again when the answer is to try again (which costs the time of a CPU while it waits; Python itself
        // waits otherwise).
        when: When::BitsOr { argument: 1, all: libc::FUTEX_PRIVATE_FLAG as u32, errno: libc::EAGAIN },
        why: "locks between threads of this process, but not between processes",
    },
    always(&[libc::SYS_set_robust_list, libc::SYS_rseq], "locks and threads of the C library"),
    always(&[libc::SYS_exit, libc::SYS_exit_group], "to exit"),
    always(
        &[
            libc::SYS_getpid,
            libc::SYS_gettid,
            libc::SYS_getppid,
            libc::SYS_getuid,
            libc::SYS_geteuid,
            libc::SYS_getgid,
            libc::SYS_getegid,
        ],
        "the program's own numbers; in the jail they are the same for every program",
    ),
    always(&[libc::SYS_getrandom], "random bytes, as `import random` reads them"),
    Allow {
        calls: &[libc::SYS_prlimit64],
        when: When::BothZero { first: 0, second: 2 },
        why: "reading the program's own limits; setting needs a pointer as third argument",
    },
    Allow {
        calls: &[libc::SYS_sched_getaffinity],
        when: When::Zero { argument: 0 },
        why: "how many CPUs this process has, but nothing of others",
    },
    Allow {
        calls: &[libc::SYS_fcntl],
        when: When::OneOf {
            argument: 1,
            values: &[
                libc::F_DUPFD as u32,
                libc::F_GETFD as u32,
                libc::F_SETFD as u32,
                libc::F_GETFL as u32,
                libc::F_DUPFD_CLOEXEC as u32,
            ],
        },
        why: "flags of descriptors. No owner (it sends signals), no locks, leases or pipe sizes",
    },
    Allow {
        calls: &[libc::SYS_ioctl],
        when: When::OneOf {
            argument: 1,
            values: &[libc::TCGETS as u32, libc::FIOCLEX as u32, libc::FIONCLEX as u32],
        },
        why: "isatty and close-on-exec, which Python asks for every file it opens",
    },
    #[cfg(target_arch = "x86_64")]
    always(
        &[
            libc::SYS_stat,
            libc::SYS_lstat,
            libc::SYS_access,
            libc::SYS_dup2,
            libc::SYS_poll,
            libc::SYS_select,
            libc::SYS_alarm,
            libc::SYS_pause,
            libc::SYS_time,
            libc::SYS_getpgrp,
        ],
        "older forms of the above, which C libraries still use",
    ),
];

/// What evaluators may do under a condition, or not at all, beside what is [`FORBIDDEN`]. All else they may: they fork,
/// execute, and have files, sockets of their own and signals, within their jail.
pub const EVALUATORS: &[Allow] = &[
    Allow {
        calls: &[libc::SYS_clone],
        when: When::Bits { argument: 0, all: 0, none: NAMESPACES },
        why: "processes and threads, but no namespaces: in one of its own a process could mount, and leave the tree",
    },
    Allow {
        calls: &[libc::SYS_socket],
        when: When::LOCAL,
        why: "sockets between processes of this evaluation, unless the network was asked for",
    },
    Allow {
        calls: &[libc::SYS_mount, libc::SYS_umount2],
        when: When::Never,
        why: "what an evaluator sees is decided before it runs",
    },
    Allow {
        calls: &[libc::SYS_memfd_create, libc::SYS_shmget, libc::SYS_msgget, libc::SYS_semget],
        when: When::Never,
        why: "memory that belongs to no process and to no file system of a size, so that nothing would bound it",
    },
    Allow {
        calls: &[libc::SYS_ioprio_set],
        when: When::Never,
        why: "turns at the disk, which process 1 could lose as well",
    },
    Allow {
        calls: &[
            libc::SYS_prlimit64,
            libc::SYS_sched_setaffinity,
            libc::SYS_sched_setattr,
            libc::SYS_sched_setparam,
            libc::SYS_sched_setscheduler,
        ],
        when: When::Unless { argument: 0, values: &[1] },
        why: "limits and turns of its own processes, but not of process 1, which measures them and is of the same user",
    },
    Allow {
        calls: &[libc::SYS_setpriority],
        when: When::BothZero { first: 0, second: 1 },
        why: "the priority of the process that asks: not that of all of a user, process 1 among them",
    },
    Allow {
        calls: &[libc::SYS_ioctl],
        when: When::Unless { argument: 1, values: &[libc::TIOCSTI as u32, 0x541c] },
        why: "devices that were asked for, but nothing that types into a terminal (TIOCSTI, TIOCLINUX)",
    },
    Allow {
        calls: &[libc::SYS_mmap],
        when: When::COUNTED,
        why: "memory that is counted where it is mapped. What processes share without a file is there, counted for \
              nobody, when it is mapped and in no process's memory; huge pages are not counted at all. Devices map as \
              they need",
    },
    Allow {
        calls: &[libc::SYS_setsockopt],
        when: When::DoneUnless {
            first: 1,
            value: libc::SOL_SOCKET as u32,
            second: 2,
            values: &[
                libc::SO_SNDBUF as u32,
                libc::SO_RCVBUF as u32,
                libc::SO_SNDBUFFORCE as u32,
                libc::SO_RCVBUFFORCE as u32,
            ],
        },
        why: "options of sockets, but for the size of their buffers, which are memory of the kernel. Programs ask for one \
              as for a hint, and take no answer but success well",
    },
    Allow {
        calls: &[libc::SYS_fcntl],
        when: When::Unless {
            argument: 1,
            values: &[libc::F_SETPIPE_SZ as u32, libc::F_SETLEASE as u32, libc::F_NOTIFY as u32],
        },
        why: "all of descriptors, but for the size of pipes, which is memory of the kernel and counted for the host's \
              user, and for leases and watches, by which whoever writes one of the host's files would have to wait",
    },
    Allow {
        calls: &[
            #[cfg(target_arch = "x86_64")]
            libc::SYS_inotify_init,
            libc::SYS_inotify_init1,
        ],
        when: When::Never,
        why: "watches of files: how many there may be is counted for the host's user, whose other programs need them",
    },
];

/// `CLONE_NEW*`, but for namespaces of time, whose bit is a signal's for this call.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Calls that no honest program makes: the host is told of them and ends the program, with the call's name as verdict.
pub const FORBIDDEN: &[(c_long, &str)] = &[
    // Other processes: reading, writing, tracing, comparing, taking their descriptors.
    (libc::SYS_ptrace, "ptrace"),
    (libc::SYS_process_vm_readv, "process_vm_readv"),
    (libc::SYS_process_vm_writev, "process_vm_writev"),
    (libc::SYS_process_madvise, "process_madvise"),
    (libc::SYS_kcmp, "kcmp"),
    (libc::SYS_pidfd_getfd, "pidfd_getfd"),
    // Mounts, roots and namespaces. Not mount and umount2: the fork server makes them, for scratch, and it lives under
    // this list itself. For a program they are on no list, and so refused.
    (libc::SYS_pivot_root, "pivot_root"),
    (libc::SYS_chroot, "chroot"),
    (libc::SYS_setns, "setns"),
    (libc::SYS_unshare, "unshare"),
    (libc::SYS_open_tree, "open_tree"),
    (libc::SYS_move_mount, "move_mount"),
    (libc::SYS_fsopen, "fsopen"),
    (libc::SYS_fsconfig, "fsconfig"),
    (libc::SYS_fsmount, "fsmount"),
    (libc::SYS_fspick, "fspick"),
    (libc::SYS_mount_setattr, "mount_setattr"),
    (libc::SYS_open_by_handle_at, "open_by_handle_at"),
    (libc::SYS_name_to_handle_at, "name_to_handle_at"),
    // The kernel itself: modules, another kernel, its programs, its log, its clock.
    (libc::SYS_init_module, "init_module"),
    (libc::SYS_finit_module, "finit_module"),
    (libc::SYS_delete_module, "delete_module"),
    (libc::SYS_kexec_load, "kexec_load"),
    (libc::SYS_reboot, "reboot"),
    (libc::SYS_bpf, "bpf"),
    (libc::SYS_perf_event_open, "perf_event_open"),
    (libc::SYS_syslog, "syslog"),
    (libc::SYS_settimeofday, "settimeofday"),
    (libc::SYS_clock_settime, "clock_settime"),
    (libc::SYS_adjtimex, "adjtimex"),
    (libc::SYS_swapon, "swapon"),
    (libc::SYS_swapoff, "swapoff"),
    (libc::SYS_acct, "acct"),
    (libc::SYS_quotactl, "quotactl"),
    (libc::SYS_sethostname, "sethostname"),
    (libc::SYS_setdomainname, "setdomainname"),
    // Ways around a filter, or large surfaces with a history of escapes.
    (libc::SYS_io_uring_setup, "io_uring_setup"),
    (libc::SYS_io_uring_enter, "io_uring_enter"),
    (libc::SYS_io_uring_register, "io_uring_register"),
    (libc::SYS_userfaultfd, "userfaultfd"),
    (libc::SYS_add_key, "add_key"),
    (libc::SYS_request_key, "request_key"),
    (libc::SYS_keyctl, "keyctl"),
    (libc::SYS_personality, "personality"),
    (libc::SYS_seccomp, "seccomp"),
    (libc::SYS_memfd_secret, "memfd_secret"),
    (libc::SYS_vmsplice, "vmsplice"),
    (libc::SYS_move_pages, "move_pages"),
    (libc::SYS_migrate_pages, "migrate_pages"),
    (libc::SYS_fanotify_init, "fanotify_init"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_kexec_file_load, "kexec_file_load"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, "iopl"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, "ioperm"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_modify_ldt, "modify_ldt"),
];

/// The name of a forbidden call.
pub(crate) fn forbidden_name(call: c_long) -> Option<&'static str> {
    FORBIDDEN.iter().find(|(number, _)| *number == call).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_on_two_lists_and_every_entry_has_a_reason() {
        for tier in Tier::ALL {
            let calls = allowed(tier).flat_map(|entry| entry.calls).copied();
            let mut calls: Vec<c_long> = calls.chain(FORBIDDEN.iter().map(|(call, _)| *call)).collect();
            let count = calls.len();
            calls.sort_unstable();
            calls.dedup();
            assert_eq!(calls.len(), count);
            assert!(allowed(tier).all(|entry| entry.why.len() > 5));
            assert!(!calls.contains(&libc::SYS_clone3), "answered on its own");
        }
    }

    #[test]
    fn no_call_of_evaluators_is_on_two_lists_and_every_entry_has_a_reason() {
        let calls = EVALUATORS.iter().flat_map(|entry| entry.calls).copied();
        let mut calls: Vec<c_long> = calls.chain(FORBIDDEN.iter().map(|(call, _)| *call)).collect();
        let count = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), count);
        assert!(EVALUATORS.iter().all(|entry| entry.why.len() > 5));
        assert!(!calls.contains(&libc::SYS_clone3), "answered on its own");
    }

    #[test]
    fn no_tier_has_pipes_and_landlock_has_nothing_that_changes_a_file() {
        let has = |tier, call| allowed(tier).any(|entry| entry.calls.contains(&call));
        let changing = [libc::SYS_mkdirat, libc::SYS_unlinkat, libc::SYS_renameat, libc::SYS_renameat2];
        for call in changing.into_iter().chain([libc::SYS_ftruncate]) {
            assert!(has(Tier::Jail, call) && !has(Tier::Landlock, call), "call {call}");
        }
        for call in [libc::SYS_pipe2, libc::SYS_truncate, libc::SYS_openat2, libc::SYS_fallocate] {
            assert!(!has(Tier::Jail, call) && !has(Tier::Landlock, call), "call {call}");
        }
    }
}
