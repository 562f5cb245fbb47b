"""Channels with whole chains: encoded natively, once for all readers, and never more than a reader can take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synchromesh.execution.channels import Channel
from synchromesh.execution.session import Session

if TYPE_CHECKING:
    from synchromesh.execution.gateway import Gateway

BACKLOG_BYTES = 65_536
"""Unsent output of a connection from which on its chains wait, and what happens meanwhile becomes one change."""


class RawChainChannel(Channel):
    """``chain.{currency}.raw``: a snapshot, then what every frame changed.

    The host's publisher writes it to the subscribers' sockets by itself. A reader who is behind skips the changes of
    single frames, and is led to the present at a later tick.
    """

    def __init__(self, gateway: Gateway, name: str, underlying: int) -> None:
        super().__init__(gateway, name, "raw")
        self._underlying = underlying

    def join(self, session: Session) -> None:
        """Add a subscriber; the host sends it the whole chain."""
        assert session.outlet is not None, "subscribers are WebSocket connections"
        self.sessions.add(session)
        self.gateway.host.join_chain(self._underlying, session.outlet)

    def leave(self, session: Session) -> None:
        """Drop a subscriber."""
        super().leave(session)
        if session.outlet is not None:
            self.gateway.host.leave_chain(self._underlying, session.outlet)


class ChainChannel(Channel):
    """``chain.{currency}.{interval}`` with an interval: a snapshot, then what changed since the last push.

    Readers that stand at the same change share its bytes.
    """

    def __init__(self, gateway: Gateway, name: str, interval: str, underlying: int) -> None:
        super().__init__(gateway, name, interval)
        self.underlying = underlying
        self._at: dict[Session, int] = {}

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the whole chain."""
        self.sessions.add(session)
        self._at[session], message = self._message(None)
        self.send([session], message)

    def leave(self, session: Session) -> None:
        """Drop a subscriber."""
        super().leave(session)
        self._at.pop(session, None)

    def flush(self) -> None:
        """Lead the readers who can take it to the present; the others wait for the next tick."""
        messages: dict[int, tuple[int, bytes]] = {}
        behind = False
        for session, at in self._at.items():
            if session.outlet is not None and session.outlet.unsent() > BACKLOG_BYTES:
                behind = True
                continue
            if at not in messages:
                messages[at] = self._message(at)
            change, message = messages[at]
            if change > at:
                self._at[session] = change
                self.send([session], message)
        if behind:
            self.gateway.hub.postpone(self)

    def _message(self, since: int | None) -> tuple[int, bytes]:
        found = self.gateway.host.chain(self.underlying, self.name, since)
        assert found is not None, "underlyings are fixed at genesis"
        return found


class GreeksChannel(Channel):
    """``greeks.{currency}.{interval}``: mark, vol and Greeks of every option, whole, with every mark."""

    def __init__(self, gateway: Gateway, name: str, interval: str, underlying: int) -> None:
        super().__init__(gateway, name, interval)
        self.underlying = underlying

    def join(self, session: Session) -> None:
        """Add a subscriber and send it the present Greeks, if there was a mark."""
        self.sessions.add(session)
        if self.gateway.catalog.underlying(self.underlying).mark_time:
            self.send([session], self._message())

    def flush(self) -> None:
        """Push the Greeks."""
        self.send(self.sessions, self._message())

    def _message(self) -> bytes:
        message = self.gateway.host.greeks(self.underlying, self.name)
        assert message is not None, "underlyings are fixed at genesis"
        return message
