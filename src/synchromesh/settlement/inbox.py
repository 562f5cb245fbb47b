"""Follows the contract's inbox to finality: every item once, in order, checked against the inbox chain."""

from __future__ import annotations

import msgspec
from web3.types import EventData

from synchromesh._native import keccak256
from synchromesh.settlement.chain import BLOCKS_PER_QUERY, Chain, ChainError, Reverted, chain_errors


class DeepReorg(ChainError):
    """The chain took back what it had called final; nothing more may be credited."""


class InboxEntry(msgspec.Struct, frozen=True):
    """One item of the inbox.

    Attributes:
        index: Its index, from 0.
        item: Its bytes, ``kind u8 ‖ fields``.
        chain: The inbox chain after it.
        block: The block that holds it.
    """

    index: int
    item: bytes
    chain: bytes
    block: int


def inbox_chain(chain: bytes, index: int, item: bytes) -> bytes:
    """Returns the inbox chain after one more item: ``keccak(chain ‖ index u64 ‖ item)``."""
    return keccak256(chain + index.to_bytes(8, "big") + item)


class InboxFollower:
    """Yields items of final blocks. Idempotent by index: it can start at any item, and a restart starts anew.

    Args:
        chain: The chain.
        contract: Settlement contract, hex.
        cursor: Index of the first item to yield.
        inbox_hash: The inbox chain before that item, as the venue knows it.
        confirmations: Blocks on top that make one final; None: the node's ``finalized``.
    """

    def __init__(
        self, chain: Chain, contract: str, cursor: int, inbox_hash: bytes, confirmations: int | None = None
    ) -> None:
        self._chain = chain
        self._contract = chain.contract("BondedSettlement", contract)
        self._cursor = cursor
        self._hash = inbox_hash
        self._confirmations = confirmations
        self._next_block = 0

    @property
    def cursor(self) -> int:
        """Index of the next item."""
        return self._cursor

    async def poll(self) -> list[InboxEntry]:
        """Returns the items that became final since the last call.

        Raises:
            DeepReorg: When the final chain no longer holds what was yielded, or does not continue it.
            ChainError: When the node does not answer.
        """
        final = await self._chain.finalized_block(self._confirmations)
        await self._check_behind(final)
        entries: list[InboxEntry] = []
        while self._next_block <= final:
            last = min(final, self._next_block + BLOCKS_PER_QUERY - 1)
            with chain_errors():
                logs = await self._contract.events.InboxItem.get_logs(from_block=self._next_block, to_block=last)
            for entry in sorted(map(_entry, logs), key=lambda found: found.index):
                if entry.index >= self._cursor:
                    self._take(entry)
                    entries.append(entry)
            self._next_block = last + 1
        if self._cursor and await self._length(final) > self._cursor:
            # A reorg put items into blocks that were looked at before: look at all of them again.
            self._next_block = 0
        return entries

    async def _length(self, block: int) -> int:
        return int(await self._chain.call(self._contract.functions.inboxLength(), block))

    async def _check_behind(self, final: int) -> None:
        """The contract's own chain after the items behind us must be ours: it covers every one of them."""
        if self._cursor == 0:
            return
        try:
            found = await self._chain.call(self._contract.functions.inboxHashAt(self._cursor), final)
        except Reverted as error:
            raise DeepReorg(f"the final chain holds fewer than the {self._cursor} items that were credited") from error
        if bytes(found) != self._hash:
            raise DeepReorg(f"the first {self._cursor} inbox items of the final chain are not those credited")

    def _take(self, entry: InboxEntry) -> None:
        if entry.index != self._cursor:
            raise DeepReorg(f"inbox item {self._cursor} is missing: the next final one is {entry.index}")
        chain = inbox_chain(self._hash, entry.index, entry.item)
        if chain != entry.chain:
            raise DeepReorg(f"inbox item {entry.index} does not continue what was credited")
        self._cursor += 1
        self._hash = chain


def _entry(log: EventData) -> InboxEntry:
    found = log["args"]
    return InboxEntry(int(found["index"]), bytes(found["item"]), bytes(found["inboxHash"]), int(log["blockNumber"]))
