//! Portfolio margin: the switch of models, admission, matching, withdrawals, and the cache under it all.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::{MarginSummary, Reject, Simulation};
use protocol::*;

fn summary(venue: &Venue, subaccount: SubaccountId) -> MarginSummary {
    venue.engine.margin_summary(subaccount).unwrap()
}

/// Two subaccounts, the first one margined as a portfolio.
fn portfolio(usdc: i64) -> (Venue, SubaccountId, SubaccountId) {
    let mut venue = Venue::with_tables();
    let (a, b) = (venue.deposit(address(1), usdc), venue.deposit(address(2), 10_000_000));
    venue.model(a, MarginModel::Portfolio).unwrap();
    (venue, a, b)
}

#[test]
fn an_empty_subaccount_may_choose_either_model() {
    let (mut venue, a, _) = portfolio(1_000);
    assert_eq!(venue.engine.account(a).unwrap().model(), MarginModel::Portfolio);
    assert_eq!(code(venue.model(a, MarginModel::Portfolio)), "nothing_to_do");
    let events = venue.model(a, MarginModel::Standard).unwrap();
    assert_eq!(events, [MarginModelChanged { subaccount: a, model: MarginModel::Standard }.into()]);
}

#[test]
fn only_the_owner_switches_with_the_next_nonce() {
    let (mut venue, a, _) = portfolio(1_000);
    let mut auth = venue.owner_auth(address(2));
    assert_eq!(
        code(venue.send(SetMarginModel { subaccount: a, model: MarginModel::Standard, auth: auth.clone() })),
        "not_authorized"
    );
    auth = venue.owner_auth(address(1));
    auth.nonce += 1;
    assert_eq!(
        code(venue.send(SetMarginModel { subaccount: a, model: MarginModel::Standard, auth })),
        "wrong_owner_nonce"
    );
}

#[test]
fn a_switch_that_the_new_model_does_not_cover_is_refused_with_numbers() {
    // Two thirds of a put spread hedge each other in a portfolio only.
    let (mut venue, a, b) = portfolio(12_000);
    venue.buy(a, BTC_CALL, 100, 400);
    venue.sell(b, BTC_CALL, 100, 400);
    venue.buy(b, BTC_LATER, 100, 400);
    venue.sell(a, BTC_LATER, 100, 400);
    let held = summary(&venue, a);
    assert!(held.available >= 0, "{held:?}");
    let refused = venue.model(a, MarginModel::Standard).unwrap_err();
    let Reject::MarginModelRefused { balance, required } = refused else { panic!("{refused}") };
    assert_eq!(required, 12_000 * USD, "the short call by itself");
    assert_eq!(balance, venue.cash(a));
    venue.deposit(address(1), 5_000);
    venue.model(a, MarginModel::Standard).unwrap();
}

#[test]
fn a_portfolio_needs_lanes() {
    let mut venue = Venue::open();
    let (a, b) = (venue.deposit(address(1), 100_000), venue.deposit(address(2), 100_000));
    venue.buy(b, BTC_CALL, 10, 400);
    venue.sell(a, BTC_CALL, 10, 400);
    assert_eq!(code(venue.model(a, MarginModel::Portfolio)), "no_lanes");
    let c = venue.deposit(address(3), 100_000);
    venue.model(c, MarginModel::Portfolio).unwrap();
    let order = venue.order(c, BTC_PERP, Side::Buy, 1, 200_000);
    assert_eq!(code(venue.send(order)), "no_lanes");
}

#[test]
fn option_value_is_part_of_the_equity() {
    let (mut venue, a, b) = portfolio(3_000);
    venue.sell(b, BTC_CALL, 100, 400);
    venue.buy(a, BTC_CALL, 100, 400);
    let held = summary(&venue, a);
    assert_eq!(held.option_value, 2_000 * USD);
    assert_eq!((held.balance, held.equity), (held.cash + 2_000 * USD, held.balance));
    // In the standard model nothing is required of a long option, and its value is nowhere.
    let standard = summary(&venue, b);
    assert_eq!(standard.balance, standard.cash);
}

#[test]
fn admission_counts_open_orders_and_refuses_with_numbers() {
    let (mut venue, a, _) = portfolio(20_000);
    venue.sell(a, BTC_CALL, 50, 400);
    let open = summary(&venue, a);
    assert!(open.initial > 0 && open.initial_positions == 0 && open.maintenance == 0);
    let order = venue.order(a, BTC_CALL, Side::Sell, 500, 400);
    let Reject::Margin { balance, required } = venue.send(order).unwrap_err() else { panic!() };
    assert_eq!(balance, open.balance);
    assert!(required > balance);
}

#[test]
fn an_order_that_lowers_the_requirement_passes_whatever_the_equity() {
    let (mut venue, a, b) = portfolio(20_000);
    venue.buy(b, BTC_CALL, 90, 400);
    venue.sell(a, BTC_CALL, 90, 400);
    // The call is far in the money now, and the equity is gone.
    venue.mark(BTC, 115_000);
    assert!(summary(&venue, a).available < 0);
    let order = venue.order(a, BTC_PUT, Side::Sell, 5, 460);
    assert_eq!(code(venue.send(order)), "not_enough_margin");
    let hedge = venue.order(a, BTC_CALL, Side::Buy, 20, 460);
    venue.send(hedge).unwrap();
}

#[test]
fn a_maker_short_of_margin_is_closed_unless_it_reduces() {
    let (mut venue, a, b) = portfolio(20_000);
    venue.sell(a, BTC_CALL, 80, 400);
    let order = venue.last_order();
    venue.mark(BTC, 112_000);
    venue.mark(BTC, 130_000);
    let events = venue.buy(b, BTC_CALL, 80, 400);
    assert_eq!(closes(&events), [(order, CloseReason::Margin)]);
}

#[test]
fn unrealised_profit_never_leaves() {
    let (mut venue, a, b) = portfolio(10_000);
    venue.sell(b, BTC_PERP, 100, 200_000);
    venue.buy(a, BTC_PERP, 100, 200_000);
    venue.mark(BTC, 120_000);
    let held = summary(&venue, a);
    assert_eq!(held.unrealised, 2_000 * USD);
    assert_eq!(held.withdrawable, (held.cash - held.initial).max(0));
    // An option's value is no cash either.
    venue.sell(b, BTC_PUT, 100, 480);
    venue.buy(a, BTC_PUT, 100, 480);
    venue.mark(BTC, 150_000);
    let held = summary(&venue, a);
    assert!(held.equity > held.cash);
    assert!(held.withdrawable <= held.cash);
}

#[test]
fn a_simulation_is_what_the_account_becomes() {
    let (mut venue, a, b) = portfolio(50_000);
    let simulated = venue
        .engine
        .simulate_margin(&Simulation {
            base: Some(a),
            model: MarginModel::Portfolio,
            trades: &[(BTC_LATER, -20), (BTC_PERP, 300)],
            transfers: &[(WETH, CONTRACT)],
        })
        .unwrap();
    for parameter in [
        Parameter::OptionMakerFee,
        Parameter::OptionTakerFee,
        Parameter::PerpetualMakerFee,
        Parameter::PerpetualTakerFee,
    ] {
        venue.set(parameter, 0).unwrap();
    }
    venue.buy(b, BTC_LATER, 20, 400);
    venue.sell(a, BTC_LATER, 20, 400);
    venue.sell(b, BTC_PERP, 300, 200_000);
    venue.buy(a, BTC_PERP, 300, 200_000);
    venue.inbox(InboxBody::Deposit { owner: address(1), subaccount: a, asset: WETH, amount: CONTRACT });
    assert_eq!(simulated.summary, summary(&venue, a));
    assert!(simulated.is_covered());
    let breakdown = simulated.portfolio.unwrap();
    assert_eq!(
        (breakdown.initial, breakdown.maintenance),
        (simulated.summary.initial, simulated.summary.maintenance)
    );
    assert_eq!(breakdown.underlyings.len(), 2, "the collateral moves with ETH");
    assert_eq!(simulated.collateral.len(), 1);
    assert_eq!(simulated.positions, venue.engine.positions(a).collect::<Vec<_>>());
}

#[test]
fn a_restored_snapshot_has_the_table_of_the_last_mark() {
    let mut venue = Venue::open();
    let admin = venue.admin();
    let parameters = risk_parameters();
    venue.send(SetRiskParameters { underlying: BTC, parameters, effective: 0, admin }).unwrap();
    // The table waits for the next mark, though its time has come.
    let a = venue.deposit(address(1), 10_000);
    venue.model(a, MarginModel::Portfolio).unwrap();
    let order = venue.order(a, BTC_CALL, Side::Sell, 1, 400);
    venue.engine = engine::Engine::from_bytes(&venue.engine.to_bytes()).unwrap();
    assert_eq!(code(venue.send(order)), "no_lanes");
    venue.mark(BTC, 100_000);
    venue.engine = engine::Engine::from_bytes(&venue.engine.to_bytes()).unwrap();
    venue.sell(a, BTC_CALL, 1, 400);
}

/// Long a perpetual, hedged by puts that are on offer, beside ETH that lost most of what there was: enough for the hedged
/// position, not for the bare one.
fn hedge_on_offer() -> (Venue, SubaccountId, SubaccountId, OrderId) {
    let (mut venue, a, b) = portfolio(34_000);
    for (instrument, lots, price) in
        [(BTC_PERP, 1_000, 200_000), (BTC_PUT, 100, 400), (ETH_PERP, 2_000, 80_000)]
    {
        venue.sell(b, instrument, lots, price);
        venue.buy(a, instrument, lots, price);
    }
    venue.sell(a, BTC_PUT, 100, 600);
    let offer = venue.last_order();
    venue.mark(ETH, 3_400);
    let held = summary(&venue, a);
    assert!(held.available < 0, "{held:?}");
    let standing = venue.engine.standing(a).unwrap();
    assert!(standing.initial_equity >= standing.initial, "{standing:?}");
    (venue, a, b, offer)
}

#[test]
fn a_hedge_that_margin_needs_is_not_sold_by_the_book() {
    let (mut venue, a, b, offer) = hedge_on_offer();
    let events = venue.buy(b, BTC_PUT, 100, 600);
    assert!(fills(&events).is_empty(), "{events:?}");
    let closed = events.iter().find_map(|event| match event {
        Event::OrderClosed(closed) if closed.order == offer => Some(closed.reason),
        _ => None,
    });
    assert_eq!(closed, Some(CloseReason::Margin));
    assert_eq!(venue.position(a, BTC_PUT), 100);
}

#[test]
fn what_shrinks_and_needs_less_is_filled_whatever_the_funds() {
    let (mut venue, a, b, offer) = hedge_on_offer();
    venue.cancel(a, offer).unwrap();
    venue.sell(a, ETH_PERP, 2_000, 68_000);
    venue.mark(ETH, 3_000);
    venue.mark(ETH, 3_390);
    let events = venue.buy(b, ETH_PERP, 2_000, 68_000);
    assert_eq!(fills(&events).len(), 1, "{events:?}");
}

#[test]
fn nor_by_moving_the_offer_to_a_bid() {
    let (mut venue, a, b, offer) = hedge_on_offer();
    venue.buy(b, BTC_PUT, 100, 300);
    let replace = venue.replace(a, offer, 100, 300);
    assert_eq!(code(venue.send(replace)), "not_enough_margin");
}
