"""Actions that users sign: how their flat parameters become commands.

The signature is the authority: these methods need no login, and a login alone never places an order. Only cancels may
come unsigned, from a session that logged in with a signature.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from synchromesh.client.units import AMOUNT_PLACES, PRICE_PLACES
from synchromesh.execution.dispatch import Applied, Submission, method
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.methods.connection import hex_bytes
from synchromesh.execution.numbers import amount_of
from synchromesh.execution.session import Session
from synchromesh.protocol import (
    SCOPES,
    USDC,
    Authorization,
    CreateSubaccount,
    RaiseNonceFloor,
    RegisterSessionKey,
    RevokeSessionKey,
    SubaccountCreated,
    Transfer,
    Withdraw,
    WithdrawalQueued,
)


class Signed(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of every signature: who, which use of the key, until when (venue ns)."""

    signer: str
    nonce: int
    signature_expiry: int
    signature: str


class MaybeSigned(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The same fields where a session may do without a signature."""

    signer: str = ""
    nonce: int = 0
    signature_expiry: int = 0
    signature: str = ""


class WithdrawParams(Signed, kw_only=True):
    """A withdrawal; the amount in units of the asset."""

    subaccount_id: int
    amount: Decimal
    recipient: str
    currency: str = "USDC"


class TransferParams(Signed, kw_only=True):
    """A transfer between subaccounts of one owner."""

    subaccount_id: int
    destination: int
    amount: Decimal
    currency: str = "USDC"


class SessionKeyParams(Signed, kw_only=True):
    """A session key, with its own signature of what the owner signs; scopes and subaccounts as lists or joined by
    commas, no subaccounts means all."""

    key: str
    consent: str
    scopes: list[str] | str
    key_expiry: int
    subaccounts: list[int] | str = ""


class KeyParams(Signed, kw_only=True):
    """Names a session key."""

    key: str


class FloorParams(Signed, kw_only=True):
    """A nonce floor."""

    floor: int


class OwnerParams(msgspec.Struct):
    """Names an owner."""

    owner: str


def authorization(params: Signed | MaybeSigned) -> Authorization:
    """The signature of an action; `ApiError` -32602 when a field is malformed."""
    for name in ("nonce", "signature_expiry"):
        if not 0 <= getattr(params, name) < 1 << 64:
            raise invalid_param(name, f"{name} is an unsigned 64-bit number")
    return Authorization(
        hex_bytes(params.signer, "signer", 20),
        params.nonce,
        params.signature_expiry,
        hex_bytes(params.signature, "signature", 65),
    )


def optional_authorization(params: MaybeSigned) -> Authorization | None:
    """The signature of an action when there is one."""
    return authorization(params) if params.signature else None


def asset_of(gateway: Gateway, currency: str) -> int:
    """An asset's id; `ApiError` -32602 when the vault holds none of that symbol."""
    try:
        return gateway.catalog.asset_ids[currency.upper()]
    except KeyError:
        raise invalid_param("currency", f"the vault holds no {currency!r}") from None


def engine_amount(value: Decimal, asset: int) -> int:
    """An amount of an asset in engine units: USDC 1e-6, others 1e-8."""
    return amount_of(value, places=PRICE_PLACES if asset == USDC else AMOUNT_PLACES)


def acknowledged(gateway: Gateway, **more: Any) -> Any:
    """A presenter that tells where the command stands, and ``more``."""
    return lambda applied: gateway.acknowledgement(applied[0].outcome) | more


@method("private/withdraw", params=WithdrawParams)
def withdraw(gateway: Gateway, session: Session, params: WithdrawParams) -> Submission:
    """Take assets out; they can be claimed on chain once their batch is final."""
    asset = asset_of(gateway, params.currency)
    recipient = hex_bytes(params.recipient, "recipient", 20)
    amount = engine_amount(params.amount, asset)
    command = Withdraw(params.subaccount_id, asset, amount, recipient, authorization(params))

    def present(applied: list[Applied]) -> dict[str, Any]:
        [queued] = [event for event in applied[0].events if isinstance(event, WithdrawalQueued)]
        return gateway.acknowledgement(applied[0].outcome) | {"withdrawal_id": queued.withdrawal, "state": "queued"}

    return Submission([encode_command(command)], present)


@method("private/transfer", "private/submit_transfer_to_subaccount", params=TransferParams)
def transfer(gateway: Gateway, session: Session, params: TransferParams) -> Submission:
    """Move assets between subaccounts."""
    asset = asset_of(gateway, params.currency)
    amount = engine_amount(params.amount, asset)
    command = Transfer(params.subaccount_id, params.destination, asset, amount, authorization(params))
    return Submission([encode_command(command)], acknowledged(gateway, state="confirmed"))


@method("private/create_subaccount", params=Signed)
def create_subaccount(gateway: Gateway, session: Session, params: Signed) -> Submission:
    """One more subaccount for the signer."""

    def present(applied: list[Applied]) -> dict[str, Any]:
        [created] = [event for event in applied[0].events if isinstance(event, SubaccountCreated)]
        return gateway.acknowledgement(applied[0].outcome) | {"id": created.subaccount, "type": "subaccount"}

    return Submission([encode_command(CreateSubaccount(authorization(params)))], present)


@method("private/register_session_key", params=SessionKeyParams)
def register_session_key(gateway: Gateway, session: Session, params: SessionKeyParams) -> Submission:
    """Let a key act for the signer."""
    scopes = 0
    for word in _split(params.scopes):
        if word not in SCOPES:
            raise invalid_param("scopes", f"scopes are {', '.join(SCOPES)}, not {word!r}")
        scopes |= SCOPES[word]
    try:
        subaccounts = tuple(sorted({int(number) for number in _split(params.subaccounts)}))
    except ValueError:
        raise invalid_param("subaccounts", "subaccounts are numbers") from None
    key, consent = hex_bytes(params.key, "key", 20), hex_bytes(params.consent, "consent", 65)
    command = RegisterSessionKey(key, scopes, subaccounts, params.key_expiry, authorization(params), consent)
    return Submission([encode_command(command)], acknowledged(gateway, key=params.key))


def _split(value: list[Any] | str) -> list[str]:
    words = value.split(",") if isinstance(value, str) else [str(item) for item in value]
    return [word.strip() for word in words if word.strip()]


@method("private/revoke_session_key", params=KeyParams, cancel=True)
def revoke_session_key(gateway: Gateway, session: Session, params: KeyParams) -> Submission:
    """Take a session key back, at once."""
    command = RevokeSessionKey(hex_bytes(params.key, "key", 20), authorization(params))
    return Submission([encode_command(command)], acknowledged(gateway, key=params.key))


@method("private/raise_nonce_floor", params=FloorParams, cancel=True)
def raise_nonce_floor(gateway: Gateway, session: Session, params: FloorParams) -> Submission:
    """Kill every message of the signer with a nonce below the floor."""
    command = RaiseNonceFloor(params.floor, authorization(params))
    return Submission([encode_command(command)], acknowledged(gateway, floor=str(params.floor)))


@method("public/get_owner_nonce", params=OwnerParams)
def get_owner_nonce(gateway: Gateway, session: Session, params: OwnerParams) -> dict[str, Any]:
    """The next number of an owner's owner actions."""
    owner = hex_bytes(params.owner, "owner", 20)
    return {"owner": params.owner, "nonce": gateway.host.owner_nonce(owner)}


def not_found(order_id: str) -> ApiError:
    """The error of an order that is not known."""
    return ApiError(ErrorCode.ORDER_NOT_FOUND, "unknown_order", f"there is no order {order_id!r}", order_id=order_id)
