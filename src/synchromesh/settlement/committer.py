"""Turns the journal into batches: replays it in an engine of its own, and cuts where size or time says so."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from synchromesh._native import JournalReader, Replica, keccak256
from synchromesh.protocol import pack
from synchromesh.settlement.batches import (
    PROTOCOL_VERSION,
    VERIFIER_VERSION,
    Batch,
    BatchHeader,
    BatchStore,
    QueuedWithdrawal,
    withdrawal_root,
)

BATCH_BYTES_MAX = 90_000
"""Data of one batch: a transaction stays below the 128 KiB that nodes relay."""
CHECKPOINT_EVERY = 200
"""Batches between checkpoints of the committer's own state."""


class CommitterError(Exception):
    """The journal contradicts a batch that was made from it."""


class _Checkpoint(msgspec.Struct):
    """Committer state after a batch."""

    batch: int
    replica: bytes


class Committer:
    """Follows a journal and makes batches.

    What was made stays: after a restart the batches on disk are derived from the journal again and must come out the
    same, so that the chain never sees two versions of one.

    Args:
        journal: The journal's directory; read only.
        directory: Where batches and checkpoints are kept.
        batch_seconds: Real seconds after which a batch is cut although it is not full.
        checkpoint_every: Batches between checkpoints.

    Raises:
        CommitterError: When the checkpoint does not fit the batches.
    """

    def __init__(
        self, journal: Path, directory: Path, batch_seconds: float = 2.0, checkpoint_every: int = CHECKPOINT_EVERY
    ) -> None:
        self.store = BatchStore(directory / "batches")
        self._checkpoint_path = directory / "committer.checkpoint"
        self._batch_seconds = batch_seconds
        self._checkpoint_every = checkpoint_every
        self._replica = Replica()
        self._made = self.store.count()
        self._begin(self._restore())
        self._reader = JournalReader(journal, self._first_sequence)

    @property
    def made(self) -> int:
        """How many batches there are."""
        return self._made

    @property
    def sequence(self) -> int:
        """The last command taken from the journal."""
        return self._replica.sequence

    def poll(self) -> int:
        """Takes what the journal has, makes the batches that are due, and returns how many were made.

        Raises:
            CommitterError: When a batch on disk does not follow from the journal.
            ReplayError: When a journaled command does not apply.
            JournalDamaged: When the journal is.
        """
        before = self._made
        for frame in self._reader:
            for sequence, record in enumerate(frame.records, frame.first_sequence):
                if sequence > self._replica.sequence:
                    self._take(record)
        if self._known is None and self._records and time.monotonic() - self._opened >= self._batch_seconds:
            self._cut()
        return self._made - before

    def _restore(self) -> int:
        """Loads the checkpoint, if there is one, and returns the index of the batch after it."""
        try:
            saved = msgspec.msgpack.decode(self._checkpoint_path.read_bytes(), type=_Checkpoint)
        except FileNotFoundError:
            return 0
        self._replica.restore(saved.replica)
        batch = self.store.load(saved.batch)
        if batch is None or batch.header.new_root != self._replica.state_root():
            raise CommitterError(f"the checkpoint after batch {saved.batch} does not have that batch's root")
        return saved.batch + 1

    def _begin(self, index: int) -> None:
        """Opens batch ``index``, behind the replica's last command."""
        replica = self._replica
        self._index = index
        self._known = self.store.load(index) if index < self._made else None
        self._previous_root, self._previous_chain = replica.state_root(), replica.chain_hash
        self._first_sequence = replica.sequence + 1
        self._first_withdrawal = replica.next_withdrawal
        replica.forget_withdrawals(self._first_withdrawal)
        self._records: list[bytes] = []
        self._bytes = 0
        self._opened = time.monotonic()

    def _take(self, record: bytes) -> None:
        size = len(record) + 2
        if self._known is None and self._records and self._bytes + size > BATCH_BYTES_MAX:
            self._cut()
        self._replica.apply(record)
        self._records.append(record)
        self._bytes += size
        if self._known is not None and self._known.header.last_sequence == self._replica.sequence:
            self._cut()

    def _cut(self) -> None:
        """Ends the open batch: writes it, or compares it with the one written before."""
        batch = self._derive()
        if self._known is None:
            self.store.save(batch)
            self._made = self._index + 1
        elif self._known.header != batch.header:
            raise CommitterError(f"batch {self._index} made before does not follow from the journal")
        if self._made % self._checkpoint_every == 0 and self._known is None:
            self._checkpoint()
        self._begin(self._index + 1)

    def _derive(self) -> Batch:
        replica, data = self._replica, pack(self._records)
        withdrawals = [QueuedWithdrawal(*found) for found in replica.withdrawals_since(self._first_withdrawal)]
        header = BatchHeader(
            index=self._index,
            previous_root=self._previous_root,
            new_root=replica.state_root(),
            protocol_version=PROTOCOL_VERSION,
            verifier_version=VERIFIER_VERSION,
            first_sequence=self._first_sequence,
            last_sequence=replica.sequence,
            previous_chain_hash=self._previous_chain,
            chain_hash=replica.chain_hash,
            inbox_cursor=replica.inbox_cursor,
            inbox_hash=replica.inbox_hash,
            trace_root=bytes(32),
            withdrawal_root=withdrawal_root(withdrawals),
            data_hash=keccak256(data),
            last_time=replica.time,
        )
        return Batch(header=header, data=data, withdrawals=withdrawals)

    def _checkpoint(self) -> None:
        """Keeps the state after the batch that was just written; a crash leaves the old checkpoint or this one."""
        aside = self._checkpoint_path.with_suffix(".aside")
        with aside.open("wb") as file:
            file.write(msgspec.msgpack.encode(_Checkpoint(batch=self._index, replica=self._replica.snapshot())))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._checkpoint_path)
