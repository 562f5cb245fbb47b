"""Steps, their trace and the chunks that carry them, against the plain reference on random streams."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commitment import chunks, reference
from commitment.chunks import MalformedError, Reading
from commitment.story import ALICE, BOB, PERPETUAL, Story
from synchromesh._native import (
    CodecError,
    Entry,
    Progress,
    ReplayError,
    Replica,
    Step,
    keccak256,
    merkle_proof,
    merkle_verify,
    pack_chunk,
    read_chunk,
    trace_leaf,
)
from synchromesh.protocol import Clock, Side

Acts = list[tuple[int, int, int, int, int]]
ACTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 1), st.integers(0, 7), st.integers(-3, 3), st.integers(1, 9)),
    min_size=1,
    max_size=24,
)


def story_of(acts: Acts) -> Story:
    story = Story()
    for act in acts:
        story.attempt(*act)
    return story


def plain(step: Step) -> chunks.Step:
    return step.kind, step.last, step.subject, step.root


def reading(progress: Progress) -> Reading:
    return Reading(*progress.as_tuple())


@settings(max_examples=10, deadline=None)
@given(ACTS)
def test_the_root_after_every_step_is_that_of_the_state_there(acts: Acts) -> None:
    story, replica = story_of(acts), Replica()
    opened = Story().replica.sequence
    replica.apply_many(story.packed(story.records[:opened]), verify=False)
    for record in story.records[opened:]:
        openings = replica.step_openings(record)
        steps = replica.apply_steps(record, verify=True)
        assert [step.root for step in steps] == [reference.root_of_opening(opening) for opening in openings]
        assert [step.last for step in steps] == [False] * (len(steps) - 1) + [True]
    assert replica.opening() == story.replica.opening()


@settings(max_examples=10, deadline=None)
@given(ACTS, st.integers(1, 9), st.integers(1, 9), st.data())
def test_chunks_say_what_the_reference_reads_in_them(
    acts: Acts, commands: int, steps: int, data: st.DataObject
) -> None:
    story, replica = story_of(acts), Replica()
    at, leaves = replica.progress(), []
    for first in range(0, len(story.records), commands):
        entries = []
        for record in story.records[first : first + commands]:
            taken = replica.apply_steps(record)
            leaves += [trace_leaf(len(leaves) + i, keccak256(record), step) for i, step in enumerate(taken)]
            entries.append(Entry(record, taken))
        # The last command goes on in the next chunk when it has enough steps.
        *whole, last = entries
        parts = [[*whole, Entry(last.record, last.steps[:steps], last.steps[steps:] != [])]]
        if last.steps[steps:]:
            parts.append([Entry(None, last.steps[steps:])])
        for part in parts:
            packed, root, end = pack_chunk(at, part)
            told, trace_root, expected = chunks.read(reading(at), packed)
            assert told == [(entry.record, [plain(step) for step in entry.steps], entry.goes_on) for entry in part]
            assert (root, reading(end)) == (trace_root, expected)
            assert read_chunk(at, packed) == (part, root, end)
            path = leaves[at.step : end.step]
            place = data.draw(st.integers(0, len(path) - 1))
            assert merkle_verify(root, path[place], place, len(path), merkle_proof(path, place))
            at = end
    assert at.as_tuple()[:-1] == story.replica.progress().as_tuple()[:-1]
    assert at.step == len(leaves)


@settings(deadline=None)
@given(st.data())
def test_whatever_the_bytes_are_both_read_the_same(data: st.DataObject) -> None:
    item = bytes([1]) + bytes(8) + (7).to_bytes(8, "big") + b"item"
    steps = [Step(kind, last, bytes([kind]) * 32, bytes([9]) * 32) for kind, last in ((14, False), (0, True))]
    start = Progress(bytes(32), bytes(32), bytes(32), bytes(32), 40, 7, 0, 3)
    packed, _, _ = pack_chunk(start, [Entry(item, steps), Entry(bytes(9), steps[:1], True)])
    noise = bytearray(packed)
    for _ in range(data.draw(st.integers(0, 2))):
        noise[data.draw(st.integers(0, len(noise) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(noise[: data.draw(st.sampled_from([len(noise), data.draw(st.integers(0, len(noise)))]))])
    try:
        told, root, end = chunks.read(reading(start), cut)
    except MalformedError:
        with pytest.raises(CodecError):
            read_chunk(start, cut)
        return
    entries, trace_root, progress = read_chunk(start, cut)
    assert [(entry.record, [plain(step) for step in entry.steps], entry.goes_on) for entry in entries] == told
    assert (trace_root, reading(progress)) == (root, end)


def test_a_refused_record_leaves_the_replica_where_it_was() -> None:
    story = Story()
    before = story.replica.progress()
    story.time -= 1
    late = story.encode(Clock(1))
    for apply in (story.replica.apply_steps, story.replica.step_openings, story.replica.witness_command):
        with pytest.raises(ReplayError, match="Clock"):
            apply(late)
    assert story.replica.progress() == before


def test_witnesses_are_of_the_steps_that_are_taken() -> None:
    story = Story()
    story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=3, ticks=152_000)
    story.place(BOB, 2, PERPETUAL, Side.SELL, lots=5, ticks=151_000)
    replica, fills = Replica(), 0
    for record in story.records:
        root = replica.state_root()
        witnessed = replica.witness_command(record)
        assert replica.state_root() == root
        for index, (step, before, first, witness) in enumerate(witnessed):
            assert (before, first) == (root, index == 0)
            assert replica.witness_claim(record, index, step.kind, step.subject) == witness
            root = step.root
            fills += step.kind == 20
        twin = replica.copy()
        assert replica.apply_steps(record) == [step for step, *_ in witnessed]
        assert twin.state_root() == witnessed[0][1]
    assert fills == 1
    # What is no record, and what is no kind, is judged in the state before all the same.
    assert replica.witness_claim(b"noise", 0, 99, bytes(32)) != b""
    assert replica.witness_state([1, 2], [PERPETUAL]) != replica.witness_state([1], [PERPETUAL])


def test_paths_show_members_and_absences() -> None:
    story = Story()
    story.place(ALICE, 1, PERPETUAL, Side.BUY, lots=3, ticks=152_000)
    opening = story.replica.opening()
    for part in reference.PARTS:
        missing = reference.pad(b"\x77" * 32)
        for key in [*opening[part], missing]:
            trees, found, value, bits, siblings = story.replica.prove(part, key)
            assert reference.state_root(dict(zip(reference.PARTS, trees, strict=True))) == story.replica.state_root()
            path = reference.Proof(found, reference.keccak(value), list(zip(bits, siblings, strict=True)))
            assert path.root() == trees[reference.PARTS.index(part)]
            assert opening[part][found] == value
            assert (found == key) == (key != missing)
            assert path.agrees(key)
    order, counters = story.records[-1], reference.pad(b"\3")
    before = Replica()
    before.apply_many(story.packed(story.records[:-1]))
    assert before.prove("globals", counters, order, 1) == story.replica.prove("globals", counters)
    assert before.prove("globals", counters, order) == before.prove("globals", counters)
    with pytest.raises(ValueError, match="fewer than 2 steps"):
        before.prove("globals", counters, order, 2)
    with pytest.raises(ReplayError):
        story.replica.prove("globals", counters, order, 1)
    with pytest.raises(ValueError, match="no tree of orders"):
        story.replica.prove("orders", bytes(32))  # type: ignore[arg-type]
    trees, found, value, bits, siblings = Replica().prove("instruments", bytes(32))
    assert (trees[2], value, bits, siblings) == (bytes(32), b"", [], [])
    assert found != bytes(32)
