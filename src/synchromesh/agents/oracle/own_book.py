"""The venue's own quotes as an oracle sees them: top of book of everything listed, and how long it has stood."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import numpy as np

from synchromesh.client import Client
from synchromesh.client.types import Instrument
from synchromesh.clock import SECOND
from synchromesh.execution.marks import OptionQuotes, TwoSided

REFRESH_SECONDS = 2.0
"""Real seconds between looks at the whole chain."""


class _Top:
    """Best bid and ask of one instrument, and since when."""

    def __init__(self, bid: float, ask: float, since: int) -> None:
        self.bid, self.ask, self.since = bid, ask, since


class OwnBook:
    """Follows the top of every book of the venue.

    A quote's age counts from when it was last seen to change: one that stands while the market moves is a quote of
    the market before.

    Args:
        client: Connected to the venue.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._instruments: dict[str, Instrument] = {}
        self._tops: dict[str, _Top] = {}

    async def refresh(self) -> None:
        """Looks at the whole chain."""
        lines = await self._client.book_summaries()
        if any(line.instrument_name not in self._instruments for line in lines):
            self._instruments = {line.instrument_name: line for line in await self._client.instruments()}
        now = self._client.now_ns()
        tops = {}
        for line in lines:
            bid, ask = _price(line.bid_price), _price(line.ask_price)
            last = self._tops.get(line.instrument_name)
            unchanged = last is not None and (last.bid, last.ask) == (bid, ask)
            tops[line.instrument_name] = last if last is not None and unchanged else _Top(bid, ask, now)
        self._tops = tops

    def perpetual(self, symbol: str, time: int) -> TwoSided | None:
        """Returns the quote of the perpetual; None where there is none listed."""
        top = self._tops.get(f"{symbol}_USDC-PERPETUAL")
        return None if top is None else TwoSided(top.bid, top.ask, max(time - top.since, 0) / SECOND)

    def options(self, symbol: str, time: int) -> dict[int, OptionQuotes]:
        """Returns the quotes of options, by expiry."""
        rows: dict[int, list[tuple[float, bool, float, float, float]]] = defaultdict(list)
        for name, top in self._tops.items():
            listed = self._instruments.get(name)
            if listed is None or listed.kind != "option" or listed.base_currency != symbol:
                continue
            expiry = listed.expiration_timestamp * 1_000_000
            age = max(time - top.since, 0) / SECOND
            rows[expiry].append((float(listed.strike), listed.option_type == "call", top.bid, top.ask, age))
        return {expiry: _columns(found) for expiry, found in rows.items()}


def _price(value: Decimal | None) -> float:
    return 0.0 if value is None else float(value)


def _columns(rows: list[tuple[float, bool, float, float, float]]) -> OptionQuotes:
    strike, is_call, bid, ask, age = (np.array(column) for column in zip(*rows, strict=True))
    return OptionQuotes(strike, is_call.astype(np.bool_), bid, ask, age)
