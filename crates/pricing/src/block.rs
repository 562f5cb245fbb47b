//! Options in blocks, priced in stages.
//!
//! A stage is a loop over the lanes of a block with a short body, so that a compiler vectorises it and a processor
//! overlaps its iterations; the operations on one option are those of [`crate::kernel`] in their order, whatever the
//! width. Between stages the values rest in the [`Block`], which stays in the first-level cache.

use std::ops::Range;

use crate::kernel::{Evaluation, Position, Second, Shared, Tails, Terms, bell};
use crate::math::ln_ratio;

/// Lanes of a block.
pub(crate) const BLOCK: usize = 64;
/// Blocks are worked in steps of this many lanes, the widest vector of any path.
const STEP: usize = 8;
/// One number per lane.
pub(crate) type Lanes = [f64; BLOCK];

/// Up to [`BLOCK`] options between the stages, a column per value.
///
/// Stages work on whole steps of lanes. Lanes past the last option hold what they held before, at first ones.
#[repr(align(64))]
pub(crate) struct Block {
    pub forward: Lanes,
    pub strike: Lanes,
    pub t: Lanes,
    pub sigma: Lanes,
    /// ln(F/K).
    pub log_moneyness: Lanes,
    root_t: Lanes,
    gamma_scale: Lanes,
    vega_scale: Lanes,
    theta_scale: Lanes,
    rho_scale: Lanes,
    /// σ√T.
    deviation: Lanes,
    inverse_deviation: Lanes,
    d1: Lanes,
    d2: Lanes,
    bell: Lanes,
    tail: Lanes,
    strike_tail: Lanes,
    time_value: Lanes,
}

impl Block {
    pub(crate) fn new() -> Self {
        const ONES: Lanes = [1.0; BLOCK];
        Self {
            forward: ONES,
            strike: ONES,
            t: ONES,
            sigma: ONES,
            log_moneyness: ONES,
            root_t: ONES,
            gamma_scale: ONES,
            vega_scale: ONES,
            theta_scale: ONES,
            rho_scale: ONES,
            deviation: ONES,
            inverse_deviation: ONES,
            d1: ONES,
            d2: ONES,
            bell: ONES,
            tail: ONES,
            strike_tail: ONES,
            time_value: ONES,
        }
    }

    /// First stage, where the lanes differ in forward or time.
    #[inline(always)]
    pub(crate) fn terms(&mut self, count: usize) {
        for lane in 0..steps(count) {
            let terms = Terms::new(self.forward[lane], self.t[lane]);
            self.root_t[lane] = terms.root_t;
            self.gamma_scale[lane] = terms.gamma_scale;
            self.vega_scale[lane] = terms.vega_scale;
            self.theta_scale[lane] = terms.theta_scale;
            self.rho_scale[lane] = terms.rho_scale;
        }
    }

    /// First stage, where some lanes belong to one expiry.
    #[inline(always)]
    pub(crate) fn set_expiry(&mut self, lanes: Range<usize>, forward: f64, terms: &Terms) {
        for lane in lanes.start..lanes.end.min(BLOCK) {
            self.forward[lane] = forward;
            self.root_t[lane] = terms.root_t;
            self.gamma_scale[lane] = terms.gamma_scale;
            self.vega_scale[lane] = terms.vega_scale;
            self.theta_scale[lane] = terms.theta_scale;
            self.rho_scale[lane] = terms.rho_scale;
        }
    }

    /// First stage, where the lanes differ in the forward of one expiry and share a strike. Greeks that need more than
    /// √T do not follow from it.
    #[inline(always)]
    pub(crate) fn set_strike(&mut self, forward: &Lanes, strike: f64, root_t: f64) {
        self.forward = *forward;
        self.strike.fill(strike);
        self.root_t.fill(root_t);
    }

    /// Second stage: ln(F/K).
    #[inline(always)]
    pub(crate) fn log_moneyness(&mut self, count: usize) {
        for lane in 0..steps(count) {
            self.log_moneyness[lane] = ln_ratio(self.forward[lane], self.strike[lane]);
        }
    }

    /// The stages from d1 to φ(d1), which is all that second-order Greeks need.
    #[inline(always)]
    pub(crate) fn locate(&mut self, count: usize) {
        for lane in 0..steps(count) {
            let deviation = self.sigma[lane] * self.root_t[lane];
            let position = Position::new(self.log_moneyness[lane], deviation);
            self.deviation[lane] = deviation;
            self.inverse_deviation[lane] = position.inverse_deviation;
            self.d1[lane] = position.d1;
            self.d2[lane] = position.d2;
        }
        for lane in 0..steps(count) {
            self.bell[lane] = bell(self.d1[lane]);
        }
    }

    /// The stage after [`Block::locate`]: tails and time value.
    #[inline(always)]
    pub(crate) fn evaluate(&mut self, count: usize) {
        for lane in 0..steps(count) {
            let tails = Tails::new(
                self.forward[lane],
                self.strike[lane],
                self.deviation[lane],
                self.d1[lane],
                self.d2[lane],
                self.bell[lane],
            );
            self.tail[lane] = tails.forward;
            self.strike_tail[lane] = tails.strike;
            self.time_value[lane] = tails.time_value;
        }
    }

    /// Last stage for gamma, vega and theta.
    #[inline(always)]
    pub(crate) fn shared(&self, out: SharedColumns<'_>) {
        let SharedColumns { gamma, vega, theta } = out;
        let count = gamma.len().min(BLOCK);
        let (gamma, vega, theta) = (&mut gamma[..count], &mut vega[..count], &mut theta[..count]);
        for lane in 0..count {
            let shared = Shared::new(
                self.forward[lane],
                self.sigma[lane],
                &self.lane_terms(lane),
                self.deviation[lane],
                self.inverse_deviation[lane],
                self.bell[lane],
            );
            gamma[lane] = shared.gamma;
            vega[lane] = shared.vega;
            theta[lane] = shared.theta;
        }
    }

    /// Last stage for price, delta and rho; `sign` is 1 for a call, −1 for a put.
    #[inline(always)]
    pub(crate) fn side(&self, sign: impl Fn(usize) -> f64, out: SideColumns<'_>) {
        let SideColumns { price, delta, rho } = out;
        let count = price.len().min(BLOCK);
        let (price, delta, rho) = (&mut price[..count], &mut delta[..count], &mut rho[..count]);
        for lane in 0..count {
            let side = self.evaluation(lane).side(sign(lane));
            price[lane] = side.price;
            delta[lane] = side.delta;
            rho[lane] = side.rho;
        }
    }

    /// Last stage for the second-order Greeks, after [`Block::locate`].
    #[inline(always)]
    pub(crate) fn second(&self, out: SecondColumns<'_>) {
        let SecondColumns { vanna, volga, charm, speed } = out;
        let count = vanna.len().min(BLOCK);
        let (vanna, volga) = (&mut vanna[..count], &mut volga[..count]);
        let (charm, speed) = (&mut charm[..count], &mut speed[..count]);
        for lane in 0..count {
            let position = Position {
                inverse_deviation: self.inverse_deviation[lane],
                d1: self.d1[lane],
                d2: self.d2[lane],
            };
            let second = Second::new(
                self.forward[lane],
                &self.lane_terms(lane),
                self.deviation[lane],
                &position,
                self.bell[lane],
            );
            vanna[lane] = second.vanna;
            volga[lane] = second.volga;
            charm[lane] = second.charm;
            speed[lane] = second.speed;
        }
    }

    /// Last stage for price and delta of every lane, with one sign for all.
    #[inline(always)]
    pub(crate) fn price_and_delta(&self, sign: f64, price: &mut Lanes, delta: &mut Lanes) {
        for lane in 0..BLOCK {
            let side = self.evaluation(lane).side(sign);
            price[lane] = side.price;
            delta[lane] = side.delta;
        }
    }

    #[inline(always)]
    fn evaluation(&self, lane: usize) -> Evaluation {
        Evaluation {
            forward: self.forward[lane],
            strike: self.strike[lane],
            rho_scale: self.rho_scale[lane],
            deviation: self.deviation[lane],
            d1: self.d1[lane],
            d2: self.d2[lane],
            tail: self.tail[lane],
            strike_tail: self.strike_tail[lane],
            time_value: self.time_value[lane],
        }
    }

    #[inline(always)]
    fn lane_terms(&self, lane: usize) -> Terms {
        Terms {
            root_t: self.root_t[lane],
            gamma_scale: self.gamma_scale[lane],
            vega_scale: self.vega_scale[lane],
            theta_scale: self.theta_scale[lane],
            rho_scale: self.rho_scale[lane],
        }
    }
}

/// `count` rounded up to whole steps, at most a block: a bound that the compiler sees.
#[inline(always)]
pub(crate) fn steps(count: usize) -> usize {
    count.min(BLOCK).div_ceil(STEP) * STEP
}

/// Where a block's [`Shared`] go.
pub(crate) struct SharedColumns<'a> {
    pub gamma: &'a mut [f64],
    pub vega: &'a mut [f64],
    pub theta: &'a mut [f64],
}

/// Where a block's [`Side`](crate::kernel::Side)s go.
pub(crate) struct SideColumns<'a> {
    pub price: &'a mut [f64],
    pub delta: &'a mut [f64],
    pub rho: &'a mut [f64],
}

/// Where a block's [`Second`]s go.
pub(crate) struct SecondColumns<'a> {
    pub vanna: &'a mut [f64],
    pub volga: &'a mut [f64],
    pub charm: &'a mut [f64],
    pub speed: &'a mut [f64],
}
