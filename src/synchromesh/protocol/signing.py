"""What a user signs: one EIP-712 struct per action, hashed by hand over a domain computed once.

A wallet shows names, never ids: instruments, underlyings and assets are signed by name, enumerations by their word.
`TypedDomain` has one method per struct that returns the 32-byte digest, and `typed_data` for wallets and libraries
that want the JSON of ``eth_signTypedData_v4``. ``docs/protocol/signing.md`` has the structs and worked examples.
"""

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec

from synchromesh._native import SignatureError, SigningError, address_of, keccak256, personal_digest, recover, sign
from synchromesh.protocol.commands import (
    Administration,
    Authorization,
    CancelAll,
    CancelOrder,
    Command,
    CreateSubaccount,
    Expire,
    FundInsurance,
    LiquidationBid,
    ListInstruments,
    PlaceOrder,
    RaiseNonceFloor,
    RegisterSessionKey,
    ReplaceOrder,
    RevokeSessionKey,
    SetCollateral,
    SetMarginModel,
    SetMode,
    SetParameter,
    SetRiskParameters,
    Transfer,
    Withdraw,
)
from synchromesh.protocol.marks import Cosignature, MarkUpdate
from synchromesh.protocol.primitives import SCOPES, MarginModel, OrderType, PostOnly, SelfTrade, Side, TimeInForce
from synchromesh.protocol.wire import Message

__all__ = [
    "STRUCTS",
    "Claim",
    "Names",
    "SignatureError",
    "SigningError",
    "StructType",
    "TypedDomain",
    "address_of",
    "domain_separator",
    "personal_digest",
    "recover",
    "scope_words",
    "sign",
]

_WORD_LAYOUTS = {
    "string": "32s",
    "bytes32": "32s",
    "address": "12x20s",
    "uint8": "24xQ",
    "uint32": "24xQ",
    "uint64": "24xQ",
    "uint256": "24xQ",
    "int64": "32s",
    "bool": "24xQ",
}


class StructType:
    """A struct that is signed. Hashing it is one ``struct.pack`` and one keccak.

    Parameters
    ----------
    text
        The type string, ``Cancel(uint64 subaccount,…)``.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.type_hash = keccak256(text.encode())
        self.name, _, members = text[:-1].partition("(")
        self.fields = [(name, kind) for kind, name in (member.split(" ") for member in members.split(","))]
        self._pack = struct.Struct(">32s" + "".join(_WORD_LAYOUTS[kind] for _, kind in self.fields)).pack

    def hash(self, *words: bytes | int) -> bytes:
        """The struct's hash from its fields, texts given by their hash; `SigningError` when a number does not fit."""
        try:
            return keccak256(self._pack(self.type_hash, *words))
        except struct.error as error:
            raise SigningError(f"{self.name} has a field that does not fit: {error}") from None


_DOMAIN = StructType("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
ORDER = StructType(
    "Order(uint64 subaccount,string instrument,string side,uint64 amount,uint64 limitPrice,string orderType,"
    "string timeInForce,uint64 validUntil,string postOnly,bool reduceOnly,string selfTrade,uint64 maxFee,"
    "string clientId,uint64 nonce,uint64 expiry,address signer)"
)
REPLACE = StructType(
    "Replace(uint64 subaccount,uint64 order,uint64 amount,uint64 limitPrice,string postOnly,bool reduceOnly,"
    "uint64 maxFee,uint64 nonce,uint64 expiry,address signer)"
)
CANCEL = StructType("Cancel(uint64 subaccount,uint64 order,uint64 nonce,uint64 expiry,address signer)")
CANCEL_ALL = StructType(
    "CancelAll(uint64 subaccount,string instrument,string underlying,uint64 nonce,uint64 expiry,address signer)"
)
RAISE_NONCE_FLOOR = StructType("RaiseNonceFloor(uint64 floor,uint64 nonce,uint64 expiry,address signer)")
WITHDRAW = StructType(
    "Withdraw(uint64 subaccount,string asset,uint64 amount,address recipient,uint64 nonce,uint64 expiry,address signer)"
)
TRANSFER = StructType(
    "Transfer(uint64 from,uint64 to,string asset,uint64 amount,uint64 nonce,uint64 expiry,address signer)"
)
CREATE_SUBACCOUNT = StructType("CreateSubaccount(uint64 nonce,uint64 expiry,address signer)")
REGISTER_SESSION_KEY = StructType(
    "RegisterSessionKey(address key,string scopes,string subaccounts,uint64 keyExpiry,uint64 nonce,uint64 expiry,"
    "address signer)"
)
SESSION_KEY_CONSENT = StructType("SessionKeyConsent(address owner,address key,uint8 scopes,uint64 keyExpiry)")
REVOKE_SESSION_KEY = StructType("RevokeSessionKey(address key,uint64 nonce,uint64 expiry,address signer)")
LIQUIDATION_BID = StructType(
    "LiquidationBid(uint64 subaccount,uint64 target,uint64 share,int64 limit,uint64 nonce,uint64 expiry,address signer)"
)
SET_MARGIN_MODEL = StructType(
    "SetMarginModel(uint64 subaccount,string model,uint64 nonce,uint64 expiry,address signer)"
)
FUND_INSURANCE = StructType("FundInsurance(uint64 subaccount,uint64 amount,uint64 nonce,uint64 expiry,address signer)")
MARK_UPDATE = StructType("MarkUpdate(string underlying,uint64 time,bytes32 inputs)")
SETTLEMENT_PRICE = StructType("SettlementPrice(string underlying,uint64 expiry,uint64 price)")
ADMINISTRATION = StructType("Administration(string action,bytes32 body,uint64 nonce)")
FRAME = StructType(
    "Frame(uint64 epoch,uint64 frame,uint64 firstSequence,uint32 count,bytes32 commandRoot,bytes32 chainHash)"
)

STRUCTS = {
    kind.name: kind
    for kind in (
        ORDER,
        REPLACE,
        CANCEL,
        CANCEL_ALL,
        RAISE_NONCE_FLOOR,
        WITHDRAW,
        TRANSFER,
        CREATE_SUBACCOUNT,
        REGISTER_SESSION_KEY,
        SESSION_KEY_CONSENT,
        REVOKE_SESSION_KEY,
        LIQUIDATION_BID,
        SET_MARGIN_MODEL,
        FUND_INSURANCE,
        MARK_UPDATE,
        SETTLEMENT_PRICE,
        ADMINISTRATION,
        FRAME,
    )
}
"""The structs that are signed, by name."""


def _hash_text(text: str) -> bytes:
    return keccak256(text.encode())


_hash_name = lru_cache(maxsize=65_536)(_hash_text)
"""Hash of a text that comes back: an instrument, a word. Client ids do not, and are not kept."""


def scope_words(scopes: int) -> str:
    """Scope words in bit order, joined by commas: what a wallet shows. `SigningError` when a bit has no word."""
    if scopes & ~sum(SCOPES.values()):
        raise SigningError(f"scope bits {scopes:#04x} are not all known")
    return ",".join(word for word, bit in SCOPES.items() if scopes & bit)


def domain_separator(name: str, chain_id: int, contract: bytes) -> bytes:
    """Separator of the EIP-712 domain ``name``, version 1, of a contract; `SigningError` unless it has 20 bytes."""
    return _DOMAIN.hash(_hash_name(name), _hash_name("1"), chain_id, _address(contract))


class Names(msgspec.Struct, frozen=True):
    """The names behind the ids of a command, as the venue has listed them."""

    instruments: Mapping[int, str] = {}
    underlyings: Mapping[int, str] = {}
    assets: Mapping[int, str] = {}

    def instrument(self, instrument: int) -> str:
        """Name of an instrument; `SigningError` when it is not listed."""
        return self._find("instrument", self.instruments, instrument)

    def underlying(self, underlying: int) -> str:
        """Symbol of an underlying; `SigningError` when it is not listed."""
        return self._find("underlying", self.underlyings, underlying)

    def asset(self, asset: int) -> str:
        """Symbol of an asset; `SigningError` when it is not listed."""
        return self._find("asset", self.assets, asset)

    @staticmethod
    def _find(what: str, names: Mapping[int, str], key: int) -> str:
        try:
            return names[key]
        except KeyError:
            raise SigningError(f"{what} {key} is not listed") from None


_ADMINISTRATIVE = ListInstruments | SetMode | SetParameter | SetRiskParameters | SetCollateral


class Claim(NamedTuple):
    """A signature that must recover to ``signer`` before its command may be applied."""

    signer: bytes
    digest: bytes
    signature: bytes


AnyCommand = TypeVar("AnyCommand", bound=Message)


class TypedDomain:
    """The signing domain of one venue.

    Every method named after a struct returns the digest to sign: ``keccak(0x1901 ‖ separator ‖ struct hash)``. Amounts
    are 1e-8 contracts (or engine units of the asset), prices and fees micro-USDC per contract, times nanoseconds.
    They raise `SigningError` for a number that does not fit its field.

    Parameters
    ----------
    chain_id
        EIP-155 chain id.
    contract
        Address of the settlement contract, 20 bytes.
    """

    def __init__(self, chain_id: int, contract: bytes) -> None:
        self.chain_id = chain_id
        self.contract = _address(contract)
        self.separator = domain_separator("Synchromesh", chain_id, contract)
        self._prefix = b"\x19\x01" + self.separator

    def _digest(self, struct_hash: bytes) -> bytes:
        return keccak256(self._prefix + struct_hash)

    def order(
        self,
        *,
        subaccount: int,
        instrument: str,
        side: Side,
        amount: int,
        limit_price: int,
        nonce: int,
        expiry: int,
        signer: bytes,
        order_type: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        valid_until: int = 0,
        post_only: PostOnly = PostOnly.NO,
        reduce_only: bool = False,
        self_trade: SelfTrade = SelfTrade.CANCEL_NEWEST,
        max_fee: int,
        client_id: str = "",
    ) -> bytes:
        """Digest of ``Order``."""
        return self._digest(
            ORDER.hash(
                subaccount,
                _hash_name(instrument),
                _hash_name(side.word),
                amount,
                limit_price,
                _hash_name(order_type.word),
                _hash_name(time_in_force.word),
                valid_until,
                _hash_name(post_only.word),
                reduce_only,
                _hash_name(self_trade.word),
                max_fee,
                _hash_text(client_id),
                nonce,
                expiry,
                _address(signer),
            )
        )

    def replace(
        self,
        *,
        subaccount: int,
        order: int,
        amount: int,
        limit_price: int,
        nonce: int,
        expiry: int,
        signer: bytes,
        post_only: PostOnly = PostOnly.NO,
        reduce_only: bool = False,
        max_fee: int,
    ) -> bytes:
        """Digest of ``Replace``."""
        words = (subaccount, order, amount, limit_price, _hash_name(post_only.word), reduce_only, max_fee)
        return self._digest(REPLACE.hash(*words, nonce, expiry, _address(signer)))

    def cancel(self, *, subaccount: int, order: int, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``Cancel``."""
        return self._digest(CANCEL.hash(subaccount, order, nonce, expiry, _address(signer)))

    def cancel_all(
        self, *, subaccount: int, nonce: int, expiry: int, signer: bytes, instrument: str = "", underlying: str = ""
    ) -> bytes:
        """Digest of ``CancelAll``; an empty name is any."""
        names = _hash_name(instrument), _hash_name(underlying)
        return self._digest(CANCEL_ALL.hash(subaccount, *names, nonce, expiry, _address(signer)))

    def raise_nonce_floor(self, *, floor: int, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``RaiseNonceFloor``."""
        return self._digest(RAISE_NONCE_FLOOR.hash(floor, nonce, expiry, _address(signer)))

    def withdraw(
        self, *, subaccount: int, asset: str, amount: int, recipient: bytes, nonce: int, expiry: int, signer: bytes
    ) -> bytes:
        """Digest of ``Withdraw``."""
        words = subaccount, _hash_name(asset), amount, _address(recipient)
        return self._digest(WITHDRAW.hash(*words, nonce, expiry, _address(signer)))

    def transfer(
        self, *, source: int, target: int, asset: str, amount: int, nonce: int, expiry: int, signer: bytes
    ) -> bytes:
        """Digest of ``Transfer``."""
        return self._digest(TRANSFER.hash(source, target, _hash_name(asset), amount, nonce, expiry, _address(signer)))

    def create_subaccount(self, *, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``CreateSubaccount``."""
        return self._digest(CREATE_SUBACCOUNT.hash(nonce, expiry, _address(signer)))

    def register_session_key(
        self,
        *,
        key: bytes,
        scopes: int,
        key_expiry: int,
        nonce: int,
        expiry: int,
        signer: bytes,
        subaccounts: Iterable[int] = (),
    ) -> bytes:
        """Digest of ``RegisterSessionKey``, which owner and key sign; no subaccounts means all of the owner's."""
        texts = _hash_name(scope_words(scopes)), _hash_text(",".join(map(str, subaccounts)))
        words = _address(key), *texts, key_expiry
        return self._digest(REGISTER_SESSION_KEY.hash(*words, nonce, expiry, _address(signer)))

    def session_key_consent(self, *, owner: bytes, key: bytes, scopes: int, key_expiry: int) -> bytes:
        """Digest of ``SessionKeyConsent``, which a key signs for an owner that registers it through the contract."""
        return self._digest(SESSION_KEY_CONSENT.hash(_address(owner), _address(key), scopes, key_expiry))

    def revoke_session_key(self, *, key: bytes, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``RevokeSessionKey``."""
        return self._digest(REVOKE_SESSION_KEY.hash(_address(key), nonce, expiry, _address(signer)))

    def liquidation_bid(
        self, *, subaccount: int, target: int, share: int, limit: int, nonce: int, expiry: int, signer: bytes
    ) -> bytes:
        """Digest of ``LiquidationBid``; a negative ``limit`` is the least that the bidder is paid."""
        words = subaccount, target, share, _signed_word(limit)
        return self._digest(LIQUIDATION_BID.hash(*words, nonce, expiry, _address(signer)))

    def set_margin_model(self, *, subaccount: int, model: MarginModel, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``SetMarginModel``."""
        return self._digest(SET_MARGIN_MODEL.hash(subaccount, _hash_name(model.word), nonce, expiry, _address(signer)))

    def fund_insurance(self, *, subaccount: int, amount: int, nonce: int, expiry: int, signer: bytes) -> bytes:
        """Digest of ``FundInsurance``."""
        return self._digest(FUND_INSURANCE.hash(subaccount, amount, nonce, expiry, _address(signer)))

    def mark_update(self, *, underlying: str, time: int, inputs: bytes) -> bytes:
        """Digest of ``MarkUpdate``; ``inputs`` are the encoded `MarkInputs`."""
        return self._digest(MARK_UPDATE.hash(_hash_name(underlying), time, keccak256(inputs)))

    def settlement_price(self, *, underlying: str, expiry: int, price: int) -> bytes:
        """Digest of ``SettlementPrice``."""
        return self._digest(SETTLEMENT_PRICE.hash(_hash_name(underlying), expiry, price))

    def administration(self, *, action: str, body: bytes, nonce: int) -> bytes:
        """Digest of ``Administration``; ``body`` are the command's bytes in front of ``admin``."""
        return self._digest(ADMINISTRATION.hash(_hash_name(action), keccak256(body), nonce))

    def frame(
        self, *, epoch: int, frame: int, first_sequence: int, count: int, command_root: bytes, chain_hash: bytes
    ) -> bytes:
        """Digest of ``Frame``, which the operator signs."""
        return self._digest(FRAME.hash(epoch, frame, first_sequence, count, command_root, chain_hash))

    def typed_data(self, kind: StructType, message: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON of ``eth_signTypedData_v4`` for a struct with the given fields.

        Addresses and hashes are ``0x`` texts in it, as wallets take them.
        """
        domain = {
            "name": "Synchromesh",
            "version": "1",
            "chainId": self.chain_id,
            "verifyingContract": "0x" + self.contract.hex(),
        }
        return {
            "types": {
                "EIP712Domain": [{"name": name, "type": kind} for name, kind in _DOMAIN.fields],
                kind.name: [{"name": name, "type": kind} for name, kind in kind.fields],
            },
            "primaryType": kind.name,
            "domain": domain,
            "message": {
                name: "0x" + value.hex() if isinstance(value := message[name], bytes) else value
                for name, _ in kind.fields
            },
        }

    def digest(self, command: Command, names: Names) -> bytes | None:
        """The digest that is signed for ``command``; None when nobody signs it."""
        match command:
            case PlaceOrder(auth=auth):
                fields = _fields(command, "auth", "instrument")
                return self.order(**fields, instrument=names.instrument(command.instrument), **_auth(auth))
            case ReplaceOrder(auth=auth):
                return self.replace(**_fields(command, "auth"), **_auth(auth))
            case CancelOrder(auth=Authorization() as auth):
                return self.cancel(subaccount=command.subaccount, order=command.order, **_auth(auth))
            case CancelAll(auth=Authorization() as auth):
                return self.cancel_all(
                    subaccount=command.subaccount,
                    instrument=names.instrument(command.instrument) if command.instrument else "",
                    underlying=names.underlying(command.underlying) if command.underlying else "",
                    **_auth(auth),
                )
            case RaiseNonceFloor(auth=auth):
                return self.raise_nonce_floor(floor=command.floor, **_auth(auth))
            case Withdraw(auth=auth) | Transfer(auth=auth):
                fields = _fields(command, "auth", "asset") | {"asset": names.asset(command.asset)} | _auth(auth)
                return self.withdraw(**fields) if isinstance(command, Withdraw) else self.transfer(**fields)
            case CreateSubaccount(auth=auth):
                return self.create_subaccount(**_auth(auth))
            case RegisterSessionKey(auth=auth):
                return self.register_session_key(**_fields(command, "auth", "consent"), **_auth(auth))
            case RevokeSessionKey(auth=auth):
                return self.revoke_session_key(key=command.key, **_auth(auth))
            case LiquidationBid(auth=auth):
                return self.liquidation_bid(**_fields(command, "auth"), **_auth(auth))
            case SetMarginModel(auth=auth):
                return self.set_margin_model(**_fields(command, "auth"), **_auth(auth))
            case FundInsurance(auth=auth):
                return self.fund_insurance(**_fields(command, "auth"), **_auth(auth))
            case MarkUpdate(inputs=inputs):
                underlying = names.underlying(inputs.underlying)
                return self.mark_update(underlying=underlying, time=inputs.time, inputs=inputs.encode())
            case Expire():
                underlying = names.underlying(command.underlying)
                return self.settlement_price(underlying=underlying, expiry=command.expiry, price=command.price)
            case _ if isinstance(command, _ADMINISTRATIVE):
                admin = command.admin
                body = command.encode().removesuffix(admin.encode())
                return self.administration(action=type(command).__name__, body=body, nonce=admin.nonce)
            case _:
                return None

    def claims(self, command: Command, names: Names) -> list[Claim]:
        """Every signature that must check out before ``command`` may be applied."""
        digest = self.digest(command, names)
        if digest is None:
            return []
        auth = getattr(command, "auth", None)
        if auth is not None:
            claims = [Claim(auth.signer, digest, auth.signature)]
            if isinstance(command, RegisterSessionKey):
                claims.append(Claim(command.key, digest, command.consent))
            return claims
        return [Claim(item.signer, digest, item.signature) for item in _quorum(command)]

    def signed(self, command: AnyCommand, secret: bytes, names: Names) -> AnyCommand:
        """``command`` with the trader's or owner's signature in its ``auth``, whose signer must be the secret's.

        `SigningError` when nobody signs such a command alone, or the signer is another.
        """
        auth: Authorization | None = getattr(command, "auth", None)
        digest = self.digest(command, names)  # type: ignore[arg-type]
        if auth is None or digest is None:
            raise SigningError(f"{type(command).__name__} has no authorization to sign")
        _require_key(secret, auth.signer)
        auth = msgspec.structs.replace(auth, signature=sign(digest, secret))
        return msgspec.structs.replace(command, auth=auth)

    def consented(self, command: RegisterSessionKey, secret: bytes, names: Names) -> RegisterSessionKey:
        """``command`` with the consent of the key that it registers; `SigningError` when the secret is another's."""
        digest = self.digest(command, names)
        assert digest is not None, "a registration is signed"
        _require_key(secret, command.key)
        return msgspec.structs.replace(command, consent=sign(digest, secret))

    def cosigned(self, command: AnyCommand, secrets: Iterable[bytes], names: Names) -> AnyCommand:
        """``command`` with the signatures of oracles or administrators, ascending, in place of those it had.

        `SigningError` when such a command takes no quorum.
        """
        digest = self.digest(command, names)  # type: ignore[arg-type]
        admin: Administration | None = getattr(command, "admin", None)
        if digest is None or (admin is None and not hasattr(command, "cosignatures")):
            raise SigningError(f"{type(command).__name__} takes no quorum's signatures")
        quorum = tuple(
            sorted((Cosignature(address_of(secret), sign(digest, secret)) for secret in secrets), key=_signer)
        )
        if admin is None:
            return msgspec.structs.replace(command, cosignatures=quorum)
        return msgspec.structs.replace(command, admin=msgspec.structs.replace(admin, cosignatures=quorum))


def _require_key(secret: bytes, address: bytes) -> None:
    if address_of(secret) != address:
        raise SigningError(f"the key of 0x{address_of(secret).hex()} cannot sign for 0x{address.hex()}")


def _address(value: bytes) -> bytes:
    if len(value) != 20:
        raise SigningError(f"{value!r} is not an address of 20 bytes")
    return value


def _signed_word(value: int) -> bytes:
    if not -(2**63) <= value < 2**63:
        raise SigningError(f"{value} does not fit 64 bits")
    return value.to_bytes(32, signed=True)


def _signer(cosignature: Cosignature) -> bytes:
    return cosignature.signer


def _quorum(command: Command) -> tuple[Cosignature, ...]:
    if isinstance(command, MarkUpdate | Expire):
        return command.cosignatures
    assert isinstance(command, _ADMINISTRATIVE), "every other signed command has one signer"
    return command.admin.cosignatures


def _fields(command: Message, *without: str) -> dict[str, Any]:
    return {name: getattr(command, name) for name in command.__struct_fields__ if name not in without}


def _auth(auth: Authorization) -> dict[str, Any]:
    return {"nonce": auth.nonce, "expiry": auth.expiry, "signer": auth.signer}
