"""``python -m synchromesh.risk.impact``: fits and scores the impact model on a folder of recorded data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer

from synchromesh.risk.impact.study import CHAIN_BOOKS, Study, study


def main(
    data: Annotated[Path, typer.Option(envvar="SYNCHROMESH_DATA", help="Folder of recorded data.")],
    plot: Annotated[Path | None, typer.Option(help="Folder to draw into.")] = None,
) -> None:
    """Prints the study as JSON."""
    found = study(data)
    typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    if plot is not None:
        _draw(found, data, plot)


def _draw(found: Study, data: Path, folder: Path) -> None:
    from matplotlib.figure import Figure

    from synchromesh.risk.impact.books import read_chain_books
    from synchromesh.risk.impact.model import observe

    seen = observe(read_chain_books(data / CHAIN_BOOKS))
    held = seen.where(seen.group % 2 == 1)
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for predicted, name, colour in (
        (held.half_spread, "half spread", "#8a8f98"),
        (found.options.model.predict(held), "power law", "#1f5fa8"),
    ):
        left.loglog(held.cost, predicted, ".", markersize=2, color=colour, alpha=0.5, label=name)
    ends = [held.cost.min(), held.cost.max()]
    left.plot(ends, ends, color="#d1731f", linewidth=0.8)
    left.set_xlabel("recorded cost, vol points")
    left.set_ylabel("predicted, vol points")
    left.legend(fontsize=8)
    share = held.size / held.depth
    law = found.options.model
    for low, high, colour in ((0.4, 0.7, "#1f5fa8"), (0.7, 1.0, "#d1731f"), (1.0, 1.6, "#b3261e")):
        rows = (held.vol >= low) & (held.vol < high)
        if not rows.any():
            continue
        levels = np.unique(np.round(share[rows], 3))
        shares = np.round(share, 3)
        medians = [np.median((held.cost - held.half_spread)[rows & (shares == level)]) for level in levels]
        right.plot(levels, medians, "o", color=colour, markersize=4, label=f"vol {low:.0%} to {high:.0%}")
        grid = np.linspace(0.02, 1, 50)
        middle = float(np.median(held.vol[rows]))
        right.plot(grid, law.cost(grid, np.ones(50), np.zeros(50), np.full(50, middle)), color=colour, linewidth=0.9)
    right.set_xlabel("size, share of the ladder")
    right.set_ylabel("cost above the half spread, vol points")
    right.legend(fontsize=8)
    for axes in (left, right):
        axes.grid(alpha=0.25)
    figure.suptitle("Options that the fit has not seen (dots: recorded, lines: law)")
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "impact-options.png", dpi=90)


if __name__ == "__main__":
    typer.run(main)
