//! How fast creatures are evaluated; `benchmarks/sodarace.py` runs it beside pybox2d.
//!
//! Reads a JSON list of `{"name", "walker"}` from standard input and evaluates each walker for the milliseconds of the
//! second argument under the law of the first (`paper`, `openelm`), again and again for at least the seconds of the
//! third. Writes a JSON object: fitness, steps and CPU seconds of one evaluation, mean over all, by walker; and the CPU
//! seconds of one in the mean if all walkers are evaluated side by side on one thread (`evaluate_all`). With a fourth
//! argument, that many threads evaluate all walkers again and again, and the object says how many evaluations/s that
//! were. CPU time is what Linux' scheduler gave this thread; elsewhere wall time stands in for it.

use std::error::Error;
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use samara_sodarace::{Conditions, Law, Walker, evaluate, evaluate_all};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Named {
    name: String,
    walker: Walker,
}

#[derive(Serialize)]
struct Row {
    name: String,
    fitness: Option<f64>,
    steps: u32,
    joints: usize,
    muscles: usize,
    cpu_s: f64,
}

/// Seconds that this thread has run.
fn cpu(began: Instant) -> f64 {
    let scheduled = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = scheduled.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| began.elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}

fn row(named: &Named, conditions: &Conditions, ms: u32, seconds: f64) -> Result<Row, Box<dyn Error>> {
    let found = evaluate(&named.walker, conditions, ms)?;
    let epoch = Instant::now();
    let (began, mut times) = (cpu(epoch), 0_u32);
    while cpu(epoch) - began < seconds || times < 3 {
        for _ in 0..10 {
            std::hint::black_box(evaluate(std::hint::black_box(&named.walker), conditions, ms)?);
            times += 1;
        }
    }
    Ok(Row {
        name: named.name.clone(),
        fitness: found.fitness,
        steps: found.settling_steps + found.steps,
        joints: named.walker.joints.len(),
        muscles: named.walker.muscles.len(),
        cpu_s: (cpu(epoch) - began) / f64::from(times),
    })
}

/// CPU seconds of one evaluation if all walkers are evaluated side by side, each several times in one call; mean.
fn side_by_side(walkers: &[Named], conditions: &Conditions, ms: u32, seconds: f64) -> f64 {
    let all: Vec<(&Walker, u32)> =
        walkers.iter().map(|named| (&named.walker, ms)).collect::<Vec<_>>().repeat(4);
    let epoch = Instant::now();
    let (began, mut times) = (cpu(epoch), 0);
    while cpu(epoch) - began < seconds * walkers.len() as f64 {
        std::hint::black_box(evaluate_all(std::hint::black_box(&all), conditions));
        times += all.len();
    }
    (cpu(epoch) - began) / times as f64
}

/// Evaluations per second of that many threads over `rounds` times all walkers.
fn parallel(walkers: &[Named], conditions: &Conditions, ms: u32, threads: usize, rounds: usize) -> f64 {
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(i) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|i| *i < rounds * walkers.len())
                {
                    let walker = &walkers[i % walkers.len()].walker;
                    std::hint::black_box(evaluate(walker, conditions, ms)).ok();
                }
            });
        }
    });
    (rounds * walkers.len()) as f64 / began.elapsed().as_secs_f64()
}

#[expect(clippy::print_stdout, reason = "what an example is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [law, ms, seconds, threads @ ..] = arguments.as_slice() else {
        return Err("wants LAW MS SECONDS [THREADS]".into());
    };
    let law = if law == "openelm" { Law::OpenElm } else { Law::Paper };
    let conditions = Conditions { law, score_unsettled: true, ..Conditions::default() };
    let (ms, seconds) = (ms.parse()?, seconds.parse()?);
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let walkers: Vec<Named> = serde_json::from_str(&text)?;
    let rows =
        walkers.iter().map(|named| row(named, &conditions, ms, seconds)).collect::<Result<Vec<_>, _>>()?;
    let together = side_by_side(&walkers, &conditions, ms, seconds);
    let mut report = serde_json::json!({ "walkers": rows, "side_by_side_cpu_s": together });
    if let [threads] = threads {
        let once: f64 = rows.iter().map(|row| row.cpu_s).sum();
        let rounds = (5.0 / once).ceil() as usize;
        report["evaluations_per_s"] = parallel(&walkers, &conditions, ms, threads.parse()?, rounds).into();
    }
    println!("{report}");
    Ok(())
}
