//! An archive as an SVG file: bars for one axis, a heat map for two, the best over the others for more.
//!
//! The twin of [`crate::heatmap`], which draws in the terminal.

use samara_engine::AxisSettings;
use samara_qd::{Archive, Axis, Grid, Tessellation};

use crate::{
    exit::Failure,
    heatmap::{projection, short, viridis},
    svg::{Anchor, Scale, Svg, room},
};

/// The plot's upper left corner, and the least and most of its sides, in pixels.
const LEFT: f64 = 84.0;
const TOP: f64 = 24.0;
const SIDE: f64 = 440.0;
/// What is below the plot (edges and the axis' name) and right of it (the colours' scale).
const BELOW: f64 = 84.0;
const RIGHT: f64 = 110.0;
/// Labels of edges at most; of more, some are left out.
const EDGES: usize = 21;
/// Columns and rows of a CVT's picture.
const RASTER: usize = 110;
const EMPTY: &str = "#ececec";

/// The file.
///
/// # Errors
/// A CVT that has not two measures.
pub(crate) fn draw(archive: &Archive, axes: &[AxisSettings]) -> Result<String, Failure> {
    let name = |i: usize| axes.get(i).map_or("", |axis| &*axis.name);
    match archive.tessellation() {
        Tessellation::Grid(grid) if grid.axes().len() == 1 => Ok(bars(archive, &grid.axes()[0], name(0))),
        Tessellation::Grid(grid) => Ok(map(archive, grid, [name(0), name(1)])),
        Tessellation::Cvt(_) if axes.len() == 2 => Ok(raster(archive, axes)),
        Tessellation::Cvt(_) => Err(Failure::usage(format!(
            "--svg: a CVT of {} measures has no picture\nhint: `samara rebin` shows the run on a grid",
            axes.len()
        ))),
    }
}

/// From objectives to colours.
fn colours(archive: &Archive) -> Scale {
    let objectives = archive.iter().filter(|elite| elite.rank == 0).map(|elite| elite.objective);
    let (lo, hi) = objectives.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
    // One value alone is the best.
    let (lo, hi) = if lo.is_finite() { (if hi > lo { lo } else { hi - 1.0 }, hi) } else { (0.0, 1.0) };
    Scale { lo, hi, from: 0.0, to: 1.0 }
}

fn colour(scale: &Scale, objective: Option<f64>) -> String {
    let Some(objective) = objective else { return EMPTY.to_owned() };
    let (red, green, blue) = viridis(scale.at(objective));
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Cells side by side, each as high as its best objective.
fn bars(archive: &Archive, axis: &Axis, name: &str) -> String {
    let (width, height) = (SIDE * 1.4, SIDE * 0.6);
    let mut svg = Svg::new(LEFT + width + 24.0, TOP + height + BELOW, "The archive: the best of each cell");
    let colours = colours(archive);
    let objectives = archive.iter().filter(|elite| elite.rank == 0).map(|elite| elite.objective);
    // Bars start at 0 unless something is below it.
    let (lo, hi) = room(objectives.chain([0.0]));
    let lo = if colours.lo >= 0.0 { 0.0 } else { lo };
    let up = Scale { lo, hi, from: TOP + height, to: TOP };
    for (tick, text) in up.ticks(5) {
        let y = up.at(tick);
        svg.line(&[(LEFT, y), (LEFT + width, y)], "stroke=\"#ddd\"");
        svg.text((LEFT - 8.0, y + 4.0), Anchor::End, &text, "");
    }
    let cell = width / axis.cells() as f64;
    for i in 0..axis.cells() {
        let objective = archive.elite(i).map(|elite| elite.objective);
        let top = up.at(objective.unwrap_or(lo));
        let x = LEFT + cell * i as f64;
        svg.rect([x + cell * 0.06, top, cell * 0.88, up.from - top], &colour(&colours, objective));
    }
    svg.line(&[(LEFT, up.from), (LEFT + width, up.from)], "stroke=\"#222\"");
    edges_below(&mut svg, axis.edges(), cell, up.from, (width, name));
    svg.turned((22.0, TOP + height / 2.0), Anchor::Middle, -90.0, "objective");
    svg.finish()
}

/// The first axis to the right, the second one up.
fn map(archive: &Archive, grid: &Grid, names: [&str; 2]) -> String {
    let (columns, rows) = (grid.axes()[0].cells(), grid.axes()[1].cells());
    let colours = colours(archive);
    let cell = SIDE / columns.max(rows) as f64;
    let (width, height) = (cell * columns as f64, cell * rows as f64);
    let mut svg = frame(width, height);
    let gap = (cell * 0.04).min(0.6);
    for (i, objective) in projection(archive, grid).into_iter().enumerate() {
        let (x, y) = (LEFT + cell * (i % columns) as f64, TOP + height - cell * (i / columns + 1) as f64);
        svg.rect([x + gap, y + gap, cell - 2.0 * gap, cell - 2.0 * gap], &colour(&colours, objective));
    }
    edges_below(&mut svg, grid.axes()[0].edges(), cell, TOP + height, (width, names[0]));
    let edges = grid.axes()[1].edges();
    for (i, edge) in edges.iter().enumerate().filter(|(i, _)| i % every(edges.len()) == 0) {
        let y = TOP + height - cell * (i + 1) as f64;
        svg.line(&[(LEFT - 4.0, y), (LEFT, y)], "stroke=\"#222\"");
        svg.text((LEFT - 8.0, y + 4.0), Anchor::End, &short(*edge), "");
    }
    svg.turned((22.0, TOP + height / 2.0), Anchor::Middle, -90.0, names[1]);
    legend(&mut svg, &colours, width, height);
    svg.finish()
}

/// A CVT of two measures, sampled; equal neighbours in a row are drawn as one.
fn raster(archive: &Archive, axes: &[AxisSettings]) -> String {
    let colours = colours(archive);
    let mut svg = frame(SIDE, SIDE);
    let step = SIDE / RASTER as f64;
    let at = |axis: usize, i: usize| {
        let [lo, hi] = axes[axis].range;
        lo + (hi - lo) * (i as f64 + 0.5) / RASTER as f64
    };
    for row in 0..RASTER {
        let cells: Vec<usize> =
            (0..RASTER).map(|column| archive.tessellation().cell(&[at(0, column), at(1, row)])).collect();
        let mut from = 0;
        for run in cells.chunk_by(|a, b| a == b) {
            let fill = colour(&colours, archive.elite(run[0]).map(|elite| elite.objective));
            let y = TOP + SIDE - step * (row + 1) as f64;
            // A little more than its place, so that no seams show.
            svg.rect([LEFT + step * from as f64, y, step * run.len() as f64 + 0.2, step + 0.2], &fill);
            from += run.len();
        }
    }
    let across = Scale { lo: axes[0].range[0], hi: axes[0].range[1], from: LEFT, to: LEFT + SIDE };
    for (tick, text) in across.ticks(6) {
        svg.text((across.at(tick), TOP + SIDE + 18.0), Anchor::Middle, &text, "");
    }
    let up = Scale { lo: axes[1].range[0], hi: axes[1].range[1], from: TOP + SIDE, to: TOP };
    for (tick, text) in up.ticks(6) {
        svg.text((LEFT - 8.0, up.at(tick) + 4.0), Anchor::End, &text, "");
    }
    svg.text((LEFT + SIDE / 2.0, TOP + SIDE + 44.0), Anchor::Middle, &axes[0].name, "");
    svg.turned((22.0, TOP + SIDE / 2.0), Anchor::Middle, -90.0, &axes[1].name);
    legend(&mut svg, &colours, SIDE, SIDE);
    svg.finish()
}

fn frame(width: f64, height: f64) -> Svg {
    Svg::new(LEFT + width + RIGHT, TOP + height + BELOW, "The archive: the best objective of each cell")
}

/// The inner edges under a row of cells, turned, and the axis' name below them.
fn edges_below(svg: &mut Svg, edges: &[f64], cell: f64, y: f64, (width, name): (f64, &str)) {
    for (i, edge) in edges.iter().enumerate().filter(|(i, _)| i % every(edges.len()) == 0) {
        let x = LEFT + cell * (i + 1) as f64;
        svg.line(&[(x, y), (x, y + 4.0)], "stroke=\"#222\"");
        svg.turned((x + 4.0, y + 10.0), Anchor::End, -90.0, &short(*edge));
    }
    svg.text((LEFT + width / 2.0, y + 68.0), Anchor::Middle, name, "");
}

/// Every how manieth edge is labelled.
fn every(edges: usize) -> usize {
    edges.div_ceil(EDGES).max(1)
}

/// The colours from the worst elite to the best.
fn legend(svg: &mut Svg, colours: &Scale, width: f64, height: f64) {
    let (x, top) = (LEFT + width + 24.0, TOP + height * 0.1);
    let up = Scale { from: top + height * 0.8, to: top, ..*colours };
    let strips = 64;
    for strip in 0..strips {
        let share = (f64::from(strip) + 0.5) / f64::from(strips);
        let step = (up.from - up.to) / f64::from(strips);
        let fill = colour(colours, Some(colours.lo + share * (colours.hi - colours.lo)));
        svg.rect([x, up.from - step * f64::from(strip + 1), 16.0, step + 0.3], &fill);
    }
    for (tick, text) in up.ticks(5) {
        svg.text((x + 22.0, up.at(tick) + 4.0), Anchor::Start, &text, "");
    }
    svg.text((x, top - 10.0), Anchor::Start, "objective", "");
}
