//! Where an account stands: what it has against what it needs, both from scratch.

use crate::accounts::Account;
use crate::collateral::Purpose;
use crate::numbers::{Checked, add, sub};
use crate::setting::Setting;
use crate::state::Engine;
use protocol::{Micros, SubaccountId};

/// An account's funds and requirements for its positions alone, micro-USDC.
///
/// Collateral counts by two haircuts, so there are two funds: initial margin is compared with `initial_equity`,
/// maintenance margin with `equity`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Funds behind maintenance margin. Standard model: cash, unrealised P&L of perpetuals and collateral after the
    /// maintenance haircut; portfolio model: option value as well.
    pub equity: Micros,
    /// The same with the collateral as it counts for new risk.
    pub initial_equity: Micros,
    /// Initial margin of the positions.
    pub initial: Micros,
    /// Maintenance margin of the positions.
    pub maintenance: Micros,
}

impl Standing {
    /// Whether the account may go on by itself: its equity covers the maintenance margin.
    #[must_use]
    pub fn is_maintained(&self) -> bool {
        self.equity >= self.maintenance
    }
}

/// What an account has, its pending funding settled, micro-USDC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Funds {
    pub cash: Micros,
    /// Of the cash, funding that is still pending.
    pub pending: Micros,
    /// Value of perpetuals minus their cost.
    pub unrealised: Micros,
    /// Mark value of options.
    pub option_value: Micros,
    /// That value minus their cost.
    pub option_profit: Micros,
    /// Collateral behind initial margin.
    pub collateral: Micros,
    /// Collateral behind maintenance margin.
    pub collateral_maintenance: Micros,
}

impl Funds {
    /// What margin is compared with: of options only in the portfolio model.
    pub fn balance(&self, with_options: bool, purpose: Purpose) -> Checked<Micros> {
        let collateral = match purpose {
            Purpose::Initial => self.collateral,
            Purpose::Maintenance => self.collateral_maintenance,
        };
        let balance = add(add(self.cash, self.unrealised)?, collateral)?;
        if with_options { add(balance, self.option_value) } else { Ok(balance) }
    }

    /// Profit that is part of that balance and was not realised; negative is a loss.
    pub fn profit(&self, with_options: bool) -> Checked<Micros> {
        if with_options { add(self.unrealised, self.option_profit) } else { Ok(self.unrealised) }
    }
}

/// What an account needs, micro-USDC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Initial margin, open orders at their worst.
    pub initial: Micros,
    /// Initial margin of the positions alone.
    pub positions: Micros,
    /// Maintenance margin, of the positions alone as well.
    pub maintenance: Micros,
}

impl Setting<'_> {
    /// What `account` has.
    pub fn funds(&self, account: &Account) -> Checked<Funds> {
        let mut funds = Funds {
            cash: account.cash,
            collateral: self.collateral_of(account, Purpose::Initial)?,
            collateral_maintenance: self.collateral_of(account, Purpose::Maintenance)?,
            ..Funds::default()
        };
        for holding in account.holdings() {
            let (terms, funding_index) = self.terms(holding.instrument);
            let due = terms.funding_due(holding.position, holding.funding, funding_index)?;
            let value = terms.value(holding.position)?;
            let profit = sub(value, holding.cost)?;
            if terms.perpetual {
                funds.cash = add(funds.cash, due)?;
                funds.pending = add(funds.pending, due)?;
                funds.unrealised = add(funds.unrealised, profit)?;
            } else {
                funds.option_value = add(funds.option_value, value)?;
                funds.option_profit = add(funds.option_profit, profit)?;
            }
        }
        Ok(funds)
    }

    /// What `account` needs.
    pub fn requirement(&self, account: &Account) -> Checked<Requirement> {
        if account.is_portfolio() {
            return self.pools(account)?.ask(self, |portfolio| {
                Ok(Requirement {
                    initial: portfolio.initial()?,
                    positions: portfolio.positions()?,
                    maintenance: portfolio.maintenance()?,
                })
            });
        }
        let mut needs = Requirement::default();
        for holding in account.holdings() {
            let (terms, _) = self.terms(holding.instrument);
            let with_orders = terms.initial_with_orders(holding.position, holding.bids, holding.offers)?;
            needs.initial = add(needs.initial, with_orders)?;
            needs.positions = add(needs.positions, terms.initial(holding.position)?)?;
            needs.maintenance = add(needs.maintenance, terms.maintenance(holding.position)?)?;
        }
        Ok(needs)
    }

    /// Where `account` stands.
    pub fn standing(&self, account: &Account) -> Checked<Standing> {
        if !account.is_portfolio() {
            return self.standard_standing(account);
        }
        let (funds, needs) = (self.funds(account)?, self.requirement(account)?);
        Ok(Standing {
            equity: funds.balance(true, Purpose::Maintenance)?,
            initial_equity: funds.balance(true, Purpose::Initial)?,
            initial: needs.positions,
            maintenance: needs.maintenance,
        })
    }

    /// The same in one pass over the holdings: neither orders nor option value count in the standard model.
    fn standard_standing(&self, account: &Account) -> Checked<Standing> {
        let mut standing = Standing::default();
        let mut balance = account.cash;
        for holding in account.holdings() {
            let (terms, funding_index) = self.terms(holding.instrument);
            balance = add(balance, terms.balance_of(holding, funding_index)?)?;
            standing.initial = add(standing.initial, terms.initial(holding.position)?)?;
            standing.maintenance = add(standing.maintenance, terms.maintenance(holding.position)?)?;
        }
        standing.equity = add(balance, self.collateral_of(account, Purpose::Maintenance)?)?;
        standing.initial_equity = add(balance, self.collateral_of(account, Purpose::Initial)?)?;
        Ok(standing)
    }
}

impl Engine {
    /// Where a subaccount stands. `None` when there is no such subaccount or a number does not fit.
    #[must_use]
    pub fn standing(&self, subaccount: SubaccountId) -> Option<Standing> {
        let place = self.account_place(subaccount).ok()?;
        self.standing_of(place).ok()
    }

    /// Where the account at a place stands, by its cached sums: what a mark costs for every account.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a number does not fit.
    pub(crate) fn standing_now(&mut self, place: usize) -> Checked<Standing> {
        self.refresh(place)?;
        let (setting, account) = (self.setting(), &self.accounts[place]);
        let Some(pools) = &account.portfolio else { return setting.standing(account) };
        let initial_equity = account.funds()?;
        let (initial, maintenance) =
            pools.ask(&setting, |portfolio| portfolio.positions_and_maintenance())?;
        let equity = add(initial_equity, pools.maintenance_premium()?)?;
        Ok(Standing { equity, initial_equity, initial, maintenance })
    }

    /// Where the account at a place stands, from scratch.
    ///
    /// # Errors
    /// [`crate::Overflow`] when a number does not fit.
    pub(crate) fn standing_of(&self, place: usize) -> Checked<Standing> {
        self.setting().standing(&self.accounts[place])
    }
}
