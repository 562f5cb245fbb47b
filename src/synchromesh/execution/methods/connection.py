"""Time, logins, heartbeats, subscriptions."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import msgspec

from synchromesh.execution.auth import Login, Principal
from synchromesh.execution.dispatch import NoParams, method
from synchromesh.execution.errors import invalid_param
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.present import hexed, millis
from synchromesh.execution.session import Session

HEARTBEAT_MIN_SECONDS = 10
"""Shortest heartbeat."""
VERSION = version("synchromesh")
"""Version of this package."""


class HelloParams(msgspec.Struct):
    """Who connects; shown nowhere, refused never."""

    client_name: str = ""
    client_version: str = ""


class HeartbeatParams(msgspec.Struct):
    """Seconds between heartbeats."""

    interval: int


class ChannelsParams(msgspec.Struct):
    """Names channels."""

    channels: list[str]


class AuthParams(msgspec.Struct):
    """A login of one of the grant types."""

    grant_type: str
    message: str = ""
    signature: str = ""
    client_id: str = ""
    client_secret: str = ""
    timestamp: int = 0
    nonce: str = ""
    data: str = ""
    refresh_token: str = ""
    scope: str = ""


class ScopeParams(msgspec.Struct):
    """Of which connections cancel-on-disconnect is meant."""

    scope: str = "connection"


class SetScopeParams(ScopeParams):
    """The same, with the switch."""

    enabled: bool = True


@method("public/get_time", params=NoParams)
def get_time(gateway: Gateway, session: Session, params: NoParams) -> int:
    """Venue time, ms."""
    return millis(gateway.clock.now_ns())


@method("public/test", params=NoParams)
def test(gateway: Gateway, session: Session, params: NoParams) -> dict[str, str]:
    """The version; answers a heartbeat's test request."""
    return {"version": VERSION}


@method("public/hello", params=HelloParams)
def hello(gateway: Gateway, session: Session, params: HelloParams) -> dict[str, str]:
    """The version."""
    return {"version": VERSION}


@method("public/status", params=NoParams)
def status(gateway: Gateway, session: Session, params: NoParams) -> dict[str, Any]:
    """Modes and states of the underlyings, and where journal and inbox stand."""
    found = {symbol: gateway.catalog.underlying(number) for number, symbol in gateway.catalog.symbols.items()}
    stopped = [symbol for symbol, info in found.items() if info.market_status != "open"]
    index, inbox_hash = gateway.host.inbox()
    return {
        "locked": "false" if not stopped else "true" if len(stopped) == len(found) else "partial",
        "locked_currencies": stopped,
        "modes": {symbol: info.mode for symbol, info in found.items()},
        "states": {symbol: info.market_status for symbol, info in found.items()},
        "mark_faults": {symbol: info.mark_fault for symbol, info in found.items()},
        "sequence": gateway.host.sequence,
        "chain_hash": hexed(gateway.host.chain_hash),
        "epoch": gateway.host.epoch,
        "inbox_next": index,
        "inbox_hash": hexed(inbox_hash),
        "admin_nonce": gateway.host.admin_nonce(),
        "time_ns": gateway.clock.now_ns(),
    }


@method("public/get_limits", params=NoParams)
def get_limits(gateway: Gateway, session: Session, params: NoParams) -> dict[str, Any]:
    """Bounds of the gateway, and the credits that this client has left."""
    shown: dict[str, Any] = msgspec.to_builtins(gateway.config.limits)
    shown["remaining"] = {
        "requests": int(session.lanes.requests.remaining()),
        "cancels": int(session.lanes.cancels.remaining()),
    }
    return shown


@method("public/auth", params=AuthParams)
def auth(gateway: Gateway, session: Session, params: AuthParams) -> dict[str, Any]:
    """Log in; the session acts for the owner from now on."""
    login = _login(gateway, params)
    session.principal = login.principal
    wanted = session.send is not None and login.principal.owner in gateway.account_cancel_on_disconnect
    if wanted and login.principal.write:
        _switch_on(gateway, session, login.principal)
    seconds = gateway.clock.real_seconds(login.principal.expiry - gateway.clock.now_ns())
    return {
        "access_token": login.token,
        "refresh_token": login.token,
        "expires_in": int(seconds),
        "scope": "account:read_write trade:read_write" if login.principal.write else "account:read trade:read",
        "token_type": "bearer",
        "client_id": login.client_id,
        "client_secret": login.client_secret,
        "owner": hexed(login.principal.owner),
        "signer": hexed(login.principal.signer),
        "subaccounts": gateway.auth.subaccounts(login.principal),
    }


def _login(gateway: Gateway, params: AuthParams) -> Login:
    match params.grant_type:
        case "signature":
            return gateway.auth.login(params.message, hex_bytes(params.signature, "signature", 65))
        case "client_credentials":
            return gateway.auth.credentials(params.client_id, params.client_secret)
        case "client_signature":
            stamp = str(params.timestamp)
            return gateway.auth.client_signature(params.client_id, stamp, params.nonce, params.data, params.signature)
        case "refresh_token":
            return gateway.auth.refresh(params.refresh_token)
        case _:
            detail = "grant_type is signature, client_credentials, client_signature or refresh_token"
            raise invalid_param("grant_type", detail)


def hex_bytes(text: str, param: str, length: int = 0) -> bytes:
    """Bytes from hex text with or without ``0x``; `ApiError` -32602 when it is none, or not ``length`` bytes."""
    try:
        data = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise invalid_param(param, f"{param} is not hex") from None
    if length and len(data) != length:
        raise invalid_param(param, f"{param} has {len(data)} bytes, not {length}")
    return data


@method("public/logout", "private/logout", params=NoParams)
def logout(gateway: Gateway, session: Session, params: NoParams) -> str:
    """End the session's login and its private channels."""
    gateway.hub.unsubscribe(session, [name for name in session.subscriptions if name.startswith("user.")])
    session.principal = None
    session.cancel_on_disconnect = None
    return "ok"


@method("public/set_heartbeat", params=HeartbeatParams)
def set_heartbeat(gateway: Gateway, session: Session, params: HeartbeatParams) -> str:
    """Ask for heartbeats; a client that does not answer test requests is disconnected."""
    session.require_websocket()
    if params.interval < HEARTBEAT_MIN_SECONDS:
        raise invalid_param("interval", f"interval is at least {HEARTBEAT_MIN_SECONDS} seconds")
    session.heartbeat_seconds = params.interval
    return "ok"


@method("public/disable_heartbeat", params=NoParams)
def disable_heartbeat(gateway: Gateway, session: Session, params: NoParams) -> str:
    """No more heartbeats."""
    session.require_websocket()
    session.heartbeat_seconds = 0
    return "ok"


@method("public/subscribe", "private/subscribe", params=ChannelsParams)
def subscribe(gateway: Gateway, session: Session, params: ChannelsParams) -> list[str]:
    """Subscribe to channels; all of them or, with an error, none."""
    session.require_websocket()
    return gateway.hub.subscribe(session, params.channels)


@method("public/unsubscribe", "private/unsubscribe", params=ChannelsParams)
def unsubscribe(gateway: Gateway, session: Session, params: ChannelsParams) -> list[str]:
    """End subscriptions."""
    session.require_websocket()
    return gateway.hub.unsubscribe(session, params.channels)


@method("public/unsubscribe_all", "private/unsubscribe_all", params=NoParams)
def unsubscribe_all(gateway: Gateway, session: Session, params: NoParams) -> str:
    """End all subscriptions."""
    session.require_websocket()
    gateway.hub.drop(session)
    return "ok"


def _set_cancel_on_disconnect(gateway: Gateway, session: Session, scope: str, on: bool) -> str:
    session.require_websocket()
    principal = session.require()
    if scope not in ("connection", "account"):
        raise invalid_param("scope", "scope is connection or account")
    if on:
        _switch_on(gateway, session, principal)
    else:
        session.cancel_on_disconnect = None
    if scope == "account" and on:
        gateway.account_cancel_on_disconnect.add(principal.owner)
    elif scope == "account":
        gateway.account_cancel_on_disconnect.discard(principal.owner)
    return "ok"


def _switch_on(gateway: Gateway, session: Session, principal: Principal) -> None:
    # Decided now, so that orders end with the connection even when the login or its key has ended before.
    subaccounts = frozenset(gateway.auth.subaccounts(principal))
    for subaccount in subaccounts:
        gateway.auth.check_cancel(principal, subaccount)
    session.cancel_on_disconnect = subaccounts


@method("private/set_cancel_on_disconnect", params=SetScopeParams)
def set_cancel_on_disconnect(gateway: Gateway, session: Session, params: SetScopeParams) -> str:
    """Switch cancel-on-disconnect on or off."""
    return _set_cancel_on_disconnect(gateway, session, params.scope, params.enabled)


@method("private/enable_cancel_on_disconnect", params=ScopeParams)
def enable_cancel_on_disconnect(gateway: Gateway, session: Session, params: ScopeParams) -> str:
    """When this connection ends, all orders of the subaccounts that the login sees now are cancelled.

    With scope account that also holds for later connections of the same owner, until the gateway restarts.
    """
    return _set_cancel_on_disconnect(gateway, session, params.scope, on=True)


@method("private/disable_cancel_on_disconnect", params=ScopeParams)
def disable_cancel_on_disconnect(gateway: Gateway, session: Session, params: ScopeParams) -> str:
    """Orders outlive the connection."""
    return _set_cancel_on_disconnect(gateway, session, params.scope, on=False)


@method("private/get_cancel_on_disconnect", params=ScopeParams)
def get_cancel_on_disconnect(gateway: Gateway, session: Session, params: ScopeParams) -> dict[str, Any]:
    """Whether orders end with the connection."""
    principal = session.require()
    account = principal.owner in gateway.account_cancel_on_disconnect
    enabled = account if params.scope == "account" else session.cancel_on_disconnect is not None
    return {"scope": params.scope, "enabled": enabled}
