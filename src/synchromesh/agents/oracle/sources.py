"""What one oracle node sees of the replayed market.

There are no exchanges behind a replay. Its index sources are five streams made from the one recorded index, and called
*replayed sources*: each strays by its own few hundredths of a per cent and lags by its own part of a second, and each
node hears them a little later than the next. All of it follows from names and time, so that a run can be repeated.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from synchromesh.agents.market import ExpiryQuotes, MarketPath
from synchromesh.clock import SECOND
from synchromesh.execution.marks import OptionQuotes, SourcePrice, TwoSided

SOURCES = ("replayed-a", "replayed-b", "replayed-c", "replayed-d", "replayed-e")
"""Index sources."""
DEVIATION = 2e-4
"""Largest deviation of a source, share of the price."""
PERIOD_SECONDS = (90.0, 400.0)
"""Shortest and longest period of a source's deviation."""
LAG_SECONDS = 2.0
"""Longest lag of a source."""
NODE_LAG_SECONDS = 0.3
"""Longest time that a node hears everything later."""


class ReplayedSources:
    """The replayed market as one node sees it.

    Args:
        path: The recorded market.
        node: Which node.
        skew: Share by which this node's prices are off, to show what the others make of a node that lies.
    """

    def __init__(self, path: MarketPath, node: int, skew: float = 0.0) -> None:
        self._path = path
        self._late = round(_share("node", str(node)) * NODE_LAG_SECONDS * SECOND)
        self._factor = 1 + skew

    def index(self, symbol: str, time: int) -> list[SourcePrice]:
        """Returns what the index sources say at ``time``, which may be past."""
        return [self._source(symbol, source, time) for source in SOURCES]

    def _source(self, symbol: str, source: str, time: int) -> SourcePrice:
        at = time - self._late - round(_share(source, "lag") * LAG_SECONDS * SECOND)
        shortest, longest = PERIOD_SECONDS
        period = shortest + (longest - shortest) * _share(source, symbol, "period")
        turns = at / SECOND / period + _share(source, symbol, "phase")
        deviation = DEVIATION * math.sin(2 * math.pi * (turns % 1.0))
        return SourcePrice(source, self._path.index(symbol, at) * (1 + deviation) * self._factor, at)

    def perpetual(self, symbol: str, time: int) -> TwoSided | None:
        """Returns the replayed quote of the perpetual; None where there is none."""
        quote = self._path.perpetual_quote(symbol, time - self._late)
        if quote is None:
            return None
        return TwoSided(quote.bid * self._factor, quote.ask * self._factor, self._late / SECOND)

    def options(self, symbol: str, time: int) -> dict[int, OptionQuotes]:
        """Returns the replayed quotes of options, by expiry."""
        return {each.expiry: self._columns(each) for each in self._path.option_quotes(symbol, time - self._late)}

    def _columns(self, quotes: ExpiryQuotes) -> OptionQuotes:
        age = np.full(len(quotes.strike), self._late / SECOND)
        return OptionQuotes(quotes.strike, quotes.is_call, quotes.bid * self._factor, quotes.ask * self._factor, age)


def _share(*words: str) -> float:
    """A number in [0, 1) that follows from the words."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:6], "big") / (1 << 48)
