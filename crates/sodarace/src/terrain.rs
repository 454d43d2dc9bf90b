//! Terrains: what the ground looks like around a creature.
//!
//! All but flat ground are polylines with solid ground on their right-hand side. They have a flat start around the
//! creature, `START_ROOM` wider than it on both sides unless told otherwise, so that none begins inside a wall. How a
//! terrain is shaped in numbers is in `shape.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::constants::SLOP;
use crate::shape::Shape;

/// Flat ground on both sides of the creature before the terrain begins, in metres.
pub const START_ROOM: f64 = 10.0;
/// How far the ground reaches to both sides, in metres; the same as OpenELM's.
pub const REACH: f64 = 3_500.0;
/// The most pieces of a terrain of one's own.
pub const MAX_PIECES: usize = 10_000;

/// What the ground looks like: a name, polylines, or a shape in numbers. `Law::OpenElm` knows flat ground only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Terrain {
    /// A plane.
    #[default]
    Flat,
    /// A plane with a wall to the left of the creature.
    #[serde(alias = "left-wall")]
    LeftWall,
    /// A plane with a wall to the right of the creature.
    #[serde(alias = "right-wall")]
    RightWall,
    /// A plane; to both sides of the creature a ceiling begins.
    Tunnel,
    /// Triangular bumps at equal distances, lower than a creature's leg.
    Bumps,
    /// A gentle wave, lower than most creatures.
    Hills,
    /// A wave as high as creatures are.
    Rough,
    /// Polylines in metres, solid on their right-hand side: ground runs from left to right. The creature is set down
    /// above y = 0 around x = 0, whatever is there.
    Custom(Vec<Vec<[f64; 2]>>),
    /// One of the kinds above in numbers of one's own, such as `{ kind = "tunnel", height = 60 }`.
    #[serde(untagged)]
    Shaped(Shape),
}

impl Terrain {
    /// Its name, such as `tunnel`; `custom` for polylines.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Custom(_) => "custom",
            other => other.shape().map_or("flat", |shape| shape.name()),
        }
    }

    /// What it looks like in numbers; `None` for flat ground and polylines.
    fn shape(&self) -> Option<Shape> {
        match self {
            Self::Flat | Self::Custom(_) => None,
            Self::LeftWall => Some(Shape::left_wall()),
            Self::RightWall => Some(Shape::right_wall()),
            Self::Tunnel => Some(Shape::tunnel()),
            Self::Bumps => Some(Shape::bumps()),
            Self::Hills => Some(Shape::hills()),
            Self::Rough => Some(Shape::rough()),
            Self::Shaped(shape) => Some(*shape),
        }
    }

    /// The terrain's lines for a creature that reaches `half_width` metres to both sides of x = 0, nodes included.
    #[must_use]
    pub fn lines(&self, half_width: f64) -> Vec<Vec<[f64; 2]>> {
        match (self, self.shape()) {
            (Self::Custom(lines), _) => lines.clone(),
            (_, Some(shape)) => shape.lines(half_width),
            (_, None) => {
                let far = half_width + START_ROOM + REACH;
                vec![vec![[-far, 0.0], [far, 0.0]]]
            }
        }
    }

    /// What is wrong with a terrain of one's own.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let lines = match self {
            Self::Custom(lines) => lines,
            Self::Shaped(shape) => return shape.fault(),
            _ => return None,
        };
        if lines.iter().map(Vec::len).sum::<usize>() > MAX_PIECES {
            return Some("the terrain has too many points");
        }
        let usable = |value: &f64| value.abs() <= 1e6;
        if !lines.iter().flatten().flatten().all(usable) {
            return Some("the terrain has a point that is not a number or farther away than 1,000 km");
        }
        let near = |pair: &[[f64; 2]]| {
            let (dx, dy) = (pair[1][0] - pair[0][0], pair[1][1] - pair[0][1]);
            (dx * dx + dy * dy).sqrt() < f64::from(SLOP)
        };
        if lines.iter().any(|line| line.windows(2).any(near)) {
            return Some("the terrain has neighbouring points closer than 5 mm");
        }
        None
    }
}
