"""``python -m synchromesh.agents.market.plots``: the pictures of the replayed market in the documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib.figure import Figure

from synchromesh.agents.market.fitted import CRASH_DAYS
from synchromesh.agents.market.path import MarketPath, open_path
from synchromesh.clock import SECOND
from synchromesh.risk.chains import ChainSnapshot, read_snapshots
from synchromesh.risk.surface import fit_surface

DAY = 86_400 * SECOND
PANELS = (0, 4, 6, 9)
"""Expiries that are drawn, by their place in the chain."""
BLUE, ORANGE, GREY = "#1f5fa8", "#d1731f", "#8a8f98"


def smile_figure(snapshot: ChainSnapshot) -> Figure:
    """Returns fit against quotes for a few expiries of one snapshot."""
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    panels = figure.subplots(2, 2).flat
    slices = fit_surface(snapshot).slices
    for axes, fitted in zip(panels, (slices[place] for place in PANELS), strict=True):
        quotes = fitted.report.quotes
        strikes = fitted.forward * np.exp(quotes.k)
        half = (quotes.ask - quotes.bid) / 2
        axes.errorbar(strikes / 1000, quotes.mid * 100, half * 100, fmt="none", ecolor=GREY, label="bid to ask, vol")
        between = np.linspace(strikes[0], strikes[-1], 200)
        axes.plot(between / 1000, fitted.vol(between) * 100, color=BLUE, label="raw SVI fit")
        axes.axvline(fitted.forward / 1000, color=ORANGE, linewidth=0.8, label="forward")
        axes.set_title(f"expiry {_moment(fitted.expiry):%d %b %Y}, {fitted.t * 365:.1f} days", fontsize=10)
        axes.set_xlabel("strike, thousand USD")
        axes.set_ylabel("implied vol, %")
        axes.grid(alpha=0.25)
    figure.axes[0].legend(fontsize=8)
    figure.suptitle(
        f"{snapshot.symbol} chain of {_moment(snapshot.time):%d %b %Y %H:%M} UTC: out-of-the-money quotes and fit"
    )
    return figure


def path_figure(path: MarketPath, jump: MarketPath) -> Figure:
    """Returns the replayed index of every underlying in both modes, and the snapshots it goes through."""
    figure = Figure(figsize=(10, 5.5), layout="constrained")
    times = np.arange(path.start_ns, path.end_ns, 300 * SECOND)
    moments = [_moment(int(time)) for time in times]
    for axes, symbol in zip(figure.subplots(len(path.symbols), 1, sharex=True), path.symbols, strict=True):
        for market, colour, label in ((jump, GREY, "jump"), (path, BLUE, "bridge")):
            index = [market.index(symbol, int(time)) for time in times]
            axes.plot(moments, index, color=colour, linewidth=0.9, label=label)
        snapshots = path.snapshots(symbol)
        axes.plot([_moment(time) for time, _ in snapshots], [index for _, index in snapshots], "o", color=ORANGE,
                  markersize=4, label="snapshot")  # fmt: skip
        axes.set_ylabel(f"{symbol} index, USD")
        axes.grid(alpha=0.25)
    figure.axes[0].legend(fontsize=8)
    midnights = np.arange(-(-path.start_ns // DAY) * DAY, path.end_ns + DAY, DAY)
    labels = [f"{_moment(int(midnight)):%d %b %Y}" for midnight in midnights]
    figure.axes[-1].set_xticks(midnights.astype("datetime64[ns]"), labels)
    figure.suptitle("Replayed index (UTC), seed 1")
    return figure


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / SECOND, UTC)


def main(
    data: Annotated[Path, typer.Option(help="Folder of recorded chains.")],
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("docs/img"),
) -> None:
    """Draws smiles of the crash and the replayed index."""
    out.mkdir(parents=True, exist_ok=True)
    snapshots = read_snapshots(data / "deribit" / "snapshots_2026" / CRASH_DAYS[1])
    bottom = [snapshot for snapshot in snapshots if snapshot.symbol == "BTC"][-1]
    smile_figure(bottom).savefig(out / "smiles-crash.png", dpi=100)
    path_figure(open_path(None), open_path(None, mode="jump")).savefig(out / "replayed-index.png", dpi=100)


if __name__ == "__main__":
    typer.run(main)
