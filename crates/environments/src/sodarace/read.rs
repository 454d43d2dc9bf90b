//! From what a program returned to a walker.

use samara_sandbox::Value;
use samara_sodarace::{Kind, Muscle, Walker};

/// The walker in a value of [`super::ENTRY`]: a pair of lists, joints as `[x, y]` and muscles as
/// `[joint, joint, amplitude, phase]`.
///
/// # Errors
/// What is wrong with it, for a person. One with more joints or muscles than are simulated is refused before any of them
/// is looked at; whether it can be simulated otherwise is the physics' to say.
pub fn walker(value: &Value) -> Result<Walker, String> {
    let parts = list(value).ok_or("the walker is no pair of lists")?;
    let [joints, muscles] = parts else { return Err("the walker is no pair of lists".into()) };
    let joints = list(joints).ok_or("the walker's joints are no list")?;
    let muscles = list(muscles).ok_or("the walker's muscles are no list")?;
    Walker::check_size(joints.len(), muscles.len()).map_err(|rejection| rejection.to_string())?;
    Ok(Walker {
        joints: joints
            .iter()
            .enumerate()
            .map(|(place, value)| joint(place, value))
            .collect::<Result<_, _>>()?,
        muscles: muscles
            .iter()
            .enumerate()
            .map(|(place, value)| muscle(place, value))
            .collect::<Result<_, _>>()?,
    })
}

fn joint(place: usize, value: &Value) -> Result<[f64; 2], String> {
    let bad = || format!("joint {place} is no pair of numbers");
    let [x, y] = list(value).ok_or_else(bad)? else { return Err(bad()) };
    Ok([number(x).ok_or_else(bad)?, number(y).ok_or_else(bad)?])
}

fn muscle(place: usize, value: &Value) -> Result<Muscle, String> {
    let bad = || format!("muscle {place} is not made of two joints and two numbers");
    let [a, b, amplitude, phase] = list(value).ok_or_else(bad)? else { return Err(bad()) };
    let end = |value: &Value| match value {
        Value::Int(int) => int.to_i64().and_then(|end| usize::try_from(end).ok()),
        _ => None,
    };
    let (amplitude, phase) = (number(amplitude).ok_or_else(bad)?, number(phase).ok_or_else(bad)?);
    // As OpenELM tells them apart.
    let kind = if amplitude == 0.0 && phase == 0.0 { Kind::Distance } else { Kind::Muscle };
    Ok(Muscle { a: end(a).ok_or_else(bad)?, b: end(b).ok_or_else(bad)?, kind, amplitude, phase })
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) | Value::Tuple(items) => Some(items),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Float(float) => Some(*float),
        Value::Int(int) => int.to_i64().map(|int| int as f64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floats(numbers: &[f64]) -> Vec<Value> {
        numbers.iter().map(|number| Value::Float(*number)).collect()
    }

    #[test]
    fn a_connection_without_a_drive_is_a_bone() {
        let ends = [Value::from(0_i64), Value::from(1_i64)];
        let muscle = |drive: &[f64]| Value::List(ends.iter().cloned().chain(floats(drive)).collect());
        let joints = Value::List(vec![
            Value::List(floats(&[0.0, 1.0])),
            Value::Tuple(vec![Value::from(2_i64), Value::Float(0.5)]),
        ]);
        let value = Value::Tuple(vec![
            joints,
            Value::List(vec![muscle(&[0.0, 0.0]), muscle(&[0.0, 0.5]), muscle(&[5.0, 0.0])]),
        ]);
        let walker = walker(&value).expect("a walker");
        assert_eq!(walker.joints, [[0.0, 1.0], [2.0, 0.5]]);
        let kinds: Vec<Kind> = walker.muscles.iter().map(|muscle| muscle.kind).collect();
        assert_eq!(kinds, [Kind::Distance, Kind::Muscle, Kind::Muscle]);
    }

    #[test]
    fn a_walker_of_too_many_parts_is_refused_before_they_are_looked_at() {
        let parts = |joints: usize, muscles: usize| {
            Value::Tuple(vec![
                Value::List(vec![Value::None; joints]),
                Value::List(vec![Value::None; muscles]),
            ])
        };
        let refused = |joints, muscles| walker(&parts(joints, muscles)).expect_err("no walker");
        assert!(refused(60_000, 1).starts_with("the walker has 60000 joints"));
        assert!(refused(1_000, 10_001).starts_with("the walker has 10001 muscles"));
        assert_eq!(refused(1_000, 10_000), "joint 0 is no pair of numbers");
    }

    proptest! {
        #[test]
        fn no_nesting_of_lists_and_numbers_breaks_it(shape in prop::collection::vec(prop::collection::vec(-3_i64..4, 0..6), 0..4)) {
            let lists = shape.iter().map(|inner| Value::List(inner.iter().map(|n| Value::from(*n)).collect())).collect::<Vec<_>>();
            let value = Value::Tuple(vec![Value::List(lists.clone()), Value::List(lists)]);
            if let Ok(walker) = walker(&value) {
                prop_assert!(shape.iter().all(|inner| inner.len() == 2) || walker.joints.is_empty());
            }
        }
    }
}
