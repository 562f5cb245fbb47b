"""Marks and scenario lanes: what follows from an oracle's signed inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh import _native
from synchromesh.protocol import InstrumentSpec, MarkArrays, MarkInputs, ScenarioParameters

YEAR_NS = 365 * 86_400 * 1_000_000_000
"""Nanoseconds of the year that options count in."""
LANES = 64
"""Scenario lanes of an instrument."""
GAPS = 16
"""Interval gaps of an instrument."""


@dataclass(frozen=True, slots=True)
class RiskArrays:
    """Marks, Greeks, lanes and gaps of ``n`` instruments as columns, in the venue's integers.

    Attributes:
        mark: Marks, micro-USDC per contract; shape (n,).
        iv: Vols, 1e-9, 0 for a perpetual; shape (n,).
        delta: Deltas, 1e-9; shape (n,).
        vega: Vegas, micro-USDC per contract and vol point; shape (n,).
        lanes: P&L of one long lot in each scenario, lane units, rounded down; shape (n, 64).
        gaps: Most by which the chord of a cell exceeds the tangents at its ends, lane units per lot, rounded up;
            shape (n, 16).
    """

    mark: npt.NDArray[np.int64]
    iv: npt.NDArray[np.int64]
    delta: npt.NDArray[np.int64]
    vega: npt.NDArray[np.int64]
    lanes: npt.NDArray[np.int32]
    gaps: npt.NDArray[np.uint32]


def mark_arrays(
    inputs: MarkInputs, specs: Sequence[InstrumentSpec], scenario: ScenarioParameters | None = None
) -> MarkArrays:
    """Returns the marks that follow from ``inputs`` for instruments in ascending order; ``scenario`` adds lanes.

    Raises:
        MarkError: When the inputs contradict themselves or do not cover an instrument, or a parameter makes no sense.
    """
    encoded = None if scenario is None else scenario.encode()
    return MarkArrays.decode(_native.mark_arrays(inputs.encode(), [spec.encode() for spec in specs], encoded))


def risk_arrays(inputs: MarkInputs, specs: Sequence[InstrumentSpec], scenario: ScenarioParameters) -> RiskArrays:
    """Returns what :func:`mark_arrays` gives with ``scenario``, as arrays for computing with.

    Raises:
        MarkError: As :func:`mark_arrays`.
    """
    count = len(specs)
    mark, iv, delta, vega = np.empty((4, count), np.int64)
    lanes, gaps = np.empty((count, LANES), np.int32), np.empty((count, GAPS), np.uint32)
    encoded = [spec.encode() for spec in specs]
    columns = (mark, iv, delta, vega)
    _native.risk_arrays_into(inputs.encode(), encoded, scenario.encode(), columns, lanes.reshape(-1), gaps.reshape(-1))
    return RiskArrays(mark, iv, delta, vega, lanes, gaps)


def year_fraction(now_ns: int, expiry_ns: int) -> float:
    """Returns years of 365 days from ``now_ns`` to ``expiry_ns``, 0 when it has passed."""
    return max(expiry_ns - now_ns, 0) / YEAR_NS
