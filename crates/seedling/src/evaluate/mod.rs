//! How good a trained model is: what `samara model train` prints at its end, and the model card quotes.
//!
//! [`texts`] measures a model of texts on what the corpus holds out, [`blind`] on a set by somebody who has not seen the
//! corpus, [`walkers`] a model of walker programs.

pub mod blind;
mod figures;
pub mod texts;
pub mod walkers;

use serde::Serialize;

pub use figures::{area_under_curve, calibration_error, spearman};

/// How much is asked of a model of texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvaluationSettings {
    /// Completions of each domain, 1 or more. Default 1,000.
    pub completions: usize,
    /// Texts that every question is asked about. Default 1,000.
    pub judged: usize,
    /// The completions' sampling temperature. Default 0.6, as in the built-in experiments.
    pub temperature: f64,
    /// The seed of prompts, texts and completions. Default 1.
    pub seed: u64,
}

impl Default for EvaluationSettings {
    fn default() -> Self {
        Self { completions: 1000, judged: 1000, temperature: 0.6, seed: 1 }
    }
}

/// How a question is answered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgeReport {
    /// What is asked for.
    pub question: String,
    /// Area under the ROC curve for telling texts whose true log-odds are above 0 from the others; those on neither side
    /// are left out.
    pub area_under_curve: f64,
    /// Expected calibration error against the true probabilities, in ten equal bins.
    pub calibration_error: f64,
    /// Spearman's rank correlation between the true log-odds and the judge's.
    pub rank_correlation: f64,
}
