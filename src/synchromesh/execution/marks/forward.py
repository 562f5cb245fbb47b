"""Forwards: per expiry from its future and from put-call parity; where there is neither, from its neighbours' basis."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from synchromesh.execution.marks.quotes import (
    AGE_MAX_SECONDS,
    BoolArray,
    FloatArray,
    OptionQuotes,
    TwoSided,
    age_weights,
)
from synchromesh.pricing import year_fraction

PARITY_STRIKES = 6
"""Strikes that parity is read from, the tightest: further ones are in or out of the money, and wide."""
PARITY_OUTLIER = 2.0
"""A strike that is this many of its own half spreads off the median of the others is no quote but a mistake."""
HALF_MIN = 1e-5
"""Half spread below which a tighter quote says no more, share of the forward: below the tick of what is quoted."""
BASIS_LEAST = 0.02
"""Distance of a forward from the index that is believed at any time to expiry, share of the index."""
BASIS_PER_YEAR = 0.5
"""What is believed on top, per year to expiry."""


class ForwardSource(StrEnum):
    """What a forward was made from."""

    FUTURE = "future"
    """The mid of the expiry's future."""
    PARITY = "parity"
    """Put-call parity at its tightest strikes."""
    BOTH = "both"
    """Future and parity, weighted by their spreads."""
    INTERPOLATED = "interpolated"
    """The basis of its neighbours: no quotes of its own that are believed."""
    SETTLEMENT = "settlement"
    """Inside the settlement window: the average so far and the index for the rest."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The forward of one expiry: price in USD, half the spread of what it was made from in USD, and what that was."""

    expiry: int
    price: float
    half: float
    source: ForwardSource


@dataclass(frozen=True, slots=True)
class ForwardQuotes:
    """What says something about the forward of one expiry."""

    expiry: int
    options: OptionQuotes
    future: TwoSided | None = None


def parity(options: OptionQuotes) -> TwoSided | None:
    """Returns the forward that put-call parity implies, as mid and spread; None without a strike that has both.

    At each strike ``K + call − put`` lies between ``K + call bid − put ask`` and ``K + call ask − put bid``. The
    ``PARITY_STRIKES`` tightest of these count by the inverse square of their spread, but for outliers. Nothing is
    discounted, as in all prices here. Of several quotes of an option the first one counts.
    """
    sound = (options.bid > 0) & (options.ask > options.bid) & np.isfinite(options.ask)
    sound &= options.age <= AGE_MAX_SECONDS
    strike, call = _columns(options, sound & options.is_call)
    put_strike, put = _columns(options, sound & ~options.is_call)
    strike, at_call, at_put = np.intersect1d(strike, put_strike, return_indices=True)
    if not len(strike):
        return None
    call, put = call[:, at_call], put[:, at_put]
    mids, halves = strike + call[0] - put[0], call[1] + put[1]
    fresh = age_weights(np.maximum(call[2], put[2]))
    tightest = np.argsort(halves, kind="stable")[:PARITY_STRIKES]
    mids, halves, fresh = mids[tightest], halves[tightest], fresh[tightest]
    halves = np.maximum(halves, HALF_MIN * mids)
    near = np.abs(mids - np.median(mids)) <= PARITY_OUTLIER * halves
    if not near.any():
        return None
    mid, half = _combined(mids[near], halves[near], fresh[near])
    return TwoSided(mid - half, mid + half)


def observed_forward(quotes: ForwardQuotes) -> Forward | None:
    """Returns the forward that an expiry's own quotes say; None when they say nothing."""
    found = [
        (source, quote)
        for source, quote in (
            (ForwardSource.FUTURE, quotes.future),
            (ForwardSource.PARITY, parity(quotes.options)),
        )
        if quote is not None and quote.is_sound
    ]
    if not found:
        return None
    mids = np.array([quote.mid for _, quote in found])
    halves = np.maximum(np.array([quote.half for _, quote in found]), HALF_MIN * mids)
    price, half = _combined(mids, halves, np.array([quote.weight for _, quote in found]))
    return Forward(quotes.expiry, price, half, found[0][0] if len(found) == 1 else ForwardSource.BOTH)


def forward_curve(now: int, index: float, quotes: Sequence[ForwardQuotes]) -> dict[int, Forward]:
    """Returns the forward of every expiry, by expiry.

    A forward that its quotes put further than ``2 % + 50 % per year`` from the index is not believed. An expiry without
    a believed forward takes the log basis ``ln(F/index)`` interpolated linearly in time between its neighbours, the
    index itself being the one at time 0; beyond the last, the last one's basis per year.

    Args:
        now: Time, ns.
        index: The index, USD.
        quotes: One entry per expiry, all ahead of ``now``.
    """
    known: dict[int, Forward] = {}
    for each in quotes:
        forward = observed_forward(each)
        if forward is not None and _is_believed(forward, now, index):
            known[each.expiry] = forward
    return {each.expiry: known.get(each.expiry) or _interpolated(each.expiry, now, index, known) for each in quotes}


def _is_believed(forward: Forward, now: int, index: float) -> bool:
    bound = BASIS_LEAST + BASIS_PER_YEAR * year_fraction(now, forward.expiry)
    return forward.price > 0 and abs(math.log(forward.price / index)) <= bound


def _interpolated(expiry: int, now: int, index: float, known: Mapping[int, Forward]) -> Forward:
    t = year_fraction(now, expiry)
    points = [(0.0, 0.0), *((year_fraction(now, at), math.log(known[at].price / index)) for at in sorted(known))]
    place = bisect_left(points, (t,))
    if place < len(points):
        (before, low), (after, high) = points[place - 1], points[place]
        basis = low + (high - low) * (t - before) / (after - before)
    else:
        last, basis = points[-1]
        basis *= t / last if last else 1.0
    width = max((forward.half / forward.price for forward in known.values()), default=BASIS_LEAST)
    price = index * math.exp(basis)
    return Forward(expiry, price, width * price, ForwardSource.INTERPOLATED)


def _columns(options: OptionQuotes, rows: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Strikes of the chosen rows, and mid, half spread and age of each."""
    bid, ask = options.bid[rows], options.ask[rows]
    return options.strike[rows], np.stack([(bid + ask) / 2, (ask - bid) / 2, options.age[rows]])


def _combined(mids: FloatArray, halves: FloatArray, fresh: FloatArray) -> tuple[float, float]:
    """Mean by inverse squared spread and freshness, and the half spread that a quote as good as all of them has."""
    weights = fresh / halves**2
    total = float(weights.sum())
    return float((mids * weights).sum() / total), float(1 / math.sqrt((1 / halves**2).sum()))
