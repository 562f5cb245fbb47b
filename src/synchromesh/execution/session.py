"""One client of the gateway: a WebSocket connection, or a single HTTP request."""

from __future__ import annotations

import time
from collections.abc import Callable

from synchromesh._native import Outlet
from synchromesh.execution.auth import Principal
from synchromesh.execution.errors import ApiError, ErrorCode
from synchromesh.execution.limits import Lanes


class Session:
    """What the gateway knows of a client.

    Parameters
    ----------
    lanes
        Its credits.
    send
        Sends bytes to it; None for an HTTP request, which has only its reply.
    """

    __slots__ = (
        "cancel_on_disconnect",
        "heartbeat_seconds",
        "in_flight",
        "lanes",
        "open",
        "outlet",
        "principal",
        "seen",
        "send",
        "subscriptions",
    )

    def __init__(self, lanes: Lanes, send: Callable[[bytes], None] | None = None) -> None:
        self.lanes = lanes
        self.send = send
        # Where pushes can go past the event loop; None for an HTTP request.
        self.outlet: Outlet | None = None
        self.open = True
        self.principal: Principal | None = None
        self.subscriptions: set[str] = set()
        # Subaccounts whose orders end with the connection; None when they stay.
        self.cancel_on_disconnect: frozenset[int] | None = None
        self.heartbeat_seconds = 0
        self.in_flight = 0
        self.seen = time.monotonic()

    def require(self) -> Principal:
        """Whom the session acts for; `ApiError` 13009 when nobody logged in."""
        if self.principal is None:
            raise ApiError(ErrorCode.UNAUTHORIZED, "login_required", "this method needs a login (public/auth)")
        return self.principal

    def require_websocket(self) -> Callable[[bytes], None]:
        """The sender of a WebSocket session; `ApiError` 10030 for an HTTP request."""
        if self.send is None:
            raise ApiError(
                ErrorCode.MUST_BE_WEBSOCKET_REQUEST, "must_be_websocket_request", "use a WebSocket connection"
            )
        return self.send
