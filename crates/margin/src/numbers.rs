//! Checked integer arithmetic: products in i128, every division with its rounding in its name.

use thiserror::Error;

/// A result that does not fit its integer. Nothing wraps and nothing panics: what asked for it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a number does not fit in 64 bits")]
pub struct Overflow;

/// A number, unless it does not fit.
pub type Checked<T> = Result<T, Overflow>;

/// `wide` in 64 bits.
///
/// # Errors
/// [`Overflow`] when it does not fit, as everywhere in this module.
pub fn narrow(wide: i128) -> Checked<i64> {
    i64::try_from(wide).map_err(|_| Overflow)
}

/// `a + b`.
///
/// # Errors
/// [`Overflow`].
pub fn add(a: i64, b: i64) -> Checked<i64> {
    a.checked_add(b).ok_or(Overflow)
}

/// `a − b`.
///
/// # Errors
/// [`Overflow`].
pub fn sub(a: i64, b: i64) -> Checked<i64> {
    a.checked_sub(b).ok_or(Overflow)
}

/// `a × b`.
///
/// # Errors
/// [`Overflow`].
pub fn mul(a: i64, b: i64) -> Checked<i64> {
    a.checked_mul(b).ok_or(Overflow)
}

/// `a + b` in 128 bits.
///
/// # Errors
/// [`Overflow`].
pub fn wide_add(a: i128, b: i128) -> Checked<i128> {
    a.checked_add(b).ok_or(Overflow)
}

/// `a × b` in 128 bits.
///
/// # Errors
/// [`Overflow`].
pub fn wide_mul(a: i128, b: i64) -> Checked<i128> {
    a.checked_mul(b.into()).ok_or(Overflow)
}

/// `⌊a × b ÷ divisor⌋`; the divisor is positive.
///
/// # Errors
/// [`Overflow`].
pub fn mul_div_floor(a: i64, b: i64, divisor: i64) -> Checked<i64> {
    debug_assert!(divisor > 0, "rounding is defined for positive divisors");
    match a.checked_mul(b) {
        Some(product) => Ok(product.div_euclid(divisor)),
        None => div_floor(i128::from(a) * i128::from(b), divisor.into()),
    }
}

/// `⌈a × b ÷ divisor⌉`; the divisor is positive.
///
/// # Errors
/// [`Overflow`].
pub fn mul_div_ceil(a: i64, b: i64, divisor: i64) -> Checked<i64> {
    debug_assert!(divisor > 0, "rounding is defined for positive divisors");
    match a.checked_mul(b) {
        Some(product) => Ok(product.div_euclid(divisor) + i64::from(product.rem_euclid(divisor) != 0)),
        None => div_ceil(i128::from(a) * i128::from(b), divisor.into()),
    }
}

/// `⌊a ÷ divisor⌋`; the divisor is positive.
///
/// # Errors
/// [`Overflow`].
pub fn div_floor(a: i128, divisor: i128) -> Checked<i64> {
    narrow(a.div_euclid(divisor))
}

/// `⌈a ÷ divisor⌉`; the divisor is positive.
///
/// # Errors
/// [`Overflow`].
pub fn div_ceil(a: i128, divisor: i128) -> Checked<i64> {
    let floor = a.div_euclid(divisor);
    // One wide division, not a second one for the remainder.
    narrow(floor + i128::from(floor * divisor != a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_goes_where_its_name_says() {
        assert_eq!(mul_div_floor(-7, 1, 2), Ok(-4));
        assert_eq!(mul_div_floor(7, 1, 2), Ok(3));
        assert_eq!(mul_div_ceil(-7, 1, 2), Ok(-3));
        assert_eq!(mul_div_ceil(7, 1, 2), Ok(4));
        assert_eq!(mul_div_ceil(8, 1, 2), Ok(4));
    }

    #[test]
    fn wide_products_round_like_narrow_ones() {
        assert_eq!(mul_div_ceil(i64::MAX, 3, 3), Ok(i64::MAX));
        assert_eq!(mul_div_floor(-i64::MAX, 5, 7), div_floor(-i128::from(i64::MAX) * 5, 7));
        assert_eq!(mul_div_ceil(i64::MAX, 2, 1), Err(Overflow));
    }
}
