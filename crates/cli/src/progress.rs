//! What a person sees of a running search: a bar on stderr.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use samara_engine::{BudgetSettings, Charge, Ending, Event, State};

use crate::exit::remark;

/// The bar; hidden when stderr is no terminal or when asked to be quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    budget: BudgetSettings,
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(total: u64, budget: BudgetSettings, quiet: bool) -> Self {
        let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) };
        // The template is fixed; a bar without it would still count.
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {msg}  [{elapsed}, ETA {eta}]")
        {
            bar.set_style(style);
        }
        Self { bar, budget, quiet }
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
        let spent = state.spending().total;
        let cost = if spent.money > 0.0 { format!("  cost {:.3}", spent.money) } else { String::new() };
        let left = left(&self.budget, &spent);
        let rate = self.bar.per_sec();
        self.bar.set_message(format!(
            "{rate:.0}/s  coverage {:.0} %  QD {:.2}  best {best}{cost}{left}",
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

/// What the budget leaves, in the units that it limits.
fn left(budget: &BudgetSettings, spent: &Charge) -> String {
    let money = budget.money.map(|money| format!("{:.3} of {money} money", (money - spent.money).max(0.0)));
    let count = |limit: Option<u64>, spent: u64, unit: &str| {
        limit.map(|limit| format!("{} of {limit} {unit}", limit.saturating_sub(spent)))
    };
    let tokens = count(budget.tokens, spent.tokens, "tokens");
    let calls = count(budget.calls, spent.calls, "calls");
    let amounts: Vec<String> = [money, tokens, calls].into_iter().flatten().collect();
    if amounts.is_empty() { String::new() } else { format!("  left {}", amounts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_in_the_units_that_are_limited() {
        let spent = Charge { calls: 12, tokens: 700, money: 0.25 };
        assert_eq!(left(&BudgetSettings::default(), &spent), "");
        let budget = BudgetSettings { money: Some(1.0), tokens: Some(600), ..BudgetSettings::default() };
        assert_eq!(left(&budget, &spent), "  left 0.750 of 1 money, 0 of 600 tokens");
        let budget = BudgetSettings { calls: Some(20), ..BudgetSettings::default() };
        assert_eq!(left(&budget, &spent), "  left 8 of 20 calls");
    }
}
