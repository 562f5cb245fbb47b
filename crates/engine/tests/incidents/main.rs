//! Incidents that other venues have had, each as a story: the attacker's steps, and what the guard leaves him.
//!
//! `docs/risk/incidents.md` says what happened where. `tests/incidents/test_guards.py` removes the guards one by one and
//! sees each story fail.

#![allow(clippy::unwrap_used)]
#[path = "../common/mod.rs"]
mod common;
#[path = "../liquidation/support.rs"]
#[allow(dead_code)]
mod support;

use common::*;
use engine::Reject;
use protocol::*;
use support::*;

fn withdraw(venue: &mut Venue, subaccount: SubaccountId, amount: i64) -> Result<Vec<Event>, Reject> {
    let recipient = venue.engine.owner_of(subaccount).unwrap();
    let auth = venue.owner_auth(recipient);
    venue.send(Withdraw { subaccount, asset: USDC, amount, recipient, auth })
}

/// Mango, October 2022: two accounts of one man, long and short a thin perpetual; he pumps it and withdraws against the
/// profit that the long one shows.
#[test]
fn mango_profit_that_is_not_realised_does_not_leave() {
    let mut venue = Venue::open();
    let (long, short) = (venue.deposit(address(1), 50_000), venue.deposit(address(2), 50_000));
    let mut scene = Scene { venue, seller: short, maker: long, bidder: long };
    scene.trade(long, short, BTC_PERP, 400);
    let before = scene.venue.engine.withdrawable(long, USDC);
    scene.mark(125_000);
    scene.mark(150_000);
    let summary = scene.venue.engine.margin_summary(long).unwrap();
    assert_eq!(summary.unrealised, 20_000 * USD, "the pump has made him rich on paper");
    assert!(scene.venue.engine.withdrawable(long, USDC) <= before, "more margin, not more money");
    let deposited = 50_000 * USD;
    assert_eq!(code(withdraw(&mut scene.venue, long, deposited)), "insufficient_funds");
    // In the portfolio model option value backs margin; it does not leave either.
    let mut venue = Venue::with_tables();
    let (buyer, maker) = (venue.deposit(address(1), 50_000), venue.deposit(address(2), 10_000_000));
    venue.model(buyer, MarginModel::Portfolio).unwrap();
    let mut scene = Scene { venue, seller: buyer, maker, bidder: maker };
    scene.trade(buyer, maker, BTC_CALL, 1_000);
    let cash = scene.venue.cash(buyer);
    mark_with(&mut scene.venue, 110_000, |_| 20_000 * USD);
    assert!(scene.venue.engine.standing(buyer).unwrap().equity > 200_000 * USD);
    assert!(scene.venue.engine.withdrawable(buyer, USDC) <= cash);
}

/// YFI on dYdX, November 2023: a position larger than the market could take back, margined as if it were small.
#[test]
fn yfi_a_position_that_is_large_against_its_market_needs_more_for_each_contract() {
    let margin_of = |contracts: i64| {
        let mut venue = Venue::with_tables();
        let buyer = venue.deposit(address(1), 1_000_000_000);
        let maker = venue.deposit(address(2), 1_000_000_000);
        venue.model(buyer, MarginModel::Portfolio).unwrap();
        let mut scene = Scene { venue, seller: buyer, maker, bidder: maker };
        scene.trade(buyer, maker, BTC_PERP, contracts * 1_000);
        scene.venue.engine.margin_summary(buyer).unwrap().initial
    };
    // The market's depth is 1,000 contracts, at 1 % of the index.
    let (small, large) = (margin_of(10), margin_of(2_000));
    let impact = 2_000 * 100_000 * USD / 50;
    assert!(large > 200 * small + impact * 9 / 10, "{large} is no more than 200 × {small}");
}

/// JELLY on Hyperliquid, March 2025: an attacker lets his own position be liquidated into the common vault, and squeezes it.
#[test]
fn jelly_one_liquidation_cannot_empty_the_insurance_fund() {
    let mut scene = Scene::long(5_000);
    scene.fund(16_000);
    // Overnight he is 15,050 USDC in the red, and the other side of it is his own.
    let events = scene.mark(80_000);
    let fund = scene.venue.engine.globals().insurance;
    assert_eq!(fund, 8_000 * USD, "half of the fund is the most for one liquidation");
    assert_eq!(
        outcome(&events),
        Some(LiquidationOutcome::Deleveraged),
        "the rest is paid by those on the other side"
    );
    // The fund never holds a position that could be squeezed.
    scene.mark(100_000);
    assert_eq!(scene.venue.engine.globals().insurance, fund);
}

/// USDe on Binance, 10 October 2025: collateral was priced from the venue's own book, and fell there alone.
#[test]
fn usde_collateral_has_the_price_of_outside_indices_and_no_dead_feed_liquidates() {
    let mut venue = Venue::with_tables();
    let (borrower, maker) = (venue.deposit(address(1), 1), venue.deposit(address(2), 10_000_000));
    venue.inbox(InboxBody::Deposit { owner: address(1), subaccount: 0, asset: WETH, amount: 10 * CONTRACT });
    venue.sell(maker, BTC_PERP, 400, 200_000);
    venue.buy(borrower, BTC_PERP, 400, 200_000);
    let before = venue.engine.standing(borrower).unwrap();
    // A crash in the own book of the collateral's underlying: two trades at half of the price.
    let half = 2_000 * USD / venue.engine.instrument(ETH_PERP).unwrap().spec.tick_size;
    let third = venue.deposit(address(3), 10_000_000);
    venue.sell(maker, ETH_PERP, 10, half);
    venue.buy(third, ETH_PERP, 10, half);
    venue.mark(BTC, 100_000);
    assert_eq!(venue.engine.standing(borrower).unwrap().equity, before.equity, "the own book prices nothing");
    // The feed of the collateral dies: no new risk against it, and no liquidation by it.
    venue.advance(61 * SECOND);
    let events = venue.mark(BTC, 100_000);
    assert!(!names(&events).contains(&"LiquidationStarted"), "{events:?}");
    let standing = venue.engine.standing(borrower).unwrap();
    assert_eq!(standing.equity, before.equity, "good for maintenance");
    assert!(standing.initial_equity <= USD, "nothing for more");
    let order = venue.order(borrower, BTC_PERP, Side::Buy, 10, 200_000);
    assert_eq!(code(venue.send(order)), "not_enough_margin");
}

/// Paradex, January 2026: a price of zero after a database migration, and everybody liquidated at it.
#[test]
fn paradex_a_price_of_zero_or_of_too_few_sources_liquidates_nobody() {
    let mut scene = Scene::long(5_000);
    for index in [0, 1, 1_000_000] {
        scene.venue.advance(1);
        let (update, arrays) = scene.venue.marks(BTC, index);
        let refused = code(scene.venue.send_with(update, Some(arrays)));
        assert!(["invalid_mark", "index_jump"].contains(&refused), "{index}: {refused}");
    }
    // One step down that the jump rule allows, seen by two sources of three.
    scene.venue.advance(1);
    let (mut update, arrays) = scene.venue.marks(BTC, 80_000);
    update.inputs.sources = 2;
    let events = scene.venue.send_with(update, Some(arrays)).unwrap();
    assert!(!names(&events).contains(&"LiquidationStarted"), "{events:?}");
    assert!(
        scene.excess() < 0 && scene.liquidation().is_none(),
        "frozen, though below its maintenance margin"
    );
    // A sound mark at the old price: nothing ever happened.
    scene.mark(100_000);
    assert!(scene.excess() > 0 && scene.liquidation().is_none());
}

/// Aevo and Ribbon, December 2025: an oracle upgrade let anybody set expiry prices, in other decimals.
#[test]
fn aevo_an_expiry_has_one_price_from_the_quorum_in_the_units_of_the_marks() {
    let mut scene = Scene::new(50_000);
    scene.trade(scene.maker, scene.seller, BTC_CALL, 10);
    scene.venue.advance(DAY);
    let mut stranger = scene.venue.expire(BTC, EXPIRY_1, 101_000);
    stranger.cosignatures = cosigned(&[ADMINS[0], ADMINS[1]]);
    assert_eq!(code(scene.venue.send(stranger)), "not_oracle");
    // Eight decimals where six are meant, and six where eight are.
    let good = scene.venue.expire(BTC, EXPIRY_1, 101_000);
    for price in [good.price * 100, good.price / 100] {
        assert_eq!(code(scene.venue.send(Expire { price, ..good.clone() })), "settlement_price_range");
    }
    scene.venue.send(good.clone()).unwrap();
    assert_eq!(code(scene.venue.send(Expire { price: good.price - USD, ..good })), "settlement_fixed");
}

/// 10 October 2025: auto-deleveraging closed the profitable legs of hedged books, and left the others naked in the crash.
#[test]
fn october_a_hedged_book_is_not_left_with_its_other_leg() {
    let mut scene = Scene::on(Venue::with_tables(), 5_000);
    let third = scene.venue.deposit(address(4), 10_000_000);
    scene.venue.model(scene.maker, MarginModel::Portfolio).unwrap();
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    // The maker is short a put as well, and the perpetual that he is short of is what hedges it.
    scene.trade(third, scene.maker, BTC_PUT, 100);
    scene.venue.mode(BTC, Mode::Halt).unwrap();
    scene.mark(80_000);
    scene.venue.mode(BTC, Mode::Normal).unwrap();
    let loss = |scene: &Scene, sub| scene.venue.engine.lane_loss(sub, BTC).unwrap();
    let before = (loss(&scene, scene.maker), loss(&scene, third));
    let events = scene.clock();
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
    // With the perpetual closed, the put must have gone as well.
    let after = (loss(&scene, scene.maker), loss(&scene, third));
    assert!(after.0 <= before.0 && after.1 <= before.1, "{before:?} became {after:?}");
}
