//! Read access for the API, the committer and tests. Everything iterates in ascending order.

use crate::accounts::{Account, Holding, OpenOrder, OpenSide};
use crate::book::{Books, Resting};
use crate::collateral::Purpose;
use crate::instruments::{Instrument, Underlying};
use crate::keys::Key;
use crate::numbers::{Checked, add, sub};
use crate::parameters::Parameters;
use crate::portfolio::Pools;
use crate::setting::Setting;
use crate::state::{Engine, Globals, Governance};
use margin::CollateralLine;
use protocol::{
    Address, AssetId, CollateralTerms, InstrumentId, MarginModel, Micros, Nanos, OrderId, Scheduled,
    SubaccountId, USDC, UnderlyingId,
};

/// A position as users see it. Cash figures in micro-USDC; margins as if it were all that the subaccount had, without
/// orders.
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

/// An account's margin, from scratch, micro-USDC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarginSummary {
    /// How it is margined.
    pub model: MarginModel,
    /// Cash in the account.
    pub cash: Micros,
    /// Unrealised P&L of perpetuals, with pending funding.
    pub unrealised: Micros,
    /// What the other assets count for behind initial margin.
    pub collateral: Micros,
    /// What they count for behind maintenance margin.
    pub collateral_maintenance: Micros,
    /// Mark value of the options held.
    pub option_value: Micros,
    /// What initial margin is compared with: cash, `unrealised` and `collateral`; in the portfolio model
    /// `option_value` as well.
    pub balance: Micros,
    /// Cash, `unrealised`, `collateral` and `option_value`, in either model.
    pub equity: Micros,
    /// Initial margin, open orders at their worst.
    pub initial: Micros,
    /// Initial margin of the positions alone.
    pub initial_positions: Micros,
    /// Maintenance margin; open orders do not count.
    pub maintenance: Micros,
    /// `balance` minus `initial`; negative when more is required than there is.
    pub available: Micros,
    /// What a withdrawal may take: never unrealised profit.
    pub withdrawable: Micros,
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

    /// The collateral terms of every asset, by id.
    #[must_use]
    pub fn collateral_table(&self) -> &[Scheduled<CollateralTerms>] {
        &self.collateral
    }

    /// What the assets of a subaccount count for, ascending. `None` when there is no such subaccount or a number does
    /// not fit.
    #[must_use]
    pub fn collateral_lines(&self, subaccount: SubaccountId) -> Option<Vec<CollateralLine>> {
        let place = self.account_place(subaccount).ok()?;
        self.setting().collateral_lines(&self.accounts[place]).collect::<Checked<_>>().ok()
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
        self.setting().margin_summary(&self.accounts[place]).ok()
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
        let account = self.account(subaccount).into_iter();
        account.flat_map(|account| {
            let held = account.holdings().filter(|holding| holding.position != 0);
            held.filter_map(|holding| self.setting().position_summary(account, holding).ok())
        })
    }
}

impl Setting<'_> {
    pub(crate) fn margin_summary(&self, account: &Account) -> Checked<MarginSummary> {
        let (funds, needs) = (self.funds(account)?, self.requirement(account)?);
        let balance = funds.balance(account.is_portfolio(), Purpose::Initial)?;
        Ok(MarginSummary {
            model: account.model(),
            cash: account.cash,
            unrealised: add(funds.unrealised, funds.pending)?,
            collateral: funds.collateral,
            collateral_maintenance: funds.collateral_maintenance,
            option_value: funds.option_value,
            balance,
            equity: funds.balance(true, Purpose::Initial)?,
            initial: needs.initial,
            initial_positions: needs.positions,
            maintenance: needs.maintenance,
            available: sub(balance, needs.initial)?,
            withdrawable: self.withdrawable(account, USDC)?,
        })
    }

    /// A position of `account` as users see it.
    pub(crate) fn position_summary(&self, account: &Account, holding: &Holding) -> Checked<PositionSummary> {
        let (terms, funding_index) = self.terms(holding.instrument);
        let (initial, maintenance) = self.margin_alone(account, holding)?;
        Ok(PositionSummary {
            instrument: holding.instrument,
            lots: holding.position,
            cost: holding.cost,
            mark: terms.mark,
            value: terms.value(holding.position)?,
            unrealised: terms.unrealised(holding, funding_index)?,
            initial,
            maintenance,
        })
    }

    /// Initial and maintenance margin of a position if it were all that `account` had.
    fn margin_alone(&self, account: &Account, holding: &Holding) -> Checked<(Micros, Micros)> {
        let (terms, _) = self.terms(holding.instrument);
        if !account.is_portfolio() {
            return Ok((terms.initial(holding.position)?, terms.maintenance(holding.position)?));
        }
        let alone = Holding { bids: OpenSide::default(), offers: OpenSide::default(), ..*holding };
        let pools = Pools::new(std::iter::once(&alone), Vec::new(), self)?;
        pools.ask(self, |portfolio| Ok((portfolio.initial()?, portfolio.maintenance()?)))
    }
}
