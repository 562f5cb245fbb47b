"""Published numbers: the examples of Haug's book, the rows of py_vollib, and QuantLib's formulas on random options."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import QuantLib as ql

from support.options import random_options
from synchromesh.pricing import black76


class Example(NamedTuple):
    """A generalised Black-Scholes example: spot with yield q at rate r."""

    is_call: bool
    strike: float
    spot: float
    q: float
    r: float
    t: float
    sigma: float
    value: float


# E. G. Haug, The Complete Guide to Option Pricing Formulas, McGraw-Hill 1998; some last digits there are off by one.
PAGES_2_TO_8 = [
    Example(True, 65, 60, 0.00, 0.08, 0.25, 0.30, 2.1334),
    Example(False, 95, 100, 0.05, 0.10, 0.50, 0.20, 2.4648),
    Example(False, 19, 19, 0.10, 0.10, 0.75, 0.28, 1.7011),
    Example(True, 19, 19, 0.10, 0.10, 0.75, 0.28, 1.7011),
    Example(True, 1.60, 1.56, 0.08, 0.06, 0.50, 0.12, 0.0291),
    Example(False, 70, 75, 0.05, 0.10, 0.50, 0.35, 4.0870),
]
PAGE_27 = [Example(True, 40, 42, 0.08, 0.04, 0.75, 0.35, 5.0975)]
# The table of page 24: futures at 90, 100, 110 (columns) and K = 100, r = 10 %, by time and vol (rows).
PAGE_24_ROWS = [(0.1, 0.15), (0.1, 0.25), (0.1, 0.35), (0.5, 0.15), (0.5, 0.25), (0.5, 0.35)]
PAGE_24_CALLS = [
    (0.0205, 1.8734, 9.9413),
    (0.3150, 3.1217, 10.3556),
    (0.9474, 4.3693, 11.1381),
    (0.8069, 4.0232, 10.5769),
    (2.7026, 6.6997, 12.7857),
    (4.9329, 9.3679, 15.3086),
]
PAGE_24_PUTS = [
    (9.9210, 1.8734, 0.0408),
    (10.2155, 3.1217, 0.4551),
    (10.8479, 4.3693, 1.2376),
    (10.3192, 4.0232, 1.0646),
    (12.2149, 6.6997, 3.2734),
    (14.4452, 9.3679, 5.7963),
]
PAGE_24 = [
    Example(is_call, 100, future, 0.10, 0.10, t, sigma, value)
    for is_call, table in ((True, PAGE_24_CALLS), (False, PAGE_24_PUTS))
    for (t, sigma), values in zip(PAGE_24_ROWS, table, strict=True)
    for future, value in zip((90, 100, 110), values, strict=True)
]
# Pages 11 to 16, one Greek each.
HAUG_GREEKS = {
    "delta": Example(True, 100, 105, 0.10, 0.10, 0.5, 0.36, 0.5946),
    "delta of a put": Example(False, 100, 105, 0.10, 0.10, 0.5, 0.36, -0.3566),
    "elasticity": Example(False, 100, 105, 0.10, 0.10, 0.5, 0.36, -4.8775),
    "gamma": Example(True, 60, 55, 0.00, 0.10, 0.75, 0.30, 0.0278),
    "vega": Example(True, 60, 55, 0.00, 0.10, 0.75, 0.30, 18.9358),
    "theta": Example(False, 405, 430, 0.05, 0.07, 1 / 12, 0.20, -31.1924),
    "rho": Example(True, 75, 72, 0.00, 0.09, 1.0, 0.19, 38.7325),
    "rho of the yield": Example(False, 490, 500, 0.05, 0.08, 0.25, 0.15, 42.2254),
}


def spot_values(example: Example) -> dict[str, float]:
    """Price and Greeks of an option on a spot that yields q, from those on its forward."""
    growth, discount = math.exp((example.r - example.q) * example.t), math.exp(-example.r * example.t)
    ours = black76(example.spot * growth, example.strike, example.t, example.sigma, example.is_call)
    price, delta = float(ours.price) * discount, float(ours.delta) * discount * growth
    gamma = float(ours.gamma) * discount * growth**2
    # The equation that every price obeys: theta = r·V − (r − q)·S·delta − σ²S²·gamma/2.
    drift = (example.r - example.q) * example.spot * delta
    theta = example.r * price - drift - 0.5 * (example.sigma * example.spot) ** 2 * gamma
    return {
        "price": price,
        "delta": delta,
        "elasticity": delta * example.spot / price,
        "gamma": gamma,
        "vega": float(ours.vega) * 100 * discount,
        "theta": theta,
        "rho": float(ours.rho) * 100 * discount,
        "rho of the yield": -example.t * example.spot * delta,
    }


def test_there_are_43_prices() -> None:
    assert len(PAGES_2_TO_8 + PAGE_24 + PAGE_27) == 43


@pytest.mark.parametrize("example", PAGES_2_TO_8 + PAGE_24 + PAGE_27)
def test_haug_prices(example: Example) -> None:
    assert spot_values(example)["price"] == pytest.approx(example.value, abs=1e-4)


@pytest.mark.parametrize("name", HAUG_GREEKS)
def test_haug_greeks(name: str) -> None:
    example = HAUG_GREEKS[name]
    assert spot_values(example)[name.removesuffix(" of a put")] == pytest.approx(example.value, abs=1e-4)


def test_quantlib_on_random_options() -> None:
    """Price and Greeks of QuantLib's Black calculator, undiscounted, within its own accuracy."""
    forward, strike, t, sigma, is_call = random_options(3_000, seed=21)
    ours = black76(forward, strike, t, sigma, is_call)
    for row, (f, k, years, vol) in enumerate(zip(forward, strike, t, sigma, strict=True)):
        side = ql.Option.Call if is_call[row] else ql.Option.Put
        peer = ql.BlackCalculator(ql.PlainVanillaPayoff(side, k), f, vol * math.sqrt(years), 1.0)
        scale = max(f, k)
        assert ours.price[row] == pytest.approx(peer.value(), abs=2e-15 * scale)
        # One rounding of F/K or σ√T moves d1 by its share of σ√T; both kernels have their own.
        slack = 1e-14 * (1 + 1 / (vol * math.sqrt(years)))
        assert ours.delta[row] == pytest.approx(peer.deltaForward(), abs=slack)
        assert ours.gamma[row] * f == pytest.approx(peer.gammaForward() * f, rel=slack * 100, abs=slack)
        assert ours.vega[row] * 100 == pytest.approx(peer.vega(years), rel=slack * 100, abs=slack * scale)
        per_day = peer.theta(f, years) / 365 * min(1, years * 365)
        assert ours.theta[row] == pytest.approx(per_day, rel=slack * 100, abs=slack * scale)
        assert ours.rho[row] * 100 == pytest.approx(peer.rho(years), abs=slack * scale * years)


def test_py_vollib_rows(data_folder: Path) -> None:
    table = json.loads((data_folder / "equity" / "py_vollib_reference_values.json").read_text())
    rows = np.array(table["data"], dtype=float)
    column = {name: rows[:, place] for place, name in enumerate(table["columns"])}
    growth = np.exp(column["R"] * column["t"])
    assert len(rows) == 101
    for is_call, price, delta in ((True, "bs_call", "CD"), (False, "bs_put", "PD")):
        ours = black76(column["S"] * growth, column["K"], column["t"], column["v"], is_call)
        np.testing.assert_allclose(ours.price / growth, column[price], rtol=1e-8, atol=2e-7)
        np.testing.assert_allclose(ours.delta, column[delta], rtol=1e-7, atol=1e-8)
        np.testing.assert_allclose(ours.gamma * growth, column["CG"], rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(ours.vega * 100 / growth, column["CV"], rtol=1e-7, atol=1e-6)
