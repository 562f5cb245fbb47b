"""The options that ours and every peer price: columns of full length, nothing shared between options."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

Call = Callable[[], float]
"""Prices the whole workload once; the nanoseconds that it took for each option."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Columns of one length; ``is_call`` is boolean."""

    forward: FloatArray
    strike: FloatArray
    t: FloatArray
    sigma: FloatArray
    is_call: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.forward)


def greeks_workload(count: int) -> Workload:
    """Options as an exchange lists them: a day to a year, strikes within 2.5 deviations, vols of 30–120 %."""
    random = np.random.default_rng(20260221)
    t = random.integers(1, 366, count) / 365
    sigma = random.uniform(0.3, 1.2, count)
    forward = random.uniform(60_000.0, 75_000.0, count)
    strike = forward * np.exp(random.uniform(-2.5, 2.5, count) * sigma * np.sqrt(t))
    return Workload(forward, strike, t, sigma, random.random(count) < 0.5)


def out_of_the_money(options: Workload) -> Workload:
    """The same options, each turned to the side that implied vols are taken from."""
    return Workload(options.forward, options.strike, options.t, options.sigma, options.strike >= options.forward)
