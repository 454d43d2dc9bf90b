//! Drawing parents from an archive. All randomness comes from the stream that is passed in.

use crate::archive::Archive;
use crate::entry::Elite;
use crate::rng::Stream;

impl Archive {
    /// A parent: uniform over the filled cells, then uniform over the cell's entries. `None` when the archive is
    /// empty. Draws two numbers.
    pub fn select(&self, stream: &mut Stream) -> Option<Elite<'_>> {
        if self.occupied().is_empty() {
            return None;
        }
        let row = stream.index(self.occupied().len());
        Some(self.draw_from(row, stream))
    }

    /// Parents near one another, for language-model crossover (`lmx_near` in OpenELM): a uniform filled cell, then
    /// `count` different filled cells drawn one by one without replacement with weight 1 / (1 + d^3), where d is
    /// [`Tessellation::distance`](crate::Tessellation::distance) to it (itself included, with d = 0); of each an
    /// entry drawn uniformly, in the order drawn. `None` when fewer than `count` cells are filled.
    pub fn select_near(&self, stream: &mut Stream, count: usize) -> Option<Vec<Elite<'_>>> {
        let cells = self.occupied();
        if cells.len() < count || count == 0 {
            return (count == 0).then(Vec::new);
        }
        let center = cells[stream.index(cells.len())] as usize;
        // The least weight keeps a cell eligible whose d^3 overflows.
        let weight = |&cell: &u32| {
            let d = self.tessellation().distance(center, cell as usize);
            (1.0 / (1.0 + d * d * d)).max(f64::MIN_POSITIVE)
        };
        let mut weights: Vec<f64> = cells.iter().map(weight).collect();
        let mut chosen = Vec::with_capacity(count);
        for _ in 0..count {
            let row = stream.weighted(&weights)?;
            weights[row] = 0.0;
            chosen.push(self.draw_from(row, stream));
        }
        Some(chosen)
    }

    fn draw_from(&self, row: usize, stream: &mut Stream) -> Elite<'_> {
        self.at(row, stream.index(self.count(row)))
    }
}
