//! What the kernels need of a processor: sixteen lanes, in three ways.
//!
//! All three give the same bits. Whole numbers are exact; floats are multiplied and added lane by lane, fused where it
//! says so.

use half::f16;

#[cfg(target_arch = "x86_64")]
mod x86;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512, Vnni};

use super::panel::ROWS;

/// Sixteen lanes.
pub(super) trait Lanes: Copy {
    /// A pair of 16-bit numbers in every lane.
    type Codes: Copy;
    /// A 32-bit number in every lane.
    type Sums: Copy;
    /// A float in every lane.
    type Floats: Copy;

    /// Runs `work` compiled for these lanes.
    fn run<W: Work>(self, work: W);

    /// Whether there are registers enough for the products of eight rows with two panels.
    const WIDE: bool;

    /// Asks the caches for bytes that will be read soon.
    fn prefetch(self, bytes: &[u8]);
    fn load(self, bytes: &[u8; 64]) -> Self::Codes;
    fn load_codes(self, codes: &[i16; 2 * ROWS]) -> Self::Codes;
    fn store_codes(self, codes: Self::Codes) -> [i16; 2 * ROWS];
    /// Both numbers of a lane shifted left; `by` is known when the program is compiled, here and below.
    fn left(self, codes: Self::Codes, by: u32) -> Self::Codes;
    /// Both shifted right, with zeros from the left.
    fn right(self, codes: Self::Codes, by: u32) -> Self::Codes;
    /// Both shifted right by 8, with their sign.
    fn upper_byte(self, codes: Self::Codes) -> Self::Codes;
    fn mask(self, codes: Self::Codes, mask: i16) -> Self::Codes;
    fn or(self, a: Self::Codes, b: Self::Codes) -> Self::Codes;
    fn subtract(self, codes: Self::Codes, number: i16) -> Self::Codes;
    /// The lower halves of the products of 16-bit numbers.
    fn multiply_codes(self, a: Self::Codes, b: Self::Codes) -> Self::Codes;
    /// Numbers of 16 bits, each as both numbers of its lane.
    fn twice(self, numbers: Self::Sums) -> Self::Codes;

    fn unsigned(self, bytes: &[u8; ROWS]) -> Self::Sums;
    fn signed(self, bytes: &[u8; ROWS]) -> Self::Sums;
    fn start(self, sum: i32) -> Self::Sums;
    /// Adds the products of the lanes' pairs with one pair.
    fn dot(self, sums: Self::Sums, codes: Self::Codes, pair: i32) -> Self::Sums;
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// The lower halves of the products.
    fn multiply_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    fn floats(self, sums: Self::Sums) -> Self::Floats;

    fn splat(self, x: f32) -> Self::Floats;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn multiply(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn multiply_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    /// 16-bit floats, all of them finite.
    fn halves(self, bytes: &[u8; 2 * ROWS]) -> Self::Floats;
    /// The upper halves of floats.
    fn uppers(self, bytes: &[u8; 2 * ROWS]) -> Self::Floats;
    fn singles(self, bytes: &[u8; 4 * ROWS]) -> Self::Floats;
    fn load_floats(self, floats: &[f32; ROWS]) -> Self::Floats;
    fn store(self, floats: Self::Floats) -> [f32; ROWS];
}

/// Something that can be done with any lanes.
pub(super) trait Work {
    /// Does it.
    fn work<L: Lanes>(self, lanes: L);
}

/// Lanes in plain Rust, for processors that have none of the others; compilers make vectors of most of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

impl Lanes for Plain {
    type Codes = [i16; 2 * ROWS];
    type Sums = [i32; ROWS];
    type Floats = [f32; ROWS];
    const WIDE: bool = false;

    fn run<W: Work>(self, work: W) {
        work.work(self);
    }

    #[inline(always)]
    fn prefetch(self, _bytes: &[u8]) {}
    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> Self::Codes {
        std::array::from_fn(|i| i16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]))
    }
    #[inline(always)]
    fn load_codes(self, codes: &[i16; 2 * ROWS]) -> Self::Codes {
        *codes
    }
    #[inline(always)]
    fn store_codes(self, codes: Self::Codes) -> [i16; 2 * ROWS] {
        codes
    }
    #[inline(always)]
    fn left(self, codes: Self::Codes, by: u32) -> Self::Codes {
        codes.map(|code| code << by)
    }
    #[inline(always)]
    fn right(self, codes: Self::Codes, by: u32) -> Self::Codes {
        codes.map(|code| (code.cast_unsigned() >> by).cast_signed())
    }
    #[inline(always)]
    fn upper_byte(self, codes: Self::Codes) -> Self::Codes {
        codes.map(|code| code >> 8)
    }
    #[inline(always)]
    fn mask(self, codes: Self::Codes, mask: i16) -> Self::Codes {
        codes.map(|code| code & mask)
    }
    #[inline(always)]
    fn or(self, a: Self::Codes, b: Self::Codes) -> Self::Codes {
        std::array::from_fn(|i| a[i] | b[i])
    }
    #[inline(always)]
    fn subtract(self, codes: Self::Codes, number: i16) -> Self::Codes {
        codes.map(|code| code - number)
    }
    #[inline(always)]
    fn multiply_codes(self, a: Self::Codes, b: Self::Codes) -> Self::Codes {
        std::array::from_fn(|i| a[i].wrapping_mul(b[i]))
    }
    #[inline(always)]
    fn twice(self, numbers: Self::Sums) -> Self::Codes {
        std::array::from_fn(|i| numbers[i / 2] as i16)
    }
    #[inline(always)]
    fn unsigned(self, bytes: &[u8; ROWS]) -> Self::Sums {
        bytes.map(i32::from)
    }
    #[inline(always)]
    fn signed(self, bytes: &[u8; ROWS]) -> Self::Sums {
        bytes.map(|byte| i32::from(byte.cast_signed()))
    }
    #[inline(always)]
    fn start(self, sum: i32) -> Self::Sums {
        [sum; ROWS]
    }
    #[inline(always)]
    fn dot(self, sums: Self::Sums, codes: Self::Codes, pair: i32) -> Self::Sums {
        let (first, second) = (i32::from(pair as i16), pair >> 16);
        std::array::from_fn(|i| {
            sums[i] + i32::from(codes[2 * i]) * first + i32::from(codes[2 * i + 1]) * second
        })
    }
    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].wrapping_add(b[i]))
    }
    #[inline(always)]
    fn multiply_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        std::array::from_fn(|i| a[i].wrapping_mul(b[i]))
    }
    #[inline(always)]
    fn floats(self, sums: Self::Sums) -> Self::Floats {
        sums.map(|sum| sum as f32)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> Self::Floats {
        [x; ROWS]
    }
    #[inline(always)]
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn multiply(self, a: Self::Floats, b: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i] * b[i])
    }
    #[inline(always)]
    fn multiply_add(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    fn halves(self, bytes: &[u8; 2 * ROWS]) -> Self::Floats {
        std::array::from_fn(|i| f16::from_le_bytes([bytes[2 * i], bytes[2 * i + 1]]).to_f32())
    }
    #[inline(always)]
    fn uppers(self, bytes: &[u8; 2 * ROWS]) -> Self::Floats {
        std::array::from_fn(|i| f32::from_le_bytes([0, 0, bytes[2 * i], bytes[2 * i + 1]]))
    }
    #[inline(always)]
    fn singles(self, bytes: &[u8; 4 * ROWS]) -> Self::Floats {
        std::array::from_fn(|i| f32::from_le_bytes(std::array::from_fn(|j| bytes[4 * i + j])))
    }
    #[inline(always)]
    fn load_floats(self, floats: &[f32; ROWS]) -> Self::Floats {
        *floats
    }
    #[inline(always)]
    fn store(self, floats: Self::Floats) -> [f32; ROWS] {
        floats
    }
}
