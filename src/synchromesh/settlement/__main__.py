"""``python -m synchromesh.settlement``: the settlement process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from synchromesh.settlement.service import serve


def main(
    directory: Annotated[Path, typer.Option(help="The venue directory.")],
    confirmations: Annotated[
        int | None, typer.Option(help="Blocks that make an inbox item final; default: the node's own finality.")
    ] = None,
    batch_seconds: Annotated[float, typer.Option(help="Real seconds between batches when little happens.")] = 2.0,
) -> None:
    """Follows the inbox into the venue and the journal onto the chain."""
    asyncio.run(serve(directory, confirmations=confirmations, batch_seconds=batch_seconds))


if __name__ == "__main__":
    typer.run(main)
