//! `losses.svg`: the losses over steps.

use samara_view::{
    numbers::number,
    svg::{Anchor, Scale, Svg, room},
};

use crate::commands::model::Row;

/// Pixels of the picture, and of the plot's edges in it: left, right, top, bottom.
const SIZE: (f64, f64) = (760.0, 380.0);
const EDGES: [f64; 4] = [66.0, 560.0, 46.0, 326.0];
/// Where the legend's samples and names begin.
const SAMPLES: f64 = 584.0;
const NAMES: f64 = 616.0;
/// Okabe and Ito's colours, which people of every kind of colour vision can tell apart, and dashes for print.
const LOOKS: [(&str, &str); 3] = [("#999999", ""), ("#0072b2", ""), ("#d55e00", "7 3")];
const WIDTHS: [&str; 3] = ["1.2", "2.4", "2.0"];

/// The file: losses of batches, of held-out samples and of the model's own corpus, with the step whose weights are kept.
pub(super) fn draw(rows: &[Row], before: (f64, f64), kept: u64) -> String {
    let measured: Vec<(f64, (f64, f64))> = std::iter::once((0.0, before))
        .chain(rows.iter().filter_map(|row| Some((row.step as f64, row.held_out?))))
        .collect();
    let curves: [(&str, Vec<(f64, f64)>); 3] = [
        ("batches", rows.iter().map(|row| (row.step as f64, row.loss)).collect()),
        ("held-out samples", measured.iter().map(|(step, (samples, _))| (*step, *samples)).collect()),
        ("its own corpus", measured.iter().map(|(step, (_, corpus))| (*step, *corpus)).collect()),
    ];
    let [left, right, top, bottom] = EDGES;
    let (lo, hi) = room(curves.iter().flat_map(|(_, points)| points.iter().map(|(_, loss)| *loss)));
    let last = rows.last().map_or(1.0, |row| row.step as f64);
    let across = Scale { lo: 0.0, hi: last.max(1.0), from: left, to: right };
    let up = Scale { lo, hi, from: bottom, to: top };
    let mut svg = Svg::new(SIZE.0, SIZE.1, "Losses of a finetuning");
    svg.text((left, 24.0), Anchor::Start, "finetuning", "font-size=\"14\" font-weight=\"bold\"");
    svg.axes(&across, &up, ["steps", "loss, nats a token"]);
    let kept = across.at(kept as f64);
    svg.line(&[(kept, top), (kept, bottom)], "stroke=\"#222\" stroke-dasharray=\"2 3\"");
    for (place, (name, points)) in curves.iter().enumerate() {
        let ((colour, dashes), width) = (LOOKS[place], WIDTHS[place]);
        let style = format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dashes}\"");
        let points: Vec<(f64, f64)> = points.iter().map(|(x, y)| (across.at(*x), up.at(*y))).collect();
        svg.line(&points, &style);
        let y = top + 24.0 * place as f64;
        svg.line(&[(SAMPLES, y), (SAMPLES + 24.0, y)], &style);
        svg.text((NAMES, y + 4.0), Anchor::Start, name, "");
    }
    let y = top + 24.0 * curves.len() as f64;
    svg.line(&[(SAMPLES, y), (SAMPLES + 24.0, y)], "stroke=\"#222\" stroke-dasharray=\"2 3\"");
    svg.text((NAMES, y + 4.0), Anchor::Start, &format!("kept, from {}", number(before.0)), "");
    svg.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_every_curve_and_the_step_that_is_kept() {
        let row = |step| Row {
            step,
            tokens: step * 100,
            loss: 1.0 / step as f64,
            norm: 1.0,
            held_out: step.is_multiple_of(2).then_some((0.5, 0.25)),
        };
        let svg = draw(&(1..=6).map(row).collect::<Vec<_>>(), (1.0, 0.2), 4);
        for name in ["batches", "held-out samples", "its own corpus", "kept"] {
            assert!(svg.contains(name), "{name}");
        }
    }
}
