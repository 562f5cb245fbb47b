"""The adversary's report: markets, sweep and ladder of one or more underlyings, as JSON and as tables."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from synchromesh.agents.market.fitted import load_bundled
from synchromesh.protocol.risk import RiskParameters
from synchromesh.risk.adversary.market import LabMarket
from synchromesh.risk.adversary.requirement import Stage
from synchromesh.risk.adversary.sweep import (
    ROUNDING,
    LadderRow,
    Progress,
    SetReport,
    WorstCase,
    ladder,
    sweep,
)
from synchromesh.risk.chains import ChainError, ChainSnapshot, read_snapshots

BUNDLED = "the bundled market"
NEAR_EXPIRY_HOURS = 1.0
"""Time to the first expiry of the market that is added close to one."""
QUICK_STRIKES = 12
"""Strikes per expiry of a quick run."""


class AdversaryReport(msgspec.Struct, frozen=True):
    """What the command writes.

    Attributes:
        source: File of the chains, or the bundled market.
        quick: Whether grids and chains were thinned.
        markets: Labels of the markets.
        worst_coverage: Lowest coverage by set, over all underlyings.
        worst_ratio: Lowest coverage against a perpetual's by set.
        promises_kept: Whether no promised set has a portfolio covered worse than the promise.
        sets: Every set of every underlying.
        ladder: Every key move before and after each part of the margin.
        parameters: Risk tables by symbol, in units of the wire.
        seconds: Time it took.
    """

    source: str
    quick: bool
    markets: list[str]
    worst_coverage: dict[str, float]
    worst_ratio: dict[str, float]
    promises_kept: bool
    sets: list[SetReport]
    ladder: list[LadderRow]
    parameters: dict[str, RiskParameters]
    seconds: float


def lab_markets(chain: Path | None, symbols: Sequence[str], *, quick: bool) -> dict[str, list[LabMarket]]:
    """Returns the markets to attack by symbol: the calmest, the wildest, and the calmest an hour before an expiry.

    Raises:
        ChainError: When the file is no chain, or has none of the symbols.
        OSError: When it cannot be read.
        SurfaceError: When a chain cannot be fitted.
    """
    found: dict[str, list[LabMarket]] = {}
    for market in _all_markets(chain, symbols):
        found.setdefault(market.symbol, []).append(market)
    if not found:
        raise ChainError(f"no chain of {', '.join(symbols)}")
    picked = {}
    for symbol, markets in found.items():
        vols = [_front_vol(market) for market in markets]
        calm, wild = markets[int(np.argmin(vols))], markets[int(np.argmax(vols))]
        near = calm.with_front_at(NEAR_EXPIRY_HOURS)
        chosen = [wild] if quick else [calm, near, *([wild] if wild is not calm else [])]
        picked[symbol] = [market.thinned(QUICK_STRIKES) for market in chosen] if quick else chosen
    return picked


def _all_markets(chain: Path | None, symbols: Sequence[str]) -> Iterator[LabMarket]:
    if chain is None:
        for market in load_bundled().underlyings:
            if market.symbol in symbols:
                for number, moment in enumerate(market.times):
                    yield LabMarket.from_fitted(market, number, f"{market.symbol} {_iso(moment)}")
        return
    snapshots = [each for each in read_snapshots(chain) if each.symbol in symbols]
    for symbol in symbols:
        mine = [each for each in snapshots if each.symbol == symbol]
        for each in _calm_and_wild(mine):
            yield LabMarket.from_snapshot(each, f"{each.symbol} {_iso(each.time)}")


def _calm_and_wild(snapshots: list[ChainSnapshot]) -> list[ChainSnapshot]:
    """The two snapshots with the lowest and the highest vol of the exchange's marks: fitting all takes its time."""
    if len(snapshots) < 3:
        return snapshots
    vols = [float(np.nanmedian(each.slices[0].mark_iv)) for each in snapshots]
    return [snapshots[at] for at in sorted({int(np.argmin(vols)), int(np.argmax(vols))})]


def _front_vol(market: LabMarket) -> float:
    front = market.place == market.place[0]
    return float(market.vol[front][np.argmin(np.abs(market.strike[front] - market.forward[front]))])


def _iso(moment: int) -> str:
    return str(np.datetime64(moment, "ns").astype("datetime64[m]")) + "Z"


def run(
    source: str,
    markets: Mapping[str, Sequence[LabMarket]],
    parameters: Mapping[str, RiskParameters],
    *,
    quick: bool,
    progress: Progress = lambda _: None,
) -> AdversaryReport:
    """Sweeps all markets and returns the report."""
    started = time.perf_counter()
    sets: list[SetReport] = []
    steps: list[LadderRow] = []
    for symbol, found in markets.items():
        sets += sweep(found, parameters[symbol], quick=quick, progress=progress)
        for market in found[1:] or found:
            steps += ladder(market, parameters[symbol], progress)
    names = list(dict.fromkeys(each.name for each in sets))
    return AdversaryReport(
        source=source,
        quick=quick,
        markets=[market.label for found in markets.values() for market in found],
        worst_coverage={name: min(each.worst_coverage for each in sets if each.name == name) for name in names},
        worst_ratio={name: min(each.worst_ratio for each in sets if each.name == name) for name in names},
        promises_kept=all(each.worst_ratio >= 1 - ROUNDING for each in sets if each.promised),
        sets=sets,
        ladder=steps,
        parameters={symbol: parameters[symbol] for symbol in markets},
        seconds=time.perf_counter() - started,
    )


def print_report(report: AdversaryReport, console: Console) -> None:
    """Prints the sets, the ladder, and the worst portfolio of each set."""
    console.print(_sets_table(report))
    console.print(_ladder_table(report))
    for each in report.sets:
        console.print(f"[bold]{each.symbol} {each.name}[/] {_portfolio(each.worst)}")


def _sets_table(report: AdversaryReport) -> Table:
    heads = ("set", "promised", "moves", "worst coverage", "against a perpetual", "share below", "at size", "at")
    table = Table("", *heads, title=f"worst coverage, margin / loss ({report.source}; {report.seconds:.0f} s)")
    for each in report.sets:
        colour = "green" if each.worst_ratio >= 1 - ROUNDING else "red" if each.promised else "yellow"
        table.add_row(
            each.symbol,
            each.name,
            "yes" if each.promised else "",
            str(each.points),
            f"{each.worst_coverage:.3f}",
            f"[{colour}]{each.worst_ratio:.3f}[/]",
            f"{each.share_below:.0%}",
            f"{each.worst.confirmation.sized_coverage:.2f}",
            each.worst.move,
        )
    return table


def _ladder_table(report: AdversaryReport) -> Table:
    stages = [stage.name.lower() for stage in Stage]
    table = Table("market", "key move", *stages, title="worst coverage at key moves, part by part of the margin")
    for row in report.ladder:
        table.add_row(row.market, row.move, *(f"{value:.3f}" for value in row.coverage.values()))
    return table


def _portfolio(worst: WorstCase) -> str:
    legs = ", ".join(f"{each.contracts:+.3f} {each.instrument}" for each in worst.holdings[:6])
    more = "" if len(worst.holdings) <= 6 else ", …"
    return f"{worst.market}, {worst.move}: {legs}{more} per index of loss; {worst.gross:.1f} contracts in all"
