"""Venue time: the one clock that marks, clients and the chain move by."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec

SECOND = 1_000_000_000
"""One second in nanoseconds."""
DAY_NS = 86_400 * SECOND
"""One day in nanoseconds."""


class VenueClock(msgspec.Struct, frozen=True, kw_only=True):
    """Maps real time to venue time: ``venue_start_ns + (real − real_start_ns) × speed``.

    Attributes
    ----------
    venue_start_ns
        Venue time at ``real_start_ns``, ns since the Unix epoch.
    real_start_ns
        The real moment that venue time is anchored to, ns since the Unix epoch.
    speed
        Venue seconds per real second; above zero.
    """

    venue_start_ns: int
    real_start_ns: int
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.speed < 1e6:
            raise ValueError(f"clock speed {self.speed} is not between 0 and a million")

    @classmethod
    def real(cls) -> VenueClock:
        """The clock that shows real time."""
        return cls(venue_start_ns=0, real_start_ns=0)

    @classmethod
    def starting_at(cls, venue_start_ns: int, speed: float = 1.0) -> VenueClock:
        """A clock that shows ``venue_start_ns`` now."""
        return cls(venue_start_ns=venue_start_ns, real_start_ns=time.time_ns(), speed=speed)

    def at(self, real_ns: int) -> int:
        """Venue time, ns, at the real time ``real_ns``."""
        elapsed = real_ns - self.real_start_ns
        # Whole speeds stay exact; a float product of 19-digit nanoseconds would lose their last three digits.
        speed = int(self.speed) if self.speed == int(self.speed) else self.speed
        return self.venue_start_ns + int(elapsed * speed)

    def now_ns(self) -> int:
        """Venue time now, ns since the Unix epoch."""
        return self.at(time.time_ns())

    def real_seconds(self, venue_ns: int) -> float:
        """How many real seconds a span of ``venue_ns`` takes."""
        return venue_ns / SECOND / self.speed


def iso(venue_ns: int) -> str:
    """``venue_ns`` as RFC 3339 text in UTC with microseconds."""
    moment = datetime.fromtimestamp(venue_ns // SECOND, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{venue_ns % SECOND // 1000:06d}Z"


def parse_iso(text: str) -> int:
    """The ns since the Unix epoch that RFC 3339 ``text`` names.

    `ValueError` when it is no RFC 3339 time, or names no zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} names no zone")
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1000
