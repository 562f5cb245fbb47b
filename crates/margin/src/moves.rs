//! How far margin can move from one mark to the next, per contract: what an index over accounts needs to know.
//!
//! A scan moves by at most what its instruments' lanes and gaps move, because losses are sums of them, and the joint scan
//! of several underlyings by no more than its parts. Add-ons move with the charges per contract, and with the deltas and
//! vegas that they are charged on.

use crate::numbers::{Checked, add, div_ceil, mul, narrow};
use crate::underlying::UnderlyingRisk;
use protocol::{CONTRACT, InstrumentMark, Micros, NANO_ONE, RiskArray};

/// Largest delta that charges are expected on: those of options and perpetuals are at most 1.
const DELTA_MOST: i64 = 2;
/// Most that the vega concentration costs per unit of vega, where this bound is used at all.
pub const VEGA_SLOPE: i64 = 4;

/// What changed for a whole underlying between two marks under one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChargesMoved {
    /// Change of the charges per contract, micro-USDC.
    moved: Micros,
    /// Most that the add-ons cost per contract of delta at the later mark, micro-USDC.
    slope: Micros,
}

impl ChargesMoved {
    /// From `before` to `after`.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a sum does not fit.
    pub fn new(before: &UnderlyingRisk, after: &UnderlyingRisk) -> Checked<Self> {
        let (mut basis, mut floor, mut dearest) = (0, 0, 0);
        for expiry in before.expiries().chain(after.expiries()) {
            let (old, new) = (before.charges(expiry), after.charges(expiry));
            basis = basis.max((old.basis - new.basis).abs());
            floor = floor.max((old.short_floor - new.short_floor).abs());
            dearest = dearest.max(old.basis.max(new.basis));
        }
        let impact = (before.impact_max - after.impact_max).abs();
        let confidence = (before.confidence - after.confidence).abs();
        // One for the rounding of an impact.
        let on_delta = mul(DELTA_MOST, add(add(basis, confidence)?, add(impact, 1)?)?)?;
        let moved = add(on_delta, add(floor, add(impact, 1)?)?)?;
        let most = before.impact_max.max(after.impact_max);
        let slope = add(add(dearest, mul(2, most)?)?, before.confidence.max(after.confidence))?;
        Ok(Self { moved, slope })
    }

    /// Change of the charges per contract, micro-USDC.
    #[must_use]
    pub fn moved(&self) -> Micros {
        self.moved
    }

    /// Most that the margin of an instrument moves per contract, micro-USDC, from one mark of it to the next.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn of(
        &self,
        before: &InstrumentMark,
        after: &InstrumentMark,
        lane_unit: u32,
        lot_size: i64,
    ) -> Checked<Micros> {
        let lanes = match (before.risk.as_deref(), after.risk.as_deref()) {
            (Some(before), Some(after)) => lanes_moved(before, after),
            // Without lanes there was no portfolio margin to move.
            _ => 0,
        };
        let lanes = div_ceil(lanes * i128::from(lane_unit) * i128::from(CONTRACT), lot_size.into())?;
        let turned = i128::from(before.delta.abs_diff(after.delta)) * i128::from(self.slope);
        let turned = div_ceil(turned, NANO_ONE.into())?;
        let vega = mul(VEGA_SLOPE, narrow(before.vega.abs_diff(after.vega).into())?)?;
        add(add(lanes, turned)?, add(vega, self.moved)?)
    }
}

impl UnderlyingRisk {
    /// By how much the vega of an account may still grow, micro-USDC per vol point, before its concentration could move
    /// by more than [`ChargesMoved`] counts for; `None`: it never does. The account's vegas sum to `gross` by magnitude.
    #[must_use]
    pub fn vega_room(&self, gross: Micros) -> Option<Micros> {
        let parameters = &self.parameters;
        if parameters.vega_depth == 0 || parameters.vega_impact == 0 {
            return None;
        }
        // The concentration is impact × V² ÷ depth: its slope is VEGA_SLOPE where V is half as many depths.
        let limit = i128::from(VEGA_SLOPE / 2) * i128::from(parameters.vega_depth) * i128::from(NANO_ONE)
            / i128::from(parameters.vega_impact);
        Some((limit - i128::from(gross)).clamp(0, i64::MAX.into()) as i64)
    }
}

/// Largest change of a lane and of a gap together, lane units.
fn lanes_moved(before: &RiskArray, after: &RiskArray) -> i128 {
    let lanes = before.lanes.iter().zip(&after.lanes).map(|(a, b)| a.abs_diff(*b));
    let gaps = before.gaps.iter().zip(&after.gaps).map(|(a, b)| a.abs_diff(*b));
    i128::from(lanes.fold(0, u32::max)) + i128::from(gaps.fold(0, u32::max))
}
