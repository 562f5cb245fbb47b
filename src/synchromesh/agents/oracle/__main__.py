"""``python -m synchromesh.agents.oracle``: one oracle node of a local venue."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from synchromesh.agents.market import open_path
from synchromesh.agents.oracle.listing import Listing
from synchromesh.agents.oracle.node import OracleNode
from synchromesh.agents.oracle.proposer import Proposer
from synchromesh.agents.oracle.sources import ReplayedSources
from synchromesh.operations.processes import run_until_signal

PROPOSER = 0
"""The node that proposes, and lists what the market lists; the others review."""


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    node: Annotated[int, typer.Option(help="Which node; 0 proposes.")] = 0,
    interval: Annotated[float, typer.Option(help="Real seconds between marks.")] = 1.0,
    data: Annotated[Path | None, typer.Option(help="Recorded chains; without, the bundled set.")] = None,
    mode: Annotated[str, typer.Option(help="bridge or jump.")] = "bridge",
    seed: Annotated[int, typer.Option(help="Of the bridge.")] = 1,
    skew: Annotated[float, typer.Option(help="Lie: share by which all prices of this node are off.")] = 0.0,
) -> None:
    """An oracle node: proposes marks, or reviews and cosigns what another proposes."""
    path = open_path(data, mode=mode, seed=seed)
    oracle = OracleNode(directory, node, ReplayedSources(path, node, skew))
    work = Proposer(oracle, Listing(directory, path, oracle.client)).run(interval) if node == PROPOSER else oracle.run()
    asyncio.run(run_until_signal(work))


if __name__ == "__main__":
    typer.run(main)
