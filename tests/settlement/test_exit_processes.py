"""A real venue is killed, all of it but the chain and a copy of its blobs, and its users leave."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from support.ledger import ALICE, BOB, OPERATOR
from support.local import BOND, OWNER, WINDOW, LocalChain, terms
from support.venue import CALL, PERPETUAL, TestVenue, settled
from synchromesh.client import Client
from synchromesh.protocol import USDC, Side, TypedDomain, address_of
from synchromesh.settlement.blob_sources import BlobFolder, BlobSite, BlobSource, LocalBlobs
from synchromesh.settlement.chain import Chain
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.deploy import Deployment, deploy, post_bond
from synchromesh.settlement.exits.errors import BlobsGone
from synchromesh.settlement.exits.leaving import Exit, Move, Step
from synchromesh.settlement.exits.run import leave
from synchromesh.settlement.exits.venue import Phase
from synchromesh.settlement.sender import Sender
from synchromesh.settlement.wallet import Wallet

DEPOSITED = 100_000
STRANDED = 250
"""USDC that alice deposits when nobody is there any more."""


def venue_on(local: LocalChain, deployed: Deployment, path: Path) -> TestVenue:
    """A venue in a directory, whose vault is that deployment."""
    venue = TestVenue(path)
    usdc = msgspec.structs.replace(venue.config.assets[0], token=deployed.usdc)
    contract = deployed.settlement.removeprefix("0x").lower()
    venue.config = msgspec.structs.replace(venue.config, rpc_url=local.chain.url, contract=contract, assets=(usdc,))
    venue.domain = TypedDomain(venue.config.chain_id, bytes.fromhex(contract))
    venue.directory.write(venue.config)
    return venue


@contextmanager
def settlement(venue: TestVenue) -> Iterator[subprocess.Popen[bytes]]:
    """The venue's settlement process, which posts data in blobs."""
    arguments = ["--directory", str(venue.path), "--confirmations", "0", "--batch-seconds", "2", "--blobs"]
    with (venue.path / "settlement.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "synchromesh.settlement", *arguments], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def trade(venue: TestVenue) -> dict[bytes, Decimal]:
    """Bob sells alice a perpetual and a call; what each of them has then, by the venue's own word."""
    async with Client(venue.config.websocket_url, ALICE) as alice, Client(venue.config.websocket_url, BOB) as bob:
        for client in (alice, bob):
            await settled(lambda client=client: _is_credited(client), seconds=30)
        for instrument, price in ((PERPETUAL, 76_000), (CALL, 1_900)):
            await bob.place(Side.SELL, instrument, "0.5", price)
            await alice.place(Side.BUY, instrument, "0.5", price)
        venue.mark(BTC=77_000)
        return {key: (await client.account()).equity for key, client in ((ALICE, alice), (BOB, bob))}


async def _is_credited(client: Client) -> bool:
    return bool(await client.subaccounts()) and (await client.account()).balance == DEPOSITED


async def committed(chain: Chain, contracts: VenueContracts) -> int:
    """The last command that a batch holds."""
    return int((await chain.call(contracts.settlement.functions.tip()))[4])


@pytest.mark.slow
async def test_users_leave_when_everything_but_the_chain_is_gone(tmp_path: Path) -> None:
    async with LocalChain() as local:
        deployed = await deploy(Sender(local.chain, OWNER), terms(), await local.judges())
        await post_bond(local.chain, deployed.settlement, OPERATOR, BOND)
        contracts = await VenueContracts.find(local.chain, deployed.settlement)
        wallets = {key: Wallet(local.chain, deployed.settlement, deployed.usdc, key) for key in (ALICE, BOB)}
        venue = venue_on(local, deployed, tmp_path / "venue")
        try:
            await asyncio.to_thread(venue.up)
            for wallet in wallets.values():
                await wallet.mint(DEPOSITED * 10**6)
                await wallet.deposit(DEPOSITED * 10**6)
            with settlement(venue) as service:
                equity = await trade(venue)

                async def caught_up() -> bool:
                    assert service.poll() is None, (venue.path / "settlement.log").read_text()
                    return await committed(local.chain, contracts) == venue.sequence

                await settled(caught_up, seconds=60)
            await asyncio.to_thread(venue.stop, signal.SIGKILL)
        finally:
            venue.down()
        shutil.rmtree(venue.path)
        await wallets[ALICE].mint(STRANDED * 10**6)
        await wallets[ALICE].deposit(STRANDED * 10**6)

        archive = tmp_path / "blobs"
        # Alice looked in time, and has kept what she read; bob did not.
        kept = BlobFolder(archive, LocalBlobs(local.chain))
        status = await (await Exit.connect(local.chain, deployed.settlement, address_of(ALICE), blobs=kept)).status()
        assert len(list(archive.glob("*.blob"))) == status.standing.batches
        late = await Exit.connect(local.chain, deployed.settlement, address_of(BOB), blobs=Forgotten())
        with pytest.raises(BlobsGone, match=r"the blob of chunk 0 of batch 0, 0x01\w+, is not to be had: .* --blobs"):
            await late.status()

        with shown(archive) as url:
            sources = {ALICE: BlobFolder(archive, Forgotten()), BOB: BlobSite(url, Forgotten())}
            moves = await asyncio.gather(*(walk(local, deployed.settlement, key, sources[key]) for key in wallets))
        expected = {key: int(amount * 10**6) for key, amount in equity.items()}
        assert [move.step for made in moves for move in made].count(Step.FREEZE) == 1
        for made, key in zip(moves, wallets, strict=True):
            [paid] = [move for move in made if move.step is Step.PAY]
            # The venue's figure counts what both positions are worth, and rounds their sum; an exit rounds each.
            assert 0 <= expected[key] - paid.amounts[USDC] <= 2
            returned = STRANDED * 10**6 if key == ALICE else 0
            assert await wallets[key].balance() == paid.amounts[USDC] + returned


class Forgotten:
    """A node that keeps no blobs any more."""

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        return None


@contextmanager
def shown(folder: Path) -> Iterator[str]:
    """A web server that shows a folder, and its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


async def walk(local: LocalChain, settlement: str, key: bytes, blobs: BlobSource) -> list[Move]:
    """Leaves, and lets the chain's time pass when there is nothing else to do."""
    way = await Exit.connect(local.chain, settlement, address_of(key), key, blobs)
    made: list[Move] = []
    async for event in leave(way, poll=0.1):
        if isinstance(event, Move):
            made.append(event)
        elif event.phase is not Phase.CLAIMS or await everybody_claimed(way):
            await local.pass_time(WINDOW // 3)
    return made


async def everybody_claimed(way: Exit) -> bool:
    """Whether both accounts have claimed."""
    claimed = way.venue.exits.functions.hasClaimed
    return all([await way.venue.chain.call(claimed(subaccount)) for subaccount in (1, 2)])
