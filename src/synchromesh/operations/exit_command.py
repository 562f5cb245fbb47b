"""``synchromesh exit``: out of a venue whose operator is gone, with nothing but a node of the chain and a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synchromesh.operations.chain_options import as_json, on_chain, owner_of, secret_of
from synchromesh.options import Beacon, Blobs, Contract, Json, Key, Owner, Rpc

if TYPE_CHECKING:
    from synchromesh.settlement.assets import VaultAsset
    from synchromesh.settlement.chain import Chain
    from synchromesh.settlement.exits.leaving import Exit, ExitStatus, Move
    from synchromesh.settlement.exits.venue import Standing

exit_app = typer.Typer(help="Out of a venue whose operator is gone, from the chain alone.", no_args_is_help=True)

POLL_SECONDS = 5.0
"""Real seconds between looks at the chain."""


@exit_app.command("status")
def status(
    rpc: Rpc,
    contract: Contract,
    key: Key = None,
    owner: Owner = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    json: Json = False,
) -> None:
    """Where the venue is, what is yours by its last committed state and why, and what comes next."""
    from synchromesh.operations.exit_report import print_status
    from synchromesh.settlement.blob_sources import blob_source
    from synchromesh.settlement.exits.leaving import Exit

    async def ask(chain: Chain) -> tuple[ExitStatus, list[VaultAsset]]:
        source = blob_source(chain, beacon, blobs)
        way = await Exit.connect(chain, contract, owner_of(owner, key), blobs=source)
        return await way.status(), way.venue.assets

    found, assets = on_chain(rpc, ask)
    if json:
        typer.echo(as_json(found))
    else:
        print_status(found, assets)


@exit_app.command("freeze")
def freeze(rpc: Rpc, contract: Contract, key: Key = None, json: Json = False) -> None:
    """Freezes a venue whose operator has left an inbox item unserved for too long."""
    _move(rpc, contract, key, lambda way: _one(way.freeze()), json)


@exit_app.command("open")
def open_(
    rpc: Rpc, contract: Contract, key: Key = None, beacon: Beacon = None, blobs: Blobs = None, json: Json = False
) -> None:
    """Opens the exit of a frozen venue, for everybody: proves what the venue holds in all."""
    _move(rpc, contract, key, lambda way: _one(way.open()), json, beacon=beacon, blobs=blobs)


@exit_app.command("claim")
def claim(
    rpc: Rpc,
    contract: Contract,
    key: Key = None,
    owner: Owner = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    json: Json = False,
) -> None:
    """Claims for your accounts: proves what each of them holds."""
    _move(rpc, contract, key, lambda way: way.claim(), json, owner=owner, beacon=beacon, blobs=blobs)


@exit_app.command("pay")
def pay(rpc: Rpc, contract: Contract, key: Key = None, owner: Owner = None, json: Json = False) -> None:
    """Has your claims paid, once claims are collected."""
    _move(rpc, contract, key, lambda way: way.pay(), json, owner=owner)


@exit_app.command("return-deposit")
def return_deposit(
    rpc: Rpc,
    contract: Contract,
    key: Key = None,
    owner: Owner = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    json: Json = False,
) -> None:
    """Has your deposits returned that the venue never credited; of a venue that runs, what it has no such asset for."""
    _move(rpc, contract, key, lambda way: way.return_deposits(), json, owner=owner, beacon=beacon, blobs=blobs)


@exit_app.command("withdrawals")
def withdrawals(
    rpc: Rpc,
    contract: Contract,
    key: Key = None,
    owner: Owner = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    early: Annotated[bool, typer.Option(help="Also those that a quorum vouches for, up to the asset's cap.")] = False,
    json: Json = False,
) -> None:
    """Claims withdrawals to you that are final; of a venue that runs as well."""
    _move(rpc, contract, key, lambda way: way.claim_withdrawals(early), json, owner=owner, beacon=beacon, blobs=blobs)


@exit_app.command("run")
def run(
    rpc: Rpc,
    contract: Contract,
    key: Key = None,
    owner: Owner = None,
    beacon: Beacon = None,
    blobs: Blobs = None,
    poll: Annotated[float, typer.Option(help="Seconds between looks at the chain.")] = POLL_SECONDS,
    json: Json = False,
) -> None:
    """Does all of it in order, waits for every window, and ends when you are paid."""
    from synchromesh.operations.exit_report import print_move
    from synchromesh.settlement.blob_sources import blob_source
    from synchromesh.settlement.exits.leaving import Exit, Move
    from synchromesh.settlement.exits.run import leave
    from synchromesh.settlement.exits.venue import describe

    async def walk(chain: Chain) -> None:
        source = blob_source(chain, beacon, blobs)
        way = await Exit.connect(chain, contract, owner_of(owner, key), secret_of(key), source)
        said = ""
        async for event in leave(way, poll):
            if isinstance(event, Move):
                print_move(event, way.venue.assets, json)
            elif not json and describe(event) != said:
                said = describe(event)
                typer.echo(f"waiting: {said}")

    on_chain(rpc, walk)


async def _one(move: Awaitable[Move]) -> list[Move]:
    return [await move]


def _move(
    rpc: str,
    contract: str,
    key: Path | None,
    step: Callable[[Exit], Awaitable[list[Move]]],
    json: bool,
    *,
    owner: str | None = None,
    beacon: str | None = None,
    blobs: str | None = None,
) -> None:
    """Makes a step, and says what came of it and what comes next."""
    from synchromesh.operations.exit_report import print_move, print_next
    from synchromesh.settlement.blob_sources import blob_source
    from synchromesh.settlement.exits.leaving import Exit

    async def make(chain: Chain) -> tuple[list[Move], Standing, list[VaultAsset]]:
        source = blob_source(chain, beacon, blobs)
        way = await Exit.connect(chain, contract, owner_of(owner, key), secret_of(key), source)
        moves = await step(way)
        return moves, await way.venue.standing(), way.venue.assets

    moves, standing, assets = on_chain(rpc, make)
    for move in moves:
        print_move(move, assets, json)
    if not json:
        print_next(standing)
