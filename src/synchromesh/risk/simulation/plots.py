"""The picture of a margin simulation: P&L over price and vol, cell bounds, the scenarios beyond, the add-ons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from synchromesh.client.types import Lane, MarginSimulation, State, UnderlyingMargin
from synchromesh.risk.simulation.tables import ADD_ONS

ROWS = ("up", "flat", "down")
BLUE, ORANGE, GREY, RED = "#1f5fa8", "#d1731f", "#8a8f98", "#b3261e"


def write_plot(found: MarginSimulation, path: Path) -> None:
    """Draws a simulation in the portfolio model; ValueError for one that has no scenarios."""
    if not found.underlyings:
        raise ValueError("only portfolio margin has scenarios to draw")
    count = len(found.underlyings)
    figure = Figure(figsize=(13, 6.4 * count + 0.6), layout="constrained")
    parts = figure.subfigures(count, 1, squeeze=False)
    for part, each in zip(parts[:, 0], found.underlyings, strict=True):
        _draw(part, each)
    figure.suptitle(
        f"Portfolio margin: equity {found.equity:,.0f}, IM {found.initial_margin:,.0f}, "
        f"MM {found.maintenance_margin:,.0f} USDC"
    )
    figure.savefig(path, dpi=110)


def _draw(part: Any, each: UnderlyingMargin) -> None:
    heat, margin, bounds, beyond = part.subplots(2, 2, width_ratios=(2.6, 1)).flat
    _heat_map(heat, each)
    _waterfall(margin, each)
    _cell_bounds(bounds, each)
    _beyond(beyond, each)
    part.suptitle(f"{each.currency}, index {each.index_price:,.0f}", fontsize=11, x=0.01, ha="left")


def _nodes(each: UnderlyingMargin, row: str) -> list[Lane]:
    return [lane for lane in each.lanes if lane.kind == "node" and lane.vol == row]


def _cells(each: UnderlyingMargin, row: str) -> list[State]:
    return [state for state in each.states if state.kind == "cell" and state.vol == row]


def _heat_map(axes: Axes, each: UnderlyingMargin) -> None:
    """P&L at the nodes of the three vol rows; the worst cell is framed."""
    values = np.array([[float(lane.pnl_with_orders) for lane in _nodes(each, row)] for row in ROWS])
    moves = [float(lane.price_move) for lane in _nodes(each, "flat")]
    most = max(float(np.abs(values).max()), 1.0)
    image = axes.imshow(values, aspect="auto", cmap="RdBu", norm=TwoSlopeNorm(0, -most, most))
    for (row, column), value in np.ndenumerate(values):
        colour = "white" if abs(value) > 0.6 * most else "black"
        axes.text(column, row, _short(value), ha="center", va="center", fontsize=6.5, color=colour)
    axes.set_xticks(range(len(moves)), [f"{move:+.0%}" for move in moves], fontsize=7)
    axes.set_yticks(range(len(ROWS)), [f"vol {row}" for row in ROWS], fontsize=8)
    axes.set_title("P&L at the price nodes, USDC; framed: the worst cell", fontsize=9)
    worst = each.initial.worst_state.split("_")
    if worst[0] in ROWS and len(worst) == 3:
        left, row = int(worst[1]), ROWS.index(worst[0])
        frame = (
            (left - 0.5, left + 1.5, left + 1.5, left - 0.5, left - 0.5),
            np.array([-0.5, -0.5, 0.5, 0.5, -0.5]) + row,
        )
        axes.plot(*frame, color="black", linewidth=2)
    axes.figure.colorbar(image, ax=axes, shrink=0.85, pad=0.01).ax.tick_params(labelsize=7)


def _cell_bounds(axes: Axes, each: UnderlyingMargin) -> None:
    """P&L through the nodes, and the bound that margin takes for everything between two of them."""
    for row, colour in zip(ROWS, (ORANGE, BLUE, GREY), strict=True):
        nodes = _nodes(each, row)
        prices = [float(lane.price_move) for lane in nodes]
        axes.plot(prices, [float(lane.pnl_with_orders) for lane in nodes], "o-", color=colour, markersize=3, label=row)
        for cell in _cells(each, row):
            span = [float(cell.price_from), float(cell.price_to)]
            axes.plot(span, [-float(cell.initial_loss)] * 2, color=colour, linewidth=2, alpha=0.55)
    axes.axhline(-float(each.initial.scan), color=RED, linewidth=1, linestyle="--", label="scan")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.xaxis.set_major_formatter(lambda move, _: f"{move:+.0%}")
    axes.set_title("nodes (dots) and cell bounds (bars), collateral included in the bounds", fontsize=9)
    axes.set_ylabel("P&L, USDC", fontsize=8)
    axes.legend(fontsize=7, title="vol", title_fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _beyond(axes: Axes, each: UnderlyingMargin) -> None:
    """Loss in every state beyond the grid."""
    states = [state for state in each.states if state.kind != "cell"]
    losses = [float(state.initial_loss) for state in states]
    colours = [RED if state.name == each.initial.worst_state else BLUE for state in states]
    axes.barh(range(len(states)), losses, color=colours)
    axes.axvline(float(each.initial.scan), color=RED, linewidth=1, linestyle="--")
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set_yticks(range(len(states)), [state.name.replace("_", " ") for state in states], fontsize=6.5)
    axes.invert_yaxis()
    axes.set_title("loss beyond the grid, dashed: scan", fontsize=9)
    axes.tick_params(axis="x", labelsize=7)
    axes.grid(alpha=0.25, axis="x")


def _waterfall(axes: Axes, each: UnderlyingMargin) -> None:
    """From the scan through every add-on to the margin."""
    shape = each.initial
    parts = [("scan", float(shape.scan)), *((words, float(getattr(shape, field))) for field, words in ADD_ONS)]
    reached = 0.0
    for place, (_, value) in enumerate(parts):
        axes.barh(place, value, left=reached, color=BLUE if place == 0 else ORANGE)
        reached += value
        axes.text(reached, place, f" {_short(value)}", va="center", fontsize=7)
    axes.barh(len(parts), reached, color=GREY)
    axes.text(reached, len(parts), f" {_short(reached)}", va="center", fontsize=7)
    axes.set_yticks(range(len(parts) + 1), [*(words for words, _ in parts), "initial margin"], fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    axes.set_title("initial margin by name, USDC", fontsize=9)
    axes.tick_params(axis="x", labelsize=7)


def _short(value: float) -> str:
    """A figure in four characters or so: 950, 12.3k, 1.25M."""
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.2f}M"
    return f"{value / 1e3:.1f}k" if size >= 1e3 else f"{value:.0f}"
