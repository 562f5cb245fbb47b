//! One side of a fill: what it makes of an account's cash, position and margin.

use crate::accounts::{Account, Holding, OpenSide};
use crate::numbers::{Checked, add, sub};
use crate::setting::Setting;
use crate::standard::{Sums, closed_cost};
use crate::terms::Terms;
use protocol::{Micros, Side};

/// What is traded, seen from one account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LegSide {
    pub side: Side,
    pub lots: i64,
    /// Price × size, micro-USDC.
    pub cash: Micros,
    pub fee: Micros,
}

/// An account after its side of a fill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leg {
    pub cash: Micros,
    pub holding: Holding,
    pub total: Sums,
    pub fee: Micros,
    /// Funding settled first; negative was paid.
    pub funding: Micros,
    pub position_before: i64,
    /// Whether the fill only shrinks the position.
    pub reduces: bool,
}

/// A fill that both sides can bear.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trade {
    pub lots: i64,
    /// Price × size, micro-USDC.
    pub cash: Micros,
    /// Whether it fills the resting order wholly.
    pub gone: bool,
    pub maker: Leg,
    pub taker: Leg,
}

impl Leg {
    /// The account after trading `side`, its funding settled first. `open` replaces the open orders of that side.
    /// The account's cached sums are true.
    pub fn new(
        account: &Account,
        terms: &Terms,
        funding_index: i64,
        trade: LegSide,
        open: Option<OpenSide>,
    ) -> Checked<Self> {
        let before = account.holding_or_new(terms.instrument, funding_index);
        let funding = terms.funding_due(before.position, before.funding, funding_index)?;
        let mut holding = Holding { funding: funding_index, ..before };
        if let Some(open) = open {
            *holding.open_mut(trade.side) = open;
        }
        let realised = holding.trade(trade.side, trade.lots, trade.cash)?;
        let paid = if terms.perpetual { realised } else { -trade.side.sign() * trade.cash };
        let cash = sub(add(add(account.cash, funding)?, paid)?, trade.fee)?;
        holding.sums = holding.sums_at(account.is_portfolio(), terms, funding_index)?;
        Ok(Self {
            cash,
            holding,
            total: account.sums.replaced(before.sums, holding.sums)?,
            fee: trade.fee,
            funding,
            position_before: before.position,
            reduces: trade.lots <= before.reducible(trade.side),
        })
    }

    /// Whether the funds of `account`, whose leg this is, cover the initial margin, open orders included. A requirement
    /// that does not fit is not covered.
    pub fn is_margined(&self, account: &Account, setting: &Setting<'_>) -> bool {
        let required = match &account.portfolio {
            None => Ok(self.total.initial),
            Some(pools) => {
                pools.initial_with(account.holding(self.holding.instrument), &self.holding, setting)
            }
        };
        let funds = i128::from(self.cash) + i128::from(self.total.balance);
        required.is_ok_and(|required| funds >= i128::from(required))
    }

    /// Whether the fill only shrinks the position of `account`, whose leg this is, and raises no margin by that: in a
    /// portfolio what shrinks may be what hedges the rest.
    pub fn mends(&self, account: &Account, setting: &Setting<'_>) -> bool {
        self.reduces && account.positions_raise(&self.holding, setting).is_ok_and(|raised| !raised)
    }

    /// Change of the sum of long positions.
    pub fn interest(&self) -> i64 {
        self.holding.position.max(0) - self.position_before.max(0)
    }
}

impl Holding {
    /// Changes position and cost; returns the P&L realised on what was closed, rounded down.
    pub(crate) fn trade(&mut self, side: Side, lots: i64, cash: Micros) -> Checked<Micros> {
        let signed = side.sign() * cash;
        let position = add(self.position, side.sign() * lots)?;
        let closed = lots.min(self.reducible(side));
        let realised = if closed == 0 {
            0
        } else {
            // The size is whole lots at one price, so a part of the cash is exact.
            let closed_cash = ((i128::from(cash) * i128::from(closed)) / i128::from(lots)) as i64;
            let whole = i64::try_from(self.position.unsigned_abs()).map_err(|_| crate::numbers::Overflow)?;
            let share = closed_cost(self.cost, closed, whole)?;
            sub(-side.sign() * closed_cash, share)?
        };
        self.cost = add(add(self.cost, signed)?, realised)?;
        self.position = position;
        Ok(realised)
    }
}
