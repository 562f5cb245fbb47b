"""``synchromesh force``: requests that the operator may not ignore, straight to the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synchromesh.operations.chain_options import as_json, on_chain, owner_of, secret_of
from synchromesh.options import Contract, Json, Key, Owner, Rpc
from synchromesh.protocol import address_of

if TYPE_CHECKING:
    from synchromesh.settlement.assets import VaultAsset
    from synchromesh.settlement.chain import Chain
    from synchromesh.settlement.forced import ForcedRequest, ForcedRequests
    from synchromesh.settlement.sender import Sender

force_app = typer.Typer(help="Requests that the operator may not ignore: on the chain.", no_args_is_help=True)

Subaccount = Annotated[int, typer.Option(help="Which of your subaccounts.")]
Demand = Callable[["ForcedRequests", "Sender", "list[VaultAsset]"], Awaitable[int]]


@force_app.command("withdraw")
def withdraw(
    amount: Annotated[str, typer.Argument(help="At most this much, in whole units of the asset.")],
    rpc: Rpc,
    contract: Contract,
    subaccount: Subaccount,
    key: Key = None,
    asset: Annotated[int, typer.Option(help="Asset id; 0 is USDC.")] = 0,
    to: Annotated[str | None, typer.Option(help="Who is paid; without, the key's own address.")] = None,
    json: Json = False,
) -> None:
    """Demands a withdrawal; it is claimed like any other once its batch is final."""

    async def demand(requests: ForcedRequests, sender: Sender, assets: list[VaultAsset]) -> int:
        if not 0 <= asset < len(assets):
            raise ValueError(f"the vault has no asset {asset}")
        recipient = to if to is not None else sender.address
        return await requests.withdraw(sender, subaccount, asset, assets[asset].units(amount), recipient)

    _demand(rpc, contract, key, json, demand)


@force_app.command("cancel-all")
def cancel_all(rpc: Rpc, contract: Contract, subaccount: Subaccount, key: Key = None, json: Json = False) -> None:
    """Demands that all orders of a subaccount be cancelled."""
    _demand(rpc, contract, key, json, lambda requests, sender, _: requests.cancel_all(sender, subaccount))


@force_app.command("close-only")
def close_only(rpc: Rpc, contract: Contract, subaccount: Subaccount, key: Key = None, json: Json = False) -> None:
    """Demands that a subaccount may only reduce its positions from now on."""
    _demand(rpc, contract, key, json, lambda requests, sender, _: requests.close_only(sender, subaccount))


@force_app.command("status")
def status(rpc: Rpc, contract: Contract, key: Key = None, owner: Owner = None, json: Json = False) -> None:
    """Which of your requests batches have served, and until when they must be."""
    from synchromesh.settlement.assets import read_assets
    from synchromesh.settlement.contracts import VenueContracts
    from synchromesh.settlement.forced import ForcedRequests

    async def ask(chain: Chain) -> tuple[list[ForcedRequest], list[VaultAsset]]:
        contracts = await VenueContracts.find(chain, contract)
        found = await ForcedRequests(chain, contracts).of(owner_of(owner, key))
        return found, await read_assets(chain, contracts.settlement)

    requests, assets = on_chain(rpc, ask)
    if json:
        typer.echo(as_json(requests))
        return
    for request in requests:
        typer.echo(_line(request, assets))
    if not requests:
        typer.echo("no forced request")


def _demand(rpc: str, contract: str, key: Path | None, json: bool, demand: Demand) -> None:
    """Sends a request, and says where it is."""
    from synchromesh.settlement.assets import read_assets
    from synchromesh.settlement.contracts import VenueContracts
    from synchromesh.settlement.forced import ForcedRequests
    from synchromesh.settlement.sender import Sender

    async def send(chain: Chain) -> tuple[ForcedRequest, list[VaultAsset]]:
        secret = secret_of(key)
        contracts = await VenueContracts.find(chain, contract)
        assets = await read_assets(chain, contracts.settlement)
        requests = ForcedRequests(chain, contracts)
        index = await demand(requests, Sender(chain, secret), assets)
        [request] = [each for each in await requests.of(address_of(secret)) if each.index == index]
        return request, assets

    request, assets = on_chain(rpc, send)
    typer.echo(as_json(request) if json else _line(request, assets))


def _line(request: ForcedRequest, assets: list[VaultAsset]) -> str:
    from synchromesh.settlement.exits.venue import clock
    from synchromesh.settlement.forced import Forced

    what = f"{request.demand} of subaccount {request.subaccount}"
    if request.demand is Forced.WITHDRAW:
        what += f", up to {assets[request.asset].amount(request.amount)}"
    if request.batch is not None:
        return f"item {request.index}: {what}; served in batch {request.batch}"
    frozen = f"the venue can be frozen from {clock(request.overdue_at)} on"
    return f"item {request.index}: {what}; unless a batch serves it, {frozen}"
