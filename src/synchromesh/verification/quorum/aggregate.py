"""Collects what the nodes signed: enough of it makes a batch vouched for; what was wrong to sign costs a stake."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import httpx
import structlog

from synchromesh.protocol import SignatureError
from synchromesh.settlement.chain import ChainError, Reverted
from synchromesh.settlement.sender import Sender
from synchromesh.verification.quorum.accuse import Accuser
from synchromesh.verification.quorum.contracts import QuorumContracts
from synchromesh.verification.quorum.pool import Pool
from synchromesh.verification.quorum.record import EvidenceRecord
from synchromesh.verification.quorum.serve import NodeError, ask
from synchromesh.verification.quorum.vouch import SignedVouch, Vouch

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.5
"""Real seconds between rounds of questions."""
LOOK_BACK = 16
"""Batches vouched for that nodes are asked about still: a signature that comes late may speak against who signed."""


class Aggregator:
    """Asks the nodes, and tells the chain. Whoever has some ether can run one: nothing rests on its honesty.

    Args:
        contracts: Settlement and quorum.
        nodes: URLs of the nodes.
        sender: Pays for the transactions, and receives what accusations bring.
        evidence: File of the signatures that were seen.

    Raises:
        RecordError: When the file cannot be used.
    """

    def __init__(self, contracts: QuorumContracts, nodes: Sequence[str], sender: Sender, evidence: Path) -> None:
        self._contracts = contracts
        self._nodes = list(nodes)
        self._sender = sender
        self._client = httpx.AsyncClient()
        self._accuser = Accuser(contracts, sender)
        self._silent: set[str] = set()
        self._pool = Pool()
        self._vouched: tuple[int, bytes | None] = 0, None
        self._evidence = EvidenceRecord(evidence)
        for signed in self._evidence.found:
            self._pool.add(contracts.domain.signer(signed), signed)

    async def run(self) -> None:
        """Asks and tells until cancelled.

        Raises:
            OSError: When the evidence cannot be made durable.
        """
        while True:
            try:
                await self.look()
            except ChainError as error:
                log.warning("aggregator_retry", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """One round of questions, and what follows from the answers.

        Raises:
            ChainError: When the chain does not answer.
            OSError: When the evidence cannot be made durable.
        """
        count, open_from = await self._contracts.batches(), await self._contracts.first_open()
        pending = await self._first_pending(open_from, count)
        self._pool.forget_below(open_from)
        first = max(pending - LOOK_BACK, open_from)
        answers = await asyncio.gather(*(self._ask(url, first) for url in self._nodes))
        for signed in [signed for answer in answers for signed in answer]:
            if first <= signed.vouch.index < count:
                await self._hear(signed)
        await self._accuser.look(self._pool)
        for index in range(pending, count):
            await self._vouch(index)

    async def close(self) -> None:
        """Lets connections and evidence go."""
        await self._client.aclose()
        self._evidence.close()

    async def _first_pending(self, open_from: int, count: int) -> int:
        """Returns the number of the first batch that is neither final nor vouched for, and remembers it."""
        first, last = self._vouched
        if first and await self._contracts.batch_hash(first - 1) != last:
            first = 0
        first = max(first, open_from)
        while first < count:
            batch_hash = await self._contracts.batch_hash(first)
            if batch_hash is None or not await self._contracts.is_vouched_for(batch_hash):
                break
            first += 1
        self._vouched = first, await self._contracts.batch_hash(first - 1) if first else None
        return first

    async def _ask(self, url: str, first: int) -> list[SignedVouch]:
        try:
            found = await ask(self._client, url, first)
        except NodeError as error:
            if url not in self._silent:
                self._silent.add(url)
                log.warning("node_silent", error=str(error))
            return []
        self._silent.discard(url)
        return found

    async def _hear(self, signed: SignedVouch) -> None:
        """Takes a signature of a listed verifier, and keeps it."""
        if self._pool.knows(signed):
            return
        try:
            signer = self._contracts.domain.signer(signed)
        except SignatureError as error:
            log.warning("signature_discarded", error=str(error))
            return
        if not await self._contracts.is_listed(signer):
            log.warning("signature_discarded", signer="0x" + signer.hex(), error="not listed")
        elif self._pool.add(signer, signed):
            self._evidence.keep(signed)

    async def _vouch(self, index: int) -> None:
        """Tells the chain that enough verifiers signed its batch ``index``, if they did and it does not know."""
        batch_hash = await self._contracts.batch_hash(index)
        if batch_hash is None or await self._contracts.is_vouched_for(batch_hash):
            return
        threshold = await self._contracts.threshold()
        for vouch, signatures in self._pool.of_batch(batch_hash):
            signers = [each for each in sorted(signatures) if await self._contracts.is_verifier(each)]
            if len(signers) >= threshold:
                await self._submit(vouch, [signatures[each] for each in signers[:threshold]])
                return

    async def _submit(self, vouch: Vouch, signatures: list[bytes]) -> None:
        call = self._contracts.quorum.functions.vouch(vouch.as_tuple(), signatures)
        try:
            receipt = await self._sender.send(call)
        except Reverted as error:
            log.warning("vouch_refused", index=vouch.index, error=str(error))
            return
        log.info("batch_vouched_for", index=vouch.index, signatures=len(signatures), gas=int(receipt["gasUsed"]))
