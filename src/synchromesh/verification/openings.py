"""Demands to see a leaf behind an asserted root, and the answers to them, as the chain holds them."""

from __future__ import annotations

from typing import Any

import msgspec
from web3.contract import AsyncContract

from synchromesh.settlement.chain import REORG_BLOCKS, Chain, chain_errors
from synchromesh.verification.pruned import StatePath


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A demand to see a leaf.

    Attributes:
        id: Its id.
        batch_hash: The batch.
        root: State root behind the mark.
        key: Key of the leaf.
        deadline: Until when it may be answered, s of the chain's time.
        requester: Who demands it.
    """

    id: int
    batch_hash: bytes
    root: bytes
    key: bytes
    deadline: int
    requester: str


class Answer(msgspec.Struct, frozen=True):
    """An answer.

    Attributes:
        key: Key that was asked for.
        path: What was shown: the leaf, or the one at which the search for it ends.
    """

    key: bytes
    path: StatePath


class OpeningBook:
    """Follows requests and answers.

    Args:
        chain: The chain.
        challenges: The venue's ``Challenges``.
    """

    def __init__(self, chain: Chain, challenges: AsyncContract) -> None:
        self._chain, self._challenges = chain, challenges
        self._next_block = 0
        # Each with the block that it stands in.
        self._requests: dict[int, tuple[int, Request]] = {}
        self._answers: dict[int, tuple[int, StatePath]] = {}

    async def update(self) -> None:
        """Reads what is new.

        Raises:
            ChainError: When the node does not answer.
        """
        events = self._challenges.events
        with chain_errors():
            latest = int(await self._chain.web3.eth.block_number)
        first = max(min(self._next_block, latest) - REORG_BLOCKS, 0)
        requested = [log async for log in self._chain.logs(events.OpeningRequested, first, latest)]
        answered = [log async for log in self._chain.logs(events.OpeningAnswered, first, latest)]
        # What these blocks held may have gone back with them: an answer that nobody gives again is no answer.
        self._requests = {key: found for key, found in self._requests.items() if found[0] < first}
        self._answers = {key: found for key, found in self._answers.items() if found[0] < first}
        for log in requested:
            request = _request(log["args"])
            self._requests[request.id] = int(log["blockNumber"]), request
        for log in answered:
            self._answers[int(log["args"]["id"])] = int(log["blockNumber"]), _path(log["args"]["path"])
        self._next_block = latest + 1

    def open(self) -> list[Request]:
        """Returns the requests without an answer."""
        return [request for _, request in self._requests.values() if request.id not in self._answers]

    def about(self, batch_hash: bytes, root: bytes) -> tuple[list[Request], list[Answer]]:
        """Returns what is open and what was answered about the root behind one mark."""
        found = [each for _, each in self._requests.values() if (each.batch_hash, each.root) == (batch_hash, root)]
        answers = [Answer(each.key, self._answers[each.id][1]) for each in found if each.id in self._answers]
        return [each for each in found if each.id not in self._answers], answers


def _request(found: Any) -> Request:
    return Request(
        id=int(found["id"]),
        batch_hash=bytes(found["batchHash"]),
        root=bytes(found["root"]),
        key=bytes(found["key"]),
        deadline=int(found["deadline"]),
        requester=str(found["requester"]),
    )


def _path(found: Any) -> StatePath:
    return StatePath(
        tuple(bytes(root) for root in found["trees"]),
        bytes(found["key"]),
        bytes(found["value"]),
        tuple(int(bit) for bit in found["bits"]),
        tuple(bytes(sibling) for sibling in found["siblings"]),
    )
