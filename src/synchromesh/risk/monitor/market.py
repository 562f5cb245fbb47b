"""Jump diffusion of index and vol: what the next day may bring, many times over."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

DAYS_PER_YEAR = 365.0


class JumpDiffusion(msgspec.Struct, frozen=True, kw_only=True):
    """How an index and the vols on it move together; Merton's jump diffusion, with vols that jump along.

    The diffusion's vol is the market's own: the at-the-money vol that the oracles signed. Jumps come to all underlyings
    at once, as crashes do; their sizes are correlated.

    Attributes:
        jumps: Expected number of jumps a year.
        jump_mean: Mean of a jump's log size.
        jump_deviation: Its deviation.
        jump_correlation: Correlation of the sizes of one jump in two underlyings.
        correlation: Correlation of the diffusions of two underlyings.
        vol_of_vol: Deviation of the log of a vol over a year.
        leverage: Correlation of a vol's diffusion with its index.
        vol_response: What a jump of log size −x adds to the log of the vols, as a multiple of x; jumps up add nothing.
    """

    jumps: float = 60.0
    jump_mean: float = -0.015
    jump_deviation: float = 0.06
    jump_correlation: float = 0.85
    correlation: float = 0.75
    vol_of_vol: float = 1.2
    leverage: float = -0.5
    vol_response: float = 3.0


@dataclass(frozen=True, slots=True)
class Paths:
    """Simulated paths.

    Attributes:
        spot: Index over its present value, by symbol, (steps, paths).
        vol: Vols over their present values, by symbol, (steps, paths).
        days: Days that have passed at each step, (steps,).
    """

    spot: Mapping[str, FloatArray]
    vol: Mapping[str, FloatArray]
    days: FloatArray

    @property
    def count(self) -> int:
        """Number of paths."""
        return int(next(iter(self.spot.values())).shape[1])


def simulate(
    model: JumpDiffusion,
    vols: Mapping[str, float],
    *,
    paths: int,
    steps: int,
    days: float,
    rng: np.random.Generator,
) -> Paths:
    """Simulates ``paths`` paths of ``steps`` equal steps over ``days`` days.

    Args:
        model: How markets move.
        vols: At-the-money vol of each underlying, 1 = 100 %.
        paths: Number of paths.
        steps: Number of steps.
        days: Horizon.
        rng: Where the draws come from.

    Raises:
        ValueError: When there is no underlying, path or step, or the horizon is not positive.
    """
    if not vols or paths < 1 or steps < 1 or days <= 0:
        raise ValueError("paths need an underlying, a path, a step and a horizon")
    symbols = sorted(vols)
    years = days / steps / DAYS_PER_YEAR
    shape = (steps, paths)
    diffused = _correlated(rng, len(symbols), model.correlation, shape) * np.sqrt(years)
    jumped = _jumps(model, len(symbols), shape, years, rng)
    spot, vol = {}, {}
    for place, symbol in enumerate(symbols):
        moved, jump = diffused[place], jumped[place]
        own = rng.standard_normal(shape) * np.sqrt(years)
        drift = 0.5 * vols[symbol] ** 2 * years
        spot[symbol] = np.exp(np.cumsum(vols[symbol] * moved - drift + jump, axis=0))
        followed = model.leverage * moved + np.sqrt(1 - model.leverage**2) * own
        vol[symbol] = np.exp(
            np.cumsum(
                model.vol_of_vol * followed
                - 0.5 * model.vol_of_vol**2 * years
                + model.vol_response * np.maximum(-jump, 0.0),
                axis=0,
            )
        )
    passed = np.linspace(days / steps, days, steps, dtype=np.float64)
    return Paths(spot, vol, passed)


def alone(paths: Paths, symbol: str) -> Paths:
    """Returns the same paths with every underlying but ``symbol`` at rest."""
    still = np.ones_like(paths.spot[symbol])
    rest: Sequence[str] = [other for other in paths.spot if other != symbol]
    return Paths(
        {symbol: paths.spot[symbol]} | dict.fromkeys(rest, still),
        {symbol: paths.vol[symbol]} | dict.fromkeys(rest, still),
        paths.days,
    )


def _correlated(rng: np.random.Generator, count: int, correlation: float, shape: tuple[int, int]) -> FloatArray:
    """Standard normals with one correlation between any two of ``count``, (count, *shape)."""
    common = rng.standard_normal(shape)
    own = rng.standard_normal((count, *shape))
    mixed: FloatArray = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    return mixed


def _jumps(
    model: JumpDiffusion, count: int, shape: tuple[int, int], years: float, rng: np.random.Generator
) -> FloatArray:
    """Sum of the log jumps of each step, (count, *shape): n jumps sum to a normal of n times mean and variance."""
    number = rng.poisson(model.jumps * years, shape).astype(np.float64)
    size = _correlated(rng, count, model.jump_correlation, shape)
    total: FloatArray = model.jump_mean * number + model.jump_deviation * np.sqrt(number) * size
    return total
