"""The settlement process: follows the inbox into the venue, and the journal onto the chain."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import structlog

from synchromesh._native import Progress
from synchromesh.config import VenueConfig, VenueDirectory
from synchromesh.files import write_json
from synchromesh.settlement.batches import Source, before_next, progress_from_chain
from synchromesh.settlement.chain import Chain, ChainError, chain_errors
from synchromesh.settlement.committer import Committer, CommitterError
from synchromesh.settlement.contracts import ZERO_ADDRESS, VenueContracts
from synchromesh.settlement.inbox import InboxEntry, InboxFollower
from synchromesh.settlement.posting import post_batch
from synchromesh.settlement.sender import GasUse, Sender

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
"""Real seconds between looks at journal and chain."""
RETRY_SECONDS = 1.0
"""Real seconds to wait after the chain or the gateway did not answer."""


class SettlementStatus(msgspec.Struct, kw_only=True):
    """What the service last knew, for ``synchromesh status`` and the dashboard; written to ``settlement.json``.

    Attributes:
        batches_made: Batches on disk.
        batches_committed: Batches on the chain.
        root: State root of the last one there, hex.
        last_sequence: The last command that it holds.
        inbox_cursor: Inbox items that the venue has credited.
        lag_commands: Commands journaled and not on the chain.
        gas: What commits have cost, over all restarts.
        problem: Why either direction does not get on at the moment; empty when both do.
    """

    batches_made: int = 0
    batches_committed: int = 0
    root: str = ""
    last_sequence: int = 0
    inbox_cursor: int = 0
    lag_commands: int = 0
    gas: GasUse = msgspec.field(default_factory=GasUse)
    problem: str = ""


class VenueError(Exception):
    """The venue refuses, or does not answer."""


class VenueLink:
    """The gateway's operator methods, as the settlement service calls them."""

    def __init__(self, config: VenueConfig, token: str) -> None:
        self._client = httpx.AsyncClient(base_url=config.http_url, timeout=10.0)
        self._token = token

    async def close(self) -> None:
        """Closes the connection."""
        await self._client.aclose()

    async def call(self, method: str, params: dict[str, object]) -> dict[str, object]:
        """Calls ``method`` and returns its result.

        Raises:
            VenueError: When the venue refuses or does not answer.
        """
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "token": self._token}}
        try:
            answer = (await self._client.post(f"/api/v2/{method}", json=body)).json()
        except (httpx.HTTPError, ValueError) as error:
            raise VenueError(f"{method}: {error!r}") from error
        if "error" in answer:
            raise VenueError(f"{method}: {answer['error']}")
        result: dict[str, object] = answer["result"]
        return result

    async def inbox(self) -> tuple[int, bytes]:
        """Returns the next inbox index that the venue wants, and its inbox chain."""
        result = await self.call("operator/inbox", {})
        return int(str(result["cursor"])), bytes.fromhex(str(result["hash"]).removeprefix("0x"))

    async def credit(self, entry: InboxEntry) -> None:
        """Hands the next item to the venue, which takes no other.

        Raises:
            VenueError: When it refuses: it has the item already, say, and has to be asked again what comes next.
        """
        await self.call("operator/inbox_item", {"index": entry.index, "item": "0x" + entry.item.hex()})


class NotInOffice(ChainError):
    """Somebody else commits batches; this process stands by."""


class ServiceOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a settlement service works.

    Attributes:
        confirmations: Blocks that make an inbox item final; None: the node's ``finalized``.
        batch_seconds: Real seconds between batches when little happens.
        key: Name of the key that commits; another than the operator's stands by, and takes over when there is none.
        store: Directory of its batches; None: ``settlement`` in the venue directory.
        blobs: Whether data go into blobs instead of calldata.
    """

    confirmations: int | None = None
    batch_seconds: float = 2.0
    key: str = "operator"
    store: Path | None = None
    blobs: bool = False


class SettlementService:
    """One venue's settlement.

    Args:
        directory: The venue directory.
        options: How it works; None: as an operator's usually does.

    Attributes:
        stands_by: Whether somebody else is in office: then it leaves inbox and status to them.
        status: What it last knew.
    """

    def __init__(self, directory: Path, options: ServiceOptions | None = None) -> None:
        self._venue = VenueDirectory(directory)
        self._config = self._venue.read()
        options = options or ServiceOptions()
        self._options = options
        self._chain = Chain(self._config.rpc_url)
        self._sender = Sender(self._chain, self._venue.read_key(options.key))
        self._store = options.store or directory / "settlement"
        self._opened: tuple[VenueContracts, Committer] | None = None
        self._opening = asyncio.Lock()
        self.stands_by = False
        self._status_path = directory / "settlement.json"
        self.status = SettlementStatus()
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            self.status = msgspec.json.decode(self._status_path.read_bytes(), type=SettlementStatus)
        # The sender counts on in the status itself, so that what commits cost adds up over restarts.
        self._sender.used = self.status.gas

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set; whatever it leaves unfinished, the next run continues.

        Raises:
            CommitterError: When the chain or the journal contradicts a batch that was made.
            ReplayError: When a journaled command does not apply.
            JournalDamaged: When the journal is.
        """
        work = asyncio.ensure_future(self._work())
        waiting = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, waiting):
                task.cancel()
            await asyncio.gather(work, waiting, return_exceptions=True)
            await self._chain.close()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever("commit", self.commit))
            group.create_task(self._forever("inbox", self._follow_inbox))

    async def _forever(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        """Repeats ``step``, however often chain or venue fail to answer."""
        while True:
            try:
                await step()
                self._solved(name)
                delay = POLL_SECONDS
            except NotInOffice as error:
                if not self.stands_by:
                    log.info("stands_by", reason=str(error))
                self.stands_by = True
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except (ChainError, VenueError) as error:
                log.warning("settlement_retry", step=name, error=str(error))
                self.status.problem = f"{name}: {error}"
                delay = RETRY_SECONDS
            self._write_status()
            await asyncio.sleep(delay)

    def _solved(self, name: str) -> None:
        if self.status.problem.startswith(f"{name}: "):
            self.status.problem = ""

    async def commit(self) -> None:
        """Makes the batches that are due, and sends those that the chain does not have: one look at both.

        Raises:
            ChainError: When the chain does not answer or refuses a batch.
            CommitterError: When the chain holds a batch that is not the one on disk.
        """
        contracts, committer = await self._open()
        await asyncio.to_thread(committer.poll)
        committed = await self._check_tip(contracts, committer)
        while committed < committer.made:
            batch = committer.store.load(committed)
            assert batch is not None, "batches are numbered without a gap"
            before = self._sender.used.gas
            await post_batch(self._sender, contracts, batch)
            log.info(
                "batch_committed",
                index=batch.header.index,
                commands=batch.header.last_sequence - batch.header.first_sequence + 1,
                chunks=len(batch.chunks),
                bytes=sum(map(len, batch.data)),
                gas=self._sender.used.gas - before,
                root="0x" + batch.header.new_root.hex(),
            )
            committed = await self._check_tip(contracts, committer)

    async def _open(self) -> tuple[VenueContracts, Committer]:
        """Returns contracts and committer, which begins behind the batches of others when it has none of its own.

        Who stands by has no committer: where its batches would begin is not known before it takes over.
        """
        async with self._opening:
            if self._opened is None:
                contracts = await VenueContracts.find(self._chain, self._config.contract)
                await self._require_office(contracts)
                options = self._options
                committer = Committer(
                    self._venue.journal,
                    self._store,
                    options.batch_seconds,
                    source=Source.BLOB if options.blobs else Source.CALLDATA,
                    after=await self._tip(contracts),
                )
                self._opened = contracts, committer
                self.stands_by = False
            return self._opened

    async def _tip(self, contracts: VenueContracts) -> tuple[int, Progress]:
        """Returns how many batches the chain has, and where the journal stands behind them."""
        with chain_errors():
            block = int(await self._chain.web3.eth.block_number)
        functions = contracts.settlement.functions
        batches = int(await self._chain.call(functions.batches(), block))
        return batches, progress_from_chain(await self._chain.call(functions.tip(), block))

    async def _check_tip(self, contracts: VenueContracts, committer: Committer) -> int:
        """Returns how many batches the chain has, the last of which must be ours, and notes it in the status."""
        batches, tip = await self._tip(contracts)
        if batches < committer.first:
            raise CommitterError(f"the chain has taken back batch {batches}, which somebody else made")
        if batches > committer.first:
            ours = committer.store.load(batches - 1)
            if ours is None or before_next(ours.chunks[-1].end) != tip:
                raise CommitterError(f"the chain holds another batch {batches - 1} than the one made here")
        self.status.batches_made = committer.made
        self.status.batches_committed = batches
        self.status.root = "0x" + tip.root.hex()
        self.status.last_sequence = tip.sequence
        self.status.lag_commands = max(committer.sequence - tip.sequence, 0)
        return batches

    async def _require_office(self, contracts: VenueContracts) -> None:
        """Takes over when nobody may commit batches: nobody is operator, or who is has less at stake than it takes.

        Raises:
            NotInOffice: When somebody else may.
        """
        functions, address = contracts.settlement.functions, self._sender.address
        operator = str(await self._chain.call(functions.operator()))
        if operator == address:
            return
        if operator != ZERO_ADDRESS and await self._chain.call(contracts.bonds.functions.isBonded(operator)):
            raise NotInOffice(f"{operator} commits batches, and {address} stands by")
        await self._sender.send(functions.takeOver())
        log.warning("took_over", operator=address, former=operator)

    def _write_status(self) -> None:
        if self.stands_by:
            return
        write_json(self._status_path, self.status)

    async def _follow_inbox(self) -> None:
        """Goes on from what the venue has credited; returns never, and raises when either side stops answering."""
        await self._open()
        link = VenueLink(self._config, self._venue.operator_token())
        try:
            cursor, chain_hash = await link.inbox()
            follower = InboxFollower(
                self._chain, self._config.contract, cursor, chain_hash, self._options.confirmations
            )
            while True:
                for entry in await follower.poll():
                    await link.credit(entry)
                    log.info("inbox_item_credited", index=entry.index, block=entry.block)
                self.status.inbox_cursor = follower.cursor
                self._solved("inbox")
                await asyncio.sleep(POLL_SECONDS)
        finally:
            await link.close()


async def serve(directory: Path, options: ServiceOptions) -> None:
    """Runs the service until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await SettlementService(directory, options).run(stop)
