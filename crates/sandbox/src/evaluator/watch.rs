//! Watching one evaluation from handing it over to its end.
//!
//! The supervisor looks at what the tree uses, and its word ends it; here are the clock on the wall, what is printed
//! and what is returned. What comes through the link is what the evaluation claims.

use super::start::{self, Said, in_memory};
use super::{CandidateCall, CandidateReply, EvaluationEnding, EvaluationJob, EvaluationVerdict};
use crate::codec::{self, Budget};
use crate::server::{ANSWER_TIMEOUT, Broken, Server};
use crate::tier::Tier;
use crate::value::Value;
use crate::verdict::{Clock, Isolation};
use crate::watch::Stream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use std::time::{Duration, Instant};

/// Most of what an evaluator may call a candidate with, and of what comes back.
const CALL: Budget = Budget { bytes: 16 << 20, nodes: 1 << 20, depth: 64 };
/// A frame's tag and length.
const HEAD: usize = 5;

/// Where an evaluation's words appear.
struct Ends {
    out: OwnedFd,
    err: OwnedFd,
    link: OwnedFd,
}

/// How the supervisor says that the evaluation ended.
#[derive(Debug, Clone, Copy)]
struct Report {
    /// The limit that was exceeded.
    over: Option<u8>,
    /// The status of the process that evaluated, as `wait` gives it.
    status: i32,
    peak: u64,
}

/// Why the host ended an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Wall,
    Output,
    /// The result is too large, or it does not keep to the order of calls and answers.
    Result,
}

struct Watch<'a> {
    server: &'a Server,
    job: &'a EvaluationJob,
    begin: Instant,
    out: Stream,
    err: Stream,
    link: Stream,
    /// What is still to be written to the link.
    replies: Vec<u8>,
    /// A complete frame that ends an evaluation: its tag and its body.
    claim: Option<(u8, Vec<u8>)>,
    /// Whether the tree is there and can be ended.
    started: bool,
    report: Option<Report>,
    reason: Option<(Reason, Instant)>,
    /// The end of the supervisor: CPU time of all, and most memory of one, in KiB.
    end: Option<(Duration, u64)>,
}

/// Runs an evaluation on this server. If it returns `Broken` the server must be replaced.
pub(super) fn run(
    server: &Server,
    job: &EvaluationJob,
    calls: &mut dyn FnMut(CandidateCall) -> CandidateReply,
) -> Result<EvaluationVerdict, Broken> {
    let begin = Instant::now();
    let Ends { out, err, link } = submit(server, job)?;
    let most = (job.limits.result as usize).max(CALL.bytes as usize) + HEAD;
    let mut watch = Watch {
        server,
        job,
        begin,
        out: Stream::new(out, job.limits.output as usize),
        err: Stream::new(err, job.limits.output as usize),
        link: Stream::new(link, most),
        replies: Vec::new(),
        claim: None,
        started: false,
        report: None,
        reason: None,
        end: None,
    };
    let ended = watch.until_end(calls);
    if ended.is_err() {
        watch.kill();
    }
    ended?;
    watch.verdict()
}

fn submit(server: &Server, job: &EvaluationJob) -> Result<Ends, Errno> {
    let flags = rustix::pipe::PipeFlags::CLOEXEC;
    let (out, out_in) = rustix::pipe::pipe_with(flags)?;
    let (err, err_in) = rustix::pipe::pipe_with(flags)?;
    let kind = SocketType::STREAM;
    let (link, link_in) = rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    for end in [&out, &err, &link] {
        rustix::fs::fcntl_setfl(end, rustix::fs::OFlags::NONBLOCK)?;
    }
    let limits = &job.limits;
    let mut packet = b"J".to_vec();
    packet.extend(job.seed.to_ne_bytes());
    packet.extend(limits.cpu.as_secs_f64().to_ne_bytes());
    let processes = u64::from(limits.processes);
    let result = u64::from(limits.result);
    for number in [limits.memory, processes, limits.scratch_bytes, result, server.address_space] {
        packet.extend(number.to_ne_bytes());
    }
    packet.extend((job.files.len() as u32).to_ne_bytes());
    let mut body = Vec::new();
    let mut part = |bytes: &[u8]| {
        body.extend((bytes.len() as u64).to_ne_bytes());
        body.extend(bytes);
    };
    part(job.request.as_bytes());
    for (path, content) in &job.files {
        part(path.as_bytes());
        part(content);
    }
    let body = in_memory(&body)?;
    let descriptors = [out_in.as_fd(), err_in.as_fd(), link_in.as_fd(), body.as_fd()];
    // What others have on its way is gone when their time is over.
    start::send(server, &packet, &descriptors, limits.wall + ANSWER_TIMEOUT)?;
    Ok(Ends { out, err, link })
}

impl Watch<'_> {
    fn until_end(&mut self, calls: &mut dyn FnMut(CandidateCall) -> CandidateReply) -> Result<(), Broken> {
        while self.end.is_none() {
            self.wait()?;
            self.frames(calls)?;
            self.look_at_clock()?;
            if self.out.over || self.err.over {
                self.stop(Reason::Output);
            }
            if self.link.over {
                self.stop(Reason::Result);
            }
        }
        // All processes are gone: what they wrote is in the pipes.
        self.out.take()?;
        self.err.take()?;
        self.take_link()?;
        self.frames(calls)
    }

    fn wait(&mut self) -> Result<(), Broken> {
        let deadline = match self.reason {
            Some((_, since)) => since + ANSWER_TIMEOUT,
            None => self.begin + self.job.limits.wall,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        let open = |stream: &Stream| !stream.over && stream.pipe.is_some();
        let server = self.server;
        let mut polled = vec![(0, PollFd::new(&server.socket, PollFlags::IN))];
        for (index, stream) in [&self.out, &self.err, &self.link].into_iter().enumerate() {
            if let Some(pipe) = stream.pipe.as_ref().filter(|_| open(stream)) {
                let link = index == 2 && !self.replies.is_empty();
                let flags = if link { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
                polled.push((index + 1, PollFd::new(pipe, flags)));
            }
        }
        let (sources, mut polled): (Vec<usize>, Vec<PollFd<'_>>) = polled.into_iter().unzip();
        rustix::io::retry_on_intr(|| poll(&mut polled, Some(&timeout)))?;
        let mut ready = [false; 4];
        for (source, polled) in sources.iter().zip(&polled) {
            ready[*source] = !polled.revents().is_empty();
        }
        drop(polled);
        let [said, printed, complained, linked] = ready;
        if printed {
            self.out.take()?;
        }
        if complained {
            self.err.take()?;
        }
        if linked {
            self.reply()?;
            self.take_link()?;
        }
        if said { self.listen() } else { Ok(()) }
    }

    /// Takes what the link has. That the other end was closed with something unread is no more than an end.
    fn take_link(&mut self) -> Result<(), Broken> {
        match self.link.take() {
            Err(Errno::CONNRESET | Errno::PIPE) => self.link.pipe = None,
            taken => taken?,
        }
        Ok(())
    }

    /// Writes what can be written of the replies.
    fn reply(&mut self) -> Result<(), Broken> {
        while let (Some(link), false) = (&self.link.pipe, self.replies.is_empty()) {
            match rustix::net::send(link, &self.replies, rustix::net::SendFlags::NOSIGNAL) {
                Ok(count) => drop(self.replies.drain(..count)),
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                // Nobody waits for it any more.
                Err(_) => self.replies.clear(),
            }
        }
        Ok(())
    }

    /// What the server or the supervisor says.
    fn listen(&mut self) -> Result<(), Broken> {
        let (packet, _) = match self.server.receive() {
            Err(Errno::AGAIN) => return Ok(()),
            Err(Errno::CONNRESET) => (Vec::new(), Vec::new()),
            packet => packet?,
        };
        let number = |at: usize| packet.get(at..at + 4).and_then(|four| four.first_chunk()).copied();
        let long = |at: usize| packet.get(at..at + 8).and_then(|eight| eight.first_chunk()).copied();
        let wrong = || Broken("the server's words can't be understood".to_owned());
        match packet.first() {
            None => return Err(Broken("the server is gone".to_owned())),
            Some(b'S') => {
                self.started = true;
                if self.reason.is_some() {
                    self.kill();
                }
            }
            Some(tag @ (b'D' | b'L')) => {
                self.report = Some(Report {
                    over: (*tag == b'L').then(|| packet[1]),
                    status: i32::from_ne_bytes(number(2).ok_or_else(wrong)?),
                    peak: u64::from_ne_bytes(long(6).ok_or_else(wrong)?),
                });
            }
            Some(b'E') => {
                let peak = u64::from_ne_bytes(long(5).ok_or_else(wrong)?);
                let cpu = f64::from_ne_bytes(long(13).ok_or_else(wrong)?);
                let cpu = Duration::try_from_secs_f64(cpu).map_err(|_| wrong())?;
                self.end = Some((cpu, peak));
            }
            Some(b'X') => {
                let why = String::from_utf8_lossy(&packet[1..]).into_owned();
                return Err(Broken(format!("an evaluation could not be confined: {why}")));
            }
            Some(_) => return Err(wrong()),
        }
        Ok(())
    }

    /// Takes the frames that have come completely. Who calls waits for the answer before it says more, so that a second
    /// call without that is no honest evaluation's; else answers that nobody reads would fill the host's memory.
    fn frames(&mut self, calls: &mut dyn FnMut(CandidateCall) -> CandidateReply) -> Result<(), Broken> {
        while self.claim.is_none() && self.link.bytes.len() >= HEAD {
            let head = &self.link.bytes[..HEAD];
            let tag = head[0];
            let length = u32::from_ne_bytes([head[1], head[2], head[3], head[4]]) as usize;
            let most = match tag {
                b'C' => CALL.bytes as usize,
                // An exception is cut where it is made: more than this is nobody's honest words.
                b'E' => 1 << 20,
                _ => self.job.limits.result as usize,
            };
            if length > most {
                self.stop(Reason::Result);
                self.link.pipe = None;
                return Ok(());
            }
            if self.link.bytes.len() < HEAD + length {
                return Ok(());
            }
            let body = self.link.bytes[HEAD..HEAD + length].to_vec();
            self.link.bytes.drain(..HEAD + length);
            if tag == b'C' {
                if !self.replies.is_empty() || self.link.bytes.first() == Some(&b'C') {
                    self.stop(Reason::Result);
                    self.link.pipe = None;
                    return Ok(());
                }
                if self.reason.is_none() && self.end.is_none() {
                    self.call(&body, calls)?;
                }
            } else {
                self.claim = Some((tag, body));
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        body: &[u8],
        calls: &mut dyn FnMut(CandidateCall) -> CandidateReply,
    ) -> Result<(), Broken> {
        let decoded = codec::decode(body, CALL);
        let reply = match decoded {
            Ok(Value::List(mut parts)) if parts.len() == 2 => match (parts.pop(), parts.pop()) {
                (Some(Value::List(arguments)), Some(Value::Str(entry))) => {
                    calls(CandidateCall { entry, arguments })
                }
                _ => not_a_call(),
            },
            _ => not_a_call(),
        };
        let (tag, value) = match reply {
            CandidateReply::Value(value) => (b'V', value),
            CandidateReply::Error { kind, message } => {
                (b'X', Value::List(vec![Value::Str(kind), Value::Str(message)]))
            }
        };
        let value = codec::write(&value);
        self.replies.push(tag);
        self.replies.extend((value.len() as u32).to_ne_bytes());
        self.replies.extend(value);
        self.reply()
    }

    fn look_at_clock(&mut self) -> Result<(), Broken> {
        let now = Instant::now();
        match self.reason {
            Some((_, since)) if now >= since + ANSWER_TIMEOUT && self.end.is_none() => {
                return Err(Broken("the server does not answer".to_owned()));
            }
            None if now >= self.begin + self.job.limits.wall => self.stop(Reason::Wall),
            _ => {}
        }
        Ok(())
    }

    /// Ends the evaluation, for the first reason there is.
    fn stop(&mut self, reason: Reason) {
        if self.reason.is_none() && self.end.is_none() {
            self.reason = Some((reason, Instant::now()));
            self.kill();
        }
    }

    /// Has the server end the supervisor, and with it the tree. It may have ended by itself; then there is nothing to do.
    /// No descriptor of it is needed here: sending one could fail (see [`start::send`]).
    fn kill(&self) {
        if self.started {
            let _ = self.server.send(b"K", &[]);
        }
    }

    fn verdict(self) -> Result<EvaluationVerdict, Broken> {
        let (cpu, most) = self.end.unwrap_or_default();
        let peak = self.report.map_or(0, |report| report.peak).max(most.saturating_mul(1024));
        let ending = self.ending(cpu)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(EvaluationVerdict {
            ending,
            stdout: text(&self.out.bytes),
            stderr: text(&self.err.bytes),
            cpu,
            wall: self.begin.elapsed(),
            peak_memory: peak,
            isolation: Isolation { tier: Tier::Jail, python: self.server.python.clone() },
        })
    }

    /// What the host saw goes before what the supervisor saw, and that before any claim.
    fn ending(&self, cpu: Duration) -> Result<EvaluationEnding, Broken> {
        match self.reason {
            Some((Reason::Wall, _)) => return Ok(EvaluationEnding::Time { clock: Clock::Wall }),
            Some((Reason::Output, _)) => return Ok(EvaluationEnding::Output),
            Some((Reason::Result, _)) => return Ok(EvaluationEnding::Result),
            None if self.out.over || self.err.over => return Ok(EvaluationEnding::Output),
            None => {}
        }
        let report = self.report.ok_or_else(|| Broken("the supervisor was killed".to_owned()))?;
        match report.over {
            Some(b'c') => return Ok(EvaluationEnding::Time { clock: Clock::Cpu }),
            Some(b'm') => return Ok(EvaluationEnding::Memory),
            Some(_) => return Ok(EvaluationEnding::Processes),
            None if cpu > self.job.limits.cpu => return Ok(EvaluationEnding::Time { clock: Clock::Cpu }),
            None => {}
        }
        if libc::WIFSIGNALED(report.status) {
            let signal = libc::WTERMSIG(report.status);
            let cpu = signal == libc::SIGXCPU;
            return Ok(match cpu {
                true => EvaluationEnding::Time { clock: Clock::Cpu },
                false => EvaluationEnding::Crashed { signal },
            });
        }
        Ok(claimed(self.claim.as_ref(), libc::WEXITSTATUS(report.status)))
    }
}

/// What an evaluation that exited says of itself.
fn claimed(claim: Option<&(u8, Vec<u8>)>, code: i32) -> EvaluationEnding {
    match claim {
        Some((b'R', json)) if code == 0 => match String::from_utf8(json.clone()) {
            Ok(json) => EvaluationEnding::Returned { json },
            Err(_) => EvaluationEnding::Exited { code },
        },
        Some((b'E', said)) if code == 0 => match serde_json::from_slice::<Said>(said) {
            Ok(Said { kind, message, traceback }) => EvaluationEnding::Raised { kind, message, traceback },
            Err(_) => EvaluationEnding::Exited { code },
        },
        Some((b'L', _)) if code == 0 => EvaluationEnding::Result,
        _ => EvaluationEnding::Exited { code },
    }
}

fn not_a_call() -> CandidateReply {
    CandidateReply::Error {
        kind: "ValueError".to_owned(),
        message: "this is no call of a candidate".to_owned(),
    }
}
