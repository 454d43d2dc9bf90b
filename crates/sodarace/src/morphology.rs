//! From walker coordinates to the world: scale, placement, and the measures of a creature's shape.

use serde::{Deserialize, Serialize};

use crate::constants::{CANVAS, NODE_RADIUS, Paper};
use crate::law::Law;
use crate::walker::{Rejection, Walker};

/// Width and height of one walker unit in the world, times the divisors of [`scaled`].
const SCALE: [f64; 2] = [CANVAS[0] / 2.2, CANVAS[1] / 2.5];

/// The shape of a creature as it is set into the world.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Morphology {
    /// Width in metres. Under `Law::OpenElm` extremes start from the canvas (x 0 to 150, y 0 to 200), not from the
    /// data.
    pub width: f64,
    /// Height in metres.
    pub height: f64,
    /// The least scaled x.
    pub start_x: f64,
    /// The least scaled y.
    pub start_y: f64,
    /// What is added to a scaled x to place it in the world.
    pub offset_x: f64,
    /// What is added to a scaled y to place it in the world.
    pub offset_y: f64,
    /// Joints plus half the length of all connections: a measure of the shape, no kilograms.
    pub mass: f64,
}

/// The shape of a walker under a law, with the default clearance.
///
/// # Errors
/// [`Rejection`] if the walker cannot be simulated.
pub fn morphology(walker: &Walker, law: Law) -> Result<Morphology, Rejection> {
    walker.check(law)?;
    Ok(place(walker, law, &Paper::DEFAULT).1)
}

/// A joint's coordinates in world units; y is flipped.
fn scaled(joint: [f64; 2]) -> [f64; 2] {
    [(joint[0] / 2.2) * SCALE[0], ((1.0 - joint[1]) / 2.5) * SCALE[1]]
}

/// The nodes' places in the world, and the shape. Expects a checked walker.
pub(crate) fn place(walker: &Walker, law: Law, paper: &Paper) -> (Vec<[f64; 2]>, Morphology) {
    let points: Vec<[f64; 2]> = walker.joints.iter().map(|joint| scaled(*joint)).collect();
    // OpenELM's extremes start from the canvas, whatever the creature looks like.
    let (mut least, mut most) = match law {
        Law::OpenElm => (CANVAS, [0.0; 2]),
        Law::Paper => ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]),
    };
    for point in &points {
        for axis in 0..2 {
            least[axis] = least[axis].min(point[axis]);
            most[axis] = most[axis].max(point[axis]);
        }
    }
    let half = [0, 1].map(|axis| (most[axis] - least[axis]) / 2.0);
    // What is added once a point is relative to the least corner: OpenELM centres on the canvas, the corrected law
    // centres on x = 0 and sets down on y = 0.
    let shift = match law {
        Law::OpenElm => [CANVAS[0] / 2.0, CANVAS[1] / 2.0],
        Law::Paper => [0.0, f64::from(NODE_RADIUS) + paper.clearance],
    };
    let back = match law {
        Law::OpenElm => half,
        Law::Paper => [half[0], 0.0],
    };
    let placed: Vec<[f64; 2]> =
        points.iter().map(|point| [0, 1].map(|i| ((point[i] - least[i]) + shift[i]) - back[i])).collect();
    let empty = points.is_empty();
    let offset = [0, 1].map(|i| if empty { 0.0 } else { (-least[i] + shift[i]) - back[i] });
    let shape = Morphology {
        width: most[0] - least[0],
        height: most[1] - least[1],
        start_x: least[0],
        start_y: least[1],
        offset_x: offset[0],
        offset_y: offset[1],
        mass: walker.joints.len() as f64 + total_length(walker, &placed) / 2.0,
    };
    (placed, shape)
}

/// The summed length of all connections, in list order.
fn total_length(walker: &Walker, placed: &[[f64; 2]]) -> f64 {
    let mut sum = 0.0;
    for muscle in walker.muscles.iter().filter(|muscle| muscle.a != muscle.b) {
        let (a, b) = (placed[muscle.a], placed[muscle.b]);
        let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
        sum += (dx * dx + dy * dy).sqrt();
    }
    sum
}
