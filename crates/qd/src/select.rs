//! Choosing parents, and the best to copy elsewhere.

use std::cmp::Ordering;

use crate::{Archive, Elite, Stream};

/// Elites that are chosen one by one: those that migrate are few.
const FEW: usize = 16;

/// `partial_cmp`, as the two zeros are equal; objectives are finite.
fn better_first(a: &Elite<'_>, b: &Elite<'_>) -> Ordering {
    let by_objective = b.objective.partial_cmp(&a.objective).unwrap_or(Ordering::Equal);
    by_objective.then(a.id.cmp(&b.id)).then(a.cell.cmp(&b.cell))
}

/// The best of many, in their order; all others are looked at once and not kept.
fn few<'a>(elites: impl Iterator<Item = Elite<'a>>, count: usize) -> Vec<Elite<'a>> {
    let mut best: Vec<Elite<'a>> = Vec::with_capacity(count + 1);
    for elite in elites {
        let worst = best.last().filter(|_| best.len() == count);
        if count == 0 || worst.is_some_and(|worst| better_first(worst, &elite) == Ordering::Less) {
            continue;
        }
        let place = best.partition_point(|held| better_first(held, &elite) == Ordering::Less);
        best.insert(place, elite);
        best.truncate(count);
    }
    best
}

impl Archive {
    /// An elite: uniform over filled cells, then uniform over the cell's entries. With local competition the better of two
    /// drawn ones ([`crate::novelty`]). `None` if the archive is empty.
    pub fn select(&self, stream: &mut Stream) -> Option<Elite<'_>> {
        let occupied = self.occupied();
        if occupied.is_empty() {
            return None;
        }
        let cell = occupied[stream.index(occupied.len())] as usize;
        let drawn = self.entry(cell, stream);
        match self.places().filter(|places| places.novelty().is_some_and(|rule| rule.competes)) {
            Some(places) => {
                let other = occupied[stream.index(occupied.len())] as usize;
                Some(self.contest(places, drawn, self.at(other, 0)))
            }
            None => Some(drawn),
        }
    }

    /// Elites of `count` different cells near a uniformly chosen one (`lmx_near` of the reference system): cells are
    /// drawn one by one without replacement with weight 1 / (1 + d^3), d being [`Archive::distance`] to
    /// the chosen cell, itself included. `None` if fewer than `count` cells are filled, or none.
    pub fn select_near(&self, stream: &mut Stream, count: usize) -> Option<Vec<Elite<'_>>> {
        let occupied = self.occupied();
        if occupied.is_empty() || occupied.len() < count {
            return None;
        }
        let centre = occupied[stream.index(occupied.len())] as usize;
        let mut weights: Vec<f64> = occupied
            .iter()
            .map(|cell| {
                let distance = self.distance(centre, *cell as usize);
                1.0 / (1.0 + distance * distance * distance)
            })
            .collect();
        let mut drawn = Vec::with_capacity(count);
        for _ in 0..count {
            let position = stream.weighted(&weights)?;
            weights[position] = 0.0;
            drawn.push(self.entry(occupied[position] as usize, stream));
        }
        Some(drawn)
    }

    /// The `count` best of the cells' best entries (rank 0), best first; of equals the lowest id first, then the lowest
    /// cell. All of them if there are fewer. The order in which the archive was filled does not matter.
    pub fn best_of(&self, count: usize) -> Vec<Elite<'_>> {
        let elites = self.occupied().iter().map(|cell| self.at(*cell as usize, 0));
        if count <= FEW {
            return few(elites, count);
        }
        let mut best: Vec<Elite<'_>> = elites.collect();
        if count < best.len() {
            // The others need no order.
            best.select_nth_unstable_by(count, better_first);
            best.truncate(count);
        }
        best.sort_unstable_by(better_first);
        best
    }

    fn entry(&self, cell: usize, stream: &mut Stream) -> Elite<'_> {
        let count = self.count(cell);
        // A cell of one costs no random number.
        self.at(cell, if count > 1 { stream.index(count) } else { 0 })
    }
}
