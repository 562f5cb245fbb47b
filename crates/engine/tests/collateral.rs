//! Collateral: what it counts for, when it does not, and what of it may leave.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::{
    Dirty, Engine, MarginSummary, NamedStep, Reject, StepAction, StepMark, StepObserver, Subject, Unobserved,
};
use protocol::*;

fn summary(venue: &Venue, subaccount: SubaccountId) -> MarginSummary {
    venue.engine.margin_summary(subaccount).unwrap()
}

/// A venue with collateral terms; 10 WETH, worth 40,000 USDC, in the first subaccount.
fn with_weth(model: MarginModel) -> (Venue, SubaccountId) {
    let mut venue = Venue::with_tables();
    let a = venue.deposit(address(1), 1);
    if model == MarginModel::Portfolio {
        venue.model(a, model).unwrap();
    }
    give(&mut venue, 1, 10);
    (venue, a)
}

fn give(venue: &mut Venue, owner: u8, units: i64) {
    let amount = units * CONTRACT;
    venue.inbox(InboxBody::Deposit { owner: address(owner), subaccount: 0, asset: WETH, amount });
}

fn set_terms(venue: &mut Venue, terms: CollateralTerms) {
    let admin = venue.admin();
    let effective = venue.time + 3_600 * SECOND;
    venue.send(SetCollateral { asset: WETH, terms, effective, admin }).unwrap();
    venue.advance(3_600 * SECOND);
    venue.mark(BTC, 100_000);
    venue.mark(ETH, 4_000);
}

fn withdraw(
    venue: &mut Venue,
    subaccount: SubaccountId,
    asset: AssetId,
    amount: i64,
) -> Result<Vec<Event>, Reject> {
    let owner = venue.engine.owner_of(subaccount).unwrap();
    let auth = venue.owner_auth(owner);
    venue.send(Withdraw { subaccount, asset, amount, recipient: owner, auth })
}

#[test]
fn collateral_counts_after_its_haircuts_in_both_models() {
    for model in [MarginModel::Standard, MarginModel::Portfolio] {
        let (venue, a) = with_weth(model);
        let held = summary(&venue, a);
        assert_eq!((held.collateral, held.collateral_maintenance), (36_000 * USD, 38_000 * USD));
        assert_eq!(held.balance, 36_001 * USD);
        let standing = venue.engine.standing(a).unwrap();
        assert_eq!((standing.initial_equity, standing.equity), (36_001 * USD, 38_001 * USD));
    }
}

#[test]
fn without_terms_an_asset_counts_for_nothing_and_leaves_freely() {
    let mut venue = Venue::open();
    let a = venue.deposit(address(1), 1);
    give(&mut venue, 1, 10);
    assert_eq!(summary(&venue, a).collateral, 0);
    assert_eq!(venue.engine.withdrawable(a, WETH), 10 * CONTRACT);
}

#[test]
fn the_accounts_cap_binds_both_margins() {
    let (mut venue, a) = with_weth(MarginModel::Standard);
    set_terms(&mut venue, CollateralTerms { account_cap: 4 * CONTRACT, ..weth() });
    let held = summary(&venue, a);
    assert_eq!((held.collateral, held.collateral_maintenance), (14_400 * USD, 15_200 * USD));
}

#[test]
fn the_venues_cap_is_shared_and_liquidates_nobody() {
    let (mut venue, a) = with_weth(MarginModel::Standard);
    set_terms(&mut venue, CollateralTerms { venue_cap: 20 * CONTRACT, ..weth() });
    assert_eq!(summary(&venue, a).collateral, 36_000 * USD);
    // A stranger brings 30 more: half of everybody's counts for new risk, all of it for maintenance.
    give(&mut venue, 2, 30);
    let held = summary(&venue, a);
    assert_eq!((held.collateral, held.collateral_maintenance), (18_000 * USD, 38_000 * USD));
    let order = venue.order(a, BTC_CALL, Side::Sell, 100, 400);
    venue.send(order.clone()).unwrap();
    let order = PlaceOrder { auth: venue.auth(address(1)), ..order };
    assert_eq!(code(venue.send(order)), "not_enough_margin");
}

#[test]
fn an_unsound_price_stops_new_risk_and_leaves_maintenance() {
    let (mut venue, a) = with_weth(MarginModel::Standard);
    venue.sell(a, BTC_CALL, 50, 400);
    let before = summary(&venue, a);
    // Only BTC is marked again: ETH, which prices the collateral, goes stale with the very next command.
    venue.advance(60 * SECOND);
    venue.mark(BTC, 100_000);
    let order = venue.order(a, BTC_CALL, Side::Sell, 1, 400);
    let Reject::Margin { balance, .. } = venue.send(order).unwrap_err() else { panic!() };
    assert_eq!(balance, USD);
    let (update, arrays) = venue.marks(BTC, 100_000);
    venue.advance(1);
    let _ = venue.send_with(update, Some(arrays));
    let stale = summary(&venue, a);
    assert_eq!((stale.collateral, stale.collateral_maintenance), (0, before.collateral_maintenance));
    assert_eq!(stale.maintenance, before.maintenance);
    // A good mark brings it back.
    venue.mark(ETH, 4_000);
    venue.sell(a, BTC_CALL, 1, 400);
}

#[test]
fn cash_goes_below_zero_against_collateral_but_never_leaves() {
    let (mut venue, a) = with_weth(MarginModel::Standard);
    let b = venue.deposit(address(2), 100_000);
    venue.sell(b, BTC_CALL, 100, 400);
    venue.buy(a, BTC_CALL, 100, 400);
    assert!(venue.cash(a) < 0);
    assert_eq!(venue.engine.withdrawable(a, USDC), 0);
    assert_eq!(code(withdraw(&mut venue, a, USDC, 1)), "insufficient_funds");
    // 2,029 USDC of debt stay covered: 36,000 − 2,029 are free, at 3,600 a unit.
    let free = venue.engine.withdrawable(a, WETH);
    assert_eq!(free / 1_000_000, 943);
    assert_eq!(code(withdraw(&mut venue, a, WETH, free + 1)), "insufficient_funds");
    withdraw(&mut venue, a, WETH, free).unwrap();
    assert_eq!(venue.engine.withdrawable(a, WETH), 0);
    assert!((0..2 * USD).contains(&summary(&venue, a).available));
}

/// Subjects of the steps taken.
#[derive(Default)]
struct Subjects(Vec<Subject>);

impl StepObserver for Subjects {
    fn step(&mut self, _: &Engine, _: Dirty, step: StepMark) {
        self.0.push(step.subject);
    }
}

#[test]
fn a_forced_withdrawal_names_what_it_pays() {
    let (mut venue, a) = with_weth(MarginModel::Portfolio);
    venue.sell(a, BTC_CALL, 50, 400);
    let free = venue.engine.withdrawable(a, WETH);
    assert!(0 < free && free < 10 * CONTRACT);
    let named = |venue: &Venue, asset, amount| {
        let (owner, mut steps) = (address(1), Subjects::default());
        let body = InboxBody::ForcedWithdraw { owner, subaccount: a, asset, amount, recipient: owner };
        let index = venue.engine.globals().inbox_next;
        let record = Record { time: venue.time, command: InboxItem { index, body }.into() };
        let mut engine = venue.engine.clone();
        let sequence = engine.globals().sequence + 1;
        engine.apply_observed(sequence, &record, None, &mut Vec::new(), &mut steps).unwrap();
        assert_eq!(steps.0.len(), 1);
        steps.0[0]
    };
    let amount = |amount| Subject { amount, ..Subject::NONE };
    assert_eq!(named(&venue, WETH, 7), amount(7));
    assert_eq!(named(&venue, WETH, free), amount(free));
    assert_eq!(named(&venue, WETH, i64::MAX), amount(free));
    assert_eq!(named(&venue, USDC, 7), amount(venue.engine.withdrawable(a, USDC).min(7)));
    // Void.
    assert_eq!(named(&venue, WETH, -1), Subject::NONE);
    assert_eq!(named(&venue, 9, 1), Subject::NONE);
    // Nothing more can leave behind it.
    venue.inbox(InboxBody::ForcedWithdraw {
        owner: address(1),
        subaccount: a,
        asset: WETH,
        amount: i64::MAX,
        recipient: address(1),
    });
    assert_eq!(named(&venue, WETH, i64::MAX), Subject::NONE);
}

/// What an operator names is paid where it may leave; whatever else it names, nothing breaks.
#[test]
fn a_forced_withdrawal_pays_no_amount_that_may_not_leave() {
    let (mut venue, a) = with_weth(MarginModel::Portfolio);
    venue.sell(a, BTC_CALL, 50, 400);
    let (owner, free) = (address(1), venue.engine.withdrawable(a, WETH));
    let body =
        InboxBody::ForcedWithdraw { owner, subaccount: a, asset: WETH, amount: i64::MAX, recipient: owner };
    let index = venue.engine.globals().inbox_next;
    let record = Record { time: venue.time, command: InboxItem { index, body }.into() };
    let sequence = venue.engine.globals().sequence + 1;
    // Nothing is what a void one pays.
    let followed = [(0, true), (1, true), (free, true), (free + 1, false)];
    for (amount, taken) in [(i64::MIN, false), (-1, false), (i64::MAX, false)].into_iter().chain(followed) {
        let subject = Subject { amount, ..Subject::NONE };
        let named = [NamedStep { kind: StepAction::ForcedWithdraw as u8, subject }];
        let mut engine = venue.engine.clone();
        let outcome = engine.apply_named(sequence, &record, None, &named, &mut Vec::new(), &mut Unobserved);
        assert_eq!(outcome.is_ok(), taken, "{amount}");
        if taken {
            assert_eq!(engine.withdrawable(a, WETH) == 0, amount == free);
        }
    }
}

#[test]
fn a_transfer_of_collateral_keeps_initial_margin_covered() {
    let (mut venue, a) = with_weth(MarginModel::Portfolio);
    let auth = venue.owner_auth(address(1));
    venue.send(CreateSubaccount { auth }).unwrap();
    let to = venue.engine.key(&address(1)).unwrap().subaccounts[1];
    venue.sell(a, BTC_CALL, 50, 400);
    let free = venue.engine.withdrawable(a, WETH);
    assert!(0 < free && free < 10 * CONTRACT);
    let transfer = |venue: &Venue, amount| Transfer {
        from: a,
        to,
        asset: WETH,
        amount,
        auth: venue.owner_auth(address(1)),
    };
    let refused = transfer(&venue, free + 1);
    assert_eq!(code(venue.send(refused)), "insufficient_funds");
    let passed = transfer(&venue, free);
    venue.send(passed).unwrap();
    assert!(summary(&venue, a).available >= 0);
    assert_eq!(venue.engine.withdrawable(to, WETH), free);
}

#[test]
fn collateral_is_shocked_with_its_underlying_in_a_portfolio() {
    let (venue, a) = with_weth(MarginModel::Portfolio);
    // 36,000 USDC that fall by 16 %.
    let held = summary(&venue, a);
    assert_eq!((held.initial, held.maintenance), (5_760 * USD, 6_080 * USD * 8 / 10));
}

#[test]
fn the_venue_pays_no_more_than_it_holds() {
    let (mut venue, a) = with_weth(MarginModel::Standard);
    let b = venue.deposit(address(2), 20_000);
    // The debt of one is the claim of the other, and no USDC stands behind it.
    venue.sell(b, BTC_CALL, 100, 400);
    venue.buy(a, BTC_CALL, 100, 400);
    venue.sell(a, BTC_CALL, 100, 200);
    let bought = venue.order(b, BTC_CALL, Side::Buy, 100, 200);
    venue.send(bought).unwrap();
    let held = 20_001 * USD;
    assert!(venue.cash(b) > held - 100 * USD, "{}", venue.cash(b));
    assert_eq!(venue.engine.withdrawable(b, USDC), held.min(venue.cash(b)));
}
