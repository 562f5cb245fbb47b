"""What other processes of the operator hand in: inbox items, administration, and what oracles signed.

Marks and settlement prices carry their authority with them; the rest asks for the operator's token.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from synchromesh.execution.dispatch import Applied, Submission, method
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.methods.connection import hex_bytes
from synchromesh.execution.session import Session
from synchromesh.protocol import (
    COMMANDS,
    CodecError,
    Expire,
    InboxItem,
    ListInstruments,
    MarkUpdate,
    SetCollateral,
    SetMode,
    SetParameter,
    SetRiskParameters,
    decode_inbox_body,
)

_ADMINISTRATION = (ListInstruments, SetMode, SetParameter, SetRiskParameters, SetCollateral)


class OperatorParams(msgspec.Struct, kw_only=True):
    """The operator's token."""

    token: str


class InboxParams(OperatorParams, kw_only=True):
    """An item of the contract's inbox as the contract packs it, hex."""

    index: int
    item: str


class CommandParams(OperatorParams, kw_only=True):
    """A command, ``kind ‖ body``, hex."""

    command: str


class RiskReportParams(OperatorParams, kw_only=True):
    """What the risk monitor found."""

    report: dict[str, Any]


class BodyParams(msgspec.Struct):
    """A command's body, hex."""

    body: str


def _check_token(gateway: Gateway, token: str) -> None:
    if not hmac.compare_digest(token.encode(), gateway.operator_token.encode()):
        raise ApiError(ErrorCode.UNAUTHORIZED, "invalid_token", "this is not the operator's token")


def _acknowledge(gateway: Gateway, applied: list[Applied]) -> dict[str, Any]:
    return gateway.acknowledgement(applied[0].outcome)


@method("operator/inbox_item", params=InboxParams, cancel=True)
def inbox_item(gateway: Gateway, session: Session, params: InboxParams) -> Submission:
    """The next item of the inbox. An item that was taken before is refused with ``wrong_inbox_index``."""
    _check_token(gateway, params.token)
    try:
        body = decode_inbox_body(hex_bytes(params.item, "item"))
    except CodecError as error:
        raise invalid_param("item", str(error)) from None
    return Submission([encode_command(InboxItem(params.index, body))], lambda applied: _acknowledge(gateway, applied))


@method("operator/inbox", params=OperatorParams, cancel=True)
def inbox(gateway: Gateway, session: Session, params: OperatorParams) -> dict[str, Any]:
    """Which inbox item the venue wants next, and its inbox chain before that item."""
    _check_token(gateway, params.token)
    cursor, chain = gateway.host.inbox()
    return {"cursor": cursor, "hash": "0x" + bytes(chain).hex()}


@method("operator/command", params=CommandParams, cancel=True)
def command(gateway: Gateway, session: Session, params: CommandParams) -> Submission:
    """An administrative command with the administrators' signatures."""
    _check_token(gateway, params.token)
    data = hex_bytes(params.command, "command")
    kind = COMMANDS.get(data[0]) if data else None
    if kind is None or not issubclass(kind, _ADMINISTRATION):
        names = ", ".join(allowed.__name__ for allowed in _ADMINISTRATION)
        raise invalid_param("command", f"only {names} come this way")
    return Submission([data], lambda applied: _acknowledge(gateway, applied))


@method("operator/risk_report", params=RiskReportParams)
def risk_report(gateway: Gateway, session: Session, params: RiskReportParams) -> dict[str, Any]:
    """Publishes a report of the risk monitor; the venue looks at nothing in it."""
    _check_token(gateway, params.token)
    gateway.risk_report = msgspec.Raw(msgspec.json.encode(params.report))
    gateway.hub.publish_risk()
    return {"published": True}


@method("public/submit_mark", params=BodyParams)
def submit_mark(gateway: Gateway, session: Session, params: BodyParams) -> Submission:
    """A `MarkUpdate` with oracle signatures; listing epoch and arrays hash in it are filled in by the venue."""
    data = bytes([MarkUpdate.KIND]) + hex_bytes(params.body, "body")
    return Submission([data], lambda applied: _acknowledge(gateway, applied))


@method("public/submit_settlement_price", params=BodyParams)
def submit_settlement_price(gateway: Gateway, session: Session, params: BodyParams) -> Submission:
    """An `Expire` with oracle signatures."""
    data = bytes([Expire.KIND]) + hex_bytes(params.body, "body")
    return Submission([data], lambda applied: _acknowledge(gateway, applied))
