//! Offering many candidates at once, by the rule of pyribs (Tjanaka et al., 2023): all are judged against the
//! archive as it stood before the batch; `archive.rs` holds the sequential rule.

use std::collections::BTreeMap;

use crate::archive::Archive;
use crate::entry::{Added, Entry, Status};
use crate::error::QdError;
use crate::rules::Soft;

impl Archive {
    /// Offers a batch. Status and value say how each candidate compares with the archive before the batch, so
    /// several may be `New` in one cell; `rank` is the place in the archive after it, `None` for those that lost
    /// their place to others of the batch, and `displaced` names only entries from before the batch. Among equals
    /// the first of the batch wins. Cells are filled in the order of their numbers.
    ///
    /// Without soft thresholds a cell holds afterwards what adding one by one would leave. With them, the best
    /// admitted candidate takes the cell, and the threshold moves by the batch rule of Fontaine and Nikolaidis
    /// (2023): towards the mean of the cell's admitted objectives, once for each of them.
    ///
    /// # Errors
    /// As [`Archive::add`], for the first candidate at fault; then none of the batch is added.
    pub fn add_batch(&mut self, batch: &[Entry]) -> Result<Vec<Added>, QdError> {
        let mut outcome = Vec::with_capacity(batch.len());
        for entry in batch {
            let cell = self.locate(entry.id, entry.objective, &entry.measures)?;
            let (status, value) = self.judge(cell, entry.objective);
            outcome.push(Added { status, value, cell, rank: None, displaced: None });
        }
        let mut admitted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, added) in outcome.iter().enumerate().filter(|(_, added)| added.status != Status::NotAdded) {
            admitted.entry(added.cell).or_default().push(i);
        }
        for (cell, mut members) in admitted {
            // Best first, so that no member of the batch pushes another out. The sort keeps the order of equals.
            members.sort_by(|&a, &b| batch[b].objective.total_cmp(&batch[a].objective));
            let bar = self.rules.soft.map(|soft| self.soft_batch_bar(soft, cell, batch, &members));
            let places = if bar.is_some() { 1 } else { members.len() };
            for &i in &members[..places] {
                let entry = &batch[i];
                if entry.objective > self.bar(cell) {
                    let (rank, displaced) = self.insert(cell, entry.id, entry.objective, &entry.measures);
                    (outcome[i].rank, outcome[i].displaced) = (Some(rank), displaced);
                }
            }
            if let Some(bar) = bar {
                self.set_bar(cell, bar);
            }
        }
        Ok(outcome)
    }

    /// The cell's soft threshold after `members` were admitted together.
    fn soft_batch_bar(&self, soft: Soft, cell: usize, batch: &[Entry], members: &[usize]) -> f64 {
        let count = members.len() as f64;
        let kept = libm::pow(1.0 - soft.learning_rate, count);
        let mean = members.iter().map(|&i| batch[i].objective).sum::<f64>() / count;
        kept * self.bar(cell) + mean * (1.0 - kept)
    }
}
