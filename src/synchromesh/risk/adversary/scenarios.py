"""The sets of moves that the adversary sweeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from synchromesh.pricing import year_fraction
from synchromesh.protocol import NANO_ONE
from synchromesh.protocol.risk import ScenarioParameters
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.requirement import TAIL_MOVES

ROWS = (-1.0, 0.0, 1.0)
"""Vol rows of the lanes."""
CRASH = Move(spot=-0.30, multiple=2.5)
"""The named crash, which has a lane."""
GAP = Move(spot=1.0, row=1.0)
"""The named gap, which has a lane."""
HOUR = 1 / 24
QUICK_SPOTS = (-0.97, -0.53, -0.03, 0.47, 0.91)
"""Shares of the range, off the nodes."""


@dataclass(frozen=True, slots=True)
class MoveSet:
    """A named set of moves.

    Attributes:
        name: Key in reports.
        text: What it is.
        promised: Whether the model promises a coverage of 1 (or a perpetual's, beyond the price range) in all of it.
        key: The move that stands for the set where one has to.
        moves: Every move.
    """

    name: str
    text: str
    promised: bool
    key: Move
    moves: tuple[Move, ...]


def move_sets(market: LabMarket, scenario: ScenarioParameters, *, quick: bool = False) -> list[MoveSet]:
    """Returns the sets for a market.

    Args:
        market: Gives the time to the first expiry.
        scenario: Gives the price range.
        quick: A coarse grid, for tests and a first look.
    """
    reach = scenario.range / NANO_ONE
    return [*_promised(reach, quick), *_vol_sets(reach, quick), *_far_sets(quick), *_other_sets(market, reach, quick)]


def _promised(reach: float, quick: bool) -> list[MoveSet]:
    spots = tuple(reach * at for at in QUICK_SPOTS) if quick else _spots(reach, 16)
    shifts = (Move(skew_linear=1), Move(skew_absolute=1))
    return [
        MoveSet(
            "bound",
            "any price within the range on the three vol rows: the conditions of the cell bound",
            True,
            Move(-reach * 0.47),
            _grid(spot=spots, row=ROWS),
        ),
        MoveSet("crash_lane", "−30 % with every vol times 2.5", True, CRASH, (CRASH,)),
        MoveSet("tails", "the far prices on vol up, +100 % among them", True, GAP, _grid(spot=TAIL_MOVES, row=(1.0,))),
        MoveSet("skew_lanes", "skew steeper by the lanes' shifts", True, shifts[0], shifts),
        MoveSet(
            "term_lanes",
            "term structure twisted by the lanes' shifts, front vol + 150 % and the reverse",
            True,
            Move(term=1),
            _grid(term=(-1.0, 1.0)),
        ),
    ]


def _vol_sets(reach: float, quick: bool) -> list[MoveSet]:
    spots = _spots(reach, 1 if quick else 2)
    between = (-0.5, 0.5) if quick else (-0.75, -0.5, -0.25, 0.25, 0.5, 0.75)
    beyond = (1.5,) if quick else (-1.5, 1.5, 2.0)
    return [
        MoveSet("between_rows", "vols between the rows", False, Move(row=0.5), _grid(spot=spots, row=between)),
        MoveSet(
            "beyond_rows",
            "vols at 1.5 and 2 times the shift of the rows",
            False,
            Move(row=1.5),
            _grid(spot=spots, row=beyond),
        ),
    ]


def _far_sets(quick: bool) -> list[MoveSet]:
    falls = (-0.25,) if quick else (-0.20, -0.25, -0.30, -0.40, -0.50)
    rises = (0.75,) if quick else (0.25, 0.5, 0.75, 1.0, 1.5)
    crashes = (-0.25,) if quick else (-0.20, -0.25, -0.35, -0.40)
    return [
        MoveSet(
            "far_down",
            "falls of 20 to 50 % with vols from unchanged to three times the shift of vol up, and times 2.5",
            False,
            Move(spot=-0.25, row=1.0),
            _grid(spot=falls, row=(0.0, 0.5, 1.0, 2.0, 3.0)) + _grid(spot=crashes, multiple=(2.5,)),
        ),
        MoveSet(
            "far_up",
            "rises of 25 to 150 % with vols from unchanged to 1.5 times the shift of vol up",
            False,
            Move(spot=0.75, row=1.0),
            _grid(spot=rises, row=(0.0, 0.5, 1.0, 1.5)),
        ),
    ]


def _other_sets(market: LabMarket, reach: float, quick: bool) -> list[MoveSet]:
    spots = _spots(reach, 1)
    front = year_fraction(market.time, market.expiries[0].expiry) * 365
    days = {1.0} if quick else {HOUR, 1.0, 3.0, 7.0, max(front - HOUR, HOUR), front}
    both = (-1.0, 1.0) if quick else (-1.5, -1.0, -0.5, 0.5, 1.0, 1.5)
    return [
        MoveSet(
            "skew",
            "skew shifts of half to 1.5 times the lanes', both ways, with moves of the price",
            False,
            Move(spot=-0.10, skew_linear=-1),
            _grid(spot=spots, skew_linear=both) + _grid(spot=spots, skew_absolute=both),
        ),
        MoveSet(
            "term",
            "the vols of seven days alone + 150 %, and twists with moves of the price",
            False,
            Move(front=1.5),
            _grid(spot=spots, front=(1.5,)) + (() if quick else _grid(spot=spots, term=(-1.0, 0.5, 1.0, 1.2))),
        ),
        MoveSet(
            "basis",
            "forwards apart from the index by 2 and 5 % a year, with moves of the price",
            False,
            Move(basis=0.02),
            _grid(spot=spots, basis=(0.02,) if quick else (-0.05, -0.02, 0.02, 0.05)),
        ),
        MoveSet(
            "time",
            "an hour to a week passes, up to the first expiry and an hour before it, with moves of the price",
            False,
            Move(days=1.0),
            _grid(spot=spots, days=sorted(days)),
        ),
        MoveSet(
            "combined",
            "price, vols, skew, term and time at once",
            False,
            Move(spot=-0.08, row=0.5, skew_linear=-0.5, term=0.5, days=1.0),
            _grid(
                spot=(-0.08,) if quick else (-0.08, 0.08),
                row=(0.5,) if quick else (-0.5, 0.5, 1.0),
                skew_linear=(-0.5, 0.5),
                term=(-0.5, 0.5),
                days=(0.0, 1.0),
            ),
        ),
    ]


def perpetual_coverage(move: Move, reach: float) -> float:
    """Returns what a plain perpetual is covered at the move, at most 1: within the range no more is asked of anyone."""
    return min(1.0, reach / abs(move.spot)) if move.spot else 1.0


def _spots(reach: float, each_side: int) -> tuple[float, ...]:
    """Prices over the range that lie off its 17 nodes, and both ends."""
    return tuple(float(at) for at in np.linspace(-reach, reach, 2 * each_side + 1))


def _grid(**parts: Iterable[float]) -> tuple[Move, ...]:
    names = list(parts)
    return tuple(
        Move(**dict(zip(names, values, strict=True))) for values in itertools.product(*(tuple(parts[n]) for n in names))
    )
