"""Black-76 against 40-digit arithmetic, published values and the laws that any price obeys."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from support.exact import exact
from synchromesh.pricing import Greeks, PricingError, black76, year_fraction


def random_options(count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Options with K/F in [0.05, 20], T from a minute to three years, vol from 1 % to 400 %."""
    rng = np.random.default_rng(seed)
    forward = np.exp(rng.uniform(math.log(0.1), math.log(2e5), count))
    strike = forward * np.exp(rng.uniform(math.log(0.05), math.log(20), count))
    t = np.exp(rng.uniform(math.log(60 / 31_536_000), math.log(3), count))
    sigma = np.exp(rng.uniform(math.log(0.01), math.log(4), count))
    return forward, strike, t, sigma, rng.integers(0, 2, count).astype(bool)


def test_agrees_with_forty_digits() -> None:
    options = random_options(2_000, seed=7)
    near = tuple(column.copy() for column in options)
    near[1][:] = near[0] * np.exp(np.random.default_rng(8).normal(0, 2, 2_000) * near[3] * np.sqrt(near[2]))
    for forward, strike, t, sigma, is_call in (options, near):
        ours = black76(forward, strike, t, sigma, is_call)
        for row in range(len(forward)):
            truth = exact(forward[row], strike[row], t[row], sigma[row], bool(is_call[row]))
            scale = max(forward[row], strike[row])
            assert abs(ours.price[row] - truth["price"]) <= 5e-16 * scale
            # A rounding of F/K moves d1 by its share of σ√T, and delta by as much times φ.
            slack = 2e-16 * (2 + 1 / (sigma[row] * math.sqrt(t[row])))
            assert abs(ours.delta[row] - truth["delta"]) <= slack
            assert abs(ours.vega[row] - truth["vega"]) <= slack * scale * math.sqrt(t[row])
            assert abs(ours.rho[row] - truth["rho"]) <= slack * strike[row] * t[row]
            # Gamma and theta carry φ(d1) too, relative: the same rounding times d1.
            deviation = sigma[row] * math.sqrt(t[row])
            d1 = math.log(forward[row] / strike[row]) / deviation + deviation / 2
            relative = 1e-15 * (4 + abs(d1) * (abs(d1) + 1 / deviation))
            for name in ("gamma", "theta"):
                if abs(truth[name]) > 1e-290:
                    assert abs(getattr(ours, name)[row] / truth[name] - 1) <= relative, name


def test_every_greek_of_known_options() -> None:
    cases = [
        (19.0, 19.0, 0.75, 0.28, True),  # Haug's futures option, here without discounting
        (100.0, 110.0, 0.5, 0.4, False),
        (70_000.0, 88_000.0, 30 / 365, 0.55, True),
        (2_000.0, 1_500.0, 0.4 / 365, 1.2, False),
    ]
    for case in cases:
        ours, truth = black76(*case), exact(*case)
        for name, value in truth.items():
            assert float(getattr(ours, name)) == pytest.approx(float(value), rel=2e-13), (case, name)


def test_haug_futures_option() -> None:
    """Haug, The Complete Guide to Option Pricing Formulas: F = X = 19, T = 0.75, r = 10 %, σ = 28 %: 1.7011."""
    price = float(black76(19.0, 19.0, 0.75, 0.28, True).price) * math.exp(-0.075)
    assert price == pytest.approx(1.7011, abs=5e-5)


def test_put_call_parity_and_symmetry() -> None:
    forward, strike, t, sigma, _ = random_options(20_000, seed=9)
    call, put = (black76(forward, strike, t, sigma, side) for side in (True, False))
    scale = np.maximum(forward, strike)
    assert np.all(np.abs(call.price - put.price - (forward - strike)) <= 4e-16 * scale)
    assert np.all(np.abs(call.delta - put.delta - 1) <= 2.3e-16)
    np.testing.assert_array_equal(call.gamma, put.gamma)
    mirrored = black76(strike, forward, t, sigma, False)
    assert np.all(np.abs(call.price - mirrored.price) <= 1e-14 * scale), "C(F, K) = P(K, F)"


@pytest.mark.parametrize(("t", "sigma"), [(0.0, 0.5), (-1.0, 0.5), (1.0, 0.0), (1e-300, 1e-300)])
def test_no_time_or_no_vol_is_intrinsic(t: float, sigma: float) -> None:
    strikes = np.array([90.0, 100.0, 110.0])
    call, put = (black76(100.0, strikes, t, sigma, side) for side in (True, False))
    np.testing.assert_array_equal(call.price, [10, 0, 0])
    np.testing.assert_array_equal(put.price, [0, 0, 10])
    np.testing.assert_array_equal(call.delta, [1, 0.5, 0])
    np.testing.assert_array_equal(put.delta, [0, -0.5, -1])
    for name in ("gamma", "vega", "theta", "rho"):
        assert not np.any(getattr(call, name))
        assert not np.any(getattr(put, name))


def test_finite_to_the_edges_of_the_domain() -> None:
    prices = np.array([1e-150, 1e-9, 1.0, 1e9, 1e150])
    others = np.array([0.0, 5e-324, 1e-9, 1.0, 1e100])
    forward, strike, t, sigma, is_call = np.meshgrid(prices, prices, others, others, [True, False])
    ours = black76(forward, strike, t, sigma, is_call)
    for name in ("price", "delta", "gamma", "vega", "theta", "rho"):
        assert np.all(np.isfinite(getattr(ours, name))), name
    assert np.all((ours.price >= 0) & (ours.price <= np.where(is_call, forward, strike) * (1 + 4e-16)))


@pytest.mark.parametrize(
    "bad",
    [
        (0, 1, 1, 1),
        (1, -1, 1, 1),
        (1, 1, math.inf, 1),
        (1, 1, 1, -0.1),
        (math.nan, 1, 1, 1),
        (1, 1, 1, math.nan),
        (1e151, 1, 1, 1),
    ],
)
def test_bad_inputs_are_named(bad: tuple[float, float, float, float]) -> None:
    columns = [[1.0, value] for value in bad]
    with pytest.raises(PricingError, match="option 1"):
        black76(*columns, True)


def test_broadcasts_like_numpy() -> None:
    grid = black76(100.0, np.array([90.0, 100.0, 110.0]), np.array([[0.1], [0.2]]), 0.5, True)
    assert isinstance(grid, Greeks)
    assert grid.price.shape == (2, 3)
    assert grid.price[1, 2] == black76(100.0, 110.0, 0.2, 0.5, True).price
    assert black76(100.0, [], 0.1, 0.5, True).price.shape == (0,)
    strided = np.arange(80.0, 120.0)[::2]
    np.testing.assert_array_equal(
        black76(100.0, strided, 0.1, 0.5, True).price, black76(100.0, strided.copy(), 0.1, 0.5, True).price
    )


def test_same_numbers_as_any_machine() -> None:
    """Bits pinned on x86-64: another machine or compiler that differs would mark positions differently."""
    ours = black76(70_123.456, [35_000.0, 70_000.0, 140_000.0], 0.123456789, 0.654321, [True, False, True])
    assert [float(price).hex() for price in ours.price] == PINNED


PINNED = ["0x1.126ee6ddf6feap+15", "0x1.8ce504a255504p+12", "0x1.0df4bfccabce8p+3"]


def test_year_fraction_counts_365_days() -> None:
    day = 86_400 * 10**9
    assert year_fraction(0, 365 * day) == 1.0
    assert year_fraction(day, 0) == 0.0


def test_py_vollib_reference_rows(data_folder: Path) -> None:
    table = json.loads((data_folder / "equity" / "py_vollib_reference_values.json").read_text())
    rows = np.array(table["data"], dtype=float)
    column = {name: rows[:, place] for place, name in enumerate(table["columns"])}
    growth = np.exp(column["R"] * column["t"])
    assert len(rows) == 101
    for side, price, delta in ((True, "bs_call", "CD"), (False, "bs_put", "PD")):
        ours = black76(column["S"] * growth, column["K"], column["t"], column["v"], side)
        np.testing.assert_allclose(ours.price / growth, column[price], rtol=1e-8, atol=2e-7)
        np.testing.assert_allclose(ours.delta, column[delta], rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(ours.gamma * growth, column["CG"], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(ours.vega * 100 / growth, column["CV"], rtol=1e-7, atol=1e-6)
