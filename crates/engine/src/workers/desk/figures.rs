//! The desk in figures, as Prometheus reads them.

use std::fmt::Write as _;

use super::{Census, Desk};
use crate::workers::Duty;

/// Workers that are told one by one at most.
const MOST_TOLD: usize = 1000;

impl Desk {
    /// Workers, slots and tickets in Prometheus's text format.
    pub fn figures(&self) -> String {
        let Census { workers, slots, held, waiting, evaluated, failed, lost, late, refused, oldest } =
            self.census();
        let mut text = String::new();
        // Both desks of a run may be served at one address.
        let of = match self.task.duty {
            Duty::Evaluate { .. } => "",
            Duty::Ask { .. } => "model_",
        };
        let mut add = |name: &str, kind: &str, help: &str, value: u64| {
            // A text takes everything.
            let _ = writeln!(
                text,
                "# HELP samara_{of}workers_{name} {help}\n# TYPE samara_{of}workers_{name} {kind}\n\
                 samara_{of}workers_{name} {value}"
            );
        };
        add("live", "gauge", "Workers that take tickets.", workers as u64);
        add("slots", "gauge", "Slots of these workers.", slots as u64);
        add("held", "gauge", "Tickets that workers hold.", held as u64);
        add("waiting", "gauge", "Tickets that wait for a free slot.", waiting as u64);
        add("evaluated_total", "counter", "Results that counted.", evaluated);
        add("failed_total", "counter", "Results that failed a candidate.", failed);
        add("lost_total", "counter", "Tickets that were lost and given out again.", lost);
        add("late_total", "counter", "Results that came too late to count.", late);
        add("refused_total", "counter", "Results that could not be what was asked for.", refused);
        add("oldest_seconds", "gauge", "How long the longest held ticket has been held.", oldest.as_secs());
        self.one_by_one(of, &mut text);
        text
    }

    fn one_by_one(&self, of: &str, text: &mut String) {
        let seen = self.workers();
        let told: Vec<_> = seen.iter().enumerate().rev().take(MOST_TOLD).collect();
        let _ = writeln!(
            text,
            "# HELP samara_{of}worker_evaluated_total Results of a worker that counted.\n\
             # TYPE samara_{of}worker_evaluated_total counter"
        );
        for (number, worker) in &told {
            let name = worker.name.replace(['\\', '"', '\n'], "_");
            let _ = writeln!(
                text,
                "samara_{of}worker_evaluated_total{{worker=\"{number}\",name=\"{name}\"}} {}",
                worker.evaluated
            );
        }
        let _ = writeln!(
            text,
            "# HELP samara_{of}worker_seconds_total Wall time of what a worker has done.\n\
             # TYPE samara_{of}worker_seconds_total counter"
        );
        for (number, worker) in &told {
            let name = worker.name.replace(['\\', '"', '\n'], "_");
            let _ = writeln!(
                text,
                "samara_{of}worker_seconds_total{{worker=\"{number}\",name=\"{name}\"}} {:.3}",
                worker.seconds
            );
        }
    }
}
