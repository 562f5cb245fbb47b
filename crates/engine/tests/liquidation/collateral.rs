//! Accounts with assets beside USDC.

use crate::common::*;
use crate::support::*;
use protocol::*;

/// The seller has 1,000 USDC and 2 WETH, which count at 95 % for maintenance, and is long 1 BTC.
fn pledged() -> Scene {
    let mut scene = Scene::on(Venue::with_tables(), 1_000);
    let owner = address(1);
    scene.venue.inbox(InboxBody::Deposit { owner, subaccount: 1, asset: WETH, amount: 2 * CONTRACT });
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene
}

#[test]
fn collateral_moves_with_the_share_at_its_value() {
    let mut scene = pledged();
    let events = scene.mark(93_200);
    assert!(names(&events).contains(&"AuctionOpened"), "{events:?}");
    let auction = scene.auction();
    // 950 of cash, 6,800 lost, 8,000 of WETH.
    assert_eq!(auction.value, 2_150 * USD);
    let events = scene.bid(NANO_ONE, i64::MAX).unwrap();
    let got = scene.venue.engine.account(scene.bidder).unwrap().balance(WETH);
    assert_eq!(got, (2 * CONTRACT as i128 * i128::from(auction.share_max) / i128::from(NANO_ONE)) as i64);
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Recovered));
}

#[test]
fn a_dead_feed_of_the_collateral_liquidates_nobody() {
    let mut scene = pledged();
    scene.venue.advance(61 * SECOND);
    // ETH is stale, so the collateral counts for nothing new, and for maintenance as before.
    assert_eq!(calls(&scene.mark(97_000)), [CallLevel::Initial]);
    let events = scene.mark(93_200);
    assert!(!names(&events).contains(&"LiquidationStarted"), "{events:?}");
    let events = scene.venue.mark(ETH, 4_000);
    assert!(names(&events).contains(&"LiquidationStarted"), "{events:?}");
}

#[test]
fn marks_that_go_stale_with_another_command_are_not_missed() {
    let mut scene = pledged();
    assert_eq!(calls(&scene.mark(100_000)), []);
    scene.venue.advance(61 * SECOND);
    // The first command after the marks went stale looks at nobody; the clock after it must.
    scene.venue.deposit(address(5), 1);
    assert_eq!(calls(&scene.clock()), [CallLevel::Initial]);
}

#[test]
fn those_who_pay_for_a_debt_get_the_collateral() {
    let mut scene = pledged();
    let other = scene.venue.deposit(address(4), 1_000_000);
    scene.trade(scene.maker, other, BTC_PERP, 400);
    let events = scene.mark(80_000);
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
    let account = |sub| scene.venue.engine.account(sub).unwrap();
    assert_eq!((account(scene.seller).balance(USDC), account(scene.seller).balance(WETH)), (0, 0));
    // 19,050 USDC of debt and 2 WETH, by 600 and 400 lots.
    assert_eq!((account(scene.maker).balance(WETH), account(other).balance(WETH)), (120_000_000, 80_000_000));
    let charges: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::BalanceChanged(change)
                if change.reason == BalanceReason::Deleverage && change.asset == USDC =>
            {
                Some(change.delta)
            }
            _ => None,
        })
        .collect();
    assert_eq!(charges, [-11_430 * USD, -7_620 * USD, 19_050 * USD]);
}

#[test]
fn a_feed_that_dies_between_looks_is_noticed_at_the_next() {
    let mut scene = pledged();
    let mut scanned = scene.venue.clone();
    scanned.engine.set_full_scan(true);
    let mut told = Vec::new();
    for venue in [&mut scene.venue, &mut scanned] {
        // BTC is marked shortly before ETH goes stale, which an order is the first to show.
        venue.advance(59 * SECOND);
        venue.mark(BTC, 97_000);
        venue.advance(2 * SECOND);
        venue.buy(2, BTC_PERP, 1, 150_000);
        venue.advance(SECOND);
        told.push(venue.send(Clock { limit: 0 }).unwrap());
    }
    assert_eq!(calls(&told[0]), [CallLevel::Initial]);
    assert_eq!(told[0], told[1]);
}

#[test]
fn another_model_is_another_distance() {
    let mut scene = Scene::on(Venue::with_tables(), 30_000);
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.mark(100_000);
    let mut scanned = scene.venue.clone();
    scanned.engine.set_full_scan(true);
    for venue in [&mut scene.venue, &mut scanned] {
        venue.model(1, MarginModel::Portfolio).unwrap();
    }
    for index in (80_000..100_000).rev().step_by(500) {
        let told = [&mut scene.venue, &mut scanned].map(|venue| venue.mark(BTC, index));
        assert_eq!(told[0], told[1], "at {index}");
    }
    assert_ne!(scene.venue.engine.account(1).unwrap().call(), CallLevel::None);
}

#[test]
fn a_trifle_on_a_dead_feed_protects_nobody() {
    let mut scene = Scene::on(Venue::with_tables(), 5_000);
    let owner = address(1);
    scene.venue.inbox(InboxBody::Deposit { owner, subaccount: 1, asset: WETH, amount: CONTRACT / 1_000 });
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.trade(scene.seller, scene.maker, ETH_PERP, 1);
    scene.venue.advance(61 * SECOND);
    // It lacks more than a hundred USDC, and has 44 in a token and a contract that nobody can price now.
    let events = scene.mark(96_900);
    assert!(names(&events).contains(&"LiquidationStarted"), "{events:?}");
    // What is sound is closed, what is not waits.
    let events = scene.later(SECOND, 75_000);
    assert!(names(&events).contains(&"Deleveraged"), "{events:?}");
    assert!(outcome(&events).is_none());
    let held = [BTC_PERP, ETH_PERP].map(|instrument| scene.venue.position(scene.seller, instrument));
    assert_eq!(held, [0, 1]);
    scene.venue.advance(SECOND);
    let events = scene.venue.mark(ETH, 4_000);
    assert!(names(&events).contains(&"Deleveraged"), "{events:?}");
    assert_eq!(scene.venue.position(scene.seller, ETH_PERP), 0);
}
