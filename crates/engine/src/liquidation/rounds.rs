//! Rounds: how liquidations advance, a bounded piece at a time, the worst first.

use super::{Liquidation, LiquidationStage};
use crate::numbers::{Checked, mul_div_floor};
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{
    AuctionOpened, Event, LiquidationEnded, LiquidationOutcome, NANO_ONE, Nanos, Parameter, SubaccountId,
};
use std::cmp::Reverse;

/// Liquidations that one command advances.
pub const ROUND_ACCOUNTS: usize = 16;
/// Slices that one command trades in the book.
pub const ROUND_SLICES: u16 = 32;

impl Engine {
    /// When the next round of some liquidation is due; a clock then, or a mark, advances it. None while there is no
    /// liquidation but such as are frozen.
    #[must_use]
    pub fn liquidation_due(&self) -> Option<Nanos> {
        let free = self.watch.running().filter(|&place| !self.is_frozen(place));
        free.map(|place| self.liquidation(place).due).min()
    }

    /// Subaccounts in liquidation, ascending.
    pub fn liquidations(&self) -> impl ExactSizeIterator<Item = (SubaccountId, &Liquidation)> + '_ {
        self.watch.running().map(|place| (self.accounts[place].id, self.liquidation(place)))
    }

    pub(super) fn liquidation(&self, place: usize) -> &Liquidation {
        self.accounts[place].liquidation.as_ref().expect("only running liquidations are advanced")
    }

    pub(super) fn liquidation_mut(&mut self, place: usize) -> &mut Liquidation {
        self.tracker.account(self.accounts[place].id);
        self.accounts[place].liquidation.as_mut().expect("only running liquidations are advanced")
    }

    /// Advances what is due, the largest shortfall of maintenance margin first.
    pub(super) fn run_rounds<O: StepObserver>(&mut self, events: &mut Vec<Event>, steps: &mut O) {
        let time = self.globals.time;
        let due = self
            .watch
            .running()
            .filter(|&place| self.liquidation(place).due <= time && !self.is_frozen(place));
        let shortfall = |place| {
            let standing = self.standing_of(place).ok()?;
            Some((Reverse(i128::from(standing.maintenance) - i128::from(standing.equity)), place))
        };
        let mut due: Vec<_> = due.filter_map(shortfall).collect();
        due.sort_unstable();
        let mut slices = 0;
        for (_, place) in due.into_iter().take(ROUND_ACCOUNTS) {
            if slices >= ROUND_SLICES {
                break;
            }
            // Numbers that stopped fitting leave the rest of the round to the next one.
            let _ = self.advance(place, &mut slices, events, steps);
        }
    }

    /// One round of one liquidation.
    fn advance<O: StepObserver>(
        &mut self,
        place: usize,
        slices: &mut u16,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        self.begin_round(place, steps);
        if self.end_if_over(place, false, events, steps)? {
            return Ok(());
        }
        if self.liquidation(place).stage == LiquidationStage::Book && self.belongs_in_book(place)? {
            let helped = self.trade_slices(place, slices, events, steps)?;
            if self.end_if_over(place, false, events, steps)? || helped {
                return Ok(());
            }
        }
        self.open_auction(place, events, steps)?;
        if self.auction_failed(place)? {
            let deleveraged = self.deleverage(place, events, steps)?;
            self.end_if_over(place, deleveraged, events, steps)?;
        }
        Ok(())
    }

    /// Begins a round, and sets when the next one is due. A round later than marks may be old means that nobody could bid
    /// meanwhile: its delay does not count as time of the auction.
    pub(super) fn begin_round<O: StepObserver>(&mut self, place: usize, steps: &mut O) {
        let [interval, staleness] = [Parameter::LiquidationInterval, Parameter::MarkStaleness]
            .map(|parameter| self.parameters.get(parameter).unsigned_abs());
        let time = self.globals.time;
        let liquidation = self.liquidation_mut(place);
        let late = time.saturating_sub(liquidation.due);
        if late > staleness {
            liquidation.opened += late;
        }
        liquidation.due = time.saturating_add(interval);
        self.stepped(steps, StepAction::LiquidationRound, Subject::account(self.accounts[place].id));
    }

    /// Whether the book is the place for an account: it is worth something, and enough is left of its margin.
    fn belongs_in_book(&self, place: usize) -> Checked<bool> {
        let standing = self.standing_of(place)?;
        let trigger =
            mul_div_floor(standing.maintenance, self.parameters.get(Parameter::AuctionTrigger), NANO_ONE)?;
        Ok(self.value_of(place)? > 0 && standing.equity >= trigger)
    }

    /// Opens the auction that fits the account's value, unless it is open.
    pub(super) fn open_auction<O: StepObserver>(
        &mut self,
        place: usize,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let value = self.value_of(place)?;
        let stage = if value > 0 { LiquidationStage::Auction } else { LiquidationStage::Insolvent };
        if self.liquidation(place).stage == stage {
            return Ok(());
        }
        let time = self.globals.time;
        let liquidation = self.liquidation_mut(place);
        (liquidation.stage, liquidation.opened) = (stage, time);
        let liquidation = liquidation.id;
        let (subaccount, insolvent) = (self.accounts[place].id, stage == LiquidationStage::Insolvent);
        events.push(AuctionOpened { liquidation, subaccount, insolvent, time, value }.into());
        self.stepped(steps, StepAction::LiquidationStage, Subject::account(subaccount));
        Ok(())
    }

    /// Whether an auction's time is over, the insurance fund cannot fill the hole, or there is nothing to sell.
    fn auction_failed(&self, place: usize) -> Checked<bool> {
        let liquidation = self.liquidation(place);
        let end = self.parameters.get(Parameter::AuctionEndTime).unsigned_abs();
        let hole = self.value_of(place)?.min(0).unsigned_abs();
        let over = self.globals.time - liquidation.opened >= end;
        let empty = self.accounts[place].is_flat() && self.collateral_held(place).next().is_none();
        Ok(over || empty || hole > self.insurance_left(liquidation).unsigned_abs())
    }

    /// Ends a liquidation that has reached its aim, and renews the call of its account. Says whether it is over.
    pub(super) fn end_if_over<O: StepObserver>(
        &mut self,
        place: usize,
        deleveraged: bool,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<bool> {
        let over = self.end_at_aim(place, deleveraged, events, steps)?;
        if over {
            self.renew_call(place, events, steps);
        }
        Ok(over)
    }

    /// Ends a liquidation that has reached its aim: initial margin by way of the book, the buffer above maintenance margin
    /// by auction, and no debt once nothing is left. Says whether it is over. `deleveraged`: counterparties were closed.
    pub(super) fn end_at_aim<O: StepObserver>(
        &mut self,
        place: usize,
        deleveraged: bool,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<bool> {
        let standing = self.standing_of(place)?;
        let account = &self.accounts[place];
        let flat = account.is_flat();
        let liquidation = *self.liquidation(place);
        let aim = match liquidation.stage {
            LiquidationStage::Book => standing.is_maintained() && standing.initial_equity >= standing.initial,
            LiquidationStage::Auction | LiquidationStage::Insolvent => {
                standing.equity >= self.buffered(standing.maintenance)?
            }
        };
        if !aim || (flat && account.cash < 0) {
            return Ok(false);
        }
        let outcome = match (deleveraged, flat, liquidation.insurance) {
            (true, ..) => LiquidationOutcome::Deleveraged,
            (_, _, 1..) => LiquidationOutcome::Insured,
            (_, true, _) => LiquidationOutcome::Closed,
            (_, false, _) => LiquidationOutcome::Recovered,
        };
        self.end(place, outcome, events, steps);
        Ok(true)
    }

    /// Ends a liquidation.
    fn end<O: StepObserver>(
        &mut self,
        place: usize,
        outcome: LiquidationOutcome,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let liquidation = self.liquidation_mut(place).id;
        self.accounts[place].liquidation = None;
        self.watch.set_running(place, false);
        let subaccount = self.accounts[place].id;
        events.push(LiquidationEnded { liquidation, subaccount, outcome }.into());
        self.stepped(steps, StepAction::LiquidationEnd, Subject::account(subaccount));
    }
}
