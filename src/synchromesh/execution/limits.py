"""Credits: how many requests may come at once, and how fast after that."""

from __future__ import annotations

import time

from synchromesh.config import LimitsConfig
from synchromesh.execution.errors import ApiError, ErrorCode


class Credits:
    """A bucket that starts full and refills steadily.

    Parameters
    ----------
    burst
        Credits that a full bucket holds.
    rate
        Credits per second.
    """

    __slots__ = ("burst", "rate", "stock", "updated")

    def __init__(self, burst: int, rate: float) -> None:
        self.burst = burst
        self.rate = rate
        self.stock = float(burst)
        self.updated = time.monotonic()

    def remaining(self) -> float:
        """Credits now."""
        now = time.monotonic()
        self.stock = min(float(self.burst), self.stock + (now - self.updated) * self.rate)
        self.updated = now
        return self.stock

    def take(self, lane: str) -> None:
        """Spend one credit; `ApiError` 10028 with the time to wait when there is none."""
        if self.stock < 1 or time.monotonic() - self.updated > 1:
            self.remaining()
        if self.stock < 1:
            wait = (1 - self.stock) / self.rate
            raise ApiError(
                ErrorCode.TOO_MANY_REQUESTS,
                "too_many_requests",
                f"no credit left for {lane}",
                lane=lane,
                retry_after_ms=int(wait * 1000) + 1,
            )
        self.stock -= 1


class Lanes:
    """The credits of one client: cancels have a lane of their own, so that quoting never keeps one from cancelling."""

    __slots__ = ("cancels", "requests")

    def __init__(self, limits: LimitsConfig) -> None:
        self.requests = Credits(limits.burst, limits.rate)
        self.cancels = Credits(limits.cancel_burst, limits.cancel_rate)

    def take(self, cancel: bool) -> None:
        """Spend a credit of a request's lane; `ApiError` 10028 when it is empty."""
        if cancel:
            self.cancels.take("cancels")
        else:
            self.requests.take("requests")
