//! The picture of a comparison: the QD score over candidates with its band for each strategy, and beside it the
//! final values, which are the legend too.

use samara_search::{Interval, Strategy};
use samara_view::{
    numbers::column,
    svg::{Anchor, Scale, Svg, room},
};

use super::report::{Found, Report};

/// Where the curves are, in pixels: left, right, top, bottom.
const CURVES: [f64; 4] = [72.0, 590.0, 48.0, 400.0];
/// Where the final values are.
const FINALS: [f64; 2] = [790.0, 950.0];
/// Where the legend's samples and names begin.
const SAMPLES: f64 = 620.0;
const NAMES: f64 = 656.0;
const SIZE: (f64, f64) = (1030.0, 452.0);

/// Okabe and Ito's colours, which people of every kind of colour vision can tell apart, and dashes for print without
/// colours.
fn look(strategy: &Strategy) -> (&'static str, &'static str) {
    match strategy.name() {
        "qdaif" => ("#0072b2", ""),
        "lmx_quality_only" => ("#d55e00", "8 3"),
        "shuffling_few_shot" => ("#cc79a7", "6 3 2 3"),
        "random_search" => ("#e69f00", "3 2"),
        "lmx_nsaif" => ("#009e73", "12 3"),
        "lmx_rouge_l" => ("#56b4e9", "10 3 2 3"),
        "fresh" => ("#999999", "4 2 1 2"),
        _ => ("#000000", "2 3"),
    }
}

fn stroke(strategy: &Strategy) -> String {
    let (colour, dashes) = look(strategy);
    let width = if *strategy == Strategy::Qdaif { "2.4" } else { "1.7" };
    format!(
        "stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" stroke-dasharray=\"{dashes}\""
    )
}

/// The file.
pub(crate) fn draw(report: &Report) -> String {
    let mut svg = Svg::new(SIZE.0, SIZE.1, &format!("QD score of strategies on {}", report.experiment));
    let seeds = report.seeds.len();
    let band = if seeds > 1 { ", mean and 95 % bootstrap interval" } else { "" };
    let runs = if seeds > 1 { format!("{seeds} seeds") } else { "1 seed".to_owned() };
    let heading = format!("{}: {runs}{band}", report.experiment);
    svg.text((CURVES[0], 26.0), Anchor::Start, &heading, "font-size=\"14\" font-weight=\"bold\"");
    curves(&mut svg, report);
    finals(&mut svg, report);
    svg.finish()
}

fn curves(svg: &mut Svg, report: &Report) {
    let [left, right, top, bottom] = CURVES;
    let ends = |interval: &Interval| [interval.low, interval.high];
    let (lo, hi) =
        room(report.strategies.iter().flat_map(|found| found.curves.qd_score.iter().flat_map(ends)));
    let across = Scale { lo: 0.0, hi: report.total_steps as f64, from: left, to: right };
    let up = Scale { lo, hi, from: bottom, to: top };
    svg.axes(&across, &up, ["candidates", "QD score"]);
    // Ours last, so that it lies on top; bands below all lines.
    let ordered = || report.strategies.iter().rev();
    let at = |i: usize, value: f64| (across.at(report.steps[i] as f64), up.at(value));
    for found in ordered().filter(|_| report.seeds.len() > 1) {
        let band = &found.curves.qd_score;
        let upper = band.iter().enumerate().map(|(i, interval)| at(i, interval.high));
        let lower = band.iter().enumerate().rev().map(|(i, interval)| at(i, interval.low));
        let style = format!("fill=\"{}\" fill-opacity=\"0.14\"", look(&found.strategy).0);
        svg.shape(&upper.chain(lower).collect::<Vec<_>>(), &style);
    }
    for found in ordered() {
        let points: Vec<(f64, f64)> =
            found.curves.qd_score.iter().enumerate().map(|(i, interval)| at(i, interval.mean)).collect();
        svg.line(&points, &stroke(&found.strategy));
    }
}

/// A row a strategy: a sample of its line, its name, its final interval and mean.
fn finals(svg: &mut Svg, report: &Report) {
    let [_, _, top, bottom] = CURVES;
    let values = report.strategies.iter().flat_map(|found| [found.qd_score.low, found.qd_score.high]);
    let (lo, hi) = room(values);
    let across = Scale { lo, hi, from: FINALS[0], to: FINALS[1] };
    let middle = (FINALS[0] + FINALS[1]) / 2.0;
    for (tick, text) in across.ticks(3) {
        svg.line(&[(across.at(tick), top), (across.at(tick), bottom)], "stroke=\"#e4e4e4\"");
        svg.text((across.at(tick), bottom + 18.0), Anchor::Middle, &text, "");
    }
    svg.line(&[(FINALS[0], bottom), (FINALS[1], bottom)], "stroke=\"#222\"");
    svg.text((middle, bottom + 40.0), Anchor::Middle, "final QD score", "");
    let row = ((bottom - top) / report.strategies.len() as f64).min(50.0);
    let means = column(&report.strategies.iter().map(|found| found.qd_score.mean).collect::<Vec<_>>());
    for (i, (found, mean)) in report.strategies.iter().zip(means).enumerate() {
        let y = top + row * (i as f64 + 0.5);
        finals_row(svg, (found, &mean), &across, y);
    }
}

fn finals_row(svg: &mut Svg, (found, told): (&Found, &str), across: &Scale, y: f64) {
    let (colour, _) = look(&found.strategy);
    let bold = if found.strategy == Strategy::Qdaif { "font-weight=\"bold\"" } else { "" };
    svg.line(&[(SAMPLES, y), (SAMPLES + 30.0, y)], &stroke(&found.strategy));
    svg.text((NAMES, y + 4.0), Anchor::Start, found.strategy.name(), bold);
    let Interval { mean, low, high } = found.qd_score;
    let style = format!("stroke=\"{colour}\" stroke-width=\"2\"");
    svg.line(&[(across.at(low), y), (across.at(high), y)], &style);
    svg.dot((across.at(mean), y), 4.0, colour);
    svg.text((FINALS[1] + 12.0, y + 4.0), Anchor::Start, told, bold);
}
