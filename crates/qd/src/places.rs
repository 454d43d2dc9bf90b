//! An archive without cells: a number of places, which go to those who are far from all that are fitter (Dominated
//! Novelty Search; Bahlous-Boldi, Faldor, Grillotti, Janmohamed, Coiffard, Spector & Cully 2025, arXiv 2502.00593).
//!
//! An elite's dominated novelty is its mean distance to the k nearest elites that are fitter than it; that of the fittest
//! is beyond every number. Who has the least leaves. So measures need neither bounds nor cells, and what good elites lie
//! close to is kept only as long as there is room.
//!
//! Of equal objectives the lower id is the fitter one. The paper leaves equals out of each other's sight, and would keep
//! copies of the best as long as anything else is left to throw out.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::{Added, Archive, Entry, Novelty, QdError, Status};

/// Places at most: every addition looks at all of them.
pub const MOST_PLACES: usize = 1 << 16;
/// Neighbours at most.
pub const MOST_NEIGHBOURS: usize = 1000;

/// How many elites an archive without cells holds, who gets in, and what is far for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Description", into = "Description")]
pub struct Places {
    places: usize,
    neighbours: usize,
    units: Vec<f64>,
    novelty: Option<Novelty>,
}

/// The serialised form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    places: usize,
    neighbours: usize,
    units: Vec<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    novelty: Option<Novelty>,
}

impl Places {
    /// `places` elites, 1 to 65,536. The `neighbours` nearest fitter ones count, 1 to 1,000 (the paper has 3). `units` are
    /// what counts as a distance of 1 along each measure, positive.
    ///
    /// # Errors
    /// Numbers outside these, or no measure.
    pub fn new(places: usize, neighbours: usize, units: Vec<f64>) -> Result<Self, QdError> {
        let bad = |what: String| Err(QdError::Tessellation(what));
        if !(1..=MOST_PLACES).contains(&places) {
            return bad(format!("an archive of {places} places; it has 1 to {MOST_PLACES}"));
        }
        if !(1..=MOST_NEIGHBOURS).contains(&neighbours) {
            return bad(format!("{neighbours} neighbours; 1 to {MOST_NEIGHBOURS} count"));
        }
        if units.is_empty() {
            return bad("without a measure nothing is far from anything".into());
        }
        if let Some(unit) = units.iter().find(|unit| !(unit.is_finite() && **unit > 0.0)) {
            return bad(format!("a measure's unit is {unit}, not a positive number"));
        }
        Ok(Self { places, neighbours, units, novelty: None })
    }

    /// The same, for whoever is novel ([`crate::novelty`]).
    ///
    /// # Errors
    /// A threshold below 0, or one that is not finite.
    pub fn for_the_novel(self, novelty: Novelty) -> Result<Self, QdError> {
        if !(novelty.threshold.is_finite() && novelty.threshold >= 0.0) {
            let what = format!("the threshold of novelty is {}, not a number from 0 on", novelty.threshold);
            return Err(QdError::Tessellation(what));
        }
        Ok(Self { novelty: Some(novelty), ..self })
    }

    /// Whoever is novel gets in; `None` of Dominated Novelty Search.
    pub fn novelty(&self) -> Option<Novelty> {
        self.novelty
    }

    /// How many elites it holds at most.
    pub fn places(&self) -> usize {
        self.places
    }

    /// How many of the nearest elites count: of the fitter ones, or of all for whoever is novel.
    pub fn neighbours(&self) -> usize {
        self.neighbours
    }

    /// What counts as a distance of 1 along each measure.
    pub fn units(&self) -> &[f64] {
        &self.units
    }

    /// The Euclidean distance of measures, each in its unit.
    pub fn distance(&self, a: &[f64], b: &[f64]) -> f64 {
        let parts = a.iter().zip(b).zip(&self.units).map(|((a, b), unit)| (a - b) / unit);
        parts.map(|part| part * part).sum::<f64>().sqrt()
    }

    /// How far apart neighbours are of as many points, spread evenly over a box of one unit a side.
    pub(crate) fn spacing(&self) -> f64 {
        libm::pow(self.places as f64, -1.0 / self.units.len() as f64)
    }
}

impl TryFrom<Description> for Places {
    type Error = QdError;

    fn try_from(description: Description) -> Result<Self, QdError> {
        let Description { places, neighbours, units, novelty } = description;
        let places = Self::new(places, neighbours, units)?;
        novelty.map_or(Ok(places.clone()), |novelty| places.for_the_novel(novelty))
    }
}

impl From<Places> for Description {
    fn from(Places { places, neighbours, units, novelty }: Places) -> Self {
        Self { places, neighbours, units, novelty }
    }
}

/// An elite as one of the nearest fitter ones of another: how far away, and its place.
pub(crate) type Near = (f64, u32);

/// The nearest fitter elites of every held one, near ones first, of equally near ones the lower place. It follows from
/// what the archive holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Crowd {
    nearest: Vec<Vec<Near>>,
}

/// What decides who leaves: the least of these does. Dominated novelty, objective, id.
#[derive(Debug, Clone, Copy)]
struct Standing {
    novelty: f64,
    objective: f64,
    id: u64,
}

impl Standing {
    fn order(&self, other: &Self) -> Ordering {
        let by = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
        let objectives = || by(self.objective, other.objective);
        by(self.novelty, other.novelty).then_with(objectives).then(other.id.cmp(&self.id))
    }
}

/// Whether the first is the fitter of two, each an objective and an id.
fn is_fitter(a: (f64, u64), b: (f64, u64)) -> bool {
    a.0 > b.0 || (a.0 == b.0 && a.1 < b.1)
}

fn nearer(a: &Near, b: &Near) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// Keeps the `most` nearest, near ones first.
pub(crate) fn keep_nearest(mut near: Vec<Near>, most: usize) -> Vec<Near> {
    if near.len() > most {
        near.select_nth_unstable_by(most, nearer);
        near.truncate(most);
    }
    near.sort_unstable_by(nearer);
    near
}

/// The mean of distances that are given near ones first: beyond every number of none.
pub(crate) fn novelty(distances: impl ExactSizeIterator<Item = f64>) -> f64 {
    match distances.len() {
        0 => f64::INFINITY,
        count => distances.sum::<f64>() / count as f64,
    }
}

/// The same, had there been one more at this distance.
fn novelty_beside(near: &[Near], distance: f64, most: usize) -> f64 {
    let before = near.partition_point(|(held, _)| *held <= distance);
    let count = (near.len() + 1).min(most);
    if before >= count {
        return novelty(near.iter().map(|(held, _)| *held));
    }
    let all = near[..before].iter().map(|(held, _)| *held);
    let all: Vec<f64> = all.chain([distance]).chain(near[before..].iter().map(|(held, _)| *held)).collect();
    novelty(all[..count].iter().copied())
}

impl Archive {
    /// An elite's dominated novelty: its mean distance to the nearest fitter elites, infinite for the fittest. `None` of
    /// an archive with cells or for whoever is novel, and of a place that is free.
    pub fn dominated_novelty(&self, place: usize) -> Option<f64> {
        let near = self.crowd.as_ref()?.nearest.get(place)?;
        Some(novelty(near.iter().map(|(distance, _)| *distance)))
    }

    /// The place of the elite nearest to these measures, of equally near ones the lowest.
    pub(crate) fn nearest_place(&self, places: &Places, measures: &[f64]) -> Option<usize> {
        let far = |place: usize| places.distance(self.at(place, 0).measures, measures);
        (0..self.occupied().len())
            .map(|place| (far(place), place as u32))
            .min_by(nearer)
            .map(|near| near.1 as usize)
    }

    /// Offers a candidate to an archive without cells.
    pub(crate) fn add_placed(&mut self, id: u64, objective: f64, measures: &[f64]) -> Added {
        match self.places().and_then(Places::novelty) {
            Some(novelty) => self.add_novel(novelty, id, objective, measures),
            None => self.add_dominating(id, objective, measures),
        }
    }

    /// Offers a candidate in Dominated Novelty Search.
    fn add_dominating(&mut self, id: u64, objective: f64, measures: &[f64]) -> Added {
        let Some((places, mut crowd)) = self.places().cloned().zip(self.crowd.take()) else {
            unreachable!("an archive of places has a crowd");
        };
        let distances: Vec<f64> = (0..self.occupied().len())
            .map(|place| places.distance(self.at(place, 0).measures, measures))
            .collect();
        let added = self.settle_placed(&places, &mut crowd, &distances, (id, objective, measures));
        self.crowd = Some(crowd);
        added
    }

    fn settle_placed(
        &mut self,
        places: &Places,
        crowd: &mut Crowd,
        distances: &[f64],
        (id, objective, measures): (u64, f64, &[f64]),
    ) -> Added {
        let most = places.neighbours;
        let held = |place: usize| (self.at(place, 0).objective, self.at(place, 0).id);
        let fitter: Vec<Near> = (distances.iter().enumerate())
            .filter(|(place, _)| is_fitter(held(*place), (objective, id)))
            .map(|(place, distance)| (*distance, place as u32))
            .collect();
        let near = keep_nearest(fitter, most);
        let own = novelty(near.iter().map(|(distance, _)| *distance));
        let value = own.min(f64::MAX);
        if distances.len() < places.places {
            let place = distances.len();
            crowd.nearest.push(near);
            self.put(place, id, objective, measures);
            self.approach(crowd, distances, place, most);
            return Added { status: Status::New, value, cell: place, rank: Some(0), displaced: None };
        }
        let standing = |place: usize| {
            let (held_objective, held_id) = held(place);
            let near = &crowd.nearest[place];
            let novelty = if is_fitter((objective, id), (held_objective, held_id)) {
                novelty_beside(near, distances[place], most)
            } else {
                novelty(near.iter().map(|(distance, _)| *distance))
            };
            (Standing { novelty, objective: held_objective, id: held_id }, place)
        };
        let least = (0..distances.len()).map(standing).min_by(|a, b| a.0.order(&b.0));
        let newcomer = Standing { novelty: own, objective, id };
        let Some((_, place)) = least.filter(|(least, _)| least.order(&newcomer).is_lt()) else {
            let nearest = distances.iter().enumerate().map(|(place, distance)| (*distance, place as u32));
            let cell = nearest.min_by(nearer).map_or(0, |near| near.1 as usize);
            return Added { status: Status::NotAdded, value, cell, rank: None, displaced: None };
        };
        let displaced = Some(self.at(place, 0).id);
        self.put(place, id, objective, measures);
        crowd.nearest[place] = near;
        // Whoever had the one that left among its nearest has another now.
        let had = |other: &usize| crowd.nearest[*other].iter().any(|(_, near)| *near as usize == place);
        let bereft: Vec<usize> = (0..distances.len()).filter(had).collect();
        for other in bereft {
            crowd.nearest[other] = self.nearest_fitter(places, other);
        }
        self.approach(crowd, distances, place, most);
        Added { status: Status::Improved, value, cell: place, rank: Some(0), displaced }
    }

    /// Makes who is less fit than the one at a place see it.
    fn approach(&self, crowd: &mut Crowd, distances: &[f64], place: usize, most: usize) {
        let newcomer = self.at(place, 0);
        for (other, distance) in distances.iter().enumerate().filter(|(other, _)| *other != place) {
            let held = self.at(other, 0);
            let near = &mut crowd.nearest[other];
            let one = (*distance, place as u32);
            if !is_fitter((newcomer.objective, newcomer.id), (held.objective, held.id)) || near.contains(&one)
            {
                continue;
            }
            let position = near.partition_point(|held| nearer(held, &one).is_lt());
            if position < most {
                near.insert(position, one);
                near.truncate(most);
            }
        }
    }

    /// The nearest fitter elites of the one at a place.
    fn nearest_fitter(&self, places: &Places, place: usize) -> Vec<Near> {
        let here = self.at(place, 0);
        let fitter = (0..self.occupied().len()).filter(|other| *other != place).filter_map(|other| {
            let there = self.at(other, 0);
            is_fitter((there.objective, there.id), (here.objective, here.id))
                .then(|| (places.distance(there.measures, here.measures), other as u32))
        });
        keep_nearest(fitter.collect(), places.neighbours)
    }

    /// Offers candidates together, as a generation of the paper: novelty is judged once among all, held and new, and the
    /// best have the places. Newcomers take free places first, then those of who leaves, in the order of the batch.
    pub(crate) fn add_placed_batch(&mut self, batch: &[Entry]) -> Vec<Added> {
        let Some(places) = self.places().cloned() else { unreachable!("an archive of places has them") };
        if let Some(novelty) = places.novelty {
            return self.add_novel_batch(novelty, batch);
        }
        let held = self.occupied().len();
        let standings = self.standings(&places, batch);
        let mut order: Vec<usize> = (0..standings.len()).collect();
        // Of equals who came first.
        order.sort_by(|a, b| standings[*b].order(&standings[*a]));
        let mut stays = vec![false; standings.len()];
        order.iter().take(places.places).for_each(|one| stays[*one] = true);
        let mut free = (held..places.places).chain((0..held).filter(|place| !stays[*place]));
        let mut answers = Vec::with_capacity(batch.len());
        let mut moves = Vec::new();
        for (i, entry) in batch.iter().enumerate() {
            let value = standings[held + i].novelty.min(f64::MAX);
            let place = if stays[held + i] { free.next() } else { None };
            let Some(place) = place else {
                let cell = self.nearest_place(&places, &entry.measures).unwrap_or(0);
                answers.push(Added { status: Status::NotAdded, value, cell, rank: None, displaced: None });
                continue;
            };
            let displaced = (place < held).then(|| self.at(place, 0).id);
            let status = if displaced.is_some() { Status::Improved } else { Status::New };
            answers.push(Added { status, value, cell: place, rank: Some(0), displaced });
            moves.push((place, entry));
        }
        for (place, entry) in moves {
            self.put(place, entry.id, entry.objective, &entry.measures);
        }
        let nearest = (0..self.occupied().len()).map(|place| self.nearest_fitter(&places, place)).collect();
        self.crowd = Some(Crowd { nearest });
        answers
    }

    /// Where all stand among all: what is held by place, then a batch.
    fn standings(&self, places: &Places, batch: &[Entry]) -> Vec<Standing> {
        let held = (0..self.occupied().len()).map(|place| {
            let elite = self.at(place, 0);
            (elite.objective, elite.id, elite.measures)
        });
        let new = batch.iter().map(|entry| (entry.objective, entry.id, &*entry.measures));
        let all: Vec<(f64, u64, &[f64])> = held.chain(new).collect();
        let standing = |(objective, id, measures): &(f64, u64, &[f64])| {
            let fitter = all.iter().filter(|other| is_fitter((other.0, other.1), (*objective, *id)));
            let near = fitter.map(|other| (places.distance(other.2, measures), 0)).collect();
            let near = keep_nearest(near, places.neighbours);
            let novelty = novelty(near.iter().map(|(distance, _)| *distance));
            Standing { novelty, objective: *objective, id: *id }
        };
        all.iter().map(standing).collect()
    }
}
