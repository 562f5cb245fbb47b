"""The perpetual: the basis moves with its time constant and stays in its band; funding is the premium's mean."""

from __future__ import annotations

import math

import pytest

from synchromesh.clock import SECOND
from synchromesh.execution.marks import PerpetualTracker, TwoSided
from synchromesh.execution.marks.perpetual import BASIS_MAX, FUNDING_MAX, FUNDING_WINDOW

START = 1_770_192_000 * SECOND
INDEX = 70_000.0


def quote(basis: float, half: float = 2.0, age: float = 0.0) -> TwoSided:
    mid = INDEX * (1 + basis)
    return TwoSided(mid - half, mid + half, age)


def test_the_basis_follows_with_a_time_constant_of_thirty_seconds() -> None:
    tracker = PerpetualTracker()
    assert tracker.update(START, INDEX, [quote(0.0)]).mark == pytest.approx(INDEX)
    for second in range(1, 31):
        mark = tracker.update(START + second * SECOND, INDEX, [quote(0.001)]).mark
    assert mark / INDEX - 1 == pytest.approx(0.001 * (1 - math.exp(-1)), rel=1e-6)


def test_how_often_it_is_asked_does_not_matter() -> None:
    often, seldom = PerpetualTracker(), PerpetualTracker()
    for tracker in (often, seldom):
        tracker.update(START, INDEX, [quote(0.0)])
    for tenth in range(1, 100):
        often.update(START + tenth * SECOND // 10, INDEX, [quote(0.002)])
    later = START + 10 * SECOND
    assert often.update(later, INDEX, [quote(0.002)]).mark == pytest.approx(
        seldom.update(later, INDEX, [quote(0.002)]).mark
    )


@pytest.mark.parametrize("basis", [0.5, 9.0, -0.5, -0.99])
def test_the_mark_never_leaves_its_band(basis: float) -> None:
    tracker = PerpetualTracker()
    for minute in range(60):
        perpetual = tracker.update(START + minute * 60 * SECOND, INDEX, [quote(basis)])
        assert abs(perpetual.mark / INDEX - 1) <= BASIS_MAX * (1 + 1e-12)
        assert abs(perpetual.funding) <= FUNDING_MAX * (1 + 1e-12)


def test_without_a_sound_quote_the_basis_stays() -> None:
    tracker = PerpetualTracker()
    tracker.update(START, INDEX, [quote(0.001)])
    crossed, one_sided, old = TwoSided(70_010.0, 70_000.0), TwoSided(0.0, 71_000.0), quote(0.004, age=3_600.0)
    later = tracker.update(START + 60 * SECOND, 2 * INDEX, [crossed, one_sided, old])
    assert later.mark == pytest.approx(2 * INDEX * 1.001)


def test_a_tight_quote_counts_more_than_a_wide_or_an_old_one() -> None:
    tracker = PerpetualTracker()
    mark = tracker.update(START, INDEX, [quote(0.001, half=1.0), quote(0.004, half=100.0)]).mark
    assert mark / INDEX - 1 == pytest.approx(0.001, rel=1e-3)


def test_funding_is_the_time_weighted_premium_of_the_last_hour() -> None:
    tracker = PerpetualTracker()
    tracker.update(START, INDEX, [quote(0.002)])
    # 45 minutes at 0.2 %, then 15 at whatever the basis has become: the old premium stood until the new came.
    tracker.update(START + 2_700 * SECOND, INDEX, [quote(-0.001)])
    funding = tracker.update(START + 3_600 * SECOND, INDEX, [quote(-0.001)]).funding
    assert funding == pytest.approx(0.75 * 0.002 + 0.25 * -0.001, rel=1e-6)
    # An hour later nothing of the first premium is left.
    later = tracker.update(START + 3_600 * SECOND + FUNDING_WINDOW, INDEX, [quote(-0.001)]).funding
    assert later == pytest.approx(-0.001, rel=1e-6)
