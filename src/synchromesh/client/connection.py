"""One WebSocket connection: requests matched with replies, pushes handed on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from synchromesh.client.errors import ConnectionLost, RequestRefused

FRAME_MAX = 64 << 20
"""Longest frame that is read: a whole book is long."""

Push = Callable[[str, msgspec.Raw], None]


class _Error(msgspec.Struct):
    code: int
    message: str
    data: dict[str, Any] = {}


class _Subscription(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")
    type: str = ""


class _Message(msgspec.Struct):
    id: int | str | None = None
    method: str = ""
    params: _Subscription | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: _Error | None = None


_decode = msgspec.json.Decoder(_Message).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Connection(WSListener):
    """A connection.

    Parameters
    ----------
    push
        Gets the channel and the data of every push.
    lost
        Is told when the connection ends.
    """

    def __init__(self, push: Push, lost: Callable[[], None]) -> None:
        self._push = push
        self._lost = lost
        self._transport: WSTransport | None = None
        self._waiting: dict[int, tuple[str, asyncio.Future[msgspec.Raw]]] = {}
        self._id = 0
        self._parts: list[bytes] = []
        self.open = False

    @classmethod
    async def connect(cls, url: str, push: Push, lost: Callable[[], None]) -> Connection:
        """Connect; OSError or `ConnectionLost` when that fails."""
        connection = cls(push, lost)
        try:
            await ws_connect(lambda: connection, url, max_frame_size=FRAME_MAX)
        except WSError as error:
            raise ConnectionLost(f"{url}: {error}") from error
        return connection

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self._transport = transport
        self.open = True

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection ended."""
        self.open = False
        waiting, self._waiting = self._waiting, {}
        for method, future in waiting.values():
            if not future.done():
                future.set_exception(ConnectionLost(f"{method}: the connection ended before the reply came"))
        self._lost()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came."""
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            data = frame.get_payload_as_bytes()
            if not frame.fin or self._parts:
                self._parts.append(data)
                if not frame.fin:
                    return
                data, self._parts = b"".join(self._parts), []
            self._receive(data)
        elif kind == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()

    def _receive(self, data: bytes) -> None:
        message = _decode(data)
        if message.method == "subscription" and message.params is not None:
            self._push(message.params.channel, message.params.data)
        elif message.method == "heartbeat":
            if message.params is not None and message.params.type == "test_request":
                self.post("public/test", {}).add_done_callback(asyncio.Future.exception)
        elif isinstance(message.id, int) and message.id in self._waiting:
            method, future = self._waiting.pop(message.id)
            if future.done():
                return
            if message.error is not None:
                error = message.error
                future.set_exception(RequestRefused(method, error.code, error.message, error.data))
            else:
                # A copy: the message's buffer is picows's.
                future.set_result(message.result.copy())

    def post(self, method: str, params: dict[str, Any]) -> asyncio.Future[msgspec.Raw]:
        """Send a request; its result comes with the future, or `RequestRefused`, or `ConnectionLost`."""
        future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        if not self.open or self._transport is None:
            future.set_exception(ConnectionLost(f"{method}: not connected"))
            return future
        self._id += 1
        self._waiting[self._id] = (method, future)
        request = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": params}
        self._transport.send(WSMsgType.TEXT, _encode(request))
        return future

    async def close(self) -> None:
        """End the connection."""
        if self._transport is not None and self.open:
            self._transport.send_close(WSCloseCode.OK)
            self._transport.disconnect()
            await self._transport.wait_disconnected()
