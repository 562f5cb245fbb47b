"""Packs commands and their steps into chunks, the pieces in which batch data go to the chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from synchromesh._native import MAX_CHUNK_BYTES, MAX_CHUNK_UNITS, Entry, Progress, Step, pack_chunk

ENTRY_BYTES = 4
"""Bytes of an entry beside its record and steps: two lengths."""
_STEP_BYTES = 33
_SUBJECT_BYTES = 32
_NO_SUBJECT = bytes(_SUBJECT_BYTES)


@dataclass(frozen=True)
class PackedChunk:
    """A chunk.

    Attributes:
        data: Its bytes.
        trace_root: Root over the trace leaves of its steps.
        end: Where reading stands behind it.
    """

    data: bytes
    trace_root: bytes
    end: Progress


def step_bytes(step: Step) -> int:
    """Returns how many bytes a step takes."""
    return _STEP_BYTES + (_SUBJECT_BYTES if step.subject != _NO_SUBJECT else 0)


class Packer:
    """Fills chunk after chunk. A command whose steps do not fit goes on in the next one.

    Args:
        start: Where reading stands before the first chunk.
        chunk_bytes: Most bytes of a chunk.
        chunk_units: Most entries and steps of a chunk, together.

    Attributes:
        bytes: Of all commands so far.
    """

    def __init__(self, start: Progress, chunk_bytes: int = MAX_CHUNK_BYTES, chunk_units: int = MAX_CHUNK_UNITS) -> None:
        self._at = start
        self._chunk_bytes, self._chunk_units = chunk_bytes, chunk_units
        self._chunks: list[PackedChunk] = []
        self._entries: list[Entry] = []
        self._bytes_left, self._units_left = chunk_bytes, chunk_units
        self.bytes = 0

    def add(self, record: bytes, steps: Sequence[Step]) -> None:
        """Adds a command.

        Raises:
            CodecError: When the chain would not read it: without a step, say.
            ValueError: When no chunk is large enough for its record.
        """
        head: bytes | None = record
        rest = list(steps)
        while head is not None or rest:
            taken, size = self._fitting(len(head or b""), rest)
            if rest and not taken:
                if not self._entries:
                    raise ValueError(f"no chunk of {self._chunk_bytes} bytes holds a record of {len(record)}")
                self._close()
                continue
            here, rest = rest[:taken], rest[taken:]
            self._entries.append(Entry(head, here, goes_on=bool(rest)))
            self._bytes_left -= size
            self._units_left -= 1 + taken
            self.bytes += size
            head = None
            if rest:
                self._close()

    def finish(self) -> list[PackedChunk]:
        """Returns the chunks, the last of which may be short.

        Raises:
            CodecError: When the chain would not read one.
        """
        if self._entries:
            self._close()
        return self._chunks

    def _fitting(self, record_bytes: int, steps: list[Step]) -> tuple[int, int]:
        """Returns how many of the steps fit behind a record of that size, and how many bytes all that takes."""
        size = ENTRY_BYTES + record_bytes
        for count, step in enumerate(steps):
            behind = size + step_bytes(step)
            if behind > self._bytes_left or count + 2 > self._units_left:
                return count, size
            size = behind
        return len(steps), size

    def _close(self) -> None:
        data, trace_root, self._at = pack_chunk(self._at, self._entries)
        self._chunks.append(PackedChunk(data, trace_root, self._at))
        self._entries, self._bytes_left, self._units_left = [], self._chunk_bytes, self._chunk_units
