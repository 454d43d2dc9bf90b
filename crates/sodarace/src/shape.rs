//! Terrains in numbers: walls, tunnels, bumps and waves, each with its height, its length and the flat ground before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::terrain::{MAX_PIECES, REACH, START_ROOM};

/// In how many straight pieces a hill is cut.
const HILL_PIECES: usize = 16;
/// In how many a wave of rough ground is cut: its slopes are long.
const WAVE_PIECES: usize = 32;
/// The largest height, distance or start, in metres.
const MOST: f64 = 1_000.0;
/// The shortest wave, and the least distance between bumps, in metres.
const SHORTEST: f64 = 1.0;

/// A terrain's kind and numbers, all in metres. What is left out is as in the terrain of that name. `start` is the flat
/// ground between the creature and the terrain on each side, 0 to 1000, 10 unless set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// A wall to the left.
    LeftWall {
        /// Of the wall, above 0 to 1000. Default 200.
        #[serde(default = "wall_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// Flat ground before it. Default 10.
        #[serde(default = "start")]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
    /// A wall to the right.
    RightWall {
        /// Of the wall, above 0 to 1000. Default 200.
        #[serde(default = "wall_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// Flat ground before it. Default 10.
        #[serde(default = "start")]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
    /// A ceiling that begins on both sides.
    Tunnel {
        /// Of the ceiling above the ground, above 0 to 1000. Default 50.
        #[serde(default = "tunnel_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// Flat ground before it. Default 10.
        #[serde(default = "start")]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
    /// Triangular bumps.
    Bumps {
        /// Of a bump, above 0 to 1000. Default 2.
        #[serde(default = "bump_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// From bump to bump, half of which is bump; 1 to 1000. Default 20.
        #[serde(default = "bump_length")]
        #[schemars(range(min = 1.0, max = 1000.0))]
        length: f64,
        /// Flat ground before them. Default 10.
        #[serde(default = "start")]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
    /// A wave in 16 straight pieces each.
    Hills {
        /// From valley to top, above 0 to 1000. Default 8.
        #[serde(default = "hill_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// From top to top, 1 to 1000. Default 80.
        #[serde(default = "hill_length")]
        #[schemars(range(min = 1.0, max = 1000.0))]
        length: f64,
        /// Flat ground before it. Default 10.
        #[serde(default = "start")]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
    /// A wave in 32 straight pieces each, as high as creatures are.
    Rough {
        /// From valley to top, above 0 to 1000. Default 60.
        #[serde(default = "wave_height")]
        #[schemars(range(max = 1000.0), extend("exclusiveMinimum" = 0))]
        height: f64,
        /// From top to top, 1 to 1000. Default 150.
        #[serde(default = "wave_length")]
        #[schemars(range(min = 1.0, max = 1000.0))]
        length: f64,
        /// Flat ground before it. Default 0.
        #[serde(default)]
        #[schemars(range(min = 0.0, max = 1000.0))]
        start: f64,
    },
}

fn start() -> f64 {
    START_ROOM
}

fn wall_height() -> f64 {
    200.0
}

fn tunnel_height() -> f64 {
    50.0
}

/// About a node's radius. The slope is 22 degrees.
fn bump_height() -> f64 {
    2.0
}

fn bump_length() -> f64 {
    20.0
}

/// The steepest slope is 17 degrees.
fn hill_height() -> f64 {
    8.0
}

fn hill_length() -> f64 {
    80.0
}

/// Among walkers that go more than 10 m on flat ground, the rank correlation with their distances there is 0.56 on such
/// waves, 0.67 on waves of 200 m and 0.83 on those half as high and 200 m long (`docs/guides/sodarace.md`).
fn wave_height() -> f64 {
    60.0
}

fn wave_length() -> f64 {
    150.0
}

impl Shape {
    pub(crate) fn left_wall() -> Self {
        Self::LeftWall { height: wall_height(), start: start() }
    }

    pub(crate) fn right_wall() -> Self {
        Self::RightWall { height: wall_height(), start: start() }
    }

    pub(crate) fn tunnel() -> Self {
        Self::Tunnel { height: tunnel_height(), start: start() }
    }

    pub(crate) fn bumps() -> Self {
        Self::Bumps { height: bump_height(), length: bump_length(), start: start() }
    }

    pub(crate) fn hills() -> Self {
        Self::Hills { height: hill_height(), length: hill_length(), start: start() }
    }

    pub(crate) fn rough() -> Self {
        Self::Rough { height: wave_height(), length: wave_length(), start: 0.0 }
    }

    /// Its kind's name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::LeftWall { .. } => "left_wall",
            Self::RightWall { .. } => "right_wall",
            Self::Tunnel { .. } => "tunnel",
            Self::Bumps { .. } => "bumps",
            Self::Hills { .. } => "hills",
            Self::Rough { .. } => "rough",
        }
    }

    /// Height, length (of what repeats) and start.
    fn numbers(&self) -> (f64, Option<f64>, f64) {
        match *self {
            Self::LeftWall { height, start }
            | Self::RightWall { height, start }
            | Self::Tunnel { height, start } => (height, None, start),
            Self::Bumps { height, length, start }
            | Self::Hills { height, length, start }
            | Self::Rough { height, length, start } => (height, Some(length), start),
        }
    }

    /// What is wrong with its numbers.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let (height, length, start) = self.numbers();
        if !(height > 0.0 && height <= MOST) {
            return Some("the terrain's height is not above 0, to 1000 m at most");
        }
        if !(0.0..=MOST).contains(&start) {
            return Some("the terrain's start is not 0 to 1000 m");
        }
        if !length.is_none_or(|length| (SHORTEST..=MOST).contains(&length)) {
            return Some("the terrain's length is not 1 to 1000 m");
        }
        let points = length.map_or(0.0, |length| 2.0 * REACH / length * self.pattern().len() as f64);
        (points > MAX_PIECES as f64).then_some("the terrain has too many points: make its length greater")
    }

    /// Its lines for a creature that reaches `half_width` metres to both sides.
    pub(crate) fn lines(&self, half_width: f64) -> Vec<Vec<[f64; 2]>> {
        let (height, length, start) = self.numbers();
        let start = half_width + start;
        let far = start + REACH;
        match self {
            Self::LeftWall { .. } => {
                vec![vec![[-far, height], [-start, height], [-start, 0.0], [far, 0.0]]]
            }
            Self::RightWall { .. } => {
                vec![vec![[-far, 0.0], [start, 0.0], [start, height], [far, height]]]
            }
            Self::Tunnel { .. } => {
                let (low, high) = (height, height + wall_height());
                vec![
                    vec![[-far, 0.0], [far, 0.0]],
                    vec![[-start, high], [-start, low], [-far, low]],
                    vec![[far, low], [start, low], [start, high]],
                ]
            }
            Self::Bumps { .. } | Self::Hills { .. } | Self::Rough { .. } => {
                vec![both_sides(start, length.unwrap_or(MOST), &self.pattern())]
            }
        }
    }

    /// What repeats, as points from its left foot on; the right foot is the next one's left.
    fn pattern(&self) -> Vec<[f64; 2]> {
        match *self {
            Self::Bumps { height, length, .. } => {
                let half = length / 4.0;
                vec![[0.0, 0.0], [half, height], [2.0 * half, 0.0]]
            }
            Self::Hills { height, length, .. } => wave(height, length, HILL_PIECES),
            Self::Rough { height, length, .. } => wave(height, length, WAVE_PIECES),
            Self::LeftWall { .. } | Self::RightWall { .. } | Self::Tunnel { .. } => Vec::new(),
        }
    }
}

fn wave(height: f64, length: f64, pieces: usize) -> Vec<[f64; 2]> {
    let point = |i| {
        let share = i as f64 / pieces as f64;
        [share * length, 0.5 * height * (1.0 - libm::cos(2.0 * std::f64::consts::PI * share))]
    };
    (0..pieces).map(point).collect()
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

#[cfg(test)]
mod tests {
    use crate::Terrain;

    fn read(text: &str) -> Terrain {
        serde_json::from_str(text).expect("a terrain")
    }

    #[test]
    fn a_shape_without_numbers_is_the_terrain_of_its_name() {
        for name in ["left_wall", "right_wall", "tunnel", "bumps", "hills", "rough"] {
            let (named, shaped) = (read(&format!("\"{name}\"")), read(&format!("{{\"kind\": \"{name}\"}}")));
            assert_eq!(named.lines(31.5), shaped.lines(31.5), "{name}");
            assert_eq!((named.name(), shaped.name(), shaped.fault()), (name, name, None));
        }
    }

    #[test]
    fn numbers_are_where_they_are_said_to_be() {
        let tunnel = read(r#"{"kind": "tunnel", "height": 60, "start": 0}"#).lines(20.0);
        assert_eq!(tunnel[1], [[-20.0, 260.0], [-20.0, 60.0], [-3520.0, 60.0]]);
        let rough = read(r#"{"kind": "rough", "height": 30, "length": 200}"#).lines(20.0);
        let highest = rough[0].iter().map(|point| point[1]).fold(0.0, f64::max);
        assert_eq!(highest, 30.0);
        assert!(rough[0].contains(&[20.0, 0.0]) && rough[0].contains(&[120.0, 30.0]));
        assert!(rough[0].is_sorted_by(|a, b| a[0] < b[0]));
    }

    #[test]
    fn impossible_numbers_and_other_keys_are_refused() {
        for text in [
            r#"{"kind": "tunnel", "height": 0}"#,
            r#"{"kind": "rough", "length": 0.5}"#,
            r#"{"kind": "rough", "length": 2}"#,
            r#"{"kind": "hills", "start": -1}"#,
        ] {
            assert!(read(text).fault().is_some(), "{text}");
        }
        for text in [r#"{"kind": "tunnel", "length": 3}"#, r#"{"kind": "lake"}"#, r#""lake""#] {
            assert!(serde_json::from_str::<Terrain>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn terrains_are_written_as_they_were_read() {
        for text in [
            r#""rough""#,
            r#"{"custom":[[[0.0,0.0],[1.0,0.0]]]}"#,
            r#"{"kind":"tunnel","height":60.0,"start":10.0}"#,
        ] {
            assert_eq!(serde_json::to_string(&read(text)).expect("JSON"), text);
        }
    }
}
