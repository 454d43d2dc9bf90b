//! What models were asked in a whole run, summed up by role, kind and model: for whoever shows where tokens and time
//! went.
//!
//! One pass over the calls that reads no text. The checksums are over texts too, so single rows are not checked here;
//! their number and their tokens must be those of the run's checked totals.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row};

use crate::fault::{Fault, wrong};
use crate::record::{CallKind, Totals};
use crate::row::{finite, integer, string};

/// The calls of one role and kind to one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Who asked: `generator`, `judge` or `embedder`.
    pub role: String,
    /// What was asked for.
    pub kind: CallKind,
    /// The model's name.
    pub model: String,
    /// How often.
    pub calls: u64,
    /// Calls that were answered without asking anybody: from a cache or a recording.
    pub cached: u64,
    /// Calls that got no answer.
    pub failed: u64,
    /// Requests beyond the first of each call.
    pub retries: u64,
    /// Tokens of the prompts.
    pub tokens_in: u64,
    /// Tokens of the answers.
    pub tokens_out: u64,
    /// Money spent.
    pub cost: f64,
    /// How long answers took that were asked for, in milliseconds: the median, to within a twentieth; `None` without
    /// such a call.
    pub median_ms: Option<f64>,
    /// The same for the slowest of twenty.
    pub slow_ms: Option<f64>,
}

/// Different roles, kinds and models at most.
const MOST: usize = 1000;

/// Why calls can't be summed up.
pub(crate) enum Unsummed {
    /// A row is no call, or they are not those of the totals.
    Fault(Fault),
    /// There are more kinds of them than a reader takes on.
    TooMany,
}

impl From<Fault> for Unsummed {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<rusqlite::Error> for Unsummed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Fault(error.into())
    }
}

/// Sums over the calls of a run that may go on: what was summed is not read again.
#[derive(Default)]
pub struct AskedSums {
    /// By role, model and kind: a call of a known one allocates nothing.
    sums: BTreeMap<String, BTreeMap<String, BTreeMap<&'static str, Sum>>>,
    /// How many sums there are.
    known: usize,
    /// The last call that is among them.
    last: Option<i64>,
}

impl AskedSums {
    /// Whether no call was summed up yet.
    pub fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// The sums, ordered by role, model and kind.
    pub fn told(&self) -> Vec<Asked> {
        let mut told = Vec::with_capacity(self.known);
        for (role, models) in &self.sums {
            for (model, kinds) in models {
                told.extend(kinds.values().map(|sum| sum.told(role, model)));
            }
        }
        told
    }

    /// The sum of a role, a model and a kind; `None` where there would be too many.
    fn sum(&mut self, role: &str, model: &str, kind: CallKind) -> Option<&mut Sum> {
        let held = |sums: &Self| sums.sums.get(role)?.get(model)?.get(kind.name()).map(|_| ());
        if held(self).is_none() {
            if self.known == MOST {
                return None;
            }
            self.known += 1;
            let models = self.sums.entry(role.to_owned()).or_default();
            models.entry(model.to_owned()).or_default().insert(kind.name(), Sum::new(kind));
        }
        self.sums.get_mut(role)?.get_mut(model)?.get_mut(kind.name())
    }

    pub(crate) fn go_on(&mut self, connection: &Connection, totals: &Totals) -> Result<(), Unsummed> {
        let select = "SELECT role, kind, model, tokens_in, tokens_out, cost, latency_ms, attempts, error IS NOT NULL, id \
                      FROM calls WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = connection.prepare(select)?;
        // One more than there should be is enough to see it.
        let most = i64::try_from(totals.calls).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = statement.query([self.last.unwrap_or(i64::MIN), most])?;
        while let Some(row) = rows.next()? {
            let text = |column| string(row, column).map(Option::unwrap_or_default);
            let kind = CallKind::from_name(text(1)?).ok_or_else(|| wrong("there is no such kind of call"))?;
            self.sum(text(0)?, text(2)?, kind).ok_or(Unsummed::TooMany)?.add(row)?;
            self.last = Some(row.get(9)?);
        }
        let all = |count: fn(&Asked) -> u64| {
            let sums = self.sums.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values);
            sums.map(|sum| count(&sum.asked)).fold(0, u64::saturating_add)
        };
        let found = [all(|sum| sum.calls), all(|sum| sum.tokens_in), all(|sum| sum.tokens_out)];
        if found != [totals.calls, totals.tokens_in, totals.tokens_out] {
            return Err(wrong("its calls are not those of its totals").into());
        }
        Ok(())
    }
}

struct Sum {
    asked: Asked,
    latencies: Durations,
}

impl Sum {
    fn new(kind: CallKind) -> Self {
        let asked = Asked {
            role: String::new(),
            kind,
            model: String::new(),
            calls: 0,
            cached: 0,
            failed: 0,
            retries: 0,
            tokens_in: 0,
            tokens_out: 0,
            cost: 0.0,
            median_ms: None,
            slow_ms: None,
        };
        Self { asked, latencies: Durations::default() }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        let (attempts, failed): (u32, bool) = (row.get(7)?, row.get(8)?);
        let latency = finite(row, 6)?;
        let asked = &mut self.asked;
        asked.calls += 1;
        asked.failed += u64::from(failed);
        asked.cached += u64::from(attempts == 0 && !failed);
        asked.retries += u64::from(attempts.saturating_sub(1));
        asked.tokens_in = asked.tokens_in.saturating_add(integer(row, 3)?);
        asked.tokens_out = asked.tokens_out.saturating_add(integer(row, 4)?);
        asked.cost += finite(row, 5)?;
        if attempts > 0 && !failed {
            self.latencies.add(latency);
        }
        Ok(())
    }

    fn told(&self, role: &str, model: &str) -> Asked {
        let (median_ms, slow_ms) = (self.latencies.at(0.5), self.latencies.at(0.95));
        Asked { role: role.to_owned(), model: model.to_owned(), median_ms, slow_ms, ..self.asked.clone() }
    }
}

/// Durations counted by their logarithm: quantiles to within a twentieth, whatever their number.
#[derive(Default)]
struct Durations {
    counts: BTreeMap<i32, u64>,
    all: u64,
}

impl Durations {
    /// Counts to a power of e.
    const FINE: f64 = 20.0;
    /// Shorter ones count as this long, in milliseconds.
    const SHORTEST: f64 = 1e-3;

    fn add(&mut self, ms: f64) {
        let place = (ms.max(Self::SHORTEST).ln() * Self::FINE).round() as i32;
        *self.counts.entry(place).or_default() += 1;
        self.all += 1;
    }

    /// The duration that this part of them does not exceed.
    fn at(&self, part: f64) -> Option<f64> {
        let wanted = (self.all as f64 * part).ceil().max(1.0) as u64;
        let mut below = 0;
        let reached = |(_, count): &(&i32, &u64)| {
            below += **count;
            below >= wanted
        };
        let place = self.counts.iter().find(reached).map(|(place, _)| *place)?;
        Some((f64::from(place) / Self::FINE).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_durations_are_right_to_a_twentieth() {
        let mut durations = Durations::default();
        assert_eq!(durations.at(0.5), None);
        (1..=1000).for_each(|ms| durations.add(f64::from(ms)));
        let near = |part, ms: f64| durations.at(part).is_some_and(|found| (found / ms - 1.0).abs() < 0.05);
        assert!(near(0.5, 500.0) && near(0.95, 950.0) && near(1.0, 1000.0));
        durations.add(0.0);
        assert!(durations.at(0.0).is_some_and(|ms| ms > 0.0 && ms < 0.002));
    }
}
