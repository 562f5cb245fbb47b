//! Random streams: crashes, thin books, bids, both models. The index of distances and a scan of everybody give the same
//! events, whoever is restored from a snapshot goes on alike, and no liquidation ends in debt.

use crate::common::*;
use engine::Engine;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use protocol::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const ACCOUNTS: u64 = 10;

#[derive(Debug, Clone)]
enum Action {
    Trade { buyer: u64, seller: u64, instrument: u32, lots: i64 },
    Quote { who: u64, instrument: u32, buy: bool, lots: i64, away: i64 },
    Mark { underlying: u16, step: i64, value: i64 },
    Crash { step: i64 },
    Clock { seconds: u64 },
    Funding,
    Bid { who: u64, pick: prop::sample::Index, share: i64 },
    Withdraw { who: u64 },
    Deposit { who: u64, usdc: i64 },
    Fund { usdc: i64 },
    Unsound,
    Settle,
}

fn action() -> impl Strategy<Value = Action> {
    let who = || 1..=ACCOUNTS;
    let instrument = || prop_oneof![3 => Just(BTC_PERP), 2 => Just(BTC_CALL), 1 => Just(BTC_PUT), 1 => Just(BTC_LATER), 1 => Just(ETH_PERP)];
    prop_oneof![
        6 => (who(), who(), instrument(), 1..600i64)
            .prop_map(|(buyer, seller, instrument, lots)| Action::Trade { buyer, seller, instrument, lots }),
        4 => (who(), instrument(), any::<bool>(), 1..60i64, 0..30i64)
            .prop_map(|(who, instrument, buy, lots, away)| Action::Quote { who, instrument, buy, lots, away }),
        8 => (1..3u16, -25..26i64, 1..60i64)
            .prop_map(|(underlying, step, value)| Action::Mark { underlying, step, value }),
        1 => (-20..20i64).prop_map(|step| Action::Crash { step }),
        4 => (0..30u64).prop_map(|seconds| Action::Clock { seconds }),
        6 => (who(), any::<prop::sample::Index>(), prop_oneof![1..100_000_000i64, Just(NANO_ONE)])
            .prop_map(|(who, pick, share)| Action::Bid { who, pick, share }),
        4 => who().prop_map(|who| Action::Withdraw { who }),
        1 => (who(), 1..20_000i64).prop_map(|(who, usdc)| Action::Deposit { who, usdc }),
        2 => (1..100_000i64).prop_map(|usdc| Action::Fund { usdc }),
        1 => Just(Action::Unsound),
        1 => prop::bool::weighted(0.3).prop_map(|now| if now { Action::Settle } else { Action::Funding }),
    ]
}

/// A mark `step` thousandths off the last index, options at their intrinsic value and `value` thousandths of the index.
fn mark(venue: &mut Venue, underlying: u16, step: i64, value: i64, sources: u8) -> Option<Vec<Event>> {
    venue.advance(1);
    let last = venue.engine.underlying(underlying).unwrap().inputs.as_ref().unwrap().index / NANO_ONE;
    let index = (last + last * step / 1_000).max(100);
    let (mut update, mut arrays) = venue.marks(underlying, index);
    update.inputs.sources = sources;
    for mark in &mut arrays.marks {
        let spec = &venue.engine.instrument(mark.instrument).unwrap().spec;
        if spec.kind == InstrumentKind::Option {
            let inside = match spec.option_type {
                OptionType::Call => index * USD - spec.strike,
                OptionType::Put => spec.strike - index * USD,
            };
            mark.mark = inside.max(0) + index * USD * value / 1_000;
            mark.delta = NANO_ONE * (value - 30) / 30;
            mark.vega = value * 40 * USD;
        }
        if let Some(risk) = &mut mark.risk {
            let lanes = &mut Arc::make_mut(risk).lanes;
            lanes
                .iter_mut()
                .enumerate()
                .for_each(|(at, lane)| *lane += (value * at as i64 % 13) as i32 * 200_000);
        }
    }
    update.arrays_hash = arrays.hash();
    venue.send_with(update, Some(arrays)).ok()
}

fn perform(venue: &mut Venue, action: &Action) -> Option<Vec<Event>> {
    let price = |venue: &Venue, id: u32| {
        let instrument = venue.engine.instrument(id).unwrap();
        (instrument.mark.as_ref().unwrap().mark / instrument.spec.tick_size).max(40)
    };
    match *action {
        Action::Trade { buyer, seller, instrument, lots } => {
            let at = price(venue, instrument);
            let offer = venue.order(seller, instrument, Side::Sell, lots, at);
            let mut events = venue.send(offer).ok()?;
            let mut bid = venue.order(buyer, instrument, Side::Buy, lots, at);
            bid.time_in_force = TimeInForce::Ioc;
            events.extend(venue.send(bid).unwrap_or_default());
            Some(events)
        }
        Action::Quote { who, instrument, buy, lots, away } => {
            let at = price(venue, instrument);
            let (side, at) =
                if buy { (Side::Buy, at - at * away / 1_000) } else { (Side::Sell, at + at * away / 1_000) };
            let order = venue.order(who, instrument, side, lots, at);
            venue.send(order).ok()
        }
        Action::Mark { underlying, step, value } => mark(venue, underlying, step, value, 5),
        Action::Crash { step } => mark(venue, BTC, 10 * step, 20, 5),
        Action::Unsound => mark(venue, BTC, -20, 20, 1),
        Action::Clock { seconds } => {
            venue.advance(seconds * SECOND);
            venue.send(Clock { limit: 5 }).ok()
        }
        Action::Funding => venue.send(FundingTick { underlying: BTC }).ok(),
        Action::Bid { who, pick, share } => {
            let targets: Vec<_> = venue.engine.liquidations().map(|(target, _)| target).collect();
            let target = if targets.is_empty() { return None } else { *pick.get(&targets) };
            let auth = venue.auth(address(who as u8));
            venue.send(LiquidationBid { subaccount: who, target, share, limit: i64::MAX, auth }).ok()
        }
        Action::Withdraw { who } => {
            let auth = venue.owner_auth(address(who as u8));
            let amount = venue.engine.withdrawable(who, USDC);
            venue.send(Withdraw { subaccount: who, asset: USDC, amount, recipient: address(9), auth }).ok()
        }
        Action::Deposit { who, usdc } => {
            venue.deposit(address(who as u8), usdc);
            None
        }
        Action::Fund { usdc } => {
            let auth = venue.owner_auth(address(10));
            venue.send(FundInsurance { subaccount: 10, amount: usdc * USD, auth }).ok()
        }
        Action::Settle => {
            if venue.time < EXPIRY_1 {
                venue.advance(DAY / 4);
                mark(venue, BTC, 3, 20, 5);
            }
            let expire = venue.expire(BTC, EXPIRY_1, 101_000);
            let _ = venue.send(expire);
            venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 3 }).ok()
        }
    }
}

fn market(tables: bool) -> Venue {
    let mut venue = if tables { Venue::with_tables() } else { Venue::open() };
    for owner in 1..=ACCOUNTS as u8 {
        venue.deposit(address(owner), 20_000 * i64::from(owner));
        if owner % 3 == 0 {
            let owner = address(owner);
            venue.inbox(InboxBody::Deposit { owner, subaccount: 0, asset: WETH, amount: 3 * CONTRACT });
        }
        if tables && owner % 2 == 0 {
            venue.model(owner.into(), MarginModel::Portfolio).unwrap();
        }
    }
    venue
}

/// What must hold of the events of one command, and of the state after it.
fn check(venue: &Venue, events: &[Event]) {
    for event in events {
        if let Event::LiquidationEnded(ended) = event {
            let account = venue.engine.account(ended.subaccount).unwrap();
            let flat = account.holdings().all(|holding| holding.position == 0);
            assert!(!flat || account.balance(USDC) >= 0, "ended in debt: {events:?}");
        }
    }
    // A share taken changes the wealth of seller and bidder by what the fund paid, and charges sum to zero: conservation,
    // checked with every command, says so. The fund itself never pays what it has not.
    assert!(venue.engine.insurance_free() >= 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_index_finds_what_a_scan_finds(
        actions in prop::collection::vec(action(), 20..160),
        restore_at in 0..160usize,
        tables in any::<bool>(),
    ) {
        let mut venue = market(tables);
        let mut scanned = venue.clone();
        scanned.engine.set_full_scan(true);
        for (at, action) in actions.iter().enumerate() {
            if at == restore_at {
                venue.engine = Engine::from_bytes(&venue.engine.to_bytes()).unwrap();
            }
            let events = perform(&mut venue, action);
            prop_assert_eq!(&perform(&mut scanned, action), &events);
            check(&venue, events.as_deref().unwrap_or_default());
        }
        prop_assert!(venue.engine.to_bytes() == scanned.engine.to_bytes());
    }
}

/// The streams are worth something: every kind of event happens in them.
#[test]
fn streams_reach_every_stage() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for round in 0..48 {
        let actions = prop::collection::vec(action(), 160).new_tree(&mut runner).unwrap().current();
        let mut venue = market(round % 2 == 0);
        for action in &actions {
            for name in names(&perform(&mut venue, action).unwrap_or_default()) {
                *seen.entry(name).or_default() += 1;
            }
        }
    }
    for kind in [
        "MarginCall",
        "LiquidationStarted",
        "LiquidationSlice",
        "AuctionOpened",
        "PositionMoved",
        "AuctionFill",
        "Deleveraged",
        "InsurancePaid",
        "LiquidationEnded",
    ] {
        assert!(seen.get(kind).is_some_and(|&count| count >= 10), "{kind}: {seen:?}");
    }
}
