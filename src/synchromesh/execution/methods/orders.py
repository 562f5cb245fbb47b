"""Orders: place, change, cancel, look up."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from synchromesh._native import OrderInfo, Outcome, TradeInfo, keccak256
from synchromesh.execution.catalog import kind_of
from synchromesh.execution.dispatch import Applied, Submission, method
from synchromesh.execution.errors import ApiError, ErrorCode, invalid_param
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.execution.methods.accounts import AccountParams, selected_subaccounts
from synchromesh.execution.methods.signed import (
    MaybeSigned,
    Signed,
    authorization,
    not_found,
    optional_authorization,
)
from synchromesh.execution.numbers import amount_of, price_of
from synchromesh.execution.present import hexed
from synchromesh.execution.session import Session
from synchromesh.protocol import (
    MAX_CLIENT_ID,
    CancelAll,
    CancelOrder,
    OrderType,
    PlaceOrder,
    PostOnly,
    ReplaceOrder,
    SelfTrade,
    Side,
    SignatureError,
    TimeInForce,
    WordEnum,
    recover,
)
from synchromesh.protocol.signing import ORDER

HISTORY_MAX = 1_000
"""Most orders that one request gets."""

Word = TypeVar("Word", bound=WordEnum)


class OrderParams(Signed, kw_only=True):
    """A new order. ``price`` is the signed limit, of market orders too; ``max_fee`` is USDC per contract."""

    instrument_name: str
    amount: Decimal
    price: Decimal
    subaccount_id: int
    type: str = OrderType.LIMIT.word
    time_in_force: str = TimeInForce.GTC.word
    valid_until: int = 0
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    self_trade: str = SelfTrade.CANCEL_NEWEST.word
    max_fee: Decimal
    client_order_id: str = ""


class DebugParams(OrderParams, kw_only=True):
    """An order with its direction."""

    direction: str


class EditParams(Signed, kw_only=True):
    """What a resting order becomes; ``amount`` is the total, what is filled included."""

    order_id: str
    amount: Decimal
    price: Decimal
    post_only: bool = False
    reject_post_only: bool = False
    reduce_only: bool = False
    max_fee: Decimal


class OrderIdParams(msgspec.Struct):
    """Names an order."""

    order_id: str


class CancelParams(MaybeSigned, kw_only=True):
    """Names an order to cancel."""

    order_id: str


class CancelAllParams(MaybeSigned, kw_only=True):
    """Selects orders to cancel; without a subaccount, of all that the login sees."""

    subaccount_id: int | None = None


class CancelInstrumentParams(CancelAllParams, kw_only=True):
    """Selects the orders of one instrument."""

    instrument_name: str


class CancelCurrencyParams(CancelAllParams, kw_only=True):
    """Selects the orders of one underlying."""

    currency: str


class OpenOrdersParams(AccountParams):
    """Selects open orders."""

    kind: str = "any"
    type: str = "all"
    instrument_name: str = ""
    count: int = 100


_WORDS: dict[type[WordEnum], dict[str, WordEnum]] = {
    kind: {member.word: member for member in kind} for kind in (OrderType, TimeInForce, SelfTrade, Side)
}


def _word(kind: type[Word], word: str, param: str) -> Word:
    member = _WORDS[kind].get(word)
    if not isinstance(member, kind):
        words = ", ".join(member.word for member in kind)
        raise invalid_param(param, f"{param} is one of {words}, not {word!r}")
    return member


def _post_only(post_only: bool, reject: bool) -> PostOnly:
    if not post_only:
        return PostOnly.NO
    return PostOnly.REJECT if reject else PostOnly.SLIDE


def order_number(text: str) -> int:
    """An order id's number; `ApiError` 10025 when it is none."""
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 64):
        raise ApiError(ErrorCode.INVALID_ORDER_ID, "invalid_order_id", f"{text!r} is not an order id")
    return int(text)


def place_command(gateway: Gateway, params: OrderParams, side: Side) -> PlaceOrder:
    """The command that an order's parameters mean; `ApiError` when one has no meaning."""
    if len(params.client_order_id) > MAX_CLIENT_ID:
        raise invalid_param("client_order_id", f"client_order_id has at most {MAX_CLIENT_ID} characters")
    return PlaceOrder(
        subaccount=params.subaccount_id,
        instrument=gateway.catalog.named(params.instrument_name).instrument,
        side=side,
        amount=amount_of(params.amount),
        limit_price=price_of(params.price),
        order_type=_word(OrderType, params.type, "type"),
        time_in_force=_word(TimeInForce, params.time_in_force, "time_in_force"),
        valid_until=params.valid_until,
        post_only=_post_only(params.post_only, params.reject_post_only),
        reduce_only=params.reduce_only,
        self_trade=_word(SelfTrade, params.self_trade, "self_trade"),
        max_fee=price_of(params.max_fee, "max_fee"),
        client_id=params.client_order_id,
        auth=authorization(params),
    )


def order_result(gateway: Gateway, outcome: Outcome, order: int, trades: list[TradeInfo]) -> dict[str, Any]:
    """The reply to a command that touched one order."""
    info = gateway.host.order(order)
    assert info is not None, "an order that was just touched is known"
    mine = frozenset([info.subaccount])
    sides = [side for trade in trades for side in gateway.present.user_trades(trade, mine)]
    shown = [side for side in sides if side["order_id"] == str(order)]
    return {"order": gateway.present.order(info), "trades": shown} | gateway.acknowledgement(outcome)


def _presenter(gateway: Gateway) -> Callable[[list[Applied]], Any]:
    def present(applied: list[Applied]) -> Any:
        outcome = applied[0].outcome
        return order_result(gateway, outcome, outcome.order, outcome.trades)

    return present


def _place(gateway: Gateway, params: OrderParams, side: Side) -> Submission:
    def existing(outcome: Outcome) -> Any:
        """The order that the client id names already: the same request again places nothing."""
        if outcome.code != "duplicate_client_id":
            return None
        info = gateway.host.order(outcome.order)
        if info is None:
            return None
        trades = gateway.host.user_trades(info.subaccount, HISTORY_MAX, 0)
        sides = [side for trade in trades for side in gateway.present.user_trades(trade, {info.subaccount})]
        mine = [side for side in reversed(sides) if side["order_id"] == str(info.order)]
        where = {"sequence": gateway.host.sequence, "chain_hash": hexed(gateway.host.chain_hash)}
        return {"order": gateway.present.order(info), "trades": mine, "duplicate": True} | where

    command = place_command(gateway, params, side)
    return Submission([encode_command(command)], _presenter(gateway), existing)


@method("private/buy", params=OrderParams)
def buy(gateway: Gateway, session: Session, params: OrderParams) -> Submission:
    """Place a bid."""
    return _place(gateway, params, Side.BUY)


@method("private/sell", params=OrderParams)
def sell(gateway: Gateway, session: Session, params: OrderParams) -> Submission:
    """Place an offer."""
    return _place(gateway, params, Side.SELL)


@method("public/debug_order_hash", params=DebugParams)
def debug_order_hash(gateway: Gateway, session: Session, params: DebugParams) -> dict[str, Any]:
    """Every stage of an order's hash, and whom its signature recovers to. Places nothing."""
    command = place_command(gateway, params, _word(Side, params.direction, "direction"))
    digest = gateway.domain.digest(command, gateway.catalog.names)
    assert digest is not None, "orders are signed"
    message: dict[str, str | int | bytes] = {
        "subaccount": command.subaccount,
        "instrument": params.instrument_name,
        "side": command.side.word,
        "amount": command.amount,
        "limitPrice": command.limit_price,
        "orderType": command.order_type.word,
        "timeInForce": command.time_in_force.word,
        "validUntil": command.valid_until,
        "postOnly": command.post_only.word,
        "reduceOnly": command.reduce_only,
        "selfTrade": command.self_trade.word,
        "maxFee": command.max_fee,
        "clientId": command.client_id,
        "nonce": command.auth.nonce,
        "expiry": command.auth.expiry,
        "signer": command.auth.signer,
    }
    try:
        recovered: str | None = hexed(recover(digest, command.auth.signature))
        problem = ""
    except SignatureError as error:
        recovered, problem = None, str(error)
    return {
        "type": ORDER.text,
        "type_hash": hexed(ORDER.type_hash),
        "message": message | {"signer": hexed(command.auth.signer)},
        "domain_separator": hexed(gateway.domain.separator),
        "struct_hash": hexed(ORDER.hash(*(_signed_word(value) for value in message.values()))),
        "digest": hexed(digest),
        "recovered": recovered,
        "problem": problem,
        "valid": recovered == hexed(command.auth.signer),
    }


def _signed_word(value: str | int | bytes) -> int | bytes:
    """A field as it stands in the hashed struct: texts by their hash."""
    return keccak256(value.encode()) if isinstance(value, str) else value


@method("private/edit", params=EditParams)
def edit(gateway: Gateway, session: Session, params: EditParams) -> Submission:
    """Change amount or price of a resting order; priority is kept when only the amount shrinks."""
    info = _known_order(gateway, params.order_id)
    command = ReplaceOrder(
        subaccount=info.subaccount,
        order=info.order,
        amount=amount_of(params.amount),
        limit_price=price_of(params.price),
        post_only=_post_only(params.post_only, params.reject_post_only),
        reduce_only=params.reduce_only,
        max_fee=price_of(params.max_fee, "max_fee"),
        auth=authorization(params),
    )

    def present(applied: list[Applied]) -> Any:
        return order_result(gateway, applied[0].outcome, info.order, applied[0].outcome.trades)

    return Submission([encode_command(command)], present)


def _known_order(gateway: Gateway, order_id: str) -> OrderInfo:
    info = gateway.host.order(order_number(order_id))
    if info is None:
        raise not_found(order_id)
    return info


@method("private/cancel", params=CancelParams, cancel=True)
def cancel(gateway: Gateway, session: Session, params: CancelParams) -> Submission:
    """Cancel an order: signed, or by a login."""
    info = _known_order(gateway, params.order_id)
    auth = optional_authorization(params)
    if auth is None:
        _check_order_cancel(gateway, session, info, params.order_id)
    command = CancelOrder(info.subaccount, info.order, auth)

    def present(applied: list[Applied]) -> Any:
        ended = gateway.host.order(info.order)
        assert ended is not None, "an order that was just cancelled is known"
        return gateway.present.order(ended) | gateway.acknowledgement(applied[0].outcome)

    return Submission([encode_command(command)], present)


def _check_order_cancel(gateway: Gateway, session: Session, info: OrderInfo, order_id: str) -> None:
    principal = session.require()
    if info.subaccount not in gateway.auth.subaccounts(principal):
        # Whether somebody else has such an order is nobody's business.
        raise not_found(order_id)
    gateway.auth.check_cancel(principal, info.subaccount)


def _cancel_all(
    gateway: Gateway,
    session: Session,
    params: CancelAllParams,
    instrument: int = 0,
    underlyings: tuple[int, ...] = (0,),
) -> Submission:
    auth = optional_authorization(params)
    if auth is not None:
        if params.subaccount_id is None:
            raise invalid_param("subaccount_id", "a signed cancel_all names its subaccount")
        subaccounts = [params.subaccount_id]
    else:
        principal = session.require()
        subaccounts = selected_subaccounts(gateway, session, params.subaccount_id)
        for subaccount in subaccounts:
            gateway.auth.check_cancel(principal, subaccount)
    commands = [
        CancelAll(subaccount, instrument, underlying, auth)
        for subaccount in subaccounts
        for underlying in underlyings
        if auth is not None or _fitting(gateway, subaccount, instrument, underlying)
    ]
    open_before = [
        order
        for command in commands
        for order in _fitting(gateway, command.subaccount, command.instrument, command.underlying)
    ]

    def present(applied: list[Applied]) -> dict[str, Any]:
        ended = [order for order in open_before if not _is_open(gateway, order.order)]
        outcome = max((item.outcome for item in applied), key=lambda outcome: outcome.sequence, default=None)
        where = gateway.acknowledgement(outcome) if outcome else {"sequence": gateway.host.sequence}
        return {"cancelled": len(ended), "order_ids": [str(order.order) for order in ended]} | where

    def nothing(outcome: Outcome) -> Any:
        return {"cancelled": 0, "order_ids": []} if outcome.code == "nothing_to_cancel" else None

    return Submission([encode_command(command) for command in commands], present, nothing)


def _is_open(gateway: Gateway, order: int) -> bool:
    info = gateway.host.order(order)
    return info is not None and info.open


def _fitting(gateway: Gateway, subaccount: int, instrument: int, underlying: int) -> list[OrderInfo]:
    return [
        order
        for order in gateway.host.open_orders(subaccount)
        if instrument in (0, order.instrument) and underlying in (0, gateway.catalog.spec(order.instrument).underlying)
    ]


@method("private/cancel_all", params=CancelAllParams, cancel=True)
def cancel_all(gateway: Gateway, session: Session, params: CancelAllParams) -> Submission:
    """Cancel every order of a subaccount, or of all that the login sees."""
    return _cancel_all(gateway, session, params)


@method("private/cancel_all_by_instrument", params=CancelInstrumentParams, cancel=True)
def cancel_all_by_instrument(gateway: Gateway, session: Session, params: CancelInstrumentParams) -> Submission:
    """Cancel every order of an instrument."""
    instrument = gateway.catalog.named(params.instrument_name).instrument
    return _cancel_all(gateway, session, params, instrument=instrument)


@method("private/cancel_all_by_currency", params=CancelCurrencyParams, cancel=True)
def cancel_all_by_currency(gateway: Gateway, session: Session, params: CancelCurrencyParams) -> Submission:
    """Cancel every order of an underlying; currency USDC or any is every underlying."""
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    every = underlyings == set(gateway.catalog.symbols)
    return _cancel_all(gateway, session, params, underlyings=(0,) if every else tuple(sorted(underlyings)))


@method(
    "private/get_open_orders",
    "private/get_open_orders_by_currency",
    "private/get_open_orders_by_instrument",
    params=OpenOrdersParams,
)
def get_open_orders(gateway: Gateway, session: Session, params: OpenOrdersParams) -> list[dict[str, Any]]:
    """Open orders that fit."""
    found = [
        order
        for subaccount in selected_subaccounts(gateway, session, params.subaccount_id)
        for order in gateway.host.open_orders(subaccount)
    ]
    return _select(gateway, found, params)


@method(
    "private/get_order_history_by_currency",
    "private/get_order_history_by_instrument",
    params=OpenOrdersParams,
)
def get_order_history(gateway: Gateway, session: Session, params: OpenOrdersParams) -> list[dict[str, Any]]:
    """Ended orders that fit, newest first."""
    count = max(1, min(params.count, HISTORY_MAX))
    found = [
        order
        for subaccount in selected_subaccounts(gateway, session, params.subaccount_id)
        for order in gateway.host.order_history(subaccount, HISTORY_MAX)
        if not order.open
    ]
    return _select(gateway, sorted(found, key=lambda order: -order.order), params)[:count]


def _select(gateway: Gateway, orders: list[OrderInfo], params: OpenOrdersParams) -> list[dict[str, Any]]:
    kind = kind_of(params.kind)
    underlyings = gateway.catalog.currency_underlyings(params.currency)
    wanted = None if params.type == "all" else _word(OrderType, params.type, "type")
    instrument = gateway.catalog.named(params.instrument_name).instrument if params.instrument_name else None
    shown = []
    for order in orders:
        spec = gateway.catalog.spec(order.instrument)
        if (
            (instrument is None or order.instrument == instrument)
            and spec.underlying in underlyings
            and (kind is None or spec.kind == kind)
            and (wanted is None or order.order_type == wanted)
        ):
            shown.append(gateway.present.order(order))
    return shown


@method("private/get_order_state", params=OrderIdParams)
def get_order_state(gateway: Gateway, session: Session, params: OrderIdParams) -> dict[str, Any]:
    """An order as it stands."""
    return gateway.present.order(own_order(gateway, session, params.order_id))


class ClientOrderParams(AccountParams):
    """Names an order by its client id."""

    client_order_id: str = ""


@method("private/get_order_state_by_client_order_id", params=ClientOrderParams)
def get_order_state_by_client_order_id(gateway: Gateway, session: Session, params: ClientOrderParams) -> dict[str, Any]:
    """An order by its client id: what became of a request whose reply was lost."""
    for subaccount in selected_subaccounts(gateway, session, params.subaccount_id):
        info = gateway.host.order_by_client_id(subaccount, params.client_order_id)
        if info is not None:
            return gateway.present.order(info)
    raise not_found(params.client_order_id)


def own_order(gateway: Gateway, session: Session, order_id: str) -> OrderInfo:
    """An order that the session sees; `ApiError` 10004 when there is none."""
    info = _known_order(gateway, order_id)
    if info.subaccount not in gateway.auth.subaccounts(session.require()):
        raise not_found(order_id)
    return info
