//! Orders under one market-maker protection: together they fill at most so many lots.

use crate::instrument::{Exposure, InstrumentRisk, OpenLots};
use crate::lanes::{peak, reach, reversed};
use crate::numbers::{Checked, add, div_ceil, narrow};
use crate::states::{REVERSED_LANE, SKEW_LANE, WIDTH};
use crate::sums::Sums;
use protocol::{GAPS, LANES, Micros, Side};

/// Open orders of a group in one instrument.
#[derive(Debug, Clone, Copy)]
pub struct GroupMember<'a> {
    /// The instrument.
    pub instrument: InstrumentRisk<'a>,
    /// Open bids of the group.
    pub bids: OpenLots,
    /// Open offers of the group.
    pub offers: OpenLots,
}

/// The orders of a group.
#[derive(Debug, Clone, Copy)]
pub struct GroupOrders<'a> {
    /// Where the group has orders, each instrument once.
    pub members: &'a [GroupMember<'a>],
    /// Most lots, of all members and both sides together, that fill before the protection cancels the rest.
    pub maximum: i64,
}

/// One side of one member: what a fill of one lot costs, and how many may fill.
struct Item<'a> {
    instrument: &'a InstrumentRisk<'a>,
    side: Side,
    lots: i64,
    /// Cost against the mark of one lot, micro-USDC, rounded up.
    cost: Micros,
}

impl<'a> Item<'a> {
    fn new(instrument: &'a InstrumentRisk<'a>, side: Side, open: OpenLots, maximum: i64) -> Checked<Self> {
        let cost = div_ceil(open.cost(side, instrument)?.into(), open.lots.max(1).into())?;
        Ok(Self { instrument, side, lots: open.lots.min(maximum), cost })
    }

    /// Loss of one filled lot in a lane.
    fn loss(&self, lane: i64) -> i64 {
        let unit = i64::from(self.instrument.lane_unit);
        match self.side {
            Side::Buy => self.cost - lane * unit,
            Side::Sell => self.cost + (lane + 1) * unit,
        }
    }
}

impl GroupMember<'_> {
    /// The member as if it stood alone, with no more than the group may fill.
    fn exposure(&self, maximum: i64) -> Exposure {
        let within = |open: OpenLots| OpenLots { lots: open.lots.min(maximum), ..open };
        Exposure { position: 0, bids: within(self.bids), offers: within(self.offers) }
    }
}

/// What a group adds to the sums.
struct Bound {
    lanes: [i64; WIDTH],
    gaps: [i64; GAPS],
    cost: Micros,
    reach: i64,
}

impl Bound {
    /// In each lane the fills that lose most per lot come first, until the maximum is reached. Positions are summed
    /// apart: a fill that closes some of them only loses less than counted here.
    fn new(group: &GroupOrders<'_>) -> Checked<Self> {
        let mut items = Vec::with_capacity(2 * group.members.len());
        let mut reached = 0;
        for member in group.members {
            let peak = peak(member.instrument.risk);
            reached = add(reached, reach(&member.instrument, peak, &member.exposure(group.maximum))?)?;
            items.push(Item::new(&member.instrument, Side::Buy, member.bids, group.maximum)?);
            items.push(Item::new(&member.instrument, Side::Sell, member.offers, group.maximum)?);
        }
        let mut bound = Self { lanes: [0; WIDTH], gaps: [0; GAPS], cost: 0, reach: reached };
        bound.cost = most(items.iter().map(|item| (item.cost, item.lots)), group.maximum)?;
        for (at, sum) in bound.lanes.iter_mut().enumerate() {
            *sum = -most(items.iter().map(|item| (item.loss(lane_of(item, at)), item.lots)), group.maximum)?;
        }
        for (cell, sum) in bound.gaps.iter_mut().enumerate() {
            let charge = |item: &Item<'_>| {
                i64::from(item.instrument.risk.gaps[cell]) * i64::from(item.instrument.lane_unit)
            };
            let bids = items.iter().filter(|item| item.side == Side::Buy);
            *sum = most(bids.map(|item| (charge(item), item.lots)), group.maximum)?;
        }
        Ok(bound)
    }
}

/// Lane `at` of a sum.
fn lane_of(item: &Item<'_>, at: usize) -> i64 {
    let lanes = &item.instrument.risk.lanes;
    if at < LANES { lanes[at].into() } else { reversed(lanes[SKEW_LANE + at - REVERSED_LANE]) }
}

/// The most that fills of at most `maximum` lots lose, each item giving its loss per lot and its lots; at least 0.
fn most(items: impl Iterator<Item = (i64, i64)>, maximum: i64) -> Checked<i64> {
    let mut losing: Vec<(i64, i64)> = items.filter(|(loss, _)| *loss > 0).collect();
    losing.sort_unstable_by(|a, b| b.cmp(a));
    let (mut left, mut sum) = (i128::from(maximum), 0_i128);
    for (loss, lots) in losing {
        let filled = left.min(lots.into());
        sum += filled * i128::from(loss);
        left -= filled;
    }
    narrow(sum)
}

impl Sums {
    /// Adds the orders of a group, none of which is in any exposure: in every lane they lose at most what the worst
    /// fills of `maximum` lots lose. By expiry and by strike each member counts at its own lots or `maximum`, whichever
    /// is less.
    ///
    /// # Errors
    /// [`crate::Overflow`] as in [`Sums::add`]; the sums are then unchanged.
    pub fn add_group(&mut self, group: &GroupOrders<'_>) -> Checked<()> {
        self.apply_group(group, 1)
    }

    /// Takes away a group that was added at the same mark.
    ///
    /// # Errors
    /// [`crate::Overflow`] as in [`Sums::add`]: never for what was added.
    ///
    /// # Panics
    /// When the group is none that was added.
    pub fn remove_group(&mut self, group: &GroupOrders<'_>) -> Checked<()> {
        self.apply_group(group, -1)
    }

    fn apply_group(&mut self, group: &GroupOrders<'_>, sign: i32) -> Checked<()> {
        debug_assert!(group.maximum >= 0, "lots are counted, not signed");
        let bound = Bound::new(group)?;
        let mut next = self.clone();
        let factor = i64::from(sign);
        next.totals = next.totals.with(bound.reach * factor, bound.cost * factor, sign)?;
        for member in group.members {
            let (none, all) = (Exposure::default(), member.exposure(group.maximum));
            let (before, after) = if sign > 0 { (none, all) } else { (all, none) };
            next.series.apply(&member.instrument, &after.change_from(&before)?, sign)?;
        }
        let add_to = |sum: &mut i64, more: i64| *sum = sum.wrapping_add(more * factor);
        next.lanes.orders.iter_mut().zip(bound.lanes).for_each(|(sum, more)| add_to(sum, more));
        next.lanes.order_gaps.iter_mut().zip(bound.gaps).for_each(|(sum, more)| add_to(sum, more));
        *self = next;
        Ok(())
    }
}
