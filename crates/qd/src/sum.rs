//! Exact sums: the same numbers have the same sum, whatever their order and whatever came and went in between.
//!
//! A fixed-point number that spans the whole range of `f64`, kept as 32-bit digits with room for 2^29 additions
//! before carries must run. Adding and subtracting are exact; rounding happens once, when the value is asked for.

use std::num::NonZeroU32;

/// Bits of a digit.
const DIGIT: u32 = 32;

/// The lowest digit lies below the smallest `f64`: sums leave it 0, quotients round by it.
const GUARD: u32 = DIGIT;

/// The guard digit, 2,098 bits of `f64`, and room above: digits of 2^-1106 to 2^1070.
const DIGITS: usize = 68;

/// Additions until carries run. Each moves a digit by less than 2^33, and a digit holds 2^63.
const MOST_PENDING: u32 = 1 << 29;

const LOW: i64 = (1 << DIGIT) - 1;

/// The exact sum of finite numbers.
#[derive(Debug, Clone)]
pub struct ExactSum {
    /// Lowest first, in units of 2^-1106. Carried, all but the last are below 2^32, and the last has the sign.
    digits: [i64; DIGITS],
    pending: u32,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { digits: [0; DIGITS], pending: 0 }
    }
}

impl ExactSum {
    /// Adds `x`.
    ///
    /// # Panics
    /// If `x` is not finite.
    #[inline]
    pub fn add(&mut self, x: f64) {
        assert!(x.is_finite(), "{x} can't be summed");
        let (significand, shift) = parts(x);
        let (first, shift) = place(shift);
        // The lower and the upper part of the significand: without the 128 bits that a product needs.
        let (lower, upper) = ((significand & LOW as u64) << shift, (significand >> DIGIT) << shift);
        let moves = [lower & LOW as u64, (lower >> DIGIT) + (upper & LOW as u64), upper >> DIGIT];
        let sign = if x.is_sign_negative() { -1 } else { 0 };
        for (digit, by) in self.digits[first..first + 3].iter_mut().zip(moves) {
            // Negated if the sign is -1.
            *digit += (by as i64 ^ sign) - sign;
        }
        self.count();
    }

    /// Subtracts `x`, as exactly as if it had never been added.
    ///
    /// # Panics
    /// If `x` is not finite.
    #[inline]
    pub fn subtract(&mut self, x: f64) {
        self.add(-x);
    }

    /// Adds `x` as often as `times` says; the product is exact too.
    ///
    /// # Panics
    /// If `x` is not finite.
    pub fn add_times(&mut self, x: f64, times: u32) {
        assert!(x.is_finite(), "{x} can't be summed");
        let (significand, shift) = parts(x);
        let (first, shift) = place(shift);
        // At most 53 + 32 + 31 bits.
        let mut left = (u128::from(significand) * u128::from(times)) << shift;
        let sign = if x.is_sign_negative() { -1 } else { 1 };
        for digit in &mut self.digits[first..first + 4] {
            *digit += sign * (left as i64 & LOW);
            left >>= DIGIT;
        }
        self.count();
    }

    #[inline]
    fn count(&mut self) {
        self.pending += 1;
        if self.pending == MOST_PENDING {
            self.carry();
        }
    }

    /// The sum, rounded once, to the nearest `f64` (of two equally near ones the even). Zero is positive. Beyond the
    /// largest finite number it is that number, with its sign: a sum is always finite.
    pub fn value(&self) -> f64 {
        let (digits, negative) = self.magnitude();
        with_sign(nearest(&digits, false), negative)
    }

    /// The sum divided by `count`, rounded once as in [`ExactSum::value`]; the mean of that many numbers is never
    /// beyond them, even where their sum is beyond every `f64`.
    pub fn divided_by(&self, count: NonZeroU32) -> f64 {
        let (mut digits, negative) = self.magnitude();
        let count = u64::from(count.get());
        let mut remainder = 0;
        for digit in digits.iter_mut().rev() {
            let part = (remainder << DIGIT) + *digit as u64;
            *digit = (part / count) as i64;
            remainder = part % count;
        }
        with_sign(nearest(&digits, remainder != 0), negative)
    }

    fn carry(&mut self) {
        let mut carried = 0;
        for digit in &mut self.digits[..DIGITS - 1] {
            let total = *digit + carried;
            *digit = total & LOW;
            carried = total >> DIGIT;
        }
        self.digits[DIGITS - 1] += carried;
        self.pending = 0;
    }

    /// Carried digits of the absolute value, and whether the sum is negative.
    fn magnitude(&self) -> ([i64; DIGITS], bool) {
        let mut sum = self.clone();
        sum.carry();
        let negative = sum.digits[DIGITS - 1] < 0;
        if negative {
            sum.digits.iter_mut().for_each(|digit| *digit = -*digit);
            sum.carry();
        }
        (sum.digits, negative)
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        self.magnitude() == other.magnitude()
    }
}

impl Extend<f64> for ExactSum {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, numbers: I) {
        numbers.into_iter().for_each(|x| self.add(x));
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(numbers: I) -> Self {
        let mut sum = Self::default();
        sum.extend(numbers);
        sum
    }
}

/// `x` without its sign as `significand * 2^(shift - 1074)`.
#[inline]
fn parts(x: f64) -> (u64, u32) {
    let (exponent, fraction) = ((x.to_bits() >> 52) as u32 & 0x7ff, x.to_bits() & ((1 << 52) - 1));
    // Subnormal numbers have the exponent 0, no hidden bit, and the scale of the exponent 1.
    if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) }
}

/// The digit and the bit in it where a number of this shift begins.
#[inline]
fn place(shift: u32) -> (usize, u32) {
    (((GUARD + shift) / DIGIT) as usize, shift % DIGIT)
}

/// The `f64` nearest to carried digits and, if `more`, something positive below them; at most `f64::MAX`.
fn nearest(digits: &[i64; DIGITS], more: bool) -> f64 {
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else { return 0.0 };
    let highest = top as u32 * DIGIT + digits[top].ilog2();
    // The last bit that the result has room for: 53 bits from the highest, but none below 2^-1074.
    let last = highest.saturating_sub(52).max(GUARD);
    let at = (last / DIGIT) as usize;
    let window = (0..3).rev().fold(0_u128, |window, i| {
        window << DIGIT | u128::from(digits.get(at + i).map_or(0, |digit| digit.unsigned_abs()))
    });
    let significand = (window >> (last % DIGIT)) as u64;
    let below = last - 1;
    let half = bit(digits, below);
    let rest = more || any_below(digits, below);
    let rounded = significand + u64::from(half && (rest || significand & 1 == 1));
    // The hidden bit, and what rounding carries out of the significand, count the exponent up.
    let bits = rounded + (u64::from(last - GUARD) << 52);
    f64::from_bits(bits.min(f64::MAX.to_bits()))
}

fn bit(digits: &[i64; DIGITS], position: u32) -> bool {
    digits[(position / DIGIT) as usize] >> (position % DIGIT) & 1 == 1
}

/// Whether a bit below `position` is set.
fn any_below(digits: &[i64; DIGITS], position: u32) -> bool {
    let (at, within) = ((position / DIGIT) as usize, position % DIGIT);
    digits[at] & ((1 << within) - 1) != 0 || digits[..at].iter().any(|digit| *digit != 0)
}

fn with_sign(magnitude: f64, negative: bool) -> f64 {
    if negative && magnitude > 0.0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::Stream;

    /// A whole number of 2^-1074: plain digits of base 2^24, lowest first, of any sign until compared.
    #[derive(Clone)]
    struct Whole(Vec<i64>);

    impl Whole {
        fn of(x: f64) -> Self {
            let exponent = (x.abs().to_bits() >> 52).max(1);
            let significand = if x.abs() < f64::MIN_POSITIVE {
                x.abs().to_bits()
            } else {
                x.abs().to_bits() % (1 << 52) + (1 << 52)
            };
            let mut digits = vec![0; 100];
            let mut left = u128::from(significand) << ((exponent - 1) % 24);
            for digit in &mut digits[(exponent as usize - 1) / 24..][..4] {
                *digit = (left % (1 << 24)) as i64 * if x < 0.0 { -1 } else { 1 };
                left /= 1 << 24;
            }
            Self(digits)
        }

        fn plus(mut self, other: &Self, times: i64) -> Self {
            self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a += b * times);
            self
        }

        fn sum(numbers: &[f64]) -> Self {
            numbers.iter().fold(Self::of(0.0), |sum, x| sum.plus(&Self::of(*x), 1))
        }

        /// The absolute value, all digits in range.
        fn absolute(mut self) -> Vec<i64> {
            for sign in [1, -1] {
                let mut carried = 0;
                for digit in &mut self.0 {
                    let total = *digit * sign + carried;
                    (*digit, carried) = (total.rem_euclid(1 << 24), total.div_euclid(1 << 24));
                }
                if carried == 0 {
                    break;
                }
                // Negative: what is missing to a power of the base; the second pass turns it round.
                let top = self.0.len() - 1;
                self.0[top] += carried << 24;
            }
            self.0
        }

        /// How far `self` is from `count * x`, against how far from `count * y`.
        fn nearer(&self, x: f64, y: f64, count: i64) -> Ordering {
            let gap = |x: f64| self.clone().plus(&Self::of(x), -count).absolute();
            gap(x).iter().rev().cmp(gap(y).iter().rev())
        }
    }

    /// `given` is the finite number nearest to `exact / count`, or the even one of two.
    fn is_nearest(exact: &Whole, count: i64, given: f64) -> bool {
        given.is_finite()
            && [given.next_up(), given.next_down()].into_iter().filter(|x| x.is_finite()).all(|other| {
                match exact.nearer(given, other, count) {
                    Ordering::Less => true,
                    Ordering::Equal => given.to_bits() & 1 == 0,
                    Ordering::Greater => false,
                }
            })
    }

    fn number() -> impl Strategy<Value = f64> {
        let anything = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
        let subnormal = (any::<bool>(), 0_u64..1 << 52)
            .prop_map(|(negative, bits)| f64::from_bits(bits | u64::from(negative) << 63));
        let power = (-1074_i32..1024, any::<bool>()).prop_map(|(e, negative)| {
            if negative { -libm::exp2(f64::from(e)) } else { libm::exp2(f64::from(e)) }
        });
        // Neighbours of a few powers: sums that lie half-way between two numbers.
        let close = (
            prop::sample::select(vec![1.0, 1.5, 2.0_f64.powi(53), 2.0_f64.powi(-53), 2.0_f64.powi(-1022)]),
            -3_i64..4,
        )
            .prop_map(|(x, steps)| f64::from_bits((x.to_bits() as i64 + steps) as u64));
        let fixed = vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            f64::MAX,
            f64::MIN,
            f64::MAX / 2.0,
            5e-324,
            -5e-324,
            1e308,
            -1e15,
        ];
        prop_oneof![anything, subnormal, power, close, -100.0..100.0, prop::sample::select(fixed)]
    }

    fn numbers() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(number(), 0..24)
    }

    proptest! {
        #[test]
        fn a_sum_is_the_number_nearest_to_the_exact_one(numbers in numbers()) {
            let sum = ExactSum::from_iter(numbers.iter().copied()).value();
            prop_assert!(is_nearest(&Whole::sum(&numbers), 1, sum), "{numbers:?}: {sum:?}");
            prop_assert!(sum != 0.0 || sum.is_sign_positive());
        }

        #[test]
        fn a_quotient_is_the_number_nearest_to_the_exact_one(numbers in numbers(), count in prop_oneof![1_u32..40, any::<u32>()]) {
            let count = NonZeroU32::new(count.max(1)).unwrap();
            let quotient = ExactSum::from_iter(numbers.iter().copied()).divided_by(count);
            prop_assert!(is_nearest(&Whole::sum(&numbers), i64::from(count.get()), quotient), "{numbers:?} / {count}: {quotient:?}");
        }

        #[test]
        fn a_mean_lies_among_its_numbers(numbers in prop::collection::vec(number(), 1..24)) {
            let mean = ExactSum::from_iter(numbers.iter().copied()).divided_by(NonZeroU32::new(numbers.len() as u32).unwrap());
            let (lowest, highest) = numbers.iter().fold((f64::MAX, f64::MIN), |(lo, hi), x| (lo.min(*x), hi.max(*x)));
            prop_assert!(lowest <= mean && mean <= highest);
        }

        #[test]
        fn neither_the_order_nor_what_came_and_went_matters(kept in numbers(), gone in numbers(), seed: u64) {
            let plain = ExactSum::from_iter(kept.iter().copied());
            // Every number that leaves does so at some time after it came.
            let mut steps: Vec<(f64, bool)> = kept.iter().chain(&gone).map(|x| (*x, true)).collect();
            let mut stream = Stream::new(seed, 0);
            steps = stream.distinct(steps.len(), steps.len()).into_iter().map(|i| steps[i]).collect();
            for x in &gone {
                let came = steps.iter().position(|step| step.0.to_bits() == x.to_bits() && step.1).unwrap();
                let left = came + 1 + stream.index(steps.len() - came);
                steps.insert(left, (*x, false));
            }
            let mut sum = ExactSum::default();
            for (x, comes) in steps {
                if comes { sum.add(x) } else { sum.subtract(x) }
            }
            prop_assert_eq!(sum.value().to_bits(), plain.value().to_bits());
            prop_assert_eq!(sum, plain);
        }

        #[test]
        fn a_product_is_added_as_if_one_by_one(start in numbers(), x in number(), times in 0_u32..50, large: u32) {
            let mut at_once = ExactSum::from_iter(start.iter().copied());
            let mut one_by_one = at_once.clone();
            at_once.add_times(x, times);
            (0..times).for_each(|_| one_by_one.add(x));
            prop_assert_eq!(&at_once, &one_by_one);
            at_once.add_times(x, large);
            let exact = Whole::sum(&start).plus(&Whole::of(x), i64::from(times) + i64::from(large));
            prop_assert!(is_nearest(&exact, 1, at_once.value()));
        }

        #[test]
        fn one_number_is_its_own_sum(x in number()) {
            prop_assert_eq!(ExactSum::from_iter([x]).value(), x);
        }
    }

    #[test]
    fn sums_beyond_every_number_are_the_largest_and_come_back() {
        let mut sum = ExactSum::from_iter([1e308, 1e308, 0.25]);
        assert_eq!(sum.value(), f64::MAX);
        assert_eq!(ExactSum::from_iter([1e308, 1e308]).divided_by(NonZeroU32::new(2).unwrap()), 1e308);
        sum.add_times(-f64::MAX, u32::MAX);
        assert_eq!(sum.value(), f64::MIN);
        sum.add_times(f64::MAX, u32::MAX);
        sum.subtract(1e308);
        sum.subtract(1e308);
        assert_eq!(sum.value(), 0.25);
    }

    #[test]
    fn a_quotient_just_above_half_way_is_rounded_up() {
        let mut sum = ExactSum::default();
        // Half of the smallest number and a little more, which no digit shows: the remainder of the division decides.
        sum.add_times(5e-324, 1 << 31);
        assert_eq!(sum.divided_by(NonZeroU32::MAX), 5e-324);
        assert_eq!(sum.divided_by(NonZeroU32::MIN), 5e-324 * f64::from(1_u32 << 31));
        sum.subtract(5e-324);
        assert_eq!(sum.divided_by(NonZeroU32::MAX), 0.0);
    }

    #[test]
    fn carries_run_before_a_digit_is_full() {
        let mut sum = ExactSum { pending: MOST_PENDING - 1, ..ExactSum::default() };
        // As after as many additions of what moves a digit furthest.
        sum.digits[40] = 2 * LOW * i64::from(MOST_PENDING - 1);
        let before = sum.clone();
        sum.add(0.0);
        assert_eq!(sum.pending, 0);
        assert!(sum.digits[..DIGITS - 1].iter().all(|digit| (0..=LOW).contains(digit)));
        assert_eq!(sum, before);
    }

    #[test]
    #[should_panic(expected = "can't be summed")]
    fn what_is_not_finite_has_no_sum() {
        ExactSum::default().add(f64::INFINITY);
    }
}
