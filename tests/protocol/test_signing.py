"""Digests: reference, eth_account, native module and the Python signer agree on every struct."""

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import reference, strategies
from synchromesh import _native
from synchromesh.protocol import (
    COMMANDS,
    STRUCTS,
    Administration,
    Authorization,
    CancelAll,
    CancelOrder,
    Clock,
    Expire,
    FundingTick,
    FundInsurance,
    Genesis,
    InboxItem,
    LiquidationBid,
    ListInstruments,
    MarkUpdate,
    Mode,
    Names,
    OrderType,
    PlaceOrder,
    PostOnly,
    RaiseNonceFloor,
    Record,
    RegisterSessionKey,
    ReplaceOrder,
    RevokeSessionKey,
    SelfTrade,
    SetCollateral,
    SetMarginModel,
    SetMode,
    SetParameter,
    SetRiskParameters,
    SettleExpired,
    Side,
    SignatureError,
    SigningError,
    TimeInForce,
    Transfer,
    TypedDomain,
    Withdraw,
    scope_words,
)

CHAIN, CONTRACT = 31_337, bytes.fromhex("5f" * 20)
DOMAIN = TypedDomain(CHAIN, CONTRACT)
NAMES = Names({1: "BTC_USDC-27MAR26-100000-C", 2: "ETH_USDC-PERPETUAL"}, {1: "BTC", 2: "ETH"}, {0: "USDC", 1: "WETH"})
SECRET, OTHER = b"\x42" * 32, b"\x43" * 32

WORDS = {
    "string": st.text(max_size=40),
    "bytes32": st.binary(min_size=32, max_size=32),
    "address": st.binary(min_size=20, max_size=20),
    "bool": st.booleans(),
    "uint8": st.integers(0, 2**8 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": strategies.U64,
    "int64": st.integers(-(2**63), 2**63 - 1),
}
UNSIGNED = (Genesis, InboxItem, FundingTick, Clock, SettleExpired)


def eth_account_digest(typed_data):
    message = encode_typed_data(full_message=typed_data)
    return keccak(b"\x19" + message.version + message.header + message.body)


@pytest.mark.parametrize("name", reference.STRUCTS)
def test_the_reference_equals_eth_account(name):
    fields = {field: WORDS[kind] for kind, field in reference.fields(reference.STRUCTS[name])}

    @settings(max_examples=40, deadline=None)
    @given(strategies.U64, WORDS["address"], st.fixed_dictionaries(fields))
    def check(chain_id, contract, message):
        expected = reference.digest(chain_id, contract, name, message)
        assert eth_account_digest(reference.typed_data(chain_id, contract, name, message)) == expected
        ours = TypedDomain(chain_id, contract).typed_data(STRUCTS[name], message)
        assert eth_account_digest(ours) == expected

    check()


def signed_fields(command):
    """(struct, fields) that must be signed for a command, spelled out; None when nobody signs it."""
    auth = getattr(command, "auth", None)
    if isinstance(command, UNSIGNED) or (auth is None and isinstance(command, CancelOrder | CancelAll)):
        return None
    tail = {"nonce": auth.nonce, "expiry": auth.expiry, "signer": auth.signer} if auth else {}
    match command:
        case PlaceOrder():
            name, fields = (
                "Order",
                {
                    "subaccount": command.subaccount,
                    "instrument": NAMES.instruments[command.instrument],
                    "side": ["buy", "sell"][command.side],
                    "amount": command.amount,
                    "limitPrice": command.limit_price,
                    "orderType": ["limit", "market"][command.order_type],
                    "timeInForce": ["good_til_cancelled", "good_til_date", "immediate_or_cancel", "fill_or_kill"][
                        command.time_in_force
                    ],
                    "validUntil": command.valid_until,
                    "postOnly": ["no", "reject", "slide"][command.post_only],
                    "reduceOnly": command.reduce_only,
                    "selfTrade": ["cancel_newest", "cancel_oldest", "cancel_both"][command.self_trade],
                    "maxFee": command.max_fee,
                    "clientId": command.client_id,
                },
            )
        case ReplaceOrder():
            name, fields = (
                "Replace",
                {
                    "subaccount": command.subaccount,
                    "order": command.order,
                    "amount": command.amount,
                    "limitPrice": command.limit_price,
                    "postOnly": ["no", "reject", "slide"][command.post_only],
                    "reduceOnly": command.reduce_only,
                    "maxFee": command.max_fee,
                },
            )
        case CancelOrder():
            name, fields = "Cancel", {"subaccount": command.subaccount, "order": command.order}
        case CancelAll():
            instrument = NAMES.instruments[command.instrument] if command.instrument else ""
            underlying = NAMES.underlyings[command.underlying] if command.underlying else ""
            name = "CancelAll"
            fields = {"subaccount": command.subaccount, "instrument": instrument, "underlying": underlying}
        case RaiseNonceFloor():
            name, fields = "RaiseNonceFloor", {"floor": command.floor}
        case Withdraw():
            name, fields = (
                "Withdraw",
                {
                    "subaccount": command.subaccount,
                    "asset": NAMES.assets[command.asset],
                    "amount": command.amount,
                    "recipient": command.recipient,
                },
            )
        case Transfer():
            asset = NAMES.assets[command.asset]
            name = "Transfer"
            fields = {"from": command.source, "to": command.target, "asset": asset, "amount": command.amount}
        case RegisterSessionKey():
            words = [
                word for bit, word in enumerate(("trade", "cancel", "rfq", "transfer")) if command.scopes >> bit & 1
            ]
            name, fields = (
                "RegisterSessionKey",
                {
                    "key": command.key,
                    "scopes": ",".join(words),
                    "subaccounts": ",".join(str(subaccount) for subaccount in command.subaccounts),
                    "keyExpiry": command.key_expiry,
                },
            )
        case RevokeSessionKey():
            name, fields = "RevokeSessionKey", {"key": command.key}
        case MarkUpdate(inputs=inputs):
            name = "MarkUpdate"
            underlying = NAMES.underlyings[inputs.underlying]
            fields = {"underlying": underlying, "time": inputs.time, "inputs": keccak(inputs.encode())}
        case Expire():
            name, fields = (
                "SettlementPrice",
                {
                    "underlying": NAMES.underlyings[command.underlying],
                    "expiry": command.expiry,
                    "price": command.price,
                },
            )
        case LiquidationBid():
            name = "LiquidationBid"
            fields = {field: getattr(command, field) for field in ("subaccount", "target", "share", "limit")}
        case SetMarginModel():
            model = ["standard", "portfolio"][command.model]
            name, fields = "SetMarginModel", {"subaccount": command.subaccount, "model": model}
        case FundInsurance():
            name, fields = "FundInsurance", {"subaccount": command.subaccount, "amount": command.amount}
        case ListInstruments() | SetMode() | SetParameter() | SetRiskParameters() | SetCollateral():
            body = command.encode()[: -len(command.admin.encode())]
            name = "Administration"
            fields = {"action": type(command).__name__, "body": keccak(body), "nonce": command.admin.nonce}
        case _:
            name, fields = "CreateSubaccount", {}
    return name, fields | tail


def signable(command):
    """A command of which every signed number fits, and every id has a name."""
    changes = {
        field: abs(value) % 2**63
        for field in ("amount", "limit_price", "max_fee", "price", "share")
        if (value := getattr(command, field, None)) is not None
    }
    names = {"instrument": NAMES.instruments, "underlying": NAMES.underlyings, "asset": NAMES.assets}
    for field, table in names.items():
        if hasattr(command, field):
            ids = [0, *table] if isinstance(command, CancelAll) else list(table)
            changes[field] = ids[getattr(command, field) % len(ids)]
    if isinstance(command, MarkUpdate):
        changes["inputs"] = msgspec.structs.replace(command.inputs, underlying=1 + command.inputs.underlying % 2)
    return msgspec.structs.replace(command, **changes)


@pytest.mark.parametrize("kind", COMMANDS.values(), ids=lambda kind: kind.__name__)
def test_every_command_has_the_digest_of_the_reference(kind):
    @settings(max_examples=40, deadline=None)
    @given(strategies.messages(kind))
    def check(command):
        command = signable(command)
        claims = _native.command_digests(
            Record(1, command).encode(), CHAIN, CONTRACT, NAMES.instruments, NAMES.underlyings, NAMES.assets
        )
        assert claims == DOMAIN.claims(command, NAMES)
        expected = signed_fields(command)
        if expected is None:
            assert claims == []
            assert DOMAIN.digest(command, NAMES) is None
            return
        digest = reference.digest(CHAIN, CONTRACT, *expected)
        assert DOMAIN.digest(command, NAMES) == digest
        quorum = command.cosignatures if hasattr(command, "cosignatures") else getattr(command, "admin", None)
        quorum = quorum.cosignatures if isinstance(quorum, Administration) else quorum
        signers = [command.auth] if hasattr(command, "auth") else quorum
        signed = [(item.signer, digest, item.signature) for item in signers]
        if isinstance(command, RegisterSessionKey):
            signed.append((command.key, digest, command.consent))
        assert claims == signed

    check()


def order(**changes) -> PlaceOrder:
    signer = _native.address_of(SECRET)
    base = PlaceOrder(
        subaccount=7,
        instrument=1,
        side=Side.BUY,
        amount=150_000_000,
        limit_price=5_250_000_000,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        valid_until=0,
        post_only=PostOnly.REJECT,
        reduce_only=False,
        self_trade=SelfTrade.CANCEL_OLDEST,
        max_fee=30_000_000,
        client_id="quote-1",
        auth=Authorization(signer, 1_770_163_200_000_000_001, 1_770_163_260_000_000_000),
    )
    return msgspec.structs.replace(base, **changes)


def test_what_we_sign_eth_account_signs_and_recovers():
    account = Account.from_key(SECRET)
    signed = DOMAIN.signed(order(), SECRET, NAMES)
    name, fields = signed_fields(order())
    message = encode_typed_data(full_message=reference.typed_data(CHAIN, CONTRACT, name, fields))
    assert bytes(account.sign_message(message).signature) == signed.auth.signature
    assert Account.recover_message(message, signature=signed.auth.signature) == account.address
    assert bytes.fromhex(account.address[2:]) == _native.address_of(SECRET)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**255))
@settings(max_examples=40, deadline=None)
def test_signatures_equal_those_of_eth_keys(digest, number):
    secret = number.to_bytes(32)
    signature = _native.sign(digest, secret)
    theirs = Account.unsafe_sign_hash(digest, secret)
    assert signature == bytes(theirs.signature)
    assert _native.recover(digest, signature) == _native.address_of(secret)
    assert _native.recover_many([(digest, signature), (digest, bytes(65))]) == [_native.address_of(secret), None]


@given(st.binary(max_size=300))
def test_personal_messages_hash_as_wallets_hash_them(message):
    wallet = encode_defunct(message)
    assert _native.personal_digest(message) == keccak(b"\x19" + wallet.version + wallet.header + wallet.body)
    assert _native.personal_digest(message) == reference.personal_digest(message)
    assert _native.keccak256(message) == keccak(message)


def test_bad_signatures_say_why():
    digest = keccak(b"x")
    signature = _native.sign(digest, SECRET)
    with pytest.raises(SignatureError, match="v = 29"):
        _native.recover(digest, signature[:64] + b"\x1d")
    half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    with pytest.raises(SignatureError, match="high s"):
        _native.recover(digest, signature[:32] + (half + 1).to_bytes(32) + signature[64:])
    with pytest.raises(SignatureError, match="no key"):
        _native.recover(digest, bytes(64) + b"\x1b")
    with pytest.raises(ValueError, match="64 bytes, not 65"):
        _native.recover(digest, signature[:64])
    with pytest.raises(SignatureError, match="not a secret key"):
        _native.sign(digest, bytes(32))


def test_a_quorum_signs_in_ascending_order():
    command = SetMode(1, Mode.HALT, Administration(4))
    for secrets in ((SECRET, OTHER), (OTHER, SECRET)):
        signed = DOMAIN.cosigned(command, secrets, NAMES)
        claims = DOMAIN.claims(signed, NAMES)
        assert [claim.signer for claim in claims] == sorted(map(_native.address_of, secrets))
        assert all(_native.recover(claim.digest, claim.signature) == claim.signer for claim in claims)
        assert DOMAIN.digest(signed, NAMES) == DOMAIN.digest(command, NAMES)
    expire = DOMAIN.cosigned(Expire(1, 5, 6), [SECRET], NAMES)
    assert [item.signer for item in expire.cosignatures] == [_native.address_of(SECRET)]


def test_a_session_key_consents_to_what_its_owner_signs():
    owner, key = map(_native.address_of, (SECRET, OTHER))
    command = DOMAIN.signed(RegisterSessionKey(key, 3, (1,), 77, Authorization(owner, 0, 9)), SECRET, NAMES)
    with pytest.raises(SigningError, match="cannot sign for"):
        DOMAIN.consented(command, SECRET, NAMES)
    claims = DOMAIN.claims(DOMAIN.consented(command, OTHER, NAMES), NAMES)
    assert [claim.signer for claim in claims] == [owner, key]
    assert all(_native.recover(claim.digest, claim.signature) == claim.signer for claim in claims)


def test_a_key_consents_to_a_registration_by_transaction_as_wallets_sign_it():
    owner, key = map(_native.address_of, (SECRET, OTHER))
    digest = DOMAIN.session_key_consent(owner=owner, key=key, scopes=15, key_expiry=77)
    fields = {"owner": owner, "key": key, "scopes": 15, "keyExpiry": 77}
    assert digest == reference.digest(CHAIN, CONTRACT, "SessionKeyConsent", fields)
    data = reference.typed_data(CHAIN, CONTRACT, "SessionKeyConsent", fields)
    assert bytes(Account.from_key(OTHER).sign_typed_data(full_message=data).signature) == _native.sign(digest, OTHER)


def test_only_the_signer_signs_and_only_what_is_signed():
    with pytest.raises(SigningError, match="cannot sign for"):
        DOMAIN.signed(order(), OTHER, NAMES)
    with pytest.raises(SigningError, match="no authorization"):
        DOMAIN.signed(CancelAll(1), SECRET, NAMES)
    with pytest.raises(SigningError, match="no authorization"):
        DOMAIN.signed(Clock(1), SECRET, NAMES)
    with pytest.raises(SigningError, match="quorum"):
        DOMAIN.cosigned(order(), [SECRET], NAMES)


def test_what_cannot_be_signed_is_refused():
    for change, reason in (
        ({"instrument": 9}, "instrument 9 is not listed"),
        ({"amount": -1}, "Order has a field that does not fit"),
        ({"subaccount": 2**64}, "Order has a field that does not fit"),
        ({"auth": Authorization(bytes(19), 1, 2)}, "not an address"),
    ):
        with pytest.raises(SigningError, match=reason):
            DOMAIN.digest(order(**change), NAMES)
    with pytest.raises(SigningError, match="not an address"):
        TypedDomain(1, bytes(21))
    with pytest.raises(SigningError, match="not all known"):
        scope_words(16)
    with pytest.raises(SigningError, match="asset 9"):
        _native.command_digests(
            Record(1, Transfer(1, 2, 9, 1, order().auth)).encode(), CHAIN, CONTRACT, {}, {}, NAMES.assets
        )


def test_venues_do_not_share_signatures():
    digests = {
        TypedDomain(chain, contract).digest(order(), NAMES)
        for chain in (1, 31_337)
        for contract in (CONTRACT, bytes(20))
    }
    assert len(digests) == 4
    assert DOMAIN.separator == reference.domain_separator(CHAIN, CONTRACT)
    assert {name: kind.text for name, kind in STRUCTS.items()} == reference.STRUCTS
