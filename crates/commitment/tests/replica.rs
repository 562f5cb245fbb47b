//! Replicas: incremental roots, replays, snapshots, and every kind of fault in what they are fed.

use commitment::{Fault, Replica, StateTree};
use proptest::prelude::*;
use protocol::{Command, InboxBody, Record, Signature, Wire};
use streams::{Act, START, THREADS, Venue};

fn acts(count: usize) -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(any::<Act>(), count)
}

fn packed(records: &[Vec<u8>]) -> Vec<u8> {
    let mut payload = Vec::new();
    journal::pack(records, &mut payload).expect("records are short");
    payload
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The trees that followed what was touched are the trees from scratch, and those of every leaf spelled out.
    #[test]
    fn incremental_roots_are_roots_from_scratch(acts in acts(150), every in 1..20usize) {
        let mut venue = Venue::open();
        for (count, act) in acts.into_iter().enumerate() {
            let before = venue.replica.state_root();
            let applied = venue.act(act);
            if !applied {
                prop_assert_eq!(venue.replica.state_root(), before, "a refused command changed the root");
            } else if count % every == 0 {
                prop_assert_eq!(venue.replica.state().roots(), venue.replica.opening().roots());
            }
        }
        let root = venue.replica.state_root();
        prop_assert_eq!(root, venue.replica.opening().root());
        let (engine, chain) = (venue.replica.engine(), venue.replica.chain_hash());
        prop_assert_eq!(root, StateTree::of(engine, &chain).root());
        prop_assert_eq!(venue.replica.check_invariants(), Ok(()));
    }

    /// However the commands are cut into batches, with signatures checked or not, the replay ends in the same place; a
    /// snapshot on the way changes nothing.
    #[test]
    fn a_replay_ends_where_the_original_did(acts in acts(80), cut in any::<prop::sample::Index>()) {
        let mut venue = Venue::open();
        for act in acts {
            venue.act(act);
        }
        let cut = cut.index(venue.records.len());
        let (head, tail) = (packed(&venue.records[..cut]), packed(&venue.records[cut..]));
        let mut replica = Replica::new();
        prop_assert_eq!(replica.apply_many(&head, true, THREADS), Ok(cut));
        let snapshot = replica.snapshot();
        let mut restored = Replica::restore(&snapshot).expect("it is a snapshot");
        prop_assert_eq!(restored.snapshot(), snapshot);
        prop_assert_eq!(restored.state_root(), replica.state_root());
        for replica in [&mut replica, &mut restored] {
            prop_assert_eq!(replica.apply_many(&tail, true, THREADS), Ok(venue.records.len() - cut));
            prop_assert_eq!(replica.state_root(), venue.replica.state_root());
            prop_assert_eq!(replica.chain_hash(), venue.replica.chain_hash());
            prop_assert_eq!(replica.withdrawals_since(0), venue.replica.withdrawals_since(0));
        }
    }
}

/// A venue with a few hundred commands of every kind.
fn busy() -> Venue {
    let mut venue = Venue::open();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..1_500 {
        venue.act((next() as u8, [next(), next(), next(), next()]));
    }
    venue
}

#[test]
fn the_streams_reach_every_kind_of_command_and_event() {
    let venue = busy();
    let mut replica = Replica::new();
    let mut commands = std::collections::BTreeSet::new();
    for record in &venue.records {
        commands.insert(Record::from_bytes(record).expect("it was encoded").command.name());
        replica.apply(record, false).expect("it was applied before");
    }
    let missing: Vec<_> = [
        "PlaceOrder",
        "CancelOrder",
        "ReplaceOrder",
        "CancelAll",
        "Withdraw",
        "Transfer",
        "MarkUpdate",
        "FundingTick",
        "Expire",
        "SettleExpired",
        "Clock",
        "SetMode",
        "SetParameter",
        "SetRiskParameters",
        "SetCollateral",
        "SetMarginModel",
        "FundInsurance",
        "RegisterSessionKey",
        "RevokeSessionKey",
        "RaiseNonceFloor",
        "CreateSubaccount",
        "InboxItem",
        "ListInstruments",
        "Genesis",
    ]
    .into_iter()
    .filter(|name| !commands.contains(name))
    .chain(
        [
            "Fill",
            "OrderRested",
            "OrderClosed",
            "OrderReplaced",
            "WithdrawalQueued",
            "PositionSettled",
            "InstrumentClosed",
            "CloseOnlySet",
            "RiskParametersActive",
            "CollateralActive",
            "MarginModelChanged",
        ]
        .into_iter()
        .filter(|name| !venue.seen.contains(name)),
    )
    .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// A seller without reserves is called and auctioned while the market rises, and somebody takes part of the portfolio:
/// all the way the trees follow what was touched.
#[test]
fn a_liquidation_is_committed_as_it_goes() {
    let mut venue = Venue::open();
    venue.sell_perpetual(0, 1, 200);
    venue.must(venue.drain(0));
    for step in 0..40_u64 {
        let command = if step % 2 == 0 { venue.move_index(5) } else { venue.bid(2, 0, 0, step) };
        venue.submit(command);
        assert_eq!(venue.replica.state().roots(), venue.replica.opening().roots());
        let snapshot = venue.replica.snapshot();
        assert_eq!(Replica::restore(&snapshot).expect("it is a snapshot").snapshot(), snapshot);
    }
    for name in ["MarginCall", "LiquidationStarted", "AuctionOpened", "AuctionFill"] {
        assert!(venue.seen.contains(name), "{name} is not in {:?}", venue.seen);
    }
}

#[test]
fn the_empty_state_has_the_documented_root() {
    let zeros = [0; 160];
    let expected = protocol::keccak256(&[b"synchromesh.state.v1", &zeros]);
    assert_eq!(Replica::new().state_root(), expected);
}

#[test]
fn inbox_and_withdrawals_are_told() {
    let mut venue = busy();
    let (cursor, hash) = venue.replica.inbox();
    let expected = venue.records.iter().filter_map(|record| match Record::from_bytes(record).ok()?.command {
        Command::InboxItem(item) => Some(item),
        _ => None,
    });
    let (mut count, mut chain) = (0, protocol::Hash::ZERO);
    for item in expected {
        chain = protocol::keccak256(&[&chain.0, &item.index.to_be_bytes(), &item.body.to_bytes()]);
        count += 1;
    }
    assert_eq!((cursor, hash), (count, chain));

    let all = venue.replica.withdrawals_since(0).to_vec();
    assert!(!all.is_empty());
    assert_eq!(all.len() as u64, venue.replica.next_withdrawal());
    assert_eq!(venue.replica.withdrawals_since(2), &all[2..]);
    venue.replica.forget_withdrawals(2);
    assert_eq!(venue.replica.withdrawals_since(0), &all[2..]);
}

/// Where a replay of `records` stops, and why.
fn fault_in(records: &[Vec<u8>]) -> (u64, &'static str) {
    let mut replica = Replica::new();
    let error = replica.apply_many(&packed(records), true, THREADS).expect_err("a fault was planted");
    assert_eq!(replica.sequence(), error.sequence - 1, "what comes before the fault is applied");
    (error.sequence, error.fault.code())
}

#[test]
fn the_first_fault_is_named() {
    let venue = busy();
    let at = |name: &str| {
        let named =
            |record: &Vec<u8>| Record::from_bytes(record).is_ok_and(|record| record.command.name() == name);
        venue.records.iter().rposition(named).expect("the stream has every kind")
    };
    let with = |at: usize, change: &dyn Fn(&mut Record)| {
        let mut records = venue.records.clone();
        let mut record = Record::from_bytes(&records[at]).expect("it was encoded");
        change(&mut record);
        records[at] = record.to_bytes();
        records
    };
    let place = at("PlaceOrder");
    let altered = with(place, &|record| {
        if let Command::PlaceOrder(order) = &mut record.command {
            order.amount += 1_000_000;
        }
    });
    assert_eq!(fault_in(&altered), (place as u64 + 1, "signature"));

    let forged = with(at("Withdraw"), &|record| {
        if let Command::Withdraw(withdraw) = &mut record.command {
            withdraw.auth.signature = Signature([27; 65]);
        }
    });
    assert_eq!(fault_in(&forged), (at("Withdraw") as u64 + 1, "signature"));

    let squatted = with(at("RegisterSessionKey"), &|record| {
        if let Command::RegisterSessionKey(register) = &mut record.command {
            register.consent = register.auth.signature;
        }
    });
    assert_eq!(fault_in(&squatted), (at("RegisterSessionKey") as u64 + 1, "signature"));

    let mut replayed = venue.records.clone();
    replayed.insert(place + 1, venue.records[place].clone());
    let (sequence, _) = fault_in(&replayed);
    assert_eq!(sequence, place as u64 + 2);

    let mut skipped = venue.records.clone();
    let is_deposit = |record: &Vec<u8>| {
        Record::from_bytes(record).is_ok_and(|record| matches!(record.command, Command::InboxItem(_)))
    };
    let first_deposit = venue.records.iter().position(is_deposit).expect("every owner deposits");
    skipped.remove(first_deposit);
    assert_eq!(fault_in(&skipped), (first_deposit as u64 + 1, "wrong_inbox_index"));

    let mut garbage = venue.records.clone();
    garbage[place].push(0);
    assert_eq!(fault_in(&garbage), (place as u64 + 1, "codec"));

    let marked = with(at("MarkUpdate"), &|record| {
        if let Command::MarkUpdate(update) = &mut record.command {
            update.arrays_hash.0[0] ^= 1;
        }
    });
    assert_eq!(fault_in(&marked), (at("MarkUpdate") as u64 + 1, "mark_arrays_hash"));
}

#[test]
fn truncated_data_applies_what_is_whole() {
    let venue = Venue::open();
    let data = packed(&venue.records);
    let mut replica = Replica::new();
    let error =
        replica.apply_many(&data[..data.len() - 1], true, THREADS).expect_err("the last record is cut");
    assert!(matches!(error.fault, Fault::Data(_)));
    assert_eq!(error.sequence, venue.records.len() as u64);
    assert_eq!(replica.sequence(), error.sequence - 1);
}

#[test]
fn a_signed_command_needs_a_venue() {
    let venue = Venue::open();
    let listing = packed(&venue.records[1..2]);
    let error = Replica::new().apply_many(&listing, true, THREADS).expect_err("no genesis yet");
    assert_eq!((error.sequence, error.name, error.fault.code()), (1, Some("ListInstruments"), "signature"));
}

#[test]
fn an_unsigned_command_is_taken_one_by_one_too() {
    let mut venue = Venue::open();
    let owner = protocol::Address([9; 20]);
    let deposit = venue.inbox(InboxBody::Deposit { owner, subaccount: 0, asset: 0, amount: 5 });
    let record = Record { time: START, command: deposit }.to_bytes();
    let events = venue.replica.apply(&record, true).expect("an inbox item is always taken");
    assert_eq!(
        events.iter().map(protocol::Event::name).collect::<Vec<_>>(),
        ["SubaccountCreated", "BalanceChanged"]
    );
    let error = venue.replica.apply(&record, true).expect_err("twice is once too often");
    assert_eq!(error.fault.code(), "wrong_inbox_index");
}
