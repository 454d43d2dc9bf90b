//! An archive as data. Reading one checks it as if every entry were added anew.

use serde::{Deserialize, Serialize, de::IgnoredAny};

use crate::{Archive, QdError, Rules, Tessellation};

/// The serialised form: cells in the order in which they were first filled, entries best first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    tessellation: Tessellation,
    rules: Rules,
    cells: Vec<Cell>,
    best: Option<(f64, u64)>,
    /// Written until 0.1.0: a sum of objectives that kept the rounding errors of all that had ever been added, however
    /// large. It follows from the entries, so that whatever an old snapshot says is neither needed nor compared.
    #[serde(default, rename = "sum", skip_serializing)]
    _sum: IgnoredAny,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cell {
    entries: Vec<(u64, f64, Vec<f64>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
}

impl Serialize for Archive {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let cells = self
            .occupied()
            .iter()
            .map(|cell| Cell {
                entries: self
                    .elites(*cell as usize)
                    .map(|elite| (elite.id, elite.objective, elite.measures.to_vec()))
                    .collect(),
                threshold: self.threshold(*cell as usize),
            })
            .collect();
        let tessellation = self.tessellation().clone();
        Snapshot { tessellation, rules: *self.rules(), cells, best: self.best, _sum: IgnoredAny }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Archive {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        restore(Snapshot::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn restore(snapshot: Snapshot) -> Result<Archive, QdError> {
    let bad = |what| Err(QdError::Snapshot(what));
    let mut archive = Archive::new(snapshot.tessellation, snapshot.rules)?;
    for (position, cell) in snapshot.cells.into_iter().enumerate() {
        let mut place = None;
        for (rank, (id, objective, measures)) in cell.entries.into_iter().enumerate() {
            let added = archive.add_again(id, objective, &measures)?;
            if added.rank != Some(rank) || added.displaced.is_some() {
                return bad("a cell's entries are not sorted, too many or below its threshold");
            }
            place = Some(added.cell);
        }
        let Some(place) = place else { return bad("a cell without entries") };
        if archive.occupied().len() != position + 1 || archive.occupied()[position] as usize != place {
            return bad("a cell is listed twice or holds another's entries");
        }
        match (cell.threshold, archive.thresholds.get_mut(place)) {
            (Some(given), Some(held)) if given.is_finite() => *held = given,
            (None, None) => {}
            _ => return bad("a threshold is missing, not finite, or out of place"),
        }
    }
    let held = archive.best;
    // Only a soft archive may have lost its best; ties are decided by the order of additions, so that the id counts.
    let lost = |best: f64, held: f64| archive.rules().soft.is_some() && best >= held;
    // Without cells the first of two equal ones may have left, if the other one's id is lower.
    let known = |best: (f64, u64)| {
        archive.places().is_some() || archive.iter().any(|elite| (elite.objective, elite.id) == best)
    };
    match (snapshot.best, held) {
        (None, None) => {}
        (Some(best), Some(held))
            if best.0.is_finite() && (lost(best.0, held.0) || (best.0 == held.0 && known(best))) =>
        {
            archive.best = snapshot.best;
        }
        _ => return bad("its best objective is not that of its entries"),
    }
    Ok(archive)
}
