"""Shows the leaves that somebody demands of batches that are right: silence would take them back."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from synchromesh._native import Replica
from synchromesh.settlement.posted import PostedBatch
from synchromesh.settlement.trace import posted_commands
from synchromesh.verification.challenger import Challenger
from synchromesh.verification.examine import MARK
from synchromesh.verification.openings import OpeningBook, Request
from synchromesh.verification.pruned import StatePath
from synchromesh.verification.replay import replay
from synchromesh.verification.saved import Verified
from synchromesh.verification.verify import Verifier

RETRY_SECONDS = 10
"""How long what the chain did not take is left alone, by its clock."""


class Answers:
    """Answers demands for leaves.

    Args:
        book: The demands, kept up to date by somebody else.
        verifier: Knows which batches are right.
        challenger: Sends the answers, and gets the stakes.
    """

    def __init__(self, book: OpeningBook, verifier: Verifier, challenger: Challenger) -> None:
        self._book, self._verifier, self._challenger = book, verifier, challenger
        # Until when demands are left alone that could not be answered, by their ids.
        self._refused: dict[int, int] = {}

    async def look(self, time: int) -> int:
        """Answers what is open, the most urgent first; returns how many.

        Args:
            time: Of the newest block.

        Raises:
            ChainError: When the chain does not answer.
        """
        numbers = {verified.hash: index for index, verified in enumerate(self._verifier.verified)}
        waiting = defaultdict[int, list[Request]](list)
        for request in sorted(self._book.open(), key=lambda each: each.deadline):
            if request.batch_hash in numbers and self._refused.get(request.id, 0) <= time <= request.deadline:
                waiting[numbers[request.batch_hash]].append(request)
        answered = 0
        for index, requests in waiting.items():
            # The batch is read once, whoever asks for how many of its leaves.
            paths = await self._paths(index, requests)
            taken = await self._challenger.answer(paths)
            answered += len(taken)
            for request in requests:
                if request.id not in taken:
                    self._refused[request.id] = time + RETRY_SECONDS
        return answered

    async def _paths(self, index: int, requests: list[Request]) -> dict[int, StatePath]:
        """The leaves that are demanded of one batch, by request; none where it has no mark with that root."""
        batch = await self._verifier.batch(index)
        if batch is None:
            return {}
        before = await self._verifier.state_before(index)
        return await asyncio.to_thread(_paths, before, batch, self._verifier.verified[index], requests)


def _paths(state: Replica, batch: PostedBatch, verified: Verified, requests: list[Request]) -> dict[int, StatePath]:
    found = {}
    for command in posted_commands(batch):
        step = command.steps[0]
        if step.kind == MARK:
            for request in [each for each in requests if each.root == step.root]:
                found[request.id] = StatePath.of(state.prove("instruments", request.key, command.record, 1))
            if len(found) == len(requests):
                break
        replay(state, [command], verified.chosen)
    return found
