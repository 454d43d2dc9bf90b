//! A map of two axes for a page that is sent again while its run goes on: the same cells in a tenth of the bytes.
//!
//! Places are whole units of a drawing's own, a shape goes from corner to corner by distances, and colours are so many
//! that the eye tells no more apart. Up to [`LINKS`] elites are links each. Of more, all cells of a colour are one shape,
//! and squares above them lead to the best elite in each. Small maps have neither links nor labels, which nobody could
//! read.

use std::collections::BTreeMap;

use super::{page::Figure, *};
use crate::svg::two;

/// Elites that are links each.
const LINKS: usize = 400;
/// Squares of a side that are links where there are more elites.
const SQUARES: usize = 20;
/// Squares of a side of a grid, and those of one that has more filled ones than so many.
const FINE: usize = 100;
const FINE_SQUARES: usize = 4000;
const COARSE: usize = 63;
/// Cells of a CVT that are drawn as polygons at most.
const OUTLINED: usize = 400;
/// Squares of a side beyond which there is nothing between them.
const SEPARATE: usize = 46;
/// Colours from the lowest number to the highest, less one: of a large map and of a small one.
const LEVELS: [f64; 2] = [63.0, 7.0];
/// Units of a pixel: a large map is shown at twice its size.
const UNITS: f64 = 2.0;

/// A corner in units.
type Corner = (i64, i64);

/// The map of a chosen pair: a large one with links, or a small one.
pub(super) fn map(
    archive: &Archive,
    axes: &[AxisSettings],
    pair: [usize; 2],
    colours: &Colours<'_>,
    plot: f64,
) -> Figure {
    let large = colours.places.is_some();
    // The squares that a CVT is sampled by are not drawn.
    let sampled = matches!(archive.tessellation(), Tessellation::Cvt(cvt) if cvt.dims() == 2);
    let mut map = Map::of(archive, axes, pair, [if sampled { 1 } else { FINE }; 2]);
    if filled(&map).count() > FINE_SQUARES {
        map = Map::of(archive, axes, pair, [COARSE; 2]);
    }
    let title = format!("{} and {}", map.sides[0].name, map.sides[1].name);
    let label = format!("Best objective by {title}");
    let [width, height] = size(&map, plot);
    let (mut svg, place) =
        if large { page::sheet(&label, &map, [width, height]) } else { small(&label, [width, height]) };
    let [x, top, ..] = place;
    svg.rect(place, colours.inks.hole);
    let drawing = Drawing { archive, colours, place };
    let squares = drawing.cells(&mut svg, &map, axes, pair);
    svg.line(&[(x, top), (x, top + height), (x + width, top + height)], &stroke(&svg));
    if large {
        edges_below(&mut svg, &map.sides[0], [x, top + height, width]);
        edges_beside(&mut svg, &map.sides[1], [x, top, height]);
    }
    if archive.occupied().is_empty() {
        empty(&mut svg, place);
    }
    let remarks = [
        match archive.tessellation() {
            Tessellation::Cvt(cvt) if sampled => {
                let dots = !large || cvt.cells() > OUTLINED;
                dots.then(|| "a dot is a cell of the CVT at its centroid".to_owned())
            }
            _ => told(archive, &map),
        },
        squares.then(|| "each place leads to the best elite around it".to_owned()),
    ];
    let remark = remarks.into_iter().flatten().collect::<Vec<_>>().join("; ");
    Figure { title, remark: Some(remark).filter(|remark| !remark.is_empty()), svg }
}

/// A sheet that a plot fills.
fn small(label: &str, [width, height]: [f64; 2]) -> (Svg, [f64; 4]) {
    (Svg::on_page(width + 2.0, height + 2.0, label), [1.0, 1.0, width, height])
}

/// Where what is drawn how.
struct Drawing<'a> {
    archive: &'a Archive,
    colours: &'a Colours<'a>,
    place: [f64; 4],
}

/// What is drawn for the holder of a cell.
struct Cell {
    holder: Holder,
    shape: Shape,
}

enum Shape {
    Outline(Vec<Corner>),
    /// About a point, so many units wide.
    Dot(Corner, f64),
}

impl Drawing<'_> {
    /// The cells; whether squares above them are the links.
    fn cells(&self, svg: &mut Svg, map: &Map, axes: &[AxisSettings], pair: [usize; 2]) -> bool {
        let large = self.colours.places.is_some();
        match (map.sight, self.archive.tessellation()) {
            (Sight::Sampled, Tessellation::Cvt(cvt)) => self.of_cvt(svg, &sites(cvt, axes, pair)),
            (Sight::Placed, _) => {
                if large && self.archive.occupied().len() <= LINKS {
                    let [x, top, side, _] = self.place;
                    dots(svg, self.archive, &map.sides, pair, (self.colours, [x, top, side]));
                    return false;
                }
                let placed = self.placed(map, pair);
                let wide = if placed.len() > 1000 { 4.4 } else { 6.0 };
                svg.group(&shore(self.colours), |svg| self.dots(svg, placed.clone(), wide));
                if large {
                    self.squares(svg, placed);
                }
                large
            }
            _ => {
                let cells = || filled(map);
                if large && cells().count() <= LINKS {
                    let cells = cells().map(|cell| self.square(map, cell)).collect::<Vec<_>>();
                    let [columns, rows] = map.sides.each_ref().map(|side| side.cells() as f64);
                    let [_, _, width, height] = self.place;
                    self.links(svg, &cells, (width / columns).min(height / rows));
                    return false;
                }
                svg.group(&shore(self.colours), |svg| self.runs(svg, map));
                if large {
                    let [columns, rows] = map.sides.each_ref().map(|side| side.cells() as f64);
                    let middle = |(column, row): (usize, usize)| {
                        ((column as f64 + 0.5) / columns, (row as f64 + 0.5) / rows)
                    };
                    self.squares(svg, cells().map(|(at, holder)| (holder, middle(at))).collect());
                }
                large
            }
        }
    }

    /// The cells of a CVT.
    fn of_cvt(&self, svg: &mut Svg, sites: &[voronoi::Point]) -> bool {
        let large = self.colours.places.is_some();
        if large && sites.len() <= OUTLINED {
            self.polygons(svg, sites);
            return false;
        }
        let held = self.at_sites(sites);
        // About as far as from one centroid to the next.
        let apart = self.place[2] * UNITS / (sites.len() as f64).sqrt();
        let wide = (apart * 0.9).min(40.0);
        if large && held.len() <= LINKS {
            let dot = |(holder, middle)| Cell { holder, shape: Shape::Dot(self.corner(middle), wide) };
            self.links(svg, &held.into_iter().map(dot).collect::<Vec<_>>(), wide / UNITS);
            return false;
        }
        svg.group(&shore(self.colours), |svg| self.dots(svg, held.clone(), wide));
        if large {
            self.squares(svg, held);
        }
        large
    }

    /// The colour of a holder, of so many that hardly any two are told apart.
    fn colour(&self, holder: Holder) -> String {
        let (Some(candidate), Some(objective)) = holder else { return self.colours.inks.hole.to_owned() };
        let number = match self.colours.paint {
            Paint::Objective => Some(objective),
            Paint::Number(number) => number(candidate),
            Paint::Kind(_) => None,
        };
        let Some(number) = number else { return self.colours.of(holder) };
        let (lo, hi) = self.colours.ends.unwrap_or((number, number));
        let levels = LEVELS[usize::from(self.colours.places.is_none())];
        shade((share(number, lo, hi) * levels).round(), (0.0, levels))
    }

    /// A unit square's point in units of the drawing, whose zero is the plot's upper left corner.
    fn corner(&self, (x, y): (f64, f64)) -> Corner {
        let [_, _, width, height] = self.place;
        ((x * width * UNITS).round() as i64, ((1.0 - y) * height * UNITS).round() as i64)
    }

    /// What is drawn in units.
    fn in_units(&self, svg: &mut Svg, attributes: &str, draw: impl FnOnce(&mut Svg)) {
        let [x, y, ..] = self.place;
        svg.group(&format!("transform=\"translate({x} {y})scale({})\" {attributes}", 1.0 / UNITS), draw);
    }

    /// Cells of so many pixels that are links, in the order of their places: each with its edge, or one around all.
    fn links(&self, svg: &mut Svg, cells: &[Cell], pixels: f64) {
        if pixels < APART {
            return svg.group(&shore(self.colours), |svg| self.every_link(svg, cells, ""));
        }
        self.every_link(svg, cells, &edged(self.colours, EDGE * UNITS));
    }

    fn every_link(&self, svg: &mut Svg, cells: &[Cell], attributes: &str) {
        self.in_units(svg, attributes, |svg| {
            for cell in cells {
                let colour = self.colour(cell.holder);
                self.link(svg, cell.holder, |svg| match &cell.shape {
                    Shape::Outline(corners) => {
                        svg.path(&Pen::around(corners).data, &format!("fill=\"{colour}\""));
                    }
                    Shape::Dot((x, y), wide) => svg.dot((*x as f64, *y as f64), wide / 2.0, &colour),
                });
            }
        });
    }

    fn link(&self, svg: &mut Svg, holder: Holder, draw: impl FnOnce(&mut Svg)) {
        let (Some(candidate), Some(objective)) = holder else { return draw(svg) };
        let title = format!("{} by {candidate}", number(objective));
        match self.colours.places.and_then(|places| places(candidate)) {
            Some(place) => svg.link(&place, &title, draw),
            None => svg.titled(&title, draw),
        }
    }

    /// A square of a grid, a little smaller than its cell.
    fn square(&self, map: &Map, ((column, row), holder): ((usize, usize), Holder)) -> Cell {
        let [columns, rows] = map.sides.each_ref().map(|side| side.cells() as f64);
        let (x, y) = (column as f64, row as f64);
        let ((left, low), (right, high)) =
            (self.corner((x / columns, y / rows)), self.corner(((x + 1.0) / columns, (y + 1.0) / rows)));
        // A unit less to the right and below, where there is room for it.
        let less = |from: i64, to: i64| if to - from > 4 { to - 1 } else { to };
        let (right, low) = (less(left, right), less(high, low));
        Cell { holder, shape: Shape::Outline(vec![(left, high), (right, high), (right, low), (left, low)]) }
    }

    /// The cells of a CVT with their borders; empty ones are one shape.
    fn polygons(&self, svg: &mut Svg, sites: &[voronoi::Point]) {
        const GAP: f64 = 0.8;
        let (mut held, mut holes) = (Vec::new(), Pen::default());
        for (cell, polygon) in voronoi::cells(sites).into_iter().enumerate().filter(|(_, it)| it.len() > 2) {
            let corners: Vec<Corner> = polygon.into_iter().map(|point| self.corner(point)).collect();
            match self.archive.elite(cell) {
                Some(elite) => held.push(Cell {
                    holder: (Some(elite.id), Some(elite.objective)),
                    shape: Shape::Outline(corners),
                }),
                None => holes.outline(&corners),
            }
        }
        let border = format!("stroke=\"{}\" stroke-width=\"{}\"", self.colours.inks.gap, GAP * UNITS);
        self.in_units(svg, &border, |svg| {
            svg.path(&holes.data, &format!("fill=\"{}\"", self.colours.inks.hole));
        });
        self.links(svg, &held, f64::INFINITY);
    }

    /// The elites of a CVT at its centroids.
    fn at_sites(&self, sites: &[voronoi::Point]) -> Vec<(Holder, (f64, f64))> {
        let at = |elite: samara_qd::Elite<'_>| ((Some(elite.id), Some(elite.objective)), sites[elite.cell]);
        elites(self.archive).map(at).collect()
    }

    /// The elites at two of their measures, the worst first: better ones lie on top.
    fn placed(&self, map: &Map, pair: [usize; 2]) -> Vec<(Holder, (f64, f64))> {
        let mut ordered: Vec<_> = elites(self.archive).collect();
        ordered.sort_by(|a, b| a.objective.total_cmp(&b.objective));
        let at = |elite: &samara_qd::Elite<'_>, i: usize| {
            let (lo, hi) = map.sides[i].range.unwrap_or((0.0, 1.0));
            share(elite.measures[pair[i]], lo, hi)
        };
        ordered
            .iter()
            .map(|elite| ((Some(elite.id), Some(elite.objective)), (at(elite, 0), at(elite, 1))))
            .collect()
    }

    /// A dot for every elite, so many units wide.
    fn dots(&self, svg: &mut Svg, elites: Vec<(Holder, (f64, f64))>, wide: f64) {
        let mut groups = Groups::default();
        for (holder, middle) in elites {
            let pen = groups.pen(self.colour(holder));
            pen.to(self.corner(middle));
            pen.across(0);
        }
        let wide = (wide * 10.0).round() / 10.0;
        self.in_units(
            svg,
            &format!("fill=\"none\" stroke-linecap=\"round\" stroke-width=\"{wide}\""),
            |svg| {
                groups
                    .0
                    .into_iter()
                    .for_each(|(colour, pen)| svg.path(&pen.data, &format!("stroke=\"{colour}\"")));
            },
        );
    }

    /// The squares of a map as thick lines along its rows, a colour after the other.
    fn runs(&self, svg: &mut Svg, map: &Map) {
        let [x, top, width, height] = self.place;
        let [columns, rows] = map.sides.each_ref().map(Side::cells);
        let separate = map.sight == Sight::Cells && columns.max(rows) <= SEPARATE;
        // Units of a cell, and of what is drawn of it.
        let (cell, drawn) = if separate { (5, 4) } else { (1, 1) };
        let mut groups = Groups::default();
        let squares: Vec<((usize, usize), String)> =
            filled(map).map(|(at, holder)| (at, self.colour(holder))).collect();
        let follows = |a: &((usize, usize), String), b: &((usize, usize), String)| {
            !separate && a.1 == b.1 && a.0.1 == b.0.1 && a.0.0 + 1 == b.0.0
        };
        for run in squares.chunk_by(follows) {
            let ((column, row), colour) = &run[0];
            let pen = groups.pen(colour.clone());
            pen.to((*column as i64 * cell, *row as i64 * cell));
            pen.across(run.len() as i64 * drawn);
        }
        let scale = [width / columns as f64, height / rows as f64].map(|side| side / cell as f64);
        let lowest = top + height - scale[1] * drawn as f64 / 2.0;
        let [across, up, lowest] = [scale[0], scale[1], lowest].map(|x| (x * 1e4).round() / 1e4);
        let attributes = format!(
            "transform=\"translate({x} {lowest})scale({across} -{up})\" fill=\"none\" stroke-width=\"{drawn}\" \
             shape-rendering=\"crispEdges\""
        );
        svg.group(&attributes, |svg| {
            groups
                .0
                .into_iter()
                .for_each(|(colour, pen)| svg.path(&pen.data, &format!("stroke=\"{colour}\"")));
        });
    }

    /// Squares that are not seen and lead to the best elite in each.
    fn squares(&self, svg: &mut Svg, elites: Vec<(Holder, (f64, f64))>) {
        let part = |x: f64| ((x * SQUARES as f64) as usize).min(SQUARES - 1);
        let mut best: BTreeMap<(usize, usize), Holder> = BTreeMap::new();
        for (holder, (x, y)) in elites {
            let held = best.entry((part(1.0 - y), part(x))).or_insert(holder);
            if holder.1 > held.1 {
                *held = holder;
            }
        }
        self.in_units(svg, "class=\"over\" fill-opacity=\"0\"", |svg| {
            for ((row, column), holder) in best {
                let edge = |at: usize| at as f64 / SQUARES as f64;
                let ((left, high), (right, low)) = (
                    self.corner((edge(column), 1.0 - edge(row))),
                    self.corner((edge(column + 1), 1.0 - edge(row + 1))),
                );
                let square = format!("M{left} {high}h{}v{}h-{0}z", right - left, low - high);
                self.link(svg, holder, |svg| svg.path(&square, ""));
            }
        });
    }
}

/// The centroids of a CVT of two measures in parts of the ranges, as they are drawn.
fn sites(cvt: &Cvt, axes: &[AxisSettings], pair: [usize; 2]) -> Vec<voronoi::Point> {
    let part = |cell: usize, i: usize| {
        let axis = pair[i];
        share(cvt.centroid(cell)[axis], axes[axis].range[0], axes[axis].range[1])
    };
    (0..cvt.cells()).map(|cell| (part(cell, 0), part(cell, 1))).collect()
}

/// The filled squares of a map with their columns and rows, from the lowest row.
fn filled(map: &Map) -> impl Iterator<Item = ((usize, usize), Holder)> {
    let columns = map.sides[0].cells();
    let held = map.candidates.iter().copied().zip(map.best.iter().copied()).enumerate();
    held.filter(|(_, holder)| holder.0.is_some())
        .map(move |(square, holder)| ((square % columns, square / columns), holder))
}

/// A path for each colour, in the order in which they came.
#[derive(Default)]
struct Groups(Vec<(String, Pen)>);

impl Groups {
    fn pen(&mut self, colour: String) -> &mut Pen {
        let place = self.0.iter().position(|(held, _)| *held == colour).unwrap_or_else(|| {
            self.0.push((colour, Pen::default()));
            self.0.len() - 1
        });
        &mut self.0[place].1
    }
}

/// The data of a path in whole units, each step as short as it can be written.
#[derive(Default)]
struct Pen {
    data: String,
    at: Corner,
}

impl Pen {
    /// A closed shape alone.
    fn around(corners: &[Corner]) -> Self {
        let mut pen = Self::default();
        pen.outline(corners);
        pen
    }

    /// Goes to a point without drawing.
    fn to(&mut self, (x, y): Corner) {
        let (far, near) = (two((x, y)), two((x - self.at.0, y - self.at.1)));
        let step = if near.len() < far.len() && !self.data.is_empty() {
            format!("m{near}")
        } else {
            format!("M{far}")
        };
        self.data += &step;
        self.at = (x, y);
    }

    /// A line to the right.
    fn across(&mut self, by: i64) {
        self.data += &format!("h{by}");
        self.at.0 += by;
    }

    /// A closed shape; the pen is back where it began.
    fn outline(&mut self, corners: &[Corner]) {
        let Some((first, rest)) = corners.split_first() else { return };
        self.to(*first);
        let mut lines = false;
        for corner in rest {
            let step = (corner.0 - self.at.0, corner.1 - self.at.1);
            self.data += &match step {
                // Corners that fall together are one.
                (0, 0) => continue,
                (by, 0) => format!("h{by}"),
                (0, by) => format!("v{by}"),
                step if !lines => format!("l{}", two(step)),
                step if step.0 >= 0 => format!(" {}", two(step)),
                step => two(step),
            };
            lines = step.0 != 0 && step.1 != 0;
            self.at = *corner;
        }
        self.data.push('z');
        self.at = *first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_the_shortest_way_and_closed_shapes_end_where_they_began() {
        let mut pen = Pen::default();
        pen.outline(&[(100, 20), (110, 20), (110, 20), (105, 12)]);
        pen.outline(&[(103, 21), (90, 30), (91, 25)]);
        pen.to((0, 0));
        pen.across(3);
        pen.to((5, 0));
        pen.across(0);
        assert_eq!(pen.data, "M100 20h10l-5-8zm3 1l-13 9 1-5zM0 0h3M5 0h0");
    }
}
