//! Margin: formulas, open orders at their worst, maker re-check, new-risk restrictions, withdrawable.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::Reject;
use protocol::*;

fn required(reject: Reject) -> (i64, i64) {
    match reject {
        Reject::Margin { balance, required } => (balance, required),
        other => panic!("{other}"),
    }
}

#[test]
fn short_options_follow_the_formulas() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 1_000_000), venue.deposit(address(2), 1_000_000));
    venue.mark(BTC, 100_000);
    venue.buy(b, BTC_LATER, 100, 400);
    venue.sell(a, BTC_LATER, 100, 400);
    // One contract, strike 110,000, mark 2,000: max(15,000 − 10,000, 10,000) + 2,000, and 7,500 + 2,000.
    let summary = venue.engine.margin_summary(a).unwrap();
    assert_eq!((summary.initial, summary.maintenance), (12_000 * USD, 9_500 * USD));
    assert_eq!(summary.option_value, -2_000 * USD);
    assert_eq!(summary.equity, summary.cash - 2_000 * USD);
    assert_eq!(venue.engine.margin_summary(b).unwrap().initial, 0, "a long option is paid for");
    venue.buy(b, BTC_PUT, 100, 400);
    venue.sell(a, BTC_PUT, 100, 400);
    // At the money put: 15,000 + 2,000.
    assert_eq!(venue.engine.margin_summary(a).unwrap().initial, 29_000 * USD);
}

#[test]
fn perpetual_margin_grows_with_size() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 1_000_000), venue.deposit(address(2), 1_000_000));
    venue.sell(a, BTC_PERP, 10_000, 200_000);
    venue.buy(b, BTC_PERP, 10_000, 200_000);
    // 10 contracts, a million USDC: 4 % + 0.5 %, and 2 % + 0.5 %.
    let summary = venue.engine.margin_summary(a).unwrap();
    assert_eq!((summary.initial, summary.maintenance), (45_000 * USD, 25_000 * USD));
    venue.mark(BTC, 101_000);
    assert_eq!(venue.engine.margin_summary(a).unwrap().unrealised, -10_000 * USD);
    assert_eq!(venue.engine.margin_summary(b).unwrap().unrealised, 10_000 * USD);
}

#[test]
fn open_orders_count_at_their_worst() {
    let mut venue = Venue::open();
    let a = venue.deposit(address(1), 20_000);
    // Selling one call at 2,000 needs 17,000 less the premium, plus 30 of fees.
    venue.sell(a, BTC_CALL, 100, 400);
    assert_eq!(venue.engine.margin_summary(a).unwrap().initial, 15_030 * USD);
    let more = venue.order(a, BTC_CALL, Side::Sell, 100, 410);
    assert_eq!(required(venue.send(more).unwrap_err()), (20_000 * USD, 30_060 * USD));
    // Buying instead costs its premium; the sides do not add up in one instrument, the worse corner counts.
    venue.buy(a, BTC_CALL, 100, 390);
    assert_eq!(venue.engine.margin_summary(a).unwrap().initial, 15_030 * USD);
    let summary = venue.engine.margin_summary(a).unwrap();
    assert_eq!(summary.available, 4_970 * USD);
    assert_eq!(summary.withdrawable, 4_970 * USD);
}

#[test]
fn a_failing_maker_is_closed_not_filled() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 16_000), venue.deposit(address(2), 1_000_000));
    venue.sell(a, BTC_CALL, 100, 400);
    let order = venue.last_order();
    venue.mark(BTC, 110_000);
    let events = venue.buy(b, BTC_CALL, 100, 400);
    assert_eq!(closes(&events), [(order, CloseReason::Margin)]);
    assert_eq!(names(&events), ["OrderClosed", "OrderRested"]);
}

#[test]
fn a_maker_that_reduces_is_filled_whatever_its_margin() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 16_000), venue.deposit(address(2), 1_000_000));
    venue.buy(b, BTC_CALL, 100, 400);
    venue.sell(a, BTC_CALL, 100, 400);
    venue.mark(BTC, 120_000);
    assert!(venue.engine.margin_summary(a).unwrap().available < 0);
    venue.buy(a, BTC_CALL, 50, 600);
    assert_eq!(fills(&venue.sell(b, BTC_CALL, 50, 600)).len(), 1);
    let worse = venue.order(a, BTC_CALL, Side::Sell, 40, 600);
    assert_eq!(code(venue.send(worse)), "not_enough_margin");
}

#[test]
fn new_risk_is_refused_and_reducing_is_not() {
    type Change = fn(&mut Venue);
    let cases: [(Change, &str); 5] = [
        (|venue| venue.advance(61 * SECOND), "stale_mark"),
        (
            |venue| {
                let (mut update, arrays) = venue.marks(BTC, 100_000);
                update.inputs.sources = 2;
                venue.send_with(update, Some(arrays)).unwrap();
            },
            "few_sources",
        ),
        (
            |venue| {
                let (mut update, arrays) = venue.marks(BTC, 100_000);
                update.inputs.confidence = 10_000_001;
                venue.send_with(update, Some(arrays)).unwrap();
            },
            "low_confidence",
        ),
        (|venue| drop(venue.mode(BTC, Mode::CancelOnly)), "mode"),
        (
            |venue| drop(venue.inbox(InboxBody::ForcedCloseOnly { owner: address(1), subaccount: 1 })),
            "close_only",
        ),
    ];
    for (change, word) in cases {
        let mut venue = Venue::open();
        let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
        venue.sell(b, BTC_CALL, 5, 400);
        venue.buy(a, BTC_CALL, 5, 400);
        venue.buy(b, BTC_CALL, 2, 390);
        venue.advance(SECOND);
        change(&mut venue);
        let more = venue.order(a, BTC_CALL, Side::Buy, 1, 380);
        assert_eq!(code(venue.send(more)), word);
        let beyond = venue.order(a, BTC_CALL, Side::Sell, 6, 390);
        assert_eq!(code(venue.send(beyond)), word);
        assert_eq!(fills(&venue.sell(a, BTC_CALL, 3, 390)).len(), 1, "{word}: reducing passes");
        let both = venue.order(a, BTC_CALL, Side::Sell, 3, 395);
        assert_eq!(code(venue.send(both)), word, "open orders count toward what reduces");
    }
}

#[test]
fn modes() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.sell(a, BTC_CALL, 5, 400);
    let order = venue.last_order();
    assert_eq!(names(&venue.mode(BTC, Mode::PostOnly).unwrap()), ["ModeChanged", "MarketStatusChanged"]);
    let taking = venue.order(b, BTC_CALL, Side::Buy, 5, 400);
    assert_eq!(code(venue.send(taking)), "mode");
    venue.buy(b, BTC_CALL, 5, 399);
    venue.mode(BTC, Mode::Halt).unwrap();
    assert_eq!(code(venue.mode(BTC, Mode::Halt)), "nothing_to_do");
    assert_eq!(code(venue.cancel(a, order)), "mode");
    let all = CancelAll { subaccount: a, instrument: 0, underlying: 0, auth: None };
    assert_eq!(code(venue.send(all)), "nothing_to_cancel");
    venue.buy(b, ETH_CALL, 1, 300);
    let events = venue.inbox(InboxBody::ForcedCancelAll { owner: address(1), subaccount: a });
    assert_eq!(closes(&events), [(order, CloseReason::Forced)]);
    venue.mode(BTC, Mode::Normal).unwrap();
}

#[test]
fn profit_on_paper_cannot_be_withdrawn_but_counts_as_margin() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 50_000), venue.deposit(address(2), 100_000));
    venue.sell(b, BTC_PERP, 1_000, 200_000);
    venue.buy(a, BTC_PERP, 1_000, 200_000);
    let fee = 50 * USD;
    venue.mark(BTC, 110_000);
    let summary = venue.engine.margin_summary(a).unwrap();
    assert_eq!(summary.balance, 60_000 * USD - fee);
    // 4 % + 0.5 % × 0.11 of 110,000.
    assert_eq!(summary.initial, 4_460_500_000);
    assert_eq!(summary.withdrawable, 50_000 * USD - fee - summary.initial);
    venue.mark(BTC, 95_000);
    let summary = venue.engine.margin_summary(a).unwrap();
    assert_eq!(summary.withdrawable, 45_000 * USD - fee - summary.initial);
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    let mut venue = Venue::open();
    let a = venue.deposit(address(1), 100_000);
    venue.set(Parameter::PriceBand, 100 * NANO_ONE).unwrap();
    let order = venue.order(a, BTC_CALL, Side::Buy, engine::ORDER_LOTS_MAX, 10_000);
    assert!(matches!(code(venue.send(order)), "overflow" | "not_enough_margin"));
    let order = venue.order(a, BTC_PERP, Side::Sell, engine::ORDER_LOTS_MAX, 200_000);
    assert!(matches!(code(venue.send(order)), "overflow" | "not_enough_margin"));
}

#[test]
fn prices_end_where_marks_end() {
    let mut venue = Venue::open();
    let a = venue.deposit(address(1), 100_000);
    let highest = engine::ORDER_PRICE_MAX / (5 * USD);
    for side in [Side::Buy, Side::Sell] {
        let order = venue.order(a, BTC_CALL, side, 1, highest + 1);
        assert_eq!(code(venue.send(order)), "invalid_price");
    }
    venue.sell(a, BTC_CALL, 1, highest);
    let order = venue.last_order();
    let beyond = venue.replace(a, order, 1, highest + 1);
    assert_eq!(code(venue.send(beyond)), "invalid_price");
}

/// Offers far above the market cost no margin, and the worst price of a side is its lowest. Without the check on their
/// cash two of them would hide behind a third, and overflow the account's margin once that one is gone.
#[test]
fn absurd_offers_never_overflow_the_margin_of_their_account() {
    let mut venue = Venue::open();
    let a = venue.deposit(address(1), 10_000_000);
    let (lots, highest) = (900_000, engine::ORDER_PRICE_MAX / (5 * USD));
    venue.sell(a, BTC_CALL, lots, highest);
    venue.sell(a, BTC_CALL, 1, 5_000);
    let sane = venue.last_order();
    let second = venue.order(a, BTC_CALL, Side::Sell, lots, highest);
    assert_eq!(code(venue.send(second)), "overflow");
    venue.cancel(a, sane).unwrap();
    assert!(venue.engine.margin_summary(a).is_some());
    venue.buy(a, BTC_PUT, 1, 10);
}

/// Long 1 BTC with a bid for another, then short of initial margin for both.
fn bid_beyond_means() -> (Venue, SubaccountId, OrderId) {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 9_000), venue.deposit(address(2), 10_000_000));
    venue.sell(b, BTC_PERP, 1_000, 200_000);
    venue.buy(a, BTC_PERP, 1_000, 200_000);
    venue.buy(a, BTC_PERP, 1_000, 190_000);
    let bid = venue.last_order();
    venue.mark(BTC, 97_000);
    venue.sell(b, BTC_PERP, 5_000, 194_000);
    venue.buy(b, BTC_PERP, 5_000, 193_000);
    (venue, a, bid)
}

#[test]
fn an_open_order_is_no_licence_for_new_risk() {
    let (mut venue, a, bid) = bid_beyond_means();
    let replace = venue.replace(a, bid, 1_000, 194_000);
    assert_eq!(code(venue.send(replace)), "not_enough_margin");
    // The bid needs margin for 2 BTC, and that does not cover a sale through the position to the other side.
    let order = venue.order(a, BTC_PERP, Side::Sell, 2_500, 193_000);
    assert_eq!(code(venue.send(order)), "not_enough_margin");
    let events = venue.sell(a, BTC_PERP, 600, 193_000);
    assert_eq!(fills(&events).len(), 1);
}
