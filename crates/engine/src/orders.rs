//! Orders: place, replace, cancel.

use crate::accounts::{Account, Holding, OpenOrder, OpenSide};
use crate::admission::{check_flags, check_max_fee, lots_of, ticks_of};
use crate::book::Resting;
use crate::clients::ClientId;
use crate::keys::KeyIndex;
use crate::matching::Taker;
use crate::reject::Reject;
use crate::state::Engine;
use crate::steps::{StepAction, StepObserver, Subject};
use protocol::{
    Authorization, CancelAll, CancelOrder, Clock, CloseReason, Event, InstrumentId, OrderClosed, OrderId,
    OrderReplaced, OrderRested, OrderType, Parameter, PlaceOrder, ReplaceOrder, SubaccountId, TimeInForce,
    UnderlyingId, scope,
};

impl Engine {
    pub(crate) fn place<O: StepObserver>(
        &mut self,
        command: &PlaceOrder,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        let instrument = self.instrument_place(command.instrument)?;
        let key = self.authorize(account, &command.auth, scope::TRADE)?;
        if !O::FOLLOWS
            && let Some(order) = self.accounts[account].clients.find(&command.client_id)
        {
            return Err(Reject::DuplicateClientId { order });
        }
        self.check_nonce(key, command.auth.nonce)?;
        let mut taker = self.taker_of(command, account, instrument)?;
        self.refresh(account)?;
        self.admit(&mut taker, None)?;

        self.use_nonce(key, command.auth.nonce);
        let pending = self.becomes_pending(StepAction::Place, &taker, steps);
        let stopped = self.match_order(&mut taker, events, steps);
        match self.end_reason(&taker, stopped) {
            Some(reason) => {
                self.end_incoming(&taker, reason, events);
                if !command.client_id.is_empty() {
                    let id = ClientId::new(&command.client_id);
                    self.accounts[account].clients.remember(id, taker.order);
                }
            }
            None => {
                self.rest(&taker, events);
                self.accounts[account].clients.opened(&command.client_id, taker.order);
            }
        }
        self.tracker.account(command.subaccount);
        self.is_done(StepAction::Place, pending, taker.is_over(stopped), steps);
        Ok(())
    }

    pub(crate) fn replace<O: StepObserver>(
        &mut self,
        command: &ReplaceOrder,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        let key = self.authorize(account, &command.auth, scope::TRADE)?;
        self.check_nonce(key, command.auth.nonce)?;
        let at = self.open_order_place(account, command.order)?;
        let open = self.accounts[account].orders[at];
        let resting = *self.books.get(open.handle).expect("an open order rests");
        if resting.valid_until != 0 && self.globals.time >= resting.valid_until {
            return Err(Reject::OrderExpired { order: command.order, valid_until: resting.valid_until });
        }
        let mut taker = self.taker_of_replace(command, account, &open, &resting)?;
        self.refresh(account)?;
        if taker.limit == resting.price && taker.lots <= resting.lots {
            self.check_shrink(&taker)?;
            self.use_nonce(key, command.auth.nonce);
            self.shrink(&taker, at, &resting, events);
            self.stepped(steps, StepAction::Replace, Subject::NONE);
            return Ok(());
        }
        self.admit(&mut taker, Some(at))?;

        self.use_nonce(key, command.auth.nonce);
        self.unrest(account, at);
        events.push(replaced(&resting, &taker, false));
        let pending = self.becomes_pending(StepAction::Replace, &taker, steps);
        let stopped = self.match_order(&mut taker, events, steps);
        match self.end_reason(&taker, stopped) {
            Some(reason) => {
                if resting.valid_until != 0 {
                    self.ends.remove(&(resting.valid_until, resting.order));
                }
                self.accounts[account].clients.closed(resting.order);
                self.end_incoming(&taker, reason, events);
            }
            None => self.rest(&taker, events),
        }
        self.is_done(StepAction::Replace, pending, taker.is_over(stopped), steps);
        Ok(())
    }

    /// The step that brings an order ends here if it meets another: it is pending from now on. Says whether it is.
    #[inline(always)]
    fn becomes_pending<O: StepObserver>(&mut self, action: StepAction, taker: &Taker, steps: &mut O) -> bool {
        let pending = O::OBSERVES && self.meets(taker);
        if pending {
            self.stepped_with(steps, action, Subject::NONE, taker);
        }
        pending
    }

    /// The last step of an order, unless the one before was.
    #[inline(always)]
    fn is_done<O: StepObserver>(&mut self, action: StepAction, pending: bool, over: bool, steps: &mut O) {
        if !pending {
            self.stepped(steps, action, Subject::NONE);
        } else if !over {
            self.stepped(steps, StepAction::Finish, Subject::NONE);
        }
    }

    pub(crate) fn cancel(&mut self, command: &CancelOrder, events: &mut Vec<Event>) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        let key = self.check_cancel_auth(account, command.auth.as_ref())?;
        let at = self.open_order_place(account, command.order)?;
        self.check_not_halted(self.accounts[account].orders[at].instrument as usize - 1)?;

        self.use_cancel_nonce(key, command.auth.as_ref());
        self.close_order(account, at, CloseReason::Cancelled, events);
        Ok(())
    }

    pub(crate) fn cancel_all<O: StepObserver>(
        &mut self,
        command: &CancelAll,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        let account = self.account_place(command.subaccount)?;
        if command.instrument != 0 {
            self.instrument_place(command.instrument)?;
        }
        if command.underlying != 0 {
            self.underlying_place(command.underlying)?;
        }
        let key = self.check_cancel_auth(account, command.auth.as_ref())?;
        let fits = |engine: &Self, open: &OpenOrder| {
            engine.fits_cancel(open, command.instrument, command.underlying)
        };
        if !self.accounts[account].orders.iter().any(|open| fits(self, open)) {
            return Err(Reject::NothingToCancel);
        }

        self.use_cancel_nonce(key, command.auth.as_ref());
        self.stepped(steps, StepAction::CancelAll, Subject::NONE);
        let mut at = 0;
        while let Some(slot) = self.accounts[account].orders.nth(at) {
            if fits(self, &self.accounts[account].orders[slot]) {
                self.remove_order(account, slot, CloseReason::Cancelled, events, steps);
            } else {
                at += 1;
            }
        }
        Ok(())
    }

    /// Ends the orders whose time in force is over, the earliest first, at most `limit`.
    pub(crate) fn end_expired_orders<O: StepObserver>(
        &mut self,
        command: &Clock,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) -> Result<(), Reject> {
        self.stepped(steps, StepAction::Clock, Subject::NONE);
        for _ in 0..command.limit {
            let Some((&(valid_until, order), &subaccount)) = self.ends.first_key_value() else { break };
            if self.globals.time < valid_until {
                break;
            }
            let account = subaccount as usize - 1;
            let at = self.accounts[account].orders.find(order).expect("an order with an end is open");
            self.remove_order(account, at, CloseReason::Expired, events, steps);
        }
        Ok(())
    }

    /// Ends every order of an account, ascending by id.
    pub(crate) fn close_all<O: StepObserver>(
        &mut self,
        account: usize,
        reason: CloseReason,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        while let Some(slot) = self.accounts[account].orders.nth(0) {
            self.remove_order(account, slot, reason, events, steps);
        }
    }

    /// Ends a resting order, as [`Self::close_order`] does, in a step of its own.
    pub(crate) fn remove_order<O: StepObserver>(
        &mut self,
        account: usize,
        at: usize,
        reason: CloseReason,
        events: &mut Vec<Event>,
        steps: &mut O,
    ) {
        let subject = Subject::order(self.accounts[account].id, self.accounts[account].orders[at].order);
        self.close_order(account, at, reason, events);
        self.stepped(steps, StepAction::Remove, subject);
    }

    fn fits_cancel(&self, open: &OpenOrder, instrument: InstrumentId, underlying: UnderlyingId) -> bool {
        let place = open.instrument as usize - 1;
        let of_underlying = underlying == 0 || self.instruments[place].terms.underlying == underlying;
        (instrument == 0 || open.instrument == instrument)
            && of_underlying
            && self.check_not_halted(place).is_ok()
    }

    fn taker_of(&self, command: &PlaceOrder, account: usize, instrument: usize) -> Result<Taker, Reject> {
        check_flags(command, self.globals.time)?;
        let terms = &self.instruments[instrument].terms;
        let market = command.order_type == OrderType::Market;
        Ok(Taker {
            order: OrderId::new(self.globals.sequence, 0),
            account,
            owner: self.accounts[account].owner,
            instrument,
            side: command.side,
            limit: ticks_of(command.limit_price, terms)?,
            lots: lots_of(command.amount, terms)?,
            filled: 0,
            max_fee: command.max_fee,
            valid_until: command.valid_until,
            self_trade: command.self_trade,
            post_only: command.post_only,
            reduce_only: command.reduce_only,
            market,
            rests: !market && matches!(command.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd),
            fill_or_kill: command.time_in_force == TimeInForce::Fok,
            liquidation: 0,
            cash: 0,
        })
    }

    fn taker_of_replace(
        &self,
        command: &ReplaceOrder,
        account: usize,
        open: &OpenOrder,
        resting: &Resting,
    ) -> Result<Taker, Reject> {
        check_max_fee(command.max_fee)?;
        let instrument = open.instrument as usize - 1;
        let terms = &self.instruments[instrument].terms;
        let limit = ticks_of(command.limit_price, terms)?;
        let lots = lots_of(command.amount, terms)?;
        if lots <= open.filled {
            return Err(Reject::AmountBelowFilled { lots, filled: open.filled });
        }
        Ok(Taker {
            order: open.order,
            account,
            owner: self.accounts[account].owner,
            instrument,
            side: open.side,
            limit,
            lots: lots - open.filled,
            filled: open.filled,
            max_fee: command.max_fee,
            valid_until: resting.valid_until,
            self_trade: resting.self_trade,
            post_only: command.post_only,
            reduce_only: command.reduce_only,
            market: false,
            rests: true,
            fill_or_kill: false,
            liquidation: 0,
            cash: 0,
        })
    }

    /// A replacement that keeps its place adds no risk; it only needs an instrument that trades.
    fn check_shrink(&self, taker: &Taker) -> Result<(), Reject> {
        self.check_tradable(taker.instrument)?;
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let holding = self.accounts[taker.account].holding(instrument).expect("an open order has a holding");
        if taker.reduce_only && holding.reducible(taker.side) == 0 {
            return Err(Reject::NothingToReduce { position: holding.position });
        }
        Ok(())
    }

    /// Shrinks a resting order in its place.
    fn shrink(&mut self, taker: &Taker, at: usize, resting: &Resting, events: &mut Vec<Event>) {
        let open = self.accounts[taker.account].orders[at];
        if taker.lots < resting.lots {
            self.books.reduce(open.handle, taker.lots).expect("an open order rests");
        }
        self.books.amend(open.handle, taker.max_fee, taker.reduce_only).expect("an open order rests");
        self.change_open_side(taker, |account, holding| {
            account.open_without(holding, &open, resting.lots - taker.lots, false)
        });
        self.touch_order(&open, resting.subaccount);
        events.push(replaced(resting, taker, true));
    }

    /// Replaces the open orders of the taker's side in its account's holding.
    fn change_open_side(&mut self, taker: &Taker, change: impl FnOnce(&Account, &Holding) -> OpenSide) {
        let (accounts, setting) = self.split();
        let instrument = &setting.instruments[taker.instrument];
        let account = &mut accounts[taker.account];
        let mut holding = account.holding_or_new(instrument.terms.instrument, instrument.funding_index);
        *holding.open_mut(taker.side) = change(account, &holding);
        account.update(holding, &setting);
    }

    /// Why the rest of an incoming order must end; `None` when it rests.
    fn end_reason(&self, taker: &Taker, stopped: Option<CloseReason>) -> Option<CloseReason> {
        if taker.lots == 0 {
            return Some(CloseReason::Filled);
        }
        if stopped.is_some() {
            return stopped;
        }
        if !taker.rests {
            return Some(CloseReason::Unfilled);
        }
        if !taker.reduce_only {
            return None;
        }
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let held = self.accounts[taker.account].holding(instrument);
        let reducible = held.map_or(0, |holding| holding.reducible(taker.side));
        (reducible == 0).then_some(CloseReason::ReduceOnly)
    }

    pub(crate) fn end_incoming(&mut self, taker: &Taker, reason: CloseReason, events: &mut Vec<Event>) {
        events.push(Event::OrderClosed(OrderClosed {
            order: taker.order,
            subaccount: self.accounts[taker.account].id,
            instrument: self.instruments[taker.instrument].terms.instrument,
            side: taker.side,
            price: taker.limit,
            lots: taker.lots,
            rested: false,
            reason,
        }));
    }

    /// Puts what is left of an order in the book.
    fn rest(&mut self, taker: &Taker, events: &mut Vec<Event>) {
        let subaccount = self.accounts[taker.account].id;
        let instrument = self.instruments[taker.instrument].terms.instrument;
        let Taker { order, side, limit: price, lots, max_fee, valid_until, reduce_only, self_trade, .. } =
            *taker;
        let resting = Resting {
            order,
            lots,
            price,
            subaccount,
            max_fee,
            valid_until,
            instrument,
            side,
            reduce_only,
            self_trade,
        };
        let handle = self.books.insert(resting);
        let priority = OrderId::new(self.globals.sequence, 0).0;
        let open = OpenOrder { order, handle, price, filled: taker.filled, priority, instrument, side };
        self.accounts[taker.account].orders.insert(order, open);
        self.change_open_side(taker, |_, holding| {
            holding.open(side).with(side, lots, price).expect("admission added at least as many lots")
        });
        if valid_until != 0 {
            self.ends.insert((valid_until, order), subaccount);
        }
        self.touch_order(&open, subaccount);
        events.push(Event::OrderRested(OrderRested { order, subaccount, instrument, side, price, lots }));
    }

    fn open_order_place(&self, account: usize, order: OrderId) -> Result<usize, Reject> {
        let account = &self.accounts[account];
        account.orders.find(order).ok_or(Reject::UnknownOrder { subaccount: account.id, order })
    }

    /// The key that may act for an account.
    pub(crate) fn authorize(
        &self,
        account: usize,
        auth: &Authorization,
        scopes: u8,
    ) -> Result<KeyIndex, Reject> {
        let (owner, id): (KeyIndex, SubaccountId) = (self.accounts[account].owner, self.accounts[account].id);
        self.keys.authorize(owner, id, auth, scopes, self.globals.time)
    }

    pub(crate) fn check_nonce(&self, key: KeyIndex, nonce: u64) -> Result<(), Reject> {
        let time = self.globals.time;
        let oldest = time.saturating_sub(self.parameters.get(Parameter::NoncePast).unsigned_abs());
        let newest = time.saturating_add(self.parameters.get(Parameter::NonceFuture).unsigned_abs());
        self.keys.get(key).check_nonce(nonce, oldest, newest)
    }

    pub(crate) fn use_nonce(&mut self, key: KeyIndex, nonce: u64) {
        let key = self.keys.get_mut(key);
        key.use_nonce(nonce);
        self.tracker.key(key.address);
    }

    /// A cancel is signed by a key that may cancel, or unsigned for an authenticated session.
    fn check_cancel_auth(
        &self,
        account: usize,
        auth: Option<&Authorization>,
    ) -> Result<Option<KeyIndex>, Reject> {
        let Some(auth) = auth else { return Ok(None) };
        let key = self.authorize(account, auth, scope::TRADE | scope::CANCEL)?;
        self.check_nonce(key, auth.nonce)?;
        Ok(Some(key))
    }

    fn use_cancel_nonce(&mut self, key: Option<KeyIndex>, auth: Option<&Authorization>) {
        if let (Some(key), Some(auth)) = (key, auth) {
            self.use_nonce(key, auth.nonce);
        }
    }
}

fn replaced(resting: &Resting, taker: &Taker, kept_priority: bool) -> Event {
    Event::OrderReplaced(OrderReplaced {
        order: resting.order,
        subaccount: resting.subaccount,
        instrument: resting.instrument,
        side: resting.side,
        old_price: resting.price,
        old_lots: resting.lots,
        price: taker.limit,
        lots: taker.lots,
        kept_priority,
    })
}
