//! Genesis, listings, marks, funding, expiry, parameters.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::{Engine, InstrumentStatus, Reject};
use protocol::*;

#[test]
fn a_venue_opens_once_and_soundly() {
    let mut engine = Engine::new();
    let apply = |engine: &mut Engine, sequence, time, command: Command| {
        engine
            .apply(sequence, &Record { time, command }, None, &mut Vec::new())
            .map_err(|reject| reject.code())
    };
    assert_eq!(apply(&mut engine, 1, T0, Clock { limit: 0 }.into()), Err("not_open"));
    let unsound = |change: &dyn Fn(&mut Genesis)| {
        let mut genesis = genesis();
        change(&mut genesis);
        Command::from(genesis)
    };
    let cases = [
        (unsound(&|g| g.admin_quorum = 4), "invalid_genesis"),
        (unsound(&|g| g.oracle_quorum = 0), "invalid_genesis"),
        (unsound(&|g| g.parameters.truncate(18)), "invalid_genesis"),
        (unsound(&|g| g.assets[0].symbol = "DAI".into()), "invalid_genesis"),
        (unsound(&|g| g.underlyings[1].underlying = 3), "invalid_genesis"),
        (unsound(&|g| g.parameters[2].value = NANO_ONE), "parameter_range"),
        (unsound(&|g| g.parameters[0].value = -1_000_000), "parameter_conflict"),
        (unsound(&|g| g.admins.reverse()), "malformed"),
    ];
    for (command, word) in cases {
        assert_eq!(apply(&mut engine, 1, T0, command), Err(word));
        assert_eq!(engine.to_bytes(), Engine::new().to_bytes());
    }
    assert_eq!(apply(&mut engine, 2, T0, genesis().into()), Err("wrong_sequence"));
    apply(&mut engine, 1, T0, genesis().into()).unwrap();
    assert_eq!(apply(&mut engine, 2, T0, genesis().into()), Err("already_open"));
    assert_eq!(apply(&mut engine, 2, T0 - 1, Clock { limit: 0 }.into()), Err("time_backwards"));
}

#[test]
fn listings_are_checked() {
    let mut venue = Venue::bare();
    let with = |change: &dyn Fn(&mut InstrumentSpec)| {
        let mut specs =
            vec![perpetual(1, BTC, USD / 2, 100_000), option(2, BTC, OptionType::Put, 100_000, EXPIRY_1)];
        change(&mut specs[1]);
        specs
    };
    let cases = [
        (with(&|s| s.instrument = 3), "wrong_instrument_id"),
        (with(&|s| s.name = "BTC_USDC-PERPETUAL".into()), "name_taken"),
        (with(&|s| s.underlying = 3), "unknown_underlying"),
        (with(&|s| s.tick_size = 1), "invalid_listing"),
        (with(&|s| s.strike = 0), "invalid_listing"),
        (with(&|s| s.expiry = T0), "invalid_listing"),
        (with(&|s| s.lane_unit = 0), "invalid_listing"),
        (with(&|s| *s = perpetual(2, BTC, USD / 2, 100_000)), "name_taken"),
        (Vec::new(), "nothing_to_do"),
    ];
    for (specs, word) in cases {
        assert_eq!(code(venue.list(specs)), word);
    }
    let mut second = perpetual(2, BTC, USD / 2, 100_000);
    second.name = "other".into();
    assert_eq!(code(venue.list(vec![perpetual(1, BTC, USD / 2, 100_000), second])), "invalid_listing");
    assert_eq!(names(&venue.list(listing()).unwrap()), ["InstrumentListed"; 6]);
    assert_eq!(venue.engine.underlying(BTC).unwrap().listing_epoch, 1);
    assert_eq!(venue.engine.instrument_by_name("ETH_USDC-PERPETUAL").unwrap().spec.instrument, ETH_PERP);
    let a = venue.deposit(address(1), 100);
    let order = venue.order(a, BTC_CALL, Side::Buy, 1, 1);
    assert_eq!(code(venue.send(order)), "no_mark");
}

#[test]
fn administration_needs_its_quorum_and_number() {
    let mut venue = Venue::open();
    let good = venue.admin();
    let with = |nonce, keys: &[u8]| SetMode {
        underlying: BTC,
        mode: Mode::Halt,
        admin: Administration { nonce, cosignatures: cosigned(keys) },
    };
    assert_eq!(code(venue.send(with(good.nonce, &ADMINS[..1]))), "quorum_missing");
    assert_eq!(code(venue.send(with(good.nonce, &[0xa1, 0xa1]))), "malformed");
    assert_eq!(code(venue.send(with(good.nonce, &[0xa1, 0xc1]))), "not_administrator");
    assert_eq!(code(venue.send(with(good.nonce + 1, &ADMINS))), "wrong_admin_nonce");
    venue.send(with(good.nonce, &ADMINS)).unwrap();
}

#[test]
fn marks_are_checked() {
    let mut venue = Venue::open();
    venue.advance(SECOND);
    let good = venue.marks(BTC, 101_000);
    let mut refused = |change: &dyn Fn(&mut MarkUpdate, &mut MarkArrays), rehash: bool, word: &str| {
        let (mut update, mut arrays) = good.clone();
        change(&mut update, &mut arrays);
        if rehash {
            update.arrays_hash = arrays.hash();
        }
        assert_eq!(code(venue.send_with(update, Some(arrays))), word);
    };
    refused(&|u, _| u.inputs.underlying = 3, false, "unknown_underlying");
    refused(&|u, _| u.cosignatures.truncate(1), false, "quorum_missing");
    refused(&|u, _| u.cosignatures[1].signer = address(0xd0), false, "not_oracle");
    refused(&|u, _| u.inputs.time = T0, false, "mark_time");
    refused(&|u, _| u.inputs.time += 10 * SECOND, false, "mark_from_future");
    refused(&|u, _| u.inputs.index = 140_000 * NANO_ONE, false, "index_jump");
    refused(&|u, _| u.inputs.index *= 10, false, "index_jump");
    refused(&|u, _| u.inputs.index = 0, false, "invalid_mark");
    refused(&|u, _| u.inputs.perpetual_mark = 0, false, "invalid_mark");
    refused(&|u, _| u.inputs.perpetual_mark *= 10, false, "invalid_mark");
    refused(&|u, _| u.inputs.expiries[1].forward *= 10, false, "invalid_mark");
    refused(&|u, _| u.inputs.expiries[0].forward /= 10, false, "invalid_mark");
    refused(&|u, _| u.inputs.expiries[0].forward = 0, false, "invalid_mark");
    refused(&|u, _| u.inputs.funding_rate = NANO_ONE, false, "invalid_mark");
    refused(&|u, _| u.inputs.expiries.truncate(1), false, "expiry_coverage");
    refused(&|u, _| u.inputs.expiries[0].expiry += 1, false, "expiry_coverage");
    refused(&|u, _| u.listing_epoch += 1, false, "wrong_listing_epoch");
    refused(&|_, a| a.marks[0].mark += 1, false, "mark_arrays_hash");
    refused(&|_, a| drop(a.marks.pop()), true, "mark_coverage");
    refused(&|_, a| a.marks.push(a.marks[0].clone()), true, "mark_coverage");
    refused(&|_, a| a.marks.swap(0, 1), true, "mark_coverage");
    refused(&|_, a| a.marks[0].mark = -1, true, "invalid_mark");
    refused(&|_, a| a.underlying = ETH, true, "invalid_mark");
    assert_eq!(code(venue.send(good.0.clone())), "mark_arrays_missing");
    let events = venue.send_with(good.0, Some(good.1)).unwrap();
    assert_eq!(events, [MarkUpdated { underlying: BTC, epoch: 2 }.into()]);
}

#[test]
fn funding_accrues_to_an_index_and_settles_lazily() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 1_000_000), venue.deposit(address(2), 1_000_000));
    venue.sell(a, BTC_PERP, 1_000, 200_000);
    venue.buy(b, BTC_PERP, 1_000, 200_000);
    let (short, long) = (venue.cash(a), venue.cash(b));
    venue.time = T0 + DAY / 3;
    venue.send(Clock { limit: 0 }).unwrap();
    // 1 bp of 100,000 USDC for eight hours: 10 USDC per contract.
    let events = venue.send(FundingTick { underlying: BTC }).unwrap();
    assert_eq!(events, [FundingAccrued { instrument: BTC_PERP, index: 10 * NANO_ONE }.into()]);
    assert_eq!(code(venue.send(FundingTick { underlying: BTC })), "nothing_to_do");
    assert_eq!((venue.cash(a), venue.cash(b)), (short, long));
    assert_eq!(venue.engine.margin_summary(a).unwrap().unrealised, 10 * USD);
    assert_eq!(venue.engine.margin_summary(b).unwrap().unrealised, -10 * USD);
    venue.mark(BTC, 100_000);
    venue.buy(a, BTC_PERP, 500, 200_000);
    let events = venue.sell(b, BTC_PERP, 500, 200_000);
    assert_eq!(names(&events)[..3], ["BalanceChanged", "BalanceChanged", "Fill"]);
    assert_eq!(venue.engine.globals().funding_pool, 0);
    assert_eq!(venue.cash(a) - short, 10 * USD + 2_500_000, "funding, and the maker's rebate");
    venue.advance(DAY / 3);
    venue.send(FundingTick { underlying: BTC }).unwrap();
    venue.mark(BTC, 100_000);
    let auth = venue.owner_auth(address(1));
    let withdraw = Withdraw { subaccount: a, asset: USDC, amount: USD, recipient: address(1), auth };
    let events = venue.send(withdraw).unwrap();
    assert_eq!(names(&events), ["BalanceChanged", "BalanceChanged", "WithdrawalQueued"]);
    assert_eq!(venue.engine.globals().funding_pool, -5_000_000);
}

#[test]
fn expiry_is_fixed_once_and_settled_in_chunks() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.sell(a, BTC_CALL, 10, 400);
    venue.buy(b, BTC_CALL, 13, 400);
    venue.sell(b, BTC_PUT, 10, 400);
    venue.buy(a, BTC_PUT, 10, 400);
    venue.buy(a, BTC_CALL, 1, 300);
    let (cash_a, cash_b) = (venue.cash(a), venue.cash(b));
    assert_eq!(code(venue.send(venue.clone().expire(BTC, EXPIRY_1, 103_000))), "not_expired");
    venue.time = EXPIRY_1;
    let late = venue.order(a, BTC_CALL, Side::Buy, 1, 300);
    assert_eq!(code(venue.send(late)), "instrument_not_open");
    let chunk = |limit| SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit };
    assert_eq!(code(venue.send(chunk(1))), "settlement_not_fixed");
    let mut weak = venue.expire(BTC, EXPIRY_1, 103_000);
    weak.cosignatures.pop();
    assert_eq!(code(venue.send(weak)), "quorum_missing");
    assert_eq!(code(venue.send(venue.clone().expire(BTC, EXPIRY_1 + 1, 103_000))), "unknown_expiry");
    // The last index is 100,000: what is not from half to double it is of other units, or of another underlying.
    for price in [49_999, 200_001, 1] {
        assert_eq!(code(venue.send(venue.clone().expire(BTC, EXPIRY_1, price))), "settlement_price_range");
    }
    venue.send(venue.clone().expire(BTC, EXPIRY_1, 103_000)).unwrap();
    assert_eq!(
        venue.send(venue.clone().expire(BTC, EXPIRY_1, 90_000)).unwrap_err(),
        Reject::SettlementFixed { price: 103_000 * USD }
    );
    assert_eq!(venue.engine.instrument(BTC_CALL).unwrap().status, InstrumentStatus::Expired);
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.extend(venue.send(chunk(1)).unwrap());
    }
    assert_eq!(code(venue.send(chunk(1))), "unknown_expiry");
    let kinds: Vec<_> = names(&seen).into_iter().filter(|name| *name != "BalanceChanged").collect();
    assert_eq!(
        kinds,
        [
            "OrderClosed",
            "OrderClosed",
            "PositionSettled",
            "PositionSettled",
            "InstrumentClosed",
            "PositionSettled",
            "PositionSettled",
            "InstrumentClosed"
        ]
    );
    // Ten lots of 0.01 at 3,000 in the money.
    assert_eq!((venue.cash(a) - cash_a, venue.cash(b) - cash_b), (-300 * USD, 300 * USD));
    assert_eq!(venue.engine.globals().insurance, 0);
    venue.mark(BTC, 103_000);
}

#[test]
fn settlement_rounds_against_the_account_and_insurance_keeps_the_rest() {
    let mut venue = Venue::bare();
    let mut spec = option(1, BTC, OptionType::Call, 100_000, EXPIRY_1);
    (spec.tick_size, spec.lot_size) = (100 * USD, 1);
    venue.list(vec![spec]).unwrap();
    venue.mark(BTC, 100_000);
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.sell(a, 1, 333, 20);
    venue.buy(b, 1, 333, 20);
    venue.time = EXPIRY_1;
    let mut expire = venue.expire(BTC, EXPIRY_1, 100_001);
    expire.price += 1;
    venue.send(expire).unwrap();
    let events = venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 100 }).unwrap();
    let cash: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::PositionSettled(settled) => Some((settled.lots, settled.cash)),
            _ => None,
        })
        .collect();
    // 333 × 1e-8 contracts × 1.000001 USDC is 3.33 micro-USDC.
    assert_eq!(cash, [(-333, -4), (333, 3)]);
    assert_eq!(venue.engine.globals().insurance, 1);
}

#[test]
fn parameters_are_bounded_and_take_effect_at_once() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.sell(a, BTC_CALL, 100, 400);
    venue.buy(b, BTC_CALL, 100, 400);
    assert_eq!(venue.engine.margin_summary(a).unwrap().initial, 17_000 * USD);
    assert_eq!(code(venue.set(Parameter::OptionInitial, NANO_ONE + 1)), "parameter_range");
    assert_eq!(code(venue.set(Parameter::OptionInitial, 50_000_000)), "parameter_conflict");
    assert_eq!(code(venue.set(Parameter::OptionInitial, 150_000_000)), "nothing_to_do");
    assert_eq!(names(&venue.set(Parameter::OptionInitial, 200_000_000).unwrap()), ["ParameterChanged"]);
    assert_eq!(venue.engine.margin_summary(a).unwrap().initial, 22_000 * USD);
    for parameter in Parameter::ALL {
        let (min, max) = engine::range(*parameter);
        assert!(min <= max);
        assert_eq!(code(venue.set(*parameter, max + 1)), "parameter_range");
        assert_eq!(code(venue.set(*parameter, min - 1)), "parameter_range");
    }
}

#[test]
fn what_bounds_an_account_is_not_raised_beyond_what_is_judged() {
    let mut venue = Venue::open();
    for (parameter, judged) in [(Parameter::MaxInstruments, 64), (Parameter::MaxOpenOrders, 512)] {
        assert_eq!(code(venue.set(parameter, judged + 1)), "parameter_range");
        assert_eq!(names(&venue.set(parameter, judged).unwrap()), ["ParameterChanged"]);
        assert_eq!(code(venue.set(parameter, judged + 1)), "parameter_range");
    }
    // A venue may open with more, and come down from there, not go further.
    let mut genesis = genesis();
    genesis.parameters[Parameter::MaxInstruments as usize].value = 100;
    let mut venue = Venue::opened_by(genesis);
    assert_eq!(code(venue.set(Parameter::MaxInstruments, 101)), "parameter_range");
    venue.set(Parameter::MaxInstruments, 90).unwrap();
    assert_eq!(code(venue.set(Parameter::MaxInstruments, 91)), "parameter_range");
    venue.set(Parameter::MaxInstruments, 63).unwrap();
    assert_eq!(code(venue.set(Parameter::MaxInstruments, 90)), "parameter_range");
}

#[test]
fn what_was_touched_is_reported_once() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.engine.take_dirty();
    venue.sell(a, BTC_CALL, 10, 400);
    let order = venue.last_order();
    venue.buy(b, BTC_CALL, 3, 400);
    let dirty = venue.engine.take_dirty();
    assert_eq!((dirty.accounts, dirty.instruments), (vec![a, b], vec![BTC_CALL]));
    assert_eq!(dirty.keys, [address(1), address(2)]);
    assert_eq!(
        dirty.orders.iter().map(|place| (place.order, place.priority)).collect::<Vec<_>>(),
        [(order, order.0)]
    );
    assert!(venue.engine.take_dirty().is_empty());
    venue.engine.track_dirty(false);
    venue.cancel(a, order).unwrap();
    assert!(venue.engine.take_dirty().is_empty());
}
