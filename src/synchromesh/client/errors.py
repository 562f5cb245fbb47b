"""What can go wrong between a client and the venue."""

from __future__ import annotations

from typing import Any


class ClientError(Exception):
    """Anything that the client raises of its own."""


class ConnectionLost(ClientError):
    """The connection ended before the reply came: whether the request had an effect is not known.

    Ask again, or send an order again with the same client order id: the venue never makes a second order of it.
    """


class RequestRefused(ClientError):
    """The venue refused a request, and nothing changed.

    Attributes
    ----------
    code
        The dialect's error code.
    reason
        A stable word.
    detail
        What happened, for people.
    data
        Everything that came with the error.
    """

    def __init__(self, method: str, code: int, message: str, data: dict[str, Any]) -> None:
        self.code = code
        self.reason: str = data.get("reason", "")
        self.detail: str = data.get("detail", "")
        self.data = data
        super().__init__(f"{method}: {message} ({code}) {self.detail or self.reason}")
