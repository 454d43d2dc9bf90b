//! Numbers as people read them: few digits, but as many as tell one number from another.
//!
//! [`number`] writes one by itself, [`apart`] and [`column()`] some that are seen together, [`percent`] a part of a
//! whole, [`grouped`] a count. A zero is left out at a number's end only where nothing follows it: 0.9999999 is never written as 1.

/// Significant digits that are enough to read any `f64` back.
const ALL: usize = 17;
/// Digits behind the point that a number by itself has at least, if it has them.
const DECIMALS: i32 = 4;
/// Significant digits that a number by itself has at least, if it has them.
const LEAST: i32 = 4;
/// Significant digits beyond which a computed number is noise.
const SURE: i32 = 15;
/// Significant digits of edges at least, if they have them.
const COARSE: usize = 2;
/// How much finer than the gap to its neighbour a number of a set is written.
const FINER: f64 = 50.0;
/// What differs from a short number by less than this part of it is that number: 0.1 + 0.2 is 0.3.
const NOISE: f64 = 4.0 * f64::EPSILON;
/// Powers of ten between which numbers are written without an exponent.
const PLAIN: std::ops::RangeInclusive<i32> = -4..=14;

/// A number by itself, with four digits behind the point or four significant ones where that is more: `0.9243`,
/// `123456.75`, `1e-12`, `1.5e300`.
pub fn number(x: f64) -> String {
    written(x, (magnitude(x) + 1 + DECIMALS).clamp(LEAST, SURE) as usize)
}

/// Significant digits of a number that is seen in passing.
const FEW: i32 = 6;

/// A number that is seen in passing: six significant digits at most, and all digits before the point. What is not whole
/// is not rounded up to a whole number: 0.9999999 is `0.999999`.
pub fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return number(x);
    }
    let behind = (FEW - 1).max(magnitude(x)) as usize;
    let rounded = format!("{x:.behind$e}");
    let read: f64 = rounded.parse().unwrap_or(x);
    if x.fract() == 0.0 || read.fract() != 0.0 || read.abs() <= x.abs() || (read - x).abs() <= NOISE * x.abs()
    {
        return laid_out(&rounded);
    }
    let exact = format!("{x:.ALL$e}");
    let cut = exact.split_once('e').map(|(mantissa, exponent)| {
        let digits: String = mantissa.chars().take(behind + 2 + usize::from(x < 0.0)).collect();
        format!("{digits}e{exponent}")
    });
    laid_out(&cut.unwrap_or(exact))
}

/// [`number`] or [`short`], whichever is shorter.
pub fn brief(x: f64) -> String {
    let (own, passing) = (number(x), short(x));
    if passing.len() < own.len() { passing } else { own }
}

/// Numbers that are seen together. Different numbers have different texts, equal ones the same, and each is rounded to
/// a fiftieth of the distance to its nearest neighbour.
pub fn apart(values: &[f64]) -> Vec<String> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let mut digits: Vec<usize> = (0..sorted.len()).map(|i| fine_enough(&sorted, i)).collect();
    let mut texts: Vec<String> = sorted.iter().zip(&digits).map(|(x, digits)| written(*x, *digits)).collect();
    // Neighbours that rounding made equal get more digits until they differ; with all of them they do.
    for digit in 0..=ALL {
        let same: Vec<usize> = (1..texts.len()).filter(|i| texts[*i] == texts[i - 1]).collect();
        if same.is_empty() {
            break;
        }
        for i in same.into_iter().flat_map(|i| [i - 1, i]) {
            digits[i] = digits[i].max(digit);
            texts[i] = written(sorted[i], digits[i]);
        }
    }
    let text = |x: &f64| match sorted.binary_search_by(|held| held.total_cmp(x)) {
        Ok(i) => texts[i].clone(),
        // -0 beside 0, or not finite.
        Err(_) => written(*x, ALL),
    };
    values.iter().map(text).collect()
}

/// Numbers below each other: as [`apart`] writes them, with equally many digits behind the point where that says no
/// less.
pub fn column(values: &[f64]) -> Vec<String> {
    let mut sorted: Vec<f64> = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let behind = |i: usize| fine_enough(&sorted, i) as i32 - 1 - magnitude(sorted[i]);
    let decimals = (0..sorted.len()).map(behind).max().unwrap_or(0).clamp(0, SURE) as usize;
    let decimals = if sorted.iter().all(|x| x.fract() == 0.0) { 0 } else { decimals };
    let texts: Vec<String> = sorted.iter().map(|x| format!("{x:.decimals$}")).collect();
    let whole =
        |(x, text): (&f64, &String)| x.fract() != 0.0 && text.parse().is_ok_and(|x: f64| x.fract() == 0.0);
    let plain = sorted.iter().all(|x| *x == 0.0 || PLAIN.contains(&magnitude(*x)));
    let told = texts.windows(2).all(|pair| pair[0] != pair[1]) && !sorted.iter().zip(&texts).any(whole);
    if plain && told {
        values.iter().map(|x| format!("{:.decimals$}", x + 0.0)).collect()
    } else {
        apart(values)
    }
}

/// Numbers of a column that is read from above to below, in passing: equally many digits behind the point, about four
/// significant ones, and more only where something that is not whole would be written as if it were.
pub fn aligned(values: &[f64]) -> Vec<String> {
    let largest = values.iter().map(|x| magnitude(*x)).max().unwrap_or(0);
    let smallest = values.iter().filter(|x| **x != 0.0).map(|x| magnitude(*x)).min().unwrap_or(0);
    if !PLAIN.contains(&largest) || smallest < *PLAIN.start() || !values.iter().all(|x| x.is_finite()) {
        return values.iter().map(|x| number(*x)).collect();
    }
    if values.iter().all(|x| x.fract() == 0.0) {
        return values.iter().map(|x| format!("{:.0}", x + 0.0)).collect();
    }
    let least = (DECIMALS - (largest - 1).max(0)).clamp(1, DECIMALS) as usize;
    let whole = |x: f64, decimals: usize| {
        // What differs from a whole number by noise is that number.
        (x - x.round()).abs() > 1e-9 * x.abs().max(1.0)
            && format!("{x:.decimals$}").parse().is_ok_and(|shown: f64| shown.fract() == 0.0)
    };
    let told = |decimals: &usize| !values.iter().any(|x| whole(*x, *decimals));
    let decimals = (least..=8).find(told).unwrap_or(8);
    values.iter().map(|x| format!("{:.decimals$}", x + 0.0)).collect()
}

/// Numbers of a table with so many digits behind the point, or as by themselves where that would make nothing, or
/// one number, of what is more.
pub fn fixed<const N: usize>(values: [f64; N], decimals: usize) -> [String; N] {
    let texts = values.map(|x| format!("{x:.decimals$}"));
    let lost = |(x, text): (&f64, &String)| *x != 0.0 && text.parse() == Ok(0.0);
    let same = (0..N).any(|i| (0..i).any(|j| values[i] != values[j] && texts[i] == texts[j]));
    let plain = values.iter().all(|x| *x == 0.0 || PLAIN.contains(&magnitude(*x)));
    if plain && !same && !values.iter().zip(&texts).any(lost) {
        return texts;
    }
    let told = apart(&values);
    std::array::from_fn(|i| told[i].clone())
}

/// The two ends of what is shown, each as by itself unless that makes them equal.
pub fn ends(lo: f64, hi: f64) -> [String; 2] {
    let alone = [lo, hi].map(number);
    if alone[0] != alone[1] || lo >= hi {
        return alone;
    }
    let texts = apart(&[lo, hi]);
    [0, 1].map(|i| texts[i].clone())
}

/// A part of a whole in percent with one digit behind the point, or more where that would read as none or all of it.
pub fn percent(part: usize, whole: usize) -> String {
    let share = 100.0 * part as f64 / whole.max(1) as f64;
    let trivial = |text: &str| text.parse().is_ok_and(|x: f64| x <= 0.0 || x >= 100.0);
    let mut decimals = 1;
    while (1..whole).contains(&part) && decimals < ALL && trivial(&format!("{share:.decimals$}")) {
        decimals += 1;
    }
    format!("{share:.decimals$}")
}

/// A count with a comma before every three digits.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Where a value lies between two others, 0 at `lo` and 1 at `hi`; 1 if they are equal.
pub fn share(x: f64, lo: f64, hi: f64) -> f64 {
    if hi > lo { part(x, lo, hi).clamp(0.0, 1.0) } else { 1.0 }
}

/// Where a value lies between two that differ, below 0 and above 1 outside them.
pub fn part(x: f64, lo: f64, hi: f64) -> f64 {
    // Halves where the difference of two finite numbers is more than the largest one.
    let half = if (hi - lo).is_finite() { 1.0 } else { 0.5 };
    (x * half - lo * half) / (hi * half - lo * half)
}

/// The significant digits that show number `i` to a part of the distance to its neighbours.
fn fine_enough(sorted: &[f64], i: usize) -> usize {
    let neighbours = [i.checked_sub(1), Some(i + 1)].into_iter().flatten().filter_map(|i| sorted.get(i));
    let gap = neighbours.map(|other| (other - sorted[i]).abs()).fold(f64::INFINITY, f64::min);
    if !gap.is_finite() {
        return LEAST as usize;
    }
    // The cast saturates where the gap is the smallest number.
    let digits = (magnitude(sorted[i]) + 1).saturating_sub((gap / FINER).log10().floor() as i32);
    digits.clamp(COARSE as i32, ALL as i32) as usize
}

/// The power of ten of a number's first digit; that of 0 is 0.
fn magnitude(x: f64) -> i32 {
    if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 }
}

/// A number with so many significant digits, or more: zeros at its end are left out only if nothing follows them. With
/// [`ALL`] of them it is exact.
fn written(x: f64, digits: usize) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    // The fewest digits that are read back as this number.
    let exact = format!("{x:e}");
    let length =
        exact.split('e').next().map_or(0, |mantissa| mantissa.bytes().filter(u8::is_ascii_digit).count());
    for digits in digits.max(1)..ALL.min(length) {
        let text = format!("{x:.*e}", digits - 1);
        let rounded: f64 = text.parse().unwrap_or(x);
        let full = text.split('e').next().is_some_and(|mantissa| !mantissa.ends_with('0') && digits > 1);
        if (full && rounded.is_finite()) || (rounded - x).abs() <= NOISE * x.abs() {
            return laid_out(&text);
        }
    }
    laid_out(&exact)
}

/// From `1.250e2` to `125`: plain unless that takes many zeros, without zeros at the end.
fn laid_out(scientific: &str) -> String {
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific.to_owned() };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    if !PLAIN.contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{point}{rest}e{exponent}");
    }
    let Ok(before) = usize::try_from(exponent + 1) else {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    };
    match (before, digits.split_at_checked(before)) {
        (0, _) => format!("{sign}0.{digits}"),
        (_, Some((whole, ""))) => format!("{sign}{whole}"),
        (_, Some((whole, part))) => format!("{sign}{whole}.{part}"),
        (_, None) => format!("{sign}{digits}{}", "0".repeat(before - digits.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_by_itself_has_the_digits_that_matter() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.5, "0.5"),
            (0.924_312_9, "0.9243"),
            (-0.462_44, "-0.4624"),
            (498.372_13, "498.3721"),
            (0.999_999_9, "0.9999999"),
            (1.000_000_1, "1.0000001"),
            (0.1 + 0.2, "0.3"),
            (1e-12, "1e-12"),
            (0.000_123_456, "0.0001235"),
            (0.000_012_345_6, "1.235e-5"),
            (1.5e300, "1.5e300"),
            (123_456.75, "123456.75"),
            (123_456.5, "123456.5"),
            (2_000_000.0, "2000000"),
            (f64::MAX, "1.7976931348623157e308"),
            (f64::MIN_POSITIVE, "2.225e-308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number(x), text);
        }
        assert_eq!((number(f64::INFINITY), number(f64::NAN)), ("inf".into(), "NaN".into()));
    }

    #[test]
    fn a_number_in_passing_has_six_digits_at_most() {
        for (x, text) in [
            (0.0, "0"),
            (-0.000_400_000_000_001, "-0.0004"),
            (-0.001_259_999_999_999_8, "-0.00126"),
            (0.364_236_894_495_714, "0.364237"),
            (-0.112_999_999_999_999_5, "-0.113"),
            (2949.8525, "2949.85"),
            (1_234_567.75, "1234567"),
            (5e-8, "5e-8"),
            (0.999_999_9, "0.999999"),
            (-0.999_999_9, "-0.999999"),
            (1.0, "1"),
            (0.1 + 0.2, "0.3"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(short(x), text);
        }
        assert_eq!(
            (brief(0.364_236_894), brief(-0.112_999_999_999_999_5)),
            ("0.3642".into(), "-0.113".into())
        );
    }

    #[test]
    fn numbers_side_by_side_have_the_digits_that_tell_them_apart() {
        let texts = |values: &[f64]| apart(values).join(" ");
        assert_eq!(
            texts(&[0.005, 0.01, 0.015, 0.02, 0.985, 0.99, 0.995]),
            "0.005 0.01 0.015 0.02 0.985 0.99 0.995"
        );
        assert_eq!(texts(&[0.999_999_9, 1.0]), "0.9999999 1");
        assert_eq!(texts(&[0.5, 0.999_999_9]), "0.5 0.9999999");
        assert_eq!(texts(&[123_456.75, 123_456.5]), "123456.75 123456.5");
        assert_eq!(texts(&[-3.6, -2.800_000_000_000_000_3, 0.4]), "-3.6 -2.8 0.4");
        assert_eq!(texts(&[1.0 / 7.0, 2.0 / 7.0, 3.0 / 7.0]), "0.143 0.286 0.429");
        assert_eq!(texts(&[2000.0 / 12.0, 4000.0 / 12.0]), "167 333");
        assert_eq!(texts(&[1e-12, 1.0, 1.5e300]), "1e-12 1 1.5e300");
        assert_eq!(texts(&[0.3, 0.1 + 0.2]), "0.3 0.30000000000000004");
        assert_eq!(texts(&[0.25, 0.25]), "0.25 0.25");
        assert_eq!(texts(&[-f64::MAX, f64::MAX]), "-1.79769e308 1.79769e308");
        assert_eq!(texts(&[]), "");
    }

    #[test]
    fn numbers_below_each_other_have_equally_many_digits_behind_the_point() {
        let texts = |values: &[f64]| column(values).join(" ");
        assert_eq!(texts(&[0.297, 0.721_19, 0.724_103]), "0.29700 0.72119 0.72410");
        assert_eq!(texts(&[3.0, 12.0, -0.0]), "3 12 0");
        assert_eq!(texts(&[0.5, 0.999_999_9]), "0.5 0.9999999");
        assert_eq!(texts(&[1e-12, 2.0]), "1e-12 2");
        assert_eq!(texts(&[f64::NAN]), "NaN");
        assert_eq!(texts(&[]), "");
    }

    #[test]
    fn ends_are_written_as_by_themselves_unless_that_makes_them_equal() {
        assert_eq!(ends(-3.803_38, -0.462_38), ["-3.8034", "-0.4624"]);
        assert_eq!(ends(0.123_401, 0.123_402), ["0.123401", "0.123402"]);
        assert_eq!(ends(0.5, 0.5), ["0.5", "0.5"]);
    }

    #[test]
    fn numbers_of_a_table_keep_their_digits_unless_that_says_nothing() {
        assert_eq!(fixed([19.7031, 19.7, 19.706], 3), ["19.703", "19.700", "19.706"]);
        assert_eq!(fixed([100.0, 100.0, 100.0], 1), ["100.0", "100.0", "100.0"]);
        assert_eq!(fixed([0.0, -1.0], 1), ["0.0", "-1.0"]);
        assert_eq!(fixed([1e-12, 2e-12], 3), ["1e-12", "2e-12"]);
        assert_eq!(fixed([0.98761, 0.98762], 3), ["0.98761", "0.98762"]);
        assert_eq!(fixed([1.5e300], 3), ["1.5e300"]);
    }

    #[test]
    fn a_part_is_never_shown_as_nothing_or_as_all_of_a_whole() {
        assert_eq!(
            (percent(0, 20), percent(11, 20), percent(20, 20)),
            ("0.0".into(), "55.0".into(), "100.0".into())
        );
        assert_eq!((percent(1, 10_000), percent(9_999, 10_000)), ("0.01".into(), "99.99".into()));
        assert_eq!((percent(1, 1 << 24), percent(0, 0)), ("0.00001".into(), "0.0".into()));
    }

    #[test]
    fn a_column_in_passing_is_aligned_and_nothing_looks_whole_that_is_not() {
        let texts = |values: &[f64]| aligned(values).join(" ");
        assert_eq!(texts(&[0.934_388_9, 0.984_5, 12.0]), "0.9344 0.9845 12.0000");
        assert_eq!(texts(&[1130.97, 1120.4, 1165.0]), "1130.97 1120.40 1165.00");
        assert_eq!(texts(&[0.5, 0.999_999_9]), "0.5000000 0.9999999");
        assert_eq!(texts(&[3.0, -0.0]), "3 0");
        assert_eq!(texts(&[34.090_909_09, 75.000_000_000_000_01]), "34.0909 75.0000");
        assert_eq!(texts(&[1e-12, 2.5e300]), "1e-12 2.5e300");
        assert_eq!(texts(&[]), "");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        let texts = [0, 999, 1000, 165_603, 1_234_567, u64::MAX].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "165,603", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    #[test]
    fn a_share_of_the_largest_range_is_no_overflow() {
        assert_eq!((share(0.0, -f64::MAX, f64::MAX), share(3.0, 3.0, 3.0)), (0.5, 1.0));
        assert_eq!((share(1.0, 0.0, 4.0), share(-1.0, 0.0, 4.0), share(9.0, 0.0, 4.0)), (0.25, 0.0, 1.0));
    }

    /// Numbers of any size, and near ones of any distance.
    fn any_numbers() -> impl Strategy<Value = Vec<f64>> {
        let free = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
        let near = (-1e6..1e6_f64, -300..0_i32).prop_map(|(x, power)| x + 10_f64.powi(power));
        let steps = (any::<u64>(), 0..5_u64).prop_map(|(bits, step)| {
            let x = f64::from_bits((bits & 0x7fe0_0000_0000_0000) + step);
            if x.is_finite() { x } else { 1.0 }
        });
        prop::collection::vec(prop_oneof![free, near, steps], 0..12)
    }

    proptest! {
        #[test]
        fn different_numbers_have_different_texts_and_equal_ones_the_same(values in any_numbers()) {
            let texts = apart(&values);
            for (a, x) in values.iter().zip(&texts) {
                for (b, y) in values.iter().zip(&texts) {
                    prop_assert_eq!(a == b, x == y, "{} {} {} {}", a, b, x, y);
                }
            }
        }

        #[test]
        fn numbers_below_each_other_are_told_apart_too(values in any_numbers()) {
            let texts = column(&values);
            for (a, x) in values.iter().zip(&texts) {
                for (b, y) in values.iter().zip(&texts) {
                    prop_assert_eq!(a == b, x == y, "{} {} {} {}", a, b, x, y);
                }
            }
        }

        #[test]
        fn a_text_is_close_to_its_number_and_keeps_the_order(values in any_numbers()) {
            let back = |text: &String| text.parse::<f64>().unwrap();
            for (x, text) in values.iter().zip(apart(&values)) {
                prop_assert!((back(&text) - x).abs() <= 0.06 * x.abs(), "{} {}", x, text);
                let alone = number(*x);
                prop_assert!((back(&alone) - x).abs() <= 1e-3 * x.abs(), "{} {}", x, alone);
                prop_assert!(text.len() <= 25 && alone.len() <= 25, "{} {}", text, alone);
            }
            let mut sorted = values;
            sorted.sort_by(f64::total_cmp);
            prop_assert!(apart(&sorted).iter().map(back).is_sorted());
        }

        #[test]
        fn what_is_not_whole_is_never_written_as_a_short_whole_number(x in 0.0..1000.0_f64) {
            let text = number(x);
            let rounded: f64 = text.parse().unwrap();
            prop_assert!(rounded.fract() != 0.0 || (rounded - x).abs() <= 1e-12 * x, "{} {}", x, text);
        }
    }
}
