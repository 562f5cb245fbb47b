"""Requests that the operator may not ignore: to the chain, to a venue that serves them, and back in a batch."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from support.ledger import ALICE, BOB
from support.local import WINDOW, LocalChain, LocalVenue
from support.venue import CALL, TestVenue, secret, shared_venue
from synchromesh.cli import app
from synchromesh.client import Client, RequestRefused
from synchromesh.protocol import (
    USDC,
    Deposit,
    ForcedCancelAll,
    ForcedCloseOnly,
    ForcedWithdraw,
    Side,
    address_of,
    decode_inbox_body,
    encode_inbox_body,
)
from synchromesh.settlement.exits.leaving import Exit
from synchromesh.settlement.forced import Forced, ForcedRequests
from synchromesh.settlement.sender import Sender

__all__ = ["shared_venue"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def venue() -> AsyncIterator[LocalVenue]:
    """A venue with alice's subaccount 1 and bob's 2."""
    async with LocalChain() as local:
        opened = await LocalVenue.new(local)
        await opened.open()
        await opened.commit_journal()
        yield opened


@pytest.fixture
def keys(tmp_path: Path) -> dict[bytes, Path]:
    """Key files of alice and bob."""
    found = {}
    for key in (ALICE, BOB):
        found[key] = tmp_path / f"{address_of(key).hex()}.key"
        found[key].write_text(key.hex())
        found[key].chmod(0o600)
    return found


async def force(venue: LocalVenue, key: Path, *arguments: str) -> Result:
    where = ("--rpc", venue.chain.url, "--contract", venue.deployment.settlement, "--key", str(key))
    return await asyncio.to_thread(CliRunner().invoke, app, ["force", *arguments, *where])


async def test_requests_reach_the_inbox_and_say_where_they_are(venue: LocalVenue, keys: dict[bytes, Path]) -> None:
    alice, first = address_of(ALICE), 2
    demands = [
        (["withdraw", "1234.5", "--subaccount", "1"], ForcedWithdraw(alice, 1, USDC, 1_234_500_000, alice)),
        (
            ["withdraw", "7", "--subaccount", "1", "--to", "0x" + address_of(BOB).hex()],
            ForcedWithdraw(alice, 1, USDC, 7_000_000, address_of(BOB)),
        ),
        (["cancel-all", "--subaccount", "1"], ForcedCancelAll(alice, 1)),
        (["close-only", "--subaccount", "1"], ForcedCloseOnly(alice, 1)),
    ]
    for offset, (arguments, _) in enumerate(demands):
        result = await force(venue, keys[ALICE], *arguments)
        assert result.exit_code == 0, result.output
        assert f"item {first + offset}: {arguments[0]} of subaccount 1" in result.stdout
        assert "unless a batch serves it, the venue can be frozen from" in result.stdout
    entries = await venue.follower().poll()
    assert [decode_inbox_body(entry.item) for entry in entries[first:]] == [body for _, body in demands]

    await venue.credit()
    await venue.commit_journal()
    served = await force(venue, keys[ALICE], "status", "--json")
    found = json.loads(served.stdout)
    assert [request["batch"] for request in found] == [1, 1, 1, 1]
    assert [request["demand"] for request in found] == ["withdraw", "withdraw", "cancel-all", "close-only"]
    assert "no forced request" in (await force(venue, keys[BOB], "status")).stdout


async def test_what_was_forced_out_is_claimed_like_any_withdrawal(venue: LocalVenue, keys: dict[bytes, Path]) -> None:
    local = venue.local
    before = await venue.wallet(BOB).balance()
    assert (await force(venue, keys[BOB], "withdraw", "200000", "--subaccount", "2")).exit_code == 0
    await venue.credit()
    await venue.commit_journal()
    await local.pass_time(WINDOW)
    way = await Exit.connect(venue.chain, venue.deployment.settlement, address_of(BOB), BOB)
    moves = await way.claim_withdrawals()
    # All that was there, though more was asked for; and what alice sent him, if that was before.
    assert moves[-1].amounts == {USDC: 100_000 * 10**6}
    paid = sum(move.amounts[USDC] for move in moves)
    assert await venue.wallet(BOB).balance() == before + paid


async def test_an_item_that_no_batch_served_can_freeze_the_venue(venue: LocalVenue) -> None:
    local = venue.local
    snapshot = await local.snapshot()
    requests = ForcedRequests(venue.chain, await venue.contracts())
    index = await requests.cancel_all(Sender(venue.chain, ALICE), 1)
    [request] = [each for each in await requests.of(address_of(ALICE)) if each.index == index]
    assert (request.demand, request.batch) == (Forced.CANCEL_ALL, None)
    await local.node.rpc("evm_setNextBlockTimestamp", request.overdue_at - 1)
    await local.mine()
    assert not await venue.chain.call(venue.contract.functions.isOverdue())
    await local.node.rpc("evm_setNextBlockTimestamp", request.overdue_at)
    await local.mine()
    assert await venue.chain.call(venue.contract.functions.isOverdue())
    await local.revert(snapshot)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["withdraw", "much", "--subaccount", "1"], "'much' is no amount"),
        (["withdraw", "0.0000001", "--subaccount", "1"], "at most 6 decimals"),
        (["withdraw", "1", "--subaccount", "1", "--asset", "7"], "the vault has no asset 7"),
        (["withdraw", "1", "--subaccount", "1", "--to", "0x12"], "0x12"),
    ],
)
async def test_what_cannot_be_demanded_is_said_in_one_line(
    venue: LocalVenue, keys: dict[bytes, Path], arguments: list[str], words: str
) -> None:
    result = await force(venue, keys[ALICE], *arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_real_venue_serves_them(shared_venue: TestVenue) -> None:
    """The execution process does what the inbox demands, as its own API shows."""
    key = secret("forcing")
    owner = address_of(key)

    def serve(body: Deposit | ForcedWithdraw | ForcedCancelAll | ForcedCloseOnly) -> None:
        index = shared_venue.call("public/status")["inbox_next"]
        item = encode_inbox_body(body).hex()
        shared_venue.call("operator/inbox_item", token=shared_venue.token, index=index, item=item)

    serve(Deposit(owner, 0, USDC, 10_000 * 10**6))
    async with Client(shared_venue.config.websocket_url, key) as client:
        [subaccount] = await client.subaccounts()
        await client.place(Side.BUY, CALL, "0.1", 1_500)
        assert len(await client.open_orders()) == 1
        serve(ForcedCancelAll(owner, subaccount))
        assert await client.open_orders() == []
        serve(ForcedWithdraw(owner, subaccount, USDC, 4_000 * 10**6, owner))
        assert (await client.account()).balance == 6_000
        serve(ForcedCloseOnly(owner, subaccount))
        with pytest.raises(RequestRefused, match="may only reduce"):
            await client.place(Side.BUY, CALL, "0.1", 1_500)
