//! From what a program returned to a walker that OpenELM's client reads.

use samara_sandbox::Value;
use samara_sodarace::{Kind, Muscle, Walker};

/// The walker that a value is, if its numbers are finite and it has no more parts than are simulated. Whether OpenELM's
/// `validate` accepts it is another question.
pub(crate) fn of(value: &Value) -> Option<Walker> {
    let Value::Tuple(parts) = value else { return None };
    let [Value::List(joints), Value::List(muscles)] = parts.as_slice() else { return None };
    Walker::check_size(joints.len(), muscles.len()).ok()?;
    let joints = joints.iter().map(joint).collect::<Option<Vec<_>>>()?;
    let muscles = muscles.iter().map(|value| muscle(value, joints.len())).collect::<Option<Vec<_>>>()?;
    Some(Walker { joints, muscles })
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
    let (a, b, amplitude, phase) = (end(a)?, end(b)?, finite(amplitude)?, finite(phase)?);
    let kind = if amplitude == 0.0 && phase == 0.0 { Kind::Distance } else { Kind::Muscle };
    Some(Muscle { a, b, kind, amplitude, phase })
}

fn finite(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float).filter(|float| float.is_finite()),
        Value::Int(int) => int.to_i64().map(|small| small as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samara_sodarace::constants::{MAX_JOINTS, MAX_MUSCLES};

    fn value(joints: &[[f64; 2]], muscles: usize) -> Value {
        let joint = |[x, y]: &[f64; 2]| Value::Tuple(vec![(*x).into(), (*y).into()]);
        let muscle = Value::Tuple(vec![0.into(), 1.into(), 1.0.into(), 0.5.into()]);
        Value::Tuple(vec![
            Value::List(joints.iter().map(joint).collect()),
            Value::List(vec![muscle; muscles]),
        ])
    }

    #[test]
    fn a_walker_has_at_most_so_many_joints_and_muscles() {
        let row = |count: usize| (0..count).map(|x| [x as f64, 0.0]).collect::<Vec<_>>();
        let valid = |value: &Value| of(value).map(|walker| walker.validate());
        assert_eq!(valid(&value(&row(MAX_JOINTS), 10)), Some(true));
        assert_eq!(valid(&value(&row(MAX_JOINTS + 1), 10)), None);
        assert_eq!(valid(&value(&row(2), 11)), Some(false), "eleven muscles at a joint");
        assert_eq!(valid(&value(&row(2), MAX_MUSCLES + 1)), None);
        assert_eq!(valid(&value(&[[0.0, 0.0], [0.0029, 0.0]], 0)), Some(false));
        assert_eq!(valid(&value(&[[-1e-9, -1e-9], [0.001, 0.001]], 0)), Some(false), "across the axes");
        assert_eq!(valid(&value(&[], 0)), Some(false), "nothing at all");
        assert_eq!(valid(&value(&[[f64::NAN, 0.0]], 0)), None);
    }
}
