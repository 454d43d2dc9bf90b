//! Values as Python writes them: what `repr` gives.

use crate::printable::printable;
use crate::value::{self, Array, Dtype, Value};
use std::fmt::{self, Write};
use std::slice::ChunksExact;

/// Shows a value as Python's `repr` does, arrays as the nested lists that their `tolist` gives. Characters that no version
/// of Python shows as they are, are escaped; those that are not assigned yet within scripts are not.
///
/// The text is written piece by piece: it takes no memory beyond the writer's, and a writer that refuses ends it. It can
/// be much longer than the value (a byte is four characters, an array's row of no items two): bound the writer.
#[derive(Debug)]
pub struct Repr<'a>(pub &'a Value);

impl fmt::Display for Repr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::None => f.write_str("None"),
            Value::Bool(truth) => f.write_str(if *truth { "True" } else { "False" }),
            Value::Int(int) => write!(f, "{int}"),
            Value::Float(float) => f.write_str(&number(*float)),
            Value::Str(text) => quoted(f, &text.chars().map(u32::from)),
            Value::Surrogates(points) => quoted(f, &points.iter().copied()),
            Value::Bytes(bytes) => {
                f.write_char('b')?;
                let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
                f.write_char(quote)?;
                bytes.iter().try_for_each(|byte| point(f, u32::from(*byte), quote, true))?;
                f.write_char(quote)
            }
            Value::List(values) => listed(f, "[", values, "]"),
            Value::Tuple(values) if values.len() == 1 => write!(f, "({},)", Repr(&values[0])),
            Value::Tuple(values) => listed(f, "(", values, ")"),
            Value::Dict(pairs) => {
                f.write_char('{')?;
                for (index, (key, value)) in pairs.iter().enumerate() {
                    write!(f, "{}{}: {}", if index > 0 { ", " } else { "" }, Repr(key), Repr(value))?;
                }
                f.write_char('}')
            }
            Value::Array(array) => nested(f, array.shape(), &mut Items::new(array)),
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, open: &str, values: &[Value], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (index, value) in values.iter().enumerate() {
        write!(f, "{}{}", if index > 0 { ", " } else { "" }, Repr(value))?;
    }
    f.write_str(close)
}

fn nested(f: &mut fmt::Formatter<'_>, shape: &[u64], items: &mut Items<'_>) -> fmt::Result {
    let Some((side, inner)) = shape.split_first() else {
        return items.show_next(f);
    };
    f.write_char('[')?;
    for index in 0..*side {
        f.write_str(if index > 0 { ", " } else { "" })?;
        nested(f, inner, items)?;
    }
    f.write_char(']')
}

/// The items of an array that are not shown yet.
struct Items<'a> {
    dtype: Dtype,
    rest: ChunksExact<'a, u8>,
}

impl<'a> Items<'a> {
    fn new(array: &'a Array) -> Self {
        let dtype = array.dtype();
        Self { dtype, rest: array.data().chunks_exact(dtype.item_size()) }
    }

    fn show_next(&mut self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An array has as many items as its shape says.
        let item = self.rest.next().ok_or(fmt::Error)?;
        // Floats of every size are exact as f64; whole numbers of 64 bits are not.
        let float = |dtype, part: &[u8]| value::number(dtype, part).unwrap_or(f64::NAN);
        match self.dtype {
            Dtype::Bool => f.write_str(if item == [0] { "False" } else { "True" }),
            Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => write!(f, "{}", signed(item)),
            Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => write!(f, "{}", unsigned(item)),
            Dtype::F16 | Dtype::F32 | Dtype::F64 => f.write_str(&number(float(self.dtype, item))),
            Dtype::C64 => complex(f, float(Dtype::F32, &item[..4]), float(Dtype::F32, &item[4..])),
            Dtype::C128 => complex(f, float(Dtype::F64, &item[..8]), float(Dtype::F64, &item[8..])),
        }
    }
}

/// A whole number of at most eight bytes, little-endian.
fn unsigned(item: &[u8]) -> u64 {
    item.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The same with a sign.
fn signed(item: &[u8]) -> i64 {
    let shift = 64 - 8 * item.len();
    ((unsigned(item) << shift) as i64) >> shift
}

/// A complex number: its real part is left out if it is 0 without a sign.
fn complex(f: &mut fmt::Formatter<'_>, real: f64, imaginary: f64) -> fmt::Result {
    let part = |float: f64| {
        let text = number(float);
        text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
    };
    let end = part(imaginary);
    if real == 0.0 && real.is_sign_positive() {
        return write!(f, "{end}j");
    }
    write!(f, "({}{}{end}j)", part(real), if end.starts_with('-') { "" } else { "+" })
}

/// The shortest digits that give the float back, laid out as Python does.
fn number(float: f64) -> String {
    if !float.is_finite() {
        return if float.is_nan() {
            "nan"
        } else if float > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{float}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

fn quoted(f: &mut fmt::Formatter<'_>, points: &(impl Iterator<Item = u32> + Clone)) -> fmt::Result {
    let has = |quote: char| points.clone().any(|point| point == u32::from(quote));
    let quote = if has('\'') && !has('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    points.clone().try_for_each(|one| point(f, one, quote, false))?;
    f.write_char(quote)
}

fn point(f: &mut fmt::Formatter<'_>, point: u32, quote: char, byte: bool) -> fmt::Result {
    match char::from_u32(point) {
        Some('\\') => f.write_str("\\\\"),
        Some('\n') => f.write_str("\\n"),
        Some('\r') => f.write_str("\\r"),
        Some('\t') => f.write_str("\\t"),
        Some(c) if c == quote => write!(f, "\\{c}"),
        Some(c) if printable(point) && (c.is_ascii() || !byte) => f.write_char(c),
        _ if point < 0x100 => write!(f, "\\x{point:02x}"),
        _ if point < 0x1_0000 => write!(f, "\\u{point:04x}"),
        _ => write!(f, "\\U{point:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Dtype;

    #[test]
    fn values_look_as_python_shows_them() {
        let shown = |value: Value| Repr(&value).to_string();
        let floats = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (123456789012345.0, "123456789012345.0"),
            (1e-5, "1e-05"),
        ];
        for (float, text) in
            floats.into_iter().chain([(1.5e300, "1.5e+300"), (-0.0, "-0.0"), (0.0001, "0.0001")])
        {
            assert_eq!(shown(Value::Float(float)), text);
        }
        assert_eq!(shown("it's".into()), "\"it's\"");
        assert_eq!(shown("\"'\n\u{7f}é\u{2028}".into()), "'\"\\'\\n\\x7fé\\u2028'");
        assert_eq!(shown(Value::Bytes(b"a'\xff".to_vec())), "b\"a'\\xff\"");
        assert_eq!(shown(Value::Tuple(vec![1.into()])), "(1,)");
        assert_eq!(
            shown(Value::Dict(vec![("a".into(), Value::List(vec![Value::None, Value::Bool(true)]))])),
            "{'a': [None, True]}"
        );
        let array = Array::new(Dtype::U8, vec![2, 2], vec![1, 2, 3, 255]).unwrap();
        assert_eq!(shown(Value::Array(array)), "[[1, 2], [3, 255]]");
        let long = Array::new(Dtype::U8, vec![3, 1000], (0..3000).map(|n| n as u8).collect()).unwrap();
        let row =
            |row: u32| (0..1000).map(|n| ((row * 1000 + n) as u8).to_string()).collect::<Vec<_>>().join(", ");
        assert_eq!(shown(Value::Array(long)), format!("[[{}], [{}], [{}]]", row(0), row(1), row(2)));
        assert_eq!(shown(Value::Surrogates(vec![0xd800, 0x61])), "'\\ud800a'");
    }

    #[test]
    fn characters_without_a_shape_are_escaped_as_python_escapes_them() {
        let shown = |value: Value| Repr(&value).to_string();
        let text = "\u{ad}\u{200b}\u{202e}\u{a0}\u{feff}\u{e000}\u{e0001}\u{10ffff}é日\u{1f469}";
        let expected = "'\\xad\\u200b\\u202e\\xa0\\ufeff\\ue000\\U000e0001\\U0010ffffé日\u{1f469}'";
        assert_eq!(shown(text.into()), expected);
        let points = vec![0xd800, 0xdfff, 0xad, 0x202e, 0x61];
        assert_eq!(shown(Value::Surrogates(points)), "'\\ud800\\udfff\\xad\\u202ea'");
    }

    #[test]
    fn the_items_of_arrays_are_exact_whatever_they_are() {
        fn shown<const N: usize>(dtype: Dtype, items: &[[u8; N]]) -> String {
            let array = Array::new(dtype, vec![items.len() as u64], items.concat()).unwrap();
            Repr(&Value::Array(array)).to_string()
        }
        let signed = [i64::MIN, (1 << 53) + 1, -1, i64::MAX].map(i64::to_le_bytes);
        assert_eq!(
            shown(Dtype::I64, &signed),
            "[-9223372036854775808, 9007199254740993, -1, 9223372036854775807]"
        );
        let unsigned = [0, (1 << 53) + 1, u64::MAX].map(u64::to_le_bytes);
        assert_eq!(shown(Dtype::U64, &unsigned), "[0, 9007199254740993, 18446744073709551615]");
        assert_eq!(shown(Dtype::I8, &[[0x80], [0x7f], [0xff]]), "[-128, 127, -1]");
        assert_eq!(shown(Dtype::U8, &[[0x80], [0xff]]), "[128, 255]");
        assert_eq!(shown(Dtype::I16, &[i16::MIN, -2].map(i16::to_le_bytes)), "[-32768, -2]");
        assert_eq!(shown(Dtype::U16, &[[0xff, 0xff]]), "[65535]");
        assert_eq!(shown(Dtype::I32, &[i32::MIN, 7].map(i32::to_le_bytes)), "[-2147483648, 7]");
        assert_eq!(shown(Dtype::U32, &[[0xff; 4]]), "[4294967295]");
        assert_eq!(shown(Dtype::Bool, &[[0], [1]]), "[False, True]");
        assert_eq!(shown(Dtype::F16, &[[0, 0x3c], [0, 0xc0]]), "[1.0, -2.0]");
        assert_eq!(shown(Dtype::F32, &[0.1_f32, -0.0].map(f32::to_le_bytes)), "[0.10000000149011612, -0.0]");
        assert_eq!(shown(Dtype::F64, &[0.1, 1e22].map(f64::to_le_bytes)), "[0.1, 1e+22]");
        let scalar = Array::new(Dtype::Bool, vec![], vec![1]).unwrap();
        assert_eq!(Repr(&Value::Array(scalar)).to_string(), "True");
    }

    #[test]
    fn complex_items_look_as_python_shows_them() {
        let shown =
            |dtype, data: Vec<u8>| Repr(&Value::Array(Array::new(dtype, vec![1], data).unwrap())).to_string();
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        for (real, imaginary, text) in [
            (1.0, 2.0, "(1+2j)"),
            (1.5, -2.25, "(1.5-2.25j)"),
            (0.0, 1.0, "1j"),
            (0.0, -0.0, "-0j"),
            (-0.0, 1.0, "(-0+1j)"),
            (1.0, -0.0, "(1-0j)"),
            (nan, nan, "(nan+nanj)"),
            (inf, -inf, "(inf-infj)"),
            (1e16, 1e-5, "(1e+16+1e-05j)"),
        ] {
            let wide = [real, imaginary].map(f64::to_le_bytes).concat();
            assert_eq!(shown(Dtype::C128, wide), format!("[{text}]"));
        }
        let narrow = [0.5_f32, 0.1].map(f32::to_le_bytes).concat();
        assert_eq!(shown(Dtype::C64, narrow), "[(0.5+0.10000000149011612j)]");
    }

    #[test]
    fn a_text_ends_where_its_writer_refuses() {
        /// A writer with room for so many bytes.
        struct Room(usize);
        impl Write for Room {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 = self.0.checked_sub(text.len()).ok_or(fmt::Error)?;
                Ok(())
            }
        }
        // 2^62 rows of nothing: written to the end it would take centuries.
        let rows = Array::new(Dtype::U8, vec![1 << 62, 0], Vec::new()).unwrap();
        assert!(write!(Room(10_000), "{}", Repr(&Value::Array(rows))).is_err());
    }
}
