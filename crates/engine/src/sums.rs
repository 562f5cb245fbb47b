//! The sums that an account caches over its holdings, and how they are kept true.
//!
//! They are true while the account's generation is the engine's. Marks, funding, parameters and collateral raise that
//! one, so that an account is summed again when it is next needed, and not before. A portfolio-margined account keeps
//! pools beside them; those are true while their generation is that of their underlying.

use crate::accounts::{Account, Holding};
use crate::collateral::Purpose;
use crate::fills::Leg;
use crate::numbers::{Checked, Overflow, add};
use crate::portfolio::Pools;
use crate::setting::Setting;
use crate::standard::Sums;
use protocol::{MarginModel, Micros};

impl Account {
    /// Makes the sums true.
    #[inline]
    pub(crate) fn refresh(&mut self, setting: &Setting<'_>) -> Checked<()> {
        if self.generation == setting.generation { Ok(()) } else { self.sum_again(setting) }
    }

    #[inline(never)]
    fn sum_again(&mut self, setting: &Setting<'_>) -> Checked<()> {
        if self.is_portfolio() {
            return self.sum_portfolio(setting);
        }
        let mut total = Sums { initial: 0, balance: setting.collateral_of(self, Purpose::Initial)? };
        for at in 0..self.holdings.len() {
            let slot = self.holdings.nth(at).expect("counted");
            let holding = &mut self.holdings[slot];
            let (terms, funding_index) = setting.terms(holding.instrument);
            holding.sums = holding.sums_at(false, terms, funding_index)?;
            total = total.replaced(Sums::default(), holding.sums)?;
        }
        self.sums = total;
        self.generation = setting.generation;
        Ok(())
    }

    fn sum_portfolio(&mut self, setting: &Setting<'_>) -> Checked<()> {
        let lines = setting.collateral_lines(self).collect::<Checked<Vec<_>>>()?;
        let mut balance = lines.iter().try_fold(0, |sum, line| add(sum, line.initial))?;
        let Self { portfolio: Some(pools), holdings, .. } = self else { return Ok(()) };
        pools.start(lines, setting);
        for at in 0..holdings.len() {
            let slot = holdings.nth(at).expect("counted");
            let holding = &mut holdings[slot];
            if pools.supply(holding, setting)? {
                let (terms, funding_index) = setting.terms(holding.instrument);
                holding.sums = holding.sums_at(true, terms, funding_index)?;
            }
            balance = add(balance, holding.sums.balance)?;
        }
        pools.finish(setting);
        self.sums = Sums { initial: 0, balance };
        self.generation = setting.generation;
        Ok(())
    }

    /// Has everything summed again next time.
    pub(crate) fn forget_sums(&mut self) {
        self.generation = 0;
        if let Some(pools) = &mut self.portfolio {
            pools.forget();
        }
    }

    /// Changes how the account is margined.
    pub(crate) fn set_model(&mut self, model: MarginModel) {
        self.generation = 0;
        self.portfolio = match model {
            MarginModel::Standard => None,
            MarginModel::Portfolio => Some(Box::default()),
        };
    }

    /// Initial margin, open orders at their worst. The sums are true.
    pub(crate) fn initial(&self, setting: &Setting<'_>) -> Checked<Micros> {
        match &self.portfolio {
            Some(pools) => pools.initial(setting),
            None => Ok(self.sums.initial),
        }
    }

    /// Initial margin of a portfolio with `holding` in its place. The sums are true, and stay so: exchanging is its own
    /// inverse, and cheaper than a copy.
    pub(crate) fn initial_with(&mut self, holding: &Holding, setting: &Setting<'_>) -> Checked<Micros> {
        let slot = self.holdings.find(holding.instrument);
        let old = slot.map_or(Holding::new(holding.instrument, 0), |slot| self.holdings[slot]);
        self.exchange(slot, holding, setting)?;
        let initial = self.initial(setting);
        let pools = self.portfolio.as_mut().ok_or(Overflow)?;
        pools.exchange(Some(holding), &old, true, setting).inspect_err(|_| self.generation = 0)?;
        initial
    }

    /// Whether the positions alone need more initial margin with `holding` in its place. The sums are true.
    pub(crate) fn positions_raise(&self, holding: &Holding, setting: &Setting<'_>) -> Checked<bool> {
        let old = self.holding(holding.instrument);
        if let Some(pools) = &self.portfolio {
            let before = pools.ask(setting, |portfolio| portfolio.positions())?;
            return Ok(pools.positions_with(old, holding, setting)? > before);
        }
        let (terms, _) = setting.terms(holding.instrument);
        let before = terms.initial(old.map_or(0, |old| old.position))?;
        Ok(terms.initial(holding.position)? > before)
    }

    /// What initial margin is compared with. The sums are true.
    pub(crate) fn funds(&self) -> Checked<Micros> {
        add(self.cash, self.sums.balance)
    }

    /// Takes an open order of `lots` out of the account.
    pub(crate) fn drop_order(&mut self, at: usize, lots: i64, setting: &Setting<'_>) {
        let open = self.orders[at];
        let mut holding = *self.holding(open.instrument).expect("an open order has a holding");
        *holding.open_mut(open.side) = self.open_without(&holding, &open, lots, true);
        self.orders.remove(open.order);
        self.update(holding, setting);
    }

    /// Replaces a holding and keeps the sums true if they were; a number that does not fit makes them stale.
    pub(crate) fn update(&mut self, mut holding: Holding, setting: &Setting<'_>) {
        let slot = self.holdings.find(holding.instrument);
        let complete = self.generation == setting.generation;
        if complete || self.is_portfolio() {
            let (terms, funding_index) = setting.terms(holding.instrument);
            let fresh = holding.sums_at(self.is_portfolio(), terms, funding_index).and_then(|sums| {
                let old = slot.map_or_else(Sums::default, |slot| self.holdings[slot].sums);
                Ok((sums, self.sums.replaced(old, sums)?))
            });
            match fresh {
                Ok((sums, total)) => (holding.sums, self.sums) = (sums, total),
                Err(_) => self.forget_sums(),
            }
        }
        // What does not fit has made the sums stale; they are made again, or the account does no more.
        let _ = self.exchange(slot, &holding, setting);
        self.store_at(slot, holding);
    }

    /// Takes over its side of a fill, found while the sums were true.
    pub(crate) fn take_leg(&mut self, leg: &Leg, setting: &Setting<'_>) {
        let slot = self.holdings.find(leg.holding.instrument);
        (self.cash, self.sums) = (leg.cash, leg.total);
        let _ = self.exchange(slot, &leg.holding, setting);
        self.store_at(slot, leg.holding);
    }

    /// Puts `holding` in the place of the one in `slot` among the pools. What does not fit makes the sums stale.
    #[inline]
    fn exchange(&mut self, slot: Option<usize>, holding: &Holding, setting: &Setting<'_>) -> Checked<()> {
        let Some(pools) = &mut self.portfolio else { return Ok(()) };
        let complete = self.generation == setting.generation;
        let old = slot.map(|slot| &self.holdings[slot]);
        pools.exchange(old, holding, complete, setting).inspect_err(|_| self.generation = 0)
    }
}

impl Setting<'_> {
    /// The pools of a portfolio-margined account, from scratch.
    pub(crate) fn pools(&self, account: &Account) -> Checked<Pools> {
        let lines = self.collateral_lines(account).collect::<Checked<Vec<_>>>()?;
        Pools::new(account.holdings(), lines, self)
    }
}
