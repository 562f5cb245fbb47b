"""The settlement window: an expiry settles on the average index of its last half hour.

With τ the window, T the time to expiry, σ the vol of the forward:

* before the window the settlement is the forward's average over a window that lies ahead, whose variance is
  ``σ²(T − τ) + σ²τ/3 = σ²(T − 2τ/3)``;
* inside, with r left, ``(τ − r)/τ`` of it is known, and what is left is ``r/τ`` times an average over r, of variance
  ``(r/τ)²·σ²·r/3``.

Both are σ²·τ/3 where they meet, with the same slope σ². The time that, multiplied by σ², gives this variance is the
*variance time*; a smile is carried from one moment to another in proportion to it.
"""

from __future__ import annotations

import math

from synchromesh._native import SETTLEMENT_WINDOW_NS
from synchromesh.clock import SECOND
from synchromesh.execution.marks.errors import NoSettlementError
from synchromesh.pricing.marks import YEAR_NS

WINDOW_NS = SETTLEMENT_WINDOW_NS
"""τ: the half hour before expiry, a constant of the protocol (deltas decay over it)."""
SAMPLE_NS = 10 * SECOND
"""The average is taken over this grid: 180 samples, each in the middle of its ten seconds."""
SAMPLES = WINDOW_NS // SAMPLE_NS
COVERAGE_MIN = 0.9
"""Share of the samples without which no price is fixed."""


def share_left(now: int, expiry: int) -> float:
    """Returns the share of the window that lies ahead: 1 before it, 0 from expiry on."""
    return min(max(expiry - now, 0) / WINDOW_NS, 1.0)


def variance_years(now: int, expiry: int) -> float:
    """Returns the variance time, years: the variance of the settlement is vol² times this.

    ``T − 2τ/3`` before the window, ``r³/(3τ²)`` inside it, 0 from expiry on.
    """
    left = max(expiry - now, 0)
    if left >= WINDOW_NS:
        return (left - 2 * WINDOW_NS / 3) / YEAR_NS
    return left * (left / WINDOW_NS) ** 2 / 3 / YEAR_NS


def expected_settlement(average: float, forward: float, left: float) -> float:
    """Returns the expectation of the settlement price inside the window.

    Args:
        average: Average of what the window has seen so far, USD.
        forward: What the index is expected to be over the rest, USD.
        left: Share of the window that lies ahead.
    """
    return average * (1 - left) + forward * left


class SettlementWindow:
    """Collects the samples of one expiry's window.

    A sample that could not be taken is left out; its time is passed over.

    Args:
        expiry: The expiry, ns.
    """

    def __init__(self, expiry: int) -> None:
        self.expiry = expiry
        self._next = 0
        self._taken = 0
        self._sum = 0.0

    def due(self, now: int) -> list[int]:
        """Returns the times of the samples that can be taken by ``now`` and were not, ascending."""
        start = self.expiry - WINDOW_NS + SAMPLE_NS // 2
        last = min((now - start) // SAMPLE_NS, SAMPLES - 1)
        return [start + place * SAMPLE_NS for place in range(self._next, last + 1)]

    def add(self, time: int, price: float | None) -> None:
        """Takes the index at one of the :meth:`due` times, in their order; None where there was none."""
        place, rest = divmod(time - (self.expiry - WINDOW_NS + SAMPLE_NS // 2), SAMPLE_NS)
        assert rest == 0, "samples lie on the grid"
        assert self._next <= place < SAMPLES, "samples come in order, inside the window"
        self._next = place + 1
        if price is not None:
            self._taken += 1
            self._sum += price

    @property
    def average(self) -> float | None:
        """Average of the samples so far, USD; None before the first one."""
        return self._sum / self._taken if self._taken else None

    def price(self) -> float:
        """Returns the settlement price, USD, rounded to a micro-USDC.

        Raises:
            NoSettlementError: When the window is not over, or too many samples are missing.
        """
        if self._taken < COVERAGE_MIN * SAMPLES:
            raise NoSettlementError(self.expiry, self._taken / SAMPLES)
        price = round(self._sum / self._taken, 6)
        assert math.isfinite(price), "indices are finite"
        return price
