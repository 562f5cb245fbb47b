//! The arithmetic of Black-76, once: what [`crate::black76()`] does for one option and a [`crate::block::Block`] for many.
//!
//! [`flops`] counts the operations of each stage.

use crate::math::{exp, tail_shortfall};

/// Additions, multiplications, divisions and square roots of one lane in each stage of the kernel.
///
/// Comparisons, selections, signs and the integer operations on exponents are not counted.
pub mod flops {
    /// √T and what follows from forward and time: once per expiry. 1 square root, 2 divisions.
    pub const TERMS: usize = 7;
    /// ln(F/K): once per strike and forward. 1 division.
    pub const LOG_MONEYNESS: usize = 26;
    /// d1, d2 and e^(−d1²/2). 1 division.
    pub const LOCATE: usize = 39;
    /// Both tails and the time value. 2 divisions.
    pub const TAILS: usize = 85;
    /// Gamma, vega and theta.
    pub const SHARED: usize = 7;
    /// Price, delta and rho of a call or a put.
    pub const SIDE: usize = 5;
    /// Vanna, volga, charm and speed. 2 divisions.
    pub const SECOND: usize = 18;
    /// Price and five Greeks of one option by itself.
    pub const OPTION: usize = TERMS + LOG_MONEYNESS + LOCATE + TAILS + SHARED + SIDE;
    /// Prices and Greeks of the call and the put of one strike in a chain.
    pub const STRIKE: usize = LOG_MONEYNESS + LOCATE + TAILS + SHARED + 2 * SIDE;
}

/// √(variance) below which an option is its intrinsic value.
///
/// One nanosecond at a vol of 1e-9 is still far above it; below it 1/(σ√T) could overflow.
const LEAST_DEVIATION: f64 = 1e-100;
pub(crate) const DAYS_PER_YEAR: f64 = 365.0;
/// 1/√(2π).
const INVERSE_SQRT_TAU: f64 = 0.3989422804014327;

/// What follows from forward and time alone, and is shared by the strikes of an expiry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Terms {
    /// √T.
    pub root_t: f64,
    /// 1/(√(2π)·F).
    pub gamma_scale: f64,
    /// √T/(100·√(2π)).
    pub vega_scale: f64,
    /// min(1, days left)/(2·365·√(2π)·√T).
    pub theta_scale: f64,
    /// T/100.
    pub rho_scale: f64,
}

impl Terms {
    /// Time of 0 or less counts as 0.
    #[inline(always)]
    pub(crate) fn new(forward: f64, t: f64) -> Self {
        let t = if t > 0.0 { t } else { 0.0 };
        let root_t = t.sqrt();
        let days = t * DAYS_PER_YEAR;
        let decay_days = if days < 1.0 { days } else { 1.0 };
        let divisor = if t > 0.0 { root_t } else { 1.0 };
        Self {
            root_t,
            gamma_scale: INVERSE_SQRT_TAU / forward,
            vega_scale: root_t * (0.01 * INVERSE_SQRT_TAU),
            theta_scale: decay_days / divisor * (INVERSE_SQRT_TAU / (2.0 * DAYS_PER_YEAR)),
            rho_scale: t * 0.01,
        }
    }
}

/// Where a strike lies in the distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Position {
    /// 1/(σ√T).
    pub inverse_deviation: f64,
    /// (ln(F/K) + σ²T/2)/(σ√T).
    pub d1: f64,
    /// d1 − σ√T.
    pub d2: f64,
}

impl Position {
    #[inline(always)]
    pub(crate) fn new(log_moneyness: f64, deviation: f64) -> Self {
        let bounded = if is_live(deviation) { deviation } else { LEAST_DEVIATION };
        let inverse_deviation = 1.0 / bounded;
        let d1 = log_moneyness * inverse_deviation + 0.5 * bounded;
        Self { inverse_deviation, d1, d2: d1 - bounded }
    }
}

/// Whether an option with this σ√T is more than its intrinsic value.
#[inline(always)]
fn is_live(deviation: f64) -> bool {
    deviation >= LEAST_DEVIATION
}

/// e^(−d1²/2), that is √(2π)·φ(d1).
#[inline(always)]
pub(crate) fn bell(d1: f64) -> f64 {
    exp(-0.5 * d1 * d1)
}

/// The tails of the distribution, and the price of the out-of-the-money option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tails {
    /// Φ(−|d1|).
    pub forward: f64,
    /// K·Φ(−|d2|).
    pub strike: f64,
    /// Price of the call or the put that is out of the money.
    pub time_value: f64,
}

impl Tails {
    /// K·φ(d2) = F·φ(d1), so one exponential serves both tails: with h = ½ − e^(d²/2)·Φ(−|d|) and w = F·bell the tails
    /// are bell·(½ − h1) and w·(½ − h2) / K.
    ///
    /// Where both d lie on one side of 0, the time value is a difference of tails, w·|h2 − h1|. Where they lie on both
    /// sides, it is what the tails leave of the nearer of forward and strike: (near − w) + w·(h1 + h2), whose errors
    /// vanish at the money.
    #[inline(always)]
    pub(crate) fn new(forward: f64, strike: f64, deviation: f64, d1: f64, d2: f64, bell: f64) -> Self {
        let (h1, h2) = (tail_shortfall(d1.abs()), tail_shortfall(d2.abs()));
        let weight = forward * bell;
        let near = if forward < strike { forward } else { strike };
        let astride = (near - weight) + weight * (h1 + h2);
        let aside = weight * (h2 - h1).abs();
        let value = if d1 >= 0.0 && d2 < 0.0 { astride } else { aside };
        let time_value = if is_live(deviation) && value > 0.0 { value } else { 0.0 };
        Self { forward: bell * (0.5 - h1), strike: weight * (0.5 - h2), time_value }
    }
}

/// The Greeks that a call and a put of one strike share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shared {
    /// φ(d1)/(F·σ√T).
    pub gamma: f64,
    /// F·φ(d1)·√T/100.
    pub vega: f64,
    /// −F·φ(d1)·σ/(2√T)·min(1, days left)/365.
    pub theta: f64,
}

impl Shared {
    #[inline(always)]
    pub(crate) fn new(
        forward: f64,
        sigma: f64,
        terms: &Terms,
        deviation: f64,
        inverse: f64,
        bell: f64,
    ) -> Self {
        let bell = if is_live(deviation) { bell } else { 0.0 };
        let weight = forward * bell;
        Self {
            gamma: bell * inverse * terms.gamma_scale,
            vega: weight * terms.vega_scale,
            // Not a change of sign, which would make a theta of 0 negative.
            theta: 0.0 - weight * sigma * terms.theta_scale,
        }
    }
}

/// The second-order Greeks, the same for a call and a put.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Second {
    /// −φ(d1)·d2/σ/100.
    pub vanna: f64,
    /// vega·d1·d2/σ/100.
    pub volga: f64,
    /// φ(d1)·d2/(2T)/365·min(1, days left).
    pub charm: f64,
    /// −gamma·(1 + d1/(σ√T))/F.
    pub speed: f64,
}

impl Second {
    #[inline(always)]
    pub(crate) fn new(forward: f64, terms: &Terms, deviation: f64, position: &Position, bell: f64) -> Self {
        let bell = if is_live(deviation) { bell } else { 0.0 };
        let Position { inverse_deviation, d1, d2 } = *position;
        let vega = forward * bell * terms.vega_scale;
        let gamma = bell * inverse_deviation * terms.gamma_scale;
        let root_t = if terms.root_t > 0.0 { terms.root_t } else { 1.0 };
        Self {
            // φ(d1)/(100σ) = bell·√T/(100·√(2π))/(σ√T)
            vanna: finite(-(bell * d2 * (terms.vega_scale * inverse_deviation))),
            volga: finite(vega * d1 * d2 * (0.01 * root_t * inverse_deviation)),
            charm: finite(bell * d2 * (terms.theta_scale / root_t)),
            speed: finite(-(gamma * (1.0 + d1 * inverse_deviation) / forward)),
        }
    }
}

/// The nearest finite number; the arithmetic of [`Second`] gives infinities at the ends of its domain, never NaN.
#[inline(always)]
fn finite(value: f64) -> f64 {
    let value = if value > f64::MAX { f64::MAX } else { value };
    if value < f64::MIN { f64::MIN } else { value }
}

/// What depends on whether it is a call (`sign` 1) or a put (−1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Side {
    pub price: f64,
    pub delta: f64,
    pub rho: f64,
}

/// What a call and a put of one strike are made from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evaluation {
    pub forward: f64,
    pub strike: f64,
    pub rho_scale: f64,
    pub deviation: f64,
    pub d1: f64,
    pub d2: f64,
    /// Φ(−|d1|).
    pub tail: f64,
    /// K·Φ(−|d2|).
    pub strike_tail: f64,
    pub time_value: f64,
}

impl Evaluation {
    /// The in-the-money price follows by parity; delta and the strike's probability are a tail or what it leaves.
    #[inline(always)]
    pub(crate) fn side(&self, sign: f64) -> Side {
        let inner = sign * (self.forward - self.strike);
        let probability = if sign * self.d1 < 0.0 { self.tail } else { 1.0 - self.tail };
        let paid = if sign * self.d2 < 0.0 { self.strike_tail } else { self.strike - self.strike_tail };
        Side {
            price: self.time_value + if inner > 0.0 { inner } else { 0.0 },
            delta: sign * probability,
            rho: if is_live(self.deviation) { sign * (paid * self.rho_scale) } else { 0.0 },
        }
    }
}
