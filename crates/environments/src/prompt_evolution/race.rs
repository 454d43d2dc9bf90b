//! When a prompt is stopped before all items are answered: once it is too unlikely to do better than the elite of its
//! cell. Pure functions of counts.
//!
//! The items of a candidate are answered in an order that is drawn for it alone, batch after batch, so that those answered
//! so far are a sample of all items without replacement. After each batch an exact test asks how likely so few right
//! answers are for a prompt that would just beat the elite (the lower tail of the hypergeometric distribution). The risk
//! is shared evenly among the batches (Bonferroni), so that a prompt that would beat the elite is stopped with at most that
//! probability, however many batches there are.

/// A race against an elite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Race {
    /// Items in all.
    pub items: usize,
    /// Right answers with which a prompt beats the elite; more than `items` if none can.
    needed: usize,
    /// The probability of a wrong stop after one batch.
    risk: f64,
}

impl Race {
    /// A race over so many items, `batch` at a time, against an elite's share of right answers. `risk` is the largest
    /// probability with which a prompt that would beat the elite is stopped: 0 for never.
    pub fn new(items: usize, batch: usize, elite: f64, risk: f64) -> Self {
        let beats = |right: usize| share(right, items) > elite;
        let needed = (0..=items).find(|right| beats(*right)).unwrap_or(items + 1);
        // After the last batch there is nothing left to stop.
        let looks = items.div_ceil(batch.max(1)).saturating_sub(1).max(1);
        Self { items, needed, risk: risk / looks as f64 }
    }

    /// Whether a prompt with so many right of so many answers is stopped.
    pub fn stops(&self, right: usize, answered: usize) -> bool {
        let left = self.items.saturating_sub(answered);
        if right + left < self.needed {
            return true;
        }
        self.risk > 0.0 && left > 0 && lower_tail(self.items, self.needed, answered, right) <= self.risk
    }
}

/// A part of a whole, 0 of nothing.
pub fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The probability that a sample of `drawn` of `items`, `right` of which are right, holds at most `most` right ones.
fn lower_tail(items: usize, right: usize, drawn: usize, most: usize) -> f64 {
    let least = (drawn + right).saturating_sub(items);
    let all = ln_choose(items, drawn);
    let term = |held: usize| libm::exp(ln_choose(right, held) + ln_choose(items - right, drawn - held) - all);
    (least..=most.min(drawn).min(right)).map(term).sum()
}

/// The logarithm of the number of ways to choose `k` of `n`.
fn ln_choose(n: usize, k: usize) -> f64 {
    let ln_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact probability that a prompt with `right` of all items is stopped somewhere, over all orders.
    fn stopped(race: &Race, batch: usize, right: usize) -> f64 {
        let mut going = vec![(0_usize, 1.0_f64)];
        let (mut answered, mut stopped) = (0, 0.0);
        while answered < race.items {
            let step = batch.min(race.items - answered);
            let mut next = vec![0.0; right + 1];
            for (held, probability) in going {
                let (left, right_left) = (race.items - answered, right - held);
                let least = (step + right_left).saturating_sub(left);
                for more in least..=step.min(right_left) {
                    let ways = ln_choose(right_left, more) + ln_choose(left - right_left, step - more);
                    next[held + more] += probability * libm::exp(ways - ln_choose(left, step));
                }
            }
            answered += step;
            let survives = |(held, probability): (usize, f64)| {
                if answered < race.items && race.stops(held, answered) {
                    stopped += probability;
                    None
                } else {
                    (probability > 0.0).then_some((held, probability))
                }
            };
            going = next.into_iter().enumerate().filter_map(survives).collect();
        }
        stopped
    }

    #[test]
    fn a_prompt_that_would_beat_the_elite_is_stopped_at_most_with_the_risk() {
        for (items, batch) in [(12, 1), (20, 4), (31, 10), (40, 5)] {
            for elite in [0.0, 0.25, 0.5, 0.8, 0.95] {
                for risk in [0.0, 0.01, 0.05, 0.3] {
                    let race = Race::new(items, batch, elite, risk);
                    for right in (0..=items).filter(|right| share(*right, items) > elite) {
                        let wrong = stopped(&race, batch, right);
                        assert!(wrong <= risk + 1e-9, "{items} {batch} {elite} {risk} {right}: {wrong}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_hopeless_prompt_is_stopped_before_half_of_the_items() {
        let race = Race::new(100, 10, 0.8, 0.01);
        let answered = (1..=10).map(|batch| batch * 10).find(|answered| race.stops(answered / 5, *answered));
        assert!(answered.is_some_and(|answered| answered < 50), "{answered:?}");
    }

    #[test]
    fn nothing_beats_an_elite_without_a_fault_and_without_risk_only_arithmetic_stops() {
        assert!(Race::new(20, 5, 1.0, 0.0).stops(5, 5));
        let race = Race::new(20, 5, 0.5, 0.0);
        assert!(!race.stops(0, 5) && race.stops(0, 10) && !race.stops(1, 10));
    }
}
