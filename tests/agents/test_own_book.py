"""The venue's own quotes as an oracle sees them: what stands grows old, what moves is fresh."""

from __future__ import annotations

from decimal import Decimal

from synchromesh.agents.oracle.own_book import OwnBook
from synchromesh.client.types import BookSummary, Instrument
from synchromesh.clock import SECOND

EXPIRY_MS = 1_770_364_800_000
CALL, PUT, PERPETUAL = "BTC_USDC-6FEB26-70000-C", "BTC_USDC-6FEB26-70000-P", "BTC_USDC-PERPETUAL"


def instrument(name: str) -> Instrument:
    kind = "perpetual" if name == PERPETUAL else "option"
    one = Decimal(1)
    fields = (1, name, kind, "BTC", "USDC", True, "open", one, one, one, one, EXPIRY_MS)
    return Instrument(*fields, option_type="put" if name == PUT else "call", strike=Decimal(70_000))


class Venue:
    """The client's part of a venue."""

    def __init__(self) -> None:
        self.now = 1_770_192_000 * SECOND
        self.asked = 0
        self.quotes = {CALL: (1_500, 1_520), PUT: (1_400, 0), PERPETUAL: (69_990, 70_010)}

    def now_ns(self) -> int:
        return self.now

    async def instruments(self) -> list[Instrument]:
        self.asked += 1
        return [instrument(name) for name in self.quotes]

    async def book_summaries(self) -> list[BookSummary]:
        return [
            BookSummary(name, *(Decimal(0),) * 3, *(Decimal(price) if price else None for price in sides))
            for name, sides in self.quotes.items()
        ]


async def test_a_quote_is_as_old_as_its_last_change() -> None:
    venue = Venue()
    book = OwnBook(venue)  # type: ignore[arg-type]
    start = venue.now
    assert book.perpetual("BTC", start) is None
    assert book.options("BTC", start) == {}
    await book.refresh()
    venue.now += 5 * SECOND
    venue.quotes[CALL] = (1_501, 1_520)
    await book.refresh()
    assert venue.asked == 1, "instruments are asked for once, until there are new ones"
    now = start + 7 * SECOND
    perpetual = book.perpetual("BTC", now)
    assert perpetual is not None
    assert (perpetual.bid, perpetual.ask, perpetual.age) == (69_990, 70_010, 7)
    [(expiry, options)] = book.options("BTC", now).items()
    assert expiry == EXPIRY_MS * 1_000_000
    rows = sorted(zip(*(column.tolist() for column in options.columns), strict=True))
    assert rows == [(70_000, False, 1_400, 0, 7), (70_000, True, 1_501, 1_520, 2)]
    assert book.options("ETH", now) == {}
