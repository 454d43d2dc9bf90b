//! Watching one program from handing it over to its end.
//!
//! Everything that a verdict says beyond the program's own words is measured here or reported by the fork server;
//! [`crate::judge`] makes an ending of it.

use crate::codec;
use crate::job::{Job, Limits};
use crate::judge::{self, Reason, Seen};
use crate::server::{ANSWER_TIMEOUT, Broken, Server};
use crate::sys;
use crate::tier::Tier;
use crate::verdict::{Clock, Isolation, Verdict};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};
use std::time::{Duration, Instant};

/// How the kernel says that a child ended, as the fork server hands it on.
struct ChildExit {
    exit: i32,
    cpu: Duration,
    peak: u64,
    scratch: u64,
}

/// `E` and padding, then `siginfo_t`, `struct rusage` and `struct statfs` of scratch.
const END: [usize; 4] = [8, 128, 144, 120];

impl ChildExit {
    fn read(packet: &[u8]) -> Result<Self, Broken> {
        let wrong = || Broken("the fork server said something other than how its child ended".to_owned());
        if let Some((b'X', why)) = packet.split_first() {
            let why = String::from_utf8_lossy(why);
            return Err(Broken(format!("a child could not be confined: {why}")));
        }
        let (head, rest) = packet.split_at_checked(END[0]).ok_or_else(wrong)?;
        let (how, rest) = rest.split_at_checked(END[1]).ok_or_else(wrong)?;
        let (usage, scratch) = rest.split_at_checked(END[2]).ok_or_else(wrong)?;
        if head[0] != b'E' || scratch.len() != END[3] {
            return Err(wrong());
        }
        let int = |at: usize| how[at..].first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        let long = |of: &[u8], index: usize| {
            of[8 * index..].first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
        };
        let exit = match int(8) {
            libc::CLD_EXITED => int(24),
            libc::CLD_KILLED | libc::CLD_DUMPED => -int(24),
            _ => return Err(wrong()),
        };
        let time = |index: usize| {
            Duration::from_secs(long(usage, index)) + Duration::from_micros(long(usage, index + 1))
        };
        Ok(Self {
            exit,
            cpu: time(0) + time(2),
            peak: long(usage, 4).saturating_mul(1024),
            // The size of a block, all blocks, free ones.
            scratch: long(scratch, 2).saturating_sub(long(scratch, 3)).saturating_mul(long(scratch, 1)),
        })
    }
}

/// What a program sends, up to a limit.
pub(crate) struct Stream {
    pub(crate) pipe: Option<OwnedFd>,
    pub(crate) bytes: Vec<u8>,
    limit: usize,
    /// Whether more has come.
    pub(crate) over: bool,
}

impl Stream {
    pub(crate) fn new(pipe: OwnedFd, limit: usize) -> Self {
        Self { pipe: Some(pipe), bytes: Vec::new(), limit, over: false }
    }

    /// Keeps what fits. Memory grows in doubling steps as long as something comes, and never beyond the limit.
    fn append(&mut self, more: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < more.len() {
            let capacity = (2 * (self.bytes.len() + more.len())).min(self.limit);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(more);
    }

    /// Takes what is there. What exceeds the limit is noted and dropped.
    pub(crate) fn take(&mut self) -> Result<(), Errno> {
        let mut buffer = [0; 16 << 10];
        while let Some(pipe) = &self.pipe {
            match rustix::io::read(pipe, &mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    let room = self.limit - self.bytes.len();
                    self.append(&buffer[..count.min(room)]);
                    self.over |= count > room;
                    if self.over {
                        return Ok(());
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

struct Watch<'a> {
    server: &'a Server,
    limits: &'a Limits,
    begin: Instant,
    output: Stream,
    result: Stream,
    child: Option<(OwnedFd, Option<u32>)>,
    reason: Option<(Reason, Instant)>,
    end: Option<ChildExit>,
    next_look: Instant,
}

/// Runs a job on a server.
///
/// # Errors
/// If the server did not do its part. It must be dropped then.
pub(crate) fn run(server: &Server, job: &Job, tier: Tier) -> Result<Verdict, Broken> {
    let begin = Instant::now();
    let (output, result) = server.submit(job)?;
    let limits = &job.limits;
    let mut watch = Watch {
        server,
        limits,
        begin,
        output: Stream::new(output, limits.output as usize),
        result: Stream::new(result, limits.result.bytes as usize + codec::HEADER),
        child: None,
        reason: None,
        end: None,
        next_look: begin + limits.cpu,
    };
    let end = watch.until_end();
    if end.is_err() {
        watch.kill();
    }
    Ok(watch.verdict(&end?, tier))
}

impl Watch<'_> {
    fn until_end(&mut self) -> Result<ChildExit, Broken> {
        loop {
            if let Some(end) = self.end.take() {
                // The child has ended: what it wrote is in the pipes.
                self.output.take()?;
                self.result.take()?;
                return Ok(end);
            }
            self.wait()?;
            self.look_at_clocks()?;
            if self.output.over {
                self.stop(Reason::Output);
            }
            if self.result.over {
                self.stop(Reason::Result);
            }
        }
    }

    /// When to look at the clocks at the latest.
    fn deadline(&self) -> Instant {
        match &self.reason {
            Some((_, since)) => *since + ANSWER_TIMEOUT,
            None => self.next_look.min(self.begin + self.limits.wall),
        }
    }

    fn wait(&mut self) -> Result<(), Broken> {
        let left = self.deadline().saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let server = self.server;
        let sources = [
            Some(server.socket.as_fd()),
            server.listener.as_ref().map(|listener| listener.as_fd()),
            self.output.pipe.as_ref().filter(|_| !self.output.over).map(|pipe| pipe.as_fd()),
            self.result.pipe.as_ref().filter(|_| !self.result.over).map(|pipe| pipe.as_fd()),
        ];
        let mut ready = [false; 4];
        let open: Vec<usize> = (0..4).filter(|index| sources[*index].is_some()).collect();
        let mut polled: Vec<PollFd<'_>> =
            sources.iter().flatten().map(|source| PollFd::from_borrowed_fd(*source, PollFlags::IN)).collect();
        rustix::io::retry_on_intr(|| poll(&mut polled, Some(&timeout)))?;
        for (index, source) in open.iter().zip(&polled) {
            ready[*index] = !source.revents().is_empty();
        }
        drop(polled);
        let [said, forbidden, printed, returned] = ready;
        if forbidden {
            self.forbidden()?;
        }
        if printed {
            self.output.take()?;
        }
        if returned {
            self.result.take()?;
        }
        if said { self.listen() } else { Ok(()) }
    }

    fn listen(&mut self) -> Result<(), Broken> {
        let (packet, mut descriptors) = match self.server.receive() {
            Err(Errno::AGAIN) => return Ok(()),
            // The server ended with something unread.
            Err(Errno::CONNRESET) => (Vec::new(), Vec::new()),
            packet => packet?,
        };
        match packet.first() {
            None => Err(Broken("the fork server is gone".to_owned())),
            Some(b'S') => {
                let pidfd = descriptors.pop().ok_or_else(|| Broken("a child without a pidfd".to_owned()))?;
                self.child = Some((pidfd, None));
                if self.reason.is_some() {
                    self.kill();
                }
                Ok(())
            }
            Some(_) => {
                self.end = Some(ChildExit::read(&packet)?);
                Ok(())
            }
        }
    }

    fn forbidden(&mut self) -> Result<(), Broken> {
        let Some(listener) = &self.server.listener else { return Ok(()) };
        if let Some(call) = sys::notified_call(listener)? {
            let name = crate::policy::forbidden_name(call).map_or_else(|| call.to_string(), str::to_owned);
            self.stop(Reason::Forbidden(name));
        }
        Ok(())
    }

    fn look_at_clocks(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        if let Some((_, since)) = &self.reason {
            let late = now >= *since + ANSWER_TIMEOUT && self.end.is_none();
            return if late { Err(Broken("the fork server does not answer".to_owned())) } else { Ok(()) };
        }
        if now >= self.begin + self.limits.wall {
            self.stop(Reason::Time(Clock::Wall));
        } else if now >= self.next_look {
            let used = self.child_cpu_time().unwrap_or_default();
            if used > self.limits.cpu {
                self.stop(Reason::Time(Clock::Cpu));
            }
            self.next_look = now + self.limits.cpu.saturating_sub(used).max(Duration::from_millis(5));
        }
        Ok(())
    }

    fn child_cpu_time(&mut self) -> Option<Duration> {
        let (pidfd, pid) = self.child.as_mut()?;
        if pid.is_none() {
            let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
            *pid = info.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok();
        }
        sys::cpu_time((*pid)?)
    }

    /// Ends the program, for the first reason there is.
    fn stop(&mut self, reason: Reason) {
        if self.reason.is_none() {
            self.reason = Some((reason, Instant::now()));
            self.kill();
        }
    }

    fn kill(&self) {
        if let Some((pidfd, _)) = &self.child {
            // It may have ended by itself; then there is nothing to do.
            let _ = pidfd_send_signal(pidfd, Signal::KILL);
        }
    }

    fn verdict(self, end: &ChildExit, tier: Tier) -> Verdict {
        let peak_memory = end.peak.saturating_sub(self.server.resident);
        let seen = Seen {
            reason: self.reason.as_ref().map(|(reason, _)| reason),
            exit: end.exit,
            cpu: end.cpu,
            peak_memory,
            is_output_over: self.output.over,
            result: &self.result.bytes,
            is_result_over: self.result.over,
        };
        Verdict {
            ending: judge::ending(&seen, self.limits, tier),
            cpu: end.cpu,
            wall: self.begin.elapsed(),
            peak_memory,
            scratch_bytes: end.scratch,
            stdout: String::from_utf8_lossy(&self.output.bytes).into_owned(),
            isolation: Isolation { tier, python: self.server.python.clone() },
        }
    }
}
