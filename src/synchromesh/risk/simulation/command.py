"""The ``margin`` command."""

from __future__ import annotations

from pathlib import Path

import msgspec
import typer
from rich.console import Console

from synchromesh.client import SyncClient
from synchromesh.client.types import MarginSimulation
from synchromesh.protocol import MarginModel
from synchromesh.risk.simulation.offline import simulate_offline
from synchromesh.risk.simulation.positions import WhatIf, read_positions
from synchromesh.risk.simulation.tables import simulation_tables

WIDTH_MIN = 110
"""Characters of the tables' lines, at least."""


def margin(file: Path, url: str | None, chain: Path | None, model: str, json: bool, plot: Path | None) -> None:
    """Margins the portfolio of a file, by a venue's API or offline, prints and draws what came out.

    Raises:
        ValueError: When the model is none, or file or chain do not fit.
        ClientError: When the venue refuses.
        EngineRefused: When the engine does.
        OSError: When a file cannot be read or written.
    """
    if url is not None and chain is not None:
        raise ValueError("a portfolio is margined by a venue (--url) or on a chain (--chain), not by both")
    chosen = MarginModel.from_word(model)
    portfolio = read_positions(file)
    found = simulate_offline(portfolio, chain, chosen) if url is None else _ask(url, portfolio, chosen)
    if plot is not None:
        # Imported here: whoever wants numbers does not wait for the plotting library.
        from synchromesh.risk.simulation.plots import write_plot

        write_plot(found, plot)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    console = Console()
    # A pipe has no width of its own, and the tables need this much.
    console.width = max(console.width, WIDTH_MIN)
    for shown in simulation_tables(found):
        console.print(shown)


def _ask(url: str, portfolio: WhatIf, model: MarginModel) -> MarginSimulation:
    with SyncClient(url) as client:
        return client.simulate_margin(
            portfolio.positions, cash=portfolio.cash, collateral=portfolio.collateral, model=model.word
        )
