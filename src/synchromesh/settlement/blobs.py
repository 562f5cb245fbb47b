"""EIP-4844 blobs: how they carry batch data, and what commits to them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources

import ckzg
import msgspec
import rlp

from synchromesh._native import MAX_CHUNK_BYTES, keccak256

ELEMENTS = 4096
"""Elements of a blob, 32 bytes each."""
ELEMENT_BYTES = 31
"""Bytes of data that an element carries behind a zero byte."""
BLOB_BYTES = 32 * ELEMENTS
"""Bytes of a blob."""
LENGTH_BYTES = 4
"""Bytes of the length before the data."""
DATA_ELEMENTS = (LENGTH_BYTES + MAX_CHUNK_BYTES) // ELEMENT_BYTES
"""Elements that may carry something; all behind them are zero, so that a challenge with all the others fits a
transaction."""
BLOBS_MAX = 6
"""Most blobs of one transaction that every node relays."""
_WRAPPER_VERSION = b"\x01"
_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Order of the scalar field of BLS12-381."""
_ROOT = pow(7, (_MODULUS - 1) // ELEMENTS, _MODULUS)
"""A root of unity: its powers are where the polynomial takes the elements as values."""


class Blob(msgspec.Struct, frozen=True):
    """A blob.

    Attributes:
        content: Its 131,072 bytes.
        versioned_hash: What the chain knows of it.
    """

    content: bytes
    versioned_hash: bytes


class Contents(msgspec.Struct, frozen=True):
    """What shows the chain the contents of a blob; field for field the contract's ``BlobContents``.

    Attributes:
        elements: The elements, at least up to the last that is not zero.
        commitment: KZG commitment of the blob.
        proof: KZG proof of its value at the point where the contract evaluates it.
    """

    elements: bytes
    commitment: bytes
    proof: bytes

    def as_tuple(self) -> tuple[bytes, bytes, bytes]:
        """Returns the fields in ABI order."""
        return self.elements, self.commitment, self.proof


class Element(msgspec.Struct, frozen=True):
    """What shows the chain one element of a blob; field for field the contract's ``BlobElement``.

    Attributes:
        index: Which.
        value: Its 32 bytes.
        commitment: KZG commitment of the blob.
        proof: KZG proof of the value.
    """

    index: int
    value: bytes
    commitment: bytes
    proof: bytes

    def as_tuple(self) -> tuple[int, bytes, bytes, bytes]:
        """Returns the fields in ABI order."""
        return self.index, self.value, self.commitment, self.proof


def elements_of(data: bytes) -> bytes:
    """Returns the elements that carry data: ``length u32 ‖ data``, 31 bytes to each, behind a zero byte."""
    stream = len(data).to_bytes(LENGTH_BYTES, "big") + data
    stream += bytes(-len(stream) % ELEMENT_BYTES)
    return b"".join(b"\x00" + stream[at : at + ELEMENT_BYTES] for at in range(0, len(stream), ELEMENT_BYTES))


def data_of(content: bytes) -> bytes | None:
    """Returns the data in a blob; None when it carries none in this form."""
    elements = [content[at : at + 32] for at in range(0, len(content), 32)]
    if any(element[0] for element in elements) or stray_element(content) is not None:
        return None
    stream = b"".join(element[1:] for element in elements[:DATA_ELEMENTS])
    length = int.from_bytes(stream[:LENGTH_BYTES], "big")
    data = stream[LENGTH_BYTES : LENGTH_BYTES + length]
    return data if len(data) == length else None


def stray_element(content: bytes) -> int | None:
    """Returns the first element of a blob that has to be zero and is not; None when there is none."""
    behind = content[32 * DATA_ELEMENTS :].lstrip(b"\x00")
    return ELEMENTS - -(-len(behind) // 32) if behind else None


def blob_of(data: bytes) -> Blob:
    """Returns the blob that carries data; ValueError when none can."""
    if len(data) > MAX_CHUNK_BYTES:
        raise ValueError(f"no blob holds {len(data)} bytes")
    elements = elements_of(data)
    content = elements + bytes(BLOB_BYTES - len(elements))
    return Blob(content, versioned_hash(commitment_of(content)))


def commitment_of(content: bytes) -> bytes:
    """Returns the KZG commitment of a blob."""
    return bytes(ckzg.blob_to_kzg_commitment(content, trusted_setup()))


def versioned_hash(commitment: bytes) -> bytes:
    """Returns what the chain knows a commitment by."""
    return b"\x01" + hashlib.sha256(commitment).digest()[1:]


def prove_contents(content: bytes) -> Contents:
    """Returns what shows the chain the contents of a blob, without the zeros behind its data.

    A `stray_element` is not among them, and shown by itself.
    """
    stated = LENGTH_BYTES + int.from_bytes(content[1 : 1 + LENGTH_BYTES], "big")
    shown = min(max(-(-len(content.rstrip(b"\x00")) // 32), -(-stated // ELEMENT_BYTES)), DATA_ELEMENTS)
    elements = content[: 32 * shown]
    commitment = commitment_of(content)
    point = int.from_bytes(keccak256(versioned_hash(commitment) + keccak256(elements)), "big") % _MODULUS
    proof, _ = ckzg.compute_kzg_proof(content, point.to_bytes(32, "big"), trusted_setup())
    return Contents(elements, commitment, bytes(proof))


def prove_element(content: bytes, index: int) -> Element:
    """Returns what shows the chain one element of a blob, which has 4096."""
    place = int(f"{index:012b}"[::-1], 2)
    point = pow(_ROOT, place, _MODULUS).to_bytes(32, "big")
    proof, value = ckzg.compute_kzg_proof(content, point, trusted_setup())
    return Element(index, bytes(value), commitment_of(content), bytes(proof))


def with_blobs(transaction: bytes, blobs: Sequence[Blob]) -> bytes:
    """Returns a signed transaction as nodes pass it on: with blobs, commitments and proofs of cells (EIP-7594)."""
    commitments = [commitment_of(blob.content) for blob in blobs]
    proofs = [proof for blob in blobs for proof in ckzg.compute_cells_and_kzg_proofs(blob.content, trusted_setup())[1]]
    body = rlp.decode(transaction[1:])
    contents = [blob.content for blob in blobs]
    return transaction[:1] + bytes(rlp.encode([body, _WRAPPER_VERSION, contents, commitments, proofs]))


@cache
def trusted_setup() -> object:
    """Returns the setup of Ethereum's ceremony, which the library for transactions brings along; seconds to load."""
    package = "eth_account.typed_transactions.blob_transactions"
    with resources.as_file(resources.files(package).joinpath("kzg_trusted_setup.txt")) as path:
        return ckzg.load_trusted_setup(str(path), 0)
