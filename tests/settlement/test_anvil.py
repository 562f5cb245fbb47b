"""The local chain: it starts, follows venue time, and comes back with what was saved."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from eth_account import Account

from synchromesh.clock import SECOND, VenueClock
from synchromesh.settlement import anvil
from synchromesh.settlement.anvil import Anvil, AnvilConfig, AnvilError
from synchromesh.settlement.redo import Block, RedoLog

START = 1_770_163_200
CHAIN = 31_337


def config(state: Path | None = None, port: int = 0) -> AnvilConfig:
    return AnvilConfig(chain_id=CHAIN, timestamp=START, state=state, port=port)


@pytest_asyncio.fixture
async def node() -> AsyncIterator[Anvil]:
    async with Anvil(config()) as running:
        yield running


async def pay(node: Anvil) -> str:
    """Sends one wei from the first account of the node to the second and returns the second."""
    accounts = await node.rpc("eth_accounts")
    assert isinstance(accounts, list)
    await node.rpc("eth_sendTransaction", {"from": accounts[0], "to": accounts[1], "value": "0x1"})
    return str(accounts[1])


async def test_blocks_carry_the_time_they_are_given_and_never_run_backwards(node: Anvil) -> None:
    assert await node.block_timestamp() == START
    await node.mine(START + 100)
    assert await node.block_timestamp() == START + 100
    await node.mine(START + 50)
    assert await node.block_timestamp() == START + 100
    assert await node.block_number() == 2


async def test_a_transaction_waits_for_the_next_block(node: Anvil) -> None:
    payee = await pay(node)
    before = int(str(await node.rpc("eth_getBalance", payee, "latest")), 16)
    await node.mine(START + 1)
    assert int(str(await node.rpc("eth_getBalance", payee, "latest")), 16) == before + 1


async def test_following_the_venue_clock_at_speed(node: Anvil) -> None:
    clock = VenueClock.starting_at(START * SECOND, speed=3_600)
    task = asyncio.create_task(node.follow(clock, interval_ms=20))
    await asyncio.sleep(0.5)
    seen, now = await node.block_timestamp(), clock.now_ns() // SECOND
    task.cancel()
    assert await node.block_number() >= 5
    assert now - 1_800 <= seen <= now


async def test_a_clean_restart_loses_nothing(tmp_path: Path) -> None:
    state = tmp_path / "chain" / "state.json"
    async with Anvil(config(state)) as node:
        payee = await pay(node)
        await node.mine(START + 7)
        balance = await node.rpc("eth_getBalance", payee, "latest")
    async with Anvil(config(state)) as node:
        assert await node.block_number() == 1
        assert await node.block_timestamp() == START + 7
        assert await node.rpc("eth_getBalance", payee, "latest") == balance
        await node.mine(START + 8)
        assert await node.block_timestamp() == START + 8


async def kill(node: Anvil) -> None:
    """Kills the node as a crash would, and lets its owner notice."""
    assert node.pid is not None
    os.kill(node.pid, signal.SIGKILL)
    with pytest.raises(AnvilError):
        await node.rpc("eth_blockNumber")
    await asyncio.sleep(0.1)
    await node.stop()


@pytest.mark.parametrize("saved_at", [None, 0, 2])
async def test_a_killed_node_does_again_what_it_had_done(tmp_path: Path, saved_at: int | None) -> None:
    state = tmp_path / "state.json"
    node = Anvil(config(state))
    await node.start()
    for block in range(4):
        payee = await pay(node)
        await pay(node)
        await node.mine(START + 10 * block)
        if block == saved_at:
            await node.save()
    before = [await node.rpc("eth_getBlockByNumber", hex(number), True) for number in range(5)]
    balance = await node.rpc("eth_getBalance", payee, "latest")
    await kill(node)

    for _ in range(2):
        async with Anvil(config(state)) as back:
            assert await back.block_number() == 4
            assert await back.rpc("eth_getBalance", payee, "latest") == balance
            after = [await back.rpc("eth_getBlockByNumber", hex(number), True) for number in range(5)]
            assert [summary(block) for block in after] == [summary(block) for block in before]
    assert sorted(os.listdir(tmp_path)) == ["state.json", "state.json.blocks"]


def summary(block: object) -> tuple[object, object, list[object]]:
    assert isinstance(block, dict)
    return block["number"], block["timestamp"], [transaction["hash"] for transaction in block["transactions"]]


async def test_a_block_that_was_being_logged_when_the_node_died_is_left_out(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    node = Anvil(config(state))
    await node.start()
    for block in range(3):
        await pay(node)
        await node.mine(START + block)
    await kill(node)
    blocks = tmp_path / "state.json.blocks"
    blocks.write_bytes(blocks.read_bytes()[:-5])
    async with Anvil(config(state)) as back:
        assert await back.block_number() == 2
        await back.mine(START + 9)
    async with Anvil(config(state)) as back:
        assert await back.block_number() == 3


async def test_ether_that_came_by_no_transaction_is_given_again(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    account = Account.create()
    node = Anvil(config(state))
    await node.start()
    await node.rpc("anvil_setBalance", account.address, hex(10**18))
    transaction = {"to": account.address, "value": 1, "gas": 21_000, "gasPrice": 10**10, "nonce": 0, "chainId": CHAIN}
    await node.rpc("eth_sendRawTransaction", "0x" + account.sign_transaction(transaction).raw_transaction.hex())
    await node.mine(START + 1)
    await kill(node)
    async with Anvil(config(state)) as back:
        assert await back.rpc("eth_getTransactionCount", account.address, "latest") == "0x1"


async def test_a_log_that_does_not_continue_the_state_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    log = RedoLog(tmp_path / "state.json.blocks")
    log.append(Block(number=7, timestamp=START))
    log.close()
    with pytest.raises(AnvilError, match="goes on with block 7, the saved state ends at 0"):
        await Anvil(config(state)).start()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the node with its parent")
async def test_the_node_ends_with_the_process_that_started_it() -> None:
    script = (
        "import asyncio\n"
        "from synchromesh.settlement.anvil import Anvil, AnvilConfig\n"
        "async def main():\n"
        f"    node = Anvil(AnvilConfig(chain_id={CHAIN}, timestamp={START}))\n"
        "    await node.start()\n"
        "    print('pid', node.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    await asyncio.wait_for(owner.stdout.readuntil(b"\npid "), 30)
    pid = int(await asyncio.wait_for(owner.stdout.readline(), 30))
    owner.kill()
    await owner.wait()
    for _ in range(100):
        if not alive(pid):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"node {pid} outlives its owner")


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_following_saves_now_and_then(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    async with Anvil(config(state)) as node:
        task = asyncio.create_task(node.follow(VenueClock.starting_at(START * SECOND), interval_ms=20))
        for _ in range(200):
            await asyncio.sleep(0.02)
            if state.exists():
                break
        task.cancel()
        assert state.exists()


async def test_a_node_that_ended_stops_the_follower(node: Anvil) -> None:
    task = asyncio.create_task(node.follow(VenueClock.starting_at(START * SECOND), interval_ms=20))
    await asyncio.sleep(0.1)
    assert node.pid is not None
    os.kill(node.pid, signal.SIGKILL)
    with pytest.raises(AnvilError):
        await asyncio.wait_for(task, 10)


async def test_refusals_name_the_call(node: Anvil) -> None:
    with pytest.raises(AnvilError, match="evm_mine"):
        await node.rpc("evm_mine", START - 1)
    with pytest.raises(AnvilError, match="runs already"):
        await node.start()


async def test_a_taken_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anvil, "PORT_SECONDS", 0.1)
    with socket.socket() as taken:
        taken.bind((anvil.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AnvilError, match=rf"port {port} .* is taken"):
            await Anvil(config(port=port)).start()


async def test_a_state_file_that_is_none_is_explained(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("not a chain")
    with pytest.raises(AnvilError, match=r"ended with status .*: .+"):
        await Anvil(config(state)).start()


async def test_the_whole_life_of_a_chain_process(tmp_path: Path) -> None:
    ready, state = asyncio.Event(), tmp_path / "state.json"
    clock = VenueClock.starting_at(START * SECOND)
    task = asyncio.create_task(anvil.run_chain(config(state), clock, interval_ms=20, ready=ready))
    await asyncio.wait_for(ready.wait(), 20)
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state.exists()


def test_the_binary_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "anvil"
    monkeypatch.setenv(anvil.OVERRIDE, str(binary))
    with pytest.raises(AnvilError, match="not an executable"):
        anvil.find_anvil()
    binary.touch(mode=0o755)
    assert anvil.find_anvil() == binary


def test_a_missing_binary_names_the_way_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(anvil.OVERRIDE, raising=False)
    monkeypatch.setattr(anvil, "_packaged", lambda: iter(()))
    monkeypatch.setattr(anvil.shutil, "which", lambda _: None)
    with pytest.raises(AnvilError, match="make build"):
        anvil.find_anvil()
