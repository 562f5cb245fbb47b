"""Vols where only the index was recorded: a rule, stated once, with what the crash of February 2026 taught.

At the money, for ``T`` years ahead,

    σ(T) = clip(√(v_T) − β(T) · ln(S / R), 0.5·√(v_T), 5)

* ``v_T`` is the variance expected over T: an exponentially weighted mean of squared returns (half-life two days, each
  return limited to four of the standard deviations before it), reverting to the level of the start in some 30 days.
* ``R`` is the exponentially weighted mean of the log price, half-life one day: what the market has got used to.
* ``β(T)`` is the recorded response of the vol at the money to the log return of the index, over the snapshots of 4 to 7
  February 2026 (:data:`SPOT_VOL_RESPONSE`).

The smile is an SSVI slice, ``φ = η/√θ`` with ``ρ`` and ``η`` of the same days. η(1 + |ρ|) ≤ 2 keeps butterflies out
(Gatheral, Jacquier 2014); total variance rises with T because each slice is lifted to the one before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh.clock import DAY_NS, SECOND
from synchromesh.risk.stress.bars import YEAR, Bars
from synchromesh.risk.surface import Smile

FloatArray = npt.NDArray[np.float64]

SPOT_VOL_RESPONSE = {
    "BTC": {1.5: 4.99, 5.0: 3.62, 13.0: 2.73, 40.0: 1.84, 90.0: 1.06, 200.0: 0.49},
    "ETH": {1.5: 4.22, 5.0: 3.03, 13.0: 2.03, 40.0: 1.21, 90.0: 0.59, 200.0: 0.17},
}
"""β by days to expiry: fall of the vol at the money per unit of log return, least squares through the origin."""
RHO, ETA = -0.3, 1.03
"""Slope of the smile: ρη/2 = −0.155 is the recorded ∂σ/∂k · √T at the money."""
VARIANCE_HALF_LIFE = 2 * DAY_NS
REFERENCE_HALF_LIFE = DAY_NS
REVERSION_DAYS = 30.0
LIMIT = 4.0
"""Most standard deviations of a return that count."""
VOL_RANGE = (0.3, 1.5)
"""Bounds of the level at the start."""
VOL_MAX = 5.0


@dataclass(frozen=True, slots=True)
class VolState:
    """What the rule remembers at one moment: variance a year, its level at the start, log price it is used to."""

    variance: float
    level: float
    reference: float


class VolRule:
    """The rule over the bars of one underlying.

    Args:
        bars: All bars that are known, those before the replay included.
        start: Beginning of the replay, ns: its level is that of the variance then.
    """

    def __init__(self, bars: Bars, start: int) -> None:
        response = SPOT_VOL_RESPONSE.get(bars.symbol, SPOT_VOL_RESPONSE["BTC"])
        self._days, self._beta = (np.array(column) for column in zip(*sorted(response.items()), strict=True))
        self._time = bars.time + bars.step
        self._variance, self._reference = _filtered(bars, start)
        place = max(int(np.searchsorted(self._time, start, side="right")) - 1, 0)
        self._level = float(np.clip(self._variance[place], VOL_RANGE[0] ** 2, VOL_RANGE[1] ** 2))
        self._log_start = float(np.log(bars.open[0]))

    def state(self, time: int) -> VolState:
        """Returns the rule's memory at a time: of the bars that had ended by then."""
        place = int(np.searchsorted(self._time, time, side="right")) - 1
        if place < 0:
            return VolState(self._level, self._level, self._log_start)
        return VolState(float(self._variance[place]), self._level, float(self._reference[place]))

    def at_the_money(self, state: VolState, index: float, years: float) -> float:
        """Returns the vol at the money, 1 = 100 %."""
        days = max(years * 365, 1e-3)
        share = -math.expm1(-days / REVERSION_DAYS) / (days / REVERSION_DAYS)
        base = math.sqrt(state.level + (state.variance - state.level) * share)
        beta = float(np.interp(math.log(days), np.log(self._days), self._beta))
        vol = base - beta * (math.log(index) - state.reference)
        return min(max(vol, base / 2), VOL_MAX)

    def smiles(self, time: int, index: float, years: list[float]) -> list[Smile]:
        """Returns the slices of expiries that lie ``years`` ahead, ascending."""
        state = self.state(time)
        found: list[Smile] = []
        least = 0.0
        for ahead in years:
            theta = max(self.at_the_money(state, index, ahead) ** 2 * ahead, least)
            least = theta
            found.append(ssvi(theta))
        return found


def ssvi(theta: float) -> Smile:
    """Returns the SSVI slice of a total variance at the money as raw SVI."""
    phi = ETA / math.sqrt(theta)
    root = math.sqrt(1 - RHO**2)
    return Smile(theta * (1 - RHO**2) / 2, theta * phi / 2, RHO, -RHO / phi, root / phi)


def _filtered(bars: Bars, start: int) -> tuple[FloatArray, FloatArray]:
    """Variance a year and mean log price after each bar."""
    logs = np.log(bars.close)
    before = bars.time < start
    calm = np.diff(logs[before]) if np.count_nonzero(before) > 30 else np.diff(logs[:30])
    first = float(np.mean(calm**2)) if len(calm) else 0.0
    per_year = YEAR * SECOND / bars.step
    variance = max(first, VOL_RANGE[0] ** 2 / per_year)
    decay, pull = (0.5 ** (bars.step / life) for life in (VARIANCE_HALF_LIFE, REFERENCE_HALF_LIFE))
    reference = float(np.log(bars.open[0]))
    variances, references = np.empty(len(bars)), np.empty(len(bars))
    last = float(np.log(bars.open[0]))
    for place, log in enumerate(logs.tolist()):
        variance = decay * variance + (1 - decay) * min((log - last) ** 2, LIMIT**2 * variance)
        reference = pull * reference + (1 - pull) * log
        variances[place], references[place] = variance * per_year, reference
        last = log
    return variances, references
