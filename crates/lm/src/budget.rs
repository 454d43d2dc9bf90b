//! What a run may spend, enforced before a call by reservation: calls in flight can't overshoot together.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{ErrorKind, LmError};

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

/// The purse that all models of a run share.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
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
        Arc::new(Self { limits, held: Mutex::new(spent) })
    }

    /// What was spent, reservations included.
    pub fn spent(&self) -> Spent {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves one operation's estimate.
    pub(crate) fn reserve(self: &Arc<Self>, tokens: u64, money: f64) -> Result<Reservation, LmError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |limit: Option<f64>, amount: f64| limit.is_some_and(|limit| amount > limit);
        let after = Spent { calls: held.calls + 1, tokens: held.tokens + tokens, money: held.money + money };
        if over(self.limits.calls.map(|n| n as f64), after.calls as f64)
            || over(self.limits.tokens.map(|n| n as f64), after.tokens as f64)
            || over(self.limits.money, after.money)
        {
            let message = "the run's budget allows no further call";
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
}
