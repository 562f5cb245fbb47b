"""The journal as Python sees it: written by one process, followed by another."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from synchromesh._native import (
    JournalDamaged,
    JournalError,
    JournalLocked,
    JournalReader,
    JournalWriter,
    inspect_journal,
    pack_records,
    unpack_records,
)

SEGMENT_BYTES = 65536
FRAME_BYTES = 16384
BLOCK_BYTES = 4096


def writer(directory: Path) -> JournalWriter:
    return JournalWriter(directory, SEGMENT_BYTES, FRAME_BYTES)


def records_of(directory: Path, sequence: int = 1) -> list[bytes]:
    return [record for frame in JournalReader(directory, sequence) for record in frame.records]


def test_records_are_packed_as_on_chain() -> None:
    payload = pack_records([b"abc", b"d"])
    assert payload == b"\x00\x03abc\x00\x01d"
    assert unpack_records(payload) == [b"abc", b"d"]
    for wrong in ([b""], [bytes(65536)]):
        with pytest.raises(ValueError, match="record 0"):
            pack_records(wrong)
    with pytest.raises(ValueError, match="ends inside record 1"):
        unpack_records(payload[:-1])


def test_a_reader_follows_over_epochs_and_segments(tmp_path: Path) -> None:
    reader = JournalReader(tmp_path)
    assert list(reader) == [], "the journal need not exist yet"
    expected: list[bytes] = []
    for epoch in (1, 2, 3):
        with writer(tmp_path) as journal:
            assert (journal.epoch, journal.next_sequence, journal.quarantined) == (epoch, len(expected) + 1, None)
            (opening,) = reader
            assert (opening.epoch, opening.first_sequence, opening.records) == (epoch, len(expected) + 1, [])
            for size in range(1, 40):
                records = [os.urandom(200) for _ in range(size)]
                number = journal.append(records) if size % 2 else journal.append_packed(pack_records(records), size)
                (frame,) = reader
                assert (frame.number, frame.epoch, frame.first_sequence) == (number, epoch, len(expected) + 1)
                assert frame.records == records
                expected += records
    assert records_of(tmp_path) == expected
    assert records_of(tmp_path, len(expected))[-1:] == expected[-1:]
    inspection = inspect_journal(tmp_path)
    assert inspection is not None
    assert (inspection["epoch"], inspection["next_sequence"], inspection["tail_bytes"]) == (3, len(expected) + 1, 0)
    assert len(inspection["segments"]) > 5
    assert sum(segment["frames"] for segment in inspection["segments"]) == inspection["last_frame"] == 3 * 40


def test_another_process_reads_what_is_acknowledged_here(tmp_path: Path) -> None:
    follow = textwrap.dedent("""
        import sys
        from synchromesh._native import JournalReader

        reader = JournalReader(sys.argv[1])
        for _ in sys.stdin:
            print([record.decode() for frame in reader for record in frame.records], flush=True)
    """)
    command = [sys.executable, "-c", follow, str(tmp_path)]
    with (
        writer(tmp_path) as journal,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as follower,
    ):
        assert follower.stdin is not None
        assert follower.stdout is not None
        for round_ in range(20):
            journal.append([f"{round_}-{index}".encode() for index in range(3)])
            print("read", file=follower.stdin, flush=True)
            assert follower.stdout.readline() == f"{[f'{round_}-{index}' for index in range(3)]}\n"
        follower.stdin.close()
    assert follower.returncode == 0


def test_there_is_one_writer(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    with pytest.raises(JournalLocked, match="another writer"):
        writer(tmp_path)
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append([b"late"])
    writer(tmp_path).close()


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="multiples of the block"):
        JournalWriter(tmp_path, SEGMENT_BYTES + 1)
    with writer(tmp_path) as journal:
        with pytest.raises(ValueError, match="2 records stated, the payload holds 1"):
            journal.append_packed(pack_records([b"a"]), 2)
        with pytest.raises(ValueError, match="at most 16296 fit"):
            journal.append([bytes(20000)])
        assert journal.next_sequence == 1


def test_damage_is_refused_with_its_place(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        for index in range(3):
            journal.append([bytes([index + 1]) * 100])
    segment = tmp_path / "00000001.segment"
    damaged = bytearray(segment.read_bytes())
    damaged[2 * BLOCK_BYTES + 100] ^= 1
    segment.write_bytes(damaged)
    place = "00000001.segment: offset 8192: frame 2 is bad"
    for use in (writer, records_of, inspect_journal):
        with pytest.raises(JournalDamaged, match=place):
            use(tmp_path)
    assert segment.read_bytes() == damaged


def test_a_torn_tail_is_moved_aside(tmp_path: Path) -> None:
    with writer(tmp_path) as journal:
        journal.append([b"acknowledged"])
    segment = tmp_path / "00000001.segment"
    with segment.open("r+b") as file:
        file.seek(3 * BLOCK_BYTES + 512)
        file.write(b"a sector of a commit that the power cut short")
    inspection = inspect_journal(tmp_path)
    assert inspection is not None
    assert inspection["tail_bytes"] == 512 + 45
    with writer(tmp_path) as journal:
        assert journal.quarantined is not None
        assert journal.quarantined.read_bytes()[512:557] == b"a sector of a commit that the power cut short"
        journal.append([b"after"])
    assert records_of(tmp_path) == [b"acknowledged", b"after"]
