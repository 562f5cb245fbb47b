//! What must hold after every command. Slow, from scratch, for tests and audits.

use crate::accounts::{Account, OpenSide};
use crate::instruments::{Instrument, InstrumentStatus};
use crate::state::Engine;
use protocol::{AssetId, InstrumentId, OrderId, Side, SubaccountId, USDC, UnderlyingId};
use thiserror::Error;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[allow(missing_docs)]
pub enum Violation {
    #[error("asset {asset}: the venue holds {held}, deposits less withdrawals are {expected}")]
    Conservation { asset: AssetId, held: i128, expected: i128 },
    #[error("positions in instrument {instrument} sum to {sum}")]
    Positions { instrument: InstrumentId, sum: i128 },
    #[error("open interest of instrument {instrument} is {stored}, its long positions sum to {actual}")]
    OpenInterest { instrument: InstrumentId, stored: i64, actual: i128 },
    #[error("holders of instrument {instrument} are not those with a position")]
    Holders { instrument: InstrumentId },
    #[error("the book of instrument {instrument} is crossed: bid {bid}, offer {offer}")]
    Crossed { instrument: InstrumentId, bid: i64, offer: i64 },
    #[error("instrument {instrument} is closed but not empty")]
    NotEmpty { instrument: InstrumentId },
    #[error("order {} of subaccount {subaccount} is not in the book as the account has it", order.0)]
    Order { subaccount: SubaccountId, order: OrderId },
    #[error("the books hold {books} orders, the accounts {accounts}")]
    OrderCount { books: usize, accounts: usize },
    #[error("subaccount {subaccount}: open orders in instrument {instrument} are not what its holding says")]
    OpenSide { subaccount: SubaccountId, instrument: InstrumentId },
    #[error("subaccount {subaccount}: cached margin is not what a recomputation gives")]
    Cache { subaccount: SubaccountId },
    #[error("subaccount {subaccount}: holdings, orders, assets or keys are not ascending, or one is empty")]
    Form { subaccount: SubaccountId },
    #[error("the index of orders with an end does not match the books")]
    Ends,
    #[error("underlying {underlying} does not have the market status that follows from its state")]
    Market { underlying: UnderlyingId },
    #[error(
        "subaccount {subaccount} is in liquidation with open orders, or not where liquidations are looked for"
    )]
    Liquidation { subaccount: SubaccountId },
    #[error("collected fees are {fees}")]
    Fees { fees: i64 },
}

impl Engine {
    /// Checks conservation to the unit, positions, books, aggregates and caches.
    ///
    /// # Errors
    /// The first [`Violation`] found.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.check_conservation()?;
        for instrument in &self.instruments {
            self.check_instrument(instrument)?;
        }
        for account in &self.accounts {
            self.check_account(account)?;
        }
        let accounts = self.accounts.iter().map(|account| account.orders.len()).sum();
        if self.books.len() != accounts {
            return Err(Violation::OrderCount { books: self.books.len(), accounts });
        }
        let ends: Vec<_> = self.books.iter().filter(|(_, resting)| resting.valid_until != 0).collect();
        let known = |resting: &crate::book::Resting| {
            self.ends.get(&(resting.valid_until, resting.order)) == Some(&resting.subaccount)
        };
        if !ends.iter().all(|(_, resting)| known(resting)) || ends.len() != self.ends.len() {
            return Err(Violation::Ends);
        }
        if let Some(subaccount) = self.misplaced_liquidation() {
            return Err(Violation::Liquidation { subaccount });
        }
        for underlying in &self.underlyings {
            if underlying.market() != underlying.market_at(self.globals.time, &self.parameters) {
                return Err(Violation::Market { underlying: underlying.id() });
            }
        }
        if self.globals.fees < 0 { Err(Violation::Fees { fees: self.globals.fees }) } else { Ok(()) }
    }

    /// Σ cash − Σ cost of perpetuals + fees + insurance + funding pool = deposits − withdrawals; other assets likewise.
    fn check_conservation(&self) -> Result<(), Violation> {
        for asset in 0..self.globals.deposited.len() as AssetId {
            let mut held: i128 = self.accounts.iter().map(|account| i128::from(account.balance(asset))).sum();
            if asset == USDC {
                let holdings = self.accounts.iter().flat_map(|account| account.holdings.iter());
                let perpetuals = holdings
                    .filter(|holding| self.instruments[holding.instrument as usize - 1].terms.perpetual);
                held -= perpetuals.map(|holding| i128::from(holding.cost)).sum::<i128>();
                held += i128::from(self.globals.fees) + i128::from(self.globals.insurance);
                held += i128::from(self.globals.funding_pool);
            }
            let expected =
                self.globals.deposited[usize::from(asset)] - self.globals.withdrawn[usize::from(asset)];
            if held != expected {
                return Err(Violation::Conservation { asset, held, expected });
            }
        }
        Ok(())
    }

    fn check_instrument(&self, instrument: &Instrument) -> Result<(), Violation> {
        let id = instrument.spec.instrument;
        let positions = || {
            let holdings =
                self.accounts.iter().filter_map(|account| account.holding(id).map(|held| (account.id, held)));
            holdings.map(|(account, held)| (account, held.position)).filter(|entry| entry.1 != 0)
        };
        let sum: i128 = positions().map(|entry| i128::from(entry.1)).sum();
        // While an expired series settles, those not yet settled do not sum to zero.
        if instrument.status == InstrumentStatus::Open && sum != 0 {
            return Err(Violation::Positions { instrument: id, sum });
        }
        let actual: i128 = positions().map(|entry| i128::from(entry.1.max(0))).sum();
        if actual != i128::from(instrument.open_interest) {
            return Err(Violation::OpenInterest { instrument: id, stored: instrument.open_interest, actual });
        }
        if !positions().map(|entry| entry.0).eq(instrument.holders.iter().copied()) {
            return Err(Violation::Holders { instrument: id });
        }
        let (bid, offer) = (self.books.best_price(id, Side::Buy), self.books.best_price(id, Side::Sell));
        if let (Some(bid), Some(offer)) = (bid, offer)
            && bid >= offer
        {
            return Err(Violation::Crossed { instrument: id, bid, offer });
        }
        let empty = bid.is_none() && offer.is_none() && instrument.holders.is_empty();
        if instrument.status == InstrumentStatus::Closed && !empty {
            return Err(Violation::NotEmpty { instrument: id });
        }
        Ok(())
    }

    fn check_account(&self, account: &Account) -> Result<(), Violation> {
        let subaccount = account.id;
        let formed = account.holdings.iter().is_sorted_by(|a, b| a.instrument < b.instrument)
            && account.orders.iter().is_sorted_by(|a, b| a.order < b.order)
            && account.assets.is_sorted_by(|a, b| a.0 < b.0)
            && account.assets.iter().all(|entry| entry.0 != USDC && entry.1 != 0)
            && account.holdings.iter().all(|holding| !holding.is_empty());
        if !formed {
            return Err(Violation::Form { subaccount });
        }
        for open in account.orders.iter() {
            let matches = self.books.get(open.handle).is_some_and(|resting| {
                resting.order == open.order
                    && resting.subaccount == subaccount
                    && (resting.instrument, resting.side, resting.price)
                        == (open.instrument, open.side, open.price)
            });
            if !matches {
                return Err(Violation::Order { subaccount, order: open.order });
            }
        }
        for holding in account.holdings.iter() {
            let sides = Side::ALL
                .iter()
                .all(|&side| self.open_side(account, holding.instrument, side) == holding.open(side));
            if !sides {
                return Err(Violation::OpenSide { subaccount, instrument: holding.instrument });
            }
        }
        if account.orders.iter().any(|open| account.holding(open.instrument).is_none()) {
            return Err(Violation::Form { subaccount });
        }
        self.check_cache(account)
    }

    /// Open orders of one side, from the orders themselves.
    fn open_side(&self, account: &Account, instrument: InstrumentId, side: Side) -> OpenSide {
        let orders = account.orders.iter().filter(|open| open.instrument == instrument && open.side == side);
        orders.fold(OpenSide::default(), |sum, open| {
            let lots = self.books.get(open.handle).map_or(0, |resting| resting.lots);
            sum.with(side, lots, open.price).unwrap_or_default()
        })
    }

    fn check_cache(&self, account: &Account) -> Result<(), Violation> {
        let setting = self.setting();
        let violation = Violation::Cache { subaccount: account.id };
        if let Some(pools) = &account.portfolio
            && !setting.pools(account).is_ok_and(|fresh| pools.agrees_with(&fresh, &setting))
        {
            return Err(violation);
        }
        if account.generation != self.generation {
            return Ok(());
        }
        let mut fresh = account.clone();
        fresh.forget_sums();
        let outcome = fresh.refresh(&setting);
        let same = outcome.is_ok()
            && fresh.sums == account.sums
            && fresh.holdings.iter().zip(account.holdings.iter()).all(|(a, b)| a.sums == b.sums);
        if same { Ok(()) } else { Err(violation) }
    }
}
