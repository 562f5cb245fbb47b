//! Slices: small orders in the book, each the one that mends most for what it costs.

use super::NOTIONAL_DIVISOR;
use crate::accounts::Account;
use crate::matching::Taker;
use crate::numbers::{Checked, add, mul_div_ceil, narrow, sub};
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{
    BalanceReason, CloseReason, Event, InstrumentId, LiquidationSlice, Micros, NANO_ONE, OrderId, Parameter,
    PostOnly, SelfTrade, Side, USDC,
};

/// Slices of one liquidation in one round, each in another instrument.
pub const SLICES_PER_ROUND: usize = 4;

/// An order that would help.
struct Candidate {
    taker: Taker,
    /// By how much equity less maintenance margin would rise.
    gain: i128,
    /// What the account would lose of its mark value, at least 1.
    cost: i128,
}

impl Candidate {
    /// Whether it mends more for what it costs than `other`.
    fn beats(&self, other: &Self) -> bool {
        match (self.gain.checked_mul(other.cost), other.gain.checked_mul(self.cost)) {
            (Some(this), Some(that)) => this > that,
            _ => self.gain / self.cost > other.gain / other.cost,
        }
    }
}

impl Engine {
    /// Trades up to [`SLICES_PER_ROUND`] slices of an account in liquidation; says whether any helped.
    pub(super) fn trade_slices<O: StepObserver>(
        &mut self,
        place: usize,
        slices: &mut u16,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<bool> {
        let mut done: Vec<InstrumentId> = Vec::new();
        while done.len() < SLICES_PER_ROUND && *slices < super::rounds::ROUND_SLICES {
            let standing = self.standing_of(place)?;
            if standing.is_maintained() && standing.initial_equity >= standing.initial {
                break;
            }
            let Some(best) = self.best_slice(place, &done, *slices)? else { break };
            done.push(self.instruments[best.taker.instrument].terms.instrument);
            *slices += 1;
            self.trade_slice(best.taker, events, steps)?;
        }
        Ok(!done.is_empty())
    }

    /// The best order among the account's positions, those in `done` left out.
    fn best_slice(&self, place: usize, done: &[InstrumentId], slices: u16) -> Checked<Option<Candidate>> {
        let before = self.excess_of(&self.accounts[place])?;
        let value = self.mark_value_of(&self.accounts[place])?;
        let mut best: Option<Candidate> = None;
        let positions = self.accounts[place].holdings().filter(|holding| holding.position != 0);
        for holding in positions.filter(|holding| !done.contains(&holding.instrument)) {
            let Some(taker) = self.slice_order(place, holding.instrument, holding.position, slices) else {
                continue;
            };
            let Ok(Some(after)) = self.after_slice(&taker) else { continue };
            let (Ok(excess), Ok(left)) = (self.excess_of(&after), self.mark_value_of(&after)) else {
                continue;
            };
            let gain = i128::from(excess) - i128::from(before);
            let cost = (i128::from(value) - i128::from(left)).max(1);
            let candidate = Candidate { taker, gain, cost };
            if gain > 0 && best.as_ref().is_none_or(|best| candidate.beats(best)) {
                best = Some(candidate);
            }
        }
        Ok(best)
    }

    /// The order that would reduce a position: at most its slice, at most what stands in the book within the limit.
    fn slice_order(&self, place: usize, id: InstrumentId, position: i64, slices: u16) -> Option<Taker> {
        let mut taker = self.largest_slice(place, id, position, slices)?;
        let mut there = 0;
        let levels = self.books.levels(id, taker.side.opposite());
        for level in levels.take_while(|level| taker.crosses(level.price)) {
            there = taker.lots.min(level.lots.saturating_add(there));
            if there == taker.lots {
                break;
            }
        }
        taker.lots = there;
        (there > 0).then_some(taker)
    }

    /// The order that would reduce a position by its slice, whatever stands in the book.
    fn largest_slice(&self, place: usize, id: InstrumentId, position: i64, slices: u16) -> Option<Taker> {
        let instrument = id as usize - 1;
        self.check_tradable(instrument).ok()?;
        self.check_marks_sound(usize::from(self.instruments[instrument].terms.underlying) - 1).ok()?;
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let limit = self.slice_limit(instrument, side).ok()?;
        let terms = &self.instruments[instrument].terms;
        let share = self.parameters.get(Parameter::LiquidationSlice);
        let most = crate::admission::ORDER_LOTS_MAX.min(i64::MAX / terms.lot_size);
        let wanted = mul_div_ceil(share, position.checked_abs()?, NANO_ONE).ok()?.min(most);
        Some(Taker {
            order: OrderId::new(self.globals.sequence, slices),
            account: place,
            owner: self.accounts[place].owner,
            instrument,
            side,
            limit,
            lots: wanted,
            filled: 0,
            max_fee: i64::MAX,
            valid_until: 0,
            self_trade: SelfTrade::CancelOldest,
            post_only: PostOnly::No,
            reduce_only: true,
            market: false,
            rests: false,
            fill_or_kill: false,
            liquidation: self.liquidation(place).id,
            cash: 0,
        })
    }

    /// The worst price of a slice, ticks.
    fn slice_limit(&self, instrument: usize, side: Side) -> Checked<i64> {
        let instrument = &self.instruments[instrument];
        let terms = &instrument.terms;
        let base = terms.mark.max(instrument.mark_index / 1_000 / 100);
        let width = mul_div_ceil(self.parameters.get(Parameter::LiquidationPriceLimit), base, NANO_ONE)?;
        Ok(match side {
            Side::Buy => add(terms.mark, width)?.div_euclid(terms.tick_size),
            Side::Sell => (sub(terms.mark, width)?.max(1) - 1) / terms.tick_size + 1,
        })
    }

    /// The account after an order, its fees paid; `None` when nothing would trade.
    fn after_slice(&self, taker: &Taker) -> Checked<Option<Account>> {
        let rehearsal = self.rehearsed(taker);
        if rehearsal.lots == 0 {
            return Ok(None);
        }
        let fee = self.liquidation_fee(taker.instrument, rehearsal.lots, rehearsal.cash)?;
        add(self.globals.insurance, fee)?;
        let mut after = rehearsal.account;
        after.cash = sub(after.cash, fee)?;
        Ok(Some(after))
    }

    /// Fee of a slice, micro-USDC, rounded up: a share of the index notional; of options at most the fee cap's share of
    /// the premium.
    fn liquidation_fee(&self, instrument: usize, lots: i64, cash: Micros) -> Checked<Micros> {
        let instrument = &self.instruments[instrument];
        let amount = i128::from(lots) * i128::from(instrument.terms.lot_size);
        let product = amount.checked_mul(instrument.mark_index.into()).ok_or(crate::numbers::Overflow)?;
        let notional = narrow(product.div_euclid(NOTIONAL_DIVISOR))?;
        let fee = mul_div_ceil(notional, self.parameters.get(Parameter::LiquidationFee), NANO_ONE)?;
        match instrument.terms.fee_cap {
            Some(share) => Ok(fee.min(mul_div_ceil(share, cash, NANO_ONE)?)),
            None => Ok(fee),
        }
    }

    /// Trades a slice that somebody chose, if the position bears it. `slices`: how many there were before.
    pub(super) fn trade_chosen_slice<O: StepObserver>(
        &mut self,
        place: usize,
        id: InstrumentId,
        lots: i64,
        slices: u16,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let position = self.accounts[place].holding(id).map_or(0, |holding| holding.position);
        if position == 0 {
            return Ok(());
        }
        let Some(mut taker) = self.largest_slice(place, id, position, slices) else { return Ok(()) };
        if !(1..=taker.lots).contains(&lots) {
            return Ok(());
        }
        taker.lots = lots;
        self.after_slice(&taker)?;
        self.trade_slice(taker, events, steps)
    }

    /// Trades a slice that was rehearsed.
    fn trade_slice<O: StepObserver>(
        &mut self,
        mut taker: Taker,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let place = taker.account;
        self.refresh(place)?;
        let subaccount = self.accounts[place].id;
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let subject = Subject { amount: taker.lots, ..Subject::position(subaccount, instrument) };
        self.stepped_with(steps, StepAction::LiquidationSlice, subject, &taker);
        let stopped = self.match_order(&mut taker, events, steps);
        let reason = match stopped {
            _ if taker.lots == 0 => CloseReason::Filled,
            Some(reason) => reason,
            None => CloseReason::Unfilled,
        };
        self.end_incoming(&taker, reason, events);
        let paid = self.pay_liquidation_fee(&taker, events);
        self.stepped(steps, StepAction::Finish, Subject::NONE);
        let slice = LiquidationSlice {
            liquidation: taker.liquidation,
            subaccount,
            instrument,
            side: taker.side,
            limit: taker.limit,
            lots: taker.filled,
            cash: -taker.side.sign() * taker.cash,
            fee: paid?,
        };
        events.push(slice.into());
        Ok(())
    }

    /// Moves the fee of what a slice traded into the insurance fund; says how much it is.
    fn pay_liquidation_fee(&mut self, taker: &Taker, events: &mut Vec<Event>) -> Checked<Micros> {
        let fee = self.liquidation_fee(taker.instrument, taker.filled, taker.cash)?;
        if fee != 0 {
            self.globals.insurance = add(self.globals.insurance, fee)?;
            self.credit(taker.account, USDC, -fee, BalanceReason::Liquidation, events);
        }
        Ok(fee)
    }
}
