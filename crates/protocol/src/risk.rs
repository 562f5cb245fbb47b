//! Tables of the margin model: what governs the scenarios and the margin of an underlying, what an asset counts for
//! as collateral, and how a table is replaced after a delay.
//!
//! Rates are fixed point 1e-9. `docs/protocol/marks.md` says how scenarios use them, `docs/engine.md` how margin does.

use crate::primitives::{Nanos, UnderlyingId};
use crate::wire::{CodecError, Reader, Wire};

wire_enum! {
    /// How a subaccount is margined.
    pub enum MarginModel {
        /// Each instrument by itself.
        Standard = 0 => "standard",
        /// The whole portfolio by scenario lanes.
        Portfolio = 1 => "portfolio",
    }
}

wire_struct! {
    /// What the lanes of an underlying are made with. Each 1e-9.
    #[derive(Copy)]
    pub struct ScenarioParameters {
        /// Price range R of the nodes, share of the index.
        pub range: i64,
        /// Rise of the vol at 30 days, share of it.
        pub vol_up: i64,
        /// Fall of the vol at 30 days, share of it.
        pub vol_down: i64,
        /// Exponent of 30 days over the days left, below 30 days.
        pub power_short: i64,
        /// The same from 30 days on.
        pub power_long: i64,
        /// Least vol of the vol-up row.
        pub vol_floor: i64,
        /// Skew lane: change of the vol per unit of k = ln(K/F) at 30 days.
        pub skew_linear: i64,
        /// Skew lane: change of the vol per unit of |k| at 30 days.
        pub skew_absolute: i64,
        /// Term lanes: change of the vol at the front, share of it.
        pub term_front: i64,
        /// Term lanes: opposite change at the back, share of it.
        pub term_back: i64,
    }
}

wire_struct! {
    /// How the lanes of an underlying become margin. Shares are of the index unless said otherwise, 1e-9.
    #[derive(Copy)]
    pub struct MarginParameters {
        /// Maintenance margin, share of the initial margin of the positions alone.
        pub maintenance_share: i64,
        /// Basis: least move of a forward against the index, share of it.
        pub basis_min_move: i64,
        /// Basis: rate a of the move e^(aT) − 1, per year.
        pub basis_rate: i64,
        /// Floor per contract net short of one strike and expiry.
        pub short_floor: i64,
        /// The same on its last day.
        pub short_floor_last_day: i64,
        /// Net delta that moves the index by `delta_impact`, 1e-8 contracts.
        pub delta_depth: i64,
        /// Impact of closing `delta_depth`.
        pub delta_impact: i64,
        /// Net vega that moves the vol by `vega_impact`, micro-USDC per vol point.
        pub vega_depth: i64,
        /// Impact of closing `vega_depth`, vol points.
        pub vega_impact: i64,
        /// Net position in one strike and expiry that is free of the strike add-on, 1e-8 contracts.
        pub strike_depth: i64,
        /// Impact of closing as much again.
        pub strike_impact: i64,
        /// Cap of each impact.
        pub impact_max: i64,
        /// Add-on for an uncertain index, in half-widths of its confidence on the net delta.
        pub confidence_multiplier: i64,
    }
}

wire_struct! {
    /// Everything that the portfolio margin of one underlying depends on, beside marks and positions.
    #[derive(Copy)]
    pub struct RiskParameters {
        /// The scenarios.
        pub scenario: ScenarioParameters,
        /// The margin.
        pub margin: MarginParameters,
    }
}

wire_struct! {
    /// A risk table of an underlying, with its number.
    #[derive(Copy)]
    pub struct RiskTable {
        /// Number of the table, from 1; a table that was replaced before it became active keeps its number.
        pub version: u32,
        /// What it says.
        pub parameters: RiskParameters,
    }
}

wire_struct! {
    /// What an asset counts for as collateral. Shares 1e-9, caps 1e-8 units of the asset.
    #[derive(Copy)]
    pub struct CollateralTerms {
        /// The underlying whose index prices one whole unit.
        pub price_underlying: UnderlyingId,
        /// The underlying in whose lanes the asset moves; 0: in none.
        pub scenario_underlying: UnderlyingId,
        /// Share of the value that initial margin does not count.
        pub haircut_initial: i64,
        /// Share of the value that maintenance margin does not count.
        pub haircut_maintenance: i64,
        /// Add-on against a break of the peg, share of the value.
        pub depeg: i64,
        /// Most that one subaccount may count.
        pub account_cap: i64,
        /// Most that all subaccounts together may count.
        pub venue_cap: i64,
    }
}

/// A table that is replaced after a delay: the active one, and the one that follows.
///
/// The next one counts from the first mark on whose oracle time is not before its `effective` time. That makes the
/// table of a mark a pure function of its inputs, [`Self::at`], whoever asks and however late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled<T> {
    active: Option<T>,
    next: Option<(Nanos, T)>,
}

impl<T> Default for Scheduled<T> {
    fn default() -> Self {
        Self { active: None, next: None }
    }
}

impl<T> Scheduled<T> {
    /// The active table.
    #[must_use]
    pub fn active(&self) -> Option<&T> {
        self.active.as_ref()
    }

    /// The table that follows, with its effective time.
    #[must_use]
    pub fn next(&self) -> Option<&(Nanos, T)> {
        self.next.as_ref()
    }

    /// The table of a mark with oracle time `time`, not before that of the last mark.
    #[must_use]
    pub fn at(&self, time: Nanos) -> Option<&T> {
        match &self.next {
            Some((effective, table)) if *effective <= time => Some(table),
            _ => self.active(),
        }
    }

    /// Makes `table` the one that follows from `effective` on, in place of any other that waits.
    pub fn schedule(&mut self, effective: Nanos, table: T) {
        self.next = Some((effective, table));
    }

    /// Makes the table that waits the active one if a mark with oracle time `time` is not before it, and returns it.
    pub fn activate(&mut self, time: Nanos) -> Option<&T> {
        let (_, table) = self.next.take_if(|(effective, _)| *effective <= time)?;
        Some(self.active.insert(table))
    }
}

impl<T: Wire> Wire for Scheduled<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.active.put(out);
        self.next.is_some().put(out);
        if let Some((effective, table)) = &self.next {
            effective.put(out);
            table.put(out);
        }
    }
    fn take(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let active = Wire::take(reader)?;
        let next = if bool::take(reader)? { Some((Wire::take(reader)?, T::take(reader)?)) } else { None };
        Ok(Self { active, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_waits_for_a_mark_at_its_time() {
        let mut tables = Scheduled::default();
        assert_eq!(tables.at(9), None);
        assert_eq!(tables.activate(9), None);
        tables.schedule(10, 'a');
        assert_eq!((tables.at(9), tables.at(10), tables.active()), (None, Some(&'a'), None));
        assert_eq!(tables.activate(9), None);
        assert_eq!(tables.activate(12), Some(&'a'));
        assert_eq!((tables.active(), tables.next()), (Some(&'a'), None));
        assert_eq!(tables.activate(99), None);

        tables.schedule(20, 'b');
        tables.schedule(30, 'c');
        assert_eq!((tables.at(29), tables.at(30)), (Some(&'a'), Some(&'c')));
    }

    #[test]
    fn tables_decode_to_themselves() {
        let mut tables = Scheduled::<u32>::default();
        for effective in [3, 8] {
            assert_eq!(Scheduled::from_bytes(&tables.to_bytes()), Ok(tables));
            tables.schedule(effective, 7);
            assert_eq!(Scheduled::from_bytes(&tables.to_bytes()), Ok(tables));
            tables.activate(effective);
        }
    }
}
