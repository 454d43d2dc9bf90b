//! An archive as an SVG file: bars for one axis, a map for two, the best over the others for every pair of more.
//!
//! The twin of [`crate::heatmap`], which draws in the terminal.

use std::fmt;

use samara_qd::{Archive, Cvt, Tessellation};
use samara_search::{AxisSettings, commanding::one_line};

use crate::{
    gallery::Gallery,
    numbers::{apart, ends, number, percent, share},
    projection::{Bars, Map, Side, Sight, elites, holders, objectives, viridis},
    screen::{clip, columns},
    svg::{Anchor, Inks, Scale, Svg, room},
    voronoi,
};

/// The first plot's upper left corner, and the side of a map, in pixels.
const LEFT: f64 = 96.0;
const TOP: f64 = 72.0;
const SIDE: f64 = 440.0;
/// The side of a map among others.
const SMALL: f64 = 260.0;
/// Around a plot: its edges and its axis' name.
const BELOW: f64 = 92.0;
const BETWEEN: f64 = 24.0;
/// Right of the plots: the colours' scale.
const RIGHT: f64 = 150.0;
/// Cells of a side at most: of more, neighbours are taken together.
const MOST: usize = 200;
/// Pixels of a side that a picture in a cell has at least.
const SMALLEST: f64 = 8.0;
/// Pixels of a side of a picture that stands for a dot.
const PLACED: f64 = 20.0;
/// Cells of a CVT that are drawn as polygons; more would be smaller than what can be seen.
const POLYGONS: usize = 10_000;
/// Cells of a CVT that have borders at most.
const BORDERED: usize = 1000;
/// Pixels of a cell's edge, and of a cell that has one of its own: of smaller ones little else would be seen.
const EDGE: f64 = 0.6;
const APART: f64 = 7.0;
/// About the width of a character, in pixels.
const CHARACTER: f64 = 6.7;
/// Characters of a category's name beside a plot: as many as have room left of it.
const LONGEST_NAME: usize = 10;
/// Axes that are drawn against each other at most.
const AXES: usize = 8;
/// Pixels that the text of an edge takes beside another.
const LINE: f64 = 15.0;

/// The file; elites that have pictures are shown by them.
///
/// # Errors
/// Axes that are not those of the archive.
pub fn draw(archive: &Archive, axes: &[AxisSettings], gallery: &Gallery<'_>) -> Result<String, OtherAxes> {
    OtherAxes::check(archive, axes)?;
    Ok(match axes {
        [axis] => bars(archive, axis, gallery),
        axes => maps(archive, axes, gallery),
    })
}

/// Axes that are not those of the archive that is to be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherAxes {
    /// Measures of the archive.
    pub dims: usize,
    /// Axes that were given.
    pub axes: usize,
}

impl OtherAxes {
    fn check(archive: &Archive, axes: &[AxisSettings]) -> Result<(), Self> {
        let (dims, axes) = (archive.tessellation().dims(), axes.len());
        if dims == axes { Ok(()) } else { Err(Self { dims, axes }) }
    }
}

impl fmt::Display for OtherAxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an archive of {} measures, but {} axes", self.dims, self.axes)
    }
}

impl std::error::Error for OtherAxes {}

/// What the colours of elites stand for.
#[derive(Clone, Copy)]
pub enum Paint<'a> {
    /// The objective, from the worst to the best.
    Objective,
    /// A number of each candidate, from the lowest to the highest of the archive; `None` where one has none.
    Number(&'a dyn Fn(u64) -> Option<f64>),
    /// The colour of each candidate, for whoever has more to say than a scale: a colour of samara's own.
    Kind(&'a dyn Fn(u64) -> &'static str),
}

impl Paint<'_> {
    /// The lowest and the highest number that its colours stand for; `None` of an empty archive, and of kinds.
    pub fn ends(self, archive: &Archive) -> Option<(f64, f64)> {
        let Paint::Number(number) = self else {
            return objectives(archive).filter(|_| matches!(self, Paint::Objective));
        };
        let numbers = elites(archive).filter_map(|elite| number(elite.id)).filter(|x| x.is_finite());
        numbers.fold(None, |held, x| match held {
            None => Some((x, x)),
            Some((lo, hi)) => Some((f64::min(lo, x), f64::max(hi, x))),
        })
    }
}

/// A number between two others as a colour of the scale.
pub fn shade(x: f64, (lo, hi): (f64, f64)) -> String {
    let (red, green, blue) = viridis(share(x, lo, hi));
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colour of an elite that has no number of the kind that colours stand for.
pub const UNKNOWN: &str = "var(--not-better)";

/// From elites to their colours, their pictures and their places.
#[derive(Clone, Copy)]
struct Colours<'a> {
    /// The number of the darkest and of the lightest colour; `None` of an empty archive.
    ends: Option<(f64, f64)>,
    paint: Paint<'a>,
    gallery: &'a Gallery<'a>,
    inks: Inks,
    /// Where each candidate stands on the page, if the drawing is on one.
    places: Option<&'a Places<'a>>,
}

/// Who holds a cell: the candidate and its objective.
type Holder = (Option<u64>, Option<f64>);

/// The address at which a candidate is told of, if it is.
pub type Places<'a> = dyn Fn(u64) -> Option<String> + 'a;

impl<'a> Colours<'a> {
    fn on_paper(archive: &Archive, gallery: &'a Gallery<'a>) -> Self {
        let ends = objectives(archive);
        Self { ends, paint: Paint::Objective, gallery, inks: Inks::PAPER, places: None }
    }

    /// Draws what stands for an elite; on a page it is a link to where that is told of.
    fn linked(&self, svg: &mut Svg, elite: (Option<u64>, Option<f64>), draw: impl FnOnce(&mut Svg)) {
        let (Some(places), (Some(candidate), Some(objective))) = (self.places, elite) else {
            return draw(svg);
        };
        let title = format!("{} by candidate {candidate}", number(objective));
        match places(candidate) {
            Some(place) => svg.link(&place, &title, draw),
            None => svg.titled(&title, draw),
        }
    }

    /// The colour of an elite with its objective, or of a place without one.
    fn of(&self, elite: (Option<u64>, Option<f64>)) -> String {
        let (Some(candidate), Some(objective)) = elite else { return self.inks.hole.to_owned() };
        let number = match self.paint {
            Paint::Objective => Some(objective),
            Paint::Number(number) => number(candidate),
            Paint::Kind(colour) => return colour(candidate).to_owned(),
        };
        number
            .map_or_else(|| UNKNOWN.to_owned(), |number| shade(number, self.ends.unwrap_or((number, number))))
    }
}

/// A drawing with its title and what is known of the archive above the plots.
fn titled(archive: &Archive, width: f64, height: f64, title: &str, remark: &str) -> Svg {
    let mut svg = Svg::new(width, height, title);
    let heading = clip(title, ((width - LEFT) / CHARACTER * 0.8) as usize);
    svg.text((LEFT, 26.0), Anchor::Start, &heading, "font-size=\"15\" font-weight=\"bold\"");
    let stats = archive.stats();
    let (filled, total) = (stats.cells_filled, stats.cells_total);
    let mut facts = format!("{filled} of {total} {} filled ({} %)", holders(archive), percent(filled, total));
    if let Some((lo, hi)) = objectives(archive) {
        let ends = ends(lo, hi);
        let range = if lo < hi {
            format!("objective {} to {}", ends[0], ends[1])
        } else {
            format!("objective {} everywhere", ends[1])
        };
        facts += &format!(", {range}");
    }
    svg.text((LEFT, 44.0), Anchor::Start, &facts, "fill=\"#555\"");
    svg.text((LEFT, 60.0), Anchor::Start, remark, "fill=\"#555\"");
    svg
}

/// Intervals side by side, each with a bar from 0 to its best objective.
fn bars(archive: &Archive, axis: &AxisSettings, gallery: &Gallery<'_>) -> String {
    let bars = Bars::of(archive, axis, MOST);
    let (width, height) = (SIDE * 1.4, SIDE * 0.6);
    let title = format!("Best objective by {}", bars.side.name);
    let merged = match bars.side.merged {
        1 => "bars start from 0".to_owned(),
        merged => format!("bars start from 0; each is the best of {merged} cells"),
    };
    let remark = std::iter::once(merged).chain(gallery.remark()).collect::<Vec<_>>().join("; ");
    let mut svg = titled(archive, LEFT + width + 40.0, TOP + height + BELOW, &title, &remark);
    let colours = Colours::on_paper(archive, gallery);
    bar_plot(&mut svg, &bars, &colours, [LEFT, TOP, width, height]);
    svg.finish()
}

/// The bars with their edges and names.
fn bar_plot(svg: &mut Svg, bars: &Bars, colours: &Colours<'_>, [left, top, width, height]: [f64; 4]) {
    let held = || bars.best.iter().flatten().copied();
    let (lo, hi) = room(held().chain([0.0]));
    // Nothing is beyond 0 on a side where no objective is.
    let lo = if held().all(|x| x >= 0.0) { 0.0 } else { lo };
    let hi =
        if hi > lo && held().all(|x| x <= 0.0) && held().next().is_some() && lo < 0.0 { 0.0 } else { hi };
    let up = Scale { lo, hi, from: top + height, to: top };
    for (tick, text) in up.ticks(5) {
        let y = up.at(tick);
        svg.line(&[(left, y), (left + width, y)], &format!("stroke=\"{}\"", colours.inks.rule));
        svg.text((left - 8.0, y + 4.0), Anchor::End, &text, "");
    }
    let zero = up.at(0.0);
    every_bar(svg, bars, colours, &up, [left, width]);
    svg.line(&[(left, zero), (left + width, zero)], &stroke(svg));
    if lo < 0.0 {
        svg.text((left + width + 6.0, zero + 4.0), Anchor::Start, "0", "font-weight=\"bold\"");
    }
    svg.line(&[(left, top), (left, top + height)], &stroke(svg));
    edges_below(svg, &bars.side, [left, top + height, width]);
    // A page says so beside the drawing.
    if colours.places.is_none() {
        svg.turned((left - 74.0, top + height / 2.0), Anchor::Middle, -90.0, "objective");
    }
    if held().next().is_none() {
        empty(svg, [left, top, width, height]);
    }
}

/// The bars alone, on their scale.
fn every_bar(svg: &mut Svg, bars: &Bars, colours: &Colours<'_>, up: &Scale, [left, width]: [f64; 2]) {
    let cell = width / bars.best.len() as f64;
    let zero = up.at(0.0);
    let begin = |i: usize| left + cell * i as f64 + cell * 0.06;
    let held = || bars.best.iter().enumerate();
    for (i, _) in held().filter(|(_, best)| best.is_none()) {
        svg.rect([begin(i), zero - 1.5, cell * 0.88, 3.0], colours.inks.hole);
    }
    svg.group(&edged(colours, EDGE), |svg| {
        for (i, objective) in held().filter_map(|(i, best)| Some((i, (*best)?))) {
            let (x, end) = (begin(i), up.at(objective));
            // A bar of nothing would not be seen.
            let (from, tall) = (end.min(zero), (end - zero).abs().max(1.0));
            let elite = (bars.candidates[i], Some(objective));
            colours.linked(svg, elite, |svg| {
                svg.rect([x, from, cell * 0.88, tall], &colours.of(elite));
                // At the end of its bar, as far as the plot has room for it.
                let side = (cell * 0.88).min(48.0);
                let y = (end - side / 2.0).clamp(up.to, up.from - side);
                let place = [x + (cell * 0.88 - side) / 2.0, y, side, side];
                framed(svg, colours, elite, place);
            });
        }
    });
}

/// The attributes of a group of cells, each with an edge so wide: a colour of the scale alone is not seen beside cells that
/// are empty, the lightest on a light page, the darkest on a dark one.
fn edged(colours: &Colours<'_>, wide: f64) -> String {
    format!("stroke=\"{}\" stroke-width=\"{wide}\"", colours.inks.edge)
}

/// The attribute of a group of cells that have one edge together, around all of them.
fn shore(colours: &Colours<'_>) -> String {
    let edge = colours.inks.edge;
    if colours.inks == Inks::PAGE {
        // A page allows no style but that of its sheet.
        return "class=\"cells\"".to_owned();
    }
    let shadows =
        ["0.7px 0", "-0.7px 0", "0 0.7px", "0 -0.7px"].map(|by| format!("drop-shadow({by} {edge})"));
    format!("style=\"filter:{}\"", shadows.join(" "))
}

/// An elite's picture in the middle of a rectangle, in a frame of its objective's colour; nothing if it has none, or if
/// there is no room to see it.
fn framed(
    svg: &mut Svg,
    colours: &Colours<'_>,
    (candidate_of, objective): (Option<u64>, Option<f64>),
    [x, y, width, height]: [f64; 4],
) {
    let least = width.min(height);
    let picture = candidate_of.and_then(|candidate| Some((candidate, colours.gallery.get(candidate)?)));
    if let Some((candidate, picture)) = picture.filter(|_| least >= SMALLEST) {
        svg.rect([x, y, width, height], &colours.of((candidate_of, objective)));
        let side = least - 2.0 * (least * 0.05).max(1.0);
        svg.picture([x + (width - side) / 2.0, y + (height - side) / 2.0, side], candidate, picture);
    }
}

/// A map of every pair of axes, the first of a pair to the right and the second up.
fn maps(archive: &Archive, axes: &[AxisSettings], gallery: &Gallery<'_>) -> String {
    let shown = axes.len().min(AXES);
    let pairs: Vec<[usize; 2]> = (0..shown).flat_map(|y| (0..y).map(move |x| [x, y])).collect();
    let across = (1..).find(|side| side * side >= pairs.len()).unwrap_or(1);
    let side = if pairs.len() == 1 { SIDE } else { SMALL };
    let step = side + LEFT + BETWEEN;
    let right = LEFT + step * (across - 1) as f64 + side;
    let (title, remark) = heading(axes, shown);
    let colours = Colours::on_paper(archive, gallery);
    let plots: Vec<(Map, [usize; 2])> =
        pairs.iter().map(|pair| (Map::of(archive, axes, *pair, [MOST; 2]), *pair)).collect();
    let remarks: Vec<String> =
        [remark, plots.iter().find_map(|(map, _)| told(archive, map)), gallery.remark()]
            .into_iter()
            .flatten()
            .collect();
    let rows: Vec<&[(Map, [usize; 2])]> = plots.chunks(across).collect();
    let tall = |row: &[(Map, [usize; 2])]| row.iter().map(|(map, _)| size(map, side)[1]).fold(0.0, f64::max);
    let height: f64 = rows.iter().map(|row| tall(row) + BELOW + BETWEEN).sum();
    let mut svg = titled(archive, right + RIGHT, TOP + height.max(side), &title, &remarks.join("; "));
    let mut top = TOP;
    for row in rows {
        for (i, (map, pair)) in row.iter().enumerate() {
            let [width, height] = size(map, side);
            let place = [LEFT + step * i as f64, top + tall(row) - height, width, height];
            plot(&mut svg, archive, (map, axes, *pair), &colours, place);
        }
        top += tall(row) + BELOW + BETWEEN;
    }
    legend(&mut svg, &colours, (right + 32.0, TOP), side);
    svg.finish()
}

/// The title, and what it leaves open.
fn heading(axes: &[AxisSettings], shown: usize) -> (String, Option<String>) {
    if let [x, y] = axes {
        return (format!("Best objective by {} and {}", one_line(&x.name), one_line(&y.name)), None);
    }
    let title = format!("Best objective by every two of {} axes", axes.len());
    let part = if shown < axes.len() { format!("the first {shown} axes; ") } else { String::new() };
    (title, Some(format!("{part}the best over all other axes")))
}

/// What a reader must know of a map's squares: polygons and dots are no squares.
fn told(archive: &Archive, map: &Map) -> Option<String> {
    match (map.sight, archive.tessellation()) {
        (Sight::Placed, _) => Some("a dot is an elite at its measures, better ones lie on top".to_owned()),
        (Sight::Sampled, Tessellation::Cvt(cvt)) if cvt.cells() <= POLYGONS => None,
        _ => map.remark(),
    }
}

/// How wide and high a map is whose longer side is given: its cells are squares, unless it has many more of them in
/// one direction than in the other.
fn size(map: &Map, side: f64) -> [f64; 2] {
    let [columns, rows] = map.sides.each_ref().map(Side::cells);
    [columns, rows].map(|cells| match map.sight {
        Sight::Cells => side * (cells as f64 / columns.max(rows) as f64).max(0.25),
        Sight::Sampled | Sight::Placed => side,
    })
}

/// One map with its edges and names.
fn plot(
    svg: &mut Svg,
    archive: &Archive,
    (map, axes, pair): (&Map, &[AxisSettings], [usize; 2]),
    colours: &Colours<'_>,
    [x, top, width, height]: [f64; 4],
) {
    svg.rect([x, top, width, height], colours.inks.hole);
    match (map.sight, archive.tessellation()) {
        (Sight::Sampled, Tessellation::Cvt(cvt)) if cvt.cells() <= POLYGONS => {
            polygons(svg, archive, cvt, axes, (colours, [x, top, width]));
        }
        (Sight::Placed, _) => dots(svg, archive, &map.sides, pair, (colours, [x, top, width])),
        (sight, _) => {
            let [columns, rows] = map.sides.each_ref().map(|side| side.cells() as f64);
            let apart = sight == Sight::Cells && (width / columns).min(height / rows) >= APART;
            let edges = if apart { edged(colours, EDGE) } else { shore(colours) };
            svg.group(&edges, |svg| squares(svg, map, colours, [x, top, width, height]));
        }
    }
    svg.line(&[(x, top), (x, top + height), (x + width, top + height)], &stroke(svg));
    edges_below(svg, &map.sides[0], [x, top + height, width]);
    edges_beside(svg, &map.sides[1], [x, top, height]);
    if archive.occupied().is_empty() {
        empty(svg, [x, top, width, height]);
    }
}

/// Equal neighbours in a row are drawn as one.
fn squares(svg: &mut Svg, map: &Map, colours: &Colours<'_>, [left, top, width, height]: [f64; 4]) {
    let [columns, rows] = map.sides.each_ref().map(Side::cells);
    let (wide, tall) = (width / columns as f64, height / rows as f64);
    let gap = if map.sight == Sight::Cells { (wide.min(tall) * 0.04).min(0.6) } else { 0.0 };
    for (row, cells) in map.rows().enumerate() {
        let y = top + height - tall * (row + 1) as f64;
        let mut column = 0;
        let held: Vec<(Option<u64>, Option<f64>)> = map.candidates[row * columns..(row + 1) * columns]
            .iter()
            .copied()
            .zip(cells.iter().copied())
            .collect();
        for run in held.chunk_by(|a, b| gap == 0.0 && a == b) {
            let elite = run[0];
            if elite.1.is_some() {
                let x = left + wide * column as f64;
                // Sampled squares overlap a little, so that no seams show.
                let more = if gap == 0.0 { 0.2 } else { -2.0 * gap };
                let size = (wide * run.len() as f64 + more, tall + more);
                let place = [x + gap, y + gap, size.0, size.1];
                if gap > 0.0 {
                    colours.linked(svg, elite, |svg| {
                        svg.rect(place, &colours.of(elite));
                        framed(svg, colours, elite, place);
                    });
                } else {
                    svg.rect(place, &colours.of(elite));
                }
            }
            column += run.len();
        }
    }
}

/// The cells of a CVT of two measures.
fn polygons(
    svg: &mut Svg,
    archive: &Archive,
    cvt: &Cvt,
    axes: &[AxisSettings],
    (colours, [x, top, side]): (&Colours<'_>, [f64; 3]),
) {
    // Distances are measured in parts of the ranges, as the cells are.
    let part = |axis: usize, value: f64| share(value, axes[axis].range[0], axes[axis].range[1]);
    let site = |cell: usize| (part(0, cvt.centroid(cell)[0]), part(1, cvt.centroid(cell)[1]));
    let sites: Vec<voronoi::Point> = (0..cvt.cells()).map(site).collect();
    // Borders would hide small cells.
    let bordered = cvt.cells() <= BORDERED;
    let drawn: Vec<_> = voronoi::cells(&sites)
        .into_iter()
        .enumerate()
        .filter(|(_, polygon)| !polygon.is_empty())
        .map(|(cell, polygon)| {
            let points: Vec<(f64, f64)> =
                polygon.into_iter().map(|(a, b)| (x + a * side, top + (1.0 - b) * side)).collect();
            (archive.elite(cell).map(|elite| (elite.id, elite.objective)).unzip(), points)
        })
        .collect();
    let (held, empty): (Vec<_>, Vec<_>) = drawn.into_iter().partition(|(elite, _)| elite.0.is_some());
    let draw = |svg: &mut Svg, cells: &[(Holder, Vec<(f64, f64)>)], border: &str| {
        for (elite, points) in cells {
            let fill = colours.of(*elite);
            let stroke = if bordered { border } else { &*fill };
            colours.linked(svg, *elite, |svg| {
                svg.shape(points, &format!("fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"0.8\""));
                framed(svg, colours, *elite, inside(points));
            });
        }
    };
    draw(svg, &empty, colours.inks.gap);
    // Above the borders of those that are empty.
    if bordered {
        draw(svg, &held, colours.inks.edge);
    } else {
        svg.group(&shore(colours), |svg| draw(svg, &held, colours.inks.edge));
    }
}

/// A square inside a polygon that bends nowhere inwards, about its middle.
fn inside(polygon: &[(f64, f64)]) -> [f64; 4] {
    let count = polygon.len() as f64;
    let sum = polygon.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (sum.0 / count, sum.1 / count);
    let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let distance = |((ax, ay), (bx, by)): (&(f64, f64), &(f64, f64))| {
        let length = (bx - ax).hypot(by - ay);
        if length > 0.0 {
            ((bx - ax) * (y - ay) - (by - ay) * (x - ax)).abs() / length
        } else {
            f64::INFINITY
        }
    };
    let half = edges.map(distance).fold(f64::INFINITY, f64::min) / std::f64::consts::SQRT_2;
    [x - half, y - half, 2.0 * half, 2.0 * half]
}

/// The elites of an archive at two of their measures; those outside the ranges are at the border.
fn dots(
    svg: &mut Svg,
    archive: &Archive,
    sides: &[Side; 2],
    pair: [usize; 2],
    (colours, [x, top, side]): (&Colours<'_>, [f64; 3]),
) {
    let mut ordered: Vec<_> = elites(archive).collect();
    ordered.sort_by(|a, b| a.objective.total_cmp(&b.objective));
    let radius = if ordered.len() > 1000 { 1.6 } else { 3.0 };
    svg.group(&edged(colours, EDGE), |svg| {
        for elite in ordered {
            let [a, b] = [0, 1].map(|i| {
                let (lo, hi) = sides[i].range.unwrap_or((0.0, 1.0));
                share(elite.measures[pair[i]], lo, hi)
            });
            let (x, y) = (x + a * side, top + (1.0 - b) * side);
            let held = (Some(elite.id), Some(elite.objective));
            colours.linked(svg, held, |svg| {
                svg.dot((x, y), radius, &colours.of(held));
                let place = [x - PLACED / 2.0, y - PLACED / 2.0, PLACED, PLACED];
                framed(svg, colours, held, place);
            });
        }
    });
}

/// What is labelled along a side of so many pixels: edges of cells where there are some, categories at their middle,
/// round values otherwise.
fn labels(side: &Side, pixels: f64) -> Vec<(f64, String)> {
    let most = ((pixels / LINE) as usize).max(2);
    // A CVT's squares have no edges that mean something.
    if let Some((lo, hi)) = side.range.filter(|_| side.drawn) {
        let scale = Scale { lo, hi, from: 0.0, to: pixels };
        return scale.ticks(6).into_iter().map(|(tick, text)| (scale.at(tick), text)).collect();
    }
    let cell = pixels / side.cells() as f64;
    if let Some(names) = &side.names {
        let every = names.len().div_ceil(most).max(1);
        let shown = names.iter().enumerate().step_by(every);
        return shown.map(|(i, name)| (cell * (i as f64 + 0.5), clip(name, LONGEST_NAME))).collect();
    }
    let edges: Vec<(usize, f64)> = (0..=side.cells()).filter_map(|i| Some((i, side.edge(i)?))).collect();
    let every = edges.len().div_ceil(most).max(1);
    // Where edges have to be left out, round values say more than every third of them.
    if let (true, Some((lo, hi))) = (every > 1 && is_even(&edges), side.range) {
        let scale = Scale { lo, hi, from: 0.0, to: pixels };
        return scale.ticks(6).into_iter().map(|(tick, text)| (scale.at(tick), text)).collect();
    }
    let shown: Vec<(usize, f64)> = edges.into_iter().step_by(every).collect();
    let texts = apart(&shown.iter().map(|(_, edge)| *edge).collect::<Vec<_>>());
    shown.into_iter().zip(texts).map(|((i, _), text)| (cell * i as f64, text)).collect()
}

/// Whether edges are equally far from each other.
fn is_even(edges: &[(usize, f64)]) -> bool {
    let [(_, first), .., (_, last)] = edges else { return false };
    let step = (last - first) / (edges.len() - 1) as f64;
    let near = |pair: &[(usize, f64)]| (pair[1].1 - pair[0].1 - step).abs() <= 1e-6 * step.abs();
    step.is_finite() && edges.windows(2).all(near)
}

/// What stands under a row of cells.
struct Below {
    labels: Vec<(f64, String)>,
    /// Whether labels are turned: where they would run into each other.
    turned: bool,
    /// Pixels from the cells to the axis' name.
    name: f64,
}

impl Below {
    fn of(side: &Side, width: f64) -> Self {
        let labels = labels(side, width);
        let widest = labels.iter().map(|(_, text)| columns(text)).max().unwrap_or(0) as f64 * CHARACTER;
        let turned = labels.windows(2).any(|pair| pair[1].0 - pair[0].0 < widest + 6.0);
        let name = if turned { widest.min(62.0) + 28.0 } else { 40.0 };
        Self { labels, turned, name }
    }
}

/// The edges under a row of cells and the axis' name below them.
fn edges_below(svg: &mut Svg, side: &Side, [x, y, width]: [f64; 3]) {
    let Below { labels, turned, name } = Below::of(side, width);
    for (at, text) in &labels {
        svg.line(&[(x + at, y), (x + at, y + 4.0)], &stroke(svg));
        if turned {
            svg.turned((x + at + 4.0, y + 10.0), Anchor::End, -90.0, text);
        } else {
            svg.text((x + at, y + 18.0), Anchor::Middle, text, "");
        }
    }
    svg.text((x + width / 2.0, y + name), Anchor::Middle, &named(side, width), "");
}

/// The edges left of a column of cells and the axis' name beside them.
fn edges_beside(svg: &mut Svg, side: &Side, [x, y, height]: [f64; 3]) {
    let labels = labels(side, height);
    let widest = labels.iter().map(|(_, text)| columns(text)).max().unwrap_or(0) as f64 * CHARACTER;
    for (at, text) in &labels {
        let y = y + height - at;
        svg.line(&[(x - 4.0, y), (x, y)], &stroke(svg));
        svg.text((x - 8.0, y + 4.0), Anchor::End, text, "");
    }
    svg.turned(
        (x - 20.0 - widest.min(LEFT - 36.0), y + height / 2.0),
        Anchor::Middle,
        -90.0,
        &named(side, height.max(SMALL * 0.5)),
    );
}

/// An axis' name, cut to so many pixels.
fn named(side: &Side, pixels: f64) -> String {
    clip(&side.name, (pixels / CHARACTER) as usize)
}

/// The stroke of an axis.
fn stroke(svg: &Svg) -> String {
    format!("stroke=\"{}\"", svg.inks().ink)
}

fn empty(svg: &mut Svg, [x, y, width, height]: [f64; 4]) {
    let style = format!("font-size=\"14\" fill=\"{}\"", svg.inks().faint);
    svg.text((x + width / 2.0, y + height / 2.0), Anchor::Middle, "the archive is empty", &style);
}

/// The colours from the worst elite to the best.
fn legend(svg: &mut Svg, colours: &Colours<'_>, (x, top): (f64, f64), side: f64) {
    svg.text((x, top + 10.0), Anchor::Start, "objective", "");
    let (from, height) = (top + 24.0, side * 0.6);
    if let Some((lo, hi)) = colours.ends.filter(|(lo, hi)| lo < hi) {
        let up = Scale { lo, hi, from: from + height, to: from };
        let strips = 64;
        let tall = height / f64::from(strips);
        for strip in 0..strips {
            let y = up.from - tall * f64::from(strip + 1);
            svg.rect([x, y, 16.0, tall + 0.3], &shade(f64::from(strip) + 0.5, (0.0, f64::from(strips))));
        }
        svg.frame([x, from, 16.0, height], colours.inks.edge);
        for (tick, text) in up.ticks(5) {
            svg.text((x + 22.0, up.at(tick) + 4.0), Anchor::Start, &text, "");
        }
    } else if let Some((lo, _)) = colours.ends {
        svg.rect([x, from, 16.0, 16.0], &shade(lo, (lo, lo)));
        svg.frame([x, from, 16.0, 16.0], colours.inks.edge);
        svg.text((x + 22.0, from + 12.0), Anchor::Start, &number(lo), "");
    }
    let empty = from + height + 14.0;
    svg.rect([x, empty, 16.0, 16.0], colours.inks.hole);
    svg.frame([x, empty, 16.0, 16.0], colours.inks.edge);
    svg.text((x + 22.0, empty + 12.0), Anchor::Start, "empty", "");
}

mod packed;
mod page;
pub use page::{Figure, Look, colour_bar, figures, of_pair, scale_of};

#[cfg(test)]
mod tests;
