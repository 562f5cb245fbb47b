"""Channels: what each of them pushes, first and later.

A channel is shared by its subscribers and encodes each push once. A ``raw`` channel pushes with every frame of the
journal, the others gather what happened and push at their interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from synchromesh._native import LiquidationInfo, TradeInfo
from synchromesh.execution.catalog import kind_of
from synchromesh.execution.liquidation_view import liquidation_view
from synchromesh.execution.numbers import amount, price
from synchromesh.execution.present import millis
from synchromesh.execution.requests import notification
from synchromesh.execution.session import Session
from synchromesh.protocol import InstrumentKind

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

INTERVALS = {"raw": 0.0, "100ms": 0.1, "agg2": 1.0}
"""Seconds of real time between pushes."""
_WHOLE_BOOK = 1 << 20
_RUNNING_MAX = 1_000
_ACTIONS = ("new", "change", "delete")
_NEW, _CHANGE, _DELETE = range(3)

Level = tuple[int, int, int, int]
"""Side, action, price (micro-USDC), amount (1e-8)."""


class Channel:
    """A stream that sessions subscribe to.

    Parameters
    ----------
    gateway
        Where the data comes from.
    name
        The channel's name.
    interval
        One of `INTERVALS`.
    """

    def __init__(self, gateway: Gateway, name: str, interval: str) -> None:
        self.gateway = gateway
        self.name = name
        self.interval = interval
        self.sessions: set[Session] = set()

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the present state, if the channel has one."""
        self.sessions.add(session)
        first = self.snapshot()
        if first is not None:
            self.push([session], first)

    def leave(self, session: Session) -> None:
        """Drop a subscriber."""
        self.sessions.discard(session)

    def snapshot(self) -> Any:
        """What a new subscriber gets first; None for nothing."""
        return None

    def flush(self) -> None:
        """Push what was gathered."""

    def push(self, sessions: Iterable[Session], data: Any) -> None:
        """Send ``data`` to some of the subscribers."""
        self.send(sessions, notification(self.name, data))

    def send(self, sessions: Iterable[Session], encoded: bytes) -> None:
        """Send a push to some of the subscribers."""
        for session in list(sessions):
            if session.open and session.send is not None:
                session.send(encoded)


class BookChannel(Channel):
    """Level changes of a book: a snapshot, then changes whose ``prev_change_id`` is the ``change_id`` before."""

    def __init__(self, gateway: Gateway, name: str, interval: str, instrument: int) -> None:
        super().__init__(gateway, name, interval)
        self.instrument = instrument
        self._instrument_name = gateway.catalog.spec(instrument).name
        # A snapshot may be ahead of the changes drained so far: each subscriber skips those it has.
        self._at: dict[Session, int] = {}
        self._gathered: list[tuple[int, list[Level]]] = []

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the whole book."""
        change, bids, asks = self.gateway.host.book(self.instrument, _WHOLE_BOOK)
        self.sessions.add(session)
        self._at[session] = change
        body = self._body("snapshot", change)
        body["bids"] = [["new", price(at), amount(size)] for at, size in bids]
        body["asks"] = [["new", price(at), amount(size)] for at, size in asks]
        self.push([session], body)

    def leave(self, session: Session) -> None:
        """Drop a subscriber."""
        super().leave(session)
        self._at.pop(session, None)

    def changed(self, change: int, levels: list[Level]) -> None:
        """Gather what one frame changed."""
        self._gathered.append((change, levels))

    def flush(self) -> None:
        """Push the changes that each subscriber lacks, merged."""
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        groups: dict[int, list[Session]] = {}
        for session, at in self._at.items():
            groups.setdefault(at, []).append(session)
        last = gathered[-1][0]
        for at, sessions in groups.items():
            if at >= last:
                continue
            levels = merge([levels for change, levels in gathered if change > at])
            body = self._body("change", last)
            body["prev_change_id"] = at
            for side, name in enumerate(("bids", "asks")):
                body[name] = [[_ACTIONS[action], price(p), amount(size)] for s, action, p, size in levels if s == side]
            for session in sessions:
                self._at[session] = last
            self.push(sessions, body)

    def _body(self, kind: str, change: int) -> dict[str, Any]:
        return {
            "type": kind,
            "timestamp": millis(self.gateway.clock.now_ns()),
            "instrument_name": self._instrument_name,
            "change_id": change,
        }


def merge(frames: Sequence[list[Level]]) -> list[Level]:
    """The net effect of several frames' level changes, one entry per level."""
    if len(frames) == 1:
        return frames[0]
    first: dict[tuple[int, int], int] = {}
    last: dict[tuple[int, int], tuple[int, int]] = {}
    for levels in frames:
        for side, action, at, size in levels:
            first.setdefault((side, at), action)
            last[side, at] = (action, size)
    merged = []
    for (side, at), (action, size) in last.items():
        existed, exists = first[side, at] != _NEW, action != _DELETE
        if existed or exists:
            net = _DELETE if not exists else _CHANGE if existed else _NEW
            merged.append((side, net, at, size))
    return merged


class InstrumentChannel(Channel):
    """The present state of one instrument, pushed whole whenever it was touched."""

    def __init__(self, gateway: Gateway, name: str, interval: str, instrument: int) -> None:
        super().__init__(gateway, name, interval)
        self.instrument = instrument
        self.underlying = gateway.catalog.spec(instrument).underlying

    def flush(self) -> None:
        """Push the state."""
        self.push(self.sessions, self.snapshot())


class TickerChannel(InstrumentChannel):
    """``ticker.{instrument}.{interval}``."""

    def snapshot(self) -> Any:
        """The ticker."""
        info = self.gateway.host.instrument(self.instrument)
        assert info is not None, "listed instruments stay known"
        return self.gateway.present.ticker(info, self.gateway.clock.now_ns())


class QuoteChannel(InstrumentChannel):
    """``quote.{instrument}``."""

    def snapshot(self) -> Any:
        """Best bid and offer."""
        return self.gateway.present.quote(self.gateway.catalog.spec(self.instrument), self.gateway.clock.now_ns())


class DepthChannel(InstrumentChannel):
    """``book.{instrument}.none.{depth}.{interval}``: the best levels, whole."""

    def __init__(self, gateway: Gateway, name: str, interval: str, instrument: int, depth: int) -> None:
        super().__init__(gateway, name, interval, instrument)
        self._depth = depth

    def snapshot(self) -> Any:
        """The best levels."""
        change, bids, asks = self.gateway.host.book(self.instrument, self._depth)
        return {
            "timestamp": millis(self.gateway.clock.now_ns()),
            "instrument_name": self.gateway.catalog.spec(self.instrument).name,
            "change_id": change,
            "bids": [[price(at), amount(size)] for at, size in bids],
            "asks": [[price(at), amount(size)] for at, size in asks],
        }


class Filter:
    """Which instruments a channel is about: one, or a kind and a currency."""

    def __init__(self, gateway: Gateway, words: Sequence[str]) -> None:
        self._catalog = gateway.catalog
        self.instrument: int | None = None
        self._kind: InstrumentKind | None = None
        self._underlyings: set[int] = set()
        if len(words) == 1:
            self.instrument = gateway.catalog.named(words[0]).instrument
        else:
            self._kind = kind_of(words[0])
            self._underlyings = gateway.catalog.currency_underlyings(words[1])

    def accepts(self, instrument: int) -> bool:
        """Whether the instrument is one of them."""
        if self.instrument is not None:
            return instrument == self.instrument
        spec = self._catalog.spec(instrument)
        return spec.underlying in self._underlyings and (self._kind is None or spec.kind == self._kind)


class TradesChannel(Channel):
    """``trades.{instrument}.{interval}`` and ``trades.{kind}.{currency}.{interval}``."""

    def __init__(self, gateway: Gateway, name: str, interval: str, selected: Filter) -> None:
        super().__init__(gateway, name, interval)
        self._selected = selected
        self._gathered: list[dict[str, Any]] = []

    def traded(self, trades: Sequence[TradeInfo]) -> bool:
        """Gather trades; whether one of them is this channel's."""
        mine = [self.gateway.present.trade(trade) for trade in trades if self._selected.accepts(trade.instrument)]
        self._gathered += mine
        return bool(mine)

    def flush(self) -> None:
        """Push the trades since the last push."""
        gathered, self._gathered = self._gathered, []
        if gathered:
            self.push(self.sessions, gathered)


class PriceIndexChannel(Channel):
    """``deribit_price_index.{index}``."""

    def __init__(self, gateway: Gateway, name: str, underlying: int) -> None:
        super().__init__(gateway, name, "raw")
        self.underlying = underlying

    def snapshot(self) -> Any:
        """The index; None before the first mark."""
        info = self.gateway.catalog.underlying(self.underlying)
        return self.gateway.present.index(info) if info.mark_time else None

    def flush(self) -> None:
        """Push the index."""
        self.push(self.sessions, self.snapshot())


class MarkPricesChannel(PriceIndexChannel):
    """``markprice.options.{index}``: the whole chain in one push."""

    def snapshot(self) -> Any:
        """Marks of all live options."""
        return self.gateway.present.mark_prices(self.underlying)


class LiquidationsChannel(Channel):
    """``liquidations.{currency}``: whole public records, first of the running ones, then of each that something
    happened in."""

    def __init__(self, gateway: Gateway, name: str, underlyings: set[int]) -> None:
        super().__init__(gateway, name, "raw")
        self._underlyings = underlyings
        self._touched: dict[int, None] = {}

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the running liquidations."""
        self.sessions.add(session)
        for info in reversed(self.gateway.host.liquidations(0, None, True, 0, _RUNNING_MAX)):
            self._tell([session], info)

    def touched(self, liquidation: int) -> None:
        """Gather a liquidation in which something happened."""
        self._touched[liquidation] = None

    def flush(self) -> None:
        """Push the records that changed."""
        touched, self._touched = self._touched, {}
        for liquidation in touched:
            info = self.gateway.host.liquidation(liquidation)
            if info is not None:
                self._tell(self.sessions, info)

    def _tell(self, sessions: Iterable[Session], info: LiquidationInfo) -> None:
        # A liquidation that no mark caused is shown to everybody.
        if info.underlying in self._underlyings or not info.underlying:
            self.push(sessions, liquidation_view(self.gateway, info))


class RiskChannel(Channel):
    """``risk``: reports of the risk monitor, first the last one."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        super().__init__(gateway, name, "raw")

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the last report."""
        self.sessions.add(session)
        self._tell([session])

    def flush(self) -> None:
        """Push the last report."""
        self._tell(self.sessions)

    def _tell(self, sessions: Iterable[Session]) -> None:
        if self.gateway.risk_report is not None:
            self.push(sessions, self.gateway.risk_report)


class PlatformStateChannel(Channel):
    """``platform_state``: what each underlying accepts, first of all of them, then of those that changed."""

    def __init__(self, gateway: Gateway, name: str) -> None:
        super().__init__(gateway, name, "raw")
        self._changed: dict[int, None] = {}

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the state of every underlying."""
        self.sessions.add(session)
        for underlying in self.gateway.catalog.symbols:
            self._tell([session], underlying)

    def changed(self, underlying: int) -> None:
        """Gather an underlying whose state changed."""
        self._changed[underlying] = None

    def flush(self) -> None:
        """Push the states that changed."""
        changed, self._changed = self._changed, {}
        for underlying in changed:
            self._tell(self.sessions, underlying)

    def _tell(self, sessions: Iterable[Session], underlying: int) -> None:
        now = self.gateway.clock.now_ns()
        self.push(sessions, self.gateway.present.platform_state(self.gateway.catalog.underlying(underlying), now))
