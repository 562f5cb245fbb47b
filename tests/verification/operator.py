"""An operator who commits whatever records it is given, with what the engine makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from support.ledger import OPERATOR
from support.local import LocalVenue
from synchromesh._native import ReplayError, Replica, Step, chain_hash, record_hash
from synchromesh.protocol import Frame, Receipt, command_path, command_root, sign
from synchromesh.settlement.batches import Batch, QueuedWithdrawal
from synchromesh.settlement.packing import Packer

CLOCK = 31
"""Step kind."""


class Operator:
    """Packs records with their steps, signed or not, and posts them.

    Args:
        venue: Its venue.
    """

    def __init__(self, venue: LocalVenue) -> None:
        self.venue = venue
        self.batches = 0
        self.replica = Replica()

    def fork(self) -> Operator:
        """The same again: for a test that reverts the chain, and leaves this one as it was."""
        other = Operator(self.venue.fork())
        other.batches, other.replica = self.batches, self.replica.copy()
        return other

    def batch(self, records: Sequence[bytes]) -> Batch:
        """The next batch: of records, which nobody checks the signatures of."""
        replica = self.replica
        start, first = replica.progress(), replica.next_withdrawal
        packer = Packer(start)
        for record in records:
            packer.add(record, self._steps(record))
        withdrawals = [QueuedWithdrawal(*each) for each in replica.withdrawals_since(first)]
        return Batch.make(self.batches, start, packer.finish(), first, withdrawals)

    def _steps(self, record: bytes) -> list[Step]:
        """What the engine makes of a record; of one that it refuses, that time passes and nothing else happens."""
        try:
            return self.replica.apply_steps(record)
        except ReplayError:
            return [Step(CLOCK, True, bytes(32), self.replica.state_root())]

    async def commit(self, records: Sequence[bytes]) -> Batch:
        """Commits records."""
        batch = self.batch(records)
        await self.post(batch)
        return batch

    async def post(self, batch: Batch) -> None:
        """Commits a batch, whatever it says."""
        await self.venue.commit(batch)
        self.batches += 1

    def acknowledge(self, records: Sequence[bytes], index: int) -> Receipt:
        """A receipt for record ``index`` of a frame that follows what was committed."""
        hashes = [record_hash(record) for record in records]
        first, chain = self.replica.sequence + 1, self.replica.chain_hash
        for command in hashes:
            chain = chain_hash(chain, command)
        frame = Frame(1, 7, first, len(records), command_root(hashes), chain)
        signature = sign(frame.digest(self.venue.ledger.domain), OPERATOR)
        return Receipt(frame, signature, first + index, hashes[index], command_path(hashes, index))
