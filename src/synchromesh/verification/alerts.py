"""Tells people: in the log, in metrics, and by a webhook."""

from __future__ import annotations

import asyncio
import contextlib

import httpx
import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from synchromesh.verification.status import ALERTS_KEPT, Alert, WatchStatus

log = structlog.get_logger(__name__)

ATTEMPTS_MAX = 8
"""Times that an alert is offered to the webhook."""
RETRY_SECONDS = 1.0
"""Real seconds before the second attempt; each further pause is twice as long."""
TIMEOUT_SECONDS = 10.0
"""Real seconds that a webhook may take to answer."""
WAITING_MAX = 100
"""Alerts that wait for a webhook which does not answer; beyond, the oldest is dropped."""


class Metrics:
    """Figures for Prometheus, of one watchtower."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._batches = self._gauge("batches_verified", "Batches that were replayed and stand.")
        self._commands = self._gauge("commands_replayed", "Commands in them.")
        self._fraud = self._gauge("fraud", "1 while the chain holds a batch that is wrong.")
        self._deviations = self._gauge("deviations", "Commands in which the operator chose otherwise than the engine.")
        self._frozen = self._gauge("venue_frozen", "1 when the venue is frozen.")
        self._balance = self._gauge("balance_ether", "What the challenging account holds.")
        self._looked = self._gauge("last_look_timestamp_seconds", "Timestamp of the newest block, last good look.")
        self._challenges = self._counter("challenges", "Frauds that were proven.", "kind", "fraud")
        self._alerts = self._counter("alerts", "Alerts by event.", "event")
        self._answers = self._counter("openings_answered", "Demands for a leaf that were answered.")
        self._failures = self._counter("looks_failed", "Looks at which the chain did not answer.")
        self._undelivered = self._counter("webhook_dropped", "Alerts that the webhook never took.")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"watchtower_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"watchtower_{name}", text, labels, registry=self.registry)

    def looked(self, status: WatchStatus, time: int) -> None:
        """Takes over what a look found."""
        self._batches.set(status.verdict.batches)
        self._commands.set(status.verdict.commands)
        self._fraud.set(not status.verdict.ok)
        self._deviations.set(status.verdict.deviations)
        self._frozen.set(status.frozen)
        self._balance.set(status.balance / 10**18)
        self._looked.set(time)

    def failed(self) -> None:
        """Counts a look at which the chain did not answer."""
        self._failures.inc()

    def challenged(self, kind: str, fraud: str) -> None:
        """Counts a proven fraud."""
        self._challenges.labels(kind, fraud).inc()

    def answered(self, count: int) -> None:
        """Counts answers."""
        self._answers.inc(count)

    def alerted(self, event: str) -> None:
        """Counts an alert."""
        self._alerts.labels(event).inc()

    def dropped(self) -> None:
        """Counts an alert that was not delivered."""
        self._undelivered.inc()

    def serve(self, port: int) -> None:
        """Serves them at ``http://127.0.0.1:port/metrics``, from a thread of its own."""
        start_http_server(port, addr="127.0.0.1", registry=self.registry)


class Webhook:
    """Posts alerts as JSON to a URL, in the background: who does not answer never keeps the watchtower waiting.

    Args:
        url: Where to.
        metrics: Counts what is not delivered.
    """

    def __init__(self, url: str, metrics: Metrics) -> None:
        self._url, self._metrics = url, metrics
        self._waiting: asyncio.Queue[Alert] = asyncio.Queue(WAITING_MAX)
        # Taken from the queue, and not delivered yet.
        self._current: Alert | None = None
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
        self._task = asyncio.create_task(self._deliver(), name="webhook")

    def post(self, alert: Alert) -> None:
        """Queues an alert."""
        if self._waiting.full():
            self._waiting.get_nowait()
            self._metrics.dropped()
        self._waiting.put_nowait(alert)

    async def close(self) -> None:
        """Ends delivery; what was not delivered gets one attempt more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        left = [] if self._current is None else [self._current]
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        for alert in left:
            if not await self._offer(alert):
                self._metrics.dropped()
        await self._client.aclose()

    async def _deliver(self) -> None:
        while True:
            alert = self._current = await self._waiting.get()
            for attempt in range(ATTEMPTS_MAX):
                if await self._offer(alert):
                    break
                await asyncio.sleep(RETRY_SECONDS * 2**attempt)
            else:
                self._metrics.dropped()
            self._current = None

    async def _offer(self, alert: Alert) -> bool:
        try:
            headers = {"content-type": "application/json"}
            answer = await self._client.post(self._url, content=msgspec.json.encode(alert), headers=headers)
            answer.raise_for_status()
        except httpx.HTTPError as error:
            # The URL may hold a secret of its own: it is not told.
            log.warning("webhook_failed", watch_event=alert.event, error=type(error).__name__)
            return False
        return True


class Alerts:
    """Everywhere that an alert goes.

    Args:
        status: Takes the newest ones.
        metrics: Counts them.
        webhook: Gets each; None: nobody.
    """

    def __init__(self, status: WatchStatus, metrics: Metrics, webhook: Webhook | None = None) -> None:
        self._status, self._metrics, self._webhook = status, metrics, webhook
        self._raised: dict[str, object] = {}

    def tell(self, event: str, time: int, **details: str | int | bool | None) -> None:
        """Tells of something that happened."""
        alert = Alert(event=event, time=time, details=details)
        log.warning(event, **details)
        self._metrics.alerted(event)
        self._status.alerts = [*self._status.alerts, alert][-ALERTS_KEPT:]
        if self._webhook is not None:
            self._webhook.post(alert)

    def keep(self, event: str, about: object, time: int, **details: str | int | bool | None) -> None:
        """Tells of something that lasts: once, and again when it is ``about`` something else; None ends it."""
        if self._raised.get(event) != about and about is not None:
            self.tell(event, time, **details)
        self._raised[event] = about
