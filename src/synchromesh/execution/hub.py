"""Who listens to what: routes everything that became durable to the channels it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from synchromesh._native import Update
from synchromesh.execution.chains import ChainChannel, GreeksChannel
from synchromesh.execution.channels import (
    INTERVALS,
    BookChannel,
    Channel,
    InstrumentChannel,
    LiquidationsChannel,
    PlatformStateChannel,
    PriceIndexChannel,
    RiskChannel,
    TradesChannel,
)
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.opening import open_channel
from synchromesh.execution.session import Session
from synchromesh.execution.user_channels import (
    MarginCallsChannel,
    PortfolioChannel,
    UserChannel,
    UserOrdersChannel,
    UserTradesChannel,
)
from synchromesh.protocol import Event, MarginCall, MarketStatusChanged

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

CATCH_UP = "100ms"
"""The tick at which readers of raw chains who were behind are led to the present."""

Key = tuple[str, Session | None]
"""A channel's name, and its session when the channel is that session's own."""


class Hub:
    """The channels that have subscribers."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._channels: dict[Key, Channel] = {}
        self._books: dict[int, set[BookChannel]] = {}
        self._instruments: dict[int, set[InstrumentChannel]] = {}
        self._trades: set[TradesChannel] = set()
        self._indices: set[PriceIndexChannel | GreeksChannel] = set()
        self._chains: dict[int, set[ChainChannel]] = {}
        self._states: set[PlatformStateChannel] = set()
        self._liquidations: set[LiquidationsChannel] = set()
        self._risk: set[RiskChannel] = set()
        self._users: set[UserChannel] = set()
        # Insertion order, so that pushes are in the order of what caused them.
        self._dirty: dict[str, dict[Channel, None]] = {interval: {} for interval in INTERVALS}
        self._timers: list[asyncio.TimerHandle] = []
        self._running = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the timers of the gathering channels."""
        self._running = True
        for interval, seconds in INTERVALS.items():
            if seconds:
                self._tick(loop, interval, seconds)()

    def _tick(self, loop: asyncio.AbstractEventLoop, interval: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            if self._running:
                if interval == CATCH_UP:
                    self._gateway.catch_up()
                self._flush(interval)
                loop.call_later(seconds, run)

        return run

    def stop(self) -> None:
        """Stop the timers."""
        self._running = False

    # Subscriptions

    def subscribe(self, session: Session, names: list[str]) -> list[str]:
        """Subscribe a session; the channels that it now has of those named. `ApiError` subscribes to none of them."""
        limit = self._gateway.config.limits.subscriptions
        wanted = [name for name in dict.fromkeys(names) if name not in session.subscriptions]
        if len(session.subscriptions) + len(wanted) > limit:
            raise ApiError(ErrorCode.SUBSCRIBE_ERROR, "too_many_channels", f"a connection has at most {limit} channels")
        opened = [self._find(session, name) or open_channel(self._gateway, name, session) for name in wanted]
        for name, channel in zip(wanted, opened, strict=True):
            self._register(session, channel)
            session.subscriptions.add(name)
            channel.join(session)
        return list(dict.fromkeys(names))

    def unsubscribe(self, session: Session, names: list[str]) -> list[str]:
        """End some of a session's subscriptions; those that it had."""
        had = [name for name in dict.fromkeys(names) if name in session.subscriptions]
        for name in had:
            session.subscriptions.discard(name)
            channel = self._find(session, name)
            assert channel is not None, "a subscription has a channel"
            channel.leave(session)
            if not channel.sessions:
                self._unregister(session, channel)
        return had

    def drop(self, session: Session) -> None:
        """End all of a session's subscriptions."""
        self.unsubscribe(session, list(session.subscriptions))

    def _key(self, session: Session, name: str) -> Key:
        return name, session if name.startswith("user.") else None

    def _find(self, session: Session, name: str) -> Channel | None:
        return self._channels.get(self._key(session, name))

    def _register(self, session: Session, channel: Channel) -> None:
        key = self._key(session, channel.name)
        if key in self._channels:
            return
        self._channels[key] = channel
        if isinstance(channel, BookChannel):
            self._books.setdefault(channel.instrument, set()).add(channel)
        elif isinstance(channel, InstrumentChannel):
            self._instruments.setdefault(channel.instrument, set()).add(channel)
        elif isinstance(channel, TradesChannel):
            self._trades.add(channel)
        elif isinstance(channel, PriceIndexChannel | GreeksChannel):
            self._indices.add(channel)
        elif isinstance(channel, ChainChannel):
            self._chains.setdefault(channel.underlying, set()).add(channel)
        elif isinstance(channel, PlatformStateChannel):
            self._states.add(channel)
        elif isinstance(channel, LiquidationsChannel):
            self._liquidations.add(channel)
        elif isinstance(channel, RiskChannel):
            self._risk.add(channel)
        elif isinstance(channel, UserChannel):
            self._users.add(channel)

    def _unregister(self, session: Session, channel: Channel) -> None:
        del self._channels[self._key(session, channel.name)]
        self._dirty[channel.interval].pop(channel, None)
        if isinstance(channel, BookChannel):
            self._books[channel.instrument].discard(channel)
        elif isinstance(channel, InstrumentChannel):
            self._instruments[channel.instrument].discard(channel)
        elif isinstance(channel, TradesChannel):
            self._trades.discard(channel)
        elif isinstance(channel, PriceIndexChannel | GreeksChannel):
            self._indices.discard(channel)
        elif isinstance(channel, ChainChannel):
            self._chains[channel.underlying].discard(channel)
        elif isinstance(channel, PlatformStateChannel):
            self._states.discard(channel)
        elif isinstance(channel, LiquidationsChannel):
            self._liquidations.discard(channel)
        elif isinstance(channel, RiskChannel):
            self._risk.discard(channel)
        elif isinstance(channel, UserChannel):
            self._users.discard(channel)

    # Publishing

    def postpone(self, channel: Channel) -> None:
        """Flush a channel at the next tick again: not all of its readers could take what there is."""
        self._mark(channel)

    def publish(self, update: Update, events: dict[int, list[Event]]) -> None:
        """Route what became durable; raw channels push at once."""
        if not self._channels:
            return
        for underlying in update.chains:
            for chain in self._chains.get(underlying, ()):
                self._mark(chain)
        for instrument, _, change, levels in update.books:
            for book in self._books.get(instrument, ()):
                book.changed(change, levels)
                self._mark(book)
            self._touch(instrument)
        for trade in update.trades:
            self._touch(trade.instrument)
        if update.trades:
            for trades in self._trades:
                if trades.traded(update.trades):
                    self._mark(trades)
        self._publish_marks(update)
        self._publish_states(events)
        self._publish_liquidations(events)
        self._publish_margin_calls(events)
        self._publish_users(update)
        self._flush("raw")

    def _publish_marks(self, update: Update) -> None:
        for underlying in update.underlyings:
            for index in self._indices:
                if index.underlying == underlying:
                    self._mark(index)
            for channels in self._instruments.values():
                for channel in channels:
                    if channel.underlying == underlying:
                        self._mark(channel)
            for user in self._users:
                if isinstance(user, PortfolioChannel) and user.marked(underlying):
                    self._mark(user)

    def publish_risk(self) -> None:
        """Push the risk monitor's report to those who follow it."""
        for channel in self._risk:
            channel.flush()

    def _publish_states(self, events: dict[int, list[Event]]) -> None:
        if not self._states:
            return
        changed = [event for event in _all(events) if isinstance(event, MarketStatusChanged)]
        for event in changed:
            for channel in self._states:
                channel.changed(event.underlying)
                self._mark(channel)

    def _publish_liquidations(self, events: dict[int, list[Event]]) -> None:
        if not self._liquidations:
            return
        for event in _all(events):
            liquidation = getattr(event, "liquidation", None)
            if liquidation is not None:
                for channel in self._liquidations:
                    channel.touched(liquidation)
                    self._mark(channel)

    def _publish_margin_calls(self, events: dict[int, list[Event]]) -> None:
        listeners = [channel for channel in self._users if isinstance(channel, MarginCallsChannel)]
        if not listeners:
            return
        calls = [event for event in _all(events) if isinstance(event, MarginCall)]
        for channel in listeners if calls else ():
            if channel.called(calls, channel.visible()):
                self._mark(channel)

    def _publish_users(self, update: Update) -> None:
        if not self._users:
            return
        touched_accounts = {order.subaccount for order in update.orders} | set(update.subaccounts)
        for trade in update.trades:
            touched_accounts |= {trade.maker_subaccount, trade.taker_subaccount}
        owners = {self._gateway.catalog.owner(subaccount) for subaccount in touched_accounts}
        for channel in self._users:
            if channel.principal.owner not in owners or isinstance(channel, MarginCallsChannel):
                continue
            visible = channel.visible()
            if isinstance(channel, UserOrdersChannel):
                touched = channel.touched(update.orders, visible)
            elif isinstance(channel, UserTradesChannel):
                touched = channel.traded(update.trades, visible)
            else:
                assert isinstance(channel, PortfolioChannel), "there are four user channels"
                touched = channel.touched(update.subaccounts, visible)
            if touched:
                self._mark(channel)

    def _touch(self, instrument: int) -> None:
        for channel in self._instruments.get(instrument, ()):
            self._mark(channel)

    def _mark(self, channel: Channel) -> None:
        self._dirty[channel.interval][channel] = None

    def _flush(self, interval: str) -> None:
        dirty, self._dirty[interval] = self._dirty[interval], {}
        for channel in dirty:
            channel.flush()


def _all(events: dict[int, list[Event]]) -> Iterator[Event]:
    for found in events.values():
        yield from found
