//! What a person sees of a running search: a bar on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use samara_engine::{Ending, Event, State};

use crate::exit::remark;

/// The bar; hidden when stderr is no terminal or when asked to be quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(total: u64, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) };
        // The template is fixed; a bar without it would still count.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  [{elapsed}, ETA {eta}]")
        {
            bar.set_style(style);
        }
        Self { bar, quiet }
    }

    /// Hears an event of the search.
    pub(crate) fn hear(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { settled, state } => {
                self.bar.set_position(*settled);
                self.bar.reset_eta();
                self.bar.enable_steady_tick(Duration::from_millis(200));
                self.tell(state);
            }
            Event::Settled { state, .. } => {
                self.bar.inc(1);
                if !self.bar.is_hidden() {
                    self.tell(state);
                }
            }
            Event::Closing { ending, waiting } => self.closing(*ending, *waiting),
        }
    }

    fn tell(&self, state: &State) {
        let stats = state.archive().stats();
        let best = stats.best.map_or("-".to_owned(), |best| format!("{best:.3}"));
        let money = state.spending().total.money;
        let cost = if money > 0.0 { format!("  cost {money:.3}") } else { String::new() };
        let rate = self.bar.per_sec();
        self.bar.set_message(format!(
            "{rate:.0}/s  coverage {:.0} %  QD {:.2}  best {best}{cost}",
            stats.coverage * 100.0,
            stats.qd_score
        ));
    }

    fn closing(&self, ending: Ending, waiting: usize) {
        if self.quiet {
            return;
        }
        let why = match ending {
            Ending::Interrupted => "interrupted",
            Ending::WallTime => "the wall time is over",
            Ending::Budget => "the budget is spent",
            Ending::Completed => "completed",
        };
        let text = format!("{why}: finishing {waiting} candidates (Ctrl-C to stop at once)");
        self.bar.suspend(|| remark(&text));
    }

    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
