//! Auctions of whole portfolios, solvent and insolvent.

use crate::common::*;
use crate::support::*;
use protocol::*;

const MINUTE: Nanos = 60 * SECOND;

/// In auction at 97,000 with 1,950 USDC of equity.
fn auctioned() -> Scene {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    scene
}

/// Insolvent at 80,000 with a debt of 15,050 USDC, and a fund that may pay 25,000.
fn insolvent() -> Scene {
    let mut scene = Scene::long(5_000);
    scene.fund(50_000);
    assert_eq!(story(&scene.mark(80_000)), ["MarginCall", "LiquidationStarted", "AuctionOpened"]);
    scene
}

fn wait(scene: &mut Scene, minutes: u64, index: i64) {
    for _ in 0..minutes {
        scene.later(MINUTE, index);
    }
}

#[test]
fn the_price_falls_from_start_through_middle_to_nothing() {
    let mut scene = auctioned();
    assert_eq!((scene.auction().factor, scene.auction().price), (950_000_000, 1_852_500_000));
    wait(&mut scene, 3, 97_000);
    assert!((899_999_999..=900_000_000).contains(&scene.auction().factor));
    wait(&mut scene, 12, 97_000);
    assert!((699_999_990..=700_000_000).contains(&scene.auction().factor));
    wait(&mut scene, 27, 97_000);
    assert!((279_999_000..=280_000_000).contains(&scene.auction().factor));
}

#[test]
fn time_in_which_nobody_can_bid_does_not_make_it_cheaper() {
    let mut scene = auctioned();
    wait(&mut scene, 3, 97_000);
    let before = scene.auction().factor;
    // No mark for most of an hour: the feed is dead, or the venue is down.
    scene.later(50 * MINUTE, 97_000);
    let lost = before - scene.auction().factor;
    assert!((0..1_000_000).contains(&lost), "{lost} in the second until its next round was due");
}

#[test]
fn a_share_brings_the_seller_back_to_its_buffer_and_no_further() {
    let mut scene = auctioned();
    let auction = scene.auction();
    let missing = 1_987_045_000_i64 * 11 / 10 + 1 - 1_950 * USD;
    let share = (missing as f64 / (missing + auction.price) as f64 * 1e9).ceil() as i64;
    assert!((auction.share_max - share).abs() <= 100, "{} {share}", auction.share_max);

    let cash = (scene.venue.cash(scene.seller), scene.venue.cash(scene.bidder));
    let events = scene.bid(NANO_ONE, i64::MAX).unwrap();
    assert_eq!(
        story(&events),
        [
            "PositionMoved",
            "BalanceChanged",
            "BalanceChanged",
            "AuctionFill",
            "LiquidationEnded",
            "MarginCall"
        ]
    );
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Recovered));
    let moved = scene.venue.position(scene.bidder, BTC_PERP);
    assert_eq!(moved, (1_000 * auction.share_max + NANO_ONE - 1) / NANO_ONE);
    assert_eq!(scene.venue.position(scene.seller, BTC_PERP), 1_000 - moved);
    // The seller realised what its share had lost and paid the discount; the bidder got the discount.
    let value = i128::from(1_950 * USD) * i128::from(auction.share_max) / i128::from(NANO_ONE);
    let price =
        (i128::from(auction.price) * i128::from(auction.share_max) + 999_999_999) / i128::from(NANO_ONE);
    assert_eq!(i128::from(scene.venue.cash(scene.bidder) - cash.1), value - price);
    let lost = 3_000 * USD * moved / 1_000;
    assert_eq!(i128::from(scene.venue.cash(scene.seller) - cash.0), price - value - i128::from(lost));
    assert!(matches!(calls(&events)[..], [CallLevel::Initial]));
}

#[test]
fn small_bids_add_up_and_what_was_paid_is_not_discounted_again() {
    let mut scene = auctioned();
    let mut shares = 0;
    while scene.liquidation().is_some() {
        let excess = scene.excess();
        scene.bid(10_000_000, i64::MAX).unwrap();
        assert!(scene.excess() >= excess);
        shares += 1;
        if let Some(liquidation) = scene.liquidation() {
            assert!(liquidation.reserve > 0);
            let auction = scene.auction();
            let plain = auction.value * 95 / 100;
            assert!(auction.price > plain, "{} {plain}", auction.price);
        }
    }
    assert!((10..=13).contains(&shares), "{shares}");
}

#[test]
fn bids_are_refused_with_reasons() {
    let mut scene = Scene::long(5_000);
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "not_in_auction");
    scene.mark(97_000);
    assert_eq!(code(scene.bid(0, i64::MAX)), "bid_share");
    assert_eq!(code(scene.bid(NANO_ONE + 1, i64::MAX)), "bid_share");
    assert_eq!(code(scene.bid(NANO_ONE, 200 * USD)), "bid_limit");
    let own = scene.bid_of(scene.seller, NANO_ONE, i64::MAX);
    assert_eq!(code(scene.venue.send(own)), "own_portfolio");
    let mut foreign = scene.bid_of(scene.bidder, NANO_ONE, i64::MAX);
    foreign.auth = scene.venue.auth(address(2));
    assert_eq!(code(scene.venue.send(foreign)), "not_authorized");
    let poor = scene.venue.deposit(address(4), 200);
    let bid = scene.bid_of(poor, NANO_ONE, i64::MAX);
    assert_eq!(code(scene.venue.send(bid)), "not_enough_margin");
    scene.venue.mode(BTC, Mode::CancelOnly).unwrap();
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "mode");
    scene.venue.mode(BTC, Mode::Normal).unwrap();
    scene.venue.inbox(InboxBody::ForcedCloseOnly { owner: address(3), subaccount: scene.bidder });
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "close_only");
}

#[test]
fn a_bidder_in_liquidation_may_not_bid() {
    let mut scene = Scene::long(5_000);
    let other = scene.venue.deposit(address(4), 5_000);
    scene.trade(other, scene.maker, BTC_PERP, 1_000);
    scene.mark(97_000);
    let bid = scene.bid_of(other, NANO_ONE, i64::MAX);
    assert_eq!(code(scene.venue.send(bid)), "in_liquidation");
}

#[test]
fn nobody_can_take_a_portfolio_that_recovered() {
    let mut scene = auctioned();
    scene.venue.advance(1);
    scene.venue.deposit(address(1), 5_000);
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "not_in_auction");
}

#[test]
fn the_fund_pays_for_an_insolvent_portfolio_more_with_time() {
    let mut scene = insolvent();
    assert_eq!(scene.auction().insurance, 0);
    assert!(scene.auction().insolvent);
    wait(&mut scene, 30, 80_000);
    let auction = scene.auction();
    // Half of the debt and the maintenance margin.
    let whole = 15_050 * USD + 1_632 * USD;
    assert!((auction.insurance - whole / 2).abs() < 10, "{}", auction.insurance);
    wait(&mut scene, 27, 80_000);

    let offer = scene.auction().insurance;
    assert_eq!(code(scene.bid(NANO_ONE, -offer - 1)), "bid_limit");
    let (fund, cash) = (scene.venue.engine.globals().insurance, scene.venue.cash(scene.bidder));
    let events = scene.bid(NANO_ONE, -offer).unwrap();
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Insured));
    assert_eq!(scene.venue.engine.globals().insurance, fund - offer);
    assert_eq!(scene.venue.cash(scene.bidder), cash + offer - 15_050 * USD);
    assert_eq!((scene.venue.cash(scene.seller), scene.venue.position(scene.seller, BTC_PERP)), (0, 0));
    assert_eq!(scene.venue.position(scene.bidder, BTC_PERP), 1_000);
}

#[test]
fn half_an_insolvent_portfolio_leaves_half_the_debt() {
    let mut scene = insolvent();
    wait(&mut scene, 58, 80_000);
    scene.bid(NANO_ONE / 2, 0).unwrap();
    assert_eq!(scene.venue.position(scene.seller, BTC_PERP), 500);
    assert_eq!(scene.auction().value, -15_050 * USD / 2);
    assert!(scene.liquidation().unwrap().insurance > 0);
}

#[test]
fn an_auction_changes_sides_with_the_value() {
    let mut scene = insolvent();
    scene.mark(97_000);
    assert_eq!(scene.venue.engine.auction(scene.seller), None, "the round to come opens the other one");
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "not_in_auction");
    let events = scene.later(SECOND, 96_500);
    assert!(names(&events).contains(&"AuctionOpened"));
    assert!(!scene.auction().insolvent);
    let events = scene.later(SECOND, 80_000);
    assert!(names(&events).contains(&"AuctionOpened"));
    assert!(scene.auction().insolvent);
}

#[test]
fn options_move_at_their_marks() {
    let mut scene = Scene::new(6_000);
    scene.trade(scene.maker, scene.seller, BTC_CALL, 30);
    scene.trade(scene.seller, scene.maker, BTC_LATER, 30);
    let events = mark_with(&mut scene.venue, 112_000, |spec| {
        if spec.strike == 100_000 * USD { 13_000 * USD } else { 6_000 * USD }
    });
    assert!(names(&events).contains(&"AuctionOpened"), "{events:?}");
    let auction = scene.auction();
    assert!(auction.value > 0);
    let events = scene.bid(NANO_ONE / 10, i64::MAX).unwrap();
    let moved: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::PositionMoved(moved) => Some((moved.instrument, moved.lots, moved.cash)),
            _ => None,
        })
        .collect();
    assert_eq!(moved, [(BTC_CALL, -3, -390 * USD), (BTC_LATER, 3, 180 * USD)]);
}
