"""Who answers: anybody who replays. The operator runs one, since silence costs it the venue."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from synchromesh.config import read_key_file
from synchromesh.settlement.blob_sources import blob_source
from synchromesh.settlement.chain import REORG_BLOCKS, Chain, ChainError, Reverted
from synchromesh.settlement.exits.leaves import account_key
from synchromesh.settlement.sender import Sender
from synchromesh.verification.reconciliation.requests import Reconciliations, Request
from synchromesh.verification.verify import Verifier

log = structlog.get_logger(__name__)

ANSWERS_AT_ONCE = 32
"""Accounts that one transaction shows; the others follow with the next look."""
LOOK_SECONDS = 1.0
"""Real seconds between looks at the chain."""


class Responder:
    """Answers with the account's leaf behind the newest batch that a verifier found right.

    The verifier is kept up to date before anybody asks: a long journal takes longer to replay than there is time to
    answer.

    Args:
        requests: The contract that questions come from.
        verifier: Whose state is shown; somebody else has it advance.
        sender: Pays for the answers, and receives the stakes.
    """

    def __init__(self, requests: Reconciliations, verifier: Verifier, sender: Sender) -> None:
        self._requests = requests
        self._verifier = verifier
        self._sender = sender
        self._asked: set[int] = set()
        self._next_block = 0

    @property
    def address(self) -> str:
        """Address of the contract that questions come from."""
        return self._requests.address

    async def look(self) -> int:
        """Answers what is asked and can be answered now: where a batch was committed since. Returns how much that was.

        Raises:
            ChainError: When the chain does not answer.
        """
        for subaccount, block in await self._requests.asked(max(self._next_block - REORG_BLOCKS, 0)):
            self._asked.add(subaccount)
            self._next_block = block
        waiting = []
        for subaccount in sorted(self._asked):
            request = await self._requests.request(subaccount)
            if request is None:
                self._asked.discard(subaccount)
            elif await self._is_answerable(request):
                waiting.append(request)
        waiting.sort(key=lambda request: request.deadline)
        return await self._answer([request.subaccount for request in waiting[:ANSWERS_AT_ONCE]]) if waiting else 0

    async def _is_answerable(self, request: Request) -> bool:
        if not self._verifier.headers:
            return False
        newest = self._verifier.headers[-1].index
        return await self._requests.committed_at(newest) > request.made_at

    async def _answer(self, subaccounts: list[int]) -> int:
        header, replica = self._verifier.headers[-1], self._verifier.replica
        paths = {each: replica.prove("accounts", account_key(each)) for each in subaccounts}
        try:
            answered = await self._requests.answer(self._sender, header, paths)
        except Reverted as error:
            log.info("answers_refused", subaccounts=subaccounts, error=str(error))
            return 0
        log.info("answered", subaccounts=answered, batch=header.index)
        return len(answered)


async def run_responder(chain: Chain, contract: str, key: Path, beacon: str | None, blobs: str | None) -> None:
    """Answers until cancelled.

    Raises:
        ChainError: When the settlement contract names nobody to ask.
    """
    sender = Sender(chain, read_key_file(key))
    verifier = Verifier(chain, contract, blobs=blob_source(chain, beacon, blobs))
    responder = Responder(await Reconciliations.find(chain, contract), verifier, sender)
    while True:
        try:
            found = await Reconciliations.find(chain, contract)
            if found.address != responder.address:
                responder = Responder(found, verifier, sender)
            await verifier.advance()
            await responder.look()
        except ChainError as error:
            log.warning("responder_retry", error=str(error))
        await asyncio.sleep(LOOK_SECONDS)
