//! The insurance fund: its cap, and what does not count.

use crate::common::*;
use crate::support::*;
use protocol::*;

#[test]
fn giving_to_the_fund_is_an_owners_action() {
    let mut scene = Scene::new(1_000);
    let auth = scene.venue.owner_auth(address(2));
    let give = |amount| FundInsurance { subaccount: scene.maker, amount, auth: auth.clone() };
    assert_eq!(code(scene.venue.send(give(0))), "amount_not_positive");
    assert_eq!(code(scene.venue.send(give(20_000_000 * USD))), "insufficient_funds");
    let events = scene.venue.send(give(5 * USD)).unwrap();
    assert_eq!(names(&events), ["BalanceChanged", "InsuranceFunded"]);
    assert_eq!(scene.venue.engine.globals().insurance, 5 * USD);
    assert_eq!(code(scene.venue.send(give(5 * USD))), "wrong_owner_nonce");
}

#[test]
fn one_liquidation_draws_its_share_of_the_fund_and_no_more() {
    // The hole is 15,050 USDC; half of a fund of 20,000 does not fill it.
    let mut scene = Scene::long(5_000);
    scene.fund(20_000);
    let events = scene.mark(80_000);
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Deleveraged));
    assert_eq!(scene.venue.engine.globals().insurance, 10_000 * USD);
    assert_eq!(scene.venue.cash(scene.seller), 0);
}

#[test]
fn what_a_settlement_borrowed_is_not_solvency() {
    let mut scene = Scene::new(50_000);
    // The maker is short; the seller, with the lower id, is paid first and last is never enough.
    scene.trade(scene.maker, scene.seller, BTC_CALL, 100);
    scene.venue.advance(DAY);
    scene.mark(120_000);
    let expire = scene.venue.expire(BTC, EXPIRY_1, 120_000);
    scene.venue.send(expire).unwrap();
    scene.venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 1 }).unwrap();
    // The short has paid 20,000 into the fund, which owes it to the long.
    assert_eq!(scene.venue.engine.globals().insurance, 20_000 * USD);
    assert_eq!(scene.venue.engine.insurance_free(), 0);
    scene.venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 100 }).unwrap();
    assert_eq!(scene.venue.engine.insurance_free(), 0);
}

#[test]
fn a_debt_that_nobody_can_pay_waits_for_the_fund() {
    // A short call settles above what its account has: there is nothing left to close.
    let mut scene = Scene::new(20_000);
    scene.trade(scene.maker, scene.seller, BTC_CALL, 100);
    scene.venue.advance(DAY);
    let expire = scene.venue.expire(BTC, EXPIRY_1, 130_000);
    scene.venue.send(expire).unwrap();
    scene.mark(120_000);
    let events = scene.venue.send(SettleExpired { underlying: BTC, expiry: EXPIRY_1, limit: 100 }).unwrap();
    assert!(names(&events).contains(&"LiquidationStarted"), "{events:?}");
    let debt = -scene.venue.cash(scene.seller);
    assert!(debt > 0 && scene.liquidation().is_some());
    scene.fund(1_000);
    let mut paid = 0;
    while scene.venue.engine.insurance_free() > 0 && paid < 3 {
        scene.venue.advance(SECOND);
        scene.clock();
        paid += 1;
    }
    assert_eq!(scene.venue.cash(scene.seller), -debt + 500 * USD, "half of the fund, once");
    scene.fund(100_000);
    scene.venue.advance(SECOND);
    let events = scene.clock();
    assert_eq!(outcome(&events), Some(LiquidationOutcome::Insured));
    assert_eq!(scene.venue.cash(scene.seller), 0);
}
