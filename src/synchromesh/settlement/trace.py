"""A posted batch, command by command: records with the steps that were claimed of them, and openings of these steps."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec

from synchromesh._native import CodecError, Entry, Step, keccak256, merkle_proof, read_chunk, trace_leaf
from synchromesh.settlement.chain import ChainError
from synchromesh.settlement.posted import PostedBatch

TraceLeaf: TypeAlias = tuple[bytes, tuple[int, bool, bytes, bytes], list[bytes]]
"""Command, step and siblings; the contract's ``TraceLeaf``."""
TRACES_KEPT = 4
"""Chunks whose leaves are kept: who opens one step of a chunk opens others."""
NO_LEAF: TraceLeaf = (bytes(32), (0, False, bytes(32), bytes(32)), [])
Named: TypeAlias = list[tuple[int, bytes]]
"""Kind and subject of each step of a command."""


class Part(NamedTuple):
    """Steps of one command that stand in one chunk.

    Attributes:
        chunk: Which chunk.
        position: Place of the first of them in it.
        steps: How many.
    """

    chunk: int
    position: int
    steps: int


class PostedCommand(msgspec.Struct, frozen=True):
    """A command as it was posted.

    Attributes:
        sequence: Its sequence.
        record: Its record.
        first: Place of its first step in the batch.
        steps: Its steps.
        parts: Where they stand, one part for each chunk.
    """

    sequence: int
    record: bytes
    first: int
    steps: list[Step]
    parts: list[Part]

    @property
    def named(self) -> Named:
        """Kinds and subjects of its steps, as `Replica.apply_named` takes them."""
        return [(step.kind, step.subject) for step in self.steps]

    def place(self, step: int) -> tuple[int, int]:
        """Returns chunk and position of one of its steps."""
        for part in self.parts:
            if step < part.steps:
                return part.chunk, part.position + step
            step -= part.steps
        raise IndexError(step)


class ChunkUntrue(Exception):
    """A blob does not hold what was said of it.

    Attributes:
        chunk: Which chunk.
    """

    def __init__(self, chunk: int, reason: str) -> None:
        self.chunk = chunk
        super().__init__(reason)


class ChunkGone(ChainError):
    """A blob cannot be had: nothing can be said of its batch.

    Args:
        batch: Number of the batch.
        chunk: Which of its chunks.
        versioned_hash: What the chain knows the blob by.
    """

    def __init__(self, batch: int, chunk: int, versioned_hash: bytes) -> None:
        super().__init__(
            f"the blob of chunk {chunk} of batch {batch}, 0x{versioned_hash.hex()}, is not to be had: nodes keep blobs "
            "for some weeks, a beacon archive (--beacon) for longer, and whoever runs a watchtower or a quorum node "
            "with --blobs has a folder of them: give that folder, or its URL, as --blobs"
        )


def posted_commands(batch: PostedBatch) -> Iterator[PostedCommand]:
    """Yields the commands of a batch.

    Raises:
        ChunkGone: When the bytes of a chunk cannot be had.
        ChunkUntrue: When a chunk is malformed, or something else was said of it. Only of a blob: the contract read all
            others.
    """
    sequence, step = batch.start.sequence, 0
    record, first, steps, parts = b"", 0, list[Step](), list[Part]()
    for number in range(len(batch.chunks)):
        position = 0
        for entry in _entries(batch, number):
            if entry.record is not None:
                sequence, record, first, steps, parts = sequence + 1, entry.record, step, [], []
            steps += entry.steps
            parts.append(Part(number, position, len(entry.steps)))
            position += len(entry.steps)
            step += len(entry.steps)
            if not entry.goes_on:
                yield PostedCommand(sequence, record, first, steps, parts)


def _entries(batch: PostedBatch, number: int) -> list[Entry]:
    data, chunk = batch.data[number], batch.chunks[number]
    if data is None:
        if batch.blobs[number] is None:
            raise ChunkGone(batch.header.index, number, chunk.content)
        raise ChunkUntrue(number, f"the blob of chunk {number} carries no data")
    try:
        entries, trace_root, end = read_chunk(batch.start_of(number), data)
    except CodecError as error:
        raise ChunkUntrue(number, f"chunk {number} is malformed: {error}") from error
    if (trace_root, end) != (chunk.trace_root, chunk.end):
        raise ChunkUntrue(number, f"chunk {number} holds something else than was said of it")
    return entries


class ChunkTrace:
    """The steps of one chunk, and what shows them under its trace root.

    Args:
        batch: The batch.
        chunk: Which of its chunks; its bytes are at hand.
    """

    def __init__(self, batch: PostedBatch, chunk: int) -> None:
        data, start = batch.data[chunk], batch.start_of(chunk)
        assert data is not None, "a step was found in it"
        self._commands: list[bytes] = []
        self._steps: list[Step] = []
        for entry in read_chunk(start, data)[0]:
            command = start.command if entry.record is None else keccak256(entry.record)
            self._commands += [command] * len(entry.steps)
            self._steps += entry.steps
        named = zip(self._commands, self._steps, strict=True)
        self._leaves = [trace_leaf(start.step + at, command, step) for at, (command, step) in enumerate(named)]

    def __len__(self) -> int:
        return len(self._steps)

    def leaf(self, at: int) -> TraceLeaf:
        """Returns a step with its path: the contract's ``TraceLeaf``."""
        step = self._steps[at]
        fields = (step.kind, step.last, step.subject, step.root)
        return self._commands[at], fields, merkle_proof(self._leaves, at)


class _Place:
    """A chunk of a batch, the same for who has the batch again."""

    def __init__(self, batch: PostedBatch, chunk: int) -> None:
        self.batch, self.chunk = batch, chunk
        self._key = batch.hash, chunk

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Place) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=TRACES_KEPT)
def _trace(place: _Place) -> ChunkTrace:
    return ChunkTrace(place.batch, place.chunk)


def step_opening(batch: PostedBatch, chunk: int, position: int) -> tuple[Any, ...]:
    """Returns what shows a step of a batch and the one before it: the contract's ``StepOpening``."""
    trace = _trace(_Place(batch, chunk))
    # Before the first step of a chunk there is none in it; the contract does not look.
    return chunk, position, trace.leaf(position), trace.leaf(max(position - 1, 0))


def neighbours(batch: PostedBatch, chunk: int, position: int) -> tuple[TraceLeaf, TraceLeaf]:
    """Returns the steps before and behind one, across chunks; nothing where there is none."""
    trace = _trace(_Place(batch, chunk))
    before = behind = NO_LEAF
    if position > 0:
        before = trace.leaf(position - 1)
    elif chunk > 0:
        earlier = _trace(_Place(batch, chunk - 1))
        before = earlier.leaf(len(earlier) - 1)
    if position + 1 < len(trace):
        behind = trace.leaf(position + 1)
    elif chunk + 1 < len(batch.chunks):
        behind = _trace(_Place(batch, chunk + 1)).leaf(0)
    return before, behind
