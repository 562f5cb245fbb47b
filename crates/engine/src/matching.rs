//! Matching: an incoming order meets resting ones in price-time order until it is done, stopped, or nothing crosses.
//!
//! Each meeting is judged from both accounts as they stand, without changing anything; a fill is then applied whole.
//! [`Engine::fillable`] runs the same judgement on copies, which is how a fill-or-kill order knows its fate beforehand.

use crate::accounts::{Account, OpenOrder};
use crate::book::{Handle, Resting};
use crate::dirty::BookPlace;
use crate::fills::{Leg, LegSide, Trade};
use crate::keys::KeyIndex;
use crate::numbers::{Checked, add, sub};
use crate::setting::Setting;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use crate::terms::Terms;
use protocol::{
    BalanceChanged, BalanceReason, CloseReason, Event, Fill, Micros, Nanos, OrderClosed, OrderId, PostOnly,
    SelfTrade, Side, USDC,
};

/// An order on its way into the book.
#[derive(Debug, Clone)]
pub(crate) struct Taker {
    pub order: OrderId,
    /// Place of its account.
    pub account: usize,
    pub owner: KeyIndex,
    /// Place of its instrument.
    pub instrument: usize,
    pub side: Side,
    /// Worst price, ticks.
    pub limit: i64,
    /// Open size, lots.
    pub lots: i64,
    /// Lots filled so far.
    pub filled: i64,
    pub max_fee: i64,
    pub valid_until: Nanos,
    pub self_trade: SelfTrade,
    pub post_only: PostOnly,
    pub reduce_only: bool,
    /// Whether its protective price gives way to the price band.
    pub market: bool,
    /// Whether what is left of it rests.
    pub rests: bool,
    pub fill_or_kill: bool,
    /// The liquidation that it is a slice of; 0 for an order.
    pub liquidation: u64,
    /// Price × size of its fills so far, micro-USDC.
    pub cash: Micros,
}

impl Taker {
    pub fn crosses(&self, price: i64) -> bool {
        match self.side {
            Side::Buy => price <= self.limit,
            Side::Sell => price >= self.limit,
        }
    }

    /// Whether matching, which said `stopped`, has ended it for good: it is filled, or went with the order it met. A slice
    /// still owes its fee.
    pub fn is_over(&self, stopped: Option<CloseReason>) -> bool {
        let with_another =
            self.self_trade == SelfTrade::CancelBoth && stopped == Some(CloseReason::SelfTrade);
        self.liquidation == 0 && (self.lots == 0 || with_another)
    }

    fn fill(&mut self, trade: &Trade) {
        self.lots -= trade.lots;
        self.filled += trade.lots;
        // Each of them fitted; for the sum only slices care, whose account was rehearsed with it.
        self.cash = self.cash.saturating_add(trade.cash);
    }
}

/// What happens when the incoming order meets a resting one. Returned by value once per meeting: a box for the large
/// variant would put an allocation on the hot path.
#[allow(clippy::large_enum_variant)]
enum Verdict {
    /// The resting order ends.
    Remove(CloseReason),
    /// What is left of the incoming order ends.
    Stop(CloseReason),
    /// Both end: self-trade prevention.
    RemoveAndStop,
    Trade(Trade),
}

/// What an order would come to.
#[derive(Debug, Clone)]
pub(crate) struct Rehearsal {
    /// The taker's account after its fills.
    pub account: Account,
    /// Lots that would trade.
    pub lots: i64,
    /// Their price × size, micro-USDC.
    pub cash: Micros,
}

impl Rehearsal {
    fn add(&mut self, terms: &Terms, lots: i64, price: i64) {
        self.lots += lots;
        // The sum of what one account paid or received; its cash fits, so this is for reporting only when it does not.
        self.cash = self.cash.saturating_add(terms.cash(lots, price).unwrap_or(Micros::MAX));
    }
}

/// What judging needs besides the two accounts.
#[derive(Clone, Copy)]
struct Scene {
    terms: Terms,
    funding_index: i64,
    time: Nanos,
}

/// Reasons that need no margin: the resting order's end, and self-trade prevention.
fn screen(time: Nanos, taker: &Taker, making: &Account, resting: &Resting) -> Option<Verdict> {
    if resting.valid_until != 0 && time >= resting.valid_until {
        return Some(Verdict::Remove(CloseReason::Expired));
    }
    if making.owner != taker.owner {
        return None;
    }
    Some(match taker.self_trade {
        SelfTrade::CancelNewest => Verdict::Stop(CloseReason::SelfTrade),
        SelfTrade::CancelOldest => Verdict::Remove(CloseReason::SelfTrade),
        SelfTrade::CancelBoth => Verdict::RemoveAndStop,
    })
}

/// Judges a meeting that passed [`screen`]; the cached sums of both accounts are true.
fn judge(
    scene: &Scene,
    setting: &Setting<'_>,
    taker: &Taker,
    taking: &Account,
    making: &Account,
    open: &OpenOrder,
    resting: &Resting,
) -> Verdict {
    let terms = &scene.terms;
    let mut lots = taker.lots.min(resting.lots);
    if resting.reduce_only {
        lots = lots.min(making.holding(terms.instrument).map_or(0, |held| held.reducible(resting.side)));
        if lots == 0 {
            return Verdict::Remove(CloseReason::ReduceOnly);
        }
    }
    if taker.reduce_only {
        lots = lots.min(taking.holding(terms.instrument).map_or(0, |held| held.reducible(taker.side)));
        if lots == 0 {
            return Verdict::Stop(CloseReason::ReduceOnly);
        }
    }
    let Ok(cash) = terms.cash(lots, resting.price) else { return Verdict::Stop(CloseReason::Margin) };
    let Ok(taker_fee) = terms.taker_fee_of(lots, cash) else { return Verdict::Stop(CloseReason::Margin) };
    if !terms.fee_allowed(taker_fee, taker.max_fee, lots) {
        return Verdict::Stop(CloseReason::MaxFee);
    }
    let Ok(maker_fee) = terms.maker_fee_of(lots, cash) else { return Verdict::Remove(CloseReason::Margin) };
    if !terms.fee_allowed(maker_fee, resting.max_fee, lots) {
        return Verdict::Remove(CloseReason::MaxFee);
    }
    let side = LegSide { side: resting.side, lots, cash, fee: maker_fee };
    let gone = lots == resting.lots;
    let held = making.holding(terms.instrument).expect("an open order has a holding");
    let left = making.open_without(held, open, lots, gone);
    let maker = match Leg::new(making, terms, scene.funding_index, side, Some(left)) {
        Ok(leg) if leg.is_margined(making, setting) || leg.mends(making, setting) => leg,
        _ => return Verdict::Remove(CloseReason::Margin),
    };
    let side = LegSide { side: taker.side, lots, cash, fee: taker_fee };
    match Leg::new(taking, terms, scene.funding_index, side, None) {
        Ok(leg) => Verdict::Trade(Trade { lots, cash, gone, maker, taker: leg }),
        Err(_) => Verdict::Stop(CloseReason::Margin),
    }
}

impl Engine {
    fn scene(&self, taker: &Taker) -> Scene {
        let instrument = &self.instruments[taker.instrument];
        Scene { terms: instrument.terms, funding_index: instrument.funding_index, time: self.globals.time }
    }

    /// Whether `taker` would meet a resting order.
    pub(crate) fn meets(&self, taker: &Taker) -> bool {
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let best = self.books.best_price(instrument, taker.side.opposite());
        best.is_some_and(|price| taker.crosses(price))
    }

    /// Matches `taker`. Returns why what is left of it must end, if it must.
    pub(crate) fn match_order<O: StepObserver>(
        &mut self,
        taker: &mut Taker,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Option<CloseReason> {
        let scene = self.scene(taker);
        while taker.lots > 0 {
            let (handle, resting) = self.books.best(scene.terms.instrument, taker.side.opposite())?;
            if !taker.crosses(resting.price) {
                return None;
            }
            let resting = *resting;
            let maker = resting.subaccount as usize - 1;
            let at = self.accounts[maker].orders.find(resting.order).expect("a resting order has an account");
            match self.meet(&scene, taker, &resting, maker, at) {
                Verdict::Remove(reason) => {
                    self.close_order(maker, at, reason, events);
                    self.stepped_with(steps, StepAction::Remove, Subject::NONE, taker);
                }
                Verdict::Stop(reason) => return Some(reason),
                Verdict::RemoveAndStop => {
                    self.close_order(maker, at, CloseReason::SelfTrade, events);
                    self.stepped(steps, StepAction::Remove, Subject::NONE);
                    return Some(CloseReason::SelfTrade);
                }
                Verdict::Trade(trade) => {
                    if self.execute(taker, handle, &resting, at, &trade, events).is_err() {
                        return Some(CloseReason::Margin);
                    }
                    if taker.is_over(None) {
                        self.stepped(steps, StepAction::Fill, Subject::NONE);
                    } else {
                        self.stepped_with(steps, StepAction::Fill, Subject::NONE, taker);
                    }
                }
            }
        }
        None
    }

    fn meet(&mut self, scene: &Scene, taker: &Taker, resting: &Resting, maker: usize, at: usize) -> Verdict {
        if let Some(verdict) = screen(scene.time, taker, &self.accounts[maker], resting) {
            return verdict;
        }
        if self.refresh(maker).is_err() {
            return Verdict::Remove(CloseReason::Margin);
        }
        if self.refresh(taker.account).is_err() {
            return Verdict::Stop(CloseReason::Margin);
        }
        let making = &self.accounts[maker];
        let setting = self.setting();
        judge(scene, &setting, taker, &self.accounts[taker.account], making, &making.orders[at], resting)
    }

    /// Applies a fill, or refuses it whole when a venue-wide sum does not fit.
    fn execute(
        &mut self,
        taker: &mut Taker,
        handle: Handle,
        resting: &Resting,
        at: usize,
        trade: &Trade,
        events: &mut Vec<Event>,
    ) -> Checked<()> {
        let Trade { lots, gone, maker: made, taker: taken, .. } = trade;
        let fees = add(add(self.globals.fees, made.fee)?, taken.fee)?;
        let pool = sub(sub(self.globals.funding_pool, made.funding)?, taken.funding)?;
        let interest =
            add(add(self.instruments[taker.instrument].open_interest, made.interest())?, taken.interest())?;
        (self.globals.fees, self.globals.funding_pool) = (fees, pool);
        self.globals.trades += 1;
        self.instruments[taker.instrument].open_interest = interest;
        let maker = resting.subaccount as usize - 1;
        self.store_leg(maker, taker.instrument, made, events);
        self.store_leg(taker.account, taker.instrument, taken, events);
        events.push(Event::Fill(Fill {
            trade: self.globals.trades,
            instrument: resting.instrument,
            taker_side: taker.side,
            price: resting.price,
            lots: *lots,
            maker: resting.order,
            maker_subaccount: resting.subaccount,
            maker_fee: made.fee,
            taker: taker.order,
            taker_subaccount: self.accounts[taker.account].id,
            taker_fee: taken.fee,
        }));
        taker.fill(trade);
        self.touch_order(&self.accounts[maker].orders[at].clone(), resting.subaccount);
        if *gone {
            self.books.remove(handle).expect("the best order rests");
            self.accounts[maker].orders.remove(resting.order);
            self.forget_order(maker, resting);
            events.push(closed(resting, 0, CloseReason::Filled));
        } else {
            self.books.reduce(handle, resting.lots - lots).expect("the best order rests");
            self.accounts[maker].orders[at].filled += lots;
        }
        Ok(())
    }

    pub(crate) fn store_leg(
        &mut self,
        account: usize,
        instrument: usize,
        leg: &Leg,
        events: &mut Vec<Event>,
    ) {
        let id = self.accounts[account].id;
        if leg.funding != 0 {
            let delta = leg.funding;
            events.push(
                BalanceChanged { subaccount: id, asset: USDC, delta, reason: BalanceReason::Funding }.into(),
            );
        }
        let holders = &mut self.instruments[instrument].holders;
        match (leg.position_before, leg.holding.position) {
            (0, _) => drop(holders.insert(id)),
            (_, 0) => drop(holders.remove(&id)),
            _ => {}
        }
        let (accounts, setting) = self.split();
        accounts[account].take_leg(leg, &setting);
        self.watch.touch(account);
        self.tracker.account(id);
        self.tracker.instrument(leg.holding.instrument);
    }

    /// Ends a resting order of the account at `account`, the `at`-th of its orders.
    pub(crate) fn close_order(
        &mut self,
        account: usize,
        at: usize,
        reason: CloseReason,
        events: &mut Vec<Event>,
    ) {
        let open = self.accounts[account].orders[at];
        let resting = self.unrest(account, at);
        self.forget_order(account, &resting);
        debug_assert_eq!(open.order, resting.order, "the account's order is the book's");
        events.push(closed(&resting, resting.lots, reason));
    }

    /// Takes a resting order out of the book and out of its account's sums; its client id stays.
    pub(crate) fn unrest(&mut self, account: usize, at: usize) -> Resting {
        let open = self.accounts[account].orders[at];
        let resting = self.books.remove(open.handle).expect("an open order rests");
        let (accounts, setting) = self.split();
        accounts[account].drop_order(at, resting.lots, &setting);
        self.touch_order(&open, resting.subaccount);
        resting
    }

    /// Drops what the venue remembers of an order that ended.
    fn forget_order(&mut self, account: usize, resting: &Resting) {
        self.accounts[account].clients.closed(resting.order);
        if resting.valid_until != 0 {
            self.ends.remove(&(resting.valid_until, resting.order));
        }
    }

    pub(crate) fn touch_order(&mut self, open: &OpenOrder, subaccount: u64) {
        let OpenOrder { instrument, side, price, priority, order, .. } = *open;
        self.tracker.account(subaccount);
        self.tracker.order(BookPlace { instrument, side, price, priority, order, subaccount });
    }

    /// How many of the taker's lots would trade.
    pub(crate) fn fillable(&self, taker: &Taker) -> i64 {
        self.rehearsed(taker).lots
    }

    /// What would trade, judged on copies: exactly what [`Self::match_order`] would do.
    pub(crate) fn rehearsed(&self, taker: &Taker) -> Rehearsal {
        let scene = self.scene(taker);
        let mut probe = taker.clone();
        let mut rehearsal = Rehearsal { account: self.accounts[taker.account].clone(), lots: 0, cash: 0 };
        if rehearsal.account.refresh(&self.setting()).is_err() {
            return rehearsal;
        }
        let mut copies: Vec<Account> = Vec::new();
        let mut next =
            self.books.best(scene.terms.instrument, taker.side.opposite()).map(|(handle, _)| handle);
        while let Some(handle) = next
            && probe.lots > 0
        {
            next = self.books.next(handle);
            let mut resting = *self.books.get(handle).expect("the walk stays in the book");
            if !probe.crosses(resting.price) {
                break;
            }
            // A reduce-only cap leaves lots on both sides: the two meet again, as they would in the book.
            while resting.lots > 0 && probe.lots > 0 {
                let before = probe.lots;
                let left = self.rehearse(&scene, &mut probe, &mut rehearsal.account, &mut copies, &resting);
                rehearsal.add(&scene.terms, before - probe.lots, resting.price);
                match left {
                    Some(left) => resting.lots = left,
                    None => return rehearsal,
                }
            }
        }
        rehearsal
    }

    /// One meeting on copies: the lots that stay of the resting order; `None` when it stops the taker.
    fn rehearse(
        &self,
        scene: &Scene,
        probe: &mut Taker,
        taking: &mut Account,
        copies: &mut Vec<Account>,
        resting: &Resting,
    ) -> Option<i64> {
        let known = copies.iter().position(|copy| copy.id == resting.subaccount);
        let place = known.unwrap_or_else(|| {
            copies.push(self.accounts[resting.subaccount as usize - 1].clone());
            copies.len() - 1
        });
        let making = &mut copies[place];
        let setting = self.setting();
        let at = making.orders.find(resting.order).expect("a resting order has an account");
        let verdict = match screen(scene.time, probe, making, resting) {
            Some(verdict) => verdict,
            None if making.refresh(&setting).is_err() => Verdict::Remove(CloseReason::Margin),
            None if taking.refresh(&setting).is_err() => Verdict::Stop(CloseReason::Margin),
            None => judge(scene, &setting, probe, taking, making, &making.orders[at], resting),
        };
        match verdict {
            Verdict::Stop(_) | Verdict::RemoveAndStop => None,
            Verdict::Remove(_) => {
                making.drop_order(at, resting.lots, &setting);
                Some(0)
            }
            Verdict::Trade(trade) => {
                making.take_leg(&trade.maker, &setting);
                taking.take_leg(&trade.taker, &setting);
                if trade.gone {
                    making.orders.remove(resting.order);
                }
                probe.fill(&trade);
                Some(resting.lots - trade.lots)
            }
        }
    }
}

fn closed(resting: &Resting, lots: i64, reason: CloseReason) -> Event {
    Event::OrderClosed(OrderClosed {
        order: resting.order,
        subaccount: resting.subaccount,
        instrument: resting.instrument,
        side: resting.side,
        price: resting.price,
        lots,
        rested: true,
        reason,
    })
}
