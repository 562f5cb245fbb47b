"""One oracle's view of one underlying: from what it observes to what it would sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from synchromesh.clock import DAY_NS
from synchromesh.execution.marks.errors import IndexJumpError, NoIndexError
from synchromesh.execution.marks.forward import Forward, ForwardQuotes, ForwardSource, forward_curve
from synchromesh.execution.marks.index import Index, SourcePrice, index_of, limited
from synchromesh.execution.marks.perpetual import Perpetual, PerpetualTracker
from synchromesh.execution.marks.quotes import OptionQuotes, TwoSided
from synchromesh.execution.marks.settlement import SettlementWindow, expected_settlement, share_left
from synchromesh.execution.marks.surface import MarkSlice, QuotedExpiry, SurfaceTracker
from synchromesh.protocol import NANO_ONE, ExpiryInputs, MarkInputs

CONFIDENCE_MAX = NANO_ONE
"""Widest confidence that is published: as wide as the price."""
WINDOW_KEPT = DAY_NS
"""Time after an expiry that its settlement can still be asked for, ns."""


@dataclass(frozen=True, slots=True)
class ExpiryObservation:
    """What is quoted for one expiry: options, and its future where there is one."""

    expiry: int
    options: OptionQuotes
    future: TwoSided | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What an oracle sees of one underlying at one moment.

    Attributes:
        time: Now, ns.
        sources: Index sources.
        perpetual: Quotes of the perpetual, on the own book and elsewhere.
        expiries: Every expiry that is to be marked, ascending, ahead of ``time``.
    """

    time: int
    sources: Sequence[SourcePrice]
    perpetual: Sequence[TwoSided]
    expiries: Sequence[ExpiryObservation]


@dataclass(frozen=True, slots=True)
class MarkView:
    """What an oracle would sign, before it is rounded."""

    time: int
    index: Index
    perpetual: Perpetual
    slices: tuple[MarkSlice, ...]

    def inputs(self, underlying: int) -> MarkInputs:
        """Returns the inputs in the fixed point that is signed."""
        return MarkInputs(
            underlying=underlying,
            time=self.time,
            index=round(self.index.price * NANO_ONE),
            confidence=min(round(self.index.confidence * NANO_ONE), CONFIDENCE_MAX),
            sources=self.index.sources,
            perpetual_mark=round(self.perpetual.mark * NANO_ONE),
            funding_rate=round(self.perpetual.funding * NANO_ONE),
            expiries=tuple(
                ExpiryInputs(each.expiry, round(each.forward.price * NANO_ONE), 0, each.smile.fixed())
                for each in self.slices
            ),
        )


class MarkBuilder:
    """Follows one underlying. It keeps what a mark needs of the past: last index, basis, surface, settlement windows.

    Args:
        last_index: Index of the venue's last mark in USD, None before the first.
    """

    def __init__(self, last_index: float | None = None) -> None:
        self._index = last_index
        self._perpetual = PerpetualTracker()
        self._surface = SurfaceTracker()
        self._windows: dict[int, SettlementWindow] = {}

    def window(self, expiry: int) -> SettlementWindow:
        """Returns the settlement window of an expiry, opened on the first call."""
        return self._windows.setdefault(expiry, SettlementWindow(expiry))

    def sample(self, expiry: int, time: int, sources: Sequence[SourcePrice]) -> None:
        """Takes one sample of a settlement window; nothing, where the sources give no index that a mark could have."""
        try:
            price = limited(index_of(sources, time), self._index).price
        except (NoIndexError, IndexJumpError):
            price = None
        self.window(expiry).add(time, price)

    def view(self, seen: Observation) -> MarkView:
        """Returns what this oracle would sign.

        Every due sample of a settlement window must have been taken before.

        Raises:
            OracleError: When there is no index or no surface; the view before stays the last.
        """
        index = limited(index_of(seen.sources, seen.time), self._index)
        curve = forward_curve(
            seen.time, index.price, [ForwardQuotes(each.expiry, each.options, each.future) for each in seen.expiries]
        )
        curve = {expiry: self._settling(seen.time, index.price, forward) for expiry, forward in curve.items()}
        slices = self._surface.update(
            seen.time, [QuotedExpiry(curve[each.expiry], each.options) for each in seen.expiries]
        )
        self._index = index.price
        self._windows = {at: window for at, window in self._windows.items() if at > seen.time - WINDOW_KEPT}
        perpetual = self._perpetual.update(seen.time, index.price, seen.perpetual)
        return MarkView(seen.time, index, perpetual, tuple(_relative(each, index.price) for each in slices))

    def _settling(self, now: int, index: float, forward: Forward) -> Forward:
        """The forward; inside the settlement window the expected settlement price.

        What the index will be over the rest of the half hour is the index itself: at a basis of 50 % per year it
        is three hundred-thousandths more.
        """
        left = share_left(now, forward.expiry)
        average = self.window(forward.expiry).average if left < 1 else None
        if average is None:
            return forward
        price = expected_settlement(average, index, left)
        return replace(forward, price=price, source=ForwardSource.SETTLEMENT)


def _relative(each: MarkSlice, index: float) -> MarkSlice:
    """Inside the window only the rest moves, with the index; its variance as a share of the expected price squared."""
    if each.forward.source is not ForwardSource.SETTLEMENT:
        return each
    return replace(each, smile=each.smile.scaled((index / each.forward.price) ** 2))
