"""What has to happen without anybody asking: time passes, liquidations go on, funding accrues, series are settled."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

import structlog

from synchromesh._native import OrderInfo, Outcome
from synchromesh.clock import SECOND
from synchromesh.execution.errors import ApiError
from synchromesh.execution.gateway import Gateway, encode_command
from synchromesh.protocol import (
    Clock,
    Command,
    Event,
    ExpiryFixed,
    FundingTick,
    InstrumentKind,
    MarkFault,
    Parameter,
    SettleExpired,
)

TICK_SECONDS = 0.25
"""Real seconds between looks."""
FUNDING_SECONDS = 60
"""Venue seconds between funding ticks, but never more than one a real second."""
IDLE_SECONDS = 60
"""Venue seconds in which some command is journaled, so that the chain knows what time it is here; never more than one a
real second either."""
CLOCK_LIMIT = 1_000
"""Orders that one Clock ends."""
SETTLE_LIMIT = 500
"""Orders and positions that one SettleExpired touches."""

log = structlog.get_logger()


class Housekeeper:
    """Submits the commands that are due."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._task: asyncio.Task[None] | None = None
        self._settling: set[tuple[int, int]] = set()
        self._waiting: set[str] = set()
        self._ends: list[tuple[int, int]] = []
        self._funding_due: dict[int, int] = {}
        self._sequence, self._moved = gateway.host.sequence, gateway.clock.now_ns()
        gateway.on_event = self._follow
        gateway.on_order = self._note_end
        for order in gateway.all_open_orders():
            self._note_end(order)
        for info in gateway.catalog.all():
            if info.state == "expired":
                self._settling.add((info.underlying, info.expiry))

    def start(self) -> None:
        """Start."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _follow(self, event: Event) -> None:
        if isinstance(event, ExpiryFixed):
            self._settling.add((event.underlying, event.expiry))

    def _note_end(self, order: OrderInfo) -> None:
        if order.open and order.valid_until:
            heapq.heappush(self._ends, (order.valid_until, order.order))

    async def _run(self) -> None:
        while True:
            try:
                self._look()
            except ApiError as error:
                log.warning("housekeeping waits", reason=error.reason)
            await asyncio.sleep(TICK_SECONDS)

    def _look(self) -> None:
        if self._order_ended() or self._mark_went_stale() or self._liquidation_due() or self._is_idle():
            self._submit("clock", Clock(CLOCK_LIMIT))
        self._accrue()
        for underlying, expiry in sorted(self._settling):
            self._settle(underlying, expiry)

    def _order_ended(self) -> bool:
        now = self._gateway.clock.now_ns()
        while self._ends and self._ends[0][0] <= now:
            order = self._gateway.host.order(self._ends[0][1])
            if order is not None and order.open:
                return True
            heapq.heappop(self._ends)
        return False

    def _mark_went_stale(self) -> bool:
        """Whether a market still stands on a mark that is too old by now; the next command of any kind says so."""
        catalog = self._gateway.catalog
        oldest = self._gateway.clock.now_ns() - catalog.parameters[Parameter.MARK_STALENESS]
        markets = map(catalog.underlying, catalog.symbols)
        return any(0 < info.mark_time < oldest and info.mark_fault != MarkFault.STALE_MARK.word for info in markets)

    def _liquidation_due(self) -> bool:
        """Whether a liquidation's next round is due; the marks carry it on as well, but need not come in time."""
        due = self._gateway.host.liquidation_due()
        return due is not None and due <= self._gateway.clock.now_ns()

    def _is_idle(self) -> bool:
        """Whether the last command is so old that the state on the chain would lag behind the chain's clock."""
        sequence, now = self._gateway.host.sequence, self._gateway.clock.now_ns()
        if sequence != self._sequence:
            self._sequence, self._moved = sequence, now
        return sequence > 0 and now - self._moved >= self._seconds(IDLE_SECONDS)

    def _seconds(self, seconds: int) -> int:
        """Venue seconds, but at least a real one; ns of venue time."""
        return int(max(seconds, self._gateway.clock.speed) * SECOND)

    def _accrue(self) -> None:
        now, step = self._gateway.clock.now_ns(), self._seconds(FUNDING_SECONDS)
        for underlying in self._perpetuals():
            due = self._funding_due.setdefault(underlying, now + step)
            if now >= due and self._gateway.catalog.underlying(underlying).mark_time:
                self._funding_due[underlying] = now + step
                self._submit(f"funding {underlying}", FundingTick(underlying))

    def _perpetuals(self) -> set[int]:
        return {info.underlying for info in self._gateway.catalog.specs() if info.kind == InstrumentKind.PERPETUAL}

    def _settle(self, underlying: int, expiry: int) -> None:
        key = underlying, expiry

        def settled(outcome: Outcome) -> None:
            if not outcome.ok:
                self._settling.discard(key)
                if outcome.code != "unknown_expiry":
                    log.warning("settlement refused", code=outcome.code, message=outcome.message)
            elif key in self._settling:
                self._settle(*key)

        self._submit(f"settle {key}", SettleExpired(underlying, expiry, SETTLE_LIMIT), settled)

    def _submit(self, name: str, command: Command, done: Callable[[Outcome], None] | None = None) -> None:
        if name in self._waiting:
            return

        def complete(outcome: Outcome, events: list[Event]) -> None:
            self._waiting.discard(name)
            if done:
                done(outcome)

        self._gateway.submit(encode_command(command), complete)
        self._waiting.add(name)
