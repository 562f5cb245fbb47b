"""A local order book, kept from the pushes of a book channel."""

from __future__ import annotations

from decimal import Decimal

from synchromesh.client.errors import ClientError
from synchromesh.client.types import BookUpdate


class BookGap(ClientError):
    """A push is missing: the book must start again from a snapshot."""


class LocalBook:
    """One book.

    Parameters
    ----------
    instrument_name
        Which instrument's.
    """

    def __init__(self, instrument_name: str) -> None:
        self.instrument_name = instrument_name
        self.change_id = 0
        self.ready = False
        self._bids: dict[Decimal, Decimal] = {}
        self._asks: dict[Decimal, Decimal] = {}

    def apply(self, update: BookUpdate) -> None:
        """Follow a push; `BookGap` when it does not follow the one before."""
        if update.type == "snapshot":
            self._bids.clear()
            self._asks.clear()
        elif not self.ready or update.prev_change_id != self.change_id:
            at, self.ready = self.change_id, False
            raise BookGap(f"{self.instrument_name}: change {update.prev_change_id} expected after {at}")
        for side, levels in ((self._bids, update.bids), (self._asks, update.asks)):
            for action, price, amount in levels:
                if action == "delete":
                    side.pop(price, None)
                else:
                    side[price] = amount
        self.change_id = update.change_id
        self.ready = True

    def reset(self) -> None:
        """Forget everything: the connection was lost."""
        self.ready = False

    @property
    def bids(self) -> list[tuple[Decimal, Decimal]]:
        """Bids as ``(price, amount)``, best first."""
        return sorted(self._bids.items(), reverse=True)

    @property
    def asks(self) -> list[tuple[Decimal, Decimal]]:
        """Offers as ``(price, amount)``, best first."""
        return sorted(self._asks.items())

    @property
    def best_bid(self) -> tuple[Decimal, Decimal] | None:
        """The best bid."""
        price = max(self._bids, default=None)
        return None if price is None else (price, self._bids[price])

    @property
    def best_ask(self) -> tuple[Decimal, Decimal] | None:
        """The best offer."""
        price = min(self._asks, default=None)
        return None if price is None else (price, self._asks[price])
