"""Blobs of batch data, with commitments and proofs by c-kzg: what the contract's reader of blobs is checked against.

``python tests/settlement/blobs.py`` writes ``tests/vectors/blobs.json``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import ckzg

from synchromesh._native import keccak256
from synchromesh.settlement.blobs import trusted_setup

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "blobs.json"
ELEMENTS = 4096
ELEMENT_BYTES = 31
MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
TIME_NS = 1_770_163_200 * 10**9
FULL = 657
"""Commands that fill a blob, as far as it may be."""
DENSE = 1_280
"""Commands of one step that are as many as a chunk may have."""
USED = 3_712
"""Elements of a blob that may carry data."""


def command(index: int) -> bytes:
    """Returns a command of 105 bytes with two steps, all of it a function of its index."""
    word = index.to_bytes(32, "big")
    record = b"\x08" + TIME_NS.to_bytes(8, "big") + b"".join(keccak256(b"record" + bytes([i]) + word) for i in range(3))
    steps = b"".join(bytes([7 + i]) + keccak256(b"root" + bytes([i]) + word) for i in range(2))
    return len(record).to_bytes(2, "big") + record + b"\x00\x02" + steps


def dense_command(index: int) -> bytes:
    """Returns an item of the inbox with one step: of what is tiny, that which takes most to read."""
    record = b"\x01" + TIME_NS.to_bytes(8, "big") + index.to_bytes(8, "big") + bytes(35)
    return len(record).to_bytes(2, "big") + record + b"\x00\x01\x07" + keccak256(index.to_bytes(32, "big"))


def elements_of(data: bytes, length: int | None = None) -> bytes:
    """Returns the elements that carry data, which say that it has ``length`` bytes."""
    stream = (len(data) if length is None else length).to_bytes(4, "big") + data
    stream += bytes(-len(stream) % ELEMENT_BYTES)
    parts = [stream[at : at + ELEMENT_BYTES] for at in range(0, len(stream), ELEMENT_BYTES)]
    return b"".join(b"\x00" + part for part in parts)


def prove(elements: bytes, index: int | None = None) -> dict[str, str]:
    """Returns versioned hash, commitment and proof at the challenge point, or of one element."""
    setup = trusted_setup()
    blob = elements + bytes(32 * ELEMENTS - len(elements))
    commitment = ckzg.blob_to_kzg_commitment(blob, setup)
    versioned_hash = b"\x01" + hashlib.sha256(commitment).digest()[1:]
    if index is None:
        point = int.from_bytes(keccak256(versioned_hash + keccak256(elements)), "big") % MODULUS
    else:
        point = pow(pow(7, (MODULUS - 1) // ELEMENTS, MODULUS), int(f"{index:012b}"[::-1], 2), MODULUS)
    proof, _ = ckzg.compute_kzg_proof(blob, point.to_bytes(32, "big"), setup)
    hexed = {"versionedHash": versioned_hash, "commitment": commitment, "proof": proof}
    return {name: "0x" + value.hex() for name, value in hexed.items()}


def elements_behind(data: bytes) -> dict[str, dict[str, str]]:
    """Returns proofs of the last element that may carry data and the first that may not; neither is zero."""
    used = elements_of(data)
    stray = used + bytes(32 * (USED - 1) - len(used)) + (1).to_bytes(32, "big") + (2).to_bytes(32, "big")
    return {"lastUsed": prove(stray, USED - 1), "stray": prove(stray, USED), "zero": prove(stray, ELEMENTS - 1)}


def vectors() -> dict[str, object]:
    """Returns all vectors: data as a number of commands, or elements where they are not what data give."""
    three = b"".join(map(command, range(3)))
    high = bytearray(elements_of(three))
    high[32] = 1
    odd = {
        "highByte": bytes(high),
        "lengthTooLarge": elements_of(three, ELEMENTS * ELEMENT_BYTES),
        "cutOff": elements_of(three[:-1]),
        "empty": bytes(32),
    }
    full = b"".join(map(command, range(FULL)))
    return {
        "three": prove(elements_of(three)),
        "full": prove(elements_of(full)),
        "dense": prove(elements_of(b"".join(map(dense_command, range(DENSE))))),
        **elements_behind(three),
        **{name: {"elements": "0x" + elements.hex(), **prove(elements)} for name, elements in odd.items()},
    }


def text() -> str:
    """Returns the vectors as the file holds them."""
    return json.dumps(vectors(), indent=2) + "\n"


if __name__ == "__main__":
    VECTORS.write_text(text())
