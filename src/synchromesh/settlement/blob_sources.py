"""Where contents of blobs are found again: nodes keep them for weeks only, so some of it is up to whoever cares."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Protocol

import httpx
import structlog

from synchromesh.settlement.blobs import BLOB_BYTES, commitment_of, versioned_hash
from synchromesh.settlement.chain import Chain, ChainError, MethodUnknown

log = structlog.get_logger(__name__)

SLOT_SECONDS = 12
"""Seconds of a slot of the beacon chain."""
RPC_SECONDS = 20.0
"""How long a beacon node or an archive may take."""


class BlobSource(Protocol):
    """Where contents of blobs are found. Nobody has to be trusted: contents are checked against the versioned hash."""

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """Returns the contents of a blob of a block with this timestamp; None when they are not to be had here.

        Raises:
            ChainError: When nobody answers.
        """


class LocalBlobs:
    """Blobs of a local chain, which keeps all of them. Other nodes have none.

    Args:
        chain: The chain.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """See `BlobSource.fetch`."""
        try:
            found = await self._chain.request("anvil_getBlobByHash", "0x" + versioned_hash.hex())
        except MethodUnknown:
            return None
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


class BlobFolder:
    """Blobs in a folder, a file for each, which is named by its versioned hash. What it lacks is fetched and kept.

    Args:
        folder: The folder; made when there is something to keep.
        source: Where blobs are found that are not in it.
    """

    def __init__(self, folder: Path, source: BlobSource) -> None:
        self._folder = folder
        self._source = source

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """See `BlobSource.fetch`."""
        path = self._folder / _file_name(versioned_hash)
        try:
            kept = path.read_bytes()
        except FileNotFoundError:
            pass
        else:
            if _is_right(kept, versioned_hash):
                return kept
            log.warning("blob_file_damaged", path=str(path))
        content = await self._source.fetch(versioned_hash, timestamp)
        if content is not None and _is_right(content, versioned_hash):
            await asyncio.to_thread(_write, path, content)
        return content


class BlobSite:
    """Blobs from a web server that shows somebody's `BlobFolder`, and from elsewhere what it lacks.

    Args:
        url: URL of the folder.
        source: Where blobs are found that are not there.
    """

    def __init__(self, url: str, source: BlobSource) -> None:
        self._url = url.rstrip("/")
        self._source = source

    async def fetch(self, versioned_hash: bytes, timestamp: int) -> bytes | None:
        """See `BlobSource.fetch`. A server that does not answer, or has something else, hides nobody else's blobs."""
        url = f"{self._url}/{_file_name(versioned_hash)}"
        try:
            async with httpx.AsyncClient(timeout=RPC_SECONDS) as client:
                answer = await client.get(url)
            if answer.is_success and _is_right(answer.content, versioned_hash):
                return answer.content
            reason = f"status {answer.status_code}" if not answer.is_success else "something else"
        except httpx.HTTPError as error:
            reason = repr(error)
        log.info("blob_not_there", url=url, reason=reason)
        return await self._source.fetch(versioned_hash, timestamp)


def blob_source(chain: Chain, beacon: str | None, archive: str | None = None) -> BlobSource:
    """Returns where blobs are found: at a beacon node, or without one at a local chain.

    Args:
        chain: The chain.
        beacon: URL of the beacon node.
        archive: Looked into first: a folder, in which what is found elsewhere is kept, or the URL of somebody's.
    """
    source: BlobSource = LocalBlobs(chain) if beacon is None else BeaconBlobs(beacon)
    if archive is None:
        return source
    if archive.startswith(("http://", "https://")):
        return BlobSite(archive, source)
    return BlobFolder(Path(archive), source)


def _file_name(versioned_hash: bytes) -> str:
    return f"{versioned_hash.hex()}.blob"


def _is_right(content: bytes, wanted: bytes) -> bool:
    return len(content) == BLOB_BYTES and versioned_hash(commitment_of(content)) == wanted


def _write(path: Path, content: bytes) -> None:
    """Writes a file whole: readers, and the next run after a crash, see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}.aside")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
