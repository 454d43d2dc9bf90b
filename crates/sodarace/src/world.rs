//! A world with one creature, which can be stepped and looked at.

use crate::body::Node;
use crate::conditions::Conditions;
use crate::constants::{MAX_MS, NODE_RADIUS, STEP, STEPS_PER_SECOND};
use crate::drive::{Clock, Drive, is_bone};
use crate::ground::Ground;
use crate::island::{Island, Solver, islands, solve_side_by_side};
use crate::joint::Joint;
use crate::law::Law;
use crate::morphology::{Morphology, place};
use crate::state::WorldState;
use crate::terrain::Terrain;
use crate::vector::vec2;
use crate::walker::{Rejection, Walker};

/// A connection of the creature as it is in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// The first joint.
    pub a: usize,
    /// The second joint.
    pub b: usize,
    /// Rigid; otherwise a muscle.
    pub bone: bool,
    /// Length at rest in metres.
    pub rest: f32,
}

/// How settling went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Steps it took.
    pub steps: u32,
    /// Whether the creature came to rest.
    pub settled: bool,
    /// For how many steps it has been slow.
    slow_steps: u32,
}

impl Settling {
    pub(crate) fn new() -> Self {
        Self { steps: 0, settled: true, slow_steps: 0 }
    }
}

/// One creature on its terrain.
///
/// What a world does depends on walker and conditions alone, to the last bit, on every platform whose `f32` arithmetic
/// is IEEE 754.
#[derive(Clone, Debug)]
pub struct World {
    state: WorldState,
    islands: Vec<Island>,
    connections: Vec<Connection>,
    drives: Vec<Drive>,
    conditions: Conditions,
    morphology: Morphology,
    lines: Vec<Vec<[f64; 2]>>,
    clock: Clock,
    /// Whether the muscles are driven: from the start under `OpenElm`, after settling under `Paper`.
    driven: bool,
    steps: u64,
    /// Time that `OpenElm` has been asked for and not yet simulated, in seconds.
    owed: f64,
    /// The centre's x when the muscles were first driven.
    start: f64,
    finite: bool,
}

impl World {
    /// Sets a walker into a world.
    ///
    /// # Errors
    /// [`Rejection`] if the walker cannot be simulated under these conditions.
    pub fn new(walker: &Walker, conditions: &Conditions) -> Result<Self, Rejection> {
        conditions.check()?;
        walker.check(conditions.law)?;
        let (places, morphology) = place(walker, conditions.law, &conditions.paper);
        let nodes: Vec<Node> =
            places.iter().map(|place| Node::new(vec2(place[0] as f32, place[1] as f32))).collect();
        if let Some(far) = nodes.iter().position(|node| !node.p.is_finite()) {
            return Err(Rejection::JointTooFar(far));
        }
        let lines = conditions.terrain.lines(morphology.width / 2.0 + f64::from(NODE_RADIUS));
        let ground = match (conditions.law, &conditions.terrain) {
            (Law::OpenElm, _) => Ground::openelm(),
            (Law::Paper, Terrain::Flat) => Ground::flat(),
            (Law::Paper, _) => Ground::polylines(&lines),
        };
        let mut world = Self {
            islands: Vec::new(),
            state: WorldState::new(nodes, Vec::new(), ground),
            connections: Vec::new(),
            drives: Vec::new(),
            conditions: conditions.clone(),
            morphology,
            lines,
            clock: Clock::new(),
            driven: conditions.law == Law::OpenElm,
            steps: 0,
            owed: 0.0,
            start: 0.0,
            finite: true,
        };
        let joints = world.connect(walker)?;
        world.islands = islands(world.state.nodes.len(), &joints);
        world.start = world.centre();
        Ok(world)
    }

    /// Makes a joint of every connection that has two ends.
    fn connect(&mut self, walker: &Walker) -> Result<Vec<Joint>, Rejection> {
        let law = self.conditions.law;
        let mut joints = Vec::with_capacity(walker.muscles.len());
        for (i, muscle) in walker.muscles.iter().enumerate().filter(|(_, muscle)| muscle.a != muscle.b) {
            let nodes = &self.state.nodes;
            let rest = (nodes[muscle.b].p - nodes[muscle.a].p).length();
            if !rest.is_finite() {
                return Err(Rejection::MuscleTooLong(i));
            }
            let (bone, index) = (is_bone(muscle, law), joints.len() as u32);
            if !bone {
                let drive = Drive::new(index, muscle, rest, law, &self.conditions.paper);
                self.drives.extend(drive.swings().then_some(drive));
            }
            joints.push(Joint::new(index, muscle.a as u32, muscle.b as u32, bone));
            self.state.lengths.push(rest);
            self.connections.push(Connection { a: muscle.a, b: muscle.b, bone, rest });
        }
        self.drives.sort_by(|a, b| a.offset.total_cmp(&b.offset));
        Ok(joints)
    }

    /// One step of 1/60 s: drive the muscles, update contacts, solve the islands, find new pairs, handle impacts. A
    /// world that [is not finite](Self::is_finite) any more stays as it is.
    pub fn step(&mut self) {
        step_side_by_side(&mut [self]);
    }

    /// What comes before the velocity iterations.
    fn begin_step(&mut self) {
        if !self.finite {
            return;
        }
        if self.driven {
            self.drive();
        }
        if self.steps == 0 {
            self.state.find_pairs();
        }
        self.state.collide();
        for island in &mut self.islands {
            island.begin(&mut self.state);
        }
    }

    /// The velocity iterations of an island, unless all of it sleeps or no island has this number.
    fn solver(&mut self, island: usize) -> Option<Solver<'_>> {
        let island = self.islands.get_mut(island).filter(|_| self.finite)?;
        island.solver(&mut self.state)
    }

    /// What comes after the velocity iterations.
    fn end_step(&mut self) {
        if !self.finite {
            return;
        }
        let may_sleep = self.conditions.law == Law::OpenElm;
        for island in &mut self.islands {
            island.finish(&mut self.state, may_sleep);
        }
        self.steps += 1;
        self.finite = self.state.is_finite();
        if self.finite {
            self.state.find_pairs();
            self.state.solve_impacts();
        }
        if self.driven {
            self.clock.end_step();
        }
    }

    /// Sets the muscles' lengths for the coming step. This wakes no node, as in Box2D.
    fn drive(&mut self) {
        self.clock.begin_step(&self.conditions.paper);
        let (mut offset, mut cosine) = (f64::NAN, f64::NAN);
        for drive in &self.drives {
            // Muscles in step stand side by side and share a cosine.
            if drive.offset != offset {
                (offset, cosine) = (drive.offset, drive.cosine(&self.clock));
            }
            self.state.lengths[drive.joint as usize] = drive.length(self.conditions.law, &self.clock, cosine);
        }
    }

    /// `Law::Paper`: lets the creature come to rest with its muscles at rest length, then starts the muscles. Under
    /// `Law::OpenElm`, and the second time, nothing happens.
    pub fn settle(&mut self) -> Settling {
        let mut settling = Settling::new();
        while self.needs_settling_step(&mut settling) {
            self.step();
        }
        settling
    }

    /// Whether the creature needs another step to come to rest, which is then counted. If not, the muscles start.
    pub(crate) fn needs_settling_step(&mut self, settling: &mut Settling) -> bool {
        if self.driven {
            return false;
        }
        if settling.steps > 0 {
            settling.slow_steps = if self.is_slow() { settling.slow_steps + 1 } else { 0 };
        }
        let paper = &self.conditions.paper;
        let calm = settling.steps >= paper.min_settling_steps && settling.slow_steps >= paper.settled_steps;
        if calm || settling.steps >= paper.max_settling_steps || !self.finite {
            settling.settled = calm;
            self.start = self.centre();
            self.driven = true;
            return false;
        }
        settling.steps += 1;
        true
    }

    /// Whether all nodes are slower than the speed that counts as settled.
    fn is_slow(&self) -> bool {
        self.state.nodes.iter().all(|node| f64::from(node.v.length()) < self.conditions.paper.settled_speed)
    }

    /// Runs for a time and says how many steps that was. `Law::Paper`: that time after settling, which happens first if
    /// it has not. `Law::OpenElm`: what OpenELM's `evaluate` does, a call of `update(350)` for every whole 350 ms, 21
    /// steps each.
    pub fn run(&mut self, ms: u32) -> u32 {
        self.settle();
        let steps = self.steps_in(ms);
        (0..steps).for_each(|_| self.step());
        steps
    }

    /// How many steps a creature that has settled makes in a time. `Law::OpenElm` keeps what is less than a step for
    /// the next call.
    pub(crate) fn steps_in(&mut self, ms: u32) -> u32 {
        let ms = ms.min(MAX_MS);
        match self.conditions.law {
            Law::OpenElm => (0..ms / 350).map(|_| self.update(350)).sum(),
            Law::Paper => paper_steps(ms),
        }
    }

    /// The steps that OpenELM's `update` makes: of four times the given time, but at most of 0.35 s.
    fn update(&mut self, ms: u32) -> u32 {
        self.owed += (f64::from(ms) * 4.0 / 1000.0).min(0.35);
        let mut steps = 0;
        while self.owed >= STEP {
            self.owed -= STEP;
            steps += 1;
        }
        steps
    }

    /// The fitness at this point, if the law gives this creature one. See [`Law`].
    #[must_use]
    pub fn fitness(&self) -> Option<f64> {
        match self.conditions.law {
            Law::OpenElm => {
                let ends = self.connections.iter().map(|connection| self.state.nodes[connection.a].p.x);
                let least = ends.reduce(f32::min)?;
                Some((f64::from(least) + self.morphology.offset_x).abs())
            }
            Law::Paper => Some(self.displacement().abs()),
        }
    }

    /// How far the centre of mass has moved to the right since the muscles were started, in metres.
    #[must_use]
    pub fn displacement(&self) -> f64 {
        self.centre() - self.start
    }

    /// The x of the centre of mass in metres: the mean over all connected nodes, whose masses are equal (0 if none is
    /// connected).
    #[must_use]
    pub fn centre(&self) -> f64 {
        let mut connected = vec![false; self.state.nodes.len()];
        for connection in &self.connections {
            connected[connection.a] = true;
            connected[connection.b] = true;
        }
        let its = self.state.nodes.iter().zip(&connected).filter(|(_, connected)| **connected);
        let (sum, count) =
            its.fold((0.0, 0_u32), |(sum, count), (node, _)| (sum + f64::from(node.p.x), count + 1));
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    }

    /// Where the nodes are, in metres, in the order of the walker's joints.
    pub fn positions(&self) -> impl ExactSizeIterator<Item = [f32; 2]> {
        self.state.nodes.iter().map(|node| [node.p.x, node.p.y])
    }

    /// The creature's connections, in order of creation; those from a joint to itself are left out.
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// Whether a joint's node sleeps, which only happens under `Law::OpenElm`.
    #[must_use]
    pub fn is_asleep(&self, joint: usize) -> bool {
        self.state.nodes.get(joint).is_some_and(|node| !node.awake)
    }

    /// Whether any node touches the ground.
    #[must_use]
    pub fn touches_ground(&self) -> bool {
        self.state.contacts.iter().any(crate::contact::Contact::touches)
    }

    /// Whether all positions and velocities are finite numbers. If not, the creature has no fitness.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.finite
    }

    /// Steps so far, settling included.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The creature's shape as it was set down.
    #[must_use]
    pub fn morphology(&self) -> &Morphology {
        &self.morphology
    }

    /// The ground's lines in metres, for drawing; solid on their right-hand side.
    #[must_use]
    pub fn ground(&self) -> &[Vec<[f64; 2]>] {
        &self.lines
    }
}

/// Steps in a simulated time, rounded to the nearest.
fn paper_steps(ms: u32) -> u32 {
    let steps = (u64::from(ms) * u64::from(STEPS_PER_SECOND) + 500) / 1000;
    u32::try_from(steps).unwrap_or(u32::MAX)
}

/// Makes one step of several worlds. Their velocity iterations, of which each is one long chain, take turns.
pub(crate) fn step_side_by_side(worlds: &mut [&mut World]) {
    worlds.iter_mut().for_each(|world| world.begin_step());
    let islands = worlds.iter().map(|world| world.islands.len()).max().unwrap_or(0);
    for island in 0..islands {
        let mut solvers: Vec<Solver<'_>> =
            worlds.iter_mut().filter_map(|world| world.solver(island)).collect();
        solve_side_by_side(&mut solvers);
    }
    worlds.iter_mut().for_each(|world| world.end_step());
}
