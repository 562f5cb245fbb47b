//! Encodings that the chain will read, spelled out byte by byte.

use commitment::BatchHeader;
use commitment::steps::{Step, StepKind};
use commitment::tree_key::{BookPlace, price_rank};
use commitment::withdrawals::{Withdrawal, prove, withdrawal_root};
use engine::Subject;
use proptest::prelude::*;
use protocol::{Address, Hash, OrderId, Side, Wire, keccak256};

#[test]
fn a_trace_leaf_is_the_hash_of_its_fields() {
    let step = Step {
        index: 7,
        command_hash: Hash([0xAA; 32]),
        kind: StepKind::Fill,
        last: true,
        subject: Subject { account: 1, other: 2, instrument: 3, amount: -1 },
        root_after: Hash([0xBB; 32]),
    };
    let subject = [1u64, 2, 3, u64::MAX].map(u64::to_be_bytes).concat();
    let bytes = [&[0, 0, 0, 7][..], &[0xAA; 32], &[20, 1], &subject, &[0xBB; 32]].concat();
    // A node of the trace is hashed from 65 bytes, so that neither passes for the other.
    assert_eq!(bytes.len(), 102);
    assert_eq!(step.trace_leaf(), keccak256(&[&bytes]));
}

#[test]
fn every_step_kind_of_the_protocol_has_its_number() {
    let numbers: Vec<(u8, &str)> = StepKind::ALL.iter().map(|kind| (*kind as u8, kind.word())).collect();
    for expected in [
        (0, "genesis"),
        (14, "place"),
        (18, "remove"),
        (33, "mark"),
        (41, "deleverage"),
        (42, "margin_chunk"),
        (48, "liquidation_end"),
        (51, "insurance"),
    ] {
        assert!(numbers.contains(&expected), "{expected:?}");
    }
    assert_eq!(numbers.len(), 52);
}

#[test]
fn a_book_key_is_as_documented() {
    let place = BookPlace::new(0x0102_0304, Side::Sell, 1, OrderId(0x1122));
    let mut expected = vec![0, 1, 2, 3, 4, 1, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x11, 0x22];
    expected.resize(32, 0);
    assert_eq!(place.book_key().to_vec(), expected);
    assert_eq!(price_rank(Side::Buy, 1), !(1 << 63 | 1));
}

#[test]
fn withdrawals_of_a_batch_are_a_binary_tree_in_order_of_number() {
    let withdrawal =
        |number| Withdrawal { number, asset: 3, amount: 1_000 + number, recipient: Address([9; 20]) };
    let list: Vec<_> = (40..45).map(withdrawal).collect();
    let leaf = |number: u64| {
        let amount = (1_000 + number).to_be_bytes();
        keccak256(&[&[0], &number.to_be_bytes(), &[0, 3], &amount, &[9; 20]])
    };
    let inner = |left: Hash, right: Hash| keccak256(&[&[1], &left.0, &right.0]);
    let quad = inner(inner(leaf(40), leaf(41)), inner(leaf(42), leaf(43)));
    assert_eq!(withdrawal_root(&list), inner(quad, leaf(44)));
    for (index, withdrawal) in list.iter().enumerate() {
        let proof = prove(&list, index).expect("it is one of the list");
        assert!(proof.verify(&withdrawal_root(&list), withdrawal));
        let other = Withdrawal { amount: withdrawal.amount + 1, ..withdrawal.clone() };
        assert!(!proof.verify(&withdrawal_root(&list), &other));
    }
    assert!(prove(&list, 5).is_none());
}

#[test]
fn a_batch_hash_covers_every_field() {
    let bytes = vec![1; 8 + 32 * 2 + 2 * 2 + 8 * 2 + 32 * 2 + 8 + 32 * 4 + 8];
    let header = BatchHeader::from_bytes(&bytes).expect("these are the widths of the fields");
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let changed = BatchHeader::from_bytes(&changed).expect("every field takes any value");
        assert_ne!(changed.hash(), header.hash(), "byte {at} is not covered");
    }
}

proptest! {
    /// Keys ascend from the best order to the worst: by price, then by time.
    #[test]
    fn book_keys_ascend_in_priority(a in any::<(i64, u64)>(), b in any::<(i64, u64)>(), buy in any::<bool>()) {
        let side = if buy { Side::Buy } else { Side::Sell };
        let place = |(ticks, place)| BookPlace::new(1, side, ticks, OrderId(place));
        let priority = |(ticks, place): (i64, u64)| (if buy { -i128::from(ticks) } else { ticks.into() }, place);
        prop_assert_eq!(place(a).book_key().cmp(&place(b).book_key()), priority(a).cmp(&priority(b)));
        prop_assert_eq!(place(a).own_key().cmp(&place(b).own_key()), priority(a).cmp(&priority(b)));
        prop_assert_eq!(place(a).ticks(), a.0);
    }
}
