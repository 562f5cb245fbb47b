"""What a replica makes of a journal is what the model makes of the commands that went into it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from model.engine import Model
from model.leaves import picture_of_model, picture_of_replica
from model.pair import Pair
from model.streams import Stream
from synchromesh._native import JournalReader, JournalWriter, Replica
from synchromesh.protocol import encode_event

COMMANDS = 5_000
SEED = 7


def record_journal(directory: Path) -> tuple[list[list[bytes]], Model]:
    """Journals the first commands that the venue accepts, in frames of all sizes; their events by the model."""
    pair, random = Pair(), Random(SEED)
    stream = Stream(random, pair.model)
    events: list[list[bytes]] = []
    frame: list[bytes] = []
    with JournalWriter(directory, segment_bytes=1 << 20, frame_bytes=1 << 17) as journal:
        while len(events) < COMMANDS:
            record = stream.next()
            if not pair.apply(record):
                continue
            frame.append(record.encode())
            events.append([encode_event(event) for event in pair.model.events])
            if random.random() < 0.01:
                journal.append(frame)
                frame = []
        if frame:
            journal.append(frame)
    return events, pair.model


@pytest.mark.slow
def test_a_replica_of_the_journal_agrees_with_the_model(tmp_path: Path) -> None:
    expected, model = record_journal(tmp_path / "journal")
    replica, restarted = Replica(), Replica()
    got = []
    for frame in JournalReader(tmp_path / "journal"):
        for record in frame.records:
            got.append(replica.apply(record))
            if len(got) == COMMANDS // 2:
                restarted.restore(replica.snapshot())
    assert got == expected
    assert picture_of_replica(replica.opening()) == picture_of_model(model)

    for frame in JournalReader(tmp_path / "journal", COMMANDS // 2 + 1):
        for sequence, record in enumerate(frame.records, frame.first_sequence):
            if sequence > restarted.sequence:
                assert restarted.apply(record) == expected[sequence - 1]
    assert restarted.state_root() == replica.state_root()
    assert restarted.chain_hash == replica.chain_hash
