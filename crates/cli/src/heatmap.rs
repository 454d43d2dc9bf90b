//! An archive as a picture in the terminal: a bar for one axis, a grid for two, and a projection on the first two
//! axes for more.

use samara_engine::AxisSettings;
use samara_qd::{Archive, Grid, Tessellation};

/// Whether to colour: a terminal that does not ask us not to.
pub(crate) fn coloured() -> bool {
    use std::io::IsTerminal;
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Columns and rows of a CVT's picture.
const RASTER: (usize, usize) = (40, 20);

/// The picture, some lines of text.
pub(crate) fn draw(archive: &Archive, axes: &[AxisSettings], colour: bool) -> String {
    let scale = Scale::of(archive, colour);
    match archive.tessellation() {
        Tessellation::Grid(grid) if grid.axes().len() == 1 => bar(archive, grid.axes()[0].edges(), &scale),
        Tessellation::Grid(_) => squares(archive, axes, &scale),
        Tessellation::Cvt(_) if axes.len() == 2 => raster(archive, axes, &scale),
        Tessellation::Cvt(_) => String::new(),
    }
}

/// From objectives to shades.
struct Scale {
    lo: f64,
    hi: f64,
    colour: bool,
}

impl Scale {
    fn of(archive: &Archive, colour: bool) -> Self {
        let objectives = || archive.iter().filter(|elite| elite.rank == 0).map(|elite| elite.objective);
        let lo = objectives().fold(f64::INFINITY, f64::min);
        Self { lo, hi: objectives().fold(f64::NEG_INFINITY, f64::max), colour }
    }

    /// 0 for the worst, 1 for the best.
    fn share(&self, objective: f64) -> f64 {
        if self.hi > self.lo { (objective - self.lo) / (self.hi - self.lo) } else { 1.0 }
    }

    /// Two columns for a cell: a colour from dark blue over green to yellow, or a digit from 0 to 9.
    fn square(&self, objective: Option<f64>) -> String {
        match objective.map(|objective| self.share(objective)) {
            None => " ·".to_owned(),
            Some(share) if self.colour => {
                let (red, green, blue) = viridis(share);
                format!("\x1b[48;2;{red};{green};{blue}m  \x1b[0m")
            }
            Some(share) => format!(" {}", (share * 9.0).round()),
        }
    }

    fn legend(&self) -> String {
        if !self.hi.is_finite() {
            return "the archive is empty\n".to_owned();
        }
        let (worst, best) = (self.square(Some(self.lo)), self.square(Some(self.hi)));
        format!("  {worst} {:.4}  to {best} {:.4},  · empty\n", self.lo, self.hi)
    }
}

/// A ramp that keeps its order without colours: interpolated between five points of the viridis map.
pub(crate) fn viridis(share: f64) -> (u8, u8, u8) {
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

/// One line a cell: its range, a bar as long as its best objective is good, the objective.
fn bar(archive: &Archive, edges: &[f64], scale: &Scale) -> String {
    let mut text = String::new();
    for cell in 0..=edges.len() {
        let from = cell.checked_sub(1).map_or("..".to_owned(), |i| short(edges[i]));
        let to = edges.get(cell).map_or("..".to_owned(), |edge| short(*edge));
        let elite = archive.elite(cell);
        let objective = elite.map(|elite| elite.objective);
        let squares = objective.map_or(0, |objective| 1 + (scale.share(objective) * 19.0).round() as usize);
        let block = if scale.colour { scale.square(objective) } else { "██".to_owned() };
        let drawn = if squares == 0 { "·".to_owned() } else { block.repeat(squares) };
        let value = objective.map_or(String::new(), |objective| format!(" {objective:.4}"));
        text += &format!("  {:>15}  {drawn}{value}\n", format!("{from} to {to}"));
    }
    text
}

/// An edge as people write it: rounded to four places, without the zeros behind.
pub(crate) fn short(edge: f64) -> String {
    let text = format!("{edge:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The first axis to the right, the second one up; of the cells behind each other the best.
fn squares(archive: &Archive, axes: &[AxisSettings], scale: &Scale) -> String {
    let Tessellation::Grid(grid) = archive.tessellation() else { return String::new() };
    let (columns, rows) = (grid.axes()[0].cells(), grid.axes()[1].cells());
    let best = projection(archive, grid);
    let lines = (0..rows).rev().map(|row| {
        let squares: String =
            best[row * columns..(row + 1) * columns].iter().map(|cell| scale.square(*cell)).collect();
        format!("  {squares}\n")
    });
    let mut text: String = lines.collect();
    text += &caption(axes);
    if axes.len() > 2 {
        text += &format!("  the best over the other {} axes\n", axes.len() - 2);
    }
    text + &scale.legend()
}

/// The best objective of each cell of the first two axes, row by row, whatever its place on the others.
pub(crate) fn projection(archive: &Archive, grid: &Grid) -> Vec<Option<f64>> {
    let (columns, rows) = (grid.axes()[0].cells(), grid.axes()[1].cells());
    let mut best = vec![None::<f64>; columns * rows];
    for elite in archive.iter().filter(|elite| elite.rank == 0) {
        let place = grid.unravel(elite.cell);
        let slot = &mut best[place[1] * columns + place[0]];
        *slot = Some(slot.map_or(elite.objective, |held| held.max(elite.objective)));
    }
    best
}

/// A CVT of two measures, sampled at every character's middle.
fn raster(archive: &Archive, axes: &[AxisSettings], scale: &Scale) -> String {
    let (columns, rows) = RASTER;
    let at = |axis: usize, i: usize, n: usize| {
        let [lo, hi] = axes[axis].range;
        lo + (hi - lo) * (i as f64 + 0.5) / n as f64
    };
    let mut text = String::new();
    for row in (0..rows).rev() {
        text += "  ";
        for column in 0..columns {
            let cell = archive.tessellation().cell(&[at(0, column, columns), at(1, row, rows)]);
            text += &scale.square(archive.elite(cell).map(|elite| elite.objective));
        }
        text += "\n";
    }
    text + &caption(axes) + &scale.legend()
}

fn caption(axes: &[AxisSettings]) -> String {
    let name = |i: usize| axes.get(i).map_or("", |axis| &*axis.name);
    format!("  {} to the right, {} up\n", name(0), name(1))
}
