"""Transactions arrive, whatever fees, pools and reorganisations do, on a real node that mines when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
import pytest_asyncio
from web3.contract import AsyncContract
from web3.types import TxReceipt

from support.ledger import ALICE, BOB
from support.local import LocalChain
from support.venue import settled
from synchromesh.settlement.chain import Chain, ChainError, Reverted
from synchromesh.settlement.construction import Construction
from synchromesh.settlement.sender import IN_FLIGHT_MAX, Action, NonceTaken, Sender, action_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local() -> AsyncIterator[LocalChain]:
    async with LocalChain() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(local: LocalChain) -> AsyncContract:
    site = await Construction.begin(Sender(local.chain, ALICE))
    address = site.create("TestUSDC")
    await site.build()
    return local.chain.contract("TestUSDC", address)


async def test_a_construction_that_something_else_came_between_is_not_built(local: LocalChain) -> None:
    sender = Sender(local.chain, ALICE)
    site = await Construction.begin(sender)
    site.create("TestUSDC")
    await sender.send_all([Action("0x", sender.address, gas=21_000)])
    with pytest.raises(ChainError, match="something else"):
        await site.build()


@asynccontextmanager
async def mined_by_hand(local: LocalChain) -> AsyncIterator[None]:
    """No block comes by itself."""
    await local.node.rpc("evm_setAutomine", False)
    try:
        yield
    finally:
        await local.node.rpc("evm_setAutomine", True)


async def in_pool(local: LocalChain) -> list[str]:
    """Hashes of the transactions that may be mined next, by nonce."""
    content = await local.node.rpc("txpool_content")
    assert isinstance(content, dict)
    found = [each for account in content["pending"].values() for each in account.values()]
    return [each["hash"] for each in sorted(found, key=lambda each: int(each["nonce"], 16))]


async def balance(local: LocalChain, token: AsyncContract, sender: Sender) -> int:
    return int(await local.chain.call(token.functions.balanceOf(sender.address)))


async def until_mined(local: LocalChain, task: asyncio.Task[object]) -> None:
    """Mines until the sender is content."""
    while not task.done():
        await local.mine()
        await asyncio.sleep(0.05)


async def test_a_transaction_that_is_not_mined_is_replaced_at_a_higher_fee(
    local: LocalChain, token: AsyncContract
) -> None:
    sender = Sender(local.chain, BOB, patience=0.2)
    before = await balance(local, token, sender)
    async with mined_by_hand(local):
        task = asyncio.create_task(sender.send(token.functions.mint(sender.address, 7)))
        await settled(lambda: sender.used.replaced >= 2)
        await until_mined(local, task)
        receipt = await task
    assert receipt["status"] == 1
    assert await balance(local, token, sender) == before + 7
    assert sender.used.transactions == 1
    assert sender.used.gas == receipt["gasUsed"]
    assert sender.used.wei == receipt["gasUsed"] * receipt["effectiveGasPrice"]


async def test_a_base_fee_that_outgrows_the_transaction_is_followed_at_once(
    local: LocalChain, token: AsyncContract
) -> None:
    sender = Sender(local.chain, BOB)
    async with mined_by_hand(local):
        task = asyncio.create_task(sender.send(token.functions.mint(sender.address, 1)))
        await settled(lambda: has_pooled(local, 1))
        await local.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        await local.mine()
        await settled(lambda: sender.used.replaced == 1)
        await until_mined(local, task)
        receipt = await task
    assert receipt["effectiveGasPrice"] > 10**10
    await local.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))


async def has_pooled(local: LocalChain, count: int) -> bool:
    return len(await in_pool(local)) == count


async def test_a_dropped_transaction_is_sent_again(local: LocalChain, token: AsyncContract) -> None:
    sender = Sender(local.chain, BOB)
    async with mined_by_hand(local):
        task = asyncio.create_task(sender.send(token.functions.mint(sender.address, 1)))
        await settled(lambda: has_pooled(local, 1))
        (dropped,) = await in_pool(local)
        await local.node.rpc("anvil_dropTransaction", dropped)
        await settled(lambda: sender.used.resent == 1)
        await until_mined(local, task)
        receipt = await task
    assert receipt["transactionHash"].to_0x_hex() == dropped
    assert sender.used.replaced == 0


async def test_a_transaction_left_in_the_pool_by_an_earlier_life_is_outbid(
    local: LocalChain, token: AsyncContract
) -> None:
    first, second = Sender(local.chain, BOB), Sender(local.chain, BOB)
    before = await balance(local, token, first)
    async with mined_by_hand(local):
        abandoned = asyncio.create_task(first.send(token.functions.mint(first.address, 10)))
        await settled(lambda: has_pooled(local, 1))
        abandoned.cancel()
        (old,) = await in_pool(local)
        task = asyncio.create_task(second.send(token.functions.mint(first.address, 2)))
        await settled(lambda: is_replaced(local, old))
        await local.mine()
        await task
    assert await balance(local, token, first) == before + 2


async def is_replaced(local: LocalChain, old: str) -> bool:
    return await in_pool(local) not in ([], [old])


async def test_two_processes_with_one_key_notice_each_other(local: LocalChain, token: AsyncContract) -> None:
    first, second = Sender(local.chain, BOB), Sender(local.chain, BOB)
    before = await balance(local, token, first)
    async with mined_by_hand(local):
        beaten = asyncio.create_task(first.send(token.functions.mint(first.address, 10)))
        await settled(lambda: has_pooled(local, 1))
        (old,) = await in_pool(local)
        task = asyncio.create_task(second.send(token.functions.mint(first.address, 2)))
        await settled(lambda: is_replaced(local, old))
        await local.mine()
        with pytest.raises(NonceTaken):
            await beaten
        await task
    assert await balance(local, token, first) == before + 2


async def test_a_reorg_amid_several_transactions_brings_all_of_them_again(
    local: LocalChain, token: AsyncContract
) -> None:
    sender = Sender(local.chain, BOB)
    before = await balance(local, token, sender)
    snapshot = await local.snapshot()
    async with mined_by_hand(local):
        task = asyncio.create_task(sender.send_all(mints(token, sender, 2)))
        await settled(lambda: has_pooled(local, 2))
        # The second one is lost, so that the sender still waits when the first is mined, and taken back.
        await local.node.rpc("anvil_dropTransaction", (await in_pool(local))[1])
        await local.mine()
        await local.revert(snapshot)
        await until_mined(local, task)
        receipts = await task
    assert [receipt["status"] for receipt in receipts] == [1, 1]
    assert sender.used.resent >= 2
    assert await balance(local, token, sender) == before + 3


async def test_what_is_mined_and_refused_is_an_error_and_costs_gas(local: LocalChain, token: AsyncContract) -> None:
    sender = Sender(local.chain, BOB)
    # With the gas given, nobody asks the contract beforehand.
    impossible = action_of(token.functions.transferFrom(sender.address, sender.address, 10**30), gas=100_000)
    fine = action_of(token.functions.mint(sender.address, 1))
    with pytest.raises(Reverted, match="mined and reverted"):
        await sender.send_all([impossible, fine])
    assert sender.used.transactions == 2
    with pytest.raises(Reverted, match="InsufficientAllowance"):
        await sender.send(token.functions.transferFrom(sender.address, sender.address, 10**30))


def mints(token: AsyncContract, sender: Sender, count: int) -> list[Action]:
    """Mints of 1, 2, 4 …, so that a balance says which of them arrived, and none twice."""
    return [action_of(token.functions.mint(sender.address, 1 << number)) for number in range(count)]


async def test_what_is_refused_stops_no_other(local: LocalChain, token: AsyncContract) -> None:
    sender = Sender(local.chain, BOB)
    before = await balance(local, token, sender)
    refused = token.functions.transferFrom(sender.address, sender.address, 10**30)
    first, second = mints(token, sender, 2)
    outcomes = await sender.send_each([action_of(refused), first, action_of(refused, gas=100_000), second])
    assert [isinstance(outcome, Reverted) for outcome in outcomes] == [True, False, True, False]
    assert "InsufficientAllowance" in str(outcomes[0])
    assert "mined and reverted" in str(outcomes[2])
    assert sender.used.transactions == 3
    assert await balance(local, token, sender) == before + 3
    assert await sender.send_each([]) == []


async def test_many_at_once_outlast_spikes_losses_and_reorgs(local: LocalChain, token: AsyncContract) -> None:
    sender, count = Sender(local.chain, BOB), IN_FLIGHT_MAX + 4
    before, snapshot = await balance(local, token, sender), await local.snapshot()
    async with mined_by_hand(local):
        task = asyncio.create_task(sender.send_each(mints(token, sender, count)))
        await settled(lambda: has_pooled(local, IN_FLIGHT_MAX))
        old = await in_pool(local)
        await local.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        await local.mine()
        # One look lifts all of them. Some may be missing from the pool by then, and are sent anew.
        await settled(lambda: is_free_of(local, old))
        await settled(lambda: has_pooled(local, IN_FLIGHT_MAX))
        assert sender.used.replaced + sender.used.resent == IN_FLIGHT_MAX
        await local.node.rpc("anvil_dropTransaction", (await in_pool(local))[-1])
        # All but the lost one are mined, and make room for the rest; then it never happened.
        await local.mine()
        await settled(lambda: has_pooled(local, count - IN_FLIGHT_MAX + 1))
        await local.revert(snapshot)
        await until_mined(local, task)
        outcomes = await task
    assert [cast(TxReceipt, outcome)["status"] for outcome in outcomes] == [1] * count
    assert await balance(local, token, sender) == before + (1 << count) - 1
    await local.node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))


async def test_many_left_in_the_pool_by_an_earlier_life_are_outbid(local: LocalChain, token: AsyncContract) -> None:
    first, second, count = Sender(local.chain, BOB), Sender(local.chain, BOB), 4
    before = await balance(local, token, first)
    async with mined_by_hand(local):
        abandoned = asyncio.create_task(first.send_each(mints(token, first, count)))
        await settled(lambda: has_pooled(local, count))
        abandoned.cancel()
        old = await in_pool(local)
        task = asyncio.create_task(second.send_each(mints(token, second, count)[::-1]))
        await settled(lambda: is_free_of(local, old))
        await until_mined(local, task)
        await task
    assert await balance(local, token, first) == before + (1 << count) - 1


async def is_free_of(local: LocalChain, old: list[str]) -> bool:
    return not set(old) & set(await in_pool(local))


async def test_what_there_is_no_money_for_leaves_the_others_alone(local: LocalChain, token: AsyncContract) -> None:
    """They are brought to an end before anybody is told."""
    sender = Sender(local.chain, BOB)
    before = await balance(local, token, sender)
    too_dear = Action("0x", sender.address, gas=21_000, value=10**30)
    first, second = mints(token, sender, 2)
    with pytest.raises(ChainError, match=r"(?i)funds"):
        await sender.send_each([first, too_dear, second])
    assert sender.used.transactions == 1
    assert await balance(local, token, sender) == before + 1


async def test_a_transaction_that_no_block_takes_is_given_up(
    local: LocalChain, token: AsyncContract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synchromesh.settlement.sender.ATTEMPTS_MAX", 3)
    sender = Sender(local.chain, BOB, patience=0.05)
    async with mined_by_hand(local):
        with pytest.raises(ChainError, match="not mined after 3 attempts"):
            await sender.send(token.functions.mint(sender.address, 1))
        await local.mine()


async def test_a_sender_without_ether_is_told_so(local: LocalChain) -> None:
    poor = Sender(local.chain, b"\x07" * 32)
    with pytest.raises(ChainError, match=r"(?i)funds"):
        await poor.send_all([Action("0x", poor.address, gas=21_000, value=1)])


async def test_a_chain_that_does_not_answer_is_a_chain_error() -> None:
    chain = Chain("http://127.0.0.1:9")
    try:
        with pytest.raises(ChainError):
            await chain.wait_ready(0.2)
        with pytest.raises(ChainError):
            await chain.finalized_block(1)
    finally:
        await chain.close()
