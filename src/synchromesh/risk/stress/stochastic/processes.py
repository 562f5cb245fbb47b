"""Random paths of index and variance: Bates, SVJJ, and a filtered historical bootstrap.

    dS/S = −λ·m·dt + √v·dW + (e^J − 1)·dN          m = E[e^J] − 1
    dv   = κ(θ − v)·dt + σ√v·dZ + Y·dN             corr(dW, dZ) = ρ

Bates (1996) has no Y and J normal with mean ν and deviation δ. SVJJ (Duffie, Pan, Singleton 2000) lets the variance
jump with the price: Y is exponential with mean μ_v, and J normal with mean ν + ρ_J·(Y − μ_v). Variance is simulated
with full truncation Euler steps. The index has no drift: a day's is nothing beside its vol.

The bootstrap draws the standardised residuals of recorded hourly returns and gives them the vol that an exponentially
weighted filter has along the path (Barone-Adesi, Giannopoulos, Vosper 1999).
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.clock import SECOND
from synchromesh.risk.stress.bars import YEAR, Bars, PriceDataError

FloatArray = npt.NDArray[np.float64]

SUBSTEPS = 6
"""Euler steps in one step of a path."""
FILTER_DECAY = 0.97
"""Weight of the variance before, per return of an hour."""
RETURNS_MIN = 200
"""Fewest returns to draw from."""


class BatesParameters(msgspec.Struct, frozen=True):
    """Bates (1996): variance now, its speed and level, vol of vol, correlation, jumps a year and their distribution."""

    v0: float
    kappa: float
    theta: float
    sigma: float
    rho: float
    intensity: float
    jump_mean: float
    jump_deviation: float

    @property
    def jump_variance(self) -> float:
        """Variance a year that jumps of the price add."""
        return self.intensity * (self.jump_mean**2 + self.jump_deviation**2)


class SvjjParameters(msgspec.Struct, frozen=True):
    """Duffie, Pan, Singleton (2000): Bates with a mean jump of the variance and what a jump of the price owes to it."""

    bates: BatesParameters
    variance_jump: float
    jump_correlation: float


@dataclass(frozen=True, slots=True)
class Paths:
    """Simulated paths.

    Attributes:
        seconds: Times from the start, seconds, (m,), the first 0.
        index: Index relative to the start, (paths, m).
        variance: Variance a year at each time, (paths, m).
    """

    seconds: FloatArray
    index: FloatArray
    variance: FloatArray


def simulate_bates(parameters: BatesParameters, count: int, hours: int, seed: int, per_hour: int = 1) -> Paths:
    """Returns Bates paths, ``per_hour`` points an hour."""
    return simulate_svjj(SvjjParameters(parameters, 0.0, 0.0), count, hours, seed, per_hour)


def simulate_svjj(parameters: SvjjParameters, count: int, hours: int, seed: int, per_hour: int = 1) -> Paths:
    """Returns SVJJ paths, ``per_hour`` points an hour."""
    p, random = parameters.bates, np.random.default_rng(seed)
    steps = hours * per_hour
    dt = 3_600 / per_hour / SUBSTEPS / YEAR
    log, variance = np.zeros((count, steps + 1)), np.full((count, steps + 1), p.v0)
    owed = parameters.jump_correlation * parameters.variance_jump
    # E[e^J]: the normal part, and the exponential part that the variance's jump brings along.
    growth = np.exp(p.jump_mean - owed + p.jump_deviation**2 / 2) / (1 - owed) - 1
    x, v = log[:, 0].copy(), variance[:, 0].copy()
    for step in range(1, steps + 1):
        for _ in range(SUBSTEPS):
            positive = np.maximum(v, 0)
            first, second = random.standard_normal((2, count))
            with_price = p.rho * first + np.sqrt(1 - p.rho**2) * second
            jumps = random.poisson(p.intensity * dt, count)
            raised = random.exponential(1.0, count) * jumps * parameters.variance_jump
            jump = jumps * (p.jump_mean - owed) + parameters.jump_correlation * raised
            jump = jump + np.sqrt(jumps) * p.jump_deviation * random.standard_normal(count)
            x = x - (p.intensity * growth + positive / 2) * dt + np.sqrt(positive * dt) * first + jump
            v = v + p.kappa * (p.theta - positive) * dt + p.sigma * np.sqrt(positive * dt) * with_price + raised
        log[:, step], variance[:, step] = x, np.maximum(v, 0)
    seconds = np.arange(steps + 1, dtype=np.float64) * 3_600 / per_hour
    return Paths(seconds, np.exp(log), variance)


def simulate_bootstrap(bars: Bars, count: int, hours: int, seed: int) -> Paths:
    """Returns filtered bootstrap paths of hourly points from bars of an hour or less.

    Raises:
        PriceDataError: When the bars are longer than an hour, or give too few returns.
    """
    returns = hourly_returns(bars)
    residuals, last = _residuals(returns)
    random = np.random.default_rng(seed)
    variance = np.full(count, last)
    log, variances = np.zeros((count, hours + 1)), np.empty((count, hours + 1))
    variances[:, 0] = last
    for step in range(1, hours + 1):
        drawn = np.sqrt(variance) * random.choice(residuals, count)
        log[:, step] = log[:, step - 1] + drawn
        variance = FILTER_DECAY * variance + (1 - FILTER_DECAY) * drawn**2
        variances[:, step] = variance
    seconds = np.arange(hours + 1, dtype=np.float64) * 3_600
    return Paths(seconds, np.exp(log), variances * (YEAR / 3_600))


def hourly_returns(bars: Bars) -> FloatArray:
    """Returns the log returns of whole hours that follow one another.

    Raises:
        PriceDataError: When the bars are longer than an hour, or give fewer than 200 returns.
    """
    hour = 3_600 * SECOND
    if bars.step > hour:
        raise PriceDataError(f"bars of {bars.step / hour:g} hours are too long for hourly returns")
    ends = bars.time + bars.step
    on_the_hour = ends % hour == 0
    times, closes = ends[on_the_hour], np.log(bars.close[on_the_hour])
    returns: FloatArray = np.diff(closes)[np.diff(times) == hour]
    if len(returns) < RETURNS_MIN:
        raise PriceDataError(f"{len(returns)} hourly returns are too few to draw from, {RETURNS_MIN} are needed")
    return returns


def _residuals(returns: FloatArray) -> tuple[FloatArray, float]:
    """Standardised residuals, centred and of variance 1, and the filter's variance after the last return."""
    variance = float(np.mean(returns[:100] ** 2))
    residuals = np.empty(len(returns))
    for place, value in enumerate(returns.tolist()):
        residuals[place] = value / np.sqrt(variance)
        variance = FILTER_DECAY * variance + (1 - FILTER_DECAY) * value**2
    centred = residuals - residuals.mean()
    return centred / centred.std(), variance
