//! One out-of-the-money option per unit of the nearer of forward and strike: a start for its σ√T, and a step to the root.
//!
//! With s = σ√T, x = |ln(F/K)|, h = x/s, t = s/2 and M(z) = Φ(−z)/φ(z), the price is
//!
//! ```text
//! b(s) = φ(h − t)·(M(h − t) − M(h + t)),     1 − b(s) = φ(t − h)·(M(t − h) + M(t + h)).
//! ```
//!
//! The first form is used up to the inflection point h = t, the second one beyond, so the arguments of M are never
//! negative and nothing cancels but M(h − t) − M(h + t) for small t; there Taylor's series takes over, and serves both
//! sides. What is solved is the logarithm of either form, which is nearly straight. Since b′ = φ(h − t), the higher
//! derivatives follow from the value by multiplication, as Jäckel points out in *Let's Be Rational* (2015), which the
//! objective and the order of the step follow; start, series and rational functions are our own.

use super::rational::{inverse_bachelier, mills, mills_slope, quantile, rough_exp, rough_ln};
use crate::math::{ln, ln_ratio};

/// 1/√(2π).
const INVERSE_SQRT_TAU: f64 = 0.3989422804014327;
/// √(π/2).
const SQRT_HALF_PI: f64 = 1.2533141373155003;

/// Prices below 2^−800 are carried times 2^780, so that what is made from them stays normal and small.
const TINY: f64 = f64::from_bits((1023 - 800) << 52);
const SCALE: f64 = f64::from_bits((1023 + 780) << 52);
const INVERSE_SCALE: f64 = f64::from_bits((1023 - 780) << 52);
const LN_SCALE: f64 = 540.6548008367573;

/// Up to this price Φ⁻¹((1 + β)/2) = √(π/2)·β, well enough for a start.
const SMALL_PRICE: f64 = 1e-4;
/// Up to these odds the option is at the money, and s = 2·Φ⁻¹((1 + β)/2).
const SMALL_ODDS: f64 = 1e-9;
/// How the lift of a start depends on the quantile and on x: fitted, good to 0.6 % of s for x ≤ 1 and 1.7 % for x ≤ 4.
const LIFT_BY_QUANTILE: f64 = 0.68;
const LIFT_BY_X: f64 = 0.05;
const LIFT_BY_X_AGAIN: f64 = 0.07;
/// The exponential of a larger lift might overflow; it enters the logarithm as it is.
const MOST_LIFT: f64 = 20.0;
/// No price that a double holds has a larger h, or a larger s.
const MOST_H: f64 = 60.0;
const MOST_S: f64 = 80.0;

/// Where Taylor's series gives M(h − t) − M(h + t): t² ≤ 1/64 bounds the series, and 2ht = x the loss of digits in it.
const MOST_SERIES_T: f64 = 0.125;
const MOST_SERIES_X: f64 = 0.5;

/// What is to be solved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Normalised {
    /// |ln(F/K)|.
    pub x: f64,
    /// The price, times e^`shift`.
    pub price: f64,
    /// 1 − price.
    pub rest: f64,
    /// 0, or the logarithm of the scale of a tiny price.
    pub shift: f64,
}

impl Normalised {
    /// `time_value` lies between 0 and `near`, both excluded; `near` ≤ `far`.
    #[inline(always)]
    pub(super) fn new(time_value: f64, near: f64, far: f64) -> Self {
        let is_tiny = time_value < TINY * near;
        let scaled = if is_tiny { time_value * SCALE } else { time_value };
        let inverse = 1.0 / near;
        Self {
            x: ln_ratio(far, near),
            price: scaled * inverse,
            rest: (near - time_value) * inverse,
            shift: if is_tiny { LN_SCALE } else { 0.0 },
        }
    }

    /// A start for s, from two limits that are functions of one variable.
    ///
    /// At the money b = 2Φ(t) − 1, hence `quantile` = Φ⁻¹((1 + b)/2) = s/2. Without drift (Bachelier's model) the price
    /// is s·φ(h)·(1 − h·M(h)), hence h is a function of the `odds` x/price. Taking 2φ(0)·quantile for the price makes
    /// the second agree with the first at the money; away from it the drift lowers the price by about e^(−`lift`), where
    /// lift falls from x/2 at low vol to 0 at high.
    #[inline(always)]
    pub(super) fn start(&self) -> f64 {
        let Self { x, price, rest, shift } = *self;
        // 1 − b² without cancellation.
        let quantile = quantile(-rough_ln(rest * (1.0 + price)));
        let quantile = if price < SMALL_PRICE { SQRT_HALF_PI * price } else { quantile };
        // lift = x/2/(1 + 0.68·quantile + 0.05·x/(1 + 0.07·x)); one division serves it and the odds.
        let again = 1.0 + LIFT_BY_X_AGAIN * x;
        let divisor = (1.0 + LIFT_BY_QUANTILE * quantile) * again + LIFT_BY_X * x;
        let inverse = 1.0 / (divisor * quantile);
        let lift = 0.5 * x * again * (quantile * inverse);
        let bounded = if lift < MOST_LIFT { lift } else { MOST_LIFT };
        let odds = x * SQRT_HALF_PI * (divisor * inverse) * rough_exp(bounded);
        let q = rough_ln(1.0 + odds) + (lift - bounded) + shift;
        let apart = x * inverse_bachelier(q);
        let at_the_money = 2.0 * if shift > 0.0 { quantile * INVERSE_SCALE } else { quantile };
        let s = if odds < SMALL_ODDS { at_the_money } else { apart };
        let least = x * (1.0 / MOST_H) + f64::MIN_POSITIVE;
        let s = if s > least { s } else { least };
        if s < MOST_S { s } else { MOST_S }
    }

    /// The relative change of s towards the root, by a method of fourth order; within [−1/2, 1] and never NaN.
    ///
    /// A rough step computes the objective to 1e-6 only.
    #[inline(always)]
    pub(super) fn step<const ROUGH: bool>(&self, s: f64) -> f64 {
        let Self { x, price, rest, shift } = *self;
        let inverse_s = 1.0 / s;
        let (h, t) = (x * inverse_s, 0.5 * s);
        let (u, v) = (h - t, h + t);
        let is_series = (t < MOST_SERIES_T) & (x < MOST_SERIES_X);
        let is_high = (u < 0.0) & !is_series;
        let (numerator, denominator) =
            if is_series { series::<ROUGH>(h, t) } else { tails::<ROUGH>(u.abs(), v, is_high) };
        let (target, shift) = if is_high { (rest, 0.0) } else { (price, shift) };
        let inverse = 1.0 / (denominator * target);
        let ratio = numerator * INVERSE_SQRT_TAU * inverse;
        let logarithm = if ROUGH { rough_ln(ratio) } else { ln(ratio) };

        // The objective f = ln b(s) − ln b, or that of 1 − b, and 1/(s·f′).
        let f = logarithm + (shift - 0.5 * u * u);
        let width = (numerator * inverse_s) * (target * inverse);
        let width = if is_high { -width } else { width };
        // s·b″/b′ and s²·b‴/b′, and from them −f·f″/f′² and f²·f‴/f′³.
        let second = u * v;
        let third = second * second - 3.0 * h * h - t * t;
        let bend = f * (1.0 - width * second);
        let twist = f * f * (width * width * third - 3.0 * width * second + 2.0);
        // The inverse function's series; f is so small by now that it needs no safeguard but the last.
        let change = -(f * width) * (1.0 - 0.5 * bend + (0.5 * bend * bend - twist * (1.0 / 6.0)));
        let change = if change > -0.5 { change } else { -0.5 };
        if change < 1.0 { change } else { 1.0 }
    }
}

/// M(u) − M(v), or M(u) + M(v) on the high side, as numerator and denominator.
#[inline(always)]
fn tails<const ROUGH: bool>(u: f64, v: f64, is_high: bool) -> (f64, f64) {
    let ((u_numerator, u_denominator), (v_numerator, v_denominator)) = (mills::<ROUGH>(u), mills::<ROUGH>(v));
    let other = v_numerator * u_denominator;
    let other = if is_high { -other } else { other };
    (u_numerator * v_denominator - other, u_denominator * v_denominator)
}

/// M(h − t) − M(h + t) = 2t·Σ t^2k·I(2k + 1)/(2k + 1)!, as numerator and denominator, to 1e-16 (rough: 4e-8).
///
/// I(n) = ∫₀^∞ yⁿ·e^(−hy − y²/2) dy = |M⁽ⁿ⁾(h)|, so I(n + 1) = n·I(n − 1) − h·I(n); M and M′ share their denominator.
/// The recurrence loses digits like hⁿ, which t^n makes good: only (ht)^n is left of it.
#[inline(always)]
fn series<const ROUGH: bool>(h: f64, t: f64) -> (f64, f64) {
    let (i0, denominator) = mills::<ROUGH>(h);
    let i1 = mills_slope::<ROUGH>(h);
    let i2 = i0 - h * i1;
    let i3 = 2.0 * i1 - h * i2;
    let i4 = 3.0 * i2 - h * i3;
    let i5 = 4.0 * i3 - h * i4;
    let z = t * t;
    let tail = if ROUGH {
        i5 * (1.0 / 120.0)
    } else {
        let i6 = 5.0 * i4 - h * i5;
        let i7 = 6.0 * i5 - h * i6;
        let i8 = 7.0 * i6 - h * i7;
        let i9 = 8.0 * i7 - h * i8;
        let i10 = 9.0 * i8 - h * i9;
        let i11 = 10.0 * i9 - h * i10;
        let tail = i9 * (1.0 / 362_880.0) + z * (i11 * (1.0 / 39_916_800.0));
        i5 * (1.0 / 120.0) + z * (i7 * (1.0 / 5040.0) + z * tail)
    };
    (2.0 * t * (i1 + z * (i3 * (1.0 / 6.0) + z * tail)), denominator)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// b(s) and 1 − b(s) with the platform's exponential, from the two forms without the series.
    fn black(x: f64, s: f64) -> (f64, f64) {
        let (h, t) = (x / s, 0.5 * s);
        let is_high = h < t;
        let (numerator, denominator) = tails::<false>((h - t).abs(), h + t, is_high);
        let value = INVERSE_SQRT_TAU * (-0.5 * (h - t) * (h - t)).exp() * numerator / denominator;
        if is_high { (1.0 - value, value) } else { (value, 1.0 - value) }
    }

    fn of(x: f64, s: f64) -> Normalised {
        let (price, rest) = black(x, s);
        Normalised { x, price, rest, shift: 0.0 }
    }

    #[test]
    fn the_series_meets_the_tails() {
        for h in [0.0, 0.3, 1.0, 1.9] {
            let t = MOST_SERIES_T;
            let (near, near_over) = series::<false>(h, t);
            let exact = if h >= t {
                let (tail, tail_over) = tails::<false>(h - t, h + t, false);
                tail / tail_over
            } else {
                // M(−z) = √(2π)·e^(z²/2) − M(z).
                let (both, both_over) = tails::<false>(t - h, h + t, true);
                (0.5 * (t - h) * (t - h)).exp() / INVERSE_SQRT_TAU - both / both_over
            };
            assert!((near / near_over / exact - 1.0).abs() < 1e-14, "{h}");
            let (rough, rough_over) = series::<true>(h, t);
            assert!((rough / rough_over / exact - 1.0).abs() < 2e-6, "{h}");
        }
    }

    #[test]
    fn starts_are_as_good_as_documented() {
        for (most_x, most_error) in [(1.0, 0.006), (4.0, 0.017)] {
            for i in 1..=40 {
                let x = most_x * f64::from(i) / 40.0;
                for j in 1..=60 {
                    let s = 0.05 * f64::from(j);
                    let option = of(x, s);
                    if option.price > 1e-290 && option.rest > 1e-14 {
                        let error = option.start() / s - 1.0;
                        assert!(error.abs() <= most_error, "x {x} s {s}: {error}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_step_is_of_fourth_order(x in 0.0f64..3.0, s in 0.3f64..3.0, error in 0.01f64..0.05) {
            let option = of(x, s);
            prop_assume!(option.price > 1e-100 && option.rest > 1e-10);
            for start in [s * (1.0 + error), s * (1.0 - error)] {
                let next = start * (1.0 + option.step::<false>(start));
                let left = (next / s - 1.0).abs();
                prop_assert!(left <= 10.0 * error.powi(4) + 1e-14, "{left}");
            }
        }

        #[test]
        fn a_rough_step_is_good_to_a_millionth(x in 0.0f64..3.0, s in 0.3f64..3.0) {
            let option = of(x, s);
            prop_assume!(option.price > 1e-100 && option.rest > 1e-10);
            let next = s * (1.0 + option.step::<true>(s));
            prop_assert!((next / s - 1.0).abs() <= 5e-6, "{next}");
        }
    }
}
