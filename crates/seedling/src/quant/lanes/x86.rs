//! Lanes of x86-64: one vector of 512 bits, or two of 256.
//!
//! The compiler makes one instruction of a product of pairs and the addition behind it where the processor has one
//! (`vpdpwssd`, in [`Vnni`]).

use std::arch::x86_64::{__m128i, __m256, __m256i, __m512, __m512i, _MM_HINT_T0};

use pulp::{
    cast,
    x86::{V3, V4},
};

use super::{Lanes, Work};
use crate::quant::panel::ROWS;

pulp::simd_type! {
    /// AVX-512 with products of 16-bit pairs that are added in the same step.
    pub(in crate::quant) struct Vnni {
        pub sse: "sse",
        pub sse2: "sse2",
        pub fxsr: "fxsr",
        pub sse3: "sse3",
        pub ssse3: "ssse3",
        pub sse4_1: "sse4.1",
        pub sse4_2: "sse4.2",
        pub popcnt: "popcnt",
        pub avx: "avx",
        pub avx2: "avx2",
        pub bmi1: "bmi1",
        pub bmi2: "bmi2",
        pub fma: "fma",
        pub lzcnt: "lzcnt",
        pub avx512f: "avx512f",
        pub avx512bw: "avx512bw",
        pub avx512cd: "avx512cd",
        pub avx512dq: "avx512dq",
        pub avx512vl: "avx512vl",
        pub avx512vnni: "avx512vnni",
    }
}

/// AVX-512.
pub(in crate::quant) type Avx512 = V4;
/// AVX2.
pub(in crate::quant) type Avx2 = V3;

/// An intrinsic whose number must be in the instruction, with numbers below 16.
macro_rules! with_number {
    ($by:expr, $($call:tt)+) => {
        match $by {
            1 => with_number!(@ 1, $($call)+),
            2 => with_number!(@ 2, $($call)+),
            3 => with_number!(@ 3, $($call)+),
            4 => with_number!(@ 4, $($call)+),
            5 => with_number!(@ 5, $($call)+),
            6 => with_number!(@ 6, $($call)+),
            7 => with_number!(@ 7, $($call)+),
            8 => with_number!(@ 8, $($call)+),
            9 => with_number!(@ 9, $($call)+),
            10 => with_number!(@ 10, $($call)+),
            11 => with_number!(@ 11, $($call)+),
            12 => with_number!(@ 12, $($call)+),
            _ => with_number!(@ 0, $($call)+),
        }
    };
    (@ $by:literal, $set:expr, $name:ident, $codes:expr) => { $set.$name::<$by>($codes) };
}

macro_rules! wide_lanes {
    ($name:ty) => {
        impl Lanes for $name {
            type Codes = __m512i;
            type Sums = __m512i;
            type Floats = __m512;
            const WIDE: bool = true;

            #[inline(always)]
            fn run<W: Work>(self, work: W) {
                self.vectorize(
                    #[inline(always)]
                    || work.work(self),
                );
            }

            #[inline(always)]
            fn prefetch(self, bytes: &[u8]) {
                for line in bytes.chunks(64) {
                    self.sse._mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
                }
            }
            #[inline(always)]
            fn load(self, bytes: &[u8; 64]) -> __m512i {
                cast(*bytes)
            }
            #[inline(always)]
            fn load_codes(self, codes: &[i16; 2 * ROWS]) -> __m512i {
                cast(*codes)
            }
            #[inline(always)]
            fn store_codes(self, codes: __m512i) -> [i16; 2 * ROWS] {
                cast(codes)
            }
            #[inline(always)]
            fn left(self, codes: __m512i, by: u32) -> __m512i {
                with_number!(by, self.avx512bw, _mm512_slli_epi16, codes)
            }
            #[inline(always)]
            fn right(self, codes: __m512i, by: u32) -> __m512i {
                with_number!(by, self.avx512bw, _mm512_srli_epi16, codes)
            }
            #[inline(always)]
            fn upper_byte(self, codes: __m512i) -> __m512i {
                self.avx512bw._mm512_srai_epi16::<8>(codes)
            }
            #[inline(always)]
            fn mask(self, codes: __m512i, mask: i16) -> __m512i {
                self.avx512f._mm512_and_si512(codes, self.avx512f._mm512_set1_epi16(mask))
            }
            #[inline(always)]
            fn or(self, a: __m512i, b: __m512i) -> __m512i {
                self.avx512f._mm512_or_si512(a, b)
            }
            #[inline(always)]
            fn subtract(self, codes: __m512i, number: i16) -> __m512i {
                self.avx512bw._mm512_sub_epi16(codes, self.avx512f._mm512_set1_epi16(number))
            }
            #[inline(always)]
            fn multiply_codes(self, a: __m512i, b: __m512i) -> __m512i {
                self.avx512bw._mm512_mullo_epi16(a, b)
            }
            #[inline(always)]
            fn twice(self, numbers: __m512i) -> __m512i {
                let lower = self.avx512f._mm512_and_si512(numbers, self.avx512f._mm512_set1_epi32(0xffff));
                self.avx512f._mm512_or_si512(lower, self.avx512f._mm512_slli_epi32::<16>(numbers))
            }
            #[inline(always)]
            fn unsigned(self, bytes: &[u8; ROWS]) -> __m512i {
                self.avx512f._mm512_cvtepu8_epi32(cast(*bytes))
            }
            #[inline(always)]
            fn signed(self, bytes: &[u8; ROWS]) -> __m512i {
                self.avx512f._mm512_cvtepi8_epi32(cast(*bytes))
            }
            #[inline(always)]
            fn start(self, sum: i32) -> __m512i {
                self.avx512f._mm512_set1_epi32(sum)
            }
            #[inline(always)]
            fn dot(self, sums: __m512i, codes: __m512i, pair: i32) -> __m512i {
                let products = self.avx512bw._mm512_madd_epi16(codes, self.avx512f._mm512_set1_epi32(pair));
                self.avx512f._mm512_add_epi32(sums, products)
            }
            #[inline(always)]
            fn add_sums(self, a: __m512i, b: __m512i) -> __m512i {
                self.avx512f._mm512_add_epi32(a, b)
            }
            #[inline(always)]
            fn multiply_sums(self, a: __m512i, b: __m512i) -> __m512i {
                self.avx512f._mm512_mullo_epi32(a, b)
            }
            #[inline(always)]
            fn floats(self, sums: __m512i) -> __m512 {
                self.avx512f._mm512_cvtepi32_ps(sums)
            }
            #[inline(always)]
            fn splat(self, x: f32) -> __m512 {
                self.avx512f._mm512_set1_ps(x)
            }
            #[inline(always)]
            fn add(self, a: __m512, b: __m512) -> __m512 {
                self.avx512f._mm512_add_ps(a, b)
            }
            #[inline(always)]
            fn multiply(self, a: __m512, b: __m512) -> __m512 {
                self.avx512f._mm512_mul_ps(a, b)
            }
            #[inline(always)]
            fn multiply_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
                self.avx512f._mm512_fmadd_ps(a, b, c)
            }
            #[inline(always)]
            fn halves(self, bytes: &[u8; 2 * ROWS]) -> __m512 {
                self.avx512f._mm512_cvtph_ps(cast(*bytes))
            }
            #[inline(always)]
            fn uppers(self, bytes: &[u8; 2 * ROWS]) -> __m512 {
                let wide = self.avx512f._mm512_cvtepu16_epi32(cast(*bytes));
                cast(self.avx512f._mm512_slli_epi32::<16>(wide))
            }
            #[inline(always)]
            fn singles(self, bytes: &[u8; 4 * ROWS]) -> __m512 {
                cast(*bytes)
            }
            #[inline(always)]
            fn load_floats(self, floats: &[f32; ROWS]) -> __m512 {
                cast(*floats)
            }
            #[inline(always)]
            fn store(self, floats: __m512) -> [f32; ROWS] {
                cast(floats)
            }
        }
    };
}

wide_lanes!(Vnni);
wide_lanes!(Avx512);

impl Lanes for Avx2 {
    type Codes = [__m256i; 2];
    type Sums = [__m256i; 2];
    type Floats = [__m256; 2];
    const WIDE: bool = false;

    #[inline(always)]
    fn run<W: Work>(self, work: W) {
        self.vectorize(
            #[inline(always)]
            || work.work(self),
        );
    }

    #[inline(always)]
    fn prefetch(self, bytes: &[u8]) {
        for line in bytes.chunks(64) {
            self.sse._mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[inline(always)]
    fn load(self, bytes: &[u8; 64]) -> [__m256i; 2] {
        cast(*bytes)
    }
    #[inline(always)]
    fn load_codes(self, codes: &[i16; 2 * ROWS]) -> [__m256i; 2] {
        cast(*codes)
    }
    #[inline(always)]
    fn store_codes(self, codes: [__m256i; 2]) -> [i16; 2 * ROWS] {
        cast(codes)
    }
    #[inline(always)]
    fn left(self, codes: [__m256i; 2], by: u32) -> [__m256i; 2] {
        let [a, b] = codes;
        [with_number!(by, self.avx2, _mm256_slli_epi16, a), with_number!(by, self.avx2, _mm256_slli_epi16, b)]
    }
    #[inline(always)]
    fn right(self, codes: [__m256i; 2], by: u32) -> [__m256i; 2] {
        let [a, b] = codes;
        [with_number!(by, self.avx2, _mm256_srli_epi16, a), with_number!(by, self.avx2, _mm256_srli_epi16, b)]
    }
    #[inline(always)]
    fn upper_byte(self, [a, b]: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_srai_epi16::<8>(a), self.avx2._mm256_srai_epi16::<8>(b)]
    }
    #[inline(always)]
    fn mask(self, [a, b]: [__m256i; 2], mask: i16) -> [__m256i; 2] {
        let mask = self.avx._mm256_set1_epi16(mask);
        [self.avx2._mm256_and_si256(a, mask), self.avx2._mm256_and_si256(b, mask)]
    }
    #[inline(always)]
    fn or(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_or_si256(a[0], b[0]), self.avx2._mm256_or_si256(a[1], b[1])]
    }
    #[inline(always)]
    fn subtract(self, [a, b]: [__m256i; 2], number: i16) -> [__m256i; 2] {
        let number = self.avx._mm256_set1_epi16(number);
        [self.avx2._mm256_sub_epi16(a, number), self.avx2._mm256_sub_epi16(b, number)]
    }
    #[inline(always)]
    fn multiply_codes(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_mullo_epi16(a[0], b[0]), self.avx2._mm256_mullo_epi16(a[1], b[1])]
    }
    #[inline(always)]
    fn twice(self, numbers: [__m256i; 2]) -> [__m256i; 2] {
        let mask = self.avx._mm256_set1_epi32(0xffff);
        numbers.map(
            #[inline(always)]
            |numbers| {
                let lower = self.avx2._mm256_and_si256(numbers, mask);
                self.avx2._mm256_or_si256(lower, self.avx2._mm256_slli_epi32::<16>(numbers))
            },
        )
    }
    #[inline(always)]
    fn unsigned(self, bytes: &[u8; ROWS]) -> [__m256i; 2] {
        let bytes: __m128i = cast(*bytes);
        let upper = self.sse2._mm_bsrli_si128::<8>(bytes);
        [self.avx2._mm256_cvtepu8_epi32(bytes), self.avx2._mm256_cvtepu8_epi32(upper)]
    }
    #[inline(always)]
    fn signed(self, bytes: &[u8; ROWS]) -> [__m256i; 2] {
        let bytes: __m128i = cast(*bytes);
        let upper = self.sse2._mm_bsrli_si128::<8>(bytes);
        [self.avx2._mm256_cvtepi8_epi32(bytes), self.avx2._mm256_cvtepi8_epi32(upper)]
    }
    #[inline(always)]
    fn start(self, sum: i32) -> [__m256i; 2] {
        [self.avx._mm256_set1_epi32(sum); 2]
    }
    #[inline(always)]
    fn dot(self, sums: [__m256i; 2], codes: [__m256i; 2], pair: i32) -> [__m256i; 2] {
        let pair = self.avx._mm256_set1_epi32(pair);
        [
            self.avx2._mm256_add_epi32(sums[0], self.avx2._mm256_madd_epi16(codes[0], pair)),
            self.avx2._mm256_add_epi32(sums[1], self.avx2._mm256_madd_epi16(codes[1], pair)),
        ]
    }
    #[inline(always)]
    fn add_sums(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_add_epi32(a[0], b[0]), self.avx2._mm256_add_epi32(a[1], b[1])]
    }
    #[inline(always)]
    fn multiply_sums(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
        [self.avx2._mm256_mullo_epi32(a[0], b[0]), self.avx2._mm256_mullo_epi32(a[1], b[1])]
    }
    #[inline(always)]
    fn floats(self, [a, b]: [__m256i; 2]) -> [__m256; 2] {
        [self.avx._mm256_cvtepi32_ps(a), self.avx._mm256_cvtepi32_ps(b)]
    }
    #[inline(always)]
    fn splat(self, x: f32) -> [__m256; 2] {
        [self.avx._mm256_set1_ps(x); 2]
    }
    #[inline(always)]
    fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_add_ps(a[0], b[0]), self.avx._mm256_add_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn multiply(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        [self.avx._mm256_mul_ps(a[0], b[0]), self.avx._mm256_mul_ps(a[1], b[1])]
    }
    #[inline(always)]
    fn multiply_add(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        [self.fma._mm256_fmadd_ps(a[0], b[0], c[0]), self.fma._mm256_fmadd_ps(a[1], b[1], c[1])]
    }
    #[inline(always)]
    fn halves(self, bytes: &[u8; 2 * ROWS]) -> [__m256; 2] {
        // 2^112 moves the exponent from 16 bits' bias to 32 bits', and makes small numbers normal. Exact, if finite.
        let shift = self.avx._mm256_set1_ps(f32::from_bits((112 + 127) << 23));
        let halves: [__m128i; 2] = cast(*bytes);
        halves.map(
            #[inline(always)]
            |half| {
                let wide = self.avx2._mm256_cvtepu16_epi32(half);
                let size = self.avx2._mm256_and_si256(wide, self.avx._mm256_set1_epi32(0x7fff));
                let sign = self.avx2._mm256_slli_epi32::<16>(self.avx2._mm256_sub_epi32(wide, size));
                let size = self.avx._mm256_mul_ps(cast(self.avx2._mm256_slli_epi32::<13>(size)), shift);
                cast(self.avx2._mm256_or_si256(cast(size), sign))
            },
        )
    }
    #[inline(always)]
    fn uppers(self, bytes: &[u8; 2 * ROWS]) -> [__m256; 2] {
        let halves: [__m128i; 2] = cast(*bytes);
        halves.map(
            #[inline(always)]
            |half| cast(self.avx2._mm256_slli_epi32::<16>(self.avx2._mm256_cvtepu16_epi32(half))),
        )
    }
    #[inline(always)]
    fn singles(self, bytes: &[u8; 4 * ROWS]) -> [__m256; 2] {
        cast(*bytes)
    }
    #[inline(always)]
    fn load_floats(self, floats: &[f32; ROWS]) -> [__m256; 2] {
        cast(*floats)
    }
    #[inline(always)]
    fn store(self, floats: [__m256; 2]) -> [f32; ROWS] {
        cast(floats)
    }
}
