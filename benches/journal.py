"""Group commit: our journal beside SQLite on the same disk, in the same run.

Peer: SQLite in WAL mode with ``synchronous=FULL``, one transaction per group, through Python's ``sqlite3``. It is given
the better of two layouts: a row per command, or one row that holds the packed group as our frame does. Both sides are
handed the same prepared groups, called from Python, and take turns, so that they meet the same disk.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from statistics import quantiles

from benches.rows import Row, row
from synchromesh._native import JournalWriter, pack_records

RECORD_BYTES = 180
"""About the size of a signed order."""
GROUPS = (1, 256, 4096)
ROUNDS, QUICK_ROUNDS = 5, 1
ROUND_S = 0.4
PEER = "SQLite {version} WAL synchronous=FULL, one transaction per group"

Commit = Callable[[], None]


@contextmanager
def _directory() -> Iterator[Path]:
    """A directory beside this file: the system's temporary one may be in memory."""
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".journal-") as name:
        yield Path(name)


def _records(count: int) -> list[bytes]:
    generator = random.Random(count)
    return [generator.randbytes(RECORD_BYTES) for _ in range(count)]


def _ours(directory: Path, records: list[bytes]) -> Commit:
    writer = JournalWriter(directory / f"ours-{len(records)}")
    payload, count = pack_records(records), len(records)

    def commit() -> None:
        writer.append_packed(payload, count)

    return commit


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE journal (sequence INTEGER PRIMARY KEY, record BLOB NOT NULL)")
    return connection


def _sqlite_rows(directory: Path, records: list[bytes]) -> Commit:
    connection = _connect(directory / f"rows-{len(records)}.db")
    rows = [(record,) for record in records]

    def commit() -> None:
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO journal (record) VALUES (?)", rows)
        connection.execute("COMMIT")

    return commit


def _sqlite_packed(directory: Path, records: list[bytes]) -> Commit:
    connection = _connect(directory / f"packed-{len(records)}.db")
    row = (pack_records(records),)

    def commit() -> None:
        connection.execute("INSERT INTO journal (record) VALUES (?)", row)

    return commit


def _bare(directory: Path) -> Commit:
    """What the disk itself takes: 4 KiB into a file of zeros, then ``fdatasync``."""
    blocks = 16384
    descriptor = os.open(directory / "bare", os.O_RDWR | os.O_CREAT)
    os.pwrite(descriptor, bytes(blocks * 4096), 0)
    os.fsync(descriptor)
    block, offsets = os.urandom(4096), cycle(range(0, blocks * 4096, 4096))

    def commit() -> None:
        os.pwrite(descriptor, block, next(offsets))
        os.fdatasync(descriptor)

    return commit


def _take_turns(commits: dict[str, Commit], rounds: int) -> dict[str, list[float]]:
    """Seconds of every commit of each contender."""
    for commit in commits.values():
        commit()
    taken: dict[str, list[float]] = {name: [] for name in commits}
    for _ in range(rounds):
        for name, commit in commits.items():
            end = time.perf_counter() + ROUND_S
            while (start := time.perf_counter()) < end:
                commit()
                taken[name].append(time.perf_counter() - start)
    return taken


def _rates(count: int, taken: dict[str, list[float]]) -> dict[str, float]:
    return {name: count * len(seconds) / sum(seconds) for name, seconds in taken.items()}


def _percentile_us(seconds: list[float], percent: int) -> float:
    return quantiles(seconds, n=100)[percent - 1] * 1e6


def rows(quick: bool = False) -> list[Row]:
    peer = PEER.format(version=sqlite3.sqlite_version)
    result = []
    with _directory() as directory:
        for count in GROUPS:
            records = _records(count)
            contenders = {"ours": _ours(directory, records), "rows": _sqlite_rows(directory, records)}
            contenders["packed"] = _sqlite_packed(directory, records)
            if count == 1:
                contenders["bare"] = _bare(directory)
            taken = _take_turns(contenders, QUICK_ROUNDS if quick else ROUNDS)
            rates = _rates(count, taken)
            layout = max(("rows", "packed"), key=rates.__getitem__)
            name, named = f"journal group commit, {count} per frame", f"{peer} ({layout})"
            result.append(row(name, rates["ours"], "commands/s", named, rates[layout], "higher"))
            for percent in (50, 99):
                values = {who: _percentile_us(seconds, percent) for who, seconds in taken.items()}
                latency = f"{name}, p{percent}"
                result.append(row(latency, values["ours"], "µs", named, values[layout], "lower"))
                if "bare" in values:
                    bare = "bare 4 KiB pwrite + fdatasync"
                    result.append(row(f"{latency} over the disk", values["ours"], "µs", bare, values["bare"], "lower"))
    return result
