"""Cosigning: an oracle checks what another proposes against its own view, and signs only what it would have said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from synchromesh._native import lowest_butterfly, lowest_calendar
from synchromesh.clock import SECOND
from synchromesh.execution.marks.builder import MarkView
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.execution.marks.surface import MarkSlice
from synchromesh.pricing import year_fraction
from synchromesh.protocol import NANO_ONE, ExpiryInputs, MarkInputs
from synchromesh.risk.surface import Smile

PROBES = np.array([-4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0])
"""Standard deviations at which vols are compared. Between and beyond them prices are bounded by these, because a smile
without arbitrage makes them convex and falling."""


class Reason(StrEnum):
    """Why an oracle does not sign."""

    UNDERLYING = "underlying"
    """It is about another underlying than was asked for."""
    TIME = "time"
    """Its time is too far from the reviewer's clock, or not later than the last that was reviewed."""
    NO_VIEW = "no_view"
    """The reviewer has no price of its own."""
    INDEX = "index"
    """Its index is further from the reviewer's than the tolerance."""
    CONFIDENCE = "confidence"
    """It claims to be surer than the reviewer, or to have seen more sources."""
    PERPETUAL = "perpetual"
    """Its perpetual mark or funding rate is not the reviewer's."""
    EXPIRIES = "expiries"
    """Its expiries are not ahead of its time, or not those that the reviewer has a view of."""
    FORWARD = "forward"
    """A forward is further from the reviewer's than the tolerance."""
    VOL = "vol"
    """A vol is further from the reviewer's than the tolerance, or there is none."""
    ARBITRAGE = "arbitrage"
    """A smile has butterfly arbitrage, or crosses the one before."""
    SETTLEMENT = "settlement"
    """The settlement price is not the reviewer's, or another one was signed before."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reason, and the figures behind it."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a proposal may be from the reviewer's own view.

    Two honest oracles read the same sources a moment apart, and start at different times; what that makes of each
    figure is a small part of the tolerance. Whoever wants a false price through must stay within it.

    Attributes:
        time_ns: Distance from the reviewer's clock.
        index: Share of the index; also for the perpetual mark and the settlement price.
        confidence: Share of the reviewer's own half-width that must be published at least.
        sources: Sources that a proposer may have seen and the reviewer not.
        funding: Distance of the rate per eight hours.
        forward: Share of the forward, to which both half spreads are added.
        vol: Distance of a vol, 1 = 100 %, as it is for 30 days; nearer, √(30 days / T) times as much.
        vol_days: Those 30 days.
    """

    time_ns: int = 3 * SECOND
    index: float = 0.002
    confidence: float = 0.5
    sources: int = 1
    funding: float = 0.001
    forward: float = 0.003
    vol: float = 0.02
    vol_days: float = 30.0


class Reviewer:
    """Reviews proposals for one underlying, one moment after another.

    Args:
        underlying: Its id.
        tolerance: How far a proposal may be off.
        settled: Settlement prices that were signed before, micro-USDC by expiry.
    """

    def __init__(
        self, underlying: int, tolerance: Tolerance | None = None, settled: Mapping[int, int] | None = None
    ) -> None:
        self._underlying = underlying
        self._tolerance = tolerance or Tolerance()
        self._last_time = 0
        self._settled = dict(settled or {})

    def admit(self, inputs: MarkInputs, now: int) -> Refusal | None:
        """Checks what needs no view: whether the proposal is about this underlying and this moment.

        A time that was admitted is never admitted again: nobody gets two signatures for one moment.
        """
        if inputs.underlying != self._underlying:
            return Refusal(Reason.UNDERLYING, f"{inputs.underlying} is not {self._underlying}")
        if abs(inputs.time - now) > self._tolerance.time_ns:
            return Refusal(Reason.TIME, f"{(inputs.time - now) / SECOND:+.3f} s from this oracle's clock")
        if any(each.expiry <= inputs.time for each in inputs.expiries):
            return Refusal(Reason.EXPIRIES, "an expiry is not ahead of the proposal's time")
        if inputs.time <= self._last_time:
            return Refusal(Reason.TIME, f"{inputs.time} was reviewed before, or is before {self._last_time}")
        self._last_time = inputs.time
        return None

    def review(self, inputs: MarkInputs, own: MarkView) -> Refusal | None:
        """Returns why the reviewer, who sees ``own`` at the proposal's time, does not sign; None when it does."""
        assert own.time == inputs.time, "a view is compared with a proposal of its own time"
        return self._index(inputs, own) or self._perpetual(inputs, own) or self._expiries(inputs, own)

    def review_settlement(self, expiry: int, price: int, own: float) -> Refusal | None:
        """Returns why a settlement price (micro-USDC) is not signed, given the own one in USD; None when it is.

        One price per expiry is signed, never a second.
        """
        if self._settled.get(expiry, price) != price:
            return Refusal(Reason.SETTLEMENT, f"{self._settled[expiry]} was signed for expiry {expiry} before")
        if abs(price / 1e6 / own - 1) > self._tolerance.index:
            return Refusal(Reason.SETTLEMENT, f"{price / 1e6:,.2f} USD, this oracle says {own:,.2f}")
        self._settled[expiry] = price
        return None

    def _index(self, inputs: MarkInputs, own: MarkView) -> Refusal | None:
        index, tolerance = inputs.index / NANO_ONE, self._tolerance
        if abs(index / own.index.price - 1) > tolerance.index:
            return Refusal(Reason.INDEX, f"{index:,.2f} USD, this oracle says {own.index.price:,.2f}")
        if inputs.confidence < tolerance.confidence * min(own.index.confidence, 1.0) * NANO_ONE:
            return Refusal(Reason.CONFIDENCE, f"± {inputs.confidence / NANO_ONE:.5%} of ± {own.index.confidence:.5%}")
        if inputs.sources > own.index.sources + tolerance.sources:
            return Refusal(Reason.CONFIDENCE, f"{inputs.sources} sources, this oracle sees {own.index.sources}")
        return None

    def _perpetual(self, inputs: MarkInputs, own: MarkView) -> Refusal | None:
        mark, funding = inputs.perpetual_mark / NANO_ONE, inputs.funding_rate / NANO_ONE
        if abs(mark / own.perpetual.mark - 1) > self._tolerance.index:
            return Refusal(Reason.PERPETUAL, f"{mark:,.2f} USD, this oracle says {own.perpetual.mark:,.2f}")
        if abs(funding - own.perpetual.funding) > self._tolerance.funding:
            return Refusal(Reason.PERPETUAL, f"funding {funding:.6f}, this oracle says {own.perpetual.funding:.6f}")
        return None

    def _expiries(self, inputs: MarkInputs, own: MarkView) -> Refusal | None:
        if [each.expiry for each in inputs.expiries] != [each.expiry for each in own.slices]:
            return Refusal(
                Reason.EXPIRIES, f"{len(inputs.expiries)} expiries, this oracle has a view of {len(own.slices)}"
            )
        for proposed, mine in zip(inputs.expiries, own.slices, strict=True):
            refusal = self._forward(proposed, mine) or self._vol(inputs.time, proposed, mine)
            if refusal is not None:
                return refusal
        return _arbitrage(inputs)

    def _forward(self, proposed: ExpiryInputs, mine: MarkSlice) -> Refusal | None:
        forward, own = proposed.forward / NANO_ONE, mine.forward
        if proposed.rate != 0:
            return Refusal(Reason.FORWARD, f"expiry {own.expiry}: nothing is discounted here, rate {proposed.rate}")
        if abs(forward - own.price) > self._tolerance.forward * own.price + 2 * own.half:
            return Refusal(
                Reason.FORWARD, f"expiry {own.expiry}: {forward:,.2f} USD, this oracle says {own.price:,.2f}"
            )
        return None

    def _vol(self, now: int, proposed: ExpiryInputs, mine: MarkSlice) -> Refusal | None:
        smile, t = smile_of(proposed), year_fraction(now, mine.expiry)
        if smile is None:
            return Refusal(Reason.VOL, f"expiry {mine.expiry}: the parameters are no smile")
        k = PROBES * math.sqrt(max(float(mine.smile.variance(np.zeros(1))[0]), 0.0))
        if float(smile.variance(k).min()) < 0:
            return Refusal(Reason.VOL, f"expiry {mine.expiry}: a variance is negative")
        vols, own = smile.vol(k, t), mine.smile.vol(k, t)
        allowed = self._tolerance.vol * max(1.0, math.sqrt(self._tolerance.vol_days / 365 / t))
        worst = int(np.abs(vols - own).argmax())
        if abs(vols[worst] - own[worst]) > allowed:
            return Refusal(
                Reason.VOL, f"expiry {mine.expiry}: {vols[worst]:.2%} at {PROBES[worst]:+.0f} deviations, "
                f"this oracle says {own[worst]:.2%}"
            )  # fmt: skip
        return None


def _arbitrage(inputs: MarkInputs) -> Refusal | None:
    """Refuses smiles with arbitrage; an expiry inside its settlement window stands for itself, the others in a row."""
    before: Smile | None = None
    for each in inputs.expiries:
        smile = Smile.from_fixed(each.smile)
        if lowest_butterfly(smile.parameters)[0] < 0:
            return Refusal(Reason.ARBITRAGE, f"expiry {each.expiry}: the smile has butterfly arbitrage")
        if each.expiry - inputs.time <= WINDOW_NS:
            continue
        if before is not None and lowest_calendar(before.parameters, smile.parameters)[0] < 0:
            return Refusal(Reason.ARBITRAGE, f"expiry {each.expiry}: the smile crosses the one before")
        before = smile
    return None


def smile_of(inputs: ExpiryInputs) -> Smile | None:
    """Returns the smile that an expiry's inputs carry; None where pricing would refuse it."""
    raw = inputs.smile
    if raw.b < 0 or abs(raw.rho) >= NANO_ONE or raw.sigma <= 0:
        return None
    return Smile.from_fixed(raw)
