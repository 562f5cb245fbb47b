"""Tokens that earn: collateral priced as another asset times a rate that grows. They have an index and no series."""

from __future__ import annotations

from dataclasses import dataclass

YEAR_NS = 365 * 86_400 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class YieldToken:
    """A token that holds another asset and keeps what it yields.

    Attributes:
        base: Symbol of what it holds.
        rate: Units of it that a token holds at the start.
        growth: By how much that grows in a year, 1 = 100 %.
    """

    base: str
    rate: float
    growth: float

    def price(self, base_price: float, elapsed_ns: int) -> float:
        """Returns the token's price in the currency of ``base_price``, ``elapsed_ns`` after the start."""
        return base_price * self.rate * (1 + self.growth * elapsed_ns / YEAR_NS)


YIELD_TOKENS = {"WSTETH": YieldToken("ETH", 1.22, 0.03)}
"""What the local venue takes beside the underlyings that it trades; rate and growth are near the real token's."""
