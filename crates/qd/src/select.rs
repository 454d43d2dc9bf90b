//! Choosing parents, and the best to copy elsewhere.

use std::cmp::Ordering;

use crate::{Archive, Elite, Stream};

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
        let mut best: Vec<Elite<'_>> =
            self.occupied().iter().map(|cell| self.at(*cell as usize, 0)).collect();
        // `partial_cmp`, as the two zeros are equal; objectives are finite.
        let order = |a: &Elite<'_>, b: &Elite<'_>| {
            let by_objective = b.objective.partial_cmp(&a.objective).unwrap_or(Ordering::Equal);
            by_objective.then(a.id.cmp(&b.id)).then(a.cell.cmp(&b.cell))
        };
        if count < best.len() {
            // Few of many, such as those that migrate: the others need no order.
            best.select_nth_unstable_by(count, order);
            best.truncate(count);
        }
        best.sort_unstable_by(order);
        best
    }

    fn entry(&self, cell: usize, stream: &mut Stream) -> Elite<'_> {
        let count = self.count(cell);
        // A cell of one costs no random number.
        self.at(cell, if count > 1 { stream.index(count) } else { 0 })
    }
}
