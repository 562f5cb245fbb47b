"""The whole way out, step by step, as soon as each is possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from synchromesh.settlement.chain import Reverted
from synchromesh.settlement.exits.errors import NothingToDo, NotYet
from synchromesh.settlement.exits.leaving import Exit, Move
from synchromesh.settlement.exits.venue import Phase, Standing, describe


async def leave(exit_: Exit, poll: float) -> AsyncIterator[Move | Standing]:
    """Makes every step that is possible, waits for the next, and ends when the owner is paid.

    Args:
        exit_: The owner's way out.
        poll: Real seconds between looks at the chain.

    Yields:
        Each step made, and where the venue is while there is nothing to do but wait.

    Raises:
        NotYet: When the venue runs, and no inbox item waits.
        NothingToDo: When there was nothing to do for the owner.
        ChainError: When the chain refuses.
    """
    made, refusal = 0, ""
    while True:
        standing, before = await exit_.venue.standing(), made
        try:
            async for move in _steps(exit_, standing):
                made, refusal = made + 1, ""
                yield move
        except (NotYet, Reverted) as error:
            # Somebody else may have done it in the meantime; whoever is refused the same twice is simply refused.
            if str(error) == refusal:
                raise
            refusal = str(error)
            continue
        if standing.phase is Phase.PAYMENTS and made == before:
            break
        if standing.phase is Phase.LIVE and not standing.waits:
            raise NotYet(describe(standing))
        if standing.phase in (Phase.LIVE, Phase.CHALLENGES, Phase.CLAIMS):
            yield standing
            await asyncio.sleep(poll)
    if not made:
        raise NothingToDo("the owner has nothing here that was not paid")


async def _steps(exit_: Exit, standing: Standing) -> AsyncIterator[Move]:
    """What can be done where the venue is."""
    steps: list[Callable[[], Awaitable[list[Move]]]] = [exit_.claim_withdrawals]
    if standing.frozen:
        steps.append(exit_.return_deposits)
    match standing.phase:
        case Phase.OVERDUE:
            yield await exit_.freeze()
        case Phase.READY:
            yield await exit_.open()
        case Phase.CLAIMS:
            steps += [exit_.claim]
        case Phase.PAYMENTS:
            steps += [exit_.claim, exit_.pay]
    refused: Reverted | None = None
    for step in steps:
        try:
            moves = await step()
        except NothingToDo:
            continue
        except Reverted as refusal:
            # An account too large to claim, say: what else is the owner's is paid all the same.
            refused = refused or refusal
            continue
        for move in moves:
            yield move
    if refused is not None:
        raise refused
