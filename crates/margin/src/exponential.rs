//! An upper bound of the exponential in integers.

use crate::numbers::{Checked, Overflow, narrow};
use protocol::NANO_ONE;

/// Largest argument, 1e-9: e^20 is far beyond any charge.
const ARGUMENT_MAX: i64 = 20 * NANO_ONE;

/// An upper bound of `e^x − 1` for `x ≥ 0`, both 1e-9, less than 1e-7 of it plus 1e-7 above it.
///
/// Terms of the power series, each rounded up, until the terms are past their peak by a factor of two and at most one
/// unit; the rest of the series is then less than one more unit of what it follows.
///
/// # Errors
/// [`Overflow`] for negative arguments and those above 20.
pub(crate) fn exponential_minus_one(x: i64) -> Checked<i64> {
    if !(0..=ARGUMENT_MAX).contains(&x) {
        return Err(Overflow);
    }
    let (wide, one) = (i128::from(x), i128::from(NANO_ONE));
    let (mut sum, mut term, mut order) = (0, one, 0);
    while order * one < 2 * wide || term > 1 {
        order += 1;
        term = (term * wide + order * one - 1) / (order * one);
        sum += term;
    }
    narrow(sum + i128::from(x > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_the_exponential_from_above_and_closely() {
        assert_eq!(exponential_minus_one(0), Ok(0));
        for x in [1, 1_000, 3_000_000, 50_000_000, 400_000_000, NANO_ONE, 7 * NANO_ONE, ARGUMENT_MAX] {
            let exact = (x as f64 / 1e9).exp_m1() * 1e9;
            let bound = exponential_minus_one(x).expect("in range") as f64;
            assert!(
                bound >= exact * (1.0 - 1e-15) && bound <= exact * (1.0 + 1e-7) + 100.0,
                "{x}: {bound} {exact}"
            );
        }
    }

    #[test]
    fn refuses_what_it_does_not_bound() {
        assert_eq!(exponential_minus_one(-1), Err(Overflow));
        assert_eq!(exponential_minus_one(ARGUMENT_MAX + 1), Err(Overflow));
    }
}
