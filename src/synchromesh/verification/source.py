"""What a verifier reads from the chain: the contract's constants, its batches with their data, and its inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from web3.types import EventData

from synchromesh.settlement.batches import BatchHeader
from synchromesh.settlement.chain import Chain, ChainError, Reverted, chain_errors
from synchromesh.settlement.inbox import BLOCKS_PER_QUERY, InboxFollower


class PostedBatch(msgspec.Struct, frozen=True):
    """A batch as the chain holds it.

    Attributes:
        header: From the event of its commit.
        hash: The batch hash that the contract keeps.
        data: From the calldata of that transaction; None when the transaction is no plain ``commitBatch``.
        block: The block that holds it.
    """

    header: BatchHeader
    hash: bytes
    data: bytes | None
    block: int


class ChainSource:
    """Batches and inbox items of one settlement contract.

    Args:
        chain: The chain.
        contract: Settlement contract, hex.
    """

    def __init__(self, chain: Chain, contract: str) -> None:
        self._chain = chain
        self._contract = chain.contract("Settlement", contract)
        self._address = str(self._contract.address)
        self._inbox = self._new_follower()
        self._items: list[bytes] = []

    @property
    def address(self) -> bytes:
        """The contract's address, 20 bytes."""
        return bytes.fromhex(self._address.removeprefix("0x"))

    async def chain_id(self) -> int:
        """Returns the chain's id."""
        with chain_errors():
            return int(await self._chain.web3.eth.chain_id)

    async def operators(self) -> list[bytes]:
        """Returns every address that was ever the operator, 20 bytes each, the first one first.

        Raises:
            ChainError: When the node does not answer, or there is no such contract.
        """
        found: list[bytes] = []
        async for log in self._logs("OperatorChanged", 0):
            found.append(bytes.fromhex(str(log["args"]["current"]).removeprefix("0x")))
        if not found:
            raise ChainError(f"there is no settlement contract at {self._address}")
        return found

    async def genesis_root(self) -> bytes:
        """Returns the root that the contract starts from."""
        return bytes(await self._chain.call(self._contract.functions.genesisRoot()))

    async def batch_hash(self, index: int) -> bytes | None:
        """Returns the hash that the contract keeps of a batch, None when there is no such batch."""
        try:
            found, *_ = await self._chain.call(self._contract.functions.batchAt(index))
        except Reverted:
            return None
        return bytes(found)

    async def batches(self, from_block: int = 0) -> AsyncIterator[PostedBatch]:
        """Yields the committed batches from ``from_block`` on, in order."""
        async for log in self._logs("BatchCommitted", from_block):
            yield PostedBatch(
                header=BatchHeader.from_chain(log["args"]["header"]),
                hash=bytes(log["args"]["batchHash"]),
                data=await self._data(log),
                block=int(log["blockNumber"]),
            )

    async def inbox(self, length: int) -> list[bytes]:
        """Returns the inbox items, at least the first ``length`` if the chain has them.

        Raises:
            DeepReorg: When the chain has replaced items that were read before.
        """
        if len(self._items) < length:
            await self.read_inbox()
        return self._items

    async def read_inbox(self) -> None:
        """Reads the inbox up to the newest block.

        Raises:
            DeepReorg: When the chain has replaced items that were read before.
        """
        self._items += [entry.item for entry in await self._inbox.poll()]

    def forget_inbox(self) -> None:
        """Reads the inbox anew: a reorg may have replaced it."""
        self._inbox, self._items = self._new_follower(), []

    def _new_follower(self) -> InboxFollower:
        return InboxFollower(self._chain, self._address, 0, bytes(32), confirmations=0)

    async def _logs(self, name: str, from_block: int) -> AsyncIterator[EventData]:
        """Yields the contract's events of one name in the order of the chain."""
        event = getattr(self._contract.events, name)
        with chain_errors():
            latest = int(await self._chain.web3.eth.block_number)
        while from_block <= latest:
            last = min(latest, from_block + BLOCKS_PER_QUERY - 1)
            with chain_errors():
                logs = await event.get_logs(from_block=from_block, to_block=last)
            for log in sorted(logs, key=lambda found: (found["blockNumber"], found["logIndex"])):
                yield log
            from_block = last + 1

    async def _data(self, log: EventData) -> bytes | None:
        with chain_errors():
            transaction = await self._chain.web3.eth.get_transaction(log["transactionHash"])
        if transaction.get("to") != self._contract.address:
            return None
        try:
            function, arguments = self._contract.decode_function_input(transaction["input"])
        except ValueError:
            return None
        return bytes(arguments["data"]) if function.fn_name == "commitBatch" else None
