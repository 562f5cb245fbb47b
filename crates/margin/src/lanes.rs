//! Lane arithmetic of one instrument: what a position and its open orders add to each lane and gap.
//!
//! With `L` the lane of an instrument, floor of the true P&L of a long lot, a position of `q` lots is worth at least
//! `f(q) = (q·L + min(q, 0))·unit`: a short pays one unit per lot more. `f` is concave in `q` and so is the gap charge
//! `−max(q, 0)·gap`, hence the worst of all fills of the open orders is one of the four corners in which either side
//! fills wholly or not at all.

use crate::instrument::{Exposure, InstrumentRisk};
use crate::numbers::{Checked, Overflow, add, narrow, wide_mul};
use crate::states::{REVERSED_LANE, SKEW_LANE, WIDTH};
use crate::vector::{Kernel, vectorised};
use protocol::{GAPS, LANES, Micros, RiskArray, Side};

/// Most P&L that all positions and orders of an account in one underlying may make in a lane, micro-USDC. Every sum of
/// lanes, gaps and costs then stays inside 64 bits and needs no check of its own.
pub(crate) const REACH_MAX: i64 = 1 << 59;

/// Lanes of an account's positions in one underlying, and what its open orders add at their worst, micro-USDC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaneSums {
    /// P&L of the positions.
    pub positions: [i64; WIDTH],
    /// What open orders add to it at their worst, cost of filling included; never positive.
    pub orders: [i64; WIDTH],
    /// Gap charge of the positions.
    pub gaps: [i64; GAPS],
    /// What open orders add to it at most.
    pub order_gaps: [i64; GAPS],
}

impl Default for LaneSums {
    fn default() -> Self {
        Self { positions: [0; WIDTH], orders: [0; WIDTH], gaps: [0; GAPS], order_gaps: [0; GAPS] }
    }
}

/// A bound of what an exposure adds to any lane or gap, micro-USDC; at most twice the largest. `peak` is that of the
/// instrument's array.
pub(crate) fn reach(instrument: &InstrumentRisk<'_>, peak: i64, exposure: &Exposure) -> Checked<i64> {
    let held = exposure.position.checked_abs().ok_or(Overflow)?;
    let lots = add(add(held, exposure.bids.lots)?, exposure.offers.lots)?;
    narrow(wide_mul(i128::from(lots) * i128::from(instrument.lane_unit), peak)?)
}

/// A bound of the magnitude of every lane, of either sign and rounded either way, and of every gap. Bits are joined
/// instead of compared: that is one instruction for several lanes, and at most doubles the bound.
pub(crate) fn peak(risk: &RiskArray) -> i64 {
    vectorised(Peak(risk))
}

struct Peak<'a>(&'a RiskArray);

impl Kernel for Peak<'_> {
    type Output = i64;

    #[inline(always)]
    fn run(self) -> i64 {
        let lanes = self.0.lanes.iter().fold(0, |bits, &lane| bits | (lane ^ (lane >> 31)));
        let gaps = self.0.gaps.iter().fold(0, |bits, &gap| bits | gap);
        i64::from(lanes.cast_unsigned() | gaps) + 1
    }
}

/// An exposure, and what filling its bids and its offers costs.
pub(crate) struct Priced<'a> {
    pub exposure: &'a Exposure,
    bid: Micros,
    offer: Micros,
}

impl<'a> Priced<'a> {
    pub fn new(instrument: &InstrumentRisk<'_>, exposure: &'a Exposure) -> Checked<Self> {
        debug_assert!(
            exposure.bids.lots >= 0 && exposure.offers.lots >= 0,
            "open lots are counted, not signed"
        );
        Ok(Self {
            exposure,
            bid: exposure.bids.cost(Side::Buy, instrument)?,
            offer: exposure.offers.cost(Side::Sell, instrument)?,
        })
    }

    /// Cost of filling everything, micro-USDC, not negative.
    pub fn cost(&self) -> Checked<Micros> {
        add(self.bid, self.offer)
    }

    /// Lots that are long beyond those held when all bids fill.
    fn longer(&self) -> i64 {
        (self.exposure.position + self.exposure.bids.lots).max(0) - self.exposure.position.max(0)
    }
}

impl LaneSums {
    /// Puts `new` in the place of `old`; the reach of both has been checked.
    pub fn exchange(&mut self, instrument: &InstrumentRisk<'_>, old: &Priced<'_>, new: &Priced<'_>) {
        let (unit, risk) = (i64::from(instrument.lane_unit), instrument.risk);
        let (before, after) = (old.exposure.position, new.exposure.position);
        if before != after {
            let constant = (after.min(0) - before.min(0)) * unit;
            let slope = (after - before) * unit;
            vectorised(AddLine { sums: &mut self.positions, risk, slope, constant });
            accumulate_gaps(&mut self.gaps, risk, (after.max(0) - before.max(0)) * unit);
        }
        for (priced, sign) in [(old, -1), (new, 1)] {
            if priced.exposure.has_orders() {
                let fills = Fills::new(instrument, priced);
                vectorised(AddFills { sums: &mut self.orders, risk, fills, sign });
            }
        }
        accumulate_gaps(&mut self.order_gaps, risk, (new.longer() - old.longer()) * unit);
    }
}

/// Adds a linear function of the lanes.
struct AddLine<'a> {
    sums: &'a mut [i64; WIDTH],
    risk: &'a RiskArray,
    slope: i64,
    constant: i64,
}

impl Kernel for AddLine<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sums, risk, slope, constant } = self;
        match i32::try_from(slope) {
            // Vector units multiply 32 bits by 32 in one step, 64 by 64 in many.
            Ok(slope) => {
                accumulate(sums, risk, |lane| lane.wrapping_mul(i64::from(slope)).wrapping_add(constant))
            }
            Err(_) => accumulate(sums, risk, |lane| lane.wrapping_mul(slope).wrapping_add(constant)),
        }
    }
}

/// What the three fills add to a lane, as linear functions of it: bids, offers, both.
struct Fills {
    slopes: [i64; 3],
    constants: [i64; 3],
}

impl Fills {
    fn new(instrument: &InstrumentRisk<'_>, priced: &Priced<'_>) -> Self {
        let unit = i64::from(instrument.lane_unit);
        let Priced { exposure, bid, offer } = *priced;
        let (position, bids, offers) = (exposure.position, exposure.bids.lots, exposure.offers.lots);
        let short = |filled: i64| ((position + filled).min(0) - position.min(0)) * unit;
        Self {
            slopes: [bids * unit, -offers * unit, (bids - offers) * unit],
            constants: [short(bids) - bid, short(-offers) - offer, short(bids - offers) - bid - offer],
        }
    }

    /// The least that a fill, or none, adds to `lane`.
    #[inline(always)]
    fn worst(&self, lane: i64, slope: impl Fn(usize) -> i64) -> i64 {
        let fill = |at: usize| lane.wrapping_mul(slope(at)).wrapping_add(self.constants[at]);
        fill(0).min(fill(1)).min(fill(2)).min(0)
    }
}

/// Adds (`sign` 1) or takes away (`sign` −1) the worst of the fills in each lane.
struct AddFills<'a> {
    sums: &'a mut [i64; WIDTH],
    risk: &'a RiskArray,
    fills: Fills,
    sign: i64,
}

impl Kernel for AddFills<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { sums, risk, fills, sign } = self;
        let [a, b, c] = fills.slopes;
        match (i32::try_from(a), i32::try_from(b), i32::try_from(c)) {
            (Ok(a), Ok(b), Ok(c)) => {
                let slopes = [a, b, c];
                accumulate(sums, risk, |lane| fills.worst(lane, |at| slopes[at].into()).wrapping_mul(sign));
            }
            _ => accumulate(sums, risk, |lane| fills.worst(lane, |at| fills.slopes[at]).wrapping_mul(sign)),
        }
    }
}

/// Adds `value(lane)` to each sum. Wrapping operations, which the bound on reach keeps from wrapping, leave the loop
/// to the vector units.
#[inline(always)]
fn accumulate(sums: &mut [i64; WIDTH], risk: &RiskArray, value: impl Fn(i64) -> i64) {
    for (sum, &lane) in sums[..LANES].iter_mut().zip(&risk.lanes) {
        *sum = sum.wrapping_add(value(i64::from(lane)));
    }
    for (at, sum) in sums[REVERSED_LANE..].iter_mut().enumerate() {
        *sum = sum.wrapping_add(value(reversed(risk.lanes[SKEW_LANE + at])));
    }
}

#[inline(always)]
fn accumulate_gaps(sums: &mut [i64; GAPS], risk: &RiskArray, slope: i64) {
    if slope == 0 {
        return;
    }
    for (sum, &gap) in sums.iter_mut().zip(&risk.gaps) {
        *sum = sum.wrapping_add(i64::from(gap).wrapping_mul(slope));
    }
}

/// The floor of the P&L when a shift goes the other way, which to first order is the negative: the true value lies in
/// [lane, lane + 1), its negative in (−lane − 1, −lane].
#[inline(always)]
pub(crate) fn reversed(lane: i32) -> i64 {
    -i64::from(lane) - 1
}
