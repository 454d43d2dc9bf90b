//! Plain data: what may go into a program and come out of it.
//!
//! A closed set of exact types, without references or behaviour. How they look on the wire is in
//! [`crate::codec`].

pub use crate::int::{Int, MAX_DECIMAL_DIGITS};

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

/// Most dimensions of an array, as in numpy 2.
pub const MAX_DIMENSIONS: usize = 64;

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

    /// How many lists it would be as nested lists, itself left out: `a.tolist()` of shape (2, 3) holds 2. Without this
    /// number an array of shape (2^62, 0) would be 80 bytes for the sender and 2^62 lists for who shows it, so
    /// [`crate::codec`] counts rows as values. `u64::MAX` if there are more.
    pub fn rows(&self) -> u64 {
        rows(&self.shape)
    }

    /// The items as numbers, rounded to f64; `None` for complex numbers. Takes 8 bytes for every item, which has one at
    /// least.
    pub fn to_f64(&self) -> Option<Vec<f64>> {
        self.data.chunks_exact(self.dtype.item_size()).map(|item| number(self.dtype, item)).collect()
    }
}

pub(crate) fn rows(shape: &[u64]) -> u64 {
    let leading = shape.split_last().map_or(shape, |(_, leading)| leading);
    let mut product = 1_u64;
    leading.iter().fold(0, |rows: u64, side| {
        product = product.saturating_mul(*side);
        rows.saturating_add(product)
    })
}

/// An item as a number, rounded to f64; `None` if it is complex.
pub(crate) fn number(dtype: Dtype, item: &[u8]) -> Option<f64> {
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

/// Most bytes that an allocator adds to what is asked of it, for its own notes and by rounding up.
pub(crate) const ALLOCATION: usize = 32;

impl Value {
    /// Bytes of memory that the value takes: itself and all that it holds, with what an allocator adds at most. Takes
    /// time linear in its values. Of a value that was decoded it is at most
    /// [`most_memory`](crate::codec::Budget::most_memory) of the budget.
    pub fn memory(&self) -> usize {
        size_of::<Self>() + self.held()
    }

    /// What it holds beyond itself.
    fn held(&self) -> usize {
        let all = |values: &Vec<Self>| {
            block::<Self>(values.capacity()) + values.iter().map(Self::held).sum::<usize>()
        };
        match self {
            Self::None | Self::Bool(_) | Self::Float(_) => 0,
            Self::Int(int) => block::<u8>(int.capacity()),
            Self::Str(text) => block::<u8>(text.capacity()),
            Self::Surrogates(points) => block::<u32>(points.capacity()),
            Self::Bytes(bytes) => block::<u8>(bytes.capacity()),
            Self::List(values) | Self::Tuple(values) => all(values),
            Self::Dict(pairs) => {
                let inner = pairs.iter().map(|(key, value)| key.held() + value.held());
                block::<(Self, Self)>(pairs.capacity()) + inner.sum::<usize>()
            }
            Self::Array(array) => block::<u64>(array.shape.capacity()) + block::<u8>(array.data.capacity()),
        }
    }
}

/// Bytes of an allocation of this many items; none for none.
fn block<T>(items: usize) -> usize {
    if items == 0 { 0 } else { items * size_of::<T>() + ALLOCATION }
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
        assert!(Array::new(Dtype::U8, vec![1; 65], vec![0]).is_none());
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

    #[test]
    fn the_rows_of_an_array_are_the_lists_that_it_would_be() {
        let rows = |shape: &[u64]| {
            let bytes = shape.iter().product::<u64>() as usize;
            Array::new(Dtype::U8, shape.to_vec(), vec![0; bytes]).unwrap().rows()
        };
        assert_eq!([rows(&[]), rows(&[5]), rows(&[2, 3]), rows(&[2, 3, 4])], [0, 0, 2, 8]);
        assert_eq!(rows(&[1 << 62, 0]), 1 << 62);
        assert_eq!(rows(&[100, 1, 1, 1]), 300);
        assert_eq!(rows(&[0, 1 << 40]), 0);
        assert_eq!(super::rows(&[1 << 40, 1 << 40, 0]), u64::MAX);
    }

    #[test]
    fn the_memory_of_a_value_is_that_of_itself_and_of_all_its_allocations() {
        let one = size_of::<Value>();
        assert_eq!(Value::None.memory(), one);
        assert_eq!(Value::Bytes(Vec::new()).memory(), one);
        assert_eq!(Value::Bytes(vec![0; 100]).memory(), one + 100 + ALLOCATION);
        let list = Value::List(vec![Value::Str("ab".to_owned()), Value::None]);
        assert_eq!(list.memory(), one + 2 * one + ALLOCATION + 2 + ALLOCATION);
        let dict = Value::Dict(vec![("k".into(), Value::Tuple(vec![Value::None]))]);
        assert_eq!(dict.memory(), one + 2 * one + ALLOCATION + 1 + ALLOCATION + one + ALLOCATION);
        let array = Value::Array(Array::new(Dtype::U8, vec![2, 3], vec![0; 6]).unwrap());
        assert_eq!(array.memory(), one + 16 + ALLOCATION + 6 + ALLOCATION);
        let reserved = Value::Surrogates(Vec::with_capacity(10));
        assert_eq!(reserved.memory(), one + 40 + ALLOCATION);
    }
}
