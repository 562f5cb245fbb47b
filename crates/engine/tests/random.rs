//! Random command streams: invariants after each command, refusals change nothing (both in the harness), margin holds
//! after each order, a restored snapshot behaves as the original, and a replay ends in the same state.

#![allow(clippy::unwrap_used)]
mod common;

use common::*;
use engine::Engine;
use proptest::prelude::*;
use protocol::*;

const OWNERS: [u8; 3] = [1, 2, 3];

/// What a stream is made of; small numbers that [`perform`] turns into commands.
#[derive(Debug, Clone)]
enum Action {
    Place { who: u64, instrument: u32, buy: bool, lots: i64, offset: i64, flags: Flags },
    Replace { who: u64, pick: usize, lots: i64, offset: i64, reduce_only: bool },
    Cancel { who: u64, pick: usize, signed: bool },
    CancelAll { who: u64, instrument: u32, underlying: u16 },
    Mark { underlying: u16, step: i64 },
    Funding { underlying: u16 },
    Clock { limit: u16 },
    Pass { seconds: u64 },
    Deposit { owner: u8, who: u64, amount: i64, asset: u16 },
    Withdraw { who: u64, amount: i64, asset: u16 },
    Transfer { from: u64, to: u64, amount: i64 },
    Forced { owner: u8, who: u64, kind: u8 },
    Subaccount { owner: u8 },
    Key { owner: u8, key: u8, scopes: u8, revoke: bool },
    Mode { underlying: u16, mode: u8 },
    Parameter { pick: usize, value: i64 },
    Expiry { pick: bool, price: i64, limit: u16 },
    Model { who: u64, portfolio: bool },
    Risk { underlying: u16, range: i64, seconds: u64 },
    Collateral { haircut: i64, cap: i64, seconds: u64 },
}

#[derive(Debug, Clone)]
struct Flags {
    force: u8,
    market: bool,
    post_only: u8,
    reduce_only: bool,
    self_trade: u8,
    tight_fee: bool,
    named: Option<u8>,
    by_key: bool,
}

fn flags() -> impl Strategy<Value = Flags> {
    (
        0..16u8,
        prop::bool::weighted(0.05),
        0..14u8,
        prop::bool::weighted(0.06),
        0..3u8,
        prop::bool::weighted(0.05),
    )
        .prop_flat_map(|(force, market, post_only, reduce_only, self_trade, tight_fee)| {
            (prop::option::weighted(0.1, 0..9u8), prop::bool::weighted(0.05)).prop_map(
                move |(named, by_key)| Flags {
                    force,
                    market,
                    post_only,
                    reduce_only,
                    self_trade,
                    tight_fee,
                    named,
                    by_key,
                },
            )
        })
}

fn action() -> impl Strategy<Value = Action> {
    let who = || 1..6u64;
    let underlying = || 1..3u16;
    let instrument = || prop_oneof![3 => Just(BTC_CALL), 3 => Just(BTC_PERP), 2 => 3..7u32, 1 => 1..9u32];
    let lots = || prop_oneof![8 => 1..40i64, 1 => 40..400i64];
    prop_oneof![
        40 => (who(), instrument(), any::<bool>(), lots(), -8..8i64, flags()).prop_map(
            |(who, instrument, buy, lots, offset, flags)| Action::Place { who, instrument, buy, lots, offset, flags }
        ),
        10 => (who(), 0..20usize, lots(), -8..8i64, prop::bool::weighted(0.1)).prop_map(
            |(who, pick, lots, offset, reduce_only)| Action::Replace { who, pick, lots, offset, reduce_only }
        ),
        6 => (who(), 0..20usize, any::<bool>()).prop_map(|(who, pick, signed)| Action::Cancel { who, pick, signed }),
        1 => (who(), 0..7u32, 0..3u16)
            .prop_map(|(who, instrument, underlying)| Action::CancelAll { who, instrument, underlying }),
        6 => (underlying(), prop_oneof![4 => -4..5i64, 1 => -90..91i64]).prop_map(|(underlying, step)| Action::Mark { underlying, step }),
        2 => underlying().prop_map(|underlying| Action::Funding { underlying }),
        2 => (0..4u16).prop_map(|limit| Action::Clock { limit }),
        2 => (0..30u64).prop_map(|seconds| Action::Pass { seconds }),
        2 => (1..5u8, 0..7u64, 0..50_000i64, 0..3u16)
            .prop_map(|(owner, who, amount, asset)| Action::Deposit { owner, who, amount, asset }),
        2 => (who(), 0..200_000i64, 0..3u16).prop_map(|(who, amount, asset)| Action::Withdraw { who, amount, asset }),
        2 => (who(), who(), 0..100_000i64).prop_map(|(from, to, amount)| Action::Transfer { from, to, amount }),
        1 => (1..4u8, who(), 0..12u8).prop_map(|(owner, who, kind)| Action::Forced { owner, who, kind }),
        1 => (1..4u8).prop_map(|owner| Action::Subaccount { owner }),
        1 => (1..4u8, 0x20..0x23u8, 0..16u8, any::<bool>())
            .prop_map(|(owner, key, scopes, revoke)| Action::Key { owner, key, scopes, revoke }),
        1 => (underlying(), prop_oneof![9 => Just(0u8), 1 => 1..4u8])
            .prop_map(|(underlying, mode)| Action::Mode { underlying, mode }),
        1 => (0..Parameter::ALL.len(), -2..200_000_000i64).prop_map(|(pick, value)| Action::Parameter { pick, value }),
        1 => (any::<bool>(), 60_000..140_000i64, 1..6u16)
            .prop_map(|(pick, price, limit)| Action::Expiry { pick, price, limit }),
        3 => (who(), prop::bool::weighted(0.7)).prop_map(|(who, portfolio)| Action::Model { who, portfolio }),
        1 => (underlying(), 50_000_000..250_000_000i64, 0..40u64)
            .prop_map(|(underlying, range, seconds)| Action::Risk { underlying, range, seconds }),
        1 => (100_000_000..500_000_000i64, 1..20i64, 0..40u64)
            .prop_map(|(haircut, cap, seconds)| Action::Collateral { haircut, cap, seconds }),
    ]
}

/// The middle of an instrument's prices, ticks.
fn middle(venue: &Venue, instrument: InstrumentId) -> i64 {
    let Some(instrument) = venue.engine.instrument(instrument) else { return 100 };
    let mark = instrument.mark.as_ref().map_or(USD, |mark| mark.mark);
    (mark / instrument.spec.tick_size).max(20)
}

fn place(venue: &mut Venue, action: &Action) -> Option<Command> {
    let Action::Place { who, instrument, buy, lots, offset, flags } = action else { return None };
    let owner = venue.engine.owner_of(*who)?;
    let spec = venue.engine.instrument(*instrument).map(|instrument| instrument.spec.clone());
    let (tick, lot) = spec.map_or((1, 1), |spec| (spec.tick_size, spec.lot_size));
    let signer = if flags.by_key { address(0x20 + owner.0[0] % 3) } else { owner };
    let force = [TimeInForce::Gtc, TimeInForce::Gtd, TimeInForce::Ioc, TimeInForce::Fok];
    let time_in_force = force.get(usize::from(flags.force)).copied().unwrap_or(TimeInForce::Gtc);
    Some(Command::PlaceOrder(PlaceOrder {
        subaccount: *who,
        instrument: *instrument,
        side: if *buy { Side::Buy } else { Side::Sell },
        amount: lots * lot,
        limit_price: (middle(venue, *instrument) + offset) * tick,
        order_type: if flags.market { OrderType::Market } else { OrderType::Limit },
        time_in_force,
        valid_until: if time_in_force == TimeInForce::Gtd { venue.time + 20 * SECOND } else { 0 },
        post_only: PostOnly::ALL.get(usize::from(flags.post_only)).copied().unwrap_or(PostOnly::No),
        reduce_only: flags.reduce_only,
        self_trade: SelfTrade::ALL[usize::from(flags.self_trade)],
        max_fee: if flags.tight_fee { 10 * USD } else { i64::MAX },
        client_id: flags.named.map(|name| format!("id-{name}")).unwrap_or_default(),
        auth: venue.auth(signer),
    }))
}

/// The `pick`-th open order of a subaccount, or one that does not exist.
fn pick_order(venue: &Venue, who: u64, pick: usize) -> OrderId {
    let Some(mut orders) = venue.engine.account(who).map(|account| account.orders()) else {
        return OrderId(7);
    };
    if orders.len() == 0 { OrderId(7) } else { orders.nth(pick % orders.len()).unwrap().order }
}

fn command(venue: &mut Venue, action: &Action) -> Option<Command> {
    Some(match *action {
        Action::Place { .. } => return place(venue, action),
        Action::Replace { who, pick, lots, offset, reduce_only } => {
            let order = pick_order(venue, who, pick);
            let price = venue.engine.account(who)?.order(order).map_or(100, |open| open.price);
            let mut replace = venue.replace(who, order, lots, price + offset / 2);
            replace.reduce_only = reduce_only;
            replace.into()
        }
        Action::Cancel { who, pick, signed } => {
            let owner = venue.engine.owner_of(who)?;
            let auth = signed.then(|| venue.auth(owner));
            CancelOrder { subaccount: who, order: pick_order(venue, who, pick), auth }.into()
        }
        Action::CancelAll { who, instrument, underlying } => {
            CancelAll { subaccount: who, instrument, underlying, auth: None }.into()
        }
        Action::Funding { underlying } => FundingTick { underlying }.into(),
        Action::Clock { limit } => Clock { limit }.into(),
        Action::Withdraw { who, amount, asset } => {
            let owner = venue.engine.owner_of(who)?;
            let auth = venue.owner_auth(owner);
            Withdraw { subaccount: who, asset, amount: amount * USD, recipient: owner, auth }.into()
        }
        Action::Transfer { from, to, amount } => {
            let owner = venue.engine.owner_of(from)?;
            let auth = venue.owner_auth(owner);
            Transfer { from, to, asset: USDC, amount: amount * USD, auth }.into()
        }
        Action::Subaccount { owner } => CreateSubaccount { auth: venue.owner_auth(address(owner)) }.into(),
        Action::Key { owner, key, scopes, revoke } => {
            let (key, auth) = (address(key), venue.owner_auth(address(owner)));
            if revoke {
                RevokeSessionKey { key, auth }.into()
            } else {
                let key_expiry = venue.time + 100 * SECOND;
                RegisterSessionKey {
                    key,
                    scopes,
                    subaccounts: Vec::new(),
                    key_expiry,
                    auth,
                    consent: Signature::ZERO,
                }
                .into()
            }
        }
        Action::Mode { underlying, mode } => {
            let admin = venue.admin();
            SetMode { underlying, mode: Mode::ALL[usize::from(mode)], admin }.into()
        }
        Action::Parameter { pick, value } => {
            let parameter = Parameter::ALL[pick];
            let admin = venue.admin();
            SetParameter { change: ParameterValue { parameter, value }, admin }.into()
        }
        Action::Model { who, portfolio } => {
            let auth = venue.owner_auth(venue.engine.owner_of(who)?);
            let model = if portfolio { MarginModel::Portfolio } else { MarginModel::Standard };
            SetMarginModel { subaccount: who, model, auth }.into()
        }
        Action::Risk { underlying, range, seconds } => {
            let mut parameters = risk_parameters();
            parameters.scenario.range = range;
            let (effective, admin) = (venue.time + seconds * SECOND, venue.admin());
            SetRiskParameters { underlying, parameters, effective, admin }.into()
        }
        Action::Collateral { haircut, cap, seconds } => {
            let terms = CollateralTerms {
                haircut_initial: haircut,
                account_cap: 5 * cap * CONTRACT,
                venue_cap: 10 * cap * CONTRACT,
                ..weth()
            };
            let (effective, admin) = (venue.time + seconds * SECOND, venue.admin());
            SetCollateral { asset: WETH, terms, effective, admin }.into()
        }
        _ => return None,
    })
}

/// New marks at the prices of the last ones.
fn remark(venue: &mut Venue) {
    for underlying in [BTC, ETH] {
        let index = venue.engine.underlying(underlying).unwrap().inputs.as_ref().unwrap().index / NANO_ONE;
        let (update, arrays) = venue.marks(underlying, index);
        let _ = venue.send_with(update, Some(arrays));
    }
}

/// Performs an action; `None` when it made no command or the command was refused.
fn perform(venue: &mut Venue, action: &Action) -> Option<Vec<Event>> {
    match *action {
        Action::Pass { seconds } => {
            venue.advance(seconds * SECOND);
            if seconds % 3 != 0 {
                remark(venue);
            }
            None
        }
        Action::Mark { underlying, step } => {
            venue.advance(1);
            let last = venue.engine.underlying(underlying)?.inputs.as_ref()?.index / NANO_ONE;
            let (update, arrays) = venue.marks(underlying, last + last * step / 1_000);
            venue.send_with(update, Some(arrays)).ok()
        }
        Action::Deposit { owner, who, amount, asset } => {
            let (owner, amount) = (address(owner), amount * USD);
            Some(venue.inbox(InboxBody::Deposit { owner, subaccount: who, asset, amount }))
        }
        Action::Forced { owner, who: subaccount, kind } => {
            let owner = address(owner);
            let amount = 1_000 * i64::from(kind) * USD;
            Some(venue.inbox(match kind {
                0 => InboxBody::ForcedCloseOnly { owner, subaccount },
                1..4 => InboxBody::ForcedCancelAll { owner, subaccount },
                4 => InboxBody::RegisterKey {
                    owner,
                    key: address(0x21),
                    scopes: 3,
                    expiry: venue.time + SECOND,
                },
                5 => InboxBody::RaiseNonceFloor { owner, signer: owner, floor: venue.time },
                _ => InboxBody::ForcedWithdraw { owner, subaccount, asset: USDC, amount, recipient: owner },
            }))
        }
        Action::Expiry { pick, price, limit } => {
            let (underlying, price) = if pick { (BTC, price) } else { (ETH, price / 25) };
            if venue.time < EXPIRY_1 {
                venue.time += DAY / 8;
                remark(venue);
            }
            let expire = venue.expire(underlying, EXPIRY_1, price);
            let _ = venue.send(expire);
            venue.send(SettleExpired { underlying, expiry: EXPIRY_1, limit }).ok()
        }
        _ => {
            let command = command(venue, action)?;
            venue.send(command).ok()
        }
    }
}

fn available(venue: &Venue) -> Vec<i64> {
    venue
        .engine
        .accounts()
        .iter()
        .map(|account| venue.engine.margin_summary(account.id()).unwrap().available)
        .collect()
}

/// An order leaves no account short of initial margin that was not short before, up to the rounding of its fills.
fn check_margin(venue: &Venue, before: &[i64], events: &[Event]) {
    let slack = 4 * (fills(events).len() as i64 + 1);
    for (place, (before, after)) in before.iter().zip(available(venue)).enumerate() {
        assert!(*before < 0 || after >= -slack, "subaccount {}: {before} became {after}", place + 1);
    }
}

/// Applies everything again from nothing.
fn replay(venue: &Venue) -> Engine {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (sequence, (record, arrays)) in (1..).zip(&venue.log) {
        engine.apply(sequence, record, arrays.as_ref(), &mut events).expect("it was accepted before");
    }
    engine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn streams_hold_every_invariant(
        actions in prop::collection::vec(action(), 1..400),
        save_at in 0..400usize,
        tables in any::<bool>(),
    ) {
        let mut venue = if tables { Venue::with_tables() } else { Venue::open() };
        if tables {
            venue.set(Parameter::RiskDelay, 0).unwrap();
        }
        for owner in OWNERS {
            venue.deposit(address(owner), 60_000);
        }
        for owner in [1, 2] {
            let auth = venue.owner_auth(address(owner));
            venue.send(CreateSubaccount { auth }).unwrap();
        }
        for who in [4, 5] {
            let owner = venue.engine.owner_of(who).unwrap();
            venue.inbox(InboxBody::Deposit { owner, subaccount: who, asset: USDC, amount: 30_000 * USD });
            venue.inbox(InboxBody::Deposit { owner, subaccount: who, asset: WETH, amount: 5 * CONTRACT });
        }
        if tables {
            for who in [1, 4] {
                venue.model(who, MarginModel::Portfolio).unwrap();
            }
        }
        let mut restored: Option<Venue> = None;
        for (at, action) in actions.iter().enumerate() {
            if at == save_at {
                let bytes = venue.engine.to_bytes();
                let copy = Engine::from_bytes(&bytes).unwrap();
                prop_assert!(copy.to_bytes() == bytes);
                copy.check_invariants().unwrap();
                let mut twin = venue.clone();
                twin.engine = copy;
                restored = Some(twin);
            }
            let before = available(&venue);
            let events = perform(&mut venue, action);
            if let (Some(events), Action::Place { .. } | Action::Replace { .. } | Action::Cancel { .. }) = (&events, action) {
                check_margin(&venue, &before, events);
            }
            if let Some(copy) = &mut restored {
                prop_assert_eq!(&perform(copy, action), &events);
            }
        }
        prop_assert_eq!(replay(&venue).state_hash(), venue.engine.state_hash());
        if let Some(copy) = restored {
            prop_assert!(copy.engine.to_bytes() == venue.engine.to_bytes());
        }
    }

    #[test]
    fn damaged_snapshots_never_panic(cut in 0..4_000usize, flip in 0..4_000usize, bit in 0..8u8) {
        let mut venue = Venue::open();
        let a = venue.deposit(address(1), 60_000);
        venue.buy(a, BTC_CALL, 3, 300);
        let mut bytes = venue.engine.to_bytes();
        prop_assert!(Engine::from_bytes(&bytes[..cut % bytes.len()]).is_err());
        let at = flip % bytes.len();
        bytes[at] ^= 1 << bit;
        if let Ok(engine) = Engine::from_bytes(&bytes) {
            prop_assert!(engine.to_bytes() == bytes, "what decodes is canonical");
        }
    }
}
