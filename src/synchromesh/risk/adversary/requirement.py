"""The initial margin of one underlying as linear rows: what the adversary's linear program is made of.

A portfolio is long ``l ≥ 0`` and short ``s ≥ 0`` contracts of each instrument. Its margin is the smallest number above
every state of the scan, plus the add-ons:

    scan  ≥  Σ s·(L + u) − Σ l·(L − gap)      for every lane or end of a cell, u one lane unit: rounding is the holder's
    basis_e  ≥  ± move_e · Σ (l − s)·delta·F   per expiry, the perpetual one of its own
    floor_K  ≥  share · Σ (s − l)              per strike and expiry, calls and puts together

Everything counts per contract and in shares of the index. Add-ons for concentration are quadratic in the position and
vanish with it: a portfolio that is small enough has none, so the adversary, whose portfolios have no scale, counts
none. The confidence add-on is in proportion to the net delta, and 0 at a certain index.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np
import numpy.typing as npt

from synchromesh.protocol import CONTRACT, NANO_ONE, USD
from synchromesh.protocol.risk import RiskParameters
from synchromesh.risk.adversary.market import LabMarket

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NODES = 17
"""Price nodes of a vol row."""
CELLS = NODES - 1
"""Cells between them."""
ROWS = 3
"""Vol rows."""
TAIL_LANES = slice(51, 59)
SKEW_LANES = slice(59, 61)
TERM_LANES = slice(61, 63)
CRASH_LANES = slice(63, 64)
TAIL_MOVES = (-0.66, -0.33, 0.50, 1.0, 2.0, 3.0, 4.0, 5.0)
"""Relative moves of the tail lanes."""
DAY_YEARS = 1 / 365
"""Years of the last day, where the higher floor holds."""


class Stage(IntEnum):
    """A margin model, each with everything before it."""

    NODES = 0
    """The price nodes of the three vol rows alone: what a scan without a cell bound asks."""
    CELLS = 1
    """The bound between nodes."""
    TAILS = 2
    """Weighted far moves."""
    CRASH = 3
    """The crash lane."""
    SKEW = 4
    """Skew lanes, both directions."""
    TERM = 5
    """Term lanes."""
    BASIS = 6
    """Basis add-on per expiry."""
    FLOOR = 7
    """Floor of net shorts per strike and expiry: the whole model."""


WHOLE = Stage.FLOOR
"""The margin that the venue asks."""


@dataclass(frozen=True)
class Requirement:
    """Margin of portfolios in one market, under one set of parameters, up to a stage.

    Attributes:
        market: What can be held.
        parameters: Of the underlying.
        stage: Which parts count.
        lanes: Lanes of one long contract, share of the index, (64, n).
        gaps: Gaps likewise, (16, n).
        unit: One lane unit per lot likewise, (n,).
    """

    market: LabMarket
    parameters: RiskParameters
    stage: Stage
    lanes: FloatArray
    gaps: FloatArray
    unit: FloatArray

    @classmethod
    def of(cls, market: LabMarket, parameters: RiskParameters, stage: Stage = WHOLE) -> Requirement:
        """Returns the requirement that follows from the venue's own risk arrays."""
        arrays = market.arrays(parameters.scenario)
        unit = np.array([s.lane_unit / s.lot_size * CONTRACT / USD / market.index for s in market.specs])
        return cls(market, parameters, stage, arrays.lanes.T * unit, arrays.gaps.T * unit, unit)

    def up_to(self, stage: Stage) -> Requirement:
        """Returns the same with other parts counted."""
        return Requirement(self.market, self.parameters, stage, self.lanes, self.gaps, self.unit)

    @cached_property
    def scan_rows(self) -> tuple[FloatArray, FloatArray]:
        """What one long, and what one short contract adds to the loss of each state, (states, n) each."""
        short = self.lanes + self.unit
        longs, shorts = [], []
        nodes = slice(0, ROWS * NODES)
        if self.stage < Stage.CELLS:
            longs.append(-self.lanes[nodes])
            shorts.append(short[nodes])
        else:
            for row in range(ROWS):
                first = row * NODES
                for end in (0, 1):
                    lanes = slice(first + end, first + end + CELLS)
                    longs.append(self.gaps - self.lanes[lanes])
                    shorts.append(short[lanes])
        counted = ((Stage.TAILS, TAIL_LANES), (Stage.CRASH, CRASH_LANES), (Stage.SKEW, SKEW_LANES),
                   (Stage.TERM, TERM_LANES))  # fmt: skip
        for stage, lanes in counted:
            if self.stage >= stage:
                longs.append(-self.lanes[lanes])
                shorts.append(short[lanes])
        if self.stage >= Stage.SKEW:
            longs.append(short[SKEW_LANES])
            shorts.append(-self.lanes[SKEW_LANES])
        return np.vstack(longs), np.vstack(shorts)

    @cached_property
    def series(self) -> IntArray:
        """The series that each instrument's delta counts in, (n,): its expiry's place; the perpetual's comes last."""
        return np.append(self.market.place, len(self.market.expiries))

    @cached_property
    def basis(self) -> FloatArray:
        """Basis charge of one contract's delta, share of the index, 0 before its stage; (n,)."""
        market, margin = self.market, self.parameters.margin
        if self.stage < Stage.BASIS:
            return np.zeros(len(market.specs))
        move = np.maximum(margin.basis_min_move / NANO_ONE, np.expm1(margin.basis_rate / NANO_ONE * market.t))
        return np.append(market.greeks.delta * market.forward / market.index * move, margin.basis_min_move / NANO_ONE)

    @cached_property
    def floor(self) -> FloatArray:
        """Floor of one contract net short, share of the index, by strike and expiry; 0 before its stage."""
        market, margin = self.market, self.parameters.margin
        if self.stage < Stage.FLOOR:
            return np.zeros(len(market.strike) // 2)
        last_day = market.t[::2] <= DAY_YEARS
        return np.where(last_day, margin.short_floor_last_day, margin.short_floor) / NANO_ONE

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the scan's rows."""
        rows, ends = ("up", "flat", "down"), ("low", "high")
        if self.stage < Stage.CELLS:
            names = [f"{row}, node {node}" for row in rows for node in range(NODES)]
        else:
            names = [f"{row}, cell {cell}, {end} end" for row in rows for end in ends for cell in range(CELLS)]
        counted = (
            (Stage.TAILS, tuple(f"tail {far:+.0%}" for far in TAIL_MOVES)),
            (Stage.CRASH, ("crash",)),
            (Stage.SKEW, ("skew", "|skew|")),
            (Stage.TERM, ("front up, back down", "front down, back up")),
            (Stage.SKEW, ("skew, reversed", "|skew|, reversed")),
        )
        return (*names, *(name for stage, found in counted if self.stage >= stage for name in found))

    def scan(self, contracts: FloatArray) -> tuple[float, str]:
        """Returns the largest loss of a portfolio over the states, share of the index, at least 0, and its state."""
        longs, shorts = np.maximum(contracts, 0), np.maximum(-contracts, 0)
        rows_long, rows_short = self.scan_rows
        losses = rows_long @ longs + rows_short @ shorts
        worst = int(np.argmax(losses))
        return max(float(losses[worst]), 0.0), self.states[worst]

    def margin(self, contracts: FloatArray) -> float:
        """Returns the margin of a portfolio of so many contracts of each instrument, share of the index."""
        scan, _ = self.scan(contracts)
        basis = np.abs(np.bincount(self.series, self.basis * contracts)).sum()
        net = contracts[:-1].reshape(-1, 2).sum(axis=1)
        return scan + float(basis) + float((np.maximum(-net, 0) * self.floor).sum())
