"""Options that commands on a chain share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

KEY_VARIABLE = "SYNCHROMESH_KEY"
"""Environment variable that ``--key`` is taken from, whatever the key is for."""

Rpc = Annotated[str, typer.Option(envvar="SYNCHROMESH_RPC", help="JSON-RPC URL of the chain.")]
Contract = Annotated[str, typer.Option(envvar="SYNCHROMESH_CONTRACT", help="Settlement contract.")]
Key = Annotated[
    Path | None,
    typer.Option(
        envvar=KEY_VARIABLE, help="File with the key that pays for transactions: 32 bytes of hex, yours alone."
    ),
]
Owner = Annotated[str | None, typer.Option(help="Whose accounts; without, the key's own address.")]
Beacon = Annotated[
    str | None,
    typer.Option(envvar="SYNCHROMESH_BEACON", help="Beacon node or archive with blobs; a local chain has its own."),
]
State = Annotated[
    Path | None,
    typer.Option(help="Folder where states are saved, so that a restart does not replay everything; yours alone."),
]
Blobs = Annotated[
    str | None,
    typer.Option(
        envvar="SYNCHROMESH_BLOBS",
        help="Folder where blobs are looked for first, and kept once they were found; or the URL of somebody's.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
