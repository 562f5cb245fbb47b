"""The oracle node that proposes: it says what it sees, collects the others' signatures, and hands in the quorum."""

from __future__ import annotations

import asyncio

import structlog

from synchromesh.agents.oracle.listing import Listing
from synchromesh.agents.oracle.node import OracleNode
from synchromesh.agents.oracle.peers import (
    PeerError,
    Refused,
    Reply,
    Request,
    ReviewMark,
    ReviewSettlement,
    Signed,
    ask,
)
from synchromesh.client import ClientError, RequestRefused
from synchromesh.config import address_bytes
from synchromesh.execution.marks import CosignatureError, OracleError, Signatures
from synchromesh.protocol import USD, ZERO_HASH, Cosignature, Expire, MarkUpdate

log = structlog.get_logger(__name__)


class Proposer:
    """Proposes marks and settlement prices for all underlyings.

    Args:
        node: Its own key and view.
        listing: Which expiries there are; kept in step with the market by this process too.
    """

    def __init__(self, node: OracleNode, listing: Listing) -> None:
        self._node = node
        self._listing = listing
        config = node.config
        self._oracles = frozenset(address_bytes(oracle) for oracle in config.oracles)
        self._quorum = config.oracle_quorum
        self._peers = [port for number, port in enumerate(config.oracle_ports) if number != node.number]
        self._last_time = 0

    async def run(self, interval: float) -> None:
        """Proposes every ``interval`` real seconds until cancelled."""
        await self._node.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._node.follow_book())
            group.create_task(self._propose(interval))

    async def _propose(self, interval: float) -> None:
        loop = asyncio.get_running_loop()
        known = False
        while True:
            due = loop.time() + interval
            try:
                if not known:
                    await self._listing.recall()
                    known = True
                for symbol, underlying in self._node.underlyings.items():
                    await self._tick(symbol, underlying)
            except ClientError as error:
                # A listing whose reply was lost may have happened.
                log.warning("oracle_retry", error=str(error))
                known = False
            await asyncio.sleep(max(due - loop.time(), 0.0))

    async def _tick(self, symbol: str, underlying: int) -> None:
        now = self._node.now()
        for expiry in self._listing.expiries(symbol, now)[1]:
            await self._settle(symbol, underlying, expiry)
        await self._listing.update(symbol, underlying, now)
        await self._mark(symbol, underlying)

    async def _mark(self, symbol: str, underlying: int) -> None:
        now = self._node.now()
        if now <= self._last_time:
            return
        self._last_time = now
        try:
            inputs = self._node.view(symbol, now, self._listing.expiries(symbol, now)[0]).inputs(underlying)
        except OracleError as error:
            log.warning("no_mark", symbol=symbol, error=str(error))
            return
        quorum = await self._agreed(self._node.mark_digest(inputs), ReviewMark(inputs.encode()))
        if quorum is not None:
            update = MarkUpdate(inputs=inputs, cosignatures=quorum, listing_epoch=0, arrays_hash=ZERO_HASH)
            await self._submit("public/submit_mark", update)

    async def _settle(self, symbol: str, underlying: int, expiry: int) -> None:
        try:
            price = self._node.settle_own(underlying, expiry)
        except OracleError as error:
            log.warning("no_settlement_price", symbol=symbol, error=str(error))
            return
        digest = self._node.settlement_digest(underlying, expiry, price)
        quorum = await self._agreed(digest, ReviewSettlement(underlying, expiry, price))
        if quorum is None:
            return
        command = Expire(underlying=underlying, expiry=expiry, price=price, cosignatures=quorum)
        if await self._submit("public/submit_settlement_price", command):
            self._listing.settled(symbol, expiry)
            log.info("settlement_price", symbol=symbol, expiry=expiry, price=price / USD)

    async def _agreed(self, digest: bytes, request: Request) -> tuple[Cosignature, ...] | None:
        """The quorum's signatures, as soon as there are enough; None when there are not."""
        signatures = Signatures(digest, self._oracles, self._quorum)
        _count(signatures, self._node.signed(digest))
        asked = {asyncio.ensure_future(ask(port, request)) for port in self._peers}
        try:
            while asked and not signatures.complete:
                answered, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                for task in answered:
                    _hear(signatures, task)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
        if not signatures.complete:
            log.warning("no_quorum", needed=self._quorum)
            return None
        return signatures.quorum()

    async def _submit(self, method: str, command: MarkUpdate | Expire) -> bool:
        try:
            await self._node.client.request(method, body="0x" + command.encode().hex())
        except RequestRefused as refused:
            log.warning("venue_refused", method=method, error=str(refused))
            return False
        return True


def _hear(signatures: Signatures, answered: asyncio.Future[Reply]) -> None:
    """Counts one node's answer, or says why there is nothing to count."""
    try:
        reply = answered.result()
    except PeerError as error:
        log.warning("oracle_silent", error=str(error))
        return
    if isinstance(reply, Refused):
        log.warning("oracle_refused", reason=reply.reason, detail=reply.detail)
    else:
        _count(signatures, reply)


def _count(signatures: Signatures, signed: Signed) -> None:
    try:
        signatures.add(Cosignature(signed.signer, signed.signature))
    except CosignatureError as error:
        log.warning("signature_discarded", error=str(error))
