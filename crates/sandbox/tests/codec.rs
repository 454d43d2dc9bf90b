//! Laws of the codec: what is written is read back, and nothing else is read.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

use proptest::prelude::*;
use samara_sandbox::Value;
use samara_sandbox::codec::{
    Bound, Budget, CodecError, HEADER, MAGIC, MAX_DEPTH, Reply, decode, decode_frame, encode, encode_frame,
};
use samara_sandbox::value::{Array, Dtype, Int};

fn array() -> impl Strategy<Value = Value> {
    (0..Dtype::ALL.len(), prop::collection::vec(0_u64..4, 0..4)).prop_map(|(which, shape)| {
        let (dtype, _, size) = Dtype::ALL[which];
        let bytes = shape.iter().product::<u64>() as usize * size;
        Value::Array(Array::new(dtype, shape, (0..bytes).map(|byte| (byte % 2) as u8).collect()).unwrap())
    })
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(|number| Value::Int(Int::parse(&number.to_string()).unwrap())),
        any::<u64>().prop_map(|bits| Value::Float(f64::from_bits(bits))),
        any::<String>().prop_map(Value::Str),
        prop::collection::vec(0xd800_u32..0xe000, 1..5).prop_map(Value::Surrogates),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        array(),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let pairs = prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Tuple),
            pairs.prop_map(|values| {
                let key =
                    |place: usize| Value::Tuple(vec![Value::from(place as i64), Value::Float(f64::NAN)]);
                Value::Dict(
                    values.into_iter().enumerate().map(|(place, value)| (key(place), value)).collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_plain_value_comes_back_as_it_was(value in value()) {
        let bytes = encode(&value, Budget::default()).unwrap();
        let back = decode(&bytes, Budget::default()).unwrap();
        prop_assert_eq!(encode(&back, Budget::default()).unwrap(), bytes);
        prop_assert_eq!(format!("{back:?}"), format!("{value:?}"));
    }

    #[test]
    fn every_reply_comes_back_as_it_was(kind: String, message: String) {
        for reply in [
            Reply::Exception { kind: kind.clone(), message: message.clone() },
            Reply::Syntax(message.clone()),
            Reply::Limit([Bound::Bytes, Bound::Nodes, Bound::Depth][kind.len() % 3]),
            Reply::Value(Value::Str(message.clone())),
        ] {
            prop_assert_eq!(decode_frame(&encode_frame(&reply), Budget::default()), Ok(reply));
        }
    }

    #[test]
    fn a_frame_that_is_cut_or_followed_by_anything_is_none(value in value(), more in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let mut frame = encode_frame(&Reply::Value(value));
        prop_assert!(decode_frame(&frame[..cut.index(frame.len())], Budget::default()).is_err());
        frame.push(more);
        prop_assert_eq!(decode_frame(&frame, Budget::default()), Err(CodecError::Long));
    }

    #[test]
    fn bytes_that_are_read_are_exactly_those_that_would_be_written(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(value) = decode(&bytes, Budget::default()) {
            prop_assert_eq!(encode(&value, Budget::default()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_gives_another_value_or_none(value in value(), at in any::<prop::sample::Index>(), byte: u8) {
        let bytes = encode(&value, Budget::default()).unwrap();
        let mut changed = bytes.clone();
        let at = at.index(bytes.len());
        changed[at] = byte;
        if let Ok(other) = decode(&changed, Budget::default()) {
            prop_assert_eq!(encode(&other, Budget::default()).unwrap(), changed);
        }
    }

    #[test]
    fn a_frame_with_any_changes_is_refused_or_is_exactly_what_would_be_written(
        value in value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>()), 1..8),
    ) {
        let mut frame = encode_frame(&Reply::Value(value));
        for (at, change, byte) in changes {
            let at = at.index(frame.len());
            match change {
                0 => frame[at] = byte,
                1 => frame.insert(at, byte),
                2 => drop(frame.drain(at..(at + 1 + usize::from(byte % 4)).min(frame.len()))),
                _ => frame.extend(frame[at..].to_vec()),
            }
            if frame.len() < HEADER {
                break;
            }
        }
        // With the right length again, so that what follows it is reached.
        if let Some(length) = frame.len().checked_sub(HEADER) {
            frame[..4].copy_from_slice(&MAGIC);
            frame[4..HEADER].copy_from_slice(&(length as u32).to_le_bytes());
        }
        if let Ok(reply) = decode_frame(&frame, Budget::default()) {
            prop_assert_eq!(encode_frame(&reply), frame);
        }
    }

    #[test]
    fn a_value_takes_no_more_memory_than_its_budget_says(value in value(), spare in 0_u32..3) {
        let bytes = encode(&value, Budget::default()).unwrap();
        let budget = Budget { bytes: bytes.len() as u32 + spare, ..Budget::default() };
        let back = decode(&bytes, budget).unwrap();
        prop_assert!(bytes.len() as u64 + back.memory() as u64 <= budget.most_memory());
    }

    #[test]
    fn rows_of_arrays_count_as_the_lists_that_they_would_be(shape in prop::collection::vec(0_u64..4, 0..5)) {
        let bytes = shape.iter().product::<u64>() as usize;
        let array = Array::new(Dtype::U8, shape.clone(), vec![0; bytes]).unwrap();
        let (rows, levels) = (array.rows() as u32, (shape.len() as u32).saturating_sub(1));
        let bytes = encode(&Value::Array(array), Budget::default()).unwrap();
        let read = |nodes, depth| decode(&bytes, Budget { nodes, depth, ..Budget::default() }).map(|_| ());
        prop_assert_eq!(read(1 + rows, levels), Ok(()));
        if rows > 0 {
            prop_assert_eq!(read(rows, levels), Err(CodecError::Over(Bound::Nodes)));
        }
        if levels > 0 {
            prop_assert_eq!(read(1 + rows, levels - 1), Err(CodecError::Over(Bound::Depth)));
        }
    }

    #[test]
    fn tags_in_any_order_never_hang_or_crash(tags in prop::collection::vec(prop::sample::select(b"NTFidswbltma\x00\x01\x02\xff".to_vec()), 0..300)) {
        let _ = decode(&tags, Budget::default());
    }
}

#[test]
fn budgets_hold() {
    let tight = |bytes, nodes, depth| Budget { bytes, nodes, depth };
    let list = encode(&Value::List(vec![Value::None; 10]), Budget::default()).unwrap();
    assert!(decode(&list, tight(15, 11, 1)).is_ok());
    assert_eq!(decode(&list, tight(14, 11, 1)), Err(CodecError::Over(Bound::Bytes)));
    assert_eq!(decode(&list, tight(15, 10, 1)), Err(CodecError::Over(Bound::Nodes)));
    assert_eq!(decode(&list, tight(15, 11, 0)), Err(CodecError::Over(Bound::Depth)));
    let mut deep = b"l\x01\0\0\0".repeat(MAX_DEPTH as usize + 1);
    deep.push(b'N');
    let boundless = tight(u32::MAX, u32::MAX, u32::MAX);
    assert_eq!(decode(&deep, boundless), Err(CodecError::Over(Bound::Depth)));
    assert!(decode(&deep[5..], boundless).is_ok());
}

#[test]
fn what_python_does_not_have_is_refused() {
    let refused = |bytes: &[u8]| decode(bytes, Budget::default()).unwrap_err();
    assert_eq!(refused(b"i\x02\0\0\0\x01\0"), CodecError::Not("a shortest int"));
    assert_eq!(refused(b"i\0\0\0\0"), CodecError::Not("a shortest int"));
    assert_eq!(refused(b"s\x01\0\0\0\xff"), CodecError::Not("UTF-8"));
    assert_eq!(refused(b"w\x01\0\0\0a\0\0\0"), CodecError::Not("text with lone surrogates"));
    for equal in
        [&b"m\x02\0\0\0NTNF"[..], b"m\x02\0\0\0i\x01\0\0\0\x01NTN", b"m\x02\0\0\0d\0\0\0\0\0\0\0\x80NFN"]
    {
        assert_eq!(refused(equal), CodecError::Not("a dict of different keys"));
    }
    assert_eq!(refused(b"m\x01\0\0\0l\0\0\0\0N"), CodecError::Not("a hashable key"));
    assert_eq!(refused(b"ab01\x01\x01\0\0\0\0\0\0\0\x02"), CodecError::Not("an array"));
    assert_eq!(refused(b"l\xff\xff\xff\xff"), CodecError::Short);
    assert_eq!(refused(b"m\xff\xff\xff\xff"), CodecError::Short);
    assert_eq!(refused(b""), CodecError::Short);
}

#[test]
fn an_array_of_nothing_costs_nothing_to_refuse() {
    for shape in [&[1_u64 << 62, 0][..], &[100_000_000, 0], &[1 << 31, 1 << 31, 0], &[10, 1 << 40, 0]] {
        let mut bytes = b"af08".to_vec();
        bytes.push(shape.len() as u8);
        shape.iter().for_each(|side| bytes.extend(side.to_le_bytes()));
        assert_eq!(decode(&bytes, Budget::default()), Err(CodecError::Over(Bound::Nodes)), "{shape:?}");
    }
    // A million numbers, each in a list of its own, and that in another, and so on.
    let sides = [vec![1_000_000], vec![1; 30]].concat();
    let many = Value::Array(Array::new(Dtype::U8, sides, vec![0; 1_000_000]).unwrap());
    assert_eq!(encode(&many, Budget::default()), Err(CodecError::Over(Bound::Nodes)));
    let flat = Value::Array(Array::new(Dtype::U8, vec![1_000_000], vec![0; 1_000_000]).unwrap());
    assert!(encode(&flat, Budget::default()).is_ok());
}

#[test]
fn values_that_are_announced_more_than_once_are_not_there() {
    // Each list announces all bytes behind it as its own: memory for all of them would be the square of the bytes.
    let mut bytes = Vec::new();
    for left in (0..150_u32).rev() {
        bytes.push(b'l');
        bytes.extend((5 * left + 400).to_le_bytes());
    }
    bytes.extend([b'N'; 400]);
    let boundless = Budget { bytes: u32::MAX, nodes: u32::MAX, depth: u32::MAX };
    assert_eq!(decode(&bytes, boundless), Err(CodecError::Short));
}

#[test]
fn the_values_that_take_most_memory_stay_within_the_bound() {
    let budget = Budget { bytes: 1 << 16, nodes: 10_000, depth: 64 };
    let count = budget.nodes as usize - 1;
    let array = || Value::Array(Array::new(Dtype::U8, vec![1], vec![0]).unwrap());
    let numbered = |value: fn() -> Value| {
        let pairs = (0..count / 2).map(|key| (Value::from(key as i64), value()));
        Value::Dict(pairs.collect())
    };
    let nested = (0..60).fold(Value::None, |inner, _| Value::List(vec![inner]));
    for (name, value) in [
        ("nothing", Value::List(vec![Value::None; count])),
        ("short texts", Value::List(vec!["a".into(); count])),
        ("small arrays", Value::List((0..count / 3).map(|_| array()).collect())),
        ("tuples of one", Value::List(vec![Value::Tuple(vec![Value::None]); count / 2])),
        ("a dict of flags", numbered(|| Value::Bool(true))),
        ("one text", Value::Str("a".repeat(60_000))),
        ("depth", Value::List(vec![nested; 100])),
    ] {
        let bytes = encode(&value, budget).unwrap_or_else(|error| panic!("{name}: {error}"));
        let memory = decode(&bytes, budget).unwrap().memory();
        assert!((bytes.len() + memory) as u64 <= budget.most_memory(), "{name}: {memory}");
    }
    assert_eq!(Budget::default().most_memory().div_ceil(1_000_000), 34);
    // However many values are allowed, each takes a byte.
    let few = Budget { bytes: 100, nodes: u32::MAX, depth: 64 };
    assert!(few.most_memory() < 20_000, "{}", few.most_memory());
}
