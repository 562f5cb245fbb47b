"""Smiles: raw SVI per expiry, fitted to a chain's quotes without butterfly or calendar arbitrage on the fitted grid.

Raw SVI (Gatheral 2004): ``w(k) = a + b (ρ (k − m) + √((k − m)² + σ²))``, w total implied variance, k = ln(K/F).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from synchromesh.pricing import VolStatus, implied_vol_status
from synchromesh.protocol import NANO_ONE, SviSlice
from synchromesh.risk.chains import ChainSlice

FloatArray = npt.NDArray[np.float64]

GRID = np.linspace(-1.5, 1.5, 61)
"""Log-moneyness at which arbitrage is looked for."""
QUOTES_MIN = 5
"""Fewest two-sided quotes a fit is made from; a slice has five parameters."""
VARIANCE_MIN = 1e-8
"""Lowest total variance that a mark's smile may have."""
TIGHTEST = 0.25
"""Half spread in vol points below which a quote counts no more than at it."""
CALENDAR_DEVIATIONS = 2.5
"""Standard deviations of the earlier expiry within which total variance may not fall from it to the next."""
PENALTY = 100.0
"""Weight of an arbitrage violation against a residual of one half spread."""


class SurfaceError(ValueError):
    """A slice cannot be fitted."""


@dataclass(frozen=True, slots=True)
class Smile:
    """One raw SVI slice; parameters as in the module's formula."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    def variance(self, k: FloatArray) -> FloatArray:
        """Returns total implied variance at log-moneyness ``k``."""
        x = k - self.m
        return self.a + self.b * (self.rho * x + np.sqrt(x * x + self.sigma**2))

    def vol(self, k: FloatArray, t: float) -> FloatArray:
        """Returns implied vol at ``k`` for ``t`` years."""
        return np.sqrt(np.maximum(self.variance(k), 1e-12) / t)

    def durrleman(self, k: FloatArray) -> FloatArray:
        """Returns Durrleman's g; the slice has no butterfly arbitrage where g ≥ 0 (Gatheral, Jacquier 2014)."""
        x = k - self.m
        root = np.sqrt(x * x + self.sigma**2)
        w = np.maximum(self.variance(k), 1e-12)
        first = self.b * (self.rho + x / root)
        second = self.b * self.sigma**2 / root**3
        g: FloatArray = (1 - k * first / (2 * w)) ** 2 - first**2 / 4 * (1 / w + 0.25) + second / 2
        return g

    @property
    def lowest(self) -> float:
        """Lowest total variance of the slice."""
        return self.a + self.b * self.sigma * float(np.sqrt(1 - self.rho**2))

    def mixed(self, other: Self, share: float) -> Self:
        """Returns the slice on the way to ``other``; mixes the lowest variance and not ``a``, so it stays positive."""

        def mix(mine: float, theirs: float) -> float:
            return mine + (theirs - mine) * share

        b, rho, sigma = mix(self.b, other.b), mix(self.rho, other.rho), mix(self.sigma, other.sigma)
        lowest = mix(self.lowest, other.lowest)
        return type(self)(lowest - b * sigma * float(np.sqrt(1 - rho**2)), b, rho, mix(self.m, other.m), sigma)

    def scaled(self, factor: float) -> Self:
        """Returns the slice with its total variance multiplied by ``factor``."""
        return type(self)(self.a * factor, self.b * factor, self.rho, self.m, self.sigma)

    def fixed(self) -> SviSlice:
        """Returns the slice in the fixed point of marks, 1e-9, lifted where rounding could take it below zero."""
        a = self.a + max(VARIANCE_MIN - self.lowest, 0.0)
        return SviSlice(*(round(value * NANO_ONE) for value in (a, self.b, self.rho, self.m, max(self.sigma, 1e-6))))


@dataclass(frozen=True, slots=True)
class SmileFit:
    """A fitted slice and how well it fits.

    Attributes:
        smile: The slice.
        quotes: How many quotes it was fitted to.
        error: Median absolute distance to their mid vols, 1 = 100 vol points.
        worst_g: Lowest Durrleman g on the grid.
    """

    smile: Smile
    quotes: int
    error: float
    worst_g: float


@dataclass(frozen=True, slots=True)
class VolQuotes:
    """Quotes of one expiry in vol, 1 = 100 %, ascending by log-moneyness.

    Attributes:
        k: Log-moneyness ln(K/F).
        mid: Vol of the mid price.
        half: Half the distance from the bid's vol to the ask's.
    """

    k: FloatArray
    mid: FloatArray
    half: FloatArray


def vol_quotes(chain: ChainSlice) -> VolQuotes:
    """Returns the out-of-the-money options with a sound two-sided quote: 0 < bid < ask, both with a vol."""
    out_of_the_money = np.where(chain.is_call, chain.strike >= chain.forward, chain.strike < chain.forward)
    sound = out_of_the_money & (chain.bid > 0) & (chain.ask > chain.bid)
    coin = np.stack([chain.bid, (chain.bid + chain.ask) / 2, chain.ask])
    (bid, mid, ask), status = implied_vol_status(
        coin * chain.forward, chain.forward, chain.strike, chain.t, chain.is_call
    )
    sound &= np.all(status == VolStatus.FOUND, axis=0)
    return VolQuotes(np.log(chain.strike[sound] / chain.forward), mid[sound], ((ask - bid) / 2)[sound])


def _floor(below: Smile, grid: FloatArray) -> FloatArray:
    """Total variance of the expiry before, 0 further out than its quotes have any weight."""
    reach = CALENDAR_DEVIATIONS * float(np.sqrt(below.variance(np.zeros(1))[0]))
    return np.where(np.abs(grid) <= reach, below.variance(grid), 0.0)


def fit_smile(chain: ChainSlice, below: Smile | None = None) -> SmileFit:
    """Fits one expiry.

    Args:
        chain: Its quotes.
        below: The slice of the expiry before; total variance may not fall below it.

    Raises:
        SurfaceError: When there are too few sound quotes.
    """
    # Imported here: whoever only evaluates smiles does not wait for SciPy.
    from scipy.optimize import least_squares

    quotes = vol_quotes(chain)
    k, vols = quotes.k, quotes.mid
    # A tight quote says more than a wide one; none says more than a quarter of a vol point.
    weight = 1 / np.maximum(quotes.half * 100, TIGHTEST)
    if len(k) < QUOTES_MIN:
        raise SurfaceError(f"{len(k)} sound quotes, {QUOTES_MIN} are needed")
    t = chain.t
    width = max(float(np.std(k)), 0.02)
    level = float(np.interp(0.0, k, vols)) ** 2 * t
    # Wings that no strike comes near to say nothing about the quotes; look where they are, and a bit beyond.
    grid = GRID * 2 * width
    floor = _floor(below, grid) if below is not None else None

    def smile_of(x: FloatArray) -> Smile:
        b, sigma = np.exp(x[1]), np.exp(x[4])
        rho = np.tanh(x[2])
        lowest = b * sigma * np.sqrt(1 - rho * rho)
        return Smile(float(np.exp(x[0]) - lowest), float(b), float(rho), float(x[3]), float(sigma))

    def residuals(x: FloatArray) -> FloatArray:
        smile = smile_of(x)
        parts = [(smile.vol(k, t) - vols) * 100 * weight, np.minimum(smile.durrleman(grid), 0.0) * PENALTY]
        if floor is not None:
            parts.append(np.minimum(smile.variance(grid) - floor, 0.0) / level * PENALTY)
        return np.concatenate(parts)

    # Bounds in units of the slice's own width and level keep a thin slice from running off along a flat direction.
    wing, spread = np.log(level / width), np.log(width)
    low = np.array([np.log(level) - 4, wing - 4, -3.0, -2 * width, spread - 2.5])
    high = np.array([np.log(level) + 1, min(wing + 2, np.log(2.0)), 3.0, 2 * width, spread + 1.5])
    start = np.clip([np.log(level * 0.8), wing, -0.2, 0.0, spread], low + 1e-9, high - 1e-9)
    found = least_squares(residuals, start, bounds=(low, high), loss="soft_l1", max_nfev=60)
    smile = smile_of(found.x)
    error = float(np.median(np.abs(smile.vol(k, t) - vols)))
    return SmileFit(smile, len(k), error, float(smile.durrleman(grid).min()))
