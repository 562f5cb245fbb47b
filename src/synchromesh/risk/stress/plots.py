"""Pictures of a replay. Imported only where they are drawn: the plotting library is no dependency of the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from synchromesh.clock import SECOND
from synchromesh.risk.stress.replay import Replay

BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d1731f", "#8a8f98", "#b3261e"
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def replay_figure(replay: Replay, title: str) -> Figure:
    """Returns index, equity paths and running liquidations of a replay, one above the other."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2, 3, 1))
    samples = replay.samples
    moments = (np.array(samples.times) // SECOND).astype("datetime64[s]")
    index = np.array(samples.index)
    for place, market in enumerate(replay.markets):
        colour = (BLUE, ORANGE)[place % 2]
        top.plot(moments, index[:, place] / index[0, place], color=colour, linewidth=0.9, label=market.symbol)
    top.set_ylabel("index, start = 1")
    top.legend(fontsize=8)

    start = np.maximum(np.abs(samples.values[0]), 1.0)
    paths = np.array(samples.values) / start
    worst = np.argsort(paths.min(axis=0))[:12]
    middle.plot(moments, paths[:, worst], color=RED, linewidth=0.5, alpha=0.6)
    low, lower, median, upper, high = np.quantile(paths, QUANTILES, axis=1)
    middle.fill_between(moments, low, high, color=BLUE, alpha=0.15, label="5 to 95 % of accounts")
    middle.fill_between(moments, lower, upper, color=BLUE, alpha=0.3, label="25 to 75 %")
    middle.plot(moments, median, color=BLUE, linewidth=1.2, label="median")
    middle.axhline(0, color=GREY, linewidth=0.8)
    middle.set_ylim(-0.25, 2.5)
    middle.set_ylabel("value of an account, start = 1\n(red: the twelve that fell lowest)")
    middle.legend(fontsize=8)

    bottom.fill_between(moments, samples.running, step="post", color=ORANGE, alpha=0.7)
    bottom.set_ylabel("running\nliquidations")
    for axes in (top, middle, bottom):
        axes.grid(alpha=0.25)
    figure.suptitle(title)
    return figure


def write_plots(replay: Replay, folder: Path, name: str) -> Path:
    """Writes the picture of a replay; returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    replay_figure(replay, f"{name}: {len(replay.holders)} accounts").savefig(path, dpi=90)
    return path
