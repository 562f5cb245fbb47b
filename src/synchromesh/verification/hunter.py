"""Demands the leaves that a hunt behind a wrong mark wants, until a challenge follows from the answers."""

from __future__ import annotations

import asyncio

import structlog

from synchromesh.verification.challenger import Challenger
from synchromesh.verification.dispute import Dispute, Kind
from synchromesh.verification.findings import Case
from synchromesh.verification.marks import FRONTIER, Hunt
from synchromesh.verification.openings import OpeningBook, Request
from synchromesh.verification.proofs import opened_step, parts

log = structlog.get_logger(__name__)


class Hunter:
    """Looks behind marks whose roots are not the right ones.

    Args:
        book: Demands and answers, kept up to date by somebody else.
        challenger: Whose account stakes and asks.
    """

    def __init__(self, book: OpeningBook, challenger: Challenger) -> None:
        self._book, self._challenger = book, challenger
        self._reclaimed: set[int] = set()

    async def disputes_of(self, case: Case, time: int) -> list[Dispute]:
        """Returns the challenge of a mark, or nothing while answers are awaited.

        Args:
            case: The mark.
            time: Of the newest block.

        Raises:
            Unprovable: When what was shown leads nowhere.
            Reverted: When it is too late to ask, or the account has not enough tokens.
            ChainError: When the node does not answer.
        """
        command, _ = parts(case)
        demanded, answers = self._book.about(case.batch.hash, command.steps[0].root)
        silent = [request for request in demanded if time > request.deadline]
        if silent:
            return [_silence(case, silent[0])]
        found = await asyncio.to_thread(lambda: Hunt(case, answers).next())
        if isinstance(found, Dispute):
            return [found]
        # Nobody waits for what others ask: an operator could ask itself, and answer late.
        asked = {request.key for request in demanded}
        ours = sum(request.requester == self._challenger.address for request in demanded)
        # Where nothing of what was asked before is of use any more, the most useful key is asked for beside it.
        room = max(FRONTIER - ours, asked.isdisjoint(found))
        missing = [key for key in found if key not in asked][:room]
        if missing:
            log.info("openings_requested", batch=case.finding.batch, keys=["0x" + key.hex() for key in missing])
            await self._challenger.ask(opened_step(case, 0), missing)
        return []

    async def reclaim(self, standing: set[bytes], time: int) -> None:
        """Takes back the stakes of demands that nobody answered, about batches that do not stand any more. Those of
        others go back as well while demands are dear: whoever leaves them open keeps the price up.

        Args:
            standing: Hashes of batches that the chain holds, as far as a demand may be about them.
            time: Of the newest block.

        Raises:
            ChainError: When the node does not answer.
        """
        over = [each for each in self._book.open() if each.batch_hash not in standing and time > each.deadline]
        left = [each for each in over if each.id not in self._reclaimed]
        if any(each.requester != self._challenger.address for each in left):
            dear = await self._challenger.demands_are_dear()
            left = [each for each in left if dear or each.requester == self._challenger.address]
        self._reclaimed |= await self._challenger.reclaim(sorted(each.id for each in left))


def _silence(case: Case, request: Request) -> Dispute:
    return Dispute(
        kind=Kind.SILENCE,
        finding=case.finding,
        batch_hash=case.batch.hash,
        position=0,
        function="challengeSilence",
        arguments=(request.id, case.batch.opening()),
    )
