"""Random paths: the processes have the moments they should, and the engine takes them."""

from __future__ import annotations

import numpy as np
import pytest

from synchromesh.agents.market.fitted import load_bundled
from synchromesh.clock import SECOND
from synchromesh.risk.stress.bars import Bars, PriceDataError
from synchromesh.risk.stress.replay import Settings
from synchromesh.risk.stress.stochastic.calibration import (
    CalibrationError,
    Quote,
    calibrate_bates,
    with_variance_jumps,
)
from synchromesh.risk.stress.stochastic.processes import (
    BatesParameters,
    SvjjParameters,
    simulate_bates,
    simulate_bootstrap,
    simulate_svjj,
)
from synchromesh.risk.stress.stochastic.study import Model, calibrated, run_paths
from synchromesh.risk.surface import Smile

PARAMETERS = BatesParameters(0.4, 5.0, 0.5, 1.0, -0.3, 100.0, -0.03, 0.02)
HOUR = 3_600 * SECOND


def hourly(returns: np.ndarray) -> Bars:
    close = 10_000 * np.exp(np.cumsum(returns))
    return Bars("BTC", HOUR, 1_600_000_000 // 3_600 * 3_600 * SECOND + HOUR * np.arange(len(close)), *[close] * 4)


def test_the_index_is_a_martingale_with_the_variance_of_diffusion_and_jumps() -> None:
    paths = simulate_bates(PARAMETERS, 40_000, 24, seed=1)
    assert paths.index[:, -1].mean() == pytest.approx(1, abs=0.002)
    years = 1 / 365
    expected = (PARAMETERS.v0 + PARAMETERS.jump_variance) * years
    assert np.log(paths.index[:, -1]).var() == pytest.approx(expected, rel=0.05)


def test_variance_jumps_with_the_price_in_svjj() -> None:
    svjj = SvjjParameters(PARAMETERS, 0.5, -0.05)
    with_jumps, without = simulate_svjj(svjj, 20_000, 24, seed=1), simulate_bates(PARAMETERS, 20_000, 24, seed=1)
    assert with_jumps.index[:, -1].mean() == pytest.approx(1, abs=0.003)
    assert with_jumps.variance[:, -1].mean() > without.variance[:, -1].mean() + 0.05
    fallen = with_jumps.index[:, -1] < np.quantile(with_jumps.index[:, -1], 0.05)
    assert with_jumps.variance[fallen, -1].mean() > 1.3 * with_jumps.variance[~fallen, -1].mean()


def test_the_bootstrap_starts_from_the_vol_that_the_filter_sees() -> None:
    random = np.random.default_rng(2)
    calm, wild = random.normal(0, 0.004, 2_000), random.normal(0, 0.02, 200)
    quiet = simulate_bootstrap(hourly(calm), 4_000, 24, seed=1)
    loud = simulate_bootstrap(hourly(np.concatenate([calm, wild])), 4_000, 24, seed=1)
    assert np.log(quiet.index[:, 1]).std() == pytest.approx(0.004, rel=0.35)
    assert np.log(loud.index[:, 1]).std() > 3 * np.log(quiet.index[:, 1]).std()


def test_the_bootstrap_refuses_too_little_history() -> None:
    with pytest.raises(PriceDataError, match="hourly returns"):
        simulate_bootstrap(hourly(np.full(50, 0.01)), 10, 24, seed=1)


def test_a_calibrated_model_is_near_the_chain() -> None:
    pytest.importorskip("QuantLib")
    found = calibrated(load_bundled().underlyings[0])
    assert found.error < 2.5, "vol points"
    assert found.options >= 25
    assert with_variance_jumps(found.parameters, "BTC").variance_jump > 0


def test_a_chain_without_a_usable_expiry_is_refused() -> None:
    pytest.importorskip("QuantLib")
    quote = Quote(3_600 * SECOND, 100.0, Smile(0.01, 0.0, 0.0, 0.0, 0.1))
    with pytest.raises(CalibrationError, match="no expiry"):
        calibrate_bates(0, 100.0, [quote])


def test_paths_go_through_the_real_engine() -> None:
    part = load_bundled().underlyings[0]
    random = np.random.default_rng(4)
    bars = hourly(random.standard_t(3, 1_500) * 0.012)
    heard: list[tuple[int, int]] = []
    report = run_paths(
        Model.BOOTSTRAP, part, bars, 4, 8, Settings(accounts=10), lambda done, total: heard.append((done, total))
    )
    assert heard == [(number, 4) for number in range(1, 5)]
    assert report.paths == 4
    assert report.accounts == 10
    assert report.conserved
    assert 0 < report.called.most <= 10
    assert report.liquidated.most <= report.called.most
    assert sum(kind.accounts for kind in report.kinds) == 10
