"""Implied vol: undoes the price, and says what is wrong where it cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest

from support.exact import exact
from support.options import random_options
from synchromesh.pricing import ImpliedVolError, VolStatus, black76, implied_vol, implied_vol_status


def otm_options(count: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(11)
    forward = np.exp(rng.uniform(0, 12, count))
    t = np.exp(rng.uniform(math.log(1 / 365), math.log(2), count))
    sigma = rng.uniform(0.1, 2.0, count)
    k = rng.uniform(-4, 4, count) * sigma * np.sqrt(t)
    return forward, forward * np.exp(k), t, sigma, k >= 0


def test_undoes_the_price_of_random_otm_options() -> None:
    forward, strike, t, sigma, is_call = otm_options(4_000)
    price = black76(forward, strike, t, sigma, is_call).price
    error = np.abs(implied_vol(price, forward, strike, t, is_call) - sigma)
    assert np.median(error) <= 1e-15
    assert np.max(error) <= 1e-13


def test_finds_the_vol_of_exact_prices() -> None:
    """Prices with 40 digits, rounded once: nothing but the solver errs."""
    forward, strike, t, sigma, _ = random_options(1_000, seed=14, deviations=4)
    is_call = strike >= forward
    price = [float(exact(*option)["price"]) for option in zip(forward, strike, t, sigma, is_call, strict=True)]
    error = np.abs(implied_vol(price, forward, strike, t, is_call) / sigma - 1)
    assert np.median(error) <= 4e-16
    assert np.max(error) <= 1e-14


@pytest.mark.parametrize("deviations", [None, 4.0])
def test_undoes_the_price_over_the_whole_range(deviations: float | None) -> None:
    """K/F in [0.05, 20], T from a minute to three years, vol from 1 % to 400 %: nothing is missed."""
    forward, strike, t, sigma, _ = random_options(20_000, seed=13, deviations=deviations)
    is_call = strike >= forward
    greeks = black76(forward, strike, t, sigma, is_call)
    found, status = implied_vol_status(greeks.price, forward, strike, t, is_call)
    assert np.all(status == VolStatus.FOUND)
    # What the price's own rounding is worth in vol, and no more.
    resolved = greeks.price > 1e-290
    assert np.count_nonzero(resolved) > 5_000
    grain = 4e-16 * np.maximum(forward, strike)[resolved] / (greeks.vega[resolved] * 100)
    error = np.abs(found - sigma)[resolved]
    assert np.all(error <= grain + 2e-14 * sigma[resolved])


def test_undoes_the_price_in_the_money_within_what_the_price_resolves() -> None:
    forward, strike, t, sigma, otm_is_call = otm_options(2_000)
    is_call = ~otm_is_call
    value = black76(forward, strike, t, sigma, is_call)
    found, status = implied_vol_status(value.price, forward, strike, t, is_call)
    resolvable = value.vega * 100 > 1e-3 * np.maximum(forward, strike) * np.sqrt(t)
    assert np.count_nonzero(resolvable) > 1_000
    assert np.all(status[resolvable] == VolStatus.FOUND)
    assert np.max(np.abs(found - sigma)[resolvable]) < 1e-10


def test_what_no_vol_gives_is_told_apart() -> None:
    price = [5.0, 9.0, 110.0, 10.0, math.nan, 5.0]
    forward = [100.0, 110.0, 110.0, 110.0, 100.0, -1.0]
    vol, status = implied_vol_status(price, forward, 100.0, 1.0, True)
    expected = ["FOUND", "BELOW_INTRINSIC", "ABOVE_BOUND", "FOUND", "BAD_INPUT", "BAD_INPUT"]
    assert [VolStatus(code).name for code in status] == expected
    assert vol[0] > 0
    assert list(vol[1:]) == [0.0] * 5
    with pytest.raises(ImpliedVolError, match=r"option 1: price 9 is below the intrinsic value 10"):
        implied_vol(price, forward, 100.0, 1.0, True)
    with pytest.raises(ImpliedVolError, match="no vol reaches"):
        implied_vol(100.0, 110.0, 100.0, 1.0, False)


def test_never_nan() -> None:
    rng = np.random.default_rng(12)
    price, forward, strike = (np.exp(rng.uniform(-340, 340, 20_000)) for _ in range(3))
    near = rng.random(20_000) < 0.5
    price[near] = forward[near] * rng.random(np.count_nonzero(near))
    vol, status = implied_vol_status(
        price, forward, strike, np.exp(rng.uniform(-30, 5, 20_000)), rng.random(20_000) < 0.5
    )
    assert np.all(np.isfinite(vol))
    assert np.all(vol >= 0)
    assert set(status.tolist()) <= {0, 1, 2}
