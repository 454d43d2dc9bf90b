//! An archive as a picture in the terminal: bars for one axis, a map for two, and the first two of more.
//!
//! Pure: the same archive, axes and screen give the same text, whose lines fit the screen and command it nothing but
//! colours. The twin of [`crate::picture`], which draws files.

use samara_qd::Archive;
use samara_search::{AxisSettings, commanding::one_line};

use crate::{
    numbers::{apart, column, ends, share},
    projection::{Bars, Map, Side, Sight, objectives, viridis},
    screen::{Colours, Screen, clip, columns, fill},
};

/// Rows of a picture at most; of more, neighbours are taken together.
const ROWS: usize = 40;
/// Columns and rows of a CVT's map, the most that fit.
const CVT_MAPS: [[usize; 2]; 5] = [[40, 20], [25, 20], [20, 10], [10, 10], [5, 5]];
/// Columns that a map has beside its labels, or it goes without.
const LEAST_COLUMNS: usize = 5;
/// Characters that a bar has beside its label, or it goes below it.
const LEAST_BAR: usize = 8;
const LONGEST_BAR: usize = 60;
/// Columns of a category's name beside a map.
const LONGEST_NAME: usize = 24;
/// Before every line.
const INDENTATION: &str = "  ";

/// The picture, some lines of text.
pub fn draw(archive: &Archive, axes: &[AxisSettings], screen: Screen) -> String {
    let scale = Scale { ends: objectives(archive), colours: screen.colours };
    let mut text = match axes {
        [] => String::new(),
        [axis] => bars(&Bars::of(archive, axis, ROWS), &scale, screen.width),
        _ => squares(archive, axes, &scale, screen.width),
    };
    if scale.ends.is_none() {
        text += &fill("the archive is empty", INDENTATION, screen.width);
    }
    text
}

/// From objectives to shades.
struct Scale {
    ends: Option<(f64, f64)>,
    colours: Colours,
}

impl Scale {
    /// 0 for the worst, 1 for the best.
    fn share(&self, objective: f64) -> f64 {
        self.ends.map_or(1.0, |(lo, hi)| share(objective, lo, hi))
    }

    /// Two columns for a cell: a colour from dark blue over green to yellow, or a digit from 0 to 9.
    fn square(&self, objective: Option<f64>) -> String {
        match objective.map(|objective| self.share(objective)) {
            None => " ·".to_owned(),
            Some(share) if self.colours == Colours::None => format!(" {}", (share * 9.0).round()),
            Some(share) => self.colours.behind("  ", viridis(share)),
        }
    }

    fn legend(&self, width: usize) -> String {
        let Some((lo, hi)) = self.ends else { return String::new() };
        let [worst, best] = &ends(lo, hi);
        if self.colours == Colours::None {
            let told = if lo < hi { format!("0 is {worst}, 9 is {best}") } else { format!("9 is {best}") };
            return fill(&format!("objective: {told}, ·\u{a0}is\u{a0}empty"), INDENTATION, width);
        }
        let shades = if lo < hi { 10 } else { 1 };
        let shade = |i: u8| if shades == 1 { 1.0 } else { f64::from(i) / f64::from(shades - 1) };
        let ramp: String = (0..shades).map(|i| self.colours.behind(" ", viridis(shade(i)))).collect();
        let from = if lo < hi { format!("{worst} ") } else { String::new() };
        if columns(INDENTATION) + columns(&from) + shades as usize + 1 + columns(best) > width {
            return fill(&format!("objective: {worst} to {best}"), INDENTATION, width);
        }
        fill("objective, ·\u{a0}is\u{a0}empty:", INDENTATION, width)
            + &format!("{INDENTATION}{from}{ramp} {best}\n")
    }
}

/// One line a cell: its interval, its best objective, and a bar from 0 to it.
fn bars(bars: &Bars, scale: &Scale, width: usize) -> String {
    let labels = intervals(&bars.side);
    let held: Vec<f64> = bars.best.iter().flatten().copied().collect();
    let mut told = column(&held).into_iter();
    let values: Vec<String> =
        bars.best.iter().map(|best| best.and_then(|_| told.next()).unwrap_or_default()).collect();
    let widest = |texts: &[String]| texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let (label_width, mut value_width) = (widest(&labels), widest(&values));
    let margin = columns(INDENTATION);
    let room = |label: usize, value: usize| width.saturating_sub(margin + label + value + 2);
    // What does not fit beside the labels goes below them, a bar alone if it must.
    let below = room(label_width + 2, value_width) < LEAST_BAR;
    let alone = below && room(margin, value_width) < LEAST_BAR / 2;
    value_width = if alone { 0 } else { value_width };
    let room = room(if below { margin } else { label_width + 2 }, value_width);
    let bar = Bar::new(&held, room.clamp(1, LONGEST_BAR));
    let mut text = fill(&bars.side.name, INDENTATION, width);
    for ((label, value), best) in labels.iter().zip(&values).zip(&bars.best) {
        let drawn = best.map_or_else(|| bar.empty(), |objective| bar.drawn(objective, scale));
        let before = if below {
            let told = if alone { format!("{label} {value}") } else { label.clone() };
            format!("{}{INDENTATION}{INDENTATION}", fill(&told, INDENTATION, width))
        } else {
            format!("{INDENTATION}{label:>label_width$}  ")
        };
        let value = if alone { "" } else { value };
        text += &format!("{before}{value:>value_width$} {drawn}\n");
    }
    if !held.is_empty() {
        text += &fill("objective: bars start from 0, at │; ·\u{a0}is\u{a0}empty", INDENTATION, width);
    }
    if bars.side.merged > 1 {
        let merged = format!("each line is the best of {} cells", bars.side.merged);
        text += &fill(&merged, INDENTATION, width);
    }
    text
}

/// `below 0.1`, `0.1 to 0.5`, `0.5 and up`; of categories their names.
fn intervals(side: &Side) -> Vec<String> {
    if let Some(names) = &side.names {
        return names.clone();
    }
    let edges = apart(&side.edges);
    let interval = |cell: usize| match (cell.checked_sub(1).map(|i| &edges[i]), edges.get(cell)) {
        (None, None) => "all".to_owned(),
        (None, Some(edge)) => format!("below {edge}"),
        (Some(edge), None) => format!("{edge} and up"),
        (Some(from), Some(to)) => format!("{from} to {to}"),
    };
    (0..side.cells()).map(interval).collect()
}

/// Where bars begin and how long they are.
struct Bar {
    lo: f64,
    hi: f64,
    room: usize,
    /// Columns left of 0.
    zero: usize,
}

impl Bar {
    fn new(objectives: &[f64], room: usize) -> Self {
        let lo = objectives.iter().copied().fold(0.0, f64::min);
        let hi = objectives.iter().copied().fold(0.0, f64::max);
        let zero = if lo < hi { (share(0.0, lo, hi) * room as f64).round() as usize } else { 0 };
        Self { lo, hi, room, zero }
    }

    fn empty(&self) -> String {
        format!("{}│·", " ".repeat(self.zero))
    }

    fn drawn(&self, objective: f64, scale: &Scale) -> String {
        let end = if self.lo < self.hi { share(objective, self.lo, self.hi) * self.room as f64 } else { 0.0 };
        let length = (end.round() as usize).abs_diff(self.zero);
        let block = match scale.colours {
            Colours::None => "█".repeat(length),
            _ if length == 0 => String::new(),
            colours => colours.behind(&" ".repeat(length), viridis(scale.share(objective))),
        };
        if objective < 0.0 {
            let length = length.min(self.zero);
            return format!("{}{block}│", " ".repeat(self.zero - length));
        }
        format!("{}│{block}", " ".repeat(self.zero))
    }
}

/// The first axis to the right, the second one up.
fn squares(archive: &Archive, axes: &[AxisSettings], scale: &Scale, width: usize) -> String {
    let margin = columns(INDENTATION);
    let map_of = |labels: usize| {
        let room = width.saturating_sub(margin + labels + 2) / 2;
        let cvt = CVT_MAPS.into_iter().find(|[columns, _]| *columns <= room).unwrap_or([LEAST_COLUMNS; 2]);
        let most = match archive.tessellation() {
            samara_qd::Tessellation::Grid(_) => [room, ROWS],
            samara_qd::Tessellation::Cvt(_) | samara_qd::Tessellation::Places(_) => cvt,
        };
        Map::of(archive, axes, [0, 1], most)
    };
    let mut labels = edge_texts(&map_of(0).sides[1]);
    let mut label_width = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    if width.saturating_sub(margin + label_width + 2) / 2 < LEAST_COLUMNS {
        (labels, label_width) = (Vec::new(), 0);
    }
    let map = map_of(label_width);
    if !labels.is_empty() {
        labels = edge_texts(&map.sides[1]);
        label_width = labels.iter().map(|label| columns(label)).max().unwrap_or(0);
    }
    let mut text = format!("{INDENTATION}{}\n", clip(&named(&map.sides[1]), width - margin));
    for (row, squares) in map.rows().enumerate().collect::<Vec<_>>().into_iter().rev() {
        let label = labels.get(row).map_or("", |label| &**label);
        let squares: String = squares.iter().map(|objective| scale.square(*objective)).collect();
        text += &format!("{INDENTATION}{label:>label_width$} {squares}\n");
    }
    let (ruler, all) = ruler(&map.sides[0], margin + label_width + 1);
    text += &ruler;
    let name = named(&map.sides[0]);
    let start = (margin + label_width + 2 + 2 * map.sides[0].cells()).saturating_sub(columns(&name));
    let start = start.clamp(margin, (width.saturating_sub(columns(&name))).max(margin));
    text += &format!("{}{}\n", " ".repeat(start), clip(&name, width - start));
    let unlabelled = [(!all).then_some(0), labels.is_empty().then_some(1)].into_iter().flatten();
    let lists = unlabelled.filter(|i| map.sight == Sight::Cells && !map.sides[*i].edges.is_empty());
    text += &lists.map(|i| listed(&map.sides[i], width)).collect::<String>();
    text + &remarks(axes, &map, width) + &scale.legend(width)
}

/// The lower edge of every cell, and the upper one of the last; of categories their names.
fn edge_texts(side: &Side) -> Vec<String> {
    if let Some(names) = &side.names {
        let shown = |name: &String| clip(name, LONGEST_NAME);
        return names.iter().map(shown).chain([String::new()]).collect();
    }
    let edges: Vec<Option<f64>> = (0..=side.cells()).map(|cell| side.edge(cell)).collect();
    let mut texts = apart(&edges.iter().flatten().copied().collect::<Vec<_>>()).into_iter();
    edges.into_iter().map(|edge| edge.and_then(|_| texts.next()).unwrap_or_default()).collect()
}

/// An axis' name and range.
fn named(side: &Side) -> String {
    let Some((lo, hi)) = side.range else { return side.name.clone() };
    let ends = apart(&[lo, hi]);
    format!("{} ({} to {})", side.name, ends[0], ends[1])
}

/// Marks below the columns and the edges that fit below the marks; whether that tells all edges.
fn ruler(side: &Side, margin: usize) -> (String, bool) {
    let length = 2 * side.cells();
    let (mut marks, mut labels) = (vec!['─'; length + 1], String::new());
    let texts = edge_texts(side);
    let last = texts.last().filter(|text| !text.is_empty() && columns(text) + 1 < length);
    let end = last.map_or(length + 1, |text| length + 1 - columns(text));
    let mut shown = 0;
    let step = step(side, &texts);
    for (cell, text) in
        texts[..side.cells()].iter().enumerate().filter(|(cell, text)| !text.is_empty() && cell % step == 0)
    {
        let (at, taken) = (2 * cell, columns(&labels));
        let free = taken == 0 || at > taken;
        let fits = at + columns(text) < end || (last.is_none() && at + columns(text) <= length + 1);
        if free && fits {
            labels += &format!("{}{text}", " ".repeat(at - taken));
            marks[at] = '┴';
            shown += 1;
        }
    }
    if let Some(text) = last {
        labels += &format!("{}{text}", " ".repeat(end - columns(&labels)));
        marks[length] = '┴';
    }
    let marks: String = marks.into_iter().collect();
    let margin = " ".repeat(margin);
    // Even cells are told by some of their edges.
    let cells = side.names.as_ref().map_or(side.edges.len(), Vec::len);
    let all = side.range.is_some() && shown > 0 || shown == cells;
    (format!("{margin}{marks}\n{margin}{labels}\n"), all)
}

/// Every how many cells an edge is labelled: even cells at even distances, others wherever there is room.
fn step(side: &Side, texts: &[String]) -> usize {
    let widest = texts.iter().map(|text| columns(text)).max().unwrap_or(0);
    let least = (widest + 1).div_ceil(2).max(1);
    let even = (least..side.cells()).find(|step| side.cells().is_multiple_of(*step));
    if side.range.is_some() { even.unwrap_or(least) } else { 1 }
}

/// All edges of an axis, or the names of its cells.
fn listed(side: &Side, width: usize) -> String {
    if let Some(names) = &side.names {
        return fill(&format!("{}, in this order: {}", side.name, names.join(", ")), INDENTATION, width);
    }
    fill(&format!("edges of {}: {}", side.name, apart(&side.edges).join(", ")), INDENTATION, width)
}

/// What a reader must know beside the axes.
fn remarks(axes: &[AxisSettings], map: &Map, width: usize) -> String {
    let mut text = String::new();
    if axes.len() > 2 {
        let [x, y] = [0, 1].map(|i| &map.sides[i].name);
        let others: Vec<String> = axes[2..].iter().map(|axis| one_line(&axis.name)).collect();
        let remark =
            format!("the first two of {} axes, {x} and {y}: the best over {}", axes.len(), others.join(", "));
        text += &fill(&remark, INDENTATION, width);
    }
    text + &map.remark().map_or(String::new(), |remark| fill(&remark, INDENTATION, width))
}

#[cfg(test)]
mod tests;
