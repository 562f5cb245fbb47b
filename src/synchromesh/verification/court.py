"""What the chain would say of a challenge, asked without sending it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import islice

import structlog
from web3.contract import AsyncContract

from synchromesh.settlement.chain import Chain, ChainError, Reverted, chain_errors
from synchromesh.settlement.contracts import ZERO_ADDRESS
from synchromesh.verification.dispute import Dispute, try_out
from synchromesh.verification.findings import Case
from synchromesh.verification.proofs import disputes_of

log = structlog.get_logger(__name__)

CALLS_AT_ONCE = 8
"""Questions that the node has to answer at the same time."""
DISPUTES_AT_ONCE = 64
"""Challenges that are made before the first of them is tried: there may be very many of one command."""
ATTEMPTS = 3
"""Times that a node is asked which answers, but not this question."""
PAUSE_SECONDS = 0.5
"""Real seconds between them."""
NOT_THERE = "BatchNotPending"
"""What a node says that does not know the batch yet, or not any more."""


class Court:
    """Asks the contracts to judge; from no account in particular, since nothing is sent.

    Args:
        chain: The chain.

    Attributes:
        unjudged: How many steps the node could not judge, though it answers: a witness beyond its limits, say.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._free = asyncio.Semaphore(CALLS_AT_ONCE)
        self.unjudged = 0

    async def convicted(self, cases: Sequence[Case], challenges: AsyncContract) -> Case | None:
        """Returns the first of some cases in which a challenge would prove something.

        Args:
            cases: The cases, in the order of the journal.
            challenges: The venue's ``Challenges``.

        Raises:
            ChainError: When the node does not answer.
        """
        verdicts = await asyncio.gather(*(self._judge(case, challenges) for case in cases))
        return next((case for case, guilty in zip(cases, verdicts, strict=True) if guilty), None)

    async def _judge(self, case: Case, challenges: AsyncContract) -> bool:
        left = disputes_of(case)
        while some := await asyncio.to_thread(lambda: list(islice(left, DISPUTES_AT_ONCE))):
            if any(await asyncio.gather(*(self._convicts(each, challenges) for each in some))):
                return True
        return False

    async def _convicts(self, dispute: Dispute, challenges: AsyncContract) -> bool:
        async with self._free:
            for attempt in range(ATTEMPTS):
                try:
                    await try_out(dispute, challenges, ZERO_ADDRESS)
                except Reverted as error:
                    if NOT_THERE in str(error):
                        raise ChainError(f"batch {dispute.finding.batch} is not where it was: {error}") from error
                    return False
                except ChainError as error:
                    # A node that is there and does not take this one question must not keep us from all that follows.
                    with chain_errors():
                        await self._chain.web3.eth.block_number
                    reason = str(error)
                    if attempt + 1 < ATTEMPTS:
                        await asyncio.sleep(PAUSE_SECONDS)
                else:
                    return True
        log.warning("step_not_judged", batch=dispute.finding.batch, step=dispute.position, reason=reason)
        self.unjudged += 1
        return False
