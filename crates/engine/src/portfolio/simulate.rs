//! What margin would be, without changing anything.

use crate::accounts::Account;
use crate::collateral::Purpose;
use crate::instruments::InstrumentStatus;
use crate::reject::Reject;
use crate::setting::Setting;
use crate::state::Engine;
use crate::view::{MarginSummary, PositionSummary};
use margin::{Breakdown, CollateralLine, Equity};
use protocol::{AssetId, InstrumentId, MarginModel, Side, SubaccountId, USDC};

/// A portfolio to be margined: where it starts, and what is changed.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// Subaccount that it starts from, with its open orders; `None`: an empty one.
    pub base: Option<SubaccountId>,
    /// Margin model.
    pub model: MarginModel,
    /// Lots bought (positive) or sold at the mark, without fees.
    pub trades: &'a [(InstrumentId, i64)],
    /// Assets put in (positive) or taken out, engine units.
    pub transfers: &'a [(AssetId, i64)],
}

/// What a simulation found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedMargin {
    /// The account in numbers.
    pub summary: MarginSummary,
    /// Each position as if it were all there is.
    pub positions: Vec<PositionSummary>,
    /// Each asset that counts as collateral.
    pub collateral: Vec<CollateralLine>,
    /// Every lane and add-on by name; `None` in the standard model, where margin is the sum over `positions`.
    pub portfolio: Option<Breakdown>,
}

impl SimulatedMargin {
    /// Whether initial margin is covered: a subaccount like this could switch to the model, and take no further risk
    /// beyond `summary.available`.
    #[must_use]
    pub fn is_covered(&self) -> bool {
        self.summary.available >= 0
    }
}

impl Engine {
    /// Margins a portfolio, without changing anything.
    ///
    /// # Errors
    /// [`Reject`]: the subaccount, an instrument or an asset is unknown; an instrument does not trade
    /// (`instrument_not_open`), has no mark (`no_mark`) or, in the portfolio model, no lanes (`no_lanes`); more of an
    /// asset is taken out than there is (`insufficient_funds`); a number does not fit (`overflow`).
    pub fn simulate_margin(&self, simulation: &Simulation<'_>) -> Result<SimulatedMargin, Reject> {
        let mut account = match simulation.base {
            Some(base) => self.accounts[self.account_place(base)?].clone(),
            None => Account::new(0, 0),
        };
        account.set_model(simulation.model);
        for &(instrument, lots) in simulation.trades {
            self.trade_at_mark(&mut account, instrument, lots)?;
        }
        for &(asset, amount) in simulation.transfers {
            self.transfer_freely(&mut account, asset, amount)?;
        }
        self.setting().breakdown(&account)
    }

    fn trade_at_mark(&self, account: &mut Account, id: InstrumentId, lots: i64) -> Result<(), Reject> {
        let instrument = &self.instruments[self.instrument_place(id)?];
        let terms = &instrument.terms;
        if instrument.status != InstrumentStatus::Open {
            return Err(Reject::InstrumentNotOpen { instrument: id });
        }
        if !terms.marked {
            return Err(Reject::NoMark { instrument: id });
        }
        let side = if lots > 0 { Side::Buy } else { Side::Sell };
        let size = lots.checked_abs().ok_or(Reject::Overflow)?;
        let mut holding = account.holding_or_new(id, instrument.funding_index);
        let cash = terms.value(size)?;
        let realised = holding.trade(side, size, cash)?;
        account.credit(USDC, if terms.perpetual { realised } else { -side.sign() * cash })?;
        account.store(holding);
        Ok(())
    }

    fn transfer_freely(&self, account: &mut Account, asset: AssetId, amount: i64) -> Result<(), Reject> {
        self.check_asset(asset)?;
        account.credit(asset, amount)?;
        let left = account.balance(asset);
        if asset != USDC && left < 0 {
            let (requested, withdrawable) = (amount.saturating_neg(), left.saturating_sub(amount));
            return Err(Reject::InsufficientFunds { asset, requested, withdrawable });
        }
        Ok(())
    }
}

impl Setting<'_> {
    fn breakdown(&self, account: &Account) -> Result<SimulatedMargin, Reject> {
        self.check_lanes(account)?;
        let positions = account.holdings().filter(|holding| holding.position != 0);
        let positions = positions.map(|holding| self.position_summary(account, holding));
        let portfolio = if account.is_portfolio() {
            let funds = self.funds(account)?;
            let equity = Equity {
                initial: funds.balance(true, Purpose::Initial)?,
                maintenance: funds.balance(true, Purpose::Maintenance)?,
            };
            Some(self.pools(account)?.ask(self, |portfolio| portfolio.breakdown(equity))?)
        } else {
            None
        };
        Ok(SimulatedMargin {
            summary: self.margin_summary(account)?,
            positions: positions.collect::<Result<_, _>>()?,
            collateral: self.collateral_lines(account).collect::<Result<_, _>>()?,
            portfolio,
        })
    }

    /// A portfolio-margined account holds only what has lanes.
    pub(super) fn check_lanes(&self, account: &Account) -> Result<(), Reject> {
        let unknown = |id: &InstrumentId| !self.has_lanes(self.instrument(*id));
        match account.holdings().map(|holding| holding.instrument).find(unknown) {
            Some(instrument) if account.is_portfolio() => Err(Reject::NoLanes { instrument }),
            _ => Ok(()),
        }
    }
}
