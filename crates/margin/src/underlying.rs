//! What all instruments of an underlying have in common at one mark.

use crate::exponential::exponential_minus_one;
use crate::numbers::{Checked, Overflow, div_ceil, mul_div_ceil};
use protocol::{MarginParameters, MarkInputs, Micros, NANO_ONE, Nanos, RiskParameters, UnderlyingId};

/// Length of a year for rates: 365 days.
const YEAR_NS: i64 = 365 * DAY_NS;
const DAY_NS: i64 = 86_400_000_000_000;

/// Prices are 1e-9 USD, shares 1e-9: their product in micro-USDC.
const SHARE_OF_PRICE: i64 = NANO_ONE * 1_000;

/// An underlying at one mark, with what its table makes of the index: every charge as an amount per contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderlyingRisk {
    pub(crate) underlying: UnderlyingId,
    /// Price range of the nodes, 1e-9.
    pub(crate) range: i64,
    pub(crate) parameters: MarginParameters,
    /// Impact prices of a move of delta and strikes as large as their depth, and the cap; micro-USDC per contract.
    pub(crate) delta_impact: Micros,
    pub(crate) strike_impact: Micros,
    pub(crate) impact_max: Micros,
    /// Confidence charge, micro-USDC per contract of net delta.
    pub(crate) confidence: Micros,
    /// Charges of a perpetual, and of options whose expiry the mark does not cover any more.
    spot: SeriesCharges,
    /// By expiry, ascending.
    series: Vec<(Nanos, SeriesCharges)>,
}

/// Charges of one expiry, micro-USDC per contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SeriesCharges {
    /// Basis and roll charge per contract of net delta.
    pub basis: Micros,
    /// Floor per contract net short of a strike.
    pub short_floor: Micros,
}

impl UnderlyingRisk {
    /// At the mark that `inputs` made, by the table that governs it.
    ///
    /// # Errors
    /// [`Overflow`] when a charge does not fit.
    pub fn new(inputs: &MarkInputs, parameters: &RiskParameters) -> Checked<Self> {
        let margin = parameters.margin;
        let share = |rate: i64| mul_div_ceil(inputs.index, rate, SHARE_OF_PRICE);
        let uncertain = mul_div_ceil(margin.confidence_multiplier, inputs.confidence.into(), NANO_ONE)?;
        let spot_price = inputs.index.max(inputs.perpetual_mark);
        let spot = SeriesCharges {
            basis: mul_div_ceil(spot_price, margin.basis_min_move, SHARE_OF_PRICE)?,
            short_floor: share(margin.short_floor_last_day)?,
        };
        let mut risk = Self {
            underlying: inputs.underlying,
            range: parameters.scenario.range,
            parameters: margin,
            delta_impact: share(margin.delta_impact)?,
            strike_impact: share(margin.strike_impact)?,
            impact_max: share(margin.impact_max)?,
            confidence: share(uncertain)?,
            spot,
            series: Vec::with_capacity(inputs.expiries.len()),
        };
        for expiry in &inputs.expiries {
            let left = i64::try_from(expiry.expiry.saturating_sub(inputs.time)).map_err(|_| Overflow)?;
            let growth = exponential_minus_one(mul_div_ceil(margin.basis_rate, left, YEAR_NS)?)?;
            let moved = growth.max(margin.basis_min_move);
            let floor = if left <= DAY_NS { margin.short_floor_last_day } else { margin.short_floor };
            let charges = SeriesCharges {
                basis: mul_div_ceil(expiry.forward, moved, SHARE_OF_PRICE)?,
                short_floor: share(floor)?,
            };
            risk.series.push((expiry.expiry, charges));
        }
        Ok(risk)
    }

    /// The underlying.
    #[must_use]
    pub fn underlying(&self) -> UnderlyingId {
        self.underlying
    }

    /// Expiries that have charges of their own, and one that has not: a perpetual's.
    pub(crate) fn expiries(&self) -> impl Iterator<Item = Nanos> + '_ {
        self.series.iter().map(|(expiry, _)| *expiry).chain([0])
    }

    /// Share of the index by which the price moves at node `node`, times 8.
    pub(crate) fn node_move(&self, node: usize) -> i128 {
        (node as i128 - 8) * i128::from(self.range)
    }

    /// Charges of an expiry.
    pub(crate) fn charges(&self, expiry: Nanos) -> SeriesCharges {
        match self.series.binary_search_by_key(&expiry, |(at, _)| *at) {
            Ok(at) => self.series[at].1,
            Err(_) => self.spot,
        }
    }
}

/// Cost of closing `size` (1e-8 contracts) where closing `depth` moves the price by `impact`: the price moves in
/// proportion, by at most `most`; micro-USDC, rounded up. A depth of 0 turns the charge off.
pub(crate) fn impact_cost(size: i64, depth: i64, impact: Micros, most: Micros) -> Checked<Micros> {
    if size == 0 || depth == 0 {
        return Ok(0);
    }
    let moved = div_ceil(
        (i128::from(size) * i128::from(impact)).min(i128::from(depth) * i128::from(most)),
        depth.into(),
    )?;
    mul_div_ceil(size, moved, protocol::CONTRACT)
}

/// `⌈amount ÷ unit⌉` of sums that are 128 bits wide.
pub(crate) fn in_units(amount: i128, unit: i128) -> Checked<i64> {
    // The narrow division is several times faster, and almost always enough.
    match (i64::try_from(amount), i64::try_from(unit)) {
        (Ok(amount), Ok(unit)) => Ok(amount.div_euclid(unit) + i64::from(amount.rem_euclid(unit) != 0)),
        _ => div_ceil(amount, unit),
    }
}
