"""What an oracle node must remember across a restart: the settlement prices that it has signed."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

Prices = dict[int, dict[int, int]]
"""Price in micro-USDC by underlying and expiry."""


class SettlementRecord:
    """The settlement prices that a node has signed, in a file of its own.

    Two signed prices of one expiry could each find a quorum. So a price is on disk before its signature leaves, and a
    node that starts again proposes and signs the one that it signed before.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._prices: Prices = {}
        if path.exists():
            self._prices = msgspec.json.decode(path.read_bytes(), type=Prices)

    def prices(self, underlying: int) -> dict[int, int]:
        """Returns the prices signed for an underlying, by expiry."""
        return dict(self._prices.get(underlying, {}))

    def keep(self, underlying: int, expiry: int, price: int) -> None:
        """Makes a price durable; the first one that is kept for an expiry is the only one.

        Raises:
            OSError: When the disk does not take it; nothing is signed then.
        """
        known = self.prices(underlying)
        assert known.get(expiry, price) == price, "one price per expiry"
        if expiry in known:
            return
        prices = self._prices | {underlying: known | {expiry: price}}
        aside = self._path.with_suffix(".new")
        with aside.open("wb") as file:
            file.write(msgspec.json.encode(prices))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._prices = prices
