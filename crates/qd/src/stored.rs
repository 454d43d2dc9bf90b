//! An archive's stored form, for files and messages. Reading trusts nothing: every entry must lie in the cell that
//! it is listed under and every cell must keep what the rules allow, or the whole is refused. Statistics are
//! recomputed, exactly, never read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::archive::Archive;
use crate::entry::Entry;
use crate::error::QdError;
use crate::rules::Rules;
use crate::tessellation::Tessellation;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredArchive {
    tessellation: Tessellation,
    rules: Rules,
    /// The best ever admitted.
    best: Option<StoredBest>,
    /// In the order of first filling.
    cells: Vec<StoredCell>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBest {
    id: u64,
    objective: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCell {
    cell: usize,
    /// Only with soft thresholds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    /// Best first.
    entries: Vec<Entry>,
}

impl Serialize for Archive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cells = self.occupied().iter().map(|&cell| cell as usize).map(|cell| StoredCell {
            cell,
            threshold: self.rules.soft.and(self.threshold(cell)),
            entries: self
                .elites(cell)
                .map(|e| Entry { id: e.id, objective: e.objective, measures: e.measures.to_vec() })
                .collect(),
        });
        let best = self.best.map(|(objective, id)| StoredBest { id, objective });
        let cells = cells.collect();
        let tessellation = self.tessellation.clone();
        StoredArchive { tessellation, rules: self.rules, best, cells }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Archive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredArchive::deserialize(deserializer)?;
        stored.restore().map_err(serde::de::Error::custom)
    }
}

impl StoredArchive {
    fn restore(self) -> Result<Archive, QdError> {
        let mut archive = Archive::new(self.tessellation, self.rules)?;
        for cell in &self.cells {
            restore_cell(&mut archive, cell)?;
        }
        restore_best(&mut archive, self.best)?;
        Ok(archive)
    }
}

fn restore_cell(archive: &mut Archive, stored: &StoredCell) -> Result<(), QdError> {
    let cell = stored.cell;
    let fail = |problem: &str| Err(QdError::Stored { problem: format!("cell {cell} {problem}") });
    if cell >= archive.tessellation.cells() {
        return fail("does not exist");
    }
    if archive.elite(cell).is_some() {
        return fail("is listed twice");
    }
    if stored.entries.is_empty() {
        return fail("has no entries");
    }
    if stored.entries.len() > archive.rules.depth {
        return fail("has more entries than the depth allows");
    }
    if !stored.entries.is_sorted_by(|a, b| a.objective >= b.objective) {
        return fail("is not sorted, best first");
    }
    for entry in &stored.entries {
        if archive.locate(entry.id, entry.objective, &entry.measures)? != cell {
            return fail("has an entry whose measures lie in another");
        }
        if entry.objective <= archive.rules.floor() {
            return fail("has an entry at or below the least threshold");
        }
        archive.insert(cell, entry.id, entry.objective, &entry.measures);
    }
    match (archive.rules.soft, stored.threshold) {
        (None, None) => {}
        (Some(_), Some(threshold)) if threshold.is_finite() => archive.set_bar(cell, threshold),
        (Some(_), _) => return fail("lacks its soft threshold"),
        (None, Some(_)) => return fail("has a threshold, but the rules are not soft"),
    }
    Ok(())
}

/// Checks the best ever against the entries. Without soft thresholds it is still there; which of several equals
/// came first only the file knows.
fn restore_best(archive: &mut Archive, stored: Option<StoredBest>) -> Result<(), QdError> {
    let best = stored.map(|best| (best.objective, best.id));
    let sound = match (archive.best, best) {
        (None, None) => true,
        (Some((kept, _)), Some((objective, id))) => match archive.rules.soft {
            Some(_) => objective.is_finite() && objective >= kept,
            None => {
                archive.iter().any(|e| e.rank == 0 && (e.objective, e.id) == (objective, id))
                    && objective == kept
            }
        },
        _ => false,
    };
    if !sound {
        return Err(QdError::Stored { problem: "its best candidate does not fit its cells".to_owned() });
    }
    archive.best = best;
    Ok(())
}
