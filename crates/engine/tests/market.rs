//! Market status: what follows from mode, marks and time, the events that tell it, and how a real gap of the index is
//! taken over.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::Engine;
use protocol::*;

/// The market statuses that events tell, with the events' names before them.
fn told(events: &[Event]) -> Vec<(UnderlyingId, &'static str, &'static str)> {
    let first = events.iter().position(|event| matches!(event, Event::MarketStatusChanged(_)));
    let told = events[first.unwrap_or(events.len())..].iter().map(|event| match event {
        Event::MarketStatusChanged(told) => (told.underlying, told.status.word(), told.fault.word()),
        other => panic!("{} behind a market status", other.name()),
    });
    told.collect()
}

fn status(venue: &Venue, underlying: UnderlyingId) -> (&'static str, &'static str) {
    let market = venue.engine.underlying(underlying).unwrap().market();
    (market.status.word(), market.fault.word())
}

/// A mark of BTC at its index of before, changed.
fn mark_with(venue: &mut Venue, change: impl Fn(&mut MarkInputs)) -> Vec<Event> {
    venue.advance(1);
    let (mut update, arrays) = venue.marks(BTC, 100_000);
    change(&mut update.inputs);
    venue.send_with(update, Some(arrays)).unwrap()
}

#[test]
fn the_first_mark_opens_a_market() {
    let mut venue = Venue::bare();
    venue.list(listing()).unwrap();
    assert_eq!(status(&venue, BTC), ("reduce_only", "no_underlying_mark"));
    assert_eq!(told(&venue.mark(BTC, 100_000)), [(BTC, "open", "none")]);
    assert_eq!(status(&venue, ETH), ("reduce_only", "no_underlying_mark"));
    assert_eq!(told(&venue.mark(BTC, 100_100)), [], "an open market stays open silently");
}

#[test]
fn marks_go_stale_at_the_next_command_and_come_back() {
    let mut venue = Venue::open();
    let (btc, eth) = (T0 + 1, T0 + 2);
    venue.time = btc + 60 * SECOND;
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), [], "the last moment at which BTC is fresh");
    venue.time += 1;
    assert_eq!(venue.time, eth + 60 * SECOND, "and of ETH");
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), [(BTC, "reduce_only", "stale_mark")]);
    venue.time += 1;
    let deposit = InboxBody::Deposit { owner: address(1), subaccount: 0, asset: USDC, amount: USD };
    let events = venue.inbox(deposit);
    assert_eq!(names(&events), ["SubaccountCreated", "BalanceChanged", "MarketStatusChanged"]);
    assert_eq!(told(&events), [(ETH, "reduce_only", "stale_mark")], "any command tells it, last");
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), [], "once");
    let events = venue.mark(BTC, 100_000);
    assert_eq!(names(&events), ["MarkUpdated", "MarketStatusChanged"]);
    assert_eq!(
        (told(&events), status(&venue, ETH)),
        (vec![(BTC, "open", "none")], ("reduce_only", "stale_mark"))
    );
}

#[test]
fn a_refused_command_tells_nothing_and_the_next_one_does() {
    let mut venue = Venue::open();
    venue.advance(61 * SECOND);
    assert_eq!(code(venue.send(FundingTick { underlying: 9 })), "unknown_underlying");
    assert_eq!(status(&venue, BTC), ("open", "none"));
    let both = [(BTC, "reduce_only", "stale_mark"), (ETH, "reduce_only", "stale_mark")];
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), both, "ascending");
}

#[test]
fn few_sources_and_a_wide_index_close_a_market_to_new_risk() {
    let mut venue = Venue::open();
    let events = mark_with(&mut venue, |inputs| inputs.sources = 2);
    assert_eq!(told(&events), [(BTC, "reduce_only", "few_sources")]);
    let events = mark_with(&mut venue, |inputs| inputs.confidence = engine::CONFIDENCE_MAX + 1);
    assert_eq!(told(&events), [(BTC, "reduce_only", "low_confidence")], "another fault is told as well");
    let events = mark_with(&mut venue, |inputs| inputs.confidence = engine::CONFIDENCE_MAX);
    assert_eq!(told(&events), [(BTC, "open", "none")]);
    let events = venue.set(Parameter::MinIndexSources, 6).unwrap();
    let both = [(BTC, "reduce_only", "few_sources"), (ETH, "reduce_only", "few_sources")];
    assert_eq!(told(&events), both, "parameters count at once");
}

#[test]
fn modes_and_marks_combine() {
    let mut venue = Venue::open();
    assert_eq!(told(&venue.mode(BTC, Mode::PostOnly).unwrap()), [(BTC, "post_only", "none")]);
    mark_with(&mut venue, |inputs| inputs.sources = 0);
    assert_eq!(status(&venue, BTC), ("reduce_only", "few_sources"));
    assert_eq!(told(&venue.mode(BTC, Mode::Normal).unwrap()), [], "unsound marks weigh more than post-only");
    assert_eq!(told(&venue.mode(BTC, Mode::CancelOnly).unwrap()), [(BTC, "cancel_only", "few_sources")]);
    assert_eq!(told(&venue.mode(BTC, Mode::Halt).unwrap()), [(BTC, "halted", "few_sources")]);
    assert_eq!(told(&venue.mark(BTC, 100_000)), [(BTC, "halted", "none")]);
    assert_eq!(told(&venue.mode(BTC, Mode::Normal).unwrap()), [(BTC, "open", "none")]);
}

#[test]
fn a_restored_engine_goes_on_telling() {
    let mut venue = Venue::open();
    venue.advance(30 * SECOND);
    venue.mark(BTC, 100_000);
    venue.advance(31 * SECOND);
    venue.send(Clock { limit: 0 }).unwrap();
    venue.engine = Engine::from_bytes(&venue.engine.to_bytes()).unwrap();
    assert_eq!((status(&venue, BTC).0, status(&venue, ETH).0), ("open", "reduce_only"));
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), []);
    venue.advance(30 * SECOND);
    assert_eq!(told(&venue.send(Clock { limit: 0 }).unwrap()), [(BTC, "reduce_only", "stale_mark")]);
}

#[test]
fn a_mark_that_arrives_stale_is_refused() {
    let mut venue = Venue::open();
    venue.advance(SECOND);
    let (update, arrays) = venue.marks(BTC, 100_500);
    venue.advance(60 * SECOND + 1);
    assert_eq!(code(venue.send_with(update.clone(), Some(arrays.clone()))), "stale_mark");
    venue.time -= 1;
    venue.send_with(update, Some(arrays)).unwrap();
}

/// Whether BTC's index may move from 100,000 to `index` so long after the last mark.
fn moves(after: Nanos, index: i64) -> bool {
    let mut venue = Venue::open();
    venue.time = T0 + 1 + after;
    let (update, arrays) = venue.marks(BTC, index);
    match venue.send_with(update, Some(arrays)) {
        Ok(events) => {
            assert_eq!(status(&venue, BTC), ("open", "none"), "{events:?}");
            true
        }
        Err(reject) => {
            assert_eq!(reject.code(), "index_jump");
            false
        }
    }
}

/// The parameter allows 30 % at once, and marks are stale after 60 s.
#[test]
fn the_allowed_move_grows_with_the_age_of_the_last_mark_up_to_one_half() {
    for sign in [-1, 1] {
        let index = |percent: i64| 100_000 + sign * percent * 1_000;
        assert!(moves(1, index(30)) && !moves(1, index(30) + sign));
        assert!(!moves(60 * SECOND - 1, index(31)), "not before the mark is stale");
        assert!(moves(60 * SECOND, index(50)) && !moves(60 * SECOND, index(50) + sign));
        assert!(!moves(30 * DAY, index(50) + sign), "one half is the end");
    }
    assert!(!moves(DAY / 2, 1_000_000) && !moves(DAY / 2, 1), "ten times and nothing never pass");
}

#[test]
fn a_venue_recovers_from_a_gap_by_waiting_or_by_its_administrators() {
    let mut venue = Venue::open();
    venue.set(Parameter::MaxIndexJump, 100_000_000).unwrap();
    let opened = venue.time;
    let mut refused = 0;
    // The oracle goes on signing the price that it sees, every second.
    let recovered = loop {
        venue.advance(SECOND);
        let (update, arrays) = venue.marks(BTC, 125_000);
        match venue.send_with(update, Some(arrays)) {
            Ok(events) => break events,
            Err(reject) => assert_eq!(reject.code(), "index_jump"),
        }
        venue.send(Clock { limit: 0 }).unwrap();
        refused += 1;
        assert_eq!(status(&venue, BTC).0, if refused < 60 { "open" } else { "reduce_only" });
    };
    assert_eq!(told(&recovered), [(BTC, "open", "none")]);
    assert!((120 * SECOND..122 * SECOND).contains(&(venue.time - opened)), "25 % need three times 10 %");

    venue.advance(DAY / 2);
    let (tripled, arrays) = venue.marks(BTC, 375_000);
    assert_eq!(code(venue.send_with(tripled.clone(), Some(arrays.clone()))), "index_jump");
    venue.set(Parameter::MaxIndexJump, 2 * NANO_ONE).unwrap();
    venue.send_with(tripled, Some(arrays)).unwrap();
    venue.set(Parameter::MaxIndexJump, 100_000_000).unwrap();
    assert_eq!(status(&venue, BTC), ("open", "none"));
}
