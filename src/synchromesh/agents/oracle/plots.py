"""``python -m synchromesh.agents.oracle.plots``: the pictures of marks in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from matplotlib.figure import Figure

from synchromesh.agents.market import MarketPath, open_path
from synchromesh.agents.oracle.sources import SOURCES, ReplayedSources
from synchromesh.clock import SECOND
from synchromesh.execution.marks import (
    ExpiryObservation,
    MarkBuilder,
    Observation,
    SourcePrice,
    index_of,
)
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.pricing import mark_arrays
from synchromesh.protocol import NANO_ONE, USD, InstrumentKind, InstrumentSpec, OptionType

BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d1731f", "#8a8f98", "#b3282d"
LIE_BEGINS, LIE_ENDS = 120, 480
"""Seconds between which one source lies."""
SYMBOL, UNDERLYING = "BTC", 1


def index_figure(path: MarketPath) -> Figure:
    """Returns ten minutes of five sources, one of which drifts off, and the index that comes of them."""
    feed, begin = ReplayedSources(path, 0), path.start_ns + 7_200 * SECOND
    seconds = np.arange(0, 600, 2)
    said = [_with_a_liar(feed.index(SYMBOL, begin + int(at) * SECOND), int(at)) for at in seconds]
    indices = [index_of(prices, begin + int(at) * SECOND) for at, prices in zip(seconds, said, strict=True)]
    price = np.array([index.price for index in indices])
    half = np.array([index.confidence for index in indices]) * price
    naive = np.array([np.mean([each.price for each in prices]) for prices in said])
    figure = Figure(figsize=(10, 6), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    for place, source in enumerate(SOURCES):
        label = "a lying source" if place == 0 else "the other sources" if place == 1 else None
        upper.plot(seconds, [prices[place].price for prices in said], color=RED if place == 0 else GREY,
                   linewidth=0.9, label=label, gid=source)  # fmt: skip
    upper.plot(seconds, naive, color=ORANGE, linewidth=0.9, label="their mean")
    upper.plot(seconds, price, color=BLUE, label="the index")
    lower.plot(seconds, [np.mean([each.price for each in prices[1:]]) for prices in said], color=GREY, linewidth=0.9,
               label="mean of the four others")  # fmt: skip
    lower.plot(seconds, price, color=BLUE, label="the index")
    lower.fill_between(seconds, price - half, price + half, color=BLUE, alpha=0.15, label="its confidence")
    for axes in (upper, lower):
        axes.set_ylabel(f"{SYMBOL}, USD")
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8, loc="upper left")
    lower.set_xlabel("seconds")
    figure.suptitle("One source of five drifts to + 3 %; clamped to the median ± 0.5 %, it moves the index by 0.1 %")
    return figure


def _with_a_liar(prices: list[SourcePrice], second: int) -> list[SourcePrice]:
    share = 0.03 * min(max(second - LIE_BEGINS, 0) / 120, 1.0) if second < LIE_ENDS else 0.0
    first = prices[0]
    return [SourcePrice(first.source, first.price * (1 + share), first.time), *prices[1:]]


def settlement_figure(path: MarketPath, expiry: int) -> Figure:
    """Returns an expiry's last hour: index and forward, an option's delta, and its variance."""
    node, builder = ReplayedSources(path, 0), MarkBuilder()
    times = np.arange(expiry - 2 * WINDOW_NS, expiry, 20 * SECOND)
    strike = round(path.index(SYMBOL, expiry - WINDOW_NS) / 500) * 500
    spec = InstrumentSpec(
        1, "call", UNDERLYING, InstrumentKind.OPTION, OptionType.CALL, strike * USD, expiry, 5 * USD, 10**6, 10
    )
    rows = []
    for time in times.tolist():
        for due in builder.window(expiry).due(time):
            builder.sample(expiry, due, node.index(SYMBOL, due))
        seen = [ExpiryObservation(at, quotes) for at, quotes in node.options(SYMBOL, time).items() if at >= expiry]
        view = builder.view(Observation(time, node.index(SYMBOL, time), [], seen))
        [mark] = mark_arrays(view.inputs(UNDERLYING), [spec]).marks
        first = view.slices[0]
        deviation = float(np.sqrt(first.smile.variance(np.zeros(1))[0])) * first.forward.price
        rows.append((view.index.price, first.forward.price, mark.delta / NANO_ONE, deviation))
    index, forward, delta, deviation = np.array(rows).T
    minutes = (times - expiry) / SECOND / 60
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    panels[0].plot(minutes, index, color=GREY, linewidth=0.9, label="index")
    panels[0].plot(minutes, forward, color=BLUE, label="forward: from the start of the window the expected settlement")
    panels[0].axhline(strike, color=ORANGE, linewidth=0.8, label=f"strike of a call, {strike:,}")
    panels[0].set_ylabel("USD")
    panels[1].plot(minutes, delta, color=BLUE, label="delta of that call")
    panels[1].plot(minutes, np.clip(-minutes / 30, 0, 1), color=GREY, linewidth=0.9, label="share of the window left")
    panels[2].plot(minutes, deviation, color=BLUE, label="standard deviation of the settlement price, USD")
    for axes in panels:
        axes.axvspan(-30, 0, color=ORANGE, alpha=0.08)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=8)
    panels[2].set_xlabel("minutes to expiry")
    figure.suptitle("The last hour of an expiry; the settlement window is shaded")
    return figure


def main(out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("docs/img")) -> None:
    """Draws the index with a lying source, and an expiry's last hour."""
    out.mkdir(parents=True, exist_ok=True)
    path = open_path(None)
    index_figure(path).savefig(out / "index-liar.png", dpi=100)
    expiry = next(each.expiry for each in path.option_quotes(SYMBOL, path.start_ns + 86_400 * SECOND))
    settlement_figure(path, expiry).savefig(out / "settlement-window.png", dpi=100)


if __name__ == "__main__":
    typer.run(main)
