"""``python -m synchromesh.agents.market.fit``: makes the bundled set from recorded chains."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from synchromesh.agents.market.fitted import load_recorded


def main(
    data: Annotated[Path, typer.Option(help="Folder of recorded chains.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Fits index path, forwards and smiles, and writes the parameters without any recorded quote."""
    market = load_recorded(data).without_quotes()
    packed = gzip.compress(msgspec.json.encode(market), 9, mtime=0)
    out.write_bytes(packed)
    slices = sum(len(expiry.slices) for part in market.underlyings for expiry in part.expiries)
    typer.echo(f"{slices} smiles, {len(packed)} bytes")


if __name__ == "__main__":
    typer.run(main)
