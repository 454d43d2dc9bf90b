//! Measures the sandbox: `measure [TIER] [SECONDS] [SERVERS] [PYTHON] [numpy]`.
//!
//! Programs per second of wall and of CPU time, latency, the time to the first program, memory of a fork server, and
//! beside them the bare cost of fork, exit and wait in a Python that holds nothing.
#![expect(clippy::print_stdout, reason = "the result")]

use samara_sandbox::{Job, Outcome, Sandbox, Settings, Tier};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const PROGRAM: &str = "
import math
def gear(radius, teeth):
    return [[radius * math.cos(2 * math.pi * i / teeth), radius * math.sin(2 * math.pi * i / teeth)] for i in range(teeth)]
def main():
    points = gear(1.0, 8) + gear(2.0, 12)
    return {'joints': points, 'muscles': [[i, i + 1, {'type': 'distance', 'amplitude': 0.5, 'phase': i / 20}] for i in range(19)]}
";

const FORK: &str = "
import os, time
n, begin = 300, time.perf_counter()
for _ in range(n):
    pid = os.fork()
    if pid == 0: os._exit(0)
    os.waitpid(pid, 0)
t = os.times()
print((time.perf_counter() - begin) / n * 1e3, (t.user + t.system + t.children_user + t.children_system) / n * 1e3)
";

fn cpu_of(pid: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(4);
    Duration::from_millis(fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

fn memory_of(pid: u32, field: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find(|line| line.starts_with(field))
        .unwrap_or("?")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument =
        |place: usize, default: &str| arguments.get(place).map_or(default, |text| text.as_str()).to_owned();
    let tier: Tier = argument(0, "jail").parse()?;
    let seconds = Duration::from_secs_f64(argument(1, "5").parse()?);
    let servers: usize = argument(2, "2").parse()?;
    let python = argument(3, "/usr/bin/python3");
    let numpy = argument(4, "") == "numpy";
    let settings = || Settings {
        tier: Some(tier),
        minimum: Tier::Process,
        servers,
        numpy,
        python: Some(python.clone().into()),
    };
    for start in ["first start", "start, interpreter known"] {
        let begin = Instant::now();
        let sandbox = Sandbox::start(&settings())?;
        sandbox.run(&Job::new(PROGRAM, "main"))?;
        println!("{start}, to the end of the first program: {:?}", begin.elapsed());
    }
    let sandbox = Sandbox::start(&settings())?;
    println!("{} on {} with {servers} servers", sandbox.tier(), sandbox.isolation().python);
    println!(
        "a server: {}, {}",
        memory_of(sandbox.servers()[0], "VmRSS"),
        memory_of(sandbox.servers()[0], "RssAnon")
    );
    let cpu =
        || sandbox.servers().iter().map(|pid| cpu_of(&pid.to_string())).sum::<Duration>() + cpu_of("self");
    let (before, begin) = (cpu(), Instant::now());
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..servers {
            scope.spawn(|| {
                let mut own = Vec::new();
                while begin.elapsed() < seconds {
                    let verdict = sandbox.run(&Job::new(PROGRAM, "main"));
                    let verdict = verdict.expect("the job is a good one");
                    assert!(matches!(verdict.outcome, Outcome::Ok { .. }), "{:?}", verdict.outcome);
                    own.push((verdict.wall, verdict.cpu));
                }
                all.lock().expect("no panic").extend(own);
            });
        }
    });
    let (wall, cpu) = (begin.elapsed().as_secs_f64(), (cpu() - before).as_secs_f64());
    let mut all = all.into_inner()?;
    all.sort_unstable();
    let count = all.len() as f64;
    let at = |part: f64| all[((count - 1.0) * part) as usize].0;
    let child: Duration = all.iter().map(|(_, cpu)| *cpu).sum();
    println!("{count} programs: {:.0} per s of wall, {:.0} per CPU s", count / wall, count / cpu);
    println!("latency p50 {:?}, p99 {:?}", at(0.5), at(0.99));
    println!(
        "CPU per program {:.2} ms, of it the child {:.2} ms",
        cpu / count * 1e3,
        child.as_secs_f64() / count * 1e3
    );
    println!("a server afterwards: {}", memory_of(sandbox.servers()[0], "VmRSS"));
    let output = std::process::Command::new(&python).args(["-I", "-S", "-c", FORK]).output()?;
    println!("bare fork+exit+wait: wall and CPU ms {}", String::from_utf8_lossy(&output.stdout).trim());
    Ok(())
}
