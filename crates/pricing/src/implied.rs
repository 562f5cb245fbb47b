//! Implied vol: Newton's method in coordinates where the price is nearly straight, inside a bracket.

use crate::black76::{LEAST_PRICE, MOST_INPUT, MOST_PRICE};
use crate::math::{both_tails, ln, mills_ratio, normal_pdf};
use thiserror::Error;

/// Iterations before the bracket's state is the answer; Newton needs fewer than ten, bisection alone about sixty.
const MAX_ITERATIONS: usize = 100;
/// ln √(2π).
const LN_SQRT_TAU: f64 = 0.9189385332046728;

/// Why a price has no implied vol.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ImpliedVolError {
    /// Price, forward, strike or time is not a number in its domain.
    #[error("{what} is {value}, must be {domain}")]
    Input {
        /// Which input.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it must be.
        domain: &'static str,
    },
    /// The price is below what the option is worth without vol.
    #[error("price {price} is below the intrinsic value {intrinsic}")]
    BelowIntrinsic {
        /// The price.
        price: f64,
        /// max(±(F − K), 0).
        intrinsic: f64,
    },
    /// No vol gives a price this high.
    #[error("price {price} is not below {bound}, which no vol reaches")]
    AboveBound {
        /// The price.
        price: f64,
        /// The forward for a call, the strike for a put.
        bound: f64,
    },
}

/// The vol at which [`crate::black76`] gives `price`; 0 when the price is the intrinsic value.
///
/// # Errors
/// [`ImpliedVolError`] for inputs outside their domain and for prices outside [intrinsic, bound). Never NaN.
pub fn implied_vol(
    price: f64,
    forward: f64,
    strike: f64,
    t: f64,
    is_call: bool,
) -> Result<f64, ImpliedVolError> {
    for (what, value) in [("forward", forward), ("strike", strike)] {
        if !(LEAST_PRICE..=MOST_PRICE).contains(&value) {
            return Err(ImpliedVolError::Input { what, value, domain: "between 1e-150 and 1e150" });
        }
    }
    if !(t > 0.0 && t <= MOST_INPUT) {
        return Err(ImpliedVolError::Input {
            what: "time to expiry",
            value: t,
            domain: "positive and at most 1e100",
        });
    }
    if !price.is_finite() {
        return Err(ImpliedVolError::Input { what: "price", value: price, domain: "finite" });
    }
    let difference = if is_call { forward - strike } else { strike - forward };
    let intrinsic = if difference > 0.0 { difference } else { 0.0 };
    if price < intrinsic {
        return Err(ImpliedVolError::BelowIntrinsic { price, intrinsic });
    }
    let bound = if is_call { forward } else { strike };
    // A put is the call with forward and strike exchanged; parity turns in-the-money into out-of-the-money.
    let (near, far) = if forward < strike { (forward, strike) } else { (strike, forward) };
    let time_value = price - intrinsic;
    if price >= bound || time_value >= near {
        return Err(ImpliedVolError::AboveBound { price, bound });
    }
    if time_value == 0.0 {
        return Ok(0.0);
    }
    let normalised = Normalised { x: ln(near / far), ratio: far / near };
    let deviation = normalised.solve(time_value / near, (near - time_value) / near);
    Ok(deviation / t.sqrt())
}

/// An out-of-the-money call per unit of its forward: b(s) = Φ(d1) − e^(−x)·Φ(d2), d = x/s ± s/2, x = ln(F/K) ≤ 0.
struct Normalised {
    x: f64,
    /// e^(−x).
    ratio: f64,
}

/// What the objective and its slope are made of, at one s.
struct Point {
    d1: f64,
    d2: f64,
    /// φ(d1), also the slope of b.
    density: f64,
}

impl Normalised {
    fn at(&self, s: f64) -> Point {
        let d1 = self.x / s + 0.5 * s;
        Point { d1, d2: d1 - s, density: normal_pdf(d1) }
    }

    fn value(&self, point: &Point) -> f64 {
        both_tails(point.d1, point.density).0
            - self.ratio * both_tails(point.d2, point.density / self.ratio).0
    }

    /// 1 − b, as a sum of positive terms.
    fn complement(&self, point: &Point) -> f64 {
        both_tails(point.d1, point.density).1
            + self.ratio * both_tails(point.d2, point.density / self.ratio).0
    }

    /// s with b(s) = `target`, where `complement` = 1 − target.
    ///
    /// Below the inflection point s² = 2|x| the logarithm of the price is nearly straight in 1/s², above it the
    /// logarithm of the complement is nearly straight in s.
    fn solve(&self, target: f64, complement: f64) -> f64 {
        let inflection = (2.0 * -self.x).sqrt();
        let is_low = inflection > 0.0 && self.value(&self.at(inflection)) > target;
        let most = 10.0 + (100.0 - 2.0 * self.x).sqrt();
        let (mut low, mut high) = if is_low { (0.0, inflection) } else { (inflection, most) };
        let mut s = if is_low { inflection } else { first_guess(inflection, complement) };
        let (ln_target, ln_complement) = (ln(target), ln(complement));
        for _ in 0..MAX_ITERATIONS {
            let point = self.at(s);
            let (excess, next) = if is_low {
                self.low_step(s, &point, ln_target)
            } else {
                let rest = self.complement(&point);
                let excess = ln_complement - ln(rest);
                (excess, s - excess * rest / point.density)
            };
            if excess > 0.0 {
                high = s
            } else {
                low = s
            }
            let next = if next > low && next < high { next } else { 0.5 * (low + high) };
            if (next - s).abs() <= 2.0 * f64::EPSILON * s {
                return next;
            }
            s = next;
        }
        s
    }

    /// ln b − ln target, and the Newton step in y = 1/s².
    fn low_step(&self, s: f64, point: &Point, ln_target: f64) -> (f64, f64) {
        // Both d are negative or zero here, so b = φ(d1)·(M(−d1) − M(−d2)); its logarithm does not underflow.
        let spread = mills_ratio(-point.d1) - mills_ratio(-point.d2);
        let excess = ln(spread) - 0.5 * point.d1 * point.d1 - LN_SQRT_TAU - ln_target;
        // d(ln b)/ds = 1/(M(−d1) − M(−d2)), ds/dy = −s³/2.
        let y = 1.0 / (s * s) + excess * spread * 2.0 / (s * s * s);
        (excess, 1.0 / y.sqrt())
    }
}

/// A start above the inflection point: the at-the-money slope b ≈ s/√(2π) near 0, the tail 1 − b ≈ e^(−s²/8) far out.
fn first_guess(inflection: f64, complement: f64) -> f64 {
    let distance = -ln(complement);
    let near = 2.5 * distance;
    let far = (8.0 * distance).sqrt();
    let guess = if near < far { near } else { far };
    let guess = if guess > f64::MIN_POSITIVE { guess } else { f64::MIN_POSITIVE };
    if guess > inflection { guess } else { inflection }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::black76::{Contract, black76};
    use proptest::prelude::*;

    fn price(forward: f64, strike: f64, t: f64, sigma: f64, is_call: bool) -> f64 {
        black76(&Contract { forward, strike, t, sigma, is_call }).price
    }

    #[test]
    fn refuses_prices_that_no_vol_gives() {
        assert_eq!(
            implied_vol(9.99, 110.0, 100.0, 1.0, true),
            Err(ImpliedVolError::BelowIntrinsic { price: 9.99, intrinsic: 10.0 })
        );
        let above = |bound| Err(ImpliedVolError::AboveBound { price: bound, bound });
        assert_eq!(implied_vol(110.0, 110.0, 100.0, 1.0, true), above(110.0));
        assert_eq!(implied_vol(100.0, 110.0, 100.0, 1.0, false), above(100.0));
        assert!(matches!(
            implied_vol(-1.0, 90.0, 100.0, 1.0, true),
            Err(ImpliedVolError::BelowIntrinsic { .. })
        ));
    }

    #[test]
    fn refuses_inputs_outside_their_domain() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(implied_vol(1.0, bad, 100.0, 1.0, true), Err(ImpliedVolError::Input { .. })));
            assert!(matches!(implied_vol(1.0, 100.0, bad, 1.0, true), Err(ImpliedVolError::Input { .. })));
            assert!(matches!(implied_vol(1.0, 100.0, 100.0, bad, true), Err(ImpliedVolError::Input { .. })));
        }
        assert!(matches!(implied_vol(f64::NAN, 1.0, 1.0, 1.0, true), Err(ImpliedVolError::Input { .. })));
    }

    #[test]
    fn the_intrinsic_value_has_no_vol() {
        assert_eq!(implied_vol(10.0, 110.0, 100.0, 1.0, true), Ok(0.0));
        assert_eq!(implied_vol(0.0, 90.0, 100.0, 1.0, true), Ok(0.0));
    }

    #[test]
    fn reaches_the_smallest_and_the_largest_prices() {
        for price_wanted in [1e-300, 1e-200, 1e-50, 1e-10] {
            let sigma = implied_vol(price_wanted, 100.0, 150.0, 0.25, true).expect("valid");
            let back = price(100.0, 150.0, 0.25, sigma, true);
            assert!((back / price_wanted - 1.0).abs() < 1e-9, "{price_wanted} {back}");
        }
        let sigma = implied_vol(100.0 - 1e-12, 100.0, 150.0, 0.25, true).expect("valid");
        assert!(sigma > 20.0 && sigma.is_finite());
    }

    proptest! {
        #[test]
        fn undoes_the_price_of_otm_options(
            log_k in -1.5f64..1.5, t in 0.01f64..3.0, sigma in 0.05f64..3.0
        ) {
            let is_call = log_k >= 0.0;
            let strike = 100.0 * log_k.exp();
            let value = price(100.0, strike, t, sigma, is_call);
            prop_assume!(value > 1e-250 && value / strike.min(100.0) < 0.999);
            let found = implied_vol(value, 100.0, strike, t, is_call).expect("valid");
            prop_assert!((found - sigma).abs() <= 2e-13 * sigma.max(1.0), "{sigma} {found}");
        }

        #[test]
        fn never_nan(
            price in 0.0f64..1e6, forward in 1e-3f64..1e6, strike in 1e-3f64..1e6, t in 1e-9f64..30.0, is_call: bool
        ) {
            if let Ok(sigma) = implied_vol(price, forward, strike, t, is_call) {
                prop_assert!(sigma >= 0.0 && sigma.is_finite());
            }
        }
    }
}
