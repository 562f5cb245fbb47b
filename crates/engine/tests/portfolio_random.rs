//! Short random streams on portfolio-margined accounts, thousands of them: each order that is admitted leaves its account
//! covered from scratch, caches and standings are what a recomputation gives (the harness checks caches after every
//! command), and a restored snapshot goes on as the original.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::Engine;
use protocol::*;

/// Streams, and commands of each.
const STREAMS: u64 = 3_000;
const STEPS: u64 = 24;
const TRADED: [InstrumentId; 6] = [BTC_PERP, BTC_CALL, BTC_PUT, BTC_LATER, ETH_PERP, ETH_CALL];

/// SplitMix64: the same streams on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1) as u64) as i64
    }
}

/// Three owners with little cash and some WETH, two of them margined as portfolios.
fn venue() -> Venue {
    let mut venue = Venue::with_tables();
    for owner in [1, 2, 3] {
        venue.deposit(address(owner), 8_000);
        let amount = 2 * CONTRACT;
        venue.inbox(InboxBody::Deposit { owner: address(owner), subaccount: 0, asset: WETH, amount });
    }
    for subaccount in [1, 2] {
        venue.model(subaccount, MarginModel::Portfolio).unwrap();
    }
    venue
}

fn order(venue: &mut Venue, random: &mut Random) -> PlaceOrder {
    let instrument = TRADED[random.below(6) as usize];
    let state = venue.engine.instrument(instrument).unwrap();
    let middle = state.mark.as_ref().unwrap().mark / state.spec.tick_size;
    let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
    let (lots, price) = (random.between(1, 60), middle + random.between(-6, 6));
    let mut order = venue.order(1 + random.below(3), instrument, side, lots, price.max(1));
    order.time_in_force =
        [TimeInForce::Gtc, TimeInForce::Gtc, TimeInForce::Ioc, TimeInForce::Fok][random.below(4) as usize];
    order.reduce_only = random.below(16) == 0;
    order
}

fn available(venue: &Venue) -> [i64; 3] {
    [1, 2, 3].map(|subaccount| venue.engine.margin_summary(subaccount).unwrap().available)
}

/// What may be missing from rounding: a few micro-USDC for each fill.
fn slack(events: &[Event]) -> i64 {
    8 * (fills(events).len() as i64 + 1)
}

fn step(venue: &mut Venue, random: &mut Random) -> Option<Vec<Event>> {
    match random.below(24) {
        0..15 => {
            let (order, before) = (order(venue, random), available(venue));
            let events = venue.send(order).ok()?;
            for (subaccount, (before, after)) in (1..).zip(before.into_iter().zip(available(venue))) {
                assert!(
                    before < 0 || after >= -slack(&events),
                    "subaccount {subaccount}: {before} became {after} by {events:?}"
                );
            }
            Some(events)
        }
        15 | 16 => {
            let subaccount = 1 + random.below(3);
            let order = venue.engine.account(subaccount).unwrap().orders().next()?.order;
            venue.cancel(subaccount, order).ok()
        }
        17 | 18 => {
            let (underlying, step) = (1 + random.below(2) as UnderlyingId, random.between(-60, 60));
            let last = venue.engine.underlying(underlying).unwrap().inputs.as_ref().unwrap().index / NANO_ONE;
            Some(venue.mark(underlying, last + last * step / 1_000))
        }
        19 => {
            let subaccount = 1 + random.below(3);
            let (asset, amount) = (random.below(2) as AssetId, random.between(1, 300) * USD);
            let owner = venue.engine.owner_of(subaccount).unwrap();
            let auth = venue.owner_auth(owner);
            let events = venue.send(Withdraw { subaccount, asset, amount, recipient: owner, auth }).ok()?;
            assert!(available(venue)[subaccount as usize - 1] >= 0, "what left was free");
            Some(events)
        }
        20 => {
            let subaccount = 1 + random.below(3);
            let model = MarginModel::ALL[random.below(2) as usize];
            let events = venue.model(subaccount, model).ok()?;
            assert!(available(venue)[subaccount as usize - 1] >= 0, "the new model is covered");
            Some(events)
        }
        21 => {
            let admin = venue.admin();
            let mut parameters = risk_parameters();
            parameters.scenario.range = random.between(80_000_000, 200_000_000);
            let effective = venue.time + 3_601 * SECOND;
            venue.send(SetRiskParameters { underlying: BTC, parameters, effective, admin }).ok()
        }
        22 => {
            // Marks of one underlying alone: those of the other go stale when it is hours.
            venue.advance(if random.below(2) == 0 { 20 * SECOND } else { 3_700 * SECOND });
            let underlying = 1 + random.below(2) as UnderlyingId;
            let inputs = venue.engine.underlying(underlying).unwrap().inputs.clone().unwrap();
            Some(venue.mark(underlying, inputs.index / NANO_ONE))
        }
        _ => venue.send(FundingTick { underlying: 1 + random.below(2) as UnderlyingId }).ok(),
    }
}

/// The standing of every account is that of its summary.
fn check_standings(venue: &Venue) {
    for account in venue.engine.accounts() {
        let (standing, summary) = (
            venue.engine.standing(account.id()).unwrap(),
            venue.engine.margin_summary(account.id()).unwrap(),
        );
        assert_eq!(
            (standing.initial_equity, standing.initial, standing.maintenance),
            (summary.balance, summary.initial_positions, summary.maintenance)
        );
    }
}

#[test]
fn what_is_admitted_is_covered() {
    let start = venue();
    for seed in 0..STREAMS {
        let (mut venue, mut random) = (start.clone(), Random(seed));
        let save_at = random.below(2 * STEPS);
        let mut twin: Option<(Venue, Random)> = None;
        for at in 0..STEPS {
            if at == save_at {
                let bytes = venue.engine.to_bytes();
                let engine = Engine::from_bytes(&bytes).unwrap();
                assert!(engine.to_bytes() == bytes, "seed {seed}");
                let mut copy = venue.clone();
                copy.engine = engine;
                twin = Some((copy, Random(random.0)));
            }
            let events = step(&mut venue, &mut random);
            if let Some((copy, random)) = &mut twin {
                assert_eq!(
                    step(copy, random),
                    events,
                    "seed {seed}, a restored engine goes on as the original"
                );
            }
        }
        check_standings(&venue);
        if let Some((copy, _)) = twin {
            assert!(copy.engine.to_bytes() == venue.engine.to_bytes(), "seed {seed}");
        }
    }
}
