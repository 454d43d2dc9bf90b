//! Which values can be keys of a dict, and which of them are one key.
//!
//! Python compares numbers by value: 1, 1.0 and True are the same key, and so are (1,) and (True,). NaN is the same as
//! nothing, so a dict may have it twice.

use crate::int::Int;
use crate::value::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Whether a hashable value has a NaN in it; `None` if it can't be hashed.
pub(crate) fn has_nan(key: &Value) -> Option<bool> {
    match key {
        Value::List(_) | Value::Dict(_) | Value::Array(_) => None,
        Value::Tuple(values) => values.iter().try_fold(false, |nan, value| Some(nan | has_nan(value)?)),
        Value::Float(float) => Some(float.is_nan()),
        _ => Some(false),
    }
}

/// Whether the keys of a dict, all hashable and without a NaN, are different. Takes time n log n in their bytes and 8
/// bytes of memory for each.
pub(crate) fn differ<'a>(keys: impl Iterator<Item = &'a Value>, count: usize) -> bool {
    let mut sorted = Vec::with_capacity(count);
    sorted.extend(keys);
    sorted.sort_unstable_by(|a, b| order(a, b));
    sorted.windows(2).all(|pair| order(pair[0], pair[1]).is_ne())
}

/// Some order of keys in which those that Python takes for one are equal.
fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Str(a), Value::Str(b)) => a.cmp(b),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Surrogates(a), Value::Surrogates(b)) => a.cmp(b),
        (Value::Tuple(a), Value::Tuple(b)) => {
            let different = a.iter().zip(b).map(|(a, b)| order(a, b)).find(|order| order.is_ne());
            different.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => match (Number::of(a), Number::of(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => rank(a).cmp(&rank(b)),
        },
    }
}

fn rank(key: &Value) -> u8 {
    match key {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => 0,
        Value::Str(_) => 1,
        Value::Bytes(_) => 2,
        Value::Surrogates(_) => 3,
        Value::Tuple(_) => 4,
        _ => 5,
    }
}

/// A number by its value, in an order that is not that of size.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Number<'a> {
    Small(i64),
    Large(Cow<'a, [u8]>),
    /// A fraction or an infinity, by its bits.
    Other(u64),
}

impl<'a> Number<'a> {
    fn of(key: &'a Value) -> Option<Self> {
        let large = |int: Int| Self::Large(Cow::Owned(int.as_bytes().to_vec()));
        Some(match key {
            Value::Bool(truth) => Self::Small(i64::from(*truth)),
            Value::Int(int) => {
                int.to_i64().map_or_else(|| Self::Large(Cow::Borrowed(int.as_bytes())), Self::Small)
            }
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 9e18 => Self::Small(*float as i64),
            Value::Float(float) => match Int::of_float(*float) {
                Some(int) => int.to_i64().map_or_else(|| large(int), Self::Small),
                None => Self::Other(float.to_bits()),
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_differ(keys: &[Value]) -> bool {
        differ(keys.iter(), keys.len())
    }

    #[test]
    fn numbers_of_one_value_are_one_key_and_others_are_not() {
        let large = |text: &str| Value::Int(Int::parse(text).unwrap());
        let same = [
            vec![Value::from(1), Value::Bool(true), Value::Float(1.0)],
            vec![Value::from(0), Value::Bool(false), Value::Float(0.0), Value::Float(-0.0)],
            vec![large("1000000000000000019884624838656"), Value::Float(1e30)],
            vec![Value::Float(9_223_372_036_854_775_808.0), large("9223372036854775808")],
            vec![Value::Float(0.5), Value::Float(0.5)],
            vec!["a".into(), "a".into()],
        ];
        for keys in &same {
            for (place, key) in keys.iter().enumerate() {
                let others = keys.iter().enumerate().filter(|(other, _)| *other != place || keys.len() == 1);
                for (_, other) in others {
                    assert!(
                        !all_differ(&[Value::None, key.clone(), "x".into(), other.clone()]),
                        "{key:?} {other:?}"
                    );
                    let within = |key: &Value| Value::Tuple(vec!["x".into(), key.clone()]);
                    assert!(!all_differ(&[within(key), within(other)]), "{key:?} {other:?}");
                }
            }
        }
        let different: Vec<Value> = [
            vec![
                Value::None,
                Value::from(1),
                Value::from(0),
                Value::from(-1),
                Value::Float(0.5),
                Value::Float(-0.5),
            ],
            vec![
                Value::Float(f64::INFINITY),
                Value::Float(f64::NEG_INFINITY),
                Value::Float(1e30),
                Value::Float(-1e30),
            ],
            vec![large("1000000000000000019884624838657"), "1".into(), Value::Bytes(b"1".to_vec())],
            vec![Value::Surrogates(vec![0xd800]), Value::Tuple(vec![]), Value::Tuple(vec![1.into()])],
            vec![Value::Tuple(vec![1.into(), 1.into()]), Value::Tuple(vec!["1".into()])],
        ]
        .concat();
        assert!(all_differ(&different));
    }

    #[test]
    fn only_what_has_no_list_dict_or_array_in_it_is_a_key() {
        assert_eq!(has_nan(&Value::Tuple(vec![Value::List(vec![])])), None);
        assert_eq!(has_nan(&Value::Tuple(vec![Value::Tuple(vec![Value::Dict(vec![])])])), None);
        assert_eq!(has_nan(&Value::Tuple(vec![1.into(), Value::Float(f64::NAN)])), Some(true));
        assert_eq!(has_nan(&"nan".into()), Some(false));
    }
}
