"""``python -m synchromesh.settlement``: the settlement process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from synchromesh.settlement.service import ServiceOptions, serve


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    confirmations: Annotated[
        int | None, typer.Option(help="Blocks that make an inbox item final; default: the node's own finality.")
    ] = None,
    batch_seconds: Annotated[float, typer.Option(help="Real seconds between batches when little happens.")] = 2.0,
    key: Annotated[str, typer.Option(help="Key that commits; the standby's takes over when there is no operator.")] = (
        "operator"
    ),
    store: Annotated[Path | None, typer.Option(help="Where batches are kept; default: in the venue directory.")] = None,
    blobs: Annotated[bool, typer.Option("--blobs", help="Post data in blobs instead of calldata.")] = False,
) -> None:
    """Follows the inbox into the venue and the journal onto the chain."""
    options = ServiceOptions(
        confirmations=confirmations, batch_seconds=batch_seconds, key=key, store=store, blobs=blobs
    )
    asyncio.run(serve(directory, options))


if __name__ == "__main__":
    typer.run(main)
