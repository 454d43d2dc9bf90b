//! Plain data: what may go into a program and come out of it.
//!
//! A closed set of exact types, without references or behaviour. How they look on the wire is in
//! [`crate::codec`].

use std::fmt;

/// A plain Python value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    None,
    /// `bool`.
    Bool(bool),
    /// `int`, of any size.
    Int(Int),
    /// `float`, with its bits: NaN and the infinities included.
    Float(f64),
    /// `str` without lone surrogates.
    Str(String),
    /// `str` with at least one lone surrogate, as code points: no Rust string can hold it.
    Surrogates(Vec<u32>),
    /// `bytes`.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple`.
    Tuple(Vec<Value>),
    /// `dict`, in order. Keys are hashable (no list, dict or array in them) and different.
    Dict(Vec<(Value, Value)>),
    /// A numeric `numpy.ndarray`.
    Array(Array),
}

/// A whole number of any size: the shortest little-endian two's complement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Int(Vec<u8>);

/// A numeric array in C order, little-endian.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    dtype: Dtype,
    shape: Vec<u64>,
    data: Vec<u8>,
}

/// What an array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as numpy names them")]
pub enum Dtype {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    F32,
    F64,
    C64,
    C128,
}

impl Dtype {
    /// All of them, with numpy's short name and the bytes of an item.
    pub const ALL: [(Self, &'static [u8; 3], usize); 14] = [
        (Self::Bool, b"b01", 1),
        (Self::I8, b"i01", 1),
        (Self::I16, b"i02", 2),
        (Self::I32, b"i04", 4),
        (Self::I64, b"i08", 8),
        (Self::U8, b"u01", 1),
        (Self::U16, b"u02", 2),
        (Self::U32, b"u04", 4),
        (Self::U64, b"u08", 8),
        (Self::F16, b"f02", 2),
        (Self::F32, b"f04", 4),
        (Self::F64, b"f08", 8),
        (Self::C64, b"c08", 8),
        (Self::C128, b"c16", 16),
    ];

    /// The name on the wire: numpy's kind and two digits of size.
    pub fn name(self) -> &'static [u8; 3] {
        Self::ALL[self as usize].1
    }

    /// Bytes of one item.
    pub fn item_size(self) -> usize {
        Self::ALL[self as usize].2
    }

    /// The type of this name.
    pub fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| known.as_slice() == name).map(|(dtype, ..)| *dtype)
    }
}

/// Most dimensions of an array, as in numpy 1.
pub const MAX_DIMENSIONS: usize = 32;

impl Array {
    /// An array, if the data has as many bytes as type and shape say and every bool is 0 or 1.
    pub fn new(dtype: Dtype, shape: Vec<u64>, data: Vec<u8>) -> Option<Self> {
        let count = shape.iter().try_fold(1_u64, |product, side| product.checked_mul(*side))?;
        let bytes = usize::try_from(count).ok()?.checked_mul(dtype.item_size())?;
        let bools = dtype != Dtype::Bool || data.iter().all(|byte| *byte < 2);
        let whole = shape.len() <= MAX_DIMENSIONS && bytes == data.len() && bools;
        whole.then_some(Self { dtype, shape, data })
    }

    /// What it holds.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Length of every dimension.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The items, little-endian, last dimension fastest.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The items as numbers, rounded to f64; `None` for complex numbers.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        self.data.chunks_exact(self.dtype.item_size()).map(|item| number(self.dtype, item)).collect()
    }
}

fn number(dtype: Dtype, item: &[u8]) -> Option<f64> {
    let mut wide = [0; 8];
    wide[..item.len().min(8)].copy_from_slice(&item[..item.len().min(8)]);
    let unsigned = u64::from_le_bytes(wide);
    let shift = 64 - 8 * item.len().min(8);
    let signed = ((unsigned << shift) as i64) >> shift;
    match dtype {
        Dtype::Bool | Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => Some(unsigned as f64),
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => Some(signed as f64),
        Dtype::F16 => Some(half(unsigned as u16)),
        Dtype::F32 => Some(f64::from(f32::from_bits(unsigned as u32))),
        Dtype::F64 => Some(f64::from_bits(unsigned)),
        Dtype::C64 | Dtype::C128 => None,
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    };
    sign * size
}

impl Int {
    /// From little-endian two's complement; `None` unless it is the shortest (at least one byte).
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let shortest = match *bytes.as_slice() {
            [] => false,
            [_] => true,
            [.., low, high] => !((high == 0 && low < 0x80) || (high == 0xff && low >= 0x80)),
        };
        shortest.then_some(Self(bytes))
    }

    /// Little-endian two's complement, the shortest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The number, if it fits.
    pub fn to_i64(&self) -> Option<i64> {
        if self.0.len() > 8 {
            return None;
        }
        let mut wide = [if self.negative() { 0xff } else { 0 }; 8];
        wide[..self.0.len()].copy_from_slice(&self.0);
        Some(i64::from_le_bytes(wide))
    }

    fn negative(&self) -> bool {
        self.0.last().is_some_and(|high| *high >= 0x80)
    }

    /// The digits of the size, base 2^32, lowest first.
    fn magnitude(&self) -> Vec<u32> {
        let mut bytes = self.0.clone();
        if self.negative() {
            let mut carry = true;
            for byte in &mut bytes {
                let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
                (*byte, carry) = (sum, overflow);
            }
        }
        let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        bytes.chunks(4).map(word).collect()
    }

    /// From decimal digits with an optional sign, or hexadecimal ones after `0x`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (radix, digits) = digits.strip_prefix("0x").map_or((10, digits), |hex| (16, hex));
        if digits.is_empty() || (radix == 10 && digits.len() > MAX_DECIMAL_DIGITS) {
            return None;
        }
        let mut magnitude: Vec<u8> = Vec::new();
        for digit in digits.chars() {
            let mut carry = digit.to_digit(radix)?;
            for byte in &mut magnitude {
                let sum = u32::from(*byte) * radix + carry;
                (*byte, carry) = (sum as u8, sum >> 8);
            }
            if carry > 0 {
                magnitude.push(carry as u8);
            }
        }
        Some(Self::signed(negative, magnitude))
    }

    fn signed(negative: bool, mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        if negative {
            let mut carry = true;
            for byte in &mut bytes {
                let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
                (*byte, carry) = (sum, overflow);
            }
        }
        Self::shorten(bytes)
    }

    fn shorten(mut bytes: Vec<u8>) -> Self {
        while let [.., low, high] = *bytes.as_slice()
            && ((high == 0 && low < 0x80) || (high == 0xff && low >= 0x80))
        {
            bytes.pop();
        }
        Self(bytes)
    }
}

impl From<i64> for Int {
    fn from(number: i64) -> Self {
        Self::shorten(number.to_le_bytes().to_vec())
    }
}

/// Python's own limit for decimal text; above it, the time to convert is quadratic and the text is hexadecimal.
pub const MAX_DECIMAL_DIGITS: usize = 4300;
/// Bytes that can't have more than [`MAX_DECIMAL_DIGITS`] digits.
const MAX_DECIMAL_BYTES: usize = 1785;

/// Decimal; hexadecimal with `0x` above 1,785 bytes (about 4,300 digits).
impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut magnitude = self.magnitude();
        let sign = if self.negative() { "-" } else { "" };
        let mut digits = Vec::new();
        let (base, width) = (1_000_000_000_u64, 9);
        if self.0.len() > MAX_DECIMAL_BYTES {
            let text: String = magnitude.iter().rev().map(|word| format!("{word:08x}")).collect();
            return write!(f, "{sign}0x{}", text.trim_start_matches('0'));
        }
        while !magnitude.is_empty() {
            let mut rest = 0;
            for word in magnitude.iter_mut().rev() {
                let wide = rest << 32 | u64::from(*word);
                (*word, rest) = ((wide / base) as u32, wide % base);
            }
            while magnitude.last() == Some(&0) {
                magnitude.pop();
            }
            digits.push(rest);
        }
        write!(f, "{sign}{}", digits.pop().unwrap_or(0))?;
        digits.iter().rev().try_for_each(|group| write!(f, "{group:0width$}"))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_numbers_are_shown_and_parsed_as_rust_does(number: i128) {
            let int = Int::parse(&number.to_string()).unwrap();
            prop_assert_eq!(int.to_string(), number.to_string());
            prop_assert_eq!(int.to_i64(), i64::try_from(number).ok());
            prop_assert!(Int::from_bytes(int.as_bytes().to_vec()).is_some());
            if let Ok(small) = i64::try_from(number) {
                prop_assert_eq!(Int::from(small), int);
            }
        }

        #[test]
        fn numbers_beyond_the_decimal_limit_are_hexadecimal_and_parse_back(
            bytes in prop::collection::vec(any::<u8>(), 1780..1800),
        ) {
            let int = Int::shorten(bytes);
            prop_assert_eq!(Int::parse(&int.to_string()), Some(int));
        }
    }

    #[test]
    fn dtypes_are_listed_in_their_order() {
        for (index, (dtype, name, size)) in Dtype::ALL.into_iter().enumerate() {
            assert_eq!((dtype as usize, dtype.name(), dtype.item_size()), (index, name, size));
            assert_eq!(Dtype::named(name), Some(dtype));
        }
    }

    #[test]
    fn arrays_are_refused_if_their_bytes_are_not_those_of_their_shape() {
        assert!(Array::new(Dtype::F32, vec![2, 3], vec![0; 24]).is_some());
        assert!(Array::new(Dtype::F32, vec![2, 3], vec![0; 23]).is_none());
        assert!(Array::new(Dtype::U8, vec![1 << 33, 1 << 33, 0], vec![]).is_none());
        assert!(Array::new(Dtype::Bool, vec![1], vec![2]).is_none());
        assert!(Array::new(Dtype::U8, vec![1; 33], vec![0]).is_none());
    }

    #[test]
    fn halves_are_read_as_numbers() {
        let half = |bits: u16| {
            Array::new(Dtype::F16, vec![1], bits.to_le_bytes().to_vec()).unwrap().to_f64().unwrap()[0]
        };
        assert_eq!(
            [half(0x3c00), half(0xc000), half(0x0001), half(0x7c00)],
            [1.0, -2.0, 2_f64.powi(-24), f64::INFINITY]
        );
        assert!(half(0x7e00).is_nan());
    }
}
