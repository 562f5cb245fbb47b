//! A margin breakdown as Python sees it: every lane, state and add-on by name.

use ::margin::{Breakdown, CollateralLine, UnderlyingBreakdown, UnderlyingMargin, lane_name, state_name};
use ::protocol::LANES;
use pyo3::prelude::*;

python_record! {
    /// Margin of one underlying for one purpose, micro-USDC. Losses and add-ons are full amounts, of which `share`
    /// (1e-9) counts.
    StageMargin {
        share: i64, losses: Vec<i64>, scan: i64, state: usize, basis: i64, short_floor: i64,
        delta_concentration: i64, vega_concentration: i64, strike_concentration: i64, confidence: i64,
        order_cost: i64, add_ons: i64,
    }
}

impl TryFrom<&UnderlyingMargin> for StageMargin {
    type Error = ::margin::Overflow;

    fn try_from(margin: &UnderlyingMargin) -> Result<Self, Self::Error> {
        Ok(Self {
            share: margin.share,
            losses: margin.losses.to_vec(),
            scan: margin.scan,
            state: margin.state,
            basis: margin.basis,
            short_floor: margin.short_floor,
            delta_concentration: margin.delta_concentration,
            vega_concentration: margin.vega_concentration,
            strike_concentration: margin.strike_concentration,
            confidence: margin.confidence,
            order_cost: margin.order_cost,
            add_ons: margin.add_ons()?,
        })
    }
}

python_record! {
    /// One underlying of a breakdown: margin with open orders, of the positions alone and for maintenance; P&L by lane
    /// (64) of positions and of orders at their worst, gap charge by cell (16), micro-USDC.
    UnderlyingBreakdownInfo {
        underlying: u16, initial: StageMargin, positions: StageMargin, maintenance: StageMargin, lanes: Vec<i64>,
        order_lanes: Vec<i64>, gaps: Vec<i64>,
    }
}

impl TryFrom<&UnderlyingBreakdown> for UnderlyingBreakdownInfo {
    type Error = ::margin::Overflow;

    fn try_from(found: &UnderlyingBreakdown) -> Result<Self, Self::Error> {
        Ok(Self {
            underlying: found.underlying(),
            initial: (&found.initial).try_into()?,
            positions: (&found.positions).try_into()?,
            maintenance: (&found.maintenance).try_into()?,
            lanes: found.lanes.to_vec(),
            order_lanes: found.order_lanes.to_vec(),
            gaps: found.gaps.to_vec(),
        })
    }
}

python_record! {
    /// An asset beside USDC: amounts 1e-8 units, price micro-USDC per unit, values micro-USDC.
    CollateralInfo {
        asset: u16, balance: i64, price: i64, value: i64, eligible_initial: i64, eligible_maintenance: i64,
        initial: i64, maintenance: i64, depeg_initial: i64, depeg_maintenance: i64,
    }
}

impl From<&CollateralLine> for CollateralInfo {
    fn from(line: &CollateralLine) -> Self {
        Self {
            asset: line.asset,
            balance: line.balance,
            price: line.price,
            value: line.value,
            eligible_initial: line.eligible_initial,
            eligible_maintenance: line.eligible_maintenance,
            initial: line.initial,
            maintenance: line.maintenance,
            depeg_initial: line.depeg_initial,
            depeg_maintenance: line.depeg_maintenance,
        }
    }
}

python_record! {
    /// Portfolio margin line by line, micro-USDC: the scans are joint, `gross` their sum without offset between
    /// underlyings.
    BreakdownInfo {
        underlyings: Vec<UnderlyingBreakdownInfo>, collateral: Vec<CollateralInfo>, initial_scan: i64,
        initial_gross: i64, maintenance_scan: i64, maintenance_gross: i64, initial: i64, positions: i64,
        maintenance: i64, equity_initial: i64, equity_maintenance: i64,
    }
}

impl TryFrom<&Breakdown> for BreakdownInfo {
    type Error = ::margin::Overflow;

    fn try_from(found: &Breakdown) -> Result<Self, Self::Error> {
        Ok(Self {
            underlyings: found.underlyings.iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            collateral: found.collateral.iter().map(Into::into).collect(),
            initial_scan: found.initial_scan.scan,
            initial_gross: found.initial_scan.gross,
            maintenance_scan: found.maintenance_scan.scan,
            maintenance_gross: found.maintenance_scan.gross,
            initial: found.initial,
            positions: found.positions,
            maintenance: found.maintenance,
            equity_initial: found.equity.initial,
            equity_maintenance: found.equity.maintenance,
        })
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("LANE_NAMES", (0..LANES).map(lane_name).collect::<Vec<_>>())?;
    module.add("STATE_NAMES", (0..::margin::STATES).map(state_name).collect::<Vec<_>>())?;
    module.add_class::<StageMargin>()?;
    module.add_class::<UnderlyingBreakdownInfo>()?;
    module.add_class::<CollateralInfo>()?;
    module.add_class::<BreakdownInfo>()
}
