//! What a person sees of a training: a bar on a terminal, a line now and then elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use samara_seedling::train::Progress;
use tokio::sync::watch;

use crate::exit::remark;

/// The bar.
pub(crate) struct Bar {
    bar: ProgressBar,
    quiet: bool,
    held_out: Option<(f64, f64)>,
    /// What the two held-out losses are of.
    names: [&'static str; 2],
    /// The loss, smoothed: that of one batch jumps.
    loss: Option<f64>,
}

/// A bar over steps that says how many are taken, what is told of them, and how long the others take.
pub(crate) fn counting(step: u64, steps: u64, quiet: bool) -> ProgressBar {
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(steps) };
    // The template is fixed; a bar without it would still count.
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  [{elapsed}, ETA {eta}]") {
        bar.set_style(style);
    }
    bar.set_position(step);
    bar.reset_eta();
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl Bar {
    /// A bar over all steps, at the step where the training is.
    pub(crate) fn new(step: u64, steps: u64, quiet: bool) -> Self {
        let bar = counting(step, steps, quiet);
        Self { bar, quiet, held_out: None, names: ["held out", "answers"], loss: None }
    }

    /// With other names of what the two held-out losses are of.
    pub(crate) fn with_names(self, first: &'static str, second: &'static str) -> Self {
        Self { names: [first, second], ..self }
    }

    /// Says that an interrupt was heard, at once: a step that measures the held-out losses takes its time, and whoever
    /// sees nothing presses Ctrl-C again.
    pub(crate) fn tell_of(
        &self,
        mut interrupt: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (bar, quiet) = (self.bar.clone(), self.quiet);
        async move {
            if interrupt.wait_for(|pressed| *pressed).await.is_ok() && !quiet {
                let text = "interrupted: a checkpoint is written after this step (Ctrl-C to stop at once)";
                bar.suspend(|| remark(text));
            }
        }
    }

    /// Says why the next step takes longer.
    pub(crate) fn measuring(&self) {
        self.bar.set_message(format!("{}  measuring", self.bar.message()).trim_start().to_owned());
    }

    /// Hears of a step.
    pub(crate) fn hear(&mut self, progress: &Progress) {
        let loss = self.loss.map_or(progress.loss, |loss| 0.95 * loss + 0.05 * progress.loss);
        self.loss = Some(loss);
        self.held_out = progress.held_out.or(self.held_out);
        let [first, second] = self.names;
        let held_out = self
            .held_out
            .map_or(String::new(), |(texts, answers)| format!("  {first} {texts:.3}, {second} {answers:.3}"));
        let message = format!("{:.0} tokens/s  loss {loss:.3}{held_out}", progress.rate);
        if self.bar.is_hidden() && !self.quiet && progress.held_out.is_some() {
            remark(&format!("step {}, {} tokens  {message}", progress.step, progress.tokens));
        }
        self.bar.set_position(progress.step);
        self.bar.set_message(message);
    }

    /// A remark above the bar.
    pub(crate) fn tell(&self, text: &str) {
        if !self.quiet {
            self.bar.suspend(|| remark(text));
        }
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
