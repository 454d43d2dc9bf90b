//! A walk, recorded: where the joints of a creature are, frame by frame.

use samara_sodarace::{Conditions, Connection, Law, Rejection, Walker, World, constants::NODE_RADIUS};

/// Steps in a second.
pub(super) const STEPS_PER_SECOND: u32 = samara_sodarace::constants::STEPS_PER_SECOND;

/// The creature at one moment.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Seconds since its muscles were started.
    pub seconds: f64,
    /// Its joints in metres, y upwards.
    pub joints: Vec<[f64; 2]>,
    /// How far its centre of mass has moved to the right, in metres.
    pub moved: f64,
}

/// A creature's walk over its terrain.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    pub connections: Vec<Connection>,
    pub ground: Vec<Vec<[f64; 2]>>,
    /// In the order of time; at least one.
    pub frames: Vec<Frame>,
    /// The fitness at the end, if the law gives one.
    pub fitness: Option<f64>,
    /// Whether it came to rest before its muscles were started.
    pub settled: bool,
}

/// The part of the world that a walk needs, in metres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub left: f64,
    pub bottom: f64,
    pub width: f64,
    pub height: f64,
}

impl Walk {
    /// Simulates `ms` milliseconds (as [`samara_sodarace::evaluate`] counts them) and keeps `frames` frames at equal
    /// distances in time, the first and the last moment among them.
    ///
    /// # Errors
    /// If the walker can't be simulated.
    pub(super) fn record(
        walker: &Walker,
        settings: &Conditions,
        ms: u32,
        frames: u32,
    ) -> Result<Self, Rejection> {
        let mut world = World::new(walker, settings)?;
        let settled = world.settle().settled;
        let steps = match settings.law {
            Law::OpenElm => ms / 350 * 21,
            // Rounded as an evaluation rounds it.
            Law::Paper => ((u64::from(ms) * u64::from(STEPS_PER_SECOND) + 500) / 1000) as u32,
        };
        let gaps = frames.saturating_sub(1).max(1);
        let mut recorded = vec![look(&world, 0)];
        for step in 1..=steps {
            world.step();
            if !world.is_finite() {
                break;
            }
            let due = (u64::from(step) * u64::from(gaps)) / u64::from(steps);
            if due > (u64::from(step - 1) * u64::from(gaps)) / u64::from(steps) {
                recorded.push(look(&world, step));
            }
        }
        Ok(Self {
            connections: world.connections().to_vec(),
            ground: world.ground().to_vec(),
            frames: recorded,
            fitness: world.fitness().filter(|fitness| fitness.is_finite()),
            settled,
        })
    }

    /// What must be seen of the world to see the whole walk, with some room.
    pub(super) fn window(&self) -> Window {
        let radius = f64::from(NODE_RADIUS);
        let joints = || self.frames.iter().flat_map(|frame| &frame.joints);
        let least = |axis: usize| joints().map(|joint| joint[axis]).fold(f64::INFINITY, f64::min) - radius;
        let most = |axis: usize| joints().map(|joint| joint[axis]).fold(f64::NEG_INFINITY, f64::max) + radius;
        let (left, right, top) = (least(0), most(0), most(1));
        let mut bottom = least(1);
        // Ground that is not far below belongs to the picture.
        let reach = (top - bottom).max(right - left);
        let below = self.ground.iter().flatten().map(|point| point[1]).fold(f64::INFINITY, f64::min);
        if below < bottom && bottom - below < reach {
            bottom = below;
        }
        let (width, height) = (right - left, top - bottom);
        let room = 0.06 * width.max(height);
        let room = [room.min(0.3 * width), room.min(0.3 * height)];
        Window {
            left: left - room[0],
            bottom: bottom - room[1],
            width: width + 2.0 * room[0],
            height: height + 2.0 * room[1],
        }
    }
}

fn look(world: &World, step: u32) -> Frame {
    Frame {
        seconds: f64::from(step) / f64::from(STEPS_PER_SECOND),
        joints: world.positions().map(|[x, y]| [f64::from(x), f64::from(y)]).collect(),
        moved: world.displacement(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walker() -> Walker {
        let text = r#"{"joints": [[0, 0], [1, 0], [0.5, -1]], "muscles": [[0, 1, {"type": "distance", "amplitude": 0, "phase": 0}], [1, 2, {"type": "muscle", "amplitude": 8, "phase": 0.25}], [0, 2, {"type": "muscle", "amplitude": 8, "phase": 0}]]}"#;
        serde_json::from_str(text).expect("a walker")
    }

    #[test]
    fn a_walk_has_its_first_and_last_moment_and_the_fitness_of_an_evaluation() {
        let settings = Conditions::default();
        let walk = Walk::record(&walker(), &settings, 2000, 6).expect("walks");
        let seconds: Vec<f64> = walk.frames.iter().map(|frame| frame.seconds).collect();
        assert_eq!(seconds, [0.0, 0.4, 0.8, 1.2, 1.6, 2.0]);
        let evaluation = samara_sodarace::evaluate(&walker(), &settings, 2000).expect("evaluates");
        assert_eq!(walk.fitness, evaluation.fitness);
        assert_eq!(walk.frames[0].moved, 0.0);
        assert_eq!(Some(walk.frames[5].moved), evaluation.displacement);
    }

    #[test]
    fn the_window_holds_every_joint_and_the_ground_below() {
        let walk = Walk::record(&walker(), &Conditions::default(), 1000, 4).expect("walks");
        let window = walk.window();
        assert!(window.bottom < 0.0);
        for joint in walk.frames.iter().flat_map(|frame| &frame.joints) {
            assert!(joint[0] > window.left && joint[0] < window.left + window.width);
            assert!(joint[1] > window.bottom && joint[1] < window.bottom + window.height);
        }
    }
}
