//! What a walker program makes: joints and muscles, whether they are a walker, and its three measures.

/// The most that a muscle's amplitude may be.
const AMPLITUDE: f64 = 10.0;

/// How many muscles may end at a joint.
const ENDS: usize = 10;

/// Joints must be this far apart, in a walker's units.
const APART: f64 = 0.003;

/// No coordinate may be further from 0, in a walker's units.
const COORDINATE: f64 = 1000.0;

/// A connection of two joints; with neither amplitude nor phase it is a bone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Muscle {
    /// The joint at one end.
    pub from: usize,
    /// The joint at the other.
    pub to: usize,
    /// How strongly it moves.
    pub amplitude: f64,
    /// When it moves, in turns.
    pub phase: f64,
}

impl Muscle {
    /// Whether it is driven.
    pub fn is_driven(&self) -> bool {
        self.amplitude != 0.0 || self.phase != 0.0
    }
}

/// A walker.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Body {
    /// The joints' positions in a walker's units: 0.22 of a program's, with y upside down.
    pub joints: Vec<(f64, f64)>,
    /// The muscles and bones.
    pub muscles: Vec<Muscle>,
}

/// The behaviour descriptors of Sodarace, in its canvas' units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// From the highest joint to the lowest.
    pub height: f64,
    /// From the leftmost joint to the rightmost.
    pub width: f64,
    /// Joints, and half the length of all connections.
    pub mass: f64,
}

impl Body {
    /// Whether it is a walker that OpenELM's `validate` accepts and that can be simulated: joints apart, no more
    /// than ten ends at one, amplitudes of 10 at most, numbers finite and in range.
    pub fn is_valid(&self) -> bool {
        let count = self.joints.len();
        let mut ends = vec![0_usize; count];
        for muscle in &self.muscles {
            if muscle.from >= count || muscle.to >= count || muscle.amplitude > AMPLITUDE {
                return false;
            }
            if !(muscle.amplitude.is_finite() && muscle.phase.is_finite()) {
                return false;
            }
            ends[muscle.from] += 1;
            ends[muscle.to] += 1;
        }
        let placed = |(x, y): &(f64, f64)| x.abs() <= COORDINATE && y.abs() <= COORDINATE;
        count > 0 && ends.iter().all(|ends| *ends <= ENDS) && self.joints.iter().all(placed) && self.apart()
    }

    fn apart(&self) -> bool {
        self.joints.iter().enumerate().all(|(at, (x, y))| {
            let near = |(a, b): &(f64, f64)| libm::sqrt((a - x) * (a - x) + (b - y) * (b - y)) < APART;
            !self.joints[..at].iter().any(near)
        })
    }

    /// The measures; `None` without joints.
    pub fn measures(&self) -> Option<Measures> {
        // A walker's unit is 150 / 2.2 / 2.2 of the canvas wide and 200 / 2.5 / 2.5 high.
        let places: Vec<(f64, f64)> =
            self.joints.iter().map(|(x, y)| (x / 2.2 * (150.0 / 2.2), (1.0 - y) / 2.5 * 80.0)).collect();
        let range = |of: fn(&(f64, f64)) -> f64| {
            let least = places.iter().map(of).reduce(f64::min)?;
            Some(places.iter().map(of).reduce(f64::max)? - least)
        };
        let length = |muscle: &Muscle| {
            let (a, b) = (places.get(muscle.from)?, places.get(muscle.to)?);
            Some(libm::sqrt((a.0 - b.0) * (a.0 - b.0) + (a.1 - b.1) * (a.1 - b.1)))
        };
        let lengths: f64 = self.muscles.iter().filter_map(length).sum();
        Some(Measures {
            height: range(|place| place.1)?,
            width: range(|place| place.0)?,
            mass: self.joints.len() as f64 + lengths / 2.0,
        })
    }
}

impl Body {
    /// Whether every joint can be reached from every other along muscles and bones.
    pub fn is_connected(&self) -> bool {
        let mut reached = vec![false; self.joints.len()];
        let Some(first) = reached.first_mut() else { return false };
        *first = true;
        for _ in 0..self.joints.len() {
            for muscle in &self.muscles {
                let (Some(a), Some(b)) = (reached.get(muscle.from), reached.get(muscle.to)) else {
                    return false;
                };
                let either = *a || *b;
                (reached[muscle.from], reached[muscle.to]) = (either, either);
            }
        }
        reached.iter().all(|reached| *reached)
    }
}
