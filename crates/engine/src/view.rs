//! Read access for the API, the committer and tests. Everything iterates in ascending order.

use crate::accounts::{Account, OpenOrder};
use crate::book::{Books, Resting};
use crate::instruments::{Instrument, Underlying};
use crate::keys::Key;
use crate::margin::MarginSummary;
use crate::numbers::{Checked, add, sub};
use crate::parameters::Parameters;
use crate::state::{Engine, Globals, Governance};
use protocol::{Address, AssetId, InstrumentId, Micros, Nanos, OrderId, SubaccountId, USDC, UnderlyingId};

/// A position as users see it. Cash figures in micro-USDC; margins without the subaccount's orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionSummary {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Signed size, lots.
    pub lots: i64,
    /// What was paid for it; negative: received.
    pub cost: Micros,
    /// Mark, micro-USDC per contract.
    pub mark: Micros,
    /// Value at the mark.
    pub value: Micros,
    /// Value minus cost, and pending funding.
    pub unrealised: Micros,
    /// Initial margin.
    pub initial: Micros,
    /// Maintenance margin.
    pub maintenance: Micros,
}

impl Engine {
    /// Sequence of the last command; 0 before the genesis.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.globals.sequence
    }

    /// Time of the last command.
    #[must_use]
    pub fn time(&self) -> Nanos {
        self.globals.time
    }

    /// Counters and funds.
    #[must_use]
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// Who governs; `None` before the genesis.
    #[must_use]
    pub fn genesis(&self) -> Option<&Governance> {
        self.governance.as_ref()
    }

    /// The parameters; all zero before the genesis.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Underlyings, ascending by id from 1.
    #[must_use]
    pub fn underlyings(&self) -> &[Underlying] {
        &self.underlyings
    }

    /// One underlying.
    #[must_use]
    pub fn underlying(&self, id: UnderlyingId) -> Option<&Underlying> {
        self.underlying_place(id).ok().map(|place| &self.underlyings[place])
    }

    /// Instruments ever listed, ascending by id from 1.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// One instrument.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instrument_place(id).ok().map(|place| &self.instruments[place])
    }

    /// The instrument of that name.
    #[must_use]
    pub fn instrument_by_name(&self, name: &str) -> Option<&Instrument> {
        self.names.get(name).and_then(|&id| self.instrument(id))
    }

    /// Subaccounts, ascending by id from 1.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// One subaccount.
    #[must_use]
    pub fn account(&self, id: SubaccountId) -> Option<&Account> {
        self.account_place(id).ok().map(|place| &self.accounts[place])
    }

    /// Owner of a subaccount.
    #[must_use]
    pub fn owner_of(&self, id: SubaccountId) -> Option<Address> {
        self.account(id).map(|account| self.keys.get(account.owner).address)
    }

    /// Keys, in the order in which they appeared.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        self.keys.list()
    }

    /// One key.
    #[must_use]
    pub fn key(&self, address: &Address) -> Option<&Key> {
        self.keys.by_address(address)
    }

    /// The books.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// An open order of a subaccount: what the account knows of it, and what the book does.
    #[must_use]
    pub fn open_order(&self, subaccount: SubaccountId, order: OrderId) -> Option<(&OpenOrder, &Resting)> {
        let open = self.account(subaccount)?.order(order)?;
        Some((open, self.books.get(open.handle).expect("an open order rests")))
    }

    /// Open orders of a subaccount, ascending by id.
    pub fn open_orders(&self, subaccount: SubaccountId) -> impl Iterator<Item = (&OpenOrder, &Resting)> + '_ {
        let orders = self.account(subaccount).into_iter().flat_map(Account::orders);
        orders.map(|open| (open, self.books.get(open.handle).expect("an open order rests")))
    }

    /// What may leave a subaccount, engine units; 0 when there is no such subaccount.
    #[must_use]
    pub fn withdrawable(&self, subaccount: SubaccountId, asset: AssetId) -> i64 {
        self.account_place(subaccount)
            .ok()
            .and_then(|place| self.withdrawable_of(place, asset).ok())
            .unwrap_or(0)
    }

    /// A subaccount's margin, from scratch. `None` when there is no such subaccount or a number does not fit.
    #[must_use]
    pub fn margin_summary(&self, subaccount: SubaccountId) -> Option<MarginSummary> {
        let place = self.account_place(subaccount).ok()?;
        self.summarise(place).ok()
    }

    /// Unrealised P&L of a position, micro-USDC: value at the mark minus cost, and a perpetual's pending funding.
    #[must_use]
    pub fn unrealised(&self, subaccount: SubaccountId, instrument: InstrumentId) -> Option<Micros> {
        let holding = self.account(subaccount)?.holding(instrument)?;
        let instrument = self.instrument(instrument)?;
        instrument.terms.unrealised(holding, instrument.funding_index).ok()
    }

    /// Positions of a subaccount, ascending by instrument; those whose numbers do not fit are left out.
    pub fn positions(&self, subaccount: SubaccountId) -> impl Iterator<Item = PositionSummary> + '_ {
        let holdings = self.account(subaccount).into_iter().flat_map(Account::holdings);
        holdings.filter(|holding| holding.position != 0).filter_map(|holding| {
            let instrument = &self.instruments[holding.instrument as usize - 1];
            let terms = &instrument.terms;
            Some(PositionSummary {
                instrument: holding.instrument,
                lots: holding.position,
                cost: holding.cost,
                mark: terms.mark,
                value: terms.value(holding.position).ok()?,
                unrealised: terms.unrealised(holding, instrument.funding_index).ok()?,
                initial: terms.initial(holding.position).ok()?,
                maintenance: terms.maintenance(holding.position).ok()?,
            })
        })
    }

    fn summarise(&self, place: usize) -> Checked<MarginSummary> {
        let account = &self.accounts[place];
        let mut summary = MarginSummary { cash: account.cash, ..MarginSummary::default() };
        for holding in account.holdings() {
            let instrument = &self.instruments[holding.instrument as usize - 1];
            let terms = &instrument.terms;
            let sums = holding.sums_at(terms, instrument.funding_index)?;
            summary.initial = add(summary.initial, sums.initial)?;
            summary.unrealised = add(summary.unrealised, sums.balance)?;
            summary.maintenance = add(summary.maintenance, terms.maintenance(holding.position)?)?;
            if !terms.perpetual {
                summary.option_value = add(summary.option_value, terms.value(holding.position)?)?;
            }
        }
        summary.balance = add(summary.cash, summary.unrealised)?;
        summary.equity = add(summary.balance, summary.option_value)?;
        summary.available = sub(summary.balance, summary.initial)?;
        summary.withdrawable = self.withdrawable_of(place, USDC)?;
        Ok(summary)
    }
}
