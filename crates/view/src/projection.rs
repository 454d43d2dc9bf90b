//! An archive as pictures see it: bars along one axis, a map over two, whatever cuts the measures into cells.
//!
//! Knows nothing of terminals and files: [`crate::heatmap`] and [`crate::picture`] draw what is here.

use samara_qd::{Archive, Axis, Cvt, Elite, Grid, Tessellation};
use samara_search::AxisSettings;

use samara_search::commanding::one_line;

/// The best entries of the filled cells.
pub fn elites(archive: &Archive) -> impl Iterator<Item = Elite<'_>> {
    archive.iter().filter(|elite| elite.rank == 0)
}

/// What holds the elites of an archive: cells, or places where there are no cells.
pub fn holders(archive: &Archive) -> &'static str {
    match archive.tessellation() {
        Tessellation::Grid(_) | Tessellation::Cvt(_) => "cells",
        Tessellation::Places(_) => "places",
    }
}

/// The worst and the best objective among the cells' best; `None` of an empty archive.
pub fn objectives(archive: &Archive) -> Option<(f64, f64)> {
    elites(archive).map(|elite| elite.objective).fold(None, |held, x| match held {
        None => Some((x, x)),
        Some((lo, hi)) => Some((f64::min(lo, x), f64::max(hi, x))),
    })
}

/// A ramp that keeps its order without colours: interpolated between five points of the viridis map.
pub fn viridis(share: f64) -> (u8, u8, u8) {
    const POINTS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let position = share.clamp(0.0, 1.0) * 4.0;
    let below = (position as usize).min(3);
    let part = position - below as f64;
    let mix = |i: usize| (POINTS[below][i] + (POINTS[below + 1][i] - POINTS[below][i]) * part) as u8;
    (mix(0), mix(1), mix(2))
}

/// Intervals that an axis without cells is cut into at most.
const INTERVALS: usize = 20;

/// An axis cut into the cells of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The measure, on one line.
    pub name: String,
    /// Between the cells, one fewer than these.
    pub edges: Vec<f64>,
    /// Lowest and highest value; `None` where the axis has only inner edges.
    pub range: Option<(f64, f64)>,
    /// How many cells of the archive are one of the picture.
    pub merged: usize,
    /// What cells are called, one name a cell; `None` unless they are categories.
    pub names: Option<Vec<String>>,
    /// Whether its cells are the drawing's alone, so that their edges mean nothing.
    pub drawn: bool,
}

impl Side {
    /// An axis, neighbouring cells taken together until there are at most so many.
    pub fn of(axis: &Axis, most: usize) -> Self {
        let merged = axis.cells().div_ceil(most.max(1));
        let edges = axis.edges().iter().copied().skip(merged - 1).step_by(merged).collect();
        Self {
            name: one_line(axis.name()),
            edges,
            range: axis.range(),
            merged,
            names: names(axis, merged),
            drawn: false,
        }
    }

    /// A range in so many even cells.
    fn even(axis: &AxisSettings, cells: usize) -> Self {
        let [lo, hi] = axis.range;
        let edges = (1..cells).map(|i| between((lo, hi), i as f64 / cells as f64)).collect();
        Self { name: one_line(&axis.name), edges, range: Some((lo, hi)), merged: 1, names: None, drawn: true }
    }

    /// Number of cells.
    pub fn cells(&self) -> usize {
        self.edges.len() + 1
    }

    /// The lower edge of a cell; the upper end of the last one for `cells()`.
    pub fn edge(&self, cell: usize) -> Option<f64> {
        match cell {
            0 => self.range.map(|(lo, _)| lo),
            cell if cell == self.cells() => self.range.map(|(_, hi)| hi),
            cell => self.edges.get(cell - 1).copied(),
        }
    }

    fn cell(&self, x: f64) -> usize {
        self.edges.partition_point(|edge| *edge <= x)
    }
}

/// What the cells of an axis of categories are called, so many of them taken together.
fn names(axis: &Axis, merged: usize) -> Option<Vec<String>> {
    let name = |cells: &[String]| match cells {
        [first, .., last] => one_line(&format!("{first} to {last}")),
        cells => one_line(&cells.concat()),
    };
    Some(axis.category_names()?.chunks(merged).map(name).collect())
}

/// A point of a range: 0 its lower end, 1 its upper one.
fn between((lo, hi): (f64, f64), share: f64) -> f64 {
    lo * (1.0 - share) + hi * share
}

/// The best objective of each interval along one axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// The axis.
    pub side: Side,
    /// One a cell of the side; `None` for an empty one.
    pub best: Vec<Option<f64>>,
    /// Whose objectives these are.
    pub candidates: Vec<Option<u64>>,
}

impl Bars {
    /// Of an archive of one measure. Without cells the range is cut into even intervals.
    pub fn of(archive: &Archive, axis: &AxisSettings, most: usize) -> Self {
        let (order, side) = match archive.tessellation() {
            Tessellation::Grid(grid) => {
                let axis = &grid.axes()[0];
                ((0..axis.cells()).collect::<Vec<usize>>(), Side::of(axis, most))
            }
            Tessellation::Cvt(cvt) => {
                let (order, edges) = intervals(cvt);
                let merged = order.len().div_ceil(most.max(1));
                let edges = edges.into_iter().skip(merged - 1).step_by(merged).collect();
                let range = Some((axis.range[0], axis.range[1]));
                (order, Side { name: one_line(&axis.name), edges, range, merged, names: None, drawn: false })
            }
            Tessellation::Places(_) => {
                return Self::placed(archive, Side::even(axis, most.clamp(1, INTERVALS)));
            }
        };
        let best_of = |cells: &[usize]| {
            let elites = cells.iter().filter_map(|cell| archive.elite(*cell));
            elites.reduce(|held, elite| if elite.objective > held.objective { elite } else { held })
        };
        let best: Vec<Option<Elite<'_>>> = order.chunks(side.merged).map(best_of).collect();
        let candidates = best.iter().map(|elite| elite.as_ref().map(|elite| elite.id)).collect();
        Self { side, best: best.into_iter().map(|elite| Some(elite?.objective)).collect(), candidates }
    }

    fn placed(archive: &Archive, side: Side) -> Self {
        let mut bars = Self { best: vec![None; side.cells()], candidates: vec![None; side.cells()], side };
        for elite in elites(archive) {
            let interval = bars.side.cell(elite.measures[0]);
            if bars.best[interval].is_none_or(|held| elite.objective > held) {
                (bars.best[interval], bars.candidates[interval]) = (Some(elite.objective), Some(elite.id));
            }
        }
        bars
    }
}

/// The cells of a CVT of one measure from low to high, and between neighbours the middle of their centroids.
fn intervals(cvt: &Cvt) -> (Vec<usize>, Vec<f64>) {
    let centroid = |cell: &usize| cvt.centroid(*cell)[0];
    let mut order: Vec<usize> = (0..cvt.cells()).collect();
    order.sort_by(|a, b| centroid(a).total_cmp(&centroid(b)));
    let edges = order.windows(2).map(|pair| between((centroid(&pair[0]), centroid(&pair[1])), 0.5)).collect();
    (order, edges)
}

/// How a map shows the cells of its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Its cells are those of a grid, or some of them taken together.
    Cells,
    /// A square shows the CVT's cell at its middle.
    Sampled,
    /// A square shows the best elite whose measures lie in it.
    Placed,
}

/// The best objective over two axes, whatever the place on the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// The axis to the right, and the one up.
    pub sides: [Side; 2],
    /// Row by row from the lowest, each from left to right; `None` where nothing is.
    pub best: Vec<Option<f64>>,
    /// Whose objectives these are.
    pub candidates: Vec<Option<u64>>,
    /// What a square is.
    pub sight: Sight,
}

impl Map {
    /// Of an archive of two measures or more: axis `pair[0]` to the right, `pair[1]` up, at most so many cells each.
    pub fn of(archive: &Archive, axes: &[AxisSettings], pair: [usize; 2], most: [usize; 2]) -> Self {
        let even = || [0, 1].map(|i| Side::even(&axes[pair[i]], most[i]));
        match archive.tessellation() {
            Tessellation::Grid(grid) => Self::projected(archive, grid, pair, most),
            Tessellation::Cvt(cvt) if cvt.dims() == 2 => Self::sampled(archive, axes, pair, even()),
            Tessellation::Cvt(_) | Tessellation::Places(_) => {
                let mut map = Self::empty(even(), Sight::Placed);
                elites(archive).for_each(|elite| map.place(&elite, pair));
                map
            }
        }
    }

    fn empty(sides: [Side; 2], sight: Sight) -> Self {
        let squares = sides[0].cells() * sides[1].cells();
        Self { sides, best: vec![None; squares], candidates: vec![None; squares], sight }
    }

    fn projected(archive: &Archive, grid: &Grid, pair: [usize; 2], most: [usize; 2]) -> Self {
        let sides = [0, 1].map(|i| Side::of(&grid.axes()[pair[i]], most[i]));
        let mut map = Self::empty(sides, Sight::Cells);
        for elite in elites(archive) {
            let place = grid.unravel(elite.cell);
            let [column, row] = [0, 1].map(|i| place[pair[i]] / map.sides[i].merged);
            map.offer(column, row, &elite);
        }
        map
    }

    fn sampled(archive: &Archive, axes: &[AxisSettings], pair: [usize; 2], sides: [Side; 2]) -> Self {
        let mut map = Self::empty(sides, Sight::Sampled);
        let [columns, rows] = [0, 1].map(|i| map.sides[i].cells());
        let middle = |i: usize, cell: usize, cells: usize| {
            between((axes[pair[i]].range[0], axes[pair[i]].range[1]), (cell as f64 + 0.5) / cells as f64)
        };
        for row in 0..rows {
            for column in 0..columns {
                let mut measures = [0.0; 2];
                measures[pair[0]] = middle(0, column, columns);
                measures[pair[1]] = middle(1, row, rows);
                if let Some(elite) = archive.elite(archive.tessellation().cell(&measures)) {
                    map.offer(column, row, &elite);
                }
            }
        }
        map
    }

    fn place(&mut self, elite: &Elite<'_>, pair: [usize; 2]) {
        let [column, row] = [0, 1].map(|i| self.sides[i].cell(elite.measures[pair[i]]));
        self.offer(column, row, elite);
    }

    /// The better one of two has the square, the first of equal ones.
    fn offer(&mut self, column: usize, row: usize, elite: &Elite<'_>) {
        let square = row * self.sides[0].cells() + column;
        if self.best[square].is_none_or(|held| elite.objective > held) {
            (self.best[square], self.candidates[square]) = (Some(elite.objective), Some(elite.id));
        }
    }

    /// Rows from the lowest.
    pub fn rows(&self) -> std::slice::Chunks<'_, Option<f64>> {
        self.best.chunks(self.sides[0].cells())
    }

    /// What a reader must know to read it.
    pub fn remark(&self) -> Option<String> {
        match (self.sight, self.sides.each_ref().map(|side| side.merged)) {
            (Sight::Cells, [1, 1]) => None,
            (Sight::Cells, [across, up]) => Some(format!("each square is the best of {across} x {up} cells")),
            (Sight::Sampled, _) => Some("each square shows the cell at its middle".to_owned()),
            (Sight::Placed, _) => Some("each square is the best elite whose measures lie in it".to_owned()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use samara_qd::{CvtSettings, archive::Rules};

    use super::*;

    /// An empty archive on a grid.
    pub(crate) fn grid(axes: &[AxisSettings]) -> Archive {
        let axes = axes.iter().map(|axis| match (&axis.ticks, &axis.categories) {
            (_, Some(categories)) => Axis::categories(&*axis.name, categories.clone()).unwrap(),
            (Some(ticks), None) => Axis::ticks(&*axis.name, ticks.clone()).unwrap(),
            (None, None) => {
                Axis::bins(&*axis.name, axis.range[0], axis.range[1], axis.bins.unwrap()).unwrap()
            }
        });
        Archive::new(Tessellation::Grid(Grid::new(axes.collect()).unwrap()), Rules::default()).unwrap()
    }

    /// An empty archive on a CVT.
    pub(crate) fn cvt(axes: &[AxisSettings], cells: usize) -> Archive {
        let ranges = axes.iter().map(|axis| (axis.range[0], axis.range[1])).collect();
        let settings = CvtSettings { cells, samples: 2000, ranges, ..CvtSettings::default() };
        Archive::new(Tessellation::Cvt(Cvt::kmeans(&settings, 1).unwrap()), Rules::default()).unwrap()
    }

    pub(crate) fn add(archive: &mut Archive, objective: f64, measures: &[f64]) {
        archive.add(0, objective, measures).unwrap();
    }

    #[test]
    fn cells_taken_together_keep_the_best_and_their_outer_edges() {
        let axes = [AxisSettings::even("x", [0.0, 10.0], 10)];
        let mut archive = grid(&axes);
        for i in 0..10 {
            add(&mut archive, f64::from(i), &[f64::from(i) + 0.5]);
        }
        let bars = Bars::of(&archive, &axes[0], 4);
        assert_eq!(bars.best, [Some(2.0), Some(5.0), Some(8.0), Some(9.0)]);
        assert_eq!((bars.side.edges, bars.side.merged), (vec![3.0, 6.0, 9.0], 3));
    }

    #[test]
    fn intervals_of_a_cvt_hold_what_its_cells_hold() {
        let axes = [AxisSettings::even("x", [-5.0, 20.0], 1)];
        for cells in [1, 2, 37] {
            let mut archive = cvt(&axes, cells);
            for i in 0..400_u32 {
                let x = -8.0 + f64::from(i) * 0.08;
                add(&mut archive, f64::from(i), &[x]);
                let bars = Bars::of(&archive, &axes[0], 100);
                assert_eq!(bars.best[bars.side.cell(x)], Some(f64::from(i)), "{cells} {x}");
            }
        }
    }

    #[test]
    fn a_map_shows_the_best_over_the_other_axes() {
        let axes = ["x", "y", "z"].map(|name| AxisSettings::even(name, [0.0, 2.0], 2));
        let mut archive = grid(&axes);
        add(&mut archive, 1.0, &[0.5, 1.5, 0.5]);
        add(&mut archive, 3.0, &[0.5, 1.5, 1.5]);
        add(&mut archive, -2.0, &[1.5, 0.5, 0.5]);
        let best = |pair| Map::of(&archive, &axes, pair, [10, 10]).best;
        assert_eq!(best([0, 1]), [None, Some(-2.0), Some(3.0), None]);
        assert_eq!(best([0, 2]), [Some(1.0), Some(-2.0), Some(3.0), None]);
        assert_eq!(best([2, 1]), [Some(-2.0), None, Some(1.0), Some(3.0)]);
    }

    #[test]
    fn elites_of_a_cvt_of_many_measures_are_placed_by_two_of_them() {
        let axes = ["x", "y", "z"].map(|name| AxisSettings::even(name, [0.0, 2.0], 1));
        let mut archive = cvt(&axes, 50);
        add(&mut archive, 1.0, &[0.5, 1.5, 0.1]);
        add(&mut archive, 3.0, &[0.5, 1.5, 1.9]);
        add(&mut archive, 2.0, &[1.5, -9.0, 1.0]);
        let map = Map::of(&archive, &axes, [0, 1], [2, 2]);
        assert_eq!(map.best, [None, Some(2.0), Some(3.0), None]);
    }
}
