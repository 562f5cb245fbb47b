"""Commands in chunks: whatever they are, each chunk is within its bounds, and all of it is read back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.venue import START
from synchromesh._native import MAX_CHUNK_BYTES, MAX_CHUNK_UNITS, CodecError, Progress, Step, keccak256, read_chunk
from synchromesh.settlement.packing import PackedChunk, Packer

NOWHERE = Progress(bytes(32), bytes(32), bytes(32), bytes(32), 0, 0, 0, 0)
Packed = tuple[bytes, list[Step]]


def record(number: int, size: int = 100) -> bytes:
    """A record that no engine would take, and that any reader of chunks does."""
    return b"\x08" + (START + number).to_bytes(8, "big") + bytes(size)


def steps(count: int, subject: bool = False) -> list[Step]:
    """Steps of a command."""
    about, root = keccak256(b"subject") if subject else bytes(32), keccak256(b"root")
    before = Step(kind=7, last=False, subject=about, root=root)
    return [before] * (count - 1) + [Step(kind=8, last=True, subject=about, root=root)]


def packed(commands: list[Packed], **bounds: int) -> list[PackedChunk]:
    """Packs commands, and checks what is counted."""
    packer = Packer(NOWHERE, **bounds)
    for command in commands:
        packer.add(*command)
    chunks = packer.finish()
    assert sum(len(chunk.data) for chunk in chunks) == packer.bytes
    return chunks


def read(chunks: list[PackedChunk], chunk_bytes: int, chunk_units: int) -> list[Packed]:
    """Reads chunks as anybody does who finds them on the chain, and holds them to their bounds."""
    found: list[Packed] = []
    at = NOWHERE
    for chunk in chunks:
        entries, trace_root, at = read_chunk(at, chunk.data)
        assert (trace_root, at) == (chunk.trace_root, chunk.end)
        assert len(chunk.data) <= chunk_bytes
        assert sum(1 + len(entry.steps) for entry in entries) <= chunk_units
        for entry in entries:
            if entry.record is None:
                found[-1][1].extend(entry.steps)
            else:
                found.append((entry.record, list(entry.steps)))
    assert (at.command, at.sequence, at.step) == (bytes(32), len(found), sum(len(its) for _, its in found))
    return found


runs = st.lists(
    st.one_of(
        # Very many tiny commands; orders as they come; records as large as they may be; very many steps.
        st.tuples(st.integers(0, 20), st.just(1), st.booleans(), st.integers(1, 6_000)),
        st.tuples(st.integers(0, 400), st.integers(1, 40), st.booleans(), st.integers(1, 100)),
        st.tuples(st.integers(10_000, 65_526), st.integers(1, 300), st.booleans(), st.integers(1, 5)),
        st.tuples(st.integers(0, 400), st.integers(1_000, 6_000), st.booleans(), st.integers(1, 2)),
    ),
    min_size=1,
    max_size=4,
)
"""Commands of one kind after the other: bytes behind the record's head, steps, whether these have subjects, and how
many there are."""


@settings(max_examples=40, deadline=None)
@given(runs=runs)
def test_any_commands_are_packed_within_the_bounds_and_read_back(runs: list[tuple[int, int, bool, int]]) -> None:
    commands: list[Packed] = []
    for size, count, subject, times in runs:
        its = steps(count, subject)
        commands += [(record(len(commands) + number, size), its) for number in range(times)]
    assert read(packed(commands), MAX_CHUNK_BYTES, MAX_CHUNK_UNITS) == commands


def test_commands_that_do_not_fit_go_on_in_the_next_chunk() -> None:
    commands = [(record(number), steps(count, number % 2 == 0)) for number, count in enumerate((1, 2, 90, 1, 17))]
    for bounds in ({"chunk_bytes": 1_000, "chunk_units": 1_000}, {"chunk_bytes": 100_000, "chunk_units": 20}):
        chunks = packed(commands, **bounds)
        assert len(chunks) > 4
        assert read(chunks, **bounds) == commands


def test_what_no_chunk_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="no chunk of 100 bytes"):
        Packer(NOWHERE, chunk_bytes=100).add(record(0), steps(1))
    packer = Packer(NOWHERE)
    packer.add(record(0), [])
    with pytest.raises(CodecError):
        packer.finish()
