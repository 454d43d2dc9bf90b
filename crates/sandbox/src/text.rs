//! Values as Python writes them: what `repr` gives.

use crate::value::{Array, Value};
use std::fmt::{self, Write};

/// Shows a value as Python's `repr` does. Arrays are shown as nested lists. Characters are printable if Rust says so.
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

/// The items of an array, converted some at a time: all of them as numbers can be eight times the array.
struct Items<'a> {
    array: &'a Array,
    /// Bytes that are not converted yet.
    rest: &'a [u8],
    some: std::vec::IntoIter<f64>,
}

impl<'a> Items<'a> {
    fn new(array: &'a Array) -> Self {
        Self { array, rest: array.data(), some: Vec::new().into_iter() }
    }

    /// The next number; `None` where it is complex.
    fn next(&mut self) -> Option<f64> {
        if self.some.as_slice().is_empty() {
            let dtype = self.array.dtype();
            let (taken, rest) = self.rest.split_at((1024 * dtype.item_size()).min(self.rest.len()));
            self.rest = rest;
            let count = (taken.len() / dtype.item_size()) as u64;
            let part = Array::new(dtype, vec![count], taken.to_vec());
            self.some = part.and_then(|part| part.to_f64()).unwrap_or_default().into_iter();
        }
        self.some.next()
    }
}

fn nested(f: &mut fmt::Formatter<'_>, shape: &[u64], items: &mut Items<'_>) -> fmt::Result {
    let Some((side, inner)) = shape.split_first() else {
        let whole = !matches!(items.array.dtype().name()[0], b'f' | b'c');
        return match items.next() {
            Some(item) if whole => write!(f, "{item:.0}"),
            Some(item) => f.write_str(&number(item)),
            None => f.write_str("nan"),
        };
    };
    f.write_char('[')?;
    for index in 0..*side {
        f.write_str(if index > 0 { ", " } else { "" })?;
        nested(f, inner, items)?;
    }
    f.write_char(']')
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
    let printable = |c: char| !(c.is_control() || (c.is_whitespace() && c != ' ')) && (c.is_ascii() || !byte);
    match char::from_u32(point) {
        Some('\\') => f.write_str("\\\\"),
        Some('\n') => f.write_str("\\n"),
        Some('\r') => f.write_str("\\r"),
        Some('\t') => f.write_str("\\t"),
        Some(c) if c == quote => write!(f, "\\{c}"),
        Some(c) if printable(c) => f.write_char(c),
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
        let complex = Array::new(Dtype::C64, vec![2], vec![0; 16]).unwrap();
        assert_eq!(shown(Value::Array(complex)), "[nan, nan]");
        assert_eq!(shown(Value::Surrogates(vec![0xd800, 0x61])), "'\\ud800a'");
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
