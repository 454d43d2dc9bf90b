//! One frame of a walk as shapes in pixels: what the strip (SVG) and the film (GIF) draw alike.

use samara_sodarace::constants::NODE_RADIUS;

use super::walk::{Frame, Walk, Window};

/// A colour as red, green, blue.
pub(super) type Colour = [u8; 3];

const GROUND: Colour = [214, 207, 194];
const SURFACE: Colour = [128, 116, 96];
const BONE: Colour = [92, 104, 117];
const MUSCLE: Colour = [200, 68, 63];
const JOINT: Colour = [31, 45, 61];
const PATH: Colour = [42, 127, 186];
/// The page.
pub(super) const PAPER: Colour = [255, 255, 255];

/// Something to draw; points are pixels, y downwards.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// A filled polygon.
    Fill(Vec<(f64, f64)>, Colour),
    /// A line of this width.
    Line(Vec<(f64, f64)>, f64, Colour),
    /// A disc.
    Disc((f64, f64), f64, Colour),
}

/// From metres to pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct View {
    pub window: Window,
    /// Pixels a metre.
    pub scale: f64,
}

impl View {
    fn at(&self, [x, y]: [f64; 2]) -> (f64, f64) {
        let window = &self.window;
        ((x - window.left) * self.scale, (window.bottom + window.height - y) * self.scale)
    }

    /// Width and height in pixels.
    pub(super) fn size(&self) -> (f64, f64) {
        (self.window.width * self.scale, self.window.height * self.scale)
    }
}

/// The ground, the path of the centre of mass up to this frame, and the creature.
pub(super) fn shapes(walk: &Walk, frame: usize, view: &View) -> Vec<Shape> {
    let mut shapes = Vec::new();
    for line in &walk.ground {
        shapes.push(Shape::Fill(solid(line, view), GROUND));
        shapes.push(Shape::Line(near(line, view), 1.5, SURFACE));
    }
    let path: Vec<(f64, f64)> =
        walk.frames[..=frame].iter().map(|frame| view.at(centre(walk, frame))).collect();
    if path.len() > 1 {
        shapes.push(Shape::Line(path, 1.5, PATH));
    }
    let now = &walk.frames[frame];
    let radius = f64::from(NODE_RADIUS) * view.scale;
    for connection in &walk.connections {
        let ends = [connection.a, connection.b].map(|joint| view.at(now.joints[joint]));
        let (width, colour) = if connection.bone { (0.5, BONE) } else { (0.7, MUSCLE) };
        shapes.push(Shape::Line(ends.to_vec(), (width * radius).max(1.0), colour));
    }
    for joint in &now.joints {
        shapes.push(Shape::Disc(view.at(*joint), radius.max(1.2), JOINT));
    }
    shapes.push(Shape::Disc(view.at(centre(walk, now)), (0.6 * radius).max(2.5), PATH));
    shapes
}

/// The mean place of the joints that are connected; of all, if none is.
fn centre(walk: &Walk, frame: &Frame) -> [f64; 2] {
    let connected = |joint: usize| {
        walk.connections.iter().any(|connection| connection.a == joint || connection.b == joint)
    };
    let mut joints: Vec<[f64; 2]> =
        (0..frame.joints.len()).filter(|joint| connected(*joint)).map(|joint| frame.joints[joint]).collect();
    if joints.is_empty() {
        joints.clone_from(&frame.joints);
    }
    let mean = |axis: usize| joints.iter().map(|joint| joint[axis]).sum::<f64>() / joints.len().max(1) as f64;
    [mean(0), mean(1)]
}

/// A line's points, those far outside pulled to just outside: renderers lose precision at kilometres.
fn near(line: &[[f64; 2]], view: &View) -> Vec<(f64, f64)> {
    let window = &view.window;
    let (left, right) = (window.left - window.width, window.left + 2.0 * window.width);
    line.iter().map(|point| view.at([point[0].clamp(left, right), point[1]])).collect()
}

/// The solid side of a line, down to below the picture, or up for a ceiling (a line that runs to the left).
fn solid(line: &[[f64; 2]], view: &View) -> Vec<(f64, f64)> {
    let mut points = near(line, view);
    let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) else { return points };
    let height = view.size().1;
    let beyond = if last.0 >= first.0 { 2.0 * height } else { -height };
    points.extend([(last.0, beyond), (first.0, beyond)]);
    points
}
