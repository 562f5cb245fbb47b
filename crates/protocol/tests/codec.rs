//! Encodings are canonical: what is encoded decodes to itself, and nothing else decodes.

mod sample;

use proptest::prelude::*;
use protocol::bounds::*;
use protocol::*;
use sample::{Sample, Source};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Holds for every value of every message.
fn assert_canonical<T: Wire + PartialEq + Debug>(value: &T) {
    let bytes = value.to_bytes();
    assert_eq!(T::from_bytes(&bytes).as_ref(), Ok(value));
    for cut in 0..bytes.len() {
        let error = T::from_bytes(&bytes[..cut]).expect_err("a part of an encoding is none");
        assert!(matches!(error, CodecError::Truncated { .. }), "cut at {cut}: {error}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(T::from_bytes(&longer).expect_err("a byte more is none"), CodecError::Trailing(1));
}

fn sampled<T: Sample + Debug>() -> impl Strategy<Value = T> {
    prop::collection::vec(any::<u8>(), 0..1_200).prop_map(|bytes| T::sample(&mut Source::new(&bytes)))
}

/// Bytes that decode are the encoding of what they decode to.
fn assert_only_encoding<T: Wire>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes) {
        assert_eq!(value.to_bytes(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn records_are_canonical(record in sampled::<Record>()) {
        prop_assert_eq!(record.command.check(), Ok(()));
        prop_assert_eq!(record.encode(), Ok(record.to_bytes()));
        assert_canonical(&record);
    }

    #[test]
    fn events_are_canonical(event in sampled::<Event>()) {
        assert_canonical(&event);
    }

    #[test]
    fn inbox_items_and_receipts_are_canonical(body in sampled::<InboxBody>(), receipt in sampled::<Receipt>()) {
        assert_canonical(&body);
        assert_canonical(&receipt);
    }

    #[test]
    fn a_changed_byte_gives_another_value_or_none(
        record in sampled::<Record>(), at in any::<prop::sample::Index>(), bits in 1..=255u8,
    ) {
        let mut bytes = record.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        assert_only_encoding::<Record>(&bytes);
        prop_assert_ne!(Record::from_bytes(&bytes), Ok(record));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0..=27u8) {
        assert_only_encoding::<Record>(&bytes);
        assert_only_encoding::<Event>(&bytes);
        assert_only_encoding::<InboxBody>(&bytes);
        assert_only_encoding::<MarkArrays>(&bytes);
        assert_only_encoding::<Receipt>(&bytes);
        let tagged = [&[kind], &bytes[..]].concat();
        assert_only_encoding::<Record>(&tagged);
        assert_only_encoding::<Event>(&tagged);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn mark_arrays_are_canonical(arrays in sampled::<MarkArrays>()) {
        assert_canonical(&arrays);
        prop_assert_eq!(arrays.hash(), blake3(&arrays.to_bytes()));
    }
}

/// As many as are hashed in several pieces.
#[test]
fn the_arrays_of_a_whole_chain_hash_to_their_encoding() {
    let mark = |instrument: u32| {
        let lanes = std::array::from_fn(|lane| instrument as i32 - 7 * lane as i32);
        let gaps = std::array::from_fn(|gap| instrument * gap as u32);
        let risk = instrument.is_multiple_of(3).then(|| RiskArray { lanes, gaps }.into());
        InstrumentMark { instrument, mark: 1, iv: 2, delta: -3, vega: 4, risk }
    };
    for count in [0, 1, 100, 1_000] {
        let arrays = MarkArrays { underlying: 1, version: 1, marks: (0..count).map(mark).collect() };
        assert_eq!(arrays.hash(), blake3(&arrays.to_bytes()), "{count}");
    }
}

/// A command of every kind, found by sampling.
fn every_command() -> Vec<Command> {
    let kinds: BTreeSet<u8> = (0..=11).chain(17..=29).collect();
    let commands: Vec<Command> = (0..25).map(|pick| Command::sample(&mut Source::new(&[pick]))).collect();
    assert_eq!(commands.iter().map(Command::kind).collect::<BTreeSet<u8>>(), kinds);
    commands
}

#[test]
fn kind_numbers_are_fixed() {
    let kinds: Vec<(u8, &str)> =
        every_command().iter().map(|command| (command.kind(), command.name())).collect();
    let expected = [
        (0, "Genesis"),
        (1, "InboxItem"),
        (2, "Withdraw"),
        (3, "Transfer"),
        (4, "CreateSubaccount"),
        (5, "RegisterSessionKey"),
        (6, "RevokeSessionKey"),
        (7, "RaiseNonceFloor"),
        (8, "PlaceOrder"),
        (9, "CancelOrder"),
        (10, "ReplaceOrder"),
        (11, "CancelAll"),
        (17, "ListInstruments"),
        (18, "MarkUpdate"),
        (19, "FundingTick"),
        (20, "Expire"),
        (21, "LiquidationBid"),
        (22, "Clock"),
        (23, "SetMode"),
        (24, "SetMarginModel"),
        (25, "SetParameter"),
        (26, "SettleExpired"),
        (27, "SetRiskParameters"),
        (28, "SetCollateral"),
        (29, "FundInsurance"),
    ];
    assert_eq!(kinds, expected);
    for kind in (12..=16).chain(30..=255) {
        let error = Command::take_body(kind, &mut Reader::new(&[0; 512])).expect_err("kept for later");
        assert_eq!(error, CodecError::Unknown { what: "command", value: kind.into() });
    }
}

fn auth() -> Authorization {
    Authorization { signer: Address([7; 20]), nonce: 1, expiry: 2, signature: Signature::ZERO }
}

fn quorum(count: u8) -> Vec<Cosignature> {
    (0..count).map(|i| Cosignature { signer: Address([i; 20]), signature: Signature::ZERO }).collect()
}

fn order(client_id: &str) -> Command {
    let mut order = PlaceOrder::sample(&mut Source::new(&[]));
    order.client_id = client_id.to_owned();
    order.into()
}

fn session_key(scopes: u8, subaccounts: Vec<u64>) -> Command {
    RegisterSessionKey {
        key: Address::ZERO,
        scopes,
        subaccounts,
        key_expiry: 0,
        auth: auth(),
        consent: Signature::ZERO,
    }
    .into()
}

#[test]
fn bounds_are_held_on_the_way_in_and_on_the_way_back() {
    let too_long = |what, len, max| CodecError::TooLong { what, len, max };
    let cases = [
        (order(&"x".repeat(37)), too_long("client id", 37, MAX_CLIENT_ID)),
        (order("naïve"), CodecError::Text),
        (order("line\nbreak"), CodecError::Text),
        (session_key(16, vec![]), CodecError::Unknown { what: "scope", value: 16 }),
        (session_key(1, vec![2, 1]), CodecError::Order("subaccounts")),
        (session_key(1, vec![2, 2]), CodecError::Order("subaccounts")),
        (session_key(1, (0..257).collect()), too_long("subaccounts", 257, MAX_KEY_SUBACCOUNTS)),
        (
            Expire { underlying: 1, expiry: 1, price: 1, cosignatures: quorum(65) }.into(),
            too_long("signatures", 65, MAX_QUORUM),
        ),
        (
            Expire { underlying: 1, expiry: 1, price: 1, cosignatures: [quorum(1), quorum(1)].concat() }
                .into(),
            CodecError::Order("signatures"),
        ),
    ];
    for (command, error) in cases {
        let record = Record { time: 5, command };
        assert_eq!(record.encode(), Err(error.clone()));
        assert_eq!(Record::from_bytes(&record.to_bytes()), Err(error));
    }
}

#[test]
fn the_longest_records_fit_a_frame() {
    let spec = InstrumentSpec {
        name: "N".repeat(MAX_INSTRUMENT_NAME),
        ..InstrumentSpec::sample(&mut Source::new(&[]))
    };
    let admin = Administration { nonce: 0, cosignatures: quorum(64) };
    let expiry = |i: usize| ExpiryInputs { expiry: i as u64, ..ExpiryInputs::sample(&mut Source::new(&[])) };
    let keys: Vec<Address> = (0..64).map(|i| Address([i; 20])).collect();
    let symbol = "S".repeat(MAX_SYMBOL);
    let longest: [Command; 4] = [
        ListInstruments { instruments: vec![spec; MAX_LISTING], admin }.into(),
        MarkUpdate {
            inputs: MarkInputs {
                expiries: (0..MAX_EXPIRIES).map(expiry).collect(),
                ..MarkInputs::sample(&mut Source::new(&[]))
            },
            cosignatures: quorum(64),
            listing_epoch: 0,
            arrays_hash: Hash::ZERO,
        }
        .into(),
        Genesis {
            admins: keys.clone(),
            oracles: keys,
            assets: (0..256)
                .map(|asset| AssetSpec { asset, symbol: symbol.clone(), token: Address::ZERO, decimals: 6 })
                .collect(),
            underlyings: (0..256)
                .map(|underlying| UnderlyingSpec { underlying, symbol: symbol.clone() })
                .collect(),
            parameters: Parameter::ALL
                .iter()
                .map(|&parameter| ParameterValue { parameter, value: 0 })
                .collect(),
            ..Genesis::sample(&mut Source::new(&[]))
        }
        .into(),
        session_key(scope::ALL, (0..256).collect()),
    ];
    for command in longest {
        let record = Record { time: u64::MAX, command };
        let bytes = record.encode().expect("within every bound");
        assert!(bytes.len() <= MAX_RECORD_BYTES, "{} takes {} bytes", record.command.name(), bytes.len());
        assert_eq!(Record::from_bytes(&bytes), Ok(record));
    }
}

#[test]
fn every_word_names_its_value_and_no_other() {
    assert_eq!(
        TimeInForce::ALL.iter().map(|value| value.word()).collect::<Vec<_>>(),
        ["good_til_cancelled", "good_til_date", "immediate_or_cancel", "fill_or_kill",]
    );
    for &value in Parameter::ALL {
        assert_eq!(Parameter::from_word(value.word()), Some(value));
        assert_eq!(value.word_hash(), keccak256(&[value.word().as_bytes()]));
    }
    assert_eq!(Side::from_word("Buy"), None);
}

#[test]
fn an_order_id_names_its_command_and_its_place() {
    let id = OrderId::new((1 << 54) - 1, 1023);
    assert_eq!((id.sequence(), id.index()), ((1 << 54) - 1, 1023));
    assert_eq!(OrderId::new(7, 0).to_string(), "7");
    assert_eq!(OrderId::new(7, 3).to_string(), "7-3");
    assert!(std::panic::catch_unwind(|| OrderId::new(1 << 54, 0)).is_err());
    assert!(std::panic::catch_unwind(|| OrderId::new(0, 1024)).is_err());
}
