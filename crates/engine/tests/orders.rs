//! Orders: matching, time in force, flags, replace, cancel.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use protocol::*;

/// Two funded subaccounts of different owners.
fn pair() -> (Venue, SubaccountId, SubaccountId) {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 1_000_000), venue.deposit(address(2), 1_000_000));
    (venue, a, b)
}

#[test]
fn orders_trade_in_price_then_time_order_at_the_makers_price() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 410);
    let second = venue.last_order();
    venue.sell(a, BTC_CALL, 5, 400);
    let first = venue.last_order();
    venue.sell(a, BTC_CALL, 5, 410);
    let third = venue.last_order();
    let events = venue.buy(b, BTC_CALL, 12, 410);
    let seen: Vec<_> = fills(&events).iter().map(|fill| (fill.maker, fill.price, fill.lots)).collect();
    assert_eq!(seen, [(first, 400, 5), (second, 410, 5), (third, 410, 2)]);
    assert_eq!(names(&events), ["Fill", "OrderClosed", "Fill", "OrderClosed", "Fill", "OrderClosed"]);
    assert_eq!((venue.position(a, BTC_CALL), venue.position(b, BTC_CALL)), (-12, 12));
    assert_eq!(venue.levels(BTC_CALL, Side::Sell), [(410, 3, 1)]);
}

#[test]
fn option_premium_and_fees_are_exact() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 10, 400);
    let events = venue.buy(b, BTC_CALL, 10, 400);
    // 400 ticks × 5 USDC × 0.1 contracts; fees 1 and 3 bp of 10,000 USDC notional.
    let fill = fills(&events)[0];
    assert_eq!((fill.maker_fee, fill.taker_fee), (USD, 3 * USD));
    assert_eq!(venue.cash(a), 1_000_000 * USD + 200 * USD - USD);
    assert_eq!(venue.cash(b), 1_000_000 * USD - 200 * USD - 3 * USD);
    assert_eq!(venue.engine.globals().fees, 4 * USD);
}

#[test]
fn option_fees_are_capped_by_the_premium() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 10, 2);
    let events = venue.buy(b, BTC_CALL, 10, 2);
    // Premium 1 USDC: at most 12.5 % of it.
    assert_eq!((fills(&events)[0].maker_fee, fills(&events)[0].taker_fee), (125_000, 125_000));
}

#[test]
fn perpetual_profit_is_realised_on_reduction_and_flips_split() {
    let (mut venue, a, b) = pair();
    venue.set(Parameter::PerpetualTakerFee, 50_000).unwrap();
    venue.sell(a, BTC_PERP, 10, 200_000);
    venue.buy(b, BTC_PERP, 10, 200_000);
    let cash = venue.cash(b);
    venue.buy(a, BTC_PERP, 4, 200_100);
    venue.sell(b, BTC_PERP, 4, 200_100);
    // 4 lots of 0.001 × 50 USDC up, less 0.5 bp of 400 USDC.
    assert_eq!(venue.cash(b) - cash, 200_000 - 20_000);
    venue.buy(a, BTC_PERP, 10, 200_100);
    venue.sell(b, BTC_PERP, 10, 200_100);
    assert_eq!(venue.position(b, BTC_PERP), -4);
    let held = *venue.engine.account(b).unwrap().holding(BTC_PERP).unwrap();
    assert_eq!(held.cost, -4 * 200_100 * 500);
}

#[test]
fn immediate_and_fill_or_kill() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let mut order = venue.order(b, BTC_CALL, Side::Buy, 8, 400);
    order.time_in_force = TimeInForce::Fok;
    assert_eq!(venue.send(order.clone()).unwrap_err(), engine::Reject::FillOrKill { wanted: 8, fillable: 5 });
    order.time_in_force = TimeInForce::Ioc;
    let events = venue.send(order).unwrap();
    assert_eq!(closes(&events)[1], (venue.last_order(), CloseReason::Unfilled));
    assert!(venue.levels(BTC_CALL, Side::Buy).is_empty());
    venue.sell(a, BTC_CALL, 5, 400);
    let mut order = venue.order(b, BTC_CALL, Side::Buy, 5, 400);
    order.time_in_force = TimeInForce::Fok;
    assert_eq!(fills(&venue.send(order).unwrap()).len(), 1);
}

#[test]
fn fill_or_kill_counts_only_what_would_really_trade() {
    let (mut venue, a, b) = pair();
    let mut dated = venue.order(a, BTC_CALL, Side::Sell, 5, 400);
    dated.time_in_force = TimeInForce::Gtd;
    dated.valid_until = venue.time + SECOND;
    venue.send(dated).unwrap();
    let mut cheap = venue.order(a, BTC_CALL, Side::Sell, 5, 400);
    cheap.max_fee = 0;
    venue.send(cheap).unwrap();
    venue.buy(b, BTC_CALL, 1, 300);
    venue.sell(a, BTC_CALL, 5, 405);
    venue.advance(2 * SECOND);
    let mut order = venue.order(b, BTC_CALL, Side::Buy, 6, 405);
    order.time_in_force = TimeInForce::Fok;
    assert_eq!(venue.send(order.clone()).unwrap_err(), engine::Reject::FillOrKill { wanted: 6, fillable: 5 });
    order.amount -= 1_000_000;
    let events = venue.send(order).unwrap();
    let reasons: Vec<_> = closes(&events).iter().map(|close| close.1).collect();
    assert_eq!(
        reasons,
        [CloseReason::Expired, CloseReason::MaxFee, CloseReason::Filled, CloseReason::Filled]
    );
}

#[test]
fn fill_or_kill_sees_what_the_end_of_a_capped_order_frees() {
    let (mut venue, a, b) = pair();
    let c = venue.deposit(address(3), 20_000);
    venue.buy(a, BTC_PERP, 10, 200_000);
    venue.sell(c, BTC_PERP, 10, 200_000);
    let mut capped = venue.order(c, BTC_PERP, Side::Buy, 1_000, 199_000);
    capped.reduce_only = true;
    venue.send(capped).unwrap();
    venue.buy(c, BTC_PERP, 10, 198_000);
    let (amount, auth) = (venue.engine.withdrawable(c, USDC), venue.owner_auth(address(3)));
    venue.send(Withdraw { subaccount: c, asset: USDC, amount, recipient: address(3), auth }).unwrap();
    venue.mark(BTC, 125_000);
    // The capped order closes the short and ends; without it the account has the margin for its other bid.
    let mut order = venue.order(b, BTC_PERP, Side::Sell, 20, 198_000);
    order.time_in_force = TimeInForce::Fok;
    let events = venue.send(order).unwrap();
    let reasons: Vec<_> = closes(&events).iter().map(|close| close.1).collect();
    assert_eq!(reasons, [CloseReason::ReduceOnly, CloseReason::Filled, CloseReason::Filled]);
}

#[test]
fn market_orders_never_rest_and_stay_within_the_band() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let mut order = venue.order(b, BTC_CALL, Side::Buy, 8, 5_000);
    assert_eq!(code(venue.send(order.clone())), "price_band");
    order.order_type = OrderType::Market;
    let events = venue.send(order).unwrap();
    assert_eq!(names(&events), ["Fill", "OrderClosed", "OrderClosed"]);
    match &events[2] {
        // Mark 2,000, band 1 × 2,000: at most 800 ticks of 5.
        Event::OrderClosed(closed) => assert_eq!((closed.price, closed.lots, closed.rested), (800, 3, false)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn post_only_is_refused_or_slides() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let mut order = venue.order(b, BTC_CALL, Side::Buy, 5, 401);
    order.post_only = PostOnly::Reject;
    assert_eq!(code(venue.send(order.clone())), "post_only_would_trade");
    order.post_only = PostOnly::Slide;
    venue.send(order).unwrap();
    assert_eq!(venue.levels(BTC_CALL, Side::Buy), [(399, 5, 1)]);
}

#[test]
fn reduce_only_is_capped_when_it_matches() {
    let (mut venue, a, b) = pair();
    let mut order = venue.order(b, BTC_CALL, Side::Sell, 5, 400);
    order.reduce_only = true;
    assert_eq!(code(venue.send(order.clone())), "nothing_to_reduce");
    venue.sell(a, BTC_CALL, 3, 400);
    venue.buy(b, BTC_CALL, 3, 400);
    order.limit_price = 410 * 5 * USD;
    venue.send(order).unwrap();
    let resting = venue.last_order();
    let events = venue.buy(a, BTC_CALL, 5, 410);
    assert_eq!(fills(&events)[0].lots, 3);
    assert_eq!(closes(&events), [(resting, CloseReason::ReduceOnly)]);
    assert_eq!(venue.position(b, BTC_CALL), 0);
    assert_eq!(venue.levels(BTC_CALL, Side::Buy), [(410, 2, 1)]);
}

#[test]
fn self_trade_prevention_looks_at_the_owner_three_ways() {
    for mode in SelfTrade::ALL {
        let (mut venue, a, b) = pair();
        let auth = venue.owner_auth(address(1));
        venue.send(CreateSubaccount { auth }).unwrap();
        let other = venue.engine.key(&address(1)).unwrap().subaccounts[1];
        let auth = venue.owner_auth(address(1));
        venue.send(Transfer { from: a, to: other, asset: USDC, amount: 100_000 * USD, auth }).unwrap();
        venue.sell(a, BTC_CALL, 5, 400);
        let own = venue.last_order();
        venue.sell(b, BTC_CALL, 5, 401);
        let mut order = venue.order(other, BTC_CALL, Side::Buy, 3, 401);
        order.self_trade = *mode;
        let events = venue.send(order).unwrap();
        let taker = venue.last_order();
        let expected: &[_] = match mode {
            SelfTrade::CancelNewest => &[(taker, CloseReason::SelfTrade)],
            SelfTrade::CancelOldest => &[(own, CloseReason::SelfTrade), (taker, CloseReason::Filled)],
            SelfTrade::CancelBoth => &[(own, CloseReason::SelfTrade), (taker, CloseReason::SelfTrade)],
        };
        assert_eq!(closes(&events), expected, "{mode:?}");
    }
}

#[test]
fn fee_caps_of_maker_and_taker() {
    let (mut venue, a, b) = pair();
    let mut maker = venue.order(a, BTC_CALL, Side::Sell, 5, 400);
    maker.max_fee = 10 * USD - 100;
    venue.send(maker).unwrap();
    let tight = venue.last_order();
    let mut maker = venue.order(a, BTC_CALL, Side::Sell, 5, 400);
    maker.max_fee = 10 * USD;
    venue.send(maker).unwrap();
    let mut taker = venue.order(b, BTC_CALL, Side::Buy, 5, 400);
    taker.max_fee = 30 * USD - 100;
    let events = venue.send(taker.clone()).unwrap();
    assert_eq!(closes(&events), [(venue.last_order(), CloseReason::MaxFee)]);
    taker.max_fee = 30 * USD;
    taker.auth = venue.auth(address(2));
    let events = venue.send(taker).unwrap();
    assert_eq!(closes(&events)[0], (tight, CloseReason::MaxFee));
    assert_eq!(fills(&events).len(), 1);
}

#[test]
fn client_ids_name_one_order_open_or_closed() {
    let (mut venue, a, b) = pair();
    let mut order = venue.order(a, BTC_CALL, Side::Sell, 5, 400);
    order.client_id = "mine".into();
    venue.send(order.clone()).unwrap();
    let first = venue.last_order();
    assert_eq!(venue.engine.account(a).unwrap().client_order("mine"), Some(first));
    assert_eq!(venue.engine.account(a).unwrap().client_id(first), "mine");
    // The very same message: the client id answers before the nonce does.
    assert_eq!(venue.send(order.clone()).unwrap_err(), engine::Reject::DuplicateClientId { order: first });
    venue.cancel(a, first).unwrap();
    assert_eq!(venue.send(order.clone()).unwrap_err(), engine::Reject::DuplicateClientId { order: first });
    order.client_id.clear();
    assert_eq!(code(venue.send(order)), "nonce_used");
    let mut other = venue.order(b, BTC_CALL, Side::Sell, 5, 400);
    other.client_id = "mine".into();
    venue.send(other).unwrap();
    for _ in 0..256 {
        let mut order = venue.order(a, BTC_CALL, Side::Buy, 1, 300);
        order.time_in_force = TimeInForce::Ioc;
        order.client_id = format!("c{}", venue.engine.sequence());
        venue.send(order).unwrap();
    }
    assert_eq!(venue.engine.account(a).unwrap().client_order("mine"), None);
}

#[test]
fn replace_keeps_priority_only_when_size_shrinks() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let first = venue.last_order();
    venue.sell(b, BTC_CALL, 5, 400);
    let second = venue.last_order();
    let front = |venue: &Venue| venue.engine.books().best(BTC_CALL, Side::Sell).unwrap().1.order;
    let replace = venue.replace(a, first, 4, 400);
    let events = venue.send(replace).unwrap();
    assert!(
        matches!(&events[..], [Event::OrderReplaced(r)] if r.kept_priority && r.lots == 4 && r.old_lots == 5)
    );
    assert_eq!(front(&venue), first);
    let replace = venue.replace(a, first, 6, 400);
    let events = venue.send(replace).unwrap();
    assert_eq!(names(&events), ["OrderReplaced", "OrderRested"]);
    assert_eq!(front(&venue), second);
    assert_eq!(venue.levels(BTC_CALL, Side::Sell), [(400, 11, 2)]);
}

#[test]
fn replace_counts_what_is_filled_and_may_take() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let order = venue.last_order();
    venue.buy(b, BTC_CALL, 2, 400);
    let replace = venue.replace(a, order, 2, 400);
    assert_eq!(venue.send(replace).unwrap_err(), engine::Reject::AmountBelowFilled { lots: 2, filled: 2 });
    venue.buy(b, BTC_CALL, 1, 390);
    let replace = venue.replace(a, order, 5, 390);
    let events = venue.send(replace).unwrap();
    assert_eq!(names(&events), ["OrderReplaced", "Fill", "OrderClosed", "OrderRested"]);
    assert_eq!(venue.engine.open_order(a, order).unwrap().0.filled, 3);
    assert_eq!(venue.levels(BTC_CALL, Side::Sell), [(390, 2, 1)]);
}

#[test]
fn cancels_one_and_all() {
    let (mut venue, a, b) = pair();
    venue.sell(a, BTC_CALL, 5, 400);
    let order = venue.last_order();
    assert_eq!(code(venue.cancel(b, order)), "unknown_order");
    venue.sell(a, ETH_CALL, 5, 400);
    venue.buy(a, BTC_CALL, 1, 100);
    let events = venue.send(CancelAll { subaccount: a, instrument: 0, underlying: BTC, auth: None }).unwrap();
    assert_eq!(closes(&events).len(), 2);
    let events =
        venue.send(CancelAll { subaccount: a, instrument: ETH_CALL, underlying: 0, auth: None }).unwrap();
    assert_eq!(closes(&events).len(), 1);
    let again = CancelAll { subaccount: a, instrument: 0, underlying: 0, auth: None };
    assert_eq!(code(venue.send(again)), "nothing_to_cancel");
}

#[test]
fn the_clock_ends_orders_in_the_order_of_their_ends() {
    let (mut venue, a, _) = pair();
    let mut ids = Vec::new();
    for after in [3, 1, 2] {
        let mut order = venue.order(a, BTC_CALL, Side::Sell, 1, 400);
        order.time_in_force = TimeInForce::Gtd;
        order.valid_until = venue.time + after * SECOND;
        venue.send(order).unwrap();
        ids.push(venue.last_order());
    }
    venue.advance(3 * SECOND);
    let events = venue.send(Clock { limit: 2 }).unwrap();
    assert_eq!(closes(&events), [(ids[1], CloseReason::Expired), (ids[2], CloseReason::Expired)]);
    let events = venue.send(Clock { limit: 2 }).unwrap();
    assert_eq!(closes(&events), [(ids[0], CloseReason::Expired)]);
    assert!(venue.send(Clock { limit: 2 }).unwrap().is_empty());
}

#[test]
fn malformed_orders_are_refused() {
    let (mut venue, a, _) = pair();
    let good = venue.order(a, BTC_CALL, Side::Buy, 5, 400);
    let with = |change: &dyn Fn(&mut PlaceOrder)| {
        let mut order = good.clone();
        change(&mut order);
        order
    };
    let cases: Vec<(PlaceOrder, &str)> = vec![
        (with(&|o| o.amount += 1), "invalid_amount"),
        (with(&|o| o.amount = 0), "invalid_amount"),
        (with(&|o| o.amount = i64::MAX), "invalid_amount"),
        (with(&|o| o.limit_price += 1), "invalid_price"),
        (with(&|o| o.limit_price = -5 * USD), "invalid_price"),
        (with(&|o| o.max_fee = -1), "invalid_max_fee"),
        (with(&|o| o.valid_until = u64::MAX), "invalid_valid_until"),
        (with(&|o| o.time_in_force = TimeInForce::Gtd), "invalid_valid_until"),
        (with(&|o| o.instrument = 99), "unknown_instrument"),
        (with(&|o| o.subaccount = 0), "unknown_subaccount"),
        (with(&|o| o.client_id = "x".repeat(37)), "malformed"),
        (with(&|o| o.auth.expiry = T0), "signature_expired"),
        (with(&|o| (o.post_only, o.time_in_force) = (PostOnly::Slide, TimeInForce::Ioc)), "invalid_flags"),
        (with(&|o| (o.post_only, o.order_type) = (PostOnly::Slide, OrderType::Market)), "invalid_flags"),
    ];
    for (order, word) in cases {
        assert_eq!(code(venue.send(order)), word);
    }
    venue.send(good).unwrap();
}

#[test]
fn limits_on_orders_and_instruments() {
    let (mut venue, a, _) = pair();
    venue.set(Parameter::MaxOpenOrders, 2).unwrap();
    venue.set(Parameter::MaxInstruments, 1).unwrap();
    venue.buy(a, BTC_CALL, 1, 100);
    let elsewhere = venue.order(a, ETH_CALL, Side::Buy, 1, 100);
    assert_eq!(code(venue.send(elsewhere)), "too_many_instruments");
    venue.buy(a, BTC_CALL, 1, 101);
    let third = venue.order(a, BTC_CALL, Side::Buy, 1, 102);
    assert_eq!(code(venue.send(third)), "too_many_orders");
}
