//! An exact sum of floating-point numbers. The QD score is kept while elites come and go; with ordinary addition
//! its rounding would depend on the history, and a stored archive could not be checked against its own score.
//! This sum holds every bit (after Kulisch's long accumulator), so it depends only on what is in it.

const DIGITS: usize = 68;
const MANTISSA: u64 = (1 << 52) - 1;
const LOW: i64 = 0xffff_ffff;

/// A fixed-point number in units of 2^-1074, the smallest f64: 68 digits of 32 bits reach past the largest. A
/// digit is stored in 64 bits, so that carries can wait.
#[derive(Clone, Debug)]
pub(crate) struct ExactSum {
    digits: [i64; DIGITS],
    /// Additions since carries were last resolved.
    pending: u32,
}

impl ExactSum {
    pub(crate) fn new() -> Self {
        ExactSum { digits: [0; DIGITS], pending: 0 }
    }

    /// Adds a finite number.
    pub(crate) fn add(&mut self, x: f64) {
        self.accumulate(x, 1);
    }

    /// Takes a finite number away.
    pub(crate) fn subtract(&mut self, x: f64) {
        self.accumulate(x, -1);
    }

    fn accumulate(&mut self, x: f64, sign: i64) {
        debug_assert!(x.is_finite(), "only finite numbers have an exact sum");
        let bits = x.to_bits();
        let exponent = (bits >> 52 & 0x7ff) as usize;
        let (mantissa, position) = match exponent {
            0 => (bits & MANTISSA, 0),
            e => (bits & MANTISSA | 1 << 52, e - 1),
        };
        let sign = if x.is_sign_negative() { -sign } else { sign };
        let wide = u128::from(mantissa) << (position % 32);
        for (i, digit) in self.digits[position / 32..][..3].iter_mut().enumerate() {
            *digit += sign * ((wide >> (32 * i)) as i64 & LOW);
        }
        self.pending += 1;
        // A digit grows by less than 2^32 each time: 2^30 additions stay well below 2^63.
        if self.pending == 1 << 30 {
            carry(&mut self.digits);
            self.pending = 0;
        }
    }

    /// The sum, rounded once to the nearest f64 (ties to even); infinite when it lies beyond the largest.
    pub(crate) fn value(&self) -> f64 {
        let mut digits = self.digits;
        carry(&mut digits);
        let negative = digits[DIGITS - 1] < 0;
        if negative {
            digits.iter_mut().for_each(|d| *d = -*d);
            carry(&mut digits);
        }
        let size = round(&digits);
        if negative { -size } else { size }
    }
}

/// Brings all digits but the last into 0..2^32.
fn carry(digits: &mut [i64; DIGITS]) {
    let mut over = 0;
    for digit in &mut digits[..DIGITS - 1] {
        let full = *digit + over;
        *digit = full & LOW;
        over = full >> 32;
    }
    digits[DIGITS - 1] += over;
}

/// The f64 nearest to a non-negative number of resolved digits.
fn round(digits: &[i64; DIGITS]) -> f64 {
    let Some(last) = digits.iter().rposition(|&d| d != 0) else { return 0.0 };
    let highest = 32 * last + (63 - digits[last].leading_zeros() as usize);
    // A number of at most 53 bits is its own bit pattern, subnormal or not.
    let shift = highest.saturating_sub(52);
    let at = |i: usize| digits.get(i).map_or(0, |&d| d as u128);
    let window = at(shift / 32) | at(shift / 32 + 1) << 32 | at(shift / 32 + 2) << 64;
    let mantissa = (window >> (shift % 32)) as u64 & (MANTISSA << 1 | 1);
    // Adding instead of joining lets the leading bit count as one more in the exponent.
    let bits = ((shift as u64) << 52) + mantissa + u64::from(rounds_up(digits, shift, mantissa));
    if bits >= f64::INFINITY.to_bits() { f64::INFINITY } else { f64::from_bits(bits) }
}

fn rounds_up(digits: &[i64; DIGITS], shift: usize, mantissa: u64) -> bool {
    let Some(half) = shift.checked_sub(1) else { return false };
    let (digit, bit) = (half / 32, half % 32);
    if digits[digit] >> bit & 1 == 0 {
        return false;
    }
    let below = digits[digit] & ((1 << bit) - 1) != 0 || digits[..digit].iter().any(|&d| d != 0);
    below || mantissa & 1 == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sum(list: &[f64]) -> f64 {
        let mut sum = ExactSum::new();
        list.iter().for_each(|&x| sum.add(x));
        sum.value()
    }

    #[test]
    fn sums_that_ordinary_addition_loses_are_exact() {
        assert_eq!(sum(&[1e308, 1.0, -1e308]), 1.0);
        assert_eq!(sum(&[1e16, 1.0, 1.0]), 1e16 + 2.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
        assert_eq!(sum(&[f64::MIN_POSITIVE, -5e-324]), f64::MIN_POSITIVE - 5e-324);
        assert_eq!(sum(&[]), 0.0);
    }

    #[test]
    fn a_tie_rounds_to_even_and_any_bit_below_breaks_it() {
        let half = (2.0_f64).powi(-53);
        assert_eq!(sum(&[1.0, half]), 1.0);
        assert_eq!(sum(&[1.0, half, 5e-324]), 1.0 + f64::EPSILON);
        assert_eq!(sum(&[1.0, f64::EPSILON, half]), 1.0 + 2.0 * f64::EPSILON);
        assert_eq!(sum(&[-1.0, -half]), -1.0);
    }

    #[test]
    fn a_sum_beyond_the_largest_number_is_infinite_and_comes_back() {
        assert_eq!(sum(&[f64::MAX, f64::MAX]), f64::INFINITY);
        assert_eq!(sum(&[-f64::MAX, -f64::MAX]), f64::NEG_INFINITY);
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]), f64::MAX);
    }

    #[test]
    fn resolving_carries_early_changes_nothing() {
        let mut plain = ExactSum::new();
        let mut resolved = ExactSum::new();
        for i in 0..1000 {
            let x = f64::from(i) * 0.1 - 30.0;
            plain.add(x);
            resolved.add(x);
            carry(&mut resolved.digits);
            assert_eq!(plain.value(), resolved.value());
        }
    }

    proptest! {
        #[test]
        fn one_number_is_its_own_sum(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(sum(&[x]), x);
        }

        #[test]
        fn two_numbers_sum_as_the_processor_rounds(x in any::<f64>(), y in any::<f64>()) {
            prop_assume!(x.is_finite() && y.is_finite());
            prop_assert_eq!(sum(&[x, y]), x + y);
        }

        #[test]
        fn what_is_taken_away_leaves_no_trace(list in prop::collection::vec(-1e9..1e9_f64, 1..50)) {
            let mut all = ExactSum::new();
            list.iter().for_each(|&x| all.add(x));
            list[1..].iter().rev().for_each(|&x| all.subtract(x));
            prop_assert_eq!(all.value(), list[0]);
        }

        #[test]
        fn integers_sum_as_integers(list in prop::collection::vec(-(1_i64 << 52)..1 << 52, 0..100)) {
            let want: i128 = list.iter().map(|&x| i128::from(x)).sum();
            let got = sum(&list.iter().map(|&x| x as f64).collect::<Vec<_>>());
            prop_assert_eq!(got, want as f64);
        }
    }
}
