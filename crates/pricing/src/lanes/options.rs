//! Lanes and gaps of options: a strike is one block of 64 prices.

use super::scenario::Shocks;
use super::{UNSHOCKED, VOL_DOWN, VOL_UNCHANGED, VOL_UP};
use crate::block::{BLOCK, Block, Lanes};
use crate::math::ln_ratio;
use crate::path::{Batch, Path};
use crate::round::floor_within;
use protocol::{GAPS, PRICE_NODES, RiskArray};
use std::sync::Arc;

/// What a gap is raised by before it is rounded up, of the sum of the highest node's forward and the strike: 2^-45.
const GAP_ALLOWANCE: f64 = 1.0 / (1u64 << 45) as f64;

/// An expiry of options that want lanes.
pub(crate) struct LaneExpiry {
    /// Its forward in each lane.
    forward: Lanes,
    root_t: f64,
    /// What P&L at expiry is worth now.
    discount: f64,
    shocks: Shocks,
}

impl LaneExpiry {
    /// An expiry with this forward, `t` years away.
    pub(crate) fn new(forward: f64, t: f64, discount: f64, shocks: Shocks) -> Self {
        Self { forward: shocks.factor.map(|factor| forward * factor), root_t: t.sqrt(), discount, shocks }
    }

    /// Its forward without a shock.
    fn unshocked(&self) -> f64 {
        self.forward[UNSHOCKED]
    }

    /// Allowance of the gaps at a strike; none where nothing moves, and both ends of a cell are the same.
    fn gap_allowance(&self, strike: f64) -> f64 {
        let highest = self.forward[PRICE_NODES - 1];
        if highest > self.unshocked() { GAP_ALLOWANCE * (highest + strike) } else { 0.0 }
    }
}

/// An option that wants lanes.
pub(crate) struct LaneOption {
    /// Place of its expiry.
    pub expiry: usize,
    pub strike: f64,
    /// Its vol.
    pub sigma: f64,
    pub is_call: bool,
    /// Lane units per lot and USD of the price of a contract.
    pub units: f64,
}

/// Lanes and gaps of each option. Neighbours of one strike share its evaluation.
pub(crate) fn option_risks(
    path: Path,
    expiries: &[LaneExpiry],
    options: &[LaneOption],
) -> Vec<Arc<RiskArray>> {
    path.run(Risks { expiries, options })
}

struct Risks<'a> {
    expiries: &'a [LaneExpiry],
    options: &'a [LaneOption],
}

impl Batch for Risks<'_> {
    type Output = Vec<Arc<RiskArray>>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut risks = Vec::with_capacity(self.options.len());
        let (mut block, mut price, mut slope) = (Block::new(), [0.0; BLOCK], [0.0; BLOCK]);
        for of_strike in self.options.chunk_by(|one, next| {
            (one.expiry, one.strike, one.sigma) == (next.expiry, next.strike, next.sigma)
        }) {
            let LaneOption { expiry, strike, sigma, .. } = of_strike[0];
            let expiry = &self.expiries[expiry];
            evaluate(&mut block, expiry, strike, sigma);
            block.price_and_delta(1.0, &mut price, &mut slope);
            let gaps = widest_gaps(&expiry.forward, &price, &slope);
            let allowance = expiry.gap_allowance(strike);
            for option in of_strike {
                block.price_and_delta(if option.is_call { 1.0 } else { -1.0 }, &mut price, &mut slope);
                let units = option.units * expiry.discount;
                let mut risk = RiskArray { lanes: [0; BLOCK], gaps: [0; GAPS] };
                floor_lanes(&price, &expiry.shocks.weight, units, &mut risk.lanes);
                ceil_gaps(&gaps, allowance, units, &mut risk.gaps);
                risks.push(Arc::new(risk));
            }
        }
        risks
    }
}

/// Prices a strike in every lane.
#[inline(always)]
fn evaluate(block: &mut Block, expiry: &LaneExpiry, strike: f64, sigma: f64) {
    let log_moneyness = ln_ratio(expiry.unshocked(), strike);
    block.set_strike(&expiry.forward, strike, expiry.root_t);
    for (place, shock) in block.log_moneyness.iter_mut().zip(&expiry.shocks.log_factor) {
        *place = log_moneyness + shock;
    }
    expiry.shocks.vols_into(sigma, -log_moneyness, &mut block.sigma);
    block.locate(BLOCK);
    block.evaluate(BLOCK);
}

/// Chord above the higher end tangent, at its most, the largest over the rows, by cell; see the module's documentation.
#[inline(always)]
fn widest_gaps(forward: &Lanes, price: &Lanes, slope: &Lanes) -> [f64; GAPS] {
    let mut widest = [0.0; GAPS];
    for row in [VOL_UP, VOL_UNCHANGED, VOL_DOWN] {
        let (forward, price, slope) = (&forward[row.clone()], &price[row.clone()], &slope[row]);
        for cell in 0..GAPS {
            let step = forward[cell + 1] - forward[cell];
            let rise = price[cell + 1] - price[cell];
            let (above_first, above_last) = (rise - slope[cell] * step, slope[cell + 1] * step - rise);
            let sound = above_first > 0.0 && above_last > 0.0;
            let divisor = if sound { above_first + above_last } else { 1.0 };
            let gap = above_first * above_last / divisor;
            let gap = if sound { gap } else { 0.0 };
            widest[cell] = if gap > widest[cell] { gap } else { widest[cell] };
        }
    }
    widest
}

#[inline(always)]
fn floor_lanes(price: &Lanes, weight: &Lanes, units: f64, lanes: &mut [i32; BLOCK]) {
    let unshocked = price[UNSHOCKED];
    for lane in 0..BLOCK {
        let value = (price[lane] - unshocked) * weight[lane] * units;
        lanes[lane] = floor_within(value, f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
    }
}

#[inline(always)]
fn ceil_gaps(gaps: &[f64; GAPS], allowance: f64, units: f64, out: &mut [u32; GAPS]) {
    for (place, gap) in out.iter_mut().zip(gaps) {
        *place = -floor_within(-((gap + allowance) * units), -f64::from(u32::MAX), 0.0) as u32;
    }
}
