"""What must outlive a restart: what a verifier has signed, and what an aggregator has seen signed."""

from __future__ import annotations

import fcntl
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from synchromesh.verification.quorum.vouch import SignedVouch, Vouch, VouchError, VouchLine


class RecordError(ValueError):
    """A record that cannot be used: another process has it, or it holds what was never written."""


class VouchFile:
    """Lines of vouches in a file that only grows. Each is on disk before `append` returns.

    A process that died while it wrote leaves a line without an end. Nothing was done with that line, so it is cut off.

    Args:
        path: The file; it need not exist.

    Raises:
        RecordError: When another process has the file open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        fresh = not path.exists()
        self._file = path.open("ab+", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise RecordError(f"{path} belongs to another process") from error
        if fresh:
            _sync_folder(path.parent)
        text = self._read()
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            self._file.truncate(whole)

    def lines(self) -> Iterator[VouchLine]:
        """Yields what the file holds.

        Raises:
            RecordError: When a line is no vouch.
        """
        for number, text in enumerate(self._read().splitlines(), start=1):
            try:
                yield msgspec.json.decode(text, type=VouchLine)
            except msgspec.MsgspecError as error:
                raise RecordError(f"{self._path}, line {number}: {error}") from error

    def _read(self) -> bytes:
        self._file.seek(0)
        return self._file.read()

    def append(self, line: VouchLine) -> None:
        """Makes a line durable.

        Raises:
            OSError: When the disk does not take it; then nobody knows what the file holds, and the process must end.
        """
        text = msgspec.json.encode(line) + b"\n"
        if self._file.write(text) != len(text):
            raise OSError(f"{self._path} took a part of a line")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()


class SignedRecord:
    """The vouches that a verifier has signed: one batch for each place, across restarts.

    Two signatures for one place cost the stake, whatever the chain did meanwhile. So a vouch is on disk before its
    signature leaves, and the first one for a place stays the only one.

    Args:
        path: The file; it need not exist.

    Raises:
        RecordError: When the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = VouchFile(path)
        # By number of the batch, then by the root before it.
        self._signed: defaultdict[int, dict[bytes, Vouch]] = defaultdict(dict)
        self._end = 0
        try:
            for line in self._file.lines():
                vouch = line.vouch()
                if self._place(vouch) != vouch:
                    raise RecordError(f"{path} holds two batches for place {vouch.index}")
        except VouchError as error:
            raise RecordError(f"{path}: {error}") from error

    def admit(self, vouch: Vouch) -> bool:
        """Whether a vouch may be signed; from then on it is the only one for its place.

        Raises:
            OSError: When the disk does not take it; nothing may be signed then.
        """
        if vouch.previous_root not in self._signed[vouch.index]:
            self._file.append(VouchLine.of(vouch))
        return self._place(vouch) == vouch

    def since(self, index: int) -> Iterator[Vouch]:
        """Yields what was signed of batches from ``index`` on, ascending."""
        for number in range(max(index, 0), self._end):
            yield from self._signed.get(number, {}).values()

    def _place(self, vouch: Vouch) -> Vouch:
        """Puts a vouch in its place, unless one is there; returns the one that is."""
        self._end = max(self._end, vouch.index + 1)
        return self._signed[vouch.index].setdefault(vouch.previous_root, vouch)

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()


class EvidenceRecord:
    """Signatures that were seen, kept because two of them may speak against who signed.

    Args:
        path: The file; it need not exist.

    Raises:
        RecordError: When the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._file = VouchFile(path)
        try:
            self.found = [line.signed() for line in self._file.lines()]
        except VouchError as error:
            raise RecordError(f"{path}: {error}") from error

    def keep(self, signed: SignedVouch) -> None:
        """Makes a signature durable.

        Raises:
            OSError: When the disk does not take it.
        """
        self._file.append(VouchLine.of(signed.vouch, signed.signature))

    def close(self) -> None:
        """Lets the file go."""
        self._file.close()


def _sync_folder(folder: Path) -> None:
    """The name of a file must last as well as what is in it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
