"""The settlement window: variance and expectation of an average, against simulation, and without a step anywhere."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.execution.marks import (
    NoSettlementError,
    SettlementWindow,
    expected_settlement,
    share_left,
    variance_years,
)
from synchromesh.execution.marks.settlement import COVERAGE_MIN, SAMPLE_NS, SAMPLES, WINDOW_NS
from synchromesh.pricing import black76

EXPIRY = 1_770_364_800 * SECOND
YEAR_NS = 365 * DAY_NS
VOL = 0.8
FORWARD = 70_000.0


def simulated(seconds_left: int, average: float, paths: int = 40_000) -> npt.NDArray[np.float64]:
    """Settlement prices of a forward that moves at ``VOL`` from ``seconds_left`` before expiry on, seeded.

    The second half mirrors the first.
    """
    rng = np.random.default_rng(11)
    window = WINDOW_NS // SECOND
    taken = max(window - seconds_left, 0) // (SAMPLE_NS // SECOND)
    left = SAMPLES - taken
    gaps = np.full(left, SAMPLE_NS / YEAR_NS)
    gaps[0] = (max(seconds_left - window, 0) * SECOND + SAMPLE_NS / 2) / YEAR_NS
    shocks = rng.standard_normal((paths // 2, left))
    steps = VOL * np.sqrt(gaps) * np.concatenate([shocks, -shocks]) - VOL**2 * gaps / 2
    prices = FORWARD * np.exp(np.cumsum(steps, axis=1))
    settled: npt.NDArray[np.float64] = (taken * average + prices.sum(axis=1)) / SAMPLES
    return settled


@pytest.mark.parametrize("seconds_left", [7_200, 3_600, 1_800, 1_200, 600, 60])
@pytest.mark.parametrize("moneyness", [-1.0, 0.0, 1.0])
def test_prices_are_those_of_a_simulation(seconds_left: int, moneyness: float) -> None:
    now = EXPIRY - seconds_left * SECOND
    left = share_left(now, EXPIRY)
    average = 69_600.0 if left < 1 else FORWARD
    expected = expected_settlement(average, FORWARD, left)
    variance = VOL**2 * variance_years(now, EXPIRY) * (FORWARD / expected) ** 2
    strike = expected * math.exp(moneyness * math.sqrt(variance))
    t = (EXPIRY - now) / YEAR_NS
    price = float(np.asarray(black76(expected, strike, t, math.sqrt(variance / t), True).price))
    payoff = np.maximum(simulated(seconds_left, average) - strike, 0.0)
    pairs = payoff.reshape(2, -1).mean(axis=0)
    error = float(pairs.std() / math.sqrt(len(pairs)))
    assert abs(price - payoff.mean()) < 4 * error
    point = float(np.asarray(black76(expected, strike, t, VOL, True).price))
    assert abs(point - payoff.mean()) > 6 * error, "without the averaging the price would be another"


def test_the_expectation_is_that_of_a_simulation() -> None:
    settled = simulated(600, 69_600.0)
    assert expected_settlement(69_600.0, FORWARD, 600 / 1_800) == pytest.approx(
        settled.mean(), abs=4 * settled.std() / math.sqrt(len(settled))
    )


def test_the_variance_is_continuous_and_so_is_its_slope() -> None:
    start = EXPIRY - WINDOW_NS
    assert variance_years(start, EXPIRY) == pytest.approx(WINDOW_NS / 3 / YEAR_NS)
    step = SECOND // 10
    before, at, after = (variance_years(start + shift, EXPIRY) * YEAR_NS for shift in (-step, 0, step))
    assert (before - at) / step == pytest.approx(1, rel=1e-6)
    assert (at - after) / step == pytest.approx(1, rel=1e-3)


def test_the_variance_only_falls_and_ends_at_zero() -> None:
    moments = [EXPIRY - round(seconds * SECOND) for seconds in np.linspace(7_200, 0, 500)]
    years = [variance_years(moment, EXPIRY) for moment in moments]
    assert all(earlier > later for earlier, later in pairwise(years))
    assert years[-1] == variance_years(EXPIRY + DAY_NS, EXPIRY) == 0
    assert variance_years(EXPIRY - 365 * DAY_NS, EXPIRY) == pytest.approx(1, rel=1e-4)


def test_the_share_left_falls_from_one_to_zero_over_the_window() -> None:
    assert share_left(EXPIRY - DAY_NS, EXPIRY) == share_left(EXPIRY - WINDOW_NS, EXPIRY) == 1
    assert share_left(EXPIRY - WINDOW_NS // 4, EXPIRY) == 0.25
    assert share_left(EXPIRY, EXPIRY) == share_left(EXPIRY + 1, EXPIRY) == 0


def test_a_window_takes_every_sample_once_and_settles_on_their_mean() -> None:
    window = SettlementWindow(EXPIRY)
    assert window.due(EXPIRY - WINDOW_NS) == []
    assert window.average is None
    first = window.due(EXPIRY - WINDOW_NS + 60 * SECOND)
    assert first == [EXPIRY - WINDOW_NS + SAMPLE_NS // 2 + place * SAMPLE_NS for place in range(6)]
    rest = window.due(EXPIRY + DAY_NS)
    assert len(rest) == SAMPLES
    for place, time in enumerate(rest):
        window.add(time, 70_000.0 + place)
        assert window.average == pytest.approx(70_000 + place / 2)
    assert window.due(EXPIRY + DAY_NS) == []
    assert window.price() == 70_000 + (SAMPLES - 1) / 2


def test_a_window_that_was_hardly_seen_fixes_nothing() -> None:
    window = SettlementWindow(EXPIRY)
    times = window.due(EXPIRY)
    missing = round(SAMPLES * (1 - COVERAGE_MIN))
    for place, time in enumerate(times[:-1]):
        window.add(time, None if place < missing else 70_000.0)
    with pytest.raises(NoSettlementError) as refused:
        window.price()
    assert refused.value.expiry == EXPIRY
    window.add(times[-1], 70_000.0)
    assert window.price() == 70_000.0, "a few missing samples are passed over"
