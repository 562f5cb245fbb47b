"""Pictures of the adversary's report, and of what strategies need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synchromesh.risk.adversary.report import AdversaryReport
from synchromesh.risk.adversary.requirement import Stage
from synchromesh.risk.adversary.sweep import LadderRow
from synchromesh.risk.strategies import MarginRow

BLUE, ORANGE, GREY = "#1f5fa8", "#d1731f", "#8a8f98"
DRAWN = ("bound", "between_rows", "beyond_rows", "skew", "term", "time", "far_down", "far_up")
"""Sets whose coverage is drawn against the price."""
SPAN = (-0.52, 1.05)
"""Moves of the price that are drawn."""
SERIES = (
    ("portfolio", "portfolio margin", "#1f5fa8"),
    ("deribit_portfolio", "Deribit-PM-like", "#d1731f"),
    ("derive_portfolio", "Derive-PM-like", "#6aa84f"),
    ("standard", "standard margin", "#8a8f98"),
)
"""Field, name and colour of each bar."""


def write_plots(report: AdversaryReport, folder: Path) -> list[Path]:
    """Writes the pictures into ``folder`` and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for symbol in report.parameters:
        # The symbol may come out of a file: nothing in it may name another folder.
        name = "".join(filter(str.isalnum, symbol))
        for kind, figure in (("ladder", ladder_figure(report, symbol)), ("coverage", coverage_figure(report, symbol))):
            path = folder / f"adversary-{name}-{kind}.png"
            figure.savefig(path, dpi=90)
            paths.append(path)
    return paths


def ladder_figure(report: AdversaryReport, symbol: str) -> Figure:
    """Returns worst coverage against a perpetual's by key move and part: the wildest market, and the bound on all."""
    stages = [stage.name.lower() for stage in Stage]
    mine = [row for row in report.ladder if row.symbol == symbol and row.coverage]
    last = mine[-1].market
    rows = [row for row in mine if row.market == last or row.name == "bound"]
    values = np.array([[row.coverage[stage] / row.perpetual for stage in stages] for row in rows])
    figure = Figure(figsize=(9.5, 0.42 * len(rows) + 1.6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(values, cmap="RdYlGn", vmin=0, vmax=1.2, aspect="auto")
    for (y, x), value in np.ndenumerate(values):
        axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=7)
    axes.set_xticks(range(len(stages)), [f"+ {stage}" if at else stage for at, stage in enumerate(stages)], fontsize=8)
    axes.set_yticks(range(len(rows)), [_label(row, last) for row in rows], fontsize=8)
    axes.set_title(f"{symbol}: worst coverage against a perpetual's, part by part of the margin", fontsize=10)
    figure.colorbar(image, shrink=0.8)
    return figure


def _label(row: LadderRow, last: str) -> str:
    near = "" if row.market == last else ", an hour before an expiry"
    return f"{row.name.replace('_', ' ')}{near}: {row.move}"


def coverage_figure(report: AdversaryReport, symbol: str) -> Figure:
    """Returns the worst coverage of some sets over moves of the price, beside a perpetual's."""
    figure = Figure(figsize=(9.5, 4.6), layout="constrained")
    axes = figure.subplots()
    reach = report.parameters[symbol].scenario.range / 1e9
    spots = np.linspace(*SPAN, 400)
    perpetual = np.minimum(1, reach / np.maximum(np.abs(spots), 1e-9))
    axes.plot(spots * 100, perpetual, color=GREY, lw=2, label="a plain perpetual, at most 1")
    for each in report.sets:
        if each.symbol == symbol and each.name in DRAWN:
            inside = [(spot, value) for spot, value in each.by_spot if SPAN[0] <= spot <= SPAN[1]]
            xs, ys = zip(*inside, strict=True)
            axes.plot(np.array(xs) * 100, ys, marker="o", ms=3, lw=1, label=each.name.replace("_", " "))
    axes.set(xlabel="move of the price, %", ylabel="worst coverage, margin / loss", ylim=(0, 1.6))
    axes.set_title(f"{symbol}: the worst covered portfolio at each move", fontsize=10)
    axes.legend(fontsize=7, ncols=3)
    axes.grid(alpha=0.3)
    return figure


def write_efficiency(markets: Mapping[str, tuple[str, Sequence[MarginRow]]], folder: Path) -> list[Path]:
    """Writes one picture per symbol into ``folder`` and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for symbol, (label, rows) in markets.items():
        path = folder / f"efficiency-{''.join(filter(str.isalnum, symbol))}.png"
        efficiency_figure(label, rows).savefig(path, dpi=90)
        paths.append(path)
    return paths


def efficiency_figure(label: str, rows: Sequence[MarginRow]) -> Figure:
    """Returns the capital of each strategy under four models, on a log scale."""
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    axes = figure.subplots()
    at = np.arange(len(rows))
    width = 0.8 / len(SERIES)
    for place, (field, name, colour) in enumerate(SERIES):
        heights = [max(float(getattr(row, field)), 1.0) for row in rows]
        axes.bar(at + (place - 1.5) * width, heights, width, label=name, color=colour)
    axes.set_yscale("log")
    axes.set_xticks(at, [row.strategy for row in rows], rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("capital, USDC")
    axes.set_title(f"{label}: capital of one contract's strategy", fontsize=10)
    axes.legend(fontsize=8, ncols=4)
    axes.grid(alpha=0.3, axis="y")
    return figure
