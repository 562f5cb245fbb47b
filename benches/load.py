"""A client that loads the gateway: raw WebSocket connections, requests made beforehand, sent at their planned times.

One thread and one `select` loop, so that the client takes little of the processors that it shares with the venue, and
sends within some 50 µs of plan (an event loop's timers are millisecond ones). A request that falls due while the client
is busy is late, and its latency says so: it counts from the planned time.
"""

from __future__ import annotations

import base64
import gc
import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit

_REPLY = b'{"jsonrpc":"2.0","id":'
_RECEIVE = 1 << 18


@dataclass
class Outcome:
    """What came of a run: latencies in seconds by request, the wall time, and how many were refused."""

    latencies: list[float]
    seconds: float
    refused: int


class Connection:
    """One WebSocket connection; frames go out masked with zeros."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 80))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(f"{upgrade}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.socket.recv(_RECEIVE)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        self._buffer = answer.split(b"\r\n\r\n", 1)[1]

    def replies(self) -> Iterator[bytes]:
        """The replies that have come in whole."""
        data = self._buffer + self.socket.recv(_RECEIVE)
        at, end = 0, len(data)
        while end - at >= 2:
            length, head = data[at + 1], 2
            if length >= 126:
                head = 4 if length == 126 else 10
                length = int.from_bytes(data[at + 2 : at + head])
            if end - at < head + length:
                break
            yield data[at + head : at + head + length]
            at += head + length
        self._buffer = data[at:]


def frame(payload: bytes) -> bytes:
    """A client's text frame, masked with zeros."""
    length = len(payload)
    size = bytes([0x80 | length]) if length < 126 else b"\xfe" + length.to_bytes(2)
    return b"\x81" + size + bytes(4) + payload


class Load:
    """Connections to one gateway. Requests carry the ids 0, 1, … in their order."""

    def __init__(self, url: str, connections: int) -> None:
        self._connections = [Connection(url) for _ in range(connections)]
        self._by_socket = {connection.socket: connection for connection in self._connections}

    def __enter__(self) -> Load:
        gc.collect()
        gc.disable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        gc.enable()
        for connection in self._connections:
            connection.socket.close()

    def paced(self, frames: Sequence[bytes], rate: float) -> Outcome:
        """Send at a steady rate, whatever comes back; latencies count from the planned times."""
        start = time.perf_counter() + 0.01
        planned = [start + number / rate for number in range(len(frames))]
        return self._run(frames, planned, len(frames))

    def saturated(self, frames: Sequence[bytes], window: int) -> Outcome:
        """Keep ``window`` requests under way."""
        return self._run(frames, [time.perf_counter()] * len(frames), window)

    def _run(self, frames: Sequence[bytes], planned: list[float], window: int) -> Outcome:
        count, sent, refused = len(frames), 0, 0
        sockets = list(self._by_socket)
        done: dict[int, float] = {}
        begun = time.perf_counter()
        while len(done) < count:
            now = time.perf_counter()
            while sent < count and planned[sent] <= now and sent - len(done) < window:
                # Every connection is one user's: nonces and ids keep their order on it.
                sockets[sent % len(sockets)].sendall(frames[sent])
                sent += 1
            free = sent < count and sent - len(done) < window
            readable, _, _ = select.select(sockets, (), (), max(0.0, planned[sent] - now) if free else 10)
            now = time.perf_counter()
            assert readable or free, f"no reply for 10 s to {sent - len(done)} requests"
            for one in readable:
                for reply in self._by_socket[one].replies():
                    number, _, rest = reply[len(_REPLY) :].partition(b",")
                    done[int(number)] = now
                    refused += rest.startswith(b'"error"')
        latencies = [done[number] - planned[number] for number in range(count)]
        return Outcome(latencies, time.perf_counter() - begun, refused)
