"""Moves of a market: where the adversary looks for the loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synchromesh.protocol import NANO_ONE
from synchromesh.protocol.risk import ScenarioParameters

FloatArray = npt.NDArray[np.float64]

FRONT_DAYS = 7.0
"""Expiries within so many days are the front."""
VOL_LEAST = 0.05
"""Vols keep at least this share of themselves in the lanes; so they do in every move."""
SKEW_DAYS = 30.0
"""Days at which a unit of log-moneyness counts once in the skew lanes."""


@dataclass(frozen=True, slots=True)
class Move:
    """One scenario, exact: every part of it happens at once. Vols stick to the strike.

    Attributes:
        spot: Relative move of index and forwards.
        row: Where the vols go between and beyond the rows: 1 is vol up, −1 vol down, 0 unchanged; between them linear
            in the vol, beyond them the same shift times the number.
        multiple: Factor on every vol afterwards.
        front: Relative rise of the vols of expiries within `FRONT_DAYS`, afterwards.
        skew_linear: Shift of the linear skew lane, times this.
        skew_absolute: Shift of the absolute skew lane, times this.
        term: Shift of the term lane "front up, back down", times this.
        basis: Change of the yearly rate of the basis: a forward with T years left moves by e^(basis·T) besides.
        days: Days that pass.
    """

    spot: float = 0.0
    row: float = 0.0
    multiple: float = 1.0
    front: float = 0.0
    skew_linear: float = 0.0
    skew_absolute: float = 0.0
    term: float = 0.0
    basis: float = 0.0
    days: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.spot:+.1%}"]
        if self.row:
            parts.append(f"row {self.row:+g}")
        if self.multiple != 1:
            parts.append(f"vol × {self.multiple:g}")
        if self.front:
            parts.append(f"front vol {self.front:+.0%}")
        parts.extend(
            f"{name} {value:+g}"
            for name, value in (("skew", self.skew_linear), ("|skew|", self.skew_absolute), ("term", self.term))
            if value
        )
        if self.basis:
            parts.append(f"basis {self.basis:+.0%} a year")
        if self.days:
            parts.append(f"{self.days * 24:g} h" if self.days < 1 else f"{self.days:g} d")
        return ", ".join(parts)


def shocked_vols(vol: FloatArray, t: FloatArray, k: FloatArray, move: Move, scenario: ScenarioParameters) -> FloatArray:
    """Returns the vols of strikes after a move, by the formulas of ``docs/protocol/marks.md``.

    Args:
        vol: Vols now, (n,).
        t: Years to expiry now, (n,).
        k: Log-moneyness now, (n,).
        move: The move.
        scenario: What the rows and lanes are made with.
    """
    days = np.maximum(t * 365, 1.0)
    x = (30 / days) ** np.where(days < 30, scenario.power_short / NANO_ONE, scenario.power_long / NANO_ONE)
    if move.row >= 0:
        row = np.maximum(vol * (1 + scenario.vol_up / NANO_ONE * x), scenario.vol_floor / NANO_ONE)
    else:
        row = vol * np.maximum(1 - scenario.vol_down / NANO_ONE * x, VOL_LEAST)
    moved = vol + abs(move.row) * (row - vol)
    scaled = np.clip(k * np.sqrt(SKEW_DAYS / days), -1, 1)
    moved = moved + move.skew_linear * scenario.skew_linear / NANO_ONE * scaled
    moved = moved + move.skew_absolute * scenario.skew_absolute / NANO_ONE * np.abs(scaled)
    share = SKEW_DAYS / (SKEW_DAYS + days)
    twist = scenario.term_front / NANO_ONE * share - scenario.term_back / NANO_ONE * (1 - share)
    front = np.where(t * 365 <= FRONT_DAYS, 1 + move.front, 1.0)
    factor = np.maximum(1 + move.term * twist, VOL_LEAST) * move.multiple * front
    return np.maximum(moved * factor, VOL_LEAST * vol)
