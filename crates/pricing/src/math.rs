//! Elementary functions from plain IEEE-754 operations, branch-light so that a loop over them can be vectorised.
//!
//! The coefficients come from `tools/coefficients.py`. [`exp`] and [`ln`] are within two units in the last place of the
//! platform's, which are within one of the truth; [`normal_cdf`] errs by a few 1e-16, of 1 near 0 and of its value further
//! out, times (1 + x²/8)² far out in the tail, where a rounding of x² is an error of φ as well.

/// (e^r − 1 − r)/r² on |r| ≤ ln 2 / 2, lowest power first.
const EXP: [f64; 10] = [
    0.5000000000000001,
    0.16666666666666669,
    0.041666666666624164,
    0.008333333333330065,
    0.0013888888917196719,
    0.00019841269863040545,
    2.4801521322368692e-05,
    2.7557268480310024e-06,
    2.7620075879983367e-07,
    2.5100375832561234e-08,
];

/// (atanh(s)/s − 1)·2/s² in powers of s² ≤ 0.04.
const LN: [f64; 7] = [
    0.6666666666666693,
    0.3999999999934565,
    0.2857142883267973,
    0.22222183180681265,
    0.18184588603804439,
    0.15284232657100633,
    0.15113680893531198,
];

/// R of ½ − e^(x²/2)·Φ(−x) = x·R/Q on [0, 39]: error 3.3e-17 of the scaled tail, times (1 + x²/8)².
const SHORTFALL_R: [f64; 9] = [
    0.3989422804014348,
    0.6099564300167377,
    0.4461271820057208,
    0.20093753176852097,
    0.060628528388090186,
    0.012539888628887242,
    0.0017413458610785538,
    0.00014945708819312885,
    6.149258083457715e-06,
];

/// Q of the same.
const SHORTFALL_Q: [f64; 10] = [
    1.0,
    2.1555911024309125,
    2.135758076634565,
    1.280197493941939,
    0.5133360670866564,
    0.143387628363233,
    0.02804529230591268,
    0.003729020202428646,
    0.00030872697262274975,
    1.2298516166495113e-05,
];

/// ln 2 to 32 fractional bits, so that its product with an exponent is exact.
const LN2_HIGH: f64 = 0.6931471803691238;
/// What [`LN2_HIGH`] leaves out.
const LN2_LOW: f64 = 1.9082149292705877e-10;
const INVERSE_LN2: f64 = std::f64::consts::LOG2_E;
/// Adding and subtracting this rounds |x| < 2^51 to an integer, ties to even. In the sum it fills the last bits.
pub(crate) const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Added to exponents to halve them as unsigned numbers.
const HALF_BIAS: u64 = 1 << 12;
/// 2^52, whose last bit counts ones.
const INTEGER: f64 = 4_503_599_627_370_496.0;
/// Where e^(−x²/2) has underflowed; larger arguments are the same to a double.
const TAIL_END: f64 = 39.0;

/// A polynomial, lowest power first: Horner's rule in x² for its even and its odd part.
///
/// Two chains half as long keep a processor twice as busy, for one multiplication more.
#[inline(always)]
pub(crate) fn polynomial<const N: usize>(coefficients: &[f64; N], x: f64) -> f64 {
    let square = x * x;
    let chain = |highest: usize| {
        let mut value = coefficients[highest];
        for power in (0..highest).rev().skip(1).step_by(2) {
            value = value * square + coefficients[power];
        }
        value
    };
    let (one, other) = (chain(N - 1), chain(N - 2));
    if N % 2 == 1 { one + x * other } else { other + x * one }
}

/// 2^n for −1022 ≤ n ≤ 1023, `n` in two's complement.
#[inline(always)]
fn power_of_two(n: u64) -> f64 {
    f64::from_bits(n.wrapping_add(1023) << 52)
}

/// n − `bias` as a double, for integers 0 ≤ n < 2^52, by operations that every vector unit has.
#[inline(always)]
pub(crate) fn unbiased(n: u64, bias: f64) -> f64 {
    f64::from_bits(n | INTEGER.to_bits()) - (INTEGER + bias)
}

/// e^x: 0 below −746, infinite above 709.79. NaN gives NaN.
#[inline(always)]
#[must_use]
pub fn exp(x: f64) -> f64 {
    let bounded = if x < -746.0 { -746.0 } else { x };
    let bounded = if bounded > 710.0 { 710.0 } else { bounded };
    let rounded = bounded * INVERSE_LN2 + ROUNDER;
    let n = rounded - ROUNDER;
    let r = (bounded - n * LN2_HIGH) - n * LN2_LOW;
    let mantissa = 1.0 + (r + r * r * polynomial(&EXP, r));
    // Two factors reach the subnormal and the largest results, where 2^n itself is not a normal number.
    let whole = rounded.to_bits().wrapping_sub(ROUNDER.to_bits());
    let half = (whole.wrapping_add(2 * HALF_BIAS) >> 1).wrapping_sub(HALF_BIAS);
    mantissa * power_of_two(half) * power_of_two(whole.wrapping_sub(half))
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
    let exponent = unbiased(shifted >> 52, if subnormal { 1023.0 + 54.0 } else { 1023.0 });
    let mantissa = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF_BITS);
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    // ln(1 + f) = f − f²/2 + s(f²/2 + R), R = s²·LN(s²): the terms after f are small, so their errors are too.
    let half_square = 0.5 * f * f;
    let tail = s * (half_square + z * polynomial(&LN, z));
    let value = exponent * LN2_HIGH - ((half_square - (tail + exponent * LN2_LOW)) - f);
    let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
    let value = if x == f64::INFINITY { f64::INFINITY } else { value };
    if x >= 0.0 { value } else { f64::NAN }
}

/// ln(a/b) of two positive normal numbers, to two units in its last place, however near they are to each other.
///
/// b is scaled by a power of two until a/b lies in [⅔, 1.5]; then a − b is exact, and ln(a/b) = 2·atanh((a − b)/(a + b)).
#[inline(always)]
#[must_use]
pub fn ln_ratio(a: f64, b: f64) -> f64 {
    const EXPONENT_MASK: u64 = 0xfff0_0000_0000_0000;
    const HALF: u64 = 1 << 51;
    const SIGN: u64 = 1 << 63;
    // Bit patterns of positive numbers are piecewise linear logarithms; the nearest power of two is n·2^52 apart.
    let power = a.to_bits().wrapping_sub(b.to_bits()).wrapping_add(HALF) & EXPONENT_MASK;
    let n = unbiased((power ^ SIGN) >> 52, 2048.0);
    let scaled = f64::from_bits(b.to_bits().wrapping_add(power));
    let s = (a - scaled) / (a + scaled);
    let z = s * s;
    n * LN2_HIGH + (2.0 * s + (s * z * polynomial(&LN, z) + n * LN2_LOW))
}

/// What e^(x²/2)·Φ(−x) falls short of ½, for x ≥ 0; beyond 39 its value at 39.
///
/// Near 0 it is small and so is its error, which is where a price needs Φ most exactly: there ½ is subtracted exactly.
#[inline(always)]
#[must_use]
pub fn tail_shortfall(x: f64) -> f64 {
    let bounded = if x > TAIL_END { TAIL_END } else { x };
    bounded * (polynomial(&SHORTFALL_R, bounded) / polynomial(&SHORTFALL_Q, bounded))
}

/// The normal distribution function Φ(x).
#[inline(always)]
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    let tail = exp(-0.5 * x * x) * (0.5 - tail_shortfall(x.abs()));
    if x < 0.0 { tail } else { 1.0 - tail }
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

    #[test]
    fn the_shortfall_at_known_points() {
        // By 40-digit arithmetic. Far out the error allowed is 1e-12 of the scaled tail.
        let known = [
            (0.0, 0.0, 0.0),
            (0.001, 0.0003986924133197194, 4e-17),
            (0.25, 0.08596789705226458, 4e-17),
            (1.0, 0.23842170813487662, 1e-16),
            (3.0, 0.3784860516444378, 2e-16),
            (8.0, 0.45087745378757504, 3e-16),
            (20.0, 0.48010238435167296, 2e-15),
            (38.5, 0.48964483956125016, 1e-14),
        ];
        for (x, expected, error) in known {
            let found = tail_shortfall(x);
            assert!((found - expected).abs() <= error, "{x}: {found}");
        }
        assert_eq!(tail_shortfall(1e200), tail_shortfall(TAIL_END));
    }

    #[test]
    fn ln_ratio_spans_its_domain() {
        assert_eq!(ln_ratio(70_000.0, 70_000.0), 0.0);
        assert!(ulps(ln_ratio(1e150, 1e-150), 690.7755278982137) <= 1);
        assert!(ulps(ln_ratio(1e-150, 1e150), -690.7755278982137) <= 1);
        assert!(ulps(ln_ratio(3.0, 2.0), 0.4054651081081644) <= 1);
        assert!(ulps(ln_ratio(3.0, 4.0), -0.2876820724517809) <= 1);
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
        fn ln_ratio_agrees_with_the_platform(a in 1e-9f64..1e9, log_ratio in -20.0f64..20.0) {
            let b = a * log_ratio.exp();
            // a/b is rounded, which moves its logarithm by up to 1.2e-16.
            let error = 1.2e-16 + 3.0 * f64::EPSILON * (a / b).ln().abs();
            prop_assert!((ln_ratio(a, b) - (a / b).ln()).abs() <= error);
        }

        #[test]
        fn ln_ratio_keeps_its_digits_near_one(a in 1e-3f64..1e6, gap in -1e-3f64..1e-3) {
            let b = a + a * gap;
            let exact = ((a - b) / b).ln_1p();
            prop_assert!((ln_ratio(a, b) - exact).abs() <= 4.0 * f64::EPSILON * exact.abs());
        }

        #[test]
        fn cdf_is_symmetric(x in -30.0f64..30.0) {
            prop_assert!((normal_cdf(x) + normal_cdf(-x) - 1.0).abs() <= 2.3e-16);
        }
    }
}
