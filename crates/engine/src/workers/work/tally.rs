//! What a worker has done, in figures that may be read at any time.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use crate::workers::{Answer, Outcome};

/// What a worker has done since it was started, and does now.
#[derive(Debug, Default)]
pub struct Tally {
    working: AtomicBool,
    running: AtomicU64,
    scored: AtomicU64,
    invalid: AtomicU64,
    failed: AtomicU64,
    said: AtomicU64,
    troubles: AtomicU64,
    reported: AtomicU64,
    reports: AtomicU64,
    unheard: AtomicU64,
    micros: AtomicU64,
}

impl Tally {
    /// Whether it works for a run at this moment.
    pub fn is_working(&self) -> bool {
        self.working.load(Relaxed)
    }

    pub(super) fn works(&self, working: bool) {
        self.working.store(working, Relaxed);
    }

    /// An evaluation begins, which ends when what is returned is dropped.
    pub(super) fn begins(&self) -> Running<'_> {
        self.running.fetch_add(1, Relaxed);
        Running(self)
    }

    pub(super) fn evaluated(&self, answer: &Answer) {
        let count = match &answer.outcome {
            Outcome::Scored(_) => &self.scored,
            Outcome::Invalid { .. } => &self.invalid,
            Outcome::Failed { .. } => &self.failed,
            Outcome::Said(_) => &self.said,
            Outcome::Trouble { .. } => &self.troubles,
        };
        count.fetch_add(1, Relaxed);
        // It is a whole number of microseconds, and small.
        self.micros.fetch_add((answer.ms * 1e3) as u64, Relaxed);
    }

    pub(super) fn reported(&self, results: usize) {
        self.reports.fetch_add(1, Relaxed);
        self.reported.fetch_add(results as u64, Relaxed);
    }

    pub(super) fn unheard(&self) {
        self.unheard.fetch_add(1, Relaxed);
    }

    /// These figures in Prometheus's text format, of a worker that evaluates; `slots` is how many evaluations it runs at once.
    pub fn figures(&self, slots: u32) -> String {
        self.of(
            "worker",
            "Evaluations",
            slots,
            &[
                ("scored_total", "Evaluations that came to a score.", &self.scored),
                ("invalid_total", "Candidates that were invalid.", &self.invalid),
                ("failed_total", "Candidates that failed.", &self.failed),
                ("troubles_total", "Evaluations that this worker could not do.", &self.troubles),
            ],
        )
    }

    /// The same of a worker that asks models; `slots` is how many questions it asks at once.
    pub fn figures_of_questions(&self, slots: u32) -> String {
        self.of(
            "model_worker",
            "Questions",
            slots,
            &[
                ("said_total", "Questions that a model has answered or refused.", &self.said),
                ("troubles_total", "Questions that no model here could be asked.", &self.troubles),
            ],
        )
    }

    fn of(&self, prefix: &str, what: &str, slots: u32, counts: &[(&str, &str, &AtomicU64)]) -> String {
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, help: &str, value: String| {
            // A text takes everything.
            let _ = writeln!(
                text,
                "# HELP samara_{prefix}_{name} {help}\n# TYPE samara_{prefix}_{name} {kind}\n\
                 samara_{prefix}_{name} {value}"
            );
        };
        let whole = |count: &AtomicU64| count.load(Relaxed).to_string();
        add("working", "gauge", "Whether it works for a run.", u8::from(self.is_working()).to_string());
        add("slots", "gauge", &format!("{what} at once."), slots.to_string());
        add("running", "gauge", &format!("{what} at this moment."), whole(&self.running));
        for (name, help, count) in counts {
            add(name, "counter", help, whole(count));
        }
        add("reported_total", "counter", "Results that were reported.", whole(&self.reported));
        add("reports_total", "counter", "Messages with results.", whole(&self.reports));
        add(
            "unheard_total",
            "counter",
            "Messages that had no reply and were sent again.",
            whole(&self.unheard),
        );
        let seconds = self.micros.load(Relaxed) as f64 / 1e6;
        let help = format!("Wall time of these {}.", what.to_lowercase());
        let name = if prefix == "worker" { "evaluation_seconds_total" } else { "seconds_total" };
        add(name, "counter", &help, format!("{seconds:.6}"));
        text
    }
}

/// An evaluation that runs.
pub(super) struct Running<'a>(&'a Tally);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Relaxed);
    }
}
