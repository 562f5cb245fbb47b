"""The ``surface`` command."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from synchromesh._native import SurfaceError
from synchromesh.risk.chains import ChainError, read_snapshots
from synchromesh.risk.surface.calibration import fit_surface
from synchromesh.risk.surface.diagnosis import SurfaceDiagnosis, diagnose, iso

EXIT_ARBITRAGE = 1
EXIT_NO_CHAIN = 2
WIDTH_MIN = 140
"""Characters of the table's line, at least."""


class Totals(msgspec.Struct, frozen=True):
    """Over all snapshots of a file.

    Attributes:
        snapshots: Snapshots times currencies.
        slices: Expiries.
        violations: Points and wings with arbitrage.
        central: Options by which the fit is judged.
        inside: Share of them fitted between bid and ask; None without any.
        inside_least: The least share of one snapshot.
        mark_error: Median of the snapshots' median distance to the exchange's mark, vol points; None without marks.
        mark_error_most: The largest of one snapshot.
        milliseconds: Median time of a fit.
    """

    snapshots: int
    slices: int
    violations: int
    central: int
    inside: float | None
    inside_least: float | None
    mark_error: float | None
    mark_error_most: float | None
    milliseconds: float


class Refused(msgspec.Struct, frozen=True):
    """A snapshot that has no surface: currency, ISO 8601 time, reason."""

    symbol: str
    time: str
    reason: str


class Report(msgspec.Struct, frozen=True):
    """What the command prints as JSON."""

    file: str
    totals: Totals
    snapshots: list[SurfaceDiagnosis]
    refused: list[Refused]


def surface(file: Path, json: bool, plot: Path | None) -> None:
    """Fits every snapshot of a file and prints what came out. Exits 1 on arbitrage, 2 when there is no chain."""
    try:
        report = _run(file, plot)
    except (ChainError, SurfaceError, OSError) as error:
        typer.echo(f"cannot fit: {type(error).__name__}: {error}", err=True)
        raise typer.Exit(EXIT_NO_CHAIN) from error
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _print(report)
    if report.totals.violations:
        raise typer.Exit(EXIT_ARBITRAGE)


def _run(file: Path, plot: Path | None) -> Report:
    found: list[SurfaceDiagnosis] = []
    refused: list[Refused] = []
    for chain in read_snapshots(file):
        try:
            fitted = fit_surface(chain)
        except SurfaceError as error:
            refused.append(Refused(chain.symbol, iso(chain.time), str(error)))
            continue
        found.append(diagnose(chain, fitted))
        if plot is not None:
            # Imported here: whoever wants numbers does not wait for the plotting library.
            from synchromesh.risk.surface.plots import write_plots

            write_plots(chain, fitted, plot)
    if not found:
        raise SurfaceError("; ".join(sorted({each.reason for each in refused})))
    return Report(file.name, _totals(found), found, refused)


def _totals(found: list[SurfaceDiagnosis]) -> Totals:
    central = [each.central for each in found]
    shares = [(each.inside, each.quotes) for each in central if each.inside is not None]
    errors = [each.mark_error for each in central if each.mark_error is not None]
    options = sum(each.quotes for each in central)
    return Totals(
        snapshots=len(found),
        slices=sum(len(each.slices) for each in found),
        violations=sum(each.violations for each in found),
        central=options,
        inside=sum(share * count for share, count in shares) / options if options else None,
        inside_least=min((share for share, _ in shares), default=None),
        mark_error=float(np.median(errors)) if errors else None,
        mark_error_most=max(errors, default=None),
        milliseconds=float(np.median([each.milliseconds for each in found])),
    )


def _print(report: Report) -> None:
    console = Console()
    # A pipe has no width of its own, and the table needs this much.
    console.width = max(console.width, WIDTH_MIN)
    for each in report.snapshots:
        console.print(_table(each))
    for refused in report.refused:
        console.print(f"{refused.symbol} {refused.time}: {refused.reason}")
    totals = report.totals
    inside = f"inside {_share(totals.inside)} of {totals.central} quotes (least {_share(totals.inside_least)})"
    marks = f"|fit − mark| {_figure(totals.mark_error)} vol points (most {_figure(totals.mark_error_most)})"
    violations = f"[bold]{totals.violations} violations[/]"
    console.print(f"{totals.snapshots} surfaces, {totals.slices} slices, {totals.milliseconds:.1f} ms each")
    console.print(f"{violations}; {inside}; {marks}")


def _table(diagnosis: SurfaceDiagnosis) -> Table:
    table = Table(title=f"{diagnosis.symbol} {diagnosis.time}, index {diagnosis.index:,.2f}", title_justify="left")
    for name in ("expiry", "days", "method", "strikes", "inside", "|fit−mid| vol", "ticks", "|fit−mark|", "min g",
                 "calendar", "dropped"):  # fmt: skip
        table.add_column(name, justify="left" if name in ("expiry", "method", "dropped") else "right")
    for each in diagnosis.slices:
        dropped = ", ".join(f"{count} {reason}" for reason, count in each.drops.items())
        calendar = "" if each.calendar is None else f"{each.calendar:.1e}"
        table.add_row(
            each.expiry[:10], f"{each.days:.2f}", each.method, str(each.quotes), _share(each.inside),
            _figure(each.error_vol), _figure(each.error_ticks), _figure(each.central.mark_error),
            f"{each.worst_g:.4f}", calendar, dropped,
        )  # fmt: skip
    return table


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
