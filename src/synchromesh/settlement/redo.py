"""What a local chain did since its state was last saved: enough to do it again after a crash."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

import msgspec


class Block(msgspec.Struct, frozen=True):
    """A mined block, as what it takes to mine it again.

    Attributes:
        number: Its number.
        timestamp: Its timestamp, s.
        transactions: Its raw signed transactions, hex, in order.
    """

    number: int
    timestamp: int
    transactions: tuple[str, ...] = ()


class RedoLog:
    """An append-only file of blocks, one line of JSON each.

    Args:
        path: The file; made when it does not exist.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._file: IO[bytes] = path.open("ab")

    def append(self, block: Block) -> None:
        """Adds a block; a block with transactions is on disk when this returns."""
        self._file.write(msgspec.json.encode(block) + b"\n")
        self._file.flush()
        if block.transactions:
            os.fsync(self._file.fileno())

    def read(self) -> list[Block]:
        """Returns the blocks, up to the first line that a crash left unfinished."""
        blocks: list[Block] = []
        for line in self._path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                blocks.append(msgspec.json.decode(line, type=Block))
            except msgspec.DecodeError:
                break
        return blocks

    def clear(self) -> None:
        """Forgets every block: the saved state holds them."""
        self._file.truncate(0)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
