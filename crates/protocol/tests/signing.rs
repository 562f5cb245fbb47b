//! What is signed, by whom, and what is refused. The fixed digests and the signature were made with eth_account; the
//! Python tests compare every struct with it on arbitrary values.

mod sample;

use proptest::prelude::*;
use protocol::*;
use sample::{Sample, Source};
use std::collections::HashSet;

const SECRET: [u8; 32] = [0x42; 32];
const OTHER: [u8; 32] = [0x43; 32];

struct Listed;

impl Names for Listed {
    fn instrument(&self, id: InstrumentId) -> Option<&str> {
        (id == 3).then_some("BTC_USDC-27MAR26-100000-C")
    }
    fn underlying(&self, id: UnderlyingId) -> Option<&str> {
        (id == 1).then_some("BTC")
    }
    fn asset(&self, id: AssetId) -> Option<&str> {
        (id == USDC).then_some("USDC")
    }
}

/// Every id has a name.
struct Any;

impl Names for Any {
    fn instrument(&self, _: InstrumentId) -> Option<&str> {
        Some("ETH_USDC-PERPETUAL")
    }
    fn underlying(&self, _: UnderlyingId) -> Option<&str> {
        Some("ETH")
    }
    fn asset(&self, _: AssetId) -> Option<&str> {
        Some("USDC")
    }
}

fn domain() -> Domain {
    Domain::new(31_337, Address([0x5f; 20]))
}

fn unhex<const N: usize>(text: &str) -> [u8; N] {
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hex"))
}

fn order() -> PlaceOrder {
    PlaceOrder {
        subaccount: 7,
        instrument: 3,
        side: Side::Buy,
        amount: 150_000_000,
        limit_price: 5_250_000_000,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        valid_until: 0,
        post_only: PostOnly::Reject,
        reduce_only: false,
        self_trade: SelfTrade::CancelOldest,
        max_fee: 30_000_000,
        client_id: "quote-1".to_owned(),
        auth: Authorization {
            signer: address_of(&SECRET).expect("a key"),
            nonce: 1_770_163_200_000_000_001,
            expiry: 1_770_163_260_000_000_000,
            signature: Signature::ZERO,
        },
    }
}

#[test]
fn an_order_hashes_and_signs_as_eth_account_does() {
    let command = Command::from(order());
    let digest = digest(&command, &domain(), &Listed).expect("listed").expect("signed");
    assert_eq!(
        domain().separator().0,
        unhex("b2da6ea9a953e1f93c842022d71509da1eb0e945b70166b45be05ed5e18abcae")
    );
    assert_eq!(
        eip712::struct_hash(&command, &Listed).expect("listed").expect("signed").0,
        unhex("11510858bb27d1a8c0bc3919ca8d7a486689a5fcdf29848247bc42d3cbc796bc")
    );
    assert_eq!(digest.0, unhex("136141a34df2b832514e74bb348f6bb63c18d225cc83181fd758a5af640eff4b"));
    assert_eq!(
        sign(&digest, &SECRET).expect("a key").0,
        unhex(
            "61ea06fbc477d5970035669b97792467e33524bf703a369eda26c8c657f7a4bc\
             4629ad20c9fefe9ddb0eddaa9d0b99d26b590d8239805c75054f1310451bca591c"
        )
    );
    assert_eq!(address_of(&SECRET).expect("a key").0, unhex("17c5185167401ed00cf5f5b2fc97d9bbfdb7d025"));
    assert_eq!(
        personal_digest(b"hello").0,
        unhex("50b2c43fd39106bafbba0da34fc430e1f91e3c96ea2acee2bc34119f92b37750")
    );
}

fn order_digest(order: &PlaceOrder, names: &impl Names) -> Hash {
    digest(&order.clone().into(), &domain(), names).expect("listed").expect("signed")
}

#[test]
fn every_field_of_an_order_is_signed() {
    let auth = order().auth;
    let variants = [
        order(),
        PlaceOrder { subaccount: 8, ..order() },
        PlaceOrder { side: Side::Sell, ..order() },
        PlaceOrder { amount: 1, ..order() },
        PlaceOrder { limit_price: 1, ..order() },
        PlaceOrder { order_type: OrderType::Market, ..order() },
        PlaceOrder { time_in_force: TimeInForce::Ioc, ..order() },
        PlaceOrder { valid_until: 1, ..order() },
        PlaceOrder { post_only: PostOnly::Slide, ..order() },
        PlaceOrder { reduce_only: true, ..order() },
        PlaceOrder { self_trade: SelfTrade::CancelBoth, ..order() },
        PlaceOrder { max_fee: 1, ..order() },
        PlaceOrder { client_id: String::new(), ..order() },
        PlaceOrder { auth: Authorization { nonce: 1, ..auth.clone() }, ..order() },
        PlaceOrder { auth: Authorization { expiry: 1, ..auth.clone() }, ..order() },
        PlaceOrder { auth: Authorization { signer: Address::ZERO, ..auth.clone() }, ..order() },
    ];
    let mut digests: HashSet<Hash> = variants.iter().map(|order| order_digest(order, &Listed)).collect();
    digests.insert(order_digest(&order(), &Any));
    assert_eq!(digests.len(), variants.len() + 1, "the instrument's name counts, too");
    let elsewhere = Domain::new(1, Address([0x5f; 20]));
    assert_ne!(elsewhere.separator(), domain().separator());
    assert_ne!(Domain::new(31_337, Address::ZERO).separator(), domain().separator());
}

#[test]
fn what_nobody_can_have_signed_has_no_digest() {
    let error = |command: Command| signatures(&command, &domain(), &Listed).expect_err("refused");
    assert_eq!(error(PlaceOrder { instrument: 4, ..order() }.into()), SigningError::Instrument(4));
    assert_eq!(
        error(PlaceOrder { amount: -1, ..order() }.into()),
        SigningError::Negative { field: "amount", value: -1 }
    );
    assert_eq!(
        error(PlaceOrder { max_fee: i64::MIN, ..order() }.into()),
        SigningError::Negative { field: "max_fee", value: i64::MIN }
    );
    let auth = order().auth;
    let transfer = Transfer { from: 1, to: 2, asset: 9, amount: 1, auth: auth.clone() };
    assert_eq!(error(transfer.into()), SigningError::Asset(9));
    let cancel = CancelAll { subaccount: 1, instrument: 0, underlying: 2, auth: Some(auth.clone()) };
    assert_eq!(error(cancel.into()), SigningError::Underlying(2));
    let key = RegisterSessionKey {
        key: Address::ZERO,
        scopes: 0x11,
        subaccounts: vec![],
        key_expiry: 0,
        auth,
        consent: Signature::ZERO,
    };
    assert_eq!(error(key.into()), SigningError::Scopes(0x11));
}

#[test]
fn scopes_are_signed_as_words_in_bit_order() {
    assert_eq!(eip712::scope_words(0), Ok(String::new()));
    assert_eq!(eip712::scope_words(scope::CANCEL | scope::TRANSFER), Ok("cancel,transfer".to_owned()));
    assert_eq!(eip712::scope_words(scope::ALL), Ok("trade,cancel,rfq,transfer".to_owned()));
}

#[test]
fn cancels_are_signed_only_when_they_carry_a_signature() {
    let claims = |command: Command| signatures(&command, &domain(), &Listed).expect("listed");
    let auth = order().auth;
    for (auth, count) in [(None, 0), (Some(auth), 1)] {
        let cancel = CancelOrder { subaccount: 1, order: OrderId(1), auth: auth.clone() };
        assert_eq!(claims(cancel.into()).len(), count);
        assert_eq!(
            claims(CancelAll { subaccount: 1, instrument: 0, underlying: 0, auth }.into()).len(),
            count
        );
    }
}

#[test]
fn a_quorum_signs_one_digest_that_does_not_cover_the_signatures() {
    let mode = |cosignatures: Vec<Cosignature>| {
        let admin = Administration { nonce: 4, cosignatures };
        Command::from(SetMode { underlying: 1, mode: Mode::Halt, admin })
    };
    let digest = digest(&mode(vec![]), &domain(), &Listed).expect("listed").expect("signed");
    let mut quorum: Vec<Cosignature> = [SECRET, OTHER]
        .iter()
        .map(|secret| Cosignature {
            signer: address_of(secret).expect("a key"),
            signature: sign(&digest, secret).expect("a key"),
        })
        .collect();
    let claims = signatures(&mode(quorum.clone()), &domain(), &Listed).expect("listed");
    assert_eq!(claims.iter().map(|claim| claim.digest).collect::<Vec<_>>(), [digest, digest]);
    assert_eq!(verify(&claims), Ok(()));

    quorum[1].signature = quorum[0].signature;
    let forged = signatures(&mode(quorum.clone()), &domain(), &Listed).expect("listed");
    let (claimed, recovered) = (quorum[1].signer, quorum[0].signer);
    assert_eq!(verify(&forged), Err(SignatureError::Mismatch { digest, claimed, recovered }));
}

#[test]
fn a_session_key_signs_what_its_owner_signs() {
    let [owner, key] = [SECRET, OTHER].map(|secret| address_of(&secret).expect("a key"));
    let auth = Authorization { signer: owner, nonce: 3, expiry: 9, signature: Signature::ZERO };
    let mut register = RegisterSessionKey {
        key,
        scopes: scope::TRADE,
        subaccounts: vec![1],
        key_expiry: 77,
        auth,
        consent: Signature::ZERO,
    };
    let digest = digest(&register.clone().into(), &domain(), &Listed).expect("listed").expect("signed");
    let check = |register: &RegisterSessionKey| {
        verify(&signatures(&register.clone().into(), &domain(), &Listed).expect("listed"))
    };
    register.auth.signature = sign(&digest, &SECRET).expect("a key");
    assert_eq!(check(&register), Err(SignatureError::V(0)), "the owner alone claims nobody's key");
    register.consent = register.auth.signature;
    assert_eq!(check(&register), Err(SignatureError::Mismatch { digest, claimed: key, recovered: owner }));
    register.consent = sign(&digest, &OTHER).expect("a key");
    assert_eq!(check(&register), Ok(()));
    register.auth.nonce += 1;
    assert!(check(&register).is_err(), "a consent is for one registration");
}

#[test]
fn a_signature_has_one_form() {
    let digest = keccak256(&[b"message"]);
    let good = sign(&digest, &SECRET).expect("a key");
    assert_eq!(recover(&digest, &good), address_of(&SECRET));

    let mut high = good;
    let order: [u8; 32] = unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let s = subtract(order, good.0[32..64].try_into().expect("32 bytes"));
    high.0[32..64].copy_from_slice(&s);
    high.0[64] = 27 + 28 - good.0[64];
    assert_eq!(recover(&digest, &high), Err(SignatureError::HighS));

    for v in (0..=255).filter(|v| ![27, 28].contains(v)) {
        let mut other = good;
        other.0[64] = v;
        assert_eq!(recover(&digest, &other), Err(SignatureError::V(v)));
    }
    let mut zero = good;
    zero.0[..64].fill(0);
    assert_eq!(recover(&digest, &zero), Err(SignatureError::Unrecoverable { digest }));
    zero.0[..32].fill(0xff);
    assert_eq!(recover(&digest, &zero), Err(SignatureError::Unrecoverable { digest }));
}

fn subtract(from: [u8; 32], what: [u8; 32]) -> [u8; 32] {
    let (mut result, mut borrow) = ([0; 32], false);
    for i in (0..32).rev() {
        let (once, first) = from[i].overflowing_sub(what[i]);
        let (twice, second) = once.overflowing_sub(u8::from(borrow));
        (result[i], borrow) = (twice, first | second);
    }
    result
}

#[test]
fn zero_and_the_group_order_are_no_keys() {
    let order = unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    for secret in [[0; 32], order, [0xff; 32]] {
        assert_eq!(sign(&Hash::ZERO, &secret), Err(SignatureError::Secret));
        assert_eq!(address_of(&secret), Err(SignatureError::Secret));
    }
}

#[test]
fn many_threads_sign_and_recover_at_once() {
    std::thread::scope(|threads| {
        for thread in 0..4u8 {
            threads.spawn(move || {
                let secret = [thread + 1; 32];
                for i in 0..50u8 {
                    let digest = keccak256(&[&[thread, i]]);
                    let signature = sign(&digest, &secret).expect("a key");
                    assert_eq!(recover(&digest, &signature), address_of(&secret));
                }
            });
        }
    });
}

proptest! {
    #[test]
    fn recovery_never_panics(digest in any::<[u8; 32]>(), body in any::<[u8; 32]>(), r in any::<[u8; 32]>(), v in 26..=29u8) {
        let mut bytes = [v; 65];
        bytes[..32].copy_from_slice(&r);
        bytes[32..64].copy_from_slice(&body);
        let _ = recover(&Hash(digest), &Signature(bytes));
    }

    #[test]
    fn a_claim_of_a_command_stands_or_falls_with_its_bytes(
        bytes in prop::collection::vec(any::<u8>(), 0..400), pick in any::<u8>(),
    ) {
        let mut seed = bytes;
        seed.insert(0, pick);
        let command = Command::sample(&mut Source::new(&seed));
        if let Ok(Some(hash)) = digest(&command, &domain(), &Any) {
            let claims = signatures(&command, &domain(), &Any).expect("as the digest");
            prop_assert!(claims.iter().all(|claim| claim.digest == hash));
        }
    }
}
