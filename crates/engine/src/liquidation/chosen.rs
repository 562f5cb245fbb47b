//! Steps of calls and liquidations that somebody else chose, see [`crate::named`]: each is done as the engine does it
//! where it chooses itself.

use super::Liquidation;
use super::calls::cause_of;
use super::moves::Lots;
use crate::named::StepFault;
use crate::numbers::{add, sub};
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{AssetId, Command, Event, InstrumentId, OrderId, USDC, UnderlyingId};
use std::collections::BTreeSet;

/// How far a command has come by steps that somebody chose.
#[derive(Debug)]
pub(crate) struct Course {
    /// The underlying that gave cause to look, as in [`cause_of`].
    cause: Option<UnderlyingId>,
    /// Whether it is a bid, which may end one liquidation.
    of_bid: bool,
    /// Slices so far.
    slices: u16,
    /// Places of the accounts that were deleveraged.
    deleveraged: BTreeSet<usize>,
}

impl Course {
    /// At the beginning of a command.
    pub fn of(command: &Command) -> Self {
        let of_bid = matches!(command, Command::LiquidationBid(_));
        Self { cause: cause_of(command), of_bid, slices: 0, deleveraged: BTreeSet::new() }
    }

    /// Whether steps of the command are somebody's choice.
    pub fn leaves_choices(&self) -> bool {
        self.cause.is_some() || self.of_bid
    }
}

impl Engine {
    /// Takes a step of a call or a liquidation that somebody chose. Nothing happens where there is nothing to do.
    pub(crate) fn take_risk_step<O: StepObserver>(
        &mut self,
        course: &mut Course,
        action: StepAction,
        subject: &Subject,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), StepFault> {
        let place = self.account_place(subject.account).map_err(|_| StepFault::Idle)?;
        match (action, &self.accounts[place].liquidation) {
            (StepAction::MarginCall, _) => {
                let (standing, level) = self.call_level(place)?;
                self.set_call(place, level, &standing, events, steps);
            }
            (StepAction::LiquidationStart, None) => {
                let standing = self.standing_of(place)?;
                self.start(place, course.cause.unwrap_or(0), &standing, events, steps)?;
            }
            // A round that is not due would go on for ever, and the contract takes none.
            (StepAction::LiquidationRound, Some(running)) if running.due <= self.globals.time => {
                self.begin_round(place, steps);
            }
            (StepAction::LiquidationEnd, Some(_)) => {
                let deleveraged = course.deleveraged.contains(&place);
                self.end_at_aim(place, deleveraged, events, steps)?;
            }
            // Its next round is due behind now, so it was begun.
            (_, Some(Liquidation { due, .. })) if *due >= self.globals.time => {
                self.take_step_of_round(course, place, action, subject, events, steps)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a step of a round that was begun.
    fn take_step_of_round<O: StepObserver>(
        &mut self,
        course: &mut Course,
        place: usize,
        action: StepAction,
        subject: &Subject,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), StepFault> {
        let Subject { other, instrument, amount, .. } = *subject;
        match action {
            StepAction::LiquidationStage => self.open_auction(place, events, steps)?,
            StepAction::LiquidationSlice => {
                let Some(id) = self.listed(instrument) else { return Ok(()) };
                self.trade_chosen_slice(place, id, amount, course.slices, events, steps)?;
                // Numbers end there; nobody looks an order up by one.
                course.slices = (course.slices + 1).min(OrderId::PER_COMMAND as u16 - 1);
            }
            StepAction::Deleverage => {
                let (Some(other), Some(id)) = (self.other_place(place, other), self.listed(instrument))
                else {
                    return Ok(());
                };
                if amount != 0 {
                    let lots = Lots { instrument: id, lots: amount };
                    self.take_off_chosen(place, other, lots, events, steps)?;
                    course.deleveraged.insert(place);
                }
            }
            StepAction::Insurance if amount > 0 => {
                let amount = self.insurable(place, amount)?;
                add(self.accounts[place].cash, amount)?;
                self.insure(place, amount, events, steps);
            }
            StepAction::DeleverageCharge if amount > 0 => {
                let Some(other) = self.other_place(place, other) else { return Ok(()) };
                let asset = AssetId::try_from(instrument).unwrap_or(AssetId::MAX);
                self.charge_chosen(place, other, asset, amount, events, steps)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A counterparty pays cash, or gets an asset, of which there is as much.
    fn charge_chosen<O: StepObserver>(
        &mut self,
        place: usize,
        other: usize,
        asset: AssetId,
        amount: i64,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), StepFault> {
        let [account, counterparty] = [place, other].map(|place| self.accounts[place].balance(asset));
        if asset == USDC {
            add(account, amount)?;
            sub(counterparty, amount)?;
            self.charge_cash(place, other, amount, events, steps);
            self.say_charged(place, amount, events);
        } else if amount <= account {
            add(counterparty, amount)?;
            self.hand_out(place, other, asset, amount, events, steps);
        }
        Ok(())
    }

    /// The place of another account than the one at `place`.
    fn other_place(&self, place: usize, id: u64) -> Option<usize> {
        self.account_place(id).ok().filter(|&other| other != place)
    }

    /// The instrument with an id, if there is one.
    fn listed(&self, id: u64) -> Option<InstrumentId> {
        let id = InstrumentId::try_from(id).ok()?;
        self.instrument_place(id).ok().map(|_| id)
    }
}
