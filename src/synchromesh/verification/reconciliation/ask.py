"""Asks for an account, waits for the answer, and does what is due when there is none."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
from web3.types import BlockData

from synchromesh.settlement.chain import Chain, Reverted, chain_errors
from synchromesh.settlement.sender import Sender
from synchromesh.verification.reconciliation.requests import Answer, Reconciliations

POLL_SECONDS = 0.5
"""Real seconds between looks at the chain."""


class Outcome(msgspec.Struct, frozen=True):
    """How a question ended.

    Attributes:
        subaccount: The account asked for.
        answer: What was shown; None: nobody answered in time, and the venue is frozen.
    """

    subaccount: int
    answer: Answer | None


async def reconcile(chain: Chain, contract: str, secret: bytes, subaccount: int) -> Outcome:
    """Asks for an account, unless somebody has, and returns when it was answered, or the venue is frozen for it.

    Args:
        chain: The chain.
        contract: Settlement contract, hex.
        secret: Key that pays for stake and transactions.
        subaccount: The account.

    Raises:
        ChainError: When the chain does not answer; Reverted when the contract refuses.
    """
    requests, sender = await Reconciliations.find(chain, contract), Sender(chain, secret)
    begin = await _newest(chain)
    if await requests.request(subaccount) is None:
        await requests.ask(sender, subaccount)
    while True:
        request = await requests.request(subaccount)
        if request is None:
            answer = await requests.answered(subaccount, int(begin["number"]) + 1)
            if answer is not None or await requests.is_frozen():
                return Outcome(subaccount, answer)
            # A reorg took the question back.
            await requests.ask(sender, subaccount)
        elif await requests.is_frozen():
            # For another reason: nobody answers any more.
            with contextlib.suppress(Reverted):
                await requests.reclaim(sender, subaccount)
        elif int((await _newest(chain))["timestamp"]) > request.deadline:
            # Refused where an answer or another accuser came first, or while the guardian pauses batches.
            with contextlib.suppress(Reverted):
                await requests.punish(sender, subaccount)
        await asyncio.sleep(POLL_SECONDS)


async def _newest(chain: Chain) -> BlockData:
    with chain_errors():
        return await chain.web3.eth.get_block("latest")
