//! What an account has in one underlying, added up.

use crate::instrument::{Exposure, InstrumentRisk};
use crate::lanes::{LaneSums, Priced, REACH_MAX, peak, reach};
use crate::numbers::{Checked, Overflow, add};
use crate::series::SeriesSums;
use protocol::{GAPS, LANES, Micros};

/// Most that filling all open orders may cost an account in one underlying, micro-USDC.
const COST_MAX: Micros = 1 << 58;

/// Sums over the instruments of one underlying. Adding an exposure and taking the same one away at the same mark are
/// exact inverses in any order, so a cache may be kept up to date instrument by instrument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    pub(crate) lanes: LaneSums,
    pub(crate) series: SeriesSums,
    pub(crate) totals: Totals,
}

/// Plain totals of the exposures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Cost of filling all open orders, micro-USDC.
    pub order_cost: Micros,
    /// Bound of every lane and gap, micro-USDC.
    reach: i64,
    members: u32,
}

impl Totals {
    /// With `reach`, `cost` and `members` added; what is taken away is negative.
    pub fn with(self, reach: i64, cost: Micros, members: i32) -> Checked<Self> {
        let within = |total: i64, more: i64, limit: i64| {
            let sum = add(total, more)?;
            if sum > limit { Err(Overflow) } else { Ok(sum) }
        };
        Ok(Self {
            order_cost: within(self.order_cost, cost, COST_MAX)?,
            reach: within(self.reach, reach, REACH_MAX)?,
            members: self.members.checked_add_signed(members).expect("what is taken away was added"),
        })
    }
}

impl Sums {
    /// No exposure.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes everything away; what was allocated stays for the next use.
    pub fn clear(&mut self) {
        self.lanes = LaneSums::default();
        self.series.clear();
        self.totals = Totals::default();
    }

    /// Adds an exposure; each instrument is added once.
    ///
    /// # Errors
    /// [`Overflow`] when a number does not fit, or positions and orders together could make more than 2^58
    /// micro-USDC in some lane. The sums are then unchanged.
    pub fn add(&mut self, instrument: &InstrumentRisk<'_>, exposure: &Exposure) -> Checked<()> {
        self.exchange(instrument, &Exposure::default(), exposure, 1)
    }

    /// Takes away an exposure that was added at the same mark.
    ///
    /// # Errors
    /// [`Overflow`] as in [`Self::add`]: never for what was added.
    ///
    /// # Panics
    /// When the exposure is none that was added.
    pub fn remove(&mut self, instrument: &InstrumentRisk<'_>, exposure: &Exposure) -> Checked<()> {
        self.exchange(instrument, exposure, &Exposure::default(), -1)
    }

    /// Puts `new` in the place of `old`, which was added at the same mark: as [`Self::remove`] and [`Self::add`] do, but
    /// what both have in common is left alone.
    ///
    /// # Errors
    /// [`Overflow`] as in [`Self::add`]; the sums are then unchanged.
    ///
    /// # Panics
    /// When `old` is none that was added.
    pub fn replace(
        &mut self,
        instrument: &InstrumentRisk<'_>,
        old: &Exposure,
        new: &Exposure,
    ) -> Checked<()> {
        self.exchange(instrument, old, new, 0)
    }

    /// From `old` to `new`, by which there are so many `members` more.
    fn exchange(
        &mut self,
        instrument: &InstrumentRisk<'_>,
        old: &Exposure,
        new: &Exposure,
        members: i32,
    ) -> Checked<()> {
        let (old, new) = (Priced::new(instrument, old)?, Priced::new(instrument, new)?);
        let peak = peak(instrument.risk);
        let reach = reach(instrument, peak, new.exposure)? - reach(instrument, peak, old.exposure)?;
        let totals = self.totals.with(reach, new.cost()? - old.cost()?, members)?;
        self.series.apply(instrument, &new.exposure.change_from(old.exposure)?, members)?;
        self.lanes.exchange(instrument, &old, &new);
        self.totals = totals;
        Ok(())
    }

    /// Whether nothing is in the sums.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.totals.members == 0
    }

    /// P&L of the positions by lane, micro-USDC.
    #[must_use]
    pub fn lanes(&self) -> [Micros; LANES] {
        std::array::from_fn(|lane| self.lanes.positions[lane])
    }

    /// What open orders add to each lane at their worst, micro-USDC.
    #[must_use]
    pub fn order_lanes(&self) -> [Micros; LANES] {
        std::array::from_fn(|lane| self.lanes.orders[lane])
    }

    /// Gap charge of the positions by cell, micro-USDC.
    #[must_use]
    pub fn gaps(&self) -> &[Micros; GAPS] {
        &self.lanes.gaps
    }
}
