//! Walkers of OpenELM's: which ones its `validate` accepts, and how a client reads them.

use samara_sandbox::Value;
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};
use std::collections::HashMap;

/// The most joints of a walker.
pub(crate) const MAX_JOINTS: usize = 1_000;
/// The most muscles of a walker.
pub(crate) const MAX_MUSCLES: usize = 10_000;
/// Joints that are nearer to each other are one.
const NEAR: f64 = 0.003;
/// The most muscles at a joint.
const MAX_AT_JOINT: usize = 10;
/// The largest amplitude.
const MAX_AMPLITUDE: f64 = 10.0;

/// A walker that is valid.
#[derive(Debug, PartialEq)]
pub(crate) struct Walker {
    joints: Vec<[f64; 2]>,
    muscles: Vec<Muscle>,
}

#[derive(Debug, PartialEq)]
struct Muscle {
    ends: [usize; 2],
    amplitude: f64,
    phase: f64,
}

impl Muscle {
    /// Whether it is a rod, of a length that stays.
    fn is_rod(&self) -> bool {
        self.amplitude == 0.0 && self.phase == 0.0
    }
}

impl Walker {
    /// The walker that a value is, if OpenELM's `validate` accepts it, its numbers are finite and it has at most
    /// [`MAX_JOINTS`] and [`MAX_MUSCLES`].
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let Value::Tuple(parts) = value else { return None };
        let [Value::List(joints), Value::List(muscles)] = parts.as_slice() else { return None };
        if joints.len() > MAX_JOINTS
            || muscles.len() > MAX_MUSCLES
            || (joints.is_empty() && muscles.is_empty())
        {
            return None;
        }
        let joints = joints.iter().map(joint).collect::<Option<Vec<_>>>()?;
        let muscles = muscles.iter().map(|value| muscle(value, joints.len())).collect::<Option<Vec<_>>>()?;
        let strong = muscles.iter().any(|muscle| !muscle.is_rod() && muscle.amplitude > MAX_AMPLITUDE);
        let valid = !strong && !crowded(&muscles, joints.len()) && !any_near(&joints);
        valid.then_some(Self { joints, muscles })
    }
}

fn crowded(muscles: &[Muscle], joints: usize) -> bool {
    let mut counts = vec![0; joints];
    muscles.iter().flat_map(|muscle| muscle.ends).any(|end| {
        counts[end] += 1;
        counts[end] > MAX_AT_JOINT
    })
}

/// Whether any two joints are near each other. Each is compared with those in its cell and the eight around it; as long as
/// none are near, a cell holds a handful at most.
fn any_near(joints: &[[f64; 2]]) -> bool {
    let near = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < NEAR;
    // Floats instead of whole numbers: they hold the cells of all joints, however far away. No cell is -0.
    let cell = |joint: &[f64; 2]| joint.map(|side| (side / NEAR).floor());
    let key = |cell: [f64; 2]| cell.map(|side| (side + 0.0).to_bits());
    let mut cells: HashMap<[u64; 2], Vec<[f64; 2]>> = HashMap::new();
    for joint in joints {
        let [x, y] = cell(joint);
        let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| [x + f64::from(dx), y + f64::from(dy)]));
        for cell in around {
            if cells.get(&key(cell)).is_some_and(|others| others.iter().any(|other| near(joint, other))) {
                return true;
            }
        }
        cells.entry(key([x, y])).or_default().push(*joint);
    }
    false
}

fn joint(value: &Value) -> Option<[f64; 2]> {
    match value {
        Value::Tuple(pair) => Some([finite(pair.first()?)?, finite(pair.get(1)?)?]),
        _ => None,
    }
}

fn muscle(value: &Value, joints: usize) -> Option<Muscle> {
    let Value::Tuple(parts) = value else { return None };
    let [a, b, amplitude, phase] = parts.as_slice() else { return None };
    let end = |value: &Value| match value {
        Value::Int(int) => usize::try_from(int.to_i64()?).ok().filter(|end| *end < joints),
        _ => None,
    };
    Some(Muscle { ends: [end(a)?, end(b)?], amplitude: finite(amplitude)?, phase: finite(phase)? })
}

fn finite(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float).filter(|float| float.is_finite()),
        Value::Int(int) => int.to_i64().map(|small| small as f64),
        _ => None,
    }
}

impl Serialize for Walker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("joints", &self.joints)?;
        map.serialize_entry("muscles", &self.muscles)?;
        map.end()
    }
}

impl Serialize for Muscle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut triple = serializer.serialize_tuple(3)?;
        self.ends.iter().try_for_each(|end| triple.serialize_element(end))?;
        triple.serialize_element(&Drive(self))?;
        triple.end()
    }
}

struct Drive<'a>(&'a Muscle);

impl Serialize for Drive<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(muscle) = self;
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("type", if muscle.is_rod() { "distance" } else { "muscle" })?;
        map.serialize_entry("amplitude", &muscle.amplitude)?;
        map.serialize_entry("phase", &muscle.phase)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(joints: &[[f64; 2]], muscles: usize) -> Value {
        let joint = |[x, y]: &[f64; 2]| Value::Tuple(vec![(*x).into(), (*y).into()]);
        let muscle = Value::Tuple(vec![0.into(), 1.into(), 1.0.into(), 0.5.into()]);
        Value::Tuple(vec![
            Value::List(joints.iter().map(joint).collect()),
            Value::List(vec![muscle; muscles]),
        ])
    }

    proptest! {
        #[test]
        fn joints_are_near_if_comparing_all_pairs_says_so(
            joints in prop::collection::vec(prop::array::uniform2(-0.02..0.02), 0..40),
            scale in prop::sample::select(vec![1.0, 5.0, 1e3, 1e17, 1e300]),
        ) {
            let joints: Vec<_> = joints.iter().map(|joint: &[f64; 2]| joint.map(|side| side * scale)).collect();
            let near = |a: &[f64; 2], b: &[f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]) < 0.003;
            let pairs = joints.iter().enumerate().any(|(i, one)| joints[..i].iter().any(|other| near(one, other)));
            prop_assert_eq!(any_near(&joints), pairs);
        }
    }

    #[test]
    fn a_walker_has_at_most_so_many_joints_and_muscles() {
        let row = |count: usize| (0..count).map(|x| [x as f64, 0.0]).collect::<Vec<_>>();
        assert!(Walker::of(&value(&row(MAX_JOINTS), 10)).is_some());
        assert!(Walker::of(&value(&row(MAX_JOINTS + 1), 10)).is_none());
        assert!(Walker::of(&value(&row(2), 11)).is_none(), "eleven muscles at a joint");
        assert!(Walker::of(&value(&row(2), MAX_MUSCLES + 1)).is_none());
        assert!(Walker::of(&value(&[[0.0, 0.0], [0.0029, 0.0]], 0)).is_none());
        assert!(Walker::of(&value(&[[-1e-9, -1e-9], [0.001, 0.001]], 0)).is_none(), "across the axes");
    }

    #[test]
    fn a_large_value_is_looked_at_in_time_that_grows_with_it() {
        // All on one line, a hundred thousand of them: all pairs would take minutes.
        let joints: Vec<_> = (0..100_000).map(|y| [0.0, f64::from(y) * 0.0031]).collect();
        assert!(!any_near(&joints));
    }
}
