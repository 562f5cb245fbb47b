//! The worst lane of a book, in whatever model its account is margined.

use super::exposure::risk_of;
use crate::accounts::Account;
use crate::numbers::{Checked, add};
use crate::setting::Setting;
use crate::state::Engine;
use margin::{Exposure, Stage, Sums};
use protocol::{Micros, SubaccountId, UnderlyingId};

impl Setting<'_> {
    /// Most that an account's positions in an underlying lose in any lane or cell, micro-USDC. Where there are no lanes:
    /// what the standard model requires for their maintenance.
    ///
    /// # Errors
    /// [`crate::Overflow`].
    pub fn lane_loss(&self, account: &Account, underlying: UnderlyingId) -> Checked<Micros> {
        let positions = account.holdings().filter(|holding| {
            holding.position != 0 && self.instrument(holding.instrument).terms.underlying == underlying
        });
        let Some(risk) = self.underlying(underlying).margin.as_ref() else {
            return positions.into_iter().try_fold(0, |sum, holding| {
                add(sum, self.terms(holding.instrument).0.maintenance(holding.position)?)
            });
        };
        let mut sums = Sums::new();
        for holding in positions {
            sums.add(&risk_of(self.instrument(holding.instrument))?, &Exposure::of(holding.position))?;
        }
        Ok(sums.evaluate(risk, Stage::Positions, 0)?.scan)
    }
}

impl Engine {
    /// Most that a subaccount's positions in an underlying lose in any lane or cell, whatever its margin model,
    /// micro-USDC; where there are no lanes, what the standard model requires for their maintenance. `None` when there is
    /// no such subaccount or underlying, or a number does not fit.
    #[must_use]
    pub fn lane_loss(&self, subaccount: SubaccountId, underlying: UnderlyingId) -> Option<Micros> {
        let (account, _) = (self.account(subaccount)?, self.underlying(underlying)?);
        self.setting().lane_loss(account, underlying).ok()
    }
}
