"""What the venue lists: kept in step with the replayed market by whoever holds the administrators' keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import structlog

from synchromesh.agents.market import MarketPath, Series
from synchromesh.client import Client, RequestRefused
from synchromesh.config import VenueDirectory
from synchromesh.operations.administration import Administrators
from synchromesh.protocol import MAX_LISTING, ListInstruments

log = structlog.get_logger(__name__)


class Listing:
    """Lists what the replayed market lists, and knows which expiries are open.

    Args:
        directory: The venue directory.
        path: The recorded market.
        client: Connected to the venue.
    """

    def __init__(self, directory: Path, path: MarketPath, client: Client) -> None:
        venue = VenueDirectory(directory)
        config = venue.read()
        self._path, self._client = path, client
        self._administrators = Administrators(venue, client)
        self._listed: dict[str, int] = {}
        self._next_instrument = 1
        self._expiries: dict[str, set[int]] = {symbol: set() for symbol in config.underlyings}

    async def recall(self) -> None:
        """Learns what is listed already; nothing of it is kept across a restart."""
        self._listed.clear()
        for expiries in self._expiries.values():
            expiries.clear()
        for line in [*await self._client.instruments(expired=True), *await self._client.instruments()]:
            self._next_instrument = max(self._next_instrument, line.instrument_id + 1)
            self._listed[line.instrument_name] = line.instrument_id
            if line.kind == "option" and line.is_active:
                self._expiries[line.base_currency].add(line.expiration_timestamp * 1_000_000)

    def expiries(self, symbol: str, now: int) -> tuple[list[int], list[int]]:
        """Returns the listed expiries that lie ahead of ``now`` and those that await their price, both ascending."""
        listed = sorted(self._expiries[symbol])
        return [expiry for expiry in listed if expiry > now], [expiry for expiry in listed if expiry <= now]

    def settled(self, symbol: str, expiry: int) -> None:
        """Notes that an expiry has its price."""
        self._expiries[symbol].discard(expiry)

    async def update(self, symbol: str, underlying: int, now: int) -> None:
        """Lists what the market lists at ``now`` and the venue does not."""
        missing = [series for series in self._path.series(symbol, now) if series.name not in self._listed]
        for start in range(0, len(missing), MAX_LISTING):
            await self._list(underlying, missing[start : start + MAX_LISTING])

    async def _list(self, underlying: int, chunk: list[Series]) -> None:
        specs = tuple(series.spec(self._next_instrument + place, underlying) for place, series in enumerate(chunk))
        try:
            await self._administrators.send(partial(ListInstruments, specs))
        except RequestRefused as refused:
            log.warning("listing_refused", error=str(refused))
            return
        self._next_instrument += len(specs)
        for series, spec in zip(chunk, specs, strict=True):
            self._listed[series.name] = spec.instrument
            if series.expiry:
                self._expiries[series.symbol].add(series.expiry)
        log.info("listed", symbol=chunk[0].symbol, instruments=len(specs))
