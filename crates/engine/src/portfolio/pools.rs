//! The pools of an account, kept true holding by holding.

use super::exposure::{exposure_of, risk_of};
use crate::accounts::Holding;
use crate::numbers::{Checked, Overflow, add, sub};
use crate::setting::Setting;
use margin::{CollateralLine, Part, Portfolio, Sums};
use protocol::{Micros, UnderlyingId};

/// What an account has in one underlying.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pool {
    underlying: UnderlyingId,
    /// Generation of the underlying that the sums are made under; 0 when they are not made.
    generation: u64,
    sums: Sums,
}

impl Pool {
    /// With nothing in it yet.
    fn new(underlying: UnderlyingId, generation: u64) -> Self {
        Self { underlying, generation, sums: Sums::new() }
    }

    /// Takes `old` out and puts `new` in, holdings of one instrument; none or an empty one has no exposure.
    fn exchange(&mut self, old: Option<&Holding>, new: &Holding, setting: &Setting<'_>) -> Checked<()> {
        let instrument = setting.instrument(new.instrument);
        let risk = risk_of(instrument)?;
        let exposure = |holding| exposure_of(holding, &instrument.terms);
        match (old.filter(|old| !old.is_empty()), Some(new).filter(|new| !new.is_empty())) {
            (Some(old), Some(new)) => self.sums.replace(&risk, &exposure(old)?, &exposure(new)?),
            (Some(old), None) => self.sums.remove(&risk, &exposure(old)?),
            (None, Some(new)) => self.sums.add(&risk, &exposure(new)?),
            (None, None) => Ok(()),
        }
    }
}

/// The pools of an account under portfolio margin, ascending by underlying, and its collateral.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pools {
    list: Vec<Pool>,
    lines: Vec<CollateralLine>,
}

impl Pools {
    /// Of holdings and collateral, from scratch.
    pub fn new<'a>(
        holdings: impl Iterator<Item = &'a Holding>,
        lines: Vec<CollateralLine>,
        setting: &Setting<'_>,
    ) -> Checked<Self> {
        let mut pools = Self::default();
        pools.start(lines, setting);
        for holding in holdings {
            pools.supply(holding, setting)?;
        }
        pools.finish(setting);
        Ok(pools)
    }

    /// Begins to sum again: pools of older marks lose what they hold.
    pub fn start(&mut self, lines: Vec<CollateralLine>, setting: &Setting<'_>) {
        self.lines = lines;
        for pool in &mut self.list {
            if pool.generation != setting.underlying(pool.underlying).generation {
                pool.generation = 0;
                pool.sums.clear();
            }
        }
        for at in 0..self.lines.len() {
            let underlying = self.lines[at].scenario_underlying;
            if underlying != 0 && setting.underlying(underlying).margin.is_some() {
                self.place(underlying);
            }
        }
    }

    /// Adds a holding to its pool, if that one is being summed again; tells whether it is.
    pub fn supply(&mut self, holding: &Holding, setting: &Setting<'_>) -> Checked<bool> {
        let at = self.place(setting.instrument(holding.instrument).terms.underlying);
        let pool = &mut self.list[at];
        if pool.generation != 0 {
            return Ok(false);
        }
        pool.exchange(None, holding, setting)?;
        Ok(true)
    }

    /// Every holding was supplied: the pools are true, and those that nothing is in go.
    pub fn finish(&mut self, setting: &Setting<'_>) {
        let lines = &self.lines;
        self.list.retain_mut(|pool| {
            pool.generation = setting.underlying(pool.underlying).generation;
            !pool.sums.is_empty() || lines.iter().any(|line| line.scenario_underlying == pool.underlying)
        });
    }

    /// Has every pool summed again next time.
    pub fn forget(&mut self) {
        self.list.iter_mut().for_each(|pool| pool.generation = 0);
    }

    /// Exchanges the holding of one instrument, if the pool is true; `complete` tells that the others are as well, so
    /// that a pool that is missing is an empty one.
    ///
    /// # Errors
    /// [`Overflow`]; the pool must then be summed again.
    pub fn exchange(
        &mut self,
        old: Option<&Holding>,
        new: &Holding,
        complete: bool,
        setting: &Setting<'_>,
    ) -> Checked<()> {
        let underlying = setting.instrument(new.instrument).terms.underlying;
        let generation = setting.underlying(underlying).generation;
        let at = match self.find(underlying) {
            Ok(at) => at,
            Err(at) if complete => {
                self.list.insert(at, Pool::new(underlying, generation));
                at
            }
            Err(_) => return Ok(()),
        };
        let pool = &mut self.list[at];
        if pool.generation != generation {
            return Ok(());
        }
        let outcome = pool.exchange(old, new, setting);
        if outcome.is_err() {
            pool.generation = 0;
        }
        outcome
    }

    /// What collateral counts for behind maintenance margin beyond what it does behind initial margin.
    pub fn maintenance_premium(&self) -> Checked<Micros> {
        self.lines.iter().try_fold(0, |sum, line| add(sum, sub(line.maintenance, line.initial)?))
    }

    /// Initial margin, open orders at their worst. The pools are true.
    pub fn initial(&self, setting: &Setting<'_>) -> Checked<Micros> {
        self.ask(setting, |portfolio| portfolio.initial())
    }

    /// Initial margin with `new` in place of `old`, holdings of one instrument. The pools are true.
    pub fn initial_with(
        &self,
        old: Option<&Holding>,
        new: &Holding,
        setting: &Setting<'_>,
    ) -> Checked<Micros> {
        self.ask_with(old, new, setting, |portfolio| portfolio.initial())
    }

    /// The same of the positions alone.
    pub fn positions_with(
        &self,
        old: Option<&Holding>,
        new: &Holding,
        setting: &Setting<'_>,
    ) -> Checked<Micros> {
        self.ask_with(old, new, setting, |portfolio| portfolio.positions())
    }

    fn ask_with<T>(
        &self,
        old: Option<&Holding>,
        new: &Holding,
        setting: &Setting<'_>,
        question: impl FnOnce(&Portfolio<'_>) -> Checked<T>,
    ) -> Checked<T> {
        let underlying = setting.instrument(new.instrument).terms.underlying;
        let (found, (before, after)) = match self.find(underlying) {
            Ok(at) => (Some(&self.list[at]), (&self.list[..at], &self.list[at + 1..])),
            Err(at) => (None, self.list.split_at(at)),
        };
        let mut pool = found.cloned().unwrap_or_else(|| Pool::new(underlying, 0));
        pool.exchange(old, new, setting)?;
        self.with_parts(before.iter().chain(std::iter::once(&pool)).chain(after), setting, question)
    }

    /// Whether every pool that is true sums what the same pool of `fresh` does, which was made from scratch.
    pub fn agrees_with(&self, fresh: &Self, setting: &Setting<'_>) -> bool {
        let current = |pool: &&Pool| pool.generation == setting.underlying(pool.underlying).generation;
        self.list.iter().filter(current).all(|pool| match fresh.find(pool.underlying) {
            Ok(at) => pool.sums == fresh.list[at].sums,
            Err(_) => pool.sums.is_empty(),
        })
    }

    /// Asks the margin crate about the account. The pools are true.
    pub fn ask<T>(
        &self,
        setting: &Setting<'_>,
        question: impl FnOnce(&Portfolio<'_>) -> Checked<T>,
    ) -> Checked<T> {
        self.with_parts(self.list.iter(), setting, question)
    }

    fn with_parts<'a, T>(
        &self,
        pools: impl Iterator<Item = &'a Pool>,
        setting: &Setting<'_>,
        question: impl FnOnce(&Portfolio<'_>) -> Checked<T>,
    ) -> Checked<T> {
        let part = |pool: &'a Pool| {
            let risk = setting.underlying(pool.underlying).margin.as_ref().ok_or(Overflow)?;
            Ok(Part { sums: &pool.sums, risk })
        };
        let parts = pools.map(part).collect::<Checked<Vec<_>>>()?;
        question(&Portfolio { parts: &parts, collateral: &self.lines, offset: setting.pnl_offset() })
    }

    fn find(&self, underlying: UnderlyingId) -> Result<usize, usize> {
        self.list.binary_search_by_key(&underlying, |pool| pool.underlying)
    }

    /// Where the pool of an underlying is; if there is none, a new one that is being summed.
    fn place(&mut self, underlying: UnderlyingId) -> usize {
        self.find(underlying).unwrap_or_else(|at| {
            self.list.insert(at, Pool::new(underlying, 0));
            at
        })
    }
}
