//! The physical state of a world beside its joints: bodies, lengths and contacts, and how contacts come and go.
//!
//! Box2D 2.3.0, `b2ContactManager`.

use crate::body::Node;
use crate::contact::Contact;
use crate::ground::Ground;
use crate::vector::Vec2;

#[derive(Clone, Debug)]
pub(crate) struct WorldState {
    pub nodes: Vec<Node>,
    /// What the joints strive for, in order of creation.
    pub lengths: Vec<f32>,
    /// The solver's velocities of the nodes, side by side (kept for its memory).
    pub velocities: Vec<Vec2>,
    /// In order of creation; Box2D walks them from the newest.
    pub contacts: Vec<Contact>,
    pub ground: Ground,
    /// Pairs that were just found (kept for its memory).
    found: Vec<(u32, u32)>,
}

impl WorldState {
    pub(crate) fn new(nodes: Vec<Node>, lengths: Vec<f32>, ground: Ground) -> Self {
        let velocities = vec![Vec2::ZERO; nodes.len()];
        Self { nodes, lengths, velocities, contacts: Vec::new(), ground, found: Vec::new() }
    }

    /// Makes a contact of each new pair of a piece and a node whose boxes overlap. The new pairs come in the order of
    /// the pieces, then of the nodes.
    pub(crate) fn find_pairs(&mut self) {
        let mut found = std::mem::take(&mut self.found);
        for (i, node) in self.nodes.iter_mut().enumerate() {
            if !std::mem::replace(&mut node.moved, false) {
                continue;
            }
            let i = i as u32;
            for piece in self.ground.near(&node.fat) {
                let known = self.contacts.iter().any(|contact| contact.node == i && contact.piece == piece);
                if !known {
                    found.push((piece, i));
                }
            }
        }
        found.sort_unstable();
        for (piece, node) in found.drain(..) {
            self.contacts.push(Contact::new(piece, node));
            let node = &mut self.nodes[node as usize];
            node.contacts += 1;
            node.wake();
        }
        self.found = found;
    }

    /// Ends the contacts whose boxes have parted, and computes the others anew.
    pub(crate) fn collide(&mut self) {
        let Self { nodes, contacts, ground, .. } = self;
        let mut i = contacts.len();
        while i > 0 {
            i -= 1;
            let contact = &mut contacts[i];
            let node = &mut nodes[contact.node as usize];
            if !node.awake {
                continue;
            }
            if node.fat.overlaps(&ground.pieces[contact.piece as usize].fat) {
                contact.update(ground, node);
            } else {
                node.contacts -= 1;
                contacts.remove(i);
            }
        }
    }

    /// Whether every position and velocity is a finite number.
    pub(crate) fn is_finite(&self) -> bool {
        self.nodes.iter().all(|node| node.p.is_finite() && node.v.is_finite())
    }
}
