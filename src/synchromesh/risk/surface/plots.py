"""Pictures of a surface: fit against quotes for each expiry, and total variance of all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synchromesh.clock import SECOND
from synchromesh.risk.chains import ChainSnapshot
from synchromesh.risk.surface.calibration import Surface, SurfaceSlice

FloatArray = npt.NDArray[np.float64]

BLUE, ORANGE, GREY = "#1f5fa8", "#d1731f", "#8a8f98"
COLUMNS = 3
DEVIATIONS = 3.5
"""Standard deviations on either side that are drawn."""


def write_plots(chain: ChainSnapshot, surface: Surface, folder: Path) -> list[Path]:
    """Writes both pictures into ``folder`` and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    # The symbol comes out of a file: nothing in it may name another folder.
    symbol = "".join(filter(str.isalnum, chain.symbol))
    stem = f"{symbol}_{_moment(chain.time):%Y-%m-%dT%H%MZ}"
    paths = [folder / f"{stem}_smiles.png", folder / f"{stem}_variance.png"]
    for figure, path in zip((smiles_figure(chain, surface), variance_figure(chain, surface)), paths, strict=True):
        figure.savefig(path, dpi=100)
    return paths


def smiles_figure(chain: ChainSnapshot, surface: Surface) -> Figure:
    """Returns fitted vol against the vols of bids and asks, a panel for each expiry."""
    rows = -(-len(surface.slices) // COLUMNS)
    figure = Figure(figsize=(4.2 * COLUMNS, 2.8 * rows + 0.5), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, COLUMNS)).flat
    for axes, fitted in zip(panels, surface, strict=False):
        _smile_panel(axes, fitted)
    for axes in list(panels)[len(surface.slices) :]:
        axes.set_axis_off()
    figure.axes[0].legend(fontsize=7)
    figure.suptitle(f"{_title(chain)}: quotes and fit")
    return figure


def _smile_panel(axes: Axes, fitted: SurfaceSlice) -> None:
    quotes = fitted.report.quotes
    deviation = float(np.sqrt(fitted.smile.variance(np.zeros(1))[0]))
    shown = np.abs(quotes.k) <= DEVIATIONS * deviation
    k, mid, half = quotes.k[shown], quotes.mid[shown], (quotes.ask - quotes.bid)[shown] / 2
    if len(k):
        axes.errorbar(k, mid * 100, half * 100, fmt="none", ecolor=GREY, elinewidth=1.2, label="bid to ask")
        axes.set_ylim(*_limits(mid, half))
    width = DEVIATIONS * deviation
    curve = np.linspace(max(-width, k[0]), min(width, k[-1]), 300) if len(k) else np.linspace(-width, width, 300)
    axes.plot(curve, fitted.smile.vol(curve, fitted.t) * 100, color=BLUE, label="raw SVI")
    essvi = np.sqrt(fitted.essvi.variance(curve) / fitted.t)
    axes.plot(curve, essvi * 100, color=ORANGE, linewidth=0.8, linestyle="--", label="eSSVI")
    axes.axvline(0, color=GREY, linewidth=0.5)
    method = fitted.report.method.name.lower()
    axes.set_title(
        f"{_moment(fitted.expiry):%d %b %Y}, {fitted.t * 365:.1f} days, {method}, {len(quotes)} strikes", fontsize=8
    )
    axes.set_xlabel("log-moneyness ln(K/F)", fontsize=7)
    axes.set_ylabel("implied vol, %", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.grid(alpha=0.25)


def _limits(mid: FloatArray, half: FloatArray) -> tuple[float, float]:
    """Vols, %, between which the mids lie, with room for the usual half spread; one wide quote is cut off."""
    room = 3 * float(np.median(half)) + 0.02
    return float(mid.min() - room) * 100, float(mid.max() + room) * 100


def variance_figure(chain: ChainSnapshot, surface: Surface) -> Figure:
    """Returns total variance over log-moneyness, a line for each expiry, and Durrleman's g below."""
    figure = Figure(figsize=(10, 8), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    reach = DEVIATIONS * float(np.sqrt(surface.slices[-1].smile.variance(np.zeros(1))[0]))
    k = np.linspace(-reach, reach, 801)
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(surface.slices)))
    for fitted, colour in zip(surface, colours, strict=True):
        label = f"{_moment(fitted.expiry):%d %b %y}"
        upper.plot(k, fitted.smile.variance(k), color=colour, linewidth=1.1, label=label)
        lower.plot(k, fitted.smile.durrleman(k), color=colour, linewidth=1.1)
    upper.set_yscale("log")
    upper.set_ylabel("total variance w(k), log scale")
    upper.legend(fontsize=7, ncols=2)
    lower.axhline(0, color=ORANGE, linewidth=0.8)
    lower.set_ylabel("Durrleman g(k)")
    lower.set_xlabel("log-moneyness ln(K/F)")
    for axes in (upper, lower):
        axes.grid(alpha=0.25)
    figure.suptitle(f"{_title(chain)}: no two lines cross above, none falls below zero beneath")
    return figure


def _title(chain: ChainSnapshot) -> str:
    return f"{chain.symbol} chain of {_moment(chain.time):%d %b %Y %H:%M} UTC"


def _moment(time: int) -> datetime:
    return datetime.fromtimestamp(time / SECOND, UTC)
