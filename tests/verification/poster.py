"""Posts the journal of a local venue with whatever steps and withdrawals a test wants to claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.local import LocalVenue
from synchromesh._native import Replica, Step, keccak256
from synchromesh.settlement.batches import Batch, QueuedWithdrawal, Source
from synchromesh.settlement.packing import Packer

NONSENSE = keccak256(b"no state")
"""A state root behind nothing."""

Command = tuple[bytes, list[Step]]
Lie = Callable[[list[Command]], None]


def told(step: Step, **lies: Any) -> Step:
    """A step in which ``lies`` stand instead of the truth."""
    fields = {"kind": step.kind, "last": step.last, "subject": step.subject, "root": step.root}
    return Step(**(fields | lies))


class Poster:
    """Commits the journal of a venue; a batch of lies changes nothing here, so that an honest one can follow.

    Args:
        venue: The venue.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self.venue = venue
        self.replica = Replica()
        self.batches = 0

    def commands(self, replica: Replica) -> list[Command]:
        """What the journal holds behind ``replica``, which moves, with its steps."""
        records = self.venue.ledger.records[replica.sequence :]
        return [(record, replica.apply_steps(record)) for record in records]

    async def honest(self, **options: Any) -> Batch:
        """Commits what the journal holds and no batch before."""
        batch = self.pack(self.replica, lambda commands: None, **options)
        await self.venue.commit(batch)
        self.batches += 1
        return batch

    async def lie(self, lie: Lie, **options: Any) -> Batch:
        """Commits it with lies."""
        batch = self.pack(self.replica.copy(), lie, **options)
        await self.venue.commit(batch)
        return batch

    def pack(
        self,
        replica: Replica,
        lie: Lie,
        listed: Callable[[list[QueuedWithdrawal]], list[QueuedWithdrawal]] = list,
        chunk_bytes: int = 120_000,
    ) -> Batch:
        """The next batch.

        Args:
            replica: Stands before it; moves behind what is true.
            lie: Changes commands and steps.
            listed: What is listed of the withdrawals.
            chunk_bytes: Most bytes of a chunk.
        """
        start, first = replica.progress(), replica.next_withdrawal
        commands = self.commands(replica)
        withdrawals = listed([QueuedWithdrawal(*found) for found in replica.withdrawals_since(first)])
        lie(commands)
        packer = Packer(start, chunk_bytes)
        for record, steps in commands:
            packer.add(record, steps)
        return Batch.make(self.batches, start, packer.finish(), first, withdrawals, Source.CALLDATA)
