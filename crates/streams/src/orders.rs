//! Orders: placed around the mark, replaced, cancelled.

use crate::SECOND;
use crate::venue::{Venue, session};
use protocol::*;

/// What every order is, but for what an act makes of it.
fn plain() -> PlaceOrder {
    PlaceOrder {
        subaccount: 0,
        instrument: 0,
        side: Side::Buy,
        amount: 0,
        limit_price: 0,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        valid_until: 0,
        post_only: PostOnly::No,
        reduce_only: false,
        self_trade: SelfTrade::CancelNewest,
        max_fee: 10_000 * USD,
        client_id: String::new(),
        auth: Authorization { signer: Address::ZERO, nonce: 0, expiry: 0, signature: Signature::ZERO },
    }
}

impl Venue {
    /// An open instrument of some underlying.
    pub(crate) fn pick_instrument(&self, pick: u64) -> InstrumentId {
        let open: Vec<_> =
            self.engine().underlyings().iter().flat_map(|state| &state.open).copied().collect();
        open.get(pick as usize % open.len().max(1)).copied().unwrap_or(1)
    }

    fn price_terms(&self, instrument: InstrumentId) -> (InstrumentSpec, i64) {
        let instrument = self.engine().instrument(instrument).expect("listed");
        (instrument.spec.clone(), instrument.mark.as_ref().map_or(0, |mark| mark.mark))
    }

    /// Orders around the mark, one or two price steps from it, so that many meet.
    pub(crate) fn place(&mut self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let instrument = self.pick_instrument(b);
        let (spec, mark) = self.price_terms(instrument);
        let steps = mark / spec.tick_size + (c % 5) as i64 - 2;
        let time_in_force = TimeInForce::ALL[[0, 0, 0, 1, 2, 3][c as usize / 5 % 6]];
        let gtd = time_in_force == TimeInForce::Gtd;
        let order = PlaceOrder {
            subaccount: self.subaccount(who, d),
            instrument,
            side: Side::ALL[d as usize % 2],
            amount: (1 + (d >> 8) as i64 % 9) * spec.lot_size,
            limit_price: steps.max(1) * spec.tick_size,
            order_type: OrderType::ALL[usize::from(c.is_multiple_of(37) && !gtd)],
            time_in_force,
            valid_until: if gtd { self.time + 1 + d % (20 * SECOND) } else { 0 },
            post_only: PostOnly::ALL[[0, 0, 0, 1, 2][c as usize / 64 % 5]],
            reduce_only: d.is_multiple_of(13),
            self_trade: SelfTrade::ALL[c as usize / 512 % 3],
            max_fee: if c.is_multiple_of(29) { 40 * USD } else { 10_000 * USD },
            client_id: if d.is_multiple_of(3) {
                format!("client {}", self.records.len())
            } else {
                String::new()
            },
            ..plain()
        };
        let key = if d.is_multiple_of(5) { session(who) } else { who };
        self.signed_order(key, &order)
    }

    /// An order at a share in 1e-3 off the mark, up for the seller and down for the buyer.
    pub(crate) fn order_at(
        &mut self,
        who: u8,
        instrument: InstrumentId,
        side: Side,
        lots: i64,
        away: i64,
        time_in_force: TimeInForce,
    ) -> Command {
        let (spec, mark) = self.price_terms(instrument);
        let price = mark + mark / 1_000 * away * -side.sign();
        let order = PlaceOrder {
            subaccount: self.subaccount(who, 0),
            instrument,
            side,
            amount: lots * spec.lot_size,
            limit_price: (price / spec.tick_size).max(1) * spec.tick_size,
            time_in_force,
            ..plain()
        };
        self.signed_order(who, &order)
    }

    /// An order under a client id that an earlier one of the account has, if there is any.
    pub(crate) fn order_under_taken_id(&mut self, who: u8, b: u64, d: u64) -> Option<Command> {
        let (subaccount, instrument) = (self.subaccount(who, b), self.pick_instrument(b));
        let account = self.engine().account(subaccount)?;
        let taken = account.orders().map(|open| account.client_id(open.order)).find(|id| !id.is_empty())?;
        let client_id = taken.to_owned();
        let (spec, mark) = self.price_terms(instrument);
        let order = PlaceOrder {
            subaccount,
            instrument,
            side: Side::ALL[d as usize % 2],
            amount: spec.lot_size,
            limit_price: (mark / spec.tick_size).max(1) * spec.tick_size,
            client_id,
            ..plain()
        };
        Some(self.signed_order(who, &order))
    }

    fn signed_order(&mut self, key: u8, order: &PlaceOrder) -> Command {
        self.trading(key, |auth| PlaceOrder { auth, ..order.clone() }.into())
    }

    /// Owner `seller` sells `lots` of the first perpetual to owner `buyer` at the mark.
    ///
    /// # Panics
    /// When they may not.
    pub fn sell_perpetual(&mut self, seller: u8, buyer: u8, lots: i64) {
        for (who, side) in [(seller, Side::Sell), (buyer, Side::Buy)] {
            let order = self.order_at(who, 1, side, lots, 0, TimeInForce::Gtc);
            self.must(order);
        }
    }

    /// An open order of an owner: subaccount, id, amount and price.
    fn open_order(&self, who: u8, pick: u64) -> Option<(SubaccountId, OrderId, i64, i64)> {
        let subaccount = self.subaccount(who, pick);
        let mut orders = self.engine().account(subaccount)?.orders();
        let open = orders.nth(pick as usize % orders.len().max(1))?;
        let (_, resting) = self.engine().open_order(subaccount, open.order)?;
        let spec = &self.engine().instrument(open.instrument)?.spec;
        let amount = (resting.lots + open.filled) * spec.lot_size;
        Some((subaccount, open.order, amount, open.price * spec.tick_size))
    }

    pub(crate) fn cancel(&mut self, who: u8, b: u64) -> Command {
        let (subaccount, order, ..) = self.open_order(who, b).unwrap_or((1, OrderId(9), 0, 0));
        match b % 3 {
            0 => CancelOrder { subaccount, order, auth: None }.into(),
            _ => self.trading(who, |auth| CancelOrder { subaccount, order, auth: Some(auth) }.into()),
        }
    }

    pub(crate) fn replace(&mut self, who: u8, b: u64, c: u64, d: u64) -> Command {
        let (subaccount, order, amount, limit_price) =
            self.open_order(who, b).unwrap_or((1, OrderId(9), 1, 1));
        let lot = 1_000_000;
        let amount = if c.is_multiple_of(2) { amount / (2 * lot) * lot } else { amount * 2 };
        let limit_price = limit_price + [0, 0, 5 * USD, -5 * USD][d as usize % 4];
        let body = ReplaceOrder {
            subaccount,
            order,
            amount: amount.max(1),
            limit_price: limit_price.max(1),
            post_only: PostOnly::ALL[[0, 0, 0, 1, 2][c as usize / 64 % 5]],
            reduce_only: d.is_multiple_of(17),
            max_fee: 1_000 * USD,
            auth: plain().auth,
        };
        self.trading(who, |auth| ReplaceOrder { auth, ..body.clone() }.into())
    }

    pub(crate) fn cancel_all(&mut self, who: u8, b: u64, c: u64) -> Command {
        let subaccount = self.subaccount(who, b);
        let (instrument, underlying) = [(0, 0), (1, 0), (0, 1), (0, 2)][c as usize % 4];
        let cancel = CancelAll { subaccount, instrument, underlying, auth: None };
        if c.is_multiple_of(5) {
            return cancel.into();
        }
        self.trading(who, |auth| CancelAll { auth: Some(auth), ..cancel.clone() }.into())
    }
}
