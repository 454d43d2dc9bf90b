//! What a run may spend, and the rule that decides whether one more candidate may be proposed.
//!
//! The rule looks at settled candidates only, so the candidate at which a run stops does not depend on timing: each
//! candidate in flight is taken to cost as much as the most expensive settled one, and the first one is made alone. The
//! model client enforces the same limits call by call as a backstop (`samara_lm::Budget`); it only bites when a
//! candidate costs more than all before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Charge, Invalid};

/// The `[search.budget]` section. Nothing is limited by default.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct BudgetSettings {
    /// Wall time of one session, in seconds. A resumed run starts the clock anew. More than a hundred years is no limit.
    /// Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub wall_time_s: Option<f64>,
    /// Model calls of the whole run. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::settings::MOST_STEPS))]
    pub calls: Option<u64>,
    /// Tokens of the whole run, in and out together. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = crate::settings::MOST_STEPS))]
    pub tokens: Option<u64>,
    /// Money of the whole run, in the unit of the models' prices. Default: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = crate::settings::MOST), extend("exclusiveMinimum" = 0))]
    pub money: Option<f64>,
}

impl BudgetSettings {
    /// Whether calls, tokens or money are limited, of which each candidate takes a share.
    pub(crate) fn limits_spending(&self) -> bool {
        self.calls.is_some() || self.tokens.is_some() || self.money.is_some()
    }
}

/// Refuses limits that are not positive.
pub(crate) fn validate(budget: &BudgetSettings) -> Result<(), Invalid> {
    let amounts = [
        ("wall_time_s", budget.wall_time_s),
        ("money", budget.money),
        ("calls", budget.calls.map(|n| n as f64)),
        ("tokens", budget.tokens.map(|n| n as f64)),
    ];
    for (key, amount) in amounts {
        if amount.is_some_and(|amount| !(amount.is_finite() && amount > 0.0)) {
            let key = format!("search.budget.{key}");
            return Err(Invalid::new(key, "is not a positive number", "leave it out for no limit"));
        }
    }
    Ok(())
}

/// What settled candidates have spent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spending {
    /// The sum, setup included.
    pub total: Charge,
    /// The most that one candidate took, in each unit.
    pub most: Charge,
}

impl Spending {
    /// Charges a settled candidate.
    pub fn charge(&mut self, charge: Charge) {
        self.total += charge;
        self.most = self.most.max(charge);
    }

    /// Whether the budget allows one more candidate beside `in_flight` others.
    pub fn allows(&self, budget: &BudgetSettings, in_flight: u64) -> bool {
        let ahead = in_flight + 1;
        let fits = |limit: Option<f64>, spent: f64, each: f64| {
            limit.is_none_or(|limit| spent < limit && spent + each * ahead as f64 <= limit)
        };
        fits(budget.calls.map(|n| n as f64), self.total.calls as f64, self.most.calls as f64)
            && fits(budget.tokens.map(|n| n as f64), self.total.tokens as f64, self.most.tokens as f64)
            && fits(budget.money, self.total.money, self.most.money)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_is_allowed_only_if_all_in_flight_fit_at_the_highest_price() {
        let budget = BudgetSettings { tokens: Some(100), ..BudgetSettings::default() };
        let mut spending = Spending::default();
        assert!(spending.allows(&budget, 31), "nothing is known yet");
        spending.charge(Charge { calls: 1, tokens: 20, money: 0.0 });
        spending.charge(Charge { calls: 1, tokens: 10, money: 0.0 });
        assert!(spending.allows(&budget, 2), "30 spent and 3 x 20 ahead");
        assert!(!spending.allows(&budget, 3));
    }

    #[test]
    fn a_spent_budget_allows_nothing_even_if_candidates_are_free() {
        let budget = BudgetSettings { money: Some(1.0), ..BudgetSettings::default() };
        let mut spending = Spending::default();
        spending.total.money = 1.0;
        assert!(!spending.allows(&budget, 0));
    }
}
