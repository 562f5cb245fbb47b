"""Subaccounts, balances, positions."""

from __future__ import annotations

from typing import Any

import msgspec

from synchromesh.execution.catalog import kind_of
from synchromesh.execution.dispatch import method
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.present import QUOTE
from synchromesh.execution.session import Session


class AccountParams(msgspec.Struct):
    """Selects subaccounts of the login: one, or all that it sees."""

    currency: str = "any"
    subaccount_id: int | None = None


class PositionsParams(AccountParams):
    """Selects positions."""

    kind: str = "any"


class PositionParams(AccountParams):
    """Names a position."""

    instrument_name: str = ""


def selected_subaccounts(gateway: Gateway, session: Session, subaccount: int | None) -> list[int]:
    """The subaccount that was asked for, or all that the session sees.

    `ApiError` 13009 without a login, 13021 for a subaccount of somebody else.
    """
    visible = gateway.auth.subaccounts(session.require())
    if subaccount is None:
        return visible
    if subaccount not in visible:
        raise ApiError(ErrorCode.FORBIDDEN, "foreign_subaccount", f"subaccount {subaccount} is not yours")
    return [subaccount]


def _summary(gateway: Gateway, subaccount: int) -> dict[str, Any]:
    info = gateway.host.account(subaccount)
    assert info is not None, "the subaccounts of an owner exist"
    return gateway.present.account(info)


@method("private/get_account_summary", params=AccountParams)
def get_account_summary(gateway: Gateway, session: Session, params: AccountParams) -> dict[str, Any]:
    """Balance and margin of one subaccount: the one asked for, else the first."""
    subaccounts = selected_subaccounts(gateway, session, params.subaccount_id)
    if not subaccounts:
        raise ApiError(ErrorCode.NOT_FOUND, "unknown_subaccount", "the login has no subaccount yet: deposit first")
    return _summary(gateway, subaccounts[0])


@method("private/get_account_summaries", params=AccountParams)
def get_account_summaries(gateway: Gateway, session: Session, params: AccountParams) -> dict[str, Any]:
    """Balance and margin of the first subaccount (``summaries``) and of each (``subaccounts``)."""
    shown = [
        _summary(gateway, subaccount) for subaccount in selected_subaccounts(gateway, session, params.subaccount_id)
    ]
    return {"id": shown[0]["id"] if shown else 0, "currency": QUOTE, "summaries": shown[:1], "subaccounts": shown}


@method("private/get_subaccounts", params=AccountParams)
def get_subaccounts(gateway: Gateway, session: Session, params: AccountParams) -> list[dict[str, Any]]:
    """The subaccounts that the login sees."""
    owner = "0x" + session.require().owner.hex()
    subaccounts = gateway.auth.subaccounts(session.require())
    return [
        {"id": number, "username": f"{owner}/{number}", "type": "subaccount" if place else "main", "owner": owner}
        for place, number in enumerate(subaccounts)
    ]


@method("private/get_positions", params=PositionsParams)
def get_positions(gateway: Gateway, session: Session, params: PositionsParams) -> list[dict[str, Any]]:
    """Positions that fit."""
    kind = kind_of(params.kind)
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    shown = []
    for subaccount in selected_subaccounts(gateway, session, params.subaccount_id):
        for position in gateway.host.positions(subaccount):
            spec = gateway.catalog.spec(position.instrument)
            if position.lots and spec.underlying in underlyings and (kind is None or spec.kind == kind):
                shown.append(gateway.present.position(position) | {"subaccount_id": subaccount})
    return shown


@method("private/get_position", params=PositionParams)
def get_position(gateway: Gateway, session: Session, params: PositionParams) -> dict[str, Any]:
    """The position in one instrument; `ApiError` 13020 when there is none."""
    instrument = gateway.catalog.named(params.instrument_name).instrument
    for subaccount in selected_subaccounts(gateway, session, params.subaccount_id):
        for position in gateway.host.positions(subaccount):
            if position.instrument == instrument:
                return gateway.present.position(position) | {"subaccount_id": subaccount}
    raise ApiError(ErrorCode.NOT_FOUND, "no_position", f"no position in {params.instrument_name}")
