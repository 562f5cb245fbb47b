//! Commands of somebody else, who chose what no step judges.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::{NamedStep, Reject, StepAction, Subject, Unobserved, Violation};
use protocol::*;

/// Applies a command by these steps.
fn follow(venue: &mut Venue, command: impl Into<Command>, arrays: Option<MarkArrays>, named: &[NamedStep]) {
    let record = Record { time: venue.time, command: command.into() };
    let (sequence, arrays) = (venue.engine.sequence() + 1, arrays.map(HashedArrays::new));
    let mut events = Vec::new();
    venue
        .engine
        .apply_named(sequence, &record, arrays.as_ref(), named, &mut events, &mut Unobserved)
        .unwrap();
}

fn step(action: StepAction, account: SubaccountId) -> NamedStep {
    NamedStep { kind: action as u8, subject: Subject { account, ..Subject::NONE } }
}

/// An account in leverage, with an order.
fn leveraged() -> (Venue, SubaccountId) {
    let mut venue = Venue::open();
    let seller = venue.deposit(address(1), 1_000_000);
    let buyer = venue.deposit(address(2), 5_000);
    venue.sell(seller, BTC_PERP, 500, 200_000);
    venue.buy(buyer, BTC_PERP, 500, 200_000);
    venue.buy(buyer, BTC_PERP, 1, 160_000);
    (venue, buyer)
}

/// An account that was not looked at is looked at with the next command.
#[test]
fn who_was_left_out_is_liquidated_with_the_next_command() {
    let (mut venue, buyer) = leveraged();
    venue.advance(1);
    let (update, arrays) = venue.marks(BTC, 91_000);
    follow(&mut venue, update, Some(arrays), &[step(StepAction::Mark, 0)]);
    assert_eq!(venue.engine.check_invariants(), Ok(()));
    assert_eq!(venue.engine.liquidations().len(), 0);
    let events = names(&venue.send(Clock { limit: 0 }).unwrap());
    assert!(events.starts_with(&["MarginCall", "LiquidationStarted", "OrderClosed"]), "{events:?}");
    assert_eq!(venue.engine.liquidations().next().map(|(id, _)| id), Some(buyer));
}

/// So do orders that were left to an account in liquidation: the state is none that an honest operator leaves, and a proof of
/// its own, and still it is gone on from.
#[test]
fn orders_that_were_left_behind_end_with_the_next_command() {
    let (mut venue, buyer) = leveraged();
    venue.advance(1);
    let (update, arrays) = venue.marks(BTC, 91_000);
    let steps = [StepAction::MarginCall, StepAction::LiquidationStart].map(|action| step(action, buyer));
    let named = [&[step(StepAction::Mark, 0)], &steps[..]].concat();
    follow(&mut venue, update, Some(arrays), &named);
    assert_eq!(venue.engine.check_invariants(), Err(Violation::Liquidation { subaccount: buyer }));
    let events = venue.send(Clock { limit: 0 }).unwrap();
    assert_eq!(closes(&events)[0].1, CloseReason::Liquidation);
    assert_eq!(venue.engine.account(buyer).unwrap().orders().len(), 0);
}

/// Lots so large that the margin of one fits in 64 bits, and no more where its share is twice as high.
#[test]
fn a_parameter_under_which_a_mark_does_not_fit_is_followed() {
    let mut venue = Venue::open();
    let large = InstrumentSpec {
        lot_size: 400_000 * CONTRACT,
        ..option(7, BTC, OptionType::Call, 105_000, EXPIRY_1)
    };
    venue.list(vec![large]).unwrap();
    venue.mark(BTC, 100_000);
    let seller = venue.deposit(address(1), 1_000_000_000_000);
    let change = ParameterValue { parameter: Parameter::OptionInitial, value: 400_000_000 };
    let command = SetParameter { change: change.clone(), admin: venue.admin() };
    assert_eq!(venue.send(command.clone()), Err(Reject::Overflow));

    follow(&mut venue, command, None, &[step(StepAction::SetParameter, 0)]);
    assert_eq!(venue.engine.parameters().get(change.parameter), change.value);
    assert_eq!(venue.engine.check_invariants(), Ok(()));
    let order = venue.order(seller, 7, Side::Sell, 1, 1_000);
    assert_eq!(venue.send(order), Err(Reject::Overflow));
    venue.sell(seller, BTC_CALL, 1, 1_000);
    let restored = engine::Engine::from_bytes(&venue.engine.to_bytes()).unwrap();
    assert!(restored.to_bytes() == venue.engine.to_bytes());
}
