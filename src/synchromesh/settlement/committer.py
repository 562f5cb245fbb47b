"""Turns the journal into batches: replays it in an engine of its own, and cuts where size or time says so."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from synchromesh._native import JournalReader, Progress, Replica, pack_records
from synchromesh.settlement.batches import Batch, BatchStore, QueuedWithdrawal, Source
from synchromesh.settlement.packing import Packer

BATCH_BYTES_MAX = 440_000
"""A batch is cut when its data reach this: not quite four chunks of orders, twice as many of the densest commands."""
WITHDRAWALS_MAX = 700
"""A batch is cut when it lists as many withdrawals: with those of one more call the commit still fits 128 kB."""
RECORDS_AT_ONCE = 256
"""Commands that are followed in one call: their hashes are computed together."""
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
        source: Where the data of new batches go.
        after: Number of the first batch made here, and where the journal stood before it, if somebody else made those
            before it. What is on disk comes first.

    Raises:
        CommitterError: When the checkpoint does not fit the batches.
    """

    def __init__(
        self,
        journal: Path,
        directory: Path,
        batch_seconds: float = 2.0,
        checkpoint_every: int = CHECKPOINT_EVERY,
        source: Source = Source.CALLDATA,
        after: tuple[int, Progress] | None = None,
    ) -> None:
        self.store = BatchStore(directory / "batches")
        self._checkpoint_path = directory / "committer.checkpoint"
        self._batch_seconds = batch_seconds
        self._checkpoint_every = checkpoint_every
        self._source = source
        self._replica = Replica()
        known = self.store.indices()
        self._first, self._made = known.start, known.stop
        self._behind: Progress | None = None
        """Where the journal stands behind the batches of somebody else, until it was replayed up to there."""
        restored = self._restore()
        if restored is None and not known and after is not None and after[0]:
            self._first = self._made = after[0]
            self._behind = after[1]
        elif restored is None and self._first:
            self._behind = self._load(self._first).start
        if self._behind is None:
            self._begin(restored or 0)
        self._reader = JournalReader(journal, self._replica.sequence + 1)

    @property
    def first(self) -> int:
        """Number of the first batch that was made here."""
        return self._first

    @property
    def made(self) -> int:
        """How many batches there are, with those before the first one here."""
        return self._made

    @property
    def sequence(self) -> int:
        """The last command taken from the journal."""
        return self._replica.sequence

    def poll(self) -> int:
        """Takes what the journal has, makes the batches that are due, and returns how many were made.

        Raises:
            CommitterError: When a batch on disk, or on the chain, does not follow from the journal.
            ReplayError: When a journaled command does not apply.
            JournalDamaged: When the journal is.
        """
        before = self._made
        records, sequence = list[bytes](), self._replica.sequence
        for frame in self._reader:
            records += frame.records[max(sequence + 1 - frame.first_sequence, 0) :]
            sequence = max(sequence, frame.first_sequence + len(frame.records) - 1)
            while len(records) >= RECORDS_AT_ONCE:
                self._take(records[:RECORDS_AT_ONCE])
                records = records[RECORDS_AT_ONCE:]
        self._take(records)
        if self._behind is None and self._is_due():
            self._cut()
        return self._made - before

    def _is_due(self) -> bool:
        """Whether the open batch has waited long enough."""
        waited = time.monotonic() - self._opened
        return self._known is None and self._packer.bytes > 0 and waited >= self._batch_seconds

    def _load(self, index: int) -> Batch:
        batch = self.store.load(index)
        assert batch is not None, "batches are numbered without a gap"
        return batch

    def _restore(self) -> int | None:
        """Loads the checkpoint, if there is one, and returns the index of the batch after it."""
        try:
            saved = msgspec.msgpack.decode(self._checkpoint_path.read_bytes(), type=_Checkpoint)
        except FileNotFoundError:
            return None
        self._replica.restore(saved.replica)
        batch = self.store.load(saved.batch)
        if batch is None or batch.header.new_root != self._replica.state_root():
            raise CommitterError(f"the checkpoint after batch {saved.batch} does not have that batch's root")
        return saved.batch + 1

    def _begin(self, index: int) -> None:
        """Opens batch ``index``, behind the replica's last command."""
        replica = self._replica
        self._index = index
        self._known = self._load(index) if index < self._made else None
        self._start = replica.progress()
        self._packer = Packer(self._start)
        self._first_withdrawal = replica.next_withdrawal
        replica.forget_withdrawals(self._first_withdrawal)
        self._opened = time.monotonic()

    def _take(self, records: list[bytes]) -> None:
        """Takes what comes next in the journal, and cuts wherever a batch ends."""
        while records:
            taken = self._follow(records) if self._behind is None else self._catch_up(records, self._behind)
            records = records[taken:]

    def _follow(self, records: list[bytes]) -> int:
        """Adds commands to the open batch as far as it goes, and returns how many."""
        room = None
        if self._known is None:
            room = BATCH_BYTES_MAX - self._packer.bytes
        else:
            records = records[: self._known.header.last_sequence - self._replica.sequence]
        steps = self._replica.follow_many(records, room)
        for record, its in zip(records, steps, strict=False):
            self._packer.add(record, its)
        if self._known is None:
            withdrawals = self._replica.next_withdrawal - self._first_withdrawal
            full = self._packer.bytes >= BATCH_BYTES_MAX or withdrawals >= WITHDRAWALS_MAX
        else:
            full = self._known.header.last_sequence == self._replica.sequence
        if full:
            self._cut()
        return len(steps)

    def _catch_up(self, records: list[bytes], behind: Progress) -> int:
        """Replays what somebody else has committed, and returns how many commands that was."""
        part = records[: behind.sequence - self._replica.sequence]
        self._replica.apply_many(pack_records(part), verify=False)
        if self._replica.sequence == behind.sequence:
            if self._replica.progress() != behind:
                raise CommitterError(f"the batches before batch {self._first} do not follow from the journal")
            self._behind = None
            self._begin(self._first)
        return len(part)

    def _cut(self) -> None:
        """Ends the open batch: writes it, or compares it with the one written before."""
        withdrawals = [QueuedWithdrawal(*found) for found in self._replica.withdrawals_since(self._first_withdrawal)]
        source = self._source if self._known is None else self._known.chunks[0].source
        batch = Batch.make(self._index, self._start, self._packer.finish(), self._first_withdrawal, withdrawals, source)
        if self._known is None:
            self.store.save(batch)
            self._made = self._index + 1
        elif self._known != batch:
            raise CommitterError(f"batch {self._index} made before does not follow from the journal")
        if self._made % self._checkpoint_every == 0 and self._known is None:
            self._checkpoint()
        self._begin(self._index + 1)

    def _checkpoint(self) -> None:
        """Keeps the state after the batch that was just written; a crash leaves the old checkpoint or this one."""
        aside = self._checkpoint_path.with_suffix(".aside")
        with aside.open("wb") as file:
            file.write(msgspec.msgpack.encode(_Checkpoint(batch=self._index, replica=self._replica.snapshot())))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._checkpoint_path)
