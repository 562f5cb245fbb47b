//! The insurance fund: what of it is free, what one liquidation may draw, and paying.

use super::Liquidation;
use crate::expiry::value_at;
use crate::instruments::InstrumentStatus;
use crate::numbers::{Checked, Overflow, add, narrow, sub};
use crate::state::Engine;
use protocol::{BalanceReason, Event, InsurancePaid, Micros, NANO_ONE, Parameter, USDC};

impl Engine {
    /// What the insurance fund holds without what it owes to positions that are still to be settled, micro-USDC: while a
    /// series settles the fund lends and borrows, and neither makes it richer or poorer. Not below 0.
    #[must_use]
    pub fn insurance_free(&self) -> Micros {
        let owed = self.owed_to_settlement().unwrap_or(Micros::MAX);
        self.globals.insurance.saturating_sub(owed).max(0)
    }

    /// What one liquidation may still draw: its share of the free fund, as it was before it drew anything.
    pub(super) fn insurance_left(&self, liquidation: &Liquidation) -> Micros {
        let free = self.insurance_free();
        let cap = self.parameters.get(Parameter::InsuranceCap);
        let whole = i128::from(free) + i128::from(liquidation.insurance);
        let allowed = whole * i128::from(cap) / i128::from(NANO_ONE) - i128::from(liquidation.insurance);
        // At most the free fund, which is 64 bits.
        allowed.clamp(0, free.into()) as Micros
    }

    /// An amount that somebody chose, if it can leave the fund for the liquidation of the account at `place`.
    pub(super) fn insurable(&self, place: usize, amount: Micros) -> Checked<Micros> {
        sub(self.globals.insurance, amount)?;
        add(self.liquidation(place).insurance, amount)?;
        if amount < 0 { Err(Overflow) } else { Ok(amount) }
    }

    /// Pays from the fund into the account at `to`, for the liquidation of the account at `place`; what is paid was found
    /// free, and fits.
    pub(super) fn pay_insurance(&mut self, place: usize, to: usize, amount: Micros, events: &mut Vec<Event>) {
        if amount == 0 {
            return;
        }
        self.globals.insurance -= amount;
        let liquidation = self.liquidation_mut(place);
        liquidation.insurance += amount;
        let liquidation = liquidation.id;
        self.credit(to, USDC, amount, BalanceReason::Insurance, events);
        events.push(InsurancePaid { liquidation, amount, left: self.globals.insurance }.into());
    }

    /// What the positions that are still to be settled at a fixed price will take from the fund.
    fn owed_to_settlement(&self) -> Checked<Micros> {
        let fixed = self.underlyings.iter().flat_map(|underlying| &underlying.expiries);
        let mut owed = 0;
        for (series, price) in fixed.filter_map(|series| Some((series, series.price?))) {
            for &id in &series.instruments {
                let instrument = &self.instruments[id as usize - 1];
                debug_assert_eq!(instrument.status, InstrumentStatus::Expired, "its price is fixed");
                let held = |&holder| {
                    self.accounts[holder as usize - 1].holding(id).map_or(0, |held| i128::from(held.position))
                };
                let lots = narrow(instrument.holders.iter().map(held).sum())?;
                owed = add(owed, value_at(&instrument.spec, lots, price)?)?;
            }
        }
        Ok(owed)
    }
}
