//! What a run may spend, enforced before a call by reservation: calls in flight can't overshoot together.
//!
//! A call reserves its estimate (four bytes a prompt token, and as many written tokens as it may write) and settles
//! what the server reports. Only a prompt of more tokens than estimated can go beyond a limit, by the difference; what
//! a failed attempt may have cost, no server says. Cached answers (`cache.rs`) reserve nothing.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{ErrorKind, LmError};

/// Limits of a run; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    /// Operations: a score by echo is one per answer.
    pub calls: Option<u64>,
    /// Tokens, in and out.
    pub tokens: Option<u64>,
    /// Money, in the unit of the prices.
    pub money: Option<f64>,
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Operations.
    pub calls: u64,
    /// Tokens, in and out.
    pub tokens: u64,
    /// Money.
    pub money: f64,
}

/// The budget that all models of a run share.
#[derive(Debug)]
pub struct Budget {
    limits: Mutex<Limits>,
    /// Spent and reserved together.
    held: Mutex<Spent>,
}

impl Budget {
    /// No limits.
    pub fn unlimited() -> Arc<Self> {
        Self::new(Limits::default(), Spent::default())
    }

    /// These limits, of which a run's earlier sessions have spent some.
    pub fn new(limits: Limits, spent: Spent) -> Arc<Self> {
        Arc::new(Self { limits: Mutex::new(limits), held: Mutex::new(spent) })
    }

    /// Goes on with other limits.
    pub fn limit(&self, limits: Limits) {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// What was spent, reservations included.
    pub fn spent(&self) -> Spent {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves one operation's estimate.
    pub(crate) fn reserve(self: &Arc<Self>, tokens: u64, money: f64) -> Result<Reservation, LmError> {
        let limits = *self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |limit: Option<f64>, amount: f64| limit.is_some_and(|limit| amount > limit);
        let after = Spent { calls: held.calls + 1, tokens: held.tokens + tokens, money: held.money + money };
        if over(limits.calls.map(|n| n as f64), after.calls as f64)
            || over(limits.tokens.map(|n| n as f64), after.tokens as f64)
            || over(limits.money, after.money)
        {
            let message = "the run's budget allows no more calls";
            return Err(LmError::new(ErrorKind::Budget, message).hint("raise search.budget and resume"));
        }
        *held = after;
        Ok(Reservation { budget: Arc::clone(self), tokens, money, open: true })
    }
}

/// A reserved operation. Dropped without [`Reservation::settle`], it is given back.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    tokens: u64,
    money: f64,
    open: bool,
}

impl Reservation {
    /// Replaces the estimate by what was really spent.
    pub(crate) fn settle(mut self, tokens: u64, money: f64) {
        self.open = false;
        let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.tokens = (held.tokens + tokens).saturating_sub(self.tokens);
        held.money += money - self.money;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            let mut held = self.budget.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.calls = held.calls.saturating_sub(1);
            held.tokens = held.tokens.saturating_sub(self.tokens);
            held.money -= self.money;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reservations_never_overshoot_and_dropped_ones_are_given_back() {
        let limits = Limits { tokens: Some(100), ..Limits::default() };
        let budget = Budget::new(limits, Spent::default());
        let first = budget.reserve(60, 0.0).expect("fits");
        assert_eq!(budget.reserve(60, 0.0).expect_err("does not fit").kind, ErrorKind::Budget);
        drop(first);
        let second = budget.reserve(60, 0.0).expect("was given back");
        second.settle(10, 0.0);
        assert_eq!(budget.spent(), Spent { calls: 1, tokens: 10, money: 0.0 });
        assert!(budget.reserve(90, 0.0).is_ok());
    }

    #[test]
    fn calls_of_many_threads_never_exceed_the_budget_together() {
        let limits = Limits { calls: Some(500), tokens: Some(4000), money: Some(30.0) };
        let budget = Budget::new(limits, Spent::default());
        let threads: Vec<_> = (0..8_u64)
            .map(|thread| {
                let budget = Arc::clone(&budget);
                std::thread::spawn(move || {
                    for call in 0..400 {
                        let Ok(reservation) = budget.reserve(20, 0.125) else { continue };
                        let spent = budget.spent();
                        assert!(spent.calls <= 500 && spent.tokens <= 4000 && spent.money <= 30.0);
                        if (call + thread) % 3 > 0 {
                            reservation.settle(15, 0.0625);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no limit was exceeded"));
        let spent = budget.spent();
        assert_eq!(spent.tokens, spent.calls * 15, "what was given back is gone");
        assert!(spent.tokens + 20 > 4000 - 160, "nearly all of it was spent: {spent:?}");
    }

    proptest! {
        #[test]
        fn limits_hold_and_only_what_was_settled_stays(
            steps in proptest::collection::vec((0..3_u8, 0..60_u64, any::<prop::sample::Index>()), 0..200),
        ) {
            let limits = Limits { tokens: Some(500), money: Some(8.0), ..Limits::default() };
            let budget = Budget::new(limits, Spent::default());
            let (mut open, mut settled) = (Vec::new(), 0);
            for (what, tokens, which) in steps {
                // A 64th of money a token: sums are exact.
                let money = tokens as f64 / 64.0;
                match what {
                    0 => open.extend(budget.reserve(tokens, money).map(|reservation| (reservation, tokens))),
                    _ if open.is_empty() => {}
                    1 => drop(open.swap_remove(which.index(open.len()))),
                    _ => {
                        let (reservation, tokens) = open.swap_remove(which.index(open.len()));
                        settled += tokens / 2;
                        reservation.settle(tokens / 2, (tokens / 2) as f64 / 64.0);
                    }
                }
                let spent = budget.spent();
                prop_assert!(spent.tokens <= 500 && spent.money <= 8.0);
            }
            drop(open);
            let spent = budget.spent();
            prop_assert_eq!((spent.tokens, spent.money), (settled, settled as f64 / 64.0));
        }
    }
}
