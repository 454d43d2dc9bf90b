//! Terrains: what the ground looks like around a creature.
//!
//! All but flat ground are polylines with solid ground on their right-hand side. They have a flat start around the
//! creature, `START_ROOM` wider than it on both sides, so that none begins inside a wall.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::constants::SLOP;

/// Flat ground on both sides of the creature before the terrain begins, in metres.
pub const START_ROOM: f64 = 10.0;
/// How far the ground reaches to both sides, in metres; the same as OpenELM's.
pub const REACH: f64 = 3_500.0;
/// Height of a wall, in metres.
pub const WALL_HEIGHT: f64 = 200.0;
/// Height of the ceiling of a tunnel, in metres.
pub const TUNNEL_HEIGHT: f64 = 50.0;
/// Distance from bump to bump, in metres; half of it is bump.
pub const BUMP_DISTANCE: f64 = 20.0;
/// Height of a bump, in metres: about a node's radius. The slope is 22 degrees.
pub const BUMP_HEIGHT: f64 = 2.0;
/// Distance from hilltop to hilltop, in metres.
pub const HILL_DISTANCE: f64 = 80.0;
/// Height of a hill above the valleys, in metres. The steepest slope is 17 degrees.
pub const HILL_HEIGHT: f64 = 8.0;
/// In how many straight pieces a hill is cut.
const HILL_PIECES: usize = 16;
/// The most pieces of a terrain of one's own.
pub const MAX_PIECES: usize = 10_000;

/// What the ground looks like. `Law::OpenElm` knows flat ground only.
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
    /// Triangular bumps at equal distances.
    Bumps,
    /// A wave.
    Hills,
    /// Polylines in metres, solid on their right-hand side: ground runs from left to right. The creature is set down
    /// above y = 0 around x = 0, whatever is there.
    Custom(Vec<Vec<[f64; 2]>>),
}

impl Terrain {
    /// The terrain's lines for a creature that reaches `half_width` metres to both sides of x = 0, nodes included.
    #[must_use]
    pub fn lines(&self, half_width: f64) -> Vec<Vec<[f64; 2]>> {
        let start = half_width + START_ROOM;
        let far = start + REACH;
        let up = WALL_HEIGHT;
        match self {
            Self::Flat => vec![vec![[-far, 0.0], [far, 0.0]]],
            Self::LeftWall => vec![vec![[-far, up], [-start, up], [-start, 0.0], [far, 0.0]]],
            Self::RightWall => vec![vec![[-far, 0.0], [start, 0.0], [start, up], [far, up]]],
            Self::Tunnel => {
                let (low, high) = (TUNNEL_HEIGHT, TUNNEL_HEIGHT + up);
                vec![
                    vec![[-far, 0.0], [far, 0.0]],
                    vec![[-start, high], [-start, low], [-far, low]],
                    vec![[far, low], [start, low], [start, high]],
                ]
            }
            Self::Bumps => {
                let half = BUMP_DISTANCE / 4.0;
                let bump = [[0.0, 0.0], [half, BUMP_HEIGHT], [2.0 * half, 0.0]];
                vec![both_sides(start, BUMP_DISTANCE, &bump)]
            }
            Self::Hills => vec![both_sides(start, HILL_DISTANCE, &hill())],
            Self::Custom(lines) => lines.clone(),
        }
    }

    /// What is wrong with a terrain of one's own.
    #[must_use]
    pub fn fault(&self) -> Option<&'static str> {
        let Self::Custom(lines) = self else { return None };
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

/// One hill, as points from its left foot on; the right foot is the next hill's left one.
fn hill() -> Vec<[f64; 2]> {
    let point = |i| {
        let share = i as f64 / HILL_PIECES as f64;
        let height = 0.5 * HILL_HEIGHT * (1.0 - libm::cos(2.0 * std::f64::consts::PI * share));
        [share * HILL_DISTANCE, height]
    };
    (0..HILL_PIECES).map(point).collect()
}

/// Flat ground up to `start`, then one pattern after the other, mirrored on the left.
fn both_sides(start: f64, period: f64, pattern: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let periods = (REACH / period) as usize;
    let right: Vec<[f64; 2]> = (0..periods)
        .flat_map(|i| pattern.iter().map(move |point| [start + i as f64 * period + point[0], point[1]]))
        .chain([[start + periods as f64 * period, 0.0]])
        .collect();
    let left = right.iter().rev().map(|point| [-point[0], point[1]]);
    left.chain(right.iter().copied()).collect()
}
