//! Elementary functions from plain IEEE-754 operations, branch-light so that a loop over them can be vectorised.
//!
//! The coefficients come from `tools/coefficients.py`. [`exp`] and [`ln`] are within two units in the last place of the
//! platform's, which are within one of the truth; [`normal_cdf`] errs by a few 1e-16 of its value, times x² far out in
//! the tail, where a rounding of x² is an error of φ.

/// (e^r − 1 − r)/r² on |r| ≤ ln 2 / 2, lowest power first.
const EXP: [f64; 11] = [
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326141,
    0.0013888888888883752,
    0.00019841269874800493,
    2.4801587325533363e-05,
    2.7557255425746435e-06,
    2.7557273661348637e-07,
    2.510520637395701e-08,
    2.0914679376583935e-09,
];

/// (atanh(s)/s − 1)·2/s² in powers of s².
const LN: [f64; 8] = [
    0.6666666666666666,
    0.4000000000000088,
    0.28571428570803614,
    0.22222222391713917,
    0.18181795640132906,
    0.15386239702814658,
    0.13268773138656886,
    0.13086626147840102,
];

/// Numerator of the Mills ratio, type (9, 10), relative error 5.2e-17 on [0, 39].
const MILLS_P: [f64; 10] = [
    1.2533141373155001,
    1.942340031856909,
    1.4890817281626931,
    0.7252703064489129,
    0.24490559814378335,
    0.05921566121297962,
    0.010251047111205277,
    0.0012293916718300296,
    9.33914400790171e-05,
    3.4738570149949766e-06,
];

/// Its denominator.
const MILLS_Q: [f64; 11] = [
    1.0,
    2.3476476840508287,
    2.5612671619837446,
    1.7144151828007308,
    0.7820621669133048,
    0.25496985066076133,
    0.06043810559609942,
    0.010344438540100281,
    0.0012328655290442493,
    9.339144007688313e-05,
    3.4738570150052824e-06,
];

/// ln 2 to 32 fractional bits, so that its product with an exponent is exact.
const LN2_HIGH: f64 = 0.6931471803691238;
/// What [`LN2_HIGH`] leaves out.
const LN2_LOW: f64 = 1.9082149292705877e-10;
const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
/// Adding and subtracting this rounds |x| < 2^51 to an integer, ties to even.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// 1/√(2π).
const INVERSE_SQRT_TAU: f64 = 0.3989422804014327;
/// Where φ has underflowed; larger arguments are the same to a double.
const TAIL_END: f64 = 39.0;

/// A polynomial by Horner's rule, lowest power first.
#[inline(always)]
fn horner<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let mut value = coefficients[N - 1];
    for power in (0..N - 1).rev() {
        value = value * x + coefficients[power];
    }
    value
}

/// 2^n for −1022 ≤ n ≤ 1023.
#[inline(always)]
fn power_of_two(n: i64) -> f64 {
    f64::from_bits(((n + 1023) as u64) << 52)
}

/// e^x: 0 below −746, infinite above 709.79. NaN gives NaN.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    let bounded = if x < -746.0 { -746.0 } else { x };
    let bounded = if bounded > 710.0 { 710.0 } else { bounded };
    let n = (bounded * INVERSE_LN2 + ROUNDER) - ROUNDER;
    let r = (bounded - n * LN2_HIGH) - n * LN2_LOW;
    let mantissa = 1.0 + (r + r * r * horner(&EXP, r));
    // Two factors reach the subnormal and the largest results, where 2^n itself is not a normal number.
    let whole = n as i64;
    let half = whole >> 1;
    mantissa * power_of_two(half) * power_of_two(whole - half)
}

/// Natural logarithm of a positive number: −∞ at 0, NaN below 0.
#[inline(always)]
#[must_use]
pub fn ln(x: f64) -> f64 {
    const SUBNORMAL_SCALE: f64 = 18_014_398_509_481_984.0; // 2^54
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
    let subnormal = x < f64::MIN_POSITIVE;
    let scaled = if subnormal { x * SUBNORMAL_SCALE } else { x };
    // Exponent and mantissa such that the mantissa lies in [√½, √2).
    let shifted = scaled.to_bits().wrapping_add(ONE_BITS - SQRT_HALF_BITS);
    let exponent = (shifted >> 52) as i64 - 1023 - if subnormal { 54 } else { 0 };
    let mantissa = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF_BITS);
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // ln(1 + f) = f − f²/2 + s(f²/2 + R), R = s²·LN(s²): the terms after f are small, so their errors are too.
    let half_square = 0.5 * f * f;
    let tail = s * (half_square + z * horner(&LN, z));
    let n = exponent as f64;
    let value = n * LN2_HIGH - ((half_square - (tail + n * LN2_LOW)) - f);
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    let value = if x == f64::INFINITY { f64::INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

/// The normal density φ(x).
#[inline(always)]
#[must_use]
pub fn normal_pdf(x: f64) -> f64 {
    INVERSE_SQRT_TAU * exp(-0.5 * x * x)
}

/// The Mills ratio Φ(−x)/φ(x) for x ≥ 0; beyond 39 its value at 39.
#[inline(always)]
#[must_use]
pub fn mills_ratio(x: f64) -> f64 {
    let bounded = if x > TAIL_END { TAIL_END } else { x };
    horner(&MILLS_P, bounded) / horner(&MILLS_Q, bounded)
}

/// Φ(x) and Φ(−x), each without cancellation, where `density` = φ(x) is already known.
#[inline(always)]
#[must_use]
pub fn both_tails(x: f64, density: f64) -> (f64, f64) {
    let tail = density * mills_ratio(x.abs());
    if x < 0.0 { (tail, 1.0 - tail) } else { (1.0 - tail, tail) }
}

/// The normal distribution function Φ(x).
#[inline(always)]
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    both_tails(x, normal_pdf(x)).0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ulps(ours: f64, reference: f64) -> u64 {
        ours.to_bits().abs_diff(reference.to_bits())
    }

    #[test]
    fn exp_keeps_its_edges() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-1000.0), 0.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(710.0), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
        assert!(exp(709.7).is_finite());
        assert!(exp(-740.0) > 0.0, "the subnormal range is reached");
    }

    #[test]
    fn ln_keeps_its_edges() {
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(ln(0.0), f64::NEG_INFINITY);
        assert_eq!(ln(f64::INFINITY), f64::INFINITY);
        assert!(ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
        assert!(ulps(ln(f64::from_bits(1)), -744.4400719213812) <= 1);
        assert!(ulps(ln(f64::MAX), 709.782712893384) <= 1);
    }

    #[test]
    fn normal_distribution_at_known_points() {
        assert_eq!(normal_cdf(0.0), 0.5);
        assert!((normal_cdf(1.0) - 0.8413447460685429).abs() <= 1.2e-16);
        assert!((normal_cdf(-8.0) / 6.220960574271786e-16 - 1.0).abs() < 1e-14);
        assert!((normal_cdf(-37.0) / 5.725571222524e-300 - 1.0).abs() < 1e-11);
        assert_eq!(normal_cdf(f64::NEG_INFINITY), 0.0);
        assert_eq!(normal_cdf(f64::INFINITY), 1.0);
    }

    // The platform's functions are within an ulp themselves, so two ulps apart is the most that can be asked.
    proptest! {
        #[test]
        fn exp_agrees_with_the_platform(x in -700.0f64..700.0) {
            prop_assert!(ulps(exp(x), x.exp()) <= 2, "{} {}", exp(x), x.exp());
        }

        #[test]
        fn ln_agrees_with_the_platform(bits in 1u64..0x7ff0_0000_0000_0000) {
            let x = f64::from_bits(bits);
            prop_assert!(ulps(ln(x), x.ln()) <= 2, "{} {}", ln(x), x.ln());
        }

        #[test]
        fn ln_agrees_near_one(x in 0.5f64..2.0) {
            prop_assert!(ulps(ln(x), x.ln()) <= 2, "{} {}", ln(x), x.ln());
        }

        #[test]
        fn cdf_is_symmetric(x in -30.0f64..30.0) {
            prop_assert!((normal_cdf(x) + normal_cdf(-x) - 1.0).abs() <= 2.3e-16);
        }
    }
}
