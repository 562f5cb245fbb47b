"""Records: a command as it is journaled and posted, its hash, and the command chain."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from synchromesh._native import chain_hash, keccak256
from synchromesh.protocol.commands import COMMANDS, Command
from synchromesh.protocol.wire import CodecError, Reader, codec_of

__all__ = ["MAX_RECORD_BYTES", "Record", "chain_hash", "pack", "record_hash", "unpack"]

MAX_RECORD_BYTES = 65_535
"""Longest record: a journal frame and a batch give its length two bytes."""


class Record(msgspec.Struct, frozen=True):
    """A sequenced command, ``kind u8 ‖ time u64 ‖ body``; its sequence is its place in the journal."""

    time: int
    command: Command

    def encode(self) -> bytes:
        """The record's bytes; `CodecError` when the command is not within its bounds."""
        try:
            head = bytes([self.command.KIND]) + self.time.to_bytes(8)
        except OverflowError:
            raise CodecError(f"time {self.time} does not fit 64 bits") from None
        return head + self.command.encode()

    @classmethod
    def decode(cls, data: bytes) -> "Record":
        """The record that fills ``data`` exactly; `CodecError` when there is none."""
        reader = Reader(data)
        kind = reader.bytes(1)[0]
        time = int.from_bytes(reader.bytes(8))
        if kind not in COMMANDS:
            raise CodecError(f"{kind} is not a command")
        command: Any = codec_of(COMMANDS[kind]).take(reader)
        reader.finish()
        return cls(time, command)


def record_hash(record: bytes) -> bytes:
    """Hash of one record's bytes: the command hash that the chain, receipts and steps name."""
    return keccak256(record)


def pack(records: Iterable[bytes]) -> bytes:
    """Records as frames and batches hold them: each behind its u16 length."""
    return b"".join(len(record).to_bytes(2) + record for record in records)


def unpack(data: bytes) -> Iterator[bytes]:
    """The records that `pack` put together; `CodecError` when the bytes end inside one."""
    reader = Reader(data)
    while reader.at < len(data):
        yield reader.bytes(int.from_bytes(reader.bytes(2)))
