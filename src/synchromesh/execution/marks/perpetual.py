"""The perpetual's mark and its funding: the index plus what the perpetual trades above it, slowly."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from synchromesh.clock import SECOND
from synchromesh.execution.marks.quotes import TwoSided

BASIS_SECONDS = 30.0
"""Time constant of the basis: a few seconds of quotes at any price hardly move the mark."""
BASIS_MAX = 0.005
"""Band of the basis around the index, share of it: nobody is liquidated on a perpetual that has left its index."""
FUNDING_WINDOW = 3_600 * SECOND
"""The premium is averaged over the last hour."""
FUNDING_MAX = 0.005
"""Most funding either way, share of the perpetual's value per eight hours."""
SAMPLES_MAX = 8_192
"""Premia that are kept; at one a second an hour has 3,600."""


@dataclass(frozen=True, slots=True)
class Perpetual:
    """A perpetual's mark.

    Attributes:
        mark: USD.
        funding: Rate per eight hours; longs pay it where it is positive.
    """

    mark: float
    funding: float


class PerpetualTracker:
    """Follows the basis and the premium of one perpetual.

    basis ← basis + (1 − e^(−Δt/30 s))·(observed − basis), the observed basis clamped to ± ``BASIS_MAX``;
    mark = index·(1 + basis); funding = the time-weighted mean of mark/index − 1 over ``FUNDING_WINDOW``, clamped to
    ± ``FUNDING_MAX``.
    """

    def __init__(self) -> None:
        self._time: int | None = None
        self._basis: float | None = None
        self._premia: deque[tuple[int, float]] = deque(maxlen=SAMPLES_MAX)

    def update(self, time: int, index: float, quotes: Sequence[TwoSided]) -> Perpetual:
        """Returns mark and funding at ``time``, later than the last.

        Args:
            time: Now, ns.
            index: The index, USD.
            quotes: Bid and ask of the perpetual, on the own book and elsewhere; without any the basis stays.
        """
        assert self._time is None or time > self._time, "time goes on"
        observed = _basis(index, quotes)
        if observed is not None:
            if self._basis is None or self._time is None:
                self._basis = observed
            else:
                share = 1 - math.exp(-(time - self._time) / SECOND / BASIS_SECONDS)
                self._basis += share * (observed - self._basis)
        self._time = time
        basis = self._basis or 0.0
        self._premia.append((time, basis))
        return Perpetual(index * (1 + basis), min(max(self._mean_premium(), -FUNDING_MAX), FUNDING_MAX))

    def _mean_premium(self) -> float:
        """Time-weighted mean over the window; a premium stands until the next one."""
        now, latest = self._premia[-1]
        begin = now - FUNDING_WINDOW
        while len(self._premia) > 1 and self._premia[1][0] <= begin:
            self._premia.popleft()
        held = list(self._premia)
        spans = [(later[0] - max(at, begin), premium) for (at, premium), later in pairwise(held)]
        total = sum(span for span, _ in spans)
        return sum(span * premium for span, premium in spans) / total if total else latest


def _basis(index: float, quotes: Sequence[TwoSided]) -> float | None:
    """The quotes' mid over the index, tight ones first, in the band; None without a sound quote."""
    sound = [quote for quote in quotes if quote.is_sound]
    if not sound:
        return None
    weights = [quote.weight / max(quote.half, index * 1e-6) ** 2 for quote in sound]
    mid = sum(quote.mid * weight for quote, weight in zip(sound, weights, strict=True)) / sum(weights)
    return min(max(mid / index - 1, -BASIS_MAX), BASIS_MAX)
