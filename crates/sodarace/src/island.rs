//! Islands: nodes that joints hold together, solved as one.
//!
//! Box2D 2.3.0, `b2World::Solve` (order) and `b2Island::Solve`; Catto, GDC 2006. Impulses are applied one after the
//! other, so the order of nodes, joints and contacts decides the bits.

use crate::constants::{
    BAUMGARTE, DAMPED, GRAVITY, H, MAX_TRANSLATION, POSITION_ITERATIONS, SLEEP_SPEED, SLEEP_TIME, SLOP,
};
use crate::contact::Contact;
use crate::joint::Joint;
use crate::schedule::{Schedule, by_rank};
use crate::state::WorldState;
use crate::vector::{Vec2, min, vec2};

/// A connected component of the creature. The ground does not connect: it may be in several islands.
#[derive(Clone, Debug)]
pub(crate) struct Island {
    /// Its nodes, newest first: the first that is awake is where the walk over the island begins.
    members: Vec<u32>,
    /// Where the walk began that gave the order below.
    seed: u32,
    nodes: Vec<u32>,
    joints: Vec<Joint>,
    /// The touching contacts of this step.
    contacts: Vec<u32>,
    schedule: Schedule,
    /// Whether anything of it is awake in this step.
    moves: bool,
}

/// All islands of a creature.
pub(crate) fn islands(nodes: usize, joints: &[Joint]) -> Vec<Island> {
    let mut found = vec![false; nodes];
    let mut islands = Vec::new();
    for seed in (0..nodes as u32).rev() {
        if !found[seed as usize] {
            let (order, joints) = ordered(seed, nodes, joints);
            order.iter().for_each(|node| found[*node as usize] = true);
            let mut members = order.clone();
            members.sort_unstable_by(|a, b| b.cmp(a));
            let (contacts, schedule) = (Vec::new(), Schedule::default());
            islands.push(Island { members, seed, nodes: order, joints, contacts, schedule, moves: false });
        }
    }
    islands
}

/// The nodes and joints that hang together with `seed`, in the order in which an island is solved that begins there.
/// Expects the joints in order of creation.
fn ordered(seed: u32, nodes: usize, joints: &[Joint]) -> (Vec<u32>, Vec<Joint>) {
    let (order, joint_order) = walk(seed, nodes, joints);
    let joints: Vec<Joint> = joint_order.into_iter().map(|i| joints[i as usize].clone()).collect();
    let ends: Vec<[u32; 2]> = joints.iter().map(|joint| [joint.a, joint.b]).collect();
    (order, by_rank(&ends, 1).into_iter().map(|i| joints[i as usize].clone()).collect())
}

/// Nodes and joints that hang together with `seed`, in Box2D's order: depth first, newest joints first.
fn walk(seed: u32, nodes: usize, joints: &[Joint]) -> (Vec<u32>, Vec<u32>) {
    let mut of_node = vec![Vec::new(); nodes];
    for (i, joint) in joints.iter().enumerate().rev() {
        of_node[joint.a as usize].push(i as u32);
        of_node[joint.b as usize].push(i as u32);
    }
    let (mut seen, mut taken) = (vec![false; nodes], vec![false; joints.len()]);
    let (mut order, mut joint_order, mut stack) = (Vec::new(), Vec::new(), vec![seed]);
    seen[seed as usize] = true;
    while let Some(node) = stack.pop() {
        order.push(node);
        for &i in &of_node[node as usize] {
            if std::mem::replace(&mut taken[i as usize], true) {
                continue;
            }
            joint_order.push(i);
            let joint = &joints[i as usize];
            let other = if joint.a == node { joint.b } else { joint.a };
            if !std::mem::replace(&mut seen[other as usize], true) {
                stack.push(other);
            }
        }
    }
    (order, joint_order)
}

/// The velocity iterations of an island, piece by piece.
pub(crate) struct Solver<'a> {
    work: std::slice::Iter<'a, u32>,
    joints: &'a mut [Joint],
    /// The touching ones among the contacts.
    touching: &'a [u32],
    contacts: &'a mut [Contact],
    v: &'a mut [Vec2],
}

impl Solver<'_> {
    /// Solves the next joint or contact; whether there was one. A call of its own would cost what turns gain.
    #[expect(clippy::inline_always, reason = "measured: half the rate without")]
    #[inline(always)]
    fn solve_next(&mut self) -> bool {
        let Some(&work) = self.work.next() else { return false };
        if let Some(joint) = self.joints.get_mut(work as usize) {
            joint.solve_velocity(self.v);
        } else {
            let contact = self.touching[work as usize - self.joints.len()];
            let contact = &mut self.contacts[contact as usize];
            contact.solve_velocity(&mut self.v[contact.node as usize]);
        }
        true
    }
}

/// Solves all of several islands, in turns: four as long as all have work, then the rest.
pub(crate) fn solve_side_by_side(solvers: &mut [Solver<'_>]) {
    if let [alone] = solvers {
        while alone.solve_next() {}
        return;
    }
    if let [a, b, c, d] = solvers {
        while a.solve_next() & b.solve_next() & c.solve_next() & d.solve_next() {}
    }
    while solvers.iter_mut().fold(false, |more, solver| solver.solve_next() | more) {}
}

impl Island {
    /// The step up to the velocity iterations, unless all of the island sleeps.
    pub(crate) fn begin(&mut self, state: &mut WorldState) {
        let first_awake = self.members.iter().copied().find(|node| state.nodes[*node as usize].awake);
        self.moves = first_awake.is_some();
        let Some(seed) = first_awake else {
            return;
        };
        if seed != self.seed {
            // Almost never: the whole island falls asleep at once, and a contact made in that very step wakes one node.
            self.joints.sort_unstable_by_key(|joint| joint.index);
            (self.nodes, self.joints) = ordered(seed, state.nodes.len(), &self.joints);
            self.seed = seed;
            self.schedule.clear();
        }
        self.gather_contacts(state);
        self.integrate_velocities(state);
        self.prepare(state);
    }

    /// The step from the velocity iterations on.
    pub(crate) fn finish(&mut self, state: &mut WorldState, may_sleep: bool) {
        if !self.moves {
            return;
        }
        for node in &self.nodes {
            state.nodes[*node as usize].v = state.velocities[*node as usize];
        }
        self.integrate_positions(state);
        let solved = (0..POSITION_ITERATIONS).any(|_| self.solve_positions(state));
        for node in &self.nodes {
            let node = &mut state.nodes[*node as usize];
            node.p = node.sweep.c;
        }
        if may_sleep {
            self.rest(state, solved);
        }
        for node in &self.nodes {
            state.nodes[*node as usize].synchronise();
        }
    }

    /// The touching contacts, node by node, each node's newest first; wakes the nodes.
    fn gather_contacts(&mut self, state: &mut WorldState) {
        self.contacts.clear();
        for &index in &self.nodes {
            let node = &mut state.nodes[index as usize];
            node.wake();
            if node.contacts > 0 {
                let its = state
                    .contacts
                    .iter()
                    .enumerate()
                    .rev()
                    .filter(|(_, contact)| contact.node == index && contact.enabled && contact.touches());
                self.contacts.extend(its.map(|(i, _)| i as u32));
            }
        }
        if !self.contacts.is_empty() {
            let ground = &mut state.ground;
            ground.sweep.c0 = ground.sweep.c;
            ground.p = ground.sweep.c;
        }
    }

    /// Gravity, then damping.
    fn integrate_velocities(&self, state: &mut WorldState) {
        for node in &self.nodes {
            let node = &mut state.nodes[*node as usize];
            node.sweep.c0 = node.sweep.c;
            node.v += H * vec2(0.0, GRAVITY);
            node.v = DAMPED * node.v;
        }
    }

    /// Constraints and first guesses.
    fn prepare(&mut self, state: &mut WorldState) {
        let WorldState { nodes, lengths, velocities: v, contacts, ground, .. } = state;
        self.nodes.iter().for_each(|node| v[*node as usize] = nodes[*node as usize].v);
        for contact in &self.contacts {
            let contact = &mut contacts[*contact as usize];
            contact.prepare(ground, &nodes[contact.node as usize]);
        }
        for contact in &self.contacts {
            let contact = &contacts[*contact as usize];
            contact.warm_start(&mut v[contact.node as usize]);
        }
        for joint in &mut self.joints {
            joint.prepare(nodes, lengths, v);
        }
        let contact_nodes = self.contacts.iter().map(|contact| contacts[*contact as usize].node);
        self.schedule.update(&self.joints, contact_nodes);
    }

    /// All velocity iterations, joints before contacts in each; none if all of the island sleeps.
    pub(crate) fn solver<'a>(&'a mut self, state: &'a mut WorldState) -> Option<Solver<'a>> {
        self.moves.then_some(Solver {
            work: self.schedule.work().iter(),
            joints: &mut self.joints,
            touching: &self.contacts,
            contacts: &mut state.contacts,
            v: &mut state.velocities,
        })
    }

    fn integrate_positions(&self, state: &mut WorldState) {
        for node in &self.nodes {
            let node = &mut state.nodes[*node as usize];
            node.v = bounded(node.v, H);
            node.sweep.c += H * node.v;
        }
    }

    /// One position iteration over contacts, then bones. Whether all were good enough.
    fn solve_positions(&self, state: &mut WorldState) -> bool {
        let WorldState { nodes, lengths, contacts, ground, .. } = state;
        let mut least = 0.0;
        for contact in &self.contacts {
            let contact = &contacts[*contact as usize];
            let c = &mut nodes[contact.node as usize].sweep.c;
            least = min(least, contact.solve_position(ground, c, BAUMGARTE));
        }
        let mut good = least >= -3.0 * SLOP;
        for joint in self.joints.iter().filter(|joint| joint.rigid) {
            good &= joint.solve_position(nodes, lengths);
        }
        good
    }

    /// Puts the island to sleep if all of it has been still for long enough.
    fn rest(&self, state: &mut WorldState, solved: bool) {
        let mut least = f32::MAX;
        for node in &self.nodes {
            let node = &mut state.nodes[*node as usize];
            node.still = if node.v.dot(node.v) > SLEEP_SPEED * SLEEP_SPEED { 0.0 } else { node.still + H };
            least = min(least, node.still);
        }
        if least >= SLEEP_TIME && solved {
            self.nodes.iter().for_each(|node| state.nodes[*node as usize].sleep());
        }
    }
}

/// The velocity with which a node moves no farther than allowed in a time.
pub(crate) fn bounded(v: Vec2, time: f32) -> Vec2 {
    let way = time * v;
    if way.dot(way) > MAX_TRANSLATION * MAX_TRANSLATION { (MAX_TRANSLATION / way.length()) * v } else { v }
}
