"""The gateway's core: requests in, commands to the host, replies once they are durable, market data out."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import msgspec
import structlog

from synchromesh._native import Host, HostError, OrderInfo, Outcome, Update
from synchromesh.clock import VenueClock
from synchromesh.config import VenueConfig
from synchromesh.execution import requests
from synchromesh.execution.auth import Authenticator
from synchromesh.execution.catalog import Catalog
from synchromesh.execution.dispatch import METHODS, Applied, Method, Submission
from synchromesh.execution.encoding import encode_place_order
from synchromesh.execution.errors import ApiError, ErrorCode, refusal
from synchromesh.execution.hub import Hub
from synchromesh.execution.metrics import Metrics
from synchromesh.execution.present import Presenter, hexed
from synchromesh.execution.session import Session
from synchromesh.execution.tape import Tape
from synchromesh.protocol import (
    CancelAll,
    CodecError,
    Command,
    Event,
    PlaceOrder,
    SigningError,
    TypedDomain,
    decode_event,
)

log = structlog.get_logger()

Reply = Callable[[bytes], None]
Completion = Callable[[Outcome, list[Event]], None]


def encode_command(command: Command) -> bytes:
    """``kind ‖ body``; `ApiError` when a field is out of its bounds."""
    try:
        if isinstance(command, PlaceOrder):
            return encode_place_order(command)
        return bytes([command.KIND]) + command.encode()
    except CodecError as error:
        raise ApiError(ErrorCode.INVALID_PARAMS, "malformed", str(error)) from None


class Gateway:
    """Answers requests against a running host.

    Parameters
    ----------
    host
        The host; its genesis is durable.
    config
        The venue's configuration.
    secret
        The gateway's key, which seals tokens.
    operator_token
        What operator methods ask for.
    """

    def __init__(self, host: Host, config: VenueConfig, secret: bytes, operator_token: str) -> None:
        self.host = host
        self.config = config
        self.clock: VenueClock = config.clock
        self.catalog = Catalog(host)
        genesis = self.catalog.genesis
        self.domain = TypedDomain(genesis.chain_id, genesis.contract)
        self.auth = Authenticator(host, config.clock, secret, config.login_domain, genesis.chain_id)
        self.operator_token = operator_token
        self.tape = Tape(host)
        self.present = Presenter(host, self.catalog, self.tape)
        self.metrics = Metrics()
        self.hub = Hub(self)
        self.testnet = genesis.chain_id != 1
        self.risk_report: msgspec.Raw | None = None
        self.account_cancel_on_disconnect: set[bytes] = set()
        self.on_event: Callable[[Event], None] = lambda event: None
        self.on_held: Callable[[Iterable[int]], None] = lambda outlets: None
        self.on_order: Callable[[OrderInfo], None] = lambda order: None
        self._tag = 0
        self._remembered: dict[Hashable, tuple[float, msgspec.Raw]] = {}
        self._pending: dict[int, Completion] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    # Life

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow the host on ``loop``."""
        self._loop = loop
        loop.add_reader(self.host.fileno(), self.drain)
        self.hub.start(loop)

    def stop(self) -> None:
        """Stop following the host."""
        assert self._loop is not None, "stop follows start"
        self.hub.stop()
        self._loop.remove_reader(self.host.fileno())

    # Requests

    def receive(self, data: bytes, session: Session, reply: Reply) -> None:
        """Answer one request given as JSON text."""
        received = requests.micros()
        document: Any = None
        try:
            if len(data) > self.config.limits.message_bytes:
                detail = f"a request has at most {self.config.limits.message_bytes} bytes, this one {len(data)}"
                raise ApiError(ErrorCode.INVALID_REQUEST, "message_too_large", detail)
            document = requests.decode_json(data, self.config.limits.depth)
            request = requests.parse_request(document)
        except ApiError as error:
            self.metrics.refused(error)
            reply(requests.refused(requests.request_id(document), error, received, self.testnet))
            return
        self.call(request, session, reply, received)

    def call(
        self,
        request: requests.Request,
        session: Session,
        reply: Reply,
        received: int,
        on_error: Callable[[ApiError], None] | None = None,
    ) -> None:
        """Answer one request; ``on_error`` hears of an error before the reply goes out."""
        identity = request.id

        def succeed(result: Any) -> None:
            reply(requests.reply(identity, result, received, self.testnet))
            self.metrics.served(request.method, requests.micros() - received)

        def fail(error: ApiError) -> None:
            self.metrics.refused(error)
            if on_error:
                on_error(error)
            reply(requests.refused(identity, error, received, self.testnet))

        try:
            method = METHODS.get(request.method)
            if method is None:
                detail = f"there is no method {request.method[:80]!r}"
                raise ApiError(ErrorCode.METHOD_NOT_FOUND, "method_not_found", detail)
            session.lanes.take(method.cancel)
            result = self._handle(method, session, request.params)
            if isinstance(result, Submission):
                self._submit_all(result, session, succeed, fail)
            else:
                succeed(result)
        except ApiError as error:
            fail(error)
        except Exception:
            log.exception("request failed", method=request.method)
            fail(ApiError(ErrorCode.INTERNAL_SERVER_ERROR, "internal_server_error"))

    def _handle(self, method: Method[Any], session: Session, params: dict[str, Any]) -> Any:
        try:
            return method.handle(self, session, requests.typed(params, method.params))
        except SigningError as error:
            raise ApiError(ErrorCode.INVALID_PARAMS, "malformed", str(error)) from None

    def _submit_all(
        self, submission: Submission, session: Session, succeed: Callable[[Any], None], fail: Callable[[ApiError], None]
    ) -> None:
        applied: list[Applied] = []
        remaining = len(submission.commands)
        failed: list[Outcome] = []
        if not remaining:
            succeed(submission.present([]))
            return
        if session.in_flight + remaining > self.config.limits.in_flight:
            raise ApiError(
                ErrorCode.MATCHING_ENGINE_QUEUE_FULL, "queue_full", "too many commands of this connection wait"
            )

        def complete(outcome: Outcome, events: list[Event]) -> None:
            nonlocal remaining
            remaining -= 1
            session.in_flight -= 1
            if outcome.ok:
                applied.append(Applied(outcome, events))
            else:
                failed.append(outcome)
            if remaining:
                return
            try:
                if failed:
                    succeed(self._recovered(submission, failed[0]))
                else:
                    succeed(submission.present(applied))
            except ApiError as error:
                fail(error)
            except Exception:
                log.exception("reply failed")
                fail(ApiError(ErrorCode.INTERNAL_SERVER_ERROR, "internal_server_error"))

        for command in submission.commands:
            self.submit(command, complete)
            session.in_flight += 1

    def _recovered(self, submission: Submission, outcome: Outcome) -> Any:
        result = submission.recover(outcome) if submission.recover else None
        if result is None:
            raise refusal(outcome.code, outcome.message)
        return result

    def submit(self, command: bytes, complete: Completion) -> None:
        """Hand a command to the host; ``complete`` gets its outcome once durable. `ApiError` when the queue is full."""
        self._tag += 1
        try:
            self.host.submit(self._tag, command)
        except HostError as error:
            raise refusal("queue_full", str(error)) from None
        self._pending[self._tag] = complete

    # What became durable

    def drain(self) -> None:
        """Take what became durable: answer, then publish."""
        update = self.host.drain()
        self.catalog.drained()
        if update.held:
            self.on_held(update.held)
        events = self._follow(update)
        for outcome in update.results:
            complete = self._pending.pop(outcome.tag, None)
            if complete is not None:
                complete(outcome, events.get(outcome.sequence, []))
        self.hub.publish(update, events)
        self.metrics.sequence.set(update.sequence)

    def _follow(self, update: Update) -> dict[int, list[Event]]:
        events: dict[int, list[Event]] = {}
        for sequence, _, data in update.events:
            event = decode_event(data)
            events.setdefault(sequence, []).append(event)
            self.catalog.follow(event)
            self.on_event(event)
        for trade in update.trades:
            self.tape.add(trade)
        for order in update.orders:
            self.on_order(order)
        return events

    def remembered(self, key: Hashable, seconds: float, make: Callable[[], Any]) -> msgspec.Raw:
        """What ``make`` returned, encoded, at most so many real seconds ago."""
        now = time.monotonic()
        entry = self._remembered.get(key)
        if entry is None or entry[0] < now:
            entry = self._remembered[key] = now + seconds, msgspec.Raw(msgspec.json.encode(make()))
        return entry[1]

    def catch_up(self) -> None:
        """Lead readers of chains who were behind to the present."""
        held = self.host.catch_up()
        if held:
            self.on_held(held)

    # Connections

    def disconnected(self, session: Session) -> None:
        """A connection ended: its channels end, and its orders too when it asked for that."""
        session.open = False
        self.hub.drop(session)
        for subaccount in sorted(session.cancel_on_disconnect or ()):
            if not self.host.open_orders(subaccount):
                continue
            try:
                self.submit(encode_command(CancelAll(subaccount)), _log_cancel)
            except ApiError as error:
                log.warning("cancel on disconnect failed", subaccount=subaccount, reason=error.reason)

    def all_open_orders(self) -> Iterator[OrderInfo]:
        """Open orders of every subaccount; they are numbered from 1 without a gap."""
        for subaccount in itertools.count(1):
            if self.host.account(subaccount) is None:
                return
            yield from self.host.open_orders(subaccount)

    def acknowledgement(self, outcome: Outcome) -> dict[str, Any]:
        """Where a command stands in the journal: part of every reply to one."""
        return {"sequence": outcome.sequence, "chain_hash": hexed(outcome.chain_hash)}


def _log_cancel(outcome: Outcome, events: list[Event]) -> None:
    if not outcome.ok and outcome.code != "nothing_to_cancel":
        log.warning("cancel on disconnect refused", code=outcome.code, message=outcome.message)
