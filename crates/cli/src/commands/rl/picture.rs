//! `curves.svg`: how far the samples for each condition get, over iterations.

use samara_view::svg::{Anchor, Scale, Svg, room};

use super::{curves::Row, offline::Known};

/// Pixels of the picture, and of the plot's edges in it: left, right, top, bottom.
const SIZE: (f64, f64) = (760.0, 380.0);
const EDGES: [f64; 4] = [66.0, 540.0, 46.0, 326.0];
/// Where the legend's samples and names begin.
const SAMPLES: f64 = 560.0;
const NAMES: f64 = 592.0;
/// Okabe and Ito's colours, which people of every kind of colour vision can tell apart, and dashes for print.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#222222"];
const DASHES: [&str; 3] = ["", "7 3", "2 3"];

/// The file: the mean objective of each condition's samples, a sample without one counted as 0.
pub(super) fn draw(rows: &[Row], known: &[Known]) -> String {
    let mean =
        |at: usize| rows.iter().filter_map(move |row| Some((row.iteration as f64, row.groups.get(at)?.mean)));
    let [left, right, top, bottom] = EDGES;
    let all = (0..known.len()).flat_map(|at| mean(at).map(|(_, mean)| mean)).chain([0.0]);
    let (lo, hi) = room(all);
    let last = rows.last().map_or(1.0, |row| row.iteration as f64);
    let across = Scale { lo: 0.0, hi: last.max(1.0), from: left, to: right };
    let up = Scale { lo, hi, from: bottom, to: top };
    let mut svg = Svg::new(SIZE.0, SIZE.1, "Samples of a policy over iterations");
    svg.text((left, 24.0), Anchor::Start, "policy", "font-size=\"14\" font-weight=\"bold\"");
    svg.axes(&across, &up, ["iterations", "mean objective"]);
    for (at, known) in known.iter().enumerate() {
        let (colour, dashes) = (COLOURS[at % COLOURS.len()], DASHES[(at / COLOURS.len()) % DASHES.len()]);
        let style = format!("stroke=\"{colour}\" stroke-width=\"2.2\" stroke-dasharray=\"{dashes}\"");
        let points: Vec<(f64, f64)> = mean(at).map(|(x, y)| (across.at(x), up.at(y))).collect();
        svg.line(&points, &style);
        let y = top + 24.0 * at as f64;
        svg.line(&[(SAMPLES, y), (SAMPLES + 24.0, y)], &style);
        let name = format!("{} (runs: {:.0})", known.condition, known.best);
        svg.text((NAMES, y + 4.0), Anchor::Start, &name, "");
    }
    svg.finish()
}
