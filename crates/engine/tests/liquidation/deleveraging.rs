//! Auto-deleveraging: whole-book slices, hedges that stay hedged, debts divided to the unit.

use crate::common::*;
use crate::support::*;
use proptest::prelude::*;
use protocol::*;

fn charges(events: &[Event]) -> Vec<(SubaccountId, i64)> {
    let charged = events.iter().filter_map(|event| match event {
        Event::BalanceChanged(change) if change.reason == BalanceReason::Deleverage && change.delta < 0 => {
            Some((change.subaccount, change.delta))
        }
        _ => None,
    });
    charged.collect()
}

#[test]
fn without_a_fund_counterparties_are_closed_in_the_same_event() {
    let mut scene = Scene::long(5_000);
    let events = scene.mark(80_000);
    assert_eq!(
        story(&events),
        [
            "MarginCall",
            "LiquidationStarted",
            "AuctionOpened",
            "Deleveraged",
            "BalanceChanged",
            "BalanceChanged",
            "LiquidationEnded",
            "MarginCall"
        ]
    );
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
    assert_eq!(charges(&events), [(scene.maker, -15_050 * USD)]);
    assert_eq!((scene.venue.cash(scene.seller), scene.venue.position(scene.maker, BTC_PERP)), (0, 0));
}

#[test]
fn counterparties_share_in_proportion() {
    let mut scene = Scene::new(5_000);
    let other = scene.venue.deposit(address(4), 10_000_000);
    let long = scene.venue.deposit(address(5), 10_000_000);
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.trade(long, scene.maker, BTC_PERP, 200);
    scene.trade(long, other, BTC_PERP, 800);
    let events = scene.mark(80_000);
    let position = |sub| scene.venue.position(sub, BTC_PERP);
    assert_eq!((position(scene.maker), position(other), position(long)), (-600, -400, 1_000));
    assert_eq!(charges(&events), [(scene.maker, -9_030 * USD), (other, -6_020 * USD)]);
}

#[test]
fn an_auction_that_nobody_wants_ends_with_counterparties_closed_at_the_mark() {
    let mut scene = Scene::long(5_000);
    scene.mark(97_000);
    let mut ended = None;
    for _ in 0..61 {
        let events = scene.later(60 * SECOND, 97_000);
        ended = ended.or(outcome(&events));
    }
    assert_eq!(ended, Some(LiquidationOutcome::Deleveraged));
    assert_eq!(scene.venue.cash(scene.seller), 1_950 * USD);
}

#[test]
fn a_hedged_counterparty_stays_hedged() {
    // The maker is short 1 BTC to the seller and long 1 BTC of calls, sold by a third.
    let mut scene = Scene::on(Venue::with_tables(), 5_000);
    let third = scene.venue.deposit(address(4), 10_000_000);
    scene.venue.model(scene.maker, MarginModel::Portfolio).unwrap();
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.trade(scene.maker, third, BTC_CALL, 100);
    scene.venue.mode(BTC, Mode::Halt).unwrap();
    scene.mark(80_000);
    scene.venue.mode(BTC, Mode::Normal).unwrap();
    let losses =
        |scene: &Scene| [scene.maker, third].map(|sub| scene.venue.engine.lane_loss(sub, BTC).unwrap());
    let before = losses(&scene);
    let events = scene.clock();
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
    let after = losses(&scene);
    assert!(before.iter().zip(&after).all(|(before, after)| after <= before), "{before:?} {after:?}");
    assert_eq!(scene.venue.position(scene.maker, BTC_PERP), 0);
}

#[test]
fn it_waits_for_what_has_expired() {
    let mut scene = Scene::new(20_000);
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.trade(scene.seller, scene.maker, BTC_CALL, 1);
    scene.venue.advance(DAY);
    let events = scene.mark(80_000);
    assert!(names(&events).contains(&"AuctionOpened"), "{events:?}");
    assert!(!names(&events).contains(&"Deleveraged"));
    // Nor is it sold at a mark that is not what it will pay.
    assert!(scene.venue.engine.auction(scene.seller).is_none());
    assert_eq!(code(scene.bid(NANO_ONE, i64::MAX)), "not_in_auction");
    let expire = scene.venue.expire(BTC, EXPIRY_1, 80_000);
    scene.venue.send(expire).unwrap();
    scene.venue.advance(SECOND);
    let events = scene.venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 100 }).unwrap();
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
}

/// A trade of a random market: buyer, seller, instrument, lots.
type Deal = (u64, u64, u32, i64);

fn deals() -> impl Strategy<Value = Vec<Deal>> {
    let instrument =
        prop_oneof![3 => Just(BTC_PERP), 2 => Just(BTC_CALL), 2 => Just(BTC_PUT), 2 => Just(BTC_LATER)];
    prop::collection::vec((1..9u64, 1..9u64, instrument, 1..150i64), 4..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever the market, a crash leaves the poor closed, and nobody else with a worse lane or a debt.
    #[test]
    fn no_counterpartys_worst_lane_rises(deals in deals(), index in 72_000..128_000i64, tables in any::<bool>()) {
        let mut venue = if tables { Venue::with_tables() } else { Venue::open() };
        for owner in 1..9u8 {
            venue.deposit(address(owner), 1_000_000);
            if tables && owner % 2 == 0 {
                venue.model(owner.into(), MarginModel::Portfolio).unwrap();
            }
        }
        let mut scene = Scene { venue, seller: 1, maker: 2, bidder: 3 };
        for (buyer, seller, instrument, lots) in deals {
            if buyer != seller {
                scene.trade(buyer, seller, instrument, lots);
            }
        }
        // Subaccounts 1 to 3 keep little more than they need.
        for sub in 1..4 {
            let summary = scene.venue.engine.margin_summary(sub).unwrap();
            let auth = scene.venue.owner_auth(address(sub as u8));
            let amount = summary.withdrawable.min(summary.available) - 500 * USD;
            let _ = scene.venue.send(Withdraw { subaccount: sub, asset: USDC, amount, recipient: address(1), auth });
        }
        scene.venue.mode(BTC, Mode::Halt).unwrap();
        scene.mark(index);
        scene.venue.mode(BTC, Mode::Normal).unwrap();
        let losses: Vec<_> = (1..9).map(|sub| scene.venue.engine.lane_loss(sub, BTC).unwrap()).collect();
        let events = scene.clock();
        for event in &events {
            if let Event::Deleveraged(closed) = event {
                let sub = closed.counterparty;
                let after = scene.venue.engine.lane_loss(sub, BTC).unwrap();
                prop_assert!(after <= losses[sub as usize - 1], "{sub}");
            }
            if let Event::LiquidationEnded(ended) = event {
                let account = scene.venue.engine.account(ended.subaccount).unwrap();
                prop_assert!(account.balance(USDC) >= 0 || account.holdings().len() > 0);
                if ended.outcome == LiquidationOutcome::Deleveraged {
                    prop_assert!(account.holdings().all(|holding| holding.position == 0));
                }
            }
        }
        let charged: i64 = charges(&events).iter().map(|charge| charge.1).sum();
        let paid = events.iter().map(|event| match event {
            Event::BalanceChanged(change) if change.reason == BalanceReason::Deleverage => change.delta,
            _ => 0,
        });
        prop_assert_eq!(paid.sum::<i64>(), 0, "what is charged is what is paid: {}", charged);
    }
}
