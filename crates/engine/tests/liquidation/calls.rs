//! Margin calls, the start of a liquidation, and what an account in liquidation may do.

use crate::common::*;
use crate::support::*;
use engine::{Engine, LiquidationStage};
use protocol::*;

#[test]
fn calls_tell_each_boundary_once() {
    let mut scene = Scene::long(5_000);
    assert_eq!(calls(&scene.mark(99_200)), []);
    assert_eq!(calls(&scene.mark(98_900)), [CallLevel::Initial]);
    assert_eq!(calls(&scene.mark(97_300)), []);
    assert_eq!(calls(&scene.mark(97_200)), [CallLevel::Maintenance]);
    assert_eq!(calls(&scene.mark(97_200)), []);
    assert_eq!(calls(&scene.mark(98_000)), [CallLevel::Initial]);
    assert_eq!(calls(&scene.mark(100_000)), [CallLevel::None]);
    assert!(scene.liquidation().is_none());
}

#[test]
fn a_liquidation_starts_with_the_mark_that_causes_it() {
    let mut scene = Scene::long(5_000);
    let venue = &mut scene.venue;
    venue.buy(scene.seller, BTC_PERP, 1, 90_000 * TICKS);
    let order = venue.last_order();
    let events = scene.mark(97_000);
    assert_eq!(story(&events), ["MarginCall", "LiquidationStarted", "OrderClosed", "AuctionOpened"]);
    assert_eq!(closes(&events), [(order, CloseReason::Liquidation)]);
    let started = LiquidationStarted {
        liquidation: 1,
        subaccount: scene.seller,
        underlying: BTC,
        mark_epoch: scene.venue.engine.underlying(BTC).unwrap().mark_epoch,
        equity: 1_950 * USD,
        maintenance: 1_987_045_000,
        value: 1_950 * USD,
    };
    assert!(events.contains(&started.into()));
    assert_eq!(scene.venue.engine.globals().liquidations, 1);
    assert_eq!(scene.venue.engine.liquidation_due(), Some(scene.venue.time + SECOND));
}

#[test]
fn funding_parameters_and_settlements_cause_liquidations_too() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_100);
    let mut funded = scene.venue.clone();
    funded.advance(40 * SECOND);
    funded.mark(BTC, 97_100);
    let mut events = Vec::new();
    for _ in 0..200 {
        funded.advance(3_600 * SECOND);
        funded.mark(BTC, 97_100);
        events.extend(funded.send(FundingTick { underlying: BTC }).unwrap());
    }
    assert!(names(&events).contains(&"LiquidationStarted"));

    let events = scene.venue.set(Parameter::PerpetualMaintenance, 30_000_000).unwrap();
    let started = events.iter().find_map(|event| match event {
        Event::LiquidationStarted(started) => Some((started.underlying, started.mark_epoch)),
        _ => None,
    });
    assert_eq!(started, Some((0, 0)));
}

#[test]
fn nothing_is_done_while_marks_are_unsound_or_the_market_is_halted() {
    for halt in [false, true] {
        let mut scene = Scene::long(5_000);
        if halt {
            scene.venue.mode(BTC, Mode::Halt).unwrap();
            assert_eq!(story(&scene.mark(97_000)), ["MarginCall"]);
            scene.venue.mode(BTC, Mode::Normal).unwrap();
        } else {
            scene.venue.advance(1);
            let (mut update, arrays) = scene.venue.marks(BTC, 97_000);
            update.inputs.sources = 2;
            assert_eq!(story(&scene.venue.send_with(update, Some(arrays)).unwrap()), ["MarginCall"]);
            assert_eq!(story(&scene.clock()), [""; 0]);
            scene.venue.set(Parameter::MinIndexSources, 2).unwrap();
            assert!(scene.liquidation().is_some());
            continue;
        }
        assert_eq!(story(&scene.clock()), ["LiquidationStarted", "AuctionOpened"]);
    }
}

#[test]
fn a_liquidation_is_frozen_when_its_marks_go_stale() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    let before = *scene.liquidation().unwrap();
    scene.venue.advance(61 * SECOND);
    assert_eq!(story(&scene.clock()), [""; 0]);
    assert_eq!(scene.liquidation(), Some(&before));
    assert_eq!(scene.venue.engine.liquidation_due(), None);
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "stale_mark");
    scene.mark(97_000);
    assert_ne!(scene.liquidation(), Some(&before));
}

#[test]
fn an_account_in_liquidation_adds_no_risk_and_nothing_leaves_it() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    let (seller, owner) = (scene.seller, address(1));
    let order = scene.venue.order(seller, BTC_PERP, Side::Sell, 1, 97_000 * TICKS);
    assert_eq!(code(scene.venue.send(order)), "in_liquidation");
    assert_eq!(scene.venue.engine.withdrawable(seller, USDC), 0);
    let auth = scene.venue.owner_auth(owner);
    let withdraw = Withdraw { subaccount: seller, asset: USDC, amount: 1, recipient: owner, auth };
    assert_eq!(code(scene.venue.send(withdraw)), "in_liquidation");
    let forced =
        InboxBody::ForcedWithdraw { owner, subaccount: seller, asset: USDC, amount: USD, recipient: owner };
    assert_eq!(names(&scene.venue.inbox(forced)), ["ForcedRequestVoid"]);
    let auth = scene.venue.owner_auth(owner);
    assert_eq!(
        code(scene.venue.send(FundInsurance { subaccount: seller, amount: 1, auth })),
        "in_liquidation"
    );
}

#[test]
fn a_deposit_rescues() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    scene.venue.deposit(address(1), 5_000);
    scene.venue.advance(SECOND);
    let events = scene.clock();
    assert_eq!(story(&events), ["LiquidationEnded", "MarginCall"]);
    assert_eq!(
        (outcome(&events), calls(&events)),
        (Some(LiquidationOutcome::Recovered), vec![CallLevel::None])
    );
    assert_eq!(scene.venue.position(scene.seller, BTC_PERP), 1_000);
}

#[test]
fn a_snapshot_keeps_calls_and_liquidations() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    let restored = Engine::from_bytes(&scene.venue.engine.to_bytes()).unwrap();
    assert_eq!(restored.state_hash(), scene.venue.engine.state_hash());
    let account = restored.account(scene.seller).unwrap();
    assert_eq!(account.call(), CallLevel::Maintenance);
    assert_eq!(account.liquidation().unwrap().stage, LiquidationStage::Auction);
    assert_eq!(restored.liquidation_due(), scene.venue.engine.liquidation_due());
    let mut twin = scene.venue.clone();
    twin.engine = restored;
    let (a, b) = (twin.mark(BTC, 96_000), scene.mark(96_000));
    assert_eq!(a, b);
}

#[test]
fn full_scan_and_index_agree_on_a_slow_decline() {
    let mut scene = Scene::long(5_000);
    let mut twin = scene.venue.clone();
    twin.engine.set_full_scan(true);
    for step in 0..60 {
        assert_eq!(twin.mark(BTC, 100_000 - 100 * step), scene.mark(100_000 - 100 * step));
    }
    assert!(scene.liquidation().is_some());
}
