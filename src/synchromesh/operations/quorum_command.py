"""``synchromesh quorum``: a verifier's node, the service that collects signatures, stakes, and how far batches are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from synchromesh.operations.chain_options import as_json, on_chain
from synchromesh.operations.processes import run_until_signal
from synchromesh.options import KEY_VARIABLE, Beacon, Blobs, Contract, Rpc, State

quorum_app = typer.Typer(help="Verifiers who sign batches that they have replayed.", no_args_is_help=True)

Key = Annotated[
    Path, typer.Option(envvar=KEY_VARIABLE, help="File with the verifier's key: 32 bytes of hex, yours alone.")
]
Folder = Annotated[Path | None, typer.Option(help="Where it is remembered; without, beside the key.")]


@quorum_app.command("node")
def node(
    rpc: Rpc,
    contract: Contract,
    key: Key,
    port: Annotated[int, typer.Option(help="Port on loopback where signatures are served.")] = 8090,
    folder: Folder = None,
    confirmations: Annotated[
        int | None, typer.Option(help="Blocks that make one final; without, as the chain's node says.")
    ] = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    state: State = None,
) -> None:
    """Replays every batch, signs what is right, and serves the signatures; until Ctrl-C."""
    from synchromesh.verification.quorum.run import run_node

    on_chain(
        rpc,
        lambda chain: run_until_signal(
            run_node(chain, contract, key, port, folder, confirmations, beacon, blobs, state)
        ),
    )


@quorum_app.command("aggregate")
def aggregate(
    rpc: Rpc,
    contract: Contract,
    nodes: Annotated[str, typer.Option(help="URLs of the nodes, separated by commas.")],
    key: Annotated[Path, typer.Option(envvar=KEY_VARIABLE, help="File with the key that pays, 32 bytes of hex.")],
    folder: Folder = None,
) -> None:
    """Collects signatures, tells the chain when there are enough, and accuses who signs two batches; until Ctrl-C."""
    from synchromesh.verification.quorum.run import run_aggregator

    urls = nodes.split(",")
    on_chain(rpc, lambda chain: run_until_signal(run_aggregator(chain, contract, urls, key, folder)))


@quorum_app.command("join")
def join(rpc: Rpc, contract: Contract, key: Key) -> None:
    """Puts up a listed verifier's stake."""
    _stake(rpc, contract, key, "join", "signs from now on")


@quorum_app.command("leave")
def leave(rpc: Rpc, contract: Contract, key: Key) -> None:
    """Signs no more; the stake is free after the delay."""
    _stake(rpc, contract, key, "leave", "signs no more")


@quorum_app.command("withdraw")
def withdraw(rpc: Rpc, contract: Contract, key: Key) -> None:
    """Takes the stake of a verifier that left, once it is free."""
    _stake(rpc, contract, key, "withdraw", "has its stake back")


@quorum_app.command("status")
def status(
    rpc: Rpc,
    contract: Contract,
    last: Annotated[int, typer.Option(help="How many of the newest batches.")] = 10,
) -> None:
    """How far the newest batches are: committed, vouched, final. JSON."""
    from synchromesh.verification.quorum.run import quorum_status

    typer.echo(as_json(on_chain(rpc, lambda chain: quorum_status(chain, contract, last))))


def _stake(rpc: str, contract: str, key: Path, move: Literal["join", "leave", "withdraw"], done: str) -> None:
    from synchromesh.verification.quorum.run import move_stake

    typer.echo(f"{on_chain(rpc, lambda chain: move_stake(chain, contract, key, move))} {done}")
