//! How a training ended: `report.json`, and what is printed.

use samara_search::commanding::escaped;
use samara_seedling::train::{Corpus, TrainSettings};
use serde::Serialize;

use super::{
    super::evaluate::{Evaluation, grouped},
    curve,
    folder::Folder,
    losses::Row,
};

/// Batches whose mean is the final loss.
const LAST: usize = 50;

/// `report.json`. Nothing in it depends on the machine, on threads or on interruptions.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// What decided the weights.
    pub settings: TrainSettings,
    /// Of the model.
    pub parameters: usize,
    /// The context in tokens.
    pub context: usize,
    /// Of the optimiser.
    pub steps: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// At the end.
    pub losses: FinalLosses,
    /// Null if it was left out.
    pub evaluation: Option<Evaluation>,
}

/// Losses at the end, in nats a token.
#[derive(Debug, Serialize)]
pub(crate) struct FinalLosses {
    /// The weighted loss, mean of the last 50 batches; null if `losses.csv` has lost them.
    pub training: Option<f64>,
    /// Of held-out texts.
    pub held_out_text: f64,
    /// Of answers about held-out texts.
    pub held_out_answers: f64,
}

impl FinalLosses {
    pub(crate) fn new(rows: &[Row], (held_out_text, held_out_answers): (f64, f64)) -> Self {
        let last = &rows[rows.len().saturating_sub(LAST)..];
        let mean = || last.iter().map(|row| row.loss).sum::<f64>() / last.len() as f64;
        Self { training: (!last.is_empty()).then(mean), held_out_text, held_out_answers }
    }
}

/// What `--format json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Printed<'a> {
    /// The folder.
    pub folder: String,
    /// Always `completed`.
    pub ended: &'static str,
    /// Of this session.
    pub seconds: f64,
    #[serde(flatten)]
    pub report: &'a Report,
}

impl Report {
    pub(crate) fn to_file(&self) -> String {
        // Plain numbers and texts: there is nothing that JSON can't hold.
        escaped(&serde_json::to_string_pretty(self).unwrap_or_default()).into_owned() + "\n"
    }

    /// For people; `trained` are the seconds and tokens of this session's training.
    pub(crate) fn to_text(&self, folder: &Folder, rows: &[Row], trained: (f64, u64)) -> String {
        let settings = &self.settings;
        let losses = &self.losses;
        let mut text = format!(
            "model       {}, {} parameters, vocabulary {}, context {}\n",
            format!("{:?}", settings.size).to_lowercase(),
            grouped(self.parameters as u64),
            settings.vocab_size,
            self.context
        );
        let texts = settings.corpus != Corpus::Walkers;
        let answers =
            if texts { format!(", answers weigh {}", settings.answer_weight) } else { String::new() };
        text += &format!(
            "settings    seed {}, batches of {} tokens, learning rate {}{answers}\n",
            settings.seed, settings.batch_tokens, settings.learning_rate
        );
        text += &format!("trained on  {} tokens in {} steps\n", grouped(self.tokens), self.steps);
        text += &time(trained);
        text += &format!("loss        {}\n", losses.training.map_or("-".into(), |loss| format!("{loss:.4}")));
        text += &match settings.corpus {
            Corpus::Texts | Corpus::Written => format!(
                "held out    {:.4} nats a token of texts, {:.4} an answer\n",
                losses.held_out_text, losses.held_out_answers
            ),
            Corpus::Walkers => format!("held out    {:.4} nats a token\n", losses.held_out_text),
        };
        let curve = curve::draw(&rows.iter().map(|row| row.loss).collect::<Vec<f64>>());
        if !curve.is_empty() {
            text += &format!("\n{curve}");
        }
        if let Some(evaluation) = &self.evaluation {
            text += &format!("\n{}", evaluation.text());
        }
        let model = folder.model().display().to_string();
        let experiment = if texts { "opinions" } else { "sodarace" };
        text + &format!("\nuse it      samara run {experiment} --set models.generator=embedded:{model}\n")
    }
}

/// A session that found the training finished took no time to speak of.
fn time((seconds, tokens): (f64, u64)) -> String {
    if tokens == 0 {
        return String::new();
    }
    format!("time        {seconds:.1} s, {:.0} tokens/s\n", tokens as f64 / seconds.max(1e-9))
}
