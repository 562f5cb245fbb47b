"""``synchromesh reconcile``: what an account is, shown on the chain by a venue that must answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synchromesh.operations.chain_options import as_json, on_chain
from synchromesh.operations.processes import run_until_signal
from synchromesh.options import KEY_VARIABLE, Beacon, Blobs, Contract, Rpc

EXIT_FROZEN = 3
"""Nobody answered in time. Not 1, with which plain errors exit."""

Key = Annotated[
    Path, typer.Option(envvar=KEY_VARIABLE, help="File with the key that pays: 32 bytes of hex, yours alone.")
]


def reconcile(
    rpc: Rpc,
    contract: Contract,
    subaccount: Annotated[int, typer.Option(min=1, help="The account, yours or another.")],
    key: Key,
) -> None:
    """Asks on chain what an account is, and waits. Exits 0 with the answer, or 3: the venue is frozen for silence."""
    from synchromesh.config import read_key_file
    from synchromesh.verification.reconciliation.ask import reconcile as ask

    outcome = on_chain(rpc, lambda chain: ask(chain, contract, read_key_file(key), subaccount))
    typer.echo(as_json(outcome))
    if outcome.answer is None:
        typer.echo("nobody answered in time: the venue is frozen, and everybody leaves by `synchromesh exit`", err=True)
        raise typer.Exit(EXIT_FROZEN)


def respond(
    rpc: Rpc,
    contract: Contract,
    key: Key,
    beacon: Beacon = None,
    blobs: Blobs = None,
) -> None:
    """Answers requests with the newest state that was verified here, until Ctrl-C."""
    from synchromesh.verification.reconciliation.responder import run_responder

    on_chain(rpc, lambda chain: run_until_signal(run_responder(chain, contract, key, beacon, blobs)))


if __name__ == "__main__":
    typer.run(respond)
