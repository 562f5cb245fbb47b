"""The blobs that the forge tests run through the contracts are what c-kzg commits to."""

from __future__ import annotations

from settlement import blobs


def test_the_file_is_what_the_reference_writes() -> None:
    assert blobs.VECTORS.read_text() == blobs.text()


def test_a_full_blob_has_room_for_no_further_command() -> None:
    size = len(blobs.command(0))
    capacity = blobs.ELEMENTS * blobs.ELEMENT_BYTES - 4
    assert capacity - size < blobs.FULL * size <= capacity
