"""Batches as the chain holds them: read back from events, calldata and blobs, from a URL and an address alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from web3.contract import AsyncContract
from web3.types import EventData

from synchromesh._native import Progress, keccak256
from synchromesh.settlement.batches import (
    BatchHeader,
    BatchOpening,
    Chunk,
    QueuedWithdrawal,
    Source,
    before_next,
    chunk_id,
    data_hash,
    progress_from_chain,
    withdrawal_root,
)
from synchromesh.settlement.blob_sources import BlobSource, LocalBlobs
from synchromesh.settlement.blobs import commitment_of, data_of, versioned_hash
from synchromesh.settlement.chain import BLOCKS_PER_QUERY, Chain, ChainError, Reverted, chain_errors
from synchromesh.settlement.contracts import VenueContracts


class PostedBatch(BatchOpening, frozen=True, kw_only=True):
    """A batch as the chain holds it.

    Attributes:
        hash: The batch hash.
        data: The bytes of its chunks; None where a blob is gone, or carries none.
        blobs: The blobs of its chunks; None for calldata, and where a blob is gone.
        operator: Who committed it.
        block: The block of its commit.
        timestamp: That block's timestamp, s.
        transaction: The transaction of its commit.
    """

    hash: bytes
    data: list[bytes | None]
    blobs: list[bytes | None]
    operator: str
    block: int
    timestamp: int
    transaction: bytes


class PostedBatches:
    """The batches of one settlement contract.

    Args:
        chain: The chain.
        settlement: Settlement contract, hex.
        blobs: Where blobs are found; None: on the node itself, as a local chain keeps them.
    """

    def __init__(self, chain: Chain, settlement: str, blobs: BlobSource | None = None) -> None:
        self._chain = chain
        self._address = settlement
        self._blobs = blobs or LocalBlobs(chain)
        self._found: VenueContracts | None = None
        self._seen: dict[int, tuple[bytes, int]] = {}
        """Hash and block of batches that were read, by number."""

    async def count(self, block: int | None = None) -> int:
        """Returns how many batches stand, by the state after ``block``."""
        contracts = await self._contracts()
        return int(await self._chain.call(contracts.settlement.functions.batches(), _at(block)))

    async def hash_of(self, index: int, block: int | None = None) -> bytes | None:
        """Returns the hash of the batch that stands at ``index``, None when there is none."""
        contracts = await self._contracts()
        try:
            kept = await self._chain.call(contracts.settlement.functions.batchAt(index), _at(block))
        except Reverted:
            return None
        return bytes(kept[0])

    async def read(self, first_index: int = 0, block: int | None = None) -> AsyncIterator[PostedBatch]:
        """Yields the batches that stand from ``first_index`` on, in order; those that were taken back are left out.

        Args:
            first_index: Number of the first one.
            block: The last block looked at; None: the newest.

        Raises:
            ChainError: When the node does not answer, or the chain changes while it is read.
        """
        if block is None:
            with chain_errors():
                block = int(await self._chain.web3.eth.block_number)
        count = await self.count(block)
        if first_index >= count:
            return
        logs = await self._commits(first_index, count, block)
        start = await self._start(first_index, block)
        for index in range(first_index, count):
            batch = await self._read(logs[index], start, block)
            yield batch
            start = before_next(batch.chunks[-1].end)

    async def _contracts(self) -> VenueContracts:
        if self._found is None:
            self._found = await VenueContracts.find(self._chain, self._address)
        return self._found

    async def _commits(self, first: int, count: int, block: int) -> dict[int, EventData]:
        """Returns the commits of the batches that stand, by number."""
        event = (await self._contracts()).settlement.events.BatchCommitted
        standing = {index: await self.hash_of(index, block) for index in range(first, count)}
        before = self._seen.get(first - 1)
        # Behind a batch that was read before and still stands, nobody has to look further back.
        from_block = before[1] if before and await self.hash_of(first - 1, block) == before[0] else 0
        for begin in {from_block: None, 0: None}:
            found: dict[int, EventData] = {}
            async for log in self._chain.logs(event, begin, block):
                index = int(log["args"]["index"])
                if bytes(log["args"]["batchHash"]) == standing.get(index):
                    found[index] = log
            if len(found) == count - first:
                break
        else:
            raise ChainError("the chain changed while its batches were read")
        for index, log in found.items():
            self._seen[index] = bytes(log["args"]["batchHash"]), int(log["blockNumber"])
        return found

    async def _start(self, index: int, block: int) -> Progress:
        """Returns where the journal stood before a batch: behind the one before it."""
        if index == 0:
            contracts = await self._contracts()
            root = bytes(await self._chain.call(contracts.settlement.functions.genesisRoot()))
            return Progress(root, bytes(32), bytes(32), bytes(32), 0, 0, 0, 0)
        log = (await self._commits(index - 1, index, block))[index - 1]
        last = BatchHeader.from_chain(log["args"]["header"])
        return Progress(
            last.new_root,
            last.chain_hash,
            bytes(32),
            last.inbox_hash,
            last.last_sequence,
            last.inbox_cursor,
            last.last_time,
            0,
        )

    async def _read(self, log: EventData, start: Progress, block: int) -> PostedBatch:
        contracts = await self._contracts()
        index, number = int(log["args"]["index"]), int(log["blockNumber"])
        kept = await self._chain.call(contracts.settlement.functions.batchAt(index), _at(block))
        chunks, withdrawals = await self._committed(log, start, int(kept[3]))
        with chain_errors():
            timestamp = int((await self._chain.web3.eth.get_block(number))["timestamp"])
        data: list[bytes | None] = []
        blobs: list[bytes | None] = []
        at = start
        for chunk in chunks:
            blob = await self._blob(chunk.content, timestamp) if chunk.source is Source.BLOB else None
            blobs.append(blob)
            if chunk.source is Source.CALLDATA:
                data.append(await self._calldata(at, chunk, number))
            else:
                data.append(data_of(blob) if blob is not None else None)
            at = chunk.end
        return PostedBatch(
            header=BatchHeader.from_chain(log["args"]["header"]),
            start=start,
            chunks=chunks,
            first_withdrawal=int(kept[3]),
            withdrawals=withdrawals,
            hash=bytes(log["args"]["batchHash"]),
            data=data,
            blobs=blobs,
            operator=str(kept[4]),
            block=number,
            timestamp=timestamp,
            transaction=bytes(log["transactionHash"]),
        )

    async def _committed(
        self, log: EventData, start: Progress, first_withdrawal: int
    ) -> tuple[list[Chunk], list[QueuedWithdrawal]]:
        """Returns chunks and withdrawals of a commit: the ones that its header is made of.

        A transaction may hold other calls beside it, made to be taken for it.
        """
        settlement, header = (await self._contracts()).settlement, BatchHeader.from_chain(log["args"]["header"])
        for function, arguments in await self._calls(bytes(log["transactionHash"]), settlement):
            if function != "commitBatch":
                continue
            chunks = [_chunk(each) for each in arguments["chunks"]]
            listed = [_withdrawal(each) for each in arguments["listed"]]
            claimed = data_hash(start, chunks, first_withdrawal, len(listed)), withdrawal_root(listed)
            if claimed == (header.data_hash, header.withdrawal_root):
                return chunks, listed
        raise ChainError(f"batch {header.index} was committed by no call that the node shows")

    async def _calldata(self, start: Progress, chunk: Chunk, block: int) -> bytes:
        """Returns the bytes of a chunk from the transaction that posted it, not later than its commit."""
        batch_data = (await self._contracts()).batch_data
        wanted = chunk_id(start, chunk)
        while block >= 0:
            first = max(block - BLOCKS_PER_QUERY + 1, 0)
            async for log in self._chain.logs(batch_data.events.ChunkPosted, first, block, id=wanted):
                for function, arguments in await self._calls(bytes(log["transactionHash"]), batch_data):
                    if function == "post" and keccak256(bytes(arguments["data"])) == chunk.content:
                        return bytes(arguments["data"])
            block = first - 1
        raise ChainError(f"no transaction that the node shows posted the chunk 0x{wanted.hex()}")

    async def _blob(self, wanted: bytes, timestamp: int) -> bytes | None:
        content = await self._blobs.fetch(wanted, timestamp)
        if content is not None and versioned_hash(commitment_of(content)) != wanted:
            raise ChainError(f"another blob was delivered for 0x{wanted.hex()}")
        return content

    async def _calls(self, transaction: bytes, contract: AsyncContract) -> list[tuple[str, dict[str, Any]]]:
        """Returns the calls of a contract in a transaction: names of functions and arguments.

        A call that another contract passes on is in the trace only, which not every node has.
        """
        with chain_errors():
            found = await self._chain.web3.eth.get_transaction(cast(Any, transaction))
        if found.get("to") == contract.address:
            inputs = [bytes(found["input"])]
        else:
            tracer = {"tracer": "callTracer"}
            trace = await self._chain.request("debug_traceTransaction", "0x" + transaction.hex(), tracer)
            inputs = list(inputs_of(trace, contract.address))
        decoded = []
        for data in inputs:
            try:
                function, arguments = contract.decode_function_input(cast(Any, data))
            except ValueError:
                continue
            decoded.append((function.fn_name, arguments))
        return decoded


def inputs_of(call: Any, address: str) -> Iterator[bytes]:
    """Yields the inputs of a contract's calls within a traced one, but for those that were undone."""
    if "error" in call:
        return
    if str(call.get("to")).lower() == address.lower():
        yield bytes.fromhex(str(call["input"]).removeprefix("0x"))
    for inner in call.get("calls", ()):
        yield from inputs_of(inner, address)


def _chunk(value: Any) -> Chunk:
    source, content, trace_root, end = value.values() if hasattr(value, "values") else value
    return Chunk(Source(source), bytes(content), bytes(trace_root), progress_from_chain(end))


def _withdrawal(value: Any) -> QueuedWithdrawal:
    number, asset, amount, recipient = value.values() if hasattr(value, "values") else value
    return QueuedWithdrawal(int(number), int(asset), int(amount), bytes.fromhex(str(recipient).removeprefix("0x")))


def _at(block: int | None) -> int | str:
    return "latest" if block is None else block
