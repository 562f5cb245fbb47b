"""Batches: a range of the journal with its steps and roots, as committed on the chain."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import Any

import msgspec
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address

from synchromesh._native import Progress, batch_hash, keccak256, merkle_leaf, merkle_proof, merkle_root
from synchromesh.settlement.blobs import BLOBS_MAX, blob_of
from synchromesh.settlement.packing import PackedChunk

PROTOCOL_VERSION = 1
VERIFIER_VERSION = 1
"""1: batches have a trace, and a wrong step is proven on the chain."""
_PROGRESS = "(bytes32,bytes32,bytes32,bytes32,uint64,uint64,uint64,uint32)"
_CHUNK = f"(uint8,bytes32,bytes32,{_PROGRESS})"
_HEADER_WIDTHS = (8, 32, 32, 2, 2, 8, 8, 32, 32, 8, 32, 32, 32, 32, 8)
"""Bytes of the header's fields."""


class QueuedWithdrawal(msgspec.Struct, frozen=True):
    """Assets that left the venue's books.

    Attributes:
        number: Venue-wide number, from 0.
        asset: Asset id.
        amount: Amount in engine units.
        recipient: Who is paid, 20 bytes.
    """

    number: int
    asset: int
    amount: int
    recipient: bytes

    def as_tuple(self) -> tuple[int, int, int, str]:
        """Returns the fields in ABI order."""
        return self.number, self.asset, self.amount, to_checksum_address(self.recipient)

    def leaf(self) -> bytes:
        """Returns its leaf in the withdrawal tree."""
        item = self.number.to_bytes(8, "big") + self.asset.to_bytes(2, "big") + self.amount.to_bytes(8, "big")
        return merkle_leaf(item + self.recipient)


def withdrawal_root(withdrawals: Sequence[QueuedWithdrawal]) -> bytes:
    """Returns the root over a batch's withdrawals, zero for none."""
    return merkle_root([withdrawal.leaf() for withdrawal in withdrawals])


class BatchHeader(msgspec.Struct, frozen=True):
    """What a batch hash is of; field for field the contract's ``BatchHeader``."""

    index: int
    previous_root: bytes
    new_root: bytes
    protocol_version: int
    verifier_version: int
    first_sequence: int
    last_sequence: int
    previous_chain_hash: bytes
    chain_hash: bytes
    inbox_cursor: int
    inbox_hash: bytes
    trace_root: bytes
    withdrawal_root: bytes
    data_hash: bytes
    last_time: int

    def as_tuple(self) -> tuple[Any, ...]:
        """Returns the fields in ABI order."""
        return tuple(getattr(self, field) for field in self.__struct_fields__)

    def hash(self) -> bytes:
        """Returns the batch hash."""
        fields = zip(self.as_tuple(), _HEADER_WIDTHS, strict=True)
        return batch_hash(
            b"".join(value if isinstance(value, bytes) else value.to_bytes(width, "big") for value, width in fields)
        )

    @classmethod
    def from_chain(cls, header: Any) -> BatchHeader:
        """Reads a header as web3 decodes it: a mapping or tuple in ABI order."""
        values = header.values() if hasattr(header, "values") else header
        fields: list[Any] = [bytes(value) if isinstance(value, bytes) else int(value) for value in values]
        return cls(*fields)


class Source(IntEnum):
    """Where the bytes of a chunk are."""

    CALLDATA = 0
    BLOB = 1


class Chunk(msgspec.Struct, frozen=True):
    """What is said of a chunk; field for field the contract's ``Chunk``.

    Attributes:
        source: Where its bytes are.
        content: Their keccak, or the versioned hash of their blob.
        trace_root: Root over the trace leaves of its steps.
        end: Where reading stands behind it.
    """

    source: Source
    content: bytes
    trace_root: bytes
    end: Progress

    def as_tuple(self) -> tuple[Any, ...]:
        """Returns the fields in ABI order."""
        return int(self.source), self.content, self.trace_root, self.end.as_tuple()

    @classmethod
    def of(cls, packed: PackedChunk, source: Source) -> Chunk:
        """Returns what is true of a packed chunk."""
        in_blob = source is Source.BLOB
        content = blob_of(packed.data).versioned_hash if in_blob else keccak256(packed.data)
        return cls(source, content, packed.trace_root, packed.end)


def progress_from_chain(progress: Any) -> Progress:
    """Reads a progress as web3 decodes it: a mapping or tuple in ABI order."""
    root, chain_hash, command, inbox_hash, *numbers = progress.values() if hasattr(progress, "values") else progress
    return Progress(bytes(root), bytes(chain_hash), bytes(command), bytes(inbox_hash), *map(int, numbers))


def before_next(end: Progress) -> Progress:
    """Returns where the batch begins that follows one that ended there: steps are counted anew."""
    return Progress(*end.as_tuple()[:-1], 0)


def data_hash(start: Progress, chunks: Sequence[Chunk], first_withdrawal: int, withdrawals: int) -> bytes:
    """Returns what the header says of a batch's data."""
    words = [start.as_tuple(), [chunk.as_tuple() for chunk in chunks], first_withdrawal, withdrawals]
    return keccak256(encode([_PROGRESS, _CHUNK + "[]", "uint64", "uint64"], words))


def chunk_id(start: Progress, chunk: Chunk) -> bytes:
    """Returns what the chain knows a posted chunk by: where it stands, and what is said of it."""
    return keccak256(encode([_PROGRESS, _CHUNK], [start.as_tuple(), chunk.as_tuple()]))


class BatchOpening(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch hash stands for.

    Attributes:
        header: The header.
        start: Where the journal stood before it.
        chunks: What is said of its data.
        first_withdrawal: Number of its first withdrawal.
        withdrawals: Its withdrawals, as they are listed in its commit.
    """

    header: BatchHeader
    start: Progress
    chunks: list[Chunk]
    first_withdrawal: int
    withdrawals: list[QueuedWithdrawal]

    def opening(self) -> tuple[Any, ...]:
        """Returns the contract's ``BatchOpening`` in ABI order."""
        chunks = [chunk.as_tuple() for chunk in self.chunks]
        return self.header.as_tuple(), self.start.as_tuple(), chunks, self.first_withdrawal, len(self.withdrawals)

    def start_of(self, chunk: int) -> Progress:
        """Returns where reading stands before a chunk."""
        return self.chunks[chunk - 1].end if chunk else self.start

    def proof(self, number: int) -> tuple[int, list[bytes]]:
        """Returns position and siblings of withdrawal ``number``.

        Raises:
            KeyError: When the batch holds no such withdrawal.
        """
        for position, withdrawal in enumerate(self.withdrawals):
            if withdrawal.number == number:
                return position, merkle_proof([each.leaf() for each in self.withdrawals], position)
        raise KeyError(number)


class Batch(BatchOpening, frozen=True, kw_only=True):
    """A batch as its operator makes it. Whether what it says is true is not looked at here.

    Attributes:
        data: The bytes of its chunks.
    """

    data: list[bytes]

    @classmethod
    def make(
        cls,
        index: int,
        start: Progress,
        packed: Sequence[PackedChunk],
        first_withdrawal: int,
        withdrawals: Sequence[QueuedWithdrawal],
        source: Source = Source.CALLDATA,
    ) -> Batch:
        """Returns the batch of packed chunks; those that one transaction has no blobs for go as calldata."""
        chunks = [
            Chunk.of(each, source if number < BLOBS_MAX else Source.CALLDATA) for number, each in enumerate(packed)
        ]
        return cls.of_chunks(index, start, chunks, [each.data for each in packed], first_withdrawal, withdrawals)

    @classmethod
    def of_chunks(
        cls,
        index: int,
        start: Progress,
        chunks: list[Chunk],
        data: list[bytes],
        first_withdrawal: int,
        withdrawals: Sequence[QueuedWithdrawal],
    ) -> Batch:
        """Returns the batch of chunks of which something is said, with the header that the contract computes."""
        end = chunks[-1].end
        header = BatchHeader(
            index=index,
            previous_root=start.root,
            new_root=end.root,
            protocol_version=PROTOCOL_VERSION,
            verifier_version=VERIFIER_VERSION,
            first_sequence=start.sequence + 1,
            last_sequence=end.sequence,
            previous_chain_hash=start.chain_hash,
            chain_hash=end.chain_hash,
            inbox_cursor=end.inbox_cursor,
            inbox_hash=end.inbox_hash,
            trace_root=merkle_root([chunk.trace_root for chunk in chunks]),
            withdrawal_root=withdrawal_root(withdrawals),
            data_hash=data_hash(start, chunks, first_withdrawal, len(withdrawals)),
            last_time=end.last_time,
        )
        return cls(
            header=header,
            start=start,
            chunks=chunks,
            first_withdrawal=first_withdrawal,
            withdrawals=list(withdrawals),
            data=data,
        )


class BatchStore:
    """Batches on disk, each written whole before it is sent, so that a restart sends the same bytes again.

    Args:
        directory: Where they are kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def _path(self, index: int) -> Path:
        return self._directory / f"{index:08d}.batch"

    def save(self, batch: Batch) -> None:
        """Writes a batch; readers see all of it or nothing."""
        path = self._path(batch.header.index)
        aside = path.with_suffix(".aside")
        with aside.open("wb") as file:
            file.write(msgspec.msgpack.encode(batch, enc_hook=_encode_progress))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        # The name must last, too: a batch that is on the chain and not here could be cut another way.
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def load(self, index: int) -> Batch | None:
        """Returns batch ``index``, or None when it was not made yet, or by somebody else."""
        try:
            return msgspec.msgpack.decode(self._path(index).read_bytes(), type=Batch, dec_hook=_decode_progress)
        except FileNotFoundError:
            return None

    def indices(self) -> range:
        """Returns the numbers of the batches here: one follows the other, behind those that others made."""
        found = [int(path.stem) for path in self._directory.glob("*.batch")]
        return range(min(found), max(found) + 1) if found else range(0)


def _encode_progress(value: object) -> tuple[Any, ...]:
    if isinstance(value, Progress):
        return value.as_tuple()
    raise NotImplementedError(type(value))


def _decode_progress(kind: type, value: Any) -> Progress:
    if kind is Progress:
        return Progress(*value)
    raise NotImplementedError(kind)
