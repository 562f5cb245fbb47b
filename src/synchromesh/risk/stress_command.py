"""The ``stress`` commands: crash days, stochastic paths and the adversary against the margin engine."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

app = typer.Typer(help="What the margin and liquidation engine does in a crash.", no_args_is_help=True)
console = Console(stderr=True)

EXIT_BAD_FILE = 2

Accounts = Annotated[int, typer.Option(min=1, help="Size of the population.")]
Seed = Annotated[int, typer.Option(help="Of every draw.")]
Out = Annotated[Path | None, typer.Option("--json", help="File to write the report to.")]
Plot = Annotated[Path | None, typer.Option("--plot", help="Folder to draw into.")]


@app.command()
def history(
    prices: Annotated[
        list[Path] | None, typer.Option(help="OHLC file (CSV, CSV.gz); again for more underlyings.")
    ] = None,
    chain: Annotated[Path | None, typer.Option(help="Chain file or folder; without, vols follow a rule.")] = None,
    json: Out = None,
    plot: Plot = None,
    accounts: Accounts = 300,
    seed: Seed = 1,
    day: Annotated[str | None, typer.Option(help="UTC day to replay, 2021-05-19; without, the deepest fall.")] = None,
    symbol: Annotated[
        str | None, typer.Option(help="Underlying of a single price file; without, from its name.")
    ] = None,
    interval: Annotated[float, typer.Option(min=1.0, help="Seconds between two marks inside a bar, at most.")] = 20.0,
    insurance: Annotated[float, typer.Option(min=0.0, help="Insurance fund, share of all initial margin.")] = 0.02,
    depth: Annotated[float, typer.Option(min=0.0, help="Multiple of the recorded depth of the books.")] = 1.0,
    adversarial: Annotated[bool, typer.Option(help="Add the adversary's portfolios.")] = True,
    loaded: Annotated[int, typer.Option(min=0, help="Measurements of the time to act under load.")] = 20,
) -> None:
    """Replays a crash through the real engine."""
    from synchromesh.risk.stress.adversaries import worst_portfolios
    from synchromesh.risk.stress.history import Source, day_bounds, replay_history, write_report
    from synchromesh.risk.stress.replay import Settings

    with _plain_errors():
        begin, end = day_bounds(day) if day is not None else (None, None)
        source = Source(tuple(prices or ()), chain, begin, end, symbol, round(interval * 1e9))
        adversaries = worst_portfolios if adversarial else None
        settings = Settings(accounts, seed, insurance, depth=depth, adversaries=adversaries, loaded=loaded)
        with _progress("marks") as progress:
            report, replay = replay_history(source, settings, progress)
        if json is not None:
            write_report(report, json)
        if plot is not None:
            from synchromesh.risk.stress.plots import write_plots

            write_plots(replay, plot, f"history-{report.replay.begin[:10]}")
    found = report.replay
    table = Table("", "", title=f"{found.begin} to {found.end}", show_header=False)
    for name, value in (
        ("accounts", found.accounts),
        ("margin calls", found.called),
        ("liquidated", found.liquidated),
        ("insolvent at some time", found.insolvent),
        ("insolvent at the end", found.insolvent_at_end),
        ("deepest deficit, USDC", f"{found.deepest_deficit:,.2f}"),
        ("insurance used, USDC", f"{found.insurance_used:,.2f} of {found.insurance_start:,.2f}"),
        ("positions deleveraged", found.adl),
        ("call to breach, median s", found.lead_time.median),
        ("mark to action, p99 ms", found.latency.engine.p99),
        (f"under {found.latency.load} × load, p99 ms", found.latency.loaded.p99),
        ("money and positions conserved", found.conserved),
    ):
        table.add_row(name, str(value))
    Console().print(table)


@app.command()
def paths(
    model: Annotated[str, typer.Option(help="bates, svjj or bootstrap.")] = "bates",
    count: Annotated[int, typer.Option("--paths", min=1, help="How many.")] = 1000,
    json: Out = None,
    chain: Annotated[Path | None, typer.Option(help="Chain file or folder; without, the bundled set.")] = None,
    prices: Annotated[Path | None, typer.Option(help="OHLC file that the bootstrap draws from.")] = None,
    symbol: Annotated[str, typer.Option(help="Underlying.")] = "BTC",
    hours: Annotated[int, typer.Option(min=1, help="Length of each path.")] = 24,
    accounts: Accounts = 60,
    seed: Seed = 1,
) -> None:
    """Takes thousands of random days through the real engine."""
    from synchromesh.agents.market.fitted import load_bundled
    from synchromesh.risk.stress.bars import PriceDataError, read_bars
    from synchromesh.risk.stress.market import read_chains
    from synchromesh.risk.stress.replay import Settings
    from synchromesh.risk.stress.stochastic.study import Model, run_paths

    with _plain_errors():
        if model not in list(Model):
            raise typer.BadParameter(f"{model!r} is none of {', '.join(Model)}", param_hint="--model")
        parts = load_bundled().underlyings if chain is None else read_chains(chain)
        part = next((each for each in parts if each.symbol == symbol), None)
        if part is None:
            raise PriceDataError(f"the chains hold no {symbol}")
        bars = None if prices is None else read_bars(prices, symbol)
        with _progress("paths") as progress:
            report = run_paths(Model(model), part, bars, count, hours, Settings(accounts, seed), progress)
        if json is not None:
            _write(json, report)
    table = Table("", "", title=f"{report.model}: {report.paths} paths of {report.hours} h", show_header=False)
    for name, value in (
        ("lowest index, median and least", f"{report.lowest.median:.3f}, {report.lowest.least:.3f}"),
        ("accounts called, median", report.called.median),
        ("accounts liquidated, median and most", f"{report.liquidated.median:g}, {report.liquidated.most:g}"),
        ("paths with an insolvency", f"{report.paths_with_insolvency:.2%}"),
        ("odds that an account is insolvent", f"{report.odds_of_insolvency:.4%}"),
        ("deepest deficit, USDC", f"{report.deepest_deficit.most:,.2f}"),
        ("insurance, mean of the worst hundredth", f"{report.insurance_shortfall_99:,.2f}"),
        ("insurance fund, USDC", f"{report.insurance_start:,.2f}"),
        ("paths with deleveraging", f"{report.adl_paths:.2%}"),
        ("money and positions conserved", report.conserved),
    ):
        table.add_row(name, str(value))
    Console().print(table)


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """Turns what a user can cause into one line and exit code 2."""
    from synchromesh.risk.chains import ChainError
    from synchromesh.risk.stress.bars import PriceDataError
    from synchromesh.risk.stress.stochastic.calibration import CalibrationError

    try:
        yield
    except (CalibrationError, ChainError, PriceDataError, OSError, ImportError) as error:
        typer.echo(f"cannot replay: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_BAD_FILE) from error


@contextlib.contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


Chain = Annotated[Path | None, typer.Option(help="Chain file; without, the bundled market.")]
Symbols = Annotated[
    list[str] | None, typer.Option("--symbol", help="BTC or ETH; again for both, which is the default.")
]
SYMBOLS = ("BTC", "ETH")
"""Underlyings that have default risk tables."""


@app.command()
def adversary(
    json: Out = None,
    chain: Chain = None,
    plot: Plot = None,
    symbol: Symbols = None,
    quick: Annotated[bool, typer.Option(help="Coarse grids on a thinned chain, in seconds.")] = False,
) -> None:
    """Finds the portfolios that portfolio margin covers worst, by linear programs over dense moves of the market."""
    from synchromesh.risk.adversary import command

    command.adversary(json, chain, plot, symbol or SYMBOLS, quick)


@app.command()
def efficiency(json: Out = None, chain: Chain = None, plot: Plot = None, symbol: Symbols = None) -> None:
    """Compares what twelve standard strategies need as margin, here and under models like those of other venues."""
    from synchromesh.risk.adversary import command

    command.efficiency(json, chain, plot, symbol or SYMBOLS)


def _write(path: Path, report: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
