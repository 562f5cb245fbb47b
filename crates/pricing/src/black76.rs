//! Black-76 on the forward, in Deribit's conventions.

use crate::kernel::{DAYS_PER_YEAR, Evaluation, Position, Shared, Tails, Terms, bell};
use crate::math::{exp, ln_ratio};

/// Least forward or strike; inside this range no intermediate result over- or underflows.
pub(crate) const LEAST_PRICE: f64 = 1e-150;
/// Largest forward or strike.
pub(crate) const MOST_PRICE: f64 = 1e150;
/// Largest time and vol.
pub(crate) const MOST_INPUT: f64 = 1e100;

/// What is priced. Forward and strike lie in [1e-150, 1e150], `t` and `sigma` are at most 1e100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// Forward of the expiry.
    pub forward: f64,
    /// Strike.
    pub strike: f64,
    /// Years to expiry, of 365 days; 0 or less prices the intrinsic value.
    pub t: f64,
    /// Implied vol, 1 = 100 %.
    pub sigma: f64,
    /// Call, else put.
    pub is_call: bool,
}

impl Contract {
    /// Whether the fields lie in their ranges, so that every result is a finite number.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let prices = LEAST_PRICE..=MOST_PRICE;
        prices.contains(&self.forward)
            && prices.contains(&self.strike)
            && (-MOST_INPUT..=MOST_INPUT).contains(&self.t)
            && (0.0..=MOST_INPUT).contains(&self.sigma)
    }
}

/// Price and Greeks of one option per unit of the underlying, in the currency of the forward.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Black76 {
    /// Price.
    pub price: f64,
    /// ±Φ(±d1), undiscounted: change of the price per unit of the forward.
    pub delta: f64,
    /// φ(d1)/(F·σ√T): change of delta per unit of the forward.
    pub gamma: f64,
    /// F·φ(d1)·√T/100: change of the price per vol point.
    pub vega: f64,
    /// Change of the price per day that passes; over the time left when that is less than a day.
    pub theta: f64,
    /// ±K·T·Φ(±d2)/100: change of the price per 1 % of rate at which the forward grows from a fixed spot.
    pub rho: f64,
}

/// Price and Greeks without discounting.
///
/// With σ√T = 0 the option is its intrinsic value: delta steps at the strike (half at the strike itself), the other
/// Greeks are 0.
#[inline]
#[must_use]
pub fn black76(contract: &Contract) -> Black76 {
    let Contract { forward, strike, t, sigma, is_call } = *contract;
    let terms = Terms::new(forward, t);
    let deviation = sigma * terms.root_t;
    let Position { inverse_deviation, d1, d2 } = Position::new(ln_ratio(forward, strike), deviation);
    let bell = bell(d1);
    let tails = Tails::new(forward, strike, deviation, d1, d2, bell);
    let shared = Shared::new(forward, sigma, &terms, deviation, inverse_deviation, bell);
    let evaluation = Evaluation {
        forward,
        strike,
        rho_scale: terms.rho_scale,
        deviation,
        d1,
        d2,
        tail: tails.forward,
        strike_tail: tails.strike,
        time_value: tails.time_value,
    };
    let side = evaluation.side(if is_call { 1.0 } else { -1.0 });
    Black76 {
        price: side.price,
        delta: side.delta,
        gamma: shared.gamma,
        vega: shared.vega,
        theta: shared.theta,
        rho: side.rho,
    }
}

/// The same with a continuously compounded discount rate: price, gamma, vega and rho carry e^(−rT), theta gains r times
/// the price, delta stays undiscounted.
#[must_use]
pub fn discounted(contract: &Contract, rate: f64) -> Black76 {
    let plain = black76(contract);
    let t = if contract.t > 0.0 { contract.t } else { 0.0 };
    let factor = exp(-rate * t);
    let days = if t * DAYS_PER_YEAR < 1.0 { t * DAYS_PER_YEAR } else { 1.0 };
    Black76 {
        price: plain.price * factor,
        delta: plain.delta,
        gamma: plain.gamma * factor,
        vega: plain.vega * factor,
        theta: (plain.theta + rate * plain.price * days / DAYS_PER_YEAR) * factor,
        rho: plain.rho * factor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn option(forward: f64, strike: f64, t: f64, sigma: f64, is_call: bool) -> Contract {
        Contract { forward, strike, t, sigma, is_call }
    }

    #[test]
    fn prices_a_known_option() {
        // Φ(0.15) by 40-digit arithmetic: at the money with σ√T = 0.3, price = F(2Φ(0.15) − 1).
        let value = black76(&option(100.0, 100.0, 1.0, 0.3, true));
        assert!((value.price - 11.923_538_474_048_5).abs() < 1e-12, "{}", value.price);
        assert!((value.delta - 0.559_617_692_370_242_5).abs() < 1e-15);
        assert!((value.vega - 0.394_479_330_907_888_9).abs() < 1e-14);
    }

    #[test]
    fn without_time_or_vol_it_is_intrinsic() {
        for (t, sigma) in [(0.0, 0.5), (-1.0, 0.5), (1.0, 0.0), (0.0, 0.0), (1e-300, 1e-300)] {
            for (forward, strike) in [(110.0, 100.0), (90.0, 100.0), (100.0, 100.0)] {
                let call = black76(&option(forward, strike, t, sigma, true));
                let put = black76(&option(forward, strike, t, sigma, false));
                assert_eq!(call.price, (forward - strike).max(0.0));
                assert_eq!(put.price, (strike - forward).max(0.0));
                assert_eq!((call.gamma, call.vega, call.theta, call.rho), (0.0, 0.0, 0.0, 0.0));
                assert_eq!(
                    call.delta,
                    if forward == strike { 0.5 } else { f64::from(u8::from(forward > strike)) }
                );
                assert_eq!(call.delta - put.delta, 1.0);
            }
        }
    }

    #[test]
    fn discounting_scales_the_price() {
        let contract = option(100.0, 110.0, 0.5, 0.4, true);
        let (plain, with_rate) = (black76(&contract), discounted(&contract, 0.06));
        assert!((with_rate.price - plain.price * (-0.03f64).exp()).abs() < 1e-14);
        assert_eq!(with_rate.delta, plain.delta);
        assert_eq!(discounted(&contract, 0.0), plain);
    }

    fn any_option() -> impl Strategy<Value = Contract> {
        let sizes = (-8.0f64..12.0, -3.0f64..3.0, -16.0f64..1.5, -12.0f64..1.4, any::<bool>());
        sizes.prop_map(|(log_f, log_k, log_t, log_sigma, is_call)| {
            let forward = log_f.exp();
            option(forward, forward * log_k.exp(), log_t.exp(), log_sigma.exp(), is_call)
        })
    }

    proptest! {
        #[test]
        fn prices_stay_within_their_bounds(contract in any_option()) {
            let value = black76(&contract);
            let Contract { forward, strike, is_call, .. } = contract;
            let (low, high) = if is_call { (forward - strike, forward) } else { (strike - forward, strike) };
            prop_assert!(value.price >= low.max(0.0) && value.price <= high * (1.0 + 4e-16));
            prop_assert!(value.delta.abs() <= 1.0 && value.gamma >= 0.0 && value.vega >= 0.0 && value.theta <= 0.0);
            for greek in [value.gamma, value.vega, value.theta, value.rho] {
                prop_assert!(greek.is_finite());
            }
        }

        #[test]
        fn put_call_parity(contract in any_option()) {
            let call = black76(&Contract { is_call: true, ..contract });
            let put = black76(&Contract { is_call: false, ..contract });
            let scale = contract.forward.max(contract.strike);
            prop_assert!((call.price - put.price - (contract.forward - contract.strike)).abs() <= 4e-16 * scale);
            prop_assert!((call.delta - put.delta - 1.0).abs() <= 2.3e-16);
            prop_assert_eq!((call.gamma, call.vega, call.theta), (put.gamma, put.vega, put.theta));
        }

        #[test]
        fn greeks_are_the_slopes_of_the_price(
            log_k in -0.4f64..0.4, t in 0.05f64..2.0, sigma in 0.2f64..1.5, is_call in any::<bool>()
        ) {
            let contract = option(100.0, 100.0 * log_k.exp(), t, sigma, is_call);
            let value = black76(&contract);
            let slope = |step: f64, bump: &dyn Fn(f64) -> Contract| {
                (black76(&bump(step)).price - black76(&bump(-step)).price) / (2.0 * step)
            };
            let delta = slope(1e-3, &|h| Contract { forward: 100.0 + h, ..contract });
            let vega = slope(1e-5, &|h| Contract { sigma: sigma + h, ..contract }) / 100.0;
            let theta = -slope(1e-5, &|h| Contract { t: t + h, ..contract }) / 365.0;
            prop_assert!((value.delta - delta).abs() < 1e-7);
            prop_assert!((value.vega - vega).abs() < 1e-6);
            prop_assert!((value.theta - theta).abs() < 1e-6);
        }
    }
}
