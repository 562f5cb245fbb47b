"""States that a verifier keeps on disk, so that it does not begin at the first batch when it starts again.

What is read back is compared with the chain: header by header, and the state by its root. That the batches up to there
are right, the chain does not say: an earlier life of the verifier found that out. So the folder is as private as a key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import structlog

from synchromesh._native import CodecError, Replica
from synchromesh.settlement.batches import BatchHeader
from synchromesh.verification.findings import Finding

log = structlog.get_logger(__name__)

KEPT = 4
"""Files that are kept: of a state that the chain took back, an older one is of use."""


class Verified(NamedTuple):
    """A batch that was verified.

    Attributes:
        header: Its header.
        hash: Its hash.
        chosen: Sequences of the commands in which the operator chose otherwise than the engine.
        deviation: The first of them.
    """

    header: BatchHeader
    hash: bytes
    chosen: frozenset[int] = frozenset()
    deviation: Finding | None = None


class Saved(msgspec.Struct, frozen=True):
    """What a file holds.

    Attributes:
        verified: All batches up to there.
        snapshot: The replica behind them.
    """

    verified: list[Verified]
    snapshot: bytes

    def replica(self) -> Replica | None:
        """Returns the replica, when it stands where the last header says; None otherwise."""
        replica, last = Replica(), self.verified[-1].header
        try:
            replica.restore(self.snapshot)
        except CodecError:
            return None
        stands, at = replica.progress(), (last.new_root, last.chain_hash, last.inbox_hash, last.last_sequence)
        return replica if (stands.root, stands.chain_hash, stands.inbox_hash, stands.sequence) == at else None


class SavedStates:
    """The files of one venue in a folder.

    Args:
        folder: The folder; it is made.
        venue: Chain and contract, in a file's name.
    """

    def __init__(self, folder: Path, venue: str) -> None:
        self._folder, self._venue = folder, venue

    def save(self, verified: Sequence[Verified], replica: Replica) -> None:
        """Writes a file, and deletes what is older than the newest ones.

        Raises:
            OSError: When it cannot be written.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{self._venue}-{len(verified):08}.state"
        aside = path.with_suffix(".aside")
        aside.touch(0o600)
        aside.write_bytes(msgspec.msgpack.encode(Saved(list(verified), replica.snapshot())))
        aside.replace(path)
        for old in self._files()[KEPT:]:
            old.unlink(missing_ok=True)

    def read(self) -> Iterator[Saved]:
        """Yields what the files hold, the newest first; a damaged one is left out."""
        for path in self._files():
            try:
                saved = msgspec.msgpack.decode(path.read_bytes(), type=Saved)
            except (OSError, msgspec.DecodeError) as error:
                log.warning("saved_state_damaged", path=str(path), error=str(error))
                continue
            if saved.verified:
                yield saved

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._venue}-*.state"), reverse=True)
