//! A walk as a strip of frames: one SVG file.

use super::{
    scene::{Colour, Shape, View, shapes},
    walk::Walk,
};
use samara_view::svg::{Anchor, Svg};

/// The drawing's width in pixels; its height follows.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 16.0;
/// Between frames, and above them for the heading.
const GAP: f64 = 12.0;
const HEADING: f64 = 44.0;
/// Below each frame, for its time.
const CAPTION: f64 = 24.0;
/// The drawing's width over its height that the layout comes near to.
const ASPECT: f64 = 1.9;

/// The file.
pub(super) fn draw(walk: &Walk, heading: &str) -> String {
    let window = walk.window();
    let count = walk.frames.len();
    let columns = columns(count, window.width / window.height);
    let inner = WIDTH - 2.0 * MARGIN - GAP * (columns - 1) as f64;
    let view = View { window, scale: inner / columns as f64 / window.width };
    let (width, height) = view.size();
    let rows = count.div_ceil(columns);
    let total = HEADING + rows as f64 * (height + CAPTION + GAP) + MARGIN;
    let mut svg = Svg::new(WIDTH, total, heading);
    svg.text((MARGIN, 28.0), Anchor::Start, heading, "font-size=\"16\" font-weight=\"bold\"");
    ruler(&mut svg, &view);
    for (place, frame) in walk.frames.iter().enumerate() {
        let x = MARGIN + (place % columns) as f64 * (width + GAP);
        let y = HEADING + (place / columns) as f64 * (height + CAPTION + GAP);
        svg.clipped([x, y, width, height], |svg| {
            svg.rect([0.0, 0.0, width, height], "#f6f8fa");
            shapes(walk, place, &view).iter().for_each(|shape| add(svg, shape));
        });
        // Rounded first, so that no zero has a sign.
        let moved = (frame.moved * 10.0).round() / 10.0 + 0.0;
        let caption = format!("{:.1} s · {moved:+.1} m", frame.seconds);
        svg.text((x, y + height + 16.0), Anchor::Start, &caption, "");
    }
    svg.finish()
}

/// Frames in a row, so that the whole is shaped like a page and the last row is full if that can be.
fn columns(count: usize, aspect: f64) -> usize {
    let of = |columns: usize| {
        let frame = WIDTH / columns as f64;
        let height = count.div_ceil(columns) as f64 * (frame / aspect + CAPTION + GAP);
        let holes = (count.div_ceil(columns) * columns - count) as f64 / count as f64;
        (WIDTH / height / ASPECT).ln().abs() + holes
    };
    (1..=count).min_by(|a, b| of(*a).total_cmp(&of(*b))).unwrap_or(1)
}

/// A bar of a round length, at the upper right.
fn ruler(svg: &mut Svg, view: &View) {
    let rough = view.window.width / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let metres = [5.0, 2.0, 1.0].map(|times| times * power).into_iter().find(|length| *length <= rough);
    let metres = metres.unwrap_or(power);
    let right = WIDTH - MARGIN;
    let left = right - metres * view.scale;
    svg.line(&[(left, 32.0), (right, 32.0)], "stroke=\"#222\" stroke-width=\"3\"");
    svg.text(((left + right) / 2.0, 26.0), Anchor::Middle, &format!("{metres} m"), "");
}

fn add(svg: &mut Svg, shape: &Shape) {
    match shape {
        Shape::Fill(points, colour) => svg.shape(points, &format!("fill=\"{}\"", hex(*colour))),
        Shape::Line(points, width, colour) => {
            let style = format!(
                "stroke=\"{}\" stroke-width=\"{width:.2}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"",
                hex(*colour)
            );
            svg.line(points, &style);
        }
        Shape::Disc(centre, radius, colour) => svg.dot(*centre, *radius, &hex(*colour)),
    }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
