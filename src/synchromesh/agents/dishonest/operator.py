"""The operator at work: reads the journal and the chain's tip, writes a wrong batch, and posts it under its key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from synchromesh._native import JournalReader, Progress, Replica
from synchromesh.agents.dishonest.draft import CannotCheatError, Draft
from synchromesh.agents.dishonest.kinds import Fraud, Scheme
from synchromesh.agents.dishonest.state import State
from synchromesh.agents.dishonest.venue import VenueTables
from synchromesh.settlement.batches import Batch, progress_from_chain
from synchromesh.settlement.chain import Chain, chain_errors
from synchromesh.settlement.contracts import VenueContracts
from synchromesh.settlement.packing import Packer
from synchromesh.settlement.posting import post_batch
from synchromesh.settlement.sender import Sender, action_of

log = structlog.get_logger(__name__)

REFUSED_CODE = 3
"""Exit code of the process when the contracts refuse the batch."""
ANSWER_SECONDS = 0.2
"""Real seconds between looks at who asks for leaves."""


class DishonestOperator:
    """Commits one wrong batch.

    Args:
        chain: The chain.
        contract: Settlement contract, hex.
        secret: The operator's key.
        accomplice: Key of the user who gains.
    """

    def __init__(self, chain: Chain, contract: str, secret: bytes, accomplice: bytes) -> None:
        self._chain = chain
        self._contract = contract
        self._sender = Sender(chain, secret)
        self._accomplice = accomplice
        self._asserted: State | None = None
        # What it wrote last: the next batch goes on from there, where the chain took it.
        self._last: Draft | None = None

    async def commit(self, schemes: Sequence[Scheme], journal: Iterable[bytes]) -> Batch:
        """Writes a batch behind the chain's last one, posts it, and returns it.

        Args:
            schemes: What to do, one after the other.
            journal: The honest records, from the first.

        Raises:
            CannotCheatError: When the journal does not hold what the fraud needs.
            Reverted: When the contracts refuse it.
            ChainError: When the chain does not answer.
        """
        contracts = await VenueContracts.find(self._chain, self._contract)
        functions = contracts.settlement.functions
        start = progress_from_chain(await self._chain.call(functions.tip()))
        index = int(await self._chain.call(functions.batches()))
        first_withdrawal = int(await self._chain.call(functions.withdrawals()))
        draft = await asyncio.to_thread(self._draft, schemes, journal, start)
        packer = Packer(start)
        for record, steps in draft.written:
            packer.add(record, steps)
        said = draft.said(packer.finish())
        batch = Batch.make(index, start, said, first_withdrawal, draft.withdrawals, draft.source)
        shown = any(isinstance(scheme, Fraud) and scheme.shows_leaves for scheme in schemes)
        self._asserted = draft.asserted if shown else None
        await post_batch(self._sender, contracts, batch)
        log.info("committed", schemes=[scheme.name for scheme in schemes], batch=index, commands=len(draft.written))
        return batch

    async def answer_openings(self) -> None:
        """Shows whoever asks the leaves under an asserted root, until cancelled: silence alone would convict."""
        state = self._asserted
        if state is None:
            return
        contracts = await VenueContracts.find(self._chain, self._contract)
        challenges, asked = contracts.challenges, 0
        while True:
            with chain_errors():
                requests = await challenges.events.OpeningRequested.get_logs(from_block=0)
            paths = [(each["args"]["id"], state.path("instruments", each["args"]["key"])) for each in requests[asked:]]
            if paths:
                await self._sender.send_each([action_of(challenges.functions.answerOpening(*path)) for path in paths])
            asked = len(requests)
            await asyncio.sleep(ANSWER_SECONDS)

    def _draft(self, schemes: Sequence[Scheme], journal: Iterable[bytes], start: Progress) -> Draft:
        draft = self._last = self._begun(journal, start)
        for scheme in schemes:
            scheme.plan(draft)
        return draft

    def _begun(self, journal: Iterable[bytes], start: Progress) -> Draft:
        """An empty batch behind the chain's last one."""
        if self._last is not None and self._last.replica.state_root() == start.root:
            return self._last.following()
        replica, tables, records = Replica(), VenueTables(), iter(journal)
        while replica.sequence < start.sequence:
            record = next(records)
            replica.apply(record)
            tables.learn(record)
        if replica.state_root() != start.root:
            raise CannotCheatError("the chain's last batch does not end in the state that the journal leads to")
        return Draft(replica, tables, records, self._accomplice)


def read_journal(path: Path) -> Iterable[bytes]:
    """Yields the durable records of a journal."""
    for frame in JournalReader(path):
        yield from frame.records
