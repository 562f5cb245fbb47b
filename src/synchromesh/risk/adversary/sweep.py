"""Sweeps the adversary over sets of moves and markets, and reports the worst coverage of each set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from synchromesh.protocol import NANO_ONE
from synchromesh.protocol.risk import RiskParameters
from synchromesh.risk.adversary.confirm import Confirmation, confirm
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.adversary.moves import Move
from synchromesh.risk.adversary.program import Adversary, Worst
from synchromesh.risk.adversary.requirement import Requirement, Stage
from synchromesh.risk.adversary.scenarios import MoveSet, move_sets, perpetual_coverage

FloatArray = npt.NDArray[np.float64]

LEAST_HOLDING = 1e-6
"""Contracts per index of loss below which a holding is noise of the solver."""
HOLDINGS_SHOWN = 12
"""Holdings of a portfolio that a report keeps, the largest first."""
ROUNDING = 1e-6
"""What a coverage may fall short of its standard for the solver's tolerance."""


class Holding(msgspec.Struct, frozen=True):
    """Contracts of one instrument, for a loss of one index price."""

    instrument: str
    contracts: float


class WorstCase(msgspec.Struct, frozen=True):
    """The portfolio that is covered worst at a move.

    Attributes:
        market: Label of the market.
        move: The move in words.
        coverage: Margin per loss, of the linear program.
        perpetual: Coverage of a plain perpetual at the move, at most 1.
        ratio: Coverage per that.
        gross: Contracts held, long and short, per index of loss.
        holdings: The largest of them.
        confirmation: The same portfolio in whole lots under the venue's integer margin.
    """

    market: str
    move: str
    coverage: float
    perpetual: float
    ratio: float
    gross: float
    holdings: list[Holding]
    confirmation: Confirmation


class SetReport(msgspec.Struct, frozen=True):
    """One set of moves over all markets of an underlying.

    Attributes:
        name: Of the set.
        symbol: Of the underlying.
        text: What is in it.
        promised: Whether the model promises it.
        points: Moves times markets.
        worst_coverage: The lowest coverage.
        worst_ratio: The lowest coverage against a perpetual's.
        share_below: Share of the points where some portfolio is covered worse than the perpetual.
        by_spot: Lowest coverage at each move of the price, ascending.
        worst: The portfolio with the lowest ratio.
    """

    name: str
    symbol: str
    text: str
    promised: bool
    points: int
    worst_coverage: float
    worst_ratio: float
    share_below: float
    by_spot: list[tuple[float, float]]
    worst: WorstCase


class LadderRow(msgspec.Struct, frozen=True):
    """Worst coverage at the key move of a set, before and after each part of the margin."""

    name: str
    symbol: str
    market: str
    move: str
    perpetual: float
    coverage: dict[str, float]


@dataclass(frozen=True, slots=True)
class Point:
    """One solved move."""

    market: LabMarket
    requirement: Requirement
    move: Move
    worst: Worst
    perpetual: float

    @property
    def ratio(self) -> float:
        """Coverage against the perpetual's."""
        return self.worst.coverage / self.perpetual


Progress = Callable[[str], None]
"""Called with a text after each solved move."""


def sweep(
    markets: Sequence[LabMarket],
    parameters: RiskParameters,
    *,
    quick: bool = False,
    progress: Progress = lambda _: None,
) -> list[SetReport]:
    """Returns a report for each set, over all ``markets``, which are of one underlying."""
    points: dict[str, list[Point]] = {}
    sets: dict[str, MoveSet] = {}
    for market in markets:
        requirement = Requirement.of(market, parameters)
        adversary = Adversary(requirement)
        for moves in move_sets(market, parameters.scenario, quick=quick):
            sets[moves.name] = moves
            points.setdefault(moves.name, []).extend(_solved(requirement, adversary, moves, progress))
    return [_report(sets[name], found) for name, found in points.items() if found]


def points_of(markets: Sequence[LabMarket], parameters: RiskParameters, *, quick: bool) -> int:
    """Returns how many moves :func:`sweep` and :func:`ladder` will solve."""
    sets = [move_sets(market, parameters.scenario, quick=quick) for market in markets]
    steps = len(sets[0]) * len(Stage) * len(markets[1:] or markets)
    return sum(len(each.moves) for found in sets for each in found) + steps


def ladder(market: LabMarket, parameters: RiskParameters, progress: Progress = lambda _: None) -> list[LadderRow]:
    """Returns the worst coverage at the key move of each set, part by part of the margin."""
    requirement = Requirement.of(market, parameters)
    sets = move_sets(market, parameters.scenario, quick=True)
    found: dict[str, dict[str, float]] = {each.name: {} for each in sets}
    for stage in Stage:
        adversary = Adversary(requirement.up_to(stage))
        for each in sets:
            worst = adversary.worst(market.pnl(each.key, parameters.scenario))
            progress(f"{market.label}: {stage.name.lower()}")
            if worst is not None:
                found[each.name][stage.name.lower()] = max(worst.coverage, 0.0)
    reach = parameters.scenario.range / NANO_ONE
    return [
        LadderRow(
            each.name, market.symbol, market.label, str(each.key), perpetual_coverage(each.key, reach), found[each.name]
        )
        for each in sets
    ]


def _solved(requirement: Requirement, adversary: Adversary, moves: MoveSet, progress: Progress) -> Iterator[Point]:
    market, scenario = requirement.market, requirement.parameters.scenario
    reach = scenario.range / NANO_ONE
    for move in moves.moves:
        worst = adversary.worst(market.pnl(move, scenario))
        progress(f"{market.label}: {moves.name}")
        if worst is not None:
            yield Point(market, requirement, move, worst, perpetual_coverage(move, reach))


def _report(moves: MoveSet, points: list[Point]) -> SetReport:
    worst = min(points, key=lambda point: point.ratio)
    below = [point.ratio < 1 - ROUNDING for point in points]
    by_spot: dict[float, float] = {}
    for point in points:
        by_spot[point.move.spot] = min(point.worst.coverage, by_spot.get(point.move.spot, np.inf))
    return SetReport(
        name=moves.name,
        symbol=worst.market.symbol,
        text=moves.text,
        promised=moves.promised,
        points=len(points),
        worst_coverage=min(point.worst.coverage for point in points),
        worst_ratio=worst.ratio,
        share_below=sum(below) / len(below),
        by_spot=sorted(by_spot.items()),
        worst=_case(worst),
    )


def _case(point: Point) -> WorstCase:
    contracts = point.worst.contracts
    order = [at for at in np.argsort(-np.abs(contracts)) if abs(contracts[at]) > LEAST_HOLDING]
    return WorstCase(
        market=point.market.label,
        move=str(point.move),
        coverage=point.worst.coverage,
        perpetual=point.perpetual,
        ratio=point.ratio,
        gross=float(np.abs(contracts).sum()),
        holdings=[Holding(point.market.names[at], float(contracts[at])) for at in order[:HOLDINGS_SHOWN]],
        confirmation=confirm(point.requirement, point.move, contracts),
    )
