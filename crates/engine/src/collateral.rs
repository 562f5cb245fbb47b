//! Collateral: what assets other than USDC count for.
//!
//! For new risk an asset counts at the initial haircut, while the marks that price it are sound, and within what the
//! venue may count of it in all. For upkeep it counts at the maintenance haircut and the last good price, whatever the
//! others hold: neither a dead feed nor somebody else's deposit liquidates anybody.

use crate::accounts::Account;
use crate::numbers::{Checked, add, div_floor};
use crate::setting::Setting;
use crate::terms::NANOS_PER_MICRO;
use margin::{CollateralHolding, CollateralLine};
use protocol::{AssetId, CollateralTerms, Micros, UnderlyingId};

/// What collateral stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Initial margin, and so every new risk.
    Initial,
    /// Maintenance margin.
    Maintenance,
}

impl Setting<'_> {
    /// What an account's assets count for, micro-USDC.
    pub fn collateral_of(&self, account: &Account, purpose: Purpose) -> Checked<Micros> {
        let mut sum = 0;
        for line in self.collateral_lines(account) {
            let line = line?;
            sum = add(sum, if purpose == Purpose::Initial { line.initial } else { line.maintenance })?;
        }
        Ok(sum)
    }

    /// Each asset of an account that counts, ascending.
    pub fn collateral_lines<'b>(
        &'b self,
        account: &'b Account,
    ) -> impl Iterator<Item = Checked<CollateralLine>> + 'b {
        let with_lanes = account.is_portfolio();
        account.assets().iter().filter_map(move |&(asset, balance)| {
            let terms = self.collateral[usize::from(asset)].active()?;
            Some(self.collateral_line(asset, balance, terms, with_lanes))
        })
    }

    /// What `balance` of an asset counts for; `with_lanes` in the portfolio model, where nothing counts for new risk
    /// whose scenario underlying cannot be shocked.
    fn collateral_line(
        &self,
        asset: AssetId,
        balance: i64,
        terms: &CollateralTerms,
        with_lanes: bool,
    ) -> Checked<CollateralLine> {
        let price = self.underlying(terms.price_underlying).inputs.as_ref().map_or(0, |inputs| inputs.index);
        let shocked = terms.scenario_underlying == 0 || self.has_risk(terms.scenario_underlying);
        let counted = if with_lanes && !shocked { 0 } else { self.eligible(asset, balance, terms)? };
        let price = price / NANOS_PER_MICRO;
        CollateralLine::new(&CollateralHolding { asset, terms, balance, counted, price })
    }

    /// How much of `balance` counts for new risk: nothing while the price is unsound; at most the account's cap; and
    /// of that the same share for everybody when the venue holds more than its cap.
    fn eligible(&self, asset: AssetId, balance: i64, terms: &CollateralTerms) -> Checked<i64> {
        if !self.is_sound(terms.price_underlying) {
            return Ok(0);
        }
        let amount = balance.min(terms.account_cap);
        let held = self.held(asset);
        if held <= i128::from(terms.venue_cap) {
            return Ok(amount);
        }
        div_floor(i128::from(amount) * i128::from(terms.venue_cap), held)
    }

    /// What the venue holds of an asset: deposits less withdrawals, engine units.
    pub fn held(&self, asset: AssetId) -> i128 {
        self.globals.deposited[usize::from(asset)] - self.globals.withdrawn[usize::from(asset)]
    }

    fn has_risk(&self, underlying: UnderlyingId) -> bool {
        self.underlying(underlying).margin.is_some()
    }
}
