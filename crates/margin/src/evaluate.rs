//! From sums to margin: the loss of each state, and every add-on by its name.

use crate::lanes::LaneSums;
use crate::numbers::{Checked, Overflow, add, div_floor, mul_div_ceil, wide_add, wide_mul};
use crate::series::Range;
use crate::states::{CELLS, CRASH_LANE, SINGLE_LANES, STATES, TAIL_LANE, TAILS, WIDTH};
use crate::sums::Sums;
use crate::underlying::{UnderlyingRisk, impact_cost, in_units};
use crate::vector::{Kernel, vectorised};
use protocol::{CONTRACT, GAPS, Micros, NANO_ONE, PRICE_NODES, UnderlyingId};

/// Deltas are summed in 1e-8 contracts × 1e-9.
const DELTA_UNIT: i128 = CONTRACT as i128 * NANO_ONE as i128;

/// What a margin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// New risk: open orders at their worst.
    Initial,
    /// Initial margin of the positions alone.
    Positions,
    /// Maintenance: positions alone, times the maintenance share.
    Maintenance,
}

/// The margin of one underlying, before underlyings are combined. Micro-USDC; losses and add-ons are the full amounts,
/// of which `share` counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderlyingMargin {
    /// The underlying.
    pub underlying: UnderlyingId,
    /// Share of losses and add-ons that counts, 1e-9: 1, or the maintenance share.
    pub share: i64,
    /// Loss by state, negative for a gain.
    pub losses: [Micros; STATES],
    /// Largest loss, at least 0.
    pub scan: Micros,
    /// State of the largest loss.
    pub state: usize,
    /// Basis and roll charge.
    pub basis: Micros,
    /// Naked-short floor.
    pub short_floor: Micros,
    /// Concentration of delta.
    pub delta_concentration: Micros,
    /// Concentration of vega.
    pub vega_concentration: Micros,
    /// Concentration in strikes.
    pub strike_concentration: Micros,
    /// Uncertainty of the index.
    pub confidence: Micros,
    /// Cost of filling the open orders; part of every loss already.
    pub order_cost: Micros,
}

impl UnderlyingMargin {
    /// All add-ons, times the share that counts, rounded up.
    ///
    /// # Errors
    /// [`Overflow`] when the sum does not fit.
    pub fn add_ons(&self) -> Checked<Micros> {
        let named = [
            self.basis,
            self.short_floor,
            self.delta_concentration,
            self.vega_concentration,
            self.strike_concentration,
            self.confidence,
        ];
        let sum = named.into_iter().try_fold(0, add)?;
        if self.share == NANO_ONE { Ok(sum) } else { mul_div_ceil(sum, self.share, NANO_ONE) }
    }
}

impl Sums {
    /// The margin of these sums, with collateral worth `collateral` micro-USDC that moves with the underlying.
    ///
    /// # Errors
    /// [`Overflow`] when a number does not fit.
    pub fn evaluate(
        &self,
        risk: &UnderlyingRisk,
        stage: Stage,
        collateral: Micros,
    ) -> Checked<UnderlyingMargin> {
        let with_orders = stage == Stage::Initial;
        let collateral = if collateral == 0 { None } else { Some(collateral_lanes(risk, collateral)?) };
        let Losses { by_state: losses, state, scan } =
            vectorised(Scan { sums: &self.lanes, with_orders, collateral: collateral.as_ref() });
        let deltas = self.delta_charges(risk, with_orders)?;
        let strikes = self.strike_charges(risk, with_orders)?;
        Ok(UnderlyingMargin {
            underlying: risk.underlying,
            share: if stage == Stage::Maintenance { risk.parameters.maintenance_share } else { NANO_ONE },
            losses,
            scan,
            state,
            basis: deltas.basis,
            short_floor: strikes.floor,
            delta_concentration: deltas.concentration,
            vega_concentration: self.vega_charge(risk, with_orders)?,
            strike_concentration: strikes.concentration,
            confidence: deltas.confidence,
            order_cost: if with_orders { self.totals.order_cost } else { 0 },
        })
    }

    fn delta_charges(&self, risk: &UnderlyingRisk, with_orders: bool) -> Checked<DeltaCharges> {
        let (mut basis, mut net) = (0, Range::default());
        for (at, expiry) in self.series.expiries() {
            let charge = wide_mul(expiry.delta.magnitude(with_orders)?, risk.charges(at).basis)?;
            basis = wide_add(basis, charge)?;
            net = net.join(expiry.delta)?;
        }
        let net = net.magnitude(with_orders)?;
        let size = in_units(net, NANO_ONE.into())?;
        let RiskPrices { depth, impact, most } = RiskPrices::delta(risk);
        Ok(DeltaCharges {
            basis: in_units(basis, DELTA_UNIT)?,
            concentration: impact_cost(size, depth, impact, most)?,
            confidence: in_units(wide_mul(net, risk.confidence)?, DELTA_UNIT)?,
        })
    }

    fn strike_charges(&self, risk: &UnderlyingRisk, with_orders: bool) -> Checked<StrikeCharges> {
        let (mut floor, mut concentration) = (0, 0);
        let RiskPrices { depth, impact, most } = RiskPrices::strike(risk);
        for (at, expiry) in self.series.expiries() {
            let short = expiry.short(with_orders);
            if short > 0 {
                floor = wide_add(floor, wide_mul(short.into(), risk.charges(at).short_floor)?)?;
            }
            // No strike exceeds the depth if all of them together do not; a depth of 0 turns the charge off.
            if depth > 0 && expiry.gross(with_orders) > depth {
                for net in self.series.strikes_of(at) {
                    let excess = (net.magnitude(with_orders)? - depth).max(0);
                    concentration = add(concentration, impact_cost(excess, depth, impact, most)?)?;
                }
            }
        }
        Ok(StrikeCharges { floor: in_units(floor, CONTRACT.into())?, concentration })
    }

    fn vega_charge(&self, risk: &UnderlyingRisk, with_orders: bool) -> Checked<Micros> {
        let depth = risk.parameters.vega_depth;
        if depth == 0 {
            return Ok(0);
        }
        let vega = in_units(self.series.vega.magnitude(with_orders)?, CONTRACT.into())?;
        let points = mul_div_ceil(vega, risk.parameters.vega_impact, depth)?;
        mul_div_ceil(vega, points, NANO_ONE)
    }
}

struct DeltaCharges {
    basis: Micros,
    concentration: Micros,
    confidence: Micros,
}

struct StrikeCharges {
    floor: Micros,
    concentration: Micros,
}

/// Depth and impact of one kind of concentration.
struct RiskPrices {
    depth: i64,
    impact: Micros,
    most: Micros,
}

impl RiskPrices {
    fn delta(risk: &UnderlyingRisk) -> Self {
        Self { depth: risk.parameters.delta_depth, impact: risk.delta_impact, most: risk.impact_max }
    }

    fn strike(risk: &UnderlyingRisk) -> Self {
        Self { depth: risk.parameters.strike_depth, impact: risk.strike_impact, most: risk.impact_max }
    }
}

/// P&L by lane of collateral worth `value`, rounded down: a linear instrument, in the tails at the ends of the range.
fn collateral_lanes(risk: &UnderlyingRisk, value: Micros) -> Checked<[Micros; WIDTH]> {
    let mut lanes = [0; WIDTH];
    let at_node = |node: usize| {
        let moved = i128::from(value).checked_mul(risk.node_move(node)).ok_or(Overflow)?;
        div_floor(moved, 8 * i128::from(NANO_ONE))
    };
    for node in 0..PRICE_NODES {
        let moved = at_node(node)?;
        lanes[..TAIL_LANE].iter_mut().skip(node).step_by(PRICE_NODES).for_each(|lane| *lane = moved);
    }
    // The first two tails are falls.
    let (fall, rise) = (lanes[0], lanes[PRICE_NODES - 1]);
    lanes[TAIL_LANE..TAIL_LANE + 2].fill(fall);
    lanes[CRASH_LANE] = fall;
    lanes[TAIL_LANE + 2..TAIL_LANE + TAILS].fill(rise);
    Ok(lanes)
}

/// The loss of every state, and the largest of them.
struct Losses {
    by_state: [Micros; STATES],
    /// The first state of the largest loss.
    state: usize,
    /// That loss, at least 0.
    scan: Micros,
}

/// What [`Losses`] are found from. No sum wraps: lanes and gaps are bounded by the reach of [`Sums`], and a collateral of
/// 64 bits moves by less than its value.
struct Scan<'a> {
    sums: &'a LaneSums,
    with_orders: bool,
    /// What collateral that moves with the underlying adds to each lane.
    collateral: Option<&'a [Micros; WIDTH]>,
}

impl Kernel for Scan<'_> {
    type Output = Losses;

    #[inline(always)]
    fn run(self) -> Losses {
        let by_state = self.by_state();
        let most = by_state.iter().copied().fold(Micros::MIN, Micros::max);
        let state = by_state.iter().position(|&loss| loss == most).unwrap_or_default();
        Losses { by_state, state, scan: most.max(0) }
    }
}

impl Scan<'_> {
    #[inline(always)]
    fn by_state(&self) -> [Micros; STATES] {
        let Self { sums, with_orders, collateral } = *self;
        let mut values = sums.positions;
        let mut gaps = sums.gaps;
        if with_orders {
            values
                .iter_mut()
                .zip(&sums.orders)
                .for_each(|(value, order)| *value = value.wrapping_add(*order));
            gaps.iter_mut().zip(&sums.order_gaps).for_each(|(gap, order)| *gap = gap.wrapping_add(*order));
        }
        if let Some(more) = collateral {
            values.iter_mut().zip(more).for_each(|(value, more)| *value = value.saturating_add(*more));
        }
        let mut losses = [0; STATES];
        for (row, cells) in losses[..CELLS].chunks_exact_mut(GAPS).enumerate() {
            let nodes = &values[row * PRICE_NODES..(row + 1) * PRICE_NODES];
            for (cell, loss) in cells.iter_mut().enumerate() {
                *loss = gaps[cell].saturating_sub(nodes[cell].min(nodes[cell + 1]));
            }
        }
        for (loss, &lane) in losses[CELLS..].iter_mut().zip(&SINGLE_LANES) {
            *loss = values[lane].saturating_neg();
        }
        losses
    }
}
