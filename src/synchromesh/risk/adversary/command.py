"""What the commands ``stress adversary`` and ``stress efficiency`` do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from synchromesh._native import SurfaceError
from synchromesh.risk.adversary.report import BUNDLED, AdversaryReport, lab_markets, print_report, run
from synchromesh.risk.adversary.sweep import points_of
from synchromesh.risk.chains import ChainError
from synchromesh.risk.parameters import DEFAULT_RISK
from synchromesh.risk.strategies import MarginRow, margins

EXIT_BROKEN = 1
EXIT_NO_CHAIN = 2
WIDTH_MIN = 150
"""Characters of the tables' lines, at least."""


def adversary(json: Path | None, chain: Path | None, plot: Path | None, symbols: Sequence[str], quick: bool) -> None:
    """Runs the adversary and prints its report. Exits 1 when a promise is broken, 2 when there is no chain."""
    try:
        markets = lab_markets(chain, symbols, quick=quick)
    except (ChainError, SurfaceError, OSError) as error:
        typer.echo(f"no market: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_NO_CHAIN) from error
    total = sum(points_of(found, DEFAULT_RISK[symbol], quick=quick) for symbol, found in markets.items())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        source = BUNDLED if chain is None else chain.name
        report = run(
            source,
            markets,
            DEFAULT_RISK,
            quick=quick,
            progress=lambda text: bar.update(task, advance=1, description=text),
        )
    _write(report, json, plot)
    console = Console()
    print_report(report, Console(width=max(console.width, WIDTH_MIN)))
    if not report.promises_kept:
        raise typer.Exit(EXIT_BROKEN)


def _write(report: AdversaryReport, json: Path | None, plot: Path | None) -> None:
    if json is not None:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if plot is not None:
        # Imported here: whoever wants numbers does not wait for the plotting library.
        from synchromesh.risk.adversary.plots import write_plots

        write_plots(report, plot)


def efficiency(json: Path | None, chain: Path | None, plot: Path | None, symbols: Sequence[str]) -> None:
    """Prints the margin of the standard strategies. Exits 2 when there is no chain."""
    try:
        markets = [found[0] for found in lab_markets(chain, symbols, quick=False).values()]
    except (ChainError, SurfaceError, OSError) as error:
        typer.echo(f"no market: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_NO_CHAIN) from error
    rows = {market.label: margins(market, DEFAULT_RISK[market.symbol]) for market in markets}
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    if plot is not None:
        from synchromesh.risk.adversary.plots import write_efficiency

        write_efficiency({market.symbol: (market.label, rows[market.label]) for market in markets}, plot)
    console = Console()
    wide = Console(width=max(console.width, WIDTH_MIN))
    for label, found in rows.items():
        wide.print(efficiency_table(label, found))


def efficiency_table(label: str, rows: Sequence[MarginRow]) -> Table:
    """Returns the table of one market."""
    heads = ("strategy", "portfolio", "standard", "Deribit SM", "Deribit-PM-like", "Derive-PM-like", "ratio", "scan")
    table = Table(*heads, title=f"capital, USDC: {label}; ratio: portfolio / Deribit-PM-like")
    for row in rows:
        figures = (row.portfolio, row.standard, row.deribit_standard, row.deribit_portfolio, row.derive_portfolio)
        ratio = f"{row.portfolio / row.deribit_portfolio:.3f}" if row.deribit_portfolio >= 1 else "–"
        table.add_row(row.strategy, *(f"{each:,.0f}" for each in figures), ratio, row.state)
    return table
