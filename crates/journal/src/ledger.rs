//! The run's sums: one row, kept in the same transaction as what it sums.
//!
//! Beside what people ask for it counts the rows of the other tables, so that none can be lost unnoticed, and holds the
//! checksums of the pool and of the calls that made it. Its own checksum is over all its values in the order of
//! [`COLUMNS`].

use std::sync::LazyLock;

use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, Row, params_from_iter};
use samara_search::FateCounts;

use crate::check::Sums;
use crate::checksum::{Checksum, Digest};
use crate::error::JournalError;
use crate::fault::{Fault, wrong};
use crate::record::{ModelCall, Totals};
use crate::row::{checksum, finite, integer, string};

/// The columns until format 2, which the checksum is over together with [`LATER`].
const COLUMNS: &str =
    "candidates, calls, tokens_in, tokens_out, cost, new, improved, not_better, invalid, failed, set_up";
/// The columns since format 3.
const LATER: &str =
    "cached, methods, inputs, tessellations, events, sessions, pool_checksum, set_up_checksum";
const FIRST: usize = 11;
const ALL: usize = 19;

/// What the row of `totals` holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger {
    pub(crate) totals: Totals,
    pub(crate) set_up: bool,
    /// Calls that were answered without asking anybody.
    pub(crate) cached: u64,
    /// How answers were scored, in alphabetical order.
    pub(crate) methods: Vec<String>,
    pub(crate) inputs: u64,
    pub(crate) tessellations: u64,
    pub(crate) events: u64,
    pub(crate) sessions: u64,
    /// Over the digests of the pool's texts; `None` without a text.
    pub(crate) pool: Option<Digest>,
    /// Over the calls that made the pool; `None` without a call.
    pub(crate) set_up_calls: Option<Digest>,
}

impl Ledger {
    /// Reads it; of formats before 3 what they have.
    pub(crate) fn read(connection: &Connection, format: u32) -> Result<Self, Fault> {
        let later = if format < 3 {
            "0, '[]', 0, 0, 0, 0, NULL, NULL, NULL".to_owned()
        } else {
            format!("{LATER}, checksum")
        };
        let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS}, {later} FROM totals"))?;
        let mut rows = statement.query([])?;
        let row = rows.next()?.ok_or_else(|| wrong("its totals are missing"))?;
        let ledger = Self::of(row)?;
        if format >= 3 {
            let mut sum = Checksum::default();
            for column in 0..ALL {
                sum.value(row.get_ref(column)?);
            }
            if checksum(row, ALL)? != Some(sum.end()) {
                return Err(wrong("its totals are not what was recorded: their checksum differs"));
            }
        }
        match rows.next()? {
            Some(_) => Err(wrong("it has two rows of totals")),
            None => Ok(ledger),
        }
    }

    /// Adds some calls.
    pub(crate) fn charge(&mut self, sums: &Sums, calls: &[ModelCall]) -> Result<(), JournalError> {
        sums.charge(&mut self.totals)?;
        self.cached += sums.cached;
        for method in calls.iter().filter_map(|call| call.method.as_ref()) {
            if let Err(place) = self.methods.binary_search(method) {
                self.methods.insert(place, method.clone());
            }
        }
        Ok(())
    }

    fn of(row: &Row<'_>) -> Result<Self, Fault> {
        let count = |column| integer(row, column);
        let fates = FateCounts {
            new: count(5)?,
            improved: count(6)?,
            not_better: count(7)?,
            invalid: count(8)?,
            failed: count(9)?,
        };
        let totals = Totals {
            candidates: count(0)?,
            calls: count(1)?,
            tokens_in: count(2)?,
            tokens_out: count(3)?,
            cost: finite(row, 4)?,
            fates,
        };
        let methods = serde_json::from_str(string(row, FIRST + 1)?.unwrap_or_default());
        Ok(Self {
            totals,
            set_up: count(10)? != 0,
            cached: count(FIRST)?,
            methods: methods.map_err(|_| wrong("its totals hold JSON that is none"))?,
            inputs: count(FIRST + 2)?,
            tessellations: count(FIRST + 3)?,
            events: count(FIRST + 4)?,
            sessions: count(FIRST + 5)?,
            pool: checksum(row, FIRST + 6)?,
            set_up_calls: checksum(row, FIRST + 7)?,
        })
    }

    /// Writes it in place of what was there.
    pub(crate) fn write(&self, connection: &Connection) -> Result<(), Fault> {
        let mut values = self.values()?;
        let mut sum = Checksum::default();
        values.iter().for_each(|value| sum.bound(value));
        values.push(blob(Some(sum.end())));
        static UPDATE: LazyLock<String> = LazyLock::new(update);
        connection.prepare_cached(&UPDATE)?.execute(params_from_iter(values))?;
        Ok(())
    }

    fn values(&self) -> Result<Vec<ToSqlOutput<'static>>, Fault> {
        let Totals { candidates, calls, tokens_in, tokens_out, cost, fates } = self.totals;
        let count = |value: u64| {
            let value = i64::try_from(value).map_err(|_| wrong("a total is too large"))?;
            Ok::<_, Fault>(ToSqlOutput::Owned(Value::Integer(value)))
        };
        let methods = serde_json::to_string(&self.methods).map_err(|error| wrong(error.to_string()))?;
        Ok(vec![
            count(candidates)?,
            count(calls)?,
            count(tokens_in)?,
            count(tokens_out)?,
            ToSqlOutput::Owned(Value::Real(cost + 0.0)),
            count(fates.new)?,
            count(fates.improved)?,
            count(fates.not_better)?,
            count(fates.invalid)?,
            count(fates.failed)?,
            count(u64::from(self.set_up))?,
            count(self.cached)?,
            ToSqlOutput::Owned(Value::Text(methods)),
            count(self.inputs)?,
            count(self.tessellations)?,
            count(self.events)?,
            count(self.sessions)?,
            blob(self.pool),
            blob(self.set_up_calls),
        ])
    }
}

fn update() -> String {
    let names = COLUMNS.split(", ").chain(LATER.split(", ")).chain(["checksum"]);
    let changes: Vec<String> = names.zip(1..).map(|(name, place)| format!("{name} = ?{place}")).collect();
    format!("UPDATE totals SET {}", changes.join(", "))
}

fn blob(digest: Option<Digest>) -> ToSqlOutput<'static> {
    ToSqlOutput::Owned(digest.map_or(Value::Null, |digest| Value::Blob(digest.to_vec())))
}
