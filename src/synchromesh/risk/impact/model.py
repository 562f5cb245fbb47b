"""What it costs to trade a size: the half spread, and a power law of the size against the depth.

    cost(q) = h + a · (q / D)^β · (σ / σ₀)^γ

with h the half spread, D the depth of the ladder, σ the vol of the mark and σ₀ = 80 %. ``a``, ``β`` and ``γ`` are
fitted to the logarithm of the recorded costs, so that options of one vol point and of ten count alike; a robust loss
keeps the few absurd quotes of a wing from deciding. The peer that it has to beat out of sample pays the half spread
whatever the size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from synchromesh.risk.impact.books import Ladder

FloatArray = npt.NDArray[np.float64]

VOL_UNIT = 0.8
"""σ₀."""
SHARES = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0])
"""Sizes at which a ladder is observed, share of its depth."""
EXPONENTS = (0.2, 2.5)
"""Bounds of β: near 0 the size does not matter, 1 is linear."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Costs of sizes: parallel columns; ``group`` says what stays together in a split."""

    group: npt.NDArray[np.int64]
    half_spread: FloatArray
    depth: FloatArray
    vol: FloatArray
    size: FloatArray
    cost: FloatArray

    def where(self, rows: npt.NDArray[np.bool_]) -> Observations:
        """Returns the rows that are marked."""
        columns = (self.half_spread, self.depth, self.vol, self.size, self.cost)
        return Observations(self.group[rows], *(column[rows] for column in columns))

    def __len__(self) -> int:
        return len(self.cost)


class ImpactModel(msgspec.Struct, frozen=True):
    """The power law; parameters as in the module's formula."""

    a: float
    beta: float
    gamma: float

    def cost(self, size: FloatArray, depth: FloatArray, half_spread: FloatArray, vol: FloatArray) -> FloatArray:
        """Returns the mean distance from the mid that a size pays, in the unit of ``half_spread``."""
        cost: FloatArray = half_spread + self.a * (size / depth) ** self.beta * (vol / VOL_UNIT) ** self.gamma
        return cost

    def predict(self, seen: Observations) -> FloatArray:
        """Returns the cost of every observation."""
        return self.cost(seen.size, seen.depth, seen.half_spread, seen.vol)


class Score(msgspec.Struct, frozen=True):
    """How far predictions are from what was recorded.

    Attributes:
        observations: How many.
        log_error: Root mean square of ln(predicted / recorded).
        absolute: Mean absolute error, vol points or basis points.
        bias: Mean of ln(predicted / recorded); negative: too cheap.
    """

    observations: int
    log_error: float
    absolute: float
    bias: float


def observe(ladders: Iterable[Ladder]) -> Observations:
    """Returns the costs of some shares of every ladder that has more than one level."""
    rows = []
    for ladder in ladders:
        if len(ladder.distance) < 2:
            continue
        sizes = SHARES * ladder.depth
        for size, cost in zip(sizes.tolist(), ladder.cost(sizes).tolist(), strict=True):
            rows.append((ladder.group, ladder.half_spread, ladder.depth, ladder.vol, size, cost))
    columns = np.array(rows, dtype=float).reshape(-1, 6).T
    return Observations(columns[0].astype(np.int64), *columns[1:])


def fit(seen: Observations, exponent: float | None = None) -> ImpactModel:
    """Returns the law that fits best; with ``exponent``, β is that (0.5: the square-root law).

    Raises:
        ValueError: When there are fewer than ten observations.
    """
    if len(seen) < 10:
        raise ValueError(f"{len(seen)} observations are too few to fit an impact model")
    target = np.log(seen.cost)

    def model(x: FloatArray) -> ImpactModel:
        return ImpactModel(float(np.exp(x[0])), float(x[1]) if exponent is None else exponent, float(x[2]))

    def errors(x: FloatArray) -> FloatArray:
        return np.log(model(x).predict(seen)) - target

    # Vols that do not differ say nothing about γ.
    free = 3.0 if np.ptp(seen.vol) > 0.01 else 1e-9
    bounds = ([-8.0, EXPONENTS[0], -free], [8.0, EXPONENTS[1], free])
    return model(least_squares(errors, [0.0, 0.7, 0.0], bounds=bounds, loss="soft_l1").x)


def score(predicted: FloatArray, recorded: FloatArray) -> Score:
    """Returns how good predictions are."""
    logs = np.log(predicted / recorded)
    absolute = float(np.abs(predicted - recorded).mean())
    return Score(len(recorded), float(np.sqrt(np.mean(logs**2))), absolute, float(logs.mean()))
