"""The index: one price out of several sources, which a minority of them cannot move."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from synchromesh.clock import SECOND
from synchromesh.execution.marks.errors import IndexJumpError, NoIndexError

AGE_MAX = 30 * SECOND
"""Age, ns, beyond which a source is dropped: a live source of a liquid coin trades every few seconds."""
LEAD_MAX = SECOND
"""How far a source's clock may lead ours, ns; a price from further ahead has no age, and is dropped."""
CLAMP = 0.005
"""A source counts at most this share away from the median: what one liar can say is bounded."""
SOURCES_MIN = 2
"""Fewest sources of an index. The venue asks for more before it takes new risk (``min_index_sources``), and is told how
many there were; below this there is nothing to compare with."""
COVERAGE = 0.75
"""Share of the weight that must lie within the half-width: one source in four or more may stray unseen, not two."""
DRIFT = 1.5e-4
"""Share by which a price strays per square root of a second of age: one standard deviation at a vol of 84 %."""
STEP_MAX = 0.10
"""Most that the index moves from one mark to the next; the rest follows in the next ones. Half the venue's own default
limit, so that a true crash is followed, by several marks, and no mark of it is refused."""
JUMP_MAX = 0.50
"""Distance from the last index that is not followed at all: zero, ten times, a wrong contract."""


@dataclass(frozen=True, slots=True)
class SourcePrice:
    """What one source says: price in USD, the time it is from in ns, its weight."""

    source: str
    price: float
    time: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Index:
    """An index price.

    Attributes:
        price: USD.
        confidence: Half-width as a share of the price.
        sources: Fresh sources behind it.
        clamped: Names of the sources that were clamped, ascending.
    """

    price: float
    confidence: float
    sources: int
    clamped: tuple[str, ...] = ()


def index_of(prices: Sequence[SourcePrice], now: int, sources_min: int = SOURCES_MIN) -> Index:
    """Returns the index of what the sources say.

    Stale, non-positive and non-finite prices are dropped; the others are clamped to ``median ± CLAMP`` and averaged by
    weight. The confidence is the distance from the index within which ``COVERAGE`` of the weight lies, *before*
    clamping, plus ``DRIFT·√(mean age in seconds)``.

    Args:
        prices: At most one per source, weights positive.
        now: Time of the index, ns.
        sources_min: Fewest fresh sources.

    Raises:
        NoIndexError: When fewer are fresh.
    """
    assert len({each.source for each in prices}) == len(prices), "a source speaks once"
    fresh = [each for each in prices if _is_fresh(each, now)]
    if len(fresh) < max(sources_min, 1):
        raise NoIndexError(len(fresh), sources_min)
    middle = median(each.price for each in fresh)
    low, high = middle * (1 - CLAMP), middle * (1 + CLAMP)
    total = sum(each.weight for each in fresh)
    price = sum(min(max(each.price, low), high) * each.weight for each in fresh) / total
    age = sum(max(now - each.time, 0) / SECOND * each.weight for each in fresh) / total
    spread = _covering_distance([(abs(each.price / price - 1), each.weight) for each in fresh], total * COVERAGE)
    clamped = tuple(sorted(each.source for each in fresh if not low <= each.price <= high))
    return Index(price, spread + DRIFT * math.sqrt(age), len(fresh), clamped)


def limited(index: Index, last: float | None) -> Index:
    """Returns the index moved at most ``STEP_MAX`` away from the ``last`` one.

    What is cut off is added to the confidence: until the index has caught up, the venue sees that it is not one.

    Raises:
        IndexJumpError: When it is more than ``JUMP_MAX`` away.
    """
    if last is None:
        return index
    if abs(index.price / last - 1) > JUMP_MAX:
        raise IndexJumpError(last, index.price)
    price = min(max(index.price, last * (1 - STEP_MAX)), last * (1 + STEP_MAX))
    return replace(index, price=price, confidence=index.confidence + abs(index.price / price - 1))


def _is_fresh(each: SourcePrice, now: int) -> bool:
    return math.isfinite(each.price) and each.price > 0 and -LEAD_MAX <= now - each.time <= AGE_MAX


def _covering_distance(distances: list[tuple[float, float]], needed: float) -> float:
    """The smallest distance within which ``needed`` of the weight lies."""
    covered = 0.0
    for distance, weight in sorted(distances):
        covered += weight
        # Weights are added in another order than their total was; a rounding error must not ask for one more source.
        if covered >= needed * (1 - 1e-12):
            return distance
    raise AssertionError("the weights add up to less than a share of them")
