//! What became of a program, from what the host saw of it.
//!
//! What the host knows comes first: why it ended the program itself, how the kernel says that it ended, how much it
//! wrote. Only of a program that ended well is its own frame read, and what that says is the program's claim
//! ([`Source::Program`]): it may write any frame.

use crate::codec::{self, Bound, CodecError, Reply};
use crate::job::Limits;
use crate::tier::Tier;
use crate::verdict::{Clock, Ending, Source};
use std::time::Duration;

/// Why the host ends a program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reason {
    Time(Clock),
    Output,
    Result,
    Forbidden(String),
}

/// What the host saw of a program that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Seen<'a> {
    /// Why the host ended it, if it did.
    pub reason: Option<&'a Reason>,
    /// Its exit code, or minus the signal that ended it.
    pub exit: i32,
    pub cpu: Duration,
    /// Most memory beyond the idle interpreter's, in bytes.
    pub peak_memory: u64,
    /// Whether it printed more than allowed.
    pub is_output_over: bool,
    /// What it wrote as its result, up to the limit.
    pub result: &'a [u8],
    /// Whether that was more than allowed.
    pub is_result_over: bool,
}

/// Exit code of a child whose interpreter could not even write down what happened (`server.py`).
const WITHOUT_WORDS: i32 = 70;
/// Most characters of a program's own words.
const MAX_WORDS: usize = 2_000;
/// Names of the exceptions that Python and numpy raise if memory is refused.
const MEMORY_ERRORS: [&str; 2] = ["MemoryError", "_ArrayMemoryError"];

/// How it ended.
pub(crate) fn ending(seen: &Seen<'_>, limits: &Limits, tier: Tier) -> Ending {
    if let Some(ending) = stopped(seen, limits) {
        return ending;
    }
    let is_full = seen.peak_memory >= limits.memory / 8 * 7;
    match seen.exit {
        0 => reply(seen, limits, is_full),
        // In a tier with a filter a program has no call that sends a signal: this one came from the kernel, out of
        // memory.
        signal if signal == -libc::SIGKILL && is_full && tier != Tier::Process => {
            Ending::Memory { source: Source::Host }
        }
        signal if signal == -libc::SIGSYS => Ending::Forbidden { syscall: "a 32-bit call".to_owned() },
        signal if signal < 0 => Ending::Crash { signal: -signal },
        WITHOUT_WORDS if is_full => Ending::Memory { source: Source::Program },
        exit => Ending::NoResult { exit },
    }
}

/// The limit for which the host ended the program, or would have if it had not ended by itself.
fn stopped(seen: &Seen<'_>, limits: &Limits) -> Option<Ending> {
    match seen.reason {
        Some(Reason::Forbidden(syscall)) => Some(Ending::Forbidden { syscall: syscall.clone() }),
        Some(Reason::Time(clock)) => Some(Ending::Timeout { clock: *clock }),
        _ if seen.cpu > limits.cpu => Some(Ending::Timeout { clock: Clock::Cpu }),
        Some(Reason::Output) => Some(Ending::OutputLimit),
        Some(Reason::Result) => Some(over(Bound::Bytes)),
        None => seen.is_output_over.then_some(Ending::OutputLimit),
    }
}

fn over(bound: Bound) -> Ending {
    Ending::ResultLimit { bound, source: Source::Host }
}

/// What a program that ended well says of itself.
fn reply(seen: &Seen<'_>, limits: &Limits, is_full: bool) -> Ending {
    if seen.result.is_empty() {
        return Ending::NoResult { exit: 0 };
    }
    let header = seen.result.first_chunk().map(|header| codec::announced(*header, limits.result));
    if seen.is_result_over || header == Some(Err(CodecError::Over(Bound::Bytes))) {
        return over(Bound::Bytes);
    }
    let is_refused = |kind: &str| is_full && MEMORY_ERRORS.contains(&kind);
    match codec::decode_frame(seen.result, limits.result) {
        // It is all there, and more than allowed.
        Err(CodecError::Over(bound)) => over(bound),
        Err(_) => Ending::BadFrame,
        Ok(Reply::Value(value)) => Ending::Ok { value },
        Ok(Reply::Syntax(message)) => Ending::Syntax { message: words(message) },
        Ok(Reply::Limit(bound)) => Ending::ResultLimit { bound, source: Source::Program },
        Ok(Reply::Exception { kind, .. }) if is_refused(&kind) => Ending::Memory { source: Source::Program },
        Ok(Reply::Exception { kind, message }) => {
            Ending::Exception { kind: words(kind), message: words(message) }
        }
    }
}

/// A program's words, cut. Our own code in the child cuts them as well, but the frame may come from elsewhere.
fn words(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_WORDS) {
        text.truncate(end);
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::encode_frame;
    use crate::value::Value;

    const FULL: u64 = 230 << 20;

    fn seen(result: &[u8]) -> Seen<'_> {
        Seen {
            reason: None,
            exit: 0,
            cpu: Duration::ZERO,
            peak_memory: 0,
            is_output_over: false,
            result,
            is_result_over: false,
        }
    }

    fn judged(seen: &Seen<'_>) -> Ending {
        ending(seen, &Limits::default(), Tier::Jail)
    }

    fn exception(kind: &str) -> Vec<u8> {
        encode_frame(&Reply::Exception { kind: kind.to_owned(), message: "why".to_owned() })
    }

    #[test]
    fn a_frame_that_says_limit_is_a_claim_and_a_value_that_is_too_large_is_none() {
        for bound in [Bound::Bytes, Bound::Nodes, Bound::Depth] {
            let claimed = judged(&seen(&encode_frame(&Reply::Limit(bound))));
            assert_eq!(claimed, Ending::ResultLimit { bound, source: Source::Program });
        }
        let nodes = encode_frame(&Reply::Value(Value::List(vec![Value::None; 200_000])));
        assert_eq!(judged(&seen(&nodes)), over(Bound::Nodes));
        let rows = b"SMR1\x16\0\0\0Vaf08\x02\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0";
        assert_eq!(judged(&seen(rows)), over(Bound::Nodes));
        let deep = [b"l\x01\0\0\0".repeat(65), b"N".to_vec()].concat();
        let deep = [b"SMR1\x47\x01\0\0V", &*deep].concat();
        assert_eq!(judged(&seen(&deep)), over(Bound::Depth));
        assert_eq!(judged(&seen(b"SMR1\xff\xff\xff\xffV")), over(Bound::Bytes));
        assert_eq!(judged(&Seen { is_result_over: true, ..seen(b"SMR1") }), over(Bound::Bytes));
        let unknown = b"SMR1\x0a\0\0\0Ls\x04\0\0\0wall";
        assert_eq!(judged(&seen(unknown)), Ending::BadFrame);
    }

    #[test]
    fn memory_is_claimed_by_words_that_its_peak_bears_out() {
        let claimed = Ending::Memory { source: Source::Program };
        for kind in ["MemoryError", "_ArrayMemoryError"] {
            let frame = exception(kind);
            assert_eq!(judged(&Seen { peak_memory: FULL, ..seen(&frame) }), claimed);
            assert!(matches!(judged(&seen(&frame)), Ending::Exception { .. }), "a lie: it used none");
        }
        let other = exception("ValueError");
        assert!(matches!(judged(&Seen { peak_memory: FULL, ..seen(&other) }), Ending::Exception { .. }));
        assert_eq!(judged(&Seen { peak_memory: FULL, exit: 70, ..seen(b"") }), claimed);
        assert_eq!(judged(&Seen { exit: 70, ..seen(b"") }), Ending::NoResult { exit: 70 });
    }

    #[test]
    fn a_crash_or_an_exit_with_full_memory_is_what_it_is() {
        let full = |exit| judged(&Seen { peak_memory: FULL, exit, ..seen(b"") });
        assert_eq!(full(-11), Ending::Crash { signal: 11 });
        assert_eq!(full(-6), Ending::Crash { signal: 6 });
        assert_eq!(full(3), Ending::NoResult { exit: 3 });
        assert_eq!(full(0), Ending::NoResult { exit: 0 });
    }

    #[test]
    fn only_the_kernel_kills_what_nobody_stopped() {
        let killed = Seen { peak_memory: FULL, exit: -9, ..seen(b"") };
        assert_eq!(judged(&killed), Ending::Memory { source: Source::Host });
        assert_eq!(judged(&Seen { peak_memory: 0, ..killed.clone() }), Ending::Crash { signal: 9 });
        // There a program can kill itself.
        assert_eq!(ending(&killed, &Limits::default(), Tier::Process), Ending::Crash { signal: 9 });
        let reason = Reason::Time(Clock::Wall);
        let stopped = Seen { reason: Some(&reason), ..killed };
        assert_eq!(judged(&stopped), Ending::Timeout { clock: Clock::Wall });
    }

    #[test]
    fn what_the_host_saw_goes_before_any_frame() {
        let frame = encode_frame(&Reply::Value("FORGED".into()));
        let late = Seen { cpu: Duration::from_secs(3), ..seen(&frame) };
        assert_eq!(judged(&late), Ending::Timeout { clock: Clock::Cpu });
        assert_eq!(judged(&Seen { is_output_over: true, ..seen(&frame) }), Ending::OutputLimit);
        assert_eq!(judged(&Seen { exit: -11, ..seen(&frame) }), Ending::Crash { signal: 11 });
        assert_eq!(judged(&Seen { exit: 3, ..seen(&frame) }), Ending::NoResult { exit: 3 });
        for (reason, ending) in [
            (Reason::Output, Ending::OutputLimit),
            (Reason::Result, over(Bound::Bytes)),
            (Reason::Forbidden("ptrace".to_owned()), Ending::Forbidden { syscall: "ptrace".to_owned() }),
        ] {
            assert_eq!(judged(&Seen { reason: Some(&reason), ..seen(&frame) }), ending);
        }
    }

    #[test]
    fn a_program_s_words_are_cut_on_the_host_too() {
        let long = "é".repeat(5_000);
        let reply = Reply::Exception { kind: long.clone(), message: long.clone() };
        let cut = "é".repeat(2_000);
        let expected = Ending::Exception { kind: cut.clone(), message: cut.clone() };
        assert_eq!(judged(&seen(&encode_frame(&reply))), expected);
        assert_eq!(judged(&seen(&encode_frame(&Reply::Syntax(long)))), Ending::Syntax { message: cut });
    }
}
