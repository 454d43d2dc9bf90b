//! How new a text is among those before it, by the judge's measures: novelty search with an adapting threshold.
//!
//! Lehman & Stanley 2011, with the numbers of the QDAIF paper's script. The space is the archive's: an axis with
//! ticks is stretched so that each cell is as wide as the others, since judges crowd at both ends.

use samara_search::AxisSettings;

use super::strategy::NoveltySection;

/// After more than this many novel texts in a row, the threshold rises.
const NOVEL_IN_A_ROW: u32 = 2;
/// After more than this many others in a row, it falls.
const OTHERS_IN_A_ROW: u32 = 20;
/// By this part.
const STEP: f64 = 0.05;

/// From a measure to its place on an axis of length 1, on which all cells are equally wide.
#[derive(Debug, Clone, PartialEq)]
struct Scale(Vec<f64>);

impl Scale {
    fn new(axis: &AxisSettings) -> Self {
        if let Some(categories) = &axis.categories {
            return Self(vec![0.0, categories.len() as f64 - 1.0]);
        }
        let [lo, hi] = axis.range;
        let mut edges = axis.ticks.clone().unwrap_or_default();
        if edges.first().is_none_or(|first| lo < *first) {
            edges.insert(0, lo);
        }
        if edges.last().is_none_or(|last| hi > *last) {
            edges.push(hi);
        }
        Self(edges)
    }

    fn place(&self, x: f64) -> f64 {
        let edges = &self.0;
        let Some(below) = edges.partition_point(|edge| *edge <= x).checked_sub(1) else { return 0.0 };
        let Some(above) = edges.get(below + 1) else { return 1.0 };
        let part = (x - edges[below]) / (above - edges[below]);
        (below as f64 + part) / (edges.len() - 1) as f64
    }
}

/// What was novel so far, and how novel the next text must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Novelty {
    scales: Vec<Scale>,
    neighbours: usize,
    threshold: f64,
    novel_in_a_row: u32,
    others_in_a_row: u32,
    /// The places of every text that was taken.
    taken: Vec<Vec<f64>>,
}

impl Novelty {
    /// Before the first text.
    pub fn new(section: &NoveltySection, axes: &[AxisSettings]) -> Self {
        Self {
            scales: axes.iter().map(Scale::new).collect(),
            neighbours: section.neighbours,
            threshold: section.threshold,
            novel_in_a_row: 0,
            others_in_a_row: 0,
            taken: Vec::new(),
        }
    }

    /// The novelty that the next text must exceed.
    pub fn threshold(&self) -> f64 {
        self.threshold
    }

    /// Mean distance of a place to its nearest taken ones; `None` before the first.
    fn novelty(&self, place: &[f64]) -> Option<f64> {
        let mut distances: Vec<f64> = self.taken.iter().map(|other| distance(place, other)).collect();
        let count = self.neighbours.min(distances.len());
        if count == 0 {
            return None;
        }
        distances.select_nth_unstable_by(count - 1, f64::total_cmp);
        let nearest = &mut distances[..count];
        // The order within a selection is the library's own: sort, so that the sum never depends on it.
        nearest.sort_unstable_by(f64::total_cmp);
        Some(nearest.iter().sum::<f64>() / count as f64)
    }

    /// Whether a text of these measures is novel and good enough to be taken. The threshold adapts to how often texts
    /// are novel, good or not.
    pub(crate) fn takes(&mut self, measures: &[f64], good: bool) -> bool {
        let place: Vec<f64> = self.scales.iter().zip(measures).map(|(scale, x)| scale.place(*x)).collect();
        let novel = self.novelty(&place).is_none_or(|novelty| novelty > self.threshold);
        self.adapt(novel);
        if novel && good {
            self.taken.push(place);
        }
        novel && good
    }

    fn adapt(&mut self, novel: bool) {
        let (count, other) = if novel {
            (&mut self.novel_in_a_row, &mut self.others_in_a_row)
        } else {
            (&mut self.others_in_a_row, &mut self.novel_in_a_row)
        };
        *count += 1;
        *other = 0;
        if self.novel_in_a_row > NOVEL_IN_A_ROW {
            self.novel_in_a_row = 0;
            self.threshold *= 1.0 + STEP;
        }
        if self.others_in_a_row > OTHERS_IN_A_ROW {
            self.others_in_a_row = 0;
            self.threshold *= 1.0 - STEP;
        }
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(ticks: Option<Vec<f64>>) -> AxisSettings {
        AxisSettings { ticks, bins: None, ..AxisSettings::even("x", [0.0, 1.0], 1) }
    }

    fn novelty() -> Novelty {
        Novelty::new(&NoveltySection::default(), &[axis(None)])
    }

    #[test]
    fn cells_between_ticks_are_stretched_to_one_width() {
        let scale = Scale::new(&axis(Some(vec![0.1, 0.2, 0.6])));
        for (x, place) in [(0.0, 0.0), (0.05, 0.125), (0.1, 0.25), (0.4, 0.625), (1.0, 1.0), (-1.0, 0.0)] {
            assert!((scale.place(x) - place).abs() < 1e-12, "{x}");
        }
        assert_eq!(Scale::new(&axis(None)).place(0.3), 0.3);
    }

    #[test]
    fn what_is_far_from_all_before_is_taken_and_what_is_near_is_not() {
        let mut novelty = novelty();
        assert!(novelty.takes(&[0.5], true), "the first");
        assert!(!novelty.takes(&[0.51], true));
        assert!(novelty.takes(&[0.9], true));
        assert!(!novelty.takes(&[0.1], false), "novel, but not good");
        assert_eq!(novelty.taken, [[0.5], [0.9]]);
        // By hand: the mean of 0.2 and 0.2.
        assert!((novelty.novelty(&[0.7]).expect("two before") - 0.2).abs() < 1e-12);
    }

    #[test]
    fn only_the_nearest_count() {
        let section = NoveltySection { neighbours: 2, ..NoveltySection::default() };
        let mut novelty = Novelty::new(&section, &[axis(None)]);
        for x in [0.0, 0.2, 1.0] {
            novelty.takes(&[x], true);
        }
        assert!((novelty.novelty(&[0.1]).expect("three before") - 0.1).abs() < 1e-12);
    }

    #[test]
    fn the_threshold_follows_how_often_texts_are_novel() {
        let mut novelty = novelty();
        for novel in [true, true, false, true, true] {
            novelty.adapt(novel);
        }
        assert_eq!(novelty.threshold(), 0.05);
        novelty.adapt(true);
        assert_eq!(novelty.threshold(), 0.05 * 1.05);
        for _ in 0..21 {
            novelty.adapt(false);
        }
        assert_eq!(novelty.threshold(), 0.05 * 1.05 * 0.95);
    }
}
