"""EIP-4844 blobs: how they carry batch data, what commits to them, and where their contents are found again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Protocol

import ckzg
import httpx
import msgspec
import rlp

from synchromesh._native import keccak256
from synchromesh.settlement.chain import Chain, ChainError

ELEMENTS = 4096
"""Elements of a blob, 32 bytes each."""
ELEMENT_BYTES = 31
"""Bytes of data that an element carries behind a zero byte."""
LENGTH_BYTES = 4
"""Bytes of the length before the data."""
BLOBS_MAX = 6
"""Most blobs of one transaction that every node relays."""
SLOT_SECONDS = 12
"""Seconds of a slot of the beacon chain."""
RPC_SECONDS = 20.0
"""How long a beacon node may take."""
_WRAPPER_VERSION = b"\x01"
_BLOB_BYTES = 32 * ELEMENTS
_MODULUS = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Order of the scalar field of BLS12-381."""


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


def elements_of(data: bytes) -> bytes:
    """Returns the elements that carry data: ``length u32 ‖ data``, 31 bytes to each, behind a zero byte."""
    stream = len(data).to_bytes(LENGTH_BYTES, "big") + data
    stream += bytes(-len(stream) % ELEMENT_BYTES)
    return b"".join(b"\x00" + stream[at : at + ELEMENT_BYTES] for at in range(0, len(stream), ELEMENT_BYTES))


def data_of(content: bytes) -> bytes | None:
    """Returns the data in a blob; None when it carries none in this form."""
    elements = [content[at : at + 32] for at in range(0, len(content), 32)]
    if any(element[0] for element in elements):
        return None
    stream = b"".join(element[1:] for element in elements)
    length = int.from_bytes(stream[:LENGTH_BYTES], "big")
    data = stream[LENGTH_BYTES : LENGTH_BYTES + length]
    return data if len(data) == length else None


def blob_of(data: bytes) -> Blob:
    """Returns the blob that carries data."""
    elements = elements_of(data)
    content = elements + bytes(_BLOB_BYTES - len(elements))
    return Blob(content, versioned_hash(commitment_of(content)))


def commitment_of(content: bytes) -> bytes:
    """Returns the KZG commitment of a blob."""
    return bytes(ckzg.blob_to_kzg_commitment(content, trusted_setup()))


def versioned_hash(commitment: bytes) -> bytes:
    """Returns what the chain knows a commitment by."""
    return b"\x01" + hashlib.sha256(commitment).digest()[1:]


def prove_contents(content: bytes) -> Contents:
    """Returns what shows the chain the contents of a blob, without the zeros behind its data."""
    stated = LENGTH_BYTES + int.from_bytes(content[1 : 1 + LENGTH_BYTES], "big")
    shown = max(-(-len(content.rstrip(b"\x00")) // 32), -(-stated // ELEMENT_BYTES))
    elements = content[: 32 * shown]
    commitment = commitment_of(content)
    point = int.from_bytes(keccak256(versioned_hash(commitment) + keccak256(elements)), "big") % _MODULUS
    proof, _ = ckzg.compute_kzg_proof(content, point.to_bytes(32, "big"), trusted_setup())
    return Contents(elements, commitment, bytes(proof))


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


class BlobSource(Protocol):
    """Where contents of blobs are found. Nobody has to be trusted: contents are checked against the versioned hash."""

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """Returns the contents of a blob of a block with this timestamp; None when nobody has them any more.

        Raises:
            ChainError: When nobody answers.
        """


class LocalBlobs:
    """Blobs of a local chain, which keeps all of them.

    Args:
        chain: The chain.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """See `BlobSource.fetch`; a node that is no local chain is a `ChainError`."""
        found = await self._chain.request("anvil_getBlobByHash", "0x" + versioned_hash.hex())
        return None if found is None else bytes.fromhex(str(found).removeprefix("0x"))


class BeaconBlobs:
    """Blobs by the API of beacon nodes, which keep them for some weeks, or of an archive that speaks it.

    Args:
        url: Base URL.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._genesis: int | None = None

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """See `BlobSource.fetch`."""
        async with httpx.AsyncClient(base_url=self._url, timeout=RPC_SECONDS) as client:
            if self._genesis is None:
                found = await self._get(client, "/eth/v1/beacon/genesis")
                if found is None:
                    raise ChainError(f"{self._url} is no beacon node")
                self._genesis = int(found["genesis_time"])
            slot = (timestamp - self._genesis) // SLOT_SECONDS
            wanted = "0x" + versioned_hash.hex()
            blobs = await self._get(client, f"/eth/v1/beacon/blobs/{slot}?versioned_hashes={wanted}")
        return bytes.fromhex(blobs[0].removeprefix("0x")) if blobs else None

    async def _get(self, client: httpx.AsyncClient, path: str) -> Any:
        """Returns the data of an answer, None when the node does not have them."""
        try:
            answer = await client.get(path)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            return answer.raise_for_status().json()["data"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ChainError(f"{self._url}{path}: {error!r}") from error


def blob_source(chain: Chain, beacon: str | None) -> BlobSource:
    """Returns where blobs are found: at a beacon node, or without one at a local chain."""
    return LocalBlobs(chain) if beacon is None else BeaconBlobs(beacon)
