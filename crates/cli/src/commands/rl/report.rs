//! How a reinforcement learning ended, and what a person sees of it meanwhile.

use indicatif::ProgressBar;
use samara_view::numbers::number;
use serde::Serialize;

use super::{
    curves::{Group, Row},
    offline::Known,
    settings::{Folder, Settings},
};
use crate::{
    commands::model,
    exit::{quoted, remark},
};

/// What `report.json` holds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub settings: Settings,
    /// What the runs' programs came to on each condition.
    pub offline: Vec<Known>,
    pub samples: u64,
    /// The first and the last iteration; the first one's samples are the first step's model's.
    pub first: Option<Row>,
    pub last: Option<Row>,
    /// The digest of the archives of all samples.
    pub archive_hash: String,
}

impl Report {
    pub(super) fn new(settings: &Settings, offline: Vec<Known>, rows: &[Row], archive_hash: String) -> Self {
        Self {
            settings: settings.clone(),
            offline,
            samples: rows.last().map_or(0, |row| row.samples),
            first: rows.first().cloned(),
            last: rows.last().cloned(),
            archive_hash,
        }
    }

    pub(super) fn to_text(&self, folder: &Folder, seconds: f64) -> String {
        let learning = &self.settings.learning;
        let programs: usize = self.offline.iter().map(|known| known.learnt).sum();
        let mut text = format!(
            "samples     {} in {} iterations of {} a condition; {seconds:.0} s\n",
            self.samples, learning.iterations, learning.group
        );
        text += &format!("first step  {programs} samples from the runs\n");
        if let Some(last) = &self.last {
            text += &format!(
                "distance    {} nats a token from the first step's model; entropy {}\n",
                number(last.kl),
                number(last.entropy)
            );
        }
        text += &format!(
            "\n{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
            "", "runs best", "mean", "->", "valid", "->", "best"
        );
        let none = Group::default();
        for (at, known) in self.offline.iter().enumerate() {
            let of =
                |row: &Option<Row>| row.as_ref().and_then(|row| row.groups.get(at)).copied().unwrap_or(none);
            let (first, last) = (of(&self.first), of(&self.last));
            let percent = |part: f64| format!("{:.0} %", 100.0 * part);
            text += &format!(
                "{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}\n",
                known.condition,
                number(known.best),
                number(first.mean),
                number(last.mean),
                percent(first.valid),
                percent(last.valid),
                number(last.best)
            );
        }
        let path = quoted(&folder.path.display().to_string());
        text += &format!("\narchive     {}\n", self.archive_hash);
        text + &format!("evaluate    samara rl evaluate {path}\nlook        samara show {path}\n")
    }
}

/// A bar on a terminal, a line now and then elsewhere.
pub(super) struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

/// Iterations between two lines where there is no terminal.
const LINES: u64 = 5;

impl Progress {
    pub(super) fn new(step: u64, steps: u64, quiet: bool) -> Self {
        let bar = model::counting(step, steps, quiet);
        Self { bar, quiet }
    }

    pub(super) fn hear(&self, iteration: u64, told: &str) {
        if self.bar.is_hidden() && !self.quiet && (iteration == 1 || iteration.is_multiple_of(LINES)) {
            remark(&format!("iteration {iteration}  {told}"));
        }
        self.bar.set_position(iteration);
        self.bar.set_message(told.to_owned());
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
