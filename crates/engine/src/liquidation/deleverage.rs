//! Auto-deleveraging: a portfolio that nobody takes is closed against those who stand on the other side.
//!
//! A counterparty is closed by a slice of its whole book in the underlying, so that what hedges it shrinks with what is
//! hedged: its worst lane falls in proportion, and whole lots are checked not to raise it. Positions of all accounts sum
//! to zero in every instrument, so closing everybody would close the portfolio: the slices stop as soon as it is flat.

use super::NOTIONAL_DIVISOR;
use super::book_of::{Book, Market, Whole, join, slice};
use super::moves::{Lots, Transfer};
use super::shortfall::{Bearer, divide};
use crate::numbers::{Checked, add, mul_div_ceil, mul_div_floor, narrow, sub};
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{AssetId, BalanceChanged, BalanceReason, Deleveraged, Event, Micros, NANO_ONE, USDC};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Rounds of slices of whole books before single positions are closed.
const PASSES: usize = 16;
/// Counterparties closed wholly before everybody is.
const LAST_RESORTS: usize = 32;

/// Notional closed with each counterparty so far, by its place, micro-USDC.
type Closed = BTreeMap<usize, Micros>;

/// What a slice must not do to a counterparty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// Raise its worst lane in the underlying or its maintenance margin.
    Margin,
    /// Raise its worst lane in the underlying: of a whole book that is nothing at all.
    Lanes,
}

/// A portfolio being closed in one underlying.
struct Closing<'a> {
    place: usize,
    market: &'a Market,
    /// What is left of it.
    book: Book,
    /// Whom it was closed against, in whatever underlying.
    closed: &'a mut Closed,
}

impl Engine {
    /// Closes every position of an account in liquidation, and divides its debt. Says whether counterparties were closed.
    /// Waits while something it holds has expired and is not settled; an underlying in doubt is left alone.
    pub(super) fn deleverage<O: StepObserver>(
        &mut self,
        place: usize,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<bool> {
        if self.awaits_settlement(place) {
            return Ok(false);
        }
        let mut closed = Closed::new();
        for underlying in 0..self.underlyings.len() {
            if self.is_doubtful(underlying) {
                continue;
            }
            let market = self.market_of(underlying);
            let book = self.book_of(place, &market);
            if !book.is_empty() {
                let closing = Closing { place, market: &market, book, closed: &mut closed };
                self.close_underlying(closing, events, steps);
            }
        }
        self.settle_debt(place, &closed, events, steps)?;
        Ok(!closed.is_empty())
    }

    /// Whole books in slices, then single positions, then whole books of those who stand in the way. Every step closes
    /// lots of a counterparty and opens none of its own, and a counterparty closed as a last resort holds nothing any
    /// more, so this ends; with everybody closed there is nothing left against which the portfolio could stand.
    fn close_underlying<O: StepObserver>(
        &mut self,
        mut closing: Closing<'_>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        for resort in 0..=LAST_RESORTS {
            self.close_slices(&mut closing, events, steps);
            self.close_positions(&mut closing, events, steps);
            let Some((&instrument, &lots)) = closing.book.first_key_value() else { return };
            if resort < LAST_RESORTS
                && let Some(&other) = self.against(&closing, instrument, lots).first()
            {
                self.close_whole(&mut closing, other, events, steps);
            }
        }
        for other in self.others_in(closing.market, closing.place) {
            self.close_whole(&mut closing, other, events, steps);
        }
    }

    /// Passes of one share for all who stand against the portfolio: the share that comes closest to closing it.
    fn close_slices<O: StepObserver>(
        &mut self,
        closing: &mut Closing<'_>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let mut whole = Whole::Down;
        for _ in 0..PASSES {
            if closing.book.is_empty() {
                return;
            }
            let (share, opposed) = self.opposed(closing);
            let mut progress = false;
            for other in opposed {
                let part = slice(&self.book_of(other, closing.market), share, whole);
                progress |= self.close_if_nearer(closing, other, &part, events, steps);
            }
            match (progress, whole) {
                (true, _) => {}
                (false, Whole::Down) => whole = Whole::Up,
                (false, Whole::Up) => return,
            }
        }
    }

    /// The accounts whose books stand against the portfolio, the most opposed first, and the share of all of them together
    /// that leaves least of it.
    fn opposed(&self, closing: &Closing<'_>) -> (i64, Vec<usize>) {
        let mut opposed = Vec::new();
        let mut together = Book::new();
        for other in self.others_in(closing.market, closing.place) {
            let book = self.book_of(other, closing.market);
            let against = -closing.market.product(&closing.book, &book);
            if against > 0 {
                opposed.push((Reverse(against), other));
                join(&mut together, &book, 1);
            }
        }
        opposed.sort_unstable();
        let against = -closing.market.product(&closing.book, &together);
        let square = closing.market.product(&together, &together).max(1);
        // Products of contracts have 93 bits at most, so this has 123.
        let share = (against * i128::from(NANO_ONE) + square - 1).div_euclid(square);
        let share = share.clamp(1, NANO_ONE.into()) as i64;
        (share, opposed.into_iter().map(|(_, other)| other).collect())
    }

    /// Closes a part of a counterparty's book if less of the portfolio is left by it.
    fn close_if_nearer<O: StepObserver>(
        &mut self,
        closing: &mut Closing<'_>,
        other: usize,
        part: &Book,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> bool {
        let mut after = closing.book.clone();
        join(&mut after, part, 1);
        let square = |book: &Book| closing.market.product(book, book);
        let nearer = square(&after) < square(&closing.book);
        !part.is_empty() && nearer && self.close_part(closing, other, part, Guard::Margin, events, steps)
    }

    /// Single positions, with whom that raises nothing.
    fn close_positions<O: StepObserver>(
        &mut self,
        closing: &mut Closing<'_>,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        for (instrument, _) in closing.book.clone() {
            let Some(&lots) = closing.book.get(&instrument) else { continue };
            for other in self.against(closing, instrument, lots) {
                let Some(&left) = closing.book.get(&instrument) else { break };
                let held = self.accounts[other].holding(instrument).map_or(0, |holding| holding.position);
                let size = left.unsigned_abs().min(held.unsigned_abs());
                // Not more than a position, which is 63 bits.
                let part = Book::from([(instrument, held.signum() * size as i64)]);
                self.close_part(closing, other, &part, Guard::Margin, events, steps);
            }
        }
    }

    /// Accounts with a position against `lots` of an instrument, the largest first.
    fn against(&self, closing: &Closing<'_>, instrument: u32, lots: i64) -> Vec<usize> {
        let holders = self.instruments[instrument as usize - 1].holders.iter();
        let others = holders.map(|&holder| holder as usize - 1).filter(|&holder| holder != closing.place);
        let mut against: Vec<_> = others
            .filter_map(|other| {
                let held = self.accounts[other].holding(instrument)?.position;
                (held.signum() == -lots.signum()).then_some((Reverse(held.unsigned_abs()), other))
            })
            .collect();
        against.sort_unstable();
        against.into_iter().map(|(_, other)| other).collect()
    }

    fn close_whole<O: StepObserver>(
        &mut self,
        closing: &mut Closing<'_>,
        other: usize,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let book = self.book_of(other, closing.market);
        self.close_part(closing, other, &book, Guard::Lanes, events, steps);
    }

    /// Closes a part of a counterparty's book against the portfolio, at the marks. Refused, with no change, when the guard
    /// forbids it or a number does not fit.
    fn close_part<O: StepObserver>(
        &mut self,
        closing: &mut Closing<'_>,
        other: usize,
        part: &Book,
        guard: Guard,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> bool {
        let Ok(Some((transfer, notional))) = self.closed_part(closing, other, part, guard) else {
            return false;
        };
        let total = closing.closed.entry(other).or_insert(0);
        *total = total.saturating_add(notional);
        join(&mut closing.book, part, 1);
        self.take_off(closing.place, &transfer, events, steps);
        true
    }

    /// Makes a transfer of what is taken off a counterparty come true, a leg a step.
    fn take_off<O: StepObserver>(
        &mut self,
        place: usize,
        transfer: &Transfer,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let liquidation = self.liquidation(place).id;
        let (subaccount, counterparty) = (transfer.giver.id, transfer.taker.id);
        for leg in &transfer.legs {
            self.apply_leg(transfer, leg, events);
            let Lots { instrument, lots } = leg.lots;
            let (price, cash) = (leg.price, leg.cash);
            let moved = Deleveraged { liquidation, subaccount, counterparty, instrument, lots, price, cash };
            events.push(moved.into());
            let subject =
                Subject { other: counterparty, amount: lots, ..Subject::position(subaccount, instrument) };
            self.stepped(steps, StepAction::Deleverage, subject);
        }
    }

    /// Takes lots that somebody chose off a counterparty. Nothing happens in an instrument that trades no more.
    pub(super) fn take_off_chosen<O: StepObserver>(
        &mut self,
        place: usize,
        other: usize,
        lots: Lots,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        if self.instruments[lots.instrument as usize - 1].has_expired(self.globals.time) {
            return Ok(());
        }
        let setting = self.setting();
        let mut transfer = Transfer::new(&setting, &self.accounts[place], &self.accounts[other])?;
        transfer.move_lots(&setting, lots)?;
        self.check_transfer_fits(&transfer)?;
        self.take_off(place, &transfer, events, steps);
        Ok(())
    }

    /// The transfer that closes a part of a counterparty's book, and its notional; `None` when the guard forbids it.
    fn closed_part(
        &self,
        closing: &Closing<'_>,
        other: usize,
        part: &Book,
        guard: Guard,
    ) -> Checked<Option<(Transfer, Micros)>> {
        let setting = self.setting();
        let mut transfer = Transfer::new(&setting, &self.accounts[closing.place], &self.accounts[other])?;
        let mut notional = 0;
        for (&instrument, &lots) in part {
            // The counterparty buys back what it is short of, and sells what it holds.
            transfer.move_lots(&setting, Lots { instrument, lots: -lots })?;
            let amount = i128::from(lots.unsigned_abs()) * i128::from(setting.terms(instrument).0.lot_size);
            let index = setting.instrument(instrument).mark_index;
            let product = amount.checked_mul(index.into()).ok_or(crate::numbers::Overflow)?;
            notional = add(notional, narrow(product.div_euclid(NOTIONAL_DIVISOR))?.max(1))?;
        }
        self.check_transfer_fits(&transfer)?;
        let underlying = self.underlyings[closing.market.underlying].id();
        let (before, after) = (&self.accounts[other], &transfer.taker);
        let lanes = setting.lane_loss(after, underlying)? <= setting.lane_loss(before, underlying)?;
        let margin = guard == Guard::Lanes
            || setting.requirement(after)?.maintenance <= setting.requirement(before)?.maintenance;
        Ok((lanes && margin).then_some((transfer, notional)))
    }

    /// Pays the debt of an account that was closed: by the insurance fund what no collateral covers, and the rest by those
    /// who were closed against it, who get the collateral for it.
    fn settle_debt<O: StepObserver>(
        &mut self,
        place: usize,
        closed: &Closed,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let debt = self.accounts[place].cash.min(0).checked_neg().ok_or(crate::numbers::Overflow)?;
        if debt == 0 || !self.accounts[place].is_flat() {
            return Ok(());
        }
        let hole = self.value_of(place)?.min(0).checked_neg().ok_or(crate::numbers::Overflow)?;
        let insured = hole.min(self.insurance_left(self.liquidation(place)));
        if insured != 0 {
            self.insure(place, insured, events, steps);
        }
        let debt = sub(debt, insured)?;
        let charged = self.charges(closed, debt);
        let total: Micros = charged.iter().map(|&(_, amount)| amount).sum();
        self.hand_out_collateral(place, &charged, total, events, steps)?;
        for (other, amount) in charged {
            self.charge_cash(place, other, amount, events, steps);
        }
        if total != 0 {
            self.say_charged(place, total, events);
        }
        Ok(())
    }

    /// The insurance fund pays a part of a debt.
    pub(super) fn insure<O: StepObserver>(
        &mut self,
        place: usize,
        amount: Micros,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        self.pay_insurance(place, place, amount, events);
        let subject = Subject { amount, ..Subject::account(self.accounts[place].id) };
        self.stepped(steps, StepAction::Insurance, subject);
    }

    /// A counterparty pays a part of the debt of the account at `place`. One event says the whole of what that gets,
    /// behind those of who pays: see [`Self::say_charged`].
    pub(super) fn charge_cash<O: StepObserver>(
        &mut self,
        place: usize,
        other: usize,
        amount: Micros,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        self.credit(other, USDC, -amount, BalanceReason::Deleverage, events);
        self.accounts[place].credit(USDC, amount).expect("a debt is paid from below zero");
        self.tracker.account(self.accounts[place].id);
        self.stepped(steps, StepAction::DeleverageCharge, self.charge(place, other, USDC, amount));
    }

    /// Says what counterparties paid of a debt.
    pub(super) fn say_charged(&mut self, place: usize, delta: Micros, events: &mut Vec<Event>) {
        self.watch.touch(place);
        let (subaccount, asset, reason) = (self.accounts[place].id, USDC, BalanceReason::Deleverage);
        events.push(BalanceChanged { subaccount, asset, delta, reason }.into());
    }

    /// A counterparty gets a part of the collateral of the account at `place`.
    pub(super) fn hand_out<O: StepObserver>(
        &mut self,
        place: usize,
        other: usize,
        asset: AssetId,
        amount: i64,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        self.credit(place, asset, -amount, BalanceReason::Deleverage, events);
        self.credit(other, asset, amount, BalanceReason::Deleverage, events);
        self.stepped(steps, StepAction::DeleverageCharge, self.charge(place, other, asset, amount));
    }

    /// The subject of a charge: cash that `other` pays for the account at `place`, or an asset that it gets.
    fn charge(&self, place: usize, other: usize, asset: AssetId, amount: i64) -> Subject {
        let [account, other] = [place, other].map(|place| self.accounts[place].id);
        Subject { account, other, instrument: asset.into(), amount }
    }

    /// Who bears how much of a debt: in proportion to the notional closed, nobody below its maintenance margin while
    /// others can bear it, and nobody below a value of nothing.
    fn charges(&self, closed: &Closed, debt: Micros) -> Vec<(usize, Micros)> {
        let (places, weights): (Vec<_>, Vec<_>) = closed.iter().unzip();
        let bearers = |most: &dyn Fn(usize, usize) -> i64| -> Vec<Bearer> {
            let each = places.iter().zip(&weights).enumerate();
            each.map(|(at, (&&place, &&weight))| Bearer { weight, most: most(at, place).max(0) }).collect()
        };
        let first = divide(debt, &bearers(&|_, place| self.excess_of(&self.accounts[place]).unwrap_or(0)));
        let rest = debt - first.iter().sum::<i64>();
        let spare = |at: usize, place: usize| self.value_of(place).unwrap_or(0).saturating_sub(first[at]);
        let second = divide(rest, &bearers(&spare));
        let parts = places.iter().zip(first.iter().zip(&second)).map(|(&&place, (&a, &b))| (place, a + b));
        parts.filter(|&(_, amount)| amount > 0).collect()
    }

    /// Gives those who are charged the account's collateral, as much as their charge is worth of it, in proportion.
    fn hand_out_collateral<O: StepObserver>(
        &mut self,
        place: usize,
        charged: &[(usize, Micros)],
        total: Micros,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Checked<()> {
        let assets: Vec<(AssetId, i64)> =
            self.collateral_held(place).map(|(asset, balance, _)| (asset, balance)).collect();
        let mut worth = 0;
        for &(asset, balance) in &assets {
            worth = add(worth, self.asset_value(asset, balance)?)?;
        }
        if total == 0 || worth == 0 {
            return Ok(());
        }
        for (asset, balance) in assets {
            let given = if total >= worth { balance } else { mul_div_ceil(balance, total, worth)? };
            let mut left = given;
            for (at, &(other, amount)) in charged.iter().enumerate() {
                let last = at + 1 == charged.len();
                let part = if last { left } else { mul_div_floor(given, amount, total)? };
                left -= part;
                if part != 0 {
                    add(self.accounts[other].balance(asset), part)?;
                    self.hand_out(place, other, asset, part, events, steps);
                }
            }
        }
        Ok(())
    }
}
