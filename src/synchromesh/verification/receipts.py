"""Holds the operator to its receipts: each names a command and a history, and the batches must hold both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from synchromesh.protocol import CodecError, Receipt, SignatureError, TypedDomain, chain_hash, record_hash


class ReceiptError(Exception):
    """A receipt that proves nothing: no encoding, or not signed by the operator."""


def read_receipts(path: Path) -> list[Receipt]:
    """Reads receipts, one hex encoding a line.

    Raises:
        ReceiptError: When the file cannot be read or a line is none.
    """
    receipts = []
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ReceiptError(f"{path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            receipts.append(Receipt.decode(bytes.fromhex(line.strip().removeprefix("0x"))))
        except (ValueError, CodecError) as error:
            raise ReceiptError(f"{path}, line {number}: {error}") from error
    return receipts


class ReceiptBook:
    """Receipts by where the journal must agree with them.

    Args:
        receipts: The receipts, several of one command included.
    """

    def __init__(self, receipts: Sequence[Receipt] = ()) -> None:
        self._receipts = tuple(receipts)
        self._commands: dict[int, list[Receipt]] = defaultdict(list)
        self._frames: dict[int, list[Receipt]] = defaultdict(list)
        for receipt in self._receipts:
            self._commands[receipt.sequence].append(receipt)
            self._frames[receipt.frame.first_sequence + receipt.frame.count - 1].append(receipt)

    def honoured(self, sequence: int) -> int:
        """Returns how many name a command up to ``sequence``: all that were checked without a dispute."""
        return len(self._receipts) - self.pending(sequence)

    def pending(self, sequence: int) -> int:
        """Returns how many name a command behind ``sequence``."""
        return sum(receipt.sequence > sequence for receipt in self._receipts)

    def authenticate(self, operators: Sequence[bytes], domain: TypedDomain) -> None:
        """Succeeds when an operator signed each of them.

        Raises:
            ReceiptError: That names the first other one.
        """
        for number, receipt in enumerate(self._receipts, start=1):
            for operator in operators:
                try:
                    receipt.verify(operator, domain)
                except SignatureError as error:
                    refusal = error
                else:
                    break
            else:
                raise ReceiptError(f"receipt {number} proves nothing: {refusal}")

    def check(self, first_sequence: int, chain: bytes, records: Sequence[bytes]) -> tuple[int, str] | None:
        """Compares a batch with the receipts that it settles; returns the first command in dispute, and why.

        Args:
            first_sequence: Sequence of the first record.
            chain: The command chain before it.
            records: The batch's records.
        """
        if not self._receipts:
            return None
        for sequence, record in enumerate(records, first_sequence):
            command = record_hash(record)
            chain = chain_hash(chain, command)
            for receipt in self._commands.get(sequence, ()):
                if receipt.command_hash != command:
                    acknowledged = f"0x{receipt.command_hash.hex()} was acknowledged"
                    return sequence, f"{acknowledged}, the batch holds 0x{command.hex()} in its place"
            for receipt in self._frames.get(sequence, ()):
                if receipt.frame.chain_hash != chain:
                    return sequence, f"frame {receipt.frame.frame} was acknowledged with another history"
        return None
