"""The risk monitor: paths, outcomes on paths that can be followed by hand, and when it moves a mode."""

from __future__ import annotations

import numpy as np
import pytest

from synchromesh.protocol import Mode
from synchromesh.risk.monitor import Guard, JumpDiffusion, Limits, Paths, RiskReport, UnderlyingOdds, assess, simulate
from synchromesh.risk.monitor.exposure import Exposure, Instruments
from synchromesh.risk.monitor.report import expected_shortfall, run_paths


def perpetuals(*symbols: str) -> Instruments:
    count = len(symbols)
    return Instruments(
        symbol=np.array(symbols),
        linear=np.ones(count, np.bool_),
        price=np.full(count, 100.0),
        strike=np.zeros(count),
        t=np.zeros(count),
        sigma=np.zeros(count),
        is_call=np.zeros(count, np.bool_),
    )


def exposure(
    contracts: list[list[float]], equity: list[float], maintenance: list[float], instruments: Instruments
) -> Exposure:
    return Exposure(
        instruments=instruments,
        contracts=np.array(contracts),
        account=np.arange(1, len(equity) + 1),
        equity=np.array(equity),
        maintenance=np.array(maintenance),
        insurance=10.0,
    )


def by_hand(*steps: list[float]) -> Paths:
    spot = np.array(steps)
    days = np.linspace(1 / len(steps), 1.0, len(steps))
    return Paths({"BTC": spot}, {"BTC": np.ones_like(spot)}, days)


def test_liquidated_at_the_first_step_below_maintenance_and_closed_there() -> None:
    """One contract long at 100, equity 10, maintenance 4: path 0 slips to 95, then crashes; path 1 gaps to 80."""
    paths = by_hand([0.95, 0.80, 1.0], [0.50, 1.10, 1.0])
    outcome = run_paths(exposure([[1.0]], [10.0], [4.0], perpetuals("BTC")), paths, slippage=0.0)
    # At 95 equity is 5, above 4; at 50 it is −40. The gap to 80 leaves −10, and the rebound comes too late.
    np.testing.assert_array_equal(outcome.liquidated, [[1, 1, 0]])
    np.testing.assert_allclose(outcome.deficit, [[40.0, 10.0, 0.0]])


def test_a_step_on_the_way_saves_the_account() -> None:
    """The same crash in two steps: it is closed at 93, where it can still pay."""
    outcome = run_paths(exposure([[1.0]], [10.0], [4.0], perpetuals("BTC")), by_hand([0.93], [0.50]), slippage=0.0)
    np.testing.assert_allclose(outcome.deficit, [[0.0]])
    slipped = run_paths(exposure([[1.0]], [10.0], [4.0], perpetuals("BTC")), by_hand([0.93], [0.50]), slippage=0.05)
    np.testing.assert_allclose(slipped.deficit, [[2.0]])


def test_an_option_is_revalued_with_vol_and_time() -> None:
    """A short put far out of the money loses by the vol alone; at expiry nothing of that is left."""
    put = Instruments(
        symbol=np.array(["BTC"]),
        linear=np.zeros(1, np.bool_),
        price=np.array([100.0]),
        strike=np.array([80.0]),
        t=np.array([1 / 365]),
        sigma=np.array([0.5]),
        is_call=np.zeros(1, np.bool_),
    )
    still = np.ones((2, 1))
    paths = Paths({"BTC": still}, {"BTC": still * 4}, np.array([0.1, 1.0]))
    assert put.pnl(paths, 0)[0, 0] > 0.01
    assert put.pnl(paths, 1)[0, 0] <= 0


def test_report_names_the_underlying_and_the_account() -> None:
    """Two accounts, one underlying each: only the one that is exposed to the crash fails, and only there."""
    spot = np.array([[0.5, 1.0]])
    paths = Paths(
        {"BTC": spot, "ETH": np.ones_like(spot)}, dict.fromkeys(("BTC", "ETH"), np.ones_like(spot)), np.ones(1)
    )
    held = exposure([[1.0, 0.0], [0.0, 1.0]], [10.0, 10.0], [4.0, 4.0], perpetuals("BTC", "ETH"))
    report = assess(held, paths, slippage=0.0)
    assert report.mean_deficit == pytest.approx(20.0)
    assert report.expected_shortfall == pytest.approx(40.0)
    assert report.fund_exhausted == pytest.approx(0.5)
    assert report.underlyings["BTC"] == UnderlyingOdds(insolvency=0.5, expected_shortfall=40.0)
    assert report.underlyings["ETH"] == UnderlyingOdds(insolvency=0.0, expected_shortfall=0.0)
    assert [(account.subaccount, account.insolvency) for account in report.worst] == [(1, 0.5)]


def test_paths_have_the_moments_that_the_model_says() -> None:
    """A day in 24 steps: vol of the diffusion, jumps that come together and raise vols."""
    calm = JumpDiffusion(jumps=0.0)
    paths = simulate(calm, {"BTC": 0.8, "ETH": 1.0}, paths=20_000, steps=24, days=1.0, rng=np.random.default_rng(7))
    logs = {symbol: np.log(paths.spot[symbol][-1]) for symbol in paths.spot}
    assert logs["BTC"].std() * np.sqrt(365) == pytest.approx(0.8, rel=0.03)
    assert np.corrcoef(logs["BTC"], logs["ETH"])[0, 1] == pytest.approx(calm.correlation, abs=0.02)
    assert paths.spot["BTC"][-1].mean() == pytest.approx(1.0, abs=0.002)
    jumpy = JumpDiffusion(jumps=365.0, jump_mean=-0.1, jump_deviation=0.0)
    crash = simulate(jumpy, {"BTC": 0.1}, paths=20_000, steps=24, days=1.0, rng=np.random.default_rng(7))
    fallen = crash.spot["BTC"][-1] < 0.93
    assert fallen.mean() == pytest.approx(1 - np.exp(-1), abs=0.02)
    assert np.median(crash.vol["BTC"][-1][fallen]) > 1.3 * np.median(crash.vol["BTC"][-1][~fallen])


def test_expected_shortfall_is_the_mean_of_the_tail() -> None:
    assert expected_shortfall(np.arange(1000.0)) == pytest.approx(np.arange(990, 1000).mean())
    assert expected_shortfall(np.array([3.0, 1.0])) == 3.0


def report_of(shortfall: float) -> RiskReport:
    return RiskReport(
        insurance=100.0, underlyings={"BTC": UnderlyingOdds(insolvency=0.1, expected_shortfall=shortfall)}
    )


def test_guard_closes_after_enough_reports_and_reopens_with_hysteresis() -> None:
    guard = Guard(Limits(close=1.0, open=0.5, confirm=2))
    said = [guard.decide(report_of(value)) for value in (150, 90, 150, 150, 80, 40, 60, 40, 40, 40)]
    # One report above is not enough; 80 is not low enough; 40 must come twice in a row.
    assert said == [{}, {}, {}, {"BTC": Mode.CANCEL_ONLY}, {}, {}, {}, {}, {"BTC": Mode.NORMAL}, {}]


@pytest.mark.parametrize(("paths", "steps", "days"), [(0, 1, 1.0), (1, 0, 1.0), (1, 1, 0.0)])
def test_paths_need_a_path_a_step_and_a_horizon(paths: int, steps: int, days: float) -> None:
    with pytest.raises(ValueError, match="paths need"):
        simulate(JumpDiffusion(), {"BTC": 0.5}, paths=paths, steps=steps, days=days, rng=np.random.default_rng(1))
