"""Batches: a range of the journal with its roots, as committed on the chain."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from synchromesh._native import keccak256, merkle_leaf, merkle_proof, merkle_root

PROTOCOL_VERSION = 1
VERIFIER_VERSION = 0
"""0: batches are checked by replay."""


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

    def leaf(self) -> bytes:
        """Returns its leaf in the withdrawal tree."""
        item = self.number.to_bytes(8, "big") + self.asset.to_bytes(2, "big") + self.amount.to_bytes(8, "big")
        return merkle_leaf(item + self.recipient)


def withdrawal_root(withdrawals: list[QueuedWithdrawal]) -> bytes:
    """Returns the root over a batch's withdrawals, zero for none."""
    return merkle_root([withdrawal.leaf() for withdrawal in withdrawals])


class BatchHeader(msgspec.Struct, frozen=True):
    """What the operator commits to; field for field the contract's ``BatchHeader``."""

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

    @classmethod
    def from_chain(cls, header: Any) -> BatchHeader:
        """Reads a header as web3 decodes it: a mapping or tuple in ABI order."""
        values = header.values() if hasattr(header, "values") else header
        fields: list[Any] = [bytes(value) if isinstance(value, bytes) else int(value) for value in values]
        return cls(*fields)


class Batch(msgspec.Struct, frozen=True):
    """A header with its data and the withdrawals that it lets out."""

    header: BatchHeader
    data: bytes
    withdrawals: list[QueuedWithdrawal]

    def __post_init__(self) -> None:
        assert self.header.data_hash == keccak256(self.data), "a batch's data hash to its header's data hash"
        assert self.header.withdrawal_root == withdrawal_root(self.withdrawals)

    def proof(self, number: int) -> tuple[int, list[bytes]]:
        """Returns position and siblings of withdrawal ``number``.

        Raises:
            KeyError: When the batch holds no such withdrawal.
        """
        for position, withdrawal in enumerate(self.withdrawals):
            if withdrawal.number == number:
                return position, merkle_proof([each.leaf() for each in self.withdrawals], position)
        raise KeyError(number)


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
            file.write(msgspec.msgpack.encode(batch))
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
        """Returns batch ``index``, or None when it was not made yet."""
        try:
            return msgspec.msgpack.decode(self._path(index).read_bytes(), type=Batch)
        except FileNotFoundError:
            return None

    def count(self) -> int:
        """Returns how many batches were made; they are numbered from 0 without a gap."""
        return sum(1 for _ in self._directory.glob("*.batch"))
