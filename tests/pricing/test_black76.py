"""Black-76 against 40-digit arithmetic and the laws that any price obeys."""

from __future__ import annotations

import hashlib
import math
from dataclasses import fields

import numpy as np
import pytest

from support.exact import exact, exact_second_order
from support.options import Options, random_options
from synchromesh.pricing import PricingError, black76, implied_vol_status, second_order, year_fraction

# Below it a Greek has fewer digits than a double.
LEAST_GREEK = 1e-290


def depth(options: Options) -> np.ndarray:
    """1 + d1²: how many times a rounding of d1 shows in φ(d1)."""
    deviation = options.sigma * np.sqrt(options.t)
    return 1 + (np.log(options.forward / options.strike) / deviation + deviation / 2) ** 2


@pytest.mark.parametrize("deviations", [None, 4.0])
def test_agrees_with_forty_digits(deviations: float | None) -> None:
    options = random_options(2_000, seed=7, deviations=deviations)
    ours = black76(*options)
    scale, depths = np.maximum(options.forward, options.strike), depth(options)
    for row, arguments in enumerate(zip(*options, strict=True)):
        truth = exact(*arguments)
        assert abs(ours.price[row] - truth["price"]) <= 4e-16 * scale[row]
        assert abs(ours.delta[row] - truth["delta"]) <= 4e-16
        for name in ("gamma", "vega", "theta", "rho"):
            if abs(truth[name]) > LEAST_GREEK:
                error = abs(getattr(ours, name)[row] / truth[name] - 1)
                assert error <= 1e-15 * depths[row], (name, arguments)


@pytest.mark.parametrize("deviations", [None, 4.0])
def test_second_order_agrees_with_derivatives(deviations: float | None) -> None:
    options = random_options(400, seed=17, deviations=deviations)
    ours, depths = second_order(*options[:4]), depth(options)
    for row, arguments in enumerate(zip(*options[:4], strict=True)):
        truth = exact_second_order(*arguments)
        forward, _, t, sigma = arguments
        greeks = exact(*arguments, True)
        # All but speed cross 0 where d2 or d1 does: errors count in what each would be without that factor.
        d1, d2 = truth["d1"], truth["d2"]
        density = greeks["gamma"] * forward * sigma * math.sqrt(t)
        spread = 1 + abs(d1) + abs(d2) + abs(d1 * d2)
        scales = {
            "vanna": density * (1 + abs(d2)) / sigma / 100,
            "volga": greeks["vega"] * spread / sigma / 100,
            "charm": density * (1 + abs(d2)) / (2 * t * 365) * min(1, t * 365),
            "speed": greeks["gamma"] / forward * (1 + abs(d1) / (sigma * math.sqrt(t))),
        }
        for name, scale in scales.items():
            if scale > LEAST_GREEK:
                error = abs(getattr(ours, name)[row] - truth[name]) / scale
                assert error <= 2e-15 * depths[row], (name, arguments)


def test_second_order_without_time_or_vol_is_zero() -> None:
    for t, sigma in ((0.0, 0.5), (-1.0, 0.5), (1.0, 0.0)):
        ours = second_order(100.0, [90.0, 100.0, 110.0], t, sigma)
        for name in ("vanna", "volga", "charm", "speed"):
            np.testing.assert_array_equal(getattr(ours, name), [0, 0, 0])


def test_every_greek_of_known_options() -> None:
    cases = [
        (19.0, 19.0, 0.75, 0.28, True),
        (100.0, 110.0, 0.5, 0.4, False),
        (70_000.0, 88_000.0, 30 / 365, 0.55, True),
        (2_000.0, 1_500.0, 0.4 / 365, 1.2, False),
    ]
    for case in cases:
        ours, truth = black76(*case), exact(*case)
        for name, value in truth.items():
            assert float(getattr(ours, name)) == pytest.approx(float(value), rel=2e-13), (case, name)


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


def test_same_numbers_as_any_machine() -> None:
    """Bits pinned on x86-64: another machine or compiler that differs would mark positions differently."""
    # Without a logarithm or a power, which NumPy computes differently on different machines.
    strike, t = np.linspace(3_000.0, 1_400_000.0, 400), np.linspace(1e-4, 3.0, 25)[:, None]
    sigma = np.linspace(0.05, 4.0, 400)
    greeks, second = black76(70_123.456, strike, t, sigma, strike > 70_000), second_order(70_123.456, strike, t, sigma)
    vols, _ = implied_vol_status(greeks.price, 70_123.456, strike, t, strike > 70_000)
    columns = [getattr(table, field.name) for table in (greeks, second) for field in fields(table)]
    digest = hashlib.sha256(b"".join(column.tobytes() for column in (*columns, vols)))
    assert [float(price).hex() for price in greeks.price[10, [10, 20, 200]]] == PINNED_PRICES
    assert digest.hexdigest() == PINNED_DIGEST


PINNED_PRICES = ["0x1.f744bc2aa7fcfp-3", "0x1.97cd7ccd98a63p+12", "0x1.aaa0ab062d909p+14"]
PINNED_DIGEST = "09471d8247de45b821476d6a818d435c4d5f41b1166cf8387b4d06ce81167064"


def test_year_fraction_counts_365_days() -> None:
    day = 86_400 * 10**9
    assert year_fraction(0, 365 * day) == 1.0
    assert year_fraction(day, 0) == 0.0
