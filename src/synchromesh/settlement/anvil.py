"""A local chain: anvil on loopback, with blocks that follow the venue's clock.

The node never mines by itself. :meth:`Anvil.follow` mines a block every few real milliseconds and stamps it with venue
time, so that challenge windows, marks and clients live in the same time at any speed. The chain's state goes to a file
now and then and at the end, and in between every block goes to a log beside that file: a node that is killed does again
what it had done, but for a block that was just being mined.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gzip
import os
import platform
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx
import msgspec
import structlog
from eth_account import Account

from synchromesh.clock import SECOND, VenueClock
from synchromesh.settlement.redo import Block, RedoLog

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
"""The node listens here and nowhere else: whoever reaches it owns its accounts and its clock."""
OVERRIDE = "SYNCHROMESH_ANVIL"
"""Environment variable that names the anvil binary to use."""
START_SECONDS = 20.0
"""How long a node may take until it answers."""
STOP_SECONDS = 10.0
"""How long a node may take to end before it is killed."""
RPC_SECONDS = 60.0
"""How long a call may take; saving a long chain takes seconds."""
PORT_SECONDS = 3.0
"""How long to wait for the port: the node of a process that was just killed takes a moment to let go of it."""
BLOCK_GAS = 60_000_000
"""Gas of a block, as Ethereum has it."""
ALLOWANCE_WEI = 10_000 * 10**18
"""Ether for an account that, on a restart, lacks what it was given otherwise than by a transaction."""
SAVE_SHARE = 0.05
"""Saving may take this share of the time: the longer a save takes, the rarer it becomes."""

_PR_SET_PDEATHSIG = 1
_PLATFORMS = {("Linux", "x86_64"): "linux-amd64", ("Darwin", "arm64"): "darwin-arm64"}


class AnvilError(Exception):
    """The local node cannot be found or started, has ended, or refused a call."""


class AnvilConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How to start a local chain.

    Attributes:
        port: Port on loopback; 0 takes a free one.
        chain_id: EIP-155 chain id.
        timestamp: Timestamp of the first block, s; also needed, and unchanged, on every restart.
        state: File the chain's state is kept in across restarts, with a log ``STATE.blocks`` beside it; None keeps it
            in memory only.
        epoch_slots: Blocks of an epoch; what the node calls ``finalized`` is two epochs old.
        accounts: Accounts with ether that the node itself can sign for.
    """

    chain_id: int
    timestamp: int
    port: int = 0
    state: Path | None = None
    epoch_slots: int = 2
    accounts: int = 10


def find_anvil() -> Path:
    """Returns the anvil binary: ``SYNCHROMESH_ANVIL``, else the locked npm package, else the one on the PATH.

    Raises:
        AnvilError: When there is none.
    """
    override = os.environ.get(OVERRIDE)
    if override:
        path = Path(override)
        if not os.access(path, os.X_OK):
            raise AnvilError(f"{OVERRIDE} names {path}, which is not an executable file")
        return path
    for path in _packaged():
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("anvil")
    if found is None:
        raise AnvilError(f"no anvil binary: run `make build`, or set {OVERRIDE}")
    return Path(found)


def _packaged() -> Iterator[Path]:
    """Yields where npm may have put the binary for this platform, in the folders above this package."""
    name = _PLATFORMS.get((platform.system(), platform.machine()))
    if name is not None:
        for folder in Path(__file__).resolve().parents:
            yield folder / "contracts" / "node_modules" / "@foundry-rs" / f"anvil-{name}" / "bin" / "anvil"


class Anvil:
    """A running local chain. An async context manager: entering starts it, leaving saves and ends it.

    Args:
        config: How to start it.
    """

    def __init__(self, config: AnvilConfig) -> None:
        self.config = config
        self._port = config.port
        self._process: asyncio.subprocess.Process | None = None
        self._output: IO[bytes] | None = None
        self._client: httpx.AsyncClient | None = None
        self._redo: RedoLog | None = None
        self._logged = 0
        self._save_seconds = 0.0

    @property
    def url(self) -> str:
        """JSON-RPC URL of the node, once it was started."""
        return f"http://{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id of the node while it runs."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts the node and waits until it answers.

        Raises:
            AnvilError: When there is no binary, the port is taken, or the node does not come up.
        """
        if self._process is not None:
            raise AnvilError("the node runs already")
        binary = find_anvil()
        self._port = await _claim_port(self.config.port)
        # A file and not a pipe: nobody has to read it, and the end of it explains a failed start.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = await asyncio.create_subprocess_exec(
            str(binary),
            *self._arguments(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            preexec_fn=_end_with_parent if platform.system() == "Linux" else None,
        )
        self._client = httpx.AsyncClient(base_url=self.url, timeout=RPC_SECONDS)
        try:
            await self._wait_ready()
            await self._catch_up()
        except BaseException:
            await self._end()
            raise
        log.info("anvil_started", url=self.url, pid=self.pid, block=await self.block_number())

    async def stop(self) -> None:
        """Saves the state when there is a file for it, and ends the node. Does nothing when it does not run."""
        if self._process is None:
            return
        try:
            if self._process.returncode is None:
                await self.save()
        finally:
            await self._end()

    async def rpc(self, method: str, *parameters: object) -> object:
        """Returns the result of a JSON-RPC call.

        Raises:
            AnvilError: When the node does not answer or refuses.
        """
        if self._client is None:
            raise AnvilError("the node does not run")
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        try:
            answer = (await self._client.post("/", json=body)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise AnvilError(f"{method}: {error!r}") from error
        if "error" in answer:
            raise AnvilError(f"{method}: {answer['error'].get('message', answer['error'])}")
        return answer.get("result")

    async def block_number(self) -> int:
        """Returns the number of the newest block."""
        return int(str(await self.rpc("eth_blockNumber")), 16)

    async def block_timestamp(self) -> int:
        """Returns the timestamp of the newest block, s."""
        return int((await self._block("latest"))["timestamp"], 16)

    async def mine(self, timestamp: int) -> None:
        """Mines one block, stamped ``timestamp`` (s), or like the block before it when that is later.

        Raises:
            AnvilError: When the node refuses.
        """
        await self.rpc("evm_mine", max(timestamp, await self.block_timestamp()))
        if self._redo is not None:
            await self._log_blocks(self._redo)

    async def follow(self, clock: VenueClock, interval_ms: int = 250) -> None:
        """Mines a block every ``interval_ms`` real milliseconds, stamped with venue time; saves now and then.

        Runs until it is cancelled.

        Raises:
            AnvilError: When the node has ended or refuses.
        """
        loop = asyncio.get_running_loop()
        saved = loop.time()
        while True:
            due = loop.time() + interval_ms / 1000
            await self.mine(clock.now_ns() // SECOND)
            if loop.time() - saved >= max(self._save_seconds / SAVE_SHARE, interval_ms / 1000):
                await self.save()
                saved = loop.time()
            await asyncio.sleep(max(due - loop.time(), 0))

    async def save(self) -> None:
        """Writes the chain's state to its file, all or nothing. Does nothing when there is no file for it.

        Raises:
            AnvilError: When the node does not answer.
        """
        if self.config.state is None:
            return
        begin = asyncio.get_running_loop().time()
        dump = await self.rpc("anvil_dumpState")
        await asyncio.to_thread(_write_state, self.config.state, str(dump))
        if self._redo is not None:
            self._redo.clear()
        self._save_seconds = asyncio.get_running_loop().time() - begin

    async def _block(self, number: int | str) -> dict[str, Any]:
        block = await self.rpc("eth_getBlockByNumber", hex(number) if isinstance(number, int) else number, False)
        if not isinstance(block, dict):
            raise AnvilError(f"the node knows no block {number}")
        return block

    async def _log_blocks(self, redo: RedoLog) -> None:
        for number in range(self._logged + 1, await self.block_number() + 1):
            block = await self._block(number)
            raw = [str(await self.rpc("eth_getRawTransactionByHash", item)) for item in block["transactions"]]
            redo.append(Block(number, int(block["timestamp"], 16), tuple(raw)))
            self._logged = number

    async def _catch_up(self) -> None:
        """Mines again what was logged after the state was saved."""
        if self.config.state is None:
            return
        path = self.config.state.with_name(self.config.state.name + ".blocks")
        self._redo = RedoLog(path)
        self._logged = await self.block_number()
        missing = [block for block in self._redo.read() if block.number > self._logged]
        for block in missing:
            if block.number != self._logged + 1:
                raise AnvilError(f"{path} goes on with block {block.number}, the saved state ends at {self._logged}")
            for raw in block.transactions:
                await self._send_again(raw)
            await self.rpc("evm_mine", block.timestamp)
            self._logged = block.number
        if missing:
            log.info("anvil_caught_up", blocks=len(missing), last=self._logged)
            await self.save()

    async def _send_again(self, raw: str) -> None:
        try:
            await self.rpc("eth_sendRawTransaction", raw)
        except AnvilError as error:
            if "funds" not in str(error).lower():
                raise
            # Ether that came by `anvil_setBalance` is in no block.
            await self.rpc("anvil_setBalance", Account.recover_transaction(raw), hex(ALLOWANCE_WEI))
            await self.rpc("eth_sendRawTransaction", raw)

    def _arguments(self) -> list[str]:
        config = self.config
        arguments = ["--quiet", "--host", HOST, "--port", str(self._port), "--no-mining", "--order", "fifo"]
        arguments += ["--chain-id", str(config.chain_id), "--timestamp", str(config.timestamp)]
        arguments += ["--gas-limit", str(BLOCK_GAS)]
        arguments += ["--slots-in-an-epoch", str(config.epoch_slots), "--accounts", str(config.accounts)]
        if config.state is not None and config.state.exists():
            arguments += ["--load-state", str(config.state)]
        return arguments

    async def _wait_ready(self) -> None:
        assert self._process is not None
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while self._process.returncode is None:
            found: object = None
            with contextlib.suppress(AnvilError):
                found = await self.rpc("eth_chainId")
            if found is not None:
                if found != hex(self.config.chain_id):
                    raise AnvilError(f"chain id {found} at {self.url}, not {hex(self.config.chain_id)}")
                return
            if asyncio.get_running_loop().time() > deadline:
                raise AnvilError(f"anvil did not answer within {START_SECONDS:.0f} s{self._last_words()}")
            await asyncio.sleep(0.02)
        raise AnvilError(f"anvil ended with status {self._process.returncode}{self._last_words()}")

    def _last_words(self) -> str:
        assert self._output is not None
        self._output.seek(0)
        text = self._output.read()[-2000:].decode(errors="replace").strip()
        return f": {text}" if text else ""

    async def _end(self) -> None:
        process, client, output, redo = self._process, self._client, self._output, self._redo
        self._process = self._client = self._output = self._redo = None
        if client is not None:
            await client.aclose()
        if process is not None and process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        if redo is not None:
            redo.close()
        if output is not None:
            output.close()


async def run_chain(
    config: AnvilConfig, clock: VenueClock, interval_ms: int = 250, ready: asyncio.Event | None = None
) -> None:
    """Runs a local chain that follows ``clock``, until cancelled: the whole life of the chain's process.

    Args:
        config: How to start it.
        clock: Venue time.
        interval_ms: Real milliseconds between blocks.
        ready: Set once the node answers.

    Raises:
        AnvilError: When the node cannot be started or has ended.
    """
    async with Anvil(config) as node:
        if ready is not None:
            ready.set()
        await node.follow(clock, interval_ms)


async def _claim_port(port: int) -> int:
    """Returns ``port``, or a free one for 0, having seen that it can be listened on."""
    deadline = asyncio.get_running_loop().time() + PORT_SECONDS
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
            except OSError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise AnvilError(f"port {port} on {HOST} is taken") from error
        await asyncio.sleep(0.05)


def _end_with_parent() -> None:
    """Has Linux end the node with the process that started it, which alone makes it mine."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _write_state(path: Path, dump: str) -> None:
    """Replaces the file at ``path`` by a dump, so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(path.name + ".new")
    with aside.open("wb") as file:
        file.write(gzip.decompress(bytes.fromhex(dump.removeprefix("0x"))))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
