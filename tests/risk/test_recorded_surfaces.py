"""Surfaces of every recorded snapshot: BTC and ETH on twelve days, four of them in the crash of February 2026."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from synchromesh.risk.chains import ChainSnapshot, read_snapshots
from synchromesh.risk.surface import Method, Surface, fit_surface
from synchromesh.risk.surface.diagnosis import SurfaceDiagnosis, diagnose

Fitted = tuple[ChainSnapshot, Surface, SurfaceDiagnosis]


@pytest.fixture(scope="module")
def fitted(data_folder: Path) -> list[Fitted]:
    files = sorted((data_folder / "deribit" / "snapshots_2026").glob("BTC_ETH_*.csv.gz"))
    chains = [chain for path in files for chain in read_snapshots(path)]
    surfaces = [fit_surface(chain) for chain in chains]
    return [(chain, surface, diagnose(chain, surface)) for chain, surface in zip(chains, surfaces, strict=True)]


def test_no_snapshot_has_arbitrage(fitted: list[Fitted]) -> None:
    assert len(fitted) == 96
    for chain, surface, diagnosis in fitted:
        assert diagnosis.violations == 0, (chain.symbol, diagnosis.time)
        assert all(each.report.worst_g > 0 for each in surface)
        assert all(each.report.calendar is None or each.report.calendar > 0 for each in surface)


def test_the_fit_lies_inside_the_market(fitted: list[Fitted]) -> None:
    for chain, _, diagnosis in fitted:
        central = diagnosis.central
        assert central.quotes > 200
        assert central.inside is not None
        assert central.inside >= 0.93, (chain.symbol, diagnosis.time)
    shares = np.array([diagnosis.central.inside for _, _, diagnosis in fitted])
    assert np.mean(shares) > 0.985


def test_the_fit_is_close_to_marks_that_it_never_saw(fitted: list[Fitted]) -> None:
    errors = np.array([diagnosis.central.mark_error for _, _, diagnosis in fitted])
    assert np.median(errors) < 0.15
    # In the worst hours of the crash the exchange's own marks lay outside its bid and ask, most of them above.
    assert np.sum(errors > 0.3) <= 8
    assert errors.max() < 0.7


def test_marks_have_no_part_in_the_fit(fitted: list[Fitted]) -> None:
    chain, surface, _ = fitted[-1]
    for each in chain.slices:
        each.mark_iv[:] = 9.99
    assert [each.smile for each in fit_surface(chain)] == [each.smile for each in surface]


def test_nearly_every_slice_is_fitted_to_its_own_quotes(fitted: list[Fitted]) -> None:
    methods = [each.report.method for _, surface, _ in fitted for each in surface]
    assert len(methods) > 1_100
    assert methods.count(Method.SVI) > 0.98 * len(methods)
    assert Method.BLENDED not in methods


def test_an_hour_with_half_its_rows_broken_still_has_a_surface(fitted: list[Fitted]) -> None:
    rng = np.random.default_rng(5)
    for chain, _, _ in fitted[::12]:
        for each in chain.slices:
            broken = rng.random(len(each.strike)) < 0.5
            junk = rng.choice([np.nan, 0.0, -0.1, np.inf, 0.9, 1e-9], size=(2, len(broken)))
            each.bid[broken], each.ask[broken] = junk[0][broken], junk[1][broken]
        diagnosis = diagnose(chain, fit_surface(chain))
        assert diagnosis.violations == 0
        assert diagnosis.central.inside is not None
        assert diagnosis.central.inside > 0.8
