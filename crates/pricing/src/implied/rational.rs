//! The rational functions and polynomials of the solver, with their coefficients from `tools/implied_coefficients.py`.

use crate::math::{ROUNDER, polynomial, unbiased};

/// Numerator P of the Mills ratio M(z) = Φ(−z)/φ(z) on [0, 60], lowest power first; relative error 3.4e-17/(1 + z²/3).
const MILLS_P: [f64; 11] = [
    1.2533141373155003,
    2.149833657782776,
    1.8225789112139914,
    0.9895693808309305,
    0.3779982097829141,
    0.10575824028563217,
    0.0219384535006617,
    0.0033392685974614274,
    0.0003587949646870396,
    2.4803788587765847e-05,
    8.52088877728889e-07,
];

/// Its denominator Q.
const MILLS_Q: [f64; 12] = [
    1.0,
    2.5132036446421,
    2.9594539603157544,
    2.1602244521002025,
    1.088897155693348,
    0.3992275928675495,
    0.1090479013488719,
    0.022295544286591657,
    0.003364072386065918,
    0.00035964705356458104,
    2.48037885877671e-05,
    8.520888777288852e-07,
];

/// Q − z·P, the numerator of −M′(z) = 1 − z·M(z) over Q, as good in relative error.
const SLOPE_N: [f64; 12] = [
    1.0,
    1.2598895073265997,
    0.8096203025329783,
    0.3376455408862109,
    0.09932777486241764,
    0.021229383084635407,
    0.003289661063239734,
    0.0003570907859299567,
    2.480378860449043e-05,
    8.520888775414309e-07,
    1.2550919632848437e-18,
    -3.7729280392427485e-21,
];

/// The same three to 3.1e-7, for the first step.
const ROUGH_MILLS_P: [f64; 5] =
    [1.2533145301439037, 1.244021465427731, 0.5769219589755973, 0.1444927465717332, 0.017567921519283998];

/// See [`ROUGH_MILLS_P`].
const ROUGH_MILLS_Q: [f64; 6] = [
    1.0,
    1.7904854799354857,
    1.3887982850143312,
    0.5944801543686647,
    0.14449291199051761,
    0.01756792044741605,
];

/// See [`ROUGH_MILLS_P`].
const ROUGH_SLOPE_N: [f64; 6] = [
    1.0,
    0.5371709497915818,
    0.14477681958660013,
    0.01755819539306744,
    1.6541878441324712e-07,
    -1.071867947042026e-09,
];

/// Φ⁻¹((1 + β)/2)/√λ in λ = −ln(1 − β²) on [0, 37], to 8e-4.
const QUANTILE: [f64; 5] = [
    1.2535761628783295,
    0.014753448884560882,
    -0.0007925730939870454,
    2.0712674973591055e-05,
    -2.0400668453921143e-07,
];

/// Numerator of (h/q)², to 1.5e-3 up to q = 1,200.
const BACHELIER_P: [f64; 3] = [0.15900820066468052, 0.024830938309465964, 0.0015931128126084415];

/// Its denominator.
const BACHELIER_Q: [f64; 4] = [1.0, 0.1515704923929138, 0.02012142623776358, 0.0007998154787539136];

/// ln(1 + f)/f where 1 + f spans [√½, √2], to 1e-7.
const ROUGH_LN: [f64; 9] = [
    0.9999999741310671,
    -0.4999999638212389,
    0.3333419328613508,
    -0.2500135218549606,
    0.1995593335838325,
    -0.16577992896798863,
    0.14977401280127375,
    -0.14269258206218832,
    0.08533313082996152,
];

/// e^r on |r| ≤ ln 2 / 2, to 4e-6.
const ROUGH_EXP: [f64; 5] =
    [1.0, 0.9999622946507594, 0.4999937213862548, 0.1679214301652204, 0.04187564445233737];

/// ln 2.
const LN_2: f64 = std::f64::consts::LN_2;

/// Numerator and denominator of the Mills ratio at z ≥ 0.
#[inline(always)]
pub(super) fn mills<const ROUGH: bool>(z: f64) -> (f64, f64) {
    if ROUGH {
        (polynomial(&ROUGH_MILLS_P, z), polynomial(&ROUGH_MILLS_Q, z))
    } else {
        (polynomial(&MILLS_P, z), polynomial(&MILLS_Q, z))
    }
}

/// Numerator of −M′(z), whose denominator is that of [`mills`].
#[inline(always)]
pub(super) fn mills_slope<const ROUGH: bool>(z: f64) -> f64 {
    if ROUGH { polynomial(&ROUGH_SLOPE_N, z) } else { polynomial(&SLOPE_N, z) }
}

/// Φ⁻¹((1 + β)/2) from λ = −ln(1 − β²).
#[inline(always)]
pub(super) fn quantile(lambda: f64) -> f64 {
    lambda.sqrt() * polynomial(&QUANTILE, lambda)
}

/// 1/h from q = ln(1 + h/(φ(h)·(1 − h·M(h)))).
#[inline(always)]
pub(super) fn inverse_bachelier(q: f64) -> f64 {
    (polynomial(&BACHELIER_Q, q) / (polynomial(&BACHELIER_P, q) * (q * q))).sqrt()
}

/// ln x of a positive normal number to 1e-7, in relative error near 1, without a division.
#[inline(always)]
pub(super) fn rough_ln(x: f64) -> f64 {
    const SQRT_HALF_BITS: u64 = 0x3fe6_a09e_667f_3bcd;
    const ONE_BITS: u64 = 0x3ff0_0000_0000_0000;
    let shifted = x.to_bits().wrapping_add(ONE_BITS - SQRT_HALF_BITS);
    let exponent = unbiased(shifted >> 52, 1023.0);
    let f = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF_BITS) - 1.0;
    exponent * LN_2 + f * polynomial(&ROUGH_LN, f)
}

/// e^x to 4e-6 for |x| ≤ 700.
#[inline(always)]
pub(super) fn rough_exp(x: f64) -> f64 {
    let rounded = x * std::f64::consts::LOG2_E + ROUNDER;
    let r = x - (rounded - ROUNDER) * LN_2;
    // The integer sits in the last bits; shifted into the exponent it multiplies by its power of two.
    f64::from_bits(polynomial(&ROUGH_EXP, r).to_bits().wrapping_add(rounded.to_bits() << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points spread evenly over [low, high].
    fn spread(low: f64, high: f64) -> impl Iterator<Item = f64> {
        (0..=1000).map(move |i| low + (high - low) * f64::from(i) / 1000.0)
    }

    fn relative_error(ours: f64, reference: f64) -> f64 {
        (ours / reference - 1.0).abs()
    }

    #[test]
    fn mills_ratio_and_slope_at_known_points() {
        // M and −M′ by 50-digit arithmetic.
        let known = [
            (0.0, 1.2533141373155003, 1.0),
            (0.5, 0.8763644564536924, 0.5618177717731538),
            (2.0, 0.4213692292880545, 0.15726154142389107),
            (10.0, 0.09902859647173193, 0.009714035282680786),
            (50.0, 0.019992009580853568, 0.00039952095732163445),
        ];
        for (z, ratio, slope) in known {
            let (numerator, denominator) = mills::<false>(z);
            assert!(relative_error(numerator / denominator, ratio) < 4e-16, "{z}");
            assert!(relative_error(mills_slope::<false>(z) / denominator, slope) < 6e-16, "{z}");
            let (numerator, denominator) = mills::<true>(z);
            assert!(relative_error(numerator / denominator, ratio) < 3.2e-7, "{z}");
        }
    }

    #[test]
    fn rough_functions_are_as_good_as_documented() {
        for x in spread(0.0, 20.0) {
            assert!(relative_error(rough_exp(x), x.exp()) < 4e-6, "{x}");
        }
        for x in spread(-700.0, 700.0) {
            assert!((rough_ln(x.exp()) - x).abs() < 2e-7, "{x}");
        }
        for f in [1e-9, 1e-5, 0.01, 0.2, -1e-9, -0.01, -0.25] {
            assert!(relative_error(rough_ln(1.0 + f), f64::ln_1p((1.0 + f) - 1.0)) < 2e-7, "{f}");
        }
    }

    #[test]
    fn quantiles_at_known_points() {
        for (beta, expected) in
            [(0.1f64, 0.12566134685507405), (0.5, 0.6744897501960817), (0.99, 2.575829303548901)]
        {
            assert!(relative_error(quantile(-(1.0 - beta * beta).ln()), expected) < 1e-3, "{beta}");
        }
    }

    #[test]
    fn bachelier_is_undone() {
        for h in spread(0.01, 36.0) {
            let (numerator, denominator) = mills::<false>(h);
            let per_drift = (1.0 - h * numerator / denominator) * (-0.5 * h * h).exp() * 0.3989422804014327;
            assert!(relative_error(1.0 / inverse_bachelier((h / per_drift).ln_1p()), h) < 1e-3, "{h}");
        }
    }
}
