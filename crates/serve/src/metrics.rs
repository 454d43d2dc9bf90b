//! Counters in Prometheus' text format.

use samara_sandbox::Verdict;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Metrics(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    endings: BTreeMap<&'static str, u64>,
    answers: BTreeMap<u16, u64>,
    cpu_seconds: f64,
    wall_seconds: f64,
}

impl Metrics {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ran(&self, verdict: &Verdict) {
        let mut counts = self.counts();
        *counts.endings.entry(verdict.ending.name()).or_default() += 1;
        counts.cpu_seconds += verdict.cpu.as_secs_f64();
        counts.wall_seconds += verdict.wall.as_secs_f64();
    }

    pub(crate) fn answered(&self, status: u16) {
        *self.counts().answers.entry(status).or_default() += 1;
    }

    pub(crate) fn text(
        &self,
        in_queue: usize,
        memory: &[(&str, usize, usize)],
        (waiting, served): (usize, usize),
    ) -> String {
        let counts = self.counts();
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments<'_>| {
            // A string takes everything.
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("# TYPE samara_sandbox_programs_total counter"));
        for (name, count) in &counts.endings {
            line(format_args!("samara_sandbox_programs_total{{outcome=\"{name}\"}} {count}"));
        }
        line(format_args!("# TYPE samara_sandbox_answers_total counter"));
        for (status, count) in &counts.answers {
            line(format_args!("samara_sandbox_answers_total{{status=\"{status}\"}} {count}"));
        }
        line(format_args!("# TYPE samara_sandbox_cpu_seconds_total counter"));
        line(format_args!("samara_sandbox_cpu_seconds_total {}", counts.cpu_seconds));
        line(format_args!("# TYPE samara_sandbox_wall_seconds_total counter"));
        line(format_args!("samara_sandbox_wall_seconds_total {}", counts.wall_seconds));
        line(format_args!("# TYPE samara_sandbox_queue gauge"));
        line(format_args!("samara_sandbox_queue {in_queue}"));
        line(format_args!("# TYPE samara_sandbox_memory_bytes gauge"));
        for (pool, taken, _) in memory {
            line(format_args!("samara_sandbox_memory_bytes{{pool=\"{pool}\"}} {taken}"));
        }
        line(format_args!("# TYPE samara_sandbox_memory_limit_bytes gauge"));
        for (pool, _, size) in memory {
            line(format_args!("samara_sandbox_memory_limit_bytes{{pool=\"{pool}\"}} {size}"));
        }
        line(format_args!("# TYPE samara_sandbox_connections gauge"));
        for (state, count) in [("waiting", waiting), ("served", served)] {
            line(format_args!("samara_sandbox_connections{{state=\"{state}\"}} {count}"));
        }
        text
    }
}
