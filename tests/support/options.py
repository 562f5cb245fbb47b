"""Random options over the range in which the accuracy of the kernel is stated."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

LEAST_T, MOST_T = 60 / 31_536_000, 3.0
LEAST_SIGMA, MOST_SIGMA = 0.01, 4.0
LEAST_MONEYNESS, MOST_MONEYNESS = 0.05, 20.0


class Options(NamedTuple):
    """The arguments of `black76`."""

    forward: FloatArray
    strike: FloatArray
    t: FloatArray
    sigma: FloatArray
    is_call: npt.NDArray[np.bool_]


def random_options(count: int, seed: int, *, deviations: float | None = None) -> Options:
    """Options with T from a minute to three years, vol from 1 % to 400 %, and K/F from 0.05 to 20.

    `deviations`, if given, keeps the strike within that many σ√T of the forward (and within those bounds), where most
    options that trade lie; without it most options of a short time are far in or out of the money.
    """
    rng = np.random.default_rng(seed)
    forward = np.exp(rng.uniform(math.log(0.1), math.log(2e5), count))
    t = np.exp(rng.uniform(math.log(LEAST_T), math.log(MOST_T), count))
    sigma = np.exp(rng.uniform(math.log(LEAST_SIGMA), math.log(MOST_SIGMA), count))
    least, most = math.log(LEAST_MONEYNESS), math.log(MOST_MONEYNESS)
    if deviations is None:
        k = rng.uniform(least, most, count)
    else:
        k = np.clip(rng.uniform(-deviations, deviations, count) * sigma * np.sqrt(t), least, most)
    return Options(forward, forward * np.exp(k), t, sigma, rng.random(count) < 0.5)
