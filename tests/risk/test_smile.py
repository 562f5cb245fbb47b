"""The raw SVI slice: the formula, its arbitrage test, mixing, and the fixed point of marks."""

from __future__ import annotations

import numpy as np
import pytest

from synchromesh import _native
from synchromesh.protocol import SviSlice
from synchromesh.risk.surface import Smile

TRUTH = Smile(a=0.004, b=0.09, rho=-0.35, m=0.03, sigma=0.14)
VOGT = Smile(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
"""Axel Vogt's smile (Gatheral and Jacquier 2014, example 3.1), which has butterfly arbitrage."""


def test_finds_the_arbitrage_of_the_vogt_smile() -> None:
    k = np.linspace(-1.5, 1.5, 3_001)
    g = VOGT.durrleman(k)
    assert g.min() == pytest.approx(-0.0329, abs=2e-4)
    assert k[g.argmin()] == pytest.approx(0.879, abs=2e-3)
    assert TRUTH.durrleman(k).min() > 0


def test_the_native_search_finds_the_same() -> None:
    value, k = _native.lowest_butterfly(VOGT.parameters)
    assert (value, k) == (pytest.approx(-0.0329, abs=1e-4), pytest.approx(0.879, abs=1e-3))
    assert _native.lowest_butterfly(TRUTH.parameters)[0] > 0


def test_the_native_search_finds_calendar_arbitrage() -> None:
    later = Smile(TRUTH.a + 0.001, TRUTH.b, TRUTH.rho, TRUTH.m, TRUTH.sigma)
    assert _native.lowest_calendar(TRUTH.parameters, later.parameters)[0] == pytest.approx(0.001)
    assert _native.lowest_calendar(later.parameters, TRUTH.parameters)[0] == pytest.approx(-0.001)


def test_the_fixed_point_keeps_the_vol() -> None:
    again = Smile.from_fixed(TRUTH.fixed())
    k = np.linspace(-1, 1, 201)
    assert np.max(np.abs(again.vol(k, 1 / 365) - TRUTH.vol(k, 1 / 365))) < 1e-6
    assert again.fixed() == TRUTH.fixed()


def test_the_fixed_point_never_has_negative_variance() -> None:
    lifted = Smile.from_fixed(Smile(a=-0.01, b=0.01, rho=0.1, m=0.0, sigma=0.1).fixed())
    assert lifted.lowest > 0
    assert Smile(0.01, 0.1, 0.0, 0.0, 1e-12).fixed() == SviSlice(10_000_000, 100_000_000, 0, 0, 1_000)


def test_wings_are_the_slopes_far_out() -> None:
    left, right = TRUTH.wings
    w = TRUTH.variance(np.array([-1_001.0, -1_000.0, 1_000.0, 1_001.0]))
    assert (w[0] - w[1], w[3] - w[2]) == (pytest.approx(left, rel=1e-4), pytest.approx(right, rel=1e-4))


def test_mixing_keeps_variance_positive_and_wings_in_order_and_ends_where_it_should() -> None:
    other = Smile(a=-0.009, b=0.2, rho=0.5, m=-0.1, sigma=0.06)
    k = np.linspace(-2, 2, 401)
    assert np.all(other.variance(k) > 0)
    for share in np.linspace(0, 1, 21):
        assert np.all(TRUTH.mixed(other, float(share)).variance(k) > 0)
        wings = np.array(TRUTH.wings) * (1 - share) + np.array(other.wings) * share
        np.testing.assert_allclose(TRUTH.mixed(other, float(share)).wings, wings, rtol=1e-12)
    np.testing.assert_allclose(TRUTH.mixed(other, 0.0).variance(k), TRUTH.variance(k), rtol=1e-12)
    np.testing.assert_allclose(TRUTH.mixed(other, 1.0).variance(k), other.variance(k), rtol=1e-9)


@pytest.mark.parametrize("factor", [0.9, 0.5, 0.01])
def test_scaling_down_makes_no_arbitrage(factor: float) -> None:
    assert _native.lowest_butterfly(TRUTH.scaled(factor).parameters)[0] >= 0
    np.testing.assert_allclose(TRUTH.scaled(factor).variance(np.array([0.2])), TRUTH.variance(np.array([0.2])) * factor)
