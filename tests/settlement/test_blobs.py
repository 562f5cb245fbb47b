"""The blobs that the forge tests run through the contracts are what c-kzg commits to."""

from __future__ import annotations

from settlement import blobs
from synchromesh._native import MAX_CHUNK_BYTES, MAX_CHUNK_UNITS


def test_the_file_is_what_the_reference_writes() -> None:
    assert blobs.VECTORS.read_text() == blobs.text()


def test_a_full_blob_has_room_for_no_further_command() -> None:
    size = len(blobs.command(0))
    capacity = blobs.USED * blobs.ELEMENT_BYTES - 4
    assert capacity == MAX_CHUNK_BYTES
    assert capacity - size < blobs.FULL * size <= capacity
    # An entry and its step are a unit each.
    assert 2 * blobs.DENSE == MAX_CHUNK_UNITS
    assert len(blobs.dense_command(0)) * blobs.DENSE <= capacity
