"""Thousands of random days through the real engine: the venue is built once, every path goes on from a copy of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.agents.market.fitted import FittedUnderlying
from synchromesh.clock import SECOND
from synchromesh.execution.marks.settlement import variance_years
from synchromesh.risk.stress.bars import Bars, IndexPath
from synchromesh.risk.stress.market import StressMarket, recorded_market
from synchromesh.risk.stress.replay import Replay, Settings
from synchromesh.risk.stress.report import Kind, Report, Spread
from synchromesh.risk.stress.stochastic.calibration import (
    Calibration,
    CalibrationError,
    Quote,
    calibrate_bates,
    with_variance_jumps,
)
from synchromesh.risk.stress.stochastic.processes import (
    BatesParameters,
    Paths,
    SvjjParameters,
    simulate_bates,
    simulate_bootstrap,
    simulate_svjj,
)
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]

PER_HOUR = 4
"""Marks an hour, and points of Bates and SVJJ paths; the bootstrap's are hourly, in between the log index is linear."""
REFRESH = 120 * SECOND
"""Time between marks while a liquidation runs: none of its marks goes stale, as on a venue."""
BOOTSTRAP_REVERSION = 30.0
"""Speed a year at which bootstrapped variance is expected to revert to its level at the start."""
LEVEL_MIN, LEVEL_MAX = 0.25, 25.0
"""Bounds of a smile's variance against that of the start."""


class Model(StrEnum):
    """Where paths come from."""

    BATES = "bates"
    SVJJ = "svjj"
    BOOTSTRAP = "bootstrap"


class PathsReport(msgspec.Struct, frozen=True):
    """What thousands of paths did. Money in USDC, shares of 1.

    Attributes:
        model: ``bates``, ``svjj`` or ``bootstrap``.
        symbol: The underlying.
        paths: How many.
        hours: Length of each.
        seed: Of paths and population.
        accounts: Accounts of the population.
        parameters: Of the model; None for the bootstrap.
        calibration_error: Root mean square error of the calibration, vol points.
        lowest: Lowest index of a path against its start.
        last: Index at its end.
        called: Accounts that got a margin call, of each path.
        liquidated: Accounts of which a liquidation began.
        insolvent: Accounts whose value was negative at some time.
        paths_with_insolvency: Share of the paths with at least one.
        odds_of_insolvency: Mean share of the accounts that become insolvent in a path.
        deepest_deficit: Deepest of each path.
        insurance_start: The fund at the start.
        insurance_used: What it paid in each path.
        insurance_shortfall_99: Mean of what it paid in the worst hundredth of the paths.
        insurance_exhausted: Share of the paths in which nothing was left of it.
        adl_paths: Share of the paths with deleveraging.
        conserved: Whether the audit found every path in order.
        kinds: Accounts of each kind: those called, liquidated and insolvent in a mean path, rounded up.
        seconds: What it took.
    """

    model: str
    symbol: str
    paths: int
    hours: int
    seed: int
    accounts: int
    parameters: BatesParameters | SvjjParameters | None
    calibration_error: float | None
    lowest: Spread
    last: Spread
    called: Spread
    liquidated: Spread
    insolvent: Spread
    paths_with_insolvency: float
    odds_of_insolvency: float
    deepest_deficit: Spread
    insurance_start: float
    insurance_used: Spread
    insurance_shortfall_99: float
    insurance_exhausted: float
    adl_paths: float
    conserved: bool
    kinds: list[Kind]
    seconds: float


@dataclass(frozen=True, slots=True)
class ModelSurfaces:
    """Smiles of the start, each scaled by what the model's variance says of its time to expiry.

    With ``v`` the variance now, ``θ`` its long level, ``κ`` its speed and ``J`` the variance of jumps, all a year, the
    mean variance over T years is ``J + θ + (v − θ)·(1 − e^(−κT))/(κT)``; a smile moves in proportion to it and sticks
    to moneyness.
    """

    base: StressMarket
    seconds: FloatArray
    variance: FloatArray
    kappa: float
    theta: float
    jumps: float

    def basis(self, expiry: int, time: int) -> float:
        """That of the start."""
        return self.base.surfaces.basis(expiry, self.base.start)

    def smiles(self, expiries: Sequence[int], time: int, index: float) -> list[Smile]:
        """Those of the start, scaled."""
        start = self.base.start
        now = float(np.interp((time - start) / SECOND, self.seconds, self.variance))
        first = self.base.surfaces.smiles(expiries, start, index)
        found = []
        for expiry, smile in zip(expiries, first, strict=True):
            whole, left = variance_years(start, expiry), variance_years(time, expiry)
            level = self._mean(now, left) / self._mean(float(self.variance[0]), whole)
            found.append(smile.scaled(min(max(level, LEVEL_MIN), LEVEL_MAX) * left / whole))
        return found

    def _mean(self, variance: float, years: float) -> float:
        reach = self.kappa * max(years, 1e-9)
        return self.jumps + self.theta + (variance - self.theta) * float(-np.expm1(-reach) / reach)


@dataclass(frozen=True)
class Simulation:
    """Paths with what belongs to them."""

    paths: Paths
    kappa: float
    theta: float
    jumps: float
    parameters: BatesParameters | SvjjParameters | None
    error: float | None


def simulate(model: Model, part: FittedUnderlying, bars: Bars | None, count: int, hours: int, seed: int) -> Simulation:
    """Returns the paths of a model: calibrated to the first chain of ``part``, or drawn from ``bars``.

    Raises:
        CalibrationError: When the model cannot be calibrated, or the bootstrap has no bars.
        PriceDataError: When the bars give too few returns.
    """
    if model == Model.BOOTSTRAP:
        if bars is None:
            raise CalibrationError("the bootstrap needs recorded prices")
        paths = simulate_bootstrap(bars, count, hours, seed)
        return Simulation(paths, BOOTSTRAP_REVERSION, float(paths.variance[0, 0]), 0.0, None, None)
    found = calibrated(part)
    bates = found.parameters
    if model == Model.BATES:
        paths = simulate_bates(bates, count, hours, seed, PER_HOUR)
        return Simulation(paths, bates.kappa, bates.theta, bates.jump_variance, bates, found.error)
    svjj = with_variance_jumps(bates, part.symbol)
    paths = simulate_svjj(svjj, count, hours, seed, PER_HOUR)
    return Simulation(paths, bates.kappa, bates.theta, bates.jump_variance, svjj, found.error)


def calibrated(part: FittedUnderlying) -> Calibration:
    """Returns the Bates model of the first chain.

    Raises:
        CalibrationError: When it cannot be calibrated.
    """
    quotes = [
        Quote(each.expiry, each.slices[0].forward, each.slices[0].smile)
        for each in part.expiries
        if each.slices[0].snapshot == 0
    ]
    return calibrate_bates(part.times[0], part.index[0], quotes)


def run_paths(
    model: Model,
    part: FittedUnderlying,
    bars: Bars | None,
    count: int,
    hours: int,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> PathsReport:
    """Returns what the paths of a model do to a population that trades the first chain of ``part``.

    Raises:
        CalibrationError, PriceDataError: As :func:`simulate`.
    """
    simulation = simulate(model, part, bars, count, hours, settings.seed)
    base = recorded_market(part, None, None, None, 600 * SECOND, settings.seed)
    start = base.start
    # Built at the start and never run: each path begins where it stands.
    still = replace(base, path=IndexPath(base.path.time[:2], base.path.price[[0, 0]]))
    origin = Replay([still], replace(settings, loaded=0))
    ends = start + (simulation.paths.seconds * SECOND).astype(np.int64)
    times = np.arange(start, ends[-1] + 1, 3_600 * SECOND // PER_HOUR)
    reports = []
    for number in range(count):
        variance = simulation.paths.variance[number]
        surfaces = ModelSurfaces(
            base, simulation.paths.seconds, variance, simulation.kappa, simulation.theta, simulation.jumps
        )
        path = IndexPath(ends, base.path.at(start) * simulation.paths.index[number])
        reports.append(origin.branch([replace(base, path=path, surfaces=surfaces, times=times, refresh=REFRESH)]).run())
        if progress is not None:
            progress(number + 1, count)
    return _report(model, part.symbol, hours, settings, simulation, reports)


def _report(
    model: Model, symbol: str, hours: int, settings: Settings, simulation: Simulation, reports: Sequence[Report]
) -> PathsReport:
    used = np.array([each.insurance_used for each in reports])
    worst = np.sort(used)[-max(len(used) // 100, 1) :]
    index = simulation.paths.index
    first = reports[0]
    kinds = []
    for place, kind in enumerate(first.kinds):
        same = [each.kinds[place] for each in reports]
        kinds.append(
            msgspec.structs.replace(
                kind,
                called=int(np.ceil(np.mean([each.called for each in same]))),
                liquidated=int(np.ceil(np.mean([each.liquidated for each in same]))),
                insolvent=int(np.ceil(np.mean([each.insolvent for each in same]))),
                deepest_deficit=max(each.deepest_deficit for each in same),
                equity_end=round(float(np.mean([each.equity_end for each in same])), 2),
            )
        )
    return PathsReport(
        model=model.value,
        symbol=symbol,
        paths=len(reports),
        hours=hours,
        seed=settings.seed,
        accounts=first.accounts,
        parameters=simulation.parameters,
        calibration_error=simulation.error,
        lowest=Spread.of(index.min(axis=1).tolist()),
        last=Spread.of(index[:, -1].tolist()),
        called=Spread.of([each.called for each in reports]),
        liquidated=Spread.of([each.liquidated for each in reports]),
        insolvent=Spread.of([each.insolvent for each in reports]),
        paths_with_insolvency=float(np.mean([each.insolvent > 0 for each in reports])),
        odds_of_insolvency=float(np.mean([each.insolvent / max(each.accounts, 1) for each in reports])),
        deepest_deficit=Spread.of([each.deepest_deficit for each in reports]),
        insurance_start=first.insurance_start,
        insurance_used=Spread.of(used.tolist()),
        insurance_shortfall_99=round(float(worst.mean()), 2),
        insurance_exhausted=float(np.mean([each.insurance_end <= 0 for each in reports])),
        adl_paths=float(np.mean([each.adl > 0 for each in reports])),
        conserved=all(each.conserved for each in reports),
        kinds=kinds,
        seconds=round(sum(each.seconds for each in reports), 2),
    )
