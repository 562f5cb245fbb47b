"""Raw SVI slices in Python: value, arbitrage test, mixing, and the fixed point of marks.

``w(k) = a + b (ρ (k − m) + √((k − m)² + σ²))``, w total implied variance, k = ln(K/F) (Gatheral 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from synchromesh.protocol import NANO_ONE, SviSlice

FloatArray = npt.NDArray[np.float64]

VARIANCE_MIN = 1e-8
"""Lowest total variance that a mark's smile may have."""
SMOOTHNESS_MIN = 1e-6
"""Lowest σ that a mark's smile may have."""


@dataclass(frozen=True, slots=True)
class Smile:
    """One raw SVI slice; parameters as in the module's formula."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    @classmethod
    def from_fixed(cls, fixed: SviSlice) -> Self:
        """Returns the slice that the fixed point of marks says."""
        return cls(*(value / NANO_ONE for value in (fixed.a, fixed.b, fixed.rho, fixed.m, fixed.sigma)))

    @classmethod
    def from_wings(cls, lowest: float, right: float, left: float, m: float, sigma: float) -> Self:
        """Returns the slice with these lowest variance, slopes of the right and the left wing, shift and smoothness."""
        b = (right + left) / 2
        rho = (right - left) / (right + left) if b else 0.0
        return cls(lowest - sigma * float(np.sqrt(right * left)), b, rho, m, sigma)

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
    def parameters(self) -> tuple[float, float, float, float, float]:
        """(a, b, rho, m, sigma)."""
        return self.a, self.b, self.rho, self.m, self.sigma

    @property
    def lowest(self) -> float:
        """Lowest total variance of the slice."""
        return self.a + self.b * self.sigma * float(np.sqrt(1 - self.rho**2))

    @property
    def wings(self) -> tuple[float, float]:
        """Slopes of the left and the right wing, b(1 − ρ) and b(1 + ρ); above 2 is arbitrage (Lee 2004)."""
        return self.b * (1 - self.rho), self.b * (1 + self.rho)

    def mixed(self, other: Self, share: float) -> Self:
        """Returns the slice on the way to ``other``, linear in lowest variance, wing slopes, shift and smoothness.

        So it stays positive, and of two pairs whose wings are in order the mixtures' wings are.
        """
        mine, theirs = (np.array([each.lowest, *reversed(each.wings), each.m, each.sigma]) for each in (self, other))
        return type(self).from_wings(*(mine + (theirs - mine) * share).tolist())

    def scaled(self, factor: float) -> Self:
        """Returns the slice with its total variance multiplied by ``factor``; below 1 it stays free of arbitrage."""
        return type(self)(self.a * factor, self.b * factor, self.rho, self.m, self.sigma)

    def fixed(self) -> SviSlice:
        """Returns the slice in the fixed point of marks, 1e-9, lifted where rounding could take it below zero."""
        a = self.a + max(VARIANCE_MIN - self.lowest, 0.0)
        parameters = (a, self.b, self.rho, self.m, max(self.sigma, SMOOTHNESS_MIN))
        return SviSlice(*(round(value * NANO_ONE) for value in parameters))
