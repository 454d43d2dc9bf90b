//! An archive without cells for whoever is novel: novelty search, and Novelty Search with Local Competition (Lehman &
//! Stanley 2011, "Evolving a diversity of virtual creatures through novelty search and local competition", GECCO), in the
//! form of an unstructured archive (Cully & Demiris 2018, arXiv 1708.09251; pyribs' `ProximityArchive`).
//!
//! A candidate's novelty is its mean distance to the k nearest elites. Whoever has the threshold's or more gets a place of
//! its own. With local competition anyone else takes the place of the elite that is nearest to it, if it is strictly better;
//! so does a novel one once all places are taken.
//!
//! [`crate::Added::value`] is the objective of one that gets a place of its own, and otherwise how far it is above that of
//! the nearest elite; without local competition it is the novelty.

use serde::{Deserialize, Serialize};

use crate::{
    Added, Archive, Elite, Entry, Places, QdError, Status,
    archive::gap,
    places::{Near, keep_nearest, novelty},
};

/// Who gets into an archive for whoever is novel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Novelty {
    /// The least novelty that gets a place of its own, from 0 on.
    pub threshold: f64,
    /// Whether one that is not novel competes with the elite nearest to it.
    pub competes: bool,
}

/// What a point of measure space lies among.
struct Around {
    /// The mean distance to the nearest; infinite where nothing is held.
    novelty: f64,
    /// The place of the nearest.
    nearest: Option<usize>,
}

impl Archive {
    /// How novel these measures are: their mean distance to the nearest elites, infinite of an empty archive. `None` of an
    /// archive that is not for whoever is novel.
    pub fn novelty(&self, measures: &[f64]) -> Option<f64> {
        let places = self.places().filter(|places| places.novelty().is_some())?;
        Some(self.around(places, measures).novelty)
    }

    /// How many of the elites nearest to these measures have a lower objective. `None` as of [`Archive::novelty`].
    pub fn local_competition(&self, objective: f64, measures: &[f64]) -> Option<usize> {
        let places = self.places().filter(|places| places.novelty().is_some())?;
        Some(self.beaten(&self.near(places, measures, None), objective))
    }

    /// The nearest elites, near ones first; without the one at `except`.
    fn near(&self, places: &Places, measures: &[f64], except: Option<usize>) -> Vec<Near> {
        let others = (0..self.occupied().len()).filter(|place| Some(*place) != except);
        let near = others.map(|place| (places.distance(self.at(place, 0).measures, measures), place as u32));
        keep_nearest(near.collect(), places.neighbours())
    }

    fn beaten(&self, near: &[Near], objective: f64) -> usize {
        near.iter().filter(|(_, place)| self.at(*place as usize, 0).objective < objective).count()
    }

    fn around(&self, places: &Places, measures: &[f64]) -> Around {
        let near = self.near(places, measures, None);
        let distances = near.iter().map(|(distance, _)| *distance);
        Around { novelty: novelty(distances), nearest: near.first().map(|near| near.1 as usize) }
    }

    /// What a candidate comes to, were so many places taken: one of its own (`New`), that of the nearest elite
    /// (`Improved`), or none.
    fn judge_novel(&self, rule: Novelty, taken: usize, objective: f64, measures: &[f64]) -> Added {
        let Some(places) = self.places() else { unreachable!("an archive of places has them") };
        let Around { novelty, nearest } = self.around(places, measures);
        let added = |status, value, cell| Added { status, value, cell, rank: None, displaced: None };
        let known = novelty.min(f64::MAX);
        let Some(nearest) = nearest.filter(|_| novelty < rule.threshold || taken >= places.places()) else {
            let value = if rule.competes { objective } else { known };
            // Only in a batch that begins in an empty archive can there be no room.
            let status = if taken < places.places() { Status::New } else { Status::NotAdded };
            return added(status, value, taken.min(places.places() - 1));
        };
        if !rule.competes {
            return added(Status::NotAdded, known, nearest);
        }
        let held = self.at(nearest, 0).objective;
        let status = if objective > held { Status::Improved } else { Status::NotAdded };
        added(status, gap(objective, held), nearest)
    }

    /// Writes a candidate where it was judged to belong.
    fn settle_novel(&mut self, added: &mut Added, id: u64, objective: f64, measures: &[f64]) {
        added.displaced = (added.status == Status::Improved).then(|| self.at(added.cell, 0).id);
        added.rank = Some(0);
        self.put(added.cell, id, objective, measures);
    }

    /// Offers a candidate to an archive for whoever is novel.
    pub(crate) fn add_novel(&mut self, rule: Novelty, id: u64, objective: f64, measures: &[f64]) -> Added {
        let mut added = self.judge_novel(rule, self.occupied().len(), objective, measures);
        if added.status != Status::NotAdded {
            self.settle_novel(&mut added, id, objective, measures);
        }
        added
    }

    /// Offers candidates together: each is judged against the archive as it was before, also if others of the batch lie
    /// beside it. Of those that take one elite's place the best does, of equals the first.
    pub(crate) fn add_novel_batch(&mut self, rule: Novelty, batch: &[Entry]) -> Vec<Added> {
        let mut taken = self.occupied().len();
        let mut answers = Vec::with_capacity(batch.len());
        let mut winners: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
        for (i, entry) in batch.iter().enumerate() {
            let added = self.judge_novel(rule, taken, entry.objective, &entry.measures);
            match added.status {
                Status::New => taken += 1,
                Status::Improved => {
                    let best = winners.entry(added.cell).or_insert(i);
                    if entry.objective > batch[*best].objective {
                        *best = i;
                    }
                }
                Status::NotAdded => {}
            }
            answers.push(added);
        }
        for (i, (entry, added)) in batch.iter().zip(&mut answers).enumerate() {
            let stored = match added.status {
                Status::New => true,
                Status::Improved => winners.get(&added.cell) == Some(&i),
                Status::NotAdded => false,
            };
            if stored {
                self.settle_novel(added, entry.id, entry.objective, &entry.measures);
            }
        }
        answers
    }

    /// Adds what a snapshot says was held. Whoever is novel got in among others than these, so that it is not judged again.
    pub(crate) fn add_again(&mut self, id: u64, objective: f64, measures: &[f64]) -> Result<Added, QdError> {
        let Some(places) = self.places().filter(|places| places.novelty().is_some()) else {
            return self.add(id, objective, measures);
        };
        let (place, most) = (self.occupied().len(), places.places());
        self.check(objective, measures)?;
        if place >= most {
            return Err(QdError::Snapshot("it has more elites than places"));
        }
        self.put(place, id, objective, measures);
        let status = Status::New;
        Ok(Added { status, value: objective, cell: place, rank: Some(0), displaced: None })
    }

    /// Of two elites the one to vary: with local competition one that is more novel and beats more of its nearest (Pareto
    /// dominance, as the paper selects by NSGA-II), else the first.
    pub(crate) fn contest<'a>(&'a self, places: &Places, one: Elite<'a>, other: Elite<'a>) -> Elite<'a> {
        let worth = |elite: &Elite<'_>| {
            let near = self.near(places, elite.measures, Some(elite.cell));
            let beaten = self.beaten(&near, elite.objective);
            (novelty(near.iter().map(|(distance, _)| *distance)), beaten)
        };
        let ((novel, beaten), (other_novel, other_beaten)) = (worth(&one), worth(&other));
        let is_better =
            other_novel >= novel && other_beaten >= beaten && (other_novel > novel || other_beaten > beaten);
        if is_better { other } else { one }
    }
}
