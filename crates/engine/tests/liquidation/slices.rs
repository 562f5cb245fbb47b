//! Slices in the book.

use crate::common::*;
use crate::support::*;
use engine::LiquidationStage;
use protocol::*;

fn slices(events: &[Event]) -> Vec<&LiquidationSlice> {
    let slices = events.iter().filter_map(|event| match event {
        Event::LiquidationSlice(slice) => Some(slice),
        _ => None,
    });
    slices.collect()
}

#[test]
fn the_book_takes_slices_until_initial_margin_is_met() {
    let mut scene = Scene::long(5_000);
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 96_900 * TICKS);
    let fund = scene.venue.engine.globals().insurance;
    let mut events = scene.mark(97_000);
    let first = slices(&events)[0].clone();
    assert_eq!((first.lots, first.side, first.limit), (200, Side::Sell, 95_060 * TICKS));
    assert_eq!((first.cash, first.fee), (19_380 * USD, 9_700_000));
    let sizes = |events: &[Event]| slices(events).iter().map(|slice| slice.lots).collect::<Vec<_>>();
    for _ in 0..10 {
        scene.venue.advance(SECOND);
        events.extend(scene.clock());
    }
    assert_eq!(sizes(&events), [200, 160, 128, 103]);
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Recovered));
    let standing = scene.venue.engine.standing(scene.seller).unwrap();
    assert!(standing.equity >= standing.initial);
    let fees: i64 = slices(&events).iter().map(|slice| slice.fee).sum();
    assert_eq!(scene.venue.engine.globals().insurance - fund, fees);
}

#[test]
fn rounds_wait_for_their_interval() {
    let mut scene = Scene::long(5_000);
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 96_900 * TICKS);
    assert_eq!(slices(&scene.mark(97_000)).len(), 1);
    assert_eq!(slices(&scene.mark(97_000)).len(), 0);
    scene.venue.advance(SECOND);
    assert_eq!(slices(&scene.clock()).len(), 1);
}

#[test]
fn a_slice_stays_within_its_price_limit() {
    let mut scene = Scene::long(5_000);
    scene.venue.buy(scene.bidder, BTC_PERP, 30, 96_000 * TICKS);
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 95_000 * TICKS);
    let events = scene.mark(97_000);
    assert_eq!(slices(&events)[0].lots, 30);
    scene.venue.advance(SECOND);
    assert_eq!(story(&scene.clock()), ["AuctionOpened"], "beyond the limit nobody stands");
}

#[test]
fn a_slice_that_would_harm_is_not_traded() {
    // At 5 % off the mark a lot costs more than the maintenance margin that it frees.
    let mut scene = Scene::long(5_000);
    scene.venue.set(Parameter::LiquidationPriceLimit, 100_000_000).unwrap();
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 92_000 * TICKS);
    let events = scene.mark(97_000);
    assert_eq!(story(&events), ["MarginCall", "LiquidationStarted", "AuctionOpened"]);
}

#[test]
fn the_slice_that_mends_most_for_its_cost_comes_first() {
    let mut scene = Scene::new(12_000);
    scene.trade(scene.seller, scene.maker, BTC_PERP, 1_000);
    scene.trade(scene.maker, scene.seller, BTC_CALL, 25);
    // Both books are there, the call's is dearer.
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 96_900 * TICKS);
    scene.venue.sell(scene.bidder, BTC_CALL, 100, 391);
    let mut events = Vec::new();
    for index in (85..=97).rev() {
        events = scene.mark(index * 1_000);
        if scene.liquidation().is_some() {
            break;
        }
    }
    let order: Vec<_> = slices(&events).iter().map(|slice| slice.instrument).collect();
    assert!(!order.is_empty());
    let trial = |instrument| slices(&events).iter().position(|slice| slice.instrument == instrument);
    assert!(trial(BTC_PERP).is_none_or(|perp| trial(BTC_CALL).is_none_or(|call| perp < call)), "{order:?}");
}

#[test]
fn far_below_maintenance_the_portfolio_goes_to_auction_at_once() {
    let mut scene = Scene::long(5_000);
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 95_900 * TICKS);
    let events = scene.mark(95_900);
    assert_eq!(story(&events), ["MarginCall", "LiquidationStarted", "AuctionOpened"]);
    assert_eq!(scene.liquidation().unwrap().stage, LiquidationStage::Auction);
}

#[test]
fn the_own_orders_of_another_subaccount_make_way() {
    let mut scene = Scene::long(5_000);
    let auth = scene.venue.owner_auth(address(1));
    scene.venue.send(CreateSubaccount { auth }).unwrap();
    let owner = address(1);
    scene.venue.inbox(InboxBody::Deposit { owner, subaccount: 4, asset: USDC, amount: 50_000 * USD });
    scene.venue.buy(4, BTC_PERP, 10, 96_950 * TICKS);
    let own = scene.venue.last_order();
    scene.venue.buy(scene.bidder, BTC_PERP, 900, 96_900 * TICKS);
    let events = scene.mark(97_000);
    assert!(closes(&events).contains(&(own, CloseReason::SelfTrade)));
    assert_eq!(slices(&events)[0].lots, 200);
}

#[test]
fn the_worst_come_first_and_the_rest_with_the_next_clock() {
    let mut venue = Venue::open();
    let maker = venue.deposit(address(200), 100_000_000);
    for owner in 1..=20u8 {
        let seller = venue.deposit(address(owner), 4_500 + 20 * i64::from(owner));
        venue.sell(maker, BTC_PERP, 1_000, 100_000 * TICKS);
        venue.buy(seller, BTC_PERP, 1_000, 100_000 * TICKS);
    }
    let events = venue.mark(BTC, 96_500);
    let started = names(&events).iter().filter(|name| **name == "LiquidationStarted").count();
    let opened = |events: &[Event]| -> Vec<SubaccountId> {
        let opened = events.iter().filter_map(|event| match event {
            Event::AuctionOpened(opened) => Some(opened.subaccount),
            _ => None,
        });
        opened.collect()
    };
    assert_eq!(started, 20, "all start with the mark");
    assert_eq!(opened(&events), (2..=17).collect::<Vec<_>>(), "the poorest first");
    let events = venue.send(Clock { limit: 0 }).unwrap();
    assert_eq!(opened(&events), [18, 19, 20, 21]);
}
