//! Curves over candidates or whatever else a run goes on in, as drawings for a page: lines with bands, and counts on top of each other.

use crate::{
    numbers::apart,
    svg::{Anchor, Scale, Svg, room},
};

/// Pixels of a drawing, and of the plot's edges in it: left, right, top, bottom.
const WIDTH: f64 = 372.0;
const HEIGHT: f64 = 200.0;
const EDGES: [f64; 4] = [58.0, 360.0, 10.0, 164.0];

/// Okabe and Ito's colours, which people of every kind of colour vision can tell apart, as the page's style names them for
/// light and dark; and dashes, for print without colours.
pub const LOOKS: [(&str, &str); 7] = [
    ("var(--c0)", ""),
    ("var(--c1)", "7 3"),
    ("var(--c2)", "2 2"),
    ("var(--c3)", "9 3 2 3"),
    ("var(--c4)", "4 2"),
    ("var(--c5)", "12 3"),
    ("var(--c6)", "6 2 2 2 2 2"),
];

/// The look of the curve at this place.
pub fn look(place: usize) -> (&'static str, &'static str) {
    LOOKS[place % LOOKS.len()]
}

/// A curve.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// How far, mostly in candidates, and the value, in their order.
    pub points: Vec<(f64, f64)>,
    /// Candidates with the lowest and the highest value around the curve; empty without a band.
    pub band: Vec<(f64, f64, f64)>,
    /// Which of the looks it has.
    pub look: usize,
}

/// What a chart is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// What screen readers say.
    pub label: &'a str,
    /// Values are parts of a whole, and shown in percent.
    pub percent: bool,
    /// The axis begins at 0.
    pub from_zero: bool,
    /// What it goes over.
    pub across: Across,
}

/// What a chart goes over, from 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Across {
    /// How far.
    pub last: f64,
    /// In what, as it stands below the axis.
    pub unit: &'static str,
    /// Whether there is nothing between whole numbers.
    pub whole: bool,
}

impl Across {
    /// So many candidates.
    pub fn candidates(count: u64) -> Self {
        Self { last: count as f64, unit: "candidates", whole: true }
    }
}

/// Curves over what the chart goes over.
pub fn curves(about: About<'_>, curves: &[Curve]) -> Svg {
    let values = curves.iter().flat_map(|curve| {
        let band = curve.band.iter().flat_map(|(_, low, high)| [*low, *high]);
        curve.points.iter().map(|(_, y)| *y).chain(band)
    });
    let scaled = if about.percent { 100.0 } else { 1.0 };
    let (mut lo, mut hi) = room(values.map(|y| y * scaled));
    if about.from_zero {
        lo = lo.clamp(f64::MIN, 0.0).max(if about.percent { 0.0 } else { f64::MIN });
    }
    if about.percent {
        (lo, hi) = (lo.max(0.0), if hi > 90.0 { 100.0 } else { hi });
    }
    let (mut svg, across, up) = frame(about.label, about.across, (lo, hi));
    let at = |x: f64, y: f64| (across.at(x), up.at(y * scaled));
    for curve in curves.iter().filter(|curve| curve.band.len() > 1) {
        let upper = curve.band.iter().map(|(x, _, high)| at(*x, *high));
        let lower = curve.band.iter().rev().map(|(x, low, _)| at(*x, *low));
        let style = format!("fill=\"{}\" fill-opacity=\"0.18\"", look(curve.look).0);
        svg.shape(&upper.chain(lower).collect::<Vec<_>>(), &style);
    }
    for curve in curves {
        let points: Vec<(f64, f64)> = curve.points.iter().map(|(x, y)| at(*x, *y)).collect();
        let (colour, dashes) = look(curve.look);
        let style = format!(
            "stroke=\"{colour}\" stroke-width=\"1.8\" stroke-linejoin=\"round\" stroke-dasharray=\"{dashes}\""
        );
        match points[..] {
            [] => {}
            [point] => svg.dot(point, 2.5, colour),
            _ => svg.line(&points, &style),
        }
    }
    if curves.iter().all(|curve| curve.points.is_empty()) {
        nothing(&mut svg);
    }
    svg
}

/// Counts on top of each other: of every part its look's colour and its counts, one for each of `xs`.
pub fn stacked(label: &str, across: Across, xs: &[f64], parts: &[(&'static str, Vec<f64>)]) -> Svg {
    let total = |i: usize| parts.iter().map(|(_, counts)| counts[i]).sum::<f64>();
    let highest = (0..xs.len()).map(total).fold(1.0, f64::max);
    let (mut svg, across, up) = frame(label, across, (0.0, highest));
    let mut below = vec![0.0; xs.len()];
    for (colour, counts) in parts {
        let above: Vec<f64> = below.iter().zip(counts).map(|(below, count)| below + count).collect();
        let edge = |heights: &[f64]| -> Vec<(f64, f64)> {
            // From nothing at no candidate.
            let begin = (across.at(0.0), up.at(0.0));
            let points = xs.iter().zip(heights).map(|(x, y)| (across.at(*x), up.at(*y)));
            std::iter::once(begin).chain(points).collect()
        };
        let points: Vec<(f64, f64)> =
            edge(&above).into_iter().chain(edge(&below).into_iter().rev()).collect();
        if counts.iter().any(|count| *count > 0.0) {
            svg.shape(&points, &format!("fill=\"{colour}\""));
        }
        below = above;
    }
    if xs.is_empty() {
        nothing(&mut svg);
    }
    svg
}

/// The axes, with the scales of what lies between them.
fn frame(label: &str, over: Across, (lo, hi): (f64, f64)) -> (Svg, Scale, Scale) {
    let [left, right, top, bottom] = EDGES;
    let mut svg = Svg::on_page(WIDTH, HEIGHT, label);
    let least = if over.whole { 1.0 } else { f64::MIN_POSITIVE };
    let hi_across = if over.last > 0.0 { over.last.max(least) } else { 1.0 };
    let across = Scale { lo: 0.0, hi: hi_across, from: left, to: right };
    let up = Scale { lo, hi, from: bottom, to: top };
    let inks = svg.inks();
    let rule = format!("stroke=\"{}\"", inks.rule);
    let faint = format!("fill=\"{}\"", inks.faint);
    for (tick, text) in short(up.ticks(4)) {
        svg.line(&[(left, up.at(tick)), (right, up.at(tick))], &rule);
        svg.text((left - 6.0, up.at(tick) + 4.0), Anchor::End, &text, &faint);
    }
    let whole = across.ticks(4).into_iter().filter(|(tick, _)| !over.whole || tick.fract() == 0.0);
    for (tick, text) in short(whole.collect()) {
        let x = across.at(tick);
        svg.line(&[(x, bottom), (x, bottom + 4.0)], &format!("stroke=\"{}\"", inks.ink));
        // The last one stays inside the drawing.
        let anchor = if x > right - 12.0 { Anchor::End } else { Anchor::Middle };
        svg.text((if anchor == Anchor::End { right + 8.0 } else { x }, bottom + 16.0), anchor, &text, &faint);
    }
    svg.line(&[(left, bottom), (right, bottom)], &format!("stroke=\"{}\"", inks.ink));
    svg.text((right, HEIGHT - 4.0), Anchor::End, over.unit, &faint);
    (svg, across, up)
}

/// Large values in thousands, millions or billions, which have room beside an axis.
fn short(ticks: Vec<(f64, String)>) -> Vec<(f64, String)> {
    let largest = ticks.iter().map(|(tick, _)| tick.abs()).fold(0.0, f64::max);
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    let Some((unit, letter)) = units.into_iter().find(|(unit, _)| largest >= 10.0 * unit && largest < 1e13)
    else {
        return ticks;
    };
    let values: Vec<f64> = ticks.iter().map(|(tick, _)| tick / unit).collect();
    let texts = apart(&values).into_iter().zip(&values);
    let told = texts.map(|(text, value)| if *value == 0.0 { text } else { format!("{text}{letter}") });
    ticks.iter().map(|(tick, _)| *tick).zip(told).collect()
}

fn nothing(svg: &mut Svg) {
    let [left, right, top, bottom] = EDGES;
    let style = format!("fill=\"{}\"", svg.inks().faint);
    let middle = (f64::midpoint(left, right), f64::midpoint(top, bottom));
    svg.text(middle, Anchor::Middle, "nothing yet", &style);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: About<'static> = About {
        label: "QD score",
        percent: false,
        from_zero: false,
        across: Across { last: 10.0, unit: "candidates", whole: true },
    };

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve { points: points.to_vec(), ..Curve::default() }
    }

    #[test]
    fn curves_have_axes_bands_and_the_looks_of_the_page() {
        let band = vec![(1.0, 0.5, 1.5), (10.0, 2.0, 4.0)];
        let two = [
            Curve { band, ..curve(&[(1.0, 1.0), (10.0, 3.0)]) },
            Curve { look: 1, ..curve(&[(1.0, 2.0), (10.0, 2.5)]) },
        ];
        insta::assert_snapshot!(curves(ABOUT, &two).finish());
    }

    #[test]
    fn a_chart_of_any_numbers_is_a_chart() {
        for points in
            [&[][..], &[(1.0, 0.0)], &[(1.0, -f64::MAX), (1e15, f64::MAX)], &[(1.0, 5e-324), (2.0, 0.0)]]
        {
            for about in [ABOUT, About { percent: true, ..ABOUT }, About { from_zero: true, ..ABOUT }] {
                let points: Vec<_> = points
                    .iter()
                    .map(|(x, y)| (*x, if about.percent { y.clamp(0.0, 1.0) } else { *y }))
                    .collect();
                let file = curves(about, &[curve(&points)]).finish();
                assert!(!file.contains("NaN") && !file.contains("inf"), "{file}");
                assert_eq!(file.contains("nothing yet"), points.is_empty());
            }
        }
    }

    #[test]
    fn large_values_are_told_in_thousands() {
        let texts = |ticks: &[f64]| {
            let ticks = ticks.iter().map(|tick| (*tick, tick.to_string())).collect();
            short(ticks).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(&[-145_000.0, -150_000.0, 0.0]), "-145k -150k 0");
        assert_eq!(texts(&[0.0, 25_000_000.0, 50_000_000.0]), "0 25M 50M");
        assert_eq!(texts(&[0.0, 2000.0]), "0 2000");
    }

    #[test]
    fn counts_lie_on_top_of_each_other() {
        let parts = [("red", vec![1.0, 2.0]), ("blue", vec![0.0, 0.0]), ("green", vec![1.0, 2.0])];
        let file = stacked("fates", Across::candidates(4), &[2.0, 4.0], &parts).finish();
        assert_eq!(file.matches("<polygon").count(), 2);
        // All candidates reach the top at the end.
        assert!(file.contains("58,164 209,87 360,10 360,87 209,125.5 58,164"), "{file}");
        assert!(stacked("fates", Across::candidates(0), &[], &[]).finish().contains("nothing yet"));
    }
}
