"""A slow, plain reading of chunks as docs/protocol/batches.md has them. Shares nothing with the Rust crates."""

from __future__ import annotations

from dataclasses import dataclass, replace

from commitment.reference import ZERO, binary_root, keccak, number

INBOX_ITEM = 1


class MalformedError(Exception):
    """Bytes that are no chunk, or none that may stand where reading does."""


@dataclass(frozen=True)
class Reading:
    """Where reading stands, in the order of the contract's struct."""

    root: bytes
    chain_hash: bytes
    command: bytes
    inbox_hash: bytes
    sequence: int
    inbox_cursor: int
    last_time: int
    step: int


Step = tuple[int, bool, bytes, bytes]
"""Kind, whether it is the last of its command, subject, root after."""
Entry = tuple[bytes | None, list[Step], bool]
"""Record, steps, whether the command goes on."""


def trace_leaf(index: int, command: bytes, step: Step) -> bytes:
    """Leaf of a step in the trace."""
    kind, last, subject, root = step
    return keccak(number(index, 32) + command + bytes([kind, last]) + subject + root)


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        if len(self.rest) < count:
            raise MalformedError
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def number(self, bits: int) -> int:
        return int.from_bytes(self.take(bits // 8), "big")


def read(start: Reading, data: bytes) -> tuple[list[Entry], bytes, Reading]:
    """Entries, trace root, and where reading stands behind the chunk."""
    source, at = _Bytes(data), start
    entries: list[Entry] = []
    leaves: list[bytes] = []
    while not entries or source.rest:
        if entries and entries[-1][2]:
            raise MalformedError
        record = source.take(source.number(16)) or None
        if (record is None) == (at.command == ZERO):
            raise MalformedError
        if record is not None:
            at = _behind(at, record)
        counted = source.number(16)
        count, goes_on = counted % 2**15, counted >= 2**15
        if count == 0:
            raise MalformedError
        steps: list[Step] = []
        for left in reversed(range(count)):
            kind = source.number(8)
            subject = source.take(32) if kind >= 128 else ZERO
            step = (kind % 128, left == 0 and not goes_on, subject, source.take(32))
            leaves.append(trace_leaf(at.step, at.command, step))
            at = replace(at, root=step[3], step=at.step + 1)
            steps.append(step)
        if not goes_on:
            at = replace(at, command=ZERO)
        entries.append((record, steps, goes_on))
    return entries, binary_root(leaves), at


def _behind(at: Reading, record: bytes) -> Reading:
    """Behind a record, with its command open."""
    if len(record) < 9:
        raise MalformedError
    if record[0] == INBOX_ITEM:
        if record[9:17] != number(at.inbox_cursor, 64):
            raise MalformedError
        at = replace(at, inbox_hash=keccak(at.inbox_hash + record[9:]), inbox_cursor=at.inbox_cursor + 1)
    command = keccak(record)
    time = int.from_bytes(record[1:9], "big")
    chain = keccak(at.chain_hash + command)
    return replace(at, chain_hash=chain, command=command, sequence=at.sequence + 1, last_time=time)
