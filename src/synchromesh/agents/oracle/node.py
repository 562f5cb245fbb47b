"""An oracle node: one key, one view of the market, and its word on what others propose."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from synchromesh.agents.base import connect
from synchromesh.agents.oracle.own_book import REFRESH_SECONDS, OwnBook
from synchromesh.agents.oracle.peers import Refused, Reply, Request, ReviewMark, ReviewSettlement, Signed, serve
from synchromesh.agents.oracle.record import SettlementRecord
from synchromesh.agents.oracle.sources import ReplayedSources
from synchromesh.client import Client, ClientError
from synchromesh.clock import SECOND
from synchromesh.config import ConfigError, VenueDirectory
from synchromesh.execution.marks import (
    ExpiryObservation,
    MarkBuilder,
    MarkView,
    Observation,
    OptionQuotes,
    OracleError,
    Reason,
    Refusal,
    Reviewer,
    Tolerance,
)
from synchromesh.execution.marks.quotes import AGE_MAX_SECONDS
from synchromesh.execution.marks.settlement import WINDOW_NS
from synchromesh.protocol import USD, CodecError, MarkInputs, TypedDomain, address_of, sign

log = structlog.get_logger(__name__)

TIME_SECONDS = 3.0
"""Real seconds that a proposal's time may be from this node's clock."""


class OracleNode:
    """Holds one oracle key.

    Args:
        directory: The venue directory.
        number: Which node; its key is ``oracle-NUMBER``, its port the one of that place in the configuration.
        sources: What it sees of the market.

    Raises:
        ConfigError: When the configuration has no port for it.
    """

    def __init__(self, directory: Path, number: int, sources: ReplayedSources) -> None:
        venue = VenueDirectory(directory)
        self.config = venue.read()
        if number >= len(self.config.oracle_ports):
            raise ConfigError(f"venue.json names {len(self.config.oracle_ports)} oracle ports, none for node {number}")
        self.port = self.config.oracle_ports[number]
        self.number = number
        self.client = Client(self.config.websocket_url)
        contract = bytes.fromhex(self.config.contract.removeprefix("0x"))
        self.domain = TypedDomain(self.config.chain_id, contract)
        self.underlyings = {symbol: place for place, symbol in enumerate(self.config.underlyings, start=1)}
        self._symbols = {place: symbol for symbol, place in self.underlyings.items()}
        self._secret = venue.read_key(f"oracle-{number}")
        self._sources = sources
        self._book = OwnBook(self.client)
        tolerance = Tolerance(time_ns=round(TIME_SECONDS * self.config.clock.speed * SECOND))
        self._record = SettlementRecord(directory / f"oracle-{number}.json")
        self._reviewers = {place: Reviewer(place, tolerance, self._record.prices(place)) for place in self._symbols}
        self._builders = {symbol: MarkBuilder() for symbol in self.underlyings}

    async def start(self) -> None:
        """Connects to the venue as soon as it answers, and learns its last index: what may not be jumped from."""
        await connect(self.client)
        for symbol in self.underlyings:
            self._builders[symbol] = MarkBuilder(float(await self.client.index_price(symbol)) or None)

    async def run(self) -> None:
        """Answers what other nodes ask, until cancelled."""
        await self.start()
        async with await serve(self.port, self.review) as server, asyncio.TaskGroup() as group:
            group.create_task(self.follow_book())
            await server.serve_forever()

    async def follow_book(self) -> None:
        """Keeps the own book's quotes fresh. Where venue time runs so fast that they never are, it has none."""
        if REFRESH_SECONDS * self.config.clock.speed > AGE_MAX_SECONDS:
            return
        while True:
            try:
                await self._book.refresh()
            except ClientError as error:
                log.warning("oracle_book", node=self.number, error=str(error))
            await asyncio.sleep(REFRESH_SECONDS)

    def now(self) -> int:
        """Venue time, ns."""
        return self.config.clock.now_ns()

    def view(self, symbol: str, time: int, expiries: list[int]) -> MarkView:
        """Returns what this node says of an underlying at ``time``.

        Raises:
            OracleError: When it cannot say.
        """
        for expiry in expiries:
            if expiry - time < WINDOW_NS:
                self._sample(symbol, expiry, time)
        replayed, own = self._sources.options(symbol, time), self._book.options(symbol, time)
        perpetual = [self._sources.perpetual(symbol, time), self._book.perpetual(symbol, time)]
        seen = Observation(
            time=time,
            sources=self._sources.index(symbol, time),
            perpetual=[quote for quote in perpetual if quote is not None],
            expiries=[
                ExpiryObservation(
                    expiry, OptionQuotes.merged([part[expiry] for part in (replayed, own) if expiry in part])
                )
                for expiry in expiries
            ],
        )
        return self._builders[symbol].view(seen)

    def settlement_price(self, symbol: str, expiry: int) -> float:
        """Returns the average index of the half hour before ``expiry``, USD.

        Raises:
            OracleError: When too little of it was observed.
        """
        self._sample(symbol, expiry, expiry)
        return self._builders[symbol].window(expiry).price()

    def _sample(self, symbol: str, expiry: int, time: int) -> None:
        builder = self._builders[symbol]
        for due in builder.window(expiry).due(time):
            builder.sample(expiry, due, self._sources.index(symbol, due))

    def signed(self, digest: bytes) -> Signed:
        """Returns this node's signature over a digest."""
        return Signed(address_of(self._secret), sign(digest, self._secret))

    def mark_digest(self, inputs: MarkInputs) -> bytes:
        """Returns what is signed for marks."""
        symbol = self._symbols[inputs.underlying]
        return self.domain.mark_update(underlying=symbol, time=inputs.time, inputs=inputs.encode())

    def settlement_digest(self, underlying: int, expiry: int, price: int) -> bytes:
        """Returns what is signed for a settlement price."""
        return self.domain.settlement_price(underlying=self._symbols[underlying], expiry=expiry, price=price)

    def review(self, request: Request) -> Reply:
        """Returns this node's signature over what is proposed, or why there is none."""
        reply = self._review_mark(request) if isinstance(request, ReviewMark) else self._review_settlement(request)
        if isinstance(reply, Refusal):
            log.warning("oracle_refuses", node=self.number, reason=reply.reason, detail=reply.detail)
            return Refused(reply.reason, reply.detail)
        return reply

    def _review_mark(self, request: ReviewMark) -> Signed | Refusal:
        try:
            inputs = MarkInputs.decode(request.inputs)
        except CodecError as error:
            return Refusal(Reason.UNDERLYING, f"these are no inputs: {error}")
        reviewer = self._reviewers.get(inputs.underlying)
        if reviewer is None:
            return Refusal(Reason.UNDERLYING, f"there is no underlying {inputs.underlying}")
        refusal = reviewer.admit(inputs, self.now())
        if refusal is not None:
            return refusal
        try:
            expiries = [each.expiry for each in inputs.expiries]
            own = self.view(self._symbols[inputs.underlying], inputs.time, expiries)
        except OracleError as error:
            return Refusal(Reason.NO_VIEW, str(error))
        return reviewer.review(inputs, own) or self.signed(self.mark_digest(inputs))

    def _review_settlement(self, request: ReviewSettlement) -> Signed | Refusal:
        symbol = self._symbols.get(request.underlying)
        if symbol is None:
            return Refusal(Reason.UNDERLYING, f"there is no underlying {request.underlying}")
        if request.expiry > self.now():
            return Refusal(Reason.TIME, f"expiry {request.expiry} lies ahead")
        try:
            own = self.settlement_price(symbol, request.expiry)
        except OracleError as error:
            return Refusal(Reason.NO_VIEW, str(error))
        refusal = self._reviewers[request.underlying].review_settlement(request.expiry, request.price, own)
        if refusal is not None:
            return refusal
        self._record.keep(request.underlying, request.expiry, request.price)
        return self.signed(self.settlement_digest(request.underlying, request.expiry, request.price))

    def settle_own(self, underlying: int, expiry: int) -> int:
        """Returns this node's settlement price in micro-USDC; from now on it signs no other for that expiry.

        Raises:
            OracleError: When too little of the window was observed.
        """
        before = self._record.prices(underlying).get(expiry)
        if before is not None:
            return before
        own = self.settlement_price(self._symbols[underlying], expiry)
        price = round(own * USD)
        refusal = self._reviewers[underlying].review_settlement(expiry, price, own)
        assert refusal is None, "a node agrees with itself"
        self._record.keep(underlying, expiry, price)
        return price
