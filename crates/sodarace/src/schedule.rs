//! Another order of an island's work with the same results to the last bit, which keeps a processor busier.
//!
//! A joint reads and writes the velocities of its two nodes only, a contact those of one. So whatever has no node in
//! common may change places, even across iterations, as long as each node sees its joints and contacts in the solver's
//! order. In Box2D's order nearly every joint waits for the one before it. Here each piece of work stands in the first
//! rank behind all that it has to wait for, and within a rank none waits for another.

use crate::constants::VELOCITY_ITERATIONS;
use crate::joint::Joint;

/// The work of all velocity iterations of an island.
#[derive(Clone, Debug, Default)]
pub(crate) struct Schedule {
    /// Numbers of joints, and from the number of joints on, of contacts.
    work: Vec<u32>,
    /// The nodes of the contacts for which this holds.
    contact_nodes: Vec<u32>,
}

impl Schedule {
    /// Computes the work for these joints and these nodes' contacts, if the contacts have changed.
    pub(crate) fn update(&mut self, joints: &[Joint], contact_nodes: impl Iterator<Item = u32> + Clone) {
        if self.work.is_empty() || !self.contact_nodes.iter().copied().eq(contact_nodes.clone()) {
            self.contact_nodes.clear();
            self.contact_nodes.extend(contact_nodes);
            let contacts = self.contact_nodes.iter().map(|node| [*node; 2]);
            let once: Vec<[u32; 2]> = joints.iter().map(|joint| [joint.a, joint.b]).chain(contacts).collect();
            self.work = by_rank(&once, VELOCITY_ITERATIONS);
        }
    }

    /// The work that was computed last.
    pub(crate) fn work(&self) -> &[u32] {
        &self.work
    }

    /// Forgets what was computed: the joints have changed places.
    pub(crate) fn clear(&mut self) {
        self.work.clear();
    }
}

/// Numbers of pieces of work, given by their two nodes and done several times in turn, in the order of their ranks.
pub(crate) fn by_rank(once: &[[u32; 2]], times: usize) -> Vec<u32> {
    let nodes = once.iter().flatten().max().map_or(0, |most| *most as usize + 1);
    let mut next_rank = vec![0_u32; nodes];
    let mut ranks = Vec::with_capacity(once.len() * times);
    for _ in 0..times {
        for &[a, b] in once {
            let rank = next_rank[a as usize].max(next_rank[b as usize]);
            next_rank[a as usize] = rank + 1;
            next_rank[b as usize] = rank + 1;
            ranks.push(rank);
        }
    }
    // Sorting by counting: where each rank begins, then each piece of work to its rank's next place.
    let mut places = vec![0_usize; ranks.iter().max().map_or(0, |most| *most as usize + 1)];
    ranks.iter().for_each(|rank| places[*rank as usize] += 1);
    let mut before = 0;
    for place in &mut places {
        (*place, before) = (before, before + *place);
    }
    let mut work = vec![0; ranks.len()];
    for (i, rank) in ranks.iter().enumerate() {
        let place = &mut places[*rank as usize];
        work[*place] = (i % once.len()) as u32;
        *place += 1;
    }
    work
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_node_sees_its_work_in_the_given_order(
            once in prop::collection::vec([0..12_u32, 0..12_u32], 1..40), times in 1..4_usize,
        ) {
            let work = by_rank(&once, times);
            for node in 0..12 {
                let its = |work: &[u32]| -> Vec<u32> {
                    work.iter().copied().filter(|i| once[*i as usize].contains(&node)).collect()
                };
                let given: Vec<u32> = (0..once.len() as u32).collect();
                prop_assert_eq!(its(&work), its(&given).repeat(times));
            }
        }
    }
}
