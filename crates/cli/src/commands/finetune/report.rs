//! How a finetuning ended, for people, for programs and for its folder.

use samara_search::commanding::escaped;
use samara_seedling::train::tune::{Measured, TuneSettings};
use samara_view::numbers::number;
use serde::Serialize;

use super::{folder::Folder, lessons::Told};
use crate::commands::model::{Evaluation, grouped};

/// What `report.json` holds.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The model that was begun with.
    pub from: String,
    /// The runs that samples are of.
    pub runs: Vec<String>,
    pub settings: TuneSettings,
    /// What the samples are.
    pub told: Told,
    /// Samples that were learnt from and measured with.
    pub samples: (usize, usize),
    /// Samples longer than the model's context.
    pub left_out: usize,
    /// Steps taken, of how many.
    pub steps: u64,
    pub of_steps: u64,
    pub tokens: u64,
    /// Whether the held-out loss did not fall any more.
    pub stopped_early: bool,
    /// The model that was begun with.
    pub before: Measured,
    /// The model that was kept.
    pub after: Measured,
    /// The evaluations of both; null if they were left out.
    pub evaluated_before: Option<Evaluation>,
    pub evaluated_after: Option<Evaluation>,
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Printed<'a> {
    /// The finetuning's folder.
    pub folder: String,
    /// Always `completed`.
    pub ended: &'static str,
    /// The finished model, as settings name it.
    pub model: String,
    /// Of this session.
    pub seconds: f64,
    #[serde(flatten)]
    pub report: &'a Report,
}

impl Report {
    pub(super) fn to_file(&self) -> String {
        // Plain numbers and texts: there is nothing that JSON can't hold.
        escaped(&serde_json::to_string_pretty(self).unwrap_or_default()).into_owned() + "\n"
    }

    pub(super) fn to_text(&self, folder: &Folder, seconds: f64) -> String {
        let settings = &self.settings;
        let (learnt, held_out) = self.samples;
        let mut text = format!("from        {}\n", self.from);
        text += &format!("samples     {learnt}, {held_out} held out");
        text += &match self.told.again {
            0 => "\n".to_owned(),
            again => format!("; {again} of them told as if from nothing\n"),
        };
        text += &format!(
            "settings    learning rate {}, {} epochs, replay {}, seed {}\n",
            settings.learning_rate, settings.epochs, settings.replay, settings.seed
        );
        let early = if self.stopped_early { ", the held-out loss fell no more" } else { "" };
        text += &format!(
            "trained on  {} tokens in {} of {} steps{early}; {seconds:.1} s\n",
            grouped(self.tokens),
            self.steps,
            self.of_steps
        );
        let change = |before: f64, after: f64| format!("{} -> {}", number(before), number(after));
        text += &format!(
            "held out    {} nats a token of samples; {} of its own corpus\n",
            change(self.before.samples, self.after.samples),
            change(self.before.corpus, self.after.corpus)
        );
        text += &format!("kept        step {}\n", self.after.step);
        if let (Some(before), Some(after)) = (&self.evaluated_before, &self.evaluated_after) {
            text += &format!("\nbefore: {}\nafter: {}", before.text(), after.text());
        }
        let model = folder.model().display().to_string();
        text + &format!("\nuse it      --set models.generator=embedded:{model}\n")
    }
}
