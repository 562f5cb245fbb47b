//! Standard margin: what a position, with the open orders of its instrument at their worst, requires.

use crate::accounts::{Holding, OpenSide};
use crate::numbers::{Checked, add, div_ceil, mul_div_ceil, mul_div_floor, narrow, sub, wide_mul};
use crate::parameters::Parameters;
use crate::reject::Reject;
use crate::terms::{Basis, NANOS_PER_MICRO, Terms, of_lot};
use protocol::{CONTRACT, InstrumentSpec, Micros, NANO_ONE, ParameterValue, Side};

/// Micro-USDC in a million USDC: the unit in which a perpetual's rates grow.
const MILLION_USDC: i128 = 1_000_000_000_000;

/// Funding indices are 1e-9 USDC per contract and amounts 1e-8 contracts: their product in micro-USDC.
const FUNDING_DIVISOR: i128 = CONTRACT as i128 * NANOS_PER_MICRO as i128;

/// What the standard model requires of a position at any mark and index (1e-9 USD): initial and maintenance margin,
/// micro-USDC, rounded up. For those who ask without a venue; `parameters` is a complete, ascending list.
///
/// # Errors
/// [`Reject::InvalidGenesis`], [`Reject::ParameterRange`] and [`Reject::ParameterConflict`] for the parameters;
/// [`Reject::Overflow`] when a number does not fit.
pub fn standard_margin(
    spec: &InstrumentSpec,
    parameters: &[ParameterValue],
    index: i64,
    mark: Micros,
    position: i64,
) -> Result<(Micros, Micros), Reject> {
    let parameters = Parameters::from_list(parameters)?;
    let mut terms = Terms::unmarked(spec)?;
    let marked = terms.at(mark, &mut Basis::new(index, &parameters)?)?.fitting(true)?;
    terms.mark(marked, &parameters);
    Ok((terms.initial(position)?, terms.maintenance(position)?))
}

impl Terms {
    /// Initial margin of a position without orders, micro-USDC, rounded up.
    pub fn initial(&self, position: i64) -> Checked<Micros> {
        if self.perpetual {
            return self.perpetual_margin(self.initial_rate, position);
        }
        short_margin(self.short_initial, position)
    }

    /// Maintenance margin of a position, micro-USDC, rounded up.
    pub fn maintenance(&self, position: i64) -> Checked<Micros> {
        if self.perpetual {
            return self.perpetual_margin(self.maintenance_rate, position);
        }
        short_margin(self.short_maintenance, position)
    }

    fn perpetual_margin(&self, rate: i64, position: i64) -> Checked<Micros> {
        if position == 0 {
            return Ok(0);
        }
        let size = i128::from(position.unsigned_abs());
        let notional = div_ceil(wide_mul(size * i128::from(self.mark), self.lot_size)?, CONTRACT.into())?;
        if self.size_term == 0 {
            return mul_div_ceil(notional, rate, NANO_ONE);
        }
        let scaled = i128::from(rate) * MILLION_USDC + i128::from(self.size_term) * i128::from(notional);
        div_ceil(wide_mul(scaled, notional)?, MILLION_USDC * i128::from(NANO_ONE))
    }

    /// What a position and its open orders require in the worst case: the greatest of the four corners in which
    /// either side's orders fill wholly or not at all. The requirement is convex in the position and the cash linear,
    /// so no subset of fills requires more.
    pub fn initial_with_orders(&self, position: i64, bids: OpenSide, offers: OpenSide) -> Checked<Micros> {
        let none = self.initial(position)?;
        let mut worst = none;
        let bought = add(position, bids.lots)?;
        let paid = if bids.lots > 0 { self.fill_cost(Side::Buy, bids)? } else { 0 };
        let received = if offers.lots > 0 { self.fill_cost(Side::Sell, offers)? } else { 0 };
        if bids.lots > 0 {
            worst = worst.max(add(self.initial(bought)?, paid)?);
        }
        if offers.lots > 0 {
            worst = worst.max(add(self.initial(sub(position, offers.lots)?)?, received)?);
        }
        if bids.lots > 0 && offers.lots > 0 {
            let both = add(self.initial(sub(bought, offers.lots)?)?, add(paid, received)?)?;
            worst = worst.max(both);
        }
        Ok(worst)
    }

    /// Balance lost, fees included, when all orders of a side fill at their worst price.
    fn fill_cost(&self, side: Side, open: OpenSide) -> Checked<Micros> {
        let cash = self.cash(open.lots, open.worst)?;
        let fee = self.worst_fee_of(open.lots, cash)?;
        if !self.perpetual {
            return add(side.sign() * cash, fee);
        }
        let price = crate::numbers::mul(open.worst, self.tick_size)?;
        let loss = match side {
            Side::Buy => sub(price, self.mark)?,
            Side::Sell => sub(self.mark, price)?,
        };
        let size = i128::from(open.lots) * i128::from(loss.max(0));
        add(div_ceil(wide_mul(size, self.lot_size)?, CONTRACT.into())?, fee)
    }

    /// Value of a position at the mark, micro-USDC, rounded down.
    pub fn value(&self, position: i64) -> Checked<Micros> {
        let size = i128::from(position) * i128::from(self.mark);
        narrow(wide_mul(size, self.lot_size)?.div_euclid(CONTRACT.into()))
    }

    /// Cash that a holding of a perpetual receives in funding up to `index`, rounded down; negative is paid.
    pub fn funding_due(&self, position: i64, since: i64, index: i64) -> Checked<Micros> {
        if !self.perpetual || position == 0 || since == index {
            return Ok(0);
        }
        let size = i128::from(position) * i128::from(self.lot_size);
        let moved = i128::from(since) - i128::from(index);
        narrow(size.checked_mul(moved).ok_or(crate::numbers::Overflow)?.div_euclid(FUNDING_DIVISOR))
    }

    /// What a holding adds to the margin balance: a perpetual's unrealised P&L with its pending funding; an option's
    /// value is not part of the balance.
    pub fn balance_of(&self, holding: &Holding, funding_index: i64) -> Checked<Micros> {
        if !self.perpetual {
            return Ok(0);
        }
        let due = self.funding_due(holding.position, holding.funding, funding_index)?;
        add(sub(self.value(holding.position)?, holding.cost)?, due)
    }

    /// Unrealised P&L of a holding of any kind, pending funding included.
    pub fn unrealised(&self, holding: &Holding, funding_index: i64) -> Checked<Micros> {
        let due = self.funding_due(holding.position, holding.funding, funding_index)?;
        add(sub(self.value(holding.position)?, holding.cost)?, due)
    }
}

fn short_margin(per_lot: i64, position: i64) -> Checked<Micros> {
    if position >= 0 {
        return Ok(0);
    }
    let lots = position.checked_neg().ok_or(crate::numbers::Overflow)?;
    mul_div_ceil(of_lot(per_lot)?, lots, NANOS_PER_MICRO)
}

/// The share `cost × part ÷ whole` of an entry cost that closing `part` of `whole` lots takes with it, rounded up.
pub(crate) fn closed_cost(cost: Micros, part: i64, whole: i64) -> Checked<Micros> {
    if part == whole {
        return Ok(cost);
    }
    mul_div_ceil(cost, part, whole)
}

/// Expiry value of a position: lots times the payoff per contract, rounded down.
pub(crate) fn settlement_value(position: i64, payoff: Micros, lot_size: i64) -> Checked<Micros> {
    match position.checked_mul(lot_size) {
        Some(amount) => mul_div_floor(amount, payoff, CONTRACT),
        None => {
            narrow(wide_mul(i128::from(position) * i128::from(lot_size), payoff)?.div_euclid(CONTRACT.into()))
        }
    }
}

/// The part of a holding's numbers that its account caches, as of one generation of marks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Initial margin with open orders.
    pub initial: Micros,
    /// Unrealised P&L that counts toward the balance.
    pub balance: Micros,
}

impl Sums {
    /// `self − old + new`.
    pub fn replaced(self, old: Self, new: Self) -> Checked<Self> {
        Ok(Self {
            initial: add(sub(self.initial, old.initial)?, new.initial)?,
            balance: add(sub(self.balance, old.balance)?, new.balance)?,
        })
    }
}
