"""The WebSocket transport: ``/ws/api/v2``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from http import HTTPStatus

from picows import (
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

from synchromesh._native import Outlet
from synchromesh.execution.gateway import Gateway
from synchromesh.execution.limits import Lanes
from synchromesh.execution.requests import heartbeat
from synchromesh.execution.session import Session

PATH = "/ws/api/v2"
"""Where the API is."""
HEARTBEAT_GRACE = 2
"""Heartbeat intervals of silence after which a connection is closed."""


class Connection(WSListener):
    """One WebSocket connection. picows reads; what is sent leaves through an `Outlet`, which others may use too."""

    def __init__(self, server: WebSocketServer) -> None:
        self._server = server
        self._gateway = server.gateway
        self._limits = server.gateway.config.limits
        self._parts: list[bytes] = []
        self._transport: WSTransport | None = None
        self._outlet: Outlet | None = None
        self._waits = False
        self._ends = False
        self.session = Session(Lanes(self._limits), self._send)

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done."""
        self._transport = transport
        self._outlet = Outlet(transport.underlying_transport.get_extra_info("socket").fileno())
        self.session.outlet = self._outlet
        self._server.connections[self._outlet.id] = self
        self._gateway.metrics.connections.set(len(self._server.connections))

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The connection is gone."""
        assert self._outlet is not None, "it was connected"
        self._server.connections.pop(self._outlet.id, None)
        self._gateway.metrics.connections.set(len(self._server.connections))
        self._gateway.disconnected(self.session)
        if self._waits:
            self._server.loop.remove_writer(self._outlet.fileno())
        self._outlet.close()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came."""
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.BINARY, WSMsgType.CONTINUATION):
            self.session.seen = time.monotonic()
            if frame.fin and not self._parts:
                self._gateway.receive(frame.get_payload_as_bytes(), self.session, self._send)
            else:
                self._assemble(frame.get_payload_as_bytes(), frame.fin)
        elif kind == WSMsgType.PING and self._outlet is not None:
            self._outlet.send_pong(frame.get_payload_as_bytes())
        elif kind == WSMsgType.CLOSE:
            code = frame.get_close_code()
            # That no code was given is a code of its own, which may not be sent.
            self._end(WSCloseCode.OK if code == WSCloseCode.NO_INFO else code, frame.get_close_message() or b"")

    def _assemble(self, part: bytes, last: bool) -> None:
        self._parts.append(part)
        if sum(map(len, self._parts)) > self._limits.frame_bytes:
            self._parts = []
            self.close(WSCloseCode.MESSAGE_TOO_BIG, "message too big")
        elif last:
            data, self._parts = b"".join(self._parts), []
            self._gateway.receive(data, self.session, self._send)

    def _send(self, data: bytes) -> None:
        if self._outlet is None or not self.session.open:
            return
        unsent = self._outlet.send(data)
        if unsent:
            self.held(unsent)

    def held(self, unsent: int) -> None:
        """The socket did not take everything: wait for it, but not for a client that reads nothing."""
        if not self._waits and self._outlet is not None:
            self._waits = True
            self._server.loop.add_writer(self._outlet.fileno(), self._flush)
        if unsent > self._limits.output_bytes and self.session.open:
            self._gateway.metrics.slow.inc()
            self.close(WSCloseCode.TRY_AGAIN_LATER, "slow consumer")

    def _flush(self) -> None:
        assert self._outlet is not None, "it waits"
        if self._outlet.flush():
            return
        self._waits = False
        self._server.loop.remove_writer(self._outlet.fileno())
        if self._ends and self._transport is not None:
            self._transport.disconnect()

    def close(self, code: WSCloseCode, reason: str) -> None:
        """End the connection, saying why."""
        if self._transport is None or not self.session.open:
            return
        self.session.open = False
        self._end(code, reason.encode())

    def _end(self, code: WSCloseCode | int, reason: bytes) -> None:
        """Send the close frame, and disconnect once it has left."""
        if self._outlet is None or self._transport is None:
            return
        self._ends = True
        unsent = self._outlet.send_close(code.value if isinstance(code, WSCloseCode) else code, reason)
        if unsent:
            self.held(unsent)
        else:
            self._transport.disconnect()

    def beat(self, now: float) -> None:
        """Ask a silent client for a sign of life; close the connection of one that gives none.

        One that was told of its end, and has not taken that by now, is cut off.
        """
        if self._ends and self._transport is not None:
            self._transport.disconnect(False)
            return
        seconds = self.session.heartbeat_seconds
        silent = now - self.session.seen
        if not seconds or silent < seconds:
            return
        if silent > seconds * HEARTBEAT_GRACE:
            self.close(WSCloseCode.GOING_AWAY, "no answer to heartbeats")
        else:
            self._send(heartbeat("test_request"))


class WebSocketServer:
    """Accepts WebSocket connections for a gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.connections: dict[int, Connection] = {}
        self.loop = asyncio.get_running_loop()
        gateway.on_held = self._held
        self._server: asyncio.Server | None = None
        self._beats: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port, which the system chooses when it is 0."""
        limits = self.gateway.config.limits
        self._server = await ws_create_server(
            self._accept,
            host,
            port,
            max_frame_size=limits.frame_bytes,
            read_buffer_init_size=16_384,
            enable_auto_pong=False,
        )
        self._beats = asyncio.create_task(self._beat())
        return int(self._server.sockets[0].getsockname()[1])

    def _accept(self, request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener:
        if request.path.split(b"?")[0] != PATH.encode():
            return _http_error(HTTPStatus.NOT_FOUND, f"the WebSocket API is at {PATH}")
        if len(self.connections) >= self.gateway.config.limits.connections:
            return _http_error(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")
        return Connection(self)

    def _held(self, outlets: Iterable[int]) -> None:
        for outlet in outlets:
            connection = self.connections.get(outlet)
            if connection is not None and connection.session.outlet is not None:
                connection.held(connection.session.outlet.unsent())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            for connection in list(self.connections.values()):
                connection.beat(now)

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._beats:
            self._beats.cancel()
        if self._server:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.close(WSCloseCode.GOING_AWAY, "the venue restarts")
        await asyncio.sleep(0)


def _http_error(status: HTTPStatus, detail: str) -> WSUpgradeResponseWithListener:
    return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, detail.encode()), None)
