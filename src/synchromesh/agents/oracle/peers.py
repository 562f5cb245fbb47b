"""How oracle nodes talk: one request and one reply per loopback connection, msgpack behind a length of four bytes.

Nobody is authenticated. A node signs what agrees with its own view whoever asks, and a signature counts because of its
key, whoever brings it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable

import msgspec

HOST = "127.0.0.1"
"""Nodes of a local venue share a machine."""
FRAME_MAX = 1 << 16
"""Longest frame; inputs of 256 expiries take 17 kB."""
TIMEOUT_SECONDS = 2.0
"""Real seconds that a node may take to answer, or a caller to ask."""

_LENGTH = struct.Struct("!I")


class PeerError(Exception):
    """A node that does not answer, or not in this language."""


class ReviewMark(msgspec.Struct, frozen=True, tag="mark"):
    """Asks for a signature over marks: encoded `MarkInputs`."""

    inputs: bytes


class ReviewSettlement(msgspec.Struct, frozen=True, tag="settlement"):
    """Asks for a signature over a settlement price in micro-USDC."""

    underlying: int
    expiry: int
    price: int


class Signed(msgspec.Struct, frozen=True, tag="signed"):
    """The node agrees: its address, and its signature over the EIP-712 digest."""

    signer: bytes
    signature: bytes


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The node does not agree: the word of the reason, and the figures behind it."""

    reason: str
    detail: str


Request = ReviewMark | ReviewSettlement
Reply = Signed | Refused

_requests = msgspec.msgpack.Decoder(Request)
_replies = msgspec.msgpack.Decoder(Reply)


async def ask(port: int, request: Request) -> Reply:
    """Returns a node's reply.

    Raises:
        PeerError: When it does not answer within ``TIMEOUT_SECONDS``, or not with a reply.
    """
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                return await _exchange(reader, writer, request)
            finally:
                await _close(writer)
    except (OSError, TimeoutError, asyncio.IncompleteReadError, msgspec.MsgspecError) as error:
        raise PeerError(f"port {port}: {error or type(error).__name__}") from error


async def serve(port: int, answer: Callable[[Request], Reply]) -> asyncio.Server:
    """Answers requests on a loopback port until the server is closed.

    Args:
        port: The port.
        answer: Makes the reply; it must not fail.
    """

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Whatever a caller does wrong, silence included, ends its own connection only.
        wrong = (OSError, TimeoutError, asyncio.IncompleteReadError, msgspec.MsgspecError, PeerError)
        try:
            with contextlib.suppress(*wrong):
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    request = _requests.decode(await _read(reader))
                    writer.write(_frame(answer(request)))
                    await writer.drain()
        finally:
            await _close(writer)

    return await asyncio.start_server(handle, HOST, port)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> Reply:
    writer.write(_frame(request))
    await writer.drain()
    reply: Reply = _replies.decode(await _read(reader))
    return reply


def _frame(message: Request | Reply) -> bytes:
    body = msgspec.msgpack.encode(message)
    assert len(body) <= FRAME_MAX, "messages are bounded"
    return _LENGTH.pack(len(body)) + body


async def _read(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > FRAME_MAX:
        raise PeerError(f"a frame of {length} bytes")
    return await reader.readexactly(length)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
