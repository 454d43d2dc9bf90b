//! Whole numbers of any size, and their text.
//!
//! Hexadecimal text takes linear time in both directions. Decimal text is quadratic by nature and therefore bounded: up
//! to [`MAX_DECIMAL_DIGITS`] digits, some 50 operations on words for each byte.

use std::fmt;

/// A whole number of any size: the shortest little-endian two's complement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Int(Vec<u8>);

/// Python's own limit for decimal text; above it, the time to convert is quadratic and the text is hexadecimal.
pub const MAX_DECIMAL_DIGITS: usize = 4300;
/// Bytes that can't have more than [`MAX_DECIMAL_DIGITS`] digits.
const MAX_DECIMAL_BYTES: usize = 1785;
/// Decimal digits that are read at once: the most that fit a word whatever they are.
const DIGITS_OF_A_WORD: usize = 19;

impl Int {
    /// From little-endian two's complement; `None` unless it is the shortest (at least one byte).
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        let shortest = match *bytes.as_slice() {
            [] => false,
            [_] => true,
            [.., low, high] => !is_sign_only(low, high),
        };
        shortest.then_some(Self(bytes))
    }

    /// Little-endian two's complement, the shortest.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn capacity(&self) -> usize {
        self.0.capacity()
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

    /// The whole number that a float is; `None` for a fraction, an infinity or NaN.
    pub(crate) fn of_float(float: f64) -> Option<Self> {
        if !float.is_finite() || float.fract() != 0.0 {
            return None;
        }
        if float.abs() < 9e18 {
            return Some((float as i64).into());
        }
        // From 2^62 on a float is its 53 bits of fraction with zeros behind them.
        let bits = float.to_bits();
        let zeros = (bits >> 52 & 0x7ff) as usize - 1075;
        let fraction = u128::from(bits & ((1 << 52) - 1) | 1 << 52) << (zeros % 8);
        let mut bytes = vec![0; zeros / 8];
        bytes.extend(fraction.to_le_bytes());
        Some(Self::signed(float < 0.0, bytes))
    }

    fn negative(&self) -> bool {
        self.0.last().is_some_and(|high| *high >= 0x80)
    }

    /// The digits of the size, base 2^32, lowest first.
    fn magnitude(&self) -> Vec<u32> {
        let mut bytes = self.0.clone();
        if self.negative() {
            negate(&mut bytes);
        }
        let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
        bytes.chunks(4).map(word).collect()
    }

    /// From up to 4,300 decimal digits with an optional sign, or any number of hexadecimal ones after `0x`.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let magnitude = match digits.strip_prefix("0x") {
            Some(digits) => hexadecimal(digits.as_bytes()),
            None => decimal(digits.as_bytes()),
        };
        Some(Self::signed(negative, magnitude?))
    }

    /// From the size, little-endian.
    fn signed(negative: bool, mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        if negative {
            negate(&mut bytes);
        }
        Self::shorten(bytes)
    }

    fn shorten(mut bytes: Vec<u8>) -> Self {
        while let [.., low, high] = *bytes.as_slice()
            && is_sign_only(low, high)
        {
            bytes.pop();
        }
        Self(bytes)
    }
}

/// Whether the highest byte says nothing but the sign, which the one below it says as well.
fn is_sign_only(low: u8, high: u8) -> bool {
    (high == 0 && low < 0x80) || (high == 0xff && low >= 0x80)
}

/// Minus this two's complement.
fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        let (sum, overflow) = (!*byte).overflowing_add(u8::from(carry));
        (*byte, carry) = (sum, overflow);
    }
}

/// The size that hexadecimal digits say, little-endian.
fn hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).map(|digit| digit as u8);
    if digits.is_empty() {
        return None;
    }
    // Room for the sign's byte as well.
    let mut bytes = Vec::with_capacity(digits.len() / 2 + 2);
    for pair in digits.rchunks(2) {
        bytes.push(match pair {
            [high, low] => digit(high)? << 4 | digit(low)?,
            low => digit(low.first()?)?,
        });
    }
    Some(bytes)
}

/// The size that decimal digits say, little-endian.
fn decimal(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > MAX_DECIMAL_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut words: Vec<u64> = Vec::with_capacity(digits.len() / DIGITS_OF_A_WORD + 1);
    let (first, others) = digits.split_at(digits.len() % DIGITS_OF_A_WORD);
    for chunk in std::iter::once(first).chain(others.chunks(DIGITS_OF_A_WORD)) {
        let mut carry = chunk.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        let scale = 10_u64.pow(chunk.len() as u32);
        for word in &mut words {
            let wide = u128::from(*word) * u128::from(scale) + u128::from(carry);
            (*word, carry) = (wide as u64, (wide >> 64) as u64);
        }
        if carry > 0 {
            words.push(carry);
        }
    }
    Some(words.iter().flat_map(|word| word.to_le_bytes()).collect())
}

impl From<i64> for Int {
    fn from(number: i64) -> Self {
        Self::shorten(number.to_le_bytes().to_vec())
    }
}

/// Decimal; hexadecimal with `0x` above 1,785 bytes (about 4,300 digits).
impl fmt::Display for Int {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut magnitude = self.magnitude();
        f.write_str(if self.negative() { "-" } else { "" })?;
        if self.0.len() > MAX_DECIMAL_BYTES {
            while magnitude.pop_if(|word| *word == 0).is_some() {}
            write!(f, "0x{:x}", magnitude.pop().unwrap_or(0))?;
            return magnitude.iter().rev().try_for_each(|word| write!(f, "{word:08x}"));
        }
        let mut digits = Vec::new();
        const BASE: u64 = 1_000_000_000;
        while !magnitude.is_empty() {
            let mut rest = 0;
            for word in magnitude.iter_mut().rev() {
                let wide = rest << 32 | u64::from(*word);
                (*word, rest) = ((wide / BASE) as u32, wide % BASE);
            }
            while magnitude.pop_if(|word| *word == 0).is_some() {}
            digits.push(rest);
        }
        write!(f, "{}", digits.pop().unwrap_or(0))?;
        digits.iter().rev().try_for_each(|group| write!(f, "{group:09}"))
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
        fn hexadecimal_digits_give_the_number_that_decimal_ones_give(number: i128) {
            let size = number.unsigned_abs();
            let hexadecimal = format!("{}0x{size:x}", if number < 0 { "-" } else { "" });
            prop_assert_eq!(Int::parse(&hexadecimal), Int::parse(&number.to_string()));
            prop_assert_eq!(Int::parse(&format!("0x000{size:X}")), Int::parse(&size.to_string()));
        }

        #[test]
        fn numbers_of_every_length_parse_back(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let int = Int::shorten(bytes);
            prop_assert_eq!(Int::parse(&int.to_string()), Some(int));
        }

        #[test]
        fn numbers_beyond_the_decimal_limit_are_hexadecimal_and_parse_back(
            bytes in prop::collection::vec(any::<u8>(), 1780..1800),
        ) {
            let int = Int::shorten(bytes);
            prop_assert_eq!(Int::parse(&int.to_string()), Some(int));
        }

        #[test]
        fn a_whole_float_is_the_number_that_rust_makes_of_it(bits: u64) {
            let float = f64::from_bits(bits);
            let whole = float.is_finite() && float.fract() == 0.0;
            // Rust writes all digits of a float, however large.
            prop_assert_eq!(Int::of_float(float), whole.then(|| Int::parse(&format!("{:.0}", float + 0.0)).unwrap()));
        }
    }

    #[test]
    fn floats_at_the_border_of_words_are_whole_numbers() {
        for (float, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (9e18, "9000000000000000000"),
            (9_223_372_036_854_775_808.0, "9223372036854775808"),
            (-9_223_372_036_854_775_808.0, "-9223372036854775808"),
            (1e30, "1000000000000000019884624838656"),
            (-1e30, "-1000000000000000019884624838656"),
        ] {
            assert_eq!(Int::of_float(float), Int::parse(text), "{text}");
        }
        assert_eq!(Int::of_float(f64::MAX), Int::parse(&format!("{:.0}", f64::MAX)));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", "0x", "-0x", "--1", "+1", " 1", "1_0", "0xg", "1e3", "٣", "0x٣", "a", "0x1 "]
        {
            assert_eq!(Int::parse(text), None, "{text}");
        }
        assert_eq!(Int::parse("-0"), Some(0.into()));
        assert!(Int::parse(&"9".repeat(MAX_DECIMAL_DIGITS)).is_some());
        assert_eq!(Int::parse(&"0".repeat(MAX_DECIMAL_DIGITS + 1)), None);
    }

    /// Quadratic time would be hours.
    #[test]
    fn a_number_of_four_million_digits_is_read_and_shown_in_linear_time() {
        for (sign, digits) in
            [("", "7".repeat(4_000_001)), ("-", "9".repeat(4_000_000)), ("", "f".repeat(4_000_000))]
        {
            let text = format!("{sign}0x{digits}");
            let int = Int::parse(&text).unwrap();
            assert!(int.as_bytes().len() >= 2_000_000);
            assert!(int.to_string() == text, "{sign}0x{}...", &digits[..1]);
        }
    }
}
