//! Measures the sandbox: `measure PROGRAMS SECONDS [TIER] [SERVERS] [PYTHON] [numpy]`, figures as JSON.
//!
//! PROGRAMS is a JSON file: a list of `{"source", "entry", "expected"}`. They are run in batches of several sizes, as
//! searches do: a batch is spread over as many callers as there are servers, and the next one begins when all of it has
//! ended. `benchmarks/sandbox.py` starts this and sets it beside another way to run the same programs.
#![expect(clippy::print_stdout, reason = "the result")]

use samara_sandbox::{Ending, Job, Sandbox, SandboxOptions, Tier, json};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const BATCHES: [usize; 4] = [2, 7, 28, 140];

/// CPU time of a process and of those that it has waited for.
fn cpu_of(pid: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(4);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// A line in KiB of a file in /proc; none where it can't be read.
fn kib(pid: u32, file: &str, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim_start_matches(':').trim_end_matches("kB").trim().parse().ok()
}

struct Work {
    jobs: Vec<(Job, Value)>,
}

impl Work {
    fn read(file: &str) -> Result<Self, Failure> {
        let programs: Vec<Value> = serde_json::from_slice(&std::fs::read(file)?)?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let job =
            |one: &Value| (Job::new(text(&one["source"]), text(&one["entry"])), one["expected"].clone());
        Ok(Self { jobs: programs.iter().map(job).collect() })
    }

    /// Runs one program, of which the result is checked; returns its wall and CPU time.
    fn run(&self, sandbox: &Sandbox, number: usize) -> Result<(Duration, Duration), String> {
        let (job, expected) = &self.jobs[number % self.jobs.len()];
        let verdict = sandbox.run(job).map_err(|error| error.to_string())?;
        match &verdict.ending {
            Ending::Ok { value } if json::from_value(value) == *expected => Ok((verdict.wall, verdict.cpu)),
            other => Err(format!("program {number} ended with {other:?}")),
        }
    }

    /// Runs a batch on as many callers as there are servers.
    fn batch(
        &self,
        sandbox: &Sandbox,
        size: usize,
        callers: usize,
    ) -> Result<Vec<(Duration, Duration)>, String> {
        let (next, times) = (AtomicUsize::new(0), Mutex::new(Ok(Vec::new())));
        let caller = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= size {
                    return;
                }
                let ran = self.run(sandbox, number);
                let mut times = times.lock().expect("no caller panics");
                match (ran, times.as_mut()) {
                    (Ok(ran), Ok(times)) => times.push(ran),
                    (Err(error), _) => *times = Err(error),
                    (Ok(_), Err(_)) => {}
                }
            }
        };
        std::thread::scope(|scope| (0..callers.min(size)).for_each(|_| drop(scope.spawn(caller))));
        times.into_inner().map_err(|error| error.to_string())?
    }
}

/// Batches of one size for some seconds.
fn batches(sandbox: &Sandbox, work: &Work, size: usize, seconds: f64) -> Result<Value, Failure> {
    let servers = sandbox.servers();
    let cpu = || servers.iter().map(|pid| cpu_of(&pid.to_string())).sum::<Duration>() + cpu_of("self");
    let (before, begin) = (cpu(), Instant::now());
    let mut times = Vec::new();
    while begin.elapsed().as_secs_f64() < seconds {
        times.extend(work.batch(sandbox, size, servers.len())?);
    }
    let (wall, cpu) = (begin.elapsed(), cpu() - before);
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].0.as_secs_f64() * 1e3;
    let programs: Duration = times.iter().map(|(_, cpu)| *cpu).sum();
    Ok(json!({
        "batch": size,
        "programs": times.len(),
        "wall_s": wall.as_secs_f64(),
        "cpu_s": cpu.as_secs_f64(),
        "children_cpu_s": programs.as_secs_f64(),
        "p50_ms": at(0.5),
        "p99_ms": at(0.99),
    }))
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |place: usize, default: &str| arguments.get(place).map_or(default, |text| text.as_str()).to_owned();
    let work = Work::read(&argument(0, "programs.json"))?;
    let seconds: f64 = argument(1, "3").parse()?;
    let options = SandboxOptions {
        tier: Some(argument(2, "jail").parse::<Tier>()?),
        servers: argument(3, "2").parse()?,
        python: arguments.get(4).map(Into::into),
        numpy: argument(5, "") == "numpy",
        ..SandboxOptions::default()
    };
    let start = || -> Result<(Sandbox, f64), Failure> {
        let begin = Instant::now();
        let sandbox = Sandbox::start(&options)?;
        work.run(&sandbox, 0)?;
        Ok((sandbox, begin.elapsed().as_secs_f64() * 1e3))
    };
    let (_, first) = start()?;
    let (sandbox, again) = start()?;
    let server = sandbox.servers()[0];
    let sizes: Vec<Value> =
        BATCHES.iter().map(|size| batches(&sandbox, &work, *size, seconds)).collect::<Result<_, _>>()?;
    let figures = json!({
        "tier": sandbox.tier(),
        "python": &*sandbox.isolation().python,
        "first_start_ms": first,
        "start_of_a_known_interpreter_ms": again,
        "server_resident_kib": kib(server, "status", "VmRSS"),
        "server_proportional_kib": kib(server, "smaps_rollup", "Pss"),
        "batches": sizes,
    });
    println!("{figures}");
    Ok(())
}
