"""The last day's trades per instrument: high, low, volume, last price."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from synchromesh._native import Host, TradeInfo
from synchromesh.clock import SECOND

_DAY = 86_400 * SECOND
_REPLAYED_MAX = 100_000


@dataclass
class Stats:
    """Rolling figures of one instrument; prices micro-USDC, volume 1e-8 contracts, notional micro-USDC."""

    trades: deque[TradeInfo] = field(default_factory=deque)
    volume: int = 0
    notional: int = 0
    last: int | None = None

    def add(self, trade: TradeInfo) -> None:
        """Count a trade."""
        self.trades.append(trade)
        self.volume += trade.amount
        self.notional += _notional(trade)
        self.last = trade.price

    def expire(self, now: int) -> None:
        """Forget trades older than a day."""
        while self.trades and self.trades[0].time < now - _DAY:
            trade = self.trades.popleft()
            self.volume -= trade.amount
            self.notional -= _notional(trade)

    def range(self) -> tuple[int, int] | None:
        """Lowest and highest price of the day, None when nothing traded."""
        prices = [trade.price for trade in self.trades]
        return (min(prices), max(prices)) if prices else None


def _notional(trade: TradeInfo) -> int:
    return trade.price * trade.amount // 100_000_000


class Tape:
    """Rolling figures of all instruments."""

    def __init__(self, host: Host) -> None:
        self._stats: dict[int, Stats] = {}
        for trade in reversed(host.trades(0, 0, _REPLAYED_MAX, 0)):
            self.add(trade)

    def add(self, trade: TradeInfo) -> None:
        """Count a trade."""
        stats = self._stats.get(trade.instrument)
        if stats is None:
            stats = self._stats[trade.instrument] = Stats()
        stats.add(trade)

    def stats(self, instrument: int, now: int) -> Stats:
        """Figures of an instrument as of ``now``."""
        stats = self._stats.get(instrument)
        if stats is None:
            return Stats()
        stats.expire(now)
        return stats
