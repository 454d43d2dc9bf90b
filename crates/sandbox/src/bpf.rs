//! Policy into seccomp filters: short ones, because every program pays for its filter when it starts.
//!
//! One comparison tree over sorted call numbers instead of a list, so that a call passes about eight instructions.
//! `seccompiler` was considered: it has one answer for all matches and lists rules one after the other, and this
//! policy has four answers.

use crate::policy::{Allow, EVALUATORS, FORBIDDEN, When, allowed};
use crate::tier::Tier;
use libc::c_long;

/// One instruction: `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    value: u32,
}

const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const AND: u16 = 0x54;
const RETURN: u16 = 0x06;

/// What the kernel does with a call (`SECCOMP_RET_*`).
const KILL_PROCESS: u32 = 0x8000_0000;
const ERRNO: u32 = 0x0005_0000;
const NOTIFY: u32 = 0x7fc0_0000;
const PASS: u32 = 0x7fff_0000;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE_AT: u32 = 4;
const fn argument(index: u8) -> u32 {
    16 + 8 * index as u32
}

const fn instruction(code: u16, value: u32) -> Instruction {
    Instruction { code, yes: 0, no: 0, value }
}

/// What happens to one call number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Return(u32),
    If(When),
}

/// The filter that the fork server enters once: forbidden calls tell the host, all others pass.
pub(crate) fn watched() -> Vec<u8> {
    assemble(FORBIDDEN.iter().map(|(call, _)| (*call, Answer::Return(NOTIFY))).collect(), PASS)
}

/// The filter that every child of this tier enters: allowed calls pass; forbidden ones pass it too and meet
/// [`watched`], which every child inherits.
pub(crate) fn policy(tier: Tier) -> Vec<u8> {
    let mut calls: Vec<(c_long, Answer)> =
        FORBIDDEN.iter().map(|(call, _)| (*call, Answer::Return(PASS))).collect();
    for Allow { calls: allowed, when, .. } in allowed(tier) {
        let answer = if *when == When::Always { Answer::Return(PASS) } else { Answer::If(*when) };
        calls.extend(allowed.iter().map(|call| (*call, answer)));
    }
    calls.push((libc::SYS_clone3, Answer::Return(ERRNO | libc::ENOSYS as u32)));
    assemble(calls, ERRNO | libc::EPERM as u32)
}

/// The filter of evaluators: what [`FORBIDDEN`] names is refused, and what [`EVALUATORS`] names but under its condition;
/// all else passes. Calls that are newer than this list are unknown to it, and answered as unknown.
pub(crate) fn evaluators(network: bool, devices: bool) -> Vec<u8> {
    let refused = Answer::Return(ERRNO | libc::EPERM as u32);
    let mut calls: Vec<(c_long, Answer)> = FORBIDDEN.iter().map(|(call, _)| (*call, refused)).collect();
    for Allow { calls: named, when, .. } in EVALUATORS {
        // A namespace of networks of its own or not: which sockets there may be is asked for.
        let when = match *when {
            When::LOCAL if network => When::NETWORK,
            When::COUNTED if devices => continue,
            when => when,
        };
        let answer = if when == When::Never { refused } else { Answer::If(when) };
        calls.extend(named.iter().map(|call| (*call, answer)));
    }
    let unknown = Answer::Return(ERRNO | libc::ENOSYS as u32);
    calls.push((libc::SYS_clone3, unknown));
    calls.sort_unstable_by_key(|(call, _)| *call);
    // Also the calls of the 32-bit interface with 64-bit registers, whose numbers are above all others.
    let program = Program::new(&calls, PASS, ERRNO | libc::EPERM as u32, Some((FIRST_UNKNOWN, unknown)));
    program.instructions.iter().flat_map(|instruction| instruction.bytes()).collect()
}

/// The first number of a system call that was not there when the lists were written, on every architecture.
const FIRST_UNKNOWN: u32 = 467;

/// A filter that every call passes: what a tier is without one.
#[cfg(feature = "isolation-tests")]
pub(crate) fn open() -> Vec<u8> {
    instruction(RETURN, PASS).bytes().to_vec()
}

fn assemble(mut calls: Vec<(c_long, Answer)>, otherwise: u32) -> Vec<u8> {
    calls.sort_unstable_by_key(|(call, _)| *call);
    let program = Program::new(&calls, otherwise, otherwise, None);
    program.instructions.iter().flat_map(|instruction| instruction.bytes()).collect()
}

impl Instruction {
    fn bytes(self) -> [u8; 8] {
        let [a, b] = self.code.to_ne_bytes();
        let [c, d, e, f] = self.value.to_ne_bytes();
        [a, b, self.yes, self.no, c, d, e, f]
    }
}

struct Program {
    instructions: Vec<Instruction>,
}

impl Program {
    /// `calls` are sorted. Neighbours with one answer become one range. A condition that is not met is answered with
    /// `refuse`, numbers from `last` on with what comes with it.
    fn new(calls: &[(c_long, Answer)], otherwise: u32, refuse: u32, last: Option<(u32, Answer)>) -> Self {
        let mut ranges = vec![(0, Answer::Return(otherwise))];
        for (call, answer) in calls {
            let call = *call as u32;
            let last = ranges.len() - 1;
            if ranges[last].0 == call {
                ranges[last].1 = *answer;
            } else {
                ranges.push((call, *answer));
            }
            ranges.push((call + 1, Answer::Return(otherwise)));
        }
        ranges.extend(last);
        ranges.dedup_by(|next, before| next.1 == before.1);
        let mut program = Self { instructions: Vec::new() };
        program.instructions.push(instruction(LOAD, ARCHITECTURE_AT));
        program.instructions.push(Instruction { code: IF_EQUAL, yes: 1, no: 0, value: ARCHITECTURE });
        program.instructions.push(instruction(RETURN, KILL_PROCESS));
        program.instructions.push(instruction(LOAD, NUMBER));
        program.tree(&ranges, refuse);
        program
    }

    /// Finds the last range that begins at or below the number.
    fn tree(&mut self, ranges: &[(u32, Answer)], refuse: u32) {
        if let [(_, answer)] = ranges {
            return self.answer(*answer, refuse);
        }
        let (low, high) = ranges.split_at(ranges.len() / 2);
        let branch = self.instructions.len();
        self.instructions.push(instruction(IF_AT_LEAST, high[0].0));
        self.tree(low, refuse);
        let distance = self.instructions.len() - branch - 1;
        self.tree(high, refuse);
        match u8::try_from(distance) {
            Ok(yes) => self.instructions[branch].yes = yes,
            Err(_) => {
                // Too far for a conditional jump: hop over a long one.
                self.instructions[branch].no = 1;
                self.instructions.insert(branch + 1, instruction(JUMP, distance as u32));
            }
        }
    }

    fn answer(&mut self, answer: Answer, refuse: u32) {
        let (pass, refuse) = (instruction(RETURN, PASS), instruction(RETURN, refuse));
        let when = match answer {
            Answer::Return(value) => return self.instructions.push(instruction(RETURN, value)),
            Answer::If(when) => when,
        };
        match when {
            When::Always => self.instructions.push(pass),
            When::Never => self.instructions.push(refuse),
            When::Bits { argument: at, all, none } => {
                self.load(argument(at), all | none);
                self.equal(all, &[pass], &[refuse]);
            }
            When::BitsOr { argument: at, all, errno } => {
                self.load(argument(at), all);
                self.equal(all, &[pass], &[instruction(RETURN, ERRNO | errno as u32)]);
            }
            When::NotAll { argument: at, bits } => {
                self.load(argument(at), bits);
                self.equal(bits, &[refuse], &[pass]);
            }
            When::Zero { argument: at } => self.zeros(&[at], pass, refuse),
            When::BothZero { first, second } => self.zeros(&[first, second], pass, refuse),
            When::OneOf { argument: at, values } => self.one_of(at, values, pass, refuse),
            When::Unless { argument: at, values } => self.one_of(at, values, refuse, pass),
            When::NoneOf { argument: at, masks } => {
                for mask in masks {
                    self.load(argument(at), *mask);
                    self.equal(*mask, &[refuse], &[]);
                }
                self.instructions.push(pass);
            }
            When::DoneUnless { first, value, second, values } => {
                self.instructions.push(instruction(LOAD, argument(first)));
                self.instructions.push(Instruction { code: IF_EQUAL, yes: 1, no: 0, value });
                self.instructions.push(pass);
                self.one_of(second, values, instruction(RETURN, ERRNO), pass);
            }
        }
    }

    fn one_of(&mut self, at: u8, values: &[u32], yes: Instruction, no: Instruction) {
        self.instructions.push(instruction(LOAD, argument(at)));
        for (index, value) in values.iter().enumerate() {
            let distance = (values.len() - index) as u8;
            self.instructions.push(Instruction { code: IF_EQUAL, yes: distance, no: 0, value: *value });
        }
        self.instructions.extend([no, yes]);
    }

    fn load(&mut self, at: u32, mask: u32) {
        self.instructions.extend([instruction(LOAD, at), instruction(AND, mask)]);
    }

    fn equal(&mut self, value: u32, yes: &[Instruction], no: &[Instruction]) {
        self.instructions.push(Instruction { code: IF_EQUAL, yes: 0, no: yes.len() as u8, value });
        self.instructions.extend(yes);
        self.instructions.extend(no);
    }

    /// Passes if the arguments, of 64 bits each, are zero.
    fn zeros(&mut self, arguments: &[u8], pass: Instruction, refuse: Instruction) {
        let halves: Vec<u32> = arguments.iter().flat_map(|at| [argument(*at), argument(*at) + 4]).collect();
        for (index, half) in halves.iter().enumerate() {
            self.instructions.push(instruction(LOAD, *half));
            let no = (2 * (halves.len() - index) - 1) as u8;
            self.instructions.push(Instruction { code: IF_EQUAL, yes: 0, no, value: 0 });
        }
        self.instructions.extend([pass, refuse]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a filter as the kernel does.
    fn answer(filter: &[u8], call: c_long, arguments: [u64; 6], architecture: u32) -> u32 {
        let mut data = [0; 64];
        data[..4].copy_from_slice(&(call as u32).to_ne_bytes());
        data[4..8].copy_from_slice(&architecture.to_ne_bytes());
        for (index, value) in arguments.iter().enumerate() {
            data[16 + 8 * index..][..8].copy_from_slice(&value.to_ne_bytes());
        }
        let (mut at, mut held) = (0, 0_u32);
        loop {
            let bytes = &filter[8 * at..8 * at + 8];
            let code = u16::from_ne_bytes([bytes[0], bytes[1]]);
            let value = u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            at += 1;
            let jump = |met: bool| usize::from(bytes[if met { 2 } else { 3 }]);
            match code {
                LOAD => held = u32::from_ne_bytes(data[value as usize..][..4].try_into().unwrap()),
                AND => held &= value,
                JUMP => at += value as usize,
                IF_EQUAL => at += jump(held == value),
                IF_AT_LEAST => at += jump(held >= value),
                RETURN => return value,
                _ => panic!("instruction {code:#x}"),
            }
        }
    }

    fn of_tier(tier: Tier, call: c_long, arguments: &[(usize, u64)]) -> u32 {
        let mut all = [0; 6];
        arguments.iter().for_each(|(index, value)| all[*index] = *value);
        answer(&policy(tier), call, all, ARCHITECTURE)
    }

    fn of_policy(call: c_long, arguments: &[(usize, u64)]) -> u32 {
        of_tier(Tier::Jail, call, arguments)
    }

    const DENIED: u32 = ERRNO | libc::EPERM as u32;

    #[test]
    fn every_call_number_gets_the_answer_of_its_list() {
        for tier in [Tier::Jail, Tier::Landlock] {
            let (policy, watched) = (policy(tier), watched());
            for call in (0..600).chain([0x4000_0000, 0x4000_0001, 0x7fff_ffff]) {
                let forbidden = crate::policy::forbidden_name(call).is_some();
                let entry = allowed(tier).find(|entry| entry.calls.contains(&call));
                let expected = match entry.map(|entry| entry.when) {
                    _ if forbidden => PASS,
                    Some(When::Always) => PASS,
                    Some(_) => continue,
                    None if call == libc::SYS_clone3 => ERRNO | libc::ENOSYS as u32,
                    None => DENIED,
                };
                assert_eq!(answer(&policy, call, [0; 6], ARCHITECTURE), expected, "{tier}: call {call}");
                let seen = answer(&watched, call, [0; 6], ARCHITECTURE);
                assert_eq!(seen, if forbidden { NOTIFY } else { PASS }, "call {call}");
            }
            assert_eq!(answer(&policy, 0, [0; 6], 0x4000_0003), KILL_PROCESS, "32-bit calls");
            assert!(policy.len() / 8 <= 300, "{} instructions", policy.len() / 8);
        }
    }

    #[test]
    fn evaluators_make_every_call_but_those_that_are_named() {
        let unknown = ERRNO | libc::ENOSYS as u32;
        for (network, sockets) in [(false, &[1][..]), (true, &[1, 2, 10, 16][..])] {
            let filter = evaluators(network, false);
            let of = |call: c_long, arguments: [u64; 6]| answer(&filter, call, arguments, ARCHITECTURE);
            for call in (0..600).chain([0x4000_0000, 0x4000_0065, 0x7fff_ffff]) {
                let named = EVALUATORS.iter().any(|entry| entry.calls.contains(&call));
                let expected = match crate::policy::forbidden_name(call) {
                    Some(_) => DENIED,
                    None if named => continue,
                    None if call == libc::SYS_clone3 || call >= FIRST_UNKNOWN.into() => unknown,
                    None => PASS,
                };
                assert_eq!(of(call, [0; 6]), expected, "call {call}");
            }
            for family in 0..50 {
                let expected = if sockets.contains(&family) { PASS } else { DENIED };
                assert_eq!(of(libc::SYS_socket, [family, 0, 0, 0, 0, 0]), expected, "family {family}");
            }
            for (flags, expected) in [(17, PASS), (0x4111, PASS), (0x003d_0f00, PASS), (0x2000_0011, DENIED)]
            {
                assert_eq!(of(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]), expected, "{flags:#x}");
            }
            for call in [libc::SYS_mount, libc::SYS_umount2, libc::SYS_memfd_create, libc::SYS_shmget] {
                assert_eq!(of(call, [0; 6]), DENIED, "call {call}");
            }
            for (call, first, second, expected) in [
                (libc::SYS_prlimit64, 0, 0, PASS),
                (libc::SYS_prlimit64, 1, 0, DENIED),
                (libc::SYS_prlimit64, 1 << 32 | 1, 0, DENIED),
                (libc::SYS_sched_setscheduler, 1, 0, DENIED),
                (libc::SYS_setpriority, 0, 0, PASS),
                (libc::SYS_setpriority, 2, 0, DENIED),
                (libc::SYS_ioctl, 5, 0x5401, PASS),
                (libc::SYS_ioctl, 5, 0x5412, DENIED),
            ] {
                assert_eq!(of(call, [first, second, 0, 0, 0, 0]), expected, "call {call} {first}");
            }
            assert_eq!(answer(&filter, 0, [0; 6], 0x4000_0003), KILL_PROCESS, "32-bit calls");
        }
    }

    #[test]
    fn memory_of_evaluators_that_nothing_counts_is_refused_unless_devices_need_it() {
        let mapped = |devices: bool, flags: u64| {
            answer(&evaluators(false, devices), libc::SYS_mmap, [0, 4096, 3, flags, 0, 0], ARCHITECTURE)
        };
        // Private, shared with a file, and both at fixed places.
        for flags in [0x22, 0x01, 0x02, 0x03, 0x32, 0x11, 0x20022] {
            assert_eq!((mapped(false, flags), mapped(true, flags)), (PASS, PASS), "{flags:#x}");
        }
        // Shared without a file, in both forms; huge pages.
        for flags in [0x21, 0x23, 0x31, 0x8021, 0x40022, 0x40001] {
            assert_eq!((mapped(false, flags), mapped(true, flags)), (DENIED, PASS), "{flags:#x}");
        }
    }

    #[test]
    fn buffers_of_evaluators_keep_their_sizes() {
        let filter = evaluators(true, true);
        let of = |call: c_long, first: u64, second: u64| {
            answer(&filter, call, [3, first, second, 0, 0, 0], ARCHITECTURE)
        };
        for size in [7, 8, 32, 33] {
            assert_eq!(of(libc::SYS_setsockopt, 1, size), ERRNO, "success without an effect: {size}");
            assert_eq!(of(libc::SYS_setsockopt, 6, size), PASS, "another level's option {size}");
        }
        for option in [2, 9, 15, 31, 34] {
            assert_eq!(of(libc::SYS_setsockopt, 1, option), PASS, "option {option}");
        }
        for (command, expected) in
            [(0, PASS), (4, PASS), (6, PASS), (1031, DENIED), (1024, DENIED), (1026, DENIED)]
        {
            assert_eq!(of(libc::SYS_fcntl, command, 0), expected, "command {command}");
        }
    }

    #[test]
    fn threads_are_made_as_c_libraries_make_them_and_in_no_other_way() {
        let (glibc, musl) = (0x003d_0f00, 0x007d_0f00);
        for flags in [glibc, musl] {
            assert_eq!(of_policy(libc::SYS_clone, &[(0, flags)]), PASS, "{flags:#x}");
        }
        // Without CLONE_FS, CLONE_FILES, CLONE_SYSVSEM and so on; with a signal, a namespace of time, a pidfd, a parent.
        for bit in 0..32 {
            let flags = glibc ^ (1 << bit);
            let set_only_by_some = (1 << bit) & (0x0010_0000 | 0x0100_0000 | 0x0020_0000 | 0x0040_0000) != 0;
            let expected = if set_only_by_some { PASS } else { DENIED };
            assert_eq!(of_policy(libc::SYS_clone, &[(0, flags)]), expected, "{flags:#x}");
        }
    }

    #[test]
    fn under_landlock_files_are_opened_for_reading_alone() {
        let open = |tier, flags: i32| of_tier(tier, libc::SYS_openat, &[(2, flags as u64)]);
        let reading =
            [libc::O_RDONLY, libc::O_CLOEXEC | libc::O_DIRECTORY, libc::O_NOFOLLOW | libc::O_NONBLOCK];
        assert!(reading.into_iter().all(|flags| open(Tier::Landlock, flags) == PASS));
        for flags in [
            libc::O_WRONLY,
            libc::O_RDWR,
            libc::O_RDONLY | libc::O_TRUNC,
            libc::O_RDONLY | libc::O_CREAT,
            libc::O_TMPFILE,
            libc::O_PATH,
            3,
        ] {
            assert_eq!(open(Tier::Landlock, flags), DENIED, "{flags:#o}");
            assert_eq!(open(Tier::Jail, flags), PASS, "{flags:#o}");
        }
        #[cfg(target_arch = "x86_64")]
        assert_eq!(of_tier(Tier::Landlock, libc::SYS_open, &[(1, libc::O_TRUNC as u64)]), DENIED);
    }

    #[test]
    fn conditions_on_arguments_hold() {
        let threads = 0x003d_0f00;
        assert_eq!(of_policy(libc::SYS_clone, &[(0, threads)]), PASS);
        assert_eq!(of_policy(libc::SYS_clone, &[(0, 17)]), DENIED, "fork");
        assert_eq!(of_policy(libc::SYS_clone, &[(0, 0x4111)]), DENIED, "vfork");
        assert_eq!(of_policy(libc::SYS_clone, &[(0, threads | 0x1000_0000)]), DENIED, "user namespace");
        assert_eq!(of_policy(libc::SYS_futex, &[(1, 128)]), PASS, "waiting for a lock of this process");
        assert_eq!(of_policy(libc::SYS_futex, &[(1, 129 | 256)]), PASS);
        let again = ERRNO | libc::EAGAIN as u32;
        assert_eq!(of_policy(libc::SYS_futex, &[(1, 1)]), again, "waking somebody in another process");
        assert_eq!(of_policy(libc::SYS_futex, &[(1, 9 | 256)]), again, "waiting for a thread's end");
        assert_eq!(of_policy(libc::SYS_madvise, &[(2, 4)]), PASS, "memory that is not needed");
        assert_eq!(of_policy(libc::SYS_madvise, &[(2, 12)]), DENIED, "pages shared with other processes");
        assert_eq!(of_policy(libc::SYS_madvise, &[(2, 21)]), DENIED, "throwing pages out");
        assert_eq!(of_policy(libc::SYS_renameat2, &[(4, 0)]), PASS);
        assert_eq!(of_policy(libc::SYS_renameat2, &[(4, 4)]), DENIED, "a whiteout");
        for (call, protection, expected) in [
            (libc::SYS_mmap, 3, PASS),
            (libc::SYS_mmap, 5, PASS),
            (libc::SYS_mmap, 7, DENIED),
            (libc::SYS_mmap, 6, DENIED),
            (libc::SYS_mprotect, 3, PASS),
            (libc::SYS_mprotect, 5, DENIED),
        ] {
            assert_eq!(of_policy(call, &[(2, protection)]), expected, "{call} {protection}");
        }
        assert_eq!(of_policy(libc::SYS_prlimit64, &[(1, 7), (3, 1)]), PASS);
        assert_eq!(of_policy(libc::SYS_prlimit64, &[(2, 1 << 32)]), DENIED, "a pointer with a zero low half");
        assert_eq!(of_policy(libc::SYS_prlimit64, &[(0, 1)]), DENIED, "of another process");
        assert_eq!(of_policy(libc::SYS_clock_gettime, &[(0, 2)]), PASS);
        assert_eq!(of_policy(libc::SYS_clock_gettime, &[(0, 0xffff_fff2)]), DENIED, "of another process");
        assert_eq!(of_policy(libc::SYS_fcntl, &[(1, 1)]), PASS);
        assert_eq!(of_policy(libc::SYS_fcntl, &[(1, 8)]), DENIED, "an owner");
        assert_eq!(of_policy(libc::SYS_ioctl, &[(1, 0x5401)]), PASS);
        assert_eq!(of_policy(libc::SYS_ioctl, &[(1, 0x5412)]), DENIED, "typing into a terminal");
        assert_eq!(of_policy(libc::SYS_sched_getaffinity, &[(0, 1)]), DENIED);
    }
}
