"""Posts records with the steps that the engine makes of them, or with whatever a test wants to claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from support.ledger import OPERATOR
from support.local import LocalVenue
from synchromesh._native import MAX_CHUNK_BYTES, ReplayError, Replica, Step, chain_hash, keccak256, record_hash
from synchromesh.protocol import Frame, Receipt, command_path, command_root, sign
from synchromesh.settlement.batches import Batch, QueuedWithdrawal
from synchromesh.settlement.packing import Packer

CLOCK = 31
"""Step kind."""
NONSENSE = keccak256(b"no state")
"""A state root behind nothing."""

Command = tuple[bytes, list[Step]]
Lie = Callable[[list[Command]], None]


def told(step: Step, **lies: Any) -> Step:
    """A step in which ``lies`` stand instead of the truth."""
    fields = {"kind": step.kind, "last": step.last, "subject": step.subject, "root": step.root}
    return Step(**(fields | lies))


class Poster:
    """An operator who commits what it is told to.

    Args:
        venue: Its venue.

    Attributes:
        replica: Behind the batches that count: a batch of lies does not, so that an honest one can follow.
        batches: How many they are.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self.venue = venue
        self.replica = Replica()
        self.batches = 0

    def fork(self) -> Poster:
        """The same again: for a test that reverts the chain, and leaves this one as it was."""
        other = Poster(self.venue.fork())
        other.batches, other.replica = self.batches, self.replica.copy()
        return other

    def commands(self, replica: Replica, records: Sequence[bytes] | None = None) -> list[Command]:
        """Records with their steps; ``replica`` moves. Without records, what the journal holds behind it."""
        if records is None:
            records = self.venue.ledger.records[replica.sequence :]
        return [(record, _steps(replica, record)) for record in records]

    async def honest(self, **options: Any) -> Batch:
        """Commits what the journal holds and no batch before."""
        return await self._count(self.pack(self.replica, **options))

    async def lie(self, lie: Lie, **options: Any) -> Batch:
        """Commits it with lies."""
        batch = self.pack(self.replica.copy(), lie, **options)
        await self.venue.commit(batch)
        return batch

    async def commit(self, records: Sequence[bytes]) -> Batch:
        """Commits records, signed or not."""
        return await self._count(self.batch(records))

    def batch(self, records: Sequence[bytes]) -> Batch:
        """The next batch: of records, which nobody checks the signatures of."""
        return self.pack(self.replica, records=records)

    def pack(
        self,
        replica: Replica,
        lie: Lie | None = None,
        listed: Callable[[list[QueuedWithdrawal]], list[QueuedWithdrawal]] = list,
        chunk_bytes: int = MAX_CHUNK_BYTES,
        records: Sequence[bytes] | None = None,
    ) -> Batch:
        """The next batch.

        Args:
            replica: Stands before it; moves behind what is true.
            lie: Changes commands and steps.
            listed: What is listed of the withdrawals.
            chunk_bytes: Most bytes of a chunk.
            records: Its records; None: what the journal holds.
        """
        start, first = replica.progress(), replica.next_withdrawal
        commands = self.commands(replica, records)
        withdrawals = listed([QueuedWithdrawal(*found) for found in replica.withdrawals_since(first)])
        if lie is not None:
            lie(commands)
        packer = Packer(start, chunk_bytes)
        for record, steps in commands:
            packer.add(record, steps)
        return Batch.make(self.batches, start, packer.finish(), first, withdrawals)

    def acknowledge(self, records: Sequence[bytes], index: int) -> Receipt:
        """A receipt for record ``index`` of a frame that follows what was committed."""
        hashes = [record_hash(record) for record in records]
        first, chain = self.replica.sequence + 1, self.replica.chain_hash
        for command in hashes:
            chain = chain_hash(chain, command)
        frame = Frame(1, 7, first, len(records), command_root(hashes), chain)
        signature = sign(frame.digest(self.venue.ledger.domain), OPERATOR)
        return Receipt(frame, signature, first + index, hashes[index], command_path(hashes, index))

    async def _count(self, batch: Batch) -> Batch:
        await self.venue.commit(batch)
        self.batches += 1
        return batch


def _steps(replica: Replica, record: bytes) -> list[Step]:
    """What the engine makes of a record; of one that it refuses, that time passes and nothing else happens."""
    try:
        return replica.apply_steps(record)
    except ReplayError:
        return [Step(CLOCK, True, bytes(32), replica.state_root())]
