//! Continuous collision: nodes that would pass into the ground within a step are stopped where they touch.
//!
//! Box2D 2.3.0, `b2World::SolveTOI` and `b2Island::SolveTOI`.

use crate::body::Sweep;
use crate::constants::{
    EPSILON, H, MAX_SUBSTEPS, SLOP, TOI_BAUMGARTE, TOI_POSITION_ITERATIONS, VELOCITY_ITERATIONS,
};
use crate::contact::Contact;
use crate::island::bounded;
use crate::state::WorldState;
use crate::toi::time_of_impact;
use crate::vector::min;

impl WorldState {
    /// Handles all impacts of the step, earliest first. Bounded by the sub-steps that a contact may have.
    pub(crate) fn solve_impacts(&mut self) {
        if self.contacts.is_empty() {
            return;
        }
        self.ground.sweep.alpha0 = 0.0;
        self.nodes.iter_mut().for_each(|node| node.sweep.alpha0 = 0.0);
        for contact in &mut self.contacts {
            contact.toi = None;
            contact.substeps = 0;
        }
        while let Some((contact, alpha)) = self.next_impact() {
            if alpha > 1.0 - 10.0 * EPSILON {
                break;
            }
            if self.advance_to_impact(contact, alpha) {
                self.substep(contact, (1.0 - alpha) * H);
            }
        }
    }

    /// The contact with the earliest impact, and when it is; of several at once the newest.
    fn next_impact(&mut self) -> Option<(usize, f32)> {
        let (mut best, mut earliest) = (None, 1.0);
        for i in (0..self.contacts.len()).rev() {
            let contact = &self.contacts[i];
            if !contact.enabled || contact.substeps > MAX_SUBSTEPS {
                continue;
            }
            let alpha = match contact.toi {
                Some(alpha) => alpha,
                None if !self.nodes[contact.node as usize].awake => continue,
                None => self.impact(i),
            };
            if alpha < earliest {
                (best, earliest) = (Some((i, alpha)), alpha);
            }
        }
        best
    }

    /// When in the step a contact has its impact (1: not at all), which it remembers.
    fn impact(&mut self, i: usize) -> f32 {
        let contact = &mut self.contacts[i];
        let (ground, node) = (&mut self.ground.sweep, &mut self.nodes[contact.node as usize].sweep);
        if ground.alpha0 < node.alpha0 {
            ground.advance(node.alpha0);
        } else if node.alpha0 < ground.alpha0 {
            node.advance(ground.alpha0);
        }
        let from = ground.alpha0;
        let polygon = self.ground.pieces[contact.piece as usize].vertices();
        let alpha = match time_of_impact(polygon, &self.ground.sweep, node) {
            Some(t) => min(from + (1.0 - from) * t, 1.0),
            None => 1.0,
        };
        contact.toi = Some(alpha);
        alpha
    }

    /// Moves ground and node to the time of an impact. If they turn out not to touch, all stays as it was and the
    /// contact is out of the step.
    fn advance_to_impact(&mut self, i: usize, alpha: f32) -> bool {
        let node = self.contacts[i].node as usize;
        let saved = (self.ground.sweep, self.nodes[node].sweep);
        let advance = |sweep: &mut Sweep| {
            sweep.advance(alpha);
            sweep.c = sweep.c0;
        };
        advance(&mut self.ground.sweep);
        advance(&mut self.nodes[node].sweep);
        self.settle_positions(node);
        let contact = &mut self.contacts[i];
        contact.update(&self.ground, &mut self.nodes[node]);
        contact.toi = None;
        contact.substeps += 1;
        if contact.touches() {
            return true;
        }
        contact.enabled = false;
        (self.ground.sweep, self.nodes[node].sweep) = saved;
        self.settle_positions(node);
        false
    }

    fn settle_positions(&mut self, node: usize) {
        self.ground.p = self.ground.sweep.c;
        self.nodes[node].p = self.nodes[node].sweep.c;
    }

    /// Solves what is left of the step for the node alone: no joints take part, and its contacts' impulses are neither
    /// used nor changed.
    fn substep(&mut self, i: usize, time: f32) {
        let node = self.contacts[i].node;
        self.nodes[node as usize].wake();
        let mut contacts = self.touching_contacts(i);
        let (ground, moving) = (&mut self.ground, &mut self.nodes[node as usize]);
        for _ in 0..TOI_POSITION_ITERATIONS {
            let mut least = 0.0;
            for contact in &contacts {
                least = min(least, contact.solve_position(ground, &mut moving.sweep.c, TOI_BAUMGARTE));
            }
            if least >= -1.5 * SLOP {
                break;
            }
        }
        moving.sweep.c0 = moving.sweep.c;
        ground.sweep.c0 = ground.sweep.c;
        for contact in &mut contacts {
            contact.prepare(ground, moving);
        }
        for _ in 0..VELOCITY_ITERATIONS {
            for contact in &mut contacts {
                contact.solve_velocity(&mut moving.v);
            }
        }
        moving.v = bounded(moving.v, time);
        moving.sweep.c += time * moving.v;
        moving.p = moving.sweep.c;
        moving.synchronise();
        self.contacts
            .iter_mut()
            .filter(|contact| contact.node == node)
            .for_each(|contact| contact.toi = None);
        self.find_pairs();
    }

    /// Copies, without impulses, of the contact with the impact and of all others of its node that touch now.
    fn touching_contacts(&mut self, impact: usize) -> Vec<Contact> {
        let Self { nodes, contacts, ground, .. } = self;
        let node = contacts[impact].node;
        let mut touching = vec![contacts[impact].without_impulses()];
        if nodes[node as usize].contacts > 1 {
            for (i, contact) in contacts.iter_mut().enumerate().rev() {
                if i != impact && contact.node == node {
                    contact.update(ground, &mut nodes[node as usize]);
                    if contact.touches() {
                        touching.push(contact.without_impulses());
                    }
                }
            }
        }
        touching
    }
}
