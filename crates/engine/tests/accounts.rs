//! Subaccounts, inbox, withdrawals, transfers, keys, nonces.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::Reject;
use protocol::*;

fn owner() -> Address {
    address(1)
}

#[test]
fn the_inbox_comes_in_order_and_chains() {
    let mut venue = Venue::open();
    let body = InboxBody::Deposit { owner: owner(), subaccount: 0, asset: USDC, amount: 5 };
    assert_eq!(
        venue.send(InboxItem { index: 1, body: body.clone() }).unwrap_err(),
        Reject::InboxIndex { expected: 0, got: 1 }
    );
    let expected = keccak256(&[&Hash::ZERO.0, &0u64.to_be_bytes(), &body.to_bytes()]);
    venue.inbox(body);
    assert_eq!((venue.engine.globals().inbox_next, venue.engine.globals().inbox_hash), (1, expected));
}

#[test]
fn deposits_are_never_lost() {
    let mut venue = Venue::open();
    let deposit = |owner, subaccount, amount| InboxBody::Deposit { owner, subaccount, asset: USDC, amount };
    assert_eq!(names(&venue.inbox(deposit(owner(), 77, 10))), ["SubaccountCreated", "BalanceChanged"]);
    venue.inbox(deposit(address(2), 0, 10));
    venue.inbox(deposit(owner(), 2, 5));
    assert_eq!(
        (venue.cash(1), venue.cash(2)),
        (15, 10),
        "a foreign subaccount falls back to the owner's first"
    );
    for void in [deposit(owner(), 1, 0), deposit(owner(), 1, -1), deposit(owner(), 1, i64::MAX)] {
        assert_eq!(names(&venue.inbox(void)), ["ForcedRequestVoid"]);
    }
    let unknown = InboxBody::Deposit { owner: owner(), subaccount: 1, asset: 9, amount: 1 };
    assert_eq!(names(&venue.inbox(unknown)), ["ForcedRequestVoid"]);
    venue.inbox(InboxBody::Deposit { owner: owner(), subaccount: 1, asset: 1, amount: 7 });
    assert_eq!(venue.engine.account(1).unwrap().assets(), [(1, 7)]);
}

#[test]
fn forced_requests() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 20_000);
    let forced = |owner, amount| InboxBody::ForcedWithdraw {
        owner,
        subaccount: a,
        asset: USDC,
        amount,
        recipient: owner,
    };
    assert_eq!(names(&venue.inbox(forced(address(2), 1))), ["ForcedRequestVoid"]);
    venue.sell(a, BTC_CALL, 100, 400);
    let events = venue.inbox(forced(owner(), i64::MAX));
    assert_eq!(names(&events), ["BalanceChanged", "WithdrawalQueued"]);
    assert!(matches!(&events[1], Event::WithdrawalQueued(w) if w.amount == 4_970 * USD && w.withdrawal == 0));
    assert_eq!(names(&venue.inbox(forced(owner(), 1))), ["ForcedRequestVoid"]);
    let close_only = InboxBody::ForcedCloseOnly { owner: owner(), subaccount: a };
    assert_eq!(names(&venue.inbox(close_only.clone())), ["CloseOnlySet", "OrderClosed"]);
    assert_eq!(names(&venue.inbox(close_only)), ["ForcedRequestVoid"]);
    let cancel = InboxBody::ForcedCancelAll { owner: owner(), subaccount: a };
    assert_eq!(names(&venue.inbox(cancel)), ["ForcedRequestVoid"]);
}

#[test]
fn withdrawals_need_the_owner_and_its_next_nonce() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 100);
    let auth = venue.owner_auth(owner());
    let good = Withdraw { subaccount: a, asset: USDC, amount: 40 * USD, recipient: address(9), auth };
    let with = |change: &dyn Fn(&mut Withdraw)| {
        let mut withdraw = good.clone();
        change(&mut withdraw);
        withdraw
    };
    let cases: Vec<(Withdraw, &str)> = vec![
        (with(&|w| w.auth.signer = address(2)), "not_authorized"),
        (with(&|w| w.auth.nonce = 1), "wrong_owner_nonce"),
        (with(&|w| w.auth.expiry = T0), "signature_expired"),
        (with(&|w| w.amount = 0), "amount_not_positive"),
        (with(&|w| w.amount = 101 * USD), "insufficient_funds"),
        (with(&|w| w.asset = 1), "insufficient_funds"),
        (with(&|w| w.asset = 2), "unknown_asset"),
        (with(&|w| w.recipient = Address::ZERO), "invalid_recipient"),
    ];
    for (withdraw, word) in cases {
        assert_eq!(code(venue.send(withdraw)), word);
    }
    assert_eq!(names(&venue.send(good.clone()).unwrap()), ["BalanceChanged", "WithdrawalQueued"]);
    assert_eq!(code(venue.send(good)), "wrong_owner_nonce");
    assert_eq!(venue.cash(a), 60 * USD);
}

#[test]
fn transfers_stay_with_the_owner_and_need_free_margin() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 20_000);
    let foreign = venue.deposit(address(2), 1);
    let auth = venue.owner_auth(owner());
    venue.send(CreateSubaccount { auth }).unwrap();
    let to = foreign + 1;
    venue.sell(a, BTC_CALL, 100, 400);
    let auth = venue.owner_auth(owner());
    let transfer = |to, amount| Transfer { from: a, to, asset: USDC, amount, auth: auth.clone() };
    assert_eq!(code(venue.send(transfer(a, 1))), "same_subaccount");
    assert_eq!(code(venue.send(transfer(foreign, 1))), "foreign_subaccount");
    assert_eq!(code(venue.send(transfer(to, 4_970 * USD + 1))), "insufficient_funds");
    let events = venue.send(transfer(to, 4_970 * USD)).unwrap();
    assert_eq!(names(&events), ["BalanceChanged", "BalanceChanged"]);
    assert_eq!(venue.cash(to), 4_970 * USD);
}

fn register(venue: &Venue, key: Address, scopes: u8, subaccounts: Vec<SubaccountId>) -> RegisterSessionKey {
    let auth = venue.owner_auth(owner());
    RegisterSessionKey {
        key,
        scopes,
        subaccounts,
        key_expiry: venue.time + 10 * SECOND,
        auth,
        consent: Signature::ZERO,
    }
}

#[test]
fn session_keys_have_scopes_subaccounts_and_an_end() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 20_000);
    let auth = venue.owner_auth(owner());
    venue.send(CreateSubaccount { auth }).unwrap();
    let (trader, canceller) = (address(0x20), address(0x21));
    let command = register(&venue, trader, scope::TRADE, vec![a]);
    assert_eq!(names(&venue.send(command).unwrap()), ["KeyRegistered"]);
    let command = register(&venue, canceller, scope::CANCEL | scope::TRANSFER, Vec::new());
    venue.send(command).unwrap();
    let place = |venue: &mut Venue, subaccount, signer| {
        let mut order = venue.order(subaccount, BTC_CALL, Side::Buy, 1, 100);
        order.auth = venue.auth(signer);
        venue.send(order)
    };
    place(&mut venue, a, trader).unwrap();
    let order = venue.last_order();
    assert_eq!(code(place(&mut venue, a + 1, trader)), "key_not_for_subaccount");
    assert_eq!(code(place(&mut venue, a, canceller)), "scope_missing");
    assert_eq!(code(place(&mut venue, a, address(0x22))), "not_authorized");
    let auth = venue.auth(canceller);
    venue.send(CancelOrder { subaccount: a, order, auth: Some(auth) }).unwrap();
    let mut auth = venue.owner_auth(owner());
    auth.signer = canceller;
    venue.send(Transfer { from: a, to: a + 1, asset: USDC, amount: 1, auth: auth.clone() }).unwrap();
    auth.nonce += 1;
    let withdraw = Withdraw { subaccount: a, asset: USDC, amount: 1, recipient: canceller, auth };
    assert_eq!(code(venue.send(withdraw)), "not_authorized");
    let auth = venue.owner_auth(owner());
    venue.send(RevokeSessionKey { key: trader, auth }).unwrap();
    assert_eq!(code(place(&mut venue, a, trader)), "key_revoked");
    let command = register(&venue, trader, scope::TRADE, Vec::new());
    venue.send(command).unwrap();
    place(&mut venue, a, trader).unwrap();
    venue.advance(10 * SECOND);
    assert_eq!(code(place(&mut venue, a, trader)), "key_expired");
}

#[test]
fn a_key_belongs_to_one_owner() {
    let mut venue = Venue::open();
    venue.deposit(owner(), 1);
    venue.deposit(address(2), 1);
    let key = address(0x20);
    let command = register(&venue, key, scope::TRADE, Vec::new());
    venue.send(command).unwrap();
    let mut other = register(&venue, key, scope::TRADE, Vec::new());
    other.auth = venue.owner_auth(address(2));
    assert_eq!(code(venue.send(other.clone())), "key_taken");
    let auth = venue.owner_auth(owner());
    venue.send(RevokeSessionKey { key, auth: auth.clone() }).unwrap();
    assert_eq!(code(venue.send(other)), "key_taken", "not even after it was revoked");
    for (key, scopes, subaccounts, word) in [
        (owner(), 1, vec![], "invalid_key"),
        (address(2), 1, vec![], "key_taken"),
        (address(0x21), 0, vec![], "no_scopes"),
        (address(0x21), 1, vec![2], "foreign_subaccount"),
        (address(0x21), 16, vec![], "malformed"),
    ] {
        let command = register(&venue, key, scopes, subaccounts);
        assert_eq!(code(venue.send(command)), word);
    }
    let item = |owner, key| InboxBody::RegisterKey { owner, key, scopes: 3, expiry: T0 + DAY };
    assert_eq!(names(&venue.inbox(item(address(2), key))), ["ForcedRequestVoid"]);
    assert_eq!(names(&venue.inbox(item(address(3), address(0x23)))), ["KeyRegistered"]);
}

#[test]
fn nonces_live_in_a_window_of_time_and_use() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 20_000);
    let base = venue.time;
    let mut place = |nonce: u64| {
        let mut order = venue.order(a, BTC_CALL, Side::Buy, 1, 100);
        order.auth.nonce = nonce;
        order.time_in_force = TimeInForce::Ioc;
        venue.send(order)
    };
    assert_eq!(code(place(base - 60 * SECOND - 1)), "nonce_too_old");
    assert_eq!(code(place(base + 5 * SECOND + 1)), "nonce_too_new");
    place(base + 5 * SECOND).unwrap();
    place(base - 60 * SECOND).unwrap();
    assert_eq!(code(place(base - 60 * SECOND)), "nonce_used");
    for step in 0..63 {
        place(base + step).unwrap();
    }
    // 65 used, 64 kept: the lowest is gone, and so is everything below the next one.
    assert_eq!(code(place(base - 60 * SECOND)), "nonce_below_window");
    assert_eq!(code(place(base)), "nonce_used");
    assert_eq!(code(place(base - 1)), "nonce_below_window");
    place(base + 1_000).unwrap();
}

#[test]
fn floors_kill_what_is_below() {
    let mut venue = Venue::open();
    let a = venue.deposit(owner(), 20_000);
    let order = venue.order(a, BTC_CALL, Side::Buy, 1, 100);
    let floor = venue.time + SECOND;
    let auth = venue.auth(owner());
    assert_eq!(names(&venue.send(RaiseNonceFloor { floor, auth }).unwrap()), ["NonceFloorRaised"]);
    assert_eq!(code(venue.send(order)), "nonce_below_floor");
    venue.advance(2 * SECOND);
    let auth = venue.auth(owner());
    assert_eq!(code(venue.send(RaiseNonceFloor { floor, auth })), "floor_not_raised");
    let item = |signer, floor| InboxBody::RaiseNonceFloor { owner: owner(), signer, floor };
    assert_eq!(names(&venue.inbox(item(owner(), floor))), ["ForcedRequestVoid"]);
    assert_eq!(names(&venue.inbox(item(address(2), floor))), ["ForcedRequestVoid"]);
    assert_eq!(names(&venue.inbox(item(owner(), floor + 1))), ["NonceFloorRaised"]);
    let auth = venue.auth(address(5));
    assert_eq!(code(venue.send(RaiseNonceFloor { floor, auth })), "unknown_signer");
}
