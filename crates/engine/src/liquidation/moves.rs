//! Positions and collateral that change hands outside of the book, worked out on copies first.
//!
//! A leg moves at the mark: whoever gives it gets its value, like in a fill without fees, so that nobody's wealth changes
//! by it. What a transfer costs is paid in cash beside it.

use crate::accounts::Account;
use crate::fills::{Leg, LegSide};
use crate::numbers::{Checked, Overflow, add, narrow, sub, wide_mul};
use crate::setting::Setting;
use crate::state::Engine;
use crate::terms::Terms;
use protocol::{CONTRACT, Event, InstrumentId, Micros, Side};

/// Lots of one instrument on their way: positive when the taker buys them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lots {
    pub instrument: InstrumentId,
    pub lots: i64,
}

/// One instrument's part of a transfer, with both accounts as it leaves them.
#[derive(Debug, Clone)]
pub(super) struct MovedLeg {
    pub lots: Lots,
    /// Mark, micro-USDC per contract.
    pub price: Micros,
    /// Value of the lots at it, from taker to giver; negative when the taker takes a short position.
    pub cash: Micros,
    giver: Leg,
    taker: Leg,
}

/// Two accounts as a transfer leaves them, and its legs in order.
#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub giver: Account,
    pub taker: Account,
    pub legs: Vec<MovedLeg>,
}

impl Transfer {
    /// Nothing moved yet.
    pub fn new(setting: &Setting<'_>, giver: &Account, taker: &Account) -> Checked<Self> {
        let mut transfer = Self { giver: giver.clone(), taker: taker.clone(), legs: Vec::new() };
        transfer.refresh(setting)?;
        Ok(transfer)
    }

    /// Makes the sums of both accounts true.
    fn refresh(&mut self, setting: &Setting<'_>) -> Checked<()> {
        self.giver.refresh(setting)?;
        self.taker.refresh(setting)
    }

    /// Moves lots at the mark.
    pub fn move_lots(&mut self, setting: &Setting<'_>, lots: Lots) -> Checked<()> {
        let (terms, funding_index) = setting.terms(lots.instrument);
        let size = lots.lots.checked_abs().ok_or(Overflow)?;
        let value = mark_value(terms, size)?;
        let side = if lots.lots > 0 { Side::Buy } else { Side::Sell };
        let trade = LegSide { side, lots: size, cash: value, fee: 0 };
        let taker = Leg::new(&self.taker, terms, funding_index, trade, None)?;
        let trade = LegSide { side: side.opposite(), ..trade };
        let giver = Leg::new(&self.giver, terms, funding_index, trade, None)?;
        self.taker.take_leg(&taker, setting);
        self.giver.take_leg(&giver, setting);
        self.refresh(setting)?;
        self.legs.push(MovedLeg { lots, price: terms.mark, cash: side.sign() * value, giver, taker });
        Ok(())
    }
}

/// Value of `size` lots at the mark, micro-USDC, rounded down: the same number for both sides.
fn mark_value(terms: &Terms, size: i64) -> Checked<Micros> {
    let value = wide_mul(i128::from(size) * i128::from(terms.mark), terms.lot_size)?;
    narrow(value / i128::from(CONTRACT))
}

impl Engine {
    /// Whether the sums of the venue bear a transfer.
    pub(super) fn check_transfer_fits(&self, transfer: &Transfer) -> Checked<()> {
        let mut pool = self.globals.funding_pool;
        for leg in &transfer.legs {
            pool = sub(sub(pool, leg.giver.funding)?, leg.taker.funding)?;
            let interest = self.instruments[leg.lots.instrument as usize - 1].open_interest;
            add(add(interest, leg.giver.interest())?, leg.taker.interest())?;
        }
        Ok(())
    }

    /// Makes a leg of a transfer, which was checked, come true; legs come in their order.
    pub(super) fn apply_leg(&mut self, transfer: &Transfer, leg: &MovedLeg, events: &mut Vec<Event>) {
        let instrument = leg.lots.instrument as usize - 1;
        self.globals.funding_pool -= leg.giver.funding + leg.taker.funding;
        self.instruments[instrument].open_interest += leg.giver.interest() + leg.taker.interest();
        for (id, leg) in [(transfer.giver.id, &leg.giver), (transfer.taker.id, &leg.taker)] {
            let place = id as usize - 1;
            // As it was on the copies, where it fitted.
            let _ = self.refresh(place);
            self.store_leg(place, instrument, leg, events);
        }
    }
}
