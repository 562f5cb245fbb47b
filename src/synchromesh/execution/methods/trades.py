"""Trades, public and the login's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from synchromesh._native import TradeInfo
from synchromesh.execution.catalog import kind_of
from synchromesh.execution.dispatch import method
from synchromesh.execution.errors import invalid_param
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.methods.accounts import selected_subaccounts
from synchromesh.execution.methods.orders import own_order
from synchromesh.execution.present import millis
from synchromesh.execution.session import Session

COUNT_MAX = 1_000
"""Most trades that one request gets."""
_PAGE = 1_000


class TradesParams(msgspec.Struct):
    """Selects trades; times in ms, both included; ids as in ``trade_id``."""

    instrument_name: str = ""
    currency: str = "any"
    kind: str = "any"
    count: int = 10
    start_timestamp: int | None = None
    end_timestamp: int | None = None
    start_id: str = ""
    end_id: str = ""
    sorting: str = "default"
    include_old: bool = True
    historical: bool = False
    subaccount_id: int | None = None


class OrderTradesParams(msgspec.Struct):
    """Selects the trades of an order."""

    order_id: str
    sorting: str = "default"


def _id(text: str, param: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise invalid_param(param, f"{param} is a trade id")
    return int(text)


class _Selection:
    """Which trades a request wants."""

    def __init__(self, gateway: Gateway, params: TradesParams) -> None:
        if not 1 <= params.count <= COUNT_MAX:
            raise invalid_param("count", f"count is 1 to {COUNT_MAX}")
        if params.sorting not in ("default", "asc", "desc"):
            raise invalid_param("sorting", "sorting is asc, desc or default")
        self._catalog = gateway.catalog
        self._params = params
        self._kind = kind_of(params.kind)
        self._underlyings = gateway.catalog.currency_underlyings(params.currency)
        self.instrument = gateway.catalog.named(params.instrument_name).instrument if params.instrument_name else 0
        self._start, self._end = _id(params.start_id, "start_id"), _id(params.end_id, "end_id")
        # With a start the oldest come first, as the dialect has it; else the newest.
        self.oldest_first = params.start_timestamp is not None or self._start is not None

    @property
    def underlying(self) -> int:
        """The one underlying that fits, 0 when several do."""
        return next(iter(self._underlyings)) if len(self._underlyings) == 1 else 0

    def accepts(self, trade: TradeInfo) -> bool:
        """Whether the trade fits, its age apart."""
        spec = self._catalog.spec(trade.instrument)
        return (
            (not self.instrument or trade.instrument == self.instrument)
            and spec.underlying in self._underlyings
            and (self._kind is None or spec.kind == self._kind)
            and (self._params.end_timestamp is None or millis(trade.time) <= self._params.end_timestamp)
            and (self._end is None or trade.trade <= self._end)
        )

    def too_old(self, trade: TradeInfo) -> bool:
        """Whether this trade and all before it are out of the range."""
        start = self._params.start_timestamp
        return (start is not None and millis(trade.time) < start) or (
            self._start is not None and trade.trade < self._start
        )

    def pick(self, newest_first: Iterator[TradeInfo]) -> tuple[list[TradeInfo], bool]:
        """The trades to show, and whether more would fit."""
        found: list[TradeInfo] = []
        for trade in newest_first:
            if self.too_old(trade):
                break
            if self.accepts(trade):
                found.append(trade)
                if len(found) > self._params.count and not self.oldest_first:
                    break
        more = len(found) > self._params.count
        if self.oldest_first:
            found.reverse()
        found = found[: self._params.count]
        ascending = self._params.sorting == "asc" or (self._params.sorting == "default" and self.oldest_first)
        return sorted(found, key=lambda trade: trade.trade, reverse=not ascending), more


def _pages(page: Callable[[int], list[TradeInfo]]) -> Iterator[TradeInfo]:
    before = 0
    while trades := page(before):
        yield from trades
        before = trades[-1].trade


@method(
    "public/get_last_trades_by_instrument",
    "public/get_last_trades_by_instrument_and_time",
    "public/get_last_trades_by_currency",
    "public/get_last_trades_by_currency_and_time",
    params=TradesParams,
)
def get_last_trades(gateway: Gateway, session: Session, params: TradesParams) -> dict[str, Any]:
    """Trades that fit."""
    selection = _Selection(gateway, params)
    newest_first = _pages(lambda before: gateway.host.trades(selection.instrument, selection.underlying, _PAGE, before))
    trades, more = selection.pick(newest_first)
    return {"trades": [gateway.present.trade(trade) for trade in trades], "has_more": more}


@method(
    "private/get_user_trades_by_instrument",
    "private/get_user_trades_by_instrument_and_time",
    "private/get_user_trades_by_currency",
    "private/get_user_trades_by_currency_and_time",
    params=TradesParams,
)
def get_user_trades(gateway: Gateway, session: Session, params: TradesParams) -> dict[str, Any]:
    """Own trades that fit."""
    selection = _Selection(gateway, params)
    subaccounts = selected_subaccounts(gateway, session, params.subaccount_id)
    found: dict[int, TradeInfo] = {}
    more = False
    for subaccount in subaccounts:
        pages = _pages(lambda before, mine=subaccount: gateway.host.user_trades(mine, _PAGE, before))  # type: ignore[misc]
        trades, further = selection.pick(pages)
        found |= {trade.trade: trade for trade in trades}
        more = more or further
    trades, further = selection.pick(iter(sorted(found.values(), key=lambda trade: -trade.trade)))
    visible = set(subaccounts)
    shown = [side for trade in trades for side in gateway.present.user_trades(trade, visible)]
    return {"trades": shown, "has_more": more or further}


@method("private/get_user_trades_by_order", params=OrderTradesParams)
def get_user_trades_by_order(gateway: Gateway, session: Session, params: OrderTradesParams) -> list[dict[str, Any]]:
    """Fills of an order, oldest first."""
    info = own_order(gateway, session, params.order_id)
    pages = _pages(lambda before: gateway.host.user_trades(info.subaccount, _PAGE, before))
    trades = [trade for trade in pages if info.order in (trade.maker_order, trade.taker_order)]
    trades.sort(key=lambda trade: trade.trade, reverse=params.sorting == "desc")
    sides = [side for trade in trades for side in gateway.present.user_trades(trade, {info.subaccount})]
    return [side for side in sides if side["order_id"] == params.order_id]
