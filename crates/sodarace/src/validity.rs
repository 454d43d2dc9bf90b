//! Whether OpenELM would take a walker, in time n log n in its joints and muscles, however many there are: a program of
//! 200 bytes can return a walker of 60,000 joints. The one place for this question.

use std::collections::{BTreeSet, HashSet};

use crate::walker::{Kind, Muscle, Walker};

/// The most amplitude that [`Walker::validate`] accepts.
const MAX_AMPLITUDE: f64 = 10.0;
/// The most connections of a joint that [`Walker::validate`] accepts.
const MAX_CONNECTIONS: usize = 10;
/// The least distance of two joints that [`Walker::validate`] accepts, in walker units.
const MIN_DISTANCE: f64 = 0.003;

impl Walker {
    /// Whether OpenELM's `validate` would accept the walker: not empty, no muscle with an amplitude above 10, no joint
    /// with more than 10 connections, no two joints closer than 0.003. The simulation does not ask for it; galloper and
    /// runner, two of the reference's own seeds, fail it. Takes time n log n for any walker, one with coordinates that
    /// are not finite and muscles without joints included.
    #[must_use]
    pub fn validate(&self) -> bool {
        let empty = self.joints.is_empty() && self.muscles.is_empty();
        let strong = |muscle: &Muscle| muscle.kind == Kind::Muscle && muscle.amplitude > MAX_AMPLITUDE;
        !empty && !self.muscles.iter().any(strong) && !is_crowded(self) && !has_close_points(&self.joints)
    }
}

/// Whether a joint has too many connections. Of joints in one place the reference counts only the first's.
fn is_crowded(walker: &Walker) -> bool {
    let mut ends = vec![0; walker.joints.len()];
    for joint in walker.muscles.iter().flat_map(|muscle| [muscle.a, muscle.b]) {
        if let Some(count) = ends.get_mut(joint) {
            *count += 1;
        }
    }
    let mut places = HashSet::new();
    walker.joints.iter().zip(ends).any(|(joint, count)| {
        // NaN is in no place twice, and 0 is the same place as -0.
        let is_first = joint.iter().any(|x| x.is_nan()) || places.insert(joint.map(|x| (x + 0.0).to_bits()));
        count > MAX_CONNECTIONS && is_first
    })
}

/// Whether two points are closer than [`MIN_DISTANCE`]: a line sweeps over them from left to right and compares each
/// with those that are near it. Until two are found, no more than a few have room there.
fn has_close_points(points: &[[f64; 2]]) -> bool {
    /// More than the least distance, so that no rounding of a coordinate matters.
    const REACH: f64 = 2.0 * MIN_DISTANCE;
    let is_close = |a: [f64; 2], b: [f64; 2]| {
        let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
        (dx * dx + dy * dy).sqrt() < MIN_DISTANCE
    };
    // What is not finite is not close to anything.
    let is_finite = |point: &&[f64; 2]| point.iter().all(|x| x.is_finite());
    let mut points: Vec<[f64; 2]> = points.iter().filter(is_finite).copied().collect();
    points.sort_unstable_by(|a, b| a[0].total_cmp(&b[0]));
    let mut strip: BTreeSet<(i64, usize)> = BTreeSet::new();
    let mut left = 0;
    for (i, point) in points.iter().enumerate() {
        while points[left][0] < point[0] - REACH {
            strip.remove(&(ordered(points[left][1]), left));
            left += 1;
        }
        let near = (ordered(point[1] - REACH), 0)..=(ordered(point[1] + REACH), usize::MAX);
        if strip.range(near).any(|(_, other)| is_close(*point, points[*other])) {
            return true;
        }
        strip.insert((ordered(point[1]), i));
    }
    false
}

/// A whole number for a float, in the same order.
fn ordered(x: f64) -> i64 {
    let bits = (x + 0.0).to_bits() as i64;
    // Negative floats grow with their size.
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As the reference has it: all pairs.
    fn has_close_pair(joints: &[[f64; 2]]) -> bool {
        let close = |a: &[f64; 2], b: &[f64; 2]| {
            let (dx, dy) = (a[0] - b[0], a[1] - b[1]);
            (dx * dx + dy * dy).sqrt() < MIN_DISTANCE
        };
        joints.iter().enumerate().any(|(i, a)| joints[i + 1..].iter().any(|b| close(a, b)))
    }

    /// As the reference has it: each joint is looked for among all before it.
    fn is_crowded_by_looking(walker: &Walker) -> bool {
        let ends = |joint: usize| {
            walker
                .muscles
                .iter()
                .map(|muscle| [muscle.a, muscle.b].iter().filter(|end| **end == joint).count())
                .sum::<usize>()
        };
        let is_first = |i: usize| !walker.joints[..i].contains(&walker.joints[i]);
        (0..walker.joints.len()).any(|i| ends(i) > MAX_CONNECTIONS && is_first(i))
    }

    fn muscle(a: usize, b: usize) -> Muscle {
        Muscle { a, b, kind: Kind::Muscle, amplitude: 1.0, phase: 0.5 }
    }

    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => (-20_i32..20).prop_map(|n| f64::from(n) * 0.001),
            4 => (-20_i32..20).prop_map(|n| f64::from(n) * 0.003),
            4 => -1.0..1.0,
            1 => Just(-0.0),
            1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 1e16, 5e-324]),
        ]
    }

    proptest! {
        #[test]
        fn the_sweep_finds_close_joints_where_all_pairs_have_them(
            joints in prop::collection::vec([coordinate(), coordinate()], 0..12),
        ) {
            prop_assert_eq!(has_close_points(&joints), has_close_pair(&joints));
        }

        #[test]
        fn connections_are_counted_at_the_first_joint_of_a_place(
            joints in prop::collection::vec([-1_i32..2, -1_i32..2], 0..6),
            ends in prop::collection::vec((0_usize..7, 0_usize..3), 0..40),
        ) {
            let joints = joints.iter().map(|joint| joint.map(f64::from)).collect();
            let muscles = ends.iter().map(|(a, b)| muscle(*a, *b)).collect();
            let walker = Walker { joints, muscles };
            prop_assert_eq!(is_crowded(&walker), is_crowded_by_looking(&walker));
        }

        #[test]
        fn whole_numbers_for_floats_are_in_their_order(a in coordinate(), b in coordinate()) {
            if let Some(order) = a.partial_cmp(&b) {
                prop_assert_eq!(ordered(a).cmp(&ordered(b)), order);
            }
        }
    }

    /// All pairs of them would be hours.
    #[test]
    fn half_a_million_joints_are_judged_in_moments() {
        let grid = |scale: [f64; 2]| -> Vec<[f64; 2]> {
            (0..500_000).map(|i| [f64::from(i % 700) * scale[0], f64::from(i / 700) * scale[1]]).collect()
        };
        // A sheet, and all in one column, which no sorting by x alone takes apart.
        for joints in [grid([0.01, 0.01]), (0..500_000).map(|i| [0.0, f64::from(i) * 0.004]).collect()] {
            let muscles = (0..500_000).map(|i| muscle(i, (i + 1) % 500_000)).collect();
            let mut walker = Walker { joints, muscles };
            assert!(walker.validate());
            walker.joints[250_000] = [walker.joints[499_999][0], walker.joints[499_999][1] + 0.002];
            assert!(!walker.validate());
        }
        let heap = Walker {
            joints: vec![[1.0, 1.0]; 500_000],
            muscles: (0..50_000).map(|i| muscle(i % 4_000, 5)).collect(),
        };
        assert!(!heap.validate());
    }
}
