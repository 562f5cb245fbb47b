//! From floating point to integers: half to even, and never a value that was not asked for.

/// 2^63 as a double.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// 1.5·2^52: a sum with it has no room for a fraction, so the addition itself rounds, ties to even.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// 2^51: smaller doubles keep the sum in the binade of [`ROUNDER`], where one unit is the last bit.
const ROUNDER_RANGE: f64 = 2_251_799_813_685_248.0;

/// The nearest integer to `value`, ties to even; `None` when it is not finite or does not fit.
#[inline]
#[must_use]
pub fn round_half_even(value: f64) -> Option<i64> {
    if value.abs() < ROUNDER_RANGE {
        return Some((value + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i64);
    }
    round_large(value)
}

/// The largest integer not above `value`, which is no NaN, held within two integers of less than 2^51.
///
/// Without a branch, so that a loop over it is vectorised.
#[inline(always)]
pub(crate) fn floor_within(value: f64, least: f64, most: f64) -> i64 {
    let value = if value > least { value } else { least };
    let value = if value < most { value } else { most };
    let nearest = value + ROUNDER;
    let floor = nearest - if nearest - ROUNDER > value { 1.0 } else { 0.0 };
    floor.to_bits().wrapping_sub(ROUNDER.to_bits()) as i64
}

/// The same as [`round_half_even`] for any number.
fn round_large(value: f64) -> Option<i64> {
    if !(value > -I64_END && value < I64_END) {
        return None;
    }
    // Truncation is exact, and so is the fraction: a double of 2^52 or more has none.
    let whole = value as i64;
    let fraction = (value - whole as f64).abs();
    let up = fraction > 0.5 || (fraction == 0.5 && whole & 1 == 1);
    let step = if value < 0.0 { -1 } else { 1 };
    Some(if up { whole + step } else { whole })
}

/// `value / divisor` to the nearest integer, ties to even.
///
/// # Panics
/// When `divisor` is not positive.
#[must_use]
pub fn divide_half_even(value: i64, divisor: i64) -> i64 {
    assert!(divisor > 0, "the divisor is positive");
    let (quotient, remainder) = (value.div_euclid(divisor), value.rem_euclid(divisor));
    let twice = i128::from(remainder) * 2;
    let up = twice > i128::from(divisor) || (twice == i128::from(divisor) && quotient & 1 == 1);
    quotient + i64::from(up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_go_to_even() {
        let cases =
            [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (-2.5, -2), (2.500001, 3), (-0.51, -1)];
        for (value, expected) in cases {
            assert_eq!(round_half_even(value), Some(expected), "{value}");
        }
        assert_eq!(divide_half_even(2_500, 1_000), 2);
        assert_eq!(divide_half_even(3_500, 1_000), 4);
        assert_eq!(divide_half_even(-2_500, 1_000), -2);
        assert_eq!(divide_half_even(-2_501, 1_000), -3);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e19, I64_END] {
            assert_eq!(round_half_even(value), None);
        }
        assert_eq!(round_half_even(9.2e18), Some(9_200_000_000_000_000_000));
    }

    #[test]
    fn the_floor_stays_within_its_limits() {
        for (value, floor) in [(2.999_999, 2), (3.0, 3), (-0.1, -1), (-3.0, -3), (-0.0, 0), (1e-300, 0)] {
            assert_eq!(floor_within(value, -10.0, 10.0), floor, "{value}");
        }
        assert_eq!(floor_within(f64::MAX, -10.0, 10.0), 10);
        assert_eq!(floor_within(f64::NEG_INFINITY, -10.0, 10.0), -10);
    }

    proptest! {
        #[test]
        fn the_floor_agrees_with_the_platform(value in -5e9f64..5e9) {
            prop_assert_eq!(floor_within(value, -5e9, 5e9), value.floor() as i64);
        }

        #[test]
        fn agrees_with_the_platform(value in prop_oneof![-1e3f64..1e3, -1e15f64..1e15, -9e18f64..9e18]) {
            prop_assert_eq!(round_half_even(value), Some(value.round_ties_even() as i64));
            prop_assert_eq!(round_large(value), round_half_even(value), "both ways agree where both are exact");
        }

        #[test]
        fn ties_of_every_size_go_to_even(whole in -(1i64 << 52)..1i64 << 52) {
            let value = whole as f64 + 0.5;
            prop_assert_eq!(round_half_even(value), Some(value.round_ties_even() as i64));
        }
    }
}
