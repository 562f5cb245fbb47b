"""What a verifier reads from the chain: the contract's constants and its batches with their data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

from web3.contract import AsyncContract

from synchromesh.settlement.blob_sources import BlobSource
from synchromesh.settlement.chain import Chain, ChainError, chain_errors
from synchromesh.settlement.posted import PostedBatch, PostedBatches


class ChainSource:
    """Batches of one settlement contract.

    Args:
        chain: The chain.
        contract: Settlement contract, hex.
        blobs: Where blobs are found; None: on a local chain itself.
    """

    def __init__(self, chain: Chain, contract: str, blobs: BlobSource | None = None) -> None:
        self._chain = chain
        self._contract = chain.contract("BondedSettlement", contract)
        self._address = str(self._contract.address)
        self._posted = PostedBatches(chain, self._address, blobs)

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
        logs = self._chain.logs(self._contract.events.OperatorChanged)
        found = [bytes.fromhex(str(log["args"]["current"]).removeprefix("0x")) async for log in logs]
        if not found:
            raise ChainError(f"there is no settlement contract at {self._address}")
        return found

    async def genesis_root(self) -> bytes:
        """Returns the root that the contract starts from."""
        return bytes(await self._chain.call(self._contract.functions.genesisRoot()))

    async def challenges(self) -> AsyncContract:
        """Returns the contract that judges batches now."""
        return self._chain.contract("Challenges", str(await self._chain.call(self._contract.functions.challenges())))

    async def batch_hash(self, index: int) -> bytes | None:
        """Returns the hash that the contract keeps of a batch, None when there is no such batch."""
        return await self._posted.hash_of(index)

    async def batches(self, first_index: int, block: int | None = None) -> AsyncIterator[PostedBatch]:
        """Yields the batches that stand, in order.

        Args:
            first_index: Number of the first.
            block: The newest block to look at; None: all.
        """
        async for batch in self._posted.read(first_index, block):
            yield batch


async def ahead(batches: AsyncIterator[PostedBatch]) -> AsyncGenerator[PostedBatch]:
    """Yields batches, the next of which is read while somebody looks at the last; to be closed."""
    following = asyncio.ensure_future(_next(batches))
    try:
        while (batch := await following) is not None:
            following = asyncio.ensure_future(_next(batches))
            yield batch
    finally:
        following.cancel()
        # Nobody asks for it any more, whatever became of it.
        with suppress(asyncio.CancelledError, ChainError):
            await following


async def _next(batches: AsyncIterator[PostedBatch]) -> PostedBatch | None:
    return await anext(batches, None)
