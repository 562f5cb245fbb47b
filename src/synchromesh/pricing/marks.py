"""Marks: what follows from an oracle's signed inputs."""

from __future__ import annotations

from collections.abc import Sequence

from synchromesh import _native
from synchromesh.protocol import InstrumentSpec, MarkArrays, MarkInputs

YEAR_NS = 365 * 86_400 * 1_000_000_000
"""Nanoseconds of the year that options count in."""


def mark_arrays(inputs: MarkInputs, specs: Sequence[InstrumentSpec]) -> MarkArrays:
    """Returns the marks that follow from ``inputs`` for instruments in ascending order.

    Raises:
        MarkError: When the inputs contradict themselves or do not cover an instrument.
    """
    return MarkArrays.decode(_native.mark_arrays(inputs.encode(), [spec.encode() for spec in specs]))


def year_fraction(now_ns: int, expiry_ns: int) -> float:
    """Returns years of 365 days from ``now_ns`` to ``expiry_ns``, 0 when it has passed."""
    return max(expiry_ns - now_ns, 0) / YEAR_NS
