"""Prometheus metrics of the gateway."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from synchromesh.execution.errors import ApiError

_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
_BOUNDS = tuple(int(bound * 1e6) for bound in _BUCKETS)


class ReplyTimes(Collector):
    """Histogram of reply times per method; counting is a list index, because every reply pays for it."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, int] = {}

    def observe(self, method: str, micros: int) -> None:
        """Count a reply that took ``micros`` µs."""
        counts = self._counts.get(method)
        if counts is None:
            counts = self._counts[method] = [0] * (len(_BOUNDS) + 1)
            self._sums[method] = 0
        counts[bisect_left(_BOUNDS, micros)] += 1
        self._sums[method] += micros

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """The histogram as Prometheus wants it."""
        help_text = "From a request's arrival to its reply."
        family = HistogramMetricFamily("gateway_reply_seconds", help_text, labels=["method"])
        for method, counts in self._counts.items():
            total = 0
            buckets = []
            for bound, count in zip([*map(str, _BUCKETS), "+Inf"], counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric([method], buckets, sum_value=self._sums[method] / 1e6)
        yield family


class Metrics:
    """Counters of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._times = ReplyTimes()
        self.registry.register(self._times)
        self._errors = Counter("gateway_errors", "Requests refused.", ["code", "reason"], registry=self.registry)
        self.sequence = Gauge("journal_sequence", "Last durable command.", registry=self.registry)
        self.connections = Gauge("gateway_connections", "Open WebSocket connections.", registry=self.registry)
        self.slow = Counter("gateway_slow_consumers", "Connections closed for unread output.", registry=self.registry)

    def served(self, method: str, micros: int) -> None:
        """Count a reply that took ``micros`` µs."""
        self._times.observe(method, micros)

    def refused(self, error: ApiError) -> None:
        """Count a refusal."""
        self._errors.labels(str(int(error.code)), error.reason).inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)
